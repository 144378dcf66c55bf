// SPDX-License-Identifier: Apache-2.0
// MMS (ISO 9506-1 and -2:2003) as IEC 61850-8-1:2011 and TASE.2 (IEC 60870-6-503 and -802:2014) use it, over association control,
// presentation, session (osi.h) and ISO transport over TCP (iso.h). A record is one TPKT, a sentence one MMS PDU. An answer is tied to
// its question by the invoke identifier, so that its values have names.
#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "dissectors/iec61850.h"
#include "dissectors/iso.h"
#include "dissectors/mms_services.h"
#include "dissectors/osi.h"
#include "dissectors/short_text.h"

namespace vidra::mms {
namespace {

constexpr uint64_t mix(uint64_t h) {   // spreads a key's bits over all 64
  h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9ull;
  h = (h ^ h >> 27) * 0x94d049bb133111ebull;
  return h ^ h >> 31;
}

// "domain/item", put together; names longer than any standard allows lose their end.
class Name {
 public:
  void clear() { size_ = item_ = 0; }
  void add(std::string_view s) {
    const size_t n = std::min(s.size(), text_.size() - size_);
    copy_text(text_.data() + size_, s.data(), n);
    size_ += n;
  }
  void begin_item() { item_ = size_; }
  size_t item_at() const { return item_; }
  void cut_item(size_t length) { size_ = std::min(size_, item_ + length); }
  std::string_view text() const { return {text_.data(), size_}; }
  std::string_view item() const { return text().substr(item_); }

 private:
  std::array<char, 288> text_;
  size_t size_ = 0, item_ = 0;
};

// ISO 9506-2, 7.6: ObjectName. A name of the association itself begins with @ (IEC 61850-8-1, 7.3.6).
void object_name(Tlv&& e, Name& name) {
  switch (e.tag) {
    case 0x80: name.begin_item(), name.add(text_of(e.body.rest())); break;
    case 0x82: name.add("@"), name.begin_item(), name.add(text_of(e.body.rest())); break;
    case 0xa1: {
      name.add(text_of(tlv(e.body).body.rest()));
      name.add("/");
      name.begin_item();
      name.add(text_of(tlv(e.body).body.rest()));
      break;
    }
    default: e.body.require(false);
  }
}

// ISO 9506-2, 14.5.3: AlternateAccess. What it selects stands behind the name: components as 61850 writes them, indices in brackets.
void alternate_access(Reader r, Name& name, int depth = 0) {
  while (r && depth < 8) {
    Tlv e = tlv(r);
    switch (e.tag) {
      case 0x81: name.add("$"), name.add(text_of(e.body.rest())); break;
      case 0x82: {
        char digits[24];
        const auto end = std::to_chars(digits, digits + sizeof digits, unsigned_of(e.body)).ptr;
        name.add("["), name.add({digits, size_t(end - digits)}), name.add("]");
        break;
      }
      case 0xa0: case 0xa1: case 0xa5: case 0x30: alternate_access(e.body, name, depth + 1); break;
      default: break;
    }
  }
}

// ISO 9506-2, 14.5.1: the variables of a list, one after the other, or the name of the list.
class Variables {
 public:
  Variables(uint32_t tag, Reader body) : list_(tag == 0xa1), r_(body) {}
  bool is_list() const { return list_; }
  // The next one's name; false at the end. What has no name is counted as one without. Flattened, as what is called is less than the call.
  [[gnu::flatten]] bool next(Name& name) {
    name.clear();
    if (!r_) return false;
    if (list_) {
      object_name(tlv(r_), name);
      return true;
    }
    if (of_a_domain(name)) [[likely]] return true;
    Tlv one = tlv(r_);
    r_.require(one.tag == 0x30);
    bool first = true;
    while (one.body) {
      Tlv e = tlv(one.body);
      if (first && e.tag == 0xa0) object_name(tlv(e.body), name);
      else if (!first && e.tag == 0xa5) alternate_access(e.body, name);
      first = false;
    }
    return true;
  }
  // The next one where it is what nearly all are: one name of a domain and no alternate access, each length in one octet. Five
  // elements then are ten octets that are known, and two texts. False, and nothing read, where it is anything else.
  [[gnu::always_inline]] bool next(std::string_view& domain, std::string_view& item) {
    const Bytes b = r_.peek();
    if (b.size() < 12) return false;
    const uint64_t head = Reader(r_).be64();                   // 30 ALL a0 ALL-2 a1 ALL-4 1a DOMAIN
    const size_t all = head >> 48 & 0xff, n = head & 0xff;
    if (all < 8 || all >= 0x80 || head >> 8 != (0x30'00'a0'00'a1'00'1aull | all << 40 | (all - 2) << 24 | (all - 4) << 8) || all + 2 > b.size() || n + 8 > all) return false;
    const uint8_t* const texts = b.data() + 8;                 // DOMAIN octets, 1a ITEM
    if (texts[n] != 0x1a || n + texts[n + 1] + 8 != all) return false;
    domain = {reinterpret_cast<const char*>(texts), n};
    item = {reinterpret_cast<const char*>(texts) + n + 2, texts[n + 1]};
    r_.skip(all + 2);
    return true;
  }

 private:
  [[gnu::always_inline]] bool of_a_domain(Name& name) {
    std::string_view domain, item;
    if (!next(domain, item)) return false;
    name.add(domain);
    name.add("/");
    name.begin_item();
    name.add(item);
    return true;
  }

  bool list_;
  Reader r_;
};

// The data objects that nearly all members and variables are, known by their headers alone: a value (of an analogue one its floating
// point number), a quality of 13 bits and a UTC time (61850-7-3, 7.3 and 7.4). False where it is anything else; then nothing was said.
// What is said is what Leaves says of it.
[[gnu::always_inline]] inline bool plain_object(const Tlv& e, Object object, uint32_t qualifier, Speaker& say) {
  constexpr size_t tail = 15;
  const size_t octets = e.body.left();
  if (e.tag != 0xa2 || octets < tail + 3 || octets > tail + 9) return false;
  const size_t width = octets - tail;
  Reader r = e.body, ends = e.body;
  ends.skip(width);
  Reader when = ends;
  when.skip(7);
  const uint64_t head = r.be64(), heads = ends.be64();       // heads: 84 03 03 qq qq 91 08, and the first octet of the time
  if ((heads & 0xffffff'0000'ffff00) != 0x840303'0000'910800) return false;
  ValueKind kind;
  uint64_t raw;
  if (head >> 24 == 0xa2'07'87'05'08 && width == 9) {
    Reader number = e.body;
    number.skip(5);
    kind = ValueKind::real, raw = std::bit_cast<uint64_t>(double(number.be_float()));
  } else if (head >> 40 == 0x87'05'08 && width == 7) {
    kind = ValueKind::real, raw = std::bit_cast<uint64_t>(double(std::bit_cast<float>(uint32_t(head >> 8))));
  } else if (head >> 48 == 0x83'01 && width == 3) {
    kind = ValueKind::boolean, raw = (head >> 40 & 0xff) != 0;
  } else if (head >> 40 == 0x84'02'06 && width == 4) {
    kind = ValueKind::double_point, raw = head >> 38 & 3;
  } else if (head >> 56 == 0x85 && (head >> 48 & 0xff) + 2 == width && width <= 8) {
    kind = ValueKind::integer, raw = uint64_t(int64_t(head << 16) >> (80 - 8 * width));
  } else {
    return false;
  }
  Point& p = say.point(object);
  p.raw = raw, p.kind = kind, p.qualifier = qualifier;
  p.quality = iec61850::quality(unsigned(heads >> 27) & 0x1fff);
  p.time = iec61850::utc_time(when.be64(), p.time_flags), p.time_kind = TimeKind::full;
  return true;
}

// The points of one variable or of one member of a data set: its first value bears its name; the further ones of a structure are
// members of it.
class Leaves {
 public:
  Leaves(Speaker& say, Object named) : say_(say), first_(named), key_(named.key()) {}
  Leaves(Speaker& say, uint64_t dataset, size_t position)
      : say_(say), first_(Object::of_member(dataset, uint16_t(position))), key_(dataset), position_(position), member_(true) {}

  void data(Tlv& e) { one(e, 0); }
  Object named() const { return first_; }
  uint32_t qualifier = 0;

 private:
  // A member's further values have their number in the upper five bits of the position. Who operated it last and the number of
  // that command stand before a data object's value (61850-7-3, 7.5) and have the last three numbers.
  enum : size_t { category = 29, identifier = 30, control_number = 31 };
  Point& point() { return point(n_++); }
  Point& point(size_t n) {
    Object o = first_;
    if (n) [[unlikely]] o = member_ ? Object::of_member(key_, uint16_t(position_ | std::min<size_t>(n, control_number) << 11)) : Object::of_member(key_, uint16_t(std::min<size_t>(n, 0xffff)));
    Point& p = say_.point(o);
    p.qualifier = qualifier;
    return p;
  }

