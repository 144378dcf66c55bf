// SPDX-License-Identifier: Apache-2.0
// BACnet (ANSI/ASHRAE 135-2020) on IP (annex J), IPv6 (annex U) and Ethernet (clause 7). A record is one datagram: BVLL, NPDU and
// APDU. A segmented APDU is said segment by segment, and its contents with the last one. Passwords are only said to be there.
// Values are said to their primitives: an array or list is several points of one object.
#include <algorithm>
#include <array>
#include <cstdio>

#include "dissectors/bacnet_names.h"
#include "dissectors/civil.h"
#include "dissectors/protocol.h"

namespace vidra::bacnet {
namespace {

enum Frame : uint8_t { confirmed, unconfirmed, simple_ack, complex_ack, segment_ack, error, reject, abort_, network, bvll, unknown };
constexpr std::string_view frames[] = {"confirmed request", "unconfirmed request", "simple ACK", "complex ACK", "segment ACK",
                                       "error", "reject", "abort", "network message", "BVLL", "unknown"};

// Message::function: confirmed services have their own number, the others begin here.
constexpr uint16_t unconfirmed_from = 0x100, network_from = 0x200, bvll_from = 0x300, bvll6_from = 0x320, lone = 0x400, segment = 0x401;

constexpr Function functions[] = {
    {0, 0xffff, "acknowledge alarm", Act::write},
    {1, 0xffff, "confirmed COV notification", Act::report},
    {2, 0xffff, "confirmed event notification", Act::report},
    {3, 0xffff, "get alarm summary", Act::read},
    {4, 0xffff, "get enrollment summary", Act::read},
    {5, 0xffff, "subscribe COV", Act::subscribe},
    {6, 0xffff, "atomic read file", Act::file},
    {7, 0xffff, "atomic write file", Act::file},
    {8, 0xffff, "add list element", Act::write},
    {9, 0xffff, "remove list element", Act::write},
    {10, 0xffff, "create object", Act::configure},
    {11, 0xffff, "delete object", Act::configure},
    {12, 0xffff, "read property", Act::read},
    {13, 0xffff, "read property conditional", Act::read},
    {14, 0xffff, "read property multiple", Act::read},
    {15, 0xffff, "write property", Act::write},
    {16, 0xffff, "write property multiple", Act::write},
    {17, 0, "device communication control: enable", Act::run},
    {17, 1, "device communication control: disable", Act::run},
    {17, 2, "device communication control: disable initiation", Act::run},
    {17, 0xffff, "device communication control", Act::run},
    {18, 0xffff, "confirmed private transfer", Act::other},
    {19, 0xffff, "confirmed text message", Act::other},
    {20, 0, "reinitialize device: cold start", Act::run},
    {20, 1, "reinitialize device: warm start", Act::run},
    {20, 2, "reinitialize device: start backup", Act::file},
    {20, 3, "reinitialize device: end backup", Act::file},
    {20, 4, "reinitialize device: start restore", Act::program},
    {20, 5, "reinitialize device: end restore", Act::program},
    {20, 6, "reinitialize device: abort restore", Act::program},
    {20, 7, "reinitialize device: activate changes", Act::configure},
    {20, 0xffff, "reinitialize device", Act::run},
    {21, 0xffff, "virtual terminal open", Act::session},
    {22, 0xffff, "virtual terminal close", Act::session},
    {23, 0xffff, "virtual terminal data", Act::other},
    {24, 0xffff, "authenticate", Act::session},
    {25, 0xffff, "request key", Act::session},
    {26, 0xffff, "read range", Act::read},
    {27, 0xffff, "life safety operation", Act::operate},
    {28, 0xffff, "subscribe COV property", Act::subscribe},
    {29, 0xffff, "get event information", Act::read},
    {30, 0xffff, "subscribe COV property multiple", Act::subscribe},
    {31, 0xffff, "confirmed COV notification multiple", Act::report},
    {32, 0xffff, "confirmed audit notification", Act::report},
    {33, 0xffff, "audit log query", Act::read},
    {0x100, 0xffff, "I-Am", Act::identify},
    {0x101, 0xffff, "I-Have", Act::identify},
    {0x102, 0xffff, "COV notification", Act::report},
    {0x103, 0xffff, "event notification", Act::report},
    {0x104, 0xffff, "private transfer", Act::other},
    {0x105, 0xffff, "text message", Act::other},
    {0x106, 0xffff, "time synchronization", Act::time},
    {0x107, 0xffff, "Who-Has", Act::browse},
    {0x108, 0xffff, "Who-Is", Act::browse},
    {0x109, 0xffff, "UTC time synchronization", Act::time},
    {0x10a, 0xffff, "write group", Act::write},
    {0x10b, 0xffff, "COV notification multiple", Act::report},
    {0x10c, 0xffff, "audit notification", Act::report},
    {0x10d, 0xffff, "Who-Am-I", Act::identify},
    {0x10e, 0xffff, "You-Are", Act::configure},
    {0x200, 0xffff, "Who-Is-Router-To-Network", Act::browse},
    {0x201, 0xffff, "I-Am-Router-To-Network", Act::identify},
    {0x202, 0xffff, "I-Could-Be-Router-To-Network", Act::identify},
    {0x203, 0xffff, "Reject-Message-To-Network", Act::other},
    {0x204, 0xffff, "Router-Busy-To-Network", Act::other},
    {0x205, 0xffff, "Router-Available-To-Network", Act::other},
    {0x206, 0xffff, "Initialize-Routing-Table", Act::configure},
    {0x207, 0xffff, "Initialize-Routing-Table-Ack", Act::configure},
    {0x208, 0xffff, "Establish-Connection-To-Network", Act::session},
    {0x209, 0xffff, "Disconnect-Connection-To-Network", Act::session},
    {0x20a, 0xffff, "Challenge-Request", Act::session},
    {0x20b, 0xffff, "Security-Payload", Act::other},
    {0x20c, 0xffff, "Security-Response", Act::session},
    {0x20d, 0xffff, "Request-Key-Update", Act::session},
    {0x20e, 0xffff, "Update-Key-Set", Act::configure},
    {0x20f, 0xffff, "Update-Distribution-Key", Act::configure},
    {0x210, 0xffff, "Request-Master-Key", Act::session},
    {0x211, 0xffff, "Set-Master-Key", Act::configure},
    {0x212, 0xffff, "What-Is-Network-Number", Act::browse},
    {0x213, 0xffff, "Network-Number-Is", Act::identify},
    {0x300, 0xffff, "BVLC-Result", Act::other},
    {0x301, 0xffff, "Write-Broadcast-Distribution-Table", Act::configure},
    {0x302, 0xffff, "Read-Broadcast-Distribution-Table", Act::browse},
    {0x303, 0xffff, "Read-Broadcast-Distribution-Table-Ack", Act::browse},
    {0x304, 0xffff, "Forwarded-NPDU", Act::other},
    {0x305, 0xffff, "Register-Foreign-Device", Act::subscribe},
    {0x306, 0xffff, "Read-Foreign-Device-Table", Act::browse},
    {0x307, 0xffff, "Read-Foreign-Device-Table-Ack", Act::browse},
    {0x308, 0xffff, "Delete-Foreign-Device-Table-Entry", Act::configure},
    {0x309, 0xffff, "Distribute-Broadcast-To-Network", Act::other},
    {0x30a, 0xffff, "Original-Unicast-NPDU", Act::other},
    {0x30b, 0xffff, "Original-Broadcast-NPDU", Act::other},
    {0x30c, 0xffff, "Secure-BVLL", Act::other},
    {0x320, 0xffff, "BVLC-Result (IPv6)", Act::other},
    {0x321, 0xffff, "Original-Unicast-NPDU (IPv6)", Act::other},
    {0x322, 0xffff, "Original-Broadcast-NPDU (IPv6)", Act::other},
    {0x323, 0xffff, "Address-Resolution (IPv6)", Act::browse},
    {0x324, 0xffff, "Forwarded-Address-Resolution (IPv6)", Act::browse},
    {0x325, 0xffff, "Address-Resolution-Ack (IPv6)", Act::browse},
    {0x326, 0xffff, "Virtual-Address-Resolution (IPv6)", Act::browse},
    {0x327, 0xffff, "Virtual-Address-Resolution-Ack (IPv6)", Act::browse},
    {0x328, 0xffff, "Forwarded-NPDU (IPv6)", Act::other},
    {0x329, 0xffff, "Register-Foreign-Device (IPv6)", Act::subscribe},
    {0x32a, 0xffff, "Delete-Foreign-Device-Table-Entry (IPv6)", Act::configure},
    {0x32b, 0xffff, "Secure-BVLL (IPv6)", Act::other},
    {0x32c, 0xffff, "Distribute-Broadcast-To-Network (IPv6)", Act::other},
    {0x400, 0xffff, "unknown service", Act::other},         // the question that a reject or abort answers was not heard
    {0x401, 0xffff, "segment ACK", Act::session},
};

constexpr auto acts = [] {
  std::array<Act, 0x402> a{};
  for (const Function& f : functions)
    if (f.sub == 0xffff) a[f.number] = f.act;
  return a;
}();

// Message::reason: an error's code is its own number above 0x100, the others by their kind.
constexpr uint16_t error_from = 0x100, reject_from = 0x8000, abort_from = 0x9000, result_from = 0xa000, result6_from = 0xa800, unreachable_from = 0xb000;
constexpr uint16_t last_error = 0x7eff;
std::string_view reason_name(uint16_t reason) {
  constexpr std::string_view rejects[] = {"rejected: other", "rejected: buffer-overflow", "rejected: inconsistent-parameters", "rejected: invalid-parameter-data-type",
                                          "rejected: invalid-tag", "rejected: missing-required-parameter", "rejected: parameter-out-of-range",
                                          "rejected: too-many-arguments", "rejected: undefined-enumeration", "rejected: unrecognized-service"};
  constexpr std::string_view aborts[] = {"aborted: other", "aborted: buffer-overflow", "aborted: invalid-apdu-in-this-state", "aborted: preempted-by-higher-priority-task",
                                         "aborted: segmentation-not-supported", "aborted: security-error", "aborted: insufficient-security",
                                         "aborted: window-size-out-of-range", "aborted: application-exceeded-reply-time", "aborted: out-of-resources",
                                         "aborted: tsm-timeout", "aborted: apdu-too-long"};
  constexpr std::string_view unreachable[] = {"network message rejected: other", "not directly connected to the network", "router busy", "network message type unknown",
                                              "message too long", "security error", "addressing error"};
  const unsigned n = reason & 0xfff;
  switch (reason >> 12) {
    case 8: return n < std::size(rejects) ? rejects[n] : "rejected: proprietary reason";
    case 9: return n < std::size(aborts) ? aborts[n] : "aborted: proprietary reason";
    case 10:
      switch (reason) {                                                 // J.2.1.1, U.2.1.1
        case result_from + 0x10: return "write of the broadcast distribution table refused";
        case result_from + 0x20: return "read of the broadcast distribution table refused";
        case result_from + 0x30: return "registration of a foreign device refused";
        case result_from + 0x40: return "read of the foreign device table refused";
        case result_from + 0x50: return "deletion from the foreign device table refused";
        case result_from + 0x60: return "distribution of a broadcast refused";
        case result6_from + 0x30: return "address resolution refused";
        case result6_from + 0x60: return "virtual address resolution refused";
        case result6_from + 0x90: return "registration of a foreign device refused";
        case result6_from + 0xa0: return "deletion from the foreign device table refused";
        case result6_from + 0xc0: return "distribution of a broadcast refused";
        default: return "refused, unknown result code";
      }
    case 11: return n < std::size(unreachable) ? unreachable[n] : "network message rejected";
    default: break;
  }
  return reason >= error_from && reason <= last_error ? name_in(error_codes, uint32_t(reason - error_from)) : std::string_view{};
}

// ---- tags (20.2.1)

struct Tag {
  uint32_t number = 0, length = 0;   // of an application boolean the length is the value
  bool context = false, opening = false, closing = false;
  bool starts(uint32_t n) const { return opening && number == n; }
  bool ends(uint32_t n) const { return closing && number == n; }
  bool is(uint32_t n) const { return context && !opening && !closing && number == n; }
  bool application(uint32_t n) const { return !context && number == n; }
};

Tag take_tag(Reader& r) {
  Tag t;
  const uint8_t first = r.u8();
  t.number = first >> 4;
  t.context = first & 8;
  if (t.number == 15) t.number = r.u8();
  const unsigned lvt = first & 7;
  if (lvt == 6 || lvt == 7) {
    r.require(t.context);
    t.opening = lvt == 6, t.closing = lvt == 7;
  } else if (lvt == 5) {
    t.length = r.u8();
    if (t.length == 254) t.length = r.be16();
    else if (t.length == 255) t.length = r.be32();
  } else {
    t.length = lvt;
  }
  return t;
}

Tag peek_tag(const Reader& r) {                                           // what comes next; of nothing, a tag that nobody wants
  bool bad = false;
  Reader ahead{r.peek(), bad};
  Tag t = take_tag(ahead);
  if (bad) t = Tag{0xffff, 0, true, false, false};
  return t;
}

enum Application : uint8_t { null, boolean, unsigned_integer, signed_integer, real, double_real, octet_string, character_string, bit_string, enumerated, date, time_of_day, object_identifier };
constexpr uint32_t most_nested = 32;

uint64_t natural(Reader b) {
  b.require(b.left() >= 1 && b.left() <= 8);
  uint64_t v = 0;
  while (b) v = v << 8 | b.u8();
  return v;
}
int64_t integer(Reader b) {
  b.require(b.left() >= 1 && b.left() <= 8);
  int64_t v = b.left() && (b.peek()[0] & 0x80) ? -1 : 0;
  while (b) v = int64_t(uint64_t(v) << 8 | b.u8());
  return v;
}

// 20.2.12, 20.2.13; whatever is 255 is unspecified.
struct Date { uint8_t year, month, day; bool whole() const { return year != 255 && month >= 1 && month <= 12 && day >= 1 && day <= 31; } };
struct Clock {
  uint8_t hour, minute, second, hundredths;
  bool whole() const { return hour < 24 && minute < 60 && second < 60 && hundredths < 100; }
  Time since_midnight() const { return ((int64_t(hour) * 60 + minute) * 60 + second) * vidra::second + hundredths * 10 * millisecond; }
};
Date take_date(Reader b) {
  b.require(b.left() == 4);
  const Date d{b.u8(), b.u8(), b.u8()};
  b.u8();                                                                 // day of the week
  return d;
}
Clock take_clock(Reader b) {
  b.require(b.left() == 4);
  return {b.u8(), b.u8(), b.u8(), b.u8()};
}
Time midnight(Date d) { return civil(1900u + d.year, d.month, d.day, 0, 0, 0); }   // 0 before 1970

constexpr uint32_t type_of(uint32_t id) { return id >> 22; }
constexpr uint32_t device = 8;
enum Property : uint32_t {
  application_software_version = 12, event_state = 36, firmware_revision = 44, model_name = 70, object_list = 76, object_name = 77,
  present_value = 85, program_change = 90, vendor_name = 121, serial_number = 372,
};
Object object_of(uint32_t id, uint32_t property = whole_object) { return Object(ObjectKind::bacnet_object, id, property); }

// A question that waits for its answer, by invoke id (5.4).
struct Question {
  uint64_t station = 0, first = 0;    // the first object's key, 0 for none
  uint32_t objects = 0;
  uint16_t function = 0, sub = 0;
  uint8_t invoke = 0, side = 0xff;    // who asked; 0xff: free
};
constexpr size_t most_questions = 32;

// Segments of one APDU, kept until the last (5.4).
struct Assembly {
  uint16_t size = 0;
  uint8_t invoke = 0, side = 0, frame = 0, service = 0, next = 0;
  uint8_t octets[32'000];
};

struct Bacnet final : Parser {
  explicit Bacnet(Pool& pool) : pool_(pool) {}
  ~Bacnet() override { pool_.unmake(assembly_); }

