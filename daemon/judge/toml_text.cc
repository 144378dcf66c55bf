// SPDX-License-Identifier: Apache-2.0
#include "daemon/judge/toml_text.h"

#include <fmt/format.h>

namespace vidra {

std::string quoted_toml(std::string_view s) {
  std::string out = "\"";
  for (char c : s) {
    if (c == '"' || c == '\\') out += '\\', out += c;
    else if (uint8_t(c) < 0x20 || c == 0x7f) out += fmt::format("\\u{:04X}", uint8_t(c));
    else out += c;
  }
  return out + '"';
}

std::string clean_utf8(std::string_view s) {
  std::string out;
  for (size_t i = 0; i < s.size();) {
    const uint8_t c = uint8_t(s[i]);
    const size_t n = c < 0x80 ? 1 : c >= 0xc2 && c < 0xe0 ? 2 : c >= 0xe0 && c < 0xf0 ? 3 : c >= 0xf0 && c < 0xf5 ? 4 : 0;
    bool good = n && i + n <= s.size();
    for (size_t k = 1; good && k < n; k++) good = (uint8_t(s[i + k]) & 0xc0) == 0x80;
    if (good && n == 3) good = !(c == 0xe0 && uint8_t(s[i + 1]) < 0xa0) && !(c == 0xed && uint8_t(s[i + 1]) >= 0xa0);
    if (good && n == 4) good = !(c == 0xf0 && uint8_t(s[i + 1]) < 0x90) && !(c == 0xf4 && uint8_t(s[i + 1]) >= 0x90);
    if (good) out += s.substr(i, n), i += n;
    else out += '?', i++;
  }
  return out;
}

}  // namespace vidra
