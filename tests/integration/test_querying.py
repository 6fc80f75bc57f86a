"""Every example of docs/querying.md, run as it stands there on a real recording: the shell with
hashscope, zstdcat and jq; DuckDB as the npm package of tests/duckdb. What each must answer is worked
out from the script of the recording, or from its lines as the independent reader has them."""
import collections
import json
import os
import re
import statistics
import subprocess
import unittest

from tests.integration.front import FrontCase, environment
from tests.integration.harness import BUILD, wait_until

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DUCKDB = os.path.join(ROOT, "tests/duckdb")
EXAMPLE = re.compile(r"^### (.+?)\n(?:.*?\n)??```(sh|sql)\n(.*?)^```$", re.M | re.S)

# worker: answers to its shares, None being an acceptance
SHARES = {"farm.1": [None, None, "Stale share", None], "farm.2": ["Duplicate share", None]}


def examples():
    """Heading -> (language, text), in the order of the document."""
    with open(os.path.join(ROOT, "docs/querying.md"), encoding="utf-8") as file:
        text = file.read()
    found = {title: (language, code) for title, language, code in EXAMPLE.findall(text)}
    blocks = len(re.findall(r"^```(?:sh|sql)$", text, re.M))
    if not found or len(found) != blocks:
        raise AssertionError(f"{blocks} examples, {len(found)} with a heading of their own")
    return found


