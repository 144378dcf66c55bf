// SPDX-License-Identifier: Apache-2.0
// OPC UA binary over TCP: OPC 10000-6 1.05 (5.2 encoding, 6.7 secure conversation, 7.1 and 7.2 connection), OPC 10000-4 1.05
// (services), OPC 10000-11 (history). A record is one message chunk; chunks of one message are put together.
//
// What the head says:
//   function      the number of the request's binary encoding, for request and response alike; 256 and up for what has none
//   sub_function  of ActivateSession the kind of identity token, of OpenSecureChannel 1 if renewed, of BrowseNext 1 if released
//   tag           the request id; sequence: the chunk's sequence number (of the last chunk of a message)
//   reason        the upper half of the service's (or, of commands, the first bad item's) status code
//   qualifier     the channel's MessageSecurityMode: 1 none, 2 sign, 3 sign and encrypt; 0 not known
// and the points: qualifier = attribute | array index << 16; form = built-in type, 0x100 for arrays; status = upper half of its
// status code. Passwords, tokens and nonces are stepped over.
#include <array>
#include <cstdio>
#include <cstring>

#include "dissectors/opcua_status.h"
#include "dissectors/protocol.h"
#include "dissectors/sha1.h"

namespace vidra::opcua {
namespace {

enum : uint16_t {
  hello = 256, acknowledge, error, reverse_hello, secured, chunk_part, chunk_abort,
  fault = 397, find_servers = 422, get_endpoints = 428, register_server = 437, open_channel = 446, close_channel = 452,
  create_session = 461, activate_session = 467, close_session = 473, cancel = 479, add_nodes = 488, add_references = 494, delete_nodes = 500,
  delete_references = 506, browse = 527, browse_next = 533, translate_paths = 554, register_nodes = 560, unregister_nodes = 566, query_first = 615,
  query_next = 621, read = 631, history_read = 664, write = 673, history_update = 700, call = 712, create_items = 751, modify_items = 763,
  set_mode = 769, set_triggering = 775, delete_items = 781, create_subscription = 787, modify_subscription = 793, set_publishing = 799,
  publish = 826, republish = 832, transfer_subscriptions = 841, delete_subscriptions = 847, find_on_network = 12208, register_server2 = 12211
};

constexpr Function functions[] = {
    {hello, 0xffff, "hello", Act::session},
    {acknowledge, 0xffff, "acknowledge", Act::session},
    {error, 0xffff, "error", Act::session},
    {reverse_hello, 0xffff, "reverse hello", Act::session},
    {secured, 1, "message of another kind", Act::other},
    {secured, 0xffff, "secured message", Act::other},
    {chunk_part, 0xffff, "part of a message", Act::other},
    {chunk_abort, 0xffff, "message aborted", Act::session},
    {fault, 0xffff, "service fault", Act::other},
    {410, 0xffff, "test stack", Act::diagnose},
    {416, 0xffff, "test stack (extended)", Act::diagnose},
    {find_servers, 0xffff, "find servers", Act::identify},
    {get_endpoints, 0xffff, "get endpoints", Act::identify},
    {register_server, 0xffff, "register server", Act::session},
    {open_channel, 1, "renew secure channel", Act::session},
    {open_channel, 0xffff, "open secure channel", Act::session},
    {close_channel, 0xffff, "close secure channel", Act::session},
    {create_session, 0xffff, "create session", Act::session},
    {activate_session, 1, "activate session, anonymous", Act::session},
    {activate_session, 2, "activate session, user name", Act::session},
    {activate_session, 3, "activate session, certificate", Act::session},
    {activate_session, 4, "activate session, issued token", Act::session},
    {activate_session, 0xffff, "activate session", Act::session},
    {close_session, 0xffff, "close session", Act::session},
    {cancel, 0xffff, "cancel requests", Act::session},
    {add_nodes, 0xffff, "add nodes", Act::configure},
    {add_references, 0xffff, "add references", Act::configure},
    {delete_nodes, 0xffff, "delete nodes", Act::configure},
    {delete_references, 0xffff, "delete references", Act::configure},
    {browse, 0xffff, "browse", Act::browse},
    {browse_next, 1, "browse: release continuation points", Act::browse},
    {browse_next, 0xffff, "browse next", Act::browse},
    {translate_paths, 0xffff, "browse: translate paths", Act::browse},
    {register_nodes, 0xffff, "register nodes", Act::session},
    {unregister_nodes, 0xffff, "unregister nodes", Act::session},
    {query_first, 0xffff, "query first", Act::browse},
    {query_next, 0xffff, "query next", Act::browse},
    {read, 0xffff, "read", Act::read},
    {history_read, 0xffff, "read history", Act::read},
    {write, 0xffff, "write", Act::write},
    {history_update, 0xffff, "write history", Act::write},
    {call, 0xffff, "call", Act::operate},
    {create_items, 0xffff, "create monitored items", Act::subscribe},
    {modify_items, 0xffff, "modify monitored items", Act::subscribe},
    {set_mode, 0xffff, "set monitoring mode", Act::subscribe},
    {set_triggering, 0xffff, "set triggering", Act::subscribe},
    {delete_items, 0xffff, "delete monitored items", Act::subscribe},
    {create_subscription, 0xffff, "create subscription", Act::subscribe},
    {modify_subscription, 0xffff, "modify subscription", Act::subscribe},
    {set_publishing, 0xffff, "set publishing mode", Act::subscribe},
    {publish, 0xffff, "publish", Act::report},
    {republish, 0xffff, "republish", Act::report},
    {transfer_subscriptions, 0xffff, "transfer subscriptions", Act::subscribe},
    {delete_subscriptions, 0xffff, "delete subscriptions", Act::subscribe},
    {find_on_network, 0xffff, "find servers on network", Act::identify},
    {register_server2, 0xffff, "register server 2", Act::session},
};

enum Frame : uint8_t { HEL, ACK, ERR, RHE, OPN, CLO, MSG, unknown_frame };
constexpr std::string_view frames[] = {"HEL", "ACK", "ERR", "RHE", "OPN", "CLO", "MSG", "none"};

constexpr std::string_view attributes[] = {   // OPC 10000-6, A.1
    "", "NodeId", "NodeClass", "BrowseName", "DisplayName", "Description", "WriteMask", "UserWriteMask", "IsAbstract", "Symmetric", "InverseName",
    "ContainsNoLoops", "EventNotifier", "", "DataType", "ValueRank", "ArrayDimensions", "AccessLevel", "UserAccessLevel", "MinimumSamplingInterval",
    "Historizing", "Executable", "UserExecutable", "DataTypeDefinition", "RolePermissions", "UserRolePermissions", "AccessRestrictions", "AccessLevelEx"};
constexpr uint32_t value_attribute = 13;

std::string_view note(const Point& p) {   // "" for a value
  const uint32_t attribute = p.qualifier & 0xffff;
  return attribute < std::size(attributes) ? attributes[attribute] : std::string_view{};
}

// A service by the number of either of its encodings.
struct Service { uint16_t function = 0; bool asks = false; };
Service service(uint32_t type) {
  static constexpr auto low = [] {
    std::array<uint8_t, 512> t{};      // type - 390: 1 request, 2 response
    for (const Function& f : functions)
      if (f.number > fault && f.number < 900) t[f.number - 390u] = 1, t[f.number - 387u] = 2;
    return t;
  }();
  if (type >= 390 && type < 390 + low.size()) {
    if (low[type - 390] == 1) return {uint16_t(type), true};
    if (low[type - 390] == 2) return {uint16_t(type - 3), false};
  }
  switch (type) {
    case fault: return {fault, false};
    case find_on_network: case register_server2: return {uint16_t(type), true};
    case find_on_network + 1: case register_server2 + 1: return {uint16_t(type - 1), false};
    default: return {};
  }
}
constexpr auto acts = [] {
  std::array<Act, 1024> a{};
  for (const Function& f : functions)
    if (f.number < a.size()) a[f.number] = f.act;
  return a;
}();
Act act_of(uint16_t function) {
  return function < acts.size() ? acts[function] : function == find_on_network ? Act::identify : function == register_server2 ? Act::session : Act::other;
}

constexpr size_t header = 8;                       // type, chunk kind, size
constexpr uint32_t longest_chunk = 4 << 20;        // no more is believed to be a size
constexpr unsigned deepest = 32;                   // values inside values
constexpr uint32_t array_limit = 1024;             // elements of one array that are said

// ---- built-in types (OPC 10000-6, 5.2.2)

Bytes string(Reader& r) {
  const int32_t n = int32_t(r.le32());
  return n > 0 ? r.bytes(size_t(n)) : Bytes{};
}
uint32_t count(Reader& r) {          // of an array; null is empty
  const int32_t n = int32_t(r.le32());
  return n > 0 ? uint32_t(n) : 0;
}
void strings(Reader& r) {
  for (uint32_t i = 0, n = count(r); i < n && r.ok(); i++) string(r);
}
std::string_view localized(Reader& r) {
  const uint8_t mask = r.u8();
  if (mask & 1) string(r);
  return mask & 2 ? text_of(string(r)) : std::string_view{};
}
void diagnostics(Reader& r) {        // 5.2.2.12: the inner one follows the outer's fields
  for (unsigned depth = 0; r.ok(); depth++) {
    r.require(depth < deepest);
    const uint8_t mask = r.u8();
    r.skip(4 * size_t((mask & 1) + (mask >> 1 & 1) + (mask >> 2 & 1) + (mask >> 3 & 1)));
    if (mask & 0x10) string(r);
    if (mask & 0x20) r.skip(4);
    if (!(mask & 0x40)) return;
  }
}
void diagnostic_list(Reader& r) {
  for (uint32_t i = 0, n = count(r); i < n && r.ok(); i++) diagnostics(r);
}
Time instant(uint64_t ticks) {       // 100 ns since 1601; before 1970 and after 2262 there is no Time
  constexpr uint64_t epoch = 116'444'736'000'000'000;
  return ticks > epoch && ticks - epoch < uint64_t(INT64_MAX) / 100 ? Time((ticks - epoch) * 100) : 0;
}

// A NodeId or ExpandedNodeId: its numbers, or the octets of what names it.
struct Node {
  enum Kind : uint8_t { number, text, guid, octets } kind = number;
  uint16_t space = 0;
  uint32_t identifier = 0;
  Bytes name;
  bool null() const { return kind == number && identifier == 0; }
};
Node node(Reader& r) {
  const uint8_t form = r.u8();
  Node n;
  switch (form & 0x3f) {
    case 0: n.identifier = r.u8(); break;
    case 1: n.space = r.u8(), n.identifier = r.le16(); break;
    case 2: n.space = r.le16(), n.identifier = r.le32(); break;
    case 3: n.kind = Node::text, n.space = r.le16(), n.name = string(r); break;
    case 4: n.kind = Node::guid, n.space = r.le16(), n.name = r.bytes(16); break;
    case 5: n.kind = Node::octets, n.space = r.le16(), n.name = string(r); break;
    default: r.require(false);
  }
  if (form & 0x80) string(r);
  if (form & 0x40) r.skip(4);
  return n;
}

char* hex_digits(char* to, Bytes b) {
  for (uint8_t o : b) *to++ = "0123456789abcdef"[o >> 4], *to++ = "0123456789abcdef"[o & 15];
  return to;
}
char* guid(char* to, Bytes b) {      // 5.2.2.6: the first three parts lie with the low octet first
  const uint8_t order[] = {b[3], b[2], b[1], b[0], b[5], b[4], b[7], b[6]};
  const Bytes o = order;
  to = hex_digits(to, o.first(4)), *to++ = '-';
  to = hex_digits(to, o.subspan(4, 2)), *to++ = '-';
  to = hex_digits(to, o.subspan(6, 2)), *to++ = '-';
  to = hex_digits(to, b.subspan(8, 2)), *to++ = '-';
  return hex_digits(to, b.subspan(10, 6));
}
// "ns=2;s=Name"; a name that does not fit ends in the hash of the whole.
using Room = std::array<char, 600>;
std::string_view written(const Node& n, Room& room) {
  char* at = room.data();
  if (n.space) at += std::snprintf(at, 16, "ns=%u;", unsigned(n.space));
  switch (n.kind) {
    case Node::number: at += std::snprintf(at, 16, "i=%u", unsigned(n.identifier)); break;
    case Node::guid:
      *at++ = 'g', *at++ = '=';
      if (n.name.size() == 16) at = guid(at, n.name);
      break;
    default: {
      *at++ = n.kind == Node::text ? 's' : 'b', *at++ = '=';
      constexpr size_t most = 500;
      const bool fits = n.name.size() <= (n.kind == Node::text ? most : most / 2);
      const Bytes shown = fits ? n.name : n.name.first(most / 4);
      if (n.kind == Node::octets) at = hex_digits(at, shown);
      else if (!shown.empty()) std::memcpy(at, shown.data(), shown.size()), at += shown.size();
      if (!fits) at += std::snprintf(at, 32, "…#%014llx", (unsigned long long)text_key(text_of(n.name)));
    }
  }
  return {room.data(), size_t(at - room.data())};
}
Object object(const Node& n, Speaker& say) {
  if (n.kind == Node::number) return Object(ObjectKind::node, n.identifier, n.space);
  Room room;
  return say.named(written(n, room));
}

struct Extension { uint32_t type = 0; Bytes body; };   // type 0: none of the standard's own, in binary
Extension extension(Reader& r) {
  const Node type = node(r);
  const uint8_t form = r.u8();
  r.require(form <= 2);
  const Bytes body = form ? string(r) : Bytes{};
  return {form == 1 && type.kind == Node::number && type.space == 0 ? type.identifier : 0, body};
}

uint32_t quality(uint32_t status) {
  uint32_t q = status >> 30 >= 2 ? invalid : status >> 30 == 1 ? questionable : good;
  if ((status & 0x480) == 0x480) q |= overflow;                       // OPC 10000-4, 7.39.1: the info bits of a DataValue
  switch (status >> 16) {
    case 0x8031: case 0x8005: case 0x808a: q |= communication_lost; break;
    case 0x808b: case 0x808c: q |= failure; break;
    case 0x808d: q |= offline; break;
    case 0x4091: q |= substituted; break;
    case 0x0096: q |= forced_locally; break;
    case 0x4093: q |= inaccurate; break;
    case 0x408f: case 0x4090: q |= not_topical; break;
    case 0x4094: case 0x40f2: case 0x40f3: q |= out_of_range; break;
    default: break;
  }
  return q;
}

// ---- what a conversation remembers

// What was asked and waits for its answer: the objects in their order, so that the answer can name them.
struct Asked { uint64_t key; uint32_t qualifier; };
struct Question {
  uint32_t request = 0;
  uint16_t function = 0, sub = 0;
  uint32_t asked = 0;              // objects kept
  Asked* objects = nullptr;        // of the pool
};

struct Item { uint64_t subscription_handle; uint64_t key; uint32_t qualifier; };   // subscription << 32 | client handle; 0: free
struct Name { uint64_t key; uint8_t size; char text[Texts::limit]; };

// Names of nodes, and the items a subscription watches: tables that lose what collides, and double while they may.
template <class Row, uint64_t (*hash)(uint64_t)>
class Table {
 public:
  void clear(Pool& pool) { pool.give(rows_), rows_ = nullptr, size_ = 0; }
  Row* find(uint64_t key) {
    if (!size_) return nullptr;
    Row& r = rows_[hash(key) & (size_ - 1)];
    return *reinterpret_cast<uint64_t*>(&r) == key ? &r : nullptr;
  }
  Row* put(Pool& pool, uint64_t key) {     // its row, to be filled; nullptr: no memory
    if (!size_ && !grow(pool)) return nullptr;
    for (;;) {
      Row& r = rows_[hash(key) & (size_ - 1)];
      const uint64_t held = *reinterpret_cast<uint64_t*>(&r);
      if (held == key || held == 0 || !grow(pool)) {
        r = Row{};
        *reinterpret_cast<uint64_t*>(&r) = key;
        return &r;
      }
    }
  }

