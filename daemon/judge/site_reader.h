// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <map>
#include <set>
#include <tuple>
#include <unordered_map>

#include "daemon/base/toml_file.h"
#include "daemon/judge/site.h"
#include "daemon/judge/site_file.h"

namespace vidra {

// What was declared before, in whichever file: nothing is declared twice.
struct DeclaredBefore {
  std::map<std::tuple<HostId, uint16_t, uint64_t, uint64_t, uint64_t, Direction>, std::string> points;   // where
  std::set<std::tuple<PublisherKind, std::string, Address>> publishers;
  std::set<std::pair<HostId, std::string>> data_sets;
  std::vector<std::pair<TomlTable, size_t>> told_elsewhere;   // points whose feedback another device or protocol tells: looked for when all is read
};

// The tables of one text of a site, each read into the Site it is given; what is wrong is told where it stands. Who serves and speaks is in
// site_reader.cc, the points of each protocol in site_points.cc, who tells a quantity or what became of a command in site_tellers.cc.
class SiteReader {
 public:
  SiteReader(Site& site, TomlTable& root, DeclaredBefore& declared);
  // Hosts and zones first, of every file: the other tables name them.
  void read_hosts();
  // Everything else that a site's text declares.
  void read_others();
  // The works that were opened on the box: their text holds nothing else.
  void read_windows(GoneHosts gone);
  // Whether what a feedback names is declared, and tells a state.
  void check_feedbacks();
  // Address ranges: a list of texts, appended to `to`.
  void prefixes(TomlTable& t, std::string_view key, std::vector<Prefix>& to);

 private:
  // "file:line:column" of a table.
  SitePlace place(const TomlTable& t);
  void macs(TomlTable& t, std::string_view key, std::vector<Mac>& to);
  bool words(TomlTable& t, std::string_view key, ActSet& to);
  std::vector<std::string_view> host_names() const;
  HostId named(TomlTable& t, std::string_view key, const std::string& name);
  HostId find_host(const std::string& name) const;
  std::vector<HostId> named_list(TomlTable& t, std::string_view key);
  std::vector<uint64_t> numbers(TomlTable& t, std::string_view key, int64_t most);
  void zone(TomlTable& t);
  void host(TomlTable& t);
  void selector(TomlTable& t, std::string_view key, Selector& to);
  bool port(TomlTable& t, std::string_view text, SiteConversation& c);
  void conversation(TomlTable& t);
  void object_ranges(TomlTable& t, std::vector<ObjectRange>& to);
  void sequence(TomlTable& t);
  void group(TomlTable& t);
  void publisher(TomlTable& t);
  void window(TomlTable& t);
  HostId stand_in(const std::string& name);

  // What is common to the points of every protocol.
  SitePoint point(TomlTable& t, std::string_view protocol);
  // 5101 or "0-19-237": octets of an address, the highest first.
  bool structured(TomlTable& t, std::string_view key, uint32_t& to, uint32_t most);
  // `key`: a number, or a text "0-7" for a range.
  bool range(TomlTable& t, std::string_view key, uint32_t& first, uint32_t& last, uint32_t most);
  // A range may hold an exception, which counts there (Site::point); of the same range twice one would be lost in silence.
  void add(TomlTable& t, SitePoint p);
  void iec104_point(TomlTable& t);
  void dnp3_point(TomlTable& t);
  void modbus_point(TomlTable& t);
  // A controllable object of IEC 61850, by its MMS name.
  void mms_point(TomlTable& t);

  void quantity(TomlTable& t);
  void member(TomlTable& t, SiteQuantity& q);
  QuantityMember teller(TomlTable& t, std::string_view whose, bool position);
  // `feedback = { host = …, protocol = …, object = … }`: another device, or the same in another protocol, tells what became of a command.
  // False where it is the device's own.
  bool told_elsewhere(TomlTable& t, SitePoint& p);
  std::string wrong_teller(const SitePoint& p) const;
  // "IED1LD0/LLN0$dsPos[3]", where the publishers or the data sets of the device are declared.
  std::string wrong_place(const SitePoint& p, const QuantityMember& m, size_t at) const;
  void data_set(TomlTable& t);

  bool on_the_box_ = false;
  GoneHosts gone_ = GoneHosts::left_out;
  Site& site_;
  std::unordered_map<std::string, HostId> by_name_;   // the first of each name
  std::map<Address, HostId> by_address_;
  TomlTable& root_;
  DeclaredBefore& declared_;
};

}  // namespace vidra
