// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "dissectors/reader.h"

namespace vidra {

// One open file. Every call says 0 (or a count) for success and -errno for failure; what was written is durable only after
// a sync that succeeded. After a failed sync nothing written since the last good one may be relied on, ever.
struct File {
  virtual ~File() = default;
  virtual int append(Bytes) = 0;                                     // all of it, or an error after any part of it
  virtual int write_at(uint64_t offset, Bytes) = 0;
  virtual int64_t read(uint64_t offset, std::span<uint8_t> out) = 0; // octets read; fewer only at the end of the file
  virtual int64_t size() = 0;
  virtual int truncate(uint64_t size) = 0;
  virtual int sync() = 0;                                            // fdatasync
};

// All that logs, cursors and outboxes want of a disk, and all of it that may fail. Callable from several threads. Two
// implementations: the machine's files, and in the tests a disk that loses power and fails at a chosen call.
struct Storage {
  virtual ~Storage() = default;
  enum class Mode : uint8_t { existing, create, create_new };
  virtual int open(const std::string& path, Mode, std::unique_ptr<File>&) = 0;
  virtual int make_directories(const std::string& path) = 0;         // with its parents, all synced
  virtual int sync_directory(const std::string& path) = 0;           // makes creations, renamings and removals in it durable
  virtual int rename(const std::string& from, const std::string& to) = 0;
  virtual int remove(const std::string& path) = 0;
  virtual int list(const std::string& directory, std::vector<std::string>& names) = 0;   // plain files and directories, sorted
  virtual int free_bytes(const std::string& path, uint64_t& free) = 0;                    // statvfs, for an ordinary user
  // What tells this directory from a copy of it on another disk or in another place (machine, device, inode).
  virtual std::string identity(const std::string& path) = 0;
};

// The machine's files.
Storage& real_storage();

}  // namespace vidra
