// SPDX-License-Identifier: Apache-2.0
#include "daemon/record/seal.h"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>

#include "daemon/base/text.h"

namespace vidra {
namespace {

constexpr std::string_view heading = "\n[frozen]\n", before_signature = "\nsignature = \"";

std::string hex(const uint8_t* octets, size_t n) {
  std::string out;
  for (size_t i = 0; i < n; i++) out += fmt::format("{:02x}", octets[i]);
  return out;
}

bool unhex(std::string_view s, uint8_t* to, size_t n) {
  size_t got = 0;
  return s.size() == 2 * n && sodium_hex2bin(to, n, s.data(), s.size(), nullptr, &got, nullptr) == 0 && got == n;
}

std::string quoted(std::string_view s) {
  std::string out = "\"";
  for (const char c : s)
    if (uint8_t(c) < 0x20 || c == 0x7f) out += ' ';
    else out += c == '"' || c == '\\' ? std::string{'\\', c} : std::string(1, c);
  return out + "\"";
}

// The value of `key = "…"` among the lines from `at`.
std::string_view value(std::string_view text, size_t at, std::string_view key) {
  const size_t line = text.find(fmt::format("\n{} = \"", key), at);
  if (line == text.npos) return {};
  const size_t from = line + key.size() + 5, to = text.find('"', from);
  return to == text.npos ? std::string_view{} : text.substr(from, to - from);
}

}  // namespace

std::string hex_of(const SignPublic& key) { return hex(key.data(), key.size()); }

bool is_sealed(std::string_view text) { return text.rfind(heading) != text.npos; }

std::string_view unsealed(std::string_view text) {
  const size_t at = text.rfind(heading);
  return at == text.npos ? text : text.substr(0, at + (at && text[at - 1] == '\n' ? 0 : 1));
}

std::string sealed(std::string_view text, const Seal& seal, const SignPublic& key, const SignSecret& secret) {
  std::string out(unsealed(text));
  if (!out.empty() && out.back() != '\n') out += '\n';
  out += heading;
  out += fmt::format("by = {}\nat = \"{}\"\n", quoted(seal.by), iso_time(seal.at, 0));
  if (!seal.note.empty()) out += fmt::format("note = {}\n", quoted(seal.note));
  out += fmt::format("key = \"{}\"", hex_of(key));
  Signature s;
  crypto_sign_detached(s.data(), nullptr, reinterpret_cast<const uint8_t*>(out.data()), out.size(), secret.data());
  return out + std::string(before_signature) + hex(s.data(), s.size()) + "\"\n";
}

std::string seal_flaw(std::string_view text, std::span<const std::string> trusted) {
  const size_t at = text.rfind(heading);
  if (at == text.npos) return "it was never frozen";
  const std::string_view by = value(text, at, "by"), when = value(text, at, "at"), key = value(text, at, "key");
  const size_t end = text.rfind(before_signature);
  SignPublic known{};
  Signature s{};
  if (end == text.npos || end < at || !unhex(key, known.data(), known.size()) || !unhex(value(text, at, "signature"), s.data(), s.size()) ||
      text.substr(end + before_signature.size()) != fmt::format("{}\"\n", hex(s.data(), s.size())) ||
      crypto_sign_verify_detached(s.data(), reinterpret_cast<const uint8_t*>(text.data()), end, known.data()) != 0)
    return fmt::format("it was changed after {} froze it on {}", by.empty() ? "somebody" : by, when.empty() ? "an unknown day" : when.substr(0, 10));
  if (!trusted.empty() && std::find(trusted.begin(), trusted.end(), hex_of(known)) == trusted.end())
    return fmt::format("{} froze it on {} with the key {}, which is not trusted here", by, when.substr(0, 10), hex_of(known));
  return {};
}

}  // namespace vidra
