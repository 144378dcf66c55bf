// SPDX-License-Identifier: Apache-2.0
// FOUNDATION Fieldbus High Speed Ethernet (FF-588 field device access agent; IEC 61784-1 CPF 1, IEC 61158-5/-6-5), UDP and TCP 1089
// to 1091 and 3622. A record is one message: twelve octets of header, the service's body, the trailer that the options announce.
// The station is the FDA address (link, node, selector). An index of FMS is an item.
#include <algorithm>

#include "dissectors/protocol.h"
#include "dissectors/waiting.h"

namespace vidra::ffhse {
namespace {

// Protocol (1 FDA session, 2 SM, 3 FMS, 4 LAN redundancy) << 8 | 128 where confirmed | service.
constexpr Function functions[] = {
    {0x0181, 0xffff, "FDA open session", Act::session},
    {0x0183, 0xffff, "FDA idle", Act::session},
    {0x0201, 0xffff, "SM find tag query", Act::identify},
    {0x0202, 0xffff, "SM find tag reply", Act::identify},
    {0x0210, 0xffff, "SM device annunciation", Act::identify},
    {0x0283, 0xffff, "SM identify", Act::identify},
    {0x028C, 0xffff, "SM clear address", Act::configure},
    {0x028E, 0xffff, "SM set assignment info", Act::configure},
    {0x028F, 0xffff, "SM clear assignment info", Act::configure},
    {0x0300, 0xffff, "FMS information report", Act::report},
    {0x0301, 0xffff, "FMS unsolicited status", Act::report},
    {0x0302, 0xffff, "FMS event notification", Act::report},
    {0x0310, 0xffff, "FMS information report with subindex", Act::report},
    {0x0311, 0xffff, "FMS information report on change", Act::report},
    {0x0312, 0xffff, "FMS information report on change with subindex", Act::report},
    {0x0370, 0xffff, "FMS abort", Act::session},
    {0x0380, 0xffff, "FMS status", Act::diagnose},
    {0x0381, 0xffff, "FMS identify", Act::identify},
    {0x0382, 0xffff, "FMS read", Act::read},
    {0x0383, 0xffff, "FMS write", Act::write},
    {0x0384, 0xffff, "FMS get object dictionary", Act::browse},
    {0x0387, 0xffff, "FMS define variable list", Act::configure},
    {0x0388, 0xffff, "FMS delete variable list", Act::configure},
    {0x0389, 0xffff, "FMS initiate download sequence", Act::program},
    {0x038A, 0xffff, "FMS download segment", Act::program},
    {0x038B, 0xffff, "FMS terminate download sequence", Act::program},
    {0x038C, 0xffff, "FMS initiate upload sequence", Act::program},
    {0x038D, 0xffff, "FMS upload segment", Act::program},
    {0x038E, 0xffff, "FMS terminate upload sequence", Act::program},
    {0x038F, 0xffff, "FMS request domain download", Act::program},
    {0x0390, 0xffff, "FMS request domain upload", Act::program},
    {0x0391, 0xffff, "FMS create program invocation", Act::program},
    {0x0392, 0xffff, "FMS delete program invocation", Act::program},
    {0x0393, 0xffff, "FMS start", Act::run},
    {0x0394, 0xffff, "FMS stop", Act::run},
    {0x0395, 0xffff, "FMS resume", Act::run},
    {0x0396, 0xffff, "FMS reset", Act::run},
    {0x0397, 0xffff, "FMS kill", Act::run},
    {0x0398, 0xffff, "FMS alter event condition monitoring", Act::configure},
    {0x0399, 0xffff, "FMS acknowledge event notification", Act::report},
    {0x039C, 0xffff, "FMS initiate put object dictionary", Act::configure},
    {0x039D, 0xffff, "FMS put object dictionary", Act::configure},
    {0x039E, 0xffff, "FMS terminate put object dictionary", Act::configure},
    {0x039F, 0xffff, "FMS generic initiate download sequence", Act::program},
    {0x03A0, 0xffff, "FMS generic download segment", Act::program},
    {0x03A1, 0xffff, "FMS generic terminate download sequence", Act::program},
    {0x03D2, 0xffff, "FMS read with subindex", Act::read},
    {0x03D3, 0xffff, "FMS write with subindex", Act::write},
    {0x03E0, 0xffff, "FMS initiate", Act::session},
    {0x0401, 0xffff, "LAN redundancy diagnostic message", Act::report},
    {0x0481, 0xffff, "LAN redundancy get information", Act::read},
    {0x0482, 0xffff, "LAN redundancy put information", Act::configure},
    {0x0483, 0xffff, "LAN redundancy get statistics", Act::diagnose},
};

const Function* known(uint16_t number) {
  const auto* f = std::lower_bound(std::begin(functions), std::end(functions), number, [](const Function& row, uint16_t n) { return row.number < n; });
  return f != std::end(functions) && f->number == number ? f : nullptr;
}

std::string_view reason(uint16_t code) {   // error class << 8 | code
  constexpr std::string_view classes[] = {"", "VFD state", "application reference", "definition", "resource", "service", "access", "object dictionary", "other", "reject", "H1 SM reason", "FMS initiate"};
  return code >> 8 < std::size(classes) ? classes[code >> 8] : std::string_view{};
}

constexpr size_t header = 12;
constexpr uint32_t longest = 60'000;

constexpr uint32_t be32(Bytes b, size_t at) { return uint32_t{b[at]} << 24 | uint32_t{b[at + 1]} << 16 | uint32_t{b[at + 2]} << 8 | b[at + 3]; }
constexpr size_t trailer_size(uint8_t options) {
  return (options & 0x80 ? 4u : 0u) + (options & 0x40 ? 4u : 0u) + (options & 0x20 ? 8u : 0u) + (options & 0x08 ? 4u : 0u);
}
uint16_t number_of(uint8_t protocol, uint8_t service) { return uint16_t((protocol >> 2) << 8 | service); }

Bytes trimmed(Bytes b) {
  while (!b.empty() && (b.back() == ' ' || b.back() == 0)) b = b.first(b.size() - 1);
  return b;
}

struct Question { uint16_t function; uint32_t index, subindex; };

class Parser final : public vidra::Parser {
 public:
  Cut next(Side, Bytes b, bool, bool) override {
    if (b.size() < header) return b.empty() || b[0] == 1 ? Cut{Cut::need, header} : Cut{Cut::lost, 0};
    const uint32_t length = be32(b, 8);
    if (b[0] != 1 || (b[2] >> 2) > 4 || (b[2] & 3) == 3 || length < header + trailer_size(b[1]) || length > longest) return {Cut::lost, 0};
    return {Cut::take, length};
  }