 private:
  static constexpr size_t first = 16, most = Pool::largest / sizeof(Row) >= 4096 ? 4096 : 512;
  bool grow(Pool& pool) {
    const size_t bigger = size_ ? 2 * size_ : first;
    if (bigger > most) return false;
    Row* rows = static_cast<Row*>(pool.take(bigger * sizeof(Row)));
    if (!rows) return false;
    std::memset(static_cast<void*>(rows), 0, bigger * sizeof(Row));
    for (size_t i = 0; i < size_; i++) {
      const uint64_t key = *reinterpret_cast<uint64_t*>(&rows_[i]);
      if (key) rows[hash(key) & (bigger - 1)] = rows_[i];
    }
    pool.give(rows_);
    rows_ = rows, size_ = bigger;
    return true;
  }
  Row* rows_ = nullptr;
  size_t size_ = 0;
};
inline uint64_t by_key(uint64_t key) { return key; }
inline uint64_t by_handle(uint64_t key) { return key ^ key >> 32 << 4; }

struct Parser final : vidra::Parser {
  explicit Parser(Pool& pool) : pool_(&pool) {}
  ~Parser() override {
    for (size_t i = 0; i < waiting_; i++) pool_->give(questions_[i].objects);
    for (Assembly& a : assembly_) pool_->give(a.octets);
    names_.clear(*pool_), items_.clear(*pool_);
  }

