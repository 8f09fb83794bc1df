"""Shards are split, merged and scaled while records keep coming (D7, I3, I4, I6, I12)."""

import random

import clients
import cluster as clusters
import ledger
import pytest
import reading
from botocore.exceptions import ClientError
from load import Load

TOP = 2**128 - 1
MIDDLE = 2**127
FIRST = "shardId-000000000000"
# Reshards of one stream under load, and how many of them come with a node that is killed.
RESHARDS = 12
KILLS = 4


@pytest.fixture
def own_node(start_node):
    """Without limits: what is put and read here is not to be paced."""
    return start_node("--no-limits")


@pytest.fixture
def client(own_node):
    return clients.kinesis(own_node.api)


def _active(client, stream):
    def is_active():
        summary = client.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
        return summary if summary["StreamStatus"] == "ACTIVE" else None

    return clusters.wait_until(is_active, f"{stream} to be ACTIVE")


def _shards(client, stream, **which):
    pages = client.get_paginator("list_shards").paginate(StreamName=stream, **which)
    return [shard for page in pages for shard in page["Shards"]]


def _range(shard):
    keys = shard["HashKeyRange"]
    return int(keys["StartingHashKey"]), int(keys["EndingHashKey"])


def _open(client, stream):
    """The open shards in the order of their ranges, which tile the hash key space (I6)."""
    shards = sorted(_shards(client, stream, ShardFilter={"Type": "AT_LATEST"}), key=_range)
    ranges = [_range(shard) for shard in shards]
    assert ranges[0][0] == 0 and ranges[-1][1] == TOP, ranges
    assert all(left[1] + 1 == right[0] for left, right in zip(ranges, ranges[1:])), ranges
    return shards


def _split(client, stream, shard=FIRST, at=MIDDLE):
    client.split_shard(StreamName=stream, ShardToSplit=shard, NewStartingHashKey=str(at))


def _put(client, stream, count, prefix="k"):
    answers = [client.put_record(StreamName=stream, PartitionKey=f"{prefix}{n}", Data=b"%d" % n) for n in range(count)]
    return [(answer["ShardId"], int(answer["SequenceNumber"])) for answer in answers]


def a_split_shard_ends_and_its_children_go_on(client, new_name):
    stream = new_name()
    client.create_stream(StreamName=stream, ShardCount=1)
    before = _put(client, stream, 20)
    _split(client, stream)
    _active(client, stream)
    after = _put(client, stream, 20)
    assert {shard for shard, _ in after} == {"shardId-000000000001", "shardId-000000000002"}
    assert max(before)[1] < min(number for _, number in after)
    parent, *children = _shards(client, stream)
    ending = int(parent["SequenceNumberRange"]["EndingSequenceNumber"])
    assert max(before)[1] < ending
    for child in children:
        assert child["ParentShardId"] == FIRST and "AdjacentParentShardId" not in child
        assert ending < int(child["SequenceNumberRange"]["StartingSequenceNumber"])
        assert "EndingSequenceNumber" not in child["SequenceNumberRange"]
    assert [_range(child) for child in children] == [(0, MIDDLE - 1), (MIDDLE, TOP)]
    assert len(reading.shard_to_tip(client, stream, FIRST)) == 20
    assert sum(len(reading.shard_to_tip(client, stream, child["ShardId"])) for child in children) == 20


def the_end_of_a_closed_shard_names_its_children(client, new_name):
    stream = new_name()
    client.create_stream(StreamName=stream, ShardCount=1)
    _put(client, stream, 3)
    at_the_tip = reading.iterator(client, stream, FIRST, "LATEST")
    _split(client, stream)
    _active(client, stream)
    for position in (reading.iterator(client, stream, FIRST), at_the_tip):
        answer = client.get_records(ShardIterator=position)
        while answer.get("NextShardIterator"):
            answer = client.get_records(ShardIterator=answer["NextShardIterator"])
        children = answer["ChildShards"]
        assert [child["ShardId"] for child in children] == ["shardId-000000000001", "shardId-000000000002"]
        assert all(child["ParentShards"] == [FIRST] for child in children)
        assert [_range(child) for child in children] == [(0, MIDDLE - 1), (MIDDLE, TOP)]


