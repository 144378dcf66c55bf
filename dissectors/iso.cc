// SPDX-License-Identifier: Apache-2.0
#include "dissectors/iso.h"

#include <algorithm>
#include <bit>

namespace vidra::iso {
namespace {

constexpr size_t tpkt_head = 4, shortest = 7;

// X.224, 13.3-13.13 as class 0 has them: what the header's length and code may be.
bool plausible(uint8_t length, uint8_t code, size_t behind_length) {
  if (length > behind_length) return false;
  switch (Tpdu(code >> 4)) {
    case Tpdu::data: return length == 2 && !(code & 0x0f);
    case Tpdu::request: case Tpdu::confirm: return length >= 6 && !(code & 0x0f);
    case Tpdu::disconnect: return length >= 6 && !(code & 0x0f);
    case Tpdu::disconnect_confirm: return length >= 5 && !(code & 0x0f);
    case Tpdu::error: return length >= 4 && !(code & 0x0f);
    case Tpdu::expedited: return length >= 4 && !(code & 0x0f);
    case Tpdu::expedited_acknowledgement: return length >= 4 && !(code & 0x0f);
    case Tpdu::reject: case Tpdu::acknowledgement: return length >= 4;
    default: return false;
  }
}

// X.224, 13.2.3: code, length, value. Codes have their highest bit set; an RDP cookie has not.
void parameters(Reader r, Heard& h) {
  while (r) {
    const uint8_t code = r.u8(), length = r.u8();
    Reader value = r.sub(length);
    r.require(code & 0x80);
    switch (code) {
      case 0xc0: h.size = value.u8(); break;
      case 0xc1: h.calling = value.rest(); break;
      case 0xc2: h.called = value.rest(); break;
      default: break;
    }
  }
}

// The header of a connection TPDU, from its code on, and its parameters.
void connection(Reader& r, Heard& h) {
  h.destination = r.be16();
  h.source = r.be16();
  const uint8_t last = r.u8();                       // class and options; a disconnection's reason
  if (h.kind == Tpdu::disconnect) h.reason = last;
  parameters(r.sub(r.left()), h);
}

}  // namespace

Cut Transport::next(Side from, Bytes octets, bool segment_start) {
  Way& w = way_[index(from)];
  const auto lost = [&w] { w.seeking = true; return Cut{Cut::lost, 0}; };
  if (octets.empty()) return {Cut::need, tpkt_head};
  if (octets[0] != 3 || (octets.size() > 1 && octets[1] != 0)) return lost();
  if (octets.size() < tpkt_head) return {Cut::need, tpkt_head};
  const size_t length = size_t(octets[2] << 8 | octets[3]);
  if (length < shortest) return lost();
  if (w.seeking) {                                   // 03 00 stands in many a body
    if (octets.size() < shortest) return {Cut::need, shortest};
    if (!plausible(octets[4], octets[5], length - 5)) return lost();
    if (!segment_start && octets[5] == 0xf0 && (octets[6] & 0x7f)) return lost();
    if (!segment_start && octets.size() > length && octets[length] != 3) return lost();
    w.seeking = false;
  }
  return {Cut::take, length};
}

void Transport::keep(Way& w, Bytes part) {
  size_t n = part.size();
  if (w.used + n > w.room && !w.overflowed) {
    const size_t room = std::min(longest_tsdu, std::max<size_t>(4096, std::bit_ceil(w.used + n)));
    uint8_t* more = room > w.room ? static_cast<uint8_t*>(pool_->take(room)) : nullptr;
    if (more) {
      if (w.used) std::copy_n(w.kept, w.used, more);
      pool_->give(w.kept);
      w.kept = more, w.room = room;
    }
  }
  if (n > w.room - w.used) n = w.room - w.used, w.overflowed = true;
  if (n) std::copy_n(part.data(), n, w.kept + w.used);
  w.used += n;
}

void Transport::data(Way& w, bool last, Bytes part, Heard& h) {
  open_ = true;
  if (w.partial || !last) {
    if (!w.partial) w.used = 0, w.overflowed = false;
    w.partial = true;
    keep(w, part);
  }
  if (!last) return;
  h.whole = true;
  h.torn = w.torn || (w.partial && w.overflowed);
  h.tsdu = w.partial ? Bytes{w.kept, w.used} : part;
  w.torn = w.partial = false;
}

Heard Transport::hear(Bytes tpkt, Side from) {
  Way& w = way_[index(from)];
  if (w.kept && !w.partial) pool_->give(w.kept), w.kept = nullptr, w.room = w.used = 0;
  Heard h;
  Reader r{tpkt, h.malformed};
  r.require(r.u8() == 3);
  r.u8();                                            // reserved
  r.require(r.be16() == tpkt.size());
  const uint8_t length = r.u8();
  Reader head = r.sub(length);
  const uint8_t code = head.u8();
  if (h.malformed) return h;
  h.kind = Tpdu(code >> 4);
  r.require(plausible(length, code, length));
  switch (h.kind) {
    case Tpdu::request: case Tpdu::confirm: case Tpdu::disconnect:
      h.opening = !open_ && h.kind == Tpdu::disconnect;
      connection(head, h);
      if (h.malformed) break;
      if (h.kind != Tpdu::disconnect) way_[0].torn = way_[1].torn = way_[0].partial = way_[1].partial = false;
      open_ = h.kind == Tpdu::confirm || (open_ && h.kind == Tpdu::disconnect);
      break;
    case Tpdu::error:
      h.opening = !open_;
      h.destination = head.be16();
      h.reason = head.u8();
      break;
    case Tpdu::data: {
      const bool last = head.u8() & 0x80;            // EOT; the number behind it has no meaning in class 0
      if (!h.malformed) data(w, last, r.rest(), h);
      break;
    }
    default: break;
  }
  if (h.kind != Tpdu::data) h.tsdu = r.rest();
  return h;
}

void Transport::gap(Side from) {
  Way& w = way_[index(from)];
  w.seeking = w.torn = true;
  w.partial = false;
}

std::string_view reason(uint16_t number) {
  switch (number) {
    case disconnect_reasons + 0: return "reason not specified";          // X.224, 13.5.3
    case disconnect_reasons + 1: return "congestion at TSAP";
    case disconnect_reasons + 2: return "session entity not attached to TSAP";
    case disconnect_reasons + 3: return "address unknown";
    case disconnect_reasons + 128: return "normal disconnect";
    case disconnect_reasons + 129: return "remote transport entity congestion";
    case disconnect_reasons + 130: return "connection negotiation failed";
    case disconnect_reasons + 131: return "duplicate source reference";
    case disconnect_reasons + 132: return "mismatched references";
    case disconnect_reasons + 133: return "protocol error";
    case disconnect_reasons + 135: return "reference overflow";
    case disconnect_reasons + 136: return "connection request refused";
    case disconnect_reasons + 138: return "header or parameter length invalid";
    case error_causes + 0: return "reason not specified";        // 13.12.3
    case error_causes + 1: return "invalid parameter code";
    case error_causes + 2: return "invalid TPDU type";
    case error_causes + 3: return "invalid parameter value";
    default: return {};
  }
}

namespace {

// A TSAP is a text where all of it can be printed, else its octets.
uint64_t selector(Bytes tsap, Speaker& say) {
  constexpr char digits[] = "0123456789abcdef";
  std::array<char, 3 * 32> room;
  size_t n = 0;
  if (!tsap.empty() && std::all_of(tsap.begin(), tsap.end(), [](uint8_t c) { return c > 0x20 && c < 0x7f; })) return say.text(text_of(tsap));
  for (const uint8_t o : tsap.first(std::min<size_t>(tsap.size(), 32))) {
    if (n) room[n++] = '.';
    room[n++] = digits[o >> 4], room[n++] = digits[o & 15];
  }
  return say.text({room.data(), n});
}

}  // namespace

void say(const Heard& h, Side from, Speaker& say, uint8_t frame) {
  Message& m = say.begin();
  m.malformed = h.malformed;
  m.frame = frame;
  m.link = true;
  m.act = Act::session;
  m.function = uint16_t(first_function + unsigned(h.kind));
  m.role = from == Side::client ? Role::request : Role::response;
  switch (h.kind) {
    case Tpdu::request: m.role = Role::request, m.tag = h.source; break;
    case Tpdu::confirm: m.role = Role::response, m.tag = h.destination; break;
    case Tpdu::disconnect:
      m.tag = h.destination;
      m.refused = h.opening;
      m.role = h.opening ? Role::response : m.role;
      m.reason = uint16_t(disconnect_reasons + h.reason);
      break;
    case Tpdu::error: m.refused = h.opening, m.role = Role::response, m.reason = uint16_t(error_causes + h.reason), m.tag = h.destination; break;
    default: break;
  }
  if (!h.calling.empty()) say.point(say.named("calling TSAP")).set_text(selector(h.calling, say));
  if (!h.called.empty()) say.point(say.named("called TSAP")).set_text(selector(h.called, say));
  say.end();
}

Glimpse glimpse(Bytes octets) {
  Glimpse g;
  size_t at = 0;
  while (at < octets.size()) {
    const Bytes rest = octets.subspan(at);
    if (rest[0] != 3 || (rest.size() > 1 && rest[1] != 0)) return g.framed = false, g;
    if (rest.size() < shortest) return g;
    const size_t length = size_t(rest[2] << 8 | rest[3]);
    if (length < shortest || !plausible(rest[4], rest[5], length - 5)) return g.framed = false, g;
    const Tpdu kind = Tpdu(rest[5] >> 4);
    const Bytes tpdu = rest.subspan(5, std::min(length, rest.size()) - 5);
    if (kind == Tpdu::data) {
      if (g.parts++ == 0) g.first = tpdu.size() > 2 ? tpdu.subspan(2) : Bytes{};
    } else if ((kind == Tpdu::request || kind == Tpdu::confirm) && at == 0) {
      bool bad = false;
      Heard h;
      Reader r{tpdu.first(std::min<size_t>(tpdu.size(), rest[4])), bad};
      r.skip(1);
      connection(r, h);
      if (bad && rest.size() >= length) return g;
      (kind == Tpdu::request ? g.requests : g.confirms) = true;
      g.calling = h.calling, g.called = h.called;
    }
    g.framed = true;
    at += length;
  }
  return g;
}

Recognised recognise(Bytes up, Bytes down, Carrier carrier, Evidence (*look)(Bytes)) {
  if (carrier != Carrier::tcp) return {};
  const Evidence u = look(up), d = look(down);
  if (!u.possible || !d.possible || up.size() + down.size() < 2) return {};
  Recognised::Client client = Recognised::unknown;
  if (u.connects || d.confirms) client = Recognised::up;
  else if (d.connects || u.confirms) client = Recognised::down;
  else if ((u.asks || d.answers) && !u.answers && !d.asks) client = Recognised::up;
  else if ((d.asks || u.answers) && !d.answers && !u.asks) client = Recognised::down;
  return {u.sure || d.sure ? Recognised::yes : Recognised::maybe, client};
}

}  // namespace vidra::iso
