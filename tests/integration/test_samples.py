"""The sample recordings: made anew they are the same, byte for byte, and the tools read them."""
import os
import subprocess
import unittest

from tests.integration.harness import BUILD, RecorderCase, bare_environment, program
from tests.integration.wireshark import BETWEEN, ROOT, Tshark

CAPTURES = os.path.join(ROOT, "samples/captures")
NAMES = ("garbage", "new-block", "normal", "reconnect", "rejects")
LIMIT = 300 * 1024


def files_below(folder):
    """{path below folder: content}"""
    found = {}
    for directory, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(directory, name)
            with open(path, "rb") as file:
                found[os.path.relpath(path, folder)] = file.read()
    return found


class Samples(RecorderCase):
    def test_made_anew_they_are_the_same(self):
        folder = os.path.join(self.folder, "captures")
        subprocess.run([os.path.join(ROOT, "scripts/make-samples.sh"), BUILD, folder], check=True,
                       cwd=ROOT)
        made, kept = files_below(folder), files_below(CAPTURES)
        self.assertEqual(sorted(made), sorted(kept), "run make samples")
        for name, content in kept.items():
            self.assertEqual(made[name], content, f"{name} differs: run make samples")
        self.assertLess(sum(map(len, kept.values())), LIMIT)

    def test_each_is_a_sound_data_directory(self):
        for name in NAMES:
            folder = os.path.join(CAPTURES, name)
            subprocess.run([program("hashscope"), "verify", "--data-dir", folder], check=True,
                           stdout=subprocess.DEVNULL, env=bare_environment())

    def test_they_show_what_their_names_say(self):
        tshark = Tshark(self.folder)

        def values(name, field, display="stratum"):
            rows = tshark.fields(os.path.join(CAPTURES, name + ".pcapng"), field, display=display)
            return [value for row in rows for value in row[0].split(BETWEEN) if value]

        self.assertGreater(values("normal", "stratum.accepted").count("1"), 20)
        self.assertEqual(values("normal", "stratum.accepted").count("0"), 0)
        self.assertEqual(set(values("rejects", "stratum.error.code")), {"21", "22", "23"})
        heights = [int(height) for height in values("new-block", "stratum.height")]
        self.assertGreaterEqual(len(set(heights)), 3)
        self.assertIn("0", values("new-block", "stratum.merkle_count"))
        self.assertEqual(values("reconnect", "stratum.method").count("client.reconnect"), 1)
        self.assertEqual(len(set(values("reconnect", "tcp.stream"))), 2)
        self.assertGreaterEqual(len(values("garbage", "stratum.malformed", "stratum.malformed")), 5)
        self.assertEqual(len(values("garbage", "tls.handshake.type", "tls")), 1)


if __name__ == "__main__":
    unittest.main()
