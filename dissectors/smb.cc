// SPDX-License-Identifier: Apache-2.0
// SMB 1 (MS-CIFS, MS-SMB), SMB 2 and 3 (MS-SMB2) over TCP and NetBIOS sessions (RFC 1002): dialect, who authenticates (NTLM: user, domain,
// workstation; never what he proves it with), shares, pipes and what is done to files by name. A record is a session message; of a
// long one only the first octets are looked at, the rest is passed over.
//
// function is the SMB 2 command; 0x100 | command for SMB 1; 0x200 | type for a NetBIOS session message, 0x2fd SMB 3 encrypted, 0x2fc
// compressed. frame says which. tag is the message id; qualifier a create's disposition; reason the NT status: its low 16 bits, or
// those of a warning; 0x8000 | code where an old client gets a DOS error. Files are named share\path, where the share or file was opened unheard only by what is known.
// Sub-functions: create 1 a pipe, 2 to delete it on close; write 1 an executable ("MZ" at its beginning); set info 10 rename, 13 delete.
#include "dissectors/ntlm.h"
#include "dissectors/protocol.h"

namespace vidra::smb {
namespace {

enum Command : uint16_t { negotiate = 0, session_setup = 1, logoff = 2, tree_connect = 3, tree_disconnect = 4, create = 5, close_file = 6, flush = 7, read = 8, write = 9, lock = 10, ioctl = 11,
                          cancel = 12, echo = 13, query_directory = 14, change_notify = 15, query_info = 16, set_info = 17, oplock_break = 18 };
constexpr uint16_t dos = 0x8000;   // of a reason: the code is an old one
constexpr uint16_t one = 0x100, netbios = 0x200, encrypted = 0x2fd, compressed = 0x2fc;
constexpr uint16_t pipe_opened = 1, delete_on_close = 2, executable = 1, renames = 10, deletes = 13;

constexpr Function functions[] = {
    {0, 0xffff, "negotiate", Act::session},
    {1, 0xffff, "session setup", Act::session},
    {2, 0xffff, "logoff", Act::session},
    {3, 0xffff, "tree connect", Act::session},
    {4, 0xffff, "tree disconnect", Act::session},
    {5, pipe_opened, "open pipe", Act::session},
    {5, delete_on_close, "create, delete on close", Act::file},
    {5, 0xffff, "create", Act::file},
    {6, 0xffff, "close", Act::file},
    {7, 0xffff, "flush", Act::file},
    {8, 0xffff, "read", Act::file},
    {9, executable, "write executable", Act::program},
    {9, 0xffff, "write", Act::file},
    {10, 0xffff, "lock", Act::file},
    {11, 0xffff, "ioctl", Act::other},
    {12, 0xffff, "cancel", Act::session},
    {13, 0xffff, "echo", Act::session},
    {14, 0xffff, "query directory", Act::browse},
    {15, 0xffff, "change notify", Act::subscribe},
    {16, 0xffff, "query info", Act::browse},
    {17, renames, "rename", Act::file},
    {17, deletes, "delete", Act::file},
    {17, 0xffff, "set info", Act::file},
    {18, 0xffff, "oplock break", Act::session},
    {0x100, 0xffff, "SMB 1 create directory", Act::file},
    {0x101, 0xffff, "SMB 1 delete directory", Act::file},
    {0x102, 0xffff, "SMB 1 open", Act::file},
    {0x103, 0xffff, "SMB 1 create", Act::file},
    {0x104, 0xffff, "SMB 1 close", Act::file},
    {0x105, 0xffff, "SMB 1 flush", Act::file},
    {0x106, 0xffff, "SMB 1 delete", Act::file},
    {0x107, 0xffff, "SMB 1 rename", Act::file},
    {0x108, 0xffff, "SMB 1 query information", Act::browse},
    {0x109, 0xffff, "SMB 1 set information", Act::file},
    {0x10a, 0xffff, "SMB 1 read", Act::file},
    {0x10b, executable, "SMB 1 write executable", Act::program},
    {0x10b, 0xffff, "SMB 1 write", Act::file},
    {0x110, 0xffff, "SMB 1 check directory", Act::browse},
    {0x124, 0xffff, "SMB 1 locking", Act::file},
    {0x125, 0xffff, "SMB 1 transaction", Act::other},
    {0x12b, 0xffff, "SMB 1 echo", Act::session},
    {0x12d, 0xffff, "SMB 1 open and x", Act::file},
    {0x12e, 0xffff, "SMB 1 read and x", Act::file},
    {0x12f, executable, "SMB 1 write and x, executable", Act::program},
    {0x12f, 0xffff, "SMB 1 write and x", Act::file},
    {0x132, 0xffff, "SMB 1 transaction 2", Act::browse},
    {0x134, 0xffff, "SMB 1 find close", Act::browse},
    {0x170, 0xffff, "SMB 1 tree connect", Act::session},
    {0x171, 0xffff, "SMB 1 tree disconnect", Act::session},
    {0x172, 0xffff, "SMB 1 negotiate", Act::session},
    {0x173, 0xffff, "SMB 1 session setup", Act::session},
    {0x174, 0xffff, "SMB 1 logoff", Act::session},
    {0x175, 0xffff, "SMB 1 tree connect and x", Act::session},
    {0x180, 0xffff, "SMB 1 query disk information", Act::browse},
    {0x1a0, 0xffff, "SMB 1 NT transaction", Act::other},
    {0x1a2, pipe_opened, "SMB 1 open pipe", Act::session},
    {0x1a2, delete_on_close, "SMB 1 NT create, delete on close", Act::file},
    {0x1a2, 0xffff, "SMB 1 NT create", Act::file},
    {0x1a4, 0xffff, "SMB 1 NT cancel", Act::session},
    {0x200, 0xffff, "session message", Act::session},
    {0x281, 0xffff, "session request", Act::session},
    {0x282, 0xffff, "session accepted", Act::session},
    {0x283, 0xffff, "session refused", Act::session},
    {0x284, 0xffff, "session retarget", Act::session},
    {0x285, 0xffff, "session keep alive", Act::session},
    {compressed, 0xffff, "compressed message", Act::other},
    {encrypted, 0xffff, "encrypted message", Act::other},
};
constexpr Act act_of(uint16_t number, uint16_t sub) {
  Act any = Act::other;
  for (const Function& f : functions) {
    if (f.number != number) continue;
    if (f.sub == sub) return f.act;
    if (f.sub == 0xffff) any = f.act;
  }
  return any;
}

constexpr std::string_view frames[] = {"NetBIOS", "SMB 1", "SMB 2", "encrypted", "compressed"};

std::string_view reason(uint16_t status) {   // MS-ERREF 2.3
  switch (status) {
    case 0x0005: return "buffer overflow";
    case 0x0006: return "no more files";
    case 0x0008: return "invalid handle";
    case 0x000d: return "invalid parameter";
    case 0x000f: return "no such file";
    case 0x0011: return "end of file";
    case 0x0016: return "more processing required";
    case 0x0022: return "access denied";
    case 0x0034: return "name not found";
    case 0x0035: return "name collision";
    case 0x003a: return "path not found";
    case 0x0043: return "sharing violation";
    case 0x0056: return "delete pending";
    case 0x0064: return "user exists";
    case 0x006a: return "wrong password";
    case 0x006d: return "logon failure";
    case 0x006e: return "account restriction";
    case 0x006f: return "invalid logon hours";
    case 0x0070: return "invalid workstation";
    case 0x0071: return "password expired";
    case 0x0072: return "account disabled";
    case 0x007f: return "disk full";
    case 0x00ac: return "pipe not available";
    case 0x00ba: return "is a directory";
    case 0x00bb: return "not supported";
    case 0x00c9: return "network name deleted";
    case 0x00cc: return "bad network name";
    case 0x0103: return "pending";
    case 0x010b: return "notify cleanup";
    case 0x0120: return "cancelled";
    case 0x015b: return "logon type not granted";
    case 0x0193: return "account expired";
    case 0x0203: return "user session deleted";
    case 0x0224: return "password must change";
    case 0x0225: return "not found";
    case 0x0234: return "account locked out";
    case 0x0257: return "path not covered";
    case dos | 1: return "invalid function";
    case dos | 2: return "file not found";
    case dos | 3: return "path not found";
    case dos | 5: return "access denied";
    case dos | 6: return "invalid handle";
    case dos | 67: return "bad network name";
    default: return {};
  }
}

constexpr size_t session_head = 4, head2 = 64, looked_at = 16'384;
constexpr uint32_t more_processing = 0xc0000016, pending = 0x00000103;

size_t session_octets(Bytes b) { return session_head + (size_t(b[1] & 1) << 16 | (b[0] == 0 ? size_t(b[1]) << 16 : 0) | size_t(b[2]) << 8 | b[3]); }
bool is_smb(uint8_t first, Bytes magic) { return (first == 0xff || first == 0xfe || first == 0xfd || first == 0xfc) && magic[0] == 'S' && magic[1] == 'M' && magic[2] == 'B'; }
// A session message that begins here: SMB inside, or another kind of RFC 1002.
bool is_session(Bytes b) {
  if (b.size() < 8) return false;
  if (b[0] == 0) return is_smb(b[4], b.subspan(5)) && session_octets(b) >= session_head + 16;
  return false;
}
bool is_other(Bytes b) {   // RFC 1002, 4.3
  if (b.size() < session_head) return false;
  const size_t n = session_octets(b) - session_head;
  return b[1] <= 1 && ((b[0] == 0x81 && n >= 68 && n <= 512) || (b[0] == 0x82 && n == 0) || (b[0] == 0x83 && n == 1) || (b[0] == 0x84 && n == 6) || (b[0] == 0x85 && n == 0));
}

template <size_t count, size_t text> class Names {   // what was opened, under its id: the oldest goes first
 public:
  void put(uint64_t id, std::string_view name) {
    for (Entry& e : all_)
      if (e.used && e.id == id) return e.name.set(name);
    Entry& e = all_[turn_++ % count];
    e.used = true, e.id = id, e.name.set(name);
  }
  std::string_view find(uint64_t id) const {
    for (const Entry& e : all_)
      if (e.used && e.id == id) return e.name.view();
    return {};
  }
  void drop(uint64_t id) {
    for (Entry& e : all_)
      if (e.used && e.id == id) e.used = false;
  }

 private:
  struct Entry { uint64_t id = 0; bool used = false; Kept<text> name; };
  std::array<Entry, count> all_;
  uint32_t turn_ = 0;
};

class Smb final : public Parser {
 public:
  Cut next(Side side, Bytes b, bool segment_start, bool closed) override {
    Half& h = half_[size_t(side)];
    if (h.rest) {
      const size_t n = h.rest;
      h.rest = 0;
      return {Cut::skip, n};
    }
    if (b.size() < 8) {
      const bool may = b.empty() || b[0] == 0 || (b[0] >= 0x81 && b[0] <= 0x85);
      if (b.size() >= session_head && is_other(b) && session_octets(b) <= b.size()) return {Cut::take, session_octets(b)};
      if (!may || closed || (!h.in_step && !segment_start && b.size() >= 2)) return h.in_step = false, Cut{Cut::lost, 0};
      return {Cut::need, b.size() < session_head ? session_head : is_other(b) ? session_octets(b) : 8};
    }
    if (is_session(b)) return h.in_step = true, Cut{Cut::take, std::min(session_octets(b), looked_at)};
    if (is_other(b) && (h.in_step || segment_start)) return {Cut::take, session_octets(b)};
    if (h.in_step && b[0] == 0 && session_octets(b) < looked_at) return {Cut::take, session_octets(b)};   // a session message of something else: malformed
    h.in_step = false;
    return {Cut::lost, 0};
  }

