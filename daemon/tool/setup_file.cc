// SPDX-License-Identifier: Apache-2.0
#include "daemon/tool/setup.h"

namespace vidra {

void read_answers(const std::string& path, Answers& a, Problems& problems) {
  auto root = TomlTable::open(path, problems);
  if (!root) return;
  size_t kind = size_t(a.attached), tlp = 2;
  if (root->read_choice("attached", kind, {attachments[0], attachments[1], attachments[2], attachments[3]})) a.attached = CaptureGroup::Kind(kind), a.told_how = true;
  root->read("interfaces", a.interfaces);
  root->read("name", a.name);
  root->read("site", a.site);
  root->read("zone", a.zone);
  root->read("prefixes", a.prefixes);
  root->read("collector", a.collector);
  root->read("key", a.key);
  root->read("collector_name", a.collector_name);
  if (root->read_choice("tlp", tlp, {tlps[0], tlps[1], tlps[2], tlps[3], tlps[4]})) a.tlp = tlps[tlp];
  root->read("operations_in_full", a.operations_in_full);
  root->read("learn_for", a.learn_for);
  const auto complain = [&](const char* key, const std::string& flaw) {
    if (!flaw.empty() && root->has(key)) root->complain(key, flaw);
  };
  complain("interfaces", flaw_of_interfaces(a.attached, a.interfaces));
  for (const std::string& p : a.prefixes) complain("prefixes", flaw_of_prefix(p));
  if (!a.collector.empty()) complain("collector", flaw_of_endpoint(a.collector));
  if (!a.key.empty()) complain("key", flaw_of_key(a.key));
  complain("collector_name", flaw_of_collector_name(a.collector_name));
  complain("learn_for", flaw_of_duration(a.learn_for));
  root->finish();
}

}  // namespace vidra
