// SPDX-License-Identifier: Apache-2.0
#include "daemon/site/zip.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>

#include "dissectors/reader.h"

namespace vidra {
std::optional<Zip> Zip::open(std::string_view octets, std::string& why) {
  const auto no = [&](const char* what) { return why = what, std::nullopt; };
  // 4.3.16: the end record is the last but a comment of at most 65,535 octets.
  constexpr std::string_view mark("PK\x05\x06", 4);
  const size_t end = octets.rfind(mark);
  if (end == std::string_view::npos || octets.size() - end < 22) return no("its directory is not there; the file is cut: copy it again");
  bool bad = false;
  Reader r{bytes_of(octets.substr(end + 4)), bad};
  const unsigned disk = r.le16(), first_disk = r.le16(), here = r.le16(), all = r.le16();
  const size_t size = r.le32(), at = r.le32();
  if (bad || disk || first_disk || here != all) return no("it is one of several parts");
  if (at > end || size > end - at) return no("its directory lies outside of it; the file is cut: copy it again");
  Zip zip;
  zip.octets_ = octets;
  Reader d{bytes_of(octets.substr(at, size)), bad};
  for (unsigned i = 0; i < all; i++) {
    Member m;
    if (d.le32() != 0x02014b50) return no("its directory is damaged");
    d.skip(4);
    m.flags = d.le16(), m.method = d.le16();
    d.skip(4);
    m.check = d.le32(), m.packed = d.le32(), m.size = d.le32();
    const size_t name = d.le16(), extra = d.le16(), comment = d.le16();
    d.skip(8);
    m.at = d.le32();
    const Bytes n = d.bytes(name);
    d.skip(extra), d.skip(comment);
    if (bad) return no("its directory is damaged");
    zip.members_.emplace(std::string(n.begin(), n.end()), m);
  }
  return zip;
}

std::optional<std::string> Zip::read(const std::string& name, size_t most, std::string& why) const {
  const auto no = [&](std::string what) { return why = std::move(what), std::nullopt; };
  const auto it = members_.find(name);
  if (it == members_.end()) return no(fmt::format("{} is not in it", name));
  const Member& m = it->second;
  if (m.flags & 1) return no(fmt::format("{} is encrypted; save it without a password", name));
  if (m.method != 0 && m.method != 8) return no(fmt::format("{} is packed by method {}; save it again", name, m.method));
  if (m.size > most) return no(fmt::format("{} holds {} octets; at most {}", name, m.size, most));
  if (m.at >= octets_.size()) return no(fmt::format("{} lies outside of the file", name));
  bool bad = false;
  Reader r{bytes_of(octets_.substr(m.at)), bad};
  const bool head = r.le32() == 0x04034b50;
  r.skip(22);
  const size_t name_octets = r.le16(), extra = r.le16();
  r.skip(name_octets), r.skip(extra);
  const Bytes packed = r.bytes(m.packed);
  if (!head || bad) return no(fmt::format("{} lies outside of the file", name));
  std::string out;
  if (m.method == 0) {
    out.assign(packed.begin(), packed.end());
  } else {
    z_stream z{};
    if (inflateInit2(&z, -MAX_WBITS) != Z_OK) return no("no memory");
    z.next_in = const_cast<Bytef*>(packed.data());
    z.avail_in = uInt(packed.size());
    int state = Z_OK;
    while (state == Z_OK && out.size() <= m.size) {
      const size_t from = out.size(), room = std::min<size_t>(m.size - from + 1, 1 << 20);   // one more than it says
      out.resize(from + room);
      z.next_out = reinterpret_cast<Bytef*>(out.data() + from);
      z.avail_out = uInt(room);
      state = inflate(&z, Z_NO_FLUSH);
      out.resize(out.size() - z.avail_out);
      if (state == Z_OK && z.avail_in == 0 && z.avail_out) break;
    }
    inflateEnd(&z);
    if (state != Z_STREAM_END) return no(fmt::format("{} is damaged", name));
  }
  if (out.size() != m.size || uint32_t(crc32(0, reinterpret_cast<const Bytef*>(out.data()), uInt(out.size()))) != m.check) return no(fmt::format("{} is damaged", name));
  return out;
}

}  // namespace vidra