  void parse(Bytes record, Side side, Speaker& say) override {
    Message& m = say.begin();
    Reader r{record, m.malformed};
    const uint8_t type = r.u8();
    r.require(type == 0 || (type >= 0x81 && type <= 0x85));
    const size_t length = record.size() >= session_head ? session_octets(record) - session_head : 0;
    r.be24();
    m.function = uint16_t(netbios | type);
    m.act = Act::session;
    m.role = side == Side::client ? Role::request : Role::response;
    Half& h = half_[size_t(side)];
    if (length > r.left() && record.size() >= looked_at) h.rest = length - r.left(), m.retained = true;
    else r.require(length == r.left());
    if (m.malformed) return say.end();
    if (type != 0) {
      m.refused = type == 0x83;
      return say.end();
    }
    const uint8_t first = r.u8();
    r.require(r.left() >= 3 && is_smb(first, r.peek()));
    if (m.malformed) return say.end();
    r.skip(3);
    const Bytes message = record.subspan(session_head);
    switch (first) {
      case 0xff: return smb1(message, side, say);
      case 0xfe: return smb2(message, say);
      case 0xfd: m.frame = 3, m.function = encrypted, m.encrypted = true; break;
      default: m.frame = 4, m.function = compressed;
    }
    m.act = Act::other;
    r.require(r.left() >= 12);
    say.end();
  }

