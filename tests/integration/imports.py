"""What the tests of `hashscope import` have in common: importing, and reading what came of it."""
import base64
import json
import os
import subprocess
import unittest
import shutil
import tempfile

from tests.integration.harness import bare_environment, program

END = {None: b"\n", "": b"", "\r\n": b"\r\n"}


def clean_environment():
    return bare_environment(LOG_LEVEL="warn")


class ImportCase(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="hashscope-import-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.data_dir = os.path.join(self.folder, "data")
        self.files = 0

    def run_front(self, *arguments, code=0, stdin=None, **more):
        """Runs `hashscope COMMAND …` on the data directory; returns what it printed."""
        command, *rest = arguments
        done = subprocess.run([program("hashscope"), command, "--data-dir", self.data_dir, *rest],
                              env=clean_environment(), cwd=self.folder, input=stdin,
                              stdin=None if stdin is not None else subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120, **more)
        self.assertEqual(done.returncode, code, (arguments, done.stdout[-2000:],
                                                 done.stderr[-2000:]))
        self.errors = done.stderr.decode()
        return done.stdout

    def file(self, data, name=None):
        self.files += 1
        path = os.path.join(self.folder, name or f"capture-{self.files}")
        with open(path, "wb") as out:
            out.write(data)
        return path

    def take(self, *files, code=0):
        """Imports captures (bytes or paths) or flags; returns the summary."""
        files = [self.file(data) if isinstance(data, bytes) else data for data in files]
        out = self.run_front("import", "--json", *files, code=code)
        return json.loads(out) if out else None

    def lines(self, summary):
        """The lines of the series, verified."""
        self.run_front("verify", "--series", summary["instance"])
        out = self.run_front("cat", "--json", "--series", summary["instance"])
        return [json.loads(line) for line in out.splitlines()]

    def raw_lines(self, summary):
        return self.run_front("cat", "--json", "--series", summary["instance"]).splitlines()


def text_of(raw):
    """The bytes of a message's line, end included."""
    line = json.loads(raw)
    if "bytes_b64" in line:
        data = base64.b64decode(line["bytes_b64"])
    else:
        data = raw[raw.index(b'"msg":') + 6:-1]
    ends = not ("frag" in line and "last" not in line)
    return data + (END[line.get("end")] if ends else b"")


def streams(raw_lines):
    """session -> [what the miner sent, what the pool sent], each a list of (offset, bytes) pieces;
    offsets as state lines tell them."""
    found, at = {}, {}
    for raw in raw_lines:
        line = json.loads(raw)
        session = line.get("session")
        if session is None:
            continue
        pieces = found.setdefault(session, [[], []])
        place = at.setdefault(session, [0, 0])
        if line.get("event") == "state":
            place[0], place[1] = line["bytes_up"], line["bytes_down"]
        elif "dir" in line:
            side = 0 if line["dir"] == "miner_to_pool" else 1
            data = text_of(raw)
            pieces[side].append((place[side], data))
            place[side] += len(data)
    return found


def joined(pieces):
    """The bytes, when none is missing."""
    out = b""
    for offset, data in pieces:
        assert offset == len(out), (offset, len(out))
        out += data
    return out
