// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace CLI { class App; }

namespace vidra {

// `vidra keys`: which sensors may speak to a collector on this machine; list, approve, suspend, revoke, fingerprint.
void add_keys(CLI::App&, int& status);

}  // namespace vidra
