// SPDX-License-Identifier: Apache-2.0
// IEEE C37.118.2-2011 (and the frames of IEEE C37.118-2005, which are laid out alike) over TCP and UDP. A record is one frame; a datagram may
// hold several.
//
// Data frames are a stream: every one is checked and followed, and this is said of them:
//   summary   at the first, and once a second: every channel as the newest frame has it, between which the second's frames lay
//   changed   STAT, a digital channel, the time quality, or the configuration is not what it was
//   breach    frames are missing, repeated or out of order (the first of a second at once, the others with the next summary)
// What the fields hold:
//   station       IDCODE of the stream        sequence   FRACSEC as sent: time quality in the high octet
//   qualifier     data: STAT of all PMUs, or-ed; command: its code; configuration: DATA_RATE, as sent
//   tag           summary: frames since the last; breach: how many are missing
//   digest        of a configuration frame, without its time: two that mean the same are equal
// Points are channels: space = IDCODE of the PMU, number = what << 16 | index (enum What), named as the configuration does. Magnitudes are in
// volts and amperes, angles in degrees, frequency in Hz, ROCOF in Hz/s. A value that a frame marks as absent is invalid.
//
// A configuration belongs to the host that sends it and its IDCODE, in whatever conversation it was heard: commands and configuration go over
// TCP, data over UDP. All conversations of one pool share the directory.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "dissectors/crc.h"
#include "dissectors/protocol.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace vidra::c37118 {
namespace {

enum Frame : uint16_t { data, header, configuration_1, configuration_2, command, configuration_3, summary = 256, changed, breach };

constexpr Function functions[] = {
    {data, 0xffff, "data frame", Act::report},
    {header, 0xffff, "header frame", Act::read},
    {configuration_1, 0xffff, "configuration frame 1", Act::read},
    {configuration_2, 0xffff, "configuration frame 2", Act::read},
    {command, 1, "command: turn off transmission of data frames", Act::subscribe},
    {command, 2, "command: turn on transmission of data frames", Act::subscribe},
    {command, 3, "command: send header frame", Act::read},
    {command, 4, "command: send configuration frame 1", Act::read},
    {command, 5, "command: send configuration frame 2", Act::read},
    {command, 6, "command: send configuration frame 3", Act::read},
    {command, 8, "command: extended frame", Act::write},
    {command, 0x100, "command: the user's own", Act::write},       // 0x0100…0x0fff, the code is the qualifier
    {command, 0xffff, "command", Act::other},
    {configuration_3, 0xffff, "configuration frame 3", Act::read},
    {summary, 0xffff, "summary", Act::report},
    {changed, 0xffff, "changed", Act::report},
    {breach, 0xffff, "breach", Act::report},
};

enum Why : uint16_t { none, wrong_check, wrong_size, not_configured, missing, repeated, misordered, of_status, of_time_quality, of_configuration, in_fragments, too_large };
std::string_view why(uint16_t reason) {
  constexpr std::string_view names[] = {"", "the check word is wrong", "the size is not the configuration's", "the configuration was not heard", "frames are missing", "a time is repeated",
                                        "out of order", "status", "time quality", "configuration", "a fragment of several", "larger than what is kept"};
  return reason < std::size(names) ? names[reason] : "";
}

enum What : uint32_t { status, frequency, rocof, magnitude, angle, analog, digital_word, digital, change_count, lowest_frequency, highest_frequency, lowest, highest, time_quality, time };

constexpr size_t head_octets = 14, smallest = 16;

Object channel(uint16_t pmu, What what, unsigned index = 0) { return Object(ObjectKind::channel, uint32_t(what) << 16 | (index & 0xffff), pmu); }

// ---- configurations

struct Pmu {
  uint32_t names = 0, units = 0;       // offsets in the configuration's octets
  uint32_t at = 0;                     // offset in a data frame
  uint32_t first_range = 0;            // its frequency's; its phasors' follow
  uint32_t station = 0;                // offset of the name
  uint16_t id = 0, format = 0, phasors = 0, analogs = 0, digitals = 0, nominal = 0, count = 0;
  uint8_t station_octets = 0;

  bool polar() const { return format & 1; }
  size_t phasor_octets() const { return format & 2 ? 8 : 4; }
  size_t analog_octets() const { return format & 4 ? 4 : 2; }
  size_t frequency_octets() const { return format & 8 ? 4 : 2; }
  size_t octets() const { return 2 + phasors * phasor_octets() + 2 * frequency_octets() + analogs * analog_octets() + size_t{2} * digitals; }
  size_t frequency_at() const { return at + 2 + phasors * phasor_octets(); }
  size_t analogs_at() const { return frequency_at() + 2 * frequency_octets(); }
  size_t digitals_at() const { return analogs_at() + analogs * analog_octets(); }
};

// One block of a pool: this, then `pmus` Pmu, then the octets from TIME_BASE on to DATA_RATE.
struct Configuration {
  uint64_t digest = 0;
  uint32_t time_base = 0, data_octets = 0, ranges = 0, octets = 0;
  int16_t rate = 0;
  uint16_t pmus = 0;
  bool third = false;                  // CFG-3: names with a length, scales as floats

