// SPDX-License-Identifier: Apache-2.0
// EtherNet/IP (The CIP Networks Library, Volume 2, 1.24) over TCP and UDP, and the CIP messages in it (dissectors/cip.h). A record is one
// encapsulation packet; on UDP also one packet of an I/O connection.
//
// What an encapsulation packet says: its first sentence carries the command as its frame; what is inside (the members of a
// Multiple_Service_Packet, the message of an Unconnected_Send) is said after it, frame "inner".
//   function, sub_function   the CIP service, and the class it is for (of PCCC: 0xF000 | CMD << 8 | FNC); 0x100 | command of the encapsulation
//   tag                      of connected messages the sequence count, else the sender context's first four octets
//   sequence                 connection identifier
//   station                  of a message that is routed: port << 8 | link address (the slot)
//   reason, qualifier        general status (or see cip::reason_name); the first word of the extended status
//   digest                   of what is written, path and value
// An I/O connection (transport class 0 or 1) is a stream: "I/O changed" when it goes from run to idle or back or its size changes, "I/O breach"
// when packets are missing or repeated, "I/O summary" at its first packet and once a second (tag: packets since; digest: of the newest data).
// The Forward_Open that made it may have been heard in another conversation of the same hosts: connections are kept for all of a pool.
#include "dissectors/cip.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace vidra::enip {
namespace {

using cip::Path;

enum Command : uint16_t { nop = 0, list_targets = 1, list_services = 4, list_identity = 0x63, list_interfaces = 0x64, register_session = 0x65, unregister_session = 0x66,
                          send_rr = 0x6F, send_unit = 0x70, indicate_status = 0x72, cancel = 0x73, start_dtls = 0xC8 };
constexpr std::string_view frames[] = {"NOP", "ListServices", "ListIdentity", "ListInterfaces", "RegisterSession", "UnRegisterSession", "SendRRData", "SendUnitData", "other", "inner", "I/O"};
enum Frame : uint8_t { frame_other = 8, frame_inner, frame_io };
constexpr int frame_of(uint16_t command) {
  switch (command) {
    case nop: return 0;
    case list_services: return 1;
    case list_identity: return 2;
    case list_interfaces: return 3;
    case register_session: return 4;
    case unregister_session: return 5;
    case send_rr: return 6;
    case send_unit: return 7;
    case list_targets: case indicate_status: case cancel: case start_dtls: return frame_other;
    default: return -1;
  }
}

enum Item : uint16_t { null_item = 0, identity_item = 0x0C, connected_address = 0xA1, connected_data = 0xB1, unconnected_data = 0xB2, services_item = 0x100, sequenced_address = 0x8002 };

constexpr size_t header_octets = 24;

uint16_t u16(const uint8_t* p) { return uint16_t(p[0] | p[1] << 8); }
uint32_t u32(const uint8_t* p) { return u16(p) | uint32_t{u16(p + 2)} << 16; }

// What a header cannot be, if a packet begins here. `sure`: nothing else looks like it.
bool coherent(Bytes b, bool sure) {
  if (b.size() < header_octets) return false;
  const uint16_t command = u16(&b[0]), length = u16(&b[2]);
  const uint32_t session = u32(&b[4]), status = u32(&b[8]), options = u32(&b[20]);
  if (options != 0 || status > 0xffff) return false;
  if (frame_of(command) < 0) return !sure && command <= 0xff;
  if (!sure) return true;
  if (status != 0 && cip::find_name(cip::encapsulation_errors, uint16_t(status)).empty()) return false;
  const Bytes body = b.subspan(header_octets);
  switch (command) {
    case list_services: case list_identity: case list_interfaces:
      if (session != 0 && command != list_interfaces && length == 0 && session > 0xffff && status) return false;
      return length == 0 || (length >= 2 && body.size() >= 6 && u16(&body[0]) >= 1 && u16(&body[0]) <= 16 && (u16(&body[2]) == identity_item || u16(&body[2]) == services_item));
    case register_session: return length == 4 && body.size() >= 4 && u16(&body[0]) >= 1 && u16(&body[0]) <= 2 && u16(&body[2]) == 0;
    case unregister_session: return length == 0 && session != 0;
    case send_rr: case send_unit:
      if (status && !length) return true;
      return length >= 16 && body.size() >= 12 && u32(&body[0]) == 0 && u16(&body[6]) >= 1 && u16(&body[6]) <= 8 &&
             (u16(&body[8]) == null_item || u16(&body[8]) == connected_address) && u16(&body[10]) <= 8;
    default: return false;
  }
}

// Packet of an I/O connection: two items, sequenced address and connected data (Volume 2, 3-2.2.1).
bool is_io(Bytes b) {
  return b.size() >= 18 && u16(&b[0]) >= 2 && u16(&b[0]) <= 4 && u16(&b[2]) == sequenced_address && u16(&b[4]) == 8 && u16(&b[14]) == connected_data && size_t{18} + u16(&b[16]) <= b.size();
}

// ---- connections, kept for all conversations of a pool

struct Connection {
  uint64_t key = 0;                     // who produces, and the identifier
  uint64_t opener = 0;                  // serial number, vendor, originator's serial number: Forward_Close names them
  uint32_t rpi = 0, assembly = 0, used = 0;
  bool to_target = false, headed = false, first_class = false;
};

uint64_t key_of(Bytes host, uint32_t connection) { return XXH3_64bits_withSeed(host.data(), host.size(), uint64_t{connection} + 1) | 1; }

class Directory {
 public:
  Connection* find(uint64_t key) {
    for (Connection& c : set(key))
      if (c.key == key) return c.used = ++turn_, &c;
    return nullptr;
  }
  void put(const Connection& made) {
    Connection* place = nullptr;
    for (Connection& c : set(made.key)) {
      if (c.key == made.key) {
        place = &c;
        break;
      }
      if (!place || (place->key && (!c.key || turn_ - c.used > turn_ - place->used))) place = &c;
    }
    *place = made;
    place->used = ++turn_;
  }

 private:
  static constexpr size_t sets = 256, ways = 4;
  using Set = std::array<Connection, ways>;
  Set& set(uint64_t key) { return sets_[key >> 1 & (sets - 1)]; }
  std::array<Set, sets> sets_{};
  uint32_t turn_ = 0;
};

// Names of tags by their key: an answer carries values only, and is to be read without its question. 128 octets a name; a
// longer one stays a key.
class Tags {
 public:
  void put(uint64_t key, std::string_view name) {
    if (name.size() > room) return;
    Tag& t = tags_[key % tags_.size()];
    if (t.key == key) return;
    t.key = key;
    t.octets = uint8_t(name.size());
    std::copy(name.begin(), name.end(), t.text.data());
  }
  std::string_view find(uint64_t key) const {
    const Tag& t = tags_[key % tags_.size()];
    return t.key == key ? std::string_view{t.text.data(), t.octets} : std::string_view{};
  }

