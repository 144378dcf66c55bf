// SPDX-License-Identifier: Apache-2.0
#include "daemon/evidence/export.h"

#include <fmt/format.h>
#include <sodium.h>

#include <cstring>
#include <map>

namespace vidra {
namespace {

constexpr std::string_view before_signature = ",\n  \"signature\": \"";

Bytes octets_of(std::string_view s) { return {reinterpret_cast<const uint8_t*>(s.data()), s.size()}; }

// One file of an archive: header of 512 octets, contents, padding (IEEE 1003.1, pax, ustar interchange format).
void add(std::string& to, const std::string& name, std::string_view contents, Time when) {
  char head[512] = {};
  const auto field = [&](size_t at, size_t n, const std::string& s) { std::memcpy(head + at, s.data(), std::min(n, s.size())); };
  field(0, 100, name), field(100, 8, "0000640"), field(108, 8, "0000000"), field(116, 8, "0000000");
  field(124, 12, fmt::format("{:011o}", contents.size())), field(136, 12, fmt::format("{:011o}", std::max<Time>(when / second, 0)));
  field(148, 8, "        "), field(156, 1, "0"), field(257, 6, std::string("ustar\0", 6)), field(263, 2, "00");
  unsigned sum = 0;
  for (const char c : head) sum += uint8_t(c);
  field(148, 8, fmt::format("{:06o}", sum) + std::string("\0 ", 2));
  to.append(head, sizeof head);
  to += contents;
  to.resize((to.size() + 511) & ~size_t{511});
}

std::string unhex(std::string_view s) {
  std::string out(s.size() / 2, '\0');
  size_t n = 0;
  if (sodium_hex2bin(reinterpret_cast<uint8_t*>(out.data()), out.size(), s.data(), s.size(), nullptr, &n, nullptr) != 0) return {};
  out.resize(n);
  return out;
}

// RFC 8410: SubjectPublicKeyInfo of an Ed25519 key.
std::string pem(const std::string& key_hex) {
  const std::string der = unhex("302a300506032b6570032100") + unhex(key_hex);
  std::string text(sodium_base64_ENCODED_LEN(der.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
  sodium_bin2base64(text.data(), text.size(), octets_of(der).data(), der.size(), sodium_base64_VARIANT_ORIGINAL);
  text.resize(std::strlen(text.c_str()));
  return "-----BEGIN PUBLIC KEY-----\n" + text + "\n-----END PUBLIC KEY-----\n";
}

constexpr std::string_view guide = R"(Packets that a Vidra sensor kept of one alert, as it kept them.

NUMBER-STORY-PART.pcapng   the packets; a comment at each says what it is. Wireshark and tshark read it.
NUMBER-STORY-PART.json     its manifest: what was looked for, what was found, what is missing, SHA-256 of the file,
                           SHA-256 of the manifest before ("previous"), the signature.
….json.signed, ….json.sig  the octets of the manifest that are signed, and the signature (Ed25519) as such.
key-….pem                  the sensor's public signing key. That it is this sensor's, ask the operator and the CERT:
                           both know it from elsewhere.

To verify, in this folder:

    sha256sum -c SHA256SUMS                        # nothing changed since it was exported
    openssl pkeyutl -verify -pubin -inkey key-….pem -rawin -in NAME.json.signed -sigfile NAME.json.sig
    sha256sum NAME.pcapng                          # the same number as "sha256" in NAME.json

NAME.json begins with the very octets of NAME.json.signed; cmp says so by ending at its last octet. All manifests of the sensor follow one
another by number and "previous"; the whole chain is verified on the sensor: vidra evidence --verify
)";

}  // namespace

std::string export_archive(Storage& storage, const std::string& folder, const std::vector<const KeptSet*>& sets, Time now, std::string& why) {
  std::map<std::string, std::string> files{{"HOW-TO-VERIFY.txt", std::string(guide)}};
  for (const KeptSet* s : sets) {
    int error = 0;
    const std::string name = s->name + ".json";
    auto text = whole_file(storage, folder + "/" + name, error);
    if (!text) return why = fmt::format("{}/{}: {}", folder, name, std::strerror(-error)), "";
    if (const size_t end = text->rfind(before_signature); end != text->npos) {
      files[name + ".signed"] = text->substr(0, end);
      const size_t from = end + before_signature.size();
      files[name + ".sig"] = unhex(std::string_view(*text).substr(from, 128));
    }
    if (s->manifest.key.size() == 64) files[fmt::format("key-{}.pem", s->manifest.key.substr(0, 8))] = pem(s->manifest.key);
    files[name] = std::move(*text);
    if (s->manifest.file.empty() || !s->on_disk) continue;
    auto packets = whole_file(storage, folder + "/" + s->manifest.file, error);
    if (!packets) return why = fmt::format("{}/{}: {}", folder, s->manifest.file, std::strerror(-error)), "";
    files[s->manifest.file] = std::move(*packets);
  }
  std::string sums;
  for (const auto& [name, contents] : files) sums += fmt::format("{}  {}\n", sha256_text(octets_of(contents)), name);
  files["SHA256SUMS"] = sums;
  std::string archive;
  for (const auto& [name, contents] : files) add(archive, name, contents, now);
  archive.append(1024, '\0');
  return archive;
}

}  // namespace vidra
