// SPDX-License-Identifier: Apache-2.0
// Detections of what devices are set up with: Telnet, FTP, web pages, SSH, serial servers, SIPROTEC and SPA, TFTP, SNMP, LLDP.
// Poland in 2025 needed no protocol of control: default passwords, firmware by web page, files deleted, serial servers reset.
#include "daemon/judge/deeds.h"

namespace vidra {
namespace {

constexpr Threshold refusals[] = {
    {"times", 30, "refusals", "So many requests that a web server refused for want of a password, inside the window. Programs that ask without one first cause one each."},
    {"window", 60, "s", "The time in which they are counted."},
};

constexpr std::string_view engineers = "If this host sets up the device, declare it: `acts = [\"reading\", \"file\", \"configure\", \"program\"]` in its `[[conversation]]`, or the works as a `[[window]]`.";
constexpr std::string_view visitors = "If it belongs to the plant, declare it: `[[conversation]]\nclient = \"hmi\"\nserver = \"rtu1\"\nprotocol = \"ssh\"`, or let it be learned.";

constexpr Detection rows[] = {
    {"ENG-01", "Device logged into, set or operated by its terminal", 5, Audience::security, "T0855", "intrusions:system-compromise",
     "A relay's terminal opens breakers, changes settings and loads firmware with a word, past every other control; a controller's shell wipes it.",
     "Ask who is working on the device. If nobody is, look at the breaker first, then compare the settings with those that are filed.", engineers},
    {"ENG-02", "Files of a device deleted or replaced, or a default password used, by FTP", 5, Audience::security, "T0809", "information-content-security:unauthorised-information-modification",
     "Settings, programs and firmware are files. Deleting them is how devices were made useless in Poland in 2025.",
     "Ask who is working on the device, and compare its files with those that are filed. Change a password that its vendor printed.", engineers},
    {"ENG-03", "Web page of a device misused", 5, Audience::security, "T0857", "intrusions:system-compromise",
     "Web pages take firmware, configuration and commands. Devices were lost to a file sent there by whoever knew the vendor's password.",
     "Ask who is working on the device; check the version of its firmware. Change a password that its vendor printed.", engineers, refusals},
    {"ENG-04", "SSH by a host that never used it here", 3, Audience::security, "T0886", "intrusion-attempts:new-attack-signature",
     "Behind SSH nothing can be heard any more: that it is opened at all is what there is to know.",
     "Ask who logged in. Read the device's own log.", visitors},
    {"ENG-05", "Serial server set, reset or given another address", 5, Audience::security, "T0805", "availability:sabotage",
     "Serial servers carry the last metre to relays and meters. Most take such orders without any password; in Ukraine in 2015 and in Poland in 2025 they were destroyed this way.",
     "Look whether the devices behind it still answer. Restore its settings from what is filed.", engineers},
    {"ENG-06", "Relay set by its engineering protocol, or put out of service", 5, Audience::security, "T0836", "intrusions:system-compromise",
     "Settings decide when a relay trips. One known datagram makes older SIPROTEC modules deaf until somebody restarts them by hand.",
     "Look whether the relay still answers; compare its settings with those that are filed.", engineers},
    {"ENG-07", "Firmware or settings moved by TFTP", 4, Audience::security, "T0857", "information-content-security:unauthorised-information-modification",
     "TFTP asks for no password. Devices fetch firmware by it when they are told to, by whoever tells them.",
     "Find out who started the transfer, and compare the file with the vendor's.", engineers},
    {"ENG-08", "Device set or read by SNMP", 4, Audience::security, "T0836", "information-content-security:unauthorised-information-modification",
     "A set changes ports, addresses and outlets, and needs no more than a word that is the same in every device of a kind.",
     "Ask who manages the device, and what was set.", "If it manages the device, declare it: `acts = [\"reading\", \"write\"]` in its `[[conversation]]`, or let it be learned."},
    {"ENG-09", "Neighbour on a port changed", 2, Audience::operations, "T0864", "other:other",
     "What a switch or device says of itself by LLDP changed: another name, another port, another device.",
     "Look whether somebody moved a cable or replaced a device.", "`[detection.ENG-09]\noff = true` for devices that change what they say."},
};

constexpr std::string_view known_to_ask = "Known to do so: {masters}.";
constexpr std::string_view works = "Devices are set up during works, by hosts that are declared for it. Known to log in: {masters}.";
constexpr std::string_view vendor = "A password that the vendor printed is no password.";
constexpr Deed deeds[] = {
    // Telnet, and the dialogue of SEL relays, which goes over it and over serial servers.
    {"ENG-01", "telnet", "258-259, 262/1-4", Leave::met, "{client} logs in to {server} by Telnet.", known_to_ask},
    {.detection = "ENG-01", .protocol = "telnet", .functions = "259", .leave = Leave::declared, .what = "{client} logs in to {server} by Telnet with a vendor's default password.", .expected = vendor, .object = "password", .text = "vendor default"},
    {"ENG-01", "telnet", "262/5-8, 262/36-38", Leave::usual, "{client} sent {server} by Telnet: {function}.", works},
    {"ENG-01", "telnet", "262/9-15, 262/17, 262/21-35", Leave::declared, "{client} sent {server} by Telnet: {function}.", works},
    {"ENG-01", "sel", "1040-1043", Leave::met, "{client} asks the relay at {server} for {function}.", known_to_ask},
    {"ENG-01", "sel", "1044-1047, 1053-1055", Leave::usual, "{client} sent the relay at {server}: {function}.", works},
    {"ENG-01", "sel", "224-237, 288", Leave::usual, "{client} sent the relay at {server}: {function}.", works},
    {"ENG-01", "sel", "1048-1052", Leave::declared, "{client} sent the relay at {server}: {function}.", works},
    {.detection = "ENG-01", .protocol = "sel", .functions = "1025", .leave = Leave::declared, .what = "{client} gives the relay at {server} a vendor's default password.", .expected = vendor, .text = "vendor default"},
    // FTP.
    {"ENG-02", "ftp", "257", Leave::met, "{client} logs in to {server} by FTP as {object}.", known_to_ask},
    {.detection = "ENG-02", .protocol = "ftp", .functions = "258", .leave = Leave::declared, .what = "{client} logs in to {server} by FTP with a vendor's default password.", .expected = vendor, .object = "password", .text = "vendor default"},
    {"ENG-02", "ftp", "271/1, 272/1, 273/1", Leave::declared, "{client} stores firmware in {server} by FTP: {object}.", works},
    {"ENG-02", "ftp", "271-273", Leave::usual, "{client} stores {object} in {server} by FTP.", works},
    {"ENG-02", "ftp", "276-277, 279-280", Leave::usual, "{client} sent {server} by FTP: {function} {object}.", works},
    {"ENG-02", "ftp", "285", Leave::usual, "{client} sent {server} a command of its own by FTP: {object}.", works},
    // Web pages.
    {.detection = "ENG-03", .protocol = "http", .functions = "257-274", .leave = Leave::declared, .what = "{client} uses the web page of {server} with a vendor's default password.", .expected = vendor, .object = "password", .text = "vendor default", .at_once = true},
    {.detection = "ENG-03", .protocol = "http", .functions = "259/1, 260/1", .leave = Leave::declared, .what = "{client} sends firmware to {server}: {function}, {object}.", .expected = works, .at_once = true},
    {.detection = "ENG-03", .protocol = "http", .functions = "259/2", .leave = Leave::usual, .what = "{client} sends a file to the web page {object} of {server}.", .expected = works, .at_once = true},
    {.detection = "ENG-03", .protocol = "http", .functions = "260, 261, 265, 267-270", .leave = Leave::usual, .what = "{client} sent the web page of {server}: {function} {object}.", .expected = works, .at_once = true},
    {.detection = "ENG-03", .protocol = "http", .functions = "259", .leave = Leave::met, .what = "{client} posts to {object} of {server}.", .expected = known_to_ask, .at_once = true},
    {.detection = "ENG-03", .protocol = "http", .functions = "259", .leave = Leave::declared, .what = "{client} sends raw EtherCAT frames through the controller {server}: {object}.",
     .expected = "Only attack tools are known to use this page from outside.", .object = "*/cgi-bin/ecat.fcgi*", .at_once = true},
    {.detection = "ENG-03", .protocol = "http", .functions = "", .leave = Leave::nobody, .what = "{server} refused {client} {times} times for want of a password.", .expected = "A person types it once or twice.",
     .roles = Want::responses, .reasons = "401", .flags = Deed::refused},
    {"ENG-04", "ssh", "256, 20", Leave::met, "{client} opens SSH to {server}.", known_to_ask},
    // Serial servers.
    {"ENG-05", "lantronix", "3, 250, 252-253", Leave::declared, "{client} sent the serial server {server}: {function}.", works},
    {"ENG-05", "moxa", "2-15, 18-21, 23-25, 27-32, 36, 42-76, 78, 80, 83-255", Leave::declared, "{client} sent the serial server {server} an order that changes it ({function}).", works},
    {"ENG-05", "moxa", "16-17, 22, 26, 33-41, 77-82", Leave::met, "{client} reads the settings of the serial server {server}.", known_to_ask},
    {"ENG-05", "lantronix", "248", Leave::met, "{client} reads the settings of the serial server {server}.", known_to_ask},
    // Relays.
    {"ENG-06", "digsi", "4425/10398", Leave::nobody, "{client} sent {server} the datagram that makes an EN100 module deaf (CVE-2015-5374).", "Nothing but an attack sends it."},
    {"ENG-06", "spa", "82/67, 87/67, 87/79, 87/83, 87/86, 87/0-66, 87/69-78", Leave::usual, "{client} sent the relay behind {server}{station}: {function} {object}.", works, Want::requests, changing_acts},
    {"ENG-07", "tftp", "1/1, 2/1", Leave::declared, "{client} moves firmware by TFTP with {server}: {function} {object}.", works},
    {"ENG-07", "tftp", "2", Leave::usual, "{client} stores {object} in {server} by TFTP.", works},
    {"ENG-07", "tftp", "1", Leave::met, "{client} fetches {object} from {server} by TFTP.", known_to_ask},
    {"ENG-08", "snmp", "3", Leave::usual, "{client} sets {object} of {server} by SNMP.", known_to_ask},
    {.detection = "ENG-08", .protocol = "snmp", .functions = "0-1, 5", .leave = Leave::met, .what = "{client} reads {server} by SNMP with a vendor's default community.", .expected = known_to_ask, .object = "community", .text = "vendor default"},
    {.detection = "ENG-09", .protocol = "lldp", .functions = "1/1", .leave = Leave::nobody, .what = "{client} says something else of itself than before: {object} is {value}.", .expected = "Cables and names stay as they are.", .roles = Want::reports},
};

}  // namespace

extern constexpr Family engineering_family{"Engineering access: Telnet, FTP, web pages, SSH, serial servers, SNMP", rows, deeds};

}  // namespace vidra
