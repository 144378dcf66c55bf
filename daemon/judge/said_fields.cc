// SPDX-License-Identifier: Apache-2.0
#include "daemon/judge/said_fields.h"

#include <fmt/format.h>

#include "dissectors/protocol.h"

namespace vidra {
namespace {

constexpr uint64_t every = ~uint64_t{0};
constexpr uint64_t kind(ObjectKind k) { return uint64_t{1} << unsigned(k); }
constexpr uint32_t station = said_station, origin = said_origin, cause = said_cause, object = said_object, value = said_value, text = said_text, quality = said_quality,
                   qualifier = said_qualifier, refused = said_refused, test = said_test, simulated = said_simulated, broadcast = said_broadcast, encrypted = said_encrypted;
constexpr Said table[] = {
    {"ads", station | cause | object | value | text | qualifier | refused, kind(ObjectKind::named) | kind(ObjectKind::item)},
    {"arp", object | value, kind(ObjectKind::address)},
    {"bacnet", station | origin | cause | object | value | text | qualifier | refused | broadcast | encrypted, kind(ObjectKind::named) |
      kind(ObjectKind::bacnet_object)},
    {"bsap", station | object | value | qualifier, kind(ObjectKind::named) | kind(ObjectKind::item)},
    {"c1222", station | origin | cause | object | text | qualifier | refused | encrypted, kind(ObjectKind::named) | kind(ObjectKind::item)},
    {"c37118", station | cause | object | value | text | quality | qualifier, kind(ObjectKind::channel)},
    {"cdp", object | value | text | qualifier, kind(ObjectKind::named)},
    {"codesys", station | object | text | encrypted, kind(ObjectKind::named)},
    {"dhcp", station | object | value | text | refused, kind(ObjectKind::named)},
    {"digsi", 0, 0},
    {"dlms", station | origin | cause | object | value | text | qualifier | refused | encrypted, kind(ObjectKind::named)},
    {"dnp3", station | origin | cause | object | value | text | quality | qualifier | refused | broadcast | encrypted, kind(ObjectKind::named) |
      kind(ObjectKind::binary_input) | kind(ObjectKind::double_bit_input) | kind(ObjectKind::binary_output) | kind(ObjectKind::counter) |
      kind(ObjectKind::frozen_counter) | kind(ObjectKind::analog_input) | kind(ObjectKind::frozen_analog_input) | kind(ObjectKind::analog_output) |
      kind(ObjectKind::time_and_date) | kind(ObjectKind::event_class) | kind(ObjectKind::file) | kind(ObjectKind::internal_indication) |
      kind(ObjectKind::octet_string) | kind(ObjectKind::virtual_terminal) | kind(ObjectKind::security_statistic) | kind(ObjectKind::authentication) |
      kind(ObjectKind::data_set) | kind(ObjectKind::device_attribute) | kind(ObjectKind::application) | kind(ObjectKind::other_dnp3)},
    {"dns", cause | object | text | qualifier | refused, kind(ObjectKind::named)},
    {"enip", station | cause | object | value | text | qualifier | refused, kind(ObjectKind::named) | kind(ObjectKind::member) |
      kind(ObjectKind::attribute) | kind(ObjectKind::item)},
    {"ethercat", station | cause | object | value | text | qualifier | refused | broadcast, kind(ObjectKind::named) | kind(ObjectKind::memory_area) |
      kind(ObjectKind::parameter) | kind(ObjectKind::item)},
    {"ffhse", station | cause | object | value | text | qualifier | refused, kind(ObjectKind::named) | kind(ObjectKind::item)},
    {"fins", station | cause | object | value | text | qualifier | refused | broadcast, kind(ObjectKind::named) | kind(ObjectKind::memory_area) |
      kind(ObjectKind::item)},
    {"ftp", cause | object | value | text | refused | encrypted, kind(ObjectKind::named) | kind(ObjectKind::address)},
    {"genisys", station | object | value | broadcast, kind(ObjectKind::item)},
    {"gmrp", object, kind(ObjectKind::named)},
    {"goose", station | object | value | text | quality | qualifier | test | simulated | encrypted, kind(ObjectKind::named) | kind(ObjectKind::member)},
    {"hartip", station | cause | object | value | text | quality | qualifier | refused, kind(ObjectKind::named) | kind(ObjectKind::item)},
    {"http", cause | object | text | refused, kind(ObjectKind::named)},
    {"iec101", station | origin | cause | object | value | quality | qualifier | refused | test | broadcast, kind(ObjectKind::information_object) |
      kind(ObjectKind::file)},
    {"iec103", station | cause | object | value | text | quality | qualifier | broadcast, kind(ObjectKind::item)},
    {"iec104", station | origin | cause | object | value | quality | qualifier | refused | test | broadcast |
      encrypted, kind(ObjectKind::information_object) | kind(ObjectKind::file)},
    {"iec62056", station | object | value | text | qualifier | refused, kind(ObjectKind::named)},
    {"igmp", object | text | qualifier, kind(ObjectKind::address)},
    {"kerberos", cause | object | text | qualifier | refused, kind(ObjectKind::named)},
    {"lantronix", object | value | text, kind(ObjectKind::named)},
    {"ldap", cause | object | text | refused | encrypted, kind(ObjectKind::named)},
    {"lldp", object | value | text | qualifier, kind(ObjectKind::named)},
    {"mms", origin | cause | object | value | text | qualifier | refused | test, kind(ObjectKind::named) | kind(ObjectKind::member)},
    {"modbus", station | cause | object | value | text | qualifier | refused | broadcast, kind(ObjectKind::named) | kind(ObjectKind::coil) |
      kind(ObjectKind::discrete_input) | kind(ObjectKind::holding_register) | kind(ObjectKind::input_register) | kind(ObjectKind::file_record) |
      kind(ObjectKind::fifo_queue) | kind(ObjectKind::device_identification) | kind(ObjectKind::memory_area)},
    {"moxa", cause | object | text | refused, kind(ObjectKind::named)},
    {"ntp", cause | object | value | text | qualifier | refused, kind(ObjectKind::named)},
    {"opcua", origin | cause | object | value | text | quality | qualifier | refused | encrypted, kind(ObjectKind::named) | kind(ObjectKind::node) |
      kind(ObjectKind::item)},
    {"pcom", station | object | value | text, kind(ObjectKind::named) | kind(ObjectKind::memory_area)},
    {"powerlink", station | origin | object | value | text | refused | broadcast, kind(ObjectKind::named) | kind(ObjectKind::parameter)},
    {"profinet", cause | object | value | text | qualifier | refused, kind(ObjectKind::named) | kind(ObjectKind::slot) | kind(ObjectKind::item)},
    {"prp", object | text | qualifier, kind(ObjectKind::named)},
    {"ptp", station | origin | cause | object | value | text | qualifier | refused, kind(ObjectKind::named)},
    {"rdp", cause | object | text | qualifier | refused | encrypted, kind(ObjectKind::named)},
    {"roc", station | cause | object | value | text | refused, kind(ObjectKind::named)},
    {"s7", cause | object | value | text | quality | refused, kind(ObjectKind::named) | kind(ObjectKind::data_block) | kind(ObjectKind::memory_area)},
    {"s7plus", cause | object | text | qualifier | refused | encrypted, kind(ObjectKind::named) | kind(ObjectKind::item)},
    {"sel", object | value | qualifier, kind(ObjectKind::named)},
    {"sensor", object | value | text, kind(ObjectKind::capture)},
    {"sercos", object | value, kind(ObjectKind::named)},
    {"slmp", station | cause | object | value | text | qualifier | refused, kind(ObjectKind::named) | kind(ObjectKind::memory_area)},
    {"smb", cause | object | value | text | qualifier | refused | encrypted, kind(ObjectKind::named)},
    {"snmp", cause | object | value | text | quality | qualifier | refused | encrypted, kind(ObjectKind::named)},
    {"spa", station | object | text | refused, kind(ObjectKind::named)},
    {"srtp", cause | object | value | text | qualifier | refused, kind(ObjectKind::named) | kind(ObjectKind::memory_area)},
    {"ssh", cause | object | text | encrypted, kind(ObjectKind::named)},
    {"stp", station | object | value | text | qualifier, kind(ObjectKind::named)},
    {"sv", station | object | value | text | qualifier | simulated | encrypted, kind(ObjectKind::named) | kind(ObjectKind::channel)},
    {"syslog", object | text | qualifier, kind(ObjectKind::named)},
    {"tcp", station | object | text, kind(ObjectKind::named)},
    {"tds", cause | object | value | text | refused | encrypted, kind(ObjectKind::named)},
    {"telnet", object | text | refused | encrypted, kind(ObjectKind::named) | kind(ObjectKind::item)},
    {"tftp", cause | object | text | refused, kind(ObjectKind::named)},
    {"tls", cause | object | value | text | qualifier | refused | encrypted, kind(ObjectKind::named)},
    {"tristation", station | cause | object | value | text | refused, kind(ObjectKind::named)},
    {"udp", station | object | text | qualifier, kind(ObjectKind::named)},
    {"vnc", object | value | text | refused, kind(ObjectKind::named)},
    {"vrrp", station | object | value | qualifier | encrypted, kind(ObjectKind::named) | kind(ObjectKind::address)},
};

}  // namespace

Said said_by(std::string_view protocol) {
  for (const Said& s : table)
    if (s.protocol == protocol) return s;
  return {protocol, ~0u, every};
}

void add_said(Said& s, const Message& m, const Point* points, size_t count) {
  s.fields |= (m.station ? said_station : 0u) | (m.has_origin ? said_origin : 0u) | (m.reason ? said_cause : 0u) | (m.qualifier ? said_qualifier : 0u) | (m.refused ? said_refused : 0u) |
              (m.test ? said_test : 0u) | (m.simulated ? said_simulated : 0u) | (m.broadcast ? said_broadcast : 0u) | (m.encrypted ? said_encrypted : 0u);
  for (size_t i = 0; i < count; i++) {
    const Point& p = points[i];
    if (p.object.kind() != ObjectKind::none) s.fields |= said_object, s.kinds |= uint64_t{1} << unsigned(p.object.kind());
    if (p.has_number() || p.kind == ValueKind::bits) s.fields |= said_value;
    if (p.kind == ValueKind::text) s.fields |= said_text;
    if (p.quality != good) s.fields |= said_quality;
  }
}

std::string list_of(const Said& s) {
  std::string out = "function, act, role, malformed";
  for (size_t i = 0; i < std::size(said_field_names); i++) {
    if (!(s.fields >> i & 1)) continue;
    out += fmt::format(", {}", said_field_names[i]);
    if (1u << i != said_object || s.kinds == every) continue;
    std::string kinds;
    for (size_t k = 1; k < object_kind_count; k++)
      if (s.kinds >> k & 1) kinds += fmt::format("{}{}", kinds.empty() ? "" : ", ", name_of(ObjectKind(k)));
    out += fmt::format(" ({})", kinds);
  }
  return out;
}

}  // namespace vidra
