// SPDX-License-Identifier: Apache-2.0
// What the traffic room costs a packet, over a capture that lies whole in memory: the bare header walk, decoding frames
// alone, the room without dissectors (every conversation opaque), the room with dissectors that only take their records,
// and the room with all that is parsed and said. CPU time of one thread, the best of so many runs, interleaved; and how often
// the heap was asked once warm.
//
//   traffic_bench FILE [RUNS]
//   traffic_bench --octets FLOWS FILE [decided]      what a conversation takes of memory, in a table of so many; decided: nobody waits to
//                                                    know what it is, as after its first 64 packets          FILE: pcap of Ethernet, nanoseconds (mix makes one)
#include <sys/resource.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <new>
#include <vector>

#include "daemon/traffic/frame.h"
#include "daemon/traffic/traffic.h"

namespace {
std::atomic<uint64_t> asked{0};
}
void* operator new(size_t n) {
  asked++;
  if (void* p = std::malloc(n)) return p;
  throw std::bad_alloc();
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, size_t) noexcept { std::free(p); }

using namespace vidra;

namespace {

struct Nobody final : EventSink {
  uint64_t events = 0, points = 0;
  void see(const Event& e) override { events++, points += e.points.size(); }
};

// A dissector's cutting without its parsing: what the room itself costs.
struct Silent final : Parser {
  explicit Silent(const Protocol& p, Pool& pool) : pool_(pool), inner(p.open(pool)) {}
  ~Silent() override { pool_.unmake(inner); }
  Cut next(Side side, Bytes b, bool start, bool closed) override { return inner->next(side, b, start, closed); }
  void parse(Bytes, Side, Speaker& say) override { say.begin(), say.end(); }
  Pool& pool_;
  Parser* inner;
};
const Protocol* loud[16];
template <size_t i> Parser* open_silent(Pool& pool) { return pool.make<Silent>(*loud[i], pool); }
constexpr Parser* (*openers[])(Pool&) = {open_silent<0>, open_silent<1>, open_silent<2>, open_silent<3>, open_silent<4>, open_silent<5>, open_silent<6>, open_silent<7>,
                                         open_silent<8>, open_silent<9>, open_silent<10>, open_silent<11>, open_silent<12>, open_silent<13>, open_silent<14>, open_silent<15>};

double cpu() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return double(t.tv_sec) * 1e9 + double(t.tv_nsec);
}

std::vector<uint8_t> file(const char* path) {
  std::FILE* f = std::fopen(path, "rb");
  if (!f) std::perror(path), std::exit(1);
  std::vector<uint8_t> all;
  std::fseek(f, 0, SEEK_END);
  all.resize(size_t(std::ftell(f)));
  std::rewind(f);
  if (std::fread(all.data(), 1, all.size(), f) != all.size()) std::exit(1);
  std::fclose(f);
  return all;
}

// As bench/walk: Ethernet, VLAN, IPv4 and TCP headers summed, nothing kept.
uint64_t walk(const std::vector<uint8_t>& data) {
  uint64_t sum = 0;
  for (size_t at = 24; at + 16 <= data.size();) {
    uint32_t n;
    std::memcpy(&n, &data[at + 8], 4);
    const uint8_t* p = data.data() + at + 16;
    if (at + 16 + n > data.size()) break;
    at += 16 + n;
    size_t o = 12;
    if (n < 34) continue;
    uint16_t type = uint16_t(p[o] << 8 | p[o + 1]);
    if (type == 0x8100) o += 4, type = uint16_t(p[o] << 8 | p[o + 1]);
    o += 2;
    if (type != 0x0800 || n < o + 20) { sum += type; continue; }
    const size_t header = size_t(p[o] & 15) * 4;
    uint32_t a, b;
    std::memcpy(&a, p + o + 12, 4);
    std::memcpy(&b, p + o + 16, 4);
    sum += a ^ b ^ p[o + 9];
    if (n < o + header + 20) continue;
    uint32_t ports, sequence;
    std::memcpy(&ports, p + o + header, 4);
    std::memcpy(&sequence, p + o + header + 4, 4);
    sum += ports + sequence + p[o + header + 13];
  }
  return sum;
}

template <class Take> uint64_t each(const std::vector<uint8_t>& data, Take&& take) {
  Packet batch[64];
  size_t held = 0;
  uint64_t packets = 0;
  for (size_t at = 24; at + 16 <= data.size();) {
    uint32_t head[4];
    std::memcpy(head, &data[at], 16);
    if (at + 16 + head[2] > data.size()) break;
    batch[held++] = {Time(head[0]) * second + head[1], {data.data() + at + 16, head[2]}, head[3], 0, Link::ethernet};
    at += 16 + head[2];
    if (held == 64) take(std::span<const Packet>(batch, held)), packets += held, held = 0;
  }
  take(std::span<const Packet>(batch, held));
  return packets + held;
}

}  // namespace

