// SPDX-License-Identifier: Apache-2.0
// probe sensor|collector FOLDER: enters the sandbox as the daemon does, then tries what it should not be able to, and what it must. Prints TAP.
// FOLDER/state may be written, FOLDER/config read, FOLDER/elsewhere is none of its business.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <thread>

#include "daemon/base/sandbox.h"

namespace {

int number = 0, failed = 0;

void check(bool holds, const std::string& what) {
  fmt::print("{} {} - {}\n", holds ? "ok" : "not ok", ++number, what);
  std::fflush(stdout);
  failed += !holds;
}
// A call that must not succeed; `result` is negative where it did not.
void refused(long result, const std::string& what) {
  const int error = errno;
  check(result < 0 && (error == EPERM || error == EACCES || error == ENOSYS), fmt::format("refused: {}{}", what, result < 0 ? fmt::format(" ({})", std::strerror(error)) : ""));
}
void skip(const std::string& what, const std::string& why) { fmt::print("ok {} - {} # SKIP {}\n", ++number, what, why); }

long dial(uint16_t port) {
  const int s = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in a{};
  a.sin_family = AF_INET, a.sin_port = htons(port), a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const long r = ::connect(s, reinterpret_cast<sockaddr*>(&a), sizeof a);
  const int error = errno;
  ::close(s);
  errno = error;
  return r;
}

std::string status_of(const std::string& task, const std::string& key) {
  std::ifstream in("/proc/self/task/" + task + "/status");
  for (std::string line; std::getline(in, line);)
    if (line.starts_with(key + ":")) return line.substr(line.find_first_not_of(" \t", key.size() + 1));
  return "";
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const bool sensor = std::string(argv[1]) == "sensor";
  const std::string folder = argv[2], state = folder + "/state", config = folder + "/config", elsewhere = folder + "/elsewhere";

  // What a daemon has opened before: a capture socket, one that listens, a file.
  int capture = -1;
  if (sensor) capture = ::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(3));
  if (capture >= 0) {
    sockaddr_ll a{};
    a.sll_family = AF_PACKET, a.sll_protocol = htons(3), a.sll_ifindex = int(if_nametoindex("lo"));
    (void)::bind(capture, reinterpret_cast<sockaddr*>(&a), sizeof a);
    check(capture >= vidra::first_capture_descriptor, fmt::format("a packet socket has a number of its own kind: {}", capture));
  } else if (sensor) {
    skip("a packet socket", "not root here");
  }
  const int listening = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in any{};
  any.sin_family = AF_INET, any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof any;
  (void)::bind(listening, reinterpret_cast<sockaddr*>(&any), sizeof any), (void)::listen(listening, 4);
  (void)::getsockname(listening, reinterpret_cast<sockaddr*>(&any), &length);
  const uint16_t ours = ntohs(any.sin_port);
  const int file = ::open((config + "/vidra.toml").c_str(), O_RDONLY | O_CLOEXEC);
  const pid_t parent = ::getppid();

  vidra::Sandbox box;
  box.reads = {config}, box.writes = {state};
  box.captures = sensor;
  if (sensor) box.connects = {ours, 53};
  else box.binds = {};
  std::string not_reached;
  const std::string said = box.enter(not_reached);
  fmt::print("# {}\n", said);
  if (said.starts_with("none")) {
    fmt::print("1..{} # {}\n", number, said);
    return failed != 0;
  }
  const bool landlock = said.find(", Landlock ") != std::string::npos;
  const int abi = landlock ? std::atoi(said.c_str() + said.find("Landlock ") + 9) : 0;

  // --- what it must be able to
  const int inside = ::open((state + "/new").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  check(inside >= 0 && ::write(inside, "x", 1) == 1 && ::fdatasync(inside) == 0 && ::ftruncate(inside, 0) == 0, "writes in its state folder");
  check(::rename((state + "/new").c_str(), (state + "/newer").c_str()) == 0 && ::unlink((state + "/newer").c_str()) == 0, "renames and removes there");
  check(::open((config + "/vidra.toml").c_str(), O_RDONLY | O_CLOEXEC) >= 0, "reads its settings");
  check(::open("/etc/nsswitch.conf", O_RDONLY | O_CLOEXEC) >= 0 && ::open("/proc/self/status", O_RDONLY | O_CLOEXEC) >= 0 && ::open("/sys/class/net/lo/flags", O_RDONLY | O_CLOEXEC) >= 0, "reads names, processes, interfaces");
  bool ran = false;
  std::thread([&] { ran = true; }).join();
  check(ran, "starts threads");
  if (sensor) check(dial(ours) == 0, "connects to its collector's port");
  if (sensor && capture >= 0) {
    const int again = ::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(3));
    check(again >= vidra::first_capture_descriptor, "opens an interface again, under a number of the same kind");
    char frame[64];
    pollfd p{again, POLLIN, 0};
    sockaddr_ll a{};
    a.sll_family = AF_PACKET, a.sll_protocol = htons(3), a.sll_ifindex = int(if_nametoindex("lo"));
    check(::bind(again, reinterpret_cast<sockaddr*>(&a), sizeof a) == 0 && ::poll(&p, 1, 0) >= 0 && (::recv(again, frame, sizeof frame, MSG_DONTWAIT) >= 0 || errno == EAGAIN || errno == ENETDOWN), "and receives from it");
    ::close(again);
  }

