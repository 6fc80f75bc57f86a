"""Captures that went through other people's tools before they are imported: editcap, mergecap,
reordercap, text2pcap. What those keep must come back the same."""
import os
import random
import shutil
import subprocess
import unittest

from tests.integration import captures
from tests.integration.captures import Connection, Packet, mine, pcap, pcapng
from tests.integration.imports import ImportCase, joined, streams


@unittest.skipUnless(shutil.which("editcap") and shutil.which("text2pcap"), "no editcap here")
class Tools(ImportCase):
    def setUp(self):
        super().setUp()
        self.connection = mine(Connection().open(), 30).close()
        self.capture = self.file(pcap(self.connection.packets), "made.pcap")
        self.instance = self.take(self.capture)["instance"]
        self.first = self.again()

    def again(self, *options):
        """An export of what was imported first."""
        path = os.path.join(self.folder, f"export-{len(os.listdir(self.folder))}.pcapng")
        self.run_front("export", "--series", self.instance, "--reproducible", *options, "-o", path)
        return path

    def tool(self, *arguments, stdin=None):
        done = subprocess.run([*map(str, arguments)], cwd=self.folder, input=stdin,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, (arguments, done.stderr))

    def new(self, name):
        return os.path.join(self.folder, name)

    def assert_back(self, path, **expected):
        summary = self.take("--force", path)
        up, down = next(iter(streams(self.raw_lines(summary)).values()))
        self.assertEqual([joined(up), joined(down)], self.connection.sent)
        self.assertEqual({key: summary[key] for key in expected}, expected)
        self.lines(summary)
        return summary

    def export_of(self, summary):
        path = self.new("compared.pcapng")
        self.run_front("export", "--series", summary["instance"], "--reproducible", "-o", path)
        with open(path, "rb") as file:
            return file.read()

    def assert_same_export(self, summary):
        with open(self.first, "rb") as file:
            self.assertEqual(self.export_of(summary), file.read())

    def test_editcap_converts(self):
        for form in ("pcap", "nsecpcap", "pcapng"):
            path = self.new("converted." + form)
            self.tool("editcap", "-F", form, self.first, path)
            summary = self.assert_back(path, sessions=1)
            if form == "pcapng":  # with its comments
                self.assert_same_export(summary)

    def test_mergecap_of_one_file_twice(self):
        """Every packet twice: comments tell, and so do sequence numbers."""
        path = self.new("twice.pcapng")
        self.tool("mergecap", "-w", path, self.first, self.first)
        self.assert_same_export(self.assert_back(path))
        bare = self.new("bare.pcap")
        self.tool("mergecap", "-F", "pcap", "-w", bare, self.capture, self.capture)
        self.assert_back(bare)
        dedup = self.new("dedup.pcapng")
        self.tool("editcap", "-D", "50", path, dedup)
        self.assert_same_export(self.assert_back(dedup))

    def test_cut_in_pieces_and_put_together(self):
        pieces = []
        for begin, end in ((1, 20), (21, 50), (51, 10000)):
            pieces.append(self.new(f"piece-{begin}.pcapng"))
            self.tool("editcap", "-r", self.first, pieces[-1], f"{begin}-{end}")
        summary = self.take(*reversed(pieces))
        self.assert_same_export(summary)
        together = self.new("together.pcapng")
        self.tool("mergecap", "-a", "-w", together, *pieces)
        self.assert_same_export(self.assert_back(together))

    def test_reordercap(self):
        """Shuffled as packets of several queues are; put right by time, and as it is."""
        chance = random.Random(5)
        packets = sorted(self.connection.packets,
                         key=lambda packet: packet.time + chance.random() * 4e6)
        self.assert_back(pcap(packets))
        path, right = self.file(pcapng(packets), "shuffled.pcapng"), self.new("right.pcapng")
        self.tool("reordercap", path, right)
        self.assert_back(right, out_of_order=0)
        self.tool("reordercap", self.first, right)
        self.assert_same_export(self.assert_back(right))

    def test_editcap_chops(self):
        """Frames cut behind 100 bytes: what is missing is told."""
        path = self.new("chopped.pcapng")
        self.tool("editcap", "-s", "70", self.capture, path)
        summary = self.take(path)
        self.assertGreater(summary["cut_segments"], 10)
        for side, pieces in enumerate(next(iter(streams(self.raw_lines(summary)).values()))):
            for offset, data in pieces:
                self.assertEqual(self.connection.sent[side][offset:offset + len(data)], data)

    def test_packets_taken_out(self):
        """Of an export with comments: the other messages keep their numbers."""
        path = self.new("less.pcapng")
        self.tool("editcap", self.first, path, "10-12")
        summary = self.take(path)
        lines = {line["seq"]: line for line in self.lines(summary) if "seq" in line}
        everything = {line["seq"]: line for line in
                      self.lines({"instance": self.instance}) if "seq" in line}
        self.assertEqual(len(everything) - len(lines), 3)
        self.assertLessEqual(lines.items(), everything.items())

    def test_time_shifted(self):
        path = self.new("shifted.pcap")
        self.tool("editcap", "-t", "3600", self.capture, path)
        summary = self.assert_back(path)
        self.assertEqual(summary["first"], "2026-11-18T12:06:40.000000Z")

    def test_text2pcap(self):
        """A hex dump of payload; text2pcap makes the headers up."""
        data = captures.SUBSCRIBE + captures.AUTHORIZE
        dump = "".join(f"{at:06x} " + " ".join(f"{byte:02x}" for byte in data[at:at + 16]) + "\n"
                       for at in range(0, len(data), 16))
        path = self.new("text.pcapng")
        self.tool("text2pcap", "-T", "53122,3333", "-", path, stdin=dump.encode())
        summary = self.take(path)
        up, down = next(iter(streams(self.raw_lines(summary)).values()))
        self.assertEqual((joined(up), joined(down)), (data, b""))

    def test_comments_of_people(self):
        """Beside HashScope's, and where it has none."""
        path = self.new("noted.pcapng")
        self.tool("editcap", "-a", "5:look here = why?", "-a", "6:seq=9 nonsense", self.first, path)
        self.assert_back(path, sessions=1)
        packets = [Packet(packet.time, packet.data, comments=["seq=1 session=x dir=y", "event=opened"])
                   for packet in self.connection.packets]
        self.assert_back(pcapng(packets), sessions=1)


if __name__ == "__main__":
    unittest.main()
