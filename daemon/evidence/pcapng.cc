// SPDX-License-Identifier: Apache-2.0
#include "daemon/evidence/pcapng.h"

#include <algorithm>

namespace vidra {
namespace {

constexpr uint32_t section_block = 0x0a0d0d0a, byte_order = 0x1a2b3c4d, interface_block = 1, frame_block_type = 6;
constexpr uint16_t option_comment = 1, option_name = 2, option_application = 4, option_packet_id = 5, option_resolution = 9;
constexpr size_t longest_option = 4096, longest_block = (1u << 20) + 65'536;

template <class T> void put(Blocks& to, T v) {
  const size_t at = to.size();
  to.resize(at + sizeof v);
  std::memcpy(to.data() + at, &v, sizeof v);
}

void option(Blocks& to, uint16_t code, std::string_view text) {
  text = text.substr(0, longest_option);
  while (text.size() == longest_option && !text.empty() && (uint8_t(text.back()) & 0xc0) == 0x80) text.remove_suffix(1);   // no half of a letter
  put(to, code), put(to, uint16_t(text.size()));
  to.insert(to.end(), text.begin(), text.end());
  to.resize(padded(to.size()));
}

// A block begins at `at`: its lengths are put in.
void close(Blocks& to, size_t at) {
  const uint32_t length = uint32_t(to.size() - at + 4);
  put(to, length);
  std::memcpy(to.data() + at + 4, &length, 4);
}

uint32_t u32(Bytes b, size_t at) { uint32_t v; std::memcpy(&v, b.data() + at, 4); return v; }
uint16_t u16(Bytes b, size_t at) { uint16_t v; std::memcpy(&v, b.data() + at, 2); return v; }

// Calls each(code, value) for the options; false when they are not whole.
template <class Each> bool options(Bytes b, const Each& each) {
  while (b.size() >= 4) {
    const uint16_t code = u16(b, 0), n = u16(b, 2);
    if (code == 0) return true;
    if (b.size() < 4 + padded(n)) return false;
    each(code, b.subspan(4, n));
    b = b.subspan(4 + padded(n));
  }
  return b.empty();
}

std::string text(Bytes b) { return {b.begin(), b.end()}; }

constexpr int numbers[] = {1, 101, 113, 276, 0};   // by Link: Ethernet, raw IP, Linux cooked 1 and 2, BSD loopback

}  // namespace

int link_number(Link l) { return size_t(l) < std::size(numbers) ? numbers[size_t(l)] : -1; }

void add_section(Blocks& to, std::string_view comment) {
  const size_t at = to.size();
  put(to, section_block), put(to, uint32_t{0}), put(to, byte_order), put(to, uint16_t{1}), put(to, uint16_t{0}), put(to, ~uint64_t{0});
  if (!comment.empty()) option(to, option_comment, comment);
  option(to, option_application, "vidra " VIDRA_VERSION);
  put(to, uint32_t{0});
  close(to, at);
}

void add_interface(Blocks& to, const KeptInterface& i) {
  const size_t at = to.size();
  put(to, interface_block), put(to, uint32_t{0}), put(to, uint16_t(link_number(i.link))), put(to, uint16_t{0}), put(to, uint32_t{0});
  if (!i.name.empty()) option(to, option_name, i.name);
  option(to, option_resolution, "\x09");
  put(to, uint32_t{0});
  close(to, at);
}

void add_frame(Blocks& to, const KeptFrame& f, std::string_view comment) {
  const size_t at = to.size();
  to.resize(at + frame_block(f.octets.size()));
  write_frame(to.data() + at, f);
  if (comment.empty()) return;
  to.resize(to.size() - 8);                // the end of options and the length come behind the comment
  option(to, option_comment, comment);
  put(to, uint32_t{0});
  close(to, at);
}

BlockReader::Found BlockReader::next(Bytes b) {
  length = 0;
  short_of = false;
  if (b.empty()) return Found::end;
  const auto torn = [&](bool more) { return short_of = more, Found::torn; };
  if (b.size() < 12) return torn(true);
  const uint32_t type = u32(b, 0), n = u32(b, 4);
  if (n < 12 || n % 4 || n > longest_block) return torn(false);
  if (b.size() < n) return torn(true);
  if (u32(b, n - 4) != n) return torn(false);
  b = b.first(n);
  if (type == section_block) {
    if (n < 28 || u32(b, 8) != byte_order) return torn(false);
    interfaces.clear();
    comment.clear();
    if (!options(b.subspan(24, n - 28), [&](uint16_t code, Bytes v) { if (comments && code == option_comment) comment = text(v); })) return torn(false);
    return length = n, Found::section;
  }
  if (type == interface_block) {
    if (n < 20) return torn(false);
    KeptInterface i;
    const auto link = std::find(std::begin(numbers), std::end(numbers), int(u16(b, 8)));
    i.link = link == std::end(numbers) ? Link::unsupported : Link(link - std::begin(numbers));
    bool nanoseconds = false;
    const bool whole = options(b.subspan(16, n - 20), [&](uint16_t code, Bytes v) {
      if (code == option_name) i.name = text(v);
      if (code == option_resolution) nanoseconds = v.size() == 1 && v[0] == 9;
    });
    if (!whole || !nanoseconds) return torn(false);
    interfaces.push_back(std::move(i));
    return length = n, Found::interface;
  }
  if (type != frame_block_type) return length = n, Found::other;
  if (n < 32) return torn(false);
  const uint32_t captured = u32(b, 20);
  if (captured > n - 32 || padded(captured) > n - 32 || u32(b, 8) >= interfaces.size()) return torn(false);
  frame.interface = u32(b, 8);
  frame.stamp = Time(uint64_t{u32(b, 12)} << 32 | u32(b, 16));
  frame.wire_length = u32(b, 24);
  frame.octets = b.subspan(28, captured);
  frame.id = 0;
  comment.clear();
  const Bytes rest = b.subspan(28 + padded(captured), n - 32 - padded(captured));
  const bool whole = options(rest, [&](uint16_t code, Bytes v) {
    if (code == option_packet_id && v.size() == 8) std::memcpy(&frame.id, v.data(), 8);
    if (comments && code == option_comment) comment = text(v);
  });
  if (!whole) return torn(false);
  return length = n, Found::frame;
}

}  // namespace vidra
