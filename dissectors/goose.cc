// SPDX-License-Identifier: Apache-2.0
// GOOSE and GSE management (IEC 61850-8-1:2011+A1:2020, 18 and annex C; ISO 9506-2's Data) on EtherTypes 0x88B8 and 0x88B9, R-GOOSE over UDP
// 102 (annex G; IEC TR 61850-90-5). A record is one frame behind its EtherType, or one datagram. Each control block is followed: a frame
// that only repeats the one before is counted; a new state, a breach of the rules and, once a second, a summary are said. What
// IEC 62351-6 adds is said by name and kept opaque.
#include <algorithm>
#include <array>
#include <limits>

#include "dissectors/iec61850.h"
#include "dissectors/r_session.h"

namespace vidra::goose {
namespace {

enum Says : uint16_t { changed = 256, summary = 257, breach = 258, gse = 259, session = 260 };
enum Change : uint16_t { first_heard = 1, new_state = 2, restarted = 3 };
enum Session : uint16_t { ciphered = 1, tunnelled = 2, managed = 3, foreign = 4 };

// What a publisher should not do, in the order in which it is said.
enum Breach : uint16_t {
  not_well_formed = 1, expired, rev_changed, set_changed, id_changed, appid_changed, simulation_changed, test_changed, commissioning_changed,
  security_changed, key_changed, spdu_jumped, spdu_back, entries_differ, types_changed,
  st_jumped, st_back, sq_jumped, sq_repeated, sq_back, sq_not_zero, values_changed, nothing_changed, t_changed, t_back, t_same, forgotten,
  breaches
};
constexpr std::string_view breach_names[breaches] = {
    "", "not well formed", "time allowed to live expired", "confRev changed", "datSet changed", "goID changed", "APPID changed", "simulation bit changed",
    "test changed", "ndsCom changed", "security changed", "key changed", "SPDU number jumped", "SPDU number went back",
    "numDatSetEntries is not the number of values", "types of values changed",
    "stNum jumped", "stNum went back", "sqNum jumped", "sqNum repeated", "sqNum went back", "sqNum not 0 in a new state",
    "values changed without a new stNum", "new stNum without changed values", "t changed without a new stNum", "t went back", "new stNum with the same t",
    "too many control blocks, one forgotten"};

constexpr auto functions = [] {
  std::array<Function, 4 + 1 + breaches + 7 + 5> all{};
  size_t n = 0;
  const auto row = [&](uint16_t number, uint16_t sub, std::string_view name, Act act) { all[n++] = {number, sub, name, act}; };
  row(changed, first_heard, "first heard", Act::report);
  row(changed, new_state, "changed", Act::report);
  row(changed, restarted, "restarted", Act::report);
  row(changed, 0xffff, "changed", Act::report);
  row(summary, 0xffff, "summary", Act::other);
  for (uint16_t i = 1; i < breaches; i++) row(breach, i, breach_names[i], i == values_changed ? Act::report : Act::other);
  row(breach, 0xffff, "breach", Act::other);
  row(gse, 0, "GSE not supported", Act::browse);
  row(gse, 1, "GetGoReference", Act::browse);
  row(gse, 2, "GetGOOSEElementNumber", Act::browse);
  row(gse, 3, "GetGsReference", Act::browse);
  row(gse, 4, "GetGSSEDataOffset", Act::browse);
  row(gse, 5, "GSE management", Act::browse);
  row(gse, 0xffff, "GSE management", Act::browse);
  row(session, ciphered, "encrypted session payload", Act::report);
  row(session, tunnelled, "session tunnel", Act::report);
  row(session, managed, "session management", Act::other);
  row(session, foreign, "session payload of another kind", Act::report);
  row(session, 0xffff, "session", Act::other);
  return all;
}();
static_assert(functions.back().number == session);

constexpr uint32_t value_changed = 1, in_structure = 2;   // in a member's qualifier: other than in the state before; part of a structure
constexpr size_t most_streams = 64;           // control blocks followed in one conversation
constexpr uint32_t most_said = 64;            // breaches of one control block said in a second; the others are counted
constexpr uint32_t most_firsts = 256;         // control blocks heard first, and what has none, in a second

// One GOOSE message as it was read. `octets` runs from the APPID, or from a session payload's simulation octet, to the end.
struct Unit {
  Bytes octets, reference, set, id, data, t;
  uint32_t live = 0, st = 0, sq = 0, revision = 0, entries = 0;
  uint16_t appid = 0;
  size_t sq_at = 0, sq_octets = 0;    // of sqNum's contents in `octets`
  size_t security = 0;                // octets of what IEC 62351-6 adds
  bool simulated = false, test = false, commissioning = false, is_signed = false, routed = false;
  uint32_t spdu = 0, key = 0;
  bool secured() const { return security != 0 || is_signed; }
};

bool same(Bytes a, Bytes b) { return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin()); }

// 8-1, 18.2.2 and annex A.1: IECGoosePdu. Its parts stand in the order of their tags; [7] and [9] default to FALSE, goID may be absent.
void goose_pdu(Reader body, Unit& u) {
  const auto number = [](Reader b) {
    const uint64_t v = unsigned_of(b);
    b.require(v <= 0xffffffff);
    return uint32_t(v);
  };
  const auto flag = [](Reader b) {
    b.require(b.left() == 1);
    return b.u8() != 0;
  };
  constexpr unsigned needed = 0b1101'0111'0111;
  unsigned heard = 0;
  while (body) {
    const Tlv f = tlv(body);
    const unsigned n = f.tag & 0x1f;
    body.require((f.tag == (0x80 | n) || f.tag == (0xa0 | n)) && n <= 12 && heard < 1u << n);   // none twice, none out of order
    if (!body.ok()) return;
    heard |= 1u << n;
    switch (n) {
      case 0: u.reference = f.body.peek(); break;
      case 1: u.live = number(f.body); break;
      case 2: u.set = f.body.peek(); break;
      case 3: u.id = f.body.peek(); break;
      case 4: body.require(f.body.left() == 8), u.t = f.body.peek(); break;
      case 5: u.st = number(f.body); break;
      case 6:
        u.sq = number(f.body);
        u.sq_at = size_t(f.body.peek().data() - u.octets.data()), u.sq_octets = f.body.left();
        break;
      case 7: u.test = flag(f.body); break;
      case 8: u.revision = number(f.body); break;
      case 9: u.commissioning = flag(f.body); break;
      case 10: u.entries = number(f.body); break;
      case 11: u.data = f.body.peek(); break;
      case 12: u.security += f.body.left() + 2; break;
    }
  }
  body.require((heard & needed) == needed);
}

// ---- values

constexpr uint32_t bit_string = 0x84, utc_time = 0x91;
bool is_quality(const Point& p) { return p.form == bit_string && p.kind == ValueKind::bits && p.width == 13; }
bool is_time(const Point& p) { return p.form == utc_time; }

// With fixed lengths (8-1, A.3) a sign octet may stand before eight others.
void leaf(uint32_t tag, Reader b, Point& p, Speaker& say) {
  if (tag == 0x85 && b.left() == 9) {
    const uint8_t sign = b.u8();
    b.require(sign == (b.peek().front() & 0x80 ? 0xff : 0));
  }
  iec61850::leaf(tag, b, p, say);
}

// Data's elements as points, one a value: `form` is the tag. A member that is a structure has its further values numbered in the upper five
// bits of the position; quality and time in it are said with the values before them. `before` is allData of the state before.
class Values {
 public:
  Values(Speaker& say, uint64_t set) : say_(say), set_(set) {}

