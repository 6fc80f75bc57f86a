"""What the recorder may take: memory under slow readers and idle crowds, descriptors, sessions."""
import random
import resource
import signal
import socket
import subprocess
import sys
import time
import unittest

from tests.integration.harness import (MIB, PATIENCE, RecorderCase, Task, free_port,
                                       is_sanitized, limit_descriptors, wait_until)

LINE = b'{"id":1,"method":"mining.subscribe","params":[]}\n'
ANSWER = b'{"id":1,"result":true,"error":null}\n'

# What one stuck direction may hold, see session.h; and what the allocator and the archive's thread
# may need besides.
QUEUE_MAX = (256 + 64) * 1024
SLACK = 6 * MIB


def many_lines(size):
    """Lines of about a kilobyte that differ."""
    chance = random.Random(size)
    filler = chance.randbytes(600).hex()
    lines = [b'{"id":%d,"method":"mining.submit","params":["%s"]}\n' %
             (number, filler[number % 100:number % 100 + 900].encode())
             for number in range(size // 950)]
    return b"".join(lines)


class SlowReaders(RecorderCase):
    SIZE = 200 * MIB

    def check(self, speaker, listener, recorder):
        """Sends SIZE bytes to a listener that at first reads nothing; the memory stays as it was,
        and in the end everything has arrived."""
        before = recorder.memory("RssAnon")
        data = many_lines(self.SIZE)
        taken = speaker.send_until_stuck(data)
        self.assertLess(taken, 64 * MIB, "the speaker was never held up")
        if not is_sanitized():
            self.assertLess(recorder.memory("RssAnon") - before, QUEUE_MAX + SLACK)
        rest = Task(lambda: speaker.send(memoryview(data)[taken:]).end())
        listener.skip(len(data))
        rest.result()
        listener.read_end()
        if not is_sanitized():
            self.assertLess(recorder.peak_private() - before, QUEUE_MAX + SLACK)
        listener.end()
        speaker.read_end()
        return data

    def test_pool(self):
        pool = self.new_pool(receive_buffer=65536)
        recorder = self.start(pool, RING_BYTES="512M")
        miner, upstream = self.join(recorder, pool)
        self.check(miner, upstream, recorder)
        recorder.wait_sessions(0)
        archive = self.finish(recorder)
        self.assert_same_streams(archive, miner, upstream)

    def test_miner(self):
        pool = self.new_pool()
        recorder = self.start(pool, RING_BYTES="512M")
        miner, upstream = self.join(recorder, pool, receive_buffer=65536)
        self.check(upstream, miner, recorder)
        recorder.wait_sessions(0)
        archive = self.finish(recorder)
        self.assert_same_streams(archive, miner, upstream)

    def test_many_at_once(self):
        pool = self.new_pool(receive_buffer=16384)
        recorder = self.start(pool, RING_BYTES="256M")
        before = recorder.memory("RssAnon")
        pairs = [self.join(recorder, pool, send_buffer=16384) for _ in range(12)]
        data = many_lines(14 * MIB)
        tasks = [Task(miner.send_until_stuck, data) for miner, _ in pairs]
        taken = [task.result() for task in tasks]
        self.assertLess(max(taken), len(data))
        if not is_sanitized():
            self.assertLess(recorder.memory("RssAnon") - before, len(pairs) * QUEUE_MAX + SLACK)
        for (miner, upstream), count in zip(pairs, taken):
            upstream.skip(count)
            miner.end()
            upstream.read_end()
            upstream.end()
            miner.read_end()
        recorder.wait_sessions(0)
        archive = self.finish(recorder)
        for miner, upstream in pairs:
            self.assert_same_streams(archive, miner, upstream)

    def test_one_slow_reader_holds_up_nobody_else(self):
        pool = self.new_pool(receive_buffer=16384)
        recorder = self.start(pool)
        slow, _ = self.join(recorder, pool)
        slow.send_until_stuck(many_lines(16 * MIB))
        miner, upstream = self.join(recorder, pool)
        for _ in range(1000):
            miner.send(LINE)
            upstream.read_line()
            upstream.send(ANSWER)
            miner.read_line()


class LongLines(RecorderCase):
    def test_those_that_end_in_the_same_turn_are_not_lost(self):
        """Together they are more than the ring holds; the archive is given the time it needs."""
        pool = self.new_pool()
        recorder = self.start(pool)
        pairs = [self.join(recorder, pool) for _ in range(8)]
        line = b'"%s"' % (b"a" * (7 * MIB))
        for miner, upstream in pairs:
            sender = Task(miner.send, line)
            upstream.read(len(line))
            sender.result()
        recorder.signal(signal.SIGSTOP)
        for miner, _ in pairs:
            miner.send(b"\n")
        recorder.signal(signal.SIGCONT)
        for miner, upstream in pairs:
            self.assertEqual(upstream.read(1), b"\n")
            miner.end()
            upstream.read_end()
            upstream.end()
            miner.read_end()
        recorder.wait_sessions(0)
        self.assertEqual(recorder.counters()["records_lost"], 0)
        archive = self.finish(recorder)
        for miner, upstream in pairs:
            self.assert_same_streams(archive, miner, upstream)


# An archive that compresses slowly, as on a processor that is busy with other work.
SLOW_COMPRESSION = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <time.h>

size_t ZSTD_compressStream2(void *stream, void *out, void *in, int end)
{
    static size_t (*compress)(void *, void *, void *, int);
    const struct timespec pause = {0, 60000000};
    if (!compress)
        *(void **)&compress = dlsym(RTLD_NEXT, "ZSTD_compressStream2");
    nanosleep(&pause, NULL);
    return compress(stream, out, in, end);
}
"""


class Storm(RecorderCase):
    def test_miners_that_come_faster_than_they_are_archived(self):
        """They wait a little; what they did is not lost."""
        library = self.compile_library("slow", SLOW_COMPRESSION)
        recorder = self.start(POOL_HOST="127.0.0.1", POOL_PORT=free_port(), RING_BYTES="16M",
                              options={"environment": {"LD_PRELOAD": library}})
        for _ in range(20000):
            with socket.socket() as miner:
                miner.connect(("127.0.0.1", recorder.port))
        recorder.wait_counter("sessions_accepted", 20000)  # they may wait in the kernel
        recorder.wait_sessions(0)
        counters = recorder.counters()
        self.assertEqual((counters["records_lost"], counters["events"]), (0, 40000))


class Limits(RecorderCase):
    def test_max_sessions_refuses_the_newcomer_only(self):
        pool = self.new_pool()
        recorder = self.start(pool, MAX_SESSIONS=3)
        pairs = [self.join(recorder, pool) for _ in range(3)]
        for _ in range(5):
            self.assertEqual(self.connect(recorder).read_any_end(), b"")
        for miner, upstream in pairs:
            miner.send(LINE)
            self.assertEqual(upstream.read_line() + b"\n", LINE)
        counters = recorder.counters()
        self.assertEqual((counters["sessions_accepted"], counters["sessions_refused"]), (3, 5))
        self.assertFalse(pool.has_newcomer())
        pairs[0][0].close()
        pairs[0][1].read_any_end()
        pairs[0][1].close()
        recorder.wait_sessions(2)
        miner, upstream = self.join(recorder, pool)
        miner.send(LINE)
        self.assertEqual(upstream.read_line() + b"\n", LINE)
        recorder.wait_log("refused a miner: .*MAX_SESSIONS 3")

    def test_out_of_descriptors(self):
        """With too few descriptors newcomers wait; nobody else suffers, nothing spins, and when
        there are some again everybody gets in."""
        pool = self.keep(CrowdPool())
        recorder = self.start(pool, options={"limits": limit_descriptors(80)})
        first = self.connect(recorder)
        self.assertTrue(self.hears(first))
        crowd = [self.connect(recorder) for _ in range(100)]
        recorder.wait_log("accepting connections pauses")
        cpu, start = recorder.cpu_seconds(), time.monotonic()
        wait_until(lambda: self.hears(first) and time.monotonic() > start + 1.5,
                   "the first session works meanwhile")
        self.assertLess(recorder.cpu_seconds() - cpu, 0.75, "it spins")
        for miner in crowd:
            miner.close()
        wait_until(lambda: self.hears(self.connect(recorder)), "a newcomer reaches the pool")
        recorder.wait_counter("accept_failures", 1)
        self.assertTrue(self.hears(first))
        self.finish(recorder)

    def hears(self, miner):
        """What the miner says comes back from the pool."""
        try:
            return miner.send(LINE).read(len(LINE)) == LINE
        except (ConnectionError, AssertionError):
            return False

    def test_nine_thousand_nine_hundred_idle_sessions(self):
        count = 9900
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        if hard != resource.RLIM_INFINITY and hard < 2 * count + 100:
            self.skipTest(f"the hard limit of descriptors is {hard}")
        pool = self.keep(CrowdPool())
        recorder = self.start(pool)
        warm = self.connect(recorder)
        recorder.wait_counter("pool_connects", 1)
        before = recorder.memory("VmRSS")
        crowd = self.keep(Crowd(recorder.port, count))
        wait_until(lambda: recorder.counters()["pool_connects"] == count + 1, "all are connected",
                   240)
        after = recorder.memory("VmRSS")
        status = recorder.status()
        self.assertEqual(status["sessions_open"], count + 1)
        self.assertEqual(status["counters"]["sessions_refused"], 0)
        if not is_sanitized():
            self.assertLessEqual((after - before) / count, 3072)
        listed, last = 0, 0
        while page := recorder.sessions(after=last):
            listed, last = listed + len(page), page[-1]["number"]
        self.assertEqual(listed, count + 1)
        warm.send(LINE)
        self.assertEqual(warm.read(len(LINE)), LINE)
        crowd.close()
        recorder.wait_sessions(1)
        archive = self.finish(recorder)
        self.assertEqual(len(archive.events("closed")), count + 1)


class Helper:
    """A python process that runs `code` with `socket` and `select` at hand and prints a number."""

    def __init__(self, code, *arguments):
        limits = ("import resource as r; h = r.getrlimit(r.RLIMIT_NOFILE)[1];"
                  "r.setrlimit(r.RLIMIT_NOFILE, (h, h))\n")
        self.process = subprocess.Popen(
            [sys.executable, "-c", "import select, socket, sys\n" + limits + code,
             *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.number = int(self.process.stdout.readline())

    def close(self):
        self.process.kill()
        self.process.wait(PATIENCE)
        self.process.stdin.close()
        self.process.stdout.close()


class CrowdPool(Helper):
    """Accepts everybody and echoes."""

    def __init__(self):
        super().__init__("""
listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
print(listener.getsockname()[1], flush=True)
poll, peers = select.epoll(), {}
poll.register(listener, select.EPOLLIN)
while True:
    for number, _ in poll.poll():
        if number == listener.fileno():
            peer = listener.accept()[0]
            peers[peer.fileno()] = peer
            poll.register(peer, select.EPOLLIN)
            continue
        try:
            data = peers[number].recv(65536)
        except ConnectionError:
            data = b""
        if data:
            peers[number].sendall(data)
        else:
            peers.pop(number).close()
""")
        self.port = self.number


class Crowd(Helper):
    """So many miners that say nothing."""

    def __init__(self, port, count):
        super().__init__("""
miners = [socket.create_connection(("127.0.0.1", int(sys.argv[1])))
          for _ in range(int(sys.argv[2]))]
print(len(miners), flush=True)
sys.stdin.read()
""", port, count)


if __name__ == "__main__":
    unittest.main()