 private:
  static constexpr size_t room = 119;
  struct Tag { uint64_t key = 0; uint8_t octets = 0; std::array<char, room> text; };
  std::array<Tag, 1009> tags_{};
};

// ---- questions

// What an answer needs of its question. The members of a Multiple_Service_Packet are kept in order.
struct Asked {
  uint64_t object = 0;
  uint64_t point = 0;                  // text's key of a tag
  uint16_t sub = 0xffff, offset = 0;
  uint8_t service = 0;
  uint8_t kind = 0;                    // PCCC: the file's type
  bool routed = false;                 // inside an Unconnected_Send: a router may answer in its stead
};
constexpr size_t most_members = 64;
struct Members { std::array<Asked, most_members> asked; uint16_t count = 0; };

struct Open {                          // a Forward_Open that awaits its answer
  uint64_t opener = 0;
  uint32_t to_target_rpi = 0, to_originator_rpi = 0, to_target_assembly = 0, to_originator_assembly = 0;
  bool io = false, first_class = false;
  uint64_t route = 0;
};

struct Question {
  uint64_t key = 0;                    // sequence or sender context; 0: answered
  uint32_t connection = 0;
  Asked asked;
  Members* members = nullptr;          // of the pool
  uint64_t route = 0;                  // to the module that is asked
};

struct IoStream {
  uint32_t connection = 0, sequence = 0, frames = 0, missing = 0, misordered = 0, turn = 0;
  uint16_t octets = 0;
  Side from = Side::client;
  bool used = false, breached = false, run = false;
  Time told = 0;
};

struct Enip final : Parser {
  Enip(Pool& pool, Directory& directory, Tags& tags) : pool_(&pool), directory_(&directory), tags_(&tags) {}
  ~Enip() override {
    for (Question& q : questions_) pool_->give(q.members);
  }

  Cut next(Side from, Bytes octets, bool segment_start, bool) override {
    bool& seeking = seeking_[from == Side::client ? 0 : 1];
    if (octets.size() >= 2 && u16(octets.data()) > 0xff) return seeking = true, Cut{Cut::lost, 0};
    if (octets.size() < header_octets) return {Cut::need, header_octets};
    const size_t size = header_octets + u16(&octets[2]);
    if (seeking) {
      if (octets.size() < std::min<size_t>(size, header_octets + 12)) return {Cut::need, std::min<size_t>(size, header_octets + 12)};
      if (!coherent(octets, true) || (size == header_octets && !segment_start)) return {Cut::lost, 0};
      seeking = false;
    } else if (!coherent(octets, false)) {
      return seeking = true, Cut{Cut::lost, 0};
    }
    return {Cut::take, size};
  }

  void parse(Bytes record, Side from, Speaker& say) override {
    if (is_io(record)) return io(record, from, say);
    Message& m = say.begin();
    Reader r{record, m.malformed};
    const uint16_t command = r.le16(), length = r.le16();
    session_ = r.le32();
    const uint32_t status = r.le32();
    context_ = r.le64();
    r.require(r.le32() == 0);                                        // options
    r.require(length == r.left());
    const int frame = frame_of(command);
    frame_ = frame < 0 ? uint8_t{frame_other} : uint8_t(frame);
    m.frame = frame_;
    m.function = frame < 0 ? 0x1FF : uint16_t(0x100 | command);
    m.tag = uint32_t(context_);
    m.role = from == Side::client ? Role::request : Role::response;
    m.act = frame < 0 ? Act::other : act_of(command);
    if (frame < 0) m.qualifier = command;
    if (status) m.reason = uint16_t(0x8000 | std::min<uint32_t>(status, 0x7fff)), m.refused = true, m.role = Role::response;
    from_ = from;
    connection_ = 0;
    switch (command) {
      case list_services: case list_identity: case list_interfaces: case list_targets:
        if (length == 0 && !status) m.role = Role::request;
        else m.role = Role::response;
        if (r) list(r, command, say);
        return say.end();
      case register_session:
        if (session_ == 0 && !status) m.role = Role::request;
        else m.role = Role::response;
        r.require(r.le16() >= 1);                                     // protocol version
        r.skip(2);
        return say.end();
      case unregister_session: m.role = Role::request; return say.end();
      case send_rr: case send_unit:
        if (status && !r) return say.end();
        return data(r, say);
      default:
        if (r) say.point({}).set_octets(r.left()), m.retained = true;
        return say.end();
    }
  }

  void gap(Side from, uint64_t) override { seeking_[from == Side::client ? 0 : 1] = true; }

 private:
  static Act act_of(uint16_t command) {
    switch (command) {
      case list_services: case list_identity: case list_interfaces: case list_targets: return Act::identify;
      case indicate_status: return Act::diagnose;
      case send_rr: case send_unit: case cancel: return Act::other;
      default: return Act::session;
    }
  }

  // ---- lists

  void list(Reader& r, uint16_t command, Speaker& say) {
    const unsigned items = r.le16();
    for (unsigned i = 0; i < items && r.ok() && r; i++) {
      const uint16_t type = r.le16();
      Reader item = r.sub(r.le16());
      if (!r.ok()) return;
      if (command == list_services && type == services_item) {
        item.skip(2);
        const uint16_t flags = item.le16();
        std::string_view name = text_of(item.bytes(std::min<size_t>(16, item.left())));
        name = name.substr(0, name.find('\0'));
        Point& p = say.point(say.named(name));
        p.set_bits(flags, 16);                                        // bit 5: CIP over TCP, bit 8: class 0 or 1 over UDP
      } else if (command == list_identity && type == identity_item) {
        item.skip(2 + 16);                                            // version, socket address
        const Identified who = attributes(item, say);
        if (item) item.skip(1);                                       // state
        if (who.known) identity_ = who.identity, say_identity_ = true;
      } else {
        say.point({}).set_octets(item.left());
      }
    }
    if (say_identity_) {
      const Identity who = identity_;
      say_identity_ = false;
      say.identity(who);
    }
  }

  struct Identified { Identity identity; bool known = false; };

