"""Shares of other coins' dialects on the same port: they count as shares, while they are mined and
in a sealed file, for the commands and for the API."""
import json

from tests.integration.api_scene import Scene
from tests.integration.front import FrontCase
from tests.integration.harness import wait_until

SHARES = [
    b'{"id":%d,"method":"mining.submit","params":["w","5","%08x","6b040a81","0000beef"]}',
    b'{"id":%d,"method":"submit","params":{"id":"1","job_id":"5","nonce":"%08x","result":"00"}}',
    b'{"id":%d,"method":"eth_submitWork","params":["0x%016x","0xaa","0xbb"]}',
]


class OtherCoins(Scene):
    def listed(self, *arguments):
        code, out, err = FrontCase.run_front(self, "ls", "--json", "--data-dir", self.data_dir,
                                             *arguments)
        self.assertEqual((code, err), (0, ""))
        return [json.loads(line) for line in out.splitlines()]

    def say(self, share):
        miner, upstream = self.join(self.recorder, self.pool)
        for i, result in enumerate((b"true", b"true", b"false")):
            line = share % (3 + i, i)
            miner.send(line + b"\n")
            self.assertEqual(upstream.read_line(), line)
            answer = b'{"id":%d,"result":%s,"error":null}' % (3 + i, result)
            upstream.send(answer + b"\n")
            self.assertEqual(miner.read_line(), answer)

    def figures(self):
        return sorted((one["submits"], one["accepted"], one["rejected"]) for one in self.listed())

    def test_their_shares_count(self):
        self.pool = self.new_pool()
        self.recorder = self.start(self.pool, SYNC_INTERVAL_MS=50)
        for share in SHARES:
            self.say(share)
        wanted = [(3, 2, 1)] * len(SHARES)
        wait_until(lambda: self.figures() == wanted, "the open file says so")
        self.api = self.start_api()
        wait_until(lambda: len(self.ask("GET", "/api/sessions")[3]["items"]) == len(SHARES),
                   "the sessions are there")
        self.assertEqual([(one["submits"], one["accepted"], one["rejected"])
                          for one in self.ask("GET", "/api/sessions")[3]["items"]], wanted)
        rows = FrontCase.run_front(self, "cat", "--table", "--data-dir", self.data_dir)[1]
        self.assertEqual((rows.count("accepted"), rows.count("rejected")), (6, 3), rows)
        self.recorder.stop()
        self.assertEqual(self.figures(), wanted)
        self.read_archive()
