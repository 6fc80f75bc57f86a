"""Any byte stream passes the recorder unchanged and can be rebuilt from the archive."""
import json
import os
import random
import ssl
import unittest

from tests.integration.harness import MIB, RecorderCase, is_sanitized, wait_until

SUBSCRIBE = b'{"id":1,"method":"mining.subscribe","params":["cgminer/4.11.1"]}\n'
AUTHORIZE = b'{"id":2,"method":"mining.authorize","params":["bc1qexample.rig","x"]}\n'
SUBSCRIBED = (b'{"id":1,"result":[[["mining.set_difficulty","d1"],["mining.notify","n1"]],'
              b'"f000000f",8],"error":null}\n')
DIFFICULTY = b'{"id":null,"method":"mining.set_difficulty","params":[1024]}\n'


def submit(number, nonce):
    return b'{"id":%d,"method":"mining.submit","params":["w","j","00","65","%08x"]}\n' % (number,
                                                                                          nonce)


def answer(number, good=True):
    return b'{"id":%d,"result":%s,"error":null}\n' % (number, b"true" if good else b"false")


def notify(coinbase_bytes):
    coinbase = "ab" * coinbase_bytes
    return json.dumps({"id": None, "method": "mining.notify", "params": [
        "1f", "00" * 32, coinbase, "ffffffff", ["11" * 32], "20000000", "1703fffc", "65a00000",
        True]}).encode() + b"\n"


def pieces(data, size):
    return [data[i:i + size] for i in range(0, len(data), size)]


def client_hello():
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="pool.test")
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


