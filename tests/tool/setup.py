#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""setup.py VIDRA VIDRAD: the first-run questions, by flags, by a file and at a terminal. Prints TAP."""
import os
import pathlib
import pty
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from programs import Tap  # noqa: E402

vidra, vidrad = sys.argv[1:3]
tap = Tap()
key = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"


def setup(*words):
    done = subprocess.run([vidra, "setup", *map(str, words)], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def accepted(path):
    done = subprocess.run([vidrad, "--config", str(path), "--check"], capture_output=True, text=True, timeout=60)
    return done.returncode == 0


with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    one = folder / "one.toml"
    mirror = ["--attached", "mirror", "-i", "eth1", "--site", "Alder", "--collector", "tcp://cert.example:7421", "--key", key]
    status, out, err = setup(*mirror, "-o", one)
    tap.check(status == 0 and accepted(one), "by flags: written, and the sensor takes it", err)
    tap.check("doctor" in out and "quiet-port.network" in out, "says what to type next", out)
    before = one.read_bytes()
    status, out, err = setup("--attached", "mirror", "-i", "eth2", "-o", one)
    tap.check(status == 1 and one.read_bytes() == before and "--force" in err, "what exists is left as it is", err)
    status, out, err = setup("--attached", "mirror", "-i", "eth2", "-o", one, "--print")
    tap.check(status == 0 and one.read_bytes() == before and 'interfaces = ["eth2"]' in out, "--print changes nothing", err)
    status, out, err = setup("--attached", "mirror", "-i", "eth2", "-o", one, "--force")
    tap.check(status == 0 and 'interfaces = ["eth2"]' in one.read_text() and accepted(one), "--force replaces it", err)

    for words, said in (([], "--attached"), (["--attached", "tap-pair", "-i", "eth1"], "two interfaces"), (["--attached", "mirror"], "--interface"),
                        (["--attached", "mirror", "-i", "eth1", "--collector", "cert:7421", "--key", key], "tcp://HOST:PORT"),
                        (["--attached", "mirror", "-i", "eth1", "--collector", "tcp://cert:7421"], "vidra keys fingerprint"),
                        (["--attached", "mirror", "-i", "eth1", "--key", key], "--collector"),
                        (["--attached", "mirror", "-i", "eth1", "--prefix", "10.0.0.0/8"], "--zone"),
                        (["--attached", "sideways", "-i", "eth1"], "sideways")):
        status, out, err = setup(*words, "-o", folder / "none.toml")
        tap.check(status == 2 and said in err and not (folder / "none.toml").exists(), f"refused with what to type: {' '.join(words) or 'no answers'}", status, out, err)

    answers = folder / "answers.toml"
    answers.write_text(f'attached = "prp-pair"\ninterfaces = ["eth1", "eth2"]\nsite = "Beech"\nzone = "station_bus"\nprefixes = ["10.1.0.0/16"]\ncollector = "tcp://cert.example:7421"\nkey = "{key}"\ntlp = "GREEN"\nlearn_for = "2d"\n')
    status, out, err = setup("--answers", answers, "-o", folder / "two.toml", "--tlp", "RED")
    text = (folder / "two.toml").read_text() if status == 0 else ""
    tap.check(status == 0 and accepted(folder / "two.toml") and 'kind = "prp-pair"' in text and 'name = "station_bus"' in text, "by a file of answers", err)
    tap.check('tlp = "RED"' in text, "the command line is the later word", text)
    answers.write_text('attached = "prp-pair"\ninterfaces = ["eth1"]\ncolector = "x"\n')
    status, out, err = setup("--answers", answers, "-o", folder / "three.toml")
    tap.check(status == 1 and "answers.toml:2:" in err and "answers.toml:3:" in err and "collector" in err and not (folder / "three.toml").exists(), "a file's mistakes are named with their lines, all of them", err)

    def talk(lines, path):
        """At a terminal of its own."""
        near, far = pty.openpty()
        p = subprocess.Popen([vidra, "setup", "-o", str(path)], stdin=far, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        os.close(far)
        os.write(near, "".join(line + "\n" for line in lines).encode() + b"\x04")
        out = p.communicate(timeout=60)[0]
        os.close(near)
        return p.returncode, out

    status, out = talk(["9", "1", "no-such-card", "0000:03:00.0", "Alder", "bus", "10.1.0.0/33", "10.1.0.0/16", "cert:1", "tcp://cert.example:7421", "short", key, "4", "1", "soon", "7d"], folder / "four.toml")
    text = (folder / "four.toml").read_text() if status == 0 else ""
    tap.check(status == 0 and accepted(folder / "four.toml") and 'interfaces = ["0000:03:00.0"]' in text and 'tlp = "AMBER+STRICT"' in text and 'learn_for = "7d"' in text, "at a terminal", out)
    for wrong in ("a number from 1 to 4", "there is no no-such-card here", "no address range", "no endpoint", "no key", "no time to learn"):
        tap.check(wrong in out, f"and what is wrong is asked again: {wrong}", out)
    status, out = talk(["1"], folder / "five.toml")
    tap.check(status == 1 and not (folder / "five.toml").exists() and "nothing is written" in out, "who leaves has written nothing", out)

    status, out, err = setup("--defaults")
    (folder / "all.toml").write_text(out)
    tap.check(status == 0 and out == (pathlib.Path(__file__).resolve().parents[2] / "config/vidra.toml").read_text() and accepted(folder / "all.toml"), "--defaults are config/vidra.toml")
tap.end()
