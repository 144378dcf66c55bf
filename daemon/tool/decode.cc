// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

#include "daemon/base/text.h"
#include "daemon/report/words.h"
#include "daemon/tool/commands.h"
#include "daemon/tool/no_such.h"
#include "daemon/tool/playing.h"
#include "daemon/tool/sentence.h"

namespace vidra {
namespace {

// What was said, by protocol and function.
struct Counted {
  struct Function {
    uint64_t records = 0, request = 0, response = 0, report = 0, refused = 0;
    std::map<uint8_t, uint64_t> frames;
  };
  uint64_t messages = 0, malformed = 0;
  std::map<uint16_t, Function> functions;
  std::set<std::pair<uint16_t, uint16_t>> rows;    // of the protocol's table, seen
  std::vector<uint64_t> frames;
  std::map<std::string, uint64_t> summed;          // what streams count of themselves: the natural numbers of their summaries, by name
  // The same by station, and how many conversations spoke of it.
  struct Stream { std::map<std::string, uint64_t> counts; std::set<uint64_t> flows; };
  std::map<std::string, Stream> streams;
};

struct DecodeOptions {
  std::vector<std::string> files;
  bool count = false, json = false;
  std::vector<std::string> protocols, hosts, acts;
  uint64_t limit = 0;
};

class Decode final : public EventSink {
 public:
  Decode(const DecodeOptions& options) : options_(options), counted_(protocols.size()) {
    for (size_t i = 0; i < protocols.size(); i++) counted_[i].frames.resize(protocols[i]->frames.size());
  }

  void packet(const Packet& p) { stamp_ = p.stamp; }

  void see(const Event& e) override {
    if (e.said) count(e);
    if (options_.count || !wanted(e) || (options_.limit && printed_ >= options_.limit)) return;
    printed_++;
    if (options_.json) {
      const std::string line = sentence_json(e, stamp_).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
      std::fwrite(line.data(), 1, line.size(), stdout), std::fputc('\n', stdout);
      return;
    }
    const std::string from = text_of(e.scene.speaker()), to = text_of(e.scene.listener());
    fmt::print("{:>7} {} {:<7} {} → {}  {}\n", e.scene.frame, iso_time(stamp_, 6).substr(11, 15), protocols[e.scene.protocol]->name, from, to, printable(sentence(e)));
  }

  void print_counts(const Accounts& a, uint64_t packets) const {
    const Octets o = a.octets();
    nlohmann::ordered_json j;
    j["packets"] = packets;
    j["bytes"] = {{"seen", o.seen}, {"decoded", o.decoded}, {"opaque", o.opaque}, {"lost", o.lost}};
    j["protocols"] = nlohmann::ordered_json::object();
    for (size_t i = 0; i < protocols.size(); i++) {
      const Counted& c = counted_[i];
      const uint64_t records = i < a.protocols.size() ? a.protocols[i].records : 0;
      if ((!c.messages && !records) || protocols[i]->name == "sensor") continue;
      nlohmann::ordered_json p;
      p["records"] = records;
      p["messages"] = c.messages;
      p["malformed"] = c.malformed;
      p["functions"] = nlohmann::ordered_json::object();
      for (const auto& [number, f] : c.functions) {
        nlohmann::ordered_json& row = p["functions"][std::to_string(number)] = {{"name", name(*protocols[i], number)}, {"records", f.records}, {"request", f.request},
                                                                                {"response", f.response}, {"report", f.report}, {"refused", f.refused}};
        if (f.frames.size() > 1)
          for (const auto& [kind, n] : f.frames) row["frames"][std::string(protocols[i]->frames[kind])] = n;
      }
      if (!c.frames.empty())
        for (size_t k = 0; k < c.frames.size(); k++) p["frames"][std::string(protocols[i]->frames[k])] = c.frames[k];
      for (const auto& [what, n] : c.summed) p["summed"][what] = n;
      for (const auto& [station, stream] : c.streams) {
        p["streams"][station] = stream.counts;
        p["streams"][station]["conversations"] = stream.flows.size();
      }
      j["protocols"][std::string(protocols[i]->name)] = p;
    }
    fmt::print("{}\n", j.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));   // a name may be no UTF-8
  }

  void print_table(const Accounts& a, uint64_t packets) const {
    const Octets o = a.octets();
    fmt::print("\n{} packets, {} conversations; payload {} = decoded {} + opaque {} + lost {}\n", human_count(packets), human_count(a.conversations),
               human_bytes(o.seen), human_bytes(o.decoded), human_bytes(o.opaque), human_bytes(o.lost));
    fmt::print("{:<10} {:>13} {:>10} {:>10} {:>10}  {}\n", "protocol", "conversations", "records", "messages", "malformed", "functions heard");
    for (size_t i = 0; i < protocols.size(); i++) {
      const Counted& c = counted_[i];
      const ProtocolAccount account = i < a.protocols.size() ? a.protocols[i] : ProtocolAccount{};
      if (!c.messages && !account.records) continue;
      fmt::print("{:<10} {:>13} {:>10} {:>10} {:>10}  {} of {}\n", protocols[i]->name, account.conversations, account.records, c.messages, c.malformed,
                 c.rows.size(), protocols[i]->functions.size());
    }
  }