  [[gnu::always_inline]] void one(Tlv& e, int depth) {
    for (; depth && depth < 32 && structured(e) && alone(e.body.peek()); depth++) e.tag = e.body.u8(), e.body.skip(1);
    if (!structured(e)) return iec61850::leaf(e.tag, e.body, point(), say_);
    e.body.require(depth < 32);
    structure(e, depth);
  }
  static bool structured(const Tlv& e) { return e.tag == 0xa1 || e.tag == 0xa2; }
  // One value and nothing else: an analogue value (61850-7-3, 6.6) is its floating point number.
  static bool alone(Bytes b) { return b.size() > 2 && b[0] != 0x84 && (b[0] & 0x1f) != 0x1f && b[1] < 0x80 && b[1] == b.size() - 2; }

  // Whether nothing but a quality of 13 bits and a UTC time is left: so nearly all data objects end.
  static bool quality_and_time(Bytes rest) {
    return rest.size() == 15 && rest[0] == 0x84 && rest[1] == 3 && rest[2] == 3 && rest[5] == 0x91 && rest[6] == 8;
  }

  [[gnu::noinline, gnu::flatten]] void structure(Tlv& e, int depth) {
    // A data object is a structure of values with one quality and one time stamp for all (61850-7-3, 7).
    const size_t from = say_.points().size();
    bool has_quality = false, has_time = false;
    uint32_t quality = good;
    Time time = 0;
    uint8_t flags = 0;
    bool operated = false;                                 // the last element said who operated it
    for (size_t i = 0; e.body; i++) {
      if (const Bytes rest = e.body.peek(); quality_and_time(rest) && !has_quality && e.tag == 0xa2 && (n_ || !depth)) {
        quality = iec61850::quality(unsigned(rest[3] << 8 | rest[4]) >> 3);
        e.body.skip(7);
        time = iec61850::utc_time(e.body, flags);
        has_quality = has_time = true;
        break;
      }
      Tlv inner = tlv(e.body);
      if (depth == 0 && i == 0 && inner.tag == 0xa2 && origin(inner.body.peek())) {
        operated = true;
        continue;
      }
      if (std::exchange(operated, false) && (inner.tag == 0x85 || inner.tag == 0x86)) {
        iec61850::leaf(inner.tag, inner.body, point(control_number), say_);
        continue;
      }
      if (inner.tag == 0x84 && !has_quality && e.tag == 0xa2 && inner.body.left() == 3 && inner.body.peek()[0] == 3 && (n_ || !depth)) {
        quality = iec61850::quality(unsigned(iec61850::bits_of(inner.body).value));
        has_quality = true;
      } else if (has_quality && !has_time && inner.tag == 0x91) {
        time = iec61850::utc_time(inner.body, flags);
        has_time = true;
      } else {
        one(inner, depth + 1);
      }
    }
    if (!has_quality) return;
    const auto points = say_.points();
    for (size_t i = from > points.size() ? 0 : from; i < points.size(); i++) {
      Point& p = points[i];
      if (p.time_kind != TimeKind::none) continue;
      p.quality |= quality;
      if (has_time) p.time = time, p.time_kind = TimeKind::full, p.time_flags = flags;
    }
    if (from == points.size() && n_ == 0) {                // nothing but a quality
      Point& p = point();
      p.quality = quality;
      if (has_time) p.time = time, p.time_kind = TimeKind::full, p.time_flags = flags;
    }
  }

  // Whether this structure is an Originator: an orCat, an orIdent and no more; then it is said.
  bool origin(Bytes all) {
    if (all.size() < 5 || all[0] != 0x85 || all[1] != 1 || all[3] != 0x89 || size_t{all[4]} + 5 != all.size()) return false;
    Reader r{all, say_.head().malformed};
    Tlv of = tlv(r), who = tlv(r);
    iec61850::leaf(of.tag, of.body, point(category), say_);
    if (std::any_of(all.begin() + 5, all.end(), [](uint8_t c) { return c < 0x20 || c > 0x7e; })) iec61850::leaf(who.tag, who.body, point(identifier), say_);
    else point(identifier).set_text(say_.text(text_of(who.body.rest())));
    return true;
  }

  Speaker& say_;
  Object first_;
  uint64_t key_;
  size_t position_ = 0, n_ = 0;
  bool member_ = false;
};

// IEC 61850-8-1, 20.2: Oper, SBOw and Cancel: ctlVal, operTm?, origin, ctlNum, T, Test, Check?. Message::qualifier is
// ctlNum << 16 | orCat << 8 | operTm set << 2 | interlock check << 1 | synchrocheck, and the point's is the same with bit 31; origin is
// orIdent. All but T goes into the digest.
enum : uint32_t { synchrocheck = 1, interlock_check = 2, timed = 4, is_control = 1u << 31 };
void control(Tlv e, Object object, Speaker& say, bool structured) {
  Message& m = say.head();
  Point& p = say.point(object);
  uint64_t digest = mix(object.key());
  const auto digested = [&digest](uint32_t tag, Reader b) { digest = mix(digest ^ text_key(text_of(b.peek())) ^ tag); };
  const auto value = [&](Tlv v) {
    digested(v.tag, v.body);
    while ((v.tag == 0xa2 || v.tag == 0xa1) && v.body) v = tlv(v.body);   // an analogue value is a structure of one
    if (v.tag == 0xa2 || v.tag == 0xa1) return v.body.require(false);
    iec61850::leaf(v.tag, v.body, p, say);
    if (p.kind == ValueKind::double_point) p.set_step(unsigned(p.raw));   // 61850-7-3, 6.8: Tcmd
    p.time = 0, p.time_kind = TimeKind::none;
  };
  if (!structured || e.tag != 0xa2) {
    value(e);
    m.digest = digest;
    return;
  }
  value(tlv(e.body));
  bool originated = false;
  while (e.body) {
    Tlv part = tlv(e.body);
    switch (part.tag) {
      case 0x91: case 0x8c:
        if (originated) break;                               // T
        digested(part.tag, part.body);
        for (const uint8_t o : part.body.peek()) m.qualifier |= o ? +timed : 0u;
        break;
      case 0xa2: {
        originated = true;
        digested(part.tag, part.body);
        m.qualifier |= uint32_t(unsigned_of(tlv(part.body).body) & 0xff) << 8;
        const Bytes who = tlv(part.body).body.rest();
        m.has_origin = !who.empty();
        if (who.empty()) break;
        char digits[2 * 64];
        size_t n = 0;
        if (std::all_of(who.begin(), who.end(), [](uint8_t c) { return c >= 0x20 && c < 0x7f; })) { m.origin = say.text(text_of(who)); break; }
        for (const uint8_t o : who.first(std::min<size_t>(who.size(), 64))) digits[n++] = "0123456789abcdef"[o >> 4], digits[n++] = "0123456789abcdef"[o & 15];
        m.origin = say.text({digits, n});
        break;
      }
      case 0x85: case 0x86:
        digested(0x86, part.body);
        m.qualifier |= uint32_t(unsigned_of(part.body) & 0xff) << 16;
        break;
      case 0x83:
        digested(part.tag, part.body);
        m.test = part.body.u8() != 0;
        break;
      case 0x84: {
        digested(part.tag, part.body);
        const iec61850::Bits check = iec61850::bits_of(part.body);
        if (check.width >= 2) m.qualifier |= (check.value >> (check.width - 1) & 1 ? +synchrocheck : 0u) | (check.value >> (check.width - 2) & 1 ? +interlock_check : 0u);
        break;
      }
      default: break;
    }
  }
  m.digest = digest;
  say.points().back().qualifier = m.qualifier | is_control;
}

std::string_view note(const Point& p) {
  if (!(p.qualifier & is_control)) return {};
  constexpr std::string_view checks[] = {"without checks", "with synchrocheck", "with interlock check", "with synchrocheck and interlock check"};
  return checks[p.qualifier & 3];
}

unsigned service_of(uint32_t tag) { return tag > 0xff ? tag & 0x7f : tag & 0x1f; }
bool of_context(uint32_t tag) { return (tag > 0xff ? tag >> 8 & 0xc0 : tag & 0xc0) == 0x80 && tag < 0x10000; }

// A variable that was asked for: what its answer says of it again. A name lies among the names of its question, and an item begins in it;
// the ones without a name have none.
struct Asked { uint64_t key; uint16_t means, at, size, item; };

// Where the variables of a question are put together; one for all conversations of a worker. What is beyond it is answered without a name.
struct Asking {
  static constexpr size_t most = 1024;
  size_t n, used;
  std::array<Asked, most> each;
  std::array<char, 32 * 1024> names;

  bool whole;

