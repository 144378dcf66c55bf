// SPDX-License-Identifier: Apache-2.0
// Detections of controllers' own protocols that a few rows say: CODESYS, FINS, HART-IP, SLMP and MELSOFT, GE-SRTP, TriStation.
#include "daemon/judge/deeds.h"

namespace vidra {
namespace {

constexpr Threshold guesses[] = {
    {"times", 3, "refusals", "So many refused logons of one client inside the window."},
    {"window", 600, "s", "The time in which they are counted."},
};
constexpr Threshold storm[] = {
    {"times", 20, "sessions", "So many sessions opened by one client inside the window."},
    {"window", 10, "s", "The time in which they are counted."},
};

constexpr std::string_view programmers = "If this host programs the controller, declare it: `acts = [\"reading\", \"write\", \"operate\", \"configure\", \"program\", \"run\", \"file\"]` in its `[[conversation]]`, or the works as a `[[window]]`.";
constexpr std::string_view writers = "If it may write, declare it: `acts = [\"reading\", \"write\"]` in its `[[conversation]]`, or let it be learned.";
constexpr std::string_view readers = "If it belongs to the plant, declare its `[[conversation]]`, or let it be learned.";
constexpr std::string_view ask_who = "Ask who is working on the controller. If nobody is, look at the process first, then at the host that sent it.";
constexpr std::string_view compare = "Compare the program in the controller with the project that is filed. Find who loaded it.";
constexpr std::string_view moved = "Ask who wrote it and whether the process moved.";
constexpr std::string_view inventory = "Find out whether the host runs an inventory or a scan.";
constexpr std::string_view decides = "Whoever loads a program decides what the controller does from then on.";
constexpr std::string_view standstill = "A stopped controller no longer controls: outputs fall to their safe state or stay where they are.";
constexpr std::string_view follows = "Values in the controller's memory are what the process follows.";
constexpr std::string_view first_read = "Type, firmware and name are what an attacker reads first, and what inventory tools read too.";
constexpr std::string_view sabotage = "availability:sabotage", modification = "information-content-security:unauthorised-information-modification", scanning = "information-gathering:scanning";

constexpr Detection rows[] = {
    {"CDS-01", "CODESYS: program downloaded or changed", 5, Audience::security, "T0843", modification, decides, compare, programmers},
    {"CDS-02", "CODESYS: program started, stopped or reset", 5, Audience::security, "T0858", sabotage, standstill, ask_who, programmers},
    {"CDS-03", "CODESYS: runtime found or logged on to", 4, Audience::security, "T0846", scanning,
     "One runtime serves the controllers of hundreds of makers; INCONTROLLER looked for it on its discovery ports and logged on.", inventory, readers},
    {"CDS-04", "CODESYS: logons refused again and again", 4, Audience::security, "T0806", "intrusion-attempts:login-attempts",
     "Somebody guesses names and passwords.", "Ask who tried to log on, and lock the host out if nobody did.", "Raise `times` under `[detection.CDS-04]` where people mistype it often.", guesses},
    {"CDS-05", "CODESYS: variables written, values forced, or files changed", 4, Audience::security, "T0836", modification, follows, moved, writers},
    {"FIN-01", "FINS: controller's mode changed", 5, Audience::security, "T0858", sabotage, standstill, ask_who, programmers},
    {"FIN-02", "FINS: program or settings written, values forced", 5, Audience::security, "T0843", modification, decides, compare, programmers},
    {"FIN-03", "FINS: controller asked what it is", 2, Audience::security, "T0888", scanning, first_read, inventory, readers},
    {"FIN-04", "FINS: memory written that was never written", 4, Audience::security, "T0836", modification, follows, moved, writers},
    {"HRT-01", "HART-IP: transmitter configured or driven", 4, Audience::security, "T0836", modification,
     "Range, units, trim and a fixed current decide what the control system believes to be measured.",
     "Ask who is working on the transmitter, and compare its settings with what is filed.", "If this host manages the transmitters, declare it: `acts = [\"reading\", \"configure\", \"operate\", \"run\"]` in its `[[conversation]]`, or the works as a `[[window]]`."},
    {"HRT-02", "HART-IP: storm of sessions", 3, Audience::security, "T0814", "availability:dos",
     "Gateways have room for a few sessions; who takes them all shuts the others out.",
     "Find the program that opens them.", "Raise `times` under `[detection.HRT-02]`.", storm},
    {"SLP-01", "MELSEC: remote run, stop, reset", 5, Audience::security, "T0858", sabotage, standstill, ask_who, programmers},
    {"SLP-02", "MELSEC: devices written that were never written", 4, Audience::security, "T0836", modification, follows, moved, writers},
    {"SLP-03", "MELSEC: program files or address changed", 5, Audience::security, "T0843", modification, decides, compare, programmers},
    {"SRT-01", "GE-SRTP: controller stopped, started, loaded or forced", 5, Audience::security, "T0858", sabotage,
     "One service stops the controller, others load its program or force its memory.", ask_who, programmers},
    {"SRT-02", "GE-SRTP: memory written that was never written", 4, Audience::security, "T0836", modification, follows, moved, writers},
    {"TRI-01", "TriStation: a safety controller is spoken to", 5, Audience::security, "T0848", "intrusions:system-compromise",
     "TriStation is the engineering protocol of a safety system. In operation nobody needs it; TRITON came by it.",
     "Ask who is working on the safety system. If nobody is, take the host off the network and keep it.", programmers},
    {"TRI-02", "TriStation: program or state of a safety controller changed", 5, Audience::security, "T0843", modification,
     "A changed safety program lets pass what it was made to stop.",
     "Compare the program in the safety controller with the one that is filed, and turn its key to RUN.", programmers},
    {"TRI-03", "TriStation: status request with a body", 5, Audience::security, "T0820", "intrusion-attempts:exploiting-known-vulnerabilities",
     "The request for the main processors' status has no body; TRITON's backdoor took its orders there.",
     "Take the host off the network and keep it. Have the safety controllers' memory examined by their maker.", "There is nothing to tune: no tool of the maker sends it."},
    {"TRI-04", "TriStation: key switch in PROGRAM", 3, Audience::operations, "T0880", "vulnerable:vulnerable-system",
     "With the key in PROGRAM a safety controller takes programs from the network; in operation it is in RUN.",
     "Turn the key to RUN, and keep it elsewhere.", "Off during works: a `[[window]]` for the controller."},
};

constexpr std::string_view known_to_ask = "Known to ask this controller: {masters}.", works = "That is done by hand, during works. Known to ask this controller: {masters}.";
constexpr std::string_view sent = "{client} sent {server}{station}: {function}.", wrote = "{client} wrote {object} of {server}{station}: {value}.", asks = "{client} asks {server} what it is: {function}.";
constexpr Deed deeds[] = {
    {"CDS-01", "codesys", "0x0203-0x0208, 0x0223, 0x0226-0x0227, 0x0230, 0x0234", Leave::declared, sent, works},
    {"CDS-02", "codesys", "0x0104, 0x0106, 0x0210-0x0213, 0x0219, 0x0222, 0x0224", Leave::declared, sent, works},
    {"CDS-03", "codesys", "0x0101-0x0102, 0x0108, 0x010A, 0x0201, 0xF002, 0xF020", Leave::met, sent, known_to_ask},
    {.detection = "CDS-04", .protocol = "codesys", .functions = "0x0102, 0x0108, 0x010A, 0x0201", .leave = Leave::nobody, .what = "{server} refused {times} logons of {client}.",
     .expected = "An engineer types it once.", .roles = Want::responses, .flags = Deed::refused},
    {"CDS-05", "codesys", "0x0904, 0x0906, 0x1B02, 0x0237", Leave::usual, sent, known_to_ask},
    {"CDS-05", "codesys", "0x13FF, 0x0802-0x0804, 0x080E-0x0812, 0x0CFF, 0x22FF", Leave::usual, sent, known_to_ask},
    {"FIN-01", "fins", "0x0401-0x0403", Leave::declared, sent, works},
    {"FIN-02", "fins", "0x0202-0x0203, 0x0221, 0x0304-0x0305, 0x0307-0x0308, 0x2204, 0x220B-0x220C, 0x2220, 0x2301-0x2302", Leave::declared, sent, works},
    {"FIN-02", "fins", "0x2203, 0x2205-0x2208, 0x220A, 0x2211, 0x2215", Leave::usual, sent, known_to_ask},
    {"FIN-03", "fins", "0x0501-0x0502, 0x2603", Leave::met, asks, known_to_ask},
    {"FIN-04", "fins", "0x0102-0x0103, 0x0105", Leave::usual, wrote, known_to_ask},
    {"HRT-01", "hartip", "40, 42, 66, 79", Leave::declared, "{client} sent {server}{station}: {function}.", "Transmitters are tested by hand, during works. Known to ask this one: {masters}."},
    {"HRT-01", "hartip", "6, 17-19, 22, 34-39, 43-47, 49, 51-53, 55-56, 58-59, 64-65, 67-69, 71, 82-83, 87-88, 92, 97, 99, 102, 113, 116-119", Leave::usual, "{client} sent {server}{station}: {function}.",
     "Known to ask this transmitter: {masters}."},
    {.detection = "HRT-02", .protocol = "hartip", .functions = "0xFF00", .leave = Leave::nobody, .what = "{client} opened {times} sessions with {server}.", .expected = "One session is enough for a client."},
    {"SLP-01", "slmp", "0x0013-0x0014, 0x1001-0x1006", Leave::declared, sent, works},
    {.detection = "SLP-02", .protocol = "slmp", .functions = "", .leave = Leave::usual, .what = wrote, .expected = known_to_ask, .acts = bit(Act::write)},
    {"SLP-03", "slmp", "0x1820, 0x1822, 0x1824, 0x1829, 0x3070", Leave::declared, sent, works},
    {"SRT-01", "srtp", "0x09, 0x23, 0x40, 0x44", Leave::declared, sent, works},
    {"SRT-02", "srtp", "0x07-0x08", Leave::usual, wrote, known_to_ask},
    {.detection = "TRI-01", .protocol = "tristation", .functions = "", .leave = Leave::met, .what = sent, .expected = "Nobody but a declared engineering station speaks to it. Known: {masters}."},
    {"TRI-02", "tristation", "0-1, 4, 6, 10-11, 20-23, 48-50, 55-56, 58-59, 63, 68, 72, 80", Leave::declared, sent, works},
    {"TRI-02", "tristation", "2, 5, 9, 14-17, 27, 30, 44-45, 57, 60, 62", Leave::declared, sent, works},
    {.detection = "TRI-03", .protocol = "tristation", .functions = "29", .leave = Leave::nobody, .what = "{client} sent {server} a request for its status that carries {value}.",
     .expected = "The request has no body.", .text = "*octets"},
    {.detection = "TRI-04", .protocol = "tristation", .functions = "108", .leave = Leave::nobody, .what = "The key switch of {server} is in position PROGRAM.", .expected = "In operation it is in RUN.",
     .roles = Want::responses, .object = "key", .text = "*program*"},
};

}  // namespace

extern constexpr Family controllers_family{"CODESYS, FINS, HART-IP, MELSEC, GE-SRTP, TriStation", rows, deeds};

}  // namespace vidra
