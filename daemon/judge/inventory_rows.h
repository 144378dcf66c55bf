// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>

#include "daemon/judge/detector.h"
#include "daemon/judge/inventory.h"

namespace vidra {

// INV-01 and INV-02: what a change of the inventory means here; nothing where others tell it better, or it is right.
std::optional<Finding> inventory_finding(const InventoryChange&, const Event&, const Context&);
// Whether another card speaks for an address because a device was replaced or a stand-in took over: its old card was silent, it is no
// router's business and nothing known before.
bool replaced(const HeardHost& before, const Mac& now, const Event&, const Context&, const Inventory&);

}  // namespace vidra
