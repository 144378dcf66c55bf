// SPDX-License-Identifier: Apache-2.0
#include "daemon/evidence/manifest.h"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "daemon/base/text.h"
#include "daemon/record/seal.h"

namespace vidra {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view before_signature = ",\n  \"signature\": \"";
constexpr uint64_t longest_manifest = 1 << 20;

std::string hex(Bytes b) {
  std::string out(b.size() * 2 + 1, '\0');
  sodium_bin2hex(out.data(), out.size(), b.data(), b.size());
  out.pop_back();
  return out;
}

bool unhex(std::string_view s, std::span<uint8_t> to) {
  size_t got = 0;
  return s.size() == 2 * to.size() && sodium_hex2bin(to.data(), to.size(), s.data(), s.size(), nullptr, &got, nullptr) == 0 && got == to.size();
}

Bytes octets_of(std::string_view s) { return {reinterpret_cast<const uint8_t*>(s.data()), s.size()}; }
std::string when(Time t) { return t ? iso_time(t, 9) : ""; }
Time time_of(const std::string& s) { return parse_iso_time(s).value_or(0); }

}  // namespace

std::string sha256_text(Bytes b) {
  std::array<uint8_t, crypto_hash_sha256_BYTES> h;
  crypto_hash_sha256(h.data(), b.data(), b.size());
  return hex(h);
}

std::string manifest_text(const Manifest& m, const SignPublic& key, const SignSecret& secret) {
  Json j;
  j["vidra_evidence"] = 1;
  j["kind"] = m.kind == Manifest::Kind::kept ? "kept" : "evicted";
  j["number"] = m.number;
  j["previous"] = m.previous;
  j["made"] = when(m.made);
  j["sensor"] = {{"id", m.sensor}, {"name", m.sensor_name}, {"site", m.site}, {"software", "vidra " VIDRA_VERSION}};
  if (m.kind == Manifest::Kind::kept) {
    j["story"] = {{"id", m.story}, {"part", m.part}, {"detection", m.detection}, {"severity", m.severity}, {"what", m.what},
                  {"source", m.source}, {"target", m.target}, {"first", when(m.first)}, {"last", when(m.last)}};
    j["window"] = {{"from", when(m.from)}, {"until", when(m.until)}};
    j["file"] = m.file.empty() ? Json() : Json{{"name", m.file}, {"sha256", m.sha256}, {"octets", m.octets}, {"packets", m.packets}, {"deciding", m.deciding}};
    j["interfaces"] = m.interfaces;
    j["missing"] = m.missing;
  } else {
    j["gone"] = m.gone;
  }
  j["key"] = hex_of(key);
  std::string text = j.dump(2, ' ', false, Json::error_handler_t::replace);
  text.resize(text.size() - 2);            // "\n}"
  Signature s;
  crypto_sign_detached(s.data(), nullptr, octets_of(text).data(), text.size(), secret.data());
  return text + std::string(before_signature) + hex(s) + "\"\n}\n";
}

