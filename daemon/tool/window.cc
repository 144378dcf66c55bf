// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>
#include <set>

#include "daemon/base/clock.h"
#include "daemon/base/text.h"
#include "daemon/judge/site_file.h"
#include "daemon/report/words.h"
#include "daemon/sensor/settings.h"
#include "daemon/site/declaration.h"
#include "daemon/tool/commands.h"
#include "daemon/base/output.h"

namespace vidra {
namespace {

struct WindowOptions {
  std::string config = "/etc/vidra/vidra.toml", name, permit, opener, lasts, start;
  std::vector<std::string> bays, hosts, acts;
  bool everything = false, commissioning = false, all = false;
};

constexpr Time ordinary = 7 * day, remembered = 30 * day;

int fail(const std::string& what, int status = exit_failed) { return fmt::print(stderr, "vidra: {}\n", printable(what)), status; }
int fail(const Problems& problems) {
  for (const std::string& p : problems) fail(p);
  return exit_failed;
}

// "4h", "30min", "90d".
std::optional<Time> lasting(std::string_view s) {
  int64_t n = 0;
  const auto [end, bad] = std::from_chars(s.data(), s.data() + s.size(), n);
  const std::string_view unit = s.substr(size_t(end - s.data()));
  if (bad != std::errc() || n < 1 || n > 1'000'000) return std::nullopt;
  if (unit == "min") return n * minute;
  if (unit == "h") return n * hour;
  if (unit == "d") return n * day;
  return std::nullopt;
}

// Two that change windows at once wait for each other, but not for ever; the settings are only read.
class Lock {
 public:
  explicit Lock(const std::string& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    for (int tries = 0; fd_ >= 0 && tries < 30 && !(held_ = ::flock(fd_, LOCK_EX | LOCK_NB) == 0); tries++) ::usleep(100'000);
  }
  ~Lock() {
    if (fd_ >= 0) ::close(fd_);
  }
  Lock(const Lock&) = delete;
  bool held() const { return held_ || fd_ < 0; }            // what cannot be opened is told by those who read it

 private:
  int fd_;
  bool held_ = false;
};

bool gone(const SiteHost& h) { return h.addresses.empty() && h.macs.empty(); }     // see GoneHosts

std::string scope(const Site& site, const Window& w) {
  std::string out;
  const auto add = [&](std::string_view what, const std::vector<std::string>& list) {
    if (!list.empty()) out += fmt::format("{}{} {}", out.empty() ? "" : ", ", what, fmt::join(list, ", "));
  };
  add(w.bays.size() == 1 ? "bay" : "bays", w.bays);
  std::vector<std::string> hosts, acts;
  for (const HostId id : w.hosts) hosts.push_back(site.host(id).name + (gone(site.host(id)) ? " (no longer declared)" : ""));
  add("of", hosts);
  if (w.allowed != all_acts)
    for (size_t i = 0; i < act_count; i++)
      if (w.allowed & bit(Act(i))) acts.emplace_back(name_of(Act(i)));
  add("only", acts);
  return out.empty() ? "everything" : out;
}

// The file as a whole: sorted, so that it can be compared; what ended long ago is forgotten.
std::string text_of(const Site& site, Time now) {
  Declaration d;
  d.heading = {"Works that were opened on this sensor with `vidra window`. Times are UTC. The sensor reads it again by itself.", "What was closed 30 days ago is forgotten."};
  for (const Window& w : site.windows) {
    if (!w.on_the_box || (w.closed && now - w.closed > remembered)) continue;      // what is overdue waits for its crew
    DeclaredTable t;
    t.order = fmt::format("{:020}{}", w.start, w.name);
    t.text("name", w.name), t.text("permit", w.permit), t.text("opener", w.opener);
    t.text("start", iso_time(w.start, 0)), t.text("end", iso_time(w.end, 0));
    if (w.closed) t.text("closed", iso_time(w.closed, 0));
    std::vector<std::string> hosts, acts;
    for (const HostId id : w.hosts) hosts.push_back(site.host(id).name);
    t.texts("hosts", hosts);
    t.texts("bays", w.bays);
    if (w.allowed != all_acts)
      for (size_t i = 0; i < act_count; i++)
        if (w.allowed & bit(Act(i))) acts.emplace_back(name_of(Act(i)));
    t.texts("acts", acts);
    d.tables["window"].push_back(std::move(t));
  }
  return toml_text(std::move(d));
}

std::string state_of(const Window& w, Time now) {
  if (w.closed) return "closed " + iso_time(w.closed, 0);
  if (now < w.start) return "begins in " + human_duration(w.start - now);
  if (now >= w.end) return w.on_the_box ? "OVERDUE for " + human_duration(now - w.end) : "over";
  return human_duration(w.end - now) + " left";
}

// What is written is read first as the sensor reads it.
int write(const Site& site, Time now, const std::string& config) {
  const std::string text = text_of(site, now);
  Problems problems;
  Site again = site;
  std::erase_if(again.windows, [](const Window& w) { return w.on_the_box; });
  if (auto root = TomlTable::parse(text, site.windows_file, problems)) read_windows(again, *root, GoneHosts::kept);
  if (!problems.empty()) return fail(problems);
  if (const std::string why = write_whole(site.windows_file, text, config); !why.empty()) return fail(why + "; you may need to be root");
  return exit_done;
}

int open_window(const WindowOptions& o, Site site) {
  const Time now = wall_now() / second * second;
  const auto lasts = lasting(o.lasts);
  if (!lasts) return fail(fmt::format("--for \"{}\" is no time; write it like 30min, 4h or 10d", o.lasts), exit_usage);
  if (*lasts > Window::longest) return fail(fmt::format("--for {}: works last at most {} days; open the next window when this one ends", o.lasts, Window::longest / day), exit_usage);
  if (*lasts > ordinary && !o.commissioning) return fail(fmt::format("--for {}: more than {} days is commissioning; say so with --commissioning (up to {} days)", o.lasts, ordinary / day, Window::longest / day), exit_usage);
  if (o.bays.empty() && o.hosts.empty() && !o.everything) return fail("where are the works? Add --bay or --host, or --everything for the whole site", exit_usage);
  if (o.everything && !(o.bays.empty() && o.hosts.empty())) return fail("--everything and --bay or --host contradict each other", exit_usage);
  Window w;
  w.permit = o.permit, w.bays = o.bays, w.on_the_box = true;
  w.opener = o.opener;
  if (w.opener.empty()) {
    const char* who = std::getenv("SUDO_USER");
    const passwd* user = who && *who ? nullptr : ::getpwuid(::getuid());
    w.opener = user ? user->pw_name : who ? who : "";
  }
  if (w.opener.empty()) return fail("who opens it? Add --by \"N. N.\"", exit_usage);
  w.start = now;
  if (!o.start.empty()) {
    const auto at = parse_iso_time(o.start);
    if (!at) return fail(fmt::format("--start \"{}\" is no time; write it in UTC like 2026-11-21T08:30Z", o.start), exit_usage);
    if (*at < now - day) return fail(fmt::format("--start {} lies more than a day back", o.start), exit_usage);
    w.start = *at / second * second;
  }
  w.end = w.start + *lasts;
  if (w.end <= now) return fail(fmt::format("the works would be over already, at {}", iso_time(w.end, 0)), exit_usage);
  for (const std::string& name : o.hosts) {
    HostId id = site.host_named(name);
    if (id && gone(site.host(id))) id = 0;
    if (const auto a = parse_address(name); !id && a) id = site.host_of(*a);
    if (id) { w.hosts.push_back(id); continue; }
    std::vector<std::string_view> names;
    for (const SiteHost& h : site.hosts)
      if (!gone(h)) names.push_back(h.name);
    const std::string_view near = nearest(name, names);
    return fail(fmt::format("\"{}\" is no declared host{}", name, near.empty() ? "" : fmt::format(", did you mean \"{}\"?", near)));
  }
  std::set<std::string_view> bays;
  for (const SiteHost& h : site.hosts) bays.insert(h.bay);
  for (const SitePoint& p : site.points) bays.insert(p.bay);
  for (const SitePublisher& p : site.publishers) bays.insert(p.bay);
  bays.erase("");
  for (const std::string& b : o.bays)
    if (!bays.contains(b)) {
      const std::string_view near = nearest(b, {bays.begin(), bays.end()});
      return fail(fmt::format("nothing that is declared stands in bay \"{}\"{}; declared bays: {}", b, near.empty() ? "" : fmt::format(", did you mean \"{}\"?", near), bays.empty() ? "none" : fmt::format("{}", fmt::join(bays, ", "))));
    }
  if (!o.acts.empty()) {
    w.allowed = 0;
    for (const std::string& a : o.acts) {
      size_t i = 0;
      while (i < act_count && name_of(Act(i)) != a) i++;
      if (i == act_count && a != "reading") return fail(fmt::format("\"{}\" is no act; allowed: reading, write, select, operate, cancel, configure, program, run, file, time and the single acts of reading", a), exit_usage);
      w.allowed |= a == "reading" ? reading_acts : bit(Act(i));
    }
  }
  const auto taken = [&](const std::string& name) {
    return std::any_of(site.windows.begin(), site.windows.end(), [&](const Window& x) { return x.name == name && (!x.closed || x.start == w.start); });
  };
  w.name = o.name;
  if (w.name.empty()) {
    const std::string base = !w.permit.empty() ? w.permit : !w.bays.empty() ? w.bays[0] : !w.hosts.empty() ? site.host(w.hosts[0]).name : "works";
    w.name = base;
    for (int n = 2; taken(w.name); n++) w.name = fmt::format("{} {}", base, n);
  } else if (taken(w.name)) return fail(fmt::format("there is a window \"{}\" already; close it, or give this one another name", w.name));
  site.windows.push_back(w);
  if (const int status = write(site, now, o.config); status != exit_done) return status;
  fmt::print("opened \"{}\" until {} ({}): {}\n", printable(w.name), iso_time(w.end, 0), human_duration(w.end - now), printable(scope(site, w)));
  fmt::print("The sensor takes it over within seconds. When the works are done: vidra window close \"{}\"\n", w.name);
  return exit_done;
}

int close_window(const WindowOptions& o, Site site) {
  const Time now = wall_now() / second * second;
  std::string open;
  for (Window& w : site.windows) {
    if (!w.on_the_box || w.closed) continue;
    if (w.name != o.name) {
      open += fmt::format("{}\"{}\"", open.empty() ? "" : ", ", w.name);
      continue;
    }
    w.closed = std::max(now, w.start + second);
    const Window closed = w;
    if (const int status = write(site, now, o.config); status != exit_done) return status;
    fmt::print("closed \"{}\"{}; what stayed changed comes as an alert (WRK-01)\n", closed.name, now > closed.end ? fmt::format(", {} after its end", human_duration(now - closed.end)) : "");
    return exit_done;
  }
  return fail(fmt::format("no window \"{}\" is open{}", o.name, open.empty() ? "" : "; open: " + open));
}

int list_windows(const WindowOptions& o, const Site& site) {
  const Time now = wall_now();
  size_t shown = 0;
  for (const Window& w : site.windows) {
    if (!o.all && (w.closed || (!w.on_the_box && now >= w.end))) continue;
    shown++;
    fmt::print("{}\n  {} to {}, {}\n  {}\n", printable(w.name + (w.permit.empty() ? "" : ", permit " + w.permit) + (w.opener.empty() ? "" : ", by " + w.opener)), iso_time(w.start, 0), iso_time(w.end, 0),
               state_of(w, now), printable(scope(site, w)));
  }
  if (!shown) fmt::print("no works are open\n");
  return exit_done;
}

// The site with every window of the box, also those that name hosts which are gone: their crew closes them.
int with_site(const WindowOptions& o, bool changes, int (*what)(const WindowOptions&, Site)) {
  std::optional<Lock> lock;
  if (changes && !lock.emplace(o.config).held())
    return fail(fmt::format("{} is locked by another program, which may be changing windows, too; try again (who it is: fuser {})", o.config, o.config));
  Problems problems, remarks;
  const SensorSettings s = load_settings(o.config, problems);
  if (!problems.empty()) return fail(problems);
  Site site = *s.site;
  read_windows(site, remarks, GoneHosts::kept);
  if (remarks.empty()) return what(o, std::move(site));
  fail(remarks);
  // Writing the file again would lose what could not be read.
  if (changes) return fail(fmt::format("nothing was changed: correct it, or move it away and begin anew: mv {0} {0}.old", site.windows_file));
  what(o, std::move(site));
  return exit_failed;
}

}  // namespace

void add_window(CommandLine app, int& status) {
  const CommandLine c = app.command("window", "works: inside their scope findings are kept and marked, never urgent");
  c.needs_command();
  auto o = std::make_shared<WindowOptions>();
  const auto common = [&](CommandLine sub) { sub.option("--config", o->config, "the sensor's settings").shows_default(); };

  const CommandLine open = c.command("open", "opens a window, now or from --start");
  open.option("NAME", o->name, "how it is called; absent: by permit, bay or host");
  open.option("--for", o->lasts, "how long: 30min, 4h, 3d").required();
  open.option("--permit", o->permit, "number or text of the permit to work");
  open.option("--by", o->opener, "who opens it; absent: the user");
  open.option("--bay", o->bays, "in this bay; may be given again").one_word();
  open.option("--host", o->hosts, "at this declared host; may be given again").one_word();
  open.option("--act", o->acts, "only of these acts (operate, configure, program …); may be given again").one_word();
  open.flag("--everything", o->everything, "the whole site");
  open.flag("--commissioning", o->commissioning, "for more than 7 days, up to 90");
  open.option("--start", o->start, "later, in UTC: 2026-11-21T08:30Z");
  common(open);
  open.footer("Examples:\n  vidra window open --bay E01 --permit P-2026-117 --for 4h\n  vidra window open \"relay test E01\" --bay E01 --host ied1 --act operate --act configure --for 90min --by \"N. N.\"\n"
               "  vidra window open commissioning --everything --commissioning --for 60d\nOutside its scope nothing softens. At its end one alert (WRK-01) says what happened inside and what stayed changed; nobody closed it: WRK-02.");
  open.runs([o, &status] { status = with_site(*o, true, open_window); });

  const CommandLine close = c.command("close", "closes a window before, or after, its end");
  close.option("NAME", o->name, "as `vidra window list` says it").required();
  common(close);
  close.runs([o, &status] { status = with_site(*o, true, close_window); });

  const CommandLine list = c.command("list", "what is open, and what is overdue");
  list.flag("--all", o->all, "also what is closed or over");
  common(list);
  list.runs([o, &status] { status = with_site(*o, false, [](const WindowOptions& w, Site site) { return list_windows(w, site); }); });
}

}  // namespace vidra
