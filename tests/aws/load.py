"""Clients that write without a pause while a cluster has other troubles.

Each writer keeps to its own keys and waits for each call. What fails is sent again to another node.
"""

import base64
import http.client
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import clients
import ledger

# What a client waits before it goes on after a failure, in seconds.
BACKOFF_SECONDS = 0.02
# A record that is not acknowledged for so long ends the test, in seconds.
RECORD_SECONDS_MAX = 60
CALL_SECONDS_MAX = 20
KEYS_PER_WRITER = 8


class Load:
    """Writes into `stream` through all nodes of `cluster` from entering to leaving it.

    `batch` records of `record_bytes` at a time; `writers` side by side, each without a pause or so many
    `calls_per_second`.
    """

    def __init__(self, cluster, stream, writers=4, batch=20, record_bytes=100, calls_per_second=None):
        self.cluster = cluster
        self.stream = stream
        self.batch = batch
        self.calls_per_second = calls_per_second
        self.content = b"x" * record_bytes
        self.written = [ledger.Written() for _ in range(writers)]
        self.stopping = threading.Event()
        self.pool = ThreadPoolExecutor(writers)
        self.running = []

    def __enter__(self):
        self.running = [self.pool.submit(self._write, nth) for nth in range(len(self.written))]
        return self

    def __exit__(self, *failure):
        self.stopping.set()
        self.pool.shutdown()
        if failure[0] is None:
            self.raise_failure()

    def raise_failure(self):
        """The first failure of a writer that has ended."""
        for running in self.running:
            if running.done():
                running.result()

    def acknowledged(self):
        """How many records were acknowledged so far."""
        self.raise_failure()
        return sum(len(written.acknowledged) for written in self.written)

    def _write(self, nth):
        written = self.written[nth]
        others = len(self.written)
        turn = nth
        number = nth
        connection = None
        calls, began = 0, time.monotonic()
        while not self.stopping.is_set():
            if self.calls_per_second:
                self.stopping.wait(max(0.0, began + calls / self.calls_per_second - time.monotonic()))
            calls += 1
            entries = []
            for _ in range(self.batch):
                entries.append(ledger.entry_of(number, 0, self.content, f"{nth}-{number // others % KEYS_PER_WRITER}"))
                number += others
            ends_at = time.monotonic() + RECORD_SECONDS_MAX
            while entries:
                assert time.monotonic() < ends_at, f"not acknowledged for {RECORD_SECONDS_MAX} s: {entries[0]['Data'][:40]}"
                if connection is None:
                    apis = self.cluster.apis()
                    turn += 1
                    if not apis:
                        time.sleep(BACKOFF_SECONDS)
                        continue
                    connection = clients.Kept(apis[turn % len(apis)], CALL_SECONDS_MAX)
                written.sends(entries)
                left = put(connection, self.stream, entries, written)
                if left is None:
                    connection.close()
                    connection, left = None, written.note_cut_off(entries)
                entries = left
                if entries:
                    time.sleep(BACKOFF_SECONDS)
        if connection is not None:
            connection.close()


def put(connection, stream, entries, written):
    """One call; what is to be sent next of it, or None where nobody knows what became of it."""
    records = [{"Data": base64.b64encode(e["Data"]).decode(), "PartitionKey": e["PartitionKey"]} for e in entries]
    try:
        answer = connection.call("PutRecords", {"StreamName": stream, "Records": records})
    except (OSError, http.client.HTTPException):
        return None
    if answer.status != 200:
        kind, message = answer.error()
        assert answer.status >= 500, f"{kind}: {message}"
        return None
    return written.note(answer.json(), entries)
