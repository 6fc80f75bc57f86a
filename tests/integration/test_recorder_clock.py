"""A wall clock that is set, again and again, by hours and to and fro: nothing waits by it."""
import time
import unittest

from tests.integration.harness import RecorderCase, wait_until

LINE = b'{"id":1,"method":"mining.subscribe","params":[]}\n'

# At each look at the wall clock it may have been set anew, by up to twelve hours.
JUMPING = r"""
#define _GNU_SOURCE
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long shift(long now)
{
    static _Atomic long since, offset;
    static _Atomic unsigned seed = 1;
    if (now - since > 20000000) {
        seed = seed * 1103515245u + 12345u;
        offset = (long)(seed >> 8) % 86400 - 43200;
        since = now;
    }
    return offset;
}

int clock_gettime(clockid_t clock, struct timespec *out)
{
    struct timespec now;
    long result = syscall(SYS_clock_gettime, clock, out);
    if (clock != CLOCK_REALTIME || result != 0)
        return (int)result;
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
    out->tv_sec += shift(now.tv_sec * 1000000000L + now.tv_nsec);
    return 0;
}
"""


class JumpingClock(RecorderCase):
    SECONDS = 4

    def test_nothing_waits_for_the_wall_clock(self):
        """What is recorded is archived and synced in time, at every moment; the end comes in time."""
        library = self.compile_library("jumping", JUMPING)
        pool = self.new_pool()
        recorder = self.start(pool, SYNC_INTERVAL_MS=500, SEGMENT_MAX_SECONDS=60,
                              options={"environment": {"LD_PRELOAD": library}})
        miner, upstream = self.join(recorder, pool)
        longest, until = 0, time.monotonic() + self.SECONDS
        while time.monotonic() < until:
            miner.send(LINE)
            upstream.read_line()
            counters = recorder.counters()
            wanted, begin = counters["messages"], time.monotonic()
            wait_until(lambda: recorder.counters()["messages_archived"] >= wanted, "it is archived")
            longest = max(longest, time.monotonic() - begin)
        self.assertLess(longest, 5)
        self.assertGreater(recorder.counters()["clock_steps"], 10)
        self.assertFalse(recorder.status()["archive"]["degraded"])
        begin = time.monotonic()
        self.finish(recorder)
        self.assertLess(time.monotonic() - begin, 5)


if __name__ == "__main__":
    unittest.main()
