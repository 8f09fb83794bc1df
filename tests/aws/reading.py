"""Reads shards to their tip, as fast as answers come: under limits the client has to be patient."""


def iterator(client, stream, shard, kind="TRIM_HORIZON", **start):
    """A place to read from."""
    answer = client.get_shard_iterator(StreamName=stream, ShardId=shard, ShardIteratorType=kind, **start)
    return answer["ShardIterator"]


def shard_ids(client, stream):
    """Every shard of the stream, over all pages."""
    pages = client.get_paginator("list_shards").paginate(StreamName=stream)
    return [shard["ShardId"] for page in pages for shard in page["Shards"]]


def only_shard(client, stream):
    """The shard of a stream that has one."""
    (shard,) = shard_ids(client, stream)
    return shard


def to_tip(client, position, **more):
    """Every record from `position` on, until an empty answer says that nothing is behind it."""
    records = []
    while position is not None:
        answer = client.get_records(ShardIterator=position, **more)
        records += answer["Records"]
        position = answer.get("NextShardIterator")
        if not answer["Records"] and answer["MillisBehindLatest"] == 0:
            break
    return records


def shard_to_tip(client, stream, shard, **more):
    """Every record of one shard."""
    return to_tip(client, iterator(client, stream, shard), **more)


def stream_to_tip(client, stream):
    """Every record of every shard, by shard."""
    return {shard: shard_to_tip(client, stream, shard) for shard in shard_ids(client, stream)}


def numbers(records):
    """The records' sequence numbers."""
    return [int(record["SequenceNumber"]) for record in records]


def is_strictly_increasing(values):
    return all(left < right for left, right in zip(values, values[1:]))
