"""Processes that flood a recorder, and one that measures what a miner beside them notices.

    miners   so many miners, each of which sends so many bytes of a kind
    pool     a pool that does so to everybody who comes
    storm    so many miners that come, speak and leave
    probe    a miner and its pool, asking and answering; tells its round trips in milliseconds

They say "ready" (pools with their port), "done" when everything is sent and all that was expected
has come, and their totals when their standard input brings a line. What comes is held against what
the other side is said to send.
"""
import argparse
import os
import resource
import select
import socket
import ssl
import subprocess
import sys
import time

from tests.integration.harness import Task

SECONDS = 120  # that a flood may take on a busy machine
SUBMIT = (b'{"id":4711,"method":"mining.submit","params":["bc1qflood.rig%02d","6f3a","%08x",'
          b'"6b03b43e","%08x"]}\n')
KINDS = {
    "none": b"",
    "newlines": b"\n" * 65536,
    "tiny": b"{}\n" * 21845,
    "lines": b"".join(SUBMIT % (n % 100, n, n * 2654435761 % 2**32) for n in range(600)),
    "long": b'"' + b"a" * ((1 << 20) - 3) + b'"\n',
}


class Speaker:
    """One end of a connection that floods, or is flooded."""

    def __init__(self, sock, kind, size, heard):
        self.socket, self.kind, self.size = sock, KINDS[kind], size
        self.sent = self.received = 0
        self.done = False
        self.heard = KINDS[heard]
        sock.setblocking(False)

    def wants_to_send(self):
        return self.sent < self.size

    def send(self):
        at = self.sent % len(self.kind)
        self.sent += self.socket.send(memoryview(self.kind)[at:at + self.size - self.sent])

    def receive(self):
        """False at the end."""
        data = self.socket.recv(262144)
        at = self.received % max(1, len(self.heard))
        self.received += len(data)
        whole = memoryview(self.heard)
        for part in (data[:len(whole) - at], data[len(whole) - at:]):
            while part:
                if part[:len(whole)] != whole[at:at + len(part)]:
                    sys.exit(f"other bytes than were sent, near {self.received}")
                part, at = part[len(whole) - at:], 0
        return bool(data)


class Crowd:
    """Speakers and the loop around them. `expected`: bytes that each is to receive."""

    def __init__(self, options, listener=None):
        self.options, self.listener = options, listener
        self.poll, self.speakers = select.epoll(), {}
        self.left = options.count
        self.poll.register(0, select.EPOLLIN)
        if listener:
            self.poll.register(listener, select.EPOLLIN)

    def add(self, sock):
        speaker = Speaker(sock, self.options.kind, self.options.bytes, self.options.heard)
        self.speakers[sock.fileno()] = speaker
        self.register(speaker)

    def events(self, speaker):
        return (0 if self.options.deaf else select.EPOLLIN) | \
            (select.EPOLLOUT if speaker.wants_to_send() else 0)

    def register(self, speaker):
        self.poll.register(speaker.socket, self.events(speaker))

    def is_done(self, speaker):
        return not speaker.wants_to_send() and speaker.received >= self.options.expected

    def serve(self, number, events):
        speaker = self.speakers[number]
        if events & select.EPOLLIN and not self.options.deaf and not speaker.receive():
            self.poll.unregister(number)
            return
        if events & select.EPOLLOUT:
            speaker.send()
            if not speaker.wants_to_send():
                self.poll.modify(number, self.events(speaker))
        if self.is_done(speaker) and not speaker.done:
            speaker.done = True
            self.left -= 1
            if self.left == 0:
                say("done")

    def run(self):
        while True:
            for number, events in self.poll.poll():
                if number == 0:
                    return
                if self.listener and number == self.listener.fileno():
                    self.add(self.listener.accept()[0])
                    continue
                try:
                    self.serve(number, events)
                except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                    pass  # TLS has something to itself to do first
                except (ConnectionError, BrokenPipeError):
                    self.poll.unregister(number)

    def totals(self):
        return (sum(s.sent for s in self.speakers.values()),
                sum(s.received for s in self.speakers.values()))


