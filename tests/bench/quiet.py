"""What the rest of the machine does."""
import os
import time


def busy_ticks():
    with open("/proc/stat", encoding="ascii") as file:
        user, nice, system, _, _, irq, softirq, steal = map(int, file.readline().split()[1:9])
    return user + nice + system + irq + softirq + steal


class Watch:
    """From its making on: what others take, in percent of one processor."""

    def __init__(self):
        self.ticks, self.began = busy_ticks(), time.monotonic()

    def others(self, own_seconds):
        elapsed = time.monotonic() - self.began
        busy = (busy_ticks() - self.ticks) / os.sysconf("SC_CLK_TCK")
        return max(0.0, 100 * (busy - own_seconds) / elapsed)


def wait_for_quiet(options):
    """Until the machine does little else, but not for ever."""
    limit = time.monotonic() + options.patience
    while time.monotonic() < limit:
        before, began = busy_ticks(), time.monotonic()
        time.sleep(0.3)
        busy = (busy_ticks() - before) / os.sysconf("SC_CLK_TCK") / (time.monotonic() - began)
        if 100 * busy <= options.max_other:
            return
