// SPDX-License-Identifier: Apache-2.0
#include "daemon/link/keys.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sodium.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iterator>
#include <utility>

#include "daemon/base/clock.h"
#include "daemon/base/sandbox.h"
#include "daemon/base/text.h"
#include "daemon/record/storage.h"

namespace vidra {

namespace {

std::string cannot_read(const std::string& path, int error) {
  return fmt::format("{}: cannot be read: {}. {}", path, std::strerror(error), error == EACCES || error == EPERM ? "Look who owns it: ls -l " + path : "The key in it may be well, so none is made in its place. Look at the disk: dmesg");
}

constexpr std::string_view state_names[] = {"pending", "probation", "active", "suspended", "revoked"};

// Whether something lies at a path. What the disk does not say is an error, never "nothing": a new key would be made in the old one's place.
std::optional<bool> there_is(const std::string& path, std::string& error) {
  struct stat s;
  if (::stat(path.c_str(), &s) == 0) return true;
  if (errno == ENOENT) return false;
  error = cannot_read(path, errno);
  return std::nullopt;
}

int sync_folder_of(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  return -real_storage().sync_directory(slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash));
}

bool write_file(const std::string& path, const std::string& text, mode_t mode, std::string& error) {
  // Written aside and linked into place: two processes that begin at once end up with one key file, and never half of one.
  const std::string aside = path + "." + std::to_string(getpid()) + ".new";
  ::unlink(aside.c_str());
  const int fd = ::open(aside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (fd < 0) {
    error = fmt::format("{}: cannot be written: {}", path, std::strerror(errno));
    return false;
  }
  ::fchmod(fd, mode);
  int e = 0;
  for (std::string_view rest = text; !rest.empty() && !e;) {
    const ssize_t n = ::write(fd, rest.data(), rest.size());
    if (n > 0) rest.remove_prefix(size_t(n));
    else if (n == 0) e = EIO;
    else if (errno != EINTR) e = errno;
  }
  if (!e && ::fsync(fd)) e = errno;
  ::close(fd);
  if (!e && ::link(aside.c_str(), path.c_str()) && errno != EEXIST) e = errno;
  ::unlink(aside.c_str());
  if (!e) e = sync_folder_of(path);   // or a loss of power takes the name, and the next start makes another key
  if (!e) return true;
  error = fmt::format("{}: cannot be written: {}", path, std::strerror(e));
  return false;
}

std::string line_of(const std::string& text, std::string_view key) {
  size_t at = 0;
  while (at < text.size()) {
    size_t end = text.find('\n', at);
    if (end == std::string::npos) end = text.size();
    const std::string_view line(text.data() + at, end - at);
    if (line.starts_with(key) && line.size() > key.size() && line[key.size()] == ' ') return std::string(line.substr(key.size() + 1));
    at = end + 1;
  }
  return "";
}

bool curve_bytes(const std::string& z85, std::array<uint8_t, 32>& out) { return z85.size() == 40 && zmq_z85_decode(out.data(), z85.c_str()); }

}  // namespace

std::string_view name_of(KeyState s) { return state_names[size_t(s)]; }
std::optional<KeyState> key_state(std::string_view name) {
  const auto at = std::ranges::find(state_names, name);
  return at == std::end(state_names) ? std::nullopt : std::optional(KeyState(at - std::begin(state_names)));
}

Keys::~Keys() {
  sodium_memzero(sign_secret.data(), sign_secret.size());
  if (!curve_secret.empty()) sodium_memzero(curve_secret.data(), curve_secret.size());
}

std::string fingerprint_of_z85(const std::string& z85) {
  std::array<uint8_t, 32> key;
  return curve_bytes(z85, key) ? fingerprint_of(key) : "";
}

std::string Keys::fingerprint() const { return fingerprint_of_z85(curve_public); }

Keys make_keys() {
  Keys k;
  if (sodium_init() < 0) std::abort();   // no random source: nothing may go on
  char pub[41], sec[41];
  if (zmq_curve_keypair(pub, sec)) std::abort();
  k.curve_public = pub, k.curve_secret = sec;
  sodium_memzero(sec, sizeof sec);
  crypto_sign_keypair(k.sign_public.data(), k.sign_secret.data());
  randombytes_buf(k.id.data(), k.id.size());
  k.id[6] = uint8_t((k.id[6] & 0x0f) | 0x40);   // RFC 4122, 4.4
  k.id[8] = uint8_t((k.id[8] & 0x3f) | 0x80);
  return k;
}

namespace {
// A file that nobody but its owner may read. The text is the caller's to wipe.
bool read_secret(const std::string& path, std::string& t, std::string& error, bool guarded) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    error = cannot_read(path, errno);
    return false;
  }
  struct stat s;
  char text[4096];
  const bool known = ::fstat(fd, &s) == 0;
  const ssize_t n = ::read(fd, text, sizeof text);
  const int e = n < 0 ? errno : 0;
  ::close(fd);
  if (e) {
    error = cannot_read(path, e);
    return false;
  }
  if (known && (s.st_mode & 077) && !guarded) {
    sodium_memzero(text, sizeof text);
    error = fmt::format("{}: others can read this secret (mode {:04o}); allowed is 0600: type chmod 600 {}", path, unsigned(s.st_mode & 07777), path);
    return false;
  }
  t.assign(text, size_t(n));
  sodium_memzero(text, sizeof text);
  return true;
}
}  // namespace

