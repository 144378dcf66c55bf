// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace vidra {

// The members of a ZIP archive in memory (APPNOTE 6.3), stored or deflated. Names lead to what lies behind them; nothing is written
// anywhere. Archives in several parts, encrypted ones and those of more than 4 GiB are not read.
class Zip {
 public:
  static std::optional<Zip> open(std::string_view octets, std::string& why);
  bool has(const std::string& name) const { return members_.contains(name); }
  // The contents, at most `most` octets; nothing and a reason where they are damaged or swell beyond.
  std::optional<std::string> read(const std::string& name, size_t most, std::string& why) const;

 private:
  struct Member { size_t at = 0, packed = 0, size = 0; uint32_t check = 0; uint16_t method = 0, flags = 0; };
  std::string_view octets_;
  std::map<std::string, Member, std::less<>> members_;
};

}  // namespace vidra
