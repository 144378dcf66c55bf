// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>

#include "daemon/capture/source.h"
#include "daemon/capture/spread.h"

namespace vidra {

// Of everything that `whole` brings, what one of several workers hears, spread as a card or the kernel spreads it live. Each
// worker reads the whole for itself, so all of them see the same times. Frames bear the number they have in the whole; it
// goes on from `*counted` (frames of recordings before this one), where that is given.
std::unique_ptr<Source> share_of(std::unique_ptr<Source> whole, const Spread&, size_t worker, size_t workers, std::shared_ptr<uint64_t> counted = nullptr);

}  // namespace vidra
