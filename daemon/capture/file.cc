// SPDX-License-Identifier: Apache-2.0
// The classic pcap format (draft-ietf-opsawg-pcap) and pcapng (draft-ietf-opsawg-pcapng).
#include "daemon/capture/file.h"

#include <fmt/format.h>

#include <atomic>
#include <bit>
#include <cstring>
#include <stdexcept>
#include <vector>

#include "daemon/capture/link.h"
#include "daemon/capture/octets.h"

namespace vidra {
namespace {

__extension__ typedef unsigned __int128 Wide;   // stamps times a billion

constexpr uint32_t longest_frame = 1u << 20;   // no link that matters carries more; a longer claim is damage

// Fields in the byte order of the machine that wrote them.
struct Ordered {
  Reader r;
  bool swapped;
  uint16_t u16() { return swapped ? r.be16() : r.le16(); }
  uint32_t u32() { return swapped ? r.be32() : r.le32(); }
};

class File : public Source {
 public:
  File(std::string path, std::unique_ptr<FileOctets> in) : path_(std::move(path)), in_(std::move(in)) {}

  Polled poll(std::span<Packet> to) override {
    in_->settle();
    size_t n = stop_.load(std::memory_order_relaxed) || ended_ ? 0 : many(to);
    while (n < to.size() && !ended_ && !stop_.load(std::memory_order_relaxed)) {
      if (in_->idle(n ? 0 : 100)) break;     // what has come through a pipe is not held back for company
      const Step step = next(to[n], n == 0);
      if (step == Step::packet) {
        Packet& p = to[n++];
        p.stamp = p.time;
        if (p.time < now_) p.time = now_;
        now_ = p.time;
        Counters& c = counters_[p.interface];
        c.delivered++;
        c.octets += p.octets.size();
        if (p.link == Link::unsupported) c.unsupported++;
        frames_++;
      } else if (step == Step::later) break;
    }
    if (stop_.load(std::memory_order_relaxed)) ended_ = true;
    return {n, now_, ended_ && n == 0};
  }
  void release() override {}
  Counters counters(uint16_t interface) const override { return interface < counters_.size() ? counters_[interface] : Counters{}; }
  std::span<const Interface> interfaces() const override { return interfaces_; }
  void stop() override { stop_ = true, in_->stop(); }
  std::string flaw() const override { return flaw_; }
  double progress() const override { return in_->progress(); }

 protected:
  enum class Step { packet, nothing, later };
  virtual Step next(Packet&, bool nothing_borrowed) = 0;
  // As many packets in one go as are easily had; `next` reads on from there and says what is wrong.
  virtual size_t many(std::span<Packet>) { return 0; }

  // The next n octets, or an empty span: the input ends (said as a flaw when it ends inside), or they do not fit beside
  // what this burst borrows (`later` is set).
  Bytes want(size_t n, bool nothing_borrowed, bool inside, bool& later) {
    later = false;
    if (!in_->fits(n)) {
      if (!nothing_borrowed) return later = true, Bytes{};
      in_->settle();
      if (!in_->fits(n)) return damage(fmt::format("a piece of {} octets is longer than any this format holds", n)), Bytes{};
    }
    const Bytes ahead = in_->ahead(n);
    if (ahead.size() >= n) return ahead.first(n);
    ended_ = true;
    if (stop_.load(std::memory_order_relaxed)) return {};   // asked to, in the middle of a pipe's packet
    if (const std::string why = in_->flaw(); !why.empty()) damage(why);
    else if (inside || !ahead.empty()) damage(fmt::format("it ends in the middle: {} octets are wanted, {} are left", n, ahead.size()));
    return {};
  }
  void damage(const std::string& what) {
    ended_ = true;
    flaw_ = fmt::format("{}: octet {}, after frame {}: {}", path_, in_->offset(), frames_, what);
  }
  uint16_t add_interface(std::string name) {
    interfaces_.push_back({std::move(name), {}});
    counters_.emplace_back();
    return uint16_t(interfaces_.size() - 1);
  }

