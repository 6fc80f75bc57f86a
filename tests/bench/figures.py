"""The figures that the recorder is judged by: what it must reach, what it aims at, and the table."""
import statistics

RECORDER, HAPROXY, FLOOR = "recorder", "haproxy", "relay_uv"


class Figure:
    """One row. `key` names a value of a run's results (dots go down into them), taken as the median
    of the runs of `phase`. `must` and `aim` are bounds, of the ratio to the peer, or of the value
    itself when `absolute`; `less` says that smaller is better. The aim may have another peer or be
    a ratio where the must is absolute: then it is a row of its own."""

    def __init__(self, what, phase, key, unit, peer=HAPROXY, must=None, aim=None, absolute=False,
                 less=True):
        self.what, self.phase, self.key, self.unit, self.peer = what, phase, key, unit, peer
        self.must, self.aim, self.absolute, self.less = must, aim, absolute, less


CPU, RATE = "load.relay_cpu_us_per_message", "load.messages_per_s"
P50, P90 = "load.round_trip_us.p50", "load.round_trip_us.p90"
TIMED = (CPU, RATE, P50, P90)  # what other processes can spoil
MEMORY, ARCHIVE = "load.memory.rss_kib_per_session", "archive.bytes_per_message"
FIGURES = [
    Figure("CPU per message, 2,000 submits/s", "cpu2000", CPU, "us", must=1.0),
    Figure("  against the bare relay", "cpu2000", CPU, "us", peer=FLOOR, aim=1.15),
    Figure("CPU per message, 10,000 submits/s", "cpu10000", CPU, "us", must=1.0),
    Figure("  against the bare relay", "cpu10000", CPU, "us", peer=FLOOR, aim=1.15),
    Figure("closed loop, window 1", "closed1", RATE, "msg/s", must=0.95, aim=1.05, less=False),
    Figure("closed loop, window 16", "closed16", RATE, "msg/s", must=300000, absolute=True,
           less=False),
    Figure("  against HAProxy", "closed16", RATE, "msg/s", aim=1.0, less=False),
    Figure("  gaps in its archive", "closed16", "archive.gaps", "", peer=None, must=0,
           absolute=True),
    Figure("round trip p50, 2,000 submits/s", "cpu2000", P50, "us", must=1.05, aim=0.95),
    Figure("round trip p90, 2,000 submits/s", "cpu2000", P90, "us", must=1.05, aim=0.95),
    Figure("memory per idle session", "idle", MEMORY, "KiB", must=3, aim=1, absolute=True),
    Figure("archive, 100 sessions", "archive", ARCHIVE, "B/msg", peer=None, must=30, aim=28,
           absolute=True),
    Figure("  recompressed", "archive", "recompressed.bytes_per_message", "B/msg", peer=None, must=23,
           aim=20, absolute=True),
    Figure("archive, 10 messages/s", "low-rate", ARCHIVE, "B/msg", peer=None, must=42, aim=36,
           absolute=True),
]


def pick(run, key):
    for part in key.split("."):
        run = run.get(part) if isinstance(run, dict) else None
    return run


def quiet_runs(runs, max_other):
    """The runs that other processes disturbed little; where these are fewer than half, the least
    disturbed half. The second value is False in that case."""
    by_noise = sorted(runs, key=lambda run: run["load"]["other_cpu_percent"])
    quiet = [run for run in by_noise if run["load"]["other_cpu_percent"] <= max_other]
    half = (len(runs) + 1) // 2
    return (quiet, True) if len(quiet) >= half else (by_noise[:half], False)


def median_of(runs, phase, relay, key, max_other):
    """Median of a value, and whether the runs were quiet; (None, True) when there is none. A number
    of gaps is a maximum: one run with a gap is one too many."""
    chosen = [run for run in runs if run["phase"] == phase and run["relay"] == relay]
    if key == "archive.gaps":
        gaps = [pick(run, key) for run in chosen if pick(run, key) is not None]
        return (max(gaps) if gaps else None), True
    quiet, all_quiet = quiet_runs(chosen, max_other)
    values = [pick(run, key) for run in quiet if pick(run, key) is not None]
    return (statistics.median(values) if values else None), all_quiet


def verdict(figure, value, ratio):
    judged = value if figure.absolute else ratio
    if judged is None:
        return "not measured"
    # The small allowance is for binary fractions, not for slack.
    def reached(bound):
        return judged <= bound + 1e-9 if figure.less else judged >= bound - 1e-9
    if figure.must is not None and not reached(figure.must):
        return "MISS"
    if figure.aim is not None:
        if reached(figure.aim):
            return "aim met"
        return "must met" if figure.must is not None else "short of aim"
    return "must met"


