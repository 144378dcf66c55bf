// SPDX-License-Identifier: Apache-2.0
// Detections of EtherNet/IP and CIP. Functions are CIP services, sub-functions the class they are for, of PCCC 0xF000 | CMD << 8 | FNC;
// 0x100 and up are commands of the encapsulation.
#include "daemon/judge/deeds.h"

namespace vidra {
namespace {

constexpr Threshold errors[] = {
    {"times", 12, "services", "So many different services of one client refused, or broken messages of it, inside the window."},
    {"window", 60, "s", "The time in which they are counted."},
};

constexpr std::string_view programmers = "If this host programs the controller, declare it: `acts = [\"reading\", \"write\", \"operate\", \"configure\", \"program\", \"run\"]` in its `[[conversation]]`, or the works as a `[[window]]`.";
constexpr std::string_view readers = "If it belongs to the plant, declare it: `[[conversation]]\nclient = \"hmi\"\nserver = \"plc1\"\nprotocol = \"enip\"`, or let it be learned.";
constexpr std::string_view writers = "If it may write, declare it: `acts = [\"reading\", \"write\"]` in its `[[conversation]]`, or let it be learned.";

constexpr Detection rows[] = {
    {"CIP-01", "Controller's mode changed", 5, Audience::security, "T0858", "availability:sabotage",
     "In program mode the controller no longer controls; outputs fall to their safe state or stay where they are.",
     "Ask who is working on the controller. If nobody is, look at the process first, then at the host that sent it.", programmers},
    {"CIP-02", "Program downloaded or edited", 5, Audience::security, "T0843", "information-content-security:unauthorised-information-modification",
     "Whoever loads a program decides what the controller does from then on.",
     "Compare the program in the controller with the project that is filed. Find who loaded it.", programmers},
    {"CIP-03", "Values forced", 5, Audience::security, "T0835", "information-content-security:unauthorised-information-modification",
     "A forced value hides the real one from program and operator alike.",
     "Ask who is testing on the controller; look whether the force is still on.", programmers},
    {"CIP-04", "Tags or attributes written that were never written", 4, Audience::security, "T0836", "information-content-security:unauthorised-information-modification",
     "Tags, assemblies and parameters are what the process follows.",
     "Ask who wrote it and whether the process moved.", writers},
    {"CIP-05", "Device reset", 5, Audience::security, "T0816", "availability:sabotage",
     "A reset takes the device out of service for a while; with its second kind all settings are lost.",
     "Look whether the device is back with its settings, then ask who reset it.", programmers},
    {"CIP-06", "Controller unlocked or locked", 4, Audience::security, "T0859", "intrusions:privileged-account-compromise",
     "The handshake with the controller's lock comes before changes, and attack tools replay it.",
     "Ask who is connecting with the programming software.", programmers},
    {"CIP-07", "Devices asked what they are", 2, Audience::security, "T0888", "information-gathering:scanning",
     "ListIdentity and the Identity object tell vendor, type, firmware and serial number: what an attacker reads first, and what inventory tools read too.",
     "Find out whether the host runs an inventory or a scan.", readers},
    {"CIP-08", "Network or security settings written", 4, Audience::security, "T0892", "information-content-security:unauthorised-information-modification",
     "With another address, speed or security setting a device is lost to those who control it.",
     "Look whether the device is still reached, and ask who changed it.", programmers},
    {"CIP-09", "Many services refused, or broken messages", 2, Audience::security, "T0814", "availability:dos",
     "Who asks for one service after the other that the device does not have tries it out; broken messages are sent by fuzzers and exploits.",
     "Find the program that sends them.", "Raise `times` under `[detection.CIP-09]`.", errors},
    {"CIP-10", "Firmware loaded", 5, Audience::security, "T0857", "information-content-security:unauthorised-information-modification",
     "Firmware decides about everything else, survives a restart, and a broken one leaves a device that cannot be repaired in place.",
     "Ask who updates the device and with what; compare the version it tells with the one that is filed.", programmers},
};

constexpr std::string_view works = "That is done by hand, during works. Known to ask this device: {masters}.", known_to_ask = "Known to ask this device: {masters}.";
constexpr Deed deeds[] = {
    {"CIP-01", "enip", "6/0x8E, 7/0x8E, 0x4B/0xF700-0xF703, 0x4B/0xFF3A, 0x4B/0xFF80", Leave::declared, "{client} sent {server}{station}: {function}.", works},
    {"CIP-02", "enip", "8/0xAC, 0x4B/0xAC, 0x4B/0xF704-0xF705, 0x4B/0xFF18, 0x4B/0xFF50, 0x4B/0xFF52, 0x4B/0xFF57", Leave::declared, "{client} sent {server}{station}: {function}.", works},
    {"CIP-03", "enip", "0x4D-0x4E/0x68-0x69, 0x4B/0xFF41", Leave::declared, "{client} sent {server}{station}: {function}, {object}.", "Values are forced during tests, by whoever works on the controller."},
    {.detection = "CIP-04", .protocol = "enip", .functions = "", .leave = Leave::usual, .what = "{client} wrote {object} of {server}{station}: {value}.", .expected = known_to_ask, .acts = bit(Act::write)},
    {"CIP-04", "enip", "0x51/0x6A", Leave::declared, "{client} wrote a parameter of {object} of {server}{station}.", works},
    {"CIP-05", "enip", "5/1", Leave::declared, "{client} reset {server}{station}.", works},
    {.detection = "CIP-06", .protocol = "enip", .functions = "0x5C/0x8E, 0x4B-0x4C/0x74, 0x4B-0x4C/0x8E", .leave = Leave::usual, .what = "{client} sent {server}{station}: {function}.", .expected = works, .needs = Act::program},
    {"CIP-07", "enip", "1/1, 3/1, 0x0E/1, 0x101, 0x104, 0x163-0x164", Leave::met, "{client} asks {server} what it is: {function}.", known_to_ask},
    {"CIP-08", "enip", "2/0xF4-0xF6, 4/0xF4-0xF6, 0x10/0xF4-0xF6, 2/0x5D-0x5F, 4/0x5D-0x5F, 0x10/0x5D-0x5F, 0x4B/0x5E, 0x4B/0xFF8F", Leave::declared,
     "{client} wrote {object} of {server}{station}: {value}.", works, Want::requests, changing_acts},
    {.detection = "CIP-09", .protocol = "enip", .functions = "", .leave = Leave::nobody, .what = "{server} refused {times} different services to {client}, the last: {function}, {reason}.",
     .expected = "A client knows what its device can do.", .roles = Want::responses, .flags = Deed::refused, .of = Deed::Of::functions},
    {.detection = "CIP-09", .protocol = "enip", .functions = "", .leave = Leave::nobody, .what = "{client} sent {server} {times} broken messages.",
     .expected = "The network delivers what was sent: messages are broken only by who makes them.", .flags = Deed::malformed},
    {"CIP-10", "enip", "0x4B/0xA1, 0x4D/0xA1, 0x51/0xA1", Leave::declared, "{client} loads firmware into {server}{station}.", works},
};

}  // namespace

extern constexpr Family enip_family{"EtherNet/IP and CIP", rows, deeds};

}  // namespace vidra
