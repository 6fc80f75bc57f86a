"""How fast tshark reads an export with our dissector: a million messages, in turns with tshark's own
JSON dissector on the same file, both as `tshark -r FILE` prints it. What counts is processor time.
"""
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

import figures
import quiet
import reading

PHASES = ("dissector",)
MESSAGES = 1_000_000
LINE_BYTES = 251.3                 # of a message in the archive that archive_make writes
SEGMENT_TEXT_BYTES = 64_000_000
DISSECTOR = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__)))), "exporter/wireshark/stratum.lua")
MUST = 3.0


def missing(chosen):
    return ["tshark"] if "dissector" in chosen and not shutil.which("tshark") else []


def work(place):
    with tempfile.TemporaryDirectory(prefix="bench-dissector-", dir=place.options.build) as folder:
        path = os.path.join(folder, "out.pcapng")
        subprocess.run(place.command("export", "-o", path), env=place.env, check=True)
        environment = {**os.environ, "HOME": folder, "XDG_CONFIG_HOME": folder}
        commands = [("hashscope", ["tshark", "-X", "lua_script:" + DISSECTOR, "-r", path]),
                    ("json", ["tshark", "-r", path, "-d", "tcp.port==3333,json"])]
        runs = []
        for turn in range(min(place.options.runs, 3)):
            quiet.wait_for_quiet(place.options)
            for who, command in commands if turn % 2 == 0 else commands[::-1]:
                used, _ = reading.measure(command, environment)
                runs.append(dict(used, phase="dissector", relay=who))
                print("dissector %-9s %.1f s of processor time" % (who, used["cpu_ms"] / 1000),
                      file=sys.stderr, flush=True)
        return runs


def run_phases(options, chosen, results):
    """Appends to `results`; returns the number of failures."""
    if "dissector" not in chosen:
        return 0
    size = int(MESSAGES * LINE_BYTES) // (reading.QUICK_PART if options.quick else 1)
    try:
        results += reading.on_place(options, "dissector", (size, SEGMENT_TEXT_BYTES), [work])
    except (reading.ReadingFailed, subprocess.CalledProcessError, OSError) as fault:
        print("FAILED dissector: %s" % fault, file=sys.stderr, flush=True)
        return 1
    return 0


def evaluate(results, max_other):
    """Rows of the table of figures, of what was run."""
    mine = [run for run in results if run.get("phase") == "dissector" and "failed" not in run]
    if not mine:
        return []
    ours, theirs = (statistics.median(run["cpu_ms"] for run in mine if run["relay"] == who)
                    for who in ("hashscope", "json"))
    still = statistics.median(run["others"] for run in mine) <= max_other
    figure = figures.Figure("processor time to read an export", "dissector", "cpu_ms", "ms",
                            peer="json", must=MUST, aim=None)
    return [figures.row_of(figure, ours, theirs, ours / theirs, still)]
