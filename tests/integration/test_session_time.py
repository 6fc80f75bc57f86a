"""How long a session lasted is told by the monotonic clock, whatever is done to the wall clock meanwhile."""
import json
import os
import subprocess
import unittest

from tests.integration.harness import bare_environment, program, wait_until
from tests.integration.test_api_sessions import SessionCase

DAYS = 86400
LONG_MS = 300000  # far above what a test takes, far below a step

# The wall clock is off by as many seconds as stand in the file that SHIFT names.
SHIFTED = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *out)
{
    char text[24] = "";
    const char *path = getenv("SHIFT");
    long result = syscall(SYS_clock_gettime, clock, out);
    int fd = clock == CLOCK_REALTIME && result == 0 && path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        if (read(fd, text, sizeof text - 1) > 0)
            out->tv_sec += atol(text);
        close(fd);
    }
    return (int)result;
}
"""


class SteppedClock(SessionCase):
    def setUp(self):
        super().setUp()
        self.shift = os.path.join(self.folder, "shift")
        library = self.compile_library("shifted", SHIFTED)
        self.pool = self.new_pool()
        self.recorder = self.start(self.pool, options={"environment": {"LD_PRELOAD": library, "SHIFT": self.shift}})
        self.miner, self.upstream = self.join(self.recorder, self.pool)
        self.api = self.start_api()

    def set_clock(self, seconds):
        with open(self.shift + ".new", "w", encoding="ascii") as file:
            file.write(str(seconds))
        os.rename(self.shift + ".new", self.shift)

    def mine_over_a_step(self, seconds):
        self.hello(self.miner, self.upstream)
        self.share(self.miner, self.upstream, 10)
        self.set_clock(seconds)
        wait_until(lambda: self.speak() and self.recorder.counters()["clock_steps"], "the step is noticed")
        self.share(self.miner, self.upstream, 11)

    def speak(self):
        self.difficulty(self.miner, self.upstream, 1024)
        return True

    def ls(self, *arguments):
        return subprocess.run([program("hashscope"), "ls", "--data-dir", self.data_dir, *arguments], check=True,
                              stdout=subprocess.PIPE, text=True, env=bare_environment(), timeout=60).stdout

    def check(self, state):
        """The same in `ls`, its table, and both answers of the API; returns the API's."""
        listed, = map(json.loads, self.ls().splitlines())
        self.assertEqual(listed["state"], state)
        self.assertLess(0, listed["lasted_us"])
        self.assertLess(listed["lasted_us"], LONG_MS * 1000)
        titles, row = self.ls("--table").splitlines()
        shown = row[:titles.index("LASTED") + len("LASTED")].split()[-1]
        self.assertRegex(shown, r"^(\d+\.\ds|[0-4]m\d\ds)$")
        found = self.wait_session(self.api, lambda s: s["state"] == state)
        one = self.get(self.api, "/api/sessions/" + found["session_id"])
        for session in found, one:
            self.assertLess(0, session["lasted_ms"])
            self.assertLess(session["lasted_ms"], LONG_MS)
        return one

    def check_all(self, seconds):
        self.mine_over_a_step(seconds)
        self.check("open")
        self.miner.close()
        self.upstream.close()
        self.wait_session(self.api, lambda s: s["state"] == "closed")
        told = self.check("closed")
        archive = self.finish(self.recorder)
        line = archive.event("closed", told["session_id"])
        self.assertEqual(self.check("closed")["lasted_ms"], line["lasted_us"] // 1000)
        os.unlink(os.path.join(self.data_dir, "live", "ring"))  # nothing but footers
        self.assertEqual(json.loads(self.ls())["lasted_us"], line["lasted_us"])
        return line

    def test_a_clock_that_is_set_forward_adds_nothing(self):
        self.check_all(10 * DAYS)

    def test_a_clock_that_is_set_back_takes_nothing_away(self):
        self.check_all(-10 * DAYS)

    def test_the_hashrate_is_that_of_the_time_that_passed(self):
        self.mine_over_a_step(10 * DAYS)
        self.wait_session(self.api, lambda s: s["accepted"] == 2)
        stats = self.check("open")["stats"]
        self.assertGreater(stats["hashrate_estimate"], 2 * 1024 * 2 ** 32 / (LONG_MS / 1000))

    def test_a_session_that_a_crash_ended_lasted_until_then(self):
        self.mine_over_a_step(-10 * DAYS)
        before = self.check("open")["lasted_ms"]
        self.recorder.kill()
        self.assertEqual(self.check("open")["lasted_ms"], before)
        self.recorder = self.start(self.pool)
        self.assertEqual(self.check("closed")["lasted_ms"], before)
        archive = self.finish(self.recorder)
        self.assertEqual(self.check("closed")["lasted_ms"], before)
        self.assertEqual(archive.events("closed")[0]["lasted_us"] // 1000, before)


if __name__ == "__main__":
    unittest.main()
