// SPDX-License-Identifier: Apache-2.0
// What happens in every plant and must not cry wolf: starts, switch-overs, trips, tests, clocks, and a mirror that is not perfect.
// The recording of a substation is cut and completed, octet by octet, and goes the whole way from packets to stories: once with the
// site declared, once with what was learned from the recording. Declared: no story for security. Learned: at most one, of severity
// 3 at most. And in the midst of each the same sensor still tells of a stranger who commands.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <random>
#include <sstream>

#include "daemon/judge/judge.h"
#include "daemon/judge/memory_file.h"
#include "daemon/judge/site_file.h"
#include "daemon/report/reporter.h"
#include "daemon/traffic/traffic.h"
#include "tests/plant-life/film.h"
#include "tests/support/arrangements.h"

namespace vidra::plant_life {
namespace {

const Mac router = *parse_mac("00:90:e8:4a:10:01");
const Host scada{parse_address("10.10.100.10")->ip4_number(), router}, standby{parse_address("10.10.100.11")->ip4_number(), router},
    rtu1 = host("10.10.1.20", "00:0e:8c:91:10:20"), rtu2 = host("10.10.1.21", "00:30:a7:12:10:21"), hmi = host("10.10.1.30", "00:14:22:c0:10:30"),
    ied1 = host("10.10.1.41", "00:21:c1:30:10:41"), ied2 = host("10.10.1.42", "00:21:c1:30:10:42"), ied3 = host("10.10.1.43", "00:21:c1:30:10:43"),
    ews = host("10.10.1.90", "00:14:22:c0:10:90"), time1 = host("10.10.1.5", "ec:46:70:00:51:05"), router_itself = host("10.10.1.1", "00:90:e8:4a:10:01"),
    laptop = host("10.10.1.199", "b8:27:eb:5d:10:c7");
constexpr uint16_t scada_port = 59690, hmi_port = 38588;   // of the recorded connections to rtu1 and ied1
constexpr double T = 120, over = 190;                      // when it happens, and the film's end, in seconds

struct Stories final : StorySink {
  void tell(const Story& s) override { all[s.number] = s; }
  size_t of(Audience a) const {                        // those inside declared works are kept and marked, and page nobody
    return size_t(std::count_if(all.begin(), all.end(), [&](const auto& s) { return s.second.detection->audience == a && !s.second.in_window; }));
  }
  size_t in_works() const {
    return size_t(std::count_if(all.begin(), all.end(), [](const auto& s) { return s.second.in_window; }));
  }
  uint8_t worst() const {
    uint8_t w = 0;
    for (const auto& [n, s] : all)
      if (s.detection->audience == Audience::security) w = std::max(w, s.severity);
    return w;
  }
  std::string ids(Audience a) const {
    std::string out;
    for (const auto& [n, s] : all)
      if (s.detection->audience == a && !s.in_window) out += (out.empty() ? "" : " ") + std::string(s.detection->id) + ":" + std::to_string(s.severity);
    return out;
  }
  std::string told() const {
    std::string out;
    for (const auto& [n, s] : all)
      out += fmt::format("{} ({}, {}) {} → {} x{}: {} | {}\n", s.detection->id, s.severity, name_of(s.detection->audience), text_of(s.source.address), text_of(s.target.address), s.count, s.what, s.expected);
    return out;
  }
  std::map<uint64_t, Story> all;
};

struct Both final : FindingSink {
  explicit Both(StorySink& to) : reporter({}, to) {}
  void found(Finding&& f) override { reporter.found(std::move(f)); }
  Reporter reporter;
};

void play(const Film& f, Judge& judge, Reporter* reporter, const TrafficSettings& how) {
  Traffic traffic(how, judge);
  std::array<Packet, 64> burst;
  Time now = 0;
  for (size_t i = 0; i < f.shots.size();) {
    size_t n = 0;
    for (; n < burst.size() && i < f.shots.size(); i++, n++) burst[n] = packets::packet(f.shots[i].octets, f.shots[i].t, f.shots[i].interface);
    now = f.shots[i - 1].t;
    traffic.take(std::span<const Packet>(burst).first(n));
    traffic.tick(now);
    judge.tick(now);
    if (reporter) reporter->tick(now);
  }
  traffic.finish();
  judge.finish(now);
  if (reporter) reporter->finish(now);
}

const std::string& alder() {
  static const std::string text = [] {
    std::ifstream in(SOURCE_ROOT "/config/sites/alder.toml");
    return std::string(std::istreambuf_iterator<char>(in), {});
  }();
  return text;
}
std::string replaced(std::string text, std::string_view what, std::string_view by) {
  const size_t at = text.find(what);
  if (at == std::string::npos) throw std::runtime_error("the site's declaration has no " + std::string(what));
  return text.replace(at, what.size(), by);
}

std::string lesson(const Film& f, const TrafficSettings& how) {
  Stories none;
  Both found(none);
  JudgeSettings settings;
  settings.mode = JudgeSettings::Mode::learn;
  Judge judge(nullptr, {}, settings, found);
  play(f, judge, nullptr, how);
  std::ostringstream out;
  write_memory(judge.memory(), out);
  return out.str();
}

// One happening: the film of it, and what is declared or was learned beyond the usual.
struct Row {
  std::string name;
  Film film = Film::recorded(over);
  std::string site = alder();
  Film lesson = Film{};                     // learned from, where the recording is not enough
  TrafficSettings how = [] {
    TrafficSettings s;
    s.seed = 1;
    return s;
  }();
  size_t allowed = 1;                       // stories for security when all was learned
};

Stories told(const Row& row, bool declared) {
  Problems problems;
  std::shared_ptr<const Site> site;
  Memory memory;
  if (declared) {
    auto root = TomlTable::parse(row.site, "site.toml", problems);
    if (root) {
      auto s = std::make_shared<Site>(read_site(*root, problems));
      root->finish();
      site = s;
    }
  } else {
    static const std::string usual = lesson(Film::recorded(), Row{}.how);
    memory = read_memory(row.lesson.shots.empty() ? usual : lesson(row.lesson, row.how), "memory.toml", problems);
  }
  EXPECT_TRUE(problems.empty()) << problems.front();
  Stories stories;
  Both found(stories);
  Judge judge(site, std::move(memory), {}, found);
  play(row.film, judge, &found.reporter, row.how);
  return stories;
}

class Table : public testing::Environment {
 public:
  void TearDown() override {
    if (!lines.empty()) fmt::print("| happening | stories declared | learned |\n|---|---|---|\n{}", lines);
  }
  static inline std::string lines;
};
[[maybe_unused]] const auto* const environment = testing::AddGlobalTestEnvironment(new Table);

std::string cell(const Stories& s) {
  const auto part = [&](Audience a) { return s.of(a) ? fmt::format(" ({})", s.ids(a)) : std::string(); };
  std::string out = fmt::format("{}{}", s.of(Audience::security), part(Audience::security));
  if (s.of(Audience::operations)) out += fmt::format(", operations {}{}", s.of(Audience::operations), part(Audience::operations));
  if (s.of(Audience::sensor)) out += fmt::format(", sensor {}{}", s.of(Audience::sensor), part(Audience::sensor));
  if (s.in_works()) out += fmt::format(", inside the works {}", s.in_works());
  return out;
}

void quiet(Row row) {
  row.film.in_order();
  const Stories declared = told(row, true), learned = told(row, false);
  Table::lines += fmt::format("| {} | {} | {} |\n", row.name, cell(declared), cell(learned));
  if (std::getenv("VIDRA_SHOW")) fmt::print("--- {}\ndeclared:\n{}learned:\n{}", row.name, declared.told(), learned.told());
  EXPECT_EQ(declared.of(Audience::security), 0u) << declared.told();
  EXPECT_LE(learned.of(Audience::security), row.allowed) << learned.told();
  EXPECT_LE(learned.worst(), 3) << learned.told();

  // And somebody uses the hour: a stranger opens a breaker.
  const Time t = row.film.at(T + 20);
  Connection c(row.film, laptop, 50'000, rtu1, 2404);
  c.open(t);
  c.say(numbered({{t + second, Side::client, u_frame(7)}, {t + second + millisecond, Side::server, u_frame(0xb)},
                  {t + 2 * second, Side::client, apdu(asdu(46, 6, 5104, {1}, 3))}, {t + 2 * second + millisecond, Side::server, apdu(asdu(46, 7, 5104, {1}, 3))}}));
  row.film.in_order();
  for (const bool d : {true, false}) {
    const Stories s = told(row, d);
    EXPECT_TRUE(std::any_of(s.all.begin(), s.all.end(), [](const auto& i) { return i.second.severity == 5 && i.second.source.address == *parse_address("10.10.1.199"); }))
        << (d ? "declared\n" : "learned\n") << s.told();
  }
}

// --- what the rows have in common

std::vector<Line> scada_lines(const Film& f) { return lines_of(f, scada, scada_port, rtu1); }
bool of_scada(const Seen& s) { return s.between(scada.ip, rtu1.ip) && s.port(scada_port); }
// The connection of the control centre said anew, so that more can be said in it.
void say_anew(Film& f, std::vector<Line> lines) {
  const Time t = std::min_element(lines.begin(), lines.end(), [](const Line& a, const Line& b) { return a.t < b.t; })->t - millisecond;
  f.cut(0, f.at(1e6), of_scada);
  Connection c(f, scada, scada_port, rtu1, 2404);
  c.open(t);
  c.say(numbered(std::move(lines)));
}
void operator+=(std::vector<Line>& all, const std::vector<Line>& more) { all.insert(all.end(), more.begin(), more.end()); }

Octets objects(uint8_t type, uint32_t first, std::initializer_list<Octets> elements, uint8_t cause = 20) {
  Octets o{type, uint8_t(elements.size()), cause, 0, 11, 0};
  for (const Octets& e : elements) o = o + Octets{uint8_t(first), uint8_t(first >> 8), 0} + e, first++;
  return o;
}
Octets measured(float v, uint8_t quality = 0) {
  uint32_t raw;
  std::memcpy(&raw, &v, 4);
  return {uint8_t(raw), uint8_t(raw >> 8), uint8_t(raw >> 16), uint8_t(raw >> 24), quality};
}
// How a master takes up a station: start, interrogation, clock, counters.
std::vector<Line> take_up(Time t, uint8_t originator = 3, bool cold = false) {
  std::vector<Line> l = {{t, Side::client, u_frame(0x07)}, {t + 2 * millisecond, Side::server, u_frame(0x0b)}};
  const auto server = [&](Time after, const Octets& a) { l.push_back({t + after, Side::server, apdu(a)}); };
  const auto client = [&](Time after, const Octets& a) { l.push_back({t + after, Side::client, apdu(a)}); };
  if (cold) {
    server(10 * millisecond, asdu(70, 4, 0, {0}));                                       // end of initialisation: local power on
    server(20 * millisecond, asdu(30, 3, 1001, Octets{0x40} + Octets{0, 0, 0x80, 0, 1, 1, 0}));   // not topical; its clock was never set
  }
  client(400 * millisecond, asdu(100, 6, 0, {20}, originator));
  server(401 * millisecond, asdu(100, 7, 0, {20}, originator));
  server(402 * millisecond, objects(1, 1001, {{0}, {1}, {0}, {0}, {0}, {1}}));
  server(403 * millisecond, objects(3, 1101, {{2}, {2}, {2}, {2}, {2}, {2}}));
  server(404 * millisecond, objects(13, 2001, {measured(-30), measured(20.9f), measured(10.1f), measured(72), measured(10.4f), measured(50), measured(12), measured(21)}));
  server(405 * millisecond, asdu(100, 10, 0, {20}, originator));
  client(1200 * millisecond, asdu(103, 6, 0, cp56(t + 1200 * millisecond), originator));
  server(1201 * millisecond, asdu(103, 7, 0, cp56(t + 1200 * millisecond), originator));
  client(1500 * millisecond, asdu(101, 6, 0, {5}, originator));
  server(1501 * millisecond, asdu(101, 7, 0, {5}, originator));
  server(1502 * millisecond, objects(15, 3001, {{0xd0, 0x89, 0, 0, 2}, {0x90, 0x5d, 1, 0, 2}}, 37));
  server(1503 * millisecond, asdu(101, 10, 0, {5}, originator));
  for (int i = 0; i < 15; i++) server((4 + 3 * i) * second, asdu(36, 3, 2001u + uint32_t(i % 6), measured(10.f + float(i)) + cp56(t + (4 + 3 * i) * second - 50 * millisecond)));
  return l;
}
// An outstation that started, and its master's start (IEEE 1815, 5.1.1.1): restart bit cleared, unsolicited off and on, clock, all classes.
std::vector<Line> dnp3_take_up(Time t, bool restarted) {
  std::vector<Line> l;
  uint8_t masters = 0, stations = 0;
  const auto client = [&](Time after, const Octets& f) { l.push_back({t + after, Side::client, dnp3(true, masters++, f)}); };
  const auto server = [&](Time after, const Octets& f) { l.push_back({t + after, Side::server, dnp3(false, stations++, f)}); };
  const uint8_t iin = restarted ? 0x90 : 0;
  const auto none = [&](Time after, uint8_t sequence, uint8_t bits) { server(after, {uint8_t(0xc0 | sequence), 0x81, bits, 0}); };
  if (restarted) server(0, {0xf0, 0x82, iin, 0}), client(2 * millisecond, {0xd0, 0});
  client(10 * millisecond, {0xc0, 0x15, 0x3c, 2, 6, 0x3c, 3, 6, 0x3c, 4, 6});
  none(11 * millisecond, 0, iin);
  if (restarted) {
    client(20 * millisecond, {0xc1, 2, 0x50, 1, 0, 7, 7, 0});
    none(21 * millisecond, 1, 0x10);
  }
  client(30 * millisecond, {0xc2, 1, 0x3c, 2, 6, 0x3c, 3, 6, 0x3c, 4, 6, 0x3c, 1, 6});
  server(32 * millisecond, {0xe2, 0x81, uint8_t(iin & 0x10), 0, 1, 2, 0, 0, 7, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 1, 0x1e, 5, 0, 0, 1, 1, 0x27, 0xb6, 0xdc, 0x42, 1, 0x6a, 0xf6, 0x7a, 0x43});
  client(33 * millisecond, {0xc2, 0});
  if (restarted) {
    client(40 * millisecond, {0xc3, 0x17});
    server(41 * millisecond, {0xc3, 0x81, 0x10, 0, 0x34, 2, 7, 1, 0, 0});
    Octets write{0xc4, 2, 0x32, 1, 7, 1};
    for (int i = 0; i < 6; i++) write.push_back(uint8_t((t + 42 * millisecond) / millisecond >> 8 * i));
    client(42 * millisecond, write);
    none(43 * millisecond, 4, 0);
  }
  client(50 * millisecond, {0xc5, 0x14, 0x3c, 2, 6, 0x3c, 3, 6, 0x3c, 4, 6});
  none(51 * millisecond, 5, 0);
  for (uint8_t i = 0; i < 5; i++) {
    client((7 + 7 * i) * second, {uint8_t(0xc6 + i), 1, 0x3c, 2, 6, 0x3c, 3, 6});
    none((7 + 7 * i) * second + millisecond, uint8_t(6 + i), 0);
  }
  return l;
}
// The first frame of a publisher after a time, to be said with other numbers; what it said by then is the state before.
struct Publisher { Goose goose; uint32_t state; };
Publisher publisher(const Film& f, const Host& of) {
  const Shot* last = nullptr;
  for (const Shot& s : f.shots)
    if (const Seen seen(s.octets); seen.type == 0x88b8 && seen.from == of.mac && s.t < f.at(T)) last = &s;
  if (!last) throw std::runtime_error("no GOOSE in the recording");
  Goose g(last->octets);
  uint32_t state = 0;
  for (const uint8_t o : g.field(0x85)) state = state << 8 | o;
  return {std::move(g), state};
}
void silence_goose(Film& f, const Host& of) {
  f.cut(f.at(T), f.at(1e6), [&](const Seen& s) { return s.type == 0x88b8 && s.from == of.mac; });
}
// hmi's connection to ied1 as it was at its beginning, at another time.
std::vector<Line> associated_anew(const Film& f, Time t, double for_seconds) {
  std::vector<Line> lines = lines_of(f, hmi, hmi_port, ied1);
  const Time by = t - lines.front().t;
  std::erase_if(lines, [&](const Line& l) { return l.t >= lines.front().t + Time(for_seconds * double(second)); });
  for (Line& l : lines) {
    l.t += by;
    move_times(l.octets, by, f.begin - minute, f.at(over));
  }
  return lines;
}
bool of_hmi_and_ied1(const Seen& s) { return s.between(hmi.ip, ied1.ip) && s.port(hmi_port); }

// --- the rows

TEST(PlantLife, RtuColdStart) {
  Row row{"cold start of two RTUs"};
  Film& f = row.film;
  const Time t = f.at(T), up = f.at(T + 30);
  f.cut(t, up, [](const Seen& s) { return s.from == rtu1.mac || s.from == rtu2.mac; });
  f.cut(t, f.at(over), [](const Seen& s) { return of_scada(s) || (s.between(scada.ip, rtu2.ip) && s.port(20000)); });
  for (int i = 0; i < 5; i++) {
    for (const Host& r : {rtu1, rtu2}) {
      put_arp(f, f.at(T + 5 + 5 * i), router_itself, r.ip);
      Connection(f, scada, uint16_t(59700 + i), r, r.ip == rtu1.ip ? 2404 : 20000).attempt(f.at(T + 5 + 5 * i));
    }
  }
  for (const Host& r : {rtu1, rtu2}) put_arp(f, up - second, r, r.ip), put_arp(f, up - second + millisecond, r, r.ip);
  Connection c(f, scada, 59720, rtu1, 2404), d(f, scada, 59721, rtu2, 20000);
  c.open(up);
  c.say(numbered(take_up(up + millisecond, 3, true)));
  d.open(up + 2 * second);
  d.say(dnp3_take_up(up + 2 * second + millisecond, true));
  quiet(row);
}

TEST(PlantLife, ControlCentreSwitchOver) {
  Row row{"switch-over to the other control centre"};
  Film& f = row.film;
  row.site = replaced(replaced(row.site, "members = [\"scada\"]\nstations = [\"rtu1\"]", "members = [\"scada\"]\nstandby = [\"scada2\"]\nstations = [\"rtu1\"]"),
                      "members = [\"scada\"]\nstations = [\"rtu2\"]", "members = [\"scada\"]\nstandby = [\"scada2\"]\nstations = [\"rtu2\"]") +
             "\n[[host]]\nname = \"scada2\"\naddress = \"10.10.100.11\"\nseen_with = \"00:90:e8:4a:10:01\"\nrole = \"master\"\nzone = \"control_centre\"\n";
  f.cut(f.at(T), f.at(over), [](const Seen& s) { return s.with(scada.ip); });
  const Time t = f.at(T + 24), again = f.at(T + 50);
  Connection c(f, standby, 41000, rtu1, 2404), d(f, standby, 41001, rtu2, 20000), back(f, scada, 59730, rtu1, 2404);
  c.open(t);
  std::vector<Line> l = take_up(t + millisecond);
  l += {{again + 5 * second, Side::client, apdu(asdu(100, 6, 0, {20}, 3))}, {again + 5 * second + millisecond, Side::server, apdu(asdu(100, 7, 0, {20}, 3))}};
  c.say(numbered(l));
  d.open(t + second);
  d.say(dnp3_take_up(t + second + millisecond, false));
  back.open(again);                                                  // the old one has restarted, and stands by now
  for (int i = 0; i < 2; i++) back.say({{again + (1 + 15 * i) * second, Side::client, u_frame(0x43)}, {again + (1 + 15 * i) * second + millisecond, Side::server, u_frame(0x83)}});
  quiet(row);
}

// Two front ends of one centre: one link started, the other kept alive by test frames; then the other way round.
TEST(PlantLife, FrontEndSwitchOver) {
  Row row{"switch-over of front ends"};
  Film& f = row.film;
  row.site = replaced(row.site, "members = [\"scada\"]\nstations = [\"rtu1\"]", "members = [\"scada\", \"scada2\"]\nstations = [\"rtu1\"]") +
             "\n[[host]]\nname = \"scada2\"\naddress = \"10.10.100.11\"\nseen_with = \"00:90:e8:4a:10:01\"\nrole = \"master\"\nzone = \"control_centre\"\n";
  const auto kept_alive = [](const Film& film, double until) {
    std::vector<Line> l;
    for (double s = 20; s < until; s += 20) l.push_back({film.at(s), Side::client, u_frame(0x43)}), l.push_back({film.at(s) + millisecond, Side::server, u_frame(0x83)});
    return l;
  };
  row.lesson = Film::recorded();
  Connection idle(row.lesson, standby, 41000, rtu1, 2404);
  idle.open(row.lesson.at(18));
  idle.say(numbered(kept_alive(row.lesson, 450)));
  row.lesson.in_order();

  std::vector<Line> first = scada_lines(f);
  std::erase_if(first, [&](const Line& l) { return l.t >= f.at(T); });
  first += {{f.at(T), Side::client, u_frame(0x13)}, {f.at(T) + millisecond, Side::server, u_frame(0x23)}};
  for (double s = T + 20; s < over; s += 20) first += {{f.at(s), Side::client, u_frame(0x43)}, {f.at(s) + millisecond, Side::server, u_frame(0x83)}};
  say_anew(f, first);
  std::vector<Line> second_link = kept_alive(f, T);
  second_link += take_up(f.at(T + 1));
  Connection c(f, standby, 41000, rtu1, 2404);
  c.open(f.at(18));
  c.say(numbered(second_link));
  quiet(row);
}

TEST(PlantLife, ReportBuffersResynchronised) {
  Row row{"report buffer resynchronised after a lost connection"};
  Film& f = row.film;
  const Time t = f.at(T + 10);
  // A report of the recording, the first of the buffered control block, said again with other numbers and times.
  Octets report;
  for (const Line& l : lines_of(f, hmi, hmi_port, ied1)) {
    const std::string s(l.octets.begin(), l.octets.end());
    if (l.from == Side::server && s.find("RPT") != std::string::npos && s.find("brcbST01") != std::string::npos) { report = l.octets; break; }
  }
  ASSERT_FALSE(report.empty());
  const auto buffered = [&](uint8_t number, Time when) {
    Octets o = report;
    const std::string text(o.begin(), o.end());
    o[text.find(std::string("\x06\x7b\x80\x86\x01", 5)) + 5] = number;
    const size_t at = text.find(std::string("\x89\x08", 2));
    o[at + 9] = number;
    const Octets stamp = utc(when);
    std::copy(stamp.begin(), stamp.end(), o.begin() + long(text.find(std::string("\x91\x08", 2))) + 2);
    return o;
  };
  std::vector<Line> start = associated_anew(f, t, 0.004), l;
  std::vector<Line> after = associated_anew(f, t, over - T - 12);
  const std::string domain = "AA1J1Q01A1LD0", block = "LLN0$BR$brcbST01$";
  bool done = false;
  uint8_t last = 0;
  for (const Line& line : start) {
    const std::string s(line.octets.begin(), line.octets.end());
    if (!done && line.from == Side::client && s.find("TrgOps") != std::string::npos) {
      const Time at = line.t - 20 * microsecond;
      const auto write = [&](uint8_t invoke, const char* what, const Octets& data, int k) {
        l.push_back({at + k * microsecond, Side::client, mms_request(invoke, mms_write(domain, block + what, data))});
        l.push_back({at + (k + 1) * microsecond, Side::server, mms_response(invoke, written)});
      };
      write(101, "RptEna", {0x83, 1, 0}, 0);
      write(102, "PurgeBuf", {0x83, 1, 0}, 2);
      write(103, "EntryID", tlv(0x89, {0, 0, 1, 0xa1, 0xff, 0xe7, 0x5b, 1}), 4);
      done = true;
    }
    l.push_back(line);
    last = uint8_t(last + 1);
  }
  ASSERT_TRUE(done);
  for (uint8_t i = 1; i <= 100; i++) l.push_back({t + 10 * millisecond + i * millisecond, Side::server, buffered(i, f.at(T) + i * 90 * millisecond)});
  for (const Line& line : after)
    if (line.t > t + second) l.push_back(line);
  f.cut(f.at(T), f.at(over), of_hmi_and_ied1);
  Connection c(f, hmi, 38600, ied1, 102);
  c.open(t - millisecond);
  c.say(l);
  quiet(row);
}

TEST(PlantLife, IedRestart) {
  Row row{"restart of an IED"};
  Film& f = row.film;
  const Time t = f.at(T), up = f.at(T + 40);
  Publisher p = publisher(f, ied1);
  f.cut(t, up, [](const Seen& s) { return s.from == ied1.mac; });
  silence_goose(f, ied1);
  f.cut(t, f.at(over), of_hmi_and_ied1);
  for (int i = 0; i < 4; i++) {
    put_arp(f, f.at(T + 8 + 8 * i), hmi, ied1.ip);
    Connection(f, hmi, uint16_t(38601 + i), ied1, 102).attempt(f.at(T + 8 + 8 * i));
  }
  put_arp(f, up - 2 * second, ied1, ied1.ip);
  for (size_t i : {1u, 3u, 5u}) p.goose.member(i)[1] = 0x40;          // first its inputs are not yet read: invalid
  f.add(up - second, p.goose.say(1, 0, up - second, 0x2a));           // and its clock is not yet set
  for (size_t i : {1u, 3u, 5u}) p.goose.member(i)[1] = 0;
  publish(f, p.goose, 2, up - 900 * millisecond, f.at(over));
  Connection c(f, hmi, 38610, ied1, 102);
  c.open(up);
  c.say(associated_anew(f, up + millisecond, over - T - 42));
  quiet(row);
}

// A short circuit: the relay trips, recloses after 600 ms; the gateway tells 500 events; the engineer fetches the disturbance record.
TEST(PlantLife, TripWithReclosing) {
  Row row{"trip with auto-reclosing, 500 events, COMTRADE fetched"};
  Film& f = row.film;
  const Time t = f.at(T);
  Publisher p = publisher(f, ied2);
  silence_goose(f, ied2);
  const auto state = [&](uint32_t more, Time from, Time to, bool trip, uint8_t position) {
    *(p.goose.member(4)) = trip, p.goose.member(0)[1] = position;
    publish(f, p.goose, p.state + more, from, to);
  };
  const uint8_t was = p.goose.member(0)[1];
  state(1, t, t + 50 * millisecond, true, was);
  state(2, t + 50 * millisecond, t + 120 * millisecond, true, 0x40);
  state(3, t + 120 * millisecond, t + 650 * millisecond, false, 0x40);
  state(4, t + 650 * millisecond, f.at(over), false, was);

  std::vector<Line> l = scada_lines(f);
  l += {{t + 60 * millisecond, Side::server, apdu(asdu(31, 3, 1102, Octets{1} + cp56(t + 50 * millisecond)))},
        {t + 670 * millisecond, Side::server, apdu(asdu(31, 3, 1102, Octets{2} + cp56(t + 650 * millisecond)))}};
  for (int i = 0; i < 500; i++) {
    const Time at = t + 70 * millisecond + i * 4 * millisecond;
    const uint32_t n = uint32_t(i);
    if (i % 3 == 0) l.push_back({at, Side::server, apdu(asdu(36, 3, 2001 + n % 6, measured(float(i % 40)) + cp56(at - 30 * millisecond)))});
    else l.push_back({at, Side::server, apdu(asdu(30, 3, 1201 + n % 90, Octets{uint8_t(i / 90 & 1)} + cp56(at - 30 * millisecond)))});
  }
  say_anew(f, l);

  Film whole = Film::recorded();
  const std::vector<Line> visit = lines_of(whole, ews, 35540, ied2);
  const Time by = f.at(T + 25) - visit.front().t;
  std::vector<Line> fetch;
  for (const Line& line : visit)
    if (fetch.size() < 6) fetch.push_back({line.t + by, line.from, line.octets});
  Time at = fetch.back().t + 100 * millisecond;
  const auto ask = [&](uint8_t invoke, const Octets& request, const Octets& answer) {
    fetch.push_back({at, Side::client, mms_request(invoke, request)}), fetch.push_back({at + 2 * millisecond, Side::server, mms_response(invoke, answer)});
    at += 20 * millisecond;
  };
  const auto graphic = [](std::string_view s) { return tlv(0x19, packets::octets(s)); };
  const Octets attributes = tlv(0xa1, Octets{0x80, 2, 0x7d, 0} + tlv(0x81, packets::octets("20261121210034.000Z")));
  ask(40, tlv(0xbf, 0x4d, tlv(0xa0, graphic("COMTRADE"))),
      tlv(0xbf, 0x4d, tlv(0xa0, tlv(0x30, tlv(0x30, tlv(0xa0, graphic("COMTRADE/FR0007.DAT")) + attributes)))));
  ask(41, tlv(0xbf, 0x48, tlv(0xa0, graphic("COMTRADE/FR0007.DAT")) + Octets{0x81, 1, 0}), tlv(0xbf, 0x48, Octets{0x80, 1, 7} + attributes));
  for (uint8_t i = 0; i < 32; i++) ask(uint8_t(42 + i), {0x9f, 0x49, 1, 7}, tlv(0xbf, 0x49, tlv(0x80, Octets(1000, i)) + Octets{0x81, 1, uint8_t(i < 31)}));
  ask(80, {0x9f, 0x4a, 1, 7}, {0x9f, 0x4a, 0});
  Connection c(f, ews, 35600, ied2, 102);
  c.open(fetch.front().t - millisecond);
  c.say(fetch);
  c.close(at);
  quiet(row);
}

// The frequency falls: the relays of three feeders open them within a quarter of a second, nobody commands.
TEST(PlantLife, LoadShedByRelays) {
  Row row{"load shed by the relays' under-frequency stage"};
  Film& f = row.film;
  const Time t = f.at(T);
  std::vector<Line> l = scada_lines(f);
  int i = 0;
  for (const Host& h : {ied1, ied2, ied3}) {
    Publisher p = publisher(f, h);
    silence_goose(f, h);
    const Time at = t + i * 80 * millisecond;
    *(p.goose.member(h.ip == ied3.ip ? 2 : 4)) = 1;
    publish(f, p.goose, p.state + 1, at, at + 60 * millisecond);
    p.goose.member(0)[1] = 0x40;
    publish(f, p.goose, p.state + 2, at + 60 * millisecond, f.at(over));
    l.push_back({at + 100 * millisecond, Side::server, apdu(asdu(31, 3, 1101u + uint32_t(i), Octets{1} + cp56(at + 60 * millisecond)))});
    i++;
  }
  say_anew(f, l);
  quiet(row);
}

std::vector<Line> double_command(Time t, uint32_t object, uint8_t position, bool follows = true) {
  const auto both = [&](Time after, uint8_t select) {
    return std::vector<Line>{{t + after, Side::client, apdu(asdu(46, 6, object, {uint8_t(position | select)}, 3))},
                             {t + after + millisecond, Side::server, apdu(asdu(46, 7, object, {uint8_t(position | select)}, 3))}};
  };
  std::vector<Line> l = both(0, 0x80);
  l += both(300 * millisecond, 0);
  if (follows) l.push_back({t + 500 * millisecond, Side::server, apdu(asdu(31, 11, object - 4000, Octets{position} + cp56(t + 490 * millisecond)))});
  l.push_back({t + 600 * millisecond, Side::server, apdu(asdu(46, 10, object, {position}, 3))});
  return l;
}

// The dispatcher's own order: five feeders opened by the master's program, one a second. It is declared; or it was rehearsed
// while Memory learned.
TEST(PlantLife, LoadShedByOrder) {
  Row row{"load shed by the control centre's declared order"};
  Film& f = row.film;
  row.site += "\n[[sequence]]\nname = \"load shedding, stage 1\"\nmasters = [\"scada\"]\nhost = \"rtu1\"\nstation = 11\nobjects = [\"information object 5101-5105\"]\n";
  const auto order = [](const Film& film, double at) {
    std::vector<Line> l;
    for (uint32_t i = 0; i < 5; i++) l += double_command(film.at(at + i), 5101 + i, 1);
    return l;
  };
  std::vector<Line> l = scada_lines(f);
  l += order(f, T);
  say_anew(f, l);
  row.lesson = Film::recorded();
  std::vector<Line> rehearsed = scada_lines(row.lesson);
  rehearsed += order(row.lesson, 300);
  say_anew(row.lesson, rehearsed);
  row.lesson.in_order();
  quiet(row);
}

TEST(PlantLife, CommandToAPositionAlreadyReached) {
  Row row{"command to a position already reached"};
  Film& f = row.film;
  std::vector<Line> l = scada_lines(f);
  l += {{f.at(T - 2), Side::server, apdu(asdu(31, 3, 1103, Octets{2} + cp56(f.at(T - 2))))}};
  l += double_command(f.at(T), 5103, 2, false);
  // Another station's way: it refuses.
  l += {{f.at(T + 10), Side::client, apdu(asdu(46, 6, 5103, {0x82}, 3))}, {f.at(T + 10) + millisecond, Side::server, apdu(asdu(46, 0x47, 5103, {0x82}, 3))}};
  say_anew(f, l);
  quiet(row);
}

TEST(PlantLife, TapSeries) {
  Row row{"series of taps"};
  Film& f = row.film;
  row.site += "\n[[iec104_point]]\nhost = \"rtu1\"\nstation = 11\naddress = 5301\ntype = \"C_RC_NA_1\"\nkind = \"tap\"\nmode = \"direct\"\nfeedback = 2301\n"
              "[[iec104_point]]\nhost = \"rtu1\"\nstation = 11\naddress = 2301\ntype = \"M_ST_TB_1\"\n";
  std::vector<Line> l = scada_lines(f);
  for (int i = 0; i < 6; i++) {
    const Time t = f.at(T + 4 * i);
    l += {{t, Side::client, apdu(asdu(47, 6, 5301, {2}, 3))}, {t + millisecond, Side::server, apdu(asdu(47, 7, 5301, {2}, 3))}, {t + 100 * millisecond, Side::server, apdu(asdu(47, 10, 5301, {2}, 3))},
          {t + 3 * second, Side::server, apdu(asdu(32, 3, 2301, Octets{uint8_t(9 + i), 0} + cp56(t + 3 * second)))}};
  }
  say_anew(f, l);
  quiet(row);
}

TEST(PlantLife, AcknowledgeAll) {
  Row row{"acknowledge-all"};
  Film& f = row.film;
  row.site += "\n[[iec104_point]]\nhost = \"rtu1\"\nstation = 11\naddress = 5401\ncount = 12\ntype = \"C_SC_NA_1\"\nkind = \"reset\"\nmode = \"direct\"\n";
  const auto all = [](const Film& film, double at) {
    std::vector<Line> l;
    for (uint32_t i = 0; i < 12; i++) {
      const Time t = film.at(at) + i * 60 * millisecond;
      l += {{t, Side::client, apdu(asdu(45, 6, 5401 + i, {1}, 3))}, {t + millisecond, Side::server, apdu(asdu(45, 7, 5401 + i, {1}, 3))}, {t + 20 * millisecond, Side::server, apdu(asdu(45, 10, 5401 + i, {1}, 3))}};
    }
    return l;
  };
  std::vector<Line> l = scada_lines(f);
  l += all(f, T);
  say_anew(f, l);
  quiet(row);
}

TEST(PlantLife, RelayTestSet) {
  Row row{"relay test set, works declared"};
  Film& f = row.film;
  const auto at = [&](double s) {
    const std::time_t seconds = f.at(s) / second;
    std::tm d{};
    gmtime_r(&seconds, &d);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", d.tm_year + 1900, d.tm_mon + 1, d.tm_mday, d.tm_hour, d.tm_min, d.tm_sec);
  };
  row.site += fmt::format("\n[[window]]\nname = \"relay test ied1\"\npermit = \"P-1\"\nopener = \"N. N.\"\nhosts = [\"ied1\"]\nstart = \"{}\"\nend = \"{}\"\n", at(T - 60), at(over + 600));
  const Mac set = *parse_mac("00:04:d8:11:22:33");
  Publisher p = publisher(f, ied1);
  std::copy(set.octets.begin(), set.octets.end(), p.goose.head.begin() + 6);
  Time t = f.at(T);
  for (uint32_t shot = 1; shot <= 5; shot++) {
    *(p.goose.member(4)) = shot & 1;
    Time pause = 4 * millisecond;
    const Time since = t;
    for (uint32_t sequence = 0; t < since + 8 * second; sequence++, t += pause, pause = std::min<Time>(2 * pause, 2 * second)) f.add(t, p.goose.say(shot, sequence, since, 0x0a, true));
  }
  quiet(row);
}

// The grandmaster loses its satellites: holdover, then free running; merging unit, PMU, relays and the NTP server say so.
TEST(PlantLife, LossOfGps) {
  Row row{"loss of GPS"};
  Film& f = row.film;
  f.change(f.at(T), [&](Shot& s, const Seen& seen) {
    const bool late = s.t >= f.at(T + 30);
    Octets& o = s.octets;
    if (seen.type == 0x88f7 && (o[seen.body] & 15) == 11) {
      o[seen.body + 48] = late ? 52 : 7;
      if (late) o[seen.body + 7] &= 0xef;                                  // no longer traceable
    } else if (seen.type == 0x88ba) {
      for (size_t i = seen.body; i + 3 < o.size(); i++)
        if (o[i] == 0x85 && o[i + 1] == 1 && o[i + 2] == 2 && o[i + 3] == 0x87) o[i + 2] = late ? 0 : 1;
    } else if (seen.protocol == 6 && seen.port(4712) && seen.length > 16 && o[seen.payload] == 0xaa && o[seen.payload + 1] == 1) {
      o[seen.payload + 14] |= 0x20;                                        // STAT: not synchronised
      o[seen.payload + 15] |= late ? 0x30 : 0x10;                          // for 10 s, for 1000 s
      const uint16_t c = crc_ccitt(Bytes(o).subspan(seen.payload, seen.length - 2));
      o[seen.payload + seen.length - 2] = uint8_t(c >> 8), o[seen.payload + seen.length - 1] = uint8_t(c);
    } else if (late && seen.protocol == 17 && seen.source_port == 123 && seen.length >= 48) {
      o[seen.payload] |= 0xc0;                                             // leap indicator 3
    }
  });
  // A relay changes its state meanwhile, and says that its clock is not synchronised.
  Publisher p = publisher(f, ied1);
  silence_goose(f, ied1);
  publish(f, p.goose, p.state + 1, f.at(T), f.at(T + 40));
  *(p.goose.member(6)) ^= 1;
  publish(f, p.goose, p.state + 2, f.at(T + 40), f.at(over), 0x2a);
  quiet(row);
}

TEST(PlantLife, LanBDown) {
  Row row{"LAN B of a redundant network down"};
  const auto twice = [](const Film& from, double b_until) {
    Film out;
    out.begin = from.begin;
    uint16_t n = 0;
    for (const Shot& s : from.shots)
      for (const auto& way : arrangements::prp_pair(s.octets, n++)) {
        if (way.cable == 1 && s.t >= from.at(b_until)) continue;
        out.shots.push_back({s.t + Time(way.cable) * 30 * microsecond, way.octets, uint16_t(way.cable)});
      }
    return out.in_order();
  };
  row.how.interfaces = 2;
  row.how.groups = {1, 1};
  row.lesson = twice(Film::recorded(), 1e9);
  row.film = twice(row.film, T);
  quiet(row);
}

// An RTU whose clock is local time: summer time ends. The summer bit goes, or, with a second kind of station, was never set.
TEST(PlantLife, DaylightSavingEnds) {
  for (const bool summer_bit : {true, false}) {
    Row row{summer_bit ? "summer time ends" : "summer time ends, without a summer bit"};
    const auto local = [&](Film& f, double until) {
      std::vector<Line> l = scada_lines(f);
      each_time(l, [&](const Line& line, uint8_t* tag) {
        const bool summer = line.t < f.at(until);
        const unsigned ms = tag[0] | tag[1] << 8u, was = tag[3];
        const Octets o = cp56(line.t, (summer ? 2 : 1) * hour, tag[2] & 0xc0, summer && summer_bit);
        if (was == 21 && (o[3] & 31) != 21u + (summer ? 2u : 1u)) return;   // of the minute before the hour
        std::copy(o.begin() + 2, o.end(), tag + 2);
        tag[0] = uint8_t(ms), tag[1] = uint8_t(ms >> 8);
        if (ms > (unsigned(o[0]) | unsigned(o[1]) << 8) + 30'000) tag[2] = uint8_t(o[2] ? o[2] - 1 : 0);
      });
      say_anew(f, l);
    };
    row.lesson = Film::recorded();
    local(row.lesson, 1e6);
    row.lesson.in_order();
    local(row.film, T);
    quiet(row);
  }
}

TEST(PlantLife, DoubledMirror) {
  Row row{"doubled mirror"};
  Film out;
  out.begin = row.film.begin;
  for (const Shot& s : row.film.shots) out.shots.push_back(s), out.shots.push_back({s.t + 8 * microsecond, s.octets});
  row.film = out;
  quiet(row);
}

TEST(PlantLife, OnePerCentLost) {
  for (const uint32_t seed : {1u, 2u, 3u}) {
    Row row{fmt::format("1 % of the packets lost at the sensor, throw {}", seed)};
    row.film = Film::recorded();
    std::mt19937 dice(seed);
    std::erase_if(row.film.shots, [&](const Shot&) { return dice() % 100 == 0; });
    quiet(row);
  }
}

}  // namespace
}  // namespace vidra::plant_life
