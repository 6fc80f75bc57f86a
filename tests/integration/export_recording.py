"""Recordings made up for the tests of exporting: lines as lib/segment/FORMAT.md has them, in segment
files without footers or index entries, and what each session's ends really sent.

Nothing here knows how exporting works: streams are put together from what was said to `say`.
"""
import base64
import datetime
import json
import os
import random
import subprocess

from tests.integration.fixed_archive import header

EPOCH = datetime.datetime(1970, 1, 1)
BEGIN_US = 1795312800 * 10**6
UP, DOWN, INJECT, WITHHELD = ("miner_to_pool", "pool_to_miner", "hashscope_to_pool",
                              "pool_to_hashscope")
ENDS = {b"\n": "", b"\r\n": ',"end":"\\r\\n"', b"": ',"end":""'}
FRAME_BYTES = 1 << 20
ACTIVE_MAX = 60  # random sessions at a time
LOST = object()  # in a stream: bytes are missing here


def stamp(us):
    return (EPOCH + datetime.timedelta(microseconds=us)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def address(ip, port):
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"


class Session:
    def __init__(self, uuid, number, opened_us, ends):
        self.uuid, self.number, self.opened_us = uuid, number, opened_us
        self.miner, self.listen, self.local, self.pool = ends
        self.name = "pool.example.com"
        self.offset = {UP: 0, DOWN: 0}
        self.connected = self.introduced = self.closed = False
        # what the pool and the miner saw, by direction; pieces, and LOST
        self.pool_side = {UP: [], DOWN: []}
        self.miner_side = {UP: [], DOWN: []}
        self.last_request = None

    def state(self):
        known = (f',"pool":"{self.name}:3333","address":"{address(*self.pool)}",'
                 f'"local":"{address(*self.local)}","pool_tls":false') if self.connected else ""
        return (f'"event":"state","route":"main","number":{self.number},'
                f'"miner":"{address(*self.miner)}","listen":"{address(*self.listen)}",'
                f'"miner_tls":false{known},"opened":"{stamp(self.opened_us)}",'
                f'"bytes_up":{self.offset[UP]},"bytes_down":{self.offset[DOWN]},'
                '"notify":{"id":null,"method":"mining.notify","params":[]}')


class Recording:
    """Lines on their way into files below data_dir."""

    def __init__(self, data_dir, seed=1):
        self.folder = os.path.join(data_dir, "segments/2026/11/22")
        os.makedirs(self.folder)
        self.random = random.Random(seed)
        self.now, self.seq, self.file_number = BEGIN_US, 0, 0
        self.sessions, self.lines, self.frames = [], [], []
        self.text_bytes, self.begun_us = 0, BEGIN_US

    # ---- files

    def put(self, rest, session=None, key="seq", front=""):
        if key == "seq":
            self.seq += 1
        number = self.seq + (key == "at")
        who = f',"session":"{session.uuid}"' if session else ""
        line = f'{{"ts":"{stamp(self.now)}","{key}":{number}{front}{who},{rest}}}\n'.encode()
        self.lines.append(line)
        self.text_bytes += len(line)
        if self.text_bytes > FRAME_BYTES:
            self.end_frame()
        return number

    def end_frame(self):
        if self.lines:
            packed = subprocess.run(["zstd", "-q", "-1", "-c", "--check"], check=True,
                                    input=b"".join(self.lines), stdout=subprocess.PIPE)
            self.frames.append(packed.stdout)
        self.lines, self.text_bytes = [], 0

    def rotate(self):
        """Ends the file; sessions are introduced anew in the next one."""
        self.end_frame()
        if not self.frames:
            return
        self.file_number += 1
        start = (EPOCH + datetime.timedelta(microseconds=self.begun_us)).strftime("%Y%m%dT%H%M%SZ")
        name = f"{start}-{self.file_number:08d}.ndjson.zst"
        with open(os.path.join(self.folder, name), "wb") as file:
            file.write(header(self.file_number, self.begun_us) + b"".join(self.frames))
        self.frames, self.begun_us = [], self.now
        for session in self.sessions:
            session.introduced = False

    # ---- sessions

    def uuid(self):
        ms, rest = self.now // 1000, self.random.getrandbits(74)
        text = f"{ms:012x}7{rest >> 62:03x}{0x8 | rest >> 60 & 3:x}{rest & (1 << 60) - 1:015x}"
        return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))

    def open(self, miner=None, pool=("203.0.113.9", 3333), name="pool.example.com"):
        number = len(self.sessions) + 1
        miner = miner or (f"10.{number >> 14}.{number >> 7 & 127}.{number & 127}", 30000 + number)
        listen = ("fd00::2" if ":" in miner[0] else "10.200.0.2", 3333)
        local = ("fd00::2" if ":" in pool[0] else "10.200.0.2", 20000 + number % 40000)
        session = Session(self.uuid(), number, self.now, (miner, listen, local, pool))
        session.name, session.introduced = name, True
        self.sessions.append(session)
        self.put(f'"event":"opened","route":"main","number":{number},"miner":"{address(*miner)}",'
                 f'"listen":"{address(*listen)}","tls":false', session)
        return session

    def introduce(self, session):
        if not session.introduced:
            self.put(session.state(), session, "at")
        session.introduced = True

    def connect(self, session):
        self.introduce(session)
        self.put(f'"event":"pool_connected","pool":"{session.name}:3333",'
                 f'"address":"{address(*session.pool)}","local":"{address(*session.local)}",'
                 '"tls":false', session)
        session.connected = True

    def close(self, session, by="miner", reason="end"):
        self.introduce(session)
        self.put(f'"event":"closed","by":"{by}","reason":"{reason}",'
                 f'"bytes_up":{session.offset[UP]},"bytes_down":{session.offset[DOWN]}', session)
        session.closed = True

    # ---- what is said

    @staticmethod
    def note(session, direction, data):
        up = direction in (UP, INJECT)
        session.pool_side[UP if up else DOWN].append(data)
        if direction in (UP, DOWN):
            session.miner_side[direction].append(data)
        if direction != INJECT:
            session.offset[UP if up else DOWN] += len(data)

    def say(self, session, direction, data, end=b"\n", more="", front=""):
        """One message, verbatim where that is allowed."""
        self.introduce(session)
        try:
            json.loads(data.decode())
            body = b',"msg":' + data
        except ValueError:
            body = b',"bytes_b64":"' + base64.b64encode(data) + b'","why":"invalid JSON at byte 0"'
        number = self.put(f'"dir":"{direction}"{more}{ENDS[end]}' + body.decode(), session,
                          front=front)
        self.note(session, direction, data + end)
        return number

    def say_pieces(self, session, direction, pieces, end=b"\n"):
        """One message in fragments."""
        for i, piece in enumerate(pieces):
            self.introduce(session)
            last = i == len(pieces) - 1
            text = base64.b64encode(piece).decode()
            method = ',"method":"mining.notify"' if i == 0 else ""
            self.put(self.piece(direction, i, last, method, end, text), session)
            self.note(session, direction, piece + (end if last else b""))

    @staticmethod
    def piece(direction, i, last, method, end, text):
        flag = ',"last":true' if last else ""
        ending = ENDS[end] if last else ""
        return f'"dir":"{direction}","frag":{i}{flag}{method}{ending},"bytes_b64":"{text}"'

    def request(self, session, number, worker="farm.1"):
        text = f'{{"id":{number},"method":"mining.submit","params":["{worker}","1f","00","65"]}}'
        session.last_request = self.say(session, UP, text.encode()), number, self.now

    def answer(self, session):
        seq, number, asked = session.last_request
        self.say(session, DOWN, f'{{"id":{number},"result":true,"error":null}}'.encode(),
                 front=f',"latency_us":{self.now - asked},"re":{seq}')

    def lose(self, losses):
        """A gap: so many bytes of [(session, direction, bytes)…], each a message of its own."""
        lost = len(losses)
        for session, direction, size in losses:
            session.offset[direction] += size
            for side in (session.pool_side, session.miner_side):
                if side[direction] and side[direction][-1] is LOST:
                    continue
                side[direction].append(LOST)
        first = self.seq + 1
        self.seq += lost
        self.put(f'"event":"gap","lost":{lost},"first_lost":{first},'
                 f'"bytes":{sum(size for _, _, size in losses)},"reason":"ring overrun"', None, "at")
        for session in self.sessions:
            session.introduced = session.closed


