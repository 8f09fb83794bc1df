"""Clients that take all they can get of a node's memory, or keep it for as long as they can.

A process of its own, so that it costs the others no time of their interpreter: `python greedy.py APIS STREAM CLIENTS
SECONDS ITERATOR`. It prints what it was told, by kind of client: statuses and types of errors, and how often.
"""

import asyncio
import base64
import json
import os
import random
import sys
from collections import Counter
from urllib.parse import urlsplit

import clients

# Of one call: the most that AWS takes, and what is read with one call at the most.
CALL_BYTES = 5 << 20
RECORDS = 10
# A slow client sends or reads so many bytes, so often.
DRIP_BYTES, DRIP_SECONDS = 1024, 0.05
# What it sends at once in the beginning.
BEGINNING_BYTES = 2 << 20
READ_BYTES = 1 << 16
# After an error that says to come back, as a client that is not polite.
PAUSE_SECONDS = 0.05
ANSWER_SECONDS_MAX = 60


class Greedy:
    """What all of them share."""

    def __init__(self, apis, stream, seconds, iterator):
        self.apis = apis
        self.seconds = seconds
        data = base64.b64encode(os.urandom(CALL_BYTES // RECORDS - 100)).decode()
        records = [{"Data": data, "PartitionKey": str(nth)} for nth in range(RECORDS)]
        put = json.dumps({"StreamName": stream, "Records": records}).encode()
        read = json.dumps({"ShardIterator": iterator}).encode()
        self.put = {api: self._request(api, "PutRecords", put) for api in apis}
        self.read = {api: self._request(api, "GetRecords", read) for api in apis}
        self.told = Counter()

    @staticmethod
    def _request(api, operation, body):
        headers = clients.signed_headers(api, body, clients.target(operation))
        address = urlsplit(api)
        lines = [f"{name}: {value}" for name, value in headers.items()]
        head = "\r\n".join(["POST / HTTP/1.1", f"Host: {address.netloc}", f"Content-Length: {len(body)}", *lines])
        return head.encode() + b"\r\n\r\n" + body

    async def run(self, count):
        kinds = [self.greedy_writer, self.slow_writer, self.greedy_reader, self.slow_reader]
        ends_at = asyncio.get_running_loop().time() + self.seconds
        await asyncio.gather(*(self._client(kinds[nth % len(kinds)], ends_at) for nth in range(count)))

    async def _client(self, kind, ends_at):
        loop = asyncio.get_running_loop()
        while loop.time() < ends_at:
            api = random.choice(self.apis)
            address = urlsplit(api)
            try:
                reader, writer = await asyncio.open_connection(address.hostname, address.port, limit=READ_BYTES)
            except OSError:
                self.told[kind.__name__, "not connected", ""] += 1
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            try:
                async with asyncio.timeout(ANSWER_SECONDS_MAX):
                    await kind(api, reader, writer, ends_at)
            except (OSError, asyncio.IncompleteReadError):
                self.told[kind.__name__, "cut off", ""] += 1
            except TimeoutError:
                self.told[kind.__name__, "hung", ""] += 1
            finally:
                writer.transport.abort()
            await asyncio.sleep(PAUSE_SECONDS)

    async def greedy_writer(self, api, reader, writer, ends_at):
        """As much as goes into one call, again and again."""
        await self._again("greedy_writer", self.put[api], reader, writer, ends_at)

    async def slow_writer(self, api, reader, writer, ends_at):
        """Much of a call at once, and then the rest drop by drop."""
        request = self.put[api]
        writer.write(request[:BEGINNING_BYTES])
        answered = asyncio.ensure_future(self._answer("slow_writer", reader))
        sent = BEGINNING_BYTES
        try:
            while not answered.done() and sent < len(request) and asyncio.get_running_loop().time() < ends_at:
                writer.write(request[sent : sent + DRIP_BYTES])
                sent += DRIP_BYTES
                await asyncio.wait([answered], timeout=DRIP_SECONDS)
            if answered.done():
                await answered
        finally:
            answered.cancel()

    async def greedy_reader(self, api, reader, writer, ends_at):
        """As much as comes with one call, again and again."""
        await self._again("greedy_reader", self.read[api], reader, writer, ends_at)

    async def slow_reader(self, api, reader, writer, ends_at):
        """Asks for much and reads it drop by drop."""
        writer.write(self.read[api])
        status, length = await self._head(reader)
        if status != 200:
            await self._error("slow_reader", status, await reader.readexactly(length))
            return
        while length and asyncio.get_running_loop().time() < ends_at:
            part = await reader.read(min(DRIP_BYTES, length))
            if not part:
                raise asyncio.IncompleteReadError(b"", length)
            length -= len(part)
            await asyncio.sleep(DRIP_SECONDS)
        self.told["slow_reader", 200, ""] += 1

    async def _again(self, kind, request, reader, writer, ends_at):
        """One call after the other until one is refused."""
        while asyncio.get_running_loop().time() < ends_at:
            writer.write(request)
            if await self._answer(kind, reader):
                return

    @staticmethod
    async def _head(reader):
        status = int((await reader.readuntil(b"\r\n")).split()[1])
        length = 0
        while (line := await reader.readuntil(b"\r\n")) != b"\r\n":
            name, value = line.split(b":", 1)
            if name.lower() == b"content-length":
                length = int(value)
        return status, length

    async def _answer(self, kind, reader):
        """Reads an answer; whether it is an error."""
        status, length = await self._head(reader)
        if status != 200:
            await self._error(kind, status, await reader.readexactly(length))
            return True
        while length:
            part = await reader.read(min(READ_BYTES, length))
            if not part:
                raise asyncio.IncompleteReadError(b"", length)
            length -= len(part)
        self.told[kind, status, ""] += 1
        return False

    async def _error(self, kind, status, body):
        self.told[kind, status, json.loads(body)["__type"].split("#")[-1]] += 1
        await asyncio.sleep(PAUSE_SECONDS)


def main():
    apis, stream, count, seconds, iterator = sys.argv[1:]
    # The nodes' part of the processors is theirs.
    os.nice(5)
    greedy = Greedy(apis.split(","), stream, float(seconds), iterator)
    asyncio.run(greedy.run(int(count)))
    print(json.dumps([[*what, times] for what, times in sorted(greedy.told.items(), key=str)]))


if __name__ == "__main__":
    main()
