// SPDX-License-Identifier: Apache-2.0
// What DIGSI and the EN100 modules of SIPROTEC relays exchange on UDP 50000. Siemens never published it. Publicly known is its
// beginning (11 49), and one datagram of 18 octets after which an EN100 before firmware 4.25 hears nothing until it is restarted by
// hand (CVE-2015-5374, sent by Industroyer in 2016). A record is one datagram. DIGSI's sessions over TPKT and MMS are heard there.
#include <algorithm>

#include "dissectors/protocol.h"

namespace vidra::digsi {
namespace {

constexpr Function functions[] = {
    {0x1149, 0x289E, "EN100 denial of service (CVE-2015-5374)", Act::run},
    {0x1149, 0xffff, "EN100 message", Act::other},
};

constexpr size_t known_size = 18;

bool stops_it(Bytes b) {   // 11 49, fourteen zeros, 28 9E
  return b.size() == known_size && b[0] == 0x11 && b[1] == 0x49 && b[16] == 0x28 && b[17] == 0x9E &&
         std::all_of(b.begin() + 2, b.begin() + 16, [](uint8_t o) { return o == 0; });
}

class Parser final : public vidra::Parser {
 public:
  Cut next(Side, Bytes b, bool, bool) override { return {Cut::take, b.size()}; }   // datagrams only

  void parse(Bytes record, Side from, Speaker& say) override {
    Message& m = say.begin();
    Reader r{record, m.malformed};
    const uint16_t begins = r.be16();
    m.function = 0x1149;
    m.sub_function = stops_it(record) ? 0x289E : 0;
    m.act = m.sub_function ? Act::run : Act::other;
    m.role = from == Side::client ? Role::request : Role::response;
    r.require(from == Side::server || begins == 0x1149);
    if (r) say.point(Object{}).set_octets(r.rest().size());
    say.end();
  }
};

Recognised recognises(Bytes up, Bytes down, Carrier) {
  for (bool first : {true, false}) {
    const Bytes b = first ? up : down;
    const Recognised::Client client = first ? Recognised::up : Recognised::down;
    if (stops_it(b)) return {Recognised::yes, client};
    if (b.size() >= 4 && b[0] == 0x11 && b[1] == 0x49) return {Recognised::maybe, client};
  }
  return {};
}

vidra::Parser* open(Pool& pool) { return pool.make<Parser>(); }

constexpr Port ports[] = {{Carrier::udp, 50000}};

}  // namespace

extern const Protocol protocol;
const Protocol protocol = {"digsi", "DIGSI, SIPROTEC EN100", ports, recognises, open, functions, {}, nullptr,
                           "not published; Siemens SSA-732541 and ESET's analysis of Industroyer (CVE-2015-5374)",
                           "all else that DIGSI 4 and 5 say: device search, parameter sessions (TCP 443, TLS), firmware; answers are counted"};

}  // namespace vidra::digsi
