"""GET messages and GET messages/{id}: what was said, live and archived, by filter and page by page."""
import base64
import glob
import json
import os
import socket
import time

from tests.integration.harness import wait_until
from tests.integration.test_api_websocket import ApiCase

SUBMIT = b'{"id":%d,"method":"mining.submit","params":["w","job%d","00","66000000","0a0b0c0d"]}\n'
ACCEPT = b'{"id":%d,"result":true,"error":null}\n'
REJECT = b'{"id":%d,"result":null,"error":[23,"Low difficulty share",null]}\n'
FIELDS = {"id", "imported_as", "seq", "ts_recv", "ts_fwd", "direction", "session_id", "peer", "raw", "raw_base64",
          "decoded", "parse_error", "size_bytes", "fragment", "method", "jsonrpc_id", "is_request", "is_response",
          "paired_message_id", "response", "response_ts_recv", "response_raw", "latency_ms"}


class MessagesTest(ApiCase):
    def get(self, api, path, status=200, **headers):
        code, _, body = api.get(path, **headers)
        self.assertEqual(code, status, body[:500])
        return json.loads(body)

    def items(self, api, query):
        return self.get(api, "/api/messages?" + query)["items"]

    def wait_items(self, api, query, count):
        return wait_until(lambda: (lambda got: got if len(got) >= count else None)(
            self.items(api, query)), f"{count} messages of {query}")

    def talk(self, miner, upstream, numbers):
        """A submit each and its answer; every third is refused."""
        for number in numbers:
            miner.send(SUBMIT % (number, number))
            upstream.read(len(SUBMIT % (number, number)))
            upstream.send((ACCEPT if number % 3 else REJECT) % number)
            miner.read(len((ACCEPT if number % 3 else REJECT) % number))

    def pages(self, api, query):
        """All pages, by their cursors."""
        found, cursor = [], None
        while True:
            page = self.get(api, f"/api/messages?{query}" + (f"&cursor={cursor}" if cursor else ""))
            found += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return found

    def test_a_tls_hello_on_the_plain_port_is_called_that(self):
        _, miner, upstream, api = self.scene()
        hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(60)
        miner.send(hello)
        self.assertEqual(upstream.read(len(hello)), hello)
        (row,) = self.wait_items(api, "source=live", 1)
        self.assertEqual(row["parse_error"], "no text: a TLS hello on the plain port")
        self.assertEqual(base64.b64decode(row["raw_base64"]), hello)

    def test_a_message_has_all_its_fields(self):
        _, miner, upstream, api = self.scene()
        self.talk(miner, upstream, [7, 9])
        rows = self.wait_items(api, "source=live&order=oldest", 4)
        for row in rows:
            self.assertEqual(set(row), FIELDS)
        asked, answered, _, refused = rows
        self.assertEqual(asked["raw"].encode() + b"\n", SUBMIT % (7, 7))
        self.assertEqual((asked["direction"], asked["method"], asked["jsonrpc_id"]),
                         ("miner_to_pool", "mining.submit", 7))
        self.assertTrue(asked["is_request"] and not asked["is_response"])
        self.assertEqual(asked["decoded"]["fields"]["job_id"], "job7")
        self.assertEqual(asked["response"], {"id": 7, "result": True, "error": None})
        self.assertEqual(asked["response_raw"].encode() + b"\n", ACCEPT % 7)
        self.assertEqual(asked["response_ts_recv"], answered["ts_recv"])
        self.assertEqual(asked["paired_message_id"], answered["id"])
        self.assertEqual(answered["paired_message_id"], asked["id"])
        self.assertEqual(asked["latency_ms"], answered["latency_ms"])
        self.assertGreater(asked["latency_ms"], 0)
        self.assertEqual(asked["size_bytes"], len(SUBMIT % (7, 7)) - 1)
        self.assertEqual(refused["decoded"]["refused"], {"code": 23, "text": "Low difficulty share"})
        self.assertEqual({row["peer"] for row in rows}, {miner.address})
        for row in rows:
            self.assertEqual(self.get(api, "/api/messages/" + row["id"]), row)

    def test_bytes_that_are_no_json(self):
        _, miner, _, api = self.scene()
        miner.send(b'{"id":1}\n{"id":2, nonsense\n{"id":3,"method":"\xff\xfe"}\n')
        masked = self.wait_items(api, "source=live&order=oldest", 3)[1]
        self.assertEqual(masked["raw"], "x" * 17)  # it may be a line of a login on several
        good, broken, foreign = self.wait_items(api, "source=live&order=oldest&passwords=shown", 3)
        self.assertIsNone(good["parse_error"])
        self.assertEqual(broken["raw"], '{"id":2, nonsense')
        self.assertIn("invalid JSON", broken["parse_error"])
        self.assertIsNone(broken["decoded"])
        self.assertIsNone(foreign["raw"])
        self.assertIn("invalid UTF-8", foreign["parse_error"])
        self.assertEqual(foreign["raw_base64"], "eyJpZCI6MywibWV0aG9kIjoi//4ifQ==")

    def test_filters_fit_live_as_in_the_archive(self):
        recorder, miner, upstream, api = self.scene()
        self.talk(miner, upstream, range(1, 31))
        other, upstream2 = self.join(recorder, self.pool_of(recorder))
        self.talk(other, upstream2, range(101, 104))
        rows = self.wait_items(api, "source=live&limit=1000&order=oldest", 66)
        session = rows[-1]["session_id"]
        middle = rows[30]["ts_recv"]
        queries = ["", "direction=pool_to_miner", "method=mining.submit", "method=mining.submit,x.y",
                   "method=x.y", "errors=true", "q=job17", "q=Low%20difficulty", "q=nowhere",
                   f"session_id={session}", f"session_id={session}&errors=1", f"from={middle}",
                   f"to={middle}", "session_id=01930000-0000-7000-8000-000000000000"]
        waits = sorted(row["latency_ms"] for row in rows if row["is_response"])
        slow, slower = (f"{waits[at]:.3f}" for at in (len(waits) // 2, -1))
        queries += [f"latency_min_ms={slow}", f"latency_max_ms={slow}",
                    f"latency_min_ms={slow}&latency_max_ms={slower}", f"latency_min_ms={slow}&errors=true"]
        recorder.ask("rotate")
        for query in queries:
            for order in ("newest", "oldest"):
                tail = f"&limit=1000&order={order}"
                live = self.items(api, f"source=live&{query}{tail}")
                self.assertEqual(live, self.items(api, f"source=all&{query}{tail}"), query)
                archived = wait_until(
                    lambda q=query, t=tail, n=len(live): (lambda got: [got] if len(got) == n else None)(
                        self.items(api, f"source=archive&{q}{t}")), f"archive has {query}")[0]
                self.assertEqual(live, archived, query)
        self.assertEqual(len(self.items(api, "source=live&method=mining.submit&limit=1000")), 33)
        self.assertEqual(len(self.items(api, "source=live&errors=true&limit=1000")), 11)
        found = self.items(api, f"source=live&latency_min_ms={slow}&limit=1000")
        self.assertEqual(len(found), sum(wait >= float(slow) for wait in waits))
        self.assertTrue(all(row["is_response"] and row["latency_ms"] >= float(slow) for row in found))
        self.assertEqual(len(self.items(api, f"source=live&session_id={session}&limit=1000")), 6)

    def pool_of(self, recorder):
        return self.pools[recorder]

    def scene(self, **settings):
        pool = self.new_pool()
        recorder = self.start(pool)
        self.pools = {recorder: pool}
        miner, upstream = self.join(recorder, pool)
        return recorder, miner, upstream, self.start_api(**settings)

    def test_pages_have_no_holes_and_no_doubles(self):
        recorder, miner, upstream, api = self.scene()
        self.talk(miner, upstream, range(1, 21))
        recorder.ask("rotate")
        self.talk(miner, upstream, range(21, 41))
        all_of_them = [row["id"] for row in self.wait_items(api, "order=oldest&limit=1000", 80)]
        wait_until(lambda: len(self.items(api, "source=live&limit=1000")) == 80, "all is live")
        for source in ("live", "all"):
            for order in ("oldest", "newest"):
                found = [row["id"] for row in self.pages(api, f"source={source}&limit=7&order={order}")]
                wanted = all_of_them if order == "oldest" else all_of_them[::-1]
                self.assertEqual(found, wanted, (source, order))
                part = self.items(api, f"source={source}&order={order}&limit=5&offset=11")
                self.assertEqual([row["id"] for row in part], wanted[11:16])
                self.assertEqual(self.items(api, f"source={source}&offset=80"), [])

    def test_a_cursor_survives_rotation_and_restarts(self):
        recorder, miner, upstream, api = self.scene()
        self.talk(miner, upstream, range(1, 11))
        self.wait_items(api, "limit=1000", 20)
        first = self.get(api, "/api/messages?order=oldest&limit=5")
        recorder.ask("rotate")
        self.talk(miner, upstream, range(11, 13))
        self.assertEqual(recorder.stop(), 0)
        self.assertEqual(api.stop(), 0)
        api = self.start_api()
        rest = self.get(api, f"/api/messages?order=oldest&limit=1000&cursor={first['next_cursor']}")
        everything = self.items(api, "order=oldest&limit=1000&source=archive")
        self.assertEqual(len(everything), 24)
        self.assertEqual([row["id"] for row in first["items"] + rest["items"]],
                         [row["id"] for row in everything])

    def test_an_answer_in_a_later_segment(self):
        recorder, miner, upstream, api = self.scene()
        miner.send(SUBMIT % (1, 1))
        upstream.read(len(SUBMIT % (1, 1)))
        request = self.wait_items(api, "method=mining.submit", 1)[0]
        self.assertIsNone(request["response"])
        recorder.ask("rotate")
        upstream.send(REJECT % 1)
        miner.read(len(REJECT % 1))
        self.assertEqual(recorder.stop(), 0)
        self.assertEqual(api.stop(), 0)
        api = self.start_api(RING_DIR=self.folder)  # the archive alone
        for found in (self.items(api, "method=mining.submit&source=archive")[0],
                      self.get(api, "/api/messages/" + request["id"])):
            self.assertEqual(found["response"]["error"][0], 23)
            self.assertGreater(found["latency_ms"], 0)
            self.assertEqual(found["peer"], request["peer"])
        answer = self.get(api, "/api/messages/" + found["paired_message_id"])
        self.assertEqual(answer["paired_message_id"], request["id"])
        self.assertEqual(answer["decoded"]["refused"]["code"], 23)

    def test_passwords(self):
        _, miner, _, api = self.scene()
        miner.send(b'{"id":5,"method":"mining.authorize","params":["farm.1","secret"]}\n')
        row = self.wait_items(api, "source=live&method=mining.authorize", 1)[0]
        self.assertNotIn("secret", json.dumps(row))
        self.assertEqual(row["decoded"]["fields"]["worker"], "farm.1")
        for query in ("?passwords=shown", "?passwords=masked"):
            one = self.get(api, f"/api/messages/{row['id']}{query}")
            self.assertEqual("secret" in one["raw"], query == "?passwords=shown")
        self.assertIn("secret", self.items(api, "method=mining.authorize&passwords=shown")[0]["raw"])

    def test_passwords_in_what_only_lenient_pools_read(self):
        _, miner, _, api = self.scene()
        reader = self.reader(api)
        self.wait_following(reader, miner)
        for line in (b'{"id":5,"method":"mining.authorize","params":["bj\xf6rn","hunter2"]}\n',
                     b"{'id':6,'method':'mining.authorize','params':['a','hunter2']}\n",
                     b'[{"id":7,"method":"login","params":["a","hunter2"]}]\n',
                     b'{"id":8,"method":"mining.submit","params":["last"]}\n'):
            miner.send(line)
        rows = self.wait_items(api, "source=live&method=mining.submit", 1)
        frames = [reader.next()]
        while '"last"' not in (frames[-1].get("message", {}).get("raw") or ""):
            frames.append(reader.next())
        rows = self.items(api, "source=live") + [frame.get("message", {}) for frame in frames]
        rows += self.items(api, "source=archive")
        shown = json.dumps(rows) + "".join(
            base64.b64decode(row.get("raw_base64") or "").decode("latin-1") for row in rows)
        self.assertNotIn("hunter2", shown)
        self.assertIn("bj\xf6rn", shown)
        self.assertIn("[withheld: may hold a password]", shown)

    def test_what_makes_no_sense_is_said(self):
        _, _, _, api = self.scene()
        for query, detail in {
                "limit=0": "limit: 0 is not 1 to 1000", "limit=1001": "limit: 1001 is not 1 to 1000",
                "limit=x": "limit: x is not 1 to 1000", "limit=": "limit: nothing is not",
                "offset=-1": "offset: -1 is not", "order=up": "order: 'up' is none of newest|oldest",
                "source=disk": "source: 'disk'", "direction=up": "direction: 'up'",
                "session_id=1": "session_id: '1' is no UUID", "from=yesterday": "from: 'yesterday'",
                "from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z": "to: not behind from",
                "errors=maybe": "errors: 'maybe'", "latency_min_ms=-1": "latency_min_ms: '-1'",
                "latency_min_ms=1.": "latency_min_ms: '1.'", "latency_min_ms=0": "latency_min_ms: 0 is not",
                "latency_min_ms=5&latency_max_ms=4.999": "latency_max_ms: below latency_min_ms", "q=": "q: 0 bytes", "q=" + "a" * 257: "q: 257 bytes",
                "method=,": "method: an empty name", "limit=1&limit=2": "limit: given twice",
                "nonsense=1": "nonsense: there is no such parameter here", "q=%zz": "q: not percent",
                "q=%00": "q: not percent", "q=%ff": "q: not percent", "cursor=x": "cursor",
                "cursor=x&source=live": "cursor: it is none"}.items():
            self.assertIn(detail, self.get(api, "/api/messages?" + query, 422)["detail"])
        self.get(api, "/api/messages?q=" + "&" * 9000, 414)
        self.get(api, "/api/messages/nonsense", 422)
        self.get(api, "/api/messages/0000000000000001-1", 404)
        self.get(api, "/api/nothing", 404)

    def test_methods_and_heads(self):
        _, _, _, api = self.scene()
        host = f"Host: 127.0.0.1:{api.port}\r\nConnection: close\r\n".encode()
        answer = api.speak(b"DELETE /api/messages HTTP/1.1\r\nContent-Type: application/json\r\n" + host
                           + b"\r\n")
        self.assertTrue(answer.startswith(b"HTTP/1.1 405 "), answer)
        self.assertIn(b"Allow: GET\r\n", answer)
        head, body = api.speak(b"HEAD /api/messages HTTP/1.1\r\n" + host + b"\r\n").split(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"HTTP/1.1 200 "), head)
        self.assertEqual(body, b"")
        self.assertIn(b"Cache-Control: no-store", head)

    def test_nobody_comes_past_the_front(self):
        _, _, _, api = self.scene(API_TOKEN="sesame")
        behind = [port for port in self.listening(api.process.pid) if port not in
                  (api.port, api.second_port)]
        self.assertEqual(len(behind), 1)
        with socket.create_connection(("127.0.0.1", behind[0]), 5) as sock:
            sock.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            self.assertEqual(sock.recv(100), b"")

    @staticmethod
    def listening(pid):
        with open(f"/proc/{pid}/net/tcp", encoding="ascii") as file:
            rows = [line.split() for line in file.readlines()[1:]]
        sockets = set()
        for path in glob.glob(f"/proc/{pid}/fd/*"):
            try:
                sockets.add(os.readlink(path))
            except OSError:
                continue
        return [int(row[1].split(":")[1], 16) for row in rows
                if row[3] == "0A" and f"socket:[{row[9]}]" in sockets]

    def test_no_endpoint_without_the_token(self):
        _, _, _, api = self.scene(API_TOKEN="sesame")
        self.get(api, "/api/messages", 401)
        self.get(api, "/api/messages", 401, Authorization="Bearer wrong")
        self.get(api, "/api/messages", 200, Authorization="Bearer sesame")
        body = json.dumps({"token": "sesame"}).encode()
        head = (f"POST /api/login HTTP/1.1\r\nHost: 127.0.0.1:{api.port}\r\nConnection: close\r\n"
                f"Content-Type: application/json\r\nContent-Length: ")
        answer = api.speak(head.encode() + b"%d\r\n\r\n" % len(body) + body)
        self.assertTrue(answer.startswith(b"HTTP/1.1 200 "), answer)
        cookie = answer.split(b"Set-Cookie: ")[1].split(b";")[0].decode()
        self.assertNotIn("sesame", cookie)
        self.get(api, "/api/messages", 200, Cookie=cookie)
        wrong = b'{"token":"Sesame"}'
        answer = api.speak(head.encode() + b"%d\r\n\r\n" % len(wrong) + wrong)
        self.assertTrue(answer.startswith(b"HTTP/1.1 401 "), answer)

    def test_the_recorder_comes_and_goes(self):
        recorder, miner, upstream, api = self.scene()
        self.talk(miner, upstream, [1])
        self.wait_items(api, "source=live", 2)
        recorder.kill()
        self.assertEqual(len(self.items(api, "source=live")), 2)
        self.assertEqual(len(self.items(api, "source=all")), 2)
        again = self.start(self.pool_of(recorder))
        miner, upstream = self.join(again, self.pool_of(recorder))
        self.talk(miner, upstream, [2, 3])
        rows = self.wait_items(api, "source=live", 6)
        self.assertEqual([row["seq"] for row in rows], sorted((row["seq"] for row in rows), reverse=True))
        self.assertEqual(rows, self.items(api, "source=all"))

    def test_killed_under_load_without_a_miner_noticing(self):
        _, miner, upstream, api = self.scene()
        for number in range(1, 60):
            self.talk(miner, upstream, [number])
            if number % 12 == 0:
                api.process.kill()
                api.process.wait(10)
                api = self.start_api()
            self.items(api, "limit=50")
        self.wait_items(api, "source=live&limit=1000", 118)

    def test_bounds_of_what_is_live(self):
        recorder, miner, upstream, _ = self.scene()
        api = self.start_api(CAPTURE_MAX_MESSAGES=1000, CAPTURE_MAX_PER_SESSION=10)
        self.talk(miner, upstream, range(1, 41))
        other, upstream2 = self.join(recorder, self.pool_of(recorder))
        self.talk(other, upstream2, range(41, 44))
        wait_until(lambda: any("job43" in row["raw"] for row in self.items(api, "source=live")), "the last")
        time.sleep(0.1)
        self.assertEqual(len(self.items(api, "source=live&limit=1000")), 16)
        self.assertEqual(len(self.items(api, "source=all&limit=1000")), 86)
