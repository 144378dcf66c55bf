// SPDX-License-Identifier: Apache-2.0
// Detections of OPC UA (OPC 10000). Functions are the services' numbers of the binary encoding; what needs a memory of its own is in
// opcua_detectors.cc.
#include "daemon/judge/deeds.h"

namespace vidra {
namespace {

constexpr Threshold guesses[] = {
    {"times", 5, "refusals", "So many refused logons of one client at one server inside the window."},
    {"window", 60, "s", "The time in which they are counted."},
};
constexpr Threshold sweep[] = {
    {"times", 30, "nodes", "So many different nodes browsed by one client inside the window."},
    {"window", 60, "s", "The time in which they are counted."},
};
constexpr Threshold broken[] = {
    {"times", 3, "messages", "So many broken or oversized messages of one client inside the window."},
    {"window", 60, "s", "The time in which they are counted."},
};

constexpr std::string_view clients = "If it belongs to the plant, declare it: `[[conversation]]\nclient = \"hmi\"\nserver = \"plc1\"\nprotocol = \"opcua\"`, or let it be learned.";
constexpr std::string_view writers = "If it may write or call, declare it: `acts = [\"reading\", \"write\", \"operate\"]` in its `[[conversation]]`, or let it be learned.";
constexpr std::string_view engineers = "If this host changes the address space, declare it: `acts = [\"reading\", \"write\", \"configure\"]` in its `[[conversation]]`, or the works as a `[[window]]`.";

constexpr Detection rows[] = {
    {"OPC-01", "Session without security at a server that has it", 4, Audience::security, "T0830", "intrusions:system-compromise",
     "A channel that is neither signed nor encrypted can be read and changed on the way; who once used security and now does not was led away from it.",
     "Compare the client's endpoint settings with those that are filed; look who answers under the server's address.",
     "If the server's unsecured endpoint is meant to be used, declare who uses it: `[[conversation]]\nclient = \"hmi\"\nserver = \"plc1\"\nprotocol = \"opcua\"`"},
    {"OPC-02", "Anonymous logon, or a password in plain text", 4, Audience::security, "T0859", "intrusions:unprivileged-account-compromise",
     "Whoever is not asked for a name cannot be told apart later; a password that crosses the network in plain text is everybody's.",
     "Find out who logged on, and close the server's anonymous and unsecured endpoints.", clients},
    {"OPC-03", "Logons refused again and again", 4, Audience::security, "T0806", "intrusion-attempts:login-attempts",
     "Somebody guesses names and passwords; INCONTROLLER brought a tool for it.",
     "Ask who tried to log on, and lock the host out if nobody did.", "Raise `times` under `[detection.OPC-03]` where a client retries an old password.", guesses},
    {"OPC-04", "Address space walked through", 3, Audience::security, "T0861", "information-gathering:scanning",
     "A client knows its nodes; who browses them one by one looks for what could be written.",
     "Find out whether somebody sets up a client, or whether the host was taken over.", "Raise `times` under `[detection.OPC-04]`; a client that was learned to browse is left in peace.", sweep},
    {"OPC-05", "Values written or methods called that never were", 5, Audience::security, "T0855", "information-content-security:unauthorised-information-modification",
     "Writes and calls are what moves the process.",
     "Ask who did it and whether the process moved.", writers},
    {"OPC-06", "Address space changed, or subscriptions taken over", 4, Audience::security, "T0836", "information-content-security:unauthorised-information-modification",
     "Nodes that are gone, new or moved, and subscriptions that now report to another client, take the view from those who watch.",
     "Ask who is working on the server, and compare its address space with what is filed.", engineers},
    {"OPC-07", "Certificate changed or not accepted", 3, Audience::security, "T0830", "intrusions:system-compromise",
     "A server whose certificate is suddenly another one may be somebody between; a refused certificate is a client that nobody trusts, or one that has expired.",
     "Compare the thumbprint with the server's own, and the dates of both certificates.", "Off while certificates are renewed: a `[[window]]` for the server. What was seen is forgotten at a restart of the sensor."},
    {"OPC-08", "Broken or oversized messages", 3, Audience::security, "T0814", "availability:dos",
     "Sizes, chunks and fields that contradict each other are sent by fuzzers and exploits.",
     "Find the program that sends them.", "Raise `times` under `[detection.OPC-08]`.", broken},
};

constexpr std::string_view known_to_ask = "Known to ask this server: {masters}.";
constexpr Deed deeds[] = {
    {"OPC-02", "opcua", "467/1", Leave::usual, "{client} logged on at {server} without a name.", known_to_ask},
    {.detection = "OPC-02", .protocol = "opcua", .functions = "467/2", .leave = Leave::usual, .what = "{client} sent {server} a password in plain text.",
     .expected = "Passwords are encrypted for the server, whatever the channel.", .object = "password", .text = "*not encrypted*"},
    {.detection = "OPC-03", .protocol = "opcua", .functions = "461, 467", .leave = Leave::nobody, .what = "{server} refused {times} logons of {client}, the last: {reason}.",
     .expected = "A client knows its password.", .roles = Want::responses, .reasons = "0x801f-0x8021", .flags = Deed::refused},
    {.detection = "OPC-04", .protocol = "opcua", .functions = "527, 554", .leave = Leave::usual, .what = "{client} browsed {times} nodes of {server}.", .expected = known_to_ask, .of = Deed::Of::objects},
    {"OPC-05", "opcua", "673", Leave::usual, "{client} wrote {object} of {server}: {value}.", known_to_ask},
    {"OPC-05", "opcua", "700", Leave::usual, "{client} rewrote the history of {object} of {server}.", known_to_ask},
    {"OPC-05", "opcua", "712", Leave::usual, "{client} called {object} of {server}.", known_to_ask},
    {"OPC-06", "opcua", "500, 506", Leave::declared, "{client} sent {server}: {function}, {object}.", known_to_ask},
    {"OPC-06", "opcua", "488, 494, 841", Leave::usual, "{client} sent {server}: {function}.", known_to_ask},
    {.detection = "OPC-07", .protocol = "opcua", .functions = "258, 446, 461, 467", .leave = Leave::nobody, .what = "{server} does not accept the certificate of {client}: {reason}.",
     .expected = "Certificates in service are trusted and in date.", .roles = Want::responses, .reasons = "0x8012-0x801e, 0x810d, 0x8114", .flags = Deed::refused},
    {.detection = "OPC-08", .protocol = "opcua", .functions = "", .leave = Leave::nobody, .what = "{client} sent {server} {times} broken messages, the last: {function}.",
     .expected = "TCP delivers what was sent: messages are broken only by who makes them.", .flags = Deed::malformed},
    {.detection = "OPC-08", .protocol = "opcua", .functions = "258, 262", .leave = Leave::nobody, .what = "{server} dropped {times} messages of {client}, the last: {reason}.",
     .expected = "Clients keep to the sizes and types that were agreed.", .roles = Want::responses, .reasons = "0x807e, 0x8080, 0x80b8", .flags = Deed::refused},
};

}  // namespace

extern constexpr Family opcua_family{"OPC UA", rows, deeds};

}  // namespace vidra
