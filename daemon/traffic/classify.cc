// SPDX-License-Identifier: Apache-2.0
#include "daemon/traffic/classify.h"

#include <vector>

#ifdef VIDRA_NDPI
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wshadow"
extern "C" {
#include <ndpi/ndpi_api.h>
}
#pragma GCC diagnostic pop

#include <cstring>

namespace vidra {

struct Classifier::Room {
  explicit Room(size_t n) : states(n) {}
  ~Room() {
    for (uint32_t i = 0; i < high; i++) ndpi_free_flow_data(at(i));
    std::free(memory);
    if (module) ndpi_exit_detection_module(module);
  }
  // The module is made when it is first asked: it takes 7 MB and 20 ms, and many sites never need it.
  bool ready() {
    if (module || failed) return module;
    module = ndpi_init_detection_module(ndpi_no_prefs);
    if (!module) return failed = true, false;
    NDPI_PROTOCOL_BITMASK all;
    NDPI_BITMASK_SET_ALL(all);
    // It takes MMS for S7 and chance octets for IEC 104; what control protocols are is for the dissectors to say.
    for (uint16_t ours : {NDPI_PROTOCOL_MODBUS, NDPI_PROTOCOL_DNP3, NDPI_PROTOCOL_IEC60870, NDPI_PROTOCOL_S7COMM, NDPI_PROTOCOL_ETHERNET_IP})
      NDPI_DEL_PROTOCOL_FROM_BITMASK(all, ours);
    ndpi_set_protocol_detection_bitmask2(module, &all);
    ndpi_finalize_initialization(module);
    size = (ndpi_detection_get_sizeof_ndpi_flow_struct() + 63) / 64 * 64;
    memory = static_cast<uint8_t*>(std::calloc(states, size));
    if (!memory) failed = true, ndpi_exit_detection_module(module), module = nullptr;
    return module;
  }
  ndpi_flow_struct* at(uint32_t i) { return reinterpret_cast<ndpi_flow_struct*>(memory + i * size); }

  size_t states;
  ndpi_detection_module_struct* module = nullptr;
  uint8_t* memory = nullptr;
  size_t size = 0;
  bool failed = false;
  uint32_t high = 0;
  std::vector<uint32_t> free;
  char name[64];
};

Classifier::Classifier(size_t states) : room_(new Room(states)) { room_->free.reserve(states); }
Classifier::~Classifier() = default;
bool Classifier::available() { return true; }

uint32_t Classifier::open() {
  Room& r = *room_;
  if (!r.ready()) return 0;
  uint32_t i;
  if (!r.free.empty()) i = r.free.back(), r.free.pop_back();
  else if (r.high < r.states) i = r.high++;
  else return 0;
  std::memset(static_cast<void*>(r.at(i)), 0, r.size);
  return i + 1;
}

void Classifier::close(uint32_t state) {
  if (!state) return;
  Room& r = *room_;
  ndpi_free_flow_data(r.at(state - 1));
  std::memset(static_cast<void*>(r.at(state - 1)), 0, r.size);
  r.free.push_back(state - 1);
}

std::string_view Classifier::look(uint32_t state, Bytes ip, Time now) {
  Room& r = *room_;
  if (!state || ip.size() > 0xffff) return {};
  const ndpi_protocol p = ndpi_detection_process_packet(r.module, r.at(state - 1), ip.data(), uint16_t(ip.size()), uint64_t(now / millisecond));
  if (p.app_protocol == NDPI_PROTOCOL_UNKNOWN && p.master_protocol == NDPI_PROTOCOL_UNKNOWN) return {};
  ndpi_protocol2name(r.module, p, r.name, sizeof r.name);
  return r.name;
}

}  // namespace vidra

#else

namespace vidra {
struct Classifier::Room {};
Classifier::Classifier(size_t) {}
Classifier::~Classifier() = default;
bool Classifier::available() { return false; }
uint32_t Classifier::open() { return 0; }
void Classifier::close(uint32_t) {}
std::string_view Classifier::look(uint32_t, Bytes, Time) { return {}; }
}  // namespace vidra

#endif
