// SPDX-License-Identifier: Apache-2.0
#include "daemon/base/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#if !defined(__has_feature)
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define VIDRA_SANITIZED true
#else
#define VIDRA_SANITIZED false
#endif

namespace vidra {
namespace {

// --- Landlock. Debian 12's headers know its first two versions; these are the numbers of linux/landlock.h.
struct RulesetAttr { uint64_t files, net; };
struct [[gnu::packed]] PathRule { uint64_t allowed; int32_t parent; };
struct PortRule { uint64_t allowed, port; };
enum : uint64_t {
  ll_execute = 1, ll_write_file = 2, ll_read_file = 4, ll_read_dir = 8, ll_all_1 = (1 << 13) - 1, ll_refer = 1 << 13, ll_truncate = 1 << 14, ll_ioctl_dev = 1 << 15,
  ll_bind_tcp = 1, ll_connect_tcp = 2,
};
constexpr uint64_t ll_of_files = ll_execute | ll_write_file | ll_read_file | ll_truncate | ll_ioctl_dev;   // rights that a lone file can have

// 0, also where there is no such path or it is not for us; otherwise why the kernel does not say what is there.
int allow_path(int rules, const std::string& path, uint64_t rights) {
  const int fd = ::open(path.c_str(), O_PATH | O_CLOEXEC);
  if (fd < 0) return errno == ENOENT || errno == ENOTDIR || errno == EACCES ? 0 : errno;
  struct stat s{};
  int e = 0;
  if (::fstat(fd, &s) == 0) {
    const PathRule rule{S_ISDIR(s.st_mode) ? rights : rights & ll_of_files, fd};
    ::syscall(SYS_landlock_add_rule, rules, 1, &rule, 0);
  } else {
    e = errno;
  }
  ::close(fd);
  return e;
}

std::string landlock(const Sandbox& s, std::string& refused) {
  const long abi = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, 1u);
  if (abi < 1) return errno == ENOSYS || errno == EOPNOTSUPP ? "no Landlock in this kernel" : fmt::format("no Landlock: {}", std::strerror(errno));
  RulesetAttr attr{ll_all_1, 0};
  if (abi >= 2) attr.files |= ll_refer;
  if (abi >= 3) attr.files |= ll_truncate;
  if (abi >= 5 && !s.dpdk) attr.files |= ll_ioctl_dev;
  // A port that the kernel is to choose cannot be on a list.
  const bool ports = abi >= 4 && std::find(s.binds.begin(), s.binds.end(), 0) == s.binds.end();
  if (ports) attr.net = ll_bind_tcp | ll_connect_tcp;
  const int rules = int(::syscall(SYS_landlock_create_ruleset, &attr, abi >= 4 ? sizeof attr : sizeof attr.files, 0u));
  if (rules < 0) return fmt::format("no Landlock: {}", std::strerror(errno));
  const uint64_t reading = ll_read_file | ll_read_dir, writing = attr.files & ~uint64_t{ll_execute};
  for (const char* path : {"/etc", "/usr", "/lib", "/lib64", "/proc", "/sys", "/dev/urandom", "/dev/random", "/run/systemd/resolve", "/run/NetworkManager", "/run/resolvconf"}) allow_path(rules, path, reading);
  for (const std::string& path : s.reads) allow_path(rules, path, reading);
  for (const std::string& path : s.writes)
    if (const int e = allow_path(rules, path, writing)) refused = fmt::format("{}: {}; look at the disk: dmesg", path, std::strerror(e));
  allow_path(rules, "/dev/null", writing);
  if (s.dpdk)
    for (const char* path : {"/dev", "/run", "/sys", "/tmp", "/proc"}) allow_path(rules, path, writing);
  if (ports) {
    for (const uint16_t port : s.connects) {
      const PortRule rule{ll_connect_tcp, port};
      ::syscall(SYS_landlock_add_rule, rules, 2, &rule, 0);
    }
    for (const uint16_t port : s.binds) {
      const PortRule rule{ll_bind_tcp, port};
      ::syscall(SYS_landlock_add_rule, rules, 2, &rule, 0);
    }
  }
  const bool done = ::syscall(SYS_landlock_restrict_self, rules, 0u) == 0;
  const int error = errno;
  ::close(rules);
  return done ? fmt::format("Landlock {}", abi) : fmt::format("no Landlock: {}", std::strerror(error));
}

// --- capabilities, of this thread and those to come
std::string capabilities(const Sandbox& s) {
  uint64_t keep = 0;
  if (s.captures) keep |= uint64_t{1} << CAP_NET_RAW;
  if (s.dpdk) keep |= uint64_t{1} << CAP_NET_ADMIN | uint64_t{1} << CAP_IPC_LOCK;
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  for (int c = 0; c <= 63; c++)
    if (!(keep >> c & 1) && ::prctl(PR_CAPBSET_READ, c, 0, 0, 0) == 1) ::prctl(PR_CAPBSET_DROP, c, 0, 0, 0);   // only who is root can; the unit has done it
  __user_cap_header_struct head{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct has[2] = {};
  if (::syscall(SYS_capget, &head, has) != 0) return "capabilities unknown";
  std::string kept;
  for (unsigned i = 0; i < 2; i++) {
    const uint32_t k = uint32_t(keep >> (32 * i));
    has[i].permitted &= k, has[i].effective &= k, has[i].inheritable = 0;
  }
  if (::syscall(SYS_capset, &head, has) != 0) return fmt::format("capabilities kept: {}", std::strerror(errno));
  for (const auto& [c, name] : {std::pair{CAP_NET_RAW, "net_raw"}, std::pair{CAP_NET_ADMIN, "net_admin"}, std::pair{CAP_IPC_LOCK, "ipc_lock"}})
    if (has[0].permitted >> c & 1) kept += (kept.empty() ? "" : ", ") + std::string(name);
  return kept.empty() ? "no capability" : "capability " + kept;
}

// --- seccomp
struct Filter {
  scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
  ~Filter() { seccomp_release(ctx); }
  Filter() = default;
  Filter(const Filter&) = delete;
  // A call that this architecture or library does not know cannot be made either.
  void deny(const char* name, int error = EPERM) {
    if (const int nr = seccomp_syscall_resolve_name(name); nr != __NR_SCMP_ERROR) seccomp_rule_add(ctx, SCMP_ACT_ERRNO(uint32_t(error)), nr, 0);
  }
  void deny_where(const char* name, scmp_arg_cmp a) {
    if (const int nr = seccomp_syscall_resolve_name(name); nr != __NR_SCMP_ERROR) seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), nr, 1, a);
  }
  void deny_where(const char* name, scmp_arg_cmp a, scmp_arg_cmp b) {
    if (const int nr = seccomp_syscall_resolve_name(name); nr != __NR_SCMP_ERROR) seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), nr, 2, a, b);
  }
};

