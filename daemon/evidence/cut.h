// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <span>

#include "daemon/evidence/segments.h"
#include "daemon/report/story.h"

namespace vidra {

// What is wanted of one story: the packets between these hosts in this time, and which of them decided.
struct Wish {
  std::string story, detection, what, source, target;
  unsigned severity = 0, part = 1;
  Time first = 0, last = 0;                // of the story so far
  Time from = 0, until = 0;                // what is looked for, in the story's time
  std::vector<Time> apart{0};              // how far stamps are from that time: now; before the clock was stepped last; as other workers saw it
  std::vector<Deciding> deciding;
  std::vector<std::pair<Address, Address>> pairs;   // whose packets; the lower address first
};
inline constexpr size_t most_pairs = 64;
std::pair<Address, Address> pair_of(const Address&, const Address&);

// What was found, as a pcapng with a comment at each packet.
struct Excerpt {
  Blocks file;                             // empty: nothing was found
  uint64_t packets = 0, deciding = 0;
  uint64_t left_out = 0;                   // packets that did not fit
  uint64_t gone = 0;                       // found, and overwritten before they were read
  std::vector<std::string> interfaces;
};

// Several at once, so that what lies on disk is read once; each is given, with its index, before the next is put together. `run`: as the recorders
// name their frames now. A set is at most `most` octets: what decided first, then commands, then what is nearest the end. Of all together at
// most `most_found` packets are held in mind: beyond, each has its share.
inline constexpr size_t most_found = 1 << 20;
void cut(Storage&, std::span<const KeptPiece>, std::span<const Wish>, uint32_t run, uint64_t most, const std::function<void(size_t, Excerpt&&)>& each, size_t found = most_found);

}  // namespace vidra
