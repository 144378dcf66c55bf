// SPDX-License-Identifier: Apache-2.0
// VRRP (RFC 3768 version 2, RFC 9568 version 3; IP protocol 112) and CARP, which uses the same number: which router answers for which address.
// Each datagram is a record. Sub-function 1: priority or addresses are other than the sender's last; 2: the active router resigns (priority 0).
// station is the virtual router (VRID, VHID), qualifier its priority (of CARP the skew), sequence the version. Points: its addresses.
#include "dissectors/words.h"

namespace vidra::vrrp {
namespace {

constexpr uint16_t advertisement = 1, carp = 16;
constexpr Function functions[] = {
    {advertisement, 1, "advertisement, changed", Act::report},
    {advertisement, 2, "advertisement, resigns", Act::report},
    {advertisement, 0xffff, "advertisement", Act::report},
    {carp, 0xffff, "CARP advertisement", Act::report},
};

// CARP: version 2, type 1, 7 words of authentication, 36 octets in all. VRRP with 7 addresses is longer.
bool is_carp(Bytes b) { return b.size() == 36 && b[0] == 0x21 && b[3] == 7; }

struct Parser final : vidra::Parser {
  Cut next(Side, Bytes octets, bool, bool) override { return {Cut::take, octets.size()}; }

  void parse(Bytes record, Side, Speaker& say) override {
    Message& m = say.begin();
    m.function = advertisement;
    m.role = Role::report;
    m.act = Act::report;
    Reader r{record, m.malformed};
    const uint8_t first = r.u8(), version = first >> 4;
    m.sequence = version;
    m.station = r.u8();
    m.qualifier = r.u8();
    const uint8_t count = r.u8();
    if (is_carp(record)) {
      m.function = carp;
      m.encrypted = true;                                   // the addresses are only in its hash
      return say.end();
    }
    const uint8_t kind = r.u8();                            // of authentication, in version 2
    r.skip(3);
    r.require((version == 2 || version == 3) && (first & 15) == 1 && count > 0);
    const size_t data = version == 2 ? 8 : 0;               // authentication data, which version 2 always has
    r.require(r.left() >= data);
    const size_t rest = m.malformed ? 0 : r.left() - data;
    const bool six = version == 3 && rest == size_t{count} * 16;
    r.require(rest == size_t{count} * (six ? 16 : 4));
    r.require(version != 2 || internet_checksum(record) == 0);
    if (m.malformed) return say.end();
    const Bytes addresses = r.bytes(size_t{count} * (six ? 16 : 4));
    for (size_t i = 0; i < addresses.size(); i += six ? 16 : 4) {
      if (!six) {
        say.point(Object(ObjectKind::address, uint32_t(addresses[i]) << 24 | uint32_t(addresses[i + 1]) << 16 | uint32_t(addresses[i + 2]) << 8 | addresses[i + 3]));
      } else {
        Word w;
        for (size_t k = 0; k < 16; k += 2) w.put(k ? ":%x" : "%x", unsigned(addresses[i + k] << 8 | addresses[i + k + 1]));
        say.point(say.named(w));
      }
    }
    field(say, "priority").set_natural(m.qualifier);
    if (version == 2 && kind) field(say, "authentication", kind == 1 ? "password" : "other");   // the password itself is not said
    const uint64_t now = text_key(text_of(addresses)) ^ m.qualifier;
    if (m.qualifier == 0) m.sub_function = 2;
    else if (known_ && router_ == m.station && now != last_) m.sub_function = 1;
    known_ = true, router_ = m.station, last_ = now;
    say.end();
  }

 private:
  bool known_ = false;
  uint64_t router_ = 0, last_ = 0;
};

Recognised recognises(Bytes up, Bytes down, Carrier carrier) {
  const Bytes b = up.empty() ? down : up;
  if (carrier != Carrier::ip || b.size() < 12) return {};
  const bool usual = is_carp(b) || (b[0] == 0x21 && b[3] && b.size() == 16 + 4u * b[3]) || (b[0] == 0x31 && b[3] && (b.size() == 8 + 4u * b[3] || b.size() == 8 + 16u * b[3]));
  return {usual ? Recognised::yes : Recognised::maybe, up.empty() ? Recognised::down : Recognised::up};
}

vidra::Parser* open(Pool& pool) { return pool.make<Parser>(); }

constexpr Port ports[] = {{Carrier::ip, 112}};

}  // namespace

extern const Protocol protocol;
const Protocol protocol = {"vrrp", "VRRP and CARP", ports, recognises, open, functions, {}, nullptr, "RFC 3768 5, RFC 9568 5; CARP as OpenBSD describes it", "the checksum of version 3, which covers addresses of IP; CARP's hash"};

}  // namespace vidra::vrrp
