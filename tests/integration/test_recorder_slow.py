"""Lines whose ends come late or never: recorded within a second, and as what they are."""
import json
import subprocess
import unittest
import urllib.parse

from tests.integration.front import environment
from tests.integration.harness import RecorderCase, program, wait_until
from tests.integration.test_api_websocket import ApiCase


def ask(number, method="mining.submit"):
    return b'{"id":%d,"method":"%s","params":["attic.two","5"]}' % (number, method.encode())


def answer(number):
    return b'{"id":%d,"result":true,"error":null}\n' % number


class SlowLines(RecorderCase):
    def setUp(self):
        super().setUp()
        self.pool = self.new_pool()
        self.recorder = self.start(self.pool)
        self.miner, self.upstream = self.join(self.recorder, self.pool)

    def say(self, data):
        self.miner.send(data)
        self.assertEqual(self.upstream.read(len(data)), data)

    def tell(self, data):
        self.upstream.send(data)
        self.assertEqual(self.miner.read(len(data)), data)

    def recorded(self, messages):
        wait_until(lambda: self.recorder.counters()["messages"] >= messages,
                   f"{messages} are recorded")

    def end(self):
        self.miner.end()
        self.upstream.end()
        self.recorder.wait_sessions(0)
        archive = self.finish(self.recorder)
        session = self.assert_same_streams(archive, self.miner, self.upstream)
        return archive.messages(session, "miner_to_pool"), archive.messages(session,
                                                                            "pool_to_miner")

    def test_a_miner_without_line_ends(self):
        """Each of its messages is one, with its answer, though the answer comes at once."""
        for number, method in enumerate(("mining.subscribe", "mining.authorize", "mining.submit")):
            self.say(ask(number, method))
            self.tell(answer(number))
        self.assertEqual(self.recorder.counters()["messages"], 6)
        self.say(ask(3))  # and one that is not answered
        self.recorded(7)
        self.say(ask(4) + b" " + ask(5))
        self.recorded(9)
        ours, answers = self.end()
        self.assertEqual([json.loads(line.content)["id"] for line in ours], list(range(6)))
        self.assertTrue(all(line.end == b"" and "bytes_b64" not in line for line in ours))
        self.assertEqual([line["re"] for line in answers], [line["seq"] for line in ours[:3]])

    def test_a_pool_without_line_ends(self):
        self.say(ask(1) + b"\n")
        self.tell(answer(1)[:-1])
        self.recorded(2)
        ours, answers = self.end()
        self.assertEqual([line["re"] for line in answers], [ours[0]["seq"]])

    def test_a_line_that_is_typed(self):
        """In pieces, and with the last one as a whole; what follows is a line again."""
        whole = ask(7)
        self.say(whole[:20])
        self.recorded(1)
        self.say(whole[20:40])
        self.recorded(2)
        self.tell(answer(99))  # in between
        self.say(whole[40:] + b"\r\n")
        self.tell(answer(7))
        self.say(ask(8) + b"\n")
        ours, answers = self.end()
        self.assertEqual([line.get("frag") for line in ours], [0, 1, None, None])
        self.assertEqual([line.get("early") for line in ours], [True, True, None, None])
        self.assertEqual(b"".join(line.wire for line in ours[:3]), whole + b"\r\n")
        self.assertEqual((ours[2].embedded, ours[2].content, ours[2].end), (True, whole, b"\r\n"))
        self.assertEqual(ours[2]["before"], 40)
        self.assertEqual([line.get("re") for line in answers], [None, ours[2]["seq"]])
        self.assertEqual(ours[3].content, ask(8))

    def test_a_line_end_that_comes_late(self):
        self.say(ask(1))
        self.recorded(1)
        self.say(b"\n" + ask(2) + b"\n")
        self.recorded(3)
        self.assertEqual(self.recorder.counters()["messages_invalid"], 0)
        ours, _ = self.end()
        self.assertEqual([line.content for line in ours], [ask(1), b"", ask(2)])
        self.assertEqual((ours[1]["frag"], ours[1]["last"]), (1, True))

    def test_a_kill_loses_nothing_that_waited_a_second(self):
        killed = []
        for data in (b'{"id":1,"meth', b"no JSON", b'{"id":2,"method":"mining.ping"}'):
            self.say(data)
            self.recorded(1)
            killed.append((self.miner.address, data))
            self.recorder.kill()
            self.recorder = self.start(self.pool)
            self.miner, self.upstream = self.join(self.recorder, self.pool)
            self.recorder.wait_sessions(1)
        archive = self.finish(self.recorder)
        for address, data in killed:
            session = archive.session_of(address)
            self.assertEqual(archive.stream(session, "miner_to_pool"), data)

    def test_what_waits_and_grows_is_recorded_too(self):
        """A byte every now and then never lets a second pass."""
        sent = 0
        while not self.recorder.counters()["messages"]:
            self.say(b"x")
            sent += 1
        self.assertGreater(sent, 1)
        ours, _ = self.end()
        self.assertEqual(b"".join(line.wire for line in ours), b"x" * sent)
        self.assertEqual(ours[-1].content, b"x" * sent)

    def test_long_lines_that_come_slowly(self):
        """More than is kept to be looked at as a whole, and more than a line may have."""
        self.say(b'["' + b"a" * 40000)
        self.recorded(1)
        self.say(b"b" * 40000)
        self.recorded(2)
        self.say(b"c" * 3000000)
        before = self.recorder.counters()["messages"]
        self.recorded(before + 1)
        self.say(b"d" * 9000000 + b'"]\n' + ask(1) + b"\n")
        ours, _ = self.end()
        self.assertEqual(ours[-1].content, ask(1))
        self.assertNotIn("frag", ours[-1])
        self.assertEqual([line["frag"] for line in ours[:-1]], list(range(len(ours) - 1)))
        self.assertEqual([line.get("last") for line in ours[-3:]], [None, True, None])


