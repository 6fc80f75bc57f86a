"""An archive that is the same every time, for tests of exact output: two segment files, written here
as lib/segment/FORMAT.md says, without footers, as a recorder that knew none would have left them.

Two miners: farm.1 mines from the first file into the second, farm.2 only in the first. Time is that
of a night in 2026.
"""
import datetime
import json
import os
import struct
import subprocess

from tests.integration.segment_reader import (DIRECTIONS, EVENTS, HEADER, INDEX, MAGIC_HEADER,
                                              MAGIC_INDEX, METHODS, crc32c)

INSTANCE = 0x1F2E3D4C5B6A7988
FARM_1 = "01a20137-7a00-7aaa-8aaa-aaaaaaaa0001"
FARM_2 = "01a20137-9900-7bbb-8bbb-bbbbbbbb0002"


def line(time, number, session, rest, key="seq"):
    """rest: what stands behind the session; an answer's first keys stand before it."""
    front, _, rest = rest.rpartition("@")
    return (f'{{"ts":"2026-11-22T{time}Z","{key}":{number}{front},"session":"{session}",{rest}}}')


def message(time, number, session, up, text, answers=None, more=""):
    pair = "" if answers is None else f',"latency_us":{answers[1]},"re":{answers[0]}'
    direction = "miner_to_pool" if up else "pool_to_miner"
    return line(time, number, session, f'{pair}@"dir":"{direction}"{more},"msg":{text}')


def opened(time, number, session, count, miner):
    return line(time, number, session, f'"event":"opened","route":"main","number":{count},'
                f'"miner":"{miner}","listen":"10.0.0.2:3333","tls":false')


def connected(time, number, session):
    return line(time, number, session, '"event":"pool_connected","pool":"pool.example.com:3333",'
                '"address":"203.0.113.9:3333","local":"10.0.0.2:40112","tls":false')


def submit(number):
    return f'{{"id":{number},"method":"mining.submit","params":["farm.1","1f","00","65","0badcafe"]}}'


OK = '"result":true,"error":null}'
NOTIFY = ('{"id":null,"method":"mining.notify","params":["1f","00","01","02",[],"2","3","4",true]}')

# File -> frames -> lines.
FRAMES = [
    [[opened("03:10:00.000000", 1, FARM_1, 1, "10.0.0.7:50001"),
      connected("03:10:00.002000", 2, FARM_1),
      message("03:10:00.010000", 3, FARM_1, True,
              '{"id":1,"method":"mining.subscribe","params":["cgminer/4.11.1"]}'),
      message("03:10:00.040000", 4, FARM_1, False,
              '{"id":1,"result":[[],"f00d",4],"error":null}', (3, 30000)),
      message("03:10:00.050000", 5, FARM_1, True,
              '{"id":2,"method":"mining.authorize","params":["farm.1","secret"]}'),
      message("03:10:00.090000", 6, FARM_1, False, '{"id":2,' + OK, (5, 40000))],
     [message("03:10:00.100000", 7, FARM_1, False, NOTIFY),
      message("03:12:00.000000", 8, FARM_1, True, submit(3)),
      message("03:12:00.041873", 9, FARM_1, False, '{"id":3,' + OK, (8, 41873)),
      opened("03:12:30.000000", 10, FARM_2, 2, "10.0.0.8:50002"),
      connected("03:12:30.001000", 11, FARM_2),
      message("03:12:30.010000", 12, FARM_2, True,
              '{"id":1,"method":"mining.authorize","params":["farm.2","secret"]}'),
      message("03:12:30.050000", 13, FARM_2, False, '{"id":1,' + OK, (12, 40000))],
     [message("03:14:00.000000", 14, FARM_2, True, submit(2).replace("farm.1", "farm.2")),
      message("03:14:00.500000", 15, FARM_2, False,
              '{"id":2,"result":null,"error":[21,"Stale share",null]}', (14, 500000)),
      line("03:14:01.000000", 16, FARM_2, '"event":"closed","by":"pool","reason":"reset",'
           '"bytes_up":145,"bytes_down":91')]],
    [[line("03:20:00.000000", 17, FARM_1, '"event":"state","route":"main","number":1,'
           '"miner":"10.0.0.7:50001","listen":"10.0.0.2:3333","miner_tls":false,'
           '"pool":"pool.example.com:3333","address":"203.0.113.9:3333","local":"10.0.0.2:40112",'
           '"pool_tls":false,"opened":"2026-11-22T03:10:00.000000Z","bytes_up":205,'
           '"bytes_down":204,"extranonce1":"f00d","extranonce2_size":4,'
           '"subscribe":{"id":1,"method":"mining.subscribe","params":["cgminer/4.11.1"]},'
           '"authorize":["farm.1"]', "at"),
      message("03:20:00.000000", 17, FARM_1, True, submit(4)),
      message("03:20:00.100000", 18, FARM_1, False,
              '{"id":4,"result":null,"error":[22,"Duplicate share",null]}', (17, 100000)),
      line("03:20:01.000000", 19, FARM_1, '"dir":"miner_to_pool","end":"\\r\\n",'
           '"bytes_b64":"R0VUIC8gSFRUUC8xLjE=","why":"invalid JSON at byte 0"'),
      message("03:20:02.000000", 20, FARM_1, False,
              '{"id":null,"method":"x.news","params":["\\u001b[2Jstale"]}', None,
              ',"end":"\\r\\n"'),
      line("03:20:03.000000", 21, FARM_1, '"event":"closed","by":"miner","reason":"end",'
           '"bytes_up":308,"bytes_down":321')]],
]
LINES = [text for frames in FRAMES for frame in frames for text in frame]
STARTS = ["20261122T031000Z", "20261122T032000Z"]


