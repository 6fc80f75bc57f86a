"""Every parameter and body of api/openapi.yaml, with values that fit, that do not fit, and that mean
harm: whatever is sent, the answer comes soon, is as described, and says in JSON what was wrong.

FUZZ_SEED=N repeats a run; the seed stands in each failure."""
import json
import os
import random
import time
import urllib.parse

from tests.integration.api_contract import Contract
from tests.integration.api_process import strangers
from tests.integration.api_scene import TOKEN, Scene
from tests.integration.harness import PATIENCE

SEED = int(os.environ.get("FUZZ_SEED", "20261123"))
RANDOM_SECONDS = float(os.environ.get("FUZZ_SECONDS", "4"))
UNKNOWN = "01930000-0000-7000-8000-000000000000"
TIMES = ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00.123456Z", "2026-01-01T02:30:00+02:00",
         "1970-01-01T00:00:01Z", "2261-01-01T00:00:00Z"]

# Percent-encoded already, as it goes out.
HOSTILE = [b"%00", b"a%00b", b"%ff%fe", b"%c0%af", b"%zz", b"%", b"%2", b"+", b"%0d%0aX-Injected:%201",
           b"..%2f..%2f..%2fetc%2fpasswd", b"%2e%2e", b"%252e%252e%252f", b"'%20OR%201=1--",
           b"%3Cscript%3Ealert(1)%3C/script%3E", b"%25s%25n%25s%25p", b"$(id)", b"%60id%60",
           b"%24%7Bjndi:ldap://x%7D", b"%f0%9f%92%a3" * 20, b"%ed%a0%80", b"%e2%80%ae%e2%80%a8",
           b"-1", b"0", b"9223372036854775808", b"18446744073709551616", b"1e400", b"NaN", b"null",
           b"true", b"[]", b"%7B%22a%22:1%7D", b"a" * 3000, b"%41" * 800, b"=", b"==&", b";", b"%26",
           b"%23", b"\xc3\xa9", b"%7f", b"%1b%5b31m", b"0x10", b"%D9%A1", b"%20", b"%09"]
BODIES = [b"", b" ", b"null", b"true", b"0", b'""', b"[]", b"[{}]", b"{", b"}", b"{}x", b'{"a":}',
          b"{'a':1}", b'{"a":1,"a":2}', b"\xef\xbb\xbf{}", b"\xff\xfe", b'{"\xff":1}', b"[" * 50000,
          b'{"a":' * 3000 + b"1" + b"}" * 3000, b'{"a":1e999}', b'{"a":' + b"9" * 400 + b"}",
          b'{"a":"\\ud800"}', b'{"a":"\\u0000"}', b'{"\\u0000":1}', b'{"__proto__":{}}',
          b'{"a":"' + b"x" * 500000 + b'"}', b"{}" + b" " * 100000, b"a=1&b=2", b"<x/>", b"\x00" * 64]
BAD_TEXTS = {
    "integer": ["", "x", "1.5", "1e2", "0x1", "99999999999999999999", "-99999999999999999999", " 1"],
    "number": ["", "x", "1e2", "0x1", ".5", "5.", "0.0001", "-1", "+1", "1" * 30, " 1"],
    "boolean": ["", "maybe", "2", "TRUE", "truefalse"],
    "uuid": ["", "x", UNKNOWN[:-1], UNKNOWN + "0", UNKNOWN.replace("7", "g"), "0" * 36],
    "date-time": ["", "yesterday", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "12:00:00Z",
                  "2026-01-01T00:00:00", "99999-01-01T00:00:00Z"],
}


# What fits names something that is not there.
NAMES_OF_THINGS = ("cursor", "series")


def kind_of(schema):
    return schema.get("format") or schema["type"]


