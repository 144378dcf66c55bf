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
  if (std::any_of(s.steps.begin(), s.steps.end(), [&](const StoryStep& step) { return above(step.detection->id); })) {
    m.instead = s;
    std::vector<StoryStep>& rest = m.instead->steps;
    std::erase_if(rest, [&](const StoryStep& step) { return above(step.detection->id); });
    if (rest.empty()) return {true, m.tlp, {}};
    m.instead->count = 0;
    const StoryStep* worst = &rest[0];
    for (const StoryStep& step : rest) m.instead->count += step.count, worst = step.severity > worst->severity ? &step : worst;
    if (m.withheld) {                                       // told by the rest of it
      m.withheld = false;
      m.instead->detection = worst->detection, m.instead->severity = worst->severity, m.instead->what = worst->what;
      m.instead->expected.clear(), m.instead->station.clear(), m.instead->object.clear();
      const auto of = markings.find(worst->detection->id);
      m.tlp = of == markings.end() ? ceiling : of->second;
    }
    if (rest.size() == 1) rest.clear();
    if (s.resembles) m.instead->resembles = without(*s.resembles, above);
    return m;
  }
  if (m.withheld || !s.resembles || std::none_of(s.resembles->observed.begin(), s.resembles->observed.end(), [&](const Resemblance::Step& step) { return above(step.detection); })) return m;
  m.instead = s;
  m.instead->resembles = without(*s.resembles, above);
  return m;
}

}  // namespace vidra
