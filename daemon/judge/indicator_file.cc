// SPDX-License-Identifier: Apache-2.0
#include "daemon/judge/indicator_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <optional>

#include "daemon/base/text.h"

namespace vidra {
namespace {

constexpr uintmax_t longest_file = 256u << 20;
constexpr size_t longest_value = 2048, longest_comment = 256, told_one_by_one = 20;

std::string lowered(std::string_view s) {
  std::string out(s);
  for (char& c : out) c = char(c >= 'A' && c <= 'Z' ? c + 32 : c);
  return out;
}

std::string_view without_blanks(std::string_view s) {
  constexpr std::string_view blanks = " \t\r\n";
  while (!s.empty() && blanks.find(s.front()) != blanks.npos) s.remove_prefix(1);
  while (!s.empty() && blanks.find(s.back()) != blanks.npos) s.remove_suffix(1);
  return s;
}

// hxxp://evil[.]example: as such lists are written, so that nobody follows them by accident.
std::string armed(std::string_view s) {
  std::string out;
  for (size_t i = 0; i < s.size(); i++) {
    const std::string_view rest = s.substr(i);
    if (rest.starts_with("[.]") || rest.starts_with("(.)") || rest.starts_with("{.}")) out += '.', i += 2;
    else if (rest.starts_with("[:]")) out += ':', i += 2;
    else if (rest.starts_with("[dot]")) out += '.', i += 4;
    else if (rest.starts_with("[://]")) out += "://", i += 4;
    else out += s[i];
  }
  if (out.starts_with("hxxp")) out.replace(0, 4, "http");
  return out;
}

bool all_hex(std::string_view s) {
  return std::all_of(s.begin(), s.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); });
}
bool digits(std::string_view s) {
  return !s.empty() && std::all_of(s.begin(), s.end(), [](char c) { return c >= '0' && c <= '9'; });
}
bool is_ja4(std::string_view s) {          // t13d1516h2_8daaf6152771_e5627efa2ab1
  return s.size() == 36 && s[10] == '_' && s[23] == '_' && all_hex(s.substr(11, 12)) && all_hex(s.substr(24)) && (s[3] == 'd' || s[3] == 'i') && digits(s.substr(4, 4));
}
bool is_domain(std::string_view s) {       // two labels at least: of a whole top-level domain nobody is an enemy
  size_t labels = 0, length = 0;
  bool number = true;
  for (char c : s) {
    if (c == '.') {
      if (!length || length > 63) return false;
      labels++, length = 0, number = true;
      continue;
    }
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    if (!plain) return false;
    number &= c >= '0' && c <= '9';
    length++;
  }
  return labels >= 1 && length && length <= 63 && !number && s.size() <= 253;
}

std::optional<uint16_t> port_of(std::string_view s) {
  uint16_t n = 0;
  const auto [end, bad] = std::from_chars(s.data(), s.data() + s.size(), n);
  return bad == std::errc() && end == s.data() + s.size() && n ? std::optional(n) : std::nullopt;
}

constexpr std::string_view wanted = "an address, a range (198.51.100.0/24), a domain, a URL, a JA4, a HASSH or a certificate's thumbprint (32, 40 or 64 hexadecimal digits)";

// What a list calls its kinds: MISP's words, and plainer ones.
enum class Meant : uint8_t { guess, address, name, name_and_address, url, print, unsaid };
Meant meant(std::string_view type) {
  struct Word { std::string_view word; Meant meant; };
  constexpr Word words[] = {
      {"ip-src", Meant::address}, {"ip-dst", Meant::address}, {"ip", Meant::address}, {"ipv4", Meant::address}, {"ipv6", Meant::address}, {"address", Meant::address}, {"cidr", Meant::address},
      {"ipv4-addr", Meant::address}, {"ipv6-addr", Meant::address}, {"ip-src|port", Meant::address}, {"ip-dst|port", Meant::address},
      {"domain", Meant::name}, {"hostname", Meant::name}, {"hostname|port", Meant::name}, {"domain-name", Meant::name}, {"name", Meant::name}, {"fqdn", Meant::name}, {"domain|ip", Meant::name_and_address},
      {"url", Meant::url},
      {"ja4", Meant::print}, {"ja4-fingerprint", Meant::print}, {"hassh", Meant::print}, {"hassh-md5", Meant::print}, {"hasshserver-md5", Meant::print}, {"sha1", Meant::print}, {"sha256", Meant::print},
      {"x509-fingerprint-sha1", Meant::print}, {"x509-fingerprint-sha256", Meant::print}, {"thumbprint", Meant::print}, {"hash", Meant::print}, {"indicator", Meant::guess}, {"", Meant::guess}};
  for (const Word& w : words)
    if (w.word == type) return w.meant;
  return Meant::unsaid;
}

