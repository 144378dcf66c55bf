// SPDX-License-Identifier: Apache-2.0
// TriStation of Triconex safety controllers (UDP 1502). Schneider Electric never published it: the layout and the commands' names
// are known from what attacked it (TRITON, 2017) and its analyses. A record is one datagram: a frame of the communication module
// (TCM) with a CRC, and in it a TriStation command. What programs contain is counted and compared, not understood.
#include "dissectors/crc.h"
#include "dissectors/protocol.h"
#include "dissectors/waiting.h"

namespace vidra::tristation {
namespace {

// TriStation's commands (0 to 99), answers (100 to 199) and rejections (200 to 255); 256 and up: the TCM's own frames.
constexpr Function functions[] = {
    {0, 0xffff, "start download all", Act::program}, {1, 0xffff, "start download change", Act::program}, {2, 0xffff, "update configuration", Act::configure},
    {3, 0xffff, "upload configuration", Act::program}, {4, 0xffff, "set I/O addresses", Act::configure}, {5, 0xffff, "allocate network", Act::configure},
    {6, 0xffff, "load vector table", Act::program}, {7, 0xffff, "set calendar", Act::time}, {8, 0xffff, "get calendar", Act::read},
    {9, 0xffff, "set scan time", Act::configure}, {10, 0xffff, "end download all", Act::program}, {11, 0xffff, "end download change", Act::program},
    {12, 0xffff, "cancel download change", Act::program}, {13, 0xffff, "attach", Act::session}, {14, 0xffff, "set I/O address limits", Act::configure},
    {15, 0xffff, "configure module", Act::configure}, {16, 0xffff, "set multiple point values", Act::write}, {17, 0xffff, "enable all points", Act::configure},
    {18, 0xffff, "upload vector table", Act::program}, {19, 0xffff, "get control program status", Act::diagnose}, {20, 0xffff, "run program", Act::run},
    {21, 0xffff, "halt program", Act::run}, {22, 0xffff, "pause program", Act::run}, {23, 0xffff, "do single scan", Act::run},
    {24, 0xffff, "get chassis status", Act::diagnose}, {25, 0xffff, "get minimum scan time", Act::read}, {26, 0xffff, "set node number", Act::configure},
    {27, 0xffff, "set I/O point values", Act::write}, {28, 0xffff, "get I/O point values", Act::read}, {29, 0xffff, "get main processor status", Act::diagnose},
    {30, 0xffff, "set retentive values", Act::write}, {31, 0xffff, "adjust clock calendar", Act::time}, {32, 0xffff, "clear module alarms", Act::configure},
    {33, 0xffff, "get event log", Act::read}, {34, 0xffff, "set SOE block", Act::configure}, {35, 0xffff, "record event log", Act::configure},
    {36, 0xffff, "get SOE data", Act::read}, {37, 0xffff, "enable output voter diagnostics", Act::configure}, {38, 0xffff, "disable output voter diagnostics", Act::configure},
    {39, 0xffff, "enable all output voter diagnostics", Act::configure}, {40, 0xffff, "disable all output voter diagnostics", Act::configure},
    {41, 0xffff, "process Modbus", Act::other}, {42, 0xffff, "upload network", Act::program}, {43, 0xffff, "set label", Act::configure},
    {44, 0xffff, "configure system variables", Act::configure}, {45, 0xffff, "deconfigure module", Act::configure}, {46, 0xffff, "get system variables", Act::read},
    {47, 0xffff, "get module types", Act::identify}, {48, 0xffff, "begin conversion table download", Act::program}, {49, 0xffff, "continue conversion table download", Act::program},
    {50, 0xffff, "end conversion table download", Act::program}, {51, 0xffff, "get conversion table", Act::read}, {52, 0xffff, "set ICM status", Act::configure},
    {53, 0xffff, "SOE data available", Act::report}, {54, 0xffff, "get module versions", Act::identify}, {55, 0xffff, "allocate program", Act::program},
    {56, 0xffff, "allocate function", Act::program}, {57, 0xffff, "clear retentives", Act::write}, {58, 0xffff, "set initial values", Act::write},
    {59, 0xffff, "start TS2 program download", Act::program}, {60, 0xffff, "set TS2 data area", Act::configure}, {61, 0xffff, "get TS2 data", Act::read},
    {62, 0xffff, "set TS2 data", Act::write}, {63, 0xffff, "set program information", Act::program}, {64, 0xffff, "get program information", Act::read},
    {65, 0xffff, "upload program", Act::program}, {66, 0xffff, "upload function", Act::program}, {67, 0xffff, "get point groups", Act::browse},
    {68, 0xffff, "allocate symbol table", Act::program}, {69, 0xffff, "get I/O address", Act::read}, {70, 0xffff, "resend I/O address", Act::read},
    {71, 0xffff, "get program timing", Act::diagnose}, {72, 0xffff, "allocate multiple functions", Act::program}, {73, 0xffff, "get node number", Act::read},
    {74, 0xffff, "get symbol table", Act::browse}, {80, 0xffff, "go to download mode", Act::run},
    {100, 0xffff, "command rejected", Act::other}, {101, 0xffff, "download all permitted", Act::program}, {102, 0xffff, "download change permitted", Act::program},
    {103, 0xffff, "modification accepted", Act::program}, {104, 0xffff, "download cancelled", Act::program}, {105, 0xffff, "program accepted", Act::program},
    {106, 0xffff, "attached", Act::session}, {107, 0xffff, "I/O addresses set", Act::configure}, {108, 0xffff, "control program status", Act::diagnose},
    {109, 0xffff, "program is running", Act::run}, {110, 0xffff, "program is halted", Act::run}, {111, 0xffff, "program is paused", Act::run},
    {112, 0xffff, "end of single scan", Act::run}, {113, 0xffff, "chassis configuration", Act::diagnose}, {114, 0xffff, "scan period modified", Act::configure},
    {117, 0xffff, "module configured", Act::configure}, {119, 0xffff, "chassis status", Act::diagnose}, {120, 0xffff, "vectors", Act::program},
    {121, 0xffff, "I/O point values", Act::read}, {122, 0xffff, "calendar changed", Act::time}, {123, 0xffff, "configuration updated", Act::configure},
    {124, 0xffff, "minimum scan time", Act::read}, {126, 0xffff, "node number set", Act::configure}, {127, 0xffff, "main processor status", Act::diagnose},
    {128, 0xffff, "retentive values set", Act::write}, {129, 0xffff, "SOE block set", Act::configure}, {130, 0xffff, "module alarms cleared", Act::configure},
    {131, 0xffff, "event log", Act::read}, {132, 0xffff, "symbol table accepted", Act::program}, {133, 0xffff, "output voter diagnostics enabled", Act::configure},
    {134, 0xffff, "output voter diagnostics disabled", Act::configure}, {135, 0xffff, "event log recorded", Act::configure}, {136, 0xffff, "network uploaded", Act::program},
    {137, 0xffff, "SOE data", Act::read}, {138, 0xffff, "network allocation accepted", Act::configure}, {139, 0xffff, "vector table accepted", Act::program},
    {140, 0xffff, "calendar", Act::read}, {141, 0xffff, "label set", Act::configure}, {142, 0xffff, "module types", Act::identify},
    {143, 0xffff, "system variables configured", Act::configure}, {144, 0xffff, "module deconfigured", Act::configure}, {147, 0xffff, "conversion table", Act::read},
    {148, 0xffff, "ICM print data sent", Act::other}, {149, 0xffff, "ICM status set", Act::configure}, {150, 0xffff, "system variables", Act::read},
    {151, 0xffff, "module versions", Act::identify}, {152, 0xffff, "Modbus processed", Act::other}, {153, 0xffff, "program allocated", Act::program},
    {154, 0xffff, "function allocated", Act::program}, {155, 0xffff, "retentives cleared", Act::write}, {156, 0xffff, "initial values set", Act::write},
    {157, 0xffff, "TS2 data area set", Act::configure}, {158, 0xffff, "TS2 data", Act::read}, {159, 0xffff, "TS2 data set", Act::write},
    {160, 0xffff, "program information set", Act::program}, {161, 0xffff, "program information", Act::read}, {162, 0xffff, "program uploaded", Act::program},
    {163, 0xffff, "function uploaded", Act::program}, {164, 0xffff, "point groups", Act::browse}, {165, 0xffff, "symbol table allocated", Act::program},
    {166, 0xffff, "program timing", Act::diagnose}, {167, 0xffff, "disabled points full", Act::other}, {168, 0xffff, "multiple functions allocated", Act::program},
    {169, 0xffff, "node number", Act::read}, {170, 0xffff, "symbol table", Act::browse}, {200, 0xffff, "rejected", Act::other},
    {257, 0xffff, "connect request", Act::session}, {258, 0xffff, "connect reply", Act::session}, {259, 0xffff, "disconnect reply", Act::session},
    {260, 0xffff, "disconnect request", Act::session}, {261, 0xffff, "command", Act::other}, {262, 0xffff, "ping", Act::session},
    {263, 0xffff, "connection limit reached", Act::session}, {264, 0xffff, "not connected", Act::session}, {265, 0xffff, "main processors are dead", Act::diagnose},
    {266, 0xffff, "access denied", Act::session}, {267, 0xffff, "connection failed", Act::session},
};

Act act_of(uint16_t number) {
  const auto* f = std::lower_bound(std::begin(functions), std::end(functions), number, [](const Function& row, uint16_t n) { return row.number < n; });
  return f != std::end(functions) && f->number == number ? f->act : Act::other;
}

std::string_view reason(uint16_t code) {   // 100 and 200 to 255: rejections; 263 and up: the TCM's
  constexpr std::string_view names[] = {
      "wrong command", "load is in progress", "bad clock calendar data", "control program not halted", "control program checksum error", "no memory available",
      "control program not valid", "not loading a control program", "network out of range", "not enough arguments", "a network is missing", "download time mismatch",
      "key setting prohibits this operation", "bad control program version", "command not in correct sequence", "", "bad module index", "module address invalid", "", "",
      "bad I/O point offset", "invalid point type", "invalid point location", "program name invalid", "", "", "", "invalid module type", "", "invalid table type", "",
      "invalid network continuation", "invalid scan time", "load is busy", "a main processor re-educated", "invalid chassis or slot", "invalid SOE number", "invalid SOE type",
      "invalid SOE state", "variable is write-protected", "node number mismatch", "command not allowed", "invalid sequence number", "time change on a non-master",
      "no free TriStation ports", "invalid TriStation I command", "invalid TriStation 1131 command", "only one chassis allowed", "bad variable address", "response overflow",
      "invalid bus", "disable not allowed", "invalid length", "point cannot be disabled", "too many retentive variables", "loader connect"};
  if (code >= 200 && code - 200u < std::size(names)) return names[code - 200];
  switch (code) {
    case 100: return "rejected";
    case 263: return "connection limit reached";
    case 264: return "not connected";
    case 265: return "main processors are dead";
    case 266: return "access denied";
    case 267: return "connection failed";
    default: return {};
  }
}

constexpr size_t tcm_header = 4, crc_octets = 2, ts_header = 10;

uint16_t crc(Bytes b) {   // as in Modbus RTU, but starting from 0; low octet first
  uint16_t c = 0;
  for (uint8_t o : b) c = uint16_t(c >> 8 ^ crc_detail::modbus_table[(c ^ o) & 0xff]);
  return c;
}
bool crc_holds(Bytes b) {
  const size_t n = b.size() - crc_octets;
  return b.size() > crc_octets && crc(b.first(n)) == (b[n] | b[n + 1] << 8);
}

void number(Speaker& say, std::string_view name, uint64_t v) { say.point(say.named(name)).set_natural(v); }
void octets(Reader& r, Speaker& say) {
  if (r) say.point(Object{}).set_octets(r.rest().size());
}

class Parser final : public vidra::Parser {
 public:
  Cut next(Side, Bytes b, bool, bool) override { return {Cut::take, b.size()}; }   // datagrams only

