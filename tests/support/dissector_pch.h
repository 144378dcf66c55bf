// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "tests/support/hear.h"
#include "tests/support/samples.h"
