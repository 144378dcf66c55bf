#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`vidra window`, `import` and `diff` as people type them, with what goes wrong around them: files that are no longer right, rights
that must stay, names that would draw on the screen, input that would swell.

usage: site_tools.py VIDRA"""
import datetime
import fcntl
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
from programs import Tap  # noqa: E402

vidra = os.path.abspath(sys.argv[1])
tap = Tap()
folder = pathlib.Path(tempfile.mkdtemp(prefix="vidra-site-tools-"))
os.chdir(folder)


def run(*line, **more):
    done = subprocess.run([vidra, *map(str, line)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120, **more)
    return done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")


def refused(what, status, wanted, line):
    code, out, err = run(*line)
    tap.check(code == status and wanted in err, what, code, err or out)


# Works.
now = datetime.datetime.now(datetime.timezone.utc)


def at(days):
    return (now + datetime.timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


def works(name, start, end, hosts='"ied1"', more=""):
    return f'[[window]]\nname = "{name}"\nopener = "N."\nstart = "{at(start)}"\nend = "{at(end)}"\nhosts = [{hosts}]\n{more}'


settings = pathlib.Path("vidra.toml")
settings.write_text('[[host]]\nname = "ied1"\naddress = "10.1.1.1"\nbay = "E01"\n')
windows = pathlib.Path("windows.toml")


def windowed(*line):
    return run("window", *line, "--config", settings)


os.chmod(settings, 0o640)
if os.geteuid() == 0:
    os.chown(settings, 0, 12345)
code, out, err = windowed("open", "test", "--bay", "E01", "--for", "1h", "--by", "N.")
there = windows.stat()
tap.check(code == 0 and there.st_mode & 0o777 == 0o640 and there.st_gid == settings.stat().st_gid, "a new windows file may be read by whom the settings may be read", code, err, oct(there.st_mode), there.st_gid)
os.rename(windows, "kept.toml")
os.symlink("kept.toml", windows)
os.chmod("kept.toml", 0o604)
if os.geteuid() == 0:
    os.chown("kept.toml", 12346, 12347)
before = os.stat("kept.toml")
code, out, err = windowed("open", "second", "--bay", "E01", "--for", "1h", "--by", "N.")
after = os.stat("kept.toml")
tap.check(code == 0 and windows.is_symlink() and (before.st_uid, before.st_gid, before.st_mode) == (after.st_uid, after.st_gid, after.st_mode) and b"second" in pathlib.Path("kept.toml").read_bytes(),
          "owner, group and permissions stay, and a link leads where it led", code, err, before, after)
windows.unlink()

windows.write_text(works("overdue", -60, -50) + works("old", -60, -50, more=f'closed = "{at(-40)}"\n') + works("recent", -60, -50, more=f'closed = "{at(-1)}"\n') +
                   works("history", -10, -9, '"gone"', f'closed = "{at(-9)}"\n') + works("left", -2, -1, '"gone"'))
code, out, err = windowed("list", "--all")
tap.check(code == 0 and all(w in out for w in ("overdue", "old", "recent", "history", "left", "OVERDUE")) and "of gone (no longer declared)" in out, "works that name a host which is gone are listed", code, out, err)
code, out, err = windowed("close", "left")
text = windows.read_text()
tap.check(code == 0 and '"left"' in text and text.count("closed =") == 3 and text.count('"gone"') == 2, "and closed", code, err, text)
tap.check('"overdue"' in text and '"recent"' in text and '"old"' not in text, "what is overdue is not forgotten, what was closed long ago is", text)
code, out, err = windowed("close", "overdue")
tap.check(code == 0 and "after its end" in out and '"overdue"' in windows.read_text(), "it can be closed, and then the sensor still reads that it was", code, out, err)
code, out, err = run("check", settings)
tap.check(code == 0 and "right" in out, "the settings are right all the same", code, out, err)
refused("a host that is gone gets no new works", 1, '"gone" is no declared host', ["window", "open", "--host", "gone", "--for", "1h", "--config", settings])

windows.write_text('[[window]]\nname = "cu')
code, out, err = run("check", settings)
tap.check(code == 0 and "windows.toml:2" in err and "not in force" in err, "a windows file that is cut: the settings are right, and it is told", code, out, err)
code, out, err = windowed("list")
tap.check(code == 1 and "windows.toml:2" in err, "list says where", code, out, err)
code, out, err = windowed("open", "--bay", "E01", "--for", "1h")
tap.check(code == 1 and "mv " in err and windows.read_text() == '[[window]]\nname = "cu', "nothing is written over it", code, out, err)
windows.unlink()

with open(settings) as locked:
    fcntl.flock(locked, fcntl.LOCK_EX)
    code, out, err = windowed("list")
    tap.check(code == 0 and "no works" in out, "list waits for nobody", code, out, err)
    refused("who changes windows waits, but not for ever", 1, "is locked by another program", ["window", "open", "--bay", "E01", "--for", "1h", "--config", settings])

# Imports: what is written is what the sensor reads.
points = pathlib.Path("points.csv")


def listed(text, *more):
    points.write_bytes(text.encode())
    return run("import", "points", points, "--host", "rtu1", "--station", "1", "--accept", "-o", "points.toml", *more)


code, out, err = listed("IOA;Type;Name\n5101;46;a\n")
tap.check(code == 0 and pathlib.Path("points.toml").exists(), "a list without its site is imported", code, err)
pathlib.Path("points.toml").unlink()
code, out, err = run("import", "points", points, "--host", "any", "--station", "1", "--accept", "-o", "points.toml")
tap.check(code == 1 and "cannot be the name of a host" in err and not pathlib.Path("points.toml").exists(), "but not one that the sensor would refuse", code, err)
refused("--delimiter č", 2, "write one character of ASCII", ["import", "points", points, "--host", "r", "--delimiter", "č"])
code, out, err = listed("IOA;Type;Name\n5101;46;\x1b[31mred\x07\n5102;46;\u009bx\n")
tap.check(code == 0 and not any(c in err for c in "\x1b\x07\u009b"), "names of a list do not draw on the screen", code, ascii(err))
scd = pathlib.Path("a.scd")
scd.write_text('<SCL><IED name="IED&#x9b;31m&#10;vidra: forged line"/></SCL>')
code, out, err = run("import", "scd", scd)
tap.check("\u009b" not in err and not any(line.startswith("vidra: forged") for line in err.splitlines()), "nor those of an SCD", code, ascii(err))

# What was heard.
pathlib.Path("site.toml").write_text('[site]\nname = "A\\u001b[31m"\n[[host]]\nname = "evil\\u001b[31m\\nforged"\naddress = "10.9.9.9"\n')
pathlib.Path("memory.toml").write_text("version = 1\n")
code, out, err = run("diff", "--site", "site.toml", "--memory", "memory.toml")
tap.check(code == 0 and "\x1b" not in out + err and not any(line.startswith("forged") for line in out.splitlines()), "diff: names do not draw on the screen", code, ascii(out), err)

# An import is reviewed.
scd.write_text('<SCL><Communication><SubNetwork name="S"><ConnectedAP iedName="IED1" apName="A"><Address><P type="IP">10.10.1.41</P></Address></ConnectedAP>'
               '<ConnectedAP iedName="IED2" apName="A"><Address><P type="IP">10.10.1.42</P></Address></ConnectedAP></SubNetwork></Communication>'
               '<IED name="IED1"><AccessPoint name="A"/></IED><IED name="IED2"><AccessPoint name="A"/></IED></SCL>')
code, out, err = run("import", "scd", scd, "-o", "scd.toml")
tap.check(code == 0 and "review = true" in pathlib.Path("scd.toml").read_text(), "what is imported asks for a review", code, err)
os.chmod("scd.toml", 0o640)
diff = ["diff", "--site", "scd.toml", "--memory", "memory.toml"]
code, out, err = run(*diff)
tap.check(code == 0 and "IED1 (10.10.1.41)   [awaits review]" in out and "2 devices of an import await a review" in out, "diff says who awaits one", code, out, err)
refused("a device that is not there is named, with those that are", 2, "these await a review: IED1, IED2", diff + ["--review", "--device", "IED9"])
refused("--device alone is a mistake", 2, "--device goes with --review", diff + ["--device", "IED1"])
tap.check(not pathlib.Path("scd.reviewed.toml").exists(), "and nothing was reviewed")
code, out, err = run(*diff, "--review", "--device", "IED1", "--by", 'N. "N."')
kept = pathlib.Path("scd.reviewed.toml")
tap.check(code == 0 and kept.exists() and 'host = "IED1"' in kept.read_text() and "IED2" not in kept.read_text() and kept.stat().st_mode & 0o777 == 0o640, "one device is, and who reads the import reads that", code, out, err)
code, out, err = run(*diff)
tap.check('IED1 (10.10.1.41)   [reviewed 20' in out and 'by N. "N."]' in out and "1 device of an import awaits a review" in out, "who and when are shown", out, err)
code, out, err = run(*diff, "--review", "--by", "M. M.")
text = kept.read_text()
tap.check(code == 0 and text.count("[[reviewed]]") == 2 and 'N. \\"N.\\"' in text and "M. M." in text, "then the rest, and the first review stays", code, text, err)
kept.write_text(text.replace("[[reviewed]]", "[[reviewd]]", 1))
refused("a review file that is wrong is told with its place", 1, "scd.reviewed.toml:", diff)
tap.end(folder)
