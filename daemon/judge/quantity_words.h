// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "daemon/judge/detector.h"

namespace vidra {

// A finding about a quantity, whoever tells it: source and target are nobody.
Finding about(const SiteQuantity&, const Detection&, const Event&, const Context&);
std::string member_text(const QuantityMember&, const Context&, std::string_view more = {});   // "rtu1 (iec104, information object 2006)"
// The same for a member in every site that declares it so.
uint64_t member_key(uint64_t voice_key, const QuantityMember&);

}  // namespace vidra
