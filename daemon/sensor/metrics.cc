// SPDX-License-Identifier: Apache-2.0
#include "daemon/sensor/metrics.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>

#include "daemon/report/words.h"

namespace vidra {
namespace {

// A label's value: nothing that a terminal would obey, and what the format reserves escaped.
std::string label(std::string_view s) {
  std::string out;
  for (const char c : printable(s)) {
    if (c == '\\' || c == '"') out += '\\';
    out += c;
  }
  return out;
}

class Text {
 public:
  // One family: its lines stand together, help and type before them.
  void family(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    out_ += fmt::format("# HELP vidra_{0} {2}\n# TYPE vidra_{0} {1}\n", name, type, help);
  }
  void line(const std::string& labels, double v) { put(labels, fmt::format("{}", v)); }
  void line(const std::string& labels, uint64_t v) { put(labels, fmt::format("{}", v)); }
  void seconds(const std::string& labels, int64_t ns) { put(labels, fmt::format("{}.{:03}", ns / second, ns % second / millisecond)); }
  void precise(const std::string& labels, int64_t ns) { put(labels, fmt::format("{:.9f}", double(ns) / 1e9)); }
  std::string take() { return std::move(out_); }

 private:
  void put(const std::string& labels, const std::string& v) { out_ += labels.empty() ? fmt::format("vidra_{} {}\n", name_, v) : fmt::format("vidra_{}{{{}}} {}\n", name_, labels, v); }
  std::string out_;
  std::string_view name_;
};

constexpr std::string_view lanes[] = {"critical", "alert", "state"};

}  // namespace

std::string metrics_text(const SensorStatus& s, const std::string& sensor, const std::string& fingerprint) {
  Text t;
  t.family("info", "gauge", "the sensor, its version and the fingerprint of its key");
  t.line(fmt::format("sensor=\"{}\",version=\"{}\",key=\"{}\"", label(sensor), VIDRA_VERSION, label(fingerprint)), uint64_t{1});
  t.family("start_time_seconds", "gauge", "when the sensor started");
  t.seconds("", s.since);
  t.family("heard_until_seconds", "gauge", "time of what was heard last");
  t.seconds("", s.heard_until);
  t.family("learning", "gauge", "1 while it takes in what is usual, 0 while it watches");
  t.line("", uint64_t{s.learning});
  t.family("lists_refused_lines", "gauge", "lines of the site's lists that are mistakes and not in force");
  t.line("", uint64_t{s.lines_refused});
  t.family("lists_flaws", "gauge", "what of the site's lists and rules is not in force: mistakes that were told one by one");
  for (size_t i = 0; i < std::min<size_t>(s.list_flaws.size(), 5); i++) t.line(fmt::format("flaw=\"{}\"", label(s.list_flaws[i])), uint64_t{1});

  std::vector<std::string> ports;
  for (const auto& i : s.interfaces) ports.push_back(fmt::format("interface=\"{}\"", label(i.name)));
  const auto each = [&](std::string_view name, std::string_view type, std::string_view help, const std::function<uint64_t(const SensorStatus::Hearing&)>& of) {
    t.family(name, type, help);
    for (size_t i = 0; i < s.interfaces.size(); i++) t.line(ports[i], of(s.interfaces[i]));
  };
  each("interface_up", "gauge", "whether the interface can bring frames now", [](const auto& i) { return uint64_t{i.up}; });
  each("interface_packets_total", "counter", "frames heard", [](const auto& i) { return i.counters.delivered; });
  each("interface_octets_total", "counter", "octets heard", [](const auto& i) { return i.counters.octets; });
  t.family("interface_dropped_total", "counter", "frames lost before they were heard, by who lost them; absent where that cannot be known");
  for (size_t i = 0; i < s.interfaces.size(); i++) {
    const Counters& c = s.interfaces[i].counters;
    for (const auto& [where, n] : {std::pair{"card", c.dropped_by_card}, std::pair{"kernel", c.dropped_by_kernel}, std::pair{"sensor", c.dropped_by_us}})
      if (n != Counters::unknown) t.line(fmt::format("{},by=\"{}\"", ports[i], where), n);
  }
  each("interface_unsupported_total", "counter", "frames of a link layer that is not understood", [](const auto& i) { return i.counters.unsupported; });
  each("interface_outages_total", "counter", "times in which the interface could not be heard", [](const auto& i) { return i.outage.count; });
  t.family("interface_blind_since_seconds", "gauge", "since when the interface cannot be heard; absent while it can");
  for (size_t i = 0; i < s.interfaces.size(); i++)
    if (s.interfaces[i].outage.count && !s.interfaces[i].outage.until) t.seconds(ports[i], s.interfaces[i].outage.from);
  t.family("interface_last_frame_seconds", "gauge", "when the last frame came; absent before the first");
  for (size_t i = 0; i < s.interfaces.size(); i++)
    if (s.interfaces[i].last_frame) t.seconds(ports[i], s.interfaces[i].last_frame);
  const auto accounted = [&](std::string_view name, std::string_view help, const std::function<uint64_t(const InterfaceAccount&)>& of) {
    t.family(name, "counter", help);
    for (size_t i = 0; i < s.interfaces.size() && i < s.accounts.interfaces.size(); i++) t.line(ports[i], of(s.accounts.interfaces[i]));
  };
  accounted("interface_twins_total", "frames left out because the same one had been heard", [](const auto& a) { return a.twins; });
  accounted("interface_flawed_total", "frames whose headers break their own rules", [](const auto& a) { return a.flawed; });
  accounted("interface_not_understood_total", "frames of which nothing could be read", [](const auto& a) { return a.not_understood; });
  t.family("payload_octets_total", "counter", "payload that the network carried: decoded, opaque (no dissector wants it), lost (not heard or cut off)");
  for (size_t i = 0; i < s.interfaces.size() && i < s.accounts.interfaces.size(); i++) {
    const Octets& o = s.accounts.interfaces[i].octets;
    for (const auto& [kind, n] : {std::pair{"decoded", o.decoded}, std::pair{"opaque", o.opaque}, std::pair{"lost", o.lost}}) t.line(fmt::format("{},kind=\"{}\"", ports[i], kind), n);
  }
  const auto one = [&](std::string_view name, std::string_view type, std::string_view help, uint64_t v) { t.family(name, type, help), t.line("", v); };
  one("conversations_total", "counter", "conversations begun", s.accounts.conversations);
  one("flows", "gauge", "conversations remembered now", s.accounts.flows);
  one("flows_evicted_total", "counter", "conversations forgotten early because the table was full", s.accounts.flows_evicted);
  one("tcp_gaps_total", "counter", "holes in TCP streams given up", s.accounts.gaps);
  one("tcp_overlaps_total", "counter", "TCP data sent again with other content", s.accounts.overlaps);
  one("resynchronised_total", "counter", "parsers that lost and found their records", s.accounts.resynchronised);
  one("refused_total", "counter", "buffers, parsers and fragments that found no room", s.accounts.buffers_refused + s.accounts.parsers_refused + s.accounts.fragments_evicted);
  t.family("records_total", "counter", "records of a protocol that were read");
  for (size_t i = 0; i < s.accounts.protocols.size(); i++)
    if (s.accounts.protocols[i].records) t.line(fmt::format("protocol=\"{}\"", protocols[i]->name), s.accounts.protocols[i].records);
  t.family("malformed_total", "counter", "records of a protocol that break its rules");
  for (size_t i = 0; i < s.accounts.protocols.size(); i++)
    if (s.accounts.protocols[i].records) t.line(fmt::format("protocol=\"{}\"", protocols[i]->name), s.accounts.protocols[i].malformed);
  one("messages_total", "counter", "messages judged", s.judge.events);
  one("findings_total", "counter", "findings", s.judge.findings);
  one("findings_dropped_total", "counter", "findings that found no room on their way to the reporter", s.findings_dropped);
  one("stories_total", "counter", "stories told", s.reporter.stories);
  one("plan", "gauge", "what is left out because more comes than can be worked through: 0 nothing, 1 samples, 2 undissected payloads too, 3 measurements too", uint64_t(s.plan));
  t.family("shed_total", "counter", "what was left out, by plan or for want of room: sampled values, frames with undissected payload, reports of values, polls, others");
  t.line("kind=\"samples\"", s.shed.samples), t.line("kind=\"opaque\"", s.shed.opaque);
  t.line("kind=\"reports\"", s.shed.reports), t.line("kind=\"reads\"", s.shed.reads), t.line("kind=\"others\"", s.shed.others);

  if (const EvidenceStatus& e = s.evidence; e.keeps) {
    const auto sorts = [&](std::string_view name, std::string_view type, std::string_view help, const auto& of) {
      t.family(name, type, help);
      for (size_t i = 0; i < sort_count; i++) t.line(fmt::format("sort=\"{}\"", name_of(Sort(i))), uint64_t{of(i)});
    };
    sorts("evidence_kept_total", "counter", "frames copied for evidence", [&](size_t i) { return e.frames.kept[i]; });
    sorts("evidence_not_kept_total", "counter", "frames that found no room in memory, or that the disk did not take", [&](size_t i) { return e.frames.not_kept[i]; });
    sorts("evidence_octets", "gauge", "octets of the last packets on disk", [&](size_t i) { return e.held.octets[i]; });
    sorts("evidence_evicted_octets_total", "counter", "octets of them that went for want of room or because they were old", [&](size_t i) { return e.held.evicted[i]; });
    t.family("evidence_oldest_seconds", "gauge", "stamp of the oldest packet on disk; absent where there is none");
    for (size_t i = 0; i < sort_count; i++)
      if (e.held.oldest[i]) t.seconds(fmt::format("sort=\"{}\"", name_of(Sort(i))), e.held.oldest[i]);
    one("evidence_written_octets_total", "counter", "octets written of the last packets", e.held.written);
    one("evidence_sets", "gauge", "sets of packets of stories on disk", e.sets.sets);
    one("evidence_sets_octets", "gauge", "octets of them", e.sets.octets);
    one("evidence_pinned_octets", "gauge", "octets of those that are pinned", e.sets.pinned_octets);
    one("evidence_sets_evicted_total", "counter", "sets that went for want of room", e.sets.evicted);
    one("evidence_manifests", "gauge", "number of the last manifest", e.sets.last);
    one("evidence_left_out_total", "counter", "tellings of stories that found no room, and sets that the disk never took", e.left_out);
    one("evidence_failing", "gauge", "1 while packets are not kept or not set aside; the journal says why", !complaints_of(e).empty());
  }
  const auto of_clocks = [&](std::string_view name, std::string_view help, const std::function<Time(const ClockLine&)>& of) {
    t.family(name, "gauge", help);
    for (const ClockLine& l : s.clocks) t.precise(fmt::format("clock=\"{}\",by=\"{}\",station=\"{}\",synchronised=\"{}\"", label(l.clock), l.kind, l.station, l.synchronised), of(l));
  };
  of_clocks("clock_offset_seconds", "how far a clock that is heard is ahead of the sensor's", [](const ClockLine& l) { return l.offset; });
  of_clocks("clock_spread_seconds", "the middle of the distances of its newest offsets from it", [](const ClockLine& l) { return l.spread; });
  of_clocks("clock_zone_seconds", "whole quarters of an hour that were taken off it: local time", [](const ClockLine& l) { return l.zone; });
  of_clocks("clock_last_seconds", "when it was heard last", [](const ClockLine& l) { return l.last; });
  t.family("unreviewed_differences_total", "counter", "findings that are only differences between an import that nobody reviewed and the wire: silent");
  t.line("", s.judge.unreviewed);
  t.family("unreviewed_unkept_total", "counter", "findings of them that found no place among those kept one by one");
  t.line("", s.judge.unreviewed_unkept);
  t.family("unreviewed_differences", "gauge", "how many different ones are kept, by device; vidra diff --review");
  std::map<std::string_view, uint64_t> devices;
  for (const SilentDifference& d : s.unreviewed) devices[d.device]++;
  for (const auto& [device, n] : devices) t.line(fmt::format("device=\"{}\"", label(device)), n);
  t.family("unreviewed_difference", "gauge", "how often each was found, the newest 64");
  for (size_t n = s.unreviewed.size(), i = n - std::min<size_t>(n, 64); i < n; i++) {
    const SilentDifference& d = s.unreviewed[i];
    t.line(fmt::format("device=\"{}\",detection=\"{}\",what=\"{}\"", label(d.device), d.detection->id, label(d.what + " " + d.expected)), d.times);
  }
  t.family("values_unwatched_total", "counter", "measured values that were not held against what was told before (VAL-03): messages of more stations than are followed; objects that share a place; values behind the 64th of a message");
  t.line("why=\"stations\"", s.values.stations), t.line("why=\"objects\"", s.values.objects), t.line("why=\"points\"", s.values.points);
  t.family("clock_error_seconds", "gauge", "how wrong the sensor's time may be by the best clock that is heard; absent where none is");
  if (s.clocks_agree.error) t.precise(fmt::format("by=\"{}\"", name_of(s.clocks_agree.by)), s.clocks_agree.error);

  t.family("collector_connected", "gauge", "1 while the collector acknowledges; state and text say what is, for people");
  for (const auto& c : s.collectors) t.line(fmt::format("collector=\"{}\",state=\"{}\",text=\"{}\"", label(c.collector), name_of(c.link.state), label(c.link.text)), uint64_t{c.link.state == LinkState::connected});
  const auto by_lane = [&](std::string_view name, std::string_view type, std::string_view help, const std::function<uint64_t(const OutboxStatus::LaneStatus&)>& of) {
    t.family(name, type, help);
    for (const auto& c : s.collectors)
      for (size_t lane = 0; lane < c.outbox.lanes.size(); lane++) t.line(fmt::format("collector=\"{}\",lane=\"{}\"", label(c.collector), lanes[lane]), of(c.outbox.lanes[lane]));
  };
  by_lane("outbox_waiting", "gauge", "records that the collector has not acknowledged", [](const auto& l) { return l.waiting + l.unacknowledged; });
  by_lane("outbox_octets", "gauge", "octets of them on disk", [](const auto& l) { return l.bytes; });
  by_lane("outbox_accepted_total", "counter", "records that are or were on this disk", [](const auto& l) { return l.accepted; });
  by_lane("outbox_lost_total", "counter", "records that had to go for want of room; GAP records say which", [](const auto& l) { return l.evicted + l.lost + l.refused; });
  t.family("withheld_total", "counter", "tellings marked above what a collector is told (its tlp), which stayed at the site");
  for (const auto& c : s.collectors) t.line(fmt::format("collector=\"{}\",tlp=\"{}\"", label(c.collector), c.tlp), c.withheld);
  t.family("outbox_failing", "gauge", "1 while the disk takes nothing");
  for (const auto& c : s.collectors) t.line(fmt::format("collector=\"{}\"", label(c.collector)), uint64_t{c.outbox.failing});
  return t.take();
}

std::string MetricsSocket::open(const std::string& path) {
  sockaddr_un a{};
  a.sun_family = AF_UNIX;
  if (path.size() >= sizeof a.sun_path) return fmt::format("{}: longer than a socket's name can be ({})", path, sizeof a.sun_path - 1);
  std::memcpy(a.sun_path, path.data(), path.size());
  struct stat there{};
  if (::lstat(path.c_str(), &there) == 0) {
    if (!S_ISSOCK(there.st_mode)) return fmt::format("{}: something else lies there; move it away", path);
    ::unlink(path.c_str());
  }
  fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const mode_t mask = ::umask(0117);                               // 0660 from its first moment
  const bool done = fd_ >= 0 && ::bind(fd_, reinterpret_cast<const sockaddr*>(&a), sizeof a) == 0 && ::listen(fd_, 8) == 0;
  const int error = errno;
  ::umask(mask);
  if (done) return path_ = path, "";
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
  return fmt::format("{}: {}", path, std::strerror(error));
}

void MetricsSocket::start(std::function<std::string()> text) {
  if (fd_ < 0) return;
  text_ = std::move(text);
  thread_ = std::thread([this] { serve(); });
}

void MetricsSocket::stop() {
  over_ = true;
  if (thread_.joinable()) thread_.join();
  if (fd_ >= 0) ::close(fd_), ::unlink(path_.c_str());
  fd_ = -1;
}

void MetricsSocket::serve() {
  while (!over_) {
    pollfd p{fd_, POLLIN, 0};
    if (::poll(&p, 1, 200) != 1) continue;
    const int c = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
    if (c < 0) continue;
    // A browser or a scraper speaks first; a person's tool only listens.
    pollfd asks{c, POLLIN, 0};
    char asked[4] = {};
    const bool http = ::poll(&asks, 1, 50) == 1 && ::recv(c, asked, sizeof asked, MSG_DONTWAIT) == 4 && std::memcmp(asked, "GET ", 4) == 0;
    std::string text = text_();
    if (http) text = fmt::format("HTTP/1.0 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}", text.size(), text);
    const timeval most{1, 0};
    ::setsockopt(c, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof most);
    for (std::string_view rest = text; !rest.empty();) {
      const ssize_t n = ::send(c, rest.data(), rest.size(), MSG_NOSIGNAL);
      if (n <= 0) break;
      rest.remove_prefix(size_t(n));
    }
    ::shutdown(c, SHUT_WR);
    char drop[4096];
    for (int i = 0; i < 4 && ::recv(c, drop, sizeof drop, MSG_DONTWAIT) > 0; i++) {}     // unread octets would turn the end into a reset
    ::close(c);
  }
}

}  // namespace vidra