def two_neighbours_become_one_in_either_order(client, new_name):
    for order in [(0, 1), (1, 0)]:
        stream = new_name()
        client.create_stream(StreamName=stream, ShardCount=2)
        _put(client, stream, 20)
        parent, adjacent = (f"shardId-{n:012}" for n in order)
        client.merge_shards(StreamName=stream, ShardToMerge=parent, AdjacentShardToMerge=adjacent)
        assert _active(client, stream)["OpenShardCount"] == 1
        (child,) = _open(client, stream)
        assert (child["ParentShardId"], child["AdjacentParentShardId"]) == (parent, adjacent)
        assert _range(child) == (0, TOP)
        assert {shard for shard, _ in _put(client, stream, 20)} == {child["ShardId"]}
        by_shard = reading.stream_to_tip(client, stream)
        assert sum(len(records) for records in by_shard.values()) == 40
        assert len(by_shard[child["ShardId"]]) == 20


def shards_are_listed_by_their_lives(client, new_name):
    stream = new_name()
    client.create_stream(StreamName=stream, ShardCount=1)
    _split(client, stream)
    _active(client, stream)

    def listed(**which):
        return [int(shard["ShardId"][-3:]) for shard in _shards(client, stream, ShardFilter=which)]

    assert listed(Type="AT_LATEST") == [1, 2]
    assert listed(Type="FROM_TRIM_HORIZON") == [0, 1, 2]
    assert listed(Type="AT_TRIM_HORIZON") == [0]
    assert listed(Type="AFTER_SHARD_ID", ShardId="shardId-000000000001") == [2]
    described = client.describe_stream(StreamName=stream)["StreamDescription"]
    assert [shard["ShardId"] for shard in described["Shards"]] == [f"shardId-{n:012}" for n in range(3)]


def _refused(call, **request):
    with pytest.raises(ClientError) as refused:
        call(**request)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


def a_split_that_cannot_be_is_refused_with_its_reason(client, new_name):
    stream = new_name()
    where = f"in stream {stream} under account 000000000000"

    def split(shard=FIRST, at=MIDDLE, name=stream):
        return _refused(client.split_shard, StreamName=name, ShardToSplit=shard, NewStartingHashKey=str(at))

    assert split() == ("ResourceNotFoundException", f"Stream {stream} under account 000000000000 not found.")
    client.create_stream(StreamName=stream, ShardCount=1)
    for shard in ("shardId-000000000007", "nonsense"):
        assert split(shard) == ("ResourceNotFoundException", f"Could not find shard {shard} {where}.")
    for at in (0, 1, TOP, 2**128):
        code, message = split(at=at)
        assert code == "InvalidArgumentException"
        assert message == (
            f"NewStartingHashKey {at} used in SplitShard() on shard {FIRST} {where} is not both greater than one plus "
            f"the shard's StartingHashKey 0 and less than the shard's EndingHashKey {TOP}."
        )
    assert split(at="-1")[0] == "ValidationException"
    _split(client, stream)
    _active(client, stream)
    code, message = split()
    assert code == "InvalidArgumentException"
    assert message.startswith(f"Shard {FIRST} {where} has already been merged or split"), message


def shards_that_are_no_neighbours_are_not_merged(client, new_name):
    stream = new_name()
    client.create_stream(StreamName=stream, ShardCount=3)
    apart = {"ShardToMerge": FIRST, "AdjacentShardToMerge": "shardId-000000000002"}
    code, message = _refused(client.merge_shards, StreamName=stream, **apart)
    assert code == "InvalidArgumentException"
    assert message == (
        f"Shards {FIRST} and shardId-000000000002 in stream {stream} under account 000000000000 are not an adjacent "
        "pair of shards eligible for merging"
    )
    itself = {"ShardToMerge": FIRST, "AdjacentShardToMerge": FIRST}
    assert _refused(client.merge_shards, StreamName=stream, **itself)[0] == "InvalidArgumentException"


def a_stream_is_scaled_to_equal_ranges(client, new_name):
    stream = new_name()
    client.create_stream(StreamName=stream, ShardCount=1)
    written, before = 0, 1
    for target in (2, 4, 7, 5, 3, 6):
        told = client.update_shard_count(StreamName=stream, TargetShardCount=target, ScalingType="UNIFORM_SCALING")
        assert (told["StreamName"], told["CurrentShardCount"], told["TargetShardCount"]) == (stream, before, target)
        assert told["StreamARN"].endswith(f":stream/{stream}")
        assert _active(client, stream)["OpenShardCount"] == target
        widths = [high - low for low, high in map(_range, _open(client, stream))]
        assert len(widths) == target and max(widths) - min(widths) < 2**17, widths
        _put(client, stream, 30, f"{target}-")
        written, before = written + 30, target
    assert sum(len(records) for records in reading.stream_to_tip(client, stream).values()) == written