  void all(Reader r, Bytes before) {
    bool strange = false;
    Reader old{before, strange};
    const size_t begin = say_.points().size();
    for (position_ = 0; r; position_++) {
      values_ = 0;
      element(r, before.empty() ? nullptr : &old, 0);
    }
    if (say_.points().size() > begin) pair(say_.points().subspan(begin));
  }

 private:
  static constexpr uint32_t most_positions = 0x7ff, most_parts = 28;   // three more parts belong to commands (mms)

  void element(Reader& r, Reader* old, int depth) {
    Tlv t = tlv(r);
    r.require(depth < ber_depth);
    if (!r.ok()) return;
    Tlv was{0, Reader{{}, nothing_}};
    if (old) {
      was = tlv(*old);
      if (was.tag != t.tag) old = nullptr;               // of another shape: nothing to hold it against
    }
    if ((t.tag & ~0x20u) == 0x81 || (t.tag & ~0x20u) == 0x82) return structure(t.body, old ? &was.body : nullptr, depth);
    const uint32_t part = std::min(values_++, most_parts);
    Point& p = say_.point(Object::of_member(set_, uint16_t(std::min(position_, most_positions) | part << 11)));
    p.form = uint16_t(t.tag);
    p.qualifier = (part ? in_structure : 0) | (old && !same(t.body.peek(), was.body.peek()) ? value_changed : 0);
    Reader b = t.body;
    if (t.tag == 0x88) p.set_octets(b.left());           // REAL of ASN.1: counted
    else leaf(t.tag, b, p, say_);
    if (!r.ok()) say_.drop_point();
  }

