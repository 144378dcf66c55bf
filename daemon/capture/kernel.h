// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "daemon/capture/tap.h"

namespace vidra {

// A network interface as the kernel has it now. Asked through a socket of its own, in the network of the thread that made it.
class Kernel {
 public:
  struct Card { int index = 0; std::string name; bool up = false, running = false; unsigned hardware = 0; };   // index 0: there is none
  Kernel();
  ~Kernel();
  Kernel(const Kernel&) = delete;
  Card card(const std::string& name) const;
  Card card(int index) const;
  // Frames that the card had no room for or found too long, modulo 2^32; none when it is gone, has another name by now, or
  // /sys is that of another network.
  static std::optional<uint32_t> missed(const Card&);
  static std::string cards_that_are_up();            // "eth0, eth1"

 private:
  int socket_;
};

inline constexpr Time furthest_ahead = 100 * millisecond;   // of the time of a read: the frames that come while it lasts
inline constexpr std::string_view no_permission =
    "no permission to hear it; run as root, or type: setcap cap_net_raw,cap_net_admin=ep PROGRAM (the systemd unit grants what is needed)";

// A tap on an interface of the kernel's: goes on when it was down, removed or renamed and is back, and says from when to when
// nothing could be heard.
class KernelTap : public Tap {
 public:
  void tend(Time now, bool trouble) final;
  bool open() const final { return open_; }
  Time last() const final { return last_; }
  const Outage& outage() const final { return outage_; }
  std::string flaw() const final;
  Counters counters() const final;

 protected:
  explicit KernelTap(std::string name) : name_(std::move(name)) {}
  void begin();                                // opens, or throws std::runtime_error that says what to type
  void lose(std::string why, Time now); // it is closed, and looked for again ten times a second
  void count(const Packet& p) {
    counted_.delivered++;
    counted_.octets += p.octets.size();
    if (p.link == Link::unsupported) counted_.unsupported++;
  }
  // A frame that was stamped before the wall clock was stepped back seems to come from the future: it does not take the time along.
  Time stamped(Time stamp, Time skew, Time now) { return last_ = std::max(last_, std::min(stamp - skew, now + furthest_ahead)); }

  // "" or why not, with what to type. `waits`: it is open, and others have to follow before it hears.
  virtual std::string open_card(const Kernel::Card&, bool& waits) = 0;
  virtual bool still_waits() { return false; }
  virtual bool left() { return false; }        // others that belong to it have lost the interface
  virtual void close_card() = 0;
  virtual std::string broken() { return {}; }  // what the descriptor reports, asked on trouble
  virtual uint64_t lost_in_kernel() const = 0; // since the card was opened

  std::string name_;                           // as the settings have it

 private:
  void black(const std::string& why, Time from);
  void light(Time now);

  Kernel kernel_;
  Kernel::Card card_;
  bool open_ = false, waits_ = false;
  std::string why_, called_;                   // what is wrong; its name now, where that is another
  std::string leaving_;                        // why it is about to be closed
  Time leave_at_ = 0;
  Time look_ = 0, alive_ = 0, last_ = 0, unplugged_ = 0;   // unplugged_: since when
  uint64_t heard_at_look_ = 0;
  Counters counted_;
  uint64_t lost_before_ = 0;                   // of cards that were closed
  mutable std::optional<uint64_t> missed_;     // none: never known
  mutable std::optional<uint32_t> missed_at_;  // 32 bits, which a busy interface wraps
  Outage outage_;
};

}  // namespace vidra
