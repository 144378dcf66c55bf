// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <vector>

#include "daemon/site/declaration.h"
#include "daemon/site/xml.h"

namespace vidra {

struct SclOptions {
  double frequency = 50;       // Hz of the grid: rate of streams that count samples a period
  std::map<std::string, std::vector<std::string>> addresses;   // by device, in the place of what the files say: IP or hardware addresses
};

struct SclImport {
  Declaration declared;
  Problems remarks;            // what was left out or is contradictory, each with its place; the rest is declared all the same
};

// What IEC 61850-6 files (SCD, CID, IID, ICD, SED, SSD; editions 1 to 2.1) declare, as tables of a site. Of a device that several
// files describe the nearest to it is taken: CID before IID, SCD, ICD; of two alike the later in the list. A file that cannot be
// read at all is a problem, and then there is nothing to use.
SclImport import_scl(const std::vector<std::string>& paths, const SclOptions&, Problems&);

}  // namespace vidra