  void begin() { n = used = 0, whole = true; }
  // "domain/item" of a plain one, whose key is still to come; false where there is no room.
  [[gnu::always_inline]] bool add(std::string_view domain, std::string_view item) {
    const size_t size = domain.size() + 1 + item.size();
    if (n == most || used + size > names.size()) [[unlikely]] return false;
    char* const at = names.data() + used;
    copy_text(at, domain.data(), domain.size());
    at[domain.size()] = '/';
    copy_text(at + domain.size() + 1, item.data(), item.size());
    each[n++] = {0, plain, uint16_t(used), uint16_t(size), uint16_t(domain.size() + 1)};
    used += size;
    return true;
  }
  void add(Object object, Meaning means, const Name& name) {
    const std::string_view text = name.text();
    if (n == most || used + text.size() > names.size()) [[unlikely]] return void(whole = false);
    each[n++] = {text.empty() ? 0 : object.key(), means, uint16_t(used), uint16_t(text.size()), uint16_t(name.item_at())};
    copy_text(names.data() + used, text.data(), text.size());
    used += text.size();
  }
};
static_assert(sizeof(Asked) == 16 && std::is_trivially_destructible_v<Asking>);

// What waits for its answer; a read that was answered is kept, as who polls asks the same again.
struct Question {
  uint8_t* octets = nullptr;     // what it is about: so many variables and their names (`Asked`), or the octets that say it, copied
  uint32_t invoke = 0;
  uint32_t qualifier = 0;
  uint16_t size = 0, variables = 0, wire = 0, sub_function = 0;   // wire: at the end of so many variables the octets that said them; 0 not kept
  uint8_t service = 0, tag = 0;  // tag: of the variable access specification
  Act act = Act::other;
  bool open = false;
};

struct Mms final : Parser {
  explicit Mms(Pool& pool) : pool_(pool), transport_(pool) {}
  ~Mms() override {
    for (auto& side : asked_)
      for (Question& q : side) pool_.give(q.octets);
  }

  Cut next(Side from, Bytes octets, bool segment_start, bool) override { return transport_.next(from, octets, segment_start); }
  void gap(Side from, uint64_t) override { transport_.gap(from); }

  void parse(Bytes record, Side from, Speaker& say) override {
    const iso::Heard h = transport_.hear(record, from);
    if (h.kind != iso::Tpdu::data || h.malformed) {
      if (h.kind == iso::Tpdu::request || h.kind == iso::Tpdu::confirm) contexts_.forget();
      return iso::say(h, from, say, transport);
    }
    if (h.whole && !h.tsdu.empty()) tsdu(h, from, say);
  }

 private:
  static size_t index(Side s) { return s == Side::client ? 0 : 1; }

  void tsdu(const iso::Heard& t, Side from, Speaker& say) {
    // Some stacks leave out all between MMS and the transport.
    osi::Heard h;
    if (is_bare(t.tsdu, t.torn)) h.user = t.tsdu;
    else h = osi::hear(t.tsdu, contexts_);
    Message& m = say.begin();
    m.frame = association;
    m.malformed = h.malformed;
    if (h.malformed && t.torn && h.ppdu == osi::Ppdu::none) {
      m.malformed = false;
      m.link = true;
      m.function = remainder;
      m.role = from == Side::client ? Role::request : Role::response;
      return say.end();
    }
    const osi::Contexts::Kind kind = h.apdu == osi::Apdu::none ? contexts_.of(h.context) : osi::Contexts::unknown;
    if (!h.user.empty() && kind != osi::Contexts::foreign) {
      Reader r{h.user, m.malformed};
      const uint8_t first = h.user[0];
      const unsigned choice = first & 0x1f;
      if ((first & 0xc0) == 0x80 && choice <= conclude_error) {
        m.frame = uint8_t(choice);
        m.function = uint16_t(first_pdu + choice);
        Tlv pdu = tlv(r);
        r.finish();
        pdu_of(Frame(choice), pdu.body, h, from, say);
        return;
      }
      m.malformed |= h.apdu == osi::Apdu::none && kind == osi::Contexts::mms;
    }
    associate(h, kind == osi::Contexts::foreign, say);
    say.end();
  }

  // No SPDU begins like a PDU of MMS. Of what may be the end of a message nothing is believed but a whole PDU.
  static bool is_bare(Bytes tsdu, bool torn) {
    if ((tsdu[0] & 0xc0) != 0x80) return false;
    bool bad = false;
    Reader r{tsdu, bad};
    tlv(r);
    r.finish();
    return !bad || !torn;
  }

  // What holds of an association, whether or not MMS has a word in it.
  static void associate(const osi::Heard& h, bool foreign, Speaker& say) {
    Message& m = say.head();
    m.act = Act::session;
    m.role = Role::request;
    switch (h.apdu) {
      case osi::Apdu::aarq:
        if (m.frame == association) m.function = first_association;
        m.sub_function = uint16_t(h.authentication);
        title("calling AP title", h.calling_title, say);
        title("called AP title", h.called_title, say);
        return;
      case osi::Apdu::aare:
        if (m.frame == association) m.function = first_association + 1;
        m.role = Role::response;
        m.refused |= h.result != 0;
        if (h.result) m.reason = uint16_t(refused_by + h.diagnostic);
        return;
      case osi::Apdu::rlrq: m.function = first_association + 2; return;
      case osi::Apdu::rlre: m.function = first_association + 3, m.role = Role::response; return;
      case osi::Apdu::abrt: m.function = first_association + 4; return;
      case osi::Apdu::none: break;
    }
    if (m.frame != association) return;
    if (h.ppdu == osi::Ppdu::refuse) m.function = first_association + 5, m.role = Role::response, m.refused = true;
    else if (h.ppdu == osi::Ppdu::provider_abort || h.ppdu == osi::Ppdu::user_abort) m.function = first_association + 6;
    else switch (h.spdu) {
      case osi::Spdu::connect: m.function = first_association + 7; break;
      case osi::Spdu::accept: m.function = first_association + 8, m.role = Role::response; break;
      case osi::Spdu::refuse: m.function = first_association + 9, m.role = Role::response, m.refused = true; break;
      case osi::Spdu::finish: m.function = first_association + 10; break;
      case osi::Spdu::disconnect: m.function = first_association + 11, m.role = Role::response; break;
      case osi::Spdu::abort: m.function = first_association + 12; break;
      case osi::Spdu::data:
        m.function = foreign || h.ppdu == osi::Ppdu::user_data ? first_association + 14 : first_association + 13;
        m.act = Act::other;
        break;
      default: m.function = first_association + 13;
    }
  }

  // X.690, 8.19: an object identifier as digits.
  static void title(std::string_view what, Bytes oid, Speaker& say) {
    if (oid.empty() || oid.size() > 24) return;
    char text[160];
    char* at = text;
    uint64_t arc = 0;
    bool first = true;
    for (const uint8_t o : oid) {
      arc = (arc & 0xffffffffffffffull) << 7 | (o & 0x7f);
      if (o & 0x80) continue;
      if (first) {
        const uint64_t root = std::min<uint64_t>(arc / 40, 2);
        at = std::to_chars(at, text + sizeof text, root).ptr;
        arc -= root * 40;
        first = false;
      }
      if (text + sizeof text - at < 24) break;
      *at++ = '.';
      at = std::to_chars(at, text + sizeof text, arc).ptr;
      arc = 0;
    }
    say.point(say.named(what)).set_text(say.text({text, size_t(at - text)}));
  }

  void pdu_of(Frame kind, Reader r, const osi::Heard& h, Side from, Speaker& say) {
    Message& m = say.head();
    switch (kind) {
      case confirmed_request: request(r, from, say); break;
      case confirmed_response: response(r, from, say); break;
      case confirmed_error: error(r, from, say); break;
      case unconfirmed: notice(r, say); break;
      case reject: rejected(r, from, say); break;
      case cancel_request: m.tag = uint32_t(unsigned_of(r)), m.act = Act::other; break;
      case cancel_response: m.tag = uint32_t(unsigned_of(r)), m.role = Role::response; break;
      case cancel_error: {
        m.role = Role::response, m.refused = true;
        m.tag = uint32_t(unsigned_of(tlv(r).body));
        m.reason = service_error_of(tlv(r).body);
        break;
      }
      case initiate_request: case initiate_response:
        m.act = Act::session;
        m.role = kind == initiate_request ? Role::request : Role::response;
        while (r) {
          const Tlv e = tlv(r);
          if (e.tag == 0x80) say.point(say.named("maximum PDU size")).set_natural(unsigned_of(e.body));
          if (e.tag == 0x81) say.point(say.named("services outstanding calling")).set_natural(unsigned_of(e.body));
          if (e.tag == 0x82) say.point(say.named("services outstanding called")).set_natural(unsigned_of(e.body));
        }
        if (h.apdu != osi::Apdu::none) associate(h, false, say);
        break;
      case initiate_error: case conclude_error:
        m.act = Act::session, m.role = Role::response, m.refused = true;
        m.reason = service_error_of(r);
        break;
      case conclude_request: m.act = Act::session; break;
      case conclude_response: m.act = Act::session, m.role = Role::response; break;
      default: break;
    }
    say.end();
    if (who_.vendor || who_.model || who_.firmware) say.identity(who_), who_ = {};
  }

  // --- confirmed services

