// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cerrno>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "daemon/record/storage.h"

namespace vidra {

// A disk in memory that keeps what a real one promises and no more: octets are durable after a sync of their file, names
// after a sync of their directory. When power is lost, each unsynced write survives whole, in part, as garbage or not at
// all, in any order; each unsynced creation and removal survives or does not. A sync that fails has lost what it was to
// write, and the next one does not bring it back. Calls can be made to fail from the n-th on.
class FaultyStorage final : public Storage {
 public:
  struct Node {
    std::vector<uint8_t> now, durable;
    std::vector<std::pair<size_t, size_t>> dirty;   // offset, length
    bool resized = false;
  };

  // Call number `at` (1 is the next) and the `times` - 1 after it fail.
  void fail(uint64_t at, int error, uint64_t times = 1) {
    std::lock_guard lock(mutex_);
    fail_from_ = calls_ + at, fail_until_ = fail_from_ + times, error_ = error;
  }
  void heal() {
    std::lock_guard lock(mutex_);
    fail_from_ = fail_until_ = 0;
  }
  // Power goes at call number `at`: everything from there on fails. `restore` then gives the disk as it is found after.
  void cut_power(uint64_t at) {
    std::lock_guard lock(mutex_);
    cut_at_ = calls_ + at;
  }
  bool dead() const { return dead_; }
  uint64_t calls() const { return calls_; }
  uint64_t capacity = 0;   // octets of all files together; 0 no limit
  int full = ENOSPC;       // what a write says that finds no room
  int free_fails = 0;      // an error of free_bytes()
  std::string place = "here";
  std::string broken;      // nothing can be written to this file
  std::string unreadable;  // nothing can be read from this one
  std::string stays;       // this one cannot be removed
  std::string shut;        // this one cannot be opened
  uint64_t gives = ~uint64_t{0};                            // no read gives octets behind here
  std::function<void(const std::string&)> before_opening;   // what others do in that moment

  void restore(uint64_t seed) {
    std::lock_guard lock(mutex_);
    std::mt19937_64 random(seed);
    std::set<std::string> all;
    for (const auto& [p, n] : names_) all.insert(p);
    for (const auto& [p, n] : durable_names_) all.insert(p);
    std::map<std::string, std::shared_ptr<Node>> after;
    for (const std::string& p : all) {
      // A name that was made, removed or replaced since its directory was synced is found in its old or in its new state.
      const auto a = names_.find(p), b = durable_names_.find(p);
      const bool new_state = random() % 2;
      const auto node = new_state ? (a == names_.end() ? nullptr : a->second) : (b == durable_names_.end() ? nullptr : b->second);
      if (node) after[p] = node;
    }
    for (auto& [p, n] : after) {
      std::vector<uint8_t> v = n->durable;
      std::shuffle(n->dirty.begin(), n->dirty.end(), random);
      for (auto [offset, length] : n->dirty) {
        const auto kind = random() % 4;
        if (kind == 0 || offset >= n->now.size()) continue;
        length = std::min(length, n->now.size() - offset);
        const size_t part = kind == 1 ? length : size_t(random() % (length + 1));
        if (v.size() < offset + part) v.resize(offset + part);
        for (size_t i = 0; i < part; i++) v[offset + i] = kind == 3 ? uint8_t(random()) : n->now[offset + i];
      }
      n->now = n->durable = v;
      n->dirty.clear();
      n->resized = false;
    }
    names_ = durable_names_ = after;
    dead_ = false, cut_at_ = fail_from_ = fail_until_ = 0;
  }

  // The octets of a file as a program sees them, to read or to damage.
  std::vector<uint8_t>& octets(const std::string& path) { return names_.at(path)->now; }
  std::vector<std::string> paths() const {
    std::vector<std::string> out;
    for (const auto& [p, n] : names_) out.push_back(p);
    return out;
  }
  void put(const std::string& path, const std::vector<uint8_t>& v) {
    auto n = std::make_shared<Node>();
    n->now = n->durable = v;
    names_[path] = durable_names_[path] = n;
  }
  std::shared_ptr<FaultyStorage> copy() const {
    auto out = std::make_shared<FaultyStorage>();
    out->directories_ = directories_;
    for (const auto& [p, n] : names_) out->put(p, n->now);
    return out;
  }

