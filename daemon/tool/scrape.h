// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vidra {

using Labels = std::map<std::string, std::string>;

// A text in Prometheus' format, read back: families without their "vidra_", samples by their labels. Lines that are none are passed over.
class Scrape {
 public:
  static Scrape parse(std::string_view text) {
    Scrape s;
    for (size_t at = 0; at < text.size();) {
      const size_t end = std::min(text.find('\n', at), text.size());
      std::string_view line = text.substr(at, end - at);
      at = end + 1;
      if (!line.starts_with("vidra_")) continue;
      line.remove_prefix(6);
      const size_t name = line.find_first_of("{ ");
      if (name == std::string_view::npos) continue;
      Sample sample;
      const std::string family(line.substr(0, name));
      line.remove_prefix(name);
      if (line[0] == '{' && !labels_of(line, sample.labels)) continue;
      while (!line.empty() && line[0] == ' ') line.remove_prefix(1);
      const std::string number(line);
      char* stop = nullptr;
      sample.value = std::strtod(number.c_str(), &stop);
      if (stop != number.c_str()) s.families_[family].push_back(std::move(sample));
    }
    return s;
  }
  bool empty() const { return families_.empty(); }
  // The first sample whose labels hold all of these.
  std::optional<double> value(std::string_view family, const Labels& wanted = {}) const {
    const auto at = families_.find(family);
    if (at == families_.end()) return std::nullopt;
    for (const Sample& s : at->second) {
      bool all = true;
      for (const auto& [k, v] : wanted) {
        const auto has = s.labels.find(k);
        all = all && has != s.labels.end() && has->second == v;
      }
      if (all) return s.value;
    }
    return std::nullopt;
  }
  std::vector<Labels> labels(std::string_view family) const {
    std::vector<Labels> out;
    if (const auto at = families_.find(family); at != families_.end())
      for (const Sample& s : at->second) out.push_back(s.labels);
    return out;
  }

 private:
  struct Sample {
    Labels labels;
    double value = 0;
  };
  // {a="x",b="y\"z"}; what follows is left in `line`.
  static bool labels_of(std::string_view& line, Labels& to) {
    size_t at = 1;
    while (at < line.size() && line[at] != '}') {
      const size_t equals = line.find("=\"", at);
      if (equals == std::string_view::npos) return false;
      const std::string key(line.substr(at, equals - at));
      std::string value;
      for (at = equals + 2; at < line.size() && line[at] != '"'; at++) {
        if (line[at] == '\\' && at + 1 < line.size()) value += line[++at] == 'n' ? '\n' : line[at];
        else value += line[at];
      }
      if (at >= line.size()) return false;
      to[key] = value;
      at += 1 + (at + 1 < line.size() && line[at + 1] == ',');
    }
    if (at >= line.size()) return false;
    line.remove_prefix(at + 1);
    return true;
  }
  std::map<std::string, std::vector<Sample>, std::less<>> families_;
};

}  // namespace vidra