def a_target_beyond_the_rules_is_refused(client, new_name):
    stream = new_name()
    client.create_stream(StreamName=stream, ShardCount=4)

    def scale(target):
        request = {"StreamName": stream, "TargetShardCount": target, "ScalingType": "UNIFORM_SCALING"}
        return _refused(client.update_shard_count, **request)[0]

    assert scale(9) == "LimitExceededException"
    assert scale(1) == "LimitExceededException"
    assert scale(4) == "InvalidArgumentException"
    for target in (8, 4, 8, 4, 8, 4, 8, 4, 8, 4):
        client.update_shard_count(StreamName=stream, TargetShardCount=target, ScalingType="UNIFORM_SCALING")
        _active(client, stream)
    assert scale(8) == "LimitExceededException", "ten calls a day"


def the_cli_splits_merges_and_scales(own_node, new_name):
    cli, stream = clients.Cli(own_node.api), new_name()
    cli.call("create-stream", "--stream-name", stream, "--shard-count", "1")
    client = clients.kinesis(own_node.api)
    cli.call("split-shard", "--stream-name", stream, "--shard-to-split", FIRST, "--new-starting-hash-key", str(MIDDLE))
    _active(client, stream)
    both = ["--shard-to-merge", "shardId-000000000001", "--adjacent-shard-to-merge", "shardId-000000000002"]
    cli.call("merge-shards", "--stream-name", stream, *both)
    _active(client, stream)
    scaling = ["--target-shard-count", "2", "--scaling-type", "UNIFORM_SCALING"]
    assert cli.call("update-shard-count", "--stream-name", stream, *scaling)["TargetShardCount"] == 2
    _active(client, stream)
    assert len(_open(client, stream)) == 2


def a_reshard_that_was_recorded_is_carried_out_after_a_kill(own_node, new_name):
    client, stream = clients.kinesis(own_node.api), new_name()
    client.create_stream(StreamName=stream, ShardCount=1)
    before = _put(client, stream, 10)
    for shard, at in ((FIRST, MIDDLE), ("shardId-000000000001", MIDDLE // 2)):
        _split(client, stream, shard, at)
        own_node.kill()
        own_node.start()
        client = clients.kinesis(own_node.api)
        _active(client, stream)
    assert len(_open(client, stream)) == 3
    assert [int(r["SequenceNumber"]) for r in reading.shard_to_tip(client, stream, FIRST)] == [n for _, n in before]


def _reshard(client, stream, rng):
    """Begins a split or a merge of any open shards."""
    shards = _open(client, stream)
    if len(shards) > 1 and rng.random() < 0.5:
        nth = rng.randrange(len(shards) - 1)
        pair = [shards[nth]["ShardId"], shards[nth + 1]["ShardId"]]
        rng.shuffle(pair)
        client.merge_shards(StreamName=stream, ShardToMerge=pair[0], AdjacentShardToMerge=pair[1])
    else:
        shard = rng.choice(shards)
        low, high = _range(shard)
        _split(client, stream, shard["ShardId"], rng.randrange(low + 2, high))


def puts_that_race_reshards_lose_nothing_and_see_no_error(start_cluster):
    cluster = start_cluster("--no-limits", "--stream", "racing:2")
    rng = random.Random(7)
    with Load(cluster, "racing") as load:
        client = clients.kinesis(cluster.apis()[0], attempts=10)
        for _ in range(RESHARDS):
            acknowledged = load.acknowledged()
            _reshard(client, "racing", rng)
            _active(client, "racing")
            clusters.wait_until(lambda: load.acknowledged() > acknowledged, "records after the reshard")
    by_shard = reading.stream_to_tip(client, "racing")
    ledger.check(by_shard, load.written)
    assert len(by_shard) > RESHARDS
    assert sum(written.cut_off + written.unknown for written in load.written) == 0


def reshards_are_carried_out_while_nodes_are_killed(start_cluster):
    cluster = start_cluster("--no-limits", "--stream", "racing:2")
    rng = random.Random(8)
    with Load(cluster, "racing") as load:
        for _ in range(KILLS):
            client = clients.kinesis(cluster.apis()[0], attempts=10)
            _reshard(client, "racing", rng)
            member = rng.choice(cluster.running())
            member.kill()
            client = clients.kinesis(cluster.apis()[0], attempts=10)
            clusters.wait_until(lambda client=client: _is_active(client), "the reshard while a node is away")
            member.start()
            cluster.wait_settled()
    client = clients.kinesis(cluster.apis()[0], attempts=10)
    _open(client, "racing")
    ledger.check(reading.stream_to_tip(client, "racing"), load.written)


def _is_active(client):
    try:
        summary = client.describe_stream_summary(StreamName="racing")["StreamDescriptionSummary"]
    except ClientError:
        return False
    return summary["StreamStatus"] == "ACTIVE"
