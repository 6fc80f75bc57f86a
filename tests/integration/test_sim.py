"""The simulated pool and miners: against each other, and the pool against a miner in Python that
does its own arithmetic."""
import hashlib
import json
import os
import re
import struct
import time
import unittest

from tests.integration.front import FrontCase
from tests.integration.harness import SLOW_RESOLVER, wait_until

STYLES = ("cgminer", "bfgminer", "cpuminer", "esp-miner")
DIFFICULTY_1 = 0xffff << 208


def sha256d(data):
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


class Job:
    """A mining.notify, with the arithmetic of a share as any miner does it."""

    def __init__(self, params, extranonce1):
        (self.id, previous, self.coinb1, self.coinb2, self.branches, self.version, self.nbits,
         self.ntime, self.clean) = params
        self.extranonce1 = extranonce1
        raw = bytes.fromhex(previous)
        self.previous = b"".join(raw[i:i + 4][::-1] for i in range(0, 32, 4))

    def difficulty(self, extranonce2, nonce, version=None):
        root = sha256d(bytes.fromhex(self.coinb1 + self.extranonce1 + extranonce2 + self.coinb2))
        for branch in self.branches:
            root = sha256d(root + bytes.fromhex(branch))
        number = int(self.version, 16) if version is None else version
        header = (struct.pack("<I", number) + self.previous + root +
                  struct.pack("<III", int(self.ntime, 16), int(self.nbits, 16), nonce))
        return DIFFICULTY_1 / int.from_bytes(sha256d(header), "little")

    def find(self, extranonce2, good):
        """The first nonce whose difficulty is as wanted."""
        return next(n for n in range(1 << 32) if good(self.difficulty(extranonce2, n)))


class Miner:
    """A miner of our own: logged in, with its first job."""

    def __init__(self, peer, worker="rig"):
        self.peer = peer
        self.said = []  # what the pool sent besides answers
        result = self.ask("mining.subscribe", ["python/1"])["result"]
        self.extranonce1, self.extranonce2_size = result[1], result[2]
        self.worker = worker
        assert self.ask("mining.authorize", [worker, "x"])["result"] is True
        self.set_difficulty = self.wait("mining.set_difficulty")
        self.job = Job(self.wait("mining.notify"), self.extranonce1)

    def ask(self, method, params, number=1):
        self.peer.send_json({"id": number, "method": method, "params": params})
        while True:
            line = self.peer.read_json()
            if "method" not in line:
                return line
            self.said.append(line)

    def wait(self, method):
        while True:
            for i, line in enumerate(self.said):
                if line["method"] == method:
                    return self.said.pop(i)["params"]
            self.said.append(self.peer.read_json())

    def submit(self, job, nonce, extranonce2="00" * 8, **changes):
        fields = {"worker": self.worker, "job": job.id, "ntime": job.ntime, **changes}
        params = [fields["worker"], fields["job"], extranonce2, fields["ntime"], f"{nonce:08x}"]
        if "version" in fields:
            params.append(fields["version"])
        return self.ask("mining.submit", params, 4)


