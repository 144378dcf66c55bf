// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "dissectors/reader.h"

namespace vidra {

using SensorId = std::array<uint8_t, 16>;   // a UUID's octets
using Hash = std::array<uint8_t, 32>;       // BLAKE2b-256

// What a record or a control message is about (docs/LINK.md, "Messages"). Numbers are the wire's.
enum class MessageType : uint8_t {
  none = 0, hello = 1, welcome = 2, note = 3, alert = 4, update = 5, health = 6, asset = 7, gap = 8, checkpoint = 9, ack = 10, ping = 11,
  verdict = 12, offer = 13, offer_status = 14, evidence_request = 15, evidence = 16, enrol = 17, enrol_status = 18, key_change = 19, drill = 20, bye = 21,
};
std::string_view name_of(MessageType);

enum class Lane : uint8_t { critical = 0, alert = 1, state = 2 };
inline constexpr size_t lane_count = 3;
std::string_view name_of(Lane);

namespace record_flag {
inline constexpr uint8_t zstd = 1, test = 2, redacted = 4, relayed = 8, aggregated = 16, evidence = 32;
}

enum class ClockState : uint8_t { free_running, ntp, ptp, gnss };

// The 128 octets before every body, little-endian. A collector can check, authorise, order and acknowledge by them alone.
struct Header {
  MessageType type = MessageType::none;
  uint8_t flags = 0;          // record_flag
  uint8_t lane = 0;           // 0 critical, 1 alert, 2 state
  uint8_t prio = 0;           // 0 to 100
  SensorId sensor{};
  uint64_t epoch = 0;         // the outbox's birth; changes when it was lost or cloned
  uint64_t seq = 0;           // per (sensor, epoch, lane), gap-free from 1; 0 in control messages
  int64_t wall_ns = 0;        // UTC at creation
  uint64_t mono_ns = 0;       // since boot: keeps the order when the clock is stepped
  ClockState clock = ClockState::free_running;
  uint32_t clock_error = 0;   // 24 bits, in 100 µs
  uint32_t body_len = 0;
  Hash prev{};                // `self` of the record before it in this lane, zeros before the first
  Hash self{};                // BLAKE2b-256 over the header's first 96 octets and the body
};
inline constexpr size_t header_size = 128;
inline constexpr uint32_t max_body = 1u << 20;

using HeaderBytes = std::array<uint8_t, header_size>;
HeaderBytes encode(const Header&);

enum class HeaderFlaw : uint8_t { none, size, magic, type, lane, prio, clock, body_length, hash };
std::string_view name_of(HeaderFlaw);

// Reads a header and checks every field that has a range; not the hash.
HeaderFlaw decode(Bytes, Header&);
// Reads and checks header and body together, hash included.
HeaderFlaw check(Bytes header, Bytes body, Header&);
// Fills body_len and self; call it last.
void seal(Header&, Bytes body);
Hash self_of(const Header&, Bytes body);

// "crp:SENSOR:EPOCH:LANE:SEQ": the sensor as a UUID, the rest as decimal numbers.
std::string record_id(const Header&);
std::string record_id(const SensorId&, uint64_t epoch, uint8_t lane, uint64_t seq);
// UUID version 5 (RFC 4122, 4.3) of a text in the URL name space: the same in every export.
std::string uuid_of(std::string_view text);
std::string uuid_text(const SensorId&);
// False when the text is no UUID.
bool parse_uuid(std::string_view, SensorId&);
std::string hex_text(Bytes);
bool parse_hex(std::string_view, std::span<uint8_t> out);

// A birth number for an outbox: 32 random bits, then wall seconds.
uint64_t new_epoch(int64_t wall_ns);

}  // namespace vidra