  Pmu* pmu() { return reinterpret_cast<Pmu*>(this + 1); }
  const Pmu* pmu() const { return reinterpret_cast<const Pmu*>(this + 1); }
  uint8_t* body() { return reinterpret_cast<uint8_t*>(pmu() + pmus); }
  Bytes body() const { return {reinterpret_cast<const uint8_t*>(pmu() + pmus), octets}; }
};

// Names as they follow each other: 16 octets, blank at the end, or an octet's length.
class Names {
 public:
  Names(const Configuration& c, const Pmu& p) : r_(c.body().subspan(p.names), bad_), third_(c.third) {}
  std::string_view next() {
    std::string_view name = text_of(r_.bytes(third_ ? r_.u8() : 16));
    while (!name.empty() && (name.back() == ' ' || name.back() == 0)) name.remove_suffix(1);
    return name;
  }
  void skip(size_t n) { while (n-- > 0 && r_) next(); }

 private:
  bool bad_ = false;
  Reader r_;
  bool third_;
};
std::string_view station_of(const Configuration& c, const Pmu& p) {
  std::string_view name = text_of(c.body().subspan(p.station, p.station_octets));
  while (!name.empty() && (name.back() == ' ' || name.back() == 0)) name.remove_suffix(1);
  return name;
}

// Reads what lies from TIME_BASE on, and says how long it is. Each Pmu is given to `keep`.
template <class Keep>
size_t walk(Bytes body, Configuration& c, Keep keep, bool& bad) {
  Reader r(body, bad);
  const auto here = [&] { return uint32_t(body.size() - r.left()); };
  c.time_base = r.be32() & 0xffffff;
  c.pmus = r.be16();
  c.data_octets = head_octets;
  for (unsigned i = 0; i < c.pmus && r.ok(); i++) {
    Pmu p;
    p.station_octets = c.third ? r.u8() : 16;
    p.station = here();
    r.skip(p.station_octets);
    p.id = r.be16();
    if (c.third) r.skip(16);                                       // G_PMU_ID
    p.format = r.be16();
    p.phasors = r.be16(), p.analogs = r.be16(), p.digitals = r.be16();
    p.names = here();
    const size_t names = size_t{p.phasors} + p.analogs + size_t{16} * p.digitals;
    if (c.third) for (size_t k = 0; k < names && r.ok(); k++) r.skip(r.u8());
    else r.skip(16 * names);
    p.units = here();
    r.skip(c.third ? size_t{12} * p.phasors + size_t{8} * p.analogs : 4 * (size_t{p.phasors} + p.analogs));
    r.skip(size_t{4} * p.digitals);
    if (c.third) r.skip(21);                                       // latitude, longitude, elevation, class, window, group delay
    p.nominal = r.be16() & 1 ? 50 : 60;
    p.count = r.be16();
    p.at = c.data_octets;
    p.first_range = c.ranges;
    if (!r.ok()) break;
    c.data_octets += uint32_t(p.octets());
    c.ranges += 1u + p.phasors;
    keep(i, p);
  }
  c.data_octets += 2;
  c.rate = int16_t(r.be16());
  c.octets = here();
  return c.octets;
}

// Which configuration a host's stream has. Bounded: what was not asked for longest makes room.
class Directory {
 public:
  struct Entry { uint64_t key = 0; Configuration* configuration = nullptr; uint32_t serial = 0, used = 0; };

  const Entry* find(uint64_t key) {
    for (Entry& e : set(key))
      if (e.configuration && e.key == key) return e.used = ++turn_, &e;
    return nullptr;
  }
  // Takes what lies from TIME_BASE on. Says whether it is another than before (or the first, when `known` is false).
  struct Kept { const Configuration* configuration; bool known, other; };
  Kept keep(Pool& pool, uint64_t key, Bytes body, bool third) {
    Configuration c;
    c.third = third;
    bool bad = false;
    const size_t octets = walk(body, c, [](unsigned, const Pmu&) {}, bad);
    if (bad || octets > body.size()) return {nullptr, false, false};
    c.digest = XXH3_64bits(body.data(), octets);
    Entry* place = nullptr;
    for (Entry& e : set(key)) {
      if (e.configuration && e.key == key) {
        place = &e;
        break;
      }
      if (!place || (place->configuration && (!e.configuration || turn_ - e.used > turn_ - place->used))) place = &e;
    }
    const bool known = place->configuration && place->key == key;
    if (known && place->configuration->digest == c.digest && place->configuration->third == third) {
      place->used = ++turn_;
      return {place->configuration, true, false};
    }
    const size_t size = sizeof c + c.pmus * sizeof(Pmu) + octets;
    release(pool, *place);
    while (octets_ + size > limit && release_oldest(pool)) {}
    void* const block = octets_ + size <= limit ? pool.take_shared(size) : nullptr;
    if (!block) return {nullptr, known, known};
    Configuration* const made = new (block) Configuration(c);
    for (unsigned i = 0; i < c.pmus; i++) new (made->pmu() + i) Pmu;
    made->ranges = 0;
    walk(body, *made, [made](unsigned i, const Pmu& p) { made->pmu()[i] = p; }, bad);
    std::copy_n(body.begin(), octets, made->body());
    octets_ += size;
    *place = {key, made, ++serial_, ++turn_};
    return {made, known, known};
  }

