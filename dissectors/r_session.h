// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "dissectors/protocol.h"

// The session of R-GOOSE and R-SV over UDP 102: IEC 61850-8-1:2011+A1:2020 (edition 2.1), G; IEC TR 61850-90-5:2012, 8. Behind a
// connectionless transport header (ISO 8602: 01 40) lies
//
//   SI │ LI │ 80 │ LI │ SPDU length (4) │ SPDU number (4) │ version (2) │ time of current key (4) │ time to next key (2) │
//      │ version 1: algorithms (2), key identifier (4) · version 2: key identifier (4), n and an initialization vector of n │
//      payload's length (4) │ payload │ signature: 85, LI, an HMAC
//
// and a payload is: tag │ simulation (1) │ APPID (2) │ length (2) │ APDU. Keys travel by GDOI, not here.
namespace vidra::r_session {

enum Kind : uint8_t { tunnel = 0xa0, goose = 0xa1, sampled_values = 0xa2, management = 0xa3 };
enum Payload : uint8_t { goose_payload = 0x81, sv_payload = 0x82, tunnel_payload = 0x83, management_payload = 0x84 };

// Whether a record is one of these and not a layer-2 frame's octets (APPID 0x0140 and a length above 40,960 that it has not).
inline bool begins(Bytes b) { return b.size() >= 4 && b[0] == 0x01 && b[1] == 0x40 && b[2] >= tunnel && b[2] <= management && size_t{b[2]} << 8 > b.size(); }

struct Session {
  uint8_t kind = 0;
  uint32_t number = 0;         // of the SPDU
  uint16_t version = 0;
  uint32_t key_time = 0;       // of the current key, seconds since 1970
  uint16_t next_key = 0;       // minutes to the next one; 0: not said
  uint32_t key = 0;            // its identifier
  uint8_t cipher = 0;          // version 1: algorithm of encryption, 0 none
  bool ciphered = false;       // the payload is
  bool is_signed = false;
  Bytes payload;
};

// Reads up to and including the signature; `r`'s flag tells whether all of it was there.
inline Session read(Reader& r) {
  Session s;
  r.require(r.u8() == 0x01);
  r.require(r.u8() == 0x40);
  s.kind = r.u8();
  Reader all = r.sub(r.u8());
  r.require(all.u8() == 0x80);
  Reader head = all.sub(all.u8());
  const uint32_t length = head.be32();
  r.require(length == head.left() + all.left() + r.left());
  s.number = head.be32();
  s.version = head.be16();
  s.key_time = head.be32();
  s.next_key = head.be16();
  const bool algorithms = s.version < 2 && head.left() == 6;
  if (algorithms) {
    s.cipher = head.u8();
    s.is_signed = head.u8() != 0;
    s.ciphered = s.cipher != 0;
  }
  s.key = head.be32();
  if (!algorithms) {
    const uint8_t n = head ? head.u8() : uint8_t{0};
    head.skip(n);
    s.ciphered = n != 0;                                  // its use is told by the key (GDOI): a vector is there to encrypt
  }
  head.rest(), all.rest();
  const uint32_t n = r.be32();
  s.payload = r.bytes(n);
  if (r) {
    r.require(r.u8() == 0x85);
    r.skip(r.u8());
    s.is_signed = true;
    r.finish();
  }
  return s;
}

// Structure enough to be sure: the headers' lengths fit each other and the datagram.
inline bool looks_like(Bytes b, uint8_t kind) {
  bool bad = false;
  Reader r{b, bad};
  if (!begins(b) || b[2] != kind) return false;
  r.skip(3);
  const uint8_t outer = r.u8(), tag = r.u8(), inner = r.u8();
  const uint32_t length = r.be32();
  return !bad && tag == 0x80 && outer == inner + 2 && inner >= 20 && length + 10 == b.size();
}

}  // namespace vidra::r_session
