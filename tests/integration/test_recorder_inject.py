"""Lines of ours in a miner's session: they enter between two lines, their answers come back to us,
and the miner sees byte for byte what its pool meant for it."""
import json
import random
import time
import unittest

from tests.integration.harness import RecorderCase, Tally, Task, wait_until

FIRST_ID = 2**31 - 1
SUBMIT = b'{"id":4,"method":"mining.submit","params":["w","j","00","65","0badcafe"]}\n'
NOTIFY = b'{"id":null,"method":"mining.notify","params":["1f","00"]}\n'


def answer(number, result=True):
    return json.dumps({"id": number, "result": result, "error": None}).encode() + b"\n"


class InjectCase(RecorderCase):
    def setUp(self):
        super().setUp()
        self.pool = self.new_pool()
        self.recorder = self.start(self.pool)
        self.miner, self.upstream = self.join(self.recorder, self.pool)
        self.session = wait_until(lambda: [s for s in self.recorder.sessions()
                                           if s["state"] == "open"], "it is open")[0]["session"]
        self.meant = Tally()  # what the pool meant for the miner

    # ---- steps

    def ask(self, line):
        """Asks for the line to be sent; the answer is the task's result."""
        if isinstance(line, bytes):
            line = line.decode().rstrip("\n")
        return Task(lambda: self.recorder.ask("inject", session=self.session, line=line))

    def inject(self, line=SUBMIT):
        """A line that is sent; returns the task and the id under which it reached the pool."""
        task = self.ask(line)
        sent = self.upstream.read_line()
        wanted = json.loads(line)
        got = json.loads(sent)
        self.assertEqual({**wanted, "id": got["id"]}, got)
        self.assertNotEqual(wanted.get("id"), got["id"])
        return task, got["id"]

    def tell(self, data):
        """From the pool, for the miner; it need not arrive at once."""
        self.meant.add(data)
        self.upstream.send(data)

    def tell_through(self, data):
        """The same, and it does arrive."""
        self.tell(data)
        self.assertEqual(self.miner.read(len(data)), data)

    def answered(self, task, data, withheld=True):
        result = task.result()
        self.assertNotIn("error", result)
        self.assertEqual((result["answer"].encode() + b"\n", result["withheld"]), (data, withheld))
        return result

    def speak(self, data):
        self.miner.send(data)
        self.assertEqual(self.upstream.read(len(data)), data)

    def released(self):
        return self.recorder.counters()["inject_released"]

    # ---- the end of every test

    def finish_session(self):
        """Both sides end; streams and archive agree."""
        if not self.ended:
            self.upstream.end()
            self.miner.read_end()
            self.miner.end()
            self.upstream.read_end()
        self.recorder.wait_sessions(0)
        self.assertEqual(self.miner.received, self.meant, "the miner's stream is not as meant")
        counters = self.recorder.counters()
        for name, tally in (("from_miners", self.miner.sent), ("to_pools", self.upstream.received),
                            ("from_pools", self.upstream.sent),
                            ("to_miners", self.miner.received)):
            self.assertEqual(counters["bytes_" + name], tally.length, name)
        archive = self.finish(self.recorder)
        streams = {
            ("miner_to_pool",): self.miner.sent,
            ("pool_to_miner",): self.meant,
            ("miner_to_pool", "hashscope_to_pool"): self.upstream.received,
            ("pool_to_miner", "pool_to_hashscope"): self.upstream.sent,
        }
        for directions, tally in streams.items():
            self.assertEqual(Tally(archive.stream(self.session, *directions)), tally, directions)
        ours = archive.messages(self.session, "hashscope_to_pool")
        back = archive.messages(self.session, "pool_to_hashscope")
        self.assertEqual(len(ours), counters["injected"])
        self.assertLessEqual({line["re"] for line in back}, {line["seq"] for line in ours})
        self.assertEqual(len({line["re"] for line in back}), len(back))
        return ours, back

    ended = False

    def end_archive_check(self, ours, back):
        """So many lines of ours, so many withheld answers."""
        found_ours, found_back = self.finish_session()
        self.assertEqual((len(found_ours), len(found_back)), (ours, back))


def nested(depth, inside=b""):
    return b"[" * depth + inside + b"]" * depth


