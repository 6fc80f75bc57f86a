"""The relays that the benchmark compares: how each is started, when it is ready, how it stops."""
import os
import random
import resource
import shutil
import signal
import socket
import subprocess
import time

HAPROXY_CONFIG = """global
    nbthread 1
    maxconn {sessions}
defaults
    mode tcp
    timeout connect 5s
    timeout client 1h
    timeout server 1h
frontend miners
    bind 127.0.0.1:{listen} backlog 4096
    maxconn {sessions}
    default_backend pool
backend pool
    server pool 127.0.0.1:{pool}
"""
START_LIMIT = 10.0
STOP_LIMIT = 10.0
DESCRIPTORS_SPARE = 200


class RelayFailed(Exception):
    pass


def raise_descriptor_limit():
    """Two descriptors a session, in the relay and in the generator. Returns how many sessions fit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 20000 if hard == resource.RLIM_INFINITY else min(20000, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return (wanted - DESCRIPTORS_SPARE) // 2


def free_ports(count):
    """Ports below the range that the kernel takes for outgoing connections, so that thousands of
    sessions cannot occupy one before its owner listens on it."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
        lowest = int(file.read().split()[0])
    ports = []
    while len(ports) < count:
        port = random.randrange(max(1024, lowest // 3), lowest)
        with socket.socket() as sock:
            try:
                sock.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in ports:
            ports.append(port)
    return ports


def is_listening(port):
    """From the kernel's table: a connection to try it out would be one session too many."""
    with open("/proc/net/tcp", encoding="ascii") as file:
        rows = [line.split() for line in file.readlines()[1:]]
    return any(row[1].endswith(":%04X" % port) and row[3] == "0A" for row in rows)


class Relay:
    """One relay between two free ports, with a working directory of its own."""
    name = ""
    records = False

    def __init__(self, build, directory):
        self.build, self.directory = build, directory
        self.listen, self.pool = free_ports(2)
        self.log_path = os.path.join(directory, "log")
        self.process = None

    def command(self):
        raise NotImplementedError

    @classmethod
    def missing(cls, build):
        """What has to be there and is not, or None."""
        raise NotImplementedError

    def start(self):
        environment = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(self.command(), cwd=self.directory, env=environment,
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        limit = time.monotonic() + START_LIMIT
        while not is_listening(self.listen):
            if self.process.poll() is not None or time.monotonic() > limit:
                raise RelayFailed("%s does not listen: %s" % (self.name, self.log_tail()))
            time.sleep(0.02)

    def stop(self):
        """Returns the seconds that it took to end. Only a recorder's exit status means something:
        the others end by the signal."""
        if self.process is None:
            return 0.0
        began = time.monotonic()
        died = self.process.poll() is not None
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(STOP_LIMIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise RelayFailed("%s did not end within %d s" % (self.name, STOP_LIMIT)) from None
        if died or (self.records and status != 0):
            raise RelayFailed("%s ended with status %d: %s" % (self.name, status, self.log_tail()))
        return time.monotonic() - began

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def log_tail(self):
        with open(self.log_path, "rb") as file:
            return file.read()[-2000:].decode(errors="replace").strip() or "it said nothing"


class Recorder(Relay):
    name = "recorder"
    records = True

    @staticmethod
    def path(build):
        return os.path.join(build, "bin", "hashscope-recorder")

    @classmethod
    def missing(cls, build):
        return None if os.access(cls.path(build), os.X_OK) else cls.path(build)

    @property
    def data(self):
        return os.path.join(self.directory, "data")

    def command(self):
        return [self.path(self.build), "--pool-host", "127.0.0.1", "--pool-port", str(self.pool),
                "--listen-host", "127.0.0.1", "--listen-port", str(self.listen),
                "--data-dir", self.data]


class Haproxy(Relay):
    name = "haproxy"

    @staticmethod
    def path():
        return shutil.which("haproxy", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")

    @classmethod
    def missing(cls, build):
        return None if cls.path() else "haproxy"

    def command(self):
        config = os.path.join(self.directory, "haproxy.cfg")
        sessions = (resource.getrlimit(resource.RLIMIT_NOFILE)[0] - DESCRIPTORS_SPARE // 2) // 2
        with open(config, "w", encoding="ascii") as file:
            file.write(HAPROXY_CONFIG.format(listen=self.listen, pool=self.pool, sessions=sessions))
        return [self.path(), "-db", "-f", config]


class Floor(Relay):
    name = "relay_uv"

    @staticmethod
    def path(build):
        return os.path.join(build, "tests", "bench", "relay_uv")

    @classmethod
    def missing(cls, build):
        return None if os.access(cls.path(build), os.X_OK) else cls.path(build)

    def command(self):
        return [self.path(self.build), str(self.listen), str(self.pool)]


RELAYS = {relay.name: relay for relay in (Haproxy, Floor, Recorder)}
