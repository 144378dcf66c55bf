// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <limits>

#include "daemon/link/outbox.h"
#include "daemon/link/told.h"

namespace vidra {

inline constexpr size_t entry_overhead = entry_prefix_size + header_size;   // of a record that waits in memory

// One lane of one epoch.
struct Outbox::Stream {
  Stream(Storage& storage, LogSettings s, std::string cursor_path)
      : lane(s.lane), epoch(s.epoch), log(storage, std::move(s)), cursor(storage, std::move(cursor_path)), reader(storage, log, 1) {}
  const uint8_t lane;
  const uint64_t epoch;
  Log log;
  Cursor cursor;
  std::atomic<uint64_t> acknowledged{0};
  std::vector<Range> told;                 // missing numbers that a GAP record has named, in order, none touching another; under the outbox's mutex

  uint64_t since = 1;                      // the first number that was given out since open()
  bool unread = false;                     // the disk did not give it

  // The outbox's thread.
  Hash head{}, batch_head{};               // of the last durable record; of the last one in the batch
  std::vector<std::pair<Waiting, uint64_t>> batch;   // with their numbers, until they are durable

  // The link thread.
  LogReader reader;
  std::deque<uint64_t> sent;               // not acknowledged
  uint64_t highest = 0;                    // ever acknowledged
  uint32_t credit = 0;
  int64_t trouble_since = 0;               // when it could not be read, 0 it can
};

struct Outbox::Epoch {
  uint64_t number = 0;
  std::string directory;
  std::array<std::unique_ptr<Stream>, lane_count> streams;
};

}  // namespace vidra
