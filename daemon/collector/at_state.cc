// SPDX-License-Identifier: Apache-2.0
#include "daemon/collector/at_state.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <iostream>

#include "daemon/collector/settings.h"

namespace vidra {

void AtState::add_options(CommandLine app) {
  app.option("--config", config, std::string("the collector's settings file (") + collector_config + ")");
  app.option("--state", state, "the collector's folder, instead of the settings'");
}

bool AtState::find() {
  std::error_code ignored;
  if (state.empty() || !config.empty()) {
    CollectorSettings settings;
    const bool named = !config.empty();
    if (!named) config = collector_config;
    if (named || std::filesystem::exists(config, ignored)) {
      std::vector<std::string> problems;
      if (!read_collector_settings(config, settings, problems)) {
        for (const std::string& p : problems) std::cerr << p << '\n';
        return false;
      }
    }
    if (state.empty()) state = settings.state;
    if (language.empty()) language = settings.language;
    words = settings.words;
  }
  state = std::filesystem::absolute(state, ignored).string();
  struct stat about{};
  if (stat(state.c_str(), &about)) {
    std::cerr << fmt::format("No collector here: {}: {}\n  another folder:  --state DIR or --config FILE\n  start one:       vidra-collector --state {}\n", state, std::strerror(errno), state);
    return false;
  }
  if (geteuid() == 0 && about.st_uid != 0 && (setegid(about.st_gid) || seteuid(about.st_uid))) {
    std::cerr << fmt::format("{}: cannot go on as its owner: {}\n", state, std::strerror(errno));
    return false;
  }
  return true;
}

}  // namespace vidra
