// SPDX-License-Identifier: Apache-2.0
#include "daemon/judge/publisher_watch.h"

#include <fmt/format.h>

#include <algorithm>

#include "dissectors/facts.h"

namespace vidra {

bool KnownPublisher::from(const Context& c, const Address& source) const {
  if (site && c.site.publishes(*site, source)) return true;
  return !site && learned && std::find(learned->sources.begin(), learned->sources.end(), source) != learned->sources.end();
}

std::string KnownPublisher::sources(const Context& c) const {
  std::vector<Address> list;
  if (site) {
    list = site->sources;
    if (list.empty() && site->host) {
      const SiteHost& h = c.site.host(site->host);
      for (const Mac& m : h.macs) list.push_back(Address::of(m));
      if (list.empty()) return h.name;
    }
  } else if (learned) {
    list = learned->sources;
  }
  std::string text;
  for (size_t i = 0; i < list.size() && i < 4; i++) text += (i ? ", " : "") + c.text(list[i]);
  return text.empty() ? "anywhere" : text;
}

bool others(const Event& e, Attention& attention) {
  if (e.scene.client.address.kind != Address::Kind::none) {
    attention.word(e.scene.time);
    return false;
  }
  if (e.said && SensorFact(e.said->function) == SensorFact::dropped) attention.lost(e.scene.time);
  return true;
}

void resolve(Publication& p, PublisherKind kind, const Context& c) {
  if (p.asked == &c.site || !p.named) return;
  p.asked = &c.site;
  const Voice& v = *std::max_element(p.voices.begin(), p.voices.end(), [](const Voice& a, const Voice& b) { return a.last < b.last; });
  p.known = {c.site.publisher(kind, p.named, v.source, v.group), c.memory.publisher(kind, p.named)};
}

Voice& attend(Publication& p, PublisherKind kind, const Event& e, const Context& c) {
  const Scene& s = e.scene;
  const Address& source = s.speaker().address;
  p.named = e.said->station;
  if (p.reference.empty())
    if (const std::string_view name = e.texts.find(e.said->station); !name.empty()) p.reference = name;
  if (p.asked != &c.site || !p.known.any()) {
    p.asked = &c.site;
    p.known = {c.site.publisher(kind, e.said->station, source, s.listener().address), c.memory.publisher(kind, e.said->station)};
  }
  Voice* oldest = &p.voices[0];
  for (Voice& v : p.voices) {
    if (v.last && v.source == source && v.group == s.listener().address) return v.words++, v;
    if (v.last < oldest->last) oldest = &v;
  }
  *oldest = {source, s.listener().address, s.time, s.time, 0, 0, 1};
  return *oldest;
}

bool by_turns(Publication& p, const Voice& v, Time now) {
  if (p.spoke.kind != Address::Kind::none && p.spoke != v.source) {
    p.turns = now - p.turned < 10 * second ? p.turns + 1 : 1;
    p.turned = now;
  }
  p.spoke = v.source;
  return p.turns >= 3;
}

const Voice* rival(const Publication& p, const Voice& v, Time now, Time within) {
  const Voice* found = nullptr;
  for (const Voice& o : p.voices)
    if (o.last && o.source != v.source && now - o.last <= within && (!found || o.last > found->last)) found = &o;
  return found;
}

std::string label(const Publication& p) {
  std::string words;
  if (p.known.site) words = p.known.site->name + (p.known.site->name.empty() || p.known.site->bay.empty() ? "" : ", ") + p.known.site->bay;
  const std::string reference = p.reference.empty() ? fmt::format("{:014x}", p.key) : p.reference;
  return words.empty() ? reference : fmt::format("{} ({})", reference, words);
}

Finding about(const Detection& d, const Publication& p, const Event& e, const Context& c) {
  Finding f = finding(d, e, c);
  f.source = c.party(e.scene.speaker().address);
  f.target = c.party(e.scene.listener().address);
  // Who speaks in a declared device's name does it to that device.
  if (const SitePublisher* s = p.known.site; s && s->host && !c.site.publishes(*s, f.source.address)) {
    const SiteHost& h = c.site.host(s->host);
    if (!h.addresses.empty()) f.target = c.party(h.addresses.front());
    else if (!h.macs.empty()) f.target = c.party(Address::of(h.macs.front()));
  }
  f.station = p.reference;
  f.object.clear();
  f.cause = p.key;
  return f;
}

void only_differs(Finding& f, Publication& p, Publication::Aspect of, const Context& c) {
  if (!p.known.site || !c.site.unreviewed(p.known.site->host) || p.right & of) return;
  f.difference = p.silent = true;
  f.device = p.known.site->host;
}

void only_undeclared(Finding& f, Publication& p, const Voice& v, const Context& c) {
  if (v.source.kind != Address::Kind::mac) return;
  HostId device = c.site.host_of(v.source);
  // "AA1J1Q01A1LD0/LLN0$GO$gcb07": of the logical device whose other control blocks are declared.
  const size_t end = p.reference.find('/');
  if (!device && end != std::string::npos)
    for (const SitePublisher& s : c.site.publishers)
      if (s.host && s.reference.size() > end && s.reference.compare(0, end + 1, p.reference, 0, end + 1) == 0) {
        device = c.site.host(s.host).macs.empty() && s.sources.empty() ? s.host : 0;     // where its address is declared, this is somebody else
        break;
      }
  if (!c.site.unreviewed(device)) return;
  f.difference = p.silent = true;
  f.device = device;
}

bool publishers_known(const Context& c, PublisherKind kind) { return c.site.has_publishers(kind) || c.memory.has_publishers(kind); }

}  // namespace vidra
