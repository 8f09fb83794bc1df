"""How large the records of a stream may be."""

import clients
import pytest
import reading
from botocore.exceptions import ClientError

MIB = 1 << 20
KEY = "k"


def _summary(client, name):
    return client.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]


def _code(call, **request):
    with pytest.raises(ClientError) as refused:
        call(**request)
    return refused.value.response["Error"]["Code"]


def a_record_of_ten_mebibytes_is_kept_and_a_larger_one_refused(client, stream, shard):
    arn = _summary(client, stream)["StreamARN"]
    assert _summary(client, stream)["MaxRecordSizeInKiB"] == 1_024
    answer = client.update_max_record_size(StreamARN=arn, MaxRecordSizeInKiB=10_240)
    assert set(answer) == {"ResponseMetadata"}
    summary = _summary(client, stream)
    assert (summary["StreamStatus"], summary["MaxRecordSizeInKiB"]) == ("ACTIVE", 10_240)
    largest = b"x" * (10 * MIB - len(KEY))
    client.put_record(StreamName=stream, PartitionKey=KEY, Data=largest)
    answer = client.put_records(StreamName=stream, Records=[{"PartitionKey": KEY, "Data": b"y" * (3 * MIB)}])
    assert answer["FailedRecordCount"] == 0
    refused = ("ValidationException", "InvalidArgumentException")
    assert _code(client.put_record, StreamName=stream, PartitionKey=KEY, Data=largest + b"x") in refused
    # Records that are there stay when the limit is lowered.
    client.update_max_record_size(StreamARN=arn, MaxRecordSizeInKiB=2_048)
    assert _code(client.put_record, StreamName=stream, PartitionKey=KEY, Data=b"z" * (2 * MIB)) in refused
    client.put_record(StreamName=stream, PartitionKey=KEY, Data=b"z" * (2 * MIB - len(KEY)))
    records = reading.shard_to_tip(client, stream, shard)
    assert [len(record["Data"]) for record in records] == [len(largest), 3 * MIB, 2 * MIB - len(KEY)]
    assert records[0]["Data"] == largest


def what_cannot_be_is_refused_by_name(node, client, stream):
    arn = _summary(client, stream)["StreamARN"]
    for kib in (1_023, 10_241):
        code, message = clients.post(
            node.api, "UpdateMaxRecordSize", {"StreamARN": arn, "MaxRecordSizeInKiB": kib}
        ).error()
        assert (code, "maxRecordSizeInKiB" in message) == ("ValidationException", True), message
    code, message = clients.post(node.api, "UpdateMaxRecordSize", {"MaxRecordSizeInKiB": 2_048}).error()
    assert (code, "StreamARN" in message) == ("InvalidArgumentException", True), message
    absent = arn.replace(stream, "absent")
    assert _code(client.update_max_record_size, StreamARN=absent, MaxRecordSizeInKiB=2_048) == "ResourceNotFoundException"
    assert _summary(client, stream)["MaxRecordSizeInKiB"] == 1_024


def a_record_size_and_a_large_record_survive_kill_nine(start_node, new_name):
    node = start_node("--no-limits")
    name = new_name()
    client = clients.kinesis(node.api)
    client.create_stream(StreamName=name, ShardCount=1)
    client.update_max_record_size(StreamARN=_summary(client, name)["StreamARN"], MaxRecordSizeInKiB=10_240)
    data = b"x" * (9 * MIB)
    client.put_record(StreamName=name, PartitionKey=KEY, Data=data)

    node.kill()
    node.restart()

    client = clients.kinesis(node.api)
    assert _summary(client, name)["MaxRecordSizeInKiB"] == 10_240
    (record,) = reading.shard_to_tip(client, name, reading.only_shard(client, name))
    assert record["Data"] == data
    client.put_record(StreamName=name, PartitionKey=KEY, Data=data)


def every_node_takes_and_reads_a_large_record(start_cluster):
    cluster = start_cluster("--no-limits", "--stream", "large:1")
    members = cluster.running()
    first = clients.kinesis(members[0].api, attempts=5)
    first.update_max_record_size(StreamARN=_summary(first, "large")["StreamARN"], MaxRecordSizeInKiB=10_240)
    data = b"x" * (10 * MIB - len(KEY))
    # Another node goes by the change once its view of the catalog has it.
    first.put_record(StreamName="large", PartitionKey=KEY, Data=data)
    for member in members:
        client = clients.kinesis(member.api, attempts=5)
        (record,) = reading.shard_to_tip(client, "large", reading.only_shard(client, "large"))
        assert record["Data"] == data
