// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/target.h"

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "tests/support/hear.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#endif
#endif
#ifndef ASAN_POISON_MEMORY_REGION
#define ASAN_POISON_MEMORY_REGION(at, n) (static_cast<void>(at), static_cast<void>(n))
#define ASAN_UNPOISON_MEMORY_REGION(at, n) (static_cast<void>(at), static_cast<void>(n))
#endif

namespace vidra {
namespace {

void demand(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "broken rule: %s\n", what);
  std::abort();
}

// Counts what is said, and puts every value into words as people will read it.
struct Reading final : Listener {
  size_t sentences = 0, points = 0;
  const Protocol* protocol = nullptr;

  void heard(const Message& m, std::span<const Point> all, Texts texts) override {
    sentences++;
    points += all.size();
    demand(m.points == all.size(), "the head counts its points");
    demand(protocol->frames.empty() ? m.frame == 0 : m.frame < protocol->frames.size(), "the frame has a name");
    function_name(*protocol, m.function, m.sub_function);
    if (protocol->reason) protocol->reason(m.reason);
    char words[48];
    for (const Point& p : all.first(std::min<size_t>(all.size(), 16))) {
      demand(describe_object(p.object, texts, words).size() <= sizeof words, "an object's name fits");
      demand(describe_value(p, texts, words).size() <= sizeof words, "a value fits");
      demand(describe_quality(p.quality, words).size() <= sizeof words, "a quality fits");
    }
  }
  void heard(const Identity&, Texts) override { sentences++; }
};

// Lends each piece of an input a place with nothing readable before, behind and, once it is given back, in it. Places go round,
// so that what is kept of a piece too long is seen.
class Places {
 public:
  Places() { ASAN_POISON_MEMORY_REGION(room_, sizeof room_); }
  bool has_room(size_t n) const { return at_ + n + guard <= sizeof room_; }
  void begin_again() { at_ = guard; }        // all are back
  Bytes lend(Bytes octets) {
    uint8_t* const place = room_ + at_;
    at_ += (octets.size() + guard + 7) & ~size_t{7};
    ASAN_UNPOISON_MEMORY_REGION(place, octets.size());
    std::copy(octets.begin(), octets.end(), place);
    return {place, octets.size()};
  }
  void back(Bytes lent) { ASAN_POISON_MEMORY_REGION(lent.data(), lent.size()); }

 private:
  static constexpr size_t guard = 64;
  alignas(64) uint8_t room_[512 * 1024];
  size_t at_ = guard;
};

}  // namespace

void play(const Protocol& protocol, Bytes input) {
  static Reading reading;
  static Speaker say(reading);   // as in a worker, they outlive every conversation
  static Pool pool(4 << 20);
  reading.protocol = &protocol;
  Parser* parser = protocol.open(pool);
  demand(parser != nullptr, "a conversation opens");
  Feed feed(*parser, say);
  static Places places;
  Bytes last[2];                 // what each side sent before
  bool bad = false;
  Reader r{input, bad};
  while (r) {
    const uint8_t head = r.u8();
    const uint16_t length = r.le16();
    const Side from = head & 1 ? Side::server : Side::client;
    say.time += (head >> 3 & 15) * 50 * millisecond;
    const Piece what = Piece(head & 6);
    if (what == Piece::gap) { feed.gap(from, length); continue; }
    const Bytes octets = r.bytes(std::min<size_t>(length, r.left()));
    if (!places.has_room(octets.size())) {
      for (Bytes& piece : last) places.back(std::exchange(piece, {}));
      places.begin_again();
    }
    const Bytes own = places.lend(octets);
    const size_t waiting = feed.waiting(from), sentences = reading.sentences, points = reading.points;
    size_t heard = own.size();
    switch (what) {
      case Piece::record: parser->parse(own, from, say); break;
      case Piece::stream: feed.offer(from, own, head & 0x80), heard += waiting; break;
      default:
        if (protocol.recognises)
          for (Carrier c : {Carrier::tcp, Carrier::udp, Carrier::ethertype, Carrier::llc, Carrier::ip}) protocol.recognises(own, last[head & 1 ? 0 : 1], c);
    }
    demand(reading.sentences - sentences <= heard + 16, "no more sentences than octets");
    demand(reading.points - points <= 16 * heard + 256, "points are bounded by octets");
    demand(feed.stalls == 0, "next() goes on");
    demand(feed.waiting(from) <= longest_record, "octets do not pile up");
    places.back(std::exchange(last[head & 1], own));
  }
  for (Bytes piece : last) places.back(piece);
  for (Side side : {Side::client, Side::server}) parser->end(side, say);
  pool.unmake(parser);
  demand(pool.used() == 0, "a parser gives its memory back");
}

}  // namespace vidra
