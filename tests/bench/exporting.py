"""How fast recordings become packets: `hashscope export` of a million messages, in turns with
`editcap` copying the very file that came out, and with `text2pcap` making the same packets out of a
hex dump of them (a tenth as many: it takes its time). What counts is packets per second of processor
time, of each program as a whole. And how much memory it takes, for a thousand messages and for a
million.
"""
import os
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time

import figures
import quiet
import reading

PHASES = ("export",)
MESSAGES = 1_000_000
LINE_BYTES = 251.3                 # of a message in the archive that archive_make writes
SEGMENT_TEXT_BYTES = 64_000_000
DUMPED_PART = 10                   # of the packets, for text2pcap
FEW_MESSAGES = 1_000
PEERS = ("editcap", "text2pcap")


def missing(chosen):
    return ["tshark (for editcap)"] if "export" in chosen and not shutil.which("editcap") else []


def packets_of(pcap):
    """(seconds, nanoseconds, bytes) of each packet."""
    with open(pcap, "rb") as file:
        file.read(24)
        while head := file.read(16):
            seconds, nanoseconds, size, _ = struct.unpack("<IIII", head)
            yield seconds, nanoseconds, file.read(size)


def dump(pcap, path, limit):
    """The packets as text2pcap reads them; how many there are."""
    count = 0
    with open(path, "w", encoding="ascii") as file:
        for seconds, nanoseconds, data in packets_of(pcap):
            if count == limit:
                break
            count += 1
            file.write(time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) +
                       ".%09dZ\n" % nanoseconds)
            for at in range(0, len(data), 16):
                file.write("%04x  %s\n" % (at, data[at:at + 16].hex(" ")))
            file.write("\n")
    return count


def count_packets(path):
    done = subprocess.run(["capinfos", "-c", "-M", "-T", "-r", path], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, check=True)
    return int(done.stdout.split()[-1])


def peak_kib(command, env):
    """The highest memory of a process, looked at while it runs."""
    peak = 0
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, env=env) as process:
        while process.poll() is None:
            try:
                with open("/proc/%d/status" % process.pid, encoding="ascii") as file:
                    found = [line for line in file if line.startswith("VmHWM")]
                peak = max(peak, int(found[0].split()[1]) if found else 0)
            except OSError:
                pass
            time.sleep(0.001)
    if process.returncode != 0:
        raise reading.ReadingFailed("%s: status %d" % (command, process.returncode))
    return peak


class Exports:
    """Commands of the three programs, on one archive."""

    def __init__(self, place, folder):
        self.place, self.folder = place, folder
        self.pcapng, self.copy = self.path("out.pcapng"), self.path("copy.pcapng")
        self.dumped = self.path("packets.txt")
        subprocess.run(self.command("-o", self.pcapng), env=place.env, check=True)
        subprocess.run(self.command("-o", self.path("few.pcap")), env=place.env, check=True)
        self.packets = count_packets(self.pcapng)
        self.dumped_packets = dump(self.path("few.pcap"), self.dumped, self.packets // DUMPED_PART)
        os.remove(self.path("few.pcap"))

    def path(self, name):
        return os.path.join(self.folder, name)

    def command(self, *args):
        return self.place.command("export", *args)

    def turns(self):
        """Name, command, packets."""
        return [("hashscope", self.command("-o", self.copy), self.packets),
                ("editcap", ["editcap", self.pcapng, self.copy], self.packets),
                ("text2pcap", ["text2pcap", "-q", "-l", "101", "-t", "ISO", self.dumped, self.copy],
                 self.dumped_packets)]

    def measure(self):
        runs = []
        for turn in range(self.place.options.runs):
            quiet.wait_for_quiet(self.place.options)
            programs = self.turns()
            for who, command, packets in programs[turn % 3:] + programs[:turn % 3]:
                used, _ = reading.measure(command, self.place.env)
                if count_packets(self.copy) != packets:
                    raise reading.ReadingFailed("%s: packets are missing" % who)
                rate = packets / used["cpu_ms"] * 1000
                runs.append(dict(used, phase="export", relay=who, per_cpu_s=rate))
                print("export    %-9s %.0f packets a second of processor time" % (who, rate),
                      file=sys.stderr)
        return runs

    def memory(self, name, *args):
        kib = peak_kib(self.command("-o", self.copy, *args), self.place.env)
        print("export    memory    %.1f MiB, %s messages" % (kib / 1024, name), file=sys.stderr)
        return {"phase": "export", "relay": "hashscope", "memory_mib": kib / 1024, "messages": name,
                "others": 0}


def work(place):
    with tempfile.TemporaryDirectory(prefix="bench-export-", dir=place.options.build) as folder:
        exports = Exports(place, folder)
        return exports.measure() + [exports.memory("1,000", "--last-seq", str(FEW_MESSAGES)),
                                    exports.memory("all {:,}".format(exports.packets))]


def run_phases(options, chosen, results):
    """Appends to `results`; returns the number of failures."""
    if "export" not in chosen:
        return 0
    size = int(MESSAGES * LINE_BYTES) // (reading.QUICK_PART if options.quick else 1)
    try:
        results += reading.on_place(options, "export", (size, SEGMENT_TEXT_BYTES), [work])
    except (reading.ReadingFailed, subprocess.CalledProcessError, OSError) as fault:
        print("FAILED export: %s" % fault, file=sys.stderr, flush=True)
        return 1
    return 0


# ---- figures

def compare(results, peer, must, aim, max_other):
    ours, theirs = ([run["per_cpu_s"] for run in results if run.get("relay") == who and
                     "per_cpu_s" in run] for who in ("hashscope", peer))
    still = statistics.median(run["others"] for run in results if "per_cpu_s" in run) <= max_other
    figure = figures.Figure("packets a processor second", "export", "per_cpu_s", "/s", peer=peer,
                            must=must, aim=aim, less=False)
    value, other = statistics.median(ours), statistics.median(theirs)
    return figures.row_of(figure, value, other, value / other, still)


def evaluate(results, max_other):
    """Rows of the table of figures, of what was run."""
    mine = [run for run in results if run.get("phase") == "export" and "failed" not in run]
    if not mine:
        return []
    rows = [compare(mine, "editcap", 0.7, 1.2, max_other),
            compare(mine, "text2pcap", 10.0, None, max_other)]
    for run in mine:
        if "memory_mib" in run:
            rows.append(reading.absolute(run, "memory, %s messages" % run["messages"], "memory_mib",
                                         "MiB", 64, None, max_other))
    return rows
