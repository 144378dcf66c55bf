// SPDX-License-Identifier: Apache-2.0
#include "daemon/link/sending_end.h"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <fstream>

#include "daemon/link/socket.h"

namespace vidra {

namespace {
constexpr int64_t longest_round_trip = 60'000'000'000;

// What tells this boot of the machine from every other, and nothing of the machine; where the kernel does not say, this run from every other.
std::string boot_of(const Keys& keys, const std::string& run) {
  std::string id;
  std::ifstream("/proc/sys/kernel/random/boot_id") >> id;
  if (id.empty()) return run;
  std::array<uint8_t, 8> sum;
  crypto_generichash(sum.data(), sum.size(), reinterpret_cast<const uint8_t*>(id.data()), id.size(), keys.sign_secret.data(), 32);
  return hex_text(sum);
}
}  // namespace

SendingEnd::SendingEnd(Outbox& o, SenderSettings s, const Keys& k) : outbox(o), settings(std::move(s)), keys(k) {
  std::array<uint8_t, 8> id;
  randombytes_buf(id.data(), id.size());
  settings.hello.instance = hex_text(id);
  settings.hello.sign_key = hex_text(keys.sign_public);
  if (settings.hello.boot_id.empty()) settings.hello.boot_id = boot_of(keys, settings.hello.instance);
}

void SendingEnd::began() {
  shaken = welcome = valid_heard = false;
  unanswered_since = 0;
  held.reset();
  heard = monotonic_now();
  ping_at = heard + settings.heartbeat;
}

void SendingEnd::shaken_hands() {
  shaken = true;
  farewell = false;
  set(LinkState::greeting, fmt::format("connected to {}, greeting", endpoint));
  hello();
}

void SendingEnd::lost() {
  outbox.pause();
  held.reset();
  shaken = welcome = false;
  unanswered_since = 0;
}

bool SendingEnd::due() {
  const int64_t now = monotonic_now();
  if (now - heard > 3 * settings.heartbeat) return false;   // whatever state libzmq's session is in, it is of no use
  // Refused for now is not refused for ever: asked again, at leisure.
  const bool refused = shaken && !welcome && (state() == LinkState::refused || state() == LinkState::waiting_approval);
  if (shaken && !welcome && now - hello_at > (refused ? 3 * settings.heartbeat : settings.acknowledge_within)) hello();
  // It hears, and what it has to look up takes its time. Whoever reads "connected" believes that alerts arrive.
  if (shaken && !welcome && !refused && !farewell && now - unanswered_since > 3 * settings.acknowledge_within && state() != LinkState::paused)
    set(LinkState::paused, fmt::format("{} does not answer the greeting: its disk is slow or stands still. Asked again by itself, nothing is lost meanwhile", endpoint));
  if (welcome && outbox.unannounced() && now - hello_at > settings.heartbeat / 20) hello();
  if (welcome && oldest_sent && now - oldest_sent > std::max(settings.acknowledge_within, 3 * round_trip())) oldest_sent = 0, hello();
  if (shaken && now >= ping_at) {
    ping_at = now + settings.heartbeat;
    Ping p;
    p.t1 = wall_now();
    control(MessageType::ping, body_of(p));
  }
  return true;
}

void SendingEnd::set(LinkState state, std::string text) {
  std::lock_guard lock(mutex);
  if (status.state != state) status.since = wall_now();
  status.state = state;
  status.text = std::move(text);
}
LinkState SendingEnd::state() const {
  std::lock_guard lock(mutex);
  return status.state;
}

bool SendingEnd::control(MessageType type, const std::string& body) { return send(control_header(type, keys.id, body), bytes_of(body)) == 0; }

void SendingEnd::hello() {
  Hello h = settings.hello;
  h.streams = outbox.streams();
  held_streams = h.streams;
  h.attempt = ++attempt;
  outbox.pause();
  held.reset();
  welcome = false;
  hello_at = monotonic_now();
  if (!unanswered_since) unanswered_since = hello_at;
  control(MessageType::hello, body_of(h));
}

void SendingEnd::take(Bytes header, Bytes body) {
  Header h;
  if (check(header, body, h) != HeaderFlaw::none || h.sensor != keys.id) return count([](LinkStatus& s) { s.bad_messages++; });
  const int64_t now = monotonic_now();
  bool good = true;
  switch (h.type) {
    case MessageType::welcome: {
      Welcome w;
      if (!(good = read(body, w))) break;
      // Only the answer to the latest HELLO counts: the collector drops what is sent between two, and takes up behind a hole.
      if (w.attempt && w.attempt != attempt) break;
      outbox.rewind(w.streams);
      welcome = true;
      oldest_sent = unanswered_since = 0;
      unnamed = size_t(std::ranges::count_if(held_streams, [&](const StreamState& said) {
        return std::ranges::none_of(w.streams, [&](const StreamState& s) { return s.epoch == said.epoch && s.lane == said.lane; });
      }));
      const bool credit = std::ranges::any_of(w.streams, [](const StreamState& s) { return s.credit > 0; }) || w.streams.empty();
      if (unnamed)
        set(LinkState::paused, fmt::format("{} says nothing of {} of the {} lanes of records that wait here, and they cannot be sent: it is older than this sensor, or does not take so many epochs of one sensor. "
                                           "Its log says more, there: journalctl -u vidra-collector", endpoint, unnamed, held_streams.size()));
      else set(credit ? LinkState::connected : LinkState::paused, credit ? fmt::format("connected to {}", endpoint) : fmt::format("{} asks to wait: its journal is full or slow", endpoint));
      count([](LinkStatus& s) { s.rewinds++; });
      break;
    }
    case MessageType::ack: {
      Ack a;
      if (!(good = read(body, a)) || !welcome) break;
      outbox.acknowledge(a.streams);
      oldest_sent = outbox.in_flight() ? now : 0;
      const bool credit = std::ranges::any_of(a.streams, [](const StreamState& s) { return s.credit > 0; });
      if (credit && !unnamed && state() == LinkState::paused) set(LinkState::connected, fmt::format("connected to {}", endpoint));
      if (!credit && !a.streams.empty()) set(LinkState::paused, fmt::format("{} asks to wait: its journal is full or slow", endpoint));
      count([](LinkStatus& s) { s.acknowledged++; });
      break;
    }
    case MessageType::note: {
      Note n;
      if (!(good = read(body, n))) break;
      count([&](LinkStatus& s) { s.notes++, s.last_note = n; });
      switch (n.code) {
        case NoteCode::rewind:
        case NoteCode::hello_first:
          if (now - hello_at > settings.heartbeat / 20) hello();
          break;
        case NoteCode::pending_approval:
          welcome = false, outbox.pause();
          set(LinkState::waiting_approval, fmt::format("waiting for approval, fingerprint {}; there: vidra keys approve {}", keys.fingerprint(), keys.fingerprint().substr(0, 9)));
          break;
        case NoteCode::revoked:
        case NoteCode::suspended:
        case NoteCode::clone:
        case NoteCode::identity:
        case NoteCode::diverged:
          welcome = false, outbox.pause();
          set(LinkState::refused, fmt::format("the collector refuses this sensor: {} ({}), fingerprint {}", name_of(n.code), n.text, keys.fingerprint()));
          break;
        case NoteCode::over_quota:
        case NoteCode::maintenance:
          set(LinkState::paused, fmt::format("{} asks to wait: {}", endpoint, n.text));
          break;
        default: break;
      }
      break;
    }
    case MessageType::ping: {
      Ping p;
      if (!(good = read(body, p))) break;
      if (!p.answer) {
        p.answer = true, p.t2 = p.t3 = wall_now();
        control(MessageType::ping, body_of(p));
      } else if (p.t1) {
        const int64_t t4 = wall_now(), round_trip = difference(difference(t4, p.t1), difference(p.t3, p.t2));
        if (round_trip >= 0 && round_trip < longest_round_trip)   // or a clock was stepped meanwhile, or the answer is invented
          count([&](LinkStatus& s) { s.round_trip = round_trip, s.clock_offset = difference(p.t2, p.t1) / 2 + difference(p.t3, t4) / 2; });
      }
      break;
    }
    case MessageType::bye:
      outbox.pause();
      welcome = false;
      farewell = true;
      set(LinkState::away, fmt::format("collector away: {} said that it stops; tried again by itself, nothing is lost meanwhile", endpoint));
      break;
    default: break;   // of a later version: passed over
  }
  if (!good) return count([](LinkStatus& s) { s.bad_messages++; });
  heard = now;
  valid_heard = true;
  count([](LinkStatus& s) { s.last_heard = wall_now(); });
}

int64_t SendingEnd::round_trip() const {
  std::lock_guard lock(mutex);
  return status.round_trip;
}

bool SendingEnd::deliver() {
  uint64_t sent = 0;
  bool more = true;
  for (int i = 0; i < 128; i++) {
    Outbox::Outgoing out;
    if (held) out = std::move(*held), held.reset();
    else if (!outbox.next(out)) { more = false; break; }
    const int e = send(out.entry.header(), out.entry.body());
    if (e) {
      held = std::move(out);
      more = false;
      break;
    }
    sent++;
  }
  if (sent) {
    if (!oldest_sent) oldest_sent = monotonic_now();
    const uint64_t flying = outbox.in_flight();
    count([&](LinkStatus& s) { s.sent += sent, s.in_flight = flying; });
  }
  return more;
}

}  // namespace vidra
