// SPDX-License-Identifier: Apache-2.0
// What it costs to judge an event that is known and unchanged, with a Memory that was learned from the same traffic.
//
//   judge_bench CAPTURE [SITE.toml]      median of seven runs; nanoseconds of CPU an event, and allocations
//   judge_bench --spread [10000 10]      the same of 10,000 conversations of 10 objects, learned as 100,000, in random order
//   judge_bench --spread 1000 10 hosts   beside a site of its stations; `ranges`: that also declares the range of each object;
//                                        `quantities`: and that two of each station's objects are one quantity
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <map>
#include <memory>
#include <new>
#include <set>
#include <string_view>
#include <vector>

#include "bench/tape.h"
#include "daemon/judge/judge.h"
#include "daemon/judge/site_file.h"
#include "dissectors/facts.h"

namespace {
uint64_t allocations = 0;
}
void* operator new(size_t n) {
  allocations++;
  if (void* p = std::malloc(n ? n : 1)) return p;
  throw std::bad_alloc();
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, size_t) noexcept { std::free(p); }

namespace vidra {
namespace {

// Events with all that they borrow.
void play(const Tape& tape, Judge& judge) {
  for (size_t i = 0; i < tape.events.size(); i++) judge.see(tape.at(i));
}

struct Counted final : FindingSink {
  void found(Finding&& f) override { if (n++ < 3) std::fprintf(stderr, "%s: %s\n", std::string(f.detection->id).c_str(), f.what.c_str()); }
  uint64_t n = 0;
};

double cpu() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return double(t.tv_sec) + double(t.tv_nsec) * 1e-9;
}

// What control centres hear of many stations: of each conversation so many objects, in an order that no cache foresees.
void spread(Tape& all, Tape& reports, size_t conversations, size_t objects) {
  const auto protocol = [](std::string_view name) { return uint16_t(protocol_index(name)); };
  constexpr Time begin = 1'795'000'000 * second;
  const size_t side = std::max<size_t>(1, size_t(std::sqrt(double(conversations))));
  const auto scene = [&](size_t i, Time at) {
    Scene s;
    const uint32_t client = uint32_t(i % side), server = uint32_t(i / side);
    s.client = {Address::ip4(0x0a000000 + client), 40'000}, s.server = {Address::ip4(0x0a010000 + server), 2404};
    for (Mac* m : {&s.client_mac, &s.server_mac}) m->octets = {0x00, 0x0e, uint8_t(m == &s.client_mac), 0x8c, uint8_t((m == &s.client_mac ? client : server) >> 8), uint8_t(m == &s.client_mac ? client : server)};
    s.flow = i + 1, s.time = at;
    return s;
  };
  for (size_t i = 0; i < conversations; i++) {
    Scene s = scene(i, begin + Time(i) * microsecond);
    Message opened;
    opened.function = uint16_t(Fact::opened), opened.act = Act::session, opened.station = 2404;
    s.protocol = protocol("tcp");
    all.see({s, &opened, nullptr, {}, Texts()});
    Message asks;
    asks.function = 100, asks.role = Role::request, asks.act = Act::read, asks.reason = 6, asks.station = 1;
    s.protocol = protocol("iec104"), s.from = Side::client;
    all.see({s, &asks, nullptr, {}, Texts()});
  }
  std::vector<std::pair<uint32_t, uint32_t>> order;
  for (size_t i = 0; i < conversations; i++)
    for (size_t k = 0; k < objects; k++) order.emplace_back(uint32_t(i), uint32_t(k));
  uint64_t dice = 1;
  for (size_t i = order.size(); i > 1; i--) {
    dice = dice * 6364136223846793005ull + 1442695040888963407ull;
    std::swap(order[i - 1], order[(dice >> 33) % i]);
  }
  Time at = begin + second;
  for (const auto& [i, k] : order) {
    Scene s = scene(i, at += 300);
    s.protocol = protocol("iec104"), s.from = Side::server;
    Message says;
    says.function = 36, says.role = Role::report, says.act = Act::report, says.reason = 3, says.station = 1, says.points = 1;
    Point p{Object(ObjectKind::information_object, 1000 + 10 * k)};        // apart: each is an entry of its own
    p.set_real(50);
    for (Tape* t : {&all, &reports}) t->see({s, &says, nullptr, {&p, 1}, Texts()});
  }
}

// What a site may declare of them.
std::shared_ptr<const Site> declared(const Tape& tape, std::string_view what) {
  auto site = std::make_shared<Site>();
  std::map<Address, HostId> known;
  std::set<std::pair<HostId, uint64_t>> points;
  const uint16_t iec104 = uint16_t(protocol_index("iec104"));
  for (size_t i = 0; i < tape.events.size(); i++) {
    const Tape::Kept& k = tape.events[i];
    if (k.scene.protocol != iec104 || !k.points) continue;
    const auto [at, fresh] = known.emplace(k.scene.server.address, HostId(site->hosts.size() + 1));
    if (fresh) {
      SiteHost& h = site->hosts.emplace_back();
      h.name = text_of(k.scene.server.address);
      h.addresses = {k.scene.server.address};
      SiteQuantity q;
      q.name = h.name, q.tolerance = 1;
      for (const uint32_t number : {1000u, 1010u}) q.members.push_back({at->second, iec104, k.said.station, Object(ObjectKind::information_object, number).key(), "", 1});
      if (what == "quantities") site->quantities.push_back(q);
    }
    const Object o = tape.points[k.first].object;
    if (what == "hosts" || !points.emplace(at->second, o.key()).second) continue;
    SitePoint& p = site->points.emplace_back();
    p.host = at->second, p.protocol = iec104, p.station = k.said.station, p.objects = {o, o};
    p.kind = PointKind::measurement, p.type = 36, p.min = 45, p.max = 55;
  }
  site->index();
  return site;
}

struct Measured { double watched, learned; uint64_t allocations, findings; };
int print(const Tape& tape, const Measured& m) {
  return std::printf("%zu events, %zu points: %.1f ns an event watching (%.1f M/s), %.1f ns learning; %llu allocations while watching; %llu findings\n", tape.events.size(), tape.points.size(), m.watched,
                     1e3 / m.watched, m.learned, (unsigned long long)m.allocations, (unsigned long long)m.findings), 0;
}
// The median of seven: what is learned by `all` and heard again in `tape`, warm.
Measured measure(const std::shared_ptr<const Site>& site, const Tape& all, const Tape& tape) {
  Counted found;
  std::vector<double> watched, learned;
  uint64_t warm = 0;
  for (int i = 0; i < 7; i++) {
    JudgeSettings settings;
    settings.mode = JudgeSettings::Mode::learn;
    Judge judge(site, {}, settings, found);
    double t = cpu();
    play(all, judge);
    learned.push_back((cpu() - t) / double(all.events.size()) * 1e9);
    judge.watch();
    play(tape, judge);           // warm
    const uint64_t before = allocations;
    const size_t times = std::max<size_t>(1, 100'000 / tape.events.size());   // long enough that the clock's own steps do not count
    t = cpu();
    for (size_t n = 0; n < times; n++) play(tape, judge);
    watched.push_back((cpu() - t) / double(times * tape.events.size()) * 1e9);
    warm = allocations - before;
  }
  std::sort(watched.begin(), watched.end());
  std::sort(learned.begin(), learned.end());
  return {watched[3], learned[3], warm, found.n};
}

int run(int argc, char** argv) {
  if (argc < 2) return std::fprintf(stderr, "judge_bench CAPTURE [SITE.toml]\njudge_bench --spread [CONVERSATIONS OBJECTS [hosts|ranges|quantities]]     10000 conversations of 10 objects: known events in random order\n"), 2;
  if (std::string_view(argv[1]) == "--spread") {
    const size_t conversations = argc > 3 ? std::strtoull(argv[2], nullptr, 10) : 10'000, objects = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 10;
    Tape all, reports;
    spread(all, reports, conversations, objects);
    std::printf("%zu conversations of %zu objects: ", conversations, objects);
    return print(reports, measure(argc > 4 ? declared(reports, argv[4]) : std::make_shared<const Site>(), all, reports));
  }
  Problems problems;
  auto site = std::make_shared<const Site>(argc > 2 ? load_site(argv[2], problems) : Site{});
  for (const std::string& p : problems) std::fprintf(stderr, "%s\n", p.c_str());
  Tape tape;
  tape.record(argv[1]);
  return print(tape, measure(site, tape, tape));
}

}  // namespace
}  // namespace vidra

int main(int argc, char** argv) { return vidra::run(argc, argv); }
