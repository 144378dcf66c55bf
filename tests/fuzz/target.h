// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>

#include "dissectors/protocol.h"

namespace vidra {

// What the fuzzer's input means: a conversation as a run of pieces, each an octet that says what happens, a length (two
// octets, low first) and so many octets. Bit 0: the server's side; bits 1-2: what.
enum class Piece : uint8_t { record = 0, stream = 2, gap = 4, recognise = 6 };

// Plays an input to a protocol, and aborts where a rule that holds for every dissector is broken.
void play(const Protocol&, Bytes input);

}  // namespace vidra
