// SPDX-License-Identifier: Apache-2.0
// More comes than can be worked through: what is left out, in which order, that it is counted, and what is never left out.
#include "daemon/traffic/overload.h"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <map>
#include <mutex>
#include <numbers>

#include "daemon/base/clock.h"
#include "daemon/judge/catalogue.h"
#include "daemon/sensor/pipeline.h"
#include "tests/support/packets.h"
#include "tests/support/publisher.h"
#include "tests/support/waited.h"

namespace vidra {
namespace {

using namespace packets;
using Frame = packets::Octets;

TEST(Overload, goes_up_at_once_and_down_a_step_after_a_calm_second) {
  Overload o;
  EXPECT_EQ(o.look(0, 0.29), Plan::all);
  EXPECT_EQ(o.look(1, 0.31), Plan::samples);
  EXPECT_EQ(o.look(2, 0.75), Plan::measurements);
  EXPECT_EQ(o.look(3, 0.36), Plan::measurements);                    // calm is below half of what it took
  EXPECT_EQ(o.look(10 * second, 0.4), Plan::measurements);
  EXPECT_EQ(o.look(10 * second + 900 * millisecond, 0.1), Plan::measurements);
  EXPECT_EQ(o.look(10 * second + 950 * millisecond, 0.5), Plan::measurements);   // the calm was interrupted
  EXPECT_EQ(o.look(11 * second + 900 * millisecond, 0), Plan::measurements);
  EXPECT_EQ(o.look(12 * second, 0), Plan::opaque);
  EXPECT_EQ(o.look(12 * second + 900 * millisecond, 0), Plan::opaque);
  EXPECT_EQ(o.look(13 * second, 0), Plan::samples);
  EXPECT_EQ(o.look(14 * second, 0), Plan::all);
  EXPECT_EQ(o.look(15 * second, 0), Plan::all);
}

// ---- what comes: sampled values, undissected UDP, Modbus reads with their answers, now and then a write

Frame sampled(uint32_t n) {
  std::string sample;
  const double angle = 2 * std::numbers::pi * n / 80;
  for (int i = 0; i < 8; i++) {
    const auto v = uint32_t(int32_t(1'000'000 * std::sin(angle)));
    sample += four(v >> 16) + four(v) + "0000" + four(0);
  }
  const std::string asdu = element("30", element("80", text("MU01")) + element("82", four(n % 4000)) + element("83", "00000001") + element("85", "02") + element("87", sample));
  return ethernet(hex(framed("4001", "0000 0000", element("60", element("80", "01") + element("a2", asdu)))), 0x88ba, mac_a, Mac{{1, 12, 205, 4, 0, 1}});
}

struct Talk {
  uint32_t up = 1000, down = 5000;
  uint16_t number = 1;
  Frame asks(const Frame& pdu) {
    const Frame o = adu(pdu);
    const Frame f = ethernet(ip4(host_a, host_b, 6, tcp({40000, 502, up, down}, o)));
    up += uint32_t(o.size());
    return f;
  }
  Frame answers(const Frame& pdu) {
    const Frame o = adu(pdu);
    const Frame f = ethernet(ip4(host_b, host_a, 6, tcp({502, 40000, down, up}, o)), 0x0800, mac_b, mac_a);
    down += uint32_t(o.size());
    number++;
    return f;
  }
  Frame adu(const Frame& pdu) const {
    Frame o;
    be16(o, number), be16(o, 0), be16(o, unsigned(1 + pdu.size()));
    o.push_back(1);
    return o + pdu;
  }
};

struct Count final : EventSink {
  void see(const Event& e) override {
    const std::string_view p = protocols[e.scene.protocol]->name;
    if (!e.said) return;
    if (p == "sv" && e.said->act == Act::other && e.said->function == 258) breaches++;
    if (p == "sv" && e.said->function == 257) {
      summaries++;
      for (const Point& each : e.points)
        if (each.object.kind() == ObjectKind::channel && each.object.number() == 1) rms = std::bit_cast<double>(each.raw);
        else if (each.object.kind() == ObjectKind::channel && each.object.number() >> 16 == 1) frequencies++;
    }
    if (p == "modbus") modbus++;
  }
  uint64_t breaches = 0, summaries = 0, frequencies = 0, modbus = 0;
  double rms = 0;
};

TEST(Plan, of_sampled_values_one_in_eight_is_worked_out_and_no_fault_is_seen_in_what_was_left_out) {
  Count count;
  Traffic traffic(TrafficSettings{}, count);
  Time t = 1'000 * second;
  uint32_t n = 0;
  const auto play = [&](double seconds) {
    for (const Time until = t + Time(seconds * 1e9); t < until; t += 250 * microsecond) {
      const Frame f = sampled(n++);
      traffic.take(packet(f, t));
    }
  };
  play(3.1);
  const uint64_t before = count.frequencies;
  EXPECT_GT(before, 0u);
  EXPECT_NEAR(count.rms, 707'107, 50);
  traffic.keep_to(Plan::samples);
  play(3);
  EXPECT_NEAR(double(traffic.accounts().samples_left_out), 12'000 * 7.0 / 8, 10);
  EXPECT_NEAR(count.rms, 707'107, 50) << "ten samples a period are enough";
  EXPECT_LE(count.frequencies, before + 8) << "whose periods nobody measured is not said";
  traffic.keep_to(Plan::all);
  const uint64_t left_out = traffic.accounts().samples_left_out;
  play(3);
  EXPECT_EQ(traffic.accounts().samples_left_out, left_out);
  EXPECT_GT(count.frequencies, before + 8);
  EXPECT_EQ(count.breaches, 0u);
  EXPECT_GE(count.summaries, 8u);
}

TEST(Plan, undissected_payload_is_counted_and_its_conversation_goes_on_where_it_is) {
  Count count;
  TrafficSettings settings;
  settings.classify = false;
  Traffic traffic(settings, count);
  Time t = 1'000 * second;
  uint32_t sequence = 1;
  const auto send = [&](size_t n) {
    for (size_t i = 0; i < n; i++, t += millisecond) {
      const Frame f = ethernet(ip4(host_a, host_b, 6, tcp({50000, 9999, sequence, 1, 0x10}, Frame(1000, 0xA5))));
      sequence += 1000;
      traffic.take(packet(f, t));
    }
  };
  send(200);
  traffic.keep_to(Plan::opaque);
  send(100);
  sequence += 50'000;                                    // what the capture's buffer lost meanwhile nobody can know
  send(100);
  traffic.keep_to(Plan::all);
  send(100);
  traffic.finish();
  const Accounts& a = traffic.accounts();
  EXPECT_EQ(a.opaque_left_out, 200u);
  EXPECT_EQ(a.octets().seen, 500'000u);
  EXPECT_EQ(a.octets().seen, a.octets().decoded + a.octets().opaque + a.octets().lost);
  EXPECT_EQ(a.octets().lost, 0u);
}

// A live source that says that its buffer is as full as the test wants. Made of frames that come over and over.
class Flood final : public Source {
 public:
  Flood(std::vector<Frame> (*make)(uint32_t), std::atomic<double>& fill, std::atomic<bool>& over) : make_(make), fill_(fill), over_(over) {}
  Polled poll(std::span<Packet> to) override {
    now_ = std::max(now_, wall_now());
    if (over_ || stopped_) return {0, now_, true};
    sleep_for(500 * microsecond);
    frames_ = make_(round_++);
    size_t n = 0;
    for (const Frame& f : frames_) {
      to[n++] = packet(f, now_);
      to[n - 1].stamp = now_;
      counted_.delivered++, counted_.octets += f.size();
    }
    return {n, now_, false};
  }
  void release() override {}
  Counters counters(uint16_t) const override { return counted_; }
  std::span<const Interface> interfaces() const override { return {&interface_, 1}; }
  void stop() override { stopped_ = true; }
  bool live() const override { return true; }
  double fill() const override { return fill_; }

 private:
  std::vector<Frame> (*make_)(uint32_t);
  std::atomic<double>& fill_;
  std::atomic<bool>& over_;
  std::atomic<bool> stopped_{false};
  std::vector<Frame> frames_;
  uint32_t round_ = 0;
  Time now_ = 0;
  Counters counted_;
  Interface interface_{"test", {}};
};

// A round of one worker: samples, a poll and its answer; a write each sixteenth time.
std::vector<Frame> round_of_the_flood(uint32_t n) {
  thread_local Talk talk;
  if (n == 0) talk = Talk{};
  std::vector<Frame> out;
  for (uint32_t i = 0; i < 4; i++) out.push_back(sampled(n * 4 + i));
  out.push_back(talk.asks({3, 0, 0, 0, 1}));
  out.push_back(talk.answers({3, 2, 0, uint8_t(n)}));
  if (n % 16 == 15) {
    const Frame write = {6, 0, 40, 0, uint8_t(n)};
    out.push_back(talk.asks(write));
    out.push_back(talk.answers(write));
  }
  return out;
}

TEST(Plan, is_told_within_two_seconds_with_its_end_and_every_packet_and_sentence_is_counted) {
  std::atomic<double> fill{0};
  std::atomic<bool> over{false};
  std::vector<std::unique_ptr<Source>> sources;
  sources.push_back(std::make_unique<Flood>(round_of_the_flood, fill, over));
  SensorSettings settings;
  settings.site = std::make_shared<const Site>();
  settings.traffic.silent_after = 0;
  settings.report.update_every = 100 * millisecond;
  Keys keys{};
  std::mutex mutex;
  std::vector<std::string> told;
  Pipeline pipeline(std::move(settings), Memory{}, std::move(sources), keys, real_storage());
  pipeline.on_story = [&](const Story& s) {
    const std::lock_guard lock(mutex);
    if (s.detection->id == "NET-21") told.push_back(s.what);
  };
  std::string error;
  ASSERT_TRUE(pipeline.start(error)) << error;
  std::thread worker([&] { pipeline.run(); });
  const auto wait = [&](const char* begins) {
    for (const Time until = monotonic_now() + 20 * second; monotonic_now() < until; sleep_for(10 * millisecond)) {
      const std::lock_guard lock(mutex);
      if (std::any_of(told.begin(), told.end(), [&](const std::string& s) { return s.rfind(begins, 0) == 0; })) return true;
    }
    return false;
  };
  sleep_for(300 * millisecond);
  fill = 0.8;
  const Time since = monotonic_now(), waited = waited_for_a_core();
  EXPECT_TRUE(wait("More comes than the sensor can work through"));
  EXPECT_LT(monotonic_now() - since, 2 * second + waited_for_a_core() - waited);
  sleep_for(500 * millisecond);
  fill = 0;
  EXPECT_TRUE(wait("From "));
  over = true;
  worker.join();
  const SensorStatus s = pipeline.status();
  EXPECT_EQ(s.plan, Plan::all);
  EXPECT_EQ(s.accounts.packets, s.interfaces.at(0).counters.delivered) << "each packet was taken";
  EXPECT_GT(s.shed.samples, 100u);
  EXPECT_GT(s.shed.reports + s.shed.reads, 100u);
  EXPECT_EQ(s.shed.others, 0u);
  EXPECT_EQ(s.accounts.octets().seen, s.accounts.octets().decoded + s.accounts.octets().opaque + s.accounts.octets().lost);
  const int modbus = protocol_index("modbus");
  EXPECT_GT(s.accounts.protocols[size_t(modbus)].records, 500u) << "read all the same";
}

TEST(Plan, measurements_are_counted_and_commands_and_publishers_pass) {
  Bell bell;
  EventRing ring(1 << 20, bell);
  ring.leave_out_measurements(true);
  const auto say = [&](Act act, std::string_view protocol) {
    Scene s;
    s.protocol = uint16_t(protocol_index(protocol));
    Message m;
    m.act = act;
    m.role = act == Act::report ? Role::report : Role::request;
    ring.see({s, &m, nullptr, {}, Texts()});
  };
  for (int i = 0; i < 5; i++) say(Act::report, "iec104");
  for (int i = 0; i < 7; i++) say(Act::read, "modbus");
  EXPECT_EQ(ring.shed().reports, 5u);
  EXPECT_EQ(ring.shed().reads, 7u);
  say(Act::operate, "iec104"), say(Act::write, "modbus"), say(Act::configure, "mms"), say(Act::report, "goose"), say(Act::session, "tcp"), say(Act::diagnose, "sensor");
  EXPECT_EQ(ring.shed().total(), 12u);
  EventRing::Turn turn;
  struct Taken final : EventSink {
    void see(const Event&) override { n++; }
    int n = 0;
  } taken;
  while (ring.front(turn)) ring.take(taken);
  EXPECT_EQ(taken.n, 6);
}

}  // namespace
}  // namespace vidra
