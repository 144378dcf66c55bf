// SPDX-License-Identifier: Apache-2.0
// PTP (IEEE 1588-2019 and -2008, clause 13 and Annexes D, F; profiles IEC/IEEE 61850-9-3, IEEE C37.238-2011 and -2017, IEEE 802.1AS), on Ethernet
// and UDP. Version 1 (IEEE 1588-2002) is named. Each frame is a record, as long as it says; padding may follow.
//
// Sync, Follow_Up and the delay messages are a stream: the first of a port is said, then a summary (once a second at most, of 16 messages at
// least) and breaches. An Announce is said when it is a port's first or says something else than its last; Signaling and Management always.
// Function: messageType; Management's sub-function is its action; version 1: 0x100 | control; changed, breach, summary as below.
//   station     clock identity of the source, as the key of its text
//   origin      what an Announce calls the grandmaster, the same way
//   qualifier   domain | majorSdoId << 8 | flagField << 16
//   tag         sequenceId; of an answer that of its question
#include "dissectors/words.h"

namespace vidra::ptp {
namespace {

constexpr uint16_t v1 = 0x100, changed = 0x200, breach = 0x201, summary = 0x202;
constexpr Function functions[] = {
    {0, 0xffff, "Sync", Act::time},
    {1, 0xffff, "Delay_Req", Act::time},
    {2, 0xffff, "Pdelay_Req", Act::time},
    {3, 0xffff, "Pdelay_Resp", Act::time},
    {8, 0xffff, "Follow_Up", Act::time},
    {9, 0xffff, "Delay_Resp", Act::time},
    {10, 0xffff, "Pdelay_Resp_Follow_Up", Act::time},
    {11, 0xffff, "Announce", Act::time},
    {12, 0xffff, "Signaling", Act::session},
    {13, 0, "Management GET", Act::read},
    {13, 1, "Management SET", Act::configure},
    {13, 2, "Management RESPONSE", Act::configure},
    {13, 3, "Management COMMAND", Act::configure},
    {13, 4, "Management ACKNOWLEDGE", Act::configure},
    {13, 0xffff, "Management", Act::configure},
    {v1 + 0, 0xffff, "version 1 Sync", Act::time},
    {v1 + 1, 0xffff, "version 1 Delay_Req", Act::time},
    {v1 + 2, 0xffff, "version 1 Follow_Up", Act::time},
    {v1 + 3, 0xffff, "version 1 Delay_Resp", Act::time},
    {v1 + 4, 0xffff, "version 1 Management", Act::configure},
    {changed, 1, "changed grandmaster", Act::time},
    {changed, 2, "changed clock quality", Act::time},
    {changed, 3, "changed UTC offset or time flags", Act::time},
    {changed, 4, "changed priorities or steps removed", Act::time},
    {changed, 0xffff, "changed", Act::time},
    {breach, 1, "breach, sequence", Act::time},
    {breach, 2, "breach, Follow_Up without its Sync", Act::time},
    {breach, 3, "breach, correction", Act::time},
    {breach, 4, "breach, clock stepped", Act::time},
    {breach, 0xffff, "breach", Act::time},
    {summary, 0xffff, "summary", Act::time},
};

enum Type : uint8_t { sync = 0, delay_req = 1, pdelay_req = 2, pdelay_resp = 3, follow_up = 8, delay_resp = 9, pdelay_resp_follow_up = 10, announce = 11, signaling = 12, management = 13 };
constexpr std::string_view type_names[16] = {"Sync", "Delay_Req", "Pdelay_Req", "Pdelay_Resp", "", "", "", "", "Follow_Up", "Delay_Resp", "Pdelay_Resp_Follow_Up", "Announce", "Signaling", "Management"};
constexpr uint8_t least[16] = {44, 44, 54, 54, 34, 34, 34, 34, 44, 54, 54, 64, 44, 48, 34, 34};
constexpr bool known(uint8_t type) { return !type_names[type & 15].empty(); }
constexpr uint8_t control_of(uint8_t type) { return type == sync ? 0 : type == delay_req ? 1 : type == follow_up ? 2 : type == delay_resp ? 3 : type == management ? 4 : 5; }

constexpr uint16_t time_flags = 0x003f;   // of flagField's second octet; leap61, leap59, …, frequencyTraceable
constexpr Time breach_period = second;
constexpr int64_t odd_correction = second / 10;                          // a residence of 0.1 s is none
constexpr int64_t odd_step = 1 * second;                                 // between what a master's clock and ours say has passed

struct Announced {
  uint64_t grandmaster = 0;
  uint32_t quality = 0;             // clockClass, clockAccuracy, offsetScaledLogVariance
  uint16_t utc_offset = 0, flags = 0, steps = 0;
  uint8_t priority1 = 0, priority2 = 0, source = 0;
  bool operator==(const Announced&) const = default;
};

// One port that was heard in this conversation.
struct Source {
  uint64_t clock = 0;
  uint16_t port = 0;
  uint8_t domain = 0, sdo = 0;
  uint16_t heard = 0;               // bit of each type
  uint16_t sequenced = 0;           // the same: `last` is known
  uint16_t last[4] = {};            // of Sync, Delay_Req, Pdelay_Req, Announce
  Announced announced;
  uint32_t counts[16] = {};         // since the last summary
  uint32_t frames = 0;
  uint32_t breaches = 0;            // not told one by one
  int64_t correction = 0;           // the greatest since the last summary, 2^-16 ns
  Time summed = 0, told = 0, used = 0;
  Time origin = 0, at = 0;          // the last precise time and when it was heard
  bool has_origin = false, has_told = false;
};

class Ptp final : public Parser {
 public:
  Cut next(Side, Bytes octets, bool, bool) override { return {Cut::take, octets.size()}; }