bool load_keys(const std::string& path, Keys& k, std::string& error, bool guarded) {
  std::string t;
  if (!read_secret(path, t, error, guarded)) return false;
  k.curve_public = line_of(t, "curve-public"), k.curve_secret = line_of(t, "curve-secret");
  std::array<uint8_t, 32> secret, shared;
  const char* wrong = nullptr;
  char derived[41] = "";
  if (!t.starts_with("vidra keys 1\n")) wrong = "it does not begin with 'vidra keys 1'";
  else if (!parse_uuid(line_of(t, "id"), k.id)) wrong = "its id is no UUID";
  else if (!curve_bytes(k.curve_public, shared) || !curve_bytes(k.curve_secret, secret)) wrong = "its CURVE keys are not 40 characters of Z85";
  else if (zmq_curve_public(derived, k.curve_secret.c_str()) || k.curve_public != derived) wrong = "its CURVE keys do not belong together";
  else if (!parse_hex(line_of(t, "sign-secret"), k.sign_secret)) wrong = "its signing key is not 128 hexadecimal digits";
  if (!t.empty()) sodium_memzero(t.data(), t.size());
  sodium_memzero(secret.data(), secret.size());
  if (wrong) {
    error = fmt::format("{}: not a key file: {}; move it away and a new one is made (the collector must then approve it again)", path, wrong);
    return false;
  }
  crypto_sign_ed25519_sk_to_pk(k.sign_public.data(), k.sign_secret.data());
  return true;
}

namespace {
bool write_public(const std::string& path, const Keys& k, std::string& error) {
  const std::string open_part = fmt::format("vidra public keys 1\nid {}\ncurve-public {}\nsign-public {}\nfingerprint {}\n", uuid_text(k.id), k.curve_public,
                                            hex_text(k.sign_public), k.fingerprint());
  return write_file(path + ".pub", open_part, 0644, error);
}
}  // namespace

bool load_or_make_keys(const std::string& path, Keys& k, std::string& error) {
  if (sodium_init() < 0) {
    error = "libsodium cannot start: no random source";
    return false;
  }
  const auto there = there_is(path, error);
  if (!there) return false;
  if (*there) return load_keys(path, k, error);
  {
    const Keys fresh = make_keys();
    std::string text = fmt::format("vidra keys 1\nid {}\ncurve-public {}\ncurve-secret {}\nsign-public {}\nsign-secret {}\n", uuid_text(fresh.id),
                                   fresh.curve_public, fresh.curve_secret, hex_text(fresh.sign_public), hex_text(fresh.sign_secret));
    const bool ok = write_file(path, text, 0600, error);
    sodium_memzero(text.data(), text.size());
    if (!ok) return false;
  }
  if (!load_keys(path, k, error)) return false;   // what lies there counts, should another process have been first
  return write_public(path, k, error);
}

