// SPDX-License-Identifier: Apache-2.0
// Detections of office protocols inside a plant: remote desktops, Windows shares and remote execution, databases, logins,
// names. What is ordinary in offices is told here only of those who never did it.
#include "daemon/judge/deeds.h"

namespace vidra {
namespace {

constexpr Threshold files[] = {
    {"times", 50, "files", "So many different files of one server deleted or renamed by one client inside the window."},
    {"window", 60, "s", "The time in which they are counted."},
};
constexpr Threshold logins[] = {
    {"times", 5, "refusals", "So many logins of one client refused by one server inside the window."},
    {"window", 300, "s", "The time in which they are counted."},
};
constexpr Threshold names[] = {
    {"times", 30, "names", "So many different names longer than 90 octets asked for by one client inside the window."},
    {"window", 60, "s", "The time in which they are counted."},
};

constexpr std::string_view declare = "If it belongs to the plant, declare it: `[[conversation]]` with client, server and protocol, or let it be learned.";
constexpr std::string_view admins = "Hosts that administer others are declared: `acts = [\"reading\", \"file\", \"program\", \"run\"]` in their `[[conversation]]`, or the works as a `[[window]]`.";

constexpr Detection rows[] = {
    {"ITO-01", "Remote desktop that was never there", 4, Audience::security, "T0886", "intrusion-attempts:new-attack-signature",
     "In Ukraine in 2015 breakers were opened by moving the operators' own mouse from afar.",
     "Ask who sits at the other end. Look at what the host is used for meanwhile.", declare},
    {"ITO-02", "Program sent or started on another host by Windows' own means", 4, Audience::security, "T0867", "intrusions:system-compromise",
     "Administrative shares and the service controller are how intruders go from host to host, and how wipers arrive.",
     "Ask who administers the host. Look which service was made and which file was sent.", admins},
    {"ITO-03", "Files deleted in bulk, or a policy's scripts changed", 5, Audience::security, "T0809", "availability:sabotage",
     "Wipers delete by the hundred; a domain's policies carry them to every host at once.",
     "Take the client off the network if nobody knows what it does. Check the policies of the domain.", admins, files},
    {"ITO-04", "Database made to run commands, or entered with a default password", 4, Audience::security, "T0871", "intrusions:system-compromise",
     "A historian's database can start programs on its host; COSMICENERGY reached RTUs that way.",
     "Look what was started on the database's host, and by whom.", admins},
    {"ITO-05", "Login refused again and again", 3, Audience::security, "T0806", "intrusion-attempts:login-attempts",
     "Somebody guesses a password, or a service goes on with one that was changed.",
     "Find out whether it is a person, a service, or neither.", "Raise `times` under `[detection.ITO-05]`.", logins},
    {"ITO-07", "Remote access tool", 4, Audience::security, "T0822", "intrusion-attempts:new-attack-signature",
     "Such tools go through firewalls from inside, and whoever has the number sits at the plant's screen.",
     "Ask who installed it, and end it if nobody did.", declare},
    {"ITO-09", "Names that carry data", 3, Audience::security, "T0884", "intrusion-attempts:ids-alert",
     "Long names, each asked for once, carry data out through name servers that may speak with the Internet.",
     "Find the program that asks, and the domain it asks under.", "Raise `times` under `[detection.ITO-09]`.", names},
};

constexpr std::string_view known_to_ask = "Known to do so: {masters}.";
constexpr std::string_view administered = "Hosts of a plant are administered during works, by hosts that are declared for it. Known to ask this one: {masters}.";
constexpr std::string_view once = "A person types a password once or twice.";
constexpr Deed deeds[] = {
    {"ITO-01", "rdp", "224", Leave::met, "{client} opens a remote desktop (RDP) on {server}.", known_to_ask},
    {"ITO-02", "smb", "371", Leave::met, "{client} logs in to {server} by SMB 1, which WannaCry and its kin travel by.", known_to_ask},
    {.detection = "ITO-02", .protocol = "smb", .functions = "3, 368, 373", .leave = Leave::declared, .what = "{client} opens the administrative share {object} of {server}.", .expected = administered, .object = "*\\ADMIN$"},
    {.detection = "ITO-02", .protocol = "smb", .functions = "3, 368, 373", .leave = Leave::declared, .what = "{client} opens the administrative share {object} of {server}.", .expected = administered, .object = "*\\?$"},
    {.detection = "ITO-02", .protocol = "smb", .functions = "5/1, 418/1", .leave = Leave::declared, .what = "{client} speaks with the service controller of {server}: {object}.", .expected = administered, .object = "*svcctl"},
    {.detection = "ITO-02", .protocol = "smb", .functions = "5/1, 418/1", .leave = Leave::declared, .what = "{client} speaks with the task scheduler of {server}: {object}.", .expected = administered, .object = "*atsvc"},
    {"ITO-02", "smb", "9/1, 267/1, 303/1", Leave::usual, "{client} writes a program to {server}: {object}.", administered},
    {.detection = "ITO-03", .protocol = "smb", .functions = "17/10, 17/13, 5/2, 257, 262-263, 418/2", .leave = Leave::declared, .what = "{client} deleted or renamed {times} files of {server}, {object} the last.", .expected = "Files go one by one.",
     .of = Deed::Of::objects},
    {.detection = "ITO-03", .protocol = "ftp", .functions = "277, 279-280", .leave = Leave::declared, .what = "{client} deleted or renamed {times} files of {server}, {object} the last.", .expected = "Files go one by one.", .of = Deed::Of::objects},
    {.detection = "ITO-03", .protocol = "smb", .functions = "9, 17/10, 17/13, 267, 303", .leave = Leave::declared, .what = "{client} changes the policies of the domain on {server}: {function}, {object}.",
     .expected = "Policies are changed by administrators, during works.", .object = "*\\SYSVOL\\*", .at_once = true},
    {"ITO-04", "tds", "1/1, 3/1", Leave::declared, "{client} makes the database of {server} run commands on its host: {object}.", "A database is asked for data."},
    {.detection = "ITO-04", .protocol = "tds", .functions = "2, 16", .leave = Leave::declared, .what = "{client} logs in to the database of {server} with a vendor's default password.", .expected = "A password that the vendor printed is no password.",
     .object = "password", .text = "vendor default"},
    {.detection = "ITO-05", .protocol = "ftp", .functions = "256/530", .leave = Leave::nobody, .what = "{server} refused {client} {times} times (FTP login).", .expected = once, .roles = Want::responses, .flags = Deed::refused},
    {.detection = "ITO-05", .protocol = "telnet", .functions = "256-257, 260", .leave = Leave::nobody, .what = "{server} refused {client} {times} times (Telnet login).", .expected = once, .roles = Want::responses, .flags = Deed::refused},
    {.detection = "ITO-05", .protocol = "sel", .functions = "1026", .leave = Leave::nobody, .what = "The relay at {server} refused {client} {times} times (access level).", .expected = once, .roles = Want::any_role},
    {.detection = "ITO-05", .protocol = "smb", .functions = "1, 371", .leave = Leave::nobody, .what = "{server} refused {client} {times} times (SMB login: {reason}).", .expected = once, .roles = Want::responses,
     .reasons = "0x64, 0x6a, 0x6d-0x72, 0x193, 0x224, 0x234", .flags = Deed::refused},
    {.detection = "ITO-05", .protocol = "ldap", .functions = "1", .leave = Leave::nobody, .what = "{server} refused {client} {times} times (directory login).", .expected = once, .roles = Want::responses, .reasons = "49", .flags = Deed::refused},
    {.detection = "ITO-05", .protocol = "kerberos", .functions = "30", .leave = Leave::nobody, .what = "{server} refused {client} {times} times (Kerberos: {reason}).", .expected = once, .roles = Want::responses, .reasons = "6, 18, 24"},
    {.detection = "ITO-05", .protocol = "tds", .functions = "4", .leave = Leave::nobody, .what = "{server} refused {client} {times} times (database login).", .expected = once, .roles = Want::responses, .reasons = "18456"},
    {.detection = "ITO-05", .protocol = "vnc", .functions = "261", .leave = Leave::nobody, .what = "{server} refused {client} {times} times (VNC).", .expected = once, .roles = Want::responses, .flags = Deed::refused},
    {"ITO-07", "vnc", "256, 258, 262", Leave::met, "{client} takes over the screen of {server} (VNC).", known_to_ask},
    {.detection = "ITO-07", .protocol = "tcp", .functions = "9", .leave = Leave::met, .what = "{client} uses TeamViewer ({server}).", .expected = known_to_ask, .roles = Want::any_role, .object = "TeamViewer*"},
    {.detection = "ITO-07", .protocol = "tcp", .functions = "9", .leave = Leave::met, .what = "{client} uses AnyDesk ({server}).", .expected = known_to_ask, .roles = Want::any_role, .object = "AnyDesk*"},
    {.detection = "ITO-07", .protocol = "udp", .functions = "9", .leave = Leave::met, .what = "{client} uses AnyDesk ({server}).", .expected = known_to_ask, .roles = Want::any_role, .object = "AnyDesk*"},
    {.detection = "ITO-07", .protocol = "udp", .functions = "9", .leave = Leave::met, .what = "{client} uses TeamViewer ({server}).", .expected = known_to_ask, .roles = Want::any_role, .object = "TeamViewer*"},
    {.detection = "ITO-09", .protocol = "dns", .functions = "0", .leave = Leave::nobody, .what = "{client} asked {server} for {times} different names of more than 90 octets, {object} the last.", .expected = "Names of hosts are short, and asked for again.",
     .qualifiers = "91-255", .of = Deed::Of::objects},
};

}  // namespace

extern constexpr Family it_family{"Office protocols in the plant", rows, deeds};

}  // namespace vidra
