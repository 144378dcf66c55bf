#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""from_help.py man PROGRAM SECTION VERSION | from_help.py completion PROGRAM…: the manual page of a program, or the completion of all of them for
bash, from what the programs themselves say with --help. Nothing is written twice. The date of a page is SOURCE_DATE_EPOCH's, or today's."""
import os
import re
import subprocess
import sys
import time

FILES = {
    "vidrad": ["/etc/vidra/vidra.toml", "/var/lib/vidra", "/var/lib/vidra/evidence", "/run/vidra/vidra.sock"],
    "vidra": ["/etc/vidra/vidra.toml", "/etc/vidra/collector.toml", "/var/lib/vidra/evidence", "/run/vidra/vidra.sock"],
    "vidra-collector": ["/etc/vidra/collector.toml", "/var/lib/vidra-collector"],
}
ABOUT = {
    "/etc/vidra/vidra.toml": "the sensor's settings; vidra setup writes them, vidra setup --defaults shows every key",
    "/etc/vidra/collector.toml": "the collector's settings; vidra-collector --print-config shows every key",
    "/var/lib/vidra": "the sensor's keys, and what waits for collectors",
    "/var/lib/vidra/evidence": "the packets of alerts, and the last that were heard",
    "/var/lib/vidra-collector": "the collector's keys, journal and index",
    "/run/vidra/vidra.sock": "how the running sensor is, as Prometheus text",
}


class Page:
    """One --help, taken apart: about, usage, positionals, options, sub-commands, footer."""

    def __init__(self, program, words=()):
        # wide, so that no line is folded
        out = subprocess.run([program, *words, "--help"], capture_output=True, text=True, check=True).stdout
        self.about, self.usage, self.footer, self.groups = [], "", [], {}
        group = None
        last = None
        for line in out.splitlines():
            heading = re.fullmatch(r"([A-Z][A-Za-z -]*):", line)
            if line.startswith("Usage:"):
                self.usage = line[6:].strip()
                self.usage = re.sub(r"^\S*?([\w-]+)(?= |$)", r"\1", self.usage)
            elif heading:
                group = self.groups.setdefault(heading.group(1), [])
            elif group is not None and line.startswith("  "):
                text = re.sub(r"\b([A-Z]+):\1 in \[(\S+) - (\S+)\]", r"\1", line[2:])   # ranges are told by who oversteps them
                text = text.replace("{false}", "")
                text = re.sub(r"\bTEXT:\{\S+\}", "TEXT", text)
                m = re.match(r"(\S.*?)(?:\s{2,}(.*))?$", text)
                if text.startswith(" " * 20) and last:
                    last[1] = (last[1] + " " + text.strip()).strip()
                elif m:
                    last = [m.group(1), m.group(2) or ""]
                    # CLI11 puts a text on the same line, however little room there is
                    close = re.match(r"(-\S+(?: [A-Z]+(?::\S.*?\])?)?(?: \.\.\.)?(?: REQUIRED)?) (\S.*)$", last[0])
                    if not last[1] and close and len(last[0]) > 28:
                        last = [close.group(1), close.group(2)]
                    group.append(last)
            elif not line.strip():
                group = None
            elif self.usage:
                self.footer.append(line)
            else:
                self.about.append(line)


def roff(text):
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("…", "...").replace("→", "\\(->").replace("—", "\\(em")
    return re.sub(r"^([.'])", r"\\&\1", text)


def entries(page, out, but=()):
    for name, about in page:
        if name.split(",")[0].split()[0] in but:
            continue
        out += [".TP", f"\\fB{roff(name)}\\fR", roff(about or "")]


def subcommands(page):
    return [name for name, _ in page.groups.get("Subcommands", [])]


def man(program, section, version):
    name = os.path.basename(program)
    day = time.strftime("%Y-%m-%d", time.gmtime(int(os.environ.get("SOURCE_DATE_EPOCH", time.time()))))
    top = Page(program)
    summary = top.about[0].split(": ")[0].split(". ")[0].rstrip(".") if name != "vidra" else "what people type: listen, judge, look, ask"
    if name == "vidrad":
        summary = "the Vidra sensor, which hears a link and judges what is said there"
    elif name == "vidra-collector":
        summary = "the Vidra collector, which hears sensors and keeps what they say"
    out = [".\\\" Made from --help.", f'.TH {name.upper()} {section} {day} "Vidra {version}" "Vidra"', ".SH NAME", f"{roff(name)} \\- {roff(summary)}", ".SH SYNOPSIS", f".B {roff(top.usage)}", ".SH DESCRIPTION"]
    out += [roff(line) for line in top.about]
    if "Options" in top.groups:
        out.append(".SH OPTIONS")
        entries(top.groups["Options"], out)

    def command(words, level):
        page = Page(program, words)
        out.append(f"{'.SS' if level == 1 else '.PP'}")
        out.append(f"\\fB{roff(name + ' ' + ' '.join(words))}\\fR") if level > 1 else out.__setitem__(-1, f'.SS "{roff(name + " " + " ".join(words))}"')
        if level > 1:
            out.append(".br")
        out.extend(roff(line) for line in page.about)
        usage = page.usage
        out.extend([".PP", f"\\fI{roff(usage)}\\fR"])
        for group in ("Positionals", "Options"):
            entries(page.groups.get(group, []), out, but=("-h",))
        for sub in subcommands(page):
            command([*words, sub], level + 1)

    if subcommands(top):
        out.append(".SH COMMANDS")
        for sub in subcommands(top):
            command([sub], 1)
    if top.footer:
        out.append(".SH EXIT STATUS")
        out += [roff(re.sub(r"^Exit status:? ", "", line)) for line in top.footer]
    out.append(".SH FILES")
    for f in FILES[name]:
        out += [".TP", f"\\fI{roff(f)}\\fR", roff(ABOUT[f])]
    others = [o for o in FILES if o != name]
    out += [".SH SEE ALSO", ", ".join(f"\\fB{roff(o)}\\fR({1 if o == 'vidra' else 8})" for o in others) + ",", "/usr/share/vidra/doc/OPERATING.md"]
    return "\n".join(out) + "\n"


def options(page):
    words = []
    for group in ("Options",):
        for name, _ in page.groups.get(group, []):
            words += re.findall(r"(?:^|,)(--?[A-Za-z][\w-]*)", name.split()[0])
    return words


def completion(programs):
    cases = []

    def walk(program, words):
        page = Page(program, words)
        key = " ".join([os.path.basename(program), *words])
        cases.append((key, " ".join(sorted(subcommands(page) + options(page)))))
        for sub in subcommands(page):
            walk(program, [*words, sub])

    for program in programs:
        walk(program, [])
    names = " ".join(os.path.basename(p) for p in programs)
    body = "\n".join(f'    "{key}") words="{words}" ;;' for key, words in cases)
    return f"""# Completion of {names} for bash, made from --help.
_vidra() {{
  local at=${{COMP_WORDS[0]##*/}} words= word i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${{COMP_WORDS[i]}}
    _vidra_words "$at $word" && at="$at $word"
  done
  _vidra_words "$at"
  COMPREPLY=($(compgen -W "$words" -- "${{COMP_WORDS[COMP_CWORD]}}"))
}}
_vidra_words() {{
  case $1 in
{body}
    *) return 1 ;;
  esac
}}
complete -o default -F _vidra {names}
"""


if __name__ == "__main__":
    if sys.argv[1] == "man":
        sys.stdout.write(man(*sys.argv[2:5]))
    else:
        sys.stdout.write(completion(sys.argv[2:]))