// Resident octets that are no file's.
uint64_t resident() {
  std::FILE* f = std::fopen("/proc/self/statm", "r");
  unsigned long all = 0, pages = 0, shared = 0;
  if (!f || std::fscanf(f, "%lu %lu %lu", &all, &pages, &shared) != 3) std::exit(1);
  std::fclose(f);
  return (pages - shared) * 4096;
}

int octets(size_t flows, const char* path, bool decided) {
  const std::vector<uint8_t> data = file(path);
  TrafficSettings settings;
  settings.flows = flows;
  settings.parser_octets = size_t{16} << 30;
  settings.classify = false;
  if (decided) settings.recognise_packets = 1;
  Nobody nobody;
  const uint64_t before = resident();
  Traffic traffic(settings, nobody);
  const uint64_t at_start = resident();
  each(data, [&](std::span<const Packet> p) { traffic.take(p); });
  const uint64_t after = resident(), conversations = traffic.accounts().conversations;
  std::printf("%llu conversations: %.1f MB at the start, %.1f MB more in the end: %.0f octets a conversation\n", (unsigned long long)conversations, double(at_start - before) / 1e6,
              double(after - at_start) / 1e6, double(after - at_start) / double(conversations));
  return 0;
}

int main(int argc, char** argv) {
  if (argc >= 4 && !std::strcmp(argv[1], "--octets")) return octets(std::strtoull(argv[2], nullptr, 10), argv[3], argc == 5 && !std::strcmp(argv[4], "decided"));
  if (argc < 2) return std::fprintf(stderr, "usage: traffic_bench FILE [RUNS] | --octets FLOWS FILE [decided]\n"), 2;
  const std::vector<uint8_t> data = file(argv[1]);
  const int runs = argc > 2 ? std::atoi(argv[2]) : 7;

  std::vector<const Protocol*> facts, all;
  std::vector<Protocol> silent(protocols.size());
  for (size_t i = 0; i < protocols.size() && i < 16; i++) {
    loud[i] = protocols[i];
    silent[i] = *protocols[i];
    if (silent[i].open) silent[i].open = openers[i];
    else facts.push_back(protocols[i]);
    all.push_back(&silent[i]);
  }
  TrafficSettings settings;
  settings.classify = false;

  Accounts last;
  uint64_t packets = 0, events = 0, points = 0, asked_warm = 0;
  auto room = [&](std::span<const Protocol* const> with) {
    Nobody nobody;
    Traffic traffic(settings, nobody, with);
    uint64_t before = 0, taken = 0;
    packets = each(data, [&](std::span<const Packet> p) {
      traffic.take(p);
      taken += p.size();
      if (taken >= 500'000 && !before) before = asked;   // warm
    });
    asked_warm = asked - before;
    last = traffic.accounts();
    events = nobody.events, points = nobody.points;
  };
  struct Row { const char* name; std::function<void()> run; double best = 1e300; };
  uint64_t sum = 0;
  Row rows[] = {{"header walk", [&] { sum += walk(data); }},
                {"decode frames", [&] { Frame f; packets = each(data, [&](std::span<const Packet> ps) { for (const Packet& p : ps) decode(p, f), sum += f.payload.size(); }); }},
                {"room, all opaque", [&] { room(facts); }},
                {"room, records cut and not parsed", [&] { room(all); }},
                {"room with dissectors", [&] { room(protocols); }}};
  for (int run = 0; run < runs; run++)
    for (Row& r : rows) {
      const double from = cpu();
      r.run();
      r.best = std::min(r.best, cpu() - from);
    }
  const Octets o = last.octets();
  std::printf("%llu packets, %llu octets seen: %llu decoded, %llu opaque, %llu lost; %llu events, %llu points (%llx)\n", (unsigned long long)packets, (unsigned long long)o.seen,
              (unsigned long long)o.decoded, (unsigned long long)o.opaque, (unsigned long long)o.lost, (unsigned long long)events, (unsigned long long)points, (unsigned long long)sum);
  for (const Row& r : rows) std::printf("%-34s %7.1f ns/packet  %5.2f x walk\n", r.name, r.best / double(packets), r.best / rows[0].best);
  std::printf("heap asked after 500,000 packets: %llu times\n", (unsigned long long)asked_warm);
}
