// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <pwd.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>

#include "daemon/base/clock.h"
#include "daemon/base/text.h"
#include "daemon/capture/choose.h"
#include "daemon/capture/file.h"
#include "daemon/link/probe.h"
#include "daemon/sensor/settings.h"
#include "daemon/tool/commands.h"
#include "daemon/tool/mirror.h"

namespace vidra {
namespace {

// One line a check: what was looked at, what was found, and for what is not right what to type.
class Sheet {
 public:
  void good(const std::string& what, const std::string& found) { line("ok  ", what, found, {}); }
  void odd(const std::string& what, const std::string& found, const std::string& type) { odd_++, line("look", what, found, type); }
  void bad(const std::string& what, const std::string& found, const std::string& type) { bad_++, line("BAD ", what, found, type); }
  void remark(const MirrorLook::Remark& r) {
    odd_ += r.grade == MirrorLook::Grade::odd, bad_ += r.grade == MirrorLook::Grade::bad;
    line(r.grade == MirrorLook::Grade::good ? "ok  " : r.grade == MirrorLook::Grade::odd ? "look" : "BAD ", r.what, r.found, r.todo, r.where);
  }
  int end() const {
    fmt::print("\n{}\n", bad_ ? fmt::format("{} to mend before the sensor can work, {} to look at", bad_, odd_) : odd_ ? fmt::format("it can work; {} to look at", odd_) : "all is well");
    return bad_ ? exit_failed : exit_done;
  }

