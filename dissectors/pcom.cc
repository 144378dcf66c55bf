// SPDX-License-Identifier: Apache-2.0
// Unitronics PCOM over TCP: the six octets of PCOM/TCP, then a command in ASCII ("/00IDED") or binary ("/_OPLC…"). Unitronics
// "PCOM Protocol" (2011) names the commands. A record is one command or answer. The station is the unit.
#include <algorithm>

#include "dissectors/memory_area.h"
#include "dissectors/protocol.h"
#include "dissectors/waiting.h"

namespace vidra::pcom {
namespace {

// ASCII commands get numbers of ours; binary commands are 512 and their own.
constexpr Function functions[] = {
    {1, 0xffff, "identify", Act::identify},
    {2, 0xffff, "run", Act::run},
    {3, 0xffff, "stop", Act::run},
    {4, 0xffff, "reset", Act::run},
    {5, 0xffff, "initialise", Act::run},
    {6, 0xffff, "get unit ID", Act::read},
    {7, 0xffff, "set unit ID", Act::configure},
    {8, 0xffff, "read clock", Act::read},
    {9, 0xffff, "set clock", Act::time},
    {10, 0xffff, "read inputs", Act::read},
    {11, 0xffff, "read outputs", Act::read},
    {12, 0xffff, "read memory bits", Act::read},
    {13, 0xffff, "read system bits", Act::read},
    {14, 0xffff, "read memory integers", Act::read},
    {15, 0xffff, "read system integers", Act::read},
    {16, 0xffff, "read memory longs", Act::read},
    {17, 0xffff, "read system longs", Act::read},
    {18, 0xffff, "read memory double words", Act::read},
    {19, 0xffff, "read system double words", Act::read},
    {20, 0xffff, "read memory floats", Act::read},
    {30, 0xffff, "write outputs", Act::operate},
    {31, 0xffff, "write memory bits", Act::write},
    {32, 0xffff, "write system bits", Act::write},
    {33, 0xffff, "write memory integers", Act::write},
    {34, 0xffff, "write system integers", Act::write},
    {35, 0xffff, "write memory longs", Act::write},
    {36, 0xffff, "write system longs", Act::write},
    {37, 0xffff, "write memory double words", Act::write},
    {38, 0xffff, "write system double words", Act::write},
    {39, 0xffff, "write memory floats", Act::write},
    {255, 0xffff, "ASCII command", Act::other},
    {512 + 0x0C, 0xffff, "get PLC name", Act::identify},
    {512 + 0x4D, 0xffff, "read operands", Act::read},
    {512 + 0x7F, 0xffff, "binary command", Act::other},
};
Act act_of(uint16_t number) {
  for (const Function& f : functions)
    if (f.number == number) return f.act;
  return Act::other;
}

// The commands of ASCII mode; `digits` of a value (1: a bit), `area` of Maker::unitronics where it has operands.
struct Command { std::string_view code; uint16_t number; uint8_t digits; uint16_t area; };
constexpr Command commands[] = {
    {"CCR", 2, 0, 0}, {"CCS", 3, 0, 0}, {"CCE", 4, 0, 0}, {"CCI", 5, 0, 0}, {"RNL", 16, 8, 5}, {"RNH", 17, 8, 6}, {"RND", 18, 8, 7}, {"RNJ", 19, 8, 8}, {"RNF", 20, 8, 9},
    {"SNL", 35, 8, 5}, {"SNH", 36, 8, 6}, {"SND", 37, 8, 7}, {"SNJ", 38, 8, 8}, {"SNF", 39, 8, 9},
    {"ID", 1, 0, 0}, {"UG", 6, 0, 0}, {"US", 7, 0, 0}, {"RC", 8, 0, 0}, {"SC", 9, 0, 0}, {"RE", 10, 1, 10}, {"RA", 11, 1, 11}, {"RB", 12, 1, 1}, {"GS", 13, 1, 2}, {"RW", 14, 4, 3},
    {"GF", 15, 4, 4}, {"SA", 30, 1, 11}, {"SB", 31, 1, 1}, {"SS", 32, 1, 2}, {"SW", 33, 4, 3}, {"SF", 34, 4, 4},
};
const Command* command(std::string_view text) {
  for (const Command& c : commands)
    if (text.substr(0, c.code.size()) == c.code) return &c;
  return nullptr;
}

constexpr size_t tcp_header = 6, longest = 2048, binary_head = 24;
constexpr uint8_t ascii_mode = 101, binary_mode = 102;
constexpr std::string_view binary_stx = "/_OPLC";

constexpr uint16_t le16(Bytes b, size_t at) { return uint16_t(b[at] | b[at + 1] << 8); }
int digit(uint8_t o) { return o >= '0' && o <= '9' ? o - '0' : o >= 'A' && o <= 'F' ? o - 'A' + 10 : o >= 'a' && o <= 'f' ? o - 'a' + 10 : -1; }
uint32_t number(Reader& r, unsigned digits) {
  uint32_t v = 0;
  for (; digits; digits--) {
    const int d = digit(r.u8());
    r.require(d >= 0);
    v = v << 4 | uint32_t(std::max(d, 0));
  }
  return v;
}
// "/00ID" + sum + CR, "/A00ID…" + sum + CR: the sum of all between the sign and itself, two hexadecimal digits.
bool ascii_holds(Bytes b, bool& answers) {
  if (b.size() < 8 || b[0] != '/' || b.back() != '\r') return false;
  answers = b[1] == 'A';
  const size_t first = answers ? 2 : 1, end = b.size() - 3;
  const int high = digit(b[end]), low = digit(b[end + 1]);
  uint8_t sum = 0;
  for (size_t i = first; i < end; i++) sum = uint8_t(sum + b[i]);
  return high >= 0 && low >= 0 && sum == (high << 4 | low);
}
bool binary_holds(Bytes b) {   // head of 24 octets with its sum, data, sum, backslash: two's complements of 16 bits
  if (b.size() < binary_head + 3 || text_of(b.first(6)) != binary_stx || b.back() != '\\') return false;
  uint16_t sum = 0;
  for (size_t i = 0; i < 22; i++) sum = uint16_t(sum + b[i]);
  if (uint16_t(sum + le16(b, 22)) != 0) return false;
  return size_t{le16(b, 20)} + binary_head + 3 == b.size();
}

Bytes trimmed(Bytes b) {
  while (!b.empty() && (b.back() == ' ' || b.back() == 0)) b = b.first(b.size() - 1);
  return b;
}

struct Question { uint16_t number, count; uint8_t digits; Object first; };

class Parser final : public vidra::Parser {
 public:
  Cut next(Side, Bytes b, bool, bool) override {
    if (b.size() < tcp_header) return {Cut::need, tcp_header};
    if ((b[2] != ascii_mode && b[2] != binary_mode) || b[3] != 0) return {Cut::lost, 0};
    const size_t n = le16(b, 4);
    return n == 0 || n > longest ? Cut{Cut::lost, 0} : Cut{Cut::take, tcp_header + n};
  }

