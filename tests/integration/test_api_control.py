"""What the API changes: disconnect, replay of a message, broadcast, repeat count, auto-replay. The miner
never sees anything of it."""
import json
import os
import time

from tests.integration.harness import Task, wait_until
from tests.integration.test_api_sessions import MISSING, SessionCase

SWITCHES = ("broadcast/enable", "broadcast/disable", "auto-replay/enable", "auto-replay/disable")
READINGS = ("broadcast/status", "repeat-count", "auto-replay/status", "auto-replay-count")
NOTHING = {"broadcast_enabled": False, "repeat_count": 1, "auto_replay_enabled": False,
           "auto_replay_count": 1, "sent": 0, "accepted": 0, "rejected": 0, "failed": 0, "waiting": 0}


class ControlCase(SessionCase):
    def post(self, api, path, body=None, status=200):
        text = json.dumps({} if body is None else body).encode()
        head = (f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{api.port}\r\nConnection: close\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n")
        answer = api.speak(head.encode() + text)
        found, _, data = answer.partition(b"\r\n\r\n")
        self.assertEqual(int(found.split()[1]), status, data[:500])
        return json.loads(data)

    def open_scene(self, **settings):
        miner, upstream, api = self.new_scene(**settings)
        self.hello(miner, upstream)
        row = self.wait_session(api, lambda s: s["difficulty"] == 1024)
        return miner, upstream, api, row["session_id"]

    def status(self, api, session, name):
        got = self.get(api, f"/api/sessions/{session}/{name}")
        self.assertEqual(got.pop("session_id"), session)
        return got

    def answer(self, upstream, error=None):
        """Takes one injected line and answers it."""
        line = json.loads(upstream.read_line())
        upstream.send(json.dumps({"id": line["id"], "result": None if error else True,
                                  "error": error}).encode() + b"\n")
        return line

    def end(self, api, miner, upstream):
        miner.end()
        upstream.read_end()
        upstream.end()
        self.wait_session(api, lambda s: s["state"] == "closed")


class DisconnectTest(ControlCase):
    def test_both_sides_are_closed(self):
        miner, upstream, api, session = self.open_scene()
        self.assertEqual(self.post(api, f"/api/sessions/{session}/disconnect"), {"success": True})
        miner.read_end()
        upstream.read_end()
        row = self.wait_session(api, lambda s: s["state"] == "closed")
        self.assertEqual((row["closed_by"], row["reason"]), ("hashscope", "disconnected on request"))
        self.assertIn("closed", self.post(api, f"/api/sessions/{session}/disconnect", status=409)["detail"])

    def test_who_is_not_there(self):
        _, _, api, session = self.open_scene()
        self.post(api, f"/api/sessions/{MISSING}/disconnect", status=404)
        self.post(api, "/api/sessions/nonsense/disconnect", status=404)
        self.recorder.kill()
        text = self.post(api, f"/api/sessions/{session}/disconnect", status=503)["detail"]
        self.assertIn("the recorder is not running", text)


class ReplayTest(ControlCase):
    def request_of(self, api, session, method="mining.submit"):
        def look():
            rows = self.get(api, f"/api/messages?session_id={session}&method={method}"
                            "&direction=miner_to_pool")["items"]
            return rows[0]["id"] if rows else None
        return wait_until(look, "the message is there")

    def test_as_it_was(self):
        miner, upstream, api, session = self.open_scene()
        self.share(miner, upstream, 10)
        message = self.request_of(api, session)
        task = Task(lambda: self.post(api, f"/api/messages/{message}/replay"))
        line = self.answer(upstream, [22, "Duplicate share", None])
        self.assertEqual(line["params"], ["farm.1", "job1", "00000000", "66000000", "0000000a"])
        result = task.result()
        self.assertEqual(set(result), {"success", "pool_response", "error", "latency_ms"})
        self.assertEqual((result["success"], result["error"]), (True, None))
        self.assertEqual(result["pool_response"]["error"][0], 22)
        self.assertGreater(result["latency_ms"], 0)
        self.share(miner, upstream, 11)  # the miner has seen nothing of it
        rows = self.wait_session(api, lambda s: s["messages"]["pool_to_hashscope"] == 1)["messages"]
        self.assertEqual(rows["hashscope_to_pool"], 1)

    def test_changed(self):
        miner, upstream, api, session = self.open_scene()
        self.share(miner, upstream, 10)
        message = self.request_of(api, session)
        other = {"method": "mining.submit", "params": ["farm.1", "job9", "01", "66", "02"]}
        for body in (other, json.dumps(other), json.dumps(other) + "\r\n"):
            task = Task(lambda b=body: self.post(api, f"/api/messages/{message}/replay",
                                                 {"modified_message": b}))
            self.assertEqual(self.answer(upstream)["params"], other["params"])
            self.assertTrue(task.result()["success"])

    def test_a_nul_in_the_answer(self):
        """Escaped or as it is: the answer is one, and read to its end."""
        miner, upstream, api, session = self.open_scene()
        self.share(miner, upstream, 10)
        message = self.request_of(api, session)
        for nul in (b"\\u0000", b"\0"):
            task = Task(lambda: self.post(api, f"/api/messages/{message}/replay"))
            number = json.loads(upstream.read_line())["id"]
            upstream.send(b'{"id":%d,"note":"a%sb","result":null,"error":[23,"c%sd",null]}\n'
                          % (number, nul, nul))
            result = task.result()
            self.assertTrue(result["success"], result)
            self.assertEqual((result["pool_response"]["note"], result["pool_response"]["error"]),
                             ("a\0b", [23, "c\0d", None]))

    def test_the_session_ends_before_the_answer(self):
        miner, upstream, api, session = self.open_scene()
        self.share(miner, upstream, 10)
        message = self.request_of(api, session)
        task = Task(lambda: self.post(api, f"/api/messages/{message}/replay"))
        upstream.read_line()
        upstream.end()
        miner.read_end()
        miner.end()
        result = task.result()
        self.assertEqual((result["success"], result["pool_response"], result["latency_ms"]),
                         (False, None, None))
        self.assertIn("closed", result["error"])

    def test_what_cannot_be(self):
        miner, upstream, api, session = self.open_scene()
        self.share(miner, upstream, 10)
        message = self.request_of(api, session)
        path = f"/api/messages/{message}/replay"
        instance = message.split("-")[0]
        self.post(api, f"/api/messages/{instance}-99999/replay", status=404)
        self.post(api, "/api/messages/nonsense/replay", status=422)
        for body in ("no json", "[]", 17, [], True, {"id": 1}, {"method": 5}, "x" * 70000, "",
                     '{"id":1,"method":"mining.submit"}\n{"id":2,"method":"mining.submit"}'):
            self.post(api, path, {"modified_message": body}, status=422)
        answers = self.get(api, f"/api/messages?session_id={session}&direction=pool_to_miner")["items"]
        self.assertIn("no message that a miner sends", self.post(
            api, f"/api/messages/{answers[0]['id']}/replay", status=409)["detail"])
        self.end(api, miner, upstream)
        self.assertIn("closed", self.post(api, path, status=409)["detail"])

    def test_without_a_recorder(self):
        miner, upstream, api, session = self.open_scene()
        self.share(miner, upstream, 10)
        message = self.request_of(api, session)
        self.recorder.kill()
        self.assertIn("the recorder is not running",
                      self.post(api, f"/api/messages/{message}/replay", status=503)["detail"])


class SwitchesTest(ControlCase):
    def test_what_is_switched_on_is_said_and_kept(self):
        miner, upstream, api, session = self.open_scene()
        base = f"/api/sessions/{session}/"
        self.assertEqual(self.status(api, session, "broadcast/status"),
                         {"broadcast_enabled": False, "repeat_count": 1})
        self.assertTrue(self.post(api, base + "broadcast/enable")["broadcast_enabled"])
        self.assertEqual(self.post(api, base + "repeat-count", {"repeat_count": 1000}),
                         {"session_id": session, "repeat_count": 1000})
        self.assertEqual(self.post(api, base + "auto-replay-count", {"auto_replay_count": 900000}),
                         {"session_id": session, "auto_replay_count": 900000})
        row = self.sessions(api)[0]
        expected = {"broadcast_enabled": True, "repeat_count": 1000, "auto_replay_enabled": False,
                    "auto_replay_count": 900000}
        self.assertEqual({name: row[name] for name in expected}, expected)
        path = os.path.join(self.data_dir, "api-state.json")
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o640)
        with open(path, encoding="utf-8") as file:
            self.assertEqual(list(json.load(file)["entries"]), ["worker:farm.1"])
        self.end(api, miner, upstream)
        self.assertEqual(api.stop(), 0)
        miner, upstream = self.join(self.recorder, self.pool)
        self.hello(miner, upstream)
        api = self.start_api()
        row = self.wait_session(api, lambda s: s["state"] == "open" and s["workers"])
        self.assertNotEqual(row["session_id"], session)
        self.assertEqual({name: row[name] for name in expected}, expected)
        self.assertEqual(self.status(api, row["session_id"], "broadcast/status"),
                         {"broadcast_enabled": True, "repeat_count": 1000})

    def test_who_has_named_no_worker_is_known_by_address(self):
        _, _, api = self.new_scene()
        session = self.wait_session(api, lambda s: s["state"] == "open")["session_id"]
        self.post(api, f"/api/sessions/{session}/broadcast/enable")
        with open(os.path.join(self.data_dir, "api-state.json"), encoding="utf-8") as file:
            self.assertEqual(list(json.load(file)["entries"]), ["peer:127.0.0.1"])
        self.assertFalse(self.post(api, f"/api/sessions/{session}/broadcast/disable")["broadcast_enabled"])
        with open(os.path.join(self.data_dir, "api-state.json"), encoding="utf-8") as file:
            self.assertEqual(json.load(file)["entries"], {})

    def test_what_makes_no_sense_is_said(self):
        miner, upstream, api, session = self.open_scene()
        for name, member, most in (("repeat-count", "repeat_count", 1000),
                                   ("auto-replay-count", "auto_replay_count", 900000)):
            for value in (0, -1, most + 1, 1.5, "3", None, True, [], 2**70):
                body = json.dumps({member: value}) if value != 2**70 else '{"%s": 1e30}' % member
                self.post(api, f"/api/sessions/{session}/{name}", json.loads(body), status=422)
            self.post(api, f"/api/sessions/{session}/{name}", {}, status=422)
        for name in SWITCHES:
            self.post(api, f"/api/sessions/{MISSING}/{name}", status=404)
        for name in READINGS:
            self.get(api, f"/api/sessions/{MISSING}/{name}", 404)
        self.end(api, miner, upstream)
        for name in ("broadcast/enable", "auto-replay/enable"):
            self.post(api, f"/api/sessions/{session}/{name}", status=409)
        self.post(api, f"/api/sessions/{session}/repeat-count", {"repeat_count": 2}, status=409)
        for name in READINGS:
            got = self.status(api, session, name)
            self.assertEqual({key: NOTHING[key] for key in got}, got)

    def test_a_file_that_is_none(self):
        _, _, api, session = self.open_scene()
        self.post(api, f"/api/sessions/{session}/broadcast/enable")
        api.stop()
        path = os.path.join(self.data_dir, "api-state.json")
        with open(path, "w", encoding="utf-8") as file:
            file.write('{"version":1,"entr')
        api = self.start_api()
        self.assertIn("put aside", api.text())
        self.assertTrue(os.path.exists(path + ".bad"))
        self.assertFalse(self.status(api, session, "broadcast/status")["broadcast_enabled"])
        self.post(api, f"/api/sessions/{session}/broadcast/enable")


