// SPDX-License-Identifier: Apache-2.0
// Preloaded into a process (LD_PRELOAD), it makes calls to a disk fail. Calls on files below the path in VIDRA_FAILING are counted; from
// number `from` on so many as `left` says fail with `error`, of those from which that error can come: EIO from every call, EROFS from those that
// change something, ENOSPC from those that need room. Of what is written half reaches the file. These numbers, and how many calls have
// `failed`, lie in the file named in VIDRA_FAILING_CONTROL, where whoever started the process reads and writes them. SQLite's -shm files are
// left alone: they are mapped.
#undef _FILE_OFFSET_BITS   // both names of each call are meant here
#undef _FORTIFY_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <string>

namespace {

struct Control {
  std::atomic<uint64_t> calls, from, left, error, failed;
};
Control* control = nullptr;
std::string* place = nullptr;
constexpr int most_files = 65'536;
std::array<std::atomic<bool>, most_files> watched{};

// Before the program has a sandbox.
__attribute__((constructor)) void begin() {
  const char* below = getenv("VIDRA_FAILING");
  const char* path = getenv("VIDRA_FAILING_CONTROL");
  const int fd = below && path ? open(path, O_RDWR | O_CLOEXEC) : -1;
  if (fd < 0) return;
  void* const at = mmap(nullptr, sizeof(Control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (at == MAP_FAILED) return;
  place = new std::string(below);
  control = static_cast<Control*>(at);
}

template <class F> F real(const char* name) { return reinterpret_cast<F>(dlsym(RTLD_NEXT, name)); }
#define REAL(name, type) static const auto real_##name = real<type>(#name)

enum class Does : uint8_t { reads, removes, changes, fills };

// True, with errno set, when this call is one that fails.
bool fails(Does does) {
  const uint64_t n = control->calls.fetch_add(1) + 1;
  if (n < control->from) return false;
  const int error = int(control->error.load());
  if (error == EROFS && does == Does::reads) return false;
  if ((error == ENOSPC || error == EDQUOT) && does != Does::fills) return false;
  uint64_t left = control->left.load();
  while (left && !control->left.compare_exchange_weak(left, left - 1)) {}
  if (!left) return false;
  control->failed.fetch_add(1);
  errno = error;
  return true;
}

bool below(const char* path) {
  if (!control || !path || strncmp(path, place->c_str(), place->size()) != 0) return false;
  const size_t n = strlen(path);
  return n < 4 || strcmp(path + n - 4, "-shm") != 0;
}
bool mine(int fd) { return control && fd >= 0 && fd < most_files && watched[size_t(fd)].load(std::memory_order_relaxed); }

int opened(int fd, const char* path) {
  if (fd >= 0 && fd < most_files) watched[size_t(fd)].store(below(path), std::memory_order_relaxed);
  return fd;
}
Does of(int flags) { return flags & O_CREAT ? Does::fills : (flags & O_ACCMODE) == O_RDONLY ? Does::reads : Does::changes; }

}  // namespace

extern "C" {

#define OPEN(name)                                                              \
  int name(const char* path, int flags, ...) {                                  \
    REAL(name, int (*)(const char*, int, ...));                                 \
    va_list more;                                                               \
    va_start(more, flags);                                                      \
    const mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0; \
    va_end(more);                                                               \
    if (below(path) && fails(of(flags))) return -1;                             \
    return opened(real_##name(path, flags, mode), path);                        \
  }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                            \
  int name(int at, const char* path, int flags, ...) {                          \
    REAL(name, int (*)(int, const char*, int, ...));                            \
    va_list more;                                                               \
    va_start(more, flags);                                                      \
    const mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0; \
    va_end(more);                                                               \
    if (below(path) && fails(of(flags))) return -1;                             \
    return opened(real_##name(at, path, flags, mode), path);                    \
  }
OPENAT(openat)
OPENAT(openat64)

int close(int fd) {
  REAL(close, int (*)(int));
  if (fd >= 0 && fd < most_files) watched[size_t(fd)].store(false, std::memory_order_relaxed);
  return real_close(fd);
}

#define PWRITE(name, offset)                                                    \
  ssize_t name(int fd, const void* data, size_t n, offset at) {                 \
    REAL(name, ssize_t (*)(int, const void*, size_t, offset));                  \
    if (mine(fd) && fails(Does::fills)) {                                       \
      const int error = errno;                                                  \
      if (error != EROFS) (void)!real_##name(fd, data, n / 2, at);              \
      errno = error;                                                            \
      return -1;                                                                \
    }                                                                           \
    return real_##name(fd, data, n, at);                                        \
  }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

ssize_t write(int fd, const void* data, size_t n) {
  REAL(write, ssize_t (*)(int, const void*, size_t));
  if (mine(fd) && fails(Does::fills)) {
    const int error = errno;
    if (error != EROFS) (void)!real_write(fd, data, n / 2);
    errno = error;
    return -1;
  }
  return real_write(fd, data, n);
}

#define PREAD(name, offset)                                                     \
  ssize_t name(int fd, void* to, size_t n, offset at) {                         \
    REAL(name, ssize_t (*)(int, void*, size_t, offset));                        \
    return mine(fd) && fails(Does::reads) ? -1 : real_##name(fd, to, n, at);    \
  }
PREAD(pread, off_t)
PREAD(pread64, off64_t)
ssize_t read(int fd, void* to, size_t n) {
  REAL(read, ssize_t (*)(int, void*, size_t));
  return mine(fd) && fails(Does::reads) ? -1 : real_read(fd, to, n);
}

#define ON_FILE(name, does)                                                     \
  int name(int fd) {                                                            \
    REAL(name, int (*)(int));                                                   \
    return mine(fd) && fails(does) ? -1 : real_##name(fd);                      \
  }
ON_FILE(fsync, Does::fills)
ON_FILE(fdatasync, Does::fills)

#define TRUNCATE(name, offset)                                                  \
  int name(int fd, offset n) noexcept {                                         \
    REAL(name, int (*)(int, offset));                                           \
    return mine(fd) && fails(Does::changes) ? -1 : real_##name(fd, n);          \
  }
TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)

int unlink(const char* path) noexcept {
  REAL(unlink, int (*)(const char*));
  return below(path) && fails(Does::removes) ? -1 : real_unlink(path);
}
int remove(const char* path) noexcept {
  REAL(remove, int (*)(const char*));
  return below(path) && fails(Does::removes) ? -1 : real_remove(path);
}
int rmdir(const char* path) noexcept {
  REAL(rmdir, int (*)(const char*));
  return below(path) && fails(Does::removes) ? -1 : real_rmdir(path);
}
int rename(const char* from, const char* to) noexcept {
  REAL(rename, int (*)(const char*, const char*));
  return below(from) && fails(Does::changes) ? -1 : real_rename(from, to);
}
int link(const char* from, const char* to) noexcept {
  REAL(link, int (*)(const char*, const char*));
  return below(to) && fails(Does::fills) ? -1 : real_link(from, to);
}
int access(const char* path, int how) noexcept {
  REAL(access, int (*)(const char*, int));
  return below(path) && fails(Does::reads) ? -1 : real_access(path, how);
}
#define STAT(name, type)                                                        \
  int name(const char* path, struct type* to) noexcept {                        \
    REAL(name, int (*)(const char*, struct type*));                             \
    return below(path) && fails(Does::reads) ? -1 : real_##name(path, to);      \
  }
STAT(stat, stat)
STAT(stat64, stat64)
STAT(lstat, stat)
STAT(lstat64, stat64)
#define STATVFS(name)                                                           \
  int name(const char* path, struct name* to) noexcept {                        \
    REAL(name, int (*)(const char*, struct name*));                             \
    return below(path) && fails(Does::reads) ? -1 : real_##name(path, to);      \
  }
STATVFS(statvfs)
STATVFS(statvfs64)
DIR* opendir(const char* path) {
  REAL(opendir, DIR* (*)(const char*));
  return below(path) && fails(Does::reads) ? nullptr : real_opendir(path);
}
int mkdir(const char* path, mode_t mode) noexcept {
  REAL(mkdir, int (*)(const char*, mode_t));
  return below(path) && fails(Does::fills) ? -1 : real_mkdir(path, mode);
}

}  // extern "C"
