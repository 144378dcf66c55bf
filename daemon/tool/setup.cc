// SPDX-License-Identifier: Apache-2.0
#include "daemon/tool/setup.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>

#include "daemon/base/output.h"
#include "daemon/link/keys.h"
#include "daemon/tool/commands.h"

namespace vidra {
namespace {

using Kind = CaptureGroup::Kind;

std::string_view shipped_settings() {
  return
#include "vidra_toml.h"
      ;
}

struct SetupOptions {
  Answers answers;
  std::string attached, answers_file, output = "/etc/vidra/vidra.toml";
  bool force = false, yes = false, defaults = false, print = false;
};

int fail(const std::string& what, int status = exit_failed) { return fmt::print(stderr, "vidra setup: {}\n", what), status; }

std::string read_line(const std::string& path) {
  std::ifstream in(path);
  std::string s;
  std::getline(in, s);
  return s;
}

// A card as a person chooses it.
struct Card {
  std::string name, about;
  bool carries = false;      // this machine speaks through it: an address or the default route
};

std::vector<Card> cards() {
  std::vector<std::string> addressed;
  ifaddrs* all = nullptr;
  if (getifaddrs(&all) == 0) {
    for (const ifaddrs* a = all; a; a = a->ifa_next)
      if (a->ifa_addr && (a->ifa_addr->sa_family == AF_INET)) addressed.emplace_back(a->ifa_name);
    freeifaddrs(all);
  }
  std::vector<Card> found;
  std::error_code none;
  for (const auto& e : std::filesystem::directory_iterator("/sys/class/net", none)) {
    Card c;
    c.name = e.path().filename().string();
    const std::string sys = e.path().string();
    if (std::strtoul(read_line(sys + "/flags").c_str(), nullptr, 16) & IFF_LOOPBACK) continue;
    if (!std::filesystem::exists(sys + "/flags", none)) continue;          // bonding_masters
    const std::string state = read_line(sys + "/operstate"), speed = read_line(sys + "/speed");
    c.about = state == "unknown" ? "up" : state;
    if (!speed.empty() && speed[0] != '-' && speed != "0") c.about += fmt::format(", {} Mbit/s", speed);
    std::error_code no_link;
    const auto driver = std::filesystem::read_symlink(sys + "/device/driver", no_link);
    if (!no_link) c.about += ", " + driver.filename().string();
    c.about += ", " + read_line(sys + "/address");
    c.carries = std::find(addressed.begin(), addressed.end(), c.name) != addressed.end();
    if (c.carries) c.about += "; has an address of this machine's";
    found.push_back(std::move(c));
  }
  std::sort(found.begin(), found.end(), [](const Card& a, const Card& b) { return std::pair(a.carries, a.name) < std::pair(b.carries, b.name); });
  return found;
}

std::vector<std::string> words(std::string_view s) {
  std::vector<std::string> out;
  for (size_t at = 0; at < s.size();) {
    const size_t end = std::min(s.find_first_of(", \t", at), s.size());
    if (end > at) out.emplace_back(s.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

// One person at a terminal. Every question has a default; what is wrong is said, and asked again.
class Talk {
 public:
  struct Left {};                              // the person left: nothing is written
  std::string ask(const std::string& question, const std::string& fallback, const std::function<std::string(const std::string&)>& flaw) {
    for (;;) {
      fmt::print("{}{}: ", question, fallback.empty() ? "" : fmt::format(" [{}]", fallback));
      std::fflush(stdout);
      std::string line;
      if (!std::getline(std::cin, line)) throw Left{};
      while (!line.empty() && (line.back() == ' ' || line.back() == '\r' || line.back() == '\t')) line.pop_back();
      line.erase(0, std::min(line.find_first_not_of(" \t"), line.size()));
      if (line.empty()) line = fallback;
      const std::string wrong = flaw(line);
      if (wrong.empty()) return line;
      fmt::print("  {}\n", wrong);
    }
  }
  size_t choose(const std::string& question, const std::vector<std::string>& choices, size_t fallback) {
    for (size_t i = 0; i < choices.size(); i++) fmt::print("  {}  {}\n", i + 1, choices[i]);
    const std::string said = ask(question, fmt::format("{}", fallback + 1), [&](const std::string& s) {
      return s.size() == 1 && s[0] >= '1' && size_t(s[0] - '1') < choices.size() ? std::string{} : fmt::format("'{}': a number from 1 to {}", s, choices.size());
    });
    return size_t(said[0] - '1');
  }
};

const auto anything = [](const std::string&) { return std::string{}; };

void ask_all(Answers& a) {
  Talk talk;
  fmt::print("How does the traffic come to this machine? This decides what may be wrong with it.\n");
  if (!a.told_how)
    a.attached = Kind(talk.choose("attached", {"mirror: a switch copies its ports to one or more cards of this machine (SPAN)", "tap-pair: a TAP gives each direction to a card of its own",
                                               "prp-pair: one card in LAN A, one in LAN B of a redundant network (PRP)", "remote-mirror: a switch sends copies through the network (ERSPAN, GRE, VXLAN)"}, 0));
  a.told_how = true;
  if (a.interfaces.empty()) {
    const std::vector<Card> found = cards();
    const bool pair = a.attached == Kind::tap_pair || a.attached == Kind::prp_pair;
    fmt::print("\nWhich {}? Found here:\n", pair ? "two cards" : "card hears it");
    std::vector<std::string> names, free;
    for (const Card& c : found) {
      fmt::print("  {:<16} {}\n", c.name, c.about);
      names.push_back(c.name);
      if (c.carries == (a.attached == Kind::remote_mirror)) free.push_back(c.name);
    }
    if (found.empty()) fmt::print("  none but the loopback; a port that is bound to DPDK is named by its PCI address\n");
    if (a.attached != Kind::remote_mirror) fmt::print("A monitored card has no address: this machine must not speak through it.\n");
    const size_t wanted = pair ? 2 : 1;
    const std::string fallback = free.size() >= wanted ? pair ? free[0] + " " + free[1] : free[0] : "";
    const std::string said = talk.ask("interfaces", fallback, [&](const std::string& s) {
      const auto all = words(s);
      if (const std::string wrong = flaw_of_interfaces(a.attached, all); !wrong.empty()) return wrong;
      for (const std::string& one : all)
        if (one.find(':') == std::string::npos && one.find(',') == std::string::npos && !one.starts_with("net_") && std::find(names.begin(), names.end(), one) == names.end())
          return fmt::format("there is no {} here; there are {}", one, fmt::join(names, ", "));
      return std::string{};
    });
    a.interfaces = words(said);
  }
  if (a.site.empty()) fmt::print("\nThe site's name stands in every alert.\n"), a.site = talk.ask("site, like Alder 110/20 kV", "", anything);
  if (a.zone.empty()) {
    fmt::print("\nThe zone that is heard, and its address ranges, if you know them.\n");
    a.zone = talk.ask("zone, like station_bus; empty: none", "", anything);
    if (!a.zone.empty() && a.prefixes.empty())
      a.prefixes = words(talk.ask("address ranges, like 10.10.1.0/24; empty: none yet", "", [](const std::string& s) {
        for (const std::string& p : words(s))
          if (const std::string wrong = flaw_of_prefix(p); !wrong.empty()) return wrong;
        return std::string{};
      }));
  }
  if (a.collector.empty()) {
    fmt::print("\nWho is told? The collector's address and key stand there: vidra keys fingerprint\n");
    a.collector = talk.ask("collector, like tcp://cert.example:7421; empty: nobody yet", "", [](const std::string& s) { return s.empty() ? s : flaw_of_endpoint(s); });
  }
  if (!a.collector.empty()) {
    if (a.key.empty()) a.key = talk.ask("its key (40 characters)", "", flaw_of_key);
    fmt::print("  fingerprint {}: compare it with the collector's, by telephone\n", fingerprint_of_z85(a.key));
    fmt::print("\nHow far may the collector pass on what this sensor tells (traffic light protocol)?\n");
    a.tlp = tlps[talk.choose("tlp", {"CLEAR: to everybody", "GREEN: within its community", "AMBER: within its organisation and its clients, on need", "AMBER+STRICT: within its organisation only", "RED: to the persons addressed only"},
                              size_t(std::find(std::begin(tlps), std::end(tlps), a.tlp) - std::begin(tlps)))];
    fmt::print("\nFindings about operations (who switched what) can leave as states and counts only.\n");
    a.operations_in_full = talk.choose("operations", {"states and counts only", "in full"}, a.operations_in_full) == 1;
  }
  fmt::print("\nFirst it learns what is usual, and raises only what needs no knowledge; then it watches.\n");
  a.learn_for = talk.ask("learns for", a.learn_for, flaw_of_duration);
}

// What only a file or the command line can get wrong; questions have said it already.
std::string flaw_of(const Answers& a) {
  if (!a.told_how) return fmt::format("how is it attached? --attached {}", fmt::join(attachments, ", --attached "));
  if (const std::string s = flaw_of_interfaces(a.attached, a.interfaces); !s.empty()) return s + "; type: --interface NAME for each";
  for (const std::string& p : a.prefixes)
    if (const std::string s = flaw_of_prefix(p); !s.empty()) return s;
  if (!a.prefixes.empty() && a.zone.empty()) return "address ranges belong to a zone: --zone NAME";
  if (!a.key.empty() && a.collector.empty()) return "a key belongs to a collector: --collector tcp://HOST:PORT";
  if (!a.collector.empty()) {
    for (const std::string& s : {flaw_of_endpoint(a.collector), flaw_of_collector_name(a.collector_name)})
      if (!s.empty()) return s;
    if (a.key.empty()) return "the collector's key is missing; there, `vidra keys fingerprint` prints it: --key KEY";
    if (const std::string s = flaw_of_key(a.key); !s.empty()) return s;
  }
  return flaw_of_duration(a.learn_for);
}

// The sensor reads what was written, before it gets its name: settings that are refused never lie there.
std::string flaw_of_text(const std::string& text) {
  std::string path = (std::filesystem::temp_directory_path() / "vidra-setup.XXXXXX").string();
  const int fd = ::mkostemp(path.data(), O_CLOEXEC);
  if (fd < 0) return fmt::format("{}: {}", path, std::strerror(errno));
  const bool written = ::write(fd, text.data(), text.size()) == ssize_t(text.size());
  ::close(fd);
  Problems problems;
  if (written) load_settings(path, problems);
  else problems.push_back(fmt::format("{}: {}", path, std::strerror(errno)));
  ::unlink(path.c_str());
  return problems.empty() ? "" : fmt::format("the sensor would refuse these answers: {}", fmt::join(problems, "; "));
}

void say_next(const Answers& a, const std::string& path) {
  fmt::print("\n{} is written. Next:\n", path);
  if (a.attached != Kind::remote_mirror)
    for (const std::string& i : a.interfaces)
      if (i.find(':') == std::string::npos && !i.starts_with("net_"))
        fmt::print("  sed 's/NAME/{0}/' {1}/quiet-port.network >/etc/systemd/network/10-vidra-{0}.network   # or: ip link set {0} arp off multicast off up; sysctl net.ipv6.conf.{0}.disable_ipv6=1\n"
                   "  sed \"s/ADDRESS/$(cat /sys/class/net/{0}/address)/\" {1}/quiet-port.link >/etc/systemd/network/10-vidra-{0}.link         # no joining of frames, no pause frames; from the next boot on\n", i, VIDRA_DATADIR);
  const bool installed = path == "/etc/vidra/vidra.toml";
  fmt::print("  vidra doctor --config {0}              # listens for a minute: is the mirror right?\n  {1}\n", path,
             installed ? "systemctl enable --now vidra-sensor" : fmt::format("vidrad --config {} --state ./state --print", path));
  if (!a.collector.empty()) fmt::print("  at the collector: vidra keys approve FINGERPRINT             # the sensor says its own when it starts\n");
}

int setup(SetupOptions& o) {
  if (o.defaults) return std::cout << shipped_settings() << std::flush, exit_done;
  Answers& a = o.answers;
  if (!o.answers_file.empty()) {
    Answers from_file;
    Problems problems;
    read_answers(o.answers_file, from_file, problems);
    for (const std::string& p : problems) fmt::print(stderr, "{}\n", p);
    if (!problems.empty()) return exit_failed;
    // The command line is the later word.
    if (o.attached.empty() && from_file.told_how) a.attached = from_file.attached, a.told_how = true;
    const Answers untouched;
    const auto take = [&](auto member) {
      if (a.*member == untouched.*member) a.*member = from_file.*member;
    };
    take(&Answers::interfaces), take(&Answers::name), take(&Answers::site), take(&Answers::zone), take(&Answers::prefixes), take(&Answers::collector);
    take(&Answers::key), take(&Answers::collector_name), take(&Answers::tlp), take(&Answers::operations_in_full), take(&Answers::learn_for);
  }
  if (!o.attached.empty()) a.attached = Kind(std::find(std::begin(attachments), std::end(attachments), o.attached) - std::begin(attachments)), a.told_how = true;
  std::error_code none;
  if (!o.print && !o.force && std::filesystem::exists(o.output, none))
    return fail(fmt::format("{} exists and is left as it is. To see what would be written: --print; to write elsewhere: -o FILE; to replace it: --force", o.output));
  if (isatty(STDIN_FILENO) && !o.yes && o.answers_file.empty()) {
    try {
      ask_all(a);
    } catch (const Talk::Left&) {
      return fail("left; nothing is written");
    }
  }
  if (const std::string wrong = flaw_of(a); !wrong.empty()) return fail(wrong, exit_usage);
  const std::string text = settings_text(a);
  if (const std::string wrong = flaw_of_text(text); !wrong.empty()) return fail(wrong, exit_usage);
  if (o.print) return std::cout << text << std::flush, exit_done;
  if (const auto folder = std::filesystem::path(o.output).parent_path(); !folder.empty()) std::filesystem::create_directories(folder, none);
  if (const std::string error = write_whole(o.output, text); !error.empty()) return fail(error + (errno == EACCES ? "; type: sudo vidra setup" : ""));
  say_next(a, o.output);
  return exit_done;
}

}  // namespace

void add_setup(CommandLine app, int& status) {
  const CommandLine c = app.command("setup", "asks how the sensor is attached, what it hears and whom it tells, and writes its settings");
  auto o = std::make_shared<SetupOptions>();
  c.option("--attached", o->attached, "mirror, tap-pair, prp-pair or remote-mirror").one_of({"mirror", "tap-pair", "prp-pair", "remote-mirror"});
  c.option("--interface,-i", o->answers.interfaces, "what is heard; once for each").any_words();
  c.option("--name", o->answers.name, "of the sensor, instead of the host's");
  c.option("--site", o->answers.site, "the site's name, like 'Alder 110/20 kV'");
  c.option("--zone", o->answers.zone, "the zone that is heard, like station_bus");
  c.option("--prefix", o->answers.prefixes, "an address range of the zone, like 10.10.1.0/24; once for each").any_words();
  c.option("--collector", o->answers.collector, "who is told: tcp://HOST:PORT");
  c.option("--key", o->answers.key, "the collector's key: there, vidra keys fingerprint");
  c.option("--collector-name", o->answers.collector_name, "what it is called here (cert)");
  c.option("--tlp", o->answers.tlp, "how far it may pass on: CLEAR, GREEN, AMBER, AMBER+STRICT, RED").one_of({"CLEAR", "GREEN", "AMBER", "AMBER+STRICT", "RED"});
  c.flag("--operations-in-full", o->answers.operations_in_full, "findings for operations leave in full, not as states and counts");
  c.option("--learn-for", o->answers.learn_for, "how long it learns before it watches, like 14d");
  c.option("--answers", o->answers_file, "a TOML file with these answers, the same words as keys; then nothing is asked");
  c.option("-o,--output", o->output, "the settings file (/etc/vidra/vidra.toml)");
  c.flag("--print", o->print, "write the settings to standard output, change nothing");
  c.flag("--force", o->force, "replace settings that exist");
  c.flag("--yes,-y", o->yes, "ask nothing: what is not on the command line has its default");
  c.flag("--defaults", o->defaults, "write every key with its default, commented, to standard output");
  c.runs([o, &status] { status = setup(*o); });
}

}  // namespace vidra
