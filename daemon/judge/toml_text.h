// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <string_view>

namespace vidra {

// "…", as TOML writes a text.
std::string quoted_toml(std::string_view);
// A device's words may be in any code page; a TOML text is UTF-8. What is none becomes "?".
std::string clean_utf8(std::string_view);

}  // namespace vidra
