// SPDX-License-Identifier: Apache-2.0
// vidra explain: why something is normal or not: declared where, learned when, or unknown, and what would make it right.
#include <fmt/format.h>

#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "daemon/base/text.h"
#include "daemon/judge/detector.h"
#include "daemon/report/line.h"
#include "daemon/report/words.h"
#include "daemon/sensor/settings.h"
#include "daemon/judge/site_file.h"
#include "daemon/tool/commands.h"
#include "daemon/tool/known.h"

namespace vidra {
namespace {

struct ExplainOptions {
  std::vector<std::string> what, sites;
  std::string config, memory;
};

struct Question {
  Who a, b;
  int protocol = -1;
  std::optional<Act> act;
  std::optional<uint16_t> function;
  std::string function_text;
  std::optional<uint64_t> station;
  std::optional<ObjectRange> object;
};

void say(std::string_view label, const std::string& text) { fmt::print("  {:<11}{}\n", label, text); }
void say_toml(const std::string& toml) {
  fmt::print("\n  If it is right, write into the site:\n\n");
  for (size_t at = 0; at < toml.size();) {
    const size_t end = std::min(toml.find('\n', at), toml.size());
    fmt::print("    {}\n", toml.substr(at, end - at));
    at = end + 1;
  }
}

class Explainer {
 public:
  Explainer(const Site& site, const Memory& memory) : site_(site), memory_(memory) {}

  void host(const Who& who) {
    fmt::print("{}\n", who.text());
    if (who.id) {
      const SiteHost& h = site_.host(who.id);
      std::string more;
      for (const Address& a : h.addresses) more += fmt::format("{}{}", more.empty() ? "" : ", ", text_of(a));
      for (const Mac& m : h.macs) more += fmt::format("{}{}", more.empty() ? "" : ", ", text_of(m));
      say("declared", fmt::format("{}: {}{}{}{}", site_.text_of(h.place), h.role == HostRole::other ? "" : std::string(name_of(h.role)) + ", ", more, h.zone.empty() ? "" : ", zone " + h.zone, h.bay.empty() ? "" : ", bay " + h.bay));
    } else say("declared", "no");
    const HostMemory* learned = memory_.host(who.address);
    if (learned) {
      std::string more;
      for (const Mac& m : learned->macs) more += fmt::format(", {}", text_of(m));
      say("learned", days_text(learned->first, learned->last) + more);
    } else say("learned", "no");
    size_t shown = 0, all = 0;
    const auto row = [&](bool asks, const Address& other, uint16_t protocol, uint16_t port, ActSet acts, bool right) {
      if (++all > most) return;
      shown++;
      say(asks ? "asks" : "is asked by", fmt::format("{}, {}{}: {}{}", who_is(other, site_, memory_).text(), protocols[protocol]->name, port ? fmt::format(" port {}", port) : "", acts_text(acts), right ? "" : " (learned only)"));
    };
    for (const ConversationMemory& c : memory_.conversations()) {
      if (c.client != who.address && c.server != who.address) continue;
      const bool asks = c.client == who.address;
      if (!c.acts && !c.reported) continue;
      row(asks, asks ? c.server : c.client, c.protocol, c.port, c.acts ? c.acts : c.reported, declared(c.client, c.server, c.protocol, c.port) != nullptr);
    }
    if (all > shown) say("", fmt::format("… and {} more", all - shown));
    if (who.id) say("so", "it is known: declared.");
    else if (learned) say("so", "it is known: learned. Declare it, and its name stands in every alert.");
    else say("so", memory_.empty() && site_.empty() ? "nothing is declared and nothing was learned: nobody is a stranger yet." : "it is a stranger: its first word is NET-01, each conversation NET-02.");
    if (!who.id) {
      std::string mac;
      if (learned && !learned->macs.empty()) mac = fmt::format("mac = \"{}\"\n", text_of(learned->macs.back()));
      const bool by_mac = who.address.kind == Address::Kind::mac;
      say_toml(fmt::format("[[host]]\nname = \"{}\"\n{}{}", who.name.empty() ? "…" : printable(who.name), by_mac ? fmt::format("mac = \"{}\"\n", text_of(who.address)) : fmt::format("address = \"{}\"\n", text_of(who.address)), by_mac ? "" : mac));
    }
    fmt::print("\n");
  }