def row_of(figure, value, peer_value, ratio, quiet):
    return {"what": figure.what.strip(), "label": figure.what, "phase": figure.phase,
            "measured": value, "unit": figure.unit, "peer": figure.peer,
            "peer_measured": peer_value, "ratio": ratio, "must": figure.must,
            "aim": figure.aim, "absolute": figure.absolute, "less": figure.less,
            "quiet": quiet, "verdict": verdict(figure, value, ratio)}


def evaluate(runs, max_other):
    """One dictionary a figure."""
    rows = []
    for figure in FIGURES:
        value, quiet = median_of(runs, figure.phase, RECORDER, figure.key, max_other)
        peer, peer_quiet = (None, True)
        if figure.peer:
            peer, peer_quiet = median_of(runs, figure.phase, figure.peer, figure.key, max_other)
        ratio = value / peer if value is not None and peer else None
        still = figure.key not in TIMED or (quiet and peer_quiet)
        rows.append(row_of(figure, value, peer, ratio, still))
    return rows


def format_value(value, unit):
    if value is None:
        return "-"
    digits = 0 if abs(value) >= 1000 or unit == "" else 1 if abs(value) >= 100 else 2
    text = "{:,.{}f}".format(value, digits)
    return text + (" " + unit if unit else "")


def format_bound(row, bound):
    if bound is None:
        return ""
    sign = "<=" if row["less"] else ">="
    return "%s %s" % (sign, "{:,g}".format(bound) if row["absolute"] else "%g x" % bound)


def print_columns(header, rows):
    widths = [max(len(row[i]) for row in [header] + rows) for i in range(len(header))]
    for row in [header, ["-" * width for width in widths]] + rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:-1], widths[1:-1])]
        print(" | ".join(cells + [row[-1]]).rstrip())


def print_figures(rows):
    table = []
    for row in rows:
        peer = format_value(row["peer_measured"], row["unit"])
        table.append([row["label"], format_value(row["measured"], row["unit"]),
                      "%s %s" % (row["peer"], peer) if row["peer"] else "-",
                      "%.2f x" % row["ratio"] if row["ratio"] is not None else "-",
                      format_bound(row, row["must"]), format_bound(row, row["aim"]),
                      row["verdict"] + ("" if row["quiet"] else " (disturbed)")])
    print_columns(["what", "measured", "peer", "ratio", "must", "aim", "verdict"], table)


COLUMNS = [
    ("msg/s", RATE, "%.0f"), ("CPU us/msg", CPU, "%.2f"),
    ("CPU %", "load.relay_cpu_percent", "%.0f"), ("load's CPU %", "load.own_cpu_percent", "%.0f"),
    ("p50 us", P50, "%.0f"), ("p90 us", P90, "%.0f"), ("p99 us", "load.round_trip_us.p99", "%.0f"),
    ("KiB/session", MEMORY, "%.2f"), ("pss", "load.memory.pss_kib_per_session", "%.2f"),
    ("MiB", "load.memory.rss_after_kib", "%.1f"), ("B/msg", ARCHIVE, "%.1f"),
    ("other %", "load.other_cpu_percent", "%.0f"),
]
SHOWN = {"idle": ("KiB/session", "pss", "MiB", "other %"),
         "archive": ("msg/s", "CPU us/msg", "B/msg", "other %"),
         "low-rate": ("msg/s", "B/msg", "other %")}
SHOWN["idle-cold"] = SHOWN["idle"]
SHOWN_LOAD = ("msg/s", "CPU us/msg", "CPU %", "load's CPU %", "p50 us", "p90 us", "p99 us", "B/msg",
              "other %")


def print_phase(runs, phase, relays, max_other):
    """The medians of every relay in one phase."""
    columns = [c for c in COLUMNS if c[0] in SHOWN.get(phase, SHOWN_LOAD)]
    table = []
    for relay in relays:
        chosen = [run for run in runs if run["phase"] == phase and run["relay"] == relay]
        if not chosen:
            continue
        quiet, _ = quiet_runs(chosen, max_other)
        cells = []
        for _, key, form in columns:
            value, _ = median_of(runs, phase, relay, key, max_other)
            value = value / 1024 if key.endswith("rss_after_kib") and value is not None else value
            cells.append("-" if value is None else form % value)
        table.append([relay] + cells + ["%d of %d runs" % (len(quiet), len(chosen))])
    if table:
        print()
        print_columns([phase] + [c[0] for c in columns] + ["median of"], table)
