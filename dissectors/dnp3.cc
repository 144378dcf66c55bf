// SPDX-License-Identifier: Apache-2.0
// DNP3 (IEEE 1815-2012): link frames with their CRCs, transport segments, application fragments, objects. Over TCP and UDP.
//
// What the sentence's fields hold:
//   station, origin   link address of the outstation and of the master, whoever opened the connection: the function code says who
//                     speaks; for confirm and for link frames the DIR bit does
//   function          0…131 of an application fragment; 0x100 | PRM << 4 | code of a link frame (link = true)
//   tag               application sequence, | 0x10 where UNS is set
//   qualifier         internal indications of a response: bit n is IIN1.n, bit 8 + n is IIN2.n
//   sequence          link control octet | transport octet << 8 | application control octet << 16
//   reason            why it was refused: the bits IIN2.0-2, 0x100 | control status, 0x200 | file status, 0x300 | authentication
//                     error; or what is wrong with it (enum Wrong)
//   refused           a response with IIN2.0, .1 or .2, with a status other than success for a control (g12, g41), a file (g70v4,
//                     g70v6), an operation (g91), or an authentication error; among link frames NACK and "not used"
//   digest            of the objects of select and operate (3-6) and of what answers them, statuses and g120 left out
// Points: event_class is numbered 0…3; "all" (qualifier 06) is 65,536 objects from 0, and where a request asks for at most n of
// them, Point::qualifier is n; a device attribute is (set, variation); what has no point type (deadbands, …) has space = its group.
// Acts: freezing writes (it clears); writing g80 is session, g50 time, g34 and data sets configure, g70 file; reading g0 identifies.
#include <algorithm>
#include <array>
#include <memory>

#include "dissectors/crc.h"
#include "dissectors/dnp3_objects.h"
#include "dissectors/protocol.h"

