"""The end in order, rotation, a clock that is set, and starts that must fail."""
import mmap
import os
import shutil
import signal
import socket
import struct
import time
import unittest

from tests.integration.harness import (MIB, SLOW_RESOLVER, RecorderCase, free_port, is_sanitized,
                                       wait_until)
from tests.integration.load import Load

LINE = b'{"id":1,"method":"mining.subscribe","params":[]}\n'
ANSWER = b'{"id":1,"result":true,"error":null}\n'


class Ends(RecorderCase):
    def test_sigterm_and_sigint_under_load(self):
        load = self.keep(Load())
        for number, name in ((signal.SIGTERM, "term"), (signal.SIGINT, "int")):
            recorder = self.start(load)
            load.start(name, 20, recorder.port)
            load.wait_heard(3000)
            begin = time.monotonic()
            recorder.signal(number)
            self.assertEqual(recorder.wait_exit(), 0, recorder.text())
            self.assert_took(begin, 1.5)
            load.wait_ended()
            archive = self.read_archive()
            sessions = load.check(archive)
            for talk, session in sessions.items():
                if talk.startswith(name):
                    self.assertEqual(archive.closed(session)[0], "hashscope")
                    self.assertIn(archive.closed(session)[1], ("stop",))
        self.assertEqual(len(sessions), 40)

    def stuck(self, recorder, pool):
        """A session with bytes that its pool does not take."""
        miner, upstream = self.join(recorder, pool)
        miner.send_until_stuck(LINE * (64 * MIB // len(LINE)), 0.3)
        return miner, upstream

    def test_sigterm_while_a_reader_is_stuck(self):
        pool = self.new_pool(receive_buffer=65536)
        recorder = self.start(pool, RING_BYTES="128M")
        self.stuck(recorder, pool)
        begin = time.monotonic()
        self.assertEqual(recorder.stop(), 0)
        self.assert_took(begin, 1.7)
        self.assertIsNone(recorder.sanitizer_report())
        archive = self.read_archive()
        self.assertEqual(archive.closed(archive.sessions()[0]), ("hashscope", "stop"))

    def test_what_is_queued_still_goes_out(self):
        pool = self.new_pool(receive_buffer=65536)
        recorder = self.start(pool, RING_BYTES="128M")
        miner, upstream = self.stuck(recorder, pool)
        recorder.signal(signal.SIGTERM)
        recorder.wait_log("stopping")
        received = upstream.read_any_end()
        self.assertEqual(recorder.wait_exit(), 0)
        archive = self.read_archive()
        session = archive.session_of(miner.address)
        stream = archive.stream(session, "miner_to_pool")
        self.assertEqual(len(received), archive.event("closed", session)["bytes_up"])
        self.assertEqual(received, stream)

    def test_sigterm_while_a_name_is_looked_up(self):
        """A resolver that does not answer holds up the thread that asks it, not the end."""
        library = self.compile_library("resolver", SLOW_RESOLVER)
        recorder = self.start(POOL_HOST="pool.example.com",
                              options={"environment": {"LD_PRELOAD": library}})
        miner = self.connect(recorder).send(LINE)
        recorder.wait_log("resolving pool.example.com")
        begin = time.monotonic()
        archive = self.finish(recorder)
        self.assert_took(begin, 1)
        session = archive.session_of(miner.address)
        self.assertEqual(archive.closed(session), ("hashscope", "stop"))
        self.assertEqual(archive.stream(session, "miner_to_pool"), LINE)

    def test_a_second_sigterm_ends_at_once(self):
        pool = self.new_pool(receive_buffer=65536)
        recorder = self.start(pool, RING_BYTES="128M")
        miner, _ = self.stuck(recorder, pool)
        recorder.signal(signal.SIGTERM)
        recorder.wait_log("stopping")
        begin = time.monotonic()
        recorder.signal(signal.SIGTERM)
        self.assertEqual(recorder.wait_exit(), 1)
        self.assert_took(begin, 0.4)
        # and what it left is complete after the next start
        pool.close()
        recorder = self.start(self.new_pool(), RING_BYTES="128M")
        archive = self.finish(recorder)
        session = archive.session_of(miner.address)
        self.assertTrue(archive.stream(session, "miner_to_pool").startswith(LINE * 1000))
        self.assertEqual(archive.closed(session), ("hashscope", "crash"))

    def test_new_miners_are_refused_while_stopping(self):
        pool = self.new_pool(receive_buffer=65536)
        recorder = self.start(pool, RING_BYTES="128M")
        port = recorder.port
        self.stuck(recorder, pool)
        recorder.signal(signal.SIGTERM)
        recorder.wait_log("stopping")
        with socket.socket() as newcomer, self.assertRaises(ConnectionRefusedError):
            newcomer.connect(("127.0.0.1", port))
        self.assertEqual(recorder.wait_exit(), 0)


class Rotates(RecorderCase):
    def segments(self):
        return [name for _, _, names in os.walk(os.path.join(self.data_dir, "segments"))
                for name in names if name.endswith(".ndjson.zst")]

    def test_sighup(self):
        pool = self.new_pool()
        recorder = self.start(pool)
        miner, upstream = self.join(recorder, pool)
        for number in range(1, 4):
            miner.send(LINE)
            upstream.send(ANSWER)
            self.assertEqual(miner.read(len(ANSWER)), ANSWER)
            upstream.read(len(LINE))
            recorder.wait_counter("messages_archived", 2 * number)
            recorder.signal(signal.SIGHUP)
            wait_until(lambda wanted=number: len(self.segments()) == wanted, "it is sealed")
        archive = self.finish(recorder)
        self.assertGreaterEqual(len(archive.files), 3)
        session = archive.session_of(miner.address)
        for lines in list(archive.files.values())[1:]:
            first = next(line for line in lines if line.get("session") == session)
            self.assertEqual(first.get("event"), "state")
        self.assertEqual(archive.stream(session, "miner_to_pool"), LINE * 3)

    def test_sighup_under_load(self):
        load = self.keep(Load())
        recorder = self.start(load)
        load.start("m", 10, recorder.port)
        for number in range(4):
            load.wait_heard(300)
            recorder.signal(signal.SIGHUP)
            wait_until(lambda wanted=number: len(self.segments()) > wanted, "another is sealed")
        load.wait_heard(300)
        self.assertEqual(recorder.stop(), 0)
        load.wait_ended()
        self.assertEqual(len(load.check(self.read_archive())), 10)

    def test_by_size(self):
        load = self.keep(Load())
        recorder = self.start(load, SEGMENT_MAX_BYTES="64K")
        load.start("m", 10, recorder.port)
        wait_until(lambda: len(self.segments()) >= 3, "several are sealed")
        self.assertEqual(recorder.stop(), 0)
        load.wait_ended()
        self.assertEqual(len(load.check(self.read_archive())), 10)


# Shifts CLOCK_REALTIME by the nanoseconds in the first eight bytes of a file.
SHIFT_SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

int clock_gettime(clockid_t id, struct timespec *out)
{
    static int (*real)(clockid_t, struct timespec *);
    static volatile long long *shift;
    if (!real)
        real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    if (!shift) {
        int fd = open(getenv("CLOCK_SHIFT"), O_RDONLY);
        shift = mmap(NULL, 8, PROT_READ, MAP_SHARED, fd, 0);
    }
    int result = real(id, out);
    if (id == CLOCK_REALTIME) {
        long long now = out->tv_sec * 1000000000LL + out->tv_nsec + *shift;
        out->tv_sec = now / 1000000000LL;
        out->tv_nsec = now % 1000000000LL;
    }
    return result;
}
"""


class Clock(RecorderCase):
    def setUp(self):
        super().setUp()
        if is_sanitized():
            self.skipTest("the sanitizer's run time must come first")
        library = self.compile_library("shift", SHIFT_SOURCE)
        path = os.path.join(self.folder, "by")
        with open(path, "wb") as file:
            file.write(struct.pack("q", 0))
        with open(path, "r+b") as file:
            self.shift = self.keep(mmap.mmap(file.fileno(), 8))
        self.environment = {"LD_PRELOAD": library, "CLOCK_SHIFT": path}

    def set_clock(self, seconds):
        self.shift[:8] = struct.pack("q", seconds * 10**9)

    def test_set_backwards_and_forwards(self):
        pool = self.new_pool()
        recorder = self.start(pool, options={"environment": self.environment})
        miner, upstream = self.join(recorder, pool)

        def talk():
            miner.send(LINE)
            upstream.read(len(LINE))
            upstream.send(ANSWER)
            miner.read(len(ANSWER))

        talk()
        for steps, seconds in enumerate((-7200, 0, 86400 * 400), 1):
            miner.send(LINE)
            upstream.read(len(LINE))
            self.set_clock(seconds)
            recorder.wait_counter("clock_steps", steps)
            upstream.send(ANSWER)
            miner.read(len(ANSWER))
            talk()
        archive = self.finish(recorder)
        session = archive.session_of(miner.address)
        lines = archive.messages(session)
        self.assertEqual([line["dir"] for line in lines], ["miner_to_pool", "pool_to_miner"] * 7)
        for request, response in zip(lines[::2], lines[1::2]):
            self.assertEqual(response["re"], request["seq"])
            self.assertLess(response["latency_us"], 5_000_000)
        steps = [line["step_us"] / 1e6 for line in archive.events("clock_step")]
        for step, wanted in zip(steps, (-7200, 7200, 86400 * 400), strict=True):
            self.assertAlmostEqual(step, wanted, delta=1)
        self.assertLess(lines[3]["ts"], lines[2]["ts"])
        self.assertTrue(lines[13]["ts"] > lines[0]["ts"])

    def test_restart_in_the_past(self):
        """Order is seq, whatever the clock says: also over two runs and their files."""
        for seconds in (0, -86400, 3600):
            self.set_clock(seconds)
            pool = self.new_pool()
            recorder = self.start(pool, options={"environment": self.environment})
            self.exchange(recorder, pool, [LINE], [ANSWER])
            recorder.wait_sessions(0)
            archive = self.finish(recorder)
        self.assertEqual(len(archive.sessions()), 3)


class StartsThatFail(RecorderCase):
    def fails(self, settings, status, **options):
        recorder = self.launch({"LISTEN_HOST": "127.0.0.1", "LISTEN_PORT": 0, "RING_BYTES": "16M",
                                **settings}, **options)
        self.assertEqual(recorder.wait_exit(), status, recorder.text())
        self.assertEqual(recorder.ports, {})
        return recorder.text()

    def test_two_recorders_on_one_data_directory(self):
        pool = self.new_pool()
        first = self.start(pool)
        text = self.fails({"POOL_HOST": pool.name}, 1)
        self.assertIn(f"{self.data_dir} is in use", text)
        self.assertIn(str(first.pid), text)
        self.exchange(first, pool, [LINE], [ANSWER])
        self.assertTrue(first.status()["program"])
        self.finish(first)

    def test_a_data_directory_that_is_not_writable(self):
        os.mkdir(self.data_dir)
        os.chmod(self.data_dir, 0o555)
        os.chmod(self.folder, 0o755)
        wrapper = []
        if os.getuid() == 0:
            if not shutil.which("setpriv"):
                self.skipTest("setpriv is not there")
            wrapper = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        text = self.fails({"POOL_HOST": "127.0.0.1"}, 1, wrapper=wrapper)
        self.assertIn(self.data_dir, text)
        self.assertRegex(text, "(?i)permission denied")

    def test_a_data_directory_that_is_a_file(self):
        with open(self.data_dir, "w", encoding="ascii"):
            pass
        self.assertIn(self.data_dir, self.fails({"POOL_HOST": "127.0.0.1"}, 1))

    def test_a_port_that_is_taken(self):
        pool = self.new_pool()
        text = self.fails({"POOL_HOST": "127.0.0.1", "LISTEN_PORT": pool.port}, 1)
        self.assertIn(f"127.0.0.1:{pool.port}", text)
        self.assertRegex(text, "(?i)in use")

    def test_a_path_too_long_for_the_control_socket(self):
        self.data_dir = os.path.join(self.folder, "x" * 100)
        self.assertIn("107", self.fails({"POOL_HOST": "127.0.0.1"}, 1))

    def test_a_ring_that_is_no_ring_is_moved_aside(self):
        os.makedirs(os.path.join(self.data_dir, "live"))
        with open(os.path.join(self.data_dir, "live/ring"), "wb") as file:
            file.write(os.urandom(100000))
        pool = self.new_pool()
        recorder = self.start(pool)
        miner, upstream = self.exchange(recorder, pool, [LINE], [ANSWER])
        self.assertTrue(os.path.exists(os.path.join(self.data_dir, "live/ring.damaged")))
        recorder.wait_sessions(0)
        self.assert_same_streams(self.finish(recorder), miner, upstream)

    def test_no_pool_at_all(self):
        self.assertIn("POOL_HOST", self.fails({}, 2))

    def test_certificate_files_that_are_not_there(self):
        missing = os.path.join(self.folder, "none.pem")
        text = self.fails({"POOL_HOST": "a", "LISTEN_TLS_PORT": free_port(),
                           "LISTEN_TLS_CERT": missing, "LISTEN_TLS_KEY": missing}, 1)
        self.assertIn(missing, text)

    def test_all_faults_at_once(self):
        faulty = {
            "POOL_HOST": "http://pool.example.com/path", "POOL_PORT": 0, "POOL_BACKUPS": "a:b",
            "POOL_TLS_VERIFY": "maybe", "LISTEN_HOST": "not an address", "LISTEN_PORT": 65536,
            "LISTEN_TLS_PORT": -1, "ROUTES": "x", "PROXY_PROTOCOL_IN": "v3",
            "PROXY_PROTOCOL_OUT": "v3", "MAX_SESSIONS": "many", "CONNECT_TIMEOUT_SEC": "1.5",
            "IDLE_TIMEOUT_SEC": "-1", "PAIR_TIMEOUT_SEC": "0", "LINE_BUFFER_BYTES": "1X",
            "RING_BYTES": "15M", "SYNC_INTERVAL_MS": "1e3", "DATA_GROUP": "no-such-group",
            "SEGMENT_MAX_BYTES": "0", "SEGMENT_MAX_SECONDS": "forever", "RECOMPRESS_LEVEL": "23",
            "RETAIN_BYTES": "all", "RETAIN_DAYS": "x", "MIN_FREE_BYTES": "99999999999999999999",
            "LOG_LEVEL": "loud", "LOG_FORMAT": "xml",
        }
        with open(os.path.join(self.folder, ".env"), "w", encoding="ascii") as file:
            file.write("POOL_HOTS=a\nnonsense\n")
        text = self.fails(faulty, 2)
        self.assertIn("POOL_HOTS", text)
        self.assertIn("line 2", text)
        for name, value in faulty.items():
            with self.subTest(name=name):
                line, = (line for line in text.split("\n") if line.startswith(name + " "))
                self.assertIn(f'"{value}"', line)
        self.assertNotIn('expected "', text)
        self.assertFalse(os.path.exists(self.data_dir))

    def test_blanks_in_addresses_are_refused_and_not_guessed_at(self):
        for name, value in (("POOL_HOST", "pool.example.com :3333"), ("POOL_HOST", "a b"),
                            ("POOL_BACKUPS", "a:1,b c"), ("ROUTES", "33 34=a"),
                            ("ROUTES", "3334=a b"), ("ROUTES", "3334=a,b c:4")):
            with self.subTest(name=name, value=value):
                text = self.fails({"POOL_HOST": "a", name: value}, 2)
                self.assertRegex(text, name + r".*there is a blank in it: expected a host")

    def test_a_password_in_front_of_a_pool_is_not_repeated(self):
        text = self.fails({"POOL_HOST": "stratum+tcp://bob:secret@pool.example.com",
                           "POOL_BACKUPS": "a,bob:secret@pool.example.com",
                           "ROUTES": "3334=bob:secret@pool.example.com"}, 2)
        self.assertEqual(text.count("user and password do not belong"), 3)
        self.assertNotIn("secret", text)


if __name__ == "__main__":
    unittest.main()