class Values:
    """What fits a parameter's schema, and what surely does not; as texts."""

    def __init__(self, contract, session):
        self.contract, self.session = contract, session

    def good(self, parameter):
        schema = self.contract.resolve(parameter["schema"])
        if parameter["name"] in NAMES_OF_THINGS:
            return []
        if "enum" in schema:
            return schema["enum"]
        if kind_of(schema) == "number":
            return ["0.001", "2.5", "500", str(schema["maximum"])]
        if kind_of(schema) == "integer":
            return [str(schema[key]) for key in ("minimum", "maximum", "default")]
        longest = schema.get("maxLength", 1)
        return {"boolean": ["true", "false", "1", "0"], "uuid": [self.session, UNKNOWN],
                "date-time": TIMES, "string": ["a", "submit", "\u00fc%_'\"<>\u2028", "a" * longest]
                }[kind_of(schema)]

    def bad(self, parameter):
        schema = self.contract.resolve(parameter["schema"])
        if "enum" in schema:
            return ["", "nonsense", schema["enum"][0] + " ", schema["enum"][0].upper(), "0"]
        if kind_of(schema) == "string":
            texts = ["a" * (schema["maxLength"] + 1)]
            return texts + ([""] if schema.get("minLength") else [])
        texts = list(BAD_TEXTS[kind_of(schema)])
        texts += [str(schema["minimum"] - 1)] if "minimum" in schema else []
        return texts + ([str(schema["maximum"] + 1)] if "maximum" in schema else [])

    def bad_member(self, schema):
        """JSON values for a member of a body."""
        schema = self.contract.resolve(schema)
        if schema["type"] == "integer":
            return ["x", "1", schema["minimum"] - 1, schema["maximum"] + 1, 1.5, True, [], {}, 1 << 70]
        if schema["type"] == "number":
            return ["x", "5.", 0, schema["maximum"] + 1, 0.0001, True, [], {}, 1 << 70]
        if schema["type"] == "boolean":
            return ["maybe", 2, [], {}, "TRUE"]
        if "enum" in schema or "format" in schema:
            return [0, True, [], {}, "nonsense", ""]
        return [[], {}, None, "", "a" * (schema["maxLength"] + 1)]  # numbers may count as texts


def encoded(text):
    return urllib.parse.quote(text, safe="").encode()


