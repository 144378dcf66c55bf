// SPDX-License-Identifier: Apache-2.0
// Detections of TASE.2 (ICCP), which control centres speak with each other over MMS.
#include "daemon/judge/deeds.h"

namespace vidra {
namespace {

constexpr Threshold denied[] = {
    {"times", 3, "refusals", "So many refused requests of one centre inside the window."},
    {"window", 60, "s", "The time in which they are counted."},
};
constexpr std::string_view peers = "Declare it: `[[conversation]]\nclient = \"scada\"\nserver = \"scada2\"\nprotocol = \"mms\"`.";

constexpr Detection rows[] = {
    {"ICP-01", "New TASE.2 peer, or another bilateral table", 5, Audience::security, "T0848", "intrusions:system-compromise",
     "Centres exchange values by an agreed table. A new peer, or another version of the table, sees and commands what nobody agreed on.",
     "Call the other control centre. Compare the version of the bilateral table.", peers},
    {"ICP-02", "Device commanded by TASE.2", 5, Audience::security, "T0855", "intrusions:system-compromise",
     "Block 5: one control centre switches in another's network. Few agreements allow it.",
     "Call the other control centre: was it ordered? Look at the device.",
     "If it is agreed, declare it: `acts = [\"reading\", \"select\", \"operate\"]` in its `[[conversation]]`."},
    {"ICP-03", "Transfer set started, stopped or changed", 4, Audience::security, "T0804", "availability:sabotage",
     "Transfer sets are what a centre is sent. Stopped, it goes blind; new, it sees more.",
     "Look whether the values of the other centre still come.", peers},
    {"ICP-05", "Access outside the bilateral table", 4, Audience::security, "T0861", "information-gathering:scanning",
     "The peer asks for what it was not given: a changed configuration, or somebody who looks around.",
     "Call the other control centre.", "Raise `times` under `[detection.ICP-05]`.", denied},
};

constexpr Deed deeds[] = {
    {"ICP-01", "mms", "4/40, 4/41", Leave::met, "{client} asks {server} for its bilateral table as a TASE.2 peer.", "Known to ask this centre: {masters}."},
    {"ICP-02", "mms", "4/50, 5/51, 5/52", Leave::declared, "{client} commands {object} of {server} by TASE.2: {value}.", "Known to ask this centre: {masters}."},
    {"ICP-03", "mms", "4/43, 5/44", Leave::usual, "{client} changes what {server} sends it: {function}, {object}.", "Known to ask this centre: {masters}."},
};

}  // namespace

extern constexpr Family iccp_family{"TASE.2 (ICCP)", rows, deeds};

}  // namespace vidra