 private:
  static void line(std::string_view mark, const std::string& what, const std::string& found, const std::string& type, const std::string& where = "type") {
    fmt::print("{}  {:<12} {}\n", mark, what, found);
    if (!type.empty()) fmt::print("{:>18} {}: {}\n", "", where, type);
    std::fflush(stdout);
  }
  unsigned odd_ = 0, bad_ = 0;
};

std::string read_line(const std::string& path) {
  std::ifstream in(path);
  std::string s;
  std::getline(in, s);
  return s;
}

// Whether this program's network has it and /sys does not: a network namespace without a /sys of its own.
bool elsewhere(const std::string& name) {
  const unsigned index = if_nametoindex(name.c_str());
  return index && read_line("/sys/class/net/" + name + "/ifindex") != std::to_string(index);
}

void look_at_interface(Sheet& sheet, const std::string& name, bool remote) {
  const std::string sys = "/sys/class/net/" + name;
  if (elsewhere(name)) return sheet.bad(name, "it is there, but /sys shows another network: how it is, and what its card loses, cannot be read", "mount -t sysfs none /sys   (in the network namespace of the sensor)");
  if (!std::filesystem::exists(sys)) {
    std::string there;
    std::error_code none;
    for (const auto& e : std::filesystem::directory_iterator("/sys/class/net", none)) there += (there.empty() ? "" : ", ") + e.path().filename().string();
    return sheet.bad(name, fmt::format("there is no such interface; there are {}", there), "ip link   (then name the right one in [capture] interfaces)");
  }
  const unsigned long flags = std::strtoul(read_line(sys + "/flags").c_str(), nullptr, 16);
  if (!(flags & IFF_UP)) return sheet.bad(name, "it is down", fmt::format("ip link set {} up", name));
  const std::string state = read_line(sys + "/operstate");
  if (state == "down" || state == "lowerlayerdown") sheet.bad(name, "it is up, but nothing is plugged in at the other end", fmt::format("ip -s link show {}", name));
  else sheet.good(name, fmt::format("up, MTU {}", read_line(sys + "/mtu")));
  if (remote) return;      // a remote mirror comes to an address of this machine's
  // A monitored port says nothing of its own: no address, no ARP, no IPv6, no multicast.
  if (!(flags & IFF_NOARP)) sheet.odd(name, "the kernel may answer ARP on it", fmt::format("ip link set {} arp off multicast off", name));
  if (read_line("/proc/sys/net/ipv6/conf/" + name + "/disable_ipv6") == "0") sheet.odd(name, "the kernel speaks IPv6 on it by itself", fmt::format("sysctl net.ipv6.conf.{}.disable_ipv6=1", name));
  ifaddrs* all = nullptr;
  if (getifaddrs(&all) == 0) {
    for (const ifaddrs* a = all; a; a = a->ifa_next)
      if (name == a->ifa_name && a->ifa_addr && a->ifa_addr->sa_family == AF_INET) {
        char text[INET_ADDRSTRLEN];
        inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(a->ifa_addr)->sin_addr, text, sizeof text);
        sheet.odd(name, fmt::format("it has an address of its own, {}: a monitored port should have none", text), fmt::format("ip addr flush dev {}", name));
      }
    freeifaddrs(all);
  }
}

void look_at_permission(Sheet& sheet) {
  const int s = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
  if (s >= 0) return close(s), sheet.good("capture", "this user may listen");
  sheet.bad("capture", fmt::format("this user may not listen: {}", std::strerror(errno)), "systemctl start vidra-sensor   (or: setcap cap_net_raw+ep $(command -v vidrad))");
}

void look_at_clock(Sheet& sheet) {
  timex t{};
  const int state = adjtimex(&t);
  if (state == TIME_ERROR || (t.status & STA_UNSYNC)) sheet.odd("clock", "it is not steered: alerts will carry its error", "timedatectl set-ntp true   (or run chrony or ptp4l)");
  else sheet.good("clock", fmt::format("steered, estimated error {}", human_duration(Time(t.esterror) * microsecond)));
}

void look_at_state(Sheet& sheet, const std::string& state) {
  std::error_code none;
  if (!std::filesystem::is_directory(state, none)) return sheet.bad("state", fmt::format("{} does not exist", state), fmt::format("install -d -m 0700 {}", state));
  if (access(state.c_str(), W_OK) != 0) sheet.bad("state", fmt::format("{} cannot be written: {}", state, std::strerror(errno)), fmt::format("ls -ld {}", state));
  const auto space = std::filesystem::space(state, none);
  const std::string found = fmt::format("{}, {} free", state, human_bytes(space.available));
  if (space.available < (uint64_t{1} << 30)) sheet.odd("state", found, fmt::format("df -h {}", state));
  else sheet.good("state", found);
  struct stat st{};
  const std::string keys = state + "/sensor.keys";
  if (stat(keys.c_str(), &st) != 0) sheet.odd("keys", "none yet; the sensor makes them at its first start", "vidrad");
  else if (st.st_mode & 077) sheet.bad("keys", fmt::format("{} can be read by others", keys), fmt::format("chmod 0600 {}", keys));
  else sheet.good("keys", keys);
}

// How long the disk takes to keep a record: the sensor sends nothing before.
void look_at_disk(Sheet& sheet, const std::string& state) {
  std::string path = state + "/doctor.XXXXXX";
  const int fd = ::mkostemp(path.data(), O_CLOEXEC);
  if (fd < 0) return;                  // said already
  std::array<Time, 9> took{};
  const std::array<char, 4096> block{};
  bool good = true;
  for (Time& t : took) {
    const auto from = std::chrono::steady_clock::now();
    good = good && ::write(fd, block.data(), block.size()) == ssize_t(block.size()) && ::fdatasync(fd) == 0;
    t = std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now() - from).count();
  }
  const std::string why = good ? "" : std::strerror(errno);
  ::close(fd);
  ::unlink(path.c_str());
  if (!good) return sheet.bad("disk", fmt::format("{} cannot be written: {}", state, why), fmt::format("df -h {0}; dmesg | tail", state));
  std::nth_element(took.begin(), took.begin() + 4, took.end());
  const std::string found = fmt::format("keeps a record within {} (median of 9)", human_duration(took[4]));
  if (took[4] > 200 * millisecond) sheet.odd("disk", found + ": alerts leave late", "smartctl -a DISK   (a worn or shared disk)");
  else sheet.good("disk", found);
}