bool open_keys(const std::string& folder, const std::string& name, Keys& k, std::string& error) {
  const char* credentials = std::getenv("CREDENTIALS_DIRECTORY");
  const std::string given = credentials ? std::string(credentials) + "/" + name : std::string{}, path = folder + "/" + name;
  const auto is_given = given.empty() ? std::optional(false) : there_is(given, error);
  if (!is_given) return false;
  if (*is_given) {
    if (!load_keys(given, k, error, true)) return false;
    if (public_key(folder, name) != k.curve_public) {
      ::unlink((path + ".pub").c_str());
      if (!write_public(path, k, error)) return false;
    }
  } else if (!load_or_make_keys(path, k, error)) {
    return false;
  }
  lock_secret(k.curve_secret.data(), k.curve_secret.size());
  lock_secret(k.sign_secret.data(), k.sign_secret.size());
  return true;
}

bool load_pseudonym_key(const std::string& path, std::array<uint8_t, 32>& key, std::string& error, bool guarded) {
  std::string t;
  if (!read_secret(path, t, error, guarded)) return false;
  std::string digits = line_of(t, "key");
  const bool right = t.starts_with("vidra pseudonym key 1\n") && parse_hex(digits, key);
  if (!t.empty()) sodium_memzero(t.data(), t.size());
  if (!digits.empty()) sodium_memzero(digits.data(), digits.size());
  if (!right) error = fmt::format("{}: not a key of pseudonyms: 'vidra pseudonym key 1' and a line 'key' with 64 hexadecimal digits are wanted; bring back the file, or move it away and a new one is made (pseudonyms change then)", path);
  return right;
}

bool open_pseudonym_key(const std::string& folder, std::array<uint8_t, 32>& key, std::string& error, bool make, bool* made) {
  if (sodium_init() < 0) return error = "libsodium cannot start: no random source", false;
  const char* credentials = std::getenv("CREDENTIALS_DIRECTORY");
  const std::string given = credentials ? std::string(credentials) + "/pseudonyms.key" : std::string{}, path = folder + "/pseudonyms.key", told = folder + "/pseudonyms.told";
  const auto is_given = given.empty() ? std::optional(false) : there_is(given, error);
  if (!is_given) return false;
  if (*is_given) {
    if (!load_pseudonym_key(given, key, error, true)) return false;
  } else {
    const auto there = there_is(path, error);
    if (!there) return false;
    if (make && !*there) {
      struct stat list;
      const bool any_told = ::stat(told.c_str(), &list) == 0;
      if (!any_told && errno != ENOENT) return error = cannot_read(told, errno), false;
      if (any_told && list.st_size > 0)
        return error = fmt::format("{0} is gone, and {1} lists pseudonyms that left under it: with another key no collector could join what it hears to what it heard, and what an address was could not "
                                   "be worked out any more. Bring the key back (cp COPY {0}), or give it as the credential pseudonyms.key; or begin anew: mv {1} {1}.{2}", path, told, iso_time(wall_now(), 0).substr(0, 10)), false;
      std::array<uint8_t, 32> fresh;
      randombytes_buf(fresh.data(), fresh.size());
      std::string digits = hex_text(fresh), text = "vidra pseudonym key 1\nkey " + digits + "\n";
      const bool written = write_file(path, text, 0600, error);
      for (std::string* s : {&digits, &text}) sodium_memzero(s->data(), s->size());
      sodium_memzero(fresh.data(), fresh.size());
      if (!written) return false;
      if (made) *made = true;
    }
    if (!load_pseudonym_key(path, key, error)) return false;
  }
  lock_secret(key.data(), key.size());
  return true;
}

std::string public_key(const std::string& folder, const std::string& name) {
  std::ifstream in(folder + "/" + name + ".pub");
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  return text.starts_with("vidra public keys 1\n") ? line_of(text, "curve-public") : "";
}

// --- the table

KnownKeys::KnownKeys() = default;
KnownKeys::~KnownKeys() { sqlite3_close(db_); }

