// SPDX-License-Identifier: Apache-2.0
#include "daemon/site/xml.h"

#include <gtest/gtest.h>

namespace vidra {
namespace {

constexpr std::string_view skipped[] = {"Private"};

std::optional<XmlDocument> read(std::string_view text, Problems& problems, const XmlLimits& limits = {}) { return XmlDocument::parse(text, "a.scd", skipped, problems, limits); }

std::string refused(std::string_view text, const XmlLimits& limits = {}) {
  Problems problems;
  EXPECT_FALSE(read(text, problems, limits)) << text.substr(0, 100);
  EXPECT_EQ(problems.size(), 1u);
  return problems.empty() ? "" : problems[0];
}

TEST(Xml, ElementsHaveTheirAttributesTextAndLine) {
  Problems problems;
  const auto d = read("<?xml version=\"1.0\"?>\n<SCL xmlns=\"urn:scl\">\n <P type=\"IP\"> 10.1.2.3 \n</P><P a='&lt;&#269;'/>\n</SCL>", problems);
  ASSERT_TRUE(d) << problems[0];
  EXPECT_EQ(d->root().name, "SCL");
  const XmlElement* p = d->first(d->root(), "P");
  ASSERT_TRUE(p);
  EXPECT_EQ((*p)["type"], "IP");
  EXPECT_EQ((*p)["absent"], "");
  EXPECT_EQ(p->text, "10.1.2.3");
  EXPECT_EQ(d->place(*p), "a.scd:3: <P>");
  p = d->next(*p, "P");
  ASSERT_TRUE(p);
  EXPECT_EQ((*p)["a"], "<č");
  EXPECT_EQ(d->next(*p, "P"), nullptr);
  EXPECT_EQ(d->parent(*p), &d->root());
}

TEST(Xml, OtherNameSpacesAndSkippedElementsAreNotThere) {
  Problems problems;
  const auto d = read("<s:SCL xmlns:s='urn:scl' xmlns:x='urn:x'><x:IED/><Private><s:IED/></Private><s:Private><s:IED/></s:Private><s:IED name='1'/></s:SCL>", problems);
  ASSERT_TRUE(d) << problems[0];
  const XmlElement* ied = d->first(d->root());
  ASSERT_TRUE(ied);
  EXPECT_EQ(ied->name, "IED");
  EXPECT_EQ((*ied)["name"], "1");
  EXPECT_EQ(d->next(*ied), nullptr);
  const auto other = read("<SCL xmlns='urn:scl'><IED xmlns='urn:other' name='no'/><IED xmlns='urn:scl' name='yes'/></SCL>", problems);
  ASSERT_TRUE(other) << problems[0];
  EXPECT_EQ((*other->first(other->root()))["name"], "yes");
}

TEST(Xml, Encodings) {
  Problems problems;
  const auto latin2 = read("<?xml version='1.0' encoding='windows-1250'?><SCL name='\xC8\x9Aplica'/>", problems);   // Č š
  ASSERT_TRUE(latin2) << problems[0];
  EXPECT_EQ(latin2->root()["name"], "Čšplica");
  const auto cyrillic = read("<?xml version='1.0' encoding='windows-1251'?><SCL name='\xC1\xEE\xF0'/>", problems);
  ASSERT_TRUE(cyrillic) << problems[0];
  EXPECT_EQ(cyrillic->root()["name"], "Бор");
  std::string wide = "\xFF\xFE";
  for (char c : std::string_view("<SCL name='a'/>")) wide += c, wide += '\0';
  const auto utf16 = read(wide, problems);
  ASSERT_TRUE(utf16) << problems[0];
  EXPECT_EQ(utf16->root()["name"], "a");
  const auto marked = read("\xEF\xBB\xBF<SCL/>", problems);
  EXPECT_TRUE(marked);
}

TEST(Xml, WhatIsWrongIsNamedWithItsPlace) {
  EXPECT_EQ(refused("<SCL>\n<IED name='\xC8'/></SCL>"),
            "a.scd:2:12: <SCL>: octet 0xC8 is no UTF-8; save the file as UTF-8, or say what it is in its first line: <?xml version=\"1.0\" encoding=\"windows-1250\"?>");
  EXPECT_NE(refused("<SCL>\n<IED>\n").find("a.scd:3:1: <IED>: "), std::string::npos);
  EXPECT_NE(refused("<SCL><IED></SCL>").find("mismatched tag"), std::string::npos);
  EXPECT_NE(refused("").find("empty"), std::string::npos);
  EXPECT_NE(refused("PK\x03\x04 and so on").find("zip"), std::string::npos);
  EXPECT_NE(refused("<?xml version='1.0' encoding='klingon'?><SCL/>").find("\"klingon\" is not known"), std::string::npos);
  EXPECT_NE(refused("<SCL>&file;</SCL>").find("an entity that nobody declared"), std::string::npos);
  EXPECT_NE(refused("<?xml version='1.0' encoding='utf-16'?><SCL/>").find("encoding"), std::string::npos);
}

TEST(Xml, EntitiesNeitherSwellNorFetch) {
  std::string bomb = "<?xml version='1.0'?>\n<!DOCTYPE SCL [\n<!ENTITY a 'aaaaaaaaaa'>\n";
  for (char c = 'b'; c <= 'z'; c++) {
    bomb += std::string("<!ENTITY ") + c + " '";
    for (int i = 0; i < 10; i++) bomb += std::string("&") + char(c - 1) + ";";
    bomb += "'>\n";
  }
  EXPECT_NE(refused(bomb + "]>\n<SCL>&z;</SCL>").find("a.scd:2:"), std::string::npos);
  EXPECT_NE(refused("<!DOCTYPE SCL [<!ENTITY f SYSTEM 'file:///etc/passwd'>]><SCL>&f;</SCL>").find("DOCTYPE"), std::string::npos);
  EXPECT_NE(refused("<!DOCTYPE SCL SYSTEM 'http://example.org/scl.dtd'><SCL/>").find("DOCTYPE"), std::string::npos);
}

TEST(Xml, Bounds) {
  std::string deep;
  for (int i = 0; i < 200; i++) deep += "<SCL>";
  EXPECT_NE(refused(deep).find("inside each other"), std::string::npos);
  std::string many = "<SCL>";
  for (int i = 0; i < 2000; i++) many += "<P/>";
  EXPECT_NE(refused(many + "</SCL>", {.elements = 1000}).find("more than 1000 elements"), std::string::npos);
  EXPECT_NE(refused("<SCL>" + std::string(3 << 20, 'x') + "</SCL>").find("1 MiB of text"), std::string::npos);
  EXPECT_NE(refused("<SCL a='" + std::string(3 << 20, 'x') + "'/>", {.octets = 1 << 20}).find("more than 1 MiB"), std::string::npos);
  std::string names = "<SCL>";
  for (int i = 0; i < 3000; i++) names += "<P" + std::to_string(i) + std::string(1000, 'n') + "/>";
  EXPECT_NE(refused(names + "</SCL>", {.kept = 1 << 20}).find("more than 1 MiB of text"), std::string::npos);
}

// However a document is cut, it is refused or it is whole, and nothing reads past its end.
TEST(Xml, CutAnywhere) {
  constexpr std::string_view whole = "<?xml version='1.0' encoding='UTF-8'?><SCL xmlns='urn:s'><IED name='a&amp;b'><![CDATA[x<y]]><!-- c --></IED><P a='1' b='2'>č</P></SCL>";
  for (size_t n = 0; n < whole.size(); n++) {
    Problems problems;
    EXPECT_FALSE(read(whole.substr(0, n), problems));
    EXPECT_EQ(problems.size(), 1u) << n;
  }
  Problems problems;
  EXPECT_TRUE(read(whole, problems));
}

}  // namespace
}  // namespace vidra
