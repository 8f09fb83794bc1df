"""Shards take and give what AWS lets them, and say so when it is used up (I8)."""

import clients
import pytest
import reading
from botocore.exceptions import ClientError

THROTTLED = "ProvisionedThroughputExceededException"


@pytest.fixture
def limited(own_node):
    """A client of a node with limits, and a stream of one shard on it."""
    client = clients.kinesis(own_node.api)
    client.create_stream(StreamName="limited", ShardCount=1)
    return client


def _burst(client, count, size=10):
    """`count` records in calls of 500, one behind the other; each record's result."""
    results = []
    for start in range(0, count, 500):
        entries = [{"PartitionKey": f"{i}", "Data": b"x" * size} for i in range(start, min(start + 500, count))]
        results += client.put_records(StreamName="limited", Records=entries)["Records"]
    return results


def records_beyond_a_thousand_a_second_are_refused_one_by_one(limited):
    results = _burst(limited, 5_000)
    refused = [result for result in results if "ErrorCode" in result]
    accepted = [result for result in results if "SequenceNumber" in result]
    assert len(refused) + len(accepted) == 5_000
    assert accepted and refused
    assert {result["ErrorCode"] for result in refused} == {THROTTLED}
    start = "Rate exceeded for shard shardId-000000000000 in stream limited under account 000000000000."
    assert all(result["ErrorMessage"].startswith(start) for result in refused)
    # What was refused was not written, what was accepted was.
    read = reading.shard_to_tip(limited, "limited", "shardId-000000000000")
    assert reading.numbers(read) == reading.numbers(accepted)


def bytes_beyond_a_mebibyte_a_second_are_refused(limited):
    results = _burst(limited, 60, size=100_000)
    refused = [result for result in results if "ErrorCode" in result]
    assert refused and {result["ErrorCode"] for result in refused} == {THROTTLED}


def a_sixth_read_within_a_second_is_refused(limited):
    position = reading.iterator(limited, "limited", "shardId-000000000000")
    with pytest.raises(ClientError) as refused:
        for _ in range(50):
            limited.get_records(ShardIterator=position)
    assert refused.value.response["Error"]["Code"] == THROTTLED
    assert refused.value.response["Error"]["Message"].startswith("Rate exceeded for shard shardId-000000000000")


def limits_survive_a_restart(own_node, limited):
    own_node.stop()
    own_node.restart()
    client = clients.kinesis(own_node.api)
    assert any("ErrorCode" in result for result in _burst(client, 5_000))


def without_limits_a_shard_takes_what_comes(client, stream):
    for _ in range(10):
        entries = [{"PartitionKey": f"{i}", "Data": b"x"} for i in range(500)]
        assert client.put_records(StreamName=stream, Records=entries)["FailedRecordCount"] == 0
