// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "dissectors/text.h"

// NTLM messages (MS-NLMP 2.2.1) where they lie inside another protocol's authentication. What they prove with is never read.
namespace vidra {

// The NTLM message in these octets, from its signature on; empty where there is none.
inline Bytes ntlm_in(Bytes b) {
  const size_t at = text_of(b).find(std::string_view("NTLMSSP\0", 8));
  return at == std::string_view::npos ? Bytes{} : b.subspan(at);
}

// Says of an NTLM message who authenticates, from where and against which domain (AUTHENTICATE), or who challenges (CHALLENGE).
// Returns its type, 0 where it is none.
inline uint32_t tell_ntlm(Bytes message, Speaker& say) {
  bool bad = false;
  Reader r{message, bad};
  r.skip(8);
  const uint32_t type = r.le32();
  if (bad || type < 1 || type > 3) return 0;
  const auto field = [&message](size_t at) -> Bytes {   // length, room, offset
    bool out = false;
    Reader f{message, out};
    f.skip(at);
    const uint16_t n = f.le16();
    f.skip(2);
    const uint32_t offset = f.le32();
    if (out || offset > message.size() || n > message.size() - offset) return {};
    return message.subspan(offset, n);
  };
  const auto flags = [&message](size_t at) {
    bool out = false;
    Reader f{message, out};
    f.skip(at);
    return f.le32();
  };
  const bool unicode = type == 3 ? (message.size() < 64 || flags(60) & 1) : (type == 2 ? flags(20) & 1 : 0);
  std::array<char, 160> room;
  const auto put = [&](std::string_view name, Bytes octets) {
    const std::string_view s = unicode ? utf8_of(octets, room) : text_of(octets.first(std::min<size_t>(octets.size(), 160)));
    if (!s.empty()) tell(say, name, s);
  };
  tell(say, "authentication", "NTLM");
  if (type == 2) put("domain", field(12));
  if (type == 3) put("user", field(36)), put("domain", field(28)), put("workstation", field(44));
  return type;
}

}  // namespace vidra
