// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string_view>

namespace vidra {

// Where TLS is usual, and what it carries there: first the secured variants of energy protocols (IEC 62351-3, -4, -5; IANA).
struct TlsPort { uint16_t number; std::string_view carries; };
inline constexpr TlsPort tls_ports[] = {
    {19998, "IEC 60870-5-104"}, {3782, "MMS"}, {19999, "DNP3"}, {802, "Modbus"}, {4843, "OPC UA"}, {2221, "EtherNet/IP"},
    {443, "HTTP"}, {8443, "HTTP"}, {5986, "WinRM"}, {636, "LDAP"}, {3269, "LDAP"}, {8883, "MQTT"}, {992, "Telnet"}, {990, "FTP"}, {853, "DNS"}, {6514, "syslog"}, {5061, "SIP"},
};
// What TLS on this port carries; "" where that is not known.
constexpr std::string_view tls_carries(uint16_t port) {
  for (const TlsPort& p : tls_ports)
    if (p.number == port) return p.carries;
  return {};
}

}  // namespace vidra
