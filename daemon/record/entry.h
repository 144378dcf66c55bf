// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>

#include "daemon/record/crc32c.h"
#include "daemon/record/log.h"

namespace vidra {

// An entry of a segment as it lies in a file. Borrowed.
struct EntryView {
  uint64_t number = 0;
  MessageType type = MessageType::none;
  Bytes payload;
  size_t length() const { return entry_prefix_size + payload.size(); }
};

// How many octets of payload the entry says that begins here; nullopt where none begins. Wants the first twelve octets.
inline std::optional<uint32_t> entry_payload(Bytes b) {
  bool bad = false;
  Reader r(b, bad);
  r.require(r.le32() == log_entry_magic);
  const uint32_t n = r.le32();
  r.require(n <= max_entry);
  r.le32();
  return bad ? std::nullopt : std::optional(n);
}

// The entry that begins here, whole and with a CRC that holds; nullopt otherwise.
inline std::optional<EntryView> entry_in(Bytes b) {
  const auto n = entry_payload(b);
  if (!n || b.size() < entry_prefix_size + *n) return std::nullopt;
  bool bad = false;
  Reader r(b.subspan(8), bad);
  const uint32_t crc = r.le32();
  if (crc32c(b.subspan(12, entry_prefix_size - 12 + *n)) != crc) return std::nullopt;
  const uint64_t word = r.le64();
  return EntryView{word >> 8, MessageType(word & 0xff), r.bytes(*n)};
}

}  // namespace vidra
