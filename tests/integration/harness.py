"""What the integration tests of the recorder have in common: the recorder as a process, miners and
pools (peers.py), what is archived (archive.py), and the base of the tests themselves.

Everything listens on free ports of 127.0.0.1 and lives below a temporary folder; what a test has
started is ended with it. Nothing here sleeps for a guessed time: wait_until looks at a condition
until it holds or PATIENCE is used up.
"""
import json
import os
import re
import resource
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import unittest

from tests.integration.archive import Archive
# some of these are here for the tests to import
from tests.integration.peers import MIB, PATIENCE, Blackhole, Peer, Pool, Tally  # noqa: F401

# For compile_library: a resolver that takes its time.
SLOW_RESOLVER = r"""
#define _GNU_SOURCE
#include <netdb.h>
#include <stdio.h>
#include <unistd.h>

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **out)
{
    (void)service, (void)hints, (void)out;
    fprintf(stderr, "resolving %s\n", name);
    sleep(15);
    return EAI_AGAIN;
}
"""

# Some tests open thousands of connections; where somebody logs in 1,024 are what is there at first.
MOST_FILES = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE,
                   (MOST_FILES if 0 <= MOST_FILES < 65536 else 65536, MOST_FILES))

BUILD = os.path.abspath(os.environ.get("HASHSCOPE_BUILD") or os.environ.get("BUILD") or "build")


def program(name):
    path = os.path.join(BUILD, "bin", name)
    if not os.path.exists(path):
        raise RuntimeError(f"{path} is not there: build first, or name the build directory in "
                           "HASHSCOPE_BUILD")
    return path


def is_sanitized():
    """Memory figures of a build with sanitizers say nothing."""
    with open(program("hashscope-recorder"), "rb") as file:
        data = file.read()
    return b"__asan_init" in data or b"__tsan_init" in data


