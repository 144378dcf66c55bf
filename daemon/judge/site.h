// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "daemon/base/address.h"
#include "dissectors/protocol.h"

namespace vidra {

// A set of acts, one bit each.
using ActSet = uint32_t;
constexpr ActSet bit(Act a) { return ActSet{1} << unsigned(a); }
constexpr ActSet acts(std::initializer_list<Act> list) {
  ActSet s = 0;
  for (Act a : list) s |= bit(a);
  return s;
}
inline constexpr ActSet all_acts = (ActSet{1} << act_count) - 1;
inline constexpr ActSet reading_acts = acts({Act::other, Act::session, Act::identify, Act::browse, Act::read, Act::subscribe, Act::report, Act::diagnose});
inline constexpr ActSet changing_acts = all_acts & ~reading_acts;   // write … time: somebody changes something
inline constexpr ActSet dangerous_acts = acts({Act::operate, Act::program, Act::run, Act::configure});

enum class HostRole : uint8_t { other, master, rtu, ied, hmi, plc, meter, engineering, router, time, server };
std::string_view name_of(HostRole);
std::optional<HostRole> parse_host_role(std::string_view);

using HostId = uint32_t;                     // of a declared host, from 1; 0 is none

// Where something is declared: a file of Site::files and its line; line 0 nowhere.
struct SitePlace {
  uint16_t file = 0;
  uint32_t line = 0;
};

// When somebody read what differs between the import that declares a device and the wire. Until then such differences are silent.
struct SiteReview {
  Time at = 0;                               // 0: nobody has
  std::string by;
};

struct SiteHost {
  std::string name;
  std::vector<Address> addresses;
  std::vector<Mac> macs;                     // its own; several for teamed cards
  std::vector<Mac> seen_with;                // its router's, where it is heard from behind one
  HostRole role = HostRole::other;
  std::string zone;
  uint8_t criticality = 0;                   // 0 to 2, added to the severity of what is done to it
  std::string bay;                           // where it stands, "" unknown or several
  std::string note;
  bool imported = false;                     // its file says [site] review = true
  SiteReview reviewed;
  uint64_t print = 0;                        // of its addresses and what it publishes: another where one is declared otherwise
  uint64_t talk_print = 0;                   // of these and with whom it may speak
  SitePlace place;
};

struct SiteZone {
  std::string name;
  std::vector<Prefix> prefixes;
};

// One end of a declared conversation: a host, an address range, a zone, anybody, or a group address.
struct Selector {
  enum class Kind : uint8_t { any, broadcast, host, prefix, zone } kind = Kind::any;
  HostId host = 0;
  Prefix prefix;
  uint16_t zone = 0;                         // index into Site::zones
};

// Objects first … last of one kind and space, by key.
struct ObjectRange {
  Object first, last;
  bool contains(Object o) const { return o.key() >= first.key() && o.key() <= last.key(); }
  bool operator==(const ObjectRange&) const = default;
};
// "holding register 30", "coil 3-5", "information object 5101": the field's term and a number or range.
// Kinds with a space are written "data block 3.7"; what has no number, as its key: "key 0x0100…".
std::optional<ObjectRange> parse_object_range(std::string_view);
std::string text_of(const ObjectRange&);

// A conversation that is right.
struct SiteConversation {
  Selector client, server;
  std::string protocol;                      // our name, or any other ("ssh"): then the port tells; "" any
  int protocol_index = -1;                   // into protocols, -1 where there is no dissector
  std::vector<Port> ports;                   // none: any
  ActSet allowed = reading_acts;
  std::vector<ObjectRange> objects;          // what may be written or operated, where the list names them; none: by the points
  std::vector<uint64_t> stations;            // none: any
  std::vector<uint64_t> origins;             // originator addresses, link addresses of masters; none: any
  std::string note;
  SitePlace place;

