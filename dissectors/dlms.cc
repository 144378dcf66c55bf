// SPDX-License-Identifier: Apache-2.0
// DLMS/COSEM: IEC 62056-5-3:2017 (application layer), IEC 62056-6-2 (interface classes), IEC 62056-47 (wrapper on TCP and UDP),
// IEC 62056-46 (HDLC, here over TCP). A record is one wrapped APDU or one HDLC frame; APDUs in several segments or blocks are said
// with the last. What is ciphered is named with its security control and invocation counter. Secrets are only said to be there.
#include <algorithm>
#include <array>
#include <cstdio>

#include "dissectors/ber.h"
#include "dissectors/civil.h"
#include "dissectors/crc.h"
#include "dissectors/protocol.h"

namespace vidra::dlms {
namespace {

enum Frame : uint8_t { pdu, hdlc };
constexpr std::string_view frames[] = {"APDU", "HDLC link"};

// APDUs have their tag (5-3, 8; A-XDR), link frames of HDLC begin at 256.
enum Link : uint16_t { snrm = 0x100, ua, disc, dm, frmr, ui, rr, rnr, rej, segment, unknown_frame };

constexpr Function functions[] = {
    {0x01, 0xffff, "initiate request", Act::session},
    {0x05, 0xffff, "read (short names)", Act::read},
    {0x06, 0xffff, "write (short names)", Act::write},
    {0x08, 0xffff, "initiate response", Act::session},
    {0x0c, 0xffff, "read response (short names)", Act::read},
    {0x0d, 0xffff, "write response (short names)", Act::write},
    {0x0e, 0xffff, "confirmed service error", Act::other},
    {0x0f, 0xffff, "data notification", Act::report},
    {0x16, 0xffff, "unconfirmed write (short names)", Act::write},
    {0x18, 0xffff, "information report (short names)", Act::report},
    {0x21, 0xffff, "glo-ciphered initiate request", Act::session},
    {0x25, 0xffff, "glo-ciphered read (short names)", Act::read},
    {0x26, 0xffff, "glo-ciphered write (short names)", Act::write},
    {0x28, 0xffff, "glo-ciphered initiate response", Act::session},
    {0x2c, 0xffff, "glo-ciphered read response (short names)", Act::read},
    {0x2d, 0xffff, "glo-ciphered write response (short names)", Act::write},
    {0x2e, 0xffff, "glo-ciphered confirmed service error", Act::other},
    {0x36, 0xffff, "glo-ciphered unconfirmed write (short names)", Act::write},
    {0x38, 0xffff, "glo-ciphered information report (short names)", Act::report},
    {0x41, 0xffff, "ded-ciphered initiate request", Act::session},
    {0x45, 0xffff, "ded-ciphered read (short names)", Act::read},
    {0x46, 0xffff, "ded-ciphered write (short names)", Act::write},
    {0x48, 0xffff, "ded-ciphered initiate response", Act::session},
    {0x4c, 0xffff, "ded-ciphered read response (short names)", Act::read},
    {0x4d, 0xffff, "ded-ciphered write response (short names)", Act::write},
    {0x4e, 0xffff, "ded-ciphered confirmed service error", Act::other},
    {0x56, 0xffff, "ded-ciphered unconfirmed write (short names)", Act::write},
    {0x58, 0xffff, "ded-ciphered information report (short names)", Act::report},
    {0x60, 0, "AARQ, lowest-level security", Act::session},
    {0x60, 1, "AARQ, low-level security", Act::session},
    {0x60, 2, "AARQ, high-level security", Act::session},
    {0x60, 3, "AARQ, high-level security with MD5", Act::session},
    {0x60, 4, "AARQ, high-level security with SHA-1", Act::session},
    {0x60, 5, "AARQ, high-level security with GMAC", Act::session},
    {0x60, 6, "AARQ, high-level security with SHA-256", Act::session},
    {0x60, 7, "AARQ, high-level security with ECDSA", Act::session},
    {0x60, 0xffff, "AARQ", Act::session},
    {0x61, 0xffff, "AARE", Act::session},
    {0x62, 0xffff, "RLRQ", Act::session},
    {0x63, 0xffff, "RLRE", Act::session},
    {0xc0, 1, "get", Act::read},
    {0xc0, 2, "get the next block", Act::read},
    {0xc0, 3, "get with list", Act::read},
    {0xc0, 0xffff, "get", Act::read},
    {0xc1, 1, "set", Act::write},
    {0xc1, 2, "set, first block", Act::write},
    {0xc1, 3, "set, next block", Act::write},
    {0xc1, 4, "set with list", Act::write},
    {0xc1, 5, "set with list, first block", Act::write},
    {0xc1, 0xffff, "set", Act::write},
    {0xc2, 0xffff, "event notification", Act::report},
    {0xc3, 1, "action", Act::operate},
    {0xc3, 2, "action, next block", Act::operate},
    {0xc3, 3, "action with list", Act::operate},
    {0xc3, 4, "action, first block", Act::operate},
    {0xc3, 5, "action with list, first block", Act::operate},
    {0xc3, 6, "action, block", Act::operate},
    {0xc3, 0xffff, "action", Act::operate},
    {0xc4, 1, "get", Act::read},
    {0xc4, 2, "get, block", Act::read},
    {0xc4, 3, "get with list", Act::read},
    {0xc4, 0xffff, "get", Act::read},
    {0xc5, 1, "set", Act::write},
    {0xc5, 2, "set, block", Act::write},
    {0xc5, 3, "set, last block", Act::write},
    {0xc5, 4, "set with list, last block", Act::write},
    {0xc5, 5, "set with list", Act::write},
    {0xc5, 0xffff, "set", Act::write},
    {0xc7, 1, "action", Act::operate},
    {0xc7, 2, "action, block", Act::operate},
    {0xc7, 3, "action with list", Act::operate},
    {0xc7, 4, "action, next block", Act::operate},
    {0xc7, 0xffff, "action", Act::operate},
    {0xc8, 0xffff, "glo-ciphered get", Act::read},
    {0xc9, 0xffff, "glo-ciphered set", Act::write},
    {0xca, 0xffff, "glo-ciphered event notification", Act::report},
    {0xcb, 0xffff, "glo-ciphered action", Act::operate},
    {0xcc, 0xffff, "glo-ciphered get response", Act::read},
    {0xcd, 0xffff, "glo-ciphered set response", Act::write},
    {0xcf, 0xffff, "glo-ciphered action response", Act::operate},
    {0xd0, 0xffff, "ded-ciphered get", Act::read},
    {0xd1, 0xffff, "ded-ciphered set", Act::write},
    {0xd2, 0xffff, "ded-ciphered event notification", Act::report},
    {0xd3, 0xffff, "ded-ciphered action", Act::operate},
    {0xd4, 0xffff, "ded-ciphered get response", Act::read},
    {0xd5, 0xffff, "ded-ciphered set response", Act::write},
    {0xd7, 0xffff, "ded-ciphered action response", Act::operate},
    {0xd8, 0xffff, "exception response", Act::other},
    {0xd9, 0xffff, "access", Act::other},
    {0xda, 0xffff, "access response", Act::other},
    {0xdb, 0xffff, "general-glo-ciphering", Act::other},
    {0xdc, 0xffff, "general-ded-ciphering", Act::other},
    {0xdd, 0xffff, "general-ciphering", Act::other},
    {0xdf, 0xffff, "general-signing", Act::other},
    {0xe0, 0xffff, "general block transfer", Act::other},
    {snrm, 0xffff, "SNRM", Act::session},
    {ua, 0xffff, "UA", Act::session},
    {disc, 0xffff, "DISC", Act::session},
    {dm, 0xffff, "DM", Act::session},
    {frmr, 0xffff, "FRMR", Act::session},
    {ui, 0xffff, "UI", Act::other},
    {rr, 0xffff, "RR", Act::session},
    {rnr, 0xffff, "RNR", Act::session},
    {rej, 0xffff, "REJ", Act::session},
    {segment, 0xffff, "segment", Act::other},
    {unknown_frame, 0xffff, "unknown frame", Act::other},
};
constexpr auto known = [] {
  std::array<bool, 256> k{};
  for (const Function& f : functions)
    if (f.number < 256) k[f.number] = true;
  return k;
}();
constexpr auto acts = [] {
  std::array<Act, 256> a{};
  for (const Function& f : functions)
    if (f.number < 256) a[f.number] = f.act;
  return a;
}();

// Message::reason and Point::status by kind: data-access-result and action-result (5-3, 9.3), association, exception.
constexpr uint16_t data_result = 0x000, action_result = 0x100, association = 0x200, exception = 0x300, service_error = 0x400, framing = 0x500;
std::string_view reason_name(uint16_t reason) {
  const unsigned n = reason & 0xff;
  switch (reason & 0xff00) {
    case data_result: case action_result:
      switch (n) {
        case 1: return "hardware fault";
        case 2: return "temporary failure";
        case 3: return "read-write denied";
        case 4: return "object undefined";
        case 9: return "object class inconsistent";
        case 11: return "object unavailable";
        case 12: return "type unmatched";
        case 13: return "scope of access violated";
        case 14: return "data block unavailable";
        case 15: return "long get or action aborted";
        case 16: return "no long get or action in progress";
        case 17: return "long set aborted";
        case 18: return "no long set in progress";
        case 19: return "data block number invalid";
        case 250: return "other reason";
        default: return {};
      }
    case association: {
      constexpr std::string_view names[] = {"no reason given", "no reason given", "application context name not supported", "calling AP title not recognised",
                                            "calling AP invocation identifier not recognised", "calling AE qualifier not recognised", "calling AE invocation identifier not recognised",
                                            "called AP title not recognised", "called AP invocation identifier not recognised", "called AE qualifier not recognised",
                                            "called AE invocation identifier not recognised", "authentication mechanism name not recognised", "authentication mechanism name required",
                                            "authentication failure", "authentication required"};
      return n < std::size(names) ? names[n] : "association refused";
    }
    case exception: {
      constexpr std::string_view names[] = {"", "operation not possible", "service not supported", "other reason", "APDU too long", "deciphering error", "invocation counter error"};
      return n < std::size(names) ? names[n] : "exception";
    }
    case service_error: return n == 1 ? "initiate error" : n == 5 ? "read error" : n == 6 ? "write error" : "service error";
    case framing: return n == 1 ? "header check sequence wrong" : "frame check sequence wrong";
    default: return {};
  }
}

struct Class { uint16_t id; std::string_view name; };
constexpr Class classes[] = {   // 6-2
    {1, "data"}, {3, "register"}, {4, "extended register"}, {5, "demand register"}, {6, "register activation"}, {7, "profile"}, {8, "clock"}, {9, "script table"},
    {10, "schedule"}, {11, "special days table"}, {12, "association SN"}, {15, "association LN"}, {17, "SAP assignment"}, {18, "image transfer"}, {19, "local port setup"},
    {20, "activity calendar"}, {21, "register monitor"}, {22, "single action schedule"}, {23, "HDLC setup"}, {24, "twisted pair setup"}, {25, "M-Bus slave port setup"},
    {26, "utility tables"}, {27, "modem configuration"}, {28, "auto answer"}, {29, "auto connect"}, {30, "data protection"}, {40, "push setup"}, {41, "TCP-UDP setup"},
    {42, "IPv4 setup"}, {43, "MAC address setup"}, {44, "PPP setup"}, {45, "GPRS modem setup"}, {46, "SMTP setup"}, {47, "GSM diagnostic"}, {48, "IPv6 setup"},
    {61, "register table"}, {62, "compact data"}, {63, "status mapping"}, {64, "security setup"}, {65, "parameter monitor"}, {67, "sensor manager"}, {68, "arbitrator"},
    {70, "disconnect control"}, {71, "limiter"}, {72, "M-Bus client"}, {73, "wireless mode Q channel"}, {74, "M-Bus master port setup"}, {77, "M-Bus diagnostic"},
    {111, "account"}, {112, "credit"}, {113, "charge"}, {115, "token gateway"}, {122, "function control"}, {123, "array manager"}, {124, "port protection"}};
constexpr std::string_view class_name(uint16_t id) {
  for (const Class& c : classes)
    if (c.id == id) return c.name;
  return {};
}

// An attribute or method of an object.
struct Descriptor { uint16_t kind = 0; uint8_t obis[6] = {}; uint8_t part = 0; bool method = false; };

// Attributes and methods whose contents are keys, passwords or answers to challenges.
bool secret(const Descriptor& d) {
  switch (d.kind) {
    case 15: return d.method ? d.part <= 2 : d.part == 7;
    case 12: return d.method;
    case 19: return d.part >= 7;
    case 44: return d.part == 5;
    case 45: return d.part == 3;
    case 46: return d.part >= 4;
    case 30: return true;
    case 64: return d.method;
    case 115: return true;
    case 72: return d.method && d.part >= 7;
    default: return false;
  }
}

// What writing to an attribute of this class, or calling its method, is for the plant.
Act act_of(const Descriptor& d, Act otherwise) {
  if (d.method) {
    switch (d.kind) {
      case 70: return Act::operate;
      case 18: return Act::program;
      case 9: return Act::run;
      case 8: return Act::time;
      case 15: return d.part == 1 ? Act::session : Act::configure;
      case 12: return Act::session;
      case 64: case 30: case 20: case 40: case 122: return Act::configure;
      default: return Act::write;
    }
  }
  if (otherwise != Act::write) return otherwise;
  switch (d.kind) {
    case 8: return Act::time;
    case 18: return Act::program;
    case 70: return d.part == 4 ? Act::configure : Act::write;
    case 9: case 10: case 11: case 15: case 17: case 19: case 20: case 21: case 22: case 23: case 30: case 40: case 41: case 42: case 43: case 44: case 45: case 46: case 48:
    case 64: case 65: case 71: case 122: case 124: return Act::configure;
    default: return otherwise;
  }
}

Object object_of(const Descriptor& d, Speaker& say) {   // "disconnect control 0-0:96.3.10.255 method 1"
  char text[96];
  const std::string_view name = class_name(d.kind);
  int n = name.empty() ? std::snprintf(text, sizeof text, "class %u", d.kind) : std::snprintf(text, sizeof text, "%.*s", int(name.size()), name.data());
  n += std::snprintf(text + n, sizeof text - size_t(n), " %u-%u:%u.%u.%u.%u %s %d", d.obis[0], d.obis[1], d.obis[2], d.obis[3], d.obis[4], d.obis[5],
                     d.method ? "method" : "attribute", d.method ? int(d.part) : int(int8_t(d.part)));
  return say.named({text, size_t(n)});
}

uint32_t length_of(Reader& r) {                          // A-XDR
  const uint8_t n = r.u8();
  if (n < 0x80) return n;
  r.require(n == 0x81 || n == 0x82 || n == 0x83 || n == 0x84);
  return n == 0x81 ? r.u8() : n == 0x82 ? r.be16() : n == 0x83 ? r.be24() : r.be32();
}

// 6-2, 4.1.6.1: date-time of 12 octets; false where it is a pattern or none.
bool date_time(Bytes b, Time& t) {
  const unsigned year = unsigned(b[0]) << 8 | b[1], month = b[2], date = b[3], hour = b[5], minutes = b[6], seconds = b[7] == 0xff ? 0 : b[7], hundredths = b[8] == 0xff ? 0 : b[8];
  if (year < 1990 || hundredths > 99) return false;
  t = civil(year, month, date, hour, minutes, seconds);
  if (t == 0) return false;
  t += int64_t(hundredths) * 10 * millisecond;
  return true;
}

constexpr int deepest = 32;
constexpr size_t most_descriptors = 16, most_kept = 32'000;

// What a value belongs to, while it is said.
struct Of { Object object; uint16_t kind = 0; uint16_t part = 0; bool hidden = false, times = false; };

struct Question { uint16_t count = 0; uint8_t function = 0, sub = 0; bool open = false; Descriptor of[most_descriptors]; };
struct Kept { uint32_t size = 0; uint8_t octets[most_kept]; };

struct Dlms final : Parser {
  explicit Dlms(Pool& pool) : pool_(pool) {}
  ~Dlms() override { for (Kept*& k : kept_) pool_.unmake(k); }