// How far back the last packets reach, and whether the disk has the room that the quotas promise.
void look_at_evidence(Sheet& sheet, const SensorSettings& s) {
  const EvidenceSettings& e = s.evidence;
  const std::string folder = evidence_folder(s);
  std::error_code error;
  uint64_t last = 0, stories = 0;
  std::array<Time, sort_count> oldest{};
  for (const auto& file : std::filesystem::directory_iterator(folder + "/last", error)) {
    const std::string name = file.path().filename();
    std::error_code none;
    if (const auto size = file.file_size(none); !none) last += size;
    for (size_t i = 0; i < sort_count; i++)
      if (name.starts_with(name_of(Sort(i))))
        if (const Time begun = std::strtoll(name.c_str() + name.rfind('-') + 1, nullptr, 10); !oldest[i] || begun < oldest[i]) oldest[i] = begun;
  }
  if (error && error != std::errc::no_such_file_or_directory) return sheet.odd("evidence", fmt::format("{}: {}", folder, error.message()), "sudo vidra doctor   (it is for root and the group vidra)");
  for (const auto& file : std::filesystem::directory_iterator(folder + "/stories", error)) {
    std::error_code none;
    if (const auto size = file.is_regular_file(none) ? file.file_size(none) : 0; !none) stories += size;
  }
  if (!e.keep) {
    if (last) return sheet.odd("evidence", fmt::format("no packets are kept any more ([evidence] keep = false), but {} of them lie in {}/last and nobody removes them", human_bytes(last), folder), fmt::format("rm -r {}/last", folder));
    return sheet.good("evidence", "no packets are kept: [evidence] keep = false");
  }
  std::string there = folder;
  while (there.size() > 1 && !std::filesystem::exists(there, error)) there = std::filesystem::path(there).parent_path();
  const auto space = std::filesystem::space(there, error);
  const uint64_t may = e.quota[0] + e.quota[1] + e.quota[2] + e.sets, more = may - std::min(may, last + stories);
  if (!error && space.available < more + e.spare)
    return sheet.odd("evidence", fmt::format("{} may take {} more and {} of the disk stay free, but {} are free: the last packets reach less far back than the quotas say", folder, human_bytes(more), human_bytes(e.spare), human_bytes(space.available)),
                     fmt::format("df -h {}   (then [evidence] ordinary, sets or spare smaller, or folder on another disk)", there));
  std::string back;
  const Time now = wall_now();
  for (size_t i = 0; i < sort_count; i++)
    if (oldest[i]) back += fmt::format("{}{} of {}", back.empty() ? "the last " : ", ", human_duration(std::max<Time>(now - oldest[i], 0)), name_of(Sort(i)));
  sheet.good("evidence", fmt::format("{}: {}; {} of alerts; room for {} more", folder, back.empty() ? "nothing yet" : back, human_bytes(stories), human_bytes(more)));
}

// The service runs as a user of its own, which must be able to read what root wrote.
void look_at_reading(Sheet& sheet, const std::string& config) {
  const passwd* const user = getpwnam("vidra");
  struct stat st{};
  if (!user || config.empty() || ::stat(config.c_str(), &st) != 0) return;
  const unsigned needed = st.st_uid == user->pw_uid ? S_IRUSR : st.st_gid == user->pw_gid ? S_IRGRP : S_IROTH;
  if (!(st.st_mode & needed)) sheet.bad("settings", fmt::format("the service's user, vidra, may not read {}", config), fmt::format("chgrp vidra {0} && chmod 0640 {0}", config));
}

void look_at_hugepages(Sheet& sheet, Hugepages wanted) {
  const std::string sys = "/sys/kernel/mm/hugepages/hugepages-2048kB/";
  const unsigned long all = std::strtoul(read_line(sys + "nr_hugepages").c_str(), nullptr, 10), free = std::strtoul(read_line(sys + "free_hugepages").c_str(), nullptr, 10);
  if (wanted == Hugepages::no) return sheet.good("hugepages", "not asked for: [dpdk] hugepages = \"no\"");
  if (all == 0) sheet.odd("hugepages", "none are set aside; a card needs some", "sysctl -w vm.nr_hugepages=256   (and the same in /etc/sysctl.d/)");
  else sheet.good("hugepages", fmt::format("{} of 2 MiB, {} free{}", all, free, free ? "" : ": another program, perhaps the sensor itself, has them"));
}

