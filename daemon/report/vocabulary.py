#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""vocabulary.py ROOT OUTPUT: the words of the program's own sentences, taken from the text literals of the judge, the dissectors and
what else tells findings. At the border everything in a sentence that is not one of them counts as the site's (said.cc)."""
import pathlib
import re
import sys

root, output = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
FOLDERS = ["daemon/judge", "dissectors"]
FILES = ["daemon/base/text.cc", "daemon/evidence/evidence.cc", "daemon/evidence/segments.cc", "daemon/evidence/sets.cc", "daemon/link/outbox.cc", "daemon/report/reporter.cc", "daemon/report/resemblance.cc", "daemon/sensor/pipeline.cc", "daemon/traffic/overload.h"]
# What only settings say, and lists of known passwords, are no sentences; of the catalogue's rows only what a finding says, no examples.
NOT = re.compile(r"^(.*_file\.cc|secrets\.h)$")
SAID = re.compile(r"\.(what|expected|also|instead)\s*=\s*$|std::string_view \w+ = $")
# A text, whatever the brackets of a raw one; comments and character constants are stepped over.
TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|\'(?:\\.|[^\'\\\n])\'|R"(\w*)\((.*?)\)\1"|"((?:\\.|[^"\\\n])*)"', re.S)
WORD = re.compile(r"^[A-Za-z](?:[\w'.’-]*\w)?$")
# 60870-5-104: a standard, and no date and no half of an address.
STANDARD = re.compile(r"^6\d{4}(?:-\d{1,3}){2,3}$")
# rtu1, ied2: as people call their devices, in examples too.
DEVICE = re.compile(r"^(?!(?:ipv[46]|md5|sha\d+|base64)$)[a-z]+\d+$")

words = set()
paths = [p for folder in FOLDERS for p in sorted((root / folder).rglob("*")) if p.suffix in (".cc", ".h") and not NOT.match(p.name)]
paths += [root / f for f in FILES if (root / f).exists()]
for path in paths:
    text = path.read_text(encoding="utf-8")
    rows, said, end = path.name.startswith("catalogue"), False, 0
    for m in TOKEN.finditer(text):
        said, end = bool(SAID.search(text[end:m.start()])) or (said and not text[end:m.start()].strip()), m.end()
        if rows and not said:
            continue
        literal = m.group(2) if m.group(2) is not None else m.group(3)
        if not literal or text[:m.start()].rsplit("\n", 1)[-1].lstrip().startswith("#include"):
            continue
        literal = re.sub(r'\\[nt"\\]', " ", literal)
        literal = re.sub(r"\{[^{}]*\}", " ", literal)
        for chunk in re.split(r"[\s→…/=]+", literal):
            word = chunk.strip("()[]\"“”'.,;:!?")
            if STANDARD.match(word):
                words.add(word)
            if WORD.match(word) and len(word) <= 40 and not DEVICE.match(word):
                words.add(word)
                words.update(p for p in word.split("-") if WORD.match(p) and not DEVICE.match(p))
lines = ["// SPDX-License-Identifier: Apache-2.0", "// Written by vocabulary.py from the texts of the judge and the dissectors.", '#include "daemon/report/said.h"', "", "namespace vidra {",
         "namespace {", "constexpr std::string_view words[] = {"]
lines += [f'  "{w}",' for w in sorted(words, key=lambda w: w.encode())]
lines += ["};", "}  // namespace", "const std::span<const std::string_view> vocabulary = words;", "}  // namespace vidra", ""]
output.write_text("\n".join(lines), encoding="utf-8")
