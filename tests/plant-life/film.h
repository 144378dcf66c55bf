// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <ctime>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/capture/file.h"
#include "dissectors/crc.h"
#include "dissectors/message.h"
#include "tests/support/packets.h"

// The recording of a substation as a film that can be cut: frames are taken out, others are put in, conversations are said anew.
namespace vidra::plant_life {

using packets::be16, packets::be32, packets::Octets, packets::operator+;

inline uint16_t get16(Bytes b, size_t at) { return uint16_t(b[at] << 8 | b[at + 1]); }
inline uint32_t get32(Bytes b, size_t at) { return uint32_t(get16(b, at)) << 16 | get16(b, at + 2); }
inline Octets joined(std::initializer_list<Octets> parts) {
  Octets all;
  for (const Octets& p : parts) all = all + p;
  return all;
}

struct Shot {
  Time t;
  Octets octets;
  uint16_t interface = 0;
};

// Where the parts of a frame are.
struct Seen {
  explicit Seen(const Octets& o) {
    if (o.size() < 14) return;
    size_t at = 12;
    while (get16(o, at) == 0x8100 && o.size() >= at + 6) at += 4;
    type = get16(o, at), body = at + 2;
    std::copy_n(o.begin(), 6, to.octets.begin()), std::copy_n(o.begin() + 6, 6, from.octets.begin());
    if (type != 0x0800 || o.size() < body + 20) return;
    const size_t l4 = body + size_t(o[body] & 15) * 4;
    protocol = o[body + 9], source = get32(o, body + 12), destination = get32(o, body + 16);
    const size_t end = std::min(o.size(), body + get16(o, body + 2));
    if ((protocol != 6 && protocol != 17) || end < l4 + 8) return;
    source_port = get16(o, l4), destination_port = get16(o, l4 + 2);
    payload = protocol == 17 ? l4 + 8 : l4 + size_t(o[l4 + 12] >> 4) * 4, length = end - payload;
    if (protocol == 6) sequence = get32(o, l4 + 4), flags = o[l4 + 13];
  }
  bool with(uint32_t ip) const { return source == ip || destination == ip; }
  bool between(uint32_t a, uint32_t b) const { return (source == a && destination == b) || (source == b && destination == a); }
  bool port(uint16_t p) const { return source_port == p || destination_port == p; }

  uint16_t type = 0, source_port = 0, destination_port = 0;
  uint8_t protocol = 0, flags = 0;
  uint32_t source = 0, destination = 0, sequence = 0;
  Mac from, to;
  size_t body = 0, payload = 0, length = 0;
};

class Film {
 public:
  static Film recorded(double until = 1e9) {
    Film f;
    const auto source = open_file(SOURCE_ROOT "/tests/captures/demo-baseline.pcapng.zst");
    std::array<Packet, 64> burst;
    for (bool ended = false; !ended;) {
      const auto polled = source->poll(burst);
      for (const Packet& p : std::span<const Packet>(burst).first(polled.packets)) {
        if (f.shots.empty()) f.begin = p.time;
        if (p.time < f.at(until)) f.shots.push_back({p.time, Octets(p.octets.begin(), p.octets.end())});
      }
      source->release();
      ended = polled.ended;
    }
    return f;
  }
  Time at(double seconds) const { return begin + Time(seconds * double(second)); }
  void add(Time t, Octets o) { shots.push_back({t, std::move(o)}); }
  void cut(Time from, Time to, const std::function<bool(const Seen&)>& which) {
    std::erase_if(shots, [&](const Shot& s) { return s.t >= from && s.t < to && which(Seen(s.octets)); });
  }
  void change(Time from, const std::function<void(Shot&, const Seen&)>& how) {
    for (Shot& s : shots)
      if (s.t >= from) how(s, Seen(s.octets));
  }
  Film& in_order() {
    std::stable_sort(shots.begin(), shots.end(), [](const Shot& a, const Shot& b) { return a.t < b.t; });
    return *this;
  }

