"""Recovery is ended, or refused, at every step that changes a file: the next start completes it,
nothing is missing and nothing is there twice. KILLS=100 takes every step, else a few are tried."""
import errno
import glob
import os
import random
import shutil
import signal
import subprocess
import unittest

from tests.integration.archive import Archive
from tests.integration.harness import RecorderCase, is_sanitized, program, wait_until
from tests.integration.load import Load

KILLS = int(os.environ.get("KILLS", 5))
SETTINGS = {"RING_BYTES": "32M", "RECOMPRESS_LEVEL": 0}


class Steps(RecorderCase):
    def setUp(self):
        super().setUp()
        if is_sanitized():
            self.skipTest("sanitizers are preloaded themselves")
        with open(os.path.join(os.path.dirname(__file__), "../crash/steps.c"),
                  encoding="ascii") as file:
            self.shim = self.compile_library("steps", "#define _GNU_SOURCE\n" + file.read())
        self.chance = random.Random(self.id())
        self.load = self.keep(Load(window=2))
        self.left = os.path.join(self.folder, "left")

    def leave(self, **settings):
        """What a killed recorder leaves, with a segment that is torn."""
        recorder = self.start(self.load, **SETTINGS, **settings)
        self.load.start("m", 4, recorder.port)
        self.load.wait_heard(1500)
        recorder.wait_counter("messages_archived", 1000)
        recorder.kill()
        self.load.wait_ended()
        os.unlink(os.path.join(self.data_dir, "live/control.sock"))
        shutil.copytree(self.data_dir, self.left)

    def put_back(self):
        shutil.rmtree(self.data_dir)
        shutil.copytree(self.left, self.data_dir)

    def run_to(self, step, fails_with=0):
        """A start that ends or fails there; it is killed once the archive has everything."""
        log = os.path.join(self.folder, "steps.log")
        if os.path.exists(log):
            os.unlink(log)
        recorder = self.launch({"LISTEN_HOST": "127.0.0.1", "LISTEN_PORT": 0,
                                "POOL_HOST": "127.0.0.1", "POOL_PORT": self.load.port, **SETTINGS},
                               environment={"LD_PRELOAD": self.shim, "STEP_AT": str(step),
                                            "STEP_ERRNO": str(fails_with), "STEP_LOG": log})
        wait_until(lambda: self.has_ended(recorder) or self.is_archived(recorder),
                   "it ends or archives all")
        recorder.kill()
        return os.path.getsize(log), recorder

    @staticmethod
    def has_ended(recorder):
        return recorder.process.poll() is not None

    @staticmethod
    def is_archived(recorder):
        try:
            status = recorder.ports and recorder.status()
        except (OSError, ValueError):  # it ends in the middle of the answer
            return False
        return status and status["archive"]["archived_seq"] == status["last_seq"]

    def complete(self):
        archive = self.finish(self.start(self.load, **SETTINGS))
        sessions = self.load.check(archive)
        self.assertEqual(len(sessions), 4)
        for session in sessions.values():
            self.assertEqual(archive.closed(session), ("hashscope", "crash"))
        self.assertEqual(glob.glob(os.path.join(self.data_dir, "segments/**/*.recovering"),
                                   recursive=True), [])

    def chosen(self):
        """Numbers of steps: some come before it listens, the others in the archive's thread."""
        self.put_back()
        count, _ = self.run_to(0)
        self.assertGreater(count, 10)
        steps = range(1, count + 1)
        return steps if count <= KILLS else sorted(self.chance.sample(steps, KILLS))

    def test_killed_at_every_step(self):
        self.leave()
        killed = 0
        for step in self.chosen():
            self.put_back()
            _, recorder = self.run_to(step)
            killed += recorder.process.returncode == -signal.SIGKILL and not recorder.ports
            self.complete()
        self.assertGreater(killed, 0)

    def test_killed_twice(self):
        """The recovery of a recovery."""
        self.leave()
        steps = list(self.chosen())
        for step in steps[:max(3, KILLS // 4)]:
            self.put_back()
            self.run_to(step)
            self.run_to(self.chance.choice(steps))
            self.complete()

    def test_every_step_fails_once(self):
        self.leave()
        for step in self.chosen():
            self.put_back()
            self.run_to(step, errno.EIO)
            self.complete()


class Damaged(RecorderCase):
    def test_frames_behind_damage(self):
        """They stay in the `.torn` file, and repair finds them there."""
        load = self.keep(Load())
        recorder = self.start(load, RING_BYTES="64M", RECOMPRESS_LEVEL=0)
        load.start("m", 4, recorder.port)
        recorder.wait_counter("messages_archived", 30000)
        recorder.kill()
        load.wait_ended()
        path, = [path for path in Archive.find(self.data_dir) if path.endswith(".open")]
        entries = self.index_entries(path)
        self.assertGreater(len(entries), 3)
        with open(path, "r+b") as file:
            file.seek((entries[0] + entries[1]) // 2)
            file.write(os.urandom(64))
        os.unlink(os.path.join(self.data_dir, "live/ring"))  # it has nothing to give again
        recorder = self.start(load, RING_BYTES="64M", RECOMPRESS_LEVEL=0)
        self.assertEqual(recorder.stop(), 0)
        sealed = path[:-len(".open")]
        numbers = self.numbers(sealed)
        self.assertEqual(numbers, list(range(1, len(numbers) + 1)))
        with open(path.replace(".open", ".torn"), "rb") as file:
            self.assertGreater(len(file.read()), entries[-1])
        fixed = os.path.join(self.folder, "fixed.ndjson.zst")
        run = subprocess.run([program("hashscope"), "repair", path.replace(".open", ".torn"), fixed], stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, check=False)
        self.assertTrue(os.path.exists(fixed), run.stdout)
        kept = self.numbers(fixed)
        self.assertEqual(kept[:len(numbers)], numbers)
        self.assertGreater(kept[-1], numbers[-1] * 2)
        gaps = [b - a for a, b in zip(kept, kept[1:]) if b != a + 1]
        self.assertEqual(len(gaps), 1)

    @staticmethod
    def index_entries(path):
        with open(path, "rb") as file:
            data = file.read()
        found, at = [], data.find(b"\x51\x2a\x4d\x18\x68\0\0\0")
        while at >= 0:
            found.append(at)
            at = data.find(b"\x51\x2a\x4d\x18\x68\0\0\0", at + 1)
        return found

    @staticmethod
    def numbers(path):
        return [line["seq"] for line in Archive.read(path) if "seq" in line]


if __name__ == "__main__":
    unittest.main()