class Streams(RecorderCase):
    def pass_through(self, up, down, **settings):
        """Sends both lists of chunks; returns the archive and the session."""
        pool = self.new_pool()
        recorder = self.start(pool, **settings)
        miner, upstream = self.exchange(recorder, pool, up, down)
        recorder.wait_sessions(0)
        archive = self.finish(recorder)
        return archive, self.assert_same_streams(archive, miner, upstream)

    def assert_opaque(self, archive, session, direction):
        lines = archive.messages(session, direction)
        self.assertTrue(lines)
        for line in lines:
            self.assertFalse(line.embedded)
            self.assertEqual(line.end, b"")

    # ---- how it is cut

    def test_one_byte_at_a_time(self):
        up = SUBSCRIBE + AUTHORIZE + b"".join(submit(4 + n, n) for n in range(10))
        down = SUBSCRIBED + DIFFICULTY + b"".join(answer(4 + n) for n in range(10))
        archive, session = self.pass_through(pieces(up, 1), pieces(down, 1))
        lines = archive.messages(session, "miner_to_pool")
        late = [line for line in lines if "frag" in line]  # a line end behind the pool's next word
        self.assertEqual({line.content for line in late} - {b""}, set())
        self.assertEqual([line.content + b"\n" for line in lines if line not in late],
                         up.splitlines(True))

    def test_several_messages_a_packet(self):
        up = b"".join(submit(n, n * 7) for n in range(500))
        archive, session = self.pass_through([up], [DIFFICULTY * 500])
        self.assertEqual(len(archive.messages(session, "miner_to_pool")), 500)
        self.assertEqual(len(archive.messages(session, "pool_to_miner")), 500)

    def test_one_message_over_many_packets(self):
        down = notify(20000)
        archive, session = self.pass_through([SUBSCRIBE], pieces(down, 97))
        line, = archive.messages(session, "pool_to_miner")
        self.assertEqual(line.content, down[:-1])

    def test_random_cuts_of_a_mixed_stream(self):
        chance = random.Random(20)
        parts = [SUBSCRIBE, b"\n", b"\r\n", b"{broken\n", b"\xff\xfe\x00\n", DIFFICULTY, b" \t\n",
                 submit(3, 9), b'{"a":"\r"}\n', b"[[[[]]]]\n", b"\r\r\n", b'"\\ud800"\n',
                 notify(3000), b"1e999\n", "ünïcödé\n".encode(), b"x" * 70000 + b"\r\n"]

        def stream():
            data = SUBSCRIBE + b"".join(chance.choice(parts) for _ in range(400))
            cuts = sorted(chance.sample(range(1, len(data)), 300))
            return [data[a:b] for a, b in zip([0] + cuts, cuts + [len(data)])]

        up, down = stream(), stream()
        archive, session = self.pass_through(up, down)
        for direction, sent in (("miner_to_pool", up), ("pool_to_miner", down)):
            lines = [line + b"\n" for line in b"".join(sent).split(b"\n")[:-1]]
            found = [line.wire for line in archive.messages(session, direction)]
            self.assertEqual(found, lines)

    # ---- what it holds

    def test_crlf_and_empty_lines(self):
        up = SUBSCRIBE.replace(b"\n", b"\r\n") + b"\r\n\n" + AUTHORIZE
        archive, session = self.pass_through([up], [SUBSCRIBED.replace(b"\n", b"\r\n")])
        lines = archive.messages(session, "miner_to_pool")
        self.assertEqual([line.end for line in lines], [b"\r\n", b"\r\n", b"\n", b"\n"])
        self.assertEqual([line.embedded for line in lines], [True, False, False, True])
        self.assertEqual(archive.messages(session, "pool_to_miner")[0].end, b"\r\n")

    def test_no_line_end_at_all(self):
        up, down = b"a" * (3 * MIB), b'{"id":1'
        archive, session = self.pass_through([up], [down])
        line, = archive.messages(session, "miner_to_pool")
        self.assertEqual((line.content, line.end), (up, b""))
        line, = archive.messages(session, "pool_to_miner")
        self.assertEqual((line.content, line.end, line.embedded), (down, b"", False))

    def test_nuls_in_a_text_stream(self):
        up = SUBSCRIBE + b"\0\0\0\n" + b'{"id":\0}\n' + AUTHORIZE
        archive, session = self.pass_through([up], [SUBSCRIBED + b"\0"])
        embedded = [line.embedded for line in archive.messages(session, "miner_to_pool")]
        self.assertEqual(embedded, [True, False, False, True])

    def test_nuls_from_the_first_byte(self):
        archive, session = self.pass_through([b"\0" * 5000, b"\n" * 50], [b"\0"])
        self.assert_opaque(archive, session, "miner_to_pool")

    def test_tls_on_the_plain_port(self):
        hello = client_hello()
        self.assertEqual(hello[:2], b"\x16\x03")
        archive, session = self.pass_through([hello], [b"\x15\x03\x03\x00\x02\x02\x28"])
        self.assert_opaque(archive, session, "miner_to_pool")
        self.assert_opaque(archive, session, "pool_to_miner")

    def test_stratum_v2_on_the_plain_port(self):
        chance = random.Random(2)
        ephemeral_key = b"\xc1" + chance.randbytes(63)
        frames = b"".join(b"\x00\x80\x1a" + len(body).to_bytes(3, "little") + body
                          for body in (chance.randbytes(n) for n in (16, 300, 70000)))
        archive, session = self.pass_through([ephemeral_key, frames],
                                             [b"\xe2" + chance.randbytes(233), frames])
        self.assert_opaque(archive, session, "miner_to_pool")

    def test_http_probe(self):
        request = b"GET / HTTP/1.1\r\nHost: pool.test\r\nUser-Agent: probe\r\n\r\n"
        archive, session = self.pass_through([request], [b"HTTP/1.1 400 Bad Request\r\n\r\n"])
        lines = archive.messages(session, "miner_to_pool")
        self.assertEqual([line.content for line in lines], request.split(b"\r\n")[:-1])
        self.assertTrue(all(line.end == b"\r\n" and "why" in line for line in lines))

    def test_random_binary_both_ways(self):
        chance = random.Random(1)
        up, down = ([chance.randbytes(chance.randrange(1, 60000)) for _ in range(200)]
                    for _ in range(2))
        self.pass_through(up, down, RING_BYTES="64M")

    # ---- long lines

    def test_two_megabyte_coinbase(self):
        down = notify(MIB)
        archive, session = self.pass_through([SUBSCRIBE], [SUBSCRIBED, down, DIFFICULTY])
        lines = archive.messages(session, "pool_to_miner")
        self.assertEqual([line.embedded for line in lines], [True, True, True])
        self.assertEqual(lines[1].message["method"], "mining.notify")

    def test_the_longest_whole_line_and_the_next(self):
        whole = b'"' + b"x" * (8 * MIB - 2) + b'"\n'
        longer = b'"' + b"x" * (8 * MIB - 1) + b'"\n'
        archive, session = self.pass_through([whole, longer, SUBSCRIBE], [DIFFICULTY],
                                             RING_BYTES="64M")
        lines = archive.messages(session, "miner_to_pool")
        self.assertEqual((lines[0].content, lines[0].embedded), (whole[:-1], True))
        self.assertTrue(all("frag" in line for line in lines[1:-1]))
        self.assertEqual(lines[-1].content, SUBSCRIBE[:-1])

    def test_fifty_megabyte_line(self):
        size = 50 * MIB
        head = b'{"id":7,"method":"mining.submit","params":["'
        line = head + b"f" * (size - len(head) - 4) + b'"]}\n'
        pool = self.new_pool()
        recorder = self.start(pool, RING_BYTES="256M")
        miner, upstream = self.exchange(recorder, pool, [line, SUBSCRIBE], [answer(7)])
        if not is_sanitized():
            self.assertLess(recorder.peak_private(), 64 * MIB)
        archive = self.finish(recorder)
        session = self.assert_same_streams(archive, miner, upstream)
        lines = archive.messages(session, "miner_to_pool")
        fragments = lines[:-1]
        self.assertEqual([f["frag"] for f in fragments], list(range(len(fragments))))
        self.assertGreaterEqual(len(fragments), 50)
        self.assertEqual(fragments[0]["method"], "mining.submit")
        self.assertEqual([bool(f.get("last")) for f in fragments],
                         [False] * (len(fragments) - 1) + [True])
        self.assertEqual(lines[-1].content, SUBSCRIBE[:-1])

    def test_many_long_lines_at_once_share_a_bounded_buffer(self):
        pool = self.new_pool()
        recorder = self.start(pool, RING_BYTES="256M", LINE_BUFFER_BYTES="4M")
        pairs = [self.join(recorder, pool) for _ in range(12)]
        text = os.urandom(1 * MIB).hex().encode()
        for miner, upstream in pairs:
            miner.send(SUBSCRIBE + text)
            upstream.read(len(SUBSCRIBE) + len(text))
        if not is_sanitized():
            self.assertLess(recorder.memory("RssAnon"), 48 * MIB)
        for miner, upstream in pairs:
            miner.send(text + b"\n").end()
            upstream.skip()
            upstream.end()
            miner.skip()
        archive = self.finish(recorder)
        for miner, upstream in pairs:
            self.assert_same_streams(archive, miner, upstream)


