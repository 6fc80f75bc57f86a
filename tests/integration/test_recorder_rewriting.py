"""Segments written again beside the recorder that records: recompression, missing footers, and deaths
in the middle of it."""
import glob
import os
import random
import re
import time
import unittest

from tests.integration import segment_reader
from tests.integration.archive import Archive
from tests.integration.harness import RecorderCase, is_sanitized, wait_until
from tests.integration.housekeeping import DAY, Housekeeping, generation, together, zstdcat


def load_tests(loader, _tests, _pattern):
    return together(loader, (Recompression, Footers, Priorities))


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
        names = [os.path.relpath(path, self.data_dir) for path in paths]

        def order():
            """Without the last one, of the end of the session, which may be too small."""
            done = re.findall(r"recompression: (segments/\S+),", recorder.text())
            return [name for name in done if name in names]

        wait_until(lambda: len(order()) == 4, "they are recompressed", 60)
        self.assertEqual(order(), names[::-1])

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
        wait_until(lambda: any(os.path.getsize(name) > 0 for name in self.paths(".recompressing")
                               if Archive.number(name) == Archive.number(path)),
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
        self.assert_took(begun, 3 if is_sanitized() else 1)
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

    def test_after_a_crash_with_a_large_file(self):
        """Recovery leaves its footer for later, so that the relay can start."""
        self.content = lambda: os.urandom(6000).hex()
        recorder = self.begin(RECOMPRESS_LEVEL=0)
        for _ in range(17):
            self.talk(recorder, 100)
        recorder.kill()
        path, = self.paths(".ndjson.zst.open")
        self.assertGreater(os.path.getsize(path), 9 << 20)
        recorder = self.start(self.pool, RECOMPRESS_LEVEL=0)
        self.wait_footers(recorder, 1)
        sealed = path[:-len(".open")]
        with open(sealed, "rb") as file:
            self.assertIn(b"HSFOOT\r\n", file.read())
        segment_reader.read_all([sealed])
        self.assertEqual(recorder.stop(), 0)

    def test_recompression_brings_it(self):
        recorder, whole = self.begin_cut(1)
        self.wait_done(recorder, 1)
        self.wait_footers(recorder, 0)
        self.assertEqual([generation(path) for path in whole], [1])
        segment_reader.read_all(list(whole))
        self.assertEqual(recorder.stop(), 0)


class Priorities(RecorderCase):
    @staticmethod
    def threads(recorder):
        """Name -> (nice, policy), as soon as the housekeeper's threads have called themselves so."""
        found = {}
        for task in glob.glob(f"/proc/{recorder.pid}/task/*/stat"):
            with open(task, encoding="ascii") as file:
                name, fields = file.read().split("(", 1)[1].rsplit(")", 1)
            fields = fields.split()
            found[name] = (int(fields[16]), int(fields[38]))
        return found if {"retention", "rewriting"} <= set(found) else None

    def check_beside(self, recorder):
        own = os.getpriority(os.PRIO_PROCESS, recorder.pid)
        expected = {"retention": (min(own + 5, 19), os.SCHED_OTHER),
                    "rewriting": (19, os.SCHED_IDLE)}

        def settled():
            found = wait_until(lambda: self.threads(recorder), "they run")
            return {name: found[name] for name in expected} == expected

        wait_until(settled, "retention is nice, rewriting idle")

    def test_only_rewriting_is_idle(self):
        self.check_beside(self.start(self.new_pool()))

    def test_they_stay_behind_a_recorder_that_is_nice_itself(self):
        self.check_beside(self.start(self.new_pool(), {"limits": lambda: os.nice(3)}))


if __name__ == "__main__":
    unittest.main()
