// SPDX-License-Identifier: Apache-2.0
#include "daemon/record/cursor.h"

#include <algorithm>
#include <cerrno>

#include "daemon/record/crc32c.h"
#include "daemon/record/octets.h"

namespace vidra {

namespace {
constexpr size_t slot_size = 64, slot_apart = 4096;   // two pages: one torn page cannot hold both
// Behind it what was told: one range with a CRC, then the others with theirs. Files from before have none, or one.
constexpr size_t one_told = slot_size + 20, whole_size = one_told + (CursorValue::told_most - 1) * 16 + 4;
using Slot = std::array<uint8_t, whole_size>;

Slot encode(const CursorValue& v, uint64_t generation) {
  Slot s{};
  Writer w(s);
  w.le64(generation), w.le64(v.acknowledged), w.le64(v.next), w.bytes(v.head), w.le32(0x31525543);
  w.le32(crc32c(Bytes(s).first(60)));
  for (size_t i = 0; i < CursorValue::told_most; i++) {
    const Range r = i < v.told.size() ? v.told[i] : Range{0, 0};
    w.le64(r.from), w.le64(r.to);
    if (i == 0) w.le32(crc32c(Bytes(s).first(one_told - 4)));
  }
  w.le32(crc32c(Bytes(s).first(whole_size - 4)));
  return s;
}

bool decode(Bytes b, CursorValue& v, uint64_t& generation) {
  bool bad = false;
  Reader r(b, bad);
  generation = r.le64(), v.acknowledged = r.le64(), v.next = r.le64();
  const Bytes head = r.bytes(32);
  r.require(r.le32() == 0x31525543);
  r.require(r.le32() == crc32c(b.first(60)));
  if (bad) return false;
  std::ranges::copy(head, v.head.begin());
  std::vector<Range> told;
  const auto range = [&] {
    const uint64_t from = r.le64(), to = r.le64();
    if (from && from <= to) told.push_back({from, to});
  };
  range();
  if (b.size() >= one_told && r.le32() == crc32c(b.first(one_told - 4))) v.told = told;
  for (size_t i = 1; i < CursorValue::told_most; i++) range();
  if (b.size() >= whole_size && r.le32() == crc32c(b.first(whole_size - 4))) v.told = std::move(told);
  return true;
}
}  // namespace

std::optional<CursorValue> Cursor::read(Bytes file) {
  std::optional<CursorValue> newest;
  uint64_t generation = 0;
  for (size_t at : {size_t{0}, slot_apart}) {
    if (file.size() < at + slot_size) continue;
    CursorValue v;
    uint64_t g = 0;
    if (decode(file.subspan(at, std::min(whole_size, file.size() - at)), v, g) && g > generation) generation = g, newest = std::move(v);
  }
  return newest;
}

int Cursor::open() {
  int e = storage_.open(path_, Storage::Mode::create, file_);
  if (e == -EROFS) e = storage_.open(path_, Storage::Mode::existing, file_);   // still to be read
  if (e) return e;
  const int64_t size = file_->size();
  if (size < 0) return int(size);
  bool any = false;
  int64_t unread = 0;
  for (uint64_t i = 0; i < 2; i++) {
    Slot s{};
    const int64_t got = file_->read(i * slot_apart, s);
    if (got < 0) unread = got;
    if (got < int64_t(slot_size)) continue;
    CursorValue v;
    uint64_t g = 0;
    if (decode(Bytes(s).first(size_t(got)), v, g) && g > generation_) generation_ = g, value_ = std::move(v), any = true;
  }
  if (unread) return int(unread);   // it may be well, and the newer one: not the same as damaged
  damaged_ = size > 0 && !any;
  if (size == 0) {
    // Both slots exist from the start, so that storing needs no room on a full disk; one holds a value, so that a file of
    // zeros is known to be damaged.
    std::array<uint8_t, slot_apart + whole_size> fresh{};
    std::ranges::copy(encode(value_, generation_ = 1), fresh.begin() + slot_apart);
    if ((e = file_->write_at(0, fresh)) || (e = file_->sync())) return e;
    const size_t slash = path_.find_last_of('/');
    if ((e = storage_.sync_directory(slash == std::string::npos ? "." : path_.substr(0, slash)))) return e;
    stored_ = true;
  }
  return 0;
}

int Cursor::store(const CursorValue& v) {
  if (!file_) return -EBADF;
  // A slot whose writing failed is in doubt: the next value goes to the same one, its sibling stays untouched.
  const uint64_t g = generation_ + 1;
  if (const int e = file_->write_at((g % 2) * slot_apart, encode(v, g))) return e;
  if (const int e = file_->sync()) return e;
  generation_ = g;
  value_ = v;
  stored_ = true;
  return 0;
}

}  // namespace vidra