  void parse(Bytes record, Side, Speaker& say) override {
    Message& m = say.begin();
    Reader r{record, m.malformed};
    Identity who;
    r.require(r.u8() == 1);
    const uint8_t options = r.u8(), protocol = r.u8(), service = r.u8();
    m.station = r.be32();
    const uint32_t length = r.be32();
    const size_t trailing = trailer_size(options);
    r.require(length == record.size() && r.left() >= trailing);
    m.function = number_of(protocol, service);
    const Function* f = known(m.function);
    if (f) m.act = f->act;
    r.require(f != nullptr);
    const unsigned kind = protocol & 3;
    m.role = kind ? Role::response : service & 0x80 ? Role::request : Role::report;
    Reader body = r.sub(r.left() >= trailing ? r.left() - trailing : 0);
    if (options & 0x80) m.sequence = r.be32();
    if (options & 0x40) m.tag = r.be32();
    if (options & 0x20) r.skip(8);                       // when it was sent, in the sender's own count
    if (options & 0x08) m.qualifier = r.be32();
    if (kind == 0) {
      Question q{m.function, 0, 0};
      request(body, m, say, q, who);
      if (service & 0x80) waiting_.ask(m.tag, say.time, q);
    } else {
      Question q{};
      m.unpaired = !waiting_.answer(m.tag, say.time, q) || q.function != m.function;
      if (kind == 2) {
        m.refused = true;
        const uint8_t error_class = body.u8(), code = body.u8();
        m.reason = uint16_t(error_class << 8 | code);
        if (!m.unpaired && q.index) say.point(Object(ObjectKind::item, q.index, q.subindex));
      } else {
        response(body, m, say, q, who);
      }
    }
    if (body) say.point(Object{}).set_octets(body.rest().size());
    say.end();
    if (who.name || who.product) {
      who.station = say.head().station;
      say.identity(who);
    }
  }

  void gap(Side, uint64_t) override { waiting_.clear(); }

 private:
  static void request(Reader& r, Message& m, Speaker& say, Question& q, Identity& who) {
    switch (m.function) {
      case 0x0382: case 0x0383: case 0x03D2: case 0x03D3: case 0x0300: case 0x0310: case 0x0311: case 0x0312: {
        q.index = r.be32();
        if (m.function == 0x03D2 || m.function == 0x03D3 || m.function == 0x0310 || m.function == 0x0312) q.subindex = r.be32();
        if (!r.ok()) return;
        if (m.act == Act::write) m.digest = text_key(text_of(r.peek()));
        Point& p = say.point(Object(ObjectKind::item, q.index, q.subindex));
        if (r) value(r, p);
        return;
      }
      case 0x0384: case 0x0389: case 0x038A: case 0x038B: case 0x038C: case 0x038D: case 0x038E: case 0x0392: case 0x0393: case 0x0394: case 0x0395: case 0x0396: case 0x0397:
        if (m.function == 0x0384) r.u8();                // all or one; then the index
        if (r.left() < 4) return;
        q.index = r.be32();
        if (m.act == Act::program) m.digest = text_key(text_of(r.peek()));
        say.point(Object(ObjectKind::item, q.index));
        return;
      case 0x0181: {
        r.skip(12);                                      // session, buffer, message length
        r.u8();
        const uint8_t manage = r.u8();
        if (r.ok()) say.point(say.named("network management configuration")).set(manage & 1);
        r.skip(6);
        return tag(r, say);
      }
      case 0x0210: return device(r, say, who);
      case 0x0201: {
        r.skip(5);                                       // kind of query, index
        return tag(r, say);
      }
      case 0x028C: case 0x028E: case 0x028F: {
        const Bytes id = trimmed(r.bytes(32)), name = trimmed(r.bytes(32));
        if (!r.ok()) return;
        say.point(say.named("device")).set_text(say.text(text_of(id)));
        say.point(say.named("tag")).set_text(say.text(text_of(name)));
        return;
      }
      default: return;
    }
  }

