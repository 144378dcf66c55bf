// SPDX-License-Identifier: Apache-2.0
#include "daemon/collector/desk.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <nlohmann/json.hpp>

#include "daemon/base/clock.h"
#include "daemon/base/text.h"
#include "daemon/report/language_file.h"
#include "daemon/report/words.h"

namespace vidra {
namespace {

constexpr size_t longest_queue = 10'000;   // alerts that wait for a slow terminal
constexpr size_t queue_octets = 64u << 20;    // of their bodies
constexpr size_t most_shown = 10'000;      // stories remembered as shown
constexpr Time unfollowed_longest = 10 * second;   // so long somebody may hold the index without its being told
constexpr Time stands_after = 20 * second; // a disk that does not answer for so long is told

// What the index finds in the records itself, or measures against a time of its own, is told from there.
bool told_elsewhere(ReceiverEvents::Kind k) {
  using Kind = ReceiverEvents::Kind;
  return k == Kind::silent || k == Kind::gap || k == Kind::undeclared_gap || k == Kind::bad_checkpoint || k == Kind::journal_failed;
}

// By how much the wall clock was set since this was asked last; 0 where it was not.
Time step_of(Time now, Time& ahead) {
  const Time by = now - monotonic_now() - ahead;
  ahead += by;
  return by < second && by > -second ? 0 : by;
}

std::string called(std::string_view name, std::string_view site) {
  return site.empty() || site == name ? std::string(name) : fmt::format("{} at {}", name, site);
}

}  // namespace

Desk::Desk(Storage& storage, CollectorSettings settings, std::ostream& alerts, std::ostream& remarks, Style style)
    : storage_(storage), settings_(std::move(settings)), alerts_(alerts), remarks_(remarks), style_(style) {
  Problems problems;               // the settings were checked when they were read
  language_ = load_language(settings_.language, words_folder(settings_.words), problems);
  if (language_) style_.language = language_.get();
}

Desk::~Desk() {
  stop();
  if (lock_ >= 0) close(lock_);
}

std::string Desk::start(bool reindex) {
  const std::string& state = settings_.state;
  if (const int e = storage_.make_directories(state))
    return fmt::format("{}: {}. Make it writable for this user, or name another folder: vidra-collector --state DIR", state, std::strerror(-e));
  const std::string lock = state + "/lock";
  lock_ = open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock_ < 0) {
    const int e = errno;
    return fmt::format("{}: {}. {}, or name another folder: vidra-collector --state DIR", lock, std::strerror(e),
                       e == ENOSPC || e == EDQUOT ? "Make room there (df -h " + state + ")" : e == EROFS || e == EIO ? "Look at the disk (dmesg)" : "Run it as the user that owns " + state);
  }
  if (flock(lock_, LOCK_EX | LOCK_NB)) return fmt::format("{}: another collector works in this folder. See: systemctl status vidra-collector", state);
  std::string error;
  if (!open_keys(state, "collector.keys", keys_, error)) return error;
  const std::string known = state + "/keys.db";
  if (!known_.open(known, error)) return error;

  settings_.intake.directory = state;
  intake_ = std::make_unique<Intake>(storage_, settings_.intake);
  intake_->on_news = [this](News&& n) {
    std::lock_guard guard(mutex_);
    if (const size_t octets = n.record.body.size(); news_.size() < longest_queue && news_octets_ + octets <= queue_octets) news_octets_ += octets, news_.push_back(std::move(n));
    else missed_++;
    wake_.notify_one();
  };
  trust_keys();
  Time told_at = 0;
  error = intake_->open(reindex, [&](uint64_t done, uint64_t all) {
    if (all > 10'000 && (wall_now() - told_at > second || done == all)) {
      told_at = wall_now();
      remarks_ << fmt::format("reading the journal: {} of {} records\n", human_count(done), human_count(all)) << std::flush;
    }
  });
  if (!error.empty()) return error;
  for (const std::string& t : intake_->troubles()) remark(wall_now(), "journal: " + t);