  bool allows(Act a) const { return allowed & bit(a); }
  bool names(Object o) const {
    for (const ObjectRange& r : objects)
      if (r.contains(o)) return true;
    return false;
  }
};

// Masters of one control centre that stand in for each other.
struct MasterGroup {
  std::string name;
  std::vector<HostId> members, standby, stations;
  std::vector<uint64_t> origins;             // originator or link addresses they use; none: any
  SitePlace place;
};

// An order that a control centre's program carries out faster than people do: load shedding, restoration, a change of busbars.
struct SiteSequence {
  std::string name;
  std::vector<HostId> masters;
  HostId host = 0;                           // who serves the objects
  std::optional<uint64_t> station;           // none: any
  std::vector<ObjectRange> objects;
  std::optional<bool> to;                    // only to on, or only to off; none: either
  SitePlace place;
};

// One device's way of telling a quantity, or how a command was followed.
struct QuantityMember {
  HostId host = 0;
  uint16_t protocol = 0;                     // index into protocols
  std::optional<uint64_t> station;           // none: any
  uint64_t object = 0;                       // key of the object, or of the name that the device gives it
  std::string text;                          // as declared
  double scale = 1;                          // what its number is multiplied with
};

// What several devices tell, each in its own protocol: VAL-01 and VAL-02 hold them against each other.
struct SiteQuantity {
  static constexpr size_t most_members = 16;
  std::string name, unit;
  bool position = false;                     // of a switch, off or on: told when it changes, so what was said stays
  double tolerance = 0, percent = 0;         // how far apart they may be: in its unit, or of the middle; the larger counts
  Time settle = 30 * second;                 // so long they must be apart
  Time fresh = 5 * minute;                   // what was said longer ago does not count
  std::vector<QuantityMember> members;
  SitePlace place;
};

// What stands where in a data set, in the order of its members: reports and GOOSE say it by place.
struct SiteDataSet {
  HostId host = 0;
  std::string name;                          // "IED1LD0/LLN0$dsPos"
  std::vector<std::string> members;          // "IED1LD0/XCBR1$ST$Pos$stVal"
  SitePlace place;
};

enum class Direction : uint8_t { monitor, control };
enum class CommandMode : uint8_t { undeclared, direct, select };
enum class PointKind : uint8_t { other, switchgear, tap, set_point, reset, measurement, status, counter };
std::string_view name_of(PointKind);

// What the site declares about one object, or about a range of like objects.
struct SitePoint {
  HostId host = 0;
  uint16_t protocol = 0;
  uint64_t station = 0;                      // common address, unit, outstation
  ObjectRange objects;
  Direction direction = Direction::monitor;
  PointKind kind = PointKind::other;
  CommandMode mode = CommandMode::undeclared;
  bool writable = false;
  bool enhanced = false;                     // its end is told: MMS CommandTermination
  uint16_t type = 0;                         // the protocol's own: IEC 104 type identification; 0 undeclared
  std::optional<double> min, max, step;      // engineering limits: of what may be written, of what is measured
  std::optional<double> scale;               // its number times this is in the unit of the limits; nothing: undeclared
  Time travel_time = 0;                      // longest time until the feedback follows; 0 undeclared
  Object feedback;                           // of the first object; those of a range follow it in step; kind none: none
  std::shared_ptr<const QuantityMember> told_by;   // the feedback, where another device or protocol tells it: `feedback` is none
  std::string name, bay, voltage;
  SitePlace place;

  double scaled(double number) const { return scale ? number * *scale : number; }
  Object feedback_of(Object o) const { return feedback.kind() == ObjectKind::none ? feedback : feedback.at(o.number() - objects.first.number()); }
};

enum class PublisherKind : uint8_t { goose, sampled_values };
// What one member of a published data set is, in the words of the values that dissectors say.
enum class MemberType : uint8_t { any, boolean, integer, natural, real, double_point, bits, quality, time, text, octets, structure };
std::string_view name_of(MemberType);

// What the site declares about one GOOSE control block or one sampled-value stream. What is empty or unset is undeclared.
struct SitePublisher {
  PublisherKind kind = PublisherKind::goose;
  std::string reference;                     // gocbRef ("IED1LD0/LLN0$GO$gcb01"), or svID
  HostId host = 0;                           // who publishes it
  std::vector<Address> sources;              // hardware addresses it may come from, of R-GOOSE and R-SV IP; none: those of the host
  Address destination;                       // its group address
  std::optional<uint16_t> appid, vlan;       // vlan 0: untagged or priority-tagged
  std::optional<uint8_t> priority;
  std::optional<uint32_t> conf_rev;
  std::string data_set, go_id;
  uint32_t entries = 0;                      // members of the data set; of a sample: channels
  std::vector<MemberType> types;             // one for each member
  Time min_time = 0, max_time = 0;           // retransmission: the first interval, the steady one
  double rate = 0;                           // samples a second
  uint32_t asdus = 0;                        // in one frame
  bool simulation_allowed = false;
  std::optional<bool> synchronised;          // true: smpSynch must say so; false: it never does
  bool intermittent = false;                 // it may stop and begin again
  bool secured = false;                      // IEC 62351-6: without a signature it is wrong
  std::string name, bay;                     // the operator's own
  SitePlace place;
};

// A declared time of works: inside its scope findings are kept and marked, never urgent.
struct Window {
  static constexpr Time longest = 90 * day;  // commissioning
  std::string name, permit, opener;
  Time start = 0, end = 0;
  Time closed = 0;                           // by its crew, 0 not
  bool on_the_box = false;                   // opened with `vidra window`: its crew closes it, or it is overdue
  std::vector<HostId> hosts;                 // none: all
  std::vector<std::string> bays;             // none: all
  ActSet allowed = all_acts;
  SitePlace place;
  Time until() const { return closed && closed < end ? closed : end; }
};

// Declared intent. Built once, then immutable; lookups allocate nothing.
class Site {
 public:
  std::string name;
  std::vector<Prefix> prefixes;              // the site's own ranges
  std::vector<Prefix> outside;               // public or APN ranges that it may speak with
  std::vector<SiteHost> hosts;
  std::vector<SiteZone> zones;
  std::vector<SiteConversation> conversations;
  std::vector<MasterGroup> groups;
  std::vector<SiteSequence> sequences;
  std::vector<SiteQuantity> quantities;
  std::vector<SitePoint> points;
  std::vector<SitePublisher> publishers;
  std::vector<SiteDataSet> data_sets;
  std::vector<Window> windows;
  std::vector<std::string> files;            // that declare it
  std::string windows_file;                  // where `vidra window` keeps those of the box; "" nowhere

