// SPDX-License-Identifier: Apache-2.0
#include "daemon/site/oui.h"

#include <algorithm>
#include <fstream>
#include <sstream>

namespace vidra {
namespace {

std::string whole(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  if (in) out << in.rdbuf();
  return std::move(out).str();
}

int nibble(char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; }

}  // namespace

void Makers::add(std::string_view hex, std::string_view name) {
  while (!name.empty() && (name.back() == ' ' || name.back() == ',' || name.back() == '\r')) name.remove_suffix(1);
  while (!name.empty() && name.front() == ' ') name.remove_prefix(1);
  if (hex.size() < 6 || hex.size() > 12 || name.empty() || name == "Private" || name == "IEEE Registration Authority") return;
  uint64_t n = 0;
  for (const char c : hex) {
    if (nibble(c) < 0) return;
    n = n << 4 | uint64_t(nibble(c));
  }
  const unsigned bits = unsigned(hex.size() * 4);
  list_.push_back({n << (48 - bits), uint8_t(bits), uint32_t(names_.size()), uint32_t(name.size())});
  names_ += name;
}

// Registry,Assignment,Organization Name,Organization Address: a field with a comma stands in quotes, a quote in it is doubled.
void Makers::read_csv(std::string_view s) {
  std::string fields[4];
  size_t field = 0;
  bool quoted = false;
  for (size_t i = 0; i < s.size(); i++) {
    const char c = s[i];
    if (quoted) {
      if (c != '"') { if (field < 4) fields[field] += c; }
      else if (i + 1 < s.size() && s[i + 1] == '"') { if (field < 4) fields[field] += '"'; i++; }
      else quoted = false;
    } else if (c == '"') quoted = true;
    else if (c == ',') field++;
    else if (c == '\n') {
      add(fields[1], fields[2]);
      for (std::string& f : fields) f.clear();
      field = 0;
    } else if (field < 4) fields[field] += c;
  }
  add(fields[1], fields[2]);
}

// "28-6F-B9   (hex)\t\tNokia"; of the longer assignments "00-1B-C5   (hex)" is followed by "000000-000FFF     (base 16)\t\tConverging".
void Makers::read_txt(std::string_view s) {
  std::string block;
  while (!s.empty()) {
    const std::string_view line = s.substr(0, s.find('\n'));
    s.remove_prefix(std::min(s.size(), line.size() + 1));
    if (const size_t at = line.find("(hex)"); at != line.npos) {
      block.clear();
      for (const char c : line.substr(0, at))
        if (nibble(c) >= 0) block += c;
    } else if (const size_t base = line.find("(base 16)"); base != line.npos && block.size() == 6) {
      const std::string_view range = line.substr(0, line.find_first_of(" \t"));
      const size_t name = line.find_first_not_of(" \t", base + 9);
      if (name == line.npos) continue;
      std::string hex = block;
      if (const size_t dash = range.find('-'); dash == 6 && range.size() == 13) {
        size_t same = 0;                                     // 000000-000FFF: the digits before those that run
        while (same < 6 && range[same] == range[same + 7]) same++;
        hex += range.substr(0, same);
      }
      add(hex, line.substr(name));
    }
  }
}

Makers Makers::load(const std::string& from) {
  Makers m;
  for (const char* name : {"oui", "mam", "oui36", "iab"}) {
    if (const std::string csv = whole(from + "/" + name + ".csv"); !csv.empty()) m.read_csv(csv);
    else m.read_txt(whole(from + "/" + name + ".txt"));
  }
  std::sort(m.list_.begin(), m.list_.end(), [](const Assigned& a, const Assigned& b) { return std::pair(a.first, a.bits) < std::pair(b.first, b.bits); });
  return m;
}

std::string_view Makers::of(const Mac& m) const {
  if (local(m) || m.group()) return {};
  for (const unsigned bits : {36u, 28u, 24u}) {
    const uint64_t first = m.number() >> (48 - bits) << (48 - bits);
    const auto at = std::lower_bound(list_.begin(), list_.end(), std::pair(first, uint8_t(bits)), [](const Assigned& a, const auto& k) { return std::pair(a.first, a.bits) < k; });
    if (at != list_.end() && at->first == first && at->bits == bits) return std::string_view(names_).substr(at->at, at->length);
  }
  return {};
}

}  // namespace vidra
