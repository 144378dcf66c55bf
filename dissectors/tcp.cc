// SPDX-License-Identifier: Apache-2.0
// Facts about TCP connections (RFC 9293), said by traffic; nothing is parsed here.
#include "dissectors/facts.h"
#include "dissectors/protocol.h"

namespace vidra::tcp {
namespace {
constexpr Function functions[] = {
    {1, 0xffff, "connection attempted", Act::session},
    {2, 0xffff, "connection opened", Act::session},
    {3, 0xffff, "connection refused", Act::session},
    {4, 0xffff, "connection unanswered", Act::session},
    {5, 0xffff, "connection reset", Act::session},
    {6, 0xffff, "connection closed", Act::session},
    {7, 0xffff, "connection joined in the middle", Act::session},
    {9, 0xffff, "protocol recognised", Act::session},
    {10, 0xffff, "overlap with different data", Act::session},
    {11, 0xffff, "IP fragments overlap with different data", Act::session},
    {12, 0xffff, "octets not heard", Act::session},
    {13, 0xffff, "twin differs", Act::session},
    {14, 0xffff, "octets no record begins with", Act::session},
    {15, 0xffff, "carried in IP fragments", Act::session},
    {16, 0xffff, "octets marked urgent", Act::session},
};
}  // namespace
extern const Protocol protocol;
const Protocol protocol = {"tcp", "TCP", {}, nullptr, nullptr, functions, {}, nullptr};
}  // namespace vidra::tcp
