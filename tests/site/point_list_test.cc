// SPDX-License-Identifier: Apache-2.0
#include "daemon/site/point_list.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "daemon/judge/site_file.h"
#include "tests/site/archive.h"

namespace vidra {
namespace {

namespace fs = std::filesystem;

class PointList : public testing::Test {
 protected:
  void SetUp() override { folder_ = fs::temp_directory_path() / ("vidra_points_" + std::to_string(::getpid())); fs::create_directories(folder_); }
  void TearDown() override { fs::remove_all(folder_); }
  std::string write(const std::string& name, std::string_view text) {
    const std::string path = (folder_ / name).string();
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
  // The points that the sensor reads from what was imported.
  const std::vector<SitePoint>& import(std::string_view text, PointMapping m = {}, const std::string& name = "a.csv") {
    if (m.host.empty()) m.host = "rtu1";
    problems_.clear();
    import_ = import_points(write(name, text), m, problems_);
    EXPECT_TRUE(problems_.empty()) << problems_[0];
    std::string all = "[[host]]\nname = \"rtu1\"\naddress = \"10.1.1.1\"\n[[host]]\nname = \"rtu2\"\naddress = \"10.1.1.2\"\n" + toml_text(import_.declared);
    if (auto root = TomlTable::parse(all, "out.toml", problems_)) site_ = read_site(*root, problems_), root->finish();
    EXPECT_TRUE(problems_.empty()) << problems_[0] << "\n" << all;
    return site_.points;
  }
  std::string refused(std::string_view text, PointMapping m = {}) {
    if (m.host.empty()) m.host = "rtu1";
    problems_.clear();
    const PointImport i = import_points(write("a.csv", text), m, problems_);
    EXPECT_TRUE(i.declared.tables.empty());
    std::string all;
    for (const std::string& p : problems_) all += p.substr(p.find("a.csv")) + "\n";
    return all;
  }
  PointMapping mapping(std::string_view toml) {
    problems_.clear();
    const PointMapping m = load_mapping(write("map.toml", toml), problems_);
    EXPECT_TRUE(problems_.empty()) << problems_[0];
    return m;
  }
  fs::path folder_;
  Problems problems_;
  PointImport import_;
  Site site_;
};

uint32_t first(const SitePoint& p) { return p.objects.first.number(); }
uint32_t last(const SitePoint& p) { return p.objects.last.number(); }

TEST_F(PointList, AnOperatorsListWithALateHeadingAndBaysThatStandOnce) {
  const auto& points = import(
      "Lista signala TS Alder;;;;;;;;;;;\nDatum: 12.03.2026;;;;;;;;;;;\n\n"
      "R.br.;Polje;Naziv signala;Tip ASDU;Adresa ASDU;IOA;Povratna informacija;SBO;Donja granica;Gornja granica;Jedinica;Vrijeme hoda\n"
      "1;E01 Bukova\xE8" "a;Prekida\xE8 Q0;C_DC_NA_1;11;0-19-237;1101;da;;;;20 s\n"
      "2;;Polo\x9E" "aj prekida\xE8" "a Q0;M_DP_TB_1;11;1101;;;;;;\n"
      "3;;Rezerva;;;;;;;;;\n"
      "4;E02;Zadana vrijednost;TI 50;11;0x1771;;ne;-1,5;\"1.250,5\";MW;\n"
      "5;;Rastavlja\xE8i;C_DC_NA_1;11;5110-5114;1110;da;;;;500 ms\n");
  ASSERT_EQ(points.size(), 4u);
  const SitePoint& position = points[0];
  EXPECT_EQ(first(position), 1101u);
  EXPECT_EQ(position.type, 31);
  EXPECT_EQ(position.name, "Položaj prekidača Q0");
  EXPECT_EQ(position.bay, "E01 Bukovača");                       // written once, for the rows below, too
  const SitePoint& breaker = points[1];
  EXPECT_EQ(first(breaker), 0x0013edu);
  EXPECT_EQ(breaker.station, 11u);
  EXPECT_EQ(breaker.mode, CommandMode::select);
  EXPECT_EQ(breaker.feedback.number(), 1101u);
  EXPECT_EQ(breaker.travel_time, 20 * second);
  const SitePoint& switches = points[2];
  EXPECT_EQ(first(switches), 5110u);
  EXPECT_EQ(last(switches), 5114u);
  EXPECT_EQ(switches.travel_time, 500 * millisecond);
  const SitePoint& power = points[3];
  EXPECT_EQ(first(power), 6001u);
  EXPECT_EQ(power.mode, CommandMode::direct);
  EXPECT_EQ(power.min, -1.5);
  EXPECT_EQ(power.max, 1250.5);
  EXPECT_EQ(power.name, "Zadana vrijednost [MW]");
  EXPECT_EQ(import_.without_address, 1u);
  EXPECT_NE(import_.shown.at(0).find("WINDOWS-1250, columns apart by \";\"; IEC 60870-5-104 points; headings in line 4"), std::string::npos) << import_.shown[0];
  EXPECT_EQ(std::count_if(import_.shown.begin(), import_.shown.end(), [](const std::string& s) { return s.starts_with("line "); }), 3);
}

TEST_F(PointList, CyrillicAndAMappingWithTheListsOwnWords) {
  const PointMapping m = mapping("[columns]\nstation = \"адреса асду\"\naddress = [\"ИОА\"]\nname = [\"1\", \"E\"]\n[list]\nhost = \"rtu2\"\n[words.type]\n\"ДПК\" = \"C_DC_NA_1\"\n");
  const auto& points = import("Назив сигнала\tАдреса АСДУ\tИОА\tТип\tСмер\nПрекидач\t11\t5101\tдпк\tкоманда\nПоложај\t11\t1101\t31\tсигнализација\n", m);
  ASSERT_EQ(points.size(), 2u);
  EXPECT_EQ(site_.host(points[1].host).name, "rtu2");
  EXPECT_EQ(points[1].type, 46);
  EXPECT_EQ(points[1].direction, Direction::control);
  EXPECT_EQ(points[1].name, "Прекидач команда");
}

TEST_F(PointList, TitlesBetweenTheRowsAreBays) {
  const auto& points = import("Name,IOA,CA,Type\nBay E01,,,\nQ0,1,1,DC\nQ1,2,1,DC\n\nBay E02,,,\nQ0,3,1,SP\nName,IOA,CA,Type\nQ1,4,1,mystery\n", {.words = {{"type", {{"mystery", "1"}}}}});
  ASSERT_EQ(points.size(), 4u);
  EXPECT_EQ(points[1].bay, "Bay E01");
  EXPECT_EQ(points[2].bay, "Bay E02");
  EXPECT_EQ(points[0].kind, PointKind::switchgear);
  EXPECT_EQ(points[0].direction, Direction::control);
  EXPECT_EQ(points[2].kind, PointKind::status);
  EXPECT_EQ(points[3].type, 1);
}

TEST_F(PointList, Dnp3) {
  const auto& points = import("Outstation;Point Type;Index;Name;SBO;Feedback\n10;BO;0-7;Breakers;X;0\n10;BI;0..7;Positions;;\n10;AI;3;P;;\n10;AO;0 to 1;Q;no;\n");
  ASSERT_EQ(points.size(), 4u);
  const auto crob = std::find_if(points.begin(), points.end(), [](const SitePoint& p) { return p.mode == CommandMode::select; });
  ASSERT_NE(crob, points.end());
  EXPECT_EQ(crob->objects.first.kind(), ObjectKind::binary_output);
  EXPECT_EQ(last(*crob), 7u);
  EXPECT_EQ(crob->feedback.kind(), ObjectKind::binary_input);
}

TEST_F(PointList, ModbusReferenceNotationAndWideValues) {
  const auto& points = import("Unit,Register,Description,Type,R/W,Min,Max\n1,40031,Voltage,FLOAT32,RW,0,250\n1,30001,Current,INT16,R,,\n1,00005,Pump,BOOL,RW,,\n");
  ASSERT_EQ(points.size(), 3u);
  EXPECT_EQ(points[0].objects.first, Object(ObjectKind::coil, 4));
  EXPECT_EQ(points[1].objects.first, Object(ObjectKind::holding_register, 30));
  EXPECT_EQ(last(points[1]), 31u);
  EXPECT_TRUE(points[1].writable);
  EXPECT_EQ(points[1].max, 250);
  EXPECT_FALSE(points[2].writable);
  const auto& named = import("Slave;Tabela;Adresa;Naziv;Jed\n2;Holding register;30;Napon;V\n2;4;1;Struja;A\n");
  ASSERT_EQ(named.size(), 2u);
  EXPECT_EQ(named[0].objects.first.kind(), ObjectKind::holding_register);
  EXPECT_EQ(named[1].objects.first.kind(), ObjectKind::input_register);
  EXPECT_NE(refused("Unit;Register;Name\n1;30;a\n").find("is no table of Modbus"), std::string::npos);   // which table, nothing tells
}

TEST_F(PointList, Workbooks) {
  const std::string sheet =
      "<sheetData><row r='1'><c r='A1' t='inlineStr'><is><t>Signals</t></is></c></row>"
      "<row r='3'><c r='A3' t='inlineStr'><is><t>Bay</t></is></c><c r='B3' t='inlineStr'><is><t>IOA</t></is></c><c r='C3' t='inlineStr'><is><t>Max</t></is></c></row>"
      "<row r='4'><c r='A4' t='inlineStr'><is><t>E01</t></is></c><c r='B4'><v>5101</v></c><c r='C4'><v>12.5</v></c></row><row r='5'><c r='B5'><v>5102</v></c></row></sheetData>"
      "<mergeCells><mergeCell ref='A4:A5'/></mergeCells>";
  const auto& points = import(workbook(sheet), {.station = "0-11"}, "a.xlsx");
  ASSERT_EQ(points.size(), 2u);
  EXPECT_EQ(points[0].station, 11u);
  EXPECT_EQ(points[0].max, 12.5);
  EXPECT_EQ(points[1].bay, "E01");
}

TEST_F(PointList, Numbers) {
  const auto& points = import("IOA;CA;Type;Min;Max;Step\n16#10;1;50;1.234,5;1,234,567.5;0,1\n11h;1;50;-2;1 000,5;.5\n1/2/3;1;50;5 %;1e3;1\n");
  ASSERT_EQ(points.size(), 3u);
  EXPECT_EQ(first(points[0]), 16u);
  EXPECT_EQ(points[0].min, 1234.5);
  EXPECT_EQ(points[0].max, 1234567.5);
  EXPECT_EQ(points[0].step, 0.1);
  EXPECT_EQ(first(points[1]), 17u);
  EXPECT_EQ(points[1].max, 1000.5);
  EXPECT_EQ(first(points[2]), 0x010203u);
  EXPECT_EQ(points[2].max, 1000);
  EXPECT_EQ(first(import("IOA;CA;Type\n237-19-0;1;50\n", {.low_octet_first = true})[0]), 0x0013edu);
}

// What stands alone in its row is a point where it is an address, not a title.
TEST_F(PointList, RowsOfAnAddressAlone) {
  const auto& points = import("IOA;Type;Name\nPolje E01;;\n5101-5105;;\n0-19-250;;\n5107;45;a\n", {.station = "1"});
  ASSERT_EQ(points.size(), 3u);
  EXPECT_EQ(first(points[0]), 5101u);
  EXPECT_EQ(last(points[0]), 5105u);
  EXPECT_EQ(points[0].bay, "Polje E01");
  EXPECT_EQ(first(points[1]), 5107u);
  EXPECT_EQ(first(points[2]), 0x0013fau);
  EXPECT_EQ(import("IOA\n5101-5105\n", {.protocol = ListProtocol::iec104, .station = "1", .header = 1}).size(), 1u);
}

TEST_F(PointList, ColumnsToldByNumberNeedNoHeadings) {
  const PointMapping m = mapping("[columns]\naddress = 1\nname = 2\ntype = 3\n[list]\nprotocol = \"iec104\"\nstation = 1\n");
  EXPECT_EQ(import("5101;first;46\n5102;second;46\n5103;third;46\n", m).size(), 3u);
  EXPECT_EQ(import("1;2;46\n2;second;46\n", m).size(), 2u);              // whatever the first row says
  EXPECT_EQ(import("some title;;\n5101;first;46\n", m).size(), 1u);
}

// Nothing is written that the sensor would refuse.
TEST_F(PointList, BeyondTheLastAddress) {
  EXPECT_NE(refused("IOA;CA;Count\n4294967295;1;2\n").find("is no address"), std::string::npos);
  EXPECT_NE(refused("IOA;CA;Count\n16777215;1;2\n").find("is no address"), std::string::npos);
  EXPECT_NE(refused("Unit;Register;Type;Table\n1;65535;FLOAT32;holding register\n").find("the 2 registers of \"FLOAT32\" reach beyond 65535"), std::string::npos);
  EXPECT_NE(refused("IOA;CA;Type;Count;Feedback\n5101;1;46;6;16777215\n").find("6 points from there on reach beyond 16777215"), std::string::npos);
  for (const std::string type : {"M_ME_NE_1", "M_SP_NB_1", "C_DC_NF_1"}) EXPECT_NE(refused("IOA;CA;Type\n5101;1;" + type + "\n").find("is no type identification"), std::string::npos) << type;
  EXPECT_EQ(import("IOA;CA;Type\n5101;1;TI 46 (C_DC_NA_1)\n")[0].type, 46);
}

TEST_F(PointList, LimitsThatAreNoneAndFeedbackOfWhatCannotHaveIt) {
  const auto& points = import("IOA;CA;Type;Min;Max\n5101;1;50;-3.4028235E38;3.4028235E38\n5102;1;50;-1;3.4028235E38\n");
  ASSERT_EQ(points.size(), 2u);
  EXPECT_FALSE(points[0].min || points[0].max);
  EXPECT_EQ(points[1].min, -1);
  EXPECT_EQ(import_.remarks.size(), 3u);
  const auto& inputs = import("Outstation;Point Type;Index;Feedback\n1;BI;3;7\n1;BO;4;7\n");
  ASSERT_EQ(inputs.size(), 2u);
  EXPECT_EQ(std::count_if(inputs.begin(), inputs.end(), [](const SitePoint& p) { return p.feedback.kind() != ObjectKind::none; }), 1);
  ASSERT_EQ(import_.remarks.size(), 1u);
  EXPECT_NE(import_.remarks[0].find("feedback (column D) \"7\" is left out"), std::string::npos) << import_.remarks[0];
}

TEST_F(PointList, OnePointSaidTwice) {
  EXPECT_NE(refused("IOA;CA;Type\n5101;1;46\n5101;1;DC\n").find("a.csv:3: address (column A) \"5101\": the same point is in line 2"), std::string::npos);
  // The position that a command sets may lie under the command's own address: one point, whose feedback is itself.
  for (const char* rows : {"5101;1;M_DP_TB_1;position\n5101;1;46;Q0\n", "5101;1;46;Q0\n5101;1;M_DP_TB_1;position\n"}) {
    const auto& points = import("IOA;CA;Type;Name\n" + std::string(rows));
    ASSERT_EQ(points.size(), 1u) << rows;
    EXPECT_EQ(points[0].name, "Q0");
    EXPECT_EQ(points[0].type, 46);
    EXPECT_EQ(points[0].feedback, Object(ObjectKind::information_object, 5101));
  }
  EXPECT_EQ(import("IOA;CA;Type\n5100-5105;1;45\n5102;1;46\n5105-5107;1;45\n5101;2;45\n").size(), 4u);
  ASSERT_EQ(import_.remarks.size(), 2u);
  EXPECT_NE(import_.remarks[0].find("a.csv:3: address (column A) \"5102\" is also among 5100-5105 of line 2; there this one counts"), std::string::npos) << import_.remarks[0];
  EXPECT_NE(import_.remarks[1].find("a.csv:4:"), std::string::npos) << import_.remarks[1];
}

TEST_F(PointList, WhatIsWrongNamesLineAndColumn) {
  EXPECT_EQ(refused("IOA;CA;Type\n51O1;11;46\n"), "a.csv:2: address (column A) \"51O1\": is no address; write a number from 0 to 16777215, 0x13ED, a range like 5101-5106, or octets like 0-19-237\n");
  EXPECT_NE(refused("IOA;CA;Type\n5101;70000;46\n").find("a.csv:2: station (column B) \"70000\": is no common address"), std::string::npos);
  EXPECT_NE(refused("IOA;CA;Type\n5101;1;C_QQ_NA_1\n").find("a.csv:2: type (column C) \"C_QQ_NA_1\": is no type identification"), std::string::npos);
  EXPECT_NE(refused("IOA;CA;Type;Min;Max\n5101;1;50;9;x\n").find("max (column E) \"x\": is no number"), std::string::npos);
  EXPECT_NE(refused("IOA;CA;Type;Min;Max\n5101;1;50;9;8\n").find("is greater than max"), std::string::npos);
  EXPECT_NE(refused("IOA;CA;Type\n5101;1;46\n5102;1;46\n5101;1;46\n").find("a.csv:4: address (column A) \"5101\": the same point is in line 2"), std::string::npos);
  EXPECT_NE(refused("IOA;Type\n5101;46\n").find("a.csv:2: the station"), std::string::npos);
  EXPECT_NE(refused("Foo;Bar\n1;2\n").find("no column with addresses"), std::string::npos);
  EXPECT_NE(refused("Adresa;Naziv\n1;2\n").find("--protocol"), std::string::npos);
  EXPECT_NE(refused("IOA;CA;Type\n;1;46\n").find("no row of it has an address"), std::string::npos);
  EXPECT_NE(refused("IOA;CA\n1;1\n", mapping("[columns]\naddress = \"Nowhere\"\n")).find("\"Nowhere\" is no column of this list, which has \"IOA\", \"CA\""), std::string::npos);
  // With skip the good rows are taken, and the others named.
  const auto& points = import("IOA;CA;Type\n51O1;11;46\n5102;11;46\n", {.skip = true});
  EXPECT_EQ(points.size(), 1u);
  ASSERT_EQ(import_.remarks.size(), 1u);
  EXPECT_NE(import_.remarks[0].find("the row is left out"), std::string::npos);
}

// ---- quantities

// A list of two stations, as an operator keeps it: which rows are one quantity is written nowhere.
constexpr std::string_view two_stations =
    "Host;Polje;Naziv;IOA;CA;Tip;Donja granica;Gornja granica;Jedinica\n"
    "rtu1;E01;Aktivna snaga P;2001;11;M_ME_NC_1;-50;50;MW\n"
    "rtu1;E01;Struja L2;2002;11;M_ME_NC_1;0;600;A\n"
    "rtu1;E01;Struja L1;2003;11;M_ME_NC_1;0;600;A\n"
    "rtu1;E01;Frekvencija;2004;11;M_ME_NC_1;;;Hz\n"
    "rtu1;E01;Napon L1-L2;2005;11;M_ME_NC_1;0;130;kV\n"
    "rtu1;E01;Položaj Q0;1101;11;M_DP_TB_1;;;\n"
    "rtu2;E01;P;31;12;M_ME_TF_1;-40000;40000;kW\n"
    "rtu2;E01;I;32;12;M_ME_TF_1;0;600;A\n"
    "rtu2;E01;I L2;33;12;M_ME_TF_1;0;600;A\n"
    "rtu2;E01;f;34;12;M_ME_TF_1;;;mHz\n"
    "rtu2;E02;P;35;12;M_ME_TF_1;-50;50;MW\n"
    "rtu2;E01;U12;36;12;M_ME_TF_1;;;kV\n"
    "rtu2;E01;P max;37;12;M_ME_TF_1;-50;50;MW\n"
    "rtu2;E01;Q0;38;12;M_DP_TB_1;;;\n";

class Quantities : public PointList {
 protected:
  QuantityImport quantities(std::string_view list, Quantify how = Quantify::guess, std::string_view beside = "", PointMapping m = {}, const std::string& name = "a.csv") {
    import(list, m, name);
    site_ = read(beside);
    std::vector<Measured> all = import_.measured;
    for (Measured& other : measured_of(site_)) all.push_back(other);
    QuantityImport q = quantities_of(all, how, site_);
    import_.declared.tables["quantity"] = q.tables;
    site_ = read(beside, toml_text(import_.declared));                  // as the sensor reads it
    return q;
  }
  Site read(std::string_view beside, const std::string& more = "") {
    Site s;
    problems_.clear();
    const std::string all = "[[host]]\nname = \"rtu1\"\naddress = \"10.1.1.1\"\n[[host]]\nname = \"rtu2\"\naddress = \"10.1.1.2\"\n[[host]]\nname = \"AA1J1Q01A1\"\naddress = \"10.1.1.41\"\n" + std::string(beside) + more;
    if (auto root = TomlTable::parse(all, "out.toml", problems_)) s = read_site(*root, problems_), root->finish();
    EXPECT_TRUE(problems_.empty()) << problems_[0] << "\n" << all;
    return s;
  }
  const SiteQuantity* named(std::string_view name) const {
    for (const SiteQuantity& q : site_.quantities)
      if (q.name == name) return &q;
    return nullptr;
  }
};

TEST_F(Quantities, AreGuessedByUnitWordsAndBay) {
  const QuantityImport q = quantities(two_stations);
  std::string names;
  for (const SiteQuantity& s : site_.quantities) names += s.name + "|";
  ASSERT_EQ(site_.quantities.size(), 4u) << names;                       // no position, no other bay, no maximum, no phase that one alone has
  const SiteQuantity* p = named("Aktivna snaga P, E01");
  ASSERT_TRUE(p) << names;
  EXPECT_EQ(p->unit, "MW");
  EXPECT_EQ(p->tolerance, 2.5);                                          // a twentieth of the wider range, in the first's unit
  EXPECT_EQ(p->percent, 5);
  EXPECT_EQ(p->settle, 2 * minute);
  ASSERT_EQ(p->members.size(), 2u);
  EXPECT_EQ(p->members[0].text, "information object 2001");
  EXPECT_EQ(p->members[1].text, "information object 31");
  EXPECT_EQ(p->members[1].station, 12u);
  EXPECT_EQ(p->members[1].scale, 0.001);
  const SiteQuantity* f = named("Frekvencija, E01");
  ASSERT_TRUE(f) << names;
  EXPECT_EQ(f->tolerance, 0.2);
  EXPECT_EQ(f->members[1].scale, 0.001);
  EXPECT_TRUE(named("Struja L2, E01")) << names;
  EXPECT_EQ(named("Struja L2, E01")->members[1].text, "information object 33");
  ASSERT_TRUE(named("Napon L1-L2, E01")) << names;
  EXPECT_EQ(named("Napon L1-L2, E01")->tolerance, 6.5);
  ASSERT_EQ(q.shown.size(), 4u);
  EXPECT_NE(q.shown[0].find("guessed  "), std::string::npos) << q.shown[0];
  EXPECT_EQ(quantities(two_stations, Quantify::told).tables.size(), 0u);
  EXPECT_EQ(quantities(two_stations, Quantify::none).tables.size(), 0u);
}

TEST_F(Quantities, WhatCouldBeSeveralOrHasNoRangeOrNoScaleIsLeft) {
  EXPECT_TRUE(quantities("Host;Bay;Name;IOA;CA;Type;Max;Unit\nrtu1;E01;P;1;11;13;50;MW\nrtu1;E01;P2;2;11;13;50;MW\nrtu2;E01;P;3;12;13;50;MW\nrtu2;E01;P;4;12;13;50;MW\n").tables.empty());
  EXPECT_TRUE(quantities("Host;Bay;Name;IOA;CA;Type;Max;Unit\nrtu1;;P;1;11;13;50;MW\nrtu2;;P;3;12;13;50;MW\n").tables.empty());             // no bay
  EXPECT_TRUE(quantities("Host;Bay;Name;IOA;CA;Type;Max;Unit\nrtu1;E01;P;1;11;11;50;MW\nrtu2;E01;P;3;12;13;50;MW\n").tables.empty());       // a scaled value: by what, nobody says
  EXPECT_TRUE(quantities("Host;Bay;Name;IOA;CA;Type;Max;Unit\nrtu1;E01;P HV;1;11;13;50;MW\nrtu2;E01;P LV;3;12;13;50;MW\n").tables.empty());
  const QuantityImport q = quantities("Host;Bay;Name;IOA;CA;Type;Unit\nrtu1;E01;P;1;11;13;MW\nrtu2;E01;P;3;12;13;MW\n");
  EXPECT_TRUE(q.tables.empty());
  ASSERT_EQ(q.remarks.size(), 1u);
  EXPECT_NE(q.remarks[0].find("nothing says its range: give min and max"), std::string::npos) << q.remarks[0];
}

TEST_F(Quantities, WordsOfOneBayTellItsPartsApart) {
  const auto guessed = [&](std::string_view a, std::string_view b, std::string_view unit) {
    return quantities(fmt::format("Host;Bay;Name;IOA;CA;Type;Max;Unit\nrtu1;E01;{};1;11;13;500;{}\nrtu2;E01;{};3;12;13;500;{}\n", a, unit, b, unit)).tables.size();
  };
  // Transformers and sections of a busbar have letters of phases, and are none.
  for (const auto& [a, b, unit] : {std::tuple{"Napon S1", "Napon L12", "kV"}, {"Struja T2", "Struja L2 L3", "A"}, {"Struja T1", "Struja T2", "A"}, {"Napon S1", "Napon S2", "kV"}, {"Struja T2", "Struja L3", "A"}, {"Napon A1", "Napon L1", "kV"}})
    EXPECT_EQ(guessed(a, b, unit), 0u) << a << ", " << b;
  for (const auto& [a, b, unit] : {std::tuple{"Napon L1-L2", "URS", "kV"}, {"I1", "Struja L1", "A"}, {"IR", "I L1", "A"}, {"U12", "Napon RS", "kV"}, {"Struja T2 L1", "T2 IL1", "A"}, {"Napon L1L2", "Uab", "kV"}})
    EXPECT_EQ(guessed(a, b, unit), 1u) << a << ", " << b;
}

TEST_F(Quantities, ScalesAreOfTheWire) {
  quantities("Host;Bay;Name;IOA;CA;Type;Min;Max;Unit;Scale\nrtu1;E01;P;1;11;11;-50;50;MW;0,01\nrtu2;E01;P;3;12;13;-50;50;MW;\n");
  ASSERT_EQ(site_.quantities.size(), 1u);
  EXPECT_EQ(site_.quantities[0].members[0].scale, 0.01);
  EXPECT_EQ(site_.points[0].scale, 0.01);
  EXPECT_EQ(site_.points[0].max, 50);
  EXPECT_NE(refused("IOA;CA;Type;Scale\n1;11;11;0\n").find("is no scale"), std::string::npos);
}

TEST_F(Quantities, AreToldByAColumn) {
  const std::string list =
      "Host;Bay;Name;IOA;CA;Type;Max;Unit;Same quantity\nrtu1;E01;A1;1;11;13;50;MW;feeder power\nrtu1;E01;A2;2;11;13;50;MW;feeder power\nrtu2;E01;P;3;12;13;50;MW;-\nrtu1;E01;P;4;11;13;50;MW;\n"
      "rtu1;E01;Q0;5;11;31;;;breaker\nrtu2;E01;Q0;6;12;31;;;breaker\nrtu2;E02;Q0;7;12;31;;;breaker\n";
  const QuantityImport q = quantities(list);
  ASSERT_EQ(site_.quantities.size(), 2u);
  ASSERT_TRUE(named("feeder power, E01"));
  EXPECT_EQ(named("feeder power, E01")->members.size(), 2u);
  const SiteQuantity* breaker = named("breaker, E01");
  ASSERT_TRUE(breaker);
  EXPECT_TRUE(breaker->position);
  EXPECT_EQ(breaker->fresh, day);
  ASSERT_EQ(q.remarks.size(), 1u);
  EXPECT_NE(q.remarks[0].find("no other row of its bay says \"breaker\""), std::string::npos) << q.remarks[0];
  EXPECT_NE(quantities("Host;Bay;Name;IOA;CA;Type;Max;Unit;Same quantity\nrtu1;E01;A;1;11;13;50;MW;x\nrtu2;E01;B;2;12;13;50;A;x\n").remarks.at(0).find("not one quantity"), std::string::npos);
}

// Behind one gateway each station counts its objects from the same number.
TEST_F(Quantities, OfTwoStationsBehindOneGateway) {
  const QuantityImport q = quantities("Bay;Name;CA;IOA;Type;Unit;IEC 61850 reference\nE01;f;11;1001;36;Hz;AA1J1Q01A1LD0/MMXU1.Hz.mag.f\nE02;f;12;1001;36;Hz;AA1J1Q01A1LD0/MMXU2.Hz.mag.f\n", Quantify::told);
  ASSERT_EQ(site_.quantities.size(), 2u);
  EXPECT_EQ(site_.quantities[0].members[0].station, 11u);
  EXPECT_EQ(site_.quantities[1].members[0].station, 12u);
  // One that is declared for any station takes all of them.
  EXPECT_TRUE(quantities("Bay;Name;CA;IOA;Type;Unit;IEC 61850 reference\nE01;f;11;1001;36;Hz;AA1J1Q01A1LD0/MMXU1.Hz.mag.f\n", Quantify::told,
                         "[[quantity]]\nname = \"f\"\ntolerance = 1\n[[quantity.member]]\nhost = \"rtu1\"\nprotocol = \"iec104\"\nobject = \"information object 1001\"\n[[quantity.member]]\nhost = \"rtu2\"\nprotocol = \"dnp3\"\nobject = \"analog input 4\"\n")
                  .tables.empty());
}

TEST_F(Quantities, ADeviceIsNotTheOneWhoseNameBeginsLikeIt) {
  const auto of = [&](std::string_view reference, std::string_view beside) {
    return quantities(fmt::format("Bay;Name;CA;IOA;Type;Unit;IEC 61850 reference\nE01;f;11;1001;36;Hz;{}/MMXU1.Hz.mag.f\n", reference), Quantify::told, beside);
  };
  const std::string ied1 = "[[host]]\nname = \"IED1\"\naddress = \"10.1.1.141\"\n", ied10 = "[[host]]\nname = \"IED10\"\naddress = \"10.1.1.150\"\n";
  EXPECT_EQ(of("IED1LD0", ied1).tables.size(), 1u);
  const QuantityImport other = of("IED10LD0", ied1);
  EXPECT_TRUE(other.tables.empty());
  ASSERT_EQ(other.remarks.size(), 1u);
  EXPECT_NE(other.remarks[0].find("is of no declared device"), std::string::npos) << other.remarks[0];
  EXPECT_EQ(of("IED10LD0", ied1 + ied10).tables.size(), 1u);
  EXPECT_EQ(site_.host(site_.quantities[0].members[1].host).name, "IED10");
  const std::string named = ied1 + "[[publisher]]\nkind = \"goose\"\nhost = \"IED1\"\nreference = \"IED10LD0/LLN0$GO$gcb01\"\n";
  EXPECT_EQ(of("IED10LD0", named).tables.size(), 1u) << "a logical device may be called so all the same";
}

TEST_F(PointList, LimitsThatAreTheSameAreNone) {
  const auto& points = import("IOA;CA;Type;Min;Max;Name\n2001;11;13;0;0;P\n2002;11;13;0;50;Q\n");
  ASSERT_EQ(points.size(), 2u);
  EXPECT_FALSE(points[0].min || points[0].max);
  EXPECT_EQ(points[1].max, 50);
}

// What a gateway passes on, its list says by reference; what the site's other files declare is compared, too.
TEST_F(Quantities, AcrossProtocols) {
  quantities("Bay;Name;IOA;Type;Unit;IEC 61850 reference;Scale;Max\nE01;Q0;1101;31;;AA1J1Q01A1LD0/CSWI1.Pos.stVal [ST];;\nE01;f;2006;36;Hz;AA1J1Q01A1LD0/MMXU1.Hz.mag.f;;\nE01;P;2007;36;MW;AA1J1Q01A1LD0/MMXU1$MX$TotW$mag$f;0.000001;50\n"
             "E01;Q;2008;36;Mvar;AA1J1Q01A1LD0/MMXU1.TotVAr.mag.f;;50\nE01;S;2009;36;MVA;ZZ9LD0/MMXU1.TotVA.mag.f;1;50\n",
             Quantify::told, "", {.station = "11"});
  ASSERT_EQ(site_.quantities.size(), 3u);
  ASSERT_TRUE(named("Q0, E01"));
  EXPECT_TRUE(named("Q0, E01")->position);
  EXPECT_EQ(named("Q0, E01")->members[1].text, "AA1J1Q01A1LD0/CSWI1$ST$Pos");
  EXPECT_EQ(site_.host(named("Q0, E01")->members[1].host).name, "AA1J1Q01A1");
  EXPECT_EQ(named("f, E01")->members[1].text, "AA1J1Q01A1LD0/MMXU1$MX$Hz");
  EXPECT_EQ(named("P, E01")->members[1].scale, 1e-6);
  EXPECT_EQ(named("P, E01")->members[0].scale, 1);
  const std::string other = "[[dnp3_point]]\nhost = \"rtu2\"\noutstation = 10\ntype = \"analog_input\"\nindex = 3\nname = \"Frequency [Hz]\"\nbay = \"E01\"\nscale = 0.01\n";
  const std::string_view list = "Bay;Name;IOA;CA;Type;Unit\nE01;f;2006;11;36;Hz\n";
  quantities(list, Quantify::guess, other);
  ASSERT_EQ(site_.quantities.size(), 1u);
  EXPECT_EQ(site_.quantities[0].members[1].text, "analog input 3");
  EXPECT_EQ(site_.quantities[0].members[1].scale, 0.01);
  // What is declared already is not declared again.
  const std::string by_hand = other + "[[quantity]]\nname = \"f\"\ntolerance = 1\n[[quantity.member]]\nhost = \"rtu2\"\nprotocol = \"dnp3\"\nobject = \"analog input 3\"\n[[quantity.member]]\nhost = \"rtu2\"\nprotocol = \"dnp3\"\nobject = \"analog input 4\"\n";
  EXPECT_TRUE(quantities(list, Quantify::guess, by_hand).tables.empty());
}

// A command whose position another device tells: by its reference, once the site's other files say whose that is.
TEST_F(PointList, AFeedbackByReference) {
  import_ = import_points(write("a.csv", "Host;CA;IOA;Type;Feedback\nrtu1;11;5101;C_DC_NA_1;AA1J1Q01A1LD0/XCBR1.Pos.stVal [ST]\nrtu1;11;5102;C_DC_NA_1;goose AA1J1Q01A1LD0/LLN0$ds[2]\nrtu1;11;5107;C_DC_NA_1;AA1J1Q01A10LD0/XCBR1.Pos\nrtu1;11;5103;C_DC_NA_1;ZZ1LD0/XCBR1.Pos\n"
                                             "rtu1;11;5104;C_DC_NA_1;GOOSE: AA1J1Q01A1LD0/XCBR1.Pos\nrtu1;11;5105;M_DP_TB_1;\nrtu1;11;5105;C_DC_NA_1;AA1J1Q01A1LD0/XCBR1.Pos\nrtu1;11;5106;C_DC_NA_1;AA1J1Q01A1LD0/XCBR1.Pos\nrtu1;11;5106;M_DP_TB_1;\n"),
                          {}, problems_);
  ASSERT_TRUE(problems_.empty()) << problems_[0];
  const std::string hosts = "[[host]]\nname = \"rtu1\"\naddress = \"10.1.1.1\"\n[[host]]\nname = \"AA1J1Q01A1\"\naddress = \"10.1.1.41\"\n";
  Site beside;
  if (auto root = TomlTable::parse(hosts, "site.toml", problems_)) beside = read_site(*root, problems_);
  refer_feedbacks(import_, beside);
  const std::string all = hosts + toml_text(import_.declared);
  if (auto root = TomlTable::parse(all, "out.toml", problems_)) site_ = read_site(*root, problems_), root->finish();
  ASSERT_TRUE(problems_.empty()) << problems_[0] << "\n" << all;
  const auto told = [&](uint32_t address) {
    const SitePoint* p = site_.point(1, uint16_t(protocol_index("iec104")), 11, Object(ObjectKind::information_object, address));
    return p && p->told_by ? std::string(protocols[p->told_by->protocol]->name) + " " + p->told_by->text : p && p->feedback.kind() != ObjectKind::none ? "its own" : "";
  };
  EXPECT_EQ(told(5101), "mms AA1J1Q01A1LD0/XCBR1$ST$Pos");
  EXPECT_EQ(told(5102), "goose AA1J1Q01A1LD0/LLN0$ds[2]");
  EXPECT_EQ(told(5103), "");
  EXPECT_EQ(told(5107), "") << "of A10, which is not declared, and never of A1";
  EXPECT_EQ(told(5104), "goose AA1J1Q01A1LD0/XCBR1$ST$Pos");
  EXPECT_EQ(told(5105), "mms AA1J1Q01A1LD0/XCBR1$ST$Pos");
  EXPECT_EQ(told(5106), "mms AA1J1Q01A1LD0/XCBR1$ST$Pos");
  ASSERT_FALSE(import_.remarks.empty());
  EXPECT_NE(import_.remarks.back().find("feedback \"ZZ1LD0/XCBR1.Pos\" is of no declared device, and left out; name the site's other files with --site"), std::string::npos) << import_.remarks.back();
  EXPECT_NE(import_.remarks.back().find("a.csv:5"), std::string::npos) << import_.remarks.back();
  EXPECT_NE(refused("CA;IOA;Type;Feedback\n11;5101-5106;C_DC_NA_1;AA1LD0/XCBR1.Pos\n").find("write a row for each"), std::string::npos);
  EXPECT_NE(refused("CA;IOA;Type;Feedback\n11;5101;C_DC_NA_1;AA1LD0/XCBR1.Pos.q\n").find("is no reference of IEC 61850 to a state"), std::string::npos);
}

TEST_F(Quantities, OfAWorkbook) {
  const auto cell = [](std::string_view at, std::string_view text) { return "<c r='" + std::string(at) + "' t='inlineStr'><is><t>" + std::string(text) + "</t></is></c>"; };
  std::string sheet = "<sheetData>";
  const std::string_view rows[3][8] = {{"Host", "Bay", "Name", "IOA", "CA", "Type", "Max", "Unit"}, {"rtu1", "E01", "I L1", "1", "11", "13", "600", "A"}, {"rtu2", "E01", "Struja L1", "2", "12", "13", "600", "A"}};
  for (size_t r = 0; r < 3; r++) {
    sheet += "<row r='" + std::to_string(r + 1) + "'>";
    for (size_t c = 0; c < 8; c++) sheet += cell(std::string(1, char('A' + c)) + std::to_string(r + 1), rows[r][c]);
    sheet += "</row>";
  }
  quantities(workbook(sheet + "</sheetData>"), Quantify::guess, "", {}, "a.xlsx");
  ASSERT_EQ(site_.quantities.size(), 1u);
  EXPECT_EQ(site_.quantities[0].name, "I L1, E01");
  EXPECT_EQ(site_.quantities[0].tolerance, 30);
}

TEST(MmsNames, OfReferences) {
  EXPECT_EQ(mms_name_of("LD0/MMXU1.TotW.mag.f [MX]", "ST"), "LD0/MMXU1$MX$TotW");
  EXPECT_EQ(mms_name_of("LD0/MMXU1$MX$A$phsA$cVal$mag$f", "MX"), "LD0/MMXU1$MX$A$phsA");
  EXPECT_EQ(mms_name_of("LD0/CSWI1.Pos", "ST"), "LD0/CSWI1$ST$Pos");
  for (std::string_view no : {"LD0", "LD0/", "/MMXU1.Hz", "LD0/MMXU1", "LD0/MMXU1.A.phsA.cVal.ang.f", "LD0/CSWI1.Pos.q", "some text/with words.in it", "LD0/MMXU1..Hz"}) EXPECT_FALSE(mms_name_of(no, "MX")) << no;
}

TEST_F(PointList, MappingsThatAreWrong) {
  load_mapping(write("map.toml", "[columns]\nadress = 3\n"), problems_);
  ASSERT_EQ(problems_.size(), 1u);
  EXPECT_NE(problems_[0].find("did you mean 'address'?"), std::string::npos) << problems_[0];
  problems_.clear();
  load_mapping(write("map.toml", "[list]\ndelimiter = \";;\"\n"), problems_);
  ASSERT_EQ(problems_.size(), 1u);
}

TEST(Folded, MarksScriptsAndCase) {
  EXPECT_EQ(folded("Čađavi Šćućur Žbir"), "cadavi scucur zbir");
  EXPECT_EQ(folded("Назив СИГНАЛА"), "naziv signala");
  EXPECT_EQ(folded("ЉУБАВ Њ Ђ Џ"), "ljubav nj d dz");
}

}  // namespace
}  // namespace vidra
