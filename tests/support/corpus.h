// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace vidra {

// The corpus of real captures beside the project, where there is one. Tests run in the project's root.
inline std::string corpus_folder() {
  const std::filesystem::path at = "../shared/corpus";
  return std::filesystem::exists(at / "INDEX.tsv") ? at.string() + "/" : std::string{};
}

struct CorpusCapture {
  std::string path, name;     // name: relative to the corpus
  uint64_t packets = 0;
  std::string kind;           // benign, malformed, attack, unknown
};

inline std::vector<CorpusCapture> corpus_captures() {
  std::vector<CorpusCapture> all;
  const std::string folder = corpus_folder();
  if (folder.empty()) return all;
  std::ifstream index(folder + "INDEX.tsv");
  std::string line;
  std::getline(index, line);
  while (std::getline(index, line)) {
    std::istringstream cells(line);
    std::string name, octets, packets, duration, kind;
    std::getline(cells, name, '\t');
    std::getline(cells, octets, '\t');
    std::getline(cells, packets, '\t');
    std::getline(cells, duration, '\t');
    std::getline(cells, kind, '\t');
    if (std::filesystem::exists(folder + name)) all.push_back({folder + name, name, std::stoull(packets), kind});
  }
  return all;
}

}  // namespace vidra
