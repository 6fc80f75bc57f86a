"""`hashscope import`: what gateways, tunnels and mirrors put around packets, packets that were cut, and
compressed files. Whatever stands around it, the same conversation comes out; and tshark sees the same
in each capture made here, so that they are what they claim to be."""
import gzip
import struct
import subprocess
import unittest

from tests.integration.captures import (ETHERNET, RAW, Connection, Packet, ip, link, mine, pcap, pcapng)
from tests.integration.harness import is_sanitized, program
from tests.integration.imports import ImportCase, joined, streams
from tests.integration.wireshark import have_tshark

V6 = {"miner": ("2001:db8::7", 53122), "pool": ("2001:db8:1::9", 3333)}
OUTER = ("192.0.2.1", "192.0.2.2")
SNAP = b"\xaa\xaa\x03\0\0\0"


def ether_type(packet):
    return struct.pack(">H", 0x0800 if packet[0] >> 4 == 4 else 0x86DD)


def ether(packet):
    return link(ETHERNET, packet)


def of_type(number, body, tags=b""):
    return bytes(range(2, 14)) + tags + struct.pack(">H", number) + body


def ppp(packet):
    return (b"\0\x21" if packet[0] >> 4 == 4 else b"\0\x57") + packet


def pppoe(packet):
    body = ppp(packet)
    return struct.pack(">BBHH", 0x11, 0, 7, len(body)) + body


def labels(count, body):
    return b"".join(struct.pack(">I", (100 + n) << 12 | (n == count - 1) << 8 | 64)
                    for n in range(count)) + body


def gre(kind, body, flags=0, more=b""):
    return ip(*OUTER, 47, struct.pack(">HH", flags, kind) + more + body)


def udp(port, body):
    return ip(*OUTER, 17, struct.pack(">HHHH", 40000, port, len(body) + 8, 0) + body)


def erspan_2(packet):
    return gre(0x88BE, struct.pack(">HHI", 0x1001, 7, 3) + ether(packet), 0x1000, b"\0\0\0\1")


def erspan_3(packet, platform=b""):
    head = struct.pack(">HHIHH", 0x2001, 7, 9, 0, 1 if platform else 0) + platform
    return gre(0x22EB, head + ether(packet), 0x1000, b"\0\0\0\1")


def pptp(packet):
    body = b"\xff\x03" + ppp(packet)
    return gre(0x880B, body, 0x3081, struct.pack(">HHII", len(body), 5, 6, 7))


def tzsp(packet):
    return udp(37008, b"\1\0\0\1" + b"\0" + b"\x0a\1\x40" + b"\1" + ether(packet))


def geneve(packet):
    return udp(6081, b"\x02\0\x65\x58\0\0\7\0" + b"\1\2\3\1" + bytes(4) + ether(packet))


def wireless(packet, control=b"\x08\x02", more=b"", pad=b""):
    head = control + b"\0\0" + bytes(range(2, 20)) + b"\0\0"
    return head + more + pad + SNAP + ether_type(packet) + packet


def radiotap(frame, present=0, fields=b""):
    return struct.pack("<BBHI", 0, 0, 8 + len(fields), present) + fields + frame


def nflog(packet):
    hardware = struct.pack("<HH", 8, 1) + struct.pack(">HBB", 0x0800, 1, 0)
    prefix = struct.pack("<HH", 7, 10) + b"up\0" + b"\0"
    payload = struct.pack("<HH", 4 + len(packet), 9) + packet
    return bytes([2 if packet[0] >> 4 == 4 else 10, 0, 0, 7]) + hardware + prefix + payload


def aggregate(packets):
    """802.11, several in one frame; each but the last is filled up to four bytes."""
    body = b""
    for packet in packets:
        inner = SNAP + ether_type(packet) + packet
        body += bytes(-len(body) % 4) + bytes(range(2, 14)) + struct.pack(">H", len(inner)) + inner
    return b"\x88\x02\0\0" + bytes(range(2, 20)) + b"\0\0" + b"\x80\0" + body


