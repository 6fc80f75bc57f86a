#!/usr/bin/env python3
"""A reader of segment files that knows nothing but lib/segment/FORMAT.md: Python's standard library
and the zstd command. Tests use it to read what the programs wrote, and to check every header, index
entry and checksum against the lines.

  segment_reader.py check PATH...    verifies files, or all files below data directories
  segment_reader.py lines PATH...    prints the lines
  segment_reader.py stream DATA_DIR SESSION miner|pool    writes what that side sent
"""
import base64
import collections
import json
import os
import re
import struct
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import segment_footer  # noqa: E402
import segment_rows  # noqa: E402

MAGIC_ZSTD, MAGIC_HEADER, MAGIC_INDEX = 0xFD2FB528, 0x184D2A50, 0x184D2A51
HEADER = struct.Struct("<8sIIQQqqII")
INDEX = struct.Struct("<QQIIqqQQIIIIIIIIQII")
NAME = re.compile(r"^(\d{8}T\d{6}Z)-(\d{8,})\.ndjson\.zst(\.open)?$")
LINE_MAX = 12 << 20
DIRECTIONS = ["miner_to_pool", "pool_to_miner", "hashscope_to_pool", "pool_to_hashscope"]
EVENTS = ["opened", "pool_connected", "closed", "clock_step", "gap", "state", "recovered"]
METHODS = {name: bit for bit, name in enumerate((
    "mining.configure mining.subscribe mining.authorize mining.submit mining.suggest_difficulty "
    "mining.suggest_target mining.extranonce.subscribe mining.multi_version "
    "mining.get_transactions mining.capabilities mining.notify mining.set_difficulty "
    "mining.set_target mining.set_extranonce mining.set_version_mask mining.set_goal "
    "client.reconnect client.show_message client.get_version mining.ping login job submit "
    "keepalived getjob eth_submitLogin eth_getWork eth_submitWork eth_submitHashrate mining.hello "
    "mining.noop mining.set mining.bye").split(), 2)}
WHOLE_LINE = {"T": r'"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"', "N": r"[1-9]\d*", "I": r"\d+",
              "Z": r"-?\d+", "S": r'"(?:[^"\\\x00-\x1f]|\\.)*"', "B": r"(?:true|false)",
              "U": r'"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"',
              "J": r'(?:"(?:[^"\\]|\\.)*"|-?\d[-+.\deE]*)', "M": r"\s*\{.*\}\s*",
              "D": '"(?:%s)"' % "|".join(DIRECTIONS)}


class FormatError(Exception):
    pass


def require(truth, *what):
    if not truth:
        raise FormatError(" ".join(str(w) for w in what))


def crc32c(data, table=[]):
    if not table:
        for byte in range(256):
            for _ in range(8):
                byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
            table.append(byte)
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 255]
    return crc ^ 0xFFFFFFFF


# ---- frames -----------------------------------------------------------------------------------

Frame = collections.namedtuple("Frame", "offset size magic data whole")


def zstd_frame_size(data, at):
    """Size of the Zstandard frame at `at` (RFC 8878, 3.1.1); None when the data ends before."""
    pos = at + 4
    if pos >= len(data):
        return None
    descriptor = data[pos]
    single = descriptor >> 5 & 1
    pos += 1 + (not single) + (0, 1, 2, 4)[descriptor & 3]
    pos += (single, 2, 4, 8)[descriptor >> 6]
    while True:
        if pos + 3 > len(data):
            return None
        block = int.from_bytes(data[pos:pos + 3], "little")
        pos += 3 + (1 if block >> 1 & 3 == 1 else block >> 3)
        if block & 1:
            break
    pos += 4 * (descriptor >> 2 & 1)
    return pos - at if pos <= len(data) else None


