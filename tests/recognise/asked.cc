// SPDX-License-Identifier: Apache-2.0
// Asks every recogniser about every conversation of a capture. One JSON object a capture: which protocol read how many
// conversations, and where two were sure of the same octets.
#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "daemon/tool/playing.h"
#include "daemon/traffic/traffic.h"

namespace vidra {
namespace {

// The answers to one question: recognisers are asked in the order of the table.
struct Round {
  size_t last = 0;
  const void* up = nullptr;
  std::vector<size_t> sure;
  std::map<std::pair<size_t, size_t>, uint64_t> doubles;

  void note(size_t who, Bytes asked, Recognised said) {
    if (who <= last || asked.data() != up) sure.clear();
    last = who, up = asked.data();
    if (said.sure != Recognised::yes) return;
    for (size_t other : sure) doubles[{other, who}]++;
    sure.push_back(who);
  }
} asking;

constexpr size_t most = 192;
template <size_t i>
Recognised ask(Bytes up, Bytes down, Carrier carrier) {
  const Recognised said = protocols[i]->recognises(up, down, carrier);
  asking.note(i, up.empty() ? down : up, said);
  return said;
}
template <size_t... i>
constexpr auto asks(std::index_sequence<i...>) { return std::array{&ask<i>...}; }
constexpr auto all_asks = asks(std::make_index_sequence<most>{});

struct Deaf final : EventSink {
  void see(const Event&) override {}
};

}  // namespace
}  // namespace vidra

int main(int argc, char** argv) {
  using namespace vidra;
  if (argc < 2) return fmt::print(stderr, "usage: asked CAPTURE…\n"), 2;
  if (protocols.size() > most) return fmt::print(stderr, "asked: there are {} protocols, room for {}\n", protocols.size(), most), 1;
  std::vector<Protocol> copies;
  std::vector<const Protocol*> table;
  for (size_t i = 0; i < protocols.size(); i++) {
    copies.push_back(*protocols[i]);
    if (copies.back().recognises) copies.back().recognises = all_asks[i];
  }
  for (const Protocol& p : copies) table.push_back(&p);
  int status = 0;
  for (int i = 1; i < argc; i++) {
    asking = {};
    Deaf deaf;
    Traffic traffic(TrafficSettings{}, deaf, table);
    try {
      play(argv[i], traffic, [](const Packet&) {}, nullptr);
    } catch (const std::runtime_error& e) {
      fmt::print(stderr, "{}\n", e.what());
      status = 1;
      continue;
    }
    nlohmann::ordered_json j;
    j["capture"] = argv[i];
    j["read"] = nlohmann::ordered_json::object();
    for (size_t k = 0; k < table.size() && k < traffic.accounts().protocols.size(); k++)
      if (const uint64_t n = traffic.accounts().protocols[k].conversations; n) j["read"][std::string(table[k]->name)] = n;
    j["doubles"] = nlohmann::ordered_json::object();
    for (const auto& [pair, n] : asking.doubles) j["doubles"][fmt::format("{}+{}", table[pair.first]->name, table[pair.second]->name)] = n;
    for (const Protocol& p : copies)
      if (p.open) j["known"].push_back(p.name);
    fmt::print("{}\n", j.dump());
  }
  return status;
}