  Cut next(Side from, Bytes o, bool segment_start, bool) override {
    Way& w = way_[number_of(from)];
    if (o.empty()) return {Cut::need, 1};
    if (o[0] == 0x7e || (w.flag && (o[0] & 0xf0) == 0xa0)) {
      const size_t flag = o[0] == 0x7e;
      if (o.size() < flag + 2) return {Cut::need, flag + 2};
      if (flag && o[1] == 0x7e) return {Cut::skip, 1};                   // flags between frames
      if ((o[flag] & 0xf0) != 0xa0) return lost(w);
      const size_t length = size_t(o[flag] & 7) << 8 | o[flag + 1];
      if (length < 5) return lost(w);
      const size_t whole = flag + length + 1;
      if (o.size() < whole) {
        if (w.seeking && !segment_start) return o.size() < 9 ? Cut{Cut::need, 9} : Cut{Cut::lost, 0};
        return {Cut::take, whole};
      }
      if (o[whole - 1] != 0x7e) return lost(w);
      w.seeking = false, w.flag = true;
      return {Cut::take, whole};
    }
    w.flag = false;
    if (o.size() < 2 && o[0] == 0) return {Cut::need, 2};
    if (o.size() < 2 || o[0] != 0 || o[1] != 1) return lost(w);
    if (o.size() < 9) return {Cut::need, 9};
    const size_t length = size_t(o[6]) << 8 | o[7];
    if (length == 0 || (w.seeking && !known[o[8]])) return lost(w);
    w.seeking = false;
    return {Cut::take, 8 + length};
  }

