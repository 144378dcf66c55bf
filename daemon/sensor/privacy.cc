// SPDX-License-Identifier: Apache-2.0
#include "daemon/sensor/privacy.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "daemon/base/clock.h"
#include "daemon/base/text.h"
#include "daemon/judge/field_rules.h"
#include "daemon/judge/indicators.h"

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

Declared declared_of(const Site& site, const JudgeSettings& judge, std::string_view sensor) {
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
  for (const SiteSequence& s : site.sequences) d.add("sequence", s.name);
  for (const SiteQuantity& q : site.quantities) {
    d.add("quantity", q.name);
    if (!own_word(q.unit)) d.add("unit", q.unit);        // "MW" names nobody, and "A" begins sentences
    for (const QuantityMember& m : q.members) d.add("point", m.text);
  }
  for (const SitePoint& p : site.points) d.add("point", p.name), d.add("bay", p.bay), d.add("voltage", p.voltage);
  for (const SitePublisher& p : site.publishers) d.add("stream", p.reference), d.add("dataset", p.data_set), d.add("stream", p.go_id), d.add("stream", p.name), d.add("bay", p.bay);
  for (const Window& w : site.windows) {
    d.add("works", w.name), d.add("works", w.permit), d.add("person", w.opener);
    for (const std::string& bay : w.bays) d.add("bay", bay);
  }
  for (const std::string& file : site.files) d.add("file", file);
  if (judge.indicators)
    for (const std::string& file : judge.indicators->files) d.add("file", file);
  if (judge.rules)
    for (const FieldRule& r : judge.rules->all()) {
      d.rules[r.name] = !r.what.empty();
      d.add("file", std::string_view(r.place).substr(0, r.place.rfind(':')));
    }
  d.add("site", site.name);
  d.add("sensor", sensor);
  return d;
}

// --- what left

ToldNames::~ToldNames() {
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
  }
  wake_.notify_one();
  if (writer_.joinable()) writer_.join();
  if (file_ >= 0) ::close(file_);
}

void ToldNames::open() {
  std::error_code none;
  std::filesystem::create_directories(std::filesystem::path(path_).parent_path(), none);
  std::ifstream in(path_);
  for (std::string line; std::getline(in, line); lines_++) known_.insert(line.substr(0, line.find('\t')));
  begin_file();
}

void ToldNames::start() {
  if (!writer_.joinable()) writer_ = std::thread(&ToldNames::write, this);
}

// Opens it at its end; torn where somebody was interrupted.
bool ToldNames::begin_file() {
  if (file_ >= 0) ::close(file_);
  file_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file_ < 0) return false;
  ::fchmod(file_, 0600);
  const off_t end = ::lseek(file_, 0, SEEK_END);
  char last = '\n';
  torn_ = end > 0 && ::pread(file_, &last, 1, end - 1) == 1 && last != '\n';
  return true;
}

void ToldNames::told(const std::string& pseudonym, const std::string& plain) {
  if (!known_.insert(pseudonym).second) return;
  const bool fresh = lines_ >= room;
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() + fresh >= most_waiting) {
      known_.erase(pseudonym);
      lost_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    if (fresh) waiting_.emplace_back();
    waiting_.push_back(fmt::format("{}\t{}\t{}\n", pseudonym, iso_time(wall_now(), 0), escaped(plain)));
  }
  wake_.notify_one();
  if (fresh) known_ = {pseudonym}, lines_ = 0;
  lines_++;
}

std::string ToldNames::trouble() const {
  const std::lock_guard lock(mutex_);
  return trouble_;
}

// All of it or, as far as the disk allows, nothing.
bool ToldNames::write_out(const std::string& lines) {
  if (file_ < 0 && !begin_file()) return false;
  const std::string all = (torn_ ? "\n" : "") + lines;
  const off_t end = ::lseek(file_, 0, SEEK_END);
  const ssize_t n = ::write(file_, all.data(), all.size());
  if (n == ssize_t(all.size())) {
    torn_ = false;
    ::fdatasync(file_);                                 // where it fails they are in the file none the less
    return true;
  }
  const int e = n < 0 ? errno : ENOSPC;
  if (n > 0 && (end < 0 || ::ftruncate(file_, end) != 0)) torn_ = true;
  errno = e;
  return false;
}

void ToldNames::write() {
  ::pthread_setname_np(::pthread_self(), "pseudonyms");
  std::unique_lock lock(mutex_);
  for (bool crowded = false;;) {
    if (crowded) wake_.wait_for(lock, std::chrono::nanoseconds(again), [this] { return over_; });
    else wake_.wait(lock, [this] { return over_ || !waiting_.empty(); });
    // What waits, up to the end of this file.
    std::string lines;
    size_t taken = 0;
    const bool turns = !waiting_.empty() && waiting_.front().empty();
    if (turns) taken = 1;
    else
      for (; taken < waiting_.size() && !waiting_[taken].empty() && lines.size() < (1u << 20); taken++) lines += waiting_[taken];
    const bool last = over_;
    lock.unlock();
    bool good = true;
    if (turns) {
      // Where it cannot be moved away it grows on: a name that cannot be found again would be worse.
      good = std::rename(path_.c_str(), (path_ + ".before").c_str()) == 0;
      const std::string why = good ? "" : fmt::format("{}: cannot be renamed: {}", path_, std::strerror(errno));
      if (good) begin_file();
      lock.lock();
      trouble_ = why;
    } else if (taken) {
      good = write_out(lines);
      const std::string why = good ? "" : fmt::format("{}: cannot be written: {}", path_, std::strerror(errno));
      lock.lock();
      trouble_ = why;
    } else {
      lock.lock();
    }
    crowded = !good && !turns;
    if (!crowded) waiting_.erase(waiting_.begin(), waiting_.begin() + ptrdiff_t(taken));
    if (last && (crowded || waiting_.empty())) return;
  }
}

std::map<std::string, ToldNames::Told> ToldNames::read(const std::string& path) {
  std::map<std::string, Told> all;
  const std::filesystem::path own(path);
  std::vector<std::string> files;
  std::error_code none;
  for (const auto& each : std::filesystem::directory_iterator(own.parent_path().empty() ? "." : own.parent_path(), none))
    if (const std::string name = each.path().filename(); name.starts_with(own.filename().string() + ".")) files.push_back(each.path());
  std::sort(files.begin(), files.end());
  files.push_back(path);
  for (const std::string& file : files) {
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
