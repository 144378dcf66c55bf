// SPDX-License-Identifier: Apache-2.0
// Detections of GOOSE and R-GOOSE.
#include "daemon/judge/deeds.h"

namespace vidra {
namespace {

constexpr Threshold poisoning[] = {
    {"jump", 1000, "states", "A jump of stNum by so many is no row of lost frames."},
};
constexpr Threshold sequence[] = {
    {"gaps", 5, "gaps", "So many breaks of sqNum inside a minute."},
    {"share", 5, "%", "And so large a part of the frames: less is loss on the way to the sensor."},
};
constexpr Threshold idle[] = {
    {"times", 3, "states", "So many new states without a change inside ten minutes."},
};
constexpr Threshold clock_skew[] = {
    {"skew", 120, "s", "How far the time in a new state may be from the sensor's clock."},
};
constexpr Threshold silence[] = {
    {"grace", 1, "s", "Waited beyond the time allowed to live."},
};
constexpr Threshold curve[] = {
    {"factor", 1.5, "", "How much longer than declared or learned an interval may be."},
    {"times", 3, "intervals", "So many of them inside ten minutes."},
};
constexpr Threshold flood[] = {
    {"frames", 200, "frames", "Frames of one control block in a second; at least twice what was learned."},
};

constexpr Detection rows[] = {
    {"GSE-01", "Unknown GOOSE publisher", 5, Audience::security, "T0856", "intrusions:system-compromise",
     "Relays trip and interlock on GOOSE without asking who sent it. A publisher that nobody planned can open breakers or hold them.",
     "Find the switch port of the source address. Look whether a relay test set is in use, or a device was replaced.",
     "Declare it: `[[publisher]]\nkind = \"goose\"\nreference = \"IED1LD0/LLN0$GO$gcb01\"\nhost = \"ied1\"`, or import the SCD again."},
    {"GSE-02", "Two publishers of one GOOSE control block", 5, Audience::security, "T0856", "intrusions:system-compromise",
     "Two devices speak for the same control block: subscribers believe whichever frame has the higher stNum. This is how a trip or a false position is injected.",
     "Find the switch ports of both addresses; disconnect the one that is not the declared device. Check the breakers that subscribe to it.",
     "If the device has two interfaces, declare both: `source = [\"00:21:c1:30:10:41\", \"00:21:c1:30:10:42\"]`."},
    {"GSE-03", "Old GOOSE states sent again", 5, Audience::security, "T0856", "intrusions:system-compromise",
     "A state that was over is heard again under the device's own address: recorded frames are being replayed.",
     "Find every switch port on which the device's address is learned. Check what the replayed state would make subscribers do.",
     "`[detection.GSE-03]\nseverity = 3` where a gateway or tester restarts a simulation in the middle."},
    {"GSE-04", "GOOSE states missing", 4, Audience::security, "T0856", "information-content-security:unauthorised-information-modification",
     "stNum rose by more than one: states were lost on the way, or somebody made the frame without knowing the number.",
     "Compare the device's own event list with the states heard. If they differ, somebody else sent the frame.",
     "`[detection.GSE-04]\nseverity = 2` where the mirror port drops frames."},
    {"GSE-05", "GOOSE state number poisoned", 5, Audience::security, "T0814", "availability:dos",
     "With a state number far above the device's own, subscribers drop everything the true device sends: its trips are no longer heard.",
     "Find the sender by the switch ports of the address. Subscribers recover only when the true device restarts or the number passes.",
     "`[detection.GSE-05]\njump = 100000` for a tester that begins with high numbers.", poisoning},
    {"GSE-06", "GOOSE sequence does not count on", 3, Audience::security, "T0856", "availability:misconfiguration",
     "sqNum has gaps or repeats: frames are lost in the network, or a second sender mixes in.",
     "Look at the error counters of the switches on the way. Where they are clean, look for a second sender.",
     "`[detection.GSE-06]\ngaps = 50\nshare = 20` for a lossy mirror port.", sequence},
    {"GSE-07", "GOOSE values changed within a state", 5, Audience::security, "T0856", "intrusions:system-compromise",
     "The values are others, the state number is the same. Devices never do that; frames altered or made by hand do.",
     "Find a second sender of the device's address. Check the positions named here on the spot.",
     "`[detection.GSE-07]\nseverity = 3` for a device that is known to number wrongly."},
    {"GSE-08", "GOOSE state numbers without a change", 3, Audience::security, "T0856", "information-content-security:unauthorised-information-modification",
     "New states come although nothing changes: a device that cannot make up its mind, or somebody who keeps the numbering under control.",
     "Look whether the data set holds values that chatter (measured values, times). Otherwise look for a second sender.",
     "`[detection.GSE-08]\ntimes = 100` for a device that counts time stamps as changes.", idle},
    {"GSE-09", "Implausible time in GOOSE", 4, Audience::security, "T0856", "information-content-security:unauthorised-information-modification",
     "The time in a new state is not now, or it changes while the state does not: a recording that is played, or a device whose clock was set.",
     "Compare the device's clock with the time server. If it is right, the frame was not its own.",
     "`[detection.GSE-09]\nskew = 3700` for devices that run on local time.", clock_skew},
    {"GSE-10", "GOOSE publisher fell silent", 3, Audience::operations, "T0804", "availability:outage",
     "Longer than the time allowed to live nothing came: its subscribers have lost interlocking, blocking or trips from it.",
     "Look whether the device restarts, its link is down, or its control block was switched off.",
     "`[detection.GSE-10]\ngrace = 30` where devices restart often.", silence},
    {"GSE-11", "GOOSE repeated too slowly", 2, Audience::operations, "T0814", "availability:misconfiguration",
     "The device repeats its state more slowly than its configuration says: it is overloaded, or configured anew.",
     "Compare minTime and maxTime of the control block with the SCD; look at the device's load.",
     "Declare the right one: `max_time = \"5s\"` in its `[[publisher]]`.", curve},
    {"GSE-12", "GOOSE flood", 5, Audience::security, "T0814", "availability:dos",
     "So many frames keep relays from working: their processors handle each one before protection.",
     "Find the switch port of the source and shut it. Watch that the relays of the bay still answer.",
     "`[detection.GSE-12]\nframes = 1000` for a publisher that is meant to be this fast.", flood},
    {"GSE-13", "GOOSE configuration revision differs", 4, Audience::security, "T0836", "information-content-security:unauthorised-information-modification",
     "Subscribers ignore a control block whose confRev is not the one they were built for. Somebody changed the configuration, or made the frame.",
     "Ask engineering whether the device was configured anew. If so, its subscribers need the new file too.",
     "Declare the new one: `conf_rev = 2` in its `[[publisher]]`."},
    {"GSE-14", "GOOSE data set differs", 4, Audience::security, "T0836", "information-content-security:unauthorised-information-modification",
     "The members are others than configured: subscribers read the wrong values, or reject the frame.",
     "Compare the device's configuration with the SCD. If they agree, the frame is not the device's.",
     "Declare the new one: `entries = 8` in its `[[publisher]]`."},
    {"GSE-15", "GOOSE control block needs commissioning", 3, Audience::operations, "T0836", "availability:misconfiguration",
     "ndsCom is set: the device itself says that its control block is not fully configured.",
     "Load the device's configuration again, and check its data set.",
     "`[detection.GSE-15]\noff = true` until commissioning is over."},
    {"GSE-16", "GOOSE marked as simulation", 4, Audience::security, "T0856", "intrusions:system-compromise",
     "Frames of a relay test set, or of somebody who acts as one. A subscriber whose Sim is on obeys them and ignores the true device.",
     "Ask whether a test is going on, in which bay. If not, find the switch port of the source.",
     "During works open a `[[window]]`; for a laboratory `simulation_allowed = true` in its `[[publisher]]`."},
    {"GSE-17", "GOOSE values marked as test or blocked", 2, Audience::operations, "T0856", "availability:misconfiguration",
     "The device marks values as test, blocked by the operator, or old: it is in a test mode, or part of it does not work.",
     "Ask whether the bay is under test. Outside works, look at the device's mode (Mod, Beh) and health.",
     "`[detection.GSE-17]\noff = true` where bays are tested all the time."},
    {"GSE-18", "GOOSE in another VLAN", 3, Audience::security, "T0830", "availability:misconfiguration",
     "The frames are not where they were planned: a switch was configured anew, or somebody sends a copy.",
     "Compare the VLANs of the switch ports with the plan. The tags are those that this mirror port shows.",
     "Declare the right one: `vlan = 5` in its `[[publisher]]`; leave it out where the mirror changes tags."},
    {"GSE-19", "GOOSE to an unusual address", 3, Audience::security, "T0856", "intrusions:system-compromise",
     "GOOSE goes to the group address that subscribers listen to. To one host alone, or to another group, it is meant for somebody in particular.",
     "See which device has the address, and what it does with such a frame.",
     "Declare it: `destination = \"01:0c:cd:01:00:01\"` in its `[[publisher]]`."},
    {"GSE-20", "Broken GOOSE frames", 4, Audience::security, "T0814", "availability:dos",
     "Frames that break the standard's own rules have stopped relays; they are how devices are probed for weaknesses.",
     "Find the source. If it is a device of the plant, save a capture for its manufacturer.",
     "`[detection.GSE-20]\nseverity = 2` for a device that is known for it."},
    {"GSE-23", "GOOSE without its signature", 4, Audience::security, "T0830", "intrusions:system-compromise",
     "A control block that is to be signed (IEC 62351-6) comes unsigned: it was made by somebody without the key, or the device was configured anew.",
     "Compare the device's configuration. Check that subscribers reject unsigned frames.",
     "Leave out `secured = true` in its `[[publisher]]` if it is not signed."},
    {"RGS-01", "R-GOOSE or R-SV from an unexpected sender", 4, Audience::security, "T0856", "intrusions:system-compromise",
     "Routed GOOSE carries trips between substations. A new sender, or a session number that goes back, is somebody who speaks in another's name.",
     "Find the sender's host, and ask the other substation whether it changed its gateway.",
     "Declare it: `source = \"10.20.1.5\"` in its `[[publisher]]`."},
};

}  // namespace

extern constexpr Family goose_family{"GOOSE and R-GOOSE", rows};

}  // namespace vidra