namespace vidra::dnp3 {
namespace {

constexpr Function functions[] = {
    {0, 0xffff, "confirm", Act::session},
    {1, 0xffff, "read", Act::read},
    {2, 0xffff, "write", Act::write},
    {3, 0xffff, "select", Act::select},
    {4, 0xffff, "operate", Act::operate},
    {5, 0xffff, "direct operate", Act::operate},
    {6, 0xffff, "direct operate, no acknowledgement", Act::operate},
    {7, 0xffff, "immediate freeze", Act::write},
    {8, 0xffff, "immediate freeze, no acknowledgement", Act::write},
    {9, 0xffff, "freeze and clear", Act::write},
    {10, 0xffff, "freeze and clear, no acknowledgement", Act::write},
    {11, 0xffff, "freeze at time", Act::write},
    {12, 0xffff, "freeze at time, no acknowledgement", Act::write},
    {13, 0xffff, "cold restart", Act::run},
    {14, 0xffff, "warm restart", Act::run},
    {15, 0xffff, "initialize data", Act::run},
    {16, 0xffff, "initialize application", Act::run},
    {17, 0xffff, "start application", Act::run},
    {18, 0xffff, "stop application", Act::run},
    {19, 0xffff, "save configuration", Act::configure},
    {20, 0xffff, "enable unsolicited responses", Act::subscribe},
    {21, 0xffff, "disable unsolicited responses", Act::subscribe},
    {22, 0xffff, "assign class", Act::configure},
    {23, 0xffff, "delay measurement", Act::time},
    {24, 0xffff, "record current time", Act::time},
    {25, 0xffff, "open file", Act::file},
    {26, 0xffff, "close file", Act::file},
    {27, 0xffff, "delete file", Act::file},
    {28, 0xffff, "get file information", Act::file},
    {29, 0xffff, "authenticate file", Act::file},
    {30, 0xffff, "abort file transfer", Act::file},
    {31, 0xffff, "activate configuration", Act::configure},
    {32, 0xffff, "authentication request", Act::session},
    {33, 0xffff, "authentication request, no acknowledgement", Act::session},
    {128, 0xffff, "reserved", Act::other},
    {129, 0xffff, "response", Act::read},
    {130, 0xffff, "unsolicited response", Act::report},
    {131, 0xffff, "authentication response", Act::session},
    {0x100, 0xffff, "link ACK", Act::session},
    {0x101, 0xffff, "link NACK", Act::session},
    {0x10b, 0xffff, "link status", Act::session},
    {0x10e, 0xffff, "link service not functioning", Act::session},
    {0x10f, 0xffff, "link service not used", Act::session},
    {0x110, 0xffff, "reset link states", Act::session},
    {0x111, 0xffff, "reset user process", Act::run},
    {0x112, 0xffff, "test link states", Act::session},
    {0x113, 0xffff, "confirmed user data", Act::session},
    {0x114, 0xffff, "unconfirmed user data", Act::session},
    {0x119, 0xffff, "request link status", Act::session},
};
constexpr auto acts = [] {
  std::array<Act, 0x120> a{};
  for (const Function& f : functions) a[f.number] = f.act;
  return a;
}();
constexpr auto known = [] {
  std::array<bool, 0x120> k{};
  for (const Function& f : functions) k[f.number] = f.number != 128;
  return k;
}();

enum Code : uint8_t {
  confirm = 0, read = 1, write = 2, select = 3, operate = 4, direct_operate = 5, direct_operate_no_ack = 6, freeze_no_ack = 8, freeze_clear_no_ack = 10,
  freeze_at_time = 11, freeze_at_time_no_ack = 12, open_file = 25, activate_configuration = 31, authenticate = 32, authenticate_no_ack = 33,
  response = 129, unsolicited = 130, authentication_response = 131,
};
constexpr uint16_t link_function = 0x100, confirmed_user_data = 0x113, unconfirmed_user_data = 0x114;

// What breaks the protocol's rules: Message::reason of what refuses nothing. All but the direction and the address make it
// malformed: those two are told of a sentence that is otherwise whole, and that an outstation may well obey.
enum Wrong : uint16_t {
  wrong_header = 0x401,      // start, length or CRC of a link header
  wrong_block = 0x402,       // CRC of a data block
  wrong_length = 0x403,      // a frame cut short, or user data where none may be or none where some must be
  wrong_segment = 0x404,     // transport: FIR, FIN or sequence, or more fragments begun, or longer, than are kept
  wrong_direction = 0x405,   // the DIR bit says master and the function outstation, or the reverse
  wrong_address = 0x406,     // reserved (FFF0-FFFB), or a broadcast or self-address as source
  wrong_function = 0x407,    // reserved
  wrong_object = 0x408,      // a group, variation or qualifier the standard does not have; the rest cannot be read
  wrong_objects = 0x409,     // objects cut short, or a range upside down
};

std::string_view reason_name(uint16_t reason) {
  constexpr std::string_view iin[] = {"", "function code not supported", "object unknown", "function code not supported, object unknown", "parameter error",
                                      "function code not supported, parameter error", "object unknown, parameter error",
                                      "function code not supported, object unknown, parameter error"};
  constexpr std::string_view control[] = {"", "timeout", "no select", "format error", "not supported", "already active", "hardware error", "local", "too many operations",
                                          "not authorized", "automation inhibit", "processing limited", "out of range", "downstream local", "already complete", "blocked",
                                          "cancelled", "blocked by another master", "downstream fail"};
  constexpr std::string_view file[] = {"", "permission denied", "invalid mode", "file not found", "file locked", "too many files open", "invalid handle", "write block size",
                                       "communication lost", "cannot abort"};
  constexpr std::string_view transfer[] = {"file not opened", "handle expired", "overrun", "fatal", "block out of sequence"};
  constexpr std::string_view authentication[] = {"", "authentication failed", "unexpected response", "no response", "aggressive mode not supported", "MAC algorithm not supported",
                                                 "key wrap algorithm not supported", "authorization failed", "update key change method not permitted", "invalid signature",
                                                 "invalid certification data", "unknown user", "too many session key status requests"};
  constexpr std::string_view wrong[] = {"", "link header wrong", "block CRC wrong", "frame length wrong", "transport segments out of order", "direction contradicts the function",
                                        "address reserved", "function reserved", "object or qualifier unknown to the standard", "objects malformed"};
  const unsigned n = reason & 0xff;
  switch (reason >> 8) {
    case 0: return n < std::size(iin) ? iin[n] : std::string_view{};
    case 1: return n < std::size(control) ? control[n] : n == 126 ? "not participating" : n == 127 ? "undefined status" : "reserved status";
    case 2: return n < std::size(file) ? file[n] : n >= 16 && n < 16 + std::size(transfer) ? transfer[n - 16] : n == 255 ? "undefined file status" : "reserved file status";
    case 3: return n < std::size(authentication) ? authentication[n] : "other authentication error";
    case 4: return n < std::size(wrong) ? wrong[n] : std::string_view{};
    default: return {};
  }
}

// Flag octets of the point types (11.6) as Quality.
constexpr std::array<uint32_t, 256> qualities(uint32_t bit5, uint32_t bit6) {
  std::array<uint32_t, 256> q{};
  for (unsigned f = 0; f < 256; f++) {
    q[f] = (f & 1 ? 0u : uint32_t(offline)) | (f & 2 ? uint32_t(restarted) : 0u) | (f & 4 ? uint32_t(communication_lost) : 0u) | (f & 8 ? uint32_t(forced_remotely) : 0u) |
           (f & 16 ? uint32_t(forced_locally) : 0u) | (f & 32 ? bit5 : 0u) | (f & 64 ? bit6 : 0u);
  }
  return q;
}
constexpr auto binary_quality = qualities(chatter, 0);   // bit 6 reserved, or part of a double-bit state
constexpr auto counter_quality = qualities(counter_carry, discontinuity);
constexpr auto analog_quality = qualities(overflow, bad_reference);

constexpr size_t header_octets = 10, block_octets = 16, longest_frame = 292, longest_fragment = 65'536;
constexpr uint32_t everything = 65'536;

// 05 64, length, control, destination, source, CRC (9.2.4.1).
struct Link {
  uint8_t control = 0;
  uint16_t to = 0, from = 0;
  bool master() const { return control & 0x80; }                    // DIR
  bool primary() const { return control & 0x40; }                   // PRM
  uint16_t function() const { return uint16_t(link_function | (primary() ? 0x10 : 0) | (control & 0x0f)); }
  bool user_data() const { return function() == confirmed_user_data || function() == unconfirmed_user_data; }
  bool broadcast() const { return to >= 0xfffd; }
  bool reserved() const { return (to >= 0xfff0 && to <= 0xfffb) || from >= 0xfff0; }
};
Link link_of(Bytes header) {
  bool bad = false;
  Reader r{header, bad};
  r.skip(3);
  return Link{r.u8(), r.le16(), r.le16()};
}

bool starts(Bytes b) { return b.size() >= 2 && b[0] == 0x05 && b[1] == 0x64; }
bool header_right(Bytes b) {
  return b.size() >= header_octets && starts(b) && b[2] >= 5 && crc_dnp(b.first(8)) == (b[8] | b[9] << 8);
}
size_t frame_octets(uint8_t length) {
  const size_t data = length < 5 ? 0 : length - 5u;
  return header_octets + data + (data + block_octets - 1) / block_octets * 2;
}
// Where the next frame may begin, from `at` on; the end where none does.
size_t next_start(Bytes b, size_t at) {
  while (at < b.size()) {
    const void* five = std::memchr(b.data() + at, 0x05, b.size() - at);
    if (!five) break;
    at = size_t(static_cast<const uint8_t*>(five) - b.data());
    if (at + 1 == b.size() || b[at + 1] == 0x64) return at;
    at++;
  }
  return b.size();
}

// Where the next right header is, from `at` on; the end where there is none.
size_t next_right(Bytes b, size_t at) {
  for (at = next_start(b, at); at + header_octets <= b.size(); at = next_start(b, at + 1))
    if (header_right(b.subspan(at))) return at;
  return b.size();
}

// A 48-bit count of milliseconds since 1970, UTC. False where it lies beyond what Time can hold.
bool instant(uint64_t ms, Time& to) {
  constexpr uint64_t most = uint64_t(INT64_MAX) / millisecond;
  to = Time(std::min(ms, most)) * millisecond;
  return ms <= most;
}

class Dnp3 final : public Parser {
 public:
  explicit Dnp3(Pool& pool) : pool_(&pool) {}
  ~Dnp3() override {
    for (Assembly& a : assemblies()) pool_->give(a.octets);
    pool_->give(assemblies_);
    pool_->give(all_);
  }

  Cut next(Side side, Bytes b, bool segment_start, bool closed) override {
    bool& in_step = in_step_[size_t(side)];
    if (header_right(b)) [[likely]] return in_step = true, Cut{Cut::take, frame_octets(b[2])};
    if (b.size() < header_octets && !closed && (b.size() < 2 ? b.empty() || b[0] == 0x05 : starts(b))) return {Cut::need, b.size() < 2 ? 2 : header_octets};
    if (!starts(b) || !(in_step || segment_start)) {
      if (in_step) in_step = false, forget(side);
      return {Cut::lost, 0};
    }
    // A frame should begin here and its header is wrong: it is heard as such, as long as it says, or up to the next.
    const size_t says = b.size() > 2 ? frame_octets(b[2]) : header_octets;
    if (says <= b.size() && (says == b.size() || b[says] == 0x05)) return in_step = true, Cut{Cut::take, says};
    const size_t right = next_right(b, 2);
    if (right == b.size() && says > b.size() && !closed) return {Cut::need, says};
    in_step = true;
    if (right < b.size()) return {Cut::take, right};
    return {Cut::take, next_start(b, b.size() > header_octets ? b.size() - header_octets + 1 : 2)};   // perhaps a header's first octets
  }

