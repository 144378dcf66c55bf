// SPDX-License-Identifier: Apache-2.0
// Facts about UDP conversations and those of IP protocols without ports, said by traffic; nothing is parsed here.
#include "dissectors/facts.h"
#include "dissectors/protocol.h"

namespace vidra::udp {
namespace {
constexpr Function functions[] = {
    {3, 0xffff, "port unreachable", Act::session},
    {4, 0xffff, "conversation unanswered", Act::session},
    {8, 0xffff, "conversation begun", Act::session},
    {9, 0xffff, "protocol recognised", Act::session},
    {11, 0xffff, "IP fragments overlap with different data", Act::session},
    {13, 0xffff, "twin differs", Act::session},
    {14, 0xffff, "octets no record begins with", Act::session},
    {15, 0xffff, "carried in IP fragments", Act::session},
};
}  // namespace
extern const Protocol protocol;
const Protocol protocol = {"udp", "UDP", {}, nullptr, nullptr, functions, {}, nullptr};
}  // namespace vidra::udp
