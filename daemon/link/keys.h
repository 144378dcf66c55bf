// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/record/checkpoint.h"

struct sqlite3;

namespace vidra {

// What one end is: its id, a CURVE pair for the connection (Z85 text, 40 characters) and an Ed25519 pair for what it signs.
struct Keys {
  SensorId id{};
  std::string curve_public, curve_secret;
  SignPublic sign_public{};
  SignSecret sign_secret{};
  std::string fingerprint() const;   // of the CURVE public key
  ~Keys();                           // wipes the secrets
};

// Fresh keys from the machine's random source.
Keys make_keys();
// Reads a key file; refuses one that others than its owner can read, unless it is `guarded` by a service manager (access lists look like that).
// False with a sentence that says what to do.
bool load_keys(const std::string& path, Keys&, std::string& error, bool guarded = false);
// Reads it, or makes it once (0600, with PATH.pub beside it for the other end's operator).
bool load_or_make_keys(const std::string& path, Keys&, std::string& error);
// A daemon's own keys: NAME of its service manager's credentials ($CREDENTIALS_DIRECTORY), where there is one, else FOLDER/NAME, made once. Beside
// it lies NAME.pub in either case. Kept out of swap and dumps as far as the limit for locked memory goes.
bool open_keys(const std::string& folder, const std::string& name, Keys&, std::string& error);
// The key of the site's pseudonyms (daemon/record/pseudonyms.h): "pseudonyms.key" of the service manager's credentials, where there is one,
// else FOLDER/pseudonyms.key, 0600, made once where `make`; `made`: that it was. Not where FOLDER/pseudonyms.told says that pseudonyms left
// under a key that is gone. Kept out of swap and dumps likewise.
bool open_pseudonym_key(const std::string& folder, std::array<uint8_t, 32>& key, std::string& error, bool make = true, bool* made = nullptr);
bool load_pseudonym_key(const std::string& path, std::array<uint8_t, 32>& key, std::string& error, bool guarded = false);
// The open half, from NAME.pub: the CURVE key; "" where there is none.
std::string public_key(const std::string& folder, const std::string& name);
// Fingerprint of a CURVE public key in Z85; "" when it is none.
std::string fingerprint_of_z85(const std::string& z85);

// Whether a sensor's key may speak here. Only active and probation are let in; suspended is heard later, revoked never again.
enum class KeyState : uint8_t { pending, probation, active, suspended, revoked };
std::string_view name_of(KeyState);
std::optional<KeyState> key_state(std::string_view name);

struct KnownKey {
  std::string curve;            // Z85: the identity
  std::string fingerprint;
  KeyState state = KeyState::pending;
  std::string sensor;           // UUID text, bound at the first HELLO
  std::string sign_key;         // hexadecimal, bound at the first HELLO
  std::string name;             // given at approval, or what the sensor calls itself
  std::string address;          // where it last knocked from
  int64_t first_seen = 0, last_seen = 0;   // wall nanoseconds
  int64_t changed = 0;
  std::string changed_by;
  uint64_t knocks = 0;
};

// The collector's table of keys: an SQLite file, so that `vidra keys` can change it while a receiver runs. One object per
// thread. At most max_pending unknown keys are kept; the one that knocked longest ago goes first.
class KnownKeys {
 public:
  static constexpr int max_pending = 256;
  KnownKeys();
  ~KnownKeys();
  KnownKeys(const KnownKeys&) = delete;
  bool open(const std::string& path, std::string& error);
  void patience(int milliseconds);                                // with others who hold the file; five seconds at first
  std::vector<KnownKey> all() const;                              // pending first, then by name
  std::optional<KnownKey> find(const std::string& curve) const;
  // A key named by its Z85 text, its fingerprint, its sensor id or name, or an unambiguous beginning of one of these.
  std::optional<KnownKey> match(const std::string& text, std::string& error) const;
  bool set_state(const std::string& curve, KeyState, const std::string& who, std::string& error);
  bool set_name(const std::string& curve, const std::string& name, std::string& error);
  // Adds a key that nobody has seen yet, in this state.
  bool add(const std::string& curve, KeyState, const std::string& name, const std::string& who, std::string& error);
  // Somebody came with this key; an unknown one becomes pending.
  bool knock(const std::string& curve, const std::string& address, int64_t wall_ns);
  // Ties a key to the sensor it speaks for, once; false when it is tied to another, or another key is tied to that sensor.
  bool bind(const std::string& curve, const std::string& sensor, const std::string& sign_key, const std::string& name);
  // Whether another connection or process has changed the table since this was asked last.
  bool changed();

 private:
  bool run(const char* sql, const std::vector<std::string>& values, std::string* error = nullptr) const;
  std::vector<KnownKey> select(const std::string& where, const std::vector<std::string>& values) const;
  sqlite3* db_ = nullptr;
  int64_t version_ = 0;
};

}  // namespace vidra
