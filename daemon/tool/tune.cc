// SPDX-License-Identifier: Apache-2.0
// vidra tune: what a recording makes most noise with, the TOML that would change it, and what else that TOML would have hidden.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <set>

#include "daemon/base/text.h"
#include "daemon/judge/assets.h"
#include "daemon/report/line.h"
#include "daemon/report/words.h"
#include "daemon/sensor/settings.h"
#include "daemon/judge/site_file.h"
#include "daemon/site/declaration.h"
#include "daemon/tool/commands.h"
#include "daemon/tool/judging.h"
#include "daemon/tool/known.h"
#include "daemon/tool/playing.h"

namespace vidra {
namespace {

struct TuneOptions {
  std::vector<std::string> files, sites;
  std::string config, memory, spool;
  size_t top = 5;
};

struct Learner final : EventSink {
  void see(const Event& e) override { memory.learn(e); }
  Memory memory;
};

// One proposal: the text that a person would write, and the settings as they would be then.
struct Proposal {
  std::string toml;
  SensorSettings settings;
  std::string caution;
};

// The stories of one detection.
struct Noise {
  const Detection* detection = nullptr;
  std::vector<const Story*> stories;
  uint64_t findings = 0;
};

Selector selector_of(const Who& w) {
  Selector s;
  if (w.id) s.kind = Selector::Kind::host, s.host = w.id;
  else s.kind = Selector::Kind::prefix, s.prefix = {w.address, uint8_t(w.address.kind == Address::Kind::ip4 ? 32 : w.address.kind == Address::Kind::ip6 ? 128 : 48)};
  return s;
}

std::string_view role_word(AssetRole r) {
  switch (r) {
    case AssetRole::master: case AssetRole::pdc: return "master";
    case AssetRole::hmi: return "hmi";
    case AssetRole::engineering: return "engineering";
    case AssetRole::gateway: case AssetRole::rtu: return "rtu";
    case AssetRole::ied: case AssetRole::merging_unit: case AssetRole::pmu: return "ied";
    case AssetRole::plc: case AssetRole::remote_io: case AssetRole::building: return "plc";
    case AssetRole::meter: return "meter";
    case AssetRole::time: return "time";
    case AssetRole::router: return "router";
    case AssetRole::server: case AssetRole::opc_server: case AssetRole::historian: return "server";
    default: return "";
  }
}

class Tuner {
 public:
  Tuner(const SensorSettings& settings, const std::string& memory_file, const std::vector<std::string>& files, const Judged& base) : settings_(settings), memory_file_(memory_file), files_(files), base_(base) {}

  void run(size_t top) {
    std::map<const Detection*, Noise> by_detection;
    for (const Story& s : base_.stories) {
      Noise& n = by_detection[s.detection];
      n.detection = s.detection;
      n.stories.push_back(&s);
      n.findings += s.count;
    }
    std::vector<Noise> noisy;
    for (auto& [d, n] : by_detection) noisy.push_back(std::move(n));
    std::sort(noisy.begin(), noisy.end(), [](const Noise& a, const Noise& b) { return std::tuple(b.stories.size(), b.findings, a.detection->id) < std::tuple(a.stories.size(), a.findings, b.detection->id); });
    const size_t shown = std::min(top, noisy.size());
    for (size_t i = 0; i < shown; i++) show(i + 1, noisy[i]);
    if (noisy.size() > shown) fmt::print("… and {} more detections with {} stories; --top {} shows them\n", noisy.size() - shown, [&] {
      size_t n = 0;
      for (size_t i = shown; i < noisy.size(); i++) n += noisy[i].stories.size();
      return n;
    }(), noisy.size());
  }

 private:
  static constexpr size_t most_pairs = 12;