def by_number(*numbers):
    """The lines with these numbers of their own."""
    found = {json.loads(text).get("seq"): text for text in LINES}
    return [found[number] for number in numbers]


def micros(time):
    moment = datetime.datetime.strptime(time, "%Y-%m-%dT%H:%M:%S.%fZ")
    return (moment - datetime.datetime(1970, 1, 1)) // datetime.timedelta(microseconds=1)


def header(number, start_us):
    body = HEADER.pack(b"HSSEGM\r\n", 1, 0, INSTANCE, number, start_us * 1000, 10 ** 9, 0, 0)[:-4]
    return struct.pack("<II", MAGIC_HEADER, 56) + body + struct.pack("<I", crc32c(body))


def method_bits(lines):
    bits = 0
    for entry in lines:
        if "dir" in entry:
            name = entry.get("msg", {}).get("method")
            bits |= 1 << (METHODS.get(name, 1) if name else 0)
    return bits


def index_entry(offset, text_offset, size, text, lines):
    times = [micros(entry["ts"]) for entry in lines]
    numbers = [entry["seq"] for entry in lines if "seq" in entry]
    directions = [sum(entry.get("dir") == name for entry in lines) for name in DIRECTIONS]
    events = sum({1 << EVENTS.index(entry["event"]) for entry in lines if "event" in entry})
    errors = sum(bool(entry.get("msg", {}).get("error")) for entry in lines)
    body = INDEX.pack(offset, text_offset, size, len(text), min(times), max(times), numbers[0],
                      numbers[-1], *directions, len(lines), errors, events, 0, method_bits(lines),
                      0, 0)[:-4]
    return struct.pack("<II", MAGIC_INDEX, 104) + body + struct.pack("<I", crc32c(body))


def segment(number, frames):
    """The bytes of a file, and the offsets of its data frames."""
    start = micros(json.loads(frames[0][0])["ts"])
    data, text_offset, offsets = header(number, start), 0, []
    for frame in frames:
        text = "".join(entry + "\n" for entry in frame).encode()
        packed = subprocess.run(["zstd", "-q", "-1", "-c", "--check"], input=text, check=True,
                                stdout=subprocess.PIPE).stdout
        offsets.append(len(data))
        data += packed + index_entry(len(data), text_offset, len(packed), text,
                                     [json.loads(entry) for entry in frame])
        text_offset += len(text)
    return data, offsets


def write(data_dir, files=None):
    """Makes the archive (of other files -> frames -> lines, if given); returns the paths of its files, and the offsets of their data frames."""
    folder = os.path.join(data_dir, "segments/2026/11/22")
    os.makedirs(folder)
    paths, offsets = [], []
    for number, (start, frames) in enumerate(zip(STARTS, files or FRAMES), 1):
        paths.append(os.path.join(folder, f"{start}-{number:08d}.ndjson.zst"))
        data, places = segment(number, frames)
        offsets.append(places)
        with open(paths[-1], "wb") as file:
            file.write(data)
    return paths, offsets
