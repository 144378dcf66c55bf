// SPDX-License-Identifier: Apache-2.0
// From the wire to the durable acknowledgement: the sensor's own pipeline, live on an interface, tells a collector that runs beside
// it. Ten times a second a frame that must raise an alert is put on the other end of the wire: an ARP claim of the address of
// another station that speaks there. bench/wire_to_ack.py lays the wire, starts the collector, and plays the traffic around it.
//   wire_bench SETTINGS PEER SECONDS [alerts a second = 10]
// SETTINGS name the interface and one collector; the stations claimed are the hosts of its site with role rtu.
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <map>
#include <mutex>
#include <thread>

#include "daemon/capture/live.h"
#include "daemon/sensor/pipeline.h"

using namespace vidra;

namespace {

Time now() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return Time(t.tv_sec) * second + t.tv_nsec;
}

void rest(Time t) {
  if (t > 0) std::this_thread::sleep_for(std::chrono::nanoseconds(t));
}

double at(std::vector<Time> v, double q) {
  if (v.empty()) return 0;
  std::sort(v.begin(), v.end());
  return double(v[std::min(v.size() - 1, size_t(q * double(v.size())))]) / 1e6;
}

int fail(const std::string& why) { return fmt::print(stderr, "wire_bench: {}\n", why), 1; }

constexpr uint8_t claimant[6] = {0x02, 0xba, 0xd0, 0, 0, 1};

