// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>

namespace vidra {

// What a port turns out to be when it is asked by hand: libzmq does not tell a silent, a foreign and an unwilling peer apart.
enum class Probe : uint8_t { refused, unreachable, silent, other, no_curve, wrong_key, collector };
std::string_view name_of(Probe);

// Connects to "tcp://host:port", exchanges the greeting of ZMTP 3 (23/ZMTP), lets it open a box that only the holder of
// `server_key` (Z85) can open and answer (26/CURVEZMQ: HELLO, WELCOME), and leaves before it says who it is. Takes at most
// three times `timeout` nanoseconds.
Probe probe(const std::string& endpoint, const std::string& server_key, int64_t timeout);

}  // namespace vidra
