// SPDX-License-Identifier: Apache-2.0
// Detections of BACnet. Functions are the confirmed services' numbers; 0x100 unconfirmed, 0x200 network layer, 0x300 BVLL.
#include "daemon/judge/deeds.h"

namespace vidra {
namespace {

constexpr std::string_view engineers = "If this host manages the building's controllers, declare it: `acts = [\"reading\", \"write\", \"run\", \"program\", \"file\", \"configure\"]` in its `[[conversation]]`, or the works as a `[[window]]`.";
constexpr std::string_view writers = "If it may write, declare it: `acts = [\"reading\", \"write\"]` in its `[[conversation]]`, or let it be learned.";

constexpr Detection rows[] = {
    {"BAC-01", "Device reinitialised", 4, Audience::security, "T0816", "availability:sabotage",
     "A cold or warm start takes the controller out of service, and with it heating, cooling or ventilation of the rooms it serves.",
     "Look whether the device is back, then ask who restarted it.", engineers},
    {"BAC-02", "Device silenced", 5, Audience::security, "T0814", "availability:dos",
     "A device told to communicate no more neither answers nor alarms until the time given is over, which may be never.",
     "Enable its communication again, then ask who switched it off.", engineers},
    {"BAC-03", "Property overridden at a high priority", 4, Audience::security, "T0836", "information-content-security:unauthorised-information-modification",
     "Priorities 1 to 8 are those of life safety, critical equipment and people by hand: what is written there wins over every program until it is taken back.",
     "Ask who overrode it, and relinquish the priority if nobody did.", writers},
    {"BAC-04", "Tables of routers and foreign devices read or changed", 3, Audience::security, "T0846", "information-gathering:scanning",
     "The tables name the networks behind a router; a foreign device that enters itself hears all broadcasts, from anywhere.",
     "Find out whether somebody sets up a router, or what the host is.",
     "If it belongs to the plant, declare it: `[[conversation]]\nclient = \"hmi\"\nserver = \"plc1\"\nprotocol = \"bacnet\"`, or let it be learned."},
    {"BAC-05", "Program loaded, started or stopped, device restored", 5, Audience::security, "T0843", "information-content-security:unauthorised-information-modification",
     "Whoever loads programs or restores a device decides what it does from then on.",
     "Compare the device's program with the one that is filed. Find who loaded it.", engineers},
    {"BAC-06", "Properties written that were never written", 3, Audience::security, "T0836", "information-content-security:unauthorised-information-modification",
     "Set-points, schedules and limits are what the plant follows.",
     "Ask who wrote it and whether the plant moved.", writers},
};

constexpr std::string_view known_to_ask = "Known to ask this device: {masters}.", works = "That is done by hand, during works. Known to ask this device: {masters}.";
constexpr std::string_view wrote = "{client} wrote {object} of {server}{station}: {value}.";
constexpr Deed deeds[] = {
    {"BAC-01", "bacnet", "20/0-1", Leave::declared, "{client} sent {server}{station}: {function}.", works},
    {"BAC-02", "bacnet", "17/1-2", Leave::declared, "{client} sent {server}{station}: {function}.", works},
    {.detection = "BAC-03", .protocol = "bacnet", .functions = "15-16", .leave = Leave::usual, .what = "{client} overrode {object} of {server}{station}: {value}.", .expected = known_to_ask, .qualifiers = "1-8"},
    {"BAC-04", "bacnet", "0x302, 0x305-0x306, 0x329", Leave::met, "{client} sent {server}: {function}.", known_to_ask},
    {"BAC-04", "bacnet", "0x206, 0x301, 0x308, 0x32a", Leave::declared, "{client} sent {server}: {function}.", works},
    {"BAC-05", "bacnet", "20/4-5", Leave::declared, "{client} sent {server}{station}: {function}.", works},
    {.detection = "BAC-05", .protocol = "bacnet", .functions = "15-16", .leave = Leave::declared, .what = "{client} wrote {object} of {server}{station}: {value}.",
     .expected = "Programs are loaded, run and halted by hand, during works.", .object = "*program-change", .value = "1-5", .needs = Act::program},
    {"BAC-05", "bacnet", "7", Leave::usual, "{client} wrote a file of {server}{station}.", known_to_ask},
    {.detection = "BAC-06", .protocol = "bacnet", .functions = "15-16", .leave = Leave::usual, .what = wrote, .expected = known_to_ask, .qualifiers = "0, 9-0xffffffff"},
    {"BAC-06", "bacnet", "8-9, 0x10a", Leave::usual, wrote, known_to_ask},
};

}  // namespace

extern constexpr Family bacnet_family{"BACnet", rows, deeds};

}  // namespace vidra
