// SPDX-License-Identifier: Apache-2.0
// Sampled values: who publishes, whether the counting goes on, the clock, the values as a whole. SMV-01 to 07, 09 to 12, and RGS-01.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "daemon/judge/publisher_watch.h"

namespace vidra {
namespace {

using namespace publishing;

enum Breach : uint16_t {
  not_well_formed = 1, silent, lost, repeated, back, wrap_changed, rev_changed, synch_changed, set_changed, rate_changed, clock_changed, samples_changed,
  count_differs, appid_changed, simulation_changed, security_changed, key_changed, spdu_jumped, spdu_back, reference_back, forgotten
};
constexpr uint16_t quality_changed = 2;

struct Samples : Publication {
  uint32_t jump = 0;                      // most samples missing at once since the last summary
  uint32_t jump_from = 0, jump_to = 0;
  Time since = 0;                         // of the window in which losses are counted
  double gone = 0, heard = 0;
  bool loss_told = false;
  Time longest = 0;                       // usual, between two frames
  double rate = 0;
  Time told_jump = 0, told_synch = 0;
  uint8_t synch = 0xff;
  uint32_t told_revision = 0;
  bool differs_told = false, quality_told = false, simulated_told = false, residual_told = false, frequency_told = false;
  bool differs_kept = false;              // its shape differs from an import, and that was kept silent
  Time began = -1;                        // of smpCnt 0 in its second, in usual times
  unsigned shifted = 0, summaries = 0;
  unsigned balanced = 0, unbalanced = 0, steady = 0, off = 0;
  double frequency = 0;
  Time spoken = 0;                        // last summary
  Time since_first = 0;
  std::array<unsigned, 2> back_and_forth{};
  Time back_at = 0;
};

bool is_synchronised(uint32_t s) { return s != 0; }
std::string synch_text(uint32_t s) {
  return s == 0 ? "not synchronised" : s == 1 ? "synchronised by a local clock" : s == 2 ? "synchronised by a global clock" : fmt::format("synchronised by the local clock {}", s);
}

class SampledValues final : public Detector {
 public:
  explicit SampledValues(const JudgeSettings& s) { settle(s); }
  void settle(const JudgeSettings& s) override {
    jump_ = unsigned(s.number(smv03_, "jump"));
    share_ = s.number(smv03_, "share") / 100;
    shift_ = Time(s.number(smv04_, "shift") * double(millisecond));
    residual_ = s.number(smv09_, "residual") / 100;
    frequency_ = s.number(smv09_, "frequency");
    grace_ = Time(s.number(smv12_, "grace") * double(second));
    streams_.each([](Samples& p) { p.forget(); });
  }
  std::span<const Want> wants() const override {
    static constexpr Want w[] = {{.protocol = "sv"}, {.protocol = "goose"}, {.protocol = "tcp"}, {.protocol = "udp"}, {.protocol = "arp"}, {.protocol = "sensor"}};
    return w;
  }
  bool ticks() const override { return true; }

  void see(const Event& e, const Context& c, Findings& to) override {
    if (others(e, attention_) || !e.said || kind_of(e.scene.protocol) != PublisherKind::sampled_values) return;
    const Message& m = *e.said;
    if ((m.function != changed && m.function != summary && m.function != breach) || (m.function == breach && m.sub_function == forgotten)) return;
    if (m.malformed || !m.station) return broken(e, c, to);
    // Makers deliver the same svID in many devices: a stream is its identifier and where it goes.
    const uint64_t key = key_of(m.station, key_of(e.scene.listener().address));
    Samples& p = streams_.at(key);
    p.key = key;
    Voice& v = attend(p, PublisherKind::sampled_values, e, c);
    v.last = e.scene.time;
    v.silent = 0;
    const bool afresh = std::exchange(p.again, false);
    if (afresh) p.told_revision = 0, p.differs_kept = false;
    if ((m.function == changed && m.sub_function == first_heard) || afresh) arrives(p, v, e, c, to);
    turns(p, v, e, c, to);
    if (m.function == changed && m.sub_function == quality_changed) quality(p, e, c, to);
    if (m.function == summary) summed(p, v, e, c, to);
    if (m.function == breach) odd(p, v, e, c, to);
  }

