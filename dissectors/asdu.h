// SPDX-License-Identifier: Apache-2.0
// The application service data units of IEC 60870-5-101:2003, with the types that 104 (8) and IEC 60870-5-7 (6) add. What carries them
// (101 in FT1.2 frames, 104 in APDUs) gives the sizes of their fields. The secured types and the private range are named and kept opaque.
#pragma once
#include <algorithm>
#include <array>

#include "dissectors/protocol.h"

namespace vidra::iec60870 {

// What lies behind an information object's address (101, 7.2.6), without its time tag.
enum class Body : uint8_t {
  opaque, nothing,
  siq, diq, vti_qds, bsi_qds, nva_qds, sva_qds, r32_qds, bcr, sep, spe, oci, scd_qds, nva,   // monitored
  sco, dco, rco, nva_qos, sva_qos, r32_qos, bsi,                                              // commanded
  coi, qoi, qcc, clock, fbp, qrp, delay, counter, nva_qpm, sva_qpm, r32_qpm, qpa,             // of the system, parameters
  file_ready, section_ready, call, last, acknowledge, segment, directory, archive,            // files
};
inline constexpr uint8_t octets_of[] = {0, 0, 1, 1, 2, 5, 3, 3, 5, 5, 3, 4, 4, 5, 2, 1, 1, 1, 3, 3, 5, 4, 1, 1, 1, 7, 2, 1, 2, 2, 3, 3, 5, 1, 6, 7, 4, 5, 4, 4, 13, 16};
enum class Tag : uint8_t { none, hour, full };   // CP24Time2a, CP56Time2a
inline constexpr uint8_t tag_octets[] = {0, 3, 7};
// Who says it: the controlled station, the controlling one, either in turn.
enum class From : uint8_t { controlled, controlling, either };

struct Type { std::string_view name = {}; Act act = Act::other; Body body = Body::opaque; Tag tag = Tag::none; From from = From::either; };

// 101, 7.2.1.1, 104, 8, and IEC 60870-5-7, 6.
inline constexpr auto types = [] {
  using enum Body;
  constexpr auto monitored = From::controlled, commanded = From::controlling;
  constexpr auto plain = Tag::none, hour = Tag::hour, full = Tag::full;
  std::array<Type, 256> t{};
  t[1]   = {"M_SP_NA_1 single-point information", Act::report, siq, plain, monitored};
  t[2]   = {"M_SP_TA_1 single-point information with time tag", Act::report, siq, hour, monitored};
  t[3]   = {"M_DP_NA_1 double-point information", Act::report, diq, plain, monitored};
  t[4]   = {"M_DP_TA_1 double-point information with time tag", Act::report, diq, hour, monitored};
  t[5]   = {"M_ST_NA_1 step position", Act::report, vti_qds, plain, monitored};
  t[6]   = {"M_ST_TA_1 step position with time tag", Act::report, vti_qds, hour, monitored};
  t[7]   = {"M_BO_NA_1 bitstring of 32 bits", Act::report, bsi_qds, plain, monitored};
  t[8]   = {"M_BO_TA_1 bitstring of 32 bits with time tag", Act::report, bsi_qds, hour, monitored};
  t[9]   = {"M_ME_NA_1 measured value, normalized", Act::report, nva_qds, plain, monitored};
  t[10]  = {"M_ME_TA_1 measured value, normalized, with time tag", Act::report, nva_qds, hour, monitored};
  t[11]  = {"M_ME_NB_1 measured value, scaled", Act::report, sva_qds, plain, monitored};
  t[12]  = {"M_ME_TB_1 measured value, scaled, with time tag", Act::report, sva_qds, hour, monitored};
  t[13]  = {"M_ME_NC_1 measured value, short floating point", Act::report, r32_qds, plain, monitored};
  t[14]  = {"M_ME_TC_1 measured value, short floating point, with time tag", Act::report, r32_qds, hour, monitored};
  t[15]  = {"M_IT_NA_1 integrated totals", Act::report, bcr, plain, monitored};
  t[16]  = {"M_IT_TA_1 integrated totals with time tag", Act::report, bcr, hour, monitored};
  t[17]  = {"M_EP_TA_1 event of protection equipment with time tag", Act::report, sep, hour, monitored};
  t[18]  = {"M_EP_TB_1 packed start events of protection equipment with time tag", Act::report, spe, hour, monitored};
  t[19]  = {"M_EP_TC_1 packed output circuit information of protection equipment with time tag", Act::report, oci, hour, monitored};
  t[20]  = {"M_PS_NA_1 packed single-point information with status change detection", Act::report, scd_qds, plain, monitored};
  t[21]  = {"M_ME_ND_1 measured value, normalized, without quality", Act::report, nva, plain, monitored};
  t[30]  = {"M_SP_TB_1 single-point information with time tag CP56Time2a", Act::report, siq, full, monitored};
  t[31]  = {"M_DP_TB_1 double-point information with time tag CP56Time2a", Act::report, diq, full, monitored};
  t[32]  = {"M_ST_TB_1 step position with time tag CP56Time2a", Act::report, vti_qds, full, monitored};
  t[33]  = {"M_BO_TB_1 bitstring of 32 bits with time tag CP56Time2a", Act::report, bsi_qds, full, monitored};
  t[34]  = {"M_ME_TD_1 measured value, normalized, with time tag CP56Time2a", Act::report, nva_qds, full, monitored};
  t[35]  = {"M_ME_TE_1 measured value, scaled, with time tag CP56Time2a", Act::report, sva_qds, full, monitored};
  t[36]  = {"M_ME_TF_1 measured value, short floating point, with time tag CP56Time2a", Act::report, r32_qds, full, monitored};
  t[37]  = {"M_IT_TB_1 integrated totals with time tag CP56Time2a", Act::report, bcr, full, monitored};
  t[38]  = {"M_EP_TD_1 event of protection equipment with time tag CP56Time2a", Act::report, sep, full, monitored};
  t[39]  = {"M_EP_TE_1 packed start events of protection equipment with time tag CP56Time2a", Act::report, spe, full, monitored};
  t[40]  = {"M_EP_TF_1 packed output circuit information of protection equipment with time tag CP56Time2a", Act::report, oci, full, monitored};
  t[41]  = {"S_IT_TC_1 integrated totals of security statistics with time tag CP56Time2a", Act::report, opaque, plain, monitored};
  t[45]  = {"C_SC_NA_1 single command", Act::operate, sco, plain, commanded};
  t[46]  = {"C_DC_NA_1 double command", Act::operate, dco, plain, commanded};
  t[47]  = {"C_RC_NA_1 regulating step command", Act::operate, rco, plain, commanded};
  t[48]  = {"C_SE_NA_1 set-point command, normalized", Act::operate, nva_qos, plain, commanded};
  t[49]  = {"C_SE_NB_1 set-point command, scaled", Act::operate, sva_qos, plain, commanded};
  t[50]  = {"C_SE_NC_1 set-point command, short floating point", Act::operate, r32_qos, plain, commanded};
  t[51]  = {"C_BO_NA_1 bitstring of 32 bits command", Act::operate, bsi, plain, commanded};
  t[58]  = {"C_SC_TA_1 single command with time tag CP56Time2a", Act::operate, sco, full, commanded};
  t[59]  = {"C_DC_TA_1 double command with time tag CP56Time2a", Act::operate, dco, full, commanded};
  t[60]  = {"C_RC_TA_1 regulating step command with time tag CP56Time2a", Act::operate, rco, full, commanded};
  t[61]  = {"C_SE_TA_1 set-point command, normalized, with time tag CP56Time2a", Act::operate, nva_qos, full, commanded};
  t[62]  = {"C_SE_TB_1 set-point command, scaled, with time tag CP56Time2a", Act::operate, sva_qos, full, commanded};
  t[63]  = {"C_SE_TC_1 set-point command, short floating point, with time tag CP56Time2a", Act::operate, r32_qos, full, commanded};
  t[64]  = {"C_BO_TA_1 bitstring of 32 bits command with time tag CP56Time2a", Act::operate, bsi, full, commanded};
  t[70]  = {"M_EI_NA_1 end of initialization", Act::session, coi, plain, monitored};
  t[81]  = {"S_CH_NA_1 authentication challenge", Act::session, opaque, plain, From::either};
  t[82]  = {"S_RP_NA_1 authentication reply", Act::session, opaque, plain, From::either};
  t[83]  = {"S_AR_NA_1 aggressive mode authentication request", Act::session, opaque, plain, From::either};
  t[84]  = {"S_KR_NA_1 session key status request", Act::session, opaque, plain, commanded};
  t[85]  = {"S_KS_NA_1 session key status", Act::session, opaque, plain, monitored};
  t[86]  = {"S_KC_NA_1 session key change", Act::session, opaque, plain, commanded};
  t[87]  = {"S_ER_NA_1 authentication error", Act::session, opaque, plain, From::either};
  t[90]  = {"S_US_NA_1 user status change", Act::configure, opaque, plain, commanded};
  t[91]  = {"S_UQ_NA_1 update key change request", Act::configure, opaque, plain, commanded};
  t[92]  = {"S_UR_NA_1 update key change reply", Act::configure, opaque, plain, monitored};
  t[93]  = {"S_UK_NA_1 update key change, symmetric", Act::configure, opaque, plain, commanded};
  t[94]  = {"S_UA_NA_1 update key change, asymmetric", Act::configure, opaque, plain, commanded};
  t[95]  = {"S_UC_NA_1 update key change confirmation", Act::configure, opaque, plain, From::either};
  t[100] = {"C_IC_NA_1 interrogation command", Act::read, qoi, plain, commanded};
  t[101] = {"C_CI_NA_1 counter interrogation command", Act::read, qcc, plain, commanded};
  t[102] = {"C_RD_NA_1 read command", Act::read, nothing, plain, commanded};
  t[103] = {"C_CS_NA_1 clock synchronization command", Act::time, clock, plain, commanded};
  t[104] = {"C_TS_NA_1 test command", Act::diagnose, fbp, plain, commanded};
  t[105] = {"C_RP_NA_1 reset process command", Act::run, qrp, plain, commanded};
  t[106] = {"C_CD_NA_1 delay acquisition command", Act::time, delay, plain, commanded};
  t[107] = {"C_TS_TA_1 test command with time tag CP56Time2a", Act::diagnose, counter, full, commanded};
  t[110] = {"P_ME_NA_1 parameter of measured value, normalized", Act::configure, nva_qpm, plain, commanded};
  t[111] = {"P_ME_NB_1 parameter of measured value, scaled", Act::configure, sva_qpm, plain, commanded};
  t[112] = {"P_ME_NC_1 parameter of measured value, short floating point", Act::configure, r32_qpm, plain, commanded};
  t[113] = {"P_AC_NA_1 parameter activation", Act::configure, qpa, plain, commanded};
  t[120] = {"F_FR_NA_1 file ready", Act::file, file_ready, plain, From::either};
  t[121] = {"F_SR_NA_1 section ready", Act::file, section_ready, plain, From::either};
  t[122] = {"F_SC_NA_1 call directory, select file, call file, call section", Act::file, call, plain, From::either};
  t[123] = {"F_LS_NA_1 last section, last segment", Act::file, last, plain, From::either};
  t[124] = {"F_AF_NA_1 ack file, ack section", Act::file, acknowledge, plain, From::either};
  t[125] = {"F_SG_NA_1 segment", Act::file, segment, plain, From::either};
  t[126] = {"F_DR_TA_1 directory", Act::file, directory, plain, monitored};
  t[127] = {"F_SC_NB_1 query log, request archive file", Act::file, archive, plain, commanded};
  for (size_t i = 128; i < 256; i++) t[i].name = "private type";   // 101, 7.2.1.1: special use
  return t;
}();
inline constexpr size_t names = size_t(std::count_if(types.begin(), types.end(), [](const Type& t) { return !t.name.empty(); }));

constexpr bool secured(unsigned type) { return type == 41 || (type >= 81 && type <= 95); }

// Cause of transmission (101, 7.2.3; 14-16: IEC 60870-5-7).
inline constexpr auto causes = [] {
  std::array<std::string_view, 64> c{};
  c[1] = "periodic, cyclic", c[2] = "background scan", c[3] = "spontaneous", c[4] = "initialized", c[5] = "request or requested";
  c[6] = "activation", c[7] = "activation confirmation", c[8] = "deactivation", c[9] = "deactivation confirmation", c[10] = "activation termination";
  c[11] = "return information caused by a remote command", c[12] = "return information caused by a local command", c[13] = "file transfer";
  c[14] = "authentication", c[15] = "maintenance of authentication session key", c[16] = "maintenance of user role and update key";
  c[20] = "interrogated by station interrogation";
  constexpr std::string_view groups[] = {
      "interrogated by group 1 interrogation", "interrogated by group 2 interrogation", "interrogated by group 3 interrogation", "interrogated by group 4 interrogation",
      "interrogated by group 5 interrogation", "interrogated by group 6 interrogation", "interrogated by group 7 interrogation", "interrogated by group 8 interrogation",
      "interrogated by group 9 interrogation", "interrogated by group 10 interrogation", "interrogated by group 11 interrogation", "interrogated by group 12 interrogation",
      "interrogated by group 13 interrogation", "interrogated by group 14 interrogation", "interrogated by group 15 interrogation", "interrogated by group 16 interrogation"};
  for (size_t i = 0; i < 16; i++) c[21 + i] = groups[i];
  c[37] = "requested by general counter request", c[38] = "requested by group 1 counter request", c[39] = "requested by group 2 counter request";
  c[40] = "requested by group 3 counter request", c[41] = "requested by group 4 counter request";
  c[44] = "unknown type identification", c[45] = "unknown cause of transmission", c[46] = "unknown common address", c[47] = "unknown information object address";
  for (size_t i = 48; i < 64; i++) c[i] = "private cause";
  return c;
}();
inline std::string_view reason(uint16_t cause) { return cause < causes.size() ? causes[cause] : ""; }

// 101, 7.2.6.3: the descriptor's four upper bits are the same for all; the lowest is the overflow of a measurand, bit 3 that
// of a protection event's elapsed time.
constexpr auto descriptor(uint32_t bit0, uint32_t bit3) {
  std::array<uint32_t, 256> q{};
  for (unsigned i = 0; i < 256; i++)
    q[i] = (i & 1 ? bit0 : 0) | (i & 8 ? bit3 : 0) | (i & 0x10 ? blocked : good) | (i & 0x20 ? substituted : good) | (i & 0x40 ? not_topical : good) | (i & 0x80 ? invalid : good);
  return q;
}
inline constexpr auto qds = descriptor(overflow, good), information = descriptor(good, good), qdp = descriptor(good, elapsed_time_invalid);

constexpr uint64_t mix(uint64_t h) {   // spreads a key's bits over all 64
  h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9ull;
  h = (h ^ h >> 27) * 0x94d049bb133111ebull;
  return h ^ h >> 31;
}

// 101, 7.2.6.18. The time is said as it is written, local or not. A date that no calendar has yields 0 and the invalid flag.
// Objects of one ASDU mostly share their hour, which is worked out once.
class Calendar {
 public:
  Time cp56(Reader& r, uint8_t& flags) {
    const uint32_t low = r.le32(), high = r.le24();                      // ms, minute, hour; date, month, year
    flags = uint8_t((low >> 23 & 1) | (low >> 20 & 4) | (low >> 30 & 2));   // IV, substituted, SU
    const unsigned ms = low & 0xffff, minutes = low >> 16 & 0x3f;
    if (high != date_ || (low >> 24) != hour_) look_up(high, low >> 24);
    if (!known_ || ms > 59'999 || minutes > 59) [[unlikely]] return flags |= time_invalid, 0;
    return since_ + minutes * minute + ms * millisecond;
  }

 private:
  void look_up(uint32_t high, uint32_t hours) {
    constexpr uint16_t before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};
    date_ = high, hour_ = hours;
    hours &= 0x1f;
    const unsigned date = high & 0x1f, month = high >> 8 & 0x0f, year = high >> 16 & 0x7f;
    const bool leap = year % 4 == 0;                                     // 2000 to 2099
    known_ = hours < 24 && month >= 1 && month <= 12 && year < 100 && date >= 1 &&
             date <= unsigned(before[month] - before[month - 1]) + (leap && month == 2);
    if (!known_) return;
    const unsigned days = 10'957 + year * 365 + (year + 3) / 4 + before[month - 1] + (leap && month > 2) + date - 1;   // since 1970
    since_ = (int64_t(days) * 24 + hours) * hour;
  }
  uint32_t date_ = ~0u, hour_ = ~0u;
  Time since_ = 0;
  bool known_ = false;
};

// 101, 7.2.6.19: milliseconds and minutes of an hour.
inline Time cp24(Reader& r, uint8_t& flags) {
  const unsigned ms = r.le16(), minutes = r.u8();
  flags = uint8_t((minutes & 0x80 ? time_invalid : 0) | (minutes & 0x40 ? time_substituted : 0));
  if (ms > 59'999 || (minutes & 0x3f) > 59) [[unlikely]] {
    flags |= time_invalid;
    return 0;
  }
  return int64_t(minutes & 0x3f) * minute + int64_t(ms) * millisecond;
}

// One information object behind its address. A command's octets without the select bit go into the digest.
template <Body body>
inline void element(Reader& r, Point& p, Message& m, [[maybe_unused]] Calendar& calendar) {
  using enum Body;
  const auto command = [&](uint64_t value, uint8_t qualifier, uint8_t keep) {
    p.qualifier = qualifier & keep;
    if (m.act != Act::cancel && (qualifier & 0x80)) m.act = Act::select;
    m.digest = mix(m.digest ^ (uint64_t(p.object.number() & 0xffffff) << 40 | value << 7 | (qualifier & 0x7f)));
  };
  if constexpr (body == siq) {
    const uint8_t v = r.u8();
    p.set(v & 1), p.quality = information[v];
  } else if constexpr (body == diq) {
    const uint8_t v = r.u8();
    p.set_double_point(v), p.quality = information[v];
  } else if constexpr (body == vti_qds) {                               // 7.2.6.5: 7 bits, and whether it moves
    const uint8_t v = r.u8();
    p.set_integer(int8_t(v << 1) >> 1), p.quality = qds[r.u8()] | (v & 0x80 ? transient : good);
  } else if constexpr (body == bsi_qds) {
    p.set_bits(r.le32(), 32), p.quality = qds[r.u8()];
  } else if constexpr (body == nva_qds) {
    p.set_real(int16_t(r.le16()) / 32768.0), p.quality = qds[r.u8()];
  } else if constexpr (body == sva_qds) {
    p.set_integer(int16_t(r.le16())), p.quality = qds[r.u8()];
  } else if constexpr (body == r32_qds) {
    p.set_real(double(r.le_float())), p.quality = qds[r.u8()];
  } else if constexpr (body == bcr) {                                   // 7.2.6.9: the reading's number is its qualifier
    p.set_integer(int32_t(r.le32()));
    const uint8_t v = r.u8();
    p.qualifier = v & 0x1f;
    p.quality = uint32_t((v & 0x20 ? counter_carry : good) | (v & 0x40 ? counter_adjusted : good) | (v & 0x80 ? invalid : good));
  } else if constexpr (body == sep) {                                   // 7.2.6.10; the elapsed time is a duration
    const uint8_t v = r.u8();
    p.set_double_point(v), p.quality = qdp[v], p.duration = r.le16();
  } else if constexpr (body == spe || body == oci) {                    // 7.2.6.11, 7.2.6.12: general, L1-L3, …
    p.set_bits(r.u8() & (body == spe ? 0x3f : 0x0f), body == spe ? 6 : 4), p.quality = qdp[r.u8()], p.duration = r.le16();
  } else if constexpr (body == scd_qds) {                               // 7.2.6.40; which of them changed is the qualifier
    p.set_bits(r.le16(), 16), p.qualifier = r.le16(), p.quality = qds[r.u8()];
  } else if constexpr (body == nva) {
    p.set_real(int16_t(r.le16()) / 32768.0);
  } else if constexpr (body == sco) {                                   // 7.2.6.15; QU 7.2.6.26: how long a pulse is, the station knows
    const uint8_t v = r.u8();
    p.set(v & 1), command(0, v, 0x7c), p.qualifier >>= 2;
  } else if constexpr (body == dco) {
    const uint8_t v = r.u8();
    p.set_double_point(v), command(0, v, 0x7c), p.qualifier >>= 2;
  } else if constexpr (body == rco) {
    const uint8_t v = r.u8();
    p.set_step(v & 3), command(0, v, 0x7c), p.qualifier >>= 2;
  } else if constexpr (body == nva_qos || body == sva_qos) {            // 7.2.6.39: QL and select
    const uint16_t v = r.le16();
    if constexpr (body == nva_qos) p.set_real(int16_t(v) / 32768.0);
    else p.set_integer(int16_t(v));
    command(v, r.u8(), 0x7f);
  } else if constexpr (body == r32_qos) {
    const uint32_t v = r.le32();
    p.set_real(double(std::bit_cast<float>(v))), command(v, r.u8(), 0x7f);
  } else if constexpr (body == bsi) {
    const uint32_t v = r.le32();
    p.set_bits(v, 32), command(v, 0, 0);
  } else if constexpr (body == qcc) {                                   // 7.2.6.23: a freeze or reset changes the counters
    m.qualifier = r.u8();
    m.sub_function = m.qualifier >> 6;                                  // FRZ: what is done with them
    if (m.act == Act::read && m.sub_function) m.act = Act::configure;
  } else if constexpr (body == coi || body == qoi || body == qrp || body == qpa) {
    m.qualifier = r.u8();
  } else if constexpr (body == clock) {
    uint8_t flags;
    const Time t = calendar.cp56(r, flags);
    p.set_time(t), p.time = t, p.time_kind = TimeKind::full, p.time_flags = flags;
  } else if constexpr (body == fbp || body == counter) {                // 7.2.6.14 fixed pattern; 104, 8.7: a free counter
    m.qualifier = r.le16();
  } else if constexpr (body == delay) {
    p.duration = r.le16(), p.set_natural(p.duration);
  } else if constexpr (body == nva_qpm || body == sva_qpm) {
    const int16_t v = int16_t(r.le16());
    if constexpr (body == nva_qpm) p.set_real(v / 32768.0);
    else p.set_integer(v);
    m.qualifier = p.qualifier = r.u8();
  } else if constexpr (body == r32_qpm) {
    p.set_real(double(r.le_float())), m.qualifier = p.qualifier = r.u8();
  }
}

// File transfer (101, 7.2.6.27-7.2.6.38, 7.4.11): the object is the file, by its name within the object's address. The head's
// qualifier is FRQ, SRQ, SCQ, LSQ, AFQ or SOF, the point's the section's name.
template <Body body>
inline void element_of_file(Reader& r, Point& p, Message& m, [[maybe_unused]] Speaker& say, [[maybe_unused]] Calendar& calendar) {
  using enum Body;
  const uint32_t address = p.object.number();
  p.object = Object(ObjectKind::file, r.le16(), address);
  if constexpr (body == file_ready) {
    p.set_natural(r.le24()), m.qualifier = r.u8();
    m.refused |= m.qualifier >> 7;                                      // 7.2.6.28: a negative confirm of select or request
  } else if constexpr (body == section_ready) {
    p.qualifier = r.u8(), p.set_natural(r.le24()), m.qualifier = r.u8();
    m.refused |= m.qualifier >> 7;                                      // 7.2.6.29: not ready to load
  } else if constexpr (body == call) {
    p.qualifier = r.u8(), m.qualifier = r.u8();
    m.sub_function = m.qualifier & 0x0f;                                // 7.2.6.30: what is asked for; 4 deletes the file
  } else if constexpr (body == last) {
    p.qualifier = r.u8(), m.qualifier = r.u8(), p.set_natural(r.u8());  // the value is the checksum
  } else if constexpr (body == acknowledge) {
    p.qualifier = r.u8(), m.qualifier = r.u8();
    m.refused |= (m.qualifier & 0x0f) == 2 || (m.qualifier & 0x0f) == 4;  // 7.2.6.32
  } else if constexpr (body == segment) {
    p.qualifier = r.u8();
    const uint8_t length = r.u8();
    r.skip(length), p.set_octets(length), m.retained = true;
  } else if constexpr (body == directory) {
    p.set_natural(r.le24()), m.qualifier = p.qualifier = r.u8();         // 7.2.6.38: SOF; its bit 5 is the last file
    p.time = calendar.cp56(r, p.time_flags), p.time_kind = TimeKind::full;
  } else if constexpr (body == archive) {                               // from when, and in a second point: until when
    p.time = calendar.cp56(r, p.time_flags), p.time_kind = TimeKind::full;
    const Object file = p.object;
    Point& until = say.point(file);
    until.time = calendar.cp56(r, until.time_flags), until.time_kind = TimeKind::full;
  }
}

struct Asdu { unsigned count; bool sequence; Tag tag; };

// An information object's address, of so many octets.
template <unsigned octets>
inline uint32_t address_of(Reader& r) {
  if constexpr (octets == 1) return r.u8();
  else if constexpr (octets == 2) return r.le16();
  else return r.le24();
}

template <Body body, unsigned address_octets>
void objects(Reader& r, const Asdu& a, Speaker& say) {
  constexpr bool of_file = body >= Body::file_ready;
  Message& m = say.head();
  Calendar calendar;
  uint32_t address = 0;
  if (a.sequence && (a.count || r)) {
    address = address_of<address_octets>(r);
    r.require(address + a.count <= 1u << 8 * address_octets);
  }
  for (unsigned i = 0; i < a.count && r.ok(); i++, address++) {
    if (!a.sequence) address = address_of<address_octets>(r);
    Point& p = say.point(Object(ObjectKind::information_object, address));
    if constexpr (of_file) element_of_file<body>(r, p, m, say, calendar);
    else element<body>(r, p, m, calendar);
    if (a.tag == Tag::full) p.time = calendar.cp56(r, p.time_flags), p.time_kind = TimeKind::full;
    else if (a.tag == Tag::hour) p.time = cp24(r, p.time_flags), p.time_kind = TimeKind::in_hour;
    if (!r.ok()) [[unlikely]] say.drop_point();
  }
}

using Objects = void (*)(Reader&, const Asdu&, Speaker&);
template <unsigned address_octets>
inline constexpr auto readers = []<size_t... body>(std::index_sequence<body...>) {
  return std::array<Objects, sizeof...(body)>{objects<Body(body), address_octets>...};
}(std::make_index_sequence<std::size(octets_of)>{});

// Who speaks to whom follows from the cause; where a cause serves both, from the type, and last from the side.
inline Role role_of(unsigned id, const Type& type, unsigned cause, Side from) {
  switch (cause) {
    case 6: case 8: return Role::request;
    case 7: case 9: case 10: case 44: case 45: case 46: case 47: return Role::response;
    case 5: return type.from == From::controlling || id == 122 ? Role::request : Role::response;
    case 13: if (id == 122 || id == 127) return Role::request; break;
    case 14: case 15: case 16:
      if (id == 81 || id == 83) return Role::request;
      if (id == 82 || id == 87 || id == 95) return Role::response;
      if (type.from != From::either) return type.from == From::controlling ? Role::request : Role::response;
      break;
    case 1: case 2: case 3: case 4: case 11: case 12: return Role::report;
    default:
      if (cause >= 20 && cause <= 41) return Role::response;
      if (type.from == From::controlled) return Role::report;
  }
  return from == Side::client ? Role::request : Role::response;
}

// An ASDU from its type identification on, into the sentence that was begun. Sizes in octets: cause 1 or 2 (with the originator),
// common address 1 or 2, object's address 1 to 3 (101, 7.1).
template <unsigned cause_octets, unsigned common_octets, unsigned address_octets>
[[gnu::always_inline]] inline void say_asdu(Reader& r, Side from, Speaker& say) {
  Message& m = say.head();
  const uint8_t id = r.u8(), size = r.u8(), cause = r.u8(), originator = cause_octets == 2 ? r.u8() : uint8_t{0};
  const uint16_t common = common_octets == 2 ? r.le16() : r.u8();
  const Type& type = types[id];
  m.function = id;
  m.reason = cause & 0x3f;
  m.test = cause >> 7;
  m.role = role_of(id, type, m.reason, from);
  m.refused = (cause & 0x40) || (m.reason >= 44 && m.reason <= 47);
  m.origin = originator;
  m.has_origin = originator != 0;
  m.station = common;
  m.broadcast = common == (common_octets == 2 ? 0xffff : 0xff);
  m.encrypted = secured(id);
  m.act = (m.reason == 8 || m.reason == 9) && type.act != Act::report ? Act::cancel : type.act;
  if (type.body == Body::opaque) {
    r.require(id != 0);                                              // 101, 7.2.1: not used
    r.rest();
    return;
  }
  bool none = false;
  Reader ahead{r.peek(), none};
  const uint32_t address = address_of<address_octets>(ahead);          // looks ahead: it names the exchange
  // A read's answer is a monitored type, and a file's procedure has eight: each is one exchange.
  const uint32_t exchange = id >= 120 ? 120 : m.reason == 5 ? 102 : id;
  m.tag = uint32_t(mix(uint64_t(exchange) << 48 | uint64_t(common) << 24 | address));
  readers<address_octets>[size_t(type.body)](r, {size & 0x7fu, (size & 0x80) != 0, type.tag}, say);
  r.finish();
}

// Whether a type, its number of objects (with the sequence bit) and the octets of its objects agree; `head` are the first of these
// octets, as many as were heard. A type that is opaque agrees with every length.
inline bool agrees(uint8_t id, uint8_t number, size_t objects, size_t address_octets, Bytes head) {
  const Type& type = types[id];
  if (type.body == Body::opaque) return true;
  const size_t n = number & 0x7f;
  const size_t one = size_t{octets_of[size_t(type.body)]} + tag_octets[size_t(type.tag)];
  if (type.body == Body::segment) return n == 1 && objects >= address_octets + 4 && (head.size() < address_octets + 4 || objects == address_octets + 4 + head[address_octets + 3]);
  return n != 0 && objects == (number & 0x80 ? address_octets + n * one : n * (address_octets + one));
}

}  // namespace vidra::iec60870
