// SPDX-License-Identifier: Apache-2.0
// SSH 2 (RFC 4253) up to where it is encrypted: identification lines, key exchange. A program is known again by its HASSH, the MD5 of
// the algorithms it offers in order (kex;encryption;MAC;compression, client to server; HASSHServer: server to client). Behind NEWKEYS
// each direction is passed over; so is all of SSH 1 behind its identification.
//
// function is the message number (RFC 4250, 4.1); 256 is the identification line, which is an identity of who sends it.
#include "dissectors/digest.h"
#include "dissectors/protocol.h"

namespace vidra::ssh {
namespace {

constexpr uint16_t identification = 256;
constexpr uint8_t disconnect = 1, kexinit = 20, newkeys = 21;

constexpr Function functions[] = {
    {1, 0xffff, "disconnect", Act::session},
    {2, 0xffff, "ignore", Act::session},
    {3, 0xffff, "unimplemented", Act::session},
    {4, 0xffff, "debug", Act::session},
    {5, 0xffff, "service request", Act::session},
    {6, 0xffff, "service accept", Act::session},
    {7, 0xffff, "extension info", Act::session},
    {20, 0xffff, "key exchange init", Act::session},
    {21, 0xffff, "new keys", Act::session},
    {30, 0xffff, "key exchange 30", Act::session},
    {31, 0xffff, "key exchange 31", Act::session},
    {32, 0xffff, "key exchange 32", Act::session},
    {33, 0xffff, "key exchange 33", Act::session},
    {34, 0xffff, "key exchange 34", Act::session},
    {identification, 0xffff, "identification", Act::session},
};

std::string_view reason(uint16_t code) {   // RFC 4253, 11.1
  constexpr std::string_view names[] = {"", "host not allowed to connect", "protocol error", "key exchange failed", "reserved", "MAC error", "compression error", "service not available",
                                        "protocol version not supported", "host key not verifiable", "connection lost", "by application", "too many connections", "auth cancelled by user",
                                        "no more auth methods available", "illegal user name"};
  return code < std::size(names) ? names[code] : std::string_view{};
}

constexpr size_t longest_line = 1024, longest_packet = 35'000;   // RFC 4253, 4.2 (255, more lines may stand before it) and 6.1

bool identifies(std::string_view s) { return s.size() >= 8 && s.substr(0, 4) == "SSH-" && is_digit(s[4]) && s[5] == '.' && is_digit(s[6]); }

struct Parser final : vidra::Parser {
  Cut next(Side side, Bytes b, bool segment_start, bool closed) override {
    if (b.empty()) return {Cut::need, 1};
    Half& h = half_[size_t(side)];
    if (h.over) return {Cut::skip, b.size()};
    if (!h.identified) {
      const std::string_view s = text_of(b);
      if (!segment_start && !h.lines) return {Cut::lost, 0};
      if (b.size() < 4 ? std::string_view("SSH-").substr(0, b.size()) == s : s.substr(0, 4) == "SSH-") {
        if (const size_t n = line_octets(b); n && n <= longest_line) return {Cut::take, n};
      } else if (side == Side::server && printable(without_line_end(s.substr(0, line_octets(b) ? line_octets(b) : s.size())))) {
        if (const size_t n = line_octets(b); n && n <= longest_line) return h.lines = true, Cut{Cut::skip, n};   // RFC 4253, 4.2: other lines first
      } else {
        return {Cut::lost, 0};
      }
      return closed || b.size() >= longest_line ? Cut{Cut::lost, 0} : Cut{Cut::need, b.size() + 1};
    }
    if (b.size() < 4) return {Cut::need, 4};
    const size_t n = size_t(b[0]) << 24 | size_t(b[1]) << 16 | size_t(b[2]) << 8 | b[3];
    if (n < 5 || n > longest_packet) return h.over = true, Cut{Cut::skip, b.size()};   // encrypted, and the new keys were not heard
    return {Cut::take, n + 4};
  }

