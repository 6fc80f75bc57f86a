"""How fast the API answers: lists and single messages beside a recorder under load, pages of an archive
of 5 GB, and a thousand WebSocket readers and what they cost the relay.

api-live     2,000 messages/s pass; GET messages with 100 rows at 200 requests/s (latency), then as
             many as go (wrk, 4 connections), then GET messages/{id}
api-archive  first pages of a session, an hour, and a rare text that lies in the middle of everything
api-readers  1,000 sessions; a reader for each, 20 that follow everything in batches, 10 of which read
             nothing; the relay's round trip in turns without and with them
"""
import http.client
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse

import figures
import quiet
import reading

PHASES = ("api-live", "api-archive", "api-readers")
MINERS, RATE = 1000, 1000        # submits a second, each with an answer
PACED, PACED_SECONDS = 200, 10   # requests a second
SECONDS = 6


class ServingFailed(Exception):
    """A program failed, or an answer was not what it should be."""


def missing(chosen):
    return ["wrk"] if "api-live" in chosen and not shutil.which("wrk") else []


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
    raise ServingFailed("nobody listens on port %d" % port)


def percentile(values, part):
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


class Scene:
    """Recorder and API on a directory of their own, or an API on an archive that is there."""

    def __init__(self, options, data_dir=None):
        self.build, self.processes = os.path.abspath(options.build), []
        self.folder = tempfile.mkdtemp(prefix="bench-api-", dir=options.build)
        self.pool, self.listen, self.port = free_port(), free_port(), free_port()
        self.environment = {
            "PATH": os.environ["PATH"], "DATA_DIR": data_dir or os.path.join(self.folder, "data"),
            "POOL_HOST": "127.0.0.1", "POOL_PORT": str(self.pool), "LISTEN_HOST": "127.0.0.1",
            "LISTEN_PORT": str(self.listen), "API_HOST": "127.0.0.1", "API_PORT": str(self.port),
            "UI_PORT": "0", "LOG_LEVEL": "warn"}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, name, *arguments, kept=True, **options):
        process = subprocess.Popen([os.path.join(self.build, name), *map(str, arguments)],
                                   env=self.environment, cwd=self.folder, **options)
        if kept:
            self.processes.append(process)
        return process

    def start_recorder(self):
        self.recorder = self.start("bin/hashscope-recorder")
        wait_listening(self.listen)

    def start_api(self):
        self.api = self.start("bin/hashscope-api")
        wait_listening(self.port)

    def load(self, seconds):
        return self.start("tests/bench/stratum_load", "--pool", "127.0.0.1:%d" % self.pool,
                          "--connect", "127.0.0.1:%d" % self.listen, "--pid", self.recorder.pid,
                          "--miners", MINERS, "--rate", RATE, "--seconds", seconds,
                          "--no-close-check", kept=False, stdout=subprocess.PIPE)

    def get(self, path, connection=None):
        client = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        client.request("GET", path)
        answer = client.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise ServingFailed("%s: %d %s" % (path, answer.status, body[:200]))
        return body

    def wrk(self, path):
        done = subprocess.run(["wrk", "-t", "1", "-c", "4", "-d", "%ds" % SECONDS,
                               "http://127.0.0.1:%d%s" % (self.port, path)],
                              stdout=subprocess.PIPE, check=True)
        said = done.stdout.decode()
        if "Non-2xx" in said:
            raise ServingFailed(said)
        return float(re.search(r"Requests/sec: *([0-9.]+)", said)[1])


def paced(scene, path):
    """Milliseconds of each request, at a fixed pace: one that comes late begins late."""
    client = http.client.HTTPConnection("127.0.0.1", scene.port, timeout=60)
    begin, taken = time.monotonic(), []
    for number in range(PACED * PACED_SECONDS):
        due = begin + number / PACED
        time.sleep(max(0, due - time.monotonic()))
        started = time.monotonic()
        try:
            scene.get(path, client)
        except http.client.RemoteDisconnected:
            client.close()
            scene.get(path, client)
        taken.append(1000 * (time.monotonic() - started))
    return taken


def live(options):
    runs = []
    for _ in range(options.runs):
        with Scene(options) as scene:
            scene.start_recorder()
            scene.start_api()
            load = scene.load(PACED_SECONDS + 2 * SECONDS + 8)
            time.sleep(3)
            path = "/api/messages?source=live&limit=100"
            quiet.wait_for_quiet(options)
            watch = quiet.Watch()
            taken = paced(scene, path)
            one = json.loads(scene.get(path))["items"][0]["id"]
            runs.append({"phase": "api-live", "relay": "hashscope", "p50_ms": percentile(taken, 0.5),
                         "p99_ms": percentile(taken, 0.99), "lists": scene.wrk(path),
                         "ones": scene.wrk("/api/messages/" + one), "others": watch.others(0)})
            load.communicate()
        print("%-9s %s" % ("api-live", runs[-1]), file=sys.stderr)
    return runs


