// SPDX-License-Identifier: Apache-2.0
// TFTP (RFC 1350) with options (RFC 2347, 2348, 2349, 7440). A transfer goes on between other ports than its request: there it is
// known again by an option acknowledgement or by a first block of full length.
#include "dissectors/protocol.h"
#include "dissectors/text.h"

namespace vidra::tftp {
namespace {

enum Opcode : uint16_t { rrq = 1, wrq = 2, data = 3, ack = 4, error = 5, oack = 6 };
constexpr uint16_t firmware = 1;

constexpr Function functions[] = {
    {rrq, firmware, "read request for firmware", Act::program},
    {rrq, 0xffff, "read request", Act::file},
    {wrq, firmware, "write request of firmware", Act::program},
    {wrq, 0xffff, "write request", Act::file},
    {data, 0xffff, "data", Act::file},
    {ack, 0xffff, "acknowledgement", Act::file},
    {error, 0xffff, "error", Act::file},
    {oack, 0xffff, "option acknowledgement", Act::file},
};

std::string_view reason(uint16_t code) {   // RFC 1350, appendix; 8 RFC 2347; the code is kept plus one, because 0 is one
  constexpr std::string_view names[] = {"", "not defined", "file not found", "access violation", "disk full", "illegal operation", "unknown transfer", "file already exists", "no such user",
                                        "option refused"};
  return code < std::size(names) ? names[code] : std::string_view{};
}

std::string_view text(Reader& r) {   // up to a NUL, which must be there
  const std::string_view s = text_of(r.peek());
  const size_t n = s.find('\0');
  if (n == std::string_view::npos) return r.require(false), std::string_view{};
  r.skip(n + 1);
  return s.substr(0, n);
}
bool is_option(std::string_view s) {
  for (std::string_view o : {"blksize", "timeout", "tsize", "multicast", "windowsize", "blksize2", "utimeout", "rollover"})
    if (same(s, o)) return true;
  return false;
}
bool is_mode(std::string_view s) { return same(s, "octet") || same(s, "netascii") || same(s, "mail"); }

struct Parser final : vidra::Parser {
  Cut next(Side, Bytes b, bool, bool) override { return {Cut::take, b.size()}; }   // never asked: datagrams

  void parse(Bytes record, Side, Speaker& say) override {
    Message& m = say.begin();
    Reader r{record, m.malformed};
    m.function = r.be16();
    m.act = Act::file;
    switch (m.function) {
      case rrq: case wrq: {
        const std::string_view name = text(r), mode = text(r);
        r.require(!name.empty() && is_mode(mode));
        if (m.malformed) break;
        say.point(kept_name(say, name));
        tell(say, "mode", mode);
        options(r, say);
        if (names_firmware(name)) m.sub_function = firmware, m.act = Act::program;
        break;
      }
      case data:
        m.role = Role::response;
        m.tag = r.be16();
        m.retained = r.left() > 0;
        tell_octets(say, "block", r.left());
        break;
      case ack:
        m.role = Role::response;
        m.tag = r.be16();
        r.finish();
        break;
      case error:
        m.role = Role::response;
        m.refused = true;
        m.reason = uint16_t(r.be16() + 1);
        text(r);
        break;
      case oack:
        m.role = Role::response;
        r.require(bool(r));
        options(r, say);
        break;
      default: r.require(false);
    }
    say.end();
  }

 private:
  static void options(Reader& r, Speaker& say) {
    for (int n = 0; r && n < 16; n++) {
      const std::string_view name = text(r), value = text(r);
      if (!r.ok()) return;
      if (is_option(name) && value.size() <= 20) tell(say, name, value);
    }
  }
};

Recognised recognises(Bytes up, Bytes down, Carrier carrier) {
  const bool first = !up.empty();
  const Bytes b = first ? up : down;
  bool bad = false;
  Reader r{b, bad};
  if (carrier != Carrier::udp) return {};
  const auto from_client = first ? Recognised::up : Recognised::down, from_server = first ? Recognised::down : Recognised::up;
  switch (r.be16()) {
    case rrq: case wrq: {
      const std::string_view name = text(r), mode = text(r);
      if (bad || name.empty() || !printable(name) || !is_mode(mode)) return {};
      return {Recognised::yes, from_client};
    }
    case oack: {
      const std::string_view name = text(r), value = text(r);
      uint64_t n;
      if (bad || !is_option(name) || !number(value, n)) return {};
      return {Recognised::yes, from_server};
    }
    case data: {
      const uint16_t block = r.be16();
      if (bad || r.left() > 512 || block == 0) return {};
      return {block == 1 && r.left() == 512 ? Recognised::yes : Recognised::maybe, Recognised::unknown};
    }
    case ack:
      r.skip(2);
      return {!bad && !r ? Recognised::maybe : Recognised::no};
    case error: {
      const uint16_t code = r.be16();
      text(r);
      return {!bad && !r && code <= 8 ? Recognised::maybe : Recognised::no};
    }
    default: return {};
  }
}

vidra::Parser* open(Pool& pool) { return pool.make<Parser>(); }
constexpr Port ports[] = {{Carrier::udp, 69}};

}  // namespace

extern const Protocol protocol;
const Protocol protocol = {"tftp", "TFTP", ports, recognises, open, functions, {}, reason,
                           "RFC 1350, RFC 2347, RFC 2348, RFC 2349, RFC 7440",
                           "contents of files; a transfer between other ports whose first datagram heard is neither an option acknowledgement nor a full first block"};

}  // namespace vidra::tftp
