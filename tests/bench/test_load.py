#!/usr/bin/env python3
"""Does stratum_load notice what it claims to notice?

Each test runs it against a small relay that does one thing wrong, and expects exit status 1 and the
right fault; a relay that does everything right must pass. The program under test is
BUILD/tests/bench/stratum_load, with BUILD from HASHSCOPE_BUILD (default: build).
"""
import asyncio
import json
import os
import socket
import subprocess
import threading
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LOAD = os.path.join(ROOT, os.environ.get("HASHSCOPE_BUILD", "build"), "tests/bench/stratum_load")


class FaultyRelay:
    """A line relay on a port of its own. `alter(line, upwards, number)` returns the bytes to pass on
    instead of the line (the number counts lines of that direction in that session), or None to
    reset the session. With relay_close=False the end of one side is kept from the other."""

    def __init__(self, pool_port, alter, relay_close=True):
        self.pool_port, self.alter, self.relay_close = pool_port, alter, relay_close
        self.writers = []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self.listener.getsockname()[1]
        self.loop = asyncio.new_event_loop()
        self.stopped = self.loop.create_future()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        self.loop.run_until_complete(self.serve())
        self.loop.close()

    async def serve(self):
        async with await asyncio.start_server(self.session, sock=self.listener):
            await self.stopped
        for writer in self.writers:
            writer.transport.abort()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*tasks, return_exceptions=True)

    async def session(self, miner_reader, miner_writer):
        pool_reader, pool_writer = await asyncio.open_connection("127.0.0.1", self.pool_port)
        self.writers += [miner_writer, pool_writer]
        await asyncio.gather(
            self.pump(miner_reader, pool_writer, miner_writer, True),
            self.pump(pool_reader, miner_writer, pool_writer, False))

    async def pump(self, reader, writer, back, upwards):
        number = 0
        try:
            async for line in reader:
                number += 1
                passed = self.alter(line, upwards, number)
                if passed is None:
                    writer.transport.abort()
                    back.transport.abort()
                    return
                writer.write(passed)
            if self.relay_close:
                writer.close()
        except OSError:
            pass

    def close(self):
        self.loop.call_soon_threadsafe(self.stopped.set_result, None)
        self.thread.join()


