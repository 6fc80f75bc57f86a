"""A disk that refuses: the relay never notices, the archive catches up, and what the ring could not
keep so long is told. The size limit of files (RLIMIT_FSIZE) plays the disk."""
import errno
import itertools
import mmap
import os
import random
import resource
import unittest

from tests.integration.archive import Archive
from tests.integration.harness import (MIB, RecorderCase, Tally, Task, is_sanitized,
                                       wait_until)

LINE = b'{"id":1,"method":"mining.subscribe","params":[]}\n'
ANSWER = b'{"id":1,"result":true,"error":null}\n'


class Disk(RecorderCase):
    def begin(self, **settings):
        pool = self.new_pool()
        recorder = self.start(pool, **settings)
        miner, upstream = self.join(recorder, pool)
        self.talk(miner, upstream, 100)
        recorder.wait_counter("messages_archived", 100)
        recorder.ask("rotate")  # what is sealed is not touched by what comes
        recorder.wait_counter("segments_sealed", 1)
        self.talk(miner, upstream, 100)
        recorder.wait_counter("messages_archived", 200)
        return recorder, miner, upstream

    def talk(self, miner, upstream, count):
        for _ in range(count // 2):
            miner.send(LINE)
            upstream.read_line()
            upstream.send(ANSWER)
            miner.read_line()

    def refuse(self, recorder, how):
        """None: takes everything again."""
        if recorder.process.poll() is not None:
            return  # the limit has gone with the process
        hard = resource.prlimit(recorder.pid, resource.RLIMIT_FSIZE)[1]
        size = 0 if how else resource.RLIM_INFINITY
        resource.prlimit(recorder.pid, resource.RLIMIT_FSIZE, (size, hard))

    def break_disk(self, recorder, miner, upstream, how="limit"):
        """Returns when the recorder has said that it cannot write."""
        self.refuse(recorder, how)

        def degraded():
            self.talk(miner, upstream, 2)
            return recorder.status()["archive"]["degraded"]

        wait_until(degraded, "the archive is degraded")
        self.assertTrue(recorder.status()["archive"]["reason"])
        self.assertGreater(recorder.counters()["archive_errors"], 0)

    def mend_disk(self, recorder):
        self.refuse(recorder, None)

        def caught_up():
            status = recorder.status()
            archive = status["archive"]
            return not archive["degraded"] and archive["archived_seq"] == status["last_seq"]

        wait_until(caught_up, "the archive has caught up")

    def end(self, recorder, miner, upstream):
        miner.end()
        upstream.read_end()
        upstream.end()
        miner.read_end()
        recorder.wait_sessions(0)

    def test_nothing_is_lost_while_the_ring_has_it(self):
        recorder, miner, upstream = self.begin()
        for _ in range(3):
            self.break_disk(recorder, miner, upstream)
            self.talk(miner, upstream, 2000)
            self.mend_disk(recorder)
        self.end(recorder, miner, upstream)
        self.assertEqual(recorder.counters()["records_lost"], 0)
        self.assert_same_streams(self.finish(recorder), miner, upstream)

    def test_what_is_lost_is_told(self):
        recorder, miner, upstream = self.begin(RING_BYTES="16M")
        self.break_disk(recorder, miner, upstream)
        filler = random.Random(3).randbytes(500).hex().encode()
        line = b'{"id":9,"method":"mining.submit","params":["' + filler + b'"]}\n'
        sender = Task(miner.send, line * (40 * MIB // len(line)))
        upstream.skip(40 * MIB // len(line) * len(line))
        sender.result()
        self.mend_disk(recorder)
        self.talk(miner, upstream, 100)
        self.end(recorder, miner, upstream)
        counters = recorder.counters()
        last = recorder.status()["last_seq"]
        self.assertEqual(recorder.stop(), 0)
        self.assertEqual((miner.sent, upstream.sent), (upstream.received, miner.received))
        archive = Archive(self.data_dir)
        self.assert_gaps_tell(archive, counters, last)
        self.assert_offsets_tell(archive, miner)

    def assert_gaps_tell(self, archive, counters, last):
        """Every number is there once or in a gap."""
        told = []
        for line in archive.lines:
            if line.get("event") == "gap":
                told += range(line["first_lost"], line["first_lost"] + line["lost"])
            elif "seq" in line:
                told.append(line["seq"])
        self.assertEqual(told, list(range(1, last + 1)))
        gaps = archive.events("gap")
        self.assertGreater(len(gaps), 0)
        self.assertEqual(counters["gaps"], len(gaps))
        self.assertEqual(counters["records_lost"], sum(gap["lost"] for gap in gaps))

    def assert_offsets_tell(self, archive, miner):
        """Behind a gap a state line says where in its streams the session is."""
        session = archive.session_of(miner.address)
        lines = [line for line in archive.lines
                 if line.get("session") == session or line.get("event") == "gap"]
        at = next(i for i, line in enumerate(lines) if line.get("event") == "gap")
        self.assertEqual(lines[at + 1]["event"], "state")
        behind = b"".join(line.content + line.end for line in lines[at:]
                          if line.get("dir") == "miner_to_pool")
        if len([line for line in lines if line.get("event") == "gap"]) == 1:
            self.assertEqual(lines[at + 1]["bytes_up"], miner.sent.length - len(behind))
        before = [line for line in lines[:at] if line.get("dir") == "miner_to_pool"]
        self.assertEqual(Tally(b"".join(line.content + line.end for line in before)),
                         Tally(LINE * len(before)))

    def test_a_stop_while_the_disk_refuses_is_made_good_later(self):
        recorder, miner, upstream = self.begin()
        self.break_disk(recorder, miner, upstream)
        self.talk(miner, upstream, 500)
        self.end(recorder, miner, upstream)
        self.assertEqual(recorder.stop(), 1)
        self.refuse(recorder, None)
        archive = self.finish(self.start(self.new_pool()))
        self.assert_same_streams(archive, miner, upstream)


# Refuses writes to segments with the error number in the first byte of a file; the second byte
# lets so many more bytes pass first, so that writes are cut short.
REFUSE_SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

ssize_t write(int fd, const void *data, size_t len)
{
    static ssize_t (*real)(int, const void *, size_t);
    static volatile unsigned char *how;
    char link[64], path[4096] = "";
    if (!real)
        real = (ssize_t (*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
    if (!how) {
        int control = open(getenv("REFUSE"), O_RDWR);
        how = mmap(NULL, 2, PROT_READ | PROT_WRITE, MAP_SHARED, control, 0);
    }
    if (!how[0])
        return real(fd, data, len);
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t got = readlink(link, path, sizeof path - 1);
    if (got < 5 || strcmp(path + got - 5, ".open") != 0)
        return real(fd, data, len);
    if (how[1]) {
        len = len < how[1] ? len : how[1];
        how[1] -= len;
        return real(fd, data, len);
    }
    errno = how[0];
    return -1;
}
"""


class FullDisk(Disk):
    """The same with the errors of a full and of a broken disk, behind a short write."""

    def setUp(self):
        super().setUp()
        if is_sanitized():
            self.skipTest("the sanitizer's run time must come first")
        library = self.compile_library("refuse", REFUSE_SOURCE)
        path = os.path.join(self.folder, "how")
        with open(path, "wb") as file:
            file.write(bytes(2))
        with open(path, "r+b") as file:
            self.how = self.keep(mmap.mmap(file.fileno(), 2))
        self.environment = {"LD_PRELOAD": library, "REFUSE": path}
        self.errors = itertools.cycle((errno.ENOSPC, errno.EIO))

    def start(self, pool=None, options=None, **settings):
        return super().start(pool, options={"environment": self.environment}, **settings)

    def refuse(self, recorder, how):
        self.how[:2] = bytes((next(self.errors), 100) if how else (0, 0))


if __name__ == "__main__":
    unittest.main()
