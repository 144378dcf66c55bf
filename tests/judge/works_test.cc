// SPDX-License-Identifier: Apache-2.0
// Works: inside their window findings are kept and marked; at the end one alert says what stayed changed.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "daemon/base/text.h"
#include "tests/judge/hearing.h"

namespace vidra {
namespace {

constexpr std::string_view plant = R"(
[site]
name = "Alder"
prefixes = ["10.1.1.0/24"]
[[host]]
name = "scada"
address = "10.1.1.10"
role = "master"
[[host]]
name = "ews"
address = "10.1.1.90"
role = "engineering"
bay = "E09"
[[host]]
name = "plc1"
address = "10.1.1.60"
role = "plc"
bay = "E01"
[[conversation]]
client = "scada"
server = "plc1"
protocol = "modbus"
acts = ["reading", "write"]
[[modbus_point]]
host = "plc1"
unit = 1
table = "holding_register"
address = "30-39"
writable = true
bay = "E01"
name = "set-point"
)";

Time at(std::string_view s) { return *parse_iso_time(s); }

std::shared_ptr<const Site> with_window(const std::string& window, bool on_the_box = true) {
  auto site = std::make_shared<Site>(*Hearing::site_of(plant));
  Problems problems;
  auto root = TomlTable::parse(window, "windows.toml", problems);
  EXPECT_TRUE(root);
  if (on_the_box) read_windows(*site, *root);
  EXPECT_TRUE(problems.empty()) << problems[0];
  return site;
}

constexpr std::string_view relay_test = "[[window]]\nname = \"relay test\"\npermit = \"P-7\"\nopener = \"N. N.\"\nbays = [\"E01\"]\nstart = \"2026-11-21T08:00Z\"\nend = \"2026-11-21T12:00Z\"\n";

class WorksTest : public testing::Test {
 protected:
  WorksTest() { hearing_.now = at("2026-11-21T07:00Z"); }
  void adopt(const std::string& window) { hearing_.judge.adopt(with_window(window), {}); }
  void until(std::string_view when) {
    while (hearing_.now < at(when)) hearing_.wait(std::min<Time>(at(when) - hearing_.now, 5 * minute));
  }
  void write(std::string_view client, uint32_t address, double value) {
    Message m;
    m.act = Act::write;
    m.function = 6;
    m.station = 1;
    Point p;
    p.object = Object(ObjectKind::holding_register, address);
    p.set_natural(uint64_t(value));
    hearing_.say("modbus", client, "10.1.1.60:502", m, {p});
  }
  Hearing hearing_{plant};
};

TEST_F(WorksTest, TheEndSaysWhatStayedChangedAndWhatWasPutBack) {
  write("10.1.1.10:40000", 30, 10), write("10.1.1.10:40000", 31, 20);      // before the works
  adopt(std::string(relay_test) + "closed = \"2026-11-21T09:30Z\"\n");
  until("2026-11-21T08:10Z");
  write("10.1.1.90:41000", 30, 12), write("10.1.1.90:41000", 31, 99), write("10.1.1.90:41000", 31, 20);   // 31 is put back
  write("10.1.1.77:41000", 32, 5);                                         // from a laptop that nobody knows
  EXPECT_EQ(hearing_.times("WRK-01"), 0u);
  EXPECT_GT(hearing_.judge.counters().in_window, 0u);
  for (const Finding& f : hearing_.findings) EXPECT_LE(f.severity, f.in_window ? 2 : 5) << f.what;
  until("2026-11-21T09:31Z");
  ASSERT_EQ(hearing_.times("WRK-01"), 1u);
  const Finding& f = hearing_.last("WRK-01");
  EXPECT_FALSE(f.in_window);
  for (std::string_view part : {"The works relay test, permit P-7, opened by N. N. ended after 1 h 30 min: ", "Values that stayed changed: 2: ", "from 10 to 12", "to 5", "New host: 1, of which 0 still speak"})
    EXPECT_NE(f.what.find(part), std::string::npos) << part << "\n" << f.what;
  EXPECT_EQ(f.what.find("99"), std::string::npos) << f.what;
  EXPECT_EQ(f.what.find("to 20"), std::string::npos) << f.what;
  until("2026-11-23T12:00Z");
  EXPECT_EQ(hearing_.times("WRK-01"), 1u);
  EXPECT_EQ(hearing_.times("WRK-02"), 0u);      // it was closed
}

TEST_F(WorksTest, WhoStaysIsNamed) {
  adopt(std::string(relay_test));
  until("2026-11-21T11:58Z");
  write("10.1.1.77:41000", 32, 5);
  until("2026-11-21T12:01Z");
  EXPECT_NE(hearing_.last("WRK-01").what.find("of which 1 still speaks: 10.1.1.77"), std::string::npos) << hearing_.last("WRK-01").what;
}

TEST_F(WorksTest, QuietWorksLeaveNothing) {
  adopt(std::string(relay_test));
  until("2026-11-21T12:01Z");
  EXPECT_NE(hearing_.last("WRK-01").what.find("0 findings inside, 0 commands. Nothing stayed changed that was heard."), std::string::npos) << hearing_.last("WRK-01").what;
}

TEST_F(WorksTest, NobodyClosedThem) {
  adopt(std::string(relay_test));
  until("2026-11-21T11:59Z");
  EXPECT_EQ(hearing_.times("WRK-02"), 0u);
  until("2026-11-21T12:05Z");
  EXPECT_EQ(hearing_.times("WRK-02"), 1u);
  EXPECT_NE(hearing_.last("WRK-02").what.find("were to end at 2026-11-21T12:00:00Z, and nobody has closed them"), std::string::npos) << hearing_.last("WRK-02").what;
  until("2026-11-22T13:00Z");
  EXPECT_EQ(hearing_.times("WRK-02"), 2u);      // once a day, one story
  EXPECT_EQ(hearing_.last("WRK-02").cause, hearing_.findings.back().cause);
  adopt(std::string(relay_test) + "closed = \"2026-11-22T13:00Z\"\n");
  until("2026-11-25T12:00Z");
  EXPECT_EQ(hearing_.times("WRK-02"), 2u);
}

// A window that people wrote into the site ends by itself: it is a plan, not a permit.
TEST_F(WorksTest, PlannedOnesAreNeverOverdue) {
  Hearing planned(std::string(plant) + std::string(relay_test));
  planned.now = at("2026-11-21T08:00Z");
  planned.wait(second);
  planned.now = at("2026-11-21T12:00Z");
  planned.wait(second);
  EXPECT_EQ(planned.times("WRK-01"), 1u);
  EXPECT_EQ(planned.times("WRK-02"), 0u);
}

// A window that is withdrawn ends, too; and one that was over before the sensor began is nobody's news.
TEST_F(WorksTest, WithdrawnAndOld) {
  adopt(std::string(relay_test));
  until("2026-11-21T08:30Z");
  adopt("");
  until("2026-11-21T08:31Z");
  EXPECT_EQ(hearing_.times("WRK-01"), 1u);
  Hearing later(plant);
  later.now = at("2026-11-22T00:00Z");
  later.judge.adopt(with_window(std::string(relay_test) + "closed = \"2026-11-21T09:30Z\"\n"), {});
  later.wait(minute);
  EXPECT_EQ(later.of("WRK"), 0u);
}

// Outside of its scope a window softens nothing: another bay's point, another act, another time.
TEST(WorksScope, BaysOfPointsAndOfHosts) {
  const auto site = with_window(relay_test.data());
  const HostId plc = site->host_named("plc1"), scada = site->host_named("scada"), ews = site->host_named("ews");
  const Time inside = at("2026-11-21T09:00Z");
  EXPECT_TRUE(site->window(inside, scada, plc, "E01", Act::write));
  EXPECT_FALSE(site->window(inside, scada, plc, "E02", Act::write));     // the point's own bay decides
  EXPECT_TRUE(site->window(inside, scada, plc, "", Act::write));         // the host stands in E01
  EXPECT_FALSE(site->window(inside, scada, ews, "", Act::write));
  EXPECT_FALSE(site->window(at("2026-11-21T12:00Z"), scada, plc, "E01", Act::write));
  const auto closed = with_window(std::string(relay_test) + "closed = \"2026-11-21T08:30Z\"\n");
  EXPECT_FALSE(closed->window(inside, scada, plc, "E01", Act::write));
}

TEST(WorksFile, BesideTheSettingsAndReadAgain) {
  namespace fs = std::filesystem;
  const fs::path folder = fs::temp_directory_path() / ("vidra_works_" + std::to_string(::getpid()));
  fs::create_directories(folder);
  std::ofstream(folder / "vidra.toml") << plant;
  Problems problems;
  const auto read = [&] {
    auto root = TomlTable::open((folder / "vidra.toml").string(), problems);
    Site s = read_site(*root, problems);
    root->finish();
    return s;
  };
  Site site = read();
  EXPECT_EQ(site.windows_file, (folder / "windows.toml").string());
  EXPECT_TRUE(site.windows.empty());
  std::ofstream(folder / "windows.toml") << relay_test;
  read_windows(site, problems);
  read_windows(site, problems);                       // again: in their place, not beside them
  ASSERT_EQ(site.windows.size(), 1u);
  EXPECT_TRUE(site.windows[0].on_the_box);
  EXPECT_EQ(read().windows.size(), 1u);
  EXPECT_TRUE(problems.empty()) << problems[0];
  std::ofstream(folder / "windows.toml") << "[[window]]\nname = \"for ever\"\nstart = \"2026-01-01\"\nend = \"2026-12-01\"\n";
  read_windows(site, problems);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_NE(problems[0].find("at most 90 days"), std::string::npos) << problems[0];
  fs::remove_all(folder);
}

// Works of long ago stop no sensor; what is wrong with them is told and holds for nothing.
TEST(WorksFile, WhatIsNoLongerRight) {
  namespace fs = std::filesystem;
  const fs::path folder = fs::temp_directory_path() / ("vidra_works_gone_" + std::to_string(::getpid()));
  fs::create_directories(folder);
  std::ofstream(folder / "vidra.toml") << plant;
  const auto read = [&](const std::string& windows, Problems& remarks) {
    std::ofstream(folder / "windows.toml") << windows;
    Problems problems;
    auto root = TomlTable::open((folder / "vidra.toml").string(), problems);
    Site s = read_site(*root, problems, &remarks);
    EXPECT_TRUE(problems.empty()) << problems[0];
    return s;
  };
  const auto works = [](const std::string& name, const std::string& hosts, const std::string& more = "") {
    return "[[window]]\nname = \"" + name + "\"\nstart = \"2026-11-21T08:00Z\"\nend = \"2026-11-21T12:00Z\"\nhosts = [" + hosts + "]\n" + more;
  };
  Problems remarks;
  Site s = read(works("a", "\"gone\"", "closed = \"2026-11-21T09:00Z\"\n") + works("b", "\"gone\"") + works("c", "\"gone\", \"plc1\"") + works("d", "\"scada\""), remarks);
  ASSERT_EQ(s.windows.size(), 2u);
  EXPECT_EQ(s.windows[0].hosts, std::vector<HostId>{s.host_named("plc1")});          // never everywhere
  EXPECT_EQ(s.windows[1].name, "d");
  ASSERT_EQ(remarks.size(), 2u);
  EXPECT_NE(remarks[0].find("the works \"b\" name \"gone\", which the site no longer declares; they are not in force"), std::string::npos) << remarks[0];
  EXPECT_NE(remarks[1].find("they are in force for its other hosts"), std::string::npos) << remarks[1];

  // Who writes the windows again keeps them all, by name.
  remarks.clear();
  EXPECT_TRUE(read_windows(s, remarks, GoneHosts::kept));
  EXPECT_TRUE(remarks.empty());
  ASSERT_EQ(s.windows.size(), 4u);
  EXPECT_EQ(s.host(s.windows[0].hosts.at(0)).name, "gone");
  EXPECT_EQ(s.windows[1].hosts, s.windows[0].hosts);

  // One that is wrong is alone left out; a file that is cut is told, and leaves those of before.
  Site t = read(works("right", "\"plc1\"") + works("wrong", "\"plc1\"", "acts = [\"fly\"]\n"), remarks);
  ASSERT_EQ(t.windows.size(), 1u);
  EXPECT_EQ(remarks.size(), 1u);
  std::ofstream(folder / "windows.toml") << "[[window]]\nname = \"cu";
  remarks.clear();
  EXPECT_FALSE(read_windows(t, remarks));
  EXPECT_EQ(remarks.size(), 1u);
  EXPECT_EQ(t.windows.size(), 1u);
  remarks.clear();
  EXPECT_TRUE(read("[[window]]\nname = \"cu", remarks).windows.empty());
  EXPECT_EQ(remarks.size(), 1u);
  // What cannot be reached is not what is not there.
  remarks.clear();
  t.windows_file = (folder / "vidra.toml" / "windows.toml").string();
  EXPECT_TRUE(read_windows(t, remarks) && remarks.empty());        // a file has nothing in it
  t.windows_file = (folder / std::string(300, 'x') / "windows.toml").string();
  EXPECT_FALSE(read_windows(t, remarks));
  ASSERT_EQ(remarks.size(), 1u);
  EXPECT_NE(remarks[0].find("cannot be read"), std::string::npos) << remarks[0];
  fs::remove_all(folder);
}

}  // namespace
}  // namespace vidra
