"""CBOR and JSON say the same: what is put in one is read in the other."""

import cbor
import pytest
import reading
from cbor import Moment

EVERY_BYTE = bytes(range(256)) * 5


def _moment(time):
    """A time as boto3 gives it."""
    return Moment(round(time.timestamp() * 1000))


def _read(node, stream, shard, start):
    """The first records of a shard, in CBOR."""
    iterator = cbor.must(node.api, "GetShardIterator", {"StreamName": stream, "ShardId": shard, **start})
    return cbor.must(node.api, "GetRecords", {"ShardIterator": iterator["ShardIterator"]})


@pytest.mark.parametrize("open_ended", [False, True])
def records_put_in_cbor_are_read_in_json(node, client, stream, shard, open_ended):
    records = [{"Data": EVERY_BYTE, "PartitionKey": "schlüssel"}, {"Data": b"", "PartitionKey": "k"}]
    request = {"StreamName": stream, "Records": records}
    answer = cbor.must(node.api, "PutRecords", request, indefinite_containers=open_ended)
    one = cbor.must(node.api, "PutRecord", {"StreamName": stream, "Data": b"one", "PartitionKey": "k"})
    assert answer["FailedRecordCount"] == 0
    read = reading.shard_to_tip(client, stream, shard)
    assert [(record["Data"], record["PartitionKey"]) for record in read] == [
        (EVERY_BYTE, "schlüssel"),
        (b"", "k"),
        (b"one", "k"),
    ]
    numbers = [record["SequenceNumber"] for record in answer["Records"]] + [one["SequenceNumber"]]
    assert numbers == [record["SequenceNumber"] for record in read]


def records_put_in_json_are_read_in_cbor(node, client, stream, shard):
    client.put_record(StreamName=stream, PartitionKey="schlüssel", Data=EVERY_BYTE)
    (expected,) = reading.shard_to_tip(client, stream, shard)
    answer = _read(node, stream, shard, {"ShardIteratorType": "TRIM_HORIZON"})
    (record,) = answer["Records"]
    arrival = _moment(expected["ApproximateArrivalTimestamp"])
    assert record == {**expected, "ApproximateArrivalTimestamp": arrival}
    assert answer["NextShardIterator"]


def times_of_requests_are_milliseconds(node, client, stream, shard):
    client.put_record(StreamName=stream, PartitionKey="key", Data=b"x")
    (expected,) = reading.shard_to_tip(client, stream, shard)
    arrival = _moment(expected["ApproximateArrivalTimestamp"])
    at = {"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": arrival}
    assert [record["Data"] for record in _read(node, stream, shard, at)["Records"]] == [b"x"]
    late = {"StreamName": stream, "ShardId": shard, **at, "Timestamp": Moment(4_000_000_000_000)}
    status, error = cbor.post(node.api, "GetShardIterator", late)
    assert (status, error["__type"]) == (400, "InvalidArgumentException")
    assert "timestampInMillis: 4000000000000, " in error["message"]


def streams_are_made_described_and_deleted_in_cbor(node, client, new_name):
    name = new_name()
    assert cbor.must(node.api, "CreateStream", {"StreamName": name, "ShardCount": 2}) is None
    expected = client.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
    created = _moment(expected["StreamCreationTimestamp"])
    answer = cbor.must(node.api, "DescribeStreamSummary", {"StreamName": name})
    assert answer == {"StreamDescriptionSummary": {**expected, "StreamCreationTimestamp": created}}
    shards = cbor.must(node.api, "ListShards", {"StreamName": name})
    assert shards == {"Shards": client.list_shards(StreamName=name)["Shards"]}
    assert cbor.must(node.api, "DeleteStream", {"StreamName": name}) is None
    status, error = cbor.post(node.api, "DescribeStream", {"StreamName": name})
    assert (status, error["__type"]) == (400, "ResourceNotFoundException")
    assert error["message"] == f"Stream {name} under account 000000000000 not found."


def errors_of_requests_in_cbor_are_in_cbor(node, stream):
    serialization = {"__type": "SerializationException"}
    for body in (b"{}", b"\xbf", b"\x9b" + b"\xff" * 8, b"\xc1" * 200_000, b"\xa1\x65Limit\x7b" + b"\x7f" * 8):
        assert cbor.post(node.api, "ListStreams", body) == (400, serialization), body[:20]
    text_for_data = {"StreamName": stream, "PartitionKey": "key", "Data": "YQ=="}
    status, error = cbor.post(node.api, "PutRecord", text_for_data)
    message = "class java.lang.String can not be converted to a Blob"
    assert (status, error) == (400, {**serialization, "message": message})
    assert cbor.post(node.api, "NoSuchOperation", {}) == (400, {"__type": "UnknownOperationException"})
