// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "dissectors/words.h"

// PROFINET IO context management: blocks inside DCE/RPC calls (IEC 61158-6-10:2019, 5.2; C706 12.6.3 for the connectionless RPC header).
namespace vidra::profinet {

// Functions of calls: cm | operation; what is no call of an IO operation: rpc | packet type.
inline constexpr uint16_t cm = 0x100, rpc = 0x140, mapper = 0x160;

// The head of a connectionless DCE/RPC packet, 80 octets.
struct Call {
  uint8_t type = 0;            // 0 request, 2 response, 3 fault, 6 reject, …
  uint8_t flags = 0;
  bool little = false;
  bool cut = false;            // too short for its own head: nothing below is known
  bool io = false;             // one of PROFINET's interfaces; else the endpoint mapper
  uint8_t interface = 0;       // 1 device, 2 controller, 3 supervisor, 4 parameter server
  uint16_t operation = 0, length = 0, fragment = 0;
  uint32_t sequence = 0;
  Bytes body;                  // as long as `length` says, or as there is
};

inline constexpr size_t rpc_header = 80;
inline constexpr uint8_t tail_of_io[] = {0x6c, 0x97, 0x11, 0xd1, 0x82, 0x71, 0x00, 0xa0, 0x24, 0x42, 0xdf, 0x7d};
inline constexpr uint8_t mapper_uuid[] = {0xe1, 0xaf, 0x83, 0x08, 0x5d, 0x1f, 0x11, 0xc9, 0x91, 0xa4, 0x08, 0x00, 0x2b, 0x14, 0xa0, 0xfa};

// True where this is a packet for one of PROFINET's interfaces or their endpoint mapper.
inline bool is_call(Bytes b, Call& c) {
  if (b.size() < 40 || b[0] != 4 || b[1] > 10 || (b[4] != 0 && b[4] != 0x10)) return false;
  c.little = b[4] == 0x10;
  uint8_t uuid[16];
  std::copy_n(b.begin() + 24, 16, uuid);
  if (c.little) std::swap(uuid[0], uuid[3]), std::swap(uuid[1], uuid[2]), std::swap(uuid[4], uuid[5]), std::swap(uuid[6], uuid[7]);
  c.io = uuid[0] == 0xde && uuid[1] == 0xa0 && !uuid[2] && uuid[3] >= 1 && uuid[3] <= 4 && std::equal(std::begin(tail_of_io), std::end(tail_of_io), uuid + 4);
  if (!c.io && !std::equal(std::begin(mapper_uuid), std::end(mapper_uuid), uuid)) return false;
  c.cut = b.size() < rpc_header;
  if (c.cut) return true;
  const auto half = [&](size_t at) { return uint16_t(c.little ? b[at] | b[at + 1] << 8 : b[at] << 8 | b[at + 1]); };
  c.type = b[1];
  c.flags = b[2];
  c.interface = uuid[3];
  c.sequence = c.little ? uint32_t(half(66)) << 16 | half(64) : uint32_t(half(64)) << 16 | half(66);
  c.operation = half(68);
  c.length = half(74);
  c.fragment = half(76);
  c.body = b.subspan(rpc_header);
  return true;
}

// A slot's record: index, slot and subslot.
inline Object record_of(Speaker& say, uint16_t index, uint16_t slot, uint16_t subslot) {
  const Object o(ObjectKind::slot, uint32_t(slot) << 16 | subslot, index);
  Word name;
  name.put("slot %u.%u", unsigned(slot), unsigned(subslot));
  if (index) name.put(" index 0x%04x", unsigned(index));
  say.label(o, name);
  return o;
}

// The blocks of one call, spoken as points of the sentence that has begun.
class Blocks {
 public:
  Blocks(Speaker& say, Message& m, Identity& who) : say_(say), m_(m), who_(who) {}

  void read(Reader& r) {
    while (r.left() >= 6 && r.ok()) {
      const uint16_t type = r.be16(), length = r.be16();
      r.require(length >= 2);
      Reader v = r.sub(length);
      if (!r.ok()) return;
      v.skip(2);                                            // version of the block
      block(type, v, r);
    }
  }

