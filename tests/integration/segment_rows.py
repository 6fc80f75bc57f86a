"""The section of sessions of a footer, byte for byte, from the lines alone and from nothing but
lib/segment/FORMAT.md: texts as they stand in JSON, the heap in its order, lists and runs.
segment_reader.py compares it with what the programs wrote."""
import codecs
import json
import re
import struct
import uuid

WINDOW, TEXT_MAX, WORKERS_MAX, REFUSED_MAX, HEAP_SWEPT = 1 << 20, 510, 32, 8, 1 << 20
SUBMITS = (b"mining.submit", b"submit", b"eth_submitWork")
DIRECTIONS = ["miner_to_pool", "pool_to_miner", "hashscope_to_pool", "pool_to_hashscope"]
TEXTS = "route miner via listen user_agent pool address by reason".split()
MET = "route miner listen via pool address by reason".split()  # in a line, in this order
SPACE = b" \t\r\n"
NUMBER = re.compile(rb"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?")
STRING = re.compile(rb'"(?:[^"\\]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*"', re.S)
STRING_CUT = re.compile(rb'"(?:[^"\\]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*'
                        rb'(?:\\(?:u[0-9a-fA-F]{0,3})?)?\Z', re.S)


def plain_bytes(fault):
    return "".join("\\x%02x" % byte for byte in fault.object[fault.start:fault.end]), fault.end


codecs.register_error("hashscope-plain", plain_bytes)


class Cut(Exception):
    """The text ends in mid-value."""


class Bad(Exception):
    """It is no JSON."""


def space(data, at):
    while at < len(data) and data[at] in SPACE:
        at += 1
    return at


def value_end(data, at):
    """Behind the value that begins at `at`; strings may have any bytes."""
    open_ = []
    while True:
        at = space(data, at)
        if at == len(data):
            raise Cut
        byte = data[at:at + 1]
        if byte in (b"[", b"{"):
            inner = space(data, at + 1)
            if data[inner:inner + 1] == (b"]" if byte == b"[" else b"}"):
                at = inner + 1
            else:
                open_.append(byte)
                at = name_end(data, inner) if byte == b"{" else inner
                continue
        else:
            at = scalar_end(data, at)
        while open_:
            at = space(data, at)
            if at == len(data):
                raise Cut
            byte = data[at:at + 1]
            if byte == b",":
                at = name_end(data, at + 1) if open_[-1] == b"{" else at + 1
                break
            if byte != (b"]" if open_[-1] == b"[" else b"}"):
                raise Bad
            open_.pop()
            at += 1
        else:
            return at


def scalar_end(data, at):
    if data[at:at + 1] == b'"':
        found = STRING.match(data, at)
        if found:
            return found.end()
        raise Cut if STRING_CUT.match(data, at) else Bad
    for word in (b"true", b"false", b"null"):
        if data.startswith(word, at):
            return at + len(word)
        if word.startswith(data[at:]):
            raise Cut
    found = NUMBER.match(data, at)
    if not found:
        raise Cut if data[at:] == b"-" else Bad
    if found.end() < len(data) and data[found.end()] in b".eE":
        raise Cut if re.fullmatch(rb"\.|[eE][-+]?", data[found.end():]) else Bad
    return found.end()


def name_end(data, at):
    """Behind the colon of a member."""
    at = space(data, at)
    if at == len(data):
        raise Cut
    if data[at:at + 1] != b'"':
        raise Bad
    at = space(data, scalar_end(data, at))
    if at == len(data):
        raise Cut
    if data[at:at + 1] != b":":
        raise Bad
    return at + 1


def members(data):
    """(name, value) of an object's own members; raises at the first fault, behind those before it.
    A value of None: the name is there, and its value is cut off."""
    at = space(data, 0)
    if data[at:at + 1] != b"{":
        return
    at = space(data, at + 1)
    if data[at:at + 1] == b"}":
        return
    while True:
        begin = space(data, at)
        at = name_end(data, begin)
        name = data[begin + 1:STRING.match(data, begin).end() - 1]
        yield name, None
        at = space(data, at)
        end = value_end(data, at)
        if end < len(data) or data[end - 1:end] not in b"0123456789":
            yield name, data[at:end]
        at = space(data, end)
        if at == len(data):
            raise Cut
        if data[at:at + 1] == b"}":
            return
        if data[at:at + 1] != b",":
            raise Bad
        at += 1


def last(data, name):
    found = None
    for key, value in members(data or b""):
        found = value if key == name and value is not None else found
    return found


def elements(data):
    at, found = space(data, 0), []
    if data[at:at + 1] != b"[":
        return found
    at = space(data, at + 1)
    while data[at:at + 1] not in (b"]", b""):
        end = value_end(data, at)
        found.append(data[at:end])
        at = space(data, end)
        at = space(data, at + 1) if data[at:at + 1] == b"," else at
    return found