 private:
  static constexpr size_t sets = 256, ways = 4, limit = 8 << 20;
  using Set = std::array<Entry, ways>;
  Set& set(uint64_t key) { return sets_[key % sets]; }
  void release(Pool& pool, Entry& e) {
    if (!e.configuration) return;
    octets_ -= sizeof(Configuration) + e.configuration->pmus * sizeof(Pmu) + e.configuration->octets;
    pool.give(e.configuration);
    e = {};
  }
  bool release_oldest(Pool& pool) {
    Entry* oldest = nullptr;
    for (Set& s : sets_)
      for (Entry& e : s)
        if (e.configuration && (!oldest || turn_ - e.used > turn_ - oldest->used)) oldest = &e;
    if (oldest) release(pool, *oldest);
    return oldest;
  }
  std::array<Set, sets> sets_{};
  size_t octets_ = 0;
  uint32_t serial_ = 0, turn_ = 0;
};

// ---- values

uint16_t u16(const uint8_t* p) { return uint16_t(p[0] << 8 | p[1]); }
uint32_t u32(const uint8_t* p) { return uint32_t{u16(p)} << 16 | u16(p + 2); }
float real(const uint8_t* p) { return std::bit_cast<float>(u32(p)); }
constexpr double degrees = 57.29577951308232;

struct Unit { double scale = 1, turn = 0; bool current = false; };
Unit unit_of(const Configuration& c, const Pmu& p, unsigned phasor) {
  const uint8_t* at = c.body().data() + p.units + phasor * (c.third ? 12u : 4u);
  if (c.third) return {double(real(at + 4)), double(real(at + 8)), (at[2] & 8) != 0};
  return {double(u32(at) & 0xffffff) * 1e-5, 0, (at[0] & 1) != 0};
}

struct Phasor { double magnitude, radians; bool absent; };
Phasor phasor(const Pmu& p, const uint8_t* at, const Unit& u) {
  double a, b;
  const bool whole = !(p.format & 2);
  if (whole) {
    const uint16_t first = u16(at), second = u16(at + 2);
    if (second == 0x8000 || (!p.polar() && first == 0x8000)) return {0, 0, true};
    a = p.polar() ? double(first) : double(int16_t(first));
    b = int16_t(second);
  } else {
    a = double(real(at)), b = double(real(at + 4));
    if (std::isnan(a) || std::isnan(b)) return {0, 0, true};
  }
  if (p.polar()) return whole ? Phasor{a * u.scale, b * 1e-4 - u.turn, false} : Phasor{a, b, false};
  const double m = std::hypot(a, b), r = std::atan2(b, a);
  return whole ? Phasor{m * u.scale, r - u.turn, false} : Phasor{m, r, false};
}

struct Number { double value; bool absent; };
Number hertz(const Pmu& p, const uint8_t* at) {
  if (p.format & 8) return {double(real(at)), std::isnan(real(at))};
  return {p.nominal + int16_t(u16(at)) * 1e-3, u16(at) == 0x8000};
}
Number hertz_per_second(const Pmu& p, const uint8_t* at) {
  if (p.format & 8) return {double(real(at)), std::isnan(real(at))};
  return {int16_t(u16(at)) * 1e-2, u16(at) == 0x8000};
}

uint32_t quality_of(uint16_t stat, unsigned version) {
  uint32_t q = good;
  if (version <= 1) {                                               // 2005, table 6: bit 15 valid, bit 14 error
    if (stat & 0x8000) q |= invalid;
    if (stat & 0x4000) q |= failure;
  } else {                                                          // 2011, table 7
    constexpr uint32_t errors[] = {good, questionable, test_quality, invalid | failure};
    q |= errors[stat >> 14];
    if (stat & 0x0200) q |= substituted;
  }
  return q;
}

struct Range {
  float low = 0, high = 0;
  bool begun = false;
  void take(double v) {
    const float f = float(v);
    if (!begun) low = high = f, begun = true;
    else low = std::min(low, f), high = std::max(high, f);
  }
};

struct Stream {
  uint16_t id = 0;
  bool used = false, begun = false, timed = false;
  uint8_t quality = 0;                 // of time
  uint64_t key = 0;                    // the host's and IDCODE's
  const Directory::Entry* entry = nullptr;
  uint32_t serial = 0, turn = 0;
  uint64_t ticks = 0;                  // of the last frame, in TIME_BASE
  Time told = 0;
  uint32_t frames = 0, changes = 0, missing = 0, misordered = 0, repeated = 0;
  bool breached = false;               // in this second
  uint16_t stat = 0;                   // without a configuration
  uint8_t* last = nullptr;             // of the pool: the frame against which changes show
  uint32_t last_octets = 0;
  Range* ranges = nullptr;             // of the pool
};

bool begins(Bytes b) { return b.size() >= 4 && b[0] == 0xAA && (b[1] >> 4) <= configuration_3 && (b[1] & 15) >= 1 && (b[1] & 15) <= 3 && u16(&b[2]) >= smallest; }
bool plausible(Bytes b) { return b.size() >= head_octets && begins(b) && u32(&b[6]) >= 0x30000000u; }   // SOC after July 1995
bool checks(Bytes frame) { return crc_ccitt(frame.first(frame.size() - 2)) == u16(&frame[frame.size() - 2]); }

struct C37118 final : Parser {
  C37118(Pool& pool, Directory& directory) : pool_(&pool), directory_(&directory) {}
  ~C37118() override {
    for (Stream& s : streams_) forget(s);
    pool_->give(fragments_);
  }

  Cut next(Side from, Bytes octets, bool segment_start, bool) override {
    bool& seeking = seeking_[from == Side::client ? 0 : 1];
    if (!octets.empty() && octets[0] != 0xAA) return seeking = true, Cut{Cut::lost, 0};
    if (octets.size() < 4) return {Cut::need, 4};
    if (!begins(octets)) return seeking = true, Cut{Cut::lost, 0};
    const size_t size = u16(&octets[2]);
    if (seeking) {
      if (octets.size() < smallest) return {Cut::need, smallest};
      if (!plausible(octets)) return {Cut::lost, 0};
      if (!segment_start || octets.size() >= size) {
        if (octets.size() < size) return {Cut::need, size};
        if (!checks(octets.first(size))) return {Cut::lost, 0};
      }
      seeking = false;
    }
    return {Cut::take, size};
  }

