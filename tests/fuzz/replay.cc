// SPDX-License-Identifier: Apache-2.0
// Plays the committed corpus (DIR/PROTOCOL/FILE) without a fuzzer, so that what was once found stays found; any compiler.
// With --seeds it writes the samples of every protocol as first inputs instead.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/fuzz/target.h"
#include "tests/support/samples.h"

using namespace vidra;
namespace fs = std::filesystem;

namespace {

void put(std::vector<uint8_t>& to, Piece what, Side from, Bytes octets) {
  to.push_back(uint8_t(uint8_t(what) | (from == Side::server)));
  to.push_back(uint8_t(octets.size()));
  to.push_back(uint8_t(octets.size() >> 8));
  to.insert(to.end(), octets.begin(), octets.end());
}

void write(const fs::path& path, const std::vector<uint8_t>& octets) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(octets.data()), std::streamsize(octets.size()));
}

int seeds(const fs::path& to) {
  size_t n = 0;
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
  if (argc == 3 && std::string_view(argv[1]) == "--seeds") return seeds(argv[2]);
  if (argc != 2) return std::fprintf(stderr, "usage: fuzz_replay DIR | --seeds DIR\n"), 2;
  size_t files = 0, unknown = 0;
  for (const auto& entry : fs::recursive_directory_iterator(argv[1])) {
    if (!entry.is_regular_file()) continue;
    const int index = protocol_index(entry.path().parent_path().filename().string());
    if (index < 0 || !protocols[size_t(index)]->open) { unknown++; continue; }
    std::ifstream in(entry.path(), std::ios::binary);
    const std::vector<char> octets{std::istreambuf_iterator<char>(in), {}};
    play(*protocols[size_t(index)], {reinterpret_cast<const uint8_t*>(octets.data()), octets.size()});
    files++;
  }
  std::printf("%zu inputs played, %zu of no protocol\n", files, unknown);
  return files == 0 || unknown != 0;
}
