// SPDX-License-Identifier: Apache-2.0
// Plays the committed inputs of the rooms beside the dissectors (DIR/ROOM/FILE) without a fuzzer, and each of them cut short and with
// octets changed; any compiler. With --seeds it writes first inputs instead.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/fuzz/room.h"

using namespace vidra::fuzz;
namespace fs = std::filesystem;

namespace {

int seeds(const fs::path& to) {
  for (const Room& room : rooms) {
    fs::create_directories(to / room.name);
    size_t n = 0;
    for (const Input& i : room.seeds()) std::ofstream(to / room.name / std::to_string(n++), std::ios::binary).write(reinterpret_cast<const char*>(i.data()), std::streamsize(i.size()));
    std::printf("%zu seeds of %.*s\n", n, int(room.name.size()), room.name.data());
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::string_view(argv[1]) == "--seeds") return seeds(argv[2]);
  if (argc != 2) return std::fprintf(stderr, "usage: fuzz_rooms DIR | --seeds DIR\n"), 2;
  bool empty = false;
  for (const Room& room : rooms) {
    size_t files = 0, played = 0;
    for (const auto& entry : fs::directory_iterator(fs::path(argv[1]) / room.name)) {
      std::ifstream in(entry.path(), std::ios::binary);
      const Input whole{std::istreambuf_iterator<char>(in), {}};
      files++;
      const auto play = [&](const Input& i) { room.play(i), played++; };
      play(whole);
      const size_t step = 1 + whole.size() / 48;       // bounded: the fuzzer does the rest
      for (size_t at = 0; at < whole.size(); at += step) {
        play({whole.begin(), whole.begin() + long(at)});
        for (const uint8_t o : {uint8_t(0), uint8_t(0x7f), uint8_t(0xff), uint8_t(whole[at] ^ 1)}) {
          Input changed = whole;
          changed[at] = o;
          play(changed);
        }
      }
    }
    std::printf("%.*s: %zu inputs, %zu times played\n", int(room.name.size()), room.name.data(), files, played);
    empty = empty || !files;
  }
  return empty;
}
