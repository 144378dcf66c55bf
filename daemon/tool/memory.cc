// SPDX-License-Identifier: Apache-2.0
// vidra memory: what was learned, through its life: reviewed, confirmed, frozen, learned anew in one place, expired.
#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>

#include "daemon/base/clock.h"
#include "daemon/base/output.h"
#include "daemon/base/text.h"
#include "daemon/judge/detector.h"
#include "daemon/judge/memory_file.h"
#include "daemon/link/keys.h"
#include "daemon/record/seal.h"
#include "daemon/report/line.h"
#include "daemon/report/words.h"
#include "daemon/sensor/settings.h"
#include "daemon/tool/commands.h"
#include "daemon/tool/no_such.h"
#include "daemon/tool/known.h"
#include "daemon/tool/playing.h"
#include "daemon/tool/table.h"

namespace vidra {
namespace {

struct MemoryOptions {
  std::string file, config, output, by, note, key, host, protocol, not_seen, today;
  std::vector<std::string> what, conversation, captures;
  bool all = false, dry_run = false;
};

int fail(const std::string& why, int status = exit_failed) { return fmt::print(stderr, "vidra: {}\n", why), status; }
int fail(const Problems& problems) {
  for (const std::string& p : problems) fmt::print(stderr, "vidra: {}\n", p);
  return exit_failed;
}

// A memory in a file, with what the settings say about it.
struct Opened {
  SensorSettings settings;
  std::string path;
  Memory memory;
  bool frozen = false;
  const Site& site() const { return *settings.site; }
};

// The file that was named, else the settings' own, else what the sensor is learning now.
std::string where(const MemoryOptions& o, const SensorSettings& s, bool learning_first) {
  if (!o.file.empty()) return o.file;
  const std::string learned = s.state + "/learned.toml";
  const bool is_there = ::access(learned.c_str(), F_OK) == 0;
  if (learning_first && is_there) return learned;
  return !s.memory.empty() ? s.memory : is_there ? learned : "";
}

std::optional<Opened> open(const MemoryOptions& o, int& status, bool learning_first = false, bool even_if_changed = false) {
  Problems problems;
  Opened m;
  m.settings = load_settings(o.config, problems);
  if (!problems.empty()) return status = fail(problems), std::nullopt;
  m.path = where(o, m.settings, learning_first);
  if (m.path.empty()) return status = fail(fmt::format("no memory: name its file, or settings with [judge] memory by --config; a sensor that learns writes {}/learned.toml", m.settings.state)), std::nullopt;
  m.memory = even_if_changed ? load_memory(m.path, problems) : load_known(m.path, problems);
  m.frozen = !m.memory.frozen.empty();
  if (!problems.empty()) return status = fail(problems), std::nullopt;
  return m;
}

std::string text_of(const Memory& m) {
  std::ostringstream out;
  write_memory(m, out);
  return out.str();
}

// What was frozen is so no more when it changes.
int save(const Opened& m, const MemoryOptions& o) {
  const std::string to = o.output.empty() ? m.path : o.output;
  if (const std::string why = write_whole(to == "-" ? "" : to, text_of(m.memory)); !why.empty()) return fail(why);
  if (m.frozen) fmt::print(stderr, "it is no longer frozen; when it is right: vidra memory freeze {} --by \"N. N.\"\n", to);
  return exit_done;
}

size_t waiting(const Memory& m) {
  size_t n = 0;
  for (const ConversationMemory& c : m.conversations())
    for (const DangerMemory& d : c.dangers) n += !d.approved;
  return n;
}

std::string frozen_text(const Memory& m) {
  return m.frozen.empty() ? "not frozen" : fmt::format("frozen by {} on {}{}", printable(m.frozen.by), iso_time(m.frozen.at, 0), m.frozen.note.empty() ? "" : fmt::format(" ({})", printable(m.frozen.note)));
}

bool is_facts(const ConversationMemory& c) { return protocols[c.protocol]->name == "tcp" || protocols[c.protocol]->name == "udp"; }

int show(const MemoryOptions& o) {
  int status = exit_done;
  const auto m = open(o, status);
  if (!m) return status;
  const Memory& memory = m->memory;
  size_t objects = 0, stations = 0;
  Time first = 0, last = 0;
  std::map<std::string_view, size_t> protocols_of;
  for (const ConversationMemory& c : memory.conversations()) {
    if (!is_facts(c)) protocols_of[protocols[c.protocol]->name]++;
    if (c.first) first = first ? std::min(first, c.first) : c.first;
    last = std::max(last, c.last);
    stations += c.stations.size();
    for (const StationMemory& s : c.stations) objects += s.read.size() + s.habits.size();
  }
  fmt::print("{}\n", m->path);
  fmt::print("  learned    {}; {}\n", days_text(first, last), frozen_text(memory));
  fmt::print("  holds      {} hosts, {} conversations, {} stations, {} objects, {} publishers\n", memory.hosts().size(), memory.conversations().size(), stations, human_count(objects), memory.publishers().size());
  std::string list;
  for (const auto& [name, n] : protocols_of) list += fmt::format("{}{} {}", list.empty() ? "" : ", ", name, n);
  if (!list.empty()) fmt::print("  speaks     {}\n", list);
  fmt::print("  dangerous  {} await a yes{}\n", waiting(memory), waiting(memory) ? ": vidra memory review" : "");
  return exit_done;
}

int review(const MemoryOptions& o) {
  int status = exit_done;
  const auto m = open(o, status, true, true);                // also one that was changed: it is read by a person here
  if (!m) return status;
  const Memory& memory = m->memory;
  const Site& site = m->site();
  const auto name = [&](const Address& a) { return who_is(a, site, memory).text(); };
  const size_t width = width_of(STDOUT_FILENO);
  const bool color = style_of(STDOUT_FILENO).color;
  fmt::print("{}: {}\n\n", m->path, frozen_text(memory));

  Table dangers({"AWAITS A YES", "CLIENT", "SERVER", "PROTOCOL", "STATION", "TIMES", "HEARD"});
  Table conversations({"CLIENT", "SERVER", "PROTOCOL", "DOES", "TIMES", "HEARD", ""});
  std::vector<const ConversationMemory*> sorted;
  for (const ConversationMemory& c : memory.conversations()) sorted.push_back(&c);
  std::sort(sorted.begin(), sorted.end(), [](auto a, auto b) { return std::tuple(a->client, a->server, a->protocol, a->port) < std::tuple(b->client, b->server, b->protocol, b->port); });
  std::string commands;
  size_t plain = 0;
  const std::string file = m->path;
  for (const ConversationMemory* c : sorted) {
    const std::string days = days_text(c->first, c->last);
    for (const DangerMemory& d : c->dangers)
      if (!d.approved) {
        dangers.add({std::string(name_of(d.act)), name(c->client), name(c->server), std::string(protocols[c->protocol]->name), station_words(c->protocol, d.station), std::to_string(d.times), days});
        const std::string line = fmt::format("vidra memory confirm{}{} {} {} {}\n", o.file.empty() ? "" : " --file " + file, o.config.empty() ? "" : " --config " + o.config, who_is(c->client, site, memory).toml(), who_is(c->server, site, memory).toml(), name_of(d.act));
        if (commands.find(line) == commands.npos) commands += line;
      }
    if (is_facts(*c)) {
      plain++;
      continue;
    }
    uint64_t times = 0;
    for (const FunctionMemory& f : c->functions) times += f.times;
    const bool declared = site.conversation({c->client, 0}, {c->server, c->port}, c->protocol) != nullptr;
    conversations.add({name(c->client), name(c->server), std::string(protocols[c->protocol]->name), c->acts ? acts_text(c->acts) : "reports", human_count(times), days, declared ? "declared" : ""});
  }
  if (!dangers.empty()) fmt::print("{}\nWhere it is right:\n{}\n", dangers.text(width, color), commands);
  fmt::print("{}", conversations.text(width, color));
  if (plain) fmt::print("and {} conversations whose protocol is not known, by their ports\n", plain);
  std::string strangers;
  size_t unknown = 0;
  for (const HostMemory& h : memory.hosts())
    if (!site.empty() && !site.host_of(h.address) && h.address.kind != Address::Kind::mac && ++unknown <= 20) strangers += fmt::format("{}{}", strangers.empty() ? "" : ", ", name(h.address));
  if (unknown) fmt::print("\nlearned and not declared: {}{}\n", strangers, unknown > 20 ? fmt::format(" and {} more", unknown - 20) : "");
  fmt::print("\nDelete from the file what should not be. When all of it is right: vidra memory freeze {}{}--by \"N. N.\"\n", o.file.empty() ? "" : file + " ", o.config.empty() ? "" : "--config " + o.config + " ");
  return exit_done;
}

// The conversations that are meant: of a host, between two, in a protocol.
struct Scope {
  Address host, a, b;
  int protocol = -1;
  bool any() const { return host.kind != Address::Kind::none || a.kind != Address::Kind::none || protocol >= 0; }
  bool holds(const Address& client, const Address& server, uint16_t p) const {
    if (protocol >= 0 && p != protocol) return false;
    if (host.kind != Address::Kind::none && client != host && server != host) return false;
    if (a.kind != Address::Kind::none && !((client == a && server == b) || (client == b && server == a))) return false;
    return true;
  }
};

std::optional<Scope> scope_of(const MemoryOptions& o, const Opened& m, int& status) {
  Scope s;
  const auto find = [&](const std::string& text, Address& to) {
    const Who w = who_is(text, m.site(), m.memory);
    to = w.address;
    if (w.known()) return true;
    const std::vector<std::string> names = names_of(m.site(), m.memory);
    const std::string_view near = nearest(text, {names.begin(), names.end()});
    status = fail(fmt::format("\"{}\" is nobody here{}; name a host or an address", text, near.empty() ? "" : fmt::format(", did you mean \"{}\"?", near)));
    return false;
  };
  if (!o.host.empty() && !find(o.host, s.host)) return std::nullopt;
  if (!o.conversation.empty() && (!find(o.conversation[0], s.a) || !find(o.conversation[1], s.b))) return std::nullopt;
  if (!o.protocol.empty()) {
    s.protocol = protocol_index(o.protocol);
    if (s.protocol < 0) return status = fail(no_such_protocol(o.protocol)), std::nullopt;
  }
  return s;
}

int confirm(const MemoryOptions& o) {
  int status = exit_done;
  auto m = open(o, status);
  if (!m) return status;
  MemoryOptions scoped = o;
  std::optional<Act> act;
  std::optional<uint64_t> station;
  std::vector<std::string> hosts;
  for (const std::string& w : o.what)
    if (const auto a = act_named(w)) act = a;
    else if (w.starts_with("station=")) station = std::strtoull(w.c_str() + 8, nullptr, 0);
    else if (protocol_index(w) >= 0) scoped.protocol = w;
    else hosts.push_back(w);
  if (hosts.size() == 1) scoped.host = hosts[0];
  else if (hosts.size() == 2) scoped.conversation = hosts;
  else if (hosts.size() > 2) return fail("two hosts at the most: vidra memory confirm scada rtu1 operate", exit_usage);
  const auto scope = scope_of(scoped, *m, status);
  if (!scope) return status;
  if (!o.all && !scope->any() && !act) return fail("what is right? Name client, server and act as `vidra memory review` shows them, or --all", exit_usage);
  size_t said = 0, before = 0;
  for (ConversationMemory& c : m->memory.conversations())
    for (DangerMemory& d : c.dangers) {
      if (!scope->holds(c.client, c.server, c.protocol) || (act && *act != d.act) || (station && *station != d.station)) continue;
      if (hosts.size() == 2 && c.client != scope->a) continue;        // who does it to whom matters here
      before += d.approved;
      if (d.approved) continue;
      d.approved = true;
      said++;
      const std::string where = station_words(c.protocol, d.station);
      fmt::print("yes: {} {}s {}{}{}, {} times\n", who_is(c.client, m->site(), m->memory).text(), name_of(d.act), who_is(c.server, m->site(), m->memory).text(), where.empty() ? "" : ", ", where, d.times);
    }
  if (!said) return before ? (fmt::print("it was confirmed already\n"), exit_done) : fail("nothing of that kind awaits a yes; `vidra memory review` shows what does");
  if (o.dry_run) return exit_done;
  return save(*m, o);
}

int freeze(const MemoryOptions& o) {
  int status = exit_done;
  auto m = open(o, status, true, true);
  if (!m) return status;
  if (o.by.empty()) return fail("who freezes it? Add --by \"N. N.\"", exit_usage);
  Keys keys;
  std::string error;
  const std::string key = o.key.empty() ? m->settings.state + "/sensor.keys" : o.key;
  if (!load_keys(key, keys, error)) return fail(o.key.empty() ? fmt::format("{}; sign on the sensor as its user, or with a key of your own: vidra memory key FILE, then --key FILE", error) : error);
  const std::string to = !o.output.empty() ? o.output : o.file.empty() && !m->settings.memory.empty() ? m->settings.memory : m->path;
  std::ifstream in(m->path, std::ios::binary);
  std::ostringstream whole;
  whole << in.rdbuf();
  const std::string text = sealed(whole.str(), {o.by, o.note, wall_now() / second * second}, keys.sign_public, keys.sign_secret);
  Problems problems;
  read_memory(text, to, problems);
  if (!problems.empty()) return fail(problems);
  if (const std::string why = write_whole(to == "-" ? "" : to, text); !why.empty()) return fail(why + "; you may need to be root");
  fmt::print(stderr, "{}: frozen by {}; {} hosts, {} conversations{}\n", to, o.by, m->memory.hosts().size(), m->memory.conversations().size(), waiting(m->memory) ? fmt::format("; {} dangerous habits still await a yes", waiting(m->memory)) : "");
  if (m->settings.memory.empty()) fmt::print(stderr, "it counts once it is named: [judge] memory = \"{}\"\n", to);
  else if (to == m->settings.memory) fmt::print(stderr, "the sensor takes it at its next start: systemctl restart vidra-sensor\n");
  if (std::find(m->settings.frozen_by.begin(), m->settings.frozen_by.end(), hex_of(keys.sign_public)) == m->settings.frozen_by.end())
    fmt::print(stderr, "to accept only what this key froze: [judge] frozen_by = \"{}\"\n", hex_of(keys.sign_public));
  return exit_done;
}

int key(const MemoryOptions& o) {
  Keys keys;
  std::string error;
  if (!load_or_make_keys(o.file, keys, error)) return fail(error);
  fmt::print("{}\n", hex_of(keys.sign_public));
  fmt::print(stderr, "{} signs; who freezes with it: vidra memory freeze --key {} --by \"N. N.\"; who accepts it: [judge] frozen_by = [\"…\"]\n", o.file, o.file);
  return exit_done;
}

// Learns only what lies in the scope.
struct Learner final : EventSink {
  Learner(Memory& m, const Scope& s) : memory(m), scope(s) {}
  void see(const Event& e) override {
    static const int arp = protocol_index("arp");
    if (e.scene.protocol == arp || scope.holds(e.scene.client.address, e.scene.server.address, e.scene.protocol)) memory.learn(e);
  }
  Memory& memory;
  const Scope& scope;
};

int relearn(const MemoryOptions& o) {
  int status = exit_done;
  auto m = open(o, status);
  if (!m) return status;
  const auto scope = scope_of(o, *m, status);
  if (!scope) return status;
  if (!scope->any()) return fail("what shall be learned anew? Name --host, --conversation A B or --protocol; all of it anew is `vidra learn`", exit_usage);
  Memory& memory = m->memory;
  const size_t hosts = memory.hosts().size();
  const size_t gone = memory.prune([](const HostMemory&) { return true; }, [&](const ConversationMemory& c) { return !scope->holds(c.client, c.server, c.protocol); }, [](const PublisherMemory&) { return true; });
  const size_t left = memory.conversations().size();
  if (scope->host.kind != Address::Kind::none && scope->protocol < 0)      // its card may be another now
    memory.prune([&](const HostMemory& h) { return h.address != scope->host; }, [](const ConversationMemory&) { return true; }, [](const PublisherMemory&) { return true; });
  Learner learner(memory, *scope);
  TrafficSettings traffic_settings = m->settings.traffic;
  traffic_settings.interfaces = 1;
  for (const std::string& path : o.captures) {
    try {
      Traffic traffic(traffic_settings, learner);
      const Played played = play(path, traffic, nullptr, nullptr);
      if (!played.flaw.empty()) fmt::print(stderr, "vidra: {}\n", played.flaw), status = exit_damaged;
    } catch (const std::runtime_error& e) {
      return fail(e.what());                                 // half of what is usual is not what is usual
    }
  }
  fmt::print(stderr, "{}: {} conversations forgotten, {} learned anew; {} hosts before, {} now\n", m->path, gone, memory.conversations().size() - left, hosts, memory.hosts().size());
  if (o.captures.empty()) fmt::print(stderr, "no capture was named, so nothing was learned in their place: it will be told as new\n");
  if (o.dry_run) return status;
  const int saved = save(*m, o);
  return saved == exit_done ? status : saved;
}

std::optional<Time> days(const std::string& s) {
  size_t n = 0;
  while (n < s.size() && s[n] >= '0' && s[n] <= '9') n++;
  if (!n || n > 5 || (s.substr(n) != "d" && s.substr(n) != " d" && n != s.size())) return std::nullopt;
  return std::stol(s.substr(0, n)) * day;
}

int expire(const MemoryOptions& o) {
  int status = exit_done;
  auto m = open(o, status);
  if (!m) return status;
  const auto age = days(o.not_seen);
  if (!age || *age < day) return fail(fmt::format("--not-seen \"{}\" is no number of days; write it like 90d", o.not_seen), exit_usage);
  Time now = wall_now();
  if (!o.today.empty()) {
    const auto at = parse_iso_time(o.today);
    if (!at) return fail(fmt::format("--today \"{}\" is no day; write it like 2026-11-21", o.today), exit_usage);
    now = *at;
  }
  Memory& memory = m->memory;
  const auto stays = [&](const auto& x) { return !x.last || now - x.last <= *age; };   // an older version's says no day: it stays
  size_t unknown = 0;
  for (const ConversationMemory& c : memory.conversations()) {
    unknown += !c.last;
    if (!stays(c)) fmt::print("{} → {}, {}: last heard {}\n", who_is(c.client, m->site(), memory).text(), who_is(c.server, m->site(), memory).text(), protocols[c.protocol]->name, iso_time(c.last, 0).substr(0, 10));
  }
  const size_t gone = memory.prune(stays, stays, [](const PublisherMemory&) { return true; });
  fmt::print(stderr, "{}: {} hosts and conversations were not heard for {} days{}{}\n", m->path, gone, *age / day, o.dry_run || !gone ? "" : " and went", unknown ? fmt::format("; {} conversations have no day, an older version learned them: they stay", unknown) : "");
  if (o.dry_run || !gone) return exit_done;
  return save(*m, o);
}

}  // namespace

void add_memory(CommandLine app, int& status) {
  const CommandLine c = app.command("memory", "what was learned: review it, confirm what is dangerous, freeze it, learn one scope anew, let the old expire");
  c.needs_command();
  auto o = std::make_shared<MemoryOptions>();
  const auto common = [&](CommandLine sub, bool writes) {
    sub.option("--config", o->config, "the sensor's settings: its memory, its names");
    if (!writes) return;
    sub.option("-o,--output", o->output, "write it here instead; - is standard output");
  };
  const auto file = [&](CommandLine sub) { sub.option("FILE", o->file, "the memory; absent: as the settings say, or what the sensor learned"); };
  const auto option_file = [&](CommandLine sub) { sub.option("--file", o->file, "the memory; absent: as the settings say, or what the sensor learned"); };
  const auto dry = [&](CommandLine sub) { sub.flag("--dry-run", o->dry_run, "only say what would happen"); };

  const CommandLine s = c.command("show", "how much it holds, since when, who froze it");
  file(s), common(s, false);
  s.runs([o, &status] { status = show(*o); });

  const CommandLine r = c.command("review", "all of it for a person to read: what awaits a yes first");
  file(r), common(r, false);
  r.runs([o, &status] { status = review(*o); });

  const CommandLine y = c.command("confirm", "says yes to dangerous habits: vidra memory confirm scada rtu1 operate");
  y.option("WHAT", o->what, "client, server, protocol, act, station=N; what is left out is any");
  y.flag("--all", o->all, "everything that awaits a yes");
  option_file(y), common(y, true), dry(y);
  y.runs([o, &status] { status = confirm(*o); });

  const CommandLine f = c.command("freeze", "signs it with your name: a later change by hand is refused");
  file(f), common(f, true);
  f.option("--by", o->by, "who reviewed it");
  f.option("--note", o->note, "anything: a permit, a reason");
  f.option("--key", o->key, "a key of your own (vidra memory key FILE); absent: the sensor's");
  f.footer("What the sensor learned (state/learned.toml) is written to [judge] memory, or where -o says.");
  f.runs([o, &status] { status = freeze(*o); });

  const CommandLine k = c.command("key", "makes a key to freeze with, once, and prints its public half");
  k.option("FILE", o->file, "where it lies, readable by you alone").required();
  k.runs([o, &status] { status = key(*o); });

  const CommandLine l = c.command("relearn", "forgets one scope and learns it anew from captures; the rest stays as it is");
  l.option("CAPTURE", o->captures, "of normal operation");
  l.option("--host", o->host, "all that this host says and hears");
  l.option("--conversation", o->conversation, "what these two say to each other").words(2);
  l.option("--protocol", o->protocol, "in this protocol");
  option_file(l), common(l, true), dry(l);
  l.runs([o, &status] { status = relearn(*o); });

  const CommandLine e = c.command("expire", "lets go what was not heard for so many days");
  file(e);
  e.option("--not-seen", o->not_seen, "days, like 90d").required();
  e.option("--today", o->today, "count back from this day instead of today");
  common(e, true), dry(e);
  e.runs([o, &status] { status = expire(*o); });
}

}  // namespace vidra
