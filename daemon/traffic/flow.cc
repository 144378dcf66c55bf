// SPDX-License-Identifier: Apache-2.0
#include "daemon/traffic/flow.h"

#include <cstring>

namespace vidra {
namespace {

[[gnu::always_inline]] inline bool low_first(FlowKey& k, uint16_t source_port, uint16_t destination_port, uint8_t protocol, uint8_t kind, uint16_t group) {
  const bool source_is_low = k.low[0] != k.high[0] ? k.low[0] < k.high[0]
                             : k.low[1] != k.high[1] ? k.low[1] < k.high[1] : source_port <= destination_port;
  const uint64_t tail = uint64_t(protocol) << 24 | uint64_t(kind) << 16 | group;
  if (source_is_low) {
    k.carried.word = uint64_t(source_port) << 48 | uint64_t(destination_port) << 32 | tail;
  } else {
    std::swap(k.low[0], k.high[0]);
    std::swap(k.low[1], k.high[1]);
    k.carried.word = uint64_t(destination_port) << 48 | uint64_t(source_port) << 32 | tail;
  }
  return source_is_low;
}

[[gnu::always_inline]] inline void addresses(FlowKey& k, uint8_t version, const uint8_t* at) {
  if (version == 4) {
    uint32_t a, b;
    std::memcpy(&a, at, 4);
    std::memcpy(&b, at + 4, 4);
    k.low[0] = a, k.low[1] = 0, k.high[0] = b, k.high[1] = 0;
  } else {
    std::memcpy(k.low, at, 16);
    std::memcpy(k.high, at + 16, 16);
  }
}

}  // namespace

bool Flow::is_other(const FlowKey& k) const {
  const FlowKey own = key();
  return carried.word == k.carried.word && !std::memcmp(own.low, k.low, sizeof k.low) && !std::memcmp(own.high, k.high, sizeof k.high);
}

bool any_key_of(const Frame& f, uint16_t group, FlowKey& k) {
  if (f.kind == Frame::Kind::link || !f.version) {
    k.low[0] = k.low[1] = k.high[0] = k.high[1] = 0;
    std::memcpy(k.low, f.source.octets.data(), 6);
    std::memcpy(k.high, f.destination.octets.data(), 6);
    k.carried.word = f.ethertype ? uint64_t(f.ethertype) << 32 | Carried::ethertype << 16 | group : uint64_t(f.llc) << 32 | Carried::llc << 16 | group;
    return true;
  }
  addresses(k, f.version, f.addresses);
  const bool ports = f.kind == Frame::Kind::tcp || f.kind == Frame::Kind::udp;
  return low_first(k, ports ? f.source_port : 0, ports ? f.destination_port : 0, f.protocol, f.version == 6, group);
}

bool key_of_quoted(Bytes ip, uint16_t group, FlowKey& k, bool& source_is_low, Bytes& source) {
  bool bad = false;
  Reader r{ip, bad};
  const uint8_t first = r.u8();
  uint8_t protocol, version = first >> 4;
  Bytes both;
  if (version == 4) {
    r.skip(8);
    protocol = r.u8();
    r.skip(2);
    both = r.bytes(8);
    if ((first & 15) < 5) return false;
    r.skip((size_t(first & 15) - 5) * 4);
  } else if (version == 6) {
    r.skip(5);
    protocol = r.u8();
    r.skip(1);
    both = r.bytes(32);
  } else {
    return false;
  }
  const uint16_t source_port = r.be16(), destination_port = r.be16();
  if (bad || (protocol != 6 && protocol != 17)) return false;
  source = both.first(both.size() / 2);
  addresses(k, version, both.data());
  source_is_low = low_first(k, source_port, destination_port, protocol, version == 6, group);
  return true;
}

}  // namespace vidra
