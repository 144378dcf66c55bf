// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "tests/peers/network.h"
#include "tests/support/wire.h"

namespace vidra {
std::string no_network;
}

int main(int argc, char** argv) {
  vidra::no_network = vidra::own_network();   // before any thread begins
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