  std::vector<Shot> shots;
  Time begin = 0;
};

struct Host {
  uint32_t ip;
  Mac mac;
};
inline Host host(std::string_view ip, std::string_view mac) { return {parse_address(ip)->ip4_number(), *parse_mac(mac)}; }

// What one side of a connection said at once.
struct Line {
  Time t;
  Side from;
  Octets octets;
};

// The payload of a recorded connection, each octet once.
inline std::vector<Line> lines_of(const Film& f, const Host& client, uint16_t port, const Host& server) {
  std::vector<Line> lines;
  uint32_t next[2] = {};
  for (const Shot& s : f.shots) {
    const Seen seen(s.octets);
    if (seen.protocol != 6 || !seen.between(client.ip, server.ip) || !seen.port(port)) continue;
    const bool of_client = seen.source == client.ip;
    uint32_t& n = next[of_client];
    if (seen.flags & 2) n = seen.sequence + 1;
    if (!seen.length || seen.sequence != n) continue;
    n += uint32_t(seen.length);
    lines.push_back({s.t, of_client ? Side::client : Side::server, Octets(s.octets.begin() + long(seen.payload), s.octets.begin() + long(seen.payload + seen.length))});
  }
  if (lines.empty()) throw std::runtime_error("the recording has no such connection");
  return lines;
}

// A TCP connection, written into a film packet by packet; to be told in order of time.
class Connection {
 public:
  Connection(Film& f, const Host& client, uint16_t port, const Host& server, uint16_t served) : film_(f), ends_{client, server}, ports_{port, served} {}

  void attempt(Time t) { put(t, 0, 2, {}); }                        // SYN, unanswered
  void open(Time t) {
    attempt(t);
    next_[0]++;
    put(t + 100 * microsecond, 1, 0x12, {});
    next_[1]++;
    put(t + 200 * microsecond, 0, 0x10, {});
  }
  void say(const Line& l) {
    const int i = l.from == Side::client ? 0 : 1;
    for (size_t at = 0; at < l.octets.size(); at += 1400) {
      const Octets part(l.octets.begin() + long(at), l.octets.begin() + long(std::min(l.octets.size(), at + 1400)));
      put(l.t, i, 0x18, part);
      next_[i] += uint32_t(part.size());
    }
    put(l.t + 40 * microsecond, 1 - i, 0x10, {});
  }
  void say(const std::vector<Line>& lines) {
    for (const Line& l : lines) say(l);
  }
  void close(Time t, Side first = Side::client) {
    const int i = first == Side::client ? 0 : 1;
    put(t, i, 0x11, {}), next_[i]++;
    put(t + 100 * microsecond, 1 - i, 0x11, {}), next_[1 - i]++;
    put(t + 200 * microsecond, i, 0x10, {});
  }

