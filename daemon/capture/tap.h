// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <limits>
#include <string>

#include "daemon/capture/source.h"

namespace vidra {

// One interface, or one queue of it, as a live Source attends to it: libpcap, a ring of the kernel's, a DPDK port. Frames come
// in their own order and are done with in that order.
struct Tap {
  virtual ~Tap() = default;
  // Fills `to` with frames that stay where they are until `done`; how many. Stamps are the wall's, times are that less `skew`.
  virtual size_t read(std::span<Packet> to, Time now, Time skew) = 0;
  // The oldest `frames` are done with; `last` is the octets of the last of them.
  virtual void done(size_t frames, Bytes last) = 0;
  virtual bool drained() const = 0;            // the last read left nothing behind
  virtual Time last() const = 0;               // of the last frame read
  // How much later than it was received a frame may show.
  virtual Time lag() const = 0;
  // At each poll, and with `trouble` when what is waited for reports an error: is the interface still there, or there again?
  virtual void tend(Time now, bool trouble) = 0;
  virtual bool open() const = 0;               // frames can come
  virtual int descriptor() const { return -1; }   // to be waited for; -1 while there is none
  virtual bool polled() const { return false; }   // it cannot be waited for: it has to be asked
  virtual double fill() const { return -1; }   // of its buffer as yet unread, 0 to 1; below 0: it cannot say
  virtual Counters counters() const = 0;
  virtual const Outage& outage() const = 0;
  virtual std::string flaw() const = 0;        // "" when nothing is wrong
};

}  // namespace vidra