  void parse(Bytes record, Side from, Speaker& say) override {
    Message& m = say.begin();
    who_ = {};
    Reader r{record, m.malformed};
    m.role = from == Side::client ? Role::request : Role::response;
    if (!record.empty() && (record[0] == 0x7e || (record[0] & 0xf0) == 0xa0)) {
      frame(r, from, say);
    } else {
      r.require(r.be16() == 1);
      const uint16_t source = r.be16(), destination = r.be16();
      const bool whole = r.be16() == r.left();
      apdu(r, from, {source, destination}, say);
      m.malformed |= !whole;
    }
    say.end();
    if (!m.malformed && (who_.vendor || who_.serial || who_.name)) who_.station = m.station, say.identity(who_);
  }

  void gap(Side from, uint64_t) override {
    Way& w = way_[number_of(from)];
    w.seeking = true, w.flag = false;
    for (Kept*& k : kept_) pool_.unmake(k), k = nullptr;
    questions_ = {};
  }

 private:
  struct Way { bool seeking = false, flag = false; };
  struct Places { uint32_t source, destination; };
  enum Store : uint8_t { segments_up, segments_down, blocks_up, blocks_down };

  static size_t number_of(Side s) { return s == Side::client ? 0 : 1; }
  static Cut lost(Way& w) { return w.seeking = true, w.flag = false, Cut{Cut::lost, 0}; }

  // ---- HDLC (IEC 62056-46, 6)

  static uint32_t address(Reader& r) {                     // 1, 2 or 4 octets; upper is the logical device, lower the physical one
    uint32_t v[4] = {};
    unsigned n = 0;
    while (n < 4 && r.ok()) {
      const uint8_t o = r.u8();
      v[n++] = o >> 1;
      if (o & 1) break;
    }
    r.require(n == 1 || n == 2 || n == 4);
    return n == 1 ? v[0] : n == 2 ? v[1] << 16 | v[0] : (v[2] << 7 | v[3]) << 16 | v[0] << 7 | v[1];
  }

  void frame(Reader& r, Side from, Speaker& say) {
    Message& m = say.head();
    if (r.peek()[0] == 0x7e) r.u8();
    const Bytes body = r.peek();
    const uint16_t format = r.be16();
    const size_t length = format & 0x7ff;
    r.require((format & 0xf000) == 0xa000 && length >= 5 && length + 1 == body.size() && body.back() == 0x7e);
    if (!r.ok()) { of_link(m, unknown_frame); return; }
    const bool more = format & 0x800;
    Reader in{body.first(length - 2), m.malformed};
    in.skip(2);
    const uint32_t destination = address(in), source = address(in);
    const uint8_t control = in.u8();
    m.malformed |= crc_x25(body.first(length - 2)) != (body[length - 2] | body[length - 1] << 8);
    if (m.malformed) m.reason = framing + 2;
    if (in) {                                              // an information field follows, behind a check of the header
      const size_t header = length - 2 - in.left();
      const uint16_t check = in.le16();
      if (in.ok() && crc_x25(body.first(header)) != check) m.malformed = true, m.reason = framing + 1;
    }
    if (m.malformed) { of_link(m, unknown_frame); return; }
    m.sequence = control;
    const auto places = [&] { m.station = from == Side::client ? destination : source, m.origin = from == Side::client ? source : destination, m.has_origin = true; };
    if (!(control & 1)) {                                  // I
      Kept*& kept = kept_[from == Side::client ? segments_up : segments_down];
      if (more || kept) {
        if (!kept) kept = pool_.make<Kept>();
        const Bytes part = in.peek();
        const bool fits = kept && part.size() <= sizeof kept->octets - kept->size;
        if (fits) std::copy(part.begin(), part.end(), kept->octets + kept->size), kept->size += uint32_t(part.size());
        if (more || !fits) {
          of_link(m, segment);
          m.retained = true;
          places();
          if (!fits || !more) pool_.unmake(kept), kept = nullptr;
          return;
        }
        Reader whole{{kept->octets, kept->size}, m.malformed};
        llc(whole, from, {source, destination}, say);
        pool_.unmake(kept), kept = nullptr;
        return;
      }
      if (in) return llc(in, from, {source, destination}, say);
      of_link(m, segment);
      places();
      return;
    }
    places();
    if ((control & 3) == 1) {
      of_link(m, (control & 0x0c) == 0 ? rr : (control & 0x0c) == 4 ? rnr : (control & 0x0c) == 8 ? rej : unknown_frame);
      return;
    }
    switch (control & 0xef) {
      case 0x83: of_link(m, snrm), m.role = Role::request; break;
      case 0x63: of_link(m, ua), m.role = Role::response; break;
      case 0x43: of_link(m, disc), m.role = Role::request; break;
      case 0x0f: of_link(m, dm), m.role = Role::response, m.refused = true; break;
      case 0x87: of_link(m, frmr), m.role = Role::response, m.refused = true; break;
      case 0x03: if (in) return llc(in, from, {source, destination}, say); of_link(m, ui); break;
      default: of_link(m, unknown_frame); m.malformed = true;
    }
  }
  static void of_link(Message& m, uint16_t function) {
    m.frame = hdlc;
    m.link = true;
    m.function = function;
    m.act = function == segment || function == ui || function == unknown_frame ? Act::other : Act::session;
  }

