"""What was sent and what was acknowledged, and whether what is read fits (I1 to I4).

Every attempt to write a record has data of its own: its number, the attempt, the content. What may
have been applied can so be told from all else.
"""

import dataclasses
from collections import Counter

import reading

THROTTLED = "ProvisionedThroughputExceededException"


def entry_of(number, attempt, content, key):
    """One record of a PutRecords call; `content` is text or bytes."""
    content = content.encode() if isinstance(content, str) else content
    return {"Data": b"%d\t%d\t%b" % (number, attempt, content), "PartitionKey": key}


def number_of(data):
    """The number of the record that has this data."""
    return int(data.split(b"\t", 1)[0])


def again(entries):
    """The same records as another attempt."""
    split = [(entry["Data"].split(b"\t", 2), entry["PartitionKey"]) for entry in entries]
    return [entry_of(int(number), int(attempt) + 1, content, key) for (number, attempt, content), key in split]


@dataclasses.dataclass
class Written:
    """What one writer sent, and what of it was acknowledged, in the order of its calls."""

    sent: set = dataclasses.field(default_factory=set)
    acknowledged: list = dataclasses.field(default_factory=list)
    cut_off: int = 0
    unknown: int = 0
    throttled: int = 0

    def sends(self, entries):
        """To be called before they go out."""
        self.sent.update(entry["Data"] for entry in entries)

    def note(self, answer, entries):
        """Notes what was acknowledged; returns what is to be sent next, in its order: what was refused
        as it was, what may have been written as another attempt."""
        left, failed = [], 0
        for told, entry in zip(answer["Records"], entries, strict=True):
            if "ErrorCode" not in told:
                self.acknowledged.append((told, entry))
                continue
            failed += 1
            if told["ErrorCode"] == THROTTLED:
                self.throttled += 1
                left.append(entry)
            else:
                assert told["ErrorCode"] == "InternalFailure", told
                self.unknown += 1
                left += again([entry])
        assert answer["FailedRecordCount"] == failed, answer
        return left

    def note_cut_off(self, entries):
        """Nobody knows what became of the call; returns its records as another attempt."""
        self.cut_off += 1
        return again(entries)


def check(by_shard, writers):
    """Whatever was acknowledged was read where it was acknowledged, nothing twice, nothing that was
    never sent, in order. `by_shard` is all that the stream holds. How many were read whose outcome
    was never told."""
    read = {shard: {r["SequenceNumber"]: r for r in records} for shard, records in by_shard.items()}
    pairs = [pair for written in writers for pair in written.acknowledged]
    for told, entry in pairs:
        record = read[told["ShardId"]].get(told["SequenceNumber"])
        assert record, f"lost: {entry['Data']} was acknowledged as {told}"
        assert (record["Data"], record["PartitionKey"]) == (entry["Data"], entry["PartitionKey"])
    numbered = Counter(number_of(entry["Data"]) for _, entry in pairs)
    assert not numbered or max(numbered.values()) == 1, "a record was acknowledged twice"
    counted = Counter(record["Data"] for records in by_shard.values() for record in records)
    assert not counted or max(counted.values()) == 1, f"an attempt was applied twice: {counted.most_common(3)}"
    assert counted.keys() <= set().union(*(written.sent for written in writers)), "read, but never sent"
    _check_order(by_shard, pairs)
    for written in writers:
        _check_writer(written)
    return len(counted) - len(pairs)


def _check_order(by_shard, pairs):
    """I3 and I4: numbers rise in a shard; a key's records are read in the order of their
    acknowledgement, which all came to the key's one writer."""
    place = {entry["Data"]: nth for nth, (_, entry) in enumerate(pairs)}
    last = {}
    for records in by_shard.values():
        assert reading.is_strictly_increasing(reading.numbers(records))
        for record in records:
            nth = place.get(record["Data"])
            if nth is None:
                continue
            key = record["PartitionKey"]
            assert last.get(key, -1) < nth, f"{key}: {pairs[nth]} is read after {pairs[last[key]]}"
            last[key] = nth


def _check_writer(written):
    """I3: a call that began after another was acknowledged has the larger numbers."""
    last = {}
    for told, _ in written.acknowledged:
        shard, number = told["ShardId"], int(told["SequenceNumber"])
        assert last.get(shard, -1) < number
        last[shard] = number
