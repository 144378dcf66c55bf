// SPDX-License-Identifier: Apache-2.0
// Detections of PROFINET and EtherCAT. PROFINET's functions are DCP's services with option and suboption, 0x100 and up the calls of
// context management, 0x200 and up what cyclic data and alarms say. PN-04 is in profinet_detectors.cc.
#include "daemon/judge/deeds.h"

namespace vidra {
namespace {

constexpr Threshold gaps[] = {
    {"times", 5, "breaks", "So many seconds with cyclic data missing inside the window."},
    {"window", 60, "s", "The time in which they are counted."},
};
constexpr Threshold counters[] = {
    {"times", 5, "mismatches", "So many seconds with a working counter other than before inside the window."},
    {"window", 60, "s", "The time in which they are counted."},
};
constexpr Threshold holding[] = {
    {"silence", 10, "s", "A controller that was not heard for so long has given the device up."},
};

constexpr std::string_view engineers = "If this host engineers the plant, declare it: `acts = [\"reading\", \"configure\", \"run\"]` in its `[[conversation]]`, or the works as a `[[window]]`.";
constexpr std::string_view engineers_of_ethercat = "If this host engineers the machine, declare it: `acts = [\"reading\", \"write\", \"configure\", \"run\", \"file\"]` in its `[[conversation]]`, or the works as a `[[window]]`.";
constexpr std::string_view controllers = "If it belongs to the plant, declare it: `[[conversation]]\nclient = \"hmi\"\nserver = \"plc1\"\nprotocol = \"profinet\"`, or let it be learned.";

constexpr Detection rows[] = {
    {"ECT-01", "State of EtherCAT devices forced", 5, Audience::security, "T0858", "availability:sabotage",
     "Out of OP a device takes part no longer: outputs fall to their safe state. In BOOT it waits for firmware.",
     "Look at the machine first, then at who sent it: on EtherCAT there is one master.", engineers_of_ethercat},
    {"ECT-02", "File written to an EtherCAT device", 5, Audience::security, "T0857", "information-content-security:unauthorised-information-modification",
     "Files over EtherCAT are firmware and parameter sets.",
     "Ask who updates the device and with what.", engineers_of_ethercat},
    {"ECT-03", "Working counter is not what it was", 3, Audience::operations, "T0814", "availability:outage",
     "Fewer devices take part than before: a cable, a device, or somebody between.",
     "Look which device left OP, and at the cables beside it.", "Raise `times` under `[detection.ECT-03]`.", counters},
    {"PN-01", "Name or address of a PROFINET device set", 5, Audience::security, "T0836", "information-content-security:unauthorised-information-modification",
     "A device with another name or address is not found by its controller; its process stands still, or obeys another one.",
     "Look whether the device still runs under its controller, then ask who renamed it.", engineers},
    {"PN-02", "PROFINET device reset to factory settings", 5, Audience::security, "T0809", "availability:sabotage",
     "Name, address and parameters are gone; the device is out until somebody sets it up again.",
     "Look which device it was, set it up again, ask who did it.", engineers},
    {"PN-03", "All PROFINET devices asked to identify themselves", 2, Audience::security, "T0846", "information-gathering:scanning",
     "The answer is a list of every device in the segment: what engineering tools read, and scanners.",
     "Find out whether the host is an engineering station.", controllers},
    {"PN-04", "Second controller connects to a device", 5, Audience::security, "T0848", "intrusions:system-compromise",
     "Who takes a device over from its controller drives its outputs.",
     "Look what the second controller is, and who drives the outputs now.", controllers, holding},
    {"PN-05", "Cyclic data stopped, or a device alarms", 3, Audience::operations, "T0814", "availability:outage",
     "The device or its controller says that its data is not to be used: a stop, a fault, a module that is gone.",
     "Look at the controller's diagnosis.", "Off during works: a `[[window]]` for the device."},
    {"PN-06", "Cyclic data missing", 3, Audience::operations, "T0814", "availability:outage",
     "After three missing cycles a device takes its outputs to their safe state.",
     "Look for an overloaded or broken link, and for somebody who sends in the device's place.", "Raise `times` under `[detection.PN-06]`.", gaps},
};

constexpr std::string_view works = "That is done by hand, during works. Known to ask this device: {masters}.";
constexpr Deed deeds[] = {
    {"ECT-01", "ethercat", "0x100/3", Leave::declared, "{client} sent devices of {server} into BOOT.", "Devices are updated by hand, during works."},
    {"ECT-01", "ethercat", "0x100/0-2, 0x100/4-15", Leave::usual, "{client} requested of {server}: {function}.", "Only the master changes the states of its devices. Known: {masters}."},
    {"ECT-02", "ethercat", "0x114/2", Leave::declared, "{client} wrote a file to {server}{station}.", "Devices are updated by hand, during works."},
    {.detection = "ECT-03", .protocol = "ethercat", .functions = "0x201", .leave = Leave::nobody, .what = "The working counter changed in {times} seconds between {client} and {server}{station}.",
     .expected = "The same devices take part in every cycle.", .roles = Want::any_role},
    {"PN-01", "profinet", "4/0x0102-0x0103, 4/0x0202", Leave::declared, "{client} sent {server}: {function}.", works},
    {"PN-02", "profinet", "4/0x0505-0x0506", Leave::declared, "{client} sent {server}: {function}.", works},
    {"PN-03", "profinet", "5/1", Leave::met, "{client} asks all devices to identify themselves.", "It never did so before."},
    {.detection = "PN-05", .protocol = "profinet", .functions = "0x201", .leave = Leave::nobody, .what = "Cyclic data between {client} and {server} says that it is not running.",
     .expected = "Controllers and devices in service run.", .roles = Want::reports, .object = "running", .value = "0"},
    {.detection = "PN-05", .protocol = "profinet", .functions = "0x201", .leave = Leave::nobody, .what = "Cyclic data between {client} and {server} says that it is not valid.",
     .expected = "Data of controllers and devices in service is valid.", .roles = Want::reports, .object = "valid", .value = "0"},
    {.detection = "PN-05", .protocol = "profinet", .functions = "0x210/1, 0x210/3, 0x210/10", .leave = Leave::nobody, .what = "{function}, between {client} and {server}.",
     .expected = "Modules stay plugged, and have nothing to diagnose.", .roles = Want::reports},
    {.detection = "PN-06", .protocol = "profinet", .functions = "0x202", .leave = Leave::nobody, .what = "Cyclic data between {client} and {server} was broken in {times} seconds.",
     .expected = "Cyclic data comes in every cycle.", .roles = Want::reports},
};

}  // namespace

extern constexpr Family profinet_family{"PROFINET and EtherCAT", rows, deeds};

}  // namespace vidra
