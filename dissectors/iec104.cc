// SPDX-License-Identifier: Apache-2.0
// IEC 60870-5-104:2006 with A1:2016, over the ASDUs of IEC 60870-5-101:2003. A record is one APDU. Cause of transmission and
// common address have two octets, the information object's address three (104, 6). The secured types of IEC 60870-5-7 and
// the private range are named and kept opaque.
#include <cstring>

#include "dissectors/asdu.h"

namespace vidra::iec104 {
namespace {

using namespace iec60870;

enum Frame : uint8_t { i_frame, s_frame, u_frame };
constexpr std::string_view frames[] = {"I", "S", "U"};

constexpr std::pair<uint8_t, std::string_view> controls[] = {   // 104, figure 8
    {0x07, "STARTDT act"}, {0x0b, "STARTDT con"}, {0x13, "STOPDT act"}, {0x23, "STOPDT con"}, {0x43, "TESTFR act"}, {0x83, "TESTFR con"}};

// Type identifications are rows of any sub-function; an S or U frame's sub-function is its frame, so that 7 is both.
constexpr auto functions = [] {
  std::array<Function, names + std::size(controls) + 1> all{};
  size_t n = 0;
  for (unsigned i = 0; i < 256; i++) {
    if (i == 1) all[n++] = {1, s_frame, "S acknowledge", Act::session};
    for (const auto& [octet, name] : controls)
      if (octet == i) all[n++] = {uint16_t(i), u_frame, name, Act::session};
    if (!types[i].name.empty()) all[n++] = {uint16_t(i), 0xffff, types[i].name, types[i].act};
  }
  return all;
}();

// 104, 5: the control field, as far as it excludes that an APDU begins here.
bool coherent(uint8_t length, uint8_t c1, uint8_t c2, uint8_t c3, uint8_t c4) {
  if (!(c1 & 1)) return !(c3 & 1) && length >= 10;
  if (length != 4) return false;
  if (c1 == 1) return c2 == 0 && !(c3 & 1);
  return c2 == 0 && c3 == 0 && c4 == 0 && std::any_of(std::begin(controls), std::end(controls), [&](const auto& c) { return c.first == c1; });
}

// Whether type, cause, number of objects and length of an I frame agree; its first 12 octets are given, or more. A type
// that is opaque agrees with every length.
bool agrees(Bytes apdu) {
  return !types[apdu[6]].name.empty() && !causes[apdu[8] & 0x3f].empty() && iec60870::agrees(apdu[6], apdu[7], size_t{apdu[1]} - 10, 3, apdu.subspan(12));
}

struct Iec104 final : Parser {
  Cut next(Side from, Bytes octets, bool segment_start, bool) override {
    bool& seeking = seeking_[from == Side::client ? 0 : 1];
    if (octets.size() < 2) {
      if (octets.size() == 1 && octets[0] != 0x68) return seeking = true, Cut{Cut::lost, 0};
      return {Cut::need, 2};
    }
    const uint8_t length = octets[1];
    if (octets[0] != 0x68 || length < 4 || length > 253) return seeking = true, Cut{Cut::lost, 0};
    if (seeking) {   // 0x68 is also a letter and a number: ask for more, and most where not even a segment begins
      if (octets.size() < 6) return {Cut::need, 6};
      if (!coherent(length, octets[2], octets[3], octets[4], octets[5])) return {Cut::lost, 0};
      if (!segment_start) {
        if (!(octets[2] & 1) && octets.size() < 12) return {Cut::need, 12};
        const size_t behind = size_t{2} + length;
        if ((!(octets[2] & 1) && !agrees(octets)) || (octets.size() > behind && octets[behind] != 0x68)) return {Cut::lost, 0};
      }
      seeking = false;
    }
    return {Cut::take, size_t{2} + length};
  }

  void parse(Bytes record, Side from, Speaker& say) override {
    Message& m = say.begin();
    Reader r{record, m.malformed};
    r.require(r.u8() == 0x68);
    const uint8_t length = r.u8();
    const bool whole = length == r.left();
    const uint16_t first = r.le16(), second = r.le16();
    if (first & 1) link(uint8_t(first), uint8_t(first >> 8), second, r, m);
    else asdu(first, second, r, from, say);
    m.malformed |= !whole;
    say.end();
  }

  void gap(Side from, uint64_t) override { seeking_[from == Side::client ? 0 : 1] = true; }

 private:
  static void link(uint8_t control, uint8_t zero, uint16_t second, Reader& r, Message& m) {
    m.link = true;
    m.act = Act::session;
    m.function = control;
    if ((control & 3) == 1) {                                           // numbered supervision: acknowledges
      m.frame = m.sub_function = s_frame;
      m.role = Role::response;
      m.sequence = second >> 1;
      r.require(control == 1 && zero == 0 && !(second & 1));
    } else {
      m.frame = m.sub_function = u_frame;
      m.role = control & 0xa8 ? Role::response : Role::request;         // con, act
      r.require(zero == 0 && second == 0 && (control == 0x07 || control == 0x0b || control == 0x13 || control == 0x23 || control == 0x43 || control == 0x83));
    }
    r.finish();
  }

  static void asdu(uint16_t first, uint16_t second, Reader& r, Side from, Speaker& say) {
    Message& m = say.head();
    m.sequence = uint32_t(first >> 1) << 16 | second >> 1;
    r.require(!(second & 1));
    say_asdu<2, 2, 3>(r, from, say);
  }

