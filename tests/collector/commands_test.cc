// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "daemon/collector/alerts_command.h"
#include "daemon/collector/keys_command.h"
#include "tests/collector/records.h"

namespace vidra {
namespace {

struct CommandsTest : testing::Test {
  Scratch scratch;
  std::string out, err;
  Keys keys = make_keys(), other = make_keys();

  int vidra(std::string line) {
    std::ostringstream o, e;
    auto* cout_was = std::cout.rdbuf(o.rdbuf());
    auto* cerr_was = std::cerr.rdbuf(e.rdbuf());
    Program app("test", "vidra");
    int status = 0;
    add_alerts(app, status), add_sensors(app, status), add_keys(app, status);
    status = app.read(line + " --state " + scratch.path, o, e).value_or(status);
    std::cout.rdbuf(cout_was), std::cerr.rdbuf(cerr_was);
    out = o.str(), err = e.str();
    return status;
  }
  void fill() {
    IntakeSettings settings;
    settings.directory = scratch.path;
    settings.min_free = 0;
    Intake intake(real_storage(), settings);
    ASSERT_EQ(intake.open(false), "");
    FakeSensor alder(1), birch(2, "birch-1");
    for (uint64_t n = 1; n <= 3; n++) ASSERT_TRUE(intake.intake(arrival(alder.alert(n))));
    ASSERT_TRUE(intake.intake(arrival(birch.alert(7, 0, Lane::alert, new_host))));
    birch.alert(8);
    ASSERT_TRUE(intake.intake(arrival(birch.alert(9, 0, Lane::alert, new_host))));
    ASSERT_TRUE(intake.durable());
  }
  size_t lines() const { return size_t(std::count(out.begin(), out.end(), '\n')); }
};

TEST_F(CommandsTest, alerts_as_text_and_as_lines) {
  fill();
  EXPECT_EQ(vidra("alerts"), 0) << err;
  EXPECT_NE(out.find("CRITICAL  Breaker sweep"), std::string::npos) << out;
  EXPECT_NE(out.find("MEDIUM    New host"), std::string::npos);
  EXPECT_EQ(vidra("alerts --json --severity high"), 0);
  EXPECT_EQ(lines(), 3u);
  EXPECT_EQ(nlohmann::json::parse(out.substr(0, out.find('\n')))["rule"]["id"], "I104-05");
  EXPECT_EQ(vidra("alerts --brief --sensor birch-1"), 0);
  EXPECT_EQ(lines(), 2u);
  EXPECT_EQ(vidra("alerts --json -n 1"), 0);
  EXPECT_EQ(lines(), 1u);
}

TEST_F(CommandsTest, alerts_in_another_language_and_found_by_their_words) {
  fill();
  EXPECT_EQ(vidra("alerts --language sr-Cyrl"), 0) << err;
  EXPECT_NE(out.find("КРИТИЧНО  Низ команди над прекидачима"), std::string::npos) << out;
  EXPECT_NE(out.find("СРЕДЊЕ    Нов уређај у мрежи"), std::string::npos) << out;
  EXPECT_EQ(vidra("alerts --language hr --brief --search PREKIDAC"), 0) << err;
  EXPECT_EQ(lines(), 3u) << out;
  EXPECT_EQ(vidra("alerts --language hr --brief --search прекидачима -n 1"), 0) << err;
  EXPECT_EQ(lines(), 1u) << out;
  EXPECT_EQ(vidra("alerts --brief --search sweep"), 0) << err;
  EXPECT_EQ(lines(), 3u) << out;
  EXPECT_EQ(vidra("alerts --brief --search trafostanica"), 0);
  EXPECT_EQ(lines(), 0u) << out;
  EXPECT_NE(err.find("None of the"), std::string::npos) << err;
  EXPECT_EQ(vidra("alerts --language xx"), 1);
  EXPECT_NE(err.find("there are: en, bs-Cyrl"), std::string::npos) << err;
}

TEST_F(CommandsTest, nothing_found_says_what_to_type) {
  fill();
  EXPECT_EQ(vidra("alerts --sensor birhc-1"), 0);
  EXPECT_NE(err.find("Did you mean the sensor 'birch-1'?"), std::string::npos) << err;
  EXPECT_EQ(vidra("alerts --since yesterday"), 2);
  EXPECT_NE(err.find("2h, 7d"), std::string::npos);
  EXPECT_EQ(vidra("alerts --severity bad"), 2);
  EXPECT_NE(err.find("info, low, medium, high, critical"), std::string::npos);
}

TEST_F(CommandsTest, without_a_collector_it_says_so) {
  EXPECT_EQ(vidra("alerts"), 1);
  EXPECT_NE(err.find("is a collector working in this folder?"), std::string::npos) << err;
  scratch.path += "/none";
  EXPECT_EQ(vidra("keys"), 1);
  EXPECT_NE(err.find("No collector here"), std::string::npos) << err;
  scratch.path.resize(scratch.path.size() - 5);
}

TEST_F(CommandsTest, sensors_and_their_troubles) {
  fill();
  EXPECT_EQ(vidra("sensors"), 0);
  EXPECT_NE(out.find("alder-1"), std::string::npos);
  EXPECT_NE(out.find("1 MISSING"), std::string::npos) << out;
  EXPECT_NE(out.find("birch-1: 1 record of lane alert did not come"), std::string::npos) << out;
  EXPECT_EQ(vidra("sensors --json"), 0);
  EXPECT_EQ(lines(), 2u);
}

TEST_F(CommandsTest, keys_are_listed_and_let_in) {
  EXPECT_EQ(vidra("keys"), 0) << err;
  EXPECT_NE(out.find("No sensor has knocked yet"), std::string::npos);
  {
    KnownKeys known;
    std::string error;
    ASSERT_TRUE(known.open(scratch.path + "/keys.db", error)) << error;
    ASSERT_TRUE(known.knock(keys.curve_public, "192.0.2.7", 1795295191 * second));
    ASSERT_TRUE(known.knock(other.curve_public, "192.0.2.8", 1795295192 * second));
  }
  EXPECT_EQ(vidra("keys list"), 0);
  EXPECT_NE(out.find("pending    " + keys.fingerprint()), std::string::npos) << out;
  EXPECT_NE(out.find("from 192.0.2.7"), std::string::npos);
  EXPECT_EQ(vidra("keys approve " + keys.fingerprint().substr(0, 9) + " --name alder-1"), 0) << err;
  EXPECT_NE(out.find("alder-1 is active"), std::string::npos) << out;
  EXPECT_EQ(vidra("keys approve alder-1"), 0);
  EXPECT_NE(out.find("already"), std::string::npos);
  EXPECT_EQ(vidra("keys suspend alder-1"), 0);
  EXPECT_EQ(vidra("keys approve alder-1 --probation"), 0);
  EXPECT_EQ(vidra("keys revoke " + other.fingerprint()), 0) << err;
  EXPECT_EQ(vidra("keys"), 0);
  EXPECT_NE(out.find("probation  " + keys.fingerprint()), std::string::npos) << out;
  EXPECT_NE(out.find("revoked    " + other.fingerprint()), std::string::npos) << out;
  EXPECT_EQ(vidra("keys approve nobody"), 1);
  EXPECT_NE(err.find("vidra keys list"), std::string::npos) << err;
  EXPECT_EQ(vidra("keys approve"), 2);
}

TEST_F(CommandsTest, the_collectors_own_key) {
  EXPECT_EQ(vidra("keys fingerprint"), 1);
  EXPECT_NE(err.find("at its first start"), std::string::npos);
  Keys own;
  std::string error;
  ASSERT_TRUE(load_or_make_keys(scratch.path + "/collector.keys", own, error)) << error;
  EXPECT_EQ(vidra("keys fingerprint"), 0) << err;
  EXPECT_EQ(out, "server_key = \"" + own.curve_public + "\"\nfingerprint  " + own.fingerprint() + "\n");
}

}  // namespace
}  // namespace vidra
