"""The page by itself: its logic (vitest), its size, and its live view under load in Chromium."""
import gzip
import os
import re
import subprocess
import unittest

from tests.integration.harness import BUILD
from tests.integration.ui_api import CannedApi

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
UI = os.path.join(ROOT, "ui")
BUILT = os.path.join(os.path.abspath(BUILD), "share", "ui")
TOKEN = "c0ffee-of-the-test"
FIRST_LOAD = 250_000
RATE = 2000
LOAD_SECONDS = os.environ.get("HASHSCOPE_UI_LOAD_SECONDS", "15")


def run_node(*command):
    return subprocess.run(["node", *map(str, command)], cwd=UI, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=240,
                          env={**os.environ, "NO_COLOR": "1"})


class Ui(unittest.TestCase):
    def test_logic(self):
        run = run_node("node_modules/vitest/vitest.mjs", "run")
        self.assertEqual(run.returncode, 0, run.stdout)
        said = re.sub(r"\x1b\[\d*m", "", run.stdout)  # colours, which CI=true asks for all the same
        self.assertRegex(said, r"Tests +\d+ passed")

    def test_first_load_is_small(self):
        with open(os.path.join(BUILT, "index.html"), encoding="utf-8") as file:
            scripts = re.findall(r'(?:src|href)="/([^"]+\.js)"', file.read())
        self.assertGreater(len(scripts), 1)
        size = 0
        for name in scripts:
            with open(os.path.join(BUILT, name), "rb") as file:
                size += len(gzip.compress(file.read()))
        self.assertLess(size, FIRST_LOAD)

    def test_load(self):
        api = CannedApi(BUILT, total=2000, rate=RATE, token=TOKEN)
        self.addCleanup(api.close)
        run = run_node("e2e/load.mjs", api.url, TOKEN, LOAD_SECONDS, RATE)
        self.assertEqual(run.returncode, 0, run.stdout)


if __name__ == "__main__":
    unittest.main()
