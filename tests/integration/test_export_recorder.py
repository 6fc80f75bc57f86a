"""`hashscope export` of what a real recorder kept over rotations, a kill -9 and a restart: the streams
that Wireshark puts together are those of the archive, which are those of the miners.
"""
import os
import unittest

from tests.integration.export_support import ExportCase, export, streams
from tests.integration.harness import RecorderCase
from tests.integration.load import Load

MINERS = 6


class RestartedTest(RecorderCase):
    assert_flawless = ExportCase.assert_flawless

    def record(self):
        """Two runs under load, the first of them killed, in small segments."""
        load = self.keep(Load(window=4))
        settings = {"RING_BYTES": "32M", "RECOMPRESS_LEVEL": 0, "SEGMENT_MAX_BYTES": "64K"}
        for name in ("a", "b"):
            recorder = self.start(load, **settings)
            load.start(name, MINERS, recorder.port)
            load.wait_heard(8000)
            recorder.wait_counter("messages_archived", 7000)
            if name == "a":
                recorder.kill()
                load.wait_ended()
        archive = self.finish(recorder)
        load.wait_ended()
        sessions = load.check(archive)
        self.assertEqual(len(sessions), 2 * MINERS)
        return archive

    def expected(self, archive):
        found = set()
        for session in archive.sessions():
            up = archive.stream(session, "miner_to_pool")
            down = archive.stream(session, "pool_to_miner")
            miner = archive.event("opened", session)["miner"].rsplit(":", 1)
            found.add((miner[0], int(miner[1]), up, down))
        return found

    def exported(self, sides):
        path = os.path.join(self.folder, sides + ".pcapng")
        export(self.data_dir, "--sides", sides, "-o", path)
        self.assert_flawless(path)
        return [(*one, data[one], data[two]) for one, two, data in streams(path).values()]

    def test_segments_kill_and_restart(self):
        archive = self.record()
        self.assertGreaterEqual(len(archive.files), 3)
        expected = self.expected(archive)
        self.assertEqual(len(expected), 2 * MINERS)
        found = self.exported("pool")
        self.assertEqual(len(found), len(expected))
        self.assertEqual(set(found), expected)
        both = self.exported("both")
        self.assertEqual(len(both), 2 * len(expected))
        self.assertLessEqual(expected, set(both))


if __name__ == "__main__":
    unittest.main()