class Answers(InjectCase):
    def test_an_answer_that_is_nested_deeply(self):
        for depth in (63, 64, 1000, 20000):
            task, number = self.inject()
            deep = b'{"result":%s,"error":null,"id":%d}\n' % (nested(depth, b'"]",{"a":1}'), number)
            self.upstream.send(deep)
            self.answered(task, deep)
            self.tell_through(NOTIFY)
        self.end_archive_check(4, 4)

    def test_an_answer_whose_id_has_another_type(self):
        for spelled in (b'"%d"', b"%d.0"):
            task, number = self.inject()
            data = b'{"id":%s,"result":true,"error":null}\n' % (spelled % number)
            self.upstream.send(data)
            self.answered(task, data)
            self.tell_through(NOTIFY)
        self.end_archive_check(2, 2)

    def test_a_line_that_is_nested_deeply_is_not_sent(self):
        line = b'{"id":1,"method":"mining.submit","params":%s}'
        task, number = self.inject(line % nested(63))
        self.upstream.send(answer(number))
        self.answered(task, answer(number))
        refused = self.ask(line % nested(64)).result()
        self.assertIn("nested deeper than 64", refused["error"])
        self.tell_through(NOTIFY)
        self.end_archive_check(1, 1)

    def test_a_line_and_its_answer(self):
        task, number = self.inject()
        self.assertEqual(number, FIRST_ID)
        self.upstream.send(answer(number))
        result = self.answered(task, answer(number))
        self.assertEqual(result["id"], number)
        self.assertGreater(result["answer_seq"], result["seq"])
        self.assertGreaterEqual(result["latency_us"], 0)
        self.assertEqual(json.loads(result["sent"])["id"], number)
        self.tell_through(NOTIFY)
        self.end_archive_check(1, 1)

    def test_ids_count_down(self):
        numbers = []
        for _ in range(3):
            task, number = self.inject()
            self.upstream.send(answer(number))
            self.answered(task, answer(number))
            numbers.append(number)
        self.assertEqual(numbers, [FIRST_ID, FIRST_ID - 1, FIRST_ID - 2])
        self.end_archive_check(3, 3)

    def test_an_id_that_the_miner_uses_is_skipped(self):
        own = SUBMIT.replace(b":4,", b":%d," % FIRST_ID)
        self.speak(own)
        task, number = self.inject()
        self.assertEqual(number, FIRST_ID - 1)
        self.tell_through(answer(FIRST_ID))
        self.upstream.send(answer(number))
        self.answered(task, answer(number))
        self.end_archive_check(1, 1)

    def test_the_miners_own_request_of_the_same_content(self):
        """Each gets its own answer, in whatever order and packets they come."""
        for ours_first in (True, False):
            self.speak(SUBMIT)
            task, number = self.inject(SUBMIT)
            own, other = answer(4, True), answer(number, False)
            data = NOTIFY + (other + own if ours_first else own + other) + NOTIFY
            self.upstream.send(data)
            self.meant.add(NOTIFY + own + NOTIFY)
            self.assertEqual(self.miner.read(len(NOTIFY + own + NOTIFY)), NOTIFY + own + NOTIFY)
            self.answered(task, other)
        self.end_archive_check(2, 2)

    def test_answers_cut_anywhere(self):
        """The answer comes in two pieces, cut at every byte, between others."""
        for cut in range(1, len(answer(FIRST_ID)) + 1, 3):
            task, number = self.inject()
            data = NOTIFY + answer(number) + NOTIFY
            at = len(NOTIFY) + cut
            self.upstream.send(data[:at])
            self.meant.add(NOTIFY + NOTIFY)
            self.assertEqual(self.miner.read(len(NOTIFY)), NOTIFY)
            self.upstream.send(data[at:])
            result = task.result()
            self.assertEqual(self.miner.read(len(NOTIFY)), NOTIFY)
            if not result["withheld"]:  # the pieces came more than 50 ms apart: released
                self.skipTest("the machine is too busy for this")
        self.finish_session()

    def test_an_answer_with_id_null_is_the_miners(self):
        task, number = self.inject()
        self.tell_through(b'{"id":null,"result":null,"error":[20,"parse error",null]}\n')
        self.upstream.send(answer(number))
        self.answered(task, answer(number))
        self.end_archive_check(1, 1)

    def test_a_refusal_with_crlf(self):
        task, number = self.inject()
        refusal = b'{"id":%d,"result":null,"error":[23,"low difficulty",null]}\r\n' % number
        self.upstream.send(refusal + NOTIFY)
        self.meant.add(NOTIFY)
        self.assertEqual(self.miner.read(len(NOTIFY)), NOTIFY)
        self.assertEqual(task.result()["answer"].encode(), refusal[:-2])
        self.end_archive_check(1, 1)

    def test_no_answer(self):
        """The caller gives up and goes away; the late answer is withheld all the same, and the
        miner's traffic passes meanwhile, and after."""
        line = {"command": "inject", "session": self.session, "line": SUBMIT.decode()}
        with self.recorder.control_socket() as client:
            client.sendall(json.dumps(line).encode() + b"\n")
            number = self.upstream.read_json()["id"]
        for n in range(50):
            self.speak(SUBMIT)
            self.tell_through(answer(4) + NOTIFY * (n % 3))
        self.upstream.send(answer(number))
        self.recorder.wait_counter("inject_answers", 1)
        self.tell_through(NOTIFY)
        self.end_archive_check(1, 1)

    def test_the_session_ends_before_the_answer(self):
        task, _ = self.inject()
        self.upstream.end()
        self.miner.read_end()
        self.miner.end()
        self.upstream.read_end()
        self.ended = True
        self.assertIn("closed", task.result()["error"])
        self.end_archive_check(1, 0)

    def test_many_in_flight(self):
        """Fifty of ours among two hundred of the miner's, answered in any order, in packets cut
        anywhere, with notifications between."""
        chance = random.Random(50)
        tasks = [self.ask(json.dumps({"method": "mining.submit", "params": [f"ours-{n}"]}))
                 for n in range(50)]
        own = [b'{"id":%d,"method":"mining.submit","params":["own-%d"]}\n' % (n, n)
               for n in range(200)]
        writer = Task(lambda: [self.miner.send(line) for line in own])
        requests = [self.upstream.read_json() for _ in range(250)]
        writer.result()
        chance.shuffle(requests)
        data = b""
        for request in requests:
            reply = answer(request["id"], request["params"][0])
            if request["params"][0].startswith("own"):
                self.meant.add(reply)
            data += reply
            if chance.random() < 0.3:
                self.meant.add(NOTIFY)
                data += NOTIFY
        while data:
            size = chance.randrange(1, 2000)
            self.upstream.send(data[:size])
            data = data[size:]
        for n, task in enumerate(tasks):
            result = task.result()
            self.assertTrue(result["withheld"])
            self.assertEqual(json.loads(result["answer"])["result"], f"ours-{n}")
        self.assertEqual(self.miner.skip(self.meant.length), self.meant.length)
        self.end_archive_check(50, 50)


