"""`hashscope cat` on an archive that is always the same: exact lines, rows and words."""
import base64
import json
import os
import re
import subprocess
import unittest

from tests.integration import fixed_archive
from tests.integration.fixed_archive import FARM_1, FARM_2, LINES, by_number
from tests.integration.front import FrontCase, Terminal, environment
from tests.integration.harness import program, wait_until

ROWS = """\
03:12:30.000  bb0002  10.0.0.8:50002     • opened           miner 10.0.0.8:50002, listen 10.0.0.2:3333
03:12:30.001  bb0002  10.0.0.8:50002     • pool_connected   pool pool.example.com:3333, address 203.0.113.9:3333
03:12:30.010  bb0002  farm.2             → authorize        farm.2
03:12:30.050  bb0002  farm.2             ← ok               authorize, 40.0 ms
03:14:00.000  bb0002  farm.2             → submit           job 1f, nonce 0badcafe
03:14:00.500  bb0002  farm.2             ← rejected         21 Stale share, 500.0 ms
03:14:01.000  bb0002  farm.2             • closed           by pool, reason reset, bytes_up 145, bytes_down 91
03:20:00.000  aa0001  farm.1             • state            miner 10.0.0.7:50001, listen 10.0.0.2:3333, pool pool.example.com:3333, address 203.0.113.9:3333, bytes_up 205, bytes_down 204
03:20:00.000  aa0001  farm.1             → submit           job 1f, nonce 0badcafe
03:20:00.100  aa0001  farm.1             ← rejected         22 Duplicate share, 100.0 ms
03:20:01.000  aa0001  farm.1             → not JSON         14 bytes, invalid JSON at byte 0
03:20:02.000  aa0001  farm.1             ← x.news           ["\\u001b[2Jstale"]
03:20:03.000  aa0001  farm.1             • closed           by miner, reason end, bytes_up 308, bytes_down 321
"""

DAY = "2026-11-22"
# arguments -> numbers of the lines that fit
FILTERS = [
    (["--since", f"{DAY}T03:20:00.1Z"], [18, 19, 20, 21]),
    (["--since", f"{DAY} 03:20:01"], [19, 20, 21]),
    (["--since", f"{DAY} 03:12", "--until", "+1s"], [8, 9]),
    (["--since", f"{DAY}T03:12", "--until", "03:12:30.001"], [8, 9, 10]),
    (["--until", f"{DAY}T03:10:00.01Z"], [1, 2]),
    (["--until", DAY], []),
    (["--until", "2026-11-22T04:10:00.04+01:00", "--kind", "messages"], [3]),
    (["--since", "-9000d", "--last-seq", "2"], [1, 2]),
    (["--first-seq", "20"], [20, 21]),
    (["--first-seq", "9", "--last-seq", "9"], [9]),
    (["--session", FARM_2], [10, 11, 12, 13, 14, 15, 16]),
    (["--session", FARM_2[:11], "--kind", "events"], [10, 11, 16]),
    (["--session", "0002", "--kind", "events"], [10, 11, 16]),
    (["--session", FARM_1[-6:] + "," + FARM_2, "--kind", "events"], [1, 2, 10, 11, 16, 21]),
    (["--worker", "FARM.2", "--method", "submit"], [14]),
    (["--worker", "farm", "--method", "submit"], [8, 14, 17]),
    (["--worker", "nobody"], []),
    (["--peer", "10.0.0.8", "--errors"], [15]),
    (["--peer", ":50001", "--errors"], [18]),
    (["--route", "main", "--kind", "events", "--last-seq", "3"], [1, 2]),
    (["--pool", "203.0.113", "--errors"], [15, 18]),
    (["--agent", "cgminer", "--errors"], [18]),
    (["--dir", "miner_to_pool"], [3, 5, 8, 12, 14, 17, 19]),
    (["--dir", "miner_to_pool,pool_to_hashscope", "--last-seq", "5"], [3, 5]),
    (["--method", "submit"], [8, 14, 17]),
    (["--method", "mining.submit,notify"], [7, 8, 14, 17]),
    (["--method", "x.news"], [20]),
    (["--method", "submit", "--answers"], [8, 9, 14, 15, 17, 18]),
    (["--method", "authorize", "-a", "-w", "farm.1"], [5, 6]),
    (["--method", "submit,x.news", "--answers", "--first-seq", "15"], [17, 18, 20]),
    (["--errors"], [15, 18]),
    (["--errors", "--method", "submit"], [15, 18]),
    (["--errors", "--method", "authorize"], []),
    (["--slower-than", "100ms"], [15, 18]),
    (["--slower-than", "100.001ms"], [15]),
    (["--slower-than", "40ms", "--faster-than", "0.1s"], [6, 9, 13]),
    (["--faster-than", "40000us"], [4]),
    (["--slower-than", "40ms", "--faster-than", "0.1s", "--method", "submit"], [9]),
    (["--slower-than", "1us", "--errors"], [15, 18]),
    (["--slower-than", "501ms"], []),
    (["--grep", "Stale"], [15]),
    (["--grep", "stale"], [20]),
    (["--grep", "stale", "--ignore-case"], [15, 20]),
    (["--grep", "HTTP/1.1"], [19]),
    (["--grep", "\"seq\"", "--kind", "messages"], []),
    (["--grep", "\"reason\":\"reset\""], [16]),
    (["--kind", "states"], ["state"]),
    (["--source", "live"], []),
    (["--source", "archive", "--errors"], [15, 18]),
    (["--limit", "2"], [1, 2]),
    (["--newest-first", "--limit", "2"], [21, 20]),
    (["-r", "-m", "submit"], [17, 14, 8]),
    (["-r", "-e", "-m", "submit", "-n", "1"], [18]),
]

