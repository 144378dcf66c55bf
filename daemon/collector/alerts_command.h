// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace CLI { class App; }

namespace vidra {

// `vidra alerts`: what a collector on this machine has been told, selected, as text or JSON lines, once or as it comes.
void add_alerts(CLI::App&, int& status);
// `vidra sensors`: who was heard and when, who is silent, what is missing.
void add_sensors(CLI::App&, int& status);

}  // namespace vidra
