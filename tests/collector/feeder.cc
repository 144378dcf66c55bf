// SPDX-License-Identifier: Apache-2.0
// A sensor's end for kill_test.py: `feeder DIR ENDPOINT SERVER-KEY COUNT` makes keys in DIR, says its public key, appends
// COUNT alerts, says the number of each that was accepted, and ends when all are acknowledged.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "daemon/link/sender.h"
#include "tests/collector/records.h"

using namespace vidra;

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  const std::string directory = argv[1];
  const uint64_t count = std::strtoull(argv[4], nullptr, 10);
  Keys keys;
  std::string error;
  if (!load_or_make_keys(directory + "/sensor.keys", keys, error)) return std::fprintf(stderr, "%s\n", error.c_str()), 1;
  std::printf("key %s\n", keys.curve_public.c_str());
  std::fflush(stdout);
  OutboxSettings box;
  box.directory = directory + "/outbox", box.sensor = keys.id, box.free_floor = 0;
  SenderSettings link;
  link.endpoints = {argv[2]}, link.server_key = argv[3];
  link.heartbeat = 200 * millisecond, link.handshake = 500 * millisecond, link.backoff = 20 * millisecond, link.backoff_longest = 200 * millisecond;
  link.acknowledge_within = 500 * millisecond;
  link.hello.name = "feeder", link.hello.site = "test";
  Outbox outbox(real_storage(), box, keys.sign_secret);
  outbox.open();
  outbox.start();
  Sender sender(outbox, link, keys);
  if (!sender.start(error)) return std::fprintf(stderr, "%s\n", error.c_str()), 1;
  FakeSensor bodies(1, "feeder");
  bodies.id = keys.id;
  for (uint64_t n = 1; n <= count; n++) {
    const uint64_t ticket = outbox.append(Lane::alert, MessageType::alert, 50, 0, story_body(bodies.story(n), bodies.sender(), bodies.now));
    if (!ticket || !outbox.wait(Lane::alert, ticket, 10 * second)) return std::fprintf(stderr, "not accepted: %llu\n", static_cast<unsigned long long>(n)), 1;
    std::printf("%llu\n", static_cast<unsigned long long>(n));
    std::fflush(stdout);
  }
  for (int i = 0; i < 6000 && outbox.status().lanes[1].unacknowledged; i++) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  const bool all = outbox.status().lanes[1].unacknowledged == 0;
  sender.stop();
  outbox.stop();
  if (!all) std::fprintf(stderr, "%s\n", sender.status().text.c_str());
  return all ? 0 : 1;
}
