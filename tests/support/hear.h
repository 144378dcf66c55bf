// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "dissectors/protocol.h"
#include "tests/support/hex.h"

namespace vidra {

// One sentence, owned: what a listener was told.
struct Sentence {
  Message head;
  std::vector<Point> points;
  std::map<uint64_t, std::string> texts;   // by the key under which head and points name them

  const std::string& text(uint64_t key) const {
    static const std::string none;
    const auto t = texts.find(key & ~(0xffull << 56));
    return t == texts.end() ? none : t->second;
  }
};

// Keeps what it hears. A further run of the same PDU (`continued`) is joined to its first.
struct Keeper final : Listener {
  std::vector<Sentence> sentences;
  std::vector<Identity> identities;
  std::map<uint64_t, std::string> identity_texts;

  void heard(const Message& m, std::span<const Point> points, Texts texts) override {
    if (!m.continued || sentences.empty()) sentences.push_back({m, {}, {}});
    Sentence& s = sentences.back();
    s.points.insert(s.points.end(), points.begin(), points.end());
    s.head.malformed |= m.malformed;
    s.head.points = uint32_t(s.points.size());
    keep(texts, s.texts);
  }
  void heard(const Identity& who, Texts texts) override {
    identities.push_back(who);
    keep(texts, identity_texts);
  }

 private:
  static void keep(Texts texts, std::map<uint64_t, std::string>& to) {
    bool bad = false;
    Reader r{texts.run(), bad};
    while (r) {
      const uint64_t key = r.le64();
      to.emplace(key, std::string(text_of(r.bytes(r.le16()))));
    }
  }
};

inline const Protocol& protocol_named(std::string_view name) {
  const int i = protocol_index(name);
  if (i < 0) throw std::invalid_argument("no such protocol");
  return *protocols[size_t(i)];
}

// A conversation of one protocol, for tests: say what each side sent, a record at a time, and read what was heard.
class Heard {
 public:
  explicit Heard(std::string_view protocol) : say(keeper_), parser_(protocol_named(protocol).open(pool_)) {}
  ~Heard() { pool_.unmake(parser_); }

  // What this record says; of several sentences the last one is returned, all are in `all`.
  Sentence operator()(Side from, std::string_view octets) {
    keeper_.sentences.clear();
    const auto record = hex(octets);
    parser_->parse(record, from, say);
    all = keeper_.sentences;
    identities = keeper_.identities;
    return all.empty() ? Sentence{} : all.back();
  }
  Parser& parser() { return *parser_; }
  const std::map<uint64_t, std::string>& identity_texts() const { return keeper_.identity_texts; }

  std::vector<Sentence> all;
  std::vector<Identity> identities;

 private:
  Keeper keeper_;
  Pool pool_{16 << 20};

 public:
  Speaker say;

 private:
  Parser* parser_;
};

// Offers octets to a parser as the sensor's streams do, in whatever pieces, and lets it find its records through next().
class Feed {
 public:
  Feed(Parser& parser, Speaker& say) : parser_(parser), say_(say) {}

  void offer(Side from, Bytes octets, bool closed = false) {
    Way& w = way(from);
    const size_t had = w.kept.size();
    if (had == 0) w.segment_start = true;
    w.kept.insert(w.kept.end(), octets.begin(), octets.end());
    size_t at = 0;
    while (at < w.kept.size()) {
      if (w.skip) {
        const size_t n = std::min(w.skip, w.kept.size() - at);
        at += n, w.skip -= n;
        continue;
      }
      const Bytes offered = Bytes(w.kept).subspan(at);
      asked++;
      const Cut cut = parser_.next(from, offered, at == had || (at == 0 && w.segment_start), closed);
      if (cut.kind == Cut::take && cut.n > 0 && cut.n <= offered.size()) {
        w.lost = false;
        records++;
        parser_.parse(offered.first(cut.n), from, say_);
        at += cut.n;
      } else if (cut.kind == Cut::take && cut.n > offered.size() && cut.n <= longest_record) {
        break;                                                         // the rest is awaited
      } else if (cut.kind == Cut::need) {
        if (cut.n <= offered.size()) stalls++;                         // asks for what it has been given
        break;
      } else if (cut.kind == Cut::skip && cut.n > 0) {
        w.skip = cut.n;
      } else {
        if (cut.kind != Cut::lost) stalls++;                           // takes nothing, or more than any record has
        losses += !w.lost;
        w.lost = true;
        at++;
      }
    }
    w.kept.erase(w.kept.begin(), w.kept.begin() + long(at));
    w.segment_start = at == 0 ? w.segment_start : false;
  }
  void gap(Side from, uint64_t n) {
    way(from) = Way{};
    parser_.gap(from, n);
  }
  size_t waiting(Side from) { return way(from).kept.size(); }

  size_t asked = 0, records = 0, losses = 0, stalls = 0;   // stalls: answers with which a stream could not go on

 private:
  struct Way { std::vector<uint8_t> kept; size_t skip = 0; bool lost = false, segment_start = true; };
  Way& way(Side s) { return ways_[s == Side::client ? 0 : 1]; }
  Parser& parser_;
  Speaker& say_;
  Way ways_[2];
};

}  // namespace vidra
