// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <span>
#include <string>

#include "dissectors/message.h"

namespace vidra {

// The link layers that a capture may bring. Everything else is counted and passed by.
enum class Link : uint8_t { ethernet, raw_ip, linux_cooked, linux_cooked2, null_loopback, unsupported };

// One frame as it was received. The octets are borrowed until Source::release.
struct Packet {
  Time time;               // when it was received, held at the time of the packet before it where the stamp goes back
  Bytes octets;            // as captured
  uint32_t wire_length;    // as it was on the wire; more than octets.size() where the capture cut it
  uint16_t interface;      // index into Source::interfaces
  Link link;
  Time stamp;              // as the capture wrote it
  uint64_t number = 0;     // of the frame in its recording, from 1; 0: whoever hears it counts
};

struct Interface {
  std::string name;        // "eth1", "file.pcapng"
  std::string group;       // declared group whose frames meet, "" for none
};

// What a receiver honestly knows; `unknown` where it cannot say.
struct Counters {
  static constexpr uint64_t unknown = ~uint64_t{0};
  uint64_t delivered = 0, octets = 0;          // given out by poll
  uint64_t dropped_by_card = unknown, dropped_by_kernel = unknown, dropped_by_us = 0;
  uint64_t unsupported = 0;                    // frames of a link layer that is not understood
};

// A time in which an interface could not be heard: gone, down, or nothing plugged in.
struct Outage {
  uint64_t count = 0;                          // of them so far; the rest is about the last one
  Time from = 0, until = 0;                    // blind from … until; 0: it goes on
  std::string why;                             // "it was removed"
};

// Where packets come from: a file, an interface through libpcap, a DPDK port. One owning thread. A live source delivers
// time without packets, so that silence is noticed and an idle interface holds nobody back.
struct Source {
  struct Polled {
    size_t packets;        // so many of the span are filled
    Time now;              // no later poll brings a packet before this; never goes back
    bool ended;            // nothing will come any more
  };
  virtual ~Source() = default;
  virtual Polled poll(std::span<Packet>) = 0;  // waits at most some milliseconds; one virtual call a burst
  virtual void release() = 0;                  // the packets of the last poll are done with
  virtual Counters counters(uint16_t interface) const = 0;
  virtual std::span<const Interface> interfaces() const = 0;
  virtual void stop() = 0;                     // from any thread or signal: poll ends soon
  virtual bool live() const { return false; }       // stamps follow the wall clock, times do not
  virtual bool up(uint16_t) const { return true; }  // whether this interface can bring frames now
  virtual Outage outage(uint16_t) const { return {}; }
  virtual double fill() const { return 0; }        // how full the buffer behind it is that nobody has read, as of the last poll: 0 to 1
  virtual std::string flaw() const { return {}; }  // what was wrong with the input, and where; "" when all was read
  virtual double progress() const { return -1; }   // 0 to 1 where the length is known
};

}  // namespace vidra
