"""The footer and the seek table of a segment file, from lib/segment/FORMAT.md alone: taken apart, and
made anew from the lines. segment_reader.py compares the two."""
import codecs
import collections
import json
import re
import struct
import uuid

FOOTER, SEEK, SEEK_END = 0x184D2A52, 0x184D2A5E, 0x8F92EAB1
WINDOW, TEXT_MAX, WORKERS_MAX, REFUSED_MAX = 1 << 20, 510, 32, 8
SUBMITS = ("mining.submit", "submit", "eth_submitWork")
DIRECTIONS = ["miner_to_pool", "pool_to_miner", "hashscope_to_pool", "pool_to_hashscope"]
TEXTS = "route miner via listen user_agent pool address closed_by reason".split()
HEAD = struct.Struct("<8sIIQQqqQQqqQQ4QQQQIIIIIIIIII")
HEAD_FIELDS = ("tag version generation instance number start_wall_ns start_mono_ns end text_bytes "
               "lowest highest first_seq last_seq d0 d1 d2 d3 lines errors methods events frames "
               "sessions frames_stored frames_size sessions_stored sessions_size frames_crc "
               "sessions_crc crc").split()
ROW = [("session", "16s")] + [(name, fmt) for names, fmt in (
    ("number", "Q"), ("opened first_us last_us", "q"), ("first_seq last_seq up down", "Q"),
    ("d0 d1 d2 d3 submits accepted rejected earlier_accepted earlier_rejected other_errors flags",
     "I"), (" ".join(TEXTS) + " workers worker_count runs runs_bytes", "I"))
    for name in names.split()]
UNKNOWN = -(1 << 63)


class FooterError(Exception):
    pass


def require(truth, *what):
    if not truth:
        raise FooterError(" ".join(str(w) for w in what))


def columns(section, count, fields):
    """The rows of a table that is stored by columns, and where it ends."""
    at, rows = 0, [{} for _ in range(count)]
    for name, fmt in fields:
        size = struct.calcsize(fmt)
        for i in range(count):
            rows[i][name] = struct.unpack_from("<" + fmt, section, at + i * size)[0]
        at += count * size
    return rows, at


def varints(data):
    value = shift = 0
    for byte in data:
        value |= (byte & 127) << shift
        shift += 7
        if not byte & 128:
            yield value
            value = shift = 0
    require(shift == 0, "runs end inside a number")


def frames_of_runs(data):
    numbers, at, result = list(varints(data)), 0, []
    require(len(numbers) % 2 == 0, "runs are no pairs")
    for skipped, count in zip(numbers[::2], numbers[1::2]):
        require(count > 0 and (skipped > 0 or not result), "runs that join or are empty")
        result += range(at + skipped, at + skipped + count)
        at += skipped + count
    return result


class Footer:
    """What stands in the frame; `unpack` decompresses, `crc` is CRC-32C."""

    def __init__(self, frame, offset, unpack, crc):
        self.head = dict(zip(HEAD_FIELDS, HEAD.unpack_from(frame, 8)))
        head = self.head
        require(head["tag"] == b"HSFOOT\r\n" and head["version"] == 1, "not a footer")
        require(head["crc"] == crc(frame[8:196]), "footer CRC")
        require(head["end"] == offset, "footer is at", offset, "and says", head["end"])
        require(len(frame) == 200 + head["frames_stored"] + head["sessions_stored"], "footer size")
        at = 200
        sections = []
        for name in ("frames", "sessions"):
            stored = frame[at:at + head[name + "_stored"]]
            at += len(stored)
            require(crc(stored) == head[name + "_crc"], "CRC of the section of", name)
            size = head[name + "_size"]
            require(size < 256 * (len(stored) + 1) and size <= 512 << 20, "section too large")
            section = stored if len(stored) == size else unpack(stored)
            require(len(section) == size, "size of the section of", name)
            sections.append(section)
        require(len(sections[0]) == 96 * head["frames"], "rows of frames")
        words, _ = columns(sections[0], head["frames"], [(i, "I") for i in range(24)])
        self.entries = [struct.pack("<24I", *(row[i] for i in range(24))) for row in words]
        self.section = sections[1]
        rows, end = columns(sections[1], head["sessions"], ROW)
        self.sessions = [self.session(row, sections[1][end:]) for row in rows]

    @staticmethod
    def session(row, heap):
        def text(offset):
            size = struct.unpack_from("<H", heap, offset)[0]
            require(size <= TEXT_MAX and offset + 2 + size <= len(heap), "text outside the heap")
            return json.loads(b'"' + heap[offset + 2:offset + 2 + size] + b'"')

        require(heap[:2] == b"\0\0", "the heap begins with the empty text")
        for name in TEXTS:
            row[name] = text(row[name])
        refused, row["worker_count"] = divmod(row["worker_count"], 256)
        require(row["worker_count"] <= WORKERS_MAX and refused <= REFUSED_MAX, "workers")
        names = struct.unpack_from("<%dI" % (row["worker_count"] + refused), heap, row["workers"])
        row["refused"] = [text(name) for name in names[row["worker_count"]:]]
        row["workers"] = [text(name) for name in names[:row["worker_count"]]]
        require(row["runs"] + row["runs_bytes"] <= len(heap), "runs outside the heap")
        row["frames"] = frames_of_runs(heap[row["runs"]:row["runs"] + row["runs_bytes"]])
        row["lasted"] = None
        if row["flags"] & 8:
            row["lasted"] = struct.unpack_from("<Q", heap, row["runs"] - 8)[0]
        row["session"] = str(uuid.UUID(bytes=row["session"]))
        for name in ("worker_count", "runs", "runs_bytes"):
            del row[name]
        return row