def unchanged(line, upwards, number):
    return line


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class LoadTest(unittest.TestCase):
    def load(self, alter, *options, relay_close=True):
        """Runs four miners through a relay; returns the exit status and the report."""
        pool = free_port()
        relay = FaultyRelay(pool, alter, relay_close)
        self.addCleanup(relay.close)
        command = [LOAD, "--pool", "127.0.0.1:%d" % pool, "--connect", "127.0.0.1:%d" % relay.port,
                   "--miners", "4", "--warmup", "0", "--seconds", "0.2", "--drain", "0.5",
                   "--handshake", "2", *(options or ("--closed", "2"))]
        done = subprocess.run(command, stdout=subprocess.PIPE, timeout=60, check=False)
        return done.returncode, json.loads(done.stdout)

    def expect(self, *faults, alter=unchanged, relay_close=True, options=()):
        status, report = self.load(alter, *options, relay_close=relay_close)
        self.assertEqual(status, 1 if faults else 0, report)
        self.assertEqual(report["ok"], not faults)
        found = {name for name, count in report["faults"].items() if count}
        self.assertEqual(found, set(faults))
        return report

    def test_faithful_relay_passes(self):
        for mode in (("--closed", "1"), ("--closed", "16"), ("--rate", "500"),
                     ("--rate", "500", "--random-times"), ("--idle", "20", "--settle", "0.1"),
                     ("--closed", "4", "--frag", "--notify-ms", "10")):
            with self.subTest(mode=mode):
                report = self.expect(options=mode)
                self.assertEqual(report["bytes_sent"], report["bytes_received"])
                self.assertEqual(report["submits"], report["replies"])

    def test_every_line_counts_once(self):
        seen = {True: 0, False: 0}

        def count(line, upwards, number):
            seen[upwards] += 1
            return line
        report = self.expect(alter=count, options=("--rate", "300", "--notify-ms", "50"))
        self.assertEqual(report["lines_up"], seen[True])
        self.assertEqual(report["lines_down"], seen[False])

    def test_changed_byte_upwards(self):
        def alter(line, upwards, number):
            # the last digit of the nonce: the line stays a fine submit
            return line[:-16] + bytes([line[-16] ^ 1]) + line[-15:] if upwards and number == 5 else line
        self.expect("mismatch_up", alter=alter)

    def test_changed_byte_downwards(self):
        def alter(line, upwards, number):
            return line.replace(b"17028281", b"17028282") if not upwards else line
        self.expect("mismatch_down", alter=alter)

    def test_swapped_blocks(self):
        held = {}

        def alter(line, upwards, number):
            # eight aligned bytes of the stream's end exchanged with the eight before them
            if upwards and number == 6:
                held["line"] = line
                return line[:60] + line[68:76] + line[60:68] + line[76:]
            return line
        self.expect("mismatch_up", alter=alter)
        self.assertIn("line", held)

    def test_swallowed_reply(self):
        def alter(line, upwards, number):
            return b"" if not upwards and b'"id":4,' in line else line
        self.expect("mismatch_down", "lost", "order", alter=alter)

    def test_answers_out_of_order(self):
        held = []

        def alter(line, upwards, number):
            if upwards or number < 5 or held == ["done"]:
                return line
            if not held:
                held.append(line)
                return b""
            both = line + held[0]
            held[:] = ["done"]
            return both
        self.expect("mismatch_down", "lost", "order", alter=alter,
                    options=("--closed", "2", "--miners", "1"))

    def test_doubled_notification(self):
        def alter(line, upwards, number):
            return line + line if b"mining.notify\",\"params\"" in line else line
        self.expect("mismatch_down", alter=alter)

    def test_strange_line(self):
        def alter(line, upwards, number):
            return line + b'{"id":null,"method":"client.show_message","params":["x"]}\n' \
                if not upwards and number == 5 else line
        self.expect("mismatch_down", "protocol", alter=alter)

    def test_reset_session(self):
        def alter(line, upwards, number):
            return None if upwards and number == 8 else line
        status, report = self.load(alter)
        self.assertEqual(status, 1)
        self.assertGreater(report["faults"]["disconnect"], 0)

    def test_close_that_stays(self):
        self.expect("close_not_relayed", relay_close=False)

    def test_silent_pool_side(self):
        def alter(line, upwards, number):
            return b"" if upwards else line
        self.expect("handshake", "unmatched", alter=alter,
                    options=("--closed", "1", "--handshake", "0.3"))

    def test_settings_are_checked(self):
        for wrong in (["--rate", "0"], ["--closed", "0"], ["--miners", "x"], ["--pool", "here"],
                      ["--label", 'a"b'], ["--seconds", "-1"], ["--what"], ["extra"],
                      ["--connect", "127.0.0.1:70000"], ["--seconds", "nan"]):
            done = subprocess.run([LOAD, *wrong], stderr=subprocess.PIPE, stdout=subprocess.PIPE,
                                  timeout=10, check=False)
            self.assertEqual((done.returncode, done.stdout), (2, b""), wrong)
            self.assertTrue(done.stderr, wrong)

    def test_dump_is_traffic(self):
        done = subprocess.run([LOAD, "--dump", "-", "--miners", "3", "--messages", "5000"],
                              stdout=subprocess.PIPE, timeout=10, check=True)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual(len(lines), 5000)
        jobs = [line["params"] for line in lines if line.get("method") == "mining.notify"]
        submits = [line for line in lines if line.get("method") == "mining.submit"]
        self.assertEqual(len({job[0] for job in jobs}), len(jobs) / 3)
        self.assertEqual({s["params"][0] for s in submits},
                         {"hashscope_farm.rig%05d" % i for i in range(3)})
        clean = [job[0] for job in jobs if job[8]]
        self.assertEqual(len({int(a, 16) // 20 for a in clean}), len(set(clean)))


if __name__ == "__main__":
    unittest.main()
