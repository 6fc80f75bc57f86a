"""`hashscope export` as lines, and where it writes to: files that appear when they are complete, pipes,
terminals, full disks; what it says, and its exit codes.
"""
import base64
import csv
import io
import json
import os
import resource
import signal
import subprocess
import unittest

from tests.integration.export_recording import DOWN, UP, Recording
from tests.integration.export_support import ExportCase, export, fields
from tests.integration.front import Terminal
from tests.integration.harness import PATIENCE, program


LOGINS = [
    b'{"id":2,"method":"mining.authorize","params":["plain.a","hunter2"]}',
    b'{"id":3,"method":"mining.authorize","params":["bj\xf6rn.b","hunter2"]}',
    b'{"id":4,"method":"mining.ping"}{"id":5,"method":"mining.authorize","params":["c","hunter2"]}',
    b'[{"id":12,"method":"mining.authorize","params":["batch.j","hunter2"]}]',
    b'{"id":6,"jsonrpc":"2.0","method":"login","params":{"login":"4A","pass":"hunter2"}}',
    b'{"id":7,"method":"eth_submitLogin","params":["0xa","hunter2"],"worker":"w"}',
    b'{"id":8,"method":"mining.\\u0061uthorize","params":["d","hunter2"],"params":[]}',
    b"{'id':9,'method':'mining.authorize','params':['e','hunter2']}",
    b'{"id":10,"method":"mining.authorize","params":["f","hunter2",]}',
    b'\xef\xbb\xbf{"id":11,"method":"mining.authorize","params":["g","hunter2"]}',
]


class Recorded(ExportCase):
    def setUp(self):
        super().setUp()
        self.recording = Recording(self.data_dir)
        self.session = self.recording.open()
        self.recording.now += 1000
        self.recording.connect(self.session)

    def talk(self, count):
        for number in range(count):
            self.recording.now += 1000
            self.recording.request(self.session, number)
            self.recording.answer(self.session)
        self.recording.rotate()

    def refuses(self, status, text, *arguments, **more):
        run = export(self.data_dir, *arguments, check=False, **more)
        self.assertEqual(run.returncode, status, run.stderr.decode())
        self.assertIn(text, run.stderr.decode())
        self.assertTrue(run.stderr.startswith(b"hashscope export: "), run.stderr)
        return run

    def left_behind(self):
        return sorted(name for name in os.listdir(self.folder) if name != "data")


