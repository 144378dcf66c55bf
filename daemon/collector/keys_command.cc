// SPDX-License-Identifier: Apache-2.0
#include "daemon/collector/keys_command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>

#include "daemon/base/clock.h"
#include "daemon/base/text.h"
#include "daemon/collector/at_state.h"
#include "daemon/link/keys.h"
#include "daemon/report/words.h"

namespace vidra {
namespace {

struct KeysOptions {
  AtState at;
  std::string key, name;
  bool probation = false;
};

std::string who_types() {
  for (const char* variable : {"SUDO_USER", "USER", "LOGNAME"})
    if (const char* name = std::getenv(variable); name && *name) return name;
  return fmt::format("uid {}", getuid());
}

bool open_keys(KeysOptions& o, KnownKeys& known) {
  if (!o.at.find()) return false;
  std::string error;
  if (known.open(o.at.state + "/keys.db", error)) return true;
  std::cerr << error << "\n  may this user write it? sudo vidra keys\n";
  return false;
}

int list(KeysOptions& o) {
  KnownKeys known;
  if (!open_keys(o, known)) return 1;
  const auto all = known.all();
  if (all.empty())
    return std::cout << "No sensor has knocked yet. What it needs in its settings: vidra keys fingerprint\n", 0;
  bool pending = false;
  for (const KnownKey& k : all) {
    pending = pending || k.state == KeyState::pending;
    std::cout << fmt::format("{:<10} {}  {}{}{}\n", name_of(k.state), k.fingerprint, k.name.empty() ? "(no name yet)" : printable(k.name),
                             k.last_seen ? ", came " + human_duration((wall_now() - k.last_seen) / 1'000'000'000 * 1'000'000'000) + " ago" : ", has not come yet",
                             k.address.empty() ? "" : " from " + k.address);
  }
  if (pending)
    std::cout << "\nCompare the fingerprint with the one at the sensor (it prints its own at start), by telephone. Then:\n"
                 "  vidra keys approve FINGERPRINT [--name NAME]     its beginning is enough\n";
  return 0;
}

int change(KeysOptions& o, KeyState to) {
  KnownKeys known;
  if (!open_keys(o, known)) return 1;
  std::string error;
  const auto key = known.match(o.key, error);
  if (!key) {
    std::cerr << error << '\n';
    if (known.all().empty()) std::cerr << "No sensor has knocked yet. What it needs in its settings: vidra keys fingerprint\n";
    else std::cerr << "All of them: vidra keys list\n";
    return 1;
  }
  const std::string name = printable(!o.name.empty() ? o.name : key->name.empty() ? key->fingerprint : key->name);
  if (key->state == to && o.name.empty()) return std::cout << fmt::format("{} is {} already\n", name, name_of(to)), 0;
  if (!known.set_state(key->curve, to, who_types(), error) || (!o.name.empty() && !known.set_name(key->curve, o.name, error))) {
    std::cerr << error << '\n';
    return 1;
  }
  const char* effect = to == KeyState::active ? "it is heard from now on" : to == KeyState::probation ? "it is heard from now on, apart from the others: vidra alerts --probation"
                     : to == KeyState::suspended ? "it is not heard, keeps what it has to say, and goes on when it is approved again"
                     : "it is not heard any more, its connection is cut; new keys are needed at the sensor to come back";
  std::cout << fmt::format("{} is {}: {}\n", name, name_of(to), effect);
  return 0;
}

int fingerprint(KeysOptions& o) {
  if (!o.at.find()) return 1;
  std::string key = public_key(o.at.state, "collector.keys"), error;
  if (Keys keys; key.empty() && load_keys(o.at.state + "/collector.keys", keys, error)) key = keys.curve_public;
  if (fingerprint_of_z85(key).empty()) {
    std::cerr << o.at.state << "/collector.keys does not exist: the collector makes it at its first start\n";
    return 1;
  }
  std::cout << fmt::format("server_key = \"{}\"\nfingerprint  {}\n", key, fingerprint_of_z85(key));
  return 0;
}

}  // namespace

void add_keys(CommandLine app, int& status) {
  const CommandLine c = app.command("keys", "which sensors may speak to this machine's collector");
  auto o = std::make_shared<KeysOptions>();
  c.one_command();
  o->at.add_options(c);
  c.falls_through();
  const auto with_key = [&](const char* name, const char* help) {
    const CommandLine s = c.command(name, help);
    s.falls_through();
    s.option("key", o->key, "fingerprint, key, sensor id or name, or the beginning of one").required();
    return s;
  };
  const CommandLine all = c.command("list", "all of them, those that wait first");
  all.falls_through();
  CommandLine approve = with_key("approve", "let a sensor in");
  approve.option("--name", o->name, "what to call it");
  approve.flag("--probation", o->probation, "hear it, but apart from the others");
  CommandLine suspend = with_key("suspend", "not now: it keeps its records and goes on later");
  CommandLine revoke = with_key("revoke", "never again: its key is lost or stolen");
  const CommandLine own = c.command("fingerprint", "this collector's own key, for a sensor's settings");
  own.falls_through();
  approve.runs([o, &status] { status = change(*o, o->probation ? KeyState::probation : KeyState::active); });
  suspend.runs([o, &status] { status = change(*o, KeyState::suspended); });
  revoke.runs([o, &status] { status = change(*o, KeyState::revoked); });
  own.runs([o, &status] { status = fingerprint(*o); });
  all.runs([o, &status] { status = list(*o); });
  c.runs([o, c, &status] { if (c.alone()) status = list(*o); });
}

}  // namespace vidra