  void parse(Bytes record, Side, Speaker& say) override {
    if (record.size() >= 2 && (record[1] & 15) == 1) return version1(record, say);
    if (stream(record, say)) return;
    sentence(record, say);
  }

  void end(Side side, Speaker& say) override {
    if (side == Side::server) return;
    for (Source& s : sources_)
      if (s.frames) sum_up(s, say);
  }

 private:
  struct Header {
    uint8_t type, sdo, version, domain;
    uint16_t length, flags, port, sequence;
    int64_t correction;
    uint64_t clock;
    uint8_t interval;
  };
  static Header header(Reader& r) {
    Header h;
    const uint8_t first = r.u8();
    h.type = first & 15, h.sdo = first >> 4;
    h.version = r.u8() & 15;
    h.length = r.be16();
    h.domain = r.u8();
    r.skip(1);
    h.flags = r.be16();
    h.correction = int64_t(r.be64());
    r.skip(4);
    h.clock = r.be64();
    h.port = r.be16();
    h.sequence = r.be16();
    r.skip(1);
    h.interval = r.u8();
    return h;
  }

  Source* find(const Header& h, Speaker& say) {
    Source* oldest = &sources_[0];
    for (Source& s : sources_) {
      if (s.heard && s.clock == h.clock && s.port == h.port && s.domain == h.domain && s.sdo == h.sdo) return &s;
      if (!s.heard ? oldest->heard != 0 : oldest->heard && s.used < oldest->used) oldest = &s;
    }
    if (oldest->frames) sum_up(*oldest, say);               // gives way to another
    *oldest = Source{};
    oldest->clock = h.clock, oldest->port = h.port, oldest->domain = h.domain, oldest->sdo = h.sdo;
    oldest->summed = say.time;
    return oldest;
  }

