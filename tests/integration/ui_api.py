"""An API with canned messages and a live stream at a chosen rate, for the UI's test under load.

It speaks what the live view uses (messages, the WebSocket's frames, the login) over messages that are
made up from a number. How much comes is exact and costs this machine little, so what is measured is
the page. All else is tested against the real programs (test_ui_live.py).
"""
import base64
import datetime
import hashlib
import http.server
import json
import mimetypes
import os
import socket
import struct
import threading
import time
import urllib.parse

INSTANCE = "5ca1ab1e00c0ffee"
SESSIONS = [f"01993a00-0000-7000-8000-0000000000{n:02x}" for n in range(1, 5)]
EVIL = "<img src=x onerror=\"window.hacked=1\">"
WORKERS = ["bc1qminer.rack1-a", "bc1qminer.rack1-b", "bc1qminer.office", f"bc1q.{EVIL}"]
COINBASE1 = ("01000000010000000000000000000000000000000000000000000000000000000000000000ffffffff35"
             "03a0bb0d0448617368")
COINBASE2 = ("0f2f48617368506f6f6c2f74657374ffffffff02be402d13000000001600149a1c78a507689f6f54b847ad"
             "1cef1e614ee23f1e0000000000000000266a24aa21a9ed" + "ab" * 32 + "00000000")
WEBSOCKET_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def moment(seconds):
    when = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return when.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def call_of(seq):
    """Direction, method, message, decoded fields: jobs, shares and their answers by turns."""
    worker, turn = WORKERS[seq % 4], seq % 10
    if turn == 0:
        params = [f"{seq:x}", "00" * 12 + "1f" * 20, COINBASE1, COINBASE2, ["ab" * 32] * 11,
                  "20000000", "17028c61", "6741a2b0", seq % 50 == 0]
        names = ["job_id", "previous_block", "coinbase1", "coinbase2", "branches", "version", "nbits",
                 "ntime", "clean_jobs"]
        return "pool_to_miner", "mining.notify", {"id": None, "method": "mining.notify",
                                                  "params": params}, dict(zip(names, params))
    if turn == 9:
        return "pool_to_miner", "mining.set_difficulty", {"id": None, "method": "mining.set_difficulty",
                                                          "params": [65536]}, {"difficulty": 65536}
    if turn % 2:
        params = [worker, f"{seq // 10 * 10:x}", "00000001", "6741a2b0", f"{seq * 2654435761 % 2**32:08x}"]
        names = ["worker", "job_id", "extranonce2", "ntime", "nonce"]
        return "miner_to_pool", "mining.submit", {"id": seq, "method": "mining.submit",
                                                  "params": params}, dict(zip(names, params))
    if seq % 62 == 0:
        return "pool_to_miner", None, {"id": seq - 1, "result": None,
                                       "error": [21, "Job not found", None]}, None
    return "pool_to_miner", None, {"id": seq - 1, "result": True, "error": None}, None


