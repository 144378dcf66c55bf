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
  // Whoever is told of a story is told of each of its steps, and of what its source has done beside it.
  const auto strictest = [&](const std::vector<StoryStep>& steps, const std::optional<Resemblance>& like, std::string tlp) {
    const auto told = [&](std::string_view detection) {
      if (const std::string of = marking(detection); tlp_level(of) > tlp_level(tlp)) tlp = of;
    };
    for (const StoryStep& step : steps) told(step.detection->id);
    if (like)
      for (const Resemblance::Step& step : like->observed) told(step.detection);
    return tlp;
  };
  const std::string_view id = s.detection->under ? s.detection->under->id : s.detection->id;
  Marked m{above(id), marking(id), {}};
  const bool step_stays = std::any_of(s.steps.begin(), s.steps.end(), [&](const StoryStep& step) { return above(step.detection->id); });
  const bool like_stays = s.resembles && std::any_of(s.resembles->observed.begin(), s.resembles->observed.end(), [&](const Resemblance::Step& step) { return above(step.detection); });
  if (!step_stays && m.withheld) return m;
  if (!step_stays && !like_stays) {
    m.tlp = strictest(s.steps, s.resembles, m.tlp);
    return m;
  }
  m.instead = s;
  Story& told = *m.instead;
  if (step_stays) {
    std::erase_if(told.steps, [&](const StoryStep& step) { return above(step.detection->id); });
    if (told.steps.empty()) return {true, m.tlp, {}};
    told.count = 0;
    const StoryStep* worst = &told.steps[0];
    for (const StoryStep& step : told.steps) told.count += step.count, worst = step.severity > worst->severity ? &step : worst;
    if (m.withheld) {                                       // told by the rest of it
      m.withheld = false;
      told.detection = worst->detection, told.severity = worst->severity, told.what = worst->what;
      told.target = worst->target, told.port = worst->port, told.protocol = worst->protocol;
      told.expected.clear(), told.station.clear(), told.object.clear();
      m.tlp = marking(worst->detection->id);
    }
  }
  if (s.resembles) told.resembles = without(*s.resembles, above);
  m.tlp = strictest(told.steps, told.resembles, m.tlp);
  if (told.steps.size() == 1) told.steps.clear();
  return m;
}

}  // namespace vidra