def check_seek_table(frame, sizes):
    """`sizes`: (size, size of the text) of all frames before it."""
    count, flags, magic = struct.unpack("<IBI", frame[-9:])
    require((flags, magic) == (0, SEEK_END), "end of the seek table")
    require(len(frame) == 8 + 8 * count + 9, "size of the seek table")
    entries = list(struct.iter_unpack("<II", frame[8:-9]))
    require(entries == sizes, "the seek table says", entries[:8], "but it is", sizes[:8])


# ---- the same, from the lines -------------------------------------------------------------------

def text_of(value):
    """A text as a footer can hold it; the lengths are those of the JSON's bytes."""
    return value if isinstance(value, str) else None


def escape_bytes(fault):
    """Bytes that are no UTF-8 as the escape that names them, written into JSON."""
    return "".join("\\\\x%02x" % byte for byte in fault.object[fault.start:fault.end]), fault.end


codecs.register_error("hashscope-escape", escape_bytes)


def refuse_constant(name):
    raise ValueError(name)


def lenient(raw):
    """A message in bytes_b64 as a lenient peer reads it; None: it is no JSON."""
    try:
        return json.loads(raw.decode("utf-8", "hashscope-escape"), strict=False,
                          parse_constant=refuse_constant)
    except (ValueError, RecursionError):
        return None


def shown(name):
    """Halves of surrogate pairs as the escapes that they were."""
    return re.sub("[\ud800-\udfff]", lambda half: "\\u%04x" % ord(half.group()), name)


