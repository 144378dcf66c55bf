// SPDX-License-Identifier: Apache-2.0
#include "daemon/sensor/last_heard.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>

namespace vidra {

LastHeard::LastHeard(const std::string& folder) : path_(folder.empty() ? "" : folder + "/hearing") {
  if (!open(0)) return;                      // it ended as it should, or never ran
  // "1795000000000000000 000002": up to when it heard; runs since then that have not ended well, the one that hears now among them
  char text[64] = {};
  if (::pread(fd_, text, sizeof text - 1, 0) < 0) return;
  char* end = nullptr;
  const long long from = std::strtoll(text, &end, 10);
  const long ends = std::strtol(end, nullptr, 10);
  from_ = from > 0 ? from : 0;
  ends_ = ends > 0 && ends < 1'000'000 ? unsigned(ends) : 1;   // what cannot be read was left all the same
  put(from_, ends_ + 1);
}

LastHeard::~LastHeard() {
  if (fd_ >= 0) ::close(fd_);
}

LastHeard::Missed LastHeard::missed(Time now) const {
  // A clock that goes behind what was written (no battery, before its first NTP) does not say how long.
  return {from_ <= now ? from_ : 0, now, ends_};
}

bool LastHeard::heard(Time now, Time for_so_long) {
  if (ends_ && for_so_long < counts) return true;
  return (fd_ >= 0 || open(O_CREAT)) && put(now, 1);
}

void LastHeard::well() {
  if (fd_ >= 0) ::unlink(path_.c_str());
}

bool LastHeard::open(int flags) {
  if (!path_.empty()) fd_ = ::open(path_.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
  return fd_ >= 0;
}

bool LastHeard::put(Time from, unsigned ends) {
  const std::string text = fmt::format("{:019} {:06}\n", from, ends);    // always as long: what is written over is gone
  return ::pwrite(fd_, text.data(), text.size(), 0) == ssize_t(text.size());
}

}  // namespace vidra