class PoolIsHonest(FrontCase):
    def miner(self, pool):
        return Miner(self.dial(pool.port))

    def test_shares_are_judged_by_their_work(self):
        pool = self.sim_pool()
        miner = self.miner(pool)
        self.assertEqual(miner.set_difficulty, [0.000001])
        good = miner.job.find("00" * 8, lambda d: d >= 0.000001)
        poor = miner.job.find("00" * 8, lambda d: 0.0000001 <= d < 0.000001)
        accepted = {"id": 4, "result": True, "error": None}
        self.assertEqual(miner.submit(miner.job, good), accepted)
        self.assertEqual(miner.submit(miner.job, good)["error"], [22, "Duplicate share", None])
        self.assertEqual(miner.submit(miner.job, poor)["error"],
                         [23, "Low difficulty share", None])
        self.assertEqual(miner.submit(miner.job, good, extranonce2="01" * 8)["error"][0], 23)
        self.assertEqual(self.end_pool(pool)["shares"],
                         {"accepted": 1, "other": 0, "stale": 0, "duplicate": 1,
                          "low_difficulty": 2, "unauthorized": 0, "not_subscribed": 0})

    def test_version_bits_count(self):
        pool = self.sim_pool("--version-mask", "00006000")
        miner = self.miner(pool)
        configured = miner.ask("mining.configure",
                               [["version-rolling"], {"version-rolling.mask": "ffffffff"}])
        self.assertEqual(configured["result"], {"version-rolling": True,
                                                "version-rolling.mask": "00006000"})
        rolled = next(n for n in range(1 << 32)
                      if miner.job.difficulty("00" * 8, n, 0x20002000) >= 0.000001)
        self.assertTrue(miner.submit(miner.job, rolled, version="00002000")["result"])
        self.assertEqual(miner.submit(miner.job, rolled, version="00004000")["error"][0], 23)
        self.assertEqual(miner.submit(miner.job, rolled, version="00008000")["error"],
                         [20, "Version bits outside the mask", None])

    def test_new_block_makes_the_old_jobs_stale(self):
        pool = self.sim_pool("--block-interval", 0.3, "--full-after", 0.05)
        miner = self.miner(pool)
        old = miner.job
        nonce = old.find("00" * 8, lambda d: d >= 0.000001)
        empty = Job(miner.wait("mining.notify"), miner.extranonce1)
        full = Job(miner.wait("mining.notify"), miner.extranonce1)
        self.assertEqual((empty.clean, empty.branches), (True, []))
        self.assertEqual((full.clean, full.previous), (False, empty.previous))
        self.assertGreater(len(full.branches), 0)
        self.assertNotEqual(old.previous, empty.previous)
        self.assertEqual(miner.submit(old, nonce)["error"], [21, "Stale share", None])

    def test_same_seed_says_the_same(self):
        said = []
        for _ in range(2):
            pool = self.sim_pool("--seed", 42, "--clock", 1700000000)
            miner = self.dial(pool.port)
            miner.send_json({"id": 1, "method": "mining.subscribe", "params": []})
            miner.send_json({"id": 2, "method": "mining.authorize", "params": ["a", "b"]})
            said.append([miner.read_line() for _ in range(4)])
        self.assertEqual(said[0], said[1])
        self.assertIn(b'"6553f100"', said[0][3])

    def test_vardiff_follows_the_pace(self):
        pool = self.sim_pool("--shares-per-minute", 600, "--retarget", 0.4)
        miner = self.spawn("sim", "miner", f"127.0.0.1:{pool.port}", "--hashrate", 300000)
        # 70 shares a second at first, 10 are wanted
        changed = wait_until(lambda: re.search(r"difficulty (\S+), was 1e-06", pool.text()),
                             "a change of difficulty")
        self.assertGreater(float(changed[1]), 0.000001)
        self.assertLessEqual(float(changed[1]), 0.000004)  # the most at once
        self.assertEqual(miner.stop(), 0)


