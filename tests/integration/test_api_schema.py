"""Every answer of the API is what api/openapi.yaml says, and everything that it describes is there."""
import glob
import json
import os
import re
import shlex
import shutil
import subprocess
import time
import urllib.parse

import yaml

from tests.integration.api_contract import ROOT, Contract
from tests.integration.api_process import strangers
from tests.integration.api_scene import TOKEN, Scene
from tests.integration.harness import PATIENCE, RecorderCase, wait_until

UNKNOWN = "01930000-0000-7000-8000-000000000000"
ROUTE = re.compile(r'\{\s*"(GET|POST|PUT|DELETE)",\s*"(/[^"]+)"')


def sources():
    """The modules of endpoints, with names that stand for the beginning of a path put in."""
    for path in sorted(glob.glob(os.path.join(ROOT, "api", "rest", "*.c"))):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        for name, value in re.findall(r'#define (\w+)\s+"(/[^"]*)"', text):
            text = re.sub(rf'\b{name}\s+"', f'"{value}', text)
        yield text


class DescriptionTest(RecorderCase):
    """The file itself."""

    def test_routes_and_description_name_the_same_endpoints(self):
        contract = Contract()
        routes = {(method, path) for text in sources() for method, path in ROUTE.findall(text)}
        described = {(one.method, one.path) for one in contract.operations.values()
                     if not one.is_websocket}
        self.assertEqual(described, routes - {("GET", "/docs/{id}")})

    def test_references_lead_somewhere_and_objects_are_whole(self):
        contract = Contract()

        def walk(node, where):
            if isinstance(node, list):
                for part in node:
                    walk(part, where)
            if not isinstance(node, dict):
                return
            if "$ref" in node:
                contract.resolve(node)
            for name in node["required"] if isinstance(node.get("required"), list) else ():
                self.assertIn(name, node["properties"], where)
            for key, part in node.items():
                walk(part, f"{where}/{key}")
        walk(contract.document, "")
        for one in contract.operations.values():
            names = re.findall(r"\{(\w+)\}", one.path)
            self.assertEqual(names, [p["name"] for p in one.parameters if p["in"] == "path"])
            self.assertTrue(any(code.startswith(("1", "2")) for code in one.responses), one.name)

    def test_the_page_reads_it_as_a_full_parser_does(self):
        node = shutil.which("node")
        self.assertTrue(node, "node is wanted: scripts/install-deps.sh test")
        script = os.path.join(self.folder, "read.mjs")
        shutil.copy(os.path.join(ROOT, "api/docs/yaml.js"), os.path.join(self.folder, "yaml.mjs"))
        with open(script, "w", encoding="ascii") as file:
            file.write('import { parseYaml } from "./yaml.mjs"; import fs from "fs";\n'
                       'const text = fs.readFileSync(process.argv[2], "utf8");\n'
                       'try { console.log(JSON.stringify(parseYaml(text))); }\n'
                       'catch (fault) { console.log(fault.message); process.exit(1); }\n')

        def read(path):
            return subprocess.run([node, script, path], capture_output=True, text=True, check=False)
        done = read(os.path.join(ROOT, "api/openapi.yaml"))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(json.loads(done.stdout), Contract().document)
        samples = {"a: [1, -2.5, 'x''y', {b: true}]  # c\nd: |\n  e\n\n    f\ng:\n  - h: i\n    j: null\n"
                   "  - [k,\n     l]\n  - \"m\\n\"\n'4': ~\n": True,
                   "a: &b c\n": False, "a: 1\na: 2\n": False, "a: [1, 2\n": False, "a\n": False,
                   "a: 1\n   b: 2\n": False, "a: >\n  b\n": False, "a: {b}\n": False}
        for text, good in samples.items():
            path = os.path.join(self.folder, "sample.yaml")
            with open(path, "w", encoding="ascii") as file:
                file.write(text)
            done = read(path)
            self.assertEqual(done.returncode, 0 if good else 1, f"{text!r}: {done.stderr}")
            if good:
                self.assertEqual(json.loads(done.stdout), yaml.safe_load(text))