  void gap(Side side, uint64_t) override { half_[size_t(side)] = {}; }

 private:
  struct Half { size_t rest = 0; bool in_step = false; };
  using Text = std::array<char, 480>;

  static void status_of(Message& m, uint32_t status) {
    m.refused = status >= 0xc0000000 && status != more_processing;
    m.reason = status >= 0x80000000 || status == pending ? uint16_t(status) : uint16_t(0);
  }
  // share\path
  std::string_view joined(std::string_view share, std::string_view path, Text& to) const {
    size_t used = std::min<size_t>(share.size(), 120);
    if (used) std::memcpy(to.data(), share.data(), used);
    if (used && !path.empty() && path.front() != '\\') to[used++] = '\\';
    const size_t n = std::min(path.size(), to.size() - used);
    if (n) std::memcpy(to.data() + used, path.data(), n);
    return {to.data(), used + n};
  }
  static bool is_pipe_share(std::string_view share) { return ends(share, "IPC$"); }

  // --- SMB 2 and 3 (MS-SMB2 2.2); several may lie behind one another ---

  void smb2(Bytes message, Speaker& say) {
    size_t at = 0;
    uint64_t last_file = 0;
    for (int n = 0; n < 16; n++) {
      if (n) say.begin();
      Message& m = say.head();
      m.frame = 2;
      bool& bad = m.malformed;
      Reader r{message.subspan(at), bad};
      r.skip(4);
      r.require(r.le16() == head2);
      r.le16();
      const uint32_t status = r.le32();
      const uint16_t command = r.le16();
      r.le16();
      const uint32_t flags = r.le32(), next_command = r.le32();
      const uint64_t id = r.le64();
      const uint64_t process_tree = r.le64();
      r.le64();
      r.skip(16);
      const bool response = flags & 1, async = flags & 2;
      m.role = response ? (command == oplock_break ? Role::report : Role::response) : Role::request;
      m.function = command;
      m.act = act_of(command, 0);
      m.tag = uint32_t(id);
      r.require(command <= oplock_break);
      if (response) status_of(m, status);
      const uint32_t tree = async ? 0 : uint32_t(process_tree >> 32);
      const size_t end = next_command && next_command >= head2 && next_command <= message.size() - at ? next_command : message.size() - at;
      const Bytes whole = message.subspan(at, end);
      if (!bad && !(response && (m.refused || status == pending))) body2(whole, command, response, tree, id, last_file, m, say);
      else if (!bad) about(id, m, say, status != pending);
      m.act = act_of(m.function, m.sub_function);
      say.end();
      if (!next_command) break;
      if (next_command < head2 || next_command > message.size() - at - std::min<size_t>(message.size() - at, head2)) break;
      at += next_command;
    }
  }

