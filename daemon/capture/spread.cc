// SPDX-License-Identifier: Apache-2.0
// The function and the program below say the same: whoever changes one changes the other (tests/capture/ring_test.cc holds
// the kernel's answers against the function's).
#include "daemon/capture/spread.h"

#include <linux/filter.h>
#include <linux/if_packet.h>

#include <array>

namespace vidra {
namespace {

constexpr uint16_t ip4 = 0x0800, ip6 = 0x86dd, goose = 0x88b8, gse = 0x88b9, sampled = 0x88ba, hsr = 0x892f;
constexpr uint16_t bridging = 0x6558, erspan2 = 0x88be, erspan3 = 0x22eb;
constexpr uint16_t tags[] = {0x8100, 0x88a8, 0x9100};
constexpr unsigned most_tags = 4;
constexpr uint16_t longest_llc = 1500;        // what stands for a length, IEEE 802.3 3.2.6

// ---- the function

struct Asked {
  Bytes b;
  bool bad = false;
  uint32_t u8(size_t at) { return at < b.size() ? b[at] : (bad = true, 0); }
  uint32_t u16(size_t at) { return at + 2 <= b.size() ? uint32_t(b[at]) << 8 | b[at + 1] : (bad = true, 0); }
  uint32_t u32(size_t at) { return at + 4 <= b.size() ? u16(at) << 16 | u16(at + 2) : (bad = true, 0); }
};
struct Pair { uint32_t a = 0, b = 0; };
struct Step { uint32_t type; size_t at, macs; };   // what begins at `at`; where its Ethernet header's addresses are

Step untagged(Asked& f, Step s) {
  for (unsigned n = 0; n < most_tags; n++) {
    if (s.type == hsr) s.type = f.u16(s.at + 4), s.at += 6;
    else if (s.type == tags[0] || s.type == tags[1] || s.type == tags[2]) s.type = f.u16(s.at + 2), s.at += 4;
    else break;
  }
  return s;
}
Step ethernet(Asked& f, size_t at) { return untagged(f, {f.u16(at + 12), at + 14, at}); }

// What a tunnel of this IP protocol holds, type 0 when it is none that is looked into.
Step inner(Asked& f, uint32_t protocol, size_t y) {
  switch (protocol) {
    case 4: return {ip4, y, 0};
    case 41: return {ip6, y, 0};
    case 17:
      if (f.u16(y + 2) != 4789 || f.u8(y + 8) != 8 || f.u8(y + 15) != 0) return {};
      return ethernet(f, y + 16);
    case 47: {
      const uint32_t flags = f.u16(y), type = f.u16(y + 2);
      size_t z = y + 4;
      if (flags & 7) return {};
      if (flags & 0xc000) z += 4;
      if (flags & 0x2000) z += 4;
      if (flags & 0x1000) z += 4;
      if (type == ip4 || type == ip6) return {type, z, 0};
      if (type == bridging) return ethernet(f, z);
      if (type == erspan2) return ethernet(f, flags & 0x1000 ? z + 8 : z);
      if (type == erspan3) return ethernet(f, f.u8(z + 11) & 1 ? z + 20 : z + 12);
      return {};
    }
    default: return {};
  }
}

Pair pair_of(Asked& f, Step s, uint32_t fold, bool deeper) {
  uint32_t protocol = 0;
  size_t y = 0;
  Pair p;
  if (s.type == ip4) {
    p = {f.u32(s.at + 12), f.u32(s.at + 16)};
    if (!deeper || f.u16(s.at + 6) & 0x3fff) return p;
    protocol = f.u8(s.at + 9), y = s.at + (f.u8(s.at) & 15) * 4;
  } else if (s.type == ip6) {
    for (size_t i = 0; i < 16; i += 4) p.a = (p.a + f.u32(s.at + 8 + i)) * fold, p.b = (p.b + f.u32(s.at + 24 + i)) * fold;
    if (!deeper) return p;
    protocol = f.u8(s.at + 6), y = s.at + 40;
  } else if (s.type == goose || s.type == gse || s.type == sampled) {
    return {f.u32(s.macs), f.u16(s.macs + 4) << 16 | f.u16(s.at)};
  } else {
    return {s.type > longest_llc ? s.type : 0, 0};
  }
  const Step within = inner(f, protocol, y);
  return within.type ? pair_of(f, within, fold, false) : p;
}

// ---- the program

// Classic BPF with names for places. A conditional jump reaches 255 instructions, so it only ever skips the jump that follows it.
class Program {
 public:
  using Place = size_t;
  Place place() { return places_.push_back(unset), places_.size() - 1; }
  void here(Place p) { places_[p] = code_.size(); }