class AnswersTest(Scene):
    def setUp(self):
        super().setUp()
        self.contract = Contract()
        self.asked = set()

    def check(self, name, status=200, path=None, **request):
        """Asks for an operation, holds the answer against its description, returns it."""
        operation = self.contract.operations[name]
        answer = self.ask(operation.method, path or operation.path, **request)
        self.assertEqual(answer[0], status, f"{name} {path}: {answer[2][:300]!r}")
        faults = operation.faults(*answer[:3])
        self.assertEqual(faults, [], f"{name} {path or ''}\n" + "\n".join(faults))
        self.assertIn("\r\nX-Content-Type-Options: nosniff", answer[1], name)
        if status < 300:
            self.asked.add(name)
        return answer[3]

    def check_messages(self):
        everything = self.check("listMessages", path="/api/messages?limit=1000")["items"]
        for source in ("live", "archive", "all"):
            for query in ("", "&order=oldest", "&errors=true", "&method=submit", "&q=0a0b0c0d",
                          "&passwords=shown", f"&session_id={self.session}", "&direction=miner_to_pool",
                          "&offset=3", "&from=2020-01-01T00:00:00%2B02:00&to=2100-01-01T00:00:00Z"):
                page = self.check("listMessages", path=f"/api/messages?source={source}{query}&limit=5")
                if page["next_cursor"]:
                    self.check("listMessages", path=f"/api/messages?source={source}{query}&limit=5"
                               "&cursor=" + urllib.parse.quote(page["next_cursor"]))
        for message in everything:
            one = self.check("getMessage", path="/api/messages/" + message["id"])
            self.assertEqual(one["raw"], message["raw"])
        raws = [message["raw"] for message in everything]
        self.assertIn("xxxxx", raws)  # a bare word may be a line of a login on several
        shown = self.check("listMessages", path="/api/messages?limit=1000&passwords=shown")["items"]
        raws = [message["raw"] for message in shown]
        self.assertIn("hello", raws)
        self.assertEqual(sum(raw is None for raw in raws), 1)
        self.assertNotIn("secret", json.dumps(everything))
        return everything

    def check_sessions(self):
        for query in ("", "?state=open", "?state=closed", "?source=live", "?source=archive",
                      "?worker=farm", "?q=cgminer", "?limit=1", "?limit=1&offset=1", "?peer=127",
                      "?pool=127", "?user_agent=cgminer", "?from=2020-01-01T00:00:00Z"):
            self.check("listSessions", path="/api/sessions" + query)
        first = self.check("listSessions", path="/api/sessions?limit=1")
        following = self.check("listSessions", path="/api/sessions?limit=1&cursor=" +
                               urllib.parse.quote(first["next_cursor"]))
        self.assertEqual({first["items"][0]["session_id"], following["items"][0]["session_id"]},
                         {self.session, self.ended})
        ended = self.check("getSession", path="/api/sessions/" + self.ended)
        self.assertEqual(ended["state"], "closed")
        session = self.check("getSession", path="/api/sessions/" + self.session)
        self.assertEqual((session["workers"], session["difficulty"], session["version_mask"],
                          session["extranonce1"], session["state"]),
                         (["farm.1"], 1024, "1fffe000", "f0000001", "open"))
        self.assertEqual([job["job_id"] for job in session["jobs"]], ["1f"])
        self.assertEqual(session["stats"]["rejected_by_code"][0]["code"], 23)

    def check_control(self, messages):
        base = f"/api/sessions/{self.session}/"
        self.check("getBroadcast", path=base + "broadcast/status")
        self.check("setRepeatCount", path=base + "repeat-count", body={"repeat_count": 7})
        self.check("getRepeatCount", path=base + "repeat-count")
        on = self.check("enableBroadcast", path=base + "broadcast/enable")
        self.assertEqual((on["broadcast_enabled"], on["repeat_count"]), (True, 7))
        self.check("disableBroadcast", path=base + "broadcast/disable", body={})
        self.check("getAutoReplay", path=base + "auto-replay/status")
        self.check("setAutoReplayCount", path=base + "auto-replay-count",
                   body={"auto_replay_count": 2})
        self.check("getAutoReplayCount", path=base + "auto-replay-count")
        server = self.answer_replays()
        self.check("enableAutoReplay", path=base + "auto-replay/enable")
        self.miner.send_json({"id": 90, "method": "mining.submit",
                              "params": ["farm.1", "1f", "00000003", "6741a2b0", "0a0b0c0f"]})
        wait_until(lambda: self.check("getAutoReplay", path=base + "auto-replay/status")["accepted"]
                   == 2, "the submit was repeated twice")
        self.check("disableAutoReplay", path=base + "auto-replay/disable")
        submit = next(one for one in messages if one["session_id"] == self.session
                      and one["method"] == "mining.submit" and one["jsonrpc_id"] == 4)
        path = f"/api/messages/{submit['id']}/replay"
        for body in (None, {}, {"modified_message": submit["raw"]},
                     {"modified_message": json.loads(submit["raw"])}):
            result = self.check("replayMessage", path=path, body=body)
            self.assertEqual((result["success"], result["pool_response"]["result"]), (True, True))
        self.check("disconnectSession", path=base + "disconnect", body={})
        server.result()
        self.recorder.wait_sessions(0)
        wait_until(lambda: self.check("getSession", path=base[:-1])["state"] == "closed",
                   "the API knows that the session ended")
        self.check("disconnectSession", 409, base + "disconnect")
        self.check("replayMessage", 409, path)

    def check_archive(self):
        wait_until(lambda: {segment["state"] for segment in self.check("listSegments")["items"]}
                   == {"sealed", "open"}, "the second file has something in it")
        segments = self.check("listSegments")["items"]
        self.check("listSegments", path="/api/segments?limit=1")
        self.check("listSeries")
        for segment in segments:
            self.check("getSegment", path="/api/segments/" + segment["id"])
        for query in ("", "?buckets=3", "?errors=1", "?q=farm&buckets=1000", "?source=live",
                      f"?session_id={self.session}&direction=pool_to_miner",
                      "?from=2026-01-01T00:00:00Z&to=2026-01-01T01:00:00Z"):
            self.check("getTimeline", path="/api/timeline" + query)
        for kind in ("pcapng", "pcap", "ndjson", "ndjson.zst", "csv"):
            path = f"/api/export?format={kind}&sides=both&passwords=shown"
            self.check("exportMessages", path=path)
            by_body = self.ask("POST", "/api/export", body={"format": kind, "errors": True})
            self.assertEqual(self.contract.operations["exportMessagesByBody"].faults(*by_body[:3]), [])
            self.assertIn("\r\nContent-Disposition: attachment; filename=", by_body[1])
            self.asked.add("exportMessagesByBody")

    def check_state(self):
        self.check("getHealth", token=None)
        for name in ("getConfig", "getStatus", "getMetrics"):
            self.check(name)
            self.assertNotIn(TOKEN.encode(), self.ask("GET", self.contract.operations[name].path)[2])
        self.check_metrics(self.ask("GET", "/metrics")[2].decode())
        for name in ("getDescription", "getDocs"):
            self.check(name, token=None)
        description = self.ask("GET", "/openapi.yaml", token=None)[2]
        self.assertEqual(yaml.safe_load(description), self.contract.document)
        self.check("login", token=None, body={"token": TOKEN})
        self.check("login", 401, token=None, body={"token": "wrong"})
        self.check("logout", token=None)

    def check_metrics(self, text):
        """The text format of Prometheus; and docs/api.md speaks of figures that there are."""
        kinds, seen = {}, set()
        for line in text.splitlines():
            head = re.fullmatch(r"# (HELP|TYPE) (hashscope_[a-z_]+) (.+)", line)
            if head and head[1] == "TYPE":
                self.assertNotIn(head[2], kinds)
                kinds[head[2]] = head[3]
            if head:
                continue
            value = re.fullmatch(r'(hashscope_[a-z_]+)(?:\{[a-z]+="[^"]*"\})? -?\d+(\.\d+)?', line)
            self.assertTrue(value, line)
            name = value[1] if value[1] in kinds else re.sub("_(sum|count)$", "", value[1])
            self.assertIn(name, kinds, line)
            self.assertEqual(value[1].endswith("_total"), kinds[name] == "counter", line)
            seen.add(name)
        self.assertEqual(seen, set(kinds))
        with open(os.path.join(ROOT, "docs/api.md"), encoding="utf-8") as file:
            named = set(re.findall(r"(hashscope_[a-z_]+)(?: [=>]|\[5m)", file.read()))
        self.assertGreater(len(named), 4)
        self.assertEqual(named - set(kinds), set())

    def check_frames(self):
        """Frames have bodies of the answer 101."""
        schema = self.contract.operations["followMessages"].responses["101"]["content"][
            "application/json"]["schema"]
        for batch in ("", "?batch=1"):
            reader = self.api.read(batch, Authorization="Bearer " + TOKEN)
            self.assertEqual(reader.status, 101)
            reader.sock.settimeout(PATIENCE)
            self.miner.send_json({"id": 50, "method": "mining.submit", "params": []})
            self.assertEqual(self.contract.faults(schema, reader.next()), [])
            reader.close()
        self.assertEqual(self.contract.faults(schema, {"type": "ping"}), [])
        self.assertNotEqual(self.contract.faults(schema, {"type": "pong"}), [])
        self.asked.add("followMessages")

    def test_every_endpoint_answers_as_described(self):
        self.set_scene()
        messages = self.check_messages()
        self.check_frames()
        self.check_sessions()
        self.check_archive()
        self.check_state()
        self.check_control(messages)
        self.assertEqual(self.asked, set(self.contract.operations))
        self.assertEqual(self.api.stop(), 0, self.api.text())

    def concrete(self, operation, session=UNKNOWN):
        number = {"/api/messages": "0000000000000001-1", "/api/segments": "999999"}
        return operation.path.replace("{id}", number.get("/".join(operation.path.split("/")[:3]),
                                                         session))

    def test_refusals_are_as_described(self):
        self.set_scene()
        self.api.sources = strangers()  # who guesses tokens waits
        for operation in self.contract.operations.values():
            path = self.concrete(operation)
            with self.subTest(operation.name):
                answer = self.ask(operation.method, path, token=None)
                self.assertEqual(answer[0] == 401, not operation.open or operation.name == "login"
                                 and answer[0] == 401, answer)
                self.assertEqual(operation.faults(*answer[:3]), [])
                wrong = self.ask(operation.method, path, token="wrong" + TOKEN)
                self.assertEqual(wrong[0] == 401, not operation.open, wrong)
                if operation.is_websocket:
                    continue
                self.check(operation.name, 422, path + "?no_such_parameter=1")
                if "{id}" in path or path != operation.path:
                    body = self.smallest_body(operation)
                    self.check(operation.name, 404, path, body=body)
                other = "DELETE" if operation.method == "POST" else "PUT"
                refused = self.ask(other, path)
                self.assertEqual((refused[0], list(refused[3])), (405, ["detail"]))
                if operation.body and operation.body.get("required"):
                    self.check(operation.name, 422, path, body={})
                if operation.body is not None:
                    self.check(operation.name, 400, path, body=b"{")
                    self.check(operation.name, 422, path, body=b"[]")

    def test_heads_and_preflights(self):
        self.set_scene(CORS_ORIGINS="https://ui.example")
        for operation in self.contract.operations.values():
            if operation.is_websocket:
                continue
            path = self.concrete(operation, self.session)
            if operation.method == "GET":
                whole, head = self.ask("GET", path), self.ask("HEAD", path)
                self.assertEqual((head[0], head[2]), (whole[0], b""), operation.name)
            allowed = self.ask("OPTIONS", path, token=None, Origin="https://ui.example",
                               Access_Control_Request_Method=operation.method)
            self.assertEqual(allowed[0], 204, operation.name)
            self.assertIn("Access-Control-Allow-Origin: https://ui.example\r\n", allowed[1])
            refused = self.ask("OPTIONS", path, token=None, Origin="https://evil.example")
            self.assertEqual((refused[0], list(refused[3])), (403, ["detail"]), operation.name)

    def test_examples_of_the_documentation(self):
        self.set_scene()
        with open(os.path.join(ROOT, "docs/api.md"), encoding="utf-8") as file:
            lines = [line for line in file if line.startswith("curl ")]
        self.assertGreater(len(lines), 10)
        for line in lines:
            words = shlex.split(line.replace("$SESSION", self.session).replace("$HS", "")
                                .replace("$API_TOKEN", TOKEN))
            body = words[words.index("-d") + 1].encode() if "-d" in words else None
            token = TOKEN if f"Authorization: Bearer {TOKEN}" in words else None
            answer = self.ask("POST" if body else "GET", words[-1], body, token)
            self.assertEqual(answer[0], 200, f"{line} {answer[2][:300]!r}")

    @staticmethod
    def smallest_body(operation):
        if operation.body is None:
            return None
        return {name: operation.body["properties"][name]["minimum"]
                for name in operation.body.get("required", ())}

    def test_without_a_recorder_the_archive_is_served(self):
        self.set_scene()
        self.assertEqual(self.recorder.stop(), 0)
        wait_until(lambda: self.ask("GET", "/health", token=None)[0] == 503, "it is down")
        self.check("getHealth", 503, token=None)
        status = self.check("getStatus")
        self.assertFalse(status["recorder"]["running"])
        self.assertTrue(status["recorder"]["error"])
        messages = self.check("listMessages", path="/api/messages?source=archive")["items"]
        self.assertGreater(len(messages), 20)
        self.check("getSession", path="/api/sessions/" + self.ended)
        for name in ("listSessions", "listSegments", "getTimeline", "getMetrics", "exportMessages"):
            self.check(name)
        before = time.monotonic()
        answer = self.ask("POST", f"/api/sessions/{self.session}/disconnect")
        self.assertIn(answer[0], (409, 503))
        self.assertLess(time.monotonic() - before, PATIENCE)
