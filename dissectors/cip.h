// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <array>

#include "dissectors/protocol.h"

// The Common Industrial Protocol as far as it needs no state: services by class, classes, statuses, paths, elementary types.
// The CIP Networks Library, Volume 1 (3.33), appendices A to C; Rockwell 1756-PM020 for the services of Logix controllers; 1770-6.5.16 for PCCC.
namespace vidra::cip {

enum Service : uint8_t {
  get_all = 1, set_all, get_list, set_list, reset, start, stop, create, remove, multiple = 0x0A, apply = 0x0D, get_single, set_single = 0x10,
  execute_pccc = 0x4B, read_tag = 0x4C, write_tag, read_modify_write, read_fragment = 0x52, write_fragment,
  forward_close = 0x4E, unconnected_send = 0x52, forward_open = 0x54, instance_list = 0x55, large_forward_open = 0x5B,
};
enum Class : uint16_t { identity = 1, router = 2, assembly = 4, connection_manager = 6, file = 0x37, pccc = 0x67, symbol = 0x6B, clock = 0x8B };

// Sub-function: the class; of PCCC 0xF000 | CMD << 8 | FNC. 0xffff: whatever the class. Sorted.
inline constexpr Function functions[] = {
    {0x01, 0x01, "Get_Attributes_All of Identity", Act::identify},
    {0x01, 0xffff, "Get_Attributes_All", Act::read},
    {0x02, 0x04, "Set_Attributes_All", Act::write},
    {0x02, 0xffff, "Set_Attributes_All", Act::configure},
    {0x03, 0x01, "Get_Attribute_List of Identity", Act::identify},
    {0x03, 0xffff, "Get_Attribute_List", Act::read},
    {0x04, 0x43, "Set_Attribute_List of Time Sync", Act::time},
    {0x04, 0x8B, "Set_Attribute_List of the wall clock", Act::time},
    {0x04, 0xF5, "Set_Attribute_List of TCP/IP Interface", Act::configure},
    {0x04, 0xF6, "Set_Attribute_List of Ethernet Link", Act::configure},
    {0x04, 0xffff, "Set_Attribute_List", Act::write},
    {0x05, 0x01, "Reset of Identity", Act::run},
    {0x05, 0xffff, "Reset", Act::run},
    {0x06, 0x8E, "Start: controller into run mode", Act::run},
    {0x06, 0xffff, "Start", Act::run},
    {0x07, 0x8E, "Stop: controller into program mode", Act::run},
    {0x07, 0xffff, "Stop", Act::run},
    {0x08, 0xAC, "Create: program download begins", Act::program},
    {0x08, 0xffff, "Create", Act::configure},
    {0x09, 0xffff, "Delete", Act::configure},
    {0x0A, 0xffff, "Multiple_Service_Packet", Act::other},
    {0x0D, 0xffff, "Apply_Attributes", Act::configure},
    {0x0E, 0x01, "Get_Attribute_Single of Identity", Act::identify},
    {0x0E, 0xffff, "Get_Attribute_Single", Act::read},
    {0x10, 0x43, "Set_Attribute_Single of Time Sync", Act::time},
    {0x10, 0x5D, "Set_Attribute_Single of CIP Security", Act::configure},
    {0x10, 0x5E, "Set_Attribute_Single of EtherNet/IP Security", Act::configure},
    {0x10, 0x8B, "Set_Attribute_Single of the wall clock", Act::time},
    {0x10, 0xF4, "Set_Attribute_Single of Port", Act::configure},
    {0x10, 0xF5, "Set_Attribute_Single of TCP/IP Interface", Act::configure},
    {0x10, 0xF6, "Set_Attribute_Single of Ethernet Link", Act::configure},
    {0x10, 0xffff, "Set_Attribute_Single", Act::write},
    {0x11, 0xffff, "Find_Next_Object_Instance", Act::browse},
    {0x14, 0xffff, "Error_Response", Act::other},
    {0x15, 0xffff, "Restore", Act::configure},
    {0x16, 0xffff, "Save", Act::configure},
    {0x17, 0xffff, "No_Operation", Act::other},
    {0x18, 0xffff, "Get_Member", Act::read},
    {0x19, 0xffff, "Set_Member", Act::write},
    {0x1A, 0xffff, "Insert_Member", Act::configure},
    {0x1B, 0xffff, "Remove_Member", Act::configure},
    {0x1C, 0xffff, "GroupSync", Act::time},
    {0x1D, 0xffff, "Get_Connection_Point_Member_List", Act::browse},
    {0x4B, 0x05, "Connection_Bind", Act::session},
    {0x4B, 0x0F, "Get_Enum_String", Act::browse},
    {0x4B, 0x37, "Initiate_Upload of a file", Act::file},
    {0x4B, 0x47, "Verify_Fault_Location of the ring", Act::diagnose},
    {0x4B, 0x5E, "Begin_Config of EtherNet/IP Security", Act::configure},
    {0x4B, 0x67, "Execute PCCC", Act::other},
    {0x4B, 0x74, "controller lock or unlock: service 4B", Act::session},
    {0x4B, 0x8E, "controller: service 4B", Act::session},
    {0x4B, 0xA1, "firmware: begin", Act::program},
    {0x4B, 0xAC, "program: lock or unlock for editing", Act::program},
    {0x4B, 0xF000, "PCCC protected write", Act::write},
    {0x4B, 0xF100, "PCCC unprotected read", Act::read},
    {0x4B, 0xF200, "PCCC protected bit write", Act::write},
    {0x4B, 0xF400, "PCCC physical read", Act::program},
    {0x4B, 0xF500, "PCCC unprotected bit write", Act::write},
    {0x4B, 0xF600, "PCCC echo", Act::diagnose},
    {0x4B, 0xF601, "PCCC read diagnostic counters", Act::diagnose},
    {0x4B, 0xF602, "PCCC set variables", Act::configure},
    {0x4B, 0xF603, "PCCC diagnostic status", Act::identify},
    {0x4B, 0xF604, "PCCC set timeout", Act::configure},
    {0x4B, 0xF605, "PCCC set NAKs", Act::configure},
    {0x4B, 0xF606, "PCCC set ENQs", Act::configure},
    {0x4B, 0xF607, "PCCC reset diagnostic counters", Act::diagnose},
    {0x4B, 0xF608, "PCCC set data table size", Act::configure},
    {0x4B, 0xF609, "PCCC read link parameters", Act::read},
    {0x4B, 0xF60A, "PCCC set link parameters", Act::configure},
    {0x4B, 0xF700, "PCCC disable outputs", Act::run},
    {0x4B, 0xF701, "PCCC enable program", Act::run},
    {0x4B, 0xF703, "PCCC enable scanning", Act::run},
    {0x4B, 0xF704, "PCCC enter download mode", Act::program},
    {0x4B, 0xF705, "PCCC exit download or upload mode", Act::program},
    {0x4B, 0xF706, "PCCC enter upload mode", Act::program},
    {0x4B, 0xF800, "PCCC unprotected write", Act::write},
    {0x4B, 0xFF00, "PCCC word range write", Act::write},
    {0x4B, 0xFF01, "PCCC word range read", Act::read},
    {0x4B, 0xFF02, "PCCC bit write", Act::write},
    {0x4B, 0xFF11, "PCCC get edit resource", Act::program},
    {0x4B, 0xFF12, "PCCC return edit resource", Act::program},
    {0x4B, 0xFF17, "PCCC read bytes physical", Act::program},
    {0x4B, 0xFF18, "PCCC write bytes physical", Act::program},
    {0x4B, 0xFF26, "PCCC read-modify-write", Act::write},
    {0x4B, 0xFF29, "PCCC read section size", Act::browse},
    {0x4B, 0xFF3A, "PCCC set CPU mode", Act::run},
    {0x4B, 0xFF41, "PCCC disable forces", Act::operate},
    {0x4B, 0xFF50, "PCCC download all request", Act::program},
    {0x4B, 0xFF52, "PCCC download completed", Act::program},
    {0x4B, 0xFF53, "PCCC upload all request", Act::program},
    {0x4B, 0xFF55, "PCCC upload completed", Act::program},
    {0x4B, 0xFF57, "PCCC initialize memory", Act::program},
    {0x4B, 0xFF5E, "PCCC modify PLC-2 compatibility file", Act::configure},
    {0x4B, 0xFF67, "PCCC typed write", Act::write},
    {0x4B, 0xFF68, "PCCC typed read", Act::read},
    {0x4B, 0xFF79, "PCCC read-modify-write of N words", Act::write},
    {0x4B, 0xFF80, "PCCC change mode", Act::run},
    {0x4B, 0xFF81, "PCCC open file", Act::file},
    {0x4B, 0xFF82, "PCCC close file", Act::file},
    {0x4B, 0xFF88, "PCCC execute command list", Act::program},
    {0x4B, 0xFF8F, "PCCC apply port configuration", Act::configure},
    {0x4B, 0xFF90, "PCCC restore port configuration", Act::configure},
    {0x4B, 0xFFA1, "PCCC protected typed logical read with two address fields", Act::read},
    {0x4B, 0xFFA2, "PCCC protected typed logical read with three address fields", Act::read},
    {0x4B, 0xFFA3, "PCCC function A3", Act::read},
    {0x4B, 0xFFA7, "PCCC protected typed file read", Act::file},
    {0x4B, 0xFFA9, "PCCC protected typed logical write with two address fields", Act::write},
    {0x4B, 0xFFAA, "PCCC protected typed logical write with three address fields", Act::write},
    {0x4B, 0xFFAB, "PCCC protected typed logical write with mask", Act::write},
    {0x4B, 0xFFAF, "PCCC protected typed file write", Act::file},
    {0x4B, 0xffff, "service 4B", Act::other},
    {0x4C, 0x05, "Producing_Application_Lookup", Act::session},
    {0x4C, 0x37, "Initiate_Download of a file", Act::file},
    {0x4C, 0x47, "Clear_Rapid_Faults of the ring", Act::configure},
    {0x4C, 0x5D, "CIP Security: service 4C", Act::configure},
    {0x4C, 0x6C, "Read Template", Act::browse},
    {0x4C, 0x72, "read of tags", Act::read},
    {0x4C, 0x74, "controller lock or unlock: service 4C", Act::session},
    {0x4C, 0x8E, "controller: service 4C", Act::session},
    {0x4C, 0xF6, "Get_and_Clear of Ethernet Link", Act::diagnose},
    {0x4C, 0xffff, "Read Tag", Act::read},
    {0x4D, 0x37, "Initiate_Partial_Read of a file", Act::file},
    {0x4D, 0x47, "Restart_Sign_On of the ring", Act::configure},
    {0x4D, 0x68, "force of a program's tag", Act::operate},
    {0x4D, 0x69, "force of an I/O point", Act::operate},
    {0x4D, 0xA1, "firmware: block", Act::program},
    {0x4D, 0xffff, "Write Tag", Act::write},
    {0x4E, 0x06, "Forward_Close", Act::session},
    {0x4E, 0x37, "Initiate_Partial_Write of a file", Act::file},
    {0x4E, 0x68, "force of a program's tag, lifted", Act::operate},
    {0x4E, 0x69, "force of an I/O point, lifted", Act::operate},
    {0x4E, 0xffff, "Read Modify Write Tag", Act::write},
    {0x4F, 0x37, "Upload_Transfer of a file", Act::file},
    {0x4F, 0x6A, "program: service 4F", Act::program},
    {0x4F, 0xffff, "service 4F", Act::other},
    {0x50, 0x37, "Download_Transfer of a file", Act::file},
    {0x50, 0x6A, "program: service 50", Act::program},
    {0x50, 0xffff, "service 50", Act::other},
    {0x51, 0x37, "Clear_File", Act::file},
    {0x51, 0x6A, "parameter write of a routine", Act::program},
    {0x51, 0xA1, "firmware: end", Act::program},
    {0x51, 0xffff, "service 51", Act::other},
    {0x52, 0x06, "Unconnected_Send", Act::other},
    {0x52, 0xffff, "Read Tag Fragmented", Act::read},
    {0x53, 0xffff, "Write Tag Fragmented", Act::write},
    {0x54, 0x06, "Forward_Open", Act::session},
    {0x54, 0xffff, "service 54", Act::other},
    {0x55, 0xffff, "Get_Instance_Attribute_List", Act::browse},
    {0x56, 0x06, "Get_Connection_Data", Act::diagnose},
    {0x56, 0xffff, "service 56", Act::other},
    {0x57, 0x06, "Search_Connection_Data", Act::diagnose},
    {0x57, 0xffff, "service 57", Act::other},
    {0x59, 0xffff, "service 59", Act::other},
    {0x5A, 0x06, "Get_Connection_Owner", Act::diagnose},
    {0x5A, 0xffff, "service 5A", Act::other},
    {0x5B, 0x06, "Large_Forward_Open", Act::session},
    {0x5B, 0xffff, "service 5B", Act::other},
    {0x5C, 0x8E, "controller: unlock", Act::session},
    {0x5C, 0xffff, "service 5C", Act::other},
    // Encapsulation commands: 0x100 | command (Volume 2, table 2-3.2).
    {0x100, 0xffff, "NOP", Act::session},
    {0x101, 0xffff, "ListTargets", Act::identify},
    {0x104, 0xffff, "ListServices", Act::identify},
    {0x163, 0xffff, "ListIdentity", Act::identify},
    {0x164, 0xffff, "ListInterfaces", Act::identify},
    {0x165, 0xffff, "RegisterSession", Act::session},
    {0x166, 0xffff, "UnRegisterSession", Act::session},
    {0x16F, 0xffff, "SendRRData without a CIP message", Act::other},
    {0x170, 0xffff, "SendUnitData without a CIP message", Act::other},
    {0x172, 0xffff, "IndicateStatus", Act::diagnose},
    {0x173, 0xffff, "Cancel", Act::other},
    {0x1C8, 0xffff, "StartDTLS", Act::session},
    {0x1FF, 0xffff, "unknown command", Act::other},
    // I/O connections over UDP.
    {0x200, 0xffff, "I/O summary", Act::report},
    {0x201, 0xffff, "I/O changed", Act::report},
    {0x202, 0xffff, "I/O breach", Act::report},
};

inline constexpr auto first_rows = [] {
  std::array<uint16_t, 129> first{};
  size_t row = 0;
  for (unsigned s = 0; s <= 128; s++) {
    while (row < std::size(functions) && functions[row].number < s) row++;
    first[s] = uint16_t(row);
  }
  return first;
}();
// The row of a service (below 0x80) at a class; null where there is none.
inline const Function* row_of(unsigned service, uint16_t sub) {
  const Function *first = functions + first_rows[service], *last = functions + first_rows[service + 1];
  if (first == last) return nullptr;
  const Function* at = std::lower_bound(first, last, sub, [](const Function& f, uint16_t n) { return f.sub < n; });
  if (at != last && at->sub == sub) return at;
  return last[-1].sub == 0xffff ? last - 1 : nullptr;
}

struct Named { uint16_t number; std::string_view name; };
template <size_t n>
constexpr std::string_view find_name(const Named (&table)[n], uint16_t number) {
  const auto at = std::lower_bound(std::begin(table), std::end(table), number, [](const Named& a, uint16_t b) { return a.number < b; });
  return at != std::end(table) && at->number == number ? at->name : std::string_view{};
}

inline constexpr Named classes[] = {
    {0x01, "Identity"}, {0x02, "Message Router"}, {0x04, "Assembly"}, {0x05, "Connection"}, {0x06, "Connection Manager"}, {0x07, "Register"},
    {0x08, "Discrete Input Point"}, {0x09, "Discrete Output Point"}, {0x0A, "Analog Input Point"}, {0x0B, "Analog Output Point"}, {0x0F, "Parameter"},
    {0x10, "Parameter Group"}, {0x28, "Motor Data"}, {0x29, "Control Supervisor"}, {0x2A, "AC/DC Drive"}, {0x2B, "Acknowledge Handler"}, {0x2C, "Overload"},
    {0x37, "File"}, {0x39, "Safety Supervisor"}, {0x41, "Event Log"}, {0x42, "Motion Device Axis"}, {0x43, "Time Sync"}, {0x44, "Modbus"},
    {0x45, "Originator Connection List"}, {0x47, "Device Level Ring"}, {0x48, "QoS"}, {0x4E, "Base Energy"}, {0x4F, "Electrical Energy"}, {0x52, "SNMP"},
    {0x53, "Power Management"}, {0x56, "PRP/HSR Protocol"}, {0x5D, "CIP Security"}, {0x5E, "EtherNet/IP Security"}, {0x5F, "Certificate Management"},
    {0x64, "Controller's project"}, {0x67, "PCCC"}, {0x68, "Program"}, {0x69, "I/O"}, {0x6A, "Routine"}, {0x6B, "Symbol"}, {0x6C, "Template"}, {0x70, "Task"},
    {0x72, "Tag list"}, {0x8B, "Wall clock"}, {0x8E, "Controller"}, {0xA1, "Firmware"}, {0xAC, "Project changes"}, {0xF3, "Connection Configuration"}, {0xF4, "Port"},
    {0xF5, "TCP/IP Interface"}, {0xF6, "Ethernet Link"}, {0x100, "Protection Trip"}, {0x101, "Protection Alarm"}, {0x102, "Circuit Breaker Supervisor"},
    {0x103, "Circuit Breaker Statistics"}, {0x109, "LLDP Management"}};

// Volume 1, appendix B-1.
inline constexpr Named statuses[] = {
    {0x01, "connection failure"}, {0x02, "resource unavailable"}, {0x03, "invalid parameter value"}, {0x04, "path segment error"}, {0x05, "path destination unknown"},
    {0x06, "partial transfer"}, {0x07, "connection lost"}, {0x08, "service not supported"}, {0x09, "invalid attribute value"}, {0x0A, "attribute list error"},
    {0x0B, "already in requested mode"}, {0x0C, "object state conflict"}, {0x0D, "object already exists"}, {0x0E, "attribute not settable"}, {0x0F, "privilege violation"},
    {0x10, "device state conflict"}, {0x11, "reply data too large"}, {0x12, "fragmentation of a primitive value"}, {0x13, "not enough data"},
    {0x14, "attribute not supported"}, {0x15, "too much data"}, {0x16, "object does not exist"}, {0x17, "no fragmentation in progress"}, {0x18, "no stored attribute data"},
    {0x19, "store operation failure"}, {0x1A, "routing failure, request too large"}, {0x1B, "routing failure, response too large"}, {0x1C, "missing attribute list entry"},
    {0x1D, "invalid attribute value list"}, {0x1E, "embedded service error"}, {0x1F, "vendor specific error"}, {0x20, "invalid parameter"}, {0x21, "write-once already written"},
    {0x22, "invalid reply received"}, {0x23, "buffer overflow"}, {0x24, "message format error"}, {0x25, "key failure in path"}, {0x26, "path size invalid"},
    {0x27, "unexpected attribute in list"}, {0x28, "invalid member"}, {0x29, "member not settable"}, {0x2A, "group 2 only server failure"}, {0x2B, "unknown Modbus error"},
    {0x2C, "attribute not gettable"}, {0x2D, "instance not deletable"}, {0x2E, "service not supported for the path"}, {0xFF, "general error"}};

// Extended status of a connection failure (Volume 1, table 3-5.34), as reason 0x4000 | status.
inline constexpr Named failures[] = {
    {0x0100, "connection in use"}, {0x0103, "transport class and trigger not supported"}, {0x0106, "ownership conflict"}, {0x0107, "connection not found"},
    {0x0108, "invalid connection type"}, {0x0109, "invalid connection size"}, {0x0110, "device not configured"}, {0x0111, "RPI not supported"},
    {0x0113, "out of connections"}, {0x0114, "vendor or product code mismatch"}, {0x0115, "device type mismatch"}, {0x0116, "revision mismatch"},
    {0x0117, "invalid application path"}, {0x0118, "invalid configuration path"}, {0x0119, "non-listen only connection not opened"}, {0x0127, "invalid O->T size"},
    {0x0128, "invalid T->O size"}, {0x0203, "connection timed out"}, {0x0204, "unconnected request timed out"}, {0x0205, "parameter error in unconnected request"},
    {0x0206, "message too large for unconnected send"}, {0x0301, "no buffer memory"}, {0x0302, "bandwidth not available"}, {0x0303, "no screeners available"},
    {0x0311, "port not available"}, {0x0312, "link address not valid"}, {0x0315, "invalid segment in connection path"}, {0x0316, "error in forward close"}, {0x0318, "link address to self"}};

// Of PCCC, the upper half of STS, as reason 0x2000 | STS (1770-6.5.16, chapter 8).
inline constexpr Named pccc_errors[] = {
    {0x10, "illegal command or format"}, {0x20, "host does not communicate"}, {0x30, "remote node missing or shut down"}, {0x40, "host has a hardware fault"},
    {0x50, "addressing problem or memory protected"}, {0x60, "function not allowed by protection"}, {0x70, "processor is in program mode"}, {0x80, "compatibility file missing"},
    {0x90, "remote node cannot buffer"}, {0xA0, "wait for acknowledge"}, {0xB0, "remote node busy with a download"}, {0xF0, "error in the extended status"}};

// Of the encapsulation (Volume 2, table 2-3.3), as reason 0x8000 | status; and what I/O breaks, as 0x1000 | enum.
inline constexpr Named encapsulation_errors[] = {
    {0x01, "invalid or unsupported command"}, {0x02, "insufficient memory"}, {0x03, "incorrect data"}, {0x64, "invalid session handle"}, {0x65, "invalid length"},
    {0x69, "unsupported protocol revision"}, {0x6A, "service not allowed on this port"}};
enum Io : uint16_t { io_missing = 1, io_misordered, io_mode, io_data };
inline constexpr std::string_view io_words[] = {"", "packets are missing", "out of order or repeated", "run or idle", "size of the data"};

inline std::string_view reason_name(uint16_t reason) {
  if (reason & 0x8000) return find_name(encapsulation_errors, reason & 0x7fff);
  if (reason & 0x4000) return find_name(failures, reason & 0x3fff);
  if (reason & 0x2000) return find_name(pccc_errors, reason & 0xf0);
  if (reason & 0x1000) return (reason & 0xfff) < std::size(io_words) ? io_words[reason & 0xfff] : std::string_view{};
  return find_name(statuses, reason);
}
inline std::string_view status_name(uint16_t status) { return find_name(statuses, status); }

inline constexpr Named vendors[] = {{1, "Rockwell Automation"}, {26, "Festo"}, {40, "WAGO"}, {47, "Omron"}, {48, "Turck"}, {90, "HMS"}, {283, "Hilscher"}, {562, "Phoenix Contact"}};

// Elementary data types (Volume 1, table C-6.1): octets, and what they are.
enum class Kind : uint8_t { none, boolean, integer, natural, real, bits, text };
struct Type { uint8_t octets = 0; Kind kind = Kind::none; };
constexpr Type type_of(uint16_t code) {
  switch (code) {
    case 0xC1: return {1, Kind::boolean};
    case 0xC2: return {1, Kind::integer};
    case 0xC3: return {2, Kind::integer};
    case 0xC4: return {4, Kind::integer};
    case 0xC5: return {8, Kind::integer};
    case 0xC6: return {1, Kind::natural};
    case 0xC7: return {2, Kind::natural};
    case 0xC8: return {4, Kind::natural};
    case 0xC9: return {8, Kind::natural};
    case 0xCA: return {4, Kind::real};
    case 0xCB: return {8, Kind::real};
    case 0xD1: return {1, Kind::bits};
    case 0xD2: return {2, Kind::bits};
    case 0xD3: return {4, Kind::bits};
    case 0xD4: return {8, Kind::bits};
    default: return {};
  }
}
inline uint64_t little(Reader& r, size_t octets) {
  switch (octets) {
    case 1: return r.u8();
    case 2: return r.le16();
    case 4: return r.le32();
    case 8: return r.le64();
    default: return 0;
  }
}
inline void set(Point& p, Type t, uint64_t v) {
  const unsigned shift = 64 - 8u * t.octets;
  switch (t.kind) {
    case Kind::boolean: p.set(v != 0); break;
    case Kind::integer: p.set_integer(int64_t(v << shift) >> shift); break;
    case Kind::natural: p.set_natural(v); break;
    case Kind::real: p.set_real(t.octets == 4 ? double(std::bit_cast<float>(uint32_t(v))) : std::bit_cast<double>(v)); break;
    case Kind::bits: p.set_bits(v, 8u * t.octets); break;
    default: break;
  }
}

// A padded EPATH (Volume 1, appendix C-1). Symbols are joined as a programmer writes them: "Program:Main.Motor[3].Speed".
struct Path {
  uint32_t cls = 0, instance = 0, attribute = 0, member = 0;
  std::array<uint32_t, 4> points{};      // connection points, in order
  uint8_t point_count = 0;
  bool has_class = false, has_instance = false, has_attribute = false, has_member = false, wrong = false;
  uint16_t route = 0;                    // the last port segment: port << 8 | link address
  uint32_t first_instance = 0;           // of an assembly named before another (configuration)
  std::array<char, 130> symbol;
  uint8_t symbol_octets = 0;

