"""Captures made packet by packet: frames of every link type, TCP connections with a clock, and the
files they stand in, in every form that the importer reads."""
import ipaddress
import struct

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
START = 1_795_000_000 * 10**9  # nanoseconds
MASK = 0xFFFFFFFF

ETHERNET, RAW, LOOP, SLL, NULL, IPV4, IPV6, SLL2 = 1, 101, 108, 113, 0, 228, 229, 276


def tcp(source, target, seq, ack, flags, data=b"", options=b""):
    """A TCP segment in an IP packet; source and target are (address, port)."""
    head = struct.pack(">HHIIBBHHH", source[1], target[1], seq & MASK, ack & MASK,
                       (20 + len(options)) // 4 << 4, flags, 65535, 0, 0) + options
    return ip(source[0], target[0], 6, head + data)


def ip(source, target, protocol, payload, fragment=0, extensions=b"", first=None, length=None):
    one, two = ipaddress.ip_address(source), ipaddress.ip_address(target)
    if one.version == 4:
        total = 20 + len(payload) if length is None else length
        return struct.pack(">BBHHHBBH", 0x45, 0, total, 0, fragment, 64, protocol,
                           0) + one.packed + two.packed + payload
    body = extensions + payload
    total = len(body) if length is None else length
    return struct.pack(">IHBB", 6 << 28, total, protocol if first is None else first,
                       64) + one.packed + two.packed + body


def link(kind, packet, tags=()):
    """The packet as a frame of a link type, with VLAN tags where there are any."""
    ether = 0x0800 if packet[0] >> 4 == 4 else 0x86DD
    vlan = b""
    for tag in reversed(tags):
        vlan, ether = struct.pack(">HH", 7, ether) + vlan, tag
    if kind == ETHERNET:
        return bytes(12) + struct.pack(">H", ether) + vlan + packet
    if kind == SLL:
        return struct.pack(">HHH8sH", 0, 1, 6, b"", ether) + vlan + packet
    if kind == SLL2:
        return struct.pack(">HHIHBB8s", ether, 0, 1, 1, 0, 6, b"") + vlan + packet
    if kind == NULL:
        return struct.pack("<I", 2 if ether == 0x0800 else 30) + packet
    if kind == LOOP:
        return struct.pack(">I", 2 if ether == 0x0800 else 24) + packet
    return packet


class Packet:
    def __init__(self, time, data, kind=RAW, comments=(), length=None):
        self.time, self.data, self.kind, self.comments = time, data, kind, list(comments)
        self.length = len(data) if length is None else length


class Connection:
    """One TCP connection; every call appends packets to `packets` and moves the clock on."""

    def __init__(self, miner=("10.0.0.7", 53122), pool=("203.0.113.9", 3333), kind=RAW, tags=(),
                 time=START, isn=(1000, 0xFFFFFF00), step=1_000_000):
        self.ends, self.kind, self.tags, self.time, self.step = (miner, pool), kind, tags, time, step
        self.isn, self.sent = list(isn), [b"", b""]
        self.next = [(isn[0] + 1) & MASK, (isn[1] + 1) & MASK]
        self.packets = []

    def packet(self, side, flags, data=b"", seq=None, ack=None, snap=None):
        seq = self.next[side] if seq is None else seq
        ack = self.next[1 - side] if ack is None else ack
        raw = tcp(self.ends[side], self.ends[1 - side], seq, ack, flags, data)
        frame = link(self.kind, raw, self.tags)
        self.packets.append(Packet(self.time, frame if snap is None else frame[:snap], self.kind,
                                   length=len(frame)))
        self.time += self.step
        return self.packets[-1]

    def open(self):
        self.packet(0, SYN, seq=self.isn[0], ack=0)
        self.packet(1, SYN | ACK, seq=self.isn[1])
        self.packet(0, ACK)
        return self

    def say(self, side, data, size=1460, **more):
        for at in range(0, len(data), size):
            piece = data[at:at + size]
            self.packet(side, PSH | ACK, piece, **more)
            self.sent[side] += piece
            self.next[side] = (self.next[side] + len(piece)) & MASK
        return self

    def close(self, first=0):
        for side in (first, 1 - first):
            self.packet(side, FIN | ACK)
            self.next[side] = (self.next[side] + 1) & MASK
        self.packet(first, ACK)
        return self

    def reset(self, side=0):
        self.packet(side, RST | ACK)
        return self


SUBSCRIBE = b'{"id":1,"method":"mining.subscribe","params":["test/1.0"]}\n'
SUBSCRIBED = b'{"id":1,"result":[[["mining.notify","a"]],"08000002",4],"error":null}\n'
AUTHORIZE = b'{"id":2,"method":"mining.authorize","params":["worker.1","x"]}\n'
ACCEPTED = b'{"id":%d,"result":true,"error":null}\n'
REFUSED = b'{"id":%d,"result":null,"error":[23,"Low difficulty",null]}\n'
DIFFICULTY = b'{"id":null,"method":"mining.set_difficulty","params":[4096]}\n'


def submit(number):
    return b'{"id":%d,"method":"mining.submit","params":["worker.1","a","%08x"]}\n' % (number, number)


def mine(connection, submits=3):
    connection.say(0, SUBSCRIBE).say(1, SUBSCRIBED).say(0, AUTHORIZE).say(1, ACCEPTED % 2)
    connection.say(1, DIFFICULTY)
    for number in range(3, 3 + submits):
        connection.say(0, submit(number)).say(1, (REFUSED if number % 3 == 0 else ACCEPTED) % number)
    return connection


# ---- files ----

def pcap(packets, order="<", nano=True, snap=262144):
    kind = packets[0].kind if packets else RAW
    out = struct.pack(order + "IHHiIII", 0xA1B23C4D if nano else 0xA1B2C3D4, 2, 4, 0, 0, snap, kind)
    for packet in packets:
        second, rest = divmod(packet.time, 10**9)
        out += struct.pack(order + "IIII", second, rest if nano else rest // 1000,
                           len(packet.data), packet.length) + packet.data
    return out


def block(order, kind, body):
    body += bytes(-len(body) % 4)
    size = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + size + body + size


def option(order, code, value):
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def section(order="<"):
    return block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))


def interface(kind, order="<", resolution=9, offset=None, snap=0):
    body = struct.pack(order + "HHI", kind, 0, snap)
    if resolution != 6:
        body += option(order, 9, bytes([resolution]))
    if offset is not None:
        body += option(order, 14, struct.pack(order + "q", offset))
    return block(order, 1, body + struct.pack(order + "I", 0))


def enhanced(packet, order="<", number=0, ticks=None, old=False):
    ticks = packet.time if ticks is None else ticks
    head = struct.pack(order + "HH", number, 0xFFFF) if old else struct.pack(order + "I", number)
    body = head + struct.pack(order + "IIII", ticks >> 32, ticks & MASK, len(packet.data),
                              packet.length) + packet.data + bytes(-len(packet.data) % 4)
    for comment in packet.comments:
        body += option(order, 1, comment.encode())
    return block(order, 2 if old else 6, body + struct.pack(order + "I", 0))


def simple(packet, order="<"):
    return block(order, 3, struct.pack(order + "I", packet.length) + packet.data)


def pcapng(packets, order="<", resolution=9):
    kinds = sorted({packet.kind for packet in packets})
    out = section(order) + b"".join(interface(kind, order, resolution) for kind in kinds)
    scale = 2**(resolution & 127) if resolution & 128 else 10**resolution
    for packet in packets:
        out += enhanced(packet, order, kinds.index(packet.kind), packet.time * scale // 10**9)
    return out
