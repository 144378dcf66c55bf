// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "dissectors/reader.h"

// What is fuzzed beside the dissectors. Each room plays any octets and aborts where a rule of its own is broken; its seeds are made by
// the code that writes what it reads.
namespace vidra::fuzz {

using Input = std::vector<uint8_t>;
struct Room {
  std::string_view name;
  void (*play)(Bytes);
  std::vector<Input> (*seeds)();
};

void play_frame(Bytes);        // one frame, as each link type
void play_stream(Bytes);       // segments and fragments of one conversation; the books balance
void play_toml(Bytes);         // a site's file
void play_scd(Bytes);          // a substation's description (SCL)
void play_segment(Bytes);      // a segment of a log that is found on the disk
void play_record(Bytes);       // header, body, and what is read from bodies
void play_link(Bytes);         // sealed messages to both ends of a link
std::vector<Input> frame_seeds(), stream_seeds(), toml_seeds(), scd_seeds(), segment_seeds(), record_seeds(), link_seeds();

inline constexpr Room rooms[] = {{"frame", play_frame, frame_seeds},       {"stream", play_stream, stream_seeds}, {"toml", play_toml, toml_seeds}, {"scd", play_scd, scd_seeds},
                                 {"segment", play_segment, segment_seeds}, {"record", play_record, record_seeds}, {"link", play_link, link_seeds}};

inline void demand(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "broken rule: %s\n", what);
  std::abort();
}

}  // namespace vidra::fuzz
