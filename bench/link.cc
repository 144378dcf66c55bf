// SPDX-License-Identifier: Apache-2.0
// From an alert's birth to its durable acknowledgement: an outbox, the link over loopback and a journal that syncs, all on
// real files. Prints the delay and, from the same minute with the same writers, what one fdatasync costs on this disk.
//   link_bench DIRECTORY [alerts a second = 200] [seconds = 10]
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "daemon/link/receiver.h"
#include "daemon/link/sender.h"

using namespace vidra;

namespace {

int64_t now() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1'000'000'000 + t.tv_nsec;
}

double at(std::vector<int64_t>& v, double q) {
  if (v.empty()) return 0;
  std::sort(v.begin(), v.end());
  return double(v[std::min(v.size() - 1, size_t(q * double(v.size())))]) / 1e6;
}

struct LogJournal : Journal {
  explicit LogJournal(const std::string& d) : log(real_storage(), [&] { LogSettings s; s.directory = d; s.epoch = 1; return s; }()) { log.open(); }
  std::vector<ChainHead> heads(const SensorId&) override { return {}; }
  bool intake(const Arrival& a) override {
    log.append(a.header.type, a.header_bytes, a.body, a.received_ns);
    return true;
  }
  bool durable() override {
    const int64_t t = now();
    const bool good = log.sync() == 0;
    std::lock_guard lock(mutex);
    syncs.push_back(now() - t);
    return good;
  }
  Log log;
  std::mutex mutex;
  std::vector<int64_t> syncs;
};

struct Quiet : ReceiverEvents {
  void happened(Kind, const std::string&, const std::string&) override {}
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return std::fprintf(stderr, "usage: link_bench DIRECTORY [alerts a second] [seconds]\n"), 2;
  const std::string directory = std::string(argv[1]) + "/link-bench-" + std::to_string(getpid());
  const int64_t rate = argc > 2 ? std::atoll(argv[2]) : 200, seconds = argc > 3 ? std::atoll(argv[3]) : 10;
  real_storage().make_directories(directory);
  std::string error;
  const Keys collector = make_keys(), sensor = make_keys();
  KnownKeys known;
  if (!known.open(directory + "/keys.db", error) || !known.add(sensor.curve_public, KeyState::active, "bench", "bench", error)) return std::fprintf(stderr, "%s\n", error.c_str()), 2;
  LogJournal journal(directory + "/journal");
  Quiet quiet;
  ReceiverSettings rs;
  rs.endpoint = "tcp://127.0.0.1:0", rs.known_keys = directory + "/keys.db";
  Receiver receiver(journal, quiet, rs, collector);
  if (!receiver.start(error)) return std::fprintf(stderr, "%s\n", error.c_str()), 2;
  OutboxSettings os;
  os.directory = directory + "/outbox", os.sensor = sensor.id;
  Outbox outbox(real_storage(), os, sensor.sign_secret);
  outbox.open();
  SenderSettings ss;
  ss.endpoints = {receiver.endpoint()}, ss.server_key = collector.curve_public;
  Sender sender(outbox, ss, sensor);
  std::mutex mutex;
  std::map<uint64_t, int64_t> born;   // by number in lane 1
  std::vector<int64_t> delays, accepted;
  std::map<uint64_t, int64_t> by_ticket;
  outbox.on_accepted = [&](const Accepted& a) {
    std::lock_guard lock(mutex);
    const int64_t t = by_ticket[a.ticket];
    accepted.push_back(now() - t);
    born[a.seq] = t;
    by_ticket.erase(a.ticket);
  };
  outbox.on_acknowledged = [&](uint64_t, uint8_t lane, uint64_t upto) {
    if (lane != 1) return;
    std::lock_guard lock(mutex);
    const int64_t t = now();
    while (!born.empty() && born.begin()->first <= upto) delays.push_back(t - born.begin()->second), born.erase(born.begin());
  };
  if (!sender.start(error)) return std::fprintf(stderr, "%s\n", error.c_str()), 2;
  outbox.start();
  while (sender.status().state != LinkState::connected) std::this_thread::sleep_for(std::chrono::milliseconds(10));

  // A third writer measures what a small append and its fdatasync cost while the other two are at work.
  std::vector<int64_t> plain;
  std::thread probe([&] {
    const int fd = ::open((directory + "/probe").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    const std::string record(600, 'x');
    for (const int64_t end = now() + seconds * 1'000'000'000; now() < end;) {
      const int64_t t = now();
      (void)!::write(fd, record.data(), record.size());
      ::fdatasync(fd);
      plain.push_back(now() - t);
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    ::close(fd);
  });
  const std::string body = R"({"detection":"I104-05","what":")" + std::string(450, 'w') + "\"}";
  const int64_t began = now();
  for (int64_t i = 0; i < rate * seconds; i++) {
    {
      std::lock_guard lock(mutex);
      const int64_t t = now();
      if (const uint64_t ticket = outbox.append(Lane::alert, MessageType::alert, 50, 0, body)) by_ticket[ticket] = t;
    }
    const int64_t next = began + (i + 1) * 1'000'000'000 / rate;
    if (const int64_t wait = next - now(); wait > 0) std::this_thread::sleep_for(std::chrono::nanoseconds(wait));
  }
  while (outbox.status().lanes[1].unacknowledged || outbox.status().lanes[1].waiting) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  const double took = double(now() - began) / 1e9;
  probe.join();
  sender.stop();
  outbox.stop();
  receiver.stop();
  std::printf("%zu alerts in %.2f s (%.0f/s), %llu outbox syncs, %zu journal syncs\n", delays.size(), took, double(delays.size()) / took,
              static_cast<unsigned long long>(outbox.status().syncs), journal.syncs.size());
  std::printf("birth to accepted (outbox fdatasync)   p50 %7.3f ms  p99 %7.3f ms\n", at(accepted, 0.5), at(accepted, 0.99));
  std::printf("birth to durable acknowledgement       p50 %7.3f ms  p99 %7.3f ms\n", at(delays, 0.5), at(delays, 0.99));
  std::printf("fdatasync of the journal               p50 %7.3f ms  p99 %7.3f ms\n", at(journal.syncs, 0.5), at(journal.syncs, 0.99));
  std::printf("fdatasync of 600 octets, beside both   p50 %7.3f ms  p99 %7.3f ms\n", at(plain, 0.5), at(plain, 0.99));
  const double p50 = 3 + 2 * at(plain, 0.5), p99 = 6 + 2 * at(plain, 0.99);
  std::printf("to reach: p50 <= %.3f ms: %s; p99 <= %.3f ms: %s\n", p50, at(delays, 0.5) <= p50 ? "yes" : "NO", p99, at(delays, 0.99) <= p99 ? "yes" : "NO");
  [[maybe_unused]] const int gone = std::system(("rm -r '" + directory + "'").c_str());
}