  void llc(Reader& r, Side from, Places at, Speaker& say) {
    const uint16_t saps = r.be16();
    r.require((saps == 0xe6e6 || saps == 0xe6e7) && r.u8() == 0);
    apdu(r, from, at, say);
  }

  // ---- APDU

  void apdu(Reader& r, Side, Places at, Speaker& say) {
    Message& m = say.head();
    const uint8_t tag = r.u8();
    m.frame = pdu;
    m.function = tag;
    m.act = acts[tag];
    m.role = role_of(tag);
    m.station = m.role == Role::request ? at.destination : at.source;
    m.origin = m.role == Role::request ? at.source : at.destination;
    m.has_origin = true;
    switch (tag) {
      case 0x60: case 0x61: case 0x62: case 0x63: acse(r, tag, say); break;
      case 0x01: case 0x08: r.rest(); break;
      case 0x05: case 0x06: case 0x16: short_request(r, tag, say); break;
      case 0x0c: case 0x0d: short_response(r, tag, say); break;
      case 0x18: short_report(r, say); break;
      case 0x0e: {
        const uint8_t what = r.u8();
        m.qualifier = uint32_t(r.be16());
        m.refused = true, m.reason = uint16_t(service_error + what);
        r.finish();
        break;
      }
      case 0x0f: notification(r, say); break;
      case 0xc0: get(r, say); break;
      case 0xc1: set(r, say); break;
      case 0xc2: event(r, say); break;
      case 0xc3: action(r, say); break;
      case 0xc4: got(r, say); break;
      case 0xc5: was_set(r, say); break;
      case 0xc7: acted(r, say); break;
      case 0xd8: {
        m.qualifier = r.u8();                              // service not allowed, service unknown
        const uint8_t error = r.u8();
        m.refused = true, m.reason = uint16_t(exception + error);
        if (error == 6) m.sequence = r.be32();
        r.finish();
        break;
      }
      case 0xd9: access(r, say); break;
      case 0xda: accessed(r, say); break;
      case 0xdb: case 0xdc: {
        title(r.bytes(length_of(r)), say);
        ciphered(r, say);
        break;
      }
      case 0xdd: case 0xdf: {
        r.skip(length_of(r));                              // transaction
        title(r.bytes(length_of(r)), say);
        r.skip(length_of(r));                              // recipient
        r.skip(length_of(r));                              // date-time
        r.skip(length_of(r));                              // other information
        if (tag == 0xdf) { m.encrypted = true; r.skip(length_of(r)), r.skip(length_of(r)); r.finish(); break; }
        if (r.u8()) {
          const uint8_t key = r.u8();
          if (key == 0) r.u8();
          else if (key == 1) r.u8(), r.skip(length_of(r));
          else r.skip(length_of(r)), r.skip(length_of(r));
        }
        ciphered(r, say);
        break;
      }
      case 0xe0: {
        m.qualifier = r.u8();
        m.sequence = r.be16();
        r.be16();
        r.skip(length_of(r));
        m.retained = true;
        r.finish();
        break;
      }
      default:
        if (known[tag]) ciphered(r, say);
        else r.require(false);
    }
  }

  static Role role_of(uint8_t tag) {
    switch (tag) {
      case 0x0f: case 0x18: case 0xc2: case 0x38: case 0x58: case 0xca: case 0xd2: return Role::report;
      case 0x08: case 0x0c: case 0x0d: case 0x0e: case 0x28: case 0x2c: case 0x2d: case 0x2e: case 0x48: case 0x4c: case 0x4d: case 0x4e: case 0x61: case 0x63:
      case 0xc4: case 0xc5: case 0xc7: case 0xcc: case 0xcd: case 0xcf: case 0xd4: case 0xd5: case 0xd7: case 0xd8: case 0xda: return Role::response;
      default: return Role::request;
    }
  }

  // A system title: three letters of the manufacturer and five octets of its own (5-3, 4.3.4).
  void title(Bytes b, Speaker& say, bool server = false) {
    if (b.empty()) return;
    char text[2 * 32 + 8];
    int n = 0;
    const bool letters = b.size() == 8 && std::all_of(b.begin(), b.begin() + 3, [](uint8_t c) { return c >= 'A' && c <= 'Z'; });
    if (letters) n = std::snprintf(text, sizeof text, "%c%c%c ", b[0], b[1], b[2]);
    const size_t from = letters ? 3 : 0;
    for (size_t i = from; i < std::min<size_t>(b.size(), 32); i++) n += std::snprintf(text + n, sizeof text - size_t(n), "%02x", b[i]);
    const uint64_t key = say.text({text, size_t(n)});
    say.point(say.named("system title")).set_text(key);
    if (server) {
      who_.serial = key;
      if (letters) who_.vendor = say.text({text, 3});
    }
  }

  // 5-3, 5.3: security control, invocation counter, ciphertext. Nothing is deciphered.
  static void ciphered(Reader& r, Speaker& say) {
    Message& m = say.head();
    Reader b = r.sub(length_of(r));
    r.finish();
    const uint8_t control = b.u8();
    const uint32_t counter = b.be32();
    m.qualifier = control;                                 // suite, 10 authenticated, 20 encrypted, 40 broadcast key, 80 compressed
    m.sequence = counter;
    m.encrypted = true;
    if (b.ok() && r.ok()) {
      say.point(say.named("invocation counter")).set_natural(counter);
      const std::string_view what = (control & 0x30) == 0x30 ? "authenticated and encrypted" : control & 0x20 ? "encrypted" : control & 0x10 ? "authenticated" : "unprotected";
      say.point(say.named("security")).set_text(say.text(what));
    }
    b.rest();
  }

  // ---- association (5-3, 7; ACSE in BER)

  void acse(Reader& outer, uint8_t tag, Speaker& say) {
    Message& m = say.head();
    const uint32_t n = length_of(outer);
    Reader r = outer.sub(n);
    outer.finish();
    int mechanism = 0;
    uint64_t result = 0;
    Bytes password;
    bool has_password = false;
    while (r && r.ok()) {
      Tlv t = tlv(r);
      switch (t.tag) {
        case 0xa1: {                                       // context name: LN, SN, with ciphering or without
          const Bytes oid = tlv(t.body).body.rest();
          if (!oid.empty()) m.qualifier = oid.back();
          break;
        }
        case 0xa2: if (tag == 0x61) result = unsigned_of(tlv(t.body).body); break;
        case 0xa3: {
          if (tag != 0x61) break;
          Tlv source = tlv(t.body);
          const uint64_t why = unsigned_of(tlv(source.body).body);
          if (result) m.reason = uint16_t(association + std::min<uint64_t>(why, 0xff));
          break;
        }
        case 0xa4: if (tag == 0x61) title(tlv(t.body).body.rest(), say, true); break;
        case 0xa6: if (tag == 0x60) title(tlv(t.body).body.rest(), say); break;
        case 0x8b: { const Bytes oid = t.body.rest(); if (!oid.empty() && tag == 0x60) mechanism = oid.back(); break; }
        case 0xac: if (tag == 0x60) password = tlv(t.body).body.rest(), has_password = true; break;
        case 0x80: if (tag == 0x62 || tag == 0x63) m.qualifier = uint32_t(unsigned_of(t.body)); break;
        case 0xbe: {                                       // user information: initiate request or response, plain or ciphered
          Reader inner = tlv(t.body).body;
          if (!inner) break;
          const uint8_t first = inner.u8();
          if (known[first] && first != 0x01 && first != 0x08 && first != 0x0e) ciphered(inner, say);
          else inner.rest();
          break;
        }
        default: break;
      }
    }
    if (tag == 0x60) {
      m.sub_function = uint16_t(mechanism);
      if (mechanism == 1 || has_password) {                // the challenge of the high levels is no password
        const std::string_view p = text_of(password);
        constexpr std::string_view defaults[] = {"00000000", "11111111", "12345678", "ABCDEFGH", "Gurux"};
        const bool usual = std::find(std::begin(defaults), std::end(defaults), p) != std::end(defaults);
        if (mechanism == 1 && r.ok()) say.point(say.named("password")).set_text(say.text(p.empty() ? "none" : usual ? "vendor default" : "other"));
      }
    }
    if (tag == 0x61) m.refused = result != 0;
    if (tag == 0x60 || tag == 0x62) questions_ = {};
  }

