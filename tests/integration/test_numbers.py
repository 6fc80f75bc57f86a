"""Numbers that neither 64 bits nor a double can hold keep their digits wherever a message is shown, and
when it is sent again."""
import re

from tests.integration.api_scene import Scene
from tests.integration.front import FrontCase
from tests.integration.harness import Task, wait_until

ID, NONCE, LARGE = 15604478400006665393, 18446744073709551615, 123456789012345678901234567890
SUBMIT = (b'{"id":%d,"method":"mining.submit","params":["barn.nine","5",%d,-0,1.10,"\\u0000",%d]}'
          % (ID, NONCE, LARGE))
PARAMS = SUBMIT[SUBMIT.index(b"["):-1]
REFUSAL = b'{"id":%d,"error":[21,"Job not found",null],"result":null}' % ID


class Numbers(Scene):
    def setUp(self):
        super().setUp()
        self.pool = self.new_pool()
        self.recorder = self.start(self.pool, SYNC_INTERVAL_MS=50)
        self.miner, self.upstream = self.join(self.recorder, self.pool)
        self.miner.send(SUBMIT + b"\n")
        self.assertEqual(self.upstream.read_line(), SUBMIT)
        self.upstream.send(REFUSAL + b"\n")
        self.assertEqual(self.miner.read_line(), REFUSAL)
        self.api = self.start_api()

    def test_what_is_shown_has_every_digit(self):
        path = "/api/messages?direction=miner_to_pool"
        wait_until(lambda: self.ask("GET", path)[3]["items"], "the API has seen it")
        text = self.ask("GET", path)[2]
        decoded = text[text.index(b'"decoded":'):]
        self.assertIn(b'"id":%d,' % ID, decoded)
        self.assertIn(b'"params":' + PARAMS, decoded)
        self.assertIn(b'"id_text":"%d"' % ID, decoded)
        rows = FrontCase.run_front(self, "cat", "--table", "--data-dir", self.data_dir)[1]
        self.assertRegex(rows, "→ submit +job 5")
        self.assertRegex(rows, "← rejected +21 Job not found")

    def test_the_code_of_a_refusal_has_every_digit(self):
        self.miner.send(SUBMIT + b"\n")
        self.upstream.read_line()
        self.upstream.send(REFUSAL.replace(b"[21,", b"[%d," % LARGE) + b"\n")
        self.miner.read_line()
        path = "/api/messages?direction=pool_to_miner"
        wanted = b'"refused":{"code":%d,"text":"Job not found"}' % LARGE
        wait_until(lambda: wanted in self.ask("GET", path)[2], "the code is shown")
        session = self.ask("GET", path)[3]["items"][0]["session_id"]
        counted = b'{"code":%d,"text":"Job not found","count":1}' % LARGE
        wait_until(lambda: counted in self.ask("GET", f"/api/sessions/{session}")[2], "and counted")
        wait_until(lambda: f"rejected {LARGE} Job" in " ".join(FrontCase.run_front(
            self, "cat", "--table", "--data-dir", self.data_dir)[1].split()), "cat shows it, too")

    def test_a_replay_sends_every_digit_and_shows_those_of_the_answer(self):
        path = "/api/messages?direction=miner_to_pool"
        items = wait_until(lambda: self.ask("GET", path)[3]["items"], "the API has seen it")
        for body in (b"{}", b'{"modified_message":%s}' % SUBMIT, b'{"modified_message":"%s"}' % SUBMIT.replace(b"\\", b"\\\\")
                     .replace(b'"', b'\\"')):
            task = Task(lambda b=body: self.ask("POST", f"/api/messages/{items[0]['id']}/replay", b))
            line = self.upstream.read_line()
            self.assertIn(b'"params":' + PARAMS, line)
            own = re.search(rb'"id":(\d+)', line).group(1)
            self.assertNotEqual(int(own), ID)
            self.upstream.send(b'{"id":%s,"result":%d,"error":null}\n' % (own, LARGE))
            status, _, text, _ = task.result()
            self.assertEqual(status, 200, text)
            self.assertIn(b'"result":%d' % LARGE, text)
