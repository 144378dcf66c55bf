// SPDX-License-Identifier: Apache-2.0
// IEEE 802.1D-1998 12.10 (GARP) and 802.1Q-2018 10.8 (MRP).
#include <gtest/gtest.h>

#include "tests/support/hear.h"
#include "tests/support/samples.h"

namespace vidra {
namespace {

constexpr Side client = Side::client;

const Enrol enrolled("gmrp", {
    //                        LLC    GARP | type | length, event, MAC         | …              | end  end
    {"a group is joined", {{client, "424203 0001 | 01 | 08 02 010ccd010001 | 08 02 010ccd010002 | 00 | 00"}}, Carrier::llc, false, true},
    {"a VLAN is left (GVRP)", {{client, "424203 0001 | 01 | 04 04 0005 | 02 00 | 00 | 00"}}, Carrier::llc, false, true},
    //                                 version | type, length | vector: 2 values from | packed: join, new | ends
    {"groups by MMRP", {{client, "00 | 02 06 | 0002 010ccd010001 24 | 0000 | 0000"}}, Carrier::ethertype, false, true},
    {"VLANs by MVRP, leave all", {{client, "00 | 01 02 | 2001 0005 24 | 0000 | 0000"}}, Carrier::ethertype, false, true},
    {"each value has another event", {{client, "00 | 01 02 | 0006 0005 33 8e | 0000 | 0000"}}, Carrier::ethertype, false, true},
    {"an event that there is not", {{client, "424203 0001 | 01 | 08 09 010ccd010001 | 00 | 00"}}, Carrier::llc, true, true},
    {"a vector beyond the frame", {{client, "00 | 02 06 | 1fff 010ccd010001 24"}}, Carrier::ethertype, true, true},
});

TEST(Gmrp, a_run_of_one_event_is_a_sentence) {
  Heard heard("gmrp");
  heard(client, "424203 0001 | 01 | 08 02 010ccd010001 | 08 02 010ccd010002 | 08 04 010ccd010003 | 00 | 00");
  ASSERT_EQ(heard.all.size(), 2u);
  EXPECT_EQ(heard.all[0].head.function, 2);
  ASSERT_EQ(heard.all[0].points.size(), 2u);
  EXPECT_EQ(heard.all[0].text(heard.all[0].points[1].object.key()), "group 01:0c:cd:01:00:02");
  EXPECT_EQ(heard.all[1].head.function, 4);
}

TEST(Gmrp, three_events_are_packed_in_an_octet) {
  Heard heard("gmrp");
  heard(client, "00 | 01 02 | 2004 0005 24 78 | 0000 | 0000");   // leave all; 0x24 = 36: join, new, new; 0x78 = 120: join empty (3)
  ASSERT_EQ(heard.all.size(), 2u);
  EXPECT_EQ(heard.all[0].head.function, 22);
  EXPECT_EQ(heard.all[1].head.function, 23);
  ASSERT_EQ(heard.all[1].points.size(), 4u);
  EXPECT_EQ(heard.all[1].text(heard.all[1].points[2].object.key()), "VLAN 7");
  const unsigned events[] = {1, 0, 0, 3};
  for (size_t i = 0; i < 4; i++) EXPECT_EQ(heard.all[1].points[i].qualifier, events[i]);
  EXPECT_EQ(heard(client, "00 | 01 02 | 0002 0005 2a | 0000 | 0000").head.function, 17);   // join, join
}

}  // namespace
}  // namespace vidra
