// SPDX-License-Identifier: Apache-2.0
// What other catalogues of such detections have and this one has not, each with the reason.
#include "daemon/judge/catalogue.h"

namespace vidra {
namespace {

constexpr NotRaised rows[] = {
    {"GSE-18, priority", "GOOSE with another VLAN priority than declared", "What is heard of a frame's tag is its VLAN; the priority is not kept."},
    {"GSE-21", "Trip without protection pick-up", "GOOSE says values by position; which of them is a trip and which a pick-up only the engineering file knows, and the site's publishers do not name their members."},
    {"GSE-22", "Position in GOOSE differs from the position in MMS or IEC 104", "The same reason: no member of a GOOSE data set is tied to a point of another protocol yet."},
    {"ICP-04", "Quality of TASE.2 values", "A value's flags (held, suspect, not valid) come as one octet of bits whose layout the bilateral table decides; they are said as bits, not as quality."},
    {"MMS-09, by reports", "Position that a report brings", "Reports carry members by position; the feedback of a control is followed where it is read by its name."},
    {"MMS-32", "Clock of a device not synchronised", "The clock's quality comes with each time stamp; it belongs to the comparison of clocks of all protocols."},
    {"ODA-01", "OPC DA servers enumerated over DCOM", "DCE/RPC on TCP 135 and DCOM's interfaces are not dissected; the scan and the new conversation are NET-06 and NET-02."},
    {"ODA-02", "OPC DA items written by a new client", "The same reason: DCOM is not dissected."},
    {"OPC-07, dates", "Certificate of an OPC UA application expired or self-signed", "Of a certificate the thumbprint is said, not its dates and issuer; that the other side refuses it is told."},
    {"PMU-02, pending", "Configuration of a PMU about to change (STAT bit 10)", "The change itself is told, from the configuration frame that follows it."},
    {"RGS-02", "Key server traffic of a new host", "GDOI (UDP 848) is not dissected; the new conversation itself is NET-03."},
    {"SMV-08", "Time between sampled values", "Jitter of microseconds is real only with time stamps taken by the network card, and the sensor does not know whether its source has them. Each summary says it."},
};

}  // namespace
const std::span<const NotRaised> not_raised = rows;
}  // namespace vidra