bool KnownKeys::open(const std::string& path, std::string& error) {
  if (sqlite3_open_v2(path.c_str(), &db_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr) != SQLITE_OK) {
    error = fmt::format("{}: the table of keys cannot be opened: {}", path, db_ ? sqlite3_errmsg(db_) : "no memory");
    return false;
  }
  sqlite3_busy_timeout(db_, 5000);
  char* message = nullptr;
  const char* make =
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
    "CREATE TABLE IF NOT EXISTS keys(curve TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, state TEXT NOT NULL, sensor TEXT NOT NULL DEFAULT '',"
    " sign_key TEXT NOT NULL DEFAULT '', name TEXT NOT NULL DEFAULT '', address TEXT NOT NULL DEFAULT '', first_seen INTEGER NOT NULL DEFAULT 0,"
    " last_seen INTEGER NOT NULL DEFAULT 0, changed INTEGER NOT NULL DEFAULT 0, changed_by TEXT NOT NULL DEFAULT '', knocks INTEGER NOT NULL DEFAULT 0)"
    " WITHOUT ROWID; CREATE UNIQUE INDEX IF NOT EXISTS keys_sensor ON keys(sensor) WHERE sensor <> '' AND state <> 'revoked';";
  if (sqlite3_exec(db_, make, nullptr, nullptr, &message) != SQLITE_OK) {
    error = fmt::format("{}: not a table of keys: {}", path, message ? message : "unknown");
    sqlite3_free(message);
    return false;
  }
  changed();
  return true;
}

bool KnownKeys::run(const char* sql, const std::vector<std::string>& values, std::string* error) const {
  sqlite3_stmt* s = nullptr;
  bool ok = sqlite3_prepare_v2(db_, sql, -1, &s, nullptr) == SQLITE_OK;
  for (size_t i = 0; ok && i < values.size(); i++) ok = sqlite3_bind_text(s, int(i) + 1, values[i].data(), int(values[i].size()), SQLITE_TRANSIENT) == SQLITE_OK;
  if (ok) {
    const int r = sqlite3_step(s);
    ok = r == SQLITE_DONE || r == SQLITE_ROW;
  }
  if (!ok && error) *error = fmt::format("the table of keys: {}", sqlite3_errmsg(db_));
  sqlite3_finalize(s);
  return ok;
}

std::vector<KnownKey> KnownKeys::select(const std::string& where, const std::vector<std::string>& values) const {
  std::vector<KnownKey> out;
  sqlite3_stmt* s = nullptr;
  const std::string sql = "SELECT curve, fingerprint, state, sensor, sign_key, name, address, first_seen, last_seen, changed, changed_by, knocks FROM keys " + where +
                          " ORDER BY state <> 'pending', name, fingerprint";
  if (sqlite3_prepare_v2(db_, sql.c_str(), -1, &s, nullptr) != SQLITE_OK) return out;
  for (size_t i = 0; i < values.size(); i++) sqlite3_bind_text(s, int(i) + 1, values[i].data(), int(values[i].size()), SQLITE_TRANSIENT);
  const auto text = [&](int column) { return std::string(reinterpret_cast<const char*>(sqlite3_column_text(s, column)), size_t(sqlite3_column_bytes(s, column))); };
  while (sqlite3_step(s) == SQLITE_ROW) {
    KnownKey k;
    k.curve = text(0), k.fingerprint = text(1), k.state = key_state(text(2)).value_or(KeyState::suspended);
    k.sensor = text(3), k.sign_key = text(4), k.name = text(5), k.address = text(6);
    k.first_seen = sqlite3_column_int64(s, 7), k.last_seen = sqlite3_column_int64(s, 8), k.changed = sqlite3_column_int64(s, 9);
    k.changed_by = text(10), k.knocks = uint64_t(sqlite3_column_int64(s, 11));
    out.push_back(std::move(k));
  }
  sqlite3_finalize(s);
  return out;
}

void KnownKeys::patience(int milliseconds) { sqlite3_busy_timeout(db_, milliseconds); }

std::vector<KnownKey> KnownKeys::all() const { return select("", {}); }

std::optional<KnownKey> KnownKeys::find(const std::string& curve) const {
  auto found = select("WHERE curve = ?1", {curve});
  return found.empty() ? std::nullopt : std::optional(std::move(found[0]));
}

