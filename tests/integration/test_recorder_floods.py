"""Floods of every kind: the archive loses nothing, every byte arrives, and a miner beside them, with
another pool, hardly notices.

What is measured is the median of that miner's round trips, which the load of the machine moves
least, against a bound that a relay that waits for a flood breaks by far (floods that overran the
ring stopped it for up to a second, again and again), and that grows with what else the machine does.
Floods are sent by processes that give way."""
import statistics
import unittest

from tests.integration.floods import KINDS, SECONDS, Process
from tests.integration.harness import (MIB, RecorderCase, free_port, is_sanitized,
                                       make_certificate, slowness, wait_until)

MEDIAN_MS, MOST_MS = 20, 200


def lines_in(kind, size):
    whole, rest = divmod(size, len(KINDS[kind]))
    return whole * KINDS[kind].count(b"\n") + KINDS[kind][:rest].count(b"\n")


class FloodCase(RecorderCase):
    def with_tls(self, pool):
        """Settings of a recorder whose port for floods speaks TLS."""
        certificate, key = make_certificate(self.folder, "recorder")
        return {"POOL_HOST": pool.name, "LISTEN_TLS_PORT": self.flooded,
                "LISTEN_TLS_CERT": certificate, "LISTEN_TLS_KEY": key}

    def start_with(self, pool, tls=False, **settings):
        """A recorder between floods and their pool, and on another route the probe."""
        self.probe = self.keep(Process("probe", niceness=0))
        self.flooded, ports = free_port(), free_port()
        routes = f"calm=127.0.0.1:{ports}=127.0.0.1:{self.probe.port}"
        if tls:
            settings.update(self.with_tls(pool))
        else:
            routes += f";flood=127.0.0.1:{self.flooded}={pool.name}"
        recorder = self.start(ROUTES=routes, options={"routes": 2 + tls}, **settings)
        self.probe.tell(ports)
        self.probe.wait_done()
        return recorder

    def process(self, *arguments):
        return self.keep(Process(*arguments))

    def check_calm(self):
        trips = self.probe.finish("trips")
        self.assertGreater(len(trips), 10)
        if not is_sanitized():
            slower = slowness()
            self.assertLess(statistics.median(trips), MEDIAN_MS * slower)
            self.assertLess(statistics.quantiles(trips, n=20)[-1], MOST_MS * slower)

    def end(self, recorder, *processes, least=0):
        """Everybody goes; all that was put into the ring is in the archive."""
        for process in (*processes, self.probe):
            process.close()
        recorder.wait_sessions(0)
        wait_until(lambda: self.is_archived(recorder.counters()), "all is archived", SECONDS)
        counters = recorder.counters()
        self.assertEqual((counters["records_lost"], counters["gaps"]), (0, 0))
        self.assertGreaterEqual(counters["messages"], least)
        self.assertEqual(recorder.stop(), 0, recorder.text())
        self.assertIsNone(recorder.sanitizer_report())

    @staticmethod
    def is_archived(counters):
        return counters["messages"] + counters["records_lost"] == counters["messages_archived"]

    def flood_up(self, count, kind, size, tls=False, **settings):
        pool = self.process("pool", "--count", count, "--heard", kind, "--expected", size)
        recorder = self.start_with(pool, tls=tls, **settings)
        miners = self.process("miners", "--port", self.flooded, "--count", count, "--kind", kind,
                              "--bytes", size, *["--tls"] * tls)
        pool.wait_done()
        self.check_calm()
        self.assertEqual(miners.finish(), [count * size, 0])
        self.assertEqual(pool.finish(), [0, count * size])
        self.end(recorder, miners, pool, least=lines_in(kind, size) * count)

    def flood_down(self, count, kind, size, **settings):
        pool = self.process("pool", "--count", count, "--kind", kind, "--bytes", size)
        recorder = self.start_with(pool, **settings)
        miners = self.process("miners", "--port", self.flooded, "--count", count, "--heard", kind,
                              "--expected", size)
        miners.wait_done()
        self.check_calm()
        self.assertEqual(miners.finish(), [0, count * size])
        self.end(recorder, miners, pool, least=lines_in(kind, size) * count)


class Up(FloodCase):
    def test_eight_that_send_newlines(self):
        self.flood_up(8, "newlines", MIB // 2, RING_BYTES="16M")

    def test_a_hundred_that_send_tiny_lines(self):
        self.flood_up(100, "tiny", 60000)

    def test_a_thousand_that_send_newlines(self):
        self.flood_up(1000, "newlines", 1500)

    def test_ordinary_lines_as_fast_as_possible(self):
        self.flood_up(8, "lines", 8 * MIB, RING_BYTES="16M")

    def test_lines_of_a_mebibyte(self):
        self.flood_up(20, "long", 5 * MIB)

    def test_newlines_over_tls(self):
        self.flood_up(8, "newlines", MIB // 4, tls=True, RING_BYTES="16M")

    def test_ordinary_lines_over_tls(self):
        self.flood_up(100, "lines", MIB // 4, tls=True)


class Down(FloodCase):
    def test_newlines(self):
        self.flood_down(8, "newlines", MIB // 4, RING_BYTES="16M")

    def test_ordinary_lines_for_a_hundred(self):
        self.flood_down(100, "lines", MIB // 2)

    def test_two_hundred_that_do_not_read(self):
        """Their pool sends all that is taken; then they go."""
        pool = self.process("pool", "--count", 200, "--kind", "lines", "--bytes", 16 * MIB)
        recorder = self.start_with(pool)
        miners = self.process("miners", "--port", self.flooded, "--count", 200, "--deaf")
        wait_until(lambda: recorder.counters()["bytes_from_pools"] > 100 * MIB, "it floods",
                   SECONDS)
        self.check_calm()
        self.end(recorder, miners, pool)


class Storms(FloodCase):
    def test_miners_that_come_speak_and_leave(self):
        pool = self.process("pool", "--heard", "newlines")
        recorder = self.start_with(pool, RING_BYTES="16M")
        storm = self.process("storm", "--port", self.flooded, "--count", 1000, "--kind",
                             "newlines", "--bytes", 2000)
        storm.wait_done()
        wait_until(lambda: recorder.counters()["sessions_accepted"] == 1001, "all have come",
                   SECONDS)
        self.check_calm()
        self.end(recorder, storm, pool)


if __name__ == "__main__":
    unittest.main()
