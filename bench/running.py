# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks share: a process and what it cost, the programs that others use, the captures that all are played."""
import collections
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from instructions import site  # noqa: E402,F401

root = pathlib.Path(__file__).resolve().parent.parent
corpus = root.parent / "shared/corpus"
Cost = collections.namedtuple("Cost", "cpu wall resident output")     # seconds, seconds, octets, text


def cost(command, environment=None):
    """Runs a program to its end: CPU time as the kernel accounts it for that process and its peak of resident memory."""
    with tempfile.TemporaryFile() as out:
        began = time.monotonic()
        process = subprocess.Popen([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, env={**os.environ, **(environment or {})})
        _, status, used = os.wait4(process.pid, 0)
        took = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        output = out.read().decode(errors="replace")
    if process.returncode:
        sys.exit(f"{' '.join(map(str, command))} ended with {process.returncode}:\n{output[-2000:]}")
    return Cost(used.ru_utime + used.ru_stime, took, used.ru_maxrss * 1024, output)


def debian(program, package):
    """(command, environment) of a program: the machine's own, or unpacked beside the builds with what it needs and this machine lacks;
    None where it cannot be had. Nothing is installed: no service starts, no setting of the machine changes."""
    if shutil.which(program):
        return [shutil.which(program)], {}
    home = root / "build-peers" / package
    if not (home / "whole").exists():
        shutil.rmtree(home, ignore_errors=True)
        (home / "deb").mkdir(parents=True)
        extra = backports(home)
        asked = subprocess.run(["apt-get", "-s", "--no-install-recommends", *extra, "install", package], capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"})
        wanted = re.findall(r"^Inst (\S+) (?:\[\S+\] )?\((\S+)", asked.stdout, re.M)
        if not wanted or subprocess.run(["apt-get", *extra, "download", "-qq", *(f"{name}={version}" for name, version in wanted)], cwd=home / "deb", capture_output=True).returncode:
            return None
        for each in (home / "deb").glob("*.deb"):
            subprocess.run(["dpkg", "-x", each, home], check=True)
        shutil.rmtree(home / "deb")
        (home / "whole").touch()
    found = next((p for p in (home / "usr/bin" / program, home / "usr/sbin" / program) if p.exists()), None)
    libraries = [str(p) for p in (home / "usr/lib").glob("*-linux-gnu")] + [str(p) for p in (home / "lib").glob("*-linux-gnu")]
    return found and ([str(found)], {"LD_LIBRARY_PATH": ":".join(libraries)})


def backports(home):
    """apt's options under which bookworm-backports is known too, from the mirror that this machine uses; lists of their own."""
    targets = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(CODENAME) $(COMPONENT)", "Created-By: Packages"], capture_output=True, text=True).stdout
    mirror = next((line.split()[0] for line in targets.splitlines() if line.split()[1:] == ["bookworm", "main"]), None)
    if not mirror:
        return []
    (home / "lists/partial").mkdir(parents=True, exist_ok=True)
    key = "/usr/share/keyrings/debian-archive-keyring.gpg"
    (home / "both.list").write_text("".join(f"deb [signed-by={key}] {mirror} {suite} main\n" for suite in ("bookworm", "bookworm-backports")))
    options = ["-o", f"Dir::Etc::SourceList={home}/both.list", "-o", "Dir::Etc::SourceParts=/dev/null", "-o", f"Dir::State::Lists={home}/lists",
               "-o", "APT::Default-Release=bookworm-backports"]
    subprocess.run(["apt-get", "-qq", *options, "update"], capture_output=True)
    return options


def suricata_settings(program, folder):
    """The package's settings, wherever it lies, without rules, as words of a command line."""
    etc = pathlib.Path("/etc/suricata")
    if not etc.exists():
        etc = pathlib.Path(program).resolve().parents[2] / "etc/suricata"
    return ["-c", f"{etc}/suricata.yaml", "--set", f"classification-file={etc}/classification.config", "--set", f"reference-config-file={etc}/reference.config",
            "--set", f"threshold-file={etc}/threshold.config", "-S", "/dev/null", "-l", str(folder)]


def learned(vidra, capture, folder):
    """A memory and a site of what one capture holds: every private address of it that was heard is a declared host."""
    memory, declared = folder / f"{capture.stem}.memory.toml", folder / f"{capture.stem}.site.toml"
    subprocess.run([vidra, "learn", capture, "-o", memory], check=True, capture_output=True)
    lines = ['[site]', 'name = "woven"', 'prefixes = ["10.0.0.0/8"]']
    for n, address in enumerate(re.findall(r'^\[\[host\]\]\naddress = "(10\.[0-9.]+)"', memory.read_text(), re.M)):
        lines += ['[[host]]', f'name = "h{n}"', f'address = "{address}"']
    declared.write_text("\n".join(lines) + "\n")
    return memory, declared


def cut(capture, packets, to):
    """The first so many frames of a pcap file."""
    with open(capture, "rb") as source, open(to, "wb") as out:
        out.write(source.read(24))
        for _ in range(packets):
            head = source.read(16)
            if len(head) < 16:
                break
            out.write(head + source.read(int.from_bytes(head[8:12], "little")))
    return to


def middle(values):
    return statistics.median(values)
