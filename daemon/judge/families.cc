// SPDX-License-Identifier: Apache-2.0
#include "daemon/judge/deeds.h"

namespace vidra {

extern const Family net_family, iec104_family, modbus_family, dnp3_family, s7_family, goose_family, sv_family, mms_family, iccp_family;
extern const Family time_family, redundancy_family, values_family, engineering_family, it_family;
extern const Family opcua_family, c37118_family, dlms_family, enip_family, bacnet_family, profinet_family, controllers_family;
extern const Family inventory_family, works_family, site_lists_family;

namespace {
constexpr const Family* all[] = {
    &net_family,
    &iec104_family,
    &modbus_family,
    &dnp3_family,
    &s7_family,
    &mms_family,
    &iccp_family,
    &goose_family,
    &sv_family,
    &time_family,
    &redundancy_family,
    &values_family,
    &engineering_family,
    &it_family,
    &opcua_family,
    &c37118_family,
    &dlms_family,
    &enip_family,
    &bacnet_family,
    &profinet_family,
    &controllers_family,
    &inventory_family,
    &works_family,
    &site_lists_family,
};
}  // namespace

constinit const std::span<const Family* const> families = all;

}  // namespace vidra
