// SPDX-License-Identifier: Apache-2.0
#include "daemon/tool/judging.h"

#include <fmt/format.h>

#include <map>
#include <stdexcept>
#include <tuple>

#include "daemon/judge/judge.h"
#include "daemon/report/reporter.h"
#include "daemon/report/words.h"
#include "daemon/tool/commands.h"
#include "daemon/tool/playing.h"

namespace vidra {
namespace {

// The last state of each story.
struct Stories final : StorySink {
  void tell(const Story& s) override { last[s.number] = s; }
  std::map<uint64_t, Story> last;
};

auto key_of(const Story& s) { return std::tuple(s.detection->id, s.source.address, s.target.address, s.port, s.station, s.object); }

std::string who(const Party& p) {
  const std::string address = text_of(p.address);
  return p.name.empty() || p.name == address ? address : fmt::format("{} ({})", p.name, address);
}

}  // namespace

Judged judge_files(const std::vector<std::string>& files, SensorSettings settings, Memory memory) {
  settings.judge.mode = JudgeSettings::Mode::watch;
  settings.traffic.interfaces = 1;      // what a file does not hold is not silent
  Judged out;
  Stories stories;
  Reporter reporter(settings.report, stories);
  Judge judge(settings.site, std::move(memory), settings.judge, reporter);
  Traffic traffic(settings.traffic, judge);
  const PlayedFiles played = play_files(files, traffic, [&](Time now) {
    judge.tick(now);
    reporter.tick(now);
  });
  out.packets = played.packets, out.first = played.first, out.last = played.last, out.status = played.status;
  judge.tick(out.last);
  reporter.tick(out.last);
  judge.finish(out.last);
  reporter.finish(out.last);
  for (auto& [number, story] : stories.last) out.stories.push_back(std::move(story));
  const Accounts& a = traffic.accounts();
  out.octets = a.octets();
  out.conversations = a.conversations;
  for (const ProtocolAccount& p : a.protocols) out.records += p.records;
  out.inventory = Inventory(judge.inventory());
  return out;
}

Comparison compared(const std::vector<Story>& before, const std::vector<Story>& after) {
  Comparison c;
  std::multimap<decltype(key_of(before[0])), const Story*> waiting;
  for (const Story& s : after) waiting.emplace(key_of(s), &s);     // equal keys stay in their order
  std::map<const Story*, bool> met;
  for (const Story& s : before) {
    const auto it = waiting.find(key_of(s));
    if (it == waiting.end()) {
      c.only_old.push_back(&s);
      continue;
    }
    const Story& now = *it->second;
    if (now.severity != s.severity || now.count != s.count || now.in_window != s.in_window) c.changed.emplace_back(&s, &now);
    else c.same++;
    met[&now] = true;
    waiting.erase(it);
  }
  for (const Story& s : after)
    if (!met.contains(&s)) c.only_new.push_back(&s);
  return c;
}

std::string headline(const Story& s) {
  std::string out(s.detection->title);
  const bool from = s.source.address.kind != Address::Kind::none, to = s.target.address.kind != Address::Kind::none;
  if (from || to) out += ": ";
  if (from) out += who(s.source);
  if (from && to) out += " → ";
  if (to) out += who(s.target);
  for (const std::string* more : {&s.station, &s.object})
    if (!more->empty()) out += ", " + *more;
  return printable(out);
}

}  // namespace vidra
