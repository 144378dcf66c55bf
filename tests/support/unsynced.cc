// SPDX-License-Identifier: Apache-2.0
// Preloaded into a process (LD_PRELOAD), it makes kill -9 lose what a power cut would lose: what is written to the files named in
// VIDRA_UNSYNCED stays in this process's memory until fdatasync or fsync of the file, and every read sees it meanwhile.
// VIDRA_UNSYNCED holds beginnings of absolute paths, separated by colons. SQLite's -shm files are left alone: they are mapped,
// and never meant to last. What is done to a name (creating, renaming, removing) counts at once, as on a journalling file system.
#undef _FILE_OFFSET_BITS   // both names of each call are meant here
#undef _FORTIFY_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace {

// What was done to a file since its last sync, in order. `cut`: it was made `at` octets long.
struct Change {
  bool cut;
  uint64_t at;
  std::vector<uint8_t> octets;
};
struct Inode {
  std::vector<Change> changes;
  uint64_t size = 0;                 // as its readers see it
};
using InodePtr = std::shared_ptr<Inode>;

constexpr int most_files = 65'536;
std::recursive_mutex mutex;
std::array<std::atomic<bool>, most_files> watched{};
std::map<int, InodePtr>& open_files() { static auto* m = new std::map<int, InodePtr>; return *m; }
std::map<std::pair<dev_t, ino_t>, InodePtr>& inodes() { static auto* m = new std::map<std::pair<dev_t, ino_t>, InodePtr>; return *m; }

template <class F> F real(const char* name) { return reinterpret_cast<F>(dlsym(RTLD_NEXT, name)); }
#define REAL(name, type) static const auto real_##name = real<type>(#name)

bool below(const char* path) {
  static const std::vector<std::string>* const beginnings = [] {
    auto* all = new std::vector<std::string>;
    const char* text = getenv("VIDRA_UNSYNCED");
    for (std::string rest = text ? text : ""; !rest.empty();) {
      const size_t colon = rest.find(':');
      if (colon != 0) all->push_back(rest.substr(0, colon));
      rest = colon == rest.npos ? "" : rest.substr(colon + 1);
    }
    return all;
  }();
  const size_t n = strlen(path);
  if (n > 4 && strcmp(path + n - 4, "-shm") == 0) return false;
  return std::any_of(beginnings->begin(), beginnings->end(), [&](const std::string& b) { return strncmp(path, b.c_str(), b.size()) == 0; });
}

InodePtr inode_of(int fd) {
  if (fd < 0 || fd >= most_files || !watched[size_t(fd)].load(std::memory_order_acquire)) return nullptr;
  const auto i = open_files().find(fd);
  return i == open_files().end() ? nullptr : i->second;
}

bool real_stat(int fd, struct stat& s) {
  REAL(fstat64, int (*)(int, struct stat64*));
  struct stat64 wide;
  if (real_fstat64(fd, &wide)) return false;
  memcpy(&s, &wide, sizeof s);       // the same on 64-bit machines
  return true;
}

int opened(int fd, const char* path, int flags) {
  if (fd < 0 || fd >= most_files || !below(path)) return fd;
  struct stat s;
  if (!real_stat(fd, s) || !S_ISREG(s.st_mode)) return fd;
  std::lock_guard lock(mutex);
  InodePtr& inode = inodes()[{s.st_dev, s.st_ino}];
  if (!inode) inode = std::make_shared<Inode>(), inode->size = uint64_t(s.st_size);
  if (flags & O_TRUNC) inode->changes.clear(), inode->size = 0;
  open_files()[fd] = inode;
  watched[size_t(fd)].store(true, std::memory_order_release);
  return fd;
}

void removed(const char* path) {     // before it goes: its number may be given to another file
  if (!below(path)) return;
  struct stat s;
  if (lstat(path, &s) || s.st_nlink > 1) return;
  std::lock_guard lock(mutex);
  inodes().erase({s.st_dev, s.st_ino});
}

ssize_t put(Inode& i, const void* data, size_t n, uint64_t at) {
  const auto* p = static_cast<const uint8_t*>(data);
  i.changes.push_back({false, at, {p, p + n}});
  i.size = std::max<uint64_t>(i.size, at + n);
  return ssize_t(n);
}

ssize_t take(int fd, Inode& i, void* to, size_t n, uint64_t at) {
  REAL(pread64, ssize_t (*)(int, void*, size_t, off64_t));
  if (at >= i.size) return 0;
  n = size_t(std::min<uint64_t>(n, i.size - at));
  auto* out = static_cast<uint8_t*>(to);
  const ssize_t got = real_pread64(fd, out, n, off64_t(at));
  if (got < 0) return got;
  memset(out + got, 0, n - size_t(got));
  for (const Change& c : i.changes) {
    const uint64_t end = c.cut ? at + n : c.at + c.octets.size();
    const uint64_t from = std::max(at, c.at), until = std::min<uint64_t>(at + n, end);
    if (from >= until) continue;
    if (c.cut) memset(out + (from - at), 0, until - from);
    else memcpy(out + (from - at), c.octets.data() + (from - c.at), until - from);
  }
  return ssize_t(n);
}

int cut(Inode& i, uint64_t n) {
  i.changes.push_back({true, n, {}});
  i.size = n;
  return 0;
}

// From here on it is on the disk: kill -9 does not take it any more.
int settle(int fd, Inode& i) {
  REAL(pwrite64, ssize_t (*)(int, const void*, size_t, off64_t));
  REAL(ftruncate64, int (*)(int, off64_t));
  for (const Change& c : i.changes) {
    if (c.cut) {
      if (real_ftruncate64(fd, off64_t(c.at))) return -1;
      continue;
    }
    for (size_t done = 0; done < c.octets.size();) {
      const ssize_t n = real_pwrite64(fd, c.octets.data() + done, c.octets.size() - done, off64_t(c.at + done));
      if (n < 0) return -1;
      done += size_t(n);
    }
  }
  i.changes.clear();
  return 0;
}

