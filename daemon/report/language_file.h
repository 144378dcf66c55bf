// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "daemon/base/toml_file.h"
#include "daemon/report/language.h"

namespace vidra {

// Where the language files are: `named` where a setting names a folder, else share/vidra/words beside the program, or words
// in the tree it was built in.
std::string words_folder(const std::string& named);
// The languages of a folder, "en" first; of one that may be shown in Cyrillic, "-Latn" and "-Cyrl".
std::vector<std::string> languages_in(const std::string& folder);
// A language by its tag, or by the path of its file ("./mk.toml"). Nothing and a problem where there is none, or where the
// file is wrong.
std::shared_ptr<const Language> load_language(const std::string& tag, const std::string& folder, Problems&);

// What a language file lacks, one sentence a line.
struct WordsCheck {
  Language language;
  size_t rows = 0, rows_right = 0, phrases_right = 0;   // of the catalogue; translated from its present English
  std::vector<std::string> missing, stale, left_over;
};
// Nothing when the file cannot be read at all.
std::optional<WordsCheck> check_words(const std::string& path, Problems&);

}  // namespace vidra
