#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""evidence.py VIDRAD VIDRA COLLECTOR ROOT: attacks are heard by the sensor in its sandbox; what somebody types afterwards to find the packets, to verify, pin
and hand them over, with this program and with others'."""
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from programs import Process, Tap, wait_for  # noqa: E402

vidrad, vidra, _, root = sys.argv[1:5]
recording = pathlib.Path(root) / "tests/captures/demo-attacks.pcapng.zst"
tap = Tap()
folder = pathlib.Path(tempfile.mkdtemp(prefix="vidra-evidence-"))
config, kept = folder / "vidra.toml", folder / "elsewhere/evidence"


def settings(more="", keep="true"):
    config.write_text(f'[sensor]\nname = "alder"\nstate = "{folder}/state"\n[evidence]\nkeep = {keep}\nfolder = "{kept}"\nspare = 0\n{more}')


def run(*words, text=True):
    done = subprocess.run([str(w) for w in words], capture_output=True, text=text, timeout=60)
    return done.returncode, done.stdout, done.stderr


def evidence(*words):
    return run(vidra, "evidence", "--config", config, *words)


def play(*words):
    return run(vidrad, "--config", config, "--play", recording, "--pace", "0", "--settle", "0", "--run", folder / "run", *words)


(folder / "run").mkdir()
settings(keep="false")
status, out, err = evidence()
tap.check(status == 1 and "keep is false" in err and "keep = true" in err, "before it is kept: what to write", status, err)
settings()
status, out, err = evidence()
tap.check(status == 1 and "No such file" in err and "when it starts" in err, "before the sensor started: who makes it", status, err)
status, out, err = play()
tap.check(status == 0 and "seccomp" in err and "evidence:" not in err, "attacks are heard in the sandbox, with a folder outside the state folder", status, err)
modes = {oct(p.stat().st_mode & 0o777) for p in kept.rglob("*")}
tap.check(modes == {"0o750", "0o640"} and kept.stat().st_mode & 0o777 == 0o750, f"for the user and the group alone: {sorted(modes)}")

status, out, err = evidence()
rows = re.findall(r"^ *(\d+) .*?([0-9a-f]{8}) .*?([A-Z0-9]+-\d+)", out, re.M)
tap.check(status == 0 and len(rows) >= 30 and re.search(r"\d+ sets of packets, .* in ", out), f"{len(rows)} sets are listed", out, err)
status, out, err = evidence("--verify")
tap.check(status == 0 and "every signature, hash and link of the chain is right" in out, "all verify with the sensor's own key", out, err)

sets = {json.loads(p.read_text())["story"]["detection"]: p for p in sorted(kept.glob("stories/*.json"))}
manifest = sets.get("DNP-11") or next(iter(sets.values()))
story = json.loads(manifest.read_text())["story"]["id"]
packets = manifest.with_suffix(".pcapng")
status, out, err = evidence(story[:13])
tap.check(status == 0 and str(packets) in out and "verified: SHA-256 is right" in out and "vidra decode" in out and "1 of them deciding" in out, "one alert: where its packets lie", out, err)
status, out, err = run(vidra, "decode", packets, "--protocol", "dnp3")
tap.check(status == 0 and "restart" in out.lower(), "vidra decode reads it and finds the command", out[-600:], err)
if shutil.which("tshark"):
    status, out, err = run("tshark", "-n", "-r", packets, "-T", "fields", "-e", "frame.comment")
    lines = out.splitlines()
    tap.check(status == 0 and sum(line.startswith("deciding packet of DNP-11") for line in lines) == 1 and all(lines), f"tshark shows a comment at each of {len(lines)} packets", err, out[:500])
else:
    tap.skip("tshark shows the comments", "no tshark")