  // ---- descriptors, values

  static Descriptor descriptor(Reader& r, bool method) {
    Descriptor d;
    d.kind = r.be16();
    for (uint8_t& o : d.obis) o = r.u8();
    d.part = r.u8();
    d.method = method;
    return d;
  }
  static Of of(const Descriptor& d, Speaker& say) {
    const bool times = (d.kind == 8 && (d.part == 2 || d.method)) || (d.kind == 7 && d.part == 2) || (d.kind == 4 && d.part == 5) || (d.kind == 5 && d.part >= 6 && d.part <= 7);
    return {object_of(d, say), d.kind, uint16_t(d.part | (d.method ? 0x100 : 0)), secret(d), times};
  }
  static Point& point(const Of& o, Speaker& say) {
    Point& p = say.point(o.object);
    p.form = o.kind;                                       // the class
    p.qualifier = o.part;                                  // the attribute, or 100 hex and the method
    return p;
  }

  // Data (5-3, A.3): a point for each primitive. Arrays and structures are walked, not said.
  void data(Reader& r, const Of& o, Speaker& say, int depth = deepest) {
    const uint8_t tag = r.u8();
    if (tag == 1 || tag == 2) {
      uint32_t n = length_of(r);
      r.require(depth > 0 && n <= r.left());               // an element has at least an octet
      while (n-- > 0 && r.ok()) data(r, o, say, depth - 1);
      return;
    }
    if (tag == 19) {                                       // compact array: type description, octets
      described(r, depth);
      const uint32_t n = length_of(r);
      r.skip(n);
      if (r.ok()) point(o, say).set_octets(n);
      return;
    }
    primitive(r, tag, o, say);
  }
  static void described(Reader& r, int depth) {
    const uint8_t tag = r.u8();
    r.require(depth > 0);
    if (tag == 1) r.be16(), described(r, depth - 1);
    else if (tag == 2) for (uint32_t n = length_of(r); n > 0 && r.ok(); n--) described(r, depth - 1);
  }

  void primitive(Reader& r, uint8_t tag, const Of& o, Speaker& say) {
    Point& p = point(o, say);
    switch (tag) {
      case 0: break;
      case 3: p.set(r.u8() != 0); break;
      case 4: {
        const uint32_t bits = length_of(r);
        const size_t octets = size_t(bits / 8) + (bits % 8 != 0);
        Reader b = r.sub(octets);
        if (bits > 64) { p.set_octets(octets); break; }
        uint64_t v = 0;
        for (uint32_t i = 0; i < bits; i += 8) {
          const uint8_t x = b.u8();
          for (uint32_t k = 0; k < 8 && i + k < bits; k++) v |= uint64_t(x >> (7 - k) & 1) << (i + k);
        }
        p.set_bits(v, unsigned(bits));
        break;
      }
      case 5: p.set_integer(int32_t(r.be32())); break;
      case 6: p.set_natural(r.be32()); break;
      case 9: case 10: case 12: {
        const Bytes b = r.bytes(length_of(r));
        Time t;
        if (o.hidden) p.set_octets(b.size());
        else if (o.times && tag == 9 && b.size() == 12 && date_time(b, t)) p.set_time(t);
        else if (tag != 9 || (b.size() >= 2 && std::all_of(b.begin(), b.end(), [](uint8_t c) { return c >= 0x20 && c < 0x7f; }))) p.set_text(say.text(text_of(b)));
        else p.set_octets(b.size());
        if (o.kind == 1 && p.kind == ValueKind::text) name_ = p.raw;
        break;
      }
      case 13: case 17: case 22: p.set_natural(r.u8()); break;
      case 15: p.set_integer(int8_t(r.u8())); break;
      case 16: p.set_integer(int16_t(r.be16())); break;
      case 18: p.set_natural(r.be16()); break;
      case 20: p.set_integer(int64_t(r.be64())); break;
      case 21: p.set_natural(r.be64()); break;
      case 23: p.set_real(double(r.be_float())); break;
      case 24: p.set_real(r.be_double()); break;
      case 25: {
        const Bytes b = r.bytes(12);
        Time t;
        if (r.ok() && date_time(b, t)) p.set_time(t);
        else p.set_octets(12);
        break;
      }
      case 26: r.skip(5), p.set_octets(5); break;
      case 27: r.skip(4), p.set_octets(4); break;
      default: r.require(false);
    }
    if (o.hidden && p.kind != ValueKind::octets && p.kind != ValueKind::none) p.set_octets(1);
    if (!r.ok()) say.drop_point();
  }

  // ---- questions and answers

  uint8_t invoke(Reader& r, Message& m) {
    const uint8_t id = r.u8();
    m.tag = id & 0x0f;
    return id & 0x0f;
  }
  Question& ask(uint8_t id, const Message& m) {
    Question& q = questions_[id & 15];
    q.count = 0, q.function = uint8_t(m.function), q.sub = uint8_t(m.sub_function), q.open = true;
    return q;
  }
  static void remember(Question& q, const Descriptor& d) {
    if (q.count < most_descriptors) q.of[q.count] = d;
    if (q.count < 0xffff) q.count++;
  }
  const Question* question(uint8_t id, uint8_t function, Message& m) {
    Question& q = questions_[id & 15];
    if (q.open && q.function == function) return &q;
    m.unpaired = true;
    return nullptr;
  }
  Of of(const Question* q, size_t i, Speaker& say) {
    if (q && i < std::min<size_t>(q->count, most_descriptors)) return of(q->of[i], say);
    return {say.named("object not heard"), 0, 0, true, false};
  }

  static void selection(Reader& r, bool& ranged) {         // access selection: how it is, nobody needs; it is walked
    ranged = r.u8() != 0;
    if (!ranged) return;
    r.u8();
    walk(r, deepest);
  }
  static void walk(Reader& r, int depth) {                 // Data, unsaid
    const uint8_t tag = r.u8();
    switch (tag) {
      case 0: break;
      case 1: case 2: {
        uint32_t n = length_of(r);
        r.require(depth > 0 && n <= r.left());
        while (n-- > 0 && r.ok()) walk(r, depth - 1);
        break;
      }
      case 3: case 13: case 15: case 17: case 22: r.u8(); break;
      case 4: { const uint32_t bits = length_of(r); r.skip(size_t(bits / 8) + (bits % 8 != 0)); break; }
      case 5: case 6: case 23: case 27: r.skip(4); break;
      case 9: case 10: case 12: r.skip(length_of(r)); break;
      case 16: case 18: r.skip(2); break;
      case 19: described(r, depth), r.skip(length_of(r)); break;
      case 20: case 21: case 24: r.skip(8); break;
      case 25: r.skip(12); break;
      case 26: r.skip(5); break;
      default: r.require(false);
    }
  }

