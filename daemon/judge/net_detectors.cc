// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "daemon/judge/net.h"

namespace vidra {
namespace {

// Usual TCP and UDP ports of control protocols, those included that no dissector here reads yet.
constexpr uint16_t ot_ports[] = {102, 502, 789, 802, 1089, 1090, 1091, 1502, 1911, 1962, 2222, 2404, 4059, 4712, 4713, 4840, 4911, 5006, 5007, 5094,
                                 9600, 11234, 12401, 18245, 18246, 19998, 19999, 20000, 20256, 20547, 34962, 34963, 34964, 44818, 47808, 48898};
static_assert(std::is_sorted(std::begin(ot_ports), std::end(ot_ports)));

// Everything else with a dissector controls, measures, or programs what does.
constexpr std::string_view office[] = {"arp", "cdp", "dhcp", "dns", "ftp", "gmrp", "http", "igmp", "kerberos", "ldap", "lldp", "ntp", "prp", "ptp", "rdp", "sensor",
                                       "smb", "snmp", "ssh", "stp", "syslog", "tcp", "tds", "telnet", "tftp", "tls", "udp", "vnc", "vrrp"};
static_assert(std::is_sorted(std::begin(office), std::end(office)));

}  // namespace

bool is_control(uint16_t protocol) {
  static const std::vector<bool> control = [] {
    std::vector<bool> all;
    for (const Protocol* p : protocols) all.push_back(!std::binary_search(std::begin(office), std::end(office), p->name));
    return all;
  }();
  return protocol < control.size() && control[protocol];
}

bool is_ot_port(uint16_t port) { return std::binary_search(std::begin(ot_ports), std::end(ot_ports), port); }

void add_net_detectors(Detectors& to, const JudgeSettings& settings) {
  auto scanners = std::make_shared<Scanners>();
  to.push_back(new_host_detector(settings));
  to.push_back(scan_detector(settings, scanners));
  to.push_back(conversation_detector(settings, scanners));
  to.push_back(claim_detector(settings));
  to.push_back(arp_scan_detector(settings));
  to.push_back(silence_detector(settings));
  to.push_back(internet_detector(settings));
  to.push_back(segment_detector(settings));
  to.push_back(sensor_detector(settings));
}

}  // namespace vidra