class List {
 public:
  List(const std::string& path, Indicators& to, Problems& problems) : path_(path), to_(to), problems_(problems) {
    to_.files.push_back(path);
    file_ = uint16_t(to_.files.size() - 1);
  }
  ~List() {
    if (wrong_ > told_one_by_one) problems_.push_back(fmt::format("{}: and {} more mistakes of this kind", path_, wrong_ - told_one_by_one));
  }

  size_t wrong() const { return wrong_; }
  void complain(uint32_t line, const std::string& what) {
    to_.refuse();
    if (++wrong_ <= told_one_by_one) problems_.push_back(fmt::format("{}:{}: {}", path_, line, what));
  }

  void take(uint32_t line, std::string_view type, std::string_view raw, std::string_view comment) {
    const std::string value = armed(without_blanks(raw));
    if (value.empty()) return complain(line, fmt::format("there is no value; it must be {}", wanted));
    if (value.size() > longest_value) return complain(line, fmt::format("the value has {} octets, at most {} are allowed", value.size(), longest_value));
    if (to_.size() >= Indicators::most) return complain(line, fmt::format("there are more than {} indicators; remove what has aged", Indicators::most));
    Meant m = meant(type);
    if (m == Meant::unsaid) return to_.pass_over();
    if (m == Meant::guess) m = guess(value);
    std::string why;
    bool right = false;
    switch (m) {
      case Meant::address: right = address(line, value, comment, why); break;
      case Meant::name: right = name(line, value, comment); break;
      case Meant::name_and_address: {
        const size_t bar = value.find('|');
        right = name(line, value.substr(0, bar), comment) && (bar == value.npos || address(line, value.substr(bar + 1), comment, why));
        break;
      }
      case Meant::url: right = url(line, value, comment, why); break;
      case Meant::print: right = print(line, value, comment); break;
      default: break;
    }
    if (right) return;
    if (!why.empty()) return complain(line, why);
    complain(line, type.empty() ? fmt::format("\"{}\" is no indicator; write {}", shown(value), wanted) : fmt::format("\"{}\" is no {}; correct the value or its type", shown(value), type));
  }

 private:
  static std::string shown(std::string_view s) {
    std::string out(s.substr(0, 60));
    for (char& c : out) c = uint8_t(c) < 0x20 || uint8_t(c) > 0x7e ? '?' : c;
    return out + (s.size() > 60 ? "…" : "");
  }

  Indicator begun(Indicator::Kind k, uint32_t line, std::string_view comment) const {
    Indicator i;
    i.kind = k;
    i.file = file_;
    i.line = line;
    i.comment = comment.substr(0, longest_comment);
    return i;
  }

  static Meant guess(std::string_view v) {
    if (v.find("://") != v.npos) return Meant::url;
    std::string plain;                         // thumbprints are written with colons, too
    for (char c : v)
      if (c != ':') plain += c;
    if (is_ja4(v) || ((plain.size() == 32 || plain.size() == 40 || plain.size() == 64) && all_hex(plain) && !parse_address(v))) return Meant::print;
    const std::string_view host = v.substr(0, v.find_first_of("/|"));
    if (parse_address(host) || v.starts_with('[')) return Meant::address;
    if (const size_t colon = v.rfind(':'); colon != v.npos && parse_address(v.substr(0, colon))) return Meant::address;
    if (v.find('/') == v.npos) return Meant::name;
    return digits(v.substr(0, v.find('.'))) ? Meant::address : Meant::url;
  }

  bool address(uint32_t line, std::string_view v, std::string_view comment, std::string& why) {
    Indicator i = begun(Indicator::Kind::address, line, comment);
    std::string_view host = v;
    if (const size_t bar = v.find('|'); bar != v.npos) {
      const auto port = port_of(v.substr(bar + 1));
      if (!port) return false;
      i.port = *port, host = v.substr(0, bar);
    } else if (v.starts_with('[')) {
      const size_t close = v.find("]:");
      const auto port = close == v.npos ? std::nullopt : port_of(v.substr(close + 2));
      if (!port) return false;
      i.port = *port, host = v.substr(1, close - 1);
    } else if (std::count(v.begin(), v.end(), ':') == 1) {
      const auto port = port_of(v.substr(v.find(':') + 1));
      if (!port) return false;
      i.port = *port, host = v.substr(0, v.find(':'));
    }
    const auto p = parse_prefix(host);
    if (!p || p->base.kind == Address::Kind::mac || p->base.kind == Address::Kind::none) return false;
    const bool four = p->base.kind == Address::Kind::ip4;
    if (p->length < (four ? 8 : 16)) {
      why = fmt::format("\"{}\" names a large part of the world; at least {} bits are needed", shown(v), four ? "/8" : "/16");
      return false;
    }
    // What lists carry by mistake: nobody's address, one's own, everybody's.
    const uint8_t* o = p->base.octets.data();
    const bool nobody = std::all_of(o, o + 16, [](uint8_t c) { return c == 0; });
    const bool own = four ? o[0] == 127 : p->length == 128 && o[15] == 1 && std::all_of(o, o + 15, [](uint8_t c) { return c == 0; });
    if (nobody || own || p->base.group()) return to_.pass_over(), true;
    i.address = p->base;
    i.bits = p->length;
    i.value = text_of(*p);
    if (i.bits == (four ? 32 : 128)) i.value = text_of(p->base);
    if (i.port) i.value = text_of(Endpoint{p->base, i.port});
    to_.add(std::move(i));
    return true;
  }