std::optional<KnownKey> KnownKeys::match(const std::string& text, std::string& error) const {
  std::vector<KnownKey> exact, begins;
  for (KnownKey& k : all()) {
    if (text == k.curve || text == k.fingerprint || text == k.sensor || text == k.name) exact.push_back(k);
    else if (text.size() >= 4 && (k.curve.starts_with(text) || k.fingerprint.starts_with(text) || k.sensor.starts_with(text) || k.name.starts_with(text))) begins.push_back(k);
  }
  auto& found = exact.empty() ? begins : exact;
  if (found.size() == 1) return found[0];
  error = found.empty() ? fmt::format("no key is known as '{}'; 'vidra keys' lists them", text)
                        : fmt::format("'{}' fits {} keys; type more of the fingerprint", text, found.size());
  return std::nullopt;
}

bool KnownKeys::set_state(const std::string& curve, KeyState state, const std::string& who, std::string& error) {
  if (!run("UPDATE keys SET state = ?2, changed = CAST(?3 AS INTEGER), changed_by = ?4 WHERE curve = ?1",
           {curve, std::string(name_of(state)), std::to_string(wall_now()), who}, &error)) return false;
  if (sqlite3_changes(db_) == 1) return true;
  error = "no such key";
  return false;
}

bool KnownKeys::set_name(const std::string& curve, const std::string& name, std::string& error) {
  return run("UPDATE keys SET name = ?2 WHERE curve = ?1", {curve, name}, &error);
}

bool KnownKeys::add(const std::string& curve, KeyState state, const std::string& name, const std::string& who, std::string& error) {
  const std::string print = fingerprint_of_z85(curve);
  if (print.empty()) {
    error = fmt::format("'{}' is no CURVE public key; allowed are 40 characters of Z85 (the line curve-public of the sensor's .pub file)", curve);
    return false;
  }
  const std::string now = std::to_string(wall_now());
  return run("INSERT INTO keys(curve, fingerprint, state, name, first_seen, changed, changed_by) VALUES(?1, ?2, ?3, ?4, CAST(?5 AS INTEGER), CAST(?5 AS INTEGER), ?6)",
             {curve, print, std::string(name_of(state)), name, now, who}, &error);
}

bool KnownKeys::knock(const std::string& curve, const std::string& address, int64_t wall_ns) {
  const std::string print = fingerprint_of_z85(curve);
  if (print.empty()) return false;
  const std::string now = std::to_string(wall_ns);
  if (!run("INSERT INTO keys(curve, fingerprint, state, address, first_seen, last_seen, knocks) VALUES(?1, ?2, 'pending', ?3, CAST(?4 AS INTEGER), CAST(?4 AS INTEGER), 1)"
           " ON CONFLICT(curve) DO UPDATE SET address = ?3, last_seen = CAST(?4 AS INTEGER), knocks = knocks + 1", {curve, print, address, now})) return false;
  return run("DELETE FROM keys WHERE state = 'pending' AND curve IN (SELECT curve FROM keys WHERE state = 'pending' ORDER BY last_seen DESC LIMIT -1 OFFSET ?1)",
             {std::to_string(max_pending)});
}

bool KnownKeys::bind(const std::string& curve, const std::string& sensor, const std::string& sign_key, const std::string& name) {
  const auto k = find(curve);
  if (!k || (!k->sensor.empty() && k->sensor != sensor) || (!k->sign_key.empty() && k->sign_key != sign_key)) return false;
  const bool tied = k->sensor == sensor && k->sign_key == sign_key;
  if (tied && (!k->name.empty() || name.empty())) return true;
  return run("UPDATE keys SET sensor = ?2, sign_key = ?3, name = CASE name WHEN '' THEN ?4 ELSE name END WHERE curve = ?1", {curve, sensor, sign_key, name}) || tied;   // a name that cannot be written down refuses nobody
}

bool KnownKeys::changed() {
  sqlite3_stmt* s = nullptr;
  int64_t v = version_;
  if (sqlite3_prepare_v2(db_, "PRAGMA data_version", -1, &s, nullptr) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW) v = sqlite3_column_int64(s, 0);
  sqlite3_finalize(s);
  return std::exchange(version_, v) != v;
}

}  // namespace vidra