class PoolMisbehaves(FrontCase):
    def handshake(self, pool):
        miner = self.dial(pool.port)
        miner.send_json({"id": 1, "method": "mining.subscribe", "params": []})
        miner.send_json({"id": 2, "method": "mining.authorize", "params": ["a", "b"]})
        return miner

    def test_crlf(self):
        miner = self.handshake(self.sim_pool("--crlf"))
        for _ in range(4):
            self.assertTrue(miner.read_line().endswith(b"}\r"))

    def test_notify_first(self):
        miner = self.handshake(self.sim_pool("--notify-first"))
        lines = [miner.read_json() for _ in range(4)]
        self.assertEqual([line.get("method", line["id"]) for line in lines],
                         ["mining.set_difficulty", "mining.notify", 1, 2])

    def test_batch(self):
        miner = self.handshake(self.sim_pool("--batch"))
        batch = [miner.read_json() for _ in range(3)][2]
        self.assertEqual([line["method"] for line in batch],
                         ["mining.set_difficulty", "mining.notify"])

    def test_dies_in_mid_line(self):
        miner = self.handshake(self.sim_pool("--die-after", 3))
        data = miner.read_end()
        self.assertEqual(data.count(b"\n"), 3)
        self.assertTrue(data.rsplit(b"\n", 1)[1].startswith(b'{"id":null,"method":"mining.notify"'))

    def test_slow_answers(self):
        pool = self.sim_pool("--slow-answers", 300)
        totals = self.sim_miner(pool.port, "--shares", 3)
        self.assertGreaterEqual(totals["elapsed_ms"], 1200)  # three answers to log in, and one

    def test_big_coinbase(self):
        pool = self.sim_pool("--big-coinbase", 2000000)
        miner = self.handshake(pool)
        notify = [miner.read_json() for _ in range(4)][3]
        self.assertGreater(len(notify["params"][3]), 4000000)
        self.assertEqual(self.sim_miner(pool.port, "--shares", 3)["rejected"]["low_difficulty"], 0)

    def test_hang(self):
        pool = self.sim_pool("--hang-after-connect")
        miner = self.patient_miner(pool.port)
        miner.wait_text("connected to")
        self.assertEqual(miner.stop(), 0)
        totals = miner.json()[-1]
        self.assertEqual((totals["connects"], totals["handshakes"]), (1, 0))
        self.assertEqual(totals["unanswered"], 1)

    def test_refused_login(self):
        pool = self.sim_pool("--refuse-auth")
        miner = self.patient_miner(pool.port)
        wait_until(lambda: miner.text().count("login refused") >= 2, "it tries again")
        self.assertEqual(miner.stop(), 0)
        self.assertEqual(miner.json()[-1]["handshakes"], 0)

    def test_no_login_is_exit_code_1(self):
        pool = self.sim_pool("--refuse-auth")
        self.sim_miner(pool.port, "--duration", 0.2, expect=1)

    def test_silence(self):
        pool = self.sim_pool("--silent-submits", 50)
        totals = self.sim_miner(pool.port, "--shares", 20)
        self.assertGreater(totals["unanswered"], 0)
        self.assertEqual(totals["sent"], totals["accepted"] + totals["unanswered"])

    def test_rejects_on_request(self):
        totals = self.sim_miner(self.sim_pool("--reject-percent", 50).port, "--shares", 20)
        self.assertGreater(totals["rejected"]["other"], 2)

    def test_says_more_than_it_must(self):
        pool = self.sim_pool("--get-version", "--show-message", 'say "hi"', "--ping", 0.05)
        for style in STYLES:
            self.sim_miner(pool.port, "--shares", 10, "--style", style)
            self.assertIn('the pool says: say "hi"', self.miner_log)
        self.assertIn("answered cgminer/4.11.1", pool.text())
        self.assertIn("answered v2.9.0", pool.text())
        self.assertIn("pong", pool.text())
        self.assertEqual(self.end_pool(pool)["bad_lines"], 0)

    def test_http_and_tls_probes_are_turned_away(self):
        pool = self.sim_pool()
        for probe in (b"GET / HTTP/1.1\r\n", b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03\xff"):
            self.assertEqual(self.dial(pool.port).send(probe).read_any_end(), b"")


class MinersMine(FrontCase):
    def test_every_style(self):
        pool = self.sim_pool()
        for style in STYLES:
            totals = self.sim_miner(pool.port, "--style", style, "--shares", 15,
                                    "--extranonce-subscribe", "--suggest-difficulty", 0.000002)
            self.assertGreaterEqual(totals["accepted"], 15)
            self.assertEqual(totals["sent"], totals["accepted"])
            self.assertEqual(totals["bad_lines"], 0)
        for agent in ("cgminer/4.11.1", "bfgminer/5.5.0", "cpuminer/2.5.1", "bitaxe/BM1370"):
            self.assertIn(f"subscribed: {agent}", pool.text())

    def test_bad_shares_of_each_kind(self):
        pool = self.sim_pool("--block-interval", 0.2)
        for kind, name in (("stale", "stale"), ("duplicate", "duplicate"),
                           ("low", "low_difficulty")):
            totals = self.sim_miner(pool.port, "--bad-percent", 50, "--bad-kind", kind, "--shares",
                                    20, "--style", "esp-miner")
            self.assertGreater(totals["rejected"][name], 2, kind)
            late = totals["rejected"]["stale"] if name != "stale" else 0  # lost a race to a block
            self.assertEqual(sum(totals["rejected"].values()), totals["rejected"][name] + late)

    def test_many_miners(self):
        pool = self.sim_pool()
        totals = self.sim_miner(pool.port, "--miners", 50, "--style", "mixed", "--hashrate", 5000,
                                "--shares", 50, "--user", "farm")
        self.assertEqual((totals["handshakes"], totals["connects"]), (50, 50))
        self.assertIn("authorized farm.50", pool.text())
        self.assertEqual(self.end_pool(pool)["clients"], 50)

    def test_extranonces_change(self):
        pool = self.sim_pool("--extranonce-interval", 0.1, "--job-interval", 0.15)
        totals = self.sim_miner(pool.port, "--extranonce-subscribe", "--shares", 60, "--style",
                                "esp-miner")
        self.assertIn("another extranonce", self.miner_log)
        self.assertEqual(totals["rejected"]["low_difficulty"], 0)

    def test_comes_back(self):
        pool = self.sim_pool("--die-after", 8)
        totals = self.sim_miner(pool.port, "--shares", 8, "--retry-min", 0.02)
        self.assertGreaterEqual(totals["connects"], 2)

    def test_waits_for_a_pool(self):
        pool = self.sim_pool()
        port = pool.port
        self.end_pool(pool)
        miner = self.spawn("sim", "miner", f"127.0.0.1:{port}", "--json", "--shares", 3,
                           "--retry-min", 0.05, "--retry-max", 0.1, "--hashrate", 200000)
        miner.wait_text("refused")
        again = self.spawn("sim", "pool", "--listen", f"127.0.0.1:{port}", "--difficulty", 0.000001)
        self.assertEqual(miner.wait(), 0, miner.text())
        self.assertEqual(again.stop(), 0)

    def test_follows_reconnect(self):
        second = self.sim_pool()
        first = self.sim_pool("--reconnect-after", 0.1, "--reconnect-to",
                              f"127.0.0.1:{second.port}")
        totals = self.sim_miner(first.port, "--shares", 40)
        self.assertEqual(totals["connects"], 2)
        self.assertEqual(self.end_pool(second)["clients"], 1)

    def test_does_not_follow_to_another_host(self):
        pool = self.sim_pool("--reconnect-after", 0.05, "--reconnect-to", "localhost:1")
        totals = self.sim_miner(pool.port, "--shares", 30)
        self.assertEqual(totals["connects"], 1)
        self.assertIn("not following the pool's request to go to localhost", self.miner_log)

    def test_shares_in_time_or_exit_code_1(self):
        self.sim_miner(self.sim_pool().port, "--shares", 1000000, "--duration", 0.3, expect=1)

    def test_signal_is_a_proper_end(self):
        pool = self.sim_pool()
        miner = self.spawn("sim", "miner", f"127.0.0.1:{pool.port}", "--json")
        miner.wait_text("logged in")
        self.assertEqual(miner.stop(), 0)
        self.assertEqual(miner.json()[-1]["handshakes"], 1)


class Tls(FrontCase):
    def test_certificate_is_verified(self):
        certificate, key = (os.path.join(self.folder, name) for name in ("cert.pem", "key.pem"))
        pool = self.sim_pool("--tls-self-signed", "--tls-cert", certificate, "--tls-key", key)
        self.assertTrue(pool.json()[0]["tls"])
        self.assertEqual(os.stat(key).st_mode & 0o777, 0o600)
        totals = self.sim_miner(pool.port, "--tls-ca", certificate, "--shares", 3,
                                scheme="stratum+ssl://")
        self.assertEqual(totals["connects"], 1)
        miner = self.patient_miner(pool.port, scheme="stratum+ssl://")
        miner.wait_text("certificate verify failed")
        self.assertEqual(miner.stop(), 0)
        self.assertEqual(miner.json()[-1]["connects"], 0)
        self.sim_miner(pool.port, "--tls-insecure", "--shares", 3, scheme="stratum+ssl://")

    def test_certificate_of_a_moment(self):
        pool = self.sim_pool("--tls-self-signed")
        self.sim_miner(pool.port, "--tls-insecure", "--shares", 3, scheme="stratum+ssl://")


class CommandLine(FrontCase):
    def test_a_name_that_is_being_looked_up_does_not_hold_up_the_end(self):
        library = self.compile_library("resolver", SLOW_RESOLVER)
        miner = self.spawn("sim", "miner", "--json", "pool.example.com", environ={"LD_PRELOAD": library})
        miner.wait_text("resolving pool.example.com")
        begin = time.monotonic()
        self.assertEqual(miner.stop(), 0, miner.text())
        self.assertLess(time.monotonic() - begin, 5)
        self.assertEqual(miner.json()[-1]["connects"], 0)

    def test_port_file(self):
        path = os.path.join(self.folder, "port")
        pool = self.sim_pool("--port-file", path)
        wait_until(lambda: os.path.exists(path), "the port file")
        with open(path, encoding="ascii") as file:
            self.assertEqual(file.read(), f"{pool.port}\n")

    def test_port_in_use(self):
        pool = self.sim_pool()
        code, out, err = self.run_front("sim", "pool", "--listen", f"127.0.0.1:{pool.port}")
        self.assertEqual((code, out), (1, ""))
        self.assertIn(f"127.0.0.1:{pool.port}", err)

    def test_wrong_values(self):
        for arguments, message in (
                (("pool", "--difficulty", "x"),
                 "hashscope sim pool: --difficulty x: expected a number from 1e-08 to 1e+15\n"),
                (("pool", "--tls-cert", "x"),
                 "hashscope sim pool: --tls-cert and --tls-key belong together\n"),
                (("pool", "--version-mask", "xyz"),
                 "hashscope sim pool: --version-mask xyz: expected up to eight hexadecimal "
                 "digits\n"),
                (("miner", "--style", "antminer"),
                 "hashscope sim miner: --style antminer: expected one of "
                 "cgminer|bfgminer|cpuminer|esp-miner|mixed\n"),
                (("miner", "--miners", "0"),
                 "hashscope sim miner: --miners 0: expected a whole number from 1 to 10000\n")):
            code, out, err = self.run_front("sim", *arguments)
            self.assertEqual((code, out), (2, ""))
            self.assertTrue(err.startswith(message), err)

    def test_help_tells_every_exit_code(self):
        for kind in ("pool", "miner"):
            code, out, _ = self.run_front("sim", kind, "--help")
            self.assertEqual(code, 0)
            self.assertIn("Exit codes: 0 ended as asked", " ".join(out.split()))

    def test_totals_are_one_json_line(self):
        pool = self.sim_pool()
        code, out, _ = self.run_front("sim", "miner", f"127.0.0.1:{pool.port}", "--json",
                                      "--shares", 2)
        self.assertEqual(code, 0)
        self.assertEqual(out.count("\n"), 1)
        self.assertEqual(list(json.loads(out)),
                         ["miners", "handshakes", "sent", "accepted", "rejected", "unanswered",
                          "jobs", "blocks", "connects", "disconnects", "bad_lines", "elapsed_ms"])


if __name__ == "__main__":
    unittest.main()
