// SPDX-License-Identifier: Apache-2.0
// What the sensor says of its own hearing; nothing is parsed here.
#include "dissectors/facts.h"
#include "dissectors/protocol.h"

namespace vidra::sensor {
namespace {
constexpr Function functions[] = {
    {1, 0xffff, "interface silent", Act::diagnose},
    {2, 0xffff, "interface heard again", Act::diagnose},
    {3, 0xffff, "frames dropped before us", Act::diagnose},
    {4, 0xffff, "only one direction arrives", Act::diagnose},
    {5, 0xffff, "both directions arrive again", Act::diagnose},
    {6, 0xffff, "parser resynchronised", Act::diagnose},
    {7, 0xffff, "bound reached", Act::diagnose},
    {8, 0xffff, "interface down", Act::diagnose},
    {9, 0xffff, "interface up", Act::diagnose},
    {10, 0xffff, "clock stepped", Act::diagnose},
    {11, 0xffff, "degraded", Act::diagnose},
    {12, 0xffff, "everything is worked through again", Act::diagnose},
};
}  // namespace
extern const Protocol protocol;
const Protocol protocol = {"sensor", "Sensor", {}, nullptr, nullptr, functions, {}, nullptr};
}  // namespace vidra::sensor
