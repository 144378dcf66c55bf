// SPDX-License-Identifier: Apache-2.0
#include "daemon/capture/file.h"

#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <fstream>
#include <thread>

#include "tests/support/corpus.h"
#include "tests/support/hex.h"

namespace vidra {
namespace {

using Octet = std::vector<uint8_t>;

Octet operator+(Octet a, const Octet& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

struct Read {
  std::vector<Time> times;
  std::vector<std::string> frames;
  std::vector<Link> links;
  std::string flaw, refused;
};

class FileTest : public testing::Test {
 protected:
  ~FileTest() override { unlink(path_.c_str()); }

  Read read(const Octet& octets) {
    std::ofstream(path_, std::ios::binary).write(reinterpret_cast<const char*>(octets.data()), std::streamsize(octets.size()));
    return read_path(path_);
  }
  static Read read_path(const std::string& path) {
    Read out;
    try {
      auto source = open_file(path);
      std::vector<Packet> burst(7);
      for (;;) {
        const auto polled = source->poll(burst);
        for (const Packet& p : std::span(burst).first(polled.packets)) {
          out.times.push_back(p.time);
          out.frames.emplace_back(text_of(p.octets));
          out.links.push_back(p.link);
        }
        source->release();
        if (polled.ended) break;
      }
      out.flaw = source->flaw();
    } catch (const std::runtime_error& e) {
      out.refused = e.what();
    }
    return out;
  }

  std::string path_ = testing::TempDir() + "vidra-file-test-" + std::to_string(getpid());
};

//                          magic      | 2.4         | zone, accuracy          | snaplen     | link
const Octet micro = hex("D4C3B2A1 | 0200 0400 | 00000000 00000000 | FFFF0000 | 01000000");
const Octet nano = hex("4D3CB2A1 | 0200 0400 | 00000000 00000000 | FFFF0000 | 71000000");
const Octet swapped = hex("A1B2C3D4 | 0002 0004 | 00000000 00000000 | 0000FFFF | 00000065");
//                          seconds    fraction   captured   wire
const Octet one = hex("01000000 | 07000000 | 03000000 | 09000000 | AABBCC");
const Octet two = hex("02000000 | 08000000 | 01000000 | 01000000 | DD");

TEST_F(FileTest, classic_in_microseconds_nanoseconds_and_either_order) {
  const Read a = read(micro + one + two);
  EXPECT_EQ(a.times, (std::vector<Time>{second + 7 * microsecond, 2 * second + 8 * microsecond}));
  EXPECT_EQ(a.frames[0], "\xAA\xBB\xCC");
  EXPECT_EQ(a.flaw, "");
  const Read b = read(nano + one);
  EXPECT_EQ(b.times, (std::vector<Time>{second + 7}));
  EXPECT_EQ(b.links, (std::vector<Link>{Link::linux_cooked}));
  const Read c = read(swapped + hex("00000001 00000007 00000001 00000001 EE"));
  EXPECT_EQ(c.times, (std::vector<Time>{second + 7 * microsecond}));
  EXPECT_EQ(c.links, (std::vector<Link>{Link::raw_ip}));
}

TEST_F(FileTest, a_stamp_that_goes_back_holds_the_time) {
  const Read r = read(micro + two + one);
  EXPECT_EQ(r.times, (std::vector<Time>{2 * second + 8 * microsecond, 2 * second + 8 * microsecond}));
}

TEST_F(FileTest, every_truncation_gives_what_is_whole_and_says_where_it_ends) {
  const Octet whole = micro + one + two;
  for (size_t n = 1; n < whole.size(); n++) {
    const Read r = read(Octet(whole.begin(), whole.begin() + long(n)));
    const size_t frames = n >= micro.size() + one.size() ? 1 : 0;
    EXPECT_EQ(r.frames.size(), frames) << n;
    const bool between = n == micro.size() || n == micro.size() + one.size();
    EXPECT_EQ(r.flaw.empty() && r.refused.empty(), between) << n;
  }
}

TEST_F(FileTest, a_record_that_claims_too_much_ends_the_reading_and_is_named) {
  const Read r = read(micro + one + hex("02000000 00000000 FFFFFF7F FFFFFF7F"));
  EXPECT_EQ(r.frames.size(), 1u);
  EXPECT_NE(r.flaw.find("octet 43, after frame 1"), std::string::npos) << r.flaw;
}

TEST_F(FileTest, what_is_no_capture_is_refused_with_what_was_found) {
  EXPECT_NE(read(hex("50 4B 03 04 00 00")).refused.find("begins with 50 4b 03 04"), std::string::npos);
  EXPECT_NE(read({}).refused.find("empty"), std::string::npos);
  EXPECT_NE(read_path("/nonexistent/x.pcap").refused.find("No such file"), std::string::npos);
  EXPECT_NE(read_path("/").refused.find("directory"), std::string::npos);
}

// pcapng: section header, interface (Ethernet, nanoseconds, offset 0), enhanced packet, an unknown block, simple packet
const Octet section = hex("0A0D0D0A | 1C000000 | 4D3C2B1A | 0100 0000 | FFFFFFFFFFFFFFFF | 1C000000");
const Octet interface = hex("01000000 | 20000000 | 0100 0000 | 00000400 | 0900 0100 09000000 | 0000 0000 | 20000000");
const Octet enhanced = hex("06000000 | 24000000 | 00000000 | 00000000 05000000 | 03000000 09000000 | AABBCC00 | 24000000");
const Octet unknown = hex("AD0B0000 | 10000000 | DEADBEEF | 10000000");
const Octet simple = hex("03000000 | 14000000 | 04000000 | 01020304 | 14000000");

TEST_F(FileTest, pcapng_blocks) {
  const Read r = read(section + interface + enhanced + unknown + simple);
  EXPECT_EQ(r.times, (std::vector<Time>{5, 5}));
  ASSERT_EQ(r.frames.size(), 2u);
  EXPECT_EQ(r.frames[1], "\x01\x02\x03\x04");
  EXPECT_EQ(r.flaw, "");
  EXPECT_EQ(r.refused, "");
}

TEST_F(FileTest, pcapng_damage_is_named) {
  EXPECT_NE(read(section + enhanced).flaw.find("shorter than its contents"), std::string::npos);            // no interface yet
  EXPECT_NE(read(section + interface + hex("06000000 | 07000000 | 00000000")).flaw.find("claims 7 octets"), std::string::npos);
}

TEST_F(FileTest, gzip_and_zstd_of_any_length) {
  Octet plain = micro;
  for (int i = 0; i < 200'000; i++) plain.insert(plain.end(), two.begin(), two.end());
  Octet z(ZSTD_compressBound(plain.size()));
  z.resize(ZSTD_compress(z.data(), z.size(), plain.data(), plain.size(), 1));
  const Read a = read(z);
  EXPECT_EQ(a.frames.size(), 200'000u);
  EXPECT_EQ(a.flaw, "");
  z.resize(z.size() / 2);
  EXPECT_NE(read(z).flaw.find("end in the middle"), std::string::npos);

  gzFile gz = gzopen(path_.c_str(), "wb");
  gzwrite(gz, plain.data(), unsigned(plain.size()));
  gzclose(gz);
  const Read b = read_path(path_);
  EXPECT_EQ(b.frames.size(), 200'000u);
  EXPECT_EQ(b.flaw, "");
}

TEST(Corpus, every_capture_is_read_to_its_last_packet) {
  const auto all = corpus_captures();
  if (all.empty()) GTEST_SKIP() << "no corpus";
  std::vector<Packet> burst(64);
  for (const auto& c : all) {
    auto source = open_file(c.path);
    uint64_t n = 0;
    for (;;) {
      const auto polled = source->poll(burst);
      n += polled.packets;
      source->release();
      if (polled.ended) break;
    }
    EXPECT_EQ(n, c.packets) << c.name << " " << source->flaw();
  }
}

// tcpdump -w - | vidrad --play -: what has come is not held back for company, and nobody waits for the rest who was told to stop.
TEST(Pipe, hands_over_what_has_come_and_stops_in_the_middle_of_a_packet) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const auto put = [&](const Octet& o) { ASSERT_EQ(write(ends[1], o.data(), o.size()), ssize_t(o.size())); };
  put(micro + one);
  auto source = open_file("/dev/fd/" + std::to_string(ends[0]));
  std::vector<Packet> burst(64);
  EXPECT_EQ(source->poll(burst).packets, 1u);
  source->release();
  const auto waiting = source->poll(burst);
  EXPECT_EQ(waiting.packets, 0u);
  EXPECT_FALSE(waiting.ended);
  put(two + Octet(one.begin(), one.begin() + 5));
  std::thread later([&] {
    usleep(50'000);
    source->stop();
  });
  size_t packets = 0;
  for (;;) {
    const auto polled = source->poll(burst);
    packets += polled.packets;
    source->release();
    if (polled.ended) break;
  }
  later.join();
  EXPECT_LE(packets, 1u);      // the whole one, unless the stop came first
  EXPECT_EQ(source->flaw(), "");
  close(ends[0]);
  close(ends[1]);
}

}  // namespace
}  // namespace vidra