  void parse(Bytes record, Side, Speaker& say) override {
    Message& m = say.begin();
    Reader r{record, m.malformed};
    const uint8_t kind = r.u8();
    m.station = r.u8();                                  // channel
    const uint16_t length = r.le16();
    r.require(length + tcm_header + crc_octets == record.size() && kind >= 1 && kind <= 11);
    const bool broken = !crc_holds(record);
    Reader body = r.sub(std::min<size_t>(length, r.left()));
    Identity who;
    if (kind == 5 && length) {
      command(body, m, say, who);
    } else {
      m.function = uint16_t(kind >= 1 && kind <= 11 ? 256 + kind : 261);
      m.act = act_of(m.function);
      m.role = kind == 1 || kind == 4 || kind == 6 ? Role::request : Role::response;
      if (kind >= 7) m.refused = true, m.reason = m.function;
      octets(body, say);
    }
    m.malformed |= broken;
    say.end();
    if (who.name) say.identity(who);
  }

  void gap(Side, uint64_t) override { waiting_.clear(); }

 private:
  void command(Reader& r, Message& m, Speaker& say, Identity& who) {
    const bool from_controller = r.u8() & 1;
    r.u8();
    const uint8_t code = r.u8();
    m.tag = r.u8();
    r.skip(4);                                           // unknown; a sum
    const uint16_t length = r.le16();
    r.require(length == r.left() + ts_header);
    m.function = code >= 200 ? 200 : code;
    m.act = act_of(m.function);
    m.role = from_controller ? Role::response : Role::request;
    if (from_controller) {
      uint8_t asked = 0;
      m.unpaired = !waiting_.answer(m.tag, say.time, asked);
      if (code == 100 || code >= 200) {
        m.refused = true;
        m.reason = code;
        if (!m.unpaired) m.sub_function = asked, m.act = act_of(asked);
      }
    } else {
      if (m.act == Act::program || m.act == Act::write) m.digest = text_key(text_of(r.peek()));
      if (r.ok()) waiting_.ask(m.tag, say.time, code);
    }
    body(r, code, m, say, who);
  }

