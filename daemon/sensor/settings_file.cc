// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "daemon/base/huge_pages.h"
#include "daemon/base/text.h"
#include "daemon/judge/field_rule_file.h"
#include "daemon/judge/indicator_file.h"
#include "daemon/judge/memory_file.h"
#include "daemon/judge/site_file.h"
#include "daemon/record/seal.h"
#include "daemon/report/language_file.h"
#include "daemon/sensor/settings.h"

namespace vidra {
namespace {

void read_capture(TomlTable& root, CaptureSettings& s) {
  if (auto t = root.table("capture")) {
    t->read("interfaces", s.interfaces);
    size_t source = size_t(s.source);
    if (t->read_choice("source", source, {"auto", "dpdk", "ring", "pcap"})) s.source = PacketReceiver(source);
    t->read("filter", s.filter);
    t->read_size("buffer", s.buffer, 1 << 20, uint64_t{4} << 30);
    t->read("snaplen", s.snaplen, 96, 262'144);
    if (size_t automatic = 0; t->is_text("workers")) t->read_choice("workers", automatic, {"auto"});
    else t->read("workers", s.workers, 1, int64_t(most_workers));
    t->read("cores", s.cores, 0, 1023);
    std::vector<int64_t> once = s.cores;
    std::sort(once.begin(), once.end());
    if (std::adjacent_find(once.begin(), once.end()) != once.end()) t->complain("cores", "a core stands here twice; each worker has one of its own");
    if (s.cores.size() > most_workers) t->complain("cores", fmt::format("{} cores, and there can be {} workers", s.cores.size(), most_workers));
    if (s.workers && !s.cores.empty() && s.cores.size() != s.workers)
      t->complain("cores", fmt::format("{} for {}; name one core for each worker, or leave workers = \"auto\"", s.cores.size() == 1 ? "one core" : fmt::format("{} cores", s.cores.size()),
                                       s.workers == 1 ? "one worker" : fmt::format("{} workers", s.workers)));
    if (s.source == PacketReceiver::pcap && std::max(s.workers, s.cores.size()) > 1) t->complain("source", "\"pcap\" is for one worker; write source = \"auto\" for several");
    t->finish();
  }
  if (auto t = root.table("dpdk")) {
    size_t hugepages = size_t(s.dpdk.hugepages);
    if (t->read_choice("hugepages", hugepages, {"auto", "yes", "no"})) s.dpdk.hugepages = Hugepages(hugepages);
    t->read("buffers", s.dpdk.buffers, 0, 16'777'215);
    t->read("mtu", s.dpdk.mtu, 1500, 16'000);
    t->read("interrupts", s.dpdk.interrupts);
    t->read("module", s.dpdk.module);
    t->finish();
  }
  for (TomlTable& t : root.tables("group")) {
    CaptureGroup g;
    size_t kind = 0;
    t.read("name", g.name);
    t.read_choice("kind", kind, {"mirror", "tap-pair", "prp-pair", "remote-mirror"});
    g.kind = CaptureGroup::Kind(kind);
    t.read("interfaces", g.interfaces);
    if (g.name.empty()) t.complain({}, "a [[group]] needs a name, like name = \"bay1\"");
    if (g.interfaces.size() < 2 && (g.kind == CaptureGroup::Kind::tap_pair || g.kind == CaptureGroup::Kind::prp_pair)) t.complain("interfaces", "a pair has two interfaces: interfaces = [\"eth1\", \"eth2\"]");
    for (const std::string& i : g.interfaces)
      if (std::find(s.interfaces.begin(), s.interfaces.end(), i) == s.interfaces.end())
        t.complain("interfaces", fmt::format("'{}' is not among the interfaces of [capture]", i));
    t.finish();
    s.groups.push_back(std::move(g));
  }
}

void read_traffic(TomlTable& root, SensorSettings& s) {
  TrafficSettings& traffic = s.traffic;
  if (auto t = root.table("traffic")) {
    const auto octets = [&](std::string_view key, size_t& to, uint64_t least) {
      uint64_t v = to;
      if (t->read_size(key, v, least, uint64_t{64} << 30)) to = size_t(v);
    };
    t->read("flows", traffic.flows, 64, 16'777'216);
    octets("held", traffic.held_octets, 1 << 20);
    octets("held_a_side", traffic.held_octets_a_side, 65'600);
    octets("parsers", traffic.parser_octets, 1 << 20);
    octets("history", traffic.history_octets, 64 << 10);
    t->read("fragmented", traffic.fragmented, 16, 1'000'000);
    octets("fragments", traffic.fragment_octets, 1 << 20);
    t->read("classify", traffic.classify);
    t->read_duration("unanswered_after", traffic.unanswered_after, millisecond, hour);
    t->read_duration("hole_wait", traffic.hole_wait, millisecond, minute);
    t->read_duration("fragment_wait", traffic.fragment_wait, second, hour);
    t->read_duration("tcp_idle", traffic.tcp_idle, minute, 30 * day);
    t->read_duration("parsed_idle", traffic.parsed_idle, minute, 365 * day);
    t->read_duration("datagram_idle", traffic.datagram_idle, second, day);
    t->read_duration("silent_after", traffic.silent_after, 0, day);
    t->finish();
  }
  for (TomlTable& t : root.tables("port")) {
    size_t carrier = 0;
    uint16_t number = 0;
    std::string protocol;
    constexpr Carrier carriers[] = {Carrier::tcp, Carrier::udp, Carrier::ethertype, Carrier::llc, Carrier::ip};
    t.read_choice("carrier", carrier, {"tcp", "udp", "ethertype", "llc", "ip"});
    if (!t.read("number", number, 1, 65'535)) t.complain({}, "a [[port]] needs a number, from 1 to 65535");
    if (!t.read("protocol", protocol)) t.complain({}, "a [[port]] needs a protocol, like protocol = \"modbus\"");
    const int index = protocol_index(protocol);
    if (!protocol.empty() && (index < 0 || !protocols[size_t(index)]->open)) {
      std::string known;
      for (const Protocol* p : protocols)
        if (p->open) known += fmt::format("{}{}", known.empty() ? "" : ", ", p->name);
      t.complain("protocol", fmt::format("'{}' is no protocol that is dissected; allowed: {}", protocol, known));
    }
    if (carriers[carrier] == Carrier::ip && number > 255) t.complain("number", "an IP protocol has a number from 1 to 255");
    if (index >= 0) traffic.ports.push_back({carriers[carrier], number, uint16_t(index)});
    t.finish();
  }
}

void read_detections(TomlTable& root, JudgeSettings& s, Markings& markings) {
  auto all = root.table("detection");
  if (!all) return;
  for (const Detection& d : catalogue) {
    auto t = all->table(d.id);
    if (!t) continue;
    DetectionSettings& set = s.detections[std::string(d.id)];
    t->read("off", set.off);
    t->read("severity", set.severity, 1, 5);
    if (size_t tlp = 0; t->read_choice("tlp", tlp, {"CLEAR", "GREEN", "AMBER", "AMBER+STRICT", "RED"})) markings[std::string(d.id)] = tlp_levels[tlp];
    for (const Threshold& n : d.thresholds) {
      double v;
      if (t->read(n.key, v, 0, 1e12)) set.numbers[std::string(n.key)] = v;
    }
    t->finish();
  }
  all->finish();
}

void read_judge(TomlTable& root, SensorSettings& s) {
  if (auto t = root.table("judge")) {
    size_t mode = size_t(s.judge.mode);
    t->read_choice("mode", mode, {"learn", "watch"});
    s.judge.mode = JudgeSettings::Mode(mode);
    t->read_duration("learn_for", s.judge.learn_for, 0, 90 * day);
    t->read("memory", s.memory);
    t->read("frozen_by", s.frozen_by);
    for (const std::string& key : s.frozen_by)
      if (key.size() != 64 || key.find_first_not_of("0123456789abcdef") != key.npos)
        t->complain("frozen_by", fmt::format("\"{}\" is no key of 64 hexadecimal digits; `vidra memory key FILE` prints one", key));
    t->read("flows", s.judge.flow_limit, 256, 16'777'216);
    t->read("hosts", s.judge.host_limit, 256, 1'000'000);
    t->read_size("ring", s.ring, 1 << 20, uint64_t{1} << 30);
    t->finish();
  }
  read_detections(root, s.judge, s.markings);
  if (auto t = root.table("report")) {
    t->read_duration("quiet", s.report.quiet, second, day);
    t->read_duration("update_every", s.report.update_every, 100 * millisecond, hour);
    t->read("open_stories", s.report.open_stories, 16, 1'000'000);
    t->read("findings_a_second", s.report.findings, 10, 10'000'000);
    t->read("new_stories_a_second", s.report.new_stories, 1, 100'000);
    std::string language = "en", words;
    t->read("words", words);
    if (t->read("language", language)) {
      Problems wrong;
      const std::filesystem::path beside = std::filesystem::path(t->path()).parent_path();
      if (language.find('/') != language.npos) language = (beside / language).string();
      if (auto read = load_language(language, words_folder(words.empty() ? words : (beside / words).string()), wrong)) s.language = read;
      for (const std::string& p : wrong) t->complain("language", p);
    }
    t->finish();
  }
}

// Behind the site, whose hosts the rules name.
void read_lists(TomlTable& root, SensorSettings& s, Problems& problems, When when) {
  if (auto t = root.table("indicators")) {
    t->read("files", s.indicator_files);
    t->finish();
  }
  if (auto t = root.table("rules")) {
    t->read("files", s.rule_files);
    t->finish();
  }
  const size_t before = problems.size();
  read_rules(root, *s.site, s.own_rules, problems);
  load_lists(s, problems, when);
  if (when != When::starting) return;
  s.judge.list_flaws.insert(s.judge.list_flaws.end(), problems.begin() + ptrdiff_t(before), problems.end());
  problems.resize(before);
}

void read_evidence(TomlTable& root, EvidenceSettings& s) {
  auto t = root.table("evidence");
  if (!t) return;
  t->read("keep", s.keep);
  t->read("folder", s.folder);
  if (!s.folder.empty() && s.folder[0] != '/') t->complain("folder", fmt::format("'{}' is no absolute folder, like /var/lib/vidra/evidence; \"\" is `evidence` in the state folder", s.folder));
  for (size_t i = 0; i < sort_count; i++) {
    const std::string_view key = name_of(Sort(i));
    t->read_size(key, s.quota[i], 0, uint64_t{1} << 44);
    if (s.quota[i] && s.quota[i] < 4u << 20) t->complain(key, fmt::format("{} are too few to keep anything in; at least 4 MiB, or 0 to keep none of these packets", human_bytes(s.quota[i])));
  }
  t->read_duration("longest", s.longest, minute, 3650 * day);
  t->read_size("memory", s.memory, 4 << 20, uint64_t{16} << 30);
  t->read_duration("before", s.before, 0, hour);
  t->read_duration("after", s.after, 0, minute);
  t->read("severity", s.severity, 1, 5);
  t->read_size("story", s.story, 64 << 10, uint64_t{1} << 30);
  t->read_size("sets", s.sets, 1 << 20, uint64_t{1} << 44);
  t->read_size("pinned", s.pinned, 1 << 20, uint64_t{1} << 44);
  t->read_size("spare", s.spare, 0, uint64_t{1} << 44);
  if (s.story > s.sets) t->complain("story", fmt::format("one story may have {} and all of them together {}; make [evidence] sets larger or story smaller", human_bytes(s.story), human_bytes(s.sets)));
  t->finish();
}

void read_collector(TomlTable& t, SensorSettings& s) {
  CollectorLink c;
  if (!t.read("name", c.name)) t.complain({}, "a [[collector]] needs a name, like name = \"cert\"");
  if (c.name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != std::string::npos)
    t.complain("name", fmt::format("'{}' names a folder: letters, digits, - and _ only", c.name));
  for (const CollectorLink& other : s.collectors)
    if (other.name == c.name) t.complain("name", fmt::format("two collectors are called '{}'", c.name));
  if (!t.read("endpoint", c.endpoints)) t.complain({}, "a [[collector]] needs an endpoint, like endpoint = \"tcp://cert.example:7421\"");
  for (const std::string& e : c.endpoints)
    if (e.rfind("tcp://", 0) != 0 || e.rfind(':') < 6) t.complain("endpoint", fmt::format("'{}' is no endpoint; write tcp://HOST:PORT", e));
  if (!t.read("server_key", c.server_key)) t.complain({}, "a [[collector]] needs its server_key; at the collector, `vidra keys fingerprint` prints it");
  else if (c.server_key.size() != 40) t.complain("server_key", fmt::format("a server_key has 40 characters, this one {}; at the collector, `vidra keys fingerprint` prints it", c.server_key.size()));
  size_t tlp = 2;
  if (t.read_choice("tlp", tlp, {"CLEAR", "GREEN", "AMBER", "AMBER+STRICT", "RED"})) c.tlp = tlp_levels[tlp];
  const auto showing = [&](std::string_view key, Showing& to) {
    size_t n = size_t(to);
    if (t.read_choice(key, n, {"plain", "pseudonyms", "hidden"})) to = Showing(n);
  };
  showing("addresses", c.policy.addresses), showing("foreign", c.policy.foreign), showing("names", c.policy.names), showing("identity", c.policy.identity);
  size_t numbers = 0;
  if (t.read_choice("numbers", numbers, {"plain", "hidden"})) c.policy.numbers = numbers == 0;
  if (std::vector<std::string> fields; t.read("fields", fields) && !(fields.size() == 1 && fields[0] == "all")) {
    c.policy.all_fields = false;
    const auto optional = optional_fields();
    for (const std::string& f : fields)
      if (std::find(optional.begin(), optional.end(), f) == optional.end()) {
        const std::string_view near = nearest(f, optional);
        t.complain("fields", fmt::format("'{}' is no field that may be left out{}; these are: {}; \"all\" stands for every one", f, near.empty() ? "" : fmt::format(", perhaps {}", near), fmt::join(optional, ", ")));
      }
    c.policy.fields = std::move(fields);
  }
  t.read("policy", c.policy_id);
  t.read("test", c.test);
  t.read("operations_in_full", c.operations_in_full);
  t.read_duration("heartbeat", c.heartbeat, second, 10 * minute);
  t.read_duration("retry_longest", c.retry_longest, second, hour);
  constexpr std::string_view sizes[] = {"critical_size", "alert_size", "state_size"}, ages[] = {"critical_age", "alert_age", "state_age"};
  for (size_t lane = 0; lane < lane_count; lane++) {
    t.read_size(sizes[lane], c.lanes[lane].max_bytes, 1 << 20, uint64_t{1} << 40);
    t.read_duration(ages[lane], c.lanes[lane].max_age, 0, 3650 * day);
  }
  t.finish();
  s.collectors.push_back(std::move(c));
}

}  // namespace

SensorSettings load_settings(const std::string& path, Problems& problems, When when) {
  SensorSettings s;
  Problems none;
  s.language = load_language("en", {}, none);
  auto root = path.empty() ? TomlTable::parse("", "(embedded)", problems) : TomlTable::open(path, problems);
  if (!root) {
    s.site = std::make_shared<Site>();
    return s;
  }
  if (auto t = root->table("sensor")) {
    t->read("name", s.name);
    t->read("state", s.state);
    t->read_duration("health_every", s.health_every, second, day);
    if (s.state.empty() || s.state[0] != '/') t->complain("state", fmt::format("'{}' is no absolute folder, like /var/lib/vidra", s.state));
    t->finish();
  }
  read_capture(*root, s.capture);
  read_traffic(*root, s);
  read_judge(*root, s);
  read_evidence(*root, s.evidence);
  for (TomlTable& t : root->tables("collector")) read_collector(t, s);
  s.site = std::make_shared<const Site>(read_site(*root, problems, &s.remarks));
  s.path = path;
  read_lists(*root, s, problems, when);
  root->finish();
  // Interfaces of one group meet: they share a number. The others are each for themselves.
  s.traffic.interfaces = std::max<size_t>(1, s.capture.interfaces.size());
  for (size_t i = 0; i < s.capture.interfaces.size(); i++) {
    uint16_t group = uint16_t(i + 1);
    for (size_t g = 0; g < s.capture.groups.size(); g++)
      for (const std::string& name : s.capture.groups[g].interfaces)
        if (name == s.capture.interfaces[i]) group = uint16_t(1000 + g);
    s.traffic.groups.push_back(group);
  }
  // A memory named without a folder lies beside the settings.
  if (!s.memory.empty() && s.memory[0] != '/' && !path.empty()) s.memory = (std::filesystem::path(path).parent_path() / s.memory).string();
  return s;
}

void load_lists(SensorSettings& s, Problems& problems, When when) {
  const size_t before = problems.size();
  Problems flaws;
  s.list_looks = looks_of_lists(s);          // before they are read: what is written meanwhile looks otherwise
  std::vector<FieldRule> rules = s.own_rules;
  auto indicators = std::make_shared<Indicators>();
  for (const std::string& path : indicator_paths(s.indicator_files, s.path, problems)) {
    if (path.ends_with(".toml")) load_rules(path, *s.site, rules, problems);
    else if (Problems mistakes; load_indicators(path, *indicators, mistakes)) flaws.insert(flaws.end(), mistakes.begin(), mistakes.end());
    else problems.insert(problems.end(), mistakes.begin(), mistakes.end());
  }
  for (const std::string& path : indicator_paths(s.rule_files, s.path, problems)) {
    if (!path.ends_with(".toml")) problems.push_back(fmt::format("{}: rules are written in TOML files; lists of indicators are named in [indicators] files", path));
    else load_rules(path, *s.site, rules, problems);
  }
  if (problems.size() != before && when != When::starting) return;
  s.judge.list_flaws = std::move(flaws);
  s.judge.indicators = indicators->files.empty() ? nullptr : std::move(indicators);
  s.judge.rules = rules.empty() ? nullptr : std::make_shared<const FieldRules>(std::move(rules));
}

std::string evidence_folder(const SensorSettings& s) { return s.evidence.folder.empty() ? s.state + "/evidence" : s.evidence.folder; }

std::vector<int64_t> looks_of_lists(const SensorSettings& s) {
  Problems none;
  std::vector<std::string> paths = indicator_paths(s.indicator_files, s.path, none);
  for (std::string& path : indicator_paths(s.rule_files, s.path, none)) paths.push_back(std::move(path));
  std::vector<int64_t> looks;
  for (const std::string& path : paths) {
    struct stat at{};
    const bool there = ::stat(path.c_str(), &at) == 0;
    for (const int64_t each : {there ? at.st_mtim.tv_sec * second + at.st_mtim.tv_nsec : 0, there ? int64_t(at.st_size) : -1, int64_t(at.st_ino), int64_t(text_key(path))}) looks.push_back(each);
  }
  return looks;
}

Memory load_known(const std::string& path, Problems& problems, std::span<const std::string> trusted) {
  const auto text = TomlTable::text_of(path, problems);
  if (!text) return {};
  const bool frozen = is_sealed(*text);
  if (frozen || !trusted.empty())
    if (const std::string flaw = seal_flaw(*text, trusted); !flaw.empty()) {
      size_t line = 1;
      if (frozen) line += size_t(std::count(text->begin(), text->begin() + ptrdiff_t(text->rfind("\n[frozen]\n") + 1), '\n'));
      problems.push_back(fmt::format("{}:{}:1: {}; restore the file, or read it with `vidra memory review {}` and freeze it again: vidra memory freeze {} --by \"N. N.\"", path, line, flaw, path, path));
      return {};
    }
  return read_memory(*text, path, problems);
}

Memory load_learned(const SensorSettings& s, Problems& problems) {
  Memory memory = s.memory.empty() ? Memory{} : load_known(s.memory, problems, s.frozen_by);
  done_reading();
  return memory;
}

}  // namespace vidra
