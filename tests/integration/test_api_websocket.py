"""Readers of /api/ws: filters, batches, slow ones, the protocol, restarts of both programs."""
import json
import os
import signal
import time

from tests.integration.api_process import Api
from tests.integration.harness import PATIENCE, RecorderCase, Task, wait_until

SUBMIT = b'{"id":%d,"method":"mining.submit","params":["w","j","00","66000000","0a0b0c0d"]}\n'


class ApiCase(RecorderCase):
    def start_api(self, **settings):
        api = Api(self.folder, self.data_dir, **settings)
        self.addCleanup(api.cleanup)
        return api.wait_ready()

    def scene(self, **settings):
        """A recorder with one miner that is connected, and the API."""
        pool = self.new_pool()
        recorder = self.start(pool)
        miner, upstream = self.join(recorder, pool)
        return recorder, miner, upstream, self.start_api(**settings)

    def reader(self, api, query="", **headers):
        reader = api.read(query, **headers)
        self.addCleanup(reader.close)
        return reader

    def wait_following(self, reader, miner):
        """The feed follows a new ring within a moment: speaks until the reader hears it."""
        def heard():
            miner.send(b'{"id":0,"method":"test.hello","params":[]}\n')
            reader.sock.settimeout(0.3)
            try:
                return reader.next()
            except TimeoutError:
                return None
        wait_until(heard, "the reader hears the miner")
        reader.sock.settimeout(PATIENCE)

    def next_submit(self, reader):
        while True:
            frame = reader.next()
            if frame["type"] == "message" and b"submit" in frame["message"]["raw"].encode():
                return frame["message"]


