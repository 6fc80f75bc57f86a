"""Segment files as a stranger reads them: the independent reader checks every line's form, every
index entry and checksum, and rebuilds what was said."""
import json
import os
import random
import signal
import subprocess
import unittest

from tests.integration import segment_reader
from tests.integration.harness import RecorderCase, is_sanitized, wait_until

HOSTILE = [
    b'{"id":1,"method":"mining.subscribe","params":["cg/1"]}\r\n',
    b' {"id" : 2 , "method":"mining.authorize","params":["w\\u00e9","secret"]} \n',
    b"\n", b"\r\n", b"   \n", b"\r\r\n", b'{"id":3}\r\r\n',
    b'{"id":3,"method":"mining.submit"\n', b"{'id':4}\n", b'{"id":NaN}\n', b'{"id":1e999}\n',
    b'{"id":"\\ud800"}\n', b'{"id":"\\ud83d\\ude00"}\n', b'{"id":"\xff\xfe"}\n', b'{"a":"\x00"}\n',
    b'{"a":"\t"}\n', b"[" * 64 + b"]" * 64 + b"\n", b"[" * 65 + b"]" * 65 + b"\n",
    b'{"msg":{"msg":1},"dir":"x","event":"gap","seq":0}\n',
    b'{"method":"mining.submit","method":"mining.notify","id":1,"id":2}\n',
    b'[{"id":1},{"id":2}]\n', b'"text"\n', b"17\n", b"true\n", b"}\n", b'}{"seq":1}\n',
    b'{"id":5,"result":false,"error":[21,"Job not found",null]}\n',
    b'{"id":5,"result":null,"reject-reason":"stale"}\n', b'{"id":6,"error":"","result":true}\n',
    b'{"id":7,"result":null,"error":"\xf6"}\n', b'{"id":7,"error":[20,"x\\ud800"]}\n',
    b'{"id":7,"error":1e999}\n', b'{"id":7,"error":0}\n', b'{"id":7,"error":[ ],"result":1}\n',
    b'{"id":7,"error":[\n', b'{"id":7,"error"\n', b'{"id":7,"error":\n', b'{"id":7,"error":7\n',
    b'{"id":7,"result":false,"x":\n', b'{"id":7,"result":false}x\n', b'{"id":7,"error":1}{"error":2}\n',
    b'{"error":1,"error":null}\n', b'{"error":1,"error":nul\n', b'{"error":1,"error":\t"\t"}\n',
    b'{"error":' + b"[" * 70 + b"]" * 70 + b'}\n', b'{"method":null,"error":"\x01"}\n',
    b'{"method":"mining.\\u0061uthorize","id":8}\n', b'{"method":"mining.notify","error":1,"\xf6":1}\n',
    b'{"method":"mining.notify","id":8,,\n', b'{"method":7,"error":1}\n', b'{"method":"","error":1}\n',
    "{\"name\":\"\u2028\ufeff\U0001f600\"}\n".encode(), b'{"long":"' + b"x" * 70000 + b'"}\n',
]


def submit(number):
    return b'{"id":%d,"method":"mining.submit","params":["w","%d"]}\n' % (number, number)


def fits(line):
    """Whether the message may stand in its line as it is: strict JSON, and what FORMAT.md adds."""
    line = line[:-2] if line.endswith(b"\r\n") else line[:-1]
    try:
        text = line.decode()
        json.loads(text, parse_constant=int)  # NaN is no JSON
    except ValueError:
        return False
    bad = [b"\r", b"\\ud800", b"1e999", b"[" * 65]
    return not any(part in line for part in bad)


