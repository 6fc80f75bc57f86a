"""What a data directory holds, read as a stranger would: zstdcat, lines, json.

Streams are rebuilt as the format says: the exact bytes of a message stand between "msg": and the
closing brace, or in bytes_b64; "end" is its terminator where that was not a line feed.
"""
import base64
import glob
import json
import os
import subprocess

from tests.integration import segment_reader

FORMAT_CHECK_MAX = 1 << 20  # bytes of files that are checked against the format to the last bit
MSG = b',"msg":'


class Line(dict):
    """A line of the archive; `content` is what was said, `end` how it was terminated; `wire` what
    it adds to its stream."""

    def __init__(self, text):
        at = text.find(MSG)
        if at >= 0:
            super().__init__(json.loads(text[:at] + b"}"))
            self.content = text[at + len(MSG):-1]
            self.embedded = True
        else:
            super().__init__(json.loads(text))
            self.content = base64.b64decode(self.get("bytes_b64", ""), validate=True)
            self.embedded = False
        piece = "frag" in self and not self.get("last")
        self.end = self["end"].encode() if "end" in self else b"" if piece else b"\n"
        self.wire = self.content[self.get("before", 0):] + self.end

    @property
    def message(self):
        """The message as JSON; parsed strictly, as the archive promises that it can be."""
        return json.loads(self.content.decode())


class Archive:
    def __init__(self, data_dir):
        self.paths = self.find(data_dir)
        self.files = {path: self.read(path) for path in self.paths}
        self.lines = [line for lines in self.files.values() for line in lines]

    @classmethod
    def find(cls, data_dir):
        """The segment files in their order, sealed or not."""
        paths = glob.glob(os.path.join(data_dir, "segments/**/*.ndjson.zst*"), recursive=True)
        return sorted((path for path in paths
                       if path.endswith((".zst", ".open")) and "/imported/" not in path),
                      key=cls.number)

    @staticmethod
    def number(path):
        """Files are in order of the number behind the time in their names."""
        return int(os.path.basename(path).split(".")[0].rsplit("-", 1)[1])

    @staticmethod
    def read(path):
        run = subprocess.run(["zstdcat", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             check=False)
        if run.returncode and path.endswith(".zst"):
            raise AssertionError(f"{path}: {run.stderr.decode()}")
        return [Line(text) for text in run.stdout.split(b"\n") if text]

    # ---- what must always hold

    def check(self, sealed=True, gaps=0):
        """Every number from 1 on is there once, in order; every file is sealed and as the format
        wants it; nothing was lost."""
        numbers = [line["seq"] for line in self.lines if "seq" in line]
        if numbers != list(range(1, len(numbers) + 1)):
            wrong = next(i for i, n in enumerate(numbers, 1) if n != i)
            raise AssertionError(f"numbers are not 1, 2, 3 …: {numbers[wrong - 3:wrong + 3]} at "
                                 f"{wrong} of {len(numbers)}")
        found = [line for line in self.lines if line.get("event") == "gap"]
        if len(found) != gaps:
            raise AssertionError(f"{len(found)} gaps: {found[:3]}")
        if sum(os.path.getsize(path) for path in self.paths) < FORMAT_CHECK_MAX:
            segment_reader.read_all(self.paths)
        unsealed = [path for path in self.paths if not path.endswith(".zst")]
        if sealed and unsealed:
            raise AssertionError(f"not sealed: {unsealed}")
        return self

    # ---- questions

    def sessions(self):
        return [line["session"] for line in self.events("opened")]

    def session_of(self, miner):
        """The session of the miner with that address."""
        found = [line["session"] for line in self.events("opened") if line["miner"] == miner]
        if len(found) != 1:
            raise AssertionError(f"{len(found)} sessions of {miner}")
        return found[0]

    def events(self, event, session=None):
        return [line for line in self.lines if line.get("event") == event and
                session in (None, line.get("session"))]

    def event(self, event, session):
        """The only one of that kind."""
        found = self.events(event, session)
        if len(found) != 1:
            raise AssertionError(f"{len(found)} lines of {event} for {session}")
        return found[0]

    def closed(self, session):
        line = self.event("closed", session)
        return line["by"], line["reason"]

    def messages(self, session, *directions):
        return [line for line in self.lines if line.get("session") == session and
                "dir" in line and (not directions or line["dir"] in directions)]

    def stream(self, session, *directions):
        return b"".join(line.wire for line in self.messages(session, *directions))
