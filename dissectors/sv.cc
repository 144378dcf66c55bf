// SPDX-License-Identifier: Apache-2.0
// Sampled values (IEC 61850-9-2:2011+A1:2020, 8; UCA 9-2LE; IEC 61869-9:2016) on EtherType 0x88BA, R-SV over UDP 102 (61850-8-1 annex G; IEC TR
// 61850-90-5). A record is one frame behind its EtherType, or one datagram, with one or several ASDUs. Each svID is followed: what was heard
// first, a breach of the rules and, once a second, a summary with each channel's RMS and frequency are said; what only continues is counted.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "dissectors/ber.h"
#include "dissectors/iec61850.h"
#include "dissectors/r_session.h"
#include "dissectors/thrift.h"

namespace vidra::sv {
namespace {

enum Says : uint16_t { changed = 256, summary = 257, breach = 258, session = 260 };
enum Change : uint16_t { first_heard = 1, quality_changed = 2 };
enum Session : uint16_t { ciphered = 1, foreign = 2 };

enum Breach : uint16_t {
  not_well_formed = 1, silent, lost, repeated, back, wrap_changed, rev_changed, synch_changed, set_changed, rate_changed, clock_changed, samples_changed,
  count_differs, appid_changed, simulation_changed, security_changed, key_changed, spdu_jumped, spdu_back, reference_back, forgotten,
  breaches
};
constexpr std::string_view breach_names[breaches] = {
    "", "not well formed", "stream was silent", "samples lost", "smpCnt repeated", "smpCnt went back", "smpCnt wraps elsewhere", "confRev changed",
    "smpSynch changed", "datSet changed", "smpRate or smpMod changed", "gmIdentity changed", "size of a sample changed", "noASDU is not the number of ASDUs",
    "APPID changed", "simulation bit changed", "security changed", "key changed", "SPDU number jumped", "SPDU number went back", "refrTm went back",
    "too many streams, one forgotten"};

constexpr auto functions = [] {
  std::array<Function, 3 + 1 + breaches + 3> all{};
  size_t n = 0;
  const auto row = [&](uint16_t number, uint16_t sub, std::string_view name, Act act) { all[n++] = {number, sub, name, act}; };
  row(changed, first_heard, "first heard", Act::report);
  row(changed, quality_changed, "quality changed", Act::report);
  row(changed, 0xffff, "changed", Act::report);
  row(summary, 0xffff, "summary", Act::other);
  for (uint16_t i = 1; i < breaches; i++) row(breach, i, breach_names[i], Act::other);
  row(breach, 0xffff, "breach", Act::other);
  row(session, ciphered, "encrypted session payload", Act::report);
  row(session, foreign, "session payload of another kind", Act::report);
  row(session, 0xffff, "session", Act::other);
  return all;
}();
static_assert(functions.back().number == session);

constexpr size_t most_streams = 128, most_layouts = 16, most_asdus = 128, most_channels = 32;   // of one conversation; of one frame; of one stream
constexpr size_t longest_layout = 4096;         // octets of a frame that is compared with the one before; a longer one is read whole
constexpr uint32_t most_said = 32;              // breaches of one stream said in a second; the others are counted
constexpr uint32_t most_firsts = 256;           // streams heard first, and what has none, in a second
constexpr Time shortest_silence = 10 * millisecond;
constexpr uint32_t frequency_of = 1u << 16;     // in a channel's number: not its RMS but its frequency
constexpr uint32_t residual_of = 2u << 16;      // the sum of a system's three phases less its neutral

// 9-2, table 14 and 61850-7-3, 6.2, as 32 bits with the validity lowest; bit 13 says that the value is derived.
uint32_t quality_of(uint32_t q) {
  const uint32_t validity = q & 3;
  uint32_t out = validity == 0 ? good : validity == 3 ? questionable : invalid;
  constexpr uint32_t means[] = {overflow, out_of_range, bad_reference, chatter, failure, not_topical, inconsistent, inaccurate, substituted, test_quality, blocked};
  for (unsigned i = 0; i < std::size(means); i++)
    if (q >> (i + 2) & 1) out |= means[i];
  return out;
}
constexpr uint32_t quality_bits = 0x3fff;

// One ASDU as it was read.
struct Asdu {
  Bytes id, set, refresh, clock, sample;
  uint32_t revision = 0;
  uint16_t count = 0, rate = 0, mode = 0;
  uint8_t synch = 0;
  bool has_rate = false, has_mode = false;
  size_t count_at = 0, sample_at = 0, refresh_at = 0;   // in the unit
};

// One frame as it was read. `octets` runs from the APPID, or from a session payload's simulation octet, to the end.
struct Unit {
  Bytes octets;
  uint16_t appid = 0;
  uint32_t stated = 0;               // noASDU
  size_t asdus = 0;                  // those that follow are not followed beyond most_asdus
  size_t security = 0;
  bool simulated = false, is_signed = false, routed = false;
  std::array<Asdu, most_asdus> asdu;
  bool secured() const { return security != 0 || is_signed; }
};

// A sample of pairs, each an INT32 and a quality: 9-2LE's dataset, 61869-9's. Else the layout is known to the SCD alone.
bool in_pairs(Bytes sample) {
  if (sample.empty() || sample.size() % 8) return false;
  bool bad = false;
  Reader r{sample, bad};
  while (r) {
    r.skip(4);
    if (r.be32() & ~quality_bits) return false;
  }
  return true;
}

// A sample of INT32s, each with a time stamp behind it that lies within a day of now: measurements sent as samples, at a low rate.
bool is_stamped(Bytes sample, Time now) {
  if (sample.empty() || sample.size() % 12) return false;
  bool bad = false;
  Reader r{sample, bad};
  while (r) {
    r.skip(4);
    const Time t = Time(r.be32()) * second;
    r.skip(4);
    if (t < now - day || t > now + day) return false;
  }
  return true;
}
// Octets from one channel to the next: 8 with a quality, 12 with a time; 0 where the layout is not known.
uint8_t stride_of(Bytes sample, Time now) { return in_pairs(sample) ? 8 : is_stamped(sample, now) ? 12 : 0; }

// 9-2, 8.5 and table 13: savPdu. What IEC 61869-9 and edition 2.1 add (smpMod, gmIdentity) stands at the end.
void sav_pdu(Reader body, Unit& u) {
  const auto at = [&u](Bytes b) { return size_t(b.data() - u.octets.data()); };
  Tlv number = tlv(body);
  body.require(number.tag == 0x80);
  const uint64_t stated = unsigned_of(number.body);
  body.require(stated > 0 && stated <= 0xffff);
  u.stated = uint32_t(stated);
  Tlv next = tlv(body);
  if (next.tag == 0x81 || next.tag == 0xa1) u.security += next.body.left() + 2, next = tlv(body);
  body.require(next.tag == 0xa2);
  body.finish();
  while (next.body) {
    Tlv sequence = tlv(next.body);
    body.require(sequence.tag == 0x30);
    Asdu spare;
    Asdu& a = u.asdus < most_asdus ? u.asdu[u.asdus] : spare;
    a = {};
    unsigned heard = 0;
    while (sequence.body) {
      Tlv f = tlv(sequence.body);
      const unsigned n = f.tag & 0x1f;
      body.require(f.tag == (0x80 | n) && n <= 9 && heard < 1u << n);
      if (!body.ok()) return;
      heard |= 1u << n;
      const Bytes octets = f.body.peek();
      switch (n) {
        case 0: a.id = octets; break;
        case 1: a.set = octets; break;
        case 2: body.require(octets.size() == 2), a.count = f.body.be16(), a.count_at = at(octets); break;
        case 3: body.require(octets.size() == 4), a.revision = f.body.be32(); break;
        case 4: body.require(octets.size() == 8), a.refresh = octets, a.refresh_at = at(octets); break;
        case 5: body.require(octets.size() == 1), a.synch = f.body.u8(); break;
        case 6: body.require(octets.size() == 2), a.rate = f.body.be16(), a.has_rate = true; break;
        case 7: a.sample = octets, a.sample_at = at(octets); break;
        case 8: body.require(octets.size() == 2), a.mode = f.body.be16(), a.has_mode = true; break;
        case 9: body.require(octets.size() == 8), a.clock = octets; break;
      }
    }
    constexpr unsigned needed = 0b1010'1101;           // svID, smpCnt, confRev, smpSynch, sample
    body.require((heard & needed) == needed);
    u.asdus++;
  }
  u.asdus = std::min(u.asdus, most_asdus);
}

// What is worked out of a stream's channels between two summaries.
struct Channels {
  std::array<double, most_channels> squares;
  std::array<int32_t, most_channels> before;
  std::array<double, most_channels> crossed_first, crossed;   // where it last rose through zero, in samples; below 0: not yet
  std::array<double, most_channels> shortest, longest;        // between two of them
  std::array<uint32_t, most_channels> periods;
  double residual[2];                                         // squares, of channels 1-4 and 5-8 where there are just eight
  uint32_t below;                                             // bit c: channel c was negative
  uint32_t taken;                                             // samples
  bool brief;                                                 // some were left out: no frequency
};

// One svID of one publisher.
struct Stream {
  uint64_t key = 0;
  std::array<char, Texts::limit> id;
  uint8_t id_octets = 0;
  Time heard = 0, told = 0;
  uint16_t count = 0, next = 0, appid = 0;
  uint32_t wrap = 0, wraps_there = 0, seen_wrap = 0;   // smpCnt returns to 0 after wrap - 1; 0: not learned. What was seen instead, and how often
  uint32_t revision = 0, stated = 0;
  uint16_t rate = 0, mode = 0;
  uint8_t synch = 0, channels = 0, stride = 0;
  bool has_rate = false, has_mode = false, has_clock = false, simulated = false, secured = false;
  uint64_t set = 0, clock = 0, refresh = 0;
  uint32_t sample_octets = 0, layout = 0;
  uint64_t at = 0;                     // samples since the stream was first heard, the lost ones among them
  Time began = -1;                     // of the last smpCnt 0, within its second; below 0: not heard
  uint32_t samples = 0, in_order = 0, wraps = 0, said = 0, gone = 0;   // since the last summary
  uint32_t counts[breaches] = {};
  std::array<uint32_t, most_channels> quality;
  Channels sums;

