// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "daemon/judge/rules.h"

namespace vidra {

// Whose leave makes a deed right.
enum class Leave : uint8_t {
  nobody,     // wrong whoever does it
  declared,   // a declared conversation or master group that allows such acts; dangerous in itself, so a habit that was
              // learned makes it one notice of severity 2 a day until somebody has approved it
  usual,      // the same, or it was learned: of acts that change something the object, of others the function
  met,        // a conversation in this protocol between the two is declared or learned
};

// One thing that a sentence may say and that not everybody may do: a row of data. Lists are written as text,
// "26-28, 5/1, 0x29": numbers and ranges; of functions also function/sub-function; "" is every one.
struct Deed {
  std::string_view detection;             // its row of the catalogue
  std::string_view protocol;              // as in Protocol::name
  std::string_view functions;
  Leave leave = Leave::usual;
  std::string_view what;                  // a sentence with {client} {server} {station} {object} {value} {function} {reason} {times}
  std::string_view expected;              // the same; {masters} are those that are known to ask this server
  uint8_t roles = Want::requests;
  ActSet acts = all_acts;
  std::string_view reasons = "";          // of Message::reason
  std::string_view object = "";           // a pattern with * and ? for the text of some point's object; case does not matter
  std::string_view value = "";            // numbers of that point, 0 and 1 for false and true
  std::string_view qualifiers = "";       // of that point's qualifier
  enum Flag : uint8_t { refused = 1, malformed = 2, test = 4, simulated = 8, broadcast = 16, encrypted = 32, link = 64 };
  uint8_t flags = 0;                      // all of these; `malformed` rows see only malformed records, `link` rows only the link's frames, others none
  // Told when so many were heard inside the window: `times` and `window` of the detection's thresholds, where it has them.
  enum class Of : uint8_t { messages, objects, functions, stations, servers } of = Of::messages;
  std::string_view text = "";             // a pattern for that point's value: the text, or what people read; case does not matter
  uint32_t bits = 0;                      // one of these is set in Message::qualifier
  bool of_known = false;                  // strangers are told by other detections
  bool daily = false;                     // a state that goes on: once a day for each station
  bool at_once = false;                   // told at the first, whatever the detection's thresholds are
  Act needs = Act::other;                 // the act that a declaration must allow, where the message's own says too little
};

// What a family of protocols can be found doing: its rows of the catalogue, and those that are told by a deed alone. One
// file each (catalogue_net.cc …), one line in families.cc.
struct Family {
  std::string_view title;                 // a heading of docs/ALERTS.md
  std::span<const Detection> rows;        // by number
  std::span<const Deed> deeds = {};
};
extern const std::span<const Family* const> families;

void add_deed_detector(Detectors&, const JudgeSettings&, std::shared_ptr<Shared>);   // hears the deeds of all families
std::string flaw(const Deed&);            // what is wrong with its lists or sentences; "" when nothing is

}  // namespace vidra