class Querying(FrontCase):
    maxDiff = None

    def record(self):
        """Two miners, six shares, a message that is no JSON, two files, one of several frames."""
        pool = self.new_pool()
        recorder = self.start(pool)
        for number, (worker, answers) in enumerate(SHARES.items(), 1):
            miner, upstream = self.join(recorder, pool)
            self.talk(miner, upstream, worker, answers)
            if worker == "farm.2":
                self.send_jobs(miner, upstream)
                miner.send(b"GET / HTTP/1.1\r\n")
                upstream.read_line()
            miner.close()
            upstream.read_any_end()
            upstream.close()
            recorder.wait_sessions(0)
            if number == 1:
                recorder.ask("rotate")
                wait_until(lambda: recorder.counters()["segments_sealed"] == 1, "the first file")
        return self.finish(recorder)

    def talk(self, miner, upstream, worker, answers):
        self.say(miner, upstream, {"id": 1, "method": "mining.subscribe", "params": ["test/1"]},
                 {"id": 1, "result": [[], "f00d", 4], "error": None})
        self.say(miner, upstream, {"id": 2, "method": "mining.authorize", "params": [worker, "x"]},
                 {"id": 2, "result": True, "error": None})
        for number, reason in enumerate(answers, 3):
            error = None if reason is None else [21, reason, None]
            self.say(miner, upstream, {"id": number, "method": "mining.submit",
                                       "params": [worker, "1f", "00", "65", "0badcafe"]},
                     {"id": number, "result": None if reason else True, "error": error})

    @staticmethod
    def say(miner, upstream, request, answer):
        miner.send_json(request)
        upstream.read_line()
        upstream.send_json(answer)
        miner.read_line()

    @staticmethod
    def send_jobs(miner, upstream):
        """More than a frame of them, and no two alike: they do not shrink to nothing."""
        for number in range(1500):
            job = [f"{number:x}", f"{number:064x}", "01" * 500, "02", [], "2", "3", "4", True]
            upstream.send_json({"id": None, "method": "mining.notify", "params": job})
            miner.read_line()

    # ---- running

    def shell(self, text):
        names = environment(DATA_DIR=self.data_dir)
        names["PATH"] = os.path.join(BUILD, "bin") + ":" + names["PATH"]
        done = subprocess.run(["sh", "-ec", text], cwd=self.folder, env=names, check=False,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=60)
        self.assertEqual((done.returncode, done.stderr.decode()), (0, ""), text)
        return done.stdout.decode().splitlines()

    def duckdb(self, texts):
        """Rows of each text."""
        self.assertTrue(os.path.isdir(os.path.join(DUCKDB, "node_modules")),
                        "DuckDB is not installed: make duckdb")
        done = subprocess.run(["node", os.path.join(DUCKDB, "query.mjs")], cwd=self.folder,
                              input=json.dumps(texts).encode(), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, check=False, timeout=120)
        self.assertEqual((done.returncode, done.stderr.decode()), (0, ""))
        return json.loads(done.stdout)

    def test_every_example(self):
        archive = self.record()
        self.lines = archive.lines
        found = examples()
        queries = {title: text for title, (language, text) in found.items() if language == "sql"}
        answers = dict(zip(queries, self.duckdb(list(queries.values()))))
        for title, (language, text) in found.items():
            with self.subTest(title):
                name = "check_" + re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")
                check = getattr(self, name, None)
                self.assertIsNotNone(check, f"nobody checks this example ({name})")
                check(self.shell(text) if language == "sh" else answers[title])

    # ---- what is expected

    def messages(self, **wanted):
        return [line for line in self.lines if "dir" in line
                and all(line.get(key) == value for key, value in wanted.items())]

    def methods(self):
        return collections.Counter(line.message["method"] for line in self.messages()
                                   if line.embedded and "method" in line.message)

    def session_of_worker(self, worker):
        return next(line["session"] for line in self.messages()
                    if line.embedded and line.message.get("method") == "mining.authorize"
                    and line.message["params"][0] == worker)

    def latencies(self):
        submits = {line["seq"] for line in self.messages()
                   if line.embedded and line.message.get("method") == "mining.submit"}
        return [line["latency_us"] for line in self.messages() if line.get("re") in submits]

    # ---- hashscope

    def check_who_mined_here(self, out):
        sessions = [json.loads(line) for line in out]
        self.assertEqual([(s["workers"], s["submits"], s["accepted"], s["rejected"])
                          for s in sessions], [(["farm.2"], 2, 1, 1), (["farm.1"], 4, 3, 1)])

    def check_what_happened_at_03_12(self, out):
        at = [line for line in self.lines if "03:12" <= line["ts"][11:16] < "03:17"]
        self.assertEqual(len(out), len(at))

    def check_refused_shares_of_the_last_hour(self, out):
        self.assertEqual(len(out), 2)
        self.assertRegex(out[0], r"farm\.1 +← rejected +21 Stale share, ")
        self.assertRegex(out[1], r"farm\.2 +← rejected +21 Duplicate share, ")

    def check_one_worker_s_shares_and_their_answers(self, out):
        lines = [json.loads(line) for line in out]
        self.assertEqual([line["msg"]["id"] for line in lines], [3, 3, 4, 4, 5, 5, 6, 6])
        self.assertEqual({line["session"] for line in lines}, {self.session_of_worker("farm.1")})

    def check_the_newest_jobs(self, out):
        self.assertEqual([json.loads(line)["msg"]["params"][0] for line in out],
                         ["5db", "5da", "5d9"])

    def check_where_a_text_occurs(self, out):
        self.assertEqual([json.loads(line)["msg"]["error"] for line in out],
                         [[21, "Stale share", None]])

    def check_one_session_as_a_conversation(self, out):
        session = self.session_of_worker("farm.2")
        self.assertEqual(len(out), sum(line.get("session") == session for line in self.lines))
        self.assertRegex(out[-1], r"• closed +by miner, reason ")

    def check_one_session_as_the_bytes_on_the_wire(self, out):
        self.assertEqual(out, [])
        with open(os.path.join(self.folder, "miner.txt"), "rb") as file:
            self.assertEqual(file.read(), b"".join(
                line.wire for line in
                self.messages(session=self.session_of_worker("farm.2"), dir="miner_to_pool")))

    def check_the_worst_answer_times(self, out):
        self.assertEqual([int(line) for line in out], sorted(self.latencies())[-3:])

    # ---- zstdcat and jq

    def check_the_conversation_of_one_file(self, out):
        session = self.session_of_worker("farm.1")
        messages = self.messages(session=session)
        self.assertEqual(len(out), len(messages))
        self.assertIn(f'{session[-6:]} → {{"id":1,"method":"mining.subscribe"', out[0])
        self.assertIn(" ← ", out[1])

    def check_every_refusal_with_what_was_refused(self, out):
        rows = [json.loads(line) for line in out]
        self.assertEqual([(row["asked"]["params"][0], row["error"][1]) for row in rows],
                         [("farm.1", "Stale share"), ("farm.2", "Duplicate share")])

    def check_messages_of_each_method(self, out):
        self.assertEqual({line.split()[1]: int(line.split()[0]) for line in out}, self.methods())

    def check_the_bytes_of_one_session_without_parsing(self, out):
        first = next(line["session"] for line in self.lines if line.get("event") == "opened")
        self.assertEqual(out, [line.content.decode() for line in
                               self.messages(session=first, dir="miner_to_pool")])

    def check_what_the_recorder_could_not_keep(self, out):
        self.assertEqual(out, [])

    # ---- DuckDB

    def check_the_lines(self, rows):
        self.assertEqual(rows, [])

    def check_what_there_is(self, rows):
        counts = collections.Counter(line["dir"] for line in self.messages())
        self.assertEqual([(row["dir"], int(row["messages"])) for row in rows],
                         sorted(counts.items()))

    def check_shares_each_with_its_answer(self, rows):
        self.assertEqual(rows, [])

    def check_latency_by_hour(self, rows):
        self.assertEqual(sum(int(row["shares"]) for row in rows), 6)
        if len(rows) == 1:
            times = [us / 1000 for us in self.latencies()]
            self.assertAlmostEqual(rows[0]["median_ms"], statistics.median(times))
            self.assertAlmostEqual(rows[0]["worst_ms"], max(times))

    def check_rejects_by_worker(self, rows):
        self.assertEqual([(row["worker"], int(row["sent"]), int(row["rejected"]),
                           row["percent"]) for row in rows],
                         [("farm.1", 4, 1, 25.0), ("farm.2", 2, 1, 50.0)])

    def check_why_shares_were_rejected(self, rows):
        self.assertEqual([(row["reason"], int(row["shares"]), int(row["workers"]))
                          for row in rows], [("Duplicate share", 1, 1), ("Stale share", 1, 1)])

    def check_a_session_s_conversation(self, rows):
        expected = [(line["seq"], line.message) for line in
                    self.messages(session=self.session_of_worker("farm.1"))]
        self.assertEqual([(int(row["seq"]), json.loads(row["msg"])) for row in rows], expected)

    def check_how_sessions_ended(self, rows):
        self.assertEqual(sum(int(row["sessions"]) for row in rows), 2)
        self.assertEqual({row["by"] for row in rows}, {"miner"})
        sent = sum(len(line.wire) for line in self.messages())
        self.assertEqual(sum(int(row["bytes"]) for row in rows), sent)

    def check_the_longest_silence_of_the_pool(self, rows):
        self.assertEqual([row["session"] for row in rows], [self.session_of_worker("farm.2")])

    def check_what_was_not_json(self, rows):
        self.assertEqual([(row["why"], row["dir"], int(row["messages"])) for row in rows],
                         [(line["why"], line["dir"], 1) for line in self.messages()
                          if "why" in line])
        self.assertEqual(len(rows), 1)

    def check_a_copy_for_later(self, rows):
        self.assertEqual([int(row["shares"]) for row in rows], [6])


if __name__ == "__main__":
    unittest.main()
