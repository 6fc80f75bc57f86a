"""What the tests of exporting have in common: running `hashscope export`, and asking tshark, capinfos
and editcap about what came out.
"""
import os
import re
import subprocess
import tempfile
import unittest

from tests.integration.export_recording import DOWN, LOST, UP, address
from tests.integration.harness import program

# nothing above TCP: what is said here is no protocol that somebody else's ports may stand for
TSHARK = ["tshark", "-n", "-d", "tcp.port==1-65535,data"]
CHECKSUMS = ["-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"]
EXPECTED = {"This frame initiates the connection closing",
            "This frame undergoes the connection closing", "Connection reset (RST)"}
LOSS = {"Previous segment(s) not captured (common at capture start)",
        "ACKed segment that wasn't captured (common at capture start)"}
OTHER = re.compile(r"(synthesised |seq=\d+ |ts=|Connection establish |Connection finish )")
NODE = re.compile(r"^Node \d: (.*)$", re.M)
MISSING = re.compile(rb"\[\d+ bytes missing in capture file\]\0?")
FOLLOWED_AT_ONCE = 60


def export(data_dir, *arguments, check=True, **more):
    run = subprocess.run([program("hashscope"), "export", "--data-dir", data_dir, *arguments],
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                         check=False, **more)
    if check and (run.returncode or run.stderr):
        raise AssertionError(f"{arguments}: exit {run.returncode}: {run.stderr.decode()}")
    return run


def tshark(path, *arguments):
    run = subprocess.run([*TSHARK, "-r", path, *CHECKSUMS, *arguments], check=False,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if run.returncode:
        raise AssertionError(f"tshark {arguments}: {run.stderr.decode()}")
    return run.stdout


def fields(path, *names, display=None, aggregator=","):
    """Rows of texts, one a packet."""
    arguments = [word for name in names for word in ("-e", name)]
    if display:
        arguments += ["-Y", display]
    out = tshark(path, "-T", "fields", "-E", "separator=/t", "-E", f"aggregator={aggregator}",
                 *arguments).decode()
    return [row.split("\t") for row in out.splitlines()]


def streams(path):
    """Stream -> (who connected, whom to, {end: bytes}), put together of payloads in their order."""
    found = {}
    names = ("tcp.stream", "tcp.flags.syn", "ip.src", "ipv6.src", "tcp.srcport", "ip.dst",
             "ipv6.dst", "tcp.dstport", "tcp.payload")
    for number, syn, src4, src6, sport, dst4, dst6, dport, payload in fields(path, *names):
        source, target = (src4 or src6, int(sport)), (dst4 or dst6, int(dport))
        entry = found.setdefault(int(number), (source, target, {source: [], target: []}))
        if not payload and syn == "1":
            continue
        entry[2][source].append(bytes.fromhex(payload))
    return {number: (a, b, {end: b"".join(parts) for end, parts in data.items()})
            for number, (a, b, data) in found.items()}


def parse_follow(text):
    data = {0: [], 1: []}
    nodes = NODE.findall(text)
    for row in text.split(nodes[1] + "\n", 1)[1].splitlines():
        if row and row[0] != "=":
            data[row[0] == "\t"].append(bytes.fromhex(row.strip()))
    return nodes, [b"".join(data[0]), b"".join(data[1])]


def follow(path, numbers):
    """Stream -> ([node, node], [bytes, bytes]) as Wireshark's follow has it."""
    found = {}
    numbers = list(numbers)
    for at in range(0, len(numbers), FOLLOWED_AT_ONCE):
        some = numbers[at:at + FOLLOWED_AT_ONCE]
        taps = [word for n in some for word in ("-z", f"follow,tcp,raw,{n}")]
        out = tshark(path, "-q", *taps).decode()
        for part in out.split("Follow: tcp,raw\n")[1:]:
            found[int(re.search(r"tcp\.stream eq (\d+)", part)[1])] = parse_follow(part)
    return found


def v6_mapped(ip, other):
    return f"::ffff:{ip}" if ":" in other and ":" not in ip else ip


def conversation(one, two):
    """Both ends as they stand in packets."""
    return ((v6_mapped(one[0], two[0]), one[1]), (v6_mapped(two[0], one[0]), two[1]))


class ExportCase(unittest.TestCase):
    maxDiff = 2000

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="hashscope-export-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.data_dir = os.path.join(self.folder, "data")

    def path(self, name):
        return os.path.join(self.folder, name)

    def assert_flawless(self, path, more=()):
        """Nothing that tshark would complain of, but what is listed. (Comments and what is mere
        chat come along in the same field.)"""
        bad = fields(path, "frame.number", "_ws.expert.message", aggregator="~",
                     display="_ws.malformed || tcp.checksum.status == 0 || "
                             "ip.checksum.status == 0 || _ws.expert.severity >= 0x400000")
        wrong = [(number, text) for number, texts in bad for text in texts.split("~")
                 if text not in EXPECTED and text not in more and not OTHER.match(text)]
        self.assertEqual(wrong[:20], [], path)

    def expected_pool_streams(self, sessions):
        found = {}
        for session in sessions:
            target = session.pool if session.connected else session.listen
            found[conversation(session.miner, target)] = session.pool_side
        return found

    def expected_both_streams(self, sessions):
        found = {}
        for session in sessions:
            found[conversation(session.miner, session.listen)] = session.miner_side
            if session.connected:
                found[conversation(session.local, session.pool)] = session.pool_side
        return found

    def check_streams(self, path, expected):
        found = streams(path)
        self.assertEqual(sorted((a, b) for a, b, _ in found.values()), sorted(expected))
        for one, two, data in found.values():
            for end, direction in ((one, UP), (two, DOWN)):
                want = b"".join(p for p in expected[one, two][direction] if p is not LOST)
                if data[end] != want:
                    self.fail(f"{address(*one)} - {address(*two)} {direction}: "
                              f"{len(data[end])} bytes instead of {len(want)}")
        return found

    def check_follow(self, path, found, expected, numbers):
        """Wireshark's own reassembly, with its notes of what is missing where there was a loss."""
        for number, (nodes, data) in follow(path, numbers).items():
            one, two, _ = found[number]
            self.assertEqual(nodes, [address(*one), address(*two)])
            for end, direction in ((0, UP), (1, DOWN)):
                pieces = expected[one, two][direction]
                want = b"".join(p for p in pieces if p is not LOST)
                got = MISSING.sub(b"", data[end]) if LOST in pieces else data[end]
                self.assertEqual(got, want, f"{nodes} {direction}")
