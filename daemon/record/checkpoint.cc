// SPDX-License-Identifier: Apache-2.0
#include "daemon/record/checkpoint.h"

#include <sodium.h>

#include "daemon/record/octets.h"

namespace vidra {

namespace {
// What is signed: a fixed layout, so that no two texts of the same JSON can differ in meaning.
std::vector<uint8_t> statement(const SensorId& sensor, const std::vector<ChainHead>& heads) {
  std::vector<uint8_t> out(8 + sensor.size() + 4 + heads.size() * 49);
  Writer w(out);
  w.text("CRP1-CHK"), w.bytes(sensor), w.le32(uint32_t(heads.size()));
  for (const ChainHead& h : heads) w.le64(h.epoch), w.u8(h.lane), w.le64(h.seq), w.bytes(h.self);
  return std::vector<uint8_t>(out.begin(), out.begin() + ptrdiff_t(w.written()));
}
}  // namespace

Checkpoint sign(const SensorId& sensor, std::vector<ChainHead> heads, const SignSecret& secret) {
  Checkpoint c;
  c.heads = std::move(heads);
  c.key = fingerprint_of(Bytes(secret).last(32));   // libsodium keeps the public half behind the seed
  const auto text = statement(sensor, c.heads);
  crypto_sign_detached(c.signature.data(), nullptr, text.data(), text.size(), secret.data());
  return c;
}

bool verify(const SensorId& sensor, const Checkpoint& c, const SignPublic& key) {
  const auto text = statement(sensor, c.heads);
  return crypto_sign_verify_detached(c.signature.data(), text.data(), text.size(), key.data()) == 0;
}

std::string fingerprint_of(Bytes key) {
  std::array<uint8_t, 16> digest;
  crypto_generichash(digest.data(), digest.size(), key.data(), key.size(), nullptr, 0);
  const std::string h = hex_text(digest);
  std::string out;
  for (size_t i = 0; i < h.size(); i += 4) out += (i ? "-" : "") + h.substr(i, 4);
  return out;
}

}  // namespace vidra