 private:
  void put(Time t, int from, uint8_t flags, const Octets& payload) {
    packets::Tcp h{ports_[from], ports_[1 - from], next_[from], flags == 2 ? 0 : next_[1 - from], flags, {}};
    packets::Ip4 ip;
    ip.id = uint16_t(++identification_);
    film_.add(t, packets::ethernet(packets::ip4(ends_[from].ip, ends_[1 - from].ip, 6, packets::tcp(h, payload), ip), 0x0800, ends_[from].mac, ends_[1 - from].mac));
  }
  Film& film_;
  Host ends_[2];
  uint16_t ports_[2];
  uint32_t next_[2] = {1000, 5000};
  uint32_t identification_ = 0;
};

inline void put_udp(Film& f, Time t, const Host& from, uint16_t port, const Host& to, uint16_t served, const Octets& payload) {
  f.add(t, packets::ethernet(packets::ip4(from.ip, to.ip, 17, packets::udp(port, served, payload)), 0x0800, from.mac, to.mac));
}
// ARP (RFC 826): who has `ip`? Of its own address, it is a host that starts.
inline void put_arp(Film& f, Time t, const Host& from, uint32_t ip) {
  Octets o;
  be16(o, 1), be16(o, 0x0800), be16(o, 0x0604), be16(o, 1);
  o = o + Octets(from.mac.octets.begin(), from.mac.octets.end());
  be32(o, from.ip), o.resize(o.size() + 6), be32(o, ip);
  f.add(t, packets::ethernet(o, 0x0806, from.mac, Mac{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}));
}

// --- IEC 60870-5-104: what is said is written without numbers, which `numbered` puts in.

inline Octets cp56(Time t, Time zone = 0, uint8_t minute_flags = 0, bool summer = false) {
  const int64_t ms = (t + zone) / millisecond, days = ms / 86'400'000;
  const std::time_t seconds = std::time_t(ms / 1000);
  std::tm d{};
  gmtime_r(&seconds, &d);
  const unsigned in_minute = unsigned(ms % 60'000), weekday = unsigned((days + 3) % 7 + 1);
  return {uint8_t(in_minute), uint8_t(in_minute >> 8), uint8_t(unsigned(d.tm_min) | minute_flags), uint8_t(unsigned(d.tm_hour) | (summer ? 0x80u : 0u)),
          uint8_t(unsigned(d.tm_mday) | weekday << 5), uint8_t(d.tm_mon + 1), uint8_t(d.tm_year - 100)};
}
inline Octets apdu(const Octets& asdu) {                            // an I frame, its numbers to be put in
  Octets o{0x68, uint8_t(asdu.size() + 4), 0, 0, 0, 0};
  return o + asdu;
}
inline Octets u_frame(uint8_t control) { return {0x68, 4, control, 0, 0, 0}; }
inline Octets asdu(uint8_t type, uint8_t cause, uint32_t object, const Octets& element, uint8_t originator = 0, uint16_t station = 11) {
  Octets o{type, 1, cause, originator, uint8_t(station), uint8_t(station >> 8), uint8_t(object), uint8_t(object >> 8), uint8_t(object >> 16)};
  return o + element;
}
inline std::vector<Line> numbered(std::vector<Line> lines) {
  std::stable_sort(lines.begin(), lines.end(), [](const Line& a, const Line& b) { return a.t < b.t; });
  unsigned sent[2] = {};
  for (Line& l : lines) {
    const int i = l.from == Side::client ? 0 : 1;
    for (size_t at = 0; at + 6 <= l.octets.size(); at += 2u + l.octets[at + 1]) {
      uint8_t* const c = &l.octets[at + 2];
      if ((c[0] & 3) == 3) continue;
      const unsigned got = sent[1 - i];
      if (!(c[0] & 1)) c[0] = uint8_t(sent[i] << 1), c[1] = uint8_t(sent[i] >> 7), sent[i] = (sent[i] + 1) & 0x7fff;
      c[2] = uint8_t(got << 1), c[3] = uint8_t(got >> 7);
    }
  }
  return lines;
}
// Each ASDU of some lines with a time of seven octets at the end of its objects.
template <class F> void each_time(std::vector<Line>& lines, F f) {
  for (Line& l : lines)
    for (size_t at = 0; at + 6 <= l.octets.size(); at += 2u + l.octets[at + 1]) {
      if (l.octets[at + 2] & 1) continue;
      uint8_t* const a = &l.octets[at + 6];
      const bool timed = (a[0] >= 30 && a[0] <= 40) || a[0] == 103;
      if (!timed || a[1] & 0x80 || !(a[1] & 127)) continue;
      const size_t each = (l.octets[at + 1] - 10u) / (a[1] & 127u);
      for (size_t i = 0; i < (a[1] & 127u); i++) f(l, a + 6 + (i + 1) * each - 7);
    }
}

// --- DNP3 (IEEE 1815): an application fragment in one transport segment, in link frames of at most 250 octets.

inline Octets dnp3(bool from_master, uint8_t segment, const Octets& fragment, uint16_t outstation = 10, uint16_t master = 1) {
  const uint16_t to = from_master ? outstation : master, from = from_master ? master : outstation;
  Octets o{0x05, 0x64, uint8_t(5 + 1 + fragment.size()), uint8_t(from_master ? 0xc4 : 0x44), uint8_t(to), uint8_t(to >> 8), uint8_t(from), uint8_t(from >> 8)};
  const auto seal = [&o](size_t n) {
    const uint16_t c = crc_dnp(Bytes(o).last(n));
    o.push_back(uint8_t(c)), o.push_back(uint8_t(c >> 8));
  };
  seal(8);
  const Octets data = Octets{uint8_t(0xc0 | (segment & 63))} + fragment;
  for (size_t at = 0; at < data.size(); at += 16) {
    const size_t n = std::min<size_t>(16, data.size() - at);
    o.insert(o.end(), data.begin() + long(at), data.begin() + long(at + n));
    seal(n);
  }
  return o;
}

// --- BER, MMS

inline Octets tlv(uint8_t tag, const Octets& body) {
  Octets o{tag};
  if (body.size() < 128) o.push_back(uint8_t(body.size()));
  else if (body.size() < 256) o.push_back(0x81), o.push_back(uint8_t(body.size()));
  else o.push_back(0x82), be16(o, unsigned(body.size()));
  return o + body;
}
inline Octets tlv(uint8_t first, uint8_t second, const Octets& body) {
  Octets o = tlv(second, body);
  o.insert(o.begin(), first);
  return o;
}
inline Octets natural(uint64_t v) {
  Octets o;
  for (int i = 8; i--;)
    if (const uint8_t b = uint8_t(v >> 8 * i); b || !o.empty() || !i) {
      if (o.empty() && b & 0x80) o.push_back(0);
      o.push_back(b);
    }
  return o;
}
inline Octets utc(Time t, uint8_t quality = 0x0a) {                 // IEC 61850-8-1, 8.1.3.6
  Octets o;
  be32(o, uint32_t(t / second));
  const uint64_t fraction = (uint64_t(t % second) << 24) / uint64_t(second);
  return o + Octets{uint8_t(fraction >> 16), uint8_t(fraction >> 8), uint8_t(fraction), quality};
}
inline Octets mms(const Octets& pdu) {                              // in presentation context 3
  const Octets ppdu = Octets{1, 0, 1, 0} + tlv(0x61, tlv(0x30, Octets{2, 1, 3} + tlv(0xa0, pdu)));
  Octets o{3, 0};
  be16(o, unsigned(7 + ppdu.size()));
  return o + Octets{2, 0xf0, 0x80} + ppdu;
}
inline Octets mms_request(uint8_t invoke, const Octets& service) { return mms(tlv(0xa0, Octets{2, 1, invoke} + service)); }
inline Octets mms_response(uint8_t invoke, const Octets& service) { return mms(tlv(0xa1, Octets{2, 1, invoke} + service)); }
inline Octets mms_write(std::string_view domain, std::string_view item, const Octets& data) {
  const Octets name = tlv(0xa1, tlv(0x1a, packets::octets(domain)) + tlv(0x1a, packets::octets(item)));
  return tlv(0xa5, tlv(0xa0, tlv(0x30, tlv(0xa0, name))) + tlv(0xa0, data));
}
inline const Octets written = {0xa5, 2, 0x81, 0};

// The times that a recorded device said, moved with the rest. IEC 61850's have tag 0x91 in MMS and 0x84 in GOOSE, eight octets.
inline void move_times(Octets& o, Time by, Time from, Time to) {
  for (size_t i = 0; i + 10 <= o.size(); i++)
    if ((o[i] == 0x91 || o[i] == 0x84) && o[i + 1] == 8)
      if (const Time t = Time(get32(o, i + 2)) * second; t >= from && t <= to) {
        const uint32_t moved = uint32_t((t + by) / second);
        for (size_t k = 0; k < 4; k++) o[i + 2 + k] = uint8_t(moved >> (24 - 8 * k));
      }
}

// --- GOOSE: a recorded frame, said with other numbers.

struct Goose {
  explicit Goose(const Octets& frame) {
    const Seen seen(frame);
    head.assign(frame.begin(), frame.begin() + long(seen.body));
    appid.assign(frame.begin() + long(seen.body), frame.begin() + long(seen.body) + 2);
    size_t at = seen.body + 8;
    const auto length = [&] {
      size_t n = frame[at++];
      if (n & 0x80) {
        size_t octets = n & 0x7f;
        for (n = 0; octets--;) n = n << 8 | frame[at++];
      }
      return n;
    };
    at++;
    const size_t whole = length(), end = at + whole;
    while (at < end) {
      const uint8_t tag = frame[at++];
      const size_t n = length();
      fields.push_back({tag, Octets(frame.begin() + long(at), frame.begin() + long(at + n))});
      at += n;
    }
  }
  Octets& field(uint8_t tag) {
    for (auto& [t, o] : fields)
      if (t == tag) return o;
    throw std::runtime_error("no such field in this GOOSE frame");
  }
  // Of the data set: the i-th member's contents, all of primitive types.
  uint8_t* member(size_t i) {
    Octets& all = field(0xab);
    size_t at = 0;
    while (i--) at += 2u + all[at + 1];
    return &all[at + 2];
  }
  Octets say(uint32_t state, uint32_t sequence, Time changed, uint8_t quality = 0x0a, bool simulated = false) {
    field(0x84) = utc(changed, quality), field(0x85) = natural(state), field(0x86) = natural(sequence);
    Octets pdu;
    for (const auto& [t, o] : fields) pdu = pdu + tlv(t, o);
    pdu = tlv(0x61, pdu);
    Octets o = head + appid;
    be16(o, unsigned(pdu.size() + 8));
    return o + Octets{uint8_t(simulated ? 0x80 : 0), 0, 0, 0} + pdu;
  }

  Octets head, appid;
  std::vector<std::pair<uint8_t, Octets>> fields;
};

// A publisher's state from now on: the curve of retransmission, then every two seconds, until `end`.
inline void publish(Film& f, Goose& g, uint32_t state, Time t, Time end, uint8_t quality = 0x0a) {
  Time pause = 4 * millisecond;
  const Time since = t;
  for (uint32_t sequence = 0; t < end; sequence++) {
    f.add(t, g.say(state, sequence, since, quality));
    t += pause;
    pause = std::min<Time>(2 * pause, 2 * second);
  }
}

}  // namespace vidra::plant_life