  // Attributes 1 to 7 of the Identity object, as ListIdentity and Get_Attributes_All carry them (Volume 1, 5A-2.2).
  Identified attributes(Reader& r, Speaker& say) {
    const uint16_t vendor = r.le16(), type = r.le16(), product = r.le16();
    const uint8_t major = r.u8(), minor = r.u8();
    const uint16_t status = r.le16();
    const uint32_t serial = r.le32();
    const Bytes name = r.bytes(r.u8());
    Identified who;
    if (!r.ok()) return who;
    who.known = true;
    const auto attribute = [&](unsigned n) -> Point& { return say.point(Object(ObjectKind::attribute, 1u << 8 | n, cip::identity)); };
    attribute(1).set_natural(vendor);
    attribute(2).set_natural(type);
    attribute(3).set_natural(product);
    std::array<char, 48> text;
    Identity& id = who.identity;
    attribute(4).set_text(id.firmware = say.text(number(number(text, 0, major, "."), minor)));
    attribute(5).set_bits(status, 16);
    attribute(6).set_natural(serial);
    attribute(7).set_text(id.product = say.text(text_of(name)));
    const std::string_view known = cip::find_name(cip::vendors, vendor);
    id.vendor = say.text(known.empty() ? number(number(text, "vendor "), vendor) : known);
    id.model = say.text(number(number(number(text, "type "), type, " code "), product));
    for (unsigned i = 0; i < 8; i++) text[i] = "0123456789ABCDEF"[serial >> (28 - 4 * i) & 15];
    id.serial = say.text({text.data(), 8});
    return who;
  }

  // Text and numbers in one buffer, without the heap.
  struct Written {
    std::array<char, 48>* room;
    size_t n;
    operator std::string_view() const { return {room->data(), n}; }
  };
  static Written number(std::array<char, 48>& room, std::string_view word) {
    std::copy(word.begin(), word.end(), room.begin());
    return {&room, word.size()};
  }
  static Written number(Written w, uint32_t v, std::string_view behind = {}) {
    std::array<char, 10> digits;
    size_t at = digits.size();
    do digits[--at] = char('0' + v % 10);
    while (v /= 10);
    w.n = size_t(std::copy(digits.begin() + long(at), digits.end(), w.room->begin() + long(w.n)) - w.room->begin());
    w.n = size_t(std::copy(behind.begin(), behind.end(), w.room->begin() + long(w.n)) - w.room->begin());
    return w;
  }
  static Written number(std::array<char, 48>& room, size_t, uint32_t v, std::string_view behind) { return number(Written{&room, 0}, v, behind); }

  // ---- common packet format

  void data(Reader& r, Speaker& say) {
    Message& m = say.head();
    const uint32_t interface = r.le32();
    r.skip(2);                                                        // timeout
    const unsigned items = r.le16();
    bool said = false;
    for (unsigned i = 0; i < items && r.ok() && r; i++) {
      const uint16_t type = r.le16();
      Reader item = r.sub(r.le16());
      if (!r.ok()) break;
      if (type == connected_address) {
        connection_ = item.le32();
      } else if ((type == connected_data || type == unconnected_data) && interface == 0 && !said) {
        said = true;
        key_ = type == connected_data ? 1ull << 63 | item.le16() : (context_ & ~(1ull << 63)) | 1ull << 62;
        m.tag = type == connected_data ? uint32_t(key_ & 0xffff) : uint32_t(context_);
        m.sequence = connection_;
        route_ = 0;
        for (const Explicit& x : explicits_)
          if (type == connected_data && x.connection == connection_) route_ = x.route;
        // What stands behind the data (socket addresses) decides only whether the packet is whole.
        const Bytes inside = item.rest();
        bool bad = false;
        Reader ahead{r.peek(), bad};
        for (unsigned k = i + 1; k < items && !bad; k++) ahead.skip(2), ahead.skip(ahead.le16());
        m.malformed |= bad || ahead.left() != 0;
        message(inside, 0, say);
      }
    }
    if (said) return;
    m.malformed |= !r.ok();
    say.end();
  }

  static bool is_list(uint8_t service) { return service == cip::get_list || service == cip::set_list; }

  Message& begin(Speaker& say, const Message& like) {
    Message& m = say.begin();
    m.frame = like.frame, m.tag = like.tag, m.sequence = like.sequence, m.malformed = like.malformed, m.station = like.station;
    return m;
  }

  // A CIP request or answer; the head of the first one is begun. Depth: inside of what.
  void message(Bytes octets, int depth, Speaker& say, Members* parent = nullptr, Asked* asked = nullptr) {
    const Message like = say.head();
    Message& m = begin(say, like);
    m.frame = depth ? uint8_t{frame_inner} : frame_;
    Reader r{octets, m.malformed};
    const uint8_t first = r.u8();
    if (first & 0x80) answer(r, first & 0x7f, depth, say, asked);
    else request(r, first, depth, say, parent);
  }

  static uint16_t class_of(const Path& p) { return p.has_class ? uint16_t(std::min<uint32_t>(p.cls, 0xefff)) : uint16_t{0xfffe}; }

  static constexpr uint64_t text_bits = ~(0xffull << 56);

  Object object_of(const Path& p, Speaker& say) {
    if (p.symbol_octets) {
      const Object tag = say.named(p.name());
      tags_->put(tag.key() & text_bits, p.name());
      return tag;
    }
    if (p.cls < 1u << 24 && p.instance < 1u << 24 && p.attribute < 256) return Object(ObjectKind::attribute, p.instance << 8 | p.attribute, p.cls);
    return Object(ObjectKind::item, p.instance, p.cls);
  }

  void request(Reader& r, uint8_t service, int depth, Speaker& say, Members* parent) {
    Message& m = say.head();
    m.role = Role::request;
    m.function = service;
    Path path;
    read_path(r.sub(size_t{2} * r.u8()), path);
    const uint16_t cls = class_of(path);
    m.sub_function = path.has_class ? cls : 0;
    const Function* row = cip::row_of(service & 0x7f, cls);
    m.act = row ? row->act : Act::other;
    const Object object = object_of(path, say);
    Asked a{object.key(), 0, cls, 0, service, 0, routed_};
    routed_ = false;
    const Bytes written = r.peek();
    const bool about_connections = cls == cip::connection_manager && !path.symbol_octets;
    if (service == cip::multiple && depth < 2) return members_asked(r, a, depth, say, parent);
    if (about_connections && service == cip::unconnected_send && depth < 2) return unconnected(r, a, depth, say);
    if (about_connections && (service == cip::forward_open || service == cip::large_forward_open)) open_asked(r, service == cip::large_forward_open, say);
    else if (about_connections && service == cip::forward_close) close_asked(r, say);
    else if (cls == cip::pccc && service == cip::execute_pccc) pccc_asked(r, a, say);
    else if (cls == cip::file || cls == 0xA1) m.retained = bool(r), opaque(r, object, say);
    else values_asked(r, service, object, path, a, say);
    if (m.act == Act::write || m.act == Act::operate || m.act == Act::configure || m.act == Act::run || m.act == Act::program || m.act == Act::time)
      m.digest = XXH3_64bits_withSeed(written.data(), written.size(), object.key() ^ service);
    if (parent) {
      if (parent->count < most_members) parent->asked[parent->count] = a;
      parent->count = uint16_t(std::min<size_t>(parent->count + 1u, most_members + 1));
    } else {
      ask(a, nullptr);
    }
    say.end();
  }

