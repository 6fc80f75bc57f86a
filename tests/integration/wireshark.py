"""What the tests of the Wireshark side have in common: captures made by hand, and tshark with a home
of its own, so that whatever the user has installed plays no part.
"""
import os
import re
import shutil
import struct
import subprocess

from tests.integration.harness import bare_environment

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DISSECTOR = os.path.join(ROOT, "exporter/wireshark/stratum.lua")
MINER, POOL = 0, 1
SYN, ACK, PSH, FIN = 2, 16, 8, 1
CAPTURING = re.compile(r"Capturing on |\d+ packets? captured|tshark: $| \*\* \(tshark:\d+\) \d")
BETWEEN = "\x1f"  # values of one field


def home_environment(home):
    """Variables that make `home` the user's, with no settings but what is put there."""
    return {**bare_environment(), "HOME": home, "XDG_CONFIG_HOME": os.path.join(home, ".config"),
            "XDG_RUNTIME_DIR": home, "LC_ALL": "C.UTF-8"}


class Capture:
    """A pcap of raw IPv4 packets. Times in microseconds."""

    def __init__(self):
        self.packets = []

    def add(self, at_us, packet):
        self.packets.append((at_us, packet))

    def write(self, path):
        with open(path, "wb") as file:
            file.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 262144, 101))
            for at_us, packet in self.packets:
                file.write(struct.pack("<IIII", at_us // 10**6, at_us % 10**6, len(packet),
                                       len(packet)) + packet)
        return path


class Conversation:
    """A TCP connection in a capture: its handshake, then what each side says."""

    def __init__(self, capture, miner=("10.0.0.7", 40001), pool=("10.0.9.9", 3333), at_us=10**15,
                 handshake=True):
        self.capture, self.ends, self.at_us = capture, (miner, pool), at_us
        self.sent = [at_us % 2**32 if handshake else 1000, 900000]
        if handshake:
            self.packet(MINER, SYN)
            self.sent[MINER] += 1
            self.packet(POOL, SYN | ACK)
            self.sent[POOL] += 1
            self.packet(MINER, ACK)

    def packet(self, side, flags, data=b""):
        (source, source_port), (target, target_port) = self.ends[side], self.ends[1 - side]
        tcp = struct.pack(">HHIIBBHHH", source_port, target_port, self.sent[side] % 2**32,
                          self.sent[1 - side] % 2**32 if flags & ACK else 0, 0x50, flags, 65535,
                          0, 0) + data
        head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 1, 0x4000, 64, 6, 0,
                           bytes(map(int, source.split("."))), bytes(map(int, target.split("."))))
        self.capture.add(self.at_us, head + tcp)

    def say(self, side, data, after_us=1000, size=1460):
        """Sends bytes in segments of that size, a microsecond apart."""
        self.at_us += after_us
        for at in range(0, len(data), size):
            part = data[at:at + size]
            self.packet(side, ACK | PSH, part)
            self.sent[side] += len(part)
            self.at_us += 1

    def end(self):
        for side in (MINER, POOL):
            self.packet(side, FIN | ACK)
            self.sent[side] += 1


class Tshark:
    """tshark with the dissector and a home of its own in `folder`."""

    def __init__(self, folder, script=DISSECTOR):
        self.environment = home_environment(os.path.join(folder, "home"))
        self.script = script

    def run(self, path, *arguments, seconds=50, pipe=None):
        """Its output; fails when it exits with an error or when Lua has something to say. `pipe`: what
        else than `-r PATH` reads the capture, which then comes through a pipe."""
        script = ("-X", f"lua_script:{self.script}") if self.script else ()
        source = pipe or ("-r", path)
        with subprocess.Popen(["cat", path] if pipe else ["true"], stdout=subprocess.PIPE) as cat:
            done = subprocess.run(["tshark", *script, *source, *arguments], env=self.environment,
                                  stdin=cat.stdout, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, timeout=seconds, check=False)
        complaints = [line for line in done.stderr.decode(errors="replace").splitlines()
                      if line and "Running as user" not in line and
                      not (pipe and CAPTURING.match(line))]
        output = done.stdout.decode(errors="replace")
        if done.returncode != 0 or complaints or "Lua Error" in output:
            raise AssertionError(f"tshark: status {done.returncode}: {complaints}\n{output[-2000:]}")
        return output

    def fields(self, path, *names, display="stratum", links=True):
        """Rows of texts, one a frame; several values of a field are joined by BETWEEN. `links`: dissects
        twice, so that requests know their responses."""
        arguments = ["-T", "fields", "-E", "aggregator=" + BETWEEN, "-E", "separator=/t",
                     "-Y", display]
        for name in names:
            arguments += ["-e", name]
        text = self.run(path, *(["-2"] if links else []), *arguments)
        return [tuple(line.split("\t")) for line in text.split("\n")[:-1]]

    def info(self, path, display="stratum"):
        return [row[0] for row in self.fields(path, "_ws.col.Info", display=display)]


def have_tshark():
    return shutil.which("tshark") is not None
