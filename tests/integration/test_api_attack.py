"""Clients that mean harm, with the token and without: nobody else notices, and /health answers at
once, whatever they do. Attackers come from other addresses of this machine than the watcher, but for
the tests of what holds for neighbours behind the same one."""
import json
import os
import re
import resource
import signal
import socket
import statistics
import threading
import time

from tests.integration.api_process import read_all, split_answer
from tests.integration.harness import PATIENCE, Task, is_sanitized, wait_until
from tests.integration.test_api_websocket import SUBMIT, ApiCase

TOKEN = "correct-horse-battery-staple"
ATTACKER = "127.0.0.66"
AT_ONCE = 0.02  # seconds


def p99(values):
    return sorted(values)[(len(values) * 99 - 1) // 100]


class BareAnswers:
    """A process that answers what connects to it, as plainly as can be."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.pid = os.fork()
        if self.pid == 0:
            while True:
                with self.listener.accept()[0] as sock:
                    sock.sendall(sock.recv(1000))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        self.listener.close()

    def ask(self):
        with socket.create_connection(self.listener.getsockname(), PATIENCE) as sock:
            sock.sendall(b"?")
            sock.recv(1000)


class AttackCase(ApiCase):
    def setUp(self):
        super().setUp()
        self.socks = []
        self.addCleanup(lambda: [sock.close() for sock in self.socks])
        self.ended = set()

    def dial(self, source=ATTACKER, receive_buffer=None):
        sock = socket.socket()
        self.socks.append(sock)
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.settimeout(PATIENCE)
        sock.bind((source, 0))
        sock.connect(("127.0.0.1", self.api.port))
        return sock

    def head(self, first, token=TOKEN, **headers):
        lines = {"Host": "localhost", **headers}
        if token:
            lines["Authorization"] = "Bearer " + token
        return (first + " HTTP/1.1\r\n" + "".join(
            f"{name.replace('_', '-')}: {value}\r\n" for name, value in lines.items()) +
                "\r\n").encode()

    def ask(self, path, source="127.0.0.1", token=TOKEN):
        """Status and body, over a connection of its own."""
        with socket.create_connection(("127.0.0.1", self.api.port), PATIENCE, (source, 0)) as sock:
            sock.sendall(self.head("GET " + path, token, Connection="close"))
            status, _, body = split_answer(read_all(sock))
            return status, body

    def figure(self, name):
        text = self.ask("/metrics")[1].decode()
        return int(re.search(rf"^hashscope_{re.escape(name)} (\d+)", text, re.M)[1])

    def used(self, name):
        return self.figure(f'api_used{{of="{name}"}}')

    def bound(self, name):
        return self.figure(f'api_bound{{of="{name}"}}')

    def watch(self, source="127.0.0.1", rounds=100):
        """/health answers at once, and so does what needs the server. What the machine itself holds up
        shows in a bare round trip beside each."""
        took, bare = [], []
        with BareAnswers() as other:
            for _ in range(rounds):
                begun = time.monotonic()
                self.assertIn(self.ask("/health", source, None)[0], (200, 503))
                between = time.monotonic()
                other.ask()
                took.append(between - begun)
                bare.append(time.monotonic() - between)
        if not is_sanitized():
            self.assertLess(statistics.median(took), AT_ONCE)
            self.assertLess(p99(took), AT_ONCE + 3 * p99(bare))
        for path in ("/api/config", "/api/messages?source=live&limit=1"):
            status, body = self.ask(path, source)
            self.assertEqual(status, 200, (path, body))

    def start_quietly(self, **settings):
        self.api = self.start_api(API_TOKEN=TOKEN, **settings)

    def fill(self, megabytes):
        """An archive worth downloading."""
        pool = self.new_pool()
        self.recorder = self.start(pool)
        miner, upstream = self.join(self.recorder, pool)
        Task(upstream.skip)
        block = b"".join(SUBMIT % number for number in range(10000))
        rounds = megabytes * 1000000 // len(block)
        for _ in range(rounds):
            miner.send(block)
        self.recorder.wait_counter("messages_archived", rounds * 10000)


class SlowTest(AttackCase):
    def test_slow_bodies_without_the_token_are_not_waited_for(self):
        self.start_quietly()
        for number in range(240):
            path = ("/api/export", "/api/login", "/api/sessions/x/disconnect")[number % 3]
            sock = self.dial()
            sock.sendall(self.head("POST " + path, None, Content_Type="application/json",
                                   Content_Length=4000) + b"{")
        self.watch()
        self.watch(ATTACKER)
        self.assertEqual(self.used("requests_reading_archive"), 0)
        self.assertLessEqual(self.used("body_bytes"), 80 * 4000)

    def test_slow_bodies_with_the_token_hold_no_thread_and_little_memory(self):
        self.start_quietly()
        answers = []
        for _ in range(240):
            sock = self.dial()
            sock.sendall(self.head("POST /api/export", Content_Type="application/json",
                                   Content_Length=1 << 20) + b"{")
            sock.settimeout(0.001)
            try:
                answers.append(sock.recv(100)[:12])
            except TimeoutError:
                pass
        self.watch()
        wait_until(lambda: self.used("body_bytes") == 8 << 20, "as many as one address may send")
        self.assertEqual(self.used("requests"), 1)
        self.assertEqual(set(answers), {b"HTTP/1.1 503"})

    def test_slow_heads(self):
        self.start_quietly()
        for _ in range(250):
            self.dial().sendall(b"GET /api/messages HTTP/1.1\r\nHost: local")
        self.watch()
        self.watch(ATTACKER)

    def test_many_connections_push_out_each_other_and_nobody_else(self):
        self.start_quietly()
        other = self.dial("127.0.0.1")
        other.sendall(self.head("GET /api/config"))
        for _ in range(3000):
            try:
                self.dial(receive_buffer=4096)
            except ConnectionError:
                pass
        self.watch()
        self.watch(ATTACKER)
        self.assertLessEqual(self.used("connections"), 2 + 256 + 2)
        self.assertGreater(self.figure("api_connections_pushed_out_total"), 2500)
        other.sendall(self.head("GET /api/config", Connection="close"))
        self.assertEqual(read_all(other).count(b"HTTP/1.1 200 OK"), 2)


    def many(self, request, address, count=4500):
        """As many connections as the front takes and more, from forty addresses."""
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        for number in range(count):
            try:
                self.dial(address % (number % 40 + 1), receive_buffer=4096).sendall(request)
            except ConnectionError:
                pass

    def test_a_front_full_of_slow_bodies_has_room_for_others(self):
        self.start_quietly()
        self.many(self.head("POST /api/login", None, Content_Type="application/json",
                            Content_Length=4000) + b"{", "127.0.1.%d")
        self.assertGreaterEqual(self.used("connections"), 4000)
        self.watch()

    def test_a_front_full_of_the_refused_has_room_for_others(self):
        self.start_quietly()
        self.many(b"nonsense\r\n", "127.0.2.%d")
        self.watch()

    def test_requests_sent_ahead_are_bounded_in_bytes(self):
        self.start_quietly()
        request = self.head("GET /openapi.yaml", None)
        self.many(request * (80000 // len(request)), "127.0.3.%d", 2500)
        self.watch()
        self.assertLessEqual(self.used("request_bytes"), self.bound("request_bytes") + (2500 << 13))
        self.assertGreater(self.figure('api_connections_cut_total{reason="large"}'), 0)


class UnreadTest(AttackCase):
    def test_answers_that_nobody_reads_are_bounded_and_cut_off(self):
        self.start_quietly()
        request = self.head("GET /openapi.yaml", None)
        for _ in range(200):
            self.dial(receive_buffer=2048).sendall(request * 60)
        self.watch()
        self.watch(ATTACKER)
        self.assertLessEqual(self.used("answer_bytes"), (16 << 20) + (2 << 20))
        self.assertLessEqual(self.used("requests"), 1 + self.bound("answers_held"))
        wait_until(lambda: self.figure('api_connections_cut_total{reason="stalled"}') == 200,
                   "all are cut off", 60)
        self.assertEqual(self.used("answer_bytes"), 0)

    def test_downloads_that_trickle_are_few_and_cut_off(self):
        self.fill(12)
        self.start_quietly()
        stop = threading.Event()

        def trickle(sock):
            while not stop.wait(0.5):
                try:
                    if not sock.recv(500):
                        return
                except (TimeoutError, OSError):
                    return

        socks = [self.dial(receive_buffer=2048) for _ in range(40)]
        for sock in socks:
            sock.sendall(self.head("GET /api/export?format=ndjson"))
        trickling = [Task(trickle, sock) for sock in socks]
        wait_until(lambda: self.used("downloads") == 8, "as many as one address may have")
        self.watch()
        self.assertEqual(self.ask("/api/messages?source=archive&limit=5", ATTACKER)[0], 200)
        self.assertEqual(self.ask("/api/export?format=csv&limit=1")[0], 422)  # others come through
        wait_until(lambda: self.figure("api_busy_total") == 32, "those without a place are told", 60)
        self.assertEqual(self.ask("/api/export?format=ndjson&method=none")[0], 200)
        wait_until(lambda: self.used("downloads") == 0, "the others are cut off", 90)
        stop.set()
        for task in trickling:
            task.result()

    def test_a_slow_download_that_lives_arrives_whole(self):
        self.fill(3)
        self.start_quietly()
        whole = self.ask("/api/export?format=ndjson")[1]
        sock = self.dial(receive_buffer=16384)
        sock.sendall(self.head("GET /api/export?format=ndjson", Connection="close"))
        got, begun = b"", time.monotonic()
        while time.monotonic() - begun < 25:  # longer than what is measured over
            got += sock.recv(8000)
            time.sleep(0.4)
        got += read_all(sock)
        self.assertEqual(len(split_answer(got)[2]), len(whole))


    def test_a_slow_answer_on_a_connection_that_ends_arrives_whole(self):
        """However the end is asked for: an answer is cut off by its rate alone."""
        self.fill(1)
        self.start_quietly()
        path = "/api/messages?source=archive&limit=1000"
        whole = self.ask(path)[1]
        socks = [self.dial(receive_buffer=16384) for _ in range(2)]
        for sock in socks:
            sock.sendall(self.head("GET " + path, Connection="close"))
        got, begun = [b"", b""], time.monotonic()
        while time.monotonic() - begun < 8:
            for which, sock in enumerate(socks):
                got[which] += sock.recv(4000)
            if time.monotonic() - begun > 1 and socks[1].fileno() not in self.ended:
                self.ended.add(socks[1].fileno())
                socks[1].shutdown(socket.SHUT_WR)
            time.sleep(0.1)
        for which, sock in enumerate(socks):
            self.assertEqual(split_answer(got[which] + read_all(sock))[2], whole)


    def test_what_is_on_its_way_to_readers_counts_with_what_waits_for_them(self):
        pool = self.new_pool()
        recorder = self.start(pool)
        miner, upstream = self.join(recorder, pool)
        Task(upstream.skip)
        self.start_quietly()
        handshake = self.head("GET /api/ws", Upgrade="websocket", Connection="Upgrade",
                              Sec_WebSocket_Version="13",
                              Sec_WebSocket_Key="dGhlIHNhbXBsZSBub25jZQ==")
        for _ in range(400):
            sock = self.dial(receive_buffer=4096)
            sock.sendall(handshake)
            self.assertTrue(sock.recv(12).startswith(b"HTTP/1.1 101"))
        for number in range(60):
            miner.send(b'{"id":%d,"method":"x","params":["%s"]}\n' % (number, b"y" * 20000))
        wait_until(lambda: self.used("reader_queue_bytes") > 400 * 60000, "nobody reads")
        self.assertLessEqual(self.used("reader_queue_bytes"), self.bound("reader_queue_bytes"))
        for sock in self.socks:
            sock.close()
        wait_until(lambda: self.used("reader_queue_bytes") == 0, "they have gone")


class OldTest(AttackCase):
    def test_who_speaks_http_1_0_gets_no_chunks(self):
        self.fill(1)
        self.start_quietly()
        chunks, whole = self.ask("/api/export?format=ndjson")[1], b""
        while chunks != b"0\r\n\r\n":
            size, chunks = chunks.split(b"\r\n", 1)
            whole, chunks = whole + chunks[:int(size, 16)], chunks[int(size, 16) + 2:]
        head = self.head("GET /api/export?format=ndjson").replace(b"HTTP/1.1", b"HTTP/1.0")
        for _ in range(3):
            answer = self.api.speak(head)
            head_text, body = answer.split(b"\r\n\r\n", 1)
            self.assertNotIn(b"chunked", head_text)
            self.assertEqual(head_text.count(b"Cache-Control"), 1)
            self.assertEqual(body, whole)
            self.assertEqual(self.ask("/api/config")[0], 200)


class TokenTest(AttackCase):
    def test_wrong_tokens_wait_longer_each_time_and_the_right_one_never(self):
        self.start_quietly()

        def guess(token):
            begun = time.monotonic()
            self.assertEqual(self.ask("/api/config", ATTACKER, token)[0], 401)
            return time.monotonic() - begun
        waits = [guess(f"wrong-{number}") for number in range(9)]
        self.assertGreater(waits[8], 0.9)
        self.assertGreater(waits[8], 2.5 * waits[6])
        begun = time.monotonic()
        self.assertEqual(self.ask("/api/config", ATTACKER)[0], 200)
        self.assertEqual(self.ask("/api/config", "127.0.0.67", "wrong")[0], 401)
        self.assertLess(time.monotonic() - begun, waits[8])

    def test_a_flood_of_wrong_tokens(self):
        self.start_quietly()
        busy = self.figure("api_requests_busy")
        stop, answers = threading.Event(), []

        def flood():
            while not stop.is_set():
                try:
                    with socket.create_connection(("127.0.0.1", self.api.port), PATIENCE,
                                                  (ATTACKER, 0)) as sock:
                        sock.sendall(self.head("GET /api/messages", "wrong"))
                        sock.settimeout(0.02)
                        answers.append(sock.recv(100)[:12])
                except OSError:
                    answers.append(None)
        tasks = [Task(flood) for _ in range(8)]
        login = b'{"token":"wrong"}'
        for _ in range(40):
            self.dial("127.0.0.68").sendall(self.head(
                "POST /api/login", None, Content_Type="application/json",
                Content_Length=len(login)) + login)
        self.watch()
        self.watch(ATTACKER)  # with the right token, from the same address
        self.assertEqual(self.figure("api_requests_busy"), busy)
        stop.set()
        for task in tasks:
            task.result()
        self.assertLessEqual(set(answers), {None, b"HTTP/1.1 401", b"HTTP/1.1 429"})
        self.assertGreater(self.figure("api_wrong_tokens_total"), 45)


class SmugglingTest(AttackCase):
    """What reaches the server is what the front understood."""

    def test_a_length_behind_64_headers_makes_no_second_request(self):
        self.start_quietly()
        inner = self.head("GET /api/config")
        lines = {f"X-{number}": "y" for number in range(63)}
        good = self.head("GET /api/config", Connection="close", **dict(list(lines.items())[:61]))
        self.assertEqual(split_answer(self.api.speak(good))[0], 200)
        for more in ({"Z": "z"}, {"Content-Length": str(len(inner))}):
            answer = self.api.speak(self.head("GET /api/config", **lines, **more) + inner)
            self.assertEqual(split_answer(answer)[0], 431)
            self.assertEqual(answer.count(b"HTTP/1.1 "), 1)

    def test_an_upgrade_is_one_only_by_its_name(self):
        self.start_quietly()
        for value in ("xUpgrade", "Upgradex", "keep-alive, notupgrade", "close, x-upgrade"):
            for kind in ("websocket", "h2c"):
                answer = self.api.speak(self.head("GET /api/config", Upgrade=kind, Connection=value)
                                        + self.head("GET /health", None, Connection="close"))
                self.assertTrue(answer.startswith(b"HTTP/1.1 200 OK\r\n"), (value, answer[:200]))
        answer = self.api.speak(self.head("GET /api/config", Upgrade="websocket",
                                          Connection="keep-alive , UPGRADE"))
        self.assertEqual(split_answer(answer)[0], 404)

    def test_a_connection_that_was_refused_and_goes_is_forgotten(self):
        self.start_quietly()
        for _ in range(300):
            sock = self.dial()
            sock.sendall(self.head("GET /api/none", None) * 3)
            self.assertTrue(sock.recv(100).startswith(b"HTTP/1.1 401 "))
            sock.close()
        self.watch(ATTACKER, 20)
        wait_until(lambda: self.used("connections") <= 2, "none is left")

    def test_one_connection_takes_many_requests_and_each_has_its_answer(self):
        self.start_quietly()
        paths = ["/health", "/api/config", "/api/none", "/openapi.yaml", "/api/messages?limit=0"] * 50
        answer = self.api.speak(b"".join(self.head("GET " + path) for path in paths) +
                                self.head("GET /health", None, Connection="close"))
        codes = [int(code) for code in re.findall(rb"HTTP/1\.1 (\d+) [A-Z]", answer)]
        self.assertIn(codes[0], (200, 503))
        self.assertEqual(codes[1:5], [200, 404, 200, 422])
        self.assertEqual(len(codes), len(paths) + 1)

    def test_who_expects_to_be_asked_for_the_body_is(self):
        self.fill(1)
        self.start_quietly()
        body = b'{"format":"csv"}'
        sock = self.dial()
        sock.sendall(self.head("POST /api/export", Content_Type="application/json",
                               Content_Length=len(body), Expect="100-continue",
                               Connection="close"))
        self.assertEqual(sock.recv(25), b"HTTP/1.1 100 Continue\r\n\r\n")
        sock.sendall(body)
        self.assertEqual(split_answer(read_all(sock))[0], 200)
        sock = self.dial()
        sock.sendall(self.head("POST /api/export", "wrong", Content_Type="application/json",
                               Content_Length=len(body), Expect="100-continue"))
        self.assertEqual(split_answer(read_all(sock))[0], 401)


class LongLinesTest(AttackCase):
    """One miner sends lines as long as they can be, others mine on."""

    def test_the_window_and_its_pages_are_bounded_in_bytes(self):
        pool = self.new_pool()
        recorder = self.start(pool, RING_BYTES="256M")
        quiet, quiet_up = self.join(recorder, pool)
        for number in range(50):
            quiet.send(SUBMIT % number)
        quiet_up.read(sum(len(SUBMIT % number) for number in range(50)))
        loud, loud_up = self.join(recorder, pool)
        Task(loud_up.skip)
        self.start_quietly(CAPTURE_MAX_BYTES="16M")
        line = b'{"id":1,"method":"x","params":["%s"]}\n' % (b"y" * 900000)
        for _ in range(100):
            loud.send(line)
        recorder.wait_counter("messages", 150)
        wait_until(lambda: self.used("live_bytes") > 14 << 20, "the window is full")
        self.assertLessEqual(self.used("live_bytes"), 16 << 20)
        self.assertEqual(self.bound("live_bytes"), 16 << 20)
        session = min(recorder.sessions(), key=lambda one: one["session"])["session"]
        kept = json.loads(self.ask(f"/api/messages?source=live&limit=1000&session_id={session}")[1])
        self.assertEqual(len(kept["items"]), 50)
        for source, wanted in (("archive", 150), ("all", 150), ("live", None)):
            with self.subTest(source=source):
                wait_until(lambda: recorder.counters()["messages_archived"] == 150, "archived")
                seen, cursor, pages = [], "", 0
                while cursor is not None:
                    status, body = self.ask(
                        f"/api/messages?source={source}&limit=1000&order=oldest" + cursor)
                    self.assertEqual(status, 200, body[:200])
                    self.assertLess(len(body), 48 << 20)
                    page = json.loads(body)
                    seen += [row["seq"] for row in page["items"]]
                    cursor = page["next_cursor"] and "&cursor=" + page["next_cursor"]
                    pages += 1
                self.assertEqual(seen, sorted(set(seen)))
                self.assertGreater(pages, 1)
                if wanted:
                    self.assertEqual(len(seen), wanted)