  std::string_view name() const { return {id.data(), id_octets}; }
  void begin_sums() {
    sums.squares.fill(0);
    sums.crossed.fill(-1), sums.crossed_first.fill(-1);
    sums.shortest.fill(std::numeric_limits<double>::max()), sums.longest.fill(0);
    sums.periods.fill(0);
    sums.residual[0] = sums.residual[1] = 0;
    sums.taken = 0;
    sums.brief = false;
  }
};

// What frames of one kind have in common: all but the octets whose mask is 0 are the same in each.
struct Layout {
  struct Slot { Stream* stream; uint16_t count_at, sample_at; };
  uint16_t octets = 0, slots = 0;
  bool routed = false;
  Side from = Side::client;
  uint64_t key = 0;                    // of the first svID
  Time heard = 0, told = 0;
  Time period = 0;                     // mean between frames in the last second; 0: not known
  Time shortest = 0, longest = 0;
  double deviation = 0, deviations = 0;   // from the period: sum, and of squares, ns
  uint32_t frames = 0;
  uint32_t filled = 0;                 // the streams know the layout that spoke of them last by this number
  Slot* slot = nullptr;                // behind the frame and the mask, in one piece of the pool
  uint64_t* frame = nullptr;           // in words of eight octets, the last one filled with zeros
  uint64_t* mask = nullptr;

