"""The page in a real browser against the real programs: a recorder between simulated miners and a
simulated pool, hashscope-api with a token, and Chromium (ui/e2e/live.mjs), which asks for miners that
come and go and for an API that does."""
import json
import os
import shutil
import signal
import subprocess
import types
import unittest

from tests.integration.api_process import Api
from tests.integration.browser import drive
from tests.integration.front import FrontCase
from tests.integration.harness import free_port, wait_until

TOKEN = "c0ffee-of-the-test"
WORKER = "<img src=x onerror=window.hacked=1>"
AGENT = "<script>window.hacked=1</script>/1.0"


class UiLive(FrontCase):
    def setUp(self):
        super().setUp()
        port_file = os.path.join(self.folder, "pool.port")
        self.spawn("sim", "pool", "--listen", "127.0.0.1:0", "--port-file", port_file, "--difficulty", "0.00001",
                   "--job-interval", 3, "--block-interval", 10, "--shares-per-minute", 0)
        self.pool_port = wait_until(lambda: self.number_in(port_file), "the pool's port is written")
        self.recorder = self.start(types.SimpleNamespace(port=self.pool_port))
        self.ports = {"API_PORT": free_port(), "UI_PORT": free_port()}
        self.token = TOKEN
        self.api = self.start_api()
        self.newcomer = None

    @staticmethod
    def number_in(path):
        try:
            with open(path, encoding="ascii") as file:
                return int(file.read())
        except (FileNotFoundError, ValueError):
            return None

    def start_api(self):
        api = Api(self.folder, self.data_dir, API_TOKEN=self.token, **self.ports).wait_ready()
        self.addCleanup(api.cleanup)
        return api

    def miner(self, *arguments):
        return self.spawn("sim", "miner", "--hashrate", 100000, *arguments, f"127.0.0.1:{self.recorder.port}")

    # ---- what the browser asks for

    def listen_port(self):
        return self.recorder.port

    def miners(self):
        self.miner("--miners", 3, "--style", "mixed", "--user", "bc1q.rack1", "--bad-percent", 20)
        self.miner("--user", WORKER, "--user-agent", AGENT)

    def newcomer_comes(self):
        self.newcomer = self.miner("--user", "newcomer")

    def newcomer_leaves(self):
        self.newcomer.stop()

    def api_stops(self):
        self.api.stop()

    def api_starts(self):
        self.api = self.start_api()

    def import_sample(self):
        sample = os.path.join(os.path.dirname(__file__), "..", "..", "samples", "captures", "rejects.pcapng")
        run = self.run_front("import", "--data-dir", self.data_dir, "--json", sample)
        return json.loads(run[1])["instance"]

    def api_hangs(self):
        os.kill(self.api.process.pid, signal.SIGSTOP)

    def api_goes_on(self):
        os.kill(self.api.process.pid, signal.SIGCONT)

    def new_token(self):
        self.api.stop()
        self.token += "-2"
        self.api = self.start_api()

    def answer(self, what):
        return {"listen-port": self.listen_port, "miners": self.miners, "newcomer": self.newcomer_comes,
                "newcomer-leaves": self.newcomer_leaves, "api-stops": self.api_stops,
                "api-starts": self.api_starts, "api-hangs": self.api_hangs, "import": self.import_sample, "api-goes-on": self.api_goes_on,
                "new-token": self.new_token}[what]()

    def test_every_view(self):
        code, said = drive("live.mjs", [f"http://127.0.0.1:{self.api.port}", TOKEN, self.folder], self.answer)
        self.assertEqual(code, 0, said)
        tshark = shutil.which("tshark")
        if tshark:
            run = subprocess.run([tshark, "-r", os.path.join(self.folder, "range.pcapng"), "-c", "5"],
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, timeout=60)
            self.assertEqual(run.returncode, 0, run.stderr)
            self.assertTrue(run.stdout.strip())


if __name__ == "__main__":
    unittest.main()
