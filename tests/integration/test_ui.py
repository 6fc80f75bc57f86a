"""The page by itself: its logic (vitest) and its size."""
import gzip
import os
import re
import subprocess
import unittest

from tests.integration.browser import UI
from tests.integration.harness import BUILD

BUILT = os.path.join(os.path.abspath(BUILD), "share", "hashscope", "ui")
FIRST_LOAD = 250_000


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


if __name__ == "__main__":
    unittest.main()