  // What was asked under this message id, for its answer.
  void about(uint64_t id, Message& m, Speaker& say, bool over) {
    const std::string_view asked = asked_.find(id);
    if (!asked.empty()) say.point(kept_name(say, asked));
    if (over) asked_.drop(id);
    static_cast<void>(m);
  }

  static Bytes part(Bytes whole, size_t offset, size_t n) { return offset > whole.size() || n > whole.size() - offset ? Bytes{} : whole.subspan(offset, n); }
  static uint64_t file_id(Reader& r) {   // persistent and volatile
    const uint64_t a = r.le64(), b = r.le64();
    return a * 0x9e3779b97f4a7c15ull ^ b;
  }

  void body2(Bytes whole, uint16_t command, bool response, uint32_t tree, uint64_t id, uint64_t& last_file, Message& m, Speaker& say) {
    Reader r{whole.subspan(head2), m.malformed};
    r.le16();
    std::array<char, 400> room;
    Text path;
    const auto named_file = [&](uint64_t file) {
      if (file == (~uint64_t{0} * 0x9e3779b97f4a7c15ull ^ ~uint64_t{0}) && last_file) file = last_file;   // the one of the message before
      last_file = file;
      const std::string_view name = files_.find(file);
      if (!name.empty()) say.point(kept_name(say, name)), asked_.put(id, name);
      return file;
    };
    switch (command) {
      case negotiate:
        if (response) {
          r.le16();
          dialect(r.le16(), say);
        } else {
          const uint16_t count = r.le16();
          r.skip(32);
          uint16_t best = 0;
          for (int i = 0; i < count && r.ok(); i++) best = std::max(best, r.le16());
          if (r.ok()) dialect(best, say);
        }
        break;
      case session_setup: {
        if (!response) r.skip(10);
        else r.skip(2);
        const uint16_t offset = r.le16(), n = r.le16();
        if (r.ok()) credentials(part(whole, offset, n), say);
        break;
      }
      case tree_connect:
        if (response) {
          const std::string_view share = asked_.find(id);
          if (!share.empty()) say.point(kept_name(say, share)), trees_.put(tree, share);
          asked_.drop(id);
        } else {
          r.le16();
          const uint16_t offset = r.le16(), n = r.le16();
          const std::string_view share = utf8_of(part(whole, offset, n), room);
          if (r.ok()) say.point(kept_name(say, share)), asked_.put(id, share);
        }
        break;
      case tree_disconnect:
        if (const std::string_view share = trees_.find(tree); !share.empty()) say.point(kept_name(say, share));
        break;
      case create:
        if (response) {
          r.skip(62);
          const uint64_t file = file_id(r);
          const std::string_view name = asked_.find(id);
          if (!name.empty()) {
            say.point(kept_name(say, name));
            if (r.ok()) files_.put(file, name), last_file = file;
          }
          asked_.drop(id);
        } else {
          r.skip(34);
          m.qualifier = r.le32();
          const uint32_t options = r.le32();
          const uint16_t offset = r.le16(), n = r.le16();
          const std::string_view share = trees_.find(tree), name = joined(share, utf8_of(part(whole, offset, n), room), path);
          if (!r.ok()) break;
          say.point(kept_name(say, name));
          asked_.put(id, name);
          m.sub_function = is_pipe_share(share) ? pipe_opened : options & 0x1000 ? delete_on_close : uint16_t(0);
        }
        break;
      case close_file:
        if (response) {
          about(id, m, say, true);
        } else {
          r.skip(6);
          const uint64_t file = named_file(file_id(r));
          files_.drop(file);
        }
        break;
      case read:
        if (response) {
          r.skip(2);
          const uint32_t n = r.le32();
          about(id, m, say, true);
          tell_octets(say, "data", n);
        } else {
          r.skip(2);
          const uint32_t n = r.le32();
          const uint64_t offset = r.le64();
          named_file(file_id(r));
          if (r.ok()) tell_octets(say, "data", n), tell_number(say, "offset", offset);
        }
        break;
      case write:
        if (response) {
          about(id, m, say, true);
        } else {
          const uint16_t at = r.le16();
          const uint32_t n = r.le32();
          const uint64_t offset = r.le64();
          named_file(file_id(r));
          if (!r.ok()) break;
          tell_octets(say, "data", n), tell_number(say, "offset", offset);
          const Bytes data = part(whole, at, std::min<size_t>(n, 2));
          if (offset == 0 && data.size() == 2 && data[0] == 'M' && data[1] == 'Z') m.sub_function = executable;
        }
        break;
      case ioctl:
        if (!response) {
          r.le16();
          const uint32_t code = r.le32();
          named_file(file_id(r));
          if (r.ok()) say.point(say.named("control code")).set_bits(code, 32);
        } else {
          about(id, m, say, true);
        }
        break;
      case query_directory: case query_info:
        if (response) {
          about(id, m, say, true);
        } else {
          r.skip(command == query_directory ? 6 : 22);
          named_file(file_id(r));
        }
        break;
      case set_info:
        if (response) {
          about(id, m, say, true);
        } else {
          const uint8_t type = r.u8(), what = r.u8();
          const uint32_t n = r.le32();
          const uint16_t offset = r.le16();
          r.skip(6);
          named_file(file_id(r));
          if (!r.ok() || type != 1) break;
          const Bytes value = part(whole, offset, n);
          if (what == deletes) m.sub_function = !value.empty() && value[0] ? deletes : uint16_t(0);
          if (what != renames || value.size() < 20) break;
          m.sub_function = renames;
          bool cut = false;
          Reader v{value, cut};
          v.skip(16);
          tell(say, "to", utf8_of(v.bytes(std::min<size_t>(v.le32(), v.left())), room));
        }
        break;
      case oplock_break: case change_notify: case lock: case flush: case logoff: case echo: case cancel: break;
      default: break;
    }
  }

