// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <array>

#include "dissectors/iso.h"
#include "dissectors/mms_names.h"

// The tables of MMS: kinds of PDU, services by number, what reads and writes mean, why something was refused.
namespace vidra::mms {

// ISO 9506-2, 7.2: MMSpdu's choices by their tags, and what has no PDU of MMS in it.
enum Frame : uint8_t {
  confirmed_request, confirmed_response, confirmed_error, unconfirmed, reject, cancel_request, cancel_response, cancel_error,
  initiate_request, initiate_response, initiate_error, conclude_request, conclude_response, conclude_error, association, transport
};
inline constexpr std::string_view frames[] = {
    "confirmed-Request", "confirmed-Response", "confirmed-Error", "unconfirmed", "reject", "cancel-Request", "cancel-Response", "cancel-Error",
    "initiate-Request", "initiate-Response", "initiate-Error", "conclude-Request", "conclude-Response", "conclude-Error", "association", "transport"};

// Function numbers: confirmed services have their own; unconfirmed ones from 256, PDUs without a service from 272 by their tag,
// associations from 288 on.
enum : uint16_t { information_report = 256, first_pdu = 272, first_association = 288, remainder = 304 };

// Where a request of a service says what it is about.
enum class Names : uint8_t { nothing, identifier, first, object, object0, file, file0, own };
struct Service { std::string_view name; Act act; Names names; };

// ISO 9506-2, 7.4: ConfirmedServiceRequest.
inline constexpr Service services[] = {
    {"status", Act::diagnose, Names::nothing},
    {"getNameList", Act::browse, Names::own},
    {"identify", Act::identify, Names::nothing},
    {"rename", Act::configure, Names::own},
    {"read", Act::read, Names::own},
    {"write", Act::write, Names::own},
    {"getVariableAccessAttributes", Act::browse, Names::object0},
    {"defineNamedVariable", Act::configure, Names::object},
    {"defineScatteredAccess", Act::configure, Names::object},
    {"getScatteredAccessAttributes", Act::browse, Names::object},
    {"deleteVariableAccess", Act::configure, Names::own},
    {"defineNamedVariableList", Act::configure, Names::own},
    {"getNamedVariableListAttributes", Act::browse, Names::object},
    {"deleteNamedVariableList", Act::configure, Names::own},
    {"defineNamedType", Act::configure, Names::object},
    {"getNamedTypeAttributes", Act::browse, Names::object},
    {"deleteNamedType", Act::configure, Names::own},
    {"input", Act::read, Names::nothing},
    {"output", Act::write, Names::nothing},
    {"takeControl", Act::session, Names::object0},
    {"relinquishControl", Act::session, Names::object0},
    {"defineSemaphore", Act::configure, Names::object0},
    {"deleteSemaphore", Act::configure, Names::object},
    {"reportSemaphoreStatus", Act::diagnose, Names::object},
    {"reportPoolSemaphoreStatus", Act::diagnose, Names::object0},
    {"reportSemaphoreEntryStatus", Act::diagnose, Names::object0},
    {"initiateDownloadSequence", Act::program, Names::first},
    {"downloadSegment", Act::program, Names::identifier},
    {"terminateDownloadSequence", Act::program, Names::first},
    {"initiateUploadSequence", Act::program, Names::identifier},
    {"uploadSegment", Act::program, Names::nothing},
    {"terminateUploadSequence", Act::program, Names::nothing},
    {"requestDomainDownload", Act::program, Names::first},
    {"requestDomainUpload", Act::program, Names::first},
    {"loadDomainContent", Act::program, Names::first},
    {"storeDomainContent", Act::program, Names::first},
    {"deleteDomain", Act::program, Names::identifier},
    {"getDomainAttributes", Act::browse, Names::identifier},
    {"createProgramInvocation", Act::program, Names::first},
    {"deleteProgramInvocation", Act::program, Names::identifier},
    {"start", Act::run, Names::first},
    {"stop", Act::run, Names::first},
    {"resume", Act::run, Names::first},
    {"reset", Act::run, Names::first},
    {"kill", Act::run, Names::first},
    {"getProgramInvocationAttributes", Act::browse, Names::identifier},
    {"obtainFile", Act::file, Names::own},
    {"defineEventCondition", Act::configure, Names::object0},
    {"deleteEventCondition", Act::configure, Names::nothing},
    {"getEventConditionAttributes", Act::browse, Names::object},
    {"reportEventConditionStatus", Act::diagnose, Names::object},
    {"alterEventConditionMonitoring", Act::configure, Names::object0},
    {"triggerEvent", Act::run, Names::object0},
    {"defineEventAction", Act::configure, Names::object0},
    {"deleteEventAction", Act::configure, Names::nothing},
    {"getEventActionAttributes", Act::browse, Names::object},
    {"reportEventActionStatus", Act::diagnose, Names::object},
    {"defineEventEnrollment", Act::configure, Names::object0},
    {"deleteEventEnrollment", Act::configure, Names::nothing},
    {"alterEventEnrollment", Act::configure, Names::object0},
    {"reportEventEnrollmentStatus", Act::diagnose, Names::object},
    {"getEventEnrollmentAttributes", Act::browse, Names::nothing},
    {"acknowledgeEventNotification", Act::other, Names::object0},
    {"getAlarmSummary", Act::read, Names::nothing},
    {"getAlarmEnrollmentSummary", Act::read, Names::nothing},
    {"readJournal", Act::read, Names::object0},
    {"writeJournal", Act::write, Names::object0},
    {"initializeJournal", Act::configure, Names::object0},
    {"reportJournalStatus", Act::diagnose, Names::object},
    {"createJournal", Act::configure, Names::object0},
    {"deleteJournal", Act::configure, Names::object0},
    {"getCapabilityList", Act::browse, Names::nothing},
    {"fileOpen", Act::file, Names::file0},
    {"fileRead", Act::file, Names::own},
    {"fileClose", Act::file, Names::own},
    {"fileRename", Act::file, Names::own},
    {"fileDelete", Act::file, Names::file},
    {"fileDirectory", Act::file, Names::file0},
    {"additionalService", Act::other, Names::nothing},
    {"unknown service 79", Act::other, Names::nothing},
    {"getDataExchangeAttributes", Act::browse, Names::object},
    {"exchangeData", Act::write, Names::nothing},
    {"defineAccessControlList", Act::configure, Names::nothing},
    {"getAccessControlListAttributes", Act::browse, Names::nothing},
    {"reportAccessControlledObjects", Act::browse, Names::nothing},
    {"deleteAccessControlList", Act::configure, Names::identifier},
    {"changeAccessControl", Act::configure, Names::nothing},
};
enum : uint8_t { status = 0, get_name_list = 1, identify = 2, rename_object = 3, read = 4, write = 5, get_attributes = 6, delete_variable = 10, define_list = 11,
                 list_attributes = 12, delete_list = 13, delete_type = 16, obtain_file = 46, file_open = 72, file_read = 73, file_close = 74, file_rename = 75, file_directory = 77 };

inline constexpr Function meanings_of_reading[] = {
    {read, select, "select by reading SBO", Act::select},
    {read, bilateral_table, "read the bilateral table's identifier", Act::read},
    {read, tase2_version, "read the TASE.2 version", Act::read},
    {read, supported_features, "read the TASE.2 features", Act::read},
    {read, next_transfer_set, "subscribe: next transfer set", Act::subscribe},
    {read, device_select, "select a TASE.2 device", Act::select},
};
inline constexpr Function meanings_of_writing[] = {
    {write, select, "select with value", Act::select},
    {write, operate, "operate", Act::operate},
    {write, cancel, "cancel", Act::cancel},
    {write, report_enable, "subscribe: RptEna", Act::subscribe},
    {write, report_purge, "subscribe: PurgeBuf", Act::subscribe},
    {write, report_entry, "subscribe: EntryID", Act::subscribe},
    {write, report_reserve, "subscribe: Resv", Act::subscribe},
    {write, interrogation, "subscribe: GI", Act::subscribe},
    {write, report_settings, "configure a report control block", Act::configure},
    {write, goose_enable, "configure: GoEna", Act::configure},
    {write, goose_settings, "configure a GOOSE control block", Act::configure},
    {write, sv_enable, "configure: SvEna", Act::configure},
    {write, sv_settings, "configure a sampled value control block", Act::configure},
    {write, log_enable, "configure: LogEna", Act::configure},
    {write, log_settings, "configure a log control block", Act::configure},
    {write, group_active, "configure: active setting group", Act::configure},
    {write, group_edit, "configure: setting group to edit", Act::configure},
    {write, group_confirm, "configure: edited settings confirmed", Act::configure},
    {write, group_reserve, "configure: setting groups reserved", Act::configure},
    {write, setting, "configure a setting", Act::configure},
    {write, configuration, "configure a configuration attribute", Act::configure},
    {write, description, "configure a description", Act::configure},
    {write, substitution, "write a substitution", Act::write},
    {write, blocking, "write a blocking", Act::write},
    {write, operate_time, "operate later", Act::operate},
    {write, transfer_set, "subscribe: transfer set", Act::subscribe},
    {write, transfer_acknowledge, "subscribe: transfer report acknowledged", Act::subscribe},
    {write, device_operate, "operate a TASE.2 device", Act::operate},
    {write, device_tag, "configure: TASE.2 tag", Act::configure},
};
inline constexpr Function others[] = {
    {information_report, termination, "operate: terminated", Act::operate},
    {information_report, application_error, "last application error", Act::report},
    {information_report, report, "data set values", Act::report},
    {information_report, transfer_report, "TASE.2 transfer report", Act::report},
    {information_report, 0xffff, "informationReport", Act::report},
    {257, 0xffff, "unsolicitedStatus", Act::report},
    {258, 0xffff, "eventNotification", Act::report},
    {272, 0xffff, "confirmed-Request", Act::other},
    {273, 0xffff, "confirmed-Response", Act::other},
    {274, 0xffff, "confirmed-Error", Act::other},
    {275, 0xffff, "unconfirmed", Act::report},
    {276, 0xffff, "reject", Act::other},
    {277, 0xffff, "cancel-Request", Act::other},
    {278, 0xffff, "cancel-Response", Act::other},
    {279, 0xffff, "cancel-Error", Act::other},
    {280, 0, "initiate, no authentication", Act::session},
    {280, 1, "initiate, password", Act::session},
    {280, 2, "initiate, empty password", Act::session},
    {280, 3, "initiate, certificate", Act::session},
    {280, 4, "initiate, other authentication", Act::session},
    {281, 0xffff, "initiate-Response", Act::session},
    {282, 0xffff, "initiate-Error", Act::session},
    {283, 0xffff, "conclude-Request", Act::session},
    {284, 0xffff, "conclude-Response", Act::session},
    {285, 0xffff, "conclude-Error", Act::session},
    {288, 0, "associate, no authentication", Act::session},
    {288, 1, "associate, password", Act::session},
    {288, 2, "associate, empty password", Act::session},
    {288, 3, "associate, certificate", Act::session},
    {288, 4, "associate, other authentication", Act::session},
    {289, 0xffff, "associate response", Act::session},
    {290, 0xffff, "release request", Act::session},
    {291, 0xffff, "release response", Act::session},
    {292, 0xffff, "abort", Act::session},
    {293, 0xffff, "presentation connect refused", Act::session},
    {294, 0xffff, "presentation abort", Act::session},
    {295, 0xffff, "session connect", Act::session},
    {296, 0xffff, "session accept", Act::session},
    {297, 0xffff, "session refuse", Act::session},
    {298, 0xffff, "session finish", Act::session},
    {299, 0xffff, "session disconnect", Act::session},
    {300, 0xffff, "session abort", Act::session},
    {301, 0xffff, "session SPDU", Act::session},
    {302, 0xffff, "data of another abstract syntax", Act::other},
    {remainder, 0xffff, "end of a message whose beginning was not heard", Act::other},
};
inline constexpr size_t own_functions = std::size(services) + std::size(meanings_of_reading) + std::size(meanings_of_writing) + std::size(others);
inline constexpr auto functions = iso::with_transport([] {
  std::array<Function, own_functions> all{};
  size_t n = 0;
  for (size_t i = 0; i < std::size(services); i++) {
    if (i == read) for (const Function& f : meanings_of_reading) all[n++] = f;
    if (i == write) for (const Function& f : meanings_of_writing) all[n++] = f;
    all[n++] = {uint16_t(i), 0xffff, services[i].name, services[i].act};
  }
  for (const Function& f : others) all[n++] = f;
  return all;
}());

// Message::reason and Point::status: which vocabulary, and the number in it.
enum : uint16_t { access_error = 0x100, service_error = 0x200, reject_reason = 0x300, add_cause = 0x400, refused_by = 0x600 };
inline constexpr std::string_view access_errors[] = {   // ISO 9506-2, 14.4.3.1: DataAccessError
    "object-invalidated", "hardware-fault", "temporarily-unavailable", "object-access-denied", "object-undefined", "invalid-address",
    "type-unsupported", "type-inconsistent", "object-attribute-inconsistent", "object-access-unsupported", "object-non-existent", "object-value-invalid"};
inline constexpr std::string_view add_causes[] = {      // IEC 61850-7-2, 20.5.2.9; 61850-8-1, 20.11
    "unknown", "not supported", "blocked by switching hierarchy", "select failed", "invalid position", "position reached", "parameter change in execution",
    "step limit", "blocked by mode", "blocked by process", "blocked by interlocking", "blocked by synchrocheck", "command already in execution",
    "blocked by health", "1-of-n control", "abortion by cancel", "time limit over", "abortion by trip", "object not selected", "object already selected",
    "no access authority", "ended with overshoot", "abortion due to deviation", "abortion by communication loss", "blocked by command", "none",
    "inconsistent parameters", "locked by other client"};
struct Numbered { uint16_t number; std::string_view name; };
inline constexpr Numbered reasons[] = {                 // ISO 9506-2, 7.5: ServiceError, class << 4 | code; RejectPDU, choice << 4 | code
    {0x200, "vmd-state: other"}, {0x201, "vmd-state-conflict"}, {0x202, "vmd-operational-problem"}, {0x203, "domain-transfer-problem"}, {0x204, "state-machine-id-invalid"},
    {0x210, "application-reference: other"}, {0x211, "application-unreachable"}, {0x212, "connection-lost"}, {0x213, "application-reference-invalid"}, {0x214, "context-unsupported"},
    {0x220, "definition: other"}, {0x221, "object-undefined"}, {0x222, "invalid-address"}, {0x223, "type-unsupported"}, {0x224, "type-inconsistent"}, {0x225, "object-exists"},
    {0x226, "object-attribute-inconsistent"}, {0x230, "resource: other"}, {0x231, "memory-unavailable"}, {0x232, "processor-resource-unavailable"}, {0x233, "mass-storage-unavailable"},
    {0x234, "capability-unavailable"}, {0x235, "capability-unknown"}, {0x240, "service: other"}, {0x241, "primitives-out-of-sequence"}, {0x242, "object-state-conflict"},
    {0x243, "pdu-size"}, {0x244, "continuation-invalid"}, {0x245, "object-constraint-conflict"}, {0x250, "service-preempt: other"}, {0x251, "timeout"}, {0x252, "deadlock"}, {0x253, "cancel"},
    {0x260, "time-resolution: other"}, {0x261, "unsupportable-time-resolution"}, {0x270, "access: other"}, {0x271, "object-access-unsupported"}, {0x272, "object-non-existent"},
    {0x273, "object-access-denied"}, {0x274, "object-invalidated"}, {0x280, "initiate: other"}, {0x283, "max-services-outstanding-calling-insufficient"},
    {0x284, "max-services-outstanding-called-insufficient"}, {0x285, "service-CBB-insufficient"}, {0x286, "parameter-CBB-insufficient"}, {0x287, "nesting-level-insufficient"},
    {0x290, "conclude: other"}, {0x291, "further-communication-required"}, {0x2a0, "cancel: other"}, {0x2a1, "invoke-id-unknown"}, {0x2a2, "cancel-not-possible"},
    {0x2b0, "file: other"}, {0x2b1, "filename-ambiguous"}, {0x2b2, "file-busy"}, {0x2b3, "filename-syntax-error"}, {0x2b4, "content-type-invalid"}, {0x2b5, "position-invalid"},
    {0x2b6, "file-access-denied"}, {0x2b7, "file-non-existent"}, {0x2b8, "duplicate-filename"}, {0x2b9, "insufficient-space-in-filestore"}, {0x2c0, "others"},
    {0x310, "confirmed-request: other"}, {0x311, "unrecognized-service"}, {0x312, "unrecognized-modifier"}, {0x313, "invalid-invokeID"}, {0x314, "invalid-argument"},
    {0x315, "invalid-modifier"}, {0x316, "max-serv-outstanding-exceeded"}, {0x318, "max-recursion-exceeded"}, {0x319, "value-out-of-range"},
    {0x320, "confirmed-response: other"}, {0x321, "unrecognized-service"}, {0x322, "invalid-invokeID"}, {0x323, "invalid-result"}, {0x325, "max-recursion-exceeded"}, {0x326, "value-out-of-range"},
    {0x330, "confirmed-error: other"}, {0x331, "unrecognized-service"}, {0x332, "invalid-invokeID"}, {0x333, "invalid-serviceError"}, {0x334, "value-out-of-range"},
    {0x340, "unconfirmed: other"}, {0x341, "unrecognized-service"}, {0x342, "invalid-argument"}, {0x343, "max-recursion-exceeded"}, {0x344, "value-out-of-range"},
    {0x350, "unknown-pdu-type"}, {0x351, "invalid-pdu"}, {0x352, "illegal-acse-mapping"}, {0x360, "cancel-request: other"}, {0x361, "cancel-request: invalid-invokeID"},
    {0x370, "cancel-response: other"}, {0x371, "cancel-response: invalid-invokeID"}, {0x380, "cancel-error: other"}, {0x390, "conclude-request: other"}, {0x3a0, "conclude-response: other"},
    {0x3b0, "conclude-error: other"},
    {0x601, "no reason given"}, {0x602, "application context name not supported"}, {0x603, "calling AP title not recognized"}, {0x60a, "called AE qualifier not recognized"},   // ISO 8650-1
    {0x60b, "authentication mechanism name not recognized"}, {0x60c, "authentication mechanism name required"}, {0x60d, "authentication failure"}, {0x60e, "authentication required"},
};
inline std::string_view reason(uint16_t number) {
  if (number >= access_error && number < access_error + std::size(access_errors)) return access_errors[number - access_error];
  if (number >= add_cause && number < add_cause + std::size(add_causes)) return add_causes[number - add_cause];
  const auto* at = std::lower_bound(std::begin(reasons), std::end(reasons), number, [](const Numbered& a, uint16_t n) { return a.number < n; });
  if (at != std::end(reasons) && at->number == number) return at->name;
  return iso::reason(number);
}

}  // namespace vidra::mms
