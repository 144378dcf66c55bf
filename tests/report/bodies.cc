// SPDX-License-Identifier: Apache-2.0
// Prints one body of every kind, a line each, for schema_test.py.
#include <cstdio>

#include "daemon/record/messages.h"
#include "daemon/report/body.h"
#include "daemon/report/reporter.h"
#include "tests/report/findings.h"

using namespace vidra;

int main() {
  constexpr Time start = 1795295191'344769000;
  const Issuer plain{.id = "6f1d1f5a-0000-4000-8000-000000000001", .name = "alder-1", .site = "Alder 110/20 kV"};
  Issuer exercise = plain;
  exercise.tlp = "AMBER+STRICT", exercise.policy_id = "agreement-2026", exercise.test = true, exercise.operations_in_full = true;

  Stories told;
  ReportSettings settings;
  settings.new_stories_of_kind = 2;
  Reporter r(settings, told);
  r.found(finding(start));
  r.found(finding(start + 2 * second));
  r.found(finding(start, slow));
  for (uint64_t cause = 1; cause < 5; cause++) r.found(finding(start + 3 * second, new_host, cause));   // two are folded
  Finding f = finding(start + 3 * second, new_host, 9);
  f.source = {Address::of(*parse_mac("b8:27:eb:5d:10:c7")), "bad utf-8 \xff\xfe and \001"};
  f.target = {}, f.scene.server = {}, f.station = f.object = "", f.in_window = true, f.severity = 5;
  r.found(std::move(f));
  f = finding(start + 3 * second);
  const uint8_t six[16] = {0x20, 0x01, 0x0d, 0xb8, 15};
  f.source.address = Address::ip6(six);
  r.found(std::move(f));
  r.finish(start + hour);
  for (const Story& s : told.all)
    for (const Issuer& who : {plain, exercise}) std::puts(story_body(s, who, s.last).c_str());

  // Under policies of every kind.
  const auto pseudonyms = std::make_shared<const Pseudonyms>(Pseudonyms::Key{});
  auto declared = std::make_shared<Declared>();
  declared->add("host", "rtu1");
  Policy hidden;
  hidden.addresses = hidden.foreign = hidden.names = hidden.identity = Showing::hidden, hidden.numbers = false;
  Policy few;
  few.identity = few.foreign = Showing::pseudonyms, few.all_fields = false, few.fields = {"src", "what"};
  Health busy;
  busy.since = start, busy.now = start + hour, busy.interfaces = {{"eth1", 1, 64, 0, {}, true}}, busy.complaints = {"the outbox's disk takes nothing: /var/lib/vidra"};
  for (const Policy& policy : {Policy{}, hidden, few}) {
    Issuer who = exercise;
    who.border = std::make_shared<const Border>(policy, pseudonyms, declared);
    for (const Story& s : told.all) std::puts(story_body(s, who, s.last).c_str());
    std::puts(health_body(busy, who).c_str());
  }

  // In another language, which is named.
  Language other;
  other.tag = "sr-Cyrl";
  other.rows["NET-01"] = {fingerprint(*detection("NET-01")), "Нов уређај у мрежи", "Зашто?", "Пронађите га."};
  exercise.language = std::make_shared<Language>(other);
  Stories foreign;
  Reporter(settings, foreign).found(finding(start, *detection("NET-01")));
  std::puts(story_body(foreign.all.at(0), exercise, start).c_str());
  exercise.language = nullptr;

  // Whatever the catalogue may say is a body too.
  for (const Detection& d : catalogue) {
    Stories one;
    Reporter(settings, one).found(finding(start, d));
    std::puts(story_body(one.all.at(0), exercise, start).c_str());
  }

  Health h;
  h.since = start, h.now = start + hour;
  std::puts(health_body(h, plain).c_str());
  h.version = "0.1.0", h.rules = "b2:0011", h.boot = "x", h.clock = "PTP", h.clock_error = 1500, h.cpu = 0.25, h.memory = 1 << 20, h.disk_free = 1 << 30;
  h.interfaces = {{"eth1", 1000, 64000, 10, 3 * second, true}, {"eth2", 0, 0, 0, {}, false}};
  h.lanes["alert"] = {3, 2048, 1, start};
  h.counts["malformed"] = 4;
  h.complaints = {"eth2 is down"};
  std::puts(health_body(h, exercise).c_str());

  vidra::Gap gap;
  gap.epoch = 7, gap.lane = 1, gap.from = 100, gap.to = 250, gap.reason = "evicted", gap.classes["alert"] = 151, gap.detections["NET-01"] = 151;
  gap.first_ns = start, gap.last_ns = start + minute;
  std::puts(body_of(gap).c_str());
  gap = {};
  gap.epoch = 7, gap.reason = "disk-full", gap.classes["update"] = 3;
  std::puts(body_of(gap).c_str());
}
