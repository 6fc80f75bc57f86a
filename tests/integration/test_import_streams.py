"""What a capture does to a stream, and that the importer gets it back: segments shuffled, repeated,
overlapping and missing, numbers that wrap, connections that began earlier, and random ones of all
of it. IMPORT_STREAMS widens the random test."""
import json
import os
import random
import unittest

from tests.integration import captures
from tests.integration.captures import ACCEPTED, ACK, DIFFICULTY, PSH, Connection, mine, pcap, submit
from tests.integration.imports import ImportCase, joined, streams

ROUNDS = int(os.environ.get("IMPORT_STREAMS", 60))


class Streams(ImportCase):
    def streams_of(self, packets, *flags):
        self.summary = self.take(*flags, pcap(packets))
        self.lines(self.summary)
        return streams(self.raw_lines(self.summary))

    def only(self, packets, *flags):
        found = self.streams_of(packets, *flags)
        self.assertEqual(len(found), 1, found.keys())
        return next(iter(found.values()))

    def assert_whole(self, connection, packets=None, *flags):
        up, down = self.only(packets or connection.packets, *flags)
        self.assertEqual(joined(up), connection.sent[0])
        self.assertEqual(joined(down), connection.sent[1])

    def test_sequence_numbers_wrap(self):
        self.assert_whole(mine(Connection(isn=(0xFFFFFFF0, 0xFFFFFFFE)).open(), 20))

    def test_small_segments(self):
        connection = Connection().open()
        connection.say(0, captures.SUBSCRIBE, 1).say(1, captures.SUBSCRIBED, 3)
        self.assert_whole(connection)
        self.assertEqual(self.summary["messages"], 2)

    def test_repeated_and_overlapping(self):
        connection = Connection().open()
        for number in range(1, 12):
            line = submit(number)
            at = connection.next[0]
            connection.say(0, line, 17)
            connection.packet(0, PSH | ACK, line[5:40], seq=at + 5)  # all of it old
            connection.packet(0, ACK, b"\0", seq=connection.next[0] - 1)  # keep-alive
            connection.packet(0, ACK, b"", seq=connection.next[0] - 1)
            more = ACCEPTED % number
            connection.say(1, more)
            connection.packet(1, PSH | ACK, more + b'{"id":null', seq=connection.next[1] - len(more))
            connection.sent[1] += b'{"id":null'
            connection.next[1] += 10
            connection.say(1, b',"method":"mining.ping","params":[]}\n')
        self.assert_whole(connection)
        self.assertGreater(self.summary["duplicates"], 20)

    def test_syn_repeated(self):
        connection = Connection()
        connection.packet(0, captures.SYN, seq=1000, ack=0)
        connection.packet(0, captures.SYN, seq=1000, ack=0)
        mine(connection.open()).close()
        connection.packet(0, captures.FIN | ACK, seq=connection.next[0] - 1)
        self.assert_whole(connection)
        self.assertEqual(self.summary["events"], 3)

    def test_ports_used_again(self):
        one = mine(Connection().open())
        two = mine(Connection(time=one.time, isn=(7_000_000, 9_000_000)).open(), 5).close()
        three = mine(Connection(time=two.time + 10**9, isn=(8_000_000, 12_000_000)).open()).reset(1)
        lines = []
        found = self.streams_of(one.packets + two.packets + three.packets)
        for connection, (up, down) in zip((one, two, three), found.values()):
            self.assertEqual((joined(up), joined(down)), tuple(connection.sent))
        lines = [line for line in self.lines(self.summary) if line.get("event") == "closed"]
        self.assertEqual([(line["by"], line["reason"]) for line in lines],
                         [("hashscope", "timeout: its ports were used again"), ("miner", "end"),
                          ("pool", "reset")])

    def test_began_before_the_capture(self):
        """Whoever speaks first, and whatever ports: methods tell who is the miner."""
        for ends in ((("10.0.0.7", 53122), ("203.0.113.9", 3333)),
                     (("10.0.0.7", 3333), ("203.0.113.9", 53122)),
                     (("203.0.113.9", 443), ("10.0.0.7", 443))):
            for first in (0, 1):
                with self.subTest(ends=ends, first=first):
                    connection = Connection(*ends)
                    connection.say(first, b'half of a line"]}\n')
                    connection.say(1, DIFFICULTY).say(0, submit(4)).say(1, ACCEPTED % 4)
                    self.assert_whole(connection)
                    lines = self.lines(self.summary)
                    self.assertEqual([line.get("event") for line in lines[:2]], ["state", None])
                    self.assertEqual(lines[0]["miner"], "%s:%d" % ends[0])
                    self.assertEqual(lines[0]["as_of"], 0)
                    self.assertEqual(self.summary["midway"], 1)

    def test_answers_alone(self):
        connection = Connection()
        connection.say(1, ACCEPTED % 4 + ACCEPTED % 5)
        self.assert_whole(connection)
        self.assertEqual(self.lines(self.summary)[0]["listen"], "203.0.113.9:3333")

    def test_a_hole(self):
        """A state line says how many bytes are missing, pairing goes on, nothing moves."""
        connection = Connection().open()
        mine(connection, 2)
        gone = len(connection.packets)
        connection.say(0, submit(9))
        missing = len(submit(9))
        connection.say(1, ACCEPTED % 9).say(0, submit(10)).say(1, ACCEPTED % 10).close()
        del connection.packets[gone]
        up, down = self.only(connection.packets)
        self.assertEqual(joined(down), connection.sent[1])
        self.assertEqual(up[-1], (len(connection.sent[0]) - len(submit(10)), submit(10)))
        self.assertEqual((self.summary["losses"], self.summary["lost_bytes"]), (1, missing))
        closed = self.lines(self.summary)[-1]
        self.assertEqual(closed["bytes_up"], len(connection.sent[0]))
        times = [line["ts"] for line in self.lines(self.summary)]
        self.assertEqual(times, sorted(times))

    def test_a_hole_in_a_line(self):
        connection = Connection().open()
        connection.say(0, captures.SUBSCRIBE).say(0, submit(5), 20).say(0, submit(6))
        del connection.packets[5]
        up, _ = self.only(connection.packets)
        self.assertEqual([data for _, data in up],
                         [captures.SUBSCRIBE, submit(5)[:20], submit(5)[40:], submit(6)])
        self.assertEqual([at for at, _ in up], [0, len(captures.SUBSCRIBE),
                                                len(captures.SUBSCRIBE) + 40,
                                                len(captures.SUBSCRIBE + submit(5))])

    def test_captured_in_part(self):
        """With a snap length below the segment's size."""
        connection = Connection().open()
        connection.say(0, captures.SUBSCRIBE).say(0, submit(5) * 10, snap=400).say(0, submit(6))
        up, _ = self.only(connection.packets)
        rest = len(submit(5)) * 10 - 360
        self.assertEqual((self.summary["cut_segments"], self.summary["lost_bytes"]), (1, rest))
        self.assertEqual(up[-1], (len(connection.sent[0]) - len(submit(6)), submit(6)))

    def test_late_segment_has_the_time_when_it_could_be_read(self):
        connection = Connection().open()
        connection.say(0, captures.SUBSCRIBE, 10)
        packets = connection.packets
        moved = packets.pop(4)
        moved.time = packets[-1].time + 5 * 10**6
        packets.append(moved)
        self.assert_whole(connection, packets)
        line = [line for line in self.lines(self.summary) if "dir" in line][0]
        self.assertTrue(line["ts"].endswith(".%06dZ" % (moved.time // 1000 % 10**6)), line["ts"])
        self.assertGreater(self.summary["out_of_order"], 2)

    def test_the_order_of_sessions_is_kept(self):
        """While one waits for a segment, others speak: their lines stand in the capture's order."""
        one, two = Connection().open(), Connection(("10.0.0.8", 40000)).open()
        one.say(0, captures.SUBSCRIBE).say(0, submit(1)).say(0, submit(2))
        two.time = one.time
        two.say(0, captures.SUBSCRIBE).say(0, submit(3))
        one.time = two.time
        one.say(0, submit(4))
        packets = one.packets[:4] + one.packets[5:6] + two.packets + one.packets[6:]
        self.streams_of(sorted(packets, key=lambda packet: packet.time))
        numbers = [line["msg"]["id"] for line in self.lines(self.summary) if "dir" in line]
        self.assertEqual(numbers, [1, 2, 1, 3, 4])


def disturb(chance, packets):
    """Shuffles neighbours, repeats, cuts and merges; drops nothing."""
    out = []
    for packet in packets:
        out.append(packet)
        if chance.random() < 0.2:
            out.append(chance.choice(out[-20:]))
    order = sorted(range(len(out)), key=lambda i: i + chance.random() * chance.choice((0, 2, 9)))
    time = captures.START
    result = []
    for i in order:
        time += 1000
        result.append(captures.Packet(time, out[i].data, out[i].kind, length=out[i].length))
    return result


class Random(ImportCase):
    def connections(self, chance):
        made = []
        for number in range(chance.randint(1, 4)):
            connection = Connection((f"10.0.0.{number + 1}", 50000 + number),
                                    isn=(chance.getrandbits(32), chance.getrandbits(32)))
            connection.open()
            connection.say(0, captures.SUBSCRIBE)
            for _ in range(chance.randint(1, 40)):
                side = chance.randint(0, 1)
                data = bytes(chance.choices(b'{}[]",:\n\r az09', k=chance.randint(1, 300)))
                connection.say(side, chance.choice((data, submit(chance.randint(1, 9)), b"\n")),
                               chance.choice((7, 100, 1460)))
            made.append(connection)
        return made

    def test_nothing_is_lost(self):
        """However disturbed: what was captured comes back, byte for byte."""
        for seed in range(ROUNDS):
            chance = random.Random(seed)
            made = self.connections(chance)
            packets = [packet for connection in made for packet in connection.packets[3:]]
            opening = [packet for connection in made for packet in connection.packets[:3]]
            if seed % 7 == 0:
                chance.shuffle(packets)
            summary = self.take("--force", pcap(opening + disturb(chance, packets)))
            found = {}
            for raw in self.raw_lines(summary):
                line = json.loads(raw)
                if line.get("event") == "opened":
                    found[line["miner"]] = line["session"]
            got = streams(self.raw_lines(summary))
            for connection in made:
                up, down = got[found["%s:%d" % connection.ends[0]]]
                self.assertEqual(joined(up), connection.sent[0], f"seed {seed}")
                self.assertEqual(joined(down), connection.sent[1], f"seed {seed}")

    def test_what_is_lost_is_told(self):
        """With packets dropped: every byte that came back stands where it was said."""
        for seed in range(ROUNDS):
            chance = random.Random(1000 + seed)
            connection = self.connections(chance)[0]
            connection.close()
            packets = [packet for packet in connection.packets
                       if packet in connection.packets[:3] or chance.random() > 0.15]
            summary = self.take("--force", "--all", pcap(packets))
            self.lines(summary)
            for side, pieces in enumerate(next(iter(streams(self.raw_lines(summary)).values()))):
                at = 0
                for offset, data in pieces:
                    self.assertGreaterEqual(offset, at, f"seed {seed}")
                    self.assertEqual(data, connection.sent[side][offset:offset + len(data)],
                                     f"seed {seed} at {offset}")
                    at = offset + len(data)


if __name__ == "__main__":
    unittest.main()