  Cut next(Side from, Bytes b, bool, bool) override;
  void parse(Bytes record, Side from, Speaker& say) override;
  void gap(Side from, uint64_t) override {
    skip_[size_t(from)] = 0;
    drop(assembly_[size_t(from)]);
  }

 private:
  enum class Policy : uint8_t { unknown, none, sha1, sha256 };
  struct Assembly {
    uint8_t* octets = nullptr;       // of the pool, while open
    uint32_t used = 0, room = 0, request = 0;
    bool open = false, cut = false;  // cut: longer than what is kept
  };
  // One message that can be read.
  struct Said {
    Message& m;
    Reader& r;
    Speaker& say;
    Question q;                      // of an answer: what was asked
    Question* asks = nullptr;        // of a request: where to put what it asks for
    uint32_t at = 0;                 // next object of an answer
    Identity who;
    uint16_t worst = 0;              // first bad status of an item
    bool named = false;              // `who` says something
  };

  void drop(Assembly& a) { pool_->give(a.octets), a = Assembly{}; }
  bool append(Assembly& a, Bytes octets);
  bool readable(Bytes rest) const;
  void body(Bytes octets, bool whole, Speaker& say);
  void open_secure_channel(Reader& r, Speaker& say);
  void speak(Speaker& say, bool broken, bool cut);
  size_t signature() const { return mode_ != 2 ? 0 : policy_ == Policy::sha1 ? 20 : 32; }

  Question& remember(uint32_t request, uint16_t function, uint16_t sub);
  Question answered(uint32_t request);
  void release(const Question& q) {
    if (!q.objects) return;
    kept_ -= q.asked * sizeof(Asked);
    pool_->give(q.objects);
  }
  void forget(size_t i);
  void keep(Said& s, uint32_t n);
  void ask(Said& s, Object o, uint32_t qualifier);
  Point& result(Said& s);
  void learn_name(Object o, std::string_view name);
  Object known(uint64_t key, Speaker& say);
  Object object_of(Said& s);

  void request(Said& s);
  void response(Said& s);
  void scalar(Said& s, Reader& r, uint8_t type, Point& p);
  uint32_t variant(Said& s, Reader& r, const Point& like, unsigned depth, uint32_t index);
  void data_value(Said& s, Reader& r, const Point& like, unsigned depth = 0, uint32_t index = 0);
  void status_list(Said& s, Reader& r, bool told);
  void judge(Said& s, Point& p, uint32_t status);
  std::string_view application(Said& s, Reader& r, bool own, bool client, Bytes url);
  void endpoints(Said& s, Reader& r, bool told);
  void token(Said& s, Reader& r);
  void notification(Said& s, Reader& r, uint32_t subscription);
  void build_info(Said& s, Reader& r);
  void monitored(Said& s, Reader& r, uint32_t subscription, bool creates);
  void parameters(Reader& r, Point& p, uint64_t subscription, const Asked* what);
  void numbers(Said& s, Reader& r, uint32_t space);
  void add_text(Said& s, std::string_view what, std::string_view text) {
    Point& p = s.say.point(s.say.named(what));
    p.set_text(s.say.text(text));
  }
  void add_number(Said& s, std::string_view what, uint64_t v) { s.say.point(s.say.named(what)).set_natural(v); }
  void add_real(Said& s, std::string_view what, double v) { s.say.point(s.say.named(what)).set_real(v); }
  void thumbprint(Said& s, std::string_view what, Bytes certificate);

