// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "daemon/collector/index.h"
#include "daemon/record/log.h"

namespace vidra {

struct RetentionSettings {
  Time keep = 365 * day;              // segments and stories older than this go
  uint64_t max_bytes = 20ull << 30;   // of all segments together; those of the sensor that holds most go first, of these states before alerts, the oldest first
};

// What is said of a file of the journal that the disk does not give.
std::string cannot_be_read(std::string_view why, const std::string& file);

// The journal's files: a segment log for every sensor and lane, DIRECTORY/SENSOR/LANE/. Each entry is a record's exact wire
// frames, then sixteen octets of our own: when it was received, and marks. The journal is the truth; the index is made of it.
class Logs {
 public:
  using Place = std::pair<SensorId, uint8_t>;   // sensor, lane

  Logs(Storage&, std::string directory, uint64_t segment_bytes);
  // "" or what is wrong; damage is no error, see troubles(). `synced`: the last number of each log that is known to be durable.
  std::string open(const std::map<Place, uint64_t>& synced = {});
  const std::vector<std::string>& troubles() const { return troubles_; }

  // Takes a record into memory, opens its log when it is the first; 0 when that fails, otherwise its number.
  uint64_t append(const Header&, Bytes header, Bytes body, Time received, bool probation);
  const std::string& refusal() const { return refusal_; }   // why a log could not be opened
  // What became of each log that was touched since the last time. The records of a log that failed are forgotten.
  struct Settled { Place place; uint64_t first, last; int error; };
  std::vector<Settled> sync();

  // Calls `each` for every entry of a log from a number on until it says false, `missing` for what the disk has lost. False where the
  // disk does not give what may still be there: it is to be asked again, and what lies behind is not known.
  template <class Each, class Missing>
  bool read(const Place& place, uint64_t from, Each each, Missing missing) {
    const auto at = logs_.find(place);
    if (at == logs_.end()) return true;
    LogReader reader(storage_, *at->second, from);
    LogEntry held;
    Range range;
    for (;;) {
      const auto found = reader.next(held, range);
      if (found == LogReader::Found::entry) {
        Entry e;
        if (!unpack(held, e)) missing(Range{held.number, held.number});
        else if (!each(e)) return true;
      } else if (found == LogReader::Found::missing) {
        missing(range);
      } else {
        return found == LogReader::Found::nothing;
      }
    }
  }
  std::vector<Place> places() const;
  uint64_t first(const Place&) const;           // first number held; after last() when it is empty
  uint64_t last(const Place&) const;            // last durable number
  uint64_t bytes() const;
  std::string file_of(const Place&, uint64_t number) const;   // the path of the segment that holds a number, or else of its folder

  // Removes whole segments by age and size, never the newest of a log: it says where its streams stand. Their number.
  size_t retain(const RetentionSettings&, Time now);

 private:
  Log* log(const Place&, uint64_t synced);      // opened when it is not; nullptr: see refusal()
  std::string folder(const Place&) const;
  static bool unpack(const LogEntry&, Entry&);

  Storage& storage_;
  const std::string directory_;
  const uint64_t segment_bytes_;
  std::map<Place, std::unique_ptr<Log>> logs_;
  std::map<Place, uint64_t> touched_;           // first number of the batch
  std::vector<std::string> troubles_;
  std::string refusal_;
};

}  // namespace vidra
