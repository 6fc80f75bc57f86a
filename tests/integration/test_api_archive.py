"""The archive over the API: its files, counts over time, downloads."""
import csv
import datetime
import io
import json
import os
import re
import shutil
import socket
import subprocess
import time
import unittest
import urllib.parse

from tests.integration.harness import PATIENCE, Task, is_sanitized, wait_until
from tests.integration.test_api_status import StateCase

SUBMIT = b'{"id":%d,"method":"mining.submit","params":["w","j","00","66000000","0a0b0c0d"]}\n'
AUTHORIZE = b'{"id":0,"method":"mining.authorize","params":["farm.1","very-secret"]}\n'
FORMATS = {"pcapng": "application/x-pcapng", "pcap": "application/vnd.tcpdump.pcap",
           "ndjson": "application/x-ndjson", "ndjson.zst": "application/zstd",
           "csv": "text/csv; charset=utf-8"}


def unchunk(body):
    """The body, and whether its last chunk came."""
    parts, at = [], 0
    while True:
        end = body.find(b"\r\n", at)
        if end < 0:
            return b"".join(parts), False
        size = int(body[at:end], 16)
        if size == 0:
            return b"".join(parts), True
        parts.append(body[end + 2:end + 2 + size])
        at = end + 2 + size + 2


class ArchiveCase(StateCase):
    def record(self, count=50, **settings):
        """A recording of requests and answers, one in five refused; the recorder goes on."""
        pool = self.new_pool()
        recorder = self.start(pool, **settings)
        miner, upstream = self.join(recorder, pool)
        miner.send(AUTHORIZE)
        for i in range(1, count + 1):
            miner.send(SUBMIT % i)
        miner_lines = count + 1
        recorder.wait_counter("messages", miner_lines)
        for i in range(1, count + 1):
            upstream.send(b'{"id":%d,"result":null,"error":[23,"low",null]}\n' % i if i % 5 == 0
                          else b'{"id":%d,"result":true,"error":null}\n' % i)
        recorder.wait_counter("messages", miner_lines + count)
        return recorder, miner, upstream

    def refused(self, api, path, status=422):
        detail = self.json(api, path, status)["detail"]
        self.assertTrue(detail)
        return detail

    def download(self, api, query, whole=True):
        code, head, body = api.get("/api/export" + query)
        self.assertEqual(code, 200, (query, body[:500]))
        data, ended = unchunk(body)
        self.assertEqual(ended, whole)
        return head, data


class SegmentsTest(ArchiveCase):
    def test_files_are_listed_newest_first_in_pages(self):
        recorder, miner, _ = self.record()
        for sealed in (1, 2):
            recorder.ask("rotate")
            recorder.wait_counter("segments_sealed", sealed)
            miner.send(SUBMIT % sealed)
            recorder.wait_counter("messages_archived", 101 + sealed)
        api = self.start_api()
        wait_until(lambda: len(self.json(api, "/api/segments")["items"]) == 3, "three files")
        items = self.json(api, "/api/segments")["items"]
        self.assertEqual([item["state"] for item in items], ["open", "sealed", "sealed"])
        self.assertEqual([item["id"] for item in items],
                         sorted((item["id"] for item in items), key=int, reverse=True))
        oldest = items[-1]
        self.assertTrue(oldest["has_footer"])
        self.assertEqual((oldest["first_seq"], oldest["sessions"]), (1, 1))
        self.assertEqual(oldest["bytes"],
                         os.path.getsize(os.path.join(self.data_dir, oldest["path"])))
        self.assertEqual(os.path.basename(oldest["path"]), oldest["file"])
        self.assertLess(oldest["from"], oldest["to"])
        pages, cursor = [], ""
        while cursor is not None:
            page = self.json(api, f"/api/segments?limit=1{cursor}")
            pages += page["items"]
            cursor = page["next_cursor"] and f"&cursor={page['next_cursor']}"
        self.assertEqual([item["id"] for item in pages], [item["id"] for item in items])

    def test_one_file_with_its_frames_and_counts(self):
        recorder, _, _ = self.record()
        recorder.stop()
        api = self.start_api()
        item = self.json(api, "/api/segments")["items"][0]
        one = self.json(api, f"/api/segments/{item['id']}")
        self.assertEqual({name: one[name] for name in item}, item)
        self.assertEqual(sum(frame["lines"] for frame in one["frames"]), one["lines"])
        self.assertEqual(sum(frame["text_bytes"] for frame in one["frames"]), one["text_bytes"])
        self.assertEqual(one["counts"]["miner_to_pool"], 51)
        self.assertEqual(one["counts"]["pool_to_miner"], 50)
        self.assertEqual(one["counts"]["errors"], 10)
        self.assertIn("mining.submit", one["counts"]["methods"])

    def test_what_is_not_there_and_what_is_wrong(self):
        self.record(1)[0].stop()
        api = self.start_api()
        for path in ("999999", "0", "-1", "abc", "18446744073709551616", "1%2F2"):
            self.refused(api, "/api/segments/" + path, 404)
        for query in ("limit=0", "limit=1001", "cursor=x", "cursor=-3", "cursor=0", "offset=1",
                      "cursor=", "cursor=" + "9" * 21):
            self.refused(api, "/api/segments?" + query)

    def test_an_empty_place(self):
        api = self.start_api()
        self.assertEqual(self.json(api, "/api/segments"), {"items": [], "next_cursor": None})


