"""Retention while the recorder records: what goes and what stays, clocks that jump, disks that are
small, readers in the middle of what goes."""
import mmap
import os
import re
import struct
import subprocess
import unittest

from tests.integration import segment_reader
from tests.integration.archive import Archive
from tests.integration.harness import MIB, is_sanitized, wait_until
from tests.integration.housekeeping import DAY, YEAR, Housekeeping, together


def load_tests(loader, _tests, _pattern):
    return together(loader, (Retention, JumpingClock))


class Retention(Housekeeping):
    def begin(self, **settings):
        return super().begin(**{"RECOMPRESS_LEVEL": 0, **settings})

    @staticmethod
    def counted(status):
        same = status["counters"]["segments_removed"] == status["housekeeping"]["removed_files"]
        return same and status

    @staticmethod
    def wait_removals(recorder, count):
        """What the log says of them comes a moment later."""
        pattern = r"retention: removed (\S+), (\d+) bytes \(RETAIN_BYTES\)"
        wait_until(lambda: len(re.findall(pattern, recorder.text())) >= count, "it is logged")
        return re.findall(pattern, recorder.text())

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
        logged = self.wait_removals(recorder, house["removed_files"])
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
        made = os.path.join(self.folder, "2001/02/03", os.path.basename(paths[2]))
        os.makedirs(os.path.dirname(made))
        os.rename(paths[2], made)
        made = self.make_older(made, 9 * DAY)
        ancient = os.path.join(self.data_dir, "segments", os.path.relpath(made, self.folder))
        os.rename(os.path.join(self.folder, "2001"),
                  os.path.join(self.data_dir, "segments/2001"))
        wait_until(lambda: not os.path.exists(old) and not os.path.exists(ancient),
                   "what is too old is removed")
        self.assertTrue(os.path.exists(young))
        wait_until(lambda: not os.path.exists(os.path.join(self.data_dir, "segments/2001")),
                   "its empty folders are removed")
        self.assertFalse(self.house(recorder)["age_paused"])
        recorder.wait_log(r"\(RETAIN_DAYS\)")

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
        recorder.wait_log(r"\(MIN_FREE_BYTES\)")
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
        recorder.wait_log("MIN_FREE_BYTES is more than half of the disk")


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


if __name__ == "__main__":
    unittest.main()