LAYERS = {
    "PPPoE": (ETHERNET, lambda packet: of_type(0x8864, pppoe(packet))),
    "PPPoE, two tags": (ETHERNET, lambda packet: of_type(
        0x8864, pppoe(packet), b"\x88\xa8\0\1\x81\0\0\2")),
    "MPLS": (ETHERNET, lambda packet: of_type(0x8847, labels(3, packet))),
    "MPLS, a pseudowire": (ETHERNET, lambda packet: of_type(0x8847, labels(1, bytes(4) + ether(packet)))),
    "802.3 with SNAP": (ETHERNET, lambda packet: bytes(range(2, 14)) + struct.pack(
        ">H", len(packet) + 8) + SNAP + ether_type(packet) + packet),
    "GRE": (RAW, lambda packet: gre(0x0800, packet)),
    "GRE, all options": (RAW, lambda packet: gre(0x0800, packet, 0xB000, bytes(12))),
    "GRE, Ethernet": (ETHERNET, lambda packet: ether(gre(0x6558, ether(packet)))),
    "PPTP": (RAW, pptp),
    "ERSPAN I": (RAW, lambda packet: gre(0x88BE, ether(packet))),
    "ERSPAN II": (ETHERNET, lambda packet: ether(erspan_2(packet))),
    "ERSPAN III": (RAW, erspan_3),
    "ERSPAN III, platform": (RAW, lambda packet: erspan_3(packet, bytes(8))),
    "VXLAN": (RAW, lambda packet: udp(4789, b"\x08\0\0\0\0\0\7\0" + ether(packet))),
    "Geneve": (RAW, geneve),
    "TZSP": (RAW, tzsp),
    "IP in IP": (RAW, lambda packet: ip(*OUTER, 4, packet)),
    "IP in IPv6": (RAW, lambda packet: ip("2001:db8::1", "2001:db8::2", 4, packet)),
    "IP in IP in IP": (RAW, lambda packet: ip(*OUTER, 4, ip(*OUTER, 4, packet))),
    "EtherIP": (RAW, lambda packet: ip(*OUTER, 97, b"\x30\0" + ether(packet))),
    "MPLS in IP": (RAW, lambda packet: ip(*OUTER, 137, labels(1, packet))),
    "AH": (RAW, lambda packet: ip(*OUTER, 51, b"\4\4" + bytes(22) + packet)),
    "PPP": (9, ppp),
    "PPP, framed": (9, lambda packet: b"\xff\x03" + ppp(packet)),
    "PPP in HDLC": (50, lambda packet: b"\xff\x03" + ppp(packet)),
    "PPPoE without Ethernet": (51, pppoe),
    "Cisco HDLC": (104, lambda packet: b"\x0f\0" + ether_type(packet) + packet),
    "PPP with a direction": (204, lambda packet: b"\1\xff\x03" + ppp(packet)),
    "802.11": (105, wireless),
    "802.11, quality of service": (105, lambda packet: wireless(packet, b"\x88\1", b"\0\0")),
    "802.11, four addresses": (105, lambda packet: wireless(packet, b"\x08\3", bytes(6))),
    "802.11, HT control": (105, lambda packet: wireless(packet, b"\x88\x82", bytes(6))),
    "radiotap": (127, lambda packet: radiotap(wireless(packet))),
    "radiotap, padded": (127, lambda packet: radiotap(
        wireless(packet, b"\x88\1", b"\0\0", b"\0\0"), 3, bytes(8) + b"\x20")),
    "PPI": (192, lambda packet: struct.pack("<BBHI", 0, 0, 8, 105) + wireless(packet)),
    "netfilter's log": (239, nflog),
    "OpenBSD's IPsec": (109, lambda packet: struct.pack("<III", 2, 0, 0) + packet),
    "raw, another number": (12, lambda packet: packet),
}
TOLD = {"MPLS, a pseudowire": ("-d", "mpls.label==100,pwethcw")}  # what tshark cannot know
LAYERS_V6 = {
    "6in4": (RAW, lambda packet: ip(*OUTER, 41, packet)),
    "IPv6 in IPv6": (RAW, lambda packet: ip("2001:db8::1", "2001:db8::2", 41, packet)),
    "PPP": (9, ppp),
    "PPPoE": (ETHERNET, lambda packet: of_type(0x8864, pppoe(packet))),
    "MPLS": (ETHERNET, lambda packet: of_type(0x8847, labels(2, packet))),
    "netfilter's log": (239, nflog),
    "802.11": (105, wireless),
    "GRE": (RAW, lambda packet: gre(0x86DD, packet)),
}