  static size_t words(size_t octets) { return (octets + 7) / 8; }
  bool alike(Bytes unit) const {
    const size_t whole = octets / 8;
    uint64_t differs = 0;
    const uint8_t* at = unit.data();
    for (size_t i = 0; i < whole; i++, at += 8) {
      uint64_t w;
      std::memcpy(&w, at, 8);
      differs |= (w ^ frame[i]) & mask[i];
    }
    if (octets % 8) {
      uint64_t w = 0;
      std::memcpy(&w, at, octets % 8);
      differs |= (w ^ frame[whole]) & mask[whole];
    }
    return !differs;
  }
};

class Sv final : public Parser {
 public:
  explicit Sv(Pool& pool) : pool_(&pool), thrift_(pool.shared<Thrift>()) {}
  ~Sv() override {
    for (size_t i = 0; i < layouts_used_; i++) pool_->give(layouts_[i].frame);
    for (size_t i = 0; i < streams_used_; i++) pool_->unmake(streams_[i]);
    pool_->unmake(unit_);
  }

  Cut next(Side, Bytes octets, bool, bool) override { return {Cut::take, octets.size()}; }   // never asked: each frame is a record

  void parse(Bytes record, Side from, Speaker& say) override {
    if (r_session::begins(record)) [[unlikely]] return routed(record, from, say);
    if (continues(record, from, false, say)) [[likely]] return;
    Unit* u = unit();
    if (!u) return;
    bool bad = false;
    Reader r{record, bad};
    u->octets = record;
    u->appid = r.be16();
    const bool lies = r.be16() != record.size();          // the whole frame's length, these octets included (9-2, annex A)
    const uint16_t reserved = r.be16();
    r.skip(2);
    u->simulated = reserved >> 15;
    Tlv apdu = tlv(r);
    r.require(apdu.tag == 0x60);
    const size_t extension = reserved & 0xff;             // IEC 62351-6: octets behind the APDU
    if (extension && extension == r.left()) u->security += r.rest().size();
    else if (extension) u->security += extension;
    r.finish();
    if (apdu.tag == 0x60) sav_pdu(apdu.body, *u);
    hear(*u, bad || lies, from, say);
  }

  void end(Side from, Speaker& say) override {
    for (size_t i = 0; i < layouts_used_; i++)
      if (layouts_[i].from == from) sum(layouts_[i], say, false);
    for (size_t i = 0; i < streams_used_; i++)            // those whose frames are too long to be compared
      if (streams_[i]->samples && side_of(streams_[i]->key) == from) sum(*streams_[i], nullptr, say);
  }

 private:
  static Side side_of(uint64_t key) { return key >> 63 ? Side::server : Side::client; }
  static uint64_t key_of(Bytes id, Side from) { return text_key(text_of(id)) | (from == Side::server ? uint64_t{1} << 63 : 0); }
  Unit* unit() {                                          // what one frame says is read into, too large for the stack
    if (!unit_) unit_ = pool_->make<Unit>();
    if (!unit_) return nullptr;
    unit_->stated = 0, unit_->asdus = 0, unit_->security = 0;
    unit_->simulated = unit_->is_signed = unit_->routed = false;
    return unit_;
  }

  // ---- the steady state: the frame before's octets, but for the counters, times and samples

  bool continues(Bytes unit, Side from, bool in_session, Speaker& say) {
    Layout* l = recent_ < layouts_used_ ? &layouts_[recent_] : nullptr;
    const auto fits = [&](const Layout& x) { return x.octets == unit.size() && x.from == from && x.routed == in_session && x.alike(unit); };
    if (!l || !fits(*l)) {
      l = std::find_if(layouts_, layouts_ + layouts_used_, fits);
      if (l == layouts_ + layouts_used_) return false;
      recent_ = size_t(l - layouts_);
    }
    for (const Layout::Slot* s = l->slot; s != l->slot + l->slots; s++)
      if (s->stream->layout != l->filled) return false;  // frames of another kind were between
    paced(*l, say);
    for (const Layout::Slot* s = l->slot; s != l->slot + l->slots; s++) {
      bool bad = false;
      Reader at{unit.subspan(s->count_at, 2), bad};
      const uint16_t count = at.be16();
      Stream& stream = *s->stream;
      if (count != stream.next) [[unlikely]] {
        if (!odd(stream, count, say)) continue;
      } else {
        stream.in_order += count != 0, stream.wraps += count == 0;
        stream.at++;
      }
      took(stream, count, say.time);
      if (!stream.channels) continue;
      if (thrift_ && thrift_->samples) [[unlikely]] {
        if (stream.at % Thrift::kept) thrift_->samples_left_out++;
        else squares(stream, unit.subspan(s->sample_at, size_t{stream.channels} * stream.stride));
        continue;
      }
      sample(stream, unit.subspan(s->sample_at, size_t{stream.channels} * stream.stride));
    }
    if (say.time - l->told >= second) [[unlikely]] sum(*l, say, true);
    return true;
  }

  // Time between frames; a silence is one by the stream's own measure.
  void paced(Layout& l, Speaker& say) {
    const Time passed = say.time - l.heard;
    if (passed > shortest_silence && l.period && passed > 4 * l.period) [[unlikely]] {
      for (size_t i = 0; i < l.slots; i++) {
        if (!first_of_its_stream(l, i)) continue;
        Stream& s = *l.slot[i].stream;
        if (!note(s, silent)) continue;
        begin(say, s, breach, silent, Act::other);
        number(say, "silence (us)", uint64_t(passed / microsecond));
        number(say, "interval before (us)", uint64_t(l.period / microsecond));
        say.end();
      }
      l.told = std::max(l.told, say.time - second / 2);     // what was before the silence is no rate of what comes
    } else {
      l.shortest = std::min(l.shortest, passed), l.longest = std::max(l.longest, passed);
      const double d = double(passed - l.period);
      l.deviation += d, l.deviations += d * d;
      l.frames++;
    }
    l.heard = say.time;
  }
  static bool first_of_its_stream(const Layout& l, size_t i) {
    for (size_t k = 0; k < i; k++)
      if (l.slot[k].stream == l.slot[i].stream) return false;
    return true;
  }

