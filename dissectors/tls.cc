// SPDX-License-Identifier: Apache-2.0
// TLS 1.0 to 1.3 (RFC 2246, RFC 4346, RFC 5246, RFC 8446) as far as it is in the clear: hellos, certificates up to 1.2, alerts. A
// record is a record of the standard; handshake messages may lie across several. What is encrypted is said once a direction (encrypted)
// and passed over. IEC 62351 lays the energy protocols on it; their ports' names are in tls_ports.h.
//
// function is the handshake type; 276 change cipher spec, 277 alert, 278 encrypted handshake, 279 application data, 280 heartbeat.
// reason is an alert's description plus one. A program is known again by its JA4 (client). The first certificate of a chain is said.
#include <algorithm>

#include "dissectors/ber.h"
#include "dissectors/digest.h"
#include "dissectors/protocol.h"
#include "dissectors/sha1.h"
#include "dissectors/tls_ports.h"

namespace vidra::tls {
namespace {

enum Content : uint8_t { change_cipher = 20, alert = 21, handshake = 22, application = 23, heartbeat = 24 };
enum Handshake : uint8_t { client_hello = 1, server_hello = 2, certificate = 11 };
constexpr uint16_t records_from = 256, encrypted_handshake = 278;

constexpr Function functions[] = {
    {0, 0xffff, "hello request", Act::session},
    {1, 0xffff, "client hello", Act::session},
    {2, 0xffff, "server hello", Act::session},
    {3, 0xffff, "hello verify request", Act::session},
    {4, 0xffff, "new session ticket", Act::session},
    {8, 0xffff, "encrypted extensions", Act::session},
    {11, 0xffff, "certificate", Act::session},
    {12, 0xffff, "server key exchange", Act::session},
    {13, 0xffff, "certificate request", Act::session},
    {14, 0xffff, "server hello done", Act::session},
    {15, 0xffff, "certificate verify", Act::session},
    {16, 0xffff, "client key exchange", Act::session},
    {20, 0xffff, "finished", Act::session},
    {21, 0xffff, "certificate URL", Act::session},
    {22, 0xffff, "certificate status", Act::session},
    {276, 0xffff, "change cipher spec", Act::session},
    {277, 0xffff, "alert", Act::session},
    {278, 0xffff, "encrypted handshake", Act::session},
    {279, 0xffff, "application data", Act::other},
    {280, 0xffff, "heartbeat", Act::session},
};

std::string_view reason(uint16_t one_more) {   // RFC 8446, 6; RFC 5246, 7.2
  switch (one_more - 1) {
    case 0: return "close notify";
    case 10: return "unexpected message";
    case 20: return "bad record MAC";
    case 21: return "decryption failed";
    case 22: return "record overflow";
    case 40: return "handshake failure";
    case 41: return "no certificate";
    case 42: return "bad certificate";
    case 43: return "unsupported certificate";
    case 44: return "certificate revoked";
    case 45: return "certificate expired";
    case 46: return "certificate unknown";
    case 47: return "illegal parameter";
    case 48: return "unknown CA";
    case 49: return "access denied";
    case 50: return "decode error";
    case 51: return "decrypt error";
    case 70: return "protocol version";
    case 71: return "insufficient security";
    case 80: return "internal error";
    case 86: return "inappropriate fallback";
    case 90: return "user canceled";
    case 100: return "no renegotiation";
    case 109: return "missing extension";
    case 110: return "unsupported extension";
    case 112: return "unrecognized name";
    case 116: return "certificate required";
    case 120: return "no application protocol";
    default: return {};
  }
}

constexpr size_t head_octets = 5, longest_fragment = 16'384 + 2048, longest_message = 32'768;

bool is_head(Bytes b) {   // RFC 8446, 5.1
  return b.size() >= head_octets && b[0] >= change_cipher && b[0] <= heartbeat && b[1] == 3 && b[2] <= 4 && (b[3] << 8 | b[4]) <= int(longest_fragment) && (b[3] | b[4]) != 0;
}
size_t record_octets(Bytes b) { return head_octets + size_t(b[3] << 8 | b[4]); }
constexpr bool grease(uint16_t v) { return (v & 0x0f0f) == 0x0a0a && v >> 8 == (v & 0xff); }   // RFC 8701

std::string_view version_name(uint16_t v) {
  switch (v) {
    case 0x0300: return "SSL 3.0";
    case 0x0301: return "TLS 1.0";
    case 0x0302: return "TLS 1.1";
    case 0x0303: return "TLS 1.2";
    case 0x0304: return "TLS 1.3";
    default: return "unknown";
  }
}

// JA4 (FoxIO): t13d1516h2_<12 of SHA-256 of the sorted ciphers>_<12 of the sorted extensions and the signature algorithms>.
struct Ja4 {
  static constexpr size_t most = 256;
  std::array<uint16_t, most> ciphers, extensions, algorithms;
  size_t cipher_count = 0, extension_count = 0, algorithm_count = 0, all_extensions = 0;
  uint16_t version = 0;
  bool name = false;
  char first = '0', last = '0';

