// SPDX-License-Identifier: Apache-2.0
// vidra-collector: hears sensors, keeps what they say, shows their alerts. Exit status: 0 asked to stop, or --check found
// nothing wrong; 1 it cannot work here (port, folder, disk); 2 the settings or the command line are wrong.
#include <systemd/sd-daemon.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "daemon/base/command_line.h"
#include "daemon/base/sandbox.h"
#include "daemon/collector/desk.h"

namespace {

volatile std::sig_atomic_t stop_asked = 0;
void ask_to_stop(int) { stop_asked = 1; }

constexpr int exit_failed = 1, exit_usage = 2;

std::string shipped_settings() {
  return
#include "collector_toml.h"
      ;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace vidra;
  Program app("Hears Vidra sensors, keeps what they say in a journal, shows their alerts.", "vidra-collector");
  std::string config, state, listen, show;
  bool check = false, reindex = false, print_config = false, quiet = false, sandboxed = true;
  app.option("--config", config, std::string("settings file (") + collector_config + ")");
  app.option("--state", state, "folder for keys, journal and index, instead of the settings'");
  app.option("--listen", listen, "address:port, instead of the settings'");
  app.option("--show", show, "alerts on standard output, instead of the settings': text, json, nothing").one_of({"text", "json", "nothing"});
  app.flag("--check", check, "only read the settings and say what is wrong with them");
  app.flag("--reindex", reindex, "make the index anew from the journal, then go on");
  app.flag("--print-config", print_config, "write the complete, commented settings and stop");
  app.flag("--quiet", quiet, "do not say at the start how to connect a sensor");
  app.flag("!--no-sandbox", sandboxed, "keep the right to do what a collector does not need: for debuggers only");
  app.version("vidra-collector " VIDRA_VERSION);
  app.footer("Exit status: 0 asked to stop, or --check found nothing wrong; 1 it cannot work here; 2 wrong settings or command line.");
  if (const auto ends = app.read(argc, argv)) return *ends;
  if (print_config) return std::cout << shipped_settings(), 0;

  CollectorSettings settings;
  const bool named = !config.empty();
  if (!named) config = collector_config;
  std::error_code ignored;
  if (named || std::filesystem::exists(config, ignored)) {
    std::vector<std::string> problems;
    if (!read_collector_settings(config, settings, problems)) {
      for (const std::string& p : problems) std::cerr << p << '\n';
      if (!std::filesystem::exists(config, ignored)) std::cerr << "Make it from the defaults: vidra-collector --print-config > " << config << '\n';
      return exit_usage;
    }
  } else if (state.empty()) {
    std::cerr << "No settings: " << config << " does not exist.\n"
              << "  install them:      vidra-collector --print-config > " << config << "    (the defaults are good for a start)\n"
              << "  or try it at once: vidra-collector --state ./collector\n";
    return exit_usage;
  }
  if (!state.empty()) settings.state = std::filesystem::absolute(state, ignored).string();
  if (!listen.empty()) settings.listen = listen;
  if (!show.empty()) settings.show = show == "json" ? Show::json : show == "text" ? Show::text : Show::nothing;
  if (check) return std::cout << config << ": no mistakes\n", 0;

  struct sigaction act{};
  act.sa_handler = ask_to_stop;
  sigaction(SIGTERM, &act, nullptr);
  sigaction(SIGINT, &act, nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  // From here on nothing is opened but its own folder and its one port, by this thread and all that it starts.
  std::filesystem::create_directories(settings.state, ignored);         // where it cannot be, the desk says so
  setenv("SQLITE_TMPDIR", settings.state.c_str(), 1);                   // large sortings
  Sandbox sandbox;
  sandbox.reads.push_back(std::filesystem::absolute(config, ignored).parent_path().string());
  if (!settings.words.empty()) sandbox.reads.push_back(settings.words);
  sandbox.writes.push_back(settings.state);
  sandbox.binds.push_back(uint16_t(std::strtoul(settings.listen.c_str() + settings.listen.rfind(':') + 1, nullptr, 10)));
  sandbox.connects = sandbox.binds;                                     // it knocks at its own door before it says that it listens
  sandbox.listens = true;                                               // anew, when a key is revoked
  std::string refused;
  const std::string held = sandboxed ? sandbox.enter(refused) : "none, as --no-sandbox says";
  if (!refused.empty()) {
    std::cerr << "vidra-collector: " << refused << '\n';
    return exit_failed;
  }

  Desk desk(real_storage(), settings, std::cout, std::cerr, style_of(1));
  if (const std::string error = desk.start(reindex); !error.empty()) {
    std::cerr << "vidra-collector: " << error << '\n';
    return exit_failed;
  }
  std::cerr << "listening on " << desk.endpoint() << ", keeping records in " << settings.state << "; sandbox: " << held << '\n';
  if (!quiet && desk.receiver().status().sensors.empty() && desk.intake().with_index([](Index& i) { return i.sensors(); }).empty())
    std::cerr << "No sensor has come yet. In a sensor's /etc/vidra/vidra.toml write\n\n"
              << "  [[collector]]\n  name = \"cert\"\n  endpoint = \"tcp://THIS-HOST" << desk.endpoint().substr(desk.endpoint().rfind(':')) << "\"\n  server_key = \"" << desk.public_key()
              << "\"\n\nand let it in when it knocks: vidra keys --state " << settings.state << "\n\n";
  sd_notify(0, "READY=1");

  uint64_t watchdog_us = 0;
  sd_watchdog_enabled(0, &watchdog_us);
  std::string status;
  for (int turns = 0; !stop_asked; turns++) {
    desk.turn(200 * millisecond);
    // A disk that stands is no reason to begin anew, which would wait for it, too; one that never comes back, or a lock that is never let go, is.
    if (desk.standing() < 10 * minute) sd_notify(0, "WATCHDOG=1");
    if (turns % 10 == 0)
      if (std::string now = desk.status(); now != status) sd_notify(0, ("STATUS=" + (status = std::move(now))).c_str());
  }
  sd_notify(0, "STOPPING=1");
  desk.stop();
  std::cerr << desk.status() << '\n';
  return 0;
}
