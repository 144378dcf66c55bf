// SPDX-License-Identifier: Apache-2.0
// vidra status: how the running sensor is, from the same text that Prometheus reads.
#include <fmt/format.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <map>
#include <memory>
#include <thread>

#include "daemon/base/clock.h"
#include "daemon/base/text.h"
#include "daemon/judge/clocks.h"
#include "daemon/tool/commands.h"
#include "daemon/tool/scrape.h"
#include "daemon/traffic/overload.h"
#include "dissectors/message.h"

namespace vidra {
namespace {

std::atomic<bool> enough{false};

// What the sensor says, whole; or why not, and what to type.
std::string ask(const std::string& path, std::string& error) {
  sockaddr_un a{};
  a.sun_family = AF_UNIX;
  if (path.size() >= sizeof a.sun_path) return error = fmt::format("{}: too long for a socket's name", path), "";
  std::memcpy(a.sun_path, path.data(), path.size());
  const int s = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  std::string text;
  if (s < 0 || ::connect(s, reinterpret_cast<const sockaddr*>(&a), sizeof a) != 0) {
    const int why = errno;
    error = fmt::format("{}: {}", path, why == ENOENT || why == ECONNREFUSED ? "no sensor runs here; type: systemctl status vidra-sensor" : why == EACCES ? "not permitted; type: sudo vidra status, or let this user into the group vidra" : std::strerror(why));
  } else {
    const timeval most{3, 0};
    ::setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
    char part[16'384];
    ssize_t n;
    while ((n = ::recv(s, part, sizeof part, 0)) > 0) text.append(part, size_t(n));
    if (text.empty()) error = fmt::format("{}: the sensor says nothing; type: systemctl status vidra-sensor", path);
  }
  if (s >= 0) ::close(s);
  return text;
}

std::string bar(double part, int width, bool colour) {
  part = std::clamp(std::isnan(part) ? 0.0 : part, 0.0, 1.0);
  constexpr const char* eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const int all = int(std::lround(part * width * 8));
  std::string out;
  for (int i = 0; i < all / 8; i++) out += "█";
  out += eighths[all % 8];
  for (int i = all / 8 + (all % 8 ? 1 : 0); i < width; i++) out += "·";
  return colour ? "\033[36m" + out + "\033[0m" : out;
}

std::string rate(double v, std::string_view unit) { return v >= 1e6 ? fmt::format("{:.1f} M{}", v / 1e6, unit) : v >= 1e3 ? fmt::format("{:.1f} k{}", v / 1e3, unit) : fmt::format("{:.0f} {}", v, unit); }

std::string ago(double since, double now) { return human_duration(Time(std::max(0.0, now - since)) * second); }

// `before`: the page a moment ago, for what happens in a second; empty at the first look.
std::string page(const Scrape& now, const Scrape& before, double passed, double clock, bool colour) {
  const auto mark = [&](bool bad, const std::string& s) { return !colour ? s : bad ? "\033[1;31m" + s + "\033[0m" : s; };
  const auto per_second = [&](std::string_view family, const Labels& l) {
    const auto a = now.value(family, l), b = before.value(family, l);
    return a && b && passed > 0 ? std::max(0.0, (*a - *b) / passed) : 0.0;
  };
  std::string out;
  const Labels about = now.labels("info").empty() ? Labels{} : now.labels("info").front();
  const auto of = [&](const Labels& l, const std::string& key) { const auto at = l.find(key); return at == l.end() ? std::string{} : at->second; };
  out += fmt::format("{}   vidra {}   key {}   up {}   {}\n\n", of(about, "sensor"), of(about, "version"), of(about, "key"), ago(now.value("start_time_seconds").value_or(clock), clock),
                     now.value("learning").value_or(0) > 0 ? "learning" : "watching");

  for (const Labels& l : now.labels("lists_flaws")) out += mark(true, "list or rule not in force") + "  " + of(l, "flaw") + "\n";
  if (!now.labels("lists_flaws").empty()) out += fmt::format("  {} lines of lists are refused; `vidra check FILE.toml` shows all, corrected lists are read again by themselves\n\n", uint64_t(now.value("lists_refused_lines").value_or(0)));

  double most = 1;
  for (const Labels& l : now.labels("interface_packets_total")) most = std::max(most, per_second("interface_octets_total", l));
  for (const Labels& l : now.labels("interface_packets_total")) {
    const bool up = now.value("interface_up", l).value_or(0) > 0;
    const double octets = per_second("interface_octets_total", l);
    const auto blind = now.value("interface_blind_since_seconds", l);
    double dropped = 0;
    bool known = false;
    for (const char* by : {"card", "kernel", "sensor"}) {
      Labels with = l;
      with["by"] = by;
      if (const auto v = now.value("interface_dropped_total", with)) dropped += *v, known = known || std::string_view(by) != "sensor";
    }
    out += fmt::format("{:<12} {} {:>12} {:>12}   {} frames{}", of(l, "interface"), bar(before.empty() ? 0 : octets / most, 16, colour), rate(per_second("interface_packets_total", l), "pkt/s"), rate(octets * 8, "bit/s"),
                       human_count(uint64_t(now.value("interface_packets_total", l).value_or(0))), known ? "" : ", losses unknown");
    if (dropped > 0) out += ", " + mark(true, human_count(uint64_t(dropped)) + " dropped");
    if (blind) out += ", " + mark(true, fmt::format("BLIND for {}", ago(*blind, clock)));
    else if (!up) out += ", " + mark(true, "DOWN");
    else if (const auto last = now.value("interface_last_frame_seconds", l); last && clock - *last > 10) out += ", " + mark(true, fmt::format("silent for {}", ago(*last, clock)));
    else if (now.value("interface_packets_total", l).value_or(0) == 0) out += ", " + mark(true, "nothing heard yet");
    out += '\n';
  }

  double decoded = 0, opaque = 0, lost = 0;
  for (const Labels& l : now.labels("payload_octets_total")) {
    const double v = now.value("payload_octets_total", l).value_or(0);
    const std::string kind = of(l, "kind");
    (kind == "decoded" ? decoded : kind == "opaque" ? opaque : lost) += v;
  }
  const double payload = decoded + opaque + lost;
  out += "\npayload\n";
  for (const auto& [name, v] : {std::pair{"decoded", decoded}, std::pair{"opaque", opaque}, std::pair{"lost", lost}})
    out += fmt::format("  {:<10} {} {:>5.1f} %   {}\n", name, bar(payload ? v / payload : 0, 16, colour), payload ? 100 * v / payload : 0.0, human_bytes(uint64_t(v)));

  std::vector<std::pair<double, std::string>> spoken;
  for (const Labels& l : now.labels("records_total")) spoken.emplace_back(now.value("records_total", l).value_or(0), of(l, "protocol"));
  std::sort(spoken.rbegin(), spoken.rend());
  if (!spoken.empty()) out += "\nprotocols\n";
  for (size_t i = 0; i < std::min<size_t>(spoken.size(), 8); i++)
    out += fmt::format("  {:<10} {} {:>10} records{}\n", spoken[i].second, bar(spoken[i].first / spoken[0].first, 16, colour), human_count(uint64_t(spoken[i].first)),
                       [&] { const double m = now.value("malformed_total", {{"protocol", spoken[i].second}}).value_or(0); return m > 0 ? fmt::format(", {} malformed", human_count(uint64_t(m))) : std::string{}; }());
  if (spoken.size() > 8) out += fmt::format("  and {} more\n", spoken.size() - 8);

  const auto clocks = now.labels("clock_offset_seconds");
  if (!clocks.empty()) {
    std::vector<ClockLine> lines;
    for (const Labels& l : clocks) {
      const auto time = [&](const char* family) { return Time(now.value(family, l).value_or(0) * 1e9); };
      static constexpr std::string_view said[] = {"yes", "no", "not said"};
      std::string_view synchronised = "not said";
      for (std::string_view w : said)
        if (w == of(l, "synchronised")) synchronised = w;
      lines.push_back({of(l, "clock"), name_of(kind_of(of(l, "by"))), std::strtoull(of(l, "station").c_str(), nullptr, 10), 0, time("clock_offset_seconds"), time("clock_spread_seconds"), time("clock_zone_seconds"), time("clock_last_seconds"), synchronised});
    }
    ClockAgreement agreed;
    if (const auto by = now.labels("clock_error_seconds"); !by.empty()) agreed.by = kind_of(of(by[0], "by")), agreed.error = Time(now.value("clock_error_seconds").value_or(0) * 1e9);
    out += "\nclocks\n";
    size_t shown = 0;
    const std::string table = clock_text(lines, agreed, Time(clock * 1e9));
    for (size_t at = 0; at < table.size() && shown < 12; shown++) {
      const size_t end = std::min(table.find('\n', at), table.size());
      out += "  " + table.substr(at, end - at) + '\n';
      at = end + 1;
    }
    if (lines.size() + 2 > 12) out += fmt::format("  and {} more: vidra status --metrics\n", lines.size() + 2 - 12);
  }

  if (const auto differing = now.labels("unreviewed_differences"); !differing.empty()) {
    std::map<std::string, std::vector<std::string>> newest;                   // of each device
    for (const Labels& l : now.labels("unreviewed_difference")) newest[of(l, "device")].push_back(fmt::format("{:<8} {}", of(l, "detection"), of(l, "what")));
    std::vector<std::pair<double, std::string>> devices;
    double all = 0;
    for (const Labels& l : differing) devices.emplace_back(now.value("unreviewed_differences", l).value_or(0), of(l, "device")), all += devices.back().first;
    std::sort(devices.rbegin(), devices.rend());
    const auto count = [](double n) { return n == 1 ? std::string("1 difference") : human_count(uint64_t(n)) + " differences"; };
    out += fmt::format("\nnot as imported, and silent until somebody has read it: {}; vidra diff --review\n", count(all));
    double shown = 0;
    for (size_t i = 0; i < devices.size(); i++) {
      if (i == 12) {
        out += fmt::format("  and {} more devices: vidra status --metrics\n", devices.size() - i);
        break;
      }
      const auto& [n, device] = devices[i];
      out += fmt::format("  {}: {}\n", device, count(n));
      for (const std::string& line : newest[device])
        if (shown < 12) out += "    " + line + '\n', shown++;
    }
    if (shown < all) out += fmt::format("  {} of them are named here: vidra status --metrics names the newest 64, vidra diff all\n", human_count(uint64_t(shown)));
    if (const double unkept = now.value("unreviewed_unkept_total").value_or(0); unkept > 0) out += "  " + mark(true, human_count(uint64_t(unkept)) + " findings of others found no place in the list") + ": vidra diff says what differs\n";
  }

  const double unsaid = now.value("findings_dropped_total").value_or(0);
  double shed = 0;
  for (const Labels& l : now.labels("shed_total")) shed += now.value("shed_total", l).value_or(0);
  const auto plan = Plan(std::clamp(now.value("plan").value_or(0), 0.0, double(Plan::measurements)));
  out += fmt::format("\njudged     {} messages, {} findings, {} stories{}\n", human_count(uint64_t(now.value("messages_total").value_or(0))), human_count(uint64_t(now.value("findings_total").value_or(0))),
                     human_count(uint64_t(now.value("stories_total").value_or(0))), unsaid > 0 ? ", " + mark(true, human_count(uint64_t(unsaid)) + " findings found no room") : "");
  if (shed > 0) out += fmt::format("left out   {} messages and frames, for want of time\n", mark(true, human_count(uint64_t(shed))));
  if (plan != Plan::all) out += fmt::format("{} {}\n", mark(true, "DEGRADED"), text_of(plan));
  if (now.value("evidence_failing")) {
    double not_kept = 0;
    for (const Labels& l : now.labels("evidence_not_kept_total")) not_kept += now.value("evidence_not_kept_total", l).value_or(0);
    out += "evidence  ";
    for (const Labels& l : now.labels("evidence_octets")) {
      const auto oldest = now.value("evidence_oldest_seconds", l);
      out += fmt::format(" {} {}{},", of(l, "sort"), human_bytes(uint64_t(now.value("evidence_octets", l).value_or(0))), oldest ? fmt::format(" ({} back)", ago(*oldest, clock)) : "");
    }
    out += fmt::format(" {} sets ({})", human_count(uint64_t(now.value("evidence_sets").value_or(0))), human_bytes(uint64_t(now.value("evidence_sets_octets").value_or(0))));
    if (not_kept > 0) out += ", " + mark(true, human_count(uint64_t(not_kept)) + " frames not kept");
    if (now.value("evidence_failing").value_or(0) > 0) out += ", " + mark(true, "FAILING: the journal says why");
    out += '\n';
  }
  for (const Labels& l : now.labels("collector_connected")) {
    const std::string name = of(l, "collector");
    double waiting = 0, gone = 0;
    for (const char* lane : {"critical", "alert", "state"}) {
      waiting += now.value("outbox_waiting", {{"collector", name}, {"lane", lane}}).value_or(0);
      gone += now.value("outbox_lost_total", {{"collector", name}, {"lane", lane}}).value_or(0);
    }
    const bool well = now.value("collector_connected", l).value_or(0) > 0;
    out += fmt::format("{:<10} {}", name, mark(!well, of(l, "text").empty() ? of(l, "state") : of(l, "text")));
    if (waiting > 0) out += fmt::format(", {} records wait", human_count(uint64_t(waiting)));
    if (gone > 0) out += ", " + mark(true, human_count(uint64_t(gone)) + " lost");
    for (const Labels& w : now.labels("withheld_total"))
      if (const double n = now.value("withheld_total", w).value_or(0); n > 0 && of(w, "collector") == name) out += fmt::format(", {} kept back: marked above TLP:{}", human_count(uint64_t(n)), of(w, "tlp"));
    if (now.value("outbox_failing", {{"collector", name}}).value_or(0) > 0) out += ", " + mark(true, "THE DISK TAKES NOTHING");
    out += '\n';
  }
  return out;
}

int status_page(const std::string& path, bool once, bool raw, double every) {
  const bool screen = isatty(STDOUT_FILENO) && !once && !raw;
  Scrape before;
  double then = 0;
  for (bool first = true; !enough; first = false) {
    std::string error;
    const std::string text = ask(path, error);
    const double clock = double(wall_now()) / 1e9;
    if (!error.empty() && !screen) return fmt::print(stderr, "vidra status: {}\n", error), exit_failed;
    if (raw) return std::fwrite(text.data(), 1, text.size(), stdout), exit_done;
    Scrape now = Scrape::parse(text);
    // One look shows no rates; two looks, a second apart, do.
    if (!screen && first) {
      before = std::move(now), then = clock;
      std::this_thread::sleep_for(std::chrono::milliseconds(1000));
      continue;
    }
    std::string shown = error.empty() ? page(now, before, clock - then, clock, screen) : error + "\n";
    if (screen) {
      winsize w{};
      size_t rows = ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_row > 2 ? w.ws_row - 1u : 24;
      std::string lines = "\033[H";
      for (size_t at = 0; at < shown.size() && rows > 0; rows--) {
        const size_t end = std::min(shown.find('\n', at), shown.size());
        lines += shown.substr(at, end - at) + "\033[K\n";
        at = end + 1;
      }
      fmt::print("{}\033[J", lines);
      std::fflush(stdout);
    } else {
      fmt::print("{}", shown);
      return exit_done;
    }
    before = std::move(now), then = clock;
    for (int i = 0; i < int(every * 20) && !enough; i++) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return exit_done;
}

}  // namespace

void add_status(CommandLine app, int& status) {
  struct Options {
    std::string socket = "/run/vidra/vidra.sock";
    bool once = false, raw = false;
    double every = 1;
  };
  const CommandLine c = app.command("status", "how the running sensor is: what it hears, understands, finds and delivers; refreshes");
  auto o = std::make_shared<Options>();
  c.option("--socket", o->socket, "the sensor's socket (/run/vidra/vidra.sock)");
  c.flag("--once", o->once, "one page, then end; so it is where the output is no terminal");
  c.flag("--metrics", o->raw, "the text itself, as Prometheus reads it");
  c.option("--every", o->every, "seconds between two pages (1)").within(0.1, 3600.0);
  c.runs([o, &status] {
    struct sigaction stop{};
    stop.sa_handler = [](int) { enough = true; };
    stop.sa_flags = int(SA_RESETHAND);
    sigaction(SIGINT, &stop, nullptr);
    if (isatty(STDOUT_FILENO) && !o->once && !o->raw) fmt::print("\033[2J");
    status = status_page(o->socket, o->once, o->raw, o->every);
  });
}

}  // namespace vidra
