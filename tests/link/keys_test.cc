// SPDX-License-Identifier: Apache-2.0
#include "daemon/link/keys.h"

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <fstream>

#include "tests/link/ends.h"

namespace vidra {
namespace {

TEST(Keys, are_made_once_and_kept_from_others) {
  TempDir dir;
  const std::string path = dir.path + "/sensor.key";
  Keys a, b;
  std::string error;
  ASSERT_TRUE(load_or_make_keys(path, a, error)) << error;
  ASSERT_TRUE(load_or_make_keys(path, b, error)) << error;
  EXPECT_EQ(a.curve_secret, b.curve_secret);
  EXPECT_EQ(a.sign_secret, b.sign_secret);
  EXPECT_EQ(a.id, b.id);
  struct stat s;
  ASSERT_EQ(::stat(path.c_str(), &s), 0);
  EXPECT_EQ(s.st_mode & 07777, 0600u);
  std::ifstream pub(path + ".pub");
  const std::string text(std::istreambuf_iterator<char>(pub), {});
  EXPECT_NE(text.find(a.curve_public), std::string::npos);
  EXPECT_NE(text.find(a.fingerprint()), std::string::npos);
  EXPECT_EQ(text.find(a.curve_secret), std::string::npos);
  EXPECT_EQ(a.fingerprint().size(), 39u);   // eight groups of four
  ::chmod(path.c_str(), 0640);
  EXPECT_FALSE(load_keys(path, b, error));
  EXPECT_NE(error.find("chmod 600"), std::string::npos) << error;
}

TEST(Keys, a_damaged_file_is_refused_with_the_reason) {
  TempDir dir;
  const std::string path = dir.path + "/k";
  Keys k;
  std::string error;
  ASSERT_TRUE(load_or_make_keys(path, k, error));
  std::ifstream in(path);
  const std::string good(std::istreambuf_iterator<char>(in), {});
  for (const auto& [from, to] : std::initializer_list<std::pair<std::string, std::string>>{
         {"vidra keys 1", "vidra keys 2"}, {"id ", "id x"}, {"curve-public ", "curve-public 0"}, {k.curve_public, make_keys().curve_public}, {"sign-secret ", "sign-secret g"}}) {
    std::string bad = good;
    bad.replace(bad.find(from), from.size(), to);
    std::ofstream(path) << bad;
    error.clear();
    EXPECT_FALSE(load_or_make_keys(path, k, error)) << to;   // and never overwritten
    EXPECT_NE(error.find("not a key file"), std::string::npos) << error;
  }
}

// Made once, at the first start. Where pseudonyms left under a key that is gone, no other is made in silence.
// What the disk does not give is no damaged key and no lost one: to move it away, or to make another, would cost the sensor its identity.
TEST(Keys, a_key_that_the_disk_does_not_give_is_neither_damaged_nor_gone) {
  TempDir dir;
  const std::string path = dir.path + "/sensor.keys";
  Keys k;
  std::string error;
  ASSERT_EQ(::mkdir(path.c_str(), 0700), 0);   // opens, and is not read: EISDIR
  EXPECT_FALSE(load_or_make_keys(path, k, error));
  EXPECT_NE(error.find("cannot be read: Is a directory"), std::string::npos) << error;
  EXPECT_NE(error.find("dmesg"), std::string::npos) << error;
  EXPECT_EQ(error.find("move it away"), std::string::npos) << error;
  std::array<uint8_t, 32> key;
  ASSERT_EQ(::mkdir((dir.path + "/pseudonyms.key").c_str(), 0700), 0);
  EXPECT_FALSE(open_pseudonym_key(dir.path, key, error));
  EXPECT_NE(error.find("cannot be read: Is a directory"), std::string::npos) << error;

  // The folder of a credential that is not given (here: a loop of links) is not the same as none.
  TempDir own;
  const std::string loop = dir.path + "/loop";
  ASSERT_EQ(::symlink(loop.c_str(), loop.c_str()), 0);
  ::setenv("CREDENTIALS_DIRECTORY", loop.c_str(), 1);
  const bool opened = open_keys(own.path, "sensor.keys", k, error), pseudonyms = open_pseudonym_key(own.path, key, error);
  ::unsetenv("CREDENTIALS_DIRECTORY");
  EXPECT_FALSE(opened) << "another identity";
  EXPECT_FALSE(pseudonyms);
  EXPECT_NE(error.find("dmesg"), std::string::npos) << error;
  EXPECT_NE(::access((own.path + "/sensor.keys").c_str(), F_OK), 0);
  EXPECT_NE(::access((own.path + "/pseudonyms.key").c_str(), F_OK), 0);
}

TEST(Keys, a_key_of_pseudonyms_is_not_made_twice) {
  TempDir dir;
  const std::string path = dir.path + "/pseudonyms.key", told = dir.path + "/pseudonyms.told";
  std::array<uint8_t, 32> first, again;
  std::string error;
  bool made = false;
  EXPECT_FALSE(open_pseudonym_key(dir.path, first, error, false));
  std::ofstream(told).close();             // nothing left yet
  ASSERT_TRUE(open_pseudonym_key(dir.path, first, error, true, &made)) << error;
  EXPECT_TRUE(made);
  made = false;
  std::ofstream(told) << "host-0123456789\t2026-11-22T12:00:00Z\trtu1\n";
  ASSERT_TRUE(open_pseudonym_key(dir.path, again, error, true, &made)) << error;
  EXPECT_FALSE(made);
  EXPECT_EQ(first, again);
  ASSERT_EQ(::rename(path.c_str(), (path + ".kept").c_str()), 0);
  EXPECT_FALSE(open_pseudonym_key(dir.path, again, error, true, &made));
  for (const char* said : {"is gone", "left under it", "Bring the key back", "begin anew: mv "}) EXPECT_NE(error.find(said), std::string::npos) << error;
  EXPECT_NE(::access(path.c_str(), F_OK), 0) << "none was made";
  // As a credential it is there again.
  ASSERT_EQ(::mkdir((dir.path + "/given").c_str(), 0700), 0);
  ASSERT_EQ(::rename((path + ".kept").c_str(), (dir.path + "/given/pseudonyms.key").c_str()), 0);
  ::setenv("CREDENTIALS_DIRECTORY", (dir.path + "/given").c_str(), 1);
  const bool given = open_pseudonym_key(dir.path, again, error, true, &made);
  ::unsetenv("CREDENTIALS_DIRECTORY");
  EXPECT_TRUE(given) << error;
  EXPECT_EQ(first, again);
  // What the message says to type.
  ASSERT_EQ(::rename(told.c_str(), (told + ".2026-11-22").c_str()), 0);
  ASSERT_TRUE(open_pseudonym_key(dir.path, again, error, true, &made)) << error;
  EXPECT_TRUE(made);
  EXPECT_NE(first, again);
}

struct Table : testing::Test {
  Table() { EXPECT_TRUE(known.open(dir.path + "/keys.db", error)) << error; }
  TempDir dir;
  KnownKeys known;
  std::string error;
};

TEST_F(Table, another_process_changes_it_and_that_is_noticed) {
  KnownKeys other;
  ASSERT_TRUE(other.open(dir.path + "/keys.db", error));
  const Keys k = make_keys();
  known.changed();
  EXPECT_TRUE(known.knock(k.curve_public, "10.0.0.9", 5));
  EXPECT_FALSE(known.changed());   // its own doing
  ASSERT_TRUE(other.set_state(k.curve_public, KeyState::active, "mirela", error)) << error;
  EXPECT_TRUE(known.changed());
  EXPECT_FALSE(known.changed());
  const auto now = known.find(k.curve_public);
  EXPECT_EQ(now->state, KeyState::active);
  EXPECT_EQ(now->changed_by, "mirela");
  EXPECT_TRUE(known.knock(k.curve_public, "10.0.0.10", 6));
  EXPECT_EQ(known.find(k.curve_public)->state, KeyState::active);   // knocking changes no state
  EXPECT_EQ(known.find(k.curve_public)->knocks, 2u);
  EXPECT_FALSE(other.set_state("nobody", KeyState::active, "x", error));
}

TEST_F(Table, a_flood_of_strangers_is_bounded_and_pushes_out_no_decision) {
  const Keys trusted = make_keys();
  ASSERT_TRUE(known.add(trusted.curve_public, KeyState::active, "RTU hall", "x", error));
  const Keys late = make_keys();
  for (int i = 0; i < KnownKeys::max_pending + 50; i++) known.knock(make_keys().curve_public, "10.9.9.9", i);
  known.knock(late.curve_public, "10.0.0.2", 10'000);
  EXPECT_EQ(known.all().size(), size_t(KnownKeys::max_pending) + 1);
  EXPECT_TRUE(known.find(trusted.curve_public));
  EXPECT_TRUE(known.find(late.curve_public));
  EXPECT_FALSE(known.knock("not a key", "", 0));
  EXPECT_FALSE(known.add("not a key", KeyState::active, "", "", error));
}

TEST_F(Table, a_key_speaks_for_one_sensor_and_a_sensor_through_one_key) {
  const Keys a = make_keys(), b = make_keys();
  ASSERT_TRUE(known.add(a.curve_public, KeyState::active, "", "x", error));
  ASSERT_TRUE(known.add(b.curve_public, KeyState::active, "", "x", error));
  EXPECT_TRUE(known.bind(a.curve_public, uuid_text(a.id), "aa", "north"));
  EXPECT_TRUE(known.bind(a.curve_public, uuid_text(a.id), "aa", "renamed"));
  EXPECT_EQ(known.find(a.curve_public)->name, "north");
  EXPECT_FALSE(known.bind(a.curve_public, uuid_text(b.id), "aa", ""));
  EXPECT_FALSE(known.bind(a.curve_public, uuid_text(a.id), "bb", ""));   // another signing key
  EXPECT_FALSE(known.bind(b.curve_public, uuid_text(a.id), "cc", ""));
  ASSERT_TRUE(known.set_state(a.curve_public, KeyState::revoked, "x", error));
  EXPECT_TRUE(known.bind(b.curve_public, uuid_text(a.id), "cc", ""));    // a new key for the same sensor
}

// Somebody holds the table, or its disk is full: whoever was let in is not refused for that.
TEST_F(Table, a_table_that_cannot_be_written_refuses_nobody_whom_it_knows) {
  const Keys a = make_keys();
  ASSERT_TRUE(known.add(a.curve_public, KeyState::active, "", "x", error));
  ASSERT_TRUE(known.bind(a.curve_public, uuid_text(a.id), "aa", ""));   // one whose settings give it no name
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open((dir.path + "/keys.db").c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  known.patience(10);
  EXPECT_TRUE(known.bind(a.curve_public, uuid_text(a.id), "aa", ""));
  EXPECT_TRUE(known.bind(a.curve_public, uuid_text(a.id), "aa", "north"));
  EXPECT_FALSE(known.bind(a.curve_public, uuid_text(a.id), "bb", ""));
  sqlite3_close(other);
}

TEST_F(Table, keys_are_found_by_what_people_type) {
  const Keys a = make_keys();
  ASSERT_TRUE(known.add(a.curve_public, KeyState::pending, "", "x", error));
  for (const std::string& text : {a.curve_public, a.fingerprint(), a.fingerprint().substr(0, 9)}) EXPECT_TRUE(known.match(text, error)) << text << ": " << error;
  EXPECT_FALSE(known.match("abc", error));
  EXPECT_NE(error.find("no key is known"), std::string::npos);
  ASSERT_TRUE(known.add(make_keys().curve_public, KeyState::pending, "hall 1", "x", error));
  ASSERT_TRUE(known.add(make_keys().curve_public, KeyState::pending, "hall 2", "x", error));
  EXPECT_FALSE(known.match("hall", error));
  EXPECT_NE(error.find("fits 2"), std::string::npos);
  EXPECT_TRUE(known.match("hall 2", error));
}

}  // namespace
}  // namespace vidra