  static void body(Reader& r, uint8_t code, const Message& m, Speaker& say, Identity& who) {
    switch (code) {
      case 55: case 56: case 65: case 66: {              // a chunk of a program or function
        if (r.left() < 10) return octets(r, say);
        number(say, code == 55 || code == 65 ? "program" : "function", r.le16());
        number(say, "next", r.le16());
        number(say, "full chunks", r.le16());
        number(say, "offset", r.le16());
        number(say, "words", r.le16());
        return octets(r, say);
      }
      case 59: {
        if (r.left() < 26) return octets(r, say);
        r.skip(10);
        const Bytes project = text(r.bytes(10));
        say.point(say.named("project")).set_text(say.text(text_of(project)));
        number(say, "functions", r.le16());
        number(say, "programs", r.le16());
        return octets(r, say);
      }
      case 108: {
        if (r.left() < 76) return octets(r, say);
        r.skip(2);
        number(say, "load in progress", r.u8());
        r.u8();
        number(say, "load state", r.u8());
        r.u8();
        say.point(say.named("control program valid")).set(r.u8() == 1);
        constexpr std::string_view keys[] = {"stop", "program", "run", "remote"}, states[] = {"running", "halted", "paused"};
        const uint8_t key = r.u8(), state = r.u8();
        say.point(say.named("key")).set_text(say.text(key < std::size(keys) ? keys[key] : "unknown"));
        say.point(say.named("state")).set_text(say.text(state < std::size(states) ? states[state] : "unknown"));
        r.skip(47);
        const uint16_t minor = r.le16(), major = r.le16();
        const uint32_t built = r.le32();
        r.skip(2);
        const Bytes project = text(r.bytes(10));
        char version[16];
        const int n = std::snprintf(version, sizeof version, "%u.%u", major, minor);
        say.point(say.named("project version")).set_text(say.text({version, size_t(n)}));
        say.point(say.named("project built")).set_time(Time{built} * second);
        who.station = m.station;
        who.vendor = say.text("Triconex");
        who.product = say.text("Tricon");
        who.name = say.text(text_of(project));
        say.point(say.named("project")).set_text(who.name);
        return octets(r, say);
      }
      default: return octets(r, say);
    }
  }