def frames_of(data):
    """All frames; the last one is not `whole` when the data ends inside it."""
    at = 0
    while at < len(data):
        size = magic = None
        if len(data) - at >= 8:
            magic, payload = struct.unpack_from("<II", data, at)
            if magic & 0xFFFFFFF0 == 0x184D2A50:
                size = 8 + payload
            else:
                require(magic == MAGIC_ZSTD, "no frame at byte", at)
                size = zstd_frame_size(data, at)
        whole = size is not None and at + size <= len(data)
        size = size if whole else len(data) - at
        yield Frame(at, size, magic, data[at:at + size], whole)
        at += size


def decompress(data, whole=True):
    run = subprocess.run(["zstd", "-dcq", "--memory=8MB"], input=data, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, check=False)
    require(run.returncode == 0 or not whole, "zstd:", run.stderr.decode("utf-8", "replace"))
    return run.stdout


def header_of(frame):
    require(frame.whole and frame.size == 64, "header has", frame.size, "bytes")
    fields = HEADER.unpack(frame.data[8:])
    require(fields[0] == b"HSSEGM\r\n", "not a segment")
    require(fields[1] == 1, "version", fields[1])
    require(fields[7] in (0, 1) and fields[8] == crc32c(frame.data[8:60]), "header CRC")
    return dict(zip("version generation instance number start_wall_ns start_mono_ns".split(),
                    fields[1:7]))


# ---- lines ------------------------------------------------------------------------------------

def unique_keys(pairs):
    require(len({key for key, _ in pairs}) == len(pairs), "a key occurs twice")
    return dict(pairs)


def parse_line(raw):
    """The keys of a line, and under "raw" the message's exact bytes where it has a message."""
    require(len(raw) <= LINE_MAX, "a line of", len(raw), "bytes")
    at = raw.find(b',"msg":')
    if at >= 0 and b'"event":' not in raw[:at]:  # in events it can only be part of a text
        require(raw.endswith(b"}"), "no closing brace")
        json.loads(raw.decode("utf-8"))
        line = json.loads(raw[:at].decode() + "}", object_pairs_hook=unique_keys)
        line["raw"] = raw[at + 7:-1]
    else:
        line = json.loads(raw.decode("utf-8"), object_pairs_hook=unique_keys)
        if "bytes_b64" in line:
            line["raw"] = base64.b64decode(line["bytes_b64"], validate=True)
    line["text"] = raw
    return line


MESSAGE = ('{"ts":T,"seq":N(?:,"latency_us":I,"re":N)?,"session":U,"dir":D(?:,"fwd_us":I)?'
           '(?:,"frag":I(?:,"last":true|,"early":true)?(?:,"method":S)?|,"before":N)?'
           '(?:,"end":(?:"\\\\r\\\\n"|""))?'
           '(?:,"msg":(?:.+)|,"bytes_b64":S(?:,"why":S)?)}')
EVENT_LINES = {
    "opened": '{"ts":T,"seq":N,"session":U,"event":"opened","route":S,"number":I,"miner":S,'
              '"listen":S,"tls":B(?:,"via":S)?}',
    "pool_connected": '{"ts":T,"seq":N,"session":U,"event":"pool_connected","pool":S,"address":S,'
                      '"local":S,"tls":B}',
    "closed": '{"ts":T,"seq":N,"session":U,"event":"closed","by":S,"reason":S,"bytes_up":I,'
              '"bytes_down":I(?:,"lasted_us":I)?}',
    "clock_step": '{"ts":T,"seq":N,"event":"clock_step","step_us":Z}',
    "gap": '{"ts":T,"(?:seq|at)":N,"event":"gap","lost":I,"first_lost":I(?:,"bytes":I)?,'
           '"reason":S(?:,"repair":true)?}',
    "state": '{"ts":T,"at":N,"session":U,"event":"state"(?:,"route":S,"number":I,"miner":S,'
             '"listen":S,"miner_tls":B(?:,"via":S)?(?:,"pool":S)?'
             '(?:,"address":S,"local":S,"pool_tls":B)?,"opened":T)?,"bytes_up":I,"bytes_down":I'
             '(?:,"as_of":I)?(?:,"extranonce1":J)?(?:,"extranonce2_size":J)?(?:,"difficulty":J)?'
             '(?:,"target":J)?(?:,"version_mask":J)?(?:,"subscribe":M)?'
             '(?:,"authorize":\\[S(?:,S)*\\])?(?:,"notify":M)?}',
    "recovered": '{"ts":T,"at":N,"event":"recovered","lines":I,"reason":S}',
}


