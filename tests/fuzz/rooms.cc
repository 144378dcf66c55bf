// SPDX-License-Identifier: Apache-2.0
// Plays the committed inputs of the rooms beside the dissectors (DIR/ROOM/FILE) without a fuzzer, and each of them cut short and with
// octets changed; any compiler. DIR/ROOM.pack are those that together reach whatever fuzzing reached, played as they are. With --seeds it
// writes first inputs instead, and what is packed.
#include <cstdio>
#include <filesystem>

#include "tests/fuzz/pack.h"
#include "tests/fuzz/room.h"

using namespace vidra::fuzz;
namespace fs = std::filesystem;

namespace {

fs::path pack_of(const fs::path& corpus, const Room& room) { return corpus / (std::string(room.name) + ".pack"); }

int seeds(const fs::path& to, const fs::path& corpus) {
  for (const Room& room : rooms) {
    size_t n = 0;
    for (const Input& i : room.seeds()) write(to / room.name / std::to_string(n++), i);
    if (fs::exists(pack_of(corpus, room))) unpack_into(pack_of(corpus, room), to / room.name);
    std::printf("%zu seeds of %.*s\n", n, int(room.name.size()), room.name.data());
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 4 && std::string_view(argv[1]) == "--seeds") return seeds(argv[2], argv[3]);
  if (argc != 2) return std::fprintf(stderr, "usage: fuzz_rooms CORPUS | --seeds DIR CORPUS\n"), 2;
  bool empty = false;
  for (const Room& room : rooms) {
    size_t files = 0, played = 0;
    for (const auto& entry : fs::directory_iterator(fs::path(argv[1]) / room.name)) {
      const Input whole = octets_of(entry.path());
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
    if (const fs::path pack = pack_of(argv[1], room); fs::exists(pack)) {
      if (!unpack(pack, [&](vidra::Bytes input) { room.play(input), files++, played++; })) return std::fprintf(stderr, "%s: the last input is cut off\n", pack.c_str()), 1;
    }
    std::printf("%.*s: %zu inputs, %zu times played\n", int(room.name.size()), room.name.data(), files, played);
    empty = empty || !files;
  }
  return empty;
}