  void took(Stream& s, uint16_t count, Time now) {
    s.count = count;
    s.next = s.wrap && uint32_t{count} + 1 == s.wrap ? uint16_t{0} : uint16_t(count + 1);
    if (!count) s.began = now % second;
    s.samples++;
    s.heard = now;
  }

  // smpCnt is not the one awaited. False where the sample is none of the row: said already, or from behind.
  bool odd(Stream& s, uint16_t count, Speaker& say) {
    const uint32_t span = s.wrap ? s.wrap : 65'536;
    if (count == 0 && (!s.wrap || uint32_t{s.count} + 1 > s.wrap)) {      // returned to 0: that is where it does
      if (s.wrap) numbers(say, s, wrap_changed, "smpCnt returns after", s.wrap, uint64_t{s.count} + 1, count);
      s.wrap = uint32_t{s.count} + 1;
      s.wraps++, s.at++;
      return true;
    }
    if (count == s.count) {
      numbers(say, s, repeated, "smpCnt", s.count, count, count);
      s.samples++, s.heard = say.time;
      return false;
    }
    if (count >= span) {                                                  // beyond the end: it ends elsewhere now
      numbers(say, s, wrap_changed, "smpCnt", s.count, count, count);
      s.wrap = 0;
      s.at++;
      return true;
    }
    if (count == 0) {                                                     // too early, twice at the same place: it has moved
      s.wraps_there = s.seen_wrap == uint32_t{s.count} + 1 ? s.wraps_there + 1 : 1;
      s.seen_wrap = uint32_t{s.count} + 1;
      if (s.wraps_there == 2) {
        numbers(say, s, wrap_changed, "smpCnt returns after", s.wrap, s.seen_wrap, count);
        s.wrap = s.seen_wrap;
        s.wraps++, s.at++;
        return true;
      }
    }
    const uint32_t ahead = (uint32_t{count} + span - s.next) % span;      // how many are missing
    if (ahead < span / 2) {
      s.gone += ahead;
      s.at += ahead + 1;
      if (note(s, lost)) {
        begin(say, s, breach, lost, Act::other, count);
        number(say, "smpCnt before", s.count);
        number(say, "smpCnt", count);
        number(say, "lost", ahead);
        say.end();
      }
      return true;
    }
    numbers(say, s, back, "smpCnt", s.count, count, count);
    took(s, count, say.time);
    s.sums.below = 0;
    return false;
  }

  // One sample of INT32s, each with its quality or time behind it: squares for the RMS, and where a channel rises through zero.
  [[gnu::always_inline]] static void sample(Stream& s, Bytes octets) {
    bool bad = false;
    Reader r{octets, bad};
    Channels& c = s.sums;
    std::array<int32_t, most_channels> v;
    uint32_t below = 0;
    const size_t n = s.channels;
    const bool stamped = s.stride == 12;
    for (size_t i = 0; i < n; i++) {
      v[i] = int32_t(r.be64() >> 32);
      if (stamped) r.skip(4);
      below |= uint32_t(v[i]) >> 31 << i;
      c.squares[i] += double(v[i]) * double(v[i]);
    }
    if (n == 8) {
      const double i = double(v[0]) + double(v[1]) + double(v[2]) - double(v[3]), u = double(v[4]) + double(v[5]) + double(v[6]) - double(v[7]);
      c.residual[0] += i * i, c.residual[1] += u * u;
    }
    uint32_t rising = c.below & ~below;
    c.below = below;
    while (rising) {
      const size_t i = size_t(std::countr_zero(rising));
      rising &= rising - 1;
      const double where = double(s.at) - double(v[i]) / (double(v[i]) - double(c.before[i]));
      if (c.crossed[i] < 0) { c.crossed[i] = c.crossed_first[i] = where; continue; }
      const double period = where - c.crossed[i];
      c.crossed[i] = where;
      c.periods[i]++;
      c.shortest[i] = std::min(c.shortest[i], period), c.longest[i] = std::max(c.longest[i], period);
    }
    std::copy_n(v.begin(), n, c.before.begin());
    c.taken++;
  }

  // The same where samples between were left out: squares only.
  static void squares(Stream& s, Bytes octets) {
    bool bad = false;
    Reader r{octets, bad};
    Channels& c = s.sums;
    double v[8];
    for (size_t i = 0; i < s.channels; i++) {
      const double each = int32_t(r.be64() >> 32);
      if (s.stride == 12) r.skip(4);
      c.squares[i] += each * each;
      if (i < 8) v[i] = each;
    }
    if (s.channels == 8) {
      const double i = v[0] + v[1] + v[2] - v[3], u = v[4] + v[5] + v[6] - v[7];
      c.residual[0] += i * i, c.residual[1] += u * u;
    }
    c.brief = true;
    c.below = 0;                                          // nothing rises from here
    c.taken++;
  }

  // ---- a frame that differs

