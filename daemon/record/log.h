// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "daemon/record/header.h"
#include "daemon/record/storage.h"

namespace vidra {

// Numbers from..to, both included.
struct Range {
  uint64_t from = 0, to = 0;
  uint64_t count() const { return to - from + 1; }
  bool operator==(const Range&) const = default;
};

// One record of a log. The payload is the exact wire frames one after the other (header, body); `number` is the lane's
// sequence number, or whatever gap-free count the log's owner keeps.
struct LogEntry {
  uint64_t number = 0;
  MessageType type = MessageType::none;
  std::vector<uint8_t> payload;
  Bytes header() const { return Bytes(payload).first(std::min(payload.size(), header_size)); }
  Bytes body() const { return Bytes(payload).subspan(std::min(payload.size(), header_size)); }
};
inline constexpr size_t entry_prefix_size = 20, segment_header_size = 64;
inline constexpr uint32_t log_entry_magic = 0x1e505243;   // "CRP" and a record separator
inline constexpr uint32_t max_entry = header_size + max_body + 4096;

struct LogSettings {
  std::string directory;
  std::string lost_and_found;           // where cut tails are kept; "" for lost+found in the directory
  uint64_t segment_bytes = 16u << 20;   // a new file is begun when one has reached this
  SensorId sensor{};
  uint64_t epoch = 0;
  uint8_t lane = 0;
  // At open(), where the last file is not given as a whole: go on without the pieces that are not given. Otherwise open() fails, and may be
  // asked again. What was not given is neither removed nor cut.
  bool with_holes = false;
  // When a record was taken in, for a log whose owner is sent again what it has not promised to have. A loss of power may keep later
  // octets of an unsynced write without earlier ones: records behind a damaged place at the end are then cut with it, where they are
  // less than a minute older than the newest.
  int64_t (*taken_in)(Bytes payload) = nullptr;
};

// What open() found that is not as it was left.
struct Recovery {
  std::string at;               // the file that was looked at last: where open() failed, there
  uint64_t cut_bytes = 0;       // behind the last whole record; moved to `kept_in`
  std::string kept_in;
  std::vector<Range> missing;   // damaged in the last segment
  int unsynced = 0;             // -errno: what a killed process wrote could not be made durable; it is there to be read, and may be gone after a loss of power
  bool in_doubt = false;        // numbers may have been in use that nothing shows any more: begin a new epoch
};

struct SegmentInfo {
  std::string name;
  uint64_t first = 0, last = 0, bytes = 0;
  int64_t created = 0;          // wall nanoseconds
};

// An append-only log in segment files named by their first number; each record has a magic, a length and a CRC-32C. One
// thread appends and syncs; any number of threads read (LogReader) what is durable. A segment that cannot be written or
// synced is left behind and its unsynced records are written again, from memory, to a new one: after a failed fdatasync
// the kernel may call lost pages clean.
class Log {
 public:
  Log(Storage&, LogSettings);
  ~Log();

  // Recovers; the next number is at least `at_least`, and what lies up to `synced` is known to be durable. 0 or -errno; a damaged log
  // opens, and says so in recovery().
  int open(uint64_t at_least = 1, uint64_t synced = 0);
  const Recovery& recovery() const { return recovery_; }

  // Takes a record into memory and gives it its number; sync() makes all that were taken durable.
  uint64_t append(MessageType, Bytes header, Bytes body, int64_t wall_ns = 0);
  // 0: everything appended is durable. Otherwise -errno: nothing of the batch counts, it stays in memory, try again.
  int sync();
  // Forgets the batch that could not be made durable; its numbers are given out again (they were never durable, nor sent).
  void forget_batch();

  uint64_t next() const { return next_; }
  uint64_t durable() const { return durable_.load(std::memory_order_acquire); }   // last durable number; first()-1 when empty
  uint64_t first() const;                                                          // first number held; next when empty
  uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  std::vector<SegmentInfo> segments() const;

  // Removes whole segments that lie before `number`. Store and sync the cursor first.
  int drop_before(uint64_t number);
  // Removes the oldest segment, even the one being written; the numbers it held, nothing where the disk refuses. Store next() in a cursor first.
  std::optional<Range> drop_oldest();

 private:
  friend class LogReader;
  struct Segment {
    std::string path, name;
    uint64_t first = 0;
    uint32_t attempt = 0;
    uint64_t bytes = 0;      // durable octets, header included
    int64_t created = 0;
  };
  struct View { std::string path; uint64_t first, last, bytes; };
  std::optional<View> view(uint64_t number) const;   // the segment that holds `number`, or the next one after it
  int begin_segment();
  int remove_segment(size_t index);
  int scan_last(uint64_t synced);
  void discard(const std::string& path);

  Storage& storage_;
  LogSettings settings_;
  Recovery recovery_;
  mutable std::mutex mutex_;                // segments_; never held while the disk works
  std::vector<Segment> segments_;           // by first number; the last is the one being written when file_ is open
  std::unique_ptr<File> file_;
  bool fresh_ = false;                      // the file being written is not in segments_ yet
  Segment writing_;
  std::vector<std::string> left_;           // files that failed and could not be removed: what they hold does not count
  std::vector<uint8_t> batch_;              // encoded, not yet durable
  uint64_t batch_first_ = 0;
  int64_t batch_wall_ = 0;
  uint64_t next_ = 1;
  std::atomic<uint64_t> durable_{0};
  std::atomic<uint64_t> bytes_{0};
};

// Follows a log from a number on. Damage and absence are told as missing ranges, once, in order.
class LogReader {
 public:
  LogReader(Storage& storage, const Log& log, uint64_t from) : storage_(storage), log_(log), at_(from) {}
  // nothing: all that is durable has been read. trouble: the disk would not read; asking again may help.
  enum class Found : uint8_t { entry, missing, nothing, trouble };
  Found next(LogEntry&, Range& missing);
  uint64_t at() const { return at_; }
  void seek(uint64_t number);

 private:
  enum class Look : uint8_t { entry, bad, end };
  Look look(uint64_t offset, LogEntry&, size_t& length);
  bool fill(uint64_t offset, size_t n);
  Found miss(uint64_t to, Range& missing);
  void leave();

  Storage& storage_;
  const Log& log_;
  uint64_t at_;
  std::unique_ptr<File> file_;
  uint64_t first_ = 0, last_ = 0, size_ = 0, offset_ = 0;
  std::string path_;
  std::vector<uint8_t> window_;
  uint64_t window_at_ = 0;
  bool trouble_ = false;
};

}  // namespace vidra