class TimelineTest(ArchiveCase):
    @staticmethod
    def sums(timeline):
        return {name: sum(bucket[name] for bucket in timeline["buckets"])
                for name in ("miner_to_pool", "pool_to_miner", "errors", "total")}

    WHOLE = {"miner_to_pool": 51, "pool_to_miner": 50, "errors": 10, "total": 101}

    def test_all_of_it_live_and_archived(self):
        recorder, _, _ = self.record()
        api = self.start_api()
        for source in ("all", "live"):
            timeline = self.json(api, f"/api/timeline?source={source}")
            self.assertEqual(self.sums(timeline), self.WHOLE, source)
            self.assertTrue(timeline["complete"])
            self.assertLessEqual(len(timeline["buckets"]), 200)
        recorder.stop()
        now = datetime.datetime.utcnow()
        times = [(now + datetime.timedelta(hours=h)).strftime("%Y-%m-%dT%H:%M:%SZ")
                 for h in (-1, 1)]
        for query in ("", "&source=archive", "&buckets=1", "&buckets=1000"):
            timeline = self.json(api, f"/api/timeline?from={times[0]}&to={times[1]}{query}")
            self.assertEqual(self.sums(timeline), self.WHOLE, query)
        self.assertEqual(timeline["from"][:19] + "Z", times[0])
        self.assertEqual(len(timeline["buckets"]), 1000)
        self.assertAlmostEqual(timeline["bucket_seconds"], 7.2)
        self.assertEqual(timeline["buckets"][0]["t"], timeline["from"])

    def test_nothing_is_counted_twice_while_it_is_recorded(self):
        """Files are sealed and the ring goes on between one look and the next."""
        recorder, miner, _ = self.record(5)
        api = self.start_api()
        for round_ in range(20):
            miner.send(SUBMIT % round_)
            recorder.wait_counter("messages", 11 + round_ + 1)
            if round_ % 5 == 4:
                recorder.ask("rotate")
            timeline = self.json(api, "/api/timeline?from=2020-01-01T00:00:00Z"
                                 "&to=2100-01-01T00:00:00Z&buckets=7")
            self.assertEqual(self.sums(timeline)["total"], 11 + round_ + 1)
            self.assertTrue(timeline["exact"] and timeline["complete"])

    def test_with_filters_messages_are_counted(self):
        recorder, _, _ = self.record()
        recorder.stop()
        api = self.start_api()
        session = self.json(api, "/api/messages?limit=1")["items"][0]["session_id"]
        wanted = {"errors=true": (0, 50 // 5, 10), "method=mining.submit": (50, None, None),
                  "direction=pool_to_miner": (0, 50, 10), "q=very-secret": (1, 0, 0),
                  f"session_id={session}": (51, 50, 10),
                  "q=this+stands+nowhere": (0, 0, 0)}
        for query, (up, down, errors) in wanted.items():
            timeline = self.json(api, "/api/timeline?" + query)
            self.assertTrue(timeline["exact"] and timeline["complete"], query)
            sums = self.sums(timeline)
            self.assertEqual(sums["miner_to_pool"], up, query)
            if down is not None:
                self.assertEqual((sums["pool_to_miner"], sums["errors"]), (down, errors), query)

    def test_nothing_recorded(self):
        api = self.start_api()
        os.makedirs(self.data_dir, exist_ok=True)
        self.assertEqual(self.json(api, "/api/timeline"),
                         {"from": None, "to": None, "bucket_seconds": None, "exact": True,
                          "complete": True, "buckets": []})

    def test_what_is_asked_wrongly(self):
        api = self.start_api()
        for query in ("buckets=0", "buckets=1001", "from=yesterday", "direction=up", "limit=5",
                      "from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "session_id=1"):
            self.refused(api, "/api/timeline?" + query)


class ExportTest(ArchiveCase):
    def setUp(self):
        super().setUp()
        self.recorder, self.miner, self.upstream = self.record()
        self.api = self.start_api()

    def test_every_format_comes_as_a_download(self):
        for name, kind in FORMATS.items():
            head, data = self.download(self.api, f"?format={name}")
            self.assertIn(f"Content-Type: {kind}\r\n", head)
            self.assertRegex(head, rf'attachment; filename="hashscope-\d{{8}}T\d{{6}}Z\.{name}"')
            self.assertGreater(len(data), 100)

    def test_lines_are_the_archives(self):
        _, data = self.download(self.api, "?format=ndjson&passwords=shown")
        lines = [json.loads(line) for line in data.splitlines()]
        self.assertEqual(sum("msg" in line for line in lines), 101)
        self.assertIn(b"very-secret", data)
        self.assertNotIn(b"very-secret", self.download(self.api, "?format=ndjson")[1])
        _, rows = self.download(self.api, "?format=ndjson&method=mining.submit")
        self.assertEqual(len(rows.splitlines()), 50)
        live = self.download(self.api, "?format=ndjson&source=live&passwords=shown")[1]
        self.assertEqual(sum("msg" in json.loads(line) for line in live.splitlines()), 101)

    def test_csv_has_a_row_a_message(self):
        _, data = self.download(self.api, "?format=csv&errors=true")
        rows = list(csv.DictReader(io.StringIO(data.decode())))
        self.assertEqual(len(rows), 10)

    @unittest.skipUnless(shutil.which("zstd"), "no zstd")
    def test_zstd_reads_what_is_compressed(self):
        _, data = self.download(self.api, "?format=ndjson.zst")
        plain = subprocess.run(["zstd", "-dc"], input=data, check=True,
                               stdout=subprocess.PIPE).stdout
        self.assertEqual(plain, self.download(self.api, "?format=ndjson")[1])

    @unittest.skipUnless(shutil.which("tshark"), "no tshark")
    def test_wireshark_reads_packets(self):
        for query in ("?format=pcapng", "?format=pcap", "?sides=both", "?format=pcapng&method="
                      "mining.submit"):
            path = os.path.join(self.folder, "x.pcap")
            with open(path, "wb") as file:
                file.write(self.download(self.api, query)[1])
            out = subprocess.run(["tshark", "-n", "-r", path, "-o", "tcp.check_checksum:TRUE",
                                  "-T", "fields", "-e", "tcp.payload", "-e",
                                  "tcp.checksum.status"], check=True, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE).stdout.decode()
            rows = [row.split("\t") for row in out.splitlines()]
            self.assertEqual({row[1] for row in rows}, {"1"})
            said = b"".join(bytes.fromhex(row[0].replace(",", "")) for row in rows)
            self.assertEqual(said.count(b"mining.submit"), 100 if "both" in query else 50)
            self.assertNotIn(b"very-secret", said)

    def test_a_body_asks_for_the_same(self):
        def post(body, status=200):
            text = json.dumps(body).encode()
            answer = self.api.speak(
                b"POST /api/export HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n"
                b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                % (self.api.port, len(text), text))
            head, _, rest = answer.partition(b"\r\n\r\n")
            self.assertEqual(int(head.split()[1]), status, (body, rest))
            return unchunk(rest)[0] if status == 200 else json.loads(rest)["detail"]
        session = self.json(self.api, "/api/messages?limit=1")["items"][0]["session_id"]
        asked = {"format": "ndjson", "method": "mining.submit", "q": '"id":7,',
                 "errors": False, "session_id": session, "source": "all"}
        lines = post(asked).splitlines()
        self.assertEqual(lines, self.download(
            self.api, "?" + urllib.parse.urlencode({**asked, "errors": "false"}))[1].splitlines())
        self.assertEqual(len(lines), 1)
        self.assertEqual(post({})[:4], b"\x0a\x0d\x0d\x0a")
        self.assertEqual(len(post({"format": "ndjson", "latency_max_ms": 60000.5}).splitlines()), 50)
        for body in ({"format": "xml"}, {"x": 1}, {"errors": "perhaps"}, {"q": None}, {"q": [1]},
                     {"q": 1.5}, {"format": {"a": 1}}, {"errors": 2}, {"q": ""},
                     {"q": "x" * 300}, {str(i): i for i in range(40)}):
            self.assertTrue(post(body, 422), body)

    def test_what_is_asked_wrongly(self):
        for query in ("format=xml", "sides=neither", "passwords=maybe", "limit=1", "session_id=7",
                      "method=,", "from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z"):
            self.refused(self.api, "/api/export?" + query)

    def test_a_head_only(self):
        answer = self.api.speak(b"HEAD /api/export HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
                                b"Connection: close\r\n\r\n" % self.api.port)
        self.assertTrue(answer.startswith(b"HTTP/1.1 200 "))
        self.assertTrue(answer.endswith(b"\r\n\r\n"))
class LargeExportTest(ArchiveCase):
    """Tens of megabytes of text: clients that go away, slow ones, and memory."""

    def fill(self, recorder, miner, megabytes):
        """Speaks until so much has been recorded."""
        block = b"".join(SUBMIT % i for i in range(10000))
        for _ in range(megabytes * 1000000 // len(block)):
            miner.send(block)
        recorder.wait_counter("messages", megabytes * 1000000 // len(block) * 10000)

    def test_it_stops_when_the_client_goes_and_memory_stays_flat(self):
        pool = self.new_pool()
        recorder = self.start(pool)
        miner, upstream = self.join(recorder, pool)
        Task(upstream.skip)
        self.fill(recorder, miner, 30)
        api = self.start_api()
        self.assertEqual(api.get("/health")[0], 200)

        def busy():
            text = api.get("/metrics")[2].decode()
            return int(re.search(r"^hashscope_api_requests_busy (\d+)", text, re.M)[1])

        def resident():
            text = api.get("/metrics")[2].decode()
            return int(re.search(r"^hashscope_api_resident_memory_bytes (\d+)", text, re.M)[1])

        self.download(api, "?format=ndjson")
        before = resident()
        for query in ("?format=ndjson", "?format=pcapng", "?format=csv&passwords=shown"):
            sock = socket.create_connection(("127.0.0.1", api.port), PATIENCE)
            sock.sendall(f"GET /api/export{query} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
            self.assertIn(b"200 OK", sock.recv(4096))
            sock.close()
        wait_until(lambda: busy() == 1, "all have been given up")
        for query in ("?format=ndjson", "?format=pcapng"):
            self.download(api, query)
        if not is_sanitized():
            self.assertLess(resident() - before, 24 << 20)
        begun = time.monotonic()
        slow = socket.create_connection(("127.0.0.1", api.port), PATIENCE)
        slow.sendall(b"GET /api/export?format=ndjson HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        self.assertIn(b"200 OK", slow.recv(4096))
        self.assertEqual(api.stop(), 0, api.text())
        self.assertLess(time.monotonic() - begun, PATIENCE)
        slow.close()