def archived(options):
    part = reading.QUICK_PART if options.quick else 1
    place = reading.Place(options, "api", reading.TEXT_BYTES // part,
                          reading.SEGMENT_TEXT_BYTES // part)
    names = {"--session": "session_id", "--since": "from", "--until": "to", "--method": "method"}
    try:
        asked = [(name, [(names[key], value) for key, value in zip(args[::2], args[1::2])])
                 for name, args in reading.questions(place)]
        asked.append(("a rare text", [("q", reading.RARE_TEXT)]))
        with Scene(options, place.folder) as scene:
            scene.start_api()
            runs = []
            for name, query in asked:
                path = "/api/messages?source=archive&" + urllib.parse.urlencode(query)
                taken = []
                for _ in range(3):
                    begin = time.monotonic()
                    if not json.loads(scene.get(path))["items"]:
                        raise ServingFailed("%s: nothing found" % path)
                    taken.append(1000 * (time.monotonic() - begin))
                runs.append({"phase": "api-archive", "relay": "hashscope", "question": name,
                             "wall_ms": min(taken), "others": 0})
                print("%-9s %s: %.1f ms" % ("api-arch", name, min(taken)), file=sys.stderr)
            used, _ = place.hashscope("cat", "--json", "--grep", reading.RARE_TEXT)
            runs[-1]["cat_ms"] = used["wall_ms"]
        return runs
    finally:
        place.remove()


def session_ids(scene):
    done = subprocess.run([os.path.join(scene.build, "bin/hashscope"), "sessions", "--json"],
                          env=scene.environment, capture_output=True, check=True)
    return sorted(set(re.findall(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f-]{21}", done.stdout.decode())))


def read_along(scene):
    lines = ["/api/ws?session_id=" + session for session in session_ids(scene)[:MINERS]]
    lines += ["/api/ws?batch=1"] * 10 + ["!/api/ws?batch=1"] * 10
    readers = scene.start("tests/bench/api_readers", "--connect", "127.0.0.1:%d" % scene.port, "--pid",
                          scene.api.pid, "--seconds", SECONDS, kept=False, stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE)
    said = json.loads(readers.communicate("\n".join(lines).encode())[0])
    if readers.returncode != 0:
        raise ServingFailed("api_readers: status %d" % readers.returncode)
    return said


def readers(options):
    runs = []
    for _ in range(options.runs):
        with Scene(options) as scene:
            scene.start_recorder()
            quiet.wait_for_quiet(options)
            alone = json.loads(scene.load(SECONDS + 6).communicate()[0])
            scene.start_api()
            load = scene.load(SECONDS + 6)
            time.sleep(3)
            seen = read_along(scene)
            beside = json.loads(load.communicate()[0])
            runs.append({"phase": "api-readers", "relay": "hashscope", "seen": seen, "others": 0,
                         "alone": alone, "beside": beside})
        print("%-9s %s" % ("readers", json.dumps(seen)), file=sys.stderr)
    return runs


def run_phases(options, chosen, results):
    """Appends to `results`; returns the number of failures."""
    failed = 0
    for phase, work in zip(PHASES, (live, archived, readers)):
        try:
            results += work(options) if phase in chosen else []
        except (ServingFailed, reading.ReadingFailed, subprocess.CalledProcessError, OSError) as fault:
            print("FAILED %s: %s" % (phase, fault), file=sys.stderr, flush=True)
            failed += 1
    return failed


# ---- figures

def row(phase, label, value, unit, must, max_other, others=0.0, less=True):
    figure = figures.Figure(label, phase, "value", unit, peer=None, must=must, absolute=True, less=less)
    return figures.row_of(figure, value, None, None, others <= max_other)


def evaluate(results, max_other):
    """Rows of the table of figures, of what was run."""
    rows = []
    mine = [run for run in results if run.get("phase") == "api-live"]
    for key, label, unit, must, less in (
            ("p99_ms", "GET messages, 100 rows, p99 at 200/s", "ms", 5, True),
            ("lists", "GET messages, 100 rows", "/s", 500, False),
            ("ones", "GET messages/{id}", "/s", 5000, False)) if mine else ():
        rows.append(row("api-live", label, statistics.median(run[key] for run in mine), unit, must,
                        max_other, 0, less))
    for run in (run for run in results if run.get("phase") == "api-archive"):
        must = None if "cat_ms" in run else 100
        rows.append(row("api-archive", "first page, " + run["question"], run["wall_ms"], "ms", must,
                        max_other))
    mine = [run for run in results if run.get("phase") == "api-readers"]
    if mine:
        rows.append(row("api-readers", "seen by a reader, p99",
                        statistics.median(run["seen"]["single"]["p99_ms"] for run in mine), "ms", 50,
                        max_other))
        for key in ("p50", "p90"):
            ratio = statistics.median(run["beside"]["round_trip_us"][key] /
                                      run["alone"]["round_trip_us"][key] for run in mine)
            rows.append(row("api-readers", "relay's %s with readers, of that without" % key, ratio, "",
                            None, max_other))
    return rows