  void show(size_t number, const Noise& n) {
    const Detection& d = *n.detection;
    fmt::print("{}. {} {}: {} {}, {} findings; severity {}, for {}\n", number, d.id, d.title, n.stories.size(), n.stories.size() == 1 ? "story" : "stories", human_count(n.findings), d.severity, name_of(d.audience));
    std::map<std::string, std::pair<size_t, uint64_t>> who;
    for (const Story* s : n.stories) {
      std::string line = headline(*s);
      line.erase(0, std::min(line.size(), d.title.size() + (line.size() > d.title.size() ? 2 : 0)));
      auto& [stories, findings] = who[line.empty() ? "(the sensor itself)" : line];
      stories++, findings += s->count;
    }
    std::vector<std::pair<std::string, std::pair<size_t, uint64_t>>> rows(who.begin(), who.end());
    std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
    for (size_t i = 0; i < std::min<size_t>(rows.size(), 5); i++) fmt::print("     {:>3} × {}\n", rows[i].second.second, rows[i].first);
    if (rows.size() > 5) fmt::print("     … and {} more\n", rows.size() - 5);
    // The first proposal that changes anything about it.
    std::optional<Proposal> p;
    Judged then;
    for (const auto& propose : {&Tuner::hosts, &Tuner::conversations, &Tuner::detection_table}) {
      p = (this->*propose)(n);
      if (!p) continue;
      then = judged(p->settings);
      size_t left = 0, findings = 0, worst = 0, worst_before = 0;
      for (const Story& s : then.stories)
        if (s.detection == n.detection) left++, findings += s.count, worst = std::max<size_t>(worst, s.severity);
      for (const Story* s : n.stories) worst_before = std::max<size_t>(worst_before, s->severity);
      if (left < n.stories.size() || findings < n.findings || worst < worst_before) break;
    }
    fmt::print("\n");
    for (size_t at = 0; at < p->toml.size();) {
      const size_t end = std::min(p->toml.find('\n', at), p->toml.size());
      fmt::print("     {}\n", p->toml.substr(at, end - at));
      at = end + 1;
    }
    const Comparison c = compared(base_.stories, then.stories);
    size_t own = 0, softer = 0;
    std::vector<const Story*> others;
    for (const Story* s : c.only_old) {
      if (s->detection == n.detection) own++;
      else others.push_back(s);
    }
    for (const auto& [before, after] : c.changed) softer += before->detection == n.detection && (after->severity < before->severity || after->count < before->count);
    std::string effect = fmt::format("It hides {} of these {}", own, n.stories.size());
    if (softer) effect += fmt::format(", makes {} smaller", softer);
    effect += others.empty() ? ", and nothing else here." : fmt::format(", and {} other{}:", others.size(), others.size() == 1 ? "" : "s");
    fmt::print("\n   {}\n", effect);
    for (size_t i = 0; i < std::min<size_t>(others.size(), 8); i++) fmt::print("     {} {} {}  {}\n", others[i]->severity >= 4 ? "!" : "-", others[i]->detection->id, others[i]->severity, headline(*others[i]));
    if (others.size() > 8) fmt::print("     … and {} more\n", others.size() - 8);
    if (!c.only_new.empty()) {
      fmt::print("   {} would be told that {} not now:\n", c.only_new.size(), c.only_new.size() == 1 ? "is" : "are");
      for (size_t i = 0; i < std::min<size_t>(c.only_new.size(), 4); i++) fmt::print("     + {} {}  {}\n", c.only_new[i]->detection->id, c.only_new[i]->severity, headline(*c.only_new[i]));
    }
    if (!p->caution.empty()) fmt::print("   {}\n", p->caution);
    fmt::print("\n");
  }

  Judged judged(SensorSettings s) const {
    s.report.steps = false;
    Problems none;                                       // it was read once without any
    Memory memory = memory_file_.empty() ? Memory{} : load_known(memory_file_, none);
    return judge_files(files_, s, std::move(memory));
  }

  const Memory& learned() {
    if (!learner_) {
      learner_ = std::make_unique<Learner>();
      TrafficSettings traffic = settings_.traffic;
      traffic.interfaces = 1;
      for (const std::string& f : files_) {
        try {
          Traffic t(traffic, *learner_);
          play(f, t, nullptr, nullptr);
        } catch (const std::runtime_error&) {            // told when it was judged
        }
      }
    }
    return learner_->memory;
  }

