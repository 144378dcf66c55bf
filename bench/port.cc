// SPDX-License-Identifier: Apache-2.0
// The sensor's own pipeline at a DPDK port that always has more (net_pcap in a loop): what it hears in so many seconds, and what that
// takes. Such a port loses nothing that is not asked for, so nothing is left out by plan as at a port that overflows: workers wait for
// room on the way to the judge, as they do for a recording. bench/dpdk.py makes the loop and sets the figures beside a file's.
//   port_bench SETTINGS SECONDS
// SETTINGS name the port, the module, the workers and the memory.
#include <fmt/format.h>
#include <sys/resource.h>

#include <atomic>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "daemon/base/clock.h"
#include "daemon/capture/live.h"
#include "daemon/sensor/pipeline.h"

using namespace vidra;

namespace {

int fail(const std::string& why) { return fmt::print(stderr, "port_bench: {}\n", why), 1; }

struct Unhurried final : Source {
  explicit Unhurried(std::unique_ptr<Source> p) : port(std::move(p)) {}
  Polled poll(std::span<Packet> to) override {
    Polled p = port->poll(to);
    p.ended = p.ended || over.load(std::memory_order_relaxed);
    return p;
  }
  void release() override { port->release(); }
  Counters counters(uint16_t i) const override { return port->counters(i); }
  std::span<const Interface> interfaces() const override { return port->interfaces(); }
  void stop() override {
    over = true;
    port->stop();
  }
  std::unique_ptr<Source> port;
  std::atomic<bool> over{false};
};

double cpu() {
  rusage u{};
  getrusage(RUSAGE_SELF, &u);
  return double(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + double(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return fmt::print(stderr, "usage: port_bench SETTINGS SECONDS\n"), 2;
  Problems problems;
  SensorSettings settings = load_settings(argv[1], problems);
  Memory memory = load_learned(settings, problems);
  for (const std::string& p : problems) fmt::print(stderr, "{}\n", p);
  if (!problems.empty()) return 2;
  std::filesystem::create_directories(settings.state);
  Keys keys;
  std::string error;
  if (!load_or_make_keys(settings.state + "/sensor.keys", keys, error)) return fail(error);
  LiveSettings live;
  for (const std::string& name : settings.capture.interfaces) live.interfaces.push_back({name, {}});
  live.receiver = PacketReceiver::dpdk;
  live.dpdk = settings.capture.dpdk;
  settings.traffic.silent_after = 0;
  const size_t workers = std::max<size_t>(settings.capture.workers, 1);
  std::vector<std::unique_ptr<Source>> sources;
  try {
    Opened opened = open_live(live, workers);
    for (auto& s : opened.sources) sources.push_back(std::make_unique<Unhurried>(std::move(s)));
  } catch (const std::runtime_error& e) {
    return fail(e.what());
  }
  Pipeline pipeline(std::move(settings), std::move(memory), std::move(sources), keys, real_storage());
  if (!pipeline.start(error)) return fail(error);
  const double cpu_before = cpu();
  const Time began = monotonic_now();
  std::thread clock([&] {
    sleep_for(Time(std::atof(argv[2]) * double(second)));
    pipeline.stop();
  });
  pipeline.run();
  const double took = cpu() - cpu_before, wall = double(monotonic_now() - began) / double(second);
  clock.join();
  const SensorStatus s = pipeline.status();
  nlohmann::json said = {{"packets", s.accounts.packets}, {"cpu", took}, {"wall", wall}, {"judged", s.judge.events}, {"left_out", s.shed.total()}, {"twins", s.accounts.twins()}, {"records", nlohmann::json::object()}};
  for (size_t i = 0; i < s.accounts.protocols.size(); i++)
    if (const uint64_t n = s.accounts.protocols[i].records) said["records"][std::string(protocols[i]->name)] = n;
  fmt::print("{}\n", said.dump());
}
