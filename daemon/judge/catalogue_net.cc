// SPDX-License-Identifier: Apache-2.0
// Detections that need no protocol of their own.
#include "daemon/judge/deeds.h"

namespace vidra {
namespace {

constexpr Threshold sweep[] = {
    {"targets", 16, "addresses", "So many different addresses asked for by one host inside the window, those it already speaks with left out."},
    {"window", 60, "s", "The time in which they are counted."},
};
constexpr Threshold scan[] = {
    {"targets", 10, "pairs of host and port", "So many undeclared, unlearned targets tried by one host inside the window."},
    {"window", 60, "s", "The time in which they are counted."},
    {"slow_targets", 30, "pairs of host and port", "The same over the long window, for whoever takes his time."},
    {"slow_window", 86'400, "s", "The long window."},
};
constexpr Threshold ot_ports[] = {
    {"ports", 3, "ports", "So many different OT ports tried by one host without success or leave inside the window."},
    {"window", 86'400, "s", "The time in which they are counted."},
};
constexpr Threshold conversation[] = {
    {"wait", 3, "s", "How long a new conversation may take to show its protocol before it is told by its port."},
};
constexpr Threshold claim[] = {
    {"talking", 30, "s", "The old owner of an address still talks when it was heard within this time, before or after the claim."},
};
constexpr Threshold blind[] = {
    {"drops", 1, "frames", "Losses smaller than this between two reports of a receiver are counted only."},
};
constexpr Threshold lost[] = {
    {"times", 3, "losses", "A conversation may lose its records so often inside the window."},
    {"window", 300, "s", "The time in which they are counted."},
};

constexpr Threshold quiet[] = {
    {"steady", 3600, "s", "So long a known link must have been asked without a longer pause before its silence is told."},
    {"silence", 300, "s", "So long nobody asks on it, and five times longer than its longest pause."},
};

constexpr Detection rows[] = {
    {"NET-01", "New host", 3, Audience::security, "T0864", "other:undetermined",
     "The hosts of a substation change only when somebody changes them. A host that nobody declared or has seen before is a visitor's laptop, a forgotten device, or an intruder.",
     "Find the switch port by the MAC address and ask who plugged it in. If it belongs here, declare it.",
     "Declare it: `[[host]]\nname = \"relay-7\"\naddress = \"10.10.1.47\"\nmac = \"00:21:c1:30:10:47\"\nrole = \"ied\"`."},
    {"NET-02", "New conversation", 3, Audience::security, "T0886", "other:undetermined",
     "Who talks to whom is fixed by the engineering of a site. A conversation that was neither declared nor learned is a change that nobody announced, or a step of an intruder.",
     "Ask the owner of the client what it does there. Look at what else the client did in the same minutes.",
     "Declare it: `[[conversation]]\nclient = \"hmi\"\nserver = \"plc1\"\nprotocol = \"modbus\"\nport = 502`.",
     conversation},
    {"NET-03", "Known pair speaks a new protocol, or their roles are reversed", 4, Audience::security, "T0869", "intrusions:system-compromise",
     "Two hosts that have always spoken one protocol begin another, or the one that always answered begins to ask. Implants that live on trusted hosts look like this.",
     "Compare with the works of the day. Check the host that opened the conversation for new software.",
     "Declare it: `[[conversation]]` with both hosts, the protocol and its port. It waits as long as NET-02 does."},
    {"NET-04", "Address claimed by a second MAC", 4, Audience::security, "T0830", "intrusions:system-compromise",
     "A host that answers for another's address receives its traffic and can read, change or drop it: the way into the middle of a conversation.",
     "Compare the two MAC addresses with the inventory and find the second one's switch port. Check the ARP tables of the masters and the gateway.",
     "Teamed cards and fail-over pairs: list all MAC addresses of the host, `mac = [\"00:21:c1:30:10:47\", \"00:21:c1:30:10:48\"]`. VRRP, HSRP and CARP addresses are left out by themselves.",
     claim},
    {"NET-05", "ARP scan", 3, Audience::security, "T0846", "information-gathering:scanner",
     "One host asks for the hardware addresses of many others in a short time: it does not know the network and looks for what is there.",
     "Find the host. If it is a network management system that discovers on purpose, raise its threshold or declare it.",
     "`[detection.NET-05]\ntargets = 60`, or declare the host's conversations.",
     sweep},
    {"NET-06", "Scan of hosts and ports", 3, Audience::security, "T0846", "information-gathering:scanner",
     "One host tries many hosts or ports that it has no business with. Scans also stop fragile devices: relays and PLCs have failed under them.",
     "Find the host and stop it. Check whether the devices it tried still answer their masters.",
     "`[detection.NET-06]\ntargets = 40`, or declare what the host may talk to.",
     scan},
    {"NET-07", "Search for control protocols", 4, Audience::security, "T0846", "information-gathering:scanner",
     "One host tries the ports of several control protocols where nobody expects it. It looks for controllers: Havex and Industroyer began so.",
     "Treat it as an intrusion: isolate the host, keep its disk and memory, look for what it found open.",
     "Declare the conversations that are right; those count no more. `[detection.NET-07]\nports = 4`.",
     ot_ports},
    {"NET-10", "Control link fell silent", 2, Audience::operations, "T0815", "availability:outage",
     "Two that spoke with each other all the time stopped. One such link is a fault; many at once, at one site or at several, are an attack on the view of the plant.",
     "Look whether the device answers at all, then at the network between the two.",
     "`[detection.NET-10]\nsilence = 1800` for links that are closed now and then.", quiet},
    {"NET-12", "Control network speaks with the Internet", 5, Audience::security, "T0883", "vulnerable:potentially-unwanted-accessible",
     "A control network that reaches the Internet, or is reached from there, is open to anybody. Device searches list such sites.",
     "Close the path at the firewall now; then find out who opened it, and since when.",
     "Declare public or APN ranges that are right: `[site]\noutside = [\"100.64.0.0/10\"]`, or the conversation itself."},
    {"NET-15", "Overlapping or fragmented segments in a control session", 4, Audience::security, "T0820", "intrusion-attempts:ids-alert",
     "The same octets sent twice with different content, or a small command cut into IP fragments, show a receiver one thing and a sensor another. Ordinary stacks do neither.",
     "See which of the two contents the device acted on. Check the path for a broken device before assuming an attack.",
     "Paths with a small MTU learn their fragments; `[detection.NET-15]\noff = true` for a path that cannot be repaired."},
    {"NET-16", "Sensor is blind", 4, Audience::sensor, "", "other:other",
     "What the sensor does not hear it cannot judge. A mirror that was moved, a cable that was pulled or a receiver that drops frames looks like peace.",
     "Check the mirror port and its cable, then the receive counters: `vidra doctor`.",
     "`[detection.NET-16]\ndrops = 100` where a few lost frames are known and accepted.",
     blind},
    {"NET-17", "Parser lost its place", 2, Audience::sensor, "", "other:other",
     "A conversation's octets did not form records, although nothing was lost on the way. It may be another protocol, a broken sender, or somebody who hides.",
     "Decode the conversation from a capture: `vidra decode FILE`. Send the sample to the developers if the traffic is sound.",
     "Declare the right protocol for the port: `[[conversation]]\nclient = \"hmi\"\nserver = \"plc1\"\nprotocol = \"modbus\"\nport = 1502`.",
     lost},
    {"NET-21", "Sensor is overloaded", 3, Audience::sensor, "", "other:other",
     "More comes than the sensor can work through. It leaves out by plan, the least first: sampled values, payloads that nobody dissects, reports of values and polling; "
     "commands, writes, settings and GOOSE never. Somebody may flood the network to hide.",
     "Look what has grown (`vidra decode --count`): a storm, a flood, a mirror that brings more. If it stays, give the sensor more [capture] workers or a faster machine.",
     "`[detection.NET-21]\nseverity = 2` where bursts are known.", {}},
    {"NET-22", "Switch-over that nobody declared", 3, Audience::security, "T0848", "other:undetermined",
     "The masters that are known are silent, and a host that comes the way they come has taken over their stations. Control centres do this in every exercise and every failure; an intruder who has silenced them would look alike.",
     "Ask the control centre whether it has switched over, and to which host.",
     "Declare the stand-in: `[[master_group]]\nname = \"control centre\"\nmembers = [\"scada\"]\nstandby = [\"scada2\"]\nstations = [\"rtu1\"]`."},
};

}  // namespace
extern constexpr Family net_family{"Any protocol, and the sensor itself", rows};
}  // namespace vidra
