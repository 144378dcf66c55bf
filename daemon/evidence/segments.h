// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "daemon/evidence/pcapng.h"
#include "daemon/evidence/settings.h"
#include "daemon/record/storage.h"

namespace vidra {

// One file of the last packets: of one sort, as one worker heard them.
struct KeptPiece {
  std::string path;
  Sort sort = Sort::ordinary;
  size_t worker = 0;
  Time first = 0, last = 0;                // stamps in it
};

// The last packets on disk: pcapng files that each begin with a section and its interfaces, named by sort, worker and when they were
// begun. The oldest go when a sort has more than its quota, when they are too old, and, masses first, when the disk has less room than is
// to be left. One thread writes; `pieces` and `held` may be asked from any.
class Segments {
 public:
  // `folder`: of these files alone.
  Segments(Storage&, std::string folder, const EvidenceSettings&, size_t workers);

  // Makes the folder and takes over what lies there; what power loss tore is cut back to its last whole frame. Each thing that is to be
  // said, once.
  std::vector<std::string> open(Time now);
  // Whole blocks of frames, the newest of stamp `newest`. False: the disk did not take them (`trouble` says why), or they are not to be kept.
  bool append(Sort, size_t worker, const std::vector<KeptInterface>&, Bytes blocks, Time newest, Time now);
  void tend(Time now);                     // once a second or so: ages, quotas, room
  void stepped(Time by);                   // the wall clock was: nothing is older or younger for that
  void close();

  std::vector<KeptPiece> pieces(Time from, Time until) const;   // that may hold frames of that time, oldest first
  struct Held {
    std::array<uint64_t, sort_count> octets{}, evicted{};   // on disk now; octets that went for want of room or time
    std::array<Time, sort_count> oldest{};                  // stamp; 0 where nothing is held
    uint64_t written = 0;
    std::string trouble;                                    // why the disk takes nothing now; "" it does
  };
  Held held() const;

 private:
  struct Segment {
    KeptPiece piece;
    uint64_t octets = 0;
    Time begun = 0;                        // wall, as the clock goes now
    bool unread = false;                   // the disk did not give it: it stays as it is
  };
  struct Open {
    std::unique_ptr<File> file;
    std::vector<KeptInterface> interfaces;
    size_t index = 0;                      // among segments_, by number
    bool empty = true;                     // nothing but its head is in it
  };
  using Way = std::pair<Sort, size_t>;     // sort and worker
  bool begin(Way, const std::vector<KeptInterface>&, Time first, Time now);
  void fail(const std::string& what, int error, Time now);
  bool evict(Sort, bool writing = false);  // the oldest of this sort, also one that is being written; false: there is none
  bool give_way(Sort up_to);               // the oldest of what is worth the least, of sorts up to this one
  uint64_t octets(Sort) const;
  std::string mend(Segment&);
  std::string look(Segment&);              // at its first frame
  std::string damaged(Segment&, uint64_t at);

  Storage& storage_;
  const std::string folder_;
  const EvidenceSettings settings_;
  const size_t workers_;
  std::map<Way, Open> open_;
  Time last_name_ = 0, retry_ = 0, looked_ = 0;
  bool cramped_ = false;
  mutable std::mutex mutex_;               // what follows; held for moments
  std::map<size_t, Segment> segments_;     // in the order in which they were begun
  size_t next_ = 0;
  Held held_;
};

}  // namespace vidra
