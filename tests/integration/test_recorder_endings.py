"""How sessions end and how they begin: half-close, reset, pools that are down, slow, silent or die,
miners that vanish, backups, routes."""
import os
import pty
import select
import signal
import socket
import subprocess
import sys
import time
import unittest

from tests.integration.harness import (MIB, PATIENCE, Blackhole, Peer, RecorderCase, Task,
                                       free_port, program, wait_until)

LINE = b'{"id":1,"method":"mining.subscribe","params":[]}\n'
ANSWER = b'{"id":1,"result":true,"error":null}\n'


class HalfClose(RecorderCase):
    def setUp(self):
        super().setUp()
        self.pool = self.new_pool()
        self.recorder = self.start(self.pool)
        self.miner, self.upstream = self.join(self.recorder, self.pool)

    def check(self, first, other):
        """`first` says its last word, the other goes on for a while."""
        first.send(LINE).end()
        self.assertEqual(other.read_end(), LINE)
        for _ in range(20):
            other.send(ANSWER * 1000)
            self.assertEqual(first.read(len(ANSWER) * 1000), ANSWER * 1000)
        self.assertEqual(self.recorder.status()["sessions_open"], 1)
        other.send(b"the end").end()
        self.assertEqual(first.read_end(), b"the end")
        self.recorder.wait_sessions(0)
        archive = self.finish(self.recorder)
        session = self.assert_same_streams(archive, self.miner, self.upstream)
        return archive.closed(session)

    def test_by_the_miner(self):
        self.assertEqual(self.check(self.miner, self.upstream), ("miner", "end"))

    def test_by_the_pool(self):
        self.assertEqual(self.check(self.upstream, self.miner), ("pool", "end"))

    def test_with_much_on_its_way(self):
        """The FIN stays behind more than the kernel holds, which nobody reads at first."""
        data = LINE * (64 * MIB // len(LINE))
        sent = self.miner.send_until_stuck(data, 0.3)
        self.assertLess(sent, len(data), "all of it went into the kernel's buffers")
        self.upstream.send(ANSWER).end()
        self.assertEqual(self.miner.read_end(), ANSWER)
        reader_total = self.upstream.skip(sent)
        rest = len(LINE) - sent % len(LINE)
        self.miner.send(data[sent:sent + rest]).end()
        self.assertEqual(reader_total + self.upstream.skip(), sent + rest)
        self.recorder.wait_sessions(0)
        archive = self.finish(self.recorder)
        self.assert_same_streams(archive, self.miner, self.upstream)


class Reset(RecorderCase):
    def check(self, by, first, other, recorder):
        first.send(LINE)
        other.read_line()
        first.reset()
        other.read_reset()
        recorder.wait_sessions(0)
        archive = self.finish(recorder)
        self.assertEqual(archive.closed(archive.sessions()[0]), (by, "reset"))

    def test_by_the_miner(self):
        pool = self.new_pool()
        recorder = self.start(pool)
        miner, upstream = self.join(recorder, pool)
        self.check("miner", miner, upstream, recorder)

    def test_by_the_pool(self):
        pool = self.new_pool()
        recorder = self.start(pool)
        miner, upstream = self.join(recorder, pool)
        self.check("pool", upstream, miner, recorder)

    def test_after_a_half_close(self):
        pool = self.new_pool()
        recorder = self.start(pool)
        miner, upstream = self.join(recorder, pool)
        upstream.end()
        self.assertEqual(miner.read_end(), b"")
        self.check("miner", miner, upstream, recorder)

    def end_and_reset(self, recorder, pool, **tls):
        """A FIN, then an RST, of either side while the other neither speaks nor ends."""
        for by in ("miner", "pool"):
            with self.subTest(by=by):
                miner, upstream = self.join(recorder, pool, **tls)
                first, other = (miner, upstream) if by == "miner" else (upstream, miner)
                miner.send(LINE)
                self.assertEqual(upstream.read_line() + b"\n", LINE)
                first.end()
                self.assertEqual(other.read_end(), b"")
                first.reset()
                recorder.wait_sessions(0)
                self.assertEqual(recorder.sessions("all")[-1]["reason"], "reset")
                self.assertEqual(recorder.sessions("all")[-1]["by"], by)
                other.close()

    def test_behind_a_fin(self):
        pool = self.new_pool()
        self.end_and_reset(self.start(pool), pool)

    def test_last_words_arrive_before_it(self):
        pool = self.new_pool()
        recorder = self.start(pool)
        miner, upstream = self.join(recorder, pool)
        words = b'{"id":null,"method":"client.show_message","params":["banned"]}\n'
        upstream.send(words)
        wait_until(lambda: not miner.is_silent(), "the words arrive")
        upstream.reset()
        self.assertEqual(miner.read_reset(), words)
        archive = self.finish(recorder)
        session = archive.session_of(miner.address)
        self.assertEqual(archive.stream(session, "pool_to_miner"), words)


class Vanishing(RecorderCase):
    def test_a_pool_that_dies_in_mid_line(self):
        for ending in (Peer.close, Peer.reset):
            with self.subTest(ending=ending.__name__):
                pool = self.new_pool()
                self.data_dir = os.path.join(self.folder, ending.__name__)
                recorder = self.start(pool)
                miner, upstream = self.join(recorder, pool)
                miner.send(LINE)
                upstream.read_line()
                upstream.send(ANSWER + b'{"id":2,"res')
                self.assertEqual(miner.read(len(ANSWER) + 12), ANSWER + b'{"id":2,"res')
                ending(upstream)
                miner.read_any_end()
                miner.close()
                recorder.wait_sessions(0)
                archive = self.finish(recorder)
                session = self.assert_same_streams(archive, miner, upstream)
                last = archive.messages(session)[-1]
                self.assertEqual((last.content, last.end), (b'{"id":2,"res', b""))
                self.assertEqual(archive.closed(session)[0], "pool")

    def test_a_miner_process_that_is_killed(self):
        pool = self.new_pool()
        recorder = self.start(pool)
        code = ("import socket,sys,time; s=socket.create_connection(('127.0.0.1',%d));"
                "s.sendall(%r); time.sleep(600)" % (recorder.port, LINE + b'{"id":2,"me'))
        with subprocess.Popen([sys.executable, "-c", code]) as process:
            upstream = self.keep(pool.accept())
            self.assertEqual(upstream.read(len(LINE) + 11), LINE + b'{"id":2,"me')
            process.kill()
        upstream.read_any_end()
        upstream.close()
        recorder.wait_sessions(0)
        archive = self.finish(recorder)
        session, = archive.sessions()
        self.assertEqual(archive.stream(session, "miner_to_pool"), LINE + b'{"id":2,"me')

    def vanish(self, miner):
        """Closes the miner's socket without a packet, as a power cut does."""
        try:
            miner.socket.setsockopt(socket.IPPROTO_TCP, 19, 1)  # TCP_REPAIR
        except PermissionError:
            self.skipTest("TCP_REPAIR needs CAP_NET_ADMIN")
        miner.close()

    def test_a_miner_without_power_is_noticed_by_the_next_word_to_it(self):
        pool = self.new_pool()
        recorder = self.start(pool)
        miner, upstream = self.join(recorder, pool)
        miner.send(LINE)
        upstream.read_line()
        self.vanish(miner)
        self.assertTrue(upstream.is_silent())
        upstream.send(ANSWER)
        upstream.read_reset()
        archive = self.finish(recorder)
        session = archive.session_of(miner.address)
        self.assertEqual(archive.closed(session)[0], "miner")
        self.assertEqual(archive.stream(session, "pool_to_miner"), ANSWER)

    def test_a_miner_without_power_and_idle_timeout(self):
        pool = self.new_pool()
        recorder = self.start(pool, IDLE_TIMEOUT_SEC=1)
        miner, upstream = self.join(recorder, pool)
        self.vanish(miner)
        upstream.read_any_end()
        archive = self.finish(recorder)
        by, reason = archive.closed(archive.session_of(miner.address))
        self.assertEqual(by, "hashscope")
        self.assertIn("idle", reason)

    def half_closed(self, first, other, recorder):
        first.end()
        self.assertEqual(other.read_end(), b"")
        recorder.wait_sessions(0)
        self.assertIn("half-closed", recorder.sessions("all")[-1]["reason"])
        first.read_any_end()

    def test_a_side_that_neither_closes_nor_speaks(self):
        pool = self.new_pool()
        recorder = self.start(pool, HALF_CLOSE_TIMEOUT_SEC=1)
        both = self.join(recorder, pool)
        self.half_closed(*both, recorder)
        both = self.join(recorder, pool)
        self.half_closed(*reversed(both), recorder)

    def test_a_half_closed_session_in_which_something_moves(self):
        pool = self.new_pool()
        recorder = self.start(pool, HALF_CLOSE_TIMEOUT_SEC=1)
        quiet, quiet_upstream = self.join(recorder, pool)
        miner, upstream = self.join(recorder, pool)
        whole, _ = self.join(recorder, pool)
        quiet.end()
        miner.end()

        def talk():
            upstream.send(ANSWER)
            miner.read_line()
            return not quiet.is_silent()

        wait_until(talk, "the quiet one is closed")
        wait_until(lambda: len(recorder.sessions()) == 2, "it alone is")
        upstream.send(ANSWER)
        self.assertEqual(miner.read_line() + b"\n", ANSWER)
        self.assertTrue(whole.is_silent())

    def test_a_side_that_takes_nothing_of_what_the_other_left(self):
        pool = self.new_pool(receive_buffer=4096)
        recorder = self.start(pool, HALF_CLOSE_TIMEOUT_SEC=1)
        miner, _ = self.join(recorder, pool)
        sent = 0

        def is_held_up():
            return recorder.counters()["bytes_from_miners"] < sent

        while not is_held_up():
            miner.send(LINE * 2000)
            sent += len(LINE) * 2000
            deadline = time.monotonic() + 0.3
            while is_held_up() and time.monotonic() < deadline:
                time.sleep(0.01)
        miner.end()  # and there is room for that
        recorder.wait_sessions(0)
        self.assertIn("half-closed", recorder.sessions("all")[-1]["reason"])

    def test_idle_timeout_spares_who_talks(self):
        pool = self.new_pool()
        recorder = self.start(pool, IDLE_TIMEOUT_SEC=2)
        quiet, quiet_upstream = self.join(recorder, pool)
        miner, upstream = self.join(recorder, pool)

        def talk():
            upstream.send(ANSWER)
            miner.read_line()
            return not quiet.is_silent()

        wait_until(talk, "the quiet one is closed")
        self.assertEqual(quiet.read_any_end() + quiet_upstream.read_any_end(), b"")
        miner.send(LINE)
        self.assertEqual(upstream.read_line() + b"\n", LINE)


class PoolsThatFail(RecorderCase):
    def ended_with(self, recorder, miner):
        """The session is over: its reason, as archived, which the session list shows too."""
        self.assertEqual(miner.read_any_end(), b"")
        recorder.wait_sessions(0)
        listed, = recorder.sessions("all")
        self.assertEqual(listed["state"], "closed")
        archive = self.finish(recorder)
        by, reason = archive.closed(archive.session_of(miner.address))
        self.assertEqual((listed["by"], listed["reason"]), (by, reason))
        self.assertEqual(by, "hashscope")
        return archive, reason

    def test_refuses(self):
        port = free_port()
        recorder = self.start(POOL_HOST="127.0.0.1", POOL_PORT=port)
        archive, reason = self.ended_with(recorder, self.connect(recorder))
        self.assertIn("refused", reason)
        self.assertIn(f"127.0.0.1:{port}", reason)
        self.assertEqual(archive.events("pool_connected"), [])

    def test_refuses_and_the_miner_has_spoken(self):
        """What came before the close is recorded, though the pool refused at once."""
        recorder = self.start(POOL_HOST="127.0.0.1", POOL_PORT=free_port())
        recorder.signal(signal.SIGSTOP)
        miner = self.connect(recorder).send(LINE)
        recorder.signal(signal.SIGCONT)
        archive, _ = self.ended_with(recorder, miner)
        self.assertEqual(archive.stream(archive.session_of(miner.address), "miner_to_pool"), LINE)

    def test_a_tls_hello_on_the_plain_port(self):
        pool = self.new_pool()
        recorder = self.start(pool)
        miner, upstream = self.join(recorder, pool)
        hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(60)
        miner.send(hello)
        self.assertEqual(upstream.read(len(hello)), hello)
        miner.end()
        upstream.end()
        recorder.wait_sessions(0)
        self.finish(recorder)
        ours, terminal = pty.openpty()
        subprocess.run([program("hashscope"), "cat", "--data-dir", self.data_dir],
                       stdout=terminal, check=True)
        os.close(terminal)
        shown = os.read(ours, 65536).decode()
        os.close(ours)
        self.assertIn("a TLS hello on the plain port", shown)

    def test_does_not_answer(self):
        pool = self.keep(Blackhole())
        recorder = self.start(pool, CONNECT_TIMEOUT_SEC=1)
        miner = self.connect(recorder).send(LINE)
        archive, reason = self.ended_with(recorder, miner)
        self.assertIn("no answer in 1000 ms", reason)
        self.assertEqual(archive.stream(archive.sessions()[0], "miner_to_pool"), LINE)

    def test_has_no_address(self):
        recorder = self.start(POOL_HOST="no-such-host.invalid", POOL_PORT=1)
        _, reason = self.ended_with(recorder, self.connect(recorder))
        self.assertIn("no-such-host.invalid", reason)

    def test_hangs_after_connect(self):
        pool = self.new_pool()
        recorder = self.start(pool)
        miner, upstream = self.join(recorder, pool)
        miner.send(LINE * 1000)
        self.assertEqual(upstream.read(len(LINE) * 1000), LINE * 1000)
        self.assertTrue(miner.is_silent())
        miner.end()
        self.assertEqual(upstream.read_end(), b"")
        self.assertEqual(recorder.status()["sessions_open"], 1)
        upstream.close()
        miner.read_any_end()
        recorder.wait_sessions(0)
        archive = self.finish(recorder)
        self.assert_same_streams(archive, miner, upstream)

    def test_a_miner_that_leaves_while_the_pool_is_tried(self):
        pool = self.keep(Blackhole())
        recorder = self.start(pool, CONNECT_TIMEOUT_SEC=600)
        miner = self.connect(recorder).send(LINE)
        recorder.wait_sessions(1)
        miner.reset()
        recorder.wait_sessions(0)
        archive = self.finish(recorder)
        by, reason = archive.closed(archive.sessions()[0])
        self.assertEqual((by, reason), ("miner", "reset"))

    def test_a_miner_that_leaves_before_it_is_accepted(self):
        """Who it was and what it said is known all the same."""
        pool = self.new_pool()
        recorder = self.start(pool)
        recorder.signal(signal.SIGSTOP)
        miner = self.connect(recorder).send(LINE)
        miner.reset()
        recorder.signal(signal.SIGCONT)
        recorder.wait_counter("sessions_accepted", 1)
        recorder.wait_sessions(0)
        archive = self.finish(recorder)
        session = archive.session_of(miner.address)
        self.assertEqual(archive.closed(session), ("miner", "reset"))
        self.assertEqual(archive.stream(session, "miner_to_pool"), LINE)

    def test_backup_when_the_first_refuses(self):
        pool = self.new_pool()
        refusing = free_port()
        recorder = self.start(POOL_HOST="127.0.0.1", POOL_PORT=refusing,
                              POOL_BACKUPS=f"127.0.0.1:{free_port()},{pool.name}")
        miner, upstream = self.exchange(recorder, pool, [LINE], [ANSWER])
        recorder.wait_sessions(0)
        archive = self.finish(recorder)
        session = self.assert_same_streams(archive, miner, upstream)
        connected = archive.event("pool_connected", session)
        self.assertEqual((connected["pool"], connected["address"]), (pool.name, pool.name))

    def test_backup_when_the_first_does_not_answer(self):
        pool = self.new_pool()
        recorder = self.start(self.keep(Blackhole()), POOL_BACKUPS=pool.name,
                              CONNECT_TIMEOUT_SEC=1)
        self.exchange(recorder, pool, [LINE], [ANSWER])

    def test_no_backup_while_the_first_is_up(self):
        first, backup = self.new_pool(), self.new_pool()
        recorder = self.start(first, POOL_BACKUPS=backup.name)
        self.exchange(recorder, first, [LINE], [ANSWER])
        self.assertFalse(backup.has_newcomer())

    def test_all_are_down(self):
        ports = [free_port(), free_port()]
        recorder = self.start(POOL_HOST="127.0.0.1", POOL_PORT=ports[0],
                              POOL_BACKUPS=f"127.0.0.1:{ports[1]}")
        _, reason = self.ended_with(recorder, self.connect(recorder))
        for port in ports:
            self.assertIn(str(port), reason)

    def early(self, data):
        """The miner says that, and ends, before the pool answers."""
        pool = self.keep(Blackhole())
        recorder = self.start(pool)
        miner = self.connect(recorder)
        speaker = Task(lambda: miner.send(data).end())
        recorder.wait_counter("bytes_from_miners", min(len(data), 65536))
        if len(data) < 65536:
            speaker.result()
        else:
            wait_until(lambda: not select.select([], [miner.socket], [], 0.3)[1], "it is held up")
        waiting = recorder.counters()["bytes_from_miners"]
        pool.open()
        upstream = self.keep(pool.accept())
        self.assertEqual(upstream.read_end(), data)
        speaker.result()
        upstream.send(ANSWER).end()
        self.assertEqual(miner.read_end(), ANSWER)
        recorder.wait_sessions(0)
        archive = self.finish(recorder)
        self.assert_same_streams(archive, miner, upstream)
        return waiting

    def test_what_the_miner_says_early_arrives(self):
        self.assertEqual(self.early(LINE * 20), len(LINE) * 20)

    def test_what_waits_for_the_pool_is_bounded(self):
        self.assertLessEqual(self.early(LINE * (16 * MIB // len(LINE))), 2 * 65536)


class Routes(RecorderCase):
    def test_each_listener_has_its_pool(self):
        main, second, backup = (self.new_pool() for _ in range(3))
        routes = (f"second=127.0.0.1:{free_port()}={second.name};"
                  f"third = 127.0.0.1:{free_port()} = 127.0.0.1:{free_port()} , {backup.name}")
        recorder = self.start(main, ROUTES=routes, options={"routes": 3})
        archive_wants = {}
        for name, pool in (("main", main), ("second", second), ("third", backup)):
            miner = self.connect(recorder, recorder.ports[name])
            upstream = self.keep(pool.accept())
            miner.send(LINE)
            self.assertEqual(upstream.read_line() + b"\n", LINE)
            archive_wants[miner.address] = (name, pool.name)
        listed = {line["miner"]: (line["route"], line["pool"]) for line in recorder.sessions()}
        self.assertEqual(listed, archive_wants)
        names = [route["route"] for route in recorder.status()["routes"]]
        self.assertEqual(names, ["main", "second", "third"])
        archive = self.finish(recorder)
        for miner, (name, pool) in archive_wants.items():
            session = archive.session_of(miner)
            self.assertEqual(archive.event("opened", session)["route"], name)
            self.assertEqual(archive.event("pool_connected", session)["pool"], pool)

    def test_routes_alone(self):
        pool = self.new_pool()
        recorder = self.start(ROUTES=f"only=127.0.0.1:{free_port()}={pool.name}")
        self.assertEqual(list(recorder.ports), ["only"])
        self.exchange(recorder, pool, [LINE], [ANSWER])

    def test_a_name_resolves(self):
        pool = self.new_pool()
        recorder = self.start(POOL_HOST="localhost", POOL_PORT=pool.port)
        self.exchange(recorder, pool, [LINE], [ANSWER])

    def test_ipv6_to_miner_and_pool(self):
        if not socket.has_ipv6:
            self.skipTest("no IPv6")
        listener = self.keep(socket.socket(socket.AF_INET6))
        try:
            listener.bind(("::1", 0))
        except OSError as fault:
            self.skipTest(f"no IPv6: {fault}")
        listener.listen()
        listener.settimeout(PATIENCE)
        recorder = self.start(POOL_HOST=f"[::1]:{listener.getsockname()[1]}", LISTEN_HOST="::1")
        miner = self.keep(socket.create_connection(("::1", recorder.port), PATIENCE))
        upstream = self.keep(listener.accept()[0])
        miner.sendall(LINE)
        self.assertEqual(upstream.recv(1000), LINE)
        self.assertTrue(recorder.sessions()[0]["miner"].startswith("[::1]:"))
        pool = f"[::1]:{listener.getsockname()[1]}"
        self.assertIn(f"listening on [::1]:{recorder.port}, pool {pool}", recorder.text())
        self.assertEqual(recorder.status()["routes"][0]["pools"],
                         ["stratum+tcp://" + pool])


if __name__ == "__main__":
    unittest.main()