  void structure(Reader& r, Reader* old, int depth) {
    const size_t begin = say_.points().size();
    bool qualified = false;
    while (r) {
      const size_t here = say_.points().size();
      element(r, old, depth + 1);
      if (say_.points().size() != here + 1) continue;    // a structure in it, with its own quality; or cut off
      // 61850-7-3: quality and time belong to what stands before them in the same structure.
      say_.points().back().qualifier |= in_structure;
      const Point last = say_.points().back();
      const bool quality = is_quality(last);
      if (here == 0 || begin >= here || !(quality || (qualified && is_time(last)))) continue;
      for (Point& p : say_.points().subspan(begin, here - begin)) {
        if (quality) p.quality |= last.quality;
        else p.time = last.time, p.time_kind = last.time_kind, p.time_flags = last.time_flags;
        p.qualifier |= quality ? last.qualifier & value_changed : 0;
      }
      qualified = true;
      say_.drop_point(), values_--;
    }
  }

  // In a flat dataset (stVal, q, stVal, q …) a quality belongs to the value before it, unless the order is another one.
  static void pair(std::span<Point> all) {
    const auto whole = [](const Point& p) { return !(p.qualifier & in_structure); };
    if (is_quality(all.front())) return;
    for (size_t i = 1; i < all.size(); i++) {
      if (!is_quality(all[i]) || !whole(all[i]) || !whole(all[i - 1]) || is_quality(all[i - 1]) || is_time(all[i - 1])) continue;
      if (i + 1 < all.size() && is_quality(all[i + 1]) && whole(all[i + 1])) continue;
      Point& value = all[i - 1];
      value.quality |= all[i].quality;
      if (i + 1 == all.size() || !is_time(all[i + 1]) || !whole(all[i + 1])) continue;
      value.time = all[i + 1].time, value.time_kind = all[i + 1].time_kind, value.time_flags = all[i + 1].time_flags;
    }
  }

  Speaker& say_;
  uint64_t set_;
  uint32_t position_ = 0, values_ = 0;
  bool nothing_ = false;
};

// How many members allData has; the reader's flag tells whether all of it is well formed. Says nothing.
uint32_t count(Reader r, Speaker& say, int depth = 0) {
  uint32_t n = 0;
  for (; r; n++) {
    Tlv t = tlv(r);
    const uint32_t kind = t.tag & ~0x20u;
    r.require(depth < ber_depth);
    if (!r.ok()) break;
    Point scratch;
    if (kind == 0x81 || kind == 0x82) count(t.body, say, depth + 1);
    else if (t.tag != 0x88) leaf(t.tag, t.body, scratch, say);
  }
  return n;
}

// Whether two allData have the same types in the same order, whatever their values.
bool same_types(Reader a, Reader b, int depth = 0) {
  while (a && b) {
    const Tlv x = tlv(a), y = tlv(b);
    if (x.tag != y.tag || depth > ber_depth) return false;
    const uint32_t kind = x.tag & ~0x20u;
    if ((kind == 0x81 || kind == 0x82) && !same_types(x.body, y.body, depth + 1)) return false;
    if (kind == 0x84 && x.body.left() != y.body.left()) return false;
  }
  return !a && !b;
}

Time t_of(Bytes t, uint8_t& flags) {
  bool bad = false;
  return iec61850::utc_time(Reader{t, bad}, flags);
}
uint64_t raw_of(Bytes t) {
  bool bad = false;
  Reader r{t, bad};
  return r.be64();
}

// One control block of one publisher.
struct Stream {
  uint64_t key = 0;
  Unit last;                            // its Bytes lie in `kept`
  Time heard = 0, told = 0;
  Time shortest = 0, longest = 0;       // between frames, since the last summary
  uint32_t frames = 0, in_order = 0, states = 0, restarts = 0, said = 0;
  uint32_t counts[breaches] = {};       // since the last summary
  uint32_t members = 0;                 // of allData
  uint8_t* kept = nullptr;              // the last frame's octets, of the pool
  size_t room = 0;
};

class Goose final : public Parser {
 public:
  explicit Goose(Pool& pool) : pool_(&pool) {}
  ~Goose() override {
    for (size_t i = 0; i < used_; i++) pool_->give(streams_[i]->kept), pool_->unmake(streams_[i]);
  }

  Cut next(Side, Bytes octets, bool, bool) override { return {Cut::take, octets.size()}; }   // never asked: each frame is a record

  void parse(Bytes record, Side from, Speaker& say) override {
    if (r_session::begins(record)) [[unlikely]] return routed(record, from, say);
    bool bad = false;
    Reader r{record, bad};
    const uint32_t head = r.be32();                       // APPID, length: the whole frame's, these octets included (8-1, C.3)
    const uint32_t reserved = r.be32();
    if (!bad && (head & 0xffff) == record.size()) [[likely]] {
      if (repeats(record, from, nullptr, say)) [[likely]] return;
    }
    Unit u;
    u.appid = uint16_t(head >> 16);
    u.simulated = reserved >> 31;
    u.octets = record;
    const bool lies = (head & 0xffff) != record.size();   // what can be understood is
    const size_t extension = reserved >> 16 & 0xff;       // IEC 62351-6: octets behind the APDU
    const Bytes rest = r.peek();
    if (!rest.empty() && rest[0] == 0x60) return management(r, u, lies, say);
    Tlv apdu = tlv(r);
    r.require(apdu.tag == 0x61);
    if (extension && extension == r.left()) u.security += r.rest().size();
    else if (extension) u.security += extension, r.require(!r);   // outside the stated length: not here
    if (apdu.tag == 0x61) goose_pdu(apdu.body, u);
    r.finish();
    if (bad && u.reference.empty() && !rest.empty() && rest[0] == 0x61) {   // the PDU is longer than what there is: what there is
      bool cut = false;
      Reader part{rest, cut};
      part.skip(1);
      const uint8_t n = part.u8();
      if (n > 0x80) part.skip(n & 0x7f);
      goose_pdu(part, u);
    }
    hear(u, bad || lies, from, say);
  }