  void put(uint16_t code, uint32_t k = 0) { code_.push_back({code, 0, 0, k}); }
  void load8(uint32_t k) { put(BPF_LD | BPF_B | BPF_IND, k); }       // from X on
  void load16(uint32_t k) { put(BPF_LD | BPF_H | BPF_IND, k); }
  void load32(uint32_t k) { put(BPF_LD | BPF_W | BPF_IND, k); }
  void keep(uint32_t m) { put(BPF_ST, m); }
  void recall(uint32_t m) { put(BPF_LD | BPF_MEM, m); }
  void recall_x(uint32_t m) { put(BPF_LDX | BPF_MEM, m); }
  void go(Place to) { jumps_.emplace_back(code_.size(), to), put(BPF_JMP | BPF_JA); }
  void go_if(uint16_t test, uint32_t k, Place to) { code_.push_back({uint16_t(BPF_JMP | test | BPF_K), 0, 1, k}), go(to); }
  void go_unless(uint16_t test, uint32_t k, Place to) { code_.push_back({uint16_t(BPF_JMP | test | BPF_K), 1, 0, k}), go(to); }
  void advance(uint32_t k) { put(BPF_MISC | BPF_TXA), put(BPF_ALU | BPF_ADD | BPF_K, k), put(BPF_MISC | BPF_TAX); }   // A is lost
  std::vector<sock_filter> done() {
    for (const auto& [at, to] : jumps_) code_[at].k = uint32_t(places_[to] - at - 1);
    return std::move(code_);
  }

