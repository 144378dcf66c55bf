// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>

#include "dissectors/reader.h"

namespace vidra {

inline bool shell(const std::string& command) { return std::system((command + " >/dev/null 2>&1").c_str()) == 0; }

// Moves this process (of one thread) into a network of its own, in which it may do as it likes. "" or why it cannot.
inline std::string own_network() {
  const uid_t uid = getuid();
  if (unshare(CLONE_NEWNET) != 0) {
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) return std::string("no network namespace for a test: ") + std::strerror(errno);
    std::ofstream("/proc/self/uid_map") << "0 " << uid << " 1";
  }
  std::ofstream("/proc/sys/net/ipv6/conf/all/disable_ipv6") << "1";       // or the kernel itself speaks on new links
  std::ofstream("/proc/sys/net/ipv6/conf/default/disable_ipv6") << "1";
  if (!shell("ip link set lo up")) return "no network namespace for a test: ip (iproute2) does not work in it";
  if (!shell("ip link add near type veth peer name far && ip link del near")) return "no veth pairs here";
  return {};
}

// A cable: what is sent into one end comes out of the other.
struct Cable {
  std::string near, far;
  Cable(std::string a, std::string b) : near(std::move(a)), far(std::move(b)) {
    if (!shell("ip link add " + near + " type veth peer name " + far) || !shell("ip link set " + near + " up") || !shell("ip link set " + far + " up"))
      throw std::runtime_error("cannot make a veth pair");
  }
  ~Cable() { shell("ip link del " + near); }
};

// Sends frames as they are.
class Sender {
 public:
  explicit Sender(const std::string& interface) : socket_(socket(AF_PACKET, SOCK_RAW, htons(0x88B5))) {
    to_.sll_family = AF_PACKET;
    to_.sll_ifindex = int(if_nametoindex(interface.c_str()));
    to_.sll_halen = 6;
    if (socket_ < 0 || to_.sll_ifindex == 0) throw std::runtime_error("cannot send on " + interface);
  }
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;
  ~Sender() { close(socket_); }
  bool send(Bytes frame) {
    return sendto(socket_, frame.data(), frame.size(), 0, reinterpret_cast<const sockaddr*>(&to_), sizeof to_) == ssize_t(frame.size());
  }

 private:
  int socket_;
  sockaddr_ll to_{};
};

struct FrameCounts { uint64_t received = 0, sent = 0; };
// Frames that an interface of this thread's network has received and sent, as the kernel counts them.
inline FrameCounts frames_of(const std::string& interface) {
  std::ifstream in("/proc/thread-self/net/dev");
  for (std::string line; std::getline(in, line);) {
    const size_t colon = line.find(':');
    if (colon == std::string::npos || line.substr(line.find_first_not_of(' '), colon - line.find_first_not_of(' ')) != interface) continue;
    std::istringstream numbers(line.substr(colon + 1));
    FrameCounts c;
    uint64_t skipped;
    numbers >> skipped >> c.received;
    for (int i = 0; i < 7; i++) numbers >> skipped;
    numbers >> c.sent;
    return c;
  }
  throw std::runtime_error("no interface " + interface);
}

}  // namespace vidra