  void parse(Bytes record, Side side, Speaker& say) override {
    while (!record.empty()) record = record.subspan(frame(record, side, say));   // a datagram may hold several frames
  }

  void gap(Side side, uint64_t) override {
    in_step_[size_t(side)] = false;
    forget(side);
  }

 private:
  // The segments of a fragment that has begun, of one pair of link addresses.
  struct Assembly {
    uint16_t from = 0, to = 0;
    uint8_t next = 0;                 // transport sequence awaited
    Side side = Side::client;
    bool open = false;
    uint32_t used = 0, room = 0, turn = 0;
    uint8_t* octets = nullptr;        // of the pool, while open
  };
  // A request that waits for its response.
  struct Question {
    uint64_t key = 0;                 // 0: none waits here
    uint8_t function = confirm;
    Act act = Act::other;
    static uint64_t key_of(uint16_t station, uint64_t origin, unsigned sequence) { return station | (origin & 0xffff) << 16 | uint64_t{sequence & 0x0f} << 32 | uint64_t{1} << 40; }
  };
  // One application fragment while it is read.
  struct Fragment {
    Message& m;
    Speaker& say;
    std::span<uint8_t> octets;        // of our own: the statuses of commands are cleared here before the digest is taken
    uint8_t function;
    bool answers = false;             // response to a request
    bool command = false;             // select, operate, or what answers them
    bool guess = false;               // the act is taken from the first object
    bool bad = false;
    Time common = 0;                  // common time of occurrence (g51), and whether one was heard
    bool has_common = false, common_unsynchronised = false, tells = false;
    Identity who{};

    void refuse(uint16_t kind, uint16_t status) {
      if (!status || !answers) return;
      m.refused = true;
      if (!m.reason) m.reason = uint16_t(kind | status);
    }
    void wrong(uint16_t what) {
      m.malformed = true;
      if (!m.reason) m.reason = what;
    }
  };

  // ---- link

  size_t frame(Bytes b, Side side, Speaker& say) {
    if (!header_right(b)) [[unlikely]] {
      forget(side);
      say_link(starts(b) && b.size() >= 8 ? link_of(b) : Link{}, wrong_header, say);
      return next_right(b, 1);                                       // nothing is read up to the next right header
    }
    const Link link = link_of(b);
    const size_t octets = frame_octets(b[2]), data = b[2] - 5u;
    if (octets > b.size()) {
      forget(side);
      say_link(link, wrong_length, say);
      return b.size();
    }
    bool right = true;
    Bytes rest = b.subspan(header_octets, octets - header_octets);
    alignas(16) std::array<uint8_t, longest_frame> flat __attribute__((uninitialized));   // user data without its CRCs
    for (uint8_t* to = flat.data(); !rest.empty();) {
      const size_t n = std::min(rest.size() - 2, block_octets);
      right &= crc_dnp(rest.first(n)) == (rest[n] | rest[n + 1] << 8);
      if (n == block_octets) std::memcpy(to, rest.data(), block_octets);   // one store, not a call
      else std::memcpy(to, rest.data(), n);
      to += n;
      rest = rest.subspan(n + 2);
    }
    if (!right) [[unlikely]] {
      forget(side);
      say_link(link, wrong_block, say);
    } else if (link.user_data() && data) {
      segment(flat[0], {flat.data() + 1, data - 1}, link, side, say);
    } else {
      say_link(link, !known[link.function()] ? wrong_function : link.user_data() || data ? wrong_length : 0, say);
    }
    return octets;
  }

  static void say_link(const Link& link, uint16_t wrong, Speaker& say, uint8_t transport = 0, bool after_gap = false) {
    Message& m = say.begin();
    m.link = true;
    m.function = link.function();
    m.act = acts[m.function];
    m.role = link.primary() ? Role::request : Role::response;
    address(m, link, link.master());
    m.sequence = link.control | uint32_t{transport} << 8;
    m.refused = !link.primary() && (m.function == 0x101 || m.function == 0x10e || m.function == 0x10f);
    m.malformed = wrong != 0;
    m.after_gap = after_gap;
    m.reason = wrong;
    if (!wrong && link.reserved()) m.reason = wrong_address;
    say.end();
  }

  static void address(Message& m, const Link& link, bool from_master) {
    m.station = from_master ? link.to : link.from;
    m.origin = from_master ? link.from : link.to;
    m.has_origin = true;
    m.broadcast = link.broadcast();
  }

  // ---- transport (8.2)

  void segment(uint8_t transport, std::span<uint8_t> octets, const Link& link, Side side, Speaker& say) {
    const bool first = transport & 0x40, last = transport & 0x80;
    const uint8_t sequence = transport & 0x3f;
    Assembly* a = open_ ? assembly_of(link, side) : nullptr;
    if (first && last && !a) [[likely]] {
      begun_[size_t(side)] = true;
      return fragment(octets, transport, link, say);
    }
    if (first) {
      if (a) {                                                        // the fragment before it never ended
        close(*a);
        say_link(link, wrong_segment, say, transport);
      }
      begun_[size_t(side)] = true;
      if (last) return fragment(octets, transport, link, say);
      a = begin(link, side, say, transport);
      if (!a) return unkept(link, side, say, transport);
    } else {
      if (!a) {                                                       // its beginning was not heard
        if (begun_[size_t(side)] && !say.midstream && !say.after_gap) say_link(link, wrong_segment, say, transport);
        begun_[size_t(side)] = false;                                 // once
        return;
      }
      if (sequence == ((a->next - 1) & 0x3f)) return;                   // repeated
      if (sequence != a->next) return broken(*a, transport, link, side, say);
    }
    if (!append(*a, octets)) {
      if (a->used + octets.size() > longest_fragment) return broken(*a, transport, link, side, say);
      close(*a);
      return unkept(link, side, say, transport);
    }
    a->next = (sequence + 1) & 0x3f;
    if (!last) return;
    fragment({a->octets, a->used}, transport, link, say);
    close(*a);
  }