  void tick(const Context& c, Findings& to) override {
    streams_.each([&](Samples& p) {
      resolve(p, PublisherKind::sampled_values, c);
      for (Voice& v : p.voices) stopped(p, v, c, to);
    });
    if (c.now - looked_ >= second) looked_ = c.now, bays(c, to);
  }

 private:
  void tell(Samples& p, Finding&& f, Time now, Findings& to) {
    if (!f.difference) p.strong = now;              // what is kept silent explains nothing away
    to.raise(std::move(f));
  }

  // ---- who publishes

  void arrives(Samples& p, Voice& v, const Event& e, const Context& c, Findings& to) {
    const Message& m = *e.said;
    p.since_first = e.scene.time;
    if (!p.known.any() || !p.known.from(c, v.source))
      if (!c.learning && publishers_known(c, PublisherKind::sampled_values) && !m.simulated) stranger(p, v, e, c, to);
    simulation(p, e, c, to);
    if (p.known.from(c, v.source)) p.synch = uint8_t(m.tag);
    forms(p, e, c, to);
  }

  void stranger(Samples& p, const Voice& v, const Event& e, const Context& c, Findings& to) {
    const std::string who = c.text(v.source);
    if (v.source.kind != Address::Kind::mac && v.source.kind != Address::Kind::none) {
      Finding f = about(rgs01_, p, e, c);
      f.what = fmt::format("{} publishes the sampled values {} by R-SV to {}.", who, label(p), c.text(v.group));
      f.expected = p.known.any() ? fmt::format("They come from {}.", p.known.sources(c)) : "No such stream is declared or was learned.";
      return tell(p, std::move(f), e.scene.time, to);
    }
    if (!p.known.any()) {
      Finding f = about(smv01_, p, e, c);
      f.cause = key_of(key_of(v.source), 1);
      f.what = fmt::format("{} publishes the sampled values {} to {}, APPID {:#06x}; nobody knows the stream.", who, label(p), c.text(v.group), unsigned(number(e, "APPID").value_or(0)));
      f.expected = fmt::format("The {} streams have other names or come from elsewhere.", c.site.has_publishers(PublisherKind::sampled_values) ? "declared" : "learned");
      only_undeclared(f, p, v, c);
      if (!f.difference) f.weight = pacer_.due(f.cause, e.scene.time);
      if (f.weight) tell(p, std::move(f), e.scene.time, to);
      return;
    }
    const Voice* other = rival(p, v, e.scene.time, 3 * second);
    Finding f = about(other ? smv02_ : smv01_, p, e, c);
    if (other) f.what = fmt::format("{} publishes the sampled values {}, and so does {} at the same time.", who, label(p), c.text(other->source));
    else f.what = fmt::format("{} publishes the sampled values {}, which are another device's.", who, label(p));
    f.expected = fmt::format("They come from {} alone: relays measure what arrives under this name.", p.known.sources(c));
    tell(p, std::move(f), e.scene.time, to);
  }

  void turns(Samples& p, const Voice& v, const Event& e, const Context& c, Findings& to) {
    if (!by_turns(p, v, e.scene.time) || v.source.kind != Address::Kind::mac) return;
    const Voice* other = rival(p, v, e.scene.time, 3 * second);
    if (!other || e.said->simulated || p.lately(e.scene.time, 10 * minute)) return;
    p.turns = 0;
    Finding f = about(smv02_, p, e, c);
    f.what = fmt::format("{} and {} publish the sampled values {} to {} at the same time.", c.text(v.source), c.text(other->source), label(p), c.text(v.group));
    f.expected = "One merging unit publishes a stream.";
    tell(p, std::move(f), e.scene.time, to);
  }

