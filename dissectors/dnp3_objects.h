// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>

#include "dissectors/message.h"

// The object library of DNP3 (IEEE 1815-2012, Annex A): every group and variation, how it lies on the wire, and which kind of
// point it speaks of. Groups of one point type share an ObjectKind, so that g1 and g2 index 5 are the same Object.
namespace vidra::dnp3 {

// How the objects of a form follow each other.
enum class Layout : uint8_t {
  header_only,      // no octets: classes
  bits, pairs,      // packed, one or two bits an object, each run filled up to an octet
  fixed,            // `size` octets each
  by_variation,     // the variation is the length in octets
  sized,            // of any length: the prefix says it, or the object is the rest
  attribute,        // data type, length, value (A.2)
  registration,     // vendor, object id, length, octets (A.30)
};
enum class Flags : uint8_t { none, binary, counter, analog, state, status };   // the first octet; state: commanded state and status, status: status alone
enum class Value : uint8_t { none, bit, pair, u8, u16, u32, i16, i32, f32, f64, bcd, time, seconds, milliseconds, crob, schedule, fill, opaque };
enum class Stamp : uint8_t { none, absolute, relative };                       // the last 6 or 2 octets
enum class Tail : uint8_t { none, status };                                    // a command's own status follows its value

struct Form {
  uint8_t group, variation;
  Layout layout;
  ObjectKind kind;
  std::string_view name;
  Flags flags = Flags::none;
  Value value = Value::none;
  Stamp stamp = Stamp::none;
  Tail tail = Tail::none;
  uint8_t size = 0;                // octets of a `fixed` object
};

namespace form_detail {
constexpr uint8_t octets(Value v) {
  switch (v) {
    case Value::u8: return 1;
    case Value::u16: case Value::i16: case Value::seconds: case Value::milliseconds: return 2;
    case Value::u32: case Value::i32: case Value::f32: return 4;
    case Value::f64: return 8;
    case Value::time: return 6;
    case Value::schedule: return 10;
    case Value::crob: return 10;
    case Value::fill: return 3;
    default: return 0;             // in the flags, or counted by the row
  }
}

constexpr Form fixed(int group, int variation, ObjectKind kind, Flags flags, Value value, Stamp stamp, std::string_view name, Tail tail = Tail::none, int more = 0) {
  const int size = (flags != Flags::none) + octets(value) + (stamp == Stamp::absolute ? 6 : stamp == Stamp::relative ? 2 : 0) + (tail == Tail::status) + more;
  return {uint8_t(group), uint8_t(variation), Layout::fixed, kind, name, flags, value, stamp, tail, uint8_t(size)};
}
constexpr Form other(int group, int variation, ObjectKind kind, Layout layout, std::string_view name) {
  const Value v = layout == Layout::bits ? Value::bit : layout == Layout::pairs ? Value::pair : layout == Layout::header_only ? Value::none : Value::opaque;
  return {uint8_t(group), uint8_t(variation), layout, kind, name, Flags::none, v};
}
}  // namespace form_detail

// Sorted by group and variation; the variations of a group have no holes (checked below). Groups whose variation is a length
// or an attribute's number stand once, with variation 0.
inline constexpr auto forms = [] {
  using namespace form_detail;
  using enum ObjectKind;
  constexpr auto bits = Layout::bits, pairs = Layout::pairs, by_variation = Layout::by_variation, sized = Layout::sized, class_only = Layout::header_only;
  constexpr auto no = Flags::none;
  constexpr auto bin = Flags::binary, cnt = Flags::counter, ana = Flags::analog;
  constexpr auto at = Stamp::absolute, since = Stamp::relative, timeless = Stamp::none;
  constexpr auto u16 = Value::u16, u32 = Value::u32, i16 = Value::i16, i32 = Value::i32, f32 = Value::f32, f64 = Value::f64, bit = Value::bit, pair = Value::pair;
  constexpr auto status = Tail::status;
  return std::to_array<Form>({
      other(0, 0, device_attribute, Layout::attribute, "device attribute"),

      other(1, 1, binary_input, bits, "binary input, packed"),
      fixed(1, 2, binary_input, bin, bit, timeless, "binary input with flags"),
      fixed(2, 1, binary_input, bin, bit, timeless, "binary input event"),
      fixed(2, 2, binary_input, bin, bit, at, "binary input event with time"),
      fixed(2, 3, binary_input, bin, bit, since, "binary input event with relative time"),
      other(3, 1, double_bit_input, pairs, "double-bit input, packed"),
      fixed(3, 2, double_bit_input, bin, pair, timeless, "double-bit input with flags"),
      fixed(4, 1, double_bit_input, bin, pair, timeless, "double-bit input event"),
      fixed(4, 2, double_bit_input, bin, pair, at, "double-bit input event with time"),
      fixed(4, 3, double_bit_input, bin, pair, since, "double-bit input event with relative time"),

      other(10, 1, binary_output, bits, "binary output, packed"),
      fixed(10, 2, binary_output, bin, bit, timeless, "binary output status with flags"),
      fixed(11, 1, binary_output, bin, bit, timeless, "binary output event"),
      fixed(11, 2, binary_output, bin, bit, at, "binary output event with time"),
      fixed(12, 1, binary_output, no, Value::crob, timeless, "control relay output block", status),
      fixed(12, 2, binary_output, no, Value::crob, timeless, "pattern control block", status),
      other(12, 3, binary_output, bits, "pattern mask"),
      fixed(13, 1, binary_output, Flags::state, bit, timeless, "binary output command event"),
      fixed(13, 2, binary_output, Flags::state, bit, at, "binary output command event with time"),

      fixed(20, 1, counter, cnt, u32, timeless, "counter, 32-bit with flag"),
      fixed(20, 2, counter, cnt, u16, timeless, "counter, 16-bit with flag"),
      fixed(20, 3, counter, cnt, u32, timeless, "delta counter, 32-bit with flag"),
      fixed(20, 4, counter, cnt, u16, timeless, "delta counter, 16-bit with flag"),
      fixed(20, 5, counter, no, u32, timeless, "counter, 32-bit"),
      fixed(20, 6, counter, no, u16, timeless, "counter, 16-bit"),
      fixed(20, 7, counter, no, u32, timeless, "delta counter, 32-bit"),
      fixed(20, 8, counter, no, u16, timeless, "delta counter, 16-bit"),
      fixed(21, 1, frozen_counter, cnt, u32, timeless, "frozen counter, 32-bit with flag"),
      fixed(21, 2, frozen_counter, cnt, u16, timeless, "frozen counter, 16-bit with flag"),
      fixed(21, 3, frozen_counter, cnt, u32, timeless, "frozen delta counter, 32-bit with flag"),
      fixed(21, 4, frozen_counter, cnt, u16, timeless, "frozen delta counter, 16-bit with flag"),
      fixed(21, 5, frozen_counter, cnt, u32, at, "frozen counter, 32-bit with flag and time"),
      fixed(21, 6, frozen_counter, cnt, u16, at, "frozen counter, 16-bit with flag and time"),
      fixed(21, 7, frozen_counter, cnt, u32, at, "frozen delta counter, 32-bit with flag and time"),
      fixed(21, 8, frozen_counter, cnt, u16, at, "frozen delta counter, 16-bit with flag and time"),
      fixed(21, 9, frozen_counter, no, u32, timeless, "frozen counter, 32-bit"),
      fixed(21, 10, frozen_counter, no, u16, timeless, "frozen counter, 16-bit"),
      fixed(21, 11, frozen_counter, no, u32, timeless, "frozen delta counter, 32-bit"),
      fixed(21, 12, frozen_counter, no, u16, timeless, "frozen delta counter, 16-bit"),
      fixed(22, 1, counter, cnt, u32, timeless, "counter event, 32-bit with flag"),
      fixed(22, 2, counter, cnt, u16, timeless, "counter event, 16-bit with flag"),
      fixed(22, 3, counter, cnt, u32, timeless, "delta counter event, 32-bit with flag"),
      fixed(22, 4, counter, cnt, u16, timeless, "delta counter event, 16-bit with flag"),
      fixed(22, 5, counter, cnt, u32, at, "counter event, 32-bit with flag and time"),
      fixed(22, 6, counter, cnt, u16, at, "counter event, 16-bit with flag and time"),
      fixed(22, 7, counter, cnt, u32, at, "delta counter event, 32-bit with flag and time"),
      fixed(22, 8, counter, cnt, u16, at, "delta counter event, 16-bit with flag and time"),
      fixed(23, 1, frozen_counter, cnt, u32, timeless, "frozen counter event, 32-bit with flag"),
      fixed(23, 2, frozen_counter, cnt, u16, timeless, "frozen counter event, 16-bit with flag"),
      fixed(23, 3, frozen_counter, cnt, u32, timeless, "frozen delta counter event, 32-bit with flag"),
      fixed(23, 4, frozen_counter, cnt, u16, timeless, "frozen delta counter event, 16-bit with flag"),
      fixed(23, 5, frozen_counter, cnt, u32, at, "frozen counter event, 32-bit with flag and time"),
      fixed(23, 6, frozen_counter, cnt, u16, at, "frozen counter event, 16-bit with flag and time"),
      fixed(23, 7, frozen_counter, cnt, u32, at, "frozen delta counter event, 32-bit with flag and time"),
      fixed(23, 8, frozen_counter, cnt, u16, at, "frozen delta counter event, 16-bit with flag and time"),

      fixed(30, 1, analog_input, ana, i32, timeless, "analog input, 32-bit with flag"),
      fixed(30, 2, analog_input, ana, i16, timeless, "analog input, 16-bit with flag"),
      fixed(30, 3, analog_input, no, i32, timeless, "analog input, 32-bit"),
      fixed(30, 4, analog_input, no, i16, timeless, "analog input, 16-bit"),
      fixed(30, 5, analog_input, ana, f32, timeless, "analog input, single precision with flag"),
      fixed(30, 6, analog_input, ana, f64, timeless, "analog input, double precision with flag"),
      fixed(31, 1, frozen_analog_input, ana, i32, timeless, "frozen analog input, 32-bit with flag"),
      fixed(31, 2, frozen_analog_input, ana, i16, timeless, "frozen analog input, 16-bit with flag"),
      fixed(31, 3, frozen_analog_input, ana, i32, at, "frozen analog input, 32-bit with time of freeze"),
      fixed(31, 4, frozen_analog_input, ana, i16, at, "frozen analog input, 16-bit with time of freeze"),
      fixed(31, 5, frozen_analog_input, no, i32, timeless, "frozen analog input, 32-bit"),
      fixed(31, 6, frozen_analog_input, no, i16, timeless, "frozen analog input, 16-bit"),
      fixed(31, 7, frozen_analog_input, ana, f32, timeless, "frozen analog input, single precision with flag"),
      fixed(31, 8, frozen_analog_input, ana, f64, timeless, "frozen analog input, double precision with flag"),
      fixed(32, 1, analog_input, ana, i32, timeless, "analog input event, 32-bit"),
      fixed(32, 2, analog_input, ana, i16, timeless, "analog input event, 16-bit"),
      fixed(32, 3, analog_input, ana, i32, at, "analog input event, 32-bit with time"),
      fixed(32, 4, analog_input, ana, i16, at, "analog input event, 16-bit with time"),
      fixed(32, 5, analog_input, ana, f32, timeless, "analog input event, single precision"),
      fixed(32, 6, analog_input, ana, f64, timeless, "analog input event, double precision"),
      fixed(32, 7, analog_input, ana, f32, at, "analog input event, single precision with time"),
      fixed(32, 8, analog_input, ana, f64, at, "analog input event, double precision with time"),
      fixed(33, 1, frozen_analog_input, ana, i32, timeless, "frozen analog input event, 32-bit"),
      fixed(33, 2, frozen_analog_input, ana, i16, timeless, "frozen analog input event, 16-bit"),
      fixed(33, 3, frozen_analog_input, ana, i32, at, "frozen analog input event, 32-bit with time"),
      fixed(33, 4, frozen_analog_input, ana, i16, at, "frozen analog input event, 16-bit with time"),
      fixed(33, 5, frozen_analog_input, ana, f32, timeless, "frozen analog input event, single precision"),
      fixed(33, 6, frozen_analog_input, ana, f64, timeless, "frozen analog input event, double precision"),
      fixed(33, 7, frozen_analog_input, ana, f32, at, "frozen analog input event, single precision with time"),
      fixed(33, 8, frozen_analog_input, ana, f64, at, "frozen analog input event, double precision with time"),
      // A deadband is a setting of the input, not its value: an Object of its own, space = the group.
      fixed(34, 1, other_dnp3, no, u16, timeless, "analog input deadband, 16-bit"),
      fixed(34, 2, other_dnp3, no, u32, timeless, "analog input deadband, 32-bit"),
      fixed(34, 3, other_dnp3, no, f32, timeless, "analog input deadband, single precision"),

      fixed(40, 1, analog_output, ana, i32, timeless, "analog output status, 32-bit with flag"),
      fixed(40, 2, analog_output, ana, i16, timeless, "analog output status, 16-bit with flag"),
      fixed(40, 3, analog_output, ana, f32, timeless, "analog output status, single precision with flag"),
      fixed(40, 4, analog_output, ana, f64, timeless, "analog output status, double precision with flag"),
      fixed(41, 1, analog_output, no, i32, timeless, "analog output, 32-bit", status),
      fixed(41, 2, analog_output, no, i16, timeless, "analog output, 16-bit", status),
      fixed(41, 3, analog_output, no, f32, timeless, "analog output, single precision", status),
      fixed(41, 4, analog_output, no, f64, timeless, "analog output, double precision", status),
      fixed(42, 1, analog_output, ana, i32, timeless, "analog output event, 32-bit"),
      fixed(42, 2, analog_output, ana, i16, timeless, "analog output event, 16-bit"),
      fixed(42, 3, analog_output, ana, i32, at, "analog output event, 32-bit with time"),
      fixed(42, 4, analog_output, ana, i16, at, "analog output event, 16-bit with time"),
      fixed(42, 5, analog_output, ana, f32, timeless, "analog output event, single precision"),
      fixed(42, 6, analog_output, ana, f64, timeless, "analog output event, double precision"),
      fixed(42, 7, analog_output, ana, f32, at, "analog output event, single precision with time"),
      fixed(42, 8, analog_output, ana, f64, at, "analog output event, double precision with time"),
      fixed(43, 1, analog_output, Flags::status, i32, timeless, "analog output command event, 32-bit"),
      fixed(43, 2, analog_output, Flags::status, i16, timeless, "analog output command event, 16-bit"),
      fixed(43, 3, analog_output, Flags::status, i32, at, "analog output command event, 32-bit with time"),
      fixed(43, 4, analog_output, Flags::status, i16, at, "analog output command event, 16-bit with time"),
      fixed(43, 5, analog_output, Flags::status, f32, timeless, "analog output command event, single precision"),
      fixed(43, 6, analog_output, Flags::status, f64, timeless, "analog output command event, double precision"),
      fixed(43, 7, analog_output, Flags::status, f32, at, "analog output command event, single precision with time"),
      fixed(43, 8, analog_output, Flags::status, f64, at, "analog output command event, double precision with time"),

      fixed(50, 1, time_and_date, no, Value::time, timeless, "time and date"),
      fixed(50, 2, time_and_date, no, Value::schedule, timeless, "time and date with interval"),
      fixed(50, 3, time_and_date, no, Value::time, timeless, "time and date at last recorded time"),
      fixed(50, 4, time_and_date, no, Value::schedule, timeless, "time and date, indexed, with long interval", Tail::none, 1),
      fixed(51, 1, time_and_date, no, Value::time, timeless, "common time of occurrence, synchronised"),
      fixed(51, 2, time_and_date, no, Value::time, timeless, "common time of occurrence, unsynchronised"),
      fixed(52, 1, time_and_date, no, Value::seconds, timeless, "time delay, coarse"),
      fixed(52, 2, time_and_date, no, Value::milliseconds, timeless, "time delay, fine"),

      other(60, 1, event_class, class_only, "class 0 data"),
      other(60, 2, event_class, class_only, "class 1 data"),
      other(60, 3, event_class, class_only, "class 2 data"),
      other(60, 4, event_class, class_only, "class 3 data"),

      other(70, 1, file, sized, "file identifier"),
      other(70, 2, file, sized, "file authentication"),
      other(70, 3, file, sized, "file command"),
      other(70, 4, file, sized, "file command status"),
      other(70, 5, file, sized, "file transport"),
      other(70, 6, file, sized, "file transport status"),
      other(70, 7, file, sized, "file descriptor"),
      other(70, 8, file, sized, "file specification string"),

      other(80, 1, internal_indication, bits, "internal indications, packed"),
      fixed(81, 1, other_dnp3, no, Value::fill, timeless, "storage buffer fill status"),
      other(82, 1, other_dnp3, sized, "device profile"),
      other(83, 1, other_dnp3, Layout::registration, "private registration"),
      other(83, 2, other_dnp3, Layout::registration, "private registration descriptor"),
      other(85, 1, data_set, sized, "data set prototype"),
      other(86, 1, data_set, sized, "data set descriptor, contents"),
      fixed(86, 2, data_set, no, Value::u8, timeless, "data set descriptor, characteristics"),
      other(86, 3, data_set, sized, "data set descriptor, point index attributes"),
      other(87, 1, data_set, sized, "data set, present value"),
      other(88, 1, data_set, sized, "data set event"),
      other(90, 1, application, sized, "application identifier"),
      other(91, 1, application, sized, "status of requested operation"),

      fixed(101, 1, other_dnp3, no, Value::bcd, timeless, "binary-coded decimal, small", Tail::none, 2),
      fixed(101, 2, other_dnp3, no, Value::bcd, timeless, "binary-coded decimal, medium", Tail::none, 4),
      fixed(101, 3, other_dnp3, no, Value::bcd, timeless, "binary-coded decimal, large", Tail::none, 8),
      fixed(102, 1, other_dnp3, no, Value::u8, timeless, "unsigned integer, 8-bit"),

      other(110, 0, octet_string, by_variation, "octet string"),
      other(111, 0, octet_string, by_variation, "octet string event"),
      other(112, 0, virtual_terminal, by_variation, "virtual terminal output"),
      other(113, 0, virtual_terminal, by_variation, "virtual terminal event"),

      other(120, 1, authentication, sized, "authentication challenge"),
      other(120, 2, authentication, sized, "authentication reply"),
      fixed(120, 3, authentication, no, Value::opaque, timeless, "aggressive mode request", Tail::none, 6),
      fixed(120, 4, authentication, no, Value::opaque, timeless, "session key status request", Tail::none, 2),
      other(120, 5, authentication, sized, "session key status"),
      other(120, 6, authentication, sized, "session key change"),
      other(120, 7, authentication, sized, "authentication error"),
      other(120, 8, authentication, sized, "user certificate"),
      other(120, 9, authentication, sized, "message authentication code"),
      other(120, 10, authentication, sized, "user status change"),
      other(120, 11, authentication, sized, "update key change request"),
      other(120, 12, authentication, sized, "update key change reply"),
      other(120, 13, authentication, sized, "update key change"),
      other(120, 14, authentication, sized, "update key change signature"),
      other(120, 15, authentication, sized, "update key change confirmation"),
      fixed(121, 1, security_statistic, cnt, u32, timeless, "security statistic, 32-bit with flag", Tail::none, 2),
      fixed(122, 1, security_statistic, cnt, u32, timeless, "security statistic event, 32-bit with flag", Tail::none, 2),
      fixed(122, 2, security_statistic, cnt, u32, at, "security statistic event, 32-bit with flag and time", Tail::none, 2),
  });
}();

namespace form_detail {
struct Run { uint16_t first = 0; uint8_t variations = 0; bool any = false; };   // any: one row for all variations
inline constexpr auto runs = [] {
  std::array<Run, 256> of{};
  for (size_t i = 0; i < forms.size(); i++) {
    Run& g = of[forms[i].group];
    if (!g.variations && !g.any) g.first = uint16_t(i);
    if (forms[i].variation == 0) g.any = true;
    else g.variations = forms[i].variation;
  }
  return of;
}();
static_assert([] {
  for (size_t i = 0; i < forms.size(); i++) {
    const Form& f = forms[i];
    if (f.variation && runs[f.group].first + f.variation - 1u != i) return false;
    if (f.layout == Layout::fixed && f.size == 0) return false;
  }
  return true;
}(), "variations follow each other from 1; what is fixed has a size");
}  // namespace form_detail

// The form of a group's variation, nullptr where the standard has none. Variation 0 ("any", in requests) has none either.
constexpr const Form* form_of(uint8_t group, uint8_t variation) {
  const form_detail::Run& g = form_detail::runs[group];
  if (g.any) return &forms[g.first];
  return variation && variation <= g.variations ? &forms[g.first + variation - 1u] : nullptr;
}

// The kind of point a group speaks of: other_dnp3 where the standard has no such group.
constexpr ObjectKind kind_of(uint8_t group) {
  const form_detail::Run& g = form_detail::runs[group];
  return g.any || g.variations ? forms[g.first].kind : ObjectKind::other_dnp3;
}

// What a device attribute (group 0) tells, by its variation (Table A-1); "" where the standard gives none.
constexpr std::string_view attribute_name(uint8_t variation) {
  constexpr auto names = std::to_array<std::string_view>({
      "configuration id", "configuration version", "configuration build date", "configuration last changed",                  // 196
      "configuration signature", "configuration signature algorithm", "master resource id", "altitude", "longitude", "latitude",   // 200
      "secondary operator", "primary operator", "system name", "secure authentication version", "security statistics per association",   // 206
      "user-specific attribute sets", "data set prototypes of the master", "data set prototypes of the outstation",                 // 211
      "data sets of the master", "data sets of the outstation", "binary outputs per request", "local timing accuracy",              // 214
      "duration of timing accuracy", "analog output events", "highest analog output index", "analog outputs",                        // 218
      "binary output events", "highest binary output index", "binary outputs", "frozen counter events", "frozen counters",           // 222
      "counter events", "highest counter index", "counters", "frozen analog inputs", "analog input events",                          // 227
      "highest analog input index", "analog inputs", "double-bit input events", "highest double-bit input index",                    // 232
      "double-bit inputs", "binary input events", "highest binary input index", "binary inputs", "largest fragment sent",            // 236
      "largest fragment received", "software version", "hardware version", "owner", "location", "identifier", "device name",         // 241
      "serial number", "subset and conformance", "product and model", "", "manufacturer", "", "all attributes", "list of attributes"});   // 248
  static_assert(names.size() == 256 - 196);
  return variation < 196 ? std::string_view{} : names[variation - 196u];
}

// "analog input event, 16-bit with time" of Point::form; "" where the standard has no such object.
constexpr std::string_view form_name(uint16_t form) {
  if (form >> 8 == 0) return attribute_name(uint8_t(form));
  const Form* f = form_of(uint8_t(form >> 8), uint8_t(form));
  return f ? f->name : std::string_view{};
}

}  // namespace vidra::dnp3
