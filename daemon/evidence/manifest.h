// SPDX-License-Identifier: Apache-2.0
// What evidence says of itself: a manifest for each set of packets, signed, each naming the hash of the one before it.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "daemon/record/checkpoint.h"
#include "daemon/record/storage.h"
#include "dissectors/message.h"

namespace vidra {

// One set of packets, or a word that sets had to go. JSON on disk, NUMBER-STORY-PART.json, beside NUMBER-STORY-PART.pcapng.
struct Manifest {
  enum class Kind : uint8_t { kept, evicted };
  Kind kind = Kind::kept;
  uint64_t number = 0;                     // gap-free over the life of the folder, from 1
  std::string previous;                    // SHA-256 of the manifest before it, hexadecimal; of the first: 64 zeros
  Time made = 0;                           // wall
  std::string sensor, sensor_name, site;

  std::string story, detection, what, source, target;   // kept
  unsigned severity = 0, part = 0;         // parts count from 1: a story that goes on gets further ones
  Time first = 0, last = 0;                // of the story so far
  Time from = 0, until = 0;                // stamps: what was looked for
  std::string file;                        // "" when none of its packets was found
  std::string sha256;                      // of the file
  uint64_t octets = 0, packets = 0, deciding = 0;
  std::vector<std::string> interfaces;
  std::vector<std::string> missing;        // in sentences: what would belong here and is not

  std::vector<std::string> gone;           // evicted: names of the files, with the hashes that their manifests gave
  std::string key;                         // hexadecimal, of the signature
};

inline const std::string no_previous = std::string(64, '0');
std::string sha256_text(Bytes);

// The JSON text with its signature at the end: Ed25519 over all octets before `,\n  "signature"`.
std::string manifest_text(const Manifest&, const SignPublic&, const SignSecret&);
// Nothing, and why, when it is no manifest. The signature is not looked at.
std::optional<Manifest> read_manifest(std::string_view text, std::string& why);
// Whether the text is as it was signed with the key that it names.
bool rightly_signed(std::string_view text);

// All that lies in a folder of sets, by number; files that are no manifest are in `flaws`.
struct KeptSet {
  Manifest manifest;
  std::string name;                        // without ".json"
  std::string text_hash;                   // SHA-256 of the manifest's file
  bool signed_rightly = false;
  bool pinned = false, evicted = false;    // somebody's order; a later manifest says that its file went
  uint64_t on_disk = 0;                    // octets of its file, 0 where it is not there
};
std::vector<KeptSet> read_sets(Storage&, const std::string& folder, std::vector<std::string>& flaws);
// What is wrong with one set: its signature, its file. `trusted`: hexadecimal keys; empty: any.
std::vector<std::string> flaws_of(Storage&, const std::string& folder, const KeptSet&, const std::vector<std::string>& trusted);
// What is wrong between them: gaps, also at the beginning, a manifest that does not follow the one before.
std::vector<std::string> chain_flaws(const std::vector<KeptSet>&);
inline constexpr size_t most_manifests = 50'000;   // the oldest go

// The whole file; nothing, with the errno in `error`, when it cannot be read or has more than `most` octets (EFBIG).
std::optional<std::string> whole_file(Storage&, const std::string& path, int& error, uint64_t most = uint64_t{2} << 30);
// Whether this can be part of a file's name: letters, digits and - alone.
bool plain_name(std::string_view);
// NUMBER- at the front of a name; 0 where none is.
uint64_t number_of(std::string_view name);

}  // namespace vidra
