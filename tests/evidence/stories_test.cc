// SPDX-License-Identifier: Apache-2.0
// A recording of attacks heard by the whole sensor: the packets of each story lie on disk, say what they are, and are what they were.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <set>

#include "daemon/capture/file.h"
#include "daemon/capture/share.h"
#include "daemon/evidence/walk.h"
#include "daemon/record/seal.h"
#include "daemon/record/segments.h"
#include "daemon/sensor/pipeline.h"

namespace vidra {
namespace {

namespace fs = std::filesystem;

struct Told { std::string detection; unsigned severity; bool on_wire; };
struct Heard {
  std::map<std::string, Told> stories;
  SensorStatus status;
};

const std::string recording = "tests/captures/demo-attacks.pcapng.zst";

SensorSettings settings_for(const std::string& folder) {
  SensorSettings s;
  s.site = std::make_shared<const Site>();
  s.state = folder;
  s.traffic.silent_after = 0;
  s.traffic.interfaces = 1;
  s.traffic.seed = 7;
  s.evidence.keep = true;
  s.evidence.severity = 1;
  s.evidence.spare = 0;
  return s;
}

Heard hear(SensorSettings s, const Keys& keys, size_t workers = 1) {
  std::vector<std::unique_ptr<Source>> sources;
  const Spread spread(1);
  for (size_t i = 0; i < workers; i++) sources.push_back(workers == 1 ? open_file(recording) : share_of(open_file(recording), spread, i, workers));
  Heard h;
  Pipeline pipeline(std::move(s), Memory{}, std::move(sources), keys, real_storage());
  pipeline.on_story = [&](const Story& story) {
    Told& t = h.stories[story.id];
    t.detection = std::string(story.detection->id), t.severity = story.severity;
    for (const Deciding& d : story.deciding) t.on_wire |= d.client != Address{} || d.server != Address{};
  };
  std::string error;
  EXPECT_TRUE(pipeline.start(error)) << error;
  pipeline.run();
  h.status = pipeline.status();
  return h;
}

class Stories : public testing::Test {
 protected:
  Stories() {
    static int n = 0;
    folder = fmt::format("{}vidra-evidence-{}-{}", testing::TempDir(), ::getpid(), n++);
    fs::create_directories(folder);
  }
  ~Stories() override { fs::remove_all(folder); }
  std::vector<KeptSet> sets(std::vector<std::string>& flaws) const {
    const std::string at = folder + "/evidence/stories";
    const auto all = read_sets(real_storage(), at, flaws);
    for (const KeptSet& s : all)
      for (std::string& f : flaws_of(real_storage(), at, s, {})) flaws.push_back(std::move(f));
    for (std::string& f : chain_flaws(all)) flaws.push_back(std::move(f));
    return all;
  }
  std::string folder;
  const Keys keys = make_keys();
};

TEST_F(Stories, each_has_its_packets_and_the_one_that_decided) {
  const Heard h = hear(settings_for(folder), keys);
  ASSERT_GT(h.stories.size(), 20u);
  std::vector<std::string> flaws;
  const std::vector<KeptSet> all = sets(flaws);
  for (const std::string& f : flaws) ADD_FAILURE() << f;

  std::map<std::string, uint64_t> deciding;
  size_t layer2 = 0, commands = 0, silent = 0;
  for (const KeptSet& s : all) {
    const Manifest& m = s.manifest;
    ASSERT_TRUE(h.stories.contains(m.story)) << m.story;
    deciding[m.story] += m.deciding;
    ASSERT_FALSE(m.file.empty()) << m.detection << " " << m.what << ": no packet";
    // Any reader of recordings reads it.
    auto file = open_file(folder + "/evidence/stories/" + m.file);
    std::vector<Packet> packets(256);
    uint64_t n = 0;
    for (bool ended = false; !ended;) {
      const auto polled = file->poll(packets);
      n += polled.packets, ended = polled.ended;
      file->release();
    }
    EXPECT_EQ(file->flaw(), "");
    EXPECT_EQ(n, m.packets);
    // The comments, and the octets beside them.
    std::unique_ptr<File> octets;
    ASSERT_EQ(real_storage().open(folder + "/evidence/stories/" + m.file, Storage::Mode::existing, octets), 0);
    BlockReader r;
    r.comments = true;
    uint64_t said = 0, without = 0;
    walk(*octets, r, [&](BlockReader::Found what, uint64_t) {
      if (what != BlockReader::Found::frame) return;
      without += r.comment.empty();
      if (!r.comment.starts_with("deciding packet of " + m.detection)) return;
      said++;
      const auto type = [&](size_t at) { return unsigned(r.frame.octets[at]) << 8 | r.frame.octets[at + 1]; };
      layer2 += type(type(12) == 0x8100 ? 16 : 12) == 0x88b8;
      commands += m.detection.starts_with("I104") || m.detection.starts_with("MOD") || m.detection.starts_with("DNP");
    });
    EXPECT_EQ(said, m.deciding) << m.detection;
    EXPECT_EQ(without, 0u) << m.detection;
    EXPECT_EQ(m.key, hex_of(keys.sign_public));
  }
  for (const auto& [id, t] : h.stories) {
    if (!t.on_wire) continue;
    ASSERT_TRUE(deciding.contains(id)) << t.detection << ": no set";
    silent += deciding[id] == 0;
  }
  EXPECT_GT(layer2, 0u) << "no GOOSE frame decided";
  EXPECT_GT(commands, 10u);
  EXPECT_LE(silent * 5, deciding.size()) << "stories without a deciding packet";   // those that a time without packets decided
  // Nothing that was heard is missing on disk: it has room.
  const EvidenceStatus& e = h.status.evidence;
  EXPECT_EQ(e.frames.not_kept, (std::array<uint64_t, 3>{}));
  EXPECT_EQ(e.frames.kept[0] + e.frames.kept[1] + e.frames.kept[2], h.status.accounts.packets);
  EXPECT_GT(e.frames.kept[0], 20u);
  EXPECT_EQ(complaints_of(e), std::vector<std::string>{});
  uint64_t kept = 0;
  for (const auto& f : fs::directory_iterator(folder + "/evidence/last")) {
    auto file = open_file(f.path());
    std::vector<Packet> packets(256);
    for (bool ended = false; !ended;) {
      const auto polled = file->poll(packets);
      kept += polled.packets, ended = polled.ended;
      file->release();
    }
    EXPECT_EQ(file->flaw(), "") << f.path();
  }
  EXPECT_EQ(kept, h.status.accounts.packets);
}

// What a collector is told of a story says whether its packets can be asked for at the site.
TEST_F(Stories, a_record_says_whether_its_packets_are_set_aside) {
  for (const bool keep : {true, false}) {
    SensorSettings s = settings_for(folder);
    s.state += keep ? "/with" : "/without";
    s.evidence.keep = keep;
    fs::create_directories(s.state);
    CollectorLink c;
    c.name = "cert", c.endpoints = {"tcp://127.0.0.1:9"}, c.server_key = keys.curve_public;   // nobody is there
    s.collectors = {c};
    const std::string outbox = s.state + "/outbox/cert";
    const Heard h = hear(std::move(s), keys);
    std::set<std::string> lanes;
    for (const auto& f : fs::recursive_directory_iterator(outbox))
      if (f.path().extension() == ".seg") lanes.insert(f.path().parent_path());
    size_t told = 0, wire = 0;
    for (const std::string& lane : lanes)
      EXPECT_TRUE(read_segments(lane, [&](const LogEntry& e) {
        Header header;
        EXPECT_EQ(decode(e.header(), header), HeaderFlaw::none);
        const bool story = e.type == MessageType::alert || e.type == MessageType::update;
        told += story, wire += story && header.flags & record_flag::evidence;
        return true;
      }));
    EXPECT_GT(told, 20u);
    EXPECT_EQ(wire, keep ? told : 0) << "of a recording, every story has packets";
  }
}

TEST_F(Stories, however_many_workers_hear_and_the_second_start_goes_on) {
  const Heard one = hear(settings_for(folder), keys, 1);
  std::vector<std::string> flaws;
  const size_t before = sets(flaws).size();
  const Heard three = hear(settings_for(folder), keys, 3);
  const auto all = sets(flaws);
  for (const std::string& f : flaws) ADD_FAILURE() << f;
  EXPECT_GT(before, 20u);
  EXPECT_EQ(all.back().manifest.number, all.size());
  const auto kept = [](const Heard& h) { return h.status.evidence.frames.kept; };
  EXPECT_EQ(kept(one)[0], kept(three)[0]);
  EXPECT_EQ(kept(one)[1] + kept(one)[2], kept(three)[1] + kept(three)[2]);   // what each worker says of an interface makes a frame ordinary
  std::map<std::string, std::array<uint64_t, 2>> deciding;               // by story: in the first run, in the second
  for (size_t i = 0; i < all.size(); i++) deciding[all[i].manifest.story][i >= before] += all[i].manifest.deciding;
  size_t same = 0, other = 0;
  for (const auto& [id, n] : deciding) (n[0] == n[1] ? same : other)++;
  EXPECT_LE(other * 10, same);             // a finding beyond the 64 of a telling may be another one
}

TEST_F(Stories, what_nobody_kept_is_said) {
  SensorSettings s = settings_for(folder);
  s.evidence.quota = {0, 0, 0};
  const Heard h = hear(std::move(s), keys);
  std::vector<std::string> flaws;
  const auto all = sets(flaws);
  EXPECT_TRUE(flaws.empty());
  ASSERT_GT(all.size(), 20u);
  for (const KeptSet& k : all) {
    EXPECT_EQ(k.manifest.file, "");
    ASSERT_GE(k.manifest.missing.size(), 4u);
    EXPECT_NE(k.manifest.missing[0].find("deciding packets"), std::string::npos);
  }
}

TEST_F(Stories, a_folder_that_cannot_be_is_complained_of_and_all_else_goes_on) {
  SensorSettings s = settings_for(folder);
  s.evidence.folder = "/proc/self/nowhere";
  const Heard h = hear(std::move(s), keys);
  EXPECT_GT(h.stories.size(), 20u);
  EXPECT_EQ(h.status.evidence.frames.kept, (std::array<uint64_t, 3>{}));
  EXPECT_GT(h.status.evidence.frames.not_kept[0], 20u);
  ASSERT_GE(complaints_of(h.status.evidence).size(), 1u);
  EXPECT_NE(complaints_of(h.status.evidence)[0].find("/proc/self/nowhere"), std::string::npos);
}

}  // namespace
}  // namespace vidra
