// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "daemon/base/clock.h"
#include "daemon/collector/intake.h"
#include "daemon/report/body.h"
#include "tests/report/findings.h"

namespace vidra {

// A directory that is gone after the test.
struct Scratch {
  std::string path;
  Scratch() {
    std::string name = (std::filesystem::temp_directory_path() / "vidra-collector-XXXXXX").string();
    path = mkdtemp(name.data());
  }
  ~Scratch() { std::filesystem::remove_all(path); }
};

// A sensor's end without a link: numbers, chains and seals records as an outbox does.
struct FakeSensor {
  SensorId id{};
  std::string name;
  uint64_t epoch = 77;
  Time now = 1795295191 * second;
  std::array<uint64_t, lane_count> seq{};
  std::array<Hash, lane_count> head{};

  explicit FakeSensor(uint8_t n, std::string called = "alder-1") : name(std::move(called)) {
    id.fill(n);
    id[6] = 0x40, id[8] = 0x80;
  }
  struct Record {
    Header header;
    std::vector<uint8_t> header_bytes, body;
  };
  Record record(MessageType type, Lane lane, std::string_view body) {
    Record r;
    const size_t l = size_t(lane);
    r.header.type = type, r.header.lane = uint8_t(l), r.header.sensor = id, r.header.epoch = epoch;
    r.header.seq = ++seq[l], r.header.prev = head[l];
    r.header.wall_ns = now += millisecond;
    r.body.assign(body.begin(), body.end());
    seal(r.header, r.body);
    head[l] = r.header.self;
    const HeaderBytes bytes = encode(r.header);
    r.header_bytes.assign(bytes.begin(), bytes.end());
    return r;
  }
  Issuer sender() const { return {.id = uuid_text(id), .name = name, .site = "Alder 110/20 kV"}; }
  Story story(uint64_t number, uint32_t revision = 0, const Detection& d = sweep) const {
    Story s;
    s.number = number, s.revision = revision, s.detection = &d, s.severity = d.severity;
    s.id = uuid_of("story " + std::to_string(number));
    s.first = 1795295191 * second + Time(number) * second, s.last = s.first + Time(revision) * second, s.count = revision + 1;
    s.protocol = "tcp", s.what = "what", s.expected = "expected";
    s.source.address = ip(10, 10, 1, 199), s.target = {ip(10, 10, 1, 20), "rtu1"};
    return s;
  }
  Record alert(uint64_t number, uint32_t revision = 0, Lane lane = Lane::alert, const Detection& d = sweep) {
    return record(revision ? MessageType::update : MessageType::alert, lane, story_body(story(number, revision, d), sender(), now));
  }
};

inline Arrival arrival(const FakeSensor::Record& r, bool probation = false) {
  Arrival a;
  a.header = r.header, a.header_bytes = r.header_bytes, a.body = r.body, a.received_ns = r.header.wall_ns + 5 * millisecond, a.probation = probation;
  return a;
}

// The machine's files, with a disk that can be made full or broken.
struct TestStorage final : Storage {
  Storage& real = real_storage();
  uint64_t free = 1ull << 40;
  int write_error = 0, sync_error = 0, free_error = 0;   // 0 or -errno
  std::string only_below;                // breaks only files whose path has this in it
  std::atomic<Time> sync_takes{0};       // a slow disk
  std::atomic<int> syncing{0};           // that wait for it

  struct TestFile final : File {
    TestStorage& owner;
    std::unique_ptr<File> file;
    bool breakable;
    TestFile(TestStorage& o, std::unique_ptr<File> f, bool b) : owner(o), file(std::move(f)), breakable(b) {}
    int append(Bytes b) override { return breakable && owner.write_error ? owner.write_error : file->append(b); }
    int write_at(uint64_t at, Bytes b) override { return breakable && owner.write_error ? owner.write_error : file->write_at(at, b); }
    int64_t read(uint64_t at, std::span<uint8_t> out) override { return file->read(at, out); }
    int64_t size() override { return file->size(); }
    int truncate(uint64_t n) override { return file->truncate(n); }
    int sync() override {
      if (breakable && owner.sync_takes) {
        owner.syncing++;
        sleep_for(owner.sync_takes);
        owner.syncing--;
      }
      return breakable && owner.sync_error ? owner.sync_error : file->sync();
    }
  };
  int open(const std::string& path, Mode mode, std::unique_ptr<File>& out) override {
    std::unique_ptr<File> file;
    const int e = real.open(path, mode, file);
    if (!e) out = std::make_unique<TestFile>(*this, std::move(file), path.find(only_below) != path.npos);
    return e;
  }
  int make_directories(const std::string& p) override { return real.make_directories(p); }
  int sync_directory(const std::string& p) override { return real.sync_directory(p); }
  int rename(const std::string& a, const std::string& b) override { return real.rename(a, b); }
  int remove(const std::string& p) override { return real.remove(p); }
  int list(const std::string& p, std::vector<std::string>& names) override { return real.list(p, names); }
  int free_bytes(const std::string&, uint64_t& n) override { return n = free, free_error; }
  std::string identity(const std::string& p) override { return real.identity(p); }
};

}  // namespace vidra