  void end(Side from, Speaker& say) override {
    for (size_t i = 0; i < used_; i++)
      if (streams_[i]->frames && side_of(keys_[i]) == from) sum(*streams_[i], say);
  }

 private:
  static Side side_of(uint64_t key) { return key >> 63 ? Side::server : Side::client; }
  static uint64_t key_of(Bytes reference, Side from) { return text_key(text_of(reference)) | (from == Side::server ? uint64_t{1} << 63 : 0); }

  Stream* find(uint64_t key) {
    for (size_t i = 0; i < used_; i++)
      if (keys_[i] == key) return streams_[i];
    return nullptr;
  }

  // The reference of a message, looked for in front: enough to find its stream.
  static Bytes reference_of(Bytes unit, size_t header) {
    bool bad = false;
    Reader r{unit, bad};
    r.skip(header + 1);
    const uint8_t n = r.u8();
    if (n > 0x80) r.skip(n & 0x7f);
    if (r.u8() != 0x80) return {};
    return r.bytes(r.u8());
  }

  // The steady state: but for sqNum, which is one more, the octets of the last frame, in time. True if so, and all is done.
  bool repeats(Bytes unit, Side from, const r_session::Session* session, Speaker& say) {
    Stream* s = recent_;
    if (!s || !alike(*s, unit, from, session)) {
      const Bytes reference = reference_of(unit, session ? 5 : 8);
      if (reference.empty()) return false;
      s = find(key_of(reference, from));
      if (!s || !alike(*s, unit, from, session)) return false;
      recent_ = s;
    }
    bool bad = false;
    Reader r{unit.subspan(s->last.sq_at, s->last.sq_octets), bad};
    uint64_t sq = 0;
    while (r) sq = sq << 8 | r.u8();
    const Time passed = say.time - s->heard;
    if (sq != uint64_t{s->last.sq} + 1 || passed > Time(s->last.live) * millisecond) return false;
    s->last.sq = uint32_t(sq);
    if (session) s->last.spdu = session->number;
    s->heard = say.time;
    s->frames++, s->in_order++;
    if (passed < s->shortest) s->shortest = passed;
    if (passed > s->longest) s->longest = passed;
    if (say.time - s->told >= second) [[unlikely]] sum(*s, say);
    return true;
  }
  static bool alike(const Stream& s, Bytes unit, Side from, const r_session::Session* session) {
    const Unit& l = s.last;
    if (unit.size() != l.octets.size() || side_of(s.key) != from || l.routed != (session != nullptr)) return false;
    if (session && (session->number != l.spdu + 1 || session->key != l.key || session->is_signed != l.is_signed)) return false;
    const size_t behind = l.sq_at + l.sq_octets;
    return !std::memcmp(unit.data(), l.octets.data(), l.sq_at) && !std::memcmp(unit.data() + behind, l.octets.data() + behind, unit.size() - behind);
  }

