// SPDX-License-Identifier: Apache-2.0
// What clients do to devices over MMS, where a deed alone does not tell it: new clients (MMS-01), reports (MMS-14, 16), listing, reading and
// trying (MMS-24 to 26, ICP-05), authentication (MMS-28), identities (MMS-31), bilateral tables (ICP-01).
#include <fmt/format.h>

#include "daemon/judge/rules.h"

namespace vidra {
namespace {

enum Code : uint16_t { status = 0, get_name_list = 1, read = 4, write = 5, get_attributes = 6, information_report = 256, initiate = 280, associate = 288 };
enum Meaning : uint16_t { report = 6, report_enable = 10, bilateral_table = 40, device_tag = 52 };      // dissectors/mms_names.h
constexpr uint16_t access_denied = 0x103, service_denied = 0x273;

bool opens(const Message& m) { return m.role == Role::request && (m.function == initiate || m.function == associate); }

// MMS-01: one story a client, however many devices it tries. MMS-28: it used to authenticate.
class Associations final : public Detector {
 public:
  explicit Associations(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}
  std::span<const Want> wants() const override {
    static constexpr Want w[] = {{.protocol = "mms", .acts = bit(Act::session), .roles = Want::requests}};
    return w;
  }

  void see(const Event& e, const Context& c, Findings& to) override {
    const Message& m = *e.said;
    if (!opens(m) || m.malformed || c.learning) return;
    weaker(e, c, to);
    const Standing standing = shared_->standing(e.scene, c, to);
    if (standing == Standing::unjudged || standing == Standing::known) return;
    Told& told = told_.at(key_of(e.scene.client.address));
    bool& here = servers_.at(c.conversation.pair);
    if (std::exchange(here, true)) return;
    told.servers++;
    Finding f = finding(row_, e, c);
    f.target = {};
    f.station.clear(), f.object.clear();
    f.cause = 1;
    const bool named = !c.name(e.scene.client.address).empty();
    if (standing == Standing::stand_in || named) f.severity = 3;
    if (asks_others(e.scene, c)) f.severity = 2;           // a client of other devices: perhaps works
    f.what = told.servers == 1 ? fmt::format("{} associated with {} as an MMS client.", c.text(e.scene.client.address), c.text(e.scene.server.address))
                               : fmt::format("{} associated with {} devices as an MMS client, {} the last.", c.text(e.scene.client.address), told.servers, c.text(e.scene.server.address));
    f.expected = standing == Standing::stand_in ? fmt::format("Known to ask this device: {}, silent now. Perhaps a switch-over that nobody declared.", masters_text(e.scene, c))
                                                : fmt::format("Known to ask this device: {}.", masters_text(e.scene, c));
    to.raise(std::move(f));
  }

 private:
  static bool asks_others(const Scene& s, const Context& c) {
    for (const ConversationMemory& m : c.memory.conversations())
      if (m.protocol == s.protocol && m.client == s.client.address && m.acts & ~bit(Act::session)) return true;
    const HostId id = c.site.host_of(s.client.address);
    if (!id) return false;
    for (const SiteConversation& d : c.site.conversations)
      if (d.protocol_index == s.protocol && c.site.matches(d.client, s.client.address, id)) return true;
    return false;
  }

  void weaker(const Event& e, const Context& c, Findings& to) {
    const uint16_t with = e.said->sub_function;                  // 1 password, 2 an empty one, 3 certificate
    Secret& s = secrets_.at(c.conversation.pair);
    const ConversationMemory* l = c.conversation.learned;
    const bool used = s.used || (l && (l->knows_function(initiate, 1) || l->knows_function(initiate, 3) || l->knows_function(associate, 1) || l->knows_function(associate, 3)));
    const bool without = s.without || (l && (l->knows_function(initiate, 0) || l->knows_function(associate, 0)));
    if (with == 1 || with == 3) {
      s.used = true;
      return;
    }
    if (!used || without) { s.without = !used; return; }
    s.without = true;
    Finding f = finding(weak_, e, c);
    f.station.clear(), f.object.clear();
    f.what = fmt::format("{} associated with {} with {}.", c.text(e.scene.client.address), c.text(e.scene.server.address), with == 2 ? "an empty password" : "no authentication");
    f.expected = "This client always authenticated before.";
    to.raise(std::move(f));
  }