  void parse(Bytes record, Side from, Speaker& say) override {
    do {
      const bool starts = begins(record);
      const size_t size = starts ? std::min<size_t>(u16(&record[2]), record.size()) : record.size();
      frame(record.first(size), from, say);
      record = record.subspan(size);
    } while (!record.empty());
  }

  // What the sensor did not hear is not missing from the stream.
  void gap(Side from, uint64_t) override {
    for (Stream& s : streams_) s.timed = false;
    seeking_[from == Side::client ? 0 : 1] = true;
    if (from == fragments_from_) fragment_octets_ = 0, fragment_next_ = 0;
  }

 private:
  void frame(Bytes octets, Side from, Speaker& say) {
    Message& m = say.begin();
    Reader r{octets, m.malformed};
    r.require(r.u8() == 0xAA);
    const uint8_t kind = r.u8();
    const uint16_t size = r.be16();
    const bool whole = size == octets.size() && size >= smallest;
    m.function = kind >> 4;
    m.station = r.be16();
    const uint32_t soc = r.be32();
    m.sequence = r.be32();
    m.role = m.function == command ? Role::request : Role::report;
    m.act = m.function == command ? Act::other : m.function == data ? Act::report : Act::read;
    r.require(m.function <= configuration_3 && (kind & 15) >= 1 && (kind & 15) <= 3);
    const bool right = whole && r.ok() && checks(octets);
    if (whole && r.ok() && !right) m.reason = wrong_check;
    m.malformed |= !right;
    Reader body = r.sub(r.left() >= 2 ? r.left() - 2 : 0);
    switch (m.function) {
      case data: return measured(octets, soc, kind & 15, from, right, say);
      case command: return commanded(body, say);
      case header: {
        answer(m, 3);
        Point& p = say.point({});
        p.set_text(say.text(text_of(body.rest())));
        return say.end();
      }
      case configuration_1: answer(m, 4); return configured(body.rest(), false, right, from, say);
      case configuration_2: answer(m, 5); return configured(body.rest(), false, right, from, say);
      case configuration_3: answer(m, 6); return fragment(body, right, from, say);
      default: return say.end();
    }
  }

  void commanded(Reader r, Speaker& say) {
    Message& m = say.head();
    const uint16_t code = r.be16();
    m.qualifier = code;
    m.sub_function = code >= 0x100 && code <= 0xfff ? 0x100 : code;
    m.act = code == 1 || code == 2 ? Act::subscribe : code >= 3 && code <= 6 ? Act::read : code == 8 || m.sub_function == 0x100 ? Act::write : Act::other;
    if (code < 8) asked_ |= uint8_t(1u << code);
    if (r) {                                                        // the extended frame, the user's own
      const size_t n = r.left();
      m.digest = XXH3_64bits(r.peek().data(), n);
      say.point({}).set_octets(n);
      m.retained = true;
    }
    say.end();
  }

  // A header or configuration answers the command that asked for it; others are sent unasked.
  void answer(Message& m, unsigned code) {
    if (!(asked_ >> code & 1)) return;
    asked_ &= uint8_t(~(1u << code));
    m.role = Role::response;
  }

  uint64_t key(const Speaker& say, Side from, uint64_t id) const {
    const Bytes host = say.host(from);
    return XXH3_64bits_withSeed(host.data(), host.size(), id + 1);
  }

  // ---- configurations

  void fragment(Reader r, bool right, Side from, Speaker& say) {
    Message& m = say.head();
    const uint16_t index = r.be16();
    if (index == 0) return configured(r.rest(), true, right, from, say);
    m.reason = in_fragments;
    m.tag = index;
    const bool last = index == 0xffff;
    if (index == 1) {
      fragment_octets_ = 0, fragment_next_ = 1, fragments_from_ = from, fragment_id_ = uint16_t(m.station);
      if (!fragments_) fragments_ = static_cast<uint8_t*>(pool_->take(fragment_limit));
    }
    const Bytes octets = r.rest();
    const bool fits = fragments_ && right && from == fragments_from_ && fragment_id_ == m.station && fragment_next_ && (last || index == fragment_next_) &&
                      fragment_octets_ + octets.size() <= fragment_limit;
    if (!fits) {
      if (fragments_ && fragment_octets_ + octets.size() > fragment_limit) m.reason = too_large;
      fragment_octets_ = 0, fragment_next_ = 0;
    } else {
      std::copy(octets.begin(), octets.end(), fragments_ + fragment_octets_);
      fragment_octets_ += octets.size();
      fragment_next_ = uint16_t(index + 1);
    }
    if (last && fits) {
      const Bytes all(fragments_, fragment_octets_);
      configured(all, true, right, from, say);
    } else {
      say.point({}).set_octets(octets.size());
      say.end();
    }
    if (last || !fits) {
      pool_->give(fragments_);
      fragments_ = nullptr;
      fragment_octets_ = 0, fragment_next_ = 0;
    }
  }