  void broken(Assembly& a, uint8_t transport, const Link& link, Side side, Speaker& say) {
    close(a);
    begun_[size_t(side)] = false;
    say_link(link, wrong_segment, say, transport);
  }
  // Nobody's fault but that of whoever fills the pool: as if octets had been lost.
  void unkept(const Link& link, Side side, Speaker& say, uint8_t transport) {
    begun_[size_t(side)] = false;
    say_link(link, 0, say, transport, true);
  }
  // Most devices never send two segments: room for fragments is taken when the first begins.
  std::span<Assembly> assemblies() { return {assemblies_, assemblies_ ? most_assemblies : 0}; }
  Assembly* assembly_of(const Link& link, Side side) {
    for (Assembly& a : assemblies())
      if (a.open && a.from == link.from && a.to == link.to && a.side == side) return &a;
    return nullptr;
  }
  Assembly* begin(const Link& link, Side side, Speaker& say, uint8_t transport) {
    if (!assemblies_) {
      assemblies_ = static_cast<Assembly*>(pool_->take(sizeof(Assembly) * most_assemblies));
      if (!assemblies_) return nullptr;
      std::uninitialized_value_construct_n(assemblies_, most_assemblies);
    }
    Assembly* a = assemblies_;
    for (Assembly& other : assemblies()) {
      if (!other.open) { a = &other; break; }
      if (other.turn < a->turn) a = &other;
    }
    if (a->open) {                                                    // the oldest goes
      const Link gone{link.control, a->to, a->from};
      close(*a);
      say_link(gone, wrong_segment, say, transport);
    }
    *a = Assembly{link.from, link.to, 0, side, true, 0, 0, ++turn_, nullptr};
    open_++;
    return a;
  }
  bool append(Assembly& a, Bytes octets) {
    if (a.used + octets.size() > a.room) {
      const size_t room = std::max<size_t>(a.room * 2, 2'048);        // what most devices send at most
      if (room > longest_fragment) return false;
      uint8_t* more = static_cast<uint8_t*>(pool_->take(room));
      if (!more) return false;
      if (a.used) std::memcpy(more, a.octets, a.used);
      pool_->give(a.octets);
      a.octets = more;
      a.room = uint32_t(room);
    }
    if (!octets.empty()) std::memcpy(a.octets + a.used, octets.data(), octets.size());
    a.used += uint32_t(octets.size());
    return true;
  }
  void close(Assembly& a) {
    pool_->give(a.octets);
    a = Assembly{};
    open_--;
  }
  void forget(Side side) {
    begun_[size_t(side)] = false;
    if (open_)
      for (Assembly& a : assemblies())
        if (a.open && a.side == side) close(a);
  }

  // ---- application (4.2)

  void fragment(std::span<uint8_t> octets, uint8_t transport, const Link& link, Speaker& say) {
    Message& m = say.begin();
    Fragment f{m, say, octets, 0};
    Reader r{octets, f.bad};
    const uint8_t control = r.u8();
    const uint8_t code = f.function = r.u8();
    const bool responds = code >= 128;
    const bool from_master = code == confirm ? link.master() : !responds;
    address(m, link, from_master);
    m.function = code;
    m.act = acts[code];
    m.role = code == unsolicited ? Role::report : responds ? Role::response : Role::request;
    m.tag = control & 0x1f;
    m.sequence = link.control | uint32_t{transport} << 8 | uint32_t{control} << 16;
    if (responds) {
      m.qualifier = r.le16();
      f.answers = code != unsolicited;
      if (f.answers && (m.qualifier & 0x700)) m.refused = true, m.reason = m.qualifier >> 8 & 7;
    }
    if (code == response) {
      const Question q = answered(m, control);
      m.unpaired = f.guess = q.function == confirm;
      m.act = f.guess ? Act::other : q.act;
      f.command = q.function >= select && q.function <= direct_operate;
    } else if (!responds) {
      f.command = code >= select && code <= direct_operate_no_ack;
    }
    if (f.bad) {                                                       // not even a whole header
      f.wrong(wrong_length);
    } else if (!known[code]) {
      f.wrong(wrong_function);
      r.rest();
    } else {
      for (bool first = true; r; first = false) header(r, f, first);
      if (f.bad) f.wrong(wrong_objects);
      if (!m.reason && link.reserved()) m.reason = wrong_address;
      if (!m.reason && from_master != link.master()) m.reason = wrong_direction;
    }
    if (code < 128) ask(m, code);
    say.end();
    if (f.tells) f.who.station = m.station, say.identity(f.who);
  }

  // Questions lie by station, four to a row, the newest first. Most connections have one station: its row is here, and the others are taken
  // when there is a second. Where there is no room for them, all stations share the one.
  static uint8_t place_of(uint16_t station) { return uint8_t((station ^ station >> 4 ^ station >> 8) % rows); }
  Question* row_of(uint16_t station) { return all_ ? all_ + place_of(station) * ways : own_.data(); }
  void make_row(uint16_t station) {
    const uint8_t place = place_of(station);
    if (all_ || place == own_place_) return;
    if (own_place_ == rows) return void(own_place_ = place);
    all_ = static_cast<Question*>(pool_->take(sizeof(Question) * rows * ways));
    if (!all_) return;
    std::uninitialized_value_construct_n(all_, rows * ways);
    std::copy(own_.begin(), own_.end(), all_ + own_place_ * ways);
  }

  void ask(const Message& m, uint8_t code) {
    if (code == confirm || code == direct_operate_no_ack || code == freeze_no_ack || code == freeze_clear_no_ack || code == freeze_at_time_no_ack ||
        code == authenticate_no_ack || m.broadcast) return;
    const Question q{Question::key_of(uint16_t(m.station), m.origin, m.tag), code, m.act};
    make_row(uint16_t(m.station));
    Question* row = row_of(uint16_t(m.station));
    size_t at = 0;
    while (at < ways - 1 && row[at].key != q.key) at++;
    if (code == authenticate && row[at].key == q.key) return;          // meets a challenge of that question, which still waits
    for (; at > 0; at--) row[at] = row[at - 1];
    row[0] = q;
  }
  // The question that this response answers. Its further fragments carry on the sequence.
  Question answered(const Message& m, uint8_t control) {
    for (const uint16_t asked : {uint16_t(m.station), uint16_t{0xfffc}}) {         // perhaps asked by the self-address
      const uint64_t key = Question::key_of(asked, m.origin, control);
      Question* row = row_of(asked);
      for (size_t i = 0; i < ways; i++) {
        if (row[i].key != key) continue;
        const Question found = row[i];
        row[i].key = control & 0x40 ? 0 : Question::key_of(asked, m.origin, control + 1u);   // until FIN
        return found;
      }
    }
    return {};
  }

  // ---- objects (4.2.2.7, 11)

  static bool carries_values(const Fragment& f, uint8_t group, unsigned range) {
    if (range == 0x0b || group == 120) return true;                                // free format; authentication goes with any request
    switch (f.function) {
      case write: case select: case operate: case direct_operate: case direct_operate_no_ack: return true;
      case freeze_at_time: case freeze_at_time_no_ack: return group == 50;
      default: return f.function >= open_file;                                     // files, configuration, authentication, responses
    }
  }

  // The first object tells what is written, or what an answer without its question is about.
  static void refine(Fragment& f, uint8_t group) {
    if (f.function == write) {
      switch (group) {
        case 50: f.m.act = Act::time; break;
        case 80: case 120: f.m.act = Act::session; break;
        case 0: case 34: case 85: case 86: f.m.act = Act::configure; break;
        case 70: f.m.act = Act::file; break;
        default: break;
      }
    } else if (f.function == read) {
      f.m.act = group == 70 ? Act::file : group == 0 ? Act::identify : Act::read;
    } else if (f.guess) {
      switch (group) {
        case 12: case 41: f.m.act = Act::operate; break;
        case 52: f.m.act = Act::time; break;
        case 70: f.m.act = Act::file; break;
        case 0: f.m.act = Act::identify; break;
        case 91: f.m.act = Act::configure; break;
        case 120: f.m.act = Act::session; break;
        default: f.m.act = Act::read; break;
      }
    }
  }

  // One object header: which form, and the objects by range, count or list.
  struct Header {
    uint8_t group, variation;
    const Form* form;
    unsigned prefix;                  // 1-3: an index of 1, 2, 4 octets before each object; 4-6: its size
    unsigned range;
    uint32_t first = 0;
    uint64_t count = 0;
    uint16_t code() const { return uint16_t(group << 8 | variation); }
    Object object(uint32_t index) const {
      switch (const ObjectKind kind = form ? form->kind : kind_of(group)) {
        case ObjectKind::event_class: return {kind, variation ? variation - 1u : 0u};
        case ObjectKind::device_attribute: return {kind, variation, index};
        case ObjectKind::other_dnp3: return {kind, index, group};
        default: return {kind, index};
      }
    }
    bool indexed() const { return prefix >= 1 && prefix <= 3; }
    bool sized() const { return prefix >= 4; }
    size_t prefix_octets() const { constexpr uint8_t n[] = {0, 1, 2, 4, 1, 2, 4}; return n[prefix]; }
  };
  static uint32_t number(Reader& r, size_t octets) { return octets == 1 ? r.u8() : octets == 2 ? r.le16() : octets == 4 ? r.le32() : 0; }

  static void header(Reader& r, Fragment& f, bool first) {
    const uint8_t* const start = r.peek().data();
    const uint8_t group = r.u8(), variation = r.u8(), qualifier = r.u8();
    Header h{group, variation, form_of(group, variation), qualifier >> 4 & 7u, qualifier & 15u};
    const bool legal = !(qualifier & 0x80) && h.prefix <= 6 && (h.range <= 9 || h.range == 0x0b) &&
                       (h.prefix == 0 ? h.range != 0x0b : h.sized() ? h.range >= 7 : h.range >= 7 && h.range <= 9);
    if (!legal) {
      if (r.ok()) f.wrong(wrong_object);
      return r.require(false);
    }
    const bool ranged = h.range <= 5;
    if (ranged) {                                                     // 3-5: virtual addresses
      const size_t n = size_t{1} << h.range % 3;
      h.first = number(r, n);
      const uint32_t stop = number(r, n);
      r.require(stop >= h.first);
      h.count = uint64_t{stop} - h.first + 1;
    } else if (h.range != 6) {
      h.count = number(r, h.range == 8 ? 2 : h.range == 9 ? 4 : 1);
    }
    if (!r.ok()) return;
    if (first) refine(f, group);
    if (group == 120) f.m.encrypted = true;
    if (!carries_values(f, group, h.range) || h.range == 6) names(r, f, h);
    else values(r, f, h);
    if (f.command && group != 120) f.m.digest = f.m.digest * 0x9E3779B97F4A7C15 + text_key(text_of({start, size_t(r.peek().data() - start)}));
  }

  // Objects without values: what a request asks for.
  static void names(Reader& r, Fragment& f, const Header& h) {
    if (h.indexed()) {
      for (uint64_t i = 0; i < h.count && r.ok(); i++) {
        const uint32_t index = number(r, h.prefix_octets());
        if (r.ok()) f.say.point(h.object(index)).form = h.code();
      }
      return;
    }
    Point& p = f.say.point(h.object(h.first));
    p.form = h.code();
    const ObjectKind kind = p.object.kind();
    if (kind == ObjectKind::device_attribute || kind == ObjectKind::event_class) {
      if (h.range != 6) p.qualifier = h.range <= 5 ? 0 : uint32_t(h.count);
    } else if (h.range == 6) {
      p.count = everything;
    } else if (h.range <= 5 || kind == ObjectKind::time_and_date) {
      p.count = uint32_t(std::min<uint64_t>(h.count, UINT32_MAX));
    } else {
      p.count = everything;
      p.qualifier = uint32_t(h.count);                                // at most so many
    }
  }

  static void values(Reader& r, Fragment& f, const Header& h) {
    if (h.sized()) {
      for (uint64_t i = 0; i < h.count && r.ok(); i++) {
        Reader item = r.sub(number(r, h.prefix_octets()));
        if (r.ok()) sized(item, f, h, uint32_t(h.first + i));
      }
      return;
    }
    if (!h.form) {                                                    // of unknown length: what follows cannot be read
      if (h.count == 0) return;
      f.wrong(wrong_object);
      opaque(f, h, h.first, r.rest().size());
      return;
    }
    switch (h.form->layout) {
      case Layout::bits: return packed<1>(r, f, h);
      case Layout::pairs: return packed<2>(r, f, h);
      case Layout::fixed: return fixed(r, f, h);
      case Layout::header_only: return run(r, f, h, 0);
      case Layout::by_variation: return run(r, f, h, h.variation);
      case Layout::sized:                                             // needs its length before it; alone it is the rest
        if (h.count == 0) return;
        if (h.indexed()) number(r, h.prefix_octets());
        { Reader item = r.sub(r.left()); return sized(item, f, h, h.first); }
      case Layout::attribute:
      case Layout::registration:
        for (uint64_t i = 0; i < h.count && r.ok(); i++) {
          const uint32_t index = h.indexed() ? number(r, h.prefix_octets()) : uint32_t(h.first + i);
          if (h.form->layout == Layout::attribute) attribute(r, f, h, index);
          else registration(r, f, h, index);
        }
        return;
    }
  }

  static Point& opaque(Fragment& f, const Header& h, uint32_t index, size_t octets) {
    Point& p = f.say.point(h.object(index));
    p.form = h.code();
    p.set_octets(octets);
    return p;
  }

  template <unsigned width>
  static void packed(Reader& r, Fragment& f, const Header& h) {
    constexpr uint64_t each = 8 / width;
    constexpr unsigned mask = (1 << width) - 1;
    const Object zero = h.object(0);
    const auto say = [&](uint32_t index, unsigned v) {
      Point& p = f.say.point(zero.at(index));
      p.form = h.code();
      if constexpr (width == 1) p.set(v);
      else p.set_double_point(v);
    };
    if (h.indexed()) {                                                // an octet each
      for (uint64_t i = 0; i < h.count && r.ok(); i++) {
        const uint32_t index = number(r, h.prefix_octets());
        const unsigned v = r.u8() & mask;
        if (r.ok()) say(index, v);
      }
      return;
    }
    for (uint64_t i = 0; i < h.count;) {
      unsigned octet = r.u8();
      if (!r.ok()) return;
      for (const uint64_t end = std::min(h.count, i + each); i < end; i++, octet >>= width) say(uint32_t(h.first + i), octet & mask);
    }
  }

  // Octets of one length each. Without octets and indices they are one point, however many.
  static void run(Reader& r, Fragment& f, const Header& h, size_t octets) {
    if (!octets && !h.indexed()) {
      if (h.count) opaque(f, h, h.first, 0).count = uint32_t(std::min<uint64_t>(h.count, UINT32_MAX));
      return;
    }
    for (uint64_t i = 0; i < h.count && r.ok(); i++) {
      const uint32_t index = h.indexed() ? number(r, h.prefix_octets()) : uint32_t(h.first + i);
      r.skip(octets);
      if (r.ok()) opaque(f, h, index, octets);
    }
  }

  // What a fixed form is made of. The shapes that devices send by the hundred get a loop of their own, in which the compiler
  // knows the shape; all others share one that asks for each object.
  struct Shape { Flags flags; Value value; Stamp stamp; Tail tail; };
  static Shape shape_of(const Form& form) { return {form.flags, form.value, form.stamp, form.tail}; }
  template <Flags f, Value v, Stamp s, Tail t, size_t n>
  struct Known { static constexpr Flags flags = f; static constexpr Value value = v; static constexpr Stamp stamp = s; static constexpr Tail tail = t; static constexpr size_t size = n; };

  static void fixed(Reader& r, Fragment& f, const Header& h) {
    const Form& form = *h.form;
    const auto is = [&form](auto k) { return form.flags == k.flags && form.value == k.value && form.stamp == k.stamp && form.tail == k.tail && form.size == k.size; };
    using Relay = Known<Flags::none, Value::crob, Stamp::none, Tail::status, 11>;
    using State = Known<Flags::binary, Value::bit, Stamp::absolute, Tail::none, 7>;
    using Analog = Known<Flags::analog, Value::i32, Stamp::absolute, Tail::none, 11>;
    using ShortAnalog = Known<Flags::analog, Value::i16, Stamp::absolute, Tail::none, 9>;
    using FloatAnalog = Known<Flags::analog, Value::f32, Stamp::absolute, Tail::none, 11>;
    if (is(Analog{})) return each(r, f, h, Analog{});
    if (is(ShortAnalog{})) return each(r, f, h, ShortAnalog{});
    if (is(FloatAnalog{})) return each(r, f, h, FloatAnalog{});
    if (is(State{})) return each(r, f, h, State{});
    if (is(Relay{})) return each(r, f, h, Relay{});
    each(r, f, h, shape_of(form));
  }

  template <class S>
  static void each(Reader& r, Fragment& f, const Header& h, S shape) {
    const Form form = *h.form;                                        // of our own, as all that the loop needs: points are
    const size_t prefix = h.prefix_octets(), stride = prefix + form.size;   // written through a pointer that might be anything's
    const uint64_t whole = std::min<uint64_t>(h.count, r.left() / stride);
    const size_t start = size_t(r.peek().data() - f.octets.data());
    const Object zero = h.object(0);
    const uint32_t base = h.first;
    const uint16_t code = h.code();
    Reader in = r.sub(whole * stride);
    for (uint32_t i = 0; i < whole; i++) {
      const uint32_t index = prefix ? number(in, prefix) : base + i;
      Point& p = f.say.point(zero.at(index));
      p.form = code;
      if constexpr (requires { S::size; }) {                          // all of it is there: nothing it is made of is asked for again
        Reader object = in.sub(S::size);
        one(object, f, form, shape, p);
      } else {
        one(in, f, form, shape, p);
      }
    }
    if (f.command && shape.tail == Tail::status) {
      uint8_t* const octets = f.octets.data();
      for (size_t i = 0, at = start + stride - 1; i < whole; i++, at += stride) octets[at] = 0;
    }
    if (form.group == 51 && whole) {                               // the events behind it count from here
      const Point& p = f.say.points().back();
      f.common = Time(p.raw);
      f.has_common = true;
      f.common_unsynchronised = h.variation == 2;
    }
    r.require(whole == h.count);
  }

  template <class S>
  [[gnu::always_inline]] static void one(Reader& in, Fragment& f, const Form& form, S shape, Point& p) {   // in the loop: the reader stays in registers
    uint8_t flags = 0;
    switch (shape.flags) {
      case Flags::none: break;
      case Flags::binary: flags = in.u8(); p.quality = binary_quality[flags]; break;
      case Flags::counter: flags = in.u8(); p.quality = counter_quality[flags]; break;
      case Flags::analog: flags = in.u8(); p.quality = analog_quality[flags]; break;
      case Flags::state: case Flags::status: flags = in.u8(); p.status = flags & 0x7f; break;
    }
    switch (shape.value) {
      case Value::none: break;
      case Value::bit: p.set((flags & 0x80) != 0); break;
      case Value::pair: p.set_double_point(flags >> 6); break;
      case Value::u8: p.set_natural(in.u8()); break;
      case Value::u16: p.set_natural(in.le16()); break;
      case Value::u32:
        if (form.group >= 121) p.qualifier = in.le16();               // the association's id goes first
        p.set_natural(in.le32());
        break;
      case Value::i16: p.set_integer(int16_t(in.le16())); break;
      case Value::i32: p.set_integer(int32_t(in.le32())); break;
      case Value::f32: p.set_real(double(in.le_float())); break;
      case Value::f64: p.set_real(in.le_double()); break;
      case Value::bcd: p.set_natural(decimal(in, form.size)); break;
      case Value::time: set_time(p, in.le48()); break;
      case Value::seconds: p.set_natural(uint64_t{in.le16()} * 1000); break;
      case Value::milliseconds: p.set_natural(in.le16()); break;
      case Value::crob: control_block(in, p); break;
      case Value::schedule:                                           // time, interval (ms, or in the unit behind it)
        set_time(p, in.le48());
        p.duration = in.le32();
        if (form.variation == 4) p.qualifier = in.u8();
        break;
      case Value::fill: p.set_natural(in.u8()); p.qualifier = in.le16(); break;   // per cent; of which group and variation
      case Value::opaque: {
        const size_t n = form.size;
        if (form.group == 120) user(in, p, n);
        else in.skip(n);
        p.set_octets(n);
        break;
      }
    }
    switch (shape.stamp) {
      case Stamp::none: break;
      case Stamp::absolute:
        p.time_kind = TimeKind::full;
        if (!instant(in.le48(), p.time)) p.time_flags = time_invalid;
        break;
      case Stamp::relative:
        p.time = f.common + Time{in.le16()} * millisecond;
        p.time_kind = f.has_common ? TimeKind::full : TimeKind::relative;
        if (f.common_unsynchronised) p.time_flags = time_unsynchronised;
        break;
    }
    if (shape.tail == Tail::status) {
      p.status = in.u8() & 0x7f;
      f.refuse(0x100, p.status);
    }
  }

  static void set_time(Point& p, uint64_t ms) {
    Time t;
    if (!instant(ms, t)) p.time_flags = time_invalid;
    p.set_time(t);
  }

  static uint64_t decimal(Reader& in, size_t octets) {                // four bits a digit, the lowest first
    uint64_t v = 0, weight = 1;
    for (size_t i = 0; i < octets; i++) {
      const uint8_t two = in.u8();
      v += (two & 0x0fu) * weight + (two >> 4) * weight * 10;
      weight *= 100;
    }
    return v;
  }

  // Control code, count, on-time and off-time in ms; the status follows (A.8.1). Trip and close say more than the operation.
  static void control_block(Reader& in, Point& p) {
    p.qualifier = in.le16();
    p.duration = in.le32();
    in.skip(4);                                                       // off-time: in the digest only
    constexpr unsigned pulse_on = 1, pulse_off = 2, latch_on = 3, latch_off = 4, close = 1, trip = 2;
    const unsigned operation = p.qualifier & 0x0f, which = p.qualifier >> 6 & 3;
    if (which == close || which == trip) p.set(which == close);
    else if (operation == pulse_on || operation == latch_on) p.set(true);
    else if (operation == pulse_off || operation == latch_off) p.set(false);
  }

  // ---- objects of any length

  static void sized(Reader& item, Fragment& f, const Header& h, uint32_t index) {
    if (!h.form) {
      f.wrong(wrong_object);
      opaque(f, h, index, item.rest().size());
      return;
    }
    switch (h.form->layout) {
      case Layout::fixed: {
        item.require(item.left() == h.form->size);
        if (!item.ok()) return;
        Point& p = f.say.point(h.object(index));
        p.form = h.code();
        return one(item, f, *h.form, shape_of(*h.form), p);
      }
      case Layout::attribute: attribute(item, f, h, index); return item.finish();
      case Layout::registration: registration(item, f, h, index); return item.finish();
      default: break;
    }
    switch (h.group) {
      case 70: return file(item, f, h, index);
      case 85: case 86: case 87: case 88: return data_set(item, f, h, index);
      case 90: {
        Point& p = opaque(f, h, index, 0);
        p.set_text(f.say.text(text_of(item.rest())));
        return;
      }
      case 91: {                                                      // delay until it is done, status of each request
        Point& p = opaque(f, h, index, item.left());
        p.duration = item.le32();
        p.status = item.u8();
        f.refuse(0x100, p.status);
        item.rest();
        return;
      }
      case 120: return authentication(item, f, h, index);
      default: opaque(f, h, index, item.rest().size());
    }
  }

  // A text inside an object, by its offset from the object's first octet (A.25).
  static std::string_view text_at(Reader& item, Bytes whole, size_t offset, size_t size) {
    item.require(offset + size <= whole.size());
    return item.ok() ? text_of(whole.subspan(offset, size)) : std::string_view{};
  }
  static void created(Point& p, uint64_t ms) {
    if (!ms) return;
    p.time_kind = TimeKind::full;
    if (!instant(ms, p.time)) p.time_flags = time_invalid;
  }

  static void file(Reader& item, Fragment& f, const Header& h, uint32_t index) {
    const Bytes whole = item.peek();
    Point& p = opaque(f, h, index, whole.size());
    switch (h.variation) {
      case 2: {                                                       // who asks to be authenticated; the password stays out
        const size_t user_at = item.le16(), user_size = item.le16();
        item.skip(2);
        const uint16_t password_size = item.le16();
        const uint32_t key = item.le32();
        p.set_text(f.say.text(text_at(item, whole, user_at, user_size)));
        p.qualifier = (password_size ? 1u : 0u) | (key ? 2u : 0u);    // present
        f.m.encrypted |= password_size != 0;
        break;
      }
      case 3: {
        const size_t name_at = item.le16(), name_size = item.le16();
        created(p, item.le48());
        const uint16_t permissions = item.le16();
        const uint32_t key = item.le32(), size = item.le32();
        const uint16_t mode = item.le16();
        item.skip(4);                                                 // largest block, request id
        p.set_natural(size);
        p.qualifier = mode | uint32_t(permissions & 0x7fff) << 16 | (key ? 1u << 31 : 0u);
        p.object = f.say.named(text_at(item, whole, name_at, name_size));
        break;
      }
      case 4: {
        p.object = Object(ObjectKind::file, item.le32());
        p.set_natural(item.le32());                                   // size
        item.skip(4);
        p.status = item.u8();
        f.refuse(0x200, p.status);
        break;
      }
      case 5: {
        p.object = Object(ObjectKind::file, item.le32());
        p.qualifier = item.le32();                                    // block number, bit 31: the last
        p.set_octets(item.left());
        f.m.retained |= item.left() != 0;
        break;
      }
      case 6: {
        p.object = Object(ObjectKind::file, item.le32());
        p.qualifier = item.le32();
        p.status = item.u8();
        p.kind = ValueKind::none;
        f.refuse(0x200, p.status);
        break;
      }
      case 7: {
        const size_t name_at = item.le16(), name_size = item.le16();
        const uint16_t type = item.le16();                            // 0 a directory, 1 a file
        const uint32_t size = item.le32();
        created(p, item.le48());
        const uint16_t permissions = item.le16();
        item.skip(2);
        p.set_natural(size);
        p.qualifier = type | uint32_t{permissions} << 16;
        p.object = f.say.named(text_at(item, whole, name_at, name_size));
        break;
      }
      case 8: p.object = f.say.named(text_of(item.rest())); break;
      default: break;
    }
    if (item.ok()) item.rest();
    else f.say.drop_point();
  }

  // The data set's number is its first element: length, then (prototypes and descriptors) code, type, length, number.
  static void data_set(Reader& item, Fragment& f, const Header& h, uint32_t index) {
    bool bad = false;
    Reader ahead{item.peek(), bad};
    Reader element = ahead.sub(ahead.u8());
    if (h.group <= 86) element.skip(3);
    const Bytes id = element.rest();
    if (!bad && !id.empty() && id.size() <= 4) {
      index = 0;
      for (size_t i = id.size(); i-- > 0;) index = index << 8 | id[i];
    }
    opaque(f, h, index, item.rest().size());
  }

  // Secure authentication is named, not opened: the user's number, an error's code, and how many octets.
  static void authentication(Reader& item, Fragment& f, const Header& h, uint32_t index) {
    const size_t octets = item.left();
    Point& p = opaque(f, h, index, octets);
    switch (h.variation) {
      case 1: case 2: case 5: case 6: case 12: case 13: item.skip(4); p.object = Object(ObjectKind::authentication, item.le16()); break;
      case 7:
        item.skip(4);
        p.object = Object(ObjectKind::authentication, item.le16());
        item.skip(2);
        p.status = item.u8();
        f.refuse(0x300, p.status);
        break;
      default: break;
    }
    if (item.ok()) item.rest();
    else f.say.drop_point();
  }
  static void user(Reader& in, Point& p, size_t octets) {             // of g120v3 and v4: the last two octets
    in.skip(octets - 2);
    p.object = Object(ObjectKind::authentication, in.le16());
  }

  static void attribute(Reader& r, Fragment& f, const Header& h, uint32_t set) {
    enum Type : uint8_t { text = 1, natural = 2, integer = 3, real = 4, octets = 5, bits = 6, time = 7, list = 254, long_list = 255 };
    const uint8_t type = r.u8();
    Reader value = r.sub(r.u8() + (type == long_list ? 256u : 0u));
    if (!r.ok()) return;
    const size_t n = value.left();
    Point& p = opaque(f, h, set, n);
    uint64_t number = 0;
    if (n <= 8 && type != text)
      for (size_t i = 0; i < n; i++) number |= uint64_t{value.u8()} << 8 * i;
    switch (type) {
      case text: {
        const uint64_t key = f.say.text(text_of(value.rest()));
        p.set_text(key);
        if (f.function < response || set != 0) break;
        f.tells = true;
        switch (h.variation) {
          case 242: f.who.firmware = key; break;
          case 247: f.who.name = key; break;
          case 248: f.who.serial = key; break;
          case 250: f.who.product = key; break;
          case 252: f.who.vendor = key; break;
          default: break;
        }
        break;
      }
      case natural: if (n <= 8) p.set_natural(number); break;
      case integer: if (n && n <= 8) p.set_integer(int64_t(number << (64 - 8 * n)) >> (64 - 8 * n)); break;
      case real:
        if (n == 4) p.set_real(double(std::bit_cast<float>(uint32_t(number))));
        else if (n == 8) p.set_real(std::bit_cast<double>(number));
        break;
      case bits: if (n <= 8) p.set_bits(number, unsigned(8 * n)); break;
      case time: if (n == 6) set_time(p, number); break;
      default: break;
    }
  }

  static void registration(Reader& r, Fragment& f, const Header& h, uint32_t index) {
    r.skip(4);                                                        // vendor
    const uint16_t object = r.le16(), n = r.le16();
    r.skip(n);
    if (r.ok()) opaque(f, h, index, n).qualifier = object;
  }

  static constexpr size_t rows = 16, ways = 4, most_assemblies = 16;
  Pool* pool_;
  std::array<bool, 2> in_step_{};     // by side: the last record ended where the next should begin
  std::array<bool, 2> begun_{};       // by side: a fragment's beginning was heard since the start or a loss
  uint32_t open_ = 0, turn_ = 0;
  uint8_t own_place_ = rows;          // whose row is here; rows: nobody's yet
  std::array<Question, ways> own_{};
  Question* all_ = nullptr;           // of the pool: every row
  Assembly* assemblies_ = nullptr;    // of the pool: most_assemblies
};
static_assert(sizeof(Dnp3) <= 128);

// ---- recognising

struct Sight { Recognised::Sure sure = Recognised::no; bool master = false; };

// A right link header says yes, wherever it is found in the first octets; the user data's function, where it is there, knows
// better than the DIR bit who is master.
Sight sight(Bytes b) {
  constexpr size_t window = 2 * longest_frame;                       // a frame's rest, and one whole
  constexpr int most_tries = 8;                                      // starts that turn out to be none
  b = b.first(std::min(b.size(), window));
  int tries = 0;
  for (size_t at = next_start(b, 0); at + header_octets <= b.size() && tries < most_tries; at = next_start(b, at + 1), tries++) {
    const Bytes frame = b.subspan(at);
    if (!header_right(frame)) continue;
    const Link link = link_of(frame);
    if (!known[link.function()]) continue;
    bool master = link.master();
    if (link.user_data() && frame.size() >= header_octets + 3 && (frame[header_octets] & 0x40)) {
      const uint8_t code = frame[header_octets + 2];
      if (code != confirm && known[code]) master = code < 128;
    }
    return {Recognised::yes, master};
  }
  const bool may = starts(b) || (b.size() == 1 && b[0] == 0x05);
  return {may ? Recognised::maybe : Recognised::no, false};
}

Recognised recognises(Bytes up, Bytes down, Carrier) {
  const Sight u = sight(up);
  if (u.sure == Recognised::yes) return {u.sure, u.master ? Recognised::up : Recognised::down};
  const Sight d = sight(down);
  if (d.sure == Recognised::yes) return {d.sure, d.master ? Recognised::down : Recognised::up};
  return {std::max(u.sure, d.sure), Recognised::unknown};
}

constexpr Port ports[] = {{Carrier::tcp, 20000}, {Carrier::udp, 20000}};   // 19999 is the secured variant: TLS, not ours

}  // namespace
extern const Protocol protocol;
const Protocol protocol = {"dnp3", "DNP3", ports, recognises, [](Pool& pool) -> Parser* { return pool.make<Dnp3>(pool); }, functions, {}, reason_name,
    "IEEE 1815-2012, clauses 4, 9 and 11 with annex A",
    "secure authentication data (named, with user and sequence), contents of files and of virtual terminals (counted), vendor-specific objects of unknown length"};
}  // namespace vidra::dnp3
