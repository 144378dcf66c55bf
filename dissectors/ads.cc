// SPDX-License-Identifier: Apache-2.0
// Beckhoff ADS in AMS/TCP (TwinCAT ADS specification, TE1000) and the discovery that Beckhoff's tools use on UDP 48899, which
// is known from public analyses only. A record is one AMS packet. The station is the AMS port that is asked (851 the first PLC,
// 10000 the system service). Values are as many bits as they have octets: their types are not on the wire.
#include "dissectors/protocol.h"
#include "dissectors/waiting.h"

namespace vidra::ads {
namespace {

// Numbers are AMS command ids; of read, write and read/write the sub-function is the index group, of write control the state
// asked for. 256 and up: discovery's services; 512 and up: AMS/TCP's own.
constexpr Function functions[] = {
    {1, 0xffff, "read device info", Act::identify},
    {2, 400, "read time", Act::read},
    {2, 700, "read network adapters", Act::browse},
    {2, 803, "read routes", Act::browse},
    {2, 0x4020, "read memory", Act::read},
    {2, 0x4021, "read memory bit", Act::read},
    {2, 0x4030, "read retained data", Act::read},
    {2, 0x4040, "read data", Act::read},
    {2, 0xF005, "read value by handle", Act::read},
    {2, 0xF00B, "upload symbols", Act::browse},
    {2, 0xF00C, "upload symbols' number and size", Act::browse},
    {2, 0xF00E, "upload data types", Act::browse},
    {2, 0xF00F, "upload symbols' number and size, with types", Act::browse},
    {2, 0xF020, "read inputs", Act::read},
    {2, 0xF021, "read input bit", Act::read},
    {2, 0xF030, "read outputs", Act::read},
    {2, 0xF031, "read output bit", Act::read},
    {2, 0xffff, "read", Act::read},
    {3, 200, "write registry", Act::configure},
    {3, 400, "write time", Act::time},
    {3, 500, "start process", Act::run},
    {3, 801, "add route", Act::configure},
    {3, 802, "delete route", Act::configure},
    {3, 0x4020, "write memory", Act::write},
    {3, 0x4021, "write memory bit", Act::write},
    {3, 0x4030, "write retained data", Act::write},
    {3, 0x4040, "write data", Act::write},
    {3, 0xF005, "write value by handle", Act::write},
    {3, 0xF006, "release handle", Act::session},
    {3, 0xF020, "write inputs", Act::write},
    {3, 0xF021, "write input bit", Act::write},
    {3, 0xF030, "write outputs", Act::write},
    {3, 0xF031, "write output bit", Act::write},
    {3, 0xffff, "write", Act::write},
    {4, 0xffff, "read state", Act::diagnose},
    {5, 2, "write control: reset", Act::run},
    {5, 5, "write control: run", Act::run},
    {5, 6, "write control: stop", Act::run},
    {5, 12, "write control: shutdown", Act::run},
    {5, 15, "write control: config", Act::run},
    {5, 16, "write control: reconfig", Act::run},
    {5, 0xffff, "write control", Act::run},
    {6, 0xffff, "add device notification", Act::subscribe},
    {7, 0xffff, "delete device notification", Act::subscribe},
    {8, 0xffff, "device notification", Act::report},
    {9, 120, "open file", Act::file},
    {9, 121, "close file", Act::file},
    {9, 122, "read file", Act::file},
    {9, 123, "write file", Act::file},
    {9, 131, "delete file", Act::file},
    {9, 132, "rename file", Act::file},
    {9, 133, "find file", Act::file},
    {9, 200, "read registry", Act::read},
    {9, 0xF003, "handle by name", Act::browse},
    {9, 0xF004, "value by name", Act::read},
    {9, 0xF007, "symbol info by name", Act::browse},
    {9, 0xF009, "symbol info by name", Act::browse},
    {9, 0xF010, "data type info by name", Act::browse},
    {9, 0xF080, "read several", Act::read},
    {9, 0xF081, "write several", Act::write},
    {9, 0xF082, "read/write several", Act::write},
    {9, 0xF083, "read several", Act::read},
    {9, 0xF084, "read several", Act::read},
    {9, 0xF085, "add several notifications", Act::subscribe},
    {9, 0xF086, "delete several notifications", Act::subscribe},
    {9, 0xffff, "read/write", Act::write},
    {257, 0xffff, "discovery: server info", Act::identify},
    {262, 0xffff, "discovery: add route", Act::configure},
    {256 + 0xff, 0xffff, "discovery", Act::other},
    {513, 0xffff, "AMS port closed", Act::session},
    {514, 0xffff, "AMS port connected", Act::session},
    {515, 0xffff, "router note", Act::report},
    {516, 0xffff, "local NetId asked for", Act::session},
};

std::string_view reason(uint16_t code) {
  struct Row { uint16_t code; std::string_view name; };
  constexpr Row rows[] = {
      {1, "internal error"}, {4, "mailbox full"}, {5, "wrong message"}, {6, "target port not found"}, {7, "target computer not found"}, {8, "unknown command"},
      {9, "bad task"}, {10, "no I/O"}, {11, "unknown AMS command"}, {12, "Win32 error"}, {13, "port not connected"}, {14, "invalid AMS length"},
      {15, "invalid AMS NetId"}, {18, "port disabled"}, {19, "port already connected"}, {24, "invalid AMS port"}, {25, "no memory"}, {27, "host unreachable"},
      {0x506, "port already in use"}, {0x507, "port not registered"}, {0x509, "invalid port"}, {0x50A, "router not active"},
      {0x700, "device error"}, {0x701, "service not supported"}, {0x702, "invalid index group"}, {0x703, "invalid index offset"}, {0x704, "reading or writing not permitted"},
      {0x705, "parameter size incorrect"}, {0x706, "invalid data"}, {0x707, "device not ready"}, {0x708, "device busy"}, {0x709, "invalid context"}, {0x70A, "out of memory"},
      {0x70B, "invalid parameter"}, {0x70C, "not found"}, {0x70D, "syntax error"}, {0x70E, "objects do not match"}, {0x70F, "object already exists"},
      {0x710, "symbol not found"}, {0x711, "symbol version invalid"}, {0x712, "device in invalid state"}, {0x713, "transmission mode not supported"},
      {0x714, "notification handle invalid"}, {0x715, "notification client not registered"}, {0x716, "no further notification handle"}, {0x717, "notification too large"},
      {0x718, "device not initialised"}, {0x719, "device timeout"}, {0x71A, "interface query failed"}, {0x71B, "wrong interface"}, {0x71E, "request pending"},
      {0x71F, "request aborted"}, {0x720, "signal warning"}, {0x721, "invalid array index"}, {0x722, "symbol not active"}, {0x723, "access denied"},
      {0x740, "client error"}, {0x741, "invalid parameter at service"}, {0x745, "client timeout"},
  };
  for (const Row& r : rows)
    if (r.code == code) return r.name;
  return {};
}

std::string_view state_name(uint16_t state) {
  constexpr std::string_view names[] = {"invalid", "idle", "reset", "init", "start", "run", "stop", "save configuration", "load configuration", "power failure", "power good",
                                        "error", "shutdown", "suspend", "resume", "config", "reconfig", "stopping", "incompatible", "exception"};
  return state < std::size(names) ? names[state] : "unknown";
}

constexpr size_t tcp_header = 6, ams_header = 32;
constexpr uint32_t most = 64u << 20;                     // octets of one packet; symbol tables have some megabytes
constexpr uint8_t discovery_magic[] = {0x03, 0x66, 0x14, 0x71};
constexpr uint16_t is_response = 1, is_ads = 4, flags_known = 0x01FF;

constexpr uint16_t le16(Bytes b, size_t at) { return uint16_t(b[at] | b[at + 1] << 8); }
constexpr uint32_t le32(Bytes b, size_t at) { return uint32_t{le16(b, at)} | uint32_t{le16(b, at + 2)} << 16; }
constexpr bool known_envelope(uint16_t kind) { return kind == 0 || kind == 1 || (kind >= 0x1000 && kind <= 0x1002); }

Act act_of(uint16_t function, uint16_t sub) {
  Act any = Act::other;
  for (const Function& f : functions) {
    if (f.number != function) continue;
    if (f.sub == sub) return f.act;
    if (f.sub == 0xffff) any = f.act;
  }
  return any;
}

Bytes text(Bytes b) { return b.first(size_t(std::find(b.begin(), b.end(), 0) - b.begin())); }

struct Question {
  uint32_t group, offset, length;
  uint16_t sub;
  uint8_t name_length;                                   // of the symbol whose handle is asked for
  std::array<char, 62> name;
};

class Parser final : public vidra::Parser {
 public:
  Cut next(Side from, Bytes b, bool, bool) override {
    uint32_t& rest = rest_[size_t(from)];
    if (rest) {                                          // the body of a packet longer than any record
      const size_t n = rest;
      rest = 0;
      return {Cut::skip, n};
    }
    if (b.size() < tcp_header) return {Cut::need, tcp_header};
    const uint16_t kind = le16(b, 0);
    const uint32_t length = le32(b, 2);
    if (!known_envelope(kind) || length > most || (kind == 0 && length < ams_header)) return {Cut::lost, 0};
    if (tcp_header + size_t{length} <= longest_record) return {Cut::take, tcp_header + length};
    if (b.size() < tcp_header + ams_header) return {Cut::need, tcp_header + ams_header};
    rest = length - ams_header;
    beheaded_ = true;
    return {Cut::take, tcp_header + ams_header};
  }

