"""`hashscope export` as packets: messages of every size, sessions that never connected, that were cut
by a crash, that lie over several files, injected lines, gaps, filters, links; read by the real tools.
"""
import ctypes
import ctypes.util
import os
import shutil
import struct
import subprocess
import unittest

from tests.integration.export_recording import (DOWN, INJECT, UP, WITHHELD, Recording,
                                                joined)
from tests.integration.export_support import (LOSS, TSHARK, ExportCase, export, fields, follow,
                                              streams)

SYN_COMMENT = "tcp.flags.syn == 1 && tcp.flags.ack == 0"


def capinfos(path):
    out = subprocess.run(["capinfos", "-M", path], stdout=subprocess.PIPE, check=True,
                         stderr=subprocess.DEVNULL).stdout.decode()
    return dict((part.strip() for part in line.split(":", 1)) for line in out.splitlines()
                if ":" in line and not line.startswith(" "))


def blocks(path):
    """(type, body) of each block of a pcapng."""
    with open(path, "rb") as file:
        data = file.read()
    at = 0
    while at < len(data):
        kind, size = struct.unpack_from("<II", data, at)
        yield kind, data[at + 8:at + size - 4]
        at += size


def options_at(body, at):
    found = []
    while at < len(body):
        code, size = struct.unpack_from("<HH", body, at)
        if code == 0:
            break
        found.append((code, body[at + 4:at + 4 + size]))
        at += 4 + (size + 3) // 4 * 4
    return found


