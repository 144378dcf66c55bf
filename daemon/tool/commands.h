// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "daemon/base/command_line.h"

namespace vidra {

// How every command of `vidra` ends: 0 done; 1 it could not be done (no such file, no capture, settings that are wrong);
// 2 the command line is wrong; 3 done as far as the input went: it was damaged further on.
enum Exit : int { exit_done = 0, exit_failed = 1, exit_usage = 2, exit_damaged = 3 };

// Each adds its sub-command; the callback leaves its exit status in `status`.
void add_decode(CommandLine, int& status);
void add_replay(CommandLine, int& status);
void add_learn(CommandLine, int& status);
void add_check(CommandLine, int& status);
void add_catalogue(CommandLine, int& status);
void add_protocols(CommandLine, int& status);
void add_rules(CommandLine, int& status);
void add_doctor(CommandLine, int& status);
void add_explain(CommandLine, int& status);
void add_tune(CommandLine, int& status);
void add_memory(CommandLine, int& status);
void add_inventory(CommandLine, int& status);
void add_diff(CommandLine, int& status);
void add_import(CommandLine, int& status);
void add_window(CommandLine, int& status);
void add_words(CommandLine, int& status);
void add_setup(CommandLine, int& status);
void add_status(CommandLine, int& status);
void add_outbox(CommandLine, int& status);
void add_preview(CommandLine, int& status);
void add_resolve(CommandLine, int& status);
void add_evidence(CommandLine, int& status);

}  // namespace vidra