  void routed(Bytes record, Side from, Speaker& say) {
    bool bad = false;
    Reader r{record, bad};
    const r_session::Session s = r_session::read(r);
    if (bad) {
      Message& m = begin(say, breach, not_well_formed, Act::other);
      m.malformed = true;
      return say.end();
    }
    if (s.ciphered || s.kind != r_session::goose) {
      if (!may_say(say.time)) return;
      Message& m = begin(say, session, s.ciphered ? ciphered : s.kind == r_session::tunnel ? tunnelled : s.kind == r_session::management ? managed : foreign,
                         s.kind == r_session::management ? Act::other : Act::report);
      m.encrypted = s.ciphered || s.is_signed;
      m.sequence = s.number;
      head_of(s, say);
      say.point(say.named("payload")).set_octets(s.payload.size());
      return say.end();
    }
    Reader payload{s.payload, bad};
    for (unsigned n = 0; payload; n++) {
      const uint8_t tag = payload.u8();
      if (tag == 0xaf) { payload.skip(payload.u8()); continue; }   // padding
      const Bytes from_here = payload.peek();
      Unit u;
      u.simulated = payload.u8() != 0;
      u.appid = payload.be16();
      const size_t length = payload.be16();
      payload.require(tag >= r_session::goose_payload && tag <= r_session::management_payload);
      const Bytes pdu = payload.bytes(length);
      u.octets = from_here.first(std::min(from_here.size(), 5 + pdu.size()));
      if (bad || tag != r_session::goose_payload) {
        if (!bad && !may_say(say.time)) continue;
        Message& m = begin(say, bad ? breach : session, bad ? uint16_t(not_well_formed) : uint16_t(foreign), Act::other);
        m.malformed = bad;
        say.end();
        continue;
      }
      if (n == 0 && repeats(u.octets, from, &s, say)) continue;
      u.routed = true, u.spdu = s.number, u.key = s.key, u.is_signed = s.is_signed;
      bool wrong = false;
      Reader whole{pdu, wrong};
      Tlv apdu = tlv(whole);
      whole.require(apdu.tag == 0x61);
      if (apdu.tag == 0x61) goose_pdu(apdu.body, u);
      whole.finish();
      hear(u, wrong, from, say);
    }
  }
  static void head_of(const r_session::Session& s, Speaker& say) {
    number(say, "SPDU number", s.number);
    number(say, "session version", s.version);
    number(say, "key identifier", s.key);
    if (s.key_time) say.point(say.named("time of the current key")).set_time(Time(s.key_time) * second);
    if (s.next_key) number(say, "minutes to the next key", s.next_key);
  }

  // ---- sentences

  static void number(Speaker& say, std::string_view name, uint64_t v) { say.point(say.named(name)).set_natural(v); }
  static void integer(Speaker& say, std::string_view name, int64_t v) { say.point(say.named(name)).set_integer(v); }
  static void real(Speaker& say, std::string_view name, double v) { say.point(say.named(name)).set_real(v); }
  static void flag(Speaker& say, std::string_view name, bool v) { say.point(say.named(name)).set(v); }
  static void time(Speaker& say, std::string_view name, Bytes t) {
    if (t.size() != 8) return;
    Point& p = say.point(say.named(name));
    p.set_time(t_of(t, p.time_flags));
    p.time = Time(p.raw), p.time_kind = TimeKind::full;
    p.qualifier = t[7];                                   // the quality of the clock: three flags and five bits of accuracy
  }

  static Message& begin(Speaker& say, uint16_t function, uint16_t sub, Act act) {
    Message& m = say.begin();
    m.function = function;
    m.sub_function = sub;
    m.role = Role::report;
    m.act = act;
    return m;
  }
  static Message& begin(Speaker& say, const Unit& u, uint16_t function, uint16_t sub, Act act) {
    Message& m = begin(say, function, sub, act);
    if (!u.reference.empty()) m.station = say.text(text_of(u.reference));
    m.tag = u.st;
    m.sequence = u.sq;
    m.qualifier = u.revision;
    m.simulated = u.simulated;
    m.test = u.test;
    m.encrypted = u.secured();
    return m;
  }
  // What stands around the values.
  static void frame(Speaker& say, const Unit& u) {
    time(say, "t", u.t);
    number(say, "timeAllowedtoLive", u.live);
    say.point(say.named("datSet")).set_text(say.text(text_of(u.set)));
    if (!u.id.empty()) say.point(say.named("goID")).set_text(say.text(text_of(u.id)));
    number(say, "confRev", u.revision);
    number(say, "APPID", u.appid);
    number(say, "numDatSetEntries", u.entries);
    if (u.commissioning) flag(say, "ndsCom", true);
    if (u.security) say.point(say.named("security")).set_octets(u.security);
    if (u.routed) number(say, "SPDU number", u.spdu), number(say, "key identifier", u.key);
  }
  // A state with all its values.
  static void state(Speaker& say, const Unit& u, uint16_t function, uint16_t sub, Bytes before, bool malformed = false) {
    begin(say, u, function, sub, malformed ? Act::other : Act::report).malformed = malformed;
    number(say, "stNum", u.st);
    number(say, "sqNum", u.sq);
    bool cut = false;
    Values(say, text_key(text_of(u.set))).all({u.data, cut}, before);
    frame(say, u);
    say.end();
  }

