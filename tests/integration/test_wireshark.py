"""The Stratum dissector, through tshark: fields, links and times, lines over segments, hostile input."""
import json
import os
import random
import unittest

from tests.integration.harness import RecorderCase
from tests.integration.wireshark import BETWEEN, MINER, POOL, Capture, Conversation, Tshark

NOTIFY = (b'{"id":null,"method":"mining.notify","params":["1f",'
          b'"0a8ce26f72b3f1b646a2a6c14ff763ae65831e939c085ae10019d66800000000",'
          b'"0200000001' + b"00" * 32 + b'ffffffff2003b8690d","ffffffff01",'
          b'["' + b"aa" * 32 + b'","' + b"bb" * 32 + b'"],'
          b'"20000000","17028c61","69203a00",true]}')


def line(**members):
    return json.dumps(members).encode() + b"\n"


class Case(RecorderCase):
    def setUp(self):
        super().setUp()
        self.capture = Capture()
        self.tshark = Tshark(self.folder)

    def written(self):
        return self.capture.write(os.path.join(self.folder, "test.pcap"))

    def rows(self, *names, **options):
        return self.tshark.fields(self.written(), *names, **options)

    def one(self, name, **options):
        """The values of a field in the whole capture."""
        return self.all((name,), **options)[name]

    def all(self, names, **options):
        """{name: its values in the whole capture}"""
        rows = self.rows(*names, **options)
        return {name: [value for row in rows for value in row[i].split(BETWEEN) if value]
                for i, name in enumerate(names)}

    def expect(self, **fields):
        """Fields of ours and their values, each a list in the order of the capture."""
        found = self.all(["stratum." + name for name in fields])
        for name, values in fields.items():
            self.assertEqual(found["stratum." + name], values, name)


