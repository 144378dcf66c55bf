// SPDX-License-Identifier: Apache-2.0
// vidrad: the sensor.
#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "daemon/base/clock.h"
#include "daemon/base/command_line.h"
#include "daemon/base/huge_pages.h"
#include "daemon/base/sandbox.h"
#include "daemon/base/text.h"
#include "daemon/capture/choose.h"
#include "daemon/capture/file.h"
#include "daemon/capture/live.h"
#include "daemon/capture/paced.h"
#include "daemon/capture/share.h"
#include "daemon/judge/site_file.h"
#include "daemon/report/line.h"
#include "daemon/sensor/kept_files.h"
#include "daemon/sensor/metrics.h"
#include "daemon/sensor/pipeline.h"
#include "daemon/sensor/service.h"

namespace vidra {
namespace {

struct Options {
  std::string config, play, state, run;
  double pace = 1;
  bool check = false, print = false, sandbox = true;
  int witness = -1;
  Time settle = 10 * second;
};

void log(int level, const std::string& text) { fmt::print(stderr, "<{}>{}\n", level, text); }   // levels as in sd-daemon(3)

std::string host_name() {
  char name[256] = {};
  gethostname(name, sizeof name - 1);
  return name[0] ? name : "vidra";
}

int refuse(const Problems& problems, const std::string& config) {
  for (const std::string& p : problems) log(3, p);
  log(3, fmt::format("{} is refused; `vidra check {}` says the same", config.empty() ? "the settings" : config, config));
  return 2;
}

int level_of(LinkState s) {
  switch (s) {
    case LinkState::connected: case LinkState::connecting: case LinkState::greeting: case LinkState::stopped: return 6;
    case LinkState::away: case LinkState::paused: case LinkState::waiting_approval: return 5;
    case LinkState::silent: case LinkState::wrong_service: case LinkState::wrong_key: case LinkState::refused: return 4;
  }
  return 4;
}

// `before`: the outage that was told last. Of several since then, the last is told, and how many there were.
std::string blind_line(const std::string& interface, const Outage& o, const Outage& before) {
  const std::string several = o.count > before.count + 1 ? fmt::format("; {} times since it was told last", o.count - before.count) : "";
  if (!o.until) return fmt::format("interface {}: blind since {}: {}{}", interface, iso_time(o.from), o.why, several);
  return fmt::format("interface {}: heard again; blind from {} to {} ({}): {}{}", interface, iso_time(o.from), iso_time(o.until), human_duration(o.until - o.from), o.why, several);
}

std::string link_line(const SensorStatus::Telling& t) {
  uint64_t waiting = 0;
  for (const auto& lane : t.outbox.lanes) waiting += lane.waiting + lane.unacknowledged;
  return fmt::format("{}: {}{}", t.collector, t.link.text.empty() ? std::string(name_of(t.link.state)) : t.link.text, waiting ? fmt::format(", {} records wait", human_count(waiting)) : "");
}

void print_summary(const SensorStatus& s, Time heard_from, bool settled) {
  const Octets o = s.accounts.octets();
  fmt::print("\nheard       {} packets{}\n", human_count(s.accounts.packets), heard_from ? fmt::format(" in {}", human_duration(s.heard_until - heard_from)) : "");
  uint64_t lost = 0;
  for (const auto& i : s.interfaces) {
    lost += i.counters.dropped_by_us;
    for (const uint64_t n : {i.counters.dropped_by_card, i.counters.dropped_by_kernel}) lost += n == Counters::unknown ? 0 : n;
  }
  if (lost) fmt::print("lost        {} frames before they could be read\n", human_count(lost));
  if (s.shed.total())
    fmt::print("left out    {} samples not worked out, {} frames with undissected payload only counted, {} reports of values and {} polls not judged, {} others\n", human_count(s.shed.samples),
               human_count(s.shed.opaque), human_count(s.shed.reports), human_count(s.shed.reads), human_count(s.shed.others));
  fmt::print("payload     {} = decoded {} + opaque {} + lost {}\n", human_bytes(o.seen), human_bytes(o.decoded), human_bytes(o.opaque), human_bytes(o.lost));
  fmt::print("            {} conversations", human_count(s.accounts.conversations));
  for (size_t i = 0; i < s.accounts.protocols.size(); i++)
    if (const ProtocolAccount& p = s.accounts.protocols[i]; p.records) fmt::print(", {} {}", human_count(p.records), protocols[i]->name);
  fmt::print("\njudged      {} messages, {} findings, {} stories\n", human_count(s.judge.events), human_count(s.judge.findings), human_count(s.reporter.stories));
  for (const auto& t : s.collectors) {
    uint64_t accepted = 0, waiting = 0;
    for (const auto& lane : t.outbox.lanes) accepted += lane.accepted, waiting += lane.waiting + lane.unacknowledged;
    fmt::print("delivered   {}: {} records accepted here, {} acknowledged there{}\n", t.collector, human_count(accepted), human_count(accepted >= waiting ? accepted - waiting : 0),
               settled ? "" : fmt::format(" ({}; {} wait on disk)", t.link.text, human_count(waiting)));
    if (t.withheld) fmt::print("withheld    {}: {} tellings are marked above TLP:{} and stayed here\n", t.collector, human_count(t.withheld), t.tlp);
  }
  std::fflush(stdout);
}

// One line a record, in one write: whoever reads it knows of a record exactly when it is safe.
void witness(int fd, const Pipeline::Witnessed& w) {
  const std::string line = fmt::format("accepted {} {} {} {} {} {}\n", w.collector, w.record.epoch, w.record.lane, w.record.seq, w.story.empty() ? "-" : w.story, w.revision);
  while (::write(fd, line.data(), line.size()) < 0 && errno == EINTR) {}
}

// One signal at a time, taken by the thread that waits here; every other thread has them blocked.
class Signals {
 public:
  Signals() {
    sigemptyset(&set_);
    for (int s : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set_, s);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
    signal(SIGPIPE, SIG_IGN);
  }
  int wait(Time at_most) const {        // 0: none came
    const timespec t{time_t(at_most / second), long(at_most % second)};
    const int s = sigtimedwait(&set_, nullptr, &t);
    return s < 0 ? 0 : s;
  }

