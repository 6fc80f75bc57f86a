"""The `hashscope` front and its commands: exact words, and each against a real recorder."""
import json
import os
import re
import shutil
import signal
import subprocess
import unittest

from tests.integration.front import FrontCase, Terminal, environment
from tests.integration.harness import program, wait_until

HELP = """\
Usage: hashscope COMMAND [OPTION...]
Sees, keeps and shows everything that miners and their pool say to each other.

  up          start everything: the recorder, or a demo without a pool
  record      relay miners to their pool and keep every message
  tail        follow the messages as they pass
  cat         print what was recorded
  status      what the recorder is doing
  sessions    list the sessions
  inject      send a line of ours to a session's pool
  disconnect  close a session
  rotate      begin a new segment file
  stop        stop the recorder
  sim         a simulated pool or simulated miners

`hashscope COMMAND --help' tells the options of a command. Settings are the same for
all: flags, environment variables, or lines of ./.env.
"""
HINT = "Try `hashscope --help' for a list of commands.\n"


class Words(FrontCase):
    def test_help(self):
        for arguments in (("--help",), ("-h",), ("help",)):
            self.assertEqual(self.run_front(*arguments), (0, HELP, ""))

    def test_no_command(self):
        self.assertEqual(self.run_front(), (2, "", HELP))

    def test_version(self):
        code, out, err = self.run_front("--version")
        self.assertEqual((code, err), (0, ""))
        self.assertRegex(out, r"^HashScope \d+\.\d+\.\d+\n$")

    def test_unknown_command(self):
        for name, guess in (("recrod", ", did you mean 'record'?"), ("tial", ", did you mean "
                            "'tail'?"), ("statsu", ", did you mean 'status'?"), ("dance", ""),
                            ("\x1b[31m" * 99, ""), ("", "")):
            self.assertEqual(self.run_front(name),
                             (2, "", f"hashscope: unknown command '{name}'{guess}\n{HINT}"))

    def test_every_command_has_help(self):
        for line in HELP.splitlines()[3:14]:
            name = line.split()[0]
            code, out, err = self.run_front(name, "--help")
            self.assertEqual((code, err), (0, ""), name)
            self.assertIn("Usage: hashscope", out, name)
            if name != "sim":
                self.assertIn("--data-dir", out, name)

    def test_no_recorder(self):
        for arguments in (("status",), ("sessions",), ("inject", "1", "{}"), ("disconnect", "1"),
                          ("rotate",), ("stop",)):
            self.assertEqual(self.run_front(*arguments, "--data-dir", "nowhere"),
                             (1, "", f"hashscope {arguments[0]}: no recorder is running on "
                                     "nowhere\n"))

    def test_missing_arguments(self):
        self.assertEqual(self.run_front("inject", "1"),
                         (2, "", "hashscope inject: expected SESSION LINE\n"
                                 "Try `hashscope inject --help' for more information.\n"))
        self.assertEqual(self.run_front("disconnect"),
                         (2, "", "hashscope disconnect: expected SESSION\n"
                                 "Try `hashscope disconnect --help' for more information.\n"))

    def test_sim_wants_pool_or_miner(self):
        for arguments, words in (((), "pool or miner?"),
                                 (("farm",), "there are only pool and miner")):
            code, out, err = self.run_front("sim", *arguments)
            self.assertEqual((code, out), (2, ""))
            self.assertTrue(err.startswith(f"hashscope sim: {words}\nUsage: hashscope sim pool"))

    def test_record_becomes_the_recorder(self):
        code, out, err = self.run_front("record")
        self.assertEqual((code, out), (2, ""))
        self.assertIn("POOL_HOST", err)

    def test_view_options(self):
        for command in ("tail", "cat"):
            self.assertEqual(self.run_front(command, "--dir", "up"),
                             (2, "", f"hashscope {command}: --dir up: expected miner_to_pool, "
                                     "pool_to_miner, hashscope_to_pool or pool_to_hashscope\n"))
        self.assertEqual(self.run_front("cat", "--raw"),
                         (2, "", "hashscope cat: --raw wants --session and --dir\n"))