  std::string path_;
  std::unique_ptr<FileOctets> in_;
  std::vector<Interface> interfaces_;
  std::vector<Counters> counters_;
  std::string flaw_;
  std::atomic<bool> stop_{false};
  bool ended_ = false;
  Time now_ = 0;
  uint64_t frames_ = 0;
};

class Pcap final : public File {
 public:
  Pcap(std::string path, std::unique_ptr<FileOctets> in, bool swapped, bool nanoseconds) : File(std::move(path), std::move(in)), swapped_(swapped), unit_(nanoseconds ? 1 : 1000) {
    bool bad = false;
    Ordered h{Reader(in_->ahead(24).first(std::min<size_t>(24, in_->ahead(24).size())), bad), swapped};
    h.r.skip(20);
    link_ = link_of(h.u32() & 0xffff);
    if (bad) damage("it ends inside the file header");
    else in_->skip(24);
    add_interface(path_);
  }

 private:
  Step next(Packet& p, bool nothing_borrowed) override {
    bool later;
    const Bytes head = want(16, nothing_borrowed, false, later);
    if (head.empty()) return later ? Step::later : Step::nothing;
    bool bad = false;
    Ordered h{Reader(head, bad), swapped_};
    const uint32_t seconds = h.u32(), fraction = h.u32(), captured = h.u32(), wire = h.u32();
    if (captured > longest_frame) return damage(fmt::format("a record claims {} octets, at most {} can be right", captured, longest_frame)), Step::nothing;
    const Bytes whole = want(16 + captured, nothing_borrowed, true, later);
    if (whole.empty()) return later ? Step::later : Step::nothing;
    p = {Time(seconds) * second + Time(fraction) * unit_, whole.subspan(16), std::max(wire, captured), 0, link_, 0};
    in_->skip(whole.size());
    return Step::packet;
  }

  // From a mapped file, records are read where they lie.
  size_t many(std::span<Packet> to) override {
    const Bytes all = in_->lasting();
    const uint8_t* at = all.data();
    const uint8_t* const end = at + all.size();
    const bool turned = swapped_ != (std::endian::native == std::endian::big);
    const Time unit = unit_;
    const Link link = link_;
    Time now = now_;
    uint64_t octets = 0;
    size_t n = 0;
    while (n < to.size() && size_t(end - at) >= 16) {
      const auto word = [at, turned](size_t i) {       // each by itself: where the next record lies waits for one of them alone
        uint32_t w;
        std::memcpy(&w, at + i * 4, 4);
        return turned ? __builtin_bswap32(w) : w;
      };
      const uint32_t captured = word(2);
      if (captured > longest_frame || captured > size_t(end - at) - 16) break;
      const Time stamp = Time(word(0)) * second + Time(word(1)) * unit;
      now = std::max(now, stamp);
      Packet& p = to.data()[n++];
      p.time = now, p.octets = {at + 16, captured}, p.wire_length = std::max(word(3), captured), p.interface = 0, p.link = link, p.stamp = stamp, p.number = 0;
      octets += captured;
      at += 16 + captured;
    }
    now_ = now;
    in_->skip(size_t(at - all.data()));
    // While this burst is heard, the next one's octets come nearer: a file is larger than any cache.
    const size_t near = std::min<size_t>(size_t(end - at), 8192);
    for (size_t ahead = 0; ahead < near; ahead += 64) __builtin_prefetch(at + ahead, 0, 2);
    Counters& c = counters_[0];
    c.delivered += n;
    c.octets += octets;
    if (link_ == Link::unsupported) c.unsupported += n;
    frames_ += n;
    return n;
  }

  bool swapped_;
  Time unit_;
  Link link_ = Link::unsupported;
};

class Pcapng final : public File {
 public:
  Pcapng(std::string path, std::unique_ptr<FileOctets> in) : File(std::move(path), std::move(in)) {}