  struct Told { unsigned servers = 0; };
  struct Secret { bool used = false, without = false; };
  const Detection &row_ = row("MMS-01"), &weak_ = row("MMS-28");
  std::shared_ptr<Shared> shared_;
  Recent<Told> told_{256};
  Recent<bool> servers_{1024};
  Recent<Secret> secrets_;
};

// MMS-24, MMS-25: one story a client.
class Curious final : public Detector {
 public:
  Curious(const JudgeSettings& s, std::shared_ptr<Shared> shared) : shared_(std::move(shared)) { settle(s); }
  void settle(const JudgeSettings& s) override {
    requests_ = unsigned(s.number(listing_, "requests"));
    listing_window_ = Time(s.number(listing_, "window") * double(second));
    objects_ = unsigned(s.number(reading_, "objects"));
    reading_window_ = Time(s.number(reading_, "window") * double(second));
  }
  std::span<const Want> wants() const override {
    static constexpr Want w[] = {{.protocol = "mms", .acts = acts({Act::browse, Act::read}), .roles = Want::requests}};
    return w;
  }

  void see(const Event& e, const Context& c, Findings& to) override {
    const Message& m = *e.said;
    if (c.learning || m.malformed || e.scene.from != Side::client) return;
    const Known k = known(e.scene, c);
    if (k.group || (k.declared && k.declared->allows(m.act))) return;
    if (m.act == Act::browse) {
      if (k.learned && (k.learned->knows_function(get_name_list, 0) || k.learned->knows_function(get_attributes, 0))) return;
      if (shared_->standing(e.scene, c, to) == Standing::unjudged) return;
      count(lists_.at(key_of(e.scene.client.address)), listing_window_, requests_, 1, listing_, e, c, to);
      return;
    }
    if (shared_->standing(e.scene, c, to) == Standing::unjudged) return;
    const StationMemory* usual = k.learned ? k.learned->station(m.station) : nullptr;
    unsigned fresh = 0;
    Counted& n = reads_.at(key_of(e.scene.client.address));
    if (e.scene.time - n.first > reading_window_) n = {.first = e.scene.time};
    for (const Point& p : e.points) {
      if (usual && usual->read.has(p.object)) continue;
      const uint64_t h = key_of(p.object.key(), key_of(e.scene.server.address));
      uint64_t& word = n.seen[h >> 6 & 63];
      if (!(word >> (h & 63) & 1)) word |= 1ull << (h & 63), fresh++;
    }
    if (fresh) count(n, reading_window_, objects_, fresh, reading_, e, c, to);
  }

 private:
  struct Counted {
    Time first = 0, last = 0;
    uint64_t seen[64] = {};               // which objects, a filter of 4096 bits
    unsigned n = 0, told = 0;
  };

  void count(Counted& n, Time window, unsigned enough, unsigned more, const Detection& d, const Event& e, const Context& c, Findings& to) {
    const Time now = e.scene.time;
    if (now - n.first > window) n = {.first = now};
    n.n += more;
    if (n.n < enough || (n.told && now - n.last < second)) return;
    Finding f = finding(d, e, c);
    f.target = {};
    f.station.clear(), f.object.clear();
    f.cause = 1;
    f.weight = n.n - n.told;
    n.told = n.n, n.last = now;
    f.what = &d == &listing_ ? fmt::format("{} asked {} and perhaps others {} times within {} for names and types of objects.", c.text(e.scene.client.address), c.text(e.scene.server.address), n.n, seconds_text(now - n.first))
                             : fmt::format("{} read {} different objects within {}, last of {}.", c.text(e.scene.client.address), n.n, seconds_text(now - n.first), c.text(e.scene.server.address));
    f.expected = &d == &listing_ ? fmt::format("Clients know the model of their devices; this one is not known to list it. Known to ask: {}.", masters_text(e.scene, c))
                                 : fmt::format("Not what it was heard to read before. Known to ask this device: {}.", masters_text(e.scene, c));
    to.raise(std::move(f));
  }

