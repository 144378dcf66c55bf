// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/judge/site.h"
#include "daemon/site/declaration.h"

namespace vidra {

// A point as far as a list's own words say what it measures.
struct Measured {
  std::string host, protocol, object;          // as a [[quantity.member]] names them
  std::optional<uint64_t> station;
  std::string name, bay, voltage, unit;        // the operator's words
  std::string same;                            // told: rows of one bay with the same text are one quantity; "-": of none
  std::optional<double> min, max;              // in the unit
  std::optional<double> scale;                 // its number times this is in the unit; nothing: not known
  bool position = false;                       // of a switch: off or on
  bool own = false;                            // of the list that is imported, not of what the site already declares
  std::string reference;                       // the same in IEC 61850, as a gateway's list has it
  std::optional<double> reference_scale;       // that number times this is in the unit
  std::string place;                           // file and line
};

enum class Quantify : uint8_t { guess, told, none };

// Which points are one quantity, as [[quantity]] tables: told by `same` and `reference`, guessed by unit, words and bay. A guess needs
// two hosts that each have exactly one such point in the bay, known scales, and a range from which the tolerance follows. Each is shown;
// what was told and cannot be used is a remark.
struct QuantityImport {
  std::vector<DeclaredTable> tables;
  std::vector<std::string> shown;
  std::vector<std::string> remarks;
};
QuantityImport quantities_of(std::vector<Measured>, Quantify, const Site& beside);

// What the site's other files declare of measured values, to be compared with a list's.
std::vector<Measured> measured_of(const Site&);

// Whose logical device this is, nullptr nobody's: the one of a control block that names it; else of the device whose name begins it.
// IED10LD0 is of IED10, never of IED1.
const SiteHost* device_of(std::string_view logical_device, const Site&);

// "AA1J1Q01A1LD0/MMXU1.TotW.mag.f [MX]" or "AA1J1Q01A1LD0/MMXU1$MX$TotW$mag$f" → "AA1J1Q01A1LD0/MMXU1$MX$TotW"; `constraint` where
// the text has none. Nothing where it is no reference, or one to an angle.
std::optional<std::string> mms_name_of(std::string_view reference, std::string_view constraint);

}  // namespace vidra
