// SPDX-License-Identifier: Apache-2.0
// CODESYS V3's own protocol (block driver TCP 11740 and up, UDP 1740 to 1743) and V2's (TCP 1200, 2455). Neither is published:
// layers, services and their names are known from Kaspersky's "Security research: CODESYS Runtime" (2019), Tenable's and
// Claroty's advisories, and the runtime's own interface documentation. A record of V3 is one block or datagram; a service that is
// sent in several blocks is named at the first. Tags inside services are counted.
#include <algorithm>
#include <cstdio>

#include "dissectors/protocol.h"
#include "dissectors/waiting.h"

namespace vidra::codesys {
namespace {

// Services are group << 8 | service; below 256: the channel's own (layer 4); 0xF000 and up: name service and V2.
constexpr Function functions[] = {
    {0x0001, 0xffff, "block", Act::other},
    {0x0002, 0xffff, "acknowledge", Act::session},
    {0x0003, 0xffff, "keep alive", Act::session},
    {0x0083, 0xffff, "channel opened", Act::session},
    {0x00C2, 0xffff, "channel information", Act::session},
    {0x00C3, 0xffff, "open channel", Act::session},
    {0x00C4, 0xffff, "close channel", Act::session},
    {0x0101, 0xffff, "device: get target identity", Act::identify},
    {0x0102, 0xffff, "device: login", Act::session},
    {0x0103, 0xffff, "device: logout", Act::session},
    {0x0104, 0xffff, "device: reset to origin", Act::run},
    {0x0105, 0xffff, "device: echo", Act::diagnose},
    {0x0106, 0xffff, "device: set operating mode", Act::run},
    {0x0107, 0xffff, "device: get operating mode", Act::read},
    {0x0108, 0xffff, "device: interactive login", Act::session},
    {0x0109, 0xffff, "device: rename node", Act::configure},
    {0x010A, 0xffff, "device: create session", Act::session},
    {0x010B, 0xffff, "device: get reset configuration", Act::read},
    {0x0201, 0xffff, "application: login", Act::session},
    {0x0202, 0xffff, "application: logout", Act::session},
    {0x0203, 0xffff, "application: create", Act::program},
    {0x0204, 0xffff, "application: delete", Act::program},
    {0x0205, 0xffff, "application: download", Act::program},
    {0x0206, 0xffff, "application: online change", Act::program},
    {0x0207, 0xffff, "application: device download", Act::program},
    {0x0208, 0xffff, "application: create device application", Act::program},
    {0x0210, 0xffff, "application: start", Act::run},
    {0x0211, 0xffff, "application: stop", Act::run},
    {0x0212, 0xffff, "application: reset", Act::run},
    {0x0213, 0xffff, "application: set breakpoint", Act::run},
    {0x0214, 0xffff, "application: read status", Act::diagnose},
    {0x0215, 0xffff, "application: delete breakpoint", Act::run},
    {0x0216, 0xffff, "application: read call stack", Act::diagnose},
    {0x0217, 0xffff, "application: get area offset", Act::read},
    {0x0218, 0xffff, "application: read list", Act::browse},
    {0x0219, 0xffff, "application: set next statement", Act::run},
    {0x0220, 0xffff, "application: release forced values", Act::operate},
    {0x0221, 0xffff, "application: upload forced values", Act::read},
    {0x0222, 0xffff, "application: single cycle", Act::run},
    {0x0223, 0xffff, "application: create boot project", Act::program},
    {0x0224, 0xffff, "application: reinitialise", Act::run},
    {0x0225, 0xffff, "application: read states", Act::diagnose},
    {0x0226, 0xffff, "application: load boot application", Act::program},
    {0x0227, 0xffff, "application: register boot application", Act::program},
    {0x0228, 0xffff, "application: check files", Act::diagnose},
    {0x0229, 0xffff, "application: read information", Act::identify},
    {0x0230, 0xffff, "application: compact download", Act::program},
    {0x0231, 0xffff, "application: read project information", Act::identify},
    {0x0232, 0xffff, "application: define flow", Act::diagnose},
    {0x0233, 0xffff, "application: read flow values", Act::read},
    {0x0234, 0xffff, "application: encrypted download", Act::program},
    {0x0235, 0xffff, "application: read content", Act::program},
    {0x0236, 0xffff, "application: save retained values", Act::configure},
    {0x0237, 0xffff, "application: restore retained values", Act::write},
    {0x0238, 0xffff, "application: get area address", Act::read},
    {0x03FF, 0xffff, "monitor", Act::read},
    {0x04FF, 0xffff, "visualisation", Act::other},
    {0x0501, 0xffff, "log: get entries", Act::read},
    {0x0502, 0xffff, "log: get component names", Act::read},
    {0x0503, 0xffff, "log: get loggers", Act::read},
    {0x06FF, 0xffff, "settings", Act::configure},
    {0x07FF, 0xffff, "Ethernet", Act::configure},
    {0x0801, 0xffff, "file: get information", Act::file},
    {0x0802, 0xffff, "file: start download", Act::file},
    {0x0803, 0xffff, "file: restart download", Act::file},
    {0x0804, 0xffff, "file: download", Act::file},
    {0x0805, 0xffff, "file: start upload", Act::file},
    {0x0806, 0xffff, "file: restart upload", Act::file},
    {0x0807, 0xffff, "file: upload", Act::file},
    {0x0808, 0xffff, "file: end", Act::file},
    {0x0809, 0xffff, "file: cancel", Act::file},
    {0x080C, 0xffff, "file: get directory", Act::file},
    {0x080E, 0xffff, "file: delete", Act::file},
    {0x080F, 0xffff, "file: rename", Act::file},
    {0x0810, 0xffff, "file: create directory", Act::file},
    {0x0811, 0xffff, "file: delete directory", Act::file},
    {0x0812, 0xffff, "file: rename directory", Act::file},
    {0x0901, 0xffff, "variables: register list", Act::subscribe},
    {0x0902, 0xffff, "variables: unregister list", Act::subscribe},
    {0x0903, 0xffff, "variables: read list", Act::read},
    {0x0904, 0xffff, "variables: write list", Act::write},
    {0x0905, 0xffff, "variables: read", Act::read},
    {0x0906, 0xffff, "variables: write", Act::write},
    {0x0907, 0xffff, "variables: get root nodes", Act::browse},
    {0x0908, 0xffff, "variables: get children", Act::browse},
    {0x0909, 0xffff, "variables: get types", Act::browse},
    {0x0BFF, 0xffff, "I/O manager", Act::configure},
    {0x0CFF, 0xffff, "user management", Act::configure},
    {0x0FFF, 0xffff, "trace", Act::diagnose},
    {0x11FF, 0xffff, "PLC shell", Act::run},
    {0x12FF, 0xffff, "breakpoints", Act::run},
    {0x13FF, 0xffff, "forcing", Act::operate},
    {0x18FF, 0xffff, "alarms", Act::read},
    {0x1B01, 0xffff, "monitor: read", Act::read},
    {0x1B02, 0xffff, "monitor: write", Act::write},
    {0x1DFF, 0xffff, "licences", Act::configure},
    {0x1FFF, 0xffff, "core dump", Act::diagnose},
    {0x22FF, 0xffff, "certificates", Act::configure},
    {0xF001, 0xffff, "other service", Act::other},
    {0xF002, 0xffff, "name service", Act::identify},
    {0xF003, 0xffff, "address service", Act::session},
    {0xF020, 0xffff, "V2 identification", Act::identify},
    {0xF021, 0xffff, "V2 service", Act::other},
};

const Function* exactly(uint16_t number) {
  const auto* f = std::lower_bound(std::begin(functions), std::end(functions), number, [](const Function& row, uint16_t n) { return row.number < n; });
  return f != std::end(functions) && f->number == number ? f : nullptr;
}
const Function* service(uint8_t group, uint16_t number) {   // or its group, or what we have for all others
  if (number < 0xFF)
    if (const Function* f = exactly(uint16_t(group << 8 | number))) return f;
  if (const Function* f = exactly(uint16_t(group << 8 | 0xFF))) return f;
  return exactly(0xF001);
}

constexpr uint32_t block_magic = 0xE8170100;
constexpr size_t block_header = 8, services_header = 16;
constexpr uint32_t longest_block = 0x20000;
constexpr uint8_t datagram_magic = 0xC5;
constexpr uint16_t plain_services = 0xCD55, secured_services = 0x5775;

constexpr uint16_t le16(Bytes b, size_t at) { return uint16_t(b[at] | b[at + 1] << 8); }
constexpr uint32_t le32(Bytes b, size_t at) { return uint32_t{le16(b, at)} | uint32_t{le16(b, at + 2)} << 16; }
constexpr bool channel_kind(uint8_t o) { return o == 1 || o == 2 || o == 3 || o == 0x83 || o == 0xC2 || o == 0xC3 || o == 0xC4; }

// Where layer 4 begins in a datagram that begins at `at`: six octets, two addresses of so many words, filled up to a multiple of
// four from the front. 0: none.
size_t behind_addresses(Bytes b, size_t at) {
  if (b.size() < at + 6 || b[at] != datagram_magic) return 0;
  const size_t words = (b[at + 5] >> 4) + (b[at + 5] & 15);
  size_t end = at + 6 + 2 * words;
  end = (end + 3) / 4 * 4;
  return end <= b.size() ? end : 0;
}

void octets(Reader& r, Speaker& say) {
  if (r) say.point(Object{}).set_octets(r.rest().size());
}

class Parser final : public vidra::Parser {
 public:
  Cut next(Side from, Bytes b, bool, bool) override {
    size_t& rest = rest_[size_t(from)];
    if (rest) {
      const size_t n = rest;
      rest = 0;
      return {Cut::skip, n};
    }
    if (b.size() < block_header) {
      if (!b.empty() && b[0] != 0 && b[0] != 0xBB) return {Cut::lost, 0};
      if (b.empty() || b[0] == 0 || b.size() < 6) return {Cut::need, b.empty() || b[0] != 0 ? size_t{6} : block_header};
    }
    if (b[0] == 0xBB && b[1] == 0xBB) {                  // V2: the length in either order
      const uint32_t little = le32(b, 2), big = uint32_t(b[2]) << 24 | uint32_t(b[3]) << 16 | uint32_t(b[4]) << 8 | b[5], length = std::min(little, big);
      return length == 0 || length > 0xF000 ? Cut{Cut::lost, 0} : Cut{Cut::take, 6 + size_t{length}};
    }
    if (b.size() < block_header) return {Cut::lost, 0};
    const uint32_t length = le32(b, 4);
    if (le32(b, 0) != block_magic || length < block_header + 6 || length > longest_block) return {Cut::lost, 0};
    if (length <= longest_record) return {Cut::take, length};
    if (b.size() < 128) return {Cut::need, 128};
    rest = length - 128;
    beheaded_ = true;
    return {Cut::take, 128};
  }

