"""How the API tells of itself, the recorder and the settings: /health, status, config, /metrics."""
import json
import os
import re
import signal
import socket
import threading
import time

from tests.integration.harness import PATIENCE, is_sanitized, wait_until
from tests.integration.test_api_websocket import ApiCase

STATUS_PARTS = {"version", "now", "api", "recorder", "archive", "live"}


class StateCase(ApiCase):
    def start_api(self, **settings):
        api = super().start_api(**settings)
        self.addCleanup(self.end_api, api)
        return api

    def end_api(self, api):
        if is_sanitized() and api.process.poll() is None:
            self.assertEqual(api.stop(), 0, api.text())  # leaks are told at the end
        self.assertNotRegex(api.text(), "Sanitizer|runtime error:")

    def json(self, api, path, status=200, **headers):
        code, head, body = api.get(path, **headers)
        self.assertEqual(code, status, (path, head, body))
        return json.loads(body)

    def wait_health(self, api, state, seconds=PATIENCE):
        """Until /health says so; returns it."""
        def look():
            code, _, body = api.get("/health")
            answer = json.loads(body)
            self.assertEqual(code, 503 if answer["status"] == "down" else 200)
            return answer if answer["status"] == state else None
        return wait_until(look, f"health is {state}", seconds)


class FakeRecorder:
    """A control socket that says what it is told to say."""

    def __init__(self, data_dir, answer):
        os.makedirs(os.path.join(data_dir, "live"), exist_ok=True)
        self.answer = answer
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(os.path.join(data_dir, "live/control.sock"))
        self.server.listen(8)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                client, _ = self.server.accept()
            except OSError:
                return
            with client:
                client.recv(65536)
                text = self.answer if isinstance(self.answer, str) else json.dumps(self.answer)
                client.sendall(text.encode() + b'\n{"done":true}\n')

    def close(self):
        self.server.close()


class HealthTest(StateCase):
    def test_trouble_with_the_archive(self):
        state = {"archive": {"degraded": False}, "counters": {"records_lost": 7},
                 "housekeeping": {"room_missing": False}}
        fake = self.keep(FakeRecorder(self.data_dir, state))
        api = self.start_api()
        self.assertNotIn("lost", json.dumps(self.wait_health(api, "degraded")))
        fake.answer = {**state, "archive": {"degraded": True, "reason": "No space left"}}
        wait_until(lambda: "No space left" in json.dumps(self.wait_health(api, "degraded")),
                   "the reason is told")
        fake.answer = {**state, "housekeeping": {"room_missing": True, "bytes_exceeded": True}}
        wait_until(lambda: "MIN_FREE_BYTES" in json.dumps(self.wait_health(api, "degraded")),
                   "the reason is told")
        fake.answer = {**state, "counters": {"records_lost": 12}}
        self.assertIn("5 records", json.dumps(self.wait_health(api, "down")["reasons"]))

    def test_nonsense_instead_of_a_status(self):
        fake = self.keep(FakeRecorder(self.data_dir, '{"error":"not today"}'))
        api = self.start_api()
        self.assertIn("not today", self.wait_health(api, "down")["reasons"][0])
        for text in ("nonsense", "[1]", '"x"', "{", '{"archive":7,"counters":[],"pid":"x"}', ""):
            fake.answer = text
            before = self.asked(api)
            wait_until(lambda: self.asked(api) > before + 1, "it has been asked again")
            self.assertEqual(self.json(api, "/api/status")["recorder"]["running"],
                             text.startswith('{"archive'))
            self.assertIn(api.get("/health")[0], (200, 503))
            self.assertEqual(api.get("/metrics")[0], 200)

    @staticmethod
    def asked(api):
        text = api.get("/metrics")[2].decode()
        return int(re.search(r"^hashscope_recorder_asked_total (\d+)", text, re.M)[1])

    def test_all_is_well_until_the_recorder_is_gone_and_again_when_it_is_back(self):
        pool = self.new_pool()
        recorder = self.start(pool)
        api = self.start_api()
        self.assertEqual(self.wait_health(api, "ok")["reasons"], [])
        recorder.kill()
        gone = self.wait_health(api, "down")
        self.assertIn("not running", gone["reasons"][0])
        self.start(pool)
        self.wait_health(api, "ok")

    def test_a_recorder_that_is_stuck_is_told_of_at_once_and_holds_nobody_up(self):
        recorder = self.start(self.new_pool())
        api = self.start_api()
        self.wait_health(api, "ok")
        recorder.signal(signal.SIGSTOP)
        try:
            slowest, states = 0, set()
            until = time.monotonic() + 2 * PATIENCE
            while "down" not in states and time.monotonic() < until:
                for path in ("/health", "/api/status", "/metrics"):
                    begun = time.monotonic()
                    code, _, body = api.get(path)
                    slowest = max(slowest, time.monotonic() - begun)
                    if path == "/health":
                        states.add(json.loads(body)["status"])
                    else:
                        self.assertEqual(code, 200)
            self.assertIn("down", states)
            self.assertLess(slowest, 0.5)
        finally:
            recorder.signal(signal.SIGCONT)
        self.wait_health(api, "ok")

    def test_without_a_data_directory_it_is_down_and_answers(self):
        api = self.start_api()
        answer = self.wait_health(api, "down")
        self.assertEqual(len(answer["reasons"]), 1)
        self.assertIn("hashscope_recorder_up 0", api.get("/metrics")[2].decode())

    def test_it_needs_no_token_and_the_others_do(self):
        self.start(self.new_pool())
        api = self.start_api(API_TOKEN="a-token-of-the-test")
        self.assertIn(api.get("/health")[0], (200, 503))
        self.assertEqual(api.get("/openapi.yaml")[0], 200)
        for path in ("/api/status", "/api/config", "/metrics"):
            self.assertEqual(api.get(path)[0], 401, path)
            self.assertEqual(api.get(path, Authorization="Bearer a-token-of-the-test")[0], 200)


