// SPDX-License-Identifier: Apache-2.0
// Frames of format FT1.2 (IEC 60870-5-1, 6.2.4.2) with the link procedures of IEC 60870-5-2, as 101 and 103 have them on a serial line,
// and a serial device server carries them over TCP.
#pragma once
#include <algorithm>
#include <array>

#include "dissectors/protocol.h"

namespace vidra::ft12 {

enum Kind : uint8_t { variable, fixed, single };
inline constexpr std::string_view frames[] = {"variable length", "fixed length", "single character"};

// Message::function of frames that carry no user data: primary functions, secondary ones, single characters.
inline constexpr uint16_t primary_from = 0x100, secondary_from = 0x110, single_from = 0x120;
inline constexpr Function link_functions[] = {
    {0x100, 0xffff, "reset of remote link", Act::session},
    {0x101, 0xffff, "reset of user process", Act::run},
    {0x102, 0xffff, "test function for link", Act::session},
    {0x103, 0xffff, "user data, confirm expected", Act::other},
    {0x104, 0xffff, "user data, no reply expected", Act::other},
    {0x107, 0xffff, "reset of the frame count bit", Act::session},
    {0x108, 0xffff, "request of access demand", Act::session},
    {0x109, 0xffff, "request of status of link", Act::session},
    {0x10a, 0xffff, "request of user data class 1", Act::session},
    {0x10b, 0xffff, "request of user data class 2", Act::session},
    {0x110, 0xffff, "ACK", Act::session},
    {0x111, 0xffff, "NACK", Act::session},
    {0x118, 0xffff, "user data", Act::other},
    {0x119, 0xffff, "requested data not available", Act::session},
    {0x11b, 0xffff, "status of link", Act::session},
    {0x11e, 0xffff, "link service not functioning", Act::session},
    {0x11f, 0xffff, "link service not implemented", Act::session},
    {0x120, 0xffff, "single character acknowledgement", Act::session},
};
// A protocol's own rows (sorted by number) with the link's among them; where both have one, its own.
template <const auto& own> constexpr auto with_link() {
  constexpr auto has = [](uint16_t number) { return std::any_of(std::begin(own), std::end(own), [number](const Function& f) { return f.number == number; }); };
  constexpr size_t both = size_t(std::count_if(std::begin(link_functions), std::end(link_functions), [has](const Function& f) { return has(f.number); }));
  std::array<Function, std::size(own) + std::size(link_functions) - both> all{};
  size_t n = 0;
  for (const Function& f : own) all[n++] = f;
  for (const Function& f : link_functions)
    if (!has(f.number)) all[n++] = f;
  std::sort(all.begin(), all.end(), [](const Function& a, const Function& b) { return a.number < b.number; });
  return all;
}

inline uint8_t sum(Bytes b) {
  unsigned s = 0;
  for (uint8_t o : b) s += o;
  return uint8_t(s);
}
inline bool is_single(uint8_t o) { return o == 0xe5 || o == 0xa2; }

// A variable frame stands here, whole and right.
inline bool right_variable(Bytes o) {
  if (o.size() < 6 || o[0] != 0x68 || o[3] != 0x68 || o[1] != o[2]) return false;
  const size_t n = o[1];
  return o.size() >= n + 6 && o[n + 5] == 0x16 && sum(o.subspan(4, n)) == o[n + 4];
}
// A fixed frame with an address of so many octets stands here, whole and right.
inline bool right_fixed(Bytes o, size_t address_octets) {
  return o.size() >= 4 + address_octets && o[0] == 0x10 && o[3 + address_octets] == 0x16 && sum(o.subspan(1, 1 + address_octets)) == o[2 + address_octets];
}
// Of how many octets the address of the fixed frame that stands here is; -1 where none stands.
inline int address_octets(Bytes o) {
  for (size_t n : {size_t{1}, size_t{2}, size_t{0}})
    if (right_fixed(o, n)) return int(n);
  return -1;
}

// Finds one direction's frames. `address` is what is known of the link address' octets, -1 nothing.
class Cutter {
 public:
  Cut next(Bytes o, int& address) {
    if (o.empty()) return {Cut::need, 1};
    if (is_single(o[0])) return seeking_ ? Cut{Cut::lost, 0} : Cut{Cut::take, 1};
    if (o[0] == 0x10) {
      if (address >= 0 && !seeking_) return {Cut::take, size_t(4 + address)};
      const int n = address_octets(o);
      if (n >= 0) return address = n, seeking_ = false, Cut{Cut::take, size_t(4 + n)};
      if (o.size() < 6) return {Cut::need, o.size() + 1};
      return lost();
    }
    if (o[0] != 0x68) return lost();
    if (o.size() < 4) return {Cut::need, 4};
    if (o[3] != 0x68 || o[1] != o[2] || o[1] < 1) return lost();
    const size_t n = size_t{o[1]} + 6;
    if (seeking_ && o.size() >= n && !right_variable(o)) return lost();
    if (o.size() >= n) seeking_ = false;
    return {Cut::take, n};
  }
  void gap() { seeking_ = true; }

