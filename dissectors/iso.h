// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>

#include "dissectors/protocol.h"

// ISO transport over TCP: TPKT (RFC 1006, 6) around TPDUs of class 0 (ISO/IEC 8073, X.224). Shared by what rides on port 102:
//
//   struct Foo final : Parser {
//     explicit Foo(Pool& pool) : transport_(pool) {}
//     Cut next(Side from, Bytes octets, bool segment_start, bool) override { return transport_.next(from, octets, segment_start); }
//     void parse(Bytes record, Side from, Speaker& say) override {
//       const iso::Heard h = transport_.hear(record, from);
//       if (h.kind != iso::Tpdu::data || h.malformed) return iso::say(h, from, say);   // CR, CC, DR, …: `iso::functions`
//       if (h.whole) tsdu(h.tsdu, h.torn, from, say);                                  // else: its end is awaited
//     }
//     void gap(Side from, uint64_t) override { transport_.gap(from); }
//
// A record is one TPKT; parts of a TSDU wait in a buffer of the pool, taken with the second-but-last part and given back.
namespace vidra::iso {

// X.224, 13.1: the code of a TPDU, its upper four bits.
enum class Tpdu : uint8_t {
  none = 0, expedited = 1, expedited_acknowledgement = 2, reject = 5, acknowledgement = 6, error = 7, disconnect = 8,
  disconnect_confirm = 12, confirm = 13, request = 14, data = 15
};

// What one TPKT brought.
struct Heard {
  Tpdu kind = Tpdu::none;
  bool malformed = false;
  bool whole = false;        // data: a TSDU ends here, it lies in `tsdu`
  bool torn = false;         // data: the TSDU may lack its beginning (joined in the middle, octets lost) or its end (longer than `longest_tsdu`)
  bool opening = false;      // disconnect, error: the connection had not been confirmed
  uint8_t reason = 0;        // disconnect: X.224, 13.5.3; error: 13.12.3
  uint8_t size = 0;          // request, confirm: the TPDU size proposed, as a power of two; 0: not said
  uint16_t destination = 0, source = 0;   // references of request, confirm, disconnect
  Bytes tsdu;                // data: valid until the next call. Else: user data
  Bytes calling, called;     // request, confirm: TSAPs
};

class Transport {
 public:
  static constexpr size_t longest_tsdu = Pool::largest;
  explicit Transport(Pool& pool) : pool_(&pool) {}
  ~Transport() { for (Way& w : way_) pool_->give(w.kept); }
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  // The TPKT that starts here: version 3, reserved 0, 7 to 65,535 octets. Out of step it takes only what has a TPDU in it.
  Cut next(Side, Bytes octets, bool segment_start);
  Heard hear(Bytes tpkt, Side from);
  void gap(Side);            // what waits for its end is over

 private:
  struct Way {
    uint8_t* kept = nullptr;
    size_t used = 0, room = 0;
    bool seeking = false, torn = true, partial = false, overflowed = false;
  };
  static size_t index(Side s) { return s == Side::client ? 0 : 1; }
  void data(Way&, bool last, Bytes part, Heard&);
  void keep(Way&, Bytes);
  Pool* pool_;
  std::array<Way, 2> way_;
  bool open_ = false;
};

// Rows for Protocol::functions, to stand behind a protocol's own: numbers 768 + code.
inline constexpr uint16_t first_function = 768;
inline constexpr Function functions[] = {
    {769, 0xffff, "COTP ED expedited data", Act::session},
    {770, 0xffff, "COTP EA expedited acknowledgement", Act::session},
    {773, 0xffff, "COTP RJ reject", Act::session},
    {774, 0xffff, "COTP AK acknowledgement", Act::session},
    {775, 0xffff, "COTP ER error", Act::session},
    {776, 0xffff, "COTP DR disconnect request", Act::session},
    {780, 0xffff, "COTP DC disconnect confirm", Act::session},
    {781, 0xffff, "COTP CC connection confirm", Act::session},
    {782, 0xffff, "COTP CR connection request", Act::session},
    {783, 0xffff, "COTP DT data", Act::session},
};
// `rows`, with those of the transport behind them, for a protocol whose own numbers are below 768.
template <size_t n> constexpr auto with_transport(const Function (&rows)[n]) {
  std::array<Function, n + std::size(functions)> all{};
  for (size_t i = 0; i < n; i++) all[i] = rows[i];
  for (size_t i = 0; i < std::size(functions); i++) all[n + i] = functions[i];
  return all;
}
template <size_t n> constexpr auto with_transport(const std::array<Function, n>& rows) {
  std::array<Function, n + std::size(functions)> all{};
  for (size_t i = 0; i < n; i++) all[i] = rows[i];
  for (size_t i = 0; i < std::size(functions); i++) all[n + i] = functions[i];
  return all;
}

// Message::reason of the transport's sentences: these, plus the number. "" for all others.
inline constexpr uint16_t disconnect_reasons = 0x700, error_causes = 0x800;
std::string_view reason(uint16_t);

// Says a TPDU that is no data, or a TPKT that is none: link, act session; tag: the reference of who asked; TSAPs as texts.
void say(const Heard&, Side from, Speaker&, uint8_t frame = 0);   // frame: Message::frame of a protocol that names them

// The first octets of one direction, for recognisers.
struct Glimpse {
  bool framed = false;       // TPKTs and TPDUs of class 0 without exception; the last may be cut short
  bool requests = false, confirms = false;   // begins with CR, with CC
  Bytes calling, called;     // of these
  size_t parts = 0;          // data TPDUs
  Bytes first;               // user data of the first data TPDU, as far as it is there
};
Glimpse glimpse(Bytes octets);

// What a protocol above makes of the first octets of one direction, and what follows from both.
struct Evidence { bool sure = false, possible = true, asks = false, answers = false, connects = false, confirms = false; };
Recognised recognise(Bytes up, Bytes down, Carrier, Evidence (*look)(Bytes));

}  // namespace vidra::iso
