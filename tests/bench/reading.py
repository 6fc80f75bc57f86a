"""How fast what was recorded is found again: `hashscope cat` and `ls` on an archive made for it, and
how fast the recorder starts behind a crash.

Text search and the printing of everything run in turns with `rg -z` on the same files. Each program
writes to /dev/null and is measured as a whole, start and end included: wall time, and the processor
time of it and all its children. Queries by session, hour and method are asked of an archive of 5 GB
(before compression), whose share that was read is what `cat --stats` says. Everything lies in the
page cache, so this measures programs, not disks.
"""
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import archive
import figures
import quiet
import recovery

TEXT_BYTES = 5_000_000_000
SEGMENT_TEXT_BYTES = 64_000_000   # what an hour of 40 lines a second comes to, and a half
LS_TEXT_BYTES, LS_SEGMENT_TEXT_BYTES = 317_000_000, 300_000  # a thousand segments
QUICK_PART = 10                   # with --quick: a tenth of all that
RARE_TEXT = "zanzibar.rare"       # archive_make says it once, in the middle
RARE_METHOD = "client.reconnect"  # likewise
PAGE = ["--limit", "100"]
PHASES = ("cat", "grep", "pages", "ls", "recovery")


class ReadingFailed(Exception):
    """A program failed, or did not find what is there."""


def measure(command, env=None, output=subprocess.DEVNULL):
    """Milliseconds of wall and processor time, and what was said on stderr."""
    with tempfile.TemporaryFile() as said:
        watch, began = quiet.Watch(), time.monotonic()
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=said,
                              env=env) as process:
            _, status, usage = os.wait4(process.pid, 0)
            wall = time.monotonic() - began
            process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        text = said.read().decode()
    if process.returncode != 0:
        raise ReadingFailed("%s: status %d: %s" % (" ".join(command[:4]), process.returncode, text))
    seconds = usage.ru_utime + usage.ru_stime
    return {"wall_ms": 1000 * wall, "cpu_ms": 1000 * seconds,
            "others": watch.others(seconds)}, text


def median(runs, key):
    return statistics.median(run[key] for run in runs) if runs else None


def missing(chosen):
    wanted = {"cat", "grep"} & set(chosen)
    return ["ripgrep"] if wanted and not shutil.which("rg") else []


class Place:
    """An archive, made for this."""

    def __init__(self, options, name, text_bytes, segment_text_bytes):
        self.options = options
        self.folder = tempfile.mkdtemp(prefix="bench-%s-" % name, dir=options.build)
        try:
            subprocess.run([os.path.join(options.build, "tests", "bench", "archive_make"),
                            self.folder, str(text_bytes), str(segment_text_bytes)],
                           check=True, stdout=subprocess.DEVNULL)
        except BaseException:
            self.remove()
            raise
        self.files = archive.segment_files(self.folder)
        self.bytes = sum(os.path.getsize(path) for path in self.files)
        self.env = dict(os.environ, DATA_DIR=self.folder, RING_DIR="")

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def command(self, *args):
        return [os.path.join(self.options.build, "bin", "hashscope"), *args]

    def hashscope(self, *args):
        return measure(self.command(*args), self.env)

    def lines(self, *args):
        """What a command prints, a parsed line each."""
        done = subprocess.run(self.command(*args), env=self.env, stdout=subprocess.PIPE, check=True)
        return [json.loads(line) for line in done.stdout.splitlines()]


def ripgrep(place, pattern):
    return ["rg", "-z", "-a", "-F", "--no-filename", "--no-line-number", "-e", pattern, "--",
            *place.files]


def count_bytes(command, env=None):
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=env) as process:
        total = 0
        while piece := process.stdout.read(1 << 20):
            total += len(piece)
    return total


def against_ripgrep(place, name, ours, pattern):
    """The two in turns, after one of each that does not count but must print as many bytes."""
    theirs = ripgrep(place, pattern)
    printed = count_bytes(place.command(*ours), place.env), count_bytes(theirs)
    if printed[0] != printed[1] or printed[0] == 0:
        raise ReadingFailed("%s prints %d bytes, rg -z %d" % (name, *printed))
    runs = []
    for turn in range(place.options.runs):
        quiet.wait_for_quiet(place.options)
        pair = [("hashscope", place.command(*ours), place.env), ("rg", theirs, None)]
        for who, command, env in pair if turn % 2 else pair[::-1]:
            used, _ = measure(command, env)
            runs.append(dict(used, phase=name, relay=who))
            print("%-9s %-9s %.0f ms, processor %.0f ms" % (name, who, used["wall_ms"],
                                                           used["cpu_ms"]), file=sys.stderr)
    return runs


