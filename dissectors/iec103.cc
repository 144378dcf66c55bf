// SPDX-License-Identifier: Apache-2.0
// IEC 60870-5-103:1997, the informative interface of protection equipment, in frames FT1.2 as serial device servers carry them over
// TCP. A record is one frame. Objects are function type and information number; private ones keep their numbers.
#include <cstdio>

#include "dissectors/civil.h"
#include "dissectors/ft12.h"

namespace vidra::iec103 {
namespace {

// Type identifications of the two directions overlap (6 and 10): the control direction's begin here.
constexpr uint16_t control_from = 0x200;

constexpr Function own[] = {
    {1, 0xffff, "time-tagged message", Act::report},
    {2, 0xffff, "time-tagged message with relative time", Act::report},
    {3, 0xffff, "measurands I", Act::report},
    {4, 0xffff, "time-tagged measurands with relative time", Act::report},
    {5, 0xffff, "identification", Act::identify},
    {6, 0xffff, "time synchronization", Act::time},
    {8, 0xffff, "general interrogation termination", Act::read},
    {9, 0xffff, "measurands II", Act::report},
    {10, 0xffff, "generic data", Act::report},
    {11, 0xffff, "generic identification", Act::browse},
    {23, 0xffff, "list of recorded disturbances", Act::file},
    {26, 0xffff, "ready for transmission of disturbance data", Act::file},
    {27, 0xffff, "ready for transmission of a channel", Act::file},
    {28, 0xffff, "ready for transmission of tags", Act::file},
    {29, 0xffff, "transmission of tags", Act::file},
    {30, 0xffff, "transmission of disturbance values", Act::file},
    {31, 0xffff, "end of transmission", Act::file},
    {0x100, 0xffff, "reset of communication unit", Act::session},
    {0x206, 0xffff, "time synchronization", Act::time},
    {0x207, 0xffff, "general interrogation", Act::read},
    {0x20a, 0xffff, "generic data", Act::write},
    {0x214, 0xffff, "general command", Act::operate},
    {0x215, 0xffff, "generic command", Act::read},
    {0x218, 0xffff, "order for disturbance data transmission", Act::file},
    {0x219, 0xffff, "acknowledgement of disturbance data", Act::file},
};
constexpr auto functions = ft12::with_link<own>();
Act act_of(uint16_t function) {
  for (const Function& f : functions)
    if (f.number == function) return f.act;
  return Act::other;
}
bool known(unsigned type) { return (type >= 1 && type <= 6) || (type >= 8 && type <= 11) || type == 23 || (type >= 26 && type <= 31); }
bool known_control(unsigned type) { return type == 6 || type == 7 || type == 10 || type == 20 || type == 21 || type == 24 || type == 25; }

// Causes (7.2.3); the two directions agree where both have one.
std::string_view reason(uint16_t cause) {
  switch (cause) {
    case 1: return "spontaneous";
    case 2: return "cyclic";
    case 3: return "reset of the frame count bit";
    case 4: return "reset of communication unit";
    case 5: return "start or restart";
    case 6: return "power on";
    case 7: return "test mode";
    case 8: return "time synchronization";
    case 9: return "general interrogation";
    case 10: return "termination of general interrogation";
    case 11: return "local operation";
    case 12: return "remote operation";
    case 20: return "general command, positive acknowledgement";
    case 21: return "general command, negative acknowledgement";
    case 31: return "transmission of disturbance data";
    case 40: return "generic write, positive acknowledgement";
    case 41: return "generic write, negative acknowledgement";
    case 42: return "generic read, valid";
    case 43: return "generic read, invalid";
    case 44: return "generic write confirmation";
    default: return cause >= 64 && cause < 128 ? "private cause" : std::string_view{};
  }
}

// Standard information numbers of protection (7.2.5); the same for the function types 128, 160, 176 and 192.
struct Name { uint8_t number; std::string_view name; };
constexpr Name information[] = {
    {16, "auto-recloser"}, {17, "teleprotection"}, {18, "protection"}, {19, "LED reset"}, {20, "monitor direction blocked"}, {21, "test mode"},
    {22, "local parameter setting"}, {23, "characteristic 1"}, {24, "characteristic 2"}, {25, "characteristic 3"}, {26, "characteristic 4"},
    {27, "auxiliary input 1"}, {28, "auxiliary input 2"}, {29, "auxiliary input 3"}, {30, "auxiliary input 4"},
    {32, "measurand supervision I"}, {33, "measurand supervision V"}, {35, "phase sequence supervision"}, {36, "trip circuit supervision"},
    {37, "I>> back-up operation"}, {38, "VT fuse failure"}, {39, "teleprotection disturbed"}, {46, "group warning"}, {47, "group alarm"},
    {48, "earth fault L1"}, {49, "earth fault L2"}, {50, "earth fault L3"}, {51, "earth fault forward"}, {52, "earth fault reverse"},
    {64, "start L1"}, {65, "start L2"}, {66, "start L3"}, {67, "start N"}, {68, "general trip"}, {69, "trip L1"}, {70, "trip L2"}, {71, "trip L3"},
    {72, "trip I>> back-up"}, {73, "fault location, ohms"}, {74, "fault forward"}, {75, "fault reverse"}, {76, "teleprotection signal transmitted"},
    {77, "teleprotection signal received"}, {78, "zone 1"}, {79, "zone 2"}, {80, "zone 3"}, {81, "zone 4"}, {82, "zone 5"}, {83, "zone 6"},
    {84, "general start"}, {85, "breaker failure"}, {86, "trip measuring system L1"}, {87, "trip measuring system L2"}, {88, "trip measuring system L3"},
    {89, "trip measuring system E"}, {90, "trip I>"}, {91, "trip I>>"}, {92, "trip IN>"}, {93, "trip IN>>"}, {128, "breaker closed by auto-recloser"},
    {129, "breaker closed by long-time auto-recloser"}, {130, "auto-recloser blocked"}, {144, "measurand I"}, {145, "measurands I, V"}, {146, "measurands I, V, P, Q"},
    {147, "measurands IN, VEN"}, {148, "measurands I, V, P, Q, f"}};

Object object_of(uint8_t function, uint8_t number, Speaker& say) {
  const Object o(ObjectKind::item, number, function);
  std::string_view of = {}, what = {};
  switch (function) {
    case 128: of = "distance protection"; break;
    case 160: of = "overcurrent protection"; break;
    case 176: of = "transformer protection"; break;
    case 192: of = "line differential protection"; break;
    case 254: of = "generic"; break;
    case 255: of = "global"; break;
    default: break;
  }
  if (function == 128 || function == 160 || function == 176 || function == 192) {
    const auto at = std::lower_bound(std::begin(information), std::end(information), number, [](const Name& a, uint8_t b) { return a.number < b; });
    if (at != std::end(information) && at->number == number) what = at->name;
  }
  char text[96];
  const int n = of.empty()     ? std::snprintf(text, sizeof text, "function %u/%u", function, number)
                : what.empty() ? std::snprintf(text, sizeof text, "%.*s %u/%u", int(of.size()), of.data(), function, number)
                               : std::snprintf(text, sizeof text, "%.*s %u/%u %.*s", int(of.size()), of.data(), function, number, int(what.size()), what.data());
  say.label(o, {text, size_t(n)});
  return o;
}

// 7.2.6.28: milliseconds, minute, hour of a day that the tag does not name; kept as within that hour.
void day_time(Reader& r, Point& p) {
  const unsigned ms = r.le16(), minutes = r.u8(), hour = r.u8();
  p.time_kind = TimeKind::in_hour;
  p.time_flags = uint8_t((minutes & 0x80 ? time_invalid : 0) | (hour & 0x80 ? summer_time : 0));
  if (ms > 59'999 || (minutes & 0x3f) > 59) p.time_flags |= time_invalid;
  else p.time = int64_t(minutes & 0x3f) * minute + int64_t(ms) * millisecond;
}
bool full_time(Reader& r, Point& p) {                       // 7.2.6.29: CP56Time2a
  const unsigned ms = r.le16(), minutes = r.u8(), hour = r.u8(), date = r.u8(), month = r.u8() & 0x0f, year = r.u8() & 0x7f;
  const unsigned d = date & 0x1f, h = hour & 0x1f;
  p.time_kind = TimeKind::full;
  p.time_flags = uint8_t((minutes & 0x80 ? time_invalid : 0) | (hour & 0x80 ? summer_time : 0));
  const Time t = year > 99 || ms > 59'999 ? 0 : civil(2000 + year, month, d, h, minutes & 0x3f, 0);
  if (t == 0) return p.time_flags |= time_invalid, false;
  p.time = t + int64_t(ms) * millisecond;
  return true;
}
void measurand(Reader& r, Point& p) {                       // 7.2.6.8: 13 bits with sign, fractions of 1.2 or 2.4 times rated; OV, ER
  const uint16_t v = r.le16();
  p.set_real(int16_t(v & 0xfff8) / 32768.0);
  p.quality = uint32_t((v & 1 ? overflow : good) | (v & 2 ? invalid : good));
}

// How long the objects of an ASDU are behind function type and information number, 0 where they have no fixed length; 0xffff unknown.
size_t octets_of(unsigned type, bool control, unsigned n) {
  if (control) {
    switch (type) {
      case 6: return 7;
      case 7: return 1;
      case 20: return 2;
      case 24: case 25: return 5;
      default: return 0;
    }
  }
  switch (type) {
    case 1: return 6;
    case 2: return 10;
    case 3: case 9: return 2 * size_t{n};
    case 4: return 12;
    case 5: return 13;
    case 6: return 7;
    case 8: return 1;
    case 23: return 10 * size_t{n};
    case 26: return 15;
    case 27: return 17;
    case 28: return 4;
    case 31: return 5;
    default: return 0;
  }
}

bool by_control(uint8_t type, uint8_t cause, bool primary) {   // 6 and 10 serve both directions
  if (type == 6 || type == 10) return primary;
  (void)cause;
  return known_control(type);
}

// Whether a frame's data (link address, ASDU) are this protocol's.
bool agrees(Bytes data, bool primary) {
  if (data.size() < 7) return false;
  const uint8_t type = data[1], number = data[2], cause = data[3];
  const bool control = by_control(type, cause, primary);
  if (!(control ? known_control(type) : known(type)) || reason(cause).empty() || !(number & 0x7f)) return false;
  const size_t n = octets_of(type, control, number & 0x7f), have = data.size() - 7;
  return n ? have == n : have >= 1;
}

struct Iec103 final : Parser {
  Cut next(Side from, Bytes octets, bool, bool) override { return cutter_[from == Side::client ? 0 : 1].next(octets, link_); }

  void parse(Bytes record, Side from, Speaker& say) override {
    Message& m = say.begin();
    who_ = {};
    Reader r{record, m.malformed};
    m.role = from == Side::client ? Role::request : Role::response;
    const ft12::Frame f = ft12::take_frame(r);
    if (f.kind == ft12::variable && !m.malformed) {
      Reader a{f.data, m.malformed};
      m.frame = ft12::variable;
      m.sequence = uint32_t(f.control) << 16 | a.u8();
      if (a) asdu(a, f.primary(), say);
      else ft12::say_link(f, 1, m);
    } else {
      ft12::say_link(f, 1, m);
      if (m.function == 0x100) m.act = Act::session;
    }
    say.end();
    if (who_.product && !m.malformed) who_.station = m.station, say.identity(who_);
  }

  void gap(Side from, uint64_t) override { cutter_[from == Side::client ? 0 : 1].gap(); }

 private:
  void asdu(Reader& r, bool primary, Speaker& say) {
    Message& m = say.head();
    const uint8_t type = r.u8(), size = r.u8(), cause = r.u8(), address = r.u8(), function = r.u8(), number = r.u8();
    const unsigned n = size & 0x7f;
    const bool control = by_control(type, cause, primary);
    m.function = control ? uint16_t(control_from + type) : type;
    m.act = act_of(m.function);
    m.station = address;
    m.broadcast = address == 255;
    m.reason = cause;
    m.role = control ? Role::request : cause == 20 || cause == 21 || (cause >= 8 && cause <= 10) || cause >= 31 ? Role::response : Role::report;
    m.refused = !control && (cause == 21 || cause == 41 || cause == 43);
    if (!control && (cause == 20 || cause == 21)) m.act = act(number);
    if (!r.ok()) return;
    const Object object = object_of(function, number, say);
    const auto point = [&]() -> Point& { return say.point(object); };
    if (!(control ? known_control(type) : known(type))) {       // private types have no layout of the standard
      r.require(type >= 32);
      point().set_octets(r.rest().size());
      return;
    }
    if (control) commanded(r, type, number, object, say);
    else monitored(r, type, n, object, say);
    if (!r.ok() && !say.points().empty()) say.drop_point();
  }

  // Switching protection, teleprotection and reclosing off, or choosing another characteristic, is a change of settings.
  static Act act(uint8_t number) { return (number >= 16 && number <= 18) || (number >= 23 && number <= 26) ? Act::configure : Act::operate; }

  void commanded(Reader& r, uint8_t type, uint8_t number, Object object, Speaker& say) {
    Message& m = say.head();
    Point& p = say.point(object);
    switch (type) {
      case 6: if (full_time(r, p)) p.set_time(p.time); break;
      case 7: m.tag = r.u8(); p.set_natural(m.tag); break;
      case 20:
        m.act = act(number);
        p.set_double_point(r.u8() & 3);
        m.tag = r.u8();
        break;
      case 24: case 25: order(r, p, m); break;
      default:                                                   // generic data and commands
        m.tag = r.u8();
        p.set_octets(r.rest().size());
        return;
    }
    r.finish();
  }
  static void order(Reader& r, Point& p, Message& m) {
    m.qualifier = r.u8();                                        // type of order
    r.u8();
    p.set_natural(r.le16());                                     // which fault
    r.u8();
  }

  void monitored(Reader& r, uint8_t type, unsigned n, Object object, Speaker& say) {
    Message& m = say.head();
    switch (type) {
      case 1: case 2: {
        Point& p = say.point(object);
        p.set_double_point(r.u8() & 3);
        if (type == 2) p.duration = r.le16(), p.qualifier = r.le16();   // since the fault began; which fault
        day_time(r, p);
        m.tag = r.u8();                                          // of a command's answer: its return information
        break;
      }
      case 3: case 9:
        for (unsigned i = 0; i < n && r.ok(); i++) {
          Point& p = say.point(object);
          p.qualifier = i + 1;
          measurand(r, p);
          if (!r.ok() && i) say.drop_point();
        }
        break;
      case 4: {
        Point& p = say.point(object);
        p.set_real(double(r.le_float()));                        // short-circuit location
        p.duration = r.le16(), p.qualifier = r.le16();
        day_time(r, p);
        break;
      }
      case 5: {
        m.qualifier = r.u8();                                    // compatibility level
        const Bytes name = r.bytes(8), version = r.bytes(4);
        Point& p = say.point(object);
        if (!r.ok()) break;
        std::string_view text = text_of(name);
        while (!text.empty() && (text.back() == ' ' || text.back() == 0)) text.remove_suffix(1);
        p.set_text(say.text(text));
        who_.product = p.raw;
        char firmware[16];
        who_.firmware = say.text({firmware, size_t(std::snprintf(firmware, sizeof firmware, "%02x%02x%02x%02x", version[0], version[1], version[2], version[3]))});
        break;
      }
      case 6: {
        Point& p = say.point(object);
        if (full_time(r, p)) p.set_time(p.time);
        break;
      }
      case 8: m.tag = r.u8(); say.point(object).set_natural(m.tag); break;
      case 23:
        for (unsigned i = 0; i < n && r.ok(); i++) {
          Point& p = say.point(object);
          p.set_natural(r.le16());
          p.qualifier = r.u8();
          full_time(r, p);
          if (!r.ok() && i) say.drop_point();
        }
        break;
      case 26: case 27: case 28: {
        r.u8();
        m.qualifier = r.u8();
        say.point(object).set_natural(r.le16());
        r.rest();
        return;
      }
      case 31: order(r, say.point(object), m); break;
      case 29: case 30: {
        const size_t all = r.left();
        if (type == 30) r.u8(), r.u8();
        Point& p = say.point(object);
        p.set_natural(r.le16());
        r.rest();
        p.duration = 0, m.retained = true, m.qualifier = uint32_t(all);
        return;
      }
      default: say.point(object).set_octets(r.rest().size()); return;
    }
    r.finish();
  }

  ft12::Cutter cutter_[2];
  int link_ = 1;
  Identity who_;
};

Recognised recognises(Bytes up, Bytes down, Carrier carrier) {
  Recognised r;
  if (carrier != Carrier::tcp) return r;
  int agree = 0, wrong = 0, client = 0;
  const auto listen = [&](Bytes o, int sign) {
    return ft12::walk(o, [&](uint8_t control, Bytes data) {
      const bool primary = control & 0x40;
      // Each number of objects but that of measurands is one: 81 hex, by most devices 01 too.
      const bool right = agrees(data, primary) && data[0] == data[4] && (data[2] == 0x81 || data[1] == 3 || data[1] == 9 || data[1] == 23 || data[1] == 29);
      right ? agree++ : wrong++;
      client += primary ? sign : -sign;
    });
  };
  const ft12::Walk a = listen(up, 1), b = listen(down, -1);
  if (a.broken || b.broken || wrong || a.address == 0 || a.address == 2 || b.address == 0 || b.address == 2) return r;
  if (agree) r.sure = Recognised::yes;
  else if (a.fixed + b.fixed) r.sure = Recognised::maybe;
  if (r.sure == Recognised::no) return r;
  client += a.primary - b.primary;
  if (client > 0) r.client = Recognised::up;
  else if (client < 0) r.client = Recognised::down;
  return r;
}

constexpr Port ports[] = {{Carrier::tcp, 4001}, {Carrier::tcp, 4002}, {Carrier::tcp, 4003}, {Carrier::tcp, 4004}};
Parser* open(Pool& pool) { return pool.make<Iec103>(); }

}  // namespace

extern const Protocol protocol;
const Protocol protocol = {"iec103", "IEC 60870-5-103 over TCP", ports, recognises, open, functions, ft12::frames, reason,
                           "IEC 60870-5-103:1997 (7: ASDUs), IEC 60870-5-1 (FT1.2), IEC 60870-5-2 (link procedures)",
                           "generic services' data sets, disturbance values and tags (by name, counted), private types and information numbers' meaning"};

}  // namespace vidra::iec103
