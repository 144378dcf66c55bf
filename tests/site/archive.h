// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <zlib.h>

#include <string>
#include <utility>
#include <vector>

namespace vidra {

// A ZIP archive in memory, its members deflated: what the tests have in the place of Excel.
inline std::string archive(const std::vector<std::pair<std::string, std::string>>& members) {
  const auto le = [](std::string& to, size_t n, int octets) { while (octets--) to += char(n & 0xff), n >>= 8; };
  std::string out, directory;
  for (const auto& member : members) {
    const std::string &name = member.first, &text = member.second;
    std::string packed(compressBound(uLong(text.size())) + 64, '\0');
    z_stream z{};
    deflateInit2(&z, 6, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
    z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data())), z.avail_in = uInt(text.size());
    z.next_out = reinterpret_cast<Bytef*>(packed.data()), z.avail_out = uInt(packed.size());
    deflate(&z, Z_FINISH);
    packed.resize(z.total_out);
    deflateEnd(&z);
    const size_t at = out.size(), check = crc32(0, reinterpret_cast<const Bytef*>(text.data()), uInt(text.size()));
    const auto common = [&](std::string& to) {
      le(to, 20, 2), le(to, 0, 2), le(to, 8, 2), le(to, 0, 4), le(to, check, 4), le(to, packed.size(), 4), le(to, text.size(), 4), le(to, name.size(), 2), le(to, 0, 2);
    };
    out += std::string("PK\x03\x04", 4), common(out), out += name + packed;
    directory += std::string("PK\x01\x02", 4), le(directory, 20, 2), common(directory), le(directory, 0, 2), le(directory, 0, 2), le(directory, 0, 2), le(directory, 0, 4), le(directory, at, 4);
    directory += name;
  }
  const size_t at = out.size();
  out += directory + std::string("PK\x05\x06", 4);
  le(out, 0, 4), le(out, members.size(), 2), le(out, members.size(), 2), le(out, directory.size(), 4), le(out, at, 4), le(out, 0, 2);
  return out;
}

// A workbook of one sheet, whose XML is given, with these shared strings.
inline std::string workbook(const std::string& sheet, const std::string& strings = "") {
  return archive({{"[Content_Types].xml", "<Types/>"},
                  {"xl/workbook.xml", "<workbook xmlns='m' xmlns:r='r'><sheets><sheet name='Signali' sheetId='1' r:id='rId7'/></sheets></workbook>"},
                  {"xl/_rels/workbook.xml.rels", "<Relationships xmlns='p'><Relationship Id='rId7' Target='worksheets/sheet1.xml'/></Relationships>"},
                  {"xl/sharedStrings.xml", "<sst xmlns='m'>" + strings + "</sst>"},
                  {"xl/worksheets/sheet1.xml", "<worksheet xmlns='m'>" + sheet + "</worksheet>"}});
}

}  // namespace vidra
