// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <string_view>

// Status codes (OPC 10000-4, 7.39; their numbers: OPC 10000-6, A.2): the upper half of the 32 bits, sorted. The lower half
// are flags of one value.
namespace vidra::opcua {

struct Status { uint16_t code; std::string_view name; };
inline constexpr Status statuses[] = {
    {0x002d, "GoodSubscriptionTransferred"}, {0x002e, "GoodCompletesAsynchronously"}, {0x002f, "GoodOverload"}, {0x0030, "GoodClamped"},
    {0x0096, "GoodLocalOverride"}, {0x00a2, "GoodEntryInserted"}, {0x00a3, "GoodEntryReplaced"}, {0x00a5, "GoodNoData"},
    {0x00a6, "GoodMoreData"}, {0x00a7, "GoodCommunicationEvent"}, {0x00a8, "GoodShutdownEvent"}, {0x00a9, "GoodCallAgain"},
    {0x00aa, "GoodNonCriticalTimeout"}, {0x00ba, "GoodResultsMayBeIncomplete"}, {0x00dc, "GoodEdited"}, {0x00eb, "GoodSubNormal"},
    {0x00ef, "GoodPasswordChangeRequired"}, {0x4000, "Uncertain"}, {0x406c, "UncertainReferenceOutOfServer"},
    {0x408f, "UncertainNoCommunicationLastUsableValue"}, {0x4090, "UncertainLastUsableValue"}, {0x4091, "UncertainSubstituteValue"},
    {0x4092, "UncertainInitialValue"}, {0x4093, "UncertainSensorNotAccurate"}, {0x4094, "UncertainEngineeringUnitsExceeded"},
    {0x4095, "UncertainSubNormal"}, {0x40a4, "UncertainDataSubNormal"}, {0x40bc, "UncertainReferenceNotDeleted"},
    {0x40c0, "UncertainNotAllNodesAvailable"}, {0x40f2, "UncertainOverRange"}, {0x40f3, "UncertainUnderRange"}, {0x8000, "Bad"},
    {0x8001, "BadUnexpectedError"}, {0x8002, "BadInternalError"}, {0x8003, "BadOutOfMemory"}, {0x8004, "BadResourceUnavailable"},
    {0x8005, "BadCommunicationError"}, {0x8006, "BadEncodingError"}, {0x8007, "BadDecodingError"}, {0x8008, "BadEncodingLimitsExceeded"},
    {0x8009, "BadUnknownResponse"}, {0x800a, "BadTimeout"}, {0x800b, "BadServiceUnsupported"}, {0x800c, "BadShutdown"},
    {0x800d, "BadServerNotConnected"}, {0x800e, "BadServerHalted"}, {0x800f, "BadNothingToDo"}, {0x8010, "BadTooManyOperations"},
    {0x8011, "BadDataTypeIdUnknown"}, {0x8012, "BadCertificateInvalid"}, {0x8013, "BadSecurityChecksFailed"},
    {0x8014, "BadCertificateTimeInvalid"}, {0x8015, "BadCertificateIssuerTimeInvalid"}, {0x8016, "BadCertificateHostNameInvalid"},
    {0x8017, "BadCertificateUriInvalid"}, {0x8018, "BadCertificateUseNotAllowed"}, {0x8019, "BadCertificateIssuerUseNotAllowed"},
    {0x801a, "BadCertificateUntrusted"}, {0x801b, "BadCertificateRevocationUnknown"}, {0x801c, "BadCertificateIssuerRevocationUnknown"},
    {0x801d, "BadCertificateRevoked"}, {0x801e, "BadCertificateIssuerRevoked"}, {0x801f, "BadUserAccessDenied"},
    {0x8020, "BadIdentityTokenInvalid"}, {0x8021, "BadIdentityTokenRejected"}, {0x8022, "BadSecureChannelIdInvalid"},
    {0x8023, "BadInvalidTimestamp"}, {0x8024, "BadNonceInvalid"}, {0x8025, "BadSessionIdInvalid"}, {0x8026, "BadSessionClosed"},
    {0x8027, "BadSessionNotActivated"}, {0x8028, "BadSubscriptionIdInvalid"}, {0x802a, "BadRequestHeaderInvalid"},
    {0x802b, "BadTimestampsToReturnInvalid"}, {0x802c, "BadRequestCancelledByClient"}, {0x8031, "BadNoCommunication"},
    {0x8032, "BadWaitingForInitialData"}, {0x8033, "BadNodeIdInvalid"}, {0x8034, "BadNodeIdUnknown"}, {0x8035, "BadAttributeIdInvalid"},
    {0x8036, "BadIndexRangeInvalid"}, {0x8037, "BadIndexRangeNoData"}, {0x8038, "BadDataEncodingInvalid"},
    {0x8039, "BadDataEncodingUnsupported"}, {0x803a, "BadNotReadable"}, {0x803b, "BadNotWritable"}, {0x803c, "BadOutOfRange"},
    {0x803d, "BadNotSupported"}, {0x803e, "BadNotFound"}, {0x803f, "BadObjectDeleted"}, {0x8040, "BadNotImplemented"},
    {0x8041, "BadMonitoringModeInvalid"}, {0x8042, "BadMonitoredItemIdInvalid"}, {0x8043, "BadMonitoredItemFilterInvalid"},
    {0x8044, "BadMonitoredItemFilterUnsupported"}, {0x8045, "BadFilterNotAllowed"}, {0x8046, "BadStructureMissing"},
    {0x8047, "BadEventFilterInvalid"}, {0x8048, "BadContentFilterInvalid"}, {0x8049, "BadFilterOperandInvalid"},
    {0x804a, "BadContinuationPointInvalid"}, {0x804b, "BadNoContinuationPoints"}, {0x804c, "BadReferenceTypeIdInvalid"},
    {0x804d, "BadBrowseDirectionInvalid"}, {0x804e, "BadNodeNotInView"}, {0x804f, "BadServerUriInvalid"},
    {0x8050, "BadServerNameMissing"}, {0x8051, "BadDiscoveryUrlMissing"}, {0x8052, "BadSemaphoreFileMissing"},
    {0x8053, "BadRequestTypeInvalid"}, {0x8054, "BadSecurityModeRejected"}, {0x8055, "BadSecurityPolicyRejected"},
    {0x8056, "BadTooManySessions"}, {0x8057, "BadUserSignatureInvalid"}, {0x8058, "BadApplicationSignatureInvalid"},
    {0x8059, "BadNoValidCertificates"}, {0x805a, "BadRequestCancelledByRequest"}, {0x805b, "BadParentNodeIdInvalid"},
    {0x805c, "BadReferenceNotAllowed"}, {0x805d, "BadNodeIdRejected"}, {0x805e, "BadNodeIdExists"}, {0x805f, "BadNodeClassInvalid"},
    {0x8060, "BadBrowseNameInvalid"}, {0x8061, "BadBrowseNameDuplicated"}, {0x8062, "BadNodeAttributesInvalid"},
    {0x8063, "BadTypeDefinitionInvalid"}, {0x8064, "BadSourceNodeIdInvalid"}, {0x8065, "BadTargetNodeIdInvalid"},
    {0x8066, "BadDuplicateReferenceNotAllowed"}, {0x8067, "BadInvalidSelfReference"}, {0x8068, "BadReferenceLocalOnly"},
    {0x8069, "BadNoDeleteRights"}, {0x806a, "BadServerIndexInvalid"}, {0x806b, "BadViewIdUnknown"}, {0x806d, "BadTooManyMatches"},
    {0x806e, "BadQueryTooComplex"}, {0x806f, "BadNoMatch"}, {0x8070, "BadMaxAgeInvalid"}, {0x8071, "BadHistoryOperationInvalid"},
    {0x8072, "BadHistoryOperationUnsupported"}, {0x8073, "BadWriteNotSupported"}, {0x8074, "BadTypeMismatch"},
    {0x8075, "BadMethodInvalid"}, {0x8076, "BadArgumentsMissing"}, {0x8077, "BadTooManySubscriptions"},
    {0x8078, "BadTooManyPublishRequests"}, {0x8079, "BadNoSubscription"}, {0x807a, "BadSequenceNumberUnknown"},
    {0x807b, "BadMessageNotAvailable"}, {0x807c, "BadInsufficientClientProfile"}, {0x807d, "BadTcpServerTooBusy"},
    {0x807e, "BadTcpMessageTypeInvalid"}, {0x807f, "BadTcpSecureChannelUnknown"}, {0x8080, "BadTcpMessageTooLarge"},
    {0x8081, "BadTcpNotEnoughResources"}, {0x8082, "BadTcpInternalError"}, {0x8083, "BadTcpEndpointUrlInvalid"},
    {0x8084, "BadRequestInterrupted"}, {0x8085, "BadRequestTimeout"}, {0x8086, "BadSecureChannelClosed"},
    {0x8087, "BadSecureChannelTokenUnknown"}, {0x8088, "BadSequenceNumberInvalid"}, {0x8089, "BadConfigurationError"},
    {0x808a, "BadNotConnected"}, {0x808b, "BadDeviceFailure"}, {0x808c, "BadSensorFailure"}, {0x808d, "BadOutOfService"},
    {0x808e, "BadDeadbandFilterInvalid"}, {0x8097, "BadRefreshInProgress"}, {0x8098, "BadConditionAlreadyDisabled"},
    {0x8099, "BadConditionDisabled"}, {0x809a, "BadEventIdUnknown"}, {0x809b, "BadNoData"}, {0x809d, "BadDataLost"},
    {0x809e, "BadDataUnavailable"}, {0x809f, "BadEntryExists"}, {0x80a0, "BadNoEntryExists"}, {0x80a1, "BadTimestampNotSupported"},
    {0x80ab, "BadInvalidArgument"}, {0x80ac, "BadConnectionRejected"}, {0x80ad, "BadDisconnect"}, {0x80ae, "BadConnectionClosed"},
    {0x80af, "BadInvalidState"}, {0x80b0, "BadEndOfStream"}, {0x80b1, "BadNoDataAvailable"}, {0x80b2, "BadWaitingForResponse"},
    {0x80b3, "BadOperationAbandoned"}, {0x80b6, "BadSyntaxError"}, {0x80b7, "BadMaxConnectionsReached"}, {0x80b8, "BadRequestTooLarge"},
    {0x80b9, "BadResponseTooLarge"}, {0x80bb, "BadEventNotAcknowledgeable"}, {0x80bd, "BadInvalidTimestampArgument"},
    {0x80be, "BadProtocolVersionUnsupported"}, {0x80bf, "BadStateNotActive"}, {0x80c1, "BadFilterOperatorInvalid"},
    {0x80c2, "BadFilterOperatorUnsupported"}, {0x80c3, "BadFilterOperandCountMismatch"}, {0x80c4, "BadFilterElementInvalid"},
    {0x80c5, "BadFilterLiteralInvalid"}, {0x80c6, "BadIdentityChangeNotSupported"}, {0x80c8, "BadNotTypeDefinition"},
    {0x80c9, "BadViewTimestampInvalid"}, {0x80ca, "BadViewParameterMismatch"}, {0x80cb, "BadViewVersionInvalid"},
    {0x80cc, "BadConditionAlreadyEnabled"}, {0x80d4, "BadAggregateListMismatch"}, {0x80d5, "BadAggregateNotSupported"},
    {0x80d6, "BadAggregateInvalidInputs"}, {0x80da, "BadAggregateConfigurationRejected"}, {0x80db, "BadTooManyMonitoredItems"},
    {0x80e4, "BadRequestNotAllowed"}, {0x80e5, "BadTooManyArguments"}, {0x80e6, "BadSecurityModeInsufficient"}, {0x80e9, "BadLocked"},
    {0x80ea, "BadIndexRangeDataMismatch"}, {0x80ec, "BadRequiresLock"}, {0x80ed, "BadLocaleNotSupported"}, {0x80ee, "BadServerTooBusy"},
    {0x80f0, "BadNoValue"}, {0x810d, "BadCertificateChainIncomplete"}, {0x810e, "BadLicenseExpired"},
    {0x810f, "BadLicenseLimitsExceeded"}, {0x8110, "BadLicenseNotAvailable"}, {0x8111, "BadNotExecutable"},
    {0x8112, "BadNumericOverflow"}, {0x8113, "BadRequestNotComplete"}, {0x8114, "BadCertificatePolicyCheckFailed"},
    {0x8115, "BadAlreadyExists"},
};

constexpr std::string_view status_name(uint16_t code) {
  const auto at = std::lower_bound(std::begin(statuses), std::end(statuses), code, [](const Status& s, uint16_t c) { return s.code < c; });
  return at != std::end(statuses) && at->code == code ? at->name : std::string_view{};
}

}  // namespace vidra::opcua