  // Counts a breach; true if it is to be said too.
  static bool note(Stream& s, Breach b) {
    s.counts[b]++;
    if (s.said >= most_said) return false;
    s.said++;
    return true;
  }
  static void numbers(Speaker& say, Stream& s, const Unit& u, Breach b, std::string_view name, uint64_t was, uint64_t is) {
    if (!note(s, b)) return;
    begin(say, u, breach, b, Act::other);
    std::array<char, 48> words;
    const size_t n = std::min(name.size(), words.size() - 7);
    std::copy_n(name.begin(), n, words.begin());
    std::copy_n(" before", 7, words.begin() + long(n));
    number(say, {words.data(), n + 7}, was);
    number(say, name, is);
    say.end();
  }
  void entries(Speaker& say, Stream& s, const Unit& u) const {
    if (!note(s, entries_differ)) return;
    begin(say, u, breach, entries_differ, Act::other);
    number(say, "numDatSetEntries", u.entries);
    number(say, "values", members_);
    say.end();
  }
  static void texts(Speaker& say, Stream& s, const Unit& u, Breach b, std::string_view was_name, std::string_view name, Bytes was, Bytes is) {
    if (!note(s, b)) return;
    begin(say, u, breach, b, Act::other);
    say.point(say.named(was_name)).set_text(say.text(text_of(was)));
    say.point(say.named(name)).set_text(say.text(text_of(is)));
    say.end();
  }
  static void flags(Speaker& say, Stream& s, const Unit& u, Breach b, std::string_view name, bool is) {
    if (!note(s, b)) return;
    begin(say, u, breach, b, Act::other);
    flag(say, name, is);
    say.end();
  }
  static void times(Speaker& say, Stream& s, const Unit& u, Breach b) {
    if (!note(s, b)) return;
    begin(say, u, breach, b, Act::other);
    time(say, "t before", s.last.t);
    time(say, "t", u.t);
    say.end();
  }

  static void sum(Stream& s, Speaker& say) {
    begin(say, s.last, summary, 0, Act::other);
    number(say, "frames", s.frames);                      // natural: a count since the last summary
    integer(say, "stNum", s.last.st);
    integer(say, "timeAllowedtoLive", s.last.live);
    if (s.longest && s.longest == s.shortest) {
      real(say, "interval (ms)", double(s.longest) / double(millisecond));
    } else if (s.longest) {
      real(say, "shortest interval (ms)", double(s.shortest) / double(millisecond));
      real(say, "longest interval (ms)", double(s.longest) / double(millisecond));
    }
    if (s.in_order) number(say, "sqNum one more", s.in_order);
    if (s.states) number(say, "stNum one more", s.states);
    if (s.restarts) number(say, "restarted", s.restarts);
    for (uint16_t b = 1; b < breaches; b++)
      if (s.counts[b]) number(say, breach_names[b], s.counts[b]);
    say.end();
    s.told = say.time;
    s.frames = s.in_order = s.states = s.restarts = s.said = 0;
    s.shortest = std::numeric_limits<Time>::max(), s.longest = 0;
    std::fill(std::begin(s.counts), std::end(s.counts), 0);
  }

  // ---- one message that is not the last one's repetition

  void hear(Unit& u, bool bad, Side from, Speaker& say) {
    Stream* s = bad ? nullptr : find(key_of(u.reference, from));
    const bool known = s && same(u.data, s->last.data);   // values that were looked at before
    if (!known && !bad) members_ = count({u.data, bad}, say);   // are they well formed, and as many as said?
    else if (known) members_ = s->members;
    if (bad) {
      return state(say, u, breach, not_well_formed, {}, true);
    }
    if (!s) return first(u, from, say);
    recent_ = s;
    const Unit& l = s->last;
    const Time passed = say.time - s->heard;
    const bool late = passed > Time(l.live) * millisecond;
    s->frames++;
    s->shortest = std::min(s->shortest, passed), s->longest = std::max(s->longest, passed);
    if (late && note(*s, expired)) {
      begin(say, u, breach, expired, Act::other);
      number(say, "silence (ms)", uint64_t(passed / millisecond));
      number(say, "timeAllowedtoLive", l.live);
      say.end();
    }
    if (u.revision != l.revision) numbers(say, *s, u, rev_changed, "confRev", l.revision, u.revision);
    if (!same(u.set, l.set)) texts(say, *s, u, set_changed, "datSet before", "datSet", l.set, u.set);
    if (!same(u.id, l.id)) texts(say, *s, u, id_changed, "goID before", "goID", l.id, u.id);
    if (u.appid != l.appid) numbers(say, *s, u, appid_changed, "APPID", l.appid, u.appid);
    if (u.simulated != l.simulated) flags(say, *s, u, simulation_changed, "simulation", u.simulated);
    if (u.test != l.test) flags(say, *s, u, test_changed, "test", u.test);
    if (u.commissioning != l.commissioning) flags(say, *s, u, commissioning_changed, "ndsCom", u.commissioning);
    if (u.secured() != l.secured()) flags(say, *s, u, security_changed, "secured", u.secured());
    if (u.routed && u.key != l.key) numbers(say, *s, u, key_changed, "key identifier", l.key, u.key);
    if (u.routed && u.spdu != l.spdu + 1) numbers(say, *s, u, u.spdu - l.spdu < 1u << 31 && u.spdu != l.spdu ? spdu_jumped : spdu_back, "SPDU number", l.spdu, u.spdu);
    if (members_ != u.entries && (members_ != s->members || u.entries != l.entries)) entries(say, *s, u);
    if (!known) {
      bool strange = false;
      if (!same_types({l.data, strange}, {u.data, strange})) flags(say, *s, u, types_changed, "types as before", false);
    }
    // 18.2.3: stNum rises with each change, then sqNum is 0; sqNum rises with each repetition. After a restart stNum is 1.
    if (late && u.st == 1 && u.sq <= 1 && (l.st != 1 || u.sq <= l.sq)) {
      s->restarts++;
      state(say, u, changed, restarted, l.data);
    } else if (u.st == l.st) {
      if (u.sq == l.sq + 1 || (l.sq == 0xffffffff && u.sq == 1)) s->in_order++;
      else numbers(say, *s, u, u.sq == l.sq ? sq_repeated : u.sq > l.sq ? sq_jumped : sq_back, "sqNum", l.sq, u.sq);
      if (!same(u.t, l.t)) times(say, *s, u, t_changed);
      if (!known && note(*s, values_changed)) state(say, u, breach, values_changed, l.data);
    } else {
      if (u.st == l.st + 1 || (l.st == 0xffffffff && u.st == 1)) s->states++;
      else numbers(say, *s, u, u.st > l.st ? st_jumped : st_back, "stNum", l.st, u.st);
      if (u.sq != 0) numbers(say, *s, u, sq_not_zero, "sqNum", l.sq, u.sq);
      if (known && note(*s, nothing_changed)) begin(say, u, breach, nothing_changed, Act::other), number(say, "stNum", u.st), say.end();
      if (same(u.t, l.t)) times(say, *s, u, t_same);
      else if (raw_of(u.t) >> 8 < raw_of(l.t) >> 8) times(say, *s, u, t_back);
      state(say, u, changed, new_state, l.data);
    }
    if (!keep(*s, u)) return forget(*s);
    s->heard = say.time;
    if (say.time - s->told >= second) sum(*s, say);
  }