  void routed(Bytes record, Side from, Speaker& say) {
    bool bad = false;
    Reader r{record, bad};
    const r_session::Session s = r_session::read(r);
    if (bad) return broken(say);
    if (s.ciphered || s.kind != r_session::sampled_values) {
      if (!may_say(say.time)) return;
      Message& m = begin(say, session, s.ciphered ? ciphered : foreign, Act::report);
      m.encrypted = s.ciphered || s.is_signed;
      m.sequence = s.number;
      number(say, "SPDU number", s.number);
      number(say, "key identifier", s.key);
      say.point(say.named("payload")).set_octets(s.payload.size());
      return say.end();
    }
    Way& way = ways_[size_t(from)];
    const Way before = way;
    way = {s.number, s.key, s.is_signed, true};
    const bool row = !before.known || s.number == before.number + 1, same_key = !before.known || (s.key == before.key && s.is_signed == before.is_signed);
    Reader payload{s.payload, bad};
    for (unsigned n = 0; payload; n++) {
      const uint8_t tag = payload.u8();
      if (tag == 0xaf) { payload.skip(payload.u8()); continue; }   // padding
      const Bytes from_here = payload.peek();
      const bool simulated = payload.u8() != 0;
      const uint16_t appid = payload.be16();
      const Bytes pdu = payload.bytes(payload.be16());
      payload.require(tag >= r_session::goose_payload && tag <= r_session::management_payload);
      if (bad) return broken(say);
      if (tag != r_session::sv_payload) {
        if (!may_say(say.time)) continue;
        begin(say, session, foreign, Act::report);
        say.end();
        continue;
      }
      const Bytes octets = from_here.first(5 + pdu.size());
      if (row && same_key && continues(octets, from, true, say)) continue;
      Unit* u = unit();
      if (!u) return;
      u->octets = octets, u->simulated = simulated, u->appid = appid, u->routed = true, u->is_signed = s.is_signed;
      bool wrong = false;
      Reader whole{pdu, wrong};
      Tlv apdu = tlv(whole);
      whole.require(apdu.tag == 0x60);
      whole.finish();
      if (apdu.tag == 0x60) sav_pdu(apdu.body, *u);
      hear(*u, wrong, from, say);
      Stream* of = n == 0 && !wrong && u->asdus ? find(key_of(u->asdu[0].id, from)) : nullptr;
      if (of && !row) numbers(say, *of, s.number - before.number < 1u << 31 && s.number != before.number ? spdu_jumped : spdu_back, "SPDU number", before.number, s.number, of->count);
      if (of && before.known && s.key != before.key) numbers(say, *of, key_changed, "key identifier", before.key, s.key, of->count);
    }
    if (bad) broken(say);
  }

  void hear(Unit& u, bool bad, Side from, Speaker& say) {
    if (bad) {
      const Asdu none, &a = u.asdus ? u.asdu[0] : none;
      Message& m = begin(say, breach, not_well_formed, Act::other);
      m.malformed = true;
      m.simulated = u.simulated;
      if (!a.id.empty()) m.station = say.text(text_of(a.id)), m.sequence = a.count, m.tag = a.synch, m.qualifier = a.revision;
      number(say, "APPID", u.appid);
      if (u.stated) number(say, "noASDU", u.stated);
      return say.end();
    }
    if (Layout* const before = known(u, from)) paced(*before, say);
    bool followed = true;
    for (size_t i = 0; i < u.asdus; i++) {
      const Asdu& a = u.asdu[i];
      const uint64_t key = key_of(a.id, from);
      Stream* s = find(key);
      if (s) again(*s, u, a, say);
      else s = first(u, a, key, say);
      if (!s) { followed = false; continue; }
      if (s->channels) sample(*s, a.sample.first(size_t{s->channels} * s->stride));
    }
    Layout* l = followed ? layout(u, from) : nullptr;      // only now: a stream that was forgotten took its layouts along
    if (l && !fill(*l, u, from, say.time)) drop(*l), l = nullptr;
    if (l) {
      recent_ = size_t(l - layouts_);
      if (say.time - l->told >= second) sum(*l, say, true);
    } else {
      for (size_t i = 0; i < u.asdus; i++)
        if (Stream* s = find(key_of(u.asdu[i].id, from)); s && say.time - s->told >= second) sum(*s, nullptr, say);
    }
  }

  Stream* first(const Unit& u, const Asdu& a, uint64_t key, Speaker& say) {
    if (streams_used_ == most_streams) {
      Stream* oldest = *std::min_element(streams_, streams_ + streams_used_, [](const Stream* x, const Stream* y) { return x->heard < y->heard; });
      if (may_say(say.time)) begin(say, *oldest, breach, forgotten, Act::other), number(say, "samples", oldest->samples), say.end();
      forget(*oldest);
    }
    Stream* s = pool_->make<Stream>();
    if (s) {
      s->key = key;
      s->id_octets = uint8_t(std::min(a.id.size(), s->id.size()));
      std::copy_n(a.id.begin(), s->id_octets, s->id.begin());
      s->told = say.time;
      s->begin_sums();
      s->sums.below = 0;
      describe(*s, u, a, say.time);
      s->at = 1;
      took(*s, a.count, say.time);
      streams_[streams_used_] = s, keys_[streams_used_] = key;
      streams_used_++;
    }
    if (!may_say(say.time)) return s;
    Message& m = begin(say, changed, first_heard, Act::report);
    head(m, say, u, a);
    number(say, "smpCnt", a.count);
    number(say, "smpSynch", a.synch);
    values(say, key, a);
    if (!a.set.empty()) say.point(say.named("datSet")).set_text(say.text(text_of(a.set)));
    number(say, "confRev", a.revision);
    number(say, "APPID", u.appid);
    number(say, "noASDU", u.stated);
    if (a.has_rate) number(say, "smpRate", a.rate);
    if (a.has_mode) number(say, "smpMod", a.mode);
    if (!a.refresh.empty()) {
      bool bad = false;
      Point& p = say.point(say.named("refrTm"));
      p.set_time(iec61850::utc_time(Reader{a.refresh, bad}, p.time_flags));
      p.time = Time(p.raw), p.time_kind = TimeKind::full;
    }
    if (!a.clock.empty()) number(say, "gmIdentity", be64(a.clock));
    if (u.security) say.point(say.named("security")).set_octets(u.security);
    say.end();
    if (s && u.stated != u.asdus) asdus(say, *s, u, a);
    return s;
  }

  static uint64_t be64(Bytes b) {
    bool bad = false;
    Reader r{b, bad};
    return r.be64();
  }

