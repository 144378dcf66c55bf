// SPDX-License-Identifier: Apache-2.0
// vidra: what people type.
#include <cstdio>
#include <new>

#include "daemon/base/huge_pages.h"
#include "daemon/collector/alerts_command.h"
#include "daemon/collector/keys_command.h"
#include "daemon/tool/commands.h"

int main(int argc, char** argv) {
  using namespace vidra;
  ask_for_a_huge_heap();
  Program app("Vidra listens to energy networks and says what is said there, by whom, and whether it should be.", "vidra");
  app.version("vidra " VIDRA_VERSION);
  app.needs_command();
  app.footer("Exit status: 0 done, 1 it could not be done, 2 the command line is wrong, 3 done as far as a damaged input went.");
  int status = exit_done;
  add_decode(app, status);
  add_replay(app, status);
  add_learn(app, status);
  add_check(app, status);
  add_catalogue(app, status);
  add_protocols(app, status);
  add_rules(app, status);
  add_doctor(app, status);
  add_inventory(app, status);
  add_explain(app, status);
  add_tune(app, status);
  add_memory(app, status);
  add_setup(app, status);
  add_status(app, status);
  add_outbox(app, status);
  add_preview(app, status);
  add_resolve(app, status);
  add_evidence(app, status);
  add_diff(app, status);
  add_import(app, status);
  add_window(app, status);
  add_words(app, status);
  add_alerts(app, status);
  add_sensors(app, status);
  add_keys(app, status);
  try {
    if (const auto ends = app.read(argc, argv)) return *ends;
  } catch (const std::bad_alloc&) {
    std::fputs("vidra: more memory was wanted than there is\n", stderr);
    return exit_failed;
  }
  return status;
}