 private:
  static constexpr size_t unset = 0;
  std::vector<sock_filter> code_;
  std::vector<size_t> places_;
  std::vector<std::pair<size_t, Place>> jumps_;
};

enum : uint32_t { type_, mac_, mac_end_, a_, b_, scratch_, at_, flags_ };   // the sixteen words of memory

// A is the type and X where it begins; goes to `mix` with the pair in a_ and b_.
void emit_untag(Program& p) {
  const auto over = p.place();
  for (unsigned n = 0; n < most_tags; n++) {
    const auto tag = p.place(), ring = p.place(), next = p.place();
    for (uint16_t t : tags) p.go_if(BPF_JEQ, t, tag);
    p.go_if(BPF_JEQ, hsr, ring);
    p.go(over);
    p.here(tag), p.load16(2), p.keep(type_), p.advance(4), p.go(next);
    p.here(ring), p.load16(4), p.keep(type_), p.advance(6);
    p.here(next), p.recall(type_);
  }
  p.here(over);
}

void emit_pair(Program& p, uint32_t fold, bool deeper, Program::Place mix) {
  const auto four = p.place(), six = p.place(), layer2 = p.place(), tunnel = p.place(), llc = p.place();
  p.go_if(BPF_JEQ, ip4, four);
  p.go_if(BPF_JEQ, ip6, six);
  for (uint16_t t : {goose, gse, sampled}) p.go_if(BPF_JEQ, t, layer2);
  p.go_unless(BPF_JGT, longest_llc, llc);
  p.keep(a_), p.put(BPF_LD | BPF_IMM, 0), p.keep(b_), p.go(mix);
  p.here(llc), p.put(BPF_LD | BPF_IMM, 0), p.keep(a_), p.keep(b_), p.go(mix);

  p.here(layer2), p.load16(0), p.keep(b_), p.recall_x(b_), p.recall(mac_end_), p.put(BPF_ALU | BPF_LSH | BPF_K, 16), p.put(BPF_ALU | BPF_OR | BPF_X), p.keep(b_);
  p.recall(mac_), p.keep(a_), p.go(mix);

  p.here(four), p.load32(12), p.keep(a_), p.load32(16), p.keep(b_);
  if (deeper) {
    p.load16(6), p.go_if(BPF_JSET, 0x3fff, mix);
    p.load8(9), p.keep(type_);
    p.load8(0), p.put(BPF_ALU | BPF_AND | BPF_K, 15), p.put(BPF_ALU | BPF_LSH | BPF_K, 2), p.put(BPF_ALU | BPF_ADD | BPF_X), p.put(BPF_MISC | BPF_TAX);
    p.go(tunnel);
  } else {
    p.go(mix);
  }

  p.here(six), p.put(BPF_STX, at_);
  for (const auto& [m, from] : {std::pair{uint32_t(a_), 8u}, {uint32_t(b_), 24u}}) {
    p.put(BPF_LD | BPF_IMM, 0), p.keep(m);
    for (uint32_t i = 0; i < 16; i += 4)
      p.recall_x(at_), p.load32(from + i), p.recall_x(m), p.put(BPF_ALU | BPF_ADD | BPF_X), p.put(BPF_ALU | BPF_MUL | BPF_K, fold), p.keep(m);
  }
  if (!deeper) return p.go(mix);
  p.recall_x(at_), p.load8(6), p.keep(type_), p.advance(40);

  // X is where the protocol of type_ begins.
  p.here(tunnel);
  const auto within4 = p.place(), within6 = p.place(), udp = p.place(), gre = p.place(), frame = p.place(), network = p.place();
  p.recall(type_), p.go_if(BPF_JEQ, 4, within4), p.go_if(BPF_JEQ, 41, within6), p.go_if(BPF_JEQ, 17, udp), p.go_if(BPF_JEQ, 47, gre), p.go(mix);
  p.here(within4), p.put(BPF_LD | BPF_IMM, ip4), p.go(network);
  p.here(within6), p.put(BPF_LD | BPF_IMM, ip6), p.go(network);
  p.here(udp), p.load16(2), p.go_unless(BPF_JEQ, 4789, mix), p.load8(8), p.go_unless(BPF_JEQ, 8, mix), p.load8(15), p.go_unless(BPF_JEQ, 0, mix), p.advance(16), p.go(frame);

  const auto after_gre = p.place(), bridged = p.place(), second = p.place(), third = p.place(), plain = p.place();
  p.here(gre), p.load16(0), p.keep(flags_), p.load16(2), p.keep(type_), p.recall(flags_), p.go_if(BPF_JSET, 7, mix);
  p.advance(4);
  for (uint32_t bit : {0xc000u, 0x2000u, 0x1000u}) {
    const auto absent = p.place();
    p.recall(flags_), p.go_unless(BPF_JSET, bit, absent), p.advance(4), p.here(absent);
  }
  p.here(after_gre), p.recall(type_), p.go_if(BPF_JEQ, ip4, network), p.go_if(BPF_JEQ, ip6, network), p.go_if(BPF_JEQ, bridging, bridged), p.go_if(BPF_JEQ, erspan2, second);
  p.go_if(BPF_JEQ, erspan3, third), p.go(mix);
  p.here(bridged), p.go(frame);
  p.here(second), p.recall(flags_), p.go_unless(BPF_JSET, 0x1000, frame), p.advance(8), p.go(frame);
  p.here(third), p.load8(11), p.keep(scratch_), p.advance(12), p.recall(scratch_), p.go_unless(BPF_JSET, 1, plain), p.advance(8);
  p.here(plain);

  p.here(frame), p.load32(0), p.keep(mac_), p.load16(4), p.keep(mac_end_), p.load16(12), p.keep(type_), p.advance(14), p.recall(type_);
  emit_untag(p);
  p.here(network);
  emit_pair(p, fold, false, mix);
}

}  // namespace

Spread::Spread(uint64_t seed) {
  uint32_t* const to[] = {&first_, &second_, &third_};
  for (uint32_t* k : to) {                    // splitmix64
    uint64_t z = seed += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    *k = uint32_t(z ^ z >> 31) | 1;
  }
}

uint32_t Spread::operator()(Bytes frame, Link link) const {
  Asked f{frame};
  Step s{};
  switch (link) {
    case Link::ethernet: s = ethernet(f, 0); break;
    case Link::raw_ip: s = {f.u8(0) >> 4 == 6 ? uint32_t{ip6} : uint32_t{ip4}, 0, 0}; break;
    default: return 0;
  }
  const Pair p = pair_of(f, s, first_, true);
  if (f.bad) return 0;
  uint32_t h = (p.a + p.b) * first_ ^ (p.a ^ p.b) * second_;
  h = (h ^ h >> 16) * third_;
  return h ^ h >> 15;
}

std::vector<sock_filter> Spread::program(bool ethernet) const {
  Program p;
  const auto mix = p.place(), outgoing = p.place(), begin = p.place();
  if (ethernet) {
    p.put(BPF_LD | BPF_W | BPF_ABS, uint32_t(SKF_LL_OFF)), p.keep(mac_), p.put(BPF_LD | BPF_H | BPF_ABS, uint32_t(SKF_LL_OFF + 4)), p.keep(mac_end_);
    p.put(BPF_LD | BPF_B | BPF_ABS, uint32_t(SKF_AD_OFF + SKF_AD_PKTTYPE)), p.go_if(BPF_JEQ, PACKET_OUTGOING, outgoing);
  } else {
    p.put(BPF_LD | BPF_IMM, 0), p.keep(mac_), p.keep(mac_end_);
  }
  // What comes in has its header taken off, and its outermost tag with it; what goes out still bears both.
  p.put(BPF_LDX | BPF_IMM, 0), p.put(BPF_LD | BPF_H | BPF_ABS, uint32_t(SKF_AD_OFF + SKF_AD_PROTOCOL)), p.go(begin);
  p.here(outgoing), p.put(BPF_LDX | BPF_IMM, 14), p.put(BPF_LD | BPF_H | BPF_ABS, 12);
  p.here(begin);
  emit_untag(p);
  emit_pair(p, first_, true, mix);
  p.here(mix);
  p.recall(a_), p.recall_x(b_), p.put(BPF_ALU | BPF_ADD | BPF_X), p.put(BPF_ALU | BPF_MUL | BPF_K, first_), p.keep(scratch_);
  p.recall(a_), p.put(BPF_ALU | BPF_XOR | BPF_X), p.put(BPF_ALU | BPF_MUL | BPF_K, second_), p.recall_x(scratch_), p.put(BPF_ALU | BPF_XOR | BPF_X);
  p.put(BPF_MISC | BPF_TAX), p.put(BPF_ALU | BPF_RSH | BPF_K, 16), p.put(BPF_ALU | BPF_XOR | BPF_X), p.put(BPF_ALU | BPF_MUL | BPF_K, third_);
  p.put(BPF_MISC | BPF_TAX), p.put(BPF_ALU | BPF_RSH | BPF_K, 15), p.put(BPF_ALU | BPF_XOR | BPF_X), p.put(BPF_RET | BPF_A);
  return p.done();
}

}  // namespace vidra
