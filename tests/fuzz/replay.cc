// SPDX-License-Identifier: Apache-2.0
// Plays the committed corpus without a fuzzer, so that what was once found stays found; any compiler. DIR/PROTOCOL/FILE is an input;
// DIR/PROTOCOL.pack are those that together reach whatever fuzzing reached.
// With --seeds it writes the samples of every protocol, and what is packed, as first inputs instead.
#include <cstdio>
#include <filesystem>

#include "tests/fuzz/pack.h"
#include "tests/fuzz/target.h"
#include "tests/support/samples.h"

using namespace vidra;
using namespace vidra::fuzz;
namespace fs = std::filesystem;

namespace {

void put(std::vector<uint8_t>& to, Piece what, Side from, Bytes octets) {
  to.push_back(uint8_t(uint8_t(what) | (from == Side::server)));
  to.push_back(uint8_t(octets.size()));
  to.push_back(uint8_t(octets.size() >> 8));
  to.insert(to.end(), octets.begin(), octets.end());
}

int seeds(const fs::path& to, const fs::path& corpus) {
  size_t n = 0;
  for (const auto& entry : fs::directory_iterator(corpus))
    if (entry.path().extension() == ".pack") unpack_into(entry.path(), to / entry.path().stem());
  for (const Enrolled& e : samples()) {
    std::vector<uint8_t> records, streams, recognised;
    for (const SampleRecord& r : e.sample.records) {
      const auto octets = hex(r.hex);
      put(records, Piece::record, r.from, octets);
      put(streams, Piece::stream, r.from, octets);
      put(recognised, Piece::recognise, r.from, octets);
    }
    const fs::path at = to / e.protocol;
    write(at / ("records-" + std::to_string(n)), records);
    write(at / ("streams-" + std::to_string(n)), streams);
    write(at / ("recognised-" + std::to_string(n)), recognised);
    n++;
  }
  std::printf("%zu seeds\n", 3 * n);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 4 && std::string_view(argv[1]) == "--seeds") return seeds(argv[2], argv[3]);
  if (argc == 4 && std::string_view(argv[1]) == "--pack") return pack(argv[2], argv[3]);
  if (argc != 2) return std::fprintf(stderr, "usage: fuzz_replay CORPUS | --seeds DIR CORPUS | --pack DIR PROTOCOL.pack\n"), 2;
  size_t files = 0, unknown = 0;
  for (const auto& entry : fs::recursive_directory_iterator(argv[1])) {
    if (!entry.is_regular_file()) continue;
    const bool packed = entry.path().extension() == ".pack";
    const int index = protocol_index((packed ? entry.path().stem() : entry.path().parent_path().filename()).string());
    if (index < 0 || !protocols[size_t(index)]->open) { unknown++; continue; }
    const Protocol& protocol = *protocols[size_t(index)];
    if (!packed) play(protocol, octets_of(entry.path())), files++;
    else if (!unpack(entry.path(), [&](Bytes input) { play(protocol, input), files++; })) return std::fprintf(stderr, "%s: the last input is cut off\n", entry.path().c_str()), 1;
  }
  std::printf("%zu inputs played, %zu of no protocol\n", files, unknown);
  return files == 0 || unknown != 0;
}
