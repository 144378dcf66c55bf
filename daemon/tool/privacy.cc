// SPDX-License-Identifier: Apache-2.0
// vidra outbox, vidra preview, vidra resolve: what leaves the site, what would, and what stands behind it.
#include "daemon/tool/privacy.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <deque>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "daemon/base/text.h"
#include "daemon/link/keys.h"
#include "daemon/record/cursor.h"
#include "daemon/record/segments.h"
#include "daemon/report/body.h"
#include "daemon/report/line.h"
#include "daemon/report/words.h"
#include "daemon/sensor/privacy.h"
#include "daemon/tool/commands.h"
#include "daemon/tool/judging.h"

namespace vidra {
namespace {

using Json = nlohmann::ordered_json;
constexpr const char* installed_settings = "/etc/vidra/vidra.toml";

// The settings that were named, or the installed ones where there are any. False: what is wrong was told.
bool settings_of(const std::string& named, SensorSettings& s, const std::string& state) {
  std::string path = named;
  if (path.empty() && ::access(installed_settings, R_OK) == 0) path = installed_settings;
  Problems problems;
  s = load_settings(path, problems);
  for (const std::string& p : problems) fmt::print(stderr, "vidra: {}\n", p);
  if (!state.empty()) s.state = state;
  return problems.empty();
}

const CollectorLink* collector_named(const SensorSettings& s, const std::string& name) {
  for (const CollectorLink& c : s.collectors)
    if (c.name == name) return &c;
  return nullptr;
}

std::string whom(const CollectorLink& c) { return fmt::format("{}, {}", c.name, fmt::join(c.endpoints, " or ")); }

std::string dump(const Json& j, int indent = -1) { return j.dump(indent, ' ', false, Json::error_handler_t::replace); }

// The key under which a sensor with these settings makes its pseudonyms: what --key names; on the machine of an installed sensor that was
// given it as a credential, that one, which its service prefers too; else the one in its folder.
bool key_of(const SensorSettings& s, const std::string& named, Pseudonyms::Key& key, std::string& error) {
  if (!named.empty()) return load_pseudonym_key(named, key, error);
  if (s.state == SensorSettings{}.state)
    for (const std::string folder : {"/run/credentials/vidra-sensor.service", "/etc/credstore", "/run/credstore", "/usr/local/lib/credstore", "/usr/lib/credstore"})
      if (const std::string path = folder + "/pseudonyms.key"; ::access(path.c_str(), F_OK) == 0) return load_pseudonym_key(path, key, error, folder.starts_with("/run/"));
  return open_pseudonym_key(s.state, key, error, false);
}

// --- outbox

struct OutboxOptions {
  std::string collector, config, state, story;
  bool json = false, hex = false, raw = false;
  size_t limit = 10;
};

struct Kept {
  std::string collector;
  Header header;
  std::vector<uint8_t> octets;      // the frames as they leave
  bool acknowledged = false;
};

// Of one collector, the newest `limit` (0 all), in the order in which they were made.
std::string read_outbox(const std::string& folder, const std::string& name, const OutboxOptions& o, std::vector<Kept>& out, uint64_t& records, uint64_t& acknowledged, uint64_t& withheld) {
  std::error_code wrong;
  std::vector<Kept> all;
  int64_t health_at = 0;
  for (const auto& epoch : std::filesystem::directory_iterator(folder, wrong)) {
    if (!epoch.is_directory() || epoch.path().filename() == "lost+found") continue;
    for (size_t lane = 0; lane < lane_count; lane++) {
      const std::string at = epoch.path() / std::to_string(lane);
      uint64_t upto = 0;
      {
        std::ifstream in(at + ".cursor", std::ios::binary);   // only read: the sensor writes it
        const std::vector<uint8_t> octets{std::istreambuf_iterator<char>(in), {}};
        if (const auto cursor = Cursor::read(octets)) upto = cursor->acknowledged;
      }
      std::deque<Kept> newest;
      read_segments(at, [&](const LogEntry& e) {
        Kept k{name, {}, e.payload, e.number <= upto};
        if (check(e.header(), e.body(), k.header) != HeaderFlaw::none) return true;
        records++;
        acknowledged += k.acknowledged;
        const std::string_view body(reinterpret_cast<const char*>(e.body().data()), e.body().size());
        if (k.header.type == MessageType::health && k.header.wall_ns > health_at) {
          health_at = k.header.wall_ns;
          const auto j = nlohmann::json::parse(body, nullptr, false);
          if (j.is_object() && j.contains("counts") && j["counts"].is_object()) withheld = j["counts"].value("withheld", uint64_t{0});
        }
        if (!o.story.empty() && body.find("\"story\":\"" + o.story) == body.npos) return true;
        newest.push_back(std::move(k));
        if (o.limit && newest.size() > o.limit) newest.pop_front();
        return true;
      });
      std::move(newest.begin(), newest.end(), std::back_inserter(all));
    }
  }
  if (wrong) return fmt::format("{}: {}{}", folder, wrong.message(), wrong == std::errc::permission_denied ? "; type: sudo vidra outbox" : "");
  std::stable_sort(all.begin(), all.end(), [](const Kept& a, const Kept& b) { return a.header.wall_ns < b.header.wall_ns; });
  if (o.limit && all.size() > o.limit) all.erase(all.begin(), all.end() - ptrdiff_t(o.limit));
  std::move(all.begin(), all.end(), std::back_inserter(out));
  return "";
}

int outbox(OutboxOptions& o) {
  SensorSettings s;
  if (!settings_of(o.config, s, o.state)) return exit_failed;
  const std::string root = s.state + "/outbox";
  std::error_code wrong;
  std::vector<std::string> names;
  for (const auto& each : std::filesystem::directory_iterator(root, wrong))
    if (each.is_directory()) names.push_back(each.path().filename());
  if (wrong) return fmt::print(stderr, "vidra outbox: {}: {}\n", root, wrong == std::errc::no_such_file_or_directory ? "nothing was ever told from here; name the sensor's settings or folder: --config FILE, --state DIR"
                                                                      : wrong == std::errc::permission_denied ? "not permitted; type: sudo vidra outbox" : wrong.message()), exit_failed;
  std::sort(names.begin(), names.end());
  if (!o.collector.empty()) {
    if (std::find(names.begin(), names.end(), o.collector) == names.end())
      return fmt::print(stderr, "vidra outbox: no collector '{}' was told anything; these were: {}\n", o.collector, fmt::join(names, ", ")), exit_failed;
    names = {o.collector};
  }
  for (const std::string& name : names) {
    std::vector<Kept> kept;
    uint64_t records = 0, acknowledged = 0, withheld = 0;
    if (const std::string why = read_outbox(root + "/" + name, name, o, kept, records, acknowledged, withheld); !why.empty()) return fmt::print(stderr, "vidra outbox: {}\n", why), exit_failed;
    const bool for_people = !o.json && !o.hex && !o.raw;
    if (for_people) {
      const CollectorLink* c = collector_named(s, name);
      fmt::print("{}\n", c ? whom(*c) : name + ", which these settings do not name");
      if (c) fmt::print("  {}\n", policy_text(c->policy, c->tlp));
      fmt::print("  {} records lie here, {} of them acknowledged (these go after 7 days, or when room is wanted)\n", human_count(records), human_count(acknowledged));
      if (withheld) fmt::print("  {} tellings were marked above TLP:{} and stayed at the site\n", human_count(withheld), c ? c->tlp : "?");
      fmt::print("\n");
    }
    for (const Kept& k : kept) {
      const Bytes body = Bytes(k.octets).subspan(header_size);
      const std::string text(body.begin(), body.end());
      if (o.raw) {
        fmt::print("{}\n", text);
      } else if (o.hex) {
        fmt::print("{} {} {}\n", name, record_id(k.header), hex_text(k.octets));
      } else if (o.json) {
        Json j = {{"collector", name}, {"record", record_id(k.header)}, {"type", name_of(k.header.type)}, {"made", iso_time(k.header.wall_ns, 9)}, {"acknowledged", k.acknowledged},
                  {"octets", k.octets.size()}, {"header", hex_text(Bytes(k.octets).first(header_size))}, {"body", text}};
        fmt::print("{}\n", dump(j));
      } else {
        const Json j = Json::parse(text, nullptr, false);
        fmt::print("{}  {} for {}, {} octets in all, {}\n  {}\n", iso_time(k.header.wall_ns, 0), name_of(k.header.type), name, k.octets.size(), k.acknowledged ? "acknowledged" : "not acknowledged yet", record_id(k.header));
        {
          const std::string pretty = j.is_discarded() ? text : dump(j, 2);
          for (size_t at = 0; at < pretty.size();) {
            const size_t end = std::min(pretty.find('\n', at), pretty.size());
            fmt::print("  {}\n", printable(pretty.substr(at, end - at)));
            at = end + 1;
          }
        }
        fmt::print("\n");
      }
    }
  }
  return exit_done;
}

// --- preview

struct PreviewOptions {
  std::vector<std::string> files;
  std::string config, state, collector, memory, key;
  bool json = false, markdown = false;
};

void flatten(const Json& j, const std::string& path, std::vector<std::pair<std::string, std::string>>& out) {
  if (j.is_object() && !(j.contains("key") && j.contains("values"))) {
    for (const auto& [key, value] : j.items()) flatten(value, path.empty() ? key : path + "." + key, out);
  } else if (j.is_array()) {
    for (const auto& each : j) flatten(each, path, out);
  } else {
    out.emplace_back(path, j.is_object() || j.is_string() ? sentence_of(nlohmann::json(j)) : dump(j));
  }
}

// The fields of both bodies side by side: those that differ, and those that do not leave.
struct Difference { std::string field, stays, leaves; };
std::vector<Difference> differences(const Json& stays, const Json& leaves) {
  std::vector<std::pair<std::string, std::string>> a, b;
  flatten(stays, "", a);
  flatten(leaves, "", b);
  std::vector<Difference> out;
  std::set<size_t> used;
  for (const auto& [field, text] : a) {
    // A pseudonym stands in place of the address.
    const size_t dot = field.rfind('.');
    const std::string otherwise = field.ends_with(".ip") || field.ends_with(".mac") ? field.substr(0, dot) + ".pseudonym" : field;
    Difference d{field, text, ""};
    for (size_t i = 0; i < b.size(); i++)
      if (!used.contains(i) && (b[i].first == field || b[i].first == otherwise)) {
        d.leaves = b[i].second;
        used.insert(i);
        break;
      }
    out.push_back(std::move(d));
  }
  return out;
}

int preview(PreviewOptions& o) {
  SensorSettings s;
  if (!settings_of(o.config, s, o.state)) return exit_failed;
  if (s.collectors.empty() && !o.markdown) {
    CollectorLink c;
    c.name = "collector";
    s.collectors.push_back(c);
    fmt::print(stderr, "these settings name no [[collector]]: what one with the defaults would be told\n");
  }
  if (!o.collector.empty()) {
    const CollectorLink* c = collector_named(s, o.collector);
    std::vector<std::string> names;
    for (const CollectorLink& each : s.collectors) names.push_back(each.name);
    if (!c) return fmt::print(stderr, "vidra preview: no [[collector]] is called '{}'; these are: {}\n", o.collector, fmt::join(names, ", ")), exit_failed;
    s.collectors = {*c};
  }
  if (o.markdown) {
    const Judged judged = judge_files(o.files, s, Memory{});
    const auto example = std::find_if(judged.stories.begin(), judged.stories.end(), [](const Story& story) { return story.detection->id == "MMS-02"; });
    if (example == judged.stories.end()) return fmt::print(stderr, "vidra preview: the page's example is a story of MMS-02, and there is none in {}\n", fmt::join(o.files, ", ")), exit_failed;
    write_privacy_page(std::cout, *example, std::make_shared<const Declared>(declared_of(*s.site, s.judge, s.name)), s.site->name);
    return exit_done;
  }
  Pseudonyms::Key key{};
  std::string error;
  if (!key_of(s, o.key, key, error)) {
    if (!o.key.empty()) return fmt::print(stderr, "vidra preview: {}\n", error), exit_failed;
    std::ifstream random("/dev/urandom", std::ios::binary);
    random.read(reinterpret_cast<char*>(key.data()), std::streamsize(key.size()));
    fmt::print(stderr, "the sensor's key of pseudonyms was not read ({}): these pseudonyms are of this preview alone. As root, or with --key FILE, they are the sensor's\n", error);
  }
  const auto pseudonyms = std::make_shared<const Pseudonyms>(key);
  const auto declared = std::make_shared<const Declared>(declared_of(*s.site, s.judge, s.name));
  Problems problems;
  Memory memory = o.memory.empty() ? load_learned(s, problems) : load_known(o.memory, problems);
  for (const std::string& p : problems) fmt::print(stderr, "vidra: {}\n", p);
  if (!problems.empty()) return exit_failed;
  const Judged judged = judge_files(o.files, s, std::move(memory));
  const auto language = s.language;
  for (const CollectorLink& c : s.collectors) {
    Issuer who;
    who.id = "00000000-0000-4000-8000-000000000000";
    who.name = s.name, who.site = s.site->name;
    who.policy_id = c.policy_id, who.test = c.test, who.operations_in_full = c.operations_in_full, who.language = language;
    Issuer outside = who;
    outside.border = std::make_shared<Border>(c.policy, pseudonyms, declared);
    who.operations_in_full = true;
    size_t withheld = 0;
    if (!o.json) fmt::print("{}\n  {}\n\n", c.endpoints.empty() ? c.name : whom(c), policy_text(c.policy, c.tlp));
    for (const Story& story : judged.stories) {
      const Marked m = marked(story, s.markings, c.tlp);
      withheld += m.withheld;
      outside.tlp = who.tlp = m.tlp;
      const std::string body = story_body(m.instead ? *m.instead : story, outside, story.last);
      if (o.json) {
        if (!m.withheld) fmt::print("{}\n", body);
        continue;
      }
      fmt::print("{}  {}\n", story.detection->id, headline(story));
      if (m.withheld) {
        fmt::print("  does not leave: it is marked TLP:{}, and {} is told up to TLP:{}\n\n", m.tlp, c.name, c.tlp);
        continue;
      }
      const Json stays = Json::parse(story_body(story, who, story.last)), leaves = Json::parse(body);
      std::vector<std::string> same;
      for (const Difference& d : differences(stays, leaves)) {
        if (d.stays == d.leaves) {
          const std::string top = d.field.substr(0, d.field.find('.'));
          if (std::find(same.begin(), same.end(), top) == same.end()) same.push_back(top);
          continue;
        }
        fmt::print("  {:<10} stays   {}\n  {:<10} leaves  {}\n", d.field, printable(d.stays), "", d.leaves.empty() ? "(nothing)" : printable(d.leaves));
      }
      fmt::print("  leave as they are: {}\n  {} octets\n\n", fmt::join(same, ", "), body.size());
    }
    if (!o.json) fmt::print("{} of {} stories would leave for {}{}\n\n", judged.stories.size() - withheld, judged.stories.size(), c.name, withheld ? fmt::format("; {} are marked above TLP:{}", withheld, c.tlp) : "");
  }
  return judged.status;
}

// --- resolve

struct ResolveOptions {
  std::vector<std::string> pseudonyms;
  std::string config, state, key;
};

class Resolver {
 public:
  bool open(ResolveOptions& o) {
    if (!settings_of(o.config, s_, o.state)) return false;
    Pseudonyms::Key key{};
    std::string error;
    told_ = ToldNames::read(s_.state + "/pseudonyms.told");
    const bool read = key_of(s_, o.key, key, error);
    if (!read && (told_.empty() || !o.key.empty()))
      return fmt::print(stderr, "vidra resolve: {}\n  the key stays with the sensor: type this there, as root, or name its folder with --state DIR\n", error), false;
    if (!read) {
      fmt::print(stderr, "vidra resolve: {}\n  without the key only what the list names: {} pseudonyms that left, in {}/pseudonyms.told. With --key FILE any address\n", error, human_count(told_.size()), s_.state);
      return true;
    }
    pseudonyms_ = std::make_unique<Pseudonyms>(key);
    declared_ = declared_of(*s_.site, s_.judge, s_.name);
    for (const auto& [name, kind] : declared_.names) names_[digits(pseudonyms_->of_name("x", name))] = name;
    return true;
  }
  // What it stands for; "" unknown. `remark`: what is known of it besides.
  std::string plain(const std::string& whole, std::string& remark) const {
    const size_t slash = whole.find('/');
    const std::string p = whole.substr(0, slash);
    if (const auto a = pseudonyms_ ? pseudonyms_->address(p) : std::nullopt) {
      const HostId id = s_.site->host_of(*a);
      if (id) remark = s_.site->host(id).name;
      const auto t = told_.find(p);
      if (t != told_.end()) remark += fmt::format("{}first left {}", remark.empty() ? "" : ", ", t->second.since);
      else if (slash == whole.npos) remark += fmt::format("{}never left this sensor: mistyped, or made with another key (--key FILE)?", remark.empty() ? "" : ", ");
      if (t != told_.end() && t->second.plain != text_of(*a)) return remark = "left before the key was changed, " + t->second.since, t->second.plain;
      if (slash == whole.npos) return text_of(*a);
      const int length = std::atoi(whole.c_str() + slash + 1);
      std::string base = text_of(Prefix{*a, uint8_t(std::clamp(length, 0, 128))});
      if (const auto range = parse_prefix(base)) base = text_of(*range);
      return base;
    }
    if (const auto t = told_.find(whole); t != told_.end()) return remark = "first left " + t->second.since, t->second.plain;
    for (const auto& [text, t] : told_)
      if (is_pseudonym(text) && !of_address(text) && digits(text) == digits(p)) return remark = "first left " + t.since, t.plain;
    if (const auto n = names_.find(digits(p)); n != names_.end()) return remark = "declared, has not left yet", n->second;
    return "";
  }