  void index();                              // after filling or changing the above

  std::string text_of(const SitePlace& p) const { return p.line && p.file < files.size() ? files[p.file] + ":" + std::to_string(p.line) : std::string(); }
  bool empty() const { return hosts.empty() && conversations.empty() && points.empty(); }   // publishers tell nothing of who else may speak
  const SiteHost& host(HostId id) const { return hosts[id - 1]; }
  bool unreviewed(HostId id) const { return id && host(id).imported && !host(id).reviewed.at; }
  HostId host_of(const Address&) const;      // by address (or MAC), 0 unknown
  HostId host_of(const Mac&) const;          // by its own MAC
  HostId host_named(std::string_view) const;
  HostRole role_of(HostId id) const { return id ? host(id).role : HostRole::other; }
  bool matches(const Selector&, const Address&, HostId) const;
  bool inside(const Address&) const;         // in the site's prefixes; where none is declared: private ranges
  bool outside_allowed(const Address&) const;

  // The declared conversation for what was heard, nullptr none. `protocol` may be that of facts (tcp, udp): then the port decides.
  const SiteConversation* conversation(const Endpoint& client, const Endpoint& server, uint16_t protocol) const;
  // Calls `each` with every host that is declared as a client of this server in this protocol; some more than once.
  template <class Each> void clients_of(const Address& server, HostId id, uint16_t protocol, Each each) const {
    const auto look = [&](const std::vector<uint32_t>& list) {
      for (const uint32_t i : list)
        if (const SiteConversation& d = conversations[i]; d.protocol_index == protocol && matches(d.server, server, id)) each(d.client.host);
    };
    if (const auto it = id ? by_server_.find(id) : by_server_.end(); it != by_server_.end()) look(it->second);
    look(wide_servers_);
  }
  // Whether anything at all is declared from one to the other.
  bool speaks(const Address& client, const Address& server) const;

  // The point of a station's list. `host` serves it.
  const SitePoint* point(HostId host, uint16_t protocol, uint64_t station, Object) const;
  bool has_points(HostId host, uint16_t protocol, uint64_t station) const;   // this station's list is declared
  bool has_points(HostId host, uint16_t protocol) const;                     // some station's list behind this host is
  // The point whose feedback this object is, nullptr none.
  const SitePoint* fed_back_by(HostId host, uint16_t protocol, uint64_t station, Object) const;

  // The publisher of this control block or stream (by text_key of its reference), nullptr none. Several streams may share an svID:
  // then the one that comes from `source` or goes to `destination`, else the first.
  const SitePublisher* publisher(PublisherKind, uint64_t reference_key, const Address& source, const Address& destination) const;
  bool has_publishers(PublisherKind) const;
  bool publishes(const SitePublisher&, const Address& source) const;         // it may come from there

  // The group that may command this station and holds this master; nullptr none.
  const MasterGroup* group(HostId master, HostId station) const;
  bool has_group(HostId station) const;
  // The declared order to which this command belongs: `on` is its value. nullptr: none.
  const SiteSequence* sequence(HostId master, HostId host, uint64_t station, Object, bool on) const;
  const Window* window(Time, HostId source, HostId target, std::string_view bay, Act) const;

 private:
  struct StationKey {
    HostId host;
    uint16_t protocol;
    uint64_t station;
    bool operator==(const StationKey&) const = default;
  };
  struct Hash {
    size_t operator()(const Address& a) const;
    size_t operator()(const StationKey&) const;
  };
  struct Placed { uint64_t first, last; uint32_t point; };
  struct StationPoints { std::vector<Placed> own, feedbacks; };   // sorted, none inside another
  static void lay_out(std::vector<Placed>&);
  static const Placed* nearest(const std::vector<Placed>&, uint64_t key);
  void print_hosts();

  std::unordered_map<Address, HostId, Hash> by_address_;
  std::unordered_map<uint64_t, HostId> by_mac_;
  std::unordered_map<StationKey, StationPoints, Hash> stations_;
  // Conversations by an end that is one host (the client where both are), and those of which neither end is; as declared.
  std::unordered_map<HostId, std::vector<uint32_t>> by_end_;
  std::vector<uint32_t> wide_;
  std::unordered_map<HostId, std::vector<uint32_t>> by_server_;   // those between two hosts, by the one that serves
  std::vector<uint32_t> wide_servers_;                            // those of one host as client with what is no single host
  template <class F> const SiteConversation* first_between(HostId a, HostId b, F is_it) const;
  std::unordered_multimap<uint64_t, uint32_t> publishers_;        // by reference and kind
  static uint64_t publisher_key(PublisherKind k, uint64_t reference) { return (reference & ~(0xffull << 56)) | uint64_t(k) << 56; }
};

}  // namespace vidra