def sanitizer_options():
    """How sanitizers report, for programs that get nothing else of the environment: run-tests.py
    collects what they write."""
    return {k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")}


def bare_environment(**more):
    """What a program needs to run at all, and nothing that the user has set."""
    return {"PATH": os.environ["PATH"], **sanitizer_options(), **more}


def wait_until(condition, what, seconds=PATIENCE):
    """Returns the first true value of condition(); fails the test when there is none in time."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.005)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Task(threading.Thread):
    """A call in a thread; result() waits and gives what it returned or raised."""

    def __init__(self, call, *arguments):
        super().__init__(daemon=True)
        self.call, self.arguments = call, arguments
        self.value = self.fault = None
        self.start()

    def run(self):
        try:
            self.value = self.call(*self.arguments)
        except BaseException as fault:  # pylint: disable=broad-except
            self.fault = fault

    def result(self, seconds=3 * PATIENCE):
        self.join(seconds)
        if self.is_alive():
            raise AssertionError(f"still running after {seconds} s: {self.call}")
        if self.fault is not None:
            raise self.fault
        return self.value


def slowness():
    """How many times longer than by itself work takes here at the moment: 1 where nothing else runs."""
    begun, used = time.monotonic(), time.thread_time()
    while time.thread_time() - used < 0.05:
        sum(range(1000))
    return max((time.monotonic() - begun) / 0.05, 1)


class Recorder:
    """A hashscope-recorder process. Settings are given as in the environment: POOL_HOST=…"""

    def __init__(self, folder, settings, routes=1, wrapper=(), environment=None, limits=None):
        self.data_dir = settings["DATA_DIR"]
        self.log, self.news = [], threading.Condition()
        self.ports = {}
        names = bare_environment(**(environment or {}))
        names.update((k, str(v)) for k, v in settings.items())
        self.process = subprocess.Popen(
            [*wrapper, program("hashscope-recorder")], env=names, cwd=folder,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            preexec_fn=limits)
        self.pid = self.process.pid
        self.reader = threading.Thread(target=self.read_log, daemon=True)
        self.reader.start()
        self.routes = routes

    def read_log(self):
        for line in self.process.stderr:
            text = line.decode(errors="replace").rstrip("\n")
            with self.news:
                self.log.append(text)
                found = re.search(r"route (\S+): listening on \S+:(\d+)[^:]*, pool ", text)
                if found:
                    self.ports[found[1]] = int(found[2])
                self.news.notify_all()

    def wait_ready(self, seconds=PATIENCE):
        wait_until(lambda: len(self.ports) >= self.routes or self.process.poll() is not None,
                   "the recorder listens", seconds)
        if len(self.ports) < self.routes:
            raise AssertionError("the recorder did not start:\n" + self.text())
        return self

    @property
    def port(self):
        return next(iter(self.ports.values()))

    def text(self):
        with self.news:
            return "\n".join(self.log)

    def wait_log(self, pattern):
        return wait_until(lambda: re.search(pattern, self.text()), f"{pattern!r} in the log")

    # ---- the end

    def signal(self, number):
        self.process.send_signal(number)

    def wait_exit(self, seconds=PATIENCE):
        status = self.process.wait(seconds)
        self.reader.join(PATIENCE)
        return status

    def stop(self):
        self.signal(signal.SIGTERM)
        return self.wait_exit()

    def kill(self):
        self.process.kill()
        return self.wait_exit()

    def cleanup(self):
        if self.process.poll() is None:
            self.process.kill()
        self.wait_exit()
        self.process.stderr.close()

    def sanitizer_report(self):
        text = self.text()
        return text if "Sanitizer" in text or "runtime error:" in text else None

    # ---- the control socket

    def control_socket(self):
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(2 * PATIENCE)
        client.connect(os.path.join(self.data_dir, "live/control.sock"))
        return client

    def ask_raw(self, line):
        """Sends one line and returns the answers to it."""
        with self.control_socket() as client:
            client.sendall(line + b"\n")
            return self.read_answers(client)

    @staticmethod
    def read_answers(client):
        answers, data = [], b""
        while True:
            part = client.recv(MIB)
            if not part:
                raise AssertionError(f"the control socket ended: {data[:200]!r}")
            data += part
            if not data.endswith(b"\n"):
                continue
            answers = [json.loads(line) for line in data.splitlines()]
            if answers[-1] == {"done": True}:
                return answers[:-1]

    def ask(self, command, **fields):
        """The one answer to a command."""
        answers = self.ask_raw(json.dumps({"command": command, **fields}).encode())
        if len(answers) != 1:
            raise AssertionError(f"{command}: {len(answers)} answers")
        return answers[0]

    def status(self):
        return self.ask("status")

    def counters(self):
        return self.status()["counters"]

    def sessions(self, state="open", **fields):
        line = {"command": "sessions", "state": state, **fields}
        return self.ask_raw(json.dumps(line).encode())

    def wait_counter(self, name, least):
        return wait_until(lambda: self.counters()[name] >= least, f"{name} reaches {least}")

    def wait_sessions(self, count):
        wait_until(lambda: self.status()["sessions_open"] == count, f"{count} sessions are open")

    # ---- memory and time, in bytes and seconds

    def memory(self, name):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as file:
            found = re.search(rf"^{name}:\s+(\d+) kB", file.read(), re.M)
        return int(found[1]) * 1024 if found else 0

    def peak_private(self):
        """The most private memory it ever had: the peak, less the ring's pages."""
        return self.memory("VmHWM") - self.memory("RssFile") - self.memory("RssShmem")

    def cpu_seconds(self):
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class RecorderCase(unittest.TestCase):
    """A test with a folder of its own, and the usual steps."""

    maxDiff = 2000

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="hashscope-test-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.data_dir = os.path.join(self.folder, "data")

    def assert_took(self, begun, seconds):
        """No longer than that, on a machine that has nothing else to do and without sanitizers."""
        took = time.monotonic() - begun
        self.assertLess(took, (3 if is_sanitized() else 1) * seconds * slowness())

    def keep(self, thing):
        """Closes it at the end of the test."""
        self.addCleanup(thing.close)
        return thing

    def new_pool(self, **options):
        return self.keep(Pool(**options))

    def launch(self, settings, **options):
        """A recorder that need not come up."""
        settings = {"DATA_DIR": self.data_dir, **settings}
        recorder = Recorder(self.folder, settings, **options)
        self.addCleanup(self.end_recorder, recorder)
        return recorder

    def end_recorder(self, recorder):
        recorder.cleanup()
        self.assertIsNone(recorder.sanitizer_report())

    def start(self, pool=None, options=None, **settings):
        """A recorder with one route to that pool, ready."""
        base = {"LISTEN_HOST": "127.0.0.1", "LISTEN_PORT": 0, "RING_BYTES": "32M"}
        if pool:
            base.update(POOL_HOST="127.0.0.1", POOL_PORT=pool.port)
        return self.launch({**base, **settings}, **(options or {})).wait_ready()

    def connect(self, recorder, port=None, receive_buffer=None, send_buffer=None):
        """A miner."""
        sock = socket.socket()
        for option, size in ((socket.SO_RCVBUF, receive_buffer), (socket.SO_SNDBUF, send_buffer)):
            if size:
                sock.setsockopt(socket.SOL_SOCKET, option, size)
        sock.settimeout(PATIENCE)
        sock.connect(("127.0.0.1", port or recorder.port))
        return self.keep(Peer(sock))

    def join(self, recorder, pool, **options):
        """A miner and its pool."""
        miner = self.connect(recorder, **options)
        return miner, self.keep(pool.accept())

    def compile_library(self, name, source):
        """For LD_PRELOAD."""
        compiler = shutil.which("gcc") or shutil.which("cc")
        if not compiler:
            self.skipTest("no C compiler")
        path = os.path.join(self.folder, name)
        with open(path + ".c", "w", encoding="ascii") as file:
            file.write(source)
        subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", path + ".so", path + ".c",
                        "-ldl"], check=True)
        return path + ".so"

    def finish(self, recorder, **checks):
        """Ends the recorder; returns the archive, which must be sealed and complete."""
        self.assertEqual(recorder.stop(), 0, recorder.text())
        self.assertIsNone(recorder.sanitizer_report())
        return self.read_archive(**checks)

    def read_archive(self, **checks):
        archive = Archive(self.data_dir)
        archive.check(**checks)
        return archive

    def assert_same_streams(self, archive, miner, pool):
        """What one sent the other received, and the archive has it, exactly once. Returns the
        session."""
        self.assertEqual(miner.sent, pool.received, "miner to pool")
        self.assertEqual(pool.sent, miner.received, "pool to miner")
        session = archive.session_of(miner.address)
        self.assertEqual(Tally(archive.stream(session, "miner_to_pool")), miner.sent,
                         "miner to pool, archived")
        self.assertEqual(Tally(archive.stream(session, "pool_to_miner")), pool.sent,
                         "pool to miner, archived")
        return session

    def exchange(self, recorder, pool, up, down):
        """Sends the chunks of both lists, both ways at once, and then ends both directions."""
        miner, upstream = self.join(recorder, pool)

        def speak(peer, chunks):
            for chunk in chunks:
                peer.send(chunk)
            peer.end()

        speakers = [Task(speak, miner, up), Task(speak, upstream, down)]
        listeners = [Task(miner.skip), Task(upstream.skip)]
        for task in speakers + listeners:
            task.result()
        return miner, upstream


def limit_descriptors(count):
    """For options={"limits": …}: a hard limit that the recorder cannot raise."""
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))


def make_certificate(folder, name, hosts=("DNS:localhost", "IP:127.0.0.1")):
    """A self-signed certificate; returns the paths of it and its key."""
    certificate, key = (os.path.join(folder, f"{name}.{kind}") for kind in ("pem", "key"))
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "2", "-subj", f"/CN={name}", "-addext",
         "subjectAltName=" + ",".join(hosts), "-keyout", key, "-out", certificate],
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return certificate, key


def server_tls(certificate, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context
