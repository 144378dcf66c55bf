// SPDX-License-Identifier: Apache-2.0
// Detections of IEC 60870-5-104.
#include "daemon/judge/deeds.h"

namespace vidra {
namespace {

constexpr Threshold enumeration[] = {
    {"objects", 5, "objects", "So many different unknown objects or addresses asked for by one host inside the window."},
    {"window", 60, "s", "The time in which they are counted."},
};
constexpr Threshold sweep[] = {
    {"objects", 4, "objects", "So many different switching devices operated in a row; 3 for a master that may not command."},
    {"pace", 2.5, "s", "The mean time between two of them below which it is a sweep. A quicker pace that was learned lowers it."},
};
constexpr Threshold toggle[] = {
    {"changes", 4, "changes", "So many changes of one object inside the window."},
    {"window", 60, "s", "The time in which they are counted."},
};
constexpr Threshold set_point[] = {
    {"learned", 10, "commands", "So many learned commands of one set-point are needed before their range counts."},
    {"spans", 1, "spans", "How far outside the learned range a value may be, in widths of that range, or tenths of its largest value where that is more. Who gets there in learned steps may."},
};
constexpr Threshold clock_step[] = {
    {"step", 60, "s", "How far a master's clock may step from one synchronisation to the next; whole quarters of an hour are time zones."},
};
constexpr Threshold burst[] = {
    {"points", 20, "points", "So many different points of one common address turned bad inside the window, and are so still."},
    {"share", 30, "%", "and such a share of those that its list declares, where there is one."},
    {"window", 60, "s", "The time in which they turn."},
};

constexpr Threshold reads[] = {
    {"times", 50, "objects", "So many different objects read one by one by one master inside the window."},
    {"window", 60, "s", "The time in which they are counted."},
};
constexpr Threshold broken[] = {
    {"times", 3, "records", "So many broken records of one master inside the window."},
    {"window", 60, "s", "The time in which they are counted."},
};
constexpr Threshold starts[] = {
    {"times", 20, "starts", "So many STARTDT from one master to one station inside the window."},
    {"window", 60, "s", "The time in which they are counted."},
};
constexpr Threshold storm[] = {
    {"times", 3000, "messages", "So many spontaneous messages of one common address inside the window."},
    {"window", 10, "s", "The time in which they are counted. A trip makes hundreds."},
};
constexpr Threshold secure[] = {
    {"times", 3, "errors", "So many authentication errors between two hosts inside the window."},
    {"window", 300, "s", "The time in which they are counted."},
};

constexpr Detection rows[] = {
    {"I104-01", "New controlling station", 5, Audience::security, "T0848", "intrusions:system-compromise",
     "Whoever starts data transfer on an IEC 104 link can read the whole station and command it: the protocol asks for no password.",
     "Find the host and whoever runs it. Until that is clear, treat the station as open to commands from it.",
     "Declare it: `[[conversation]]\nclient = \"scada2\"\nserver = \"rtu1\"\nprotocol = \"iec104\"`, or as a member of a `[[master_group]]`."},
    {"I104-02", "Command by a master that may not command", 5, Audience::security, "T0855", "intrusions:system-compromise",
     "A host that nobody allowed to command has operated, or tried to operate, the process.",
     "Compare the positions of the switching devices named here with what the control centre ordered. Cut the host off.",
     "If it may command, declare it: `acts = [\"reading\", \"select\", \"operate\"]` in its `[[conversation]]`."},
    {"I104-03", "Command to an object the station's list does not have", 5, Audience::security, "T0855", "intrusions:system-compromise",
     "The operator's own systems command from the same point list that the site declares. A command outside it was made by something else, or the list is out of date.",
     "Ask the control centre whether it gave this command, and compare its point list with the site's.",
     "Complete the point list: `[[iec104_point]]` with the station, the object and `direction = \"control\"`."},
    {"I104-04", "Objects tried one by one", 5, Audience::security, "T0861", "information-gathering:scanner",
     "Somebody asks for objects or common addresses that the station does not have: he does not know it and finds out what can be operated. Industroyer did this before it opened breakers.",
     "Find the host. Look for commands that were accepted in the same minutes.",
     "`[detection.I104-04]\nobjects = 20` for a master that is being commissioned, or open a window for the works.", enumeration},
    {"I104-05", "Breaker sweep", 5, Audience::security, "T0806", "availability:sabotage",
     "Many switching devices were operated faster than people do. Whoever does it, this is how a blackout is made; a trusted control centre can be abused for it too.",
     "Call the control centre at once: was it ordered? Block remote control if it was not.",
     "`[detection.I104-05]\nobjects = 8\npace = 1` for a station with quick switching sequences; declare acknowledgements and resets as `kind = \"reset\"`; open a window for load-shedding tests.", sweep},
    {"I104-06", "Object switched to and fro", 5, Audience::security, "T0806", "availability:sabotage",
     "One object is commanded on and off again and again. It wears out drives, disturbs customers and hides which command was the last.",
     "Ask the control centre. Look at what the switching device itself reports.",
     "`[detection.I104-06]\nchanges = 12`, or declare the object as `kind = \"tap\"` or `\"reset\"`.", toggle},
    {"I104-07", "Command without the select that belongs to it", 4, Audience::security, "T0855", "intrusions:system-compromise",
     "Select before operate guards against a wrong or corrupted command. Attack tools leave it out; so do tests in a hurry.",
     "Ask who gave the command, and compare the master's settings with the point list.",
     "If the object is operated directly, declare it: `mode = \"direct\"`."},
    {"I104-09", "Command unanswered", 3, Audience::operations, "T0803", "availability:outage",
     "The station neither confirmed nor refused a command. It may be overloaded, its link broken, or somebody holds its answers back.",
     "Check the link and the station. Repeat the command only when its last position is known.",
     "`[detection.I104-09]\nseverity = 2` where slow serial lines lie behind the station."},
    {"I104-10", "Command refused", 2, Audience::operations, "T0855", "other:undetermined",
     "The station said no: interlocked, in local control, already busy, or it does not believe the command.",
     "Compare with interlocking and the local/remote switch.",
     "`[detection.I104-10]\noff = true` where refusals by interlocking are part of the day."},
    {"I104-11", "Confirmation of a command that was not heard", 3, Audience::security, "T0856", "intrusions:system-compromise",
     "A station confirms what nobody was heard to ask: the command took a way that the sensor does not hear, or the confirmation is made up.",
     "Check that the sensor hears both directions of this link, and whether the master knows of the command.",
     "If commands take another way on purpose, mirror that way too."},
    {"I104-12", "Process did not follow the command", 4, Audience::security, "T0832", "availability:sabotage",
     "The station confirmed a command and its process stayed where it was, or went elsewhere. Either the plant is stuck, or what is reported is not what happens.",
     "Have the real position checked on site before operating again.",
     "Declare the right feedback and travel time: `feedback = 1101\ntravel_time = \"25s\"`.", },
    {"I104-14", "Switch reports a faulty position", 2, Audience::operations, "T0832", "availability:outage",
     "Both end contacts, or none of them, say that they are reached: the position is not known.",
     "Have the switch looked at. Do not operate on what the screen shows.",
     "`[detection.I104-14]\noff = true` where positions of dead bays come and go."},
    {"I104-15", "Set-point outside its limits", 5, Audience::security, "T0836", "availability:sabotage",
     "A value was commanded that this process is never run with. Limits in the master's screens do not bind who writes to the station directly.",
     "Ask the control centre for the order. Set a safe value by hand if it took effect.",
     "Declare the limits: `min = 0\nmax = 25\nstep = 5` in the `[[iec104_point]]`.", set_point},
    {"I104-17", "Many values turned bad at once", 3, Audience::operations, "T0815", "availability:outage",
     "A station says of many of its values together that they are invalid, old, blocked or put in by hand. What stands behind it is lost: a device, a line, a bus. Until it is back, the screens show what was.",
     "Look which devices the points come from, and whether those are reached. Do not operate on what the screen shows.",
     "`[detection.I104-17]\npoints = 60\nshare = 50` where one serial line carries much of a station.", burst},
    {"I104-20", "Clock set by the wrong host or to a wrong time", 4, Audience::security, "T0832", "intrusions:system-compromise",
     "Who sets a station's clock decides the order in which its events seem to have happened.",
     "Compare the station's clock with the site's time server, and ask who runs the host.",
     "If it is the time master, declare it: `acts = [\"reading\", \"time\"]` in its `[[conversation]]`.", clock_step},
    {"I104-21", "Reset process command", 5, Audience::security, "T0816", "availability:sabotage",
     "The station was told to restart. While it does, nobody sees or controls the plant.",
     "Ask the control centre and the works crew. Watch whether the station comes back.",
     "If a master resets stations on purpose, declare it: `acts = [\"reading\", \"operate\", \"run\"]`."},
    {"I104-22", "Test command with a false pattern", 2, Audience::security, "T0855", "other:undetermined",
     "Masters send the test command with one fixed pattern. Another one comes from a tool or a fault.",
     "Find out what the host runs.",
     "`[detection.I104-22]\noff = true` for masters that are known to do it."},
    {"I104-23", "Process data marked as test", 3, Audience::security, "T0856", "intrusion-attempts:ids-alert",
     "The test bit says that nothing is to be done with it. Stations differ in whether they heed it.",
     "Ask whether somebody is testing. If nobody is, find the host that sends it.",
     "Open a `[[window]]` for tests."},
    {"I104-26", "Command to all stations at once", 5, Audience::security, "T0855", "intrusions:system-compromise",
     "Only interrogations, the clock and a reset may be addressed to all stations behind a link (101, 7.2.4). A command so addressed is meant for whatever obeys.",
     "Look which stations acted on it, then at the host that sent it.",
     "`[detection.I104-26]\nseverity = 3` for a master that is known to do it."},
    {"I104-27", "Objects read one by one", 3, Audience::security, "T0861", "information-gathering:scanning",
     "Masters interrogate; who reads object after object is finding out what there is.",
     "Find the program on the host that reads.", "Raise `times` under `[detection.I104-27]`, or let it be learned.", reads},
    {"I104-28", "Counters frozen and reset", 3, Audience::security, "T0836", "information-content-security:unauthorised-information-modification",
     "Energy that was counted is lost for whoever reads the counters next.",
     "Ask who reads the counters here.", "Let it be learned, or declare it: `acts = [\"reading\", \"write\"]` in its `[[conversation]]`."},
    {"I104-29", "Parameters of measured values changed", 4, Audience::security, "T0836", "information-content-security:unauthorised-information-modification",
     "Thresholds and limits decide which changes a station reports at all.",
     "Ask who set them, and compare with those that are filed.", "Declare it: `acts = [\"reading\", \"operate\", \"configure\"]` in its `[[conversation]]`."},
    {"I104-30", "File moved over the control link", 4, Audience::security, "T0882", "information-content-security:unauthorised-information-access",
     "Disturbance records are fetched this way; so may be anything else, and firmware may come.",
     "Ask who fetches records here.", "Declare it: `acts = [\"reading\", \"operate\", \"file\"]` in its `[[conversation]]`, or let it be learned."},
    {"I104-35", "Broken IEC 104 records", 3, Audience::security, "T0820", "intrusion-attempts:exploiting-known-vulnerabilities",
     "Lengths that do not fit, reserved causes, and values that are none are sent by fuzzers and exploits, not by masters.",
     "Find the program that sends them.", "Raise `times` under `[detection.I104-35]`.", broken},
    {"I104-41", "Link started again and again", 3, Audience::operations, "T0814", "availability:outage",
     "A link that starts and breaks all the time carries no commands when they are needed.",
     "Look at the line, and whether two masters push each other out.", "Raise `times` under `[detection.I104-41]`.", starts},
    {"I104-47", "Command to an object that this master never commanded", 2, Audience::security, "T0855", "information-content-security:unauthorised-information-modification",
     "The master is known, the object is not: a new feeder, or somebody at the master's keyboard.",
     "Ask the control centre for the order.", "Import the point list, or let the object be learned."},
    {"I104-49", "Known master under another originator address", 3, Audience::security, "T0849", "intrusion-attempts:ids-alert",
     "The address tells which operator or front end is behind a command. One that was never used comes from another program on the master's host, or from whoever took its place.",
     "Ask the control centre who gave the order.", "Declare all that are used in its `[[conversation]]`."},
    {"I104-50", "Storm of events", 3, Audience::operations, "T0814", "availability:outage",
     "So many events hide the one that matters, and fill the station's buffer.",
     "Find the point that chatters.", "Raise `times` under `[detection.I104-50]`.", storm},
    {"I104-51", "Secure authentication failed", 4, Audience::security, "T0830", "intrusion-attempts:login-attempts",
     "A station that asks who commands it was given no right answer: wrong keys, or somebody else.",
     "Compare the keys at both ends. Look who opened the connection.", "Raise `times` under `[detection.I104-51]` while keys are changed.", secure},
};

constexpr std::string_view known_to_ask = "Known to control this station: {masters}.";
constexpr Deed deeds[] = {
    {.detection = "I104-14", .protocol = "iec104", .functions = "3-4, 31", .leave = Leave::nobody, .what = "{server}{station} reports {object} in a faulty position.", .expected = "A switch is open, closed, or for seconds between.",
     .roles = Want::reports, .reasons = "3", .value = "3"},
    {.detection = "I104-23", .protocol = "iec104", .functions = "1-64", .leave = Leave::nobody, .what = "Between {client} and {server}{station}: {function}, {object}, marked as test.", .expected = "Process data of a plant in service are none.",
     .roles = Want::requests | Want::reports, .flags = Deed::test},
    {.detection = "I104-26", .protocol = "iec104", .functions = "45-64", .leave = Leave::nobody, .what = "{client} sent all stations of {server} {function} for {object}: {value}.", .expected = "Commands are addressed to one station.", .flags = Deed::broadcast},
    {.detection = "I104-27", .protocol = "iec104", .functions = "102", .leave = Leave::usual, .what = "{client} read {times} objects of {server}{station} one by one.", .expected = "It never read single objects here.", .of = Deed::Of::objects},
    {.detection = "I104-28", .protocol = "iec104", .functions = "101/2-3", .leave = Leave::usual, .what = "{client} reset the counters of {server}{station}.", .expected = known_to_ask, .of_known = true},
    {.detection = "I104-29", .protocol = "iec104", .functions = "110-113", .leave = Leave::usual, .what = "{client} sent {server}{station} {function} for {object}: {value}.", .expected = known_to_ask},
    {.detection = "I104-30", .protocol = "iec104", .functions = "122/0-3, 122/5-15, 124", .leave = Leave::met, .what = "{client} fetches the file {object} of {server}{station}: {function}.", .expected = known_to_ask},   // a disturbance record is fetched after each trip
    {.detection = "I104-30", .protocol = "iec104", .functions = "122/4", .leave = Leave::declared, .what = "{client} deletes the file {object} of {server}{station}.", .expected = known_to_ask},
    {.detection = "I104-30", .protocol = "iec104", .functions = "120-121, 123, 125-127", .leave = Leave::usual, .what = "{client} sent {server}{station}: {function} {object}.", .expected = known_to_ask},
    {.detection = "I104-35", .protocol = "iec104", .functions = "", .leave = Leave::nobody, .what = "{client} sent {server} {times} broken IEC 104 records, {function} the last.", .expected = "TCP delivers what was sent: records are broken only by who makes them.",
     .flags = Deed::malformed},
    {.detection = "I104-41", .protocol = "iec104", .functions = "7", .leave = Leave::nobody, .what = "{client} started its link to {server} {times} times.", .expected = "A link is started once, and stays.", .flags = Deed::link},
    {.detection = "I104-47", .protocol = "iec104", .functions = "45-64", .leave = Leave::usual, .what = "{client} commanded {object} of {server}{station}: {value}.", .expected = "It never commanded this object.", .of_known = true},
    {.detection = "I104-50", .protocol = "iec104", .functions = "1-40", .leave = Leave::nobody, .what = "{server}{station} sent {times} spontaneous messages, {object} the last.", .expected = "Even a trip makes hundreds, not thousands.", .roles = Want::reports, .reasons = "3"},
    {.detection = "I104-51", .protocol = "iec104", .functions = "87", .leave = Leave::nobody, .what = "Between {client} and {server}{station} secure authentication failed {times} times.", .expected = "Both ends have the same keys.", .roles = Want::any_role},
};

}  // namespace
extern constexpr Family iec104_family{"IEC 60870-5-104", rows, deeds};
}  // namespace vidra
