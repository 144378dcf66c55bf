// SPDX-License-Identifier: Apache-2.0
#include "daemon/judge/finding.h"

#include <fmt/format.h>

#include <algorithm>

#include "daemon/judge/detector.h"

namespace vidra {

std::string Context::name(const Address& a) const {
  if (const HostId id = site.host_of(a)) return site.host(id).name;
  if (const HostMemory* m = memory.host(a)) return m->name;
  return {};
}

Party Context::party(HostId id) const {
  const SiteHost& h = site.host(id);
  return {!h.addresses.empty() ? h.addresses.front() : !h.macs.empty() ? Address::of(h.macs.front()) : Address{}, h.name};
}

std::string Context::text(const Address& a) const {
  const std::string known = name(a), address = text_of(a);
  return known.empty() || known == address ? address : fmt::format("{} ({})", known, address);
}

double JudgeSettings::number(const Detection& d, std::string_view key) const {
  if (const auto set = detections.find(d.id); set != detections.end())
    if (const auto n = set->second.numbers.find(key); n != set->second.numbers.end()) return n->second;
  for (const Threshold& t : d.thresholds)
    if (t.key == key) return t.value;
  fmt::print(stderr, "vidra: {} has no threshold {}\n", d.id, key);
  std::abort();
}

std::string station_text(uint16_t protocol, uint64_t station) {
  const std::string_view p = protocol < protocols.size() ? protocols[protocol]->name : "";
  if (p == "iec104") return station == 0xffff ? "common address 65535 (all)" : fmt::format("common address {}", station);
  if (p == "modbus") return fmt::format("unit {}", station);
  if (p == "dnp3") return station >= 0xfffd ? fmt::format("outstation {} (all)", station) : fmt::format("outstation {}", station);
  if (p == "tcp" || p == "udp" || p == "arp" || p == "sensor" || p.empty() || !station) return {};
  return fmt::format("station {}", station);
}

std::string object_text(Object o, uint32_t count, const Texts& texts) {
  char room[192];
  std::string s(describe_object(o, texts, room));
  if (count > 1 && o.kind() != ObjectKind::named) {
    const size_t kind = std::min(s.rfind(' '), s.size());                  // "holding registers 30-33"
    s = fmt::format("{}s{}-{}", std::string_view(s).substr(0, kind), std::string_view(s).substr(kind), uint64_t(o.number()) + count - 1);
  }
  return s;
}

std::string value_text(const Point& p, const Texts& texts) {
  char room[192];
  return std::string(describe_value(p, texts, room));
}

Finding finding(const Detection& d, const Event& e, const Context& c) {
  Finding f;
  f.detection = &d;
  f.severity = d.severity;
  f.scene = e.scene;
  const bool asks = !e.said || e.said->role == Role::request || e.scene.from == Side::client;
  const Endpoint& source = asks ? e.scene.client : e.scene.speaker();
  const Endpoint& target = asks ? e.scene.server : e.scene.listener();
  f.source = c.party(source.address);
  f.target = c.party(target.address);
  if (e.said) {
    f.station = station_text(e.scene.protocol, e.said->station);
    f.act = e.said->act;
    if (!e.points.empty()) {
      f.object = object_text(e.points[0].object, e.points[0].count, e.texts);
      if (!c.site.windows.empty())
        if (const SitePoint* p = c.site.point(c.site.host_of(e.scene.server.address), e.scene.protocol, e.said->station, e.points[0].object)) f.bay = p->bay;
    }
  }
  return f;
}

}  // namespace vidra
