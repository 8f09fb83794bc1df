"""What is written is read, through boto3 and through the AWS CLI (I2)."""

import base64

import clients
import pytest
import reading
from botocore.exceptions import ClientError

EVERY_BYTE = bytes(range(256))


def a_record_is_read_as_it_was_written(client, stream, shard):
    put = client.put_record(StreamName=stream, PartitionKey="key", Data=EVERY_BYTE)
    assert put["ShardId"] == shard
    (record,) = reading.shard_to_tip(client, stream, shard)
    assert record["Data"] == EVERY_BYTE
    assert record["PartitionKey"] == "key"
    assert record["SequenceNumber"] == put["SequenceNumber"]
    assert record["ApproximateArrivalTimestamp"].tzinfo is not None


def an_empty_record_and_a_key_of_any_script_are_kept(client, stream, shard):
    keys = ["ключ", "鍵" * 256, "a\"\\/\n\t\x01", "🦀"]
    for key in keys:
        client.put_record(StreamName=stream, PartitionKey=key, Data=b"")
    records = reading.shard_to_tip(client, stream, shard)
    assert [(record["PartitionKey"], record["Data"]) for record in records] == [(key, b"") for key in keys]


def a_batch_comes_back_in_its_order(client, stream, shard):
    entries = [{"Data": f"record {i}".encode(), "PartitionKey": f"key-{i % 7}"} for i in range(500)]
    answer = client.put_records(StreamName=stream, Records=entries)
    assert answer["FailedRecordCount"] == 0
    assert [entry["ShardId"] for entry in answer["Records"]] == [shard] * 500
    records = reading.shard_to_tip(client, stream, shard)
    assert [record["Data"] for record in records] == [entry["Data"] for entry in entries]
    assert reading.numbers(records) == reading.numbers(answer["Records"])


def the_largest_record_is_kept_and_a_larger_one_refused(client, stream, shard):
    key = "k" * 256
    data = b"x" * (1024 * 1024 - len(key))
    client.put_record(StreamName=stream, PartitionKey=key, Data=data)
    with pytest.raises(ClientError) as refused:
        client.put_record(StreamName=stream, PartitionKey=key, Data=data + b"x")
    assert refused.value.response["Error"]["Code"] in ("ValidationException", "InvalidArgumentException")
    (record,) = reading.shard_to_tip(client, stream, shard)
    assert record["Data"] == data


def keys_are_routed_by_their_md5_unless_a_hash_key_is_given(client, new_name):
    name = new_name()
    client.create_stream(StreamName=name, ShardCount=2)
    low, high = reading.shard_ids(client, name)
    # The MD5 of "a" begins with 0c, that of "b" with 92.
    assert client.put_record(StreamName=name, PartitionKey="a", Data=b"1")["ShardId"] == low
    assert client.put_record(StreamName=name, PartitionKey="b", Data=b"2")["ShardId"] == high
    explicit = client.put_record(StreamName=name, PartitionKey="b", ExplicitHashKey="0", Data=b"3")
    assert explicit["ShardId"] == low
    client.delete_stream(StreamName=name)


def the_cli_reads_what_the_cli_wrote(cli, new_name):
    name = new_name()
    assert cli.call("create-stream", "--stream-name", name, "--shard-count", "1") is None
    cli.call("wait", "stream-exists", "--stream-name", name)
    put = cli.call("put-record", "--stream-name", name, "--partition-key", "key", "--data", "hello")
    shards = cli.call("list-shards", "--stream-name", name)["Shards"]
    assert [shard["ShardId"] for shard in shards] == [put["ShardId"]]
    start = ["--shard-id", put["ShardId"], "--shard-iterator-type", "TRIM_HORIZON"]
    position = cli.call("get-shard-iterator", "--stream-name", name, *start)["ShardIterator"]
    (record,) = cli.call("get-records", "--shard-iterator", position)["Records"]
    assert base64.b64decode(record["Data"]) == b"hello"
    assert record["SequenceNumber"] == put["SequenceNumber"]
    assert name in cli.call("list-streams")["StreamNames"]
    cli.call("delete-stream", "--stream-name", name)
    assert name not in cli.call("list-streams")["StreamNames"]


def the_cli_shows_what_boto3_created(client, cli, stream):
    described = cli.call("describe-stream-summary", "--stream-name", stream)["StreamDescriptionSummary"]
    assert described["StreamName"] == stream
    assert described["StreamStatus"] == "ACTIVE"
    assert described["OpenShardCount"] == 1
    assert described["RetentionPeriodHours"] == 24
    assert described["StreamARN"] == f"arn:aws:kinesis:{clients.REGION}:000000000000:stream/{stream}"
    assert "StreamId" not in described, "SDKs that learn a StreamId leave the endpoint"


def a_stream_is_described_with_shards_that_tile_the_hash_keys(client, new_name):
    name = new_name()
    client.create_stream(StreamName=name, ShardCount=3)
    client.get_waiter("stream_exists").wait(StreamName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 1})
    described = client.describe_stream(StreamName=name)["StreamDescription"]
    assert described["StreamModeDetails"] == {"StreamMode": "PROVISIONED"}
    assert described["EnhancedMonitoring"] == [{"ShardLevelMetrics": []}]
    assert described["HasMoreShards"] is False
    assert [shard["ShardId"] for shard in described["Shards"]] == [f"shardId-{i:012}" for i in range(3)]
    width = 2**128 // 3
    ranges = [shard["HashKeyRange"] for shard in described["Shards"]]
    assert [int(one["StartingHashKey"]) for one in ranges] == [0, width, 2 * width]
    assert [int(one["EndingHashKey"]) for one in ranges] == [width - 1, 2 * width - 1, 2**128 - 1]
    client.delete_stream(StreamName=name)
    client.get_waiter("stream_not_exists").wait(StreamName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 1})


def a_stream_can_be_named_by_its_arn(client, stream, shard):
    arn = client.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["StreamARN"]
    client.put_record(StreamARN=arn, PartitionKey="key", Data=b"by arn")
    start = {"ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"}
    position = client.get_shard_iterator(StreamARN=arn, StreamName=stream, **start)["ShardIterator"]
    (record,) = client.get_records(ShardIterator=position, StreamARN=arn)["Records"]
    assert record["Data"] == b"by arn"


def a_stream_created_again_has_nothing_of_its_predecessor(client, new_name):
    name = new_name()
    client.create_stream(StreamName=name, ShardCount=1)
    shard = reading.only_shard(client, name)
    before = client.put_record(StreamName=name, PartitionKey="key", Data=b"old")
    old_position = reading.iterator(client, name, shard)
    client.delete_stream(StreamName=name)
    client.create_stream(StreamName=name, ShardCount=1)
    assert reading.shard_to_tip(client, name, shard) == []
    after = client.put_record(StreamName=name, PartitionKey="key", Data=b"new")
    assert int(after["SequenceNumber"]) > int(before["SequenceNumber"])
    with pytest.raises(ClientError):
        client.get_records(ShardIterator=old_position)
    client.delete_stream(StreamName=name)