class Fields(Case):
    def test_handshake(self):
        talk = Conversation(self.capture)
        talk.say(MINER, line(id=1, method="mining.configure",
                             params=[["version-rolling"], {"version-rolling.mask": "1fffe000"}])
                 + line(id=2, method="mining.subscribe", params=["cgminer/4.11.1", "5e55"]))
        talk.say(POOL, line(id=1, result={"version-rolling.mask": "1fffc000"}, error=None)
                 + line(id=2, result=[[["mining.notify", "ae68"]], "08000002", 4], error=None))
        talk.say(MINER, line(id=3, method="mining.authorize", params=["farm.rig7", "secret"]))
        talk.say(POOL, line(id=3, result=True, error=None))
        self.expect(**{
            "method": ["mining.configure", "mining.subscribe", "mining.authorize"],
            "request_method": ["mining.configure", "mining.subscribe", "mining.authorize"],
            "id": list("121233"), "version_mask": ["0x1fffe000", "0x1fffc000"],
            "extension": ["version-rolling"], "user_agent": ["cgminer/4.11.1"],
            "session_id": ["5e55", "ae68"], "extranonce1": ["08000002"],
            "extranonce2_size": ["4"], "worker": ["farm.rig7"], "password": ["secret"],
            "from": ["miner", "miner", "pool", "pool", "miner", "pool"]})

    def test_job(self):
        Conversation(self.capture).say(POOL, NOTIFY + b"\n")
        self.expect(**{
            "job_id": ["1f"], "height": ["879032"], "merkle_count": ["2"],
            "version": ["0x20000000"], "nbits": ["0x17028c61"], "ntime": ["0x69203a00"],
            "prevhash": ["0a8ce26f72b3f1b646a2a6c14ff763ae65831e939c085ae10019d66800000000"],
            "previous_block":
                ["000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f"],
            "clean_jobs": ["1"], "coinbase2": ["ffffffff01"],
            "merkle_branch": ["aa" * 32, "bb" * 32],
            "ntime.utc": ["Nov 21, 2025 10:08:00.000000000 UTC"]})
        self.assertAlmostEqual(float(self.one("stratum.network_difficulty")[0]) / 1.1045e14, 1, 3)

    def test_shares_and_answers(self):
        talk = Conversation(self.capture)
        answers = [({"result": True, "error": None}, "1", ""),
                   ({"result": None, "error": [21, "Job not found", None]}, "0", "21"),
                   ({"result": False, "error": {"code": -3, "message": "no"}}, "0", "-3"),
                   ({"result": False, "reject-reason": "stale"}, "0", ""),
                   ({"result": None, "error": "bad"}, "0", ""),
                   ({"result": None, "error": ["late", 25]}, "0", "25"),
                   ({"result": None, "error": {"code": "x", "message": "odd"}}, "0", ""),
                   ({"result": True, "error": []}, "1", ""),
                   ({"result": None, "error": 7}, "0", "7")]
        for answer, _, _ in answers:
            talk.say(MINER, line(params=["w", "1f", "0001", "69203a01", "deadbeef", "00002000"],
                                 id=4, method="mining.submit"))
            talk.say(POOL, line(id=4, **answer))
        rows = self.rows("stratum.accepted", "stratum.error.code", display="stratum.accepted")
        self.assertEqual(rows, [(accepted, code) for _, accepted, code in answers])
        self.assertEqual(self.one("stratum.error.message"),
                         ["Job not found", "no", "bad", "late", "odd"])
        self.assertEqual(self.one("stratum.reject_reason"), ["stale"])
        self.assertEqual(len(self.one("frame.number", display="stratum.rejected")), 7)
        self.assertEqual(len(self.one("frame.number", display="stratum.nonce == 0xdeadbeef && "
                                      "stratum.worker == \"w\" && stratum.version_bits == 0x2000")),
                         len(answers))

    def test_what_pools_say_besides(self):
        talk = Conversation(self.capture)
        talk.say(POOL, line(id=None, method="mining.set_difficulty", params=[0.00379447])
                 + line(id=None, method="mining.set_extranonce", params=["abcd", 8])
                 + line(id=None, method="client.reconnect", params=["pool.example", "3334", 5])
                 + line(id=None, method="client.show_message", params=["Grüße \u2028 \"x\" \n"])
                 + line(id=None, method="mining.set_version_mask", params=["00c00000"]))
        self.expect(difficulty=["0.00379447"], extranonce1=["abcd"], extranonce2_size=["8"],
                    host=["pool.example"], port=["3334"], wait=["5"],
                    message=["Grüße \u2028 \"x\" ·"], version_mask=["0x00c00000"])

    def test_ids_have_the_types_that_the_api_gives_them(self):
        ids = {"9223372036854775807": "integer", "-9223372036854775808": "integer",
               "9223372036854775808": "other", "-9223372036854775809": "other", "1.0": "other",
               "123456789012345678901": "other", "-0": "integer", "null": "null"}
        talk = Conversation(self.capture)
        for one in ids:
            talk.say(POOL, b'{"id":%s,"result":true}\n' % one.encode())
        self.expect(id=list(ids), **{"id.type": list(ids.values())})

    def test_info_names_what_matters(self):
        talk = Conversation(self.capture)
        talk.say(POOL, NOTIFY + b"\n")
        talk.say(MINER, line(id=4, method="mining.submit", params=["w", "1f", "1", "2", "3"]))
        talk.say(POOL, line(id=4, result=None, error=[21, "Job not found", None]), 41000)
        self.assertEqual(self.tshark.info(self.written()), [
            "mining.notify job 1f for block 879032, clean",
            "mining.submit w, job 1f, nonce 3 (id 4)",
            "mining.submit refused: 21 Job not found, 41.001 ms (id 4)"])


    def test_a_job_of_zcash(self):
        Conversation(self.capture).say(POOL, line(id=None, method="mining.notify", params=[
            "zj1", "04000000", "ab" * 32, "cd" * 32, "00" * 32, "6b040a81", "1f07ffff", True]))
        self.expect(job_id=["zj1"], version=["0x04000000"], prevhash=["ab" * 32],
                    merkle_root=["cd" * 32], reserved=["00" * 32], ntime=["0x6b040a81"],
                    nbits=["0x1f07ffff"], clean_jobs=["1"], coinbase1=[], coinbase2=[], height=[],
                    previous_block=[], network_difficulty=[], param=[], **{"ntime.utc": []})
        self.assertEqual(self.tshark.info(self.written()), ["mining.notify job zj1, clean"])

    def test_a_job_of_ethereum(self):
        Conversation(self.capture).say(POOL, line(id=None, method="mining.notify", params=[
            "ej1", "ab" * 32, "cd" * 32, False]))
        self.expect(job_id=["ej1"], seed_hash=["ab" * 32], header_hash=["cd" * 32],
                    clean_jobs=["0"], prevhash=[], coinbase1=[], param=[])

    def test_a_job_of_monero(self):
        talk = Conversation(self.capture)
        job = {"blob": "0c0c", "job_id": "mj1", "target": "b88d0600", "height": 3210000,
               "seed_hash": "ef" * 32, "algo": "rx/0"}
        talk.say(MINER, line(id=1, method="login",
                             params={"login": "4A.rig", "pass": "x", "agent": "xmrig/6"}))
        talk.say(POOL, line(id=1, result={"id": "s1", "job": job, "status": "OK"}, error=None)
                 + line(jsonrpc="2.0", method="job", params=job))
        talk.say(MINER, line(id=2, method="submit", params={
            "id": "s1", "job_id": "mj1", "nonce": "d0030040", "result": "ee" * 32}))
        self.expect(worker=["4A.rig"], password=["x"], user_agent=["xmrig/6"],
                    session_id=["s1", "s1"], job_id=["mj1"] * 3, blob=["0c0c"] * 2,
                    target=["b88d0600"] * 2, height=["3210000"] * 2, algorithm=["rx/0"] * 2,
                    seed_hash=["ef" * 32] * 2, status=["OK"], share_hash=["ee" * 32],
                    **{"nonce.text": ["d0030040"]})

    def test_shares_of_other_coins(self):
        Conversation(self.capture).say(
            MINER, line(id=1, method="mining.submit",
                        params=["z", "zj1", "6b040a81", "0102", "fd4005" + "00" * 64])
            + line(id=2, method="mining.submit", params=["e", "ej1", "0x0123456789"]))
        self.expect(worker=["z", "e"], job_id=["zj1", "ej1"], nonce2=["0102"], nonce=[],
                    solution=["fd4005" + "00" * 64], ntime=["0x6b040a81"], extranonce2=[],
                    version_bits=[], **{"nonce.text": ["0x0123456789"]})

    def test_shares_of_all_dialects_are_accepted_or_not(self):
        talk = Conversation(self.capture)
        for method, params in (("mining.submit", []), ("submit", {"job_id": "1"}),
                               ("eth_submitWork", ["0x1", "0x2", "0x3"])):
            for result in (True, False):
                talk.say(MINER, line(id=1, method=method, params=params))
                talk.say(POOL, line(id=1, result=result))
        talk.say(MINER, line(id=1, method="eth_submitHashrate", params=[]))
        talk.say(POOL, line(id=1, result=True))
        self.expect(accepted=["1", "0"] * 3)
        self.assertEqual([info.split(",")[0] for info in self.tshark.info(self.written())
                          if "id" not in info.split(",")[0]],
                         ["mining.submit accepted", "mining.submit refused: false",
                          "submit accepted", "submit refused: false",
                          "eth_submitWork accepted", "eth_submitWork refused: false",
                          "eth_submitHashrate answered"])

    def test_greetings_of_other_coins(self):
        Conversation(self.capture).say(
            MINER, line(id=1, method="mining.subscribe", params=["z/1", None, "pool.x", "3333"])
            + line(id=2, method="mining.hello",
                   params={"agent": "e/2", "host": "pool.y", "port": "22b8"}))
        self.expect(user_agent=["z/1", "e/2"], host=["pool.x", "pool.y"], port=["3333", "22b8"],
                    session_id=[])

    def test_what_fits_no_form_has_positions(self):
        Conversation(self.capture).say(
            POOL, line(id=None, method="mining.notify", params=["k1", [1, 2], 1700000000])
            + line(id=None, method="mining.notify", params=["r", "hh", "ss", "tt", True, 7, "bb"])
            + line(id=None, method="mining.other", params=["a"]))
        self.expect(param=["k1", "[1, 2]", "1700000000", "r", "hh", "ss", "tt", "true", "7", "bb",
                           "a"],
                    job_id=[], version=[], seed_hash=[], prevhash=[], clean_jobs=[])