class FuzzTest(Scene):
    def setUp(self):
        super().setUp()
        self.contract = Contract()
        self.random = random.Random(SEED)
        self.set_scene()
        self.api.sources = strangers()  # who guesses tokens waits, and here hundreds are wrong
        self.server = self.answer_replays()
        self.values = Values(self.contract, self.session)
        self.message = next(one for one in self.ask("GET", "/api/messages?method=submit")[3]["items"]
                            if one["session_id"] == self.session and one["jsonrpc_id"] == 4)
        self.count = 0

    def tearDown(self):
        """Both programs still do their work."""
        self.assertIsNone(self.recorder.process.poll(), self.recorder.text())
        self.assertIsNone(self.api.process.poll(), self.api.text())
        self.assertEqual(self.ask("GET", "/health", token=None)[0], 200)
        super().tearDown()

    @property
    def plain(self):
        return [one for one in self.contract.operations.values() if not one.is_websocket]

    def path_of(self, operation):
        """A path with something that exists in the place of {id}."""
        if operation.name == "disconnectSession":
            return operation.path.replace("{id}", self.ended)
        for start, found in (("/api/messages/", self.message["id"]), ("/api/segments/", "1"),
                             ("/api/sessions/", self.session)):
            if operation.path.startswith(start):
                return operation.path.replace("{id}", found)
        return operation.path

    def good_body(self, operation):
        if operation.body is None:
            return None
        if operation.name == "login":
            return {"token": "wrong"}
        return {name: self.contract.resolve(operation.body["properties"][name])["minimum"]
                for name in operation.body.get("required", ())}

    def judge(self, operation, what, answer, took, strict=True):
        """What holds for each answer. strict: it is one of this operation for sure."""
        about = f"seed {SEED}: {operation.name} {what!r}: {answer[0]} {answer[2][:300]!r}"
        self.count += 1
        self.assertNotEqual(answer[0], 0, about)
        self.assertLess(took, PATIENCE, about)
        self.assertTrue(answer[0] < 500 or answer[0] == 503 and "503" in operation.responses, about)
        self.assertNotIn("\r\nX-Injected", answer[1], about)
        if answer[0] >= 400:
            self.assertEqual(list(answer[3] or ()), ["detail"], about)
            self.assertTrue(isinstance(answer[3]["detail"], str) and answer[3]["detail"], about)
        if strict:
            self.assertEqual(operation.faults(*answer[:3]), [], about)
        return about

    def send(self, operation, path, body=None, strict=True, **headers):
        if operation.method == "POST" and body is None:
            body = self.good_body(operation)
        begun = time.monotonic()
        answer = self.ask(operation.method, path, body, **headers)
        what = path if isinstance(body, (dict, type(None))) else body
        about = self.judge(operation, (what[:200], str(headers)[:200]), answer,
                           time.monotonic() - begun, strict)
        return answer[0], about + f" body {str(body)[:200]} {str(headers)[:200]}"

    def expect(self, operation, path, good, **request):
        status, about = self.send(operation, path, **request)
        expected = {"disconnectSession": (409,), "login": (401,)}.get(operation.name, (200,))
        self.assertIn(status, expected if good else (400, 414, 422), about)

    # ---- queries

    def test_each_parameter(self):
        for operation in self.plain:
            path = self.path_of(operation).encode()
            self.expect(operation, path, True)
            self.expect(operation, path + b"?", True)
            self.expect(operation, path + b"?no_such=1", False)
            for parameter in operation.query:
                name = parameter["name"].encode()
                for value in self.values.good(parameter):
                    self.expect(operation, path + b"?" + name + b"=" + encoded(value), True)
                for value in self.values.bad(parameter):
                    self.expect(operation, path + b"?" + name + b"=" + encoded(value), False)
                for value in self.random.sample(HOSTILE, 8):
                    self.send(operation, path + b"?" + name + b"=" + value)
                self.expect(operation, path + b"?" + name + b"=1&" + name + b"=1", False)
                self.expect(operation, path + b"?" + name, False)
                self.expect(operation, path + b"?" + name.upper() + b"=1", False)

    def some_query(self, operation):
        """Parameters picked at random, and whether all of them fit."""
        pairs, good = [], True
        for parameter in self.random.sample(operation.query, self.random.randint(0, len(operation.query))):
            name, roll = parameter["name"], self.random.random()
            if name in (*NAMES_OF_THINGS, "latency_max_ms") or (name == "to" and roll < 0.9):
                continue
            value = encoded(self.random.choice(self.values.good(parameter)))
            if roll < 0.1:
                good = None if good else good
                value = self.random.choice(HOSTILE)
            elif roll > 0.95:
                good, value = False, encoded(self.random.choice(self.values.bad(parameter)))
            pairs.append(name.encode() + b"=" + value)
        if any(pair.startswith(b"to=") for pair in pairs) and good:
            good = None  # it may lie before `from`
        return b"&".join(pairs), good

    def test_parameters_together(self):
        until = time.monotonic() + RANDOM_SECONDS
        rounds = 0
        with_query = [one for one in self.plain if len(one.query) > 1]
        while time.monotonic() < until or rounds < 100:
            rounds += 1
            operation = self.random.choice(with_query)
            query, good = self.some_query(operation)
            path = self.path_of(operation).encode() + b"?" + query
            if good is None:
                self.send(operation, path)
            else:
                self.expect(operation, path, good)
        many = b"&".join(b"q=%d" % i for i in range(2000))
        status, about = self.send(self.contract.operations["listMessages"], b"/api/messages?" + many)
        self.assertIn(status, (414, 422, 431), about)

    def test_readers(self):
        operation = self.contract.operations["followMessages"]
        for parameter in operation.query:
            texts = [(encoded(value), 101) for value in self.values.good(parameter)]
            texts += [(encoded(value), 422) for value in self.values.bad(parameter) if value]
            texts += [(value, None) for value in self.random.sample(HOSTILE, 8)]
            for value, status in texts:
                query = f"?{parameter['name']}={value.decode('latin-1')}"
                reader = self.api.read(query, Authorization="Bearer " + TOKEN)
                about = f"seed {SEED}: {query[:300]!r}: {reader.status} {reader.refusal[:300]!r}"
                if status:
                    self.assertEqual(reader.status, status, about)
                self.assertIn(reader.status, (101, 400, 422), about)
                if reader.status != 101:
                    self.assertEqual(list(json.loads(reader.refusal)), ["detail"], about)
                reader.close()

    def test_headers(self):
        """What the HTTP server knows of HTTP, and we never asked for, answers nothing in our place."""
        upgrade = {"Connection": "close, Upgrade", "Upgrade": "websocket", "Sec_WebSocket_Version": "13",
                   "Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZQ=="}
        sets = [upgrade, {**upgrade, "Upgrade": "h2c"}, {"Range": "bytes=0-1"}, {"Range": "x"},
                {"Expect": "100-continue"}, {"Expect": "x"}, {"If_Modified_Since": "x"},
                {"If_None_Match": "*"}, {"Accept": "text/html"}, {"Accept_Encoding": "gzip"},
                {"X_HTTP_Method_Override": "DELETE"}, {"Authorization": "Digest x"},
                {"Authorization": "Bearer " + "x" * 5000}, {"Cookie": "a" * 5000}, {"Cookie": ";=;"},
                {"Host": "a b"}, {"Host": ""}, {"Host": "[::1"}, {"Host": "x" * 300},
                {"X": "y" * 14000}, {"TE": "chunked"}, {"Content_Encoding": "gzip"},
                {"Content_Length": "0x1"}, {"Content_Length": "99999999999999999999"}]
        for operation in self.plain:
            path = self.path_of(operation)
            for headers in sets:
                self.send(operation, path, **headers)
            for method in ("TRACE", "CONNECT", "PROPFIND", "get", "FOO", "G\u00e9T"):
                answer = self.ask(method, path, b"")
                self.assertEqual((answer[0], list(answer[3] or ())), (400, ["detail"]), method)

    # ---- paths

    def test_what_stands_for_an_id(self):
        for operation in self.plain:
            if "{id}" not in operation.path:
                continue
            for value in HOSTILE:
                path = operation.path.encode().replace(b"{id}", value)
                plain = not any(part in value.lower() for part in (b"%2e", b"%2f", b"..", b"/"))
                status, about = self.send(operation, path, strict=plain)
                if plain:
                    self.assertIn(status, (400, 403, 404, 409, 414, 422, 431, 503), about)
            for value in (UNKNOWN, "0000000000000001-1", "ffffffffffffffff-18446744073709551615", "0",
                          "99999999", self.session.upper() + "x"):
                status, about = self.send(operation, operation.path.replace("{id}", value))
                self.assertIn(status, (404, 422), about)

    def test_no_way_around_the_token(self):
        """Other ways to write a path: none of them shows anything without the token."""
        for operation in self.plain:
            path = self.path_of(operation)
            spelled = [path, path + "/", "/" + path, path.replace("/", "//"), path.upper(),
                       "/x/.." + path, "/." + path, path + "?", path + "%00", path + "/.",
                       path + ";a", path.replace("a", "%61"), path.replace("/api", "/%61pi"),
                       path.replace("/", "/%2e/"), path.replace("/", "\\"), path + "%20", path + "."]
            for text in spelled:
                for headers in ({}, {"Authorization": "Bearer "}, {"Authorization": "Basic Og=="},
                                {"Cookie": f"hashscope-{self.api.port}=" + "0" * 64}):
                    answer = self.ask(operation.method, text, self.good_body(operation), token=None,
                                      **headers)
                    about = f"{operation.method} {text} {headers}: {answer[0]} {answer[2][:200]!r}"
                    self.assertLess(answer[0], 500, about)
                    if not operation.open and answer[0] < 400:  # a page of the UI, and nothing else
                        self.assertIn("\r\nContent-Type: text/html", answer[1], about)
                        self.assertIn(b"<!doctype html>", answer[2].lower(), about)

    # ---- bodies

    def test_each_member_of_a_body(self):
        for operation in self.plain:
            properties = (operation.body or {}).get("properties", {})
            good = self.good_body(operation)
            for name, schema in properties.items():
                if name in ("modified_message", "token"):
                    continue
                path = self.path_of(operation)
                for value in self.values.bad_member(schema):
                    self.expect(operation, path, False, body={**good, name: value})
            for name in (operation.body or {}).get("required", ()):
                self.expect(operation, self.path_of(operation), False, body={})
                self.expect(operation, self.path_of(operation), False, body={name: None})
        for value in (5, True, [], ["x"], 1.5):
            status, about = self.send(self.contract.operations["login"], "/api/login",
                                      body={"token": value})
            self.assertEqual(status, 422, about)

    def test_bodies_that_are_none(self):
        for operation in self.plain:
            if operation.method != "POST":
                continue
            path = self.path_of(operation)
            for body in BODIES:
                status, about = self.send(operation, path, body)
                if operation.body.get("required") or len(body) > 2 and body.strip()[:1] not in b"{":
                    self.assertGreaterEqual(status, 400, about)
            status, about = self.send(operation, path, b'{"a":"' + b"x" * (1 << 20) + b'"}')
            self.assertEqual(status, 413, about)
            for kind in (None, "text/plain", "application/x-www-form-urlencoded",
                         "application/jsonp", "multipart/form-data; boundary=x"):
                status, about = self.send(operation, path, b"{}", Content_Type=kind)
                self.assertEqual(status, 403, f"{kind} {about}")
            for origin in ("http://evil.example", "null", "file://"):
                status, about = self.send(operation, path, b"{}", Origin=origin)
                self.assertEqual(status, 403, f"{origin} {about}")

    def test_messages_to_be_said_again(self):
        """Lines that a pool must never see, and some that it may: each is refused or answered."""
        operation = self.contract.operations["replayMessage"]
        lines = ["", " ", "x", "null", "[]", "5", '"text"', "{}", "{", '{"method":5}', '{"id":1}',
                 '{"method":"a"}\n{"method":"b"}', "{\"method\":\"a\"}\r\n", '{"method":"\u0000"}',
                 '{"method":"a","params":[1e999]}', '{"method":"a","id":{"x":[]}}',
                 '{"method":"' + "a" * 200000 + '"}', '{"method":"a"}' + " " * 70000,
                 '{"method":"mining.submit","params":["farm.1","1f","00000001","6741a2b0","ffffffff"]}',
                 {}, {"a": 1}, {"method": "a"}, {"method": "\n"}, {"method": "a", "id": 4}, [], 5, True,
                 [[[]]], 1.5, "\u2028", "\ud83d\ude00"]
        for line in lines:
            body = json.dumps({"modified_message": line}).encode()
            status, about = self.send(operation, self.path_of(operation), body)
            self.assertIn(status, (200, 400, 409, 422), about)
        self.miner.send_json({"id": 77, "method": "mining.ping", "params": []})
        while self.miner.read_json() != {"id": 77, "result": True, "error": None}:
            pass
        self.miner.close()
        self.server.result()
