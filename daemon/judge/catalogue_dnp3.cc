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
    {"spans", 1, "spans", "How far outside the learned range a value may be, in widths of that range."},
};

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
    {"DNP-15", "Unsolicited reports switched off", 4, Audience::security, "T0878", "availability:sabotage",
     "The outstation no longer tells of events by itself. At a master's start this is ordinary and lasts seconds; at other times it blinds the control centre.",
     "Check that events of this outstation still arrive. Ask the control centre whether it restarted its master.",
     "`[detection.DNP-15]\nwait = 300` for a master that takes long to start.", unsolicited},
    {"DNP-18", "Time written by the wrong host or to a wrong time", 3, Audience::security, "T0832", "intrusions:system-compromise",
     "Who sets an outstation's clock decides the order in which its events seem to have happened.",
     "Compare the outstation's clock with the site's time server, and ask who runs the host.",
     "If it is the time master, declare it: `acts = [\"reading\", \"time\"]` in its `[[conversation]]`.", clock_step},
    {"DNP-25", "Broadcast request", 4, Audience::security, "T0855", "intrusions:system-compromise",
     "A request to all outstations at once: few masters ever send one, and a command sent so moves everything.",
     "Look at what was asked, and which outstations followed.",
     "Broadcast time or freezes that belong here are learned; otherwise `[detection.DNP-25]\noff = true`."},
    {"DNP-27", "File opened, deleted or authenticated", 4, Audience::security, "T0867", "intrusions:system-compromise",
     "Files of an outstation are its configuration, its firmware and its records.",
     "Ask who fetched or wrote the file, and compare the outstation's configuration with its last known one.",
     "If a master fetches disturbance records, declare it: `acts = [\"reading\", \"operate\", \"file\"]`."},
    {"DNP-29", "Broken frames", 2, Audience::operations, "T0814", "availability:misconfiguration",
     "Frames arrive with wrong check sums: a noisy serial line behind a gateway, or somebody who writes frames by hand.",
     "Look at the gateway's line. On a link without one, find the sender.",
     "`[detection.DNP-29]\nframes = 50` for a noisy line.", frames},
};

}  // namespace
extern constexpr Family dnp3_family{"DNP3", rows};
}  // namespace vidra