  int open(const std::string& path, Mode mode, std::unique_ptr<File>& file) override {
    if (before_opening) before_opening(path);
    std::lock_guard lock(mutex_);
    if (const int e = call()) return e;
    if (path == shut) return -EIO;
    auto at = names_.find(path);
    if (at == names_.end()) {
      if (mode == Mode::existing) return -ENOENT;
      at = names_.emplace(path, std::make_shared<Node>()).first;
    } else if (mode == Mode::create_new) {
      return -EEXIST;
    }
    file = std::make_unique<Handle>(*this, at->second, path);
    return 0;
  }
  int make_directories(const std::string& path) override {
    std::lock_guard lock(mutex_);
    if (const int e = call()) return e;
    for (size_t i = 1; i != std::string::npos; i = path.find('/', i + 1))
      if (i > 1) directories_.insert(path.substr(0, i));
    directories_.insert(path);
    return 0;
  }
  int sync_directory(const std::string& path) override {
    std::lock_guard lock(mutex_);
    if (const int e = call()) return e;
    const auto inside = [&](const std::string& p) { return p.starts_with(path + "/") && p.find('/', path.size() + 1) == std::string::npos; };
    std::erase_if(durable_names_, [&](const auto& n) { return inside(n.first); });
    for (const auto& [p, n] : names_)
      if (inside(p)) durable_names_[p] = n;
    return 0;
  }
  int rename(const std::string& from, const std::string& to) override {
    std::lock_guard lock(mutex_);
    if (const int e = call()) return e;
    const auto at = names_.find(from);
    if (at == names_.end()) return -ENOENT;
    names_[to] = at->second;
    names_.erase(from);
    return 0;
  }
  int remove(const std::string& path) override {
    std::lock_guard lock(mutex_);
    if (const int e = call()) return e;
    if (path == stays) return -EIO;
    return names_.erase(path) || directories_.erase(path) ? 0 : -ENOENT;
  }
  int list(const std::string& directory, std::vector<std::string>& out) override {
    std::lock_guard lock(mutex_);
    if (const int e = call()) return e;
    std::set<std::string> found;
    const auto add = [&](const std::string& p) {
      if (p.starts_with(directory + "/")) found.insert(p.substr(directory.size() + 1, p.find('/', directory.size() + 1) - directory.size() - 1));
    };
    for (const auto& [p, n] : names_) add(p);
    for (const auto& p : directories_) add(p);
    out.assign(found.begin(), found.end());
    return 0;
  }
  int free_bytes(const std::string&, uint64_t& free) override {
    std::lock_guard lock(mutex_);
    if (free_fails) return -free_fails;
    free = capacity ? capacity - std::min(capacity, used()) : ~uint64_t{0};
    return 0;
  }
  std::string identity(const std::string& path) override { return place + ":" + path; }

 private:
  struct Handle final : File {
    Handle(FaultyStorage& d, std::shared_ptr<Node> n, std::string p) : disk(d), node(std::move(n)), path(std::move(p)) {}
    int append(Bytes b) override { return write(node->now.size(), b); }
    int write_at(uint64_t offset, Bytes b) override { return write(size_t(offset), b); }
    int write(size_t offset, Bytes b) {
      std::lock_guard lock(disk.mutex_);
      const size_t whole = b.size();
      int e = disk.call();
      if (!e && path == disk.broken) e = -EIO;
      if (e) b = b.first(whole / 2);   // an error after a part of it
      const size_t grows = offset + b.size() > node->now.size() ? offset + b.size() - node->now.size() : 0;
      if (disk.capacity && disk.used() + grows > disk.capacity) {
        b = b.first(b.size() - std::min(b.size(), size_t(disk.used() + grows - disk.capacity)));
        e = -disk.full;
      }
      if (disk.dead_) return e;
      if (node->now.size() < offset + b.size()) node->now.resize(offset + b.size());
      std::ranges::copy(b, node->now.begin() + ptrdiff_t(offset));
      node->dirty.emplace_back(offset, b.size());
      return e;
    }
    int64_t read(uint64_t offset, std::span<uint8_t> out) override {
      std::lock_guard lock(disk.mutex_);
      if (const int e = disk.call()) return e;
      if (path == disk.unreadable) return -EIO;
      const uint64_t end = std::min<uint64_t>(node->now.size(), disk.gives);
      if (offset >= end) return 0;
      const size_t n = std::min(out.size(), size_t(end - offset));
      std::copy_n(node->now.begin() + ptrdiff_t(offset), n, out.begin());
      return int64_t(n);
    }
    int64_t size() override {
      std::lock_guard lock(disk.mutex_);
      if (const int e = disk.call()) return e;
      return int64_t(node->now.size());
    }
    int truncate(uint64_t n) override {
      std::lock_guard lock(disk.mutex_);
      if (const int e = disk.call()) return e;
      node->now.resize(size_t(n));
      node->resized = true;
      return 0;
    }
    int sync() override {
      std::lock_guard lock(disk.mutex_);
      const int e = disk.call();
      if (e) {
        if (!disk.dead_) node->dirty.clear();   // marked clean, and lost
        return e;
      }
      node->durable.resize(node->now.size());
      for (const auto& [offset, length] : node->dirty)
        for (size_t i = offset; i < std::min(offset + length, node->now.size()); i++) node->durable[i] = node->now[i];
      node->dirty.clear();
      return 0;
    }
    FaultyStorage& disk;
    std::shared_ptr<Node> node;
    const std::string path;
  };

  uint64_t used() const {
    uint64_t n = 0;
    for (const auto& [p, node] : names_) n += node->now.size();
    return n;
  }
  int call() {
    calls_++;
    if (cut_at_ && calls_ >= cut_at_) dead_ = true;
    if (dead_) return -EIO;
    return calls_ >= fail_from_ && calls_ < fail_until_ ? -std::abs(error_) : 0;
  }

  mutable std::recursive_mutex mutex_;
  std::map<std::string, std::shared_ptr<Node>> names_, durable_names_;
  std::set<std::string> directories_;
  uint64_t calls_ = 0, fail_from_ = 0, fail_until_ = 0, cut_at_ = 0;
  int error_ = EIO;
  bool dead_ = false;
};

}  // namespace vidra
