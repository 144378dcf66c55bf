// SPDX-License-Identifier: Apache-2.0
// Weaves one long capture out of many short ones, as if they were the links of one large network heard at once: so many threads run side
// by side, each of which plays captures one after the other. Every playing is a network of its own: its private addresses, cards, client
// ports, and the names of its GOOSE and SV publishers are no other's. Pauses are cut, checksums are right, the same seed gives the same octets.
//
//   weave [--ip] OUT PACKETS SEED CAPTURE|FOLDER…      --ip: frames of IPv4 and IPv6 only; a folder: every capture below it that its INDEX.tsv does not call malformed
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <queue>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "daemon/capture/file.h"

namespace {

using namespace vidra;
namespace fs = std::filesystem;

constexpr size_t threads = 256, longest_play = 5'000;
constexpr Time longest_pause = 10 * second, pause_between = 200 * millisecond;

uint16_t be16(const uint8_t* p) { return uint16_t(p[0] << 8 | p[1]); }
uint32_t be32(const uint8_t* p) { return uint32_t(be16(p)) << 16 | be16(p + 2); }
void put16(uint8_t* p, unsigned v) { p[0] = uint8_t(v >> 8), p[1] = uint8_t(v); }
void put32(uint8_t* p, uint32_t v) { put16(p, v >> 16), put16(p + 2, v & 0xffff); }

uint64_t mixed(uint64_t z) {
  z += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

uint32_t sum(const uint8_t* p, size_t n, uint32_t s = 0) {
  for (size_t i = 0; i + 1 < n; i += 2) s += be16(p + i);
  if (n & 1) s += uint32_t(p[n - 1] << 8);
  while (s >> 16) s = (s & 0xffff) + (s >> 16);
  return s;
}

// RFC 1624: what the checksum becomes when words of these two sums are exchanged.
uint16_t exchanged(uint16_t checksum, uint32_t before, uint32_t after) {
  uint32_t s = uint16_t(~checksum) + uint16_t(~before) + after;
  while (s >> 16) s = (s & 0xffff) + (s >> 16);
  return uint16_t(~s);
}

// Ports above 32,767 at which something is served.
bool served(uint16_t port) {
  constexpr uint16_t known[] = {34962, 34963, 34964, 34980, 37008, 44818, 47808, 48010, 48898, 48899, 49320, 55000, 55001, 55002, 55003, 55555, 61440, 61850};
  return std::find(std::begin(known), std::end(known), port) != std::end(known);
}

// A recording in memory.
struct Recording {
  struct Frame { Time after; uint32_t at, length, wire; };    // `after`: since the frame before it
  std::vector<Frame> frames;
  std::vector<uint8_t> octets;
};

// The world of one playing: every address of the recording has its own here.
class World {
 public:
  World(uint64_t number, uint32_t& networks) : number_(number), random_(mixed(number)), networks_(networks) {}

  void change(std::vector<uint8_t>& f) {
    if (f.size() < 14) return;
    mac(&f[0]), mac(&f[6]);
    size_t at = 12;
    uint16_t type = be16(&f[at]);
    while ((type == 0x8100 || type == 0x88a8 || type == 0x9100) && at + 6 <= f.size()) at += 4, type = be16(&f[at]);
    at += 2;
    if (type == 0x0800) ip(f, at);
    else if (type == 0x86dd) ip6(f, at);
    else if (type == 0x0806 && f.size() >= at + 28 && be16(&f[at]) == 1 && f[at + 4] == 6 && f[at + 5] == 4) {
      mac(&f[at + 8]), mac(&f[at + 18]);
      put32(&f[at + 14], address(be32(&f[at + 14]))), put32(&f[at + 24], address(be32(&f[at + 24])));
    } else if ((type == 0x88b8 || type == 0x88ba) && f.size() > at + 8) {
      publisher(f.data() + at + 8, f.data() + f.size(), type == 0x88ba);
    }
  }

 private:
  void mac(uint8_t* m) {                        // the manufacturer stays; groups and broadcasts stay whole
    if (m[0] & 1 || !(m[0] | m[1] | m[2] | m[3] | m[4] | m[5])) return;
    for (int i = 3; i < 6; i++) m[i] ^= uint8_t(random_ >> 8 * i);
  }

  // Private networks become the next free one of 10/8, 256 addresses each; of public addresses the third octet changes.
  uint32_t address(uint32_t a) {
    const uint8_t first = uint8_t(a >> 24);
    if (!a || first == 127 || first >= 224 || (a >> 16) == 0xa9fe || first == 0) return a;
    const bool own = first == 10 || (a >> 20) == 0xac1 || (a >> 16) == 0xc0a8;
    if (!own) return a ^ uint32_t(random_ & 0xff) << 8;
    const auto [found, fresh] = private_.try_emplace(a >> 8, networks_);
    if (fresh) networks_ = (networks_ + 1) & 0xffff;
    return 10u << 24 | found->second << 8 | (a & 0xff);
  }
  void address6(uint8_t* a) {                   // a group of the network part, or of a link-local address's empty one
    if (a[0] == 0xff) return;
    uint64_t high, low;
    std::memcpy(&high, a, 8), std::memcpy(&low, a + 8, 8);
    if (!high && (!low || be32(a + 12) == 1)) return;
    const size_t group = a[0] == 0xfe && (a[1] & 0xc0) == 0x80 ? 8 : 4;
    a[group] ^= uint8_t(random_ >> 48) & 0xfd, a[group + 1] ^= uint8_t(random_ >> 56);
  }
  uint16_t port(uint16_t p, uint16_t other) const {
    if (p < 32'768 || served(p) || (p <= other && !served(other))) return p;
    uint16_t q = uint16_t(32'768 + (p - 32'768u + number_ * 7919) % 32'768);
    return served(q) ? p : q;
  }

  // Exchanges addresses and ports of a datagram, whose header of `n` octets begins at `at`; then its checksums.
  void carried(std::vector<uint8_t>& f, size_t l4, size_t end, uint8_t next, bool first, bool whole, uint32_t before, uint32_t after) {
    if (!first) return;
    if ((next == 6 && f.size() >= l4 + 20) || (next == 17 && f.size() >= l4 + 8)) {
      uint8_t* p = &f[l4];
      const uint16_t a = be16(p), b = be16(p + 2), x = port(a, b), y = port(b, a);
      before = sum(p, 4, before);
      put16(p, x), put16(p + 2, y);
      after = sum(p, 4, after);
      uint8_t* check = p + (next == 6 ? 16 : 6);
      if (next == 17 && !be16(check)) return;
      if (whole) {
        put16(check, 0);
        put16(check, uint16_t(~sum(p, end - l4, pseudo_ + next + uint32_t(end - l4))));
      } else {
        put16(check, exchanged(be16(check), before, after));
      }
      if (next == 17 && !be16(check)) put16(check, 0xffff);
    } else if (next == 58 && f.size() >= l4 + 8) {
      const uint8_t kind = f[l4];
      if ((kind == 135 || kind == 136) && f.size() >= l4 + 24) {
        before = sum(&f[l4 + 8], 16, before);
        address6(&f[l4 + 8]);
        after = sum(&f[l4 + 8], 16, after);
      }
      put16(&f[l4 + 2], exchanged(be16(&f[l4 + 2]), before, after));
    }
  }

  void ip(std::vector<uint8_t>& f, size_t at) {
    if (f.size() < at + 20 || f[at] >> 4 != 4) return;
    const size_t header = size_t(f[at] & 15) * 4, length = be16(&f[at + 2]);
    if (header < 20 || f.size() < at + header) return;
    const uint32_t before = sum(&f[at + 12], 8);
    put32(&f[at + 12], address(be32(&f[at + 12]))), put32(&f[at + 16], address(be32(&f[at + 16])));
    pseudo_ = sum(&f[at + 12], 8);
    put16(&f[at + 10], 0);
    put16(&f[at + 10], uint16_t(~sum(&f[at], header)));
    const uint16_t piece = be16(&f[at + 6]);
    const bool whole = !(piece & 0x3fff) && length >= header && at + length <= f.size();
    carried(f, at + header, whole ? at + length : f.size(), f[at + 9], !(piece & 0x1fff), whole, before, pseudo_);
  }

  void ip6(std::vector<uint8_t>& f, size_t at) {
    if (f.size() < at + 40 || f[at] >> 4 != 6) return;
    const uint32_t before = sum(&f[at + 8], 32);
    address6(&f[at + 8]), address6(&f[at + 24]);
    pseudo_ = sum(&f[at + 8], 32);
    const size_t length = be16(&f[at + 4]);
    const bool whole = length && at + 40 + length <= f.size();
    carried(f, at + 40, whole ? at + 40 + length : f.size(), f[at + 6], true, whole, before, pseudo_);
  }

  // The first element with this tag among the elements from `p` on: its contents.
  static std::pair<uint8_t*, uint8_t*> element(uint8_t* p, uint8_t* end, uint8_t tag) {
    while (p + 2 <= end) {
      const uint8_t kind = *p++;
      size_t n = *p++;
      if (n & 0x80) {
        size_t octets = n & 0x7f;
        if (octets > 2 || p + octets > end) break;
        for (n = 0; octets; octets--) n = n << 8 | *p++;
      }
      if (n > size_t(end - p)) break;
      if (kind == tag) return {p, p + n};
      p += n;
    }
    return {nullptr, nullptr};
  }
  // Letters and digits of a control block's reference or a stream's name are turned, each by its own step: the world's.
  void name(uint8_t* p, uint8_t* end) const {
    for (uint64_t step = mixed(random_); p < end && step; p++, step >>= 8) {
      const auto turn = [&](uint8_t from, unsigned many) { *p = uint8_t(from + (*p - from + (step & 0xff)) % many); };
      if (*p >= 'A' && *p <= 'Z') turn('A', 26);
      else if (*p >= 'a' && *p <= 'z') turn('a', 26);
      else if (*p >= '0' && *p <= '9') turn('0', 10);
      else break;
    }
  }
  void publisher(uint8_t* p, uint8_t* end, bool samples) const {
    auto [in, out] = element(p, end, samples ? 0x60 : 0x61);
    if (!in) return;
    if (!samples) {
      const auto [from, to] = element(in, out, 0x80);
      if (from) name(from, to);
      return;
    }
    auto [list, list_end] = element(in, out, 0xa2);
    while (list) {
      auto [asdu, asdu_end] = element(list, list_end, 0x30);
      if (!asdu) break;
      const auto [from, to] = element(asdu, asdu_end, 0x80);
      if (from) name(from, to);
      list = asdu_end;
    }
  }

  uint64_t number_, random_;
  uint32_t& networks_;
  uint32_t pseudo_ = 0;
  std::unordered_map<uint32_t, uint32_t> private_;
};

uint16_t type_of(Bytes f) {
  size_t at = 12;
  while (at + 6 <= f.size() && (be16(&f[at]) == 0x8100 || be16(&f[at]) == 0x88a8)) at += 4;
  return be16(&f[at]);
}
bool is_ip(Bytes f) { return type_of(f) == 0x0800 || type_of(f) == 0x86dd; }

Recording read(const std::string& path, bool only_ip, uint64_t& passed_by) {
  Recording r;
  const auto source = open_file(path);
  std::array<Packet, 64> burst;
  Time last = 0;
  while (r.frames.size() < longest_play) {
    const auto polled = source->poll(burst);
    for (const Packet& p : std::span(burst).first(polled.packets)) {
      if (p.link != Link::ethernet || p.octets.size() < 14) {
        passed_by++;
        continue;
      }
      if (r.frames.size() == longest_play) break;
      if (only_ip && !is_ip(p.octets)) continue;
      r.frames.push_back({last ? std::clamp<Time>(p.time - last, 0, longest_pause) : 0, uint32_t(r.octets.size()), uint32_t(p.octets.size()), p.wire_length});
      last = p.time;
      r.octets.insert(r.octets.end(), p.octets.begin(), p.octets.end());
    }
    source->release();
    if (polled.ended) break;
  }
  return r;
}

std::vector<std::string> captures(const std::string& path) {
  if (!fs::is_directory(path)) return {path};
  std::set<std::string> broken;
  std::ifstream index(path + "/INDEX.tsv");
  for (std::string line; std::getline(index, line);) {
    std::vector<std::string> column;
    for (size_t at = 0; column.size() < 5 && at != std::string::npos;) {
      const size_t tab = line.find('\t', at);
      column.push_back(line.substr(at, tab - at));
      at = tab == std::string::npos ? tab : tab + 1;
    }
    if (column.size() == 5 && column[4] == "malformed") broken.insert(column[0]);
  }
  std::vector<std::string> found;
  for (const auto& e : fs::recursive_directory_iterator(path)) {
    const std::string ending = e.path().extension();
    if (e.is_regular_file() && (ending == ".pcap" || ending == ".pcapng" || ending == ".cap") && !broken.count(fs::relative(e.path(), path).string())) found.push_back(e.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

struct Thread {
  uint64_t number = 0;
  const Recording* recording = nullptr;
  size_t next = 0;
  Time now = 0;
  std::unique_ptr<World> world;
};

int run(int argc, char** argv) {
  const bool only_ip = argc > 1 && !std::strcmp(argv[1], "--ip");
  if (only_ip) argc--, argv++;
  if (argc < 5) return fmt::print(stderr, "usage: weave [--ip] OUT PACKETS SEED CAPTURE|FOLDER…\n"), 2;
  const uint64_t wanted = std::strtoull(argv[2], nullptr, 10), seed = std::strtoull(argv[3], nullptr, 10);
  std::vector<Recording> recordings;
  uint64_t passed_by = 0, unread = 0;
  for (int i = 4; i < argc; i++)
    for (const std::string& path : captures(argv[i])) {
      try {
        Recording r = read(path, only_ip, passed_by);
        if (!r.frames.empty()) recordings.push_back(std::move(r));
      } catch (const std::runtime_error&) {
        unread++;
      }
    }
  if (recordings.empty()) return fmt::print(stderr, "weave: no capture of Ethernet there\n"), 1;
  std::FILE* out = std::fopen(argv[1], "wb");
  if (!out) return std::perror(argv[1]), 1;
  std::setvbuf(out, nullptr, _IOFBF, 1 << 20);
  const uint32_t head[6] = {0xa1b23c4d, 0x00040002, 0, 0, 262'144, 1};
  std::fwrite(head, sizeof head, 1, out);

  std::mt19937_64 random(seed);
  std::vector<size_t> order;                    // every recording comes once before one comes again
  uint64_t played = 0;
  uint32_t networks = 0;
  const auto begin = [&](Thread& t) {
    if (order.empty()) {
      order.resize(recordings.size());
      for (size_t i = 0; i < order.size(); i++) order[i] = i;
      for (size_t i = order.size(); i > 1; i--) std::swap(order[i - 1], order[random() % i]);
    }
    t.recording = &recordings[order.back()];
    order.pop_back();
    t.next = 0;
    t.world = std::make_unique<World>(mixed(seed) + ++played, networks);
    t.now += pause_between;
  };
  const auto later = [](const Thread* a, const Thread* b) { return a->now != b->now ? a->now > b->now : a->number > b->number; };
  std::priority_queue<Thread*, std::vector<Thread*>, decltype(later)> queue(later);
  std::vector<Thread> all(threads);
  for (size_t i = 0; i < threads; i++) {
    all[i].number = i;
    all[i].now = 1'795'000'000 * second + Time(random() % uint64_t(second));
    begin(all[i]);
    queue.push(&all[i]);
  }
  uint64_t packets = 0, octets = 0, internet = 0;
  std::unordered_set<uint64_t> flows;
  for (std::vector<uint8_t> frame; packets < wanted; packets++) {
    Thread& t = *queue.top();
    queue.pop();
    const Recording::Frame& f = t.recording->frames[t.next];
    frame.assign(t.recording->octets.begin() + f.at, t.recording->octets.begin() + f.at + f.length);
    t.world->change(frame);
    const uint32_t record[4] = {uint32_t(t.now / second), uint32_t(t.now % second), f.length, f.wire};
    std::fwrite(record, sizeof record, 1, out);
    std::fwrite(frame.data(), frame.size(), 1, out);
    octets += f.length;
    internet += is_ip(frame);
    if (frame.size() >= 38 && be16(&frame[12]) == 0x0800) {
      const uint64_t a = uint64_t(be32(&frame[26])) << 16 | be16(&frame[34]), b = uint64_t(be32(&frame[30])) << 16 | be16(&frame[36]);
      flows.insert(mixed(std::min(a, b)) ^ mixed(mixed(std::max(a, b)) + frame[23]));
    }
    if (++t.next == t.recording->frames.size()) begin(t);
    else t.now += t.recording->frames[t.next].after;
    queue.push(&t);
  }
  if (std::fclose(out) != 0) return std::perror(argv[1]), 1;
  fmt::print("{} packets, mean {:.1f} octets, {:.0f} % of IP, {} flows of IPv4, {} recordings played {} times ({} frames without Ethernet passed by, {} files unread)\n", packets,
             double(octets) / double(packets), 100 * double(internet) / double(packets), flows.size(), recordings.size(), played, passed_by, unread);
  return 0;
}

}  // namespace

int main(int argc, char** argv) { return run(argc, argv); }