  const Detection &listing_ = row("MMS-24"), &reading_ = row("MMS-25");
  std::shared_ptr<Shared> shared_;
  unsigned requests_ = 0, objects_ = 0;
  Time listing_window_ = 0, reading_window_ = 0;
  Recent<Counted> lists_{256}, reads_{256};
};

// MMS-26, ICP-05, and ICP-01 for a table that changed.
class Refusals final : public Detector {
 public:
  Refusals(const JudgeSettings& s, std::shared_ptr<Shared> shared) : shared_(std::move(shared)) { settle(s); }
  void settle(const JudgeSettings& s) override {
    times_ = unsigned(s.number(refused_, "times"));
    window_ = Time(s.number(refused_, "window") * double(second));
    denied_times_ = unsigned(s.number(denied_, "times"));
    denied_window_ = Time(s.number(denied_, "window") * double(second));
  }
  std::span<const Want> wants() const override {
    static constexpr Want w[] = {{.protocol = "mms", .roles = Want::responses}};
    return w;
  }

  void see(const Event& e, const Context& c, Findings& to) override {
    const Message& m = *e.said;
    const bool tase2 = m.sub_function >= bilateral_table && m.sub_function <= device_tag;
    if (tase2) peers_.at(c.conversation.pair) = true;
    if (m.sub_function == bilateral_table && m.function == read && !m.refused && !e.points.empty() && e.points[0].kind == ValueKind::text) table(e, c, to);
    if (!m.refused || m.malformed || c.learning || m.act == Act::session) return;
    const bool* peer = peers_.find(c.conversation.pair);
    if (peer && *peer) {
      if (m.reason == access_denied || m.reason == service_denied)
        count(denials_.at(c.conversation.pair), denied_window_, denied_times_, denied_, "It asks only for what the bilateral table gives it.", e, c, to);
      return;
    }
    const Standing standing = shared_->standing(e.scene, c, to);
    if (standing == Standing::unjudged || standing == Standing::known) return;
    count(counts_.at(c.conversation.pair), window_, times_, refused_, "A client of this device asks for what is there.", e, c, to);
  }

 private:
  struct Counted { Time first = 0; unsigned n = 0; bool told = false; };
  void count(Counted& n, Time window, unsigned enough, const Detection& d, std::string_view expected, const Event& e, const Context& c, Findings& to) {
    if (e.scene.time - n.first > window) n = {e.scene.time, 0, false};
    if (++n.n < enough) return;
    const uint64_t more = pacer_.due(key_of(c.conversation.pair, index_of(d)), e.scene.time);
    if (!more) return;
    Finding f = finding(d, e, c);
    f.source = c.party(e.scene.client.address), f.target = c.party(e.scene.server.address);
    f.weight = std::exchange(n.told, true) ? more : n.n;
    const auto name = protocols[e.scene.protocol]->reason;
    f.what = fmt::format("{} refused {} {} requests within {}, last {}{} ({}).", c.text(e.scene.server.address), c.text(e.scene.client.address), n.n, seconds_text(e.scene.time - n.first),
                         function_text(e.scene.protocol, e.said->function, e.said->sub_function), f.object.empty() ? "" : " of " + object_text(e.points[0].object, 1, e.texts), name ? name(e.said->reason) : "");
    f.expected = expected;
    to.raise(std::move(f));
  }
  void table(const Event& e, const Context& c, Findings& to) {
    const uint64_t key = key_of(key_of(e.scene.server.address), key_of(e.scene.client.address));
    uint64_t& was = tables_.at(key);
    const uint64_t is = e.points[0].raw, before = std::exchange(was, is);
    if (!before || before == is || c.learning) return;
    Finding f = finding(peer_, e, c);
    f.what = fmt::format("{} now gives {} the bilateral table \"{}\".", c.text(e.scene.server.address), c.text(e.scene.client.address), e.texts.find(is));
    f.expected = "It was another one a while ago: what the two centres may see and do of each other changed.";
    to.raise(std::move(f));
  }

