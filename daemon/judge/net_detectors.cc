// SPDX-License-Identifier: Apache-2.0
#include "daemon/judge/detector.h"

namespace vidra {

void add_net_detectors(Detectors&, const JudgeSettings&) {}

}  // namespace vidra
