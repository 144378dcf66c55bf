#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""sbom.py VERSION OUTPUT [--header PACKAGE LICENCE VERSION]… -- FILE…: what these programs are made of, as SPDX 2.3 (JSON). What is linked is read from the
programs themselves; each library's package and version come from the machine that builds; its licence from the list below, which has a
row for all of them: an unknown library ends the build. The time is SOURCE_DATE_EPOCH's."""
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import time

# By the beginning of the soname. What each is under when linked as a library, in SPDX's words.
LICENCES = {
    "libc": "LGPL-2.1-or-later", "libm": "LGPL-2.1-or-later", "ld-linux": "LGPL-2.1-or-later", "libstdc++": "GPL-3.0-or-later WITH GCC-exception-3.1",
    "libgcc_s": "GPL-3.0-or-later WITH GCC-exception-3.1", "libatomic": "GPL-3.0-or-later WITH GCC-exception-3.1",
    "libpcap": "BSD-3-Clause", "libzmq": "LGPL-3.0-or-later WITH LGPL-3.0-linking-exception", "libsodium": "ISC", "libsqlite3": "blessing", "libfmt": "MIT",
    "libtomlplusplus": "MIT", "libz": "Zlib", "libzstd": "BSD-3-Clause OR GPL-2.0-only", "libsystemd": "LGPL-2.1-or-later", "libmd": "BSD-3-Clause", "libexpat": "MIT",
    "libndpi": "LGPL-3.0-or-later", "libseccomp": "LGPL-2.1-only", "librte": "BSD-3-Clause", "libxxhash": "BSD-2-Clause",
}


def run(*words):
    return subprocess.run(words, capture_output=True, text=True)


def needed(file):
    return sorted(re.findall(r"\(NEEDED\).*\[(.+)\]", run("readelf", "-d", file).stdout))


def licence(soname):
    stem = max((k for k in LICENCES if soname.startswith(k)), key=len, default=None)
    if stem is None or not re.match(re.escape(stem) + r"($|[-_.\d])", soname):
        sys.exit(f"sbom.py: {soname} is linked and its licence is not listed; add a row to docs/sbom.py")
    return LICENCES[stem]


def where(soname, file):
    m = re.search(re.escape(soname) + r" => (\S+)", run("ldd", file).stdout)
    return os.path.realpath(m.group(1)) if m else None


def package(path):
    """Debian's package and version of a library; nothing on another system. Links of a merged /usr are tried too."""
    for p in filter(None, (path, path and path.removeprefix("/usr"), path and re.sub(r"^/lib", "/usr/lib", path))):
        found = run("dpkg-query", "-S", p)
        if found.returncode == 0 and found.stdout:
            name = found.stdout.split(":")[0].split(",")[0]
            about = run("dpkg-query", "-W", "-f=${Version}\t${source:Package}", name).stdout.split("\t")
            return name, about[0]
    return None, None


version, output = sys.argv[1:3]
split = sys.argv.index("--")
headers = [sys.argv[i + 1:i + 4] for i in range(3, split) if sys.argv[i] == "--header"]
files = sys.argv[split + 1:]
libraries, uses = {}, []
for f in files:
    for soname in needed(f):
        if soname not in libraries:
            path = where(soname, f)
            name, debian = package(path)
            libraries[soname] = {"licence": licence(soname), "package": name, "version": debian}
        uses.append((os.path.basename(f), soname))

stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(int(os.environ.get("SOURCE_DATE_EPOCH", time.time()))))
ident = lambda s: "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]", "-", s)   # noqa: E731
packages, relations = [], []
for f in files:
    name = os.path.basename(f)
    packages.append({"SPDXID": ident(name), "name": name, "versionInfo": version, "downloadLocation": "NOASSERTION", "filesAnalyzed": False, "licenseConcluded": "Apache-2.0",
                     "licenseDeclared": "Apache-2.0", "copyrightText": "NOASSERTION", "primaryPackagePurpose": "LIBRARY" if name.endswith(".so") else "APPLICATION"})
    relations.append({"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": ident(name)})
for soname, about in sorted(libraries.items()):
    entry = {"SPDXID": ident(soname), "name": soname, "versionInfo": about["version"] or "NOASSERTION", "downloadLocation": "NOASSERTION", "filesAnalyzed": False,
             "licenseConcluded": about["licence"], "licenseDeclared": about["licence"], "copyrightText": "NOASSERTION", "primaryPackagePurpose": "LIBRARY"}
    if about["package"]:
        entry["externalRefs"] = [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": f"pkg:deb/debian/{about['package']}@{about['version']}"}]
    packages.append(entry)
for name, spdx, number in headers:
    debian = run("dpkg-query", "-W", "-f=${Version}", name).stdout or number
    packages.append({"SPDXID": ident(name), "name": name, "versionInfo": debian, "downloadLocation": "NOASSERTION", "filesAnalyzed": False, "licenseConcluded": spdx,
                     "licenseDeclared": spdx, "copyrightText": "NOASSERTION", "primaryPackagePurpose": "SOURCE",
                     "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": f"pkg:deb/debian/{name}@{debian}"}]})
    relations += [{"spdxElementId": ident(os.path.basename(f)), "relationshipType": "STATIC_LINK", "relatedSpdxElement": ident(name)} for f in files if not f.endswith(".so")]
relations += [{"spdxElementId": ident(a), "relationshipType": "DYNAMIC_LINK", "relatedSpdxElement": ident(b)} for a, b in uses]
text = {"spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": f"vidra-{version}",
        "creationInfo": {"created": stamp, "creators": ["Tool: docs/sbom.py"]}, "packages": packages, "relationships": relations}
digest = hashlib.sha256(json.dumps(text, sort_keys=True).encode()).hexdigest()
text["documentNamespace"] = f"https://spdx.org/spdxdocs/vidra-{version}-{digest[:32]}"
pathlib.Path(output).write_text(json.dumps(text, indent=1) + "\n")
