// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "daemon/evidence/manifest.h"

namespace vidra {

// A tar (POSIX ustar) of these sets as they lie: files, manifests, what of each is signed and its signature apart, the keys as PEM, hashes, and
// how anybody verifies it without this program. Empty, and why, when a manifest cannot be read.
std::string export_archive(Storage&, const std::string& folder, const std::vector<const KeptSet*>&, Time now, std::string& why);

}  // namespace vidra
