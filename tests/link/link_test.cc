// SPDX-License-Identifier: Apache-2.0
// Both ends over loopback, and what real networks put between and instead of them.
#include "tests/link/ends.h"

namespace vidra {
namespace {

using Kind = ReceiverEvents::Kind;

struct Link : testing::Test {
  TempDir dir;
  CollectorEnd collector{dir};
  SensorEnd sensor{dir};
  void begin() {
    collector.start();
    collector.set(sensor.keys, KeyState::active);
    sensor.start(collector.settings.endpoint, collector.keys.curve_public);
  }
  void expect_all(int n) {
    EXPECT_TRUE(eventually([&] { return collector.journal.count() >= size_t(n); })) << collector.journal.count() << " of " << n << ": " << sensor.sender->status().text;
    std::set<std::string> seen;
    for (const auto& b : collector.journal.bodies()) EXPECT_TRUE(seen.insert(b).second) << b;
    for (int i = 0; i < n; i++) EXPECT_TRUE(seen.contains("{\"n\":" + std::to_string(i) + "}")) << i;
  }
};

TEST_F(Link, delivers_in_order_and_is_acknowledged) {
  begin();
  for (int i = 0; i < 1000; i++) sensor.alert(i);
  expect_all(1000);
  EXPECT_TRUE(collector.journal.unbroken());
  EXPECT_TRUE(eventually([&] { return sensor.outbox->status().lanes[1].unacknowledged == 0; }));
  EXPECT_EQ(collector.journal.repeated, 0u);
  EXPECT_EQ(sensor.sender->status().state, LinkState::connected) << sensor.sender->status().text;
}

}  // namespace
}  // namespace vidra