  Cut next(Side, Bytes octets, bool, bool) override { return {Cut::take, octets.size()}; }   // datagrams only
  void gap(Side, uint64_t) override { forget(); }

  void parse(Bytes record, Side from, Speaker& say) override {
    Message& m = say.begin();
    who_ = Identity{};
    Reader r{record, m.malformed};
    m.role = from == Side::client ? Role::request : Role::response;
    switch (r.peek().size() < 2 ? 0 : record[0] == 0x82 && record[1] == 0x82 ? 1 : record[0]) {
      case 0x81: link(r, from, say); break;
      case 0x82: link6(r, from, say); break;
      default:                                                            // clause 7: LLC, DSAP and SSAP 82, UI
        r.require(r.be24() == 0x828203);
        npdu(r, from, say);
    }
    say.end();
    if (who_.vendor || who_.product || who_.model || who_.firmware || who_.serial || who_.name) {
      who_.station = m.station;
      if (!m.malformed) say.identity(who_);
    }
  }

 private:
  void forget() {
    pool_.unmake(assembly_);
    assembly_ = nullptr;
    questions_ = {};
  }

  // ---- BVLL (annex J, annex U)

  static Object address4(Reader& r, Speaker& say, bool masked) {
    const uint32_t a = r.be32();
    const unsigned port = r.be16();
    char text[64];
    int n = std::snprintf(text, sizeof text, "%u.%u.%u.%u:%u", a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255, port);
    if (masked) {
      const uint32_t k = r.be32();
      n += std::snprintf(text + n, sizeof text - size_t(n), " mask %u.%u.%u.%u", k >> 24, k >> 16 & 255, k >> 8 & 255, k & 255);
    }
    return r.ok() ? say.named({text, size_t(n)}) : Object{};
  }
  static Object address6(Reader& r, Speaker& say) {
    char text[64];
    int n = std::snprintf(text, sizeof text, "[");
    for (int i = 0; i < 8; i++) n += std::snprintf(text + n, sizeof text - size_t(n), i ? ":%x" : "%x", unsigned(r.be16()));
    n += std::snprintf(text + n, sizeof text - size_t(n), "]:%u", unsigned(r.be16()));
    return r.ok() ? say.named({text, size_t(n)}) : Object{};
  }
  static void say_object(Object o, Speaker& say) { if (o.key()) say.point(o); }
  static void seconds(Reader& r, Speaker& say, std::string_view what) {
    const uint16_t s = r.be16();
    if (r.ok()) say.point(say.named(what)).set_natural(s);
  }