  // Counts a well-formed message of a known port and says what must be said of it. False: it has to be said as a sentence of its own.
  bool stream(Bytes record, Speaker& say) {
    bool bad = false;
    Reader r{record, bad};
    const Header h = header(r);
    if (bad || h.version != 2 || !known(h.type) || h.length < least[h.type] || h.length > record.size() || h.type >= signaling) return false;
    Source& s = *find(h, say);
    const uint16_t bit = uint16_t(1u << h.type);
    const bool new_type = !(s.heard & bit);
    s.heard |= bit;
    s.used = say.time;
    s.counts[h.type]++;
    s.frames++;
    s.correction = std::max(s.correction, h.correction);
    if (!new_type) {
      check(h, s, record, say);
      if (s.frames >= summary_frames && say.time - s.summed >= summary_period) sum_up(s, say);
    } else {
      note(h, s, record, say.time);
    }
    if (h.type != announce) return !new_type;
    Announced now = announced(record, h.flags);
    const Announced before = s.announced;
    s.announced = now;
    if (new_type) return false;
    if (now == before) return true;
    say_announce(record, h, say, changed, now.grandmaster != before.grandmaster ? 1 : now.quality != before.quality ? 2 :
                 now.utc_offset != before.utc_offset || (now.flags ^ before.flags) & time_flags || now.source != before.source ? 3 : 4);
    return true;
  }

  static unsigned slot(uint8_t type) { return type == announce ? 3 : type; }
  static bool sequenced(uint8_t type) { return type <= pdelay_req || type == announce; }

  static void note(const Header& h, Source& s, Bytes record, Time now) {
    if (sequenced(h.type)) s.last[slot(h.type)] = h.sequence, s.sequenced |= uint16_t(1u << h.type);
    if (h.type == follow_up || (h.type == sync && !(h.flags & 0x0200))) s.origin = stamp(record), s.at = now, s.has_origin = true;
  }

  void check(const Header& h, Source& s, Bytes record, Speaker& say) {
    if (sequenced(h.type)) {
      const uint16_t last = s.last[slot(h.type)];
      if (s.sequenced & 1u << h.type && h.sequence != uint16_t(last + 1)) break_rule(h, s, say, 1, "awaited", uint16_t(last + 1));
    }
    if (h.type == follow_up && s.sequenced & 1u << sync && h.sequence != s.last[0]) break_rule(h, s, say, 2, "last Sync", s.last[0]);
    if (h.correction >> 16 >= odd_correction || h.correction < 0) break_rule(h, s, say, 3, "correction, ns", h.correction >> 16);
    const bool precise = h.type == follow_up || (h.type == sync && !(h.flags & 0x0200));
    if (precise && s.has_origin) {
      const int64_t off = (stamp(record) - s.origin) - (say.time - s.at);
      if (off > odd_step || off < -odd_step) break_rule(h, s, say, 4, "by, ns", off);
    }
    note(h, s, record, say.time);
  }

  // One word a second about each port; how many more there were is in the summary.
  static void break_rule(const Header& h, Source& s, Speaker& say, uint16_t rule, std::string_view what, int64_t value) {
    if (s.has_told && say.time - s.told < breach_period) {
      s.breaches++;
      return;
    }
    s.has_told = true;
    s.told = say.time;
    Message& m = head(h, say);
    m.function = breach;
    m.sub_function = rule;
    m.role = Role::report;
    field(say, "of", type_names[h.type]);
    field(say, what).set_integer(value);
    say.end();
  }

