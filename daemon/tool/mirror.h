// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "daemon/sensor/settings.h"
#include "daemon/traffic/frame.h"

namespace vidra {

// Listens for a while to what a mirror or TAP brings and says whether it is what a sensor needs. What is wrong at a switch cannot be
// seen at the switch; here it can. Takes frames one by one, keeps bounded state, has no opinion before `verdict`.
class MirrorLook {
 public:
  using Kind = CaptureGroup::Kind;
  struct Port {
    std::string name;
    std::string group;                 // ports of one group are heard as one; "" for itself
    Kind kind = Kind::mirror;
    std::optional<Mac> own;            // the card's own address: frames to and from it are not the mirror's
    uint32_t longest = 0;              // octets that a frame on the wire may have here; 0 not known
  };
  enum class Grade : uint8_t { good, odd, bad };
  struct Remark {
    Grade grade;
    std::string what, found;           // "eth1", "only broadcast and multicast arrive …"
    std::string where, todo;           // "type", "ethtool -K eth1 gro off"; or "at the switch", …
  };

  explicit MirrorLook(std::vector<Port>);
  void take(const Packet&);
  // After `listened` nanoseconds; at least one remark for each port.
  std::vector<Remark> verdict(Time listened) const;
  uint64_t frames() const;

 private:
  struct Heard {                       // by port
    uint64_t frames = 0, group = 0, unicast = 0, own = 0, cut = 0, lying = 0, too_long = 0, tunnelled = 0;
    uint64_t lan_a = 0, lan_b = 0, hsr = 0;
    uint64_t publishers = 0, publishers_untagged = 0, fieldbus = 0;   // GOOSE and sampled values; EtherCAT, PROFINET
    uint32_t longest = 0, longest_kept = 0;
  };
  struct View {                        // by group
    std::vector<size_t> ports;
    std::string name;
    Kind kind = Kind::mirror;
    uint64_t frames = 0, doubled = 0, doubled_vlans = 0, doubled_ports = 0, routed = 0, twins = 0;
  };
  struct Conversation {
    uint32_t frames[2] = {};           // from the lower end, from the higher
    size_t view = 0;
  };
  struct Copy {
    uint64_t hash = 0, macs = 0;
    Time time = 0;
    uint16_t vlan = 0, port = 0;
    uint8_t ttl = 0, lan = 0;
  };
  void look_for_copy(const Frame&, const Packet&, View&);
  void judge_port(const View&, size_t port, Time listened, std::vector<Remark>&) const;
  void judge_view(const View&, size_t index, std::vector<Remark>&) const;

  static constexpr size_t most_conversations = 65'536, most_copies = 16'384;
  std::vector<Port> ports_;
  std::vector<Heard> heard_;
  std::vector<View> views_;
  std::vector<size_t> view_of_;        // by port
  std::unordered_map<uint64_t, Conversation> conversations_;
  std::vector<Copy> copies_;
};

}  // namespace vidra
