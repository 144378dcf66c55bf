// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <vector>

#include "daemon/judge/inventory.h"
#include "daemon/judge/site.h"

namespace vidra {

// What a device is for. Declared, or guessed from what it does and says.
enum class AssetRole : uint8_t {
  unknown, master, hmi, engineering, gateway, rtu, ied, merging_unit, plc, field_device, remote_io, building, meter, pmu, pdc, opc_server, historian, time, router, network_switch, serial_server, server, workstation
};
std::string_view name_of(AssetRole);

// One device: the addresses that belong together, what they did, what it probably is.
struct Asset {
  std::vector<Address> addresses;      // IP first; of a device that speaks below IP only its hardware address
  std::vector<Mac> macs;               // its own, the newest last
  Mac behind;                          // the router's through which it is heard, where its own card never is
  HostId declared = 0;
  std::string name;                    // declared, else what it calls itself
  AssetRole role = AssetRole::unknown;
  bool role_declared = false;
  std::string because;                 // "answers iec104; asks modbus": why it is taken for that
  std::string vendor, model, firmware, serial;   // what it said of itself, the most telling protocol's
  std::vector<SelfTold> told;          // all of it
  std::vector<SpokenIn> spoken;        // by the protocol's name; of several addresses together
  std::vector<Address> commands, commanded_by;
  Time first = 0, last = 0;
};

// The inventory as devices, sorted by their first address. The hardware addresses of a host, its voice below IP and its IPv6 addresses
// become one device with it; what is heard through a router does not.
std::vector<Asset> assets(const Inventory&, const Site&);

}  // namespace vidra