  // Every channel is named: what it is worth is its unit (phasors), the nominal frequency, the change count, the digital inputs in use.
  void configured(Bytes body, bool third, bool right, Side from, Speaker& say) {
    Message& m = say.head();
    bool bad = false;
    Configuration c;
    c.third = third;
    const size_t octets = walk(body, c, [](unsigned, const Pmu&) {}, bad);
    m.malformed |= bad || octets != body.size();
    if (bad) return say.end();
    m.digest = XXH3_64bits(body.data(), octets);
    m.qualifier = uint16_t(c.rate);
    const uint16_t id = uint16_t(m.station);
    const bool current = m.function != configuration_1;
    Directory::Kept kept{nullptr, false, false};
    if (right && !m.malformed) {
      kept = directory_->keep(*pool_, key(say, from, id) ^ (current ? 0 : 1), body, third);
      if (!kept.configuration) m.reason = too_large;
    }
    if (!kept.configuration) return say.end();
    const Configuration& k = *kept.configuration;
    for (unsigned i = 0; i < k.pmus; i++) {
      const Pmu& p = k.pmu()[i];
      const std::string_view station = station_of(k, p);
      point(say, p, station, change_count, 0, "configuration count").set_natural(p.count);
      point(say, p, station, frequency, 0, "frequency").set_real(p.nominal);
      Names names(k, p);
      for (unsigned n = 0; n < p.phasors; n++) point(say, p, station, magnitude, n, names.next()).set_text(say.text(unit_of(k, p, n).current ? "A" : "V"));
      for (unsigned n = 0; n < p.analogs; n++) point(say, p, station, analog, n, names.next());
      const uint8_t* mask = k.body().data() + p.units + (third ? 12u * p.phasors + 8u * p.analogs : 4u * (unsigned{p.phasors} + p.analogs));
      for (unsigned n = 0; n < p.digitals; n++, mask += 4) {
        Point& d = word(say, p, station, n);
        d.set_bits(u16(mask + 2), 16);                              // inputs in use
        d.qualifier = u16(mask);                                    // their normal state
      }
    }
    say.end();
    for (unsigned i = 0; i < k.pmus; i++) {
      const Pmu& p = k.pmu()[i];
      Message& about = say.begin();                                 // texts of its own
      about.station = p.id;
      Identity who;
      who.station = p.id;
      who.name = say.text(station_of(k, p));
      if (third && p.station + p.station_octets + 18u <= k.octets) {
        const Bytes global = k.body().subspan(p.station + p.station_octets + 2u, 16);
        std::array<char, 33> text{};
        bool any = false;
        for (size_t n = 0; n < 16; n++) {
          any |= global[n] != 0;
          text[2 * n] = "0123456789abcdef"[global[n] >> 4], text[2 * n + 1] = "0123456789abcdef"[global[n] & 15];
        }
        if (any) who.serial = say.text({text.data(), 32});          // the PMU's global identifier
      }
      say.identity(who);
    }
    if (!kept.other || !current) return;
    Message& other = say.begin();
    other.function = changed;
    other.role = Role::report;
    other.act = Act::report;
    other.reason = of_configuration;
    other.station = id;
    other.digest = k.digest;
    for (unsigned i = 0; i < k.pmus; i++) point(say, k.pmu()[i], station_of(k, k.pmu()[i]), change_count, 0, "configuration count").set_natural(k.pmu()[i].count);
    say.end();
  }

  // ---- data

  static Point& point(Speaker& say, const Pmu& p, std::string_view station, What what, unsigned index, std::string_view name, std::string_view of = {}) {
    const Object o = channel(p.id, what, index);
    std::array<char, 128> text;
    size_t n = 0;
    const auto put = [&](std::string_view s) {
      s = s.substr(0, text.size() - n);
      std::copy(s.begin(), s.end(), text.data() + n);
      n += s.size();
    };
    put(station.substr(0, 48)), put("/"), put(name.substr(0, 56)), put(of);
    say.label(o, {text.data(), n});
    return say.point(o);
  }
  static Point& word(Speaker& say, const Pmu& p, std::string_view station, unsigned n) {
    std::array<char, 16> name{};
    const std::string_view digits = decimal(name, n + 1);
    return point(say, p, station, digital_word, n, "digital ", digits);
  }
  static std::string_view decimal(std::array<char, 16>& room, unsigned v) {
    size_t at = room.size();
    do room[--at] = char('0' + v % 10);
    while (v /= 10);
    return {room.data() + at, room.size() - at};
  }

  Stream& stream(uint16_t id, uint64_t key) {
    Stream* oldest = &streams_[0];
    for (Stream& s : streams_) {
      if (s.used && s.id == id && s.key == key) return s.turn = ++turn_, s;
      if (oldest->used && (!s.used || turn_ - s.turn > turn_ - oldest->turn)) oldest = &s;
    }
    forget(*oldest);
    oldest->used = true;
    oldest->id = id;
    oldest->key = key;
    oldest->turn = ++turn_;
    return *oldest;
  }
  void forget(Stream& s) {
    pool_->give(s.last);
    pool_->give(s.ranges);
    s = Stream{};
  }