mode_t mode_of(int flags, va_list list) { return flags & (O_CREAT | O_TMPFILE) ? mode_t(va_arg(list, int)) : 0; }

}  // namespace

extern "C" {

#define OPEN(name)                                           \
  int name(const char* path, int flags, ...) {               \
    REAL(name, int (*)(const char*, int, ...));              \
    va_list list;                                            \
    va_start(list, flags);                                   \
    const mode_t mode = mode_of(flags, list);                \
    va_end(list);                                            \
    return opened(real_##name(path, flags, mode), path, flags); \
  }
OPEN(open)
OPEN(open64)
#define OPENAT(name)                                         \
  int name(int at, const char* path, int flags, ...) {       \
    REAL(name, int (*)(int, const char*, int, ...));         \
    va_list list;                                            \
    va_start(list, flags);                                   \
    const mode_t mode = mode_of(flags, list);                \
    va_end(list);                                            \
    return opened(real_##name(at, path, flags, mode), path, flags); \
  }
OPENAT(openat)
OPENAT(openat64)

int close(int fd) {
  REAL(close, int (*)(int));
  if (fd >= 0 && fd < most_files && watched[size_t(fd)].load(std::memory_order_acquire)) {
    std::lock_guard lock(mutex);
    watched[size_t(fd)] = false;
    open_files().erase(fd);          // what is not synced stays, as it would in the page cache
  }
  return real_close(fd);
}

#define LOCKED(fd)                             \
  std::unique_lock lock(mutex, std::defer_lock); \
  if (fd >= 0 && fd < most_files && watched[size_t(fd)].load(std::memory_order_acquire)) lock.lock(); \
  const InodePtr inode = lock ? inode_of(fd) : nullptr

#define PWRITE(name, offset)                                           \
  ssize_t name(int fd, const void* data, size_t n, offset at) {        \
    REAL(name, ssize_t (*)(int, const void*, size_t, offset));         \
    LOCKED(fd);                                                        \
    return inode ? put(*inode, data, n, uint64_t(at)) : real_##name(fd, data, n, at); \
  }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

#define PREAD(name, offset)                                            \
  ssize_t name(int fd, void* data, size_t n, offset at) {              \
    REAL(name, ssize_t (*)(int, void*, size_t, offset));               \
    LOCKED(fd);                                                        \
    return inode ? take(fd, *inode, data, n, uint64_t(at)) : real_##name(fd, data, n, at); \
  }
PREAD(pread, off_t)
PREAD(pread64, off64_t)

ssize_t write(int fd, const void* data, size_t n) {
  REAL(write, ssize_t (*)(int, const void*, size_t));
  REAL(lseek, off_t (*)(int, off_t, int));
  LOCKED(fd);
  if (!inode) return real_write(fd, data, n);
  const off_t at = fcntl(fd, F_GETFL) & O_APPEND ? off_t(inode->size) : real_lseek(fd, 0, SEEK_CUR);
  put(*inode, data, n, uint64_t(at));
  real_lseek(fd, at + off_t(n), SEEK_SET);
  return ssize_t(n);
}

ssize_t read(int fd, void* data, size_t n) {
  REAL(read, ssize_t (*)(int, void*, size_t));
  REAL(lseek, off_t (*)(int, off_t, int));
  LOCKED(fd);
  if (!inode) return real_read(fd, data, n);
  const off_t at = real_lseek(fd, 0, SEEK_CUR);
  const ssize_t got = take(fd, *inode, data, n, uint64_t(at));
  if (got > 0) real_lseek(fd, at + got, SEEK_SET);
  return got;
}

#define LSEEK(name, offset)                                                \
  offset name(int fd, offset by, int from) noexcept {                      \
    REAL(name, offset (*)(int, offset, int));                              \
    LOCKED(fd);                                                            \
    return inode && from == SEEK_END ? real_##name(fd, offset(inode->size) + by, SEEK_SET) : real_##name(fd, by, from); \
  }
LSEEK(lseek, off_t)
LSEEK(lseek64, off64_t)

#define TRUNCATE(name, offset)                                   \
  int name(int fd, offset n) noexcept {                          \
    REAL(name, int (*)(int, offset));                            \
    LOCKED(fd);                                                  \
    return inode ? cut(*inode, uint64_t(n)) : real_##name(fd, n); \
  }
TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)

#define STAT(name, type)                                         \
  int name(int fd, type* s) noexcept {                           \
    REAL(name, int (*)(int, type*));                             \
    LOCKED(fd);                                                  \
    const int e = real_##name(fd, s);                            \
    if (!e && inode) s->st_size = off_t(inode->size);            \
    return e;                                                    \
  }
STAT(fstat, struct stat)
STAT(fstat64, struct stat64)

#define SYNC(name)                                               \
  int name(int fd) {                                             \
    REAL(name, int (*)(int));                                    \
    LOCKED(fd);                                                  \
    return inode && settle(fd, *inode) ? -1 : real_##name(fd);   \
  }
SYNC(fsync)
SYNC(fdatasync)

int unlink(const char* path) noexcept {
  REAL(unlink, int (*)(const char*));
  removed(path);
  return real_unlink(path);
}
int remove(const char* path) noexcept {
  REAL(remove, int (*)(const char*));
  removed(path);
  return real_remove(path);
}
int rename(const char* from, const char* to) noexcept {
  REAL(rename, int (*)(const char*, const char*));
  removed(to);
  return real_rename(from, to);
}

}  // extern "C"
