// SPDX-License-Identifier: Apache-2.0
// The CIP Networks Library, Volume 1 (CIP) and Volume 2 (EtherNet/IP); 1756-PM020 (Logix tags); 1770-6.5.16 (PCCC).
#include <gtest/gtest.h>

#include "tests/support/hear.h"
#include "tests/support/samples.h"

namespace vidra {
namespace {

constexpr Side client = Side::client, server = Side::server;

// | command length session status sender context options | interface timeout and items … | the CIP message
constexpr const char* register_session =
    "6500 0400 00000000 00000000 0100000000000000 00000000 | 01000000";
constexpr const char* registered =
    "6500 0400 22110000 00000000 0100000000000000 00000000 | 01000000";
constexpr const char* unregister =
    "6600 0000 22110000 00000000 0100000000000000 00000000";
constexpr const char* nop =
    "0000 0000 22110000 00000000 0100000000000000 00000000";
constexpr const char* who =
    "6300 0000 00000000 00000000 0100000000000000 00000000";
constexpr const char* i_am =
    "6300 3C00 00000000 00000000 0100000000000000 00000000 |"
    " 01000C00360001000002AF120A000001000000000000000001000E003700140B7030C3B2A10014313735362D4C36312F42204C4F4749583535363103";
constexpr const char* services =
    "0400 0000 00000000 00000000 0100000000000000 00000000";
constexpr const char* services_are =
    "0400 1A00 00000000 00000000 0100000000000000 00000000 | 01000001140001002001436F6D6D756E69636174696F6E730000";
constexpr const char* interfaces =
    "6400 0000 00000000 00000000 0100000000000000 00000000";
constexpr const char* no_interfaces =
    "6400 0200 00000000 00000000 0100000000000000 00000000 | 0000";
constexpr const char* bad_session =
    "6F00 0000 22110000 64000000 0100000000000000 00000000";
constexpr const char* get_serial =
    "6F00 1800 22110000 00000000 0100000000000000 00000000 | 0000000000000200 00000000 B2000800 | 0E03200124013006";
constexpr const char* serial =
    "6F00 1800 22110000 00000000 0100000000000000 00000000 | 0000000000000200 00000000 B2000800 | 8E000000C3B2A100";
constexpr const char* get_all =
    "6F00 1600 22110000 00000000 0100000000000000 00000000 | 0000000000000200 00000000 B2000600 | 010220012401";
constexpr const char* all_of_it =
    "6F00 3700 22110000 00000000 0100000000000000 00000000 | 0000000000000200 00000000 B2002700 |"
    " 8100000001000E003700140B7030C3B2A10014313735362D4C36312F42204C4F47495835353631";
constexpr const char* reset =
    "6F00 1700 22110000 00000000 0100000000000000 00000000 | 0000000000000200 00000000 B2000700 | 05022001240101";
constexpr const char* no_reset =
    "6F00 1400 22110000 00000000 0100000000000000 00000000 | 0000000000000200 00000000 B2000400 | 85000800";
constexpr const char* stop =
    "7000 1C00 22110000 00000000 0000000000000000 00000000 | 0000000000000200 A100040001000100 B1000800 0500 | 0702208E2401";
constexpr const char* stopped =
    "7000 1A00 22110000 00000000 0000000000000000 00000000 | 0000000000000200 A10004000200FE80 B1000600 0500 | 87000000";
constexpr const char* set_clock =
    "7000 2800 22110000 00000000 0000000000000000 00000000 | 0000000000000200 A100040001000100 B1001400 0600 |"
    " 0402208B24010100060000401E18240A0600";
constexpr const char* clock_set =
    "7000 2000 22110000 00000000 0000000000000000 00000000 | 0000000000000200 A10004000200FE80 B1000C00 0600 |"
    " 84000000010006000000";
constexpr const char* get_list =
    "6F00 1C00 22110000 00000000 0100000000000000 00000000 | 0000000000000200 00000000 B2000C00 | 030220012401020005000600";
constexpr const char* attributes =
    "6F00 2400 22110000 00000000 0100000000000000 00000000 | 0000000000000200 00000000 B2001400 |"
    " 83000000020005000000703006000000C3B2A100";
constexpr const char* read_tag =
    "6F00 2600 22110000 00000000 0100000000000000 00000000 | 0000000000000200 00000000 B2001600 |"
    " 4C09910550756D707300280391055370656564000300";
constexpr const char* tag_is =
    "6F00 2200 22110000 00000000 0100000000000000 00000000 | 0000000000000200 00000000 B2001200 |"
    " CC000000CA000000C03F00002040000080BF";
constexpr const char* write_tag =
    "6F00 2400 22110000 00000000 0100000000000000 00000000 | 0000000000000200 00000000 B2001400 |"
    " 4D059108536574706F696E74C4000100D8FFFFFF";
constexpr const char* written =
    "6F00 1400 22110000 00000000 0100000000000000 00000000 | 0000000000000200 00000000 B2000400 | CD000000";
constexpr const char* frag =
    "6F00 1E00 22110000 00000000 0100000000000000 00000000 | 0000000000000200 00000000 B2000E00 | 520391034C6F6700640008000000";
constexpr const char* part =
    "6F00 1A00 22110000 00000000 0100000000000000 00000000 | 0000000000000200 00000000 B2000A00 | D2000600C30005000600";
constexpr const char* wfrag =
    "6F00 2400 22110000 00000000 0100000000000000 00000000 | 0000000000000200 00000000 B2001400 |"
    " 530391034C6F6700C30004000400000007000800";
constexpr const char* wfrag_ok =
    "6F00 1400 22110000 00000000 0100000000000000 00000000 | 0000000000000200 00000000 B2000400 | D3000000";
constexpr const char* rmw =
    "6F00 2400 22110000 00000000 0100000000000000 00000000 | 0000000000000200 00000000 B2001400 |"
    " 4E049105466C61677300040010000000F7FFFFFF";
constexpr const char* rmw_ok =
    "6F00 1400 22110000 00000000 0100000000000000 00000000 | 0000000000000200 00000000 B2000400 | CE000000";
constexpr const char* several =
    "7000 3A00 22110000 00000000 0000000000000000 00000000 | 0000000000000200 A100040001000100 B1002600 0700 |"
    " 0A022002240103000800100018000E032001240130014C02910141000100050220012401";
constexpr const char* several_are =
    "7000 3600 22110000 00000000 0000000000000000 00000000 | 0000000000000200 A10004000200FE80 B1002200 0700 |"
    " 8A001E00030008000E0018008E0000000100CC000000C4004D00000085000F00";
constexpr const char* through =
    "6F00 2400 22110000 00000000 0100000000000000 00000000 | 0000000000000200 00000000 B2001400 |"
    " 5202200624010A0E060001022001240101000100";
constexpr const char* through_is =
    "6F00 3700 22110000 00000000 0100000000000000 00000000 | 0000000000000200 00000000 B2002700 |"
    " 8100000001000E003700140B7030C3B2A10014313735362D4C36312F42204C4F47495835353631";
constexpr const char* no_route =
    "6F00 1700 22110000 00000000 0100000000000000 00000000 | 0000000000000200 00000000 B2000700 | D2000101120300";
constexpr const char* open_io =
    "6F00 4200 22110000 00000000 0100000000000000 00000000 | 0000000000000200 00000000 B2003200 |"
    " 5402200624010A0E000000000200FE8007004D00FECA000001000000204E00002648204E000026480104200424972C962C64";
constexpr const char* opened =
    "6F00 2E00 22110000 00000000 0100000000000000 00000000 | 0000000000000200 00000000 B2001E00 |"
    " D4000000010001000200FE8007004D00FECA0000204E0000204E00000000";
constexpr const char* close_io =
    "6F00 2A00 22110000 00000000 0100000000000000 00000000 | 0000000000000200 00000000 B2001A00 |"
    " 4E02200624010A0E07004D00FECA00000400200424972C962C64";
constexpr const char* closed =
    "6F00 1E00 22110000 00000000 0100000000000000 00000000 | 0000000000000200 00000000 B2000E00 | CE00000007004D00FECA00000000";
constexpr const char* open_large =
    "6F00 4400 22110000 00000000 0100000000000000 00000000 | 0000000000000200 00000000 B2003400 |"
    " 5B02200624010A0E000000000200FE8007004D00FECA000001000000204E0000A00FF443204E0000A00FF443A303010020022401";
constexpr const char* open_refused =
    "6F00 2000 22110000 00000000 0100000000000000 00000000 | 0000000000000200 00000000 B2001000 |"
    " DB000101000107004D00FECA00000000";
constexpr const char* pccc_read =
    "6F00 2700 22110000 00000000 0100000000000000 00000000 | 0000000000000200 00000000 B2001700 |"
    " 4B0220672401074D00E0312B3D0F001100A20607890300";
constexpr const char* pccc_is =
    "6F00 2500 22110000 00000000 0100000000000000 00000000 | 0000000000000200 00000000 B2001500 |"
    " CB000000074D00E0312B3D4F0011000A00ECFF1E00";
constexpr const char* pccc_write =
    "6F00 2B00 22110000 00000000 0100000000000000 00000000 | 0000000000000200 00000000 B2001B00 |"
    " 4B0220672401074D00E0312B3D0F001200AA04088A010000002040";
constexpr const char* pccc_denied =
    "6F00 1F00 22110000 00000000 0100000000000000 00000000 | 0000000000000200 00000000 B2000F00 | CB000000074D00E0312B3D4F601200";
constexpr const char* pccc_mode =
    "6F00 2300 22110000 00000000 0100000000000000 00000000 | 0000000000000200 00000000 B2001300 |"
    " 4B0220672401074D00E0312B3D0F0013008001";
constexpr const char* pccc_done =
    "6F00 1F00 22110000 00000000 0100000000000000 00000000 | 0000000000000200 00000000 B2000F00 | CB000000074D00E0312B3D4F001300";
constexpr const char* pccc_status =
    "6F00 2200 22110000 00000000 0100000000000000 00000000 | 0000000000000200 00000000 B2001200 |"
    " 4B0220672401074D00E0312B3D0600140003";
constexpr const char* io_run =
    "0200 | 028008000100010001000000 | B1000800 0100010000000A0B";
constexpr const char* io_run2 =
    "0200 | 028008000100010002000000 | B1000800 0200010000000C0B";
constexpr const char* io_idle =
    "0200 | 028008000100010003000000 | B1000800 0300000000000C0B";
constexpr const char* io_late =
    "0200 | 028008000100010009000000 | B1000800 0900000000000C0B";
constexpr const char* io_in =
    "0200 | 028008000200FE8001000000 | B1000600 010011223344";
constexpr const char* download =
    "6F00 1A00 22110000 00000000 0100000000000000 00000000 | 0000000000000200 00000000 B2000A00 | 4C02203724C800000001";
constexpr const char* downloading =
    "6F00 1800 22110000 00000000 0100000000000000 00000000 | 0000000000000200 00000000 B2000800 | CC00000000010000";
constexpr const char* set_ip =
    "6F00 2E00 22110000 00000000 0100000000000000 00000000 | 0000000000000200 00000000 B2001E00 |"
    " 100320F52401300500000000000000000000000000000000000000000000";
constexpr const char* ip_set =
    "6F00 1400 22110000 00000000 0100000000000000 00000000 | 0000000000000200 00000000 B2000400 | 90000E00";

const Enrol enrolled("enip", {
    {"a session is registered and ended", {{client, register_session}, {server, registered}, {client, nop}, {client, unregister}}},
    {"a device says who it is", {{client, who}, {server, i_am}}},
    {"over UDP too", {{client, who}, {server, i_am}}, Carrier::udp},
    {"services and interfaces are listed", {{client, services}, {server, services_are}, {client, interfaces}, {server, no_interfaces}}},
    {"a session is not known", {{client, get_serial}, {server, bad_session}}},
    {"a serial number is read", {{client, get_serial}, {server, serial}}},
    {"the identity is read", {{client, get_all}, {server, all_of_it}}},
    {"a list of attributes is read", {{client, get_list}, {server, attributes}}},
    {"a device is reset, and refuses", {{client, reset}, {server, no_reset}}},
    {"a controller is stopped over a connection", {{client, stop}, {server, stopped}}},
    {"the clock is set", {{client, set_clock}, {server, clock_set}}},
    {"an address is set, and refused", {{client, set_ip}, {server, ip_set}}},
    {"tags are read", {{client, read_tag}, {server, tag_is}, {client, frag}, {server, part}}},
    {"tags are written", {{client, write_tag}, {server, written}, {client, wfrag}, {server, wfrag_ok}, {client, rmw}, {server, rmw_ok}}},
    {"several services in one", {{client, several}, {server, several_are}}},
    {"through the backplane", {{client, through}, {server, through_is}, {client, through}, {server, no_route}}},
    {"a connection is opened and closed", {{client, open_io}, {server, opened}, {client, close_io}, {server, closed}}},
    {"a large one is refused", {{client, open_large}, {server, open_refused}}},
    {"an SLC is read and written", {{client, pccc_read}, {server, pccc_is}, {client, pccc_write}, {server, pccc_denied}, {client, pccc_status}}},
    {"an SLC changes its mode", {{client, pccc_mode}, {server, pccc_done}}},
    {"a file is downloaded", {{client, download}, {server, downloading}}},
    {"an I/O connection", {{client, io_run}, {server, io_in}, {client, io_run2}, {client, io_idle}, {client, io_late}}, Carrier::udp},
});

std::string shown(const Sentence& s) {   // "class 0x01 instance 1 attribute 6=10597059"
  std::string out;
  for (const Point& p : s.points) {
    char a[160], b[160];
    std::string object(describe_object(p.object, Texts{}, a)), value(describe_value(p, Texts{}, b));
    if (p.object.kind() == ObjectKind::named || p.object.kind() == ObjectKind::item) object = s.text(p.object.key());
    if (p.object.kind() == ObjectKind::member) object = "[" + std::to_string(p.object.key() & 0x7ff) + "]";
    if (p.kind == ValueKind::text) value = s.text(p.raw);
    if (!out.empty()) out += ", ";
    out += object;
    if (p.kind != ValueKind::none) out += "=" + value;
    if (p.status) out += " (" + std::to_string(p.status) + ")";
  }
  return out;
}

struct Enip : testing::Test {
  Heard heard{"enip"};
  Sentence ask(std::string_view octets) { return heard(client, octets); }
  Sentence answer(std::string_view octets) { return heard(server, octets); }
  static std::string name(const Sentence& s) { return std::string(function_name(protocol_named("enip"), s.head.function, s.head.sub_function)); }
  static std::string_view why(const Sentence& s) { return protocol_named("enip").reason(s.head.reason); }
};

TEST_F(Enip, the_encapsulation_s_own_commands) {
  struct { Side from; const char* octets; const char* name; Role role; Act act; const char* says; } cases[] = {
      {client, register_session, "RegisterSession", Role::request, Act::session, ""},
      {server, registered, "RegisterSession", Role::response, Act::session, ""},
      {client, unregister, "UnRegisterSession", Role::request, Act::session, ""},
      {client, nop, "NOP", Role::request, Act::session, ""},
      {client, who, "ListIdentity", Role::request, Act::identify, ""},
      {client, services, "ListServices", Role::request, Act::identify, ""},
      {server, services_are, "ListServices", Role::response, Act::identify, "Communications=0x120"},
      {client, interfaces, "ListInterfaces", Role::request, Act::identify, ""},
      {server, no_interfaces, "ListInterfaces", Role::response, Act::identify, ""},
      {server, bad_session, "SendRRData without a CIP message", Role::response, Act::other, ""}};
  for (const auto& c : cases) {
    const Sentence s = heard(c.from, c.octets);
    EXPECT_EQ(name(s), c.name);
    EXPECT_EQ(s.head.role, c.role) << c.name;
    EXPECT_EQ(s.head.act, c.act) << c.name;
    EXPECT_EQ(shown(s), c.says) << c.name;
    EXPECT_FALSE(s.head.malformed) << c.name;
  }
  EXPECT_EQ(why(answer(bad_session)), "invalid session handle");
  EXPECT_TRUE(answer(bad_session).head.refused);
}

TEST_F(Enip, an_identity_by_list_and_by_attributes) {
  const char* says =
      "class 0x01 instance 1 attribute 1=1, class 0x01 instance 1 attribute 2=14, class 0x01 instance 1 attribute 3=55, class 0x01 instance 1 attribute 4=20.11, "
      "class 0x01 instance 1 attribute 5=0x3070, class 0x01 instance 1 attribute 6=10597059, class 0x01 instance 1 attribute 7=1756-L61/B LOGIX5561";
  const auto identified = [&](const Sentence& s) {
    EXPECT_EQ(shown(s), says);
    ASSERT_EQ(heard.identities.size(), 1u);
    const Identity id = heard.identities[0];
    const auto& texts = heard.identity_texts();
    EXPECT_EQ(texts.at(id.vendor), "Rockwell Automation");
    EXPECT_EQ(texts.at(id.product), "1756-L61/B LOGIX5561");
    EXPECT_EQ(texts.at(id.model), "type 14 code 55");
    EXPECT_EQ(texts.at(id.firmware), "20.11");
    EXPECT_EQ(texts.at(id.serial), "00A1B2C3");
  };
  identified(answer(i_am));
  Heard other("enip");
  ask(get_all);
  const Sentence s = answer(all_of_it);
  EXPECT_EQ(shown(s), says);
  EXPECT_EQ(heard.identities.size(), 2u);
}

TEST_F(Enip, what_services_say) {
  struct { const char* question; const char* asks; const char* says; const char* answer; const char* answers; Act act; } cases[] = {
      {get_serial, "Get_Attribute_Single of Identity", "class 0x01 instance 1 attribute 6", serial, "class 0x01 instance 1 attribute 6=0xa1b2c3", Act::identify},
      {get_list, "Get_Attribute_List of Identity", "class 0x01 instance 1 attribute 5, class 0x01 instance 1 attribute 6", attributes,
       "class 0x01 instance 1 attribute 5=0x3070, class 0x01 instance 1 attribute 6=0xa1b2c3", Act::identify},
      {stop, "Stop: controller into program mode", "class 0x8E instance 1", stopped, "class 0x8E instance 1", Act::run},
      {set_clock, "Set_Attribute_List of the wall clock", "class 0x8B instance 1 attribute 6=time 1700000000.000", clock_set, "class 0x8B instance 1 attribute 6", Act::time},
      {read_tag, "Read Tag", "Pumps[3].Speed", tag_is, "Pumps[3].Speed=1.5, [1]=2.5, [2]=-1", Act::read},
      {write_tag, "Write Tag", "Setpoint=-40", written, "Setpoint", Act::write},
      {frag, "Read Tag Fragmented", "Log", part, "[4]=5, [5]=6", Act::read},
      {wfrag, "Write Tag Fragmented", "[2]=7, [3]=8", wfrag_ok, "Log", Act::write},
      {rmw, "Read Modify Write Tag", "Flags=0x10", rmw_ok, "Flags", Act::write},
      {pccc_read, "PCCC protected typed logical read with three address fields", "N7:3", pccc_is, "N7:3=10, [1]=-20, [2]=30", Act::read},
      {pccc_mode, "PCCC change mode", "=1", pccc_done, "", Act::run},
      {download, "Initiate_Download of a file", "class 0x37 instance 200=4 octets", downloading, "class 0x37 instance 200=4 octets", Act::file},
  };
  for (const auto& c : cases) {
    const Sentence q = ask(c.question), a = answer(c.answer);
    EXPECT_EQ(name(q), c.asks);
    EXPECT_EQ(name(a), c.asks);
    EXPECT_EQ(shown(q), c.says) << c.asks;
    EXPECT_EQ(shown(a), c.answers) << c.asks;
    EXPECT_EQ(q.head.act, c.act) << c.asks;
    EXPECT_EQ(a.head.act, c.act) << c.asks;
    EXPECT_EQ(q.head.role, Role::request);
    EXPECT_EQ(a.head.role, Role::response);
    EXPECT_FALSE(q.head.malformed || a.head.malformed || a.head.unpaired || a.head.refused) << c.asks;
    if (c.act == Act::write || c.act == Act::run) { EXPECT_NE(q.head.digest, 0u) << c.asks; }
  }
}

TEST_F(Enip, refusals_say_why) {
  struct { const char *question, *answer; std::string_view why; } cases[] = {
      {reset, no_reset, "service not supported"}, {set_ip, ip_set, "attribute not settable"}, {open_large, open_refused, "connection in use"},
      {through, no_route, "link address not valid"}, {pccc_write, pccc_denied, "function not allowed by protection"}};
  for (const auto& c : cases) {
    ask(c.question);
    const Sentence a = answer(c.answer);
    EXPECT_TRUE(a.head.refused);
    EXPECT_EQ(why(a), c.why);
    EXPECT_FALSE(a.head.unpaired || a.head.malformed) << c.why;
  }
}

TEST_F(Enip, each_member_of_a_packet_is_a_sentence) {
  ask(several);
  ASSERT_EQ(heard.all.size(), 4u);
  EXPECT_EQ(name(heard.all[0]), "Multiple_Service_Packet");
  EXPECT_EQ(heard.all[0].head.frame, 7);
  EXPECT_EQ(name(heard.all[1]), "Get_Attribute_Single of Identity");
  EXPECT_EQ(heard.all[1].head.frame, 9);
  EXPECT_EQ(name(heard.all[3]), "Reset of Identity");
  answer(several_are);
  ASSERT_EQ(heard.all.size(), 4u);
  EXPECT_EQ(why(heard.all[0]), "embedded service error");
  EXPECT_EQ(shown(heard.all[1]), "class 0x01 instance 1 attribute 1=0x1");
  EXPECT_EQ(heard.all[2].points[0].number(), 77);
  EXPECT_TRUE(heard.all[3].head.refused);
  EXPECT_EQ(why(heard.all[3]), "privilege violation");
  EXPECT_EQ(heard.all[3].head.act, Act::run);
}

TEST_F(Enip, a_routed_message_is_unwrapped) {
  const Sentence q = ask(through);
  ASSERT_EQ(heard.all.size(), 2u);
  EXPECT_EQ(name(heard.all[0]), "Unconnected_Send");
  EXPECT_EQ(name(q), "Get_Attributes_All of Identity");
  EXPECT_EQ(q.head.station, 256u);                                     // port 1, slot 0
  const Sentence a = answer(through_is);
  EXPECT_EQ(a.points.size(), 7u);
  EXPECT_FALSE(a.head.unpaired);
  ASSERT_EQ(heard.identities.size(), 1u);
  EXPECT_EQ(heard.identities[0].station, 256u) << "each module of a rack is a device of its own";
  ask(get_all);
  answer(all_of_it);
  ASSERT_EQ(heard.identities.size(), 2u);
  EXPECT_EQ(heard.identities[1].station, 0u);
}

TEST_F(Enip, a_connection_says_what_it_joins) {
  const Sentence q = ask(open_io);
  EXPECT_EQ(name(q), "Forward_Open");
  EXPECT_EQ(shown(q), "O->T connection=0x0, T->O connection=0x80fe0002, O->T interval=20000, T->O interval=20000, O->T size=38, T->O size=38, originator=0x4d0000cafe, "
                      "class 0x04 instance 151, class 0x04 instance 150, class 0x04 instance 100");
  const Sentence a = answer(opened);
  EXPECT_EQ(shown(a), "O->T connection=0x10001, T->O connection=0x80fe0002, O->T interval=20000, T->O interval=20000");
  EXPECT_EQ(name(ask(close_io)), "Forward_Close");
  EXPECT_FALSE(answer(closed).head.unpaired);
}

// Class 1: a sequence count, and towards the target the run/idle header.
TEST_F(Enip, io_is_a_stream) {
  ask(open_io), answer(opened);
  const Sentence first = ask(io_run);
  EXPECT_EQ(name(first), "I/O summary");
  EXPECT_EQ(shown(first), "run=on, class 0x04 instance 150 attribute 3=0xb0a");
  EXPECT_EQ(shown(answer(io_in)), "class 0x04 instance 100 attribute 3=0x44332211");
  ask(io_run2);
  EXPECT_TRUE(heard.all.empty());
  const Sentence idle = ask(io_idle);
  EXPECT_EQ(name(idle), "I/O changed");
  EXPECT_EQ(why(idle), "run or idle");
  EXPECT_EQ(shown(idle), "run=off, class 0x04 instance 150 attribute 3=0xb0c");
  const Sentence late = ask(io_late);
  EXPECT_EQ(name(late), "I/O breach");
  EXPECT_EQ(late.head.tag, 5u);
  heard.say.time = second;
  EXPECT_EQ(why(heard(client, io_late)), "");                           // the summary stands behind the breach
  EXPECT_EQ(why(heard.all.at(0)), "out of order or repeated");
}

TEST_F(Enip, io_whose_opening_was_not_heard) {
  const Sentence s = ask(io_run);
  EXPECT_EQ(name(s), "I/O summary");
  ASSERT_EQ(s.points.size(), 1u);
  EXPECT_EQ(s.points[0].object.number(), 0x10001u);
}

TEST_F(Enip, an_answer_without_its_question) {
  const Sentence a = answer(serial);
  EXPECT_TRUE(a.head.unpaired);
  EXPECT_EQ(name(a), "Get_Attribute_Single");
  EXPECT_EQ(shown(a), "=4 octets");
}

TEST_F(Enip, who_asks_is_the_client) {
  const auto recognises = protocol_named("enip").recognises;
  EXPECT_EQ(recognises(hex(get_serial), {}, Carrier::tcp).client, Recognised::up);
  EXPECT_EQ(recognises(hex(serial), {}, Carrier::tcp).client, Recognised::down);
  EXPECT_EQ(recognises(hex(i_am), {}, Carrier::udp).client, Recognised::down);
  EXPECT_EQ(recognises(hex(io_run), {}, Carrier::udp).sure, Recognised::yes);
  EXPECT_NE(recognises(hex(nop), {}, Carrier::tcp).sure, Recognised::yes);
}

}  // namespace
}  // namespace vidra