EXPECTED_TIME = ("expected a time such as 2026-11-22T13:53:01Z, 2026-11-22 13:53, 2026-11-22, 13:53, "
                 "-2h, -1d12h, now, today or yesterday")
# arguments -> exit code, what is said
REFUSALS = [
    (["--dir", "up"], 2, "--dir up: expected miner_to_pool, pool_to_miner, hashscope_to_pool or "
     "pool_to_hashscope"),
    (["--dir", "miner_to_pool,"], 2, "--dir : expected miner_to_pool, pool_to_miner, "
     "hashscope_to_pool or pool_to_hashscope"),
    (["--since", "late"], 2, f"--since late: {EXPECTED_TIME}"),
    (["--since", "+5m"], 2, f"--since +5m: {EXPECTED_TIME}"),
    (["--until", "25:00"], 2, f"--until 25:00: {EXPECTED_TIME}"),
    (["--since", DAY, "--until", "x"], 2, f"--until x: {EXPECTED_TIME}, or +5m"),
    (["--since", DAY, "--until", "2026-11-21"], 2,
     f"--until 2026-11-21 is not later than --since {DAY}"),
    (["--first-seq", "3", "--last-seq", "2"], 2, "--last-seq 2 is below --first-seq 3"),
    (["--method", "submit,"], 2, "--method submit,: expected a name such as mining.submit"),
    (["--answers"], 2, "--answers wants --method, and no --errors"),
    (["--answers", "--errors", "--method", "x"], 2,
     "--errors --method x: expected a known method"),
    (["--slower-than", "500"], 2, "--slower-than 500: expected a time such as 500ms, 2.5ms, 250us or 2s"),
    (["--faster-than", "1.ms"], 2, "--faster-than 1.ms: expected a time such as 500ms, 2.5ms, 250us or 2s"),
    (["--faster-than", "5ms", "--slower-than", "5ms"], 2,
     "--faster-than 5ms: nothing is and takes at least 5ms"),
    (["--faster-than", "1us"], 2, "--faster-than 1us: nothing is"),
    (["--answers", "--method", "submit", "--slower-than", "1s"], 2,
     "--answers goes without --slower-than and --faster-than"),
    (["--answers", "-r", "--method", "submit"], 2,
     "--answers goes with the oldest first: an answer comes behind its request"),
    (["--session", "xyz"], 2, "--session xyz: expected a UUID, or at least 4 characters of its "
     "beginning or end"),
    (["--session", ""], 2, "--session : expected a UUID, or at least 4 characters of its "
     "beginning or end"),
    (["--session", "ffffffff"], 1, "no session begins or ends with ffffffff"),
    (["--json", "--table"], 2, "--json or --table, not both"),
    (["--raw"], 2, "--raw wants --session and --dir"),
    (["--raw", "-s", FARM_1, "-d", "miner_to_pool,pool_to_miner"], 2, "--raw wants one direction"),
    (["--raw", "-s", "01a20137", "-d", "miner_to_pool"], 2,
     "--raw wants one session: this fits several"),
    (["--raw", "-s", FARM_1, "-d", "miner_to_pool", "--json"], 2,
     "--raw, --json or --table: one of them"),
    (["--raw", "-s", FARM_1, "-d", "hashscope_to_pool"], 1,
     f"session {FARM_1}: nothing was recorded in that direction"),
    (["--errors", "somefile"], 2,
     "FILEs are printed whole: only --json, --table and --limit go with them"),
]