  void conversation(const Question& q) {
    // What is known between the two, in both directions; where nothing is, the question as it was put.
    struct Pair { Who client, server; uint16_t protocol, port; };
    std::vector<Pair> pairs;
    const auto add = [&](const Who& client, const Who& server, uint16_t protocol, uint16_t port) {
      if (q.protocol >= 0 && protocol != q.protocol) return;
      for (const Pair& p : pairs)
        if (p.client.address == client.address && p.protocol == protocol && (p.port == port || !port)) return;
      pairs.push_back({client, server, protocol, port});
    };
    static const int tcp = protocol_index("tcp"), udp = protocol_index("udp");
    for (const auto& [client, server] : {std::pair(&q.a, &q.b), std::pair(&q.b, &q.a)}) {
      for (const ConversationMemory& c : memory_.conversations())
        if (same(c.client, *client) && same(c.server, *server) && (c.protocol != tcp && c.protocol != udp)) add(who_is(c.client, site_, memory_), who_is(c.server, site_, memory_), c.protocol, c.port);
      for (const SiteConversation& c : site_.conversations)
        if (c.protocol_index >= 0 && c.client.kind == Selector::Kind::host && c.server.kind == Selector::Kind::host && site_.matches(c.client, client->address, client->id) && site_.matches(c.server, server->address, server->id))
          add(*client, *server, uint16_t(c.protocol_index), c.ports.empty() ? 0 : c.ports[0].number);
    }
    if (pairs.empty()) {
      const int protocol = q.protocol;
      uint16_t port = 0;
      if (protocol >= 0)
        for (const Port& p : protocols[size_t(protocol)]->ports)
          if (!port && (p.carrier == Carrier::tcp || p.carrier == Carrier::udp)) port = p.number;
      if (protocol < 0) {
        fmt::print("{} → {}\n", q.a.text(), q.b.text());
        say("declared", "no"), say("learned", "no");
        say("so", nobody() ? "nothing is declared and nothing was learned, so nothing of it is told." : "these two are strangers to each other: the first word is NET-02.");
        say_toml(toml(q.a, q.b, "modbus", 0, reading_acts, nullptr) + "# the protocol, and what it may do: as it is");
        fmt::print("\n");
        return;
      }
      pairs.push_back({q.a, q.b, uint16_t(protocol), port});
    }
    for (const Pair& p : pairs) one(p.client, p.server, p.protocol, p.port, q);
  }

 private:
  static constexpr size_t most = 24;
  bool nobody() const { return site_.empty() && memory_.empty(); }
  bool same(const Address& a, const Who& w) const { return a == w.address || (w.id && site_.host_of(a) == w.id); }
  const SiteConversation* declared(const Address& client, const Address& server, uint16_t protocol, uint16_t port) const { return site_.conversation({client, 0}, {server, port}, protocol); }

  std::string toml(const Who& client, const Who& server, std::string_view protocol, uint16_t port, ActSet acts, const std::string* object) const {
    return fmt::format("[[conversation]]\nclient = \"{}\"\nserver = \"{}\"\nprotocol = \"{}\"\n{}acts = {}\n{}", client.toml(), server.toml(), protocol, port ? fmt::format("port = {}\n", port) : "", acts_toml(acts),
                       object ? fmt::format("objects = [\"{}\"]\n", *object) : "");
  }

