// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace vidra {

using Bytes = std::span<const uint8_t>;

inline std::string_view text_of(Bytes b) { return {reinterpret_cast<const char*>(b.data()), b.size()}; }
inline Bytes bytes_of(std::string_view s) { return {reinterpret_cast<const uint8_t*>(s.data()), s.size()}; }

// Walks bytes that nobody vouches for. A read past the end yields zero, empties the reader and sets the flag it was
// given, which its sub-readers share. So read a whole structure as if it were well formed; the flag tells whether it was.
//
// Rules: loops are `while (r)` or `for (i < n && r.ok())`; nothing is sized or indexed by a value that `require` has not
// seen; `{r.u8(), r.be16()}` evaluates left to right, call arguments do not; looking ahead uses a reader with a flag of
// its own.
class Reader {
 public:
  Reader(Bytes b, bool& bad) : at_(b.data()), end_(b.data() + b.size()), bad_(&bad) {}

  uint8_t u8() { return take<uint8_t, std::endian::big>(); }
  uint16_t be16() { return take<uint16_t, std::endian::big>(); }
  uint32_t be24() { uint32_t high = be16(); return high << 8 | u8(); }
  uint32_t be32() { return take<uint32_t, std::endian::big>(); }
  uint64_t be64() { return take<uint64_t, std::endian::big>(); }
  uint16_t le16() { return take<uint16_t, std::endian::little>(); }
  uint32_t le24() { uint32_t low = le16(); return low | uint32_t{u8()} << 16; }
  uint32_t le32() { return take<uint32_t, std::endian::little>(); }
  uint64_t le48() { uint64_t low = le32(); return low | uint64_t{le16()} << 32; }
  uint64_t le64() { return take<uint64_t, std::endian::little>(); }
  float le_float() { return std::bit_cast<float>(le32()); }
  float be_float() { return std::bit_cast<float>(be32()); }
  double le_double() { return std::bit_cast<double>(le64()); }
  double be_double() { return std::bit_cast<double>(be64()); }

  Bytes bytes(size_t n) {
    if (n > left()) [[unlikely]] return fail(), Bytes{};
    at_ += n;
    return {at_ - n, n};
  }
  Bytes rest() { return bytes(left()); }
  Bytes peek() const { return {at_, left()}; }
  Reader sub(size_t n) { return {bytes(n), *bad_}; }  // what lies inside cannot read outside
  void skip(size_t n) { bytes(n); }
  void require(bool holds) { if (!holds) [[unlikely]] fail(); }  // what the protocol demands of a value

  size_t left() const { return size_t(end_ - at_); }
  bool ok() const { return !*bad_; }
  void finish() { require(at_ == end_); }             // nothing may follow
  explicit operator bool() const { return at_ != end_; }  // more to read; false once failed

 private:
  template <std::unsigned_integral T, std::endian order>
  T take() {
    if (left() < sizeof(T)) [[unlikely]] return fail(), T{0};
    T v;
    std::memcpy(&v, at_, sizeof v);
    at_ += sizeof v;
    if constexpr (order == std::endian::native || sizeof(T) == 1) return v;
    else if constexpr (sizeof(T) == 2) return __builtin_bswap16(v);
    else if constexpr (sizeof(T) == 4) return __builtin_bswap32(v);
    else return __builtin_bswap64(v);
  }
  void fail() { at_ = end_; *bad_ = true; }

  const uint8_t* at_;
  const uint8_t* end_;
  bool* bad_;
};

}  // namespace vidra