  void parse(Bytes record, Side, Speaker& say) override {
    Message& m = say.begin();
    Reader r{record, m.malformed};
    identity_ = Identity{};
    if (std::equal(record.begin(), record.begin() + long(std::min(record.size(), sizeof discovery_magic)), discovery_magic)) discovery(r, m, say);
    else packet(r, m, say);
    say.end();
    if (identity_.product || identity_.name) say.identity(identity_);
    beheaded_ = false;
  }

  void gap(Side side, uint64_t) override {
    waiting_.clear();
    rest_[size_t(side)] = 0;
  }

 private:
  struct Handle { uint32_t handle = 0; bool notification = false, used = false; uint8_t name_length = 0; Object object; std::array<char, 62> name{}; };

  void packet(Reader& r, Message& m, Speaker& say) {
    const uint16_t kind = r.le16();
    const uint32_t length = r.le32();
    if (kind != 0) {
      m.function = uint16_t(kind == 1 ? 513 : kind <= 0x1002 ? 514 + (kind & 3) : 514);
      m.act = act_of(m.function, 0);
      r.require(known_envelope(kind) && length == r.left());
      return octets(r, say);
    }
    r.require(beheaded_ || length == r.left());
    r.skip(6);
    const uint16_t to = r.le16();
    r.skip(6);
    const uint16_t from = r.le16();
    m.function = r.le16();
    const uint16_t flags = r.le16();
    const uint32_t data = r.le32(), error = r.le32();
    m.tag = r.le32();
    const bool answers = flags & is_response;
    m.role = answers ? Role::response : m.function == 8 ? Role::report : Role::request;
    m.station = answers || m.function == 8 ? from : to;
    m.qualifier = flags;
    m.act = act_of(m.function, 0);
    if (beheaded_) {
      m.retained = true;
      Question q{};
      if (answers && waiting_.answer(key(m), say.time, q)) m.sub_function = q.sub, m.act = act_of(m.function, q.sub);
      say.point(Object{}).set_octets(data);
      return;
    }
    r.require(data == r.left() && m.function >= 1 && m.function <= 9);
    if (!answers) {
      Question q{};
      request(r, m, say, q);
      q.sub = m.sub_function;
      if (m.function != 8 && r.ok()) waiting_.ask(key(m), say.time, q);
      return r.finish();
    }
    Question q{};
    m.unpaired = !waiting_.answer(key(m), say.time, q);
    m.sub_function = q.sub;
    m.act = act_of(m.function, q.sub);
    if (error) {
      m.refused = true;
      m.reason = uint16_t(std::min(error, 0xffffu));
      return octets(r, say);
    }
    const uint32_t result = r.le32();
    if (result) m.refused = true, m.reason = uint16_t(std::min(result, 0xffffu));
    if (result) return octets(r, say);
    response(r, m, say, q);
    r.finish();
  }

