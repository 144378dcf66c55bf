// SPDX-License-Identifier: Apache-2.0
#include "daemon/judge/works.h"

#include <fmt/format.h>

#include <algorithm>

#include "daemon/base/text.h"
#include "daemon/judge/rules.h"

namespace vidra {
namespace {

constexpr Want wants_of_works[] = {{.acts = changing_acts, .roles = Want::requests}, {.newcomers = true}};
constexpr Time still_there = 10 * minute, remind_every = day;

std::string title(const std::string& name, const std::string& permit, const std::string& opener) {
  return fmt::format("{}{}{}", name, permit.empty() ? "" : ", permit " + permit, opener.empty() ? "" : ", opened by " + opener);
}
uint64_t cause_of(const std::string& name, Time start) { return text_key(name) ^ uint64_t(start); }

// What is left behind by an act, apart from a position that was commanded: those are seen in the process.
bool leaves(Act a) { return a == Act::write || a == Act::configure || a == Act::program || a == Act::file; }

Finding of_nobody(const Detection& d, Time now, uint64_t cause) {
  Finding f;
  f.detection = &d;
  f.severity = d.severity;
  f.scene.time = now;
  const int sensor = protocol_index("sensor");
  f.scene.protocol = uint16_t(sensor < 0 ? 0 : sensor);
  f.cause = cause;
  return f;
}

}  // namespace

struct Works::Values : Recent<Value> { using Recent::Recent; };

Works::Works() : ended_(row("WRK-01")), overdue_(row("WRK-02")), values_(std::make_unique<Values>(4096)) {}
Works::~Works() = default;

std::span<const Want> Works::wants() const { return wants_of_works; }

Works::Open* Works::find(const Window& w) {
  for (Open& o : open_)
    if (o.name == w.name && o.start == w.start) return &o;
  return nullptr;
}

void Works::see(const Event& e, const Context& c, Findings&) {
  if (c.newcomer && !c.newcomer->known())
    for (Open& o : open_) {
      if (std::find(o.newcomers.begin(), o.newcomers.end(), c.newcomer->address) != o.newcomers.end()) continue;
      if (o.newcomers.size() < most_newcomers) o.newcomers.push_back(c.newcomer->address);
      else o.newcomers_unkept++;
    }
  if (!e.said || e.said->role != Role::request || e.said->link || !(changing_acts & bit(e.said->act))) return;
  const Scene& s = e.scene;
  const HostId client = c.conversation.client, server = c.conversation.server;
  for (const Point& p : e.points) {
    const uint64_t key = key_of(key_of(key_of(s.server.address), e.said->station), p.object.key());
    const bool counts = leaves(e.said->act) || (e.said->act == Act::operate && (p.kind == ValueKind::real || p.kind == ValueKind::integer || p.kind == ValueKind::natural));
    const Value before = counts ? values_->at(key) : Value{};
    if (counts && p.has_number()) values_->at(key) = {p.number(), true};
    if (open_.empty()) continue;
    const SitePoint* declared = c.site.point(server, s.protocol, e.said->station, p.object);
    const Window* w = c.site.window(c.now, client, server, declared ? std::string_view(declared->bay) : std::string_view(), e.said->act);
    Open* o = w ? find(*w) : nullptr;
    if (!o) continue;
    o->commands += e.said->act == Act::operate;
    if (!counts) continue;
    auto at = std::find_if(o->changes.begin(), o->changes.end(), [key](const Change& x) { return x.key == key; });
    if (at == o->changes.end()) {
      if (o->changes.size() >= most_changes) {
        o->changes_unkept++;
        continue;
      }
      const std::string object = p.object.kind() == ObjectKind::named ? object_text(p.object, 1, e.texts) : object_label(c, s, e.said->station, p.object);
      const std::string station = station_text(s.protocol, e.said->station);
      o->changes.push_back({key, fmt::format("{}{}{} {}", c.text(s.server.address), station.empty() ? "" : ", ", station, object), e.said->act, 0, before, {}});
      at = o->changes.end() - 1;
    }
    at->times++;
    at->act = std::max(at->act, e.said->act);
    if (p.has_number()) at->after = {p.number(), true};
  }
}

void Works::softened(const Window& w, const Finding& f) {
  Open* o = find(w);
  if (!o) return;
  o->findings += f.weight;
  o->by_detection[f.detection->id] += f.weight;
}

void Works::tick(const Context& c, Findings& out) {
  if (c.site.windows.empty() && open_.empty()) return;
  for (Open& o : open_) o.there = false;
  for (const Window& w : c.site.windows) {
    const bool now = c.now >= w.start && c.now < w.until();
    if (Open* o = find(w)) {
      o->there = now;
      o->end = w.until();
    } else if (now && open_.size() < most_open) {
      Open fresh;
      fresh.name = w.name, fresh.permit = w.permit, fresh.opener = w.opener;
      fresh.start = w.start, fresh.end = w.until(), fresh.since = c.now, fresh.there = true;
      open_.push_back(std::move(fresh));
    }
    if (!w.on_the_box || w.closed || c.now < w.end || c.now - w.end > Window::longest) continue;
    auto told = std::find_if(reminded_.begin(), reminded_.end(), [&](const Overdue& r) { return r.name == w.name && r.start == w.start; });
    if (told != reminded_.end() && c.now - told->told < remind_every) continue;
    if (told == reminded_.end()) {
      if (reminded_.size() >= most_open) reminded_.erase(reminded_.begin());
      told = reminded_.insert(reminded_.end(), {w.name, w.start, 0});
    }
    told->told = c.now;
    Finding f = of_nobody(overdue_, c.now, cause_of(w.name, w.start));
    f.object = w.name;
    f.what = fmt::format("The works {} were to end at {}, and nobody has closed them{}.", title(w.name, w.permit, w.opener), iso_time(w.end, 0),
                         c.now - w.end < minute ? "" : " for " + human_duration(c.now - w.end));
    f.expected = "Whoever opened a window closes it when the works are done; since its end nothing is softened any more.";
    out.raise(std::move(f));
  }
  for (size_t i = 0; i < open_.size();) {
    if (open_[i].there) { i++; continue; }
    end(open_[i], c, out);
    open_.erase(open_.begin() + ptrdiff_t(i));
  }
}

void Works::end(const Open& o, const Context& c, Findings& out) const {
  std::string what = fmt::format("The works {} ended after {}: {} {} inside", title(o.name, o.permit, o.opener), human_duration(c.now - std::max(o.start, o.since)), o.findings, o.findings == 1 ? "finding" : "findings");
  std::string ids;
  size_t n = 0;
  for (const auto& [id, times] : o.by_detection)
    if (++n <= 6) ids += fmt::format("{}{} {}", ids.empty() ? "" : ", ", id, times);
  if (!ids.empty()) what += fmt::format(" ({}{})", ids, n > 6 ? ", …" : "");
  what += fmt::format(", {} {}.", o.commands, o.commands == 1 ? "command" : "commands");

  std::string hosts;
  size_t there = 0;
  for (const Address& a : o.newcomers) {
    const HeardHost* h = out.heard(a);
    if (!h || c.now - h->last > still_there) continue;
    if (++there <= 6) hosts += (hosts.empty() ? "" : ", ") + text_of(a);
  }
  const uint64_t fresh = o.newcomers.size() + o.newcomers_unkept;
  if (fresh) what += fmt::format(" New {}: {}, of which {} still {}{}{}.", fresh == 1 ? "host" : "hosts", fresh, there, there == 1 ? "speaks" : "speak", hosts.empty() ? "" : ": " + hosts, there > 6 ? " and more" : "");

  std::string changed, written;
  size_t values = 0, others = 0;
  for (const Change& x : o.changes) {
    if (x.act == Act::write || x.act == Act::operate) {
      if (x.before.known && x.after.known && x.before.number == x.after.number) continue;       // put back
      if (++values > 6) continue;
      changed += fmt::format("{}{}{}", changed.empty() ? "" : "; ", x.object, !x.after.known ? "" : x.before.known ? fmt::format(" from {:g} to {:g}", x.before.number, x.after.number)
                                                                                                  : fmt::format(" to {:g}", x.after.number));
    } else if (++others <= 6) written += fmt::format("{}{} ({})", written.empty() ? "" : "; ", x.object, name_of(x.act));
  }
  if (values) what += fmt::format(" Values that stayed changed: {}: {}{}.", values, changed, values > 6 ? "; and more" : "");
  if (others) what += fmt::format(" Settings, programs, files: {}: {}{}.", others, written, others > 6 ? "; and more" : "");
  if (o.changes_unkept) what += fmt::format(" {} further changes were counted only.", o.changes_unkept);
  if (!there && !values && !others && !o.changes_unkept) what += " Nothing stayed changed that was heard.";

  Finding f = of_nobody(ended_, c.now, cause_of(o.name, o.start));
  f.object = o.name;
  f.weight = std::max<uint64_t>(o.findings, 1);
  f.what = std::move(what);
  f.expected = "What stays behind belongs to the works; what does not is undone.";
  out.raise(std::move(f));
}

}  // namespace vidra
