"""Miners and pools as sockets that remember length and hash of all that went through them."""
import hashlib
import json
import select
import socket

PATIENCE = 20.0  # seconds that anything may take
MIB = 1 << 20


class Tally:
    """Length and SHA-256 of a stream."""

    def __init__(self, data=b""):
        self.length = 0
        self.hash = hashlib.sha256()
        self.add(data)

    def add(self, data):
        self.length += len(data)
        self.hash.update(data)

    def __eq__(self, other):
        return repr(self) == repr(other)

    def __repr__(self):
        return f"{self.length} bytes, sha256 {self.hash.hexdigest()[:16]}"


class Peer:
    """One end of a connection, a miner's or a pool's; hashes what goes through it each way."""

    def __init__(self, sock):
        self.socket = sock
        self.sent, self.received = Tally(), Tally()
        self.unread = b""  # received, but not handed out yet
        sock.settimeout(PATIENCE)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.address = "%s:%d" % sock.getsockname()[:2]
        self.port = sock.getsockname()[1]

    # ---- sending

    def send(self, data):
        view = memoryview(data)
        while len(view):
            count = self.socket.send(view[:MIB])
            self.sent.add(view[:count])
            view = view[count:]
        return self

    def send_json(self, value, end=b"\n"):
        return self.send(json.dumps(value, separators=(",", ":")).encode() + end)

    def send_until_stuck(self, data, quiet=0.5):
        """Sends until the kernel takes no more for that long; returns the number of bytes."""
        view = memoryview(data)
        while len(view) and select.select([], [self.socket], [], quiet)[1]:
            count = self.socket.send(view[:65536], socket.MSG_DONTWAIT)
            self.sent.add(view[:count])
            view = view[count:]
        return len(data) - len(view)

    def end(self):
        """FIN: says no more, goes on listening."""
        self.socket.shutdown(socket.SHUT_WR)
        return self

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()

    def close(self):
        self.socket.close()

    # ---- receiving

    def receive(self):
        data = self.socket.recv(MIB)
        self.received.add(data)
        return data

    def read(self, count):
        """Exactly so many bytes."""
        parts, have = [self.unread], len(self.unread)
        while have < count:
            data = self.receive()
            if not data:
                raise AssertionError(f"ended after {have} of {count} bytes")
            parts.append(data)
            have += len(data)
        data = b"".join(parts)
        self.unread = data[count:]
        return data[:count]

    def read_line(self):
        """Up to the next line feed, which is left out."""
        data, searched = bytearray(self.unread), 0
        while True:
            at = data.find(b"\n", searched)
            if at >= 0:
                self.unread = bytes(data[at + 1:])
                return bytes(data[:at])
            searched = len(data)
            more = self.receive()
            if not more:
                raise AssertionError(f"ended in mid-line: {bytes(data)[:200]!r}")
            data += more

    def read_json(self):
        return json.loads(self.read_line())

    def read_end(self):
        """All that still comes, up to a proper end."""
        parts = [self.unread]
        self.unread = b""
        while parts[-1] or len(parts) == 1:
            parts.append(self.receive())
        return b"".join(parts)

    def skip(self, count=None):
        """Receives so many bytes (or up to the end) without keeping them."""
        have = len(self.unread)
        self.unread = b""
        while count is None or have < count:
            data = self.receive()
            if not data and count is None:
                return have
            if not data:
                raise AssertionError(f"ended after {have} of {count} bytes")
            have += len(data)
        return have

    def read_reset(self):
        """All that still comes, up to a reset; fails on a proper end."""
        parts = [self.unread]
        self.unread = b""
        try:
            while parts[-1] or len(parts) == 1:
                parts.append(self.receive())
        except ConnectionResetError:
            return b"".join(parts)
        raise AssertionError("ended properly, expected a reset")

    def read_any_end(self):
        """All that still comes, whether it ends in a FIN or a reset."""
        parts = [self.unread]
        self.unread = b""
        try:
            while parts[-1] or len(parts) == 1:
                parts.append(self.receive())
        except ConnectionError:
            pass
        return b"".join(parts)

    def is_silent(self):
        """Nothing has come and nothing has ended, so far."""
        return not self.unread and not select.select([self.socket], [], [], 0)[0]


class Pool:
    """A listening socket; accept() gives the recorder's connections one after the other."""

    def __init__(self, backlog=512, receive_buffer=None, tls=None):
        self.tls = tls
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if receive_buffer:
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(backlog)
        self.listener.settimeout(PATIENCE)
        self.port = self.listener.getsockname()[1]
        self.name = f"127.0.0.1:{self.port}"

    def accept(self):
        sock, _ = self.listener.accept()
        if self.tls:
            sock.settimeout(PATIENCE)
            sock = self.tls.wrap_socket(sock, server_side=True)
        return Peer(sock)

    def has_newcomer(self):
        return bool(select.select([self.listener], [], [], 0)[0])

    def close(self):
        self.listener.close()


class Blackhole(Pool):
    """A pool whose queue is full: who connects hears nothing, until open() is called."""

    def __init__(self):
        super().__init__(backlog=0)
        self.fillers = []
        while True:
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", self.port))
            self.fillers.append(filler)
            if not select.select([], [filler], [], 0.2)[1]:
                return

    def open(self):
        for filler in self.fillers:
            filler.close()
        while self.has_newcomer():
            self.listener.accept()[0].close()

    def close(self):
        for filler in self.fillers:
            filler.close()
        super().close()