def inside(value):
    """What stands between the quotes; None: it is no string."""
    return value[1:-1] if value and value[:1] == b'"' else None


def is_empty(value):
    return value in (None, b"null", b"false", b'""') or re.fullmatch(rb"\[\s*\]|\{\s*\}", value)


class Said:
    """What the bytes of a message tell."""

    def __init__(self, raw):
        self.values, self.names, self.whole = {}, set(), True
        bad = False
        try:
            for name, value in members(raw):
                self.names.add(name)
                if value is not None:
                    self.values[name] = value
        except Cut:
            self.whole = False
        except Bad:
            self.whole, bad = False, True
        if self.whole:
            try:
                end = space(raw, value_end(raw, space(raw, 0)))
                bad = end != len(raw)
            except (Cut, Bad):
                bad = True
            self.whole = not bad
        method = self.values.get(b"method")
        self.method = None if method in (None, b"null") else inside(method) or b"?"
        self.responds = not bad and self.method is None and bool(self.names & {b"result", b"error"})
        self.refuses = self.responds and not (
            is_empty(self.values.get(b"error")) and is_empty(self.values.get(b"reject-reason"))
            and self.values.get(b"result") != b"false")


def sound(text):
    """Of a line that is no valid JSON: the text as a JSON string may hold it."""
    plain = re.sub(rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.",
                   unescape, text, flags=re.S)
    shown = plain.decode("utf-8", "hashscope-plain")
    return json.dumps(shown, ensure_ascii=False)[1:-1].encode()


def unescape(found):
    try:
        return json.loads(b'"' + found.group() + b'"').encode()
    except UnicodeEncodeError:
        return found.group()