class FixedCase(FrontCase):
    def setUp(self):
        super().setUp()
        self.paths, self.frames = fixed_archive.write(self.data_dir)

    def cat(self, *arguments):
        return self.run_front("cat", "--data-dir", self.data_dir, *arguments)

    def lines(self, *arguments):
        code, out, err = self.cat(*arguments)
        self.assertEqual((code, err), (0, ""), arguments)
        return out.splitlines()

    def damage(self, path, offset):
        with open(path, "r+b") as file:
            file.seek(offset)
            byte = file.read(1)[0]
            file.seek(offset)
            file.write(bytes([byte ^ 1]))


class Cat(FixedCase):
    def test_everything_as_it_was_written(self):
        self.assertEqual(self.lines(), LINES)
        self.assertEqual(self.lines("--newest-first")[0], LINES[-1])
        self.assertEqual(sorted(self.lines("--newest-first")), sorted(LINES))

    def test_filters(self):
        state = next(line for line in LINES if '"event":"state"' in line)
        for arguments, numbers in FILTERS:
            with self.subTest(" ".join(arguments)):
                expected = [state] if numbers == ["state"] else by_number(*numbers)
                found = [line for line in self.lines(*arguments)
                         if line != state or numbers == ["state"]]
                self.assertEqual(found, expected)

    def test_rows(self):
        self.assertEqual("\n".join(self.lines("--table")[9:]) + "\n", ROWS)

    def test_rows_know_what_the_filter_kept_away(self):
        rows = ROWS.splitlines()
        self.assertEqual(self.lines("--table", "--errors"), [rows[5], rows[9]])
        self.assertEqual(self.lines("--table", "-r", "-d", "pool_to_miner", "--first-seq", "12"),
                         [rows[11], rows[9], rows[5], rows[3]])

    def test_refusals(self):
        for arguments, code, words in REFUSALS:
            with self.subTest(" ".join(arguments)):
                self.assertEqual(self.cat(*arguments), (code, "", f"hashscope cat: {words}\n"))

    def test_numbers_out_of_range(self):
        for arguments in (["--limit", "0"], ["--limit", "-1"], ["--first-seq", "x"],
                          ["--limit", "99999999999999999999"], ["--kind", "all"], ["--source", ""],
                          ["--nonsense"]):
            code, out, err = self.cat(*arguments)
            self.assertEqual((code, out), (2, ""), arguments)
            self.assertIn("hashscope cat: ", err)
            self.assertIn("Try `hashscope cat --help'", err)

    def test_hostile_texts(self):
        for text in ("\x1b[2J", "%s%n", "a" * 5000, "\\\\", "'", "é", "\n"):
            for flag in ("--grep", "--worker", "--peer", "--pool", "--agent", "--route",
                         "--method"):
                self.assertEqual(self.cat(flag, text), (0, "", ""), (flag, text))
            for flag in ("--since", "--until", "--session", "--dir"):
                code, out, err = self.cat(flag, text)
                self.assertEqual((code, out), (2, ""), (flag, text))
                self.assertIn(f"hashscope cat: {flag} ", err)

    def test_raw_bytes(self):
        texts = [json.loads(line) for line in LINES]
        for direction in ("miner_to_pool", "pool_to_miner"):
            expected = b""
            for text, line in zip(LINES, texts):
                if line.get("session") != FARM_1 or line.get("dir") != direction:
                    continue
                expected += (base64.b64decode(line["bytes_b64"]) if "bytes_b64" in line
                             else text.split(',"msg":', 1)[1][:-1].encode())
                expected += line.get("end", "\n").encode()
            done = subprocess.run(
                [program("hashscope"), "cat", "--raw", "-s", "0001", "-d", direction, "--data-dir",
                 self.data_dir], stdout=subprocess.PIPE, check=True, env=environment())
            self.assertEqual(done.stdout, expected)

    def test_statistics(self):
        code, out, err = self.cat("--stats", "--since", f"{DAY} 03:20")
        stats = json.loads(err)
        self.assertEqual((code, len(out.splitlines())), (0, 6))
        self.assertEqual((stats["rows"], stats["files"], stats["damaged"]), (6, 2, 0))

    def test_files(self):
        self.assertEqual(self.run_front("cat", self.paths[1])[1].splitlines(), LINES[16:])
        self.assertEqual(self.run_front("cat", "-n", 3, *self.paths)[1].splitlines(), LINES[:3])
        rows = self.run_front("cat", "--table", *self.paths)[1].splitlines()
        self.assertEqual(rows[9:], ROWS.splitlines())

    def test_files_that_are_none(self):
        garbage = os.path.join(self.folder, "garbage")
        with open(garbage, "wb") as file:
            file.write(b"not a segment" * 99)
        for path, words in ((garbage, ""), (garbage + ".gone", "No such file or directory"),
                            (self.folder, "")):
            code, out, err = self.run_front("cat", path, self.paths[1])
            self.assertEqual((code, out.splitlines()), (1, LINES[16:]))
            self.assertIn(path, err)
            self.assertIn(words, err)

    def test_no_archive(self):
        code, out, err = self.run_front("cat", "--data-dir", "nowhere")
        self.assertEqual((code, out), (1, ""))
        self.assertIn("nowhere", err)
        os.mkdir(os.path.join(self.folder, "empty"))
        self.assertEqual(self.run_front("cat", "--data-dir", "empty"), (0, "", ""))