class Collector:
    """Goes through the lines of a file; `method_of` and `is_error` as for the index."""

    def __init__(self, micros, is_error, end_of):
        self.micros, self.is_error, self.end_of = micros, is_error, end_of
        self.sessions, self.submits = collections.OrderedDict(), set()
        self.first = self.top = None

    def row(self, name):
        if name not in self.sessions:
            row = dict.fromkeys((n for n, _ in ROW if n not in ("runs", "runs_bytes",
                                                                "worker_count")), 0)
            row.update(dict.fromkeys(TEXTS, ""), session=name, opened=UNKNOWN, workers=[], refused=[],
                       frames=[], asked={}, opaque=False, lasted=None, first_us=1 << 63, last_us=-(1 << 63))
            self.sessions[name] = row
        return self.sessions[name]

    def add(self, line, frame):
        number = line.get("seq")
        message = None
        if "dir" in line and "bytes_b64" not in line:
            message = json.loads(line["raw"].decode())
        method = message.get("method") if isinstance(message, dict) else line.get("method")
        submit = line.get("dir") == DIRECTIONS[0] and isinstance(method, str) and method in SUBMITS
        if number:
            self.first = self.first or number
            self.top = max(self.top or 0, number)
            if submit:
                self.submits.add(number)
        if "session" not in line:
            return
        row = self.row(line["session"])
        if frame not in row["frames"][-1:]:
            row["frames"].append(frame)
        at = self.micros(line["ts"])
        row["first_us"], row["last_us"] = min(row["first_us"], at), max(row["last_us"], at)
        if number:
            row["first_seq"], row["last_seq"] = row["first_seq"] or number, number
        if "event" in line:
            self.take_event(row, line)
        else:
            row["submits"] += submit
            self.take_message(row, line, message, method)

    def take_message(self, row, line, message, method):
        row["d%d" % DIRECTIONS.index(line["dir"])] += 1
        row["opaque"] |= "bytes_b64" in line
        size = len(line["raw"]) - line.get("before", 0) + len(self.end_of(line))
        if line["dir"] == DIRECTIONS[0]:
            row["up"] += size
        elif line["dir"] != DIRECTIONS[2]:
            row["down"] += size
        error = message is not None and self.is_error(message)
        answer = "re" in line and "frag" not in line and line["dir"] == DIRECTIONS[1]
        responds = isinstance(message, dict) and message.get("method") is None and (
            "result" in message or "error" in message)
        if responds and "re" not in line and line["dir"] == DIRECTIONS[1]:
            row["flags"] += 1 << 8
        if answer and line["re"] in self.submits and self.top - line["re"] < WINDOW:
            row["rejected" if error else "accepted"] += 1
        elif answer and line["re"] < self.first:
            row["earlier_rejected" if error else "earlier_accepted"] += 1
        else:
            row["other_errors"] += error
        if answer:
            for name, asked in list(row["asked"].items()):
                if asked == line["re"]:
                    del row["asked"][name]
                    if error:
                        row["workers"].remove(name)
                        row["refused"] = [old for old in row["refused"] if old != name]
                        row["refused"] = row["refused"][-REFUSED_MAX + 1:] + [name]
            return
        if message is None and "frag" not in line:
            message = lenient(line["raw"])
            method = message.get("method") if isinstance(message, dict) else None
        if line["dir"] == DIRECTIONS[0] and isinstance(message, dict):
            self.take_request(row, line, method, message.get("params"))

    def take_request(self, row, line, method, params):
        first = params[0] if isinstance(params, list) and params else None
        members = params if isinstance(params, dict) else {}
        if method == "mining.subscribe" and text_of(first) is not None:
            row["user_agent"] = shown(first)
        if method in ("login", "mining.hello") and text_of(members.get("agent")) is not None:
            row["user_agent"] = shown(members["agent"])
        worker = {"mining.authorize": first, "eth_submitLogin": first,
                  "login": members.get("login")}.get(method)
        if text_of(worker):
            worker = shown(worker)
            self.add_worker(row, worker)
            row["asked"][worker] = line["seq"]

    @staticmethod
    def add_worker(row, name):
        if name in row["workers"]:
            row["workers"].remove(name)
            row["asked"].pop(name, None)
        if len(row["workers"]) == WORKERS_MAX:
            row["asked"].pop(row["workers"].pop(0), None)
        row["workers"].append(name)

    def take_event(self, row, line):
        for key in ("number", "route", "miner", "listen", "via", "pool", "address"):
            if key in line:
                row[key] = line[key]
        if line.get("address"):
            row["flags"] |= 2
        for key, name in (("bytes_up", "up"), ("bytes_down", "down")):
            row[name] = line.get(key, row[name])
        if line["event"] == "opened":
            row["opened"] = self.micros(line["ts"])
            row["flags"] |= 1
        elif line["event"] == "closed":
            row["closed_by"], row["reason"] = line["by"], line["reason"]
            row["flags"] |= 4
            if "lasted_us" in line:
                row["lasted"] = line["lasted_us"]
                row["flags"] |= 8
        elif line["event"] == "state":
            self.take_state(row, line)

    def take_state(self, row, line):
        if "opened" in line:
            row["opened"] = self.micros(line["opened"])
        params = line.get("subscribe", {}).get("params")
        if isinstance(params, list) and params and isinstance(params[0], str):
            row["user_agent"] = params[0]
        if "authorize" in line:
            asked, row["workers"] = row["asked"], []
            for name in line["authorize"]:
                self.add_worker(row, name)
            row["asked"] = {name: n for name, n in asked.items() if name in row["workers"]}


COUNTS = "submits accepted rejected earlier_accepted earlier_rejected other_errors".split()


def check_sessions(footer, collector):
    require([s["session"] for s in footer.sessions] == list(collector.sessions), "sessions")
    for said in footer.sessions:
        row = collector.sessions[said["session"]]
        for name, value in said.items():
            same = value == row[name]
            if row["opaque"] and name in COUNTS:  # base64 may hold what this reader does not scan
                continue
            require(same, "session", said["session"], "has", name, row[name], "but the footer says",
                    value)


def check_head(frame, offset, said, entries, header, sessions, crc):
    """The first 200 bytes, made from the index entries, which have been compared with the lines, and
    from what `said` of its sections' stored sizes; these have been taken apart."""
    made = {"tag": b"HSFOOT\r\n", "version": 1, **header, "end": offset}
    made.update({"d%d" % i: sum(e["d%d" % i] for e in entries) for i in range(4)})
    for name in ("lines", "errors"):
        made[name] = sum(e[name] for e in entries)
    for name in ("events", "methods"):
        made[name] = 0
        for entry in entries:
            made[name] |= entry[name]
    made.update(frames=len(entries), text_bytes=sum(e["text_size"] for e in entries),
                lowest=min(e["lowest"] for e in entries), highest=max(e["highest"] for e in entries),
                first_seq=entries[0]["first_seq"], last_seq=entries[-1]["last_seq"], sessions=sessions)
    at = 200
    for name, size in (("frames", 96 * len(entries)), ("sessions", said["sessions_size"])):
        stored = frame[at:at + said[name + "_stored"]]
        at += len(stored)
        made.update({name + "_stored": len(stored), name + "_size": size, name + "_crc": crc(stored)})
    for name, value in made.items():
        require(said[name] == value, "footer says", name, said[name], "but it is", value)
    made["crc"] = crc(frame[8:196])
    whole = struct.pack("<II", FOOTER, len(frame) - 8) + HEAD.pack(*map(made.get, HEAD_FIELDS))
    require(frame[:200] == whole, "the footer's first bytes")
