#!/usr/bin/env python3
"""The benchmark's own arithmetic: medians, verdicts, and what it reads from an archive."""
import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import archive   # noqa: E402
import bench     # noqa: E402
import figures   # noqa: E402


def run(phase, relay, other=0.0, **load):
    return {"phase": phase, "relay": relay, "load": dict(load, other_cpu_percent=other)}


class FiguresTest(unittest.TestCase):
    def verdict(self, value, peer, **bounds):
        figure = figures.Figure("", "p", figures.CPU, "us", **bounds)
        return figures.verdict(figure, value, value / peer if peer else None)

    def test_verdicts_of_ratios(self):
        for value, expected in ((9, "aim met"), (10, "must met"), (11, "MISS"), (None, "not measured")):
            peer = 10 if value is not None else None
            self.assertEqual(self.verdict(value, peer, must=1.0, aim=0.95), expected)

    def test_verdicts_when_more_is_better(self):
        for value, expected in ((11, "aim met"), (10, "must met"), (9, "MISS")):
            self.assertEqual(self.verdict(value, 10, must=0.95, aim=1.05, less=False), expected)

    def test_verdicts_of_absolute_values(self):
        for value, expected in ((28, "aim met"), (30, "must met"), (30.1, "MISS")):
            self.assertEqual(self.verdict(value, 1000, must=30, aim=28, absolute=True), expected)

    def test_an_aim_alone_cannot_be_missed(self):
        self.assertEqual(self.verdict(12, 10, aim=1.15), "short of aim")
        self.assertEqual(self.verdict(11, 10, aim=1.15), "aim met")

    def test_median_leaves_disturbed_runs_out(self):
        runs = [run("p", "r", other, relay_cpu_us_per_message=cpu)
                for cpu, other in ((10, 0), (12, 5), (11, 1), (90, 80), (70, 60))]
        self.assertEqual(figures.median_of(runs, "p", "r", figures.CPU, 25), (11, True))

    def test_median_of_the_least_disturbed_half_when_all_are(self):
        runs = [run("p", "r", other, relay_cpu_us_per_message=cpu)
                for cpu, other in ((10, 30), (12, 40), (90, 80), (70, 60))]
        self.assertEqual(figures.median_of(runs, "p", "r", figures.CPU, 25), (11, False))

    def test_one_gap_is_too_many(self):
        runs = [dict(run("closed16", "recorder", messages_per_s=400000), archive={"gaps": gaps})
                for gaps in (0, 0, 1)]
        rows = {row["what"]: row for row in figures.evaluate(runs, 25)}
        self.assertEqual(rows["gaps in its archive"]["verdict"], "MISS")
        self.assertEqual(rows["closed loop, window 16"]["verdict"], "must met")

    def test_nothing_measured_is_no_success(self):
        for row in figures.evaluate([], 25):
            self.assertEqual(row["verdict"], "not measured")


class ArchiveTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.data = directory.name
        self.day = os.path.join(self.data, "segments", "2026", "11", "22")
        os.makedirs(self.day)

    def write(self, name, *lines):
        packed = subprocess.run(["zstd", "-q", "-c"], input=b"".join(line + b"\n" for line in lines),
                                stdout=subprocess.PIPE, check=True).stdout
        with open(os.path.join(self.day, name), "wb") as file:
            file.write(packed)
        return len(packed)

    MESSAGE = b'{"ts":"t","seq":1,"session":"s","dir":"miner_to_pool","msg":{"id":1}}'
    OPENED = b'{"ts":"t","seq":2,"session":"s","event":"opened"}'
    GAP = b'{"ts":"t","at":3,"event":"gap","lost":37,"reason":"x"}'

    def test_counts_of_all_segments(self):
        size = self.write("a.ndjson.zst", self.OPENED, self.MESSAGE, self.MESSAGE, self.GAP)
        size += self.write("b.ndjson.zst.open", self.MESSAGE)
        self.write("c.other", self.MESSAGE)
        found = archive.measure(self.data)
        self.assertEqual((found["files"], found["unsealed"], found["lines"]), (2, 1, 5))
        self.assertEqual((found["messages"], found["gaps"], found["lost"]), (3, 1, 37))
        self.assertAlmostEqual(found["bytes_per_message"], size / 3)

    def test_damage_is_not_overlooked(self):
        self.write("a.ndjson.zst", self.MESSAGE)
        with open(os.path.join(self.day, "a.ndjson.zst"), "r+b") as file:
            file.write(b"????")
        with self.assertRaises(archive.ArchiveDamaged):
            archive.measure(self.data)

    def test_every_line_must_be_there_or_named_as_lost(self):
        reports = [{"lines_up": 20, "lines_down": 30}]
        bench.check_archive({"messages": 50, "lost": 0, "unsealed": 0}, reports)
        bench.check_archive({"messages": 43, "lost": 7, "unsealed": 0}, reports)
        for messages, lost, unsealed in ((49, 0, 0), (51, 0, 0), (50, 1, 0), (50, 0, 1)):
            with self.assertRaises(bench.RunFailed):
                bench.check_archive({"messages": messages, "lost": lost, "unsealed": unsealed},
                                    reports)


if __name__ == "__main__":
    unittest.main()
