// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/judge/finding.h"

namespace vidra {

// One thing that is done in a behaviour, as the findings that tell of it.
struct AttackStep {
  std::string_view says;             // "breakers operated faster than people do"
  std::string_view detections;       // any of these: "I104-05, I104-06"
  bool needed = false;               // without it there is no likeness
  std::string_view object = "";      // one of these words lies in the finding's object: "OB1, OB35"; with ! before them: none does
};

// How one known attack went, as what a network sensor sees of it. A row of data.
struct Behaviour {
  std::string_view name;             // "Industroyer2 (2022)"
  std::string_view did;              // what is known of it, one sentence
  std::span<const AttackStep> steps;
  unsigned least = 2;                // so many different steps
  Time window = 10 * minute;         // from the first to the last of them, of one source
  double confidence = 0.5;           // with the least of steps; each further one adds a tenth, up to four fifths
  std::string_view unless = "";      // detections that contradict it
  enum class Source : uint8_t { any, named, unnamed } source = Source::any;   // whether the site knows who does it
};
extern const std::span<const Behaviour> behaviours;

// What a story is like. Observation, assessment and confidence are apart; nothing of it says who did it.
struct Resemblance {
  struct Step {
    Time at = 0;                     // first seen
    std::string_view detection, says;
    bool operator==(const Step&) const = default;
  };
  std::string name, did;
  std::vector<Step> observed;        // in time
  double confidence = 0;
  bool operator==(const Resemblance&) const = default;
};
inline constexpr std::string_view no_attribution = "A likeness of behaviour; it says nothing of who did it.";
std::vector<std::string> texts_of(const Resemblance&);   // of each step: "12:19:51 I104-05, breakers operated faster than people do"
// What is left of it where some detections are not told of: their steps are gone, and how sure it is goes by the rest. Nothing where the
// rest alone would not be a likeness.
std::optional<Resemblance> without(const Resemblance&, const std::function<bool(std::string_view detection)>& untold);
std::string_view confidence_word(double);   // low, moderate, high

// Remembers which steps each source has taken lately. Bounded: the source that was quiet for longest makes room.
class Resemblances {
 public:
  Resemblances();
  // Takes in a finding. True when what its source is like has changed.
  bool see(const Finding&);
  // What a source's finding of this detection is part of, the likeliest; nullptr nothing.
  const Resemblance* of(const Address& source, const Detection*) const;

 private:
  static constexpr size_t most_sources = 256, most_steps = 64;
  // The first of a step's detections that was found, and which of its list were.
  struct Seen { Time first = 0, last = 0; const Detection* detection = nullptr; uint32_t listed = 0; size_t place = 0; };
  struct Like { size_t behaviour = 0; Time last = 0; Resemblance said; std::vector<std::string_view> parts; };
  struct Source {
    Address address;
    Time last = 0;
    bool named = false;
    std::array<Seen, most_steps> seen{};
    std::vector<Like> likes;                   // at most one of each behaviour
  };
  bool weigh(Source&, size_t behaviour);
  struct Told { std::string_view detection; uint16_t step, behaviour, place; };   // place: in the step's list
  std::vector<Told> told_by_;                  // sorted by detection
  std::vector<uint16_t> first_step_;           // of each behaviour, in Source::seen
  std::vector<Source> sources_;
};

}  // namespace vidra