def questions(place):
    """Name and arguments of each, picked from the archive: a short session and an hour from a third
    of it on, and the one message with a rare method."""
    sessions = place.lines("ls", "--json")
    later = [session for session in sessions[len(sessions) // 3:] if "first" in session]
    session = min(later, key=lambda one: one["last_seq"] - one["first_seq"])
    begin = session["first"][:14]  # with --quick an hour has six minutes, as the archive is smaller
    end = begin + ("05:59Z" if place.options.quick else "59:59Z")
    return [("a session", ["--session", session["session"]]),
            ("an hour", ["--since", begin + "00:00Z", "--until", end]),
            ("a rare method", ["--method", RARE_METHOD])]


def ask(place, name, args):
    """The best of three: what is measured is the work, not what else the machine did."""
    runs = []
    for _ in range(3):
        used, said = place.hashscope("cat", "--json", "--stats", *args)
        told = json.loads(said.splitlines()[-1])
        if told["rows"] == 0 or told["damaged"]:
            raise ReadingFailed("%s: %s" % (name, said))
        runs.append(dict(used, phase="pages", relay="hashscope", question=name, rows=told["rows"],
                         read_percent=100 * told["bytes_read"] / place.bytes,
                         frames=told["frames_read"], files=told["files_opened"]))
    best = min(runs, key=lambda run: run["wall_ms"])
    print("%-9s %-9s %d rows in %.1f ms, %.2f %% read" % (
        "pages", name, best["rows"], best["wall_ms"], best["read_percent"]), file=sys.stderr)
    return best


def pages(place):
    asked = questions(place)
    runs = [ask(place, name, args) for name, args in asked]
    runs += [ask(place, "first page, " + name, args + PAGE) for name, args in asked]
    runs += [ask(place, "newest page, " + name, args + PAGE + ["--newest-first"])
             for name, args in asked]
    return runs


def listing(place):
    runs = []
    for _ in range(max(3, place.options.runs)):
        quiet.wait_for_quiet(place.options)
        used, _ = place.hashscope("ls", "--json")
        runs.append(dict(used, phase="ls", relay="hashscope", segments=len(place.files)))
    print("ls        hashscope %.1f ms, %d segments" % (median(runs, "wall_ms"), len(place.files)),
          file=sys.stderr)
    return runs


def recover(options):
    """The start behind a crash at its worst, recovery.py."""
    folder = tempfile.mkdtemp(prefix="bench-recovery-", dir=options.build)
    size = recovery.size("120M") // (QUICK_PART if options.quick else 1)
    runs = []
    try:
        for taken in recovery.rounds(options.build, folder, size, "64M", max(3, options.runs)):
            runs.append({"phase": "recovery", "relay": "hashscope", "wall_ms": taken, "others": 0})
            print("recovery  hashscope %.0f ms" % taken, file=sys.stderr)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return runs


def on_place(options, name, sizes, work):
    """What these give on one archive, which is gone afterwards."""
    place = Place(options, name, *sizes)
    try:
        return [run for part in work for run in part(place)]
    finally:
        place.remove()


def run(options, chosen):
    part = QUICK_PART if options.quick else 1
    work = {
        "cat": lambda place: against_ripgrep(place, "cat", ["cat", "--json"], ""),
        "grep": lambda place: against_ripgrep(place, "grep", ["cat", "--json", "--grep", RARE_TEXT],
                                              RARE_TEXT),
        "pages": pages,
    }
    wanted = [work[name] for name in chosen if name in work]
    runs = []
    if wanted:
        runs += on_place(options, "archive", (TEXT_BYTES // part, SEGMENT_TEXT_BYTES // part), wanted)
    if "ls" in chosen:
        runs += on_place(options, "ls", (LS_TEXT_BYTES // part, LS_SEGMENT_TEXT_BYTES), [listing])
    if "recovery" in chosen:
        runs += recover(options)
    return runs


def run_phases(options, chosen, results):
    """Appends to `results`; returns the number of failures."""
    try:
        results += run(options, chosen)
    except (ReadingFailed, recovery.RecoveryFailed, subprocess.CalledProcessError,
            OSError) as fault:
        print("FAILED reading: %s" % fault, file=sys.stderr, flush=True)
        return 1
    return 0


# ---- figures

def compare(results, max_other):
    """The two in turns: how many times faster, and for how much less of the processor."""
    rows = []
    for phase, what in (("cat", "cat of everything"), ("grep", "search for a rare text")):
        ours, theirs = ([run for run in results if run["phase"] == phase and run["relay"] == who]
                        for who in ("hashscope", "rg"))
        for key, label in (("wall_ms", what), ("cpu_ms", "  processor time")) if ours else ():
            figure = figures.Figure(label, phase, key, "ms", peer="rg -z", must=1.0, aim=2.0,
                                    less=False)
            value, peer = median(ours, key), median(theirs, key)
            still = median(ours + theirs, "others") <= max_other
            rows.append(figures.row_of(figure, value, peer, peer / value, still))
    return rows


def absolute(run, label, key, unit, must, aim, max_other):
    figure = figures.Figure(label, run["phase"], key, unit, peer=None, must=must, aim=aim,
                            absolute=True)
    still = key == "read_percent" or run["others"] <= max_other
    return figures.row_of(figure, run[key], None, None, still)


def evaluate(results, max_other):
    """Rows of the table of figures, of what was run."""
    rows = compare(results, max_other)
    for one in (run for run in results if run["phase"] == "pages"):
        name = one["question"]
        if "page" in name:
            rows.append(absolute(one, name, "wall_ms", "ms", 100, 30, max_other))
        else:
            rows.append(absolute(one, "all of " + name, "read_percent", "%", 2, None, max_other))
            rows.append(absolute(one, "  time", "wall_ms", "ms", None, 50, max_other))
    listed = [run for run in results if run["phase"] == "ls"]
    if listed:
        middle = {"phase": "ls", "wall_ms": median(listed, "wall_ms"),
                  "others": median(listed, "others")}
        label = "ls, {:,} segments".format(listed[0]["segments"])
        rows.append(absolute(middle, label, "wall_ms", "ms", 300, 50, max_other))
    started = [run for run in results if run["phase"] == "recovery"]
    if started:
        middle = dict(started[0], wall_ms=median(started, "wall_ms"))
        label = "start with a full ring and a torn segment"
        rows.append(absolute(middle, label, "wall_ms", "ms", 2000, 200, max_other))
    return rows
