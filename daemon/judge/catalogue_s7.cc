// SPDX-License-Identifier: Apache-2.0
// Detections of S7 communication and S7comm-plus. Function groups of user data are 256 + group, their codes sub-functions.
#include "daemon/judge/deeds.h"

namespace vidra {
namespace {

constexpr Threshold passwords[] = {
    {"times", 3, "refusals", "So many passwords refused inside the window."},
    {"window", 600, "s", "The time in which they are counted."},
};
constexpr Threshold broken[] = {
    {"times", 3, "records", "So many broken records of one client inside the window."},
    {"window", 60, "s", "The time in which they are counted."},
};

constexpr std::string_view programmers = "If this host programs the controller, declare it: `acts = [\"reading\", \"write\", \"program\", \"run\"]` in its `[[conversation]]`, or the works as a `[[window]]`.";
constexpr std::string_view readers = "If it belongs to the plant, declare it: `[[conversation]]\nclient = \"hmi\"\nserver = \"plc1\"\nprotocol = \"s7\"`, or let it be learned.";
constexpr std::string_view writers = "If it may write, declare it: `acts = [\"reading\", \"write\"]` in its `[[conversation]]`, or let it be learned.";

constexpr Detection rows[] = {
    {"S7-01", "Controller stopped", 5, Audience::security, "T0858", "availability:sabotage",
     "A stopped controller no longer controls: outputs fall to their safe state or stay where they are, and nobody sees new values.",
     "Ask who is working on the controller. If nobody is, look at the process first, then at the host that sent it.", programmers},
    {"S7-02", "Controller started, restarted or its program handled", 5, Audience::security, "T0858", "intrusions:system-compromise",
     "Restarts, deleting and inserting blocks, and copying to ROM are how a changed program begins to run and survives a power cycle.",
     "Ask who is working on the controller, and compare its program with the one that is filed.", programmers},
    {"S7-03", "Program block downloaded", 5, Audience::security, "T0843", "information-content-security:unauthorised-information-modification",
     "Whoever loads blocks into a controller decides what it does from then on.",
     "Compare the block in the controller with the project that is filed. Find who loaded it.", programmers},
    {"S7-04", "Program block uploaded", 4, Audience::security, "T0845", "information-content-security:unauthorised-information-access",
     "Reading a controller's program is the step before changing it unnoticed.",
     "Ask who read it, with what tool.", programmers},
    {"S7-05", "Block of the cyclic program changed", 5, Audience::security, "T0889", "information-content-security:unauthorised-information-modification",
     "Organisation blocks 1 and 35 call everything else; Stuxnet put its code before theirs.",
     "Compare OB1, OB35 and the data blocks around 890 with the project that is filed.", programmers},
    {"S7-06", "Variables written that were never written", 4, Audience::security, "T0836", "information-content-security:unauthorised-information-modification",
     "Values in data blocks, markers and outputs are what the process follows.",
     "Ask who wrote it and whether the process moved.", writers},
    {"S7-07", "Variable forced or modified by programmer commands", 5, Audience::security, "T0835", "information-content-security:unauthorised-information-modification",
     "A forced value hides the real one from program and operator alike.",
     "Ask who is testing on the controller; look whether the force is still on.", programmers},
    {"S7-08", "Controller asked what it is", 2, Audience::security, "T0888", "information-gathering:scanning",
     "System status lists tell type, firmware, protection and modules: what an attacker reads first, and what inventory tools read too.",
     "Find out whether the host runs an inventory or a scan.", readers},
    {"S7-09", "Password of a controller refused again and again", 4, Audience::security, "T0806", "intrusion-attempts:login-attempts",
     "Somebody guesses the protection password.",
     "Ask who tried to log in, and lock the host out if nobody did.", "Raise `times` under `[detection.S7-09]` where people mistype it often.", passwords},
    {"S7-10", "Clock of a controller set", 2, Audience::security, "T0832", "information-content-security:unauthorised-information-modification",
     "Time stamps of alarms and the order of events hang on it.",
     "Ask who sets the time here; usually a time server does.", "If this host sets the time, declare it: `acts = [\"reading\", \"time\"]` in its `[[conversation]]`, or let it be learned."},
    {"S7-11", "Controller announces that it stops", 4, Audience::operations, "T0881", "availability:outage",
     "The controller itself says that it has left RUN: by a command, by its key switch, or by a fault.",
     "Look at the controller's diagnostic buffer.", "Off during commissioning: a `[[window]]` for the controller."},
    {"S7-13", "Objects of a controller created, deleted or written", 4, Audience::security, "T0843", "information-content-security:unauthorised-information-modification",
     "In S7comm-plus, loading a program is creating and writing objects.",
     "Ask who is working on the controller, and compare its program with the one that is filed.", programmers},
    {"S7-14", "Controller's operating state called for", 5, Audience::security, "T0858", "availability:sabotage",
     "A newer controller is started and stopped by writing the state that its CPU's execution unit is to take, or by invoking it.",
     "Look whether the controller runs, and ask who called for it.", programmers},
    {"S7-16", "Broken S7 records", 3, Audience::security, "T0820", "intrusion-attempts:exploiting-known-vulnerabilities",
     "Reserved fields and lengths that contradict each other are sent by fuzzers and exploits, not by engineering tools.",
     "Find the program that sends them.", "Raise `times` under `[detection.S7-16]`.", broken},
};

constexpr std::string_view known_to_ask = "Known to ask this controller: {masters}.";
constexpr Deed deeds[] = {
    {"S7-01", "s7", "0x29", Leave::declared, "{client} stopped the program of {server}.", "Controllers are stopped by hand, during works. Known to ask this one: {masters}."},
    {"S7-02", "s7", "0x28/1-5, 0x28/9, 257/10-12", Leave::declared, "{client} sent {server}: {function}.", "Programs are started and changed during works. Known to ask this controller: {masters}."},
    {"S7-03", "s7", "0x1a, 271/1", Leave::declared, "{client} loads {object} into {server}.", "Nobody is declared to program it. Known to ask it: {masters}."},
    {"S7-04", "s7", "0x1d, 271/6", Leave::declared, "{client} reads the program of {server}: {object}.", "Nobody is declared to read its program. Known to ask it: {masters}."},
    {.detection = "S7-05", .protocol = "s7", .functions = "0x1a", .leave = Leave::declared, .what = "{client} loads {object} into {server}: the heart of its cyclic program.",
     .expected = "Nobody is declared to program it. Known to ask it: {masters}.", .object = "OB1"},
    {.detection = "S7-05", .protocol = "s7", .functions = "0x1a", .leave = Leave::declared, .what = "{client} loads {object} into {server}: its cyclic interrupt.",
     .expected = "Nobody is declared to program it. Known to ask it: {masters}.", .object = "OB35"},
    {.detection = "S7-05", .protocol = "s7", .functions = "0x1a", .leave = Leave::declared, .what = "{client} loads {object} into {server}, where Stuxnet kept its own.",
     .expected = "Nobody is declared to program it. Known to ask it: {masters}.", .object = "DB890"},
    {"S7-06", "s7", "5", Leave::usual, "{client} wrote {object} of {server}: {value}.", known_to_ask},
    {"S7-07", "s7", "257/8-9", Leave::declared, "{client} sent {server}: {function}.", "Values are forced during tests, by whoever works on the controller."},
    {"S7-08", "s7", "259, 260/1", Leave::met, "{client} asks {server} what it is: {function}.", known_to_ask},
    {.detection = "S7-09", .protocol = "s7", .functions = "261/1", .leave = Leave::nobody, .what = "{server} refused the password of {client} {times} times.",
     .expected = "An engineer types it once.", .roles = Want::responses, .flags = Deed::refused},
    {"S7-10", "s7", "263/2, 263/4", Leave::usual, "{client} set the clock of {server}.", "It never did so before."},
    {.detection = "S7-11", .protocol = "s7", .functions = "256/0, 256/4", .leave = Leave::nobody, .what = "{server} announces: {function}.", .expected = "A controller in service runs.", .roles = Want::reports},
    {"S7-13", "s7plus", "0x04ca, 0x04d4, 0x04f2, 0x0542, 0x057c", Leave::usual, "{client} sent {server}: {function}.", known_to_ask, Want::requests, changing_acts},
    {.detection = "S7-14", .protocol = "s7plus", .functions = "0x04f2, 0x0542", .leave = Leave::declared, .what = "{client} called for another operating state of {server}: {function}, {object}.",
     .expected = "Controllers are started and stopped during works. Known to ask this one: {masters}.", .object = "item 2167.52"},
    {"S7-14", "s7plus", "0x056b", Leave::declared, "{client} sent {server}: {function}.", "Controllers are started and stopped during works. Known to ask this one: {masters}."},
    {.detection = "S7-16", .protocol = "s7", .functions = "", .leave = Leave::nobody, .what = "{client} sent {server} {times} broken S7 records, the last: {reason}.",
     .expected = "TCP delivers what was sent: records are broken only by who makes them.", .flags = Deed::malformed},
};

}  // namespace

extern constexpr Family s7_family{"Siemens S7 and S7-plus", rows, deeds};

}  // namespace vidra
