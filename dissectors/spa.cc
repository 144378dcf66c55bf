// SPDX-License-Identifier: Apache-2.0
// SPA-bus of ABB's protection relays (SPA-Bus Communication Protocol V2.5, 34 SPACOM 2 EN1) over serial device servers: what
// PCM600's predecessors and gateways speak. A record is one message in ASCII: > or <, slave, kind, data item, data, checksum, CR.
// Data items keep the names they have on the wire: "2S1" is channel 2, setting 1. PCM600 itself speaks MMS and FTP, heard there.
#include <algorithm>

#include "dissectors/protocol.h"
#include "dissectors/waiting.h"

namespace vidra::spa {
namespace {

constexpr Function functions[] = {   // by the letter
    {'A', 0xffff, "acknowledge", Act::other},
    {'D', 0xffff, "data", Act::read},
    {'N', 0xffff, "not acknowledged", Act::other},
    {'R', 'B', "read events again", Act::read},
    {'R', 'C', "read status", Act::diagnose},
    {'R', 'F', "read slave identification", Act::identify},
    {'R', 'L', "read events", Act::read},
    {'R', 'T', "read clock", Act::read},
    {'R', 0xffff, "read", Act::read},
    {'W', 'C', "write status", Act::configure},
    {'W', 'D', "write date and time", Act::time},
    {'W', 'O', "write output", Act::operate},
    {'W', 'S', "write setting", Act::configure},
    {'W', 'T', "write time", Act::time},
    {'W', 'V', "write variable", Act::configure},
    {'W', 0xffff, "write", Act::write},
};

Act act_of(uint16_t function, uint16_t sub) {
  Act any = Act::other;
  for (const Function& f : functions) {
    if (f.number != function) continue;
    if (f.sub == sub) return f.act;
    if (f.sub == 0xffff) any = f.act;
  }
  return any;
}

constexpr size_t longest = 600;

int digit(char o) { return o >= '0' && o <= '9' ? o - '0' : o >= 'A' && o <= 'F' ? o - 'A' + 10 : -1; }
bool is_digit(char o) { return o >= '0' && o <= '9'; }

// The parts of a message: slave and kind, item, data; `sure`: the checksum was given and holds.
struct Parts { bool whole = false, sure = false, answers = false; unsigned slave = 0; char kind = 0; std::string_view item, data; };
Parts parts(std::string_view t) {
  Parts p;
  while (!t.empty() && (t.back() == '\n' || t.back() == '\r')) t.remove_suffix(1);
  if (t.size() < 6 || (t[0] != '>' && t[0] != '<') || t.size() > longest) return p;
  p.answers = t[0] == '<';
  const std::string_view sum = t.substr(t.size() - 2);
  if (t[t.size() - 3] != ':') return p;
  uint8_t x = 0;
  for (char o : t.substr(0, t.size() - 2)) x = uint8_t(x ^ uint8_t(o));
  const bool none = sum == "XX";
  if (!none && (digit(sum[0]) < 0 || digit(sum[1]) < 0 || x != (digit(sum[0]) << 4 | digit(sum[1])))) return p;
  size_t at = 1;
  for (; at < t.size() && is_digit(t[at]); at++) p.slave = p.slave * 10 + unsigned(t[at] - '0');
  if (at == 1 || at > 5 || p.slave > 999) return p;
  p.kind = t[at++];
  const bool known = p.answers ? p.kind == 'D' || p.kind == 'A' || p.kind == 'N' : p.kind == 'R' || p.kind == 'W';
  if (!known) return p;
  const std::string_view rest = t.substr(at, t.size() - 3 - at);
  const size_t colon = rest.find(':');
  p.item = rest.substr(0, colon);
  if (colon != std::string_view::npos) p.data = rest.substr(colon + 1);
  p.whole = true;
  p.sure = !none;
  return p;
}
char category(std::string_view item) {
  for (char o : item)
    if (o >= 'A' && o <= 'Z') return o;
  return 0;
}
bool is_password(std::string_view item) {   // V160 opens remote setting, V161 changes its password
  return item.find("V160") != std::string_view::npos || item.find("V161") != std::string_view::npos;
}

struct Question { char kind = 0, category = 0; uint8_t length = 0; std::array<char, 24> item; };

class Parser final : public vidra::Parser {
 public:
  Cut next(Side, Bytes b, bool, bool) override {
    if (b.empty()) return {Cut::need, 1};
    if (b[0] != '>' && b[0] != '<') return {Cut::lost, 0};
    for (size_t i = 1; i < std::min(b.size(), longest); i++) {
      if (b[i] == '\r') return {Cut::take, i + 1 + (i + 1 < b.size() && b[i + 1] == '\n')};
      if (b[i] < 0x20 || b[i] > 0x7e) return {Cut::lost, 0};
    }
    return b.size() >= longest ? Cut{Cut::lost, 0} : Cut{Cut::need, b.size() + 1};
  }

