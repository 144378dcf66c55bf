// SPDX-License-Identifier: Apache-2.0
#include "daemon/report/reporter.h"

#include <fmt/format.h>
#include <algorithm>
#include <cassert>
#include <vector>

#include "daemon/base/mix.h"
#include "daemon/base/text.h"
#include "daemon/record/header.h"
#include "daemon/report/words.h"

namespace vidra {
namespace {

// A maintenance window keeps a finding and takes its urgency (story.h: in_window).
constexpr uint8_t worst_in_window = 2;
constexpr uint64_t collective_cause = ~uint64_t{0};

void note(Story& s, const Scene& at) {
  s.on_wire |= at.client.address != Address{} || at.server.address != Address{};
  if (s.deciding.size() < most_deciding) s.deciding.push_back({at.time, at.frame, at.client.address, at.server.address});
}

// What tells that somebody is at a service who has no business there: what he does at once is what he came for.
bool opens_session(const Detection& d) {
  constexpr std::string_view rows[] = {"I104-01", "DNP-01", "MOD-01", "MMS-01", "ICP-01", "PMU-01", "NET-02", "NET-03"};
  return std::find(std::begin(rows), std::end(rows), d.id) != std::end(rows);
}
constexpr Time of_one_cause = minute;

std::string protocol_of(const Scene& at) { return at.protocol < protocols.size() ? std::string(protocols[at.protocol]->name) : ""; }

uint8_t severity_of(const Finding& f) {
  const uint8_t s = std::clamp<uint8_t>(f.severity, 1, 5);
  return f.in_window ? std::min(s, worst_in_window) : s;
}

}  // namespace

std::vector<std::string> texts_of(const std::vector<StoryStep>& steps) {
  std::vector<std::string> all;
  for (const StoryStep& s : steps) all.push_back(fmt::format("{} {}: {}{}", iso_time(s.first, 0).substr(11, 8), s.detection->id, s.what, s.count > 1 ? fmt::format(" ({} times)", s.count) : ""));
  return all;
}

size_t Reporter::KeyHash::operator()(const Key& k) const {
  return size_t(mix(k.cause ^ mix(k.source) ^ mix(k.target, 1) ^ reinterpret_cast<uintptr_t>(k.detection)));
}

Reporter::Reporter(const ReportSettings& settings, StorySink& to) : settings_(settings), to_(to) {}

// From what the story is about and when it began: the same in a replay and at every collector, and never the same for two
// stories of a sensor, since a key's next story begins after the end of its last.
std::string Reporter::id_of(const Key& key, Time first) const {
  return uuid_of(fmt::format("vidra:story:{}:{}:{}:{}:{:x}:{}", settings_.sensor, key.detection->id, text_of(key.source), text_of(key.target), key.cause, first));
}

void Reporter::found(Finding&& f) {
  assert(f.detection);
  advance(std::max(clock_, f.scene.time));
  counters_.findings++;
  heard_in_second_++;
  if (resemblances_.see(f)) liken(f.source.address);
  const Key key{f.detection, f.source.address, f.target.address, f.cause};
  if (auto i = index_.find(key); i != index_.end()) return merge(i->second, key, std::move(f));
  if (join(key, f)) return;
  if (room_for(f.detection, severity_of(f))) return open(key, std::move(f), false);
  counters_.folded++;
  const Key collective{f.detection, {}, {}, collective_cause};
  if (auto i = index_.find(collective); i != index_.end()) return merge(i->second, collective, std::move(f));
  open(collective, std::move(f), true);
}

// What a source has done so far is like something that is known: its stories say so with their next word.
void Reporter::liken(const Address& source) {
  for (auto& [key, at] : index_) {
    if (!(key.source == source) || at->collective) continue;
    const Resemblance* like = resemblances_.of(source, key.detection);
    auto& said = at->story.resembles;
    if (!like || said == *like || (at->keys.size() > 1 && said && said->name != like->name && said->confidence >= like->confidence)) continue;
    said = *like;
    if (at->pending) continue;
    at->pending = true;
    due_.insert({at->told + settings_.update_every, at->story.number, &*at});
  }
}

bool Reporter::room_for(const Detection* d, uint8_t severity) {
  Kind& kind = kinds_[d];
  if (kind.second != second_) kind = {second_, 0, 0};
  const bool new_voice = kind.opened == 0 || severity > kind.worst;
  if (!new_voice && (kind.opened >= settings_.new_stories_of_kind || opened_in_second_ >= settings_.new_stories)) return false;
  kind.opened++;
  kind.worst = std::max(kind.worst, severity);
  opened_in_second_++;
  return true;
}

void Reporter::open(const Key& key, Finding&& f, bool collective) {
  if (open_ >= settings_.open_stories)
    for (Opens& list : opens_)
      if (!list.empty()) {
        close(list.begin(), true);
        break;
      }
  const uint8_t severity = severity_of(f);
  Opens& list = opens_[severity];
  list.emplace_back();
  Open& o = list.back();
  o.keys = {key};
  o.collective = collective;
  o.heard = clock_;
  o.second = second_;
  o.in_second = 1;
  Story& s = o.story;
  s.number = ++last_number_;
  s.id = id_of(key, f.scene.time);
  s.detection = f.detection;
  s.severity = severity;
  s.first = s.last = f.scene.time;
  s.count = f.weight;
  s.frame = f.scene.frame;
  s.clock_error = f.clock_error, s.clock = f.clock;
  s.in_window = f.in_window;
  note(s, f.scene);
  lead_on(o, f);
  take_words(o, std::move(f));
  index_.emplace(key, std::prev(list.end()));
  if (o.session) causes_.insert_or_assign(*o.session, std::prev(list.end()));
  if (o.inquiry) causes_.insert_or_assign(*o.inquiry, std::prev(list.end()));
  open_++;
  counters_.stories++;
  tell(o);
}

// Under what further steps of this story would be looked for.
void Reporter::lead_on(Open& o, const Finding& f) {
  const Detection& d = *f.detection;
  if (o.collective || d.under || d.audience != Audience::security || f.source.address.kind == Address::Kind::none) return;
  if (opens_session(d) && f.target.address.kind != Address::Kind::none && f.scene.server.port) o.session = Key{nullptr, f.source.address, f.target.address, f.scene.server.port};
  if (f.act == Act::identify) o.inquiry = Key{nullptr, f.source.address, {}, collective_cause};
}

// Takes the finding as a step of an open story whose cause is its own.
bool Reporter::join(const Key& key, Finding& f) {
  const Detection& d = *f.detection;
  if (!settings_.steps || d.under || d.audience != Audience::security || f.source.address.kind == Address::Kind::none) return false;
  auto cause = causes_.find(Key{nullptr, f.source.address, f.target.address, f.scene.server.port});
  if (cause == causes_.end() && f.act == Act::identify) cause = causes_.find(Key{nullptr, f.source.address, {}, collective_cause});
  if (cause == causes_.end()) return false;
  const Opens::iterator at = cause->second;
  Story& s = at->story;
  if (f.scene.time - s.first > of_one_cause || s.steps.size() >= most_steps_of_story) return false;
  if (s.steps.empty()) s.steps.push_back({s.detection, s.first, s.count, s.severity, s.what, s.target, s.port, s.protocol});
  s.steps.push_back({f.detection, f.scene.time, 0, severity_of(f), shortened(f.what, longest_sentence), {f.target.address, shortened(f.target.name, longest_name)}, f.scene.server.port,
                     protocol_of(f.scene)});
  at->keys.push_back(key);
  index_.emplace(key, at);
  // What is done there now says more than what was, and than that somebody came.
  if (severity_of(f) == s.severity && !opens_session(d) && f.target.address == s.target.address) at->lead = at->keys.size() - 1, s.detection = &d, s.turned = true;
  counters_.steps++;
  merge(at, key, std::move(f), true);
  return true;
}

void Reporter::merge(Opens::iterator at, const Key& key, Finding&& f, bool at_once) {
  Open& o = *at;
  const size_t step = size_t(std::find(o.keys.begin(), o.keys.end(), key) - o.keys.begin());
  if (step < o.story.steps.size()) o.story.steps[step].count += f.weight;
  Story& s = o.story;
  s.count += f.weight;
  s.first = std::min(s.first, f.scene.time);
  s.last = std::max(s.last, f.scene.time);
  s.in_window = s.in_window && f.in_window;
  note(s, f.scene);
  if (f.clock_error > s.clock_error) s.clock_error = f.clock_error, s.clock = f.clock;
  if (o.second != second_) o.second = second_, o.in_second = 0;
  const bool many = ++o.in_second > settings_.findings_of_story || heard_in_second_ > settings_.findings;
  const bool flooding = many && !at_once;            // a new step is read: there are few, and it may give the story its name
  const uint8_t severity = severity_of(f);
  const bool worse = severity > s.severity;
  Opens& from = opens_[s.severity];
  s.severity = std::max(s.severity, severity);
  s.turned = s.turned || worse;
  opens_[s.severity].splice(opens_[s.severity].end(), from, at);
  o.heard = clock_;
  if (worse && step < s.steps.size()) o.lead = step, s.detection = f.detection;
  if (step < s.steps.size()) s.steps[step].severity = std::max(s.steps[step].severity, severity);
  if (flooding && !worse) counters_.unread++;
  else if (severity == s.severity && step == o.lead) take_words(o, std::move(f));
  if (at_once || o.told + settings_.update_every <= clock_) tell(o);
  else if (!o.pending) {
    o.pending = true;
    due_.insert({o.told + settings_.update_every, s.number, &o});
  }
}

void Reporter::take_words(Open& o, Finding&& f) {
  Story& s = o.story;
  s.confidence = std::clamp(f.confidence, 0.0, 1.0);
  s.protocol = protocol_of(f.scene);
  s.expected = shortened(f.expected, longest_sentence);
  if (o.collective) {   // many pairs: naming one of them would mislead
    s.source.name = s.target.name = "several";
    s.what = shortened("more of these at once than are told one by one; the last of them: " + f.what, longest_sentence);
    return;
  }
  s.source = std::move(f.source);
  s.target = std::move(f.target);
  s.source.name = shortened(s.source.name, longest_name);
  s.target.name = shortened(s.target.name, longest_name);
  s.port = f.scene.server.port;
  if (const Resemblance* like = resemblances_.of(s.source.address, s.detection)) s.resembles = *like;
  s.station = shortened(f.station, longest_name);
  s.object = shortened(f.object, longest_name);
  s.what = shortened(f.what, longest_sentence);
}

void Reporter::tell(Open& o) {
  if (o.pending) {
    due_.erase({o.told + settings_.update_every, o.story.number, &o});
    o.pending = false;
  }
  o.told = clock_;
  to_.tell(o.story);
  o.story.deciding.clear();
  o.story.turned = false;
  if (o.story.revision) counters_.updates++;
  o.story.revision++;
}

void Reporter::close(Opens::iterator at, bool early) {
  at->story.closed = true;
  tell(*at);
  counters_.closed++;
  counters_.closed_early += early;
  for (const Key& k : at->keys) index_.erase(k);
  for (const auto& k : {at->session, at->inquiry})
    if (const auto c = k ? causes_.find(*k) : causes_.end(); c != causes_.end() && c->second == at) causes_.erase(c);
  open_--;
  opens_[at->story.severity].erase(at);
}

// Tells what falls due up to `now` in the order in which it falls due, so that it does not matter how often we are asked.
void Reporter::advance(Time now) {
  for (;;) {
    Opens::iterator quiet;
    Time end = now + 1;
    for (Opens& list : opens_) {
      if (list.empty()) continue;
      const Time t = list.front().heard + settings_.quiet;
      if (t > now || t > end || (t == end && quiet->story.number < list.front().story.number)) continue;
      end = t;
      quiet = list.begin();
    }
    if (!due_.empty() && due_.begin()->time <= std::min(now, end)) {
      clock_ = std::max(clock_, due_.begin()->time);
      tell(*due_.begin()->open);
    } else if (end <= now) {
      clock_ = std::max(clock_, end);
      close(quiet, false);
    } else {
      break;
    }
  }
  clock_ = std::max(clock_, now);
  if (const int64_t s = clock_ / second; s != second_) second_ = s, heard_in_second_ = opened_in_second_ = 0;
}

void Reporter::tick(Time now) { advance(std::max(clock_, now)); }

void Reporter::finish(Time now) {
  tick(now);
  std::vector<Opens::iterator> all;
  for (const auto& [key, at] : index_)
    if (key == at->keys[0]) all.push_back(at);
  std::sort(all.begin(), all.end(), [](auto a, auto b) { return a->story.number < b->story.number; });
  for (auto at : all) close(at, false);
}

}  // namespace vidra
