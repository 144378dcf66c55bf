// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <map>
#include <set>

#include "daemon/evidence/cut.h"
#include "daemon/evidence/manifest.h"

namespace vidra {

// Who signs.
struct Witness {
  std::string sensor, name, site;          // its id as text, what it is called, where it is
  SignPublic key{};
  SignSecret secret{};
};

// The sets of packets of stories, in a folder: written once and never changed, the oldest evicted for room, but not what somebody pinned
// (a file pinned/STORY beside them). One thread.
class Sets {
 public:
  Sets(Storage&, std::string folder, const EvidenceSettings&, Witness);

  std::vector<std::string> open(Time now);       // takes over what lies there; what is to be said
  // A set and its manifest, durable. "" or why not.
  std::string add(const Wish&, const Excerpt&, std::vector<std::string> missing, Time now);
  struct Counts {
    uint64_t sets = 0, octets = 0;               // whose packets lie here
    uint64_t pinned = 0, pinned_octets = 0;      // of these
    uint64_t evicted = 0, written = 0;           // since the start
    uint64_t last = 0;                           // number of the last manifest
  };
  Counts counts();                               // looks at what is pinned now
  std::string spare(uint64_t octets);            // why there is no room for so much; "" there is

 private:
  struct Set { std::string name, story, file, sha256; uint64_t octets = 0; };
  std::string put(const std::string& name, Bytes);
  std::string tell(Manifest&, const std::string& name);
  std::string make_room(uint64_t octets, Time now);
  std::set<std::string> pinned();

  Storage& storage_;
  const std::string folder_;
  const EvidenceSettings settings_;
  const Witness witness_;
  std::map<uint64_t, Set> sets_;                 // whose packets lie here, by number of their manifest
  std::map<uint64_t, std::string> manifests_;    // all that lie here
  uint64_t last_ = 0;
  std::string last_hash_ = no_previous;
  bool made_ = false;
  unsigned unread_ = 0;                          // times that the last manifest could not be read
  Counts counts_;
};

}  // namespace vidra
