"""Names that no text can hold as they are: 8-bit code pages, halves of characters and of surrogate
pairs, NULs, control characters; and names that the pool refused. Their shares are shares, and they
are shown and found, while they mine and afterwards."""
import json
import urllib.parse

from tests.integration.api_scene import Scene
from tests.integration.front import FrontCase
from tests.integration.harness import wait_until

# As sent, as JSON and API have it, as terminals show it.
NAMES = [
    (b"bj\xf6rn.garage", "bj\\xf6rn.garage", "bj\\xf6rn.garage"),
    (b"rack.\xf0\x9f\x94", "rack.\\xf0\\x9f\\x94", "rack.\\xf0\\x9f\\x94"),
    (b"half.\\ud83d", "half.\\ud83d", "half.\\ud83d"),
    (b"raw.\x01\x1b[2J", "raw.\x01\x1b[2J", "raw.\\u0001\\u001b[2J"),
    (b"pad.one\\u0000\\u0000", "pad.one\0\0", "pad.one\\u0000\\u0000"),
]
SUBMIT = b'{"id":%d,"method":"mining.submit","params":["%s","5","%08x","6b040a81","0000beef"]}'


class Names(Scene):
    def setUp(self):
        super().setUp()
        self.pool = self.new_pool()
        self.recorder = self.start(self.pool, SYNC_INTERVAL_MS=50)

    def say(self, name, refused=b""):
        """A session with that worker and two shares; the pool refuses `refused` before."""
        miner, upstream = self.join(self.recorder, self.pool)
        lines = [(b'{"id":%d,"method":"mining.authorize","params":["%s","x"]}' % (i, one), answer)
                 for i, (one, answer) in enumerate(((refused, b"false"), (name, b"true"))) if one]
        lines += [(SUBMIT % (3 + i, name, i), b"true") for i in range(2) if name]
        for i, (line, answer) in enumerate(lines):
            miner.send(line + b"\n")
            self.assertEqual(upstream.read_line(), line)
            answer = b'{"id":%d,"result":%s,"error":null}' % (json.loads(
                line.split(b",")[0] + b"}")["id"], answer)
            upstream.send(answer + b"\n")
            self.assertEqual(miner.read_line(), answer)
        return self.recorder.sessions()[-1]["session"]

    def listed(self, *arguments):
        code, out, err = FrontCase.run_front(self, "ls", "--json", "--data-dir", self.data_dir,
                                             *arguments)
        self.assertEqual((code, err), (0, ""))
        return [json.loads(line) for line in out.splitlines()]

    def test_who_logs_in_again_stands_last_wherever_it_is_listed(self):
        miner, upstream = self.join(self.recorder, self.pool)
        for number, name in enumerate((b"rig.one", b"rig.two", b"rig.one")):
            line = b'{"id":%d,"method":"mining.authorize","params":["%s","x"]}' % (number, name)
            miner.send(line + b"\n")
            self.assertEqual(upstream.read_line(), line)
            answer = b'{"id":%d,"result":true,"error":null}' % number
            upstream.send(answer + b"\n")
            self.assertEqual(miner.read_line(), answer)
        expected = ["rig.two", "rig.one"]
        self.assertEqual([one["workers"] for one in self.listed()], [expected])
        self.api = self.start_api()
        wait_until(lambda: [one["workers"] for one in self.ask("GET", "/api/sessions")[3]["items"]]
                   == [expected], "the API lists them in this order")
        self.recorder.stop()
        self.assertEqual([one["workers"] for one in self.listed()], [expected])

    def check_found(self, plain, shown, said):
        for typed in (plain if plain.isprintable() else shown, shown, shown.upper()):
            found = self.listed("--worker", typed)
            self.assertEqual([one["workers"] for one in found], [[plain]], typed)
            self.assertEqual(found[0]["session"], said)
        return found[0]

    def test_a_share_is_a_share_and_its_worker_is_found(self):
        said = [self.say(sent) for sent, _, _ in NAMES]
        for (_, plain, shown), session in zip(NAMES, said):
            self.check_found(plain, shown, session)
        self.api = self.start_api()
        for (_, plain, shown), session in zip(NAMES, said):
            for typed in {shown, plain.replace("\0", "\\u0000")}:
                with self.subTest(typed):
                    path = "/api/sessions?worker=" + urllib.parse.quote(typed)
                    wait_until(lambda: self.ask("GET", path)[3]["items"], "the session is found")
                    item = self.ask("GET", path)[3]["items"][0]
                    self.assertEqual((item["session_id"], item["workers"]), (session, [plain]))
                    self.assertEqual((item["submits"], item["accepted"]), (2, 2))
        self.recorder.stop()
        for (sent, plain, shown), session in zip(NAMES, said):
            item = self.check_found(plain, shown, session)
            self.assertEqual((item["submits"], item["accepted"], item["complete"]), (2, 2, True))
            rows = FrontCase.run_front(self, "cat", "--table", "--data-dir", self.data_dir,
                                       "--session", session, "--method", "submit")[1]
            self.assertEqual(rows.count("submit"), 2, rows)
            self.assertNotIn("\x1b", rows)
            self.assertNotIn("\0", rows)
            if len(shown) <= 18:
                self.assertEqual(rows.count(shown), 2, rows)
        self.read_archive()

    def test_what_lenient_readers_take_from_a_line_is_shown_of_it(self):
        """Also of what the pool says: its refusal, with the reason in a code page, and a job."""
        miner, upstream = self.join(self.recorder, self.pool)
        submit = SUBMIT % (7, b"bj\xf6rn", 1)
        refusal = b'{"id":7,"result":null,"error":[21,"veraltet f\xfcr",null]}'
        more = b'{"id":"\xe9","method":"mining.set_difficulty","params":[2,"\x01"]}'
        miner.send(submit + b"\n")
        self.assertEqual(upstream.read_line(), submit)
        upstream.send(refusal + b"\n" + more + b"\n")
        self.assertEqual([miner.read_line(), miner.read_line()], [refusal, more])
        self.api = self.start_api()
        items = wait_until(lambda: self.three_items(), "the API has seen them")
        asked, answered, told = items
        self.assertEqual([(one["method"], one["jsonrpc_id"]) for one in items],
                         [("mining.submit", 7), (None, 7), ("mining.set_difficulty", "\\xe9")])
        reason = [21, "veraltet f\\xfcr", None]
        self.assertEqual(asked["response"], {"id": 7, "result": None, "error": reason})
        self.assertEqual(answered["decoded"]["refused"], {"code": 21, "text": reason[1]})
        detail = self.ask("GET", f"/api/sessions/{asked['session_id']}")[3]
        self.assertEqual(detail["stats"]["rejected_by_code"],
                         [{"code": 21, "text": reason[1], "count": 1}])
        self.assertIn("the pool set it to 2", [one["text"] for one in detail["events"]])
        self.assertEqual(told["parse_error"], "invalid UTF-8 at byte 7")

    def three_items(self):
        items = self.ask("GET", "/api/messages?order=oldest")[3]["items"]
        return len(items) == 3 and items

    def test_refused_logins_are_found_by_their_name(self):
        both = self.say(b"bc1q.rig7", b"bc1q.wr\xf6ng")
        alone = self.say(b"", b"only.me")
        self.recorder.ask("rotate")
        for wanted, session, workers, refused in (
                ("wr\\xf6ng", both, ["bc1q.rig7"], ["bc1q.wr\\xf6ng"]),
                ("only.me", alone, [], ["only.me"])):
            wait_until(lambda w=wanted: self.listed("--worker", w)[0].get("refused"), "the footer")
            found = self.listed("--worker", wanted)
            self.assertEqual([(one["session"], one["workers"], one["refused"]) for one in found],
                             [(session, workers, refused)])
        self.api = self.start_api()
        items = self.ask("GET", "/api/sessions?worker=only.me")[3]["items"]
        self.assertEqual([(one["session_id"], one["refused"]) for one in items],
                         [(alone, ["only.me"])])
        self.recorder.stop()
        self.read_archive()