  void simulation(Samples& p, const Event& e, const Context& c, Findings& to, bool began = false) {
    if (!e.said->simulated || c.learning || (p.known.site && p.known.site->simulation_allowed) || (!p.known.site && p.known.learned && p.known.learned->simulated)) return;
    if (!began && !publishers_known(c, PublisherKind::sampled_values)) return;
    Finding f = about(smv11_, p, e, c);
    f.what = fmt::format("{} publishes the sampled values {} marked as simulation.", c.text(e.scene.speaker().address), label(p));
    f.expected = "In operation no stream is marked; a relay test set does so, during works.";
    tell(p, std::move(f), e.scene.time, to);
  }

  // ---- what is declared or learned: SMV-05, SMV-07

  void forms(Samples& p, const Event& e, const Context& c, Findings& to) {
    if (c.learning || !p.known.any() || !p.known.from(c, e.scene.speaker().address)) return;
    const Message& m = *e.said;
    const SitePublisher* s = p.known.site;
    const PublisherMemory* l = p.known.learned;
    const uint32_t revision = s ? s->conf_rev.value_or(m.qualifier) : l->conf_rev, asdus = s ? s->asdus : l->asdus, channels_wanted = s ? s->entries : l->entries;
    std::string what, expected;
    const auto in_frame = number(e, "noASDU");
    const uint32_t of_sample = m.function == changed ? channels(e) : 0;
    const bool frame_differs = in_frame && asdus && uint32_t(*in_frame) != asdus, sample_differs = of_sample && channels_wanted && of_sample != channels_wanted;
    if (s && m.qualifier == revision) p.right |= Publication::revision;
    if (s && m.function == changed && !frame_differs && !sample_differs) p.right |= Publication::form;
    Publication::Aspect of = Publication::form;
    bool before = false;                   // it differed, and otherwise
    const bool shape_told = p.differs_told || p.differs_kept;
    if (m.qualifier != revision && p.told_revision != m.qualifier + 1) {
      before = std::exchange(p.told_revision, m.qualifier + 1) != 0;
      of = Publication::revision;
      what = fmt::format("with configuration revision {}", m.qualifier), expected = fmt::format("confRev {}.", revision);
    } else if (frame_differs && !shape_told) {
      what = fmt::format("with {:.0f} samples in a frame", *in_frame), expected = fmt::format("{} in a frame.", asdus);
    } else if (sample_differs && !shape_told) {
      what = fmt::format("with {} channels", of_sample), expected = fmt::format("{} channels.", channels_wanted);
    }
    if (!what.empty()) {
      Finding f = about(smv07_, p, e, c);
      f.what = fmt::format("{} publishes the sampled values {} {}.", c.text(e.scene.speaker().address), label(p), what);
      f.expected = fmt::format("{} {}", s ? "Declared:" : "Learned:", expected);
      if (!before) only_differs(f, p, of, c);
      if (of == Publication::form) (f.difference ? p.differs_kept : p.differs_told) = true;
      tell(p, std::move(f), e.scene.time, to);
    }
    if (s && s->synchronised && *s->synchronised && !is_synchronised(m.tag)) lost_synch(p, 2, m.tag, e, c, to);
  }

  void lost_synch(Samples& p, uint32_t was, uint32_t is, const Event& e, const Context& c, Findings& to) {
    if (c.learning || (p.told_synch && e.scene.time - p.told_synch < minute)) return;
    if (p.known.site && p.known.site->synchronised && !*p.known.site->synchronised) return;     // it never is
    if (!p.known.site && p.known.learned && p.known.learned->synch <= is) return;
    p.told_synch = e.scene.time;
    Finding f = about(smv05_, p, e, c);
    if (is_synchronised(is)) f.severity = 2;
    f.what = fmt::format("The merging unit {} says of {} that it is {} (smpSynch {}).", c.text(e.scene.speaker().address), label(p), synch_text(is), is);
    f.expected = fmt::format("It was {} (smpSynch {}). Differential protection with other units' samples may block or trip wrongly.", synch_text(was), was);
    to.raise(std::move(f));
  }

  // ---- breaches