  static size_t put_list(std::array<char, 3200>& to, size_t used, std::span<const uint16_t> list) {
    constexpr char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < list.size() && used + 5 <= to.size(); i++) {
      if (i) to[used++] = ',';
      for (int shift = 12; shift >= 0; shift -= 4) to[used++] = digits[list[i] >> shift & 15];
    }
    return used;
  }
  std::string_view text(std::array<char, 40>& to) {
    std::sort(ciphers.begin(), ciphers.begin() + long(cipher_count));
    std::sort(extensions.begin(), extensions.begin() + long(extension_count));
    std::array<char, 3200> list;
    std::array<char, 64> digest;
    const char* v = version == 0x0304 ? "13" : version == 0x0303 ? "12" : version == 0x0302 ? "11" : version == 0x0301 ? "10" : version == 0x0300 ? "s3" : "00";
    size_t used = size_t(std::snprintf(to.data(), to.size(), "t%s%c%02zu%02zu%c%c_", v, name ? 'd' : 'i', std::min<size_t>(cipher_count, 99), std::min<size_t>(all_extensions, 99), first, last));
    const auto add = [&](size_t n) {
      const std::string_view d = n ? sha256_text({list.data(), n}, digest) : std::string_view("000000000000");
      std::memcpy(to.data() + used, d.data(), 12);
      used += 12;
    };
    add(put_list(list, 0, {ciphers.data(), cipher_count}));
    to[used++] = '_';
    size_t n = put_list(list, 0, {extensions.data(), extension_count});
    if (n && algorithm_count) list[n++] = '_', n = put_list(list, n, {algorithms.data(), algorithm_count});
    add(n);
    return {to.data(), used};
  }
};

// A distinguished name (RFC 5280, 4.1.2.4) as "CN=…, O=…".
std::string_view name_text(Reader name, std::array<char, 200>& to) {
  size_t used = 0;
  while (name) {
    Tlv set = tlv(name);
    while (set.body) {
      Tlv pair = tlv(set.body);
      Tlv type = tlv(pair.body), value = tlv(pair.body);
      const Bytes t = type.body.peek(), v = value.body.peek();
      if (type.tag != 0x06 || t.size() != 3 || t[0] != 0x55 || t[1] != 0x04) continue;
      const std::string_view label = t[2] == 3 ? "CN" : t[2] == 6 ? "C" : t[2] == 7 ? "L" : t[2] == 8 ? "ST" : t[2] == 10 ? "O" : t[2] == 11 ? "OU" : "";
      if (label.empty() || used + label.size() + 3 + v.size() > to.size()) continue;
      if (used) to[used++] = ',', to[used++] = ' ';
      std::memcpy(to.data() + used, label.data(), label.size()), used += label.size();
      to[used++] = '=';
      if (!v.empty()) std::memcpy(to.data() + used, v.data(), v.size());
      used += v.size();
    }
  }
  return {to.data(), used};
}

// UTCTime or GeneralizedTime (RFC 5280, 4.1.2.5).
Time time_of(const Tlv& t) {
  std::string_view s = text_of(t.body.peek());
  uint64_t year = 0, part[5] = {};
  const size_t digits = t.tag == 0x18 ? 4 : 2;
  if (s.size() < digits + 10 || !number(s.substr(0, digits), year)) return 0;
  if (digits == 2) year += year < 50 ? 2000 : 1900;
  for (size_t i = 0; i < 5; i++)
    if (digits + 2 * i + 2 <= s.size() && !number(s.substr(digits + 2 * i, 2), part[i])) part[i] = 0;
  const int64_t month = int64_t(std::clamp<uint64_t>(part[0], 1, 12)), y = int64_t(year) - (month <= 2), era = y / 400, yoe = y - era * 400;   // days from civil
  const int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + int64_t(part[1]) - 1, doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
  const int64_t days = era * 146'097 + doe - 719'468;
  if (days > 106'000) return INT64_MAX;
  return days * day + Time(part[2]) * hour + Time(part[3]) * minute + Time(part[4]) * second;
}

class Tls final : public Parser {
 public:
  explicit Tls(Pool& pool) : pool_(&pool) {}
  ~Tls() override { for (Half& h : half_) pool_->give(h.message); }

  Cut next(Side side, Bytes b, bool, bool closed) override {
    Half& h = half_[size_t(side)];
    if (b.size() < head_octets) {
      const bool may = b.empty() || (b[0] >= change_cipher && b[0] <= heartbeat && (b.size() < 2 || b[1] == 3) && (b.size() < 3 || b[2] <= 4));
      if (!may || closed) return h.in_step = false, Cut{Cut::lost, 0};
      return {Cut::need, head_octets};
    }
    if (!is_head(b)) return h.in_step = false, Cut{Cut::lost, 0};
    const size_t n = record_octets(b);
    if (!h.in_step && b.size() > n && !(b[n] >= change_cipher && b[n] <= heartbeat && (b.size() == n + 1 || b[n + 1] == 3))) return {Cut::lost, 0};
    h.in_step = true;
    if (b[0] == application && h.application) return {Cut::skip, n};
    return {Cut::take, n};
  }

  void parse(Bytes record, Side side, Speaker& say) override {
    Half& h = half_[size_t(side)];
    Message& m = say.begin();
    Reader r{record, m.malformed};
    const uint8_t content = r.u8();
    m.role = side == Side::client ? Role::request : Role::response;
    m.act = content == application ? Act::other : Act::session;
    m.function = uint16_t(records_from + content);
    r.require(is_head(record));
    r.be16();
    Reader body = r.sub(r.be16());
    r.finish();
    if (m.malformed) return say.end();
    switch (content) {
      case change_cipher:
        body.u8();
        body.finish();
        h.secret = true;
        break;
      case alert:
        if (h.secret || h.application || body.left() != 2) {
          m.encrypted = true;
          break;
        }
        m.qualifier = body.u8();
        m.reason = uint16_t(body.u8() + 1);
        m.refused = m.qualifier == 2;
        break;
      case handshake:
        if (!h.secret) return messages(body.rest(), side, say);
        m.function = encrypted_handshake, m.encrypted = true;
        break;
      default:
        m.encrypted = true;
        tell_octets(say, "record", body.left());
        if (content == application) h.application = true;
    }
    say.end();
  }

  void gap(Side side, uint64_t) override {
    Half& h = half_[size_t(side)];
    drop(h);
    h.in_step = false;
    if (h.began) h.secret = true;   // whether the key was changed in the gap is not known
  }

 private:
  struct Half {
    uint8_t* message = nullptr;     // of the pool: a handshake message that lies across records
    uint32_t have = 0, want = 0;
    bool secret = false, application = false, in_step = false, began = false;
  };

  void drop(Half& h) {
    pool_->give(h.message);
    h.message = nullptr;
    h.have = h.want = 0;
  }

  // The handshake messages of one record; the last may go on in the next record.
  void messages(Bytes octets, Side side, Speaker& say) {
    Half& h = half_[size_t(side)];
    h.began = true;
    bool first = true;
    while (!octets.empty()) {
      if (h.message) {
        const size_t n = std::min<size_t>(octets.size(), h.want - h.have);
        std::memcpy(h.message + h.have, octets.data(), n);
        h.have += uint32_t(n);
        octets = octets.subspan(n);
        if (h.have < h.want) break;
        if (!first) say.begin();
        first = false;
        message({h.message, h.want}, side, say);
        drop(h);
        continue;
      }
      const size_t n = octets.size() < 4 ? longest_message : 4 + (size_t(octets[1]) << 16 | size_t(octets[2]) << 8 | octets[3]);
      if (n <= octets.size()) {
        if (!first) say.begin();
        first = false;
        message(octets.first(n), side, say);
        octets = octets.subspan(n);
        continue;
      }
      if (octets.size() < 4 || n > longest_message || !(h.message = static_cast<uint8_t*>(pool_->take(n)))) {   // nothing that the handshake of a device needs
        if (!first) say.begin();
        Message& m = say.head();
        m.role = side == Side::client ? Role::request : Role::response;
        m.act = Act::session;
        m.function = encrypted_handshake;
        m.malformed = true;
        say.end();
        return;
      }
      h.want = uint32_t(n);
      h.have = uint32_t(octets.size());
      std::memcpy(h.message, octets.data(), octets.size());
      break;
    }
  }

  void message(Bytes octets, Side side, Speaker& say) {
    Message& m = say.head();
    m.role = side == Side::client ? Role::request : Role::response;
    m.act = Act::session;
    Reader r{octets, m.malformed};
    m.function = r.u8();
    Reader body = r.sub(r.be24());
    switch (m.function) {
      case client_hello: hello(body, say); break;
      case server_hello: answer(body, side, say); break;
      case certificate: chain(body, say); break;
      default: break;
    }
    say.end();
  }

  static void hello(Reader& r, Speaker& say) {   // RFC 8446, 4.1.2
    Ja4 print;
    const uint16_t legacy = r.be16();
    print.version = 0;
    r.skip(32);
    r.skip(r.u8());
    Reader ciphers = r.sub(r.be16());
    while (ciphers) {
      const uint16_t c = ciphers.be16();
      if (!grease(c) && print.cipher_count < Ja4::most) print.ciphers[print.cipher_count++] = c;
    }
    r.skip(r.u8());
    Reader extensions = r ? r.sub(r.be16()) : r.sub(0);
    r.finish();
    while (extensions) {
      const uint16_t type = extensions.be16();
      Reader e = extensions.sub(extensions.be16());
      if (grease(type)) continue;
      print.all_extensions++;
      if (type != 0 && type != 16 && print.extension_count < Ja4::most) print.extensions[print.extension_count++] = type;
      switch (type) {
        case 0: {                                        // RFC 6066, 3
          Reader names = e.sub(e.be16());
          names.u8();
          const std::string_view name = text_of(names.bytes(names.be16()));
          print.name = true;
          if (e.ok()) tell(say, "server name", name);
          break;
        }
        case 16: {                                       // RFC 7301
          Reader list = e.sub(e.be16());
          bool first = true;
          while (list) {
            const std::string_view name = text_of(list.bytes(list.u8()));
            if (list.ok() && first && !name.empty()) {
              const auto alnum = [](char c) { return is_digit(c) || is_letter(c); };
              constexpr char digits[] = "0123456789abcdef";
              const char a = name.front(), z = name.back();
              const bool plain = alnum(a) && alnum(z);
              print.first = plain ? a : digits[uint8_t(a) >> 4];
              print.last = plain ? z : digits[uint8_t(z) & 15];
              tell(say, "application protocol", name);
            }
            first = false;
          }
          break;
        }
        case 13: {
          Reader list = e.sub(e.be16());
          while (list) {
            const uint16_t a = list.be16();
            if (!grease(a) && print.algorithm_count < Ja4::most) print.algorithms[print.algorithm_count++] = a;
          }
          break;
        }
        case 43: {
          Reader list = e.sub(e.u8());
          while (list) {
            const uint16_t v = list.be16();
            if (!grease(v)) print.version = std::max(print.version, v);
          }
          break;
        }
        default: break;
      }
    }
    if (!r.ok()) return;
    if (!print.version) print.version = legacy;
    std::array<char, 40> room;
    tell(say, "version", version_name(print.version));
    tell(say, "ja4", print.text(room));
  }

  void answer(Reader& r, Side side, Speaker& say) {
    uint16_t version = r.be16();
    const Bytes random = r.bytes(32);
    r.skip(r.u8());
    const uint16_t cipher = r.be16();
    r.u8();
    Reader extensions = r ? r.sub(r.be16()) : r.sub(0);
    r.finish();
    while (extensions) {
      const uint16_t type = extensions.be16();
      Reader e = extensions.sub(extensions.be16());
      if (type == 43) version = e.be16();
    }
    if (!r.ok()) return;
    constexpr uint8_t retry[] = {0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11};   // RFC 8446, 4.1.3: SHA-256 of "HelloRetryRequest"
    if (version >= 0x0304 && std::memcmp(random.data(), retry, sizeof retry) != 0) half_[size_t(side)].secret = true;
    tell(say, "version", version_name(version));
    say.point(say.named("cipher")).set_bits(cipher, 16);
  }

  static void chain(Reader& r, Speaker& say) {   // RFC 5246, 7.4.2; the device's own certificate is the first
    Reader list = r.sub(r.be24());
    r.finish();
    if (!list) return;
    Reader own = list.sub(list.be24());
    if (!r.ok()) return;
    const Bytes whole_octets = own.peek();
    bool broken = false;                          // a certificate's own flaws are no flaw of the message
    Reader c{own.peek(), broken};
    Tlv whole = tlv(c), tbs = tlv(whole.body);
    Reader& t = tbs.body;
    Tlv serial = tlv(t);
    if (serial.tag == 0xa0) serial = tlv(t);
    tlv(t);
    const Tlv issuer = tlv(t);
    Tlv validity = tlv(t);
    const Tlv not_before = tlv(validity.body), not_after = tlv(validity.body);
    const Tlv subject = tlv(t);
    if (broken) return tell_octets(say, "certificate", own.left());
    std::array<char, 200> room;
    std::array<char, 64> digits;
    tell(say, "subject", name_text(subject.body, room));
    tell(say, "issuer", name_text(issuer.body, room));
    tell(say, "serial", hex_text(serial.body.peek().first(std::min<size_t>(serial.body.left(), 32)), digits));
    say.point(say.named("not before")).set_time(time_of(not_before));
    say.point(say.named("not after")).set_time(time_of(not_after));
    const Bytes a = issuer.body.peek(), b = subject.body.peek();
    say.point(say.named("self-signed")).set(a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin()));
    std::array<char, 64> longer;                  // by its thumbprints it is known again
    std::array<char, 40> shorter;
    tell(say, "SHA-256 thumbprint", sha256_text(text_of(whole_octets), longer));
    tell(say, "SHA-1 thumbprint", hex_text(sha1(whole_octets), shorter));
  }

  Pool* pool_;
  Half half_[2];
};

Recognised recognises(Bytes up, Bytes down, Carrier carrier) {
  if (carrier != Carrier::tcp) return {};
  enum class Seen : uint8_t { nothing, no, likely, sure, client, server };
  const auto look = [](Bytes b) {
    if (b.empty()) return Seen::nothing;
    if (!is_head(b)) return Seen::no;
    const size_t n = record_octets(b);
    if (b[0] == handshake && b.size() >= 11 && (b[5] == client_hello || b[5] == server_hello) && b[6] == 0 && b[9] == 3 && b[10] <= 4)
      return b[5] == client_hello ? Seen::client : Seen::server;
    if (b.size() == n && n > 20) return Seen::sure;                                        // a record, and nothing but it
    if (b.size() >= n + head_octets && is_head(b.subspan(n)) && n > head_octets) return Seen::sure;   // and the head of another
    if (b[0] == alert && n == 7 && b.size() == 7 && b[5] >= 1 && b[5] <= 2) return Seen::sure;
    return Seen::likely;
  };
  const Seen a = look(up), b = look(down);
  if (a == Seen::no || b == Seen::no) return {};
  if (a == Seen::client || b == Seen::server) return {Recognised::yes, Recognised::up};
  if (b == Seen::client || a == Seen::server) return {Recognised::yes, Recognised::down};
  if (a == Seen::sure || b == Seen::sure) return {Recognised::yes, Recognised::unknown};
  return {a == Seen::likely || b == Seen::likely ? Recognised::maybe : Recognised::no, Recognised::unknown};
}

Parser* open(Pool& pool) { return pool.make<Tls>(pool); }
constexpr auto ports = [] {
  std::array<Port, std::size(tls_ports)> all{};
  for (size_t i = 0; i < all.size(); i++) all[i] = {Carrier::tcp, tls_ports[i].number};
  return all;
}();

}  // namespace

extern const Protocol protocol;
const Protocol protocol = {"tls", "TLS", ports, recognises, open, functions, {}, reason,
                           "RFC 5246, RFC 8446 (4, 5, 6), RFC 6066 3, RFC 7301, RFC 5280 4.1, RFC 8701; JA4 (FoxIO); IEC 62351-3 (as its carrier)",
                           "everything encrypted; key exchanges; further certificates of a chain, all of them from TLS 1.3 on; DTLS and QUIC"};

}  // namespace vidra::tls
