"""The `hashscope` front and its simulators as processes, for the integration tests.

A FrontCase has a folder of its own; every process is started in it, so whatever is left behind by a
command shows by its working directory.
"""
import fcntl
import json
import os
import pty
import select
import signal
import socket
import struct
import subprocess
import termios
import threading
import time

from tests.integration.harness import (PATIENCE, Peer, RecorderCase, bare_environment, program,
                                       wait_until)


def environment(**more):
    return {**bare_environment(LANG="C.UTF-8", API_HOST="127.0.0.1", API_PORT="0", UI_PORT="0"),
            **more}


class Process:
    """A running `hashscope …`; its output is collected by threads."""

    def __init__(self, folder, arguments, environ=None, stdout=subprocess.PIPE):
        self.process = subprocess.Popen(
            [program("hashscope"), *map(str, arguments)], cwd=folder, stdin=subprocess.DEVNULL,
            env=environment(**(environ or {})), stdout=stdout, stderr=subprocess.PIPE)
        self.out, self.err = [], []
        self.readers = [self.read(self.process.stderr, self.err)]
        if stdout == subprocess.PIPE:
            self.readers.append(self.read(self.process.stdout, self.out))

    @staticmethod
    def read(stream, lines):
        def work():
            for line in stream:
                lines.append(line.decode(errors="replace").rstrip("\n"))
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        return thread

    @property
    def pid(self):
        return self.process.pid

    def text(self):
        return "\n".join(list(self.err))

    def wait_text(self, part):
        wait_until(lambda: part in self.text() or self.process.poll() is not None,
                   f"{part!r} in what it says")
        if part not in self.text():
            raise AssertionError(f"ended without saying {part!r}:\n{self.text()}")

    def wait_lines(self, count):
        return wait_until(lambda: len(self.out) >= count and self.out, f"{count} lines")

    def json(self):
        """What it printed so far, each line as JSON."""
        return [json.loads(line) for line in list(self.out)]

    def send(self, number):
        self.process.send_signal(number)

    def wait(self, seconds=3 * PATIENCE):
        code = self.process.wait(seconds)
        for reader in self.readers:
            reader.join(PATIENCE)
        return code

    def stop(self, number=signal.SIGTERM):
        self.send(number)
        return self.wait()

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.wait()
        self.process.stderr.close()
        if self.process.stdout:
            self.process.stdout.close()


class Terminal:
    """A command with a terminal of its own around it."""

    def __init__(self, folder, arguments, columns=120, environ=None):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        self.process = subprocess.Popen(
            [program("hashscope"), *map(str, arguments)], cwd=folder, stdin=slave, stdout=slave,
            stderr=slave, env=environment(TERM="xterm", **(environ or {})), close_fds=True,
            start_new_session=True)
        os.close(slave)
        self.output = b""

    def read_some(self):
        if select.select([self.master], [], [], 0.05)[0]:
            try:
                self.output += os.read(self.master, 65536)
            except OSError:
                return False
        return True

    def wait_output(self, part):
        deadline = time.monotonic() + PATIENCE
        while part not in self.output:
            if time.monotonic() > deadline or not self.read_some():
                raise AssertionError(f"{part!r} not in {self.output.decode(errors='replace')}")

    def wait(self):
        while self.read_some() and self.process.poll() is None:
            pass
        while select.select([self.master], [], [], 0)[0] and self.read_some():
            pass
        return self.process.wait(PATIENCE)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.master)


class FrontCase(RecorderCase):
    def run_front(self, *arguments, environ=None):
        """Runs a command to its end; returns exit code, stdout and stderr."""
        done = subprocess.run([program("hashscope"), *map(str, arguments)], cwd=self.folder,
                              env=environment(**(environ or {})), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=6 * PATIENCE, check=False)
        self.assertNotIn(b"Sanitizer", done.stderr)
        self.assertNotIn(b"runtime error", done.stderr)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def spawn(self, *arguments, **options):
        process = Process(self.folder, arguments, **options)
        self.addCleanup(self.end_process, process)
        return process

    def end_process(self, process):
        process.close()
        self.assertNotIn("Sanitizer", process.text())
        self.assertNotIn("runtime error", process.text())

    # ---- the simulators

    def sim_pool(self, *arguments, difficulty=0.000001):
        """A listening pool; its port is `port`."""
        pool = self.spawn("sim", "pool", "--listen", "127.0.0.1:0", "--json", "--difficulty",
                          difficulty, "--shares-per-minute", 0, *arguments)
        pool.wait_lines(1)
        pool.port = pool.json()[0]["port"]
        return pool

    def end_pool(self, pool):
        """Ends it; returns its totals."""
        self.assertEqual(pool.stop(), 0, pool.text())
        return pool.json()[-1]

    def sim_miner(self, port, *arguments, expect=0, scheme=""):
        """Runs miners to their end; returns their totals."""
        code, out, err = self.run_front("sim", "miner", f"{scheme}127.0.0.1:{port}", "--json",
                                        "--hashrate", 200000, "--duration", 30, *arguments)
        self.assertEqual(code, expect, err)
        self.miner_log = err
        return json.loads(out)

    def patient_miner(self, port, *arguments, scheme=""):
        """A miner that goes on until it is stopped."""
        return self.spawn("sim", "miner", f"{scheme}127.0.0.1:{port}", "--json", "--retry-min",
                          0.05, "--retry-max", 0.1, *arguments)

    def dial(self, port):
        """A miner of our own."""
        sock = socket.create_connection(("127.0.0.1", port), PATIENCE)
        return self.keep(Peer(sock))

    # ---- what is left behind

    def processes_here(self):
        """Ids of all processes whose working directory is this test's folder."""
        found = []
        for name in os.listdir("/proc"):
            try:
                if name.isdigit() and os.readlink(f"/proc/{name}/cwd") == self.folder:
                    found.append(int(name))
            except OSError:
                continue
        return found


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

    def wait_archived(self, count):
        self.recorder.wait_counter("messages_archived", count)