scmp_arg_cmp under(unsigned arg, uint64_t v) { return {arg, SCMP_CMP_LT, v, 0}; }
scmp_arg_cmp at_least(unsigned arg, uint64_t v) { return {arg, SCMP_CMP_GE, v, 0}; }
scmp_arg_cmp bits(unsigned arg, uint64_t mask, uint64_t v) { return {arg, SCMP_CMP_MASKED_EQ, mask, v}; }

std::string seccomp(const Sandbox& s) {
  Filter f;
  if (!f.ctx) return "no seccomp";
  // No other program, no other process, nothing of another process.
  for (const char* name : {"execve", "execveat", "fork", "vfork", "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "kcmp", "pidfd_open", "pidfd_getfd", "pidfd_send_signal"}) f.deny(name);
  f.deny("clone3", ENOSYS);                                        // its flags cannot be seen; the library then uses clone
  f.deny_where("clone", bits(0, CLONE_THREAD, 0));
  // Nothing of the system's, and no way around a filter of calls.
  for (const char* name : {"mount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree", "fsopen", "fsmount", "fsconfig", "fspick", "mount_setattr", "swapon", "swapoff", "reboot", "kexec_load",
                           "kexec_file_load", "init_module", "finit_module", "delete_module", "bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter", "io_uring_register", "keyctl",
                           "add_key", "request_key", "unshare", "setns", "personality", "acct", "quotactl", "settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "sethostname",
                           "setdomainname", "iopl", "ioperm", "open_by_handle_at", "name_to_handle_at", "syslog", "vhangup", "nfsservctl", "lookup_dcookie", "uselib", "modify_ldt", "memfd_secret",
                           "setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setgroups", "setfsuid", "setfsgid", "mknod", "mknodat", "chown", "fchown", "lchown", "fchownat", "fanotify_init"})
    f.deny(name);
  // What is written never reaches a capture socket: those have high numbers and cannot get a low one.
  for (const char* name : {"write", "writev", "pwrite64", "pwritev", "pwritev2", "sendto", "sendmsg", "sendmmsg", "sendfile"}) f.deny_where(name, at_least(0, uint64_t(first_capture_descriptor)));
  f.deny_where("splice", at_least(2, uint64_t(first_capture_descriptor)));
  f.deny_where("copy_file_range", at_least(2, uint64_t(first_capture_descriptor)));
  f.deny_where("tee", at_least(1, uint64_t(first_capture_descriptor)));
  f.deny_where("vmsplice", at_least(0, uint64_t(first_capture_descriptor)));
  f.deny("dup"), f.deny("dup2"), f.deny("dup3"), f.deny("socketpair");
  f.deny_where("fcntl", bits(1, 0xffffffff, F_DUPFD), under(2, uint64_t(first_capture_descriptor)));
  f.deny_where("fcntl", bits(1, 0xffffffff, F_DUPFD_CLOEXEC), under(2, uint64_t(first_capture_descriptor)));
  // A driver of DPDK that reads packet sockets asks for a ring to send by when its device is back; it can fill it and not send it.
  if (!s.dpdk) f.deny_where("setsockopt", bits(1, 0xffffffff, 263 /* SOL_PACKET */), bits(2, 0xffffffff, 13 /* PACKET_TX_RING */));
  // Sockets: the families that are used, and raw ones only to capture.
  for (const uint64_t family : {AF_INET, AF_INET6, AF_UNIX}) f.deny_where("socket", bits(0, 0xffffffff, family), bits(1, 0xf, SOCK_RAW));
  if (!s.captures) f.deny_where("socket", bits(0, 0xffffffff, AF_PACKET));
  for (uint64_t family = 0; family < 64; family++)
    if (family != AF_UNIX && family != AF_INET && family != AF_INET6 && family != AF_NETLINK && family != AF_PACKET && !(s.dpdk && family == 44 /* AF_XDP */)) f.deny_where("socket", bits(0, 0xffffffff, family));
  f.deny_where("socket", at_least(0, 64));
  if (!s.listens) f.deny("listen");
  seccomp_attr_set(f.ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
  seccomp_attr_set(f.ctx, SCMP_FLTATR_CTL_TSYNC, 1);
  seccomp_attr_set(f.ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);            // a tree, not a list: few steps for the calls that are made most
  if (const int rc = seccomp_load(f.ctx); rc != 0) return fmt::format("no seccomp: {}", std::strerror(-rc));
  return "seccomp";
}

}  // namespace

std::string Sandbox::enter(std::string& refused) const {
  if (VIDRA_SANITIZED) return "none: built with a sanitizer";      // which looks into its own process, and maps memory as it likes
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  const std::string caps = capabilities(*this);
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  const std::string land = landlock(*this, refused);
  return fmt::format("{}, {}, {}, no dumps", caps, land, seccomp(*this));
}

bool lock_secret(const void* secret, size_t octets) {
  const size_t page = size_t(::sysconf(_SC_PAGESIZE));
  const uintptr_t from = uintptr_t(secret) & ~uintptr_t(page - 1), until = (uintptr_t(secret) + octets + page - 1) & ~uintptr_t(page - 1);
  ::madvise(reinterpret_cast<void*>(from), until - from, MADV_DONTDUMP);
  return ::mlock(secret, octets) == 0;
}

}  // namespace vidra