class WithRecorder(FrontCase):
    """A recorder between a miner and a pool, both of the harness."""

    def setUp(self):
        super().setUp()
        self.pool = self.new_pool()
        self.recorder = self.start(self.pool)
        self.miner, self.upstream = self.join(self.recorder, self.pool)

    def ask(self, *arguments):
        return self.run_front(*arguments, "--data-dir", self.data_dir)

    def say(self, line, answer):
        self.miner.send(line)
        self.upstream.read(len(line))
        self.upstream.send(answer)
        self.miner.read(len(answer))

    def submit(self, number, answer):
        self.say(b'{"id":%d,"method":"mining.submit","params":["rig.7","1f","00","65","0badcafe"]}\n'
                 % number, b'{"id":%d,%s}\n' % (number, answer))

    def small_talk(self):
        self.say(b'{"id":1,"method":"mining.authorize","params":["rig.7","secret"]}\n',
                 b'{"id":1,"result":true,"error":null}\n')
        self.submit(2, b'"result":true,"error":null')
        self.submit(3, b'"result":null,"error":[21,"Stale share",null]')

    def wait_recorded(self, count):
        self.recorder.wait_counter("messages", count)


class Control(WithRecorder):
    def test_status(self):
        code, out, err = self.ask("status")
        self.assertEqual((code, err), (0, ""))
        status = json.loads(out)
        self.assertEqual((status["pid"], status["sessions_open"]), (self.recorder.pid, 1))

    def test_sessions_and_disconnect(self):
        code, out, _ = self.ask("sessions")
        session = json.loads(out)
        self.assertEqual((code, session["miner"]), (0, self.miner.address))
        self.assertEqual(self.ask("disconnect", session["number"]), (0, '{"ok":true}\n', ""))
        self.miner.read_any_end()
        self.recorder.wait_sessions(0)
        self.assertEqual(self.ask("sessions"), (0, "", ""))
        closed = json.loads(self.ask("sessions", "--all")[1])
        self.assertEqual((closed["state"], closed["by"]), ("closed", "hashscope"))
        self.assertEqual(self.ask("disconnect", session["session"])[0], 1)

    def test_inject(self):
        request = self.spawn("inject", "1", '{"method":"mining.get_transactions","params":["1f"]}',
                             "--data-dir", self.data_dir)
        asked = self.upstream.read_json()
        self.assertEqual(asked["method"], "mining.get_transactions")
        self.upstream.send_json({"id": asked["id"], "result": [], "error": None})
        self.assertEqual(request.wait(), 0, request.text())
        self.assertEqual(json.loads(request.json()[0]["answer"])["result"], [])
        self.assertTrue(self.miner.is_silent())
        code, out, err = self.ask("inject", "1", "no JSON")
        self.assertEqual((code, out), (1, ""))
        self.assertTrue(err.startswith("hashscope inject: "), err)

    def test_rotate_and_stop(self):
        self.small_talk()
        wait_until(lambda: self.recorder.counters()["messages_archived"] >= 6, "written")
        self.assertEqual(self.ask("rotate"), (0, '{"ok":true}\n', ""))
        self.submit(9, b'"result":true,"error":null')
        self.assertEqual(self.ask("stop"), (0, '{"ok":true}\n', ""))
        self.assertEqual(self.recorder.wait_exit(), 0)
        self.assertEqual(len(self.read_archive().paths), 2)

    def test_tables_on_a_terminal(self):
        for arguments, words in ((("status",), b"sessions   1 open of"),
                                 (("sessions",), self.miner.address.encode()),
                                 (("rotate",), b"the next line begins a new segment")):
            terminal = self.keep(Terminal(self.folder, (*arguments, "--data-dir", self.data_dir)))
            self.assertEqual(terminal.wait(), 0)
            self.assertIn(words, terminal.output)
        terminal = self.keep(Terminal(self.folder, ("status", "--json", "--data-dir",
                                                    self.data_dir)))
        self.assertEqual(terminal.wait(), 0)
        self.assertEqual(json.loads(terminal.output)["pid"], self.recorder.pid)


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
        self.assertEqual(found("--method", "submit"), [(up, 2), (down, 2), (up, 3), (down, 3)])
        self.assertEqual(found("-m", "mining.submit", "-d", up), [(up, 2), (up, 3)])
        self.assertEqual(found("--errors"), [(down, 3)])
        self.assertEqual(len(found("--session", "rig.7", "--dir", down)), 3)
        session = json.loads(self.lines("sessions")[0])["session"]
        self.assertEqual(len(found("-s", session[-6:], "-d", up)), 3)
        self.assertEqual(len(found("-s", session[:8], "-d", up)), 3)
        self.assertEqual(found("-s", "ffffffff", "-d", up), [])

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
        rows = self.lines("tail", "--no-follow", "-n", 6, "--text")
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

    def test_no_password_in_rows(self):
        self.small_talk()
        self.wait_recorded(6)
        self.assertNotIn("secret", "".join(self.lines("tail", "--no-follow", "--text")))

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

    def test_says_how_many_it_missed(self):
        tail = self.spawn("tail", "--data-dir", self.data_dir)
        tail.wait_lines(1)
        tail.send(signal.SIGSTOP)
        line = b'{"id":1,"params":"' + b"x" * 1000000 + b'"}\n'
        for _ in range(40):  # more than the ring's 32 MiB
            self.miner.send(line)
            self.upstream.skip(len(line))
        self.wait_recorded(40)
        tail.send(signal.SIGCONT)
        gap = wait_until(lambda: [line for line in tail.json() if line.get("event") == "gap"],
                         "a gap line")[0]
        seen = [line["seq"] for line in tail.json() if "seq" in line]
        self.assertEqual(gap["at"] - gap["first_lost"], gap["lost"])
        self.assertEqual(gap["first_lost"], max(n for n in seen if n < gap["at"]) + 1)
        self.assertEqual(tail.stop(), 0)

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

    def test_raw_of_nobody(self):
        self.finish(self.recorder)
        self.assertEqual(self.ask("cat", "--raw", "-s", "ffffffff", "-d", "miner_to_pool"),
                         (1, "", "hashscope cat: no session ffffffff (--raw takes no worker "
                                 "names)\n"))

    def test_lines_that_stand_in_two_files(self):
        self.small_talk()
        self.wait_recorded(6)
        path = self.finish(self.recorder).paths[0]
        once = self.lines("cat", path)
        again = re.sub("-([0-9]{8})\\.ndjson", "-00000009.ndjson", path)
        shutil.copyfile(path, again)
        self.assertEqual(self.lines("cat", path, again), once + once)
        self.assertEqual(self.lines("cat", "--data-dir", self.data_dir), once)

    def test_damaged_file(self):
        self.small_talk()
        self.wait_recorded(6)
        path = self.finish(self.recorder).paths[0]
        whole = self.lines("cat", path)
        with open(path, "r+b") as file:
            file.truncate(os.path.getsize(path) // 2)
        code, out, err = self.ask("cat", path)
        self.assertEqual(code, 1)
        self.assertTrue(err.startswith("hashscope cat: "), err)
        self.assertIn(path, err)
        self.assertEqual(out.splitlines(), whole[:len(out.splitlines())])
        with open(path, "wb") as file:
            file.write(b"not a segment")
        self.assertEqual(self.ask("cat", path)[:2], (1, ""))
        self.assertEqual(self.ask("cat", path + ".gone")[:2], (1, ""))


if __name__ == "__main__":
    unittest.main()