  void odd(Samples& p, Voice& v, const Event& e, const Context& c, Findings& to) {
    const Message& m = *e.said;
    const Time now = e.scene.time;
    switch (m.sub_function) {
      case Breach::lost: {
        const uint32_t n = uint32_t(number(e, "lost").value_or(0));
        if (n > p.jump) p.jump = n, p.jump_from = uint32_t(number(e, "smpCnt before").value_or(0)), p.jump_to = m.sequence;
        return;
      }
      case back: case repeated: {
        // Two series by turns, under one address: each goes back to where the other was not.
        if (now - p.back_at > 2 * second) p.back_and_forth = {};
        p.back_at = now;
        p.back_and_forth[m.sub_function == back]++;
        if (p.back_and_forth[1] < 10 || p.lately(now) || attention_.lossy(now)) return;
        Finding f = about(smv02_, p, e, c);
        f.what = fmt::format("The sample counter of {} from {} goes to and fro, {} times in two seconds: two senders with one address.", label(p), c.text(v.source), p.back_and_forth[1]);
        f.expected = "smpCnt rises by one with each sample and returns to 0 with the second.";
        return tell(p, std::move(f), now, to);
      }
      case rev_changed: if (p.known.any()) forms(p, e, c, to); return;
      case set_changed: case rate_changed: case samples_changed: case count_differs: {
        if (c.learning || p.lately(now) || (m.sub_function == count_differs && p.differs_kept) || std::exchange(p.differs_told, true)) return;
        Finding f = about(smv07_, p, e, c);
        f.what = m.sub_function == set_changed     ? fmt::format("The data set of the sampled values {} is another from one frame to the next.", label(p))
                 : m.sub_function == rate_changed  ? fmt::format("The sampling rate that {} states changed from one frame to the next.", label(p))
                 : m.sub_function == count_differs ? fmt::format("{} says that {:.0f} samples are in a frame of {} and sends {:.0f}.", c.text(v.source), number(e, "noASDU").value_or(0), label(p), number(e, "ASDUs").value_or(0))
                                                   : fmt::format("The size of a sample of {} changed from {:.0f} to {:.0f} octets.", label(p), number(e, "octets of a sample before").value_or(0), number(e, "octets of a sample").value_or(0));
        f.expected = "A stream changes only with the configuration, and confRev with it.";
        return tell(p, std::move(f), now, to);
      }
      case synch_changed: {
        const uint32_t was = uint32_t(number(e, "smpSynch before").value_or(0));
        p.synch = uint8_t(m.tag);
        // 0 not at all; 1 and 5 to 254 a local clock; 2 a global one (9-2, table 14; 61869-9).
        const auto rank = [](uint32_t s) { return s == 0 ? 0 : s == 2 ? 2 : 1; };
        if (rank(m.tag) < rank(was)) lost_synch(p, was, m.tag, e, c, to);
        return;
      }
      case simulation_changed: return simulation(p, e, c, to, true);
      case spdu_back: {
        if (c.learning || p.lately(now)) return;
        Finding f = about(rgs01_, p, e, c);
        f.what = fmt::format("The session number of R-SV {} from {} went back from {:.0f} to {:.0f}.", label(p), c.text(v.source), number(e, "SPDU number before").value_or(0), number(e, "SPDU number").value_or(0));
        f.expected = "It rises with each datagram; older ones are sent by who recorded them.";
        return tell(p, std::move(f), now, to);
      }
      default: return;
    }
  }

  // ---- once a second: SMV-03, SMV-04, SMV-09

  void summed(Samples& p, Voice& v, const Event& e, const Context& c, Findings& to) {
    const Time now = e.scene.time;
    const bool own = !p.known.any() || p.known.from(c, v.source);
    p.spoken = now;
    p.summaries++;
    if (const auto r = number(e, "samples a second")) p.rate = *r;
    counted(p, v, e, c, to);
    if (own) forms(p, e, c, to);
    if (!own || c.learning || p.lately(now, 10 * second) || attention_.lossy(now)) return;
    wrapped(p, e, c, to);
    waveform(p, e, c, to);
  }

