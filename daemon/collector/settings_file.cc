// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <charconv>
#include <filesystem>

#include "daemon/base/text.h"
#include "daemon/base/toml_file.h"
#include "daemon/collector/settings.h"
#include "daemon/report/language_file.h"

namespace vidra {
namespace {

// "*:7421", "10.0.0.5:7421", "[fd00::1]:7421"
bool is_listening_place(const std::string& s) {
  const size_t colon = s.rfind(':');
  if (colon == s.npos || colon == 0) return false;
  uint32_t port = 0;
  const auto [end, error] = std::from_chars(s.data() + colon + 1, s.data() + s.size(), port);
  if (error != std::errc{} || end != s.data() + s.size() || port > 65535) return false;
  const std::string host = s.substr(0, colon);
  return host.front() == '[' ? host.back() == ']' && host.size() > 3 : host.find_first_of(":/ ") == host.npos;
}

}  // namespace

bool read_collector_settings(const std::string& path, CollectorSettings& s, Problems& problems) {
  const size_t before = problems.size();
  auto root = TomlTable::open(path, problems);
  if (!root) return false;
  if (auto t = root->table("collector")) {
    t->read("state", s.state);
    if (s.state.empty() || s.state[0] != '/') t->complain("state", fmt::format("'state' is \"{}\"; it must be an absolute path, like \"{}\"", s.state, collector_state));
    t->read("listen", s.listen);
    if (!is_listening_place(s.listen))
      t->complain("listen", fmt::format("'listen' is \"{}\"; it must be an address and a port: \"*:7421\", \"10.0.0.5:7421\" or \"[fd00::1]:7421\"", s.listen));
    t->read("contact", s.contact);
    t->finish();
  }
  if (auto t = root->table("link")) {
    t->read_duration("heartbeat", s.link.heartbeat, second, 10 * minute);
    t->read_duration("handshake", s.link.handshake, 100 * millisecond, minute);
    t->read("credit", s.link.credit, 1, 65'536);
    t->read_size("held_a_sensor", s.link.sensor_bytes, 2u << 20, 1u << 30);
    t->read("records_a_second", s.link.sensor_records_per_second, 1, 10'000'000);
    t->finish();
  }
  if (auto t = root->table("journal")) {
    t->read_duration("keep", s.intake.retention.keep, hour, 3650 * day);
    t->read_size("size", s.intake.retention.max_bytes, 1u << 20, uint64_t{1} << 50);
    t->read_size("segment", s.intake.segment_bytes, 64u << 10, 1u << 30);
    t->read_size("min_free", s.intake.min_free, 1u << 20, uint64_t{1} << 50);
    if (s.intake.segment_bytes > s.intake.retention.max_bytes / 4)
      t->complain(t->has("segment") ? "segment" : "size", fmt::format("'segment' ({}) is more than a quarter of 'size' ({}): old records go by whole segments, "
          "so make segments smaller or the journal larger", human_bytes(s.intake.segment_bytes), human_bytes(s.intake.retention.max_bytes)));
    t->finish();
  }
  if (auto t = root->table("sensors")) {
    t->read_duration("silent_after", s.silent_after, second, 30 * day);
    t->finish();
  }
  if (s.silent_after < 2 * s.link.heartbeat) {
    auto t = root->table("sensors");
    (t ? *t : *root).complain("silent_after", fmt::format("'silent_after' in [sensors] ({}) is less than two of 'heartbeat' in [link] ({}): every sensor would be called silent",
                                                         human_duration(s.silent_after), human_duration(s.link.heartbeat)));
  }
  if (auto t = root->table("show")) {
    size_t choice = size_t(s.show);
    t->read_choice("alerts", choice, {"text", "json", "nothing"});
    s.show = Show(choice);
    t->read("severity", s.severity, 1, 5);
    if (t->read("words", s.words) && !s.words.empty()) s.words = (std::filesystem::path(t->path()).parent_path() / s.words).string();   // beside the file, wherever it is read from
    Problems wrong;
    if (t->read("language", s.language)) load_language(s.language, words_folder(s.words), wrong);
    for (const std::string& p : wrong) t->complain("language", p);
    t->read_duration("update_every", s.update_every, 0, day);
    t->finish();
  }
  root->finish();
  return problems.size() == before;
}

}  // namespace vidra
