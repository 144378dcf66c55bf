// SPDX-License-Identifier: Apache-2.0
// libFuzzer over the table of protocols. With --protocol=NAME the whole input is that protocol's; without, its first octet
// chooses one.
#include <cstdio>
#include <cstdlib>

#include "tests/fuzz/target.h"

namespace {
const vidra::Protocol* chosen = nullptr;
}

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  for (int i = 1; i < *argc; i++) {
    const std::string_view word = (*argv)[i];
    if (!word.starts_with("--protocol=")) continue;
    const int index = vidra::protocol_index(word.substr(11));
    if (index < 0 || !vidra::protocols[size_t(index)]->open) {
      std::fprintf(stderr, "no protocol %.*s; there are:", int(word.size() - 11), word.data() + 11);
      for (const auto* p : vidra::parsed_protocols()) std::fprintf(stderr, " %.*s", int(p->name.size()), p->name.data());
      std::fprintf(stderr, "\n");
      std::exit(2);
    }
    chosen = vidra::protocols[size_t(index)];
  }
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  vidra::Bytes input(data, size);
  if (chosen) return vidra::play(*chosen, input), 0;
  if (input.empty()) return 0;
  const auto& all = vidra::parsed_protocols();
  vidra::play(*all[input[0] % all.size()], input.subspan(1));
  return 0;
}
