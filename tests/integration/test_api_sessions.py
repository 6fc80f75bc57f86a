"""GET sessions and GET sessions/{id}: who mined, with what, how well; live and archived."""
import json
import os
import subprocess
import time

from tests.integration.harness import program, wait_until
from tests.integration.test_api_websocket import ApiCase

FIELDS = {"session_id", "imported_as", "number", "route", "peer", "via", "first_seen", "last_seen", "lasted_ms",
          "message_count",
          "messages", "user_agent", "mining_session_id", "workers", "refused", "difficulty", "version_mask",
          "extranonce1", "pool_host", "pool_port", "pool_address", "pool_connected", "state", "closed_by",
          "reason", "miner_tls", "pool_tls", "bytes_up", "bytes_down", "submits", "accepted", "rejected",
          "other_errors", "unasked_answers", "hashrate", "latency_ms", "live", "complete", "broadcast_enabled",
          "repeat_count", "auto_replay_enabled", "auto_replay_count"}
DIRECTIONS = {"miner_to_pool", "pool_to_miner", "hashscope_to_pool", "pool_to_hashscope"}
COINBASE1 = "01000000" "01" + "00" * 32 + "ffffffff" "20" "03" "40420f" + "00" * 20
NOTIFY = {"id": None, "method": "mining.notify",
          "params": ["job%d", "00" * 28 + "abcdef01", COINBASE1, "ffffffff" + "00" * 8, [], "20000000",
                     "1d00ffff", "66000000", True]}
NOTHING_UNASKED = {"count": 0, "other_type": 0, "repeated": 0, "late": 0, "unknown": 0}
MISSING = "01930000-0000-7000-8000-000000000000"


class SessionCase(ApiCase):
    """A pool that is played by the test, and miners that say all that miners say."""

    def get(self, api, path, status=200, **headers):
        code, _, body = api.get(path, **headers)
        self.assertEqual(code, status, body[:500])
        return json.loads(body)

    def sessions(self, api, query=""):
        return self.get(api, "/api/sessions?" + query)["items"]

    def say(self, one, other, message):
        line = json.dumps(message).encode() + b"\n"
        one.send(line)
        self.assertEqual(other.read(len(line)), line)

    def hello(self, miner, upstream, worker="farm.1", agent="cgminer/4.12"):
        self.say(miner, upstream, {"id": 1, "method": "mining.subscribe", "params": [agent]})
        self.say(upstream, miner, {"id": 1, "error": None, "result": [
            [["mining.set_difficulty", "d1"], ["mining.notify", "n-" + worker]], "f000aa01", 4]})
        self.say(miner, upstream, {"id": 2, "method": "mining.configure", "params": [
            ["version-rolling"], {"version-rolling.mask": "ffffffff"}]})
        self.say(upstream, miner, {"id": 2, "error": None, "result": {
            "version-rolling": True, "version-rolling.mask": "1fffe000"}})
        self.say(miner, upstream, {"id": 3, "method": "mining.authorize", "params": [worker, "pw"]})
        self.say(upstream, miner, {"id": 3, "error": None, "result": True})
        self.difficulty(miner, upstream, 1024)

    def difficulty(self, miner, upstream, value):
        self.say(upstream, miner, {"id": None, "method": "mining.set_difficulty", "params": [value]})

    def job(self, miner, upstream, number):
        message = json.loads(json.dumps(NOTIFY))
        message["params"][0] = f"job{number}"
        self.say(upstream, miner, message)

    def share(self, miner, upstream, number, error=None):
        self.say(miner, upstream, {"id": number, "method": "mining.submit", "params": [
            "farm.1", "job1", "00000000", "66000000", "%08x" % number]})
        self.say(upstream, miner, {"id": number, "result": None if error else True, "error": error})

    def wait_session(self, api, condition, query="", what="the session is as expected"):
        def look():
            found = [row for row in self.sessions(api, query) if condition(row)]
            return found[0] if found else None
        return wait_until(look, what)

    def new_scene(self, **settings):
        self.pool = self.new_pool()
        self.recorder = self.start(self.pool)
        miner, upstream = self.join(self.recorder, self.pool)
        return miner, upstream, self.start_api(**settings)