class TypedLines(ApiCase):
    """What came in pieces is one message to everybody who shows messages."""

    PARTS = (b'{"id":7,"method":"mining.su', b'bmit","params":["attic.two",', b'"5"]}')

    def cat(self, *arguments):
        run = subprocess.run([program("hashscope"), "cat", "--data-dir", self.data_dir, *arguments],
                             env=environment(), stdout=subprocess.PIPE, check=True, timeout=60)
        return run.stdout

    def rows(self, *arguments):
        lines = self.cat("--json", "--kind", "messages", *arguments).splitlines()
        return [json.loads(line) for line in lines]

    def items(self, api, query):
        code, _, body = api.get("/api/messages?order=oldest&" + query)
        self.assertEqual(code, 200, body)
        return json.loads(body)["items"]

    def check(self, api, *sources):
        whole = b"".join(self.PARTS)
        rows = self.rows()
        self.assertEqual([row.get("before") for row in rows], [len(whole) - len(self.PARTS[2]), None, None])
        self.assertEqual((rows[0]["msg"]["method"], rows[1]["re"]),
                         ("mining.submit", rows[0]["seq"]))
        self.assertLess(rows[1]["latency_us"], 2000000)  # since it was complete, not since it began
        self.assertEqual(self.rows("--newest-first")[::-1], rows)
        self.assertEqual(self.rows("--method", "submit"), rows[:1])
        self.assertEqual(self.rows("--grep", 'submit","params":["attic.two","5"'), rows[:1])
        table = self.cat("--table", "--kind", "messages").decode().splitlines()
        self.assertEqual(len(table), 3, table)
        self.assertIn("submit", table[0])
        raw = self.cat("--raw", "--session", rows[0]["session"], "--dir", "miner_to_pool")
        self.assertEqual(raw, whole + b"\n" + b'{"id":8}\n')
        for source in sources:
            found = self.items(api, "source=" + source)
            self.assertEqual(len(found), 3, found)
            self.assertEqual((found[0]["raw"], found[0]["method"]),
                             (whole.decode(), "mining.submit"))
            self.assertEqual(found[1]["paired_message_id"], found[0]["id"])
            self.assertEqual(found[0]["response"]["result"], True)
            self.assertEqual(self.items(api, f"source={source}&method=submit"), found[:1])

    def test_pieces_of_a_long_line_say_so(self):
        recorder, miner, upstream, api = self.scene()
        long = b'{"id":null,"method":"mining.notify","params":["' + b"a" * 9000000 + b'"]}'
        for at in range(0, len(long), 100000):
            upstream.send(long[at:at + 100000])
            miner.read(len(long[at:at + 100000]))
        upstream.send(b'\n{"id":8}\n')
        wait_until(lambda: self.items(api, "q=%22id%22:8"), "the API has them")
        found, more = [], ""
        while not found or found[-1]["raw"] != '{"id":8}':  # not all of it fits on a page
            body = json.loads(api.get("/api/messages?order=oldest" + more)[2])
            found += body["items"]
            more = "&cursor=" + urllib.parse.quote(body["next_cursor"] or "")
        self.assertGreater(len(found), 2)
        self.assertEqual([one["fragment"] for one in found], [*range(len(found) - 1), None])
        self.assertEqual(found[0]["method"], "mining.notify")
        self.assertEqual("".join(one["raw"] for one in found[:-1]), long.decode())

    def test_a_typed_line_is_one_message(self):
        recorder, miner, upstream, api = self.scene()
        for number, part in enumerate(self.PARTS, 1):
            miner.send(part)
            upstream.read(len(part))
            recorder.wait_counter("messages", number)
        miner.send(b"\n")
        recorder.wait_counter("messages", 4)
        upstream.send(b'{"id":7,"result":true,"error":null}\n')
        miner.read(36)
        miner.send(b'{"id":8}\n')
        recorder.wait_counter("messages", 6)
        wait_until(lambda: len(self.items(api, "source=live")) >= 3, "the API has them")
        self.check(api, "live", "all")
        recorder.stop()
        self.check(api, "archive", "all")


if __name__ == "__main__":
    unittest.main()