 private:
  sigset_t set_;
};

// What a file looks like from outside: when this changes, it was written again.
struct Looks {
  int64_t modified = 0, size = -1;
  uint64_t inode = 0;
  bool operator==(const Looks&) const = default;
  static Looks of(const std::string& path) {
    struct stat s{};
    if (path.empty() || ::stat(path.c_str(), &s) != 0) return {};
    return {int64_t(s.st_mtim.tv_sec) * second + s.st_mtim.tv_nsec, int64_t(s.st_size), s.st_ino};
  }
};

// What runs: the windows of the box and the lists are taken over by themselves, the rest when it is asked for.
struct Running {
  std::shared_ptr<const Site> site;
  JudgeSettings judge;
  SensorSettings settings;                 // where the lists lie, and how they looked when they were read
  Looks windows = {};                      // as they were taken over: not yet, since one may be opened while the site is read
  Problems remarks = {};                   // on them, which are told
  std::vector<int64_t> lists = {};         // how they looked a second ago
};

// Works that cannot be read stop no sensor: without them it tells more, not less.
void tell_remarks(const SensorSettings& s) {
  for (const std::string& r : s.remarks) log(4, r);
  for (const std::string& flaw : s.judge.list_flaws) log(3, flaw);
  if (!s.judge.list_flaws.empty()) log(3, "of the lists and rules what is said above is not in force, the rest is; correct it, the sensor reads them again by itself");
  if (!s.remarks.empty()) log(4, fmt::format("{}: what is said above is not in force; correct it, the sensor reads it again by itself", s.site->windows_file));
}

std::string told_lists(const JudgeSettings& s) {
  const size_t indicators = s.indicators ? s.indicators->size() : 0, passed = s.indicators ? s.indicators->passed_over() : 0, rules = s.rules ? s.rules->all().size() : 0;
  const size_t refused = s.indicators ? s.indicators->refused() : 0;
  return fmt::format("{} indicators ({} lines passed over{}), {} rules", human_count(indicators), human_count(passed), refused ? fmt::format(", {} REFUSED", human_count(refused)) : "", rules);
}

void reload_windows(Pipeline& pipeline, Running& running) {
  const Looks now = Looks::of(running.site->windows_file);
  if (now == running.windows) return;
  running.windows = now;
  Problems problems;
  auto site = std::make_shared<Site>(*running.site);
  const bool whole = read_windows(*site, problems);
  const bool news = problems != running.remarks;
  for (const std::string& p : problems)
    if (news) log(4, p);
  running.remarks = std::move(problems);
  if (!whole) return news ? log(3, fmt::format("{} is refused; the windows that were open are kept", site->windows_file)) : void();
  running.site = site;
  pipeline.adopt(running.site, running.judge);
  const size_t open = size_t(std::count_if(site->windows.begin(), site->windows.end(), [](const Window& w) { return w.on_the_box && !w.closed; }));
  log(5, fmt::format("{}: {} of works open", site->windows_file, open == 1 ? "1 window" : fmt::format("{} windows", open)));
}

// Lists are replaced by others, by people and by programs: what was written again and then rests for a second is read, all or nothing.
void reload_lists(Pipeline& pipeline, Running& running) {
  if (running.settings.indicator_files.empty() && running.settings.rule_files.empty()) return;
  std::vector<int64_t> now = looks_of_lists(running.settings);
  const bool rests = now == running.lists;
  running.lists = std::move(now);
  if (running.lists == running.settings.list_looks || !rests) return;
  Problems problems;
  running.settings.site = running.site;
  load_lists(running.settings, problems);
  for (const std::string& p : problems) log(3, p);
  if (!problems.empty()) return log(3, "the lists are refused; the ones before are kept");
  running.judge.indicators = running.settings.judge.indicators;
  running.judge.rules = running.settings.judge.rules;
  running.judge.list_flaws = running.settings.judge.list_flaws;
  for (const std::string& flaw : running.judge.list_flaws) log(4, flaw);
  pipeline.adopt(running.site, running.judge);
  log(5, fmt::format("lists taken over: {}", told_lists(running.judge)));
}

void reload(Pipeline& pipeline, const Options& o, Running& running) {
  Problems problems;
  SensorSettings fresh = load_settings(o.config, problems);
  if (!problems.empty()) {
    for (const std::string& p : problems) log(3, p);
    log(3, fmt::format("{} is refused; the running settings are kept", o.config));
    return;
  }
  tell_remarks(fresh);
  running = {fresh.site, fresh.judge, fresh, {}, fresh.remarks};
  pipeline.adopt(fresh.site, fresh.judge);
  pipeline.adopt(fresh.markings);
  if (fresh.judge.indicators || fresh.judge.rules) log(6, told_lists(fresh.judge));
  log(6, fmt::format("{}: site and detections taken over; capture, traffic and collectors change at the next start", o.config));
}

std::string counted(size_t n, std::string_view one, std::string_view many = {}) { return n == 1 ? fmt::format("1 {}", one) : many.empty() ? fmt::format("{} {}s", n, one) : fmt::format("{} {}", n, many); }

// How many hear, where, and what they may take. Throws std::runtime_error with what to type.
size_t staff(SensorSettings& settings, bool playing) {
  CaptureSettings& s = settings.capture;
  cpu_set_t usable;
  CPU_ZERO(&usable);
  sched_getaffinity(0, sizeof usable, &usable);
  const size_t cores = size_t(CPU_COUNT(&usable));
  std::string list;
  for (size_t c = 0; c < CPU_SETSIZE; c++)
    if (CPU_ISSET(c, &usable)) list += fmt::format("{}{}", list.empty() ? "" : ", ", c);
  std::string why;
  size_t n = s.workers ? s.workers : s.cores.size();
  if (!n) {
    const bool dpdk = std::any_of(s.interfaces.begin(), s.interfaces.end(), [&](const std::string& i) { return choose(i, s.source).dpdk; });
    n = playing || dpdk || s.source == PacketReceiver::pcap ? 1 : automatic_workers(cores);
    why = playing ? "" : dpdk ? "; a port of DPDK's has several only where [capture] workers says how many" : fmt::format("; {} here, [capture] workers takes another number", counted(cores, "core"));
  }
  for (const int64_t c : s.cores)
    if (!CPU_ISSET(size_t(c), &usable)) throw std::runtime_error(fmt::format("[capture] cores names core {}, which this process may not use; it may use {}", c, list));
  uint64_t most = 0;
  for (size_t i = 0; i < n; i++) most += most_memory(part_of(settings.traffic, i, n)) + settings.ring;
  if (settings.evidence.keep) most += settings.evidence.memory;
  log(6, fmt::format("{}{}{}; conversations, streams, parsers and the way to the judge take {} at most, touched as they are used", counted(n, "worker"),
                     s.cores.empty() ? "" : fmt::format(" on {} {}", s.cores.size() == 1 ? "core" : "cores", fmt::join(s.cores, ", ")), why, human_bytes(most)));
  // Everything but the workers keeps off their cores, where there are others.
  if (s.cores.empty()) return n;
  for (const int64_t c : s.cores) CPU_CLR(size_t(c), &usable);
  if (CPU_COUNT(&usable) > 0) sched_setaffinity(0, sizeof usable, &usable);
  return n;
}

// What came of asking for huge pages, once the tables are there.
std::string huge_pages() {
  uint64_t got = 0;
  std::ifstream all("/proc/self/smaps_rollup");
  for (std::string word; all >> word;)
    if (word == "AnonHugePages:") all >> got;
  if (got) return fmt::format("{} of what was learned and of the tables lie in huge pages; what is touched later is asked for in them, too", human_bytes(got << 10));
  std::string mode;
  std::getline(std::ifstream("/sys/kernel/mm/transparent_hugepage/enabled"), mode);
  if (mode.find("[never]") != mode.npos || mode.empty())
    return "tables lie in small pages, which costs time with many conversations; type: echo madvise > /sys/kernel/mm/transparent_hugepage/enabled";
  return "tables lie in small pages so far; what is touched later is asked for in huge ones";
}

int run(const Options& o) {
  Problems problems;
  SensorSettings settings = load_settings(o.config, problems, o.check ? When::asked : When::starting);
  const bool dpdk = std::any_of(settings.capture.interfaces.begin(), settings.capture.interfaces.end(), [&](const std::string& i) { return choose(i, settings.capture.source).dpdk; });
  // A large Memory takes seconds to read: live, the kernel's rings listen meanwhile. A card of DPDK's keeps little by itself.
  const bool listens_first = !o.check && o.play.empty() && !dpdk;
  Memory memory;
  if (!listens_first) memory = load_learned(settings, problems);
  if (!problems.empty()) return refuse(problems, o.config);
  tell_remarks(settings);
  if (o.check) {
    const size_t refused = settings.judge.indicators ? settings.judge.indicators->refused() : 0;
    return fmt::print("{}: right{}\n", o.config.empty() ? "the embedded settings" : o.config, refused ? fmt::format("; {} refused", counted(refused, "line of the lists", "lines of the lists")) : ""), 0;
  }
  if (o.witness >= 0 && fcntl(o.witness, F_GETFD) < 0) return log(3, fmt::format("--witness {}: no such file descriptor is open; like 3 3>accepted.log", o.witness)), 1;
  if (settings.name.empty()) settings.name = host_name();
  if (!o.state.empty()) settings.state = std::filesystem::absolute(o.state).string();

  std::error_code made;
  std::filesystem::create_directories(settings.state, made);
  if (made) return log(3, fmt::format("{}: {}; make it, or name another folder in [sensor] state", settings.state, made.message())), 1;
  Keys keys;
  std::string error;
  const bool told_before = ::access((settings.state + "/outbox").c_str(), F_OK) == 0;
  if (!open_keys(settings.state, "sensor.keys", keys, error)) return log(3, error), 1;
  std::shared_ptr<const Pseudonyms> pseudonyms;
  {
    Pseudonyms::Key key;
    bool fresh = false;
    if (!open_pseudonym_key(settings.state, key, error, true, &fresh)) return log(3, error), 1;
    if (fresh)
      log(told_before ? 4 : 6, fmt::format("a key of pseudonyms was made, {}/pseudonyms.key{}. Keep a copy where the site's other secrets are", settings.state,
                                      told_before ? ": this sensor has told collectors before, and they cannot join pseudonyms and stories of today to those of then. If there was an earlier key, stop the sensor and bring it back" : ""));
    pseudonyms = std::make_shared<const Pseudonyms>(key);
    explicit_bzero(key.data(), key.size());
    lock_secret(pseudonyms.get(), sizeof *pseudonyms);
  }
  const std::string folder = run_folder(o.run);
  Starts starts(folder);
  if (const Time pause = starts.wait(); pause > 0) {
    log(4, fmt::format("the last {} starts did not end well: this one waits {}; journalctl -u vidra-sensor says how they ended", starts.unwell(), human_duration(pause)));
    sd_notify(0, fmt::format("STATUS=waits {}: the last {} starts did not end well\nEXTEND_TIMEOUT_USEC={}", human_duration(pause), starts.unwell(), (pause + 30 * second) / microsecond).c_str());
    sleep_for(pause);
  }
  LastHeard last_heard(o.play.empty() ? settings.state : "");   // of a recording's sensor nobody listens for
  MetricsSocket metrics;
  if (!folder.empty())
    if (const std::string why = metrics.open(folder + "/vidra.sock"); !why.empty()) log(4, fmt::format("vidra status will not work: {}", why));

  std::vector<std::unique_ptr<Source>> sources;
  try {
    const bool something = !o.play.empty() || !settings.capture.interfaces.empty();
    const size_t workers = something ? staff(settings, !o.play.empty()) : 1;
    if (!o.play.empty()) {
      if (workers > 1 && o.play == "-") throw std::runtime_error("--play -: several workers cannot each read standard input; give a file, or [capture] workers = 1");
      const Spread spread(1);
      for (size_t i = 0; i < workers; i++) {
        auto source = open_file(o.play);
        if (o.pace > 0) source = paced(std::move(source), o.pace);
        sources.push_back(workers == 1 ? std::move(source) : share_of(std::move(source), spread, i, workers));
      }
      settings.traffic.silent_after = 0;     // a recording is not silent, it is over
      settings.traffic.interfaces = 1;
    } else if (settings.capture.interfaces.empty()) {
      return log(3, "there is nothing to hear: name the monitored interfaces, [capture] interfaces = [\"eth1\"], or play a recording with --play FILE"), 1;
    } else {
      LiveSettings live;
      for (const std::string& name : settings.capture.interfaces) live.interfaces.push_back({name, {}});
      for (const CaptureGroup& g : settings.capture.groups)
        for (Interface& i : live.interfaces)
          if (std::find(g.interfaces.begin(), g.interfaces.end(), i.name) != g.interfaces.end()) i.group = g.name;
      live.buffer_octets = settings.capture.buffer;
      live.snaplen = settings.capture.snaplen;
      live.filter = settings.capture.filter;
      live.receiver = settings.capture.source;
      live.dpdk = settings.capture.dpdk;
      live.log = log;
      Opened opened = open_live(live, workers);
      for (const std::string& line : opened.said) log(6, line);
      sources = std::move(opened.sources);
    }
  } catch (const std::runtime_error& e) {
    return log(3, e.what()), 1;
  }

  const Signals signals;                   // not before: a pipe may let an opening wait, and that must be easy to end
  const LastHeard::Missed missed = last_heard.missed(wall_now());
  if (missed.ends)
    log(4, missed.from ? fmt::format("the last run ended without having been asked to{}: nothing was heard from {} to {} ({})", missed.ends > 1 ? fmt::format(", and so did {} more since then", missed.ends - 1) : "",
                                     iso_time(missed.from), iso_time(missed.until), human_duration(missed.until - missed.from))
                       : std::string("the last run ended without having been asked to; since when nothing was heard the clock does not say"));
  last_heard.heard(missed.until, 0);

  if (listens_first) memory = load_learned(settings, problems);
  if (!problems.empty()) {
    if (!missed.ends) last_heard.well();     // it never was to hear with these
    return refuse(problems, o.config);
  }

  // Inside the sandbox root's rights over other users' files are gone, and an outbox that cannot be written would be noticed late.
  if (struct stat own{}; o.sandbox && ::geteuid() == 0 && ::stat(settings.state.c_str(), &own) == 0 && own.st_uid != 0)
    return log(3, fmt::format("{} belongs to another user (number {}), whose files root cannot write once the sandbox is entered; type: systemctl start vidra-sensor, or give another folder: --state DIR", settings.state, own.st_uid)), 1;
  // Made now: the sandbox lets nothing be written where nothing is.
  if (settings.evidence.keep) {
    if (std::filesystem::create_directories(evidence_folder(settings), made)) ::chmod(evidence_folder(settings).c_str(), 0750);
    if (made) log(4, fmt::format("{}: {}; no packets are kept until it can be made and written by this user (a folder outside the state folder: systemctl edit vidra-sensor, [Service] ReadWritePaths={})",
                                 evidence_folder(settings), made.message(), evidence_folder(settings)));
  }
  KeptFiles files(settings.state, log);
  files.learned(settings, memory, o.play.empty() ? wall_now() : 0);
  Inventory inventory = files.inventory(settings.judge.host_limit);
  Source* const heard = sources.front().get();
  const bool playing = !o.play.empty();
  const std::shared_ptr<const Language> language = settings.language;
  Running running{settings.site, settings.judge, settings, {}, settings.remarks};
  const std::string name = settings.name;
  const Sandbox sandbox = sandbox_of(settings, o.config, folder);
  if (settings.judge.indicators || settings.judge.rules) log(6, told_lists(settings.judge));
  Pipeline pipeline(std::move(settings), std::move(memory), std::move(sources), keys, real_storage(), pseudonyms);
  pipeline.remember(std::move(inventory));
  pipeline.missed(missed);
  log(6, huge_pages());
  Style style = style_of(STDOUT_FILENO);
  style.language = language.get();
  if (o.print) pipeline.on_story = [style](const Story& s) {
    if (s.revision == 0) print_story(std::cout, told(s, *style.language), style), std::cout.flush();
  };
  if (o.witness >= 0) pipeline.on_accepted = [fd = o.witness](const Pipeline::Witnessed& w) { witness(fd, w); };
  ::tzset();                               // for the hours of rules: later the time zone's file cannot be read
  // From here on nothing is opened that is not on its list. Before the threads: what is given up is given up by all of them.
  std::string refused;
  log(6, fmt::format("sandbox: {}", o.sandbox ? sandbox.enter(refused) : "none, as --no-sandbox says"));
  if (!refused.empty()) return log(3, refused), 1;
  if (!pipeline.start(error)) return log(3, error), 1;
  metrics.start([&pipeline, name, key = keys.fingerprint()] { return metrics_text(pipeline.status(), name, key); });
  log(6, fmt::format("vidra {} hears {}; this sensor is {}, key {}", VIDRA_VERSION, playing ? o.play : "its interfaces", uuid_text(keys.id), keys.fingerprint()));

  // Where it dies again and again, it may be what is heard that ends it: that is told first. The kernel keeps the packets meanwhile.
  if (missed.ends >= Starts::many && !pipeline.tell_missed(3 * second)) log(4, "that it ended without having been asked to is not yet known everywhere");
  std::atomic<bool> over{false};
  std::atomic<Time> heard_at{0};           // the wall's time at which all workers had come on
  std::thread worker([&] {
    pipeline.run();
    over = true;
  });
  // A disk that stalls holds up this thread and not the one that answers the watchdog.
  std::thread keeper([&] {
    for (Time ticks = 0, next = KeptFiles::every, noted = 0; !over; ticks += 200 * millisecond) {
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
      if (const Time at = heard_at; at != noted) last_heard.heard(at, ticks), noted = at;
      if (ticks >= next) pipeline.keep(files.wants_memory(ticks)), next = ticks + KeptFiles::every;
      if (const auto kept = pipeline.kept(); kept && !files.write(*kept, ticks, false)) pipeline.watch();
    }
  });
  sd_notify(0, "READY=1");
  std::map<std::string, std::string> told;
  std::map<std::string, Outage> outages;
  Plan plan = Plan::all;
  std::vector<std::string> complained;
  Time next_status = 0, moved = 0, slowest = 0;
  for (Time ticks = 0; !over; ticks += 200 * millisecond) {
    const int s = signals.wait(200 * millisecond);
    if (s == SIGHUP) {
      sd_notify(0, "RELOADING=1");
      reload(pipeline, o, running);
      sd_notify(0, "READY=1");
    } else if (s) {
      sd_notify(0, "STOPPING=1");
      pipeline.stop();
    }
    if (ticks < next_status) continue;
    if (!playing) reload_windows(pipeline, running), reload_lists(pipeline, running);
    next_status = ticks + second;
    const SensorStatus now = pipeline.status();
    // A live source brings time also on a silent link: a worker that does not come on hangs, and the service manager is not told that all is well.
    if (playing || now.slowest != slowest) moved = ticks, heard_at = wall_now();
    slowest = now.slowest;
    const bool hangs = ticks - moved > 10 * second;
    if (ticks >= minute && !hangs) starts.well();
    for (const auto& i : now.interfaces) {
      Outage& before = outages[i.name];
      if (i.outage.count != before.count || i.outage.until != before.until) log(4, blind_line(i.name, i.outage, before));
      before = i.outage;
    }
    if (now.plan != plan)
      log(now.plan == Plan::all ? 5 : 4, now.plan == Plan::all ? std::string("everything is worked through again")
                                                               : fmt::format("degraded: more comes than can be worked through; {}. Take more [capture] workers, or a faster core", text_of(now.plan)));
    plan = now.plan;
    for (const std::string& line : pipeline.evidence_said()) log(4, "evidence: " + line);
    if (std::vector<std::string> complaints = complaints_of(now.evidence); complaints != complained) {
      for (const std::string& c : complaints)
        if (std::find(complained.begin(), complained.end(), c) == complained.end()) log(4, "evidence: " + c);
      if (complaints.empty()) log(5, "evidence: all is kept again");
      complained = std::move(complaints);
    }
    for (const auto& t : now.collectors) {
      const std::string now_so = fmt::format("{} {}", name_of(t.link.state), t.link.text);
      if (told[t.collector] != now_so) log(level_of(t.link.state), link_line(t));
      told[t.collector] = now_so;
    }
    std::string lines;
    for (const auto& t : now.collectors) lines += "; " + link_line(t);
    sd_notify(0, fmt::format("{}STATUS={} packets, {} stories{}", hangs ? "" : "WATCHDOG=1\n", human_count(now.accounts.packets), now.reporter.stories, lines).c_str());
  }
  worker.join();
  keeper.join();
  if (const auto kept = pipeline.kept()) files.write(*kept, 0, true);
  starts.well();
  last_heard.well();
  const bool settled = pipeline.settle(o.settle);
  metrics.stop();
  const SensorStatus end = pipeline.status();
  if (playing || o.print) print_summary(end, 0, settled);
  const std::string flaw = playing ? heard->flaw() : std::string{};
  if (!flaw.empty()) return log(4, flaw), 3;
  return 0;
}

}  // namespace
}  // namespace vidra

