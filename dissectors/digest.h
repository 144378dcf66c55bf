// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <md5.h>
#include <sha2.h>

#include "dissectors/text.h"

// The digests by which client programs are known again (HASSH, JA4). No secret is protected by them.
namespace vidra {

inline std::string_view md5_text(std::string_view of, std::array<char, 32>& to) {
  MD5_CTX c;
  std::array<uint8_t, MD5_DIGEST_LENGTH> digest;
  MD5Init(&c);
  MD5Update(&c, bytes_of(of).data(), of.size());
  MD5Final(digest.data(), &c);
  return hex_text(digest, to);
}

inline std::string_view sha256_text(std::string_view of, std::array<char, 64>& to) {
  SHA2_CTX c;
  std::array<uint8_t, SHA256_DIGEST_LENGTH> digest;
  SHA256Init(&c);
  SHA256Update(&c, bytes_of(of).data(), of.size());
  SHA256Final(digest.data(), &c);
  return hex_text(digest, to);
}

}  // namespace vidra