  void request(Reader r, Side from, Speaker& say) {
    Message& m = say.head();
    m.role = Role::request;
    m.tag = uint32_t(unsigned_of(tlv(r).body));
    Tlv service = tlv(r);
    if (service.tag == 0x30) service = tlv(r);               // modifiers
    const unsigned number = service_of(service.tag);
    r.require(of_context(service.tag) && number < std::size(services));
    if (m.malformed) return;
    m.function = uint16_t(number);
    m.act = services[number].act;
    Question q;
    q.service = uint8_t(number);
    q.invoke = m.tag;
    std::array<Bytes, 3> about;
    switch (number) {
      case read: {
        Reader asked = service.body;
        if (asked.left() && asked.peek()[0] == 0x80) tlv(asked);   // specificationWithResult
        if (polled(asked, q, from, say)) return;
        Asking* const asking = pool_.shared<Asking>();
        const Bytes wire = about[0] = read_request(asked, q, asking, say);
        if (q.tag == 0xa1 || !asking) break;                 // of a list its name is kept
        about[0] = {reinterpret_cast<const uint8_t*>(asking->each.data()), asking->n * sizeof(Asked)};
        about[1] = bytes_of({asking->names.data(), asking->used});
        if (asking->whole && wire.size() <= longest_polled) about[2] = wire;
        q.variables = uint16_t(asking->n);
        q.wire = uint16_t(about[2].size());
        break;
      }
      case write: about[0] = write_request(service.body, q, say); break;
      default:
        about[0] = service.body.peek().first(std::min<size_t>(service.body.left(), 512));
        subjects(number, service, from, say);
    }
    q.act = m.act;
    q.sub_function = m.sub_function;
    if (!m.malformed) remember(q, about, from);
  }

  // Whether the same variables were read before; then they are said as they were then, and the question waits again.
  bool polled(Reader r, const Question& asked, Side from, Speaker& say) {
    if (!r || r.peek()[0] != 0xa1) return false;
    bool damaged = false;
    Reader look{r.peek(), damaged};
    Tlv list = tlv(look);
    look.finish();
    const Tlv specification = tlv(list.body);
    const Bytes wire = specification.body.peek();
    if (damaged || specification.tag != 0xa0 || wire.empty()) return false;
    auto& side = asked_[index(from)];
    Question* same = nullptr;
    for (Question& q : side)
      if (q.wire == wire.size() && (!q.open || q.invoke == asked.invoke) && !std::memcmp(q.octets + q.size - q.wire, wire.data(), wire.size())) { same = &q; break; }
    if (!same) return false;
    for (Question& q : side)
      if (&q != same && q.open && q.invoke == asked.invoke) forget(q);
    for (size_t i = 0; i < same->variables; i++) {
      const Subject s = asked_for(*same, i, say.points().size(), say);
      say.point(s.object).qualifier = s.means;
    }
    Message& m = say.head();
    m.sub_function = same->sub_function, m.act = same->act;
    if (!same->open) kept_ -= same->size;
    same->invoke = asked.invoke;
    same->open = true;
    return true;
  }

  // The answer to a question: the question's own function, act and meaning.
  Question* paired(uint32_t invoke, Side answered_by) {
    for (Question& q : asked_[index(other(answered_by))])
      if (q.open && q.invoke == invoke) return &q;
    return nullptr;
  }

  void remember(const Question& asked, const std::array<Bytes, 3>& about, Side from) {
    auto& side = asked_[index(from)];
    Question *same = nullptr, *unused = nullptr, *answered = nullptr;
    const size_t first = oldest_[index(from)];
    for (size_t i = 0; i < side.size(); i++) {
      Question& q = side[(first + i) % side.size()];
      if (q.open && q.invoke == asked.invoke) { same = &q; break; }
      if (!q.open && !unused && !q.octets) unused = &q;
      if (!q.open && !answered) answered = &q;
    }
    Question* const free = same ? same : unused ? unused : answered ? answered : &side[first % side.size()];
    if (!same && !unused) oldest_[index(from)] = uint8_t((free - side.data() + 1) % long(side.size()));
    forget(*free);
    *free = asked;
    free->open = true;
    free->octets = nullptr;
    free->size = free->variables = free->wire = 0;
    const size_t size = about[0].size() + about[1].size() + about[2].size();
    if (about[0].empty() || (!asked.variables && size > longest_question)) return;
    free->octets = static_cast<uint8_t*>(pool_.take(size));
    if (!free->octets) return;
    uint8_t* at = free->octets;
    for (const Bytes& part : about) at = std::copy(part.begin(), part.end(), at);
    free->size = uint16_t(size), free->variables = asked.variables, free->wire = asked.wire;
  }
  // An answered read stays, as far as a conversation may keep such.
  void done(Question& q) {
    if (!q.wire || q.size > most_kept - kept_) return forget(q);
    kept_ += q.size;
    q.open = false;
  }
  void forget(Question& q) {
    if (!q.open && q.octets) kept_ -= q.size;
    pool_.give(q.octets);
    q.octets = nullptr;
    q.size = q.variables = q.wire = 0;
    q.open = false;
  }

  // One named object of a sentence; an operate names what it controls.
  static Object object_of(Name& name, Meaning means, Speaker& say) {
    if (name.text().empty()) return Object(ObjectKind::item, uint32_t(say.points().size()));
    if (means == select || means == operate || means == cancel || means == operate_time) name.cut_item(control_length(name.item()));
    if (means == device_select) name.cut_item(name.item().size() - 4);
    return say.named(name.text());
  }

  Meaning meaning(std::string_view item) {
    const Meaning m = meaning_of(item);
    if (m >= bilateral_table) tase2_ = true;
    return m;
  }
  Meaning meaning_to_read(std::string_view item) {
    const Meaning m = meaning(item);
    if (m == select && !item.ends_with("$SBO")) return plain;
    if (m == plain && item.size() > 4 && item.ends_with("_SBO") && item.find('$') == std::string_view::npos) return device_select;
    return m;
  }

  // The states and measured values at a list's head, which nearly all lists are: their names are put together where the answer looks
  // for them, and said once all stand there (what was only just written in pieces is slow to read as a whole). False where it begins
  // with another.
  static bool measured_values(Variables& all, Asking& asking, Speaker& say) {
    std::string_view lead;                                   // LN and FC of the last one: lists go through the data objects of one
    std::string_view domain, item;
    for (Variables next = all; next.next(domain, item); all = next) {
      if (lead.empty() || item.size() < lead.size() || !same_text(item.data(), lead.data(), lead.size())) {
        lead = item.substr(0, measured_lead(item));
        if (lead.empty()) break;
      }
      if (!asking.add(domain, item)) break;
    }
    for (Asked& one : std::span(asking.each.data(), asking.n)) {
      const Object object = say.named({asking.names.data() + one.at, one.size});
      one.key = object.key();
      say.point(object).qualifier = plain;
    }
    return asking.n > 0;
  }

  Bytes read_request(Reader r, Question& q, Asking* asking, Speaker& say) {
    Message& m = say.head();
    Tlv e = tlv(r);
    r.require(e.tag == 0xa1);
    Tlv specification = tlv(e.body);
    const Bytes about = specification.body.peek();
    q.tag = uint8_t(specification.tag);
    Variables all(specification.tag, specification.body);
    if (asking) asking->begin();
    const bool measured = asking && !all.is_list() && measured_values(all, *asking, say);
    if (measured) m.sub_function = plain, m.act = act_of_reading(plain);
    Name name;
    for (bool first = !measured; all.next(name); first = false) {
      const Meaning means = all.is_list() ? plain : meaning_to_read(name.item());
      if (first) m.sub_function = means, m.act = act_of_reading(means);
      const Object object = object_of(name, means, say);
      say.point(object).qualifier = means;
      if (asking) asking->add(object, means, name);
    }
    r.finish();
    return about;
  }

  Bytes write_request(Reader r, Question& q, Speaker& say) {
    Message& m = say.head();
    Tlv specification = tlv(r), list = tlv(r);
    r.require((specification.tag == 0xa0 || specification.tag == 0xa1) && list.tag == 0xa0);
    q.tag = uint8_t(specification.tag);
    const Bytes about = specification.body.peek();
    Variables all(specification.tag, specification.body);
    Name name;
    if (all.is_list()) {
      all.next(name);
      const uint64_t dataset = say.text(name.text());
      for (size_t i = 0; list.body; i++) {
        Tlv value = tlv(list.body);
        Leaves(say, dataset, i).data(value);
      }
      return about;
    }
    int heaviest = -1;
    while (all.next(name)) {
      Tlv value = tlv(list.body);
      Meaning means = meaning(name.item());
      if (means == select && name.item().ends_with("$SBO")) means = plain;
      if (means == plain && tase2_ && name.item().find('$') == std::string_view::npos) means = of_tase2(name.item(), value.tag);
      const bool whole = name.item().ends_with("$Oper") || name.item().ends_with("$SBOw") || name.item().ends_with("$Cancel");
      const bool component = name.item().ends_with("$ctlVal") || means == device_operate;
      const Act act = act_of_writing(means);
      const bool heavier = weight(act) > heaviest;
      if (heavier) m.sub_function = means, m.act = act, heaviest = weight(act);
      const Object object = object_of(name, means, say);
      if ((means == select || means == operate || means == cancel || means == device_operate) && (whole || component)) {
        control(value, object, say, whole);
        if (means == operate) operated(object.key(), q.invoke);
        if ((m.qualifier & timed) && m.sub_function == operate) m.sub_function = operate_time;
      } else {
        if (means == report_settings && value.tag == 0x8a && name.item().ends_with("$DatSet"))
          learn(Object::of_text(text_key(name.text().substr(0, name.text().size() - 7))), text_of(value.body.peek()));
        Leaves leaves(say, object);
        leaves.qualifier = means;
        leaves.data(value);
      }
    }
    q.qualifier = m.qualifier;
    list.body.finish();
    r.finish();
    return about;
  }

