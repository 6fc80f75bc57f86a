"""Miners and a pool that talk as fast as they can until their connections end, and remember every
byte of it: for tests that end the recorder in the middle."""
import asyncio
import threading

from tests.integration.harness import PATIENCE, wait_until


class Conversation:
    """One miner and its pool, and what each of them sent and received."""

    def __init__(self, name):
        self.name = name
        self.miner_sent, self.miner_received = bytearray(), bytearray()
        self.pool_sent, self.pool_received = bytearray(), bytearray()

    def check(self, up, down):
        """The archived streams: all whole lines that were heard, nothing that was not said."""
        for what, sent, archived, received in (
                ("up", self.miner_sent, up, self.pool_received),
                ("down", self.pool_sent, down, self.miner_received)):
            heard = received[:received.rfind(b"\n") + 1]
            if not archived.startswith(heard):
                raise AssertionError(f"{self.name} {what}: {len(heard)} bytes were heard, "
                                     f"{len(archived)} archived: {difference(archived, heard)}")
            if not sent.startswith(archived):
                raise AssertionError(f"{self.name} {what}: archived is what was not said: "
                                     f"{difference(archived, sent)}")


def difference(a, b):
    at = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
    return f"they part at {at}: {bytes(a[at:at + 80])!r}, {bytes(b[at:at + 80])!r}"


class Load:
    """A pool on a port of its own; start() adds miners. Runs in a thread until close()."""

    def __init__(self, window=8):
        self.window = window
        self.conversations = {}
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.server = self.call(self.start_pool())
        self.port = self.server.sockets[0].getsockname()[1]
        self.miners = []  # asyncio itself does not hold on to them
        self.open_ends = 0
        self.heard = 0

    def call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(PATIENCE)

    async def start_pool(self):
        return await asyncio.start_server(self.answer, "127.0.0.1", 0, backlog=512)

    async def answer(self, reader, writer):
        """The pool: the first line names the conversation, every line gets an answer."""
        talk, pending = None, b""
        self.open_ends += 1
        try:
            while data := await reader.read(65536):
                if talk is None:
                    pending += data
                    if b"\n" not in pending:
                        continue
                    talk = self.conversations[pending.split(b'"')[9].decode()]
                    data = pending
                talk.pool_received += data
                reply = b"".join(b'{"id":%s,"result":true,"error":null,"of":"%s"}\n' %
                                 (line[6:line.index(b",")], talk.name.encode())
                                 for line in self.whole_lines(talk.pool_received, len(data)))
                talk.pool_sent += reply
                writer.write(reply)
                await writer.drain()
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self.open_ends -= 1
            writer.close()

    @staticmethod
    def whole_lines(received, fresh):
        """Lines that ended in the last `fresh` bytes."""
        start = received.rfind(b"\n", 0, len(received) - fresh) + 1
        return bytes(received[start:]).split(b"\n")[:-1]

    async def mine(self, name, port):
        talk = self.conversations[name] = Conversation(name)
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return
        self.open_ends += 1
        number = 0
        try:
            open_requests = 0
            while True:
                fresh = []
                while open_requests < self.window:
                    number += 1
                    open_requests += 1
                    fresh.append(b'{"id":%d,"method":"mining.submit","params":["%s","%016x"]}\n' %
                                 (number, name.encode(), number * 2654435761))
                talk.miner_sent += b"".join(fresh)
                writer.write(b"".join(fresh))
                await writer.drain()
                data = await reader.read(65536)
                if not data:
                    break
                talk.miner_received += data
                open_requests -= data.count(b"\n")
                self.heard += data.count(b"\n")
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self.open_ends -= 1
            writer.close()

    def start(self, prefix, count, port):
        """So many miners, named prefix-0 …"""
        for n in range(count):
            self.miners.append(asyncio.run_coroutine_threadsafe(self.mine(f"{prefix}-{n}", port),
                                                                self.loop))

    def wait_heard(self, more):
        """Until so many more answers have come back to miners."""
        goal = self.heard + more
        wait_until(lambda: self.heard >= goal, f"{more} more answers")

    def wait_ended(self):
        """Until every connection has ended, and everything that arrived has been read."""
        wait_until(lambda: self.open_ends == 0, "all connections have ended")

    async def cancel_all(self):
        tasks = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def hang_up(self):
        """Everybody leaves."""
        self.call(self.cancel_all())

    def close(self):
        self.loop.call_soon_threadsafe(self.server.close)
        self.hang_up()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(PATIENCE)
        self.loop.close()

    def check(self, archive):
        """Every conversation against its session, which is known by the name in its lines."""
        streams = {}
        for line in archive.lines:
            if "dir" in line:
                streams.setdefault(line["session"], {}).setdefault(line["dir"], []).append(
                    line.wire)
        named = {}
        for session, directions in streams.items():
            up = b"".join(directions.get("miner_to_pool", []))
            down = b"".join(directions.get("pool_to_miner", []))
            name = (up or down).split(b'"')[9].decode()
            if name in named:
                raise AssertionError(f"{name} has two sessions")
            named[name] = (session, up, down)
        for name, talk in self.conversations.items():
            _, up, down = named.get(name, (None, b"", b""))
            talk.check(up, down)
        return {name: session for name, (session, _, _) in named.items()}