  void parse(Bytes record, Side, Speaker& say) override {
    Message& m = say.begin();
    const std::string_view t = text_of(record);
    const Parts p = parts(t);
    m.malformed = !p.whole || t.empty() || (t.back() != '\r' && t.back() != '\n');
    m.station = p.slave;
    m.function = uint16_t(p.kind ? p.kind : 'A');
    uint64_t name = 0;
    m.role = p.answers ? Role::response : Role::request;
    if (p.whole && !p.answers) {
      m.sub_function = uint16_t(category(p.item));
      m.act = act_of(m.function, m.sub_function);
      Point& point = say.point(say.named(p.item));
      if (!p.data.empty()) {
        if (is_password(p.item)) point.set_text(say.text("other"));
        else point.set_text(say.text(p.data));
      }
      if (p.kind == 'W' && !is_password(p.item)) m.digest = text_key(t.substr(0, t.rfind(':')));
      Question q;
      q.kind = p.kind, q.category = category(p.item);
      q.length = uint8_t(std::min(p.item.size(), q.item.size()));
      std::copy_n(p.item.begin(), q.length, q.item.begin());
      waiting_.ask(p.slave, say.time, q);
    } else if (p.whole) {
      Question q;
      m.unpaired = !waiting_.answer(p.slave, say.time, q);
      m.refused = p.kind == 'N';
      m.act = m.unpaired ? act_of(m.function, 0) : act_of(uint16_t(q.kind), uint16_t(q.category));
      const std::string_view data = p.item.empty() ? p.data : p.item;
      const std::string_view item(q.item.data(), q.length);
      if (!data.empty() && !is_password(item)) {
        const Object o = q.length ? say.named(item) : Object{};
        const uint64_t key = say.text(data);
        say.point(o).set_text(key);
        if (q.category == 'F') name = key;
      }
    }
    say.end();
    if (name) {
      Identity who;
      who.station = p.slave;
      who.vendor = say.text("ABB");
      who.product = name;
      say.identity(who);
    }
  }

  void gap(Side, uint64_t) override { waiting_.clear(); }

 private:
  Waiting<Question, 8> waiting_;
};

Recognised recognises(Bytes up, Bytes down, Carrier) {
  Recognised found;
  size_t sure = 0;
  for (bool first : {true, false}) {
    Bytes b = first ? up : down;
    for (size_t n = 0; !b.empty() && n < 4; n++) {
      const size_t end = size_t(std::find(b.begin(), b.end(), '\r') - b.begin());
      if (b[0] != '>' && b[0] != '<') return {};
      if (end == b.size()) break;
      const Parts p = parts(text_of(b.first(end)));
      if (!p.whole) return {};
      sure += p.sure;
      found.sure = std::max(found.sure, Recognised::maybe);
      found.client = p.answers == first ? Recognised::down : Recognised::up;
      b = b.subspan(std::min(b.size(), end + 1 + (end + 1 < b.size() && b[end + 1] == '\n')));
    }
  }
  if (sure) found.sure = Recognised::yes;
  return found;
}

vidra::Parser* open(Pool& pool) { return pool.make<Parser>(); }

}  // namespace

extern const Protocol protocol;
const Protocol protocol = {"spa", "SPA-bus", {}, recognises, open, functions, {}, nullptr,
                           "ABB SPA-Bus Communication Protocol V2.5 (34 SPACOM 2 EN1)",
                           "values as numbers (said as the text they are), events' codes, parameter blocks; what PCM600 tunnels in its own protocol"};

}  // namespace vidra::spa