def message_of(seq, seconds, with_answer=True):
    direction, method, call, fields = call_of(seq)
    raw = json.dumps(call, separators=(",", ":"))
    answer = method is None
    decoded = {"kind": "response" if answer else "request", **call}
    if fields:
        decoded["fields"] = fields
    if call.get("error"):
        decoded["refused"] = {"code": call["error"][0], "text": call["error"][1]}
    latency = 8 + seq * 37 % 90 + (300 if seq % 62 == 0 else 0)
    request = method == "mining.submit"
    out = {"id": f"{INSTANCE}-{seq}", "seq": seq, "ts_recv": moment(seconds), "ts_fwd": None,
           "direction": direction, "session_id": SESSIONS[(seq - answer) % 4], "peer": "192.0.2.7:50112",
           "raw": raw, "decoded": decoded, "parse_error": None, "size_bytes": len(raw) + 1,
           "method": method, "jsonrpc_id": call["id"], "is_request": request, "is_response": answer,
           "paired_message_id": None, "response": None, "response_ts_recv": None,
           "response_raw": None, "latency_ms": None}
    if answer:
        out.update(paired_message_id=f"{INSTANCE}-{seq - 1}", latency_ms=latency)
    elif request and with_answer:
        other = message_of(seq + 1, seconds, False)
        out.update(paired_message_id=other["id"], response=other["decoded"],
                   response_raw=other["raw"], latency_ms=other["latency_ms"])
    return out


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A page that is left in the middle of an answer is no error; what is fails its test."""


class CannedApi:
    """`total` messages are there at the start; `rate` a second come while somebody listens."""

    def __init__(self, folder, total=1000, rate=0, token=None):
        self.folder, self.total, self.rate, self.token = folder, total, rate, token
        self.start = time.time()
        self.requests, self.links = [], []
        self.stopped = threading.Event()
        api = self

        class Handler(Answers):
            owner = api

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.stopped.set()
        self.cut()
        self.server.shutdown()
        self.server.server_close()

    def cut(self):
        """Cuts all WebSockets, as an API that restarts does."""
        for link in list(self.links):
            try:
                link.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def seconds_of(self, seq):
        return self.start - max(0, self.total - seq) * 0.05

    def message(self, seq):
        return message_of(seq, self.seconds_of(seq))

    def fitting(self, query):
        """Numbers of the messages that fit, newest first."""
        for seq in range(self.total, 0, -1):
            direction, method, call, _ = call_of(seq)
            if query.get("method") not in (None, method) or \
                    query.get("direction") not in (None, direction):
                continue
            if query.get("q") and query["q"] not in json.dumps(call, separators=(",", ":")):
                continue
            if query.get("errors") and not call.get("error"):
                continue
            if query.get("session_id") not in (None, SESSIONS[(seq - (method is None)) % 4]):
                continue
            yield seq

    def page(self, query):
        limit, before = int(query.get("limit", 100)), int(query.get("cursor", self.total + 1))
        fits = []
        for seq in self.fitting(query):
            if seq < before:
                fits.append(seq)
            if len(fits) > limit:
                break
        return {"items": [self.message(n) for n in fits[:limit]],
                "next_cursor": str(fits[limit - 1]) if len(fits) > limit else None}

    def answer(self, path, query):
        """What GET answers: the body, or None for what is not there."""
        if path == "/api/messages":
            return self.page(query)
        if path.startswith("/api/messages/"):
            return self.message(int(path.rsplit("-", 1)[1]))
        return {"/health": {"status": "ok", "reasons": []}}.get(path)


class Answers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner = None

    def log_message(self, *_):
        pass

    def reply(self, status, body, kind="application/json", headers=()):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", "default-src 'self'; connect-src 'self'")
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def reply_json(self, status, value, headers=()):
        self.reply(status, json.dumps(value).encode(), headers=headers)

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or "{}")
        if self.path != "/api/login":
            self.reply_json(200, {})
        elif body.get("token") == self.owner.token:
            self.reply_json(200, {}, [("Set-Cookie", "canned=yes; HttpOnly; SameSite=Strict")])
        else:
            self.reply_json(401, {"detail": "the token is wrong"})

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        self.owner.requests.append(self.path)
        guarded = url.path.startswith("/api/")
        if guarded and self.owner.token and "canned=yes" not in self.headers.get("Cookie", ""):
            self.reply_json(401, {"detail": "the token is missing"})
        elif url.path == "/api/ws":
            self.stream(query)
        elif guarded or url.path == "/health":
            value = self.owner.answer(url.path, query)
            self.reply_json(200 if value else 404, value or {"detail": "there is no such thing"})
        else:
            self.file(url.path)

    def file(self, path):
        wanted = os.path.join(self.owner.folder, path.lstrip("/"))
        if not os.path.isfile(wanted):
            wanted = os.path.join(self.owner.folder, "index.html")
        with open(wanted, "rb") as file:
            self.reply(200, file.read(), mimetypes.guess_type(wanted)[0] or "text/html")

    def stream(self, query):
        key = self.headers["Sec-WebSocket-Key"].encode()
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept",
                         base64.b64encode(hashlib.sha1(key + WEBSOCKET_MAGIC).digest()).decode())
        self.end_headers()
        self.close_connection = True
        self.owner.links.append(self.connection)
        try:
            self.feed(query)
        except OSError:
            pass  # The page went away, or the test has cut the link.
        self.owner.links.remove(self.connection)

    def feed(self, query):
        """Messages at the rate asked for, ten batches a second."""
        begin, first = time.monotonic(), self.owner.total
        while not self.owner.stopped.wait(0.1):
            upto = first + int((time.monotonic() - begin) * self.owner.rate)
            fresh = range(self.owner.total + 1, upto + 1)
            self.owner.total = max(self.owner.total, upto)
            messages = [message_of(n, time.time(), False) for n in fresh]
            if messages:
                self.send_frame({"type": "messages", "messages": messages})

    def send_frame(self, value):
        payload = json.dumps(value).encode()
        size = struct.pack("!BBQ", 0x81, 127, len(payload)) if len(payload) > 65535 else \
            struct.pack("!BBH", 0x81, 126, len(payload))
        self.connection.sendall(size + payload)