  void one(const Who& client, const Who& server, uint16_t protocol, uint16_t port, const Question& q) {
    const Protocol& p = *protocols[protocol];
    fmt::print("{} → {}, {}{}\n", client.text(), server.text(), p.name, port ? fmt::format(" port {}", port) : "");
    const SiteConversation* d = declared(client.address, server.address, protocol, port);
    const ConversationMemory* m = memory_.conversation(client.address, server.address, protocol, port);
    if (d) {
      std::string more;
      const auto numbers = [&](std::string_view what, const std::vector<uint64_t>& list) {
        if (!list.empty()) more += fmt::format("; {} {}", what, fmt::join(list, ", "));
      };
      numbers("stations", d->stations), numbers("origins", d->origins);
      if (!d->objects.empty()) {
        more += "; objects ";
        for (size_t i = 0; i < d->objects.size(); i++) more += (i ? ", " : "") + text_of(d->objects[i]);
      }
      say("declared", fmt::format("{}: {}{}", site_.text_of(d->place), acts_text(d->allowed), more));
    } else say("declared", "no");
    if (m) {
      uint64_t times = 0;
      for (const FunctionMemory& f : m->functions) times += f.times;
      say("learned", fmt::format("{}: {}; {} functions, {} times{}", days_text(m->first, m->last), acts_text(m->acts | m->reported), m->functions.size(), human_count(times),
                                 m->shortest_pace ? fmt::format("; two different objects commanded within {} at the least", human_duration(m->shortest_pace)) : ""));
      for (const DangerMemory& x : m->dangers)
        if (!q.act || *q.act == x.act) {
          const std::string station = station_text(protocol, x.station);
          say("", fmt::format("{}{}{} {} times: {}", name_of(x.act), station.empty() ? "" : " at ", station, x.times, x.approved ? "confirmed" : "awaits a yes"));
        }
    } else say("learned", "no");

    bool right = d || m;
    std::string why;
    ActSet wanted = (d ? d->allowed : 0) | (m ? m->acts : 0) | reading_acts;
    std::optional<Act> act = q.act;
    if (q.function) {
      const std::string_view name = function_name(p, *q.function, 0);
      const FunctionMemory* known = nullptr;
      if (m)
        for (const FunctionMemory& f : m->functions)
          if (f.function == *q.function && (!known || f.role == Role::request)) known = &f;
      for (const Function& f : p.functions)
        if (f.number == *q.function && !act) act = f.act;
      say("function", fmt::format("{}{}: {}", *q.function, name.empty() ? "" : fmt::format(" ({})", name), known ? fmt::format("learned, {} times{}", known->times, known->period ? ", about every " + human_duration(known->period) : "") : m ? "never heard while learning" : "nothing was learned here"));
    }
    if (act) {
      wanted |= bit(*act);
      const DangerMemory* danger = nullptr;
      if (m)
        for (const DangerMemory& x : m->dangers)
          if (x.act == *act && (!q.station || x.station == *q.station)) danger = &x;
      const bool dangerous = dangerous_acts & bit(*act);
      if (d && d->allows(*act)) why = fmt::format("{} is right: {} allows it.", name_of(*act), site_.text_of(d->place));
      else if (m && dangerous && danger && danger->approved) why = fmt::format("{} is right: learned, and somebody said yes.", name_of(*act));
      else if (m && dangerous && danger) right = false, why = fmt::format("{} was learned and awaits a yes: until then it is one notice a day. `vidra memory confirm {} {} {}`, or declare it.", name_of(*act), client.toml(), server.toml(), name_of(*act));
      else if (m && !dangerous && m->knows(*act)) why = fmt::format("{} is right: learned.", name_of(*act));
      else right = false, why = fmt::format("{} is not right: neither declared nor learned of these two.", name_of(*act));
    }
    if (q.object) {
      const Object o = q.object->first;
      const std::string words = text_of(*q.object);
      bool any = false;
      if (server.id)
        for (const SitePoint& x : site_.points)
          if (x.host == server.id && x.protocol == protocol && (!q.station || x.station == *q.station) && x.objects.contains(o)) {
            any = true;
            std::string more = x.direction == Direction::control ? "control" : "monitored";
            if (x.kind != PointKind::other) more += fmt::format(", {}", name_of(x.kind));
            if (x.mode == CommandMode::select) more += ", select before operate";
            if (x.mode == CommandMode::direct) more += ", direct";
            if (x.writable) more += ", writable";
            if (x.min || x.max) more += fmt::format(", {} to {}", x.min ? fmt::format("{:g}", *x.min) : "…", x.max ? fmt::format("{:g}", *x.max) : "…");
            const std::string station = station_text(protocol, x.station);
            say("object", fmt::format("{}{}{}: declared, {}: {}{}", words, station.empty() ? "" : " of ", station, site_.text_of(x.place), more, x.name.empty() ? "" : fmt::format(", \"{}{}{}\"", x.bay, x.bay.empty() ? "" : " ", x.name)));
          }
      if (!any) say("object", fmt::format("{}: {}", words, server.id && site_.has_points(server.id, protocol) ? "not among the declared points of this station" : "no points are declared here"));
      bool learned_object = false;
      if (m)
        for (const StationMemory& s : m->stations) {
          if (q.station && s.station != *q.station) continue;
          const Habit* h = s.habit(o);
          if (h) {
            learned_object = true;
            const std::string station = station_text(protocol, s.station);
            say("", fmt::format("learned{}{}: {} {} times{}{}", station.empty() ? "" : " at ", station, acts_text(h->acts), h->times, h->selected ? fmt::format(", {} after a select", h->selected) : "",
                                h->numbers ? fmt::format(", values {:g} to {:g}, steps up to {:g}", h->min, h->max, h->step) : ""));
          } else if (s.read.has(o) || s.written.has(o)) learned_object = true, say("", fmt::format("learned: {}", s.written.has(o) ? "written" : "read or reported"));
        }
      if (!learned_object && m) say("", "never heard while learning");
      const bool changes = act && changing_acts & bit(*act);
      if (changes && !any && !learned_object && right) right = false, why += (why.empty() ? "" : " ") + fmt::format("But {} is neither declared nor learned as commanded by {}.", words, client.text());
    }
    if (!why.empty()) say("so", why);
    else if (d) say("so", "it is right: declared.");
    else if (m) say("so", "it is right: learned.");
    else say("so", nobody() ? "nothing is declared and nothing was learned, so nothing of it is told." : "it is not right: its first word is NET-02, or what the protocol's own detections say.");
    if (!right || !d) {
      const std::string object = q.object ? text_of(*q.object) : "";
      say_toml(toml(client, server, p.name, port, act ? wanted : (d ? d->allowed : 0) | (m ? m->acts : 0) | reading_acts, q.object && act && changing_acts & bit(*act) ? &object : nullptr));
    }
    fmt::print("\n");
  }

