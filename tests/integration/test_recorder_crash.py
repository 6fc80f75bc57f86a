"""kill -9 in the middle of everything: what was forwarded is in the archive, exactly once."""
import os
import random
import signal
import time
import unittest

from tests.integration.archive import Archive
from tests.integration.harness import RecorderCase, Task, wait_until
from tests.integration.load import Load

LINE = b'{"id":1,"method":"mining.subscribe","params":[]}\n'
ANSWER = b'{"id":1,"result":true,"error":null}\n'


class Crashes(RecorderCase):
    ROUNDS = int(os.environ.get("CRASH_ROUNDS", 6))

    def setUp(self):
        super().setUp()
        self.chance = random.Random(self.id())

    def run_rounds(self, load, miners, **settings):
        """Kills the recorder at random moments under load; returns the archive of all rounds."""
        settings = {"RING_BYTES": "64M", **settings}
        for number in range(self.ROUNDS):
            recorder = self.start(load, **settings)
            load.start(f"r{number}", miners, recorder.port)
            load.wait_heard(self.chance.randrange(1, 6000))
            recorder.kill()
            load.wait_ended()
            self.kill_starting(load, settings)
        archive = self.finish(self.start(load, **settings))
        self.assert_complete(load, archive, miners)
        return archive

    def kill_starting(self, load, settings):
        """The next start is killed too, in the midst of its recovery."""
        recorder = self.launch({"LISTEN_HOST": "127.0.0.1", "LISTEN_PORT": 0,
                                "POOL_HOST": f"127.0.0.1:{load.port}", **settings})
        moment = self.chance.random() * 0.03
        timer = Task(lambda: wait_until(lambda: recorder.ports, "it listens", 5))
        timer.join(moment)
        recorder.kill()

    def assert_complete(self, load, archive, miners):
        sessions = load.check(archive)
        self.assertGreater(len(sessions), miners)
        closed = {session: archive.closed(session) for session in archive.sessions()}
        reasons = {reason for _, reason in closed.values()}
        self.assertIn("crash", reasons)
        crashed = [session for session, end in closed.items() if end == ("hashscope", "crash")]
        self.assertGreaterEqual(len(crashed), self.ROUNDS)
        requests = {line["seq"] for line in archive.lines if line.get("dir") == "miner_to_pool"}
        answered = [line["re"] for line in archive.lines if "re" in line]
        self.assertEqual(len(set(answered)), len(answered))
        self.assertLessEqual(set(answered), requests)

    def test_under_load(self):
        self.run_rounds(self.keep(Load()), 20)

    def test_while_segments_rotate(self):
        archive = self.run_rounds(self.keep(Load(window=16)), 10, SEGMENT_MAX_BYTES="64K",
                                  SYNC_INTERVAL_MS=5)
        self.assertGreater(len(archive.files), self.ROUNDS // 3)

    def test_one_message_at_a_time(self):
        """Every answer that the miner has seen is there, whenever the recorder dies."""
        pool = self.new_pool()
        heard = {}
        for number in range(8):
            recorder = self.start(pool, RING_BYTES="16M")
            miner, upstream = self.join(recorder, pool)
            count = self.chance.randrange(1, 60)
            for _ in range(count):
                miner.send(LINE)
                upstream.read_line()
                upstream.send(ANSWER)
                miner.read_line()
            recorder.kill()
            miner.close()
            upstream.close()
            heard[number] = count
        archive = self.finish(self.start(pool, RING_BYTES="16M"))
        counts = [(len(archive.messages(session, "miner_to_pool")),
                   len(archive.messages(session, "pool_to_miner")))
                  for session in archive.sessions()]
        self.assertEqual(counts, [(count, count) for count in heard.values()])
        for session in archive.sessions():
            self.assertEqual(archive.closed(session), ("hashscope", "crash"))

    def test_in_the_middle_of_a_long_line(self):
        """What of it was whole is kept; the fragments that came through are not lost."""
        pool = self.new_pool()
        recorder = self.start(pool, RING_BYTES="64M")
        miner, upstream = self.join(recorder, pool)
        sender = Task(miner.send, LINE + b'"' + b"x" * (20 << 20))
        upstream.read(len(LINE) + 1 + (20 << 20))
        sender.result()
        recorder.kill()
        archive = self.finish(self.start(pool, RING_BYTES="64M"))
        session = archive.session_of(miner.address)
        stream = archive.stream(session, "miner_to_pool")
        self.assertTrue((LINE + b'"' + b"x" * (20 << 20)).startswith(stream))
        self.assertGreater(len(stream), 18 << 20)

    def test_numbers_go_on_with_another_size_of_ring(self):
        pool = self.new_pool()
        instances = set()
        for size in ("16M", "32M", "16M"):
            recorder = self.start(pool, RING_BYTES=size)
            miner, upstream = self.join(recorder, pool)
            miner.send(LINE)
            upstream.read_line()
            instances.add(recorder.status()["instance"])
            recorder.kill()
        archive = self.finish(self.start(pool, RING_BYTES="64M"))
        self.assertEqual(len(archive.sessions()), 3)
        self.assertEqual(len(instances), 1)

    def test_a_ring_that_was_lost(self):
        """The numbers go on above all that may have been given out, and the gap is said."""
        pool = self.new_pool()
        recorder = self.start(pool)
        self.exchange(recorder, pool, [LINE], [ANSWER])
        recorder.wait_sessions(0)
        self.assertEqual(recorder.stop(), 0)
        os.unlink(os.path.join(self.data_dir, "live/ring"))
        recorder = self.start(pool)
        self.exchange(recorder, pool, [LINE], [ANSWER])
        recorder.wait_sessions(0)
        self.assertEqual(recorder.stop(), 0)
        archive = Archive(self.data_dir)
        numbers = [line["seq"] for line in archive.lines if "seq" in line]
        self.assertEqual(numbers, sorted(set(numbers)))
        gap, = archive.events("gap")
        before = max(n for n in numbers if n < gap["seq"])
        self.assertEqual(gap["first_lost"], before + 1)
        self.assertEqual(gap["first_lost"] + gap["lost"], gap["seq"])
        self.assertEqual(len(archive.sessions()), 2)

    def test_the_log_tells(self):
        pool = self.new_pool()
        recorder = self.start(pool)
        miner, upstream = self.join(recorder, pool)
        miner.send(LINE)
        upstream.read_line()
        recorder.kill()
        recorder = self.start(pool)
        recorder.wait_log("crashed or was killed")
        state = {line["number"]: line["state"] for line in recorder.sessions("all")}
        self.assertEqual(state, {1: "closed"})
        self.assertEqual(recorder.status()["sessions_open"], 0)
        self.finish(recorder)

    def open_segment(self):
        """The segment that was being written."""
        path, = [path for path in Archive.find(self.data_dir) if not path.endswith(".zst")]
        return path

    def test_torn_segments_are_written_again_from_the_ring(self):
        load = self.keep(Load())
        for number in range(4):
            recorder = self.start(load, RING_BYTES="64M")
            load.start(f"r{number}", 5, recorder.port)
            load.wait_heard(2000)
            recorder.wait_counter("messages_archived", 1000 * (number + 1))
            recorder.kill()
            load.wait_ended()
            path = self.open_segment()
            size = os.path.getsize(path)
            if number % 2:
                os.truncate(path, self.chance.randrange(size // 3, size))
            else:
                with open(path, "r+b") as file:
                    file.seek(self.chance.randrange(size // 3, size - 50))
                    file.write(os.urandom(50))
        archive = self.finish(self.start(load, RING_BYTES="64M"))
        self.assertEqual(len(load.check(archive)), 20)
        torn = [name for _, _, names in os.walk(os.path.join(self.data_dir, "segments"))
                for name in names if name.endswith(".torn")]
        self.assertGreaterEqual(len(torn), 2)

    def test_stopped_and_continued(self):
        """SIGSTOP is no crash: everything waits and goes on."""
        load = self.keep(Load())
        recorder = self.start(load)
        load.start("m", 5, recorder.port)
        load.wait_heard(500)
        recorder.signal(signal.SIGSTOP)
        time.sleep(0.3)  # it is this time that nothing may come of
        before = load.heard
        recorder.signal(signal.SIGCONT)
        load.wait_heard(500)
        self.assertGreater(load.heard, before)
        self.assertEqual(recorder.stop(), 0)
        load.wait_ended()
        load.check(self.read_archive())


if __name__ == "__main__":
    unittest.main()
