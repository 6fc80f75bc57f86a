#!/usr/bin/env python3
"""WebSocket readers beside a busy recorder: 1,000 sessions, 2,000 messages/s; a reader for each session,
20 that follow everything in batches, 10 of which read nothing. Prints the relay's latency without and
with readers, and what the readers and the API's process saw.

Usage: tests/bench/api_bench.py [--build build] [--seconds 10]
"""
import argparse
import json
import os
import re
import socket
import subprocess
import tempfile
import time


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_listening(port):
    until = time.monotonic() + 20
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit(f"nobody listens on port {port}")


class Bench:
    def __init__(self, build, seconds, folder):
        self.build, self.seconds, self.folder = os.path.abspath(build), seconds, folder
        self.pool, self.listen, self.api = free_port(), free_port(), free_port()
        self.environment = {
            "PATH": os.environ["PATH"], "DATA_DIR": os.path.join(folder, "data"),
            "POOL_HOST": "127.0.0.1", "POOL_PORT": str(self.pool), "LISTEN_HOST": "127.0.0.1",
            "LISTEN_PORT": str(self.listen), "API_HOST": "127.0.0.1", "API_PORT": str(self.api),
            "UI_PORT": "0", "LOG_LEVEL": "warn"}

    def start(self, name, *arguments, **options):
        return subprocess.Popen([os.path.join(self.build, name), *map(str, arguments)],
                                env=self.environment, cwd=self.folder, **options)

    def load(self, recorder):
        return self.start("tests/bench/stratum_load", "--pool", f"127.0.0.1:{self.pool}",
                          "--connect", f"127.0.0.1:{self.listen}", "--pid", recorder.pid,
                          "--miners", 1000, "--rate", 1000, "--seconds", self.seconds + 6,
                          "--no-close-check", stdout=subprocess.PIPE)

    def sessions(self):
        done = subprocess.run([os.path.join(self.build, "bin/hashscope"), "sessions", "--json"],
                              env=self.environment, cwd=self.folder, capture_output=True, check=True)
        return sorted(set(re.findall(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f-]{21}",
                                     done.stdout.decode())))

    def read(self, api):
        lines = [f"/api/ws?session_id={session}" for session in self.sessions()[:1000]]
        lines += ["/api/ws?batch=1"] * 10 + ["!/api/ws?batch=1"] * 10
        readers = self.start("tests/bench/api_readers", "--connect", f"127.0.0.1:{self.api}",
                             "--pid", api.pid, "--seconds", self.seconds, stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE)
        return json.loads(readers.communicate("\n".join(lines).encode())[0])

    def run(self):
        recorder = self.start("bin/hashscope-recorder")
        try:
            wait_listening(self.listen)
            alone = json.loads(self.load(recorder).communicate()[0])
            api = self.start("bin/hashscope-api")
            wait_listening(self.api)
            load = self.load(recorder)
            time.sleep(3)
            seen = self.read(api)
            beside = json.loads(load.communicate()[0])
            api.terminate()
            api.wait()
        finally:
            recorder.terminate()
            recorder.wait()
        print(json.dumps({"readers": seen, "relay_alone": alone, "relay_beside": beside}, indent=1))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build")
    parser.add_argument("--seconds", type=int, default=10)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hashscope-bench-") as folder:
        Bench(options.build, options.seconds, folder).run()


if __name__ == "__main__":
    main()
