// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/record/header.h"
#include "daemon/record/log.h"
#include "daemon/record/storage.h"

namespace vidra {

// Where a follower of a log stands, and what the log's numbers must not fall below.
struct CursorValue {
  uint64_t acknowledged = 0;   // everything up to here has been taken
  uint64_t next = 1;           // the log's next number when this was written
  Hash head{};                 // `self` of number next-1
  std::vector<Range> told;     // lost behind `acknowledged`, and said so durably; at most told_most, in order
  static constexpr size_t told_most = 16;
  bool operator==(const CursorValue&) const = default;
};

// A file of two slots written in turn, each with a generation and a CRC: a torn write costs the newest value, never both.
class Cursor {
 public:
  Cursor(Storage& storage, std::string path) : storage_(storage), path_(std::move(path)) {}
  int open();                          // 0 or -errno; a damaged file reads as the default value, after an error value() may be an older one
  const CursorValue& value() const { return value_; }
  bool damaged() const { return damaged_; }
  bool stored() const { return stored_; }   // value() was made durable here; what was only read may lie in the page cache, of a process that was killed or whose sync failed
  int store(const CursorValue&);       // durable when it returns 0
  // The newest value in such a file's octets; nullopt where they hold none. For who reads beside the program that writes it.
  static std::optional<CursorValue> read(Bytes file);

 private:
  Storage& storage_;
  std::string path_;
  std::unique_ptr<File> file_;
  CursorValue value_;
  uint64_t generation_ = 0;
  bool damaged_ = false, stored_ = false;
};

}  // namespace vidra
