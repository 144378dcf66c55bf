// SPDX-License-Identifier: Apache-2.0
// Detections of IEEE C37.118. Functions are frame types, 4 with the command's code; 256 summary, 257 changed, 258 breach. Those of
// what the streams say are in c37118_detectors.cc.
#include "daemon/judge/deeds.h"

namespace vidra {
namespace {

constexpr Threshold gaps[] = {
    {"times", 5, "breaks", "So many seconds with frames missing, repeated or out of order inside the window."},
    {"window", 60, "s", "The time in which they are counted."},
};
constexpr Threshold apart[] = {
    {"difference", 0.3, "Hz", "So far from the middle of the other PMUs' frequencies."},
    {"seconds", 5, "s", "For so long."},
};
constexpr Threshold lost[] = {
    {"seconds", 3, "s", "Not synchronised for so long, after it was."},
};
constexpr Threshold broken[] = {
    {"times", 5, "frames", "So many broken frames inside the window."},
    {"window", 60, "s", "The time in which they are counted."},
};

constexpr std::string_view works = "Off during works: a `[[window]]` for the PMU.";

constexpr Detection rows[] = {
    {"PMU-01", "Command of an unknown concentrator", 4, Audience::security, "T0855", "intrusions:system-compromise",
     "Who may command a PMU can stop its stream, and with it wide-area protection and the view of the control centre.",
     "Look whether the stream still runs, and what the host is.",
     "If it belongs to the plant, declare it: `[[conversation]]\nclient = \"scada\"\nserver = \"rtu1\"\nprotocol = \"c37118\"`, or let it be learned."},
    {"PMU-02", "Configuration of a stream changed", 3, Audience::security, "T0836", "information-content-security:unauthorised-information-modification",
     "With other channels or scales the same octets mean something else; a concentrator that did not notice shows wrong values.",
     "Ask who changed it; compare the configuration frame with the one that is filed.", works},
    {"PMU-03", "PMU has lost its time", 4, Audience::operations, "T0832", "availability:outage",
     "Phasors are angles against time: without it they are wrong, and nothing else shows it.",
     "Look at the PMU's clock, its antenna, and the other PMUs on the same clock.", "Raise `seconds` under `[detection.PMU-03]`.", lost},
    {"PMU-04", "Frames of a stream missing, repeated or out of order", 3, Audience::operations, "T0804", "availability:outage",
     "Protection and control that live on the stream have no value for these moments; injected frames look like this, too.",
     "Look whether the network is overloaded, and whether two hosts send the same stream.", "Raise `times` under `[detection.PMU-04]`.", gaps},
    {"PMU-05", "Frequency that its neighbours do not have", 4, Audience::security, "T0856", "information-content-security:unauthorised-information-modification",
     "In one synchronous grid all PMUs measure one frequency; one that stands apart is out of order, islanded, or forged.",
     "Compare with a measurement of another kind; ask whether that part of the grid is islanded.", "Raise `difference` under `[detection.PMU-05]`; at least three PMUs must be heard.", apart},
    {"PMU-06", "Broken frames", 2, Audience::security, "T0814", "availability:dos",
     "TCP and UDP deliver what was sent: wrong check words and sizes come from fuzzers, or from a serial line behind a gateway.",
     "Find the host that sends them.", "Raise `times` under `[detection.PMU-06]`.", broken},
};

constexpr std::string_view known_to_ask = "Known to ask this PMU: {masters}.";
constexpr Deed deeds[] = {
    {"PMU-01", "c37118", "4/1-2, 4/8, 4/0x100", Leave::usual, "{client} sent {server}{station}: {function}.", known_to_ask},
    {"PMU-01", "c37118", "4/3-6", Leave::met, "{client} sent {server}{station}: {function}.", known_to_ask},
    {.detection = "PMU-02", .protocol = "c37118", .functions = "257", .leave = Leave::nobody, .what = "The configuration of the stream between {client} and {server}{station} is another one than before.",
     .expected = "Channels and scales of a stream in service stay as they are.", .roles = Want::reports, .reasons = "9"},
    {.detection = "PMU-04", .protocol = "c37118", .functions = "258", .leave = Leave::nobody, .what = "The stream between {client} and {server}{station} was broken in {times} seconds, the last: {reason}.",
     .expected = "Frames come at the rate of the configuration, each with a time of its own.", .roles = Want::reports, .reasons = "4-6"},
    {.detection = "PMU-06", .protocol = "c37118", .functions = "", .leave = Leave::nobody, .what = "{times} broken frames between {client} and {server}, the last: {reason}.",
     .expected = "Frames have the size and check word that the standard says.", .roles = Want::any_role, .flags = Deed::malformed},
};

}  // namespace

extern constexpr Family c37118_family{"IEEE C37.118", rows, deeds};

}  // namespace vidra
