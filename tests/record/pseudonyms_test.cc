// SPDX-License-Identifier: Apache-2.0
#include "daemon/record/pseudonyms.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <set>

#include "daemon/record/log.h"
#include "daemon/record/segments.h"

namespace vidra {
namespace {

Address address(const std::string& s) { return *parse_address(s); }

unsigned common_bits(const Address& a, const Address& b) {
  unsigned n = 0;
  while (n < 128 && !((a.octets[n / 8] ^ b.octets[n / 8]) & 0x80 >> n % 8)) n++;
  return n;
}

// The pseudonym as an address again, to compare its bits.
Address bits(const std::string& pseudonym, Address::Kind kind) {
  Address a;
  a.kind = kind;
  const std::string digits = pseudonym.substr(4);
  for (size_t i = 0; i < digits.size() / 2; i++) a.octets[i] = uint8_t(std::stoi(digits.substr(2 * i, 2), nullptr, 16));
  return a;
}

TEST(Pseudonyms, keep_prefixes_to_the_bit_and_come_back) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 20; round++) {
    Pseudonyms::Key key;
    for (uint8_t& o : key) o = uint8_t(random());
    const Pseudonyms p(key);
    for (const auto& [kind, octets] : {std::pair{Address::Kind::ip4, 4u}, {Address::Kind::ip6, 16u}, {Address::Kind::mac, 6u}}) {
      Address a;
      a.kind = kind;
      for (unsigned i = 0; i < octets; i++) a.octets[i] = uint8_t(random());
      const std::string mine = p.of(a);
      ASSERT_TRUE(is_pseudonym(mine)) << mine;
      ASSERT_FALSE(parse_address(mine)) << mine << " is read as an address";
      ASSERT_EQ(p.address(mine), a);
      for (unsigned n = 0; n < octets * 8; n += 3) {     // another that shares exactly n bits
        Address b = a;
        b.octets[n / 8] = uint8_t(b.octets[n / 8] ^ 0x80 >> n % 8);
        for (unsigned i = n + 1; i < octets * 8; i++)
          if (random() & 1) b.octets[i / 8] = uint8_t(b.octets[i / 8] ^ 0x80 >> i % 8);
        ASSERT_EQ(common_bits(bits(mine, kind), bits(p.of(b), kind)), n);
      }
    }
  }
}

TEST(Pseudonyms, another_key_gives_others) {
  Pseudonyms::Key one{}, two{};
  two[31] = 1;
  const Pseudonyms a(one), b(two);
  std::set<std::string> all;
  for (const Pseudonyms* p : {&a, &b})
    for (const char* s : {"10.10.1.20", "10.10.1.21", "10.10.2.20", "fd00::1", "00:0e:8c:91:10:20"}) all.insert(p->of(address(s)));
  EXPECT_EQ(all.size(), 10u);
  EXPECT_NE(a.of_name("host", "rtu1"), b.of_name("host", "rtu1"));
  EXPECT_NE(a.secret("stories"), b.secret("stories"));
  EXPECT_NE(a.secret("stories"), a.secret("other"));
  EXPECT_NE(*b.address(a.of(address("10.10.1.20"))), address("10.10.1.20"));
}

TEST(Pseudonyms, are_the_same_in_every_version) {   // a site's old records must join its new ones; worked out with Python's hashlib
  Pseudonyms::Key key;
  for (size_t i = 0; i < key.size(); i++) key[i] = uint8_t(i);
  const Pseudonyms p(key);
  EXPECT_EQ(p.of(address("10.10.1.20")), "ip4-a47ec443");
  EXPECT_EQ(p.of(address("fd00::1")), "ip6-a753f66af29d4dca6e2ea22bbc50240e");
  EXPECT_EQ(p.of(address("00:0e:8c:91:10:20")), "mac-f1c7a99d0720");
  EXPECT_EQ(p.of_name("host", "rtu1"), "host-fa46abc5b9");
  EXPECT_EQ(p.of(*parse_prefix("10.10.1.0/24")), p.of(address("10.10.1.20")).substr(0, 10) + "00/24");
}

