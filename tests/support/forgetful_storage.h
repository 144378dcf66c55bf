// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "daemon/record/storage.h"

namespace vidra {

// The machine's files, but what was written lies in this process until it is synced: killing the process is then to its
// files what a power cut is to a disk's, for real processes.
class ForgetfulStorage final : public Storage {
 public:
  int open(const std::string& path, Mode mode, std::unique_ptr<File>& file) override {
    std::unique_ptr<File> below;
    if (const int e = real_storage().open(path, mode, below)) return e;
    file = std::make_unique<Handle>(std::move(below));
    return 0;
  }
  int make_directories(const std::string& path) override { return real_storage().make_directories(path); }
  int sync_directory(const std::string& path) override { return real_storage().sync_directory(path); }
  int rename(const std::string& from, const std::string& to) override { return real_storage().rename(from, to); }
  int remove(const std::string& path) override { return real_storage().remove(path); }
  int list(const std::string& directory, std::vector<std::string>& names) override { return real_storage().list(directory, names); }
  int free_bytes(const std::string& path, uint64_t& free) override { return real_storage().free_bytes(path, free); }
  std::string identity(const std::string& path) override { return real_storage().identity(path); }

 private:
  struct Handle final : File {
    explicit Handle(std::unique_ptr<File> b) : below(std::move(b)) {}
    int append(Bytes b) override { return write_at(uint64_t(size()), b); }
    int write_at(uint64_t offset, Bytes b) override {
      pending.emplace_back(offset, std::vector<uint8_t>(b.begin(), b.end()));
      return 0;
    }
    // Readers have handles of their own and ask only for what is durable; the writer looks at what is below too.
    int64_t read(uint64_t offset, std::span<uint8_t> out) override { return below->read(offset, out); }
    int64_t size() override {
      int64_t n = below->size();
      for (const auto& [offset, b] : pending) n = std::max(n, int64_t(offset + b.size()));
      return n;
    }
    int truncate(uint64_t n) override { return below->truncate(n); }
    int sync() override {
      for (const auto& [offset, b] : pending)
        if (const int e = below->write_at(offset, b)) return e;
      pending.clear();
      return below->sync();
    }
    std::unique_ptr<File> below;
    std::vector<std::pair<uint64_t, std::vector<uint8_t>>> pending;
  };
};

}  // namespace vidra