def joined(pieces):
    return b"".join(piece for piece in pieces if piece is not LOST)


class RandomRecording(Recording):
    """Sessions of all kinds, many at a time."""

    def fill(self, count, losses=True):
        active, made = [], 0
        while made < count or active:
            self.now += self.random.choice((1, 100, 1000, 30000, 400000))
            if made < count and len(active) < ACTIVE_MAX and \
                    (not active or self.random.random() < 0.15):
                active.append((self.open_random(), self.random.randrange(2, 14)))
                made += 1
                continue
            place = self.random.randrange(len(active))
            session, left = active[place]
            if left > 0:
                self.act(session)
                active[place] = session, left - 1
            else:
                self.close_random(session)
                active.pop(place)
            if self.random.random() < 0.0008:
                self.rotate()
            if losses and active and self.random.random() < 0.002:
                self.lose([(s, self.random.choice((UP, DOWN)), self.random.randrange(1, 900))
                           for s, _ in self.random.choices(active, k=2) if s.connected])
        self.rotate()
        return self

    def open_random(self):
        number, six = len(self.sessions) + 1, self.random.random
        miner = (f"2001:db8::{number:x}", 40000 + number % 20000) if six() < 0.3 else None
        pool = ("2001:db8:ffff::9", 3333) if six() < 0.3 else ("203.0.113.9", 3333)
        return self.open(miner, pool, "six.example.com" if ":" in pool[0] else "pool.example.com")

    def close_random(self, session):
        by = self.random.choice(("miner", "pool", "hashscope"))
        reasons = ("end", "reset") if by != "hashscope" else ("timeout", "crash", "stop",
                                                              "refused: connection refused")
        self.close(session, by, self.random.choice(reasons))

    def data(self):
        kind, size = self.random.random(), self.random.choice((0, 1, 2, 30, 150, 150, 150, 2000))
        if kind < 0.6:
            return json.dumps({"id": self.random.randrange(99), "method": "mining.submit",
                               "params": ["é" * (size // 2)]}, ensure_ascii=False).encode()
        if kind < 0.97:
            return bytes(self.random.choices(range(1, 10), k=size)).replace(b"\n", b"?")
        return b"x" * self.random.choice((65494, 65495, 65496, 140000))

    def act(self, session):
        kind, end = self.random.random(), self.random.choice((b"\n",) * 8 + (b"\r\n",))
        if not session.connected:
            if kind < 0.6:
                self.say(session, UP, self.data(), end)
            elif kind < 0.9:
                self.connect(session)
        elif kind < 0.2:
            self.request(session, self.random.randrange(1000))
        elif kind < 0.3 and session.last_request:
            self.answer(session)
            session.last_request = None
        elif kind < 0.36:
            self.say(session, self.random.choice((INJECT, WITHHELD)), self.data(), end)
        elif kind < 0.42:
            self.say_pieces(session, self.random.choice((UP, DOWN)),
                            [self.data() or b"?" for _ in range(self.random.randrange(1, 4))], end)
        elif kind < 0.46:
            self.say(session, self.random.choice((UP, DOWN)), self.data() or b"?", b"")
        else:
            self.say(session, self.random.choice((UP, DOWN)), self.data(), end)