def pattern(text):
    """Letters of FORMAT.md that stand for values become what they stand for."""
    text = re.sub(r"(?<=[:\[,])[A-Z](?=[,}\])(]|$)", lambda m: WHOLE_LINE[m.group()], text)
    return re.compile(("\\" + text[:-1] + "\\}").encode(), re.S)


MESSAGE_PATTERN = pattern(MESSAGE)
EVENT_PATTERNS = {name: pattern(text) for name, text in EVENT_LINES.items()}


def check_shape(line):
    """The keys of a line, their order and their values."""
    form = MESSAGE_PATTERN if "dir" in line else EVENT_PATTERNS.get(line.get("event"))
    require(form and form.fullmatch(line["text"]), "not of the format:", line["text"][:300])
    if "frag" in line:
        require("bytes_b64" in line and "why" not in line, "a piece must be base64 without why")
    require(line.get("before", 0) <= len(line.get("raw", b"")), "more before than there is")


def micros(ts):
    """Microseconds since 1970."""
    match = re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)\.(\d{6})Z", ts)
    year, month, day, hour, minute, second, fraction = map(int, match.groups())
    days = 365 * (year - 1970) + sum(1 for y in range(1970, year) if leap(y))
    days += sum((31, 28 + leap(year), 31, 30, 31, 30, 31, 31, 30, 31, 30)[:month - 1]) + day - 1
    return ((days * 24 + hour) * 60 + minute) * 60000000 + second * 1000000 + fraction


def leap(year):
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def end_of(line):
    if "frag" in line and not line.get("last"):
        return b""
    return line.get("end", "\n").encode()


# ---- the index --------------------------------------------------------------------------------

INDEX_FIELDS = ("offset text_offset size text_size lowest highest first_seq last_seq d0 d1 d2 d3 "
                "lines errors events zero methods zero2 crc").split()


def index_of(frame):
    require(frame.size == 112, "index entry of", frame.size, "bytes")
    entry = dict(zip(INDEX_FIELDS, INDEX.unpack(frame.data[8:])))
    require(entry["crc"] == crc32c(frame.data[8:108]), "index CRC at byte", frame.offset)
    entry["packed"] = frame.data[8:104]
    return entry


def is_error(message):
    """A response that refuses: what stands in its error, its result, its reject-reason."""
    if not isinstance(message, dict) or message.get("method") is not None:
        return False
    if "result" not in message and "error" not in message:
        return False
    said = [message.get("error"), message.get("reject-reason")]
    return message.get("result") is False or any(
        value is not None and value is not False and value not in ("", [], {}) for value in said)


def told_by(line):
    """The method's bit, and whether the message refuses."""
    if "frag" in line:
        return METHODS.get(line.get("method"), 0), False
    if line.get("why") == "no text":
        return 0, False
    said = segment_rows.Said(line["raw"])
    if said.method is None:
        return 0, said.refuses
    return METHODS.get(said.method.decode("latin-1"), 1), False


def expected_index(frame, text, text_offset, lines):
    """What the entry of a frame must say."""
    numbers = [line["seq"] for line in lines if "seq" in line]
    times = [micros(line["ts"]) for line in lines]
    events = methods = errors = 0
    for line in lines:
        if "event" in line:
            known = line["event"] in EVENTS
            events |= 1 << (EVENTS.index(line["event"]) if known else 7)
        elif "dir" in line:
            bit, refuses = told_by(line)
            methods |= 1 << bit
            errors += refuses
    counts = [sum(line.get("dir") == name for line in lines) for name in DIRECTIONS]
    return dict(zip(INDEX_FIELDS, [
        frame.offset, text_offset, frame.size, len(text), min(times), max(times), numbers[0],
        numbers[-1], *counts, len(lines), errors, events, 0, methods, 0]))