class StatusTest(StateCase):
    def test_status_tells_of_all_parts(self):
        recorder, miner, upstream, api = self.scene()
        miner.send(b'{"id":1,"method":"mining.subscribe","params":[]}\n')
        upstream.send(b'{"id":1,"result":true,"error":null}\n')
        wait_until(lambda: self.json(api, "/api/status")["live"]["messages"] == 2, "two messages")
        wait_until(lambda: self.json(api, "/api/status")["archive"]["to"], "they are archived")
        wait_until(lambda: self.json(api, "/api/status")["recorder"]["sessions_open"] == 1,
                   "the session is told of")
        status = self.json(api, "/api/status")
        self.assertEqual(set(status), STATUS_PARTS)
        self.assertTrue(status["recorder"]["running"])
        self.assertIsNone(status["recorder"]["error"])
        self.assertEqual(status["recorder"]["pid"], recorder.pid)
        self.assertEqual(status["archive"]["segments"], 1)
        self.assertGreater(status["archive"]["free_bytes"], 0)
        self.assertLessEqual(status["archive"]["from"], status["archive"]["to"])
        self.assertGreater(status["api"]["requests"], 0)
        self.assertTrue(status["api"]["following"])

    def test_without_a_recorder_the_archive_is_still_told_of(self):
        recorder, miner, _, api = self.scene()
        miner.send(b'{"id":1,"method":"mining.subscribe","params":[]}\n')
        recorder.wait_counter("messages", 1)
        recorder.stop()
        wait_until(lambda: not self.json(api, "/api/status")["recorder"]["running"],
                   "it is noticed")
        status = self.json(api, "/api/status")
        self.assertIn("not running", status["recorder"]["error"])
        self.assertEqual(status["archive"]["segments"], 1)
        self.assertRegex(status["archive"]["from"], r"^\d{4}-.*Z$")

    def test_config_shows_settings_and_no_secret(self):
        self.start(self.new_pool())
        api = self.start_api(API_TOKEN="a-token-of-the-test", CAPTURE_MAX_MESSAGES=777,
                             POOL_HOST="pool.example.com")
        token = {"Authorization": "Bearer a-token-of-the-test"}
        answer = self.json(api, "/api/config", **token)
        self.assertNotIn("a-token-of-the-test", json.dumps(answer))
        settings = {row["name"]: row for row in answer["settings"]}
        for row in answer["settings"]:
            self.assertEqual(set(row), {"name", "value", "default", "source", "help", "secret"})
        self.assertEqual(settings["CAPTURE_MAX_MESSAGES"]["value"], 777)
        self.assertEqual(settings["CAPTURE_MAX_MESSAGES"]["default"], 50000)
        self.assertEqual(settings["CAPTURE_MAX_MESSAGES"]["source"], "environment")
        self.assertTrue(settings["API_TOKEN"]["secret"])
        self.assertEqual(settings["API_TOKEN"]["value"], "\u2022" * 4)
        self.assertEqual(settings["DATA_DIR"]["value"], self.data_dir)
        self.assertEqual(settings["UI_PORT"]["source"], "environment")
        self.assertEqual(settings["POOL_HOST"]["value"], "pool.example.com")  # of the recorder
        self.assertEqual(settings["MAX_SESSIONS"]["source"], "default")
        self.assertTrue(settings["NOSTR_SK"]["secret"])

    def test_parameters_are_refused(self):
        api = self.start_api()
        for path in ("/health", "/api/status", "/api/config", "/metrics"):
            self.assertEqual(api.get(path + "?x=1")[0], 422, path)
            self.assertEqual(api.speak(
                f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                "Content-Length: 0\r\nConnection: close\r\n\r\n".encode())[9:12], b"405", path)


