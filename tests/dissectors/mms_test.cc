// SPDX-License-Identifier: Apache-2.0
// MMS (ISO 9506-2), IEC 61850-8-1 and TASE.2 by their meaning. PDUs are written as BER without lengths: `ber` puts them in.
#include <gtest/gtest.h>

#include <deque>

#include "dissectors/mms_names.h"
#include "tests/support/hear.h"
#include "tests/support/samples.h"

namespace vidra {
namespace {

using enum Side;
using Hex = std::string;

Hex octets(std::string_view text) {
  Hex out;
  char two[4];
  for (const char c : text) std::snprintf(two, sizeof two, "%02x", uint8_t(c)), out += two;
  return out;
}
// Tag, length, contents.
Hex ber(std::string_view tag, std::initializer_list<Hex> contents) {
  Hex inside;
  for (const Hex& c : contents) inside += c + ' ';
  const size_t n = hex(inside).size();
  char length[16];
  std::snprintf(length, sizeof length, n < 128 ? "%02zx" : n < 256 ? "81%02zx" : "82%04zx", n);
  return Hex(tag) + ' ' + length + ' ' + inside;
}
Hex text(std::string_view tag, std::string_view s) { return ber(tag, {octets(s)}); }

// A TSDU in one TPKT; a PDU of MMS in presentation context 3 of a data transfer.
std::string_view keep(Hex h) {
  static std::deque<Hex> kept;
  return kept.emplace_back(std::move(h));
}
std::string_view tpkt(const Hex& tsdu, const char* last = "80") {
  char head[24];
  std::snprintf(head, sizeof head, "0300%04zx 02f0%s | ", hex(tsdu).size() + 7, last);
  return keep(head + tsdu);
}
std::string_view mms(const Hex& pdu) { return tpkt("01000100 " + ber("61", {ber("30", {"020103", ber("a0", {pdu})})})); }
std::string_view request(const Hex& service, const char* invoke = "07") { return mms(ber("a0", {Hex("0201") + invoke, service})); }
std::string_view response(const Hex& service, const char* invoke = "07") { return mms(ber("a1", {Hex("0201") + invoke, service})); }
std::string_view unconfirmed(const Hex& service) { return mms(ber("a3", {service})); }

Hex object(std::string_view domain, std::string_view item) { return ber("a1", {text("1a", domain), text("1a", item)}); }
Hex variable(std::string_view item, std::string_view domain = "LD0") { return ber("30", {ber("a0", {object(domain, item)})}); }
Hex vmd_variable(std::string_view item) { return ber("30", {ber("a0", {text("80", item)})}); }
Hex read(std::initializer_list<Hex> variables) { return ber("a4", {ber("a1", {ber("a0", variables)})}); }
Hex read_list(std::string_view item) { return ber("a4", {ber("a1", {ber("a1", {object("LD0", item)})})}); }
Hex write(std::initializer_list<Hex> variables, std::initializer_list<Hex> data) { return ber("a5", {ber("a0", variables), ber("a0", data)}); }
Hex values(std::initializer_list<Hex> results) { return ber("a4", {ber("a1", results)}); }

const Hex t = "9108 5bc97d7a 0167f4 0a", done = "8100", on = "830101", off = "830100", position_on = "8402 0680", good_quality = "8403 030000";
// ctlVal, origin (remote, "HMI"), ctlNum 1, T, Test, Check.
Hex control(const Hex& value, const Hex& number = "860101", const Hex& check = "8402 06c0", const Hex& test = off) {
  return ber("a2", {value, ber("a2", {"850103", text("89", "HMI")}), number, t, test, check});
}
Hex last_application_error(const char* add_cause) {
  return ber("a2", {text("8a", "LD0/CSWI1$CO$Pos$Oper"), "850101", ber("a2", {"850103", text("89", "HMI")}), "860101", Hex("8501") + add_cause});
}
Hex report_of(std::string_view list_or_name, std::initializer_list<Hex> results) {
  return ber("a0", {ber("a1", {text("80", list_or_name)}), ber("a0", results)});
}

const char* const connect_request = "03000016 11e0 0000 0001 00 c0010d c2020001 c1020001";
const char* const connect_confirm = "03000016 11d0 0001 0001 00 c0010d c2020001 c1020001";
// Session CONNECT, presentation CP, AARQ and an initiate-Request, as a client without authentication says them.
const char* const associate =
    "030000bb 02f080 | 0db2 0506 130100 160102 140200023302000134020001 | c19c 3181 99 a003800101 a28191 810400000001 820400000001"
    "a423 300f0201010604520100013004060251013010020103060528ca220201300406025101"
    "615e305c020101a057 | 6055 a107060528ca220203 a20706052901876701 a30302010c a606060429018767 a70302010c be2f282d020103 a028 |"
    "a826 800300fde8 810105 82010583010aa416800101810305f100820c03ee1c00000408000079ef18";
const char* const associated =
    "0300008f 02f080 | 0e86 0506 130100 160102 1402000234020001 | c174 3172 a003800101 a26b 830400000001 a51230078001008102510130078001008102510161"
    "4f304d020101a048 | 6146 a107060528ca220203 a203020100 a305a103020100 be2f282d020103 a028 |"
    "a926 800300fde8810105 82010583010aa416800101810305f100820c03ee1c00000002000040ed18";
// The same AARQ with a password of six letters, in an association of its own.
std::string_view associate_with_password() {
  const Hex aarq = ber("60", {ber("a1", {"0605 28ca220203"}), "8a020780", "8b03520301", ber("ac", {text("80", "secret")}),
                              ber("be", {ber("28", {"020103", ber("a0", {"a803 810105"})})})});
  const Hex cp = ber("31", {"a003800101", ber("a2", {ber("a4", {"300f020101060452010001300406025101", "3010020103060528ca220201300406025101"}),
                                                     ber("61", {ber("30", {"020101", ber("a0", {aarq})})})})});
  return tpkt(ber("0d", {ber("c1", {cp})}));
}

const Enrol enrolled("mms", {
    {"an association is made and released",
     {{client, connect_request}, {server, connect_confirm}, {client, associate}, {server, associated}, {client, mms("8b00")}, {server, mms("8c00")}}},
    {"an association with a password", {{client, connect_request}, {server, connect_confirm}, {client, associate_with_password()}}},
    {"a device is asked who it is", {{client, request("8200")}, {server, response(ber("a2", {text("80", "Northline"), text("81", "BCU-61"), text("82", "2.14")}))}}},
    {"a variable is read", {{client, request(read({variable("XCBR1$ST$Pos")}))}, {server, response(values({ber("a2", {position_on, good_quality, t})}))}}},
    {"two variables are read, one is not there",
     {{client, request(read({variable("MMXU1$MX$Hz"), variable("LLN0$XX")}))}, {server, response(values({ber("a2", {ber("a2", {"8705 0842480000"}), good_quality, t}), "80010a"}))}}},
    {"two variables are polled",
     {{client, request(read({variable("MMXU1$MX$Hz"), variable("XCBR1$ST$Pos")}), "01")}, {server, response(values({ber("a2", {ber("a2", {"8705 0842480000"}), good_quality, t}), ber("a2", {position_on, good_quality, t})}), "01")},
      {client, request(read({variable("MMXU1$MX$Hz"), variable("XCBR1$ST$Pos")}), "02")}, {server, response(values({ber("a2", {ber("a2", {"8705 0842470000"}), good_quality, t}), "80010a"}), "02")},
      {client, request(read({variable("MMXU1$MX$Hz"), variable("XCBR1$ST$Pos")}), "03")}, {server, mms(ber("a2", {"800103", ber("a2", {ber("a0", {"870102"})})}))}}},
    {"a list is read", {{client, request(read_list("LLN0$ds"))}, {server, response(values({on, "850105", "80010a"}))}}},
    {"select, operate, end",
     {{client, request(write({variable("CSWI1$CO$Pos$SBOw")}, {control(on)}), "01")}, {server, response(ber("a5", {done}), "01")},
      {client, request(write({variable("CSWI1$CO$Pos$Oper")}, {control(on)}), "02")}, {server, response(ber("a5", {done}), "02")},
      {server, unconfirmed(ber("a0", {ber("a0", {variable("CSWI1$CO$Pos$Oper")}), ber("a0", {control(on)})}))}}},
    {"select by reading", {{client, request(read({variable("CSWI1$CO$Pos$SBO")}))}, {server, response(values({text("8a", "LD0/CSWI1$CO$Pos$SBO")}))}}},
    {"an operate is refused",
     {{client, request(write({variable("CSWI1$CO$Pos$Oper")}, {control(off)}))},
      {server, unconfirmed(ber("a0", {ber("a0", {vmd_variable("LastApplError")}), ber("a0", {last_application_error("0a")})}))}, {server, response(ber("a5", {"800103"}))}}},
    {"a report",
     {{server, unconfirmed(report_of("RPT", {text("8a", "LD0/LLN0$BR$brcb01"), "8403067b80", "860105", "8c06 00ce3d6c 3dc4", text("8a", "LD0/LLN0$ds"), off,
                                             "8908 0000000000000001", "860101", "840206c0", on, ber("a2", {"8705 0842480000", good_quality, t}), "84020240", "84020240"}))}}},
    {"reporting is enabled", {{client, request(write({variable("LLN0$BR$brcb01$RptEna")}, {on}))}, {server, response(ber("a5", {done}))}}},
    {"the names of a domain", {{client, request(ber("a1", {ber("a0", {"800100"}), ber("a1", {text("81", "LD0")})}))},
                               {server, response(ber("a1", {ber("a0", {text("1a", "LLN0"), text("1a", "XCBR1")}), "8101ff"}))}}},
    {"a variable's type", {{client, request(ber("a6", {ber("a0", {object("LD0", "XCBR1")})}))}, {server, response(ber("a6", {"800100", ber("a2", {"8300"})}))}}},
    {"a list's members", {{client, request(ber("ac", {object("LD0", "LLN0$ds")}))}, {server, response(ber("ac", {"800100", ber("a1", {variable("XCBR1$ST$Pos"), variable("MMXU1$MX$Hz")})}))}}},
    {"a list is defined and deleted",
     {{client, request(ber("ab", {object("LD0", "ds1"), ber("a0", {variable("XCBR1$ST$Pos")})}), "01")}, {server, response("8b00", "01")},
      {client, request(ber("ad", {"800100", ber("a1", {object("LD0", "ds1")})}), "02")}, {server, response(ber("ad", {"800101", "810101"}), "02")}}},
    {"a file is read and deleted",
     {{client, request(ber("bf48", {ber("a0", {text("19", "FR1.DAT")}), "810100"}), "01")}, {server, response(ber("bf48", {"800105", ber("a1", {"800164"})}), "01")},
      {client, request("9f49 01 05", "02")}, {server, response(ber("bf49", {"8003 010203", "810100"}), "02")},
      {client, request("9f4a 01 05", "03")}, {server, response("9f4a 00", "03")},
      {client, request(ber("bf4c", {text("19", "FR1.DAT")}), "04")}, {server, mms(ber("a2", {"800104", ber("a2", {ber("a0", {"8b0107"})})}))}}},
    {"files are listed and renamed",
     {{client, request(ber("bf4d", {ber("a0", {text("19", "COMTRADE")})}), "01")},
      {server, response(ber("bf4d", {ber("a0", {ber("30", {ber("30", {ber("a0", {text("19", "FR1.CFG")}), ber("a1", {"80020384", text("81", "20200101000000.000Z")})})})}), "810100"}), "01")},
      {client, request(ber("bf4b", {ber("a0", {text("19", "A")}), ber("a1", {text("19", "B")})}), "02")}, {server, response("9f4b 00", "02")}}},
    {"a domain is loaded and a program started",
     {{client, request(ber("ba", {text("80", "logic"), ber("a1", {}), "820100"}), "01")}, {server, response("9a00", "01")},
      {client, request(ber("bf28", {text("80", "app")}), "02")}, {server, response("9f28 00", "02")}, {client, request(text("9f24", "logic"), "03")}, {server, response("9f24 00", "03")}}},
    {"status, and a rejected request",
     {{client, request("80 01 00")}, {server, response(ber("a0", {"800100", "810100"}))}, {client, request("9f4f 00")}, {server, mms(ber("a4", {"800107", "810101"}))}}},
    {"an abort", {{client, tpkt(ber("19", {"110103", ber("c1", {ber("a0", {ber("61", {ber("30", {"020101", ber("a0", {ber("64", {"800100"})})})})})})}))}}},
    {"TASE.2: a device is selected and operated",
     {{client, request(read({variable("Bilateral_Table_ID", "ICC1")}), "01")}, {server, response(values({text("8a", "TBL-1")}), "01")},
      {client, request(read({variable("CB12_SBO", "ICC1")}), "02")}, {server, response(values({ber("a2", {"850100", text("8a", "CB12")})}), "02")},
      {client, request(write({variable("CB12", "ICC1")}, {"850101"}), "03")}, {server, response(ber("a5", {done}), "03")}}},
    {"a message in two parts", {{client, connect_request}, {server, connect_confirm}, {client, associate}, {server, associated},
                                {client, tpkt("01000100 611c 301a 020103 a015", "00")}, {client, tpkt("a013 020109 a40e a10c a00a 3008 a006 8004 61626364")}}},
    {"MMS right above the transport", {{client, "03000013 0ee0 0000 0006 00 c1020002 c2020200"}, {client, tpkt(ber("a8", {"8002001f", "810103"}))}, {client, tpkt(ber("a0", {"020101", "8200"}))}}},
    {"a length that lies", {{client, mms("a008 020107 a405 a109")}}, Carrier::tcp, true},
    {"an invoke identifier without end", {{client, mms(ber("a0", {"020a 01020304050607080900", "8200"}))}}, Carrier::tcp, true},
});

class Mms : public testing::Test {
 protected:
  Heard hear{"mms"};
  static std::string name(const Sentence& s, size_t i = 0) { return s.text(s.points.at(i).object.key()); }
  Sentence asked(const Hex& service) { return hear(client, request(service)); }
  Sentence answered(const Hex& service) { return hear(server, response(service)); }
};

// ---- Associations --------------------------------------------------------------------------------------------------------

TEST_F(Mms, an_association_says_how_its_client_proves_who_it_is) {
  Sentence s = hear(client, associate);
  EXPECT_EQ(s.head.function, 280);
  EXPECT_EQ(s.head.sub_function, 0) << "no authentication";
  EXPECT_EQ(s.head.act, Act::session);
  EXPECT_EQ(name(s, 3), "calling AP title");
  EXPECT_EQ(s.text(s.points[3].raw), "1.1.1.999");
  s = hear(server, associated);
  EXPECT_EQ(s.head.function, 281);
  EXPECT_FALSE(s.head.refused);
  s = hear(client, associate_with_password());
  EXPECT_EQ(s.head.sub_function, 1);
  for (const auto& [key, said] : s.texts) EXPECT_EQ(said.find("secret"), std::string::npos);
}

TEST_F(Mms, an_association_is_refused) {
  const Hex aare = ber("61", {ber("a1", {"0605 28ca220203"}), "a203020101", "a305a10302010d"});
  const Hex cpa = ber("31", {"a003800101", ber("a2", {ber("61", {ber("30", {"020101", ber("a0", {aare})})})})});
  const Sentence s = hear(server, tpkt(ber("0e", {ber("c1", {cpa})})));
  EXPECT_EQ(s.head.function, 289);
  EXPECT_TRUE(s.head.refused);
  EXPECT_EQ(protocol_named("mms").reason(s.head.reason), "authentication failure");
}

TEST_F(Mms, identify_is_an_identity) {
  asked("8200");
  answered(ber("a2", {text("80", "Northline"), text("81", "BCU-61"), text("82", "2.14")}));
  ASSERT_EQ(hear.identities.size(), 1u);
  EXPECT_EQ(hear.identity_texts().at(hear.identities[0].model), "BCU-61");
}

// ---- Reading -------------------------------------------------------------------------------------------------------------

TEST_F(Mms, an_answer_bears_the_questions_names) {
  asked(read({variable("XCBR1$ST$Pos")}));
  const Sentence s = answered(values({ber("a2", {position_on, "8403 03 4040", t})}));
  ASSERT_EQ(s.points.size(), 1u);
  EXPECT_EQ(name(s), "LD0/XCBR1$ST$Pos");
  EXPECT_EQ(s.points[0].kind, ValueKind::double_point);
  EXPECT_EQ(s.points[0].raw, 2u) << "on";
  EXPECT_EQ(s.points[0].quality, uint32_t(invalid | inaccurate));
  EXPECT_EQ(s.points[0].time_kind, TimeKind::full);
  EXPECT_EQ(s.points[0].time / second, 0x5bc97d7a);
  EXPECT_FALSE(s.head.unpaired);
}

TEST_F(Mms, answers_may_come_in_any_order) {
  hear(client, request(read({variable("A$ST$X")}), "01"));
  hear(client, request(read({variable("B$ST$X")}), "02"));
  EXPECT_EQ(name(hear(server, response(values({on}), "02"))), "LD0/B$ST$X");
  EXPECT_EQ(name(hear(server, response(values({on}), "01"))), "LD0/A$ST$X");
  const Sentence s = hear(server, response(values({on}), "01"));
  EXPECT_TRUE(s.head.unpaired);
  EXPECT_EQ(s.points[0].object, Object(ObjectKind::item, 0));
}

TEST_F(Mms, a_structure_is_said_value_by_value) {
  asked(read({variable("XCBR1$ST$Pos")}));
  const Sentence s = answered(values({ber("a2", {ber("a2", {"850103", text("89", "HMI")}), "860105", position_on, good_quality, t, off})}));
  ASSERT_EQ(s.points.size(), 5u) << "orCat, orIdent, ctlNum, stVal, stSeld";
  const uint64_t key = text_key("LD0/XCBR1$ST$Pos");
  EXPECT_EQ(s.points[0].object, Object::of_member(key, 29));
  EXPECT_EQ(s.text(s.points[1].raw), "HMI");
  EXPECT_EQ(s.points[3].object, Object::of_text(key)) << "the value itself, not who set it";
  EXPECT_EQ(s.points[3].raw, 2u);
  EXPECT_EQ(s.points[4].object, Object::of_member(key, 1));
}

TEST_F(Mms, what_is_not_there_is_said_of_its_variable) {
  asked(read({variable("A$ST$X"), variable("B$ST$X")}));
  Sentence s = answered(values({"850105", "80010a"}));
  EXPECT_FALSE(s.head.refused);
  EXPECT_EQ(s.points[1].status, 0x10a);
  EXPECT_EQ(protocol_named("mms").reason(s.points[1].status), "object-non-existent");
  asked(read({variable("A$ST$X")}));
  s = answered(values({"800103"}));
  EXPECT_TRUE(s.head.refused);
  EXPECT_EQ(protocol_named("mms").reason(s.head.reason), "object-access-denied");
}

TEST_F(Mms, a_list_has_members) {
  asked(read_list("LLN0$ds"));
  const Sentence s = answered(values({on, ber("a2", {"850101", "850102"}), "80010a"}));
  const uint64_t key = text_key("LD0/LLN0$ds");
  ASSERT_EQ(s.points.size(), 4u);
  EXPECT_EQ(s.points[1].object, Object::of_member(key, 1));
  EXPECT_EQ(s.points[2].object, Object::of_member(key, 1 | 1 << 11)) << "its second value";
  EXPECT_EQ(s.points[3].object, Object::of_member(key, 2));
}

// The commonest data objects are known by their headers at once. Written with a length of two octets they are walked, and say the same.
TEST_F(Mms, a_data_object_says_the_same_however_its_length_is_written) {
  const auto walked = [](const Hex& object) { return Hex("a2 81") + object.substr(object.find("a2 ") + 3); };
  const Hex values_of[] = {"830101", "830100", "8402 0600", "8402 0640", "8402 0680", "8402 06c0", "8402 05e0", "8501 80", "8501 7f", "8502 8000", "8503 010203", "8504 fffefdfc", "8505 8000000001",
                           "8506 7fffffffffff", "8507 80000000000000", "8508 8000000000000001", "8705 0842480000", "8705 08ffc00000", "8705 0942480000", "a2 07 8705 0842480000", "a2 07 8705 0b42480000", "a2 05 8503 010203",
                           "8601 05", "8a01 41", "8401 00", "8300", "8500", "a2 03 8501 07", "a2 03 830101", "8705 08c1c80000"};
  const Hex qualities[] = {"8403 030000", "8403 034000", "8403 03c7f8", "8403 030008", "8403 040000", "8402 0340"}, times[] = {t, "9108 5bc97d7a ffffff 6a", "9108 00000000 000000 00", "9107 5bc97d7a 0167f4", ""};
  for (const Hex& v : values_of)
    for (const Hex& q : qualities)
      for (const Hex& time : times) {
        const Hex object = ber("a2", {v, q, time});
        for (const bool by_list : {false, true}) {
          const auto said = [&](const Hex& o) {
            asked(by_list ? read_list("LLN0$ds") : read({variable("GGIO1$ST$Ind"), variable("GGIO1$ST$Other")}));
            return answered(values({o, on}));
          };
          const Sentence one = said(object), other = said(walked(object));
          EXPECT_EQ(one.head.malformed, other.head.malformed) << object;
          ASSERT_EQ(one.points.size(), other.points.size()) << object;
          for (size_t i = 0; i < one.points.size(); i++) EXPECT_EQ(std::memcmp(&one.points[i], &other.points[i], sizeof(Point)), 0) << object << " point " << i;
        }
      }
}

TEST_F(Mms, the_members_of_a_report_say_the_same_however_their_lengths_are_written) {
  const auto report = [](const Hex& value, const char* why) {
    return unconfirmed(report_of("RPT", {text("8a", "brcb01"), "8403061000", "840303a008", value, on, value, why, "84020104", "84020240"}));
  };
  const Hex object = ber("a2", {"8705 0842480000", "8403 03c000", t}), walked = Hex("a2 81") + object.substr(3);
  const Sentence one = hear(server, report(object, "84020240")), other = hear(server, report(walked, "8481020240"));
  EXPECT_FALSE(one.head.malformed);
  ASSERT_EQ(one.points.size(), 4u);
  EXPECT_EQ(one.points[1].object.key() & 0x7ff, 0u);
  EXPECT_EQ(one.points[2].object.key() & 0x7ff, 2u);
  EXPECT_EQ(one.points[3].object.key() & 0x7ff, 12u);
  EXPECT_EQ(one.points[1].qualifier, 0x20u);
  EXPECT_EQ(one.points[2].qualifier, 0x02u) << "seven bits, the sixth";
  EXPECT_EQ(one.points[1].quality, uint32_t(questionable));
  for (size_t i = 0; i < 4; i++) EXPECT_EQ(std::memcmp(&one.points[i], &other.points[i], sizeof(Point)), 0) << i;
}

TEST_F(Mms, what_is_polled_is_said_each_time) {
  const auto poll = [&](const char* invoke) { return hear(client, request(read({variable("MMXU1$MX$Hz"), variable("CSWI1$CO$Pos$SBO"), vmd_variable("Vendor")}), invoke)); };
  const Sentence first = poll("01");
  ASSERT_EQ(first.points.size(), 3u);
  const Sentence answer = hear(server, response(values({"850101", text("8a", "x"), "850103"}), "01"));
  for (const char* invoke : {"02", "03", "03", "7f"}) {              // 03 is repeated before it is answered
    const Sentence again = poll(invoke);
    EXPECT_EQ(again.head.act, first.head.act);
    EXPECT_EQ(again.head.sub_function, first.head.sub_function);
    ASSERT_EQ(again.points.size(), 3u);
    for (size_t i = 0; i < 3; i++) EXPECT_EQ(std::memcmp(&again.points[i], &first.points[i], sizeof(Point)), 0) << i;
    EXPECT_EQ(again.texts, first.texts);
  }
  Sentence s = hear(server, response(values({"850101", text("8a", "x"), "850103"}), "03"));
  ASSERT_EQ(s.points.size(), 3u);
  EXPECT_FALSE(s.head.unpaired);
  for (size_t i = 0; i < 3; i++) EXPECT_TRUE(s.points[i].object == first.points[i].object && answer.points[i].object == s.points[i].object) << i;
  EXPECT_EQ(name(s), "LD0/MMXU1$MX$Hz");
  EXPECT_EQ(s.points[1].qualifier, uint32_t(mms::select));
  EXPECT_TRUE(hear(server, response(values({"850101"}), "03")).head.unpaired) << "it was answered";
  EXPECT_FALSE(hear(server, response(values({"850101", text("8a", "x"), "850103"}), "7f")).head.unpaired);
  s = hear(client, request(read({variable("MMXU1$MX$Hz"), variable("CSWI1$CO$Pos$SBO"), vmd_variable("Vendos")}), "04"));
  EXPECT_NE(s.points[2].object, first.points[2].object) << "one letter is another question";
  poll("05");
  s = hear(server, mms(ber("a2", {"800105", ber("a2", {ber("a0", {"870102"})})})));
  ASSERT_EQ(s.points.size(), 3u) << "the whole was refused";
  EXPECT_TRUE(s.head.refused);
  EXPECT_EQ(s.points[2].object, first.points[2].object);
}

TEST_F(Mms, who_polls_much_is_remembered_in_part_and_answered_in_full) {
  for (int round = 0; round < 3; round++)
    for (int i = 0; i < 40; i++) {
      Hex list;
      for (int k = 0; k < 30; k++) list += variable("GGIO" + std::to_string(i) + "$ST$Ind" + std::to_string(k));
      asked(ber("a4", {ber("a1", {ber("a0", {list})})}));
      const Sentence s = answered(values({on, off}));
      ASSERT_EQ(s.points.size(), 2u);
      EXPECT_EQ(name(s), "LD0/GGIO" + std::to_string(i) + "$ST$Ind0");
      EXPECT_FALSE(s.head.unpaired);
    }
}

TEST_F(Mms, a_question_of_more_than_is_kept_has_names_for_its_first_values) {
  Hex list, results;
  for (int k = 0; k < 1100; k++) list += "300aa008a106 1a0141 1a0142", results += Hex("830101");
  asked(ber("a4", {ber("a1", {ber("a0", {list})})}));
  const Sentence s = answered(ber("a4", {ber("a1", {results})}));
  ASSERT_EQ(s.points.size(), 1100u);
  EXPECT_EQ(s.points[1023].object.kind(), ObjectKind::named);
  EXPECT_EQ(s.points[1024].object, Object(ObjectKind::item, 1024));
}

// What nearly all variables are is known by its head; a length in two octets says the same, and is walked element by element.
TEST_F(Mms, a_variable_known_by_its_head_is_the_one_that_is_walked) {
  const auto walked = [](std::string_view item) {
    const Hex whole = variable(item);
    return "3081" + whole.substr(whole.find(' ') + 1);
  };
  const std::vector<std::vector<std::string_view>> lists = {
      {"MMXU1$MX$Hz", "MMXU1$MX$TotW", "XCBR1$ST$Pos", "XCBR1$ST$Pos", "XCBR1$ST$Pos$q"},
      {"XCBR1$ST$Pos", "XCBR1$STx", "XCBR1$ST", "XCBR1$SP$Limit", "XCBR1$ST$BlkOpn"},
      {"CSWI1$CO$Pos$SBO", "CSWI1$ST$Pos"},
      {"CSWI1$ST$Pos", "CSWI1$CO$Pos$SBO", "CSWI1$CO$Pos$Oper"},
      {"", "$ST$", "$ST", "ST", "A$MX"},
      {"Transfer_Set_Name", "Device_SBO", "A$ST$B"},
  };
  for (const auto& list : lists) {
    Hex by_head, by_walk, results;
    for (const std::string_view item : list) by_head += variable(item), by_walk += walked(item), results += Hex("850101");
    const Sentence one = asked(ber("a4", {ber("a1", {ber("a0", {by_head})})}));
    const Sentence one_answered = answered(ber("a4", {ber("a1", {results})}));
    const Sentence other = asked(ber("a4", {ber("a1", {ber("a0", {by_walk})})}));
    const Sentence other_answered = answered(ber("a4", {ber("a1", {results})}));
    for (const auto& [a, b] : {std::pair{&one, &other}, std::pair{&one_answered, &other_answered}}) {
      ASSERT_EQ(a->points.size(), list.size()) << list.front();
      ASSERT_EQ(b->points.size(), list.size()) << list.front();
      EXPECT_EQ(a->head.act, b->head.act) << list.front();
      EXPECT_EQ(a->head.sub_function, b->head.sub_function) << list.front();
      EXPECT_EQ(a->texts, b->texts) << list.front();
      for (size_t i = 0; i < list.size(); i++) EXPECT_EQ(std::memcmp(&a->points[i], &b->points[i], sizeof(Point)), 0) << list[i];
    }
  }
}

TEST_F(Mms, nesting_is_bounded) {
  Hex deep = on;
  for (int i = 0; i < 40; i++) deep = ber("a2", {deep});
  asked(read({variable("A$ST$X")}));
  EXPECT_TRUE(answered(values({deep})).head.malformed);
  Hex folder = text("19", "A"), entry;
  for (int i = 0; i < 2000; i++) folder = ber("30", {folder}), entry = ber("30", {entry});
  EXPECT_TRUE(asked(ber("bf4d", {ber("a0", {folder})})).head.malformed);
  EXPECT_TRUE(answered(ber("bf4d", {ber("a0", {entry})})).head.malformed);
}

// ---- Controls (IEC 61850-8-1, 20) ----------------------------------------------------------------------------------------

TEST_F(Mms, select_operate_and_cancel_are_of_one_object) {
  const Sentence select = asked(write({variable("CSWI1$CO$Pos$SBOw")}, {control(on)}));
  const Sentence operate = asked(write({variable("CSWI1$CO$Pos$Oper")}, {control(on)}));
  const Sentence cancel = asked(write({variable("CSWI1$CO$Pos$Cancel")}, {control(on)}));
  EXPECT_EQ(select.head.act, Act::select);
  EXPECT_EQ(operate.head.act, Act::operate);
  EXPECT_EQ(cancel.head.act, Act::cancel);
  EXPECT_EQ(name(select), "LD0/CSWI1$CO$Pos");
  EXPECT_EQ(select.points[0].object, operate.points[0].object);
  EXPECT_EQ(select.points[0].object, cancel.points[0].object);
  EXPECT_EQ(select.head.digest, operate.head.digest);
  EXPECT_TRUE(operate.points[0].kind == ValueKind::boolean && operate.points[0].raw == 1);
  EXPECT_EQ(operate.text(operate.head.origin), "HMI");
  EXPECT_EQ(operate.head.qualifier, 1u << 16 | 3u << 8 | 3u) << "ctlNum 1, remote control, both checks";
  EXPECT_FALSE(operate.head.test);
}

TEST_F(Mms, what_differs_between_select_and_operate_shows_in_the_digest) {
  const auto digest = [&](const Hex& c) { return asked(write({variable("CSWI1$CO$Pos$Oper")}, {c})).head.digest; };
  const uint64_t one = digest(control(on));
  EXPECT_NE(one, digest(control(off)));
  EXPECT_NE(one, digest(control(on, "860102")));
  EXPECT_NE(one, digest(control(on, "860101", "84020600"))) << "checks left out";
  EXPECT_NE(one, digest(control(on, "860101", "840206c0", on))) << "test";
}

TEST_F(Mms, select_by_reading_is_refused_by_an_empty_answer) {
  EXPECT_EQ(asked(read({variable("CSWI1$CO$Pos$SBO")})).head.act, Act::select);
  EXPECT_FALSE(answered(values({text("8a", "LD0/CSWI1$CO$Pos$SBO")})).head.refused);
  asked(read({variable("CSWI1$CO$Pos$SBO")}));
  const Sentence s = answered(values({"8a00"}));
  EXPECT_TRUE(s.head.refused);
  EXPECT_EQ(s.head.act, Act::select);
  EXPECT_EQ(name(s), "LD0/CSWI1$CO$Pos");
}

TEST_F(Mms, a_refusal_says_why) {
  asked(write({variable("CSWI1$CO$Pos$Oper")}, {control(on)}));
  Sentence s = hear(server, unconfirmed(ber("a0", {ber("a0", {vmd_variable("LastApplError")}), ber("a0", {last_application_error("0a")})})));
  EXPECT_EQ(s.head.sub_function, mms::application_error);
  EXPECT_EQ(name(s), "LD0/CSWI1$CO$Pos");
  s = answered(ber("a5", {"800103"}));
  EXPECT_TRUE(s.head.refused);
  EXPECT_EQ(s.head.act, Act::operate);
  EXPECT_EQ(protocol_named("mms").reason(s.head.reason), "blocked by interlocking");
  EXPECT_EQ(protocol_named("mms").reason(s.points[0].status), "object-access-denied");
}

TEST_F(Mms, command_termination_answers_its_operate) {
  const Sentence operate = asked(write({variable("CSWI1$CO$Pos$Oper")}, {control(on)}));
  const Hex end = ber("a0", {ber("a0", {variable("CSWI1$CO$Pos$Oper")}), ber("a0", {control(on)})});
  Sentence s = hear(server, unconfirmed(end));
  EXPECT_EQ(s.head.sub_function, mms::termination);
  EXPECT_EQ(s.head.role, Role::response);
  EXPECT_EQ(s.head.tag, operate.head.tag);
  EXPECT_EQ(s.points[0].object, operate.points[0].object);
  EXPECT_FALSE(s.head.refused || s.head.unpaired);
  s = hear(server, unconfirmed(ber("a0", {ber("a0", {vmd_variable("LastApplError"), variable("CSWI1$CO$Pos$Oper")}), ber("a0", {last_application_error("10"), control(on)})})));
  ASSERT_EQ(s.points.size(), 1u);
  EXPECT_TRUE(s.head.refused);
  EXPECT_EQ(protocol_named("mms").reason(s.head.reason), "time limit over");
}

TEST_F(Mms, a_step_and_an_analogue_value_are_commanded) {
  Sentence s = asked(write({variable("ATCC1$CO$TapChg$Oper")}, {control("8402 0680")}));
  EXPECT_EQ(s.points[0].kind, ValueKind::step);
  EXPECT_EQ(s.points[0].raw, 2u) << "higher";
  s = asked(write({variable("GGIO1$CO$AnOut$Oper")}, {control(ber("a2", {"8705 0842480000"}))}));
  EXPECT_EQ(s.points[0].number(), 50);
}

TEST_F(Mms, an_operate_may_be_for_later) {
  const Hex later = ber("a2", {on, t, ber("a2", {"850103", text("89", "HMI")}), "860101", t, off, "840206c0"});
  const Sentence s = asked(write({variable("CSWI1$CO$Pos$Oper")}, {later}));
  EXPECT_EQ(s.head.act, Act::operate);
  EXPECT_EQ(s.head.sub_function, mms::operate_time);
}

// ---- Writing -------------------------------------------------------------------------------------------------------------

TEST_F(Mms, a_write_means_what_its_name_says) {
  constexpr struct { const char* item; mms::Meaning means; Act act; } rows[] = {
      {"LLN0$BR$b1$RptEna", mms::report_enable, Act::subscribe}, {"LLN0$RP$b1$Resv", mms::report_reserve, Act::subscribe},
      {"LLN0$BR$b1$ResvTms", mms::report_reserve, Act::subscribe}, {"LLN0$BR$b1$PurgeBuf", mms::report_purge, Act::subscribe},
      {"LLN0$BR$b1$EntryID", mms::report_entry, Act::subscribe}, {"LLN0$BR$b1$IntgPd", mms::report_settings, Act::configure},
      {"LLN0$GO$g1$GoEna", mms::goose_enable, Act::configure}, {"LLN0$MS$s1$SvEna", mms::sv_enable, Act::configure},
      {"LLN0$SP$SGCB$ActSG", mms::group_active, Act::configure}, {"LLN0$SP$SGCB$EditSG", mms::group_edit, Act::configure},
      {"LLN0$SP$SGCB$CnfEdit", mms::group_confirm, Act::configure}, {"PTOC1$SE$StrVal$setMag$f", mms::setting, Act::configure},
      {"XCBR1$SV$Pos$subEna", mms::substitution, Act::write}, {"XCBR1$BL$Pos$blkEna", mms::blocking, Act::write},
      {"CSWI1$CF$Pos$ctlModel", mms::configuration, Act::configure}, {"LLN0$DC$NamPlt$d", mms::description, Act::configure},
      {"LLN0$LG$l1$LogEna", mms::log_enable, Act::configure}, {"GGIO1$ST$X", mms::plain, Act::write}};
  for (const auto& row : rows) {
    Sentence s = asked(write({variable(row.item)}, {on}));
    EXPECT_EQ(s.head.sub_function, row.means) << row.item;
    EXPECT_EQ(s.head.act, row.act) << row.item;
    EXPECT_EQ(s.points[0].raw, 1u) << row.item;
    s = answered(ber("a5", {done}));
    EXPECT_EQ(s.head.sub_function, row.means) << row.item;
    EXPECT_EQ(name(s), std::string("LD0/") + row.item);
  }
}

TEST_F(Mms, of_several_things_written_the_heaviest_names_the_whole) {
  const Sentence s = asked(write({variable("LLN0$BR$b1$RptEna"), variable("LLN0$BR$b1$IntgPd"), variable("XCBR1$SV$Pos$subEna")}, {on, "850101", on}));
  EXPECT_EQ(s.head.act, Act::configure);
  EXPECT_EQ(s.points[2].qualifier, mms::substitution);
}

// ---- Reports -------------------------------------------------------------------------------------------------------------

TEST_F(Mms, a_report_says_its_members_by_position) {
  const Sentence s = hear(server, unconfirmed(report_of("RPT", {text("8a", "LD0/LLN0$BR$b1"), "8403067b80", "860105", "8c06 00000001 3dc4", text("8a", "LD0/LLN0$ds"), on,
      "8908 0000000000000009", "860102", "84020560", on, ber("a2", {"8705 0842480000", "8403030040", t}), "84020240", "84020204"})));
  EXPECT_EQ(s.head.sub_function, mms::report);
  EXPECT_EQ(s.head.role, Role::report);
  EXPECT_EQ(s.head.sequence, 5u);
  EXPECT_EQ(s.head.tag, 2u) << "ConfRev";
  EXPECT_EQ(s.head.qualifier, 1u << 31 | 0x20u | 0x02u) << "BufOvfl; data change, general interrogation";
  ASSERT_EQ(s.points.size(), 3u);
  EXPECT_EQ(name(s), "LD0/LLN0$BR$b1");
  EXPECT_EQ(s.points[0].raw, 9u) << "EntryID";
  EXPECT_EQ(s.points[0].time, 15'812 * day + 5113 * day + millisecond);
  const uint64_t key = text_key("LD0/LLN0$ds");
  EXPECT_EQ(s.points[1].object, Object::of_member(key, 1));
  EXPECT_EQ(s.points[2].object, Object::of_member(key, 2));
  EXPECT_EQ(s.points[2].number(), 50);
  EXPECT_EQ(s.points[2].quality, uint32_t(inaccurate));
  EXPECT_EQ(s.points[2].qualifier, 0x02u);
}

TEST_F(Mms, a_report_without_its_data_sets_name_is_known_by_what_was_heard_before) {
  const Hex report = report_of("RPT", {text("8a", "R1"), "8403060000", "84020780", on});
  Sentence s = hear(server, unconfirmed(report));
  EXPECT_EQ(s.head.digest, 0u);
  EXPECT_EQ(s.points[1].object, Object::of_member(text_key("R1"), 0));
  asked(read({variable("LLN0$BR$b1")}));
  answered(values({ber("a2", {text("8a", "R1"), off, text("8a", "LD0/LLN0$ds"), "860101"})}));
  s = hear(server, unconfirmed(report));
  EXPECT_EQ(s.head.digest, text_key("LD0/LLN0$ds"));
  EXPECT_EQ(s.points[1].object, Object::of_member(text_key("LD0/LLN0$ds"), 0));
}

// ---- Files, programs, errors ---------------------------------------------------------------------------------------------

TEST_F(Mms, an_open_file_keeps_its_name) {
  asked(ber("bf48", {ber("a0", {text("19", "FR1.DAT")}), "810100"}));
  EXPECT_EQ(answered(ber("bf48", {"800105", ber("a1", {"800164"})})).points[0].raw, 100u);
  Sentence s = asked("9f49 01 05");
  EXPECT_EQ(name(s), "FR1.DAT");
  s = answered(ber("bf49", {"8003 010203", "810100"}));
  EXPECT_EQ(name(s), "FR1.DAT");
  EXPECT_EQ(s.points[0].raw, 3u);
  EXPECT_TRUE(s.head.retained);
}

TEST_F(Mms, an_error_answers_its_question) {
  asked(ber("bf4c", {text("19", "FR1.DAT")}));
  const Sentence s = hear(server, mms(ber("a2", {"800107", ber("a2", {ber("a0", {"8b0107"})})})));
  EXPECT_EQ(s.head.function, 76);
  EXPECT_TRUE(s.head.refused);
  EXPECT_EQ(protocol_named("mms").reason(s.head.reason), "file-non-existent");
  EXPECT_EQ(name(s), "FR1.DAT");
}

TEST_F(Mms, who_asks_follows_from_the_pdu) {
  const Sentence s = hear(server, request(ber("bf48", {ber("a0", {text("19", "settings.xml")}), "810100"})));
  EXPECT_EQ(s.head.role, Role::request) << "a server that obtains a file asks its client";
  EXPECT_EQ(hear(client, response(ber("bf48", {"800105"}))).head.role, Role::response);
}

TEST_F(Mms, tase2_is_known_by_its_names) {
  EXPECT_EQ(asked(write({variable("CB12", "ICC1")}, {"850101"})).head.act, Act::write) << "anybody's variable";
  EXPECT_EQ(asked(read({variable("TASE2_Version", "ICC1")})).head.sub_function, mms::tase2_version);
  Sentence s = asked(read({variable("CB12_SBO", "ICC1")}));
  EXPECT_EQ(s.head.act, Act::select);
  EXPECT_EQ(name(s), "ICC1/CB12");
  s = asked(write({variable("CB12", "ICC1")}, {"850101"}));
  EXPECT_EQ(s.head.act, Act::operate);
  EXPECT_EQ(name(s), "ICC1/CB12");
  EXPECT_EQ(asked(write({variable("CB12_TAG", "ICC1")}, {"850101"})).head.sub_function, mms::device_tag);
  EXPECT_EQ(asked(write({variable("DSTrans1", "ICC1")}, {ber("a2", {"850101", "850102"})})).head.act, Act::subscribe);
}

TEST_F(Mms, the_end_of_an_unheard_message_is_no_malformed_one) {
  Sentence s = hear(server, "0300000c 02f080 85010587 05");
  EXPECT_FALSE(s.head.malformed);
  EXPECT_TRUE(s.head.link);
  s = hear(server, "0300000c 02f080 85010587 05");
  EXPECT_TRUE(s.head.malformed) << "now its beginning should have been there";
}

TEST(MmsRecognition, a_message_from_the_middle_is_enough) {
  const Protocol& p = protocol_named("mms");
  const auto up = hex(request(read({variable("XCBR1$ST$Pos")}))), down = hex(response(values({on})));
  EXPECT_EQ(p.recognises(up, {}, Carrier::tcp).sure, Recognised::yes);
  EXPECT_EQ(p.recognises(down, {}, Carrier::tcp).client, Recognised::down);
  EXPECT_EQ(p.recognises(hex(connect_request), {}, Carrier::tcp).sure, Recognised::maybe);
  EXPECT_EQ(p.recognises(hex("03000016 11e0 0000 0001 00 c1020100 c2020102 c0010a"), {}, Carrier::tcp).sure, Recognised::no) << "TSAPs of an S7";
}

}  // namespace
}  // namespace vidra
