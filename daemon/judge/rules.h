// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>
#include <unordered_map>

#include "daemon/judge/commands.h"
#include "daemon/judge/detector.h"

namespace vidra {

// What the detectors of protocols with commands share: who may ask whom, who was told lately, the words.

// What a master group's members may do: the daily work of a control centre. Programs, restarts, settings and files are declared
// by their conversation.
inline constexpr ActSet of_masters = reading_acts | acts({Act::select, Act::operate, Act::cancel, Act::write, Act::time});

// What is known of two ends in one protocol, also when no event is at hand.
struct Known {
  const SiteConversation* declared = nullptr;
  const ConversationMemory* learned = nullptr;
  bool group = false;                            // a member of a master group of this server
  bool any() const { return declared || learned || group; }
  bool allows(ActSet) const;                     // any of these acts, declared or learned
};
Known known(const Scene&, const Context&);

// Who an asker is to the server it speaks to. A stand-in comes the way the known masters come while all of them are silent:
// perhaps a switch-over that nobody declared.
enum class Standing : uint8_t { unjudged, known, stand_in, stranger };
// Whether somebody who asks this server, at the port of a protocol with masters, would come as their stand-in.
bool may_stand_in(const Scene&, const Context&, const Findings&);

// A table of 64-bit keys that forgets the oldest of a few when it is full. What is compared lies apart from the values, so that
// looking for one touches one line of memory and its value.
template <class Value> class Recent {
 public:
  explicit Recent(size_t size = 1024) : fours_(size / ways), values_(new Value[size]{}), mask_(size / ways - 1) {}   // size: a power of two, 4 or more
  Value& at(uint64_t key, bool* fresh = nullptr) {
    const size_t place = this->place(key);
    Four& four = fours_.data()[place];
    for (size_t way = 0; way < ways; way++)
      if (four.key[way] == key && four.used[way]) {
        four.used[way] = ++clock_;
        if (fresh) *fresh = false;
        return values_.get()[place * ways + way];
      }
    if (fresh) *fresh = true;
    return begin(four, place, key);
  }
  const Value* find(uint64_t key) const {
    const size_t place = this->place(key);
    const Four& four = fours_.data()[place];
    for (size_t way = 0; way < ways; way++)
      if (four.key[way] == key && four.used[way]) return &values_.get()[place * ways + way];
    return nullptr;
  }
  template <class F> void each(F f) {
    for (size_t i = 0; i < fours_.size() * ways; i++)
      if (fours_[i / ways].used[i % ways]) f(values_[i]);
  }

 private:
  static constexpr size_t ways = 4;
  struct alignas(64) Four { uint64_t key[ways] = {}, used[ways] = {}; };
  size_t place(uint64_t key) const { return (key * 0x9e3779b97f4a7c15ull >> 34) & mask_; }
  [[gnu::noinline]] Value& begin(Four& four, size_t place, uint64_t key) {
    size_t oldest = 0;
    for (size_t way = 1; way < ways; way++)
      if (four.used[way] < four.used[oldest]) oldest = way;
    four.key[oldest] = key, four.used[oldest] = ++clock_;
    return values_[place * ways + oldest] = Value{};
  }
  std::vector<Four> fours_;
  std::unique_ptr<Value[]> values_;
  size_t mask_;
  uint64_t clock_ = 0;
};

uint64_t key_of(const Address&);
inline uint64_t key_of(uint64_t a, uint64_t b) {
  uint64_t x = (a ^ (b << 29 | b >> 35)) * 0x9e3779b97f4a7c15ull;
  x ^= x >> 32;
  x = (x + b) * 0xd6e8feb86659fd93ull;
  return x ^ x >> 32;
}
// Of a station in a conversation. That of its ends is mixed already.
inline uint64_t key_of(const Conversation& c, uint64_t station) { return c.pair + station * 0x9e3779b97f4a7c15ull; }
inline uint64_t pair_key(const Scene& s) { return key_of(key_of(s.client.address), key_of(s.server.address) + s.protocol); }

// Shared by the detectors of one judge.
class Shared {
 public:
  Standing standing(const Scene&, const Context&, const Findings&);
  void goes_on(Time now) { if (!first_) first_ = now; }     // since when the judge hears

  // NET-22, once for each server; all that one stand-in takes over is one story.
  void switch_over(const Event&, const Context&, Findings&);

