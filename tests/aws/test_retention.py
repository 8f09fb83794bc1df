"""How long a stream keeps its records is changed, by name and by ARN, and stays so (I11)."""

import clients
import pytest
import reading
from botocore.exceptions import ClientError

ACTIVE_SECONDS_MAX = 30


def _summary(client, name):
    return client.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]


def _settled(client, name):
    """The hours of the stream once it is ACTIVE; both descriptions say the same."""
    client.get_waiter("stream_exists").wait(
        StreamName=name, WaiterConfig={"Delay": 1, "MaxAttempts": ACTIVE_SECONDS_MAX}
    )
    summary = _summary(client, name)
    assert summary["StreamStatus"] == "ACTIVE"
    description = client.describe_stream(StreamName=name)["StreamDescription"]
    assert description["RetentionPeriodHours"] == summary["RetentionPeriodHours"]
    return summary["RetentionPeriodHours"]


def _refusal(call, **request):
    with pytest.raises(ClientError) as refused:
        call(**request)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


def a_stream_keeps_its_records_as_long_as_it_is_told(client, stream, shard):
    client.put_record(StreamName=stream, PartitionKey="key", Data=b"before")
    assert _settled(client, stream) == 24
    answer = client.increase_stream_retention_period(StreamName=stream, RetentionPeriodHours=8_760)
    assert set(answer) == {"ResponseMetadata"}
    assert _settled(client, stream) == 8_760
    client.put_record(StreamName=stream, PartitionKey="key", Data=b"between")
    client.decrease_stream_retention_period(StreamName=stream, RetentionPeriodHours=25)
    assert _settled(client, stream) == 25
    client.decrease_stream_retention_period(StreamName=stream, RetentionPeriodHours=24)
    assert _settled(client, stream) == 24
    records = reading.shard_to_tip(client, stream, shard)
    assert [record["Data"] for record in records] == [b"before", b"between"], "all are younger than a day"


def a_stream_is_named_by_its_arn_as_well(client, stream):
    arn = _summary(client, stream)["StreamARN"]
    client.increase_stream_retention_period(StreamARN=arn, RetentionPeriodHours=48)
    assert _settled(client, stream) == 48
    client.decrease_stream_retention_period(StreamName=stream, StreamARN=arn, RetentionPeriodHours=36)
    assert _settled(client, stream) == 36


def the_retention_that_a_stream_has_changes_nothing(client, stream):
    client.increase_stream_retention_period(StreamName=stream, RetentionPeriodHours=24)
    client.decrease_stream_retention_period(StreamName=stream, RetentionPeriodHours=24)
    assert _settled(client, stream) == 24


def the_cli_changes_a_retention(cli, client, stream):
    hours = ["--stream-name", stream, "--retention-period-hours"]
    assert cli.call("increase-stream-retention-period", *hours, "72") is None
    assert _settled(client, stream) == 72
    assert cli.call("decrease-stream-retention-period", *hours, "24") is None
    assert _settled(client, stream) == 24


def what_cannot_be_is_refused_in_the_words_of_the_service(client, stream, new_name):
    increase, decrease = client.increase_stream_retention_period, client.decrease_stream_retention_period
    increase(StreamName=stream, RetentionPeriodHours=48)
    assert _settled(client, stream) == 48
    invalid = "InvalidArgumentException"
    asked = "Requested retention period ({} hours)"
    for call in (increase, decrease):
        assert _refusal(call, StreamName=stream, RetentionPeriodHours=23) == (
            invalid,
            f"Minimum allowed retention period is 24 hours. {asked.format(23)} is too short.",
        )
        code, message = _refusal(call, StreamName=stream, RetentionPeriodHours=8_761)
        assert (code, "8760" in message) == (invalid, True), message
        code, message = _refusal(call, StreamName=new_name(), RetentionPeriodHours=48)
        assert (code, message.endswith(" not found.")) == ("ResourceNotFoundException", True), message
    assert _refusal(increase, StreamName=stream, RetentionPeriodHours=47) == (
        invalid,
        f"{asked.format(47)} for stream {stream} can not be shorter than existing retention period (48 hours). "
        "Use DecreaseRetentionPeriod API.",
    )
    assert _refusal(decrease, StreamName=stream, RetentionPeriodHours=49) == (
        invalid,
        f"{asked.format(49)} for stream {stream} can not be longer than existing retention period (48 hours). "
        "Use IncreaseRetentionPeriod API.",
    )
    assert _settled(client, stream) == 48


def hours_are_required(node, stream):
    for operation in ("IncreaseStreamRetentionPeriod", "DecreaseStreamRetentionPeriod"):
        code, message = clients.post(node.api, operation, {"StreamName": stream}).error()
        assert code == "ValidationException"
        assert message.endswith("Value null at 'retentionPeriodHours' failed to satisfy constraint: Member must not be null")


def a_retention_survives_kill_nine_right_after_the_answer_and_a_restart(start_node, new_name):
    node = start_node("--no-limits")
    raised, lowered = new_name(), new_name()
    client = clients.kinesis(node.api)
    for name in (raised, lowered):
        client.create_stream(StreamName=name, ShardCount=4)
    client.increase_stream_retention_period(StreamName=lowered, RetentionPeriodHours=100)
    put = client.put_record(StreamName=raised, PartitionKey="key", Data=b"x")
    client.increase_stream_retention_period(StreamName=raised, RetentionPeriodHours=50)
    client.decrease_stream_retention_period(StreamName=lowered, RetentionPeriodHours=30)

    node.kill()
    node.restart()

    client = clients.kinesis(node.api)
    assert (_settled(client, raised), _settled(client, lowered)) == (50, 30)
    (record,) = reading.shard_to_tip(client, raised, put["ShardId"])
    assert record["Data"] == b"x"
    client.increase_stream_retention_period(StreamName=lowered, RetentionPeriodHours=31)

    node.stop()
    node.restart()

    client = clients.kinesis(node.api)
    assert (_settled(client, raised), _settled(client, lowered)) == (50, 31)
    client.delete_stream(StreamName=raised)
    client.create_stream(StreamName=raised, ShardCount=1)
    assert _settled(client, raised) == 24, "another stream of the same name"


def every_node_shows_a_change_and_the_replicas_agree(start_cluster):
    cluster = start_cluster("--stream", "shared:8")
    members = cluster.running()
    first, last = clients.kinesis(members[0].api, attempts=5), clients.kinesis(members[-1].api, attempts=5)
    first.put_record(StreamName="shared", PartitionKey="key", Data=b"x")
    first.increase_stream_retention_period(StreamName="shared", RetentionPeriodHours=48)
    assert _settled(first, "shared") == 48
    last.decrease_stream_retention_period(StreamName="shared", RetentionPeriodHours=36)
    assert _settled(last, "shared") == 36
    records = [record for records in reading.stream_to_tip(last, "shared").values() for record in records]
    assert [record["Data"] for record in records] == [b"x"]