  void parse(Bytes record, Side, Speaker& say) override {
    Message& m = say.begin();
    Reader r{record, m.malformed};
    identity_ = Identity{};
    m.tag = r.le16();
    const uint8_t mode = r.u8();
    r.u8();
    const uint16_t length = r.le16();
    bool broken = length != r.left() || (mode != ascii_mode && mode != binary_mode);
    const Bytes body = r.rest();
    bool answers = false;
    broken |= mode == binary_mode ? !binary_holds(body) : !ascii_holds(body, answers);
    if (mode == binary_mode) binary(body, m, say);
    else ascii(body, m, say);
    m.malformed |= broken;
    say.end();
    if (identity_.product || identity_.name) {
      identity_.station = say.head().station;
      say.identity(identity_);
    }
  }

  void gap(Side, uint64_t) override { waiting_.clear(); }

 private:
  void ascii(Bytes body, Message& m, Speaker& say) {
    Reader r{body.first(body.size() > 3 ? body.size() - 3 : body.size()), m.malformed};
    r.u8();
    const bool answers = !r.peek().empty() && r.peek()[0] == 'A';
    if (answers) r.u8();
    m.role = answers ? Role::response : Role::request;
    m.station = number(r, 2);
    const std::string_view rest = text_of(r.peek());
    Question q{};
    if (answers) {
      m.unpaired = !waiting_.answer(m.tag, say.time, q);
      r.skip(2);                                         // the answer repeats two letters of the command
      const Command* c = command(rest);
      m.function = !m.unpaired ? q.number : c ? c->number : 255;
      m.act = act_of(m.function);
      return answer(r, m, say, q);
    }
    const Command* c = command(rest);
    if (!c) {
      m.function = 255;
      if (r) say.point(Object{}).set_octets(r.rest().size());
      return;
    }
    r.skip(c->code.size());
    m.function = c->number;
    m.act = act_of(c->number);
    q = {c->number, 0, c->digits, {}};
    if (c->digits) {
      const uint32_t first = number(r, 4), n = number(r, 2);
      if (r.ok()) {
        q.first = memory(Maker::unitronics, c->area, first);
        q.count = uint16_t(n);
        if (m.act == Act::read) say.point(q.first).count = std::max<uint32_t>(n, 1);
        else m.digest = text_key(text_of(r.peek())), values(r, q, say);
      }
    }
    if (r) say.point(Object{}).set_octets(r.rest().size());
    if (!m.malformed) waiting_.ask(m.tag, say.time, q);
  }

