// SPDX-License-Identifier: Apache-2.0
// CDP: LLC/SNAP aa aa 03 00 00 0c 20 00, version, TTL, checksum, then type, length (with its own four octets) and value.
#include <gtest/gtest.h>

#include "tests/support/hear.h"
#include "tests/support/samples.h"

namespace vidra {
namespace {

constexpr Side client = Side::client;
constexpr std::string_view frame =
    "aaaa03 00000c 2000 | 02 b4 8fe2 | 0001 000d 53572d4241592d3031 | 0002 0011 00000001 01 01 cc 0004 0a010102 | 0003 0009 4769302f33 | 0004 0008 00000028 |"
    "0005 0013 56657273696f6e2031352e32283729 | 0006 0012 636973636f2049452d3430303021 | 0009 0008 62617931 | 000a 0006 0005 | 000b 0005 01 |"
    "0016 0011 00000001 01 01 cc 0004 0a010103";

const Enrol enrolled("cdp", {
    {"a switch", {{client, frame}}, Carrier::llc, false, /*open_ended=*/true},
    {"a wrong checksum", {{client, "aaaa03 00000c 2000 | 02 b4 0000 | 0001 0008 53573031"}}, Carrier::llc, true, true},
    {"a length less than its own header", {{client, "aaaa03 00000c 2000 | 02 b4 fd48 | 0001 0003"}}, Carrier::llc, true},
});

TEST(Cdp, a_switch_tells_about_itself) {
  Heard heard("cdp");
  const Sentence s = heard(client, frame);
  EXPECT_FALSE(s.head.malformed);
  EXPECT_EQ(s.head.tag, 180u);
  EXPECT_EQ(s.head.qualifier, 0x28u);
  std::map<std::string, std::string> fields;
  for (const Point& p : s.points) fields[s.text(p.object.key())] = p.kind == ValueKind::text ? s.text(p.raw) : std::to_string(p.raw);
  EXPECT_EQ(fields["device"], "SW-BAY-01");
  EXPECT_EQ(fields["address"], "10.1.1.2");
  EXPECT_EQ(fields["port"], "Gi0/3");
  EXPECT_EQ(fields["native VLAN"], "5");
  EXPECT_EQ(fields["full duplex"], "1");
  EXPECT_EQ(fields["management address"], "10.1.1.3");
  ASSERT_EQ(heard.identities.size(), 1u);
  EXPECT_EQ(heard.identity_texts().at(heard.identities[0].name), "SW-BAY-01");
  EXPECT_EQ(heard.identity_texts().at(heard.identities[0].product), "cisco IE-4000!");
  EXPECT_EQ(heard.identity_texts().at(heard.identities[0].firmware), "Version 15.2(7)");
  EXPECT_EQ(heard(client, frame).head.sub_function, 0);
  EXPECT_EQ(heard.identities.size(), 1u) << "said once";
}

TEST(Cdp, the_checksum_counts_where_it_is_beyond_doubt) {
  Heard heard("cdp");
  std::string wrong(frame);
  wrong.replace(wrong.find("8fe2"), 4, "8fe3");
  EXPECT_TRUE(heard(client, wrong).head.malformed);
}

}  // namespace
}  // namespace vidra