class Boundaries(InjectCase):
    """Lines in the middle of which we, or the pool, are."""

    def wait_asked(self):
        """The request before this has reached the recorder: two more have been answered since."""
        self.recorder.status()
        self.recorder.status()

    def test_miner_in_mid_line(self):
        self.speak(SUBMIT + SUBMIT[:30])
        task = self.ask(SUBMIT)
        self.wait_asked()
        self.assertTrue(self.upstream.is_silent())
        self.miner.send(SUBMIT[30:50])
        self.assertEqual(self.upstream.read(20), SUBMIT[30:50])
        self.assertTrue(self.upstream.is_silent())
        self.miner.send(SUBMIT[50:] + NOTIFY[:9])
        # ours stands behind the end of a line of the miner's, never in one
        rest = SUBMIT[50:] + NOTIFY[:9]
        self.assertEqual(self.upstream.read(len(rest)), rest)
        self.wait_asked()
        self.assertTrue(self.upstream.is_silent())
        self.miner.send(NOTIFY[9:])
        self.assertEqual(self.upstream.read(len(NOTIFY) - 9), NOTIFY[9:])
        number = self.upstream.read_json()["id"]
        self.upstream.send(answer(number))
        self.answered(task, answer(number))
        self.end_archive_check(1, 1)

    def test_miner_in_mid_line_for_too_long(self):
        self.speak(SUBMIT[:30])
        start = time.monotonic()
        result = self.ask(SUBMIT).result()
        self.assertIn("5 s", result["error"])
        self.assertGreater(time.monotonic() - start, 4.5)
        self.assertNotIn("id", result)
        self.speak(SUBMIT[30:])
        self.tell_through(answer(4))
        self.end_archive_check(0, 0)

    def test_pool_in_mid_line(self):
        """What passed before we came goes on passing; the next line is the first we look at."""
        self.tell_through(NOTIFY[:20])
        task, number = self.inject()
        self.tell_through(NOTIFY[20:40])
        self.upstream.send(NOTIFY[40:] + answer(number) + NOTIFY)
        self.meant.add(NOTIFY[40:] + NOTIFY)
        self.assertEqual(self.miner.read(len(NOTIFY[40:] + NOTIFY)), NOTIFY[40:] + NOTIFY)
        self.answered(task, answer(number))
        self.assertEqual(self.released(), 0)
        self.end_archive_check(1, 1)

    def test_a_held_line_passes_after_50_ms(self):
        task, number = self.inject()
        self.tell_through(NOTIFY[:20])
        self.assertEqual(self.released(), 1)
        self.upstream.send(NOTIFY[20:] + answer(number))
        self.meant.add(NOTIFY[20:])
        self.assertEqual(self.miner.read(len(NOTIFY) - 20), NOTIFY[20:])
        self.answered(task, answer(number))
        self.end_archive_check(1, 1)

    def test_a_held_answer_passes_after_50_ms(self):
        """Then the miner has seen its beginning and gets the rest; we get the answer too."""
        task, number = self.inject()
        reply = answer(number)
        self.tell_through(reply[:20])
        self.tell_through(reply[20:])
        self.answered(task, reply, withheld=False)
        self.end_archive_check(1, 0)

    def test_the_miner_ends_while_an_answer_is_held(self):
        """What the pool says is still looked at, and the answer is still ours."""
        task, number = self.inject()
        reply = answer(number)
        self.upstream.send(reply[:20])
        self.miner.end()
        self.assertEqual(self.upstream.read_end(), b"")
        self.upstream.send(reply[20:])
        result = task.result()
        if self.released():
            self.skipTest("it took longer than 50 ms")
        self.assertEqual((result["answer"].encode() + b"\n", result["withheld"]), (reply, True))
        self.tell_through(NOTIFY)
        self.upstream.end()
        self.miner.read_end()
        self.ended = True
        self.end_archive_check(1, 1)

    def test_what_is_held_goes_with_its_session_and_is_counted(self):
        task, _ = self.inject()
        self.upstream.send(NOTIFY[:20])
        wait_until(lambda: self.recorder.counters()["bytes_from_pools"] == self.upstream.sent.length, "it is there")
        self.recorder.ask("disconnect", session=self.session)
        self.miner.read_any_end()
        self.assertIn("error", task.result())
        self.recorder.wait_sessions(0)
        counters = self.recorder.counters()
        self.assertEqual(counters["bytes_to_miners"], self.miner.received.length)
        self.assertEqual(counters["bytes_from_pools"] - counters["bytes_to_miners"], counters["bytes_dropped"])
        self.assertEqual(counters["bytes_dropped"], 0 if self.released() else 20)

    def test_a_held_line_above_64_kib_passes(self):
        task, number = self.inject()
        long_line = b'{"id":null,"method":"mining.notify","params":["' + b"0" * 300000 + b'"]}\n'
        self.tell_through(long_line)
        self.assertEqual(self.released(), 1)
        self.upstream.send(answer(number))
        self.answered(task, answer(number))
        self.end_archive_check(1, 1)

    def test_a_line_without_end_passes(self):
        task, number = self.inject()
        self.tell_through(b"x" * 3000000)
        self.assertEqual(self.released(), 1)
        self.upstream.send(b"\n" + answer(number))
        self.meant.add(b"\n")
        self.assertEqual(self.miner.read(1), b"\n")
        self.answered(task, answer(number))
        self.end_archive_check(1, 1)