 private:
  static bool of_address(std::string_view p) { return p.starts_with("ip4-") || p.starts_with("ip6-") || p.starts_with("mac-"); }
  static std::string digits(const std::string& p) { return p.substr(std::min(p.size(), p.find('-') + 1)); }
  SensorSettings s_;
  Declared declared_;
  std::unique_ptr<Pseudonyms> pseudonyms_;
  std::map<std::string, ToldNames::Told> told_;
  std::map<std::string, std::string> names_;        // by digits
};

int resolve(ResolveOptions& o) {
  Resolver resolver;
  if (!resolver.open(o)) return exit_failed;
  std::string remark;
  if (o.pseudonyms.empty() || (o.pseudonyms.size() == 1 && o.pseudonyms[0] == "-")) {      // a text, in which each is replaced
    for (std::string line; std::getline(std::cin, line);) {
      std::string out;
      for (size_t at = 0; at < line.size();) {
        size_t n = at;
        while (n < line.size() && (std::isalnum(uint8_t(line[n])) || line[n] == '-')) n++;
        if (n == at) {
          out += line[at++];
          continue;
        }
        if (n < line.size() && line[n] == '/' && (line.compare(at, 4, "ip4-") == 0 || line.compare(at, 4, "ip6-") == 0))      // a range
          for (n++; n < line.size() && std::isdigit(uint8_t(line[n])); n++) {}
        const std::string word = line.substr(at, n - at);
        const std::string plain = is_pseudonym(word) ? resolver.plain(word, remark) : "";
        out += plain.empty() ? word : printable(plain);
        at = n;
      }
      fmt::print("{}\n", out);
    }
    return exit_done;
  }
  int status = exit_done;
  for (const std::string& p : o.pseudonyms) {
    if (!is_pseudonym(p)) {
      fmt::print(stderr, "vidra resolve: '{}' is no pseudonym; they look like ip4-c31f9007, mac-00c1f37a2210, host-7f3a9c21d0\n", p);
      status = exit_failed;
      continue;
    }
    remark.clear();
    const std::string plain = resolver.plain(p, remark);
    if (plain.empty()) {
      fmt::print(stderr, "{}  unknown here: it never left this sensor, or its name was heard too long ago\n", p);
      status = exit_failed;
    } else {
      fmt::print("{}  {}{}\n", p, printable(plain), remark.empty() ? "" : "  (" + printable(remark) + ")");
    }
  }
  return status;
}

}  // namespace

std::string policy_text(const Policy& p, std::string_view tlp) {
  if (p.plain() && p.all_fields) return fmt::format("everything plain; up to TLP:{}", tlp);
  std::string out = fmt::format("addresses {}, foreign ones {}, names {}, figures {}, the sender {}", name_of(p.addresses), name_of(p.foreign), name_of(p.names), p.numbers ? "plain" : "hidden", name_of(p.identity));
  if (!p.all_fields) out += fmt::format("; of the fields only {}", p.fields.empty() ? "those that are always there" : fmt::format("{}", fmt::join(p.fields, ", ")));
  return out + fmt::format("; up to TLP:{}", tlp);
}

// Where the commands find the sensor's settings and its folder; `why` says what the folder is for.
static void at_sensor(CommandLine c, std::string& config, std::string& state, const std::string& why = "") {
  c.option("--config", config, "vidra.toml; without it /etc/vidra/vidra.toml where there is one");
  c.option("--state", state, "the sensor's folder, instead of [sensor] state" + why);
}

void add_outbox(CommandLine app, int& status) {
  const CommandLine c = app.command("outbox", "what left the site and what waits to leave: exactly the octets, and for whom");
  auto o = std::make_shared<OutboxOptions>();
  c.option("COLLECTOR", o->collector, "one of them; none: all");
  at_sensor(c, o->config, o->state);
  c.option("--story", o->story, "one story, by the beginning of its id");
  c.option("-n,--limit", o->limit, "the newest so many for each collector, 0 for all").shows_default();
  const Option json = c.flag("--json", o->json, "one object a line: the record, its header in hexadecimal, its body as a text");
  const Option hex = c.flag("--hex", o->hex, "header and body in hexadecimal, one record a line");
  const Option raw = c.flag("--raw", o->raw, "the bodies, octet by octet, one a line");
  json.excludes(hex).excludes(raw), hex.excludes(raw);
  c.runs([o, &status] { status = outbox(*o); });
}

void add_preview(CommandLine app, int& status) {
  const CommandLine c = app.command("preview", "what a collector would be told of a recording, beside what stays at the site; nothing is sent");
  auto o = std::make_shared<PreviewOptions>();
  c.option("FILE", o->files, "captures: pcap or pcapng, plain, gzip or zstd");
  at_sensor(c, o->config, o->state, ": its key makes the same pseudonyms");
  c.option("--memory", o->memory, "what was learned, instead of [judge] memory");
  c.option("--collector", o->collector, "one of them; none: all");
  c.option("--key", o->key, "a key of pseudonyms, instead of the sensor's own");
  const Option json = c.flag("--json", o->json, "the bodies as they would leave, one a line");
  c.flag("--markdown", o->markdown, "docs/PRIVACY.md: the page, with the table of all fields").excludes(json);
  c.runs([o, &status] {
    if (o->files.empty()) return fmt::print(stderr, "vidra preview: name a recording: vidra preview capture.pcapng\n"), void(status = exit_usage);
    status = preview(*o);
  });
}

void add_resolve(CommandLine app, int& status) {
  const CommandLine c = app.command("resolve", "what a pseudonym stands for: at the site, where the key is");
  auto o = std::make_shared<ResolveOptions>();
  c.option("PSEUDONYM", o->pseudonyms, "ip4-…, ip6-…, mac-…, host-…; none, or -: a text on standard input, in which each is replaced");
  at_sensor(c, o->config, o->state);
  c.option("--key", o->key, "a key of pseudonyms: an earlier one, or where the sensor's is given to its service as a credential");
  c.runs([o, &status] { status = resolve(*o); });
}

}  // namespace vidra
