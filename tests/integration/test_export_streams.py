"""Exported conversations hold the very bytes that were recorded, as tshark takes them out of the
packets and as Wireshark's own reassembly follows them: for random sessions of all kinds.

EXPORT_SESSIONS=10000 makes it the long run; EXPORT_SEED another one.
"""
import os
import unittest

from tests.integration.export_recording import RandomRecording
from tests.integration.export_support import LOSS, ExportCase, export

SESSIONS = int(os.environ.get("EXPORT_SESSIONS", "200"))
SEED = int(os.environ.get("EXPORT_SEED", "1"))
FOLLOWED = 200 # of all, evenly


class StreamsTest(ExportCase):
    def check(self, recording, sides, expected, more):
        path = self.path(f"{sides}.pcapng")
        export(self.data_dir, "-o", path, "--sides", sides)
        found = self.check_streams(path, expected)
        step = max(1, len(found) // FOLLOWED)
        self.check_follow(path, found, expected, range(0, len(found), step))
        self.assert_flawless(path, more)
        self.assertGreaterEqual(len(recording.sessions), SESSIONS)

    def test_one_conversation_a_session(self):
        recording = RandomRecording(self.data_dir, SEED).fill(SESSIONS, losses=False)
        self.check(recording, "pool", self.expected_pool_streams(recording.sessions), ())

    def test_both_connections_of_a_session(self):
        recording = RandomRecording(self.data_dir, SEED + 1).fill(SESSIONS, losses=False)
        self.check(recording, "both", self.expected_both_streams(recording.sessions), ())

    def test_with_losses(self):
        recording = RandomRecording(self.data_dir, SEED + 2).fill(SESSIONS, losses=True)
        self.check(recording, "pool", self.expected_pool_streams(recording.sessions), LOSS)


if __name__ == "__main__":
    unittest.main()