  // What of a frame is kept to hold the next against.
  static void describe(Stream& s, const Unit& u, const Asdu& a, Time now) {
    s.appid = u.appid, s.revision = a.revision, s.stated = u.stated, s.rate = a.rate, s.mode = a.mode, s.synch = a.synch;
    s.has_rate = a.has_rate, s.has_mode = a.has_mode, s.has_clock = !a.clock.empty(), s.simulated = u.simulated, s.secured = u.secured();
    s.set = text_key(text_of(a.set));
    s.clock = a.clock.empty() ? 0 : be64(a.clock);
    s.refresh = a.refresh.empty() ? 0 : be64(a.refresh) >> 8;
    const bool other_size = s.sample_octets != a.sample.size();
    s.sample_octets = uint32_t(a.sample.size());
    s.stride = stride_of(a.sample, now);
    const uint8_t channels = s.stride ? uint8_t(std::min(a.sample.size() / s.stride, most_channels)) : uint8_t{0};
    if (other_size || channels != s.channels) s.begin_sums(), s.sums.below = 0;
    s.channels = channels;
    bool bad = false;
    Reader r{a.sample, bad};
    for (size_t i = 0; i < channels; i++) s.quality[i] = s.stride == 8 ? uint32_t(r.be64()) : 0;
  }

  void again(Stream& s, const Unit& u, const Asdu& a, Speaker& say) {
    const bool in_row = a.count == s.next;
    if (in_row) {
      s.in_order += a.count != 0, s.wraps += a.count == 0, s.at++;
      took(s, a.count, say.time);
    } else if (odd(s, a.count, say)) {
      took(s, a.count, say.time);
    }
    s.heard = say.time;
    if (a.revision != s.revision) numbers(say, s, rev_changed, "confRev", s.revision, a.revision, a.count);
    if (a.synch != s.synch) numbers(say, s, synch_changed, "smpSynch", s.synch, a.synch, a.count, a.synch);
    if (text_key(text_of(a.set)) != s.set) {
      if (note(s, set_changed)) begin(say, s, breach, set_changed, Act::other), say.point(say.named("datSet")).set_text(say.text(text_of(a.set))), say.end();
    }
    if (a.has_rate != s.has_rate || a.rate != s.rate) numbers(say, s, rate_changed, "smpRate", s.rate, a.rate, a.count);
    if (a.has_mode != s.has_mode || a.mode != s.mode) numbers(say, s, rate_changed, "smpMod", s.mode, a.mode, a.count);
    const uint64_t clock = a.clock.empty() ? 0 : be64(a.clock);
    if (a.clock.empty() == s.has_clock || clock != s.clock) numbers(say, s, clock_changed, "gmIdentity", s.clock, clock, a.count);
    if (a.sample.size() != s.sample_octets) numbers(say, s, samples_changed, "octets of a sample", s.sample_octets, a.sample.size(), a.count);
    if (u.stated != s.stated && u.stated != u.asdus) asdus(say, s, u, a);
    if (u.appid != s.appid) numbers(say, s, appid_changed, "APPID", s.appid, u.appid, a.count);
    if (u.simulated != s.simulated) numbers(say, s, simulation_changed, "simulation", s.simulated, u.simulated, a.count);
    if (u.secured() != s.secured) numbers(say, s, security_changed, "secured", s.secured, u.secured(), a.count);
    if (!a.refresh.empty() && be64(a.refresh) >> 8 < s.refresh && note(s, reference_back)) begin(say, s, breach, reference_back, Act::other), say.end();
    bool other_quality = false, bad = false;
    if (s.stride == 8 && a.sample.size() == s.sample_octets) {
      Reader r{a.sample, bad};
      for (size_t i = 0; i < s.channels; i++) other_quality |= uint32_t(r.be64()) != s.quality[i];
    }
    const bool was_paired = s.stride == 8;
    describe(s, u, a, say.time);
    if (!other_quality || !was_paired || s.said >= most_said) return;
    s.said++;
    head(begin(say, changed, quality_changed, Act::report), say, u, a);
    values(say, s.key, a);
    say.end();
  }

  // ---- layouts

  Layout* known(const Unit& u, Side from) {
    if (!u.asdus) return nullptr;
    const uint64_t key = key_of(u.asdu[0].id, from);
    for (size_t i = 0; i < layouts_used_; i++) {
      Layout& l = layouts_[i];
      if (l.octets == u.octets.size() && l.key == key && l.from == from && l.routed == u.routed && l.slots == u.asdus) return &l;
    }
    return nullptr;
  }
  Layout* layout(const Unit& u, Side from) {
    if (!u.asdus || u.octets.size() > longest_layout) return nullptr;
    if (Layout* const l = known(u, from)) return l;
    const uint64_t key = key_of(u.asdu[0].id, from);
    if (layouts_used_ == most_layouts) drop(*std::min_element(layouts_, layouts_ + layouts_used_, [](const Layout& a, const Layout& b) { return a.heard < b.heard; }));
    Layout& l = layouts_[layouts_used_];
    l = {};
    const size_t words = Layout::words(u.octets.size());
    void* const room = pool_->take(2 * 8 * words + u.asdus * sizeof(Layout::Slot));
    if (!room) return nullptr;
    layouts_used_++;
    l.frame = static_cast<uint64_t*>(room);
    l.mask = l.frame + words;
    l.slot = reinterpret_cast<Layout::Slot*>(l.mask + words);
    l.key = key, l.from = from, l.routed = u.routed, l.slots = uint16_t(u.asdus);
    return &l;
  }
  // The frame becomes what the next is held against. False where one of its streams is not followed.
  bool fill(Layout& l, const Unit& u, Side from, Time now) {
    if (!l.octets) {
      l.octets = uint16_t(u.octets.size());
      l.heard = l.told = now;
      l.shortest = std::numeric_limits<Time>::max();
    }
    l.filled = ++filled_;
    const size_t words = Layout::words(l.octets);
    std::fill(l.frame, l.frame + words, 0);
    std::memcpy(l.frame, u.octets.data(), u.octets.size());
    uint8_t* const mask = reinterpret_cast<uint8_t*>(l.mask);
    std::fill(mask, mask + 8 * words, uint8_t{0xff});
    for (size_t i = 0; i < u.asdus; i++) {
      const Asdu& a = u.asdu[i];
      Stream* s = find(key_of(a.id, from));
      if (!s || a.sample.size() != s->sample_octets) return false;     // the second of one svID in this frame may differ
      s->layout = l.filled;
      l.slot[i] = {s, uint16_t(a.count_at), uint16_t(a.sample_at)};
      std::fill_n(mask + a.count_at, 2, uint8_t{0});
      if (!a.refresh.empty()) std::fill_n(mask + a.refresh_at, 8, uint8_t{0});
      if (s->stride != 8) std::fill_n(mask + a.sample_at, a.sample.size(), uint8_t{0});
      else
        for (size_t at = 0; at < a.sample.size(); at += 8) std::fill_n(mask + a.sample_at + at, 4, uint8_t{0});
    }
    return true;
  }
  void drop(Layout& l) {
    pool_->give(l.frame);
    layouts_used_--;
    l = layouts_[layouts_used_];
    recent_ = most_layouts;
  }
  void forget(Stream& s) {
    for (size_t i = layouts_used_; i > 0; i--) {
      Layout& l = layouts_[i - 1];
      if (std::any_of(l.slot, l.slot + l.slots, [&](const Layout::Slot& x) { return x.stream == &s; })) drop(l);
    }
    size_t i = 0;
    while (streams_[i] != &s) i++;
    streams_used_--;
    streams_[i] = streams_[streams_used_], keys_[i] = keys_[streams_used_];
    pool_->unmake(&s);
  }
  Stream* find(uint64_t key) {
    for (size_t i = 0; i < streams_used_; i++)
      if (keys_[i] == key) return streams_[i];
    return nullptr;
  }

