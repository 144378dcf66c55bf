// SPDX-License-Identifier: Apache-2.0
// Lantronix device servers' configuration on UDP 30718 (77FE hex): UDS-10 and XPress-DR User Guides, chapter 8. A record is one
// datagram: three zeros, a function, its data. It has no password of its own: who can send can set.
#include <algorithm>
#include <cstdio>

#include "dissectors/protocol.h"

namespace vidra::lantronix {
namespace {

constexpr Function functions[] = {
    {0x03, 0xffff, "node reset", Act::run},
    {0xF6, 0xffff, "query for firmware version", Act::identify},
    {0xF7, 0xffff, "firmware information", Act::identify},
    {0xF8, 0xffff, "query for setup record", Act::read},
    {0xF9, 0xffff, "setup record", Act::read},
    {0xFA, 0xffff, "set configuration", Act::configure},
    {0xFB, 0xffff, "configuration change acknowledged", Act::configure},
    {0xFC, 0xffff, "set IP address", Act::configure},
    {0xFD, 0xffff, "set configuration and IP address", Act::configure},
};

constexpr size_t header = 4, setup_record = 120;
constexpr std::string_view ip_setup = "IP-SETUP";

const Function* known(uint8_t code) {
  for (const Function& f : functions)
    if (f.number == code) return &f;
  return nullptr;
}

bool fits(uint8_t code, size_t n) {   // octets behind the function
  switch (code) {
    case 0x03: return n == 2;
    case 0xF6: case 0xF8: case 0xFB: return n == 0;
    case 0xF7: return n == 20 || n == 26;                // newer ones add the hardware address
    case 0xF9: case 0xFA: case 0xFD: return n == setup_record || n == setup_record + 6;
    case 0xFC: return n == 16;
    default: return false;
  }
}

void address(Reader& r, Speaker& say, std::string_view name) {
  const uint32_t a = r.be32();
  if (!r.ok() || a == 0) return;
  char text[16];
  const int n = std::snprintf(text, sizeof text, "%u.%u.%u.%u", a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255);
  say.point(say.named(name)).set_text(say.text({text, size_t(n)}));
}

class Parser final : public vidra::Parser {
 public:
  Cut next(Side, Bytes b, bool, bool) override { return {Cut::take, b.size()}; }   // datagrams only

  void parse(Bytes record, Side, Speaker& say) override {
    Message& m = say.begin();
    Reader r{record, m.malformed};
    r.require(r.be24() == 0);
    const uint8_t code = r.u8();
    Identity who;
    m.function = code;
    if (const Function* f = known(code)) m.act = f->act;
    m.role = code == 0xF7 || code == 0xF9 || code == 0xFB ? Role::response : Role::request;
    r.require(fits(code, r.left()));
    switch (code) {
      case 0xF7: {
        r.skip(4);
        const Bytes type = r.bytes(2);
        if (!r.ok()) break;
        who.vendor = say.text("Lantronix");
        if (type[0] > 0x20 && type[0] < 0x7f && type[1] >= 0x20 && type[1] < 0x7f) who.product = say.text(text_of(type));
        if (who.product) say.point(say.named("software type")).set_text(who.product);
        r.skip(12);
        const uint16_t serial = r.be16();
        if (r.ok()) say.point(say.named("serial number")).set_natural(serial);
        octets(r, say);
        break;
      }
      case 0xF9: case 0xFA: case 0xFD: {
        m.digest = code == 0xF9 ? 0 : text_key(text_of(r.peek()));
        address(r, say, "IP address");
        r.skip(4);
        const uint32_t password = r.be32();              // four characters, in clear
        if (r.ok()) say.point(say.named("password")).set_text(say.text(password ? "other" : "none"));
        address(r, say, "gateway");
        octets(r, say);
        break;
      }
      case 0xFC: {
        r.require(text_of(r.bytes(ip_setup.size())) == ip_setup);
        r.skip(2);
        const uint16_t serial = r.be16();
        if (r.ok()) say.point(say.named("serial number")).set_natural(serial);
        address(r, say, "IP address");
        break;
      }
      default: octets(r, say);
    }
    say.end();
    if (who.vendor) say.identity(who);
  }

 private:
  static void octets(Reader& r, Speaker& say) {
    if (r) say.point(Object{}).set_octets(r.rest().size());
  }
};

// Three zeros and a function are little: sure only where a block of its own length follows.
Recognised recognises(Bytes up, Bytes down, Carrier) {
  Recognised found;
  for (bool first : {true, false}) {
    const Bytes b = first ? up : down;
    if (b.empty()) continue;
    if (b.size() < header || b[0] || b[1] || b[2] || !fits(b[3], b.size() - header)) return {};
    const uint8_t code = b[3];
    const bool block = b.size() > header + 2 && (code != 0xFC || text_of(b.subspan(header, ip_setup.size())) == ip_setup);
    if (code == 0xFC && !block) return {};
    found.sure = std::max(found.sure, block ? Recognised::yes : Recognised::maybe);
    found.client = (code == 0xF7 || code == 0xF9 || code == 0xFB) == first ? Recognised::down : Recognised::up;
  }
  return found;
}

vidra::Parser* open(Pool& pool) { return pool.make<Parser>(); }

constexpr Port ports[] = {{Carrier::udp, 30718}};

}  // namespace

extern const Protocol protocol;
const Protocol protocol = {"lantronix", "Lantronix configuration", ports, recognises, open, functions, {}, nullptr,
                           "Lantronix UDS-10 User Guide, 8 (UDP datagrams, setup records); XPress-DR User Guide, 8",
                           "channel parameters of setup records, firmware images sent by TFTP, the setup menu on TCP 9999 (Telnet), functions of newer devices that no guide names"};

}  // namespace vidra::lantronix
