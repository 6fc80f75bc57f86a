"""The live view in Chromium while 2,000 messages a second pass through a real recorder and a real API:
it stays quick, its memory stays bounded, and it counts right. HASHSCOPE_UI_LOAD_SECONDS=110 goes on until
it holds 100,000 rows."""
import os
import unittest

from tests.integration.api_process import Api
from tests.integration.browser import drive
from tests.integration.harness import RecorderCase, wait_until
from tests.integration.traffic import Traffic

TOKEN = "c0ffee-of-the-test"
RATE = 2000
SECONDS = os.environ.get("HASHSCOPE_UI_LOAD_SECONDS", "15")


class UiLoad(RecorderCase):
    def setUp(self):
        super().setUp()
        self.traffic = self.keep(Traffic())
        self.recorder = self.start(self.traffic)
        self.api = Api(self.folder, self.data_dir, API_TOKEN=TOKEN,
                       CAPTURE_MAX_MESSAGES=500000, API_PORT=0)
        self.addCleanup(self.api.cleanup)

    def answer(self, what):
        if what == "traffic":
            return self.traffic.start(10, RATE / 2, self.recorder.port)
        self.traffic.pause()
        wait_until(lambda: self.traffic.heard == self.traffic.sent > 0, "every submit has its answer")
        return 2 * self.traffic.sent

    def test_live_under_load(self):
        self.api.wait_ready()
        code, said = drive("load.mjs", [f"http://127.0.0.1:{self.api.port}", TOKEN, SECONDS, RATE], self.answer)
        print(said)
        self.assertEqual(code, 0, said)
        self.assertEqual(self.recorder.counters()["records_lost"], 0)


if __name__ == "__main__":
    unittest.main()
