// SPDX-License-Identifier: Apache-2.0
// IEC 60870-5-101:2003 in frames FT1.2, as serial device servers carry it over TCP. A record is one frame. The line does not say how many
// octets its fields have (link address 0-2, cause 1-2, common address 1-2, object's address 1-3): they are inferred from what
// all frames of the conversation allow, the commonest first.
#include "dissectors/asdu.h"
#include "dissectors/ft12.h"

namespace vidra::iec101 {
namespace {

using namespace iec60870;

constexpr auto functions = [] {
  std::array<Function, names + std::size(ft12::link_functions)> all{};
  size_t n = 0;
  for (unsigned i = 0; i < 256; i++)
    if (!types[i].name.empty()) all[n++] = {uint16_t(i), 0xffff, types[i].name, types[i].act};
  for (const Function& f : ft12::link_functions) all[n++] = f;
  return all;
}();

// One choice of sizes. The commonest go first: what a station of 101 has, then what one has that came from 104.
struct Sizes { uint8_t link, cause, common, address; };
constexpr auto choices = [] {
  std::array<Sizes, 36> all{};
  size_t n = 0;
  for (uint8_t link : {1, 2, 0})
    for (Sizes s : {Sizes{0, 1, 1, 2}, {0, 2, 2, 3}, {0, 2, 2, 2}, {0, 1, 2, 2}, {0, 2, 1, 2}, {0, 1, 1, 3}, {0, 1, 2, 3}, {0, 2, 1, 3}, {0, 1, 1, 1}, {0, 1, 2, 1}, {0, 2, 1, 1}, {0, 2, 2, 1}})
      all[n++] = {link, s.cause, s.common, s.address};
  return all;
}();
using Possible = uint64_t;                                  // a bit for each choice
constexpr Possible all_choices = (Possible{1} << choices.size()) - 1;

// Which choices make sense of a variable frame's octets behind the control field.
Possible possible(Bytes data) {
  Possible p = 0;
  for (size_t i = 0; i < choices.size(); i++) {
    const Sizes s = choices[i];
    const size_t head = size_t{s.link} + 2 + s.cause + s.common;
    if (data.size() < head) continue;
    const Bytes asdu = data.subspan(s.link);
    const uint8_t id = asdu[0], cause = asdu[2] & 0x3f;
    if (types[id].name.empty() || id >= 128 || causes[cause].empty()) continue;
    if (types[id].body == Body::opaque || !agrees(id, asdu[1], data.size() - head, s.address, data.subspan(head))) continue;
    p |= Possible{1} << i;
  }
  return p;
}
Possible of_link(int octets) {                              // the choices with a link address of so many octets
  Possible p = 0;
  for (size_t i = 0; i < choices.size(); i++)
    if (octets < 0 || choices[i].link == octets) p |= Possible{1} << i;
  return p;
}

template <unsigned cause, unsigned common, unsigned address>
void one(Reader& r, Side from, Speaker& say) { say_asdu<cause, common, address>(r, from, say); }
using Say = void (*)(Reader&, Side, Speaker&);
constexpr Say sayers[2][2][3] = {{{one<1, 1, 1>, one<1, 1, 2>, one<1, 1, 3>}, {one<1, 2, 1>, one<1, 2, 2>, one<1, 2, 3>}},
                                 {{one<2, 1, 1>, one<2, 1, 2>, one<2, 1, 3>}, {one<2, 2, 1>, one<2, 2, 2>, one<2, 2, 3>}}};

struct Iec101 final : Parser {
  Cut next(Side from, Bytes octets, bool, bool) override {
    return cutter_[from == Side::client ? 0 : 1].next(octets, link_);
  }

