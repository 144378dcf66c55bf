// SPDX-License-Identifier: Apache-2.0
// Detections of DNP3.
#include "daemon/judge/deeds.h"

namespace vidra {
namespace {

constexpr Threshold sweep[] = {
    {"objects", 4, "objects", "So many different outputs operated in a row; 3 for a master that may not command."},
    {"pace", 2.5, "s", "The mean time between two of them below which it is a sweep. A quicker pace that was learned lowers it."},
};
constexpr Threshold selects[] = {
    {"abandoned", 3, "selects", "So many selects without an operate inside the window."},
    {"window", 600, "s", "The time in which they are counted."},
};
constexpr Threshold unsolicited[] = {
    {"wait", 60, "s", "How long a master may leave unsolicited reports off before it is told; its start-up is left out."},
};
constexpr Threshold clock_step[] = {
    {"step", 60, "s", "How far a master's clock may step from one write to the next; whole quarters of an hour are time zones."},
};
constexpr Threshold frames[] = {
    {"frames", 3, "frames", "So many broken frames in one direction of a conversation inside the window."},
    {"window", 60, "s", "The time in which they are counted."},
};
constexpr Threshold set_point[] = {
    {"learned", 10, "commands", "So many learned commands of one set-point are needed before their range counts."},
    {"spans", 1, "spans", "How far outside the learned range a value may be, in widths of that range, or tenths of its largest value where that is more. Who gets there in learned steps may."},
};

constexpr Threshold storm[] = {
    {"times", 500, "reports", "So many unsolicited reports of one outstation inside the window."},
    {"window", 10, "s", "The time in which they are counted."},
};
constexpr Threshold tries[] = {
    {"times", 5, "refusals", "So many requests of one master refused as a function the outstation does not have, inside the window."},
    {"window", 60, "s", "The time in which they are counted."},
};
constexpr Threshold odd[] = {
    {"times", 3, "messages", "So many of them between two hosts inside the window."},
    {"window", 60, "s", "The time in which they are counted."},
};
constexpr Threshold secure[] = {
    {"times", 3, "errors", "So many authentication errors between two hosts inside the window."},
    {"window", 300, "s", "The time in which they are counted."},
};
constexpr std::string_view configurers = "If this master configures outstations, declare it: `acts = [\"reading\", \"operate\", \"configure\"]` in its `[[conversation]]`.";

constexpr Detection rows[] = {
    {"DNP-01", "New or unauthorised master", 5, Audience::security, "T0848", "intrusions:system-compromise",
     "Whoever speaks to an outstation as its master can read, command and restart it: DNP3 asks for no password where secure authentication is not used.",
     "Find the host and whoever runs it. Until that is clear, treat the outstation as open to commands from it.",
     "Declare it: `[[conversation]]\nclient = \"scada2\"\nserver = \"rtu2\"\nprotocol = \"dnp3\"\norigins = [1]`, or as a member of a `[[master_group]]`."},
    {"DNP-03", "Write to an object that was never written", 3, Audience::security, "T0836", "information-content-security:unauthorised-information-modification",
     "Writes change how an outstation reports (deadbands, classes, names). The time and the restart indication are a master's ordinary writes; others are rare.",
     "Ask the control centre what it changed and why.",
     "If it may write, declare it: `acts = [\"reading\", \"operate\", \"write\"]` in its `[[conversation]]`."},
    {"DNP-04", "Direct operate where select before operate is used", 4, Audience::security, "T0855", "intrusions:system-compromise",
     "Select before operate guards against a wrong or corrupted command. Attack tools leave it out; so do tests in a hurry.",
     "Ask who gave the command, and compare the master's settings with the point list.",
     "If the output is operated directly, declare it: `mode = \"direct\"`."},
    {"DNP-05", "Direct operate without acknowledgement", 4, Audience::security, "T0855", "intrusions:system-compromise",
     "A command whose answer nobody wants to see is not how operators work.",
     "Check whether the output moved, and which program sent the command.",
     "If a master works so on purpose, learn it: the function then belongs to its conversation."},
    {"DNP-06", "Sweep over control outputs", 5, Audience::security, "T0806", "availability:sabotage",
     "Many outputs were operated faster than people do. Whoever does it, this is how a blackout is made; a trusted control centre can be abused for it too.",
     "Call the control centre at once: was it ordered? Block remote control if it was not.",
     "`[detection.DNP-06]\nobjects = 8\npace = 1` for an outstation with quick switching sequences; declare resets as `kind = \"reset\"`.", sweep},
    {"DNP-08", "Operate does not match its select", 4, Audience::security, "T0855", "intrusions:system-compromise",
     "What is operated must be what was selected, by the same master, in the next request. Anything else is a fault of the master or somebody in between; a row of selects without operates is a probe.",
     "Compare the two requests in the evidence. Ask the control centre for its log.",
     "`[detection.DNP-08]\nabandoned = 10` where operators select often and change their minds.", selects},
    {"DNP-09", "Command refused", 2, Audience::operations, "T0803", "other:undetermined",
     "The outstation said no to its own master: a switch under local control, an interlock, or a command that does not fit.",
     "Read the status it gave; ask the operator what was meant.",
     "`[detection.DNP-09]\noff = true` where refusals by interlocking are part of the day."},
    {"DNP-10", "Set-point outside its limits", 5, Audience::security, "T0836", "availability:sabotage",
     "A value was commanded that this process is never run with. Limits in the master's screens do not bind who writes to the outstation directly.",
     "Ask the control centre for the order. Set a safe value by hand if it took effect.",
     "Declare the limits: `min = 0\nmax = 25\nstep = 5` in the `[[dnp3_point]]`.", set_point},
    {"DNP-11", "Cold restart of an outstation", 5, Audience::security, "T0816", "availability:sabotage",
     "The outstation was told to start from nothing. While it does, nobody sees or controls the plant.",
     "Ask the control centre and the works crew. Watch whether the outstation comes back.",
     "If a master restarts outstations on purpose, declare it: `acts = [\"reading\", \"operate\", \"run\"]`."},
    {"DNP-12", "Warm restart of an outstation", 4, Audience::security, "T0816", "availability:sabotage",
     "The outstation was told to restart its programs. Events and commands under way are lost.",
     "Ask the control centre and the works crew. Watch whether the outstation comes back.",
     "If a master restarts outstations on purpose, declare it: `acts = [\"reading\", \"operate\", \"run\"]`."},
    {"DNP-13", "Application stopped or initialised", 5, Audience::security, "T0881", "availability:sabotage",
     "Somebody stops programs in the outstation or sets their data back: control and protection that run there end.",
     "Ask the control centre and the works crew. Have the outstation's state checked.",
     "If it is done on purpose, declare it: `acts = [\"reading\", \"operate\", \"run\"]`."},
    {"DNP-14", "Configuration saved or activated", 4, Audience::security, "T0889", "information-content-security:unauthorised-information-modification",
     "A changed configuration survives restarts from now on.",
     "Ask who is working on the outstation, and compare its configuration with the one that is filed.", configurers},
    {"DNP-15", "Unsolicited reports switched off", 4, Audience::security, "T0878", "availability:sabotage",
     "The outstation no longer tells of events by itself. At a master's start this is ordinary and lasts seconds; at other times it blinds the control centre.",
     "Check that events of this outstation still arrive. Ask the control centre whether it restarted its master.",
     "`[detection.DNP-15]\nwait = 300` for a master that takes long to start.", unsolicited},
    {"DNP-16", "Points assigned to another class", 4, Audience::security, "T0878", "information-content-security:unauthorised-information-modification",
     "What is in no class is not reported: alarms fall silent without anybody stopping them.",
     "Ask who changed it. Compare what the outstation reports with its point list.", configurers},
    {"DNP-17", "Counters frozen and cleared", 3, Audience::security, "T0836", "information-content-security:unauthorised-information-modification",
     "Energy that was counted is lost for whoever reads the counters next.",
     "Ask who reads the counters here.", "Let it be learned, or declare it: `acts = [\"reading\", \"write\"]` in its `[[conversation]]`."},
    {"DNP-18", "Time written by the wrong host or to a wrong time", 3, Audience::security, "T0832", "intrusions:system-compromise",
     "Who sets an outstation's clock decides the order in which its events seem to have happened.",
     "Compare the outstation's clock with the site's time server, and ask who runs the host.",
     "If it is the time master, declare it: `acts = [\"reading\", \"time\"]` in its `[[conversation]]`.", clock_step},
    {"DNP-20", "Outstation says that something is wrong with it", 2, Audience::operations, "T0814", "availability:outage",
     "Its internal indications tell of trouble in the device (IIN1.6) or of a corrupt configuration (IIN2.5).",
     "Look at the outstation's own log.", "`[detection.DNP-20]\noff = true` for a device that always says so."},
    {"DNP-22", "Storm of unsolicited reports", 3, Audience::operations, "T0814", "availability:outage",
     "So many reports hide the one that matters, and fill the outstation's buffer.",
     "Find the point that chatters.", "Raise `times` under `[detection.DNP-22]`.", storm},
    {"DNP-24", "Functions tried one by one", 3, Audience::security, "T0888", "information-gathering:scanning",
     "A master knows what its outstation can do. Who asks for functions that it does not have is finding out.",
     "Find the program on the host that asks.", "Raise `times` under `[detection.DNP-24]`.", tries},
    {"DNP-25", "Broadcast request", 4, Audience::security, "T0855", "intrusions:system-compromise",
     "A request to all outstations at once: few masters ever send one, and a command sent so moves everything.",
     "Look at what was asked, and which outstations followed.",
     "Broadcast time or freezes that belong here are learned; otherwise `[detection.DNP-25]\noff = true`."},
    {"DNP-26", "Reserved addresses used", 3, Audience::security, "T0846", "information-gathering:scanning",
     "Addresses that the standard reserves, or a broadcast as sender, come from scanners and from frames made by hand.",
     "Find the program that sends them.", "Raise `times` under `[detection.DNP-26]`.", odd},
    {"DNP-27", "File opened, deleted or authenticated", 4, Audience::security, "T0867", "intrusions:system-compromise",
     "Files of an outstation are its configuration, its firmware and its records.",
     "Ask who fetched or wrote the file, and compare the outstation's configuration with its last known one.",
     "If a master fetches disturbance records, declare it: `acts = [\"reading\", \"operate\", \"file\"]`."},
    {"DNP-28", "Functions or objects that the standard does not have", 3, Audience::security, "T0820", "intrusion-attempts:exploiting-known-vulnerabilities",
     "Reserved functions and unknown objects are sent by fuzzers and exploits, not by masters.",
     "Find the program that sends them.", "Raise `times` under `[detection.DNP-28]`.", odd},
    {"DNP-29", "Broken frames", 2, Audience::operations, "T0814", "availability:misconfiguration",
     "Frames arrive with wrong check sums: a noisy serial line behind a gateway, or somebody who writes frames by hand.",
     "Look at the gateway's line. On a link without one, find the sender.",
     "`[detection.DNP-29]\nframes = 50` for a noisy line.", frames},
    {"DNP-30", "Frames or segments that do not fit together", 3, Audience::security, "T0820", "intrusion-attempts:exploiting-known-vulnerabilities",
     "Lengths and transport segments that contradict each other break weak receivers.",
     "Find the program that sends them.", "Raise `times` under `[detection.DNP-30]`.", odd},
    {"DNP-31", "Objects that are cut short, or ranges upside down", 3, Audience::security, "T0814", "intrusion-attempts:exploiting-known-vulnerabilities",
     "Requests for more objects than there are octets are how outstations are brought down.",
     "Look whether the outstation still answers, then find the program that sends them.", "Raise `times` under `[detection.DNP-31]`.", odd},
    {"DNP-32", "Direction contradicts the function", 3, Audience::security, "T0856", "intrusions:system-compromise",
     "A master that answers, or an outstation that asks, is somebody who speaks for the other side.",
     "Find the host that sends it, and what its peer made of it.", "Raise `times` under `[detection.DNP-32]` for a device that sets the bit wrongly.", odd},
    {"DNP-34", "Secure authentication failed", 4, Audience::security, "T0830", "intrusion-attempts:login-attempts",
     "An outstation that asks who commands it was given no right answer: wrong keys, or somebody else.",
     "Compare the keys at both ends. Look who opened the connection.", "Raise `times` under `[detection.DNP-34]` while keys are changed.", secure},
    {"DNP-37", "Process did not follow the command", 4, Audience::security, "T0832", "availability:sabotage",
     "The station confirmed a command and its process stayed where it was, or went elsewhere. Either the plant is stuck, or what is reported is not what happens.",
     "Have the real position checked on site before operating again.",
     "Declare the right feedback and travel time: `feedback = 3\ntravel_time = \"25s\"`."},
};

constexpr std::string_view known_to_ask = "Known to ask this outstation: {masters}.";
constexpr std::string_view by_hand = "Frames are as the standard has them; others are made by hand.";
constexpr Deed deeds[] = {
    {.detection = "DNP-09", .protocol = "dnp3", .functions = "129", .leave = Leave::nobody, .what = "{server}{station} refused {client} a command for {object}: {reason}.", .expected = "What a master commands is possible.",
     .roles = Want::responses, .reasons = "0x101-0x1ff", .flags = Deed::refused, .of_known = true},
    {"DNP-14", "dnp3", "19, 31", Leave::declared, "{client} sent {server}{station}: {function}.", known_to_ask},
    {.detection = "DNP-16", .protocol = "dnp3", .functions = "22", .leave = Leave::usual, .what = "{client} assigned {object} of {server}{station} to another class.", .expected = "It never did so before.", .of_known = true},
    {.detection = "DNP-17", .protocol = "dnp3", .functions = "9-10", .leave = Leave::usual, .what = "{client} froze and cleared {object} of {server}{station}.", .expected = "It never did so before.", .of_known = true},
    {.detection = "DNP-20", .protocol = "dnp3", .functions = "129-130", .leave = Leave::nobody, .what = "{server}{station} says that its configuration is corrupt (IIN2.5).", .expected = "An outstation in service has none of these indications.",
     .roles = Want::responses | Want::reports, .bits = 0x2000, .daily = true},
    {.detection = "DNP-20", .protocol = "dnp3", .functions = "129-130", .leave = Leave::nobody, .what = "{server}{station} says that there is trouble in the device (IIN1.6).", .expected = "An outstation in service has none of these indications.",
     .roles = Want::responses | Want::reports, .bits = 0x40, .daily = true},
    {.detection = "DNP-22", .protocol = "dnp3", .functions = "130", .leave = Leave::nobody, .what = "{server}{station} sent {times} unsolicited reports.", .expected = "Even a trip makes fewer.", .roles = Want::reports},
    {.detection = "DNP-24", .protocol = "dnp3", .functions = "129", .leave = Leave::nobody, .what = "{client} asked {server}{station} {times} times for functions it does not have: {reason}.", .expected = "A master knows its outstation.",
     .roles = Want::responses, .reasons = "1, 3, 5, 7", .flags = Deed::refused},
    {.detection = "DNP-26", .protocol = "dnp3", .functions = "", .leave = Leave::nobody, .what = "Between {client} and {server} reserved DNP3 addresses are used ({times} times).", .expected = by_hand, .roles = Want::any_role, .reasons = "0x406"},
    {.detection = "DNP-28", .protocol = "dnp3", .functions = "", .leave = Leave::nobody, .what = "{client} sent {server} {times} DNP3 requests that the standard does not have: {reason}.", .expected = by_hand, .reasons = "0x407-0x408", .flags = Deed::malformed},
    {.detection = "DNP-30", .protocol = "dnp3", .functions = "", .leave = Leave::nobody, .what = "{client} sent {server} {times} DNP3 frames that do not fit together: {reason}.", .expected = by_hand, .reasons = "0x403-0x404", .flags = Deed::malformed},
    {.detection = "DNP-31", .protocol = "dnp3", .functions = "", .leave = Leave::nobody, .what = "{client} sent {server} {times} broken DNP3 requests: {reason}.", .expected = by_hand, .reasons = "0x409", .flags = Deed::malformed},
    {.detection = "DNP-32", .protocol = "dnp3", .functions = "", .leave = Leave::nobody, .what = "Between {client} and {server}, {function}: the direction bit says the opposite ({times} times).", .expected = by_hand, .roles = Want::any_role, .reasons = "0x405"},
    {.detection = "DNP-34", .protocol = "dnp3", .functions = "", .leave = Leave::nobody, .what = "Between {client} and {server}{station} secure authentication failed {times} times: {reason}.", .expected = "Both ends have the same keys.",
     .roles = Want::any_role, .reasons = "0x301-0x3ff"},
};

}  // namespace
extern constexpr Family dnp3_family{"DNP3", rows, deeds};
}  // namespace vidra