  const Detection &refused_ = row("MMS-26"), &denied_ = row("ICP-05"), &peer_ = row("ICP-01");
  std::shared_ptr<Shared> shared_;
  unsigned times_ = 0, denied_times_ = 0;
  Time window_ = 0, denied_window_ = 0;
  Recent<Counted> counts_, denials_;
  Recent<bool> peers_;
  Recent<uint64_t> tables_;
  Pacer pacer_;
};

// MMS-14, MMS-16. A client that reconnects switches its own reports off and on.
class Reports final : public Detector {
 public:
  Reports(const JudgeSettings& s, std::shared_ptr<Shared> shared) : shared_(std::move(shared)) { settle(s); }
  void settle(const JudgeSettings& s) override { wait_ = Time(s.number(off_, "wait") * double(second)); }
  std::span<const Want> wants() const override {
    static constexpr Want w[] = {{.protocol = "mms", .acts = acts({Act::session, Act::subscribe, Act::report, Act::configure}), .roles = Want::requests | Want::reports}};
    return w;
  }
  bool ticks() const override { return true; }

  void see(const Event& e, const Context& c, Findings& to) override {
    const Message& m = *e.said;
    if (m.malformed) return;
    if (m.role == Role::report) {
      if (m.function == information_report && m.sub_function == report) overflow(e, c, to);
      return;
    }
    if (opens(m)) begun_.at(c.conversation.pair) = e.scene.time;
    if (m.function != write) return;
    for (const Point& p : e.points)
      if (p.qualifier == report_enable && p.object.kind() == ObjectKind::named && p.has_number()) enable(p, e, c, to);
  }

  void tick(const Context& c, Findings& to) override {
    blocks_.each([&](Block& b) {
      if (!b.off || c.now - b.off < wait_) return;
      const HeardHost* h = to.heard(b.scene.client.address);
      const bool still_there = h && h->last > b.off + wait_ / 2;
      const Time since = std::exchange(b.off, 0);
      if (!still_there || c.learning) return;           // it went away: then nobody waits for reports
      Message m;
      Scene s = b.scene;
      s.time = c.now;
      Finding f = finding(off_, Event{s, &m, nullptr, {}, {}}, c);
      f.severity = 2;
      f.object = b.name;
      f.cause = key_of(b.key, 1);
      f.what = fmt::format("{} switched off its reports {} of {} {} ago and has not switched them on again.", c.text(s.client.address), b.name, c.text(s.server.address), seconds_text(c.now - since));
      f.expected = "A client that reconnects switches them on again at once.";
      to.raise(std::move(f));
    });
  }

 private:
  struct Block {
    Address owner;                        // who switched it on last
    Time off = 0;                         // when its owner switched it off
    uint64_t key = 0;
    Scene scene;
    std::string name;
  };

  void enable(const Point& p, const Event& e, const Context& c, Findings& to) {
    Block& b = blocks_.at(key_of(p.object.key(), key_of(e.scene.server.address)));
    const Address& client = e.scene.client.address;
    b.key = p.object.key();
    if (p.number() != 0) {
      begun_.at(c.conversation.pair) = e.scene.time;
      b.owner = client, b.off = 0;
      return;
    }
    const Standing standing = shared_->standing(e.scene, c, to);
    const HeardHost* h = b.owner.kind == Address::Kind::none || b.owner == client ? nullptr : to.heard(b.owner);
    const bool anothers = h && e.scene.time - h->last < minute;
    if (c.learning || (!anothers && (standing == Standing::known || standing == Standing::unjudged))) {
      b.off = e.scene.time, b.scene = e.scene, b.name = object_text(p.object, 1, e.texts);
      return;
    }
    const uint64_t weight = pacer_.due(c.conversation.pair, e.scene.time);
    if (!weight) return;
    Finding f = finding(off_, e, c);
    f.station.clear();
    f.weight = weight;
    f.what = fmt::format("{} switched off the reports {} of {}.", c.text(client), object_text(p.object, 1, e.texts), c.text(e.scene.server.address));
    f.expected = anothers ? fmt::format("They go to {}, which is still there.", c.text(b.owner)) : fmt::format("Known to ask this device: {}.", masters_text(e.scene, c));
    to.raise(std::move(f));
  }

