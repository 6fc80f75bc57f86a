"""A recorder, a pool and miners that have said a bit of everything, and the API that shows it: what
the tests of the API as a whole start from."""
import json

from tests.integration.api_process import Api, split_answer
from tests.integration.harness import RecorderCase, Task, wait_until

TOKEN = "correct-horse-battery-staple"
ZEROS = "00" * 32
NOTIFY = ["1f", ZEROS, "01000000010000000000000000000000000000000000000000000000000000000000000000"
          "ffffffff3503a0bb0d0448617368", "0f2f48617368506f6f6c2fffffffff0100f2052a010000000151"
          "00000000", [], "20000000", "17028c61", "6741a2b0", True]
# What miner and pool say, in turns: (by the miner, the lines)
SPEECH = [
    (True, [{"id": 1, "method": "mining.subscribe", "params": ["cgminer/4.12.1"]}]),
    (False, [{"id": 1, "result": [[["mining.notify", "ae6812eb"]], "f0000001", 4], "error": None}]),
    (True, [{"id": 2, "method": "mining.configure",
             "params": [["version-rolling"], {"version-rolling.mask": "1fffe000"}]}]),
    (False, [{"id": 2, "error": None, "result": {"version-rolling": True,
                                                "version-rolling.mask": "1fffe000"}}]),
    (True, [{"id": 3, "method": "mining.authorize", "params": ["farm.1", "secret"]}]),
    (False, [{"id": 3, "result": True, "error": None},
             {"id": None, "method": "mining.set_difficulty", "params": [1024]},
             {"id": None, "method": "mining.notify", "params": NOTIFY}]),
    (True, [{"id": 4, "method": "mining.submit",
             "params": ["farm.1", "1f", "00000001", "6741a2b0", "0a0b0c0d"]},
            {"id": "five", "method": "mining.submit",
             "params": ["farm.1", "1f", "00000002", "6741a2b0", "0a0b0c0e"]}]),
    (False, [{"id": 4, "result": True, "error": None},
             {"id": "five", "result": None, "error": [23, "Low difficulty share", None]}]),
]
# What is no proper message, from the miner: not JSON, not UTF-8, an id beyond 64 bits, a batch, what
# is nested deeper than a stack may be.
ODD = [b"hello", b"\xff\xfe{}", b'{"id":123456789012345678901234567890,"method":"x","params":[]}',
       b'[{"id":7,"method":"a","params":[]}]', b"5", b'"\\u0000<script>\xe2\x80\xa8"', b"",
       b'{"id":8,"method":"mining.submit","params":["<b>",null]}',
       b'{"id":9,"method":"deep","params":' + b"[" * 1500 + b"]" * 1500 + b"}",
       b'{"x":"\\ud800","y":' + b'{"a":' * 1500 + b"1" + b"}" * 1501, b"[" * 5000]


class Scene(RecorderCase):
    """self.recorder with an open session (self.miner, self.upstream), one that has ended, and a
    sealed segment; self.api with a token."""

    def set_scene(self, **settings):
        self.pool = self.new_pool()
        self.recorder = self.start(self.pool, SYNC_INTERVAL_MS=50)
        gone, gone_upstream = self.talk()
        gone.close()
        gone_upstream.close()
        self.recorder.wait_sessions(0)
        self.recorder.ask("rotate")
        self.miner, self.upstream = self.talk()
        self.miner.send(b"".join(line + b"\n" for line in ODD))
        self.upstream.read(sum(len(line) + 1 for line in ODD))
        self.session = self.recorder.sessions()[0]["session"]
        self.ended = next(one["session"] for one in self.recorder.sessions("all")
                          if one["session"] != self.session)
        self.api = self.start_api(**settings)
        wait_until(lambda: len(self.ask("GET", "/api/messages?source=live&limit=1000")[3]["items"])
                   >= 28, "the API has seen all")

    def start_api(self, **settings):
        api = Api(self.folder, self.data_dir, **{"API_TOKEN": TOKEN, **settings})
        self.addCleanup(self.end_api, api)
        return api.wait_ready()

    def end_api(self, api):
        api.cleanup()
        self.assertNotRegex(api.text(), "Sanitizer|runtime error:")

    def talk(self):
        miner, upstream = self.join(self.recorder, self.pool)
        for by_miner, lines in SPEECH:
            speaker, listener = (miner, upstream) if by_miner else (upstream, miner)
            for line in lines:
                speaker.send_json(line)
                self.assertEqual(listener.read_json(), line)
        return miner, upstream

    def ask(self, method, path, body=None, token=TOKEN, **headers):
        """Status, head, body, the body as JSON (None when it is none)."""
        lines = {"Host": f"127.0.0.1:{self.api.port}", "Connection": "close"}
        if token:
            lines["Authorization"] = f"Bearer {token}"
        if method != "GET":
            lines["Content-Type"] = "application/json"
            body = b"" if body is None else body
        if body is not None:
            body = body if isinstance(body, bytes) else json.dumps(body).encode()
            lines["Content-Length"] = str(len(body))
        lines.update((name.replace("_", "-"), value) for name, value in headers.items())
        path = path if isinstance(path, bytes) else path.encode()
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value is not None)
        answer = self.api.speak(method.encode() + b" " + path + b" HTTP/1.1\r\n" + head.encode() +
                                b"\r\n" + (body or b""))
        status, head, text = split_answer(answer)
        if "\r\nTransfer-Encoding: chunked" in head and method != "HEAD":
            text = unchunk(text)
        try:
            return status, head, text, json.loads(text)
        except ValueError:
            return status, head, text, None

    def answer_replays(self):
        """The pool accepts whatever HashScope itself sends, until the session ends."""
        def serve():
            while True:
                try:
                    line = self.upstream.read_line()
                except (AssertionError, OSError):
                    return
                try:
                    call = json.loads(line)
                except ValueError:
                    continue
                if isinstance(call, dict) and "method" in call and isinstance(call.get("id"), int):
                    self.upstream.send_json({"id": call["id"], "result": True, "error": None})
        return Task(serve)


def unchunk(data):
    """A chunked body; fails when it does not end as it should."""
    out = []
    while True:
        size, _, data = data.partition(b"\r\n")
        count = int(size, 16)
        if count == 0:
            return b"".join(out)
        out.append(data[:count])
        if data[count:count + 2] != b"\r\n":
            raise AssertionError("a chunk does not end")
        data = data[count + 2:]

