// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "daemon/base/clock.h"
#include "tests/evidence/frames.h"
#include "tests/support/waited.h"

namespace vidra {
namespace {

TEST(Tape, gives_pieces_in_order_and_whole_however_they_lie) {
  Tape tape(64 << 10);
  ASSERT_EQ(tape.capacity(), 64u << 10);
  uint32_t put = 0, got = 0;
  std::thread consumer([&] {
    while (got < 20'000) {
      const Bytes all = tape.front();
      size_t at = 0;
      while (at < all.size()) {
        uint32_t n, number;
        std::memcpy(&n, all.data() + at, 4), std::memcpy(&number, all.data() + at + 4, 4);
        ASSERT_EQ(number, got++);
        ASSERT_EQ(all[at + n - 1], n > 8 ? uint8_t(number) : all[at + n - 1]);
        at += n;
      }
      ASSERT_EQ(at, all.size());
      tape.pop(at);
    }
  });
  while (put < 20'000) {
    const uint32_t n = 8 + 4 * (put * 7919 % 700);
    uint8_t* to = tape.reserve(n);
    if (to) {
      std::memset(to, int(uint8_t(put)), n);
      std::memcpy(to, &n, 4), std::memcpy(to + 4, &put, 4);
      put++;
    }
    if (to && put % 5) continue;                               // five at a time
    tape.commit();
    if (put % 3 == 0) tape.rewind();
  }
  tape.commit();
  consumer.join();
  EXPECT_EQ(tape.used(), 0u);
}

TEST(Tape, touches_as_much_of_its_memory_as_lies_there_at_once) {
  Tape tape(1 << 20);
  const uint8_t *low = nullptr, *high = nullptr;
  for (int i = 0; i < 2000; i++) {                             // 60 MB in all, 30 KB at a time
    tape.rewind();
    for (int n = 0; n < 3; n++) {
      const uint8_t* to = tape.reserve(10'000);
      ASSERT_NE(to, nullptr);
      low = low ? std::min(low, to) : to, high = std::max(high, to + 10'000);
    }
    EXPECT_TRUE(tape.front().empty());                         // nothing is handed over before all is
    tape.commit();
    ASSERT_EQ(tape.front().size(), 30'000u);
    tape.pop(30'000);
  }
  EXPECT_LT(high - low, 100'000);
}

TEST(Tape, refuses_what_finds_no_room) {
  Tape tape(64 << 10);
  EXPECT_EQ(tape.reserve((32 << 10) + 4), nullptr);            // half of it at most
  size_t n = 0;
  while (tape.reserve(1000)) tape.commit(), n++;
  EXPECT_EQ(n, 65u);
  EXPECT_EQ(tape.front().size(), 65'000u);
  tape.pop(65'000);
  EXPECT_NE(tape.reserve(1000), nullptr);
}

EvidenceSettings small() {
  EvidenceSettings s;
  s.memory = 1 << 20;                                          // 128, 512, 256 KiB
  return s;
}

Message of(Act act) {
  Message m;
  m.act = act;
  return m;
}

// What is in a tape, frame by frame; the interfaces are taken as read.
std::vector<KeptFrame> frames_in(Tape& t) {
  std::vector<KeptFrame> all;
  BlockReader r;
  r.interfaces.resize(4);
  for (Bytes b = t.front(); !b.empty(); b = b.subspan(r.length)) {
    EXPECT_EQ(r.next(b), BlockReader::Found::frame);
    all.push_back(r.frame);
    if (!r.length) break;
  }
  return all;
}

TEST(Recorder, sorts_frames_by_what_was_said_in_them) {
  NoSink sink;
  Recorder rec(sink, small(), 3, 4, 0xabc, false);
  const auto command = frame_of(20), plain = frame_of(20), lengthy = frame_of(900), answered = frame_of(900);
  const auto sv = packets::ethernet(packets::Octets(100, 1), 0x88ba), tagged_sv = packets::vlan(sv, 7);
  const auto goose = packets::ethernet(packets::Octets(100, 1), 0x88b8);
  const std::vector<Packet> burst{packet(command, noon), packet(plain, noon + 1), packet(lengthy, noon + 2), packet(answered, noon + 3), packet(sv, noon + 4), packet(tagged_sv, noon + 5), packet(goose, noon + 6)};
  rec.begin();
  Scene scene;
  const Message operate = of(Act::operate), report = of(Act::report), read = of(Act::read);
  scene.frame = 1, rec.see({scene, &report, nullptr, {}, {}}), rec.see({scene, &operate, nullptr, {}, {}}), rec.see({scene, &report, nullptr, {}, {}});
  scene.frame = 4, rec.see({scene, &read, nullptr, {}, {}});
  rec.keep(burst);
  const auto commands = frames_in(rec.tape(Sort::commands)), ordinary = frames_in(rec.tape(Sort::ordinary)), bulk = frames_in(rec.tape(Sort::bulk));
  ASSERT_EQ(commands.size(), 1u);
  ASSERT_EQ(ordinary.size(), 3u);                              // the second, the answered one, GOOSE
  ASSERT_EQ(bulk.size(), 3u);                                  // long and silent, sampled values, sampled values in a VLAN
  EXPECT_EQ(commands[0].id, Recorder::id(0xabc, 3, 1));
  EXPECT_EQ(commands[0].stamp, noon);
  EXPECT_TRUE(std::equal(commands[0].octets.begin(), commands[0].octets.end(), command.begin(), command.end()));
  EXPECT_EQ(ordinary[1].id & Recorder::number_mask, 4u);
  EXPECT_EQ(rec.counts().kept, (std::array<uint64_t, 3>{1, 3, 3}));
}

TEST(Recorder, counts_what_finds_no_room_and_never_waits) {
  NoSink sink;
  Recorder rec(sink, small(), 0, 1, 1, false);
  const auto o = frame_of(400);
  const std::vector<Packet> burst(50, packet(o, noon));
  const Time before = monotonic_now(), waited = waited_for_a_core();
  for (int i = 0; i < 400; i++) rec.begin(), rec.keep(burst);  // nobody reads: 20,000 frames of 442 octets into 512 KiB
  EXPECT_LT(monotonic_now() - before, 2 * second + waited_for_a_core() - waited);
  const auto c = rec.counts();
  EXPECT_EQ(c.kept[1] + c.not_kept[1], 20'000u);
  EXPECT_EQ(c.kept[1], (512u << 10) / frame_block(o.size()));
  rec.tape(Sort::ordinary).pop(rec.tape(Sort::ordinary).front().size());
  rec.begin(), rec.keep(burst);
  EXPECT_EQ(rec.counts().kept[1], c.kept[1] + 50);             // and goes on when there is room
}

TEST(Recorder, keeps_nothing_of_a_sort_that_is_off) {
  NoSink sink;
  EvidenceSettings s = small();
  s.quota[size_t(Sort::bulk)] = 0;
  Recorder rec(sink, s, 0, 1, 1, false);
  const auto o = frame_of(900);
  const Packet p = packet(o, noon);
  rec.begin(), rec.keep({&p, 1});
  EXPECT_EQ(rec.counts().kept[2] + rec.counts().not_kept[2], 0u);
}

TEST(Recorder, remembers_a_step_of_the_clock) {
  NoSink sink;
  Recorder rec(sink, small(), 0, 1, 1, false);
  rec.apart(10, noon), rec.apart(20, noon + 1);
  EXPECT_EQ(rec.apart().now, 20);
  EXPECT_EQ(rec.apart().before, 0);
  rec.apart(hour, noon + 2);
  EXPECT_EQ(rec.apart().now, hour);
  EXPECT_EQ(rec.apart().before, 20);
  EXPECT_EQ(rec.apart().seen, noon + 2);
}

TEST(Pcapng, every_block_cut_anywhere_is_torn_and_never_more) {
  Blocks b;
  add_section(b, "why");
  add_interface(b, {"eth1", Link::ethernet});
  const auto o = frame_of(33);
  add_frame(b, {noon, 0, 9000, 42, o}, "deciding packet");
  for (size_t cut = 0; cut <= b.size(); cut++) {
    BlockReader r;
    r.comments = true;
    Bytes rest = Bytes(b).first(cut);
    size_t frames = 0;
    for (;;) {
      const auto what = r.next(rest);
      if (what == BlockReader::Found::end || what == BlockReader::Found::torn) {
        EXPECT_EQ(what == BlockReader::Found::torn, !rest.empty());
        EXPECT_TRUE(rest.empty() || r.short_of);
        break;
      }
      if (what == BlockReader::Found::frame) {
        frames++;
        EXPECT_EQ(r.comment, "deciding packet");
        EXPECT_EQ(r.frame.wire_length, 9000u);
        EXPECT_EQ(r.frame.id, 42u);
        EXPECT_EQ(r.frame.stamp, noon);
        EXPECT_EQ(r.interfaces.at(0).name, "eth1");
        EXPECT_EQ(r.frame.octets.size(), o.size());
      }
      rest = rest.subspan(r.length);
    }
    EXPECT_EQ(frames, cut == b.size());
  }
  // Any octet another: read as something else or refused, never beyond the octets (this runs under a sanitizer, too).
  for (size_t i = 0; i < b.size(); i++)
    for (const uint8_t v : {0x00, 0x01, 0x7f, 0x80, 0xff}) {
      Blocks wrong = b;
      wrong[i] = v;
      BlockReader r;
      size_t n = 0;
      for (Bytes rest = wrong; n < 10; rest = rest.subspan(r.length), n++)
        if (const auto what = r.next(rest); what == BlockReader::Found::end || what == BlockReader::Found::torn) break;
      EXPECT_LT(n, 10u);
    }
}

}  // namespace
}  // namespace vidra
