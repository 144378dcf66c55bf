// SPDX-License-Identifier: Apache-2.0
#include <dlfcn.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include "daemon/capture/dpdk/module.h"

namespace vidra {
namespace {

constexpr const char* file = "vidra-dpdk.so";

std::vector<std::string> places(const std::string& path) {
  if (!path.empty()) return {path};
  std::vector<std::string> all = {std::string(VIDRA_MODULES "/") + file};
  std::error_code none;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", none);
  if (!none) all.push_back((self.parent_path().parent_path() / "capture/dpdk" / file).string());   // where it was built
  return all;
}

}  // namespace

DpdkOpen load_dpdk(const std::string& path, std::string& why) {
  const auto all = places(path);
  std::string looked;
  for (const std::string& p : all) {
    looked += (looked.empty() ? "" : ", ") + p;
    if (access(p.c_str(), R_OK) != 0) continue;
    void* m = dlopen(p.c_str(), RTLD_NOW | RTLD_LOCAL);    // never closed: EAL's threads stay
    if (!m) {
      why = fmt::format("DPDK: {}; type: apt install dpdk   (its libraries of version 22.11)", dlerror());
      return nullptr;
    }
    const auto* version = static_cast<const char* const*>(dlsym(m, dpdk_version_name));
    if (!version || std::strcmp(*version, VIDRA_VERSION) != 0) {
      why = fmt::format("DPDK: {} belongs to vidra {}, and this is {}; install both from one build", p, version ? *version : "of nobody", VIDRA_VERSION);
      return nullptr;
    }
    void* open = dlsym(m, dpdk_open_name);
    DpdkOpen out;
    static_assert(sizeof out == sizeof open);
    std::memcpy(&out, &open, sizeof out);
    if (!out) why = fmt::format("DPDK: {} is no module of vidra's", p);
    return out;
  }
  why = fmt::format("DPDK: there is no {} (looked for {}); build it: apt install libdpdk-dev && meson configure BUILD -Ddpdk=enabled, or let the kernel have the port: "
                    "[capture] source = \"auto\" and the interface's name", file, looked);
  return nullptr;
}

}  // namespace vidra
