"""Retention and recompression while the recorder records: what goes and what stays, clocks that jump,
disks that are small, readers in the middle of what goes, and deaths in the middle of a rewriting."""
import concurrent.futures
import glob
import itertools
import json
import mmap
import os
import random
import re
import struct
import subprocess
import time
import unittest

from tests.integration import segment_reader
from tests.integration.archive import Archive
from tests.integration.harness import MIB, PATIENCE, RecorderCase, is_sanitized, wait_until

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


def load_tests(loader, _tests, _pattern):
    """The longest first."""
    cases = (Recompression, Retention, JumpingClock, Footers, Priorities)
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


class Retention(Housekeeping):
    def begin(self, **settings):
        return super().begin(**{"RECOMPRESS_LEVEL": 0, **settings})

    @staticmethod
    def counted(status):
        same = status["counters"]["segments_removed"] == status["housekeeping"]["removed_files"]
        return same and status

    def test_bytes(self):
        """Under load, the oldest go, and with them damaged and unfinished files."""
        recorder = self.begin(RETAIN_BYTES=200 * 1024)
        first = self.segment(recorder, 500)
        torn = self.segment(recorder, 500)
        os.rename(torn, torn + ".torn")
        for _ in range(10):
            self.segment(recorder, 1000)
        self.wait_house(recorder, lambda house: house["bytes"] <= 200 * 1024 and
                        house["removed_files"] > 2, "the oldest are removed")
        self.talk(recorder, 500)
        left = self.sealed()
        self.assertNotIn(first, left)
        self.assertEqual(self.paths(".torn"), [])
        self.assertGreater(len(left), 2)
        numbers = [Archive.number(path) for path in left]
        self.assertEqual(numbers, list(range(numbers[0], numbers[-1] + 1)))
        status = wait_until(lambda: self.counted(recorder.status()), "all of it is counted")
        house, counters = status["housekeeping"], status["counters"]
        self.assertEqual(counters["removed_bytes"], house["removed_bytes"])
        logged = re.findall(r"retention: removed (\S+), (\d+) bytes \(RETAIN_BYTES\)",
                            recorder.text())
        self.assertEqual(len(logged), house["removed_files"])
        self.assertEqual(sum(int(size) for _, size in logged), house["removed_bytes"])
        self.assertEqual(recorder.stop(), 0)
        segment_reader.read_all(self.sealed())

    def test_the_file_being_written_is_never_removed(self):
        recorder = self.begin(RETAIN_BYTES=1024)
        old = self.segment(recorder, 500)
        self.talk(recorder, 500)
        wait_until(lambda: not os.path.exists(old), "the sealed one is removed")
        self.wait_house(recorder, lambda house: house["bytes_exceeded"], "it says so")
        self.assertEqual(len(self.paths(".open")), 1)
        self.talk(recorder, 500)
        self.assertEqual(len(self.paths(".open")), 1)
        self.assertEqual(recorder.counters()["archive_errors"], 0)

    def test_a_reader_in_the_middle(self):
        recorder = self.begin(RETAIN_BYTES=100 * 1024)
        path = self.segment(recorder, 1000)
        with open(path, "rb") as reader:
            head = reader.read(1000)
            for _ in range(4):
                self.segment(recorder, 1000)
            wait_until(lambda: not os.path.exists(path), "it is removed")
            data = head + reader.read()
        run = subprocess.run(["zstdcat"], input=data, stdout=subprocess.PIPE, check=True)
        self.assertGreaterEqual(run.stdout.count(b"\n"), 1000)

    def test_imported_files_are_left_alone(self):
        imported = os.path.join(self.data_dir, "segments/imported/0123456789abcdef/x.ndjson.zst")
        os.makedirs(os.path.dirname(imported))
        with open(imported, "wb") as file:
            file.write(bytes(MIB))
        recorder = self.begin(RETAIN_BYTES=1024)
        old = self.segment(recorder, 100)
        wait_until(lambda: not os.path.exists(old), "the sealed one is removed")
        self.assertEqual(os.path.getsize(imported), MIB)

    def test_age(self):
        self.remember_clock()
        recorder = self.begin(RETAIN_DAYS=7)
        paths = [self.segment(recorder, 100) for _ in range(3)]
        old = self.make_older(paths[0], 8 * DAY)
        young = self.make_older(paths[1], 6 * DAY)
        folder = os.path.join(self.data_dir, "segments/2001/02/03")
        os.makedirs(folder)
        ancient = os.path.join(folder, os.path.basename(self.make_older(paths[2], 9 * DAY)))
        os.rename(self.paths(os.path.basename(ancient))[0], ancient)
        wait_until(lambda: not os.path.exists(old) and not os.path.exists(ancient),
                   "what is too old is removed")
        self.assertTrue(os.path.exists(young))
        wait_until(lambda: not os.path.exists(os.path.join(self.data_dir, "segments/2001")),
                   "its empty folders are removed")
        self.assertFalse(self.house(recorder)["age_paused"])
        self.assertIn("(RETAIN_DAYS)", recorder.text())

    def check_unknown_clock(self, seconds, held):
        if seconds is not None:
            self.remember_clock(seconds, held)
        recorder = self.begin(RETAIN_DAYS=7)
        path = self.make_older(self.segment(recorder, 100), 30 * DAY)
        house = self.wait_house(recorder, lambda house: house["age_paused"] and house,
                                "it says so")
        self.assertGreater(house["age_pause_seconds"], DAY // 2 - 100)
        self.assertRegex(recorder.text(), "retention: the clock is not known well enough")
        files = house["files"]
        self.segment(recorder, 100)
        self.wait_house(recorder, lambda h: h["files"] > files, "it has looked again")
        self.assertTrue(os.path.exists(path))
        self.assertEqual(recorder.stop(), 0)
        self.assertLess(self.clock_held(), DAY)

    def test_a_clock_that_is_a_year_ahead(self):
        self.check_unknown_clock(YEAR, DAY)

    def test_a_clock_that_is_a_year_behind(self):
        self.check_unknown_clock(-YEAR, DAY)

    def test_a_clock_that_has_held_half_a_day(self):
        self.check_unknown_clock(0, DAY // 2)

    def test_a_clock_of_which_nothing_is_known(self):
        self.check_unknown_clock(None, 0)

    def small_disk(self, size):
        os.makedirs(self.data_dir)
        run = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", self.data_dir],
                             stderr=subprocess.PIPE, check=False)
        if run.returncode:
            self.skipTest("mounting a tmpfs is not allowed here")
        self.addCleanup(subprocess.run, ["umount", "-l", self.data_dir], check=False)

    def test_room(self):
        """A small disk under load: there is always room, nobody notices."""
        self.small_disk("16M")
        ring = os.path.join(self.folder, "ring")
        os.mkdir(ring)
        self.content = lambda: os.urandom(1000).hex()
        recorder = self.begin(MIN_FREE_BYTES="8M", RING_DIR=ring, SEGMENT_MAX_BYTES="1M")
        for _ in range(11):
            self.talk(recorder, 1000)
        house = self.wait_house(recorder, lambda house: house["removed_files"] > 1 and
                                house["free_bytes"] >= 8 * MIB and house, "there is room")
        self.assertFalse(house["room_missing"])
        self.assertEqual(recorder.counters()["archive_errors"], 0)
        self.assertEqual(recorder.counters()["records_lost"], 0)
        self.assertIn("(MIN_FREE_BYTES)", recorder.text())
        self.assertEqual(recorder.stop(), 0)
        segment_reader.read_all(self.sealed()[-2:])

    def test_a_disk_smaller_than_the_limit(self):
        """Of a disk of 24 MB no more than half is kept free, so the archive is not emptied."""
        self.small_disk("24M")
        ring = os.path.join(self.folder, "ring")
        os.mkdir(ring)
        recorder = self.begin(MIN_FREE_BYTES="1G", RING_DIR=ring)
        path = self.segment(recorder, 1000)
        self.wait_house(recorder, lambda house: house["files"] >= 1, "it has looked")
        self.assertEqual(self.house(recorder)["min_free_bytes"], 12 * MIB)
        self.assertTrue(os.path.exists(path))
        self.assertIn("MIN_FREE_BYTES is more than half of the disk", recorder.text())


# Wall time is ahead by so many seconds as a mapped file says.
CLOCK_SOURCE = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t id, struct timespec *out)
{
    static volatile long *ahead;
    if (!ahead)
        ahead = mmap(NULL, sizeof *ahead, PROT_READ, MAP_SHARED, open(getenv("AHEAD"), O_RDONLY),
                     0);
    int got = (int)syscall(SYS_clock_gettime, id, out);
    if (id == CLOCK_REALTIME)
        out->tv_sec += *ahead;
    return got;
}
"""


class JumpingClock(Housekeeping):
    def setUp(self):
        super().setUp()
        if is_sanitized():
            self.skipTest("the sanitizer's run time must come first")
        path = os.path.join(self.folder, "ahead")
        with open(path, "wb") as file:
            file.write(bytes(8))
        with open(path, "r+b") as file:
            self.ahead = self.keep(mmap.mmap(file.fileno(), 8))
        library = self.compile_library("clock", CLOCK_SOURCE)
        self.environment = {"LD_PRELOAD": library, "AHEAD": path}

    def start(self, pool=None, options=None, **settings):
        return super().start(pool, options={"environment": self.environment}, **settings)

    def jump(self, seconds):
        self.ahead[:8] = struct.pack("<q", seconds)

    def check_jump(self, seconds):
        self.remember_clock()
        recorder = self.begin(RETAIN_DAYS=7, RECOMPRESS_LEVEL=0)
        kept = [self.segment(recorder, 100) for _ in range(3)]
        self.assertFalse(self.house(recorder)["age_paused"])
        self.jump(seconds)
        self.wait_house(recorder, lambda house: house["age_paused"], "it says so")
        self.assertRegex(recorder.text(), "the clock was set by more than an hour")
        wait_until(lambda: recorder.counters()["clock_steps"], "the step is recorded")
        kept.append(self.segment(recorder, 100))
        self.wait_house(recorder, lambda house: house["files"] >= len(kept), "it has looked again")
        recorder.kill()
        recorder = self.begin(RETAIN_DAYS=7, RECOMPRESS_LEVEL=0)  # nor at a restart
        self.wait_house(recorder, lambda house: house["files"] and house["age_paused"],
                        "it has looked")
        for path in kept:
            self.assertTrue(os.path.exists(path), path)
        self.assertEqual(recorder.counters()["segments_removed"], 0)
        self.assertEqual(recorder.stop(), 0)

    def test_nothing_is_removed_for_a_jump_forward(self):
        self.check_jump(YEAR)

    def test_nothing_is_removed_for_a_jump_back(self):
        self.check_jump(-YEAR)


# Beside tests that use the whole machine the lowest priority would mean never.
PROUD_SOURCE = r"""
#include <pthread.h>
#include <sys/resource.h>

