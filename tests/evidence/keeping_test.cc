// SPDX-License-Identifier: Apache-2.0
// What is heard, written, told and cut, each by its own thread, on disks that are slow or take nothing.
#include <gtest/gtest.h>
#include <sodium.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/evidence/evidence.h"
#include "daemon/judge/catalogue.h"
#include "tests/evidence/frames.h"

// The wall clock of this program, which a test may step.
static std::atomic<long> stepped{0};
extern "C" int clock_gettime(clockid_t id, timespec* t) noexcept {
  const long e = syscall(SYS_clock_gettime, id, t);
  if (e == 0 && id == CLOCK_REALTIME) t->tv_sec += stepped.load(std::memory_order_relaxed);
  return int(e);
}

namespace vidra {
namespace {

Witness witness() {
  Witness w;
  w.sensor = "0b2d9b1c-0000-5000-8000-000000000001", w.name = "alder";
  const std::array<uint8_t, 32> seed{};
  crypto_sign_seed_keypair(w.key.data(), w.secret.data(), seed.data());
  return w;
}

EvidenceSettings soon() {
  EvidenceSettings s;
  s.keep = true, s.after = 0, s.spare = 0, s.memory = 4 << 20;
  return s;
}

const Address a = Address::ip4(packets::host_a), b = Address::ip4(packets::host_b);

Story alert(int n, Time at, uint64_t frame) {
  Story s;
  s.id = "3f2a91c0-7777-5000-8000-00000000000" + std::to_string(n), s.detection = detection("MOD-02"), s.severity = 4, s.what = "a register was written";
  s.first = s.last = at;
  s.source.address = a, s.target.address = b;
  s.deciding.push_back({at, frame, a, b});
  return s;
}

void hear(Recorder& r, Time at, uint64_t number) {
  const auto o = frame_of(60);
  const Packet p = packet(o, at, number);
  r.begin(), r.keep({&p, 1});
}

std::vector<Manifest> manifests(Storage& disk) {
  std::vector<std::string> flaws;
  std::vector<Manifest> all;
  for (const KeptSet& s : read_sets(disk, "/e/stories", flaws)) all.push_back(s.manifest);
  EXPECT_TRUE(flaws.empty());
  return all;
}

template <class Done> bool within(Time most, const Done& done) {
  for (const Time end = monotonic_now() + most; monotonic_now() < end; sleep_for(10 * millisecond))
    if (done()) return true;
  return false;
}

TEST(Keeping, a_worker_that_heard_nothing_since_the_clock_was_stepped_misleads_nobody) {
  FaultyStorage disk;
  NoSink sink;
  {
    Evidence e(soon(), "/e", witness(), disk, 2, false);
    Recorder &idle = e.recorder(sink, 0), &busy = e.recorder(sink, 1);
    e.start();
    idle.apart(0, noon - hour);
    busy.apart(3 * day, noon);
    hear(busy, noon + 3 * day, 7);
    e.told(alert(1, noon, 7));
  }
  const auto all = manifests(disk);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].deciding, 1u);
  EXPECT_EQ(all[0].from, noon - 10 * second + 3 * day);          // as the packets are stamped
}

TEST(Keeping, what_the_disk_has_not_yet_written_is_waited_for) {
  FaultyStorage inner;
  AskedDisk disk(inner);
  std::atomic<bool> hangs{true}, asked{false};
  disk.on_write = [&](const std::string& path, uint64_t) {
    while (path.starts_with("/e/last/") && (asked = true, hangs)) sleep_for(5 * millisecond);
    return 0;
  };
  NoSink sink;
  Evidence e(soon(), "/e", witness(), disk, 1, false);
  Recorder& r = e.recorder(sink, 0);
  e.start();
  hear(r, noon, 1);
  ASSERT_TRUE(within(5 * second, [&] { return asked.load(); }));   // it hangs
  hear(r, noon + 1, 2);
  e.told(alert(1, noon + 1, 2));
  sleep_for(1700 * millisecond);                                  // beyond the second after which a set is cut
  EXPECT_EQ(e.status().sets.written, 0u);
  hangs = false;
  ASSERT_TRUE(within(5 * second, [&] { return e.status().sets.written == 1; }));
  const auto all = manifests(inner);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].deciding, 1u);
  EXPECT_EQ(all[0].packets, 2u);
}

TEST(Keeping, a_clock_that_is_stepped_while_the_last_packets_are_looked_at_makes_them_no_older) {
  FaultyStorage inner;
  NoSink sink;
  {
    Evidence e(soon(), "/e", witness(), inner, 1, false);
    Recorder& r = e.recorder(sink, 0);
    e.start();
    hear(r, wall_now(), 1);
  }
  ASSERT_EQ(inner.paths().size(), 1u);
  AskedDisk disk(inner);
  bool done = false;                                              // by the writer's own thread
  disk.on_list = [&](const std::string& folder) { if (folder == "/e/last" && !std::exchange(done, true)) stepped = 30 * 86'400; };
  {
    Evidence e(soon(), "/e", witness(), disk, 1, false);
    e.start();
  }
  stepped = 0;
  EXPECT_EQ(inner.paths().size(), 1u);
}

TEST(Keeping, a_set_that_the_disk_never_took_is_counted) {
  FaultyStorage inner;
  AskedDisk disk(inner);
  disk.on_write = [](const std::string& path, uint64_t) { return path.starts_with("/e/stories/") ? -ENOSPC : 0; };
  NoSink sink;
  Evidence e(soon(), "/e", witness(), disk, 1, false);
  Recorder& r = e.recorder(sink, 0);
  e.start();
  hear(r, noon, 1);
  e.told(alert(1, noon, 1));
  e.finish();
  EXPECT_EQ(e.status().sets.written, 0u);
  EXPECT_EQ(e.status().left_out, 1u);
}

TEST(Keeping, a_set_that_the_disk_did_not_take_is_tried_again) {
  FaultyStorage inner;
  AskedDisk disk(inner);
  std::atomic<bool> full{true};
  disk.on_write = [&](const std::string& path, uint64_t) { return full && path.starts_with("/e/stories/") ? -ENOSPC : 0; };
  NoSink sink;
  {
    Evidence e(soon(), "/e", witness(), disk, 1, false);
    Recorder& r = e.recorder(sink, 0);
    e.start();
    hear(r, noon, 1);
    e.told(alert(1, noon, 1));
    ASSERT_TRUE(within(10 * second, [&] { return !e.status().sets_trouble.empty(); }));
    EXPECT_EQ(complaints_of(e.status()).size(), 1u);
    full = false;
  }                                                               // at the latest when the sensor is stopped
  const auto all = manifests(inner);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].deciding, 1u);
}

}  // namespace
}  // namespace vidra
