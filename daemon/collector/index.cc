// SPDX-License-Identifier: Apache-2.0
#include "daemon/collector/index.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "daemon/base/text.h"
#include "daemon/record/messages.h"
#include "daemon/report/words.h"

namespace vidra {
namespace {

constexpr int schema_version = 1, unfinished = 0;
constexpr size_t checkpoint_memory = 4096;   // records of a stream between a checkpoint and what it names
constexpr uint64_t losses_one_by_one = 60;   // of one kind, of one sensor, in a minute

constexpr const char* schema = R"(
CREATE TABLE meta(version INTEGER NOT NULL, change INTEGER NOT NULL);
CREATE TABLE logs(sensor BLOB, lane INTEGER, applied INTEGER NOT NULL, PRIMARY KEY(sensor, lane)) WITHOUT ROWID;
CREATE TABLE streams(sensor BLOB, epoch INTEGER, lane INTEGER, seq INTEGER NOT NULL, head BLOB NOT NULL, PRIMARY KEY(sensor, epoch, lane)) WITHOUT ROWID;
CREATE TABLE sensors(sensor BLOB PRIMARY KEY, name TEXT NOT NULL, site TEXT NOT NULL, first_heard INTEGER NOT NULL, last_heard INTEGER NOT NULL,
  records INTEGER NOT NULL DEFAULT 0, missing INTEGER NOT NULL DEFAULT 0, breaks INTEGER NOT NULL DEFAULT 0, quarantined INTEGER NOT NULL DEFAULT 0,
  verified INTEGER NOT NULL DEFAULT 0, clock_offset INTEGER NOT NULL DEFAULT 0, silent INTEGER NOT NULL DEFAULT 0, farewell TEXT NOT NULL DEFAULT '',
  probation INTEGER NOT NULL DEFAULT 0, health TEXT NOT NULL DEFAULT '', health_at INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE TABLE stories(sensor BLOB, story TEXT, change INTEGER NOT NULL, detection TEXT NOT NULL, severity INTEGER NOT NULL, first INTEGER NOT NULL,
  last INTEGER NOT NULL, revision INTEGER NOT NULL, closed INTEGER NOT NULL, probation INTEGER NOT NULL, received INTEGER NOT NULL, updated INTEGER NOT NULL,
  body TEXT NOT NULL, PRIMARY KEY(sensor, story)) WITHOUT ROWID;
CREATE UNIQUE INDEX stories_by_change ON stories(change);
CREATE INDEX stories_by_last ON stories(last);
CREATE INDEX stories_by_updated ON stories(updated);
CREATE TABLE troubles(at INTEGER NOT NULL, sensor BLOB, kind TEXT NOT NULL, text TEXT NOT NULL, epoch INTEGER, lane INTEGER, from_seq INTEGER, to_seq INTEGER);
CREATE INDEX troubles_by_time ON troubles(at);
INSERT INTO meta VALUES(0, 0);
)";

std::string text_in(const nlohmann::json& j, const char* key) {
  const auto i = j.find(key);
  return i != j.end() && i->is_string() ? i->get<std::string>() : std::string();
}

constexpr std::string_view sensor_columns =
    "sensor, name, site, first_heard, last_heard, records, missing, breaks, quarantined, verified, clock_offset, silent, farewell, probation";
SensorRow sensor_row(Statement& s) {
  SensorRow r;
  r.sensor = s.octets<SensorId>(0);
  r.name = s.text(1), r.site = s.text(2);
  r.first_heard = s.integer(3), r.last_heard = s.integer(4);
  r.records = uint64_t(s.integer(5)), r.missing = uint64_t(s.integer(6)), r.breaks = uint64_t(s.integer(7)), r.quarantined = uint64_t(s.integer(8));
  r.verified = s.integer(9), r.clock_offset = s.integer(10), r.silent = s.integer(11) != 0, r.farewell = s.text(12), r.probation = s.integer(13) != 0;
  r.health = s.text(14), r.health_at = s.integer(15);
  return r;
}

}  // namespace

Index::~Index() { close(); }

void Index::close() {
  for (Statement* each : statements()) *each = Statement();
  sqlite3_close(db_);
  db_ = nullptr;
  streams_.clear();
  repeated_.clear();
  trouble_rows_.of.clear(), story_rows_.of.clear();
}

void Index::remove(const std::string& path) {
  for (const char* tail : {"", "-wal", "-shm"}) std::remove((path + tail).c_str());
}

std::string Index::run(const char* sql) {
  char* message = nullptr;
  if (sqlite3_exec(db_, sql, nullptr, nullptr, &message) == SQLITE_OK) return "";
  std::string text = message ? message : sqlite3_errmsg(db_);
  sqlite3_free(message);
  return text;
}

std::string Index::open(const std::string& path, Open how) {
  close();
  const int flags = how == Open::read ? SQLITE_OPEN_READONLY : how == Open::existing ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  if (sqlite3_open_v2(path.c_str(), &db_, flags, nullptr) != SQLITE_OK) return fmt::format("{}: {}", path, sqlite3_errmsg(db_));
  sqlite3_busy_timeout(db_, 5000);
  // It opens for reading what it may not write, and stays so when the disk can be written again.
  if (how != Open::read && sqlite3_db_readonly(db_, "main") != 0) return fmt::format("{}: cannot be written", path);
  if (how != Open::read)
    // What power takes from the index is read again from the journal: no sync per commit is needed.
    if (const std::string e = run("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA journal_size_limit=67108864"); !e.empty())
      return fmt::format("{}: {}", path, e);
  bool empty = false;
  {
    Statement s(db_, "SELECT count(*) FROM sqlite_master");
    if (!s || !s.step()) return fmt::format("{}: {}", path, sqlite3_errmsg(db_));
    empty = s.integer(0) == 0;
  }
  if (empty) {
    if (how != Open::create) return path + ": empty";
    if (const std::string e = run((std::string("BEGIN;") + schema + "COMMIT").c_str()); !e.empty()) return fmt::format("{}: {}", path, e);
  }
  Statement s(db_, "SELECT version, change FROM meta");
  if (!s || !s.step()) return fmt::format("{}: not an index of this program: {}", path, sqlite3_errmsg(db_));
  if (s.integer(0) == unfinished && !empty)
    return how == Open::read ? fmt::format("{}: is being made from the journal; it can be asked when the collector says that it listens: journalctl -u vidra-collector", path)
                             : fmt::format("{}: was not finished", path);
  if (s.integer(0) != schema_version && !empty) return fmt::format("{}: version {}, this program reads {}", path, s.integer(0), schema_version);
  change_ = s.integer(1);
  if (how == Open::read) return "";
  s.reset();
  // Those of before have no such index.
  if (const std::string e = run("CREATE INDEX IF NOT EXISTS stories_by_updated ON stories(updated); CREATE INDEX IF NOT EXISTS troubles_by_sensor ON troubles(sensor)"); !e.empty())
    return fmt::format("{}: {}", path, e);
  put_log_ = Statement(db_, "INSERT INTO logs VALUES(?,?,?) ON CONFLICT DO UPDATE SET applied=excluded.applied");
  put_stream_ = Statement(db_, "INSERT INTO streams VALUES(?,?,?,?,?) ON CONFLICT DO UPDATE SET seq=excluded.seq, head=excluded.head");
  put_sensor_ = Statement(db_,
      "INSERT INTO sensors(sensor, name, site, first_heard, last_heard, records, missing, breaks, quarantined, probation) VALUES(?1,?2,?3,?4,?4,?5,?6,?7,?8,?9) "
      "ON CONFLICT DO UPDATE SET name=iif(?2='', name, ?2), site=iif(?3='', site, ?3), last_heard=max(last_heard, ?4), records=records+?5, "
      "missing=missing+?6, breaks=breaks+?7, quarantined=quarantined+?8, probation=?9, farewell=iif(?4>last_heard, '', farewell)");
  story_ = Statement(db_, "SELECT revision, severity, detection FROM stories WHERE sensor=? AND story=?");
  put_story_ = Statement(db_,
      "INSERT INTO stories VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?11,?12) ON CONFLICT DO UPDATE SET change=?3, detection=?4, severity=?5, first=?6, last=?7, "
      "revision=?8, closed=?9, probation=?10, updated=?11, body=?12");
  put_trouble_ = Statement(db_, "INSERT INTO troubles VALUES(?,?,?,?,?,?,?,?)");
  count_trouble_ = Statement(db_, "UPDATE troubles SET text=?2 WHERE rowid=?1");
  sum_troubles_ = Statement(db_, "UPDATE troubles SET text=?2, from_seq=?3, to_seq=?4 WHERE rowid=?1");
  trouble_rows_.count = Statement(db_, "SELECT count(*) FROM troubles WHERE sensor=?");
  trouble_rows_.drop = Statement(db_, "DELETE FROM troubles WHERE rowid IN (SELECT rowid FROM troubles WHERE sensor=?1 ORDER BY rowid LIMIT ?2)");
  // By an index that has all that is asked: the bodies need not be read.
  story_rows_.count = Statement(db_, "SELECT count(*) FROM stories INDEXED BY stories_by_updated WHERE sensor=?");
  story_rows_.drop = Statement(db_, "DELETE FROM stories WHERE sensor=?1 AND story IN (SELECT story FROM stories INDEXED BY stories_by_updated WHERE sensor=?1 ORDER BY updated LIMIT ?2)");
  put_health_ = Statement(db_, "UPDATE sensors SET health=?2, health_at=?3 WHERE sensor=?1 AND health_at<=?3");
  put_verified_ = Statement(db_, "UPDATE sensors SET verified=max(verified, ?2) WHERE sensor=?1");
  for (Statement* each : statements())
    if (!*each) return fmt::format("{}: {}", path, sqlite3_errmsg(db_));
  return "";
}

bool Index::begin() {
  failed_ = false;
  return (problem_ = run("BEGIN IMMEDIATE")).empty();
}

bool Index::finished() { return (problem_ = run(fmt::format("UPDATE meta SET version={}", schema_version).c_str())).empty(); }

// A full disk may end a transaction in its middle; what followed would then count by itself.
void Index::write(Statement& s) {
  if (failed_ || sqlite3_get_autocommit(db_)) {
    failed_ = true;
    s.reset();
    return;
  }
  failed_ = s.run() != SQLITE_DONE;
  if (failed_) problem_ = sqlite3_errmsg(db_);
}

bool Index::commit() {
  if (!failed_ && !sqlite3_get_autocommit(db_) && (problem_ = run(fmt::format("UPDATE meta SET change={}", change_).c_str())).empty() && (problem_ = run("COMMIT")).empty())
    return true;
  run("ROLLBACK");
  streams_.clear();   // read again from what did count
  repeated_.clear();
  trouble_rows_.of.clear(), story_rows_.of.clear();
  Statement s(db_, "SELECT change FROM meta");
  if (s.step()) change_ = s.integer(0);
  return false;
}

Index::Stream& Index::stream(const SensorId& sensor, uint64_t epoch, uint8_t lane) {
  const auto [at, fresh] = streams_.try_emplace({sensor, epoch, lane});
  if (fresh) {
    Statement s(db_, "SELECT seq, head FROM streams WHERE sensor=? AND epoch=? AND lane=?");
    if (s.with(sensor, epoch, uint32_t(lane)).step()) at->second.place = {uint64_t(s.integer(0)), s.octets<Hash>(1)};
  }
  return at->second;
}

Index::Place Index::place(const SensorId& sensor, uint64_t epoch, uint8_t lane) { return stream(sensor, epoch, lane).place; }

std::vector<ChainHead> Index::heads(const SensorId& sensor) {
  std::vector<ChainHead> all;
  Statement s(db_, "SELECT epoch, lane, seq, head FROM streams WHERE sensor=? ORDER BY epoch, lane");
  s.with(sensor);
  while (s.step()) all.push_back({uint64_t(s.integer(0)), uint8_t(s.integer(1)), uint64_t(s.integer(2)), s.octets<Hash>(3)});
  return all;
}

uint64_t Index::applied(const SensorId& sensor, uint8_t lane) {
  Statement s(db_, "SELECT applied FROM logs WHERE sensor=? AND lane=?");
  return s.with(sensor, uint32_t(lane)).step() ? uint64_t(s.integer(0)) : 0;
}

std::vector<std::tuple<SensorId, uint8_t, uint64_t>> Index::logs() {
  std::vector<std::tuple<SensorId, uint8_t, uint64_t>> out;
  Statement s(db_, "SELECT sensor, lane, applied FROM logs");
  while (s.step()) out.emplace_back(s.octets<SensorId>(0), uint8_t(s.integer(1)), uint64_t(s.integer(2)));
  return out;
}

void Index::trust(const SensorId& sensor, const SignPublic& key) { keys_[sensor] = key; }

std::string Index::name_of(const SensorId& sensor) {
  Statement s(db_, "SELECT name FROM sensors WHERE sensor=?");
  const std::string name = s.with(sensor).step() ? s.text(0) : "";
  return name.empty() ? uuid_text(sensor) : name;
}

uint64_t Index::one_more(const SensorId& sensor, Rows& rows) {
  const auto [known, unknown] = rows.of.try_emplace(sensor, 0);
  uint64_t& n = known->second;
  if (unknown || n + 1 > rows.most) {
    n = rows.count.with(sensor).step() ? uint64_t(rows.count.integer(0)) : 0;
    rows.count.reset();
  } else {
    n++;
  }
  if (n <= rows.most) return 0;
  const uint64_t go = n - rows.most + rows.most / 20;
  write(rows.drop.with(sensor, go));
  n -= go;
  return go;
}

// Its row.
int64_t Index::put_trouble(Indexed& out, const Entry& e, std::string_view kind, const std::string& text, uint64_t from, uint64_t to) {
  const SensorId& sensor = e.header.sensor;
  write(put_trouble_.with(e.received, sensor, kind, text, e.header.epoch, uint32_t(e.header.lane), from, to));
  const int64_t row = sqlite3_last_insert_rowid(db_);
  if (const uint64_t gone = one_more(sensor, trouble_rows_))
    out.troubles.push_back(fmt::format("{}: more than {} rows on what is missing or wrong: the {} oldest are removed. How many records are missing stays counted: vidra sensors. Look at this sensor, or "
                                       "suspend it: vidra keys suspend {}", name_of(sensor), trouble_rows_.most, gone, uuid_text(sensor)));
  return row;
}

void Index::trouble(Indexed& out, const Entry& e, std::string_view kind, const std::string& text, uint64_t from, uint64_t to) {
  const bool loss = kind == "missing" || kind == "gap";
  Repeated& often = repeated_[{e.header.sensor, std::string(kind)}];
  const bool same_minute = often.told && e.received - often.since < minute && e.received >= often.since;
  if (same_minute && !loss) {
    often.more++;
    return write(count_trouble_.with(often.row, fmt::format("{} (and {} more of this kind within a minute)", often.text, often.more)));
  }
  if (same_minute && often.told >= losses_one_by_one) {
    const bool first = often.more++ == 0, one_place = first || (often.epoch == e.header.epoch && often.lane == e.header.lane);
    often.records += from ? to - from + 1 : 0;
    if (first) often.from = from, often.to = to, often.epoch = e.header.epoch, often.lane = e.header.lane;
    else if (one_place && often.from && from) often.from = std::min(often.from, from), often.to = std::max(often.to, to);
    else often.from = often.to = 0;   // of several lanes no numbers can be named
    const std::string sum = fmt::format("and {} range{} more within this minute, {} records together", often.more, often.more == 1 ? "" : "s", often.records);
    if (first) often.row = put_trouble(out, e, kind, sum, from, to);
    else write(sum_troubles_.with(often.row, sum, often.from, often.to));
    return;
  }
  std::string more;
  if (!same_minute && often.more) more = fmt::format(" (before it, {} more of this kind that were not told one by one)", often.more);
  if (!same_minute) often = {e.received, 0, text, 0, 0, 0, 0, 0, 0, 0};
  often.told++;
  const int64_t row = put_trouble(out, e, kind, text, from, to);
  if (!loss) often.row = row;
  out.troubles.push_back(fmt::format("{}: {}{}", name_of(e.header.sensor), text, more));
}

Indexed Index::apply(const Entry& e) {
  Indexed out;
  const Header& h = e.header;
  write(put_log_.with(h.sensor, uint32_t(h.lane), e.number));
  Stream& s = stream(h.sensor, h.epoch, h.lane);
  if (h.seq <= s.place.seq) return out;   // journalled twice around a crash: one row
  write(put_sensor_.with(h.sensor, "", "", e.received, 1, 0, 0, 0, e.probation));
  const std::string lane(vidra::name_of(Lane(h.lane)));
  if (s.place.seq == 0 && e.trimmed) {
    // nothing to compare with
  } else if (h.seq != s.place.seq + 1) {
    const uint64_t n = h.seq - s.place.seq - 1;
    write(put_sensor_.with(h.sensor, "", "", e.received, 0, n, 0, 0, e.probation));
    trouble(out, e, "missing", fmt::format("{} record{} of lane {} did not come ({} to {})", n, n == 1 ? "" : "s", lane, s.place.seq + 1, h.seq - 1),
            s.place.seq + 1, h.seq - 1);
  } else if (h.prev != s.place.head) {
    write(put_sensor_.with(h.sensor, "", "", e.received, 0, 0, 1, 0, e.probation));
    trouble(out, e, "chain", fmt::format("the hash chain of lane {} is broken before record {}: something was changed or left out", lane, h.seq), h.seq, h.seq);
  }
  s.place = {h.seq, h.self};
  write(put_stream_.with(h.sensor, h.epoch, uint32_t(h.lane), h.seq, h.self));
  s.recent.emplace_back(h.seq, h.self);
  if (s.recent.size() > checkpoint_memory) s.recent.pop_front();
  if (const auto said = s.announced.find(h.seq); said != s.announced.end() && said->second != h.self)
    trouble(out, e, "checkpoint", fmt::format("record {} of lane {} is not the one that a signed checkpoint names", h.seq, lane), h.seq, h.seq);
  s.announced.erase(s.announced.begin(), s.announced.upper_bound(h.seq));

  switch (h.type) {
    case MessageType::alert: case MessageType::update: case MessageType::health: apply_body(out, e); break;
    case MessageType::checkpoint: apply_checkpoint(out, e); break;
    case MessageType::gap: {
      Gap gap;
      if (!read(e.body, gap)) return quarantine(out, e, "no GAP record");
      const std::string what = gap.from ? fmt::format("records {} to {}", gap.from, gap.to) : "records that never got a number";
      trouble(out, e, "gap", fmt::format("{} of lane {} are lost at the sensor: {}", what, vidra::name_of(Lane(gap.lane)), shortened(gap.reason, 64)),
              gap.from, gap.to);
      break;
    }
    default: break;
  }
  return out;
}

Indexed& Index::quarantine(Indexed& out, const Entry& e, const std::string& reason) {
  write(put_sensor_.with(e.header.sensor, "", "", e.received, 0, 0, 0, 1, e.probation));
  trouble(out, e, "quarantine", fmt::format("record {} is kept but not shown: {}", record_id(e.header), reason), e.header.seq, e.header.seq);
  return out;
}

void Index::apply_body(Indexed& out, const Entry& e) {
  if (e.header.flags & record_flag::zstd) return void(quarantine(out, e, "its body is compressed, which this collector does not read"));
  if (!modest(e.body)) return void(quarantine(out, e, "its body is longer than 64 KiB or nests deeper than 16"));
  const nlohmann::json body = nlohmann::json::parse(e.body.begin(), e.body.end(), nullptr, false);
  if (!body.is_object()) return void(quarantine(out, e, "its body is no JSON object"));
  if (const auto who = body.find("sensor"); who != body.end() && who->is_object())
    write(put_sensor_.with(e.header.sensor, shortened(printable(text_in(*who, "name")), longest_name), shortened(printable(text_in(*who, "site")), longest_name),
                     e.received, 0, 0, 0, 0, e.probation));
  const std::string text(text_of(e.body));
  if (e.header.type == MessageType::health) {
    write(put_health_.with(e.header.sensor, text, e.received));
    return;
  }
  std::optional<Told> t = told(body);
  if (!t || t->story.empty() || t->detection.empty() || !t->first) return void(quarantine(out, e, "its body tells no story: type, story, rule.id or t_start is missing"));
  bool known = false, worse = false;
  story_.with(e.header.sensor, t->story);
  if (story_.step()) {
    known = true;
    const bool newer = int64_t(t->revision) > story_.integer(0);
    worse = t->severity > story_.integer(1) || (t->severity == story_.integer(1) && t->detection != story_.text(2));
    story_.reset();
    if (!newer) return;   // overtaken by a later telling in another lane
  }
  write(put_story_.with(e.header.sensor, t->story, ++change_, t->detection, uint32_t(t->severity), t->first, t->last, t->revision, t->closed, e.probation, e.received, text));
  if (!known)
    if (const uint64_t gone = one_more(e.header.sensor, story_rows_))
      trouble(out, e, "stories", fmt::format("more than {} alerts of one sensor: the {} that were told longest ago are no longer shown, their records are in the journal. Look at this sensor, or suspend it: "
                                             "vidra keys suspend {}", story_rows_.most, gone, uuid_text(e.header.sensor)), e.header.seq, e.header.seq);
  out.first = !known;
  out.worse = known && worse;
  out.body = text;
  out.told = std::move(t);
}

void Index::apply_checkpoint(Indexed& out, const Entry& e) {
  Checkpoint c;
  if (!read(e.body, c)) return void(quarantine(out, e, "no checkpoint"));
  const auto key = keys_.find(e.header.sensor);
  if (key == keys_.end()) return;
  if (!verify(e.header.sensor, c, key->second))
    return trouble(out, e, "checkpoint", "the signature of a checkpoint does not hold: not from this sensor's key, or changed", e.header.seq, e.header.seq);
  bool holds = true;
  for (const ChainHead& head : c.heads) {
    if (head.seq == 0) continue;
    Stream& s = stream(e.header.sensor, head.epoch, head.lane);
    if (head.seq > s.place.seq) {
      if (s.announced.size() < checkpoint_memory) s.announced[head.seq] = head.self;
      continue;
    }
    const auto at = std::lower_bound(s.recent.begin(), s.recent.end(), head.seq, [](const auto& r, uint64_t seq) { return r.first < seq; });
    const bool here = at != s.recent.end() && at->first == head.seq;
    if (here ? at->second == head.self : head.seq != s.place.seq || s.place.head == head.self) continue;
    holds = false;
    trouble(out, e, "checkpoint", fmt::format("record {} of lane {} is not the one that a signed checkpoint names", head.seq, vidra::name_of(Lane(head.lane))),
            head.seq, head.seq);
  }
  if (holds) write(put_verified_.with(e.header.sensor, e.header.wall_ns));
}

void Index::heard(const SensorId& sensor, std::string_view name, std::string_view site, Time at) {
  Statement s(db_, "INSERT INTO sensors(sensor, name, site, first_heard, last_heard) VALUES(?1,?2,?3,?4,?4) ON CONFLICT DO UPDATE SET "
                   "name=iif(?2='', name, ?2), site=iif(?3='', site, ?3), farewell=iif(?4>last_heard, '', farewell), last_heard=max(last_heard, ?4)");
  s.with(sensor, shortened(printable(name), longest_name), shortened(printable(site), longest_name), at).run();
}

void Index::clock_set(Time now) {
  Statement(db_, "UPDATE sensors SET last_heard=?1 WHERE last_heard>?1").with(now - 1).run();
}

void Index::measured(const SensorId& sensor, Time offset) {
  Statement(db_, "UPDATE sensors SET clock_offset=?2 WHERE sensor=?1").with(sensor, offset).run();
}

void Index::said_farewell(const SensorId& sensor, std::string_view reason, Time at) {
  Statement(db_, "UPDATE sensors SET farewell=?2, last_heard=max(last_heard, ?3) WHERE sensor=?1")
      .with(sensor, reason.empty() ? std::string("stopped") : shortened(printable(reason), longest_name), at).run();
}

std::vector<Index::Silence> Index::silences(Time now, Time after, Time listening_since) {
  std::vector<Silence> out;
  for (SensorRow& r : sensors(false)) {
    const bool silent = r.farewell.empty() && now - std::max(r.last_heard, listening_since) > after;
    if (silent == r.silent || (r.silent && r.last_heard < listening_since)) continue;
    Statement(db_, "UPDATE sensors SET silent=?2 WHERE sensor=?1").with(r.sensor, silent).run();
    r.silent = silent;
    out.push_back({std::move(r), silent});
  }
  return out;
}

std::vector<StoryRow> Index::stories(const StoryQuery& q) {
  std::string sql = "SELECT change, received, updated, body FROM stories WHERE last>=?1 AND severity>=?2 AND change>?3 AND probation=?4";
  std::vector<std::string> texts;
  const auto text = [&](const std::string& t) { texts.push_back(t); return "?" + std::to_string(4 + texts.size()); };
  if (!q.detection.empty()) sql += " AND detection=" + text(q.detection);
  if (!q.story.empty()) {
    std::string pattern;
    for (char c : q.story) pattern += (c == '%' || c == '_' || c == '\\' ? "\\" : "") + std::string(1, c);
    sql += " AND story LIKE " + text(pattern + "%") + " ESCAPE '\\'";
  }
  if (!q.sensor.empty()) {
    const std::string at = text(q.sensor);
    SensorId id;
    sql += fmt::format(" AND sensor IN (SELECT sensor FROM sensors WHERE name={0} OR site={0}", at);
    sql += parse_uuid(q.sensor, id) ? fmt::format(" OR sensor=x'{}')", hex_text(id)) : ")";
  }
  if (q.open) sql += " AND closed=0";
  const bool following = q.changed_after >= 0;
  sql += following ? " ORDER BY change" : " ORDER BY first DESC, change DESC";
  if (q.limit) sql += fmt::format(" LIMIT {}", q.limit);
  Statement s(db_, sql);
  s.with(q.since, q.severity, q.changed_after, q.probation);
  for (const std::string& t : texts) s.bind(t);
  std::vector<StoryRow> out;
  while (s.step()) out.push_back({s.integer(0), s.integer(1), s.integer(2), s.text(3)});
  if (!following) std::reverse(out.begin(), out.end());
  return out;
}

int64_t Index::last_change() {
  Statement s(db_, "SELECT change FROM meta");
  return s.step() ? s.integer(0) : 0;
}

uint64_t Index::count_stories() {
  Statement s(db_, "SELECT count(*) FROM stories");
  return s.step() ? uint64_t(s.integer(0)) : 0;
}

std::vector<SensorRow> Index::sensors(bool with_health) {
  std::vector<SensorRow> out;
  Statement s(db_, fmt::format("SELECT {}, {}, health_at FROM sensors ORDER BY name, sensor", sensor_columns, with_health ? "health" : "''"));   // a body of some KiB
  while (s.step()) out.push_back(sensor_row(s));
  return out;
}

std::vector<TroubleRow> Index::troubles(Time since, size_t limit) {
  std::vector<TroubleRow> out;
  Statement s(db_, "SELECT at, sensor, kind, text, epoch, lane, from_seq, to_seq FROM troubles WHERE at>=? ORDER BY at DESC, rowid DESC LIMIT ?");
  s.with(since, uint64_t(limit));
  while (s.step())
    out.push_back({s.integer(0), s.octets<SensorId>(1), s.text(2), s.text(3), uint64_t(s.integer(4)), uint64_t(s.integer(6)), uint64_t(s.integer(7)), uint8_t(s.integer(5))});
  std::reverse(out.begin(), out.end());
  return out;
}

void Index::forget_before(Time t) {
  Statement(db_, "DELETE FROM stories WHERE updated<?").with(t).run();
  Statement(db_, "DELETE FROM troubles WHERE at<?").with(t).run();   // fewer rows than are believed are counted anew at the bound
}

}  // namespace vidra
