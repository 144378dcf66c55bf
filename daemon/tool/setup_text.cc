// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "daemon/base/address.h"
#include "daemon/link/keys.h"
#include "daemon/tool/setup.h"

namespace vidra {
namespace {

using Kind = CaptureGroup::Kind;

// A TOML basic string.
std::string toml_text(std::string_view s) {
  std::string out = "\"";
  for (const char c : s) {
    if (c == '"' || c == '\\') out += '\\', out += c;
    else if (uint8_t(c) < 0x20 || c == 0x7f) out += fmt::format("\\u{:04x}", unsigned(c));
    else out += c;
  }
  return out + '"';
}

std::string list(const std::vector<std::string>& all) {
  std::string out = "[";
  for (const std::string& s : all) out += (out.size() > 1 ? ", " : "") + toml_text(s);
  return out + "]";
}

bool pair(Kind k) { return k == Kind::tap_pair || k == Kind::prp_pair; }

}  // namespace

std::string flaw_of_interfaces(Kind kind, const std::vector<std::string>& all) {
  if (all.empty()) return "name at least one interface, like eth1";
  for (size_t i = 0; i < all.size(); i++) {
    if (all[i].empty()) return "an interface has a name, like eth1";
    if (std::find(all.begin(), all.begin() + long(i), all[i]) != all.begin() + long(i)) return fmt::format("{} is named twice", all[i]);
  }
  if (pair(kind) && all.size() != 2) return fmt::format("a {} has two interfaces, and {} named: eth1 eth2", attachments[size_t(kind)], all.size() == 1 ? "one is" : fmt::format("{} are", all.size()));
  return "";
}

std::string flaw_of_prefix(const std::string& s) { return parse_prefix(s) ? "" : fmt::format("'{}' is no address range; write it like 10.10.1.0/24", s); }

std::string flaw_of_endpoint(const std::string& s) {
  const size_t colon = s.rfind(':');
  unsigned port = 0;
  if (s.starts_with("tcp://") && colon != std::string::npos && colon > 6 && s.find_first_of(" \t\"/", 6) == std::string::npos) {
    const char* const end = s.data() + s.size();
    const auto [stop, bad] = std::from_chars(s.data() + colon + 1, end, port);
    if (bad == std::errc() && stop == end && port >= 1 && port <= 65'535) return "";
  }
  return fmt::format("'{}' is no endpoint; write tcp://HOST:PORT, like tcp://cert.example:7421", s);
}

std::string flaw_of_key(const std::string& s) {
  if (!fingerprint_of_z85(s).empty()) return "";
  return fmt::format("'{}' is no key: it has {} characters, a key has 40 of Z85; at the collector, `vidra keys fingerprint` prints it", s, s.size());
}

std::string flaw_of_collector_name(const std::string& s) {
  if (!s.empty() && s.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == std::string::npos) return "";
  return fmt::format("'{}' names a folder: letters, digits, - and _ only", s);
}

std::string flaw_of_duration(const std::string& s) {
  int64_t n = 0;
  const auto [stop, bad] = std::from_chars(s.data(), s.data() + s.size(), n);
  const std::string_view unit(stop, size_t(s.data() + s.size() - stop));
  const int64_t minutes = unit == "min" ? n : unit == "h" ? n * 60 : unit == "d" ? n * 1440 : unit == "s" && n == 0 ? 0 : -1;
  if (bad == std::errc() && n >= 0 && n <= 1'000'000 && minutes >= 0 && minutes <= 90 * 1440) return "";
  return fmt::format("'{}' is no time to learn; write it like 12h or 14d, at most 90d; 0s learns until you change it", s);
}

std::string settings_text(const Answers& a) {
  std::string t = "# Written by `vidra setup`. Every other key has its default; the whole list, commented: vidra setup --defaults\n"
                  "# After a change: vidra check THIS-FILE, then systemctl reload vidra-sensor (capture and collectors: restart).\n\n[sensor]\n";
  t += fmt::format("name = {}{}\n\n[capture]\ninterfaces = {}\n", toml_text(a.name), a.name.empty() ? "                      # the host's name" : "", list(a.interfaces));
  if (a.attached == Kind::remote_mirror)
    t += "# The mirror comes here in tunnels: GRE and ERSPAN (IP protocol 47), VXLAN (UDP 4789), and their fragments. What else this machine\n"
         "# hears and says on the interface is its own business.\n"
         "filter = \"proto 47 or udp port 4789 or (ip[6:2] & 0x1fff != 0)\"\n";
  if (a.attached != Kind::mirror || a.interfaces.size() > 1)
    t += fmt::format("\n[[group]]\nname = {}\nkind = {}\ninterfaces = {}\n", toml_text(a.attached == Kind::mirror ? "mirrors" : std::string(attachments[size_t(a.attached)])),
                     toml_text(attachments[size_t(a.attached)]), list(a.interfaces));
  t += fmt::format("\n[judge]\nmode = \"learn\"                 # raises what needs no knowledge, and learns what is usual\nlearn_for = {:<20}# then it watches by itself\n", toml_text(a.learn_for));
  t += "\n[evidence]\nkeep = true                    # the last packets, and those of each alert, stay on this disk (vidra evidence); false: none\n";
  if (!a.collector.empty())
    t += fmt::format("\n[[collector]]\nname = {}\nendpoint = {}\nserver_key = {}\n# {} is its fingerprint: compare it by telephone.\ntlp = {}\noperations_in_full = {}{}\n", toml_text(a.collector_name),
                     toml_text(a.collector), toml_text(a.key), fingerprint_of_z85(a.key), toml_text(a.tlp), a.operations_in_full,
                     a.operations_in_full ? "" : "     # findings for operations leave as states and counts only") +
         "addresses = \"pseudonyms\"         # of the site: plain, pseudonyms, hidden. `vidra preview` shows what would leave\n"
         "names = \"pseudonyms\"             # likewise\n";
  if (!a.site.empty()) t += fmt::format("\n[site]\nname = {}\n", toml_text(a.site));
  if (!a.zone.empty()) {
    t += fmt::format("\n[[zone]]\nname = {}\n", toml_text(a.zone));
    if (!a.prefixes.empty()) t += fmt::format("prefixes = {}\n", list(a.prefixes));
  }
  return t;
}

}  // namespace vidra