class Passes(Case):
    """Filters, columns and statistics find the same however often Wireshark looks: once (tshark), twice
    (tshark -2), as the window does (with a filter for reading), and out of a pipe."""
    ways = {"one pass": ((), None), "two passes": (("-2",), None),
            "the window": (("-2", "-R", "tcp"), None), "a pipe": ((), ("-r", "-")),
            "a live pipe": ((), ("-i", "-"))}

    def talk(self):
        talk = Conversation(self.capture)
        talk.say(MINER, line(id=1, method="mining.authorize", params=["farm.rig7", "x"]))  # 4
        talk.say(POOL, line(id=1, result=True, error=None))  # 5
        talk.say(POOL, NOTIFY + b"\n")  # 6
        for number in range(2, 5):  # 7 to 12
            talk.say(MINER, line(id=number, method="mining.submit", params=[
                "farm.rig7", "1f", "0001", "69203a01", "deadbeef"]))
            talk.say(POOL, line(id=number, result=number != 3, error=None))
        talk.say(POOL, b'{"id":9,"x":"\xff"}\n')  # 13
        return self.written()

    def everywhere(self, path, *arguments):
        return {name: self.tshark.run(path, *more, *arguments, pipe=pipe)
                for name, (more, pipe) in self.ways.items()}

    def check_filter(self, path, text, frames):
        for name, out in self.everywhere(path, "-Y", text).items():
            self.assertEqual([row.split()[0] for row in out.splitlines()], frames, (text, name))

    def test_filters(self):
        path = self.talk()
        for text, frames in {
                'stratum.worker == "farm.rig7"': "4 7 9 11", "stratum.nonce == 0xdeadbeef": "7 9 11",
                'stratum.method == "mining.notify"': "6", "stratum.height": "6",
                "stratum.accepted == 0": "10", "stratum.rejected": "10",
                "stratum.time > 0": "5 8 10 12", "stratum.response_to == 7": "8",
                'stratum.request_method == "mining.submit"': "8 10 12",
                "stratum.lenient": "13", "stratum && tcp.srcport == 3333 && stratum.job_id": "6",
        }.items():
            self.check_filter(path, text, frames.split())

    def test_columns(self):
        columns = 'gui.column.format:"No.","%m","Worker","%Cus:stratum.worker","Job",' \
                  '"%Cus:stratum.job_id"'
        for name, out in self.everywhere(self.talk(), "-o", columns).items():
            rows = [row.split() for row in out.splitlines()]
            self.assertEqual([row for row in rows if len(row) > 1],
                             [["4", "farm.rig7"], ["6", "1f"], ["7", "farm.rig7", "1f"],
                              ["9", "farm.rig7", "1f"], ["11", "farm.rig7", "1f"]], name)

    def test_fields(self):
        arguments = ("-T", "fields", "-e", "frame.number", "-e", "stratum.nonce", "-e",
                     "stratum.rejected", "-e", "stratum.time")
        for name, out in self.everywhere(self.talk(), *arguments).items():
            rows = [row.split("\t") for row in out.splitlines()]
            self.assertEqual([row[0] for row in rows if row[1] == "0xdeadbeef"], list("79") + ["11"],
                             name)
            self.assertEqual([row[0] for row in rows if row[2]], ["10"], name)
            self.assertEqual([row[0] for row in rows if row[3]], ["5", "8", "10", "12"], name)

    def test_statistics(self):
        statistics = ("-q", "-z", "io,stat,0,stratum.rejected,COUNT(stratum.nonce)stratum.nonce,"
                      "stratum.worker==\"farm.rig7\"", "-z", "expert")
        for name, out in self.everywhere(self.talk(), *statistics).items():
            self.assertRegex(out, r"<> [\d.]+ \| +1 \| +\d+ \| +3 \| +4 \| +\d+ \|", name)
            self.assertRegex(out, "invalid UTF-8 at byte 13", name)