  void get(Reader& r, Speaker& say) {
    Message& m = say.head();
    m.sub_function = r.u8();
    const uint8_t id = invoke(r, m);
    bool ranged = false;
    if (m.sub_function == 2) {
      m.sequence = r.be32();
      if (questions_[id].open) for (size_t i = 0; i < std::min<size_t>(questions_[id].count, most_descriptors); i++) point(of(&questions_[id], i, say), say);
      return r.finish();
    }
    r.require(m.sub_function == 1 || m.sub_function == 3);
    Question& q = ask(id, m);
    uint32_t n = m.sub_function == 3 ? length_of(r) : 1;
    while (n-- > 0 && r.ok()) {
      const Descriptor d = descriptor(r, false);
      selection(r, ranged);
      if (r.ok()) remember(q, d), point(of(d, say), say);
    }
    r.finish();
  }

  void set(Reader& r, Speaker& say) {
    Message& m = say.head();
    m.sub_function = r.u8();
    const uint8_t id = invoke(r, m);
    bool ranged = false;
    r.require(m.sub_function >= 1 && m.sub_function <= 5);
    if (m.sub_function == 3) {
      const Question* q = questions_[id].open ? &questions_[id] : nullptr;
      if (q && q->count) m.act = act_of(q->of[0], m.act);
      return block(r, blocks_up, q, say);
    }
    Question& q = ask(id, m);
    uint32_t n = m.sub_function >= 4 ? length_of(r) : 1;
    const uint32_t wanted = n;
    while (n-- > 0 && r.ok()) {
      const Descriptor d = descriptor(r, false);
      selection(r, ranged);
      if (r.ok()) remember(q, d);
    }
    if (q.count) m.act = act_of(q.of[0], m.act);
    if (m.sub_function == 2 || m.sub_function == 5) return block(r, blocks_up, &q, say);
    if (m.sub_function == 4) r.require(length_of(r) == wanted);
    for (uint32_t i = 0; i < wanted && r.ok(); i++) data(r, of(&q, i, say), say);
    r.finish();
  }

  void action(Reader& r, Speaker& say) {
    Message& m = say.head();
    m.sub_function = r.u8();
    const uint8_t id = invoke(r, m);
    r.require(m.sub_function >= 1 && m.sub_function <= 6);
    if (m.sub_function == 2) { m.sequence = r.be32(); return r.finish(); }
    if (m.sub_function == 6) {
      const Question* q = questions_[id].open ? &questions_[id] : nullptr;
      if (q && q->count) m.act = act_of(q->of[0], m.act);
      return block(r, blocks_up, q, say);
    }
    Question& q = ask(id, m);
    const bool list = m.sub_function == 3 || m.sub_function == 5;
    uint32_t n = list ? length_of(r) : 1;
    const uint32_t wanted = n;
    while (n-- > 0 && r.ok()) {
      const Descriptor d = descriptor(r, true);
      if (r.ok()) remember(q, d);
    }
    if (q.count) m.act = act_of(q.of[0], m.act);
    if (m.sub_function >= 4) return block(r, blocks_up, &q, say);
    if (list) r.require(length_of(r) == wanted);
    for (uint32_t i = 0; i < wanted && r.ok(); i++) {
      const Of o = of(&q, i, say);
      const size_t before = say.points().size();
      if (list || r.u8()) data(r, o, say);
      if (!r.ok()) break;
      if (i < most_descriptors && q.of[i].kind == 70 && q.of[i].part <= 2) {   // remote disconnect, remote reconnect
        Point& p = say.points().size() > before ? say.points()[before] : point(o, say);
        p.set(q.of[i].part == 2);
      } else if (say.points().size() == before) {
        point(o, say);
      }
    }
    r.finish();
  }

  // A data block: last, number, octets. With the last one, what they were together.
  void block(Reader& r, Store store, const Question* q, Speaker& say) {
    Message& m = say.head();
    const bool last = r.u8() != 0;
    m.sequence = r.be32();
    const Bytes part = r.bytes(length_of(r));
    joined(r, store, last, part, q, say);
  }
  void joined(Reader& r, Store store, bool last, Bytes part, const Question* q, Speaker& say) {
    Message& m = say.head();
    r.finish();
    m.retained = true;
    if (!r.ok()) return;
    Kept*& kept = kept_[store];
    if (m.sequence <= 1) pool_.unmake(kept), kept = pool_.make<Kept>();   // the first block
    const bool fits = kept && part.size() <= sizeof kept->octets - kept->size;
    if (fits) std::copy(part.begin(), part.end(), kept->octets + kept->size), kept->size += uint32_t(part.size());
    const size_t n = q ? std::min<size_t>(q->count, most_descriptors) : 0;
    if (last && fits) {
      bool bad = false;                                    // the octets are whole as far as this record goes
      Reader whole{{kept->octets, kept->size}, bad};
      m.retained = false;
      if (n > 1) length_of(whole);
      if (n > 1 && m.function == 0xc4) {
        for (size_t i = 0; i < n && whole; i++) result_or_data(whole, of(q, i, say), say);
      } else {
        for (size_t i = 0; i < std::max<size_t>(n, 1) && whole && !bad; i++) data(whole, of(q, i, say), say);
      }
      m.malformed |= bad;
    } else {
      for (size_t i = 0; i < n; i++) point(of(q, i, say), say);
    }
    if (last || !fits) pool_.unmake(kept), kept = nullptr;
  }

  void result_or_data(Reader& r, const Of& o, Speaker& say) {
    if (r.u8() == 0) return data(r, o, say);
    const uint8_t result = r.u8();
    if (!r.ok()) return;
    point(o, say).status = result;
    if (result) say.head().refused = true, say.head().reason = result;
  }

  void got(Reader& r, Speaker& say) {
    Message& m = say.head();
    m.sub_function = r.u8();
    const uint8_t id = invoke(r, m);
    const Question* q = question(id, 0xc0, m);
    r.require(m.sub_function >= 1 && m.sub_function <= 3);
    name_ = 0;
    switch (m.sub_function) {
      case 1: result_or_data(r, of(q, 0, say), say); r.finish(); break;
      case 2: {
        const bool last = r.u8() != 0;
        m.sequence = r.be32();
        if (r.u8() == 0) { joined(r, blocks_down, last, r.bytes(length_of(r)), q, say); break; }
        m.reason = r.u8(), m.refused = true;
        r.finish();
        break;
      }
      case 3: {
        const uint32_t n = length_of(r);
        for (uint32_t i = 0; i < n && r.ok(); i++) result_or_data(r, of(q, i, say), say);
        r.finish();
        break;
      }
      default: break;
    }
    // 6-2, 6.2.35: the logical device name
    constexpr uint8_t logical_device_name[] = {0, 0, 42, 0, 0, 255};
    if (q && q->count == 1 && q->of[0].kind == 1 && q->of[0].part == 2 && std::equal(std::begin(logical_device_name), std::end(logical_device_name), q->of[0].obis)) who_.name = name_;
  }

  void result(Reader& r, const Of& o, uint16_t kind, Speaker& say) {
    const uint8_t code = r.u8();
    if (!r.ok()) return;
    Point& p = point(o, say);
    if (!code) return;
    p.status = uint16_t(kind + code);
    say.head().refused = true, say.head().reason = p.status;
  }
  void act_again(const Question* q, Message& m) { if (q && q->count) m.act = act_of(q->of[0], m.act); }

