"""`hashscope ls`, `info`, `verify` and `repair` on an archive that is always the same, whole and
damaged."""
import json
import os
import re
import shutil
import subprocess
import unittest

from tests.integration import fixed_archive
from tests.integration.fixed_archive import FARM_1, FARM_2, LINES
from tests.integration.front import FrontCase, Terminal, environment
from tests.integration.harness import program
from tests.integration.test_cli_cat import EXPECTED_TIME, FixedCase

LS = """\
OPENED (UTC)          LASTED  SESSION       MINER                  WORKER              AGENT               POOL                       MESSAGES  ACCEPTED  REJECTED  ENDED
2026-11-22 03:12:30    1m31s  bbbbbbbb0002  10.0.0.8:50002         farm.2              -                   pool.example.com:3333             4         0         1  pool: reset
2026-11-22 03:10:00   10m03s  aaaaaaaa0001  10.0.0.7:50001         farm.1              cgminer/4.11.1      pool.example.com:3333            11         1         1  miner: end
"""
LS_JSON = (
    '{"session":"%s","number":1,"route":"main","miner":"10.0.0.7:50001",'
    '"listen":"10.0.0.2:3333","user_agent":"cgminer/4.11.1","workers":["farm.1"],'
    '"pool":"pool.example.com:3333","address":"203.0.113.9:3333",'
    '"opened":"2026-11-22T03:10:00.000000Z","first":"2026-11-22T03:10:00.000000Z",'
    '"last":"2026-11-22T03:20:03.000000Z","first_seq":1,"last_seq":21,"lasted_us":603000000,'
    '"messages":{"miner_to_pool":5,"pool_to_miner":6,"hashscope_to_pool":0,'
    '"pool_to_hashscope":0},"submits":2,"accepted":1,"rejected":1,"other_errors":0,'
    '"bytes_up":308,"bytes_down":321,"state":"closed","by":"miner","reason":"end","live":false,'
    '"complete":true}' % FARM_1)
SEGMENTS = """\
  NUMBER  STATE   FIRST (UTC)          LAST (UTC)                 BYTES  RATIO       LINES  SESSIONS  GEN  FILE
       1  sealed  2026-11-22 03:10:00  2026-11-22 03:14:01  SIZE-RATIO          16         -    0  20261122T031000Z-00000001.ndjson.zst
       2  sealed  2026-11-22 03:20:00  2026-11-22 03:20:03  SIZE-RATIO           6         -    0  20261122T032000Z-00000002.ndjson.zst
"""
SHEET = """\
file      %s
state     sealed, no footer: all is from the frames
segment   1 of instance 1f2e3d4c5b6a7988, format 1, generation 0
times     2026-11-22 03:10:00 to 2026-11-22 03:14:01 UTC
numbers   1 to 16
lines     16 in 3 frames: 5 miner_to_pool, 6 pool_to_miner
refusals  1
size      %d bytes for 3136 of text, %.1f : 1; %.1f a message
sessions  2
methods   mining.subscribe, mining.authorize, mining.submit, mining.notify
events    opened, pool_connected, closed
"""