  static Bytes text(Bytes b) { return b.first(size_t(std::find(b.begin(), b.end(), 0) - b.begin())); }

  Waiting<uint8_t> waiting_;
};

// --- recognition: the length and the CRC of the whole datagram ---

Recognised recognises(Bytes up, Bytes down, Carrier) {
  Recognised found;
  for (bool first : {true, false}) {
    const Bytes b = first ? up : down;
    if (b.empty()) continue;
    if (b.size() < tcm_header + crc_octets || b[0] < 1 || b[0] > 11) return {};
    const size_t length = size_t{b[2]} | size_t{b[3]} << 8;
    if (length + tcm_header + crc_octets != b.size() || !crc_holds(b)) return {};
    if (b[0] == 5 && length && (length < ts_header || b[4] > 1 || (b[12] | b[13] << 8) != int(length))) return {};
    found.sure = Recognised::yes;
    const bool serves = b[0] == 5 && length ? b[4] == 1 : b[0] != 1 && b[0] != 4 && b[0] != 6;
    found.client = serves == first ? Recognised::down : Recognised::up;
  }
  return found;
}

vidra::Parser* open(Pool& pool) { return pool.make<Parser>(); }

constexpr Port ports[] = {{Carrier::udp, 1502}};

}  // namespace

extern const Protocol protocol;
const Protocol protocol = {"tristation", "TriStation", ports, recognises, open, functions, {}, reason,
                           "not published; FireEye, \"A Totally Tubular Treatise on TRITON and TriStation\" (2018), and Nozomi Networks' analysis (2018)",
                           "contents of programs and functions, point values, SOE, logs, chassis and module tables (counted); TriStation's own sum is not checked; commands 75 to 79, 81, 83 have no known name"};

}  // namespace vidra::tristation