  static void opaque(Reader& r, Object object, Speaker& say) {
    Point& p = say.point(object);
    if (r) p.set_octets(r.rest().size());
  }

  void values_asked(Reader& r, uint8_t service, Object object, const Path& path, Asked& a, Speaker& say) {
    const bool tag = path.symbol_octets || path.cls == cip::symbol;
    a.point = path.symbol_octets ? object.key() & text_bits : 0;
    switch (service) {
      case cip::get_all: case cip::get_single: case cip::reset: case cip::start: case cip::stop: break;
      case cip::get_list: return list_asked(r, object, say);
      case cip::set_list: return list_values(r, object, false, say);
      case cip::set_single: case cip::set_all: return raw(r, object, say);
      case cip::read_tag:
        if (!tag) return opaque(r, object, say);
        say.point(object).qualifier = r.le16();                        // how many elements
        return r.finish();
      case cip::read_fragment:
        if (!tag) return opaque(r, object, say);
        say.point(object).qualifier = r.le16();
        a.offset = uint16_t(r.le32());
        return r.finish();
      case cip::write_tag: case cip::write_fragment: {
        if (!tag) return opaque(r, object, say);
        const uint16_t type = r.le16();
        if (type == 0x02A0) r.skip(2);                                // a structure's handle
        r.skip(2);
        const uint32_t offset = service == cip::write_fragment ? r.le32() : 0;
        return elements(r, type, object, a.point, offset, say);
      }
      case cip::read_modify_write: {
        if (!tag) return opaque(r, object, say);
        const size_t octets = r.le16();
        Point& p = say.point(object);
        const uint64_t set = octets == 1 || octets == 2 || octets == 4 || octets == 8 ? cip::little(r, octets) : (r.skip(octets), 0);
        p.set_bits(set, unsigned(8 * std::min<size_t>(octets, 8)));    // bits set; those kept are the qualifier
        p.qualifier = uint32_t(octets == 1 || octets == 2 || octets == 4 || octets == 8 ? cip::little(r, octets) : (r.skip(octets), 0));
        return r.finish();
      }
      default: break;
    }
    opaque(r, object, say);
  }

  // A value whose type nobody said: its bits as they lie, or how many octets.
  static void raw(Reader& r, Object object, Speaker& say) {
    Point& p = say.point(object);
    const size_t n = r.left();
    if (object.kind() == ObjectKind::attribute && object.space() == cip::identity && (object.number() & 0xff) == 7 && n > 1) {
      p.set_text(say.text(text_of(r.bytes(r.u8()))));
      r.rest();
    } else if (object.kind() == ObjectKind::attribute && object.space() == cip::clock && n == 8) {
      p.set_time(Time(r.le64()) * microsecond);
    } else if (n == 1 || n == 2 || n == 4 || n == 8) {
      p.set_bits(cip::little(r, n), unsigned(8 * n));
    } else if (n) {
      p.set_octets(n);
      r.rest();
    }
  }

  static void list_asked(Reader& r, Object object, Speaker& say) {
    const unsigned n = r.le16();
    for (unsigned i = 0; i < n && r.ok(); i++) {
      const uint16_t id = r.le16();
      if (r.ok()) say.point(attribute_of(object, id));
    }
    r.rest();
  }
  static Object attribute_of(Object object, uint16_t id) {
    if (object.kind() != ObjectKind::attribute || id > 255) return Object(ObjectKind::item, id, object.space());
    return Object(ObjectKind::attribute, (object.number() & ~0xffu) | id, object.space());
  }

  // Octets of an attribute's value, 0 unknown: in a list nothing but its class says where it ends.
  static size_t octets_of(uint32_t cls, uint16_t id) {
    if (cls == cip::identity) return id == 1 || id == 2 || id == 3 || id == 4 || id == 5 ? 2 : id == 6 ? 4 : 0;
    if (cls == cip::clock) return id == 5 || id == 6 ? 8 : 0;
    return 0;
  }
  static void list_values(Reader& r, Object object, bool with_status, Speaker& say) {
    const unsigned n = r.le16();
    for (unsigned i = 0; i < n && r.ok() && r; i++) {
      const uint16_t id = r.le16(), status = with_status ? r.le16() : uint16_t{0};
      if (!r.ok()) return;
      const Object attribute = attribute_of(object, id);
      size_t octets = status ? 0 : octets_of(object.space(), id);
      if (!status && !octets) octets = r.left();                       // the rest, up to where a type would say
      if (octets > r.left()) octets = r.left();
      Reader value = r.sub(octets);
      raw(value, attribute, say);
      say.points().back().status = status;
    }
    r.rest();
  }

  static Object element(uint64_t tag, uint32_t i, Object object) {
    constexpr uint32_t positions = 2048;                              // of a member
    return tag && i < positions ? Object::of_member(tag, uint16_t(i)) : Object(ObjectKind::item, i, uint32_t(tag ? tag : object.key()));
  }
  // Elements of a tag: the first is the tag, the others its members by position.
  static void elements(Reader& r, uint16_t code, Object object, uint64_t tag, uint32_t offset, Speaker& say) {
    const cip::Type type = cip::type_of(code);
    if (!type.octets) {
      Point& p = say.point(object);
      p.form = code;
      p.set_octets(r.rest().size());
      return;
    }
    uint32_t i = offset / type.octets;
    for (size_t n = r.left() / type.octets; n > 0; n--, i++) {
      Point& p = say.point(!i ? object : element(tag, i, object));
      p.form = code;
      cip::set(p, type, cip::little(r, type.octets));
    }
    r.rest();
  }

  // ---- several in one

