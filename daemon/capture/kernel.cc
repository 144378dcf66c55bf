// SPDX-License-Identifier: Apache-2.0
#include "daemon/capture/kernel.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <stdexcept>

namespace vidra {
namespace {

constexpr Time look_every = 250 * millisecond;    // at an interface that is heard
constexpr Time seek_every = 100 * millisecond;    // for one that is gone
constexpr Time last_words = 20 * millisecond;     // the kernel's last block comes a tick late
constexpr Time unplugged_for = 1500 * millisecond;

ifreq named(const std::string& name) {
  ifreq r{};
  std::memcpy(r.ifr_name, name.data(), std::min(name.size(), sizeof r.ifr_name - 1));
  return r;
}

struct Addresses {
  Addresses() { if (getifaddrs(&first) != 0) first = nullptr; }
  ~Addresses() { if (first) freeifaddrs(first); }
  ifaddrs* first = nullptr;
};

// One number of an interface's folder in sysfs, which neither allocates nor waits for others that configure the network: what
// asks the kernel for a list (getifaddrs) stands for seconds while somebody makes and removes interfaces, and hears nothing.
std::optional<uint64_t> in_sysfs(const std::string& name, const char* what) {
  std::array<char, 96> path, text;
  *fmt::format_to_n(path.data(), path.size() - 1, "/sys/class/net/{}/{}", name, what).out = 0;
  const int file = open(path.data(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return {};
  const ssize_t n = read(file, text.data(), text.size());
  close(file);
  uint64_t v = 0;
  if (n <= 0 || std::from_chars(text.data(), text.data() + n, v).ec != std::errc{}) return {};
  return v;
}

}  // namespace

Kernel::Kernel() : socket_(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {}
Kernel::~Kernel() { if (socket_ >= 0) close(socket_); }

Kernel::Card Kernel::card(const std::string& name) const {
  Card c;
  ifreq r = named(name);
  if (name.empty() || name.size() >= sizeof r.ifr_name || ioctl(socket_, SIOCGIFINDEX, &r) != 0) return c;
  c.index = r.ifr_ifindex;
  c.name = name;
  if (ioctl(socket_, SIOCGIFFLAGS, &r) == 0) c.up = r.ifr_flags & IFF_UP, c.running = r.ifr_flags & IFF_RUNNING;
  if (ioctl(socket_, SIOCGIFHWADDR, &r) == 0) c.hardware = r.ifr_hwaddr.sa_family;
  return c;
}

Kernel::Card Kernel::card(int index) const {
  ifreq r{};
  r.ifr_ifindex = index;
  if (index <= 0 || ioctl(socket_, SIOCGIFNAME, &r) != 0) return {};
  return card(std::string(r.ifr_name));
}

std::optional<uint32_t> Kernel::missed(const Card& card) {
  if (in_sysfs(card.name, "ifindex") != uint64_t(card.index)) return {};
  const auto missed = in_sysfs(card.name, "statistics/rx_missed_errors"), fifo = in_sysfs(card.name, "statistics/rx_fifo_errors"),
             length = in_sysfs(card.name, "statistics/rx_length_errors");
  if (!missed || !fifo || !length) return {};
  return uint32_t(*missed + *fifo + *length);
}

std::string Kernel::cards_that_are_up() {
  const Addresses all;
  std::string out;
  for (const ifaddrs* a = all.first; a; a = a->ifa_next)
    if (a->ifa_addr && a->ifa_addr->sa_family == AF_PACKET && a->ifa_flags & IFF_UP) out += (out.empty() ? "" : ", ") + std::string(a->ifa_name);
  return out;
}

void KernelTap::begin() {
  card_ = kernel_.card(name_);
  if (!card_.index) {
    const std::string here = Kernel::cards_that_are_up();
    throw std::runtime_error(fmt::format("interface {}: there is none of that name{}; type: ip -br link", name_, here.empty() ? "" : "; there are " + here));
  }
  if (!card_.up) throw std::runtime_error(fmt::format("interface {}: it is down; type: ip link set {} up", name_, name_));
  const std::string why = open_card(card_, waits_);
  if (!why.empty()) throw std::runtime_error(fmt::format("interface {}: {}", name_, why));
  open_ = true;
  counters();                                  // what was before is not ours
}

void KernelTap::tend(Time now, bool trouble) {
  if (!open_) {
    if (now < look_) return;
    look_ = now + seek_every;
    // Under its own name, or as the same card under another one.
    Kernel::Card c = kernel_.card(name_);
    if (!c.index) c = kernel_.card(card_.index);
    if (!c.index) return void(why_ = "there is none of that name any more");
    if (!c.up) return void(why_ = "it is down");
    const std::string why = open_card(c, waits_);
    if (!why.empty()) return void(why_ = why);
    card_ = c;
    called_ = c.name == name_ ? "" : c.name;
    open_ = true;
    alive_ = now;
    missed_at_.reset();
    counters();
    unplugged_ = 0;
    if (!waits_) light(now);
    return;
  }
  if (!alive_) alive_ = now;
  if (waits_ && !(waits_ = still_waits())) light(now);
  std::string gone = left() ? "it went down" : "";
  if (gone.empty() && leaving_.empty() && !trouble && now < look_) {
    if (outage_.until || !outage_.count) alive_ = now;
    return;
  }
  look_ = now + look_every;
  const Kernel::Card c = kernel_.card(card_.index);
  if (!c.index || !c.up) gone = "it is down";
  if (const std::string why = trouble ? broken() : std::string{}; gone.empty()) gone = why;
  if (!gone.empty() && leaving_.empty()) leaving_ = gone, leave_at_ = now + last_words;
  if (!leaving_.empty()) {                     // what came before is heard to its end
    if (now >= leave_at_ && drained()) lose(leaving_, now);
    return;
  }
  called_ = c.name == name_ ? "" : c.name;
  card_ = c;
  // A card says late that its other end is there, so it is believed only after a while, and never when frames come.
  const uint64_t heard = counted_.delivered;
  const bool dark = outage_.count && !outage_.until;
  if (!c.running && heard == heard_at_look_) {
    if (!unplugged_) unplugged_ = now;
    if (!dark && now - unplugged_ >= unplugged_for) black("nothing is plugged in at the other end", unplugged_);
  } else {
    unplugged_ = 0;
    if (dark && !waits_) light(now);
    alive_ = now;
  }
  heard_at_look_ = heard;
}

void KernelTap::lose(std::string why, Time now) {
  if (!open_) return;
  if (const Kernel::Card c = kernel_.card(card_.index); !c.index) why = "it was removed";
  else if (!c.up) why = "it is down";
  lost_before_ += lost_in_kernel();
  counters();
  close_card();
  open_ = waits_ = false;
  leaving_.clear();
  look_ = now;
  black(why, alive_ ? alive_ : now);
}

void KernelTap::black(const std::string& why, Time from) {
  why_ = why;
  if (outage_.count && !outage_.until) return;
  outage_ = {outage_.count + 1, from, 0, why};
}

void KernelTap::light(Time now) {
  why_.clear();
  alive_ = now;
  if (outage_.count && !outage_.until) outage_.until = std::max(now, outage_.from + 1);
}

std::string KernelTap::flaw() const {
  if (!why_.empty()) return fmt::format("interface {}: {}{}", name_, why_, open_ ? "" : "; looked for again ten times a second");
  if (!called_.empty()) return fmt::format("interface {}: it is called {} now and is heard on; name it so in [capture] interfaces", name_, called_);
  return {};
}

Counters KernelTap::counters() const {
  if (const auto now = open_ ? Kernel::missed(card_) : std::nullopt) {
    const uint32_t more = *now - missed_at_.value_or(*now);
    missed_ = missed_.value_or(0) + (more < uint32_t{1} << 31 ? more : 0);   // or the driver began anew
    missed_at_ = now;
  }
  Counters c = counted_;
  c.dropped_by_kernel = lost_before_ + (open_ ? lost_in_kernel() : 0);
  c.dropped_by_card = missed_.value_or(Counters::unknown);
  return c;
}

}  // namespace vidra