class Rows:
    def __init__(self, micros, end_of):
        self.micros, self.end_of = micros, end_of
        self.rows, self.submits, self.first, self.top = {}, set(), 0, 0
        self.heap, self.texts, self.swept = bytearray(2), {}, 0

    # ---- the heap

    def put(self, text):
        if not text or len(text) > TEXT_MAX:
            return 0
        if text not in self.texts:
            self.texts[text] = len(self.heap)
            self.heap += struct.pack("<H", len(text)) + text
        return self.texts[text]

    def text(self, offset):
        size = struct.unpack_from("<H", self.heap, offset)[0]
        return bytes(self.heap[offset + 2:offset + 2 + size])

    def sweep(self):
        if len(self.heap) <= HEAP_SWEPT or len(self.heap) <= 2 * self.swept:
            return
        rows = [([self.text(row[name]) for name in TEXTS], [(self.text(n), a) for n, a in row["workers"]],
                 [self.text(n) for n in row["refused"]]) for row in self.rows.values()]
        self.heap, self.texts = bytearray(2), {}
        for row, (texts, workers, refused) in zip(self.rows.values(), rows):
            for name, text in zip(TEXTS, texts):
                row[name] = self.put(text)
            row["workers"] = [(self.put(name), asked) for name, asked in workers]
            row["refused"] = [self.put(name) for name in refused]
        self.swept = len(self.heap)

    # ---- lines

    def add(self, line, frame):
        said = None
        if "raw" in line and "frag" not in line and line.get("why") != "no text":
            said = Said(line["raw"])
        method = said.method if said else line.get("method", "").encode() or None
        submit = line.get("dir") == DIRECTIONS[0] and method in SUBMITS
        number = line.get("seq", 0)
        if number:
            self.first, self.top = self.first or number, max(self.top, number)
            if submit and self.top - number < WINDOW:
                self.submits.add(number)
        if "session" in line:
            self.take(line, frame, said, submit)
            self.sweep()

    def take(self, line, frame, said, submit):
        row = self.rows.setdefault(line["session"], {
            **dict.fromkeys(TEXTS, 0), "number": 0, "opened": -(1 << 63), "times": [], "seqs": [], "up": 0,
            "down": 0, "dirs": [0] * 4, "counts": [0] * 6, "flags": 0, "unasked": 0, "lasted": None, "workers": [],
            "refused": [], "frames": []})
        row["times"].append(self.micros(line["ts"]))
        row["frames"] += [frame] if frame not in row["frames"][-1:] else []
        row["seqs"] += [line["seq"]] if "seq" in line else []
        if "event" in line:
            self.take_event(row, line)
        else:
            self.take_message(row, line, said, submit)

    def take_message(self, row, line, said, submit):
        way = DIRECTIONS.index(line["dir"])
        refuses, answer = bool(said and said.refuses), "re" in line and "frag" not in line and way == 1
        row["dirs"][way] += 1
        if way != 2:
            row["up" if way == 0 else "down"] += len(line["raw"]) + len(self.end_of(line))
        row["counts"][0] += submit
        if answer and line["re"] in self.submits and self.top - line["re"] < WINDOW:
            row["counts"][2 if refuses else 1] += 1
        elif answer and line["re"] < self.first:
            row["counts"][4 if refuses else 3] += 1
        else:
            row["counts"][5] += refuses
        if way == 1 and "re" not in line and "bytes_b64" not in line and said.responds:
            row["unasked"] += 1
        if answer:
            self.take_answer(row, line["re"], refuses)
        elif way == 0 and said and said.whole:
            self.take_request(row, line, said)

    @staticmethod
    def take_answer(row, number, refuses):
        for i, (name, asked) in enumerate(row["workers"]):
            if asked != number:
                continue
            row["workers"][i] = (name, 0)
            if refuses:
                del row["workers"][i]
                row["refused"] = [old for old in row["refused"] if old != name]
                row["refused"] = row["refused"][-REFUSED_MAX + 1:] + [name]
            return

    def take_request(self, row, line, said):
        params = said.values.get(b"params", b"")
        first = inside((elements(params) or [None])[0])
        agent = worker = None
        if said.method == b"mining.subscribe":
            agent = first
        elif said.method in (b"mining.authorize", b"eth_submitLogin"):
            worker = first
        elif said.method in (b"login", b"mining.hello"):
            agent = inside(last(params, b"agent"))
            worker = inside(last(params, b"login")) if said.method == b"login" else None
        fit = sound if "bytes_b64" in line else bytes
        if agent is not None:
            row["user_agent"] = self.put(fit(agent))
        if worker is not None:
            self.add_worker(row, self.put(fit(worker)), line["seq"])

    @staticmethod
    def add_worker(row, name, asked):
        if name:
            row["workers"] = [old for old in row["workers"] if old[0] != name][-WORKERS_MAX + 1:]
            row["workers"].append((name, asked))

    def take_event(self, row, line):
        raw, event = line["text"], line["event"]
        told = {"opened": MET[:4], "pool_connected": MET[4:6], "closed": MET[6:], "state": MET[:6]}
        for name in told.get(event, ()):
            text = inside(last(raw, name.encode()))
            if text is not None:
                row[name] = self.put(text)
                row["flags"] |= 2 if name == "address" and text else 0
        for key, name in (("bytes_up", "up"), ("bytes_down", "down"), ("number", "number")):
            row[name] = line.get(key, row[name])
        row["flags"] |= {"opened": 1, "closed": 4}.get(event, 0)
        if event == "closed" and "lasted_us" in line:
            row["lasted"] = line["lasted_us"]
            row["flags"] |= 8
        if event == "opened":
            row["opened"] = self.micros(line["ts"])
        elif event == "state":
            self.take_state(row, line, raw)

    def take_state(self, row, line, raw):
        row["opened"] = self.micros(line["opened"]) if "opened" in line else row["opened"]
        if "subscribe" in line:
            agent = inside((elements(last(last(raw, b"subscribe"), b"params") or b"") or [None])[0])
            row["user_agent"] = row["user_agent"] if agent is None else self.put(agent)
        if "authorize" in line:
            asked = dict(row["workers"])
            row["workers"] = []
            for name in map(inside, elements(last(raw, b"authorize"))[:WORKERS_MAX]):
                at = self.put(name)
                self.add_worker(row, at, asked.get(at, 0))

    # ---- the section

    def section(self):
        heap, packed = bytearray(self.heap), []
        for session, row in self.rows.items():
            names = [name for name, _ in row["workers"]] + row["refused"]
            workers = len(heap) if names else 0
            heap += struct.pack("<%dI" % len(names), *names)
            heap += b"" if row["lasted"] is None else struct.pack("<Q", row["lasted"])
            runs = runs_of(row["frames"])
            seqs = row["seqs"] or [0]
            packed.append(uuid.UUID(session).bytes + struct.pack(
                "<QqqqQQQQ4I6II9IIIII", row["number"], row["opened"], min(row["times"]),
                max(row["times"]), seqs[0], seqs[-1], row["up"], row["down"], *row["dirs"],
                *row["counts"], row["flags"] | min(row["unasked"], (1 << 24) - 1) << 8,
                *(row[name] for name in TEXTS), workers, len(row["workers"]) | len(row["refused"]) << 8,
                len(heap), len(runs)))
            heap += runs
        sizes = [16] + [8] * 8 + [4] * 24
        table, at = bytearray(), 0
        for size in sizes:
            for row in packed:
                table += row[at:at + size]
            at += size
        return bytes(table + heap)


def varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out) + bytes([value])


def runs_of(frames):
    out, until, at = b"", 0, 0
    while at < len(frames):
        end = at
        while end + 1 < len(frames) and frames[end + 1] == frames[end] + 1:
            end += 1
        out += varint(frames[at] - until) + varint(end - at + 1)
        until, at = frames[end] + 1, end + 1
    return out
