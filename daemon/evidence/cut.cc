// SPDX-License-Identifier: Apache-2.0
#include "daemon/evidence/cut.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <unordered_map>

#include "daemon/base/text.h"
#include "daemon/evidence/recorder.h"
#include "daemon/evidence/walk.h"
#include "daemon/traffic/frame.h"

namespace vidra {
namespace {

using Pair = std::pair<Address, Address>;
struct PairHash {
  size_t operator()(const Pair& p) const {
    uint64_t h = 0xcbf29ce484222325ull;
    for (const Address* a : {&p.first, &p.second})
      for (const uint8_t o : a->octets) h = (h ^ o) * 0x100000001b3ull;
    return size_t(h ^ h >> 29);
  }
};

struct Entry {
  Time stamp;
  uint64_t id, offset;
  uint32_t piece, length;
  Sort sort;
  bool decides;
};

Pair pair_of(const Frame& f) {
  return f.version ? vidra::pair_of(f.source_address(), f.destination_address()) : vidra::pair_of(Address::of(f.source), Address::of(f.destination));
}

bool inside(const Wish& w, Time stamp) {
  return std::any_of(w.apart.begin(), w.apart.end(), [&](Time apart) { return stamp >= w.from + apart && stamp <= w.until + apart; });
}

bool decides(const Wish& w, const KeptFrame& f, uint32_t run, const Pair& between) {
  if ((f.id >> 52) != (run & 0xfff)) return false;
  for (const Deciding& d : w.deciding)     // the same number between the same two is the same packet: all between them is one worker's
    if ((f.id & Recorder::number_mask) == (d.frame & Recorder::number_mask) && pair_of(d.client, d.server) == between) return true;
  return false;
}

// Keeps the best of them within `most` octets and so many packets; how many went.
uint64_t choose(std::vector<Entry>& all, uint64_t most, size_t packets) {
  std::sort(all.begin(), all.end(), [](const Entry& a, const Entry& b) {
    if (a.decides != b.decides) return a.decides;
    if ((a.sort == Sort::commands) != (b.sort == Sort::commands)) return a.sort == Sort::commands;
    return a.stamp != b.stamp ? a.stamp > b.stamp : a.id > b.id;
  });
  uint64_t octets = 0;
  size_t n = 0;
  while (n < std::min(all.size(), packets) && octets + all[n].length + 64 <= most) octets += all[n++].length + 64;   // a comment, roughly
  const uint64_t went = all.size() - n;
  all.resize(n);
  return went;
}

std::string distance(Time from_deciding) {
  const std::string t = fmt::format("{}.{:06} s", std::abs(from_deciding) / second, std::abs(from_deciding) % second / microsecond);
  return from_deciding < 0 ? t + " before the first deciding packet" : t + " after the first deciding packet";
}

}  // namespace

std::pair<Address, Address> pair_of(const Address& a, const Address& b) { return a < b ? Pair{a, b} : Pair{b, a}; }

void cut(Storage& storage, std::span<const KeptPiece> pieces, std::span<const Wish> wishes, uint32_t run, uint64_t most, const std::function<void(size_t, Excerpt&&)>& each, size_t most_packets) {
  std::unordered_map<Pair, std::vector<uint32_t>, PairHash> by_pair;
  Time from = std::numeric_limits<Time>::max(), until = std::numeric_limits<Time>::min();
  for (uint32_t i = 0; i < wishes.size(); i++) {
    const Wish& w = wishes[i];
    for (const Pair& p : w.pairs) by_pair[p].push_back(i);
    for (const Time apart : w.apart) from = std::min(from, w.from + apart), until = std::max(until, w.until + apart);
  }
  struct Found { std::vector<Entry> entries; uint64_t octets = 0, left_out = 0; };
  std::vector<Found> found(wishes.size());
  const size_t share = std::max<size_t>(most_packets / 2 / std::max<size_t>(wishes.size(), 1), 1);
  std::vector<std::vector<KeptInterface>> interfaces(pieces.size());
  for (uint32_t i = 0; i < pieces.size(); i++) {
    std::unique_ptr<File> file;
    if (storage.open(pieces[i].path, Storage::Mode::existing, file)) continue;     // it has gone meanwhile
    BlockReader r;
    walk(*file, r, [&](BlockReader::Found what, uint64_t offset) {
      if (what != BlockReader::Found::frame || r.frame.stamp < from || r.frame.stamp > until) return;
      Frame frame;
      decode({r.frame.stamp, r.frame.octets, r.frame.wire_length, uint16_t(r.frame.interface), r.interfaces[r.frame.interface].link, r.frame.stamp}, frame);
      const Pair between = pair_of(frame);
      const auto wanted = by_pair.find(between);
      if (wanted == by_pair.end()) return;
      for (const uint32_t n : wanted->second) {
        if (!inside(wishes[n], r.frame.stamp)) continue;
        Found& f = found[n];
        f.entries.push_back({r.frame.stamp, r.frame.id, offset, i, uint32_t(r.length), pieces[i].sort, decides(wishes[n], r.frame, run, between)});
        f.octets += r.length;
        if (f.octets <= 4 * most && f.entries.size() < 2 * share) continue;
        f.left_out += choose(f.entries, most, share);
        f.octets = 0;
        for (const Entry& e : f.entries) f.octets += e.length;
      }
    });
    interfaces[i] = r.interfaces;
  }

  std::vector<uint8_t> block;
  for (size_t n = 0; n < wishes.size(); n++) {
    const Wish& w = wishes[n];
    std::vector<Entry>& entries = found[n].entries;
    Excerpt c;
    c.left_out = found[n].left_out + choose(entries, most, entries.size());
    std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.stamp != b.stamp ? a.stamp < b.stamp : a.id < b.id; });
    Time anchor = 0;
    for (const Entry& e : entries)
      if (e.decides && !anchor) anchor = e.stamp;
    const bool decided = anchor != 0;
    if (!decided) anchor = (w.deciding.empty() ? w.last : w.deciding.front().time) + w.apart[0];
    std::vector<KeptInterface> used;
    Blocks frames;
    std::unordered_map<uint32_t, std::unique_ptr<File>> files;
    BlockReader r;
    uint32_t of = ~0u;                     // the piece whose interfaces the reader has
    for (const Entry& e : entries) {
      if (files.size() >= 64 && !files.contains(e.piece)) files.clear();   // descriptors are the whole sensor's
      auto& file = files[e.piece];
      if (!file && storage.open(pieces[e.piece].path, Storage::Mode::existing, file)) {
        c.gone++;
        continue;
      }
      block.resize(e.length);
      if (of != e.piece) r.interfaces = interfaces[of = e.piece];
      if (file->read(e.offset, block) != int64_t(e.length) || r.next(block) != BlockReader::Found::frame || r.frame.id != e.id) {
        c.gone++;
        continue;
      }
      const KeptInterface& heard = r.interfaces[r.frame.interface];
      auto i = std::find(used.begin(), used.end(), heard);
      if (i == used.end()) i = used.insert(used.end(), heard);
      KeptFrame f = r.frame;
      f.interface = uint32_t(i - used.begin());
      std::string says = e.decides ? fmt::format("deciding packet of {}: {}", w.detection, w.what)
                         : decided ? distance(e.stamp - anchor)
                                   : fmt::format("{} the time of the alert (its deciding packet is not here)", e.stamp < anchor ? "before" : "after");
      if (!e.decides && e.sort == Sort::commands) says = "command or change, " + says;
      add_frame(frames, f, says);
      c.packets++;
      c.deciding += e.decides;
    }
    std::vector<Entry>().swap(entries);
    if (!c.packets) {
      each(n, std::move(c));
      continue;
    }
    add_section(c.file, fmt::format("Vidra, story {}, part {}\n{} (severity {}): {}\nfrom {} to {}\n{} packets, {} of them deciding; their comments say what each is, the manifest beside this file "
                                    "what is missing", w.story, w.part, w.detection, w.severity, w.what, w.source.empty() ? "-" : w.source, w.target.empty() ? "-" : w.target, c.packets, c.deciding));
    for (const KeptInterface& i : used) add_interface(c.file, i), c.interfaces.push_back(i.name);
    c.file.insert(c.file.end(), frames.begin(), frames.end());
    Blocks().swap(frames);
    each(n, std::move(c));
  }
}

}  // namespace vidra