class AutoReplayTest(ControlCase):
    def test_what_only_lenient_pools_read_counts_as_failed(self):
        miner, upstream, api, session = self.open_scene()
        base = f"/api/sessions/{session}/"
        self.post(api, base + "auto-replay-count", {"auto_replay_count": 25})
        self.post(api, base + "auto-replay/enable")
        submit = b'{"id":10,"method":"mining.submit","params":["bj\xf6rn","5","0c","6b040a81","0000000c"]}'
        miner.send(submit + b"\n")
        self.assertEqual(upstream.read_line(), submit)
        wait_until(lambda: self.status(api, session, "auto-replay/status")["failed"] == 25, "it is told")
        self.share(miner, upstream, 11)
        self.assertEqual({self.answer(upstream)["params"][4] for _ in range(25)}, {"0000000b"})

    def test_each_submit_is_repeated(self):
        miner, upstream, api, session = self.open_scene()
        self.share(miner, upstream, 10)  # before it is on: not repeated
        base = f"/api/sessions/{session}/"
        self.post(api, base + "auto-replay-count", {"auto_replay_count": 25})
        self.assertTrue(self.post(api, base + "auto-replay/enable")["auto_replay_enabled"])
        self.share(miner, upstream, 11)
        begun = time.monotonic()
        seen = [self.answer(upstream, [22, "Duplicate share", None] if i else None) for i in range(25)]
        took = time.monotonic() - begun
        self.assertEqual({line["params"][4] for line in seen}, {"0000000b"})
        self.assertEqual(len({line["id"] for line in seen}), 25)
        self.assertGreater(took, 24 * 0.001 / 2)
        wait_until(lambda: self.status(api, session, "auto-replay/status") == {
            "auto_replay_enabled": True, "auto_replay_count": 25, "sent": 25, "accepted": 1,
            "rejected": 24, "failed": 0, "waiting": 0}, "all is counted")
        self.post(api, base + "auto-replay/disable")
        self.share(miner, upstream, 12)  # the miner saw only its own answers
        self.share(miner, upstream, 13)
        count = 7 + 4 * 2 + 25 * 2  # the greeting, shares, repetitions
        row = self.wait_session(api, lambda s: s["message_count"] >= count)
        self.assertEqual(row["messages"]["hashscope_to_pool"], 25)
        self.assertEqual(row["messages"]["pool_to_hashscope"], 25)
        # what comes of the repetitions does not count as the miner's
        figures = {"submits": 4, "accepted": 4, "rejected": 0, "other_errors": 24}
        self.assertEqual({name: row[name] for name in figures}, figures)
        one = wait_until(lambda: (lambda got: got if got["stats"]["total"] >= count else None)(
            self.get(api, f"/api/sessions/{session}")), "all messages are counted")
        self.assertEqual({name: one[name] for name in figures}, figures)
        self.assertEqual((one["stats"]["accepted"], one["stats"]["rejected"]), (4, 0))
        self.recorder.ask("rotate")
        archived = wait_until(lambda: self.sessions(api, "source=archive"), "it is archived")[0]
        self.assertEqual({name: archived[name] for name in figures}, figures)

    def test_switching_off_drops_what_waits(self):
        miner, upstream, api, session = self.open_scene()
        base = f"/api/sessions/{session}/"
        self.post(api, base + "auto-replay-count", {"auto_replay_count": 900000})
        self.post(api, base + "auto-replay/enable")
        self.share(miner, upstream, 11)
        for _ in range(5):
            self.answer(upstream)
        self.assertGreater(self.status(api, session, "auto-replay/status")["waiting"], 800000)
        self.assertEqual(self.post(api, base + "auto-replay/disable")["waiting"], 0)
        self.end_of_noise(upstream)
        self.share(miner, upstream, 12)

    def end_of_noise(self, upstream):
        """Answers what is still on its way."""
        upstream.socket.settimeout(1)
        try:
            while True:
                self.answer(upstream)
        except TimeoutError:
            upstream.socket.settimeout(20)

    def test_the_session_ends_in_the_middle(self):
        miner, upstream, api, session = self.open_scene()
        base = f"/api/sessions/{session}/"
        self.post(api, base + "auto-replay-count", {"auto_replay_count": 1000})
        self.post(api, base + "auto-replay/enable")
        self.share(miner, upstream, 11)
        self.answer(upstream)
        upstream.end()
        miner.read_end()
        miner.end()
        wait_until(lambda: self.status(api, session, "auto-replay/status")["waiting"] == 0, "it is dropped")
        got = self.status(api, session, "auto-replay/status")
        self.assertLessEqual(got["sent"] + got["failed"], 40)

    def test_it_ends_while_a_pool_is_silent(self):
        miner, upstream, api, session = self.open_scene()
        base = f"/api/sessions/{session}/"
        self.post(api, base + "auto-replay-count", {"auto_replay_count": 100})
        self.post(api, base + "auto-replay/enable")
        self.share(miner, upstream, 11)
        upstream.read_line()
        begun = time.monotonic()
        self.assertEqual(api.stop(), 0)
        self.assertLess(time.monotonic() - begun, 10)
        self.assertEqual(self.recorder.stop(), 0)