void look_at_collector(Sheet& sheet, const CollectorLink& c) {
  for (const std::string& endpoint : c.endpoints) {
    const std::string host = endpoint.substr(6, endpoint.rfind(':') - 6), port = endpoint.substr(endpoint.rfind(':') + 1);
    const std::string there = fmt::format("ss -ltn | grep {}   (at the collector: is vidra-collector running, is the firewall open?)", port);
    switch (probe(endpoint, c.server_key, 3 * second)) {
      case Probe::collector: sheet.good(c.name, fmt::format("{} answers, and holds the key; whether it knows this sensor's, `vidra status` says", endpoint)); break;
      case Probe::refused: sheet.bad(c.name, fmt::format("{}: nobody listens there", endpoint), there); break;
      case Probe::unreachable: sheet.bad(c.name, fmt::format("{}: not reached: no such host, or no way to it", endpoint), fmt::format("getent hosts {0}; ip route get {0}", host)); break;
      case Probe::silent: sheet.bad(c.name, fmt::format("{}: takes the connection and says nothing", endpoint), there); break;
      case Probe::other: sheet.bad(c.name, fmt::format("{}: another service answers", endpoint), "editor vidra.toml   ([[collector]] endpoint: the port of vidra-collector is 7421)"); break;
      case Probe::no_curve: sheet.bad(c.name, fmt::format("{}: speaks ZeroMQ, but shows no key: it is no Vidra collector", endpoint), "editor vidra.toml   ([[collector]] endpoint)"); break;
      case Probe::wrong_key: sheet.bad(c.name, fmt::format("{}: it does not hold the key that is written here", endpoint), "vidra keys fingerprint   (at the collector, then [[collector]] server_key)"); break;
    }
  }
}

std::atomic<bool> enough{false};       // Ctrl-C: what was heard so far is judged

uint64_t sent_by(const std::string& name) { return std::strtoull(read_line("/sys/class/net/" + name + "/statistics/tx_packets").c_str(), nullptr, 10); }

// Hears until `until` or the end of the input; a line that is drawn over itself says that something goes on.
Time hear(Source& source, MirrorLook& look, Time at_most) {
  const bool draw = isatty(STDERR_FILENO);
  const auto from = std::chrono::steady_clock::now();
  std::array<Packet, 64> burst;
  Time passed = 0, first = 0, last = 0, drawn = -second;
  while (!enough && (at_most == 0 || passed < at_most)) {
    const auto polled = source.poll(burst);
    for (const Packet& p : std::span(burst).first(polled.packets)) {
      if (!first) first = p.time;
      last = p.time;
      look.take(p);
    }
    source.release();
    if (polled.ended) break;
    passed = std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now() - from).count();
    if (draw && passed - drawn >= second / 2) {
      drawn = passed;
      fmt::print(stderr, "\r\033[K  listening{}: {} frames   (Ctrl-C: that is enough)", at_most ? fmt::format(", {} left", human_duration((at_most - passed) / second * second)) : "", human_count(look.frames()));
      std::fflush(stderr);
    }
  }
  if (draw) fmt::print(stderr, "\r\033[K");
  return at_most ? passed : last - first;
}

std::vector<MirrorLook::Port> ports_of(const CaptureSettings& capture) {
  std::vector<MirrorLook::Port> ports;
  for (const std::string& name : capture.interfaces) {
    MirrorLook::Port p;
    p.name = name;
    for (const CaptureGroup& g : capture.groups)
      if (std::find(g.interfaces.begin(), g.interfaces.end(), name) != g.interfaces.end()) p.group = g.name, p.kind = g.kind;
    p.own = parse_mac(read_line("/sys/class/net/" + name + "/address"));
    if (p.own && p.own->empty()) p.own.reset();
    if (const unsigned long mtu = std::strtoul(read_line("/sys/class/net/" + name + "/mtu").c_str(), nullptr, 10)) p.longest = uint32_t(mtu) + 14 + 4 * 2 + 6;   // header, two tags, a redundancy trailer
    ports.push_back(std::move(p));
  }
  return ports;
}

