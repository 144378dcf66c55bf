// SPDX-License-Identifier: Apache-2.0
// IEC 61158-6-10: frames by their identifier (DCP, cyclic data, alarms, PTCP), and calls of context management in DCE/RPC.
#include <gtest/gtest.h>

#include "tests/support/hear.h"
#include "tests/support/samples.h"

namespace vidra {
namespace {

constexpr Side client = Side::client, server = Side::server;

//                                    frame | service, type, Xid, delay, length | name of station
constexpr std::string_view identify = "fefe | 05 00 00000007 0001 000c | 0202 0007 72656c61792d37 00";
constexpr std::string_view identify_all = "fefe | 05 00 00000008 0080 0004 | ffff 0000";
constexpr std::string_view identified =
    "feff | 05 01 00000007 0000 003c | 0202 0009 0000 72656c61792d37 00 | 0203 0006 0000 002a 0301 | 0201 0006 0000 53495052 | 0204 0004 0000 0100 | 0102 000e 0001 0a010129 ffffff00 0a010101";
constexpr std::string_view set_name = "fefd | 04 00 00000009 0000 000c | 0202 0008 0001 726f6775 6531";
constexpr std::string_view set_address = "fefd | 04 00 0000000a 0000 0012 | 0102 000e 0001 0a0101c7 ffffff00 00000000";
constexpr std::string_view reset = "fefd | 04 00 0000000b 0000 0006 | 0506 0002 0008";
constexpr std::string_view refused = "fefd | 04 01 0000000b 0000 0008 | 0504 0003 05 06 06 00";

// Cyclic data: 40 octets, cycle counter, data status, transfer status.
#define CYCLIC(counter, status, transfer) "c001 | 80808080808080800000000000000000000000000000000000000000000000000000000000000000 |" counter status transfer

constexpr std::string_view alarm =
    "fc01 | 0001 0002 11 11 ffff fffe 001a | 0001 0016 0100 | 0001 00000000 0002 0001 00000010 00000020 a000";
constexpr std::string_view alarm_answer = "fc01 | 0002 0001 11 11 fffe ffff 0016 | 8001 0012 0100 | 0001 00000000 0002 0001 a000 00000000";

std::string octets(size_t n, unsigned count) {
  char s[9];
  std::snprintf(s, sizeof s, "%0*zx", int(count * 2), n);
  return s;
}
// Connectionless DCE/RPC of the device interface, big-endian.
std::string call(const char* type, unsigned operation, const std::string& stub) {
  return std::string("04 ") + type + " 20 00 000000 00 | dea000006c9711d182710001002a0301 | dea000016c9711d1827100a02442df7d | 13142f9000001000a994d2106890ca5a | 00000000 00000001 00000003 " +
         octets(operation, 2) + " ffff ffff " + octets(hex(stub).size(), 2) + " 0000 00 00 |" + stub;
}
std::string asks(const std::string& blocks) { return "00001000" + octets(hex(blocks).size(), 4) + "00001000 00000000" + octets(hex(blocks).size(), 4) + blocks; }
std::string answers(const std::string& blocks, const char* status = "00000000") { return status + octets(hex(blocks).size(), 4) + "00001000 00000000" + octets(hex(blocks).size(), 4) + blocks; }

const std::string uuid = "7c74224e166c4a58bf6b6c25a75870f0";
const std::string connects = call("00", 0, asks(
    "0101 003b 0100 | 0001" + uuid + "0005 00a0456dd343 dea000006c9711d182710001003c00b0 00000011 0258 8892 0005 636f6e2d31" +
    "0102 0032 0100 | 0001 0001 8892 00000001 0028 8001 0020 0008 0007 0000 ffffffff 0018 0018 c000 000000000000 0001 00000000 0000 0000" +
    "0104 0020 0100 | 0001 00000000 0001 00000010 0000 0001 0001 00000020 0001 0001 0002 01 01"));
const std::string connected = call("02", 0, answers("8101 001e 0100 | 0001" + uuid + "0005 0021c1301041 8892" + "8102 0008 0100 | 0001 0001 8001"));
const std::string reads = call("00", 5, asks("0009 003c 0100 | 0001" + uuid + "00000000 0000 0001 0000 aff0 00000100 000000000000000000000000000000000000000000000000"));
const std::string told = call("02", 5, answers(
    "8009 003c 0100 | 0001" + uuid + "00000000 0000 0001 0000 aff0 0000003c 000000000000000000000000000000000000000000000000" +
    "0020 0038 0100 | 002a | 3645533720343135203153202020202020202020 | 53204331323334353637382020202020 | 0003 | 56 04 01 02 | 0000 0000 0000 0101 001f"));
const std::string writes = call("00", 3, asks("0008 003c 0100 | 0002" + uuid + "00000000 0001 0001 0000 0064 00000004 000000000000000000000000000000000000000000000000 | 01020304"));
const std::string written = call("02", 3, answers("8008 003c 0100 | 0002" + uuid + "00000000 0001 0001 0000 0064 00000004 0000 0000 df80b200 00000000000000000000000000000000", "df80b200"));
const std::string ready = call("00", 4, asks("0112 001c 0100 | 0000" + uuid + "0005 0000 0002 0000"));
const std::string releases = call("00", 1, asks("0114 001c 0100 | 0000" + uuid + "0005 0000 0004 0000"));
const std::string rejected = call("06", 0, "1c010003");

const Enrol enrolled("profinet", {
    {"who is called so", {{client, identify}}, Carrier::ethertype},
    {"who is there", {{client, identify_all}}, Carrier::ethertype},
    {"a device answers", {{client, identified}}, Carrier::ethertype},
    {"a name is set", {{client, set_name}}, Carrier::ethertype},
    {"an address is set", {{client, set_address}}, Carrier::ethertype},
    {"a reset is asked and refused", {{client, reset}, {client, refused}}, Carrier::ethertype},
    {"options are asked", {{client, "fefd | 03 00 0000000c 0000 0004 | 0202 0102"}}, Carrier::ethertype},
    {"cyclic data", {{client, CYCLIC("0020", "35", "00")}, {client, CYCLIC("0040", "35", "00")}, {client, CYCLIC("0060", "34", "00")}}, Carrier::ethertype, false, true},
    {"an alarm and its answer", {{client, alarm}, {client, alarm_answer}}, Carrier::ethertype},
    {"PTCP asks for the delay", {{client, "ff40 | 000000000000000000000000 00000000 0000 0001"}}, Carrier::ethertype},
    {"a relation is opened", {{client, connects}, {server, connected}}, Carrier::udp},
    {"identification is read", {{client, reads}, {server, told}}, Carrier::udp},
    {"a record is written and refused", {{client, writes}, {server, written}}, Carrier::udp},
    {"ready", {{client, ready}}, Carrier::udp},
    {"released", {{client, releases}}, Carrier::udp},
    {"rejected", {{client, connects}, {server, rejected}}, Carrier::udp},
    {"a block longer than the frame", {{client, "fefd | 04 00 00000009 0000 0004 | 0202 0fff"}}, Carrier::ethertype, true},
    {"a service that there is not", {{client, "fefd | 09 00 00000009 0000 0000"}}, Carrier::ethertype, true},
});

std::string field(const Sentence& s, std::string_view name) {
  for (const Point& p : s.points)
    if (s.text(p.object.key()) == name) return p.kind == ValueKind::text ? s.text(p.raw) : std::to_string(p.raw);
  return "nothing";
}
std::string name(const Sentence& s) { return std::string(function_name(protocol_named("profinet"), s.head.function, s.head.sub_function)); }

TEST(Profinet, a_device_tells_who_it_is) {
  Heard heard("profinet");
  const Sentence s = heard(client, identified);
  EXPECT_FALSE(s.head.malformed);
  EXPECT_EQ(s.head.role, Role::response);
  EXPECT_EQ(s.head.tag, 7u);
  EXPECT_EQ(field(s, "name of station"), "relay-7");
  EXPECT_EQ(field(s, "IP address"), "10.1.1.41");
  ASSERT_EQ(heard.identities.size(), 1u);
  EXPECT_EQ(heard.identity_texts().at(heard.identities[0].name), "relay-7");
  EXPECT_EQ(heard.identity_texts().at(heard.identities[0].vendor), "vendor 0x002a");
  EXPECT_EQ(heard.identity_texts().at(heard.identities[0].product), "SIPR");
}

TEST(Profinet, what_dcp_sets) {
  Heard heard("profinet");
  const Sentence n = heard(client, set_name);
  EXPECT_EQ(name(n), "DCP set name of station");
  EXPECT_EQ(n.head.act, Act::configure);
  EXPECT_EQ(field(n, "name of station"), "rogue1");
  EXPECT_TRUE(heard.identities.empty()) << "who sets a name does not tell his own";
  const Sentence a = heard(client, set_address);
  EXPECT_EQ(name(a), "DCP set IP address");
  EXPECT_EQ(field(a, "IP address"), "10.1.1.199");
  const Sentence r = heard(client, reset);
  EXPECT_EQ(name(r), "DCP reset to factory");
  EXPECT_EQ(r.head.act, Act::run);
  const Sentence no = heard(client, refused);
  EXPECT_TRUE(no.head.refused);
  EXPECT_EQ(no.head.role, Role::response);
  EXPECT_EQ(protocol_named("profinet").reason(no.head.reason), "in operation, not possible");
  EXPECT_EQ(name(heard(client, identify_all)), "DCP identify all");
}

TEST(Profinet, cyclic_data_is_a_stream) {
  Heard heard("profinet");
  char text[256];
  size_t said = 0, summaries = 0;
  for (unsigned i = 0; i < 500; i++) {                      // each millisecond: 32 units of the counter
    heard.say.time = Time(i) * millisecond * 4;
    std::snprintf(text, sizeof text, CYCLIC("%04x", "35", "00"), i * 128 & 0xffff);
    const Sentence s = heard(client, text);
    said += heard.all.size();
    if (!heard.all.empty() && name(s) == "summary") {
      summaries++;
      EXPECT_EQ(field(s, "frame 0xc001"), "251");
      EXPECT_EQ(field(s, "missing"), "nothing");
    }
  }
  EXPECT_EQ(summaries, 1u);
  EXPECT_EQ(said, 1 + summaries);
  heard.say.time = 2 * second;
  std::snprintf(text, sizeof text, CYCLIC("%04x", "35", "00"), 503 * 128 & 0xffff);
  heard(client, text);
  ASSERT_EQ(heard.all.size(), 2u);
  EXPECT_EQ(name(heard.all[0]), "breach, cycle counter");
  EXPECT_EQ(field(heard.all[0], "frames missing"), "3");
  EXPECT_EQ(name(heard.all[1]), "summary");
  EXPECT_EQ(field(heard.all[1], "missing"), "3");
  std::snprintf(text, sizeof text, CYCLIC("%04x", "24", "00"), 504 * 128 & 0xffff);
  const Sentence s = heard(client, text);
  EXPECT_EQ(name(s), "changed data status");
  EXPECT_EQ(field(s, "running"), "0");
  EXPECT_EQ(field(s, "primary"), "0");
}

TEST(Profinet, an_alarm_names_its_slot) {
  Heard heard("profinet");
  const Sentence s = heard(client, alarm);
  EXPECT_EQ(name(s), "alarm, diagnosis");
  ASSERT_FALSE(s.points.empty());
  EXPECT_EQ(s.points[0].object, Object(ObjectKind::slot, 2u << 16 | 1));
  EXPECT_EQ(s.points[0].raw, 0x20u);
  EXPECT_EQ(heard(client, alarm_answer).head.role, Role::response);
}

TEST(Profinet, a_relation_is_opened_by_whom_and_for_what) {
  Heard heard("profinet");
  const Sentence s = heard(client, connects);
  EXPECT_FALSE(s.head.malformed);
  EXPECT_EQ(name(s), "connect");
  EXPECT_EQ(s.head.sequence, 5u);
  EXPECT_EQ(field(s, "initiator"), "con-1");
  EXPECT_EQ(field(s, "initiator address"), "00:a0:45:6d:d3:43");
  EXPECT_EQ(field(s, "input frame"), std::to_string(0x8001));
  EXPECT_EQ(s.points.back().object, Object(ObjectKind::slot, 1u << 16 | 1));
  EXPECT_EQ(s.points.back().raw, 0x20u);
  const Sentence answer = heard(server, connected);
  EXPECT_EQ(answer.head.role, Role::response);
  EXPECT_EQ(answer.head.tag, s.head.tag);
  EXPECT_EQ(name(heard(client, ready)), "control, application ready");
}

TEST(Profinet, records_are_read_and_written) {
  Heard heard("profinet");
  const Sentence asked = heard(client, reads);
  ASSERT_EQ(asked.points.size(), 1u);
  EXPECT_EQ(asked.points[0].object, Object(ObjectKind::slot, 1, 0xaff0));
  heard(server, told);
  ASSERT_EQ(heard.identities.size(), 1u);
  EXPECT_EQ(heard.identity_texts().at(heard.identities[0].model), "6ES7 415 1S");
  EXPECT_EQ(heard.identity_texts().at(heard.identities[0].firmware), "V4.1.2");
  const Sentence w = heard(client, writes);
  EXPECT_EQ(w.head.act, Act::configure);
  EXPECT_EQ(w.points[0].object, Object(ObjectKind::slot, 1u << 16 | 1, 100));
  const Sentence no = heard(server, written);
  EXPECT_TRUE(no.head.refused);
  EXPECT_EQ(protocol_named("profinet").reason(no.head.reason), "write refused");
}

}  // namespace
}  // namespace vidra