  void parse(Bytes record, Side from, Speaker& say) override {
    Message& m = say.begin();
    Identity who;
    if (record.size() >= 2 && record[0] == 0xBB) v2(record, from, m, say, who);
    else v3(record, from, m, say);
    say.end();
    if (who.vendor) say.identity(who);
    beheaded_ = false;
  }

  void gap(Side side, uint64_t) override { rest_[size_t(side)] = 0; }

 private:
  void v3(Bytes record, Side from, Message& m, Speaker& say) {
    m.role = from == Side::client ? Role::request : Role::response;
    m.function = 0xF001;
    Reader r{record, m.malformed};
    size_t at = 0;
    if (record.empty() || record[0] != datagram_magic) {
      r.require(r.le32() == block_magic);
      const uint32_t length = r.le32();
      r.require(beheaded_ || length == record.size());
      at = block_header;
    }
    r.skip(3);
    const uint8_t kind = r.u8();
    const size_t channel = behind_addresses(record, at);
    r.require(channel != 0);
    if (!r.ok()) return;
    r.skip(channel - at - 4);
    if (kind != 0x40 && kind != 0x41) {                  // 1, 2: addresses; 3, 4: name service
      m.function = kind == 3 || kind == 4 ? 0xF002 : 0xF003;
      m.act = exactly(m.function)->act;
      m.role = kind == 4 || kind == 2 ? Role::response : Role::request;
      return octets(r, say);
    }
    const uint8_t command = r.u8();
    r.u8();
    m.function = channel_kind(command) ? command : 0xF001;
    m.act = exactly(m.function)->act;
    r.require(channel_kind(command));
    if (command >= 0x83) {
      r.skip(2);                                         // version
      m.role = command == 0x83 ? Role::response : Role::request;
      return octets(r, say);
    }
    m.sequence = r.le16();                               // channel
    if (command == 3) return octets(r, say);
    const uint32_t number = r.le32();
    m.tag = number;
    if (command == 2) return octets(r, say);
    r.le32();                                            // what is acknowledged with it
    // The first block of a service says how much is to come, and a checksum; then the service's header.
    const Bytes ahead = r.peek();
    if (ahead.size() >= 8 + services_header && (le16(ahead, 8) == plain_services || le16(ahead, 8) == secured_services)) {
      r.skip(8);
      return services(r, m, say);
    }
    octets(r, say);
  }

