// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sodium.h>

#include "daemon/evidence/evidence.h"
#include "daemon/evidence/export.h"
#include "daemon/evidence/walk.h"
#include "daemon/record/seal.h"
#include "tests/evidence/frames.h"

namespace vidra {
namespace {

Witness witness(uint8_t seed = 1) {
  Witness w;
  w.sensor = "0b2d9b1c-0000-5000-8000-000000000001", w.name = "alder", w.site = "Alder";
  std::array<uint8_t, 32> s{};
  s[0] = seed;
  crypto_sign_seed_keypair(w.key.data(), w.secret.data(), s.data());
  return w;
}

std::string story(int n) { return fmt::format("3f2a91c0-7777-5000-8000-{:012}", n); }

Wish wish(int n) {
  Wish w;
  w.story = story(n), w.detection = "MOD-02", w.what = "a register was written", w.severity = 4;
  w.first = w.last = noon, w.from = noon - 10 * second, w.until = noon + 2 * second;
  return w;
}

Excerpt excerpt(size_t frames = 20) {
  Excerpt e;
  add_section(e.file, "test");
  add_interface(e.file, one_interface[0]);
  const Blocks b = blocks(frames, noon);
  e.file.insert(e.file.end(), b.begin(), b.end());
  e.packets = frames, e.deciding = 1, e.interfaces = {"eth1"};
  return e;
}

const std::string here = "/e/stories";

std::vector<std::string> flaws_in(Storage& disk, const std::vector<std::string>& keys = {}) {
  std::vector<std::string> flaws;
  const auto all = read_sets(disk, here, flaws);
  for (const KeptSet& s : all)
    for (std::string& f : flaws_of(disk, here, s, keys)) flaws.push_back(f);
  for (std::string& f : chain_flaws(all)) flaws.push_back(f);
  return flaws;
}

TEST(Sets, are_signed_chained_and_go_on_after_a_restart) {
  FaultyStorage disk;
  for (int run = 0; run < 3; run++) {
    Sets sets(disk, here, {}, witness());
    EXPECT_TRUE(sets.open(noon).empty());
    for (int i = 0; i < 2; i++) ASSERT_EQ(sets.add(wish(run * 2 + i), excerpt(), {"nothing"}, noon), "");
    EXPECT_EQ(sets.counts().last, uint64_t(run * 2 + 2));
  }
  std::vector<std::string> none;
  const auto all = read_sets(disk, here, none);
  ASSERT_EQ(all.size(), 6u);
  EXPECT_EQ(all[0].manifest.previous, no_previous);
  for (size_t i = 1; i < 6; i++) EXPECT_EQ(all[i].manifest.previous, all[i - 1].text_hash);
  EXPECT_TRUE(flaws_in(disk).empty());
  EXPECT_TRUE(flaws_in(disk, {all[0].manifest.key}).empty());
  EXPECT_EQ(flaws_in(disk, {std::string(64, 'a')}).size(), 6u);          // another key is expected
}

TEST(Sets, one_octet_another_and_the_file_is_named) {
  FaultyStorage disk;
  Sets sets(disk, here, {}, witness());
  sets.open(noon);
  for (int i = 0; i < 3; i++) ASSERT_EQ(sets.add(wish(i), excerpt(3), {}, noon), "");
  size_t tried = 0;
  for (const std::string& path : disk.paths())
    for (size_t at = 0; at < disk.octets(path).size(); at += path.ends_with(".json") ? 1 : 7, tried++) {
      disk.octets(path)[at] ^= 4;
      const auto flaws = flaws_in(disk);
      ASSERT_FALSE(flaws.empty()) << path << " " << at;
      ASSERT_TRUE(std::any_of(flaws.begin(), flaws.end(), [&](const std::string& f) { return f.find(path) != f.npos; })) << path << " " << at << ": " << flaws[0];
      disk.octets(path)[at] ^= 4;
    }
  EXPECT_GT(tried, 2'000u);
  EXPECT_TRUE(flaws_in(disk).empty());
}

TEST(Sets, what_is_taken_away_or_replaced_is_seen) {
  FaultyStorage disk;
  Sets sets(disk, here, {}, witness());
  sets.open(noon);
  for (int i = 0; i < 4; i++) ASSERT_EQ(sets.add(wish(i), excerpt(3), {}, noon), "");
  const auto whole = disk.copy();
  disk.remove(here + "/00000002-" + story(1) + "-1.json");
  ASSERT_EQ(flaws_in(disk).size(), 2u);                                    // packets that nothing speaks of, and the gap
  EXPECT_NE(flaws_in(disk)[0].find("its manifest is gone"), std::string::npos);
  EXPECT_NE(flaws_in(disk)[1].find("manifest 2 is gone"), std::string::npos);
  // Signed anew by somebody else, with a story of his own.
  const auto other = whole->copy();
  Manifest m;
  m.number = 2, m.previous = no_previous, m.story = story(1), m.part = 1;
  const std::string forged = manifest_text(m, witness(9).key, witness(9).secret);
  other->put(here + "/00000002-" + story(1) + "-1.json", {forged.begin(), forged.end()});
  const auto flaws = flaws_in(*other, {hex_of(witness().key)});
  ASSERT_EQ(flaws.size(), 3u);                                             // its key, and both ends of the chain
  whole->remove(here + "/00000003-" + story(2) + "-1.pcapng");
  ASSERT_EQ(flaws_in(*whole).size(), 1u);
  EXPECT_NE(flaws_in(*whole)[0].find("no manifest says that it was evicted"), std::string::npos);
}

TEST(Sets, the_oldest_go_and_it_is_said_but_what_is_pinned_stays) {
  FaultyStorage disk;
  EvidenceSettings s;
  s.sets = 5 * excerpt(1000).file.size();
  Sets sets(disk, here, s, witness());
  sets.open(noon);
  for (int i = 0; i < 3; i++) ASSERT_EQ(sets.add(wish(i), excerpt(1000), {}, noon), "");
  disk.put(here + "/pinned/" + story(1), {'x'});
  for (int i = 3; i < 12; i++) ASSERT_EQ(sets.add(wish(i), excerpt(1000), {}, noon), "");
  std::vector<std::string> none;
  const auto all = read_sets(disk, here, none);
  size_t here_now = 0, evicted = 0;
  for (const KeptSet& k : all) {
    here_now += k.on_disk > 0, evicted += k.evicted;
    if (k.manifest.story == story(1)) { EXPECT_TRUE(k.pinned && k.on_disk); }
    if (k.manifest.story == story(0)) { EXPECT_TRUE(k.evicted); }
  }
  EXPECT_EQ(here_now, 6u);
  EXPECT_EQ(evicted, 6u);
  EXPECT_EQ(sets.counts().pinned, 1u);
  EXPECT_EQ(sets.counts().evicted, 6u);
  EXPECT_TRUE(flaws_in(disk).empty());
}

TEST(Sets, whenever_power_goes_what_is_there_is_right) {
  size_t cut = 0;
  for (uint64_t n = 1; n < 90; n++) {
    FaultyStorage disk;
    EvidenceSettings s;
    s.sets = 3 * excerpt(50).file.size();
    uint64_t written = 0;
    {
      Sets sets(disk, here, s, witness());
      sets.open(noon);
      disk.cut_power(n);
      for (int i = 0; i < 6; i++) written += sets.add(wish(i), excerpt(50), {}, noon).empty();
    }
    cut += disk.dead();
    disk.restore(n);
    Sets sets(disk, here, s, witness());
    for (const std::string& what : sets.open(noon)) EXPECT_NE(what.find("no manifest was written for it"), std::string::npos) << n << ": " << what;
    const auto paths = disk.paths();
    for (const std::string& path : paths)
      if (path.ends_with(".pcapng")) { EXPECT_EQ(std::count(paths.begin(), paths.end(), path.substr(0, path.size() - 7) + ".json"), 1) << n << ": " << path; }
    EXPECT_GE(sets.counts().last, written) << n;
    ASSERT_EQ(sets.add(wish(9), excerpt(50), {}, noon), "") << n;
    const auto flaws = flaws_in(disk);
    EXPECT_TRUE(flaws.empty()) << n << ": " << flaws[0];
  }
  EXPECT_GT(cut, 40u);
}

TEST(Sets, the_first_ones_taken_away_are_missed_too) {
  FaultyStorage disk;
  Sets sets(disk, here, {}, witness());
  sets.open(noon);
  for (int i = 0; i < 4; i++) ASSERT_EQ(sets.add(wish(i), excerpt(3), {}, noon), "");
  for (int i = 0; i < 2; i++)
    for (const char* end : {".json", ".pcapng"}) disk.remove(fmt::format("{}/{:08}-{}-1{}", here, i + 1, story(i), end));
  const auto flaws = flaws_in(disk);
  ASSERT_EQ(flaws.size(), 1u);
  EXPECT_NE(flaws[0].find("manifests 1 to 2 are gone"), std::string::npos) << flaws[0];
}

TEST(Sets, a_manifest_names_nothing_outside_its_folder) {
  Manifest m;
  m.number = 1, m.previous = no_previous, m.part = 1;
  const auto read = [&](const std::string& story, const std::string& file) {
    m.story = story, m.file = file;
    std::string why;
    return read_manifest(manifest_text(m, witness().key, witness().secret), why).has_value();
  };
  EXPECT_TRUE(read(story(1), "00000001-" + story(1) + "-1.pcapng"));
  for (const char* s : {"", "../../../etc/cron.d/x", "..", ".", "/etc/x", "a/b", "a b", "a.b"}) EXPECT_FALSE(read(s, "")) << s;
  for (const char* f : {"../x.pcapng", "..", "x", ".pcapng", "/etc/x.pcapng"}) EXPECT_FALSE(read(story(1), f)) << f;
}

TEST(Sets, packets_without_a_manifest_do_not_lie_there_for_ever) {
  FaultyStorage disk;
  const std::string torn = here + "/00000003-" + story(7) + "-1.pcapng", taken = here + "/00000001-" + story(0) + "-1";
  {
    Sets sets(disk, here, {}, witness());
    sets.open(noon);
    for (int i = 0; i < 2; i++) ASSERT_EQ(sets.add(wish(i), excerpt(3), {}, noon), "");
  }
  disk.put(torn, std::vector<uint8_t>(1000));                              // power went before its manifest was written
  EXPECT_TRUE(flaws_in(disk).empty());                                     // or it is just being written
  Sets sets(disk, here, {}, witness());
  const auto said = sets.open(noon);
  ASSERT_EQ(said.size(), 1u);
  EXPECT_NE(said[0].find(torn), std::string::npos);
  const auto paths = disk.paths();
  EXPECT_EQ(std::count(paths.begin(), paths.end(), torn), 0);
  disk.remove(taken + ".json");                                            // that is no power loss
  EXPECT_EQ(flaws_in(disk).size(), 2u);
  Sets later(disk, here, {}, witness());
  EXPECT_EQ(later.open(noon).size(), 2u);
  EXPECT_EQ(disk.octets(taken + ".pcapng").size(), excerpt(3).file.size());
}

TEST(Sets, a_call_that_fails_at_the_start_breaks_no_chain) {
  for (uint64_t n = 1; n < 30; n++) {
    FaultyStorage disk;
    {
      Sets sets(disk, here, {}, witness());
      sets.open(noon);
      for (int i = 0; i < 3; i++) ASSERT_EQ(sets.add(wish(i), excerpt(3), {}, noon), "");
    }
    Sets sets(disk, here, {}, witness());
    disk.fail(n, EIO);
    sets.open(noon);
    disk.heal();
    ASSERT_EQ(sets.add(wish(4), excerpt(3), {}, noon), "") << n;
    EXPECT_EQ(sets.counts().last, 4u) << n;
    const auto flaws = flaws_in(disk);
    EXPECT_TRUE(flaws.empty()) << n << ": " << flaws[0];
  }
}

TEST(Sets, many_that_go_at_once_are_named_by_several_manifests) {
  FaultyStorage disk;
  std::string before = no_previous;
  for (int i = 0; i < 1200; i++) {
    Manifest m;
    m.number = uint64_t(i) + 1, m.previous = before, m.story = story(i), m.part = 1;
    const std::string name = fmt::format("{}/{:08}-{}-1", here, i + 1, story(i));
    const std::vector<uint8_t> packets(10'000, uint8_t(i));
    m.file = name.substr(here.size() + 1) + ".pcapng", m.sha256 = sha256_text(packets), m.octets = packets.size();
    const std::string text = manifest_text(m, witness().key, witness().secret);
    before = sha256_text({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
    disk.put(name + ".json", {text.begin(), text.end()}), disk.put(name + ".pcapng", packets);
  }
  EvidenceSettings s;
  s.sets = 1 << 20;
  Sets sets(disk, here, s, witness());
  EXPECT_TRUE(sets.open(noon).empty());
  ASSERT_EQ(sets.add(wish(1), excerpt(3), {}, noon), "");
  EXPECT_GE(sets.counts().evicted, 1090u);
  EXPECT_LE(sets.counts().octets, 1u << 20);
  const auto flaws = flaws_in(disk);
  EXPECT_TRUE(flaws.empty()) << flaws[0];
  std::vector<std::string> none;
  for (const KeptSet& k : read_sets(disk, here, none)) EXPECT_LE(k.manifest.gone.size(), 1000u);
}

TEST(Sets, the_outboxes_keep_their_part_of_the_disk) {
  FaultyStorage disk;
  disk.capacity = 4 << 20;
  EvidenceSettings s;
  s.spare = 4 << 20;
  Sets sets(disk, here, s, witness());
  sets.open(noon);
  std::string why;
  for (int i = 0; i < 200 && why.empty(); i++) why = sets.add(wish(i), excerpt(400), {}, noon);
  EXPECT_NE(why.find("[evidence] spare"), std::string::npos) << why;
  uint64_t free = 0;
  disk.free_bytes(here, free);
  EXPECT_GE(free, 2u << 20);
  EXPECT_LE(free, 3u << 20);
}

TEST(Sets, an_archive_holds_all_and_its_sums_are_right) {
  FaultyStorage disk;
  Sets sets(disk, here, {}, witness());
  sets.open(noon);
  ASSERT_EQ(sets.add(wish(1), excerpt(), {}, noon), "");
  std::vector<std::string> none;
  const auto all = read_sets(disk, here, none);
  std::string why;
  const std::string tar = export_archive(disk, here, {&all[0]}, noon, why);
  ASSERT_EQ(why, "");
  std::map<std::string, std::string> files;
  for (size_t at = 0; at + 512 <= tar.size() && tar[at];) {
    const size_t n = std::stoull(tar.substr(at + 124, 11), nullptr, 8);
    files[tar.c_str() + at] = tar.substr(at + 512, n);
    at += 512 + ((n + 511) & ~size_t{511});
  }
  ASSERT_EQ(files.size(), 7u);
  const std::string name = "00000001-" + story(1) + "-1";
  EXPECT_EQ(files[name + ".json"].substr(0, files[name + ".json.signed"].size()), files[name + ".json.signed"]);
  EXPECT_EQ(files[name + ".json.sig"].size(), 64u);
  EXPECT_NE(files["SHA256SUMS"].find(all[0].manifest.sha256 + "  " + name + ".pcapng\n"), std::string::npos);
  EXPECT_NE(files.begin()->first, "");
}

// --- what is cut out

class Cutting : public testing::Test {
 protected:
  static constexpr uint32_t run = 0x123;
  Cutting() : segments(disk, "/e/last", {}, 1) { segments.open(noon); }
  void heard(Time at, uint64_t number, uint32_t from, uint32_t to, Sort sort = Sort::ordinary, size_t payload = 60) {
    const auto o = frame_of(payload, from, to);
    Blocks block;
    add_frame(block, {at, 0, uint32_t(o.size()), Recorder::id(run, 0, number), o}, {});
    ASSERT_TRUE(segments.append(sort, 0, one_interface, block, at, at));
  }
  Excerpt cut_out(Wish w, uint64_t most = 1 << 20) {
    w.pairs.push_back(pair_of(a, b));
    const auto pieces = segments.pieces(0, std::numeric_limits<Time>::max());
    return cut_one(pieces, w, run, most);
  }
  Excerpt cut_one(const std::vector<KeptPiece>& pieces, const Wish& w, uint32_t of, uint64_t most, size_t found = most_found) {
    Excerpt one;
    cut(disk, pieces, {&w, 1}, of, most, [&](size_t, Excerpt&& e) { one = std::move(e); }, found);
    return one;
  }
  static std::vector<std::string> comments(const Excerpt& e) {
    std::vector<std::string> all;
    BlockReader r;
    r.comments = true;
    for (Bytes rest = e.file; r.next(rest) != BlockReader::Found::end && r.length; rest = rest.subspan(r.length))
      if (!r.frame.octets.empty()) all.push_back(r.comment);
    return all;
  }
  FaultyStorage disk;
  Segments segments;
  const Address a = Address::ip4(packets::host_a), b = Address::ip4(packets::host_b);
};

TEST_F(Cutting, takes_both_directions_in_the_window_and_says_what_each_is) {
  heard(noon - 11 * second, 1, packets::host_a, packets::host_b);        // too early
  heard(noon - 9 * second, 2, packets::host_b, packets::host_a);
  heard(noon - 1 * second, 3, packets::host_a, 0x0a0a0a0a);              // somebody else
  heard(noon - 500 * millisecond, 4, packets::host_a, packets::host_b, Sort::commands);
  heard(noon, 5, packets::host_a, packets::host_b, Sort::commands);
  heard(noon + second, 6, packets::host_b, packets::host_a);
  heard(noon + 3 * second, 7, packets::host_a, packets::host_b);         // too late
  Wish w = wish(1);
  w.deciding.push_back({noon, 5, a, b});
  const Excerpt e = cut_out(w);
  EXPECT_EQ(e.packets, 4u);
  EXPECT_EQ(e.deciding, 1u);
  EXPECT_EQ(comments(e), (std::vector<std::string>{"9.000000 s before the first deciding packet", "command or change, 0.500000 s before the first deciding packet",
                                                   "deciding packet of MOD-02: a register was written", "1.000000 s after the first deciding packet"}));
}

TEST_F(Cutting, a_packet_of_another_run_with_the_same_number_decides_nothing) {
  heard(noon, 5, packets::host_a, packets::host_b);
  Wish w = wish(1);
  w.deciding.push_back({noon, 5, a, b});
  w.pairs.push_back(pair_of(a, b));
  const auto pieces = segments.pieces(0, std::numeric_limits<Time>::max());
  const Excerpt e = cut_one(pieces, w, run + 1, 1 << 20);
  EXPECT_EQ(e.packets, 1u);
  EXPECT_EQ(e.deciding, 0u);
}

TEST_F(Cutting, the_clock_was_stepped_by_an_hour_in_between) {
  heard(noon - second, 1, packets::host_a, packets::host_b);             // stamped before the step
  heard(noon + hour, 2, packets::host_a, packets::host_b);               // and after it
  Wish w = wish(1);
  w.apart = {hour, 0};
  w.deciding.push_back({noon, 2, a, b});
  const Excerpt e = cut_out(w);
  EXPECT_EQ(e.packets, 2u);
  EXPECT_EQ(e.deciding, 1u);
}

TEST_F(Cutting, what_does_not_fit_is_what_matters_least) {
  for (uint64_t i = 0; i < 2000; i++) heard(noon - 9 * second + Time(i) * millisecond, i + 1, packets::host_a, packets::host_b, i == 3 ? Sort::commands : Sort::ordinary, 400);
  Wish w = wish(1);
  w.deciding.push_back({noon - 9 * second + 7 * millisecond, 8, a, b});
  const Excerpt e = cut_out(w, 64 << 10);
  EXPECT_EQ(e.deciding, 1u);
  EXPECT_LE(e.file.size(), 70u << 10);
  EXPECT_EQ(e.packets + e.left_out, 2000u);
  const auto all = comments(e);
  EXPECT_EQ(all.at(0).substr(0, 17), "command or change");                // the fourth of all, kept before a thousand later ones
}

TEST_F(Cutting, of_many_alerts_at_once_each_has_its_share_of_the_memory) {
  for (uint64_t i = 0; i < 2000; i++) heard(noon - 9 * second + Time(i) * millisecond, i + 1, packets::host_a, packets::host_b, i == 3 ? Sort::commands : Sort::ordinary);
  std::vector<Wish> wishes(4, wish(1));
  for (size_t i = 0; i < wishes.size(); i++) wishes[i].pairs.push_back(pair_of(a, b)), wishes[i].deciding.push_back({noon - 9 * second + Time(i) * millisecond, 7 + i, a, b});
  std::vector<size_t> order;
  cut(disk, segments.pieces(0, std::numeric_limits<Time>::max()), wishes, run, 1 << 20, [&](size_t i, Excerpt&& e) {
    order.push_back(i);
    EXPECT_EQ(e.deciding, 1u);
    EXPECT_LE(e.packets, 100u);                                           // half of 400, by four, and as many again until they are sorted out
    EXPECT_EQ(e.packets + e.left_out, 2000u);
    EXPECT_EQ(comments(e).at(0).substr(0, 17), "command or change");
  }, 400);
  EXPECT_EQ(order, (std::vector<size_t>{0, 1, 2, 3}));
}

TEST_F(Cutting, what_is_overwritten_between_finding_and_reading_is_counted) {
  for (uint64_t i = 0; i < 10; i++) heard(noon, i + 1, packets::host_a, packets::host_b);
  Wish first = wish(1), second_wish = wish(2);
  for (Wish* w : {&first, &second_wish}) w->pairs.push_back(pair_of(a, b)), w->deciding.push_back({noon, 5, a, b});
  const std::vector<Wish> wishes{first, second_wish};
  std::vector<uint64_t> packets, gone;
  cut(disk, segments.pieces(0, std::numeric_limits<Time>::max()), wishes, run, 1 << 20, [&](size_t, Excerpt&& e) {
    packets.push_back(e.packets), gone.push_back(e.gone);
    for (const std::string& path : disk.paths()) disk.remove(path);
  });
  EXPECT_EQ(packets, (std::vector<uint64_t>{10, 0}));
  EXPECT_EQ(gone, (std::vector<uint64_t>{0, 10}));
}

}  // namespace
}  // namespace vidra
