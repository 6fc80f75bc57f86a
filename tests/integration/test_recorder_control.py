"""The control socket: what it says adds up, what it is told is done, and nonsense is answered."""
import contextlib
import json
import os
import socket
import stat
import unittest

from tests.integration.harness import MIB, Blackhole, RecorderCase, free_port, wait_until
from tests.integration.load import Load

LINE = b'{"id":1,"method":"mining.subscribe","params":[]}\n'
ANSWER = b'{"id":1,"result":true,"error":null}\n'


class Status(RecorderCase):
    def test_a_new_recorder(self):
        recorder = self.start(self.new_pool(), MAX_SESSIONS=77)
        status = recorder.status()
        self.assertEqual(status["program"], "hashscope-recorder")
        self.assertEqual(status["pid"], recorder.pid)
        self.assertRegex(status["instance"], "^[0-9a-f]{16}$")
        self.assertRegex(status["started"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")
        self.assertEqual((status["stopping"], status["sessions_open"], status["max_sessions"],
                          status["last_seq"]), (False, 0, 77, 0))
        self.assertEqual(status["archive"]["degraded"], False)
        self.assertEqual(status["routes"][0]["route"], "main")
        self.assertEqual(status["routes"][0]["listen"], f"127.0.0.1:{recorder.port}")
        self.assertEqual(set(status["counters"].values()), {0})

    def test_counters_add_up(self):
        load = self.keep(Load())
        recorder = self.start(load)
        load.start("m", 10, recorder.port)
        load.wait_heard(3000)
        load.hang_up()
        recorder.wait_sessions(0)
        status = recorder.status()
        wait_until(lambda: recorder.status()["archive"]["archived_seq"] == status["last_seq"],
                   "all is archived")
        status = recorder.status()
        counters = status["counters"]
        talks = load.conversations.values()
        self.assertEqual(counters["sessions_accepted"], 10)
        self.assertEqual(counters["pool_connects"], 10)
        self.assertEqual(counters["bytes_from_miners"], counters["bytes_to_pools"])
        self.assertEqual(counters["bytes_from_pools"], counters["bytes_to_miners"])
        self.assertGreaterEqual(counters["bytes_from_miners"],
                                sum(len(t.pool_received) for t in talks))
        self.assertLessEqual(counters["bytes_from_miners"], sum(len(t.miner_sent) for t in talks))
        self.assertEqual(counters["messages"] + counters["events"], status["last_seq"])
        self.assertEqual(counters["events"], 3 * 10)
        self.assertEqual(counters["messages_archived"], counters["messages"])
        self.assertEqual(counters["events_archived"], counters["events"])
        for name in ("sessions_refused", "accept_failures", "pool_connect_failures", "records_lost",
                     "gaps", "archive_errors", "injected", "pairs_dropped", "clock_steps",
                     "inject_released", "inject_timeouts"):
            self.assertEqual(counters[name], 0, name)
        self.assertGreater(counters["archive_bytes"], 0)
        sessions = recorder.sessions("all")
        self.assertEqual(sum(s["bytes_up"] for s in sessions), counters["bytes_from_miners"])
        self.assertEqual(sum(s["bytes_down"] for s in sessions), counters["bytes_from_pools"])
        archive = self.finish(recorder)
        self.assertEqual(len([x for x in archive.lines if "dir" in x]), counters["messages"])
        self.assertEqual(len([x for x in archive.lines if "dir" in x and not x.embedded]),
                         counters["messages_invalid"])

    def test_what_waits_for_a_pool_in_vain_is_dropped(self):
        hole = self.keep(Blackhole())
        recorder = self.start(hole, CONNECT_TIMEOUT_SEC=1)
        miner = self.connect(recorder).send(LINE)
        miner.read_any_end()
        recorder.wait_sessions(0)
        counters = recorder.counters()
        self.assertEqual((counters["bytes_from_miners"], counters["bytes_to_pools"],
                          counters["bytes_dropped"]), (len(LINE), 0, len(LINE)))

    def test_what_a_pool_does_not_take_is_dropped(self):
        pool = self.new_pool(receive_buffer=16384)
        recorder = self.start(pool)
        miner, upstream = self.join(recorder, pool)
        miner.send_until_stuck(LINE * (16 * MIB // len(LINE)))
        recorder.ask("disconnect", session=recorder.sessions()[0]["session"])
        upstream.read_any_end()
        recorder.wait_sessions(0)
        counters = recorder.counters()
        self.assertGreater(counters["bytes_dropped"], 0)
        self.assertEqual(counters["bytes_from_miners"],
                         upstream.received.length + counters["bytes_dropped"])

    def test_failures_are_counted(self):
        recorder = self.start(POOL_HOST="127.0.0.1", POOL_PORT=free_port())
        for _ in range(4):
            self.connect(recorder).read_any_end()
        recorder.wait_sessions(0)
        counters = recorder.counters()
        self.assertEqual((counters["sessions_accepted"], counters["pool_connects"],
                          counters["pool_connect_failures"]), (4, 0, 4))

    def test_the_socket_is_the_owners_and_the_groups(self):
        recorder = self.start(self.new_pool())
        mode = os.stat(os.path.join(self.data_dir, "live/control.sock")).st_mode
        self.assertEqual((stat.S_IMODE(mode), stat.S_ISSOCK(mode)), (0o660, True))
        for folder, _, names in os.walk(self.data_dir):
            self.assertEqual(stat.S_IMODE(os.stat(folder).st_mode) & 0o027, 0o000, folder)
            for name in names:
                mode = os.stat(os.path.join(folder, name)).st_mode
                self.assertEqual(stat.S_IMODE(mode) & 0o007, 0, name)
        self.finish(recorder)
        self.assertFalse(os.path.exists(os.path.join(self.data_dir, "live/control.sock")))


class Sessions(RecorderCase):
    def test_fields(self):
        pool = self.new_pool()
        recorder = self.start(pool)
        miner, upstream = self.join(recorder, pool)
        miner.send(LINE)
        upstream.read_line()
        upstream.send(ANSWER)
        miner.read_line()
        session, = recorder.sessions()
        self.assertEqual(session["number"], 1)
        self.assertEqual((session["state"], session["route"]), ("open", "main"))
        self.assertEqual(session["miner"], miner.address)
        self.assertEqual(session["listen"], f"127.0.0.1:{recorder.port}")
        self.assertEqual((session["pool"], session["address"]), (pool.name, pool.name))
        self.assertEqual(session["local"], "%s:%d" % upstream.socket.getpeername())
        self.assertEqual((session["miner_tls"], session["pool_tls"]), (False, False))
        self.assertEqual((session["bytes_up"], session["bytes_down"]), (len(LINE), len(ANSWER)))
        self.assertLessEqual(session["opened"], session["connected"])
        self.assertNotIn("closed", session)
        miner.end()
        upstream.read_end()
        upstream.end()
        recorder.wait_sessions(0)
        self.assertEqual(recorder.sessions(), [])
        closed, = recorder.sessions("all")
        self.assertEqual({**session, "state": "closed", "closed": closed["closed"], "by": "miner",
                          "reason": "end"}, closed)

    def test_pages(self):
        pool = self.new_pool()
        recorder = self.start(pool, MAX_SESSIONS=100)
        miners = [self.join(recorder, pool)[0] for _ in range(25)]
        for number in (5, 6, 20):
            miners[number - 1].reset()
        recorder.wait_sessions(22)
        wanted = [n for n in range(1, 26) if n not in (5, 6, 20)]
        for limit in (1, 7, 22, 25, 1000):
            found, last = [], 0
            while page := recorder.sessions(after=last, limit=limit):
                self.assertLessEqual(len(page), limit)
                found += [session["number"] for session in page]
                last = found[-1]
            self.assertEqual(found, wanted, limit)
        self.assertEqual([s["number"] for s in recorder.sessions("all")], list(range(1, 26)))

    def test_sessions_that_the_table_forgets(self):
        """Of more sessions than the table holds the oldest closed ones go, the open ones stay."""
        pool = self.new_pool()
        recorder = self.start(pool, MAX_SESSIONS=4)
        lasting, _ = self.join(recorder, pool)
        for _ in range(150):
            miner, upstream = self.join(recorder, pool)
            miner.reset()
            upstream.read_any_end()
            upstream.close()
            recorder.wait_sessions(1)
        listed = recorder.sessions("all")
        self.assertEqual(listed[0]["miner"], lasting.address)
        self.assertEqual((listed[0]["state"], listed[-1]["number"]), ("open", 151))
        self.assertLess(len(listed), 151)
        archive = self.finish(recorder)
        self.assertEqual(len(archive.sessions()), 151)
        for session in archive.sessions()[1:]:
            self.assertEqual(archive.closed(session), ("miner", "reset"))

    def test_wrong_state(self):
        recorder = self.start(self.new_pool())
        self.assertIn("state", recorder.sessions("closed")[0]["error"])


class Commands(RecorderCase):
    def test_disconnect(self):
        pool = self.new_pool()
        recorder = self.start(pool)
        by_number, by_uuid, other = (self.join(recorder, pool) for _ in range(3))
        listed = recorder.sessions()
        self.assertEqual(recorder.ask("disconnect", session=listed[0]["number"]), {"ok": True})
        self.assertEqual(recorder.ask("disconnect", session=listed[1]["session"]), {"ok": True})
        for miner, upstream in (by_number, by_uuid):
            miner.read_any_end()
            upstream.read_any_end()
        self.assertIn("error", recorder.ask("disconnect", session=listed[0]["number"]))
        other[0].send(LINE)
        self.assertEqual(other[1].read_line() + b"\n", LINE)
        archive = self.finish(recorder)
        session = archive.session_of(by_uuid[0].address)
        self.assertEqual(archive.closed(session), ("hashscope", "disconnected on request"))

    def test_disconnect_while_the_pool_is_tried(self):
        recorder = self.start(self.keep(Blackhole()), CONNECT_TIMEOUT_SEC=600)
        miner = self.connect(recorder)
        recorder.wait_sessions(1)
        self.assertEqual(recorder.sessions()[0]["state"], "connecting")
        self.assertEqual(recorder.ask("disconnect", session=1), {"ok": True})
        miner.read_any_end()
        recorder.wait_sessions(0)

    def test_rotate(self):
        pool = self.new_pool()
        recorder = self.start(pool)
        miner, upstream = self.join(recorder, pool)
        for number in range(3):
            miner.send(LINE)
            upstream.read_line()
            recorder.wait_counter("messages_archived", number + 1)
            self.assertEqual(recorder.ask("rotate"), {"ok": True})
            recorder.wait_counter("segments_sealed", number + 1)
        archive = self.finish(recorder)
        self.assertGreaterEqual(len(archive.files), 3)

    def test_stop(self):
        pool = self.new_pool()
        recorder = self.start(pool)
        miner, _ = self.join(recorder, pool)
        self.assertEqual(recorder.ask("stop"), {"ok": True})
        self.assertEqual(recorder.wait_exit(), 0)
        miner.read_any_end()
        archive = self.read_archive()
        self.assertEqual(archive.closed(archive.sessions()[0]), ("hashscope", "stop"))

    def test_stop_with_an_open_client_and_a_pending_injection(self):
        pool = self.new_pool()
        recorder = self.start(pool)
        _, upstream = self.join(recorder, pool)
        session = wait_until(recorder.sessions, "it is listed")[0]["session"]
        with recorder.control_socket() as client, recorder.control_socket() as idle:
            client.sendall(json.dumps({"command": "inject", "session": session,
                                       "line": LINE.decode()}).encode() + b"\n")
            upstream.read_line()
            self.assertEqual(recorder.stop(), 0)
            answers = recorder.read_answers(client)
            self.assertIn("closed", answers[0]["error"])
            self.assertEqual(idle.recv(100), b"")
        self.read_archive()


class Nonsense(RecorderCase):
    def test_requests_that_are_none(self):
        recorder = self.start(self.new_pool())
        for line in (b"x", b"[]", b'"status"', b"{", b"{}", b'{"command":5}', b'{"command":"fly"}',
                     b'{"command":"status"', b"\0", b"\xff\xfe", b"[" * 100000,
                     b'{"command":"disconnect"}', b'{"command":"inject","session":1}',
                     b'{"command":"inject","line":5}', b'{"command":"status"} {}'):
            with self.subTest(line=line[:40]):
                answer, = recorder.ask_raw(line)
                self.assertEqual(list(answer), ["error"])
        self.assertEqual(recorder.status()["pid"], recorder.pid)

    def test_several_requests_on_one_connection(self):
        recorder = self.start(self.new_pool())
        with recorder.control_socket() as client:
            client.sendall(b'{"command":"status"}\n\nnonsense\n{"command":"sess')
            data = b""
            while data.count(b'{"done":true}\n') < 2:
                data += client.recv(65536)
            client.sendall(b'ions"}\n')
            client.shutdown(socket.SHUT_WR)
            while more := client.recv(65536):
                data += more
        lines = [json.loads(line) for line in data.splitlines()]
        self.assertEqual(lines[0]["pid"], recorder.pid)
        self.assertEqual(lines[1], {"done": True})
        self.assertIn("error", lines[2])
        self.assertEqual(lines[3:], [{"done": True}, {"done": True}])

    def test_a_client_that_goes_away(self):
        pool = self.new_pool()
        recorder = self.start(pool)
        pairs = [self.join(recorder, pool) for _ in range(30)]
        for _ in range(200):
            with recorder.control_socket() as client, contextlib.suppress(BrokenPipeError):
                client.sendall(b'{"command":"sessions","state":"all"}\n{"command":"status"}\n')
        pairs[0][0].send(LINE)
        self.assertEqual(pairs[0][1].read_line() + b"\n", LINE)
        status = wait_until(lambda: "pid" in recorder.status() and recorder.status(), "it answers")
        self.assertEqual(status["sessions_open"], 30)

    def test_more_clients_than_it_takes(self):
        recorder = self.start(self.new_pool())
        clients = [self.keep(recorder.control_socket()) for _ in range(80)]
        clients[0].sendall(b'{"command":"status"}\n')
        self.assertEqual(recorder.read_answers(clients[0])[0]["pid"], recorder.pid)
        self.assertIn("error", json.loads(clients[-1].recv(1000).splitlines()[0]))
        for client in clients:
            client.close()
        wait_until(lambda: recorder.status().get("pid") == recorder.pid, "it answers")

    def test_a_stale_socket_is_replaced_another_file_is_not(self):
        pool = self.new_pool()
        recorder = self.start(pool)
        recorder.kill()
        path = os.path.join(self.data_dir, "live/control.sock")
        self.assertTrue(os.path.exists(path))
        recorder = self.start(pool)
        self.assertEqual(recorder.status()["pid"], recorder.pid)
        recorder.kill()
        os.unlink(path)
        with open(path, "w", encoding="ascii"):
            pass
        recorder = self.launch({"POOL_HOST": pool.name, "LISTEN_PORT": 0, "RING_BYTES": "32M"})
        self.assertEqual(recorder.wait_exit(), 1)
        self.assertIn("control.sock", recorder.text())
        os.unlink(path)
        self.finish(self.start(pool))


if __name__ == "__main__":
    unittest.main()