  ReceiverSettings& link = settings_.link;
  link.endpoint = "tcp://" + settings_.listen;
  link.known_keys = known;
  link.contact = settings_.contact;
  link.software = "vidra " VIDRA_VERSION;
  receiver_ = std::make_unique<Receiver>(*intake_, static_cast<ReceiverEvents&>(*this), link, keys_);
  listening_since_ = looked_ = wall_now();
  wall_ahead_ = wall_ahead_there_ = listening_since_ - monotonic_now();
  clock_unwritten_ = true;
  for (const SensorRow& r : intake_->with_index([](Index& i) { return i.sensors(false); }))
    if (!r.name.empty()) names_[uuid_text(r.sensor)] = called(r.name, r.site);
  follow_sensors(listening_since_);
  if (!receiver_->start(error)) {
    receiver_.reset();
    return error;
  }
  keeper_ = std::thread([this] { run(); });
  return "";
}

void Desk::stop() {
  if (!receiver_) return;
  receiver_->stop();
  turn(0);
  {
    std::lock_guard guard(mutex_);
    stopping_ = true;
    due_.notify_one();
  }
  keeper_.join();
  keep(wall_now());
  turn(0);
  kept_.connected = 0;
  receiver_.reset();
}

std::string Desk::endpoint() const {
  std::string e = receiver_ ? receiver_->endpoint() : "";
  if (const size_t mapped = e.find("[::ffff:"); mapped != e.npos) e.erase(e.find(']'), 1).erase(mapped, 8);   // an IPv4 address in its own form
  return e;
}
std::string Desk::public_key() const { return keys_.curve_public; }

void Desk::happened(Kind kind, const std::string& sensor, const std::string& text) {
  if (told_elsewhere(kind)) return;
  std::lock_guard guard(mutex_);
  // What comes in masses must not push out by whom a good-bye was said: he would be called silent.
  const bool comes_and_goes = kind == Kind::bye || kind == Kind::connected;
  if (happenings_.size() < longest_queue * (comes_and_goes ? 2 : 1)) happenings_.push_back({kind, sensor, text, wall_now()});
  else missed_happenings_++;
  wake_.notify_one();
}

void Desk::turn(Time at_most) {
  std::deque<News> news;
  std::deque<Happening> happenings;
  std::deque<Remark> said;
  uint64_t missed = 0, missed_happenings = 0;
  {
    std::unique_lock guard(mutex_);
    if (at_most > 0) wake_.wait_for(guard, std::chrono::nanoseconds(at_most), [&] { return !news_.empty() || !happenings_.empty() || !said_.empty(); });
    news.swap(news_);
    news_octets_ = 0;
    happenings.swap(happenings_);
    said.swap(said_);
    std::swap(missed, missed_);
    std::swap(missed_happenings, missed_happenings_);
  }
  const Time now = wall_now();
  if (now - looked_ >= second || now < looked_) {
    looked_ = now;
    look_at_the_clock(now);
    if (const Time stood = standing(); stands_ != (stood > stands_after)) {
      stands_ = !stands_;
      remark(now, stands_ ? fmt::format("the disk below {} has not answered for {}: nothing is acknowledged, sensors keep what they have and send it again, and who falls silent is told later. Look at the disk: dmesg",
                                        settings_.state, human_duration(stood))
                          : fmt::format("the disk below {} answers again", settings_.state));
    }
  }
  for (const Remark& r : said) remark(r.at, r.text);
  for (const Happening& h : happenings) note(h);
  for (News& n : news) show(std::move(n));
  alerts_.flush();
  if (missed) {
    counters_.not_shown += missed;
    remark(now, fmt::format("{} alerts came faster than they could be shown; all are kept: vidra alerts", human_count(missed)));
  }
  if (missed_happenings) remark(now, fmt::format("{} remarks on sensors came faster than they could be shown, and are gone", human_count(missed_happenings)));
}

Time Desk::standing() const {
  std::lock_guard guard(mutex_);
  return began_ ? boot_now() - began_ : 0;
}

// Once a second, and at once where somebody has come or gone; an index that is behind its journal is brought up to it a little at each turn.
void Desk::run() {
  std::unique_lock guard(mutex_);
  while (!stopping_) {
    began_ = boot_now();
    hurry_ = false;
    guard.unlock();
    keep(wall_now());
    guard.lock();
    began_ = 0;
    due_.wait_for(guard, std::chrono::nanoseconds(behind_.empty() ? second : second / 5), [&] { return stopping_ || hurry_; });
  }
}