  void answer(Reader& r, const Message& m, Speaker& say, const Question& q) {
    if (m.function == 1 && r) {                          // six characters model, hardware, OS version
      const Bytes all = r.rest(), model = trimmed(all.first(std::min<size_t>(all.size(), 4)));
      identity_.vendor = say.text("Unitronics");
      identity_.product = say.text(text_of(model));
      say.point(say.named("model")).set_text(identity_.product);
      if (all.size() > 4) {
        identity_.firmware = say.text(text_of(trimmed(all.subspan(4))));
        say.point(say.named("versions")).set_text(identity_.firmware);
      }
      return;
    }
    if (q.digits && m.act == Act::read) values(r, q, say);
    if (r) say.point(Object{}).set_octets(r.rest().size());
  }

  static void values(Reader& r, const Question& q, Speaker& say) {
    r.require(r.left() == size_t{q.digits} * q.count);
    for (uint32_t i = 0; i < q.count && r; i++) {
      if (q.digits == 1) { say.point(q.first.at(i)).set(r.u8() == '1'); continue; }
      const uint32_t v = number(r, q.digits);
      if (!r.ok()) return;
      if (q.number == 14 || q.number == 15 || q.number == 33 || q.number == 34) say.point(q.first.at(i)).set_integer(int16_t(v));
      else if (q.number == 18 || q.number == 19 || q.number == 37 || q.number == 38) say.point(q.first.at(i)).set_natural(v);
      else if (q.number == 20 || q.number == 39) say.point(q.first.at(i)).set_bits(v, 32);
      else say.point(q.first.at(i)).set_integer(int32_t(v));
    }
  }

  void binary(Bytes body, Message& m, Speaker& say) {
    Reader r{body, m.malformed};
    r.skip(6);
    m.station = r.u8();
    r.skip(5);
    const uint8_t code = r.u8();
    const bool answers = code & 0x80;
    m.role = answers ? Role::response : Role::request;
    const uint8_t own = code & 0x7f;
    m.function = own == 0x0C || own == 0x4D ? uint16_t(512 + own) : uint16_t{512 + 0x7F};
    m.sub_function = m.function == 512 + 0x7F ? own : 0;
    m.act = act_of(m.function);
    r.skip(7);
    const uint16_t length = r.le16();
    r.skip(2);
    Reader data = r.sub(std::min<size_t>(length, r.left() >= 3 ? r.left() - 3 : 0));
    Question q{};
    if (answers) m.unpaired = !waiting_.answer(0x10000 | m.tag, say.time, q) && code != 0xFF;
    else waiting_.ask(0x10000 | m.tag, say.time, {m.function, 0, 0, {}});
    if (code == 0xFF) m.refused = true;
    if (own == 0x0C && answers) {
      const Bytes name = trimmed(data.rest());
      identity_.vendor = say.text("Unitronics");
      identity_.name = say.text(text_of(name));
      say.point(say.named("name")).set_text(identity_.name);
    } else if (data) {
      say.point(Object{}).set_octets(data.rest().size());
    }
  }

  Waiting<Question> waiting_;
  Identity identity_;
};

// --- recognition: the mode, the length and the sum ---

Recognised recognises(Bytes up, Bytes down, Carrier) {
  Recognised found;
  for (bool first : {true, false}) {
    const Bytes b = first ? up : down;
    if (b.empty()) continue;
    if (b.size() < tcp_header) continue;
    if ((b[2] != ascii_mode && b[2] != binary_mode) || b[3] != 0) return {};
    const size_t n = le16(b, 4);
    if (n < 8 || n > longest) return {};
    if (b.size() < tcp_header + n) {
      if (b.size() > tcp_header && b[tcp_header] != '/') return {};
      found.sure = std::max(found.sure, Recognised::maybe);
      continue;
    }
    const Bytes body = b.subspan(tcp_header, n);
    bool answers = false;
    if (b[2] == ascii_mode ? !ascii_holds(body, answers) : !binary_holds(body)) return {};
    if (b[2] == binary_mode) answers = body[12] & 0x80;
    found.sure = Recognised::yes;
    found.client = answers == first ? Recognised::down : Recognised::up;
  }
  return found;
}

vidra::Parser* open(Pool& pool) { return pool.make<Parser>(); }

constexpr Port ports[] = {{Carrier::tcp, 20256}};

}  // namespace

extern const Protocol protocol;
const Protocol protocol = {"pcom", "Unitronics PCOM", ports, recognises, open, functions, {}, nullptr,
                           "Unitronics, PCOM Protocol (2011): ASCII commands, binary read operands; PCOM/TCP header",
                           "binary commands but 0C and 4D (programming, passwords: no public description), data tables, binary operands' values (counted), timers and counters"};

}  // namespace vidra::pcom
