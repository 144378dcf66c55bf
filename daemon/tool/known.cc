// SPDX-License-Identifier: Apache-2.0
#include "daemon/tool/known.h"

#include <fmt/format.h>

#include "daemon/base/text.h"
#include "daemon/judge/detector.h"
#include "daemon/report/words.h"

namespace vidra {

std::string Who::text() const {
  const std::string a = text_of(address);
  return name.empty() || name == a ? a : fmt::format("{} ({})", printable(name), a);
}

Who who_is(const Address& a, const Site& site, const Memory& memory) {
  Who w;
  w.address = a;
  w.id = site.host_of(a);
  if (w.id) w.name = site.host(w.id).name;
  else if (const HostMemory* h = memory.host(a)) w.name = h->name;
  return w;
}

Who who_is(const std::string& text, const Site& site, const Memory& memory) {
  if (const HostId id = site.host_named(text)) {
    const SiteHost& h = site.host(id);
    Who w;
    w.id = id, w.name = h.name;
    w.address = !h.addresses.empty() ? h.addresses[0] : Address::of(h.macs[0]);
    return w;
  }
  if (const auto a = parse_address(text)) return who_is(*a, site, memory);
  for (const HostMemory& h : memory.hosts())
    if (!h.name.empty() && h.name == text) return who_is(h.address, site, memory);
  return {};
}

std::vector<std::string> names_of(const Site& site, const Memory& memory) {
  std::vector<std::string> names;
  for (const SiteHost& h : site.hosts) names.push_back(h.name);
  for (const HostMemory& h : memory.hosts())
    if (!h.name.empty()) names.push_back(h.name);
  return names;
}

namespace {
std::vector<std::string_view> act_words(ActSet set) {
  std::vector<std::string_view> words;
  if (set & reading_acts) words.emplace_back("reading");
  for (size_t i = 0; i < act_count; i++)
    if (set & changing_acts & bit(Act(i))) words.push_back(name_of(Act(i)));
  return words;
}
}  // namespace

std::string acts_text(ActSet set) { return set == all_acts ? "everything" : fmt::format("{}", fmt::join(act_words(set), ", ")); }

std::string acts_toml(ActSet set) {
  std::string out = "[";
  for (const std::string_view w : act_words(set)) out += fmt::format("{}\"{}\"", out.size() > 1 ? ", " : "", w);
  return out + "]";
}

std::optional<Act> act_named(std::string_view s) {
  for (size_t i = 0; i < act_count; i++)
    if (name_of(Act(i)) == s) return Act(i);
  return std::nullopt;
}

std::string days_text(Time first, Time last) {
  if (!first) return "on an unknown day";
  const std::string from = iso_time(first, 0).substr(0, 10), to = iso_time(last, 0).substr(0, 10);
  return !last || from == to ? "on " + from : fmt::format("{} to {}", from, to);
}

std::string station_words(uint16_t protocol, uint64_t station) { return station_text(protocol, station); }

}  // namespace vidra
