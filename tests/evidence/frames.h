// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <thread>

#include "daemon/evidence/recorder.h"
#include "daemon/evidence/segments.h"
#include "tests/support/faulty_storage.h"
#include "tests/support/packets.h"

namespace vidra {

using packets::operator+;

inline constexpr Time noon = 1'795'000'000 * second;

struct NoSink final : EventSink { void see(const Event&) override {} };

// A datagram between two hosts.
inline packets::Octets frame_of(size_t payload, uint32_t from = packets::host_a, uint32_t to = packets::host_b) {
  packets::Octets o(12, 2);
  packets::be16(o, 0x0800);
  return o + packets::ip4(from, to, 17, packets::udp(5000, 5001, packets::Octets(payload, 0x55)));
}
inline Packet packet(const packets::Octets& o, Time at, uint64_t number = 0) { return {at, o, uint32_t(o.size()), 0, Link::ethernet, at, number}; }

// Whole blocks of so many frames, from `at` on.
inline Blocks blocks(size_t n, Time at, size_t payload = 100) {
  Blocks b;
  const packets::Octets o = frame_of(payload);
  for (size_t i = 0; i < n; i++) add_frame(b, {at + Time(i) * millisecond, 0, uint32_t(o.size()), i + 1, o}, {});
  return b;
}

inline const std::vector<KeptInterface> one_interface{{"eth1", Link::ethernet}};

}  // namespace vidra
