// SPDX-License-Identifier: Apache-2.0
// What other catalogues of such detections have and this one has not, each with the reason.
#include "daemon/judge/catalogue.h"

namespace vidra {
namespace {

constexpr NotRaised rows[] = {
    {"DNP-02", "Link address changed behind an IP", "DNP-01 tells a master whose link address is new; a station's own is part of its identity here."},
    {"DNP-07", "Trip or close outside the allowed points", "Told as the command it is: DNP-10, and by the site's points."},
    {"DNP-19", "Restart indication seen or cleared", "Restarts, and clearing IIN1.7 after them, are a master's ordinary life."},
    {"DNP-21", "Event buffer overflow forced", "DNP-22 tells the storm; an overflow after a lost link is ordinary."},
    {"DNP-23", "Integrity poll of a new host", "DNP-01 tells every first request of a new master."},
    {"DNP-33", "Unsolicited reports from an unexpected outstation", "Null unsolicited reports are repeated until they are confirmed; NET-02 tells a new pair."},
    {"DNP-35", "Another protocol on DNP3's port", "Protocols are recognised by structure; NET-03 tells a new one between two."},
    {"DNP-36", "Requests unanswered", "NET-10 tells the link that fell silent."},
    {"GSE-18, priority", "GOOSE with another VLAN priority than declared", "What is heard of a frame's tag is its VLAN; the priority is not kept."},
    {"GSE-21", "Trip without protection pick-up", "GOOSE says values by position; which of them is a trip and which a pick-up only the engineering file knows, and the site's publishers do not name their members."},
    {"I104-08", "Selected by one master, executed by another", "Selects are followed for each master; an execute without its own select is I104-07."},
    {"I104-13", "Position changed without a command", "Trips, auto-reclosing, local control and other masters explain it; none of them is said by the protocol."},
    {"I104-18", "Frozen measured values", "Deadbands and dead feeders freeze values; VAL-02 tells what stands still while its neighbours move."},
    {"I104-19", "Time tag wrong", "All clocks vote, the sensor's as one of them, and whoever stands apart is TIM-09, whatever the protocol: a single tag may be late, local, or of summer."},
    {"I104-24, I104-25", "General interrogation out of its time, or of all stations", "Connections, end of initialisation and switch-overs explain the one, masters do the other every day; strangers are I104-01."},
    {"I104-31", "Content of a file", "Segments are counted, not kept."},
    {"I104-32, I104-33, I104-34, I104-36", "Types, causes and bits that are not allowed", "They make a record malformed: I104-35, which does not tell them apart."},
    {"I104-37, I104-38, I104-42, I104-45", "Sequence numbers, k, w, timers, data before STARTDT", "The dissector does not follow both directions' counters; injected segments are NET-15."},
    {"I104-39", "STOPDT in service", "Front ends switch over with it; a stranger's is I104-01."},
    {"I104-40", "TESTFR unanswered", "NET-10 tells a link that fell silent."},
    {"I104-43, I104-44", "Other ports, TLS or plain text, zones", "NET-03 tells a new protocol between two, NET-12 every contact with the Internet."},
    {"I104-46", "Type that was never used", "Masters interrogate counters once a day or a year; commands are I104-47."},
    {"I104-48", "Command out of hours", "The site declares no hours and no local-remote point."},
    {"I104-52", "Industroyer2's shape", "I104-01, I104-05 and I104-07 tell it."},
    {"ICP-04", "Quality of TASE.2 values", "A value's flags (held, suspect, not valid) come as one octet of bits whose layout the bilateral table decides; they are said as bits, not as quality."},
    {"ITO-06", "VPN edge", "IKE is not dissected; the Internet is NET-12."},
    {"ITO-08", "Expired, self-signed or weak TLS", "Self-signed certificates are what plants have; expiry belongs to an inventory."},
    {"MOD-14, MOD-15, MOD-17", "Exceptions, busy answers, values read back", "Gateways and sleeping devices give exceptions all day; what is read back follows the process."},
    {"MOD-19", "Another protocol on Modbus' port", "Protocols are recognised by structure; NET-03 tells a new one between two, NET-17 what nobody can read."},
    {"MOD-23, MOD-24", "Polling sequence or period changed", "Every parameter change of a master does it."},
    {"MOD-26", "CRC errors of RTU over TCP", "Serial lines behind gateways have them."},
    {"NET-08", "Server resets its master", "Many devices end each poll so; a lost link is NET-10."},
    {"NET-09", "Second master", "I104-01, DNP-01, MOD-01: undeclared ones; double masters are ordinary."},
    {"NET-11", "Rate above the usual", "Detectors hear sentences, not octets; floods are MOD-20, GSE-12, I104-50, DNP-22."},
    {"NET-13", "VLAN hopping", "Mirrors change tags; which tags are true here is not declared."},
    {"NET-14", "Malformed for a known-vulnerable parser", "Broken records are told by family; firmware is not held against a list of vulnerabilities."},
    {"NET-18", "Encrypted where it was not, or the reverse", "NET-03 tells a new protocol between two."},
    {"NET-19", "Periodic traffic to the Internet", "NET-12 tells every contact with the Internet."},
    {"NET-20", "Router advertisements and DHCPv6", "ICMPv6 and DHCPv6 are not dissected."},
    {"ODA-01", "OPC DA servers enumerated over DCOM", "DCE/RPC on TCP 135 and DCOM's interfaces are not dissected; the scan and the new conversation are NET-06 and NET-02."},
    {"ODA-02", "OPC DA items written by a new client", "The same reason: DCOM is not dissected."},
    {"OPC-07, dates", "Certificate of an OPC UA application expired or self-signed", "Of a certificate the thumbprint is said, not its dates and issuer; that the other side refuses it is told."},
    {"PMU-02, pending", "Configuration of a PMU about to change (STAT bit 10)", "The change itself is told, from the configuration frame that follows it."},
    {"PRP-01, PRP-02, PRP-05", "One LAN only, wrong LAN, ring frames that go on", "Twins are passed once: which LAN a frame came by is not said."},
    {"PRP-04", "Twins differ", "The fact `twin_differs` comes also of datagrams repeated with other contents (43 times in captures without redundancy); it would have to say that a redundancy trailer was there."},
    {"RGS-02", "Key server traffic of a new host", "GDOI (UDP 848) is not dissected; the new conversation itself is NET-03."},
    {"SMV-08", "Time between sampled values", "Jitter of microseconds is real only with time stamps taken by the network card, and the sensor does not know whether its source has them. Each summary says it."},
};

}  // namespace
const std::span<const NotRaised> not_raised = rows;
}  // namespace vidra
