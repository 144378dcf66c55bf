// SPDX-License-Identifier: Apache-2.0
#include "daemon/base/output.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

namespace vidra {
namespace {

bool put(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    text.remove_prefix(size_t(n));
  }
  return true;
}

// Asked before there are threads: asking changes it for a moment.
const mode_t mask = [] {
  const mode_t as_it_is = ::umask(0);
  return ::umask(as_it_is), as_it_is;
}();

}  // namespace

std::string write_whole(const std::string& name, std::string_view text, const std::string& like) {
  if (name.empty()) return put(STDOUT_FILENO, text) ? "" : fmt::format("standard output: {}", std::strerror(errno));
  std::error_code none;
  const std::filesystem::path real = std::filesystem::canonical(name, none);        // what a link leads to, not the link
  const std::string path = none ? name : real.string();
  struct stat there{};
  const bool exists = ::stat(path.c_str(), &there) == 0;
  if (exists && !S_ISREG(there.st_mode)) {                    // a pipe, a terminal: nothing to put in place
    const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
    const bool done = fd >= 0 && put(fd, text);
    const std::string why = done ? "" : fmt::format("{}: {}", path, std::strerror(errno));
    if (fd >= 0) ::close(fd);
    return why;
  }
  std::string beside = path + ".XXXXXX";
  const int fd = ::mkostemp(beside.data(), O_CLOEXEC);
  if (fd < 0) return fmt::format("{}: {}", path, std::strerror(errno));
  const bool as = exists || (!like.empty() && ::stat(like.c_str(), &there) == 0);
  struct stat own{};
  const auto owned = [&] {                                    // the sensor must read what root has written
    return !as || (::fstat(fd, &own) == 0 && ((own.st_uid == there.st_uid && own.st_gid == there.st_gid) || ::fchown(fd, there.st_uid, there.st_gid) == 0));
  };
  const bool done = put(fd, text) && owned() && ::fchmod(fd, as ? there.st_mode & 07777 : 0666 & ~mask) == 0 && ::fsync(fd) == 0;
  int error = errno;
  if ((::close(fd) == 0 && done) && ::rename(beside.c_str(), path.c_str()) == 0) return "";
  if (done) error = errno;
  ::unlink(beside.c_str());
  return fmt::format("{}: {}", path, std::strerror(error));
}

}  // namespace vidra
