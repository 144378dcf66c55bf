// SPDX-License-Identifier: Apache-2.0
// What the site declares, as the border goes by it, and the list of the pseudonyms that left.
#include "daemon/sensor/privacy.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "daemon/base/clock.h"
#include "daemon/judge/field_rules.h"
#include "daemon/judge/indicators.h"

namespace vidra {
namespace {

struct Told : testing::Test {
  std::string folder = (std::filesystem::temp_directory_path() / "vidra-told-XXXXXX").string();
  std::string path;
  void SetUp() override {
    ASSERT_TRUE(::mkdtemp(folder.data()));
    path = folder + "/pseudonyms.told";
  }
  void TearDown() override { std::filesystem::remove_all(folder); }
  static std::string whole(const std::string& file) {
    std::ifstream in(file);
    std::ostringstream s;
    s << in.rdbuf();
    return s.str();
  }
  static size_t lines(const std::string& file) {
    const std::string s = whole(file);
    return size_t(std::count(s.begin(), s.end(), '\n'));
  }
  void tell(const std::vector<std::pair<std::string, std::string>>& all) {
    ToldNames names(path);
    names.open();
    names.start();
    for (const auto& [pseudonym, plain] : all) names.told(pseudonym, plain);
    EXPECT_EQ(names.lost(), 0u);
  }
};

TEST_F(Told, what_left_is_found_again) {
  tell({{"host-0123456789", "rtu1"}, {"host-0123456789", "rtu1"}, {"name-00000000aa", "two\nlines\tand \\"}});
  struct stat s;
  ASSERT_EQ(::stat(path.c_str(), &s), 0);
  EXPECT_EQ(s.st_mode & 0777, 0600u);
  auto all = ToldNames::read(path);
  EXPECT_EQ(all.size(), 2u);
  EXPECT_EQ(all["host-0123456789"].plain, "rtu1");
  EXPECT_EQ(all["name-00000000aa"].plain, "two\nlines\tand \\");
  tell({{"host-0123456789", "rtu1"}, {"host-1111111111", "rtu2"}});
  EXPECT_EQ(lines(path), 3u) << "each once";
  // What was put aside with an earlier key is read, too.
  std::filesystem::rename(path, path + ".2026-11-22");
  tell({{"host-2222222222", "rtu3"}});
  EXPECT_EQ(ToldNames::read(path).size(), 4u);
}

TEST_F(Told, a_line_that_was_cut_swallows_none) {
  std::ofstream(path) << "host-0123456789\t2026-11-22T12:00:00Z\trtu1\nhost-0000000001\t2026-11";
  tell({{"host-1111111111", "rtu2"}, {"host-0000000001", "rtu9"}});
  auto all = ToldNames::read(path);
  EXPECT_EQ(all["host-1111111111"].plain, "rtu2") << whole(path);
  EXPECT_EQ(all["host-0123456789"].plain, "rtu1");
}

TEST_F(Told, a_full_file_is_put_aside_and_what_leaves_again_is_noted_again) {
  {
    std::ofstream full(path);
    for (size_t i = 0; i < ToldNames::room; i++) full << "host-" << i << "\t2026-11-22T12:00:00Z\trtu1\n";
  }
  tell({{"host-1111111111", "rtu2"}, {"host-5", "rtu1"}, {"host-1111111111", "rtu2"}});
  EXPECT_EQ(lines(path), 2u);
  EXPECT_EQ(lines(path + ".before"), ToldNames::room);
  EXPECT_EQ(ToldNames::read(path).size(), ToldNames::room + 1);
}

TEST_F(Told, where_the_full_file_cannot_be_put_aside_it_grows_on) {
  {
    std::ofstream full(path);
    for (size_t i = 0; i < ToldNames::room; i++) full << "host-" << i << "\t2026-11-22T12:00:00Z\trtu1\n";
  }
  std::filesystem::create_directories(path + ".before/x");          // no file can take its place
  tell({{"host-1111111111", "rtu2"}});
  EXPECT_EQ(ToldNames::read(path).at("host-1111111111").plain, "rtu2");
  EXPECT_EQ(lines(path), ToldNames::room + 1);
}

// Whoever tells is never held up: a disk that does not answer is a pipe here that nobody reads.
TEST_F(Told, a_disk_that_stalls_holds_up_nobody) {
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  ToldNames names(path);
  names.start();                           // opened for reading and writing: a pipe opens at once, and takes 64 KiB
  const std::string plain(1000, 'x');
  for (int i = 0; i < 1000; i++) names.told("host-" + std::to_string(i), plain);
  EXPECT_EQ(names.lost(), 0u) << "here though nobody read yet: a megabyte, and the pipe takes a sixteenth";
  // Somebody reads: everything comes.
  const Time began = monotonic_now();
  const int reader = ::open(path.c_str(), O_RDONLY | O_NONBLOCK);
  ASSERT_GE(reader, 0);
  size_t octets = 0, rows = 0;
  for (std::vector<char> room(1 << 16); rows < 1000 && monotonic_now() - began < 20 * second;) {
    const ssize_t n = ::read(reader, room.data(), room.size());
    if (n > 0) octets += size_t(n), rows += size_t(std::count(room.begin(), room.begin() + n, '\n'));
    else sleep_for(millisecond);
  }
  EXPECT_EQ(rows, 1000u);
  EXPECT_GT(octets, 1'000'000u);
  ::close(reader);
}

// Where the disk takes nothing it is said, and what waits is written when it takes something again.
TEST_F(Told, what_a_full_disk_does_not_take_waits) {
  std::filesystem::create_directories(path);         // no file can be opened here
  ToldNames names(path);
  names.open();
  names.start();
  names.told("host-1111111111", "rtu2");
  for (int i = 0; i < 2000 && names.trouble().empty(); i++) sleep_for(millisecond);
  EXPECT_NE(names.trouble().find("cannot be written"), std::string::npos) << names.trouble();
  std::filesystem::remove(path);
  for (int i = 0; i < 5000 && !names.trouble().empty(); i++) sleep_for(millisecond);
  EXPECT_EQ(names.trouble(), "");
  EXPECT_EQ(ToldNames::read(path).at("host-1111111111").plain, "rtu2");
  EXPECT_EQ(names.lost(), 0u);
}

// Everything that a site gives a name is declared, whatever words it is made of.
TEST(DeclaredOf, what_the_site_wrote) {
  Site site;
  site.name = "Alder";
  SiteSequence sequence;
  sequence.name = "load of the station";
  site.sequences.push_back(sequence);
  SiteQuantity quantity;
  quantity.name = "voltage of the bay", quantity.unit = "station point";
  QuantityMember member;
  member.text = "information object of the bay";
  quantity.members.push_back(member);
  site.quantities.push_back(quantity);
  quantity.name = "current", quantity.unit = "A";
  site.quantities.push_back(quantity);
  site.files = {"station.toml"};
  JudgeSettings judge;
  auto lists = std::make_shared<Indicators>();
  lists->files = {"lists/bay"};
  judge.indicators = lists;
  FieldRule with, without;
  with.name = "operate", with.what = "{client} did it", with.place = "rules/bay.toml:12";
  without.name = "reads", without.place = "rules/bay.toml:20";
  judge.rules = std::make_shared<const FieldRules>(std::vector<FieldRule>{with, without});
  const Declared d = declared_of(site, judge, "sensor-1");
  const std::map<std::string, std::string> wanted = {{"load of the station", "sequence"}, {"voltage of the bay", "quantity"}, {"current", "quantity"}, {"station point", "unit"},
                                                     {"information object of the bay", "point"}, {"station.toml", "file"}, {"lists/bay", "file"}, {"rules/bay.toml", "file"},
                                                     {"Alder", "site"}, {"sensor-1", "sensor"}};
  EXPECT_EQ((std::map<std::string, std::string>(d.names.begin(), d.names.end())), wanted) << "and a unit that is a word of ours names nobody";
  EXPECT_EQ(d.rules, (std::map<std::string, bool, std::less<>>{{"operate", true}, {"reads", false}}));
  for (const char* said : {"lists/bay:12 names", "(station.toml:7)"}) {
    bool name = false;
    for (const Piece& p : pieces(said, d)) name |= p.kind == Piece::Kind::name;
    EXPECT_TRUE(name) << said;
  }
}

}  // namespace
}  // namespace vidra