class LinesTest(Recorded):
    def setUp(self):
        super().setUp()
        self.recording.say(self.session, UP, b"GET / HTTP/1.1", b"\r\n")
        self.recording.say(self.session, DOWN, 'say "é", or not'.encode())
        self.recording.say_pieces(self.session, DOWN, [b"ab", b"cd"])
        self.talk(20)
        self.cat = subprocess.run([program("hashscope"), "cat", "--json", "--data-dir",
                                   self.data_dir], stdout=subprocess.PIPE, check=True).stdout

    def test_ndjson(self):
        self.assertEqual(export(self.data_dir, "--format", "ndjson").stdout, self.cat)
        export(self.data_dir, "-o", self.path("a.ndjson"))
        with open(self.path("a.ndjson"), "rb") as file:
            self.assertEqual(file.read(), self.cat)

    def test_one_frame_of_zstd(self):
        path = self.path("a.ndjson.zst")
        export(self.data_dir, "-o", path)
        listed = subprocess.run(["zstd", "-lv", path], stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL, check=True).stdout
        self.assertRegex(listed.decode(), r"# Zstandard Frames: 1\n")
        self.assertRegex(listed.decode(), r"Check: XXH64")
        text = subprocess.run(["zstdcat", path], stdout=subprocess.PIPE, check=True).stdout
        self.assertEqual(text, self.cat)

    def test_csv(self):
        text = export(self.data_dir, "--format", "csv").stdout.decode()
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
        lines = [json.loads(line) for line in self.cat.splitlines()]
        self.assertEqual([int(row["seq"]) for row in rows],
                         [line.get("seq", line.get("at")) for line in lines])
        for row, line in zip(rows, lines):
            self.assertEqual(row["ts"], line["ts"])
            self.assertEqual(row["dir"], line.get("dir", ""))
            self.assertEqual(row["event"], line.get("event", ""))
            self.assertEqual(row["re"], str(line.get("re", "")))
            self.assertEqual(row["bytes_b64"], line.get("bytes_b64", ""))
            self.assertEqual(json.loads(row["msg"] or "null"), line.get("msg"))
            if "event" in line:
                self.assertEqual(json.loads(row["line"]), line)
        self.assertEqual({row["method"] for row in rows}, {"", "mining.submit", "mining.notify"})
        self.assertEqual([row["end"] for row in rows if row["end"]], ["\\r\\n"])

    def test_filters_of_lines(self):
        out = export(self.data_dir, "--format", "ndjson", "--kind", "events").stdout
        self.assertEqual({json.loads(line)["event"] for line in out.splitlines()},
                         {"opened", "pool_connected"})
        out = export(self.data_dir, "--format", "ndjson", "-m", "submit", "-a").stdout
        self.assertEqual(len(out.splitlines()), 40)

    def test_masked(self):
        self.recording.say(self.session, UP,
                           b'{"id":2,"method":"mining.authorize","params":["a","secret"]}')
        self.recording.rotate()
        for form in ("ndjson", "csv"):
            out = export(self.data_dir, "--format", form, "--mask-passwords").stdout
            self.assertNotIn(b"secret", out)
            self.assertIn(b"xxxxxx", out)


    def test_masked_wherever_a_lenient_pool_reads_one(self):
        for line in LOGINS:
            self.recording.say(self.session, UP, line)
        self.recording.say_pieces(self.session, UP, [LOGINS[0][:-7], LOGINS[0][-7:]])
        self.recording.rotate()
        plain = export(self.data_dir, "--format", "ndjson").stdout
        self.assertEqual(self.said(plain).count(b"hunter2"), len(LOGINS) + 1)
        for form in ("ndjson", "ndjson.zst", "csv", "pcapng", "pcap"):
            path = self.path(f"masked.{form}")
            export(self.data_dir, "-o", path, "--format", form, "--mask-passwords")
            with open(path, "rb") as file:
                out = file.read()
            if form == "ndjson.zst":
                out = subprocess.run(["zstdcat", path], stdout=subprocess.PIPE, check=True).stdout
            if form == "csv":
                rows = csv.DictReader(io.StringIO(out.decode(), newline=""))
                out += b"".join(base64.b64decode(row["bytes_b64"]) for row in rows)
            elif form.startswith("ndjson"):
                self.assertEqual(len(self.said(out)), len(self.said(plain)))
                out += self.said(out)
            self.assertNotIn(b"hunter2", out, form)
            self.assertNotIn(b"nter2", out, form)
            self.assertIn(b"bj\xf6rn.b", out, form)
            self.assertIn(b"[withheld: may hold a password]xxx", out, form)
        rows = subprocess.run([program("hashscope"), "cat", "--table", "--data-dir", self.data_dir],
                              stdout=subprocess.PIPE, check=True).stdout
        self.assertNotIn(b"hunter2", rows)

    @staticmethod
    def said(ndjson):
        """The bytes of all messages, one behind the other."""
        encoded = b'"bytes_b64":"'
        return b"".join(
            base64.b64decode(line.split(encoded)[1].split(b'"')[0]) if encoded in line
            else line.split(b'"msg":')[-1][:-1] for line in ndjson.splitlines())


