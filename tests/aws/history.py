"""What clients do and see of a stream, as lines that `tests/checker` judges.

A record's data begins with the number of its put, so that whoever reads it knows which one it is.
"""

import base64
import hashlib
import http.client
import json
import random
import threading
import time

import clients

FORMAT = 1
CALL_SECONDS_MAX = 20
# What a client waits after a call that failed, in seconds.
BACKOFF_SECONDS = 0.05
NOT_WRITTEN = {"ProvisionedThroughputExceededException", "ServiceUnavailable"}


def _digest(data):
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big")


class History:
    """Lines of a file, in the order in which things happened. Threads share it."""

    def __init__(self, path):
        self.path = path
        self.file = path.open("w", encoding="ascii")
        self.lock = threading.Lock()
        self.last_op = 0
        # When calls of which records were stored began and were answered, and which shards took some.
        self.stored_calls = []
        self.tell(event="begin", format=FORMAT)

    def next_op(self):
        with self.lock:
            self.last_op += 1
            return self.last_op

    def tell(self, **event):
        line = json.dumps(event)
        with self.lock:
            self.file.write(line + "\n")

    def note_stored(self, began, shards):
        with self.lock:
            self.stored_calls.append((began, time.monotonic(), frozenset(shards)))

    def close(self):
        self.file.close()


class Connections:
    """One connection at a time, to a node of those that run; another one after a failure."""

    def __init__(self, cluster, rng):
        self.cluster = cluster
        self.rng = rng
        self.kept = None

    def call(self, operation, body):
        """The answer, or None where there is none."""
        try:
            if self.kept is None:
                # Another thread adds and removes nodes.
                members = list(self.cluster.nodes.values())
                apis = [member.api for member in members if member.is_running()]
                self.kept = clients.Kept(self.rng.choice(apis), CALL_SECONDS_MAX)
            return self.kept.call(operation, body)
        # No node runs, or the one that was asked has gone.
        except (IndexError, OSError, http.client.HTTPException):
            self.close()
            return None

    def close(self):
        if self.kept is not None:
            self.kept.close()
            self.kept = None


class Writer:
    """Puts batches of records with keys of its own, each record once."""

    def __init__(self, history, cluster, stream, number, seed):
        self.history, self.stream, self.number = history, stream, number
        self.rng = random.Random(f"writer {number} {seed}")
        self.connections = Connections(cluster, self.rng)

    def write(self, records_max, keys, record_bytes_max):
        """One call; whether all of it was acknowledged."""
        puts = []
        for _ in range(self.rng.randint(1, records_max)):
            op, key = self.history.next_op(), f"{self.number}-{self.rng.randrange(keys)}"
            data = f"{op} ".encode() + b"x" * self.rng.randrange(record_bytes_max)
            self.history.tell(event="put", op=op, client=self.number, key=key, digest=_digest(data))
            puts.append((op, {"Data": base64.b64encode(data).decode(), "PartitionKey": key}))
        began = time.monotonic()
        answer = self.connections.call("PutRecords", {"StreamName": self.stream, "Records": [r for _, r in puts]})
        told = answer.json()["Records"] if answer is not None and answer.status == 200 else [None] * len(puts)
        if answer is not None and answer.status != 200:
            assert answer.status >= 500, answer.error()
        shards = {self._told(op, record) for (op, _), record in zip(puts, told)} - {None}
        if shards:
            self.history.note_stored(began, shards)
        acknowledged = all(record and "SequenceNumber" in record for record in told)
        if not acknowledged:
            self.connections.close()
            time.sleep(BACKOFF_SECONDS)
        return acknowledged

    def _told(self, op, record):
        """The shard that has stored the record, where one has."""
        if record is None:
            self.history.tell(event="unknown", op=op)
        elif "SequenceNumber" in record:
            shard = _number(record["ShardId"])
            self.history.tell(event="stored", op=op, shard=shard, sequence=record["SequenceNumber"])
            return shard
        else:
            kind = "refused" if record["ErrorCode"] in NOT_WRITTEN else "unknown"
            self.history.tell(event=kind, op=op)
        return None