  std::optional<Proposal> hosts(const Noise& n) {
    if (n.detection->tune.find("[[host]]") == n.detection->tune.npos) return std::nullopt;
    Proposal p{"", settings_, "Take over only whom you know; names and roles are guesses until you set them right."};
    Site site = *settings_.site;
    std::set<Address> done;
    const std::vector<Asset> all = assets(base_.inventory, site);
    for (const Story* s : n.stories) {
      const Address& a = s->source.address;
      if (a.kind == Address::Kind::none || site.host_of(a) || !done.insert(a).second || done.size() > most_pairs) continue;
      SiteHost h;
      AssetRole role = AssetRole::unknown;
      for (const Asset& x : all)
        if (std::find(x.addresses.begin(), x.addresses.end(), a) != x.addresses.end()) {
          h.name = printable(x.name);
          h.macs = x.macs;
          role = x.role;
        }
      if (h.name.empty()) h.name = text_of(a);
      if (a.kind != Address::Kind::mac) h.addresses = {a};
      if (h.macs.size() > 1) h.macs.erase(h.macs.begin(), h.macs.end() - 1);
      p.toml += fmt::format("[[host]]\nname = {}\n", toml_quoted(h.name));
      if (!h.addresses.empty()) p.toml += fmt::format("address = \"{}\"\n", text_of(a));
      if (!h.macs.empty()) p.toml += fmt::format("mac = \"{}\"\n", text_of(h.macs[0]));
      if (const std::string_view word = role_word(role); !word.empty()) {
        p.toml += fmt::format("role = \"{}\"   # guessed\n", word);
        h.role = *parse_host_role(word);
      }
      p.toml += "\n";
      site.hosts.push_back(std::move(h));
    }
    if (p.toml.empty()) return std::nullopt;
    site.index();
    p.settings.site = std::make_shared<const Site>(std::move(site));
    return p;
  }

  std::optional<Proposal> conversations(const Noise& n) {
    if (n.detection->tune.find("[[conversation]]") == n.detection->tune.npos && n.detection->tune.find("eclare") == n.detection->tune.npos) return std::nullopt;
    Proposal p{"", settings_, "Declare only what you know to be right: what is declared is not told any more."};
    Site site = *settings_.site;
    std::set<std::tuple<Address, Address, std::string>> done;
    bool dangerous = false;
    for (const Story* s : n.stories) {
      const Address &a = s->source.address, &b = s->target.address;
      const int protocol = protocol_index(s->protocol);
      if (a.kind == Address::Kind::none || b.kind == Address::Kind::none || protocol < 0 || s->protocol == "arp" || s->protocol == "sensor") continue;
      if (!done.insert({a, b, s->protocol}).second || done.size() > most_pairs) continue;
      SiteConversation c;
      const Who client = who_is(a, site, Memory{}), server = who_is(b, site, Memory{});
      c.client = selector_of(client), c.server = selector_of(server);
      const bool facts = s->protocol == "tcp" || s->protocol == "udp";
      ActSet acts = 0;
      for (const ConversationMemory& m : learned().conversations())
        if (m.client == a && m.server == b && m.protocol == protocol) acts |= m.acts;
      c.allowed = acts | reading_acts;
      dangerous |= (acts & dangerous_acts) != 0;
      if (!facts) c.protocol = s->protocol, c.protocol_index = protocol;
      if (s->port) c.ports.push_back({facts ? (s->protocol == "tcp" ? Carrier::tcp : Carrier::udp) : Carrier::none, s->port});
      if (facts && !s->port) continue;
      p.toml += fmt::format("[[conversation]]\nclient = {}\nserver = {}\n", toml_quoted(client.toml()), toml_quoted(server.toml()));
      if (!facts) p.toml += fmt::format("protocol = \"{}\"\n", s->protocol);
      if (s->port) p.toml += facts ? fmt::format("port = \"{}/{}\"\n", s->port, s->protocol) : fmt::format("port = {}\n", s->port);
      p.toml += fmt::format("acts = {}{}\n\n", acts_toml(c.allowed), acts & dangerous_acts ? "   # read this twice" : "");
      site.conversations.push_back(std::move(c));
    }
    if (p.toml.empty()) return std::nullopt;
    site.index();
    p.settings.site = std::make_shared<const Site>(std::move(site));
    if (dangerous) p.caution += " Among it is operating, programming, restarting or configuring.";
    return p;
  }

