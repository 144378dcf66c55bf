// SPDX-License-Identifier: Apache-2.0
#include "daemon/sensor/privacy.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "daemon/base/clock.h"
#include "daemon/base/text.h"

namespace vidra {
namespace {

std::string escaped(std::string_view s) {
  std::string out;
  for (const char c : s) {
    if (c == '\\') out += "\\\\";
    else if (uint8_t(c) < 0x20 || c == 0x7f) out += fmt::format("\\x{:02x}", uint8_t(c));
    else out += c;
  }
  return out;
}

std::string unescaped(std::string_view s) {
  std::string out;
  for (size_t i = 0; i < s.size(); i++) {
    if (s[i] != '\\' || i + 1 >= s.size()) out += s[i];
    else if (s[i + 1] == 'x' && i + 3 < s.size()) out += char(std::stoi(std::string(s.substr(i + 2, 2)), nullptr, 16)), i += 3;
    else out += s[++i];
  }
  return out;
}

}  // namespace

Declared declared_of(const Site& site, std::string_view sensor) {
  Declared d;
  d.prefixes = site.prefixes;
  for (const SiteZone& z : site.zones) {
    d.add("zone", z.name);
    d.prefixes.insert(d.prefixes.end(), z.prefixes.begin(), z.prefixes.end());
  }
  for (const SiteHost& h : site.hosts) {
    d.add("host", h.name);
    d.add("bay", h.bay);
    d.add("zone", h.zone);
    for (const Address& a : h.addresses)
      if (a.kind == Address::Kind::ip4 || a.kind == Address::Kind::ip6) d.prefixes.push_back({a, uint8_t(a.kind == Address::Kind::ip4 ? 32 : 128)});
  }
  for (const MasterGroup& g : site.groups) d.add("group", g.name);
  for (const SitePoint& p : site.points) d.add("point", p.name), d.add("bay", p.bay), d.add("voltage", p.voltage);
  for (const SitePublisher& p : site.publishers) d.add("stream", p.reference), d.add("dataset", p.data_set), d.add("stream", p.go_id), d.add("stream", p.name), d.add("bay", p.bay);
  for (const Window& w : site.windows) {
    d.add("works", w.name), d.add("works", w.permit), d.add("person", w.opener);
    for (const std::string& bay : w.bays) d.add("bay", bay);
  }
  d.add("site", site.name);
  d.add("sensor", sensor);
  return d;
}

void ToldNames::open() {
  std::error_code none;
  std::filesystem::create_directories(std::filesystem::path(path_).parent_path(), none);
  std::ifstream in(path_);
  for (std::string line; std::getline(in, line); lines_++) known_.insert(line.substr(0, line.find('\t')));
  const int fd = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return void(lost_++);
  ::fchmod(fd, 0600);
  ::close(fd);
}

void ToldNames::told(const std::string& pseudonym, const std::string& plain) {
  if (!known_.insert(pseudonym).second) return;
  if (lines_ >= room) {
    if (std::rename(path_.c_str(), (path_ + ".before").c_str()) != 0) return void(lost_++);
    known_ = {pseudonym};
    lines_ = 0;
  }
  const std::string line = fmt::format("{}\t{}\t{}\n", pseudonym, iso_time(wall_now(), 0), escaped(plain));
  const int fd = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0 || ::write(fd, line.data(), line.size()) != ssize_t(line.size())) lost_++, known_.erase(pseudonym);
  else lines_++;
  if (fd >= 0) ::close(fd);
}

std::map<std::string, ToldNames::Told> ToldNames::read(const std::string& path) {
  std::map<std::string, Told> all;
  for (const std::string& file : {path + ".before", path}) {
    std::ifstream in(file);
    for (std::string line; std::getline(in, line);) {
      const size_t one = line.find('\t'), two = one == line.npos ? one : line.find('\t', one + 1);
      if (two == line.npos) continue;
      all.try_emplace(line.substr(0, one), Told{line.substr(one + 1, two - one - 1), unescaped(std::string_view(line).substr(two + 1))});
    }
  }
  return all;
}

}  // namespace vidra