class Reader:
    """Follows one shard from its oldest record on, asking one node or another. `children` are those that took its
    place, once it has come to the shard's end."""

    def __init__(self, history, cluster, stream, number, shard, seed):
        self.history, self.stream, self.number, self.shard = history, stream, number, shard
        self.connections = Connections(cluster, random.Random(f"reader {number} {shard} {seed}"))
        self.iterator, self.last, self.children = None, None, None

    def has_ended(self):
        return self.children is not None

    def read(self):
        """One call; whether it came to the shard's newest record, None where it failed."""
        if self.iterator is None:
            self.iterator = self._place()
        if self.iterator is None:
            return self._failed()
        op = self.history.next_op()
        self.history.tell(event="read", op=op, reader=self.number, shard=self.shard, after=self.last)
        answer = self.connections.call("GetRecords", {"ShardIterator": self.iterator})
        if answer is None or answer.status != 200:
            if answer is not None and answer.status < 500:
                assert answer.error()[0] == "ExpiredIteratorException", answer.error()
                self.iterator = None
            return self._failed()
        body = answer.json()
        self.iterator = body.get("NextShardIterator")
        if self.iterator is None:
            self.children = [_number(child["ShardId"]) for child in body["ChildShards"]]
        tip = body["MillisBehindLatest"] == 0
        records = [_seen(record) for record in body["Records"]]
        self.history.tell(event="seen", op=op, records=records, tip=tip, ended=self.has_ended())
        if records:
            self.last = body["Records"][-1]["SequenceNumber"]
        return tip

    def to_tip(self):
        """Reads until nothing is left to be read."""
        while self.read() is not True:
            pass

    def _place(self):
        asked = {"StreamName": self.stream, "ShardId": f"shardId-{self.shard:012}"}
        if self.last is None:
            asked |= {"ShardIteratorType": "TRIM_HORIZON"}
        else:
            asked |= {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": self.last}
        answer = self.connections.call("GetShardIterator", asked)
        return answer.json()["ShardIterator"] if answer is not None and answer.status == 200 else None

    def _failed(self):
        self.connections.close()
        time.sleep(BACKOFF_SECONDS)


class Resharder:
    """Splits and merges shards of a stream, and tells which are open: between `least` and `most` of them."""

    def __init__(self, history, cluster, stream, least, most, seed):
        self.history, self.stream, self.least, self.most = history, stream, least, most
        self.rng = random.Random(f"resharder {seed}")
        self.connections = Connections(cluster, self.rng)
        self.begun = 0

    def step(self):
        """Looks at the open shards and begins to split or merge some, which may fail."""
        answer = self.connections.call("ListShards", {"StreamName": self.stream, "ShardFilter": {"Type": "AT_LATEST"}})
        if answer is None or answer.status != 200:
            self.connections.close()
            return
        shards = [(*_range(shard), shard["ShardId"]) for shard in answer.json()["Shards"]]
        told = [{"shard": _number(shard), "start": str(low), "end": str(high)} for low, high, shard in shards]
        self.history.tell(event="open", shards=told)
        splits = len(shards) <= self.least or (len(shards) < self.most and self.rng.random() < 0.5)
        answer = self.connections.call(*(self._split(shards) if splits else self._merge(sorted(shards))))
        if answer is None or answer.status >= 500:
            self.connections.close()
        elif answer.status == 200:
            self.begun += 1
        else:
            # Another one is under way, or was since the listing.
            assert answer.error()[0] in ("ResourceInUseException", "InvalidArgumentException"), answer.error()

    def _split(self, shards):
        low, high, shard = max(shards, key=lambda shard: shard[1] - shard[0])
        at = self.rng.randrange(low + 2, high)
        return "SplitShard", {"StreamName": self.stream, "ShardToSplit": shard, "NewStartingHashKey": str(at)}

    def _merge(self, shards):
        nth = self.rng.randrange(len(shards) - 1)
        pair = [shards[nth][2], shards[nth + 1][2]]
        self.rng.shuffle(pair)
        return "MergeShards", {"StreamName": self.stream, "ShardToMerge": pair[0], "AdjacentShardToMerge": pair[1]}


def _number(shard):
    return int(shard.split("-")[1])


def _range(shard):
    keys = shard["HashKeyRange"]
    return int(keys["StartingHashKey"]), int(keys["EndingHashKey"])


def _seen(record):
    data = base64.b64decode(record["Data"])
    return {
        "sequence": record["SequenceNumber"],
        "op": int(data.split(b" ", 1)[0]),
        "key": record["PartitionKey"],
        "digest": _digest(data),
        "arrival_ms": round(record["ApproximateArrivalTimestamp"] * 1000),
    }
