// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "daemon/record/header.h"

namespace vidra {

// Bodies of the messages that the two ends speak about the records, as small JSON objects. `body_of` writes one; `read`
// fills one and is false when the body is no such object. Keys that are not known are passed over, missing ones keep
// their defaults. 64-bit numbers that are not counts (epochs) are written as text: not every reader of JSON has them.

// Where one stream of records, (epoch, lane), stands.
struct StreamState {
  uint64_t epoch = 0;
  uint8_t lane = 0;
  uint64_t first = 0, last = 0;    // HELLO: held by the sensor; first > last when nothing is
  uint64_t durable = 0;            // WELCOME, ACK: everything up to here is in the journal
  uint32_t credit = 0;             // WELCOME, ACK: how many may follow `durable` unacknowledged; 0 pauses
};

struct Hello {
  uint32_t protocol_from = 1, protocol_to = 1;
  std::string software, boot_id, instance;   // instance: random, one per run of the sensor
  std::string name, site, contact;
  std::string policy;                        // id of what leaves the site
  std::string sign_key;                      // Ed25519, hexadecimal
  uint64_t attempt = 0;                      // counts the HELLOs of this run; WELCOME says which one it answers
  std::vector<StreamState> streams;
};

struct Welcome {
  uint32_t protocol = 1;
  uint64_t attempt = 0;                      // of the HELLO that this answers
  std::string software, contact;
  int64_t wall_ns = 0;
  std::vector<StreamState> streams;
};

enum class NoteCode : uint8_t { none, pending_approval, revoked, suspended, over_quota, unsupported, maintenance, rewind, hello_first, clone, identity, diverged };
std::string_view name_of(NoteCode);
struct Note {
  NoteCode code = NoteCode::none;
  std::string text;
};

struct Ack {
  std::vector<StreamState> streams;
};

// What a lane can no longer deliver. from = to = 0: records that never got a number.
struct Gap {
  uint64_t epoch = 0;
  uint8_t lane = 0;
  uint64_t from = 0, to = 0;
  std::string reason;                          // evicted, corrupt, disk-full, wiped, restored, policy
  std::map<std::string, uint64_t> classes;     // how many of which kind, where known
  std::map<std::string, uint64_t> detections;  // how many alerts and updates of which detection, where known
  int64_t first_ns = 0, last_ns = 0;           // wall times of the oldest and newest lost, 0 unknown
};

// NTP's four times (RFC 5905, 8): who asks fills t1, who answers t2 and t3, who asks takes t4 on arrival.
struct Ping {
  bool answer = false;
  int64_t t1 = 0, t2 = 0, t3 = 0;
};

struct Bye {
  std::string reason;
};

std::string body_of(const Hello&);
std::string body_of(const Welcome&);
std::string body_of(const Note&);
std::string body_of(const Ack&);
std::string body_of(const Gap&);
std::string body_of(const Ping&);
std::string body_of(const Bye&);
bool read(Bytes, Hello&);
bool read(Bytes, Welcome&);
bool read(Bytes, Note&);
bool read(Bytes, Ack&);
bool read(Bytes, Gap&);
bool read(Bytes, Ping&);
bool read(Bytes, Bye&);

// False when JSON text nests deeper than `depth` or is longer than `length`: asked before any parser sees it.
bool modest(Bytes json, size_t length = 64 * 1024, size_t depth = 16);
// The detection that a record's body names (rule.id, or a text "detection"), "" when there is none: what evicted alerts were about.
std::string detection_in(Bytes body);

}  // namespace vidra