  static void dialect(uint16_t d, Speaker& say) {
    const std::string_view name = d == 0x0202 ? "SMB 2.0.2" : d == 0x0210 ? "SMB 2.1" : d == 0x0300 ? "SMB 3.0" : d == 0x0302 ? "SMB 3.0.2" : d == 0x0311 ? "SMB 3.1.1" : d == 0x02ff ? "SMB 2" : "unknown";
    tell(say, "dialect", name);
  }

  static void credentials(Bytes blob, Speaker& say) {
    if (tell_ntlm(ntlm_in(blob), say)) return;
    const std::string_view s = text_of(blob);   // 1.2.840.113554.1.2.2, and what Microsoft made of it
    if (s.find(std::string_view("\x2a\x86\x48\x86\xf7\x12\x01\x02\x02", 9)) != std::string_view::npos || s.find(std::string_view("\x2a\x86\x48\x82\xf7\x12\x01\x02\x02", 9)) != std::string_view::npos)
      tell(say, "authentication", "Kerberos");
  }

  // --- SMB 1 (MS-CIFS 2.2) ---

  void smb1(Bytes message, Side side, Speaker& say) {
    Message& m = say.head();
    m.frame = 1;
    Reader r{message, m.malformed};
    r.skip(4);
    const uint8_t command = r.u8();
    const uint32_t status = r.le32();
    const uint8_t flags = r.u8();
    const uint16_t flags2 = r.le16();
    r.skip(12);
    const uint16_t tree = r.le16();
    r.le16(), r.le16();
    m.tag = r.le16();
    const bool response = flags & 0x80, unicode = flags2 & 0x8000;
    m.role = response ? Role::response : Role::request;
    m.function = uint16_t(one | command);
    if (response && (flags2 & 0x4000)) status_of(m, status);
    else if (response && status) m.refused = true, m.reason = uint16_t(dos | (status >> 16 & 0x7fff));   // class, 0, code
    Reader words = r.sub(size_t{2} * r.u8());
    const size_t count = r.le16();
    const Bytes octets = r.bytes(std::min(count, r.left()));
    if (count > octets.size() && !m.retained) r.require(false);
    const size_t data_at = message.size() - r.left() - octets.size();
    if (!m.malformed) body1(command, response, unicode, tree, words, octets, data_at, message, m, say);
    m.act = act_of(m.function, m.sub_function);
    static_cast<void>(side);
    say.end();
  }

