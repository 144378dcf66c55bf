// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "daemon/judge/detector.h"

namespace vidra {

// Follows each window of works from its opening to its end, and tells then what happened in it and what stayed changed (WRK-01);
// and while nobody closed one that was opened on the box and is over, that it is overdue (WRK-02).
class Works final : public Detector {
 public:
  Works();
  ~Works() override;
  std::span<const Want> wants() const override;
  void see(const Event&, const Context&, Findings&) override;
  bool ticks() const override { return true; }
  void tick(const Context&, Findings&) override;
  void softened(const Window&, const Finding&) override;

 private:
  static constexpr size_t most_open = 32, most_changes = 256, most_newcomers = 64;
  struct Value { double number = 0; bool known = false; };
  struct Change {
    uint64_t key = 0;
    std::string object;                          // "rtu1: P set-point (information object 6001)"
    Act act = Act::write;                        // the gravest
    uint64_t times = 0;
    Value before, after;
  };
  struct Open {
    std::string name, permit, opener;
    Time start = 0, end = 0, since = 0;          // since: when it was noticed
    uint64_t findings = 0, commands = 0, changes_unkept = 0, newcomers_unkept = 0;
    std::map<std::string_view, uint64_t> by_detection;
    std::vector<Change> changes;
    std::vector<Address> newcomers;
    bool there = false;
  };
  Open* find(const Window&);
  void end(const Open&, const Context&, Findings&) const;

  const Detection& ended_;
  const Detection& overdue_;
  std::vector<Open> open_;
  struct Overdue { std::string name; Time start = 0, told = 0; };
  std::vector<Overdue> reminded_;
  struct Values;
  std::unique_ptr<Values> values_;               // written last, by object: what was before the works
};

}  // namespace vidra