  void members_asked(Reader& r, const Asked& a, int depth, Speaker& say, Members* parent) {
    Members* members = nullptr;
    if (!parent) {
      members = static_cast<Members*>(pool_->take(sizeof(Members)));
      if (members) new (members) Members;
    }
    const Message like = say.head();
    const Bytes all = r.peek();
    const unsigned n = r.le16();
    r.require(n * 2u <= r.left());
    say.head().qualifier = n;
    const bool whole = r.ok();
    say.head().malformed |= !whole;
    say.end();
    each(all, n, whole, like, say, [&](Bytes inside) { message(inside, depth + 1, say, members ? members : parent ? parent : &scrap_); });
    scrap_.count = 0;
    if (parent) {
      if (parent->count < most_members) parent->asked[parent->count] = a;
      parent->count = uint16_t(std::min<size_t>(parent->count + 1u, most_members + 1));
    } else {
      ask(a, members);
    }
  }

  // Each member by its offset from the count; they follow each other.
  template <class Say>
  void each(Bytes all, unsigned n, bool whole, const Message& like, Speaker& say, Say tell) {
    for (unsigned i = 0; whole && i < n; i++) {
      const size_t start = u16(&all[2 + 2 * i]), end = i + 1 < n ? u16(&all[4 + 2 * i]) : all.size();
      Message& m = begin(say, like);
      if (start < 2 + size_t{2} * n || start >= end || end > all.size()) {
        m.malformed = true;
        m.frame = frame_inner;
        m.function = cip::multiple;
        m.role = like.role;
        say.end();
        return;
      }
      tell(all.subspan(start, end - start));
    }
  }

  // Volume 1, 3-5.5.4: priority, ticks, size, the message, pad, route.
  void unconnected(Reader& r, const Asked&, int depth, Speaker& say) {
    r.skip(2);
    const size_t n = r.le16();
    const Bytes inside = r.bytes(n);
    if (n & 1) r.skip(1);
    const size_t words = r.u8();
    r.skip(1);
    Path route;
    read_path(r.sub(2 * words), route);
    r.finish();
    Message like = say.head();
    if (route.route) say.head().station = like.station = route.route;
    say.end();
    if (!n) return;
    like.malformed = false;
    begin(say, like);
    routed_ = true;
    route_ = route.route;
    message(inside, depth + 1, say);
    routed_ = false;
  }

  // ---- connections

  void open_asked(Reader& r, bool large, Speaker& say) {
    Open o;
    r.skip(2);
    const uint32_t to_target = r.le32(), to_originator = r.le32();
    const uint16_t serial = r.le16(), vendor = r.le16();
    const uint32_t originator = r.le32();
    r.skip(4);                                                        // timeout multiplier
    o.to_target_rpi = r.le32();
    const uint32_t to_target_size = large ? r.le32() & 0xffff : r.le16() & 0x1ff;
    o.to_originator_rpi = r.le32();
    const uint32_t to_originator_size = large ? r.le32() & 0xffff : r.le16() & 0x1ff;
    const uint8_t transport = r.u8();
    Path path;
    read_path(r.sub(size_t{2} * r.u8()), path);
    r.finish();
    Message& m = say.head();
    m.station = path.route;
    m.qualifier = transport;
    o.opener = opener(serial, vendor, originator);
    o.first_class = (transport & 15) == 1;
    o.route = path.route;
    o.io = (transport & 15) <= 1;
    if (path.point_count >= 2) o.to_target_assembly = path.points[path.point_count - 2u], o.to_originator_assembly = path.points[path.point_count - 1u];
    else if (path.point_count == 1) o.to_originator_assembly = path.points[0];
    const auto item = [&](unsigned number, std::string_view name) -> Point& {
      const Object object(ObjectKind::item, number, cip::connection_manager);
      say.label(object, name);
      return say.point(object);
    };
    item(1, "O->T connection").set_bits(to_target, 32);
    item(2, "T->O connection").set_bits(to_originator, 32);
    item(3, "O->T interval").duration = o.to_target_rpi / 1000, say.points().back().set_natural(o.to_target_rpi);
    item(4, "T->O interval").duration = o.to_originator_rpi / 1000, say.points().back().set_natural(o.to_originator_rpi);
    item(5, "O->T size").set_natural(to_target_size);
    item(6, "T->O size").set_natural(to_originator_size);
    item(7, "originator").set_bits(uint64_t{vendor} << 32 | originator, 48);
    if (path.has_class || path.symbol_octets) say.point(object_of(path, say));
    for (unsigned i = 0; i < path.point_count; i++) {
      const unsigned back = path.point_count - i;
      Point& p = say.point(Object(ObjectKind::attribute, path.points[i] << 8, cip::assembly));
      p.qualifier = back;                                             // 1 from the target, 2 to the target
    }
    if (r.ok()) opens_[opens_next_++ % opens_.size()] = o;
  }

  static uint64_t opener(uint16_t serial, uint16_t vendor, uint32_t originator) { return uint64_t{serial} << 48 | uint64_t{vendor} << 32 | originator; }

  void open_answered(Reader& r, Speaker& say) {
    const uint32_t to_target = r.le32(), to_originator = r.le32();
    const uint16_t serial = r.le16(), vendor = r.le16();
    const uint32_t originator = r.le32(), to_target_interval = r.le32(), to_originator_interval = r.le32();
    r.skip(2 * size_t{r.u8()} + 1);
    const auto item = [&](unsigned number, std::string_view name) -> Point& {
      const Object object(ObjectKind::item, number, cip::connection_manager);
      say.label(object, name);
      return say.point(object);
    };
    item(1, "O->T connection").set_bits(to_target, 32);
    item(2, "T->O connection").set_bits(to_originator, 32);
    item(3, "O->T interval").set_natural(to_target_interval);
    item(4, "T->O interval").set_natural(to_originator_interval);
    if (!r.ok()) return;
    const uint64_t who = opener(serial, vendor, originator);
    for (Open& o : opens_) {
      if (o.opener != who) continue;
      if (o.io) {
        const Side target = from_;
        Connection c;
        c.opener = who;
        c.first_class = o.first_class;
        c.key = key_of(say.host(other(target)), to_target), c.rpi = to_target_interval, c.assembly = o.to_target_assembly, c.to_target = true;
        directory_->put(c);
        c.key = key_of(say.host(target), to_originator), c.rpi = to_originator_interval, c.assembly = o.to_originator_assembly, c.to_target = false;
        directory_->put(c);
      } else {
        explicits_[explicits_next_++ % explicits_.size()] = {to_target, o.route};
      }
      o = {};
    }
  }

