// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <bit>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

#include "dissectors/reader.h"

namespace vidra {

// Nanoseconds since 1970-01-01 UTC; 0 where there is none.
using Time = int64_t;
inline constexpr Time microsecond = 1'000, millisecond = 1'000'000, second = 1'000'000'000, minute = 60 * second, hour = 60 * minute, day = 24 * hour;

// Who the sender of a PDU is to its answer. Taken from the PDU, not from who opened the connection.
enum class Role : uint8_t { request, response, report };

// What every energy protocol says. `report` is data that nobody asked for in this exchange, or that a publisher repeats;
// `session` opens, keeps or closes a conversation; `run` starts, stops or restarts a device or program.
enum class Act : uint8_t { other, session, identify, browse, read, subscribe, report, write, select, operate, cancel, configure, program, run, file, time, diagnose };
inline constexpr size_t act_count = 17;
std::string_view name_of(Act);
std::string_view name_of(Role);

// What kind of thing a number names. The name of the kind is the field's term (`name_of`).
enum class ObjectKind : uint8_t {
  none,
  named,                    // a text; the key is its hash, the text lies in Texts
  member,                   // (dataset's key, position): which one, Site or a heard directory says. A member that is a structure: its
                            // further values have their number in the position's upper five bits
  channel,                  // (stream, position): sampled values, phasors
  information_object,       // IEC 60870-5
  coil, discrete_input, holding_register, input_register, file_record, fifo_queue, device_identification,       // Modbus
  binary_input, double_bit_input, binary_output, counter, frozen_counter, analog_input, frozen_analog_input,   // DNP3: one kind
  analog_output, time_and_date, event_class, file, internal_indication, octet_string, virtual_terminal,         // for all groups
  security_statistic, authentication, data_set, device_attribute, application, other_dnp3,                       // of one point type
  address,                  // a host's address (ARP: number = IPv4 address)
  data_block, memory_area,  // S7: space = DB or area, number = bit address; other controllers: space = area, number = address
  attribute,                // CIP: space = class, number = instance << 8 | attribute
  bacnet_object,            // space = property, number = type << 22 | instance
  node,                     // OPC UA with a numeric identifier: space = namespace, number = identifier
  slot,                     // PROFINET: space = index, number = slot << 16 | subslot
  parameter,                // EtherCAT CoE, POWERLINK, SERCOS: space = device, number = index << 8 | subindex
  item,                     // of a protocol's own numbering, that has no better name: space and number are its own
  capture,                  // what the sensor says of itself: number = interface
};
inline constexpr size_t object_kind_count = size_t(ObjectKind::capture) + 1;
std::string_view name_of(ObjectKind);

// One object of a station, as a 64-bit key that is the same in every run: kind (8 bits), space (24), number (32), or for
// named objects kind and 56 bits of the name's hash. Two objects are the same if and only if their keys are (names: but for
// hash collisions, 2^-56 a pair).
class Object {
 public:
  constexpr Object() = default;
  constexpr Object(ObjectKind kind, uint32_t number, uint32_t space = 0)
      : key_(uint64_t(kind) << 56 | uint64_t(space & 0xffffff) << 32 | number) {}
  static constexpr Object of_text(uint64_t text_key) { return from_key(uint64_t(ObjectKind::named) << 56 | (text_key & ~(0xffull << 56))); }
  static constexpr Object of_member(uint64_t dataset_key, uint16_t position) {
    return from_key(uint64_t(ObjectKind::member) << 56 | (dataset_key & 0xffffffffffull) << 16 | position);
  }
  static constexpr Object from_key(uint64_t key) { Object o; o.key_ = key; return o; }

  constexpr ObjectKind kind() const { return ObjectKind(key_ >> 56); }
  constexpr uint32_t space() const { return uint32_t(key_ >> 32) & 0xffffff; }
  constexpr uint32_t number() const { return uint32_t(key_); }
  constexpr uint64_t key() const { return key_; }
  constexpr Object at(uint32_t offset) const { return Object(kind(), number() + offset, space()); }  // of a numbered range
  constexpr bool operator==(const Object&) const = default;

 private:
  uint64_t key_ = 0;
};

enum class ValueKind : uint8_t {
  none,
  boolean,        // off/open/false, on/closed/true
  double_point,   // 0 intermediate, 1 off/open, 2 on/closed, 3 faulty (IEC 60870-5-101 7.2.6.2)
  step,           // 1 lower, 2 higher; positions are integers
  integer, natural, real,
  bits,           // as many as Point::width
  time,           // Time
  text,           // key of a text
  octets,         // their number: present, not interpreted
};
std::string_view name_of(ValueKind);

// Quality, one vocabulary for all protocols.
enum Quality : uint32_t {
  good = 0, invalid = 1, questionable = 2, not_topical = 4, substituted = 8, blocked = 16, overflow = 32, out_of_range = 64,
  bad_reference = 128, chatter = 256, failure = 512, inconsistent = 1024, inaccurate = 2048, test_quality = 4096, restarted = 8192,
  communication_lost = 16384, forced_locally = 32768, forced_remotely = 65536, elapsed_time_invalid = 131072,
  counter_adjusted = 262144, counter_carry = 524288, discontinuity = 1048576, offline = 2097152, transient = 4194304,
};
// "invalid,blocked" or "" when good; written into `to`, at most its size; returns what was written.
std::string_view describe_quality(uint32_t quality, std::span<char> to);

enum class TimeKind : uint8_t {
  none,
  full,           // an instant: CP56Time2a, DNP3 48-bit, UTC
  in_hour,        // CP24Time2a: nanoseconds since an hour began that the tag does not name
  relative,       // since a common time that was not heard
};
enum TimeFlag : uint8_t { time_invalid = 1, summer_time = 2, time_substituted = 4, time_unsynchronised = 8 };

// One object's value, as one record said it. 48 octets, plain.
struct Point {
  Object object;
  uint64_t raw = 0;               // the value's bits, see kind
  Time time = 0;                  // the device's own, as written (local time is not shifted); see time_kind
  uint32_t count = 1;             // objects object, object+1, …: more than one only where a range is named without values
  uint32_t quality = good;
  uint32_t qualifier = 0;         // of a command: IEC 104 QU, DNP3 control code | count << 8; else the protocol's own
  uint32_t duration = 0;          // pulse length, ms
  uint16_t form = 0;              // the wire's own form of it: DNP3 group << 8 | variation; 0 where the function says it
  uint16_t status = 0;            // this object's own answer (CROB status, DataAccessError); 0 is success
  ValueKind kind = ValueKind::none;
  TimeKind time_kind = TimeKind::none;
  uint8_t time_flags = 0;
  uint8_t width = 0;              // bits in a `bits` value