void Desk::keep(Time now) {
  // Times from before the clock was set say nothing of how long a sensor has been silent: neither does everybody fall silent at once, nor is
  // anybody heard in the future, or hours would pass before his silence is noticed.
  if (step_of(now, wall_ahead_there_)) {
    listening_since_ = now;
    clock_unwritten_ = true;
    for (auto& [sensor, at] : farewells_) at = std::min(at, now);
  }
  {
    std::lock_guard guard(mutex_);
    for (auto& [sensor, f] : farewells_heard_) farewells_[sensor] = f.at, farewells_unwritten_[sensor] = std::move(f);
    farewells_heard_.clear();
  }
  // Where nothing comes from anybody nothing else would show that silence is not noticed either.
  if (follow_sensors(now)) unfollowed_since_ = 0;
  else if (!unfollowed_since_) unfollowed_since_ = monotonic_now();
  else if (monotonic_now() - unfollowed_since_ > unfollowed_longest) intake_->index_failed();
  intake_->upkeep(now);
  if (known_.changed()) trust_keys();
  Kept kept;
  for (const KnownKey& k : known_.all()) kept.waiting += k.state == KeyState::pending;
  kept.in = intake_->counters(), kept.bytes = intake_->journal_bytes(), kept.pausing = intake_->pausing(), kept.behind = intake_->behind();
  if (kept.pausing != pausing_) say(now, kept.pausing.empty() ? "there is room again: sensors go on sending" : kept.pausing);
  if (kept.behind != behind_) say(now, kept.behind.empty() ? "the index is up to the journal again" : kept.behind);
  pausing_ = kept.pausing, behind_ = kept.behind;
  const ReceiverStatus link = receiver_->status();
  kept.sensors = link.sensors.size();
  std::lock_guard guard(mutex_);
  for (const SensorLink& s : link.sensors) {
    kept.connected += s.connected;
    if (!s.name.empty()) names_[s.sensor] = called(printable(s.name), printable(s.site));
  }
  kept_ = std::move(kept);
}

void Desk::say(Time at, std::string text) {
  std::lock_guard guard(mutex_);
  if (said_.size() < longest_queue) said_.push_back({at, std::move(text)});
  else missed_happenings_++;
  wake_.notify_one();
}

void Desk::trust_keys() {
  for (const KnownKey& k : known_.all()) {
    SensorId id;
    SignPublic key;
    if (parse_uuid(k.sensor, id) && parse_hex(k.sign_key, key)) intake_->trust(id, key);
  }
}

void Desk::show(News&& n) {
  for (const std::string& t : n.record.troubles) remark(n.received, t);
  if (!n.record.told || n.probation) return;
  Told& t = *n.record.told;
  (n.record.first ? counters_.alerts : counters_.updates)++;
  if (settings_.show == Show::nothing || t.severity < settings_.severity) return;
  if (!alerts_) {   // who read them is gone; hearing and keeping goes on
    settings_.show = Show::nothing;
    return remark(n.received, "nobody reads the alerts that are shown here any more; all are kept: vidra alerts");
  }
  if (settings_.show == Show::json) {
    auto j = nlohmann::ordered_json::parse(n.record.body, nullptr, false);
    if (!j.is_object()) return;
    j["received"] = iso_time(n.received, 9);
    alerts_ << j.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << '\n';
    return;
  }
  if (language_ && !language_->english())
    if (auto said = told(nlohmann::json::parse(n.record.body, nullptr, false), *language_)) t = std::move(*said);
  const std::string key = t.sensor + '/' + t.story;
  if (n.record.first || n.record.worse) {
    print_story(alerts_, t, style_);
    if (shown_.size() >= most_shown) shown_.clear();
    shown_[key] = n.received;
    return;
  }
  const auto last = shown_.find(key);
  if (!t.closed && last != shown_.end() && n.received - last->second < settings_.update_every) return;
  if (t.closed && t.count <= 1) {   // it was told, it happened once, it is over: nothing new
    shown_.erase(key);
    return;
  }
  print_update(alerts_, t, style_);
  if (t.closed) shown_.erase(key);
  else shown_[key] = n.received;
}

void Desk::remark(Time at, const std::string& text) {
  std::string when = iso_time(at, 0);
  when[10] = ' ';
  remarks_ << fmt::format("{}  {}\n", when, printable(text)) << std::flush;
}

