// SPDX-License-Identifier: Apache-2.0
// HTTP/1.0 and 1.1 (RFC 9110, RFC 9112) and WebDAV's methods (RFC 4918): a record is a request's or an answer's head, up to its empty
// line. Bodies are passed over by their length or chunk by chunk; behind CONNECT and an upgrade nothing is read.
//
// function is the method (256… in the table's order) of an answer too, where its request was heard; reason is an answer's status. Of
// the target only the path is said, without its query, parameters and user: secrets travel there. Basic credentials are reduced to
// their user and the kind of password, tokens and cookies to their presence. Sub-functions of what is sent: 1 firmware, 2 a file.
#include "dissectors/ntlm.h"
#include "dissectors/protocol.h"
#include "dissectors/secrets.h"

namespace vidra::http {
namespace {

constexpr uint16_t first_method = 257, unpaired_answer = 256, firmware = 1, upload = 2;
struct Method { std::string_view word; Act act; };
constexpr Method methods[] = {
    {"GET", Act::read}, {"HEAD", Act::read}, {"POST", Act::write}, {"PUT", Act::file}, {"DELETE", Act::file}, {"CONNECT", Act::session}, {"OPTIONS", Act::browse}, {"TRACE", Act::diagnose},
    {"PATCH", Act::write}, {"PROPFIND", Act::browse}, {"PROPPATCH", Act::write}, {"MKCOL", Act::file}, {"COPY", Act::file}, {"MOVE", Act::file}, {"LOCK", Act::session}, {"UNLOCK", Act::session},
    {"REPORT", Act::browse}, {"SEARCH", Act::browse}, {"RPC_IN_DATA", Act::session}, {"RPC_OUT_DATA", Act::session}, {"BITS_POST", Act::file}, {"SUBSCRIBE", Act::subscribe},
    {"UNSUBSCRIBE", Act::subscribe}, {"NOTIFY", Act::report},
};
enum Index : uint8_t { get = 0, head = 1, post = 2, put = 3, connect = 5 };

constexpr Function functions[] = {
    {256, 0xffff, "answer", Act::other},
    {257, 0xffff, "GET", Act::read},
    {258, 0xffff, "HEAD", Act::read},
    {259, firmware, "POST of firmware", Act::program},
    {259, upload, "POST of a file", Act::file},
    {259, 0xffff, "POST", Act::write},
    {260, firmware, "PUT of firmware", Act::program},
    {260, 0xffff, "PUT", Act::file},
    {261, 0xffff, "DELETE", Act::file},
    {262, 0xffff, "CONNECT", Act::session},
    {263, 0xffff, "OPTIONS", Act::browse},
    {264, 0xffff, "TRACE", Act::diagnose},
    {265, 0xffff, "PATCH", Act::write},
    {266, 0xffff, "PROPFIND", Act::browse},
    {267, 0xffff, "PROPPATCH", Act::write},
    {268, 0xffff, "MKCOL", Act::file},
    {269, 0xffff, "COPY", Act::file},
    {270, 0xffff, "MOVE", Act::file},
    {271, 0xffff, "LOCK", Act::session},
    {272, 0xffff, "UNLOCK", Act::session},
    {273, 0xffff, "REPORT", Act::browse},
    {274, 0xffff, "SEARCH", Act::browse},
    {275, 0xffff, "RPC_IN_DATA", Act::session},
    {276, 0xffff, "RPC_OUT_DATA", Act::session},
    {277, 0xffff, "BITS_POST", Act::file},
    {278, 0xffff, "SUBSCRIBE", Act::subscribe},
    {279, 0xffff, "UNSUBSCRIBE", Act::subscribe},
    {280, 0xffff, "NOTIFY", Act::report},
    {281, 0xffff, "other method", Act::other},
};
static_assert(std::size(methods) + first_method == 281);

std::string_view reason(uint16_t status) {
  switch (status) {
    case 100: return "continue";
    case 101: return "switching protocols";
    case 200: return "ok";
    case 201: return "created";
    case 202: return "accepted";
    case 204: return "no content";
    case 206: return "partial content";
    case 207: return "multi-status";
    case 301: return "moved permanently";
    case 302: return "found";
    case 303: return "see other";
    case 304: return "not modified";
    case 307: return "temporary redirect";
    case 308: return "permanent redirect";
    case 400: return "bad request";
    case 401: return "unauthorized";
    case 403: return "forbidden";
    case 404: return "not found";
    case 405: return "method not allowed";
    case 407: return "proxy authentication required";
    case 408: return "request timeout";
    case 411: return "length required";
    case 413: return "content too large";
    case 414: return "URI too long";
    case 415: return "unsupported media type";
    case 423: return "locked";
    case 429: return "too many requests";
    case 500: return "internal server error";
    case 501: return "not implemented";
    case 502: return "bad gateway";
    case 503: return "service unavailable";
    case 505: return "version not supported";
    default: return {};
  }
}

constexpr size_t longest_head = 32'768;
constexpr uint64_t until_close = UINT64_MAX;

int method_of(std::string_view word) {
  for (size_t i = 0; i < std::size(methods); i++)
    if (word == methods[i].word) return int(i);
  return -1;
}

// Octets of the head that begins here, its empty line with it; 0 where that is still to come. Before `from` there is no empty line.
size_t head_octets(Bytes b, size_t from = 0) {
  const std::string_view s = text_of(b.first(std::min(b.size(), longest_head)));
  for (size_t at = s.find('\n', from); at != std::string_view::npos; at = s.find('\n', at + 1)) {
    if (at + 1 < s.size() && s[at + 1] == '\n') return at + 2;
    if (at + 2 < s.size() && s[at + 1] == '\r' && s[at + 2] == '\n') return at + 3;
  }
  return 0;
}

// The first line, as far as it is there: a request's, an answer's, or none's.
enum class Kind : uint8_t { none, perhaps, request, answer };
Kind kind_of(Bytes b) {
  const std::string_view s = text_of(b.first(std::min<size_t>(b.size(), 4096)));
  constexpr std::string_view version = "HTTP/1.";
  if (s.substr(0, version.size()) == version.substr(0, s.size())) {
    if (s.size() < 13) return s.empty() ? Kind::none : Kind::perhaps;
    return is_digit(s[7]) && s[8] == ' ' && s[9] >= '1' && s[9] <= '5' && is_digit(s[10]) && is_digit(s[11]) && (s[12] == ' ' || s[12] == '\r' || s[12] == '\n') ? Kind::answer : Kind::none;
  }
  const size_t space = s.find(' ');
  if (space == std::string_view::npos) {
    for (const Method& m : methods)
      if (s.size() <= m.word.size() && m.word.substr(0, s.size()) == s) return Kind::perhaps;
    return Kind::none;
  }
  if (method_of(s.substr(0, space)) < 0) return Kind::none;
  const size_t end = s.find('\n');
  std::string_view line = s.substr(0, end);
  if (end == std::string_view::npos) return printable(trimmed(line.substr(space))) ? Kind::perhaps : Kind::none;
  line = without_line_end(line);
  const size_t last = line.rfind(' ');
  if (last <= space) return Kind::none;
  const std::string_view protocol = line.substr(last + 1);
  return protocol == "HTTP/1.1" || protocol == "HTTP/1.0" ? Kind::request : Kind::none;
}

// "/a/b" of "http://user:secret@host/a/b;session?query".
std::string_view path_of(std::string_view target) {
  if (const size_t scheme = target.find("://"); scheme != std::string_view::npos && scheme < 8) {
    const size_t slash = target.find('/', scheme + 3);
    target = slash == std::string_view::npos ? std::string_view("/") : target.substr(slash);
  }
  return target.substr(0, target.find_first_of("?;#"));
}

struct Parser final : vidra::Parser {
  Cut next(Side side, Bytes b, bool segment_start, bool closed) override {
    if (b.empty()) return {Cut::need, 1};
    if (tunnel_) return {Cut::skip, b.size()};
    Half& h = half_[size_t(side)];
    if (h.body == until_close) return {Cut::skip, b.size()};
    if (h.body) {
      const uint64_t n = h.body;
      h.body = 0;
      return {Cut::skip, size_t(n)};
    }
    if (h.chunks != Chunks::none) return next_chunk(h, b, closed);
    if (h.in_step && (b[0] == '\r' || b[0] == '\n')) return {Cut::skip, 1};               // RFC 9112, 2.2: empty lines before a request
    const Kind k = kind_of(b);
    if (k == Kind::none) return h.in_step = false, h.looked = 0, Cut{Cut::lost, 0};
    if (!h.in_step && !segment_start) return h.looked = 0, Cut{Cut::lost, 0};
    const size_t from = h.looked < b.size() ? h.looked : 0;   // each octet is looked at once, however many pieces the head comes in
    h.looked = 0;
    if (const size_t n = head_octets(b, from)) return k == Kind::perhaps ? Cut{Cut::lost, 0} : (h.in_step = true, Cut{Cut::take, n});
    if (b.size() >= longest_head || closed) return {Cut::take, std::min(b.size(), longest_head)};
    h.looked = b.size() > 2 ? b.size() - 2 : 0;
    return {Cut::need, b.size() + 1};
  }

