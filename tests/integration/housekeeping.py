"""What the tests of retention and of rewriting share: a recorder with a miner that fills segments, its
files, a clock it remembers, and a suite whose tests run together."""
import concurrent.futures
import glob
import itertools
import json
import os
import struct
import subprocess
import time
import unittest

from tests.integration.archive import Archive
from tests.integration.harness import PATIENCE, RecorderCase, wait_until

DAY = 86400
YEAR = 365 * DAY
NS = 10 ** 9


def zstdcat(path):
    return subprocess.run(["zstdcat", path], stdout=subprocess.PIPE, check=True).stdout


def generation(path):
    with open(path, "rb") as file:
        return struct.unpack_from("<I", file.read(64), 20)[0]


class Taken(unittest.TestResult):
    """What one test has told its result, to be told to another."""

    TOLD = ("startTest", "addSuccess", "addError", "addFailure", "addSkip", "addSubTest", "stopTest")

    def __init__(self):
        super().__init__()
        self.calls = []

    def __getattribute__(self, name):
        if name in Taken.TOLD:
            return lambda *arguments: self.calls.append((name, arguments))
        return super().__getattribute__(name)

    def tell(self, result):
        for name, arguments in self.calls:
            getattr(result, name)(*arguments)


class Together(unittest.TestSuite):
    """Some tests at a time: nearly all of their time is waiting."""

    def run(self, result, debug=False):
        def take(test):
            taken = Taken()
            test.run(taken)
            return taken

        with concurrent.futures.ThreadPoolExecutor(5) as threads:
            for taken in threads.map(take, self):
                taken.tell(result)
        return result


def together(loader, cases):
    """For load_tests; those that take longest should come first."""
    return Together(test for case in cases for test in loader.loadTestsFromTestCase(case))


class Housekeeping(RecorderCase):
    def setUp(self):
        super().setUp()
        self.numbers = itertools.count(1)

    def content(self):
        """Of a message; no compression makes it smaller."""
        return os.urandom(24).hex()

    def begin(self, **settings):
        """A recorder with one miner and its pool."""
        self.pool = self.new_pool()
        recorder = self.start(self.pool, **settings)
        self.miner, self.upstream = self.join(recorder, self.pool)
        return recorder

    def talk(self, recorder, count):
        """So many submits, archived."""
        lines = [b'{"id":%d,"method":"mining.submit","params":["worker","%s"]}\n'
                 % (next(self.numbers), self.content().encode()) for _ in range(count)]
        before = recorder.status()["last_seq"]
        self.miner.send(b"".join(lines))
        for _ in range(count):
            self.upstream.read_line()
        wait_until(lambda: recorder.status()["archive"]["archived_seq"] >= before + count,
                   "it is archived")

    def segment(self, recorder, count):
        """The same in a segment of its own; returns its path."""
        before = set(self.sealed())
        self.talk(recorder, count)
        recorder.ask("rotate")
        found = wait_until(lambda: set(self.sealed()) - before, "it is sealed")
        return found.pop()

    def paths(self, suffix):
        found = glob.glob(os.path.join(self.data_dir, "segments/*/*/*/*" + suffix))
        return sorted(found, key=Archive.number)

    def sealed(self):
        return self.paths(".ndjson.zst")

    def house(self, recorder):
        return recorder.status()["housekeeping"]

    def wait_house(self, recorder, condition, what, seconds=PATIENCE):
        return wait_until(lambda: condition(self.house(recorder)), what, seconds)

    def remember_clock(self, seconds_ahead=0, held=DAY):
        """What a run that knew the clock for so long has left behind."""
        os.makedirs(os.path.join(self.data_dir, "live"), exist_ok=True)
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            boot = file.read().strip()
        wall = time.time_ns() - seconds_ahead * NS
        steady = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        with open(os.path.join(self.data_dir, "live/clock"), "w", encoding="ascii") as file:
            json.dump({"wall_ns": wall, "steady_ns": steady, "boot": boot,
                       "difference_ns": wall - steady, "held_ns": held * NS}, file)

    def clock_held(self):
        with open(os.path.join(self.data_dir, "live/clock"), encoding="ascii") as file:
            return json.load(file)["held_ns"] / NS

    def make_older(self, path, seconds):
        """As if it had been recorded so long ago."""
        changed = time.time() - seconds
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(changed))
        older = os.path.join(os.path.dirname(path), stamp + os.path.basename(path)[16:])
        os.rename(path, older)
        os.utime(older, (changed, changed))
        return older
