"""What `make install` installs is all that its programs look for, and works from any folder."""
import glob
import json
import os
import re
import subprocess
import unittest
import urllib.request

from tests.integration.front import FrontCase, environment
from tests.integration.harness import BUILD, wait_until

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAMS = ("hashscope", "hashscope-recorder", "hashscope-api", "hashscope-export",
            "hashscope-import", "hashscope-extcap")


class Installed(FrontCase):
    def setUp(self):
        super().setUp()
        self.place = os.path.join(self.folder, "installed")
        done = subprocess.run(["make", "-C", ROOT, f"OUT={BUILD}", f"DESTDIR={self.place}",
                               "PREFIX=/usr", "install-files"], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.binaries = os.path.join(self.place, "usr/bin")

    def run_installed(self, *arguments, **more):
        return subprocess.run([os.path.join(self.binaries, "hashscope"), *arguments],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=60,
                              stderr=subprocess.STDOUT, text=True, check=False, **more)

    def test_everything_that_is_built_is_installed(self):
        self.assertEqual(sorted(os.listdir(self.binaries)), sorted(PROGRAMS))
        built = os.path.join(BUILD, "share")
        for path in glob.glob(built + "/**", recursive=True):
            there = os.path.join(self.place, "usr/share", os.path.relpath(path, built))
            self.assertTrue(os.path.exists(there), there)
            self.assertTrue(os.stat(there).st_mode & 0o004, f"{there} can be read by all")

    def get(self, port, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=20) as answer:
            return answer.read().decode(errors="replace")

    def test_up_works_from_another_folder(self):
        elsewhere = os.path.join(self.folder, "elsewhere")
        os.mkdir(elsewhere)
        with open(os.path.join(self.folder, "said"), "w+", encoding="utf-8") as said:
            up = subprocess.Popen(
                [os.path.join(self.binaries, "hashscope"), "up", "--listen-host=127.0.0.1",
                 "--listen-port=0", "--ring-bytes=32M", "--no-tail"], cwd=elsewhere, stdout=said,
                stderr=said, stdin=subprocess.DEVNULL, env=environment())
            self.addCleanup(up.kill)

            def text():
                said.seek(0)
                return said.read()
            wait_until(lambda: "Ctrl-C" in text() or up.poll() is not None, "it is up")
            port = re.search(r"http://127\.0\.0\.1:(\d+)/", text())
            self.assertIsNotNone(port, text())
            self.assertIn("openapi", self.get(port[1], "/docs"))
            self.assertIn("paths:", self.get(port[1], "/openapi.yaml"))
            page = self.get(port[1], "/")
            script = re.search(r'src="(/assets/[^"]+\.js)"', page)
            self.assertIsNotNone(script, page)
            self.assertGreater(len(self.get(port[1], script[1])), 10000)
            health = json.loads(self.get(port[1], "/health"))
            self.assertTrue(health)
            wait_until(lambda: glob.glob(elsewhere + "/data/segments/*/*/*/*.zst.open"),
                       "something is recorded there")
            up.terminate()
            self.assertEqual(up.wait(60), 0)
        self.assertTrue(glob.glob(elsewhere + "/data/segments/*/*/*/*.zst"))

    def test_the_dissector_is_found(self):
        home = os.path.join(self.folder, "home")
        os.mkdir(home)
        done = self.run_installed("wireshark", "install", env=environment(HOME=home), cwd="/")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertTrue(glob.glob(home + "/**/stratum.lua", recursive=True) or
                        glob.glob(home + "/.*/**/stratum.lua", recursive=True), done.stdout)

    def test_a_folder_that_cannot_be_written_is_said(self):
        done = self.run_installed("up", "--listen-port=0", env=environment(), cwd="/proc")
        self.assertEqual(done.returncode, 1)
        self.assertIn("making ./data (DATA_DIR; --data-dir chooses another place): ", done.stdout)


if __name__ == "__main__":
    unittest.main()