  void was_set(Reader& r, Speaker& say) {
    Message& m = say.head();
    m.sub_function = r.u8();
    const uint8_t id = invoke(r, m);
    const Question* q = question(id, 0xc1, m);
    act_again(q, m);
    r.require(m.sub_function >= 1 && m.sub_function <= 5);
    switch (m.sub_function) {
      case 1: case 3: result(r, of(q, 0, say), data_result, say); if (m.sub_function == 3) m.sequence = r.be32(); break;
      case 2: m.sequence = r.be32(); break;
      default: {
        const uint32_t n = length_of(r);
        for (uint32_t i = 0; i < n && r.ok(); i++) result(r, of(q, i, say), data_result, say);
        if (m.sub_function == 4) m.sequence = r.be32();
      }
    }
    r.finish();
  }

  void acted(Reader& r, Speaker& say) {
    Message& m = say.head();
    m.sub_function = r.u8();
    const uint8_t id = invoke(r, m);
    const Question* q = question(id, 0xc3, m);
    act_again(q, m);
    r.require(m.sub_function >= 1 && m.sub_function <= 4);
    switch (m.sub_function) {
      case 1: case 3: {
        const uint32_t n = m.sub_function == 3 ? length_of(r) : 1;
        for (uint32_t i = 0; i < n && r.ok(); i++) {
          const Of o = of(q, i, say);
          result(r, o, action_result, say);
          if (r.u8()) result_or_data(r, o, say);
        }
        r.finish();
        break;
      }
      case 2: block(r, blocks_down, q, say); break;
      case 4: m.sequence = r.be32(); r.finish(); break;
      default: break;
    }
  }

  void event(Reader& r, Speaker& say) {
    if (r.u8()) r.skip(length_of(r));
    const Descriptor d = descriptor(r, false);
    if (r.ok()) data(r, of(d, say), say);
    r.finish();
  }
  void notification(Reader& r, Speaker& say) {
    Message& m = say.head();
    m.tag = r.be32() & 0xffffff;
    const Bytes when = r.bytes(length_of(r));
    const Of o{say.named("pushed"), 0, 0, false, true};
    const size_t before = say.points().size();
    data(r, o, say);
    Time t;
    if (when.size() == 12 && date_time(when, t) && say.points().size() > before) say.points()[before].time = t, say.points()[before].time_kind = TimeKind::full;
    r.finish();
  }

  // Access: specifications, then data, in lists of one length (5-3, 9.3.12).
  void access(Reader& r, Speaker& say) {
    Message& m = say.head();
    m.tag = r.be32() & 0xffffff;
    r.skip(length_of(r));
    Question& q = ask(uint8_t(m.tag & 15), m);
    const uint32_t n = length_of(r);
    for (uint32_t i = 0; i < n && r.ok(); i++) {
      const uint8_t what = r.u8();
      r.require(what >= 1 && what <= 5);
      const Descriptor d = descriptor(r, what == 3);
      if (what >= 4) r.u8(), walk(r, deepest);
      if (!r.ok()) return;
      remember(q, d);
      const Act act = act_of(d, what == 3 ? Act::operate : what == 2 || what == 5 ? Act::write : Act::read);
      if (act > m.act || i == 0) m.act = act;              // of several, the one further down the list of acts
    }
    r.require(length_of(r) == n);
    for (uint32_t i = 0; i < n && r.ok(); i++) data(r, of(&q, i, say), say);
    r.finish();
  }
  void accessed(Reader& r, Speaker& say) {
    Message& m = say.head();
    m.tag = r.be32() & 0xffffff;
    r.skip(length_of(r));
    const Question* q = question(uint8_t(m.tag & 15), 0xd9, m);
    if (r.u8()) {                                          // the specifications again
      const uint32_t n = length_of(r);
      for (uint32_t i = 0; i < n && r.ok(); i++) {
        const uint8_t what = r.u8();
        descriptor(r, what == 3);
        if (what >= 4) r.u8(), walk(r, deepest);
      }
    }
    const uint32_t n = length_of(r);
    for (uint32_t i = 0; i < n && r.ok(); i++) data(r, of(q, i, say), say);
    r.require(length_of(r) == n);
    for (uint32_t i = 0; i < n && r.ok(); i++) {
      const uint8_t what = r.u8(), code = r.u8();
      if (code && r.ok()) m.refused = true, m.reason = uint16_t((what == 3 ? action_result : data_result) + code);
    }
    r.finish();
  }

  // ---- short names (5-3, 9.4)

  static Of short_name(uint16_t name, Speaker& say) {
    char text[24];
    return {say.named({text, size_t(std::snprintf(text, sizeof text, "short name %04x", name))}), 0, 0, true, false};   // its class is not known: no octets are said
  }
  // One variable: its name is remembered as a descriptor of class 0.
  bool variable(Reader& r, Question* q, Speaker& say, bool tell) {
    const uint8_t kind = r.u8();
    uint16_t name = 0;
    switch (kind) {
      case 2: name = r.be16(); break;
      case 4: name = r.be16(), r.u8(), walk(r, deepest); break;
      case 5: r.be16(); return false;                      // the next block
      default: r.require(false); return false;
    }
    if (!r.ok()) return false;
    Descriptor d;
    d.obis[0] = uint8_t(name >> 8), d.obis[1] = uint8_t(name);
    if (q) remember(*q, d);
    if (tell) point(short_name(name, say), say);
    return true;
  }
  Of short_of(const Question* q, size_t i, Speaker& say) {
    if (!q || i >= std::min<size_t>(q->count, most_descriptors)) return {say.named("object not heard"), 0, 0, true, false};
    return short_name(uint16_t(q->of[i].obis[0] << 8 | q->of[i].obis[1]), say);
  }
  void short_request(Reader& r, uint8_t tag, Speaker& say) {
    Message& m = say.head();
    Question& q = ask(0, m);
    const uint32_t n = length_of(r);
    for (uint32_t i = 0; i < n && r.ok(); i++) variable(r, &q, say, tag == 0x05);
    if (tag != 0x05) {
      r.require(length_of(r) == n);
      for (uint32_t i = 0; i < n && r.ok(); i++) data(r, short_of(&q, i, say), say);
    }
    r.finish();
  }
  void short_response(Reader& r, uint8_t tag, Speaker& say) {
    Message& m = say.head();
    const Question* q = question(0, tag == 0x0c ? 0x05 : 0x06, m);
    const uint32_t n = length_of(r);
    for (uint32_t i = 0; i < n && r.ok(); i++) {
      const Of o = short_of(q, i, say);
      const uint8_t kind = r.u8();
      if (kind == 1) {
        const uint8_t code = r.u8();
        if (r.ok()) point(o, say).status = code;
        m.refused = true, m.reason = code;
      } else if (tag == 0x0d) {
        r.require(kind == 0 || kind == 2);
        if (kind == 2) m.sequence = r.be16();
        if (r.ok()) point(o, say);
      } else if (kind == 0) {
        data(r, o, say);
      } else if (kind == 2) {
        r.u8(), m.sequence = r.be16(), r.skip(length_of(r)), m.retained = true;
      } else {
        r.require(kind == 3);
        m.sequence = r.be16();
      }
    }
    r.finish();
  }
  void short_report(Reader& r, Speaker& say) {
    if (r.u8()) r.skip(length_of(r));
    Question q;
    const uint32_t n = length_of(r);
    for (uint32_t i = 0; i < n && r.ok(); i++) variable(r, &q, say, false);
    r.require(length_of(r) == n);
    for (uint32_t i = 0; i < n && r.ok(); i++) data(r, short_of(&q, i, say), say);
    r.finish();
  }