  bool seeking_[2] = {false, false};   // by side: where the next record begins is not known
};

// What one direction's octets are, walked APDU by APDU from where they begin.
struct Walk {
  int bits = 0;               // how many bits were as they must be: the evidence
  int client = 0, server = 0; // in favour of this side being the controlling or the controlled station
  size_t frames = 0;
  bool broken = false;
};

void weigh_asdu(Bytes apdu, Walk& w) {
  const uint8_t id = apdu[6], cause = apdu[8] & 0x3f;
  const Type& type = types[id];
  if (!agrees(apdu)) { w.broken = true; return; }
  w.bits += type.body == Body::opaque ? 4 : 20;
  const bool asked = cause == 6 || cause == 8 || id == 102 || id == 127;
  const bool answered = cause == 7 || cause == 9 || cause == 10 || (cause >= 20 && cause <= 47) || type.from == From::controlled;
  if (answered) w.server += 4;
  else if (asked) w.client += 4;
}

Walk walk(Bytes octets) {
  Walk w;
  int sent = -1;
  size_t at = 0;
  while (at < octets.size()) {
    const Bytes rest = octets.subspan(at);
    if (rest[0] != 0x68) { w.broken = true; return w; }
    if (rest.size() < 6) { w.bits += 4; return w; }
    const uint8_t length = rest[1];
    if (length < 4 || length > 253 || !coherent(length, rest[2], rest[3], rest[4], rest[5])) { w.broken = true; return w; }
    if (rest.size() < size_t{2} + length) {                             // cut short
      w.broken = rest.size() >= 12 && !(rest[2] & 1) && !agrees(rest);
      w.bits += 12;
      return w;
    }
    w.frames++;
    const uint8_t control = rest[2];
    if (control == 1) {
      w.bits += 28, w.client += 1;
    } else if (control & 1) {
      w.bits += 40;
      if (control == 0x07 || control == 0x13) w.client += 100;
      if (control == 0x0b || control == 0x23) w.server += 100;
    } else {
      const int number = (rest[2] | rest[3] << 8) >> 1;
      if (sent >= 0 && number == ((sent + 1) & 0x7fff)) w.bits += 14;
      sent = number;
      weigh_asdu(rest.first(size_t{2} + length), w);
      if (w.broken) return w;
    }
    at += size_t{2} + length;
  }
  if (w.frames) w.bits += 4;                                            // the last one ends where the octets end
  return w;
}

// From the middle, the first octet heard may lie inside an APDU: the first place from which three in a row make sense.
Walk walk_from_anywhere(Bytes octets) {
  const Walk first = walk(octets);
  if (!first.broken || first.frames) return first;
  const size_t last = std::min<size_t>(octets.size(), 255);
  for (size_t at = 1; at < last; at++) {
    const void* const found = std::memchr(octets.data() + at, 0x68, last - at);
    if (!found) break;
    at = size_t(static_cast<const uint8_t*>(found) - octets.data());
    const Walk w = walk(octets.subspan(at));
    if (!w.broken && w.frames >= 3) return w;
  }
  return first;
}

// Whether the octets are cut into APDUs by their lengths alone, whatever is in them: enough to hear, at a port where 104 is
// expected, what is wrong with them.
bool chained(Bytes octets) {
  size_t at = 0;
  while (at + 1 < octets.size() && octets[at] == 0x68 && octets[at + 1] >= 4 && octets[at + 1] <= 253) at += size_t{2} + octets[at + 1];
  return at != 0 && at == octets.size();
}

// A variable frame of FT1.2 (IEC 60870-5-1), as 101, 103 and M-Bus have it, also begins with 0x68.
bool ft12(Bytes o) { return o.size() >= 6 && o[0] == 0x68 && o[3] == 0x68 && o[1] == o[2]; }

Recognised recognises(Bytes up, Bytes down, Carrier carrier) {
  if (carrier != Carrier::tcp || ft12(up) || ft12(down)) return {};
  const Walk a = walk_from_anywhere(up), b = walk_from_anywhere(down);
  const int bits = (a.broken ? 0 : a.bits) + (b.broken ? 0 : b.bits);
  const bool broken = a.broken || b.broken;
  Recognised r;
  if (bits >= (broken ? 80 : 36)) r.sure = Recognised::yes;
  else if (bits >= (broken ? 36 : 4)) r.sure = Recognised::maybe;
  else if (a.frames + b.frames >= 2 || (a.frames && a.bits >= 28) || (b.frames && b.bits >= 28)) r.sure = Recognised::maybe;   // began well
  else if (chained(up) || chained(down)) r.sure = Recognised::maybe;
  if (r.sure == Recognised::no) return r;
  const int up_asks = a.client + b.server, down_asks = a.server + b.client;
  if (up_asks > down_asks) r.client = Recognised::up;
  else if (down_asks > up_asks) r.client = Recognised::down;
  return r;
}

constexpr Port ports[] = {{Carrier::tcp, 2404}};
Parser* open(Pool& pool) { return pool.make<Iec104>(); }

}  // namespace

extern const Protocol protocol;
const Protocol protocol = {"iec104", "IEC 60870-5-104", ports, recognises, open, functions, frames, reason,
    "IEC 60870-5-104:2006+A1:2016 with IEC 60870-5-101:2003 (7.2, 7.3); IEC 60870-5-5 clause 7; IEC 60870-5-7 for the secured types",
    "private types (named by number), secured types 81 to 87 and 90 to 95 (named), contents of files (counted)"};

}  // namespace vidra::iec104
