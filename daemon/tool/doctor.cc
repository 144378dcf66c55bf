// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <fmt/format.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>
#include <memory>

#include "daemon/base/text.h"
#include "daemon/capture/choose.h"
#include "daemon/sensor/settings.h"
#include "daemon/tool/commands.h"

namespace vidra {
namespace {

// One line a check: what was looked at, what was found, and for what is not right what to type.
class Sheet {
 public:
  void good(const std::string& what, const std::string& found) { line("ok  ", what, found, {}); }
  void odd(const std::string& what, const std::string& found, const std::string& type) { odd_++, line("look", what, found, type); }
  void bad(const std::string& what, const std::string& found, const std::string& type) { bad_++, line("BAD ", what, found, type); }
  int end() const {
    fmt::print("\n{}\n", bad_ ? fmt::format("{} to mend before the sensor can work, {} to look at", bad_, odd_) : odd_ ? fmt::format("it can work; {} to look at", odd_) : "all is well");
    return bad_ ? exit_failed : exit_done;
  }

 private:
  static void line(std::string_view mark, const std::string& what, const std::string& found, const std::string& type) {
    fmt::print("{}  {:<12} {}\n", mark, what, found);
    if (!type.empty()) fmt::print("{:>18} type: {}\n", "", type);
  }
  unsigned odd_ = 0, bad_ = 0;
};

std::string read_line(const std::string& path) {
  std::ifstream in(path);
  std::string s;
  std::getline(in, s);
  return s;
}

void look_at_interface(Sheet& sheet, const std::string& name) {
  const std::string sys = "/sys/class/net/" + name;
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

void look_at_collector(Sheet& sheet, const CollectorLink& c) {
  for (const std::string& endpoint : c.endpoints) {
    const size_t colon = endpoint.rfind(':');
    std::string host = endpoint.substr(6, colon - 6);
    const std::string port = endpoint.substr(colon + 1);
    if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
    addrinfo hints{}, *found = nullptr;
    hints.ai_socktype = SOCK_STREAM;
    if (const int rc = getaddrinfo(host.c_str(), port.c_str(), &hints, &found); rc != 0) {
      sheet.bad(c.name, fmt::format("{}: {}", endpoint, gai_strerror(rc)), fmt::format("getent hosts {}", host));
      continue;
    }
    const int s = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int error = connect(s, found->ai_addr, found->ai_addrlen) == 0 ? 0 : errno;
    if (error == EINPROGRESS) {
      pollfd p{s, POLLOUT, 0};
      socklen_t n = sizeof error;
      if (poll(&p, 1, 3000) == 1) getsockopt(s, SOL_SOCKET, SO_ERROR, &error, &n);
      else error = ETIMEDOUT;
    }
    close(s);
    freeaddrinfo(found);
    if (error) sheet.bad(c.name, fmt::format("{}: {}", endpoint, std::strerror(error)), fmt::format("ss -ltn | grep {}   (at the collector: is vidra-collector running, is the firewall open?)", port));
    else sheet.good(c.name, fmt::format("{} answers; whether it knows this sensor's key, the sensor's status says", endpoint));
  }
}

int doctor(const std::string& config, const std::string& state) {
  Sheet sheet;
  Problems problems;
  SensorSettings s = load_settings(config, problems);
  load_learned(s, problems);
  if (!state.empty()) s.state = state;
  for (const std::string& p : problems) sheet.bad("settings", p, fmt::format("vidra check {}", config));
  if (problems.empty()) sheet.good("settings", config.empty() ? "embedded defaults" : config);
  for (const std::string& r : s.remarks) sheet.odd("works", r + " (not in force)", fmt::format("vidra window list --config {}", config));
  look_at_state(sheet, s.state);
  look_at_clock(sheet);
  look_at_permission(sheet);
  if (s.capture.interfaces.empty()) sheet.bad("capture", "no interface is named", fmt::format("editor {}   ([capture] interfaces = [\"eth1\"])", config.empty() ? "/etc/vidra/vidra.toml" : config));
  for (const std::string& i : s.capture.interfaces) {
    const Choice c = choose(i, s.capture.source);
    if (!c.refusal.empty()) {
      const size_t type = c.refusal.find("; type: ");
      sheet.bad(i, c.refusal.substr(0, type), type == std::string::npos ? std::string{} : c.refusal.substr(type + 8));
    } else if (c.dpdk) {
      sheet.good(i, fmt::format("heard through DPDK: {}", c.why));
    } else {
      look_at_interface(sheet, c.name);
    }
  }
  if (s.collectors.empty()) sheet.odd("collector", "none: alerts stay on this machine", fmt::format("editor {}   ([[collector]])", config.empty() ? "/etc/vidra/vidra.toml" : config));
  for (const CollectorLink& c : s.collectors) look_at_collector(sheet, c);
  return sheet.end();
}

}  // namespace

void add_doctor(CLI::App& app, int& status) {
  auto* c = app.add_subcommand("doctor", "looks at settings, interfaces, permissions, clock, disk and collectors, and says what to type");
  auto config = std::make_shared<std::string>();
  auto state = std::make_shared<std::string>();
  c->add_option("--config", *config, "vidra.toml");
  c->add_option("--state", *state, "folder for keys and outboxes, instead of [sensor] state");
  c->callback([config, state, &status] { status = doctor(*config, *state); });
}

}  // namespace vidra