 private:
  Cut lost() { return seeking_ = true, Cut{Cut::lost, 0}; }
  bool seeking_ = false;
};

// The link's part of a frame.
struct Frame {
  Kind kind = variable;
  uint8_t control = 0;
  Bytes data;                                        // behind the control field: of a variable frame, address and user data
  bool primary() const { return control & 0x40; }
  unsigned function() const { return control & 0x0f; }
};

// Reads a frame; what is wrong with it goes into the flag of `r`.
inline Frame take_frame(Reader& r) {
  Frame f;
  const uint8_t start = r.u8();
  if (is_single(start)) {
    f.kind = single, f.control = start;
  } else if (start == 0x10) {
    f.kind = fixed;
    r.require(r.left() >= 3 && r.left() <= 5);
    const Bytes all = r.rest();
    if (!r.ok()) return f;
    f.control = all[0];
    f.data = all.subspan(1, all.size() - 3);
    r.require(all.back() == 0x16 && sum(all.first(all.size() - 2)) == all[all.size() - 2]);
  } else {
    const uint8_t n = r.u8(), again = r.u8(), second = r.u8();
    r.require(start == 0x68 && second == 0x68 && n == again && n >= 1);
    const Bytes all = r.bytes(n);
    const uint8_t check = r.u8(), end = r.u8();
    if (!r.ok()) return f;
    f.control = all[0];
    f.data = all.subspan(1);
    r.require(end == 0x16 && check == sum(all));
  }
  r.finish();
  return f;
}

// Says a frame that carries no user data.
inline void say_link(const Frame& f, unsigned address_octets, Message& m) {
  m.link = true;
  m.frame = f.kind;
  m.act = Act::session;
  if (f.kind == single) {
    m.function = single_from;
    m.role = Role::response;
    return;
  }
  m.function = uint16_t((f.primary() ? primary_from : secondary_from) + f.function());
  m.role = f.primary() ? Role::request : Role::response;
  if (m.function == 0x101) m.act = Act::run;
  m.refused = !f.primary() && (f.function() == 1 || f.function() >= 14);
  uint32_t address = 0;
  for (size_t i = 0; i < std::min<size_t>(address_octets, f.data.size()); i++) address |= uint32_t(f.data[i]) << 8 * i;
  m.sequence = uint32_t(f.control) << 16 | address;
}

// One direction's octets, frame by frame: calls back with each right variable frame's control and data.
struct Walk { int variable = 0, fixed = 0, single = 0, primary = 0, address = -1; bool broken = false; };
template <class Each>
Walk walk(Bytes o, Each each) {
  Walk w;
  while (!o.empty()) {
    if (is_single(o[0])) {
      w.single++, o = o.subspan(1);
    } else if (o[0] == 0x10) {
      const int n = address_octets(o);
      if (n < 0) { w.broken = o.size() >= 6; break; }
      w.fixed++, w.address = n;
      w.primary += (o[1] & 0x40) && (o[1] & 0x0f) >= 8 ? 2 : o[1] & 0x40 ? 1 : -1;
      o = o.subspan(4 + size_t(n));
    } else {
      if (o.size() < 4) { w.broken = o[0] != 0x68; break; }
      if (o[0] != 0x68 || o[3] != 0x68 || o[1] != o[2] || o[1] < 1) { w.broken = true; break; }
      const size_t n = size_t{o[1]} + 6;
      if (o.size() < n) break;
      if (!right_variable(o)) { w.broken = true; break; }
      w.variable++;
      each(o[4], o.subspan(5, n - 7));
      o = o.subspan(n);
    }
  }
  return w;
}

}  // namespace vidra::ft12
