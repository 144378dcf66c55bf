// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <iosfwd>
#include <memory>
#include <string>

#include "daemon/report/border.h"
#include "daemon/report/story.h"

namespace vidra {

// "addresses as pseudonyms, foreign ones plain, names as pseudonyms, figures plain; up to TLP:AMBER".
std::string policy_text(const Policy&, std::string_view tlp);
// docs/PRIVACY.md: with the table of the body's fields, and one story as it stays and as it leaves, under a key that stands in the page.
void write_privacy_page(std::ostream&, const Story& example, std::shared_ptr<const Declared>, const std::string& site);

}  // namespace vidra