def check_index(entry, expected):
    for field, value in expected.items():
        require(entry[field] == value, "index says", field, entry[field], "but it is", value)


# ---- files ------------------------------------------------------------------------------------

class Segment:
    """A file, read and checked. `torn`: it ends inside a frame (fine in .open files)."""

    def __init__(self, path, check=True):
        self.path, self.lines, self.frames, self.torn = path, [], 0, False
        self.entries, self.unknown, self.footer, self.seek_table = [], 0, None, False
        self.sizes, self.collector = [], segment_footer.Collector(micros, is_error, end_of)
        self.rows = segment_rows.Rows(micros, end_of)
        self.is_open = path.endswith(".open")
        with open(path, "rb") as file:
            data = file.read()
        try:
            self.read(data, check)
        except (FormatError, segment_footer.FooterError, ValueError, struct.error) as error:
            raise FormatError("%s: %s" % (path, error)) from error

    def read(self, data, check):
        frames = list(frames_of(data))
        if not frames and self.is_open:
            return
        require(frames and frames[0].magic == MAGIC_HEADER, "no header")
        self.header = header_of(frames[0])
        text_offset, pending = 0, None
        self.sizes.append((64, 0))
        for frame in frames[1:]:
            require(not self.seek_table, "something behind the seek table")
            self.sizes.append((frame.size, 0))
            if pending:
                require(frame.magic == MAGIC_INDEX or not frame.whole, "no index entry at byte",
                        frame.offset)
                pending = self.take_index(frame, pending, check) if frame.whole else None
            elif frame.magic == MAGIC_ZSTD:
                pending = self.take_data(frame, text_offset, check)
                text_offset += pending["text_size"] if frame.whole else 0
                if frame.whole:
                    self.sizes[-1] = (frame.size, pending["text_size"])
            elif frame.magic == segment_footer.FOOTER and frame.whole:
                self.take_footer(frame, check)
            elif frame.magic == segment_footer.SEEK and frame.whole:
                segment_footer.check_seek_table(frame.data, self.sizes[:-1])
                self.seek_table = True
            else:
                self.unknown += frame.whole
            self.torn |= not frame.whole
        require(not pending or self.is_open, "the last frame has no index entry")
        require(self.is_open or not self.torn, "it ends inside a frame")
        require(self.is_open or bool(self.footer) == self.seek_table, "footer or seek table alone")

    def take_data(self, frame, text_offset, check):
        text = decompress(frame.data, frame.whole)
        require(text.endswith(b"\n") or not frame.whole, "a frame ends in mid-line")
        lines = [parse_line(raw) for raw in text.split(b"\n")[:-1]]
        for line in lines if check else ():
            check_shape(line)
        self.frames += 1
        self.lines += lines
        if not frame.whole:
            return None
        for line in lines if check else ():
            self.collector.add(line, self.frames - 1)
            self.rows.add(line, self.frames - 1)
        return expected_index(frame, text, text_offset, lines)

    def take_footer(self, frame, check):
        """All its bytes follow from the lines; how its sections are compressed does not."""
        require(not self.footer, "two footers")
        self.footer = segment_footer.Footer(frame.data, frame.offset, decompress, crc32c)
        packed = [entry["packed"] for entry in self.entries]
        require(self.footer.entries == packed, "the footer's directory of frames")
        if check:
            header = {key: value for key, value in self.header.items() if key != "version"}
            segment_footer.check_head(frame.data, frame.offset, self.footer.head, self.entries, header,
                                      len(self.rows.rows), crc32c)
            segment_footer.check_sessions(self.footer, self.collector)
            require(self.footer.section == self.rows.section(), "the section of sessions has other bytes")

    def take_index(self, frame, pending, check):
        entry = index_of(frame)
        self.entries.append(entry)
        if check:
            check_index(entry, pending)
        return None