  void parse(Bytes record, Side side, Speaker& say) override {
    Message& m = say.begin();
    m.role = side == Side::client ? Role::request : Role::response;
    m.act = Act::session;
    Half& h = half_[size_t(side)];
    if (!h.identified) return identify(record, h, m, say);
    Reader r{record, m.malformed};
    Reader packet = r.sub(r.be32());
    r.finish();
    const uint8_t padding = packet.u8();
    packet.require(padding < packet.left());
    if (!m.malformed) {
      Reader payload = packet.sub(packet.left() - padding);
      m.function = payload.u8();
      if (m.function == kexinit) offer(payload, side, m, say);
      else if (m.function == disconnect) m.reason = uint16_t(payload.be32());
      else if (m.function == newkeys) payload.finish(), m.encrypted = h.over = !m.malformed;
    }
    say.end();
  }

  void gap(Side side, uint64_t) override {
    if (half_[size_t(side)].identified) half_[size_t(side)].over = true;   // what follows is nearly always encrypted
  }

 private:
  struct Half { bool identified = false, lines = false, over = false; };

  void identify(Bytes record, Half& h, Message& m, Speaker& say) {
    const std::string_view line = without_line_end(text_of(record));
    m.function = identification;
    m.malformed = !identifies(line) || !printable(line) || line_octets(record) != record.size();
    if (m.malformed) return say.end();
    h.identified = true;
    const size_t dash = line.find('-', 4);
    const std::string_view version = line.substr(4, dash == std::string_view::npos ? dash : dash - 4);
    tell(say, "version", version);
    const std::string_view software = dash == std::string_view::npos ? std::string_view{} : line.substr(dash + 1);
    Identity who;
    who.product = kept_text(say, software);
    Point& p = say.point(say.named("software"));
    p.set_text(who.product);
    if (version != "2.0" && version != "1.99") h.over = true;
    say.end();
    if (!software.empty()) say.identity(who);
  }

  // RFC 4253, 7.1: ten lists of names.
  static void offer(Reader& r, Side side, Message& m, Speaker& say) {
    r.skip(16);
    std::string_view lists[10];
    for (std::string_view& l : lists) l = text_of(r.bytes(r.be32()));
    r.u8();
    r.be32();
    for (std::string_view l : lists) r.require(printable(l));
    if (m.malformed) return;
    const bool client = side == Side::client;
    const std::string_view of[] = {lists[0], lists[client ? 2 : 3], lists[client ? 4 : 5], lists[client ? 6 : 7]};
    MD5_CTX c;
    std::array<uint8_t, MD5_DIGEST_LENGTH> digest;
    MD5Init(&c);
    for (size_t i = 0; i < 4; i++) {
      if (i) MD5Update(&c, bytes_of(";").data(), 1);
      if (!of[i].empty()) MD5Update(&c, bytes_of(of[i]).data(), of[i].size());
    }
    MD5Final(digest.data(), &c);
    std::array<char, 32> room;
    tell(say, client ? "hassh" : "hasshServer", hex_text(digest, room));
    tell(say, "host key", lists[1].substr(0, lists[1].find(',')));
  }

  Half half_[2];
};

Recognised recognises(Bytes up, Bytes down, Carrier carrier) {
  if (carrier != Carrier::tcp) return {};
  const auto banner = [](Bytes b) {
    const size_t n = line_octets(b);
    return n && n <= longest_line && identifies(text_of(b)) && printable(without_line_end(text_of(b.first(n))));
  };
  const bool a = banner(up), b = banner(down);
  if ((!up.empty() && !a) || (!down.empty() && !b)) return {a || b ? Recognised::maybe : Recognised::no, Recognised::unknown};
  return {a || b ? Recognised::yes : Recognised::no, Recognised::unknown};
}

vidra::Parser* open(Pool& pool) { return pool.make<Parser>(); }
constexpr Port ports[] = {{Carrier::tcp, 22}, {Carrier::tcp, 2222}};

}  // namespace

extern const Protocol protocol;
const Protocol protocol = {"ssh", "SSH", ports, recognises, open, functions, {}, reason,
                           "RFC 4253 (4.2, 6, 7, 11), RFC 4250 4; HASSH (Salesforce, 2018)",
                           "everything behind NEWKEYS: users, methods, commands, files; the contents of the key exchange; SSH 1"};

}  // namespace vidra::ssh