class SessionsTest(SessionCase):
    def test_a_session_has_all_its_fields(self):
        miner, upstream, api = self.new_scene()
        self.hello(miner, upstream)
        for number in range(10, 15):
            self.share(miner, upstream, number, [23, "Low difficulty share", None] if number == 12 else None)
        row = self.wait_session(api, lambda s: s["accepted"] == 4)
        self.assertEqual(set(row), FIELDS)
        self.assertEqual(set(row["messages"]), DIRECTIONS)
        expected = {
            "peer": miner.address, "number": 1, "user_agent": "cgminer/4.12", "via": None,
            "mining_session_id": "n-farm.1", "workers": ["farm.1"], "difficulty": 1024,
            "version_mask": "1fffe000", "extranonce1": "f000aa01", "pool_host": "127.0.0.1",
            "pool_port": self.pool.port, "pool_address": f"127.0.0.1:{self.pool.port}",
            "pool_connected": True, "state": "open", "closed_by": None, "reason": None,
            "miner_tls": False, "pool_tls": False, "submits": 5, "accepted": 4, "rejected": 1,
            "other_errors": 0, "unasked_answers": NOTHING_UNASKED, "live": True, "complete": True, "message_count": 17,
            "broadcast_enabled": False, "repeat_count": 1, "auto_replay_enabled": False,
            "auto_replay_count": 1}
        self.assertEqual({name: row[name] for name in expected}, expected)
        self.assertEqual(row["messages"]["miner_to_pool"], 8)
        self.assertLess(row["first_seen"], row["last_seen"])

    def hashscope(self, *arguments):
        return subprocess.run([program("hashscope"), *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, check=True, timeout=60).stdout

    def unasked(self, api, session):
        listed = next(row for row in self.sessions(api) if row["session_id"] == session)
        return listed["unasked_answers"], self.get(api, f"/api/sessions/{session}")["unasked_answers"]

    def test_answers_with_ids_that_nobody_asked_with_are_told_and_why(self):
        self.pool = self.new_pool()
        self.recorder = self.start(self.pool, PAIR_TIMEOUT_SEC=1)
        miner, upstream = self.join(self.recorder, self.pool)
        api = self.start_api()
        for number in range(1, 6):
            miner.send_json({"id": number, "method": "mining.submit", "params": ["w", "j", "0", "1", "2"]})
            upstream.read_line()
        miner.send(b'{"id":6,"method":"mining.submit","params":["bj\xf6rn","j","0","1","2"]}\n')
        upstream.read_line()
        ok = b',"result":true,"error":null}\n'
        for id_text in (b'"1"', b"2.0", b"3", b"3", b"99", b"null", b'"6"', b'97,"no JSON":"\xf6"'):
            upstream.send(b'{"id":' + id_text + ok)
            miner.read_line()
        time.sleep(1.1)  # PAIR_TIMEOUT_SEC: what is waited for is that nothing comes
        upstream.send(b'{"id":4' + ok)
        miner.read_line()
        expected = {"count": 7, "other_type": 3, "repeated": 1, "late": 1, "unknown": 2}
        row = self.wait_session(api, lambda s: s["unasked_answers"]["count"] == 7)
        self.assertEqual((row["submits"], row["accepted"], row["rejected"]), (6, 1, 0))
        session = row["session_id"]
        self.assertEqual(self.unasked(api, session), (expected, expected))
        self.assertEqual(self.recorder.sessions()[0]["unasked"], 7)
        self.recorder.stop()
        api.stop()
        os.remove(os.path.join(self.data_dir, "live", "ring"))  # the archive alone
        api = self.start_api()
        dim = {**dict.fromkeys(expected), "count": 7}
        self.assertEqual(self.unasked(api, session), (dim, expected))
        where = ("--data-dir", self.data_dir, "--session", session)
        told = json.loads(self.hashscope("ls", "--json", *where))
        self.assertEqual((told["unasked"], told["unasked_why"]), (7, {k: v for k, v in expected.items() if k != "count"}))
        self.assertIn("7 answers to ids nobody asked with (type differs 3, answered before 1, too late 1, unknown id 2)",
                      self.hashscope("ls", "--table", *where))
        self.assertIn('"damaged":0,', self.hashscope("verify", "--data-dir", self.data_dir))

    def test_an_archived_session_tells_what_was_agreed(self):
        miner, upstream, api = self.new_scene()
        self.hello(miner, upstream)
        for number in range(10, 13):
            self.share(miner, upstream, number)
        miner.close()
        upstream.close()
        self.recorder.wait_sessions(0)
        self.recorder.stop()
        api.stop()
        os.remove(os.path.join(self.data_dir, "live", "ring"))
        api = self.start_api()
        row = self.wait_session(api, lambda s: s["difficulty"] is not None, what="the archive was looked into")
        self.assertEqual((row["difficulty"], row["version_mask"], row["extranonce1"], row["accepted"], row["live"]),
                         (1024, "1fffe000", "f000aa01", 3, False))

    def test_an_ended_session_stays(self):
        miner, upstream, api = self.new_scene()
        self.hello(miner, upstream)
        self.share(miner, upstream, 10)
        before = self.wait_session(api, lambda s: s["accepted"] == 1)
        miner.end()
        upstream.read_end()
        upstream.end()
        row = self.wait_session(api, lambda s: s["state"] == "closed")
        self.assertEqual((row["closed_by"], row["pool_connected"]), ("miner", False))
        self.assertEqual(row["reason"], "end")
        self.assertEqual(self.sessions(api, "state=open"), [])
        self.recorder.ask("rotate")
        archived = self.wait_session(api, lambda s: s["accepted"] == 1, "source=archive&state=closed")
        self.assertEqual(archived["session_id"], before["session_id"])
        self.assertEqual(self.recorder.stop(), 0)
        api.stop()
        api = self.start_api(RING_DIR=self.folder)  # the archive alone
        row = self.sessions(api)[0]
        self.assertEqual(set(row), FIELDS)
        expected = {"state": "closed", "accepted": 1, "live": False, "complete": True,
                    "workers": ["farm.1"], "user_agent": "cgminer/4.12", "message_count": 9}
        self.assertEqual({name: row[name] for name in expected}, expected)
        one = self.get(api, "/api/sessions/" + row["session_id"])
        self.assertEqual((one["difficulty"], one["version_mask"], one["mining_session_id"]),
                         (1024, "1fffe000", "n-farm.1"))
        self.assertEqual([event["event"] for event in one["events"]],
                         ["opened", "pool_connected", "difficulty", "closed"])

    def test_a_session_older_than_what_the_api_has_heard(self):
        miner, upstream, api = self.new_scene(CAPTURE_MAX_MESSAGES=1000)
        self.hello(miner, upstream)
        for number in range(10, 800):
            self.share(miner, upstream, number)
        self.wait_session(api, lambda s: s["accepted"] == 790)
        api.stop()
        self.recorder.ask("rotate")
        self.share(miner, upstream, 1000)
        api = self.start_api(CAPTURE_MAX_MESSAGES=1000)
        row = self.wait_session(api, lambda s: s["difficulty"] == 1024, what="the state line is read")
        self.assertEqual((row["version_mask"], row["extranonce1"], row["workers"], row["user_agent"]),
                         ("1fffe000", "f000aa01", ["farm.1"], "cgminer/4.12"))
        one = self.get(api, "/api/sessions/" + row["session_id"])
        self.assertEqual((one["stats"]["accepted"], one["accepted"], one["complete"]), (791, 791, True))

    def test_filters_and_pages(self):
        miner, upstream, api = self.new_scene()
        self.hello(miner, upstream, "alice.1", "cgminer/4.12")
        for i in range(2, 8):
            other, upstream2 = self.join(self.recorder, self.pool)
            self.hello(other, upstream2, f"bob.{i}", f"BMMiner/{i}")
            if i % 2:
                other.end()
                upstream2.read_end()
                upstream2.end()
        wait_until(lambda: len([s for s in self.sessions(api, "state=open") if s["workers"]]) == 4
                   and len(self.sessions(api)) == 7, "all are there")
        everything = self.sessions(api)
        self.assertEqual([s["number"] for s in everything], [7, 6, 5, 4, 3, 2, 1])
        count = lambda query: len(self.sessions(api, query))  # noqa: E731
        # names are in what is archived within a second
        wait_until(lambda: count("worker=BOB") == 6 and count("user_agent=bmminer/3") == 1, "names are found")
        for query, wanted in {"worker=ALICE": 1, "worker=nobody": 0, "user_agent=bmm": 6, "q=alice": 1,
                              "q=cgminer": 1, "q=127.0.0.1": 7,
                              "q=" + everything[2]["session_id"][-7:].upper(): 1,
                              "q=" + everything[2]["session_id"]: 1, "q=" + miner.address: 1,
                              "peer=" + miner.address: 1, f"pool={self.pool.port}": 7, "state=closed": 3,
                              "state=open": 4, "state=any": 7, "state=closed&worker=bob.2": 0,
                              "source=live": 7, "route=" + everything[0]["route"]: 7,
                              "from=2020-01-01T00:00:00Z&to=2020-01-02T00:00:00Z": 0,
                              "from=2020-01-01T00:00:00Z": 7}.items():
            self.assertEqual(count(query), wanted, query)
        for limit in (1, 2, 3, 7):
            found, cursor = [], ""
            while cursor is not None:
                page = self.get(api, f"/api/sessions?limit={limit}{cursor and '&cursor=' + cursor}")
                found += [s["number"] for s in page["items"]]
                cursor = page["next_cursor"]
            self.assertEqual(found, [7, 6, 5, 4, 3, 2, 1])
        self.assertEqual([s["number"] for s in self.sessions(api, "offset=2&limit=2")], [5, 4])
        page = self.get(api, "/api/sessions?q=bob&limit=4")
        rest = self.get(api, f"/api/sessions?q=bob&limit=4&cursor={page['next_cursor']}")
        self.assertEqual([s["number"] for s in page["items"] + rest["items"]], [7, 6, 5, 4, 3, 2])

    def test_what_makes_no_sense_is_said(self):
        _, _, api = self.new_scene()
        for query, detail in {"limit=0": "limit: 0", "state=ajar": "state: 'ajar'", "cursor=x": "cursor",
                              "source=disk": "source:", "worker=": "worker: 0 bytes", "nonsense=1": "nonsense",
                              "from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z": "to: not behind"}.items():
            self.assertIn(detail, self.get(api, "/api/sessions?" + query, 422)["detail"])
        for name in ("nonsense", "1", "x" * 79, MISSING + "0", "%27%22"):
            self.assertIn("detail", self.get(api, "/api/sessions/" + name, 404))
        self.assertEqual(self.get(api, "/api/sessions/" + MISSING, 404)["detail"], "there is no such session")

    def test_nothing_was_recorded_yet(self):
        api = self.start_api()
        self.assertEqual(self.get(api, "/api/sessions"), {"items": [], "next_cursor": None})
        self.get(api, "/api/sessions/" + MISSING, 404)


class OneSessionTest(SessionCase):
    def one(self, api, condition, what="the session is as expected"):
        def look():
            rows = self.sessions(api)
            found = self.get(api, "/api/sessions/" + rows[0]["session_id"]) if rows else None
            return found if found and condition(found) else None
        return wait_until(look, what)

    def test_figures(self):
        miner, upstream, api = self.new_scene()
        self.hello(miner, upstream)
        for number in range(10, 40):
            error = {0: [23, "Low difficulty share", None], 1: [21, "Job not found", None]}.get(number % 10)
            self.share(miner, upstream, number, error)
        miner.send(b"no json\n")
        one = self.one(api, lambda s: s["stats"]["total"] == 68)
        self.assertEqual(set(one), FIELDS | {"stats", "series", "jobs", "events"})
        stats = one["stats"]
        self.assertEqual((stats["submits"], stats["accepted"], stats["rejected"]), (30, 24, 6))
        self.assertEqual(stats["parse_errors"], 1)
        self.assertEqual(stats["per_direction"], one["messages"])
        self.assertEqual(sorted(stats["rejected_by_code"], key=lambda r: r["code"]),
                         [{"code": 21, "text": "Job not found", "count": 3},
                          {"code": 23, "text": "Low difficulty share", "count": 3}])
        latency = stats["latency_ms"]
        self.assertEqual(latency["count"], 33)
        self.assertTrue(0 < latency["p50"] <= latency["p90"] <= latency["p99"] <= latency["max"], latency)
        self.assertTrue(0 < latency["mean"] <= latency["max"])
        self.assertGreater(stats["hashrate_estimate"], 24 * 1024 * 2**32 / 60)
        listed = wait_until(lambda: next((s for s in self.sessions(api) if s["accepted"] == 24
                                          and s["hashrate"] is not None), None), "the list knows it too")
        for session in (one, listed):
            self.assertGreater(session["hashrate"], 24 * 1024 * 2**32 / 60)
            self.assertTrue(0 < session["latency_ms"] <= latency["max"], session)
        self.assertTrue(stats["complete"])

    def test_latencies_are_those_of_the_messages(self):
        miner, upstream, api = self.new_scene()
        self.hello(miner, upstream)
        for number in range(100, 140):
            self.share(miner, upstream, number)
            if number == 120:
                self.say(miner, upstream, {"id": 7, "method": "mining.submit", "params": ["w"]})
                time.sleep(0.15)
                self.say(upstream, miner, {"id": 7, "result": True, "error": None})
        one = self.one(api, lambda s: s["stats"]["accepted"] == 41)
        rows = self.get(api, "/api/messages?limit=1000&direction=pool_to_miner&session_id="
                        + one["session_id"])["items"]
        known = sorted(row["latency_ms"] for row in rows if row["latency_ms"] is not None)
        latency = one["stats"]["latency_ms"]
        self.assertEqual(latency["count"], len(known))
        self.assertAlmostEqual(latency["max"], known[-1], places=2)
        self.assertAlmostEqual(latency["mean"], sum(known) / len(known), delta=known[-1] * 1e-4)
        low, high = known[(len(known) - 1) // 2], known[len(known) // 2]  # they may lie far apart
        self.assertTrue(0.85 * low <= latency["p50"] <= 1.15 * high, (latency, known))

    def test_series_jobs_and_events(self):
        miner, upstream, api = self.new_scene()
        self.hello(miner, upstream)
        self.job(miner, upstream, 1)
        self.share(miner, upstream, 10)
        self.share(miner, upstream, 11, [23, "low", None])
        self.difficulty(miner, upstream, 2048.5)
        self.job(miner, upstream, 2)
        self.share(miner, upstream, 12)
        one = self.one(api, lambda s: s["stats"]["accepted"] == 2)
        series = one["series"]
        self.assertEqual(series["bucket_seconds"], 1)
        self.assertEqual(sum(bucket["accepted"] for bucket in series["buckets"]), 2)
        self.assertEqual(sum(bucket["rejected"] for bucket in series["buckets"]), 1)
        self.assertEqual(series["buckets"][-1]["difficulty"], 2048.5)
        self.assertGreater(sum(bucket["hashrate"] for bucket in series["buckets"]), 0)
        self.assertEqual(series["from"], series["buckets"][0]["t"])
        self.assertEqual([job["job_id"] for job in one["jobs"]], ["job2", "job1"])
        job = one["jobs"][0]
        self.assertEqual({name: job[name] for name in job if name not in ("received", "job_id")}, {
            "clean": True, "height": 1000000, "difficulty": 2048.5,
            "previous": job["previous"], "ntime": "66000000", "nbits": "1d00ffff"})
        self.assertEqual(job["previous"], "abcdef01" + "00" * 28)
        self.assertEqual([event["event"] for event in one["events"]],
                         ["opened", "pool_connected", "difficulty", "difficulty"])
        self.assertIn(miner.address, one["events"][0]["text"])
        # goes on where it was
        self.share(miner, upstream, 13)
        again = self.one(api, lambda s: s["stats"]["accepted"] == 3)
        self.assertEqual(again["jobs"], one["jobs"])
        self.assertEqual(again["stats"]["submits"], 4)

    def test_many_jobs_and_events_are_bounded(self):
        miner, upstream, api = self.new_scene()
        for number in range(300):
            self.job(miner, upstream, number)
            self.difficulty(miner, upstream, 1 + number)
        one = self.one(api, lambda s: s["stats"]["total"] == 600)
        self.assertEqual([job["job_id"] for job in one["jobs"]], [f"job{n}" for n in range(299, 199, -1)])
        self.assertEqual(len(one["events"]), 200)
        self.assertEqual([event["event"] for event in one["events"][:2]], ["opened", "pool_connected"])
        self.assertIn("300", one["events"][-1]["text"])

    def test_difficulties_are_told_as_people_write_them(self):
        miner, upstream, api = self.new_scene()
        for value in (0.00005, 0.07142857142857142, 1, 2048.5, 150000000000000):
            self.difficulty(miner, upstream, value)
        one = self.one(api, lambda s: s["stats"]["total"] == 5)
        self.assertEqual([event["text"].split()[-1] for event in one["events"] if event["event"] == "difficulty"],
                         ["0.00005", "0.07142857143", "1", "2048.5", "150000000000000"])
        self.assertEqual(self.recorder.stop(), 0)
        one = self.one(api, lambda s: s["events"][-1]["event"] == "closed")
        self.assertEqual(one["events"][-1]["text"], "by hashscope: stop")

    def test_the_recorder_comes_and_goes(self):
        miner, upstream, api = self.new_scene()
        self.hello(miner, upstream)
        self.share(miner, upstream, 10)
        before = self.one(api, lambda s: s["accepted"] == 1)
        self.recorder.kill()
        one = self.get(api, "/api/sessions/" + before["session_id"])
        self.assertEqual(one["stats"]["accepted"], 1)
        again = self.start(self.pool)
        self.recorder = again
        miner, upstream = self.join(again, self.pool)
        self.hello(miner, upstream, "farm.2")
        rows = wait_until(lambda: (lambda rows: rows if len(rows) == 2 and rows[0]["workers"] else None)(
            self.sessions(api)), "both sessions")
        self.assertEqual([row["state"] for row in rows], ["open", "closed"])
        self.assertEqual(rows[1]["reason"], "crash")