class Segments(RecorderCase):
    def segment_lines(self, count_open=False):
        """All lines, checked; every file but an open one must have sealed."""
        paths = segment_reader.segment_paths(self.data_dir)
        if not count_open:
            self.assertFalse([path for path in paths if path.endswith(".open")])
        lines = segment_reader.read_all(paths)
        self.assertEqual(segment_reader.missing(lines), [])
        return lines

    def assert_streams(self, lines, miner, pool):
        streams = segment_reader.streams(lines)
        self.assertEqual([len(streams)], [len({s for s, _ in streams}) * 2])
        (session, _), *_ = streams
        self.assertEqual(streams[session, "miner"], miner)
        self.assertEqual(streams[session, "pool"], pool)

    def test_hostile_lines(self):
        pool = self.new_pool()
        recorder = self.start(pool)
        shuffled = random.Random(4).sample(HOSTILE, len(HOSTILE))
        up, down = HOSTILE + [b'{"id":9'], shuffled + [b"no end"]
        self.exchange(recorder, pool, up, down)
        recorder.wait_sessions(0)
        self.assertEqual(recorder.stop(), 0, recorder.text())
        lines = self.segment_lines()
        self.assert_streams(lines, b"".join(up), b"".join(down))
        embedded = [line for line in lines if "raw" in line and "bytes_b64" not in line]
        self.assertEqual(len(embedded), 2 * sum(map(fits, HOSTILE)))
        self.assertTrue(any(line.get("end") == "" for line in lines))
        for path in segment_reader.segment_paths(self.data_dir):  # as any tool reads it
            text = subprocess.run(["zstdcat", path], check=True, stdout=subprocess.PIPE).stdout
            for line in text.splitlines():
                json.loads(line.decode())

    def test_bytes_that_are_no_text(self):
        pool = self.new_pool()
        recorder = self.start(pool)
        noise = random.Random(5).randbytes(300000)
        self.exchange(recorder, pool, [b"\x16\x03\x01" + noise], [noise[::-1] + b"\n{}\n"])
        recorder.wait_sessions(0)
        self.assertEqual(recorder.stop(), 0)
        self.assert_streams(self.segment_lines(), b"\x16\x03\x01" + noise, noise[::-1] + b"\n{}\n")

    @unittest.skipIf(is_sanitized(), "the reader is slow enough without")
    def test_a_line_in_pieces(self):
        pool = self.new_pool()
        recorder = self.start(pool, RING_BYTES="64M")
        long = b'{"id":null,"method":"mining.notify","params":["' + b"ab" * 5000000 + b'"]}\n'
        self.exchange(recorder, pool, [b"{}\n"], [long, b"{}\n"])
        recorder.wait_sessions(0)
        self.assertEqual(recorder.stop(), 0)
        lines = self.segment_lines()
        self.assert_streams(lines, b"{}\n", long + b"{}\n")
        pieces = [line for line in lines if "frag" in line]
        self.assertEqual([line["frag"] for line in pieces], list(range(len(pieces))))
        self.assertEqual(pieces[0].get("method"), "mining.notify")
        self.assertTrue(pieces[-1]["last"])

    def test_every_segment_stands_alone(self):
        pool = self.new_pool()
        recorder = self.start(pool)
        miner, upstream = self.join(recorder, pool)
        miner.send(b'{"id":1,"method":"mining.subscribe","params":["cg/1"]}\n')
        upstream.read_line()
        upstream.send(b'{"id":1,"result":[[["mining.notify","1"]],"f00dcafe",4],"error":null}\n')
        miner.read_line()
        miner.send(b'{"id":2,"method":"mining.authorize","params":["farm.7","secret"]}\n')
        upstream.read_line()
        notify = b'{"id":null,"method":"mining.notify","params":["j1","00","01","02",[],"2","3",' \
                 b'"4",true]}'
        upstream.send(b'{"id":2,"result":true,"error":null}\n'
                      b'{"id":null,"method":"mining.set_difficulty","params":[4096.5]}\n' + notify
                      + b"\n")
        for _ in range(3):
            miner.read_line()
        for number in range(3, 6):
            recorder.wait_counter("messages_archived", 6 + number - 3)
            recorder.signal(signal.SIGHUP)
            recorder.wait_counter("segments_sealed", number - 2)
            miner.send(submit(number))
            upstream.read_line()
        miner.close()
        upstream.read_any_end()
        upstream.close()
        recorder.wait_sessions(0)
        self.assertEqual(recorder.stop(), 0)
        paths = segment_reader.segment_paths(self.data_dir)
        self.assertEqual(len(paths), 4)
        states = [line for line in self.segment_lines() if line.get("event") == "state"]
        self.assertEqual(len(states), 3)
        state = json.loads(states[-1]["text"])
        self.assertEqual([state[key] for key in ("extranonce1", "extranonce2_size", "difficulty",
                                                 "authorize", "route")],
                         ["f00dcafe", 4, 4096.5, ["farm.7"], "main"])
        self.assertEqual(state["notify"], json.loads(notify))
        self.assertEqual(state["bytes_up"], len(b"".join(miner_lines())) + 2 * len(submit(3)))
        self.assertNotIn(b"secret", states[-1]["text"])
        self.assertNotIn("as_of", state)

    def test_an_open_file_is_read_while_it_grows(self):
        pool = self.new_pool()
        recorder = self.start(pool)
        miner, upstream = self.join(recorder, pool)
        for number in (1, 2):
            miner.send(submit(number))
            upstream.read_line()
            wait_until(lambda n=number: self.submits_in_open_file() == n, "the line in the file", 3)
        miner.close()
        upstream.read_any_end()
        upstream.close()
        recorder.wait_sessions(0)
        self.assertEqual(recorder.stop(), 0)

    def submits_in_open_file(self):
        paths = segment_reader.segment_paths(self.data_dir)
        if not paths or not os.path.exists(paths[0]):
            return 0
        return sum(b"mining.submit" in line.get("raw", b"")
                   for line in segment_reader.Segment(paths[0]).lines)


def miner_lines():
    return [b'{"id":1,"method":"mining.subscribe","params":["cg/1"]}\n',
            b'{"id":2,"method":"mining.authorize","params":["farm.7","secret"]}\n']


if __name__ == "__main__":
    unittest.main()