std::optional<Manifest> read_manifest(std::string_view text, std::string& why) {
  const Json j = Json::parse(text, nullptr, false);
  Manifest m;
  try {
    if (!j.is_object() || j.at("vidra_evidence") != 1) return why = "no manifest of evidence", std::nullopt;
    m.kind = j.at("kind") == "evicted" ? Manifest::Kind::evicted : Manifest::Kind::kept;
    m.number = j.at("number").get<uint64_t>();
    m.previous = j.at("previous").get<std::string>();
    m.made = time_of(j.at("made").get<std::string>());
    m.key = j.at("key").get<std::string>();
    const Json& sensor = j.at("sensor");
    m.sensor = sensor.at("id").get<std::string>(), m.sensor_name = sensor.at("name").get<std::string>(), m.site = sensor.at("site").get<std::string>();
    if (m.kind == Manifest::Kind::evicted) return m.gone = j.at("gone").get<std::vector<std::string>>(), m;
    const Json& s = j.at("story");
    m.story = s.at("id").get<std::string>(), m.detection = s.at("detection").get<std::string>(), m.what = s.at("what").get<std::string>();
    m.source = s.at("source").get<std::string>(), m.target = s.at("target").get<std::string>();
    m.severity = s.at("severity").get<unsigned>(), m.part = s.at("part").get<unsigned>();
    m.first = time_of(s.at("first").get<std::string>()), m.last = time_of(s.at("last").get<std::string>());
    m.from = time_of(j.at("window").at("from").get<std::string>()), m.until = time_of(j.at("window").at("until").get<std::string>());
    m.interfaces = j.at("interfaces").get<std::vector<std::string>>(), m.missing = j.at("missing").get<std::vector<std::string>>();
    if (const Json& f = j.at("file"); !f.is_null()) {
      m.file = f.at("name").get<std::string>(), m.sha256 = f.at("sha256").get<std::string>();
      m.octets = f.at("octets").get<uint64_t>(), m.packets = f.at("packets").get<uint64_t>(), m.deciding = f.at("deciding").get<uint64_t>();
      if (!m.file.ends_with(".pcapng") || !plain_name(std::string_view(m.file).substr(0, m.file.size() - 7))) return why = "it names a file elsewhere", std::nullopt;
    }
    if (!plain_name(m.story)) return why = "its story has no id", std::nullopt;
  } catch (const Json::exception&) {
    return why = "no whole manifest of evidence", std::nullopt;
  }
  return m;
}

bool rightly_signed(std::string_view text) {
  const size_t end = text.rfind(before_signature);
  std::string why;
  const auto m = read_manifest(text, why);
  SignPublic key{};
  Signature s{};
  if (!m || end == text.npos || !unhex(m->key, key)) return false;
  const std::string_view rest = text.substr(end + before_signature.size());
  return rest.size() == 2 * s.size() + 4 && rest.ends_with("\"\n}\n") && unhex(rest.substr(0, 2 * s.size()), s) &&
         crypto_sign_verify_detached(s.data(), octets_of(text).data(), end, key.data()) == 0;
}

bool plain_name(std::string_view s) {
  return !s.empty() && s.size() <= 128 && s.find_first_not_of("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-") == s.npos;
}

uint64_t number_of(std::string_view name) {
  const size_t digits = std::min(name.find_first_not_of("0123456789"), name.size());
  if (digits < 8 || digits > 18 || digits == name.size() || name[digits] != '-') return 0;
  uint64_t n = 0;
  for (const char c : name.substr(0, digits)) n = n * 10 + uint64_t(c - '0');
  return n;
}

std::optional<std::string> whole_file(Storage& storage, const std::string& path, int& error, uint64_t most) {
  std::unique_ptr<File> file;
  if ((error = storage.open(path, Storage::Mode::existing, file))) return std::nullopt;
  const int64_t size = file->size();
  if (size < 0) return error = int(size), std::nullopt;
  if (uint64_t(size) > most) return error = -EFBIG, std::nullopt;
  std::string text(size_t(size), '\0');
  const int64_t n = file->read(0, {reinterpret_cast<uint8_t*>(text.data()), text.size()});
  if (n < 0) return error = int(n), std::nullopt;
  text.resize(size_t(n));
  return text;
}

