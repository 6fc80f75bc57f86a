"""The page at /docs, driven in Chromium against the real programs."""
import os
import subprocess

from tests.integration.api_contract import ROOT
from tests.integration.api_scene import TOKEN, Scene


class DocsPageTest(Scene):
    def test_every_request_can_be_tried(self):
        self.set_scene()
        run = subprocess.run(
            ["node", os.path.join(ROOT, "tests/integration/docs_page.mjs"),
             os.path.join(ROOT, "ui/node_modules"), f"http://127.0.0.1:{self.api.port}", TOKEN,
             self.session], capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
