"""The dissector's links and times are those that the recorder paired: on exports, message by message.

Times: the dissector has those of the packets, on the wall clock; latency_us was measured on the
monotonic one. They differ by rounding, and by what the wall clock was set or slewed in between.

HASHSCOPE_LINK_MESSAGES=N says how many random messages are exchanged (default 3000).
"""
import datetime
import os
import random
import re
import subprocess
import unittest

from tests.integration.archive import Archive
from tests.integration.harness import RecorderCase, Task, program
from tests.integration.test_samples import CAPTURES, NAMES
from tests.integration.wireshark import BETWEEN, Tshark

MESSAGES = int(os.environ.get("HASHSCOPE_LINK_MESSAGES", "3000"))
IDS = ["4", "4", "4", "5", '"4"', '"auth"', '""', "null", "1.5", "-0", "0", "true", "[1]",
       "123456789012345678", "123456789012345678901", '"a\\"b"', '"\\u0034"', None]
METHODS = ["mining.submit", "mining.submit", "mining.authorize", "mining.ping", "x.unknown"]
NOTICES = ["mining.notify", "mining.set_difficulty", "client.show_message"]


def random_line(chance, methods):
    """Requests, notifications, answers and lines that are none of these."""
    parts = []
    name = chance.choice(IDS)
    if name is not None:
        parts.append(f'"id":{name}')
    kind = chance.randrange(20)
    if kind < 9:
        parts.append(f'"method":"{chance.choice(methods)}"')
        parts.append('"params":["w","j",[1,{"a":"}]"}]]')
    elif kind < 18:
        parts.append(chance.choice(('"result":true', '"result":null,"error":[21,"stale",null]',
                                    '"error":"no"')))
    elif kind == 18:
        return chance.choice((b"\n", b"{bad\n", b"[1,2]\n", b'{"id":4,"method":"mining.submit"\n',
                              b'{"id":4,"result":true,"x":"\xff"}\n', b'{"id":4,"result":1}}\n'))
    else:
        parts.append('"method":null,"result":{"id":7}')
    chance.shuffle(parts)
    return "{".encode() + chance.choice((b",", b" , ")).join(p.encode() for p in parts) + b"}\n"


class LinkCase(RecorderCase):
    def compare(self, path, data_dir, slack_us, *arguments):
        """Every line of the archive that is a message against what tshark makes of its packet."""
        tshark = Tshark(self.folder)
        text = tshark.run(path, *arguments, "-2", "-T", "fields", "-E", "aggregator=" + BETWEEN,
                          *(word for name in ("frame.number", "frame.comment",
                                              "stratum.response_to", "stratum.response_in",
                                              "stratum.time") for word in ("-e", name)))
        rows, frames = {}, {}
        for row in (line.split("\t") for line in text.split("\n")[:-1]):
            found = re.match(r"seq=(\d+) ", row[1])
            if found:
                rows[int(found[1])] = row
                frames[row[0]] = int(found[1])
        answers, when = {}, {}
        for line in Archive(data_dir).lines:
            when[line.get("seq")] = datetime.datetime.fromisoformat(line["ts"][:-1])
            if "dir" in line:
                row = rows[line["seq"]]
                self.assertEqual(frames.get(row[2]), line.get("re"), (line, line.content))
                if "re" in line:
                    answers[line["re"]] = line["seq"]
                    apart = (when[line["seq"]] - when[line["re"]]) / datetime.timedelta(seconds=1)
                    self.assertAlmostEqual(float(row[4]), apart, delta=1e-8, msg=line)
                    self.assertAlmostEqual(float(row[4]) * 1e6, line["latency_us"],
                                           delta=slack_us, msg=line)
        for seq, row in rows.items():
            self.assertEqual(frames.get(row[3]), answers.get(seq), row)
        return len(answers)


class Samples(LinkCase):
    def test_samples(self):
        for name in NAMES:
            folder = os.path.join(CAPTURES, name)
            self.assertGreater(self.compare(folder + ".pcapng", folder, 1.01), 4, name)


class RandomTalk(LinkCase):
    def talk(self, recorder, pool, seed):
        """Both sides say random lines at the same time."""
        miner, upstream = self.join(recorder, pool)

        def speak(peer, methods, seed):
            chance = random.Random(seed)
            for _ in range(MESSAGES // 6):
                peer.send(b"".join(random_line(chance, methods)
                                   for _ in range(chance.randrange(1, 3))))
            peer.end()

        tasks = [Task(speak, miner, METHODS, seed), Task(speak, upstream, METHODS + NOTICES, -seed),
                 Task(miner.read_any_end), Task(upstream.read_any_end)]
        for task in tasks:
            task.result()

    def test_random_talk_with_ids_used_again(self):
        pool = self.new_pool()
        recorder = self.start(pool)
        for seed in (1, 2):
            self.talk(recorder, pool, seed)
        recorder.wait_sessions(0)
        self.finish(recorder)
        path = os.path.join(self.folder, "talk.pcapng")
        subprocess.run([program("hashscope-export"), "--data-dir", self.data_dir, "-q", "-o", path],
                       check=True, env={"PATH": os.environ["PATH"]})
        paired = self.compare(path, self.data_dir, 10000, "-o", f"stratum.ports:{pool.port}")
        self.assertGreater(paired, MESSAGES // 10)


if __name__ == "__main__":
    unittest.main()