  // IEC 60870-6-802: a control point is written by its name, a transfer set as a structure, a tag by the name with _TAG behind it.
  static Meaning of_tase2(std::string_view item, uint32_t tag) {
    if (item.ends_with("_TAG")) return device_tag;
    return tag == 0xa2 ? transfer_set : device_operate;
  }

  // What a request of any other service is about; from the request itself, or from its copy when it is answered.
  void subjects(unsigned number, Tlv service, Side from, Speaker& say) {
    Name name;
    Reader& r = service.body;
    const auto named = [&] { if (!name.text().empty()) say.point(say.named(name.text())); name.clear(); };
    switch (services[number].names) {
      case Names::nothing: break;
      case Names::identifier: name.add(text_of(r.rest())), named(); break;
      case Names::first: {
        Tlv e = tlv(r);
        if (e.tag == 0x80) name.add(text_of(e.body.rest())), named();
        break;
      }
      case Names::object: object_name(tlv(r), name), named(); break;
      case Names::object0: {
        Tlv e = tlv(r);
        if (e.tag == 0xa0) object_name(tlv(e.body), name), named();
        break;
      }
      case Names::file: file(r, name), named(); break;
      case Names::file0: {
        if (!r) break;
        Tlv e = tlv(r);
        if (e.tag == 0xa0) file(e.body, name), named();
        break;
      }
      case Names::own: own_subjects(number, r, from, say); break;
    }
  }

  static void file(Reader r, Name& name, int depth = 0) {    // ISO 9506-2, FileName: SEQUENCE OF GraphicString
    bool first = true;
    r.require(depth < 4);
    while (r) {
      Tlv e = tlv(r);
      if (e.tag == 0x30) { file(e.body, name, depth + 1); continue; }
      if (!first) name.add("/");
      first = false;
      name.add(text_of(e.body.rest()));
    }
  }

  void own_subjects(unsigned number, Reader r, Side from, Speaker& say) {
    Name name;
    const auto named = [&] { say.point(say.named(name.text())); name.clear(); };
    switch (number) {
      case get_name_list: {
        uint64_t of = 0;
        bool domain = false;
        while (r) {
          Tlv e = tlv(r);
          if (e.tag == 0xa0) of = unsigned_of(tlv(e.body).body);
          if (e.tag == 0xa1) {
            Tlv scope = tlv(e.body);
            if (scope.tag == 0x81) name.add(text_of(scope.body.rest())), domain = true;
            if (scope.tag == 0x82) name.add("@"), domain = true;
          }
        }
        if (!domain) name.add("VMD");
        say.head().qualifier = uint32_t(of);                 // objectClass: 0 variables, 2 variable lists, 8 journals, 9 domains, …
        named();
        break;
      }
      case file_read: case file_close: {
        const int64_t id = signed_of(r);
        if (const File* f = opened(id, other(from))) say.point(say.named({f->name.data(), f->size}));
        else say.point(Object(ObjectKind::file, uint32_t(id)));
        break;
      }
      case file_rename: case rename_object: case obtain_file:
        while (r) {
          Tlv e = tlv(r);
          if (number == rename_object && e.tag == 0xa1) { object_name(tlv(e.body), name), named(); continue; }
          if (number == rename_object && e.tag == 0x82) { name.add(text_of(e.body.rest())), named(); continue; }
          if (number != rename_object && (e.tag == 0xa1 || e.tag == 0xa2 || (e.tag == 0xa0 && number == file_rename))) file(e.body, name), named();
        }
        break;
      case define_list: {
        object_name(tlv(r), name), named();
        Tlv e = tlv(r);
        Variables members(0xa0, e.body);
        while (members.next(name)) named();
        break;
      }
      case delete_variable: case delete_list: case delete_type:
        while (r) {
          Tlv e = tlv(r);
          if (e.tag == 0xa1) while (e.body) object_name(tlv(e.body), name), named();
          else if (e.tag == 0x82) name.add(text_of(e.body.rest())), named();
        }
        break;
      default: break;
    }
  }

  void answer_head(const Question* q, unsigned number, Message& m) {
    m.function = uint16_t(number);
    m.act = services[number].act;
    m.unpaired = !q;
    if (q) m.act = q->act, m.sub_function = q->sub_function;
  }

  void response(Reader r, Side from, Speaker& say) {
    Message& m = say.head();
    m.role = Role::response;
    m.tag = uint32_t(unsigned_of(tlv(r).body));
    Tlv service = tlv(r);
    const unsigned number = service_of(service.tag);
    r.require(of_context(service.tag) && number < std::size(services));
    if (m.malformed) return;
    Question* q = paired(m.tag, from);
    if (q && q->service != number) forget(*q), q = nullptr;
    answer_head(q, number, m);
    switch (number) {
      case read: read_response(service.body, q, say); break;
      case write: write_response(service.body, q, say); break;
      default:
        if (q) asked_again(*q, other(from), say);
        answer(number, service, q, from, say);
    }
    if (q) done(*q);
  }

  // The subjects of a question, in its answer.
  void asked_again(const Question& q, Side asker, Speaker& say) {
    if (!q.size) return;
    bool damaged = false;
    if (q.variables) {
      for (size_t i = 0; i < q.variables; i++) {
        const Subject s = asked_for(q, i, say.points().size(), say);
        say.point(s.object).qualifier = s.means;
      }
      return;
    }
    if (q.service == read || q.service == write) {
      Variables all(q.tag, Reader{{q.octets, q.size}, damaged});
      Name name;
      while (all.next(name)) {
        const Meaning means = all.is_list() ? plain : q.service == read ? meaning_to_read(name.item()) : meaning(name.item());
        say.point(object_of(name, means == plain ? Meaning(q.sub_function) : means, say)).qualifier = means;
      }
      return;
    }
    const uint32_t qualifier = say.head().qualifier;
    subjects(q.service, Tlv{0, Reader{{q.octets, q.size}, damaged}}, asker, say);
    say.head().qualifier = qualifier;
  }

  // What a value is of: one of the variables of a question, its name kept with the sentence again; or no more than the `n`th thing.
  struct Subject {
    Object object;
    Meaning means = plain;
    std::string_view name = {};
    size_t item_at = 0;
    std::string_view item() const { return name.substr(std::min(item_at, name.size())); }
  };
  [[gnu::always_inline]] static Subject asked_for(const Question& q, size_t i, size_t n, Speaker& say) {
    if (i >= q.variables) return {Object(ObjectKind::item, uint32_t(n))};
    const Asked& a = reinterpret_cast<const Asked*>(q.octets)[i];       // a pool's blocks are aligned to 16
    if (!a.size) return {Object(ObjectKind::item, uint32_t(n)), Meaning(a.means)};
    const Subject of{Object::from_key(a.key), Meaning(a.means), {reinterpret_cast<const char*>(q.octets) + q.variables * sizeof a + a.at, a.size}, a.item};
    say.label(of.object, of.name);
    return of;
  }

