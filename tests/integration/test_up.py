"""`hashscope up`: the demo and the real thing, what is watched over, and that nothing stays behind."""
import json
import os
import signal
import unittest

from tests.integration.front import FrontCase, Terminal
from tests.integration.harness import free_port, program, wait_until


class Up(FrontCase):
    def start_up(self, *arguments, **options):
        return self.spawn("up", "--listen-host", "127.0.0.1", "--listen-port", 0, "--ring-bytes",
                          "32M", *arguments, **options)

    def assert_nothing_left(self):
        wait_until(lambda: not self.processes_here(), "no process is left")

    def wait_event(self, up, text):
        wait_until(lambda: any(text in line for line in up.out), f"{text} in the output")

    def test_demo(self):
        up = self.start_up()
        self.wait_event(up, '"mining.submit"')
        self.wait_event(up, '"result":true')
        self.assertIn("because POOL_HOST is not set", up.text())
        self.assertEqual(up.json()[0]["event"], "opened")
        self.assertEqual(len(self.processes_here()), 6)
        self.assertEqual(up.stop(signal.SIGINT), 0, up.text())
        self.assertEqual(up.json()[-1]["event"], "closed")
        self.assert_nothing_left()
        archive = self.read_archive()
        self.assertEqual(sum(line.get("event") == "closed" for line in archive.lines), 3)

    def test_on_a_terminal(self):
        terminal = self.keep(Terminal(self.folder, ("up", "--listen-host", "127.0.0.1",
                                                    "--listen-port", 0, "--ring-bytes", "32M")))
        terminal.wait_output("← ".encode())
        terminal.wait_output(b"accepted")
        self.assertNotIn(b"recorder: listening", terminal.output)  # that is in the log
        terminal.process.send_signal(signal.SIGTERM)
        self.assertEqual(terminal.wait(), 0)
        self.assertIn(b"closed", terminal.output)
        with open(os.path.join(self.data_dir, "logs/recorder.log"), encoding="utf-8") as file:
            self.assertIn("listening", file.read())
        self.assert_nothing_left()

    def test_with_a_pool(self):
        pool = self.new_pool()
        up = self.start_up("--pool-host", "127.0.0.1", "--pool-port", pool.port)
        up.wait_text("is up\n")
        status = json.loads(self.run_front("status")[1])
        self.assertEqual(status["routes"][0]["pools"], [f"stratum+tcp://{pool.name}"])
        self.assertEqual(len(self.processes_here()), 4)  # up, recorder, API, tail
        self.assertEqual(up.stop(), 0)
        self.assert_nothing_left()

    def test_with_a_pool_and_no_miner_yet_it_says_how_to_bring_one(self):
        pool = self.new_pool()
        up = self.start_up("--pool-host", "127.0.0.1", "--pool-port", pool.port)
        up.wait_text("Ctrl-C")
        self.assertRegex(up.text(), r"  point a miner at it +stratum\+tcp://127\.0\.0\.1:\d+\n")
        self.assertIn("  waiting for a miner ", up.text())
        self.assertIn(f"  pool                      stratum+tcp://{pool.name}\n", up.text())
        self.assertEqual(up.stop(), 0)
        demo = self.start_up()
        demo.wait_text("Ctrl-C")
        self.assertNotIn("waiting for a miner", demo.text())
        self.assertEqual(demo.stop(), 0)

    def test_commands_are_told_as_a_shell_finds_them(self):
        binaries = os.path.dirname(program("hashscope"))
        for path, told in ((os.environ["PATH"], os.path.join(binaries, "hashscope")),
                           (binaries + ":" + os.environ["PATH"], "hashscope")):
            up = self.spawn("up", "--listen-host", "127.0.0.1", "--listen-port", 0, "--ring-bytes",
                            "32M", environ={"PATH": path})
            up.wait_text("Ctrl-C")
            self.assertIn(f" {told} up --pool-host HOST", up.text())
            self.assertEqual(up.stop(), 0)

    def test_settings_come_from_env_file_and_flags(self):
        with open(os.path.join(self.folder, "other.env"), "w", encoding="ascii") as file:
            file.write("MAX_SESSIONS=77\nPOOL_HOST=127.0.0.1\n")
        with open(os.path.join(self.folder, ".env"), "w", encoding="ascii") as file:
            file.write("MAX_SESSIONS=88\nPOOL_PORT=4\n")
        up = self.start_up("--env-file", "other.env", "--data-dir", "here", "--pool-port", 5)
        up.wait_text("is up\n")
        status = json.loads(self.run_front("status", "--data-dir", "here")[1])
        self.assertEqual(status["max_sessions"], 77)
        self.assertEqual(status["routes"][0]["pools"], ["stratum+tcp://127.0.0.1:5"])
        self.assertEqual(up.stop(), 0)

    def test_recorder_is_started_again(self):
        up = self.start_up("--listen-port", free_port())
        self.wait_event(up, '"mining.submit"')
        first = json.loads(self.run_front("status")[1])["pid"]
        os.kill(first, signal.SIGKILL)
        up.wait_text("the recorder ended by signal 9, starting it again in 0.5 s")
        seen = len(up.out)
        wait_until(lambda: any('"opened"' in line for line in up.out[seen:]), "the miners are back")
        self.assertNotEqual(json.loads(self.run_front("status")[1])["pid"], first)
        self.assertEqual(up.stop(), 0)
        self.assert_nothing_left()

    def test_nothing_survives_its_death(self):
        up = self.start_up()
        self.wait_event(up, '"mining.submit"')
        up.process.kill()
        self.assert_nothing_left()

    def test_ends_when_nobody_reads(self):
        reading, writing = os.pipe()
        up = self.start_up(stdout=writing)
        os.close(writing)
        self.assertIn(b"opened", os.read(reading, 1000))
        os.close(reading)
        self.assertEqual(up.wait(), 0)
        self.assert_nothing_left()

    def test_port_in_use(self):
        pool = self.new_pool()
        self.assertEqual(
            self.run_front("up", "--listen-host", "127.0.0.1", "--listen-port", pool.port),
            (1, "", f"hashscope up: port {pool.port} on 127.0.0.1 is in use by another program; "
                    "choose another with --listen-port (or LISTEN_PORT in .env)\n"))
        self.assertEqual(self.processes_here(), [])

    def test_tls_port_in_use(self):
        pool = self.new_pool()
        code, out, err = self.run_front("up", "--listen-host", "127.0.0.1", "--listen-port", 0,
                                        "--listen-tls-port", pool.port, "--routes",
                                        "127.0.0.1:0=127.0.0.1:4", "--pool-host", "127.0.0.1")
        self.assertEqual((code, out), (1, ""))
        self.assertEqual(err, f"hashscope up: port {pool.port} on 127.0.0.1 is in use by another "
                         "program; choose another with --listen-tls-port (or LISTEN_TLS_PORT in .env)\n")

    def test_one_recorder_a_directory(self):
        up = self.start_up()
        self.wait_event(up, '"opened"')
        code, out, err = self.run_front("up", "--listen-host", "127.0.0.1", "--listen-port", 0)
        self.assertEqual((code, out), (1, ""))
        self.assertIn("hashscope up: the recorder did not start\n", err)
        self.assertEqual(up.stop(), 0)

    def test_wrong_settings(self):
        for arguments in (("--listen-port", "x"), ("--listen-port", 0, "--pool-host", "ftp://x")):
            code, out, err = self.run_front("up", *arguments)
            self.assertEqual((code, out), (2, ""), err)
            self.assertIn("settings can't be used", err)
        self.assertEqual(self.processes_here(), [])

    def test_a_bad_flag_is_blamed_and_not_the_environment(self):
        for flag, value, name in (("--pool-host", "a b", "POOL_HOST"), ("--routes", "x", "ROUTES"),
                                  ("--data-group", "no-such-group", "DATA_GROUP")):
            code, _, err = self.run_front("up", "--listen-port", 0, flag, value)
            self.assertNotEqual(code, 0, err)
            self.assertNotIn("the environment", err)
            self.assertRegex(err, rf"{name} = .* \({flag}\)")
        code, _, err = self.run_front("up", "--listen-port", 0, environ={"POOL_HOST": "a b"})
        self.assertIn("(the environment)", err)
        with open(os.path.join(self.folder, ".env"), "w", encoding="ascii") as file:
            file.write("# ours\nLISTEN_PORT=0\nPOOL_HOST=\"a b\"\n")
        code, _, err = self.run_front("up")
        self.assertRegex(err, r'POOL_HOST = "a b" \(\.env, line 3\): ')
        code, _, err = self.run_front("up", "--pool-host", "c d")
        self.assertRegex(err, r'POOL_HOST = "c d" \(--pool-host\): ')

    def test_nostr_that_is_switched_on_is_said_to_do_nothing(self):
        up = self.spawn("up", "--listen-host", "127.0.0.1", "--listen-port", 0, "--ring-bytes",
                        "32M", environ={"NOSTR_ENABLED": "true"})
        up.wait_text("Ctrl-C")
        self.assertIn("NOSTR_ENABLED is true     and does nothing", up.text())
        self.assertEqual(up.stop(), 0)

    def test_directory_not_to_be_made(self):
        with open(os.path.join(self.folder, "file"), "w", encoding="ascii"):
            pass
        code, _, err = self.run_front("up", "--data-dir", "file/data", "--listen-port", 0)
        self.assertEqual(code, 1)
        self.assertIn("file", err)


if __name__ == "__main__":
    unittest.main()
