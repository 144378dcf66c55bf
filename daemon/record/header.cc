// SPDX-License-Identifier: Apache-2.0
#include "daemon/record/header.h"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <bit>

#include "daemon/record/octets.h"

namespace vidra {

std::string_view name_of(MessageType t) {
  static constexpr std::string_view names[] = {"none", "hello", "welcome", "note", "alert", "update", "health", "asset", "gap", "checkpoint", "ack",
    "ping", "verdict", "offer", "offer-status", "evidence-request", "evidence", "enrol", "enrol-status", "key-change", "drill", "bye"};
  return size_t(t) < std::size(names) ? names[size_t(t)] : "unknown";
}

std::string_view name_of(Lane l) {
  static constexpr std::string_view names[] = {"critical", "alert", "state"};
  return size_t(l) < std::size(names) ? names[size_t(l)] : "unknown";
}

std::string_view name_of(HeaderFlaw f) {
  static constexpr std::string_view names[] = {"none", "size", "magic", "type", "lane", "prio", "clock", "body length", "hash"};
  return names[size_t(f)];
}

HeaderBytes encode(const Header& h) {
  HeaderBytes out{};
  Writer w(out);
  w.text("CRP1");
  w.u8(uint8_t(h.type)), w.u8(h.flags), w.u8(h.lane), w.u8(h.prio);
  w.bytes(h.sensor);
  w.le64(h.epoch), w.le64(h.seq), w.le64(uint64_t(h.wall_ns)), w.le64(h.mono_ns);
  w.le32(uint32_t(h.clock) | h.clock_error << 8);
  w.le32(h.body_len);
  w.bytes(h.prev), w.bytes(h.self);
  return out;
}

HeaderFlaw decode(Bytes b, Header& h) {
  if (b.size() != header_size) return HeaderFlaw::size;
  bool bad = false;
  Reader r(b, bad);
  if (text_of(r.bytes(4)) != "CRP1") return HeaderFlaw::magic;
  h.type = MessageType(r.u8());
  h.flags = r.u8(), h.lane = r.u8(), h.prio = r.u8();
  std::ranges::copy(r.bytes(16), h.sensor.begin());
  h.epoch = r.le64(), h.seq = r.le64(), h.wall_ns = int64_t(r.le64()), h.mono_ns = r.le64();
  const uint32_t clock = r.le32();
  h.clock = ClockState(clock & 0xff), h.clock_error = clock >> 8;
  h.body_len = r.le32();
  std::ranges::copy(r.bytes(32), h.prev.begin());
  std::ranges::copy(r.bytes(32), h.self.begin());
  if (h.type == MessageType::none) return HeaderFlaw::type;   // a type that is not known yet is not a flaw
  if (h.lane >= lane_count) return HeaderFlaw::lane;
  if (h.prio > 100) return HeaderFlaw::prio;
  if (h.clock > ClockState::gnss) return HeaderFlaw::clock;
  if (h.body_len > max_body) return HeaderFlaw::body_length;
  return HeaderFlaw::none;
}

HeaderFlaw check(Bytes header, Bytes body, Header& h) {
  if (const auto flaw = decode(header, h); flaw != HeaderFlaw::none) return flaw;
  if (h.body_len != body.size()) return HeaderFlaw::body_length;
  Hash self;
  crypto_generichash_state state;
  crypto_generichash_init(&state, nullptr, 0, self.size());
  crypto_generichash_update(&state, header.data(), 96);
  crypto_generichash_update(&state, body.data(), body.size());
  crypto_generichash_final(&state, self.data(), self.size());
  return self == h.self ? HeaderFlaw::none : HeaderFlaw::hash;
}

Hash self_of(const Header& h, Bytes body) {
  const HeaderBytes head = encode(h);
  Hash self;
  crypto_generichash_state state;
  crypto_generichash_init(&state, nullptr, 0, self.size());
  crypto_generichash_update(&state, head.data(), 96);
  crypto_generichash_update(&state, body.data(), body.size());
  crypto_generichash_final(&state, self.data(), self.size());
  return self;
}

void seal(Header& h, Bytes body) {
  h.body_len = uint32_t(body.size());
  h.self = self_of(h, body);
}

std::string hex_text(Bytes b) {
  std::string out;
  out.reserve(2 * b.size());
  for (uint8_t o : b) out += "0123456789abcdef"[o >> 4], out += "0123456789abcdef"[o & 15];
  return out;
}

bool parse_hex(std::string_view text, std::span<uint8_t> out) {
  if (text.size() != 2 * out.size()) return false;
  for (size_t i = 0; i < text.size(); i++) {
    const char c = text[i];
    const int v = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
    if (v < 0) return false;
    out[i / 2] = uint8_t(i % 2 ? out[i / 2] | v : v << 4);
  }
  return true;
}

std::string uuid_text(const SensorId& id) {
  const std::string h = hex_text(id);
  return h.substr(0, 8) + "-" + h.substr(8, 4) + "-" + h.substr(12, 4) + "-" + h.substr(16, 4) + "-" + h.substr(20);
}

bool parse_uuid(std::string_view text, SensorId& id) {
  if (text.size() != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-') return false;
  std::string digits;
  for (char c : text)
    if (c != '-') digits += c;
  return parse_hex(digits, id);
}

std::string record_id(const SensorId& sensor, uint64_t epoch, uint8_t lane, uint64_t seq) {
  return fmt::format("crp:{}:{}:{}:{}", uuid_text(sensor), epoch, lane, seq);
}
std::string record_id(const Header& h) { return record_id(h.sensor, h.epoch, h.lane, h.seq); }

namespace {
// SHA-1 (FIPS 180-4, 6.1). For version 5 UUIDs alone, which fix it; nothing here is protected by it.
std::array<uint8_t, 20> sha1(Bytes message) {
  std::vector<uint8_t> m(message.begin(), message.end());
  const uint64_t bits = uint64_t{m.size()} * 8;
  m.push_back(0x80);
  while (m.size() % 64 != 56) m.push_back(0);
  for (int i = 7; i >= 0; i--) m.push_back(uint8_t(bits >> (8 * i)));
  uint32_t h[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
  for (size_t block = 0; block < m.size(); block += 64) {
    bool bad = false;
    Reader r(Bytes(m).subspan(block, 64), bad);
    uint32_t w[80];
    for (int t = 0; t < 16; t++) w[t] = r.be32();
    for (int t = 16; t < 80; t++) w[t] = std::rotl(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
    uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
    for (int t = 0; t < 80; t++) {
      const uint32_t f = t < 20 ? (b & c) | (~b & d) : t < 40 ? b ^ c ^ d : t < 60 ? (b & c) | (b & d) | (c & d) : b ^ c ^ d;
      const uint32_t k = t < 20 ? 0x5A827999 : t < 40 ? 0x6ED9EBA1 : t < 60 ? 0x8F1BBCDC : 0xCA62C1D6;
      const uint32_t next = std::rotl(a, 5) + f + e + k + w[t];
      e = d, d = c, c = std::rotl(b, 30), b = a, a = next;
    }
    h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e;
  }
  std::array<uint8_t, 20> out;
  for (size_t i = 0; i < 20; i++) out[i] = uint8_t(h[i / 4] >> (24 - 8 * (i % 4)));
  return out;
}
}  // namespace

std::string uuid_of(std::string_view text) {
  std::vector<uint8_t> m(16);
  SensorId name_space;
  parse_uuid("6ba7b811-9dad-11d1-80b4-00c04fd430c8", name_space);   // RFC 4122, appendix C: URLs
  std::ranges::copy(name_space, m.begin());
  m.insert(m.end(), text.begin(), text.end());
  const auto digest = sha1(m);
  SensorId id;
  std::copy_n(digest.begin(), 16, id.begin());
  id[6] = uint8_t((id[6] & 0x0f) | 0x50);
  id[8] = uint8_t((id[8] & 0x3f) | 0x80);
  return uuid_text(id);
}

uint64_t new_epoch(int64_t wall_ns) { return uint64_t{randombytes_random()} << 32 | (uint64_t(wall_ns / 1'000'000'000) & 0xffffffff); }

}  // namespace vidra