  static uint64_t key(const Message& m) { return uint64_t{m.function} << 32 | m.tag; }

  void request(Reader& r, Message& m, Speaker& say, Question& q) {
    switch (m.function) {
      case 1: case 4: return;
      case 2: {
        q.group = r.le32(), q.offset = r.le32(), q.length = r.le32();
        if (!r.ok()) return;
        sub(m, q);
        say.point(object(q, say));
        return;
      }
      case 3: {
        q.group = r.le32(), q.offset = r.le32(), q.length = r.le32();
        if (!r.ok()) return;
        sub(m, q);
        m.digest = text_key(text_of(r.peek()));
        r.require(q.length == r.left());
        if (q.group == 0xF006 && q.length == 4) {        // a handle is released: the written value names it
          q.offset = r.le32();
          say.point(object(q, say));
          return forget(q.offset, false);
        }
        if (q.group == 801 || q.group == 802 || q.group == 500 || q.group == 200) {   // texts: of what, no more
          say.point(object(q, say));
          return octets(r, say);
        }
        return value(r, say.point(object(q, say)));
      }
      case 5: {
        const uint16_t ads = r.le16(), device = r.le16();
        const uint32_t length = r.le32();
        if (!r.ok()) return;
        m.sub_function = ads;
        m.act = act_of(5, ads);
        r.require(length == r.left());
        say.point(say.named("state")).set_text(say.text(state_name(ads)));
        if (device) say.point(say.named("device state")).set_natural(device);
        return octets(r, say);
      }
      case 6: {
        q.group = r.le32(), q.offset = r.le32(), q.length = r.le32();
        const uint32_t mode = r.le32();
        r.le32();                                        // longest delay
        const uint32_t cycle = r.le32();                 // 100 ns
        r.skip(16);
        if (!r.ok()) return;
        say.point(object(q, say));
        say.point(say.named(mode == 4 ? "on change, at most every" : "every")).set_real(double(cycle) / 10'000'000);   // s
        return;
      }
      case 7: {
        const uint32_t handle = r.le32();
        if (!r.ok()) return;
        q.offset = handle;
        say.point(named_or(handle, true, Object(ObjectKind::item, handle), say));
        return forget(handle, true);
      }
      case 8: return notification(r, say);
      case 9: {
        q.group = r.le32(), q.offset = r.le32(), q.length = r.le32();
        const uint32_t written = r.le32();
        if (!r.ok()) return;
        sub(m, q);
        r.require(written == r.left());
        if (m.act == Act::write) m.digest = text_key(text_of(r.peek()));
        const bool by_name = q.group == 0xF003 || q.group == 0xF004 || q.group == 0xF007 || q.group == 0xF009 || q.group == 0xF010;
        const bool of_file = q.group == 120 || q.group == 131 || q.group == 132 || q.group == 133 || q.group == 200;
        if (by_name || of_file) {
          const Bytes all = r.rest(), name = text(all);
          say.point(say.named(text_of(name)));
          if (q.group == 200 && all.size() > name.size() + 1) say.point(say.named(text_of(text(all.subspan(name.size() + 1)))));   // key, value
          q.name_length = uint8_t(std::min(name.size(), q.name.size()));
          std::copy_n(name.begin(), q.name_length, q.name.begin());
          return;
        }
        if (q.group >= 0xF080 && q.group <= 0xF084) return several(r, say, q);
        say.point(object(q, say));
        return octets(r, say);
      }
      default: return octets(r, say);
    }
  }