  void measured(Bytes octets, uint32_t soc, unsigned version, Side from, bool right, Speaker& say) {
    Message& m = say.head();
    if (!right || octets.size() < head_octets + 4) {                // said as it is, and not followed
      m.malformed = true;
      if (octets.size() >= head_octets + 4) m.qualifier = u16(&octets[head_octets]);
      return say.end();
    }
    Stream& s = stream(uint16_t(m.station), key(say, from, m.station));
    const uint32_t fraction = m.sequence;
    if (!s.entry || s.entry->serial != s.serial) find(s);
    const Configuration* c = s.entry ? s.entry->configuration : nullptr;
    if (c && c->data_octets != octets.size()) {                     // of another configuration than the one heard
      c = nullptr;
      m.reason = wrong_size;
    } else if (!c) {
      m.reason = not_configured;
    }
    s.frames++;
    const bool first = !s.begun;
    const uint8_t quality = uint8_t(fraction >> 24);
    bool stat_changed = false, quality_changed = !first && quality != s.quality;
    s.quality = quality;
    s.begun = true;
    if (c) {
      if (!s.last || s.last_octets != octets.size()) remember(s, *c, octets);
      order(s, *c, soc, fraction & 0xffffff);
      stat_changed = follow(s, *c, octets);
    } else {
      const uint16_t stat = u16(&octets[head_octets]);
      stat_changed = !first && stat != s.stat;
      s.stat = stat;
    }
    const bool due = first || say.time - s.told >= second || say.time < s.told;
    const bool broken = (s.missing || s.misordered || s.repeated) && (!s.breached || due);
    if (!due && !stat_changed && !quality_changed && !broken) [[likely]] return;   // heard, nothing to say

    const Message head = m;
    if (broken) tell_breach(s, head, c, soc, fraction, say);
    if ((stat_changed || quality_changed) && s.changes < most_changes) {
      s.changes++;
      tell_change(s, head, c, octets, soc, fraction, version, stat_changed, quality_changed, say);
    }
    if (stat_changed && c && s.last) std::copy(octets.begin(), octets.end(), s.last);
    if (due) tell_summary(s, head, c, octets, soc, fraction, version, say);
  }

  void find(Stream& s) {
    s.entry = directory_->find(s.key);
    s.serial = s.entry ? s.entry->serial : 0;
    pool_->give(s.last);
    pool_->give(s.ranges);
    s.last = nullptr, s.ranges = nullptr, s.last_octets = 0, s.timed = false;
  }

  void remember(Stream& s, const Configuration& c, Bytes octets) {
    pool_->give(s.last);
    pool_->give(s.ranges);
    s.last = static_cast<uint8_t*>(pool_->take(octets.size()));
    s.ranges = static_cast<Range*>(pool_->take(std::max<size_t>(1, c.ranges) * sizeof(Range)));
    s.last_octets = uint32_t(octets.size());
    if (s.last) std::copy(octets.begin(), octets.end(), s.last);
    if (s.ranges) std::fill_n(s.ranges, c.ranges, Range{});
  }

  // Frames come DATA_RATE a second, each with its own time.
  static void order(Stream& s, const Configuration& c, uint32_t soc, uint32_t fraction) {
    if (!c.time_base || !c.rate) return;
    const uint64_t ticks = uint64_t{soc} * c.time_base + fraction, last = s.ticks;
    const bool had = s.timed;
    s.timed = true;
    if (had && ticks < last) {
      s.misordered++;
      if (last - ticks < 10ull * c.time_base) return;               // an old frame; farther back the clock was set
      s.ticks = ticks;
      return;
    }
    s.ticks = ticks;
    if (!had) return;
    if (ticks == last) {
      s.repeated++;
      return;
    }
    const double period = c.rate > 0 ? double(c.time_base) / c.rate : double(c.time_base) * -double(c.rate);
    const double steps = std::floor(double(ticks - last) / period + 0.5);
    if (steps > 1) s.missing += steps < 1e6 ? uint32_t(steps) - 1 : 1'000'000u;
  }

  // What a summary would hide: the extremes inside the second. Returns whether a STAT or a digital word changed.
  static bool follow(Stream& s, const Configuration& c, Bytes octets) {
    bool change = false;
    const uint8_t* const d = octets.data();
    for (const Pmu *p = c.pmu(), *end = p + c.pmus; p != end; p++) {
      if (s.last) {
        change |= std::memcmp(d + p->at, s.last + p->at, 2) != 0;
        if (p->digitals) change |= std::memcmp(d + p->digitals_at(), s.last + p->digitals_at(), size_t{2} * p->digitals) != 0;
      }
      if (!s.ranges) continue;
      Range* range = s.ranges + p->first_range;
      if (const Number f = hertz(*p, d + p->frequency_at()); !f.absent) range->take(f.value);
      range++;
      const uint8_t* at = d + p->at + 2;
      const size_t step = p->phasor_octets();
      for (unsigned i = 0; i < p->phasors; i++, at += step, range++) {
        double v;                                                   // as sent; rectangular: squared
        if (p->polar()) v = step == 8 ? double(real(at)) : double(u16(at));
        else if (step == 8) v = double(real(at)) * double(real(at)) + double(real(at + 4)) * double(real(at + 4));
        else v = double(int16_t(u16(at))) * int16_t(u16(at)) + double(int16_t(u16(at + 2))) * int16_t(u16(at + 2));
        if (!std::isnan(v)) range->take(v);
      }
    }
    return change;
  }

  static Time instant(const Configuration* c, uint32_t soc, uint32_t fraction) {
    Time t = Time{soc} * second;
    if (c && c->time_base) t += Time(uint64_t(fraction & 0xffffff) * uint64_t(second) / c->time_base);
    return t;
  }
  static uint8_t time_flags(uint32_t fraction, uint16_t stat) {
    const unsigned quality = fraction >> 24 & 15;                   // 0 locked; 1…11 within 1 ns…10 s; 15 the clock failed
    return uint8_t((quality == 15 ? time_invalid : 0) | (quality || (stat & 0x2000) ? time_unsynchronised : 0));
  }
  static void date(Point& p, Time t, uint8_t flags) { p.time = t, p.time_kind = TimeKind::full, p.time_flags = flags; }