  void set(bool v) { kind = ValueKind::boolean; raw = v; }
  void set_double_point(unsigned v) { kind = ValueKind::double_point; raw = v & 3; }
  void set_step(unsigned v) { kind = ValueKind::step; raw = v; }
  void set_integer(int64_t v) { kind = ValueKind::integer; raw = uint64_t(v); }
  void set_natural(uint64_t v) { kind = ValueKind::natural; raw = v; }
  void set_real(double v) { kind = ValueKind::real; raw = std::bit_cast<uint64_t>(v); }
  void set_bits(uint64_t v, unsigned n) { kind = ValueKind::bits; raw = v; width = uint8_t(n); }
  void set_time(Time v) { kind = ValueKind::time; raw = uint64_t(v); }
  void set_text(uint64_t key) { kind = ValueKind::text; raw = key; }
  void set_octets(uint64_t n) { kind = ValueKind::octets; raw = n; }

  bool has_number() const { return kind >= ValueKind::boolean && kind <= ValueKind::real; }
  double number() const {         // for comparison with limits; 0 where there is none
    switch (kind) {
      case ValueKind::real: return std::bit_cast<double>(raw);
      case ValueKind::integer: return double(int64_t(raw));
      case ValueKind::boolean: case ValueKind::double_point: case ValueKind::step: case ValueKind::natural: return double(raw);
      default: return 0;
    }
  }
};
static_assert(std::is_trivially_copyable_v<Point> && sizeof(Point) == 48);

// The head of the sentence: what one PDU says, plain values, no pointers, no opinion. Its Points and Texts go with it.
struct Message {
  uint64_t station = 0;           // common address, unit identifier, outstation's link address; or the key of a name
  uint64_t origin = 0;            // who the sender says is behind it: originator address, DNP3 master, key of orIdent; see has_origin
  uint64_t digest = 0;            // of a command's object octets without select/execute, so that select and operate compare
  uint32_t tag = 0;               // pairs an answer with its question: transaction, invoke id, application sequence, ctlNum
  uint32_t qualifier = 0;         // of the PDU: QOI, QCC, QRP, Check bits, IIN (DNP3), sub-code
  uint32_t sequence = 0;          // the link's own: IEC 104 N(S) << 16 | N(R); GOOSE sqNum
  uint32_t points = 0;            // in this run
  uint16_t function = 0;          // the protocol's own number; its name is in Protocol::functions
  uint16_t sub_function = 0;
  uint16_t reason = 0;            // cause of transmission, exception code, AddCause: the protocol's own number; 0 none
  Role role = Role::request;
  Act act = Act::other;
  uint8_t frame = 0;              // index into Protocol::frames (IEC 104: I, S, U)
  bool link = false;              // belongs to the link below the application (S and U frames, DNP3 link control): no PDU
  bool refused = false;           // the device answered no
  bool malformed = false;         // the octets break the protocol's own rules
  bool test = false;              // the test bit
  bool simulated = false;
  bool encrypted = false;         // present, authenticated or secured: said by name, kept opaque
  bool broadcast = false;
  bool midstream = false;         // the conversation was joined in the middle
  bool after_gap = false;         // octets were lost just before
  bool unpaired = false;          // an answer whose question was not heard
  bool continued = false;         // a further run of points of the same PDU
  bool has_origin = false;
  bool retained = false;          // file or segment contents follow that were counted, not said
};
static_assert(std::is_trivially_copyable_v<Message> && sizeof(Message) <= 80);

// The texts of one sentence: a run of (key, length, octets), borrowed for the call. At most `limit` octets of a text are
// kept; its key is taken over all of it.
class Texts {
 public:
  static constexpr size_t limit = 129;   // ISO 9506 / IEC 61850-8-1: object references have at most 129 characters
  Texts() = default;
  explicit Texts(Bytes run) : run_(run) {}
  std::string_view find(uint64_t key) const;   // "" when it is not there
  std::string_view find_low(uint64_t key) const;   // by the lower 40 bits, as members have them of their data set
  Bytes run() const { return run_; }

 private:
  Bytes run_;
};
uint64_t text_key(std::string_view);           // 56 bits, the same in every run

// What a device tells about itself. Each field is the key of a text, 0 where it was not said.
struct Identity {
  uint64_t station = 0;
  uint64_t vendor = 0, product = 0, model = 0, firmware = 0, serial = 0, name = 0, url = 0;
};
static_assert(std::is_trivially_copyable_v<Identity>);

// Text of a sentence's parts, for people. Written into `to`; returns what was written.
std::string_view describe_object(Object, const Texts&, std::span<char> to);
std::string_view describe_value(const Point&, const Texts&, std::span<char> to);

}  // namespace vidra