 private:
  static std::string name(const Protocol& p, uint16_t number) {
    const std::string_view whole = function_name(p, number, 0xffff);
    return whole.empty() ? std::string(function_name(p, number, 0)) : std::string(whole);
  }

  void count(const Event& e) {
    const Message& m = *e.said;
    if (m.continued) return;
    Counted& c = counted_[e.scene.protocol];
    c.messages++;
    c.malformed += m.malformed;
    if (m.link && m.malformed && m.function == 0) return;   // octets without a record: heard once, counted as malformed
    if (m.frame < c.frames.size()) c.frames[m.frame]++;
    const Protocol& p = *protocols[e.scene.protocol];
    for (const Function& f : p.functions)
      if (f.number == m.function && (f.sub == m.sub_function || f.sub == 0xffff)) {
        c.rows.insert({f.number, f.sub});
        if (f.sub == m.sub_function) break;
      }
    if (m.link) return;
    Counted::Function& f = c.functions[m.function];
    f.records++;
    (m.role == Role::request ? f.request : m.role == Role::response ? f.response : f.report)++;
    f.refused += m.refused && m.role == Role::response;
    if (m.frame < c.frames.size()) f.frames[m.frame]++;
    const std::string_view name = function_name(p, m.function, m.sub_function);
    if (name == "summary") add_up(e, c);
    if (name == "not well formed" && m.station) of_stream(e, c).counts["malformed"]++;
  }

  static Counted::Stream& of_stream(const Event& e, Counted& c) {
    const std::string station(e.texts.find(e.said->station));
    Counted::Stream& s = c.streams[station.empty() ? std::to_string(e.said->station) : station];
    s.flows.insert(e.scene.flow);
    return s;
  }
  static void add_up(const Event& e, Counted& c) {
    for (const Point& point : e.points) {
      if (point.kind != ValueKind::natural || point.object.kind() != ObjectKind::named) continue;
      const std::string what(e.texts.find(point.object.key() & ~(0xffull << 56)));
      c.summed[what] += point.raw;
      if (e.said->station) of_stream(e, c).counts[what] += point.raw;
    }
  }

  bool wanted(const Event& e) const {
    const auto in = [](const std::vector<std::string>& list, std::string_view word) { return list.empty() || std::find(list.begin(), list.end(), word) != list.end(); };
    if (!in(options_.protocols, protocols[e.scene.protocol]->name)) return false;
    if (!options_.hosts.empty() && !in(options_.hosts, text_of(e.scene.client.address)) && !in(options_.hosts, text_of(e.scene.server.address))) return false;
    return options_.acts.empty() || (e.said && in(options_.acts, name_of(e.said->act)));
  }

  const DecodeOptions& options_;
  std::vector<Counted> counted_;
  Time stamp_ = 0;
  uint64_t printed_ = 0;
};

int decode(const DecodeOptions& o) {
  int status = exit_done;
  for (const std::string& path : o.files) {
    try {
      Decode sink(o);
      Traffic traffic(TrafficSettings{}, sink);
      const Played played = play(path, traffic, [&](const Packet& p) { sink.packet(p); }, nullptr);
      if (o.count) sink.print_counts(traffic.accounts(), played.packets);
      else if (!o.json) sink.print_table(traffic.accounts(), played.packets);
      if (!played.flaw.empty()) {
        fmt::print(stderr, "vidra: {}\n", played.flaw);
        if (status == exit_done) status = exit_damaged;
      }
    } catch (const std::runtime_error& e) {
      fmt::print(stderr, "vidra: {}\n", e.what());
      status = exit_failed;
    }
  }
  return status;
}

}  // namespace

void add_decode(CommandLine app, int& status) {
  const CommandLine c = app.command("decode", "what a capture says: one line a message");
  auto o = std::make_shared<DecodeOptions>();
  c.option("FILE", o->files, "pcap or pcapng, plain, gzip or zstd; - is standard input").required();
  const Option count = c.flag("--count", o->count, "only counts of everything, as one JSON object");
  c.flag("--json", o->json, "one message a line, every field").excludes(count);
  c.option("--protocol", o->protocols, "only these, by name").excludes(count).check([](const std::string& s) { return protocol_index(s) < 0 ? no_such_protocol(s) : ""; });
  c.option("--host", o->hosts, "only conversations with these addresses").excludes(count).reads([](std::string& s) -> std::string {
    const auto address = parse_address(s);
    if (!address) return s + " is no address: 10.0.0.1, 2001:db8::1 or 00:11:22:33:44:55 are";
    s = text_of(*address);                     // as it is compared
    return "";
  });
  c.option("--act", o->acts, "only these acts: read, write, operate, …").excludes(count).check([](const std::string& s) {
    std::vector<std::string_view> all;
    for (size_t i = 0; i < act_count; i++) all.push_back(name_of(Act(i)));
    return std::find(all.begin(), all.end(), s) == all.end() ? no_such("act", s, all, fmt::format("there are {}", fmt::join(all, ", "))) : "";
  });
  c.option("--limit", o->limit, "at most so many messages").excludes(count);
  c.runs([o, &status] { status = decode(*o); });
}

}  // namespace vidra