 private:
  struct Described { Link link; uint32_t snaplen; uint64_t per_second; bool binary; uint8_t power; int64_t offset; uint16_t index; };
  enum Block : uint32_t { section_header = 0x0A0D0D0A, interface_description = 1, obsolete_packet = 2, simple_packet = 3, interface_statistics = 5, enhanced_packet = 6 };

  Step next(Packet& p, bool nothing_borrowed) override {
    bool later, bad = false;
    const Bytes head = want(12, nothing_borrowed, false, later);
    if (head.empty()) return later ? Step::later : Step::nothing;
    Ordered h{Reader(head, bad), swapped_};
    const uint32_t type = h.u32();
    if (type == section_header) {                      // the same in both orders; its third word tells which
      Reader magic{head.subspan(8), bad};
      const uint32_t order = magic.le32();
      if (order != 0x1A2B3C4D && order != 0x4D3C2B1A) return damage("a section begins with an unknown byte-order magic"), Step::nothing;
      swapped_ = order == 0x4D3C2B1A;
      h = Ordered{Reader(head, bad), swapped_};
      h.u32();
    }
    const uint32_t length = h.u32();
    if (length < 12 || length % 4) return damage(fmt::format("a block of type {} claims {} octets", type, length)), Step::nothing;
    if (length > window_octets) return damage(fmt::format("a block of type {} claims {} octets, at most {} are read", type, length, window_octets)), Step::nothing;
    const Bytes whole = want(length, nothing_borrowed, true, later);
    if (whole.empty()) return later ? Step::later : Step::nothing;
    Ordered b{Reader(whole.subspan(8, length - 12), bad), swapped_};
    Step step = Step::nothing;
    switch (type) {
      case section_header: described_.clear(); break;
      case interface_description: describe(b); break;
      case enhanced_packet: {
        const uint32_t interface = b.u32(), high = b.u32(), low = b.u32(), captured = b.u32(), wire = b.u32();
        step = packet(p, interface, uint64_t(high) << 32 | low, true, b.r.bytes(captured), wire, bad);
        break;
      }
      case obsolete_packet: {
        const uint16_t interface = b.u16();
        b.u16();
        const uint32_t high = b.u32(), low = b.u32(), captured = b.u32(), wire = b.u32();
        step = packet(p, interface, uint64_t(high) << 32 | low, true, b.r.bytes(captured), wire, bad);
        break;
      }
      case simple_packet: {
        const uint32_t wire = b.u32();
        const size_t kept = described_.empty() || !described_[0].snaplen ? wire : std::min(wire, described_[0].snaplen);
        step = packet(p, 0, 0, false, b.r.bytes(std::min(kept, b.r.left())), wire, bad);
        break;
      }
      case interface_statistics: statistics(b); break;
      default: break;                                  // names, comments, secrets: not ours
    }
    if (bad) return damage(fmt::format("a block of type {} is shorter than its contents", type)), Step::nothing;
    in_->skip(length);
    return step;
  }

  Step packet(Packet& p, uint32_t interface, uint64_t stamp, bool stamped, Bytes octets, uint32_t wire, bool& bad) {
    if (interface >= described_.size()) {
      bad = true;
      return Step::nothing;
    }
    const Described& d = described_[interface];
    p = {stamped ? time_of(d, stamp) : now_, octets, std::max(wire, uint32_t(octets.size())), d.index, d.link, 0};
    return bad ? Step::nothing : Step::packet;
  }