class OutputTest(Recorded):
    def test_a_pipe_gets_what_a_file_gets(self):
        self.talk(50)
        path = self.path("a.pcapng")
        export(self.data_dir, "-o", path)
        with open(path, "rb") as file:
            data = file.read()
        self.assertEqual(export(self.data_dir).stdout, data)
        self.assertEqual(export(self.data_dir, "-o", "-").stdout, data)
        self.assertEqual(self.left_behind(), ["a.pcapng"])
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o640)

    def test_nothing_to_export_is_an_empty_capture(self):
        self.talk(1)
        path = self.path("a.pcapng")
        export(self.data_dir, "-o", path, "--since", "2027-01-01")
        self.assertEqual(fields(path, "frame.number"), [])

    def test_a_full_disk(self):
        self.talk(500)
        self.refuses(1, "writing to /dev/full: No space left on device", "-o", "/dev/full")

        def small_files():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (10000, 10000))
        for name in ("a.pcapng", "a.csv", "a.ndjson"):
            with open(self.path(name), "wb") as file:
                file.write(b"old")
            self.refuses(1, f"writing to {self.path(name)}: File too large", "-o",
                         self.path(name), preexec_fn=small_files)
            with open(self.path(name), "rb") as file:
                self.assertEqual(file.read(), b"old")
        self.assertEqual(self.left_behind(), ["a.csv", "a.ndjson", "a.pcapng"])

    def test_a_folder_that_is_not_there(self):
        self.talk(1)
        self.refuses(1, "No such file or directory", "-o", self.path("none/a.pcapng"))

    def test_a_closed_pipe(self):
        self.talk(4000)
        read, write = os.pipe()
        with subprocess.Popen([program("hashscope"), "export", "--data-dir", self.data_dir],
                              stdin=subprocess.DEVNULL, stdout=write,
                              stderr=subprocess.PIPE) as process:
            os.close(write)
            self.assertEqual(len(os.read(read, 100)), 100)
            os.close(read)
            said = process.stderr.read().decode()
        self.assertEqual(process.returncode, 1)
        self.assertEqual(said, "hashscope export: writing to standard output: nobody reads it any "
                               "more\n")

    def test_interrupted(self):
        self.talk(4000)
        for arguments in ((), ("-o", self.path("fifo"))):
            if arguments:
                os.mkfifo(self.path("fifo"))
            read, write = os.pipe()
            with subprocess.Popen([program("hashscope"), "export", "--data-dir", self.data_dir,
                                   *arguments], stdin=subprocess.DEVNULL, stdout=write,
                                  stderr=subprocess.PIPE) as process:
                os.close(write)
                if arguments:
                    os.close(read)
                    read = os.open(self.path("fifo"), os.O_RDONLY)
                self.assertEqual(len(os.read(read, 100)), 100)
                process.send_signal(signal.SIGTERM)
                self.assertEqual(process.wait(PATIENCE), 1)
                self.assertIn(b"interrupted", process.stderr.read())
            os.close(read)

    def test_no_packets_on_a_terminal(self):
        self.talk(1)
        for form, code in (("pcapng", 2), ("ndjson.zst", 2), ("csv", 0)):
            terminal = Terminal(self.folder, ["export", "--data-dir", self.data_dir, "--format",
                                              form])
            self.assertEqual(terminal.wait(), code)
            terminal.close()
            text = b"this is no text for a terminal" if code else b"mining.submit"
            self.assertIn(text, terminal.output)

    def test_progress_on_a_terminal(self):
        self.talk(2000)
        terminal = Terminal(self.folder, ["export", "--data-dir", self.data_dir, "-o",
                                          self.path("a.pcapng")])
        self.assertEqual(terminal.wait(), 0)
        terminal.close()
        self.assertRegex(terminal.output.decode(), r"4000 messages, \d+\.\d MB, \d+/s, .* MB/s")
        quiet = Terminal(self.folder, ["export", "--data-dir", self.data_dir, "-q", "-o",
                                       self.path("a.pcapng")])
        self.assertEqual(quiet.wait(), 0)
        quiet.close()
        self.assertEqual(quiet.output, b"")

    def test_a_damaged_frame(self):
        self.talk(3)
        self.talk(3)
        folder = self.recording.folder
        path = os.path.join(folder, sorted(os.listdir(folder))[1])
        with open(path, "r+b") as file:
            file.seek(150)
            byte = file.read(1)
            file.seek(150)
            file.write(bytes([byte[0] ^ 0xff]))
        run = export(self.data_dir, "-o", self.path("a.pcapng"), check=False)
        self.assertEqual(run.returncode, 1)
        self.assertIn(path, run.stderr.decode())
        self.assertEqual(len(fields(self.path("a.pcapng"), "frame.number",
                                    display="tcp.len > 0")), 6)

    def test_what_makes_no_sense(self):
        self.talk(1)
        self.refuses(2, "go with packets", "--format", "csv", "--filter", "tcp")
        self.refuses(2, "--kind goes with lines", "--kind", "events")
        self.refuses(2, "--from-now goes with --follow", "--from-now")
        self.refuses(2, "--follow goes on without end", "--follow", "--until", "now")
        self.refuses(2, "--follow or --series", "--follow", "--series", "1f2e3d4c5b6a7988")
        self.refuses(2, "--session zzzzz", "--session", "zzzzz")
        self.refuses(1, "no session begins or ends with", "--session", "ffffffff")
        run = subprocess.run([program("hashscope"), "export", "--data-dir", self.path("none")],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        self.assertEqual((run.returncode, run.stdout), (1, b""))
        self.assertTrue(run.stderr.startswith(b"hashscope export: "), run.stderr)


if __name__ == "__main__":
    unittest.main()
