"""`hashscope export` beside a running recorder: what is in the live ring, and following what comes,
as Wireshark would read it from a pipe.
"""
import os
import signal
import subprocess
import time
import unittest

from tests.integration.export_support import CHECKSUMS, export, fields, streams
from tests.integration.front import WithRecorder, environment
from tests.integration.harness import PATIENCE, program, wait_until


class LiveTest(WithRecorder):
    def path(self, name):
        return os.path.join(self.folder, name)

    def export(self, name, *arguments):
        export(self.data_dir, "-o", self.path(name), *arguments)
        return self.path(name)

    def payloads(self, path):
        (_, _, data), = streams(path).values()
        return sorted(data.values())

    def sent(self):
        return sorted([self.all_up(), self.all_down()])

    def all_up(self):
        return b"".join(
            [b'{"id":1,"method":"mining.authorize","params":["rig.7","secret"]}\n'] +
            [b'{"id":%d,"method":"mining.submit","params":["rig.7","1f","00","65","0badcafe"]}\n' %
             number for number in (2, 3)])

    @staticmethod
    def all_down():
        return (b'{"id":1,"result":true,"error":null}\n{"id":2,"result":true,"error":null}\n'
                b'{"id":3,"result":null,"error":[21,"Stale share",null]}\n')

    def follow(self, *arguments, stdout=subprocess.PIPE):
        process = subprocess.Popen(
            [program("hashscope"), "export", "--follow", "--data-dir", self.data_dir, *arguments],
            env=environment(), stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE)
        self.addCleanup(self.end_follower, process)
        return process

    @staticmethod
    def end_follower(process):
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stderr.close()
        if process.stdout:
            process.stdout.close()

    def test_what_is_in_the_ring(self):
        self.small_talk()
        self.wait_recorded(6)
        for sides in ("pool", "both"):
            path = self.export(f"{sides}.pcapng", "--sides", sides)
            data = [sorted(entry[2].values()) for entry in streams(path).values()]
            self.assertEqual(data, [self.sent()] * len(data))
            self.assertEqual(len(data), 1 if sides == "pool" else 2)
        live = self.export("live.pcapng", "--source", "live")
        self.assertEqual(self.payloads(live), self.sent())

    def test_ring_and_archive_say_the_same(self):
        self.small_talk()
        self.wait_recorded(6)
        first = self.export("first.pcapng", "--reproducible")
        last = max(int(row[0]) for row in fields(first, "frame.number"))
        self.finish(self.recorder)
        second = self.export("second.pcapng", "--reproducible")
        names = ("frame.time_epoch", "ip.src", "tcp.seq_raw", "tcp.ack_raw", "tcp.payload",
                 "frame.comment")
        self.assertEqual(fields(first, *names), fields(second, *names)[:last])

    def follow_until(self, process, path, count):
        wait_until(lambda: os.path.exists(path) and os.path.getsize(path) > 0 and
                   len(self.whole_packets(path)) >= count, f"{count} packets in {path}")

    @staticmethod
    def whole_packets(path):
        out = subprocess.run(["tshark", "-n", "-r", path, *CHECKSUMS, "-T", "fields", "-e",
                              "tcp.payload", "-Y", "tcp.len > 0"], stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, check=False).stdout
        return out.split()

    def test_following_and_interrupted(self):
        path = self.path("a.pcapng")
        process = self.follow("-o", path)
        self.small_talk()
        self.follow_until(process, path, 6)
        other, upstream = self.join(self.recorder, self.pool)
        other.send(b'{"id":7,"method":"mining.ping"}\n')
        upstream.read(32)
        self.follow_until(process, path, 7)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(PATIENCE), 0)
        self.assertEqual(process.stderr.read(), b"")
        data = [sorted(entry[2].values()) for entry in streams(path).values()]
        self.assertEqual(data, [self.sent(), [b"", b'{"id":7,"method":"mining.ping"}\n']])
        info = subprocess.run(["capinfos", "-M", path], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, check=True).stdout.decode()
        self.assertRegex(info, r"Number of packets = +13")

    def talk_until_written(self, path):
        wait_until(lambda: os.path.exists(path), "it begins")
        head, deadline, number = os.path.getsize(path), time.monotonic() + PATIENCE, 10
        while time.monotonic() < deadline and os.path.getsize(path) <= max(head, 1000):
            self.submit(number, b'"result":true,"error":null')
            number += 1

    def test_following_from_now(self):
        self.small_talk()
        self.wait_recorded(6)
        for name in ("a.ndjson", "a.pcapng"):
            process = self.follow("--from-now", "-o", self.path(name))
            self.talk_until_written(self.path(name))
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(PATIENCE), 0)
            with open(self.path(name), "rb") as file:
                text = file.read()
            self.assertIn(b"mining.submit", text)
            self.assertNotIn(b"Stale share", text)
        comment = fields(self.path("a.pcapng"), "frame.comment")[0][0]
        self.assertIn("of a session that began earlier", comment)
        self.assertIn("miner=" + self.miner.address, comment)

    def test_the_reader_goes_away(self):
        process = self.follow()
        self.small_talk()
        self.assertEqual(process.stdout.read(4), b"\x0a\x0d\x0d\x0a")
        process.stdout.close()
        self.assertEqual(process.wait(PATIENCE), 0)
        process.stdout = None

    def test_a_pool_that_does_not_answer_holds_nothing_up(self):
        path = self.path("a.pcapng")
        process = self.follow("-o", path)
        silent = self.connect(self.recorder)
        self.small_talk()
        self.follow_until(process, path, 6)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(PATIENCE), 0)
        self.keep(silent)


if __name__ == "__main__":
    unittest.main()
