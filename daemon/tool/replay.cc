// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <unistd.h>

#include <iostream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "daemon/base/text.h"
#include "daemon/capture/file.h"
#include "daemon/capture/share.h"
#include "daemon/judge/judge.h"
#include "daemon/judge/memory_file.h"
#include "daemon/report/language_file.h"
#include "daemon/report/line.h"
#include "daemon/report/reporter.h"
#include "daemon/report/words.h"
#include "daemon/sensor/ears.h"
#include "daemon/sensor/settings.h"
#include "daemon/sensor/worker.h"
#include "daemon/tool/commands.h"
#include "daemon/tool/judging.h"
#include "daemon/tool/playing.h"

namespace vidra {
namespace {

constexpr const char* language_help = "en, bs-Latn, hr, sr-Cyrl …: `vidra words` lists them; or the path of a language file";

struct ReplayOptions {
  std::vector<std::string> files;
  std::string config, memory, language, search;
  std::vector<std::string> compare;
  bool json = false, quiet = false;
  size_t workers = 1;
};

// The last state of each story, in the order in which they began.
struct Stories final : StorySink {
  void tell(const Story& s) override { last[s.number] = s; }
  std::map<uint64_t, Story> last;
};

void complain(const Problems& problems) {
  for (const std::string& p : problems) fmt::print(stderr, "vidra: {}\n", p);
}

// What is heard of the files, and how they ended.
struct Replayed : PlayedFiles {
  Accounts accounts;
};

// All on this thread.
Replayed replay_alone(const ReplayOptions& o, const SensorSettings& settings, Judge& judge, Reporter& reporter) {
  Traffic traffic(settings.traffic, judge);
  Replayed out{play_files(o.files, traffic, [&](Time now) {
    judge.tick(now);
    reporter.tick(now);
  }), {}};
  out.accounts = traffic.accounts();
  return out;
}

// As the sensor does it live with several workers, each on a thread of its own; the judge waits for all of them, so that the
// result is the same each time.
Replayed replay_shared(const ReplayOptions& o, const SensorSettings& settings, Judge& judge, Reporter& reporter) {
  Replayed out;
  std::vector<std::vector<std::unique_ptr<Source>>> sources(o.workers);   // by worker, then by file
  std::vector<std::shared_ptr<uint64_t>> counts(o.workers);
  for (auto& c : counts) c = std::make_shared<uint64_t>(0);
  const Spread spread(1);
  for (const std::string& path : o.files) {
    try {
      if (path == "-") throw std::runtime_error("-: several workers cannot each read standard input; give a file, or --workers 1");
      for (size_t i = 0; i < o.workers; i++) sources[i].push_back(share_of(open_file(path), spread, i, o.workers, counts[i]));
    } catch (const std::runtime_error& e) {
      fmt::print(stderr, "vidra: {}\n", e.what());
      out.status = exit_failed;
    }
  }
  Bell bell;
  std::vector<std::unique_ptr<EventRing>> rings;
  std::vector<std::unique_ptr<Worker>> workers;
  std::vector<std::thread> threads;
  for (size_t i = 0; i < o.workers; i++) {
    rings.push_back(std::make_unique<EventRing>(settings.ring, bell, true));
    workers.push_back(std::make_unique<Worker>(part_of(settings.traffic, i, o.workers), *rings[i]));
  }
  for (size_t i = 0; i < o.workers; i++)
    threads.emplace_back([&, i] {
      for (const auto& source : sources[i]) workers[i]->hear(*source);
      workers[i]->finish();
    });
  EventMerge merge(rings, 0);
  Ears ears(judge, merge, o.workers);
  for (;;) {
    const uint32_t rung = bell.heard();
    bool over = true;
    for (const auto& r : rings) over = over && r->watermark() == EventRing::closed;
    Time until = 0;
    const size_t n = merge.drain(ears, until);
    judge.tick(until);
    reporter.tick(until);
    if (n) continue;
    if (over) break;
    bell.sleep(rung);
  }
  for (std::thread& t : threads) t.join();
  Seen::Mark first, last;
  for (const auto& w : workers) {
    const Seen seen = w->seen();
    out.accounts += seen.accounts;
    if (seen.first.number && (!first.number || seen.first.number < first.number)) first = seen.first;
    if (seen.last.number > last.number) last = seen.last;
  }
  out.first = first.stamp, out.last = last.stamp;
  out.packets = out.accounts.packets;
  for (const auto& source : sources[0]) out.flawed(source->flaw());
  return out;
}

int replay(const ReplayOptions& o) {
  Problems problems;
  SensorSettings settings = load_settings(o.config, problems);
  if (!o.memory.empty()) settings.memory = o.memory;
  if (!o.language.empty())
    if (auto read = load_language(o.language, words_folder({}), problems)) settings.language = read;
  Memory memory = load_learned(settings, problems);
  if (!problems.empty()) return complain(problems), exit_failed;
  settings.judge.mode = JudgeSettings::Mode::watch;
  settings.traffic.interfaces = 1;      // what a file does not hold is not silent

  Stories stories;
  Reporter reporter(settings.report, stories);
  Judge judge(settings.site, std::move(memory), settings.judge, reporter);
  const Replayed heard = o.workers > 1 ? replay_shared(o, settings, judge, reporter) : replay_alone(o, settings, judge, reporter);
  judge.tick(heard.last);
  reporter.tick(heard.last);
  judge.finish(heard.last);
  reporter.finish(heard.last);

  Style style = style_of(STDOUT_FILENO);
  style.language = settings.language.get();
  for (const auto& [number, story] : stories.last) {
    const Told t = told(story, *settings.language);
    if (!o.search.empty() && !holds(searchable(t), o.search)) continue;
    if (o.json) std::cout << replay_line(story, *settings.language) << '\n';
    else print_story(std::cout, t, style);
  }
  std::cout.flush();
  if (!o.json) {
    const Accounts& a = heard.accounts;
    const Octets octets = a.octets();
    uint64_t records = 0;
    for (const ProtocolAccount& p : a.protocols) records += p.records;
    fmt::print("{} packets in {}, {} conversations, {} records; payload {} = decoded {} + opaque {} + lost {}; {} stories\n", human_count(heard.packets),
               human_duration(heard.last - heard.first), human_count(a.conversations), human_count(records), human_bytes(octets.seen), human_bytes(octets.decoded),
               human_bytes(octets.opaque), human_bytes(octets.lost), stories.last.size());
    if (const std::string clocks = clock_text(clock_lines(judge.clocks(), judge.site(), judge.memory(), 24), judge.clocks().agreement(), heard.last); !clocks.empty()) fmt::print("\n{}", clocks);
    if (const auto& silent = judge.unreviewed(); !silent.empty()) {
      std::map<std::string, size_t> devices;
      for (const SilentDifference& d : silent) devices[d.device]++;
      fmt::print("\n{} between the import and the wire {} silent until somebody has read {} (vidra diff --review):\n", silent.size() == 1 ? "1 difference" : fmt::format("{} differences", silent.size()), silent.size() == 1 ? "is" : "are",
                 silent.size() == 1 ? "it" : "them");
      for (const auto& [device, n] : devices) fmt::print("  {}: {}\n", printable(device), n);
      for (size_t i = 0; i < std::min<size_t>(silent.size(), 12); i++) fmt::print("  {:<8} {} {}\n", silent[i].detection->id, printable(silent[i].what), printable(silent[i].expected));
      if (silent.size() > 12) fmt::print("  and {} more: vidra diff names all\n", silent.size() - 12);
      if (const uint64_t n = judge.counters().unreviewed_unkept) fmt::print("  {} findings of others found no place in the list\n", human_count(n));
    }
  }
  return heard.status;
}

// What two settings make of the same recordings.
int compare(const ReplayOptions& o) {
  Judged sides[2];
  for (int i = 0; i < 2; i++) {
    Problems problems;
    SensorSettings settings = load_settings(o.compare[size_t(i)], problems);
    if (!o.memory.empty()) settings.memory = o.memory;
    settings.report.steps = false;
    Memory memory = load_learned(settings, problems);
    if (!problems.empty()) return complain(problems), exit_failed;
    sides[i] = judge_files(o.files, settings, std::move(memory));
  }
  const Comparison c = compared(sides[0].stories, sides[1].stories);
  const auto line = [&](char mark, const Story& s, const std::string& more) {
    if (o.json) return;
    fmt::print("{} {:<8} {}  {}{}{}\n", mark, s.detection->id, s.severity, iso_time(s.first, 0).substr(11, 8), "  " + headline(s), more.empty() ? "" : ": " + more);
  };
  const auto json = [&](std::string_view change, const Story* before, const Story* after) {
    nlohmann::ordered_json j{{"change", change}};
    j["old"] = before ? nlohmann::ordered_json::parse(replay_line(*before)) : nlohmann::ordered_json();
    j["new"] = after ? nlohmann::ordered_json::parse(replay_line(*after)) : nlohmann::ordered_json();
    std::cout << j.dump() << '\n';
  };
  if (o.json) {
    for (const Story* s : c.only_old) json("only in old", s, nullptr);
    for (const Story* s : c.only_new) json("only in new", nullptr, s);
    for (const auto& [before, after] : c.changed) json("changed", before, after);
    std::cout.flush();
    return std::max(sides[0].status, sides[1].status);
  }
  for (const Story* s : c.only_old) line('-', *s, "");
  for (const Story* s : c.only_new) line('+', *s, "");
  for (const auto& [before, after] : c.changed) {
    std::string what;
    if (before->severity != after->severity) what += fmt::format("severity {} → {}", before->severity, after->severity);
    if (before->count != after->count) what += fmt::format("{}count {} → {}", what.empty() ? "" : ", ", before->count, after->count);
    if (before->in_window != after->in_window) what += fmt::format("{}{}", what.empty() ? "" : ", ", after->in_window ? "inside works now" : "no longer inside works");
    line('~', *after, what);
  }
  fmt::print("{}{} stories with {}, {} with {}: {} only in the old, {} only in the new, {} changed, {} the same\n", c.only_old.empty() && c.only_new.empty() && c.changed.empty() ? "" : "\n", sides[0].stories.size(),
             o.compare[0], sides[1].stories.size(), o.compare[1], c.only_old.size(), c.only_new.size(), c.changed.size(), c.same);
  return std::max(sides[0].status, sides[1].status);
}

struct LearnOptions {
  std::vector<std::string> files;
  std::string output;
};

struct Learner final : EventSink {
  void see(const Event& e) override { memory.learn(e); }
  Memory memory;
};

int learn(const LearnOptions& o) {
  int status = exit_done;
  Learner learner;
  for (const std::string& path : o.files) {
    try {
      Traffic traffic(TrafficSettings{}, learner);
      const Played played = play(path, traffic, nullptr, nullptr);
      if (!played.flaw.empty()) {
        fmt::print(stderr, "vidra: {}\n", played.flaw);
        status = exit_damaged;
      }
    } catch (const std::runtime_error& e) {
      fmt::print(stderr, "vidra: {}\n", e.what());
      return exit_failed;
    }
  }
  std::ostringstream written_out;
  write_memory(learner.memory, written_out);
  const std::string text = written_out.str();
  if (o.output.empty()) std::cout << text;
  else if (std::FILE* f = std::fopen(o.output.c_str(), "w")) {
    const bool written = std::fwrite(text.data(), 1, text.size(), f) == text.size();
    if (std::fclose(f) != 0 || !written) {
      fmt::print(stderr, "vidra: {}: {}\n", o.output, std::strerror(errno));
      return exit_failed;
    }
  } else {
    fmt::print(stderr, "vidra: {}: {}\n", o.output, std::strerror(errno));
    return exit_failed;
  }
  fmt::print(stderr, "learned {} hosts and {} conversations; read it, then name it in [judge] memory\n", learner.memory.hosts().size(), learner.memory.conversations().size());
  return status;
}

int refuse(const std::string& path, const Problems& problems) {
  complain(problems);
  fmt::print(stderr, "vidra: {} is refused: {} {}\n", path, problems.size(), problems.size() == 1 ? "mistake" : "mistakes");
  return exit_failed;
}

int check_memory(const std::string& path) {
  Problems problems;
  const Memory memory = load_known(path, problems);      // and not changed after somebody froze it
  if (!problems.empty()) return refuse(path, problems);
  size_t dangers = 0, approved = 0;
  for (const ConversationMemory& c : memory.conversations())
    for (const DangerMemory& d : c.dangers) dangers++, approved += d.approved;
  fmt::print("{}: right\n", path);
  fmt::print("  memory   {} hosts, {} conversations; dangerous habits: {}, of which approved: {}\n", memory.hosts().size(), memory.conversations().size(), dangers, approved);
  fmt::print("  name it in [judge] memory of vidra.toml\n");
  return exit_done;
}

int check(const std::string& path) {
  Problems problems;
  if (auto root = TomlTable::open(path, problems); root && is_memory(*root)) return check_memory(path);
  problems.clear();                        // said again below
  const SensorSettings s = load_settings(path, problems);
  const Memory memory = load_learned(s, problems);
  if (!problems.empty()) return refuse(path, problems);
  for (const std::string& r : s.remarks) fmt::print(stderr, "{}\n", r);
  for (const std::string& flaw : s.judge.list_flaws) fmt::print(stderr, "{}\n", flaw);
  if (!s.remarks.empty() || !s.judge.list_flaws.empty()) fmt::print(stderr, "vidra: what is said above is not in force\n");
  fmt::print("{}: right\n", path);
  fmt::print("  hears    {}\n", s.capture.interfaces.empty() ? "no interface (name some in [capture] interfaces)" : fmt::format("{}", fmt::join(s.capture.interfaces, ", ")));
  fmt::print("  site     {}: {} hosts, {} conversations, {} points, {} publishers, {} windows\n", s.site->name.empty() ? "(unnamed)" : s.site->name, s.site->hosts.size(),
             s.site->conversations.size(), s.site->points.size(), s.site->publishers.size(), s.site->windows.size());
  fmt::print("  memory   {}: {} hosts, {} conversations\n", s.memory.empty() ? "(none)" : s.memory, memory.hosts().size(), memory.conversations().size());
  fmt::print("  judges   {}\n", s.judge.mode == JudgeSettings::Mode::learn ? "while it learns: only what needs no knowledge" : "against site and memory");
  if (const Indicators* i = s.judge.indicators.get())
    fmt::print("  lists    {} addresses, {} names, {} URLs, {} fingerprints in {}; {} lines passed over (doubles, and kinds that no traffic says){}\n", human_count(i->count(Indicator::Kind::address)),
               human_count(i->count(Indicator::Kind::name)), human_count(i->count(Indicator::Kind::url)), human_count(i->count(Indicator::Kind::print)),
               i->files.size() == 1 ? "1 file" : fmt::format("{} files", i->files.size()), human_count(i->passed_over()),
               i->refused() ? fmt::format(", {} refused", human_count(i->refused())) : "");
  if (s.judge.rules) fmt::print("  rules    {}; `vidra rules check` says what each waits for\n", s.judge.rules->all().size());
  for (const auto& [id, d] : s.judge.detections)
    if (d.off) fmt::print("  off      {} {}\n", id, detection(id)->title);
  if (s.collectors.empty()) fmt::print("  tells    nobody: add a [[collector]]\n");
  for (const CollectorLink& c : s.collectors) fmt::print("  tells    {} at {}, TLP:{}\n", c.name, fmt::join(c.endpoints, ", "), c.tlp);
  return exit_done;
}

}  // namespace

void add_replay(CommandLine app, int& status) {
  const CommandLine c = app.command("replay", "judges a capture and prints the stories: same stages, same result each time");
  auto o = std::make_shared<ReplayOptions>();
  c.option("FILE", o->files, "captures, in order of time").required();
  const Option config = c.option("--config", o->config, "vidra.toml, or a site file alone");
  c.option("--memory", o->memory, "what was learned, from `vidra learn`");
  c.flag("--json", o->json, "one story a line, its last state");
  c.option("--workers", o->workers, "hear it with so many threads, spread as the sensor spreads it live: the same stories and the same counts").within(size_t{1}, most_workers).shows_default();
  c.option("--language", o->language, language_help);
  c.option("--search", o->search, "only stories with these words, whatever their script and diacritics");
  c.option("--compare", o->compare, "OLD.toml NEW.toml: what two settings make of it, only the differences").words(2).excludes(config);
  c.runs([o, &status] { status = o->compare.empty() ? replay(*o) : compare(*o); });
}

void add_learn(CommandLine app, int& status) {
  const CommandLine c = app.command("learn", "learns from captures what is usual, and prints it as TOML");
  auto o = std::make_shared<LearnOptions>();
  c.option("FILE", o->files, "captures of normal operation").required();
  c.option("-o,--output", o->output, "write it here rather than to standard output");
  c.runs([o, &status] { status = learn(*o); });
}

void add_check(CommandLine app, int& status) {
  const CommandLine c = app.command("check", "says what is wrong in vidra.toml, a site file, or what was learned, line by line");
  auto path = std::make_shared<std::string>();
  c.option("CONFIG", *path, "the file").required();
  c.runs([path, &status] { status = check(*path); });
}

void add_catalogue(CommandLine app, int& status) {
  const CommandLine c = app.command("catalogue", "every detection: what it means, how to tune it");
  auto markdown = std::make_shared<bool>(false);
  auto id = std::make_shared<std::string>(), tag = std::make_shared<std::string>(), search = std::make_shared<std::string>();
  c.flag("--markdown", *markdown, "as docs/ALERTS.md is written");
  c.option("ID", *id, "one of them, like I104-05");
  c.option("--language", *tag, language_help);
  c.option("--search", *search, "only detections with these words, whatever their script and diacritics");
  c.runs([markdown, id, tag, search, &status] {
    status = exit_done;
    Problems problems;
    const auto in = load_language(*tag, words_folder({}), problems);
    if (!in) return complain(problems), void(status = exit_failed);
    if (*markdown) return write_catalogue(std::cout);
    if (id->empty()) {
      for (const Detection& d : catalogue)
        if (search->empty() || holds(search_form(fmt::format("{}\n{}\n{}\n{}\n{}\n{}", d.id, d.title, d.technique, in->title(d), in->why(d), in->next(d))), *search))
          fmt::print("{:<8} {} {:<5} {}\n", d.id, d.severity, d.technique, in->title(d));
      return;
    }
    const Detection* d = detection(*id);
    if (!d) {
      std::vector<std::string_view> ids;
      for (const Detection& each : catalogue) ids.push_back(each.id);
      const std::string_view near = nearest(*id, ids);
      fmt::print(stderr, "vidra: there is no detection {}{}; `vidra catalogue` lists them\n", *id, near.empty() ? "" : fmt::format(", did you mean {}?", near));
      status = exit_failed;
      return;
    }
    fmt::print("{} {}\n{}{}{}\n", d->id, in->title(*d),
               in->say("severity {} ({}), {}", {std::to_string(d->severity), in->say(severity_name(d->severity)), in->say(name_of(d->audience))}),
               d->technique.empty() ? "" : ", ATT&CK for ICS ", d->technique);
    for (const auto& [label, text] : {std::pair{"why", in->why(*d)}, std::pair{"next", in->next(*d)}, std::pair{"tune", d->tune}}) {
      const std::string_view name = in->say(label);
      fmt::print("{}{} {}\n", name, std::string(columns(name) < 5 ? 5 - columns(name) : 0, ' '), text);
    }
  });
}

}  // namespace vidra