class Links(Case):
    def links(self):
        """{frame: (response_to, response_in, time)} of frames with one message."""
        rows = self.rows("frame.number", "stratum.response_to", "stratum.response_in",
                         "stratum.time")
        return {int(row[0]): row[1:] for row in rows}

    def test_first_in_first_out_for_each_id(self):
        talk = Conversation(self.capture)
        for _ in range(3):
            talk.say(MINER, line(id=4, method="mining.submit", params=[]))  # 4, 5, 6
        talk.say(MINER, line(id="4", method="mining.submit", params=[]))  # 7
        talk.say(MINER, line(id=None, method="mining.submit", params=[]))  # 8
        for answer in ("4", None, 4, 4, 4, 4):  # 9 to 14
            talk.say(POOL, line(id=answer, result=True))
        links = self.links()
        self.assertEqual([links[frame][0] for frame in range(9, 15)], ["7", "8", "4", "5", "6", ""])
        self.assertEqual([links[frame][1] for frame in range(4, 9)], ["11", "12", "13", "9", "10"])
        self.assertEqual(links[11][2], "0.007007000")

    def test_both_directions_are_apart(self):
        talk = Conversation(self.capture)
        talk.say(MINER, line(id=1, method="mining.subscribe", params=[]))  # 4
        talk.say(POOL, line(id=1, method="client.get_version", params=[]))  # 5
        talk.say(MINER, line(id=1, result="v1", error=None))  # 6
        talk.say(POOL, line(id=1, result=[], error=None))  # 7
        links = self.links()
        self.assertEqual((links[6][0], links[7][0]), ("5", "4"))

    def test_late_answers_are_not_linked(self):
        talk = Conversation(self.capture)
        talk.say(MINER, line(id=1, method="mining.submit", params=[]))
        talk.say(POOL, line(id=1, result=True), 121 * 10**6)
        self.assertEqual(self.one("stratum.response_to"), [])
        self.assertEqual(self.one("frame.number", display="stratum.late"), ["5"])

    def test_requests_without_an_answer_are_marked(self):
        talk = Conversation(self.capture)
        talk.say(MINER, line(id=1, method="mining.submit", params=[]))
        talk.say(MINER, line(id=2, method="mining.submit", params=[]))
        talk.say(POOL, line(id=2, result=True))
        self.assertEqual(self.one("frame.number", display="stratum.unanswered"), ["4"])

    def test_a_port_used_again_begins_anew(self):
        for at in (10**15, 10**15 + 10**7):
            talk = Conversation(self.capture, at_us=at)
            talk.say(MINER, line(id=1, method="mining.submit", params=[]))
            if at > 10**15:
                talk.say(POOL, line(id=1, result=True))
        self.assertEqual([link for link in self.one("stratum.response_to")], ["8"])

    def test_many_without_answers_are_bounded(self):
        talk = Conversation(self.capture)
        talk.say(MINER, b"".join(line(id=i, method="mining.submit", params=[])
                                 for i in range(1030)), size=60000)
        talk.say(POOL, line(id=5, result=True) + line(id=6, result=True))
        self.assertEqual(len(self.one("stratum.response_to")), 1)


