"""The `hashscope` front and its commands: exact words, and each against a real recorder."""
import contextlib
import json
import os
import socket
import subprocess
import threading
import unittest

from tests.integration.front import FrontCase, Terminal, WithRecorder, environment
from tests.integration.harness import program, wait_until

HELP = """\
Usage: hashscope COMMAND [OPTION...]
Sees, keeps and shows everything that miners and their pool say to each other.

  up          start everything: the recorder, or a demo without a pool
  record      relay miners to their pool and keep every message
  api         serve what was recorded to browsers and scripts
  tail        follow the messages as they pass
  cat         print what was recorded
  export      what was recorded, for Wireshark and other tools
  import      turn captures of others into recordings
  wireshark   install the Stratum dissector and live capture in Wireshark
  ls          list sessions or segment files
  info        tell what a segment file holds
  verify      say what is damaged or missing
  repair      make a damaged segment file anew
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
                            "'tail'?"), ("statsu", ", did you mean 'status'?"), ("dance", ""), ("frob", ""),
                            ("\x1b[31m" * 99, ""), ("", "")):
            self.assertEqual(self.run_front(name),
                             (2, "", f"hashscope: unknown command '{name}'{guess}\n{HINT}"))

    def test_the_beginning_of_a_flag_is_not_taken_for_it(self):
        for arguments, told, meant in (
                (("sim", "pool", "--port", "3333"), "--port", "--port-file"),
                (("cat", "--since=now", "--work=x"), "--work", "--worker"),
                (("up", "--listen", "1"), "--listen", "--listen-host")):
            code, out, err = self.run_front(*arguments)
            name = "hashscope " + " ".join(arguments[:2] if arguments[0] == "sim" else arguments[:1])
            self.assertEqual((code, out, err), (
                2, "", f"{name}: unrecognized option '{told}', did you mean '{meant}'?\n"
                       f"Try `{name} --help' for more information.\n"))
        # A value that looks like one is a value.
        code, out, err = self.run_front("cat", "-w", "--work", "--data-dir", "gone")
        self.assertNotIn("unrecognized", err)

    def test_every_command_has_help(self):
        for line in HELP.splitlines()[3:18]:
            name = line.split()[0]
            code, out, err = self.run_front(name, "--help")
            self.assertEqual((code, err), (0, ""), name)
            self.assertIn("Usage: hashscope", out, name)
            if name != "sim":
                self.assertIn("--data-dir", out, name)

    def test_usage_of_commands_without_arguments(self):
        for name in ("status", "sessions", "rotate", "stop"):
            code, out, _ = self.run_front(name, "--help")
            self.assertEqual((code, out.split("\n")[0]),
                             (0, f"Usage: hashscope {name} [OPTION...]"))

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

    def test_exit_codes_are_told(self):
        for name in ("tail", "cat", "ls", "info", "verify", "repair"):
            self.assertIn("Exit codes: 0 ", " ".join(self.run_front(name, "--help")[1].split()))


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

    def test_sessions_are_a_line_each_on_every_terminal(self):
        for columns in (80, 300):
            terminal = self.keep(Terminal(self.folder, ("sessions", "--data-dir", self.data_dir), columns,
                                          {"NO_COLOR": "1"}))
            self.assertEqual(terminal.wait(), 0)
            titles, row = terminal.output.decode().splitlines()
            self.assertLessEqual(len(row), columns)
            self.assertEqual(titles.split()[:2], ["NUMBER", "STATE"])
            self.assertEqual((row.split()[:2], row.split()[4]), (["1", "open"], self.miner.address))
            self.assertEqual(row.split()[-1] == json.loads(self.ask("sessions")[1])["session"], columns == 300)

    def test_inject(self):
        request = self.spawn("inject", "1", '{"method":"mining.get_transactions","params":["1f"]}',
                             "--data-dir", self.data_dir)
        asked = self.upstream.read_json()
        self.assertEqual(asked["method"], "mining.get_transactions")
        self.upstream.send_json({"id": asked["id"], "result": [], "error": None})
        self.assertEqual(request.wait(), 0, request.text())
        self.assertEqual(json.loads(request.json()[0]["answer"])["result"], [])
        self.assertTrue(self.miner.is_silent())
        request = self.spawn("inject", "1", '{"method":"mining.get_transactions","params":["1f"]}',
                             "--data-dir", self.data_dir)
        number = self.upstream.read_json()["id"]
        said = b'{"id":%d,"result":["a\0b"],"error":null}' % number
        self.upstream.send(said + b"\n")
        self.assertEqual(request.wait(), 0, request.text())
        self.assertEqual(request.json()[0]["answer"].encode(), said)
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


NASTY = "a\x1b[2Jb\rc\x9bd\u202ee\u200b\x00f"
SEEN = r"a\u001b[2Jb\u000dc\u009bd‹U+202E›e‹U+200B›\u0000f"


class Deceit(FrontCase):
    """Texts that others chose neither steer a terminal nor look like another."""

    def answer(self, *answers):
        """A recorder on self.data_dir that says this."""
        path = os.path.join(self.data_dir, "live", "control.sock")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(listener.close)
        listener.bind(path)
        listener.listen()

        def serve():
            said = [*map(json.dumps, answers)]
            with contextlib.suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    with client:
                        client.recv(4096)
                        client.sendall("\n".join([*said, '{"done":true}', ""]).encode())
                        said = []
                        client.recv(4096)

        thread = threading.Thread(target=serve)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(listener.shutdown, socket.SHUT_RDWR)

    def seen(self, *arguments, code=0):
        terminal = self.keep(Terminal(self.folder, (*arguments, "--data-dir", self.data_dir), 400))
        self.assertEqual(terminal.wait(), code, terminal.output)
        text = terminal.output.decode()
        self.assertFalse(set("\x1b\x9b\u202e\u200b\0") & set(text.replace("\x1b[", "")), repr(text))
        self.assertNotIn("\x1b[2J", text)
        return text

    def test_status(self):
        self.answer({"pid": 1, "routes": [{"route": NASTY, "listen": NASTY, "pools": [NASTY, NASTY]}],
                     "archive": {"degraded": True, "reason": NASTY, "file": NASTY},
                     "housekeeping": {"recompress_paused": NASTY}})
        self.assertEqual(self.seen("status").count(SEEN), 7)

    def test_sessions(self):
        self.answer({"number": 1, "state": NASTY, "miner": "m", "pool": "p", "session": NASTY, "by": "x",
                     "reason": NASTY})
        self.assertGreaterEqual(self.seen("sessions").count(SEEN[:-7]), 1)

    def test_refusals(self):
        self.answer({"error": NASTY})
        self.assertEqual(self.seen("stop", code=1), f"hashscope stop: {SEEN}\r\n")


class Names(WithRecorder):
    def test_a_name_is_harmless_wherever_it_is_shown(self):
        self.miner.send(json.dumps({"id": 1, "method": "mining.subscribe", "params": [NASTY]}).encode()
                        + b"\n" + json.dumps({"id": 2, "method": "mining.authorize",
                                             "params": [NASTY, "x"]}, ensure_ascii=False).encode() + b"\n")
        wait_until(lambda: self.recorder.counters()["messages_archived"] >= 2, "written")
        for arguments in (("ls",), ("cat",), ("tail", "--no-follow"), ("sessions",), ("status",),
                          ("ls", "--segments"), ("ls", "--worker", NASTY[:1])):
            terminal = self.keep(Terminal(self.folder, (*arguments, "--data-dir", self.data_dir), 400,
                                          {"NO_COLOR": "1"}))
            self.assertEqual(terminal.wait(), 0, terminal.output)
            text = terminal.output.decode()
            self.assertFalse(set("\x1b\x9b\u202e\u200b\0") & set(text), repr((arguments, text)))
        listed = subprocess.run(  # Wireshark's choice of sessions
            [program("hashscope-extcap"), "--extcap-interface", "hashscope_archive", "--extcap-config",
             "--extcap-reload-option", "session", "--data-dir", self.data_dir], stdout=subprocess.PIPE,
            cwd=self.folder, env=environment(), text=True, check=True, timeout=60).stdout
        self.assertIn("a\\u001b[2Jb", listed)
        self.assertFalse(set("\x1b\x9b\u202e\u200b\0") & set(listed), repr(listed))


if __name__ == "__main__":
    unittest.main()