  void response(Reader& r, const Message& m, Speaker& say, const Question& q) {
    switch (m.function) {
      case 1: {
        const uint8_t major = r.u8(), minor = r.u8();
        const uint16_t build = r.le16();
        const Bytes name = text(r.bytes(16));
        if (!r.ok()) return;
        char version[24];
        const int n = std::snprintf(version, sizeof version, "%u.%u.%u", major, minor, build);
        identity_.station = m.station;
        identity_.vendor = say.text("Beckhoff");
        identity_.product = say.text(text_of(name));
        identity_.firmware = say.text({version, size_t(n)});
        say.point(say.named("name")).set_text(identity_.product);
        say.point(say.named("version")).set_text(identity_.firmware);
        return;
      }
      case 2: case 9: {
        const uint32_t length = r.le32();
        r.require(length == r.left());
        if (q.group == 0xF003 && m.function == 9 && r.left() == 4) {
          const uint32_t handle = r.le32();
          const std::string_view name(q.name.data(), q.name_length);
          remember(handle, false, Object::of_text(text_key(name)), name);
          say.point(say.named(name)).set_natural(handle);
          return;
        }
        const bool plain = m.function == 2 || q.group == 0xF004;
        if (!plain || m.unpaired || r.left() > 8) return octets(r, say);
        if (!r) return;
        const Object o = q.group == 0xF004 ? say.named({q.name.data(), q.name_length}) : object(q, say);
        return value(r, say.point(o));
      }
      case 3: case 5: case 7: return;
      case 4: {
        const uint16_t ads = r.le16(), device = r.le16();
        if (!r.ok()) return;
        say.point(say.named("state")).set_text(say.text(state_name(ads)));
        say.point(say.named("device state")).set_natural(device);
        return;
      }
      case 6: {
        const uint32_t handle = r.le32();
        if (!r.ok()) return;
        const Object o = object(q, say);
        const Handle* h = q.group == 0xF005 ? find(q.offset, false) : nullptr;
        remember(handle, true, o, h ? std::string_view(h->name.data(), h->name_length) : std::string_view{});
        say.point(o).set_natural(handle);
        return;
      }
      default: return octets(r, say);
    }
  }

