// SPDX-License-Identifier: Apache-2.0
// Detections of Modbus.
#include "daemon/judge/deeds.h"

namespace vidra {
namespace {

constexpr Threshold fight[] = {
    {"changes", 3, "changes", "So many changes from one client's value to another's inside the window."},
    {"window", 60, "s", "The time in which they are counted."},
};
constexpr Threshold toggle[] = {
    {"changes", 10, "changes", "So many changes of one coil inside the window; for a client that may not write, 4 in a minute."},
    {"window", 5, "s", "The time in which they are counted. Coils that were learned to toggle are watchdogs."},
};
constexpr Threshold limits[] = {
    {"learned", 10, "writes", "So many learned writes of one register are needed before their range counts, where no limits are declared; then severity 3."},
    {"spans", 1, "spans", "How far outside the learned range a value may be, in widths of that range, or in its largest value where that is more. Who gets there in learned steps may."},
};
constexpr Threshold scan[] = {
    {"functions", 6, "functions", "So many different unlearned functions tried inside the window."},
    {"refusals", 3, "refusals", "and so many of them refused as illegal."},
    {"window", 60, "s", "The time in which they are counted."},
};
constexpr Threshold sweep[] = {
    {"ranges", 16, "ranges", "So many different ranges read that nobody declared or learned, inside the window."},
    {"absent", 8, "addresses", "or so many different addresses refused as illegal."},
    {"window", 60, "s", "The time in which they are counted."},
};
constexpr Threshold unasked[] = {
    {"answers", 3, "answers", "So many answers that fit no request inside the window."},
    {"window", 60, "s", "The time in which they are counted."},
};
constexpr Threshold broken[] = {
    {"frames", 3, "records", "So many broken records inside the window."},
    {"window", 60, "s", "The time in which they are counted."},
};
constexpr Threshold flood[] = {
    {"unanswered", 100, "requests", "So many requests more than answers inside the window."},
    {"window", 10, "s", "The time in which they are counted."},
};

constexpr Threshold units[] = {
    {"times", 16, "units", "So many different units asked by one unknown client inside the window."},
    {"window", 60, "s", "The time in which they are counted."},
};

constexpr Detection rows[] = {
    {"MOD-01", "New client", 4, Audience::security, "T0848", "intrusions:system-compromise",
     "Modbus asks for no password: whoever reaches a device can read and write it.",
     "Find the host and whoever runs it.",
     "Declare it: `[[conversation]]\nclient = \"hmi2\"\nserver = \"plc1\"\nprotocol = \"modbus\"`."},
    {"MOD-02", "Write by a client that may only read", 5, Audience::security, "T0855", "intrusions:system-compromise",
     "A host that nobody allowed to write has changed values in a device. FrostyGoop switched off the heating of 600 buildings with nothing else.",
     "Compare the registers named here with their right values and put them back. Cut the host off.",
     "If it may write, declare it: `acts = [\"reading\", \"write\"]` in its `[[conversation]]`."},
    {"MOD-03", "Write to an address that is not to be written", 4, Audience::security, "T0836", "information-content-security:unauthorised-information-modification",
     "The client may write here, but not this. Its program was changed, or somebody uses it.",
     "Ask who changed the client. Read the value back and compare it with the right one.",
     "Declare it: `objects = [\"holding register 30\", \"coil 3\"]` in the `[[conversation]]`, or `writable = true` in the `[[modbus_point]]`."},
    {"MOD-04", "Value outside its limits", 5, Audience::security, "T0836", "availability:sabotage",
     "A value was written that this process is never run with. Limits in the client's screens do not bind who writes to the device directly.",
     "Ask who gave the order. Set a safe value by hand if it took effect.",
     "Declare the limits: `min = 0\nmax = 25` in the `[[modbus_point]]`.", limits},
    {"MOD-05", "Two clients write one object against each other", 5, Audience::security, "T0806", "availability:sabotage",
     "One client's value is replaced by another's again and again: whoever writes last controls the process.",
     "Find out which of the two belongs here, and stop the other.",
     "Declare both as writers of the object when they are redundant servers.", fight},
    {"MOD-06", "Coil switched to and fro", 5, Audience::security, "T0806", "availability:sabotage",
     "A coil is toggled faster than any process wants: relays wear out and drives trip.",
     "Look at what the coil operates, and stop the client.",
     "A watchdog that toggles from the first day is learned; otherwise `[detection.MOD-06]\nchanges = 40`.", toggle},
    {"MOD-07", "Device told to listen only", 5, Audience::security, "T0814", "availability:dos",
     "Force listen only (function 8, sub-function 4) silences a device until it is restarted: nobody sees or controls it.",
     "Check whether the device still answers; restart its communications if it does not.",
     "If maintenance uses it, declare it: `acts = [\"reading\", \"run\"]`, or open a window."},
    {"MOD-08", "Communications restarted", 4, Audience::security, "T0816", "availability:dos",
     "Restart communications (function 8, sub-function 1) interrupts the device and clears its counters.",
     "Ask who did it. Check that the device answers.",
     "If maintenance uses it, declare it: `acts = [\"reading\", \"run\"]`, or open a window."},
    {"MOD-09", "Counters and diagnostic registers cleared", 3, Audience::security, "T0872", "information-content-security:unauthorised-information-modification",
     "The counters that would show what happened begin at zero again.",
     "Ask who did it; look at the device's own log.", "If it belongs to the day, let it be learned."},
    {"MOD-10", "Known client asks what a device is", 2, Audience::security, "T0888", "information-gathering:scanning",
     "Masters know their devices. Inventories ask, and so does who looks for a vulnerable firmware.",
     "Find out whether the host runs an inventory or a scan.", "If it belongs to the day, let it be learned."},
    {"MOD-11", "Functions tried one by one", 4, Audience::security, "T0888", "information-gathering:scanner",
     "Somebody finds out what a device can do by trying every function. Some of them change or stop it.",
     "Find the host. Check that the device still works as before.",
     "`[detection.MOD-11]\nfunctions = 20`, or open a window for a test.", scan},
    {"MOD-12", "Registers read one after the other", 3, Audience::security, "T0861", "information-gathering:scanner",
     "Somebody reads a device from end to end: he does not know its register map and wants it.",
     "Find the host and whoever runs it.",
     "`[detection.MOD-12]\nranges = 100` for a client that is being commissioned, or relearn it.", sweep},
    {"MOD-13", "Units behind a gateway tried one by one", 3, Audience::security, "T0846", "information-gathering:scanning",
     "A client that knows its devices knows their unit identifiers.",
     "Find the program on the host that asks.", "Raise `times` under `[detection.MOD-13]`.", units},
    {"MOD-16", "Answers that nobody asked for", 4, Audience::security, "T0856", "intrusions:system-compromise",
     "More answers than questions, or answers to other questions: somebody puts false values between a device and its client.",
     "Compare the MAC addresses of the answers in the evidence. Look for an address claimed twice.",
     "`[detection.MOD-16]\nanswers = 20` for a gateway that repeats itself.", unasked},
    {"MOD-18", "Records that break the protocol", 3, Audience::security, "T0814", "intrusion-attempts:new-attack-signature",
     "A false protocol identifier, length or function 0 comes from a faulty program or from somebody looking for one.",
     "Find out what the sender runs. Check that the receiver still works.",
     "`[detection.MOD-18]\nframes = 50` for a device that is known to do it.", broken},
    {"MOD-20", "Flood of requests", 3, Audience::security, "T0814", "availability:dos",
     "A client asks more than the device can answer; others wait in vain.",
     "Check whether the device still answers its own clients. Stop the sender.",
     "`[detection.MOD-20]\nunanswered = 500` for clients that ask far ahead.", flood},
    {"MOD-21", "File records read or written", 3, Audience::security, "T0836", "information-content-security:unauthorised-information-modification",
     "File records hold configuration and recordings; few masters use them.",
     "Ask who reads or writes them.", "If it belongs to the day, let it be learned."},
    {"MOD-22", "Controller programmed, started or stopped (UMAS)", 5, Audience::security, "T0843", "intrusions:system-compromise",
     "Schneider Electric's function 90 downloads programs, writes variables and stops the controller.",
     "Ask the engineering station's owner. Compare the controller's program with its last known one.",
     "If the engineering station does this, declare it: `acts = [\"reading\", \"program\", \"run\"]`, or open a window for the works."},
    {"MOD-25", "Modbus over the site's border or between zones", 5, Audience::security, "T0883", "intrusions:system-compromise",
     "A device that can be reached by Modbus from outside can be switched off from outside.",
     "Close the way in at the firewall; then find out since when it was open.",
     "Declare public and APN ranges that belong to the site: `outside = [\"100.64.0.0/10\"]`; conversations between zones: `[[conversation]]`."},
    {"MOD-27", "Process did not follow the command", 4, Audience::security, "T0832", "availability:sabotage",
     "The station confirmed a command and its process stayed where it was, or went elsewhere. Either the plant is stuck, or what is reported is not what happens.",
     "Have the real position checked on site before operating again.",
     "Declare the right feedback and travel time: `feedback = 3\ntravel_time = \"25s\"`."},
};

constexpr Deed deeds[] = {
    {.detection = "MOD-09", .protocol = "modbus", .functions = "8/10, 8/20", .leave = Leave::usual, .what = "{client} sent {server}{station}: {function}.", .expected = "It never did so before.", .of_known = true},
    {.detection = "MOD-10", .protocol = "modbus", .functions = "17, 43/14", .leave = Leave::usual, .what = "{client} asks {server}{station} what it is: {function}.", .expected = "It never did so before.", .of_known = true},
    {.detection = "MOD-13", .protocol = "modbus", .functions = "", .leave = Leave::met, .what = "{client} asked {times} units behind {server}.", .expected = "Known to ask this gateway: {masters}.", .of = Deed::Of::stations},
    {.detection = "MOD-21", .protocol = "modbus", .functions = "20-21", .leave = Leave::usual, .what = "{client} sent {server}{station}: {function}, {object}.", .expected = "It never did so before.", .of_known = true},
};

}  // namespace
extern constexpr Family modbus_family{"Modbus", rows, deeds};
}  // namespace vidra
