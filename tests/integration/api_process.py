"""What the tests of the API have in common: hashscope-api as a process, plain HTTP over a socket, and
a WebSocket reader (RFC 6455) that sees every byte."""
import base64
import json
import os
import re
import signal
import socket
import ssl
import struct
import subprocess
import threading

from tests.integration.harness import PATIENCE, bare_environment, program, wait_until


class Api:
    """A hashscope-api process on free ports of 127.0.0.1, unless told otherwise."""

    def __init__(self, folder, data_dir, **settings):
        base = bare_environment(DATA_DIR=data_dir, API_HOST="127.0.0.1", API_PORT="0", UI_PORT="0")
        base.update((k, str(v)) for k, v in settings.items())
        self.log = []
        self.sources = None  # of addresses to come from, where not all may be one client's
        self.process = subprocess.Popen([program("hashscope-api")], env=base, cwd=folder,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE)
        self.reader = threading.Thread(target=self.read_log, daemon=True)
        self.reader.start()
        self.tls = ssl._create_unverified_context() if "API_TLS_CERT" in settings else None

    def read_log(self):
        for line in self.process.stderr:
            self.log.append(line.decode(errors="replace"))

    def text(self):
        return "".join(self.log)

    def wait_ready(self):
        found = wait_until(lambda: re.search(r"listening on .*ports (\d+) and (\d+)", self.text())
                           or self.process.poll() is not None, "the API listens")
        if found is True:
            raise AssertionError("the API did not start:\n" + self.text())
        self.port, self.second_port = int(found[1]), int(found[2])
        return self

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(PATIENCE)
        self.reader.join(PATIENCE)
        return status

    def cleanup(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(PATIENCE)
        self.reader.join(PATIENCE)
        self.process.stderr.close()

    def connect(self, port=None, host="127.0.0.1"):
        source = (next(self.sources), 0) if self.sources else None
        sock = socket.create_connection((host, port or self.port), PATIENCE, source)
        return self.tls.wrap_socket(sock) if self.tls else sock

    def speak(self, request, port=None):
        """Sends bytes, and returns all that comes until the end."""
        with self.connect(port) as sock:
            sock.sendall(request)
            return read_all(sock)

    def get(self, path, **headers):
        """Status, headers as text, body."""
        lines = {"Host": f"127.0.0.1:{self.port}", "Connection": "close"}
        lines.update((name.replace("_", "-"), value) for name, value in headers.items())
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value)
        return split_answer(self.speak(f"GET {path} HTTP/1.1\r\n{head}\r\n".encode()))

    def read(self, query="", **headers):
        return Reader(self, query, headers)


def strangers():
    """Addresses of this machine, each of somebody else."""
    for number in range(1, 1 << 16):
        yield f"127.1.{number >> 8}.{number & 255}"


def read_all(sock):
    parts = []
    while True:
        try:
            part = sock.recv(65536)
        except ConnectionResetError:
            part = b""
        if not part:
            return b"".join(parts)
        parts.append(part)


def split_answer(answer):
    head, _, body = answer.partition(b"\r\n\r\n")
    found = re.match(rb"HTTP/1\.1 (\d+) ", head)
    return (int(found[1]) if found else 0), head.decode(), body


class Reader:
    """A WebSocket client. status is 101, or the refusal's code with its body in `refusal`."""

    def __init__(self, api, query, headers):
        self.sock = api.connect()
        lines = {"Host": f"127.0.0.1:{api.port}", "Upgrade": "websocket", "Connection": "Upgrade",
                 "Sec-WebSocket-Version": "13",
                 "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode()}
        lines.update((name.replace("_", "-"), value) for name, value in headers.items())
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value)
        self.sock.sendall(f"GET /api/ws{query} HTTP/1.1\r\n{head}\r\n".encode())
        self.data = b""
        while b"\r\n\r\n" not in self.data:
            part = self.sock.recv(65536)
            if not part:
                break
            self.data += part
        head, _, self.data = self.data.partition(b"\r\n\r\n")
        self.status = int(head.split()[1]) if head else 0
        self.refusal = self.data + read_all(self.sock) if self.status != 101 else b""

    def need(self, count):
        while len(self.data) < count:
            part = self.sock.recv(1 << 20)
            if not part:
                raise EOFError
            self.data += part

    def frame(self):
        """Opcode and payload of the next frame."""
        self.need(2)
        size, start = self.data[1] & 0x7F, 2
        if size >= 126:
            start = 4 if size == 126 else 10
            self.need(start)
            size = int.from_bytes(self.data[2:start], "big")
        self.need(start + size)
        opcode, payload = self.data[0] & 15, self.data[start:start + size]
        self.data = self.data[start + size:]
        return opcode, payload

    def next(self):
        """The next text frame, parsed."""
        while True:
            opcode, payload = self.frame()
            if opcode == 1:
                return json.loads(payload)

    def send(self, opcode, payload=b"", final=True, mask=b"abcd"):
        head = struct.pack("!BB", (128 if final else 0) | opcode, 128 | len(payload))
        self.sock.sendall(head + mask + bytes(b ^ mask[i & 3] for i, b in enumerate(payload)))

    def close(self):
        self.sock.close()