  bool name(uint32_t line, std::string_view v, std::string_view comment) {
    v = v.substr(0, v.find('|'));
    if (v.starts_with("*.")) v.remove_prefix(2);
    if (v.starts_with(".")) v.remove_prefix(1);
    if (v.ends_with(".")) v.remove_suffix(1);
    Indicator i = begun(Indicator::Kind::name, line, comment);
    i.value = lowered(v);
    if (!is_domain(i.value)) return false;
    to_.add(std::move(i));
    return true;
  }

  bool url(uint32_t line, std::string_view v, std::string_view comment, std::string& why) {
    if (const size_t scheme = v.find("://"); scheme != v.npos) v.remove_prefix(scheme + 3);
    v = v.substr(0, v.find_first_of("?#"));
    const size_t slash = v.find('/');
    std::string_view host = v.substr(0, slash);
    if (const size_t at = host.rfind('@'); at != host.npos) host.remove_prefix(at + 1);
    const std::string_view path = slash == v.npos ? "/" : v.substr(slash);
    if (!host.starts_with('[')) host = host.substr(0, host.find(':'));
    else host = host.substr(1, host.find(']') - 1);
    Indicator i = begun(Indicator::Kind::url, line, comment);
    i.value = lowered(host);
    if (!is_domain(i.value) && !parse_address(i.value)) return why = fmt::format("\"{}\" is no URL; write it like http://host.example/path", shown(v)), false;
    i.value += path;
    to_.add(std::move(i));
    return true;
  }

  bool print(uint32_t line, std::string_view v, std::string_view comment) {
    Indicator i = begun(Indicator::Kind::print, line, comment);
    for (char c : v)
      if (c != ':' && c != ' ') i.value += char(c >= 'A' && c <= 'Z' ? c + 32 : c);
    if (!is_ja4(i.value) && !((i.value.size() == 32 || i.value.size() == 40 || i.value.size() == 64) && all_hex(i.value))) return false;
    to_.add(std::move(i));
    return true;
  }

  std::string path_;
  Indicators& to_;
  Problems& problems_;
  uint16_t file_ = 0;
  size_t wrong_ = 0;
};

// The fields of one row (RFC 4180: quotes may hold separators and line ends); `at` moves behind it, `lines` counts what it took.
std::vector<std::string> row_of(std::string_view text, size_t& at, char separator, uint32_t& lines) {
  std::vector<std::string> row(1);
  bool quoted = false;
  for (; at < text.size(); at++) {
    const char c = text[at];
    if (c == '\n') lines++;
    if (quoted) {
      if (c == '"' && at + 1 < text.size() && text[at + 1] == '"') row.back() += '"', at++;
      else if (c == '"') quoted = false;
      else row.back() += c;
    } else if (c == '"' && row.back().empty()) quoted = true;
    else if (c == separator) row.emplace_back();
    else if (c == '\n') return at++, row;
    else if (c != '\r') row.back() += c;
  }
  return row;
}

struct Header {
  char separator = ',';
  size_t type = SIZE_MAX, value = SIZE_MAX, comment = SIZE_MAX, to_ids = SIZE_MAX;
};

std::optional<Header> header_of(std::string_view line) {
  for (char separator : {',', ';', '\t'}) {
    Header h{separator};
    size_t at = 0;
    uint32_t lines = 0;
    const std::vector<std::string> row = row_of(line, at, separator, lines);
    for (size_t i = 0; i < row.size(); i++) {
      const std::string word = lowered(without_blanks(row[i]));
      if (word == "type") h.type = i;
      else if (word == "value" || word == "indicator") h.value = i;
      else if (word == "comment" || word == "description") h.comment = i;
      else if (word == "to_ids") h.to_ids = i;
    }
    if (h.value != SIZE_MAX && h.type != SIZE_MAX) return h;
  }
  return {};
}

