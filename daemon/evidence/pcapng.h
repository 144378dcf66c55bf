// SPDX-License-Identifier: Apache-2.0
// The blocks of pcapng (draft-ietf-opsawg-pcapng) that evidence is written in, in this machine's byte order, times in nanoseconds.
#pragma once
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/capture/source.h"

namespace vidra {

// A frame as evidence holds it. `id` names it among all that this sensor heard since it started (Recorder::id).
struct KeptFrame {
  Time stamp = 0;
  uint32_t interface = 0;            // index of the section's interface description
  uint32_t wire_length = 0;
  uint64_t id = 0;
  Bytes octets;
};

constexpr size_t padded(size_t n) { return (n + 3) & ~size_t{3}; }
// Of an enhanced packet block without a comment: 28 octets of head, the frame, its id (12), the end of options (4), the length again (4).
constexpr size_t frame_block(size_t octets) { return 48 + padded(octets); }

template <class T> inline uint8_t* put_at(uint8_t* to, T v) { return std::memcpy(to, &v, sizeof v), to + sizeof v; }

// `to` has room for frame_block(octets.size()).
[[gnu::always_inline]] inline void write_frame(uint8_t* to, const KeptFrame& f) {
  const uint32_t length = uint32_t(frame_block(f.octets.size())), captured = uint32_t(f.octets.size());
  to = put_at(to, uint32_t{6}), to = put_at(to, length), to = put_at(to, f.interface);
  to = put_at(to, uint32_t(uint64_t(f.stamp) >> 32)), to = put_at(to, uint32_t(f.stamp));
  to = put_at(to, captured), to = put_at(to, f.wire_length);
  if (captured) std::memcpy(to, f.octets.data(), captured);
  to += captured;
  for (size_t n = padded(captured) - captured; n; n--) *to++ = 0;
  to = put_at(to, uint16_t{5}), to = put_at(to, uint16_t{8}), to = put_at(to, f.id);   // epb_packetid
  to = put_at(to, uint32_t{0}), put_at(to, length);
}

struct KeptInterface {
  std::string name;
  Link link = Link::ethernet;
  bool operator==(const KeptInterface&) const = default;
};

using Blocks = std::vector<uint8_t>;
void add_section(Blocks& to, std::string_view comment);
void add_interface(Blocks& to, const KeptInterface&);
void add_frame(Blocks& to, const KeptFrame&, std::string_view comment);
// LINKTYPE_ of the registry; -1 for one that is not understood.
int link_number(Link);

// Reads what is written here, block by block; what comes from elsewhere is refused, not guessed.
class BlockReader {
 public:
  enum class Found : uint8_t { frame, interface, section, other, end, torn };
  // The block at the front of `octets`: `length` says how far it goes. `end`: nothing is left. `torn`: it is not whole (`short_of`: more
  // octets may make it so), or not one of ours.
  Found next(Bytes octets);
  size_t length = 0;
  bool short_of = false;
  KeptFrame frame;
  std::string comment;                     // of a frame or a section; read only with `comments`
  bool comments = false;
  std::vector<KeptInterface> interfaces;   // of this section so far
};

}  // namespace vidra