def drop_counts(path):
    """epb_dropcount of each packet; 0: none."""
    counts = []
    for kind, body in blocks(path):
        if kind == 6:
            size = struct.unpack_from("<I", body, 12)[0]
            options = dict(options_at(body, 20 + (size + 3) // 4 * 4))
            counts.append(int.from_bytes(options.get(4, b""), "little"))
    return counts


class PacketsTest(ExportCase):
    def setUp(self):
        super().setUp()
        self.recording = Recording(self.data_dir)

    def start(self, **more):
        session = self.recording.open(**more)
        self.recording.now += 1000
        self.recording.connect(session)
        self.recording.now += 1000
        return session

    def export(self, *arguments, name="out.pcapng"):
        self.recording.rotate()
        path = self.path(name)
        export(self.data_dir, "-o", path, *arguments)
        return path

    def check(self, path, more=()):
        """One conversation a session: streams, followed ones, nothing to complain of."""
        expected = self.expected_pool_streams(self.recording.sessions)
        found = self.check_streams(path, expected)
        self.check_follow(path, found, expected, found)
        self.assert_flawless(path, more)
        return found

    # ---- sizes

    def test_messages_of_every_size(self):
        session = self.start()
        for size in (0, 1, 65494, 65495, 65496, 130990, 130991, 5_000_000):
            for direction in (UP, DOWN):
                self.recording.now += 1000
                self.recording.say(session, direction, b"x" * size)
        path = self.export()
        self.check(path)
        longest = max(int(size) for size, in fields(path, "tcp.len"))
        self.assertEqual(longest, 65495)

    def test_a_message_is_pushed_with_its_last_segment(self):
        session = self.start()
        self.recording.say(session, UP, b"x" * 70000)
        path = self.export()
        rows = fields(path, "tcp.len", "tcp.flags.push", "frame.comment", display="tcp.len > 0")
        self.assertEqual([row[:2] for row in rows], [["65495", "0"], ["4506", "1"]])
        self.assertEqual(rows[0][2], "")
        self.assertIn(f"seq=3 session={session.uuid} dir=miner_to_pool", rows[1][2])

    def test_mtu(self):
        session = self.start()
        other = self.start(miner=("2001:db8::7", 50001), pool=("2001:db8::9", 3333))
        for each in (session, other):
            self.recording.say(each, UP, b"x" * 5000)
        path = self.export("--mtu", "1500")
        self.check(path)
        self.assertEqual(max(int(size) for size, in fields(path, "frame.len")), 1500)

    # ---- how sessions begin and end

    def test_handshake_and_end(self):
        session = self.start()
        self.recording.request(session, 1)
        self.recording.now += 500
        self.recording.answer(session)
        self.recording.close(session, "pool", "end")
        path = self.export()
        rows = fields(path, "tcp.flags.str", "tcp.seq", "tcp.ack", "tcp.srcport")
        self.assertEqual([(flags.strip("·"), int(seq), int(ack), port) for flags, seq, ack, port
                          in rows], [
            ("S", 0, 0, "30001"), ("A··S", 0, 1, "3333"), ("A", 1, 1, "30001"),
            ("AP", 1, 1, "30001"), ("AP", 1, 70, "3333"),
            ("A···F", 37, 70, "3333"), ("A···F", 70, 38, "30001"), ("A", 38, 71, "3333")])
        comments = [row[0] for row in fields(path, "frame.comment")]
        self.assertIn("synthesised handshake: seq=1", comments[0])
        self.assertIn("event=opened route=main number=1 miner=10.0.0.1:30001 ", comments[0])
        self.assertIn("event=pool_connected pool=pool.example.com:3333", comments[1])
        self.assertIn("ts=2026-", comments[1])
        self.assertTrue(comments[4].endswith(" re=3 latency_us=500 method=mining.submit"),
                        comments[4])
        self.assertIn("by=pool reason=end bytes_up=69 bytes_down=36", comments[5])
        self.check(path)

    def test_reset(self):
        session = self.start()
        self.recording.request(session, 1)
        self.recording.close(session, "miner", "reset")
        path = self.export()
        last = fields(path, "tcp.flags.reset", "tcp.srcport")[-1]
        self.assertEqual(last, ["1", "30001"])
        self.check(path)

    def test_never_connected(self):
        session = self.recording.open()
        self.recording.say(session, UP, b'{"id":1,"method":"mining.subscribe","params":[]}')
        self.recording.close(session, "hashscope", "refused: connection refused")
        silent = self.recording.open()
        self.recording.close(silent, "hashscope", "timeout")
        path = self.export()
        found = self.check(path)
        self.assertEqual({two for _, two, _ in found.values()}, {("10.200.0.2", 3333)})
        self.assertIn('reason="refused: connection refused"',
                      "\n".join(row[0] for row in fields(path, "frame.comment")))
        both = self.export("--sides", "both", name="both.pcapng")
        self.check_streams(both, self.expected_both_streams(self.recording.sessions))
        self.assert_flawless(both)

    def test_over_several_files_and_a_crash(self):
        sessions = [self.start() for _ in range(3)]
        for turn in range(6):
            for session in sessions:
                self.recording.now += 1000
                self.recording.request(session, turn)
                self.recording.answer(session)
            if turn % 2:
                self.recording.rotate()
        for session in sessions[1:]:
            self.recording.close(session, "hashscope", "crash")
        path = self.export()
        self.check(path)
        self.assertEqual(len(fields(path, "frame.number", display="tcp.flags.reset == 1")), 2)

    def test_begun_before(self):
        session = self.start()
        self.recording.request(session, 1)
        self.recording.answer(session)
        self.recording.rotate()
        self.recording.now += 10**7
        first = self.recording.seq + 1
        self.recording.request(session, 2)
        path = self.export("--first-seq", str(first))
        comment, = [row[0] for row in fields(path, "frame.comment", display=SYN_COMMENT)]
        self.assertIn("of a session that began earlier: ", comment)
        self.assertIn("event=state", comment)
        self.assertIn("opened=2026-11-22T", comment)
        self.assertIn("bytes_up=69 bytes_down=36", comment)
        self.assertNotIn("notify", comment)
        _, _, data = streams(path)[0]
        self.assertEqual(data[session.miner], b"".join(session.pool_side[UP][1:]))
        raw = [row[0] for row in fields(path, "tcp.seq_raw", display="tcp.len > 0")]
        whole = self.export(name="whole.pcapng")
        self.assertEqual(raw, [row[0] for row in fields(whole, "tcp.seq_raw",
                                                        display="tcp.len > 0")][2:])
        self.assert_flawless(path)

    # ---- what is missing

    def test_gap(self):
        session = self.start()
        self.recording.request(session, 1)
        self.recording.lose([(session, UP, 500), (session, DOWN, 900), (session, DOWN, 100)])
        self.recording.request(session, 2)
        self.recording.answer(session)
        self.recording.close(session)
        path = self.export()
        self.check(path, LOSS)
        comments = "\n".join(row[0] for row in fields(path, "frame.comment"))
        self.assertIn("lost_bytes=500", comments)
        self.assertIn("lost_bytes=1000", comments)
        self.assertIn('event=gap lost=3 first_lost=4 bytes=1500 reason="ring overrun"', comments)
        self.assertEqual([drop for drop in drop_counts(path) if drop], [3])
        text = follow(path, [0])[0][1]
        self.assertIn(b"500 bytes missing", text[0])
        self.assertIn(b"1000 bytes missing", text[1])

    def test_a_session_that_nobody_introduced(self):
        session = self.start()
        self.recording.rotate()
        self.recording.request(session, 1)
        self.recording.answer(session)
        self.recording.rotate()
        os.remove(os.path.join(self.recording.folder, min(os.listdir(self.recording.folder))))
        path = self.export()
        self.check(path)  # from the line `state`
        self.recording.introduce(self.start())
        stranger = self.recording.sessions[-1]
        self.recording.end_frame()
        self.recording.frames.clear()  # opened and pool_connected are lost
        self.recording.request(stranger, 2)
        path = self.export()
        found = {entry[0][0]: entry for entry in streams(path).values()}
        _, pool, data = found["192.0.2.1"]
        self.assertEqual(pool, ("192.0.2.2", 3333))
        self.assertIn(joined(stranger.pool_side[UP]), data.values())
        self.assert_flawless(path)

    def test_the_clock_was_set(self):
        session = self.start()
        self.recording.request(session, 1)
        self.recording.put('"event":"clock_step","step_us":-3600000000')
        self.recording.now -= 3600 * 10**6
        session.last_request = (*session.last_request[:2], self.recording.now)
        self.recording.answer(session)
        self.recording.close(session)
        path = self.export()
        self.check(path)
        comments = fields(path, "frame.comment", aggregator="~", display="tcp.len > 0")
        self.assertRegex(comments[1][0], r"~ts=\S+Z seq=4 event=clock_step step_us=-3600000000")

    def test_libpcap_reads_it(self):
        name = ctypes.util.find_library("pcap")
        if not name:
            self.skipTest("no libpcap")
        for miner in (None, ("2001:db8::7", 50001)):
            session = self.start(miner=miner)
            self.recording.request(session, 1)
            self.recording.close(session)
        for arguments in (("--sides", "both"), ()):
            self.check_with_libpcap(name, self.export(*arguments))

    def check_with_libpcap(self, name, path):
        library = ctypes.CDLL(name)
        library.pcap_open_offline.restype = ctypes.c_void_p
        library.pcap_geterr.restype = ctypes.c_char_p
        fault = ctypes.create_string_buffer(256)
        capture = ctypes.c_void_p(library.pcap_open_offline(path.encode(), fault))
        self.assertTrue(capture.value, fault.value)
        head, data, count = ctypes.c_void_p(), ctypes.c_void_p(), 0
        while (code := library.pcap_next_ex(capture, ctypes.byref(head),
                                            ctypes.byref(data))) == 1:
            count += 1
        self.assertEqual(code, -2, library.pcap_geterr(capture))
        library.pcap_close(capture)
        self.assertEqual(count, len(fields(path, "frame.number")))
        self.assertGreater(count, 0)

    # ---- sides

    def test_injected_lines(self):
        session = self.start()
        self.recording.request(session, 1)
        self.recording.say(session, INJECT, b'{"id":9,"method":"mining.submit","params":[]}')
        self.recording.say(session, WITHHELD, b'{"id":9,"result":true,"error":null}')
        self.recording.answer(session)
        path = self.export()
        self.check(path)
        both = self.export("--sides", "both", name="both.pcapng")
        expected = self.expected_both_streams([session])
        self.check_follow(both, self.check_streams(both, expected), expected, [0, 1])
        self.assert_flawless(both)

    def test_copies_on_both_sides_carry_the_same_id(self):
        session = self.start()
        self.recording.request(session, 1)
        self.recording.answer(session)
        self.recording.close(session)
        path = self.export("--sides", "both")
        rows = fields(path, "frame.interface_name", "frame.packet_id", "tcp.payload",
                      "frame.packet_flags_direction", display="tcp.len > 0")
        self.assertEqual([row[0] for row in rows], ["miner", "pool", "pool", "miner"])
        self.assertEqual(rows[0][1:3], rows[1][1:3])
        self.assertEqual(rows[2][1:3], rows[3][1:3])
        self.assertNotEqual(rows[0][1], rows[2][1])
        self.assertEqual([int(row[3], 0) for row in rows], [1, 2, 1, 2])

    def test_what_is_said_before_the_pool_answers_waits_for_it(self):
        session = self.recording.open()
        self.recording.say(session, UP, b'{"id":1,"method":"mining.subscribe","params":[]}')
        self.recording.now += 70000
        self.recording.connect(session)
        path = self.export("--sides", "both")
        expected = self.expected_both_streams([session])
        self.check_streams(path, expected)
        rows = fields(path, "frame.interface_name", "frame.time_relative", display="tcp.len > 0")
        self.assertEqual([(name, round(float(time), 3)) for name, time in rows],
                         [("miner", 0.0), ("pool", 0.07)])
        self.assert_flawless(path)

    # ---- addresses

    def test_mixed_families(self):
        six, four = ("2001:db8::7", 50001), None
        for miner, pool in ((six, "203.0.113.9"), (four, "2001:db8::9"), (six, "2001:db8::9")):
            session = self.start(miner=miner and (miner[0], miner[1] + len(pool)),
                                 pool=(pool, 3333))
            self.recording.request(session, 1)
            self.recording.answer(session)
            self.recording.close(session)
        path = self.export()
        found = self.check(path)
        self.assertIn(("::ffff:10.0.0.2", 30002), {one for one, _, _ in found.values()})

    def test_names_of_pools(self):
        session = self.start()
        self.recording.request(session, 1)
        path = self.export()
        run = subprocess.run([word for word in TSHARK if word != "-n"] + [
            "-r", path, "-N", "n", "-o", "nameres.use_external_name_resolver:FALSE", "-T",
            "fields", "-e", "ip.dst_host"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            check=True)
        self.assertIn("pool.example.com", run.stdout.decode().split())

    # ---- links and other tools

    def test_ethernet(self):
        session = self.start()
        other = self.start(miner=("2001:db8::7", 50001), pool=("2001:db8::9", 3333))
        for each in (session, other):
            self.recording.say(each, UP, b"x" * 5000)
            self.recording.close(each)
        path = self.export("--link", "ethernet")
        self.check(path)
        self.assertEqual(capinfos(path)["File encapsulation"], "ether")
        if shutil.which("tcprewrite"):
            pcap = self.export("--link", "ethernet", name="out.pcap")
            subprocess.run(["tcprewrite", "--infile", pcap, "--outfile", self.path("new.pcap"),
                            "--fixcsum"], check=True, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
            with open(pcap, "rb") as old, open(self.path("new.pcap"), "rb") as new:
                self.assertEqual([row for row in fields(pcap, "tcp.checksum")],
                                 [row for row in fields(self.path("new.pcap"), "tcp.checksum")])
                self.assertEqual(len(old.read()), len(new.read()))

    def test_pcap_says_the_same(self):
        session = self.start()
        self.recording.request(session, 1)
        self.recording.close(session)
        one, two = self.export(), self.export(name="out.pcap")
        self.check(two)
        names = ("frame.time_epoch", "ip.src", "tcp.seq_raw", "tcp.ack_raw", "tcp.payload")
        self.assertEqual(fields(one, *names), fields(two, *names))
        with open(two, "rb") as file:
            self.assertEqual(file.read(4), bytes.fromhex("4d3cb2a1"))

    def test_editcap_and_mergecap_take_it(self):
        session = self.start()
        self.recording.request(session, 1)
        self.recording.close(session)
        path = self.export("--sides", "both")
        info = capinfos(path)
        self.assertTrue(info["Capture application"].startswith("HashScope "), info)
        self.assertEqual(info["Number of interfaces in file"], "2")
        self.assertEqual(info["Strict time order"], "True")
        for command in (["editcap", path, self.path("a.pcapng")],
                        ["mergecap", "-w", self.path("b.pcapng"), path, path]):
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        self.assertEqual(fields(path, "frame.comment", "tcp.payload"),
                         fields(self.path("a.pcapng"), "frame.comment", "tcp.payload"))

    # ---- filters

    def test_capture_filter(self):
        one, two = self.start(), self.start()
        for session in (one, two):
            self.recording.request(session, 1)
        path = self.export("--filter", f"host {two.miner[0]} and tcp port 3333")
        self.assertEqual({row[0] for row in fields(path, "ip.src")}, {two.miner[0], two.pool[0]})
        run = export(self.data_dir, "-o", path, "--filter", "host and port", check=False)
        self.assertEqual(run.returncode, 2)
        self.assertIn('capture filter "host and port"', run.stderr.decode())

    def test_filtered_messages_are_numbered_anew(self):
        session = self.start()
        for number in range(3):
            self.recording.say(session, DOWN, b'{"id":null,"method":"mining.notify","params":[]}')
            self.recording.request(session, number)
            self.recording.answer(session)
        self.recording.rotate()
        self.recording.request(session, 9)
        self.recording.close(session)
        path = self.export("--method", "submit")
        _, _, data = streams(path)[0]
        self.assertEqual(data[session.miner], b"".join(session.pool_side[UP]))
        self.assertEqual(data[session.pool], b"")
        self.assert_flawless(path)
        answered = self.export("--method", "submit", "--answers", name="answers.pcapng")
        _, _, data = streams(answered)[0]
        self.assertEqual(data[session.pool], b"".join(session.pool_side[DOWN][1::2]))
        self.assert_flawless(answered)

    def test_a_session_and_a_time(self):
        one, two = self.start(), self.start()
        for session in (one, two):
            self.recording.now += 10**6
            self.recording.request(session, 1)
        path = self.export("--session", two.uuid)
        self.assertEqual([entry[0] for entry in streams(path).values()], [two.miner])
        self.assert_flawless(path)
        late = self.export("--since", "2026-11-22T02:00:01.5Z", name="late.pcapng")
        self.assertEqual([entry[0] for entry in streams(late).values()], [two.miner])
        self.assertIn("began earlier", fields(late, "frame.comment")[0][0])
        early = self.export("--until", "2026-11-22T02:00:01.5Z", name="early.pcapng")
        data = {entry[0]: entry[2] for entry in streams(early).values()}
        self.assertEqual(data[one.miner][one.miner], b"".join(one.pool_side[UP]))
        self.assertEqual(data[two.miner][two.miner], b"")

    def test_reproducible(self):
        session = self.start()
        self.recording.request(session, 1)
        self.recording.close(session)
        texts = []
        for name in ("a.pcapng", "b.pcapng"):
            with open(self.export("--reproducible", name=name), "rb") as file:
                texts.append(file.read())
        self.assertEqual(texts[0], texts[1])
        self.assertNotIn(os.uname().release.encode(), texts[0])

    def test_masked_passwords(self):
        session = self.start()
        for line in (b'{"id":2,"method":"mining.authorize","params":["farm.1","secret"]}',
                     b'{"id":1,"method":"login","params":{"login":"4A","pass":"secret"}}'):
            self.recording.say(session, UP, line)
        self.recording.close(session)
        path = self.export("--mask-passwords")
        _, _, data = streams(path)[0]
        self.assertEqual(data[session.miner],
                         b"".join(session.pool_side[UP]).replace(b"secret", b"xxxxxx"))
        self.assert_flawless(path)


if __name__ == "__main__":
    unittest.main()