std::string Desk::name_of_sensor(const std::string& uuid) {
  SensorId id;
  if (!parse_uuid(uuid, id)) return "";
  {
    std::lock_guard guard(mutex_);
    if (const auto known = names_.find(uuid); known != names_.end()) return known->second;
  }
  for (const SensorLink& s : receiver_->status().sensors)   // it comes for the first time
    if (s.sensor == uuid && !s.name.empty()) return called(printable(s.name), printable(s.site));
  return uuid;
}

void Desk::note(const Happening& h) {
  SensorId id;
  if (h.kind == Kind::bye && parse_uuid(h.sensor, id)) {
    std::string reason = h.text;
    if (const std::string_view polite = "says good-bye: "; reason.starts_with(polite)) reason.erase(0, polite.size());
    std::lock_guard guard(mutex_);
    farewells_heard_[h.sensor] = {reason, h.at};
  }
  const std::string who = name_of_sensor(h.sensor);
  remark(h.at, who.empty() ? h.text : fmt::format("{}: {}", who, h.text));
  if (h.kind != Kind::bye && h.kind != Kind::connected) return;
  std::lock_guard guard(mutex_);
  hurry_ = true;   // who asks a moment later is not told that one is alive who is gone
  due_.notify_one();
}

void Desk::look_at_the_clock(Time now) {
  const Time by = step_of(now, wall_ahead_);
  if (!by) return;
  shown_.clear();
  remark(now, fmt::format("the clock of this machine was set {} by {}: for how long sensors have been silent is counted anew", by > 0 ? "forward" : "back", human_duration(by > 0 ? by : -by)));
}

// What the link knows of the sensors goes into the index, which remembers it over restarts; from there silence is told.
bool Desk::follow_sensors(Time now) {
  const ReceiverStatus status = receiver_->status();
  bool written = false;
  const auto silences = intake_->with_index([&](Index& i) {
    // All in one transaction, and none where somebody holds the index: it waits for a moment when nobody does, and sensors for neither.
    if (!i.begin()) return std::vector<Index::Silence>{};
    if (clock_unwritten_) i.clock_set(listening_since_);
    for (const auto& [sensor, said] : farewells_unwritten_)
      if (SensorId id; parse_uuid(sensor, id)) i.said_farewell(id, said.reason, said.at);
    for (const SensorLink& s : status.sensors) {
      SensorId id;
      if (!parse_uuid(s.sensor, id) || !s.last_heard || s.last_heard > now) continue;   // later than now: from before the clock was set back
      const auto bye = farewells_.find(s.sensor);
      if (bye != farewells_.end() && s.last_heard <= bye->second + second) continue;   // its last words are no sign of life
      i.heard(id, s.name, s.site, s.last_heard);
      if (s.clock_offset) i.measured(id, s.clock_offset);
    }
    auto found = i.silences(now, settings_.silent_after, listening_since_);
    if (!i.commit()) return std::vector<Index::Silence>{};
    written = true;
    return found;
  });
  if (!written) return false;
  clock_unwritten_ = false;
  farewells_unwritten_.clear();
  for (const Index::Silence& s : silences) {
    const std::string who = s.sensor.name.empty() ? uuid_text(s.sensor.sensor) : called(s.sensor.name, s.sensor.site);
    std::string when = iso_time(s.sensor.last_heard, 0);
    when[10] = ' ';
    say(now, s.silent ? fmt::format("{} is SILENT: not heard since {}, and it did not say good-bye. Call the site", who, when) : fmt::format("{} is heard again", who));
  }
  return true;
}

std::string Desk::status() const {
  const Time stood = standing();
  std::lock_guard guard(mutex_);
  std::string text = fmt::format("{} of {} sensors connected, {} records in the journal since the start ({}), {} alerts", kept_.connected, kept_.sensors,
                                 human_count(kept_.in.records), human_bytes(kept_.bytes), human_count(counters_.alerts));
  if (kept_.waiting) text += fmt::format(", {} key{} wait for approval (vidra keys)", kept_.waiting, kept_.waiting == 1 ? "" : "s");
  if (stood > stands_after) text += fmt::format("; the disk below {} has not answered for {}", settings_.state, human_duration(stood));
  for (const std::string& why : {kept_.pausing, kept_.behind})
    if (!why.empty()) text += "; " + why;
  return text;
}

}  // namespace vidra