  // The table that the catalogue's own words propose: a threshold, raised until it is quiet or eight times as high; else off.
  std::optional<Proposal> detection_table(const Noise& n) {
    const Detection& d = *n.detection;
    const std::string heading = fmt::format("[detection.{}]", d.id);
    const size_t at = d.tune.find(heading);
    std::string_view key;
    if (at != d.tune.npos) {
      key = d.tune.substr(at + heading.size());
      while (!key.empty() && (key.front() == '\n' || key.front() == ' ')) key.remove_prefix(1);
      key = key.substr(0, key.find(' '));
    }
    for (const Threshold& t : d.thresholds) {
      if (t.key != key) continue;
      std::optional<Proposal> best;
      size_t fewest = n.stories.size();
      for (const double times : {2., 4., 8.}) {
        Proposal p{"", settings_, ""};
        const double value = settings_.judge.number(d, t.key) * times;
        p.settings.judge.detections[std::string(d.id)].numbers[std::string(t.key)] = value;
        p.toml = fmt::format("{}\n{} = {:g}   # {} as delivered\n", heading, t.key, value, fmt::format("{:g}", t.value));
        const Judged then = judged(p.settings);
        size_t left = 0;
        for (const Story& s : then.stories) left += s.detection == n.detection;
        if (left < fewest) fewest = left, best = std::move(p);
        if (!left) break;
      }
      if (best) return best;
    }
    std::string words(d.tune);
    std::replace(words.begin(), words.end(), '\n', ' ');
    if (key == "severity" && d.severity > 1) {
      const size_t value = d.tune.find("severity = ", at) + 11;
      const uint8_t severity = uint8_t(std::clamp(int(d.tune[value]) - '0', 1, 5));
      Proposal softer{fmt::format("{}\nseverity = {}\n", heading, severity), settings_, "Its own words: " + words};
      softer.settings.judge.detections[std::string(d.id)].severity = severity;
      if (std::any_of(n.stories.begin(), n.stories.end(), [&](const Story* s) { return s->severity > severity; })) return softer;
    }
    Proposal p{fmt::format("{}\noff = true\n", heading), settings_, "Off is off, for everybody. Its own words: " + words};
    p.settings.judge.detections[std::string(d.id)].off = true;
    return p;
  }

  const SensorSettings& settings_;
  const std::string& memory_file_;
  const std::vector<std::string>& files_;
  const Judged& base_;
  std::unique_ptr<Learner> learner_;
};

int tune(TuneOptions o) {
  Problems problems;
  SensorSettings settings = load_settings(o.config, problems);
  if (!o.sites.empty()) settings.site = std::make_shared<const Site>(load_site(std::span(o.sites), problems));
  if (!o.memory.empty()) settings.memory = o.memory;
  Memory memory = load_learned(settings, problems);
  for (const std::string& p : problems) fmt::print(stderr, "vidra: {}\n", p);
  if (!problems.empty()) return exit_failed;
  if (!o.spool.empty()) {
    std::error_code error;
    std::vector<std::string> found;
    for (const auto& e : std::filesystem::directory_iterator(o.spool, error))
      if (e.is_regular_file(error) && e.path().filename().string().find(".pcap") != std::string::npos) found.push_back(e.path().string());
    if (error || found.empty()) {
      fmt::print(stderr, "vidra: {}: {}\n", o.spool, error ? error.message() : "no recordings (*.pcap, *.pcapng) lie there");
      return exit_failed;
    }
    std::sort(found.begin(), found.end());
    o.files.insert(o.files.end(), found.begin(), found.end());
  }
  if (o.files.empty()) {
    fmt::print(stderr, "vidra: name recordings, or a folder of them with --spool\n");
    return exit_usage;
  }
  settings.report.steps = false;                         // each detection by itself
  const Judged base = judge_files(o.files, settings, std::move(memory));
  if (base.status == exit_failed) return base.status;
  if (base.stories.empty()) {
    fmt::print("nothing was told in {}: there is nothing to tune\n", human_duration(base.last - base.first));
    return base.status;
  }
  fmt::print("{} stories in {}; the noisiest first\n\n", base.stories.size(), human_duration(base.last - base.first));
  Tuner(settings, settings.memory, o.files, base).run(o.top);
  return base.status;
}

}  // namespace

void add_tune(CommandLine app, int& status) {
  const CommandLine c = app.command("tune", "the noisiest findings of a recording, the TOML that would change each, and what else it would have hidden");
  auto o = std::make_shared<TuneOptions>();
  c.option("FILE", o->files, "captures, in order of time");
  c.option("--spool", o->spool, "a folder of captures, taken in the order of their names");
  c.option("--config", o->config, "the sensor's settings, or a site file");
  c.option("--site", o->sites, "site files instead; may be given again").one_word();
  c.option("--memory", o->memory, "what was learned; absent: what the settings name");
  c.option("--top", o->top, "so many detections").within(1, 1000).shows_default();
  c.footer("Nothing is changed: the tables are to be read, and what is right is to be taken over. `vidra replay --compare` then shows the whole difference.");
  c.runs([o, &status] { status = tune(*o); });
}

}  // namespace vidra
