"""What is not served says so, and is never ignored."""

import clients
import pytest
import reading
from botocore.exceptions import ClientError


def _code(call, **request):
    with pytest.raises(ClientError) as refused:
        call(**request)
    return refused.value.response["Error"]["Code"]


def operations_that_are_not_built_are_unknown(client, stream):
    unknown = "UnknownOperationException"
    assert _code(client.put_resource_policy, ResourceARN="arn:aws:kinesis:x:000000000000:stream/y", Policy="{}") == unknown
    assert _code(client.describe_account_settings) == unknown


def an_on_demand_stream_is_refused(client, cli, new_name):
    name = new_name()
    refused = ("InvalidArgumentException", "ValidationException")
    assert _code(client.create_stream, StreamName=name, StreamModeDetails={"StreamMode": "ON_DEMAND"}) in refused
    done = cli.run("create-stream", "--stream-name", name, "--stream-mode-details", "StreamMode=ON_DEMAND")
    assert done.returncode != 0
    assert name not in client.list_streams(Limit=10_000)["StreamNames"]


def members_that_are_not_served_are_named(client, new_name):
    name = new_name()
    asked = [{"WarmThroughputMiBps": 10}, {"MaxRecordSizeInKiB": 10_240}]
    for member in asked:
        with pytest.raises(ClientError) as refused:
            client.create_stream(StreamName=name, ShardCount=1, **member)
        message = refused.value.response["Error"]["Message"]
        assert next(iter(member)) in message, message
    assert name not in client.list_streams(Limit=10_000)["StreamNames"]


def a_dry_run_is_refused_and_writes_nothing(node, client, new_name):
    name = new_name()
    client.create_stream(StreamName=name, ShardCount=1)
    record = {"PartitionKey": "key", "Data": ""}
    for operation, body in [
        ("PutRecord", record),
        ("PutRecords", {"Records": [record]}),
        ("GetShardIterator", {"ShardId": "shardId-000000000000", "ShardIteratorType": "LATEST"}),
    ]:
        answer = clients.post(node.api, operation, {"StreamName": name, "DryRun": True, **body})
        assert answer.error() == ("InvalidArgumentException", "DryRun is not supported.")
    assert reading.shard_to_tip(client, name, "shardId-000000000000") == []
    client.delete_stream(StreamName=name)