class Layers(ImportCase):
    def assert_same(self, connection, data, name):
        summary = self.take("--force", data)
        found = list(streams(self.raw_lines(summary)).values())
        self.assertEqual(len(found), 1, (name, summary))
        self.assertEqual([joined(pieces) for pieces in found[0]], connection.sent, name)
        self.assertEqual(summary["lost_bytes"], 0, name)
        return summary

    def payloads(self, path, *more):
        """What tshark has as payload of TCP, packet by packet."""
        if not have_tshark():
            self.skipTest("no tshark")
        out = subprocess.run(["tshark", "-n", "-r", path, *more, "-T", "fields", "-e", "tcp.payload", "-E",
                              "occurrence=a"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                             check=True).stdout.decode()
        return [part for row in out.split() for part in row.split(",") if part]

    def wrapped(self, layers, **ends):
        connection = mine(Connection(**ends).open()).close()
        plain = self.payloads(self.file(pcap(connection.packets)))
        for name, (kind, wrap) in layers.items():
            packets = [Packet(one.time, wrap(one.data), kind) for one in connection.packets]
            data = pcap(packets)
            with self.subTest(name):
                self.assertEqual(self.payloads(self.file(data), *TOLD.get(name, ())), plain, name)
                self.assert_same(connection, data, name)

    def test_whatever_stands_around_it(self):
        self.wrapped(LAYERS)

    def test_whatever_stands_around_ipv6(self):
        self.wrapped(LAYERS_V6, **V6)

    def test_aggregates_of_802_11(self):
        connection = mine(Connection().open()).close()
        plain = self.payloads(self.file(pcap(connection.packets)))
        packets = [Packet(connection.packets[at].time,
                          aggregate([one.data for one in connection.packets[at:at + 3]]), 105)
                   for at in range(0, len(connection.packets), 3)]
        data = pcap(packets)
        self.assertEqual(self.payloads(self.file(data)), plain)
        self.assert_same(connection, data, "A-MSDU")

    def test_layers_are_bounded(self):
        connection = mine(Connection().open())
        deep = connection.packets[-1].data
        for _ in range(100):
            deep = ip(*OUTER, 4, deep)
        data = pcap(connection.packets + [Packet(connection.time, deep)])
        self.assertEqual(self.assert_same(connection, data, "deep")["nested"], 1)

    def test_what_is_not_known_is_named_by_number(self):
        connection = mine(Connection().open())
        one = connection.packets[-1].data
        others = [Packet(connection.time, data, kind) for kind, data in (
            (147, b"?"), (147, b"?"), (ETHERNET, of_type(0x88CC, bytes(30))),
            (ETHERNET, of_type(0x8863, bytes(30))), (ETHERNET, of_type(38, b"BB\3" + bytes(35))),
            (9, b"\xc0\x21" + bytes(20)), (RAW, ip(*OUTER, 50, bytes(40))),
            (RAW, udp(53, bytes(30))), (105, wireless(one, b"\x08\x42")), (105, b"\x80\0" + bytes(40)))]
        path = self.file(pcapng(connection.packets + others))
        summary = self.take(path)
        self.assertEqual([(one["what"], one["number"], one["packets"]) for one in summary["unknown"]],
                         [("link type", 147, 2), ("EtherType", 0x88CC, 1), ("EtherType", 0x8863, 1),
                          ("LLC service access point", 0x42, 1), ("PPP protocol", 0xC021, 1),
                          ("IP protocol", 50, 1), ("IP protocol", 17, 1)])
        self.assertEqual((summary["unknown_link"], summary["not_tcp"], summary["protected"],
                          summary["not_ip"]), (2, 2, 1, 5))
        text = self.run_front("import", "--force", path).decode()
        for line in ("2  of them link type 147", "1  of them EtherType 0x88cc",
                     "1  of them IP protocol 17"):
            self.assertIn(line, text)

    def test_cut_packets_whose_file_does_not_tell(self):
        """Both lengths alike: IP says that there was more, and so much is missing."""
        connection = mine(Connection(kind=ETHERNET).open(), 6).close()
        cut = [Packet(one.time, one.data[:80], one.kind, length=len(one.data))
               for one in connection.packets]
        told, untold = self.take(pcap(cut)), self.take(pcap(
            [Packet(one.time, one.data, one.kind) for one in cut]))
        self.assertGreater(told["cut_segments"], 3)
        self.assertGreater(told["lost_bytes"], 100)
        for key in ("cut_segments", "lost_bytes", "losses", "messages", "malformed"):
            self.assertEqual(untold[key], told[key], key)
        self.assertEqual(self.raw_lines(untold), self.raw_lines(told))

    def test_more_captured_than_there_was(self):
        connection = mine(Connection(kind=ETHERNET).open()).close()
        packets = [Packet(one.time, one.data, one.kind, length=60) for one in connection.packets]
        self.assert_same(connection, pcap(packets), "captured above length")


class Compressed(ImportCase):
    def test_compressed_files(self):
        connection = mine(Connection().open(), 50).close()
        for plain in (pcap(connection.packets), pcapng(connection.packets)):
            half = len(plain) // 2
            for name, data in {
                    "gzip": gzip.compress(plain),
                    "gzip, two members": gzip.compress(plain[:half]) + gzip.compress(plain[half:]),
                    "zstd": self.zstd(plain),
                    "zstd, two frames": self.zstd(plain[:half]) + self.zstd(plain[half:]),
                    "zstd, long window": self.zstd(plain, "--long=27", "-19")}.items():
                summary = self.take("--force", data)
                up, down = next(iter(streams(self.raw_lines(summary)).values()))
                self.assertEqual([joined(up), joined(down)], connection.sent, name)

    @staticmethod
    def zstd(data, *flags):
        return subprocess.run(["zstd", "-c", *flags], input=data, stdout=subprocess.PIPE,
                              check=True).stdout

    @staticmethod
    def wide(data):
        """As with --long=31: a frame whose header asks for a window of 2 GiB; one block, as it is."""
        return (b"\x28\xb5\x2f\xfd\x00" + bytes([31 - 10 << 3]) + (len(data) << 3 | 1).to_bytes(3, "little")
                + data)

    def test_a_window_too_large_behind_what_is_not(self):
        connection = mine(Connection().open(), 50).close()
        plain = pcap(connection.packets)
        summary = self.take(self.zstd(plain[:2000]) + self.wide(plain[2000:]), code=3)
        self.assertEqual(summary["damaged_files"], 1)
        self.assertIn("wants a window of more than 128 MiB", summary["damage"])

    def test_what_is_cut_is_imported_as_far_as_it_goes(self):
        connection = Connection().open()
        for number in range(4000):
            connection.say(0, b'{"id":1,"method":"mining.submit","params":["%032x"]}\n' %
                           (number * 0x9E3779B97F4A7C15 * 0xD1342543DE82EF95))
        plain = pcap(connection.packets)
        for data in (gzip.compress(plain), self.zstd(plain)):
            summary = self.take("--force", data[:len(data) // 2], code=3)
            self.assertEqual(summary["damaged_files"], 1)
            self.assertGreater(summary["messages"], 500)

    def test_memory_does_not_grow_with_what_is_inside(self):
        """Packets of zeros, 2,048 of them: half a gigabyte of nothing in two megabytes."""
        if is_sanitized():
            self.skipTest("memory of a build with sanitizers says nothing")
        connection = mine(Connection().open())
        filler = Packet(connection.time, bytes(250_000))
        frame = pcap([filler])[24:] * 256
        data = gzip.compress(pcap(connection.packets), 1) + gzip.compress(frame, 1) * 8
        path = self.file(data)
        out = subprocess.run(
            ["sh", "-c", 'ulimit -v 600000; exec "$0" "$@"', program("hashscope-import"), "--data-dir",
             self.data_dir, "--json", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        self.assertEqual(out.returncode, 0, out.stderr)

    def test_compressed_files_that_are_no_capture(self):
        plain = pcap(mine(Connection().open()).packets)
        broken = bytearray(gzip.compress(plain))
        broken[10:14] = b"\xff" * 4
        for data, part in ((self.wide(plain), "wants a window of more than 128 MiB"),
                           (self.zstd(plain)[:12], "it ends in mid-compression"),
                           (bytes(broken), "its gzip is damaged"),
                           (b"\x28\xb5\x2f\xfd" + b"\xff" * 40, "its zstd "),
                           (gzip.compress(b'{"ts":"x"}\n'), "compressed JSON"),
                           (self.zstd(b'{"ts":"x"}\n'), "compressed JSON"),
                           (gzip.compress(b""), "it is compressed, and empty"),
                           (b"BZh91AY&SY", "unpack it first")):
            self.take(data, code=1)
            self.assertIn(part, self.errors)


if __name__ == "__main__":
    unittest.main()