  static void of_link(Message& m, uint16_t function) {
    m.frame = bvll;
    m.function = function;
    m.act = function < acts.size() ? acts[function] : Act::other;
  }
  static void result(Reader& r, Message& m, uint16_t from) {
    const uint16_t code = r.be16();
    m.role = Role::response;
    m.refused = code != 0;
    if (code) m.reason = uint16_t(from + std::min<uint16_t>(code, 0x7ff));
  }

  void link(Reader& r, Side from, Speaker& say) {
    Message& m = say.head();
    r.u8();
    const uint8_t function = r.u8();
    const uint16_t length = r.be16();
    const bool whole = length == r.left() + 4;                            // one that lies: what it says is said all the same
    link_body(r, function, from, say);
    m.malformed |= !whole;
  }
  void link_body(Reader& r, uint8_t function, Side from, Speaker& say) {
    Message& m = say.head();
    switch (function) {
      case 4: {                                                           // somebody else's, forwarded by a BBMD
        const Object origin = address4(r, say, false);
        m.origin = origin.key() & ~(0xffull << 56);
        m.has_origin = origin.key() != 0;
        m.broadcast = true;
        return npdu(r, from, say);
      }
      case 9: case 11: m.broadcast = true; return npdu(r, from, say);
      case 10: return npdu(r, from, say);
      default: break;
    }
    of_link(m, uint16_t(bvll_from + function));
    switch (function) {
      case 0: result(r, m, result_from); break;
      case 1: case 3:
        m.role = function == 1 ? Role::request : Role::response;
        while (r) say_object(address4(r, say, true), say);
        break;
      case 2: case 6: m.role = Role::request; break;
      case 5: m.role = Role::request; seconds(r, say, "time to live, seconds"); break;
      case 7:
        m.role = Role::response;
        while (r) {
          const Object who = address4(r, say, false);
          const uint16_t whole = r.be16(), rest = r.be16();
          if (!r.ok()) break;
          Point& p = say.point(who);
          p.set_natural(rest), p.qualifier = whole;
        }
        break;
      case 8: m.role = Role::request; say_object(address4(r, say, false), say); break;
      case 12: m.encrypted = true; r.rest(); break;
      default: r.require(false);
    }
    r.finish();
  }

  void link6(Reader& r, Side from, Speaker& say) {
    Message& m = say.head();
    r.u8();
    const uint8_t function = r.u8();
    const uint16_t length = r.be16();
    r.require(length == r.left() + 4);
    const uint32_t source = r.be24();                                     // virtual address: the device's instance
    m.origin = source;
    m.has_origin = true;
    const auto virtual_address = [&] {
      const uint32_t v = r.be24();
      if (r.ok()) say.point(object_of(device << 22 | v));
    };
    switch (function) {
      case 1: r.be24(); return npdu(r, from, say);
      case 2: case 12: m.broadcast = true; return npdu(r, from, say);
      case 8: say_object(address6(r, say), say); m.broadcast = true; return npdu(r, from, say);
      default: break;
    }
    of_link(m, uint16_t(bvll6_from + std::min<uint8_t>(function, 0x1f)));
    m.role = function == 0 || function == 5 || function == 7 ? Role::response : Role::request;
    switch (function) {
      case 0: result(r, m, result6_from); break;
      case 3: case 5: case 7: virtual_address(); break;
      case 4: virtual_address(); say_object(address6(r, say), say); break;
      case 6: break;
      case 9: seconds(r, say, "time to live, seconds"); break;
      case 10: say_object(address6(r, say), say); break;
      case 11: m.encrypted = true; r.rest(); break;
      default: r.require(false);
    }
    r.finish();
  }

  // ---- NPDU (clause 6)

  // A device behind a router: "network 5 address 0c". Its key is the station; on the spot it is 0.
  static uint64_t place(uint16_t net, Bytes address, Speaker& say) {
    char text[64];
    int n = std::snprintf(text, sizeof text, "network %u", net);
    if (!address.empty()) n += std::snprintf(text + n, sizeof text - size_t(n), " address ");
    for (size_t i = 0; i < std::min<size_t>(address.size(), 8); i++) n += std::snprintf(text + n, sizeof text - size_t(n), "%02x", address[i]);
    return say.text({text, size_t(n)});
  }

  void npdu(Reader& r, Side from, Speaker& say) {
    Message& m = say.head();
    r.require(r.u8() == 1);
    const uint8_t control = r.u8();
    r.require(!(control & 0x50));
    uint64_t to = 0, by = 0;
    if (control & 0x20) {
      const uint16_t net = r.be16();
      const Bytes address = r.bytes(r.u8());
      if (net == 0xffff) m.broadcast = true;
      else if (r.ok()) to = place(net, address, say);
      if (address.empty()) m.broadcast = true;
    }
    if (control & 8) {
      const uint16_t net = r.be16();
      const Bytes address = r.bytes(r.u8());
      r.require(net != 0 && net != 0xffff && !address.empty());
      if (r.ok()) by = place(net, address, say);
    }
    if (control & 0x20) r.u8();                                           // hop count
    m.sequence = control & 3;                                             // normal, urgent, critical equipment, life safety
    if (control & 0x80) return network_message(r, say);
    apdu(r, from, to, by, say);
  }

  static void networks(Reader& r, Speaker& say, uint16_t net) {
    if (!r.ok()) return;
    char text[24];
    say.point(say.named({text, size_t(std::snprintf(text, sizeof text, "network %u", net))}));
  }

