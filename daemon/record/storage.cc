// SPDX-License-Identifier: Apache-2.0
#include "daemon/record/storage.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace vidra {

namespace {

class RealFile final : public File {
 public:
  explicit RealFile(int fd) : fd_(fd) {}
  ~RealFile() override { ::close(fd_); }
  RealFile(const RealFile&) = delete;

  int append(Bytes b) override {
    const int64_t end = size();
    return end < 0 ? int(end) : write_at(uint64_t(end), b);
  }
  int write_at(uint64_t offset, Bytes b) override {
    while (!b.empty()) {
      const ssize_t n = ::pwrite(fd_, b.data(), b.size(), off_t(offset));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return -errno;
      if (n == 0) return -EIO;
      offset += uint64_t(n);
      b = b.subspan(size_t(n));
    }
    return 0;
  }
  int64_t read(uint64_t offset, std::span<uint8_t> out) override {
    size_t done = 0;
    while (done < out.size()) {
      const ssize_t n = ::pread(fd_, out.data() + done, out.size() - done, off_t(offset + done));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return -errno;
      if (n == 0) break;
      done += size_t(n);
    }
    return int64_t(done);
  }
  int64_t size() override {
    struct stat s;
    return ::fstat(fd_, &s) ? -errno : int64_t(s.st_size);
  }
  int truncate(uint64_t n) override { return ::ftruncate(fd_, off_t(n)) ? -errno : 0; }
  int sync() override { return ::fdatasync(fd_) ? -errno : 0; }

 private:
  int fd_;
};

std::string parent_of(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

class RealStorage final : public Storage {
 public:
  int open(const std::string& path, Mode mode, std::unique_ptr<File>& file) override {
    const int flags = O_RDWR | O_CLOEXEC | (mode == Mode::existing ? 0 : mode == Mode::create ? O_CREAT : O_CREAT | O_EXCL);
    int fd = ::open(path.c_str(), flags, 0640);
    if (fd < 0 && errno == EROFS && mode == Mode::existing) fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);   // still to be read and sent
    if (fd < 0) return -errno;
    file = std::make_unique<RealFile>(fd);
    return 0;
  }
  int make_directories(const std::string& path) override {
    struct stat s;
    if (::stat(path.c_str(), &s) == 0) return S_ISDIR(s.st_mode) ? 0 : -ENOTDIR;
    const std::string parent = parent_of(path);
    if (parent != path)
      if (const int e = make_directories(parent)) return e;
    if (::mkdir(path.c_str(), 0750) && errno != EEXIST) return -errno;
    return sync_directory(parent);
  }
  int sync_directory(const std::string& path) override {
    const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return -errno;
    const int e = ::fsync(fd) ? -errno : 0;
    ::close(fd);
    return e;
  }
  int rename(const std::string& from, const std::string& to) override { return ::rename(from.c_str(), to.c_str()) ? -errno : 0; }
  int remove(const std::string& path) override {
    if (::unlink(path.c_str()) == 0) return 0;
    return errno == EISDIR && ::rmdir(path.c_str()) == 0 ? 0 : -errno;
  }
  int list(const std::string& directory, std::vector<std::string>& names) override {
    names.clear();
    DIR* d = ::opendir(directory.c_str());
    if (!d) return -errno;
    while (const dirent* e = ::readdir(d))
      if (const std::string_view n = e->d_name; n != "." && n != "..") names.emplace_back(n);
    ::closedir(d);
    std::ranges::sort(names);
    return 0;
  }
  int free_bytes(const std::string& path, uint64_t& free) override {
    struct statvfs s;
    if (::statvfs(path.c_str(), &s)) return -errno;
    free = uint64_t{s.f_bavail} * s.f_frsize;
    return 0;
  }
  std::string identity(const std::string& path) override {
    struct stat s;
    if (::stat(path.c_str(), &s)) return "";
    std::string machine;
    if (const int fd = ::open("/etc/machine-id", O_RDONLY | O_CLOEXEC); fd >= 0) {
      char text[64];
      const ssize_t n = ::read(fd, text, sizeof text);
      ::close(fd);
      for (ssize_t i = 0; i < n && text[i] > ' '; i++) machine += text[i];
    }
    return fmt::format("{}:{}", machine, uint64_t{s.st_ino});   // no device number: it may change between boots
  }
};

}  // namespace

Storage& real_storage() {
  static RealStorage storage;
  return storage;
}

}  // namespace vidra
