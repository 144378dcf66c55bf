// SPDX-License-Identifier: Apache-2.0
#include "daemon/report/marking.h"

namespace vidra {

Marked marked(const Story& s, const Markings& markings, const std::string& ceiling) {
  const auto above = [&](std::string_view detection) {
    const auto m = markings.find(detection);
    return m != markings.end() && tlp_level(m->second) > tlp_level(ceiling);
  };
  const auto marking = [&](std::string_view detection) {
    const auto m = markings.find(detection);
    return m == markings.end() ? ceiling : m->second;
  };
  // Whoever is told of a story is told of each of its steps.
  const auto strictest = [&](const std::vector<StoryStep>& steps, std::string tlp) {
    for (const StoryStep& step : steps)
      if (const std::string of = marking(step.detection->id); tlp_level(of) > tlp_level(tlp)) tlp = of;
    return tlp;
  };
  const std::string_view id = s.detection->under ? s.detection->under->id : s.detection->id;
  Marked m{above(id), marking(id), {}};
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
      m.tlp = marking(worst->detection->id);
    }
    m.tlp = strictest(rest, m.tlp);
    if (rest.size() == 1) rest.clear();
    if (s.resembles) m.instead->resembles = without(*s.resembles, above);
    return m;
  }
  if (!m.withheld) m.tlp = strictest(s.steps, m.tlp);
  if (m.withheld || !s.resembles || std::none_of(s.resembles->observed.begin(), s.resembles->observed.end(), [&](const Resemblance::Step& step) { return above(step.detection); })) return m;
  m.instead = s;
  m.instead->resembles = without(*s.resembles, above);
  return m;
}

}  // namespace vidra
