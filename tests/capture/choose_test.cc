// SPDX-License-Identifier: Apache-2.0
// Who has a port, by a machine that is drawn in a folder: cards, their drivers, their interfaces.
#include "daemon/capture/choose.h"

#include <gtest/gtest.h>

#include <filesystem>

namespace vidra {
namespace {

namespace fs = std::filesystem;

struct Choosing : testing::Test {
  fs::path sys = fs::temp_directory_path() / ("vidra-sys-" + std::to_string(getpid()));
  void SetUp() override { fs::create_directories(sys / "class/net"); }
  void TearDown() override { fs::remove_all(sys); }
  void card(const std::string& address, const std::string& driver, const std::string& interface = {}) {
    const fs::path device = sys / "bus/pci/devices" / address;
    fs::create_directories(device);
    if (!driver.empty()) {
      fs::create_directories(sys / "bus/pci/drivers" / driver);
      fs::create_directory_symlink(sys / "bus/pci/drivers" / driver, device / "driver");
    }
    if (interface.empty()) return;
    fs::create_directories(device / "net" / interface);
    fs::create_directories(sys / "class/net" / interface);
    fs::create_directory_symlink(device, sys / "class/net" / interface / "device");
  }
  Choice ask(const std::string& named, PacketReceiver r = PacketReceiver::automatic) { return choose(named, r, sys.string()); }
};

TEST_F(Choosing, a_port_that_is_bound_to_dpdk_goes_to_dpdk) {
  card("0000:03:00.0", "vfio-pci");
  for (const char* name : {"0000:03:00.0", "03:00.0"}) {
    const Choice c = ask(name);
    EXPECT_TRUE(c.dpdk) << c.refusal;
    EXPECT_EQ(c.name, "0000:03:00.0");
    EXPECT_EQ(c.why, "bound to vfio-pci");
  }
  EXPECT_NE(ask("03:00.0", PacketReceiver::ring).refusal.find("set [capture] source = \"auto\", not \"ring\""), std::string::npos);
  EXPECT_TRUE(ask("net_af_packet0,iface=eth1").dpdk);
  EXPECT_TRUE(ask("net_null0", PacketReceiver::dpdk).dpdk);
  EXPECT_NE(ask("net_null0", PacketReceiver::pcap).refusal.find("virtual device"), std::string::npos);
}
TEST_F(Choosing, a_port_that_the_kernel_has_goes_to_the_kernel_unless_dpdk_is_asked_for) {
  card("0000:03:00.1", "igb", "eth1");
  const Choice c = ask("0000:03:00.1");
  EXPECT_FALSE(c.dpdk);
  EXPECT_EQ(c.name, "eth1");
  EXPECT_EQ(c.why, "0000:03:00.1 is bound to the kernel's driver igb");
  EXPECT_EQ(ask("eth1").name, "eth1");
  EXPECT_EQ(ask("eth1").refusal, "");
  EXPECT_EQ(ask("0000:03:00.1", PacketReceiver::dpdk).refusal,
            "port 0000:03:00.1: it is bound to the kernel's driver igb as eth1; type: ip link set eth1 down && modprobe vfio-pci && dpdk-devbind.py --bind=vfio-pci 0000:03:00.1");
  EXPECT_NE(ask("eth1", PacketReceiver::dpdk).refusal.find("dpdk-devbind.py --bind=vfio-pci 0000:03:00.1   and name \"0000:03:00.1\" in [capture] interfaces"), std::string::npos);
}
TEST_F(Choosing, a_driver_that_shares_its_card_goes_either_way) {
  card("0000:82:00.0", "mlx5_core", "ens1");
  EXPECT_FALSE(ask("0000:82:00.0").dpdk);
  EXPECT_TRUE(ask("0000:82:00.0", PacketReceiver::dpdk).dpdk);
}
TEST_F(Choosing, what_is_not_there_says_what_to_type) {
  card("0000:04:00.0", "");
  card("0000:05:00.0", "virtio-pci");
  fs::create_directories(sys / "class/net/veth7");
  fs::create_directories(sys / "class/net/net_odd");
  EXPECT_NE(ask("0000:04:00.0").refusal.find("it is bound to no driver; for DPDK type: modprobe vfio-pci && dpdk-devbind.py --bind=vfio-pci 0000:04:00.0"), std::string::npos);
  EXPECT_NE(ask("0000:05:00.0").refusal.find("makes no network interface"), std::string::npos);
  EXPECT_NE(ask("0000:09:00.0").refusal.find("there is no PCI device of that address; type: dpdk-devbind.py --status-dev net"), std::string::npos);
  EXPECT_NE(ask("veth7", PacketReceiver::dpdk).refusal.find("net_af_packet0,iface=veth7"), std::string::npos);
  EXPECT_NE(ask("nothing", PacketReceiver::dpdk).refusal.find("neither a PCI address (0000:03:00.0) nor a virtual device"), std::string::npos);
  EXPECT_FALSE(ask("net_odd").dpdk) << "an interface of the kernel's that is called so";
  EXPECT_EQ(ask("0000:03:00.9").refusal, "") << "no address, so an interface's name";
}

}  // namespace
}  // namespace vidra