  // A text in an SMB 1 message: Unicode is aligned to two octets from the message's beginning.
  static std::string_view text1(Bytes& octets, bool unicode, size_t& at, std::array<char, 400>& room) {
    if (!unicode) {
      const std::string_view s = text_of(octets);
      const size_t n = std::min(s.find('\0'), s.size());
      octets = octets.subspan(std::min(n + 1, s.size()));
      at += n + 1;
      const size_t kept = std::min(n, room.size());
      if (kept) std::memcpy(room.data(), s.data(), kept);
      return {room.data(), kept};
    }
    if (at % 2 && !octets.empty()) octets = octets.subspan(1), at++;
    size_t n = 0;
    while (n + 1 < octets.size() && (octets[n] | octets[n + 1])) n += 2;
    const std::string_view s = utf8_of(octets.first(n), room);
    octets = octets.subspan(std::min(n + 2, octets.size()));
    at += n + 2;
    return s;
  }

  void body1(uint8_t command, bool response, bool unicode, uint16_t tree, Reader& w, Bytes octets, size_t at, Bytes message, Message& m, Speaker& say) {
    std::array<char, 400> room;
    Text path;
    const uint64_t id = m.tag;
    const auto path_named = [&](std::string_view name) {
      const std::string_view full = joined(trees_.find(tree), name, path);
      say.point(kept_name(say, full));
      asked_.put(id, full);
    };
    const auto file_named = [&](uint16_t file) {
      const std::string_view name = files_.find(file);
      if (!name.empty()) say.point(kept_name(say, name)), asked_.put(id, name);
    };
    if (response && !w) return about(id, m, say, true);
    if (response && command != 0x72 && command != 0x73 && command != 0x75 && command != 0xa2 && command != 0x2d) return about(id, m, say, true);
    switch (command) {
      case 0x72:
        if (response) {
          if (w) say.point(say.named("dialect")).set_natural(w.le16());
        } else {
          std::string_view last;
          while (octets.size() > 1 && octets[0] == 2) {   // 2 text 0, and again
            const std::string_view s = text_of(octets.subspan(1));
            const size_t n = std::min(s.find('\0'), s.size());
            last = s.substr(0, n);
            octets = octets.subspan(std::min(n + 2, octets.size()));
          }
          tell(say, "dialect", last);
        }
        break;
      case 0x73:
        if (!response && w.left() == 26) {                // before extended security: account and domain in the clear behind the hashes
          w.skip(14);
          const size_t hashes = size_t{w.le16()} + w.le16();
          if (hashes > octets.size()) break;
          octets = octets.subspan(hashes), at += hashes;
          tell(say, "authentication", "NTLM");
          tell(say, "user", text1(octets, unicode, at, room));
          tell(say, "domain", text1(octets, unicode, at, room));
        } else {
          credentials(octets, say);
        }
        break;
      case 0x75:
        if (response) {
          const std::string_view share = asked_.find(id);
          if (!share.empty()) say.point(kept_name(say, share)), trees_.put(tree, share);
          asked_.drop(id);
        } else {
          w.skip(6);
          const size_t password = w.le16();
          if (password > octets.size()) break;
          octets = octets.subspan(password), at += password;
          const std::string_view share = text1(octets, unicode, at, room);
          say.point(kept_name(say, share));
          asked_.put(id, share);
        }
        break;
      case 0xa2:
        if (response) {
          w.skip(5);
          const uint16_t file = w.le16();
          const std::string_view name = asked_.find(id);
          if (!name.empty()) {
            say.point(kept_name(say, name));
            if (w.ok()) files_.put(file, name);
          }
          asked_.drop(id);
        } else {
          w.skip(35);
          m.qualifier = w.le32();
          const uint32_t options = w.le32();
          if (!w.ok()) break;
          path_named(text1(octets, unicode, at, room));
          m.sub_function = is_pipe_share(trees_.find(tree)) ? pipe_opened : options & 0x1000 ? delete_on_close : uint16_t(0);
        }
        break;
      case 0x2d:
        if (response) {
          w.skip(4);
          const uint16_t file = w.le16();
          const std::string_view name = asked_.find(id);
          if (!name.empty()) {
            say.point(kept_name(say, name));
            if (w.ok()) files_.put(file, name);
          }
          asked_.drop(id);
        } else {
          path_named(text1(octets, unicode, at, room));
        }
        break;
      case 0x06: case 0x07: case 0x00: case 0x01: case 0x10: case 0x08: case 0x09: case 0x02: case 0x03: {
        if (octets.empty() || octets[0] != 4) break;      // buffer format: a text
        octets = octets.subspan(1), at++;
        path_named(text1(octets, unicode, at, room));
        if (command != 0x07 || octets.empty() || octets[0] != 4) break;
        octets = octets.subspan(1), at++;
        tell(say, "to", text1(octets, unicode, at, room));
        break;
      }
      case 0x04: file_named(w.le16()); break;
      case 0x2e: {
        w.skip(4);
        file_named(w.le16());
        break;
      }
      case 0x2f: {
        w.skip(4);
        file_named(w.le16());
        const uint32_t offset = w.le32();
        w.skip(8);
        const uint16_t high = w.le16(), low = w.le16(), data = w.le16();
        if (!w.ok()) break;
        tell_octets(say, "data", size_t{high} << 16 | low), tell_number(say, "offset", offset);
        const Bytes head = part(message, data, 2);
        if (offset == 0 && head.size() == 2 && head[0] == 'M' && head[1] == 'Z') m.sub_function = executable;
        break;
      }
      case 0x25: {
        const std::string_view name = text1(octets, unicode, at, room);
        if (!name.empty() && printable(name)) say.point(kept_name(say, name));
        break;
      }
      default: break;
    }
  }