  const Site& site_;
  const Memory& memory_;
};

int fail(const std::string& why, int status = exit_failed) { return fmt::print(stderr, "vidra: {}\n", why), status; }

// A line of `vidra replay --json`, or of `vidra alerts --json`.
int story(const nlohmann::json& j, const Site& site, const Memory& memory) {
  const auto text = [&](const char* key) { return j.contains(key) && j[key].is_string() ? j[key].get<std::string>() : std::string(); };
  const Detection* d = detection(text("detection"));
  if (!d) return fail(fmt::format("this story's detection \"{}\" is none of this build", printable(text("detection"))));
  fmt::print("{} {} (severity {}): {}\n", d->id, d->title, j.value("severity", 0), printable(text("what")));
  if (!text("expected").empty()) say("expected", printable(text("expected")));
  say("means", std::string(d->why));
  say("next", std::string(d->next));
  fmt::print("\n");
  Explainer e(site, memory);
  const auto source = parse_address(text("source")), target = parse_address(text("target"));
  Question q;
  if (source) q.a = who_is(*source, site, memory);
  if (target) q.b = who_is(*target, site, memory);
  q.protocol = protocol_index(text("protocol"));
  q.object = parse_object_range(text("object"));
  if (q.a.known() && q.b.known() && q.protocol >= 0) e.conversation(q);
  else if (q.a.known()) e.host(q.a);
  else if (q.b.known()) e.host(q.b);
  fmt::print("How to tune {}: {}\n", d->id, d->tune);
  return exit_done;
}

int explain(const ExplainOptions& o) {
  Problems problems;
  SensorSettings settings = load_settings(o.config, problems);
  if (!o.sites.empty()) settings.site = std::make_shared<const Site>(load_site(std::span(o.sites), problems));
  if (!o.memory.empty()) settings.memory = o.memory;
  const Memory memory = load_learned(settings, problems);
  for (const std::string& p : problems) fmt::print(stderr, "vidra: {}\n", p);
  if (!problems.empty()) return exit_failed;
  const Site& site = *settings.site;
  if (site.empty() && memory.empty()) fmt::print(stderr, "vidra: nothing is declared and nothing was learned; name the sensor's settings with --config, or a site with --site and what was learned with --memory\n");

  if (o.what[0] == "-" || o.what[0].front() == '{') {
    int status = exit_done;
    const auto line = [&](const std::string& s) {
      const nlohmann::json j = nlohmann::json::parse(s, nullptr, false);
      status = std::max(status, j.is_object() ? story(j, site, memory) : fail("this is no story: one line of `vidra replay --json` is"));
    };
    if (o.what[0] != "-") return line(fmt::format("{}", fmt::join(o.what, " "))), status;
    for (std::string s; std::getline(std::cin, s);)
      if (!s.empty()) line(s), fmt::print("\n");
    return status;
  }
  Question q;
  for (const std::string& word : o.what) {
    const Who w = who_is(word, site, memory);
    if (w.known() && !q.a.known()) { q.a = w; continue; }
    if (w.known() && !q.b.known()) { q.b = w; continue; }
    if (const int p = protocol_index(word); p >= 0) { q.protocol = p; continue; }
    if (const auto a = act_named(word)) { q.act = a; continue; }
    if (const auto r = parse_object_range(word)) { q.object = r; continue; }
    if (word.starts_with("station=")) { q.station = std::strtoull(word.c_str() + 8, nullptr, 0); continue; }
    bool number = !word.empty() && word.size() < 6;
    for (const char c : word) number &= c >= '0' && c <= '9';
    if (number) { q.function = uint16_t(std::stoul(word)); continue; }
    bool found = false;
    for (size_t p = 0; p < protocols.size() && !found; p++)
      if (q.protocol < 0 || size_t(q.protocol) == p)
        for (const Function& f : protocols[p]->functions)
          if (f.name == word) { q.function = f.number, q.protocol = int(p), found = true; break; }
    if (found) continue;
    std::vector<std::string> names = names_of(site, memory);
    std::vector<std::string_view> near_to(names.begin(), names.end());
    for (const Protocol* p : protocols) near_to.push_back(p->name);
    for (size_t i = 0; i < act_count; i++) near_to.push_back(name_of(Act(i)));
    const std::string_view near = nearest(word, near_to);
    return fail(fmt::format("\"{}\" is no host, protocol, function, act or object here{}. Examples: rtu1; 10.10.1.20; scada rtu1; scada rtu1 iec104 operate; scada rtu1 iec104 \"information object 5101\" station=11", word,
                            near.empty() ? "" : fmt::format(", did you mean \"{}\"?", near)));
  }
  if (!q.a.known()) return fail("whom do you mean? Name a host, or two that speak: vidra explain scada rtu1", exit_usage);
  Explainer e(site, memory);
  if (q.b.known()) e.conversation(q);
  else e.host(q.a);
  return exit_done;
}

}  // namespace

void add_explain(CommandLine app, int& status) {
  const CommandLine c = app.command("explain", "why something is normal or not: declared where, learned when, or unknown; and what would make it right");
  auto o = std::make_shared<ExplainOptions>();
  c.option("WHAT", o->what, "a host; or two hosts, and a protocol, act, function or object; or a line of `vidra replay --json`; - for such lines on standard input").required();
  c.option("--config", o->config, "the sensor's settings, or a site file");
  c.option("--site", o->sites, "site files instead; may be given again").one_word();
  c.option("--memory", o->memory, "what was learned; absent: what the settings name");
  c.footer("Examples:\n  vidra explain --config /etc/vidra/vidra.toml rtu1\n  vidra explain --config /etc/vidra/vidra.toml scada rtu1 iec104 operate \"information object 5101\"\n  vidra replay --json --config site.toml monday.pcap | vidra explain --config site.toml -");
  c.runs([o, &status] { status = explain(*o); });
}

}  // namespace vidra