class Whole(FixedCase):
    def ask(self, *arguments):
        return self.run_front(*arguments, "--data-dir", self.data_dir)

    def sessions(self, *arguments):
        code, out, err = self.ask("ls", *arguments)
        self.assertEqual((code, err), (0, ""), arguments)
        return [json.loads(line)["session"] for line in out.splitlines()]

    def test_sessions(self):
        self.assertEqual(self.ask("ls", "--table"), (0, LS, ""))
        self.assertEqual(self.ask("ls")[1].splitlines()[1], LS_JSON)

    def test_which_sessions(self):
        for arguments, expected in (
                ([], [FARM_2, FARM_1]), (["--limit", 1], [FARM_2]), (["--worker", "Farm.1"], [FARM_1]),
                (["--worker", "x"], []), (["--peer", "10.0.0.8:"], [FARM_2]),
                (["--agent", "CGMINER"], [FARM_1]), (["--pool", "203.0.113.9"], [FARM_2, FARM_1]),
                (["--route", "main"], [FARM_2, FARM_1]), (["--route", "spare"], []),
                (["--session", "0001"], [FARM_1]), (["--session", FARM_2], [FARM_2]),
                (["--since", "2026-11-22 03:15"], [FARM_1]), (["--until", "2026-11-22 03:12"], [FARM_1]),
                (["--since", "2026-11-22 03:30"], []), (["--first-seq", 17], [FARM_1])):
            with self.subTest(arguments):
                self.assertEqual(self.sessions(*arguments), expected)

    def test_refusals(self):
        for arguments, code, words in (
                (["--since", "x"], 2, f"--since x: {EXPECTED_TIME}"),
                (["--session", "ffff"], 1, "no session begins or ends with ffff"),
                (["--json", "--table"], 2, "--json or --table, not both"),
                (["--segments", "-w", "x"], 2, "--segments lists files: sessions cannot be chosen")):
            self.assertEqual(self.ask("ls", *arguments), (code, "", f"hashscope ls: {words}\n"))
        for arguments in ([], ["--segments"]):
            code, out, err = self.run_front("ls", "--data-dir", "nowhere", *arguments)
            self.assertEqual((code, out), (1, ""))
            self.assertIn("nowhere", err)
        self.assertEqual(self.ask("ls", "something")[0], 2)

    def test_segments(self):
        code, out, err = self.ask("ls", "--segments", "--table")
        self.assertEqual((code, err), (0, ""))
        self.assertEqual(re.sub(r"Z? +\d+ +\d\.\d ", "  SIZE-RATIO ", out), SEGMENTS)
        files = [json.loads(line) for line in self.ask("ls", "--segments")[1].splitlines()]
        self.assertEqual([(file["number"], file["file"], file["bytes"], file["lines"])
                          for file in files],
                         [(1, self.paths[0], os.path.getsize(self.paths[0]), 16),
                          (2, self.paths[1], os.path.getsize(self.paths[1]), 6)])
        for arguments, numbers in ((["--since", "2026-11-22 03:15"], [2]), (["--last-seq", 16], [1]),
                                   (["--limit", 1], [1]), (["--until", "2026-11-22"], [])):
            out = self.ask("ls", "--segments", *arguments)[1]
            self.assertEqual([json.loads(line)["number"] for line in out.splitlines()], numbers)

    def test_info(self):
        size = os.path.getsize(self.paths[0])
        self.assertEqual(self.run_front("info", "--table", self.paths[0]),
                         (0, SHEET % (self.paths[0], size, 3136 / size, size / 11), ""))
        code, out, err = self.run_front("info", *self.paths)
        first, second = map(json.loads, out.splitlines())
        self.assertEqual((code, err, first["methods"], second["events"]),
                         (0, "", ["mining.subscribe", "mining.authorize", "mining.submit",
                                  "mining.notify"], ["closed", "state"]))
        self.assertEqual(second["messages"], {"miner_to_pool": 2, "pool_to_miner": 2,
                                              "hashscope_to_pool": 0, "pool_to_hashscope": 0})

    def test_info_of_nothing(self):
        self.assertEqual(self.run_front("info"), (
            2, "", "hashscope info: expected FILE...\n"
                   "Try `hashscope info --help' for more information.\n"))
        code, out, err = self.run_front("info", "gone", self.folder, self.paths[0])
        self.assertEqual((code, len(out.splitlines())), (1, 1))
        self.assertEqual(err.splitlines(),
                         ["hashscope info: gone: No such file or directory",
                          f"hashscope info: {self.folder}: not a file"])

    def test_verify(self):
        names = [os.path.basename(path) for path in self.paths]
        rows = (f"sound    {names[0]}  3 frames, 16 lines, numbers 1 to 16, no footer\n"
                f"sound    {names[1]}  1 frame, 6 lines, numbers 17 to 21, no footer\n")
        sums = "2 files, 0 damaged; 0 numbers missing, 0 lost as gaps say\n"
        self.assertEqual(self.ask("verify", "--table"), (0, rows + sums, ""))
        self.assertEqual(self.ask("verify", "all", "--table"), (0, rows + sums, ""))
        self.assertEqual(self.run_front("verify", "--table", *self.paths), (0, rows, ""))

    def test_colors(self):
        for arguments, part in ((("ls",), b"\x1b[31m       1\x1b[0m"),
                                (("verify",), b"\x1b[32msound\x1b[0m")):
            arguments = (*arguments, "--data-dir", self.data_dir)
            terminal = self.keep(Terminal(self.folder, arguments, columns=200))
            self.assertEqual(terminal.wait(), 0)
            self.assertIn(part, terminal.output)
            plain = self.keep(Terminal(self.folder, arguments, 200, {"NO_COLOR": "1"}))
            self.assertEqual(plain.wait(), 0)
            self.assertNotIn(b"\x1b", plain.output)

    def test_a_narrow_terminal(self):
        terminal = self.keep(Terminal(self.folder, ("ls", "--data-dir", self.data_dir), 120,
                                      {"NO_COLOR": "1"}))
        self.assertEqual(terminal.wait(), 0)
        row = terminal.output.decode().splitlines()[1]
        self.assertLessEqual(len(row), 120)
        self.assertEqual(row.split(), ["2026-11-22", "03:12:30", "1m31s", "bbbbbbbb0002", "farm.2",
                                       "4", "0", "1", "pool:", "reset"])

    def test_readers_that_go_away(self):
        for arguments in (("ls",), ("ls", "--segments"), ("info", *self.paths), ("verify",)):
            reading, writing = os.pipe()
            os.close(reading)
            done = subprocess.run([program("hashscope"), *arguments, "--data-dir", self.data_dir],
                                  stdout=writing, stderr=subprocess.PIPE, check=False,
                                  env=environment())
            os.close(writing)
            self.assertEqual((done.returncode, done.stderr), (0, b""), arguments)


