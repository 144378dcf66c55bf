// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace CLI { class App; }

namespace vidra {

// How every command of `vidra` ends: 0 done; 1 it could not be done (no such file, no capture, settings that are wrong);
// 2 the command line is wrong; 3 done as far as the input went: it was damaged further on.
enum Exit : int { exit_done = 0, exit_failed = 1, exit_usage = 2, exit_damaged = 3 };

// Each adds its sub-command; the callback leaves its exit status in `status`.
void add_decode(CLI::App&, int& status);
void add_replay(CLI::App&, int& status);
void add_learn(CLI::App&, int& status);
void add_check(CLI::App&, int& status);
void add_catalogue(CLI::App&, int& status);
void add_protocols(CLI::App&, int& status);
void add_rules(CLI::App&, int& status);
void add_doctor(CLI::App&, int& status);
void add_explain(CLI::App&, int& status);
void add_tune(CLI::App&, int& status);
void add_memory(CLI::App&, int& status);
void add_inventory(CLI::App&, int& status);
void add_diff(CLI::App&, int& status);
void add_import(CLI::App&, int& status);
void add_window(CLI::App&, int& status);
void add_words(CLI::App&, int& status);
void add_setup(CLI::App&, int& status);
void add_status(CLI::App&, int& status);
void add_outbox(CLI::App&, int& status);
void add_preview(CLI::App&, int& status);
void add_resolve(CLI::App&, int& status);
void add_evidence(CLI::App&, int& status);

}  // namespace vidra
