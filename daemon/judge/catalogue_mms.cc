// SPDX-License-Identifier: Apache-2.0
// Detections of MMS as IEC 61850-8-1 uses it. Functions are the confirmed services, 5/… what is written (dissectors/mms_names.h), from 256 on
// what is unconfirmed, from 272 what has no service.
#include "daemon/judge/deeds.h"

namespace vidra {
namespace {

constexpr Threshold sweep[] = {
    {"objects", 4, "objects", "So many different switches operated in a row, in one device or several; 3 for a client that may not command."},
    {"pace", 1.5, "s", "The mean time between two of them below which it is a sweep. A quicker pace that was learned lowers it."},
};
constexpr Threshold selects[] = {
    {"abandoned", 3, "selects", "So many selects without an operate inside the window."},
    {"window", 600, "s", "The time in which they are counted."},
};
constexpr Threshold habits[] = {
    {"commands", 3, "commands", "So many commands of a client are needed before its habit counts."},
};
constexpr Threshold enumeration[] = {
    {"requests", 20, "requests", "So many requests for names and types of one client inside the window."},
    {"window", 60, "s", "The time in which they are counted."},
};
constexpr Threshold reading[] = {
    {"objects", 50, "objects", "So many different objects read by one client inside the window."},
    {"window", 60, "s", "The time in which they are counted."},
};
constexpr Threshold refusals[] = {
    {"times", 10, "refusals", "So many refused requests of one client inside the window."},
    {"window", 60, "s", "The time in which they are counted."},
};
constexpr Threshold associations[] = {
    {"times", 30, "associations", "So many associations of one client inside the window."},
    {"window", 10, "s", "The time in which they are counted."},
};
constexpr Threshold broken[] = {
    {"times", 3, "records", "So many broken records of one client inside the window."},
    {"window", 60, "s", "The time in which they are counted."},
};
constexpr Threshold left_off[] = {
    {"wait", 60, "s", "How long a client may leave its own reports off."},
};

constexpr std::string_view clients = "Declare it: `[[conversation]]\nclient = \"hmi\"\nserver = \"ied1\"\nprotocol = \"mms\"`, or import the SCD again.";
constexpr std::string_view operators = "If it may command, declare it: `acts = [\"reading\", \"select\", \"operate\", \"cancel\"]` in its `[[conversation]]`.";
constexpr std::string_view engineers = "If this host configures the device, declare it: `acts = [\"reading\", \"configure\"]` in its `[[conversation]]`, or the works as a `[[window]]`.";
constexpr std::string_view filers = "If this host handles files, declare it: `acts = [\"reading\", \"file\"]` in its `[[conversation]]`, or the works as a `[[window]]`.";
constexpr std::string_view modification = "information-content-security:unauthorised-information-modification";

constexpr Detection rows[] = {
    {"MMS-01", "New MMS client", 4, Audience::security, "T0848", "intrusions:system-compromise",
     "Whoever associates with a device can read, operate and configure it: MMS asks for no password where authentication is not used.",
     "Find the host and whoever runs it. Until that is clear, treat the device as open to commands from it.", clients},
    {"MMS-02", "Command by a client that may not", 5, Audience::security, "T0855", "intrusions:system-compromise",
     "A switch or a function was commanded by somebody whom nobody allowed to.",
     "Look at the position on the spot. Call whoever runs the host; block remote control of the bay if nobody answers.", operators},
    {"MMS-03", "Operated without select, or selected for nothing", 4, Audience::security, "T0855", "intrusions:system-compromise",
     "Select before operate guards against a wrong or corrupted command. Attack tools leave it out; a row of selects without operates is a probe.",
     "Ask who gave the command, and compare the client's settings with the control model.",
     "If the object is operated directly, declare it: `mode = \"direct\"` in its `[[mms_point]]`.", selects},
    {"MMS-04", "Selection of another client taken over or cancelled", 4, Audience::security, "T0803", "intrusions:system-compromise",
     "One client selected the switch, another cancelled or operated it: an operator's command is being hindered, or two centres command at once.",
     "Ask both control rooms who is switching.",
     "`[detection.MMS-04]\nseverity = 2` where two centres take turns on purpose."},
    {"MMS-05", "Interlocking and synchrocheck left out", 5, Audience::security, "T0855", "availability:sabotage",
     "This client always asked the device to check interlocking or synchronism, and now commands without: a breaker may close out of step, a disconnector may open under load.",
     "Stop further switching. Ask who overrode the checks, and on whose order.",
     "`[detection.MMS-05]\ncommands = 10` where operators override the checks now and then.", habits},
    {"MMS-06", "Command in another's name", 4, Audience::security, "T0849", "intrusions:system-compromise",
     "The originator in the command is not the one that this client always gave: the device's log will name somebody else.",
     "Compare the originator with the client's own configuration.",
     "`[detection.MMS-06]\ncommands = 20` where a client speaks for many operators.", habits},
    {"MMS-07", "Breaker sweep", 5, Audience::security, "T0806", "availability:sabotage",
     "Many switches were operated faster than people do. Whoever does it, this is how a blackout is made; a trusted station HMI can be abused for it too.",
     "Call the control centre at once: was it ordered? Block remote control if it was not.",
     "`[detection.MMS-07]\nobjects = 8\npace = 0.5` for quick switching sequences; let them be learned.", sweep},
    {"MMS-08", "Command refused or broken off", 2, Audience::operations, "T0803", "availability:misconfiguration",
     "The device said no, or did not finish: interlocking, local control, or a fault of the drive.",
     "Read the cause that the device gives; look at the switch.",
     "`[detection.MMS-08]\noff = true` where refusals are ordinary."},
    {"MMS-09", "Position did not follow the command", 4, Audience::security, "T0832", "availability:sabotage",
     "The device accepted the command, and the position never came: the switch did not move, or what is reported is not true.",
     "Look at the switch on the spot.",
     "Declare a longer `travel_time = \"30s\"` in its `[[mms_point]]`."},
    {"MMS-10", "Device or function set to test, blocked or off", 5, Audience::security, "T0878", "availability:sabotage",
     "In test or blocked mode protection no longer trips; off, it does nothing at all.",
     "Ask whether the bay is under test. If not, set the mode back on the device itself.",
     "Declare the works as a `[[window]]`: inside it this is a notice."},
    {"MMS-11", "Simulation switched on in a device", 5, Audience::security, "T0856", "intrusions:system-compromise",
     "With Sim on, the device obeys simulated GOOSE and samples and ignores the true ones.",
     "Ask whether a relay test is going on. If not, switch Sim off on the device itself.",
     "Declare the works as a `[[window]]`: inside it this is a notice."},
    {"MMS-12", "Setting changed", 5, Audience::security, "T0836", modification,
     "Settings decide when protection trips. A changed one shows only at the next fault.",
     "Compare the device's settings with those that are filed.", engineers},
    {"MMS-13", "Setting group switched", 4, Audience::security, "T0836", modification,
     "Another group of settings is active: protection now works with other values.",
     "Ask whether the network was switched over to it. Compare the active group with the plan.", engineers},
    {"MMS-14", "Reports switched off", 4, Audience::security, "T0804", "availability:sabotage",
     "Without reports a client sees nothing more of the device. Its own client switches them off and on when it reconnects; others have no business there.",
     "Look whether the control centre still gets values of this device.",
     "`[detection.MMS-14]\nwait = 600` for clients that keep reports off for long.", left_off},
    {"MMS-15", "Report buffer emptied or set back", 4, Audience::security, "T0872", modification,
     "Events that were kept for a client are gone: what happened while it was away will never be reported.",
     "Fetch the device's own event list before it is overwritten.", clients},
    {"MMS-16", "Report buffer overflowed", 2, Audience::operations, "T0815", "availability:misconfiguration",
     "More happened than the device could keep for its client: events are lost.",
     "Look why the client was away for so long, or what chatters.",
     "`[detection.MMS-16]\noff = true` where clients are away for long."},
    {"MMS-17", "GOOSE publisher switched off", 5, Audience::security, "T0804", "availability:sabotage",
     "Without its GOOSE, subscribers lose interlocking, blocking and trips from this device.",
     "Look whether the device publishes again, and ask who switched it.", engineers},
    {"MMS-18", "Sampled values switched off", 5, Audience::security, "T0837", "availability:sabotage",
     "Relays that measure by these samples are blind.",
     "Look whether the unit publishes again, and ask who switched it.", engineers},
    {"MMS-19", "Data set or control block changed", 4, Audience::security, "T0836", modification,
     "What a device publishes or reports was changed: subscribers reject it, or clients see other values.",
     "Compare the device's control blocks with the SCD.", engineers},
    {"MMS-20", "File deleted or renamed", 5, Audience::security, "T0809", "information-content-security:data-loss",
     "Files of a device are its settings, its configuration and its disturbance records: evidence, too.",
     "Save what is left. Ask who deleted it.", filers},
    {"MMS-21", "File loaded into a device", 5, Audience::security, "T0839", modification,
     "The device was told to fetch a file: configuration or firmware.",
     "Compare the device's version and configuration with those that are filed.", filers},
    {"MMS-22", "Files read by a new host", 3, Audience::security, "T0882", "information-content-security:unauthorised-information-access",
     "Disturbance records and configuration tell how the network is built and protected.",
     "Ask who fetched the files.", filers},
    {"MMS-23", "Domain or program handled", 5, Audience::security, "T0843", "intrusions:system-compromise",
     "Loading, deleting, starting and stopping domains and programs changes what the device does.",
     "Ask who is working on the device. Have its program compared with the one that is filed.",
     "If this host programs the device, declare it: `acts = [\"reading\", \"program\", \"run\"]` in its `[[conversation]]`, or the works as a `[[window]]`."},
    {"MMS-24", "Data model listed", 3, Audience::security, "T0861", "information-gathering:scanning",
     "A client that nobody knows asked for the names of everything: the step before commands.",
     "Find the host. Look what it does next.", clients, enumeration},
    {"MMS-25", "Objects read in masses", 3, Audience::security, "T0861", "information-gathering:scanning",
     "A client reads far more than it ever did: a picture of the plant is being drawn.",
     "Find the host, and the program that runs on it.", clients, reading},
    {"MMS-26", "Requests refused again and again", 3, Audience::security, "T0806", "information-gathering:scanning",
     "Somebody tries objects that are not there or not his to touch.",
     "Find the host. A client with an old configuration does so too.", "Raise `times` under `[detection.MMS-26]`.", refusals},
    {"MMS-27", "Device says that it is not in order", 3, Audience::operations, "T0881", "availability:outage",
     "The device itself says that its state does not allow changes, or that part of it does not work.",
     "Look at the device's health and mode.",
     "`[detection.MMS-27]\noff = true` for a device that always says so."},
    {"MMS-28", "Authentication left out or failed", 3, Audience::security, "T0859", "intrusion-attempts:login-attempts",
     "A client associated without the password that it always gave, or with a wrong one.",
     "Ask who tried. Look whether the device still asks for a password.",
     "`[detection.MMS-28]\nseverity = 1` while passwords are being introduced."},
    {"MMS-29", "Flood of associations", 4, Audience::security, "T0814", "availability:dos",
     "A device serves few clients at once. Whoever takes all places locks the others out.",
     "Look whether the station HMI is still connected.",
     "Raise `times` under `[detection.MMS-29]`.", associations},
    {"MMS-30", "Broken MMS records", 4, Audience::security, "T0814", "availability:dos",
     "Records whose lengths contradict each other are sent by fuzzers and exploits, not by clients; devices have stopped on them.",
     "Find the program that sends them. Look whether the device still answers.",
     "Raise `times` under `[detection.MMS-30]`.", broken},
    {"MMS-31", "Device has another identity", 4, Audience::security, "T0857", modification,
     "Vendor, model or revision are not those it had: the device was replaced, or other firmware was loaded.",
     "Ask who exchanged or updated the device, and with what.",
     "Let it be learned again after an update."},
    {"MMS-33", "Value substituted or blocked", 4, Audience::security, "T0856", modification,
     "A substituted or blocked value hides the true one: the control centre sees what somebody wrote.",
     "Ask who substituted it and why; look at the true value on the device.", engineers},
};

constexpr std::string_view asks = "Known to ask this device: {masters}.";
constexpr Deed deeds[] = {
    {.detection = "MMS-10", .protocol = "mms", .functions = "5/2, 5/30", .leave = Leave::nobody, .what = "{client} set {object} of {server} to {value} (2 blocked, 3 test, 4 test and blocked, 5 off).",
     .expected = "In operation it is on (1); it is set otherwise during works.", .object = "*$CO$Mod", .value = "2-5"},
    {.detection = "MMS-11", .protocol = "mms", .functions = "5/2", .leave = Leave::nobody, .what = "{client} switched on {object} of {server}: it now obeys simulated messages.",
     .expected = "It is off but for relay tests.", .object = "*$CO$Sim", .value = "1"},
    {"MMS-12", "mms", "5/23-27", Leave::declared, "{client} changed {object} of {server}: {value}.", asks},
    {"MMS-13", "mms", "5/22", Leave::declared, "{client} switched the active setting group of {server} ({object}) to {value}.", asks},
    {"MMS-15", "mms", "5/11, 5/12", Leave::met, "{client} set the report buffer {object} of {server} back.", asks},
    {.detection = "MMS-17", .protocol = "mms", .functions = "5/16", .leave = Leave::declared, .what = "{client} switched off the GOOSE publisher of {server}: {object}.", .expected = asks, .value = "0"},
    {.detection = "MMS-18", .protocol = "mms", .functions = "5/18", .leave = Leave::declared, .what = "{client} switched off the sampled values of {server}: {object}.", .expected = asks, .value = "0"},
    {"MMS-19", "mms", "5/17, 5/19", Leave::declared, "{client} changed {object} of {server}: {value}.", asks},
    {"MMS-19", "mms", "11, 13", Leave::usual, "{client} sent {server}: {function}, {object}.", asks},
    {"MMS-19", "mms", "5/15", Leave::met, "{client} changed {object} of {server}: {value}.", asks},   // a client sets up its own reports whenever it connects
    {"MMS-20", "mms", "75, 76", Leave::declared, "{client} sent {server}: {function}, {object}.", asks},
    {"MMS-21", "mms", "46", Leave::declared, "{client} told {server} to fetch the file {object}.", asks},
    {"MMS-22", "mms", "72, 73", Leave::met, "{client} reads the file {object} of {server}.", asks},
    {"MMS-22", "mms", "77", Leave::met, "{client} lists the files of {server}.", asks},
    {"MMS-23", "mms", "26-29, 32-34, 36, 38-44", Leave::declared, "{client} sent {server}: {function}, {object}.", asks},
    {.detection = "MMS-27", .protocol = "mms", .functions = "0, 257", .leave = Leave::nobody, .what = "{server} says of itself: VMD logical status {value} (1 no state changes, 2 limited services, 3 support services only).",
     .expected = "0: state changes are allowed.", .roles = Want::responses | Want::reports, .object = "VMD logical status", .value = "1-3"},
    {.detection = "MMS-28", .protocol = "mms", .functions = "281, 282, 289", .leave = Leave::nobody, .what = "{server} refused the association of {client}: {reason}.",
     .expected = "A client knows the password of its device.", .roles = Want::responses, .reasons = "0x603, 0x60b-0x60e", .flags = Deed::refused},
    {"MMS-29", "mms", "280, 288", Leave::nobody, "{client} opened {times} associations with {server} in a few seconds.", "A client opens one and keeps it."},
    {.detection = "MMS-30", .protocol = "mms", .functions = "", .leave = Leave::nobody, .what = "{client} sent {server} {times} broken MMS records.",
     .expected = "TCP delivers what was sent: records are broken only by who makes them.", .flags = Deed::malformed},
    {"MMS-33", "mms", "5/29, 5/30", Leave::declared, "{client} substituted or blocked {object} of {server}: {value}.", asks},
};

}  // namespace

extern constexpr Family mms_family{"IEC 61850 MMS", rows, deeds};

}  // namespace vidra
