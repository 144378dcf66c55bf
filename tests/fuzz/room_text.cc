// SPDX-License-Identifier: Apache-2.0
// Files that people and engineering tools write.
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/judge/site_file.h"
#include "daemon/site/scl.h"
#include "tests/fuzz/room.h"

namespace vidra::fuzz {
namespace {
// The octets as a file that has a path, in memory.
struct MemoryFile {
  explicit MemoryFile(Bytes b) : fd(memfd_create("input", MFD_CLOEXEC)) {
    demand(fd >= 0 && ::write(fd, b.data(), b.size()) == ssize_t(b.size()), "a file in memory can be written");
  }
  ~MemoryFile() { ::close(fd); }
  std::string path() const { return "/proc/self/fd/" + std::to_string(fd); }
  int fd;
};
Input input(std::string_view s) { return {s.begin(), s.end()}; }
}  // namespace

void play_toml(Bytes octets) {
  Problems problems;
  const std::string text(text_of(octets));
  if (text.find("file") != std::string::npos) return;          // names other files: those are not ours to open
  auto root = TomlTable::parse(text, "input.toml", problems);
  // In parts it says the same: what stands in rows of tables, and what else.
  Problems of_parts;
  TomlParts parts(text, "input.toml", {"host", "zone"}, of_parts, 16);
  size_t hosts = 0, zones = 0, others = 0;
  while (auto part = parts.next())
    for (const std::string& key : part->keys()) {
      const bool host = key == "host", row = host || key == "zone";
      (host ? hosts : row ? zones : others) += row && part->tables(key).size() ? part->tables(key).size() : 1;
    }
  if (!root) return demand(!problems.empty(), "what is no TOML is told");
  demand(!parts.failed(), "what is TOML as a whole is TOML in parts");
  const auto rows = [&](const char* key) { return !root->has(key) ? 0 : std::max<size_t>(1, root->tables(key).size()); };
  demand(hosts == rows("host") && zones == rows("zone"), "each row is read once");
  demand(others >= root->keys().size() - root->has("host") - root->has("zone"), "nothing is left out between them");
  const Site site = read_site(*root, problems);
  root->finish();
  for (const std::string& p : problems) demand(p.find("input.toml") != std::string::npos, "a problem names its file");
}
std::vector<Input> toml_seeds() {
  return {input("[site]\nname = \"a\"\nprefixes = [\"10.1.1.0/24\", \"fd00::/64\"]\n[[host]]\nname = \"rtu1\"\naddress = \"10.1.1.20\"\nrole = \"rtu\"\n[[host]]\nname = \"scada\"\naddress = \"10.1.1.10\"\n"
                "role = \"master\"\n[[conversation]]\nclient = \"scada\"\nserver = \"rtu1\"\nprotocol = \"iec104\"\nport = 2404\nacts = [\"reading\", \"operate\"]\n[[iec104_point]]\nhost = \"rtu1\"\nstation = 11\n"
                "address = 5101\ncount = 6\ntype = \"C_DC_NA_1\"\nkind = \"switchgear\"\nmode = \"select\"\n"),
          input("[[zone]]\nname = \"bay\"\nprefixes = [\"10.0.0.0/8\"]\n[[window]]\nname = \"works\"\nfrom = 2026-11-22T08:00:00Z\nto = 2026-11-22T16:00:00Z\n[[publisher]]\nhost = \"ied\"\nprotocol = \"goose\"\n"),
          input("a = [1, 2.5, \"\\u00e9\", 1979-05-27, true]\nb = { c = '''x''' }\n")};
}

void play_scd(Bytes octets) {
  const MemoryFile file(octets);
  Problems problems;
  const SclImport i = import_scl({file.path()}, {}, problems);
  const std::string text = toml_text(i.declared);
  demand(is_utf8(text), "what is written is TOML's text");
  Problems wrong;
  demand(TomlTable::parse(text, "written.toml", wrong).has_value(), "what is written is TOML");
}
std::vector<Input> scd_seeds() {
  return {input("<?xml version=\"1.0\"?><SCL xmlns=\"http://www.iec.ch/61850/2003/SCL\"><Header id=\"a\"/><Communication><SubNetwork name=\"W1\" type=\"8-MMS\"><ConnectedAP iedName=\"Q1\" apName=\"S1\"><Address>"
                "<P type=\"IP\">10.1.1.41</P></Address><GSE ldInst=\"LD0\" cbName=\"gcb\"><Address><P type=\"MAC-Address\">01-0C-CD-01-00-01</P><P type=\"APPID\">0001</P><P type=\"VLAN-ID\">005</P></Address>"
                "<MinTime unit=\"s\" multiplier=\"m\">4</MinTime><MaxTime unit=\"s\" multiplier=\"m\">1000</MaxTime></GSE><SMV ldInst=\"LD0\" cbName=\"mcb\"><Address><P type=\"MAC-Address\">01-0C-CD-04-00-01</P>"
                "<P type=\"APPID\">4000</P></Address></SMV></ConnectedAP></SubNetwork></Communication><IED name=\"Q1\" manufacturer=\"m\" type=\"t\"><AccessPoint name=\"S1\"><Server><LDevice inst=\"LD0\"><LN0 lnClass=\"LLN0\" "
                "inst=\"\" lnType=\"L\"><DataSet name=\"ds\"><FCDA ldInst=\"LD0\" lnClass=\"XCBR\" lnInst=\"1\" doName=\"Pos\" fc=\"ST\"/></DataSet><GSEControl name=\"gcb\" datSet=\"ds\" appID=\"Q1/gcb\" confRev=\"1\"/>"
                "<SampledValueControl name=\"mcb\" datSet=\"ds\" smvID=\"mu\" smpRate=\"80\" nofASDU=\"1\" confRev=\"1\"/></LN0><LN lnClass=\"XCBR\" inst=\"1\" lnType=\"X\"/></LDevice></Server></AccessPoint></IED></SCL>"),
          input("<SCL><IED name=\"&#233;\"><AccessPoint name=\"a\"/></IED></SCL>")};
}

}  // namespace vidra::fuzz