  void services(Reader& r, Message& m, Speaker& say) {
    const uint16_t protocol = r.le16(), header = r.le16();
    const uint16_t group = r.le16(), number = r.le16();
    m.station = r.le32();                                // session
    const uint32_t length = r.le32();
    if (header > 12 && header <= 64) r.skip(std::min<size_t>(header - 12u, r.left()));
    const Function* f = service(uint8_t(group & 0x7f), number);
    m.function = f->number;
    m.act = f->act;
    if ((f->number & 0xff) == 0xff || f->number == 0xF001) m.sub_function = f->number == 0xF001 ? uint16_t((group & 0x7f) << 8 | (number & 0xff)) : number;
    m.role = group & 0x80 ? Role::response : Role::request;
    m.encrypted = protocol == secured_services;
    m.retained = length > r.left();
    if (m.role == Role::request && (m.act == Act::program || m.act == Act::write)) m.digest = text_key(text_of(r.peek()));
    octets(r, say);
  }

  // BB BB, length, service; an identification's answer has the names of system, product and version at fixed places.
  static void v2(Bytes record, Side from, Message& m, Speaker& say, Identity& who) {
    Reader r{record, m.malformed};
    r.skip(6);
    const uint32_t little = record.size() >= 6 ? le32(record, 2) : 0;
    const uint32_t big = little >> 24 | (little >> 8 & 0xff00) | (little << 8 & 0xff0000) | little << 24;
    r.require(little == r.left() || big == r.left());
    m.role = from == Side::client ? Role::request : Role::response;
    const uint8_t code = r.u8();
    m.function = 0xF021;
    if (m.role == Role::request) m.sub_function = code;
    if ((m.role == Role::request && code == 1) || (m.role == Role::response && record.size() > 160)) {
      const auto at = [&](size_t offset) {
        if (record.size() <= offset + 32) return uint64_t{0};
        const Bytes field = record.subspan(offset, 32), name = field.first(size_t(std::find(field.begin(), field.end(), 0) - field.begin()));
        if (name.size() < 2 || !std::all_of(name.begin(), name.end(), [](uint8_t o) { return o >= 0x20 && o < 0x7f; })) return uint64_t{0};
        return say.text(text_of(name));
      };
      if (m.role == Role::request) m.function = 0xF020, m.sub_function = 0;
      else if (const uint64_t system = at(65), version = at(97), vendor = at(129); system && version) {
        m.function = 0xF020;
        who.vendor = vendor ? vendor : say.text("3S");
        who.product = system;
        who.firmware = version;
        say.point(say.named("system")).set_text(system);
        say.point(say.named("version")).set_text(version);
      }
    }
    m.act = exactly(m.function)->act;
    octets(r, say);
  }