  std::string_view name() const { return {symbol.data(), symbol_octets}; }
  void put(std::string_view s) {
    s = s.substr(0, symbol.size() - symbol_octets);
    std::copy(s.begin(), s.end(), symbol.data() + symbol_octets);
    symbol_octets = uint8_t(symbol_octets + s.size());
  }
  void put_symbol(Bytes s) {
    if (symbol_octets) put(".");
    put(text_of(s));
  }
  void put_index(uint32_t n) {
    std::array<char, 12> digits;
    size_t at = digits.size();
    digits[--at] = ']';
    do digits[--at] = char('0' + n % 10);
    while (n /= 10);
    digits[--at] = '[';
    put({digits.data() + at, digits.size() - at});
  }
};

inline void read_path(Reader r, Path& p) {
  while (r) {
    const uint8_t segment = r.u8();
    switch (segment >> 5) {
      case 0: {                                                     // port
        const bool extended = segment & 0x10;
        const size_t link = extended ? r.u8() : 1;
        unsigned port = segment & 0x0f;
        if (port == 15) port = r.le16();
        const Bytes address = r.bytes(link);
        if (extended && link & 1) r.skip(1);
        p.route = uint16_t(port << 8 | (address.size() == 1 ? address[0] : 0));
        break;
      }
      case 1: {                                                     // logical
        const unsigned type = segment >> 2 & 7, format = segment & 3;
        if (type == 5) {                                            // electronic key
          r.require(r.u8() == 4);
          r.skip(8);
          break;
        }
        if (format) r.skip(1);
        const uint32_t v = format == 0 ? r.u8() : format == 1 ? r.le16() : r.le32();
        r.require(format != 3);
        switch (type) {
          case 0: p.cls = v, p.has_class = true, p.has_attribute = false; break;
          case 1:
            if (p.has_instance && !p.first_instance) p.first_instance = p.instance;
            p.instance = v, p.has_instance = true;
            break;
          case 2:
            if (p.symbol_octets) p.put_index(v);
            else p.member = v, p.has_member = true;
            break;
          case 3: if (p.point_count < p.points.size()) p.points[p.point_count++] = v; break;
          case 4: p.attribute = v, p.has_attribute = true; break;
          default: break;
        }
        break;
      }
      case 2: r.skip(segment & 0x10 ? 1 + 2 * size_t{r.peek().empty() ? uint8_t{0} : r.peek()[0]} : 1); break;   // network: production inhibit time, …
      case 3: {                                                     // symbolic
        const size_t n = segment & 0x1f;
        if (!n) {                                                   // extended: two or three octets a character, numbers
          const uint8_t format = r.u8();
          r.skip((format >> 5 == 1 ? 2u : format >> 5 == 2 ? 3u : 1u) * (format & 0x1f));
          break;
        }
        p.put_symbol(r.bytes(n));
        if (!(n & 1)) r.skip(1);
        break;
      }
      case 4: {                                                     // data
        const size_t n = r.u8();
        if (segment == 0x91) {                                      // ANSI extended symbol
          p.put_symbol(r.bytes(n));
          if (n & 1) r.skip(1);
        } else {
          r.skip(2 * n);
        }
        break;
      }
      default: r.require(false); break;
    }
  }
}

}  // namespace vidra::cip