  void read_response(Reader r, Question* q, Speaker& say) {
    Message& m = say.head();
    Tlv e = tlv(r);
    bool damaged = false;
    bool recalled = q && q->variables;
    uint32_t tag = q ? q->tag : 0xa0;
    Reader about{q ? Bytes{q->octets, q->size} : Bytes{}, damaged};
    if (e.tag == 0xa0) {                                     // variableAccessSpecification: the answer names them itself
      Tlv specification = tlv(e.body);
      tag = specification.tag, about = specification.body;
      m.unpaired = recalled = false;
      e = tlv(r);
    }
    r.require(e.tag == 0xa1);
    r.finish();
    Variables all(tag, about);
    Name name;
    size_t results = 0, failures = 0;
    if (all.is_list()) {
      all.next(name);
      const uint64_t dataset = say.text(name.text());
      for (; e.body; results++) {
        Tlv value = tlv(e.body);
        if (plain_object(value, Object::of_member(dataset, uint16_t(results)), 0, say)) continue;
        failures += !result(value, Leaves(say, dataset, results), say);
      }
    } else {
      for (; e.body; results++) {
        Tlv value = tlv(e.body);
        Subject of{Object(ObjectKind::item, uint32_t(results))};
        if (recalled) {
          of = asked_for(*q, results, results < q->variables ? say.points().size() : results, say);
        } else if (all.next(name)) {
          of.means = meaning_to_read(name.item());
          of.object = object_of(name, of.means, say);
          of.name = name.item();
        }
        if (of.means == select && value.tag == 0x8a) {       // 61850-8-1, 20.4: an empty answer refuses
          Point& p = say.point(of.object);
          p.qualifier = of.means;
          if (value.body.left() == 0) p.status = add_cause + 3, m.refused = true, m.reason = add_cause + 3;
          continue;
        }
        if (plain_object(value, of.object, of.means, say)) continue;
        Leaves leaves(say, of.object);
        leaves.qualifier = of.means;
        if (value.tag == 0xa2 && is_report_block(of.item())) learn_block(of.object, value.body);
        failures += !result(value, std::move(leaves), say);
      }
    }
    if (results && failures == results) m.refused = true;
    else if (!m.refused) m.reason = 0;
  }

  // An AccessResult: data, or why there are none.
  static bool result(Tlv& value, Leaves&& leaves, Speaker& say) {
    if (value.tag != 0x80) return leaves.data(value), true;
    Message& m = say.head();
    Point& p = say.point(leaves.named());
    p.qualifier = leaves.qualifier;
    p.status = uint16_t(access_error + (unsigned_of(value.body) & 0xff));
    if (!m.reason) m.reason = p.status;
    return false;
  }

  void write_response(Reader r, Question* q, Speaker& say) {
    Message& m = say.head();
    bool damaged = false;
    Variables all(q ? q->tag : 0xa0, Reader{q ? Bytes{q->octets, q->size} : Bytes{}, damaged});
    Name name;
    uint64_t dataset = 0;
    if (all.is_list()) all.next(name), dataset = say.text(name.text());
    for (size_t i = 0; r; i++) {
      const Tlv e = tlv(r);
      r.require(e.tag == 0x80 || e.tag == 0x81);
      Object object(ObjectKind::item, uint32_t(i));
      Meaning means = plain;
      if (all.is_list()) {
        object = Object::of_member(dataset, uint16_t(i));
      } else if (all.next(name)) {
        means = meaning(name.item());
        if (means == plain && q->sub_function >= bilateral_table) means = Meaning(q->sub_function);
        object = object_of(name, means, say);
      }
      Point& p = say.point(object);
      p.qualifier = means;
      if (e.tag != 0x80) continue;
      p.status = uint16_t(access_error + (unsigned_of(e.body) & 0xff));
      m.refused = true;
      if (!m.reason) m.reason = object.key() == last_error_.control && last_error_.control ? last_error_.reason : p.status;
    }
    if (q) m.qualifier = q->qualifier;
  }

  // What an answer says beyond its question.
  void answer(unsigned number, Tlv service, const Question* q, Side from, Speaker& say) {
    Message& m = say.head();
    Reader r = service.body;
    Name name;
    switch (number) {
      case status:
        while (r) {
          const Tlv e = tlv(r);
          if (e.tag == 0x80) say.point(say.named("VMD logical status")).set_natural(unsigned_of(e.body));
          if (e.tag == 0x81) say.point(say.named("VMD physical status")).set_natural(unsigned_of(e.body));
        }
        break;
      case identify:
        while (r) {
          Tlv e = tlv(r);
          const auto said = [&](std::string_view what, uint64_t& field) {
            field = say.text(text_of(e.body.rest()));
            say.point(say.named(what)).set_text(field);
          };
          if (e.tag == 0x80) said("vendor", who_.vendor);
          if (e.tag == 0x81) said("model", who_.model);
          if (e.tag == 0x82) said("revision", who_.firmware);
        }
        break;
      case get_name_list: {
        Name scope;                                          // the domain that was asked for
        if (q) {
          bool damaged = false;
          for (Reader asked{{q->octets, q->size}, damaged}; asked;) {
            Tlv e = tlv(asked);
            if (e.tag != 0xa1) continue;
            const Tlv domain = tlv(e.body);
            if (domain.tag == 0x81) scope.add(text_of(domain.body.peek()));
          }
        }
        while (r) {
          Tlv e = tlv(r);
          if (e.tag != 0xa0) continue;
          while (e.body) {
            name.clear();
            if (!scope.text().empty()) name.add(scope.text()), name.add("/");
            name.add(text_of(tlv(e.body).body.rest()));
            say.point(say.named(name.text()));
          }
        }
        break;
      }
      case list_attributes:
        while (r) {
          Tlv e = tlv(r);
          if (e.tag != 0xa1) continue;
          Variables members(0xa0, e.body);
          while (members.next(name)) say.point(name.text().empty() ? Object(ObjectKind::item, uint32_t(say.points().size())) : say.named(name.text()));
        }
        break;
      case file_open:
        while (r) {
          Tlv e = tlv(r);
          if (e.tag == 0x80) open_file(signed_of(e.body), from, q);
          if (e.tag == 0xa1) {
            const auto points = say.points();
            while (e.body) {
              const Tlv attribute = tlv(e.body);
              if (attribute.tag == 0x80 && !points.empty()) points[0].set_natural(unsigned_of(attribute.body));
            }
          }
        }
        break;
      case file_read: {
        const Tlv data = tlv(r);
        const auto points = say.points();
        if (data.tag == 0x80 && !points.empty()) points[0].set_octets(data.body.left());
        m.retained = data.body.left() != 0;
        break;
      }
      case file_directory:
        while (r) {
          Tlv e = tlv(r);
          if (e.tag == 0xa0) directory(e.body, say);
        }
        break;
      default: break;
    }
  }

  static void directory(Reader list, Speaker& say, int depth = 0) {
    list.require(depth < 4);
    while (list) {
      Tlv entry = tlv(list);
      if (entry.tag == 0x30 && entry.body.left() && entry.body.peek()[0] == 0x30) { directory(entry.body, say, depth + 1); continue; }
      Name name;
      uint64_t size = 0;
      while (entry.body) {
        Tlv e = tlv(entry.body);
        if (e.tag == 0xa0) file(e.body, name);
        if (e.tag != 0xa1) continue;
        while (e.body) {
          const Tlv attribute = tlv(e.body);
          if (attribute.tag == 0x80) size = unsigned_of(attribute.body);
        }
      }
      if (!name.text().empty()) say.point(say.named(name.text())).set_natural(size);
    }
  }

  static uint16_t service_error_of(Reader r) {
    while (r) {
      Tlv e = tlv(r);
      if (e.tag == 0x30 || e.tag == 0xa2) { r = e.body; continue; }
      if (e.tag != 0xa0) continue;
      const Tlv code = tlv(e.body);
      return uint16_t(service_error | (code.tag & 0x0f) << 4 | (unsigned_of(code.body) & 0x0f));
    }
    return 0;
  }

  void error(Reader r, Side from, Speaker& say) {
    Message& m = say.head();
    m.role = Role::response;
    m.refused = true;
    m.tag = uint32_t(unsigned_of(tlv(r).body));
    Tlv e = tlv(r);
    if (e.tag == 0x81) e = tlv(r);                           // modifierPosition
    m.reason = service_error_of(e.body);
    no(from, say);
  }

  void rejected(Reader r, Side from, Speaker& say) {
    Message& m = say.head();
    m.role = Role::response;
    m.refused = true;
    bool has_id = false;
    while (r) {
      const Tlv e = tlv(r);
      if (e.tag == 0x80) m.tag = uint32_t(unsigned_of(e.body)), has_id = true;
      else m.reason = uint16_t(reject_reason | (e.tag & 0x0f) << 4 | (unsigned_of(e.body) & 0x0f));
    }
    if (has_id) no(from, say);
  }

  // The whole question was refused.
  void no(Side from, Speaker& say) {
    Message& m = say.head();
    Question* q = paired(m.tag, from);
    m.unpaired = !q;
    if (!q) return;
    m.function = q->service;
    m.sub_function = q->sub_function;
    m.act = q->act;
    asked_again(*q, other(from), say);
    for (Point& p : say.points()) p.status = m.reason;
    forget(*q);
  }

  // --- unconfirmed services

