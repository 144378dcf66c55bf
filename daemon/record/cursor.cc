// SPDX-License-Identifier: Apache-2.0
#include "daemon/record/cursor.h"

#include <algorithm>
#include <cerrno>

#include "daemon/record/crc32c.h"
#include "daemon/record/octets.h"

namespace vidra {

namespace {
constexpr size_t slot_size = 64, slot_apart = 4096;   // two pages: one torn page cannot hold both
constexpr size_t whole_size = slot_size + 20;         // and what was told, with a CRC of its own: files from before it have none
using Slot = std::array<uint8_t, whole_size>;

Slot encode(const CursorValue& v, uint64_t generation) {
  Slot s{};
  Writer w(s);
  w.le64(generation), w.le64(v.acknowledged), w.le64(v.next), w.bytes(v.head), w.le32(0x31525543);
  w.le32(crc32c(Bytes(s).first(60)));
  w.le64(v.told_from), w.le64(v.told_to);
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
  if (bad || generation == 0) return false;
  std::ranges::copy(head, v.head.begin());
  const uint64_t from = r.le64(), to = r.le64();
  if (r.le32() == crc32c(b.first(whole_size - 4)) && !bad) v.told_from = from, v.told_to = to;
  return true;
}
}  // namespace

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
    if (decode(s, v, g) && g > generation_) generation_ = g, value_ = v, any = true;
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
  return 0;
}

}  // namespace vidra