  // ---- sentences

  static void number(Speaker& say, std::string_view name, uint64_t v) { say.point(say.named(name)).set_natural(v); }
  static void integer(Speaker& say, std::string_view name, int64_t v) { say.point(say.named(name)).set_integer(v); }
  static void real(Speaker& say, std::string_view name, double v) { say.point(say.named(name)).set_real(v); }
  static Object channel(uint64_t key, uint32_t number) { return Object(ObjectKind::channel, number, uint32_t(key) & 0xffffff); }

  static Message& begin(Speaker& say, uint16_t function, uint16_t sub, Act act) {
    Message& m = say.begin();
    m.function = function;
    m.sub_function = sub;
    m.role = Role::report;
    m.act = act;
    return m;
  }
  static Message& begin(Speaker& say, const Stream& s, uint16_t function, uint16_t sub, Act act) { return begin(say, s, function, sub, act, s.count); }
  static Message& begin(Speaker& say, const Stream& s, uint16_t function, uint16_t sub, Act act, uint16_t count) {
    Message& m = begin(say, function, sub, act);
    m.station = say.text(s.name());
    m.sequence = count;
    m.tag = s.synch;
    m.qualifier = s.revision;
    m.simulated = s.simulated;
    m.encrypted = s.secured;
    return m;
  }
  static void head(Message& m, Speaker& say, const Unit& u, const Asdu& a) {
    m.station = say.text(text_of(a.id));
    m.sequence = a.count;
    m.tag = a.synch;
    m.qualifier = a.revision;
    m.simulated = u.simulated;
    m.encrypted = u.secured();
  }
  static void broken(Speaker& say) {
    begin(say, breach, not_well_formed, Act::other).malformed = true;
    say.end();
  }
  // A sample's channels with their quality; where the layout is not known, how many octets.
  static void values(Speaker& say, uint64_t key, const Asdu& a) {
    const uint8_t stride = stride_of(a.sample, say.time);
    if (!stride) return say.point(say.named("sample")).set_octets(a.sample.size());
    bool bad = false;
    Reader r{a.sample, bad};
    for (uint32_t i = 1; r; i++) {
      Point& p = say.point(channel(key, i));
      p.set_integer(int32_t(r.be32()));
      if (stride == 8) {
        p.qualifier = r.be32();
        p.quality = quality_of(p.qualifier);
      } else {
        p.time = iec61850::utc_time(r.sub(8), p.time_flags), p.time_kind = TimeKind::full;
      }
    }
  }

  static bool note(Stream& s, Breach b) {
    s.counts[b]++;
    if (s.said >= most_said) return false;
    s.said++;
    return true;
  }
  static void numbers(Speaker& say, Stream& s, Breach b, std::string_view name, uint64_t was, uint64_t is, uint16_t count, int synch = -1) {
    if (!note(s, b)) return;
    Message& m = begin(say, s, breach, b, Act::other, count);
    if (synch >= 0) m.tag = uint32_t(synch);
    std::array<char, 48> words;
    const size_t n = std::min(name.size(), words.size() - 7);
    std::copy_n(name.begin(), n, words.begin());
    std::copy_n(" before", 7, words.begin() + long(n));
    number(say, {words.data(), n + 7}, was);
    number(say, name, is);
    say.end();
  }

  static void asdus(Speaker& say, Stream& s, const Unit& u, const Asdu& a) {
    if (!note(s, count_differs)) return;
    begin(say, s, breach, count_differs, Act::other, a.count);
    number(say, "noASDU", u.stated);
    number(say, "ASDUs", u.asdus);
    say.end();
  }