  void first(Unit& u, Side from, Speaker& say) {
    Stream* s = make(say);
    if (s && !keep(*s, u)) forget(*s), s = nullptr;
    if (s) {
      s->key = keys_[used_ - 1] = key_of(u.reference, from);
      s->heard = s->told = say.time;
      s->frames = 1;
      recent_ = s;
    }
    if (!may_say(say.time)) return;
    state(say, u, changed, first_heard, {});
    if (!s) return;
    if (members_ != u.entries) entries(say, *s, u);
  }

  // A place at the end of the table; where it is full, that of the control block heard longest ago.
  Stream* make(Speaker& say) {
    if (used_ == most_streams) {
      Stream* oldest = *std::min_element(streams_, streams_ + used_, [](const Stream* a, const Stream* b) { return a->heard < b->heard; });
      if (may_say(say.time)) {
        begin(say, oldest->last, breach, forgotten, Act::other);
        number(say, "frames", oldest->frames);
        say.end();
      }
      forget(*oldest);
    }
    Stream* s = pool_->make<Stream>();
    if (!s) return nullptr;
    s->shortest = std::numeric_limits<Time>::max();
    streams_[used_] = s, keys_[used_] = 0;
    used_++;
    return s;
  }
  void forget(Stream& s) {
    size_t i = 0;
    while (streams_[i] != &s) i++;
    used_--;
    streams_[i] = streams_[used_], keys_[i] = keys_[used_];
    recent_ = nullptr;
    pool_->give(s.kept);
    pool_->unmake(&s);
  }

  // Takes the message as the stream's last one; false where the pool is at its limit.
  bool keep(Stream& s, const Unit& u) {
    if (s.room < u.octets.size()) {
      pool_->give(s.kept);
      s.room = (u.octets.size() + 63) / 64 * 64;
      s.kept = static_cast<uint8_t*>(pool_->take(s.room));
      if (!s.kept) return s.room = 0, false;
    }
    std::copy(u.octets.begin(), u.octets.end(), s.kept);
    const auto moved = [&](Bytes b) { return b.empty() ? Bytes{} : Bytes{s.kept + (b.data() - u.octets.data()), b.size()}; };
    s.last = u;
    s.members = members_;
    s.last.octets = {s.kept, u.octets.size()};
    for (Bytes Unit::*part : {&Unit::reference, &Unit::set, &Unit::id, &Unit::data, &Unit::t}) s.last.*part = moved(u.*part);
    return true;
  }

  bool may_say(Time now) {
    if (now - window_ >= second || now < window_) window_ = now, window_said_ = 0;
    return window_said_++ < most_firsts;
  }

  // ---- 8-1, 18.3: GSE management. What a control block's members are called, and where they lie.