  Pool& pool_;
  std::array<Kept*, 4> kept_{};
  std::array<Question, 16> questions_{};
  std::array<Way, 2> way_{};
  Identity who_;
  uint64_t name_ = 0;
};

// ---- recognition

// How an APDU's first octets agree with its tag: 0 not, 1 it may be, 2 there is structure; and who sends such a one.
struct Likely { int sure = 0, asks = 0; };
Likely likely(Bytes a, size_t whole) {
  if (a.empty() || !known[a[0]]) return {};
  const uint8_t tag = a[0];
  const auto at = [&](size_t i) { return i < a.size() ? a[i] : uint8_t{0}; };
  const bool has3 = a.size() >= 3;
  switch (tag) {
    case 0x60: case 0x61: case 0x62: case 0x63: {
      const size_t length = at(1) < 0x80 ? size_t{at(1)} + 2 : at(1) == 0x81 ? size_t{at(2)} + 3 : size_t{0};
      if (length != whole) return {};
      return {tag <= 0x61 && (at(2) & 0xf0) != 0xa0 && at(2) != 0x80 ? 1 : 2, tag == 0x60 || tag == 0x62 ? 1 : -1};
    }
    case 0xc0: return {has3 && at(1) >= 1 && at(1) <= 3 && !(at(2) & 0x30) && (at(1) != 1 || (whole >= 13 && at(3) == 0)) ? 2 : 0, 1};
    case 0xc1: return {has3 && at(1) >= 1 && at(1) <= 5 && !(at(2) & 0x30) && (at(1) != 1 || (whole >= 14 && at(3) == 0)) ? 2 : 0, 1};
    case 0xc3: return {has3 && at(1) >= 1 && at(1) <= 6 && !(at(2) & 0x30) && (at(1) != 1 || (whole >= 13 && at(3) == 0)) ? 2 : 0, 1};
    case 0xc4: return {has3 && at(1) >= 1 && at(1) <= 3 && !(at(2) & 0x30) && (at(1) != 1 || at(3) <= 1) ? 2 : 0, -1};
    case 0xc5: return {has3 && at(1) >= 1 && at(1) <= 5 && !(at(2) & 0x30) ? 2 : 0, -1};
    case 0xc7: return {has3 && at(1) >= 1 && at(1) <= 4 && !(at(2) & 0x30) ? 2 : 0, -1};
    case 0xd8: return {whole == 3 || whole == 7 ? 2 : 0, -1};
    case 0x0e: return {whole == 4 ? 2 : 0, -1};
    case 0x0f: return {whole >= 7 && (at(5) == 0 || at(5) == 12) ? 2 : 0, -1};
    case 0xc2: return {whole >= 12 && at(1) <= 1 ? 2 : 0, -1};
    case 0x01: case 0x05: case 0x06: case 0x16: return {1, 1};
    case 0x08: case 0x0c: case 0x0d: case 0x18: return {1, -1};
    case 0xdb: case 0xdc: return {at(1) == 8 ? 2 : 1, 0};
    case 0xd9: return {1, 1};
    case 0xda: return {1, -1};
    case 0xdd: case 0xdf: case 0xe0: return {1, 0};
    default: {                                             // a service's own ciphering: tag, length, security control
      const size_t length = at(1) < 0x80 ? size_t{at(1)} + 2 : at(1) == 0x81 ? size_t{at(2)} + 3 : at(1) == 0x82 ? (size_t{at(2)} << 8 | at(3)) + 4 : size_t{0};
      if (length != whole) return {};
      const bool answer = tag == 0xcc || tag == 0xcd || tag == 0xcf || tag == 0xd4 || tag == 0xd5 || tag == 0xd7 || tag == 0xca || tag == 0xd2 || (tag & 0x0f) == 0x0c ||
                          tag == 0x28 || tag == 0x2d || tag == 0x48 || tag == 0x4d;
      return {2, answer ? -1 : 1};
    }
  }
}

struct Walk { int sure = 0, asks = 0; bool broken = false, began = false; };   // sure: evidence in halves of what is needed; began: a record is cut off

Walk walk_wrapper(Bytes o) {
  Walk w;
  while (!o.empty()) {
    if (o.size() < 9) { w.broken |= o[0] != 0 || (o.size() > 1 && o[1] != 1); break; }
    const size_t length = size_t(o[6]) << 8 | o[7];
    if (o[0] != 0 || o[1] != 1 || length == 0) { w.broken = true; break; }
    const Likely l = likely(o.subspan(8, std::min(length, o.size() - 8)), length);
    if (!l.sure) { w.broken = true; break; }
    if (length > o.size() - 8) { w.began = true, w.asks += l.asks; break; }
    w.sure += l.sure == 2 ? 2 : 1;
    w.asks += l.asks;
    o = o.subspan(8 + length);
  }
  return w;
}

Walk walk_hdlc(Bytes o) {
  Walk w;
  bool flag = false;
  while (!o.empty()) {
    if (o[0] == 0x7e) { o = o.subspan(1), flag = true; continue; }
    if (!flag || o.size() < 2) { w.broken = !flag; break; }
    const size_t length = size_t(o[0] & 7) << 8 | o[1];
    if ((o[0] & 0xf0) != 0xa0 || length < 5) { w.broken = true; break; }
    if (o.size() <= length) break;
    if (o[length] != 0x7e || crc_x25(o.first(length - 2)) != (o[length - 2] | o[length - 1] << 8)) { w.broken = true; break; }
    w.sure += 2;
    size_t at = 2, addresses = 0;                          // who sends: SNRM, UA, and the LLC's own word
    for (size_t i = 0; i < 2 && at < length; i++, addresses++)
      while (at < length && !(o[at++] & 1)) {}
    const uint8_t control = at < length ? o[at] : 0;
    if ((control & 0xef) == 0x83 || (control & 0xef) == 0x43) w.asks += 2;
    if ((control & 0xef) == 0x63 || (control & 0xef) == 0x0f) w.asks -= 2;
    if (!(control & 1) && at + 5 < length) w.asks += o[at + 3] == 0xe6 && o[at + 4] == 0xe6 ? 2 : o[at + 3] == 0xe6 && o[at + 4] == 0xe7 ? -2 : 0;
    o = o.subspan(length);                                 // the closing flag opens the next
    flag = false;
  }
  return w;
}

Recognised recognises(Bytes up, Bytes down, Carrier carrier) {
  Recognised r;
  if (carrier != Carrier::tcp && carrier != Carrier::udp) return r;
  const auto walk = [](Bytes o) { return o.empty() ? Walk{} : o[0] == 0x7e ? walk_hdlc(o) : walk_wrapper(o); };
  const Walk a = walk(up), b = walk(down);
  const int sure = a.sure + b.sure;
  const bool broken = a.broken || b.broken;
  if (sure >= (broken ? 6 : 2)) r.sure = Recognised::yes;
  else if (sure >= 1 || a.began || b.began) r.sure = Recognised::maybe;
  if (r.sure == Recognised::no) return r;
  if (a.asks > b.asks) r.client = Recognised::up;
  else if (b.asks > a.asks) r.client = Recognised::down;
  return r;
}

constexpr Port ports[] = {{Carrier::tcp, 4059}, {Carrier::udp, 4059}};
Parser* open(Pool& pool) { return pool.make<Dlms>(pool); }

}  // namespace

extern const Protocol protocol;
const Protocol protocol = {"dlms", "DLMS/COSEM", ports, recognises, open, functions, frames, reason_name,
                           "IEC 62056-5-3:2017 (xDLMS, ACSE), 62056-6-2 (COSEM classes, OBIS), 62056-47 (wrapper), 62056-46 (HDLC)",
                           "what is ciphered or signed (named with security control, invocation counter and system title); general block transfer (counted); "
                           "compact arrays' contents; blocks of short names; values of more than 32,000 octets", reason_name};

}  // namespace vidra::dlms
