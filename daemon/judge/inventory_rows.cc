// SPDX-License-Identifier: Apache-2.0
#include "daemon/judge/inventory_rows.h"

#include <algorithm>

#include "daemon/judge/net.h"

namespace vidra {
namespace {

constexpr Time silent_for = 30 * second;   // less than that is NET-04's to tell

}  // namespace

bool replaced(const HeardHost& before, const Mac& now, const Event& e, const Context& c, const Inventory& kept) {
  if (before.mac.empty() || now.empty() || before.address.kind == Address::Kind::mac || e.scene.time - before.last < silent_for) return false;
  if (shared_by_design(before.mac) || shared_by_design(now)) return false;
  const InventoryEntry* entry = kept.find(before.address);
  if (!entry || !entry->own_mac) return false;               // behind a router: the router changed
  if (entry->macs.back() == before.mac && e.scene.time - entry->claimed < silent_for) return false;   // it claimed its address, though it said nothing else: NET-04's
  // A router that answers for others, or stands between: whose packets it brings is not whose card it is.
  if (kept.others_of(before.mac, before.address) + kept.others_of(now, before.address) > 1) return false;
  if (before.declared) {
    const SiteHost& h = c.site.host(before.declared);
    for (const auto* list : {&h.macs, &h.seen_with})
      if (std::find(list->begin(), list->end(), now) != list->end()) return false;
  }
  if (before.learned && std::find(before.learned->macs.begin(), before.learned->macs.end(), now) != before.learned->macs.end()) return false;
  return true;
}

std::optional<Finding> inventory_finding(const InventoryChange& change, const Event& e, const Context& c) {
  static const Detection &identity = row("INV-01"), &hardware = row("INV-02");
  static const int mms = protocol_index("mms"), lldp = protocol_index("lldp");
  if (change.kind == InventoryChange::Kind::identity && (change.protocol == mms || change.protocol == lldp)) return std::nullopt;   // MMS-31, ENG-09
  if (change.field == "name") return std::nullopt;
  Finding f = finding(change.kind == InventoryChange::Kind::identity ? identity : hardware, e, c);
  f.source = c.party(change.address);
  f.target = {};
  f.station.clear();
  f.object.clear();
  f.act = change.kind == InventoryChange::Kind::identity ? Act::program : Act::configure;   // works of these acts explain it
  if (change.kind == InventoryChange::Kind::identity) {
    f.what = fmt::format("{} says its {} is {} ({}).", c.text(change.address), change.field, change.now, protocols[change.protocol]->title);
    f.expected = fmt::format("It was {}.", change.before);
  } else {
    f.what = fmt::format("{} speaks with the hardware address {} after {} had been silent.", c.text(change.address), change.now, change.before);
    f.expected = fmt::format("It was {}.", change.before);
  }
  return f;
}

}  // namespace vidra
