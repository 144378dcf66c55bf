// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cassert>
#include <cstring>
#include <span>
#include <string_view>

#include "dissectors/reader.h"

namespace vidra {

// Fills a buffer of known size from its start, little-endian: the counterpart of Reader for what we write ourselves.
class Writer {
 public:
  explicit Writer(std::span<uint8_t> out) : out_(out) {}
  void u8(uint8_t v) { put(v, 1); }
  void le16(uint16_t v) { put(v, 2); }
  void le32(uint32_t v) { put(v, 4); }
  void le64(uint64_t v) { put(v, 8); }
  void bytes(Bytes b) {
    assert(b.size() <= out_.size() - at_);
    if (!b.empty()) std::memcpy(out_.data() + at_, b.data(), b.size());
    at_ += b.size();
  }
  void text(std::string_view s) { bytes(bytes_of(s)); }
  size_t written() const { return at_; }

 private:
  void put(uint64_t v, size_t n) {
    assert(n <= out_.size() - at_);
    for (size_t i = 0; i < n; i++) out_[at_++] = uint8_t(v >> (8 * i));
  }
  std::span<uint8_t> out_;
  size_t at_ = 0;
};

}  // namespace vidra