  // --- programs and processes
  char* const nothing[] = {nullptr};
  refused(::execve("/bin/true", nothing, nothing), "another program in its place (execve)");
  refused(::syscall(SYS_execveat, AT_FDCWD, "/bin/true", nothing, nothing, 0), "another program in its place (execveat)");
  if (const long child = ::syscall(SYS_fork); child == 0) ::_exit(0);
  else refused(child, "another process (fork)");
  if (const long child = ::syscall(SYS_clone, 17L /* SIGCHLD */, 0L, 0L, 0L, 0L); child == 0) ::_exit(0);
  else refused(child, "another process (clone)");
  refused(::syscall(SYS_clone3, nullptr, 0), "another process (clone3)");
  refused(::ptrace(PTRACE_ATTACH, parent, nullptr, nullptr), "looking into a process (ptrace)");
  refused(::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr), "being looked into (ptrace)");
  char octet = 0;
  iovec local{&octet, 1}, remote{&octet, 1};
  refused(::process_vm_readv(parent, &local, 1, &remote, 1, 0), "memory of another process");
  refused(::syscall(SYS_pidfd_open, parent, 0), "a handle of another process");

  // --- files
  if (landlock) {
    refused(::open((elsewhere + "/secret").c_str(), O_RDONLY | O_CLOEXEC), "reading elsewhere");
    refused(::open((elsewhere + "/new").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600), "writing elsewhere");
    refused(::open((config + "/vidra.toml").c_str(), O_WRONLY | O_CLOEXEC), "writing its own settings");
    refused(::open("/etc/vidra-probe", O_WRONLY | O_CREAT | O_CLOEXEC, 0600), "writing in /etc");
    refused(::mkdir((elsewhere + "/d").c_str(), 0700), "a folder elsewhere");
    refused(::unlink((elsewhere + "/secret").c_str()), "removing elsewhere");
    refused(::symlink("/etc", (elsewhere + "/l").c_str()), "a link elsewhere");
    refused(::open("/dev/zero", O_RDONLY | O_CLOEXEC), "a device");
  } else {
    skip("files", "no Landlock in this kernel");
  }
  refused(::mknod((state + "/node").c_str(), S_IFCHR | 0600, 259), "making a device");
  refused(::chown((state).c_str(), 0, 0), "giving files away");
  refused(::mount("none", state.c_str(), "tmpfs", 0, nullptr), "mounting");
  refused(::chroot("/"), "another root");

  // --- sockets
  if (abi >= 4) refused(dial(sensor ? uint16_t(1) : ours), sensor ? "connecting to a port that is no collector's" : "connecting anywhere");
  else skip("connecting elsewhere", "needs Landlock 4");
  if (abi >= 4) {
    const int s = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in a{};
    a.sin_family = AF_INET, a.sin_port = htons(uint16_t(ours + 1));
    refused(::bind(s, reinterpret_cast<sockaddr*>(&a), sizeof a), "taking a port");
  } else {
    skip("taking a port", "needs Landlock 4");
  }
  refused(::listen(listening, 1), "listening anew");
  refused(::socket(AF_INET, SOCK_RAW, IPPROTO_TCP), "a raw IP socket");
  refused(::socket(AF_INET6, SOCK_RAW, IPPROTO_TCP), "a raw IPv6 socket");
  refused(::socket(AF_ALG, SOCK_SEQPACKET, 0), "a socket of a family nobody needs (AF_ALG)");
  refused(::socket(AF_VSOCK, SOCK_STREAM, 0), "a socket of a family nobody needs (AF_VSOCK)");
  refused(::socket(16 + 100, SOCK_RAW, 0), "a socket of a family nobody knows");
  int two[2];
  refused(::socketpair(AF_UNIX, SOCK_STREAM, 0, two), "a pair of sockets, to hand descriptors over");
  if (!sensor) refused(::socket(AF_PACKET, SOCK_RAW, 0), "a packet socket");

  // --- the capture socket
  if (capture >= 0) {
    const char frame[64] = {1, 2, 3, 4, 5, 6};
    sockaddr_ll to{};
    to.sll_family = AF_PACKET, to.sll_ifindex = int(if_nametoindex("lo")), to.sll_halen = 6;
    iovec v{const_cast<char*>(frame), sizeof frame};
    msghdr m{};
    m.msg_iov = &v, m.msg_iovlen = 1;
    mmsghdr mm{};
    mm.msg_hdr = m;
    refused(::send(capture, frame, sizeof frame, 0), "sending on the capture socket (send)");
    refused(::sendto(capture, frame, sizeof frame, 0, reinterpret_cast<sockaddr*>(&to), sizeof to), "sending on the capture socket (sendto)");
    refused(::sendmsg(capture, &m, 0), "sending on the capture socket (sendmsg)");
    refused(::sendmmsg(capture, &mm, 1, 0), "sending on the capture socket (sendmmsg)");
    refused(::write(capture, frame, sizeof frame), "sending on the capture socket (write)");
    refused(::writev(capture, &v, 1), "sending on the capture socket (writev)");
    refused(::pwrite(capture, frame, sizeof frame, 0), "sending on the capture socket (pwrite)");
    refused(::sendfile(capture, file, nullptr, 64), "sending on the capture socket (sendfile)");
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) == 0 && ::write(ends[1], frame, sizeof frame) == sizeof frame) refused(::splice(ends[0], nullptr, capture, nullptr, sizeof frame, 0), "sending on the capture socket (splice)");
    else check(false, "a pipe to splice from");
    refused(::dup(capture), "another number for it (dup)");
    refused(::dup2(capture, 99), "another number for it (dup2)");
    refused(::dup3(capture, 99, O_CLOEXEC), "another number for it (dup3)");
    refused(::fcntl(capture, F_DUPFD, 10), "another number for it (F_DUPFD)");
    refused(::fcntl(capture, F_DUPFD_CLOEXEC, 10), "another number for it (F_DUPFD_CLOEXEC)");
    tpacket_req ring{4096, 1, 2048, 2};
    refused(::setsockopt(capture, SOL_PACKET, PACKET_TX_RING, &ring, sizeof ring), "a ring to transmit from");
  } else if (sensor) {
    skip("sending on the capture socket", "not root here");
  }

  // --- the way out
  refused(::syscall(SYS_io_uring_setup, 4, nullptr), "calls that no filter sees (io_uring)");
  refused(::syscall(SYS_bpf, 0, nullptr, 0), "programs in the kernel (bpf)");
  refused(::syscall(SYS_perf_event_open, nullptr, 0, -1, -1, 0), "perf");
  refused(::syscall(SYS_unshare, 0x10000000), "a namespace of its own");
  refused(::syscall(SYS_init_module, nullptr, 0, ""), "modules");
  refused(::syscall(SYS_keyctl, 0, 0), "the kernel's keys");
  refused(::setuid(0), "another user");
  check(::prctl(PR_GET_DUMPABLE) == 0, "no dumps");
  check(::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1, "no new privileges");
  __user_cap_header_struct head{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct caps[2] = {};
  ::syscall(SYS_capget, &head, caps);
  const uint32_t allowed = sensor ? 1u << CAP_NET_RAW : 0;
  check((caps[0].permitted & ~allowed) == 0 && caps[1].permitted == 0 && caps[0].inheritable == 0, fmt::format("capabilities: {:x}", caps[0].permitted));
  caps[0].permitted = caps[0].effective = 0xffffffff;
  refused(::syscall(SYS_capset, &head, caps), "more of them");
  // What holds here holds in what was started.
  std::string seccomp, privileges, effective;
  std::thread([&] {
    const std::string me = std::to_string(::syscall(SYS_gettid));
    seccomp = status_of(me, "Seccomp"), privileges = status_of(me, "NoNewPrivs"), effective = status_of(me, "CapEff");
  }).join();
  check(seccomp == "2" && privileges == "1" && (std::strtoull(effective.c_str(), nullptr, 16) & ~uint64_t{allowed}) == 0, fmt::format("in every thread: seccomp {}, no new privileges {}, capabilities {}", seccomp, privileges, effective));
  fmt::print("1..{}\n", number);
  return failed != 0;
}
