"""Miners that submit at a steady pace, and a pool that answers at once."""
import asyncio
import threading

from tests.integration.harness import PATIENCE

STEP = 0.05  # seconds between two handfuls of a miner


class Traffic:
    """A pool on a port of its own; start() lets miners submit until pause(). Every submit has one
    answer, so `sent` submits are twice as many messages."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.server = self.call(asyncio.start_server(self.answer, "127.0.0.1", 0))
        self.port = self.server.sockets[0].getsockname()[1]
        self.sent = self.heard = 0
        self.running = False
        self.writers = []

    def call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(PATIENCE)

    async def answer(self, reader, writer):
        self.writers.append(writer)
        while line := await reader.readline():
            number = line[6:line.index(b",")]
            if int(number) % 50:
                writer.write(b'{"id":%s,"result":true,"error":null}\n' % number)
            else:
                writer.write(b'{"id":%s,"result":null,"error":[23,"Low difficulty share",null]}\n' % number)

    async def listen(self, reader):
        while data := await reader.read(65536):
            self.heard += data.count(b"\n")

    async def mine(self, name, port, rate):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        self.writers.append(writer)
        listening = asyncio.create_task(self.listen(reader))
        begin, sent = self.loop.time(), 0
        while self.running:
            due = int((self.loop.time() - begin) * rate) - sent
            writer.write(b"".join(b'{"id":%d,"method":"mining.submit","params":["%s","job%d","%08x",'
                                  b'"6b03b43e","%08x"]}\n' % (sent + n + 1, name.encode(), sent // 500,
                                                               sent + n, (sent + n) * 2654435761 % 2**32)
                                  for n in range(due)))
            sent += due
            self.sent += due
            await asyncio.sleep(STEP)
        await listening

    def start(self, miners, rate, port):
        """So many miners, that send `rate` submits a second all together."""
        self.running = True
        for number in range(miners):
            asyncio.run_coroutine_threadsafe(self.mine(f"rack1.{number}", port, rate / miners), self.loop)

    def pause(self):
        self.running = False

    def close(self):
        self.pause()
        self.loop.call_soon_threadsafe(self.server.close)
        self.call(self.cancel_all())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(PATIENCE)
        self.loop.close()

    async def cancel_all(self):
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for writer in self.writers:
            writer.close()
