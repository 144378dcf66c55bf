// SPDX-License-Identifier: Apache-2.0
// RFC 4120 (Kerberos 5).
#include <gtest/gtest.h>

#include "tests/support/hear.h"
#include "tests/support/samples.h"

namespace vidra {
namespace {

constexpr Side client = Side::client, server = Side::server;

constexpr const char* as_request =
    "6a623060a103020105a20302010aa4543052a00703050040000000a1133011a003020101a10a30081b066a736d697468a2071b05414c444552a31a3018a003020102a111300f"
    "1b066b72627467741b05414c444552a703020107a8083006020117020112";
constexpr const char* refused =
    "7e363034a003020105a10302011ea603020118a9071b05414c444552aa1a3018a003020102a111300f1b066b72627467741b05414c444552";
constexpr const char* as_reply =
    "6b8188308185a003020105a10302010ba3071b05414c444552a4133011a003020101a10a30081b066a736d697468a54861463044a003020105a1071b05414c444552a221301f"
    "a003020102a11830161b084d5353514c5376631b0a686973742e616c646572a311300fa003020117a2080406736563726574a611300fa003020112a2080406736563726574";
constexpr const char* tgs_request =
    "6c61305fa103020105a20302010ca30e300c300aa103020101a203040178a4433041a00703050040000000a2071b05414c444552a321301fa003020102a11830161b084d5353"
    "514c5376631b0a686973742e616c646572a703020107a8053003020117";
constexpr const char* tgs_reply =
    "6d8188308185a003020105a10302010da3071b05414c444552a4133011a003020101a10a30081b066a736d697468a54861463044a003020105a1071b05414c444552a221301f"
    "a003020102a11830161b084d5353514c5376631b0a686973742e616c646572a311300fa003020117a2080406736563726574a611300fa003020112a2080406736563726574";
constexpr const char* tcp_request =
    "000000646a623060a103020105a20302010aa4543052a00703050040000000a1133011a003020101a10a30081b066a736d697468a2071b05414c444552a31a3018a003020102"
    "a111300f1b066b72627467741b05414c444552a703020107a8083006020117020112";
constexpr const char* tcp_error =
    "000000387e363034a003020105a10302011ea603020118a9071b05414c444552aa1a3018a003020102a111300f1b066b72627467741b05414c444552";

const Enrol enrolled("kerberos", {
    {"a ticket is asked for and refused", {{client, as_request}, {server, refused}}, Carrier::udp},
    {"a ticket is given", {{client, as_request}, {server, as_reply}, {client, tgs_request}, {server, tgs_reply}}, Carrier::udp},
    {"over TCP", {{client, tcp_request}, {server, tcp_error}}},
    {"another version's type", {{client, "7f 03 30 01 00"}}, Carrier::udp, true},
});

std::string said(const Sentence& s, const std::string& name) {
  for (const Point& p : s.points)
    if (s.text(p.object.key()) == name) return s.text(p.raw);
  return "(not said)";
}

TEST(Kerberos, a_request_says_who_wants_what_and_proves_it_how) {
  Heard kerberos("kerberos");
  const Sentence s = kerberos(client, as_request);
  EXPECT_EQ(s.head.function, 10);
  EXPECT_EQ(said(s, "client"), "jsmith");
  EXPECT_EQ(said(s, "realm"), "ALDER");
  EXPECT_EQ(said(s, "service"), "krbtgt/ALDER");
  EXPECT_EQ(said(s, "encryption"), "RC4");
  EXPECT_EQ(said(s, "pre-authentication"), "none");
}

TEST(Kerberos, a_reply_says_with_what_its_ticket_is_encrypted) {
  Heard kerberos("kerberos");
  const Sentence s = kerberos(server, as_reply);
  EXPECT_EQ(said(s, "service"), "MSSQLSvc/hist.alder");
  EXPECT_EQ(s.head.qualifier, 23u);
}

TEST(Kerberos, an_error_says_why) {
  Heard kerberos("kerberos");
  const Sentence s = kerberos(server, refused);
  EXPECT_TRUE(s.head.refused);
  EXPECT_EQ(protocol_named("kerberos").reason(s.head.reason), "pre-authentication failed");
}

}  // namespace
}  // namespace vidra
