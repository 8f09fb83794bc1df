"""Reads shards to their tip and keeps to the read limits on the way."""

import time

# AWS quotas: five GetRecords calls per second and shard. A reader that keeps to it is not refused.
SECONDS_PER_CALL = 0.21


def iterator(client, stream, shard, kind="TRIM_HORIZON", **start):
    answer = client.get_shard_iterator(StreamName=stream, ShardId=shard, ShardIteratorType=kind, **start)
    return answer["ShardIterator"]


def shard_ids(client, stream):
    """Every shard of the stream, over all pages."""
    pages = client.get_paginator("list_shards").paginate(StreamName=stream)
    return [shard["ShardId"] for page in pages for shard in page["Shards"]]


def to_tip(client, position, limit=None):
    """Every record from `position` on until the answer says that nothing is behind it."""
    records = []
    more = {} if limit is None else {"Limit": limit}
    while True:
        due = time.monotonic() + SECONDS_PER_CALL
        answer = client.get_records(ShardIterator=position, **more)
        records += answer["Records"]
        position = answer.get("NextShardIterator")
        if position is None or (answer["MillisBehindLatest"] == 0 and len(answer["Records"]) < (limit or 1)):
            return records
        pace(due)


def pace(due):
    """Waits until a call is due: the client's side of a documented rate, not synchronisation."""
    remaining = due - time.monotonic()
    if remaining > 0:
        time.sleep(remaining)


def stream_to_tip(client, stream):
    """Every record of every shard, by shard."""
    return {shard: to_tip(client, iterator(client, stream, shard)) for shard in shard_ids(client, stream)}


def numbers(records):
    return [int(record["SequenceNumber"]) for record in records]