// An unasked ARP reply: `claimant` has this address.
std::array<uint8_t, 60> claim(const Address& a) {
  std::array<uint8_t, 60> f{};
  std::memset(f.data(), 0xff, 6);
  std::memcpy(f.data() + 6, claimant, 6);
  constexpr uint8_t head[] = {0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0, 2};
  std::memcpy(f.data() + 12, head, sizeof head);
  std::memcpy(f.data() + 22, claimant, 6);
  std::memcpy(f.data() + 28, a.octets.data(), 4);
  std::memset(f.data() + 32, 0xff, 6);
  std::memcpy(f.data() + 38, a.octets.data(), 4);
  return f;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return fmt::print(stderr, "usage: wire_bench SETTINGS PEER SECONDS [alerts a second]\n"), 2;
  const Time seconds = std::atoll(argv[3]), rate = argc > 4 ? std::atoll(argv[4]) : 10;
  Problems problems;
  SensorSettings settings = load_settings(argv[1], problems);
  Memory memory = load_learned(settings, problems);
  for (const std::string& p : problems) fmt::print(stderr, "{}\n", p);
  if (!problems.empty()) return 2;
  if (settings.collectors.size() != 1 || settings.capture.interfaces.size() != 1) return fail("the settings name one interface and one collector");
  std::filesystem::create_directories(settings.state);
  Keys keys;
  std::string error;
  if (!load_or_make_keys(settings.state + "/sensor.keys", keys, error)) return fail(error);
  std::vector<Address> stations;
  for (const SiteHost& h : settings.site->hosts)
    if (h.role == HostRole::rtu && !h.addresses.empty()) stations.push_back(h.addresses[0]);
  if (Time(stations.size()) < seconds * rate) return fail(fmt::format("{} stations for {} alerts", stations.size(), seconds * rate));

  LiveSettings live;
  live.interfaces.push_back({settings.capture.interfaces[0], {}});
  live.buffer_octets = settings.capture.buffer;
  const std::string state = settings.state;
  std::vector<std::unique_ptr<Source>> sources;
  try {
    sources.push_back(open_live(live));
  } catch (const std::runtime_error& e) {
    return fail(e.what());
  }
  Pipeline pipeline(settings, std::move(memory), std::move(sources), keys, real_storage());
  std::mutex mutex;
  std::map<Address, Time> sent;                      // when each claim was given to the wire
  std::vector<Address> told;                         // about whom, in the order in which the critical lane was given them
  std::vector<Time> to_story;
  bool foreign = false;
  pipeline.on_story = [&](const Story& s) {
    if (s.severity < 5 || s.revision) return;
    const std::lock_guard lock(mutex);
    const auto at_wire = sent.find(s.target.address);
    if (at_wire == sent.end()) return void(foreign = true);
    told.push_back(s.target.address);
    to_story.push_back(now() - at_wire->second);
  };
  if (!pipeline.start(error)) return fail(error);
  std::thread worker([&] { pipeline.run(); });
  const auto lane = [&] { return pipeline.status().collectors[0].outbox.lanes[0]; };
  while (pipeline.status().collectors[0].link.state != LinkState::connected) rest(20 * millisecond);
  fmt::print("connected\n");
  std::fflush(stdout);
  rest(5 * second);                                  // the traffic begins meanwhile: stations are to speak before they are claimed

  const uint64_t before = lane().accepted - lane().unacknowledged;
  const Time end = now() + seconds * second;
  std::vector<Time> plain;
  std::thread probe([&] {                            // the same disk, the same minute
    const int fd = ::open((state + "/probe").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    const std::string record(600, 'x');
    while (now() < end) {
      const Time t = now();
      if (::write(fd, record.data(), record.size()) < 0 || ::fdatasync(fd) < 0) break;
      plain.push_back(now() - t);
      rest(20 * millisecond);
    }
    ::close(fd);
  });
  bool sending_failed = false;
  std::thread sender([&] {
    const int fd = ::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    sockaddr_ll to{};
    to.sll_family = AF_PACKET;
    to.sll_ifindex = int(if_nametoindex(argv[2]));
    const Time began = now();
    for (Time i = 0; i < seconds * rate; i++) {
      rest(began + i * second / rate - now());
      const Address& a = stations[size_t(i)];
      const auto frame = claim(a);
      {
        const std::lock_guard lock(mutex);
        sent[a] = now();
      }
      if (::sendto(fd, frame.data(), frame.size(), 0, reinterpret_cast<sockaddr*>(&to), sizeof to) < 0) sending_failed = true;
    }
    ::close(fd);
  });
  // What is acknowledged is looked at every tenth of a millisecond; that is how fine the figure is.
  std::vector<Time> delays;
  while (now() < end + 3 * second && delays.size() < size_t(seconds * rate)) {
    const auto l = lane();
    const uint64_t acknowledged = l.accepted - l.unacknowledged - before;
    const Time t = now();
    {
      const std::lock_guard lock(mutex);
      while (delays.size() < acknowledged && delays.size() < told.size()) delays.push_back(t - sent[told[delays.size()]]);
    }
    rest(50 * microsecond);
  }
  sender.join();
  probe.join();
  const SensorStatus s = pipeline.status();
  pipeline.stop();
  worker.join();
  if (sending_failed) return fail(fmt::format("{} takes no frames", argv[2]));
  if (foreign) return fail("another critical alert came between: the figures would be mixed up");
  uint64_t dropped = 0;
  for (const auto& i : s.interfaces) dropped += i.counters.dropped_by_us + (i.counters.dropped_by_kernel == Counters::unknown ? 0 : i.counters.dropped_by_kernel);
  fmt::print("{} packets heard, {} dropped, {} events shed; {} claims sent, {} stories, {} acknowledged\n", s.accounts.packets, dropped, s.shed.total(), seconds * rate, told.size(), delays.size());
  fmt::print("wire to story                    p50 {:7.3f} ms  p99 {:7.3f} ms\n", at(to_story, 0.5), at(to_story, 0.99));
  fmt::print("wire to durable acknowledgement  p50 {:7.3f} ms  p99 {:7.3f} ms\n", at(delays, 0.5), at(delays, 0.99));
  fmt::print("fdatasync of 600 octets          p50 {:7.3f} ms  p99 {:7.3f} ms\n", at(plain, 0.5), at(plain, 0.99));
  const double goal50 = 3 + 2 * at(plain, 0.5), goal99 = 6 + 2 * at(plain, 0.99);
  if (delays.empty()) return fail("nothing was acknowledged");
  fmt::print("goal: p50 ≤ {:.3f} ms: {}; p99 ≤ {:.3f} ms: {}\n", goal50, at(delays, 0.5) <= goal50 ? "reached" : "MISSED", goal99, at(delays, 0.99) <= goal99 ? "reached" : "MISSED");
  return delays.size() == size_t(seconds * rate) && !dropped ? 0 : fail("not every alert was acknowledged, or packets were dropped");
}