  static void response(Reader& r, const Message& m, Speaker& say, const Question& q, Identity& who) {
    switch (m.function) {
      case 0x0382: case 0x03D2:
        if (m.unpaired || !r) return;
        return value(r, say.point(Object(ObjectKind::item, q.index, q.subindex)));
      case 0x0283: return device(r, say, who);
      case 0x0381: {
        const Bytes vendor = trimmed(r.bytes(32)), model = trimmed(r.bytes(32)), revision = trimmed(r.bytes(32));
        if (!r.ok()) return;
        who.vendor = say.text(text_of(vendor));
        who.product = say.text(text_of(model));
        who.firmware = say.text(text_of(revision));
        say.point(say.named("vendor")).set_text(who.vendor);
        say.point(say.named("model")).set_text(who.product);
        say.point(say.named("revision")).set_text(who.firmware);
        return;
      }
      default: return;
    }
  }

  static void value(Reader& r, Point& p) {   // its type stands in the object dictionary
    switch (r.left()) {
      case 1: p.set_bits(r.u8(), 8); break;
      case 2: p.set_bits(r.be16(), 16); break;
      case 4: p.set_bits(r.be32(), 32); break;
      case 8: p.set_bits(r.be64(), 64); break;
      default: p.set_octets(r.rest().size());
    }
  }
  static void tag(Reader& r, Speaker& say) {
    const Bytes name = trimmed(r.bytes(32));
    if (r.ok()) say.point(say.named("tag")).set_text(say.text(text_of(name)));
  }
  static void device(Reader& r, Speaker& say, Identity& who) {   // states, indices, address of 16 octets, device, tag
    r.skip(8);
    r.skip(16);
    const Bytes id = trimmed(r.bytes(32)), name = trimmed(r.bytes(32));
    if (!r.ok()) return;
    who.serial = say.text(text_of(id));                  // manufacturer, type and number in one
    who.name = say.text(text_of(name));
    say.point(say.named("device")).set_text(who.serial);
    say.point(say.named("tag")).set_text(who.name);
  }

  Waiting<Question> waiting_;
};

Recognised recognises(Bytes up, Bytes down, Carrier carrier) {
  Recognised found;
  for (bool first : {true, false}) {
    const Bytes b = first ? up : down;
    if (b.empty()) continue;
    if (b.size() < header) {
      if (b[0] != 1) return {};
      found.sure = std::max(found.sure, Recognised::maybe);
      continue;
    }
    const uint32_t length = be32(b, 8);
    if (b[0] != 1 || (b[1] & 0x10) || (b[2] & 3) == 3 || !known(number_of(b[2], b[3])) || length < header + trailer_size(b[1]) || length > longest) return {};
    if (!(b[3] & 0x80) && (b[2] & 3)) return {};         // what is not confirmed has no answer
    if (carrier == Carrier::udp ? length != b.size() : length > b.size() + longest) return {};
    found.sure = Recognised::yes;
    if (b[3] & 0x80) found.client = ((b[2] & 3) != 0) == first ? Recognised::down : Recognised::up;
  }
  return found;
}

vidra::Parser* open(Pool& pool) { return pool.make<Parser>(); }

constexpr Port ports[] = {{Carrier::udp, 1089}, {Carrier::udp, 1090}, {Carrier::udp, 1091}, {Carrier::udp, 3622},
                          {Carrier::tcp, 1089}, {Carrier::tcp, 1090}, {Carrier::tcp, 1091}, {Carrier::tcp, 3622}};

}  // namespace

extern const Protocol protocol;
const Protocol protocol = {"ffhse", "FOUNDATION Fieldbus HSE", ports, recognises, open, functions, {}, reason,
                           "Fieldbus Foundation FF-588 (HSE FDA), IEC 61158-6-5: header, trailer, service numbers",
                           "types of values (bits as wide as they are; the object dictionary is counted), domains, events, LAN redundancy's contents, live lists of H1 links"};

}  // namespace vidra::ffhse
