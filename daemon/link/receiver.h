// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "daemon/link/keys.h"
#include "daemon/record/checkpoint.h"
#include "daemon/record/messages.h"

namespace vidra {

// One record as it came in, checked: whole, its hash true, from a key that may speak, for the sensor the key is tied to.
struct Arrival {
  Header header;
  Bytes header_bytes, body;      // the exact wire frames, valid during the call
  int64_t received_ns = 0;       // wall time
  bool probation = false;        // the key is not fully trusted yet: keep, but do not show among the others
  std::string_view key;          // Z85
};

// Where records are kept. All calls come from one thread, the receiver's journal thread. No record is acknowledged
// before durable() has answered for it.
struct Journal {
  virtual ~Journal() = default;
  // The newest durable record of each (epoch, lane) of a sensor: what WELCOME promises. Asked at every HELLO.
  virtual std::vector<ChainHead> heads(const SensorId&) = 0;
  // Takes a record; false when there is no room now (the sensor keeps it and is asked to pause). Records of a stream come
  // in order, each once while the process lives; after a crash they may come again, so keep them by record id. A body
  // that makes no sense is taken all the same (set aside and counted): refusing it would block its lane for ever.
  virtual bool intake(const Arrival&) = 0;
  // Makes everything taken in durable; false: none of it counts, it will come again.
  virtual bool durable() = 0;
  // Whether records can be taken now; asked once a second while the receiver is pausing.
  virtual bool ready() { return true; }
};

// Things that people must hear about. Called by the receiver's threads; be quick.
struct ReceiverEvents {
  enum class Kind : uint8_t { connected, bye, silent, knock, clone, diverged, undeclared_gap, gap, bad_checkpoint, refused, over_quota, journal_failed, keys_failed };
  virtual ~ReceiverEvents() = default;
  virtual void happened(Kind, const std::string& sensor, const std::string& text) = 0;
};
std::string_view name_of(ReceiverEvents::Kind);

struct ReceiverSettings {
  std::string endpoint = "tcp://*:7421";   // port 0: any free one, see Receiver::endpoint()
  std::string known_keys;                  // the table's file (keys.h)
  int64_t heartbeat = 10'000'000'000;      // a sensor unheard for three of them is reported silent
  int64_t handshake = 3'000'000'000;
  uint32_t credit = 256;                   // records in flight per stream
  uint64_t sensor_bytes = 8u << 20;        // waiting for the journal, per sensor
  uint64_t sensor_records_per_second = 50'000;
  int64_t revisit_keys = 200'000'000;      // how soon a change made by another process counts
  std::string software, contact;
  bool without_zap = false;                // for tests: the authentication thread is missing; nobody may get in
};

struct SensorLink {
  std::string key, sensor, name, address, software, site;
  KeyState state = KeyState::pending;
  bool connected = false, paused = false;
  int64_t connected_since = 0, last_heard = 0;
  uint64_t records = 0, duplicates = 0, gaps = 0, undeclared = 0, refused = 0, bad = 0, checkpoints = 0, bytes = 0;
  int64_t clock_offset = 0;
  std::vector<ChainHead> durable;
};

struct ReceiverStatus {
  uint64_t messages = 0, records = 0, durable = 0, duplicates = 0, unauthorised = 0, bad = 0, knocks = 0, acks = 0, syncs = 0, rejected_handshakes = 0;
  bool pausing = false;
  std::vector<SensorLink> sensors;
};

// The collector's end: a ROUTER socket that hears many sensors, an authentication thread before it, and a journal thread
// behind it. The socket thread always drains: bounds are kept by credit and quotas, never by not reading.
class Receiver {
 public:
  Receiver(Journal&, ReceiverEvents&, ReceiverSettings, const Keys&);
  ~Receiver();
  Receiver(const Receiver&) = delete;
  // Binds, then tries itself with a key that nobody knows: if that key got in, it refuses to start.
  bool start(std::string& error);
  void stop();
  std::string endpoint() const;      // as bound, with the port
  ReceiverStatus status() const;

 private:
  struct Hub;
  std::unique_ptr<Hub> hub_;
};

}  // namespace vidra
