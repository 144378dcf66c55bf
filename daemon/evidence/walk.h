// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>

#include "daemon/evidence/pcapng.h"
#include "daemon/record/storage.h"

namespace vidra {

// Calls each(what, offset) for every whole block of a file; the reader holds the block. Returns how many octets are whole blocks: the
// file's length, or where it is torn or stops being ours. What the disk did not give is neither: that is in `error`, -errno.
template <class Each> uint64_t walk(File& file, BlockReader& reader, const Each& each, int* error = nullptr) {
  std::vector<uint8_t> buffer(4 << 20);      // no block is longer
  for (uint64_t at = 0;;) {
    const int64_t n = file.read(at, buffer);
    if (n < 0 && error) *error = int(n);
    Bytes rest(buffer.data(), size_t(std::max<int64_t>(n, 0)));
    const size_t had = rest.size();
    for (;;) {
      const auto what = reader.next(rest);
      if (what == BlockReader::Found::end || what == BlockReader::Found::torn) {
        if (what == BlockReader::Found::torn && !reader.short_of) return at + (had - rest.size());
        break;
      }
      each(what, at + (had - rest.size()));
      rest = rest.subspan(reader.length);
    }
    at += had - rest.size();
    if (had < buffer.size() || had == rest.size()) return at;
  }
}

}  // namespace vidra
