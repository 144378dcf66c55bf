// SPDX-License-Identifier: Apache-2.0
#include "daemon/base/address.h"

#include <gtest/gtest.h>

namespace vidra {
namespace {

TEST(Address, reads_what_it_writes) {
  for (const char* s : {"10.1.2.3", "2001:db8::1", "00:21:c1:30:10:41"}) {
    const auto a = parse_address(s);
    ASSERT_TRUE(a) << s;
    EXPECT_EQ(text_of(*a), s);
  }
  for (const char* s : {"", "10.1.2", "10.1.2.300", "zz:21:c1:30:10:41", "00:21:c1:30:10"}) EXPECT_FALSE(parse_address(s)) << s;
  EXPECT_EQ(text_of(Endpoint{*parse_address("fd00::1"), 102}), "[fd00::1]:102");
}

TEST(Prefix, contains_what_it_names) {
  const auto p = parse_prefix("10.16.0.0/12");
  ASSERT_TRUE(p);
  EXPECT_TRUE(p->contains(*parse_address("10.31.255.255")));
  EXPECT_FALSE(p->contains(*parse_address("10.32.0.0")));
  EXPECT_FALSE(p->contains(*parse_address("fd00::1")));
  EXPECT_FALSE(parse_prefix("10.0.0.0/33"));
  EXPECT_TRUE(parse_prefix("10.0.0.7")->contains(*parse_address("10.0.0.7")));
}

}  // namespace
}  // namespace vidra