class ReadersTest(ApiCase):
    def test_messages_come_as_they_pass(self):
        _, miner, upstream, api = self.scene()
        reader = self.reader(api)
        self.assertEqual(reader.status, 101)
        self.wait_following(reader, miner)
        miner.send(SUBMIT % 7)
        message = self.next_submit(reader)
        self.assertEqual(message["direction"], "miner_to_pool")
        self.assertEqual(json.loads(message["raw"])["id"], 7)
        upstream.send(b'{"id":7,"result":true,"error":null}\n')
        self.assertEqual(reader.next()["message"]["direction"], "pool_to_miner")

    def test_a_reader_hears_something_every_few_seconds(self):
        _, _, _, api = self.scene()
        reader = self.reader(api, "?method=nothing.of.this.name")
        reader.sock.settimeout(8)
        for _ in range(2):
            self.assertEqual(reader.next(), {"type": "ping"})

    def test_passwords_are_not_shown(self):
        _, miner, _, api = self.scene()
        reader = self.reader(api)
        self.wait_following(reader, miner)
        miner.send(b'{"id":5,"method":"mining.authorize","params":["farm.1","secret"]}\n')
        frame = reader.next()
        while "authorize" not in frame.get("message", {}).get("raw", ""):
            frame = reader.next()
        self.assertEqual(json.loads(frame["message"]["raw"])["params"], ["farm.1", "xxxxxx"])

    def test_filters_are_the_servers(self):
        _, miner, upstream, api = self.scene()
        everything = self.reader(api)
        self.wait_following(everything, miner)
        readers = {query: self.reader(api, query) for query in (
            "?method=mining.submit", "?method=submit", "?method=ping,mining.submit", "?direction=pool_to_miner", "?q=0a0b0c0d",
            "?errors=true", "?latency_max_ms=60000", "?latency_min_ms=60000",
            "?session_id=01930000-0000-7000-8000-000000000000")}
        miner.send(b'{"id":8,"method":"mining.subscribe","params":[]}\n' + SUBMIT % 9)
        self.next_submit(everything)
        upstream.send(b'{"id":9,"result":null,"error":[23,"low difficulty",null]}\n')
        wanted = {"?method=mining.submit": '"id":9', "?method=submit": '"id":9',
                  "?method=ping,mining.submit": '"id":9',
                  "?direction=pool_to_miner": "low diff", "?q=0a0b0c0d": "submit",
                  "?errors=true": "low diff", "?latency_max_ms=60000": "low diff"}
        for query, text in wanted.items():
            self.assertIn(text, readers[query].next()["message"]["raw"], query)
        for query in ("?session_id=01930000-0000-7000-8000-000000000000", "?latency_min_ms=60000"):
            readers[query].sock.settimeout(0.2)
            with self.assertRaises(TimeoutError):
                readers[query].next()

    def test_one_session_and_batches(self):
        _, miner, _, api = self.scene()
        everything = self.reader(api)
        self.wait_following(everything, miner)
        miner.send(SUBMIT % 1)
        session = self.next_submit(everything)["session_id"]
        one = self.reader(api, f"?session_id={session}&batch=1&method=mining.submit")
        miner.send(b"".join(SUBMIT % i for i in range(2, 502)))
        seen = []
        while len(seen) < 500:
            frame = one.next()
            self.assertEqual(frame["type"], "messages")
            seen += [json.loads(message["raw"])["id"] for message in frame["messages"]]
        self.assertEqual(seen, list(range(2, 502)))

    def test_a_reader_that_stops_reading_is_told_what_it_missed(self):
        _, miner, upstream, api = self.scene()
        quick, slow = self.reader(api, "?batch=1"), self.reader(api)
        self.wait_following(quick, miner)
        Task(upstream.skip)
        padding = b"x" * 1000
        line = b'{"id":%d,"method":"test.long","params":["' + padding + b'"]}\n'
        total, seen, skipped, last = 30000, 0, 0, -1
        for i in range(0, total, 500):
            miner.send(b"".join(line % n for n in range(i, i + 500)))
        miner.send(b'{"id":1,"method":"test.end","params":[]}\n')
        wait_until(lambda: json.loads(api.get("/api/status")[2])["api"]["rows"] > total,
                   "all has been published, read or not")
        while last < 0:
            frame = slow.next()
            if frame["type"] == "skipped":
                skipped += frame["count"]
            elif frame["type"] == "message":
                seen += "test.long" in frame["message"]["raw"]
                last = 0 if "test.end" in frame["message"]["raw"] else last
            if skipped and seen + skipped >= total:
                break
        self.assertGreater(skipped, 0)
        self.assertGreaterEqual(seen + skipped, total)
        self.assertLessEqual(seen + skipped, total + 100)  # hellos
        self.assertEqual(api.stop(), 0, api.text())

    def test_bad_requests_get_a_reason(self):
        api = self.start_api()
        for query in ("?session_id=x", "?direction=up", "?limit=3", "?batch=maybe", "?q=%zz",
                      "?q=" + "a" * 300, "?method=", "?method=submit,", "?batch=1&batch=1"):
            reader = self.reader(api, query)
            self.assertEqual(reader.status, 422, query)
            self.assertIn("detail", json.loads(reader.refusal), query)
        self.assertEqual(self.reader(api, Sec_WebSocket_Version="8").status, 400)
        self.assertEqual(self.reader(api, Sec_WebSocket_Key="short").status, 400)

    def test_control_frames_and_breaches(self):
        api = self.start_api()
        reader = self.reader(api)
        reader.send(9, b"are you there")
        self.assertEqual(reader.frame(), (10, b"are you there"))
        reader.send(1, b"ignored")
        reader.send(8, b"\x03\xe8bye")
        self.assertEqual(reader.frame(), (8, b"\x03\xe8"))
        with self.assertRaises(EOFError):
            reader.frame()
        for breach in (b"\x81\x01a", b"\xc1\x80abcd", b"\x89\xfe\x00\x7eabcd", b"\x83\x80abcd",
                       b"\x09\x80abcd"):
            broken = self.reader(api)
            broken.sock.sendall(breach)
            self.assertEqual(broken.frame(), (8, b"\x03\xea"), breach)
        large = self.reader(api)
        large.sock.sendall(b"\x82\xff" + (1 << 40).to_bytes(8, "big") + b"abcd")
        self.assertEqual(large.frame(), (8, b"\x03\xf1"))

    def test_the_recorder_restarts(self):
        recorder, miner, _, api = self.scene()
        reader = self.reader(api)
        self.wait_following(reader, miner)
        recorder.kill()
        pool = self.new_pool()
        again = self.start(pool)
        newcomer, _ = self.join(again, pool)
        self.wait_following(reader, newcomer)

    def test_the_api_is_killed_under_load_and_no_miner_notices(self):
        _, miner, upstream, api = self.scene()
        listener = Task(upstream.skip)
        for round_ in range(int(os.environ.get("API_KILLS", "5"))):
            reader = self.reader(api)
            self.wait_following(reader, miner)
            until = time.monotonic() + 0.05 * (round_ % 3)
            while time.monotonic() < until:
                miner.send(SUBMIT % 1)
            api.process.send_signal(signal.SIGKILL)
            miner.send(SUBMIT % (1000 + round_))
            api.cleanup()
            api = self.start_api()
        miner.end()
        listener.result()
        self.assertEqual(miner.sent, upstream.received)