  static void network_message(Reader& r, Speaker& say) {
    Message& m = say.head();
    const uint8_t type = r.u8();
    m.frame = network;
    m.function = uint16_t(network_from + type);
    m.act = type <= 0x13 ? acts[m.function] : Act::other;
    m.role = type == 0 || type == 6 || type == 8 || type == 9 || type == 0x0d || type == 0x0e || type == 0x0f || type == 0x10 || type == 0x11 || type == 0x12 ? Role::request : Role::response;
    if (type >= 0x80) {                                                   // 6.2.4: proprietary, by vendor
      m.qualifier = r.be16();
      r.rest();
      return;
    }
    switch (type) {
      case 0: if (r) networks(r, say, r.be16()); break;
      case 1: case 4: case 5: while (r) networks(r, say, r.be16()); break;
      case 2: case 8: networks(r, say, r.be16()), m.qualifier = r.u8(); break;
      case 3: {
        const uint8_t why = r.u8();
        m.refused = true, m.reason = uint16_t(unreachable_from + why);
        networks(r, say, r.be16());
        break;
      }
      case 6: case 7:
        for (unsigned ports = r ? r.u8() : 0; ports > 0 && r.ok(); ports--) {
          networks(r, say, r.be16());
          r.u8();
          r.skip(r.u8());
        }
        break;
      case 9: networks(r, say, r.be16()); break;
      case 0x0a: case 0x0b: case 0x0c: case 0x0d: case 0x0e: case 0x0f: case 0x10: case 0x11: m.encrypted = true; r.rest(); break;
      case 0x12: break;
      case 0x13: networks(r, say, r.be16()), m.qualifier = r.u8(); break;
      default: r.rest();
    }
    r.finish();
  }

  // ---- APDU (20.1)

  void apdu(Reader& r, Side from, uint64_t to, uint64_t by, Speaker& say) {
    Message& m = say.head();
    const uint8_t first = r.u8();
    m.frame = r.ok() && first >> 4 <= abort_ ? first >> 4 : unknown;
    m.function = lone;
    const bool segmented = first & 8, more = first & 4;
    uint8_t service = 0, number = 0;
    switch (m.frame) {
      case confirmed:
        m.station = to;
        m.role = Role::request;
        r.u8();                                                           // how much the asker accepts
        m.tag = r.u8();
        if (segmented) number = r.u8(), r.u8();
        service = r.u8();
        m.function = service;
        m.act = service <= 33 ? acts[service] : Act::other;
        if (m.act == Act::report) m.role = Role::report, m.station = by;
        if (segmented) { if (!assemble(r, from, number, more, service, say)) break; else return; }
        request(r, say);
        if (r.ok()) ask(from, m, say);
        return;
      case unconfirmed:
        service = r.u8();
        m.function = uint16_t(unconfirmed_from + service);
        m.act = service <= 14 ? acts[m.function] : Act::other;
        m.role = m.act == Act::report || m.act == Act::identify ? Role::report : Role::request;
        m.station = m.role == Role::report ? by : to;
        return unconfirmed_request(r, service, say);
      case simple_ack: case complex_ack: case error: {
        m.station = by;
        m.role = Role::response;
        m.tag = r.u8();
        if (m.frame == complex_ack && segmented) number = r.u8(), r.u8();
        service = r.u8();
        m.function = service;
        m.act = service <= 33 ? acts[service] : Act::other;
        if (m.frame == complex_ack && segmented) {
          if (assemble(r, from, number, more, service, say)) return;
          const Question* q = find(other(from), m);
          m.unpaired = !q;
          break;
        }
        const bool answered = answers(from, m, say, m.frame != complex_ack);
        m.unpaired = !answered;
        if (m.frame == error) return failure(r, m, say);
        if (m.frame == complex_ack) return answer(r, say);
        r.finish();
        return;
      }
      case segment_ack: {
        const bool by_server = first & 1;
        m.station = by_server ? by : to;
        m.role = by_server ? Role::response : Role::request;
        m.link = true;
        m.tag = r.u8();
        m.qualifier = first & 3;
        m.sequence = r.u8();
        r.u8();
        m.function = segment;
        m.act = Act::session;
        r.finish();
        return;
      }
      case reject: case abort_: {
        const bool by_server = m.frame == reject || (first & 1);
        m.station = by_server ? by : to;
        m.role = by_server ? Role::response : Role::request;
        m.tag = r.u8();
        const uint8_t why = r.u8();
        m.function = lone;
        m.reason = uint16_t((m.frame == reject ? reject_from : abort_from) + why);
        m.refused = true;
        m.unpaired = !(by_server ? answers(from, m, say, true) : answers(other(from), m, say, true));
        r.finish();
        return;
      }
      default: r.require(false); return;
    }
    // A segment whose APDU is not whole.
    m.retained = true;
    m.sequence = number;
    if (m.frame == confirmed && number == 0) ask(from, m, say);
    r.rest();
  }

  static constexpr uint8_t number_of(Side s) { return s == Side::client ? 0 : 1; }

  // Keeps a segment. True when the APDU is whole and has been said.
  bool assemble(Reader& r, Side from, uint8_t number, bool more, uint8_t service, Speaker& say) {
    Message& m = say.head();
    const Bytes part = r.peek();
    if (number == 0 && (!assembly_ || assembly_->invoke != m.tag || assembly_->side != number_of(from) || assembly_->next != 0)) {
      if (!assembly_) assembly_ = pool_.make<Assembly>();
      if (!assembly_) return false;
      assembly_->size = 0, assembly_->invoke = uint8_t(m.tag), assembly_->side = number_of(from), assembly_->frame = m.frame, assembly_->service = service, assembly_->next = 0;
    }
    Assembly* a = assembly_;
    if (!a || a->invoke != m.tag || a->side != number_of(from) || a->frame != m.frame || a->service != service) return false;
    if (number != a->next) {                                              // sent again, or one is missing
      if (number > a->next) drop_assembly();
      return false;
    }
    if (part.size() > sizeof a->octets - a->size) return drop_assembly(), false;
    std::copy(part.begin(), part.end(), a->octets + a->size);
    a->size = uint16_t(a->size + part.size());
    a->next++;
    if (more) return false;
    r.rest();
    m.sequence = number;
    Reader whole{{a->octets, a->size}, m.malformed};
    if (m.frame == confirmed) {
      request(whole, say);
      if (number > 0) find_and_drop(from, m);
      ask(from, m, say);
    } else {
      m.unpaired = !answers(from, m, say, false);
      answer(whole, say);
    }
    drop_assembly();
    return true;
  }
  void drop_assembly() {
    pool_.unmake(assembly_);
    assembly_ = nullptr;
  }

  void ask(Side from, const Message& m, Speaker& say) {
    Question& q = questions_[turn_++ % most_questions];
    q.station = m.station, q.function = m.function, q.sub = m.sub_function, q.invoke = uint8_t(m.tag), q.side = number_of(from);
    q.objects = uint32_t(say.points().size());
    q.first = q.objects && say.points()[0].object.kind() == ObjectKind::bacnet_object ? say.points()[0].object.key() : 0;
  }
  Question* find(Side asker, const Message& m) {
    for (size_t i = 1; i <= most_questions; i++) {                        // the youngest first
      Question& q = questions_[(turn_ - i) % most_questions];
      if (q.side == number_of(asker) && q.invoke == m.tag && q.station == m.station) return &q;
    }
    return nullptr;
  }
  void find_and_drop(Side asker, const Message& m) { if (Question* q = find(asker, m)) q->side = 0xff; }

  // The answer's question, if it was heard: what it was about is said again where the answer does not tell.
  bool answers(Side from, Message& m, Speaker& say, bool tell) {
    Question* q = find(other(from), m);
    if (!q) return false;
    if (m.function == lone) m.function = q->function, m.act = m.function <= 33 ? acts[m.function] : Act::other;
    if (m.function != q->function) return false;
    m.sub_function = q->sub;
    for (const Function& f : functions)
      if (q->sub && f.number == q->function && f.sub == q->sub) m.act = f.act;
    if (tell && q->first) say.point(Object::from_key(q->first));
    q->side = 0xff;
    return true;
  }

  void failure(Reader& r, Message& m, Speaker& say) {
    m.refused = true;
    const bool wrapped = peek_tag(r).starts(0);                           // services with more to say put class and code into [0]
    if (wrapped) take_tag(r);
    uint32_t kind = 0;
    const uint32_t code = class_and_code(r, kind);
    if (wrapped) r.require(take_tag(r).ends(0));
    m.reason = uint16_t(error_from + std::min<uint32_t>(code, last_error - error_from));
    m.qualifier = kind;
    if (wrapped) rest_of(r, say);
    r.finish();
  }
  static uint32_t class_and_code(Reader& r, uint32_t& kind) {
    Tag t = take_tag(r);
    r.require(t.application(enumerated));
    kind = uint32_t(natural(r.sub(t.length)));
    t = take_tag(r);
    r.require(t.application(enumerated));
    return uint32_t(natural(r.sub(t.length)));
  }