  void parse(Bytes record, Side from, Speaker& say) override {
    Message& m = say.begin();
    Reader r{record, m.malformed};
    m.role = from == Side::client ? Role::request : Role::response;
    const ft12::Frame f = ft12::take_frame(r);
    if (f.kind == ft12::fixed && !m.malformed) {
      link_ = int(f.data.size());
      if (possible_ & of_link(link_)) possible_ &= of_link(link_);
    }
    if (f.kind != ft12::variable || m.malformed) {
      ft12::say_link(f, f.kind == ft12::fixed ? unsigned(f.data.size()) : 0, m);
    } else {
      const Possible now = possible(f.data), narrowed = possible_ & now;
      if (narrowed) possible_ = narrowed;
      const Sizes s = choices[size_t(std::countr_zero(narrowed ? narrowed : now ? now : possible_))];
      uint32_t link = 0;
      for (size_t i = 0; i < s.link && i < f.data.size(); i++) link |= uint32_t(f.data[i]) << 8 * i;
      Reader asdu{f.data, m.malformed};
      asdu.skip(s.link);
      m.frame = ft12::variable;
      if (asdu) sayers[s.cause - 1][s.common - 1][s.address - 1](asdu, from, say);
      else ft12::say_link(f, s.link, m);
      m.sequence = uint32_t(f.control) << 16 | link;
    }
    say.end();
  }

  void gap(Side from, uint64_t) override { cutter_[from == Side::client ? 0 : 1].gap(); }

 private:
  ft12::Cutter cutter_[2];
  int link_ = -1;
  Possible possible_ = all_choices;
};

// IEC 60870-5-103 has the same frames; its ASDUs hold one sequence of one, and repeat the link address.
bool may_be_103(Bytes data) { return data.size() >= 7 && data[2] == 0x81 && data[0] == data[4]; }
// Objects with addresses of one octet exist, and say too little to be sure.
constexpr Possible telling = [] {
  Possible p = 0;
  for (size_t i = 0; i < choices.size(); i++)
    if (choices[i].address >= 2) p |= Possible{1} << i;
  return p;
}();

struct Heard { Possible possible = all_choices; int agree = 0, client = 0, of_103 = 0; };
ft12::Walk listen(Bytes o, Heard& h) {
  const ft12::Walk w = ft12::walk(o, [&h](uint8_t, Bytes data) {
    const Possible p = possible(data);
    h.possible &= p;
    h.agree += p != 0;
    h.of_103 += may_be_103(data);
    if (!p) return;
    const Sizes s = choices[size_t(std::countr_zero(p))];
    const uint8_t id = data[s.link], cause = data[size_t{s.link} + 2] & 0x3f;
    const bool asked = (cause == 6 || cause == 8) || id == 102;
    h.client += asked ? 1 : -1;
  });
  if (w.address >= 0) h.possible &= of_link(w.address);
  return w;
}

Recognised recognises(Bytes up, Bytes down, Carrier carrier) {
  Recognised r;
  if (carrier != Carrier::tcp) return r;
  Heard a, b;
  const ft12::Walk wa = listen(up, a), wb = listen(down, b);
  if (wa.broken || wb.broken) return r;
  const int variable = wa.variable + wb.variable, fixed = wa.fixed + wb.fixed;
  if (variable && !(a.possible & b.possible)) return r;
  if (variable && a.of_103 + b.of_103 < variable && (a.possible & b.possible & telling)) r.sure = Recognised::yes;
  else if (variable || fixed) r.sure = Recognised::maybe;
  const int client = a.client - b.client, primary = wa.primary - wb.primary;
  if (client > 0 || (client == 0 && primary > 0)) r.client = Recognised::up;
  else if (client < 0 || primary < 0) r.client = Recognised::down;
  return r;
}

// Serial device servers offer their first ports here; every other is found by structure or declared.
constexpr Port ports[] = {{Carrier::tcp, 4001}, {Carrier::tcp, 4002}, {Carrier::tcp, 4003}, {Carrier::tcp, 4004}};
Parser* open(Pool& pool) { return pool.make<Iec101>(); }

}  // namespace

extern const Protocol protocol;
const Protocol protocol = {"iec101", "IEC 60870-5-101 over TCP", ports, recognises, open, functions, ft12::frames, reason,
                           "IEC 60870-5-101:2003 (7: ASDUs), IEC 60870-5-1 (FT1.2), IEC 60870-5-2 (link procedures)",
                           "the secured types of IEC 60870-5-7 and the private range (by name); sizes of fields that no frame has told apart yet"};

}  // namespace vidra::iec101
