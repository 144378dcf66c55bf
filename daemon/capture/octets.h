// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>
#include <string>

#include "dissectors/reader.h"

namespace vidra {

// The octets of a capture file in order: mapped where the file is plain, else read (and decompressed) through a window.
struct FileOctets {
  virtual ~FileOctets() = default;
  // What is at hand, at least n octets unless the input ends before. What `kept` (below) still borrows stays valid only
  // until the next call of `consume_to`.
  virtual Bytes ahead(size_t n) = 0;
  virtual void skip(size_t n) = 0;                 // n octets of what is ahead are done with; they stay in place
  virtual Bytes lasting() const { return {}; }      // all that is ahead, where it stays in place as long as this does; else nothing
  virtual void settle() = 0;                       // nothing is borrowed any more: room may be made
  virtual bool fits(size_t n) const = 0;           // n octets can be brought ahead without moving what is borrowed
  virtual uint64_t offset() const = 0;             // of the next octet, in the decompressed input
  virtual double progress() const = 0;             // 0 to 1 of the file as it lies on disk, -1 where that is unknown
  virtual std::string flaw() const = 0;            // of reading or decompressing, "" for none
  virtual bool idle(int) { return false; }         // a pipe without anything at hand, after so many milliseconds
  virtual void stop() {}                           // from any thread: a pipe is not waited for any more
};

inline constexpr size_t window_octets = size_t{4} << 20;   // the longest piece that a read or decompressed input can bring ahead

// Throws std::runtime_error naming the path and the cause when it cannot be opened. "-" is standard input.
std::unique_ptr<FileOctets> open_octets(const std::string& path);

}  // namespace vidra