  void parse(Bytes record, Side side, Speaker& say) override {
    Message& m = say.begin();
    m.malformed = head_octets(record) != record.size();
    std::string_view rest = text_of(record);
    const std::string_view line = trimmed(without_line_end(next_part(rest, '\n')));
    if (begins(line, "HTTP/")) answer(line, rest, side, m, say);
    else ask(line, rest, side, m, say);
  }

  void gap(Side side, uint64_t) override {
    half_[size_t(side)] = {};
    asked_ = 0;
  }

 private:
  enum class Chunks : uint8_t { none, size, trailer };
  struct Half {
    uint64_t body = 0;              // octets that follow the head; until_close
    Chunks chunks = Chunks::none;
    bool in_step = false;
    size_t looked = 0;              // octets of a head that is still to come, without an empty line
  };
  struct Fields {                   // of a head, what is looked at
    uint64_t length = 0;
    bool has_length = false, chunked = false, upgrade = false, multipart = false, binary = false, file_name_firmware = false;
  };
  struct Question { uint8_t method = 0; uint64_t key = 0; Kept<Texts::limit> path; };

  // RFC 9112, 7.1: a chunk is its size in hexadecimal, a line end, so many octets, a line end; the last one has none, then come fields.
  static Cut next_chunk(Half& h, Bytes b, bool closed) {
    const size_t line = line_octets(b);
    if (line == 0) {
      if (closed || b.size() > 4096) return h.chunks = Chunks::none, Cut{Cut::lost, 0};
      return {Cut::need, b.size() + 1};
    }
    std::string_view s = without_line_end(text_of(b.first(line)));
    if (h.chunks == Chunks::trailer) {
      if (s.empty()) h.chunks = Chunks::none;
      return {Cut::skip, line};
    }
    s = trimmed(s.substr(0, s.find(';')));
    uint64_t n = 0;
    bool right = !s.empty() && s.size() <= 8;
    for (char c : s) {
      const int v = is_digit(c) ? c - '0' : lower(c) >= 'a' && lower(c) <= 'f' ? lower(c) - 'a' + 10 : -1;
      right &= v >= 0;
      n = n << 4 | uint64_t(v & 15);
    }
    if (!right) return h.chunks = Chunks::none, Cut{Cut::lost, 0};
    if (n == 0) h.chunks = Chunks::trailer;
    return {Cut::skip, line + size_t(n) + (n ? 2 : 0)};
  }

