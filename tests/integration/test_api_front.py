"""The sockets of the API: bounds, slow clients, TLS, IPv6, tokens, hosts and origins."""
import json
import os
import socket
import stat
import subprocess
import time

from tests.integration.api_process import read_all, split_answer
from tests.integration.harness import bare_environment, is_sanitized, program, wait_until
from tests.integration.test_api_websocket import ApiCase

TOKEN = "correct-horse-battery-staple"


class FrontTest(ApiCase):
    def test_malformed_and_oversized_requests_are_refused(self):
        api = self.start_api()
        host = b"Host: localhost\r\n"
        cases = {
            b"GET / HTTP/1.1\r\n" + host + b"X: " + b"a" * 20000 + b"\r\n\r\n": 431,
            b"GET /" + b"a" * 40000: 431,
            b"POST /api/x HTTP/1.1\r\n" + host + b"Content-Length: 1048577\r\n\r\n": 413,
            b"POST /api/x HTTP/1.1\r\n" + host + b"Transfer-Encoding: chunked\r\n\r\n": 411,
            b"GET / HTTP/2.0\r\n" + host + b"\r\n": 505,
            b"GET / HTTP/1.1\r\n\r\n": 400,
            b"GET / HTTP/1.1\r\n" + host + host + b"\r\n": 400,
            b"GET / HTTP/1.1\n" + b"Host: localhost\n\n": 400,
            b"GET http://a/ HTTP/1.1\r\n" + host + b"\r\n": 400,
            b"GET / HTTP/1.1\r\n" + host + b"X : y\r\n\r\n": 400,
            b"GET / HTTP/1.1\r\n" + host + b" folded\r\n\r\n": 400,
            b"POST / HTTP/1.1\r\n" + host + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n": 400,
            b"POST / HTTP/1.1\r\n" + host + b"Content-Length: -1\r\n\r\n": 400,
            b"GET / HTTP/1.1\r\n" + host + b"X: \x01\r\n\r\n": 400,
            b"\x16\x03\x01\x02\x00\r\n\r\n": 400,
        }
        for request, code in cases.items():
            status, head, body = split_answer(api.speak(request))
            self.assertEqual(status, code, request[:80])
            self.assertIn("detail", json.loads(body))
            self.assertIn("nosniff", head)

    def test_slow_clients_are_cut_off(self):
        api = self.start_api()
        silent, slow = api.connect(), api.connect()
        begun = time.monotonic()
        slow.sendall(b"GET / HTTP/1.1\r\nHost: local")
        slow.settimeout(20)
        answer = b""
        while not answer and time.monotonic() - begun < 20:
            try:
                slow.sendall(b"h")
            except OSError:
                break
            slow.settimeout(0.5)
            try:
                answer = read_all(slow)
            except TimeoutError:
                continue
        self.assertEqual(split_answer(answer)[0], 408)
        self.assertLess(time.monotonic() - begun, 15)
        silent.settimeout(5)
        self.assertEqual(silent.recv(1), b"")
        for sock in (silent, slow):
            sock.close()

    def test_one_address_has_a_bound_of_waiting_connections(self):
        api = self.start_api()
        waiting, refused = [], 0
        for _ in range(300):
            try:
                waiting.append(api.connect())
            except ConnectionResetError:  # refused before this end knew that it was connected
                refused += 1

        def is_ended(sock):
            try:
                return sock.recv(1) == b""
            except ConnectionResetError:
                return True
            except TimeoutError:
                return False
        for sock in waiting:
            sock.settimeout(0.01)
        wait_until(lambda: refused + sum(map(is_ended, waiting)) >= 44, "the others are refused")
        for sock in waiting:
            sock.close()

    def certificate(self):
        names = [os.path.join(self.folder, name) for name in ("cert.pem", "key.pem")]
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                        "/CN=localhost", "-out", names[0], "-keyout", names[1]],
                       check=True, capture_output=True)
        return names

    def test_readers_over_tls(self):
        certificate, key = self.certificate()
        pool = self.new_pool()
        recorder = self.start(pool)
        miner, _ = self.join(recorder, pool)
        api = self.start_api(API_TLS_CERT=certificate, API_TLS_KEY=key, API_TOKEN=TOKEN)
        reader = self.reader(api, Authorization="Bearer " + TOKEN)
        self.assertEqual(reader.status, 101)
        self.wait_following(reader, miner)
        status, head, _ = api.get("/?token=" + TOKEN)
        self.assertEqual(status, 303)
        self.assertIn("; Secure", head)

    def test_ipv6(self):
        if not socket.has_ipv6:
            self.skipTest("no IPv6")
        try:
            with socket.socket(socket.AF_INET6) as probe:
                probe.bind(("::1", 0))
        except OSError:
            self.skipTest("no IPv6 here")
        api = self.start_api(API_HOST="::1")
        with api.connect(host="::1") as sock:
            sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
            self.assertEqual(split_answer(read_all(sock))[0], 400)
        self.assertIn("listening on [::1], ports ", api.text())

    def test_memory_stays_flat(self):
        if is_sanitized():
            self.skipTest("memory of a build with sanitizers says nothing")
        api = self.start_api()

        def resident():
            with open(f"/proc/{api.process.pid}/statm", encoding="ascii") as file:
                return int(file.read().split()[1]) * 4096

        def rounds(count):
            for _ in range(count):
                self.reader(api).close()
                api.speak(b"GET / HTTP/1.1\r\nX: " + b"a" * 20000 + b"\r\n\r\n")
        rounds(200)
        before = resident()
        rounds(1000)
        self.assertLess(resident() - before, 2 << 20)