  void close_asked(Reader& r, Speaker& say) {
    r.skip(2);
    const uint16_t serial = r.le16(), vendor = r.le16();
    const uint32_t originator = r.le32();
    const size_t words = r.u8();
    r.skip(1);
    Path path;
    read_path(r.sub(2 * words), path);
    r.finish();
    const Object object(ObjectKind::item, 7, cip::connection_manager);
    say.label(object, "originator");
    Point& p = say.point(object);
    p.set_bits(uint64_t{vendor} << 32 | originator, 48);
    p.qualifier = serial;
    if (path.has_class) say.point(object_of(path, say));
    say.head().station = path.route;
  }

  // ---- PCCC (1770-6.5.16)

  static bool numbered(uint8_t command) { return command == 0x0F || command == 0x06 || command == 0x07; }

  void pccc_asked(Reader& r, Asked& a, Speaker& say) {
    Message& m = say.head();
    const size_t id = r.u8();
    r.require(id >= 1);
    r.skip(id ? id - 1 : 0);                                          // vendor and serial number of who asks
    const uint8_t command = r.u8();
    r.skip(1);
    const uint16_t transaction = r.le16();
    m.qualifier = transaction;
    const uint8_t function = numbered(command & 0x0f) ? r.u8() : uint8_t{0};
    m.sub_function = a.sub = uint16_t(0xF000 | (command & 0x0f) << 8 | function);
    if (m.sub_function == 0xffff) m.sub_function = a.sub = 0xFFFE;
    const Function* row = cip::row_of(cip::execute_pccc, m.sub_function);
    m.act = row ? row->act : Act::other;
    if ((command & 0x0f) == 0x0F && (function == 0xA1 || function == 0xA2 || function == 0xA9 || function == 0xAA || function == 0xAB)) return logical(r, function, a, say);
    if ((command & 0x0f) == 0x0F && (function == 0x3A || function == 0x80)) {
      say.point({}).set_natural(r.u8());                              // the mode that is wanted
      r.rest();
      return;
    }
    if (r) say.point({}).set_octets(r.rest().size());
  }

  static uint16_t compact(Reader& r) {                                // one octet, or 0xFF and two
    const uint8_t v = r.u8();
    return v == 0xff ? r.le16() : v;
  }

  // "N7:3": size, file, type, element, sub-element; what is written follows.
  void logical(Reader& r, uint8_t function, Asked& a, Speaker& say) {
    const size_t octets = r.u8();
    const uint16_t file = compact(r);
    const uint8_t type = r.u8();
    const uint16_t element = compact(r), sub = function == 0xA1 || function == 0xA9 ? uint16_t{0} : compact(r);
    constexpr std::string_view letters = "SBTCRNFOISAD";             // 0x84 …
    std::array<char, 48> text;
    const char letter = type >= 0x84 && type < 0x84 + letters.size() ? letters[type - 0x84u] : '?';
    text[0] = letter, text[1] = 'T';                                   // ST: a string file
    Written name = number(number(Written{&text, type == 0x8D ? 2u : 1u}, file, ":"), element, sub ? "." : "");
    if (sub) name = number(name, sub);
    const Object object = say.named(name);
    tags_->put(object.key() & text_bits, name);
    a.object = object.key();
    a.point = object.key() & text_bits;
    a.kind = type;
    if (function == 0xA1 || function == 0xA2) {
      say.point(object).qualifier = uint32_t(octets);
      r.rest();
      return;
    }
    const uint32_t mask = function == 0xAB ? r.le16() : 0;
    words(r, type, object, a.point, say);
    if (mask && !say.points().empty()) say.points().front().qualifier = mask;
  }

  static void words(Reader& r, uint8_t type, Object object, uint64_t tag, Speaker& say) {
    const bool floats = type == 0x8A, bits = type == 0x84 || type == 0x85 || type == 0x8B || type == 0x8C;
    const size_t each = floats ? 4 : 2;
    if (type < 0x84 || type > 0x8C || r.left() < each) {
      Point& p = say.point(object);
      if (r) p.set_octets(r.rest().size());
      return;
    }
    uint16_t i = 0;
    for (size_t n = r.left() / each; n > 0; n--, i++) {
      Point& p = say.point(i ? element(tag, i, object) : object);
      if (floats) p.set_real(double(r.le_float()));
      else if (bits) p.set_bits(r.le16(), 16);
      else p.set_integer(int16_t(r.le16()));
    }
    r.rest();
  }

  void pccc_answered(Reader& r, const Asked* a, Speaker& say) {
    Message& m = say.head();
    const size_t id = r.u8();
    r.require(id >= 1);
    r.skip(id ? id - 1 : 0);
    const uint8_t command = r.u8(), status = r.u8();
    m.qualifier = r.le16();
    m.sub_function = a && a->sub >= 0xF000 ? a->sub : uint16_t{cip::pccc};
    const Function* row = cip::row_of(cip::execute_pccc, m.sub_function);
    m.act = row ? row->act : Act::other;
    r.require((command & 0x40) != 0);
    if (status) {
      m.refused = true;
      m.reason = uint16_t(0x2000 | status);
      if (status == 0xF0 && r) say.point({}).set_natural(r.u8());       // the extended status
      r.rest();
      return;
    }
    if (!r) return;
    if (a && (a->sub == 0xFFA1 || a->sub == 0xFFA2) && a->object) return words(r, a->kind, Object::from_key(a->object), a->point, say);
    say.point({}).set_octets(r.rest().size());
  }

  // ---- answers

  void ask(const Asked& a, Members* members) {
    Question& q = questions_[asked_++ % questions_.size()];
    pool_->give(q.members);
    q = {key_, connection_, a, members, route_};
    if (asked_ - first_open_ > questions_.size()) first_open_ = asked_ - uint32_t(questions_.size());
  }
  // The oldest question with this key; a connected answer comes on another connection identifier than its question.
  Question* question(uint8_t service) {
    for (uint32_t i = first_open_; i != asked_; i++) {
      Question& q = questions_[i % questions_.size()];
      if (q.key == 0 && i == first_open_) {
        first_open_++;
        continue;
      }
      if (q.key == key_ && (q.asked.service == service || (service == cip::unconnected_send && q.asked.routed))) return &q;
    }
    return nullptr;
  }

