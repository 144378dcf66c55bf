// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "dissectors/text.h"

// What may be said of a password, a community or a token: whether there is one, and whether it is one that a vendor ships.
// The secret itself never enters a sentence.
namespace vidra {

enum class Secret : uint8_t { none, vendor_default, other };
constexpr std::string_view name_of(Secret s) { return s == Secret::none ? "none" : s == Secret::vendor_default ? "vendor default" : "other"; }

// Credentials that vendors print in their manuals or that advisories made public. User and password without regard to case; an
// empty user stands for any, for devices whose levels have a password and no user.
struct DefaultCredential { std::string_view user, password, whose; };
inline constexpr DefaultCredential default_credentials[] = {
    {"", "otter", "SEL relays, access level 1"},
    {"", "tail", "SEL relays, access level 2"},
    {"", "edith", "SEL relays, breaker level"},
    {"", "clarke", "SEL relays, calibration level"},
    {"ftpuser", "tail", "SEL"},
    {"2ac", "tail", "SEL"},
    {"westronic", "rd", "GE D20"},
    {"admin", "admin", "many"},
    {"admin", "password", "many"},
    {"admin", "1234", "many"},
    {"admin", "12345", "many"},
    {"admin", "default", "many"},
    {"admin", "private", "Hirschmann, Phoenix Contact"},
    {"admin", "wago", "WAGO"},
    {"admin", "moxa", "Moxa"},
    {"admin", "westermo", "Westermo"},
    {"admin", "superuser", "Lantronix and others"},
    {"admin", "admin01", "Teltonika"},
    {"admin", "system", "Lantronix"},
    {"admin", "siemens", "Siemens"},
    {"admin", "0000", "many"},
    {"admin", "1111", "many"},
    {"adm", "adm", "Ewon"},
    {"administrator", "administrator", "ABB, Hitachi Energy"},
    {"administrator", "admin", "many"},
    {"administrator", "1", "Beckhoff"},
    {"administrator", "ml1100", "Rockwell MicroLogix 1100"},
    {"administrator", "ml1400", "Rockwell MicroLogix 1400"},
    {"webguest", "1", "Beckhoff"},
    {"default", "default", "Hitachi Energy RTU500 and others"},
    {"root", "root", "many"},
    {"root", "wago", "WAGO"},
    {"root", "dbps", "Digi"},
    {"root", "admin", "many"},
    {"root", "password", "many"},
    {"root", "12345", "many"},
    {"root", "pass", "many"},
    {"su", "ko2003wa", "WAGO"},
    {"user", "user", "WAGO and others"},
    {"user", "public", "Hirschmann"},
    {"user", "12345", "Sierra Wireless"},
    {"user", "password", "Schneider Electric"},
    {"user", "0000", "SMA"},
    {"installer", "1111", "SMA"},
    {"guest", "guest", "RuggedCom, Rockwell"},
    {"oper", "oper", "RuggedCom"},
    {"operator", "operator", "many"},
    {"engineer", "engineer", "many"},
    {"service", "service", "many"},
    {"supervisor", "supervisor", "many"},
    {"ntpupdate", "ntpupdate", "Schneider Electric"},
    {"sysdiag", "factorycast@schneider", "Schneider Electric"},
    {"fwupgrade", "sysdiag", "Schneider Electric"},
    {"loader", "fwdownload", "Schneider Electric"},
    {"wsupgrade", "wsupgrade", "Schneider Electric"},
    {"pcfactory", "pcfactory", "Schneider Electric"},
    {"ftpuser", "ftpuser", "Schneider Electric"},
    {"ftpuser", "password", "many"},
    {"qbf77101", "hexakisoctahedron", "Schneider Electric"},
    {"nic2212", "poiuypoiuy", "Schneider Electric"},
    {"nimrohs2212", "qlxsxrmf", "Schneider Electric"},
    {"target", "password", "VxWorks"},
    {"basisk", "basisk", "Siemens S7-300"},
    {"", "100", "Siemens SIMATIC panels"},
    {"winccconnect", "2wsxcder", "Siemens WinCC"},
    {"winccadmin", "2wsxcde.", "Siemens WinCC"},
    {"melsec", "melsec", "Mitsubishi"},
    {"ilon", "ilon", "Echelon"},
    {"sa", "sa", "Microsoft SQL Server"},
    {"sa", "password", "Microsoft SQL Server"},
    {"cisco", "cisco", "Cisco"},
    {"ubnt", "ubnt", "Ubiquiti"},
    {"pi", "raspberry", "Raspberry Pi"},
    {"centum", "centum", "Yokogawa"},
};

// SNMP communities that devices ship with.
inline constexpr std::string_view default_communities[] = {"public", "private", "admin", "manager", "community", "monitor", "secret", "cisco", "ilmi", "snmpd", "security",
                                                           "rmon", "rmon_admin", "hp_admin", "anycom", "volition", "read", "write", "read-write", "all private", "ruggedcom",
                                                           "westermo", "moxa", "siemens", "openview", "tech", "guest", "default", "system", "private-rw", "netman"};

constexpr Secret password_kind(std::string_view user, std::string_view password) {
  if (password.empty()) return Secret::none;
  for (const DefaultCredential& d : default_credentials)
    if (same(password, d.password) && (d.user.empty() || same(user, d.user))) return Secret::vendor_default;
  return Secret::other;
}
constexpr Secret community_kind(std::string_view community) {
  if (community.empty()) return Secret::none;
  for (std::string_view d : default_communities)
    if (same(community, d)) return Secret::vendor_default;
  return Secret::other;
}

inline void tell_secret(Speaker& say, std::string_view name, Secret kind) { tell(say, name, name_of(kind)); }

}  // namespace vidra
