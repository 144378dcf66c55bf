// SPDX-License-Identifier: Apache-2.0
// DHCP for IPv4 (RFC 2131, RFC 2132) and BOOTP (RFC 951): who asks for an address, who gives which, with which routers, names and files.
//
// function is the message type (option 53), 256 BOOTP without one; station the client's hardware address; tag the transaction. Host name
// and vendor class are the client's identity. Addresses are objects, each behind the name of what it is.
#include "dissectors/protocol.h"
#include "dissectors/text.h"

namespace vidra::dhcp {
namespace {

constexpr uint16_t bootp = 256;
constexpr Function functions[] = {
    {1, 0xffff, "discover", Act::session},
    {2, 0xffff, "offer", Act::session},
    {3, 0xffff, "request", Act::session},
    {4, 0xffff, "decline", Act::session},
    {5, 0xffff, "acknowledge", Act::session},
    {6, 0xffff, "refuse", Act::session},
    {7, 0xffff, "release", Act::session},
    {8, 0xffff, "inform", Act::session},
    {9, 0xffff, "force renew", Act::session},
    {10, 0xffff, "lease query", Act::browse},
    {11, 0xffff, "lease unassigned", Act::browse},
    {12, 0xffff, "lease unknown", Act::browse},
    {13, 0xffff, "lease active", Act::browse},
    {bootp, 0xffff, "BOOTP", Act::session},
};

constexpr size_t fixed_octets = 236;
constexpr uint32_t cookie = 0x63825363;

struct Parser final : vidra::Parser {
  Cut next(Side, Bytes b, bool, bool) override { return {Cut::take, std::max<size_t>(b.size(), 1)}; }   // never asked: datagrams

  void parse(Bytes record, Side, Speaker& say) override {
    Message& m = say.begin();
    Reader r{record, m.malformed};
    const uint8_t op = r.u8(), hardware = r.u8(), length = r.u8();
    r.u8();
    r.require(op == 1 || op == 2);
    m.role = op == 2 ? Role::response : Role::request;
    m.act = Act::session;
    m.function = bootp;
    m.tag = r.be32();
    r.skip(4);
    const uint32_t client = r.be32(), yours = r.be32(), next_server = r.be32(), relay = r.be32();
    const Bytes mac = r.bytes(16), server_name = r.bytes(64), file = r.bytes(128);
    if (m.malformed) return say.end();
    if (hardware == 1 && length == 6)
      for (size_t i = 0; i < 6; i++) m.station = m.station << 8 | mac[i];
    address(say, "address", yours ? yours : client);
    address(say, "relay", relay);
    address(say, "next server", next_server);
    Identity who;
    if (r.be32() == cookie) {
      uint8_t overload = 0;
      bool ended = false;
      options(r, m, say, who, overload, ended);
      r.require(ended);
      bool spare = false;                                  // RFC 2131, 4.1: options may go on in the two fields
      if (overload & 1 && !m.malformed) { Reader more{file, spare}; options(more, m, say, who, overload, ended); }
      if (overload & 2 && !m.malformed) { Reader more{server_name, spare}; options(more, m, say, who, overload, ended); }
      if (!(overload & 1)) text(say, "boot file", file);
    } else {                                               // RFC 951: 64 octets of the vendor's own
      r.require(r.left() == 60);
      r.rest();
      if (!m.malformed) text(say, "boot file", file);
    }
    m.refused = m.function == 6;
    for (const Function& f : functions)
      if (f.number == m.function) m.act = f.act;
    if (m.function != bootp) m.role = m.function == 2 || m.function == 5 || m.function == 6 || m.function >= 11 ? Role::response : Role::request;
    say.end();
    who.station = m.station;
    if (m.role == Role::request && (who.name | who.product)) say.identity(who);
  }

 private:
  static void address(Speaker& say, std::string_view name, uint32_t a) {
    if (!a) return;
    std::array<char, 20> room;
    const int n = std::snprintf(room.data(), room.size(), "%u.%u.%u.%u", a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255);
    tell(say, name, {room.data(), size_t(n)});
  }
  static void text(Speaker& say, std::string_view name, Bytes b) {
    const std::string_view s = text_of(b).substr(0, text_of(b).find('\0'));
    if (!s.empty()) tell(say, name, s);
  }

  static void options(Reader& r, Message& m, Speaker& say, Identity& who, uint8_t& overload, bool& ended) {
    while (r) {
      const uint8_t code = r.u8();
      if (code == 0) continue;
      if (code == 255) {
        ended = true;
        r.rest();
        return;
      }
      Reader o = r.sub(r.u8());
      if (!r.ok()) return;
      const Bytes value = o.peek();
      const std::string_view words = text_of(value).substr(0, text_of(value).find('\0'));
      switch (code) {
        case 1: address(say, "mask", o.be32()); break;
        case 3: for (int i = 0; o.left() >= 4 && i < 4; i++) address(say, "router", o.be32()); break;
        case 6: for (int i = 0; o.left() >= 4 && i < 4; i++) address(say, "name server", o.be32()); break;
        case 12:
          tell(say, "host name", words);
          who.name = kept_text(say, words);
          break;
        case 15: tell(say, "domain", words); break;
        case 42: for (int i = 0; o.left() >= 4 && i < 4; i++) address(say, "time server", o.be32()); break;
        case 50: address(say, "requested address", o.be32()); break;
        case 51: tell_number(say, "lease", o.be32()); break;
        case 52: overload = o.u8(); break;
        case 53: m.function = o.u8(); r.require(m.function >= 1 && m.function <= 18); break;
        case 54: address(say, "server", o.be32()); break;
        case 56: tell(say, "message", words); break;
        case 60:
          tell(say, "vendor class", words);
          who.product = kept_text(say, words);
          break;
        case 66: tell(say, "TFTP server", words); break;
        case 67: tell(say, "boot file", words); break;
        case 81:
          if (value.size() > 3) tell(say, "full name", words.size() > 3 ? words.substr(3) : text_of(value).substr(3));
          break;
        case 252: tell(say, "proxy configuration", words); break;
        default: break;
      }
    }
  }
};

Recognised recognises(Bytes up, Bytes down, Carrier carrier) {
  const bool first = !up.empty();
  const Bytes b = first ? up : down;
  if (carrier != Carrier::udp || b.size() < fixed_octets || (b[0] != 1 && b[0] != 2) || b[1] == 0 || b[2] > 16 || b[3] > 16) return {};
  const auto client = (b[0] == 1) == first ? Recognised::up : Recognised::down;
  bool bad = false;
  Reader r{b, bad};
  r.skip(fixed_octets);
  const bool marked = r.be32() == cookie && !bad;
  return {marked ? Recognised::yes : Recognised::maybe, client};
}

vidra::Parser* open(Pool& pool) { return pool.make<Parser>(); }
constexpr Port ports[] = {{Carrier::udp, 67}, {Carrier::udp, 68}};

}  // namespace

extern const Protocol protocol;
const Protocol protocol = {"dhcp", "DHCP", ports, recognises, open, functions, {}, nullptr,
                           "RFC 2131, RFC 2132, RFC 951, RFC 4388 (by name), RFC 4702",
                           "options beyond addresses, names, lease, files and classes; DHCPv6"};

}  // namespace vidra::dhcp