  void ask(std::string_view line, std::string_view rest, Side side, Message& m, Speaker& say) {
    std::string_view words = line;
    const std::string_view word = next_word(words);
    const int method = method_of(word);
    const std::string_view target = next_word(words);
    m.malformed |= target.empty() || (words != "HTTP/1.1" && words != "HTTP/1.0");
    m.function = uint16_t(first_method + (method < 0 ? int(std::size(methods)) : method));
    m.act = method < 0 ? Act::other : methods[method].act;
    const std::string_view path = method == connect ? target : path_of(target);
    const uint64_t path_key = kept_text(say, path);
    Point& object = say.point(Object::of_text(path_key));
    object.qualifier = uint32_t(std::min<size_t>(target.size() - std::min(target.size(), path.size()), 0xffff));
    Fields f;
    fields(rest, true, f, m, say);
    Half& h = half_[size_t(side)];
    h.chunks = f.chunked ? Chunks::size : Chunks::none;
    h.body = f.chunked ? 0 : f.length;
    if (f.length && !f.chunked) tell_octets(say, "content", f.length);
    if (method == post || method == put) {
      const bool sends = f.length || f.chunked;
      const bool named = names_firmware(path) || contains(path, "upgrade") || contains(path, "fwupload") || contains(path, "flash");
      if (sends && (named || f.file_name_firmware) && (f.multipart || f.binary || f.length > 65'536 || method == put)) m.sub_function = firmware, m.act = Act::program;
      else if (method == post && sends && f.multipart) m.sub_function = upload, m.act = Act::file;
    }
    say.end();
    if (asked_ == std::size(questions_)) return;
    Question& q = questions_[asked_++];
    q.method = uint8_t(method < 0 ? int(std::size(methods)) : method);
    q.key = path_key;
    q.path.set(path);
  }

  void answer(std::string_view line, std::string_view rest, Side side, Message& m, Speaker& say) {
    std::string_view words = line;
    next_word(words);
    uint64_t status = 0;
    m.malformed |= !number(next_word(words), status) || status < 100 || status > 599;
    m.role = Role::response;
    m.reason = uint16_t(std::min<uint64_t>(status, 999));
    m.refused = status >= 400;
    m.unpaired = asked_ == 0;
    int method = -1;
    if (asked_) {
      const Question& q = questions_[0];
      method = q.method;
      m.function = uint16_t(first_method + q.method);
      m.act = q.method < std::size(methods) ? methods[q.method].act : Act::other;
      const Object path = Object::of_text(q.key);
      if (printable(q.path.view())) say.label(path, q.path.view());
      say.point(path);
      if (status >= 200) std::copy(questions_ + 1, questions_ + asked_, questions_), asked_--;
    } else {
      m.function = unpaired_answer;
    }
    Fields f;
    identity_ = {};
    fields(rest, false, f, m, say);
    Half& h = half_[size_t(side)];
    const bool bodiless = method == head || status < 200 || status == 204 || status == 304;
    h.chunks = f.chunked && !bodiless ? Chunks::size : Chunks::none;
    h.body = bodiless || f.chunked ? 0 : f.has_length ? f.length : until_close;
    if (f.has_length) tell_octets(say, "content", f.length);
    if (!m.malformed && ((method == connect && status >= 200 && status < 300) || (status == 101 && f.upgrade))) tunnel_ = true, h.body = 0;
    say.end();
    if (identity_.product && identity_.product != told_) {
      told_ = identity_.product;
      say.identity(identity_);
    }
  }

  void fields(std::string_view rest, bool asks, Fields& f, Message& m, Speaker& say) {
    for (size_t n = 0; !rest.empty() && n < 200; n++) {
      const std::string_view line = without_line_end(next_part(rest, '\n'));
      if (line.empty()) break;
      const size_t colon = line.find(':');
      if (colon == std::string_view::npos) continue;
      const std::string_view name = line.substr(0, colon), value = trimmed(line.substr(colon + 1));
      if (same(name, "content-length")) {
        uint64_t length = 0;
        if (!number(value, length)) m.malformed = true;
        else f.length = length, f.has_length = true;
      } else if (same(name, "transfer-encoding")) {
        f.chunked = ends(value, "chunked");
      } else if (same(name, "upgrade")) {
        f.upgrade = true;
        tell(say, "upgrade", value);
      } else if (same(name, "content-type")) {
        f.multipart = begins(value, "multipart/");
        f.binary = begins(value, "application/octet-stream") || begins(value, "application/x-") || begins(value, "application/zip");
        tell(say, "content type", value.substr(0, value.find(';')));
      } else if (asks && same(name, "host")) {
        tell(say, "host", value);
      } else if (asks && same(name, "user-agent")) {
        tell(say, "user agent", value);
      } else if (same(name, "content-disposition")) {
        const size_t at = value.find("filename=");
        if (at == std::string_view::npos) continue;
        std::string_view file = value.substr(at + 9);
        if (!file.empty() && file.front() == '"') file.remove_prefix(1);
        file = file.substr(0, file.find_first_of("\";"));
        f.file_name_firmware |= names_firmware(file);
        tell(say, "file", file);
      } else if (asks && same(name, "destination")) {
        tell(say, "destination", path_of(value));
      } else if (asks && (same(name, "authorization") || same(name, "proxy-authorization"))) {
        credentials(value, say);
      } else if (asks && same(name, "cookie")) {
        tell_octets(say, "cookie", value.size());
      } else if (!asks && same(name, "www-authenticate")) {
        challenge(value, say);
      } else if (!asks && same(name, "location")) {
        tell(say, "location", path_of(value));
      } else if (!asks && same(name, "server")) {
        identity_.product = kept_text(say, value);
      } else if (!asks && same(name, "x-powered-by")) {
        tell(say, "powered by", value);
      }
    }
  }

  static void credentials(std::string_view value, Speaker& say) {
    std::string_view rest = value;
    const std::string_view scheme = next_word(rest);
    if (same(scheme, "basic")) {
      std::array<uint8_t, 192> room;
      const std::string_view both = text_of(base64(rest, room));
      const size_t colon = both.find(':');
      const std::string_view user = both.substr(0, colon), password = colon == std::string_view::npos ? std::string_view{} : both.substr(colon + 1);
      tell(say, "authentication", "Basic");
      if (colon != std::string_view::npos) tell(say, "user", user), tell_secret(say, "password", password_kind(user, password));
      std::memset(room.data(), 0, room.size());
    } else if (same(scheme, "ntlm") || same(scheme, "negotiate")) {
      std::array<uint8_t, 2048> room;
      if (!tell_ntlm(ntlm_in(base64(rest, room)), say)) tell(say, "authentication", scheme);
    } else {
      tell(say, "authentication", printable(scheme) && scheme.size() <= 16 ? scheme : std::string_view("other"));
      if (same(scheme, "digest"))
        if (const size_t at = rest.find("username=\""); at != std::string_view::npos) tell(say, "user", rest.substr(at + 10, rest.find('"', at + 10) - at - 10));
    }
  }
  static void challenge(std::string_view value, Speaker& say) {
    std::string_view rest = value;
    const std::string_view scheme = next_word(rest);
    if (scheme.size() <= 16) tell(say, "authentication wanted", scheme);
    if (const size_t at = rest.find("realm=\""); at != std::string_view::npos) tell(say, "realm", rest.substr(at + 7, rest.find('"', at + 7) - at - 7));
  }

  Half half_[2];
  Question questions_[8];
  uint8_t asked_ = 0;
  bool tunnel_ = false;
  uint64_t told_ = 0;
  Identity identity_;
};

Recognised recognises(Bytes up, Bytes down, Carrier carrier) {
  if (carrier != Carrier::tcp) return {};
  const Kind a = up.empty() ? Kind::none : kind_of(up), b = down.empty() ? Kind::none : kind_of(down);
  if (a == Kind::request || b == Kind::answer) {
    if (b == Kind::request || a == Kind::answer) return {};
    return {Recognised::yes, Recognised::up};
  }
  if (b == Kind::request || a == Kind::answer) return {Recognised::yes, Recognised::down};
  if (a == Kind::perhaps && down.empty() && up.size() > 5) return {Recognised::maybe, Recognised::up};
  if (b == Kind::perhaps && up.empty() && down.size() > 5) return {Recognised::maybe, Recognised::down};
  return {};
}

vidra::Parser* open(Pool& pool) { return pool.make<Parser>(); }
constexpr Port ports[] = {{Carrier::tcp, 80}, {Carrier::tcp, 8080}, {Carrier::tcp, 8000}, {Carrier::tcp, 8008}, {Carrier::tcp, 8081}, {Carrier::tcp, 8888}, {Carrier::tcp, 3128}, {Carrier::tcp, 5985}};

}  // namespace

extern const Protocol protocol;
const Protocol protocol = {"http", "HTTP/1", ports, recognises, open, functions, {}, reason,
                           "RFC 9110, RFC 9112 (2-7), RFC 4918 (methods), RFC 7617, RFC 7616 (user only), MS-NLMP in NTLM and Negotiate",
                           "bodies of any kind; queries of targets; HTTP/2 and 3; what follows CONNECT and an upgrade; HTTP on UDP (SSDP)"};

}  // namespace vidra::http