TEST(Pseudonyms, of_names_are_short_and_equal_for_equal_names) {
  const Pseudonyms p(Pseudonyms::Key{});
  const std::string host = p.of_name("host", "rtu1");
  EXPECT_EQ(host.size(), 5 + name_digits);
  EXPECT_EQ(host.substr(5), p.of_name("name", "rtu1").substr(5));
  std::set<std::string> all;
  for (int i = 0; i < 10'000; i++) all.insert(p.of_name("host", "h" + std::to_string(i)));
  EXPECT_EQ(all.size(), 10'000u);
}

TEST(Pseudonyms, have_one_form) {
  for (const char* s : {"ip4-c31f9007", "ip4-c31f9000/24", "ip6-000102030405060708090a0b0c0d0e0f", "mac-000102030405", "host-7f3a9c21d0", "dataset-0000000000"}) EXPECT_TRUE(is_pseudonym(s)) << s;
  for (const char* s : {"", "-", "ip4-", "ip4-c31f900", "ip4-c31f90070", "ip4-C31F9007", "10.10.1.20", "host-7f3a", "7f3a-7f3a9c21d0", "host-7f3a9c21dz", "host", "Host-7f3a9c21d0"}) EXPECT_FALSE(is_pseudonym(s)) << s;
  EXPECT_FALSE(Pseudonyms(Pseudonyms::Key{}).address("host-7f3a9c21d0"));
}

TEST(Segments, are_read_while_they_are_written_and_left_as_they_are) {
  const std::string folder = testing::TempDir() + "segments-read";
  std::filesystem::remove_all(folder);
  LogSettings settings;
  settings.directory = folder, settings.segment_bytes = 2000;
  Log log(real_storage(), settings);
  ASSERT_EQ(log.open(), 0);
  const std::vector<uint8_t> head(header_size, 7), body(300, 9);
  for (int i = 0; i < 20; i++) {
    log.append(MessageType::alert, head, body);
    ASSERT_EQ(log.sync(), 0);
  }
  std::map<std::string, uintmax_t> before, after;
  const auto look = [&](auto& to) { for (const auto& f : std::filesystem::directory_iterator(folder)) if (f.is_regular_file()) to[f.path()] = f.file_size(); };
  look(before);
  uint64_t n = 0;
  ASSERT_TRUE(read_segments(folder, [&](const LogEntry& e) {
    EXPECT_EQ(e.number, ++n);
    EXPECT_EQ(e.payload.size(), head.size() + body.size());
    return true;
  }));
  EXPECT_EQ(n, 20u);
  look(after);
  EXPECT_EQ(before, after);
  // A damaged record is passed over, the others stand.
  std::fstream(before.begin()->first, std::ios::in | std::ios::out | std::ios::binary).seekp(100).put('x');
  n = 0;
  read_segments(folder, [&](const LogEntry&) { return n++, true; });
  EXPECT_EQ(n, 19u);
  EXPECT_FALSE(read_segments(folder + "/none", [](const LogEntry&) { return true; }));
}

// What a file held behind its durable end, when its sync had failed, begins the next one: that counts.
TEST(Segments, a_record_that_was_written_again_in_the_next_file_is_read_from_there) {
  const std::string folder = testing::TempDir() + "/vidra-again-" + std::to_string(getpid());
  for (const uint64_t first : {uint64_t{1}, uint64_t{3}}) {
    LogSettings s;
    s.directory = folder + "/" + std::to_string(first);
    Log log(real_storage(), s);
    ASSERT_EQ(log.open(first), 0);
    for (uint64_t n = first; n < first + 3; n++) log.append(MessageType::alert, bytes_of("of file " + std::to_string(first)), {});
    ASSERT_EQ(log.sync(), 0);
  }
  std::filesystem::copy_file(folder + "/3/0000000000000003.seg", folder + "/1/0000000000000003.seg");
  std::string read;
  ASSERT_TRUE(read_segments(folder + "/1", [&](const LogEntry& e) { return read += std::to_string(e.number) + " " + std::string(text_of(Bytes(e.payload))) + ", ", true; }));
  EXPECT_EQ(read, "1 of file 1, 2 of file 1, 3 of file 3, 4 of file 3, 5 of file 3, ");
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace vidra