# The folder is the sensor's user's, who pins may be root: a link in it leads nobody anywhere.
victim, pins = folder / "victim", kept / "stories/pinned"
victim.write_text("as it was")
(pins / story).symlink_to(victim)
status, out, err = evidence(story, "--pin")
tap.check(victim.read_text() == "as it was" and "N. N." not in out, "a link where the pin would be: nothing is written through it", out, err)
(pins / story).unlink()
pins.rename(folder / "elsewhere/pinned")
pins.symlink_to(folder / "elsewhere/pinned")
status, out, err = evidence(story, "--pin")
tap.check(status == 1 and "it is a link" in err and not list((folder / "elsewhere/pinned").iterdir()), "nor where the folder of the pins would be: said", out, err)
pins.unlink()
(folder / "elsewhere/pinned").rename(pins)
status, out, err = evidence(story, "--pin", "--by", "N. N.")
tap.check(status == 0 and "N. N." in (kept / "stories/pinned" / story).read_text(), "pinned", out, err)
status, out, err = evidence(story)
tap.check("pinned: it stays" in out, "and it says so", out)
status, out, err = evidence(story, "--pin", "--by", "somebody else")
tap.check(status == 0 and "was pinned before" in out and "N. N." in (pins / story).read_text(), "who pins it again changes nothing", out, err)
archive = folder / "case.tar"
status, out, err = evidence(story, "--export", archive)
digest = hashlib.sha256(archive.read_bytes()).hexdigest() if archive.exists() else ""
tap.check(status == 0 and digest in out and archive.stat().st_mode & 0o777 == 0o600, "handed over in one file", out, err)
with tarfile.open(archive) as tar:
    tar.extractall(folder / "case")
case = folder / "case"
status, out, err = run("sh", "-c", f"cd {case} && sha256sum -c SHA256SUMS")
tap.check(status == 0 and out.count(": OK") == len(list(case.iterdir())) - 1, "sha256sum finds every file of it right", out, err)
if shutil.which("openssl"):
    name = case / manifest.name
    status, out, err = run("openssl", "pkeyutl", "-verify", "-pubin", "-inkey", next(case.glob("key-*.pem")), "-rawin", "-in", f"{name}.signed", "-sigfile", f"{name}.sig")
    tap.check(status == 0 and "Verified" in out, "openssl verifies the signature", out, err)
else:
    tap.skip("openssl verifies the signature", "no openssl")
status, out, err = evidence(story, "--export", archive)
tap.check(status == 1 and "is there already" in err, "nothing is written over", err)

whole = packets.read_bytes()
packets.write_bytes(whole[:500] + bytes([whole[500] ^ 1]) + whole[501:])
status, out, err = evidence("--verify")
tap.check(status == 1 and re.search(re.escape(str(packets)) + r": it was changed: its SHA-256 is", out) and "1 things are WRONG" in out, "one bit another: verify names the file", out, err)
status, out, err = evidence(story)
tap.check(status == 1 and "NOT VERIFIED" in out, "and so does the alert", out, err)
packets.write_bytes(whole)
first = min(kept.glob("stories/*.json"))                    # that others follow; the restart's may be the last
text = first.read_text()
first.write_text(text.replace('"severity": ', '"severity": 1'))
status, out, err = evidence("--verify")
tap.check(status == 1 and f"{first}: it was changed after it was signed" in out and "does not follow" in out, "a manifest that was changed: its signature, and the next one's link", out, err)
first.write_text(text)
status, out, err = run(vidra, "evidence", "--folder", kept, "--verify", "--key", "a" * 64)
tap.check(status == 1 and "is not this sensor's" in out, "another key is not accepted", out[:300], err)
status, out, err = evidence("ffffffff")
tap.check(status == 1 and "there is no evidence of a story ffffffff" in err, "an alert without packets: said", err)

# Killed while it writes; the next start goes on with the chain.
before = len(list(kept.glob("stories/*.json")))
for n in range(2):
    p = Process(vidrad, "--config", config, "--play", recording, "--pace", "200", "--settle", "0", "--run", folder / "run")
    wait_for(lambda: len(list(kept.glob("last/*"))) > 3 * (n + 1), 20)
    time.sleep(0.2)
    p.end(signal.SIGKILL)
status, out, err = run("sh", "-c", " && ".join(f"{vidra} decode --count {p}" for p in sorted(kept.glob("last/*.pcapng"))[:4]))
tap.check("octet" not in err or status in (0, 3), "what lay on disk is read", err[-500:])
settings('sets = "1 MiB"\nstory = "512 KiB"\n')
status, out, err = play()
status, out, err = evidence("--verify")
after = len(list(kept.glob("stories/*.json")))
tap.check(status == 0 and after > before and re.search(r"[1-9]\d* evicted by their manifests", out), "after two kills and with little room: the chain is whole, what went is said", out, err)
tap.check(packets.exists(), "what is pinned is still there")
status, out, err = evidence(story, "--unpin")
tap.check(status == 0 and not (kept / "stories/pinned" / story).exists(), "unpinned", err)
tap.end(folder)
