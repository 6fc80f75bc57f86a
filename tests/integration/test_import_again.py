"""Export, import, export again: the same bytes, file for file. What is exported are recordings of
the simulators and of peers that misbehave, with loss, over several segments and a restart."""
import os
import subprocess

from tests.integration import fixed_archive
from tests.integration.captures import SUBSCRIBE, SUBSCRIBED, submit
from tests.integration.front import FrontCase
from tests.integration.harness import Task, program, wait_until
from tests.integration.imports import clean_environment
import json

SAMPLES = os.path.abspath("samples/captures")
ODD = [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)),
    b"GET / HTTP/1.1\r\nHost: pool\r\n\r\n",
    SUBSCRIBE[:-1] + b"\r\n" + submit(7) + b"\n" + b'{"id":8,"method":"mining.submit","par',
    b"mining.subscribe garbage\n\xff\xfe not text\n" + submit(9) * 3,
]


class Again(FrontCase):
    def setUp(self):
        super().setUp()
        self.count = 0

    def front(self, *arguments, code=0):
        done = subprocess.run([program("hashscope"), arguments[0], "--data-dir", self.data_dir,
                               *map(str, arguments[1:])], cwd=self.folder, env=clean_environment(),
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=120, check=False)
        self.assertEqual(done.returncode, code, (arguments, done.stderr[-1000:]))
        return done.stdout

    def export(self, *options, form="pcapng"):
        self.count += 1
        path = os.path.join(self.folder, f"export-{self.count}.{form}")
        self.front("export", "-o", path, "--reproducible", *options)
        return path

    def import_again(self, path, *options):
        return json.loads(self.front("import", "--json", "--force", *options, path))["instance"]

    def assert_same_files(self, one, other):
        with open(one, "rb") as file:
            left = file.read()
        with open(other, "rb") as file:
            right = file.read()
        if left == right:
            return
        texts = [subprocess.run(["tshark", "-r", path, "-V"], stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL, check=False).stdout.decode().split("\n")
                 for path in (one, other)]
        for number, (a, b) in enumerate(zip(*texts)):
            if a != b:
                self.fail(f"{one} and {other} differ at line {number}:\n{a}\n{b}")
        self.fail(f"{one} ({len(left)}) and {other} ({len(right)}) differ")

    def assert_round(self, choice=(), shape=(), form="pcapng"):
        """Exports what is chosen, imports it, exports it with the same options."""
        first = self.export(*choice, *shape, form=form)
        extra = ["--all"] if form == "pcap" else []
        instance = self.import_again(first, *extra)
        self.front("verify", "--series", instance)
        again = self.export("--series", instance, *choice, *shape, form=form)
        self.assert_same_files(first, again)
        return instance

    def lines(self, *options):
        return self.front("cat", "--json", *options).splitlines()

    # ---- recordings

    def write_gaps(self, jump):
        """Lines as the recorder writes them when it has lost some: numbers, bytes, the clock."""
        farm, other = fixed_archive.FARM_1, fixed_archive.FARM_2
        line, message = fixed_archive.line, fixed_archive.message
        state = ('"event":"state","route":"main","number":1,"miner":"10.0.0.7:50001","listen":'
                 '"10.0.0.2:3333","miner_tls":false,"pool":"pool.example.com:3333","address":'
                 '"203.0.113.9:3333","local":"10.0.0.2:40112","pool_tls":false,"opened":'
                 '"2026-11-22T03:10:00.000000Z","bytes_up":%d,"bytes_down":%d,"as_of":%d')
        lines = [
            fixed_archive.opened("03:10:00.000000", 1, farm, 1, "10.0.0.7:50001"),
            fixed_archive.connected("03:10:00.002000", 2, farm),
            message("03:10:01.000000", 3, farm, True, fixed_archive.submit(1)),
            message("03:10:01.100000", 4, farm, False, '{"id":1,' + fixed_archive.OK, (3, 99123),
                    ',"fwd_us":1500'),
            line("03:10:02.000000", 5, None, '"event":"clock_step","step_us":-250000'),
            line("03:10:03.000000", 20, None, '"event":"gap","lost":14,"first_lost":6,'
                 '"bytes":9120,"reason":"ring overrun while the disk was full"', "at"),
            line("03:10:03.000000", 20, farm, state % (5_000, 100_000, 5), "at"),
            message("03:10:03.000000", 20, farm, True, fixed_archive.submit(9)),
            message("03:10:03.200000", 21, farm, False, '{"id":9,' + fixed_archive.OK, (20, 200000)),
            line("03:10:04.000000", 40, None, '"event":"gap","lost":18,"first_lost":22,'
                 '"reason":"power_loss"'),
            line("03:10:05.000000", 41, farm, state % (5_500, jump, 40), "at"),
            message("03:10:05.000000", 41, farm, False, fixed_archive.NOTIFY),
            fixed_archive.opened("03:10:06.000000", 42, other, 2, "[2001:db8::7]:50002"),
            line("03:10:07.000000", 43, other, '"event":"closed","by":"hashscope","reason":'
                 '"refused: no \\"pool\\" = here","bytes_up":0,"bytes_down":0'),
            line("03:10:08.000000", 44, farm, '"event":"closed","by":"miner","reason":"end",'
                 '"bytes_up":7000,"bytes_down":%d' % (jump + 500)),
        ]
        lines = [text.replace(',"session":"None"', "") for text in lines]
        fixed_archive.write(self.data_dir, [[lines]])

    def record_sims(self, recorder):
        self.sim_miner(recorder.port, "--shares", 6, "--miners", 3)

    def record_odd(self, recorder, pool):
        for index, data in enumerate(ODD):
            miner, upstream = self.join(recorder, pool)
            miner.send(data)
            wait_until(lambda u=upstream, d=data: len(u.read(len(d))) or True, "bytes pass")
            upstream.send(SUBSCRIBED + data[::-1])
            miner.read(len(SUBSCRIBED + data))
            if index % 2:
                miner.reset()
                upstream.read_any_end()
            else:
                upstream.end()
                miner.read_end()
                miner.end()
                upstream.read_end()

    def record_long(self, recorder, pool):
        """A message of several packets, one in fragments, and no end."""
        miner, upstream = self.join(recorder, pool)
        for size in (65_495, 65_496, 300_000, 9_000_000):
            line = b'{"id":1,"method":"mining.submit","params":["' + b"a" * size + b'"]}\n'
            speaker = Task(miner.send, line)
            upstream.read(len(line))
            speaker.result()
        miner.end()
        upstream.read_end()
        upstream.end()

    def both_rounds(self, **more):
        for shape in ((), ("--sides", "both"), ("--link", "ethernet"), ("--mtu", "1400")):
            with self.subTest(shape=shape):
                self.assert_round(shape=shape, **more)

    def test_of_the_simulators(self):
        pool = self.sim_pool("--get-version", "--show-message", "hello", "--reject-percent", "30")
        recorder = self.start(pool)
        self.record_sims(recorder)
        self.finish(recorder)
        self.both_rounds()
        for shape in ((), ("--link", "ethernet"), ("--mtu", "1400")):
            self.assert_round(shape=shape, form="pcap")

    def test_of_the_samples(self):
        """The captures that come with the sources: what they were made of comes back."""
        names = sorted(name for name in os.listdir(SAMPLES) if name.endswith(".pcapng"))
        self.assertGreater(len(names), 3)
        for name in names:
            path = os.path.join(SAMPLES, name)
            with self.subTest(name=name):
                instance = self.import_again(path)
                recorded = subprocess.run(
                    [program("hashscope"), "cat", "--json", "--data-dir", path[:-len(".pcapng")]],
                    env=clean_environment(), stdout=subprocess.PIPE, check=True).stdout
                self.assertEqual(self.lines("--series", instance), recorded.splitlines())
                self.assert_same_files(path, self.export("--series", instance))

    def test_of_gaps(self):
        self.write_gaps(4_000_000_000)
        self.both_rounds()

    def test_of_gaps_without_comments(self):
        self.write_gaps(900_000_000)
        self.assert_round(form="pcap")

    def test_of_lines_that_were_injected(self):
        pool = self.new_pool()
        recorder = self.start(pool)
        miner, upstream = self.join(recorder, pool)
        miner.send(SUBSCRIBE)
        upstream.read_line()
        session = wait_until(lambda: [s for s in recorder.sessions() if s["state"] == "open"],
                             "it is open")[0]["session"]
        task = Task(lambda: recorder.ask("inject", session=session, line=submit(5).decode().strip()))
        number = json.loads(upstream.read_line())["id"]
        upstream.send(b'{"id":%d,"result":true,"error":null}\n' % number)
        self.assertTrue(task.result()["withheld"])
        upstream.send(SUBSCRIBED)
        miner.read(len(SUBSCRIBED))
        miner.end()
        upstream.read_end()
        upstream.end()
        miner.read_end()
        self.finish(recorder)
        self.both_rounds()
        instance = self.import_again(self.export("--sides", "both"))
        self.assertEqual(self.lines("--series", instance), self.lines())

    def test_lines_are_the_same(self):
        recorder = self.start(self.sim_pool("--batch", "--crlf"))
        self.record_sims(recorder)
        self.finish(recorder)
        for shape in ((), ("--sides", "both")):
            instance = self.import_again(self.export(*shape))
            self.assertEqual(self.lines("--series", instance), self.lines())

    def test_of_what_is_no_stratum(self):
        pool = self.new_pool()
        recorder = self.start(pool)
        self.record_odd(recorder, pool)
        self.finish(recorder)
        self.both_rounds()
        instance = self.import_again(self.export())
        self.assertEqual(self.lines("--series", instance), self.lines())

    def test_of_lines_that_were_typed(self):
        """In pieces, and as a whole; of a part, where pieces are missing, no byte is lost."""
        pool = self.new_pool()
        recorder = self.start(pool)
        miner, upstream = self.join(recorder, pool)
        whole = submit(5)
        for number, part in enumerate((whole[:20], whole[20:40]), 1):
            miner.send(part)
            upstream.read(len(part))
            recorder.wait_counter("messages", number)
        miner.send(whole[40:] + whole)
        upstream.read(len(whole[40:] + whole))
        miner.end()
        upstream.read_end()
        upstream.end()
        self.finish(recorder)
        self.both_rounds()
        instance = self.import_again(self.export())
        self.assertEqual(self.lines("--series", instance), self.lines())
        self.assertEqual(sum(b'"before":40,' in line for line in self.lines()), 1)
        part = self.import_again(self.export("--first-seq", "4"))
        self.assertEqual(sum(b'"frag":0,"last":true' in line
                             for line in self.lines("--series", part)), 1)

    def test_of_long_messages(self):
        pool = self.new_pool()
        recorder = self.start(pool)
        self.record_long(recorder, pool)
        self.finish(recorder)
        self.assert_round()
        self.assert_round(shape=("--sides", "both"))

    def test_of_a_part(self):
        """Of time and of sessions: others began before, and numbers are missing."""
        recorder = self.start(self.sim_pool())
        self.record_sims(recorder)
        self.record_sims(recorder)
        self.finish(recorder)
        lines = [json.loads(line) for line in self.lines()]
        middle = lines[len(lines) // 3]
        sessions = sorted({line["session"] for line in lines if "session" in line})
        for choice in (("--since", middle["ts"]), ("--until", middle["ts"]),
                       ("--first-seq", middle["seq"]), ("--session", sessions[0]),
                       ("--session", ",".join(sessions[::2])), ("--method", "submit"),
                       ("--dir", "pool_to_miner"), ("--mask-passwords",)):
            with self.subTest(choice=choice):
                self.assert_round(choice)

    def test_of_sessions_begun_in_an_earlier_segment(self):
        """Their state stands in front of a line that is not exported."""
        farm, line, message = fixed_archive.FARM_1, fixed_archive.line, fixed_archive.message
        state = line("03:11:00.000000", 5, farm, (
            '"event":"state","route":"main","number":1,"miner":"10.0.0.7:50001","listen":'
            '"10.0.0.2:3333","miner_tls":false,"pool":"pool.example.com:3333","address":'
            '"203.0.113.9:3333","local":"10.0.0.2:40112","pool_tls":false,"opened":'
            '"2026-11-22T03:10:00.000000Z","bytes_up":%d,"bytes_down":%d'
            % (len(fixed_archive.submit(1)) + 1, len('{"id":1,' + fixed_archive.OK) + 1)), "at")
        fixed_archive.write(self.data_dir, [
            [[fixed_archive.opened("03:10:00.000000", 1, farm, 1, "10.0.0.7:50001"),
              fixed_archive.connected("03:10:00.002000", 2, farm),
              message("03:10:01.000000", 3, farm, True, fixed_archive.submit(1)),
              message("03:10:01.100000", 4, farm, False, '{"id":1,' + fixed_archive.OK,
                      (3, 100000))]],
            [[state, *(message(f"03:11:0{n}.000000", 5 + n, farm, True, fixed_archive.submit(n))
                       for n in range(4))]]])
        self.assert_round(("--first-seq", 7))
        self.assert_round(("--since", "2026-11-22T03:11:02Z"), ("--sides", "both"))

    def test_over_a_restart(self):
        pool = self.sim_pool()
        for _ in range(2):
            recorder = self.start(pool)
            self.record_sims(recorder)
            self.finish(recorder)
        self.both_rounds()

    def test_of_a_pool_that_never_answered(self):
        pool = self.new_pool()
        port = pool.port
        pool.close()
        recorder = self.start(None, POOL_HOST="127.0.0.1", POOL_PORT=port)
        miner = self.connect(recorder)
        miner.send(SUBSCRIBE)
        miner.read_any_end()
        self.finish(recorder)
        self.both_rounds()