  // After it connected a client is sent what was kept: that the buffer was too small for its absence is no news.
  void overflow(const Event& e, const Context& c, Findings& to) {
    if (e.points.empty()) return;
    Buffer& b = buffers_.at(key_of(e.points[0].object.key(), key_of(e.scene.server.address)));
    const Time now = e.scene.time;
    if (!(e.said->qualifier >> 31)) {
      b.whole = now;
      return;
    }
    if (c.learning || !b.whole || now - begun_.at(c.conversation.pair) < minute || (b.told && now - b.told < hour)) return;
    b.told = now;
    Finding f = finding(overflow_, e, c);
    f.station.clear();
    f.cause = e.points[0].object.key();
    f.what = fmt::format("{} says in {} to {} that its buffer overflowed: events were lost.", c.text(e.scene.server.address), object_text(e.points[0].object, 1, e.texts), c.text(e.scene.client.address));
    f.expected = "The buffer holds all events of the time in which its client is away.";
    to.raise(std::move(f));
  }

  const Detection &off_ = row("MMS-14"), &overflow_ = row("MMS-16");
  std::shared_ptr<Shared> shared_;
  Time wait_ = 0;
  Recent<Block> blocks_{1024};
  struct Buffer { Time whole = 0, told = 0; };
  Recent<Buffer> buffers_;
  Recent<Time> begun_;                    // by client and server: when it associated or switched reports on
  Pacer pacer_;
};

// MMS-31.
class Identities final : public Detector {
 public:
  std::span<const Want> wants() const override {
    static constexpr Want w[] = {{.protocol = "mms", .identities = true}};
    return w;
  }
  void see(const Event& e, const Context& c, Findings& to) override {
    if (!e.identity || protocols[e.scene.protocol]->name != "mms") return;
    const Address& device = e.scene.speaker().address;
    Said now{std::string(e.texts.find(e.identity->vendor)), std::string(e.texts.find(e.identity->model)), std::string(e.texts.find(e.identity->firmware))};
    Said& was = said_.at(key_of(device));
    if (!was.any())
      if (const HostMemory* m = c.memory.host(device)) was = {m->vendor, m->model, m->firmware};
    const Said before = std::exchange(was, now);
    if (!before.any() || before == now || c.learning) return;
    Finding f = finding(row_, e, c);
    f.source = c.party(device);
    f.target = {};
    f.what = fmt::format("{} calls itself {} {}, revision {}.", c.text(device), now.vendor, now.model, now.revision);
    f.expected = fmt::format("It was {} {}, revision {}.", before.vendor, before.model, before.revision);
    to.raise(std::move(f));
  }

 private:
  struct Said {
    std::string vendor, model, revision;
    bool any() const { return !vendor.empty() || !model.empty() || !revision.empty(); }
    bool operator==(const Said&) const = default;
  };
  const Detection& row_ = row("MMS-31");
  Recent<Said> said_;
};

}  // namespace

void add_mms_detectors(Detectors& to, const JudgeSettings& s, std::shared_ptr<Shared> shared) {
  to.push_back(std::make_unique<Associations>(shared));
  to.push_back(std::make_unique<Curious>(s, shared));
  to.push_back(std::make_unique<Refusals>(s, shared));
  to.push_back(std::make_unique<Reports>(s, shared));
  to.push_back(std::make_unique<Identities>());
}

}  // namespace vidra
