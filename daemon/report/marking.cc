// SPDX-License-Identifier: Apache-2.0
#include "daemon/report/marking.h"

namespace vidra {

Marked marked(const Story& s, const Markings& markings, const std::string& ceiling) {
  const auto above = [&](std::string_view detection) {
    const auto m = markings.find(detection);
    return m != markings.end() && tlp_level(m->second) > tlp_level(ceiling);
  };
  const std::string_view id = s.detection->under ? s.detection->under->id : s.detection->id;
  const auto own = markings.find(id);
  Marked m{above(id), own == markings.end() ? ceiling : own->second, {}};
  if (m.withheld || !s.resembles || std::none_of(s.resembles->observed.begin(), s.resembles->observed.end(), [&](const Resemblance::Step& step) { return above(step.detection); })) return m;
  m.instead = s;
  m.instead->resembles = without(*s.resembles, above);
  return m;
}

}  // namespace vidra
