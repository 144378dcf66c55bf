// SPDX-License-Identifier: Apache-2.0
// What changes about the devices themselves.
#include "daemon/judge/deeds.h"

namespace vidra {
namespace {

constexpr Detection rows[] = {
    {"INV-01", "Device has another firmware, model or serial number", 4, Audience::security, "T0857", "information-content-security:unauthorised-information-modification",
     "What a device says of itself changes when it is replaced or its firmware is: works, or an attack that loads firmware of its own.",
     "Compare with the works of the day. Otherwise read the version at the device itself and hold it against the maker's.",
     "Works: `vidra window open --host NAME --act program`. `[detection.INV-01]\noff = true` where a gateway answers for several devices in turn."},
    {"INV-02", "Another card speaks for an address", 2, Audience::operations, "T0864", "other:other",
     "The card that had this address was silent, then another spoke in its place: the device was replaced, a stand-in took over, or somebody waited until the address was free.",
     "Ask who replaced the device; `vidra inventory` says the maker of both cards.",
     "Declare both: `[[host]]\nname = \"rtu4\"\naddress = \"10.1.1.24\"\nmac = [\"00:0e:8c:91:10:24\", \"00:0e:8c:91:10:25\"]`."},
};

}  // namespace

extern constexpr Family inventory_family = {"Devices", rows};

}  // namespace vidra