class Damage(FixedCase):
    def test_a_frame(self):
        self.damage(self.paths[0], self.frames[0][1] + 40)
        code, out, err = self.cat()
        self.assertEqual((code, out.splitlines()), (1, LINES[:6] + LINES[13:]))
        self.assertTrue(err.startswith(f"hashscope cat: {self.paths[0]}: at byte "
                                       f"{self.frames[0][1]}: "), err)
        self.assertEqual(err.count("\n"), 1)

    def test_the_rest_is_still_found(self):
        self.damage(self.paths[0], self.frames[0][1] + 40)
        self.assertEqual(self.lines("--errors"), by_number(15, 18))  # it holds none, says its entry
        code, out, _ = self.cat("--method", "submit")
        self.assertEqual((code, out.splitlines()), (1, by_number(14, 17)))

    def test_a_file_cut_off(self):
        os.truncate(self.paths[0], self.frames[0][2] + 30)
        code, out, err = self.cat()
        self.assertEqual((code, out.splitlines()), (1, LINES[:13] + LINES[16:]))
        self.assertIn(self.paths[0], err)

    def test_a_file_of_something_else(self):
        with open(self.paths[0], "wb") as file:
            file.write(os.urandom(2000))
        code, out, err = self.cat()
        self.assertEqual((code, out.splitlines()), (1, LINES[16:]))
        self.assertIn(self.paths[0], err)