  static Message& retell(Speaker& say, const Message& head, uint16_t function) {
    Message& m = say.begin();
    m = head;
    m.function = function;
    m.role = Role::report;
    m.act = Act::report;
    m.reason = none;
    return m;
  }

  static void tell_breach(Stream& s, const Message& head, const Configuration* c, uint32_t soc, uint32_t fraction, Speaker& say) {
    Message& m = retell(say, head, breach);
    m.reason = s.missing ? missing : s.misordered ? misordered : repeated;
    m.tag = s.missing ? s.missing : s.misordered ? s.misordered : s.repeated;
    const Object o = channel(s.id, time);
    say.label(o, "time");
    say.point(o).set_time(instant(c, soc, fraction));
    say.end();
    (s.missing ? s.missing : s.misordered ? s.misordered : s.repeated) = 0;
    s.breached = true;
  }

  static Point& stat_point(Speaker& say, const Pmu& p, std::string_view station, const uint8_t* d, Time t, uint32_t fraction, unsigned version) {
    const uint16_t stat = u16(d + p.at);
    say.head().qualifier |= stat;
    Point& point_ = point(say, p, station, status, 0, "STAT");
    point_.set_bits(stat, 16);
    point_.quality = quality_of(stat, version);
    date(point_, t, time_flags(fraction, stat));
    return point_;
  }
  static void quality_point(Speaker& say, uint16_t id, Time t, uint32_t fraction) {
    const Object o = channel(id, time_quality);
    say.label(o, "time quality");
    Point& p = say.point(o);
    p.set_bits(fraction >> 24, 8);
    date(p, t, time_flags(fraction, 0));
  }

  static void tell_change(const Stream& s, const Message& head, const Configuration* c, Bytes octets, uint32_t soc, uint32_t fraction, unsigned version, bool stat, bool quality,
                          Speaker& say) {
    Message& m = retell(say, head, changed);
    m.reason = stat ? of_status : of_time_quality;
    m.qualifier = c ? 0 : s.stat;
    const Time t = instant(c, soc, fraction);
    if (quality) quality_point(say, s.id, t, fraction);
    const uint8_t* const d = octets.data();
    if (stat && !c) {
      Point& p = say.point(channel(s.id, status));
      p.set_bits(s.stat, 16);
      p.quality = quality_of(s.stat, version);
    }
    for (unsigned i = 0; stat && c && i < c->pmus; i++) {
      const Pmu& p = c->pmu()[i];
      const std::string_view station = station_of(*c, p);
      if (std::memcmp(d + p.at, s.last + p.at, 2) != 0) stat_point(say, p, station, d, t, fraction, version);
      for (unsigned w = 0; w < p.digitals; w++) {
        const size_t at = p.digitals_at() + size_t{2} * w;
        const uint16_t now = u16(d + at), flipped = uint16_t(now ^ u16(s.last + at));
        if (!flipped) continue;
        Names names(*c, p);
        names.skip(size_t{p.phasors} + p.analogs + size_t{16} * w);
        for (unsigned bit = 0; bit < 16; bit++) {
          const std::string_view name = names.next();
          if (!(flipped >> bit & 1)) continue;
          Point& b = point(say, p, station, digital, 16 * w + bit, name.empty() ? "digital" : name);
          b.set((now >> bit & 1) != 0);
          b.quality = quality_of(u16(d + p.at), version);
          date(b, t, time_flags(fraction, u16(d + p.at)));
        }
      }
    }
    say.end();
  }

