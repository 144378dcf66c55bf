// SPDX-License-Identifier: Apache-2.0
// What somebody froze is refused when it was changed since.
#include "daemon/record/seal.h"

#include <gtest/gtest.h>
#include <sodium.h>

namespace vidra {
namespace {

struct Pair {
  Pair() { crypto_sign_keypair(open.data(), secret.data()); }
  SignPublic open{};
  SignSecret secret{};
};

constexpr int64_t when = 1'795'295'000'000'000'000;

TEST(Seal, HoldsAndSaysWhoAndWhen) {
  const Pair k;
  const std::string text = sealed("version = 2\n", {"N. \"Nele\" N.", "after the works", when}, k.open, k.secret);
  EXPECT_TRUE(is_sealed(text));
  EXPECT_EQ(seal_flaw(text, {}), "");
  EXPECT_NE(text.find("by = \"N. \\\"Nele\\\" N.\"\nat = \"2026-11-21T21:03:20Z\"\nnote = \"after the works\"\n"), std::string::npos) << text;
  EXPECT_EQ(unsealed(text), "version = 2\n");
  EXPECT_EQ(sealed(text, {"N. N.", "", when}, k.open, k.secret), sealed("version = 2\n", {"N. N.", "", when}, k.open, k.secret));
}

TEST(Seal, EveryChangedOctetBreaksIt) {
  const Pair k;
  const std::string text = sealed("version = 2\n[[host]]\naddress = \"10.1.1.20\"\n", {"N. N.", "", when}, k.open, k.secret);
  for (size_t i = 0; i < text.size(); i++) {
    std::string bad = text;
    bad[i] = char(bad[i] ^ 1);
    EXPECT_NE(seal_flaw(bad, {}), "") << i << ": " << bad;
  }
  EXPECT_EQ(seal_flaw(text + "[[host]]\naddress = \"10.1.1.66\"\n", {}), "it was changed after N. N. froze it on 2026-11-21");
  EXPECT_EQ(seal_flaw("version = 2\n", {}), "it was never frozen");
}

TEST(Seal, AStrangersKeyIsNotTrusted) {
  const Pair own, other;
  const std::string text = sealed("version = 2\n", {"N. N.", "", when}, other.open, other.secret);
  const std::string known[] = {hex_of(own.open)};
  EXPECT_EQ(seal_flaw(text, {}), "");
  EXPECT_NE(seal_flaw(text, known).find("which is not trusted here"), std::string::npos);
}

}  // namespace
}  // namespace vidra
