// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "dissectors/protocol.h"
#include "tests/support/hex.h"

namespace vidra {

// One record as it lies on the wire (tests/support/hex.h), and who sent it.
struct SampleRecord { Side from; std::string_view hex; };

// A short conversation of one protocol: its records in the order in which they were heard. What a record needs to be
// understood (the question before an answer) stands before it.
struct Sample {
  std::string_view name;                  // what happens, in words
  std::vector<SampleRecord> records;
  Carrier carrier = Carrier::tcp;
  bool malformed = false;                 // breaks the protocol's rules on purpose: need not be recognised
  bool open_ended = false;                // its last part has no length of its own: cut short, it is still whole
};

struct Enrolled { std::string_view protocol; Sample sample; };

// All samples of all protocols. tests/every plays each of them against every rule that holds for any dissector, bench/
// measures with them, tests/fuzz starts from them.
inline std::vector<Enrolled>& samples() {
  static std::vector<Enrolled> all;
  return all;
}

// Enrols a protocol's samples: `const Enrol enrolled("modbus", {{"coils are read", {{Side::client, "00 01 …"}, …}}, …});`
struct Enrol {
  Enrol(std::string_view protocol, std::initializer_list<Sample> list) {
    for (const Sample& s : list) samples().push_back({protocol, s});
  }
};

}  // namespace vidra