  void notice(Reader r, Speaker& say) {
    Message& m = say.head();
    m.role = Role::report;
    m.act = Act::report;
    Tlv service = tlv(r);
    const unsigned number = service_of(service.tag);
    r.require(of_context(service.tag) && number <= 2);
    if (m.malformed) return;
    m.function = uint16_t(information_report + number);
    if (number == 1) {
      while (service.body) {
        const Tlv e = tlv(service.body);
        if (e.tag == 0x80) say.point(say.named("VMD logical status")).set_natural(unsigned_of(e.body));
        if (e.tag == 0x81) say.point(say.named("VMD physical status")).set_natural(unsigned_of(e.body));
      }
      return;
    }
    if (number == 2) {
      Tlv e = tlv(service.body);
      Name name;
      if (e.tag == 0xa0) object_name(tlv(e.body), name), say.point(say.named(name.text()));
      return;
    }
    Tlv specification = tlv(service.body), list = tlv(service.body);
    r.require((specification.tag == 0xa0 || specification.tag == 0xa1) && list.tag == 0xa0);
    Variables all(specification.tag, specification.body);
    Name name;
    if (all.is_list()) {
      all.next(name);
      if (name.text() == "RPT") return report_of(list.body, say);
      if (tase2_) m.sub_function = transfer_report;
      const uint64_t dataset = say.text(name.text());
      for (size_t i = 0; list.body; i++) {
        Tlv value = tlv(list.body);
        result(value, Leaves(say, dataset, i), say);
      }
      m.reason = 0;
      return;
    }
    while (all.next(name)) {
      Tlv value = tlv(list.body);
      const Meaning means = meaning(name.item());
      if (means == application_error) {
        application_error_of(value, say);
        continue;
      }
      const Object object = object_of(name, means, say);
      if (means == operate || means == select || means == cancel) {
        termination_of(value, object, say);
        continue;
      }
      if (means == transfer_report) m.sub_function = transfer_report;
      Leaves leaves(say, object);
      leaves.qualifier = means;
      result(value, std::move(leaves), say);
    }
    if (m.sub_function != termination && m.sub_function != application_error) m.reason = 0;
  }

  // 61850-8-1, 20.8: CommandTermination. Its Oper names the control; LastApplError before it says that it failed.
  void termination_of(Tlv value, Object object, Speaker& say) {
    Message& m = say.head();
    const bool failed = m.sub_function == application_error;
    m.sub_function = operate;
    if (failed) say.drop_point();
    control(value, object, say, true);
    m.sub_function = termination;
    m.role = Role::response;
    m.act = Act::operate;
    m.refused = failed;
    m.digest = 0;
    say.points()[0].status = m.reason;
    m.unpaired = true;
    for (const Operated& o : operated_)
      if (o.control == object.key()) m.tag = o.invoke, m.unpaired = false;
  }

  // 61850-8-1, 20.11: LastApplError: CntrlObj, Error, Origin, ctlNum, AddCause.
  void application_error_of(Tlv value, Speaker& say) {
    Message& m = say.head();
    m.sub_function = application_error;
    value.body.require(value.tag == 0xa2);
    Name name;
    const std::string_view object = text_of(tlv(value.body).body.rest());
    const size_t slash = object.find('/');
    name.add(slash == std::string_view::npos ? object : object.substr(0, slash + 1));
    name.begin_item();
    if (slash != std::string_view::npos) name.add(object.substr(slash + 1));
    Point& p = say.point(object_of(name, operate, say));
    p.qualifier = application_error;
    const uint64_t failure = unsigned_of(tlv(value.body).body);
    p.set_natural(failure);
    Tlv origin = tlv(value.body);
    m.qualifier = uint32_t(unsigned_of(tlv(origin.body).body) & 0xff) << 8;
    const Bytes who = tlv(origin.body).body.rest();
    if (!who.empty() && std::all_of(who.begin(), who.end(), [](uint8_t c) { return c >= 0x20 && c < 0x7f; })) m.origin = say.text(text_of(who)), m.has_origin = true;
    m.qualifier |= uint32_t(unsigned_of(tlv(value.body).body) & 0xff) << 16;
    const uint64_t cause = unsigned_of(tlv(value.body).body);
    m.reason = uint16_t(add_cause + (cause & 0xff));
    p.status = m.reason;
    m.refused = true;
    if (!m.malformed) last_error_ = {p.object.key(), m.reason};
  }

  // 61850-8-1, 17.2: a report. The first point is its RptID (value: EntryID, time: TimeOfEntry, qualifier: OptFlds); then the members
  // that are in it. Head: sequence SqNum; tag ConfRev; digest: key of the data set's name, 0 where neither the report nor what was
  // heard before says it; qualifier: why, as bits (61850-7-2 ReasonForInclusion), SubSqNum << 8, more follows << 30, BufOvfl << 31.
  enum : unsigned { with_sequence = 1 << 8, with_time = 1 << 7, with_reason = 1 << 6, with_dataset = 1 << 5, with_reference = 1 << 4, with_overflow = 1 << 3,
                    with_entry = 1 << 2, with_revision = 1 << 1, segmented = 1 };
  void report_of(Reader r, Speaker& say) {
    Message& m = say.head();
    m.sub_function = report;
    const Bytes id = tlv(r).body.rest();
    const Object who = say.named(text_of(id));
    const iec61850::Bits optional = iec61850::bits_of(tlv(r).body);
    unsigned fields = unsigned(optional.value);
    if (optional.width == 9) fields <<= 1;                    // edition 1 without segmentation
    Point& p = say.point(who);
    p.qualifier = fields;
    if (fields & with_sequence) m.sequence = uint32_t(unsigned_of(tlv(r).body));
    if (fields & with_time) p.time = iec61850::binary_time(tlv(r).body, p.time_kind);
    uint64_t dataset = 0;
    if (fields & with_dataset) {
      const std::string_view name = text_of(tlv(r).body.rest());
      dataset = say.text(name);
      if (!m.malformed && !name.empty()) learn(who, name);
    }
    if (fields & with_overflow) m.qualifier |= uint32_t(tlv(r).body.u8() != 0) << 31;
    if (fields & with_entry) {
      Tlv entry = tlv(r);
      if (entry.body.left() == 8) p.set_natural(entry.body.be64());
      else p.set_octets(entry.body.left());
    }
    if (fields & with_revision) m.tag = uint32_t(unsigned_of(tlv(r).body));
    if (fields & segmented) {
      m.qualifier |= uint32_t(unsigned_of(tlv(r).body) & 0xffff) << 8;
      m.qualifier |= uint32_t(tlv(r).body.u8() != 0) << 30;
    }
    if (!dataset)
      if (const Sends* s = learned(who)) dataset = s->dataset, say.label(Object::of_text(dataset), {s->name.data(), s->size});
    m.digest = dataset;
    const uint64_t key = dataset ? dataset : who.key();
    Reader inclusion = tlv(r).body;
    const unsigned unused = inclusion.u8();
    const Bytes bits = inclusion.rest();
    r.require(unused < 8 && (unused == 0 || !bits.empty()));
    const size_t width = bits.size() * 8 - (bits.empty() ? 0 : unused);
    const Inclusion all_of{bits, width};
    if (fields & with_reference)
      for (Inclusion in = all_of; in.next() && r.ok();) say.label(Object::of_member(key, uint16_t(in.at())), text_of(tlv(r).body.rest()));
    for (Inclusion in = all_of; in.next() && r.ok();) {
      Tlv value = tlv(r);
      if (!plain_object(value, Object::of_member(key, uint16_t(in.at())), 0, say)) result(value, Leaves(say, key, in.at()), say);
    }
    m.reason = 0;
    if (!(fields & with_reason)) return r.finish();
    // The reasons come in the order of the members, each of which has one point or more.
    Point* at = say.points().data();
    Point* const end = at + say.points().size();
    while (at < end && at->object == who) at++;
    uint32_t all = 0;
    for (Inclusion in = all_of; in.next() && r.ok();) {
      const uint32_t because = reason_of(r);
      all |= because;
      for (; at < end && ((at->object.key() ^ in.at()) & 0x7ff) == 0; at++) at->qualifier = because;
    }
    m.qualifier |= all & 0xff;
    r.finish();
  }

  // The members that are in a report, by their bits.
  class Inclusion {
   public:
    Inclusion(Bytes bits, size_t width) : octet_(bits.data()), width_(std::min(width, 8 * bits.size())) {}
    bool next() {
      do {
        if (++i_ >= width_) return false;
        eight_ = i_ % 8 ? eight_ << 1 : *octet_++;
      } while (!(eight_ & 0x80));
      return true;
    }
    size_t at() const { return i_; }

   private:
    const uint8_t* octet_;
    size_t width_, i_ = size_t(-1);
    unsigned eight_ = 0;
  };

  // ReasonForInclusion: six bits in edition 1, seven in edition 2.
  [[gnu::always_inline]] static uint32_t reason_of(Reader& r) {
    if (r.left() >= 4) [[likely]] {
      Reader look = r;
      const uint32_t octets = look.be32(), head = octets >> 8;
      if (head == 0x84'02'02) return r.skip(4), octets >> 1 & 0x7e;
      if (head == 0x84'02'01) return r.skip(4), octets >> 1 & 0x7f;
    }
    const iec61850::Bits why = iec61850::bits_of(tlv(r).body);
    return why.width == 6 || why.width == 7 ? uint32_t(why.value << (7 - why.width)) : 0;
  }

