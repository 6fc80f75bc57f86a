"""What the README has people type is run as it stands there, beside a demo that goes on."""
import json
import os
import re
import subprocess
import unittest

from tests.integration.front import FrontCase, environment
from tests.integration.harness import BUILD, wait_until

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MISSES = ("--since 03:12", "--worker farm.7")  # nobody has mined then, or so called


def typed():
    """The lines behind a prompt."""
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
        blocks = re.findall(r"^```\n(.*?)^```", file.read(), re.M | re.S)
    return [line[2:] for block in blocks for line in block.split("\n") if line.startswith("$ ")]


class Readme(FrontCase):
    def setUp(self):
        super().setUp()
        self.demo = self.spawn("up", "--listen-host", "127.0.0.1", "--listen-port", 0,
                               "--ring-bytes", "32M", environ={"API_HOST": "0.0.0.0"})
        self.demo.wait_text("Ctrl-C")
        self.port = re.search(r"http://127.0.0.1:(\d+)/", self.demo.text())[1]
        wait_until(lambda: any("Low difficulty" in line for line in self.demo.out) and
                   any('"result":true' in line for line in self.demo.out), "shares are judged")
        wait_until(lambda: "Low difficulty" in self.shell("hashscope cat --errors")[1],
                   "a file has them", 60)
        self.session = json.loads(self.shell("hashscope ls")[1].split("\n")[0])["session"]

    def shell(self, line, seconds=30):
        """In one shell with all before it, as somebody would type it; what ends by itself only."""
        path = os.path.join(BUILD, "bin") + ":" + os.environ["PATH"]
        with open(os.path.join(self.folder, "shell"), "w+", encoding="utf-8") as out:
            shell = subprocess.run(["timeout", "-s", "INT", str(seconds), "bash", "-c", line],
                                   cwd=self.folder, stdin=subprocess.DEVNULL, stdout=out,
                                   stderr=subprocess.PIPE, text=True, check=False,
                                   env=environment(PATH=path, HOME=self.folder))
            out.seek(0)
            return shell.returncode, out.read(), shell.stderr

    def test_every_line_does_what_it_says(self):
        lines = typed()
        self.assertGreater(len(lines), 8)
        token = ""
        for line in lines:
            here = line.replace("127.0.0.1:8000", f"127.0.0.1:{self.port}")
            here = here.replace("7586d9", self.session[-6:])
            if line.startswith("TOKEN="):
                token = here + "; "
                continue
            with self.subTest(line=line):
                follows = " -f " in line
                code, out, err = self.shell(token + here, 3 if follows else 60)
                self.assertEqual(code, 124 if follows else 0, err)
                if not any(miss in line for miss in MISSES):
                    self.assertNotEqual(out.strip(), "", err)

    def test_what_is_typed_is_there(self):
        """`hashscope` by the PATH that the README sets, the rest by packages that it names."""
        with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
            text = file.read()
        self.assertIn('export PATH="$PWD/build/bin:$PATH"', text)
        tools = set(re.findall(r"(?:^|\| )([a-z]+)", "\n".join(typed()), re.M)) - {"hashscope", "head"}
        named = re.search(r"apt-get install ([a-z ]+)", text)[1].split()
        for tool in tools:
            self.assertIn({"zstdcat": "zstd"}.get(tool, tool), named)


if __name__ == "__main__":
    unittest.main()