  void notification(Reader& r, Speaker& say) {           // stamps, each with its samples
    const uint32_t length = r.le32();
    r.require(length == r.left());
    uint32_t stamps = r.le32();
    for (; stamps && r; stamps--) {
      const uint64_t filetime = r.le64();                // 100 ns since 1601
      uint32_t samples = r.le32();
      for (; samples && r; samples--) {
        const uint32_t handle = r.le32(), size = r.le32();
        Reader data = r.sub(size);
        if (!r.ok()) return;
        Point& p = say.point(named_or(handle, true, Object(ObjectKind::item, handle, 0xF000), say));
        value(data, p);
        if (filetime > 116'444'736'000'000'000u && filetime < 200'000'000'000'000'000u) p.time = Time(filetime - 116'444'736'000'000'000u) * 100, p.time_kind = TimeKind::full;
      }
      r.require(samples == 0);
    }
    r.require(stamps == 0);
  }

  // 0xF080 and its kin: offset is how many; group, offset, length of each, then what is written.
  void several(Reader& r, Speaker& say, const Question& q) {
    const size_t each = q.group == 0xF082 ? 16 : 12;
    uint32_t n = q.offset;
    r.require(size_t{n} * each <= r.left());
    for (; n && r.left() >= each; n--) {
      Question one{};
      one.group = r.le32(), one.offset = r.le32(), one.length = r.le32();
      if (each == 16) r.le32();
      say.point(object(one, say));
    }
    octets(r, say);
  }

  static void sub(Message& m, const Question& q) {
    m.sub_function = q.group < 0xffff ? uint16_t(q.group) : uint16_t{0};
    m.act = act_of(m.function, m.sub_function);
  }

  Object object(const Question& q, Speaker& say) {
    if (q.group == 0xF005 || q.group == 0xF006) return named_or(q.offset, false, Object(ObjectKind::item, q.offset, q.group), say);
    if (q.group < 1u << 24) return Object(ObjectKind::item, q.offset, q.group);
    char name[40];
    const int n = std::snprintf(name, sizeof name, "item %u.%u", q.group, q.offset);
    return say.named({name, size_t(n)});
  }

  static void value(Reader& r, Point& p) {
    switch (r.left()) {
      case 1: p.set_bits(r.u8(), 8); break;
      case 2: p.set_bits(r.le16(), 16); break;
      case 4: p.set_bits(r.le32(), 32); break;
      case 8: p.set_bits(r.le64(), 64); break;
      default: p.set_octets(r.rest().size());
    }
  }

  static void octets(Reader& r, Speaker& say) {
    if (r) say.point(Object{}).set_octets(r.rest().size());
  }

  // --- handles of symbols and notifications ---

  Handle* find(uint32_t handle, bool notification) {
    for (Handle& h : handles_)
      if (h.used && h.handle == handle && h.notification == notification) return &h;
    return nullptr;
  }
  Object named_or(uint32_t handle, bool notification, Object otherwise, Speaker& say) {
    const Handle* h = find(handle, notification);
    if (!h) return otherwise;
    if (h->name_length) return say.named({h->name.data(), h->name_length});
    return h->object;
  }
  void remember(uint32_t handle, bool notification, Object object, std::string_view name) {
    Handle* h = find(handle, notification);
    if (!h) h = &handles_[next_++ % handles_.size()];    // the oldest goes
    *h = Handle{handle, notification, true, uint8_t(std::min(name.size(), h->name.size())), object, {}};
    std::copy_n(name.begin(), h->name_length, h->name.begin());
  }
  void forget(uint32_t handle, bool notification) {
    if (Handle* h = find(handle, notification)) h->used = false;
  }

  // --- UDP 48899 ---

  void discovery(Reader& r, Message& m, Speaker& say) {
    r.skip(4);
    m.tag = r.le32();
    const uint32_t service = r.le32();
    const bool answers = service & 0x80000000;
    const uint32_t number = service & 0x7fffffff;
    m.role = answers ? Role::response : Role::request;
    m.function = number == 1 || number == 6 ? uint16_t(256 + number) : uint16_t{256 + 0xff};
    m.act = act_of(m.function, 0);
    const Bytes net = r.bytes(6);
    const uint16_t port = r.le16();
    if (r.ok()) {
      char name[32];
      const int n = std::snprintf(name, sizeof name, "%u.%u.%u.%u.%u.%u:%u", net[0], net[1], net[2], net[3], net[4], net[5], port);
      say.point(say.named("AMS address")).set_text(say.text({name, size_t(n)}));
    }
    uint32_t tags = r.le32();
    for (; tags && r; tags--) {
      const uint16_t tag = r.le16();
      Reader value_of = r.sub(r.le16());
      if (!r.ok()) break;
      const Bytes octets_of = value_of.peek();
      const auto said = [&](std::string_view name) { const uint64_t k = say.text(text_of(text(octets_of))); say.point(say.named(name)).set_text(k); return k; };
      switch (tag) {
        case 1:
          if (octets_of.size() == 4 && le32(octets_of, 0)) m.refused = true, m.reason = uint16_t(std::min(le32(octets_of, 0), 0xffffu));
          break;
        case 2:                                          // "1" is what TwinCAT is delivered with
          say.point(say.named("password")).set_text(say.text(text(octets_of).empty() ? "none" : text_of(text(octets_of)) == "1" ? "vendor default" : "other"));
          break;
        case 3:
          if (octets_of.size() >= 4) {
            char version[24];
            const int n = std::snprintf(version, sizeof version, "%u.%u.%u", octets_of[0], octets_of[1], le16(octets_of, 2));
            const uint64_t k = say.text({version, size_t(n)});
            say.point(say.named("TwinCAT version")).set_text(k);
            if (answers) identity_.firmware = k;
          }
          break;
        case 5: {
          const uint64_t k = said(answers ? "host" : "route to");
          if (answers && number == 1) identity_.name = k;
          break;
        }
        case 12: said("route"); break;
        case 13: said("user"); break;
        default: say.point(Object(ObjectKind::item, tag)).set_octets(octets_of.size());
      }
    }
    r.require(tags == 0);
    r.finish();
    if (identity_.name) identity_.vendor = say.text("Beckhoff"), identity_.product = say.text("TwinCAT");
    identity_.station = 0;
  }

  Waiting<Question> waiting_;
  std::array<Handle, 48> handles_{};
  size_t next_ = 0;
  uint32_t rest_[2] = {0, 0};
  bool beheaded_ = false;
  Identity identity_;
};

// --- recognition ---

Recognised recognises(Bytes up, Bytes down, Carrier carrier) {
  Recognised found;
  for (bool first : {true, false}) {
    const Bytes b = first ? up : down;
    if (b.empty()) continue;
    bool serves = false;
    if (carrier == Carrier::udp) {
      if (b.size() < 24 || !std::equal(std::begin(discovery_magic), std::end(discovery_magic), b.begin())) return {};
      serves = b[11] & 0x80;
    } else {
      if (b.size() < tcp_header) continue;
      const uint16_t kind = le16(b, 0);
      const uint32_t length = le32(b, 2);
      if (!known_envelope(kind) || length > most) return {};
      if (kind != 0) { found.sure = std::max(found.sure, length <= 16 && length >= 2 ? Recognised::maybe : Recognised::no); continue; }
      if (length < ams_header || b.size() < tcp_header + ams_header) {
        if (length < ams_header) return {};
        found.sure = std::max(found.sure, Recognised::maybe);
        continue;
      }
      const uint16_t command = le16(b, 22), flags = le16(b, 24);
      if (command < 1 || command > 9 || !(flags & is_ads) || (flags & ~flags_known) || le32(b, 26) != length - ams_header) return {};
      serves = (flags & is_response) || command == 8;
    }
    found.sure = Recognised::yes;
    found.client = serves == first ? Recognised::down : Recognised::up;
  }
  return found;
}

vidra::Parser* open(Pool& pool) { return pool.make<Parser>(); }

constexpr Port ports[] = {{Carrier::tcp, 48898}, {Carrier::udp, 48899}};

}  // namespace

extern const Protocol protocol;
const Protocol protocol = {"ads", "Beckhoff ADS", ports, recognises, open, functions, {}, reason,
                           "Beckhoff TE1000, ADS specification: AMS/TCP header, AMS header, ADS commands 1 to 9, index groups and offsets; UDP 48899 from public analyses",
                           "types of values (bits as wide as they are), symbol tables, contents of files, registry and routes, answers to several reads at once (counted); Secure ADS on 8016 is TLS"};

}  // namespace vidra::ads