  void management(Reader& r, const Unit& u, bool lies, Speaker& say) {
    Message& m = begin(say, gse, 5, Act::browse);
    m.role = Role::request;
    m.simulated = u.simulated;
    bool& bad = m.malformed;
    Reader all{r.peek(), bad};
    Tlv pdu = tlv(all);
    all.finish();
    Tlv id = tlv(pdu.body);
    pdu.body.require(id.tag == 0x80);
    m.tag = uint32_t(unsigned_of(id.body));
    Tlv way = tlv(pdu.body);
    pdu.body.require(way.tag == 0xa1 || way.tag == 0xa2);
    pdu.body.finish();
    if (way.tag == 0xa2) m.role = Role::response;
    Tlv service = tlv(way.body);
    way.body.finish();
    const uint32_t which = service.tag & 0x1f;
    all.require((service.tag & 0xc0) == 0x80 && which <= 4);
    if (which <= 4) m.sub_function = uint16_t(which);
    m.refused = which == 0;
    if (which == 0) service.body.rest();
    while (service.body) {
      Tlv f = tlv(service.body);
      switch (f.tag) {
        case 0x80: m.station = say.text(text_of(f.body.rest())); break;
        case 0xa1: case 0xa2: gse_results(f.body, say, 0); break;
        case 0x81: m.qualifier = uint32_t(unsigned_of(f.body)); break;      // confRev
        case 0x83: m.refused = true, m.reason = uint16_t(unsigned_of(f.body)); break;
        default: all.require(false);
      }
    }
    bad |= lies;
    say.end();
  }
  static void gse_results(Reader& r, Speaker& say, int depth) {
    while (r) {
      Tlv f = tlv(r);
      r.require(depth < 4);
      if (f.tag & 0x20) { gse_results(f.body, say, depth + 1); continue; }
      const uint32_t kind = f.tag & 0x1f;
      if (f.tag == 0x02 || (f.tag == 0x80 && f.body.left() <= 4)) number(say, "offset", unsigned_of(f.body));
      else if (f.tag == 0x82) number(say, "error", unsigned_of(f.body));
      else if (f.tag == 0x1a || f.tag == 0x16 || kind <= 1) say.point(say.named("reference")).set_text(say.text(text_of(f.body.rest())));
      else r.require(false);
    }
  }

  Pool* pool_;
  Stream* streams_[most_streams] = {};
  uint64_t keys_[most_streams] = {};
  size_t used_ = 0;
  Stream* recent_ = nullptr;
  uint32_t members_ = 0;                 // of the message being heard
  Time window_ = 0;
  uint32_t window_said_ = 0;
};

Recognised recognises(Bytes up, Bytes down, Carrier carrier) {
  const Bytes b = up.empty() ? down : up;
  Recognised::Client client = up.empty() ? Recognised::down : Recognised::up;          // who publishes
  if (carrier == Carrier::udp) {
    const bool sure = r_session::looks_like(b, r_session::goose) || r_session::looks_like(b, r_session::tunnel) || r_session::looks_like(b, r_session::management);
    return {sure ? Recognised::yes : r_session::begins(b) && b[2] != r_session::sampled_values ? Recognised::maybe : Recognised::no, client};
  }
  if (carrier != Carrier::ethertype || b.empty()) return {};
  bool bad = false;
  Reader r{b, bad};
  r.skip(2);
  const uint16_t length = r.be16();
  r.skip(4);
  Tlv pdu = tlv(r);
  const bool fits = length == b.size() && !bad;
  const Bytes inner = pdu.body.peek();
  bool sure = fits && pdu.tag == 0x61 && !inner.empty() && inner[0] == 0x80;
  if (fits && pdu.tag == 0x60 && !inner.empty() && inner[0] == 0x80) {      // GSE management; a savPdu's [2] is a sequence
    tlv(pdu.body);
    Tlv way = tlv(pdu.body);
    const Bytes service = way.body.peek();
    sure = !bad && (way.tag == 0xa1 || way.tag == 0xa2) && !service.empty() && service[0] != 0x30;
    if (sure && way.tag == 0xa2) client = client == Recognised::up ? Recognised::down : Recognised::up;
  }
  return {sure ? Recognised::yes : Recognised::maybe, client};
}

std::string_view note(const Point& p) { return p.object.kind() == ObjectKind::member && p.qualifier & value_changed ? "changed" : ""; }

constexpr Port ports[] = {{Carrier::ethertype, 0x88b8}, {Carrier::ethertype, 0x88b9}, {Carrier::udp, 102}};
Parser* open(Pool& pool) { return pool.make<Goose>(pool); }

}  // namespace

extern const Protocol protocol;
const Protocol protocol = {"goose", "GOOSE", ports, recognises, open, functions, {}, nullptr,
                           "IEC 61850-8-1:2011+A1:2020, 18, annexes A, C and G; IEC TR 61850-90-5:2012, 8; ISO 9506-2 (Data)",
                           "IEC 62351-6's extensions and signatures (present or not is said), encrypted session payloads, tunnels and management sessions", nullptr, note};

}  // namespace vidra::goose