class Lines(Case):
    def messages(self):
        return [line(id=i, method="mining.submit", params=["w" * (i * 7 % 90), "é" * 5])
                for i in range(60)]

    def test_cut_anywhere(self):
        chance = random.Random(3)
        talk = Conversation(self.capture)
        data = b"".join(self.messages())
        while data:
            size = chance.choice((1, 7, 100, 500))
            talk.say(MINER, data[:size])
            data = data[size:]
        self.assertEqual(self.one("stratum.id"), [str(i) for i in range(60)])
        self.assertEqual(self.one("stratum.malformed"), [])

    def test_several_in_one_segment(self):
        Conversation(self.capture).say(MINER, b"".join(self.messages()), size=60000)
        self.assertEqual(self.one("stratum.id"), [str(i) for i in range(60)])

    def test_one_frame_twice_in_a_row(self):
        """As Wireshark draws a row again: the column holds what TCP wrote, then what we write."""
        Conversation(self.capture, handshake=False).say(POOL, line(id=None, method="mining.ping"))
        self.assertEqual(self.tshark.info(self.written()), ["mining.ping"])

    def test_line_ends(self):
        talk = Conversation(self.capture)
        talk.say(POOL, b'{"id":1,"result":true}\r\n{"id":2,"result":true}\n{"id":3,"result":true}')
        talk.say(POOL, b'\n{"id":4,"result"')
        talk.say(POOL, b':true}')
        self.assertEqual(self.one("stratum.id"), ["1", "2", "3", "4"])

    def test_five_megabytes(self):
        talk = Conversation(self.capture)
        talk.say(POOL, line(id=None, method="mining.notify", params=[
            "1", "2", "ab" * 2500000, "4", [], "6", "7", "8", True]), size=60000)
        talk.say(POOL, line(id=9, result=True))
        self.assertEqual(self.one("stratum.job_id"), ["1"])
        self.assertEqual(self.one("stratum.id"), ["null", "9"])

    def test_recognised_on_any_port(self):
        talk = Conversation(self.capture, pool=("10.0.9.9", 12345))
        talk.say(MINER, line(id=1, method="mining.subscribe", params=[]))
        talk.say(POOL, line(id=1, result=[], error=None))
        other = Conversation(self.capture, miner=("10.0.0.8", 40002), pool=("10.0.9.9", 12345))
        other.say(MINER, line(id=1, method="eth_call", params=[]))
        self.assertEqual(self.one("stratum.response_to"), ["4"])
        self.assertEqual(self.one("frame.number"), ["4", "5"])

    def test_the_ports_are_a_preference(self):
        Conversation(self.capture, pool=("10.0.9.9", 1314)).say(POOL, line(id=1, result=True))
        path = self.written()
        self.assertEqual(self.tshark.run(path, "-Y", "stratum").count("\n"), 0)
        self.assertEqual(self.tshark.run(path, "-o", "stratum.ports:1314", "-Y",
                                         "stratum").count("\n"), 1)


