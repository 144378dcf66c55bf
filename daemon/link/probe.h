// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>

namespace vidra {

// What a port turns out to be when it is asked by hand: libzmq does not tell a silent, a foreign and an unwilling peer apart.
enum class Probe : uint8_t { refused, unreachable, silent, other, no_curve, collector };
std::string_view name_of(Probe);

// Connects to "tcp://host:port", exchanges the greeting of ZMTP 3 (23/ZMTP), and leaves. Takes at most twice `timeout`
// nanoseconds. `collector`: it speaks ZMTP 3 with CURVE; whose key it holds is not known by that.
Probe probe(const std::string& endpoint, int64_t timeout);

}  // namespace vidra