class AuthTest(ApiCase):
    def test_readers_need_the_token(self):
        api = self.start_api(API_TOKEN=TOKEN)
        self.assertEqual(self.reader(api).status, 401)
        self.assertEqual(self.reader(api, Authorization="Bearer wrong").status, 401)
        self.assertEqual(self.reader(api, Cookie=f"hashscope-{api.port}={'0' * 64}").status, 401)
        self.assertEqual(self.reader(api, Authorization="Bearer " + TOKEN).status, 101)

    def test_the_link_gives_a_cookie(self):
        api = self.start_api(API_TOKEN=TOKEN)
        status, head, _ = api.get(f"/live?a=1&token={TOKEN}&b=2")
        self.assertEqual(status, 303)
        self.assertIn("\r\nLocation: /live?a=1&b=2\r\n", head)
        self.assertIn("; HttpOnly; SameSite=Strict", head)
        self.assertNotIn(TOKEN, head)
        cookie = head.split("Set-Cookie: ")[1].split(";")[0]
        self.assertEqual(self.reader(api, Cookie="x=y; " + cookie).status, 101)
        self.assertEqual(api.get("/?token=wrong")[0], 403)
        self.assertIn("\r\nLocation: /evil.org", api.get(f"//evil.org?token={TOKEN}")[1])
        self.assertNotIn(TOKEN, api.text())

    def test_hosts_and_origins(self):
        api = self.start_api(ALLOWED_HOSTS="scope.example", CORS_ORIGINS="https://ui.example")
        own = f"127.0.0.1:{api.port}"
        for host, status in ((own, 101), ("localhost", 101), ("[::1]:80", 101),
                             ("scope.example:8000", 101), (socket.gethostname(), 101),
                             ("evil.example", 403), ("127.0.0.1.evil.example", 403),
                             ("scope.example.evil.example", 403)):
            self.assertEqual(self.reader(api, Host=host).status, status, host)
        for origin, status in (("http://" + own, 101), ("https://ui.example", 101),
                               ("http://ui.example", 403), ("https://evil.example", 403),
                               ("null", 403), (f"http://127.0.0.1:{api.port + 1}", 403)):
            self.assertEqual(self.reader(api, Origin=origin).status, status, origin)

    def test_a_token_is_made_beyond_loopback(self):
        api = self.start_api(API_HOST="0.0.0.0")
        path = os.path.join(self.data_dir, "api-token")
        with open(path, encoding="ascii") as file:
            token = file.read().strip()
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        self.assertGreaterEqual(len(token), 32)
        self.assertEqual(self.reader(api).status, 401)
        self.assertEqual(self.reader(api, Authorization="Bearer " + token).status, 101)
        api.stop()
        again = self.start_api(API_HOST="0.0.0.0")
        self.assertEqual(self.reader(again, Authorization="Bearer " + token).status, 101)
        self.assertNotIn(token, api.text() + again.text())

    def test_check_says_how_exposed_it_is(self):
        def check(**settings):
            done = subprocess.run(
                [program("hashscope"), "api", "--check"], cwd=self.folder, capture_output=True,
                text=True, env=bare_environment(DATA_DIR=self.data_dir, **settings))
            return done.returncode, done.stdout
        self.assertEqual(check(API_HOST="127.0.0.1")[0], 0)
        code, text = check()
        self.assertEqual(code, 1)
        self.assertIn("RISK  TLS", text)
        code, text = check(API_TOKEN="short", API_HOST="127.0.0.1")
        self.assertIn("RISK  token", text)
        self.assertNotIn("short\n", text)
        self.assertEqual(check(CORS_ORIGINS="example")[0], 2)
        self.assertFalse(os.path.exists(os.path.join(self.data_dir, "api-token")))