class Hostile(Case):
    """Whatever comes, Lua has nothing to complain of (Tshark.run looks), and the next line is read."""

    def survive(self, cases, malformed, size=1460):
        """Each in a connection of its own, followed by a good line."""
        for number, data in enumerate(cases):
            talk = Conversation(self.capture, miner=("10.0.0.7", 20000 + number))
            talk.say(MINER, data + b"\n", size=size)
            talk.say(MINER, line(id="next", method="mining.submit", params=[]))
        rows = self.rows("tcp.stream", "stratum.id", "stratum.malformed", links=False)
        for number, data in enumerate(cases):
            mine = [row for row in rows if row[0] == str(number)]
            self.assertIn("next", [row[1].split(BETWEEN)[-1] for row in mine], data[:80])
            self.assertEqual(any(row[2] for row in mine), malformed, data[:80])

    def test_nesting(self):
        self.survive([b"[" * 64 + b"]" * 64], malformed=False)

    def test_too_much_nesting(self):
        self.survive([b"[" * 65 + b"]" * 65, b'{"id":1,"params":' * 100000], malformed=True,
                     size=60000)

    def test_broken_json(self):
        self.survive((b'{"id":1,"method":"mining.submit","params":[', b"{id:1}", b'{"id":1,}',
                      b"nul", b'{"id":01}', b'{"id":1}{"id":2}', b'{"id":"\\x"}', b'{"id":"\\u12',
                      b"", b"-", b'{"a" "b"}', b"GET / HTTP/1.1\r", b'["a"', b'{"id":1.}',
                      b'{"id":1e}', bytes(range(14, 256)) * 3), malformed=True)

    def test_odd_json(self):
        self.survive((
            b"42", b'"text"', b"null", b"[]", b"{}", b'[{"id":1,"method":"x"}]',
            b'{"id":[1,{"a":2}],"method":["x"],"params":"y"}',
            b'{"id":123456789012345678901234567890,"method":"m","params":{"a":1}}',
            b'{"id":1,"method":"mining.notify","params":[1,2,3,4,5,6,7,8,9,10,11]}',
            b'{"id":1,"method":"mining.submit","params":[null,{},[],1e999,-1]}',
            b'{"id":1,"method":"mining.configure","params":[7,"x"]}',
            b'{"id":1,"method":"mining.subscribe","params":[]}\n{"id":1,"result":[7,8]}',
            b'{"id":1,"result":null,"error":[[],{}]}', b'{"id":1,"error":{"code":[]}}',
            b'{"id":1,"result":0,"error":[1e300,"\\ud83d\\ude00 \\ud800 \\u0000"]}',
            b'{"method":"client.reconnect","params":[[],[],1e20]}',
            b'{"id":"\xff\xfe\x80","method":"\xc3","params":["\xed\xa0\x80"]}'), malformed=False)

    def test_no_text(self):
        talk = Conversation(self.capture)
        talk.say(MINER, bytes(range(256)).replace(b"\n", b""))
        self.assertEqual(len(self.one("stratum.data")), 1)

    def test_mutations(self):
        chance = random.Random(11)
        whole = bytearray(NOTIFY + b"\n" + line(id=4, method="mining.submit",
                                                params=["w", "1f", "1", "2", "3"]))
        talk = Conversation(self.capture)
        for _ in range(400):
            broken = bytearray(whole)
            for _ in range(chance.randrange(1, 5)):
                broken[chance.randrange(len(broken))] = chance.randrange(1, 256)
            talk.say(chance.choice((MINER, POOL)), bytes(broken) + b"\n")
        self.tshark.run(self.written(), "-2", "-O", "stratum")


if __name__ == "__main__":
    unittest.main()
