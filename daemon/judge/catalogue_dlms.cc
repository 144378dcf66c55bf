// SPDX-License-Identifier: Apache-2.0
// Detections of DLMS/COSEM. Functions are the APDUs' tags; objects are named by class, OBIS code and attribute or method. What needs a
// memory of its own is in dlms_detectors.cc.
#include "daemon/judge/deeds.h"

namespace vidra {
namespace {

constexpr Threshold many[] = {
    {"times", 5, "meters", "So many meters disconnected by one client inside the window."},
    {"window", 600, "s", "The time in which they are counted."},
};

constexpr std::string_view head_ends = "If this host is the meters' head end, declare it: `acts = [\"reading\", \"operate\", \"time\", \"configure\", \"program\"]` in its `[[conversation]]`, or the works as a `[[window]]`.";
constexpr std::string_view readers = "If it belongs to the plant, declare it: `[[conversation]]\nclient = \"scada\"\nserver = \"rtu1\"\nprotocol = \"dlms\"`, or let it be learned.";

constexpr Detection rows[] = {
    {"DLM-01", "Association without security, or with a vendor's password", 3, Audience::security, "T0812", "intrusions:unprivileged-account-compromise",
     "Whoever reaches the meter may then do what the association allows; the vendors' passwords are in every manual.",
     "Find out who opened the association, and set the meter's access rights and passwords.", readers},
    {"DLM-02", "Many meters disconnected", 5, Audience::security, "T0826", "availability:sabotage",
     "Customers without supply, and so many at once that the grid feels it.",
     "Ask the metering centre whether it means that. If not, take the client off the network and reconnect the meters.",
     "Where many are disconnected in a row by order, raise `times` under `[detection.DLM-02]`, or declare the works as a `[[window]]`.", many},
    {"DLM-03", "Firmware image transferred to a meter", 4, Audience::security, "T0857", "information-content-security:unauthorised-information-modification",
     "Firmware decides about measurement, keys and the disconnector.",
     "Ask who updates the meter and with what; compare the image's identifier with the one that was released.", head_ends},
    {"DLM-04", "Keys, security setup or access rights of a meter changed", 5, Audience::security, "T0892", "information-content-security:unauthorised-information-modification",
     "With other keys or a lower policy the meter belongs to whoever set them.",
     "Ask the metering centre for the order; test whether the meter still answers with its keys.", head_ends},
    {"DLM-05", "Invocation counter that does not go on", 4, Audience::security, "T0856", "intrusions:system-compromise",
     "Each secured message has a higher counter than the one before; one that was seen already was recorded and sent again.",
     "Compare with what the client says that it sent; look for a second client that uses the same keys.",
     "A key that was changed lets the counters begin anew: declare the works as a `[[window]]`."},
    {"DLM-06", "Clock or tariff of a meter set", 3, Audience::security, "T0836", "information-content-security:unauthorised-information-modification",
     "Time, calendar and tariff decide what a kilowatt-hour costs and when loads are switched.",
     "Ask the metering centre for the order.", head_ends},
    {"DLM-07", "Meter that pushes unasked, or a system title twice", 3, Audience::security, "T0856", "intrusions:system-compromise",
     "A system title belongs to one device: heard from two addresses, one of them pretends. Data pushed by an unknown meter is nobody's.",
     "Find the device behind the second address.", "Where meters change their addresses, switch it off or give them fixed ones. For a new meter: `[[conversation]]\nclient = \"scada\"\nserver = \"rtu1\"\nprotocol = \"dlms\"`"},
    {"DLM-08", "Supply switched by a meter", 4, Audience::security, "T0855", "information-content-security:unauthorised-information-modification",
     "The disconnector takes a customer off the grid or puts him back.",
     "Ask the metering centre for the order.", head_ends},
};

constexpr std::string_view known_to_ask = "Known to ask this meter: {masters}.";
constexpr std::string_view sent = "{client} sent {server}{station}: {function}, {object}.";
constexpr Deed deeds[] = {
    {"DLM-01", "dlms", "0x60/0-1", Leave::usual, "{client} opened an association with {server}{station}: {function}.", known_to_ask},
    {.detection = "DLM-01", .protocol = "dlms", .functions = "0x60", .leave = Leave::nobody, .what = "{client} logged on at {server}{station} with a password that every manual names.",
     .expected = "Meters in service have passwords of their own.", .object = "password", .text = "*vendor default*"},
    {.detection = "DLM-02", .protocol = "dlms", .functions = "0xc3", .leave = Leave::nobody, .what = "{client} disconnected {times} meters, the last behind {server}{station}.",
     .expected = "Meters are disconnected one by one, by order.", .object = "disconnect control*method 1", .of = Deed::Of::servers},
    {.detection = "DLM-03", .protocol = "dlms", .functions = "0xc1, 0xc3", .leave = Leave::declared, .what = sent, .expected = known_to_ask, .object = "image transfer*", .needs = Act::program},
    {.detection = "DLM-04", .protocol = "dlms", .functions = "0xc1, 0xc3", .leave = Leave::declared, .what = sent, .expected = known_to_ask, .object = "security setup*", .needs = Act::configure},
    {.detection = "DLM-04", .protocol = "dlms", .functions = "0xc1", .leave = Leave::declared, .what = sent, .expected = known_to_ask, .object = "association LN*", .needs = Act::configure},
    {.detection = "DLM-04", .protocol = "dlms", .functions = "0xc3", .leave = Leave::declared, .what = sent, .expected = known_to_ask, .object = "association LN*method 2", .needs = Act::configure},
    {.detection = "DLM-06", .protocol = "dlms", .functions = "0xc1, 0xc3", .leave = Leave::usual, .what = sent, .expected = known_to_ask, .object = "clock *", .needs = Act::time},
    {.detection = "DLM-06", .protocol = "dlms", .functions = "0xc1, 0xc3", .leave = Leave::usual, .what = sent, .expected = known_to_ask, .object = "activity calendar*", .needs = Act::configure},
    {.detection = "DLM-06", .protocol = "dlms", .functions = "0xc1, 0xc3", .leave = Leave::usual, .what = sent, .expected = known_to_ask, .object = "special days table*", .needs = Act::configure},
    {.detection = "DLM-06", .protocol = "dlms", .functions = "0xc1, 0xc3", .leave = Leave::usual, .what = sent, .expected = known_to_ask, .object = "single action schedule*", .needs = Act::configure},
    {.detection = "DLM-07", .protocol = "dlms", .functions = "0x0f, 0xc2", .leave = Leave::met, .what = "Data pushed between {client} and {server}{station}, that were never heard speaking.",
     .expected = "Meters push to their head end.", .roles = Want::reports},
    {.detection = "DLM-08", .protocol = "dlms", .functions = "0xc3", .leave = Leave::usual, .what = sent, .expected = known_to_ask, .object = "disconnect control*"},
};

}  // namespace

extern constexpr Family dlms_family{"DLMS/COSEM", rows, deeds};

}  // namespace vidra
