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
    {"spans", 1, "spans", "How far outside the learned range a value may be, in widths of that range."},
};
constexpr Threshold clock_step[] = {
    {"step", 60, "s", "How far a master's clock may step from one synchronisation to the next; whole quarters of an hour are time zones."},
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
    {"I104-15", "Set-point outside its limits", 5, Audience::security, "T0836", "availability:sabotage",
     "A value was commanded that this process is never run with. Limits in the master's screens do not bind who writes to the station directly.",
     "Ask the control centre for the order. Set a safe value by hand if it took effect.",
     "Declare the limits: `min = 0\nmax = 25\nstep = 5` in the `[[iec104_point]]`.", set_point},
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
};

}  // namespace
extern constexpr Family iec104_family{"IEC 60870-5-104", rows};
}  // namespace vidra