  // ---- parameters

  static uint64_t parameter(Reader& r, uint32_t n) {                      // [n] unsigned or enumerated
    const Tag t = take_tag(r);
    r.require(t.is(n));
    return natural(r.sub(t.length));
  }
  static uint64_t parameter_or(Reader& r, uint32_t n, uint64_t otherwise) { return peek_tag(r).is(n) ? parameter(r, n) : otherwise; }
  static uint32_t identifier(Reader& r, uint32_t n) {                     // [n] object identifier
    const Tag t = take_tag(r);
    r.require(t.is(n) && t.length == 4);
    return r.be32();
  }
  static uint32_t application_identifier(Reader& r) {
    const Tag t = take_tag(r);
    r.require(t.application(object_identifier) && t.length == 4);
    return r.be32();
  }
  static uint64_t application_natural(Reader& r, Application kind) {
    const Tag t = take_tag(r);
    r.require(t.application(kind));
    return natural(r.sub(t.length));
  }
  static void open(Reader& r, uint32_t n) { r.require(take_tag(r).starts(n)); }
  static void close(Reader& r, uint32_t n) { r.require(take_tag(r).ends(n)); }
  static bool at_end(const Reader& r, uint32_t n) { return !r || peek_tag(r).ends(n); }

  // An element, with what is nested in it.
  static void skip_element(Reader& r) {
    uint32_t depth = 0;
    do {
      const Tag t = take_tag(r);
      if (t.opening) r.require(++depth <= most_nested);
      else if (t.closing) { r.require(depth > 0); if (depth) depth--; }
      else if (!t.application(boolean)) r.skip(t.length);
    } while (depth && r.ok());
  }
  static void skip_if(Reader& r, uint32_t n) {
    const Tag t = peek_tag(r);
    if (t.is(n) || t.starts(n)) skip_element(r);
  }

  // 20.2.9: UTF-8 as it is; UCS-2 and ISO 8859-1 as UTF-8; the others as their octets.
  static uint64_t text(Reader b, Speaker& say) {
    const uint8_t set = b.u8();
    if (set != 4 && set != 5) return say.text(text_of(b.rest()));
    char out[3 * Texts::limit + 3];
    size_t n = 0;
    while (b && n + 3 <= sizeof out) {
      const unsigned c = set == 4 ? b.be16() : b.u8();
      if (c < 0x80) out[n++] = char(c);
      else if (c < 0x800) out[n++] = char(0xc0 | c >> 6), out[n++] = char(0x80 | (c & 0x3f));
      else out[n++] = char(0xe0 | c >> 12), out[n++] = char(0x80 | (c >> 6 & 0x3f)), out[n++] = char(0x80 | (c & 0x3f));
    }
    b.rest();
    return say.text({out, n});
  }

  // Whether a password stands here, and whose: 0 none, 1 a stack's own default, 2 another. It goes no further.
  static uint32_t password(Reader& r, uint32_t n) {
    if (!peek_tag(r).is(n)) return 0;
    Reader b = r.sub(take_tag(r).length);
    b.u8();
    const std::string_view p = text_of(b.rest());
    return p.empty() ? 0 : p == "filister" || p == "Jesus" ? 1 : 2;
  }

  // One primitive of a property's value. Enumerations of binary objects' present-value are on or off.
  void primitive(const Tag& t, Reader b, Point& p, Speaker& say) {
    p.form = uint16_t((t.context ? 0x200 : 0x100) | (t.number & 0xff));
    if (t.context) {                                                      // its type is known to the property alone
      if (b.left() >= 1 && b.left() <= 4) p.set_natural(natural(b));
      else p.set_octets(b.rest().size());
      return;
    }
    const uint32_t type = type_of(p.object.number()), of = p.object.space();
    switch (t.number) {
      case null: p.set_text(say.text("null")); break;
      case boolean: b.require(t.length <= 1), p.set(t.length == 1); break;
      case unsigned_integer: p.set_natural(natural(b)); break;
      case signed_integer: p.set_integer(integer(b)); break;
      case real: b.require(b.left() == 4), p.set_real(double(b.be_float())); break;
      case double_real: b.require(b.left() == 8), p.set_real(b.be_double()); break;
      case octet_string: p.set_octets(b.rest().size()); break;
      case character_string: {
        const bool empty = b.left() <= 1;
        p.set_text(text(b, say));
        if (type == device && !empty) identify(of, p.raw);
        break;
      }
      case bit_string: {
        const uint8_t unused = b.u8();
        b.require(unused < 8 && (b || !unused));
        const size_t n = b.left();
        if (n > 8) { p.set_octets(b.rest().size()); break; }
        const unsigned width = unsigned(8 * n) - unused;
        uint64_t v = 0;
        for (size_t i = 0; i < n; i++) {                                  // the first bit is the lowest
          const uint8_t o = b.u8();
          for (unsigned k = 0; k < 8; k++) v |= uint64_t(o >> (7 - k) & 1) << (8 * i + k);
        }
        p.set_bits(width < 64 ? v & ((uint64_t{1} << (width & 63)) - 1) : v, width);
        break;
      }
      case enumerated: {
        const uint64_t v = natural(b);
        if (of == present_value && type >= 3 && type <= 5 && v <= 1) p.set(v);
        else p.set_natural(v);
        break;
      }
      case date: {
        const Date d = take_date(b);
        if (d.whole()) { p.set_time(midnight(d)); break; }
        char out[24];
        int n = d.year == 255 ? std::snprintf(out, sizeof out, "*") : std::snprintf(out, sizeof out, "%u", 1900u + d.year);
        n += d.month == 255 ? std::snprintf(out + n, sizeof out - size_t(n), "-*") : std::snprintf(out + n, sizeof out - size_t(n), "-%02u", d.month);
        n += d.day == 255 ? std::snprintf(out + n, sizeof out - size_t(n), "-*") : std::snprintf(out + n, sizeof out - size_t(n), "-%02u", d.day);
        p.set_text(say.text({out, size_t(n)}));
        break;
      }
      case time_of_day: {
        const Clock c = take_clock(b);
        char out[24];
        const int n = c.whole() ? std::snprintf(out, sizeof out, "%02u:%02u:%02u.%02u", c.hour, c.minute, c.second, c.hundredths) : std::snprintf(out, sizeof out, "*:*");
        p.set_text(say.text({out, size_t(n)}));
        break;
      }
      case object_identifier: b.require(b.left() == 4), p.set_natural(b.be32()); break;
      default: p.set_octets(b.rest().size());
    }
  }
  void identify(uint32_t property, uint64_t key) {
    switch (property) {
      case vendor_name: who_.vendor = key; break;
      case model_name: who_.model = key; break;
      case firmware_revision: who_.firmware = key; break;
      case application_software_version: who_.product = key; break;
      case object_name: who_.name = key; break;
      case serial_number: who_.serial = key; break;
      default: break;
    }
  }

  // Priority and array index (one more than it is, 0 for none) of a point are its qualifier.
  static constexpr uint32_t no_index = ~0u;
  static uint32_t qualified(uint32_t priority, uint32_t index) { return (priority & 0xff) | (index == no_index ? 0 : (index + 1) << 8); }

  // A property's value up to the closing tag [n]: a point for each primitive, at least one.
  void values(Reader& r, uint32_t n, Object of, uint32_t index, Speaker& say) {
    open(r, n);
    uint32_t depth = 0, said = 0;
    while (r.ok()) {
      const Tag t = take_tag(r);
      if (t.opening) { r.require(++depth <= most_nested); continue; }
      if (t.closing) {
        if (depth == 0) { r.require(t.number == n); break; }
        depth--;
        continue;
      }
      Reader b = r.sub(t.application(boolean) ? 0 : t.length);
      Point& p = say.point(of);
      primitive(t, b, p, say);
      p.qualifier = qualified(0, index);
      if (!r.ok()) { say.drop_point(); return; }
      said++;
    }
    if (!said && r.ok()) say.point(of).qualifier = qualified(0, index);
  }
  static void prioritise(Speaker& say, size_t from, uint32_t priority) {
    const auto points = say.points();
    for (size_t i = from; i < points.size(); i++) points[i].qualifier = (points[i].qualifier & ~0xffu) | (priority & 0xff);
  }