  // Each stream of the layout in turn. `on`: the stream goes on, and its measures begin anew.
  void sum(Layout& l, Speaker& say, bool on) {
    for (size_t i = 0; i < l.slots; i++)
      if (first_of_its_stream(l, i) && l.slot[i].stream->samples) sum(*l.slot[i].stream, &l, say);
    if (!on) return;
    if (l.frames) l.period = std::max<Time>(1, l.period + Time(l.deviation / l.frames));
    l.told = say.time;
    l.frames = 0;
    l.deviation = l.deviations = 0;
    l.shortest = std::numeric_limits<Time>::max(), l.longest = 0;
  }
  static void sum(Stream& s, const Layout* l, Speaker& say) {
    begin(say, s, summary, 0, Act::other);
    number(say, "samples", s.samples);                    // natural: a count since the last summary
    integer(say, "smpSynch", s.synch);
    if (s.gone) number(say, "lost", s.gone);
    for (uint16_t b = 1; b < breaches; b++)
      if (s.counts[b]) number(say, breach_names[b], s.counts[b]);
    const double passed = double(s.heard - s.told) / double(second);
    // Samples a second: by where smpCnt returns, if that is how many come; else by the clock.
    const double measured = passed > 0.2 ? double(s.samples + s.gone) / passed : 0;
    const double rate = s.wrap && (measured == 0 || std::abs(measured - s.wrap) < 0.2 * s.wrap) ? double(s.wrap) : measured;
    const Channels& c = s.sums;
    for (uint32_t i = 0; i < s.channels && c.taken; i++) {
      Point& p = say.point(channel(s.key, i + 1));
      p.set_real(std::sqrt(c.squares[i] / c.taken));
      p.quality = quality_of(s.quality[i]);
    }
    for (uint32_t i = 0; i < s.channels && rate >= 200 && !c.brief; i++) {            // regular zero crossings, and not of one sample each
      if (c.periods[i] < 3 || c.longest[i] > 1.25 * c.shortest[i] || c.shortest[i] < 4) continue;
      const Object o = channel(s.key, frequency_of | (i + 1));
      std::array<char, 32> name;
      const int n = std::snprintf(name.data(), name.size(), "frequency of channel %u", i + 1);
      say.label(o, {name.data(), size_t(n)});
      say.point(o).set_real(c.periods[i] * rate / (c.crossed[i] - c.crossed_first[i]));
    }
    if (s.channels == 8 && c.taken) {
      constexpr std::string_view names[] = {"RMS of channels 1+2+3-4", "RMS of channels 5+6+7-8"};
      for (uint32_t i = 0; i < 2; i++) {
        const Object o = channel(s.key, residual_of | (i + 1));
        say.label(o, names[i]);
        say.point(o).set_real(std::sqrt(c.residual[i] / c.taken));
      }
    }
    if (rate > 0) real(say, "samples a second", rate);
    if (s.wrap) integer(say, "smpCnt returns after", s.wrap);
    if (s.began >= 0) integer(say, "smpCnt 0 after the second (us)", int64_t(s.began / microsecond));
    if (l && l->frames) {
      integer(say, "shortest interval (us)", int64_t(l->shortest / microsecond));
      integer(say, "longest interval (us)", int64_t(l->longest / microsecond));
      const double mean = l->deviation / l->frames, variance = l->deviations / l->frames - mean * mean;
      real(say, "jitter (us)", std::sqrt(std::max(0.0, variance)) / 1000);
    }
    if (s.in_order) number(say, "smpCnt one more", s.in_order);
    if (s.wraps) number(say, "smpCnt returned to 0", s.wraps);
    say.end();
    s.told = say.time;
    s.samples = s.in_order = s.wraps = s.said = s.gone = 0;
    std::fill(std::begin(s.counts), std::end(s.counts), 0);
    s.begin_sums();
  }

  bool may_say(Time now) {
    if (now - window_ >= second || now < window_) window_ = now, window_said_ = 0;
    return window_said_++ < most_firsts;
  }

  Pool* pool_;
  Thrift* thrift_;                       // null where the pool has no room for it
  size_t recent_ = most_layouts;
  Layout layouts_[most_layouts];
  size_t layouts_used_ = 0;
  uint32_t filled_ = 0;
  Stream* streams_[most_streams] = {};
  uint64_t keys_[most_streams] = {};
  size_t streams_used_ = 0;
  Unit* unit_ = nullptr;
  struct Way { uint32_t number = 0, key = 0; bool is_signed = false, known = false; };
  Way ways_[2];                          // the last session header of each side
  Time window_ = 0;
  uint32_t window_said_ = 0;
};

Recognised recognises(Bytes up, Bytes down, Carrier carrier) {
  const Bytes b = up.empty() ? down : up;
  const Recognised::Client client = up.empty() ? Recognised::down : Recognised::up;   // who publishes
  if (carrier == Carrier::udp) {
    if (!r_session::begins(b) || b[2] != r_session::sampled_values) return {};
    return {r_session::looks_like(b, r_session::sampled_values) ? Recognised::yes : Recognised::maybe, client};
  }
  if (carrier != Carrier::ethertype || b.empty()) return {};
  bool bad = false;
  Reader r{b, bad};
  r.skip(2);
  const uint16_t length = r.be16();
  r.skip(4);
  Tlv pdu = tlv(r);
  Tlv number = tlv(pdu.body);
  Tlv next = tlv(pdu.body);
  if (next.tag == 0x81 || next.tag == 0xa1) next = tlv(pdu.body);
  const Bytes inner = next.body.peek();
  const bool sure = !bad && length == b.size() && pdu.tag == 0x60 && number.tag == 0x80 && next.tag == 0xa2 && !inner.empty() && inner[0] == 0x30;
  return {sure ? Recognised::yes : Recognised::maybe, client};
}

std::string_view note(const Point& p) {
  return p.object.kind() == ObjectKind::channel && p.object.number() < frequency_of && p.qualifier & 0x2000 ? "derived" : "";
}

constexpr Port ports[] = {{Carrier::ethertype, 0x88ba}, {Carrier::udp, 102}};
Parser* open(Pool& pool) { return pool.make<Sv>(pool); }

}  // namespace

extern const Protocol protocol;
const Protocol protocol = {"sv", "Sampled values", ports, recognises, open, functions, {}, nullptr,
                           "IEC 61850-9-2:2011+A1:2020, 8; UCA 9-2LE; IEC 61869-9:2016; IEC 61850-8-1:2011+A1:2020, annex G; IEC TR 61850-90-5:2012, 8",
                           "samples that are not INT32s each with a quality or a time (the SCD alone knows their layout; their octets are counted), IEC 62351-6's "
                           "extensions and signatures (present or not is said), encrypted session payloads", nullptr, note};

}  // namespace vidra::sv
