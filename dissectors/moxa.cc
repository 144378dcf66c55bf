// SPDX-License-Identifier: Apache-2.0
// Moxa device servers' configuration on UDP 4800 (NPort, DE, MGate). Not published by Moxa: header and functions are known from
// public analyses of NPort 5110A and its kin. A record is one datagram: function, status, length, transaction, then which device.
#include <algorithm>
#include <cstdio>

#include "dissectors/protocol.h"

namespace vidra::moxa {
namespace {

constexpr Function functions[] = {
    {0x01, 0xffff, "search", Act::identify},
    {0x10, 0xffff, "get server name", Act::identify},
    {0x11, 0xffff, "get family name", Act::identify},
    {0x16, 0xffff, "get product details", Act::identify},
    {0x1A, 0xffff, "get date and time", Act::read},
    {0x21, 0xffff, "get IP address", Act::read},
    {0x22, 0xffff, "get netmask", Act::read},
    {0x23, 0xffff, "get gateway", Act::read},
    {0x25, 0xffff, "get auto report configuration", Act::read},
    {0x26, 0xffff, "get network configuration", Act::read},
    {0x27, 0xffff, "get DNS configuration", Act::read},
    {0x28, 0xffff, "get SNMP configuration", Act::read},
    {0x29, 0xffff, "get e-mail configuration", Act::read},
    {0x4D, 0xffff, "get operation settings", Act::read},
    {0x4F, 0xffff, "get port settings", Act::read},
    {0x51, 0xffff, "get accessible IP settings", Act::read},
    {0x52, 0xffff, "get event type settings", Act::read},
};

constexpr size_t header = 8, device = 12;
constexpr uint32_t maker = 0x0090E8;   // Moxa's hardware addresses

const Function* known(uint8_t code) {
  for (const Function& f : functions)
    if (f.number == code) return &f;
  return nullptr;
}

Bytes text(Bytes b) { return b.first(size_t(std::find(b.begin(), b.end(), 0) - b.begin())); }
void address(Reader& r, Speaker& say, std::string_view name) {
  const uint32_t a = r.be32();
  if (!r.ok()) return;
  char t[16];
  const int n = std::snprintf(t, sizeof t, "%u.%u.%u.%u", a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255);
  say.point(say.named(name)).set_text(say.text({t, size_t(n)}));
}

class Parser final : public vidra::Parser {
 public:
  Cut next(Side, Bytes b, bool, bool) override { return {Cut::take, b.size()}; }   // datagrams only

  void parse(Bytes record, Side, Speaker& say) override {
    Message& m = say.begin();
    Reader r{record, m.malformed};
    const uint8_t code = r.u8(), status = r.u8();
    const uint16_t length = r.be16();
    m.tag = r.be32();
    const bool answers = code & 0x80;
    m.function = code & 0x7f;
    m.role = answers ? Role::response : Role::request;
    if (const Function* f = known(uint8_t(m.function))) m.act = f->act;
    r.require(length == record.size() && m.function != 0);
    if (answers && status) m.refused = true, m.reason = status;
    Identity who;
    if (m.function != 1 || answers) {
      r.skip(4);                                         // product line
      const uint16_t model = r.le16();
      const uint32_t mac_high = r.be24(), mac_low = r.be24();
      if (r.ok()) {
        char t[24];
        int n = std::snprintf(t, sizeof t, "%04X", model);
        const uint64_t model_key = say.text({t, size_t(n)});
        n = std::snprintf(t, sizeof t, "%02x:%02x:%02x:%02x:%02x:%02x", mac_high >> 16, mac_high >> 8 & 255, mac_high & 255, mac_low >> 16, mac_low >> 8 & 255, mac_low & 255);
        say.point(say.named("device")).set_text(say.text({t, size_t(n)}));
        if (answers && !m.refused) body(r, m, say, who);
        if (answers && m.function == 1) say.point(say.named("model")).set_text(model_key);
        if (who.vendor) who.model = model_key;
      }
    }
    if (r) say.point(Object{}).set_octets(r.rest().size());
    say.end();
    if (who.vendor) say.identity(who);
  }

 private:
  static void body(Reader& r, const Message& m, Speaker& say, Identity& who) {
    switch (m.function) {
      case 0x01: who.vendor = say.text("Moxa"); address(r, say, "IP address"); return;
      case 0x10: {
        const Bytes name = text(r.bytes(40));
        if (!r.ok()) return;
        who.vendor = say.text("Moxa");
        who.name = say.text(text_of(name));
        return say.point(say.named("name")).set_text(who.name);
      }
      case 0x11: {
        r.skip(4);
        const Bytes family = text(r.bytes(32));
        if (!r.ok()) return;
        who.vendor = say.text("Moxa");
        who.product = say.text(text_of(family));
        return say.point(say.named("family")).set_text(who.product);
      }
      case 0x16: {
        r.skip(8);
        const uint16_t serial = r.le16();
        if (r.ok()) say.point(say.named("serial number")).set_natural(serial);
        return;
      }
      case 0x21: return address(r, say, "IP address");
      case 0x22: return address(r, say, "netmask");
      case 0x23: return address(r, say, "gateway");
      case 0x26: r.skip(8); address(r, say, "IP address"); address(r, say, "netmask"); return address(r, say, "gateway");
      case 0x27: address(r, say, "DNS server"); return address(r, say, "DNS server");
      case 0x28: {                                       // the community is only there or not
        r.skip(4);
        const std::string_view community = text_of(text(r.bytes(40)));
        if (r.ok()) say.point(say.named("community")).set_text(say.text(community.empty() ? "none" : community == "public" || community == "private" ? "vendor default" : "other"));
        return;
      }
      default: return;
    }
  }
};

// The length agrees, and a device of Moxa's own is meant; a search names none.
Recognised recognises(Bytes up, Bytes down, Carrier) {
  Recognised found;
  for (bool first : {true, false}) {
    const Bytes b = first ? up : down;
    if (b.empty()) continue;
    if (b.size() < header || (b[2] << 8 | b[3]) != int(b.size()) || (b[0] & 0x7f) == 0) return {};
    const bool answers = b[0] & 0x80;
    if (b[0] == 1) {
      if (b.size() != header || b[1]) return {};
      found.sure = std::max(found.sure, Recognised::maybe);
    } else {
      if (b.size() < header + device || (b[14] << 16 | b[15] << 8 | b[16]) != int(maker)) return {};
      found.sure = Recognised::yes;
    }
    found.client = answers == first ? Recognised::down : Recognised::up;
  }
  return found;
}

vidra::Parser* open(Pool& pool) { return pool.make<Parser>(); }

constexpr Port ports[] = {{Carrier::udp, 4800}};

}  // namespace

extern const Protocol protocol;
const Protocol protocol = {"moxa", "Moxa configuration", ports, recognises, open, functions, {}, nullptr,
                           "not published; public analyses of NPort 5110A and 5150 (UDP 4800)",
                           "functions that set, unlock, reset and read credentials (said by number: no public description says which is which), the firmware upgrade on TCP 4900, "
                           "serial data and control (TCP 950 to 997), devices that answer on UDP 1029 or 29168"};

}  // namespace vidra::moxa
