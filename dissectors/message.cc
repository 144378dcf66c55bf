// SPDX-License-Identifier: Apache-2.0
#include "dissectors/message.h"

#include <array>
#include <cstdio>

#include "dissectors/bacnet_names.h"
#include "dissectors/memory_area.h"
#include "dissectors/protocol.h"
#include "dissectors/short_text.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace vidra {
namespace {

constexpr std::array<std::string_view, act_count> acts = {
    "other", "session", "identify", "browse", "read", "subscribe", "report", "write", "select",
    "operate", "cancel", "configure", "program", "run", "file", "time", "diagnose"};

constexpr std::array<std::string_view, object_kind_count> kinds = {
    "", "", "member", "channel", "information object",
    "coil", "discrete input", "holding register", "input register", "file record", "FIFO queue", "identification",
    "binary input", "double-bit input", "binary output", "counter", "frozen counter", "analog input", "frozen analog input",
    "analog output", "time and date", "event class", "file", "internal indication", "octet string", "virtual terminal",
    "security statistic", "authentication", "data set", "device attribute", "application", "object",
    "address", "data block", "memory area", "attribute", "BACnet object", "node", "slot", "parameter", "item", "interface"};

constexpr std::array<std::string_view, 11> value_kinds = {
    "none", "boolean", "double point", "step", "integer", "natural", "real", "bits", "time", "text", "octets"};

constexpr std::array<std::string_view, 23> qualities = {
    "invalid", "questionable", "not topical", "substituted", "blocked", "overflow", "out of range", "bad reference",
    "chatter", "failure", "inconsistent", "inaccurate", "test", "restarted", "communication lost", "forced locally",
    "forced remotely", "elapsed time invalid", "counter adjusted", "counter carry", "discontinuity", "offline", "transient"};

std::string_view written(std::span<char> to, int n) {
  if (n < 0 || to.empty()) return {};
  return {to.data(), std::min(size_t(n), to.size() - 1)};
}

}  // namespace

std::string_view name_of(Act a) { return size_t(a) < acts.size() ? acts[size_t(a)] : "other"; }
std::string_view name_of(Role r) { return r == Role::request ? "request" : r == Role::response ? "response" : "report"; }
std::string_view name_of(ObjectKind k) { return size_t(k) < kinds.size() ? kinds[size_t(k)] : ""; }
std::string_view name_of(ValueKind k) { return size_t(k) < value_kinds.size() ? value_kinds[size_t(k)] : ""; }

std::string_view describe_quality(uint32_t quality, std::span<char> to) {
  size_t used = 0;
  for (size_t i = 0; i < qualities.size(); i++) {
    if (!(quality >> i & 1)) continue;
    const std::string_view word = qualities[i];
    if (used + word.size() + 1 > to.size()) break;
    if (used) to[used++] = ',';
    std::memcpy(to.data() + used, word.data(), word.size());
    used += word.size();
  }
  return {to.data(), used};
}

[[gnu::always_inline]] static inline uint64_t hash_of(std::string_view s) { return XXH3_64bits(s.data(), s.size()) & ~(0xffull << 56); }
uint64_t text_key(std::string_view s) { return hash_of(s); }

// A text lies as its key (8 octets), the length kept (2) and the octets.
std::string_view Texts::find(uint64_t key) const {
  bool bad = false;
  Reader r{run_, bad};
  while (r) {
    const uint64_t k = r.le64();
    const Bytes kept = r.bytes(r.le16());
    if (!bad && k == key) return text_of(kept);
  }
  return {};
}

std::string_view Texts::find_low(uint64_t key) const {
  bool bad = false;
  Reader r{run_, bad};
  while (r) {
    const uint64_t k = r.le64();
    const Bytes kept = r.bytes(r.le16());
    if (!bad && (k & 0xffffffffffull) == key) return text_of(kept);
  }
  return {};
}