std::vector<KeptSet> read_sets(Storage& storage, const std::string& folder, std::vector<std::string>& flaws) {
  std::vector<KeptSet> all;
  std::vector<std::string> names, pins;
  if (const int e = storage.list(folder, names)) return flaws.push_back(fmt::format("{}: {}", folder, std::strerror(-e))), all;
  storage.list(folder + "/pinned", pins);
  for (const std::string& name : names) {
    if (!name.ends_with(".json")) continue;
    int error = 0;
    const auto text = whole_file(storage, folder + "/" + name, error, longest_manifest);
    std::string why;
    const auto m = text ? read_manifest(*text, why) : std::nullopt;
    if (!m) {
      flaws.push_back(fmt::format("{}/{}: {}", folder, name, text ? why : std::strerror(-error)));
      continue;
    }
    KeptSet s;
    s.manifest = *m;
    s.name = name.substr(0, name.size() - 5);
    s.text_hash = sha256_text(octets_of(*text));
    s.signed_rightly = rightly_signed(*text);
    s.pinned = !m->story.empty() && std::binary_search(pins.begin(), pins.end(), m->story);
    if (!m->file.empty())
      if (std::unique_ptr<File> file; storage.open(folder + "/" + m->file, Storage::Mode::existing, file) == 0) s.on_disk = uint64_t(std::max<int64_t>(file->size(), 0));
    all.push_back(std::move(s));
  }
  std::sort(all.begin(), all.end(), [](const KeptSet& a, const KeptSet& b) { return a.manifest.number < b.manifest.number; });
  std::set<std::string> gone, named;
  uint64_t last = 0;
  for (const std::string& name : names)
    if (name.ends_with(".json")) last = std::max(last, number_of(name)), named.insert(name.substr(0, name.size() - 5));
  for (const std::string& name : names)      // behind the last one it is being written
    if (name.ends_with(".pcapng") && !named.contains(name.substr(0, name.size() - 7)) && number_of(name) <= last) flaws.push_back(fmt::format("{}/{}: its manifest is gone", folder, name));
  for (const KeptSet& s : all)
    if (s.signed_rightly)
      for (const std::string& g : s.manifest.gone) gone.insert(g.substr(0, g.find(' ')));
  for (KeptSet& s : all) s.evicted = !s.on_disk && gone.contains(s.manifest.file);
  return all;
}

std::vector<std::string> flaws_of(Storage& storage, const std::string& folder, const KeptSet& s, const std::vector<std::string>& trusted) {
  std::vector<std::string> flaws;
  const Manifest& m = s.manifest;
  if (!s.signed_rightly) flaws.push_back(fmt::format("{}/{}.json: it was changed after it was signed", folder, s.name));
  else if (!trusted.empty() && std::find(trusted.begin(), trusted.end(), m.key) == trusted.end())
    flaws.push_back(fmt::format("{}/{}.json: signed with the key {}, which is not this sensor's", folder, s.name, m.key));
  if (m.file.empty() || s.evicted) return flaws;
  int error = 0;
  const auto text = whole_file(storage, folder + "/" + m.file, error, std::max<uint64_t>(m.octets, 1 << 20) + 1);
  if (!text) flaws.push_back(fmt::format("{}/{}: {}", folder, m.file, error == -EFBIG ? fmt::format("it was changed: it has more than the {} octets that its manifest says", m.octets) : fmt::format("{}, and no manifest says that it was evicted", std::strerror(-error))));
  else if (const std::string is = sha256_text(octets_of(*text)); is != m.sha256)
    flaws.push_back(fmt::format("{}/{}: it was changed: its SHA-256 is {}, its manifest says {}", folder, m.file, is, m.sha256));
  return flaws;
}

std::vector<std::string> chain_flaws(const std::vector<KeptSet>& all) {
  std::vector<std::string> flaws;
  if (!all.empty() && all.size() < most_manifests) {   // beyond, the oldest go by themselves
    const KeptSet& first = all.front();
    if (first.manifest.number > 1) flaws.push_back(fmt::format("manifests 1 to {} are gone: {}.json is the first", first.manifest.number - 1, first.name));
    else if (first.manifest.previous != no_previous) flaws.push_back(fmt::format("{}.json is the first, and says that another was before it", first.name));
  }
  for (size_t i = 1; i < all.size(); i++) {
    const KeptSet &a = all[i - 1], &b = all[i];
    if (b.manifest.number == a.manifest.number) flaws.push_back(fmt::format("{}.json: there is another manifest with number {}: {}.json", b.name, b.manifest.number, a.name));
    else if (b.manifest.number != a.manifest.number + 1)
      flaws.push_back(b.manifest.number == a.manifest.number + 2 ? fmt::format("manifest {} is gone: {}.json is followed by {}.json", a.manifest.number + 1, a.name, b.name)
                                                                 : fmt::format("manifests {} to {} are gone: {}.json is followed by {}.json", a.manifest.number + 1, b.manifest.number - 1, a.name, b.name));
    else if (b.manifest.previous != a.text_hash) flaws.push_back(fmt::format("{}.json does not follow {}.json: one of them is not what it was", b.name, a.name));
  }
  return flaws;
}

}  // namespace vidra
