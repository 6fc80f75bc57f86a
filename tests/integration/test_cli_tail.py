"""`hashscope tail`, and `cat` beside a running recorder."""
import json
import os
import re
import shutil
import signal
import subprocess
import unittest

from tests.integration.front import Terminal, WithRecorder, environment
from tests.integration.harness import program, wait_until


class Showing(WithRecorder):
    def lines(self, *arguments):
        code, out, err = self.ask(*arguments)
        self.assertEqual((code, err), (0, ""))
        return out.splitlines()

    def test_tail_prints_what_the_archive_will_hold(self):
        self.small_talk()
        self.wait_recorded(6)
        tail = self.lines("tail", "--no-follow", "-n", 100)
        archive = self.finish(self.recorder)
        written = self.lines("cat")
        self.assertEqual(len(tail), 8)  # six messages, opened, pool_connected
        self.assertEqual(tail, [line for line in written
                                if '"event":"state"' not in line
                                and '"event":"closed"' not in line])
        self.assertEqual(len(written), len(archive.lines))

    def test_newest_first_n(self):
        self.small_talk()
        self.wait_recorded(6)
        newest = self.lines("tail", "--no-follow", "-n", 2)
        self.assertEqual([json.loads(line)["msg"]["id"] for line in newest], [3, 3])
        self.assertEqual(self.lines("tail", "--no-follow", "-n", 0), [])
        number = json.loads(newest[0])["seq"]
        self.assertEqual(self.lines("tail", "--no-follow", "--after", number), newest[1:])

    def check_filters(self, *command):
        def found(*arguments):
            return [(line["dir"], line["msg"]["id"])
                    for line in map(json.loads, self.lines(*command, *arguments))]
        up, down = "miner_to_pool", "pool_to_miner"
        self.assertEqual(found("--method", "submit"), [(up, 2), (up, 3)])
        self.assertEqual(found("-m", "submit", "-a"), [(up, 2), (down, 2), (up, 3), (down, 3)])
        self.assertEqual(found("-m", "mining.submit,x", "-d", up), [(up, 2), (up, 3)])
        self.assertEqual(found("--errors"), [(down, 3)])
        self.assertEqual(found("--errors", "--method", "submit"), [(down, 3)])
        self.assertEqual(found("--errors", "--method", "authorize"), [])
        self.assertEqual(found("--grep", "Stale"), [(down, 3)])
        self.assertEqual(len(found("--worker", "rig.7", "--dir", down)), 3)
        self.assertEqual(found("--peer", self.miner.address, "-m", "authorize"), [(up, 1)])
        self.assertEqual(found("--since", "-1h", "-k", "messages", "-e"), [(down, 3)])
        session = json.loads(self.lines("sessions")[0])["session"]
        self.assertEqual(len(found("-s", session[-6:], "-d", up)), 3)
        self.assertEqual(len(found("-s", session[:8], "-d", up)), 3)
        self.assertEqual(self.ask(*command, "-s", "ffffffff")[0], 1)

    def test_filters(self):
        self.small_talk()
        wait_until(lambda: self.recorder.counters()["messages_archived"] >= 6, "written")
        self.check_filters("tail", "--no-follow", "-n", 100)
        self.check_filters("cat")

    def test_rows(self):
        self.small_talk()
        self.upstream.send(b'{"id":null,"method":"client.show_message","params":["\\u001b[2Jx"]}\n'
                           b'\x1b[31mno JSON\n')
        self.wait_recorded(8)
        rows = self.lines("tail", "--no-follow", "-n", 6, "--table")
        self.assertEqual([row.split(None, 2)[2] for row in rows[:4]],
                         ["rig.7              → submit           job 1f, nonce 0badcafe",
                          rows[1].split(None, 2)[2],
                          "rig.7              → submit           job 1f, nonce 0badcafe",
                          rows[3].split(None, 2)[2]])
        self.assertRegex(rows[1], r"^\d\d:\d\d:\d\d\.\d{3}  [0-9a-f]{6}  rig\.7 {13} ← accepted +"
                                  r"\d+\.\d ms$")
        self.assertRegex(rows[3], r"← rejected +21 Stale share, \d+\.\d ms$")
        self.assertRegex(rows[5], r"← not JSON +\d+ bytes")
        self.assertNotIn("\x1b", "".join(rows))

    def test_hidden_characters_and_long_methods_in_rows(self):
        """A name must not look like another, and a method stands there as it is called."""
        self.small_talk()
        method = "mining.extranonce.subscribe_with_all"
        self.miner.send(f'{{"id":7,"method":"{method}","params":["\u202egir\u200b\u00ad","é鉱"]}}\n'
                        '{"id":8,"method":"mining.\\u2066x\U000e0041","params":[]}\n'.encode())
        self.wait_recorded(8)
        rows = self.lines("tail", "--no-follow", "-n", 2, "--table")
        self.assertRegex(rows[0], method[7:] + r' \["‹U\+202E›gir‹U\+200B›‹U\+00AD›","é鉱"\]$')
        self.assertRegex(rows[1], r"→ ‹U\+2066›x‹U\+E0041› +\[\]$")
        long = self.keep(Terminal(self.folder, ("tail", "--no-follow", "-n", 2, "--data-dir",
                                                self.data_dir), 70, {"NO_COLOR": "1"}))
        self.assertEqual(long.wait(), 0)
        for line in long.output.decode().splitlines():
            self.assertLessEqual(len(line), 70)

    def test_no_password_in_rows(self):
        self.small_talk()
        self.wait_recorded(6)
        self.assertNotIn("secret", "".join(self.lines("tail", "--no-follow", "--table")))

    def test_colors_and_width(self):
        self.small_talk()
        self.wait_recorded(6)
        arguments = ("tail", "--no-follow", "--data-dir", self.data_dir)
        terminal = self.keep(Terminal(self.folder, arguments, columns=60))
        self.assertEqual(terminal.wait(), 0)
        self.assertIn(b"\x1b[31mrejected\x1b[0m", terminal.output)
        plain = self.keep(Terminal(self.folder, arguments, 60, {"NO_COLOR": "1"}))
        self.assertEqual(plain.wait(), 0)
        self.assertNotIn(b"\x1b", plain.output)
        for line in plain.output.decode().splitlines():
            self.assertLessEqual(len(line), 60)

    def test_follows_over_a_restart(self):
        tail = self.spawn("tail", "--data-dir", self.data_dir, "-n", 0)
        wait_until(lambda: self.try_follow(tail), "it follows")
        port = self.recorder.port
        self.assertEqual(self.recorder.kill(), -signal.SIGKILL)
        self.start(self.pool, LISTEN_PORT=port)
        with self.connect(None, port).socket:
            self.keep(self.pool.accept())
            wait_until(lambda: sum(line.get("event") == "opened" for line in tail.json()) >= 1,
                       "the new session")
        self.assertEqual(tail.stop(signal.SIGINT), 0)
        numbers = [line["seq"] for line in tail.json() if "seq" in line]
        self.assertEqual(numbers, sorted(set(numbers)))

    def try_follow(self, tail):
        self.submit(7, b'"result":true,"error":null')
        return tail.out

    def test_waits_for_a_recorder(self):
        data_dir = os.path.join(self.folder, "later")
        tail = self.spawn("tail", "--data-dir", data_dir)
        tail.wait_text("waiting for a recorder")
        miner = self.connect(self.start(self.pool, DATA_DIR=data_dir))
        tail.wait_lines(1)
        self.assertEqual((tail.json()[0]["event"], tail.json()[0]["miner"]),
                         ("opened", miner.address))
        self.assertEqual(tail.stop(), 0)

    def test_a_slow_reader_misses_nothing(self):
        tail = self.spawn("tail", "--data-dir", self.data_dir, "--kind", "messages")
        wait_until(lambda: self.try_follow(tail), "it follows")
        tail.send(signal.SIGSTOP)
        line = b'{"id":1,"params":"' + b"x" * 1000000 + b'"}\n'
        for _ in range(40):  # more than the ring's 32 MiB
            self.miner.send(line)
            self.upstream.skip(len(line))
        self.recorder.wait_counter("messages_archived", 42)
        self.say(b'{"id":9,"method":"last"}\n', b'{"id":9,"result":true}\n')
        tail.send(signal.SIGCONT)
        wait_until(lambda: tail.out and '"id":9,"result"' in tail.out[-1], "the last line")
        numbers = [json.loads(line)["seq"] for line in tail.out]
        self.assertEqual(numbers, list(range(numbers[0], numbers[0] + len(numbers))))
        self.assertEqual(tail.stop(), 0)

    def test_a_miner_that_comes_later_is_found_by_its_worker(self):
        tail = self.spawn("tail", "--data-dir", self.data_dir, "--worker", "late", "-m", "submit")
        wait_until(lambda: self.has_open_file(tail.pid, "live/ring"), "it follows")
        miner, upstream = self.join(self.recorder, self.pool)
        for line in (b'{"id":1,"method":"mining.authorize","params":["late.1","x"]}\n',
                     b'{"id":2,"method":"mining.submit","params":["late.1","a","b","c","d"]}\n'):
            miner.send(line)
            upstream.read(len(line))
            answer = line[:7] + b',"result":true,"error":null}\n'
            upstream.send(answer)
            miner.read(len(answer))
        self.small_talk()
        tail.wait_lines(1)
        self.assertEqual(tail.stop(), 0)
        self.assertEqual([line["msg"]["params"][0] for line in tail.json()], ["late.1"])

    @staticmethod
    def has_open_file(pid, name):
        with open(f"/proc/{pid}/maps", encoding="ascii") as file:
            return name in file.read()

    def test_begins_where_it_is_told(self):
        self.small_talk()
        self.wait_recorded(6)
        tail = ("tail", "--no-follow", "--kind", "messages")
        everything = self.lines(*tail, "--since", "-1h")
        self.assertEqual(len(everything), 6)
        self.assertEqual(self.lines(*tail, "--first-seq", 5), everything[2:])
        self.assertEqual(self.lines(*tail, "--since", "-1h", "-n", 2), everything[4:])
        self.assertEqual(self.lines(*tail, "--since", "-1h", "--until", "-30m"), [])
        self.assertEqual(self.lines(*tail, "-n", 1, "-m", "submit", "--answers"), everything[4:])

    def test_refusals(self):
        for arguments, words in (
                (("--until", "now"), "--until goes with --no-follow; `hashscope cat' shows what "
                                     "has been"),
                (("-f", "--no-follow"), "--follow or --no-follow, not both"),
                (("--since", "soon", "--no-follow"), "--since soon: expected a time such as "
                 "2026-11-22T13:53:01Z, 2026-11-22 13:53, 2026-11-22, 13:53, -2h, -1d12h, now, "
                 "today or yesterday"),
                (("--dir", "up"), "--dir up: expected miner_to_pool, pool_to_miner, "
                 "hashscope_to_pool or pool_to_hashscope")):
            self.assertEqual(self.ask("tail", *arguments), (2, "", f"hashscope tail: {words}\n"))

    def test_no_recorder(self):
        code, out, err = self.run_front("tail", "--no-follow", "--data-dir", "nowhere")
        self.assertEqual((code, out, err), (1, "", "hashscope tail: waiting for a recorder (no "
                                                   "nowhere/live/ring)\n"))

    def test_no_recorder_can_ever_be_there(self):
        """A file in place of the data directory: neither waits."""
        path = os.path.join(self.folder, "file")
        with open(path, "wb"):
            pass
        for command in ("tail",), ("export", "--follow", "--output", "all.pcapng"):
            code, out, err = self.run_front(*command, "--data-dir", path)
            self.assertEqual((code, out, err), (1, "", f"hashscope {command[0]}: {path}/live/ring: Not a directory\n"))

    def test_cat_reads_what_has_just_been_said(self):
        for number in range(2, 6):
            self.submit(number, b'"result":true,"error":null')
            self.wait_recorded(2 * number - 2)
            self.assertEqual(json.loads(self.lines("cat")[-1])["msg"]["id"], number)

    def test_ls_beside_the_recorder(self):
        self.small_talk()
        self.wait_recorded(6)
        session = json.loads(self.lines("ls")[0])
        self.assertEqual([session[key] for key in ("miner", "workers", "submits", "accepted",
                                                   "rejected", "state", "live")],
                         [self.miner.address, ["rig.7"], 2, 1, 1, "open", True])
        self.assertEqual(session["messages"]["miner_to_pool"], 3)

    def test_verify_beside_the_recorder(self):
        self.small_talk()
        self.wait_archived(6)
        *_, sums = map(json.loads, self.lines("verify"))
        self.assertEqual((sums["files"], sums["damaged"], sums["missing"]), (1, 0, 0))
        code, out, err = self.ask("repair", self.open_file())
        self.assertEqual((code, out), (1, ""))
        self.assertIn("recorder", err)

    def open_file(self):
        return wait_until(lambda: json.loads(self.lines("ls", "--segments")[0])["file"], "a file")

    def test_ends_when_nobody_reads(self):
        reading, writing = os.pipe()
        tail = self.spawn("tail", "--data-dir", self.data_dir, stdout=writing)
        os.close(writing)
        self.assertIn(b"opened", os.read(reading, 1000))
        os.close(reading)
        self.assertEqual(tail.wait(), 0)

    def test_raw_bytes(self):
        up = [b'{"id":1,"method":"mining.authorize","params":["a","b"]}\r\n', b"\n", b"no JSON\n",
              b'{"a":"\xff"}\n', b"x" * 300000 + b"\r\n", b"{}\r\r\n", b"the rest"]
        down = [b'{"id":1,"result":true}\n', b'{"id":null}']
        for chunk in up:
            self.miner.send(chunk)
        for chunk in down:
            self.upstream.send(chunk)
        self.miner.end()
        self.upstream.end()
        self.assertEqual(self.upstream.read_end(), b"".join(up))
        self.assertEqual(self.miner.read_end(), b"".join(down))
        session = self.finish(self.recorder).session_of(self.miner.address)
        for direction, sent in (("miner_to_pool", up), ("pool_to_miner", down)):
            done = subprocess.run([program("hashscope"), "cat", "--raw", "--session", session,
                                   "--dir", direction], cwd=self.folder, env=environment(),
                                  stdout=subprocess.PIPE, check=True)
            self.assertEqual(done.stdout, b"".join(sent))

    def test_lines_that_stand_in_two_files(self):
        self.small_talk()
        self.wait_recorded(6)
        path = self.finish(self.recorder).paths[0]
        once = self.lines("cat", path)
        again = re.sub("-([0-9]{8})\\.ndjson", "-00000009.ndjson", path)
        shutil.copyfile(path, again)
        self.assertEqual(self.lines("cat", path, again), once + once)
        self.assertEqual(self.lines("cat", "--data-dir", self.data_dir), once)


if __name__ == "__main__":
    unittest.main()
