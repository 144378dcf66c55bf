// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "daemon/judge/finding.h"
#include "daemon/judge/memory.h"
#include "daemon/judge/settings.h"
#include "daemon/judge/site.h"

namespace vidra {

// A host as it is heard now: kept for every address that spoke.
struct HeardHost {
  Address address;
  Mac mac;                       // it last spoke with
  Time first = 0, last = 0;      // when it spoke
  HostId declared = 0;
  const HostMemory* learned = nullptr;
  bool known() const { return declared || learned; }
};

// What is known of a conversation in one protocol: resolved once, kept as long as it speaks.
struct Conversation {
  uint64_t flow = 0;
  uint64_t pair = 0;                             // of its ends and its protocol, whatever the flow: `pair_key` of its scenes
  uint16_t protocol = 0;
  uint16_t spoken = 0;                           // of facts (tcp, udp): 1 + the protocol that was heard in this flow; 0 none yet
  HostId client = 0, server = 0;                 // declared hosts, 0 unknown
  HeardHost* client_heard = nullptr;             // nullptr where it never spoke or the table is full
  HeardHost* server_heard = nullptr;
  const SiteConversation* declared = nullptr;    // nullptr: the site declares none
  const ConversationMemory* learned = nullptr;   // nullptr: none was learned
  bool known() const { return declared || learned; }
};

// What a detector may look at. Nothing here can be changed by it.
struct Context {
  const Site& site;
  const Memory& memory;
  const JudgeSettings& settings;
  const Conversation& conversation;    // of the event; an empty one at a tick
  Time now = 0;
  bool learning = false;               // raise only what needs no knowledge
  bool first = false;                  // the first event of its conversation in its protocol
  const HeardHost* newcomer = nullptr; // whose first word this event is (ARP: of the address that it claims)

  bool knows_nothing() const { return site.empty() && memory.empty(); }
  std::string name(const Address&) const;                      // declared or learned, "" unknown
  Party party(const Address& a) const { return {a, name(a)}; }
  Party party(HostId) const;                                   // by its first address, else its hardware address
  std::string text(const Address&) const;                      // "rtu1 (10.10.1.20)" or "10.10.1.20"
};

// Where detectors put what they conclude.
struct Findings {
  virtual void raise(Finding&&) = 0;
  // Whether something was found about this conversation (of the flow) since it began.
  virtual bool told(uint64_t flow) const = 0;
  // Whether somebody said lately (within ten minutes) what a client does at this port of a server, other than that it is new.
  virtual bool told(const Address& client, const Endpoint& server) const = 0;
  // The last word of a host, nullptr where it was not heard.
  virtual const HeardHost* heard(const Address&) const = 0;

 protected:
  ~Findings() = default;
};

// A finding with everything that follows from the event filled in: scene, severity, source (who asked, or who reported),
// target, station, object (of the first point). The sentences are the detector's.
Finding finding(const Detection&, const Event&, const Context&);
std::string station_text(uint16_t protocol, uint64_t station);                 // "common address 11", "unit 1", "outstation 10"
std::string object_text(Object, uint32_t count = 1, const Texts& = {});         // "information object 5101", "holding registers 0-9"
std::string value_text(const Point&, const Texts& = {});

// Which events a detector wants: of a protocol, with an act, in a role.
struct Want {
  std::string_view protocol;           // as in Protocol::name; "" every one
  ActSet acts = all_acts;
  enum Roles : uint8_t { requests = 1, responses = 2, reports = 4, any_role = 7 };
  uint8_t roles = any_role;
  bool first_only = false;             // only the first event of a conversation in its protocol
  bool identities = false;             // Identity instead of Message
  bool newcomers = false;              // only the first word of a host, whatever it is
};

// What an ARP packet says (RFC 826). `words` tells whether an event is one.
struct ArpWords {
  uint16_t operation = 0;              // 1 request, 2 reply
  Address sender;                      // whose address it claims; none for a probe
  Mac sender_mac;                      // the hardware address that it claims for it; the frame's own is in the scene
  Address target;                      // whom a request asks for
  bool gratuitous = false;             // told unasked
};
bool arp_words(const Event&, ArpWords&);
bool is_ot_port(uint16_t port);        // a usual port of a control protocol
bool is_control(uint16_t protocol);    // of an energy site's or a plant's control, not an office's or a network's own

// One idea about what should not be. Keeps its own state, bounded; sees events in time order.
class Detector {
 public:
  virtual ~Detector() = default;
  virtual std::span<const Want> wants() const = 0;
  virtual void see(const Event&, const Context&, Findings&) = 0;
  // Takes over thresholds, at the start and when the configuration was read again; what was counted so far stays.
  virtual void settle(const JudgeSettings&) {}
  // Ten times a second of the traffic's time, for those that ask for it.
  virtual bool ticks() const { return false; }
  virtual void tick(const Context&, Findings&) {}
  // A finding of any detector that a declared window of works has just softened.
  virtual void softened(const Window&, const Finding&) {}
  // The input ends. What was held back for better words is told now; what only time could prove is not.
  virtual void finish(const Context&, Findings&) {}
};

// Each family adds its detectors; detectors.cc calls them all.
using Detectors = std::vector<std::unique_ptr<Detector>>;
void add_net_detectors(Detectors&, const JudgeSettings&);
void add_time_detectors(Detectors&, const JudgeSettings&);       // PTP, NTP, redundancy's supervision
void add_command_detectors(Detectors&, const JudgeSettings&);   // of protocols with questions and commands
void add_list_detectors(Detectors&, const JudgeSettings&);      // of the site's lists of indicators and its own rules
void add_value_detectors(Detectors&, const JudgeSettings&);     // measured values that come again
void add_field_rule_detector(Detectors&, const JudgeSettings&);
Detectors all_detectors(const JudgeSettings&);

}  // namespace vidra