void look_at_mirror(Sheet& sheet, const SensorSettings& s, Time listen) {
  LiveSettings live;
  for (const std::string& name : s.capture.interfaces) live.interfaces.push_back({name, {}});
  for (const CaptureGroup& g : s.capture.groups)
    for (Interface& i : live.interfaces)
      if (std::find(g.interfaces.begin(), g.interfaces.end(), i.name) != g.interfaces.end()) i.group = g.name;
  live.buffer_octets = s.capture.buffer, live.snaplen = s.capture.snaplen, live.filter = s.capture.filter, live.receiver = s.capture.source, live.dpdk = s.capture.dpdk;
  std::unique_ptr<Source> source;
  try {
    source = open_live(live);
  } catch (const std::runtime_error& e) {
    const std::string what = e.what();
    const size_t type = what.find("; type: ");
    return sheet.bad("mirror", what.substr(0, type), type == std::string::npos ? "vidra status   (a port of DPDK's has one sensor; while it runs, ask it)" : what.substr(type + 8));
  }
  const std::vector<MirrorLook::Port> ports = ports_of(s.capture);
  std::vector<uint64_t> sent;
  for (const auto& p : ports) sent.push_back(sent_by(p.name));
  MirrorLook look(ports);
  const Time listened = hear(*source, look, listen);
  for (const MirrorLook::Remark& r : look.verdict(listened)) sheet.remark(r);
  for (size_t i = 0; i < ports.size(); i++) {
    const Counters c = source->counters(uint16_t(i));
    for (const auto& [lost, who] : {std::pair{c.dropped_by_card, "card"}, std::pair{c.dropped_by_kernel, "kernel"}})
      if (lost && lost != Counters::unknown) sheet.odd(ports[i].name, fmt::format("the {} dropped {} frames meanwhile", who, human_count(lost)), "editor vidra.toml   ([capture] buffer = \"256 MiB\")");
    if (ports[i].kind == CaptureGroup::Kind::remote_mirror || ports[i].longest == 0 || elsewhere(ports[i].name)) continue;
    if (const uint64_t now = sent_by(ports[i].name); now != sent[i])
      sheet.bad(ports[i].name, fmt::format("this machine sent {} frames on it meanwhile: a monitored port is silent", now - sent[i]), fmt::format("ip link set {0} arp off multicast off; sysctl net.ipv6.conf.{0}.disable_ipv6=1   (docs/OPERATING.md)", ports[i].name));
    else sheet.good(ports[i].name, fmt::format("silent: this machine sent nothing on it in {}", human_duration(listened)));
  }
}

// The same look at a recording that was made at the mirror with another program.
int look_at_recording(const std::string& path, const std::string& attached) {
  Sheet sheet;
  std::unique_ptr<Source> source;
  try {
    source = open_file(path);
  } catch (const std::runtime_error& e) {
    fmt::print(stderr, "vidra doctor: {}\n", e.what());
    return exit_failed;
  }
  MirrorLook::Kind kind = MirrorLook::Kind::mirror;
  for (const auto& [word, k] : {std::pair{"tap-pair", MirrorLook::Kind::tap_pair}, std::pair{"prp-pair", MirrorLook::Kind::prp_pair}, std::pair{"remote-mirror", MirrorLook::Kind::remote_mirror}})
    if (attached == word) kind = k;
  std::vector<MirrorLook::Port> ports;
  const auto interfaces = source->interfaces();
  for (const Interface& i : interfaces) ports.push_back({interfaces.size() == 1 ? "recording" : i.name, interfaces.size() > 1 && kind != MirrorLook::Kind::mirror ? "recording" : "", kind, {}, 0});
  if (ports.empty()) ports.push_back({"recording", "", kind, {}, 0});
  MirrorLook look(ports);
  const Time listened = hear(*source, look, 0);
  for (const MirrorLook::Remark& r : look.verdict(listened)) sheet.remark(r);
  const int status = sheet.end();
  if (source->flaw().empty()) return status;
  fmt::print(stderr, "{}\n", source->flaw());
  return exit_damaged;
}

