"""`hashscope import`: formats, link types, what is not understood, the command, and the store."""
import json
import os
import shutil
import signal
import struct
import subprocess

from tests.integration import captures
from tests.integration.captures import (ETHERNET, IPV4, IPV6, LOOP, NULL, RAW, SLL, SLL2, START,
                                        Connection, Packet, ip, link, mine, pcap, pcapng, tcp)
from tests.integration.harness import program
from tests.integration.imports import ImportCase, clean_environment, joined, streams

V6 = {"miner": ("2001:db8::7", 53122), "pool": ("2001:db8:1::9", 3333)}


class Formats(ImportCase):
    def assert_session(self, connection, data, *flags, code=0):
        summary = self.take("--force", *flags, data, code=code)
        found = streams(self.raw_lines(summary))
        self.assertEqual(len(found), 1)
        up, down = next(iter(found.values()))
        self.assertEqual([joined(up), joined(down)], connection.sent)
        self.lines(summary)
        return summary

    def test_pcap(self):
        connection = mine(Connection().open())
        for order in "<>":
            for nano in (False, True):
                with self.subTest(order=order, nano=nano):
                    self.assert_session(connection, pcap(connection.packets, order, nano))

    def test_pcapng_clocks(self):
        connection = mine(Connection().open())
        for order in "<>":
            for resolution in (3, 6, 9, 10, 0x80 | 20, 0x80 | 30):
                with self.subTest(order=order, resolution=resolution):
                    data = pcapng(connection.packets, order, resolution)
                    summary = self.assert_session(connection, data)
                    self.assertEqual(summary["first"], "2026-11-18T11:06:40.000000Z")

    def test_clock_offset(self):
        connection = mine(Connection().open())
        data = captures.section() + captures.interface(RAW, offset=START // 10**9)
        for packet in connection.packets:
            data += captures.enhanced(packet, ticks=packet.time - START)
        summary = self.assert_session(connection, data)
        self.assertEqual(summary["first"], "2026-11-18T11:06:40.000000Z")

    def test_sections_and_blocks(self):
        """Sections of both byte orders, each with its own interfaces; old and simple packet blocks;
        blocks that say nothing of packets."""
        connection = mine(Connection().open(), 6)
        data = b""
        for number, packet in enumerate(connection.packets):
            order = "<>"[number % 2]
            data += captures.section(order) + captures.interface(ETHERNET, order)
            data += captures.interface(RAW, order) + captures.block(order, 4, bytes(8))
            data += captures.block(order, 5, bytes(12)) + captures.block(order, 0xBAD, bytes(40))
            data += captures.enhanced(packet, order, 1, old=number % 3 == 1)
        data += captures.section() + captures.interface(RAW)
        more = Connection(isn=connection.isn)
        more.next, more.sent = connection.next, connection.sent
        data += captures.simple(more.say(0, captures.submit(99)).packets[0])
        self.assert_session(more, data)

    def test_link_types(self):
        for kind in (ETHERNET, RAW, LOOP, SLL, NULL, SLL2):
            for ends in ({}, V6):
                with self.subTest(kind=kind, ends=ends):
                    connection = mine(Connection(kind=kind, **ends).open())
                    self.assert_session(connection, pcap(connection.packets))
        for kind, ends in ((IPV4, {}), (IPV6, V6)):
            connection = mine(Connection(kind=kind, **ends).open())
            self.assert_session(connection, pcap(connection.packets))

    def test_vlans(self):
        for tags in ((0x8100,), (0x88A8, 0x8100), (0x9100, 0x8100, 0x8100)):
            for kind in (ETHERNET, SLL):
                connection = mine(Connection(kind=kind, tags=tags).open())
                self.assert_session(connection, pcap(connection.packets))

    def test_mixed_link_types(self):
        """In one pcapng, as tcpdump -i any and Wireshark with several interfaces write them."""
        connection = mine(Connection().open())
        for number, packet in enumerate(connection.packets):
            packet.kind = (ETHERNET, RAW, SLL2)[number % 3]
            packet.data = link(packet.kind, packet.data)
            packet.length = len(packet.data)
        self.assert_session(connection, pcapng(connection.packets))

    def test_extension_headers(self):
        connection = mine(Connection(**V6).open())
        for packet in connection.packets:
            packet.data = ip(V6["miner"][0], V6["pool"][0], 6, packet.data[40:],
                             extensions=struct.pack(">BB6xBB6xBB6x", 60, 0, 43, 0, 6, 0),
                             first=0)[:8] + packet.data[8:40] + struct.pack(
                                 ">BB6xBB6xBB6x", 60, 0, 43, 0, 6, 0) + packet.data[40:]
            packet.length = len(packet.data)
        self.assert_session(connection, pcap(connection.packets))

    def test_padding_and_length_zero(self):
        """Ethernet pads short frames; segmentation offload leaves the IP length at zero."""
        connection = mine(Connection(kind=ETHERNET).open())
        for number, packet in enumerate(connection.packets):
            if len(packet.data) > 60 and number % 2:
                packet.data = packet.data[:16] + b"\0\0" + packet.data[18:]
            packet.data += bytes(max(0, 60 - len(packet.data)))
            packet.length = len(packet.data)
        self.assert_session(connection, pcap(connection.packets))

    def test_what_is_not_understood(self):
        connection = mine(Connection().open())
        other = [tcp(("10.0.0.9", 1), ("10.0.0.8", 2), 1, 1, captures.ACK, b"x" * 50),
                 ip("10.0.0.1", "10.0.0.2", 17, bytes(30)), ip("10.0.0.1", "10.0.0.2", 6, bytes(30), 0x2000),
                 ip("2001:db8::1", "2001:db8::2", 6, bytes(30), extensions=b"\6\0\0\1\0\0\0\1", first=44),
                 b"\x60" + bytes(20), b"\x45" + bytes(30), bytes(40), b""]
        packets = connection.packets + [Packet(connection.time, data) for data in other]
        packets[-4].length = 80
        summary = self.take(pcap(packets))
        expected = {"packets": len(packets), "not_tcp": 2, "fragments": 2, "not_ip": 1,
                    "connections": 2, "not_stratum": 1, "sessions": 1}
        self.assertEqual({key: summary[key] for key in expected}, expected)
        self.assertEqual(summary["cut_headers"] + summary["malformed"], 2)

    def test_which_connections(self):
        http = Connection(("10.0.0.7", 1000), ("10.0.0.1", 80)).open()
        http.say(0, b"GET / HTTP/1.1\r\n\r\n").say(1, b"HTTP/1.1 200 OK\r\n\r\n").close()
        tls = Connection(("10.0.0.7", 1001), ("10.0.0.1", 443)).open().say(0, b"\x16\x03\x01\0\0")
        silent = Connection(("10.0.0.7", 1002), ("10.0.0.1", 3333)).open().close()
        rpc = Connection(("10.0.0.7", 1003), ("10.0.0.1", 50001)).open()
        rpc.say(0, b'{"id":1,"method":"blockchain.headers.subscribe","params":[]}\n')
        rpc.say(1, b'{"id":1,"result":{"height":1}}\n')
        stratum = mine(Connection(("10.0.0.7", 1004), ("10.0.0.1", 9999)).open())
        data = pcap([packet for one in (http, tls, silent, rpc, stratum) for packet in one.packets])
        summary = self.take(data)
        expected = {"sessions": 1, "http": 1, "encrypted": 1, "silent": 1, "not_stratum": 1}
        self.assertEqual({key: summary[key] for key in expected}, expected)
        for flags, sessions in ((("--all",), 5), (("--port", "80,443"), 2), (("--port", "9999"), 1)):
            self.assertEqual(self.take("--force", *flags, data)["sessions"], sessions)

    def test_two_files_are_one_capture(self):
        connection = mine(Connection().open(), 20)
        first = self.file(pcap(connection.packets[::2]), "z")
        second = self.file(pcapng(connection.packets[1::2]), "a")
        summary = self.take(first, second)
        up, down = next(iter(streams(self.raw_lines(summary)).values()))
        self.assertEqual([joined(up), joined(down)], connection.sent)
        self.assertTrue(self.take(second, first)["existing"])

    def test_damaged_files(self):
        """What is whole in front of the damage is imported, and the rest told."""
        connection = mine(Connection().open(), 10)
        connection.sent = [b"".join((captures.SUBSCRIBE, captures.AUTHORIZE)), b""]
        for data in (pcap(connection.packets), pcapng(connection.packets)):
            summary = self.take("--force", data[:-30], code=3)
            self.assertEqual((summary["sessions"], summary["damaged_files"]), (1, 1))
            self.assertEqual(summary["packets"], len(connection.packets) - 1)
        data = bytearray(pcapng(connection.packets))
        at = data.rindex(b"\x06\0\0\0")
        data[at + 4:at + 8] = struct.pack("<I", 0xFFFFFFF0)
        self.assertEqual(self.take("--force", bytes(data), code=3)["damaged_files"], 1)

    def test_files_that_are_none(self):
        for data, part in ((b"", "empty"), (b"\x1f\x8b" + bytes(30), "its gzip is damaged"),
                           (b"hello, world, this is text\n", "expected pcap"), (b'{"a":1}\n' * 9, "JSON")):
            self.take(data, code=1)
            self.assertIn(part, self.errors)
        self.take(os.path.join(self.folder, "nothing"), code=1)
        self.assertIn("No such file", self.errors)
        summary = self.take(pcap(Connection().open().say(0, b"SSH-2.0-x\r\n").packets), code=1)
        self.assertIn("no Stratum", self.errors)
        self.assertEqual((summary["sessions"], summary["not_stratum"]), (0, 1))
        self.assertEqual(self.run_front("import", "--list"), b"")


class Store(ImportCase):
    def setUp(self):
        super().setUp()
        self.connection = mine(Connection().open()).close()
        self.capture = self.file(pcap(self.connection.packets))

    def folders(self):
        return sorted(os.listdir(os.path.join(self.data_dir, "segments/imported")))

    def test_the_same_file_twice(self):
        first = self.take(self.capture)
        copy = self.file(pcap(self.connection.packets))
        again = self.take(copy)
        self.assertEqual((again["instance"], again["existing"]), (first["instance"], True))
        self.run_front("import", copy)
        self.assertIn("--force", self.errors)
        forced = self.take("--force", copy)
        self.assertNotEqual(forced["instance"], first["instance"])
        self.assertEqual(self.raw_lines(forced), self.raw_lines(first))
        self.assertEqual(len(self.folders()), 3)

    def test_the_same_bytes_every_time(self):
        trees = []
        for _ in range(2):
            summary = self.take(self.capture)
            folder = os.path.join(self.data_dir, "segments/imported", summary["instance"])
            trees.append({os.path.relpath(os.path.join(base, name), folder):
                          open(os.path.join(base, name), "rb").read()
                          for base, _, names in os.walk(folder) for name in names})
            self.run_front("import", "--remove", summary["instance"])
        self.assertEqual(trees[0], trees[1])
        self.assertEqual(len(trees[0]), 2)

    def test_listing_and_removing(self):
        summary = self.take(self.capture)
        listed = json.loads(self.run_front("import", "--list", "--json"))
        self.assertEqual((listed["instance"], listed["sessions"], listed["messages"]),
                         (summary["instance"], 1, summary["messages"]))
        self.assertEqual(listed["import"]["files"], summary["files"])
        self.run_front("import", "--remove", "0123456789abcdef", code=1)
        self.run_front("import", "--remove", "../x", code=2)
        self.run_front("import", "--remove", summary["instance"])
        self.assertEqual(self.run_front("import", "--list"), b"")
        self.run_front("cat", "--series", summary["instance"], code=1)
        self.assertIn("nothing was imported as", self.errors)

    def test_commands_on_an_import(self):
        name = self.take(self.capture)["instance"]
        session = json.loads(self.run_front("ls", "--json", "--series", name))
        self.assertEqual((session["accepted"], session["rejected"]), (2, 1))
        raw = self.run_front("cat", "--raw", "--series", name, "--dir", "pool_to_miner",
                             "--session", session["session"])
        self.assertEqual(raw, self.connection.sent[1])
        rows = self.run_front("cat", "--json", "--series", name, "--errors", "--worker", "worker.1")
        self.assertEqual(len(rows.splitlines()), 1)
        segments = json.loads(self.run_front("ls", "--segments", "--json", "--series", name))
        self.assertIn(name, json.dumps(segments))
        self.run_front("info", os.path.join(self.data_dir, segments["file"])
                       if "file" in segments else segments["path"])
        self.run_front("tail", "--series", name, code=2)
        self.run_front("cat", "--series", "zz", code=2)
        self.assertEqual(self.run_front("ls", "--json"), b"")

    def test_standard_input(self):
        with open(self.capture, "rb") as file:
            out = self.run_front("import", "--json", "-", stdin=file.read())
        self.assertEqual(json.loads(out)["sessions"], 1)

    def test_left_overs_are_removed(self):
        """A kill leaves a folder that nothing takes for an import; the next one takes it away."""
        folder = os.path.join(self.data_dir, "segments/imported")
        os.makedirs(os.path.join(folder, "0123456789abcdef.importing/2026/11/18"))
        self.assertEqual(self.run_front("import", "--list"), b"")
        summary = self.take(self.capture)
        self.assertEqual(self.folders(), [".lock", summary["instance"]])

    def test_killed_at_any_time(self):
        """Never anything that looks complete and is not."""
        big = []
        for number in range(40):
            big += mine(Connection((f"10.1.0.{number}", 50000), time=START + number), 200).packets
        capture = self.file(pcap(sorted(big, key=lambda packet: packet.time)))
        whole = self.take(capture)
        lines = self.raw_lines(whole)
        self.run_front("import", "--remove", whole["instance"])
        for delay in (0.002, 0.01, 0.02, 0.03, 0.05, 0.08):
            process = subprocess.Popen([program("hashscope-import"), "--data-dir", self.data_dir,
                                        capture], env=clean_environment(), cwd=self.folder,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                process.wait(delay)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
            process.wait()
            if whole["instance"] in self.folders():
                self.assertEqual(self.raw_lines(whole), lines)
                self.run_front("import", "--remove", whole["instance"])
        self.assertEqual(self.take(capture)["messages"], whole["messages"])

    def test_one_at_a_time(self):
        self.take(self.capture)
        lock = os.path.join(self.data_dir, "segments/imported/.lock")
        holder = subprocess.Popen(["flock", lock, "-c", "echo; read x"], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE)
        holder.stdout.readline()
        self.run_front("import", "--force", self.capture, code=1)
        self.assertIn("another import", self.errors)
        holder.communicate(b"\n")

    def test_a_full_disk(self):
        """Nothing is left of it, and it says why."""
        if os.geteuid() != 0:
            self.skipTest("needs a file system of its own")
        small = os.path.join(self.folder, "small")
        os.makedirs(small)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24k", "tmpfs", small],
                          stderr=subprocess.DEVNULL, check=False).returncode:
            self.skipTest("no mounts here")
        self.addCleanup(subprocess.run, ["umount", small], check=False)
        noise = Connection().open()
        for _ in range(60):
            noise.say(0, b'{"id":1,"method":"mining.submit","params":["' +
                      os.urandom(500).hex().encode() + b'"]}\n')
        self.data_dir = small
        self.run_front("import", self.file(pcap(noise.packets)), code=1)
        self.assertIn("No space left on device", self.errors)
        self.assertEqual(self.folders(), [".lock"])

    def test_an_archive_beside_it_is_not_touched(self):
        shutil.rmtree(self.data_dir, ignore_errors=True)
        summary = self.take(self.capture)
        self.assertEqual(self.run_front("cat"), b"")
        self.assertEqual(self.run_front("verify", "--json"),
                         b'{"files":0,"damaged":0,"missing":0,"lost":0}\n')
        self.assertEqual(sorted(os.listdir(self.data_dir)), ["segments"])
        self.assertTrue(self.lines(summary))