def segment_paths(path):
    """Files of a data directory in their order; or the file itself."""
    if not os.path.isdir(path):
        return [path]
    found = []
    for year in sorted(os.listdir(os.path.join(path, "segments"))):
        if year.isdigit():
            for folder, _, names in os.walk(os.path.join(path, "segments", year)):
                found += [(int(NAME.match(name)[2]), os.path.join(folder, name))
                          for name in names if NAME.match(name)]
    sealed = {name for _, name in found if not name.endswith(".open")}
    return [name for _, name in sorted(found)
            if not name.endswith(".open") or name[:-5] not in sealed]


def check_alone(lines):
    """Every segment stands alone: a session's first line is `opened` or has a `state` before it, and
    after a gap again; what the writer added names the line that follows."""
    introduced, repaired = set(), False
    pending = []
    for line in lines:
        if "at" in line:
            pending.append(line)
        if line.get("event") == "gap":
            introduced.clear()
            repaired |= "repair" in line
        session = line.get("session")
        if session and line.get("event") in ("opened", "state"):
            introduced.add(session)
        require(not session or session in introduced or repaired, "no state before", line["text"][:200])
        if "seq" in line:
            require(all(p["at"] == line["seq"] for p in pending), "at is not the next seq",
                    line["seq"])
            pending = []
    require(not pending, "lines that say what follows, and nothing does")


def read_all(paths, check=True):
    """The lines of files in turn, checked for their order; repeats are passed over."""
    result, highest, dropping = [], 0, False
    for path in paths:
        segment = Segment(path, check)
        if check:
            check_alone(segment.lines)
        for line in segment.lines:
            number = line.get("seq", line.get("at"))
            dropping = number <= highest
            if dropping:
                continue
            if "seq" in line:
                highest = number
            result.append(line)
    return result


def lines(data_dir, check=True):
    return read_all(segment_paths(data_dir), check)


def missing(all_lines):
    """Numbers that no line has and no gap names."""
    result, highest = [], None
    for line in all_lines:
        if line.get("event") == "gap":
            begin = line["first_lost"]
            if highest is not None and begin > highest + 1:
                result += range(highest + 1, begin)
            highest = max(highest or 0, begin + line["lost"] - 1)
        if "seq" in line:
            if highest is not None and line["seq"] > highest + 1:
                result += range(highest + 1, line["seq"])
            highest = max(highest or 0, line["seq"])
    return result


def streams(all_lines):
    """{(session, "miner" or "pool"): what that side sent}."""
    result = collections.defaultdict(bytearray)
    for line in all_lines:
        if "dir" in line and line["dir"] != "hashscope_to_pool":
            side = "miner" if line["dir"] == "miner_to_pool" else "pool"
            result[line["session"], side] += line["raw"][line.get("before", 0):] + end_of(line)
    return {key: bytes(value) for key, value in result.items()}


def main(arguments):
    if len(arguments) < 2 or arguments[0] not in ("check", "lines", "stream"):
        sys.exit(__doc__)
    if arguments[0] == "stream":
        sys.stdout.buffer.write(streams(lines(arguments[1]))[arguments[2], arguments[3]])
        return
    paths = [path for argument in arguments[1:] for path in segment_paths(argument)]
    if arguments[0] == "lines":
        for line in read_all(paths):
            sys.stdout.buffer.write(line["text"] + b"\n")
        return
    try:
        found = read_all(paths)
    except FormatError as error:
        sys.exit(str(error))
    lost = missing(found)
    print("%d files, %d lines, %d numbers missing" % (len(paths), len(found), len(lost)))
    sys.exit(1 if lost else 0)


if __name__ == "__main__":
    main(sys.argv[1:])
