// SPDX-License-Identifier: Apache-2.0
#include "daemon/capture/choose.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

namespace vidra {
namespace {

namespace fs = std::filesystem;

bool hex_digits(std::string_view s, size_t n) {
  return s.size() == n && std::all_of(s.begin(), s.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); });
}

// "0000:03:00.0", also of "03:00.0"; "" when it is none.
std::string pci_address(std::string_view s) {
  std::string domain = "0000";
  if (s.size() == 12 && s[4] == ':') domain = std::string(s.substr(0, 4)), s.remove_prefix(5);
  if (!hex_digits(domain, 4) || s.size() != 7 || !hex_digits(s.substr(0, 2), 2) || s[2] != ':' || !hex_digits(s.substr(3, 2), 2) || s[5] != '.' || s[6] < '0' || s[6] > '7') return {};
  std::string out = domain + ":" + std::string(s);
  for (char& c : out) c = char(c >= 'A' && c <= 'F' ? c + 32 : c);
  return out;
}

std::string linked(const fs::path& p) {
  std::error_code none;
  const fs::path to = fs::read_symlink(p, none);
  return none ? std::string{} : to.filename().string();
}

std::string interface_of(const fs::path& device) {
  std::error_code none;
  for (const auto& e : fs::directory_iterator(device / "net", none)) return e.path().filename().string();
  return {};
}

bool of_user_space(const std::string& driver) { return driver == "vfio-pci" || driver == "igb_uio" || driver == "uio_pci_generic"; }
bool shared_with_kernel(const std::string& driver) { return driver == "mlx4_core" || driver == "mlx5_core"; }   // DPDK works beside them

Choice kernel(const std::string& name, std::string why) { return {false, name, std::move(why), {}}; }
Choice dpdk(const std::string& name, std::string why) { return {true, name, std::move(why), {}}; }
Choice refuse(std::string refusal) { return {false, {}, {}, std::move(refusal)}; }

constexpr std::string_view source_names[] = {"auto", "dpdk", "ring", "pcap"};

}  // namespace

Choice choose(const std::string& named, PacketReceiver receiver, const std::string& sys) {
  std::error_code none;
  const bool wants_kernel = receiver == PacketReceiver::pcap || receiver == PacketReceiver::ring;
  const std::string source(source_names[size_t(receiver)]);
  const fs::path root(sys);

  if (const std::string address = pci_address(named); !address.empty()) {
    const fs::path device = root / "bus/pci/devices" / address;
    if (!fs::exists(device, none)) return refuse(fmt::format("port {}: there is no PCI device of that address; type: dpdk-devbind.py --status-dev net   (or: lspci -D)", address));
    const std::string driver = linked(device / "driver"), interface = interface_of(device);
    if (driver.empty())
      return refuse(fmt::format("port {}: it is bound to no driver; for DPDK type: modprobe vfio-pci && dpdk-devbind.py --bind=vfio-pci {}", address, address));
    if (of_user_space(driver)) {
      if (wants_kernel) return refuse(fmt::format("port {}: it is bound to {}, so the kernel does not have it; set [capture] source = \"auto\", not \"{}\"", address, driver, source));
      return dpdk(address, fmt::format("bound to {}", driver));
    }
    if (receiver == PacketReceiver::dpdk && shared_with_kernel(driver)) return dpdk(address, fmt::format("DPDK works beside {}", driver));
    if (receiver == PacketReceiver::dpdk)
      return refuse(fmt::format("port {}: it is bound to the kernel's driver {}{}; type: {}modprobe vfio-pci && dpdk-devbind.py --bind=vfio-pci {}", address, driver,
                                interface.empty() ? "" : fmt::format(" as {}", interface), interface.empty() ? "" : fmt::format("ip link set {} down && ", interface), address));
    if (interface.empty())
      return refuse(fmt::format("port {}: its driver {} makes no network interface of it; for DPDK type: modprobe vfio-pci && dpdk-devbind.py --bind=vfio-pci {}", address, driver, address));
    return kernel(interface, fmt::format("{} is bound to the kernel's driver {}", address, driver));
  }

  if (named.rfind("net_", 0) == 0 && !fs::exists(root / "class/net" / named, none)) {
    if (wants_kernel) return refuse(fmt::format("port {}: it is a virtual device of DPDK's; set [capture] source = \"auto\", not \"{}\"", named, source));
    return dpdk(named, "a virtual device of DPDK's");
  }

  if (receiver != PacketReceiver::dpdk) return kernel(named, {});
  const std::string address = pci_address(linked(root / "class/net" / named / "device"));
  if (!address.empty())
    return refuse(fmt::format("interface {}: it is the kernel's (PCI {}, driver {}); for DPDK type: ip link set {} down && modprobe vfio-pci && dpdk-devbind.py --bind=vfio-pci {}   "
                              "and name \"{}\" in [capture] interfaces", named, address, linked(root / "class/net" / named / "device/driver"), named, address, address));
  if (fs::exists(root / "class/net" / named, none))
    return refuse(fmt::format("interface {}: it is no PCI card; set [capture] source = \"auto\", or name a virtual device, like interfaces = [\"net_af_packet0,iface={}\"]", named, named));
  return refuse(fmt::format("port {}: neither a PCI address (0000:03:00.0) nor a virtual device of DPDK's (net_af_packet0,iface=eth1); type: dpdk-devbind.py --status-dev net", named));
}

}  // namespace vidra