def say(*words):
    print(*words, flush=True)


def run_miners(options):
    crowd = Crowd(options)
    for _ in range(options.count):
        miner = socket.socket()
        if options.deaf:
            miner.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
        miner.connect(("127.0.0.1", options.port))
        crowd.add(ssl._create_unverified_context().wrap_socket(miner) if options.tls else miner)
    say("ready")
    crowd.run()
    say("totals", *crowd.totals())


def run_pool(options):
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    say("ready", listener.getsockname()[1])
    crowd = Crowd(options, listener)
    crowd.run()
    say("totals", *crowd.totals())


def run_storm(options):
    """In handfuls: so many connections are open at once."""
    say("ready")
    data = KINDS[options.kind][:options.bytes]
    for _ in range(options.count // 50):
        miners = [socket.create_connection(("127.0.0.1", options.port)) for _ in range(50)]
        for miner in miners:
            miner.sendall(data)
        for miner in miners:
            miner.close()
    say("done")
    sys.stdin.read()


QUESTION = b'{"id":1,"method":"mining.submit","params":["a.b","1","2","3","4"]}\n'
ANSWER = b'{"id":1,"result":true,"error":null}\n'


def run_probe(options):
    """Miner and pool in one process: what is between them is the recorder alone."""
    listener = socket.create_server(("127.0.0.1", 0))
    say("ready", listener.getsockname()[1])
    port = int(sys.stdin.readline())
    miner = socket.create_connection(("127.0.0.1", port))
    pool = listener.accept()[0]
    for side in (miner, pool):
        side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    say("done")
    trips = []
    while not select.select([sys.stdin], [], [], options.pause)[0]:
        begin = time.monotonic()
        miner.sendall(QUESTION)
        pool.recv(4096)
        pool.sendall(ANSWER)
        miner.recv(4096)
        trips.append(time.monotonic() - begin)
    say("trips", *(f"{1000 * trip:.3f}" for trip in trips))


class Process:
    """One of the above. `niceness`: floods give way to what is measured."""

    def __init__(self, *arguments, niceness=10, wrapper=()):
        root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        self.process = subprocess.Popen(
            [*wrapper, sys.executable, "-m", "tests.integration.floods", *map(str, arguments)],
            cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            preexec_fn=lambda: os.nice(niceness))
        self.ready = self.hear("ready")

    def hear(self, word):
        """The numbers behind that word."""
        return Task(self.read, word).result(SECONDS)

    def read(self, word):
        for line in self.process.stdout:
            words = line.split()
            if words[0] == word:
                return [float(number) for number in words[1:]]
        raise AssertionError(f"the process ended before it said {word!r}")

    @property
    def port(self):
        return int(self.ready[0])

    @property
    def name(self):
        """Of a pool, as settings have it."""
        return f"127.0.0.1:{self.port}"

    def tell(self, text):
        self.process.stdin.write(f"{text}\n")
        self.process.stdin.flush()

    def wait_done(self):
        self.hear("done")

    def finish(self, word="totals"):
        """Its last words."""
        self.tell("")
        return self.hear(word)

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


def main():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("miners", "pool", "storm", "probe"))
    parser.add_argument("--port", type=int)
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--kind", choices=KINDS, default="none")
    parser.add_argument("--bytes", type=int, default=0, help="that each sends")
    parser.add_argument("--heard", choices=KINDS, default="none", help="what the other side sends")
    parser.add_argument("--expected", type=int, default=0, help="bytes that each receives")
    parser.add_argument("--tls", action="store_true", help="of miners")
    parser.add_argument("--deaf", action="store_true", help="reads nothing")
    parser.add_argument("--pause", type=float, default=0.01, help="between two questions")
    options = parser.parse_args()
    {"miners": run_miners, "pool": run_pool, "storm": run_storm,
     "probe": run_probe}[options.what](options)


if __name__ == "__main__":
    main()