  // Which data set a report control block sends, as it was heard.
  struct Sends { uint64_t report = 0, dataset = 0; uint8_t size = 0; std::array<char, Texts::limit> name; };
  void learn(Object report, std::string_view dataset) {
    const uint64_t key = text_key(dataset);
    Sends* to = nullptr;
    for (Sends& s : sends_)
      if (s.report == report.key()) to = &s;
    if (to && to->dataset == key) return;
    if (!to) to = &sends_[sends_used_++ % sends_.size()];
    to->report = report.key(), to->dataset = key;
    to->size = uint8_t(std::min(dataset.size(), to->name.size()));
    std::copy_n(dataset.data(), to->size, to->name.data());
  }
  const Sends* learned(Object report) const {
    for (const Sends& s : sends_)
      if (s.report == report.key()) return &s;
    return nullptr;
  }
  // A report control block that was read: RptID and DatSet are its first two texts (61850-8-1, 17.1); without an identifier its
  // reports bear its own name.
  void learn_block(Object block, Reader values) {
    std::string_view id;
    bool first = true;
    while (values) {
      Tlv e = tlv(values);
      if (e.tag != 0x8a) continue;
      const std::string_view text = text_of(e.body.rest());
      if (first) { id = text, first = false; continue; }
      if (!text.empty()) learn(id.empty() ? block : Object::of_text(text_key(id)), text);
      return;
    }
  }
  static bool is_report_block(std::string_view item) {
    const std::string_view behind = item.substr(std::min(item.find('$'), item.size()));
    return (behind.starts_with("$BR$") || behind.starts_with("$RP$")) && split(item).parts == 3;
  }

  // --- what was opened and operated

  struct File { int64_t id = 0; Side at = Side::server; uint8_t size = 0; std::array<char, 100> name; };
  const File* opened(int64_t id, Side at) const {
    for (const File& f : files_)
      if (f.size && f.id == id && f.at == at) return &f;
    return nullptr;
  }
  void open_file(int64_t id, Side at, const Question* q) {
    if (!q || !q->size) return;
    bool damaged = false;
    Reader r{{q->octets, q->size}, damaged};
    Tlv e = tlv(r);
    Name name;
    file(e.body, name);
    File* free = &files_[files_used_++ % files_.size()];
    for (File& f : files_)
      if (f.size && f.id == id && f.at == at) free = &f;
    free->id = id, free->at = at;
    free->size = uint8_t(std::min(name.text().size(), free->name.size()));
    std::copy_n(name.text().data(), free->size, free->name.data());
  }

  struct Operated { uint64_t control = 0; uint32_t invoke = 0; };
  void operated(uint64_t control, uint32_t invoke) {
    for (Operated& o : operated_)
      if (o.control == control) { o.invoke = invoke; return; }
    operated_[operated_used_++ % operated_.size()] = {control, invoke};
  }

  static constexpr size_t longest_question = 16 * 1024, longest_polled = 4 * 1024, most_kept = 16 * 1024;
  Pool& pool_;
  iso::Transport transport_;
  osi::Contexts contexts_;
  std::array<std::array<Question, 16>, 2> asked_;
  std::array<uint8_t, 2> oldest_{};
  size_t kept_ = 0;                // octets of answered questions
  std::array<Sends, 16> sends_;
  std::array<File, 8> files_;
  std::array<Operated, 8> operated_;
  struct { uint64_t control = 0; uint16_t reason = 0; } last_error_;
  uint8_t sends_used_ = 0, files_used_ = 0, operated_used_ = 0;
  bool tase2_ = false;
  Identity who_;
};

// --- recognition

struct Evidence { bool sure = false, possible = false, foreign = false; int client = 0, server = 0; };

// The first octets of a TSDU, whole or not.
void weigh(Bytes tsdu, Evidence& e) {
  if (tsdu.empty()) return;
  constexpr uint8_t mms_syntax[] = {0x28, 0xca, 0x22, 0x02};
  const uint8_t kind = tsdu[0];
  if (kind == 13 || kind == 14) {
    const auto at = std::search(tsdu.begin(), tsdu.end(), std::begin(mms_syntax), std::end(mms_syntax));
    (at != tsdu.end() ? e.sure : e.possible) = true;
    (kind == 13 ? e.client : e.server) += 100;
    return;
  }
  if (kind == 12) { e.possible = true, e.server += 10; return; }
  if (kind == 9 || kind == 10 || kind == 25) { e.possible = true; return; }
  const bool bare = kind == 0xa0 || kind == 0xa1 || kind == 0xa3 || kind == 0xa8 || kind == 0xa9;
  if (kind != 1 && !bare) { e.foreign = true; return; }
  // GIVE TOKENS, DATA TRANSFER, a list of presentation data values, and in it a PDU of MMS.
  bool bad = false;
  Reader r{tsdu, bad};
  const auto expect = [&](uint8_t octet) { r.require(r.u8() == octet); };
  const auto length = [&] {
    const size_t n = r.u8();
    return n < 0x80 ? n : n == 0x81 ? r.u8() : n == 0x82 ? r.be16() : n == 0x83 ? r.be24() : size_t{0};
  };
  if (!bare) {
    expect(1), expect(0), expect(1), expect(0), expect(0x61);
    length();
    expect(0x30);
    length();
    expect(2), expect(1);
    r.u8();
    expect(0xa0);
    length();
  }
  const uint8_t pdu = r.u8();
  if (bad) { e.possible |= r.left() == 0 && tsdu.size() < 20; e.foreign |= tsdu.size() >= 20; return; }
  if (pdu >= 0x62 && pdu <= 0x64) { e.possible = true; return; }
  if ((pdu & 0xc0) != 0x80 || (pdu & 0x1f) > conclude_error) { e.foreign = true; return; }
  const size_t n = length();
  const unsigned choice = pdu & 0x1f;
  if (bare && !bad) {                                                  // no layers to be sure by: its length is that of the TSDU
    r.require(n == r.left());
    if (choice == initiate_request) r.require(r.left() && (r.peek()[0] & 0xfe) == 0x80);
  }
  if (bad) { e.foreign |= bare; return; }
  if (choice == confirmed_request || choice == confirmed_response) {   // an invoke identifier, a service
    expect(2);
    const size_t octets = length();
    r.require(octets >= 1 && octets <= 5);
    r.skip(octets);
    const uint8_t service = r.u8();
    if (!bad) r.require((service & 0xc0) == 0x80 || service == 0x30);
  }
  if (bad) { e.possible = true; return; }
  e.sure = e.sure || n > 0 || choice == conclude_request || choice == conclude_response;
  e.possible = true;
  if (choice == confirmed_request) e.client += 2;
  if (choice == confirmed_response || choice == confirmed_error || choice == unconfirmed) e.server += 4;
  if (choice == initiate_request || choice == conclude_request) e.client += 100;
  if (choice == initiate_response || choice == initiate_error) e.server += 100;
}

// S7's TSAPs: two octets, the first of which says what kind of partner (1 PG, 2 OP, 3 others); S7-plus has a text.
bool of_controller(Bytes calling, Bytes called) {
  if (text_of(called).starts_with("SIMATIC")) return true;
  return called.size() == 2 && called[0] >= 1 && called[0] <= 3 && calling.size() == 2 && (calling[0] >= 1 && calling[0] <= 0x4d);
}

Recognised recognises(Bytes up, Bytes down, Carrier carrier) {
  if (carrier != Carrier::tcp) return {};
  const iso::Glimpse a = iso::glimpse(up), b = iso::glimpse(down);
  if ((!up.empty() && !a.framed) || (!down.empty() && !b.framed) || (!a.framed && !b.framed)) return {};
  Evidence one, two;
  weigh(a.first, one), weigh(b.first, two);
  if (one.foreign || two.foreign) return {};
  Recognised r;
  if (one.sure || two.sure) r.sure = Recognised::yes;
  else if (one.possible || two.possible) r.sure = Recognised::maybe;
  else if ((a.requests || a.confirms || b.requests || b.confirms) && !of_controller(a.calling, a.called) && !of_controller(b.calling, b.called)) r.sure = Recognised::maybe;
  if (r.sure == Recognised::no) return r;
  const int up_asks = one.client + two.server + 100 * (a.requests + b.confirms), down_asks = two.client + one.server + 100 * (b.requests + a.confirms);
  if (up_asks != down_asks) r.client = up_asks > down_asks ? Recognised::up : Recognised::down;
  return r;
}

constexpr Port ports[] = {{Carrier::tcp, 102}};
Parser* open(Pool& pool) { return pool.make<Mms>(pool); }

}  // namespace

extern const Protocol protocol;
const Protocol protocol = {
    "mms", "IEC 61850 MMS, TASE.2", ports, recognises, open, functions, frames, reason,
    "ISO 9506-1 and -2:2003; IEC 61850-8-1:2011, 17 to 20; IEC 60870-6-503 and -802:2014; ISO 8650-1, 8823-1, 8327-1; RFC 1006, X.224 class 0",
    "type descriptions, journals' and event services' contents, file and domain contents (counted), TLS and the signatures of IEC 62351-4", reason, note};

}  // namespace vidra::mms
