// SPDX-License-Identifier: Apache-2.0
// SERCOS III (IEC 61158-4-19 and -6-19; EtherType 0x88CD): master data telegrams (MDT) and acknowledge telegrams (AT), 0 to 3 of each, on two channels, in
// the communication phases. A stream: the first telegram of a kind is said, a changed phase, and a summary (once a second at most, of 16 telegrams at least).
// sequence is the phase; sub-function the telegram's number | 16 on the secondary channel.
#include "dissectors/words.h"

namespace vidra::sercos {
namespace {

constexpr uint16_t mdt = 0, at = 1, changed = 2, summary = 3;
constexpr Function functions[] = {
    {mdt, 0xffff, "MDT", Act::report},
    {at, 0xffff, "AT", Act::report},
    {changed, 0xffff, "changed phase", Act::run},
    {summary, 0xffff, "summary", Act::report},
};

class Sercos final : public Parser {
 public:
  Cut next(Side, Bytes octets, bool, bool) override { return {Cut::take, octets.size()}; }

  // Type octet (channel, MDT or AT, cycle count valid, number), phase octet (new phase announced, cycle count, phase), CRC of 4 octets; then
  // what the phase lays down.
  void parse(Bytes record, Side, Speaker& say) override {
    bool bad = false;
    Reader r{record, bad};
    const uint8_t type = r.u8(), phase = r.u8() & 0x8f;
    r.require(record.size() >= least);
    const uint16_t kind = type & 0x40 ? at : mdt;
    const uint8_t number = type & 3;
    if (bad || (phase & 15) > 4) {
      Message& m = head(kind, type, phase, say);
      m.malformed = true;
      return say.end();
    }
    if (frames_++ == 0) summed_ = say.time;
    counts_[kind]++;
    const uint16_t bit = uint16_t(1u << (kind * 8 + number + (type & 0x80 ? 4 : 0)));
    if (!(heard_ & bit)) [[unlikely]] {
      const bool new_one = !heard_;
      heard_ |= bit;
      head(kind, type, phase, say);
      say.end();
      if (new_one) phase_ = phase;
    }
    if (phase != phase_) [[unlikely]] {
      head(changed, type, phase, say);
      field(say, "phase").set_natural(phase & 15);
      field(say, "before").set_natural(phase_ & 15);
      if (phase & 0x80) field(say, "announced").set(true);
      say.end();
      phase_ = phase;
    }
    if (frames_ >= summary_frames && say.time - summed_ >= summary_period) [[unlikely]] sum_up(say);
  }

  void end(Side side, Speaker& say) override {
    if (side == Side::client && frames_) sum_up(say);
  }

 private:
  static constexpr size_t least = 46;                       // an Ethernet payload is never shorter
  static Message& head(uint16_t function, uint8_t type, uint8_t phase, Speaker& say) {
    Message& m = say.begin();
    m.function = function;
    m.sub_function = uint16_t((type & 3) | (type & 0x80 ? 16 : 0));
    m.role = Role::report;
    m.act = function == changed ? Act::run : Act::report;
    m.sequence = phase & 15;
    return m;
  }
  void sum_up(Speaker& say) {
    Message& m = say.begin();
    m.function = summary;
    m.role = Role::report;
    m.act = Act::report;
    m.tag = frames_;
    m.sequence = phase_ & 15;
    if (counts_[mdt]) field(say, "MDT").set_natural(counts_[mdt]);
    if (counts_[at]) field(say, "AT").set_natural(counts_[at]);
    field(say, "over, s").set_real(double(say.time - summed_) / double(second));
    say.end();
    frames_ = counts_[0] = counts_[1] = 0;
    summed_ = say.time;
  }

  uint16_t heard_ = 0;
  uint8_t phase_ = 0;
  uint32_t counts_[2] = {};
  uint32_t frames_ = 0;
  Time summed_ = 0;
};

Recognised recognises(Bytes up, Bytes down, Carrier carrier) {
  const Bytes b = up.empty() ? down : up;
  if (carrier != Carrier::ethertype || b.size() < 2) return {};
  const bool usual = b.size() >= 46 && (b[0] & 0x1c) == 0 && (b[0] & 0x20 || !(b[1] & 0x70)) && (b[1] & 15) <= 4;
  const bool counts = b[0] & 0x20 && usual && b[2] && b[3] && b[4] && b[5];   // the checksum covers addresses that are not here
  return {counts ? Recognised::yes : Recognised::maybe, Recognised::unknown};
}

Parser* open(Pool& pool) { return pool.make<Sercos>(); }

constexpr Port ports[] = {{Carrier::ethertype, 0x88cd}};

}  // namespace

extern const Protocol protocol;
const Protocol protocol = {"sercos", "SERCOS III", ports, recognises, open, functions, {}, nullptr, "IEC 61158-4-19, telegram header", "everything behind the telegram's header: service channels, connections, process data; SERCOS over UDP"};

}  // namespace vidra::sercos
