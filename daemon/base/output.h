// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <string_view>

namespace vidra {

// The whole text at `path`, or nothing changed there: written beside it, synced, and put in its place. "" is standard output.
// Owner, group and permissions stay as they are; where there is no such file yet they are those of `like`, "" the user's own.
// The reason when it could not be done, "" when it was.
std::string write_whole(const std::string& path, std::string_view text, const std::string& like = "");

}  // namespace vidra