  // Samples that the counter leaves out while the frames come on time were never sent: the numbering was altered. Where time
  // is missing too they were lost.
  void counted(Samples& p, const Voice& v, const Event& e, const Context& c, Findings& to) {
    const Time now = e.scene.time;
    const double lost_now = number(e, "lost").value_or(0), heard = number(e, "samples").value_or(0);
    const auto longest = number(e, "longest interval (us)");
    const Time between = Time(longest.value_or(0)) * microsecond;
    const bool was_silent = number(e, "stream was silent").has_value();
    const uint32_t jump = std::exchange(p.jump, 0);
    const Time usual = p.longest;
    if (longest && !lost_now && !was_silent) p.longest = usual ? std::max<Time>(usual - usual / 16, between) : between;
    if (c.learning || p.lately(now, 3 * second)) return;
    const double period = p.rate > 0 ? double(second) / p.rate : 0;
    if (jump >= jump_ && longest && period > 0 && !was_silent && usual && double(std::max(usual, between)) < 0.6 * (jump + 1) * period) {
      Finding f = about(smv03_, p, e, c);
      f.what = fmt::format("The sample counter of {} from {} jumped from {} to {}: {} samples are missing, but the frames came without a pause.", label(p), c.text(v.source), p.jump_from, p.jump_to, jump);
      f.expected = fmt::format("smpCnt rises by one with each sample; {} lost samples would leave a pause of {:.1f} ms.", jump, double(jump) * period / double(millisecond));
      p.told_jump = now;
      return tell(p, std::move(f), now, to);
    }
    if (now - p.since > minute) p.since = now, p.gone = p.heard = 0, p.loss_told = false;
    p.gone += lost_now, p.heard += heard;
    if (p.loss_told || attention_.lossy(now) || p.gone < 20 || p.gone < share_ * (p.gone + p.heard) || now - p.since < 10 * second || !publishers_known(c, PublisherKind::sampled_values)) return;
    p.loss_told = true;
    Finding f = about(smv03_, p, e, c);
    f.severity = std::min<uint8_t>(f.severity, 3);
    f.what = fmt::format("{:.0f} of {:.0f} samples of {} from {} were lost within {}.", p.gone, p.gone + p.heard, label(p), c.text(v.source), seconds_text(now - p.since));
    f.expected = fmt::format("Fewer than {:.0f} %; the sensor lost no frame that it knows of.", share_ * 100);
    to.raise(std::move(f));
  }

  // A synchronised unit counts 0 with the second: when that moves and stays moved, its clock or its numbering did.
  void wrapped(Samples& p, const Event& e, const Context& c, Findings& to) {
    const auto began = number(e, "smpCnt 0 after the second (us)");
    if (!began || !is_synchronised(e.said->tag) || p.rate < 1) return;
    const Time at = Time(*began) * microsecond;
    if (p.began < 0) { p.began = at; return; }
    Time moved = std::abs(at - p.began);
    moved = std::min(moved, second - moved);
    if (moved < std::max(shift_, Time(0.5 * double(second) / p.rate))) {
      p.began = at, p.shifted = 0;
      return;
    }
    if (++p.shifted < 3) return;
    p.shifted = 0;
    const Time was = std::exchange(p.began, at);
    if (c.learning || others_moved(p, e.scene.time)) return;
    Finding f = about(smv04_, p, e, c);
    f.what = fmt::format("The samples of {} begin their second {:.1f} ms {} than before.", label(p), double(moved) / double(millisecond), at > was ? "later" : "earlier");
    f.expected = "A synchronised merging unit counts 0 with the second of the common clock; the other streams and the sensor's clock did not move.";
    to.raise(std::move(f));
  }
  // Whether another stream moved at the same time: then it was the sensor's clock.
  bool others_moved(const Samples& but, Time now) {
    bool moved = false;
    streams_.each([&](Samples& o) { moved |= &o != &but && o.shifted > 0 && now - o.spoken < 3 * second; });
    return moved;
  }