class Refusals(InjectCase):
    def refused(self, line, reason):
        result = self.ask(line).result()
        self.assertEqual(list(result), ["error"])
        self.assertIn(reason, result["error"])

    def test_a_stream_that_is_no_text(self):
        self.speak(b"\0\1\2\3")
        self.refused(SUBMIT, "not text")
        self.end_archive_check(0, 0)

    def test_half_closed(self):
        self.miner.end()
        self.assertEqual(self.upstream.read_end(), b"")
        self.refused(SUBMIT, "ended")
        self.upstream.end()
        self.miner.read_end()
        self.ended = True
        self.end_archive_check(0, 0)

    def test_lines_that_are_none(self):
        for line in ("", "[]", "{}", '{"id":1}', '{"method":5}', "{", '{"method":"a"}\n{}', "5"):
            with self.subTest(line=line):
                self.refused(line, "expected one JSON object")
        self.refused(json.dumps({"method": "a", "params": ["x" * 65536]}), "64 KiB")
        self.assertTrue(self.upstream.is_silent())
        self.end_archive_check(0, 0)

    def test_no_such_session(self):
        for name in ("", "no", 0, -1, 999, "999", None, {}, "00000000-0000-7000-8000-000000000000"):
            with self.subTest(name=name):
                result = self.recorder.ask("inject", session=name, line=SUBMIT.decode())
                self.assertIn("session", result["error"])

    def test_a_session_without_pool(self):
        self.pool.close()
        hole = self.connect(self.recorder)
        hole.read_any_end()
        self.recorder.wait_sessions(1)
        number = self.recorder.sessions("all")[-1]["number"]
        result = self.recorder.ask("inject", session=number, line=SUBMIT.decode())
        self.assertIn("error", result)

    def test_turns_opaque_while_an_answer_is_awaited(self):
        """Both streams begin with us; then the pool turns out to speak something else."""
        task, number = self.inject()
        self.tell_through(b"\xff\xfe\0\0\1" * 100)
        self.tell_through(answer(number))
        self.upstream.end()
        self.miner.read_end()
        self.miner.end()
        self.upstream.read_end()
        self.ended = True
        self.assertIn("error", task.result())
        self.end_archive_check(1, 0)


if __name__ == "__main__":
    unittest.main()