  // [a] property, [a+1] index, and what follows.
  struct Reference { uint32_t property, index; };
  static Reference reference(Reader& r, uint32_t a) {
    const uint32_t property = uint32_t(parameter(r, a));
    r.require(property <= 0x3fffff);
    return {property, uint32_t(parameter_or(r, a + 1, no_index))};
  }
  static void say_reference(uint32_t id, Reference f, Speaker& say, const Reader& r) {
    if (r.ok()) say.point(object_of(id, f.property)).qualifier = qualified(0, f.index);
  }

  // ---- services

  void write(Reader& r, uint32_t id, uint32_t a, Speaker& say) {          // [a] property [a+1] index [a+2] value [a+3] priority
    const Reference f = reference(r, a);
    const size_t before = say.points().size();
    values(r, a + 2, object_of(id, f.property), f.index, say);
    const uint32_t priority = uint32_t(parameter_or(r, a + 3, 0));
    r.require(priority <= 16);
    if (priority && before < say.points().size()) prioritise(say, before, priority);
    if (f.property == program_change && say.head().act == Act::write) say.head().act = Act::program;   // load, run, halt, restart, unload
  }

  void list_of_values(Reader& r, uint32_t id, uint32_t n, Speaker& say) {   // [n] { [0] property [1] index [2] value [3] priority … }
    open(r, n);
    while (!at_end(r, n)) write(r, id, 0, say);
    close(r, n);
  }

  void request(Reader& r, Speaker& say) {
    Message& m = say.head();
    switch (m.function) {
      case 0: {
        parameter(r, 0);
        const uint32_t id = identifier(r, 1);
        const uint64_t state = parameter(r, 2);
        skip_if(r, 3);
        if (peek_tag(r).is(4)) m.origin = text(r.sub(take_tag(r).length), say), m.has_origin = true;
        skip_if(r, 5);
        if (r.ok()) say.point(object_of(id, event_state)).set_natural(state);
        break;
      }
      case 1: cov(r, say); break;
      case 2: event(r, say); break;
      case 3: break;
      case 5:
        parameter(r, 0);
        say_reference(identifier(r, 1), {whole_object, no_index}, say, r);
        skip_if(r, 2);
        lifetime(r, 3, say);
        break;
      case 6: file(r, say); break;
      case 7: file(r, say); break;
      case 8: case 9: {
        const uint32_t id = identifier(r, 0);
        const Reference f = reference(r, 1);
        values(r, 3, object_of(id, f.property), f.index, say);
        break;
      }
      case 10: {
        open(r, 0);
        uint32_t id = 0;
        if (peek_tag(r).is(1)) id = identifier(r, 1);
        else id = uint32_t(parameter(r, 0)) << 22 | 0x3fffff;
        close(r, 0);
        if (r.ok()) say.point(object_of(id));
        if (r) list_of_values(r, id, 1, say);
        break;
      }
      case 11: {
        const uint32_t id = application_identifier(r);
        if (r.ok()) say.point(object_of(id));
        break;
      }
      case 12: {
        const uint32_t id = identifier(r, 0);
        say_reference(id, reference(r, 1), say, r);
        break;
      }
      case 14:
        while (r) {
          const uint32_t id = identifier(r, 0);
          open(r, 1);
          while (!at_end(r, 1)) say_reference(id, reference(r, 0), say, r);
          close(r, 1);
        }
        break;
      case 15: write(r, identifier(r, 0), 1, say); break;
      case 16:
        while (r) {
          const uint32_t id = identifier(r, 0);
          list_of_values(r, id, 1, say);
        }
        break;
      case 17: {
        const uint64_t minutes = parameter_or(r, 0, ~uint64_t{0});
        m.sub_function = uint16_t(std::min<uint64_t>(parameter(r, 1), 0xfffe));
        m.qualifier = password(r, 2);
        if (r.ok() && minutes != ~uint64_t{0}) say.point(say.named("duration, minutes")).set_natural(minutes);
        secret(m, say);
        break;
      }
      case 18: private_transfer(r, say); break;
      case 19: message(r, say); break;
      case 20:
        m.sub_function = uint16_t(std::min<uint64_t>(parameter(r, 0), 0xfffe));
        for (const Function& f : functions)
          if (f.number == 20 && f.sub == m.sub_function) m.act = f.act;
        m.qualifier = password(r, 1);
        secret(m, say);
        break;
      case 24: case 25: m.encrypted = true; rest_of(r, say); break;
      case 26: {
        const uint32_t id = identifier(r, 0);
        say_reference(id, reference(r, 1), say, r);
        rest_of(r, say);
        break;
      }
      case 27: {
        parameter(r, 0);
        const Tag t = take_tag(r);
        r.require(t.is(1));
        m.origin = text(r.sub(t.length), say), m.has_origin = true;
        m.qualifier = uint32_t(parameter(r, 2));
        if (peek_tag(r).is(3)) say_reference(identifier(r, 3), {whole_object, no_index}, say, r);
        break;
      }
      case 28: {
        parameter(r, 0);
        const uint32_t id = identifier(r, 1);
        skip_if(r, 2);
        const uint64_t seconds = parameter_or(r, 3, ~uint64_t{0});
        open(r, 4);
        say_reference(id, reference(r, 0), say, r);
        close(r, 4);
        skip_if(r, 5);
        if (seconds != ~uint64_t{0} && r.ok()) say.point(say.named("lifetime, seconds")).set_natural(seconds);
        break;
      }
      case 29: if (r) say_reference(identifier(r, 0), {whole_object, no_index}, say, r); break;
      case 30:
        parameter(r, 0);
        skip_if(r, 1);
        lifetime(r, 2, say);
        skip_if(r, 3);
        open(r, 4);
        while (!at_end(r, 4)) {
          const uint32_t id = identifier(r, 0);
          open(r, 1);
          while (!at_end(r, 1)) {
            open(r, 0);
            say_reference(id, reference(r, 0), say, r);
            close(r, 0);
            skip_if(r, 1), skip_if(r, 2);
          }
          close(r, 1);
        }
        close(r, 4);
        break;
      case 31: cov_multiple(r, say); break;
      default: rest_of(r, say);
    }
    r.finish();
  }

  // What a password is said to be; it is the head's qualifier too.
  static void secret(const Message& m, Speaker& say) {
    constexpr std::string_view kinds[] = {"none", "vendor default", "other"};
    say.point(say.named("password")).set_text(say.text(kinds[std::min<uint32_t>(m.qualifier, 2)]));
  }