class Reading(FixedCase):
    """Whoever reads what is printed."""

    def big_archive(self):
        """More than a pipe holds: the same file under many numbers, each with its own lines."""
        frames = [[re.sub(r'"(seq|re)":(\d+)', lambda m, n=n: f'"{m[1]}":{1000 * n + int(m[2])}',
                          line) for line in LINES[:16]] for n in range(1, 300)]
        data, _ = fixed_archive.segment(9, frames)
        path = self.paths[1].replace("-00000002.", "-00000009.")
        with open(path, "wb") as file:
            file.write(data)
        return sum(map(len, frames)) + len(LINES)

    def test_a_reader_that_goes_away(self):
        self.big_archive()
        for more in ([], ["--table"], ["--newest-first"]):
            cat = subprocess.Popen([program("hashscope"), "cat", "--data-dir", self.data_dir, *more],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env=environment())
            self.assertTrue(cat.stdout.read(100))
            cat.stdout.close()
            self.assertEqual((cat.wait(20), cat.stderr.read()), (0, b""))
            cat.stderr.close()

    def test_head(self):
        self.big_archive()
        done = subprocess.run(["bash", "-o", "pipefail", "-c",
                               f"{program('hashscope')} cat --data-dir {self.data_dir} | head -n 1"],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                              env=environment())
        self.assertEqual((done.returncode, done.stdout.decode(), done.stderr),
                         (0, LINES[0] + "\n", b""))

    def test_all_lines_of_many_frames(self):
        count = self.big_archive()
        self.assertEqual(len(self.lines()), count)
        self.assertEqual(len(self.lines("--kind", "messages", "--dir", "miner_to_pool")),
                         300 * 5 + 2)

    def test_a_full_disk(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([program("hashscope"), "cat", "--data-dir", self.data_dir],
                                  stdout=full, stderr=subprocess.PIPE, check=False,
                                  env=environment())
        self.assertEqual((done.returncode, done.stderr.decode()),
                         (1, "hashscope cat: writing to standard output: No space left on device\n"))

    def test_a_slow_reader(self):
        count = self.big_archive()
        cat = self.spawn("cat", "--data-dir", self.data_dir)
        wait_until(lambda: cat.process.poll() is not None, "the end")
        self.assertEqual((cat.wait(), len(cat.out)), (0, count))

    def test_a_terminal(self):
        arguments = ("cat", "--data-dir", self.data_dir, "--errors")
        terminal = self.keep(Terminal(self.folder, arguments, columns=200))
        self.assertEqual(terminal.wait(), 0)
        self.assertIn("\x1b[31mrejected\x1b[0m         21 Stale share, 500.0 ms",
                      terminal.output.decode().replace("\x1b[2m", ""))
        narrow = self.keep(Terminal(self.folder, ("cat", "--data-dir", self.data_dir), columns=50,
                                    environ={"NO_COLOR": "1"}))
        self.assertEqual(narrow.wait(), 0)
        self.assertEqual(narrow.output.decode().splitlines()[9:],
                         [row[:50].rstrip() for row in ROWS.splitlines()])
        plain = self.keep(Terminal(self.folder, (*arguments, "--json")))
        self.assertEqual(plain.wait(), 0)
        self.assertEqual([json.loads(line)["seq"] for line in plain.output.splitlines()], [15, 18])


if __name__ == "__main__":
    unittest.main()