 private:
  void block(uint16_t type, Reader& v, Reader& after) {
    switch (type) {
      case 0x0101: relation(v); break;
      case 0x0102: communication(v); break;
      case 0x0104: expected(v); break;
      case 0x8102: {
        v.skip(4);
        const uint16_t frame = v.be16();
        if (v.ok()) field(say_, "frame").set_natural(frame);
        break;
      }
      case 0x8104: field(say_, "modules differ").set(true); break;
      case 0x0008: case 0x0009: case 0x8008: case 0x8009: header(type, v, after); break;
      case 0x0110: case 0x0111: case 0x0112: case 0x0113: case 0x0114: case 0x0116: case 0x0117: case 0x0118:
      case 0x8110: case 0x8111: case 0x8112: case 0x8113: case 0x8114: case 0x8116: case 0x8117: case 0x8118: {
        v.skip(18);
        m_.sequence = v.be16();                             // session key
        m_.sub_function = uint16_t(type & 0x7fff);
        break;
      }
      case 0x0020: identity(v); break;
      default: break;
    }
  }

  // ARBlockReq: who opens, and between which two this relation runs.
  void relation(Reader& v) {
    const uint16_t kind = v.be16();
    v.skip(16);
    m_.sequence = v.be16();
    const uint64_t mac = be48(v);
    v.skip(16);
    const uint32_t properties = v.be32();
    v.skip(4);
    const Word name = Word::written(v.bytes(v.be16()));
    if (!v.ok()) return;
    field(say_, "initiator", name);
    field(say_, "initiator address", Word::mac(mac));
    if (kind != 1) field(say_, "kind of relation").set_natural(kind);   // 1: an IO controller's own; 6: a supervisor's
    if (properties & 8) field(say_, "supervisor may take over").set(true);
  }

  void communication(Reader& v) {
    const uint16_t kind = v.be16();
    v.skip(8);
    const uint16_t length = v.be16(), frame = v.be16(), clock = v.be16(), ratio = v.be16();
    if (!v.ok()) return;
    Point& p = field(say_, kind == 1 ? "input frame" : kind == 2 ? "output frame" : "multicast frame");
    p.set_natural(frame);
    p.qualifier = length;
    p.duration = uint32_t(clock) * ratio / 32;              // milliseconds between two frames
  }

  // Which submodule the controller expects in which subslot.
  void expected(Reader& v) {
    for (unsigned n = v.be16(); n && v; n--) {
      v.skip(4);
      const uint16_t slot = v.be16();
      v.skip(6);
      for (unsigned subs = v.be16(); subs && v; subs--) {
        const uint16_t subslot = v.be16();
        const uint32_t ident = v.be32();
        const unsigned kind = v.be16() & 3;
        v.skip(kind == 3 ? 12 : 6);
        if (v.ok()) say_.point(record_of(say_, 0, slot, subslot)).set_natural(ident);
      }
    }
  }

  // A record is read or written: its data follows the header, outside of it. Index 0xE040 holds several writes.
  void header(uint16_t type, Reader& v, Reader& after) {
    v.skip(2 + 16 + 4);
    const uint16_t slot = v.be16(), subslot = v.be16();
    v.skip(2);
    const uint16_t index = v.be16();
    const uint32_t length = v.be32();
    uint32_t status = 0;
    if (type == 0x8008) v.skip(4), status = v.be32();
    if (!v.ok()) return;
    if (index == 0xe040) return;                            // its parts are blocks that follow
    Point& p = say_.point(record_of(say_, index, slot, subslot));
    p.set_octets(length);
    if (status) p.status = uint16_t(status >> 16), m_.refused = true;
    if (type == 0x0008) {
      after.skip(std::min<size_t>(length, after.left()));
      // Writes inside a multiple write begin at multiples of four.
      after.skip(std::min<size_t>((4 - length % 4) % 4, after.left()));
      m_.retained = m_.retained || length > 0;
    }
  }

  // I&M0 (index 0xAFF0).
  void identity(Reader& v) {
    const uint16_t vendor = v.be16();
    const Word order = Word::written(v.bytes(20)), serial = Word::written(v.bytes(16));
    const uint16_t hardware = v.be16();
    const uint8_t prefix = v.u8(), a = v.u8(), b = v.u8(), c = v.u8();
    if (!v.ok()) return;
    Word firmware, maker;
    firmware.put("%c%u.%u.%u", prefix >= 'A' && prefix <= 'Z' ? prefix : '?', unsigned(a), unsigned(b), unsigned(c));
    maker.put("vendor 0x%04x", unsigned(vendor));
    who_.vendor = say_.text(maker);
    who_.model = say_.text(order);
    who_.serial = say_.text(serial);
    who_.firmware = say_.text(firmware);
    field(say_, "order number", order);
    field(say_, "serial number", serial);
    field(say_, "hardware").set_natural(hardware);
    field(say_, "firmware", firmware);
  }

  Speaker& say_;
  Message& m_;
  Identity& who_;
};

}  // namespace vidra::profinet