  void unconfirmed_request(Reader& r, uint8_t service, Speaker& say) {
    Message& m = say.head();
    switch (service) {
      case 0: {
        const uint32_t id = application_identifier(r);
        application_natural(r, unsigned_integer);
        application_natural(r, enumerated);
        const uint32_t vendor = uint32_t(application_natural(r, unsigned_integer));
        if (r.ok()) say.point(object_of(id)), who_.vendor = vendor_text(vendor, say);
        m.qualifier = vendor;
        break;
      }
      case 1: {
        application_identifier(r);
        const uint32_t id = application_identifier(r);
        const Tag t = take_tag(r);
        r.require(t.application(character_string));
        Reader b = r.sub(t.length);
        if (r.ok()) say.point(object_of(id, object_name)).set_text(text(b, say));
        break;
      }
      case 2: cov(r, say); break;
      case 3: event(r, say); break;
      case 4: private_transfer(r, say); break;
      case 5: message(r, say); break;
      case 6: case 9: {
        Tag t = take_tag(r);
        r.require(t.application(date));
        const Date d = take_date(r.sub(t.length));
        t = take_tag(r);
        r.require(t.application(time_of_day));
        const Clock c = take_clock(r.sub(t.length));
        if (!r.ok()) break;
        Point& p = say.point(say.named(service == 9 ? "UTC" : "local time"));
        if (d.whole() && c.whole()) p.set_time(midnight(d) + c.since_midnight()), p.time = Time(p.raw), p.time_kind = TimeKind::full;
        else p.time_flags = time_invalid;
        break;
      }
      case 7: case 8: {
        if (peek_tag(r).is(0)) {
          const uint32_t low = uint32_t(parameter(r, 0)), high = uint32_t(parameter(r, 1));
          r.require(high >= low && high <= 0x3fffff);
          if (r.ok()) say.point(object_of(device << 22 | low)).count = high - low + 1;
        }
        if (service == 8) break;
        if (peek_tag(r).is(2)) {
          say_reference(identifier(r, 2), {whole_object, no_index}, say, r);
        } else {
          const Tag t = take_tag(r);
          r.require(t.is(3));
          Reader b = r.sub(t.length);
          if (r.ok()) say.point(say.named("object name")).set_text(text(b, say));
        }
        break;
      }
      case 10: {
        const uint32_t group = uint32_t(parameter(r, 0));
        const uint32_t priority = uint32_t(parameter(r, 1));
        m.qualifier = group;
        open(r, 2);
        while (!at_end(r, 2)) {
          const uint32_t channel = uint32_t(parameter(r, 0));
          const uint32_t overriding = uint32_t(parameter_or(r, 1, priority));
          const Tag t = take_tag(r);
          if (t.opening) { rest_to(r, t.number); continue; }
          Reader b = r.sub(t.application(boolean) ? 0 : t.length);
          Point& p = say.point(object_of(53u << 22 | (channel & 0x3fffff), present_value));   // the group's channel objects of this number
          primitive(t, b, p, say);
          p.qualifier = qualified(overriding, no_index);
          if (!r.ok()) say.drop_point();
        }
        close(r, 2);
        skip_if(r, 3);
        break;
      }
      case 11: cov_multiple(r, say); break;
      case 13: case 14: {
        const uint32_t vendor = uint32_t(application_natural(r, unsigned_integer));
        uint64_t keys[2] = {};
        for (uint64_t& key : keys) {
          const Tag t = take_tag(r);
          r.require(t.application(character_string));
          Reader b = r.sub(t.length);
          if (r.ok()) key = text(b, say);
        }
        if (service == 13 && r.ok()) who_.vendor = vendor_text(vendor, say), who_.model = keys[0], who_.serial = keys[1];
        if (peek_tag(r).application(object_identifier)) {
          const uint32_t id = application_identifier(r);
          if (r.ok()) say.point(object_of(id));
        }
        m.qualifier = vendor;
        if (r) rest_of(r, say);
        break;
      }
      default: rest_of(r, say);
    }
    r.finish();
  }

  static uint64_t vendor_text(uint32_t vendor, Speaker& say) {
    char out[160];                                                      // the longest name of a vendor has 78 characters
    const std::string_view name = name_in(vendors, vendor);
    const int n = name.empty() ? std::snprintf(out, sizeof out, "vendor %u", vendor) : std::snprintf(out, sizeof out, "%.*s (vendor %u)", int(name.size()), name.data(), vendor);
    return say.text({out, std::min(size_t(n), sizeof out - 1)});
  }

  void answer(Reader& r, Speaker& say) {
    Message& m = say.head();
    switch (m.function) {
      case 3: case 4:
        while (r) {
          const uint32_t id = application_identifier(r);
          if (m.function == 4) application_natural(r, enumerated);
          const uint64_t state = application_natural(r, enumerated);
          if (m.function == 3) { const Tag t = take_tag(r); r.require(t.application(bit_string)); r.skip(t.length); }
          else application_natural(r, unsigned_integer), application_natural(r, unsigned_integer);
          if (r.ok()) say.point(object_of(id, event_state)).set_natural(state);
        }
        break;
      case 6: {
        const Tag t = take_tag(r);
        r.require(t.application(boolean));
        m.qualifier = t.length & 1;                                       // end of file
        contents(r, say);
        break;
      }
      case 7: skip_element(r); break;                                     // [0] or [1] where it begins
      case 10: {
        const uint32_t id = application_identifier(r);
        if (r.ok()) say.point(object_of(id));
        break;
      }
      case 12: {
        const uint32_t id = identifier(r, 0);
        const Reference f = reference(r, 1);
        values(r, 3, object_of(id, f.property), f.index, say);
        break;
      }
      case 14:
        while (r) {
          const uint32_t id = identifier(r, 0);
          open(r, 1);
          while (!at_end(r, 1)) {
            const Reference f = reference(r, 2);
            if (peek_tag(r).starts(5)) {
              take_tag(r);
              uint32_t kind = 0;
              const uint32_t code = class_and_code(r, kind);
              close(r, 5);
              if (!r.ok()) break;
              Point& p = say.point(object_of(id, f.property));
              p.qualifier = qualified(0, f.index);
              p.status = uint16_t(error_from + std::min<uint32_t>(code, last_error - error_from));
            } else {
              values(r, 4, object_of(id, f.property), f.index, say);
            }
          }
          close(r, 1);
        }
        break;
      case 18: private_transfer(r, say); break;
      case 26: {
        const uint32_t id = identifier(r, 0);
        const Reference f = reference(r, 1);
        skip_if(r, 3);
        m.qualifier = uint32_t(parameter(r, 4));                          // items
        values(r, 5, object_of(id, f.property), f.index, say);
        skip_if(r, 6);
        break;
      }
      case 29:
        open(r, 0);
        while (!at_end(r, 0)) {
          const uint32_t id = identifier(r, 0);
          const uint64_t state = parameter(r, 1);
          if (r.ok()) say.point(object_of(id, event_state)).set_natural(state);
          for (uint32_t n = 2; n <= 6; n++) skip_if(r, n);
        }
        close(r, 0);
        m.qualifier = uint32_t(parameter(r, 1));                          // more events
        break;
      case 24: case 25: m.encrypted = true; rest_of(r, say); break;
      default: rest_of(r, say);
    }
    r.finish();
  }

  void cov(Reader& r, Speaker& say) {
    parameter(r, 0);
    identifier(r, 1);
    const uint32_t id = identifier(r, 2);
    parameter(r, 3);
    list_of_values(r, id, 4, say);
  }

  void cov_multiple(Reader& r, Speaker& say) {
    parameter(r, 0);
    identifier(r, 1);
    parameter(r, 2);
    skip_if(r, 3);
    open(r, 4);
    while (!at_end(r, 4)) {
      const uint32_t id = identifier(r, 0);
      open(r, 1);
      while (!at_end(r, 1)) {
        const Reference f = reference(r, 0);
        values(r, 2, object_of(id, f.property), f.index, say);
        skip_if(r, 3);
      }
      close(r, 1);
    }
    close(r, 4);
  }

  void event(Reader& r, Speaker& say) {
    parameter(r, 0);
    identifier(r, 1);
    const uint32_t id = identifier(r, 2);
    skip_if(r, 3);
    parameter(r, 4);
    const uint32_t priority = uint32_t(parameter(r, 5));
    const uint32_t type = uint32_t(parameter(r, 6));
    uint64_t words = 0;
    if (peek_tag(r).is(7)) words = text(r.sub(take_tag(r).length), say);
    const uint64_t kind = parameter(r, 8);                                // alarm, event, acknowledgement
    skip_if(r, 9);
    parameter_or(r, 10, 0);
    const uint64_t state = kind == 2 ? parameter_or(r, 11, 0) : parameter(r, 11);
    skip_if(r, 12);
    say.head().qualifier = type << 8 | uint32_t(kind & 0xff);
    if (!r.ok()) return;
    Point& p = say.point(object_of(id, event_state));
    p.set_natural(state), p.duration = 0, p.status = 0;
    p.qualifier = 0;
    say.head().sequence = priority;
    if (words) say.point(say.named("message")).set_text(words);
  }

  void lifetime(Reader& r, uint32_t n, Speaker& say) {
    if (!peek_tag(r).is(n)) return;
    const uint64_t seconds = parameter(r, n);
    if (r.ok()) say.point(say.named("lifetime, seconds")).set_natural(seconds);
  }

  void file(Reader& r, Speaker& say) {
    const uint32_t id = application_identifier(r);
    if (r.ok()) say.point(object_of(id));
    contents(r, say);
  }
  // [0] { start, octets or their number } or [1] { first record, how many, records }. What is in the file is counted.
  void contents(Reader& r, Speaker& say) {
    const Tag t = take_tag(r);
    r.require(t.starts(0) || t.starts(1));
    Tag each = take_tag(r);
    r.require(each.application(signed_integer));
    const int64_t start = integer(r.sub(each.length));
    uint64_t octets = 0;
    while (!at_end(r, t.number)) {
      each = take_tag(r);
      if (each.application(octet_string)) octets += each.length, r.skip(each.length);
      else if (each.application(unsigned_integer)) octets = natural(r.sub(each.length));
      else r.require(false);
    }
    close(r, t.number);
    if (!r.ok()) return;
    say.point(say.named(t.number == 0 ? "from octet" : "from record")).set_integer(start);
    say.point(say.named("octets")).set_natural(octets);
    say.head().retained = true;
  }