[[gnu::always_inline]] inline void Speaker::keep(uint64_t key, std::string_view s) {
  const size_t kept = std::min(s.size(), Texts::limit), used = text_used_;
  if (used + 10 + kept > text_octets) [[unlikely]] return;
  Kept* const table = kept_.get();
  const uint64_t round = round_;
  for (size_t i = 0; i < kept_size; i++) {           // at most half of them are ever used
    Kept& k = table[(key + i) & (kept_size - 1)];
    if (k.round != round) {
      k = {key, round};
      break;
    }
    if (k.key == key) return;
  }
  uint8_t* const at = texts_.get() + used;
  const uint16_t n = uint16_t(kept);
  std::memcpy(at, &key, 8);
  std::memcpy(at + 8, &n, 2);
  copy_text(at + 10, s.data(), kept);
  text_used_ = used + 10 + kept;
}

uint64_t Speaker::text(std::string_view s) {
  const uint64_t key = hash_of(s);
  keep(key, s);
  return key;
}

void Speaker::label(Object o, std::string_view name) { keep(o.key() & ~(0xffull << 56), name); }

void Speaker::flush() {
  head_.points = uint32_t(used_);
  to_->heard(head_, {points_.get(), used_}, Texts({texts_.get(), text_used_}));
  head_.continued = true;
  used_ = 0;
}

void Speaker::end() {
  head_.midstream |= midstream;
  head_.after_gap |= after_gap;
  head_.points = uint32_t(used_);
  to_->heard(head_, {points_.get(), used_}, Texts({texts_.get(), text_used_}));
}

std::string_view describe_object(Object o, const Texts& texts, std::span<char> to) {
  switch (o.kind()) {
    case ObjectKind::none: return {};
    case ObjectKind::named: {
      const std::string_view name = texts.find(o.key() & ~(0xffull << 56));
      if (name.empty()) return written(to, std::snprintf(to.data(), to.size(), "name %014llx", (unsigned long long)(o.key() & ~(0xffull << 56))));
      return written(to, std::snprintf(to.data(), to.size(), "%.*s", int(name.size()), name.data()));
    }
    case ObjectKind::member:
      if (const std::string_view label = texts.find(o.key() & ~(0xffull << 56)); !label.empty())
        return written(to, std::snprintf(to.data(), to.size(), "%.*s", int(label.size()), label.data()));
      if (const std::string_view of = texts.find_low(o.key() >> 16 & 0xffffffffffull); !of.empty()) {
        const unsigned position = unsigned(o.key() & 0x7ff), part = unsigned(o.key() >> 11 & 0x1f);
        if (part) return written(to, std::snprintf(to.data(), to.size(), "%.*s[%u].%u", int(of.size()), of.data(), position, part));
        return written(to, std::snprintf(to.data(), to.size(), "%.*s[%u]", int(of.size()), of.data(), position));
      }
      return written(to, std::snprintf(to.data(), to.size(), "member %u of %010llx", unsigned(o.key() & 0xffff), (unsigned long long)(o.key() >> 16 & 0xffffffffffull)));
    case ObjectKind::channel:
      if (const std::string_view label = texts.find(o.key() & ~(0xffull << 56)); !label.empty())
        return written(to, std::snprintf(to.data(), to.size(), "%.*s", int(label.size()), label.data()));
      return written(to, std::snprintf(to.data(), to.size(), "channel %u", o.number()));   // its space is the stream, said beside it
    case ObjectKind::address: {
      const uint32_t a = o.number();
      return written(to, std::snprintf(to.data(), to.size(), "%u.%u.%u.%u", a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255));
    }
    case ObjectKind::attribute:                                         // CIP; attribute 0 is the instance
      if (o.number() & 0xff) return written(to, std::snprintf(to.data(), to.size(), "class 0x%02X instance %u attribute %u", o.space(), o.number() >> 8, o.number() & 0xff));
      return written(to, std::snprintf(to.data(), to.size(), "class 0x%02X instance %u", o.space(), o.number() >> 8));
    case ObjectKind::data_block:                                        // STEP 7: bit 3 of octet 10 of block 5
      return written(to, std::snprintf(to.data(), to.size(), "DB%u.DBX%u.%u", o.space(), o.number() >> 3, o.number() & 7));
    case ObjectKind::node:                                              // OPC 10000-6, 5.3.1.10
      if (o.space()) return written(to, std::snprintf(to.data(), to.size(), "ns=%u;i=%u", o.space(), o.number()));
      return written(to, std::snprintf(to.data(), to.size(), "i=%u", o.number()));
    case ObjectKind::bacnet_object: {                                      // "analog-output 3 present-value"
      const uint32_t type = o.number() >> 22, instance = o.number() & 0x3fffff, property = o.space();
      const std::string_view what = bacnet::object_type(type), of = bacnet::property(property);
      int n = what.empty() ? std::snprintf(to.data(), to.size(), "object-type-%u %u", type, instance) : std::snprintf(to.data(), to.size(), "%.*s %u", int(what.size()), what.data(), instance);
      if (property == bacnet::whole_object) return written(to, n);
      const size_t used = written(to, n).size();
      const std::span<char> rest = to.subspan(used);
      n = of.empty() ? std::snprintf(rest.data(), rest.size(), " property %u", property) : std::snprintf(rest.data(), rest.size(), " %.*s", int(of.size()), of.data());
      return {to.data(), used + written(rest, n).size()};
    }
    case ObjectKind::memory_area:
      if (o.space() >> 16) return describe_memory_area(o, to);
      [[fallthrough]];
    default: {
      if (const std::string_view label = texts.find(o.key() & ~(0xffull << 56)); !label.empty())
        return written(to, std::snprintf(to.data(), to.size(), "%.*s", int(label.size()), label.data()));
      const std::string_view kind = name_of(o.kind());
      if (o.space()) return written(to, std::snprintf(to.data(), to.size(), "%.*s %u.%u", int(kind.size()), kind.data(), o.space(), o.number()));
      return written(to, std::snprintf(to.data(), to.size(), "%.*s %u", int(kind.size()), kind.data(), o.number()));
    }
  }
}