void read_table(std::string_view text, const Header& h, uint32_t line, List& list, Indicators& to) {
  for (size_t at = 0; at < text.size();) {
    const uint32_t here = line;
    const std::vector<std::string> row = row_of(text, at, h.separator, line);
    if (row.size() == 1 && without_blanks(row[0]).empty()) continue;
    if (row[0].starts_with('#')) continue;
    if (row.size() <= std::max(h.type, h.value)) {
      list.complain(here, fmt::format("the row has {} fields, its value is the {}th; a quote may be missing", row.size(), std::max(h.type, h.value) + 1));
      continue;
    }
    if (h.to_ids < row.size()) {
      const std::string meant_for_detection = lowered(without_blanks(row[h.to_ids]));
      if (meant_for_detection == "0" || meant_for_detection == "false") {
        to.pass_over();
        continue;
      }
    }
    list.take(here, lowered(without_blanks(row[h.type])), row[h.value], h.comment < row.size() ? without_blanks(row[h.comment]) : std::string_view());
  }
}

}  // namespace

bool read_indicators(std::string_view text, const std::string& path, Indicators& to, Problems& problems) {
  const size_t taken = to.size() + to.passed_over();
  List list(path, to, problems);
  const auto some = [&] { return to.size() + to.passed_over() > taken || !list.wrong(); };   // else it is an error page, or another thing
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff") || text.substr(0, 4096).find('\0') != text.npos)
    return list.complain(1, "this is no UTF-8 text; save it as UTF-8"), false;
  if (const std::string_view start = without_blanks(text.substr(0, 64)); start.starts_with('{') || start.starts_with("[{") || start.starts_with('<'))
    return list.complain(1, "this is JSON or XML; export it as CSV (type,value,comment) or as plain text, one indicator a line"), false;
  uint32_t line = 1;
  bool first = true;
  for (size_t at = 0; at < text.size(); line++) {
    const size_t end = std::min(text.find('\n', at), text.size());
    std::string_view whole = text.substr(at, end - at);
    at = end + 1;
    std::string_view s = without_blanks(whole);
    if (s.empty() || s[0] == '#' || s[0] == ';') continue;
    if (first) {
      first = false;
      if (const auto h = header_of(s)) {
        read_table(text.substr(std::min(at, text.size())), *h, line + 1, list, to);
        return some();
      }
    }
    const size_t gap = s.find_first_of(" \t,;");
    std::string_view comment = gap == s.npos ? std::string_view() : without_blanks(s.substr(gap + 1));
    while (!comment.empty() && (comment[0] == '#' || comment[0] == ';' || comment[0] == ',')) comment = without_blanks(comment.substr(1));
    list.take(line, "", s.substr(0, gap), comment);
  }
  return some();
}

bool load_indicators(const std::string& path, Indicators& to, Problems& problems) {
  std::error_code none;
  const uintmax_t size = std::filesystem::file_size(path, none);
  const auto refused = [&](std::string why) { return problems.push_back(std::move(why)), false; };
  if (!none && size > longest_file) return refused(fmt::format("{}: has {}, at most {} are read; split it", path, human_bytes(size), human_bytes(longest_file)));
  std::ifstream in(path, std::ios::binary);
  if (!in) return refused(fmt::format("{}: cannot be opened: {}", path, std::strerror(errno)));
  std::string text(none ? 0 : size_t(size), '\0');
  in.read(text.data(), std::streamsize(text.size()));
  if (in.bad() || size_t(in.gcount()) != text.size()) return refused(path + ": cannot be read whole; it may be in the middle of being written");
  return read_indicators(text, path, to, problems);
}

std::vector<std::string> indicator_paths(const std::vector<std::string>& named, const std::string& beside, Problems& problems) {
  std::vector<std::string> all;
  for (const std::string& name : named) {
    std::filesystem::path path = name;
    if (path.is_relative() && !beside.empty()) path = std::filesystem::path(beside).parent_path() / path;
    std::error_code none;
    if (!std::filesystem::is_directory(path, none)) {
      all.push_back(path.string());
      continue;
    }
    std::vector<std::string> inside;
    for (const auto& each : std::filesystem::directory_iterator(path, none)) {
      const std::string file = each.path().filename().string(), kind = each.path().extension().string();
      if (each.is_regular_file(none) && !file.starts_with('.') && (kind == ".txt" || kind == ".list" || kind == ".csv" || kind == ".toml")) inside.push_back(each.path().string());
    }
    if (none) problems.push_back(fmt::format("{}: {}", path.string(), none.message()));
    std::sort(inside.begin(), inside.end());
    all.insert(all.end(), inside.begin(), inside.end());
  }
  if (all.size() > 4096) problems.push_back(fmt::format("[indicators] files name {} files; at most 4096 are read", all.size()));
  return all;
}

}  // namespace vidra