int main(int argc, char** argv) {
  using namespace vidra;
  ask_for_a_huge_heap();
  Program app("The sensor: hears a link, judges it, and tells collectors. It sends nothing on a monitored port and listens on none.", "vidrad");
  Options o;
  double settle = 10;
  app.version("vidrad " VIDRA_VERSION);
  app.option("--config", o.config, "vidra.toml; without it, the embedded defaults");
  app.flag("--check", o.check, "only say whether the settings are right");
  app.option("--state", o.state, "folder for keys and outboxes, instead of [sensor] state");
  app.option("--run", o.run, "folder for the socket of `vidra status`, instead of the service manager's ($RUNTIME_DIRECTORY)");
  app.flag("!--no-sandbox", o.sandbox, "keep the right to do what a sensor does not need: for debuggers only");
  app.option("--play", o.play, "hear this recording instead of an interface, then end with a summary");
  app.option("--pace", o.pace, "times the recorded pace; 0: as fast as it can be read").within(0.0, 1e6);
  app.flag("--print", o.print, "print each alert here too");
  app.option("--witness", o.witness, "an open file descriptor: one line for each record that is on this disk (accepted COLLECTOR EPOCH LANE SEQ STORY REVISION)").within(0, 1 << 20);
  app.option("--settle", settle, "seconds to wait at the end for the collectors' acknowledgements").within(0.0, 3600.0);
  app.footer("Exit status: 0 done, 1 it cannot start, 2 the command line or the settings are wrong (starting again would not help), 3 the recording was damaged.");
  if (const auto ends = app.read(argc, argv)) return *ends;
  o.settle = Time(settle * 1e9);
  return run(o);
}
