// SPDX-License-Identifier: Apache-2.0
#include "daemon/sensor/metrics.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <fstream>

#include "daemon/sensor/service.h"
#include "daemon/tool/scrape.h"

namespace vidra {
namespace {

SensorStatus status() {
  SensorStatus s;
  s.since = 1'795'000'000 * second, s.heard_until = s.since + 1500 * millisecond;
  SensorStatus::Hearing a, b;
  a.name = "eth1", a.counters.delivered = 12'345, a.counters.octets = 999, a.counters.dropped_by_kernel = 7, a.last_frame = s.since;
  b.name = "net_af_packet0,iface=\"x\\y\"\n", b.up = false, b.outage = {2, s.since, 0, "it was removed"};
  s.interfaces = {a, b};
  s.accounts.interfaces.resize(2);
  s.accounts.interfaces[0].octets = {100, 60, 30, 10};
  s.accounts.protocols.resize(protocols.size());
  s.accounts.protocols[1].records = 5, s.accounts.protocols[1].malformed = 1;
  SensorStatus::Telling t;
  t.collector = "cert", t.link.state = LinkState::waiting_approval, t.link.text = "its key is not approved \x1b[31m yet";
  t.outbox.lanes[1].unacknowledged = 3, t.outbox.lanes[1].waiting = 1, t.outbox.lanes[2].evicted = 2;
  s.collectors = {t};
  return s;
}

TEST(Metrics, AreReadBackAsTheyWere) {
  const Scrape s = Scrape::parse(metrics_text(status(), "alder-1", "ab-cd"));
  EXPECT_EQ(s.value("info", {{"sensor", "alder-1"}, {"key", "ab-cd"}}), 1);
  EXPECT_EQ(s.value("start_time_seconds"), 1'795'000'000);
  EXPECT_EQ(s.value("heard_until_seconds"), 1'795'000'001.5);
  EXPECT_EQ(s.value("interface_packets_total", {{"interface", "eth1"}}), 12'345);
  EXPECT_EQ(s.value("interface_dropped_total", {{"interface", "eth1"}, {"by", "kernel"}}), 7);
  EXPECT_EQ(s.value("payload_octets_total", {{"interface", "eth1"}, {"kind", "lost"}}), 10);
  EXPECT_EQ(s.value("records_total", {{"protocol", std::string(protocols[1]->name)}}), 5);
  EXPECT_EQ(s.value("outbox_waiting", {{"collector", "cert"}, {"lane", "alert"}}), 4);
  EXPECT_EQ(s.value("outbox_lost_total", {{"collector", "cert"}, {"lane", "state"}}), 2);
  EXPECT_EQ(s.value("collector_connected", {{"collector", "cert"}}), 0);
}

TEST(Metrics, DifferencesFromAnImportAreCountedByDeviceAndTheNewestNamed) {
  SensorStatus st = status();
  for (int i = 0; i < 200; i++) st.unreviewed.push_back({i < 150 ? "ied1" : "ied2", detection("GSE-13"), "it publishes gcb" + std::to_string(i) + ".", "confRev 1.", 0, 0, 1, uint64_t(i), 0});
  st.judge.unreviewed = 300, st.judge.unreviewed_unkept = 7;
  st.values.objects = 5;
  const Scrape s = Scrape::parse(metrics_text(st, "", ""));
  EXPECT_EQ(s.value("unreviewed_differences", {{"device", "ied1"}}), 150);
  EXPECT_EQ(s.value("unreviewed_differences", {{"device", "ied2"}}), 50);
  EXPECT_EQ(s.value("unreviewed_differences_total"), 300);
  EXPECT_EQ(s.value("unreviewed_unkept_total"), 7);
  EXPECT_EQ(s.value("values_unwatched_total", {{"why", "objects"}}), 5);
  const auto named = s.labels("unreviewed_difference");
  ASSERT_EQ(named.size(), 64u);
  EXPECT_EQ(named.back().at("what"), "it publishes gcb199. confRev 1.");
}
TEST(Metrics, WhatIsNotKnownIsAbsent) {
  const Scrape s = Scrape::parse(metrics_text(status(), "", ""));
  EXPECT_FALSE(s.value("interface_dropped_total", {{"interface", "eth1"}, {"by", "card"}}));
  EXPECT_FALSE(s.value("interface_blind_since_seconds", {{"interface", "eth1"}}));
  EXPECT_EQ(s.labels("interface_blind_since_seconds").size(), 1u);
  EXPECT_EQ(s.labels("interface_last_frame_seconds").size(), 1u);
}

// A name on the wire or from a peer ends no line and draws on no terminal.
TEST(Metrics, LabelsStayLabels) {
  const std::string text = metrics_text(status(), "a\"} 1\nvidra_learning 7\n", "");
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(text.find("\nvidra_learning 7"), std::string::npos);
  EXPECT_EQ(Scrape::parse(text).value("learning"), 0);
  EXPECT_EQ(Scrape::parse(text).labels("interface_up").size(), 2u);
}

std::string asked(const std::string& path, const std::string& says) {
  const int s = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un a{};
  a.sun_family = AF_UNIX;
  std::memcpy(a.sun_path, path.data(), path.size());
  std::string text;
  if (::connect(s, reinterpret_cast<const sockaddr*>(&a), sizeof a) == 0) {
    if (!says.empty()) (void)!::write(s, says.data(), says.size());
    char part[4096];
    for (ssize_t n; (n = ::read(s, part, sizeof part)) > 0;) text.append(part, size_t(n));
  }
  ::close(s);
  return text;
}

TEST(Metrics, TheSocketSaysItToWhoeverConnects) {
  const std::string path = testing::TempDir() + "metrics_test.sock";
  std::ofstream(path) << "no socket";
  MetricsSocket m;
  EXPECT_NE(m.open(path), "");                 // what is no socket is left alone
  ::unlink(path.c_str());
  ASSERT_EQ(m.open(path), "");
  m.start([] { return std::string(1 << 20, 'x'); });
  EXPECT_EQ(asked(path, "").size(), 1u << 20);
  EXPECT_EQ(asked(path, "GET / HTTP/1.1\r\n\r\n").rfind("HTTP/1.0 200 OK\r\n", 0), 0u);
  EXPECT_EQ(asked(path, "quit").size(), 1u << 20);
  m.stop();
  EXPECT_NE(::access(path.c_str(), F_OK), 0);
  MetricsSocket again;
  EXPECT_EQ(again.open(path), "");
}

TEST(Starts, AFourthOneWaits) {
  const std::string folder = testing::TempDir();
  ::unlink((folder + "/starts").c_str());
  Time waited[12];
  for (Time& w : waited) w = Starts(folder).wait();
  EXPECT_EQ(waited[0], 0);
  EXPECT_EQ(waited[2], 0);
  EXPECT_EQ(waited[3], second);
  EXPECT_EQ(waited[4], 2 * second);
  EXPECT_EQ(waited[11], minute);
  Starts well(folder);
  well.well();
  EXPECT_EQ(Starts(folder).wait(), 0);
  std::ofstream(folder + "/starts", std::ios::trunc) << "9 99999999999\n";     // of another boot
  EXPECT_EQ(Starts(folder).wait(), 0);
  std::ofstream(folder + "/starts", std::ios::trunc) << "rubbish";
  EXPECT_EQ(Starts(folder).wait(), 0);
  ::unlink((folder + "/starts").c_str());
  EXPECT_EQ(Starts("").wait(), 0);
}

}  // namespace
}  // namespace vidra