  size_t rest_[2] = {0, 0};
  bool beheaded_ = false;
};

// --- recognition ---

Recognised recognises(Bytes up, Bytes down, Carrier carrier) {
  Recognised found;
  for (bool first : {true, false}) {
    const Bytes b = first ? up : down;
    if (b.empty()) continue;
    if (carrier == Carrier::udp) {
      const size_t channel = behind_addresses(b, 0);
      if (!channel || channel + 2 > b.size() || b[1] >> 3 > 30) return {};
      const uint8_t kind = b[3];
      const bool services = (kind == 0x40 || kind == 0x41) && channel_kind(b[channel]);
      if (!services && !(kind >= 1 && kind <= 4)) return {};
      const bool named = services && b[channel] == 1 && b.size() >= channel + 20 + 2 && (le16(b, channel + 20) == plain_services || le16(b, channel + 20) == secured_services);
      found.sure = std::max(found.sure, named ? Recognised::yes : Recognised::maybe);
      continue;
    }
    if (b.size() >= 7 && b[0] == 0xBB && b[1] == 0xBB) {
      const uint32_t little = le32(b, 2), big = uint32_t(b[2]) << 24 | uint32_t(b[3]) << 16 | uint32_t(b[4]) << 8 | b[5], n = std::min(little, big);
      if (n == 0 || n > 0xF000) return {};
      found.sure = n + 6 == b.size() ? Recognised::yes : std::max(found.sure, Recognised::maybe);
      continue;
    }
    if (b.size() < block_header) continue;
    if (le32(b, 0) != block_magic || le32(b, 4) < block_header + 6 || le32(b, 4) > longest_block || (b.size() > block_header && b[block_header] != datagram_magic)) return {};
    found.sure = Recognised::yes;
  }
  return found;
}

vidra::Parser* open(Pool& pool) { return pool.make<Parser>(); }

constexpr Port ports[] = {{Carrier::tcp, 11740}, {Carrier::tcp, 11741}, {Carrier::tcp, 11742}, {Carrier::tcp, 11743}, {Carrier::udp, 1740}, {Carrier::udp, 1741},
                          {Carrier::udp, 1742}, {Carrier::udp, 1743}, {Carrier::tcp, 1200}, {Carrier::tcp, 2455}};

}  // namespace

extern const Protocol protocol;
const Protocol protocol = {"codesys", "CODESYS", ports, recognises, open, functions, {}, nullptr,
                           "not published; Kaspersky ICS CERT, Security research: CODESYS Runtime (2019); service groups and services of the runtime's interface documentation",
                           "tags inside services (users, applications' names, variables, results), services continued in further blocks, name service's contents, secured channels; V2's services but identification; the gateway's protocol (TCP 1217)"};

}  // namespace vidra::codesys