int doctor(const std::string& config, const std::string& state, Time listen) {
  Sheet sheet;
  Problems problems;
  SensorSettings s = load_settings(config, problems);
  load_learned(s, problems);
  if (!state.empty()) s.state = state;
  for (const std::string& p : problems) sheet.bad("settings", p, fmt::format("vidra check {}", config));
  if (problems.empty()) sheet.good("settings", config.empty() ? "embedded defaults" : config);
  for (const std::string& r : s.remarks) sheet.odd("works", r + " (not in force)", fmt::format("vidra window list --config {}", config));
  for (const std::string& flaw : s.judge.list_flaws) sheet.odd("lists", flaw + " (not in force)", fmt::format("vidra check {}", config));
  look_at_reading(sheet, config);
  look_at_state(sheet, s.state);
  look_at_disk(sheet, s.state);
  look_at_evidence(sheet, s);
  look_at_clock(sheet);
  look_at_permission(sheet);
  if (s.capture.interfaces.empty()) sheet.bad("capture", "no interface is named", config.empty() ? "vidra setup" : fmt::format("editor {}   ([capture] interfaces = [\"eth1\"])", config));
  bool hears = !s.capture.interfaces.empty(), dpdk = false;
  for (const std::string& i : s.capture.interfaces) {
    const Choice c = choose(i, s.capture.source);
    const bool remote = std::any_of(s.capture.groups.begin(), s.capture.groups.end(), [&](const CaptureGroup& g) {
      return g.kind == CaptureGroup::Kind::remote_mirror && std::find(g.interfaces.begin(), g.interfaces.end(), i) != g.interfaces.end();
    });
    dpdk = dpdk || c.dpdk;
    if (!c.refusal.empty()) {
      const size_t type = c.refusal.find("; type: ");
      sheet.bad(i, c.refusal.substr(0, type), type == std::string::npos ? std::string{} : c.refusal.substr(type + 8));
      hears = false;
    } else if (c.dpdk) {
      sheet.good(i, fmt::format("heard through DPDK: {}", c.why));
    } else {
      look_at_interface(sheet, c.name, remote);
    }
  }
  if (dpdk) look_at_hugepages(sheet, s.capture.dpdk.hugepages);
  if (s.collectors.empty()) sheet.odd("collector", "none: alerts stay on this machine", fmt::format("editor {}   ([[collector]])", config.empty() ? "/etc/vidra/vidra.toml" : config));
  for (const CollectorLink& c : s.collectors) look_at_collector(sheet, c);
  if (hears && listen > 0) look_at_mirror(sheet, s, listen);
  return sheet.end();
}

}  // namespace

void add_doctor(CommandLine app, int& status) {
  struct Options {
    std::string config, state, recording, attached = "mirror";
    double listen = 60;
  };
  const CommandLine c = app.command("doctor", "looks at settings, machine and collectors, listens whether the mirror is right, and says what to type");
  auto o = std::make_shared<Options>();
  c.option("--config", o->config, "vidra.toml; without it /etc/vidra/vidra.toml where there is one, else the embedded defaults");
  c.option("--state", o->state, "folder for keys and outboxes, instead of [sensor] state");
  c.option("--listen", o->listen, "seconds to listen to the mirror (60); 0: only look at the machine").within(0.0, 86'400.0);
  const Option play = c.option("--play", o->recording, "judge the mirror by a recording made there, instead of listening; looks at nothing else");
  c.option("--attached", o->attached, "with --play: mirror, tap-pair, prp-pair or remote-mirror").one_of({"mirror", "tap-pair", "prp-pair", "remote-mirror"}).needs(play);
  c.runs([o, &status] {
    struct sigaction stop{};
    stop.sa_handler = [](int) { enough = true; };
    stop.sa_flags = int(SA_RESETHAND);             // the second one ends it at once
    sigaction(SIGINT, &stop, nullptr);
    std::error_code none;
    if (o->config.empty() && std::filesystem::exists("/etc/vidra/vidra.toml", none)) o->config = "/etc/vidra/vidra.toml";
    status = o->recording.empty() ? doctor(o->config, o->state, Time(o->listen * 1e9)) : look_at_recording(o->recording, o->attached);
  });
}

}  // namespace vidra
