// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <deque>
#include <functional>
#include <limits>
#include <string>
#include <unordered_map>
#include <vector>

#include "daemon/judge/event.h"
#include "daemon/judge/site.h"

namespace vidra {

// What an address said and was asked in one protocol.
struct SpokenIn {
  uint16_t protocol = 0;              // index into protocols
  uint16_t port = 0;                  // at which it serves, 0 where it does not or there is none
  ActSet asks = 0;                    // acts of its requests
  ActSet serves = 0;                  // acts of requests that it answered
  bool answers = false;               // and not only by refusing
  bool reports = false;               // says what nobody asked for: a publisher, a beacon, spontaneous data
  bool keeps_time = false;            // PTP: announces itself as the best clock; NTP: is one to ask
  bool operator==(const SpokenIn&) const = default;
};

// What a device told of itself in one protocol, for one station behind its address.
struct SelfTold {
  uint16_t protocol = 0;
  uint64_t station = 0;
  std::string vendor, product, model, firmware, serial, name;
  Time last = 0;
  bool own = true;                    // as a server or a beacon; what a client calls itself is its program's
  bool empty() const { return vendor.empty() && product.empty() && model.empty() && firmware.empty() && serial.empty() && name.empty(); }
};

// One address that spoke. Addresses of one device meet in `assets` (assets.h).
struct InventoryEntry {
  static constexpr size_t most_spoken = 24, most_facts = 6, most_told = 8, most_macs = 4, most_peers = 24, longest_text = 96;
  Address address;
  Time first = 0, last = 0;
  std::vector<Mac> macs;              // the newest last; changed by Inventory alone
  bool own_mac = false;               // it claimed the newest itself, by ARP or by speaking below IP: no router stands between
  Time claimed = 0;                   // when it last did by ARP; not kept over a restart
  std::vector<SpokenIn> spoken;
  std::vector<SelfTold> told;
  std::vector<Address> commands, commanded_by;   // whom it writes to, operates, programs; who does that to it
  uint32_t unkept = 0;                // what the bounds above kept out
};

// Something about an address that is not as it was.
struct InventoryChange {
  enum class Kind : uint8_t { hardware, identity } kind = Kind::identity;
  Time time = 0;
  Address address;
  std::string field, before, now;     // field: "firmware", of identities; of hardware addresses ""
  uint16_t protocol = 0;              // of identities: which said it
};

// Everybody who speaks: kept beside the judge, bounded. It looks at identities and at each kind of thing that is said in a
// conversation once, never at every packet.
class Inventory {
 public:
  static constexpr size_t most_changes = 1024;
  explicit Inventory(size_t limit = 16'384) : limit_(limit) {}
  Inventory(Inventory&&) = default;
  Inventory& operator=(Inventory&&) = default;
  Inventory(const Inventory&);         // to be written by another thread
  Inventory& operator=(const Inventory&) = delete;

  // `words`: what was said in this conversation before (see `word`). What came of it is in `changed()` until the next call.
  void see(const Event&, uint64_t words, Time now);
  // This event's kind, a set of bits: what `see` wants to hear of once a conversation.
  static uint64_t word(const Event& e) {
    if (!e.said || e.said->link) return 0;
    const Message& m = *e.said;
    const uint64_t what = m.role == Role::request ? uint64_t{1} << unsigned(m.act) : m.role == Role::response ? uint64_t{1} << (m.refused ? 18 : 17) : uint64_t{1} << (e.scene.from == Side::client ? 19 : 20);
    return what | uint64_t{1} << (32 + (m.function & 31));
  }
  static constexpr uint64_t asked_mask = (1u << act_count) - 1;

  void moved(const Address&, const Mac& before, const Mac& now, Time);   // another card speaks for the address, the old one being silent
  void claimed(const Address&, const Mac&, Time);                        // ARP: its own
  void spoke(const Address&, Time last);                                 // its last word

  const std::deque<InventoryEntry>& entries() const { return entries_; }
  InventoryEntry* find(const Address&);
  const InventoryEntry* find(const Address& a) const { return const_cast<Inventory*>(this)->find(a); }
  // Or the one there is. When it is full, the longest silent of those that never answered, told, or commanded anything goes for it;
  // nullptr where there is none.
  InventoryEntry* add(const Address&, Time);
  static constexpr Time for_good = std::numeric_limits<Time>::max();
  std::function<Time(const Address&)> last_word;      // of an address that may go for others, where somebody knows better; or `for_good`
  size_t others_of(const Mac&, const Address&) const; // for how many other addresses this card spoke last
  void set_cards(InventoryEntry&, std::vector<Mac>);  // as a file has them, the newest last
  const std::deque<InventoryChange>& changes() const { return changes_; }   // the oldest go first
  void add(InventoryChange);
  std::span<const InventoryChange> changed() const { return {now_changed_.data(), now_changed_.size()}; }
  uint64_t unkept() const { return unkept_; }         // addresses that found no room, or went for others
  uint64_t version() const { return version_; }       // changes with everything but the last words

 private:
  struct Hash { size_t operator()(const Address&) const; };
  void identify(InventoryEntry&, const Event&);
  SpokenIn* spoken(InventoryEntry&, uint16_t protocol, uint16_t port);
  void see_mac(InventoryEntry&, const Mac&, bool own);
  static void keep(std::vector<Address>&, const Address&, InventoryEntry&);
  InventoryEntry* vacate();
  void count_card(const InventoryEntry&, int by);

  size_t limit_;
  std::deque<InventoryEntry> entries_;
  std::unordered_map<Address, InventoryEntry*, Hash> by_address_;
  std::unordered_map<Address, uint32_t, Hash> spoke_last_;   // by card: for how many addresses of the network it spoke last
  std::deque<InventoryChange> changes_;
  std::vector<InventoryChange> now_changed_;
  uint64_t unkept_ = 0, version_ = 0;
  struct Leaving { bool asked = false; Time last = 0; InventoryEntry* entry = nullptr; };
  std::vector<Leaving> leaving_;       // who goes next, the first at the end
  uint64_t looked_ = 0;                // what unkept_ was when they were looked for
};

}  // namespace vidra