  // SMV-09. What held for ten seconds and does not for three.
  void waveform(Samples& p, const Event& e, const Context& c, Findings& to) {
    double phases[2] = {}, residual[2] = {-1, -1}, frequency = 0;
    for (const Point& q : e.points) {
      if (q.object.kind() != ObjectKind::channel) continue;
      const uint32_t n = q.object.number() & 0xffff, what = q.object.number() >> 16;
      if (what == 0 && n >= 1 && n <= 8) phases[(n - 1) / 4] = std::max(phases[(n - 1) / 4], q.number());
      if (what == 1 && frequency == 0) frequency = q.number();
      if (what == 2 && n >= 1 && n <= 2) residual[n - 1] = q.number();
    }
    bool sound = true, known = false;
    double worst = 0;
    for (int i = 0; i < 2; i++) {
      if (residual[i] < 0 || phases[i] < 1000) continue;           // hardly anything flows
      known = true;
      worst = std::max(worst, residual[i] / phases[i]);
      sound &= residual[i] < residual_ * phases[i];
    }
    if (known) {
      if (sound) p.balanced = std::min(p.balanced + 1, 1000u), p.unbalanced = 0, p.residual_told = false;
      else if (++p.unbalanced == 3 && p.balanced >= 10 && !std::exchange(p.residual_told, true) && !c.learning) {
        Finding f = about(smv09_, p, e, c);
        f.what = fmt::format("In the sampled values {} the three phases and the neutral no longer add up: {:.0f} % of the largest are left over.", label(p), worst * 100);
        f.expected = fmt::format("They did for {} s before. Currents and voltages that were measured together always do; numbers that were made up do not.", p.balanced);
        to.raise(std::move(f));
      }
    }
    if (frequency <= 0) return;
    const bool near = p.frequency > 0 && std::abs(frequency - p.frequency) < frequency_;
    if (p.frequency <= 0 || near) {
      p.frequency = p.frequency <= 0 ? frequency : p.frequency + (frequency - p.frequency) / 8;
      p.steady = std::min(p.steady + 1, 1000u), p.off = 0, p.frequency_told = false;
    } else if (++p.off == 3) {
      if (p.steady >= 10 && !std::exchange(p.frequency_told, true) && !c.learning) {
        Finding f = about(smv09_, p, e, c);
        f.what = fmt::format("The frequency in the sampled values {} is {:.2f} Hz.", label(p), frequency);
        f.expected = fmt::format("It was {:.2f} Hz a moment ago; a network's frequency does not jump by {:.1f} Hz.", p.frequency, std::abs(frequency - p.frequency));
        to.raise(std::move(f));
      }
      p.frequency = frequency, p.steady = 0, p.off = 0;
    }
  }

  // SMV-10.
  void quality(Samples& p, const Event& e, const Context& c, Findings& to) {
    uint32_t bad = 0, first = 0;
    for (const Point& q : e.points)
      if (q.object.kind() == ObjectKind::channel && q.quality & ~uint32_t(overflow | out_of_range)) bad |= q.quality, first = first ? first : q.object.number();
    if (!bad) { p.quality_told = false; return; }
    if (c.learning || p.lately(e.scene.time) || std::exchange(p.quality_told, true)) return;
    std::array<char, 128> words;
    Finding f = about(smv10_, p, e, c);
    f.what = fmt::format("{} marks samples of {} as {}, channel {} first.", c.text(e.scene.speaker().address), label(p), describe_quality(bad, words), first);
    f.expected = "In operation samples are valid; relays that get others block.";
    to.raise(std::move(f));
  }