int pthread_setschedparam(pthread_t thread, int policy, const struct sched_param *parameters)
{
    (void)thread, (void)policy, (void)parameters;
    return 0;
}

int setpriority(int which, id_t who, int priority)
{
    (void)which, (void)who, (void)priority;
    return 0;
}
"""


class Rewriting(Housekeeping):
    def setUp(self):
        super().setUp()
        self.environment = {}
        if not is_sanitized():  # the sanitizer's run time must come first
            self.environment = {"LD_PRELOAD": self.compile_library("proud", PROUD_SOURCE)}

    WORDS = [f"{number * 2654435761 % 2 ** 32:08x}" for number in range(60)]

    def content(self):
        """The harder one tries, the smaller it becomes."""
        return "".join(random.choices(self.WORDS, k=12))

    def start(self, pool=None, options=None, **settings):
        return super().start(pool, options={"environment": self.environment}, **settings)

    def wait_done(self, recorder, files, seconds=60):
        return self.wait_house(recorder, lambda house: house["recompressed_files"] >= files and
                               house["recompress_backlog_files"] == 0 and house,
                               f"{files} files are recompressed", seconds)


class Recompression(Rewriting):
    def test_a_recording_becomes_smaller_and_stays_the_same(self):
        recorder = self.begin()
        paths = [self.segment(recorder, 2000) for _ in range(3)]
        before = {path: zstdcat(path) for path in paths}
        house = self.wait_done(recorder, 3)
        counters = wait_until(lambda: recorder.counters()["segments_recompressed"] == 3 and
                              recorder.counters(), "it is counted")
        self.assertEqual(counters["recompressed_saved_bytes"], house["recompressed_saved_bytes"])
        self.assertGreater(house["recompressed_saved_bytes"], 0)
        self.assertEqual(house["recompress_failures"], 0)
        self.assertEqual([generation(path) for path in paths], [1, 1, 1])
        for path, text in before.items():
            self.assertEqual(zstdcat(path), text)
            segment_reader.Segment(path)
        self.assertEqual(self.paths(".recompressing"), [])
        self.finish(recorder)

    def test_newest_first(self):
        recorder = self.begin(RECOMPRESS_LEVEL=0)
        paths = [self.segment(recorder, 1000) for _ in range(4)]
        self.assertEqual(recorder.stop(), 0)
        recorder = self.start(self.pool)
        self.wait_done(recorder, 4)  # the last one, of the end of the session, may be too small
        order = re.findall(r"recompression: (segments/\S+),", recorder.text())
        names = [os.path.relpath(path, self.data_dir) for path in paths]
        self.assertEqual(order[-4:], names[::-1])

    def test_switched_off(self):
        recorder = self.begin(RECOMPRESS_LEVEL=0)
        path = self.segment(recorder, 300)
        house = self.wait_house(recorder, lambda house: house["files"] and house, "it has looked")
        self.assertEqual(house["recompress_paused"], "switched off")
        self.assertEqual(self.finish(recorder) and generation(path), 0)

    def test_what_retention_takes_soon_is_passed_over(self):
        self.remember_clock()
        recorder = self.begin(RECOMPRESS_LEVEL=0, RETAIN_DAYS=7)
        soon = self.make_older(self.segment(recorder, 1000), 6 * DAY + DAY // 2)
        later = self.make_older(self.segment(recorder, 1000), 5 * DAY)
        self.assertEqual(recorder.stop(), 0)
        recorder = self.start(self.pool, RETAIN_DAYS=7)
        wait_until(lambda: generation(later) == 1, "the younger one is recompressed")
        self.wait_house(recorder, lambda house: house["recompress_backlog_files"] == 0, "all done")
        self.assertEqual(generation(soon), 0)

    def test_a_damaged_file_is_left_as_it_is(self):
        recorder = self.begin(RECOMPRESS_LEVEL=0)
        path = self.segment(recorder, 1000)
        self.assertEqual(recorder.stop(), 0)
        with open(path, "r+b") as file:
            file.seek(20000)
            file.write(b"damage")
            file.seek(0)
            damaged = file.read()
        recorder = self.start(self.pool)
        self.wait_house(recorder, lambda house: house["recompress_failures"] == 1, "it fails")
        self.assertIn("the file is left as it is", recorder.text())
        with open(path, "rb") as file:
            self.assertEqual(file.read(), damaged)
        self.assertEqual(self.paths(".recompressing"), [])

    def begin_long(self):
        """A recorder in the middle of a file that takes it long; returns also what is in it."""
        self.content = lambda: os.urandom(30).hex() + " ".join(random.choices(self.WORDS, k=30))
        recorder = self.begin(RECOMPRESS_LEVEL=0)
        path = self.segment(recorder, 8000)
        self.assertEqual(recorder.stop(), 0)
        recorder = self.start(self.pool)
        wait_until(lambda: any(os.path.getsize(name) > 0 and Archive.number(name) ==
                               Archive.number(path) for name in self.paths(".recompressing")),
                   "it is in the middle", 60)
        return recorder, path, zstdcat(path)

    def test_killed_in_the_middle(self):
        recorder, path, text = self.begin_long()
        recorder.kill()
        self.assertNotEqual(self.paths(".recompressing"), [])
        self.assertEqual((generation(path), zstdcat(path)), (0, text))
        recorder = self.start(self.pool)
        wait_until(lambda: generation(path) == 1, "it is recompressed after all", 90)
        self.assertEqual(zstdcat(path), text)
        self.assertEqual(self.paths(".recompressing"), [])
        self.finish(recorder)

    def test_told_to_stop_in_the_middle(self):
        recorder, path, text = self.begin_long()
        begun = time.monotonic()
        self.assertEqual(recorder.stop(), 0)
        self.assertLess(time.monotonic() - begun, 10 if is_sanitized() else 1)
        self.assertEqual(self.paths(".recompressing"), [])
        self.assertEqual((generation(path), zstdcat(path)), (0, text))

    def test_a_file_that_is_removed_meanwhile(self):
        recorder, path, _ = self.begin_long()
        os.remove(path)
        wait_until(lambda: self.paths(".recompressing") == [], "it is given up", 60)
        self.assertFalse(os.path.exists(path))
        self.assertEqual(recorder.stop(), 0)

    def test_at_most_a_quarter_of_a_processor(self):
        recorder, _, _ = self.begin_long()
        cpu, begun = recorder.cpu_seconds(), time.monotonic()
        wait_until(lambda: recorder.cpu_seconds() - cpu > 0.2, "it works", 60)
        used, passed = recorder.cpu_seconds() - cpu, time.monotonic() - begun
        self.assertTrue(self.house(recorder).get("recompressing"))
        self.assertLess(used / passed, 0.35)


class Footers(Rewriting):
    @staticmethod
    def cut(path):
        """As a crash leaves a large file: sealed, without footer and seek table."""
        with open(path, "r+b") as file:
            data = file.read()
            file.truncate(data.rindex(b"HSFOOT\r\n") - 8)
        return data

    def begin_cut(self, files, **settings):
        recorder = self.begin(RECOMPRESS_LEVEL=0)
        paths = [self.segment(recorder, 300) for _ in range(files)]
        self.assertEqual(recorder.stop(), 0)
        whole = {path: self.cut(path) for path in paths}
        return self.start(self.pool, **settings), whole

    def wait_footers(self, recorder, added):
        return self.wait_house(recorder, lambda house: house["footers_added"] == added and
                               house["footers_missing"] == 0, "footers are added", 60)

    def test_added_newest_first(self):
        recorder, whole = self.begin_cut(3, RECOMPRESS_LEVEL=0)
        self.wait_footers(recorder, 3)
        for path, data in whole.items():
            with open(path, "rb") as file:
                self.assertEqual(file.read(), data)
        order = re.findall(r"footers: (segments/\S+) has one now", recorder.text())
        self.assertEqual(order, [os.path.relpath(path, self.data_dir) for path in whole][::-1])
        self.assertEqual(self.paths(".recompressing"), [])
        self.assertEqual(recorder.stop(), 0)

    def test_recompression_brings_it(self):
        recorder, whole = self.begin_cut(1)
        self.wait_done(recorder, 1)
        self.wait_footers(recorder, 0)
        self.assertEqual([generation(path) for path in whole], [1])
        segment_reader.read_all(list(whole))
        self.assertEqual(recorder.stop(), 0)


class Priorities(RecorderCase):
    def test_only_rewriting_is_idle(self):
        recorder = self.start(self.new_pool())
        found = {}
        for task in glob.glob(f"/proc/{recorder.pid}/task/*/stat"):
            with open(task, encoding="ascii") as file:
                name, fields = file.read().split("(", 1)[1].rsplit(")", 1)
            fields = fields.split()
            found[name] = (int(fields[16]), int(fields[38]))  # nice and policy
        self.assertEqual(found["retention"], (5, os.SCHED_OTHER))
        self.assertEqual(found["rewriting"][1], os.SCHED_IDLE)


if __name__ == "__main__":
    unittest.main()