  Pool* pool_;
  Policy policy_ = Policy::unknown;
  uint8_t mode_ = 0;                         // MessageSecurityMode, 0: not known
  bool clear_ = false;                       // messages were read although the channel's opening was not heard, or it is signed only
  std::array<uint32_t, 2> skip_{};           // octets of a chunk longer than a record
  std::array<Assembly, 2> assembly_;
  size_t waiting_ = 0, kept_ = 0;            // questions, oldest first; octets of their objects
  std::array<Question, 64> questions_;
  Table<Name, by_key> names_;
  Table<Item, by_handle> items_;
};

// ---- chunks (6.7.2, 7.1.2)

Frame frame_of(Bytes b) {            // of at least three octets
  static constexpr std::array<std::array<char, 4>, 7> types = {{{"HEL"}, {"ACK"}, {"ERR"}, {"RHE"}, {"OPN"}, {"CLO"}, {"MSG"}}};
  for (size_t i = 0; i < types.size(); i++)
    if (std::memcmp(b.data(), types[i].data(), 3) == 0) return Frame(i);
  return unknown_frame;
}
uint32_t le32(Bytes b, size_t at) { return uint32_t(b[at]) | uint32_t(b[at + 1]) << 8 | uint32_t(b[at + 2]) << 16 | uint32_t(b[at + 3]) << 24; }

constexpr uint32_t shortest(Frame f) {
  switch (f) {
    case HEL: return 32;
    case ACK: return 28;
    case ERR: case RHE: return 16;
    case OPN: return 32;
    default: return 24;
  }
}
// Whether a chunk may begin so, as far as its header is there.
bool plausible(Bytes b) {
  static constexpr std::string_view firsts = "HAEROCM";
  if (b.size() < 3) return b.empty() || firsts.find(char(b[0])) != firsts.npos;
  const Frame f = frame_of(b);
  if (f == unknown_frame) return false;
  if (b.size() >= 4 && b[3] != 'F' && (f != MSG || (b[3] != 'C' && b[3] != 'A')) && (f != OPN || b[3] != 'C')) return false;
  if (b.size() < header) return true;
  const uint32_t size = le32(b, 4);
  return size >= (b[3] == 'A' ? 16 : shortest(f)) && size <= longest_chunk;
}

Cut Parser::next(Side from, Bytes b, bool, bool) {
  if (uint32_t& skip = skip_[size_t(from)]; skip) return {Cut::skip, std::exchange(skip, 0)};
  if (!plausible(b)) return {Cut::lost, 0};
  if (b.size() < header) return {Cut::need, header};
  return {Cut::take, std::min<size_t>(le32(b, 4), longest_record)};
}

bool Parser::append(Assembly& a, Bytes octets) {
  if (a.used + octets.size() > a.room && !a.cut) {
    size_t room = std::max<size_t>(a.room, 16 * 1024);
    while (room < a.used + octets.size() && room < Pool::largest) room *= 2;
    uint8_t* more = room == a.room ? nullptr : static_cast<uint8_t*>(pool_->take(room));
    if (more) {
      if (a.used) std::memcpy(more, a.octets, a.used);
      pool_->give(a.octets);
      a.octets = more, a.room = uint32_t(room);
    }
  }
  const size_t n = a.cut ? 0 : std::min<size_t>(octets.size(), a.room - a.used);
  if (n) std::memcpy(a.octets + a.used, octets.data(), n);
  a.used += uint32_t(n);
  a.cut |= n < octets.size();
  return a.octets != nullptr;
}

// Sequence header and body: in the clear, if the body begins with a service that is known.
bool Parser::readable(Bytes rest) const {
  bool bad = false;
  Reader r{rest, bad};
  r.skip(8);
  if (rest.size() < 11 || (r.peek()[0] != 1 && r.peek()[0] != 2 && r.peek()[0] != 0)) return false;
  const Node type = node(r);
  return !bad && type.space == 0 && service(type.identifier).function != 0;
}

void Parser::speak(Speaker& say, bool broken, bool cut) {
  Message& m = say.head();
  if (cut) m.malformed = broken, m.retained = true;      // its end was not kept: the reader ran out
  else m.malformed |= broken;
  say.end();
}

void Parser::parse(Bytes record, Side from, Speaker& say) {
  Message& m = say.begin();
  Reader r{record, m.malformed};
  m.frame = record.size() >= 3 ? frame_of(record) : unknown_frame;
  r.skip(3);
  const uint8_t kind = r.u8();
  const uint32_t size = r.le32();
  const bool longer = size > record.size() && size <= longest_chunk && record.size() == longest_record;
  if (longer) skip_[size_t(from)] = size - uint32_t(record.size());
  bool broken = m.malformed || (size != record.size() && !longer) || m.frame == unknown_frame;
  m.act = Act::session;
  m.role = from == Side::client ? Role::request : Role::response;
  m.qualifier = mode_;
  bool in_text = false;
  Reader clear{r.peek(), in_text};
  Said s{m, clear, say, {}, nullptr, 0, {}, 0, false};
  switch (m.frame) {
    case HEL: {
      m.function = hello;
      m.role = Role::request;
      add_number(s, "protocol version", clear.le32());
      add_number(s, "receive buffer", clear.le32());
      clear.skip(12);
      add_text(s, "endpoint", text_of(string(clear)));
      clear.finish();
      return speak(say, broken | in_text, false);
    }
    case ACK:
      m.function = acknowledge;
      m.role = Role::response;
      add_number(s, "protocol version", clear.le32());
      add_number(s, "receive buffer", clear.le32());
      clear.skip(12);
      clear.finish();
      return speak(say, broken | in_text, false);
    case ERR: {
      m.function = error;
      m.role = Role::response;
      m.refused = true;
      m.reason = uint16_t(clear.le32() >> 16);
      const Bytes why = string(clear);
      if (!why.empty()) add_text(s, "reason", text_of(why));
      clear.finish();
      return speak(say, broken | in_text, false);
    }
    case RHE:
      m.function = reverse_hello;
      m.role = Role::report;
      add_text(s, "server", text_of(string(clear)));
      add_text(s, "endpoint", text_of(string(clear)));
      clear.finish();
      return speak(say, broken | in_text, false);
    case OPN:
      open_secure_channel(clear, say);
      return speak(say, broken | in_text, longer && !broken);
    default: break;
  }
  // CLO and MSG: secure channel, token, then sequence header and body, which a secured channel may have encrypted.
  m.function = m.frame == CLO ? uint16_t(close_channel) : uint16_t(secured);
  if (m.frame == MSG) m.act = Act::other;
  if (m.frame == unknown_frame) return m.link = true, m.function = 0, speak(say, true, false);
  clear.skip(8);
  if (broken && clear.left() < 16) return speak(say, true, false);
  Assembly& a = assembly_[size_t(from)];
  const Bytes rest = clear.peek();
  bool ignored = false;
  Reader sequence{rest, ignored};
  const uint32_t number = sequence.le32(), request = sequence.le32();
  const bool tail = a.open && a.request == request;
  const bool reads = !broken && policy_ != Policy::none && !tail && readable(rest);
  const bool open = !broken && (policy_ == Policy::none || tail || reads || (policy_ == Policy::unknown && clear_));
  clear_ |= reads;
  if (open && policy_ != Policy::none && policy_ != Policy::unknown) mode_ = m.qualifier = 2;
  if (!open) {
    m.encrypted = policy_ != Policy::none && !clear_;
    m.retained = !m.encrypted;
    if (m.retained && m.function == secured) m.sub_function = 1;
    if (m.encrypted && policy_ > Policy::none && mode_ == 0) mode_ = m.qualifier = 3;
    return speak(say, broken, false);
  }
  m.sequence = number, m.tag = request;
  Bytes octets = sequence.rest();
  if (octets.size() < signature()) return speak(say, true, false);
  octets = octets.first(octets.size() - signature());
  if (kind == 'A') {
    drop(a);
    m.function = chunk_abort;
    m.act = Act::session;
    bool bad = false;
    Reader why{octets, bad};
    m.refused = true;
    m.reason = uint16_t(why.le32() >> 16);
    const Bytes text = string(why);
    if (!text.empty()) add_text(s, "reason", text_of(text));
    return speak(say, broken | bad, false);
  }
  if (kind == 'C') {
    if (!tail) {
      drop(a);
      a.open = true, a.request = request;
    }
    append(a, octets);
    m.function = chunk_part;
    m.link = true;
    return speak(say, broken, false);
  }
  if (!tail) {
    drop(a);                                             // another message began before that one's end
    return body(octets, !longer, say);
  }
  append(a, octets);
  body({a.octets, a.used}, !a.cut, say);
  drop(a);
}

void Parser::thumbprint(Said& s, std::string_view what, Bytes certificate) {
  // A chain is a run of DER SEQUENCEs: the first is the certificate itself.
  Bytes own = certificate;
  if (own.size() > 4 && own[0] == 0x30 && own[1] == 0x82) own = own.first(std::min<size_t>(own.size(), size_t(own[2] << 8 | own[3]) + 4));
  const auto digest = sha1(own);
  std::array<char, 40> text;
  hex_digits(text.data(), digest);
  add_text(s, what, {text.data(), text.size()});
}

void Parser::open_secure_channel(Reader& r, Speaker& say) {
  Message& m = say.head();
  m.function = open_channel;
  Said s{m, r, say, {}, nullptr, 0, {}, 0, false};
  r.skip(4);
  const std::string_view uri = text_of(string(r));
  const Bytes certificate = string(r), receiver = string(r);
  const std::string_view policy = uri.substr(std::min(uri.size(), uri.find('#') == uri.npos ? 0 : uri.find('#') + 1));
  add_text(s, "security policy", policy);
  if (!certificate.empty()) thumbprint(s, "sender's certificate", certificate);
  if (receiver.size() == 20) {
    std::array<char, 40> text;
    hex_digits(text.data(), receiver);
    add_text(s, "receiver's certificate", {text.data(), text.size()});
  }
  const Policy before = policy_;
  if (policy == "None") policy_ = Policy::none;
  else if (!policy.empty()) policy_ = policy == "Basic128Rsa15" || policy == "Basic256" ? Policy::sha1 : Policy::sha256;
  if (policy_ != before) mode_ = policy_ == Policy::none ? 1 : 0, clear_ = false;
  m.qualifier = mode_;
  if (policy_ != Policy::none) {
    m.encrypted = true;
    r.rest();
    return;
  }
  m.sequence = r.le32();
  m.tag = r.le32();
  const Node type = node(r);
  const Service service_of = service(type.identifier);
  r.require(type.space == 0 && (service_of.function == open_channel || type.identifier == fault));
  m.role = service_of.asks ? Role::request : Role::response;
  if (service_of.asks) {
    node(r), r.skip(16), string(r), r.skip(4), extension(r);
    r.skip(4);
    m.sub_function = uint16_t(r.le32());
    r.require(m.sub_function <= 1);
    const uint32_t mode = r.le32();
    if (mode >= 1 && mode <= 3) mode_ = uint8_t(mode);
    m.qualifier = mode_;
    add_number(s, "security mode", mode);
    string(r);
    add_number(s, "lifetime", r.le32());
    remember(m.tag, open_channel, m.sub_function);
  } else {
    const Question q = answered(m.tag);
    release(q);
    m.unpaired = q.function != open_channel;
    if (!m.unpaired) m.sub_function = q.sub;
    r.skip(12);
    const uint32_t status = r.le32();
    diagnostics(r), strings(r), extension(r);
    if (status >> 31) m.refused = true, m.reason = uint16_t(status >> 16);
    if (type.identifier != fault) {
      r.skip(4);
      add_number(s, "channel", r.le32());
      r.skip(12);
      add_number(s, "lifetime", r.le32());
      string(r);
    }
  }
  r.finish();
}

void Parser::body(Bytes octets, bool whole, Speaker& say) {
  Message& m = say.head();
  bool bad = false;
  Reader r{octets, bad};
  const Node type = node(r);
  const Service known_service = type.kind == Node::number && type.space == 0 ? service(type.identifier) : Service{};
  Said s{m, r, say, {}, nullptr, 0, {}, 0, false};
  if (!known_service.function) {                         // a service of somebody's own, or the end of a message whose beginning was not heard
    m.function = secured;
    m.sub_function = 1;
    m.act = Act::other;
    m.retained = true;
    m.encrypted = false;
    return speak(say, false, !whole);
  }
  m.function = known_service.function;
  m.act = act_of(m.function);
  m.role = known_service.asks ? Role::request : Role::response;
  if (known_service.asks) {                              // RequestHeader (OPC 10000-4, 7.33)
    node(r);                                             // the authentication token: never said
    r.skip(16), string(r), r.skip(4), extension(r);
    request(s);
  } else {                                               // ResponseHeader (7.34)
    r.skip(12);
    const uint32_t status = r.le32();
    diagnostics(r), strings(r), extension(r);
    const Question q = answered(m.tag);
    s.q = q;
    const bool failed = m.function == fault;
    if (failed && s.q.function) m.function = s.q.function, m.act = act_of(m.function);
    m.unpaired = s.q.function != m.function;
    if (!m.unpaired) m.sub_function = s.q.sub;
    if (status >> 31 || failed) m.refused = true;
    if (status >> 30) m.reason = uint16_t(status >> 16);
    if (m.unpaired) s.q.asked = 0;
    if (!failed) response(s);
    else
      for (uint32_t i = 0; i < s.q.asked; i++) result(s);
    release(q);
    if (s.worst && !m.refused && (m.act == Act::write || m.act == Act::operate || m.act == Act::configure)) m.refused = true, m.reason = s.worst;
  }
  if (mode_ != 0) r.finish();                            // with an unknown mode a signature may follow
  if (!whole) m.malformed = false, m.retained = true;
  else m.malformed |= bad;
  say.end();
  if (s.named && !m.malformed) say.identity(s.who);
}

// ---- questions

Question& Parser::remember(uint32_t request, uint16_t function, uint16_t sub) {
  for (size_t i = 0; i < waiting_; i++)
    if (questions_[i].request == request) { forget(i); break; }
  if (waiting_ == questions_.size()) forget(0);
  Question& q = questions_[waiting_++];
  q = Question{request, function, sub, 0, nullptr};
  return q;
}
void Parser::forget(size_t i) {
  release(questions_[i]);
  std::copy(questions_.begin() + long(i) + 1, questions_.begin() + long(waiting_), questions_.begin() + long(i));
  waiting_--;
}
Question Parser::answered(uint32_t request) {            // its objects are the caller's to give back
  for (size_t i = 0; i < waiting_; i++) {
    if (questions_[i].request != request) continue;
    const Question q = questions_[i];
    std::copy(questions_.begin() + long(i) + 1, questions_.begin() + long(waiting_), questions_.begin() + long(i));
    waiting_--;
    return q;
  }
  return {};
}

// Room for the n objects that a request names. What all questions hold together is bounded.
void Parser::keep(Said& s, uint32_t n) {
  constexpr size_t most = 256 * 1024;
  n = std::min({n, uint32_t(s.r.left()), uint32_t(4096)});
  if (!s.asks || s.asks->objects || n == 0) return;
  while (waiting_ > 1 && kept_ + n * sizeof(Asked) > most) forget(0), s.asks = &questions_[waiting_ - 1];
  s.asks->objects = static_cast<Asked*>(pool_->take(n * sizeof(Asked)));
  s.asks->asked = 0;
  s.at = s.asks->objects ? n : 0;                        // room
}
void Parser::ask(Said& s, Object o, uint32_t qualifier) {
  if (!s.asks || s.asks->asked >= s.at) return;
  s.asks->objects[s.asks->asked++] = {o.key(), qualifier};
  kept_ += sizeof(Asked);
}
// The next object that was asked for, spoken again.
Object Parser::object_of(Said& s) {
  if (s.at >= s.q.asked) return s.at++, Object();
  return known(s.q.objects[s.at++].key, s.say);
}
Point& Parser::result(Said& s) {
  const uint32_t i = s.at;
  const Object o = object_of(s);
  Point& p = s.say.point(o);
  if (i < s.q.asked) p.qualifier = s.q.objects[i].qualifier;
  return p;
}
void Parser::learn_name(Object o, std::string_view name) {
  if (o.kind() != ObjectKind::named || name.size() > Texts::limit) return;
  if (names_.find(o.key())) return;
  Name* n = names_.put(*pool_, o.key());
  if (!n) return;
  n->size = uint8_t(name.size());
  std::memcpy(n->text, name.data(), name.size());
}
Object Parser::known(uint64_t key, Speaker& say) {
  const Object o = Object::from_key(key);
  if (o.kind() == ObjectKind::named)
    if (const Name* n = names_.find(key)) say.text({n->text, n->size});
  return o;
}

// ---- values

void Parser::judge(Said& s, Point& p, uint32_t status) {
  if (!status) return;
  p.status = uint16_t(status >> 16);
  p.quality |= quality(status);
  if (status >> 31 && !s.worst) s.worst = p.status;
}

void Parser::scalar(Said& s, Reader& r, uint8_t type, Point& p) {
  switch (type) {
    case 0: break;
    case 1: p.set(r.u8() != 0); break;
    case 2: p.set_integer(int8_t(r.u8())); break;
    case 3: p.set_natural(r.u8()); break;
    case 4: p.set_integer(int16_t(r.le16())); break;
    case 5: p.set_natural(r.le16()); break;
    case 6: p.set_integer(int32_t(r.le32())); break;
    case 7: p.set_natural(r.le32()); break;
    case 8: p.set_integer(int64_t(r.le64())); break;
    case 9: p.set_natural(r.le64()); break;
    case 10: p.set_real(double(r.le_float())); break;
    case 11: p.set_real(r.le_double()); break;
    case 12: case 16: p.set_text(s.say.text(text_of(string(r)))); break;
    case 13: p.set_time(instant(r.le64())); break;
    case 14: {
      const Bytes b = r.bytes(16);
      std::array<char, 40> room;
      if (b.size() == 16) p.set_text(s.say.text({room.data(), size_t(guid(room.data(), b) - room.data())}));
      break;
    }
    case 15: p.set_octets(string(r).size()); break;
    case 17: case 18: {
      Room room;
      p.set_text(s.say.text(written(node(r), room)));
      break;
    }
    case 19: p.set_natural(r.le32()); break;
    case 20: r.skip(2), p.set_text(s.say.text(text_of(string(r)))); break;
    case 21: p.set_text(s.say.text(localized(r))); break;
    case 22: {
      const Extension e = extension(r);
      p.set_octets(e.body.size());
      if (e.type != 864 && e.type != 340) break;         // ServerStatus, BuildInfo (OPC 10000-5, 12.10, 12.4)
      bool bad = false;
      Reader inner{e.body, bad};
      if (e.type == 864) inner.skip(20);
      build_info(s, inner);
      break;
    }
    case 25: diagnostics(r); break;
    default: r.require(false);
  }
}

// A Variant: one point, or one an element; how many.
uint32_t Parser::variant(Said& s, Reader& r, const Point& like, unsigned depth, uint32_t index) {
  r.require(depth < deepest);
  const uint8_t form = r.u8(), type = form & 0x3f;
  const auto next = [&](uint32_t i) -> Point& {
    Point& p = s.say.point(like.object);
    p.qualifier = (like.qualifier & 0xffff) | std::min<uint32_t>(i, 0xffff) << 16;
    p.form = uint16_t(type | (form & 0x80 ? 0x100 : 0));
    return p;
  };
  if (!(form & 0x80)) {
    r.require(type != 24);                               // only as an element (5.2.2.16)
    if (type == 23) {
      Point inner = like;
      inner.qualifier = (like.qualifier & 0xffff) | index << 16;
      data_value(s, r, inner, depth + 1, index);
      return 1;
    }
    scalar(s, r, type, next(index));
    return 1;
  }
  const uint32_t n = count(r);
  uint32_t said = 0;
  r.require(type != 0 || n == 0);
  for (uint32_t i = 0; i < n && r.ok(); i++) {
    if (type == 24) {
      said += variant(s, r, like, depth + 1, i);
    } else if (type == 23) {
      Point inner = like;
      inner.qualifier = (like.qualifier & 0xffff) | std::min<uint32_t>(i, 0xffff) << 16;
      data_value(s, r, inner, depth + 1, i);
      said++;
    } else if (i < array_limit) {
      scalar(s, r, type, next(i));
      said++;
    } else {
      Point unsaid;
      scalar(s, r, type, unsaid);
    }
  }
  if (n == 0) next(0), said = 1;
  if (n > array_limit) s.m.retained = true;
  if (form & 0x40)
    for (uint32_t i = 0, dimensions = count(r); i < dimensions && r.ok(); i++) r.skip(4);
  return said;
}

void Parser::data_value(Said& s, Reader& r, const Point& like, unsigned depth, uint32_t index) {   // 5.2.2.17
  const uint8_t mask = r.u8();
  uint32_t said = 0;
  if (mask & 1) said = variant(s, r, like, depth, index);
  if (!said) {
    Point& p = s.say.point(like.object);
    p.qualifier = like.qualifier;
    said = 1;
  }
  const uint32_t status = mask & 2 ? r.le32() : 0;
  uint64_t source = 0, server = 0;
  if (mask & 4) source = r.le64();
  if (mask & 0x10) r.skip(2);
  if (mask & 8) server = r.le64();
  if (mask & 0x20) r.skip(2);
  const Time time = instant(source ? source : server);
  if (!status && !time) return;
  const auto points = s.say.points();
  for (Point& p : points.last(std::min<size_t>(said, points.size()))) {   // those already heard keep what they had
    if (time) p.time = time, p.time_kind = TimeKind::full;
    judge(s, p, status);
  }
}

void Parser::status_list(Said& s, Reader& r, bool told) {
  for (uint32_t i = 0, n = count(r); i < n && r.ok(); i++) {
    const uint32_t status = r.le32();
    if (told) judge(s, result(s), status);
  }
}

void Parser::build_info(Said& s, Reader& r) {
  const std::string_view uri = text_of(string(r)), maker = text_of(string(r)), product = text_of(string(r)), version = text_of(string(r));
  if (!r.ok()) return;
  if (!uri.empty()) s.who.url = s.say.text(uri);
  if (!maker.empty()) s.who.vendor = s.say.text(maker);
  if (!product.empty()) s.who.product = s.say.text(product);
  if (!version.empty()) s.who.firmware = s.say.text(version);
  s.named = true;
}

// ApplicationDescription (OPC 10000-4, 7.2); its name.
std::string_view Parser::application(Said& s, Reader& r, bool own, bool client, Bytes url) {
  const std::string_view uri = text_of(string(r)), product = text_of(string(r)), name = localized(r);
  r.skip(4);
  string(r), string(r), strings(r);
  if (own && !s.named && r.ok()) {
    if (!name.empty()) s.who.name = s.say.text(name);
    if (!product.empty()) s.who.product = s.say.text(product);
    if (!url.empty() && !client) s.who.url = s.say.text(text_of(url));
    else if (!uri.empty()) s.who.url = s.say.text(uri);
    s.named = s.who.name || s.who.product || s.who.url;
  }
  return name.empty() ? uri : name;
}

// EndpointDescription (7.14): where, and how it is secured.
void Parser::endpoints(Said& s, Reader& r, bool told) {
  for (uint32_t i = 0, n = count(r); i < n && r.ok(); i++) {
    const Bytes url = string(r);
    application(s, r, true, false, url);
    string(r);
    const uint32_t mode = r.le32();
    const std::string_view policy = text_of(string(r));
    uint32_t tokens = 0;
    for (uint32_t k = 0, of = count(r); k < of && r.ok(); k++) {
      string(r);
      const uint32_t kind = r.le32();
      if (kind < 4) tokens |= 1u << kind;
      string(r), string(r), string(r);
    }
    string(r), r.skip(1);
    if (!told || !r.ok()) continue;
    Point& p = s.say.point(s.say.named(text_of(url)));
    p.set_text(s.say.text(policy.substr(policy.find('#') == policy.npos ? 0 : policy.find('#') + 1)));
    p.qualifier = (mode & 3) << 20 | tokens << 16;       // mode, then a bit for each kind of identity: anonymous, user name, certificate, issued
  }
}

// User identity tokens (7.40): their kind and the user's name, nothing else.
void Parser::token(Said& s, Reader& r) {
  const Extension e = extension(r);
  bool bad = false;
  Reader t{e.body, bad};
  string(t);
  switch (e.type) {
    case 0: break;
    case 321: s.m.sub_function = 1; break;
    case 324: {
      s.m.sub_function = 2;
      const std::string_view user = text_of(string(t));
      const Bytes password = string(t);
      const bool secured_token = !string(t).empty();
      add_text(s, "user", user);
      add_text(s, "password", password.empty() ? "none" : secured_token ? "encrypted" : "other, not encrypted");
      s.m.origin = text_key(user);
      s.m.has_origin = true;
      break;
    }
    case 327: s.m.sub_function = 3; string(t); break;
    case 940: s.m.sub_function = 4; string(t), string(t); break;
    default: break;
  }
  r.require(!bad);
}

// ---- services (OPC 10000-4, 5)

// MonitoringParameters (7.21).
void Parser::parameters(Reader& r, Point& p, uint64_t subscription, const Asked* what) {
  const uint32_t handle = r.le32();
  const double interval = r.le_double();
  extension(r);
  r.skip(5);
  p.set_real(interval);
  if (!what || !r.ok() || !(subscription | handle)) return;
  if (Item* item = items_.put(*pool_, subscription << 32 | handle)) item->key = what->key, item->qualifier = what->qualifier;
}

void Parser::monitored(Said& s, Reader& r, uint32_t subscription, bool creates) {
  const uint32_t n = count(r);
  keep(s, n);
  for (uint32_t i = 0; i < n && r.ok(); i++) {
    if (creates) {
      const Node of = node(r);
      const Object o = object(of, s.say);
      if (of.kind != Node::number) { Room room; learn_name(o, written(of, room)); }
      const Asked what{o.key(), r.le32()};
      string(r), r.skip(2), string(r), r.skip(4);
      ask(s, o, what.qualifier);
      Point& p = s.say.point(o);
      p.qualifier = what.qualifier;
      parameters(r, p, subscription, &what);
    } else {
      const Object o(ObjectKind::item, r.le32(), subscription);
      ask(s, o, 0);
      parameters(r, s.say.point(o), subscription, nullptr);
    }
  }
}

void Parser::numbers(Said& s, Reader& r, uint32_t space) {   // identifiers of items or subscriptions
  const uint32_t n = count(r);
  keep(s, n);
  for (uint32_t i = 0; i < n && r.ok(); i++) {
    const Object o(ObjectKind::item, r.le32(), space);
    ask(s, o, 0);
    s.say.point(o);
  }
}

void Parser::request(Said& s) {
  Reader& r = s.r;
  Message& m = s.m;
  s.asks = &remember(m.tag, m.function, 0);
  const auto asked = [&](const Node& n, uint32_t qualifier) -> Point& {
    const Object o = object(n, s.say);
    if (n.kind != Node::number) { Room room; learn_name(o, written(n, room)); }
    ask(s, o, qualifier);
    Point& p = s.say.point(o);
    p.qualifier = qualifier;
    return p;
  };
  switch (m.function) {
    case close_channel: case query_first: case query_next: m.retained = m.function != close_channel && r.left(); r.rest(); break;
    case find_servers: case get_endpoints:
      add_text(s, "endpoint", text_of(string(r)));
      strings(r), strings(r);
      break;
    case find_on_network: r.skip(8), strings(r); break;
    case register_server: case register_server2: {
      add_text(s, "server", text_of(string(r)));
      string(r);
      for (uint32_t i = 0, n = count(r); i < n && r.ok(); i++) add_text(s, "name", localized(r));
      r.skip(4), string(r);
      for (uint32_t i = 0, n = count(r); i < n && r.ok(); i++) add_text(s, "endpoint", text_of(string(r)));
      string(r);
      s.say.point(s.say.named("online")).set(r.u8() != 0);
      if (m.function == register_server2)
        for (uint32_t i = 0, n = count(r); i < n && r.ok(); i++) extension(r);
      break;
    }
    case create_session: {
      application(s, r, true, true, {});
      string(r);
      add_text(s, "endpoint", text_of(string(r)));
      add_text(s, "session", text_of(string(r)));
      string(r), string(r), r.skip(12);
      break;
    }
    case activate_session: {
      string(r), string(r);
      for (uint32_t i = 0, n = count(r); i < n && r.ok(); i++) string(r), string(r);
      strings(r);
      token(s, r);
      string(r), string(r);
      questions_[waiting_ - 1].sub = m.sub_function;
      break;
    }
    case close_session: s.say.point(s.say.named("delete subscriptions")).set(r.u8() != 0); break;
    case cancel: r.skip(4); break;
    case add_nodes: {
      const uint32_t n = count(r);
      keep(s, n);
      for (uint32_t i = 0; i < n && r.ok(); i++) {
        const Node parent = node(r);
        node(r);
        const Node wanted = node(r);
        r.skip(2);
        const std::string_view name = text_of(string(r));
        r.skip(4), extension(r), node(r);
        asked(wanted.null() ? parent : wanted, 0).set_text(s.say.text(name));
      }
      break;
    }
    case delete_nodes: {
      const uint32_t n = count(r);
      keep(s, n);
      for (uint32_t i = 0; i < n && r.ok(); i++) asked(node(r), 0), r.skip(1);
      break;
    }
    case add_references: case delete_references: {
      const uint32_t n = count(r);
      keep(s, n);
      for (uint32_t i = 0; i < n && r.ok(); i++) {
        const Node source = node(r);
        node(r), r.skip(1);
        if (m.function == add_references) string(r);
        Room room;
        const std::string_view target = written(node(r), room);
        r.skip(m.function == add_references ? 4 : 1);
        asked(source, 0).set_text(s.say.text(target));
      }
      break;
    }
    case browse: {
      node(r), r.skip(16);
      const uint32_t n = count(r);
      keep(s, n);
      for (uint32_t i = 0; i < n && r.ok(); i++) {
        asked(node(r), 0);
        r.skip(4), node(r), r.skip(9);
      }
      break;
    }
    case browse_next:
      m.sub_function = r.u8() != 0;
      questions_[waiting_ - 1].sub = m.sub_function;
      for (uint32_t i = 0, n = count(r); i < n && r.ok(); i++) string(r);
      break;
    case translate_paths: {
      const uint32_t n = count(r);
      keep(s, n);
      for (uint32_t i = 0; i < n && r.ok(); i++) {
        const Node start = node(r);
        std::array<char, Texts::limit> path;
        size_t used = 0;
        for (uint32_t k = 0, steps = count(r); k < steps && r.ok(); k++) {
          node(r), r.skip(2);
          r.skip(2);
          const Bytes name = string(r);
          if (used < path.size()) path[used++] = '/';
          const size_t fits = std::min(name.size(), path.size() - used);
          if (fits) std::memcpy(path.data() + used, name.data(), fits);
          used += fits;
        }
        asked(start, 0).set_text(s.say.text({path.data(), used}));
      }
      break;
    }
    case register_nodes: case unregister_nodes: {
      const uint32_t n = count(r);
      keep(s, n);
      for (uint32_t i = 0; i < n && r.ok(); i++) asked(node(r), 0);
      break;
    }
    case read: {
      r.skip(12);
      const uint32_t n = count(r);
      keep(s, n);
      for (uint32_t i = 0; i < n && r.ok(); i++) {
        const Node of = node(r);
        const uint32_t attribute = r.le32();
        string(r), r.skip(2), string(r);
        asked(of, attribute & 0xffff);
      }
      break;
    }
    case history_read: {
      extension(r), r.skip(5);
      const uint32_t n = count(r);
      keep(s, n);
      for (uint32_t i = 0; i < n && r.ok(); i++) {
        asked(node(r), 0);
        string(r), r.skip(2), string(r), string(r);
      }
      break;
    }
    case write: {
      const uint32_t n = count(r);
      keep(s, n);
      for (uint32_t i = 0; i < n && r.ok(); i++) {
        const Node of = node(r);
        const uint32_t attribute = r.le32() & 0xffff;
        string(r);
        const Object o = object(of, s.say);
        if (of.kind != Node::number) { Room room; learn_name(o, written(of, room)); }
        ask(s, o, attribute);
        Point like{o};
        like.qualifier = attribute;
        data_value(s, r, like);
      }
      break;
    }
    case history_update: {
      const uint32_t n = count(r);
      keep(s, n);
      for (uint32_t i = 0; i < n && r.ok(); i++) {       // every kind of details begins with its node (OPC 10000-11, 6.9)
        const Extension e = extension(r);
        bool bad = false;
        Reader details{e.body, bad};
        if (e.type == 0) { m.retained = true; continue; }
        const Node of = node(details);
        if (e.type == 682 || e.type == 11300) {
          details.skip(4);
          const Object o = object(of, s.say);
          if (of.kind != Node::number) { Room room; learn_name(o, written(of, room)); }
          ask(s, o, value_attribute);
          Point like{o};
          like.qualifier = value_attribute;
          for (uint32_t k = 0, values = count(details); k < values && details.ok(); k++) data_value(s, details, like);
        } else {
          asked(of, value_attribute);
        }
        r.require(!bad);
      }
      break;
    }
    case call: {
      const uint32_t n = count(r);
      keep(s, n);
      for (uint32_t i = 0; i < n && r.ok(); i++) {
        s.say.point(object(node(r), s.say));
        const Object method = asked(node(r), 0).object;
        const Point like{method};
        for (uint32_t k = 0, arguments = count(r); k < arguments && r.ok(); k++) variant(s, r, like, 0, k + 1);
      }
      break;
    }
    case create_items: case modify_items: {
      const uint32_t subscription = r.le32();
      r.skip(4);
      monitored(s, r, subscription, m.function == create_items);
      break;
    }
    case set_mode: {
      const uint32_t subscription = r.le32();
      add_number(s, "mode", r.le32());
      numbers(s, r, subscription);
      break;
    }
    case set_triggering: {
      const uint32_t subscription = r.le32();
      s.say.point(Object(ObjectKind::item, r.le32(), subscription));
      numbers(s, r, subscription);
      numbers(s, r, subscription);
      break;
    }
    case delete_items: {
      const uint32_t subscription = r.le32();
      numbers(s, r, subscription);
      break;
    }
    case create_subscription:
      add_real(s, "publishing interval", r.le_double());
      r.skip(12);
      s.say.point(s.say.named("publishing")).set(r.u8() != 0);
      r.skip(1);
      break;
    case modify_subscription:
      s.say.point(Object(ObjectKind::item, r.le32()));
      add_real(s, "publishing interval", r.le_double());
      r.skip(13);
      break;
    case set_publishing: {
      s.say.point(s.say.named("publishing")).set(r.u8() != 0);
      numbers(s, r, 0);
      break;
    }
    case publish:
      for (uint32_t i = 0, n = count(r); i < n && r.ok(); i++) r.skip(8);
      break;
    case republish: {
      const Object subscription(ObjectKind::item, r.le32());
      s.say.point(subscription).set_natural(r.le32());
      break;
    }
    case transfer_subscriptions: numbers(s, r, 0); r.skip(1); break;
    case delete_subscriptions: numbers(s, r, 0); break;
    case 410: case 416: m.retained = true; r.rest(); break;
    default: break;
  }
}

// NotificationMessage (7.26).
void Parser::notification(Said& s, Reader& r, uint32_t subscription) {
  r.skip(12);
  for (uint32_t i = 0, n = count(r); i < n && r.ok(); i++) {
    const Extension e = extension(r);
    bool bad = false;
    Reader d{e.body, bad};
    s.m.role = Role::report;
    const auto watched = [&](uint32_t handle) {
      Point like{Object(ObjectKind::item, handle, subscription)};
      if (const Item* item = items_.find(uint64_t(subscription) << 32 | handle); item) like.object = known(item->key, s.say), like.qualifier = item->qualifier;
      return like;
    };
    switch (e.type) {
      case 811:                                          // DataChangeNotification
        for (uint32_t k = 0, items = count(d); k < items && d.ok(); k++) {
          const Point like = watched(d.le32());
          data_value(s, d, like);
        }
        diagnostic_list(d);
        break;
      case 916:                                          // EventNotificationList
        for (uint32_t k = 0, events = count(d); k < events && d.ok(); k++) {
          const Point like = watched(d.le32());
          for (uint32_t f = 0, fields = count(d); f < fields && d.ok(); f++) variant(s, d, like, 0, f);
        }
        break;
      case 820: {                                        // StatusChangeNotification
        const uint32_t status = d.le32();
        judge(s, s.say.point(Object(ObjectKind::item, subscription)), status);
        diagnostics(d);
        break;
      }
      default: s.m.retained = true; d.rest();
    }
    r.require(!bad);
  }
}

void Parser::response(Said& s) {
  Reader& r = s.r;
  Message& m = s.m;
  switch (m.function) {
    case close_channel: case close_session: case register_server: break;
    case query_first: case query_next: case 410: case 416: m.retained = true; r.rest(); break;
    case find_servers:
      for (uint32_t i = 0, n = count(r); i < n && r.ok(); i++) {
        const std::string_view name = application(s, r, false, false, {});
        add_text(s, "server", name);
      }
      break;
    case find_on_network:
      r.skip(8);
      for (uint32_t i = 0, n = count(r); i < n && r.ok(); i++) {
        r.skip(4);
        add_text(s, "server", text_of(string(r)));
        string(r), strings(r);
      }
      break;
    case get_endpoints: endpoints(s, r, true); break;
    case register_server2: status_list(s, r, false); diagnostic_list(r); break;
    case create_session: {
      node(r), node(r), r.skip(8);
      string(r), string(r);
      endpoints(s, r, false);
      for (uint32_t i = 0, n = count(r); i < n && r.ok(); i++) string(r), string(r);
      string(r), string(r), r.skip(4);
      break;
    }
    case activate_session: string(r), status_list(s, r, false), diagnostic_list(r); break;
    case cancel: add_number(s, "cancelled", r.le32()); break;
    case add_nodes:
      for (uint32_t i = 0, n = count(r); i < n && r.ok(); i++) {
        const uint32_t status = r.le32();
        const Node added = node(r);
        Point& p = result(s);
        if (!added.null()) p.object = object(added, s.say);
        judge(s, p, status);
      }
      diagnostic_list(r);
      break;
    case delete_nodes: case add_references: case delete_references: case write:
    case set_mode: case delete_items: case delete_subscriptions: case set_publishing:
      status_list(s, r, true);
      diagnostic_list(r);
      break;
    case set_triggering:
      status_list(s, r, true), diagnostic_list(r), status_list(s, r, true), diagnostic_list(r);
      break;
    case browse: case browse_next:
      for (uint32_t i = 0, n = count(r); i < n && r.ok(); i++) {
        const uint32_t status = r.le32();
        string(r);
        judge(s, result(s), status);
        for (uint32_t k = 0, references = count(r); k < references && r.ok(); k++) {   // ReferenceDescription (7.29)
          node(r), r.skip(1);
          const Node target = node(r);
          r.skip(2);
          const std::string_view name = text_of(string(r));
          localized(r);
          r.skip(4);
          node(r);
          Point& p = s.say.point(object(target, s.say));
          p.set_text(s.say.text(name));
        }
      }
      diagnostic_list(r);
      break;
    case translate_paths:
      for (uint32_t i = 0, n = count(r); i < n && r.ok(); i++) {
        const uint32_t status = r.le32();
        judge(s, result(s), status);
        for (uint32_t k = 0, targets = count(r); k < targets && r.ok(); k++) {
          s.say.point(object(node(r), s.say));
          r.skip(4);
        }
      }
      diagnostic_list(r);
      break;
    case register_nodes:
      for (uint32_t i = 0, n = count(r); i < n && r.ok(); i++) s.say.point(object(node(r), s.say));
      break;
    case unregister_nodes: break;
    case read: {
      for (uint32_t i = 0, n = count(r); i < n && r.ok(); i++) {
        const uint32_t place = s.at;
        Point like{object_of(s)};
        if (place < s.q.asked) like.qualifier = s.q.objects[place].qualifier;
        data_value(s, r, like);
        // BuildInfo read by its parts: manufacturer, product, version (OPC 10000-5, 6.3.1).
        if (like.object.kind() != ObjectKind::node || like.object.space() != 0 || like.qualifier != value_attribute) continue;
        const auto points = s.say.points();
        if (points.empty() || points.back().kind != ValueKind::text) continue;
        switch (like.object.number()) {
          case 2261: s.who.product = points.back().raw, s.named = true; break;
          case 2263: s.who.vendor = points.back().raw, s.named = true; break;
          case 2264: s.who.firmware = points.back().raw, s.named = true; break;
          default: break;
        }
      }
      diagnostic_list(r);
      break;
    }
    case history_read:
      for (uint32_t i = 0, n = count(r); i < n && r.ok(); i++) {
        const uint32_t status = r.le32();
        string(r);
        const Extension e = extension(r);
        const uint32_t before = s.at;
        Point like{object_of(s)};
        like.qualifier = value_attribute;
        if (e.type == 658 || e.type == 661) {            // HistoryData, HistoryModifiedData: values first
          bool bad = false;
          Reader h{e.body, bad};
          for (uint32_t k = 0, values = count(h); k < values && h.ok(); k++) data_value(s, h, like);
          r.require(!bad);
          if (!status) continue;
        }
        s.at = before;
        judge(s, result(s), status);
      }
      diagnostic_list(r);
      break;
    case history_update:
      for (uint32_t i = 0, n = count(r); i < n && r.ok(); i++) {
        const uint32_t status = r.le32();
        judge(s, result(s), status);
        status_list(s, r, false);
        diagnostic_list(r);
      }
      diagnostic_list(r);
      break;
    case call:
      for (uint32_t i = 0, n = count(r); i < n && r.ok(); i++) {
        const uint32_t status = r.le32();
        Point& p = result(s);
        const Point like{p.object};
        judge(s, p, status);
        status_list(s, r, false);
        diagnostic_list(r);
        for (uint32_t k = 0, outputs = count(r); k < outputs && r.ok(); k++) variant(s, r, like, 0, k + 1);
      }
      diagnostic_list(r);
      break;
    case create_items: case modify_items:
      for (uint32_t i = 0, n = count(r); i < n && r.ok(); i++) {
        const uint32_t status = r.le32();
        Point& p = result(s);
        judge(s, p, status);
        if (m.function == create_items) r.skip(4);
        p.set_real(r.le_double());
        r.skip(4), extension(r);
      }
      diagnostic_list(r);
      break;
    case create_subscription:
      s.say.point(Object(ObjectKind::item, r.le32()));
      add_real(s, "publishing interval", r.le_double());
      r.skip(8);
      break;
    case modify_subscription:
      add_real(s, "publishing interval", r.le_double());
      r.skip(8);
      break;
    case publish: {
      const uint32_t subscription = r.le32();
      for (uint32_t i = 0, n = count(r); i < n && r.ok(); i++) r.skip(4);
      r.skip(1);
      notification(s, r, subscription);
      status_list(s, r, false);
      diagnostic_list(r);
      break;
    }
    case republish: notification(s, r, 0); break;
    case transfer_subscriptions:
      for (uint32_t i = 0, n = count(r); i < n && r.ok(); i++) {
        const uint32_t status = r.le32();
        judge(s, result(s), status);
        for (uint32_t k = 0, available = count(r); k < available && r.ok(); k++) r.skip(4);
      }
      diagnostic_list(r);
      break;
    default: break;
  }
}

// ---- recognition

// One direction: chunk headers that follow each other without exception.
struct Way {
  size_t chunks = 0;           // whole, or cut short by the end of what was heard
  bool broken = false, asks = false, answers = false;
};
Way walk(Bytes b) {
  Way w;
  while (b.size() >= header && w.chunks < 8) {
    if (!plausible(b)) { w.broken = true; return w; }
    const Frame f = frame_of(b);
    const uint32_t size = le32(b, 4);
    w.chunks++;
    w.asks |= f == HEL;
    w.answers |= f == ACK || f == ERR || f == RHE;
    bool bad = false;
    Reader r{b.first(std::min<size_t>(b.size(), size)), bad};
    r.skip(header);
    if (f == HEL) {                                      // version, buffers of at least 8,192 octets, a URL
      const uint32_t version = r.le32(), receive = r.le32(), send = r.le32();
      if (!bad && (version > 0xff || (receive && receive < 1024) || (send && send < 1024))) w.broken = true;
    }
    if (f == OPN) {
      r.skip(4), string(r), string(r), string(r), r.skip(8);
      const Node type = node(r);
      if (!bad && type.space == 0 && type.identifier == open_channel) w.asks = true;
      if (!bad && type.space == 0 && type.identifier == open_channel + 3) w.answers = true;
    }
    if (f == MSG || f == CLO) {
      r.skip(16);
      const Node type = node(r);
      const Service s = bad || type.kind != Node::number || type.space ? Service{} : service(type.identifier);
      if (s.function) (s.asks ? w.asks : w.answers) = true;
    }
    if (b.size() <= size) return w;
    b = b.subspan(size);
  }
  if (!b.empty() && b.size() < header && !plausible(b)) w.broken = true;
  return w;
}

Recognised recognises(Bytes up, Bytes down, Carrier carrier) {
  if (carrier != Carrier::tcp) return {};
  const Way u = walk(up), d = walk(down);
  if (u.broken || d.broken || !(u.chunks + d.chunks)) {
    const bool begun = !u.broken && !d.broken && up.size() + down.size() > 0 && plausible(up) && plausible(down) && up.size() + down.size() >= 3;
    return {begun ? Recognised::maybe : Recognised::no, Recognised::unknown};
  }
  Recognised::Client client = Recognised::unknown;
  const bool up_asks = (u.asks || d.answers) && !u.answers && !d.asks, down_asks = (d.asks || u.answers) && !d.answers && !u.asks;
  if (up_asks != down_asks) client = up_asks ? Recognised::up : Recognised::down;
  return {Recognised::yes, client};
}

constexpr Port ports[] = {{Carrier::tcp, 4840}, {Carrier::tcp, 4841}, {Carrier::tcp, 48010}, {Carrier::tcp, 62541}};

}  // namespace

extern const Protocol protocol;
const Protocol protocol = {
    "opcua", "OPC UA", ports, recognises, [](Pool& pool) -> vidra::Parser* { return pool.make<Parser>(pool); }, functions, frames, status_name,
    "OPC 10000-4 and 10000-6 (IEC 62541-4, -6) 1.05: UA-TCP, secure conversation, binary encoding, all services",
    "bodies of encrypted channels and of vendors' own services; query results; structures other than ServerStatus and BuildInfo (said as octets); PubSub, HTTPS and WebSocket mappings",
    status_name, note};

}  // namespace vidra::opcua
