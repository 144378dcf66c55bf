// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <string>
#include <vector>

#include "daemon/record/header.h"

namespace vidra {

using SignPublic = std::array<uint8_t, 32>;   // Ed25519
using SignSecret = std::array<uint8_t, 64>;
using Signature = std::array<uint8_t, 64>;

// The head of one lane's chain.
struct ChainHead {
  uint64_t epoch = 0;
  uint8_t lane = 0;
  uint64_t seq = 0;
  Hash self{};
  bool operator==(const ChainHead&) const = default;
};

// The heads of all lanes, signed: one signature vouches for every record up to them, across relays and years.
struct Checkpoint {
  std::vector<ChainHead> heads;
  std::string key;             // the signing key's fingerprint
  Signature signature{};
};

Checkpoint sign(const SensorId&, std::vector<ChainHead>, const SignSecret&);
bool verify(const SensorId&, const Checkpoint&, const SignPublic&);
std::string body_of(const Checkpoint&);
bool read(Bytes, Checkpoint&);

// 128 bits of BLAKE2b over a public key as eight groups of four hexadecimal digits: short enough for the telephone.
std::string fingerprint_of(Bytes public_key);

}  // namespace vidra
