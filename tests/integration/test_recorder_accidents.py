"""What people do to the files of a recorder that runs."""
import glob
import os
import shutil
import time
import unittest

from tests.integration.archive import Archive
from tests.integration.front import Process
from tests.integration.harness import RecorderCase, wait_until

LINE = b'{"id":1,"method":"mining.subscribe","params":[]}\n'


class Segments(RecorderCase):
    def setUp(self):
        super().setUp()
        self.pool = self.new_pool()
        self.recorder = self.start(self.pool, SYNC_INTERVAL_MS=100)
        self.miner, self.upstream = self.join(self.recorder, self.pool)
        self.say(100)
        self.recorder.wait_counter("messages_archived", 100)

    def say(self, lines):
        self.miner.send(LINE * lines)
        self.upstream.read(len(LINE) * lines)

    def open_files(self):
        return glob.glob(os.path.join(self.data_dir, "segments/**/*.open"), recursive=True)

    def goes_on(self, accident):
        """It says what happened, goes on in a new file, and what the ring has is in there."""
        old, = self.open_files()
        accident(old)
        self.say(50)
        self.recorder.wait_log(r"moved or removed by somebody")
        wait_until(lambda: [path for path in self.open_files() if path != old], "a new file")
        self.say(50)
        wait_until(lambda: not self.recorder.status()["archive"]["degraded"], "it works again")
        begun = time.monotonic()
        self.miner.end()
        self.upstream.end()
        self.recorder.wait_sessions(0)
        archive = self.finish(self.recorder)
        self.assertLess(time.monotonic() - begun, 3)
        session = archive.session_of(self.miner.address)
        self.assertEqual(archive.stream(session, "miner_to_pool"), LINE * 200)

    def test_the_folder_is_removed(self):
        self.goes_on(lambda path: shutil.rmtree(os.path.dirname(path)))

    def test_all_segments_are_removed(self):
        self.goes_on(lambda path: shutil.rmtree(os.path.join(self.data_dir, "segments")))

    def test_the_open_file_is_removed(self):
        self.goes_on(os.unlink)

    def test_the_open_file_is_moved(self):
        self.goes_on(lambda path: os.rename(path, os.path.join(self.folder, "moved")))

    def test_another_file_has_its_name(self):
        def replace(path):
            shutil.copy(path, path + ".copy")
            os.rename(path + ".copy", path)
            os.unlink(path)

        self.goes_on(replace)


class Ring(RecorderCase):
    def test_a_ring_that_is_cut_short(self):
        """A line says so, the status is its own, and the next start goes on."""
        pool = self.new_pool()
        recorder = self.start(pool)
        miner, upstream = self.join(recorder, pool)
        miner.send(LINE)
        upstream.read_line()
        recorder.wait_counter("messages_archived", 1)
        os.truncate(os.path.join(self.data_dir, "live/ring"), 4096)
        miner.send(LINE)
        self.assertEqual(recorder.wait_exit(), 3)
        self.assertIn("live/ring was cut short", recorder.text())
        again = self.start(pool)
        self.assertIn("ring.damaged", again.text())
        self.exchange(again, pool, [LINE], [LINE])
        self.assertEqual(again.stop(), 0)
        archive = Archive(self.data_dir)
        self.assertEqual(archive.stream(archive.session_of(miner.address), "miner_to_pool"), LINE)
        gap, = archive.events("gap")
        self.assertIn("live ring", gap["reason"])

    FOLLOWERS = (["tail", "-f"], ["export", "--follow", "--format", "ndjson"])

    def followers(self):
        pool = self.new_pool()
        recorder = self.start(pool)
        self.exchange(recorder, pool, [LINE], [LINE])
        following = [Process(self.folder, [*words, "--data-dir", self.data_dir])
                     for words in self.FOLLOWERS]
        for process in following:
            self.addCleanup(process.close)
            process.wait_lines(2)
        return pool, recorder, following

    def test_who_reads_a_ring_of_which_nothing_is_left_says_so(self):
        _, _, following = self.followers()
        os.truncate(os.path.join(self.data_dir, "live/ring"), 0)
        for process in following:
            self.assertEqual(process.wait(), 3, process.text())
            self.assertIn("live ring", process.text())
            self.assertEqual(len(process.err), 1)

    def test_who_reads_goes_on_with_the_next_ring(self):
        pool, recorder, following = self.followers()
        os.truncate(os.path.join(self.data_dir, "live/ring"), 4096)
        self.connect(recorder)
        self.assertEqual(recorder.wait_exit(), 3)
        self.exchange(self.start(pool), pool, [LINE.replace(b"subscribe", b"again")], [LINE])
        for process in following:
            wait_until(lambda: any("mining.again" in line for line in list(process.out)),
                       "what was said since")
            self.assertEqual(process.stop(), 0, process.text())


if __name__ == "__main__":
    unittest.main()
