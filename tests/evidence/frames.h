// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <thread>

#include "daemon/evidence/recorder.h"
#include "daemon/evidence/segments.h"
#include "tests/support/faulty_storage.h"
#include "tests/support/packets.h"

namespace vidra {

using packets::operator+;

inline constexpr Time noon = 1'795'000'000 * second;

struct NoSink final : EventSink { void see(const Event&) override {} };

// A datagram between two hosts.
inline packets::Octets frame_of(size_t payload, uint32_t from = packets::host_a, uint32_t to = packets::host_b) {
  packets::Octets o(12, 2);
  packets::be16(o, 0x0800);
  return o + packets::ip4(from, to, 17, packets::udp(5000, 5001, packets::Octets(payload, 0x55)));
}
inline Packet packet(const packets::Octets& o, Time at, uint64_t number = 0) { return {at, o, uint32_t(o.size()), 0, Link::ethernet, at, number}; }

// Whole blocks of so many frames, from `at` on.
inline Blocks blocks(size_t n, Time at, size_t payload = 100) {
  Blocks b;
  const packets::Octets o = frame_of(payload);
  for (size_t i = 0; i < n; i++) add_frame(b, {at + Time(i) * millisecond, 0, uint32_t(o.size()), i + 1, o}, {});
  return b;
}

// A disk of which a test says what comes of each write: 0 it is done, -errno it is not; whoever is asked may wait.
class AskedDisk final : public Storage {
 public:
  explicit AskedDisk(Storage& to) : to_(to) {}
  std::function<int(const std::string& path, uint64_t offset)> on_write = [](const std::string&, uint64_t) { return 0; };

  std::function<void(const std::string& directory)> on_list = [](const std::string&) {};

  int open(const std::string& path, Mode mode, std::unique_ptr<File>& file) override {
    std::unique_ptr<File> inner;
    if (const int e = to_.open(path, mode, inner)) return e;
    return file = std::make_unique<Asked>(*this, path, std::move(inner)), 0;
  }
  int make_directories(const std::string& path) override { return to_.make_directories(path); }
  int sync_directory(const std::string& path) override { return to_.sync_directory(path); }
  int rename(const std::string& from, const std::string& to) override { return to_.rename(from, to); }
  int remove(const std::string& path) override { return to_.remove(path); }
  int list(const std::string& directory, std::vector<std::string>& names) override { return on_list(directory), to_.list(directory, names); }
  int free_bytes(const std::string& path, uint64_t& free) override { return to_.free_bytes(path, free); }
  std::string identity(const std::string& path) override { return to_.identity(path); }

 private:
  struct Asked final : File {
    Asked(AskedDisk& d, std::string p, std::unique_ptr<File> f) : disk(d), path(std::move(p)), inner(std::move(f)) {}
    int append(Bytes b) override { return write_at(uint64_t(inner->size()), b); }
    int write_at(uint64_t offset, Bytes b) override {
      const int e = disk.on_write(path, offset);
      return e ? e : inner->write_at(offset, b);
    }
    int64_t read(uint64_t offset, std::span<uint8_t> out) override { return inner->read(offset, out); }
    int64_t size() override { return inner->size(); }
    int truncate(uint64_t n) override { return inner->truncate(n); }
    int sync() override { return inner->sync(); }
    AskedDisk& disk;
    const std::string path;
    const std::unique_ptr<File> inner;
  };
  Storage& to_;
};

inline const std::vector<KeptInterface> one_interface{{"eth1", Link::ethernet}};

}  // namespace vidra
