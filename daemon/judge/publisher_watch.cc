// SPDX-License-Identifier: Apache-2.0
#include "daemon/judge/publisher_watch.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

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

namespace {

void hold(Publication& p, PublisherKind kind, const Context& c, const Address& source, const Address& group) {
  const bool other_site = std::exchange(p.asked, &c.site) != &c.site;
  p.known = {c.site.publisher(kind, p.named, source, group), c.memory.publisher(kind, p.named)};
  if (!other_site) return;
  // A window of works or a list of indicators makes another site, too: only what is declared otherwise, or was read, is looked at anew.
  const HostId device = p.known.site ? p.known.site->host : p.silent ? c.site.host_named(p.device) : 0;
  const uint64_t print = device ? c.site.host(device).print : 0;
  const bool otherwise = std::exchange(p.print, print) != print;
  if (otherwise) p.right = 0;
  if (p.silent && (otherwise || !c.site.unreviewed(device))) p.silent = false, p.again = true;
}

void keep_silent(Finding& f, Publication& p, HostId device, const Context& c) {
  f.difference = p.silent = true;
  f.device = device;
  p.device = c.site.host(device).name;
  p.print = c.site.host(device).print;
}

}  // namespace

void resolve(Publication& p, PublisherKind kind, const Context& c) {
  if (p.asked == &c.site || !p.named) return;
  const Voice& v = *std::max_element(p.voices.begin(), p.voices.end(), [](const Voice& a, const Voice& b) { return a.last < b.last; });
  hold(p, kind, c, v.source, v.group);
}

Voice& attend(Publication& p, PublisherKind kind, const Event& e, const Context& c) {
  const Scene& s = e.scene;
  const Address& source = s.speaker().address;
  p.named = e.said->station;
  if (p.reference.empty())
    if (const std::string_view name = e.texts.find(e.said->station); !name.empty()) p.reference = name;
  if (p.asked != &c.site || !p.known.any()) hold(p, kind, c, source, s.listener().address);
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
  if (const SitePublisher* s = p.known.site; s && s->host && !c.site.publishes(*s, f.source.address))
    if (Party owner = c.party(s->host); owner.address.kind != Address::Kind::none) f.target = std::move(owner);
  f.station = p.reference;
  f.object.clear();
  f.cause = p.key;
  return f;
}

void only_differs(Finding& f, Publication& p, Publication::Aspect of, const Context& c) {
  if (!p.known.site || !c.site.unreviewed(p.known.site->host) || p.right & of) return;
  keep_silent(f, p, p.known.site->host, c);
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
  if (c.site.unreviewed(device)) keep_silent(f, p, device, c);
}

bool publishers_known(const Context& c, PublisherKind kind) { return c.site.has_publishers(kind) || c.memory.has_publishers(kind); }

}  // namespace vidra