std::string_view describe_value(const Point& p, const Texts& texts, std::span<char> to) {
  if (p.object.kind() == ObjectKind::bacnet_object && p.form == 0x10c) return describe_object(Object(ObjectKind::bacnet_object, uint32_t(p.raw), bacnet::whole_object), texts, to);
  switch (p.kind) {
    case ValueKind::none: return {};
    case ValueKind::boolean: return p.raw ? "on" : "off";
    case ValueKind::double_point: {
      constexpr std::string_view states[] = {"intermediate", "off", "on", "faulty"};
      return states[p.raw & 3];
    }
    case ValueKind::step: return p.raw == 1 ? "lower" : p.raw == 2 ? "higher" : "no step";
    case ValueKind::integer: return written(to, std::snprintf(to.data(), to.size(), "%lld", (long long)int64_t(p.raw)));
    case ValueKind::natural: return written(to, std::snprintf(to.data(), to.size(), "%llu", (unsigned long long)p.raw));
    case ValueKind::real: return written(to, std::snprintf(to.data(), to.size(), "%.7g", std::bit_cast<double>(p.raw)));
    case ValueKind::bits: return written(to, std::snprintf(to.data(), to.size(), "0x%llx", (unsigned long long)p.raw));
    case ValueKind::time: {
      const int64_t seconds = int64_t(p.raw) / second, rest = int64_t(p.raw) % second;
      return written(to, std::snprintf(to.data(), to.size(), "time %lld.%03lld", (long long)seconds, (long long)(rest / millisecond)));
    }
    case ValueKind::text: {
      const std::string_view s = texts.find(p.raw);
      return written(to, std::snprintf(to.data(), to.size(), "\"%.*s\"", int(s.size()), s.data()));
    }
    case ValueKind::octets: return written(to, std::snprintf(to.data(), to.size(), "%llu octets", (unsigned long long)p.raw));
  }
  return {};
}

std::string_view function_name(const Protocol& p, uint16_t function, uint16_t sub) {
  std::string_view any;
  size_t low = 0, high = p.functions.size();
  while (low < high) {
    const size_t mid = (low + high) / 2;
    if (p.functions[mid].number < function) low = mid + 1; else high = mid;
  }
  for (; low < p.functions.size() && p.functions[low].number == function; low++) {
    if (p.functions[low].sub == sub) return p.functions[low].name;
    if (p.functions[low].sub == 0xffff) any = p.functions[low].name;
  }
  return any;
}

int protocol_index(std::string_view name) {
  for (size_t i = 0; i < protocols.size(); i++)
    if (protocols[i]->name == name) return int(i);
  return -1;
}

}  // namespace vidra
