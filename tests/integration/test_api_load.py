"""The API while much happens: many queries at once, rotation and retention under them, its death."""
import json
import threading
import time

from tests.integration.api_process import Api
from tests.integration.harness import RecorderCase, wait_until
from tests.integration.load import Load


class LoadTest(RecorderCase):
    def busy(self, **settings):
        load = self.keep(Load(window=8))
        recorder = self.start(load, RECOMPRESS_LEVEL=0, **settings)
        load.start("rig", 4, recorder.port)
        api = Api(self.folder, self.data_dir)
        self.addCleanup(lambda: api.cleanup())
        return load, recorder, api.wait_ready()

    def ask(self, api, path, allowed=(200,)):
        code, _, body = api.get(path)
        self.assertIn(code, allowed, body[:300])
        return json.loads(body)

    def together(self, count, work):
        faults = []

        def run(number):
            try:
                work(number)
            except Exception as fault:  # told below
                faults.append(fault)
        threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(faults, [])

    def test_64_queries_of_the_archive_at_once(self):
        _, recorder, api = self.busy()
        wait_until(lambda: recorder.counters()["messages_archived"] > 20000, "there is an archive")
        first = self.ask(api, "/api/messages?source=archive&order=oldest&limit=50")["items"]
        answers = {}

        def query(number):
            kind = ("order=oldest&limit=50", "q=no.such.text", "errors=true", "limit=50")[number % 4]
            answers[number] = self.ask(api, "/api/messages?source=archive&" + kind)["items"]
        self.together(64, query)
        self.assertEqual(len(answers), 64)
        for number in range(0, 64, 4):
            self.assertEqual([row["id"] for row in answers[number]], [row["id"] for row in first])
            self.assertEqual(answers[number + 1], [])
        self.assertEqual(len(self.ask(api, "/api/messages?source=live")["items"]), 100)

    def test_while_files_are_rotated_and_removed(self):
        _, recorder, api = self.busy(SEGMENT_MAX_BYTES="64K", RETAIN_BYTES="300K")
        wait_until(lambda: recorder.counters()["segments_removed"] > 3, "the oldest files go")
        until, pages = time.monotonic() + 5, 0
        cursor, seen = "", []
        while time.monotonic() < until:
            page = self.ask(api, "/api/messages?order=oldest&limit=500" +
                            (f"&cursor={cursor}" if cursor else ""))
            seen += [row["seq"] for row in page["items"]]
            cursor, pages = page["next_cursor"], pages + 1
            if cursor is None:
                break
            newest = [row["seq"] for row in self.ask(api, "/api/messages?limit=200")["items"]]
            self.assertEqual(newest, sorted(set(newest), reverse=True))
        self.assertGreater(pages, 3)
        self.assertEqual(seen, sorted(set(seen)))
        self.assertGreater(recorder.counters()["segments_removed"], 3)

    def test_its_death_under_load_is_noticed_by_no_miner(self):
        load, recorder, api = self.busy()
        for round_ in range(5):
            readers = [api.read("?batch=1") for _ in range(3)]
            heard = load.heard
            wait_until(lambda: load.heard > heard + 2000, "messages pass")
            api.process.kill()
            api.process.wait(10)
            for reader in readers:
                reader.close()
            heard = load.heard
            wait_until(lambda: load.heard > heard + 2000, "and go on passing")
            api = Api(self.folder, self.data_dir).wait_ready()
            self.addCleanup(api.cleanup)
            self.assertEqual(load.open_ends, 8, f"round {round_}")
        wait_until(lambda: len(self.ask(api, "/api/messages?source=live&limit=1000")["items"]) == 1000,
                   "it knows what passed")
        self.assertEqual(recorder.counters()["records_lost"], 0)