  static void sum_up(Source& s, Speaker& say) {
    Message& m = say.begin();
    m.function = summary;
    m.role = Role::report;
    m.act = Act::time;
    m.station = say.text(Word::octets(s.clock, 8, ':'));
    m.qualifier = uint32_t(s.domain) | uint32_t(s.sdo) << 8;
    m.tag = s.frames;
    for (unsigned i = 0; i < 16; i++)
      if (s.counts[i]) field(say, type_names[i]).set_natural(s.counts[i]), s.counts[i] = 0;
    field(say, "over, s").set_real(double(say.time - s.summed) / double(second));
    field(say, "greatest correction, ns").set_real(double(s.correction) / 65'536);
    if (s.breaches) field(say, "further breaches").set_integer(s.breaches);
    if (s.has_origin) {
      Point& p = field(say, "clock");
      p.set_time(s.origin);
      p.time = s.at;
      p.time_kind = TimeKind::full;
    }
    say.end();
    s.frames = s.breaches = 0;
    s.correction = 0;
    s.summed = say.time;
  }

  // Seconds (48 bits) and nanoseconds behind the header.
  static Time stamp(Bytes record) {
    bool bad = false;
    Reader r{record, bad};
    r.skip(34);
    const uint64_t s = be48(r), ns = r.be32();
    return s > uint64_t(INT64_MAX / second) - 1 ? 0 : Time(s) * second + Time(ns);
  }
  static Announced announced(Bytes record, uint16_t flags) {
    bool bad = false;
    Reader r{record, bad};
    r.skip(44);
    Announced a;
    a.flags = flags;
    a.utc_offset = r.be16();
    r.skip(1);
    a.priority1 = r.u8();
    a.quality = r.be32();
    a.priority2 = r.u8();
    a.grandmaster = r.be64();
    a.steps = r.be16();
    a.source = r.u8();
    return a;
  }

  static Message& head(const Header& h, Speaker& say) {
    Message& m = say.begin();
    m.function = h.type;
    m.station = say.text(Word::octets(h.clock, 8, ':'));
    m.tag = h.sequence;
    m.qualifier = uint32_t(h.domain) | uint32_t(h.sdo) << 8 | uint32_t(h.flags) << 16;
    m.act = Act::time;
    switch (h.type) {
      case delay_req: case pdelay_req: m.role = Role::request; break;
      case pdelay_resp: case delay_resp: case pdelay_resp_follow_up: m.role = Role::response; break;
      default: m.role = Role::report;
    }
    return m;
  }

  static Word port_identity(uint64_t clock, uint16_t port) {
    Word w = Word::octets(clock, 8, ':');
    w.put(" port %u", unsigned(port));
    return w;
  }

  void say_announce(Bytes record, const Header& h, Speaker& say, uint16_t function, uint16_t sub) {
    const Announced a = announced(record, h.flags);
    Message& m = head(h, say);
    m.function = function;
    m.sub_function = sub;
    const Word grandmaster = Word::octets(a.grandmaster, 8, ':');
    m.origin = say.text(grandmaster);
    m.has_origin = true;
    field(say, "grandmaster", grandmaster);
    field(say, "port").set_natural(h.port);
    field(say, "domain").set_natural(h.domain);
    field(say, "priority 1").set_natural(a.priority1);
    field(say, "class").set_natural(a.quality >> 24);
    field(say, "accuracy").set_bits(a.quality >> 16 & 255, 8);
    field(say, "variance").set_natural(a.quality & 0xffff);
    field(say, "priority 2").set_natural(a.priority2);
    field(say, "steps removed").set_natural(a.steps);
    field(say, "UTC offset").set_integer(int16_t(a.utc_offset));
    constexpr std::string_view flags[] = {"leap second added", "leap second removed", "UTC offset valid", "PTP timescale", "time traceable", "frequency traceable", "synchronisation uncertain"};
    for (unsigned i = 0; i < std::size(flags); i++)
      if (i >= 2 && i <= 5 ? true : h.flags >> i & 1) field(say, flags[i]).set(h.flags >> i & 1);
    constexpr uint8_t sources[] = {0x10, 0x20, 0x30, 0x39, 0x40, 0x50, 0x60, 0x90, 0xa0};
    constexpr std::string_view source_names[] = {"atomic clock", "satellites", "terrestrial radio", "serial time code", "PTP", "NTP", "set by hand", "other", "internal oscillator"};
    const auto at = std::find(std::begin(sources), std::end(sources), a.source);
    field(say, "time source", at == std::end(sources) ? std::string_view(Word::number("", a.source)) : source_names[at - std::begin(sources)]);
    Reader r{record.first(h.length), m.malformed};
    r.skip(64);
    tlvs(r, say);
    say.end();
  }

  // Types and lengths that follow (clause 14). Those that tell of a profile, and those that ask for something.
  static void tlvs(Reader& r, Speaker& say) {
    while (r.left() >= 4 && r.ok()) {
      const uint16_t type = r.be16();
      Reader v = r.sub(r.be16());
      if (!r.ok()) return;
      switch (type) {
        case 3: case 0x4000: case 0x8000: {
          const uint32_t organisation = v.be24(), sub = v.be24();
          if (!v.ok()) return;
          if (organisation == 0x1c129d && (sub == 1 || sub == 2)) {
            const uint16_t id = v.be16();
            const uint32_t first = v.be32(), second_word = v.be32();
            if (!v.ok()) return;
            field(say, "profile", sub == 1 ? "C37.238-2011" : "C37.238-2017");
            field(say, "grandmaster id").set_natural(id);
            if (sub == 1) field(say, "grandmaster inaccuracy, ns").set_natural(first), field(say, "network inaccuracy, ns").set_natural(second_word);
            else field(say, "total inaccuracy, ns").set_natural(second_word);
          } else if (organisation == 0x0080c2) {
            field(say, "profile", "802.1AS");
          } else {
            field(say, Word::number("extension of organisation ", organisation)).set_octets(v.left());
          }
          break;
        }
        case 4: case 5: {
          constexpr std::string_view what[] = {"requests unicast", "grants unicast"};
          const uint8_t message = v.u8() >> 4, interval = v.u8();
          const uint32_t duration = v.be32();
          if (!v.ok()) return;
          Point& p = field(say, what[type - 4]);
          p.set_text(say.text(type_names[message]));
          p.duration = duration > 4'000'000 ? 0xffffffff : duration * 1000;
          p.qualifier = interval;
          break;
        }
        case 6: field(say, "cancels unicast").set(true); break;
        case 7: field(say, "acknowledges the cancel").set(true); break;
        case 8: {
          if (v.left() % 8) return;
          field(say, "path, clocks").set_natural(v.left() / 8);
          break;
        }
        case 9: {
          v.skip(1);
          const int32_t offset = int32_t(v.be32());
          if (v.ok()) field(say, "local time offset, s").set_integer(offset);
          break;
        }
        case 0x2000: case 0x8009: field(say, "authenticated").set(true); break;
        default: field(say, Word::number("TLV ", type)).set_octets(v.left());
      }
    }
    r.rest();
  }

  void sentence(Bytes record, Speaker& say) {
    bool bad = false;
    Reader r{record, bad};
    const Header h = header(r);
    r.require(h.version == 2 && known(h.type) && h.length >= least[h.type] && h.length <= record.size());
    if (!bad && h.type == announce) return say_announce(record, h, say, announce, 0);
    Message& m = head(h, say);
    m.malformed = bad;
    if (bad) {
      if (!known(h.type)) m.function = 0;
      return say.end();
    }
    Reader body{record.first(h.length), m.malformed};
    body.skip(34);
    field(say, "port").set_natural(h.port);
    field(say, "domain").set_natural(h.domain);
    if (h.correction) field(say, "correction, ns").set_real(double(h.correction) / 65'536);
    if (h.type <= delay_resp || h.type == pdelay_resp_follow_up) {
      const Time at = stamp(record);
      body.skip(10);
      const bool tells = h.type == follow_up || h.type == delay_resp || h.type == pdelay_resp || h.type == pdelay_resp_follow_up || (h.type == sync && at);
      if (tells) field(say, h.type == sync || h.type == follow_up ? "origin time" : "received").set_time(at);
      if (h.type == sync) field(say, "two-step").set(h.flags & 0x0200);
      if (h.type == pdelay_resp || h.type == delay_resp || h.type == pdelay_resp_follow_up) to(body, "asked by", say);
      if (h.type == pdelay_req) body.skip(10);
      if (h.type != pdelay_req || body) tlvs(body, say);
    } else if (h.type == signaling) {
      m.act = Act::session;
      to(body, "to", say);
      tlvs(body, say);
    } else {
      manage(body, m, say);
    }
    say.end();
  }

  static void to(Reader& r, std::string_view name, Speaker& say) {
    const uint64_t clock = r.be64();
    const uint16_t port = r.be16();
    if (!r.ok()) return;
    if (clock == ~uint64_t{0}) field(say, name, "all");
    else field(say, name, port_identity(clock, port));
  }

  // Management identifiers, table 59 of 1588-2019; those that move a clock or a port are commands or settings of the time.
  struct Id { uint16_t id; std::string_view name; };
  static constexpr Id ids[] = {
      {0x0000, "null"}, {0x0001, "clock description"}, {0x0002, "user description"}, {0x0003, "save in non-volatile storage"}, {0x0004, "reset non-volatile storage"},
      {0x0005, "initialize"}, {0x0006, "fault log"}, {0x0007, "reset fault log"}, {0x2000, "default data set"}, {0x2001, "current data set"}, {0x2002, "parent data set"},
      {0x2003, "time properties data set"}, {0x2004, "port data set"}, {0x2005, "priority 1"}, {0x2006, "priority 2"}, {0x2007, "domain"}, {0x2008, "slave only"},
      {0x2009, "log announce interval"}, {0x200a, "announce receipt timeout"}, {0x200b, "log sync interval"}, {0x200c, "version number"}, {0x200d, "enable port"},
      {0x200e, "disable port"}, {0x200f, "time"}, {0x2010, "clock accuracy"}, {0x2011, "UTC properties"}, {0x2012, "traceability properties"}, {0x2013, "timescale properties"},
      {0x2014, "unicast negotiation"}, {0x2015, "path trace list"}, {0x2016, "path trace"}, {0x2017, "grandmaster cluster table"}, {0x2018, "unicast master table"},
      {0x2019, "unicast master maximum table size"}, {0x201a, "acceptable master table"}, {0x201b, "acceptable master table enabled"}, {0x201c, "acceptable master maximum table size"},
      {0x201d, "alternate master"}, {0x201e, "alternate time offset"}, {0x201f, "alternate time offset name"}, {0x2020, "alternate time offset maximum key"},
      {0x2021, "alternate time offset properties"}, {0x4000, "transparent clock default data set"}, {0x4001, "transparent clock port data set"}, {0x4002, "primary domain"},
      {0x6000, "delay mechanism"}, {0x6001, "log minimum pdelay request interval"},
  };
  static std::string_view id_name(uint16_t id) {
    for (const Id& i : ids) if (i.id == id) return i.name;
    return {};
  }

  static void manage(Reader& r, Message& m, Speaker& say) {
    to(r, "to", say);
    r.skip(2);                                              // hops
    m.sub_function = r.u8() & 15;
    r.skip(1);
    r.require(m.sub_function <= 4);
    m.role = m.sub_function == 2 || m.sub_function == 4 ? Role::response : Role::request;
    m.act = m.sub_function == 0 ? Act::read : Act::configure;
    if (!r) return;
    const uint16_t type = r.be16();
    Reader v = r.sub(r.be16());
    if (type == 2) {
      m.refused = true;
      m.reason = v.be16();
    }
    const uint16_t id = v.be16();
    if (!v.ok()) return;
    if (id == 0x200f && m.sub_function == 1) m.act = Act::time;
    if (id == 0x0005 || id == 0x200d || id == 0x200e) m.act = m.sub_function == 3 ? Act::run : m.act;
    const std::string_view name = id_name(id);
    field(say, "concerns", name.empty() ? std::string_view(Word::number("identifier ", id)) : name);
    if (type != 2 && v.left()) field(say, "data").set_octets(v.left());
    m.retained = type != 2 && v.left() > 0;
  }

  // 1588-2002: version, network version, subdomain, type, source (technology, UUID, port), sequence, control, flags.
  static void version1(Bytes record, Speaker& say) {
    Message& m = say.begin();
    m.role = Role::report;
    m.act = Act::time;
    Reader r{record, m.malformed};
    r.skip(4);
    const Bytes subdomain = r.bytes(16);
    r.skip(2);
    const uint64_t uuid = be48(r);
    r.skip(2);
    m.tag = r.be16();
    const uint8_t control = r.u8();
    r.skip(7);
    r.require(control <= 4);
    constexpr uint16_t sizes[] = {124, 124, 52, 60, 60};
    if (control <= 4) r.require(record.size() >= sizes[control]);
    m.function = uint16_t(v1 + (control <= 4 ? control : 0));
    if (control == 1) m.role = Role::request;
    if (control == 3) m.role = Role::response;
    if (control == 4) m.act = Act::configure;
    if (!m.malformed) m.station = say.text(Word::mac(uuid)), field(say, "subdomain", Word::written(subdomain));
    say.end();
  }

  Source sources_[8];
};

std::string_view reason_name(uint16_t reason) {
  constexpr std::string_view names[] = {"", "response too big", "no such identifier", "wrong length", "wrong value", "not settable", "not supported", "unpopulated"};
  return reason < std::size(names) ? names[reason] : reason == 0xfffe ? "general error" : std::string_view{};
}

Recognised recognises(Bytes up, Bytes down, Carrier carrier) {
  const Bytes b = up.empty() ? down : up;
  if (carrier != Carrier::ethertype && carrier != Carrier::udp) return {};
  if (b.size() < 34) return {};
  const Recognised::Client client = Recognised::unknown;
  const uint8_t type = b[0] & 15;
  const size_t length = size_t(b[2]) << 8 | b[3];
  if ((b[1] & 15) == 1) {
    const bool is = b[0] == 0 && b.size() >= 52 && b[20] >= 1 && b[20] <= 2 && b[32] <= 4 && b[2] == 0 && b[3] == 1;
    return {is ? Recognised::maybe : Recognised::no, client};
  }
  if ((b[1] & 15) != 2 || !known(type)) return {};
  const bool whole = length >= least[type] && length <= b.size() && b.size() - length <= (carrier == Carrier::udp ? 16 : 60);
  const bool control = b[32] == control_of(type) || b[32] == 0;
  if (!whole || !control) return {carrier == Carrier::ethertype ? Recognised::maybe : Recognised::no, client};
  const bool port = (b[28] | b[29]) != 0, minor = b[1] >> 4 <= 1;
  const bool interval = int8_t(b[33]) >= -10 && (int8_t(b[33]) <= 10 || b[33] == 0x7f);
  return {port && minor && interval && b[32] == control_of(type) ? Recognised::yes : Recognised::maybe, client};
}

Parser* open(Pool& pool) { return pool.make<Ptp>(); }

constexpr Port ports[] = {{Carrier::ethertype, 0x88f7}, {Carrier::udp, 319}, {Carrier::udp, 320}};

}  // namespace

extern const Protocol protocol;
const Protocol protocol = {"ptp", "PTP", ports, recognises, open, functions, {}, reason_name,
                           "IEEE 1588-2019 and -2008, 13 and 14, Annexes D, E and F; IEEE C37.238-2011 and -2017; IEC/IEEE 61850-9-3; IEEE 1588-2002 by name",
                           "the contents of management data sets, of authentication and of other organisations' extensions; version 1 beyond its header"};

}  // namespace vidra::ptp
