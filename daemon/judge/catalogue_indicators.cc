// SPDX-License-Identifier: Apache-2.0
// What the site's own lists of indicators and its own rules find.
#include "daemon/judge/deeds.h"

namespace vidra {
namespace {

constexpr Threshold again[] = {
    {"again", 60, "s", "The same indicator between the same two is told again at most so often, with the number of times."},
};
constexpr std::string_view lists = "Take the line out of the list, or the list out of `files` under `[indicators]`; the sensor takes the new lists over by itself.";

constexpr Detection rows[] = {
    {"IOC-01", "Address that a list of indicators names", 4, Audience::security, "T0869", "malicious-code:c2-server",
     "Somebody whom the site trusts has seen this address in an attack. Lists age: an address may have changed hands since.",
     "Read what the list says of it and how old that is. Find the program on the inner host that speaks with it.", lists, again},
    {"IOC-02", "Name that a list of indicators names", 4, Audience::security, "T0869", "malicious-code:c2-server",
     "A host of the plant looks for a name that was used in an attack: the question comes before the connection.",
     "Find the program that asks; the name server may ask for somebody else. Look whether a connection followed.", lists, again},
    {"IOC-03", "URL that a list of indicators names", 4, Audience::security, "T0869", "malicious-code:malware-distribution",
     "What lies there was used in an attack.",
     "Find out what was fetched or sent, and what the host did with it.", lists, again},
    {"IOC-04", "Program that a list of indicators names by its JA4 or HASSH", 3, Audience::security, "T0869", "intrusion-attempts:ids-alert",
     "How a program greets gives it away though the rest is encrypted. Others that use the same library greet alike.",
     "Find the program behind the connection. Ask where it leads.", lists, again},
    {"IOC-05", "Certificate that a list of indicators names", 4, Audience::security, "T0869", "malicious-code:c2-server",
     "Attackers keep their certificates when they change their addresses.",
     "Find out which of the two showed it, and who made it.", lists, again},
    {"RUL-01", "Rule of this site", 3, Audience::security, "T0855", "intrusion-attempts:ids-alert",
     "Whoever knows this site wrote down that this should not happen. Every rule has its own title, severity and reason.",
     "Read the rule: its name stands in the alert, and it in the file that `[rules]` names.",
     "Correct the rule where it stands, or let it rest with `off`; `vidra rules check FILE` says what it waits for."},
};

}  // namespace

extern constexpr Family site_lists_family{"Lists and rules of the site", rows};

}  // namespace vidra