class Pairing(RecorderCase):
    """Which answer belongs to which request."""

    def talk(self, steps):
        """Steps are ("up"|"down", bytes): each is waited for before the next. Returns the lines."""
        pool = self.new_pool()
        recorder = self.start(pool)
        miner, upstream = self.join(recorder, pool)
        for direction, data in steps:
            speaker, listener = (miner, upstream) if direction == "up" else (upstream, miner)
            speaker.send(data)
            self.assertEqual(listener.read(len(data)), data)
        miner.end()
        upstream.read_end()
        upstream.end()
        miner.read_end()
        archive = self.finish(recorder)
        session = self.assert_same_streams(archive, miner, upstream)
        return archive.messages(session)

    def assert_pairs(self, lines, request, response):
        """The response answers the request, and says when."""
        self.assertEqual(lines[response].get("re"), lines[request]["seq"])
        self.assertGreaterEqual(lines[response]["latency_us"], 0)

    def test_one_id_for_many_requests_in_flight(self):
        count = 200
        up = [("up", submit(4, n)) for n in range(count)]
        down = [("down", answer(4, n % 3 != 0)) for n in range(count)]
        lines = self.talk(up + down + [("up", submit(4, 999)), ("down", answer(4))])
        for n in range(count):
            self.assert_pairs(lines, n, count + n)
        self.assert_pairs(lines, 2 * count, 2 * count + 1)
        self.assertEqual(len({line["re"] for line in lines if "re" in line}), count + 1)
        # the first request waited through all the others
        self.assertGreater(lines[count]["latency_us"], lines[2 * count + 1]["latency_us"])

    def test_latency_is_the_time_between_the_lines(self):
        lines = self.talk([("up", submit(9, 1)), ("up", SUBSCRIBE), ("down", answer(9))])
        self.assert_pairs(lines, 0, 2)

        def microseconds(line):
            hours, minutes, seconds = line["ts"][11:-1].split(":")
            return round((int(hours) * 3600 + int(minutes) * 60) * 1e6 + float(seconds) * 1e6)

        between = (microseconds(lines[2]) - microseconds(lines[0])) % (86400 * 10**6)
        self.assertAlmostEqual(lines[2]["latency_us"], between, delta=2000)

    def test_string_and_null_ids(self):
        lines = self.talk([
            ("up", b'{"id":"4","method":"mining.subscribe","params":[]}\n'),
            ("up", b'{"id":4,"method":"mining.authorize","params":["a","b"]}\n'),
            ("up", b'{"id":null,"method":"mining.extranonce.subscribe","params":[]}\n'),
            ("down", b'{"id":4,"result":true,"error":null}\n'),
            ("down", b'{"id":null,"result":true,"error":null}\n'),
            ("down", b'{"id":"4","result":[],"error":null}\n'),
            ("down", b'{"id":"4","result":[],"error":null}\n'),
        ])
        self.assert_pairs(lines, 1, 3)
        self.assert_pairs(lines, 2, 4)
        self.assert_pairs(lines, 0, 5)
        self.assertNotIn("re", lines[6])

    def test_notify_before_the_subscribe_answer(self):
        lines = self.talk([("up", SUBSCRIBE), ("down", notify(60)), ("down", DIFFICULTY),
                           ("down", SUBSCRIBED)])
        self.assertNotIn("re", lines[1])
        self.assertNotIn("re", lines[2])
        self.assert_pairs(lines, 0, 3)

    def test_batch_array(self):
        batch = b"[" + SUBSCRIBE[:-1] + b"," + AUTHORIZE[:-1] + b"]\n"
        lines = self.talk([("up", batch), ("down", b"[" + SUBSCRIBED[:-1] + b"]\n")])
        self.assertEqual([line.content + b"\n" for line in lines][0], batch)
        self.assertTrue(all(line.embedded and "re" not in line for line in lines))

    def test_the_pool_asks_the_miner(self):
        lines = self.talk([
            ("down", b'{"id":1,"method":"client.get_version","params":[]}\n'),
            ("up", SUBSCRIBE),
            ("up", b'{"id":1,"result":"cgminer/4.11.1","error":null}\n'),
            ("down", SUBSCRIBED),
        ])
        self.assert_pairs(lines, 0, 2)
        self.assert_pairs(lines, 1, 3)

    def test_a_late_answer_keeps_its_place_but_does_not_pair(self):
        pool = self.new_pool()
        recorder = self.start(pool, PAIR_TIMEOUT_SEC=1)
        miner, upstream = self.join(recorder, pool)
        miner.send(submit(4, 1))
        upstream.read_line()
        recorder.wait_counter("messages", 1)
        start = recorder.status()["uptime_seconds"]
        wait_until(lambda: recorder.status()["uptime_seconds"] >= start + 2, "two seconds more")
        miner.send(submit(4, 2))
        upstream.read_line()
        upstream.send(answer(4) + answer(4))
        miner.read(2 * len(answer(4)))
        archive = self.finish(recorder)
        lines = archive.messages(archive.session_of(miner.address))
        self.assertNotIn("re", lines[2])
        self.assert_pairs(lines, 1, 3)


if __name__ == "__main__":
    unittest.main()
