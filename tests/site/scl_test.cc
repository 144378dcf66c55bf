// SPDX-License-Identifier: Apache-2.0
#include "daemon/site/scl.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "daemon/judge/site_file.h"

namespace vidra {
namespace {

namespace fs = std::filesystem;
const std::string alder = SOURCE_ROOT "/tests/site/alder.scd", e03 = SOURCE_ROOT "/tests/site/e03.cid";

// The site that an import declares, read back as the sensor reads it.
struct Imported {
  Problems problems;                     // first: reading fills it
  SclImport import;
  std::string text;
  Site site;
  explicit Imported(const std::vector<std::string>& paths, const SclOptions& options = {}) : import(import_scl(paths, options, problems)), text(toml_text(import.declared)) {
    if (auto root = TomlTable::parse(text, "out.toml", problems)) site = read_site(*root, problems), root->finish();
  }
  std::string said() const {
    std::string all;
    for (const std::string& p : problems) all += p + "\n";
    for (const std::string& r : import.remarks) all += r + "\n";
    return all;
  }
};

class Written : public testing::Test {
 protected:
  void SetUp() override { folder_ = fs::temp_directory_path() / ("vidra_scl_" + std::to_string(::getpid())); fs::create_directories(folder_); }
  void TearDown() override { fs::remove_all(folder_); }
  std::string write(const std::string& name, std::string_view text) {
    const std::string path = (folder_ / name).string();
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
  fs::path folder_;
};

TEST(Scl, HostsPublishersClientsAndControls) {
  const Imported i({alder});
  ASSERT_EQ(i.said(), "");
  EXPECT_EQ(i.site.name, "Alder");
  ASSERT_EQ(i.site.hosts.size(), 5u);
  const HostId ied1 = i.site.host_named("AA1J1Q01A1"), hmi = i.site.host_named("AA1HMI01");
  ASSERT_TRUE(ied1 && hmi);
  EXPECT_EQ(i.site.host_of(*parse_address("10.10.1.41")), ied1);
  EXPECT_EQ(i.site.host_of(*parse_mac("00:21:c1:30:10:41")), ied1);
  EXPECT_EQ(i.site.host(ied1).bay, "E01");
  EXPECT_EQ(i.site.host(ied1).note, "feeder Birch; Northline BCU-61; Alder, 110 kV, bay E01");
  EXPECT_EQ(i.site.role_of(hmi), HostRole::hmi);

  ASSERT_EQ(i.site.publishers.size(), 5u);
  const SitePublisher& goose = i.site.publishers[0];
  EXPECT_EQ(goose.reference, "AA1J1Q01A1LD0/LLN0$GO$gcb01");
  EXPECT_EQ(goose.host, ied1);
  EXPECT_EQ(text_of(goose.destination), "01:0c:cd:01:00:01");
  EXPECT_EQ(goose.appid, 1);
  EXPECT_EQ(goose.vlan, 5);
  EXPECT_EQ(goose.priority, 4);
  EXPECT_EQ(goose.conf_rev, 1u);
  EXPECT_EQ(goose.data_set, "AA1J1Q01A1LD0/LLN0$dsGoose");
  EXPECT_EQ(goose.go_id, "AA1J1Q01A1LD0/LLN0.gcb01");
  const std::vector<MemberType> types = {MemberType::double_point, MemberType::quality, MemberType::double_point, MemberType::quality, MemberType::boolean, MemberType::quality, MemberType::boolean};
  EXPECT_EQ(goose.types, types);
  EXPECT_EQ(goose.min_time, 4 * millisecond);
  EXPECT_EQ(goose.max_time, 2 * second);
  const SitePublisher& sv = i.site.publishers[3];
  EXPECT_EQ(sv.kind, PublisherKind::sampled_values);
  EXPECT_EQ(sv.reference, "AA1J1MU01");
  EXPECT_EQ(sv.entries, 8u);
  EXPECT_EQ(sv.rate, 4000);
  EXPECT_EQ(sv.appid, 0x4001);
  EXPECT_EQ(sv.vlan, 6);

  ASSERT_EQ(i.site.conversations.size(), 3u);
  const SiteConversation* c = i.site.conversation({*parse_address("10.10.1.30"), 50000}, {*parse_address("10.10.1.41"), 102}, uint16_t(protocol_index("mms")));
  ASSERT_TRUE(c);
  EXPECT_TRUE(c->allows(Act::operate) && c->allows(Act::subscribe));
  EXPECT_FALSE(c->allows(Act::configure));

  const SitePoint* p = i.site.point(ied1, uint16_t(protocol_index("mms")), 0, Object::of_text(text_key("AA1J1Q01A1LD0/CSWI1$CO$Pos")));
  ASSERT_TRUE(p);
  EXPECT_EQ(p->mode, CommandMode::select);
  EXPECT_TRUE(p->enhanced);
  EXPECT_EQ(p->kind, PointKind::switchgear);
  EXPECT_EQ(p->name, "CSWI1 breaker");
  EXPECT_EQ(p->bay, "E01");
  EXPECT_EQ(p->voltage, "110 kV");
  EXPECT_EQ(p->travel_time, 20 * second);
  EXPECT_EQ(p->feedback, Object::of_text(text_key("AA1J1Q01A1LD0/CSWI1$ST$Pos")));
  EXPECT_EQ(i.site.points.size(), 3u);      // Mod is for status only

  // What stands where, of sets that hold a position: once for each, though two blocks send one of them.
  ASSERT_EQ(i.site.data_sets.size(), 6u);
  EXPECT_EQ(i.site.data_sets[0].name, "AA1J1Q01A1LD0/LLN0$dsGoose");
  EXPECT_EQ(i.site.data_sets[0].host, ied1);
  ASSERT_EQ(i.site.data_sets[0].members.size(), 7u);
  EXPECT_EQ(i.site.data_sets[0].members[2], "AA1J1Q01A1LD0/XSWI1$ST$Pos$stVal");
  EXPECT_EQ(i.site.data_sets[1].members, std::vector<std::string>{"AA1J1Q01A1LD0/XCBR1$ST$Pos"});
}

TEST(Scl, TheCidIsNewerThanTheScdInWhateverOrderTheyAreNamed) {
  const Imported a({alder, e03}), b({e03, alder});
  ASSERT_EQ(a.said(), "");
  EXPECT_EQ(a.text, b.text);
  EXPECT_EQ(a.site.publishers[2].reference, "AA1J1Q03A1LD0/LLN0$GO$gcb01");
  EXPECT_EQ(a.site.publishers[2].conf_rev, 2u);
  EXPECT_EQ(a.site.publishers[2].destination, *parse_address("01:0c:cd:01:00:03"));   // the CID has no Communication
  EXPECT_EQ(a.site.publishers[0].conf_rev, 1u);        // of the others it holds only stubs
  EXPECT_EQ(a.site.publishers.size(), 5u);
  EXPECT_EQ(a.site.points.size(), 3u);
}

TEST(Scl, TheSameFilesGiveTheSameText) { EXPECT_EQ(Imported({alder, e03}).text, Imported({alder, e03}).text); }

constexpr std::string_view old_edition = R"(<?xml version="1.0"?>
<SCL>
 <Communication>
  <SubNetwork name="W1">
   <ConnectedAP iedName="F1" apName="S1">
    <Address><P type="IP" xsi:type="tP_IP" xmlns:xsi="urn:x">10.0.0.7</P></Address>
    <GSE ldInst="C1" cbName="a"><Address><P type="MAC-Address">01-0C-CD-01-00-01</P><P type="APPID">3fff</P><P type="VLAN-ID">fab</P><P type="VLAN-PRIORITY">7</P></Address></GSE>
    <GSE ldInst="C1" cbName="b"><Address><P type="MAC-Address">00-0C-CD-01-00-01</P><P type="APPID">12345</P><P type="VLAN-ID">zzz</P></Address></GSE>
   </ConnectedAP>
  </SubNetwork>
 </Communication>
 <IED name="F1">
  <AccessPoint name="S1"><Server><LDevice inst="C1" ldName="FEEDER1"><LN0 lnClass="LLN0" inst="" lnType="t0">
   <DataSet name="d"><FCDA ldInst="C1" prefix="Q" lnClass="CSWI" lnInst="1" doName="Pos" fc="ST"/><FCDA ldInst="C1" lnClass="MMXU" lnInst="1" doName="A.phsA" daName="cVal.mag.f" fc="MX"/></DataSet>
   <ReportControl name="r" datSet="d" rptID="r"><RptEnabled><ClientLN iedName="Scada" lnClass="IHMI" lnInst="1"/><ClientLN iedName="F1" lnClass="IHMI"/></RptEnabled></ReportControl>
   <GSEControl name="a" datSet="d" appID="x"/><GSEControl name="b" datSet="gone" appID="y"/><GSEControl name="c" datSet="d" appID="z" type="GSSE"/><GSEControl name="idle" appID="z"/>
  </LN0>
  <LN prefix="Q" lnClass="CSWI" inst="1" lnType="t1"><DOI name="Pos"><DAI name="ctlModel"><Val>2</Val></DAI></DOI></LN>
  <LN lnClass="MMXU" inst="1" lnType="t2"/>
  <LN lnClass="ATCC" inst="1" lnType="t3"><DOI name="SetV"><SDI name="minVal"><DAI name="f"><Val>90.5</Val></DAI></SDI><SDI name="maxVal"><DAI name="f"><Val>120</Val></DAI></SDI></DOI></LN>
  <LN lnClass="GGIO" inst="1" lnType="nowhere"/>
  </LDevice></Server></AccessPoint>
 </IED>
 <DataTypeTemplates>
  <LNodeType id="t0" lnClass="LLN0"><DO name="LEDRs" type="spc"/></LNodeType>
  <LNodeType id="t1" lnClass="CSWI"><DO name="Pos" type="dpc"/></LNodeType>
  <LNodeType id="t2" lnClass="MMXU"><DO name="A" type="wye"/></LNodeType>
  <LNodeType id="t3" lnClass="ATCC"><DO name="TapChg" type="bsc"/><DO name="SetV" type="apc"/></LNodeType>
  <DOType id="dpc" cdc="DPC"><DA name="stVal" bType="Dbpos" fc="ST"/><DA name="ctlModel" bType="Enum" fc="CF"/></DOType>
  <DOType id="spc" cdc="SPC"><DA name="stVal" bType="BOOLEAN" fc="ST"/><DA name="ctlModel" bType="Enum" fc="CF"><Val>direct-with-normal-security</Val></DA></DOType>
  <DOType id="bsc" cdc="BSC"><DA name="valWTr" bType="Struct" type="none" fc="ST"/><DA name="ctlModel" bType="Enum" fc="CF"><Val>direct-with-enhanced-security</Val></DA></DOType>
  <DOType id="apc" cdc="APC"><DA name="mxVal" bType="Struct" type="mag" fc="MX"/><DA name="ctlModel" bType="Enum" fc="CF"><Val>direct-with-normal-security</Val></DA></DOType>
  <DOType id="wye" cdc="WYE"><SDO name="phsA" type="cmv"/></DOType>
  <DOType id="cmv" cdc="CMV"><DA name="cVal" bType="Struct" type="vector" fc="MX"/></DOType>
  <DAType id="vector"><BDA name="mag" bType="Struct" type="mag"/></DAType>
  <DAType id="mag"><BDA name="f" bType="FLOAT32"/></DAType>
 </DataTypeTemplates>
</SCL>)";

TEST_F(Written, EditionOneFunctionalNamesAndWhatIsWrongInIt) {
  const Imported i({write("old.scd", old_edition)});
  ASSERT_TRUE(i.problems.empty()) << i.said();
  ASSERT_EQ(i.site.publishers.size(), 2u) << i.text;
  const SitePublisher& a = i.site.publishers[0];
  EXPECT_EQ(a.reference, "FEEDER1/LLN0$GO$a");       // the logical device has a name of its own
  EXPECT_EQ(a.vlan, 0xfab);
  EXPECT_EQ(a.appid, 0x3fff);
  EXPECT_FALSE(a.conf_rev);
  const std::vector<MemberType> types = {MemberType::structure, MemberType::real};
  EXPECT_EQ(a.types, types);
  const SitePublisher& b = i.site.publishers[1];
  EXPECT_FALSE(b.appid || b.vlan);
  EXPECT_EQ(b.destination, Address{});
  const uint16_t mms = uint16_t(protocol_index("mms"));
  const auto point = [&](std::string_view name) { return i.site.point(1, mms, 0, Object::of_text(text_key(name))); };
  ASSERT_TRUE(point("FEEDER1/QCSWI1$CO$Pos") && point("FEEDER1/LLN0$CO$LEDRs") && point("FEEDER1/ATCC1$CO$TapChg") && point("FEEDER1/ATCC1$CO$SetV")) << i.text;
  EXPECT_EQ(point("FEEDER1/QCSWI1$CO$Pos")->mode, CommandMode::select);
  EXPECT_EQ(point("FEEDER1/LLN0$CO$LEDRs")->kind, PointKind::reset);
  EXPECT_EQ(point("FEEDER1/ATCC1$CO$TapChg")->kind, PointKind::tap);
  EXPECT_EQ(point("FEEDER1/ATCC1$CO$SetV")->kind, PointKind::set_point);
  EXPECT_EQ(point("FEEDER1/ATCC1$CO$SetV")->min, 90.5);
  EXPECT_EQ(point("FEEDER1/ATCC1$CO$SetV")->max, 120);
  const std::string said = i.said();
  for (std::string_view remark : {"old.scd:8: <P>: \"00-0C-CD-01-00-01\" of FEEDER1/LLN0$GO$b is no group address", "\"12345\" is no APPID", "\"zzz\" is no VLAN-ID", "the data set \"gone\"",
                                  "<GSEControl>: GSSE", "the client \"Scada\" is in none of the files", "the type \"nowhere\" of GGIO1"})
    EXPECT_NE(said.find(remark), std::string::npos) << remark << "\n" << said;
}

TEST_F(Written, ADeviceWithoutAnAddressIsNamedAndMayBeGivenOne) {
  const std::string path = write("a.cid", "<SCL><IED name='F1'><AccessPoint name='S1'/></IED></SCL>");
  const Imported without({path});
  EXPECT_TRUE(without.site.hosts.empty());
  EXPECT_NE(without.said().find("--address F1=ADDRESS"), std::string::npos) << without.said();
  SclOptions options;
  options.addresses["F1"] = {"10.1.1.1", "00:11:22:33:44:55"};
  const Imported with({path}, options);
  ASSERT_EQ(with.site.hosts.size(), 1u) << with.said();
  EXPECT_EQ(with.site.hosts[0].macs.size(), 1u);
}

TEST_F(Written, OneAddressOfTwoDevicesIsNamedAndGivenToTheFirst) {
  const std::string ap = "<Address><P type='IP'>10.1.1.1</P></Address>";
  const Imported i({write("a.scd", "<SCL><Communication><SubNetwork name='n'><ConnectedAP iedName='A'>" + ap + "</ConnectedAP>\n<ConnectedAP iedName='B'>" + ap +
                                       "</ConnectedAP></SubNetwork></Communication><IED name='A'/><IED name='B'/><IED name='A'/></SCL>")});
  EXPECT_TRUE(i.problems.empty()) << i.said();
  EXPECT_EQ(i.site.hosts.size(), 1u);
  EXPECT_NE(i.said().find("a.scd:2: <P>: 10.1.1.1 is the address of A and of B"), std::string::npos) << i.said();
  EXPECT_NE(i.said().find("declared twice"), std::string::npos);
}

TEST_F(Written, WhatIsNoSclIsRefusedAndNothingIsDeclared) {
  for (const auto& [text, says] : {std::pair{"<html/>", "<html>: this is no SCL file"}, std::pair{"<SCL><IED", "a.scd:1:"}, std::pair{"", "empty"}}) {
    Problems problems;
    const SclImport i = import_scl({alder, write("a.scd", text)}, {}, problems);
    EXPECT_TRUE(i.declared.tables.empty());
    ASSERT_EQ(problems.size(), 1u);
    EXPECT_NE(problems[0].find(says), std::string::npos) << problems[0];
  }
  Problems problems;
  import_scl({folder_.string() + "/absent.scd"}, {}, problems);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_NE(problems[0].find("absent.scd: No such file"), std::string::npos);
}

// Types that hold themselves end somewhere.
TEST_F(Written, TypesInACircle) {
  const Imported i({write("a.scd", R"(<SCL><IED name="A"><AccessPoint name="S"><Server><LDevice inst="L"><LN0 lnClass="LLN0" lnType="n">
    <DataSet name="d"><FCDA ldInst="L" lnClass="LLN0" doName="X.X.X.X" daName="v.v.v.v"/></DataSet><GSEControl name="g" datSet="d"/></LN0></LDevice></Server></AccessPoint></IED>
    <DataTypeTemplates><LNodeType id="n"><DO name="X" type="o"/></LNodeType><DOType id="o"><SDO name="X" type="o"/><DA name="v" bType="Struct" type="a"/></DOType>
    <DAType id="a"><BDA name="v" bType="Struct" type="a"/></DAType></DataTypeTemplates></SCL>)")});
  EXPECT_TRUE(i.problems.empty()) << i.said();
  ASSERT_EQ(i.site.publishers.size(), 1u);
  EXPECT_EQ(i.site.publishers[0].types, std::vector<MemberType>{MemberType::structure});
}

// Real files, of many vendors and tools: each is declared so that the sensor reads it, or refused with a reason.
TEST(Scl, Corpus) {
  const fs::path corpus = fs::path(SOURCE_ROOT) / "../shared/corpus/scl";
  if (!fs::is_directory(corpus)) GTEST_SKIP() << "skipped: no corpus";
  size_t files = 0, hosts = 0, publishers = 0, points = 0;
  for (const auto& entry : fs::directory_iterator(corpus)) {
    if (entry.path().extension() == ".tsv") continue;
    const Imported i({entry.path().string()});
    EXPECT_TRUE(i.problems.empty()) << entry.path() << "\n" << i.said();
    files++, hosts += i.site.hosts.size(), publishers += i.site.publishers.size(), points += i.site.points.size();
  }
  EXPECT_GT(files, 100u);
  EXPECT_GT(hosts, 100u);
  EXPECT_GT(publishers, 100u);
  EXPECT_GT(points, 500u);
}

// A small substation: devices with what is given inside their LN0, beside it, and in the Communication section.
std::string device(const std::string& name, const std::string& ln0 = "", const std::string& nodes = "") {
  return "<IED name='" + name + "'><AccessPoint name='P1'><Server><LDevice inst='LD0'><LN0 lnClass='LLN0' inst='' lnType='L'>" + ln0 + "</LN0>" + nodes + "</LDevice></Server></AccessPoint></IED>\n";
}
std::string access(const std::string& name, const std::string& ip, const std::string& more = "") {
  return "<ConnectedAP iedName='" + name + "' apName='P1'><Address><P type='IP'>" + ip + "</P></Address>" + more + "</ConnectedAP>\n";
}
std::string substation(const std::string& devices, const std::string& communication, const std::string& types = "") {
  return "<SCL><Communication><SubNetwork name='s'>" + communication + "</SubNetwork></Communication>\n" + devices +
         "<DataTypeTemplates><LNodeType id='L' lnClass='LLN0'/><LNodeType id='C' lnClass='CSWI'><DO name='Pos' type='D'/></LNodeType>"
         "<LNodeType id='A' lnClass='GAPC'><DO name='Set' type='R'/></LNodeType>"
         "<DOType id='D' cdc='DPC'><DA name='ctlModel' bType='Enum' fc='CF'><Val>sbo-with-enhanced-security</Val></DA><DA name='Oper' bType='Struct' fc='CO'/></DOType>"
         "<DOType id='R' cdc='APC'><DA name='ctlModel' bType='Enum' fc='CF'><Val>direct-with-normal-security</Val></DA><DA name='minVal' bType='Struct' type='low' fc='CF'/><DA name='maxVal' bType='Struct' type='high' fc='CF'/></DOType>"
         "<DAType id='low'><BDA name='f' bType='FLOAT32'><Val>-5</Val></BDA></DAType><DAType id='high'><BDA name='f' bType='FLOAT32'><Val>3.4028235E38</Val></BDA></DAType>" + types + "</DataTypeTemplates></SCL>";
}
constexpr const char* cswi = "<LN prefix='' lnClass='CSWI' inst='1' lnType='C'/>";

// A [[conversation]] means everybody with "any".
TEST_F(Written, DevicesThatAreNamedLikeSomethingElse) {
  for (const std::string name : {"any", "broadcast", "zone:x", "10.1.1.77", "10.0.0.0/8"}) {
    const std::string asked = "<ReportControl name='r'><RptEnabled><ClientLN iedName='" + name + "' lnClass='IHMI' lnInst='1'/></RptEnabled></ReportControl>";
    const Imported i({write("a.scd", substation(device("IED1", asked, cswi) + device(name), access("IED1", "10.1.1.1") + access(name, "10.1.1.2")))});
    EXPECT_TRUE(i.problems.empty()) << i.problems[0];
    EXPECT_EQ(i.site.hosts.size(), 1u);
    EXPECT_EQ(i.site.conversations.size(), 0u);
    EXPECT_NE(i.said().find("\"" + name + "\" cannot be the name of a host"), std::string::npos) << i.said();
  }
}

TEST_F(Written, LimitsThatAreNoneTimesThatContradictAndControlsSaidTwice) {
  const std::string goose = "<GSEControl name='g' datSet='ds' appID='a' confRev='1'/><DataSet name='ds'><FCDA ldInst='LD0' lnClass='CSWI' lnInst='1' doName='Pos' daName='ctlModel' fc='CF'/></DataSet>";
  const std::string sent = "<GSE ldInst='LD0' cbName='g'><Address><P type='MAC-Address'>01-0C-CD-01-00-01</P></Address><MinTime unit='s' multiplier='m'>1000</MinTime><MaxTime unit='s' multiplier='m'>500</MaxTime></GSE>";
  const Imported i({write("a.scd", substation(device("IED1", goose, std::string(cswi) + cswi + "<LN prefix='' lnClass='GAPC' inst='1' lnType='A'/>"), access("IED1", "10.1.1.1", sent)))});
  EXPECT_TRUE(i.problems.empty()) << i.problems[0];
  ASSERT_EQ(i.site.publishers.size(), 1u);
  EXPECT_EQ(i.site.publishers[0].min_time, 0);
  EXPECT_EQ(i.site.publishers[0].max_time, 0);
  EXPECT_NE(i.said().find("MinTime of IED1LD0/LLN0$GO$g is longer than MaxTime (1000 and 500 ms)"), std::string::npos) << i.said();
  ASSERT_EQ(i.site.points.size(), 2u);
  EXPECT_NE(i.said().find("IED1LD0/CSWI1$CO$Pos of IED1 is declared twice"), std::string::npos) << i.said();
  EXPECT_EQ(i.site.points[1].min, -5);
  EXPECT_FALSE(i.site.points[1].max);
}

TEST_F(Written, AnAddressForADeviceThatIsNotThere) {
  const Imported i({write("a.scd", substation(device("IED1"), access("IED1", "10.1.1.1")))}, {.frequency = 50, .addresses = {{"IDE1", {"10.9.9.9"}}}});
  ASSERT_EQ(i.problems.size(), 1u);
  EXPECT_NE(i.problems[0].find("--address IDE1=10.9.9.9: no device of that name is in"), std::string::npos) << i.problems[0];
  EXPECT_NE(i.problems[0].find("did you mean \"IED1\"?"), std::string::npos) << i.problems[0];
}

// Some kilooctets of types and instances would make hundreds of thousands of controls.
TEST_F(Written, TypesThatSwell) {
  std::string type = "<LNodeType id='B' lnClass='GAPC'>", nodes;
  for (int i = 0; i < 520; i++) type += "<DO name='D" + std::to_string(i) + "' type='D'/>", nodes += "<LN prefix='' lnClass='GAPC' inst='" + std::to_string(i) + "' lnType='B'/>";
  const Imported i({write("a.scd", substation(device("IED1", "", nodes), access("IED1", "10.1.1.1"), type + "</LNodeType>"))});
  ASSERT_EQ(i.problems.size(), 1u);
  EXPECT_NE(i.problems[0].find("more than 250000 tables"), std::string::npos) << i.problems[0];
  EXPECT_TRUE(i.import.declared.tables.empty());
  EXPECT_NE(Imported({write("b.scd", substation(device(std::string(300, 'x')), ""))}).said().find("a name of 300 octets; left out"), std::string::npos);
}

}  // namespace
}  // namespace vidra
