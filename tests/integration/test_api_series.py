"""Imports beside what was recorded: the API reaches both by the same endpoints, and tells them apart."""
import json
import os
import subprocess

from tests.integration.harness import program, wait_until
from tests.integration.test_api_websocket import SUBMIT, ApiCase

ACCEPT = b'{"id":%d,"result":true,"error":null}\n'


class SeriesTest(ApiCase):
    """A recording, and an import of its own export: the same sessions in two series."""

    def hashscope(self, *arguments):
        command, *rest = arguments
        return subprocess.run([program("hashscope"), command, "--data-dir", self.data_dir, *rest], check=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=60).stdout

    def setUp(self):
        super().setUp()
        pool = self.new_pool()
        self.recorder = self.start(pool)
        miner, upstream = self.join(self.recorder, pool)
        for number in range(1, 6):
            miner.send(SUBMIT % number)
            upstream.read(len(SUBMIT % number))
            upstream.send(ACCEPT % number)
            miner.read(len(ACCEPT % number))
        miner.close()
        upstream.close()
        self.recorder.wait_sessions(0)
        self.recorder.ask("rotate")
        wait_until(lambda: self.hashscope("ls", "--segments"), "the segment is sealed")
        capture = os.path.join(self.folder, "one.pcapng")
        self.hashscope("export", "-o", capture)
        self.series = json.loads(self.hashscope("import", "--json", capture))["instance"]
        self.api = self.start_api()

    def get(self, path, status=200):
        code, _, body = self.api.get(path)
        self.assertEqual(code, status, body[:500])
        return json.loads(body)

    def items(self, path):
        return self.get(path)["items"]

    def test_imports_are_listed(self):
        (one,) = self.items("/api/series")
        self.assertEqual((one["series"], one["segments"]), (self.series, 1))
        (segment,) = self.items(f"/api/segments?series={self.series}")
        self.assertEqual(segment["instance"], self.series)
        detail = self.get(f"/api/segments/{segment['id']}?series={self.series}")
        self.assertEqual(detail["counts"]["miner_to_pool"], 5)
        self.assertNotEqual(self.items("/api/segments")[-1]["instance"], self.series)

    def test_messages_of_an_import_are_reached_as_the_recorders_own(self):
        own = self.items("/api/messages?order=oldest")
        theirs = self.items(f"/api/messages?order=oldest&series={self.series}")
        self.assertEqual([row["raw"] for row in own], [row["raw"] for row in theirs])
        self.assertEqual([row["response_raw"] for row in own], [row["response_raw"] for row in theirs])
        self.assertEqual([row["peer"] for row in own], [row["peer"] for row in theirs])
        self.assertEqual({row["imported_as"] for row in own}, {None})
        self.assertEqual({row["imported_as"] for row in theirs}, {self.series})
        self.assertFalse({row["id"] for row in own} & {row["id"] for row in theirs})
        for row in (own[0], theirs[0], theirs[1]):
            self.assertEqual(self.get("/api/messages/" + row["id"])["id"], row["id"])
            self.assertEqual(self.get("/api/messages/" + row["id"])["imported_as"], row["imported_as"])
        self.assertEqual(self.get("/api/messages/" + theirs[0]["id"])["paired_message_id"], theirs[1]["id"])
        page = self.get(f"/api/messages?order=oldest&limit=4&series={self.series}")
        rest = self.items(f"/api/messages?order=oldest&series={self.series}&cursor={page['next_cursor']}")
        self.assertEqual([row["id"] for row in page["items"] + rest], [row["id"] for row in theirs])

    def test_sessions_of_an_import_are_told_apart(self):
        (own,) = self.items("/api/sessions")
        (theirs,) = self.items(f"/api/sessions?series={self.series}")
        session = own["session_id"]
        self.assertEqual(theirs["session_id"], session)
        self.assertEqual((own["imported_as"], theirs["imported_as"]), (None, self.series))
        for query, expected in (("", None), (f"?series={self.series}", self.series), ("", None)):
            detail = self.get(f"/api/sessions/{session}{query}")
            self.assertEqual(detail["imported_as"], expected)
            self.assertEqual((detail["submits"], detail["accepted"], detail["stats"]["total"]), (5, 5, 10))

    def test_what_was_agreed_is_told_of_sessions_of_imports(self):
        sample = os.path.join(os.path.dirname(__file__), "..", "..", "samples", "captures", "rejects.pcapng")
        other = json.loads(self.hashscope("import", "--json", sample))["instance"]
        agreed = ("difficulty", "version_mask", "extranonce1", "mining_session_id", "workers", "user_agent")
        for listed in self.items(f"/api/sessions?series={other}"):
            detail = self.get(f"/api/sessions/{listed['session_id']}?series={other}")
            self.assertEqual([listed[name] for name in agreed], [detail[name] for name in agreed])
            self.assertGreater(listed["difficulty"], 0)
            self.assertTrue(listed["extranonce1"])
        (own,) = self.items("/api/sessions")
        (theirs,) = self.items(f"/api/sessions?series={self.series}")
        self.assertEqual([own[name] for name in agreed], [theirs[name] for name in agreed])

    def test_a_session_that_is_only_in_an_import_is_found_without_its_series(self):
        sample = os.path.join(os.path.dirname(__file__), "..", "..", "samples", "captures", "rejects.pcapng")
        other = json.loads(self.hashscope("import", "--json", sample))["instance"]
        session = self.items(f"/api/sessions?series={other}")[0]["session_id"]
        self.assertEqual(self.get(f"/api/sessions/{session}")["imported_as"], other)
        self.get(f"/api/sessions/{session}?series={self.series}", 404)

    def test_timeline_and_export_of_an_import(self):
        timeline = self.get(f"/api/timeline?buckets=4&series={self.series}")
        self.assertEqual(sum(bucket["total"] for bucket in timeline["buckets"]), 10)
        code, _, body = self.api.get(f"/api/export?format=ndjson&method=submit&series={self.series}")
        self.assertEqual((code, body.count(b'"method":"mining.submit"')), (200, 5))

    def test_what_is_no_series(self):
        for path in ("messages", "sessions", "timeline", "export", "segments"):
            self.get(f"/api/{path}?series=0123456789abcdef", 404)
            self.get(f"/api/{path}?series=../../etc", 422)
            if path != "segments":
                self.get(f"/api/{path}?series={self.series}&source=live", 422)
