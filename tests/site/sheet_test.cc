// SPDX-License-Identifier: Apache-2.0
#include "daemon/site/sheet.h"

#include <gtest/gtest.h>

#include "daemon/site/zip.h"
#include "tests/site/archive.h"

namespace vidra {
namespace {

Sheet csv(std::string_view octets, const SheetOptions& options = {}) {
  Problems problems;
  auto s = read_csv(octets, "a.csv", options, problems);
  EXPECT_TRUE(s) << (problems.empty() ? "" : problems[0]);
  return s ? *s : Sheet{};
}
std::string refused(std::string_view octets, const SheetOptions& options = {}) {
  Problems problems;
  EXPECT_FALSE(read_csv(octets, "a.csv", options, problems));
  return problems.size() == 1 ? problems[0] : "";
}
std::vector<Sheet> xlsx(const std::string& octets) {
  Problems problems;
  auto s = read_xlsx(octets, "a.xlsx", problems);
  EXPECT_TRUE(problems.empty()) << problems[0];
  return s;
}
std::string no_xlsx(const std::string& octets) {
  Problems problems;
  EXPECT_TRUE(read_xlsx(octets, "a.xlsx", problems).empty());
  return problems.empty() ? "" : problems[0];
}

TEST(Csv, QuotesLinesAndEmptyRows) {
  const Sheet s = csv("a;\"b;\"\"c\"\"\nd\";e\r\n\r\n;;\n 1 ;2;\"\"\n3");
  EXPECT_EQ(s.delimiter, ';');
  ASSERT_EQ(s.rows.size(), 3u);
  EXPECT_EQ(s.rows[0].cells, (std::vector<std::string>{"a", "b;\"c\"\nd", "e"}));
  EXPECT_EQ(s.rows[1].cells, (std::vector<std::string>{"1", "2", ""}));
  EXPECT_EQ(s.rows[1].line, 5u);
  EXPECT_EQ(s.place(s.rows[2]), "a.csv:6");
  EXPECT_EQ(s.rows[2][7], "");
}

TEST(Csv, Delimiters) {
  EXPECT_EQ(guess_delimiter("a\tb,c\td\n1\t2,5\t3\n"), '\t');
  EXPECT_EQ(guess_delimiter("a;b;c\n1,5;2,5;3,5\n1,5;2,5;3,5\n"), ';');      // decimal commas
  EXPECT_EQ(guess_delimiter("a,b,c\n1,\"x;y;z\",3\n"), ',');
  EXPECT_EQ(guess_delimiter("sep=|\na;b\n"), '|');
  EXPECT_EQ(csv("sep=,\na,b\n").rows.size(), 1u);
}

// One octet of a longer character would cut others in half.
TEST(Csv, DelimitersAreAscii) {
  EXPECT_EQ(guess_delimiter("sep=č\na;b\n1;2\n"), ';');
  for (const char c : {';', '\t', '|', ' '}) EXPECT_TRUE(may_delimit(c));
  for (const char c : {'"', '\n', '\xc4', '\0'}) EXPECT_FALSE(may_delimit(c));
}

// A no-break space is two octets, of which other characters have one: Š, à, °.
TEST(Csv, Blanks) { EXPECT_EQ(csv("\xC2\xA0 °C \xC2\xA0; à ;Š\n1;2;3\n").rows[0].cells, (std::vector<std::string>{"°C", "à", "Š"})); }

// A row that is too wide is refused before it is whole.
TEST(Csv, RowsOfDelimiters) {
  std::string wide = "a;b\n" + std::string(2000, ';') + "\"never closed";
  EXPECT_NE(refused(wide, {.delimiter = ';'}).find("a.csv:2: more than 1024 columns"), std::string::npos);
  EXPECT_NE(refused("sep=" + std::string(2000, ';') + "\na;b\n").find("more than 1024 columns"), std::string::npos);
}

TEST(Csv, Encodings) {
  const auto second = [](const Sheet& s) { return std::string(s.rows.at(0)[1]); };
  const Sheet latin2 = csv("1;Prekida\xE8 \x8Aipovo\n");            // č, Š in Windows-1250
  EXPECT_EQ(latin2.encoding, "WINDOWS-1250");
  EXPECT_EQ(second(latin2), "Prekidač Šipovo");
  const Sheet cyrillic = csv("1;\xCF\xF0\xE5\xEA\xE8\xE4\xE0\xF7\n");  // Прекидач in Windows-1251
  EXPECT_EQ(cyrillic.encoding, "WINDOWS-1251");
  EXPECT_EQ(second(cyrillic), "Прекидач");
  EXPECT_EQ(csv("1;Prekidač\n").encoding, "UTF-8");
  EXPECT_EQ(second(csv("\xEF\xBB\xBF" "1;x")), "x");
  EXPECT_EQ(csv("\xEF\xBB\xBF" "1;x").rows[0][0], "1");              // without the mark
  std::string wide = "\xFF\xFE", big;
  for (char c : std::string_view("1;x\n2;y\n")) wide += c, wide += '\0', big += '\0', big += c;
  EXPECT_EQ(second(csv(wide)), "x");
  const Sheet unmarked = csv(big);
  EXPECT_EQ(unmarked.encoding, "UTF-16BE");
  EXPECT_EQ(second(unmarked), "x");
  EXPECT_EQ(second(csv("1;\x87" "elija\n", {.encoding = "CP852"})), "çelija");
}

TEST(Csv, WhatCannotBeReadIsNamed) {
  EXPECT_EQ(refused("a;b\n1;\xE8\n", {.encoding = "UTF-8"}), "a.csv:2: octet 0xE8 means nothing in UTF-8; say the right one with --encoding");
  EXPECT_NE(refused("a", {.encoding = "KLINGON"}).find("\"KLINGON\" is not known"), std::string::npos);
  EXPECT_NE(refused("").find("nothing in it"), std::string::npos);
  EXPECT_NE(refused(";;;\n\n").find("nothing in it"), std::string::npos);
  EXPECT_NE(refused(std::string_view("a\0b\n", 4)).find("no text"), std::string::npos);
  EXPECT_NE(refused("a;b\nc;\"d\nxxxxxx").find("a.csv:2: a quotation mark"), std::string::npos);
  EXPECT_NE(refused(std::string(5000, 'x')).find("a cell of 5000 octets"), std::string::npos);
  EXPECT_NE(refused(std::string(2000, ';')).find("more than 1024 columns"), std::string::npos);
}

constexpr std::string_view cells = R"(<sheetData>
 <row r="2"><c r="B2" t="s"><v>0</v></c><c r="C2" t="inlineStr"><is><t>inline</t></is></c></row>
 <row r="4"><c r="A4"><v>5101</v></c><c r="B4"><v>5.101E3</v></c><c r="C4"><v>0.1</v></c><c r="D4" t="b"><v>1</v></c><c r="E4" t="e"><v>#N/A</v></c><c r="F4" t="str"><f>A1</f><v>formula</v></c></row>
 <row r="5"><c r="B5"><v>7</v></c></row><row r="6"/><row r="7"><c r="B7" t="s"><v>1</v></c><c r="A7" t="s"><v>9</v></c></row>
</sheetData><mergeCells><mergeCell ref="A4:A7"/><mergeCell ref="B2:D2"/><mergeCell ref="nonsense"/></mergeCells>)";

TEST(Xlsx, CellsOfEveryKindAndMergedOnes) {
  const auto sheets = xlsx(workbook(std::string(cells), "<si><t>Naziv</t></si><si><r><t>Prekidač</t></r><r><t>Q0</t></r><rPh><t>no</t></rPh></si>"));
  ASSERT_EQ(sheets.size(), 1u);
  const Sheet& s = sheets[0];
  EXPECT_EQ(s.name, "Signali");
  ASSERT_EQ(s.rows.size(), 5u);
  EXPECT_EQ(s.rows[0].cells, (std::vector<std::string>{"", "Naziv", "inline"}));
  EXPECT_EQ(s.rows[1].cells, (std::vector<std::string>{"5101", "5101", "0.1", "yes", "", "formula"}));
  EXPECT_EQ(s.rows[2].cells, (std::vector<std::string>{"5101", "7"}));     // merged downwards
  EXPECT_EQ(s.rows[3].cells, (std::vector<std::string>{"5101"}));
  EXPECT_EQ(s.rows[4][1], "Prekidač Q0");
  EXPECT_EQ(s.place(s.rows[4]), "a.xlsx:Signali:7");
}

TEST(Xlsx, LongCellsAreCutBetweenCharacters) {
  for (const char* type : {"<c r='A1' t='inlineStr'><is><t>", "<c r='A1' t='str'><v>"}) {
    const bool in = std::string_view(type).find("<is>") != std::string_view::npos;
    const auto s = xlsx(workbook("<sheetData><row r='1'>" + std::string(type) + std::string(4095, 'a') + "č" + (in ? "</t></is>" : "</v>") + "</c></row></sheetData>"));
    ASSERT_EQ(s.size(), 1u);
    EXPECT_EQ(s[0].rows[0][0], std::string(4095, 'a'));
  }
}

// Little that would become much.
TEST(Xlsx, WorkbooksThatSwell) {
  std::string rows = "<sheetData>";
  for (int i = 0; i < 70'000; i++) rows += "<row><c t='s'><v>0</v></c></row>";
  EXPECT_NE(no_xlsx(workbook(rows + "</sheetData>", "<si><t>" + std::string(4096, 'x') + "</t></si>")).find("more than 256 MiB of text"), std::string::npos);
  std::string merged = "<sheetData>";
  for (int i = 0; i < 3000; i++) merged += "<row><c t='inlineStr'><is><t>x</t></is></c></row>";
  merged += "</sheetData><mergeCells>";
  for (int i = 0; i < 3000; i++) merged += "<mergeCell ref='A1:A3000'/>";
  EXPECT_NE(no_xlsx(workbook(merged + "</mergeCells>")).find("its merged cells would fill more than 8000000 cells"), std::string::npos);
  const std::string twice = archive({{"xl/workbook.xml", "<workbook xmlns:r='r'><sheets><sheet name='a' r:id='r1'/><sheet name='b' r:id='r2'/></sheets></workbook>"},
                                     {"xl/_rels/workbook.xml.rels", "<Relationships><Relationship Id='r1' Target='worksheets/sheet1.xml'/><Relationship Id='r2' Target='/xl/worksheets/sheet1.xml'/></Relationships>"},
                                     {"xl/worksheets/sheet1.xml", "<worksheet><sheetData><row><c><v>1</v></c></row></sheetData></worksheet>"}});
  EXPECT_NE(no_xlsx(twice).find("two of its sheets lie in xl/worksheets/sheet1.xml"), std::string::npos);
}

TEST(Xlsx, WhatCannotBeReadIsNamed) {
  EXPECT_NE(no_xlsx(archive({{"word/document.xml", "<w/>"}})).find("no .xlsx workbook"), std::string::npos);
  EXPECT_NE(no_xlsx(workbook("<sheetData/>")).find("nothing in its sheets"), std::string::npos);
  EXPECT_NE(no_xlsx(workbook("<sheetData><row>")).find("a.xlsx:xl/worksheets/sheet1.xml:1:"), std::string::npos);
  EXPECT_NE(no_xlsx(archive({{"xl/workbook.xml", "<!DOCTYPE x [<!ENTITY a 'b'>]><workbook>&a;</workbook>"}, {"xl/_rels/workbook.xml.rels", "<R/>"}})).find("DOCTYPE"), std::string::npos);
  // Few octets that name a column far out, again and again.
  std::string far = "<sheetData>";
  for (int i = 0; i < 20'000; i++) far += "<row><c r='AMJ1'><v>1</v></c></row>";
  EXPECT_NE(no_xlsx(workbook(far + "</sheetData>")).find("cells"), std::string::npos);
}

TEST(Zip, SwellingLyingAndCutArchives) {
  const std::string bomb = archive({{"a", std::string(20 << 20, 'a')}});
  std::string why;
  auto zip = Zip::open(bomb, why);
  ASSERT_TRUE(zip);
  EXPECT_FALSE(zip->read("a", 1 << 20, why));
  EXPECT_NE(why.find("at most 1048576"), std::string::npos);
  EXPECT_TRUE(zip->read("a", 32 << 20, why));
  std::string lies = archive({{"a", std::string(1 << 20, 'a')}});
  const size_t directory = lies.rfind("PK\x01\x02");
  lies[directory + 26] = 0;                                              // says 0 … of 1 MiB
  zip = Zip::open(lies, why);
  ASSERT_TRUE(zip);
  EXPECT_FALSE(zip->read("a", 32 << 20, why));
  EXPECT_NE(why.find("damaged"), std::string::npos);
  EXPECT_FALSE(zip->read("b", 1, why));
  const std::string whole = workbook(std::string(cells), "<si><t>a</t></si>");
  for (size_t n = 0; n < whole.size(); n += 7) {
    Problems problems;
    EXPECT_TRUE(read_xlsx(whole.substr(0, n), "a.xlsx", problems).empty()) << n;
    EXPECT_EQ(problems.size(), 1u) << n;
  }
  for (size_t n = 0; n < whole.size(); n++) {                            // no octet of it can do harm
    std::string other = whole;
    other[n] = char(other[n] ^ 0xff);
    Problems problems;
    read_xlsx(other, "a.xlsx", problems);
  }
}

}  // namespace
}  // namespace vidra