  // What one attack has already been called: a stronger word keeps the weaker ones back for a minute.
  enum Word : uint8_t { sweep, scan, restart, word_count };
  void said(Word w, const Scene& s) { said_.at(pair_key(s)).at[w] = s.time; }
  // The text of a named object or origin, for sentences that are told when its event is long gone.
  void keep_name(uint64_t key, std::string_view text) {
    if (!text.empty() && names_.at(key) != text) names_.at(key) = text;
  }
  std::string_view name(uint64_t key) const {
    const std::string* s = names_.find(key);
    return s ? std::string_view(*s) : std::string_view();
  }
  bool lately(Word w, const Scene& s, Time within = minute) const {
    const Said* p = said_.find(pair_key(s));
    return p && p->at[w] && s.time - p->at[w] <= within;
  }

 private:
  struct Judged { Time at = 0; Standing standing = Standing::unjudged; };
  struct Said { Time at[word_count] = {}; };
  Recent<Judged> judged_;
  struct TakenOver { uint32_t servers = 0; };
  Recent<TakenOver> taken_over_{64};
  Recent<bool> switched_;
  Recent<Said> said_;
  Recent<std::string> names_{4096};
  Time first_ = 0;
};

// How many occurrences to tell now: the first at once, then at most a hundred findings a second for each key.
class Pacer {
 public:
  uint64_t due(uint64_t key, Time now) {
    Row& r = rows_.at(key);
    r.waiting++;
    if (r.told && now - r.told < 10 * millisecond) return 0;
    r.told = now;
    return std::exchange(r.waiting, 0);
  }

 private:
  struct Row { Time told = 0; uint64_t waiting = 0; };
  Recent<Row> rows_;
};

// "Q0 feeder 3 (information object 5101)", or "information object 5101" where the site has no name for it.
std::string object_label(const Context&, const Scene&, uint64_t station, Object, uint32_t count = 1);
std::string seconds_text(Time);                  // "2.4 s"
// "scada (10.10.100.10)": who is declared or learned to ask this server, "nobody that is known" where there is none.
std::string masters_text(const Scene&, const Context&);
// "double command" and the like; "function 99" where it has no name.
std::string function_text(uint16_t protocol, uint16_t function, uint16_t sub_function = 0);

// One step in a command's life with what is known around it.
struct Lived {
  const Outcome& outcome;
  const Context& context;
  Shared& shared;
  const Command& command;
  const SitePoint* point;                        // declared, nullptr none
  const Habit* habit;                            // learned of this master, nullptr none
  Known known;
  Standing standing;
  bool permitted;                                // the master may operate here, or nothing is known of it

  Step step() const { return outcome.step; }
  bool is(std::string_view protocol) const { return protocols[command.scene.protocol]->name == protocol; }
  std::string who() const { return context.text(command.scene.client.address); }
  std::string server() const { return context.text(command.scene.server.address); }
  std::string object() const;
  // "rtu1 (10.10.1.20), common address 11"; MMS has no stations.
  std::string place() const;
  std::string value() const { return value_text(command.asked); }
  Finding finding(const Detection&) const;       // sentences are the rule's
};

// One idea about how commands should live. Hears every step of every command.
class CommandRule {
 public:
  virtual ~CommandRule() = default;
  virtual void see(const Lived&, Findings&) = 0;
  virtual void settle(const JudgeSettings&) {}
  virtual void tick(const Context&, Findings&) {}
};
using CommandRules = std::vector<std::unique_ptr<CommandRule>>;
void add_sweep_rules(CommandRules&, const JudgeSettings&);
void add_select_rules(CommandRules&, const JudgeSettings&);
void add_answer_rules(CommandRules&, const JudgeSettings&);
void add_process_rules(CommandRules&, const JudgeSettings&);
void add_permission_rules(CommandRules&, const JudgeSettings&);

void add_iec104_detectors(Detectors&, const JudgeSettings&, std::shared_ptr<Shared>);
void add_modbus_detectors(Detectors&, const JudgeSettings&, std::shared_ptr<Shared>);
void add_dnp3_detectors(Detectors&, const JudgeSettings&, std::shared_ptr<Shared>);
void add_opcua_detectors(Detectors&, std::shared_ptr<Shared>);
void add_c37118_detectors(Detectors&, const JudgeSettings&);
void add_dlms_detectors(Detectors&);
void add_profinet_detectors(Detectors&, const JudgeSettings&);
void add_mms_detectors(Detectors&, const JudgeSettings&, std::shared_ptr<Shared>);

}  // namespace vidra
