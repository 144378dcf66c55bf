// SPDX-License-Identifier: Apache-2.0
// RFC 5424 and RFC 3164 (syslog).
#include <gtest/gtest.h>

#include "tests/support/hear.h"
#include "tests/support/samples.h"

namespace vidra {
namespace {

constexpr Side client = Side::client;

const Enrol enrolled("syslog", {
    {"RFC 5424", {{client, words("<86>1 2026-01-05T12:00:00Z rtu-7 sshd 412 LOGIN - session opened")}}, Carrier::udp, false, true},
    {"RFC 3164", {{client, words("<34>Jan  5 12:00:00 switch-2 su[41]: failed for root")}}, Carrier::udp, false, true},
    {"of no known format", {{client, words("<134>link up")}}, Carrier::udp, false, true},
    {"a priority that is too high", {{client, words("<192>x")}}, Carrier::udp, true},
});

TEST(Syslog, severity_facility_and_who) {
  Heard syslog("syslog");
  for (const char* text : {"<86>1 2026-01-05T12:00:00Z rtu-7 sshd 412 LOGIN - opened", "<86>Jan  5 12:00:00 rtu-7 sshd[412]: opened"}) {
    const Sentence s = syslog(client, words(text));
    EXPECT_EQ(s.head.function, 6);
    EXPECT_EQ(s.head.qualifier, 10u);
    EXPECT_EQ(s.text(s.points.at(0).raw), "authorization");
    EXPECT_EQ(s.text(s.points.at(1).raw), "rtu-7");
    EXPECT_EQ(s.text(s.points.at(2).raw), "sshd");
  }
}

TEST(Syslog, its_text_is_not_said) {
  Heard syslog("syslog");
  const Sentence s = syslog(client, words("<34>Jan  5 12:00:00 a b: password is hunter2"));
  for (const auto& [key, text] : s.texts) EXPECT_EQ(text.find("hunter2"), std::string::npos);
}

}  // namespace
}  // namespace vidra