  // SMV-06: units of one bay with and without a common clock.
  void bays(const Context& c, Findings& to) {
    if (c.learning || c.site.publishers.empty()) return;
    streams_.each([&](Samples& a) {
      if (!a.known.site || a.known.site->bay.empty() || a.synch != 0 || c.now - a.spoken > 3 * second || a.told_synch || (a.known.site->synchronised && !*a.known.site->synchronised)) return;
      streams_.each([&](Samples& b) {
        if (&a == &b || a.told_synch || !b.known.site || b.known.site->bay != a.known.site->bay || b.synch == 0 || b.synch == 0xff || c.now - b.spoken > 3 * second) return;
        if (c.now - std::max(a.since_first, b.since_first) < 3 * second) return;
        a.told_synch = c.now;
        Message m;
        Scene s;
        s.time = c.now;
        s.protocol = uint16_t(std::max(0, protocol_index("sv")));
        s.client.address = a.voices[0].source, s.server.address = a.voices[0].group;
        Finding f = about(smv06_, a, Event{s, &m, nullptr, {}, {}}, c);
        f.what = fmt::format("In bay {} the merging unit of {} is not synchronised, that of {} is.", a.known.site->bay, label(a), label(b));
        f.expected = "Units whose samples are compared have one clock: differential protection of the bay works with them together.";
        to.raise(std::move(f));
      });
    });
  }

  // SMV-12.
  void stopped(Samples& p, Voice& v, const Context& c, Findings& to) {
    if (!v.last || v.silent || c.learning || !p.known.any() || v.words < 3 || !p.known.from(c, v.source)) return;
    if (p.known.site ? p.known.site->intermittent : p.known.learned->pauses) return;
    const double rate = p.known.site && p.known.site->rate > 0 ? p.known.site->rate : p.known.learned && p.known.learned->rate > 0 ? p.known.learned->rate : p.rate;
    if (rate <= 0) return;
    const Time due = v.last + second + Time(8 * double(second) / rate) + grace_;       // said once a second
    if (c.now < due || attention_.last() < due) return;
    v.silent = due;
    if (!attention_.whole_since(v.last)) return;
    Message m;
    Scene s;
    s.time = c.now;
    s.protocol = uint16_t(std::max(0, protocol_index("sv")));
    s.client.address = v.source, s.server.address = v.group;
    Finding f = about(smv12_, p, Event{s, &m, nullptr, {}, {}}, c);
    f.what = fmt::format("The sampled values {} stopped: {} sent nothing for at least {}.", label(p), c.text(v.source), seconds_text(c.now - v.last - second));
    f.expected = fmt::format("{:.0f} samples a second; relays that measure by it are blind.", rate);
    to.raise(std::move(f));
  }

  // SMV-07: what no relay could read.
  void broken(const Event& e, const Context& c, Findings& to) {
    if (!e.said->malformed || c.learning) return;
    const uint64_t weight = malformed_.due(key_of(e.scene.speaker().address), e.scene.time);
    if (!weight) return;
    Finding f = finding(smv07_, e, c);
    f.source = c.party(e.scene.speaker().address), f.target = c.party(e.scene.listener().address);
    f.station.clear(), f.object.clear();
    f.weight = weight;
    f.what = fmt::format("{} sent a frame of sampled values to {} that is not well formed.", c.text(e.scene.speaker().address), c.text(e.scene.listener().address));
    f.expected = "A device's frames are well formed; what is not comes from tests, tools, or a fault.";
    to.raise(std::move(f));
  }

  const Detection &smv01_ = row("SMV-01"), &smv02_ = row("SMV-02"), &smv03_ = row("SMV-03"), &smv04_ = row("SMV-04"), &smv05_ = row("SMV-05"), &smv06_ = row("SMV-06"),
                  &smv07_ = row("SMV-07"), &smv09_ = row("SMV-09"), &smv10_ = row("SMV-10"), &smv11_ = row("SMV-11"), &smv12_ = row("SMV-12"), &rgs01_ = row("RGS-01");
  unsigned jump_ = 0;
  double share_ = 0, residual_ = 0, frequency_ = 0;
  Time shift_ = 0, grace_ = 0, looked_ = 0;
  Recent<Samples> streams_{1024};
  Attention attention_;
  Pacer pacer_, malformed_;
};

}  // namespace

void add_sampled_value_detectors(Detectors& to, const JudgeSettings& s) { to.push_back(std::make_unique<SampledValues>(s)); }

}  // namespace vidra