class MetricsTest(StateCase):
    LINE = re.compile(r'^(hashscope_[a-z0-9_]+)(\{[a-z]+="[^"]*"\})? ([0-9.]+)$')

    def read(self, api):
        """Name with labels to value; every figure has its HELP and TYPE in front of it."""
        code, head, body = api.get("/metrics")
        self.assertEqual(code, 200)
        self.assertIn("text/plain; version=0.0.4", head)
        figures, types, helped = {}, {}, set()
        for line in body.decode().splitlines():
            if line.startswith("# HELP "):
                name, text = line[7:].split(" ", 1)
                self.assertNotIn(name, helped)
                self.assertTrue(text.endswith("."), line)
                helped.add(name)
                continue
            if line.startswith("# TYPE "):
                name, kind = line[7:].split(" ")
                self.assertIn(name, helped)
                types[name] = kind
                continue
            found = self.LINE.match(line)
            self.assertTrue(found, line)
            base = re.sub(r"_(sum|count)$", "", found[1])
            name = found[1] if found[1] in types else base
            self.assertIn(name, types)
            self.assertEqual(types[name] == "counter", name.endswith("_total"), name)
            self.assertNotIn(found[1] + (found[2] or ""), figures)
            figures[found[1] + (found[2] or "")] = float(found[3])
        return figures

    def test_figures_are_the_recorders_and_stay_when_it_has_gone(self):
        recorder, miner, _, api = self.scene()
        for i in range(5):
            miner.send(b'{"id":%d,"method":"mining.submit","params":[]}\n' % i)
        recorder.wait_counter("messages", 5)
        figures = self.read(api)
        self.assertEqual(figures["hashscope_messages_total"], 5)
        self.assertEqual(figures["hashscope_sessions_accepted_total"], 1)
        self.assertEqual(figures["hashscope_recorder_up"], 1)
        for name in recorder.counters():
            self.assertTrue(self.has(figures, name), name)
        recorder.stop()
        wait_until(lambda: self.read(api)["hashscope_recorder_up"] == 0, "it is noticed")
        figures = self.read(api)
        self.assertEqual(figures["hashscope_messages_total"], 5)
        self.assertNotIn("hashscope_sessions_open", figures)

    @staticmethod
    def has(figures, counter):
        """Under its own name, or that with its unit at the end."""
        renamed = {"archive_bytes": "archive_written_bytes", "pauses": "relay_pauses",
                   "removed_bytes": "segments_removed_bytes",
                   "recompressed_saved_bytes": "recompress_saved_bytes"}
        name = renamed.get(counter, re.sub(r"^bytes_(.*)$", r"\1_bytes", counter))
        return f"hashscope_{name}_total" in figures

    def test_requests_are_counted_by_class(self):
        api = self.start_api()
        before = self.read(api)
        for _ in range(3):
            api.get("/api/nothing-of-this-name")
        after = self.read(api)
        key = 'hashscope_api_requests_total{code="4xx"}'
        self.assertEqual(after[key] - before[key], 3)
        self.assertGreater(after["hashscope_api_resident_memory_bytes"], 1 << 20)
