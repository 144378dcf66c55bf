// SPDX-License-Identifier: Apache-2.0
// Detections of clocks (PTP, NTP) and of redundant networks (PRP, HSR). Grandmasters and time servers are judged in
// time_detectors.cc. The loss of satellites and holdover are a plant's ordinary life: they are not told here.
#include "daemon/judge/deeds.h"

namespace vidra {
namespace {

constexpr Threshold odd[] = {
    {"times", 3, "breaches", "So many odd corrections of one clock inside the window."},
    {"window", 60, "s", "The time in which they are counted."},
};
constexpr Threshold two[] = {
    {"together", 5, "s", "So long two grandmasters announce themselves side by side before it is told: a change of masters is shorter."},
};
constexpr Threshold server[] = {
    {"offset", 1, "s", "A time server nobody declared that is further from the sensor's clock is told with severity 4."},
};
constexpr Threshold jumps[] = {
    {"step", 60, "s", "A jump of a time server's clock from one answer to the next that is told."},
    {"unsynchronised", 900, "s", "So long a time server says of itself that it has no time before it is told."},
};
constexpr Threshold silent[] = {
    {"silence", 60, "s", "So long a node that announced itself regularly says nothing while others do."},
};

constexpr Threshold votes[] = {
    {"apart", 1, "s", "How far a clock that says the time of now (PTP, NTP, C37.118) may be from what most agree on."},
    {"events", 10, "s", "The same for clocks that are heard by the dates of events: they tell late, and never early."},
    {"settle", 60, "s", "So long it must be apart before it is told."},
};

constexpr Threshold adrift[] = {
    {"settle", 60, "s", "So long it must go on saying so."},
};

constexpr std::string_view clocks = "Declare it as a `[[host]]` with the role of a time server and its MAC addresses, or let it be learned.";

constexpr Detection time_rows[] = {
    {"TIM-01", "New PTP grandmaster", 5, Audience::security, "T0830", "information-content-security:unauthorised-information-modification",
     "The best clock wins by what it says of itself. Whoever announces a better one sets the time of merging units, relays and event records, and may move it.",
     "Find the host that announces it. Compare the clocks of relays and merging units with another source before trusting their events.", clocks},
    {"TIM-02", "Grandmaster lost its reference for long", 2, Audience::operations, "T0832", "availability:outage",
     "The clock has left holdover: its time drifts, and sampled values of different merging units drift apart.",
     "Look at the antenna and the receiver of the grandmaster.", "`[detection.TIM-02]\noff = true` for a clock that has no reference."},
    {"TIM-03", "PTP corrections or time that cannot be", 3, Audience::security, "T0830", "information-content-security:unauthorised-information-modification",
     "A message that claims to have stayed longer in the network than it can, or a clock whose time jumps, moves every clock that follows it.",
     "Look whether a switch between the grandmaster and here is broken or was replaced; then who sends on that segment.", "Raise `times` under `[detection.TIM-03]`.", odd},
    {"TIM-04", "Grandmaster's UTC offset changed", 3, Audience::security, "T0832", "information-content-security:unauthorised-information-modification",
     "The offset between PTP's time and UTC changes with a leap second only, which is announced hours before. All time stamps move with it.",
     "Compare with the offset in force (37 s since 2017), and look who configured the grandmaster.", "A wrong offset that was put right is told once."},
    {"TIM-05", "Two PTP grandmasters at once, or clocks managed by a stranger", 3, Audience::security, "T0830", "information-content-security:unauthorised-information-modification",
     "In one domain one clock announces itself; the others are silent. Where two go on, they are of different profiles, or one does not play by the rules, and clocks follow either.",
     "Look which of the two belongs to the plant, and compare domain and profile of both.",
     "Declare both as hosts with the role of a time server. A tool that manages clocks is declared: `acts = [\"reading\", \"configure\"]` in a `[[conversation]]`.", two},
    {"TIM-06", "Time server that nobody knows", 3, Audience::security, "T0830", "intrusion-attempts:ids-alert",
     "Whoever serves the time decides how events are ordered, when certificates are valid, and whether logs can be believed.",
     "Find out why the device asks this server, and whether its clock was moved.", "Declare it as a `[[host]]` with the role of a time server, or its `[[conversation]]`; or let it be learned.", server},
    {"TIM-07", "Time server jumped or has no time", 2, Audience::operations, "T0832", "availability:outage",
     "Devices that follow a server whose clock jumps record events in the wrong order; one that has no time for long leaves them adrift.",
     "Look at the time server's own reference.", "`[detection.TIM-07]\nstep = 3600` where a server is set by hand.", jumps},
    {"TIM-08", "Time server asked or changed by control messages", 2, Audience::security, "T0888", "information-gathering:scanning",
     "NTP's modes 6 and 7 tell who asks the server for time, and let its configuration be changed. Amplification attacks use them too.",
     "Find the host that asks. Restrict control messages to the server itself.", "A monitoring host is declared by a `[[conversation]]`."},
    {"TIM-09", "Clock apart from all others", 4, Audience::security, "T0832", "information-content-security:unauthorised-information-modification",
     "It says that it is synchronised, and the others agree with each other and not with it. The order of its events is wrong, and whoever moves a clock can make a cause look like an effect.",
     "Compare its clock with another source before trusting its events. Look who set it last, and which server it asks.",
     "`[detection.TIM-09]\napart = 5\nevents = 60` for a site with coarse clocks. Whole quarters of an hour are time zones.", votes},
    {"TIM-10", "Sensor's clock apart from those it hears", 3, Audience::sensor, "", "other:other",
     "Most clocks of the site agree with each other and not with the sensor's: its alerts are dated wrongly. Or the time of the whole site was moved.",
     "`vidra doctor` shows what sets the sensor's clock. If it is right, look at the site's grandmaster and time servers.",
     "It obeys the thresholds of `[detection.TIM-09]`."},
    {"TIM-11", "Sensor's clock was set", 2, Audience::sensor, "", "other:other",
     "The sensor's clock jumped by seconds or more while it listened. Alerts and evidence of before and after it are apart by that much, and their order is not to be trusted across it.",
     "`vidra doctor` shows what sets the sensor's clock. If nobody set it by hand, look which time server it asks, and at that server.",
     "`[detection.TIM-11]\noff = true` while the clock is being set up."},
    {"TIM-12", "Device's clock lost its reference", 2, Audience::operations, "T0832", "availability:outage",
     "A device that was synchronised says that it no longer is: its events will be dated wrongly, and nobody can tell afterwards in which order things happened.",
     "Look at the time server or grandmaster that it follows and at the way there; then at the device's own clock settings.",
     "`[detection.TIM-12]\nsettle = 900` where devices lose it for minutes.", adrift},
    {"TIM-13", "Device's clock wrong since it is heard", 2, Audience::operations, "T0832", "other:other",
     "A device says that its clock is synchronised, and it is far from what all others agree on, and was never heard otherwise: it was never set, or counts another zone or epoch. What it records cannot be put in order.",
     "Look what sets the device's clock, and whether it asks the right server in the right zone.",
     "It obeys the thresholds of `[detection.TIM-09]`; `[detection.TIM-13]\noff = true` where such clocks are known. One that Memory has heard right is TIM-09."},
};

constexpr Deed time_deeds[] = {
    {.detection = "TIM-03", .protocol = "ptp", .functions = "513/3", .leave = Leave::nobody, .what = "{client} sends PTP messages with corrections that cannot be ({times} times{station}).",
     .expected = "Switches correct by the microseconds a message stayed in them.", .roles = Want::reports},
    {.detection = "TIM-05", .protocol = "ptp", .functions = "13/1, 13/3", .leave = Leave::usual, .what = "{client} manages PTP clocks: {function}.", .expected = "Nobody is known to change clocks here."},
    {"TIM-08", "ntp", "6-7", Leave::met, "{client} sent {server}: {function}.", "Known to ask this time server: {masters}."},
    {"TIM-08", "ntp", "6/3, 6/5, 6/8-9, 7/10-15, 7/17-19, 7/23-27, 7/32-33, 7/37, 7/41, 7/45", Leave::usual, "{client} changed the time server {server}: {function}.", "It never did so before."},
};

constexpr Detection redundancy_rows[] = {
    {"PRP-03", "Node of a redundant network fell silent", 2, Audience::operations, "T0814", "availability:outage",
     "A node of PRP or HSR says every two seconds that it lives. One that stops while others go on is off, or cut off from both networks.",
     "Look at the device and both of its links.", "Raise `silence` under `[detection.PRP-03]`.", silent},
};

}  // namespace

extern constexpr Family time_family{"Clocks: PTP and NTP", time_rows, time_deeds};
extern constexpr Family redundancy_family{"Redundant networks: PRP and HSR", redundancy_rows};

}  // namespace vidra