  void answer(Reader& r, uint8_t service, int depth, Speaker& say, Asked* inner) {
    Message& m = say.head();
    m.role = Role::response;
    m.function = service;
    r.skip(1);
    const uint8_t status = r.u8();
    const size_t words = r.u8();
    Reader extended = r.sub(2 * words);
    const uint16_t more = words && extended.ok() ? extended.le16() : uint16_t{0};
    Question* q = nullptr;
    Asked a;
    Members* members = nullptr;
    if (inner) {
      a = *inner;
    } else if (depth == 0) {
      q = question(service);
      if (q) {
        a = q->asked, members = q->members, q->members = nullptr, q->key = 0;
        route_ = q->route;
        if (a.service != service) a.sub = cip::connection_manager;       // the router's own word
      } else {
        m.unpaired = true;
      }
    } else {
      m.unpaired = true;
    }
    const bool known = q || inner;
    if (known && a.point)
      if (const std::string_view tag = tags_->find(a.point); !tag.empty()) say.text(tag);
    const uint16_t cls = known ? a.sub : uint16_t{0xfffe};
    if (known && cls < 0xfffe) m.sub_function = cls;
    const Function* row = cip::row_of(service, known ? cls : uint16_t{0xfffe});
    m.act = row ? row->act : Act::other;
    if (known && cls == cip::identity && m.act == Act::read) m.act = Act::identify;
    m.qualifier = more;
    if (status && status != 6) {
      m.refused = true;
      m.reason = status == 1 && more && more < 0x1000 ? uint16_t(0x4000 | more) : status;
      if (!r || !(service == cip::multiple || service == cip::get_list || service == cip::set_list)) {
        if (known && a.object) say.point(Object::from_key(a.object));
        if (service == cip::execute_pccc && cls >= 0xF000) m.sub_function = cls;
        r.rest();
        pool_->give(members);
        return say.end();
      }
    }
    if (service == cip::multiple && depth < 2) return members_answered(r, members, depth, say);
    const Object object = known ? Object::from_key(a.object) : Object();
    const bool tag = known && (a.point || cls == cip::symbol);
    const bool pccc = service == cip::execute_pccc && known && (cls == cip::pccc || cls >= 0xF000);
    if (pccc || (service == cip::execute_pccc && !known && looks_like_pccc(r.peek()))) pccc_answered(r, known ? &a : nullptr, say);
    else if (known && cls == cip::connection_manager && (service == cip::forward_open || service == cip::large_forward_open)) open_answered(r, say);
    else if (service == cip::get_all && known && cls == cip::identity) all_of_identity(r, say);
    else if ((service == cip::get_list || service == cip::set_list) && known) service == cip::get_list ? list_values(r, object, true, say) : list_statuses(r, object, say);
    else if (service == cip::get_single && known) raw(r, object, say);
    else if ((service == cip::read_tag || service == cip::read_fragment) && tag) {
      const uint16_t type = r.le16();
      if (type == 0x02A0) r.skip(2);
      elements(r, type, object, a.point, a.offset, say);
    } else {
      if (r || known) {
        Point& p = say.point(object);
        if (r) p.set_octets(r.rest().size());
      }
    }
    pool_->give(members);
    say.end();
  }

  static bool looks_like_pccc(Bytes b) { return b.size() >= 11 && b[0] == 7 && (b[7] & 0xF0) == 0x40; }

  static void list_statuses(Reader& r, Object object, Speaker& say) {
    const unsigned n = r.le16();
    for (unsigned i = 0; i < n && r.ok() && r; i++) {
      const uint16_t id = r.le16(), status = r.le16();
      if (r.ok()) say.point(attribute_of(object, id)).status = status;
    }
    r.rest();
  }

  void all_of_identity(Reader& r, Speaker& say) {
    const Identified who = attributes(r, say);
    r.rest();
    if (!who.known) return;
    Identity id = who.identity;
    id.station = route_;                                              // each module of a rack is a device of its own
    say.identity(id);
  }

  void members_answered(Reader& r, Members* members, int depth, Speaker& say) {
    const Message like = say.head();
    const Bytes all = r.peek();
    const unsigned n = r.le16();
    r.require(n * 2u <= r.left());
    say.head().qualifier = n;
    const bool whole = r.ok();
    say.end();
    Message inner = like;
    inner.malformed = false;
    unsigned i = 0;
    each(all, n, whole, inner, say, [&](Bytes inside) {
      Asked* a = members && i < std::min<size_t>(members->count, most_members) ? &members->asked[i] : nullptr;
      i++;
      message(inside, depth + 1, say, nullptr, a);
    });
    pool_->give(members);
  }

  // ---- I/O

  IoStream& stream(uint32_t connection, Side from) {
    IoStream* oldest = &streams_[0];
    for (IoStream& s : streams_) {
      if (s.used && s.connection == connection && s.from == from) return s.turn = ++turn_, s;
      if (oldest->used && (!s.used || turn_ - s.turn > turn_ - oldest->turn)) oldest = &s;
    }
    *oldest = {};
    oldest->connection = connection;
    oldest->from = from;
    oldest->turn = ++turn_;
    return *oldest;
  }

  void io(Bytes record, Side from, Speaker& say) {
    const uint32_t connection = u32(&record[6]), sequence = u32(&record[10]);
    const size_t octets = u16(&record[16]);
    Bytes data = record.subspan(18, octets);
    IoStream& s = stream(connection, from);
    const bool first = !s.used;
    s.used = true;
    s.frames++;
    const Connection* c = directory_->find(key_of(say.host(from), connection));
    if ((!c || c->first_class) && data.size() >= 2) data = data.subspan(2);   // class 1 counts its packets here too
    bool headed = false, run = false;
    if (c && c->to_target && data.size() >= 4 && u32(data.data()) <= 0x0f) headed = true, run = data[0] & 1, data = data.subspan(4);
    const int32_t step = int32_t(sequence - s.sequence);
    if (!first && step > 1) s.missing += uint32_t(step) - 1;
    if (!first && step <= 0) s.misordered++;
    if (first || step > 0) s.sequence = sequence;
    const bool mode_changed = !first && headed && run != s.run, size_changed = !first && octets != s.octets;
    s.run = run;
    s.octets = uint16_t(octets);
    const bool due = first || say.time - s.told >= second || say.time < s.told;
    const bool broken = (s.missing || s.misordered) && (!s.breached || due);
    if (!due && !broken && !mode_changed && !size_changed) [[likely]] return;

    const auto begin_one = [&](uint16_t function, uint16_t why) -> Message& {
      Message& m = say.begin();
      m.function = function;
      m.frame = frame_io;
      m.role = Role::report;
      m.act = Act::report;
      m.reason = why;
      m.sequence = sequence;
      m.qualifier = connection;
      return m;
    };
    const auto mode = [&] {
      if (!headed) return;
      const Object o(ObjectKind::item, 8, cip::connection_manager);
      say.label(o, "run");
      say.point(o).set(run);
    };
    if (broken) {
      Message& m = begin_one(0x202, uint16_t(0x1000 | (s.missing ? cip::io_missing : cip::io_misordered)));
      m.tag = s.missing ? s.missing : s.misordered;
      (s.missing ? s.missing : s.misordered) = 0;
      s.breached = true;
      say.end();
    }
    if (mode_changed || size_changed) {
      Message& m = begin_one(0x201, uint16_t(0x1000 | (mode_changed ? cip::io_mode : cip::io_data)));
      m.digest = XXH3_64bits(data.data(), data.size());
      mode();
      value(c, connection, data, say);
      say.end();
    }
    if (!due) return;
    Message& m = begin_one(0x200, 0);
    m.tag = s.frames;
    m.digest = XXH3_64bits(data.data(), data.size());
    mode();
    value(c, connection, data, say);
    say.end();
    s.frames = 0;
    s.told = say.time;
    s.breached = false;
  }

