// SPDX-License-Identifier: Apache-2.0
// Detections of sampled values.
#include "daemon/judge/deeds.h"

namespace vidra {
namespace {

constexpr Threshold counting[] = {
    {"jump", 4, "samples", "So many samples left out at once without a pause."},
    {"share", 5, "%", "So large a part lost inside a minute."},
};
constexpr Threshold wrap[] = {
    {"shift", 20, "ms", "How far the beginning of the second may move; at least half a sample."},
};
constexpr Threshold waveform[] = {
    {"residual", 10, "%", "Of the largest phase: what may be left over of the three phases and the neutral."},
    {"frequency", 1, "Hz", "How far the frequency may jump."},
};
constexpr Threshold silence[] = {
    {"grace", 1, "s", "Waited beyond a few intervals of the stream."},
};

constexpr Detection rows[] = {
    {"SMV-01", "Unknown sampled values", 5, Audience::security, "T0856", "intrusions:system-compromise",
     "Relays measure by these samples. A stream that nobody planned, or one from another device, can make them trip or keep still.",
     "Find the switch port of the source address. Look whether a relay test set is in use, or a merging unit was replaced.",
     "Declare it: `[[publisher]]\nkind = \"sv\"\nreference = \"MU01\"\nhost = \"mu1\"`, or import the SCD again."},
    {"SMV-02", "Two publishers of one sampled-value stream", 5, Audience::security, "T0856", "intrusions:system-compromise",
     "A second sender mixes its samples into a stream that protection measures by: this is how a fault is invented or hidden.",
     "Find the switch ports of both addresses; disconnect the one that is not the merging unit. Block the protection that uses the stream if in doubt.",
     "Streams that share an svID differ in their destination: declare each."},
    {"SMV-03", "Sample counter jumps", 4, Audience::security, "T0804", "information-content-security:unauthorised-information-modification",
     "Samples are missing. Where time is missing too they were lost on the way; where the frames came on time, the numbering was altered.",
     "Look at the error counters of the switches. Compare with the merging unit's own log.",
     "`[detection.SMV-03]\njump = 100\nshare = 50` for a mirror port that drops frames.", counting},
    {"SMV-04", "Samples begin their second at another time", 3, Audience::operations, "T0832", "availability:misconfiguration",
     "A merging unit's clock moved although it says that it is synchronised: its samples no longer fit those of other units.",
     "Compare its clock with the time server; look at PTP or the pulse line.",
     "`[detection.SMV-04]\nshift = 100` where the sensor's time stamps are coarse.", wrap},
    {"SMV-05", "Sampled values without synchronisation", 4, Audience::operations, "T0832", "availability:misconfiguration",
     "The merging unit lost its clock. Differential and distance protection with samples of several units may block.",
     "Look at the grandmaster, the GPS antenna and the boundary clocks on the way.",
     "Declare `synchronised = false` in its `[[publisher]]` for a unit without a clock."},
    {"SMV-06", "Merging units of a bay are synchronised differently", 4, Audience::operations, "T0832", "availability:misconfiguration",
     "Samples that are compared with each other come from different clocks.",
     "Look at the clock of the unit that is named.",
     "Declare the right `bay` in each `[[publisher]]`."},
    {"SMV-07", "Sampled values in another form", 4, Audience::security, "T0836", "information-content-security:unauthorised-information-modification",
     "The stream's revision, data set, rate or size changed: relays reject it or read other quantities. Or its frames are broken.",
     "Ask engineering whether the merging unit was configured anew. If not, somebody else sends.",
     "Declare the new one: `conf_rev`, `asdus` and `entries` in its `[[publisher]]`."},
    {"SMV-09", "Implausible waveform", 5, Audience::security, "T0856", "information-content-security:unauthorised-information-modification",
     "Phases and neutral that no longer add up, or a frequency that jumps, cannot be measured: the samples were made up, or the unit is faulty.",
     "Compare with the same quantities elsewhere (the other winding, the control system).",
     "`[detection.SMV-09]\nresidual = 30` where the neutral is not measured in the same place.", waveform},
    {"SMV-10", "Samples marked as invalid, test or questionable", 3, Audience::operations, "T0832", "availability:misconfiguration",
     "The merging unit itself says that its samples are not to be trusted.",
     "Look at its inputs and at its mode. Ask whether the bay is under test.",
     "`[detection.SMV-10]\noff = true` where channels are left open for good."},
    {"SMV-11", "Sampled values marked as simulation", 4, Audience::security, "T0856", "intrusions:system-compromise",
     "Samples of a relay test set, or of somebody who acts as one. A relay whose Sim is on measures by them and ignores the true unit.",
     "Ask whether a test is going on. If not, find the switch port of the source.",
     "During works open a `[[window]]`; for a laboratory `simulation_allowed = true` in its `[[publisher]]`."},
    {"SMV-12", "Sampled values stopped", 4, Audience::operations, "T0804", "availability:outage",
     "The stream ended: relays that measure by it are blind and block.",
     "Look at the merging unit, its supply, and the switches on the way.",
     "Declare `intermittent = true` in the `[[publisher]]` of a test stream.", silence},
};

}  // namespace

extern constexpr Family sv_family{"Sampled values", rows};

}  // namespace vidra