  void private_transfer(Reader& r, Speaker& say) {
    const uint32_t vendor = uint32_t(parameter(r, 0)), service = uint32_t(parameter(r, 1));
    say.head().qualifier = vendor;
    if (r.ok()) {
      char out[160];                                                      // the longest name of a vendor has 78 characters
      const std::string_view name = name_in(vendors, vendor);
      const int n = std::snprintf(out, sizeof out, "service %u of %.*s%svendor %u", service, int(name.size()), name.data(), name.empty() ? "" : ", ", vendor);
      say.point(say.named({out, std::min(size_t(n), sizeof out - 1)}));
    }
    r.rest();                                                             // the vendor's own; not always tags
  }

  void message(Reader& r, Speaker& say) {
    const uint32_t id = identifier(r, 0);
    skip_if(r, 1);
    say.head().qualifier = uint32_t(parameter(r, 2));                     // normal, urgent
    const Tag t = take_tag(r);
    r.require(t.is(3));
    Reader b = r.sub(t.length);
    if (r.ok()) say.point(object_of(id)).set_text(text(b, say));
  }

  // What nobody reads further is at least made of whole elements.
  static void rest_of(Reader& r, Speaker&) { while (r && r.ok()) skip_element(r); }
  static void rest_to(Reader& r, uint32_t n) {
    while (!at_end(r, n) && r.ok()) skip_element(r);
    close(r, n);
  }

  Pool& pool_;
  Assembly* assembly_ = nullptr;
  std::array<Question, most_questions> questions_{};
  uint32_t turn_ = most_questions;
  Identity who_;
};

// ---- recognition

// Who speaks in an NPDU: 1 who asks, -1 who serves, 0 unknown; -2 where it is none.
int speaker_of(Bytes npdu, bool broadcast) {
  bool bad = false;
  Reader r{npdu, bad};
  r.require(r.u8() == 1);
  const uint8_t control = r.u8();
  r.require(!(control & 0x50));
  for (unsigned bit : {0x20u, 0x08u}) {
    if (!(control & bit)) continue;
    r.be16();
    const uint8_t n = r.u8();
    r.require(n <= 18);
    r.skip(n);
  }
  if (control & 0x20) r.u8();
  const uint8_t first = r.u8();
  if (bad) return -2;
  if (control & 0x80) return first <= 0x13 || first >= 0x80 ? 0 : -2;
  switch (first >> 4) {
    case confirmed: {
      if (first & 1) return -2;
      const uint8_t accepts = r.u8();
      r.u8();
      if (first & 8) r.be16();
      const uint8_t service = r.u8();
      return bad || accepts & 0x80 || (accepts & 15) > 5 || service > 33 ? -2 : acts[service] == Act::report ? -1 : 1;
    }
    case unconfirmed: {
      const uint8_t service = r.u8();
      if (bad || first & 15 || service > 14) return -2;
      const Act act = acts[size_t{unconfirmed_from} + service];
      return act == Act::report || act == Act::identify ? broadcast ? 1 : -1 : 1;
    }
    case simple_ack: { r.u8(); const uint8_t service = r.u8(); return bad || first & 15 || r || service > 33 ? -2 : -1; }
    case complex_ack: { r.u8(); if (first & 8) r.be16(); const uint8_t service = r.u8(); return bad || first & 3 || service > 33 ? -2 : -1; }
    case error: { r.u8(); const uint8_t service = r.u8(); return bad || first & 15 || service > 33 ? -2 : -1; }
    case segment_ack: r.be24(); return bad || first & 12 || r ? -2 : first & 1 ? -1 : 1;
    case reject: r.be16(); return bad || first & 15 || r ? -2 : -1;
    case abort_: r.be16(); return bad || first & 14 || r ? -2 : first & 1 ? -1 : 1;
    default: return -2;
  }
}

// One side's datagrams: how many are BACnet's, and who asks. Broken at the first that is none.
struct Walk { int datagrams = 0, client = 0; bool broken = false; };
Walk walk(Bytes octets) {
  Walk w;
  while (!octets.empty()) {
    if (octets.size() < 4 || (octets[0] != 0x81 && octets[0] != 0x82)) return w.broken = true, w;
    const uint8_t function = octets[1];
    const size_t length = size_t{octets[2]} << 8 | octets[3];
    if (function > 12 || length < 4 || length > octets.size()) return w.broken = true, w;
    const Bytes body = octets.subspan(4, length - 4);
    int asks = 0;
    bool wrong = false;
    if (octets[0] == 0x81) {
      constexpr int fixed[] = {2, -1, 0, -1, -2, 2, 0, -1, 6, -2, -2, -2, -1};   // -1: of any length, -2: an NPDU
      if (fixed[function] == -2) asks = function == 4 ? (body.size() < 6 ? -2 : speaker_of(body.subspan(6), true)) : speaker_of(body, function != 10);
      else wrong = fixed[function] >= 0 && body.size() != size_t(fixed[function]);
      if (function == 1 || function == 3 || function == 7) wrong = body.size() % 10 != 0 || body.size() > 1280;
      if (fixed[function] != -2) asks = function == 0 || function == 3 || function == 7 ? -1 : function == 12 ? 0 : 1;
    } else {
      constexpr int fixed[] = {5, -2, -2, 6, 24, 6, 3, 6, -2, 5, 21, -1, -2};
      const size_t before = function == 1 ? 6 : function == 8 ? 21 : 3;
      if (fixed[function] == -2) asks = body.size() < before ? -2 : speaker_of(body.subspan(before), function != 1);
      else wrong = fixed[function] >= 0 && body.size() != size_t(fixed[function]);
    }
    if (wrong || asks == -2) return w.broken = true, w;
    w.datagrams++;
    w.client += asks;
    octets = octets.subspan(length);
  }
  return w;
}

Recognised recognises(Bytes up, Bytes down, Carrier carrier) {
  Recognised r;
  int client = 0;
  if (carrier == Carrier::llc) {                                          // clause 7: the NPDU follows LLC 82 82 03
    const auto side = [](Bytes o) { return o.empty() ? 0 : o.size() < 3 || o[0] != 0x82 || o[1] != 0x82 || o[2] != 3 ? -2 : speaker_of(o.subspan(3), false); };
    const int a = side(up), b = side(down);
    if (a == -2 || b == -2 || (up.empty() && down.empty())) return r;
    r.sure = Recognised::yes;
    client = a - b;
  } else if (carrier == Carrier::udp) {
    const Walk a = walk(up), b = walk(down);
    const auto framed = [](Bytes o) { return o.size() >= 4 && (o[0] == 0x81 || o[0] == 0x82) && o[1] <= 12 && size_t(o[2] << 8 | o[3]) == o.size(); };
    if (a.datagrams + b.datagrams == 0 && !framed(up) && !framed(down)) return r;
    r.sure = a.datagrams + b.datagrams == 0 || a.broken || b.broken ? Recognised::maybe : Recognised::yes;
    client = a.client - b.client;
  }
  if (client > 0) r.client = Recognised::up;
  else if (client < 0) r.client = Recognised::down;
  return r;
}

constexpr Port ports[] = {{Carrier::udp, 47808}, {Carrier::llc, 0x82}};
Parser* open(Pool& pool) { return pool.make<Bacnet>(pool); }

}  // namespace

extern const Protocol protocol;
const Protocol protocol = {"bacnet", "BACnet/IP", ports, recognises, open, functions, frames, reason_name,
                           "ANSI/ASHRAE 135-2020: clauses 6 (network layer), 13-17 and 20-21 (services and encoding), annex J (BACnet/IP), annex U (BACnet/IPv6)",
                           "BACnet/SC (annex AB: WebSocket in TLS); secured messages (clause 24, by name); MS/TP frames; audit services' contents; "
                           "what a constructed value means, beyond its primitives; APDUs of more than 32,000 octets in segments", reason_name};

}  // namespace vidra::bacnet
