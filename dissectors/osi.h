// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>

#include "dissectors/ber.h"

// What lies between the transport and MMS: session (ISO 8327-1), presentation (ISO 8823-1) and association control (ISO 8650-1),
// as far as IEC 61850-8-1 and TASE.2 use them.
namespace vidra::osi {

enum class Spdu : uint8_t {
  none = 0, data = 1, prepare = 7, not_finished = 8, finish = 9, disconnect = 10, refuse = 12, connect = 13, accept = 14, abort = 25, abort_accept = 26
};
enum class Ppdu : uint8_t { none, connect, accept, refuse, user_data, user_abort, provider_abort };
enum class Apdu : uint8_t { none, aarq, aare, rlrq, rlre, abrt };

// What an association shows of who asks; the value itself is never kept.
enum class Authentication : uint8_t { none, password, empty_password, certificate, other };

// One TSDU, its layers taken off. All octets are borrowed from it.
struct Heard {
  bool malformed = false;
  Spdu spdu = Spdu::none;
  Ppdu ppdu = Ppdu::none;
  Apdu apdu = Apdu::none;
  Authentication authentication = Authentication::none;
  uint8_t result = 0;             // AARE: 0 accepted, 1 rejected for good, 2 for now
  uint8_t diagnostic = 0;         // AARE: result-source-diagnostic; ABRT: its source
  uint8_t reason = 0;             // refuse, abort: the session's reason; presentation's provider reason
  Bytes calling_title, called_title;   // AARQ: AP titles, as object identifiers
  uint32_t context = 0;           // presentation context of `user`
  Bytes user;                     // the PDU above: one element of MMS
  size_t more = 0;                // further presentation data values behind it, not said
};

// Which presentation context means what, as far as it was heard to be defined.
class Contexts {
 public:
  enum Kind : uint8_t { unknown, acse, mms, foreign };
  Kind of(uint32_t id) const { return id < kinds_.size() ? kinds_[id] : unknown; }
  void define(uint32_t id, Kind k) { if (id < kinds_.size()) kinds_[id] = k; }
  void forget() { kinds_ = {}; }

 private:
  std::array<Kind, 32> kinds_{};
};

Heard hear(Bytes tsdu, Contexts&);

}  // namespace vidra::osi