class Hostile(FrontCase):
    def test_names_that_steer_a_terminal(self):
        files = [[[line.replace("farm.1", 'f\\u001b[2J\\"\\u00e9\\n') for line in frame]
                  for frame in frames] for frames in fixed_archive.FRAMES]
        fixed_archive.write(self.data_dir, files)
        code, out, err = self.run_front("ls", "--data-dir", self.data_dir)
        self.assertEqual((code, err), (0, ""))
        self.assertEqual([json.loads(line)["workers"] for line in out.splitlines()],
                         [["farm.2"], ['f\x1b[2J"é\n']])
        for command in (("ls", "--table"), ("cat", "--table", "--method", "submit")):
            rows = self.run_front(*command, "--data-dir", self.data_dir)[1]
            self.assertEqual(len(rows.splitlines()), 3)
            self.assertIn('f\\u001b[2J"é\\u000a', rows)
            self.assertNotIn("\x1b", rows)


class Damaged(FixedCase):
    def setUp(self):
        super().setUp()
        self.damage(self.paths[0], self.frames[0][1] + 40)
        with open(self.paths[0], "rb") as file:
            self.original = file.read()

    def verify(self, *arguments):
        code, out, err = self.run_front("verify", *arguments)
        return code, [json.loads(line) for line in out.splitlines()], err

    def test_verify_says_what_and_where(self):
        code, lines, err = self.verify("--data-dir", self.data_dir)
        self.assertEqual((code, err), (3, ""))
        problem = lines[0]
        self.assertEqual((problem["file"], problem["offset"], problem["part"],
                          problem["lines_lost"]),
                         (self.paths[0], self.frames[0][1], "data frame", True))
        self.assertEqual(lines[-1], {"files": 2, "damaged": 1, "missing": 7, "lost": 0})
        rows = self.run_front("verify", "--table", self.paths[0])[1].splitlines()
        self.assertEqual(rows[0], "damaged  20261122T031000Z-00000001.ndjson.zst  2 frames, 9 lines, "
                                  "numbers 1 to 16, 7 missing, no footer")
        self.assertRegex(rows[1], rf"^         at byte {self.frames[0][1]}, \d+ bytes: data frame: "
                                  r".+ \(lines are lost\)$")

    def test_a_file_is_missing(self):
        os.rename(self.paths[1], self.paths[1].replace("-00000002", "-00000003"))
        os.remove(self.paths[0])
        data, _ = fixed_archive.segment(1, fixed_archive.FRAMES[0][:2])
        with open(self.paths[0], "wb") as file:
            file.write(data)
        code, lines, err = self.verify("--data-dir", self.data_dir)
        self.assertEqual((code, lines[-1]), (3, {"files": 2, "damaged": 0, "missing": 3, "lost": 0}))
        self.assertEqual(err, "hashscope verify: " + self.paths[1].replace("-00000002", "-00000003")
                         + ": 3 numbers between 13 and 17 are in no file\n")

    def test_what_can_not_be_read(self):
        code, lines, err = self.verify("gone")
        self.assertEqual((code, lines), (1, []))
        self.assertIn("gone", err)
        self.assertEqual(self.verify("gone", self.paths[0])[0], 3)

    def test_info_and_ls(self):
        code, out, _ = self.run_front("info", self.paths[0])
        self.assertEqual(code, 1)
        self.assertIn("damage", json.loads(out))
        code, out, err = self.run_front("ls", "--data-dir", self.data_dir)
        self.assertEqual((code, len(out.splitlines())), (1, 2))
        self.assertIn(self.paths[0], err)

    def test_repair(self):
        code, out, err = self.run_front("repair", self.paths[0])
        lost, done = map(json.loads, out.splitlines())
        self.assertEqual((code, err), (3, ""))
        self.assertEqual((lost["offset"], lost["lines_lost"]), (self.frames[0][1], True))
        self.assertEqual((done["lines"], done["frames"], done["frames_lost"], done["lost_numbers"]),
                         (9, 2, 1, 7))
        self.assertEqual(done["repaired"], self.paths[0] + ".repaired")
        self.assert_untouched(self.paths[0])
        lines = self.run_front("cat", done["repaired"])[1].splitlines()
        self.assertEqual([line for line in lines if '"event":"gap"' not in line],
                         LINES[:6] + LINES[13:16])
        gap = next(json.loads(line) for line in lines if '"event":"gap"' in line)
        self.assertEqual((gap["first_lost"], gap["lost"]), (7, 7))
        self.assertEqual(self.verify(done["repaired"])[0], 0)

    def test_repair_never_overwrites(self):
        target = os.path.join(self.folder, "target")
        shutil.copyfile(self.paths[1], target)
        code, out, err = self.run_front("repair", self.paths[0], target)
        self.assertEqual((code, out), (1, ""))
        self.assertIn(target, err)
        with open(target, "rb") as file, open(self.paths[1], "rb") as same:
            self.assertEqual(file.read(), same.read())

    def test_repair_in_place(self):
        code, out, err = self.run_front("repair", "--table", "--replace", self.paths[0])
        self.assertEqual((code, err), (3, ""))
        self.assertEqual(out.splitlines()[1:],
                         ["repaired: 9 lines in 2 frames kept; 1 damaged frames with 7 numbers lost",
                          f"now in {self.paths[0]}", f"original in {self.paths[0]}.torn"])
        self.assert_untouched(self.paths[0] + ".torn")
        self.assertEqual(sorted(os.listdir(os.path.dirname(self.paths[0]))),
                         sorted(map(os.path.basename, [*self.paths, self.paths[0] + ".torn"])))
        code, out, err = self.run_front("cat", "--data-dir", self.data_dir)
        self.assertEqual((code, err, len(out.splitlines())), (0, "", len(LINES) - 7 + 1))
        self.assertEqual(self.verify("--data-dir", self.data_dir)[0], 0)

    def test_repair_of_an_unsealed_file(self):
        path = self.paths[1] + ".open"
        os.rename(self.paths[1], path)
        code, out, err = self.run_front("repair", "--replace", path)
        self.assertEqual((code, err), (0, ""))
        done = json.loads(out)
        self.assertEqual((done["repaired"], done["original"], done["lines"]),
                         (self.paths[1], self.paths[1] + ".torn", 6))
        self.assertFalse(os.path.exists(path))
        self.assertEqual(self.run_front("cat", self.paths[1])[1].splitlines(), LINES[16:])

    def test_repair_of_a_file_cut_off(self):
        os.truncate(self.paths[1], self.frames[1][0] + 200)
        code, out, err = self.run_front("repair", self.paths[1])
        self.assertIn(code, (1, 3))  # as much as the compressor had let go
        self.assertEqual(bool(err), code == 1)

    def test_repair_words(self):
        self.assertEqual(self.run_front("repair"), (
            2, "", "hashscope repair: expected FILE [TO]\n"
                   "Try `hashscope repair --help' for more information.\n"))
        self.assertEqual(self.run_front("repair", "--replace", "a", "b")[0], 2)
        self.assertEqual(self.run_front("repair", "--replace", "odd"), (
            1, "", "hashscope repair: odd: --replace wants a file named as segments are, "
                   "*.ndjson.zst\n"))
        code, out, err = self.run_front("repair", "gone.ndjson.zst")
        self.assertEqual((code, out), (1, ""))
        self.assertIn("gone.ndjson.zst", err)
        self.assertEqual([name for name in os.listdir(self.folder) if "gone" in name], [])

    def assert_untouched(self, path):
        with open(path, "rb") as file:
            self.assertEqual(file.read(), self.original)


if __name__ == "__main__":
    unittest.main()
