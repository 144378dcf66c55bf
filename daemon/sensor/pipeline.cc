// SPDX-License-Identifier: Apache-2.0
#include "daemon/sensor/pipeline.h"

#include <fmt/format.h>
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>

#include "daemon/base/clock.h"
#include "daemon/base/text.h"
#include "daemon/judge/indicators.h"
#include "daemon/sensor/ears.h"
#include "dissectors/facts.h"

namespace vidra {
namespace {

constexpr Time tick_reporter = 20 * millisecond;   // findings call it at the end of the judge's turn; what falls due by time alone may wait so long

// A fact of the sensor's own, as an event. `from`, `until`: of what took time, 0 where it is not known. `counts`: of the points behind.
void say_fact(EventSink& to, Time now, uint16_t interface, SensorFact fact, uint32_t tag, Time from = 0, Time until = 0, std::span<const uint64_t> counts = {}) {
  static const int protocol = protocol_index("sensor");
  Scene scene;
  scene.time = now;
  scene.interface = interface;
  scene.protocol = uint16_t(protocol);
  Message m;
  m.role = Role::report;
  m.act = Act::diagnose;
  m.function = uint16_t(fact);
  m.tag = tag;
  std::array<Point, 8> points;
  for (size_t i = 0; i < counts.size() && i + 1 < points.size(); i++) points[i + 1].set_natural(counts[i]);
  m.points = uint32_t(1 + counts.size());
  Point& p = points[0];
  p.object = Object(ObjectKind::capture, interface);
  p.time = from;
  if (until) p.set_time(until);
  to.see({scene, &m, nullptr, {points.data(), m.points}, Texts()});
}

}  // namespace

// One collector: what it is told goes through an outbox of its own.
struct Pipeline::Delivery {
  Delivery(const CollectorLink& c, Issuer s, std::shared_ptr<Border> b, Storage& storage, OutboxSettings box, SenderSettings link, const Keys& keys)
      : settings(c), who(std::move(s)), border(std::move(b)), outbox(storage, std::move(box), keys.sign_secret), sender(outbox, std::move(link), keys) {}
  void append(Lane lane, MessageType type, uint8_t prio, std::string body, const std::string& story = {}, uint64_t revision = 0, bool kept = false) {
    const uint8_t flags = uint8_t((kept ? record_flag::evidence : 0) | (who.test ? record_flag::test : 0) | (border->policy().plain() && border->policy().all_fields ? 0 : record_flag::redacted));
    if (!witnessed) return void(outbox.append(lane, type, prio, flags, std::move(body)));
    const std::lock_guard lock(mutex);       // the ticket is known before its acceptance can be told
    if (const uint64_t ticket = outbox.append(lane, type, prio, flags, std::move(body))) tickets[size_t(lane)][ticket] = {story, revision};
  }
  void witness(const std::function<void(const Witnessed&)>& to) {
    witnessed = true;
    outbox.on_accepted = [this, &to](const Accepted& a) {
      const std::lock_guard lock(mutex);
      auto& waiting = tickets[a.lane];
      const auto i = waiting.find(a.ticket);
      to({settings.name, a, i->second.first, i->second.second});
      waiting.erase(waiting.begin(), std::next(i));   // those before it gave way to it in memory
    };
  }
  CollectorLink settings;
  Issuer who;
  std::shared_ptr<Border> border;          // that `who` uses; the reporter's thread
  std::atomic<uint64_t> withheld{0};
  bool witnessed = false;
  std::mutex mutex;
  std::array<std::map<uint64_t, std::pair<std::string, uint64_t>>, lane_count> tickets;
  Outbox outbox;
  Sender sender;
};

// Findings on their way from the judge to the reporter; stories on their way from the reporter to the outboxes.
struct Pipeline::Dispatch final : FindingSink, StorySink {
  explicit Dispatch(Pipeline& p) : pipeline(p) {}
  void found(Finding&& f) override {
    for (int i = 0; i < 1000; i++) {
      if (pipeline.findings_.push(std::move(f))) return void(waiting = true);
      pipeline.findings_bell_.ring();
      sleep_for(100 * microsecond);
    }
    pipeline.findings_dropped_.fetch_add(1, std::memory_order_relaxed);
  }
  void tell(const Story& s) override {
    if (pipeline.on_story) pipeline.on_story(s);
    const bool kept = pipeline.evidence_ && pipeline.evidence_->told(s);
    for (const auto& d : pipeline.deliveries_) {
      const Marked m = marked(s, pipeline.markings_, d->settings.tlp);
      if (m.withheld) {
        d->withheld.fetch_add(1, std::memory_order_relaxed);
        continue;
      }
      d->who.tlp = m.tlp;
      d->append(lane_of(s), s.revision == 0 ? MessageType::alert : MessageType::update, uint8_t(s.severity * 20), story_body(m.instead ? *m.instead : s, d->who, wall_now()), s.id, s.revision, kept);
    }
  }
  Pipeline& pipeline;
  bool waiting = false;                        // the judge's: findings of which the reporter was not told
};

Pipeline::Pipeline(SensorSettings settings, Memory memory, std::vector<std::unique_ptr<Source>> sources, const Keys& keys, Storage& storage, std::shared_ptr<const Pseudonyms> pseudonyms)
    : settings_(std::move(settings)), sources_(std::move(sources)), keys_(keys), started_(wall_now()), told_names_(std::make_unique<ToldNames>(settings_.state + "/pseudonyms.told")), markings_(settings_.markings) {
  dispatch_ = std::make_unique<Dispatch>(*this);
  take_flaws(settings_.judge);
  const size_t n = sources_.size();
  settings_.traffic.interfaces = std::max<size_t>(settings_.traffic.interfaces, sources_[0]->interfaces().size());
  if (settings_.evidence.keep)
    evidence_ = std::make_unique<Evidence>(settings_.evidence, evidence_folder(settings_), Witness{uuid_text(keys_.id), settings_.name, settings_.site->name, keys_.sign_public, keys_.sign_secret}, storage, n,
                                           !sources_[0]->live());
  for (size_t i = 0; i < n; i++) {
    rings_.push_back(std::make_unique<EventRing>(settings_.ring, events_, !sources_[i]->live()));
    workers_.push_back(std::make_unique<Worker>(n == 1 ? settings_.traffic : part_of(settings_.traffic, i, n), *rings_[i], evidence_ ? &evidence_->recorder(*rings_[i], i) : nullptr));
  }
  // With a secret in them: from the other things that make a story's id its addresses could be found by trying.
  settings_.report.sensor = uuid_text(keys_.id) + (pseudonyms ? ":" + pseudonyms->secret("stories") : "");
  declared_ = std::make_shared<const Declared>(declared_of(*settings_.site, settings_.judge, settings_.name));
  reporter_ = std::make_unique<Reporter>(settings_.report, *dispatch_);
  judge_ = std::make_unique<Judge>(settings_.site, std::move(memory), settings_.judge, *dispatch_);
  learned_ = judge_->learning();
  if (!settings_.collectors.empty()) told_names_->open();
  for (const CollectorLink& c : settings_.collectors) {
    Issuer who;
    who.id = uuid_text(keys_.id);
    who.name = settings_.name;
    who.site = settings_.site->name;
    who.tlp = c.tlp;
    who.policy_id = c.policy_id;
    who.test = c.test;
    who.operations_in_full = c.operations_in_full;
    who.language = settings_.language;
    auto border = std::make_shared<Border>(c.policy, pseudonyms, declared_);
    border->told_as = [this](const std::string& pseudonym, const std::string& plain) { told_names_->told(pseudonym, plain); };
    who.border = border;
    OutboxSettings box;
    box.directory = settings_.state + "/outbox/" + c.name;
    box.sensor = keys_.id;
    box.lanes = c.lanes;
    SenderSettings link;
    link.name = c.name;
    link.endpoints = c.endpoints;
    link.server_key = c.server_key;
    link.heartbeat = c.heartbeat;
    link.backoff_longest = c.retry_longest;
    link.hello.software = "vidra " VIDRA_VERSION;
    link.hello.name = border->identity("sensor", settings_.name);
    link.hello.site = border->identity("site", settings_.site->name);
    link.hello.policy = c.policy_id;
    deliveries_.push_back(std::make_unique<Delivery>(c, who, border, storage, box, link, keys_));
  }
}

Pipeline::~Pipeline() {
  stop();
  hearing_ = false;
  events_.ring();
  if (judge_thread_.joinable()) judge_thread_.join();
  if (reporter_thread_.joinable()) reporter_thread_.join();
  for (const auto& d : deliveries_) d->sender.stop(), d->outbox.stop();
}

bool Pipeline::start(std::string& error) {
  for (const auto& d : deliveries_) {
    if (on_accepted) d->witness(on_accepted);
    d->outbox.open();
    d->outbox.start();
    if (!d->sender.start(error)) return false;
  }
  for (size_t i = 0; i < workers_.size(); i++) workers_[i]->meet(*sources_[i]);
  for (const auto& w : workers_) seen_.push_back(w->seen());
  for (const Seen::Heard& h : together(seen_)) snapshot_.interfaces.push_back({h.name, h.counters, 0, h.up, h.outage});   // there before a packet came
  if (evidence_) evidence_->start();
  if (!deliveries_.empty()) told_names_->start();
  judge_thread_ = std::thread(&Pipeline::judge, this);
  reporter_thread_ = std::thread(&Pipeline::report, this);
  return true;
}

void Pipeline::work(size_t i) {
  char name[16];
  std::snprintf(name, sizeof name, "worker %zu", i);
  pthread_setname_np(pthread_self(), name);
  if (i < settings_.capture.cores.size()) {
    cpu_set_t own;
    CPU_ZERO(&own);
    CPU_SET(size_t(settings_.capture.cores[i]), &own);
    pthread_setaffinity_np(pthread_self(), sizeof own, &own);   // that the core is there was looked at before
  }
  workers_[i]->hear(*sources_[i]);
  workers_[i]->finish();
}

void Pipeline::run() {
  std::vector<std::thread> others;
  for (size_t i = 1; i < workers_.size(); i++) others.emplace_back(&Pipeline::work, this, i);
  work(0);
  for (std::thread& t : others) t.join();
  hearing_.store(false, std::memory_order_release);
  events_.ring();
  judge_thread_.join();
  reporter_thread_.join();
  if (evidence_) evidence_->finish();
}

void Pipeline::stop() {
  for (const auto& s : sources_) s->stop();
}

void Pipeline::observe(Time until, EventSink& judge) {
  seen_.clear();
  for (const auto& w : workers_) seen_.push_back(w->seen());
  const std::vector<Seen::Heard> heard = together(seen_);
  dropped_.resize(heard.size());
  blind_.resize(heard.size());
  Time now = until;
  const Seen* newest = nullptr;
  for (const Seen& s : seen_) {
    now = std::max(now, s.now);
    if (s.apart_at && (!newest || s.apart_at > newest->apart_at)) newest = &s;
  }
  // Live, the stamps follow the wall clock and the times do not: where they part by a second, the wall was stepped.
  if (newest && std::abs(newest->apart - stepped_) >= second) {
    const Time by = newest->apart - stepped_;
    const uint64_t ahead = by > 0;
    say_fact(judge, now, 0, SensorFact::clock_stepped, uint32_t(std::min<Time>(std::abs(by) / second, UINT32_MAX)), 0, 0, {&ahead, 1});
  }
  if (newest) stepped_ = newest->apart;    // afterwards they come together again, slowly: that is no further step
  for (size_t i = 0; i < heard.size(); i++) {
    const Seen::Heard& h = heard[i];
    const Counters& c = h.counters;
    uint64_t dropped = c.dropped_by_us;
    if (c.dropped_by_card != Counters::unknown) dropped += c.dropped_by_card;
    if (c.dropped_by_kernel != Counters::unknown) dropped += c.dropped_by_kernel;
    if (dropped > dropped_[i]) say_fact(judge, now, uint16_t(i), SensorFact::dropped, uint32_t(std::min<uint64_t>(dropped - dropped_[i], UINT32_MAX)));
    dropped_[i] = dropped;
    // Each outage has a beginning and an end, though both lie within this second. What was missed of several is their last.
    const Outage& o = h.outage;
    Blind& told = blind_[i];
    if (o.count != told.count) {
      if (told.since) say_fact(judge, now, uint16_t(i), SensorFact::interface_up, 0, told.since, o.from);
      say_fact(judge, now, uint16_t(i), SensorFact::interface_down, uint32_t(o.count - told.count), o.from);
      told = {o.count, o.from};
    }
    if (told.since && o.until) {
      say_fact(judge, now, uint16_t(i), SensorFact::interface_up, uint32_t(std::min<Time>((o.until - o.from) / millisecond, UINT32_MAX)), o.from, o.until);
      told.since = 0;
    }
  }
  Accounts accounts;
  Shed shed;
  Plan plan = Plan::all, worst = Plan::all;
  for (const Seen& s : seen_) {
    accounts += s.accounts;
    shed.samples += s.shed.samples, shed.opaque += s.shed.opaque, shed.reports += s.shed.reports, shed.reads += s.shed.reads, shed.others += s.shed.others;
    plan = std::max(plan, s.plan), worst = std::max(worst, s.worst);
  }
  if (worst > degraded_.told) {
    if (degraded_.told == Plan::all) degraded_.since = now, degraded_.before = shed_;
    degraded_.told = worst;
    say_fact(judge, now, 0, SensorFact::degraded, uint32_t(worst), degraded_.since);
  }
  if (degraded_.told != Plan::all && plan == Plan::all) {
    const Shed& b = degraded_.before;
    const uint64_t left_out[] = {shed.samples - b.samples, shed.opaque - b.opaque, shed.reports - b.reports, shed.reads - b.reads};
    say_fact(judge, now, 0, SensorFact::recovered, uint32_t(degraded_.told), degraded_.since, now, left_out);
    degraded_.told = Plan::all;
  }
  // What had no room though the plan meant it to be judged.
  uint64_t unplanned = shed.others - shed_.others;
  if (worst < Plan::measurements) unplanned += shed.reports - shed_.reports + shed.reads - shed_.reads;
  if (unplanned) say_fact(judge, now, 0, SensorFact::bound_hit, uint32_t(std::min<uint64_t>(unplanned, UINT32_MAX)));
  shed_ = shed;
  std::vector<SensorStatus::Hearing> hearing;
  for (size_t i = 0; i < heard.size(); i++) hearing.push_back({heard[i].name, heard[i].counters, i < accounts.interfaces.size() ? accounts.interfaces[i].last : 0, heard[i].up, heard[i].outage});
  const std::lock_guard lock(snapshot_mutex_);
  snapshot_.accounts = std::move(accounts);
  snapshot_.shed = shed;
  snapshot_.plan = plan;
  snapshot_.interfaces = std::move(hearing);
  snapshot_.heard_until = now;
  snapshot_.slowest = std::min_element(seen_.begin(), seen_.end(), [](const Seen& a, const Seen& b) { return a.now < b.now; })->now;
}

void Pipeline::judge() {
  // A recording's workers are waited for; live, one that is held up holds up the others only for a moment.
  EventMerge merge(rings_, sources_[0]->live() ? 250 * millisecond : 0);
  Ears ears(*judge_, merge, workers_.size());
  EventSink& to = workers_.size() > 1 ? static_cast<EventSink&>(ears) : *judge_;
  Time copied = 0, observed = 0, ticked = 0;
  if (missed_.ends) say_fact(*judge_, missed_.until, 0, SensorFact::not_running, missed_.ends, missed_.from, missed_.until);
  for (;;) {
    const uint32_t rung = events_.heard();
    const bool last = !hearing_.load(std::memory_order_acquire);
    Time until = 0;
    size_t n = merge.drain(to, until);
    while (last && n)
      if (const size_t more = merge.drain(to, until)) n += more;
      else break;
    if (adopting_.exchange(false)) {
      const std::lock_guard lock(adopt_mutex_);
      judge_->adopt(adopted_site_, *adopted_settings_);
    }
    if (until > 0) judge_->tick(until);
    const Time now = monotonic_now();
    if (now - observed >= 200 * millisecond || last) {
      observed = now;
      observe(until, *judge_);
    }
    if (watching_.exchange(false)) judge_->watch();
    if (keeping_.exchange(false)) copy_kept();
    if (last) keeping_memory_ = true, judge_->finish(until), copy_kept();
    judged_until_.store(until, std::memory_order_release);
    if (dispatch_->waiting || now - ticked >= tick_reporter || last) dispatch_->waiting = false, ticked = now, findings_bell_.ring();
    if (until - copied >= second || last) {
      const bool of_clocks = until / (10 * second) != copied / (10 * second) || last;
      copied = until;
      std::vector<ClockLine> clocks = of_clocks ? clock_lines(judge_->clocks(), judge_->site(), judge_->memory()) : std::vector<ClockLine>{};
      std::vector<SilentDifference> unreviewed = of_clocks ? judge_->unreviewed() : std::vector<SilentDifference>{};
      const std::lock_guard lock(snapshot_mutex_);
      if (of_clocks) snapshot_.clocks = std::move(clocks), snapshot_.clocks_agree = judge_->clocks().agreement(), snapshot_.unreviewed = std::move(unreviewed);
      snapshot_.judge = judge_->counters();
      snapshot_.values = judge_->unwatched();
      snapshot_.learning = judge_->learning();
    }
    if (last) break;
    if (!n) events_.sleep(rung);
  }
  judging_.store(false, std::memory_order_release);
  findings_bell_.ring();
}

void Pipeline::copy_kept() {
  const bool learning = judge_->learning();
  const bool memory = learning ? keeping_memory_.exchange(false) : learned_;     // when it is over, its last words are kept once more
  auto copy = std::make_unique<Kept>(Kept{judge_->inventory(), memory ? judge_->memory().copy() : Memory{}, learning});
  learned_ = learning;
  const std::lock_guard lock(kept_mutex_);
  kept_ = std::move(copy);
}

std::unique_ptr<Pipeline::Kept> Pipeline::kept() {
  const std::lock_guard lock(kept_mutex_);
  return std::move(kept_);
}

void Pipeline::report() {
  Time healthy = monotonic_now();
  for (;;) {
    const uint32_t rung = findings_bell_.heard();
    const bool last = !judging_.load(std::memory_order_acquire);
    const Time until = judged_until_.load(std::memory_order_acquire);
    if (redrawing_.exchange(false)) redraw();
    while (auto finding = findings_.pop()) {
      if (redrawing_.exchange(false)) redraw();          // what was found by what was adopted just now is told by it
      reporter_->found(std::move(*finding));
    }
    if (until > 0) reporter_->tick(until);
    if (last) reporter_->finish(until);
    {
      const std::lock_guard lock(snapshot_mutex_);
      snapshot_.reporter = reporter_->counters();
    }
    if (const Time now = monotonic_now(); now - healthy >= settings_.health_every || last) {
      healthy = now;
      tell_health(wall_now());
    }
    if (last) return;
    findings_bell_.sleep(rung);
  }
}

void Pipeline::redraw() {
  const std::lock_guard lock(adopt_mutex_);
  if (adopted_markings_) markings_ = *adopted_markings_;
  if (adopted_declared_)
    for (const auto& d : deliveries_) d->border->declare(adopted_declared_);
}

void Pipeline::tell_health(Time now) {
  if (deliveries_.empty()) return;
  const SensorStatus s = status();
  Health h;
  h.since = started_;
  h.now = now;
  h.version = VIDRA_VERSION;
  for (size_t i = 0; i < s.interfaces.size(); i++) {
    const auto& each = s.interfaces[i];
    uint64_t dropped = each.counters.dropped_by_us;
    if (each.counters.dropped_by_card != Counters::unknown) dropped += each.counters.dropped_by_card;
    if (each.counters.dropped_by_kernel != Counters::unknown) dropped += each.counters.dropped_by_kernel;
    h.interfaces.push_back({each.name, each.counters.delivered, each.counters.octets, dropped, {}, each.up});
  }
  const Octets octets = s.accounts.octets();
  h.counts = {{"packets", s.accounts.packets}, {"octets_seen", octets.seen}, {"octets_decoded", octets.decoded}, {"octets_opaque", octets.opaque},
              {"octets_lost", octets.lost}, {"conversations", s.accounts.conversations}, {"resynchronised", s.accounts.resynchronised},
              {"twins", s.accounts.twins()}, {"events", s.judge.events}, {"findings", s.judge.findings}, {"findings_dropped", s.findings_dropped},
              {"stories", s.reporter.stories}, {"shed_reports", s.shed.reports}, {"shed_reads", s.shed.reads}, {"shed_others", s.shed.others}, {"shed_samples", s.shed.samples}, {"shed_opaque", s.shed.opaque}, {"plan", uint64_t(s.plan)},
              {"flows_evicted", s.accounts.flows_evicted}};
  uint64_t malformed = 0;
  for (const ProtocolAccount& p : s.accounts.protocols) malformed += p.malformed;
  h.counts["malformed"] = malformed;
  const EvidenceStatus& evidence = s.evidence;
  if (evidence.keeps) {
    for (size_t i = 0; i < sort_count; i++) {
      h.counts[fmt::format("evidence_kept_{}", name_of(Sort(i)))] = evidence.frames.kept[i];
      h.counts[fmt::format("evidence_not_kept_{}", name_of(Sort(i)))] = evidence.frames.not_kept[i];
    }
    h.counts["evidence_manifests"] = evidence.sets.last;   // whoever takes away the last ones is seen from outside
    h.counts["evidence_sets"] = evidence.sets.sets, h.counts["evidence_left_out"] = evidence.left_out;
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  h.memory = uint64_t(usage.ru_maxrss) * 1024;
  if (now > started_) h.cpu = (double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6) / (double(now - started_) / 1e9);
  std::error_code no_space;
  h.disk_free = std::filesystem::space(settings_.state, no_space).available;
  if (no_space) h.disk_free = 0;
  for (const auto& d : deliveries_) {
    const OutboxStatus box = d->outbox.status();
    h.lanes.clear();
    for (size_t lane = 0; lane < lane_count; lane++) {
      const auto& l = box.lanes[lane];
      h.lanes[std::string(name_of(Lane(lane)))] = {l.waiting + l.unacknowledged, l.bytes, l.evicted, l.oldest_ns};
    }
    h.complaints.clear();
    if (box.failing) h.complaints.push_back("the outbox's disk takes nothing: " + box.trouble);
    if (s.plan != Plan::all) h.complaints.push_back("more comes than can be worked through: " + std::string(text_of(s.plan)));
    for (const std::string& c : complaints_of(evidence)) h.complaints.push_back(c);
    if (!s.list_flaws.empty()) h.complaints.push_back(fmt::format("of the site's lists and rules not all is in force ({} mistakes): `vidra status` at the sensor names them", s.list_flaws.size()));
    if (s.findings_dropped) h.complaints.push_back("findings found no room on their way to the reporter");
    h.counts["withheld"] = d->withheld.load(std::memory_order_relaxed);
    if (!told_names_->trouble().empty()) h.complaints.push_back("pseudonyms cannot be noted, the disk takes nothing: " + told_names_->trouble());
    if (const uint64_t lost = told_names_->lost()) h.complaints.push_back(fmt::format("{} pseudonyms were not noted, for the disk took nothing for too long", lost));
    d->who.tlp = d->settings.tlp;
    d->append(Lane::state, MessageType::health, 10, health_body(h, d->who));
  }
}

bool Pipeline::tell_missed(Time at_most) {
  if (deliveries_.empty()) return true;
  const Time until = monotonic_now() + at_most;
  while (status().reporter.stories == 0)
    if (monotonic_now() > until) return false;
    else sleep_for(10 * millisecond);
  return settle(until - monotonic_now());
}

bool Pipeline::settle(Time at_most) {
  const Time until = monotonic_now() + at_most;
  for (;;) {
    bool waiting = false;
    for (const auto& d : deliveries_)
      for (const auto& lane : d->outbox.status().lanes) waiting |= lane.waiting + lane.unacknowledged > 0;
    if (!waiting) return true;
    if (monotonic_now() > until) return false;
    sleep_for(20 * millisecond);
  }
}

void Pipeline::adopt(std::shared_ptr<const Site> site, JudgeSettings judge) {
  const std::lock_guard lock(adopt_mutex_);
  Declared fresh = declared_of(*site, judge, settings_.name);
  // What was declared until now may stand in stories that go on, and in works that are over.
  if (declared_->names.size() < 4 * fresh.names.size() + 10'000)
    for (const auto& [name, kind] : declared_->names) fresh.add(kind, name);
  adopted_declared_ = declared_ = std::make_shared<const Declared>(std::move(fresh));
  redrawing_ = true;
  take_flaws(judge);
  adopted_site_ = std::move(site);
  adopted_settings_ = std::move(judge);
  adopting_ = true;
  events_.ring();
}

void Pipeline::adopt(Markings markings) {
  const std::lock_guard lock(adopt_mutex_);
  adopted_markings_ = std::move(markings);
  redrawing_ = true;
}

void Pipeline::take_flaws(const JudgeSettings& judge) {
  const std::lock_guard lock(snapshot_mutex_);
  snapshot_.list_flaws = judge.list_flaws;
  snapshot_.lines_refused = judge.indicators ? judge.indicators->refused() : 0;
}

SensorStatus Pipeline::status() const {
  SensorStatus s;
  {
    const std::lock_guard lock(snapshot_mutex_);
    s = snapshot_;
  }
  s.since = started_;
  s.workers = workers_.size();
  s.findings_dropped = findings_dropped_.load(std::memory_order_relaxed);
  if (evidence_) s.evidence = evidence_->status();
  for (const auto& d : deliveries_) s.collectors.push_back({d->settings.name, d->outbox.status(), d->sender.status(), d->settings.tlp, d->withheld.load(std::memory_order_relaxed)});
  return s;
}

}  // namespace vidra