  static double extreme(const Pmu& p, const Unit& unit, float v) {
    const double m = p.polar() ? double(v) : std::sqrt(double(v));
    return p.format & 2 ? m : unit.scale * m;
  }
  void tell_summary(Stream& s, const Message& head, const Configuration* c, Bytes octets, uint32_t soc, uint32_t fraction, unsigned version, Speaker& say) {
    Message& m = retell(say, head, summary);
    m.reason = c ? uint16_t{none} : head.reason;
    m.tag = s.frames;
    m.qualifier = 0;
    const Time t = instant(c, soc, fraction);
    const uint8_t* const d = octets.data();
    if (!c) {
      m.qualifier = s.stat;
      const Object o = channel(s.id, status);
      say.label(o, "STAT");
      Point& p = say.point(o);
      p.set_bits(s.stat, 16);
      p.quality = quality_of(s.stat, version);
      date(p, t, time_flags(fraction, s.stat));
      say.point({}).set_octets(octets.size() - head_octets - 4);
    }
    for (unsigned i = 0; c && i < c->pmus; i++) {
      const Pmu& p = c->pmu()[i];
      const std::string_view station = station_of(*c, p);
      const Point& stat = stat_point(say, p, station, d, t, fraction, version);
      const uint32_t q = stat.quality;
      const uint8_t flags = stat.time_flags;
      const auto value = [&](What what, unsigned n, std::string_view name, std::string_view of, double v, bool absent) {
        Point& x = point(say, p, station, what, n, name, of);
        x.quality = q | (absent ? invalid : good);
        if (!absent) x.set_real(v);
        date(x, t, flags);
      };
      const Number f = hertz(p, d + p.frequency_at()), r = hertz_per_second(p, d + p.frequency_at() + p.frequency_octets());
      value(frequency, 0, "frequency", {}, f.value, f.absent);
      if (s.ranges) {
        Range& range = s.ranges[p.first_range];
        if (range.begun && range.high > range.low) {
          value(lowest_frequency, 0, "frequency", " lowest", double(range.low), false);
          value(highest_frequency, 0, "frequency", " highest", double(range.high), false);
        }
        range = {};
      }
      value(rocof, 0, "ROCOF", {}, r.value, r.absent);
      Names names(*c, p);
      std::array<double, 2> largest{};                              // voltage, current: beside it noise is small
      for (unsigned n = 0; s.ranges && n < p.phasors; n++) {
        const Unit unit = unit_of(*c, p, n);
        largest[unit.current] = std::max(largest[unit.current], extreme(p, unit, s.ranges[p.first_range + 1 + n].high));
      }
      for (unsigned n = 0; n < p.phasors; n++) {
        const std::string_view name = names.next();
        const Unit unit = unit_of(*c, p, n);
        const Phasor v = phasor(p, d + p.at + 2 + n * p.phasor_octets(), unit);
        value(magnitude, n, name, {}, v.magnitude, v.absent);
        value(angle, n, name, " angle", v.radians * degrees, v.absent);
        if (!s.ranges) continue;
        Range& range = s.ranges[p.first_range + 1 + n];
        const double low = extreme(p, unit, range.low), high = extreme(p, unit, range.high);
        if (range.begun && high - low > spread * largest[unit.current]) {   // moved inside the second
          value(lowest, n, name, " lowest", low, false);
          value(highest, n, name, " highest", high, false);
        }
        range = {};
      }
      for (unsigned n = 0; n < p.analogs; n++) {
        const uint8_t* at = d + p.analogs_at() + n * p.analog_octets();
        double v = p.format & 4 ? double(real(at)) : double(int16_t(u16(at)));
        const bool absent = p.format & 4 ? std::isnan(v) : u16(at) == 0x8000;
        if (c->third && !(p.format & 4)) {
          const uint8_t* unit = c->body().data() + p.units + 12u * p.phasors + 8u * n;
          v = v * double(real(unit)) + double(real(unit + 4));
        }
        value(analog, n, names.next(), {}, v, absent);
      }
      for (unsigned n = 0; n < p.digitals; n++) {
        Point& w = word(say, p, station, n);
        w.set_bits(u16(d + p.digitals_at() + size_t{2} * n), 16);
        w.quality = q;
        date(w, t, flags);
      }
    }
    if (fraction >> 24) quality_point(say, s.id, t, fraction);
    say.end();
    s.told = say.time;
    s.frames = s.changes = 0;
    s.breached = false;
  }

  static constexpr size_t fragment_limit = 128 * 1024;
  static constexpr uint32_t most_changes = 16;                      // said in a second; the summary has them all
  static constexpr double spread = 0.05;                            // of a magnitude, above which its extremes are said
  Pool* pool_;
  Directory* directory_;
  std::array<bool, 2> seeking_{};
  uint8_t asked_ = 0;                                               // by command code
  uint32_t turn_ = 0;
  std::array<Stream, 8> streams_{};
  uint8_t* fragments_ = nullptr;                                    // of the pool: a CFG-3 in several frames
  size_t fragment_octets_ = 0;
  uint16_t fragment_next_ = 0, fragment_id_ = 0;
  Side fragments_from_ = Side::server;
};

// ---- recognising

struct Sight { Recognised::Sure sure = Recognised::no; bool commands = false; };

// A frame whose check word is right says yes, also behind the end of one that began unheard.
Sight sight(Bytes b) {
  int tries = 0;
  const size_t last = b.size() < smallest ? 0 : std::min<size_t>(b.size() - smallest + 1, 4096);   // where one may begin
  for (size_t at = 0; at < last && tries < 8; at++) {
    const void* const found = std::memchr(b.data() + at, 0xAA, last - at);
    if (!found) break;
    at = size_t(static_cast<const uint8_t*>(found) - b.data());
    const Bytes here = b.subspan(at);
    if (!plausible(here)) continue;
    tries++;
    const size_t size = u16(&here[2]);
    if (size <= here.size() && checks(here.first(size))) return {Recognised::yes, here[1] >> 4 == command};
  }
  const bool may = b.size() < head_octets ? !b.empty() && b[0] == 0xAA && (b.size() < 2 || b[1] >> 4 <= configuration_3) : plausible(b);
  return {may ? Recognised::maybe : Recognised::no, may && b.size() > 1 && b[1] >> 4 == command};
}

Recognised recognises(Bytes up, Bytes down, Carrier) {
  const Sight u = sight(up), d = sight(down);
  if (u.sure == Recognised::no && d.sure == Recognised::no) return {};
  const bool by_up = u.sure >= d.sure && u.sure != Recognised::no;
  const bool commands = by_up ? u.commands : d.commands;
  return {std::max(u.sure, d.sure), by_up == commands ? Recognised::up : Recognised::down};
}

constexpr Port ports[] = {{Carrier::tcp, 4712}, {Carrier::udp, 4713}, {Carrier::tcp, 4713}, {Carrier::udp, 4712}};

Parser* open(Pool& pool) {
  Directory* const directory = pool.shared<Directory>();
  return directory ? pool.make<C37118>(pool, *directory) : nullptr;
}

}  // namespace
extern const Protocol protocol;
const Protocol protocol = {"c37118", "IEEE C37.118", ports, recognises, open, functions, {}, why,
                           "IEEE C37.118.2-2011, 5.2 and 6 (CFG-1 to CFG-3), annex E; IEEE C37.118-2005, 6 (the same frames, its own STAT bits)",
                           "contents of extended command frames and of user-defined commands; user scaling of CFG-2 analog channels"};
}  // namespace vidra::c37118
