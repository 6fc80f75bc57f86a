#!/usr/bin/env python3
"""Times the start after a crash at its worst: a full ring of 64 MiB, and a torn segment of nearly
SEGMENT_MAX_BYTES, both made by the recorder itself under load, which is then killed.

    tests/bench/recovery.py [--bytes 120M] [--rounds 3] [--folder DIR]

What is timed: from starting the process until it says that it listens. The files are put back in front of each round.
"""
import argparse
import glob
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
UNITS = {"K": 1 << 10, "M": 1 << 20}


def size(text):
    return int(text[:-1]) * UNITS[text[-1]] if text[-1] in UNITS else int(text)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def takes_connections(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class RecoveryFailed(Exception):
    """The recorder or the load did not do what is timed here."""


class State:
    def __init__(self, build, folder, ring):
        self.build, self.folder, self.ring = build, folder, ring
        self.data = os.path.join(folder, "data")
        self.port, self.pool = free_port(), free_port()

    def start(self):
        """The process, and the seconds until it listened."""
        settings = {"PATH": os.environ["PATH"], "DATA_DIR": self.data, "RING_BYTES": self.ring,
                    "LISTEN_HOST": "127.0.0.1", "LISTEN_PORT": str(self.port),
                    "POOL_HOST": "127.0.0.1", "POOL_PORT": str(self.pool),
                    "SEGMENT_MAX_BYTES": "1G", "RECOMPRESS_LEVEL": "0"}
        begun = time.monotonic()
        with open(os.path.join(self.folder, "log"), "wb") as log:
            process = subprocess.Popen([os.path.join(self.build, "bin/hashscope-recorder")],
                                       env=settings, stderr=log)
        while b"listening on" not in self.log():
            if process.poll() is not None:
                raise RecoveryFailed(self.log().decode())
            time.sleep(0.001)
        said = time.monotonic()
        if not takes_connections(self.port):
            raise RecoveryFailed("the port takes no connection")
        return process, said - begun

    def log(self):
        with open(os.path.join(self.folder, "log"), "rb") as file:
            return file.read()

    def open_file(self):
        found = glob.glob(os.path.join(self.data, "segments/**/*.open"), recursive=True)
        return found[0] if found else None

    def fill(self, wanted):
        """Load until the segment has that size; then kill -9."""
        recorder, _ = self.start()
        load = subprocess.Popen(
            [os.path.join(self.build, "tests/bench/stratum_load"), "--pool",
             f"127.0.0.1:{self.pool}", "--connect", f"127.0.0.1:{self.port}", "--miners", "200",
             "--closed", "16", "--seconds", "60"],
            stdout=subprocess.DEVNULL)
        while not self.open_file() or os.path.getsize(self.open_file()) < wanted:
            if load.poll() is not None or recorder.poll() is not None:
                raise RecoveryFailed("the load or the recorder ended")
            time.sleep(0.05)
        recorder.send_signal(signal.SIGKILL)
        recorder.wait()
        load.kill()
        load.wait()
        path = self.open_file()  # at this rate whole frames are written: tear the last one
        os.truncate(path, os.path.getsize(path) - 1000)


def rounds(build, folder, wanted, ring, count):
    """Makes the files, then yields the milliseconds of each start."""
    state = State(build, folder, ring)
    state.fill(wanted)
    left = os.path.join(folder, "left")
    os.unlink(os.path.join(state.data, "live/control.sock"))
    shutil.copytree(state.data, left)
    for _ in range(count):
        shutil.rmtree(state.data)
        shutil.copytree(left, state.data)
        os.sync()
        recorder, seconds = state.start()
        torn = b"1 of them with a damaged end" in state.log()
        recorder.kill()
        recorder.wait()
        if not torn:
            raise RecoveryFailed("nothing was torn")
        yield 1000 * seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--bytes", default="120M")
    parser.add_argument("--ring", default="64M")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder")
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="hashscope-recovery-", dir=options.folder)
    try:
        for milliseconds in rounds(options.build, folder, size(options.bytes), options.ring,
                                   options.rounds):
            print(f"listens after {milliseconds:.0f} ms")
    except RecoveryFailed as fault:
        sys.exit(f"recovery: {fault}")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