  static Time time_of(const Described& d, uint64_t stamp) {
    if (!d.binary && d.per_second == 1'000'000) return Time(stamp) * 1000 + d.offset;
    if (!d.binary && d.per_second == 1'000'000'000) return Time(stamp) + d.offset;
    if (d.binary) return Time(Wide(stamp) * uint64_t(second) >> d.power) + d.offset;
    return Time(Wide(stamp) * uint64_t(second) / d.per_second) + d.offset;
  }

  template <class Each> static void options(Ordered& b, Each each) {
    while (b.r.left() >= 4) {
      const uint16_t code = b.u16(), n = b.u16();
      if (code == 0) return;
      const Bytes value = b.r.bytes(n);
      b.r.skip(std::min<size_t>(b.r.left(), (4 - n % 4) % 4));
      each(code, value);
    }
  }

  void describe(Ordered& b) {
    Described d{link_of(b.u16()), 0, 1'000'000, false, 6, 0, 0};
    b.u16();
    d.snaplen = b.u32();
    std::string name;
    options(b, [&](uint16_t code, Bytes v) {
      bool bad = false;
      Ordered o{Reader(v, bad), swapped_};
      if (code == 2) name = std::string(text_of(v));
      if (code == 9 && !v.empty()) {                   // if_tsresol: a power of ten, or of two when the top bit is set
        d.binary = v[0] & 0x80;
        d.power = std::min<uint8_t>(v[0] & 0x7f, d.binary ? 63 : 19);
        for (d.per_second = 1; !d.binary && d.power > 0; d.power--) d.per_second *= 10;
      }
      if (code == 14 && v.size() == 8) d.offset = Time(swapped_ ? o.r.be64() : o.r.le64()) * second;
    });
    d.index = add_interface(name.empty() ? fmt::format("{} #{}", path_, interfaces_.size()) : name);
    described_.push_back(d);
  }

  void statistics(Ordered& b) {
    const uint32_t interface = b.u32();
    b.r.skip(8);
    if (interface >= described_.size()) return;
    Counters& c = counters_[described_[interface].index];
    options(b, [&](uint16_t code, Bytes v) {
      bool bad = false;
      Reader r{v, bad};
      if (v.size() != 8) return;
      const uint64_t n = swapped_ ? r.be64() : r.le64();
      if (code == 5) c.dropped_by_card = n;            // isb_ifdrop
      if (code == 7) c.dropped_by_kernel = n;          // isb_osdrop
    });
  }

  bool swapped_ = false;
  std::vector<Described> described_;
};

}  // namespace

std::unique_ptr<Source> open_file(const std::string& path) {
  auto in = open_octets(path);
  const Bytes head = in->ahead(4);
  if (const std::string why = in->flaw(); !why.empty()) throw std::runtime_error(fmt::format("{}: {}{}", path, why, head.empty() ? ", before the first packet" : ""));
  if (head.empty()) throw std::runtime_error(path + ": the file is empty");
  bool bad = false;
  const uint32_t magic = head.size() < 4 ? 0 : Reader(head, bad).le32();
  switch (magic) {
    case 0xa1b2c3d4: return std::make_unique<Pcap>(path, std::move(in), false, false);
    case 0xd4c3b2a1: return std::make_unique<Pcap>(path, std::move(in), true, false);
    case 0xa1b23c4d: return std::make_unique<Pcap>(path, std::move(in), false, true);
    case 0x4d3cb2a1: return std::make_unique<Pcap>(path, std::move(in), true, true);
    case 0x0A0D0D0A: return std::make_unique<Pcapng>(path, std::move(in));
    default: break;
  }
  std::string found;
  for (size_t i = 0; i < std::min<size_t>(4, head.size()); i++) found += fmt::format("{}{:02x}", i ? " " : "", head[i]);
  const bool other = head.size() >= 4 && (head[0] == 0xfd || head[0] == 'B' || head[0] == 0x04 || head[0] == 'P');
  throw std::runtime_error(fmt::format("{}: it begins with {}, which is no capture; pcap and pcapng are read, plain or compressed with gzip or zstd{}",
                                       path, found, other ? " (unpack it first)" : ""));
}

}  // namespace vidra