  Half half_[2];
  Names<16, 96> trees_;
  Names<48, 200> files_;
  Names<32, 200> asked_;
};

Recognised recognises(Bytes up, Bytes down, Carrier carrier) {
  if (carrier != Carrier::tcp) return {};
  enum class Seen : uint8_t { nothing, no, maybe, asks, answers, some };
  const auto look = [](Bytes b) {
    if (b.empty()) return Seen::nothing;
    if (is_session(b)) {
      if (b[4] == 0xff) return b.size() < 14 ? Seen::some : b[13] & 0x80 ? Seen::answers : Seen::asks;
      if (b[4] == 0xfe && b.size() >= 24) return b[8] != 64 || b[9] != 0 ? Seen::no : b[20] & 1 ? Seen::answers : Seen::asks;
      return Seen::some;
    }
    if (is_other(b)) return b[0] == 0x81 || b[0] == 0x82 ? Seen::maybe : Seen::no;
    return b.size() < 8 && b[0] == 0 ? Seen::maybe : Seen::no;
  };
  const Seen a = look(up), b = look(down);
  if (a == Seen::no || b == Seen::no) return {};
  if (a == Seen::asks || b == Seen::answers) return {Recognised::yes, Recognised::up};
  if (b == Seen::asks || a == Seen::answers) return {Recognised::yes, Recognised::down};
  if (a == Seen::some || b == Seen::some) return {Recognised::yes, Recognised::unknown};
  return {a == Seen::maybe || b == Seen::maybe ? Recognised::maybe : Recognised::no, Recognised::unknown};
}

Parser* open(Pool& pool) { return pool.make<Smb>(); }
constexpr Port ports[] = {{Carrier::tcp, 445}, {Carrier::tcp, 139}};

}  // namespace

extern const Protocol protocol;
const Protocol protocol = {"smb", "SMB", ports, recognises, open, functions, frames, reason,
                           "MS-SMB2 2.2, MS-CIFS 2.2, MS-SMB, MS-NLMP 2.2.1, RFC 1002 4.3",
                           "what is read, written and listed (but for the first octets of a file); RPC inside pipes; transactions of SMB 1; encrypted and compressed messages; SMB over QUIC"};

}  // namespace vidra::smb