  // The assembly's data, where the Forward_Open named it; else of the connection.
  static void value(const Connection* c, uint32_t connection, Bytes data, Speaker& say) {
    Point& p = say.point(c && c->assembly ? Object(ObjectKind::attribute, c->assembly << 8 | 3, cip::assembly) : Object(ObjectKind::item, connection, 0xffff));
    uint64_t v = 0;
    for (size_t i = std::min<size_t>(8, data.size()); i-- > 0;) v = v << 8 | data[i];
    if (data.size() <= 8 && !data.empty()) p.set_bits(v, unsigned(8 * data.size()));
    else p.set_octets(data.size());
  }

  Pool* pool_;
  Directory* directory_;
  Tags* tags_;
  std::array<bool, 2> seeking_{};
  uint8_t frame_ = 0;
  Side from_ = Side::client;
  uint32_t session_ = 0, connection_ = 0, asked_ = 0, first_open_ = 0, turn_ = 0, opens_next_ = 0;
  uint64_t context_ = 0, key_ = 0, route_ = 0;
  struct Explicit { uint32_t connection = 0; uint64_t route = 0; };   // class 3, by the identifier that questions bear
  std::array<Explicit, 8> explicits_{};
  uint32_t explicits_next_ = 0;
  bool say_identity_ = false, routed_ = false;
  Identity identity_;
  Members scrap_;
  std::array<Question, 64> questions_{};
  std::array<Open, 8> opens_{};
  std::array<IoStream, 16> streams_{};
};

// ---- recognising

struct Sight { Recognised::Sure sure = Recognised::no; int asks = 0; };   // asks: 1 a request, -1 an answer

Sight sight(Bytes b, Carrier carrier) {
  if (b.empty()) return {};
  if (carrier == Carrier::udp && is_io(b)) return {Recognised::yes, 0};
  if (b.size() < header_octets) return {b.size() >= 2 ? (frame_of(u16(b.data())) > 0 ? Recognised::maybe : Recognised::no) : Recognised::maybe, 0};
  const uint16_t command = u16(&b[0]), length = u16(&b[2]);
  const size_t size = size_t{header_octets} + length;
  if (!coherent(b, true) || (carrier == Carrier::udp && size != b.size())) return {coherent(b, false) && frame_of(command) >= 0 ? Recognised::maybe : Recognised::no, 0};
  if (size < b.size() && b.size() - size >= 2 && frame_of(u16(&b[size])) < 0) return {Recognised::maybe, 0};
  const uint32_t session = u32(&b[4]);
  int asks = 0;
  if (command == register_session) asks = session ? -1 : 1;
  else if (command == list_services || command == list_identity || command == list_interfaces) asks = length ? -1 : 1;
  else if (command == unregister_session) asks = 1;
  else if (length >= 16) {                                            // the CIP message's own bit
    const Bytes body = b.subspan(header_octets);
    size_t at = 8;
    for (int i = 0; i < 4 && at + 4 <= body.size(); i++) {
      const uint16_t type = u16(&body[at]), n = u16(&body[at + 2]);
      const size_t inside = at + 4 + (type == connected_data ? 2 : 0);
      if ((type == connected_data || type == unconnected_data) && inside < body.size()) {
        asks = body[inside] & 0x80 ? -1 : 1;
        break;
      }
      at += size_t{4} + n;
    }
  }
  return {Recognised::yes, asks};
}

Recognised recognises(Bytes up, Bytes down, Carrier carrier) {
  const Sight u = sight(up, carrier), d = sight(down, carrier);
  const auto sure = std::max(u.sure, d.sure);
  if (sure == Recognised::no) return {};
  const int asks = u.sure == Recognised::yes && u.asks ? u.asks : d.sure == Recognised::yes ? -d.asks : 0;
  return {sure, asks > 0 ? Recognised::up : asks < 0 ? Recognised::down : Recognised::unknown};
}

constexpr Port ports[] = {{Carrier::tcp, 44818}, {Carrier::udp, 44818}, {Carrier::udp, 2222}, {Carrier::tcp, 2222}};

std::string_view note(const Point& p) {
  if (p.object.kind() != ObjectKind::attribute) return {};
  if (p.object.space() == cip::identity) {
    constexpr std::string_view names[] = {"Identity", "vendor", "device type", "product code", "revision", "status", "serial number", "product name"};
    if ((p.object.number() & 0xff) < std::size(names)) return names[p.object.number() & 0xff];
  }
  return p.object.space() <= 0xffff ? cip::find_name(cip::classes, uint16_t(p.object.space())) : std::string_view{};
}

Parser* open(Pool& pool) {
  Directory* const directory = pool.shared<Directory>();
  Tags* const tags = pool.shared<Tags>();
  return directory && tags ? pool.make<Enip>(pool, *directory, *tags) : nullptr;
}

}  // namespace
extern const Protocol protocol;
const Protocol protocol = {"enip", "EtherNet/IP", ports, recognises, open, cip::functions, frames, cip::reason_name,
                           "The CIP Networks Library, Volume 1 (3.33): 2, 3-5, 5A, appendices A to C; Volume 2 (1.24): 2, 3; Rockwell 1756-PM020 and 1770-6.5.16 (PCCC)",
                           "contents of services of vendors' own classes; attribute values without a type; file and firmware contents; safety messages; DTLS on 2221",
                           cip::status_name, note};
}  // namespace vidra::enip
