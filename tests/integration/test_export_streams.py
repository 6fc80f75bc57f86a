"""Exported conversations hold the very bytes that were recorded, as tshark takes them out of the
packets and as Wireshark's own reassembly follows them: for random sessions of all kinds.

EXPORT_SESSIONS=10000 EXPORT_MANY=100000 makes it the long run; EXPORT_SEED another one.
"""
import os
import re
import subprocess
import unittest

from tests.integration.export_recording import RandomRecording, Recording, stamp
from tests.integration.export_support import LOSS, ExportCase, export, fields
from tests.integration.harness import is_sanitized, program

SESSIONS = int(os.environ.get("EXPORT_SESSIONS", "200"))
SEED = int(os.environ.get("EXPORT_SEED", "1"))
FOLLOWED = 200  # of all, evenly
MANY = int(os.environ.get("EXPORT_MANY", "3000"))
MEMORY_KIB = 64 << 10


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

    def test_parts_of_a_recording(self):
        """Whatever is chosen, the packets that come out make sense by themselves."""
        recording = RandomRecording(self.data_dir, SEED + 3).fill(min(SESSIONS, 100))
        begin, end = str(recording.seq // 3), str(2 * recording.seq // 3)
        middle = stamp(recording.sessions[len(recording.sessions) // 2].opened_us)
        session = recording.sessions[60].uuid
        for number, arguments in enumerate((
                ["--first-seq", begin], ["--last-seq", end], ["--since", middle],
                ["--first-seq", begin, "--last-seq", end, "--sides", "both", "--link", "raw"],
                ["--method", "submit"], ["--method", "submit", "--answers", "--sides", "both"],
                ["--dir", "pool_to_miner"], ["--dir", "miner_to_pool", "--sides", "both"],
                ["--mtu", "576"], ["--sides", "both", "--link", "ethernet"],
                ["--session", session], ["--pool", "six"], ["--peer", "2001:db8"])):
            path = self.path(f"{number}.pcapng")
            with self.subTest(arguments=arguments):
                export(self.data_dir, "-o", path, *arguments)
                self.assert_flawless(path, LOSS)
                self.assertGreater(len(fields(path, "frame.number")), 5)

    def export_watched(self, path):
        """The highest memory of an export in KiB, looked at while it runs."""
        peak = 0
        with subprocess.Popen([program("hashscope"), "export", "--data-dir", self.data_dir, "-o",
                               path], stdin=subprocess.DEVNULL) as process:
            while process.poll() is None:
                with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
                    found = re.search(r"VmHWM:\s+(\d+)", file.read())
                peak = max(peak, int(found[1]) if found else 0)
        self.assertEqual(process.returncode, 0)
        return peak

    def test_many_sessions_open_at_once(self):
        recording = Recording(self.data_dir)
        for number in range(MANY):
            recording.now += 1000
            session = recording.open()
            recording.connect(session)
            recording.request(session, 1)
            recording.answer(session)
            if number % 20000 == 19999:
                recording.rotate()
        for session in recording.sessions:
            recording.request(session, 2)
        for session in recording.sessions:
            recording.close(session, "pool", "reset")
        recording.rotate()
        path = self.path("many.pcapng")
        peak = self.export_watched(path)
        if not is_sanitized():
            self.assertGreater(peak, 0)
            self.assertLess(peak, MEMORY_KIB)
        counted = fields(path, "tcp.len")
        self.assertEqual(len(counted), MANY * 7)
        self.assertEqual(sum(size != "0" for size, in counted), MANY * 3)


if __name__ == "__main__":
    unittest.main()
