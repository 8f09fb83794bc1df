"""Pages: each thing once, in order, and tokens that stand for themselves."""

import datetime

import clients
import pytest
from botocore.exceptions import ClientError
from node import Node

NAMES = [f"narrow-{i:02}" for i in range(24)] + ["wide"]
SHARDS = [f"shardId-{i:012}" for i in range(250)]


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """A node with 25 streams, one of 250 shards."""
    node = Node(tmp_path_factory.mktemp("paging") / "data", "--no-limits").start()
    client = clients.kinesis(node.api)
    for name in NAMES:
        client.create_stream(StreamName=name, ShardCount=250 if name == "wide" else 1)
    yield node
    node.end()


@pytest.fixture
def client(many):
    return clients.kinesis(many.api)


@pytest.fixture
def cli(many):
    return clients.Cli(many.api)


def _ids(answer):
    return [shard["ShardId"] for shard in answer["Shards"]]


def streams_are_listed_by_name_over_tokens(client):
    names, more = [], {}
    while True:
        page = client.list_streams(Limit=10, **more)
        assert len(page["StreamNames"]) <= 10
        assert [summary["StreamName"] for summary in page["StreamSummaries"]] == page["StreamNames"]
        names += page["StreamNames"]
        assert page["HasMoreStreams"] == ("NextToken" in page)
        if not page["HasMoreStreams"]:
            break
        more = {"NextToken": page["NextToken"]}
    assert names == NAMES


def streams_are_listed_after_a_name(client):
    page = client.list_streams(ExclusiveStartStreamName="narrow-20", Limit=2)
    assert page["StreamNames"] == ["narrow-21", "narrow-22"]
    assert page["HasMoreStreams"] is True


def a_paginator_repeats_the_name_it_began_after(client):
    pages = client.get_paginator("list_streams").paginate(
        ExclusiveStartStreamName="narrow-03", PaginationConfig={"PageSize": 6}
    )
    assert [name for page in pages for name in page["StreamNames"]] == NAMES[4:]


def the_cli_lists_every_stream_by_itself(cli):
    assert cli.call("list-streams", "--page-size", "7")["StreamNames"] == NAMES


def shards_are_listed_over_tokens(client):
    page = client.list_shards(StreamName="wide", MaxResults=100)
    pages = [_ids(page)]
    while "NextToken" in page:
        page = client.list_shards(NextToken=page["NextToken"], MaxResults=100)
        pages.append(_ids(page))
    assert [len(ids) for ids in pages] == [100, 100, 50]
    assert [shard for ids in pages for shard in ids] == SHARDS


def one_page_holds_a_thousand_shards_unless_told_otherwise(client):
    page = client.list_shards(StreamName="wide")
    assert _ids(page) == SHARDS
    assert "NextToken" not in page


def shards_are_listed_after_one(client):
    page = client.list_shards(StreamName="wide", ExclusiveStartShardId=SHARDS[247])
    assert _ids(page) == SHARDS[248:]
    by_filter = client.list_shards(
        StreamName="wide", ShardFilter={"Type": "AFTER_SHARD_ID", "ShardId": SHARDS[247]}
    )
    assert _ids(by_filter) == SHARDS[248:]


def every_shard_filter_selects_among_open_shards(client):
    created = client.describe_stream_summary(StreamName="wide")["StreamDescriptionSummary"]["StreamCreationTimestamp"]
    later = created + datetime.timedelta(milliseconds=1)
    for kind, more in [
        ("AT_LATEST", {}),
        ("AT_TRIM_HORIZON", {}),
        ("FROM_TRIM_HORIZON", {}),
        ("AT_TIMESTAMP", {"Timestamp": later}),
        ("FROM_TIMESTAMP", {"Timestamp": later}),
    ]:
        assert _ids(client.list_shards(StreamName="wide", ShardFilter={"Type": kind, **more})) == SHARDS, kind
    with pytest.raises(ClientError) as refused:
        client.list_shards(StreamName="wide", ShardFilter={"Type": "AT_TIMESTAMP", "Timestamp": 4_000_000_000})
    assert refused.value.response["Error"]["Code"] == "InvalidArgumentException"


def an_arn_beside_a_token_must_name_the_tokens_stream(client):
    def arn(name):
        return f"arn:aws:kinesis:{clients.REGION}:000000000000:stream/{name}"

    token = client.list_shards(StreamName="wide", StreamARN=arn("wide"), MaxResults=240)["NextToken"]
    assert _ids(client.list_shards(StreamARN=arn("wide"), NextToken=token)) == SHARDS[240:]
    with pytest.raises(ClientError) as refused:
        client.list_shards(StreamARN=arn("narrow-00"), NextToken=token)
    assert refused.value.response["Error"]["Code"] == "InvalidArgumentException"


def a_token_and_a_name_together_are_refused(client):
    token = client.list_shards(StreamName="wide", MaxResults=1)["NextToken"]
    with pytest.raises(ClientError) as refused:
        client.list_shards(StreamName="wide", NextToken=token)
    assert refused.value.response["Error"]["Code"] == "InvalidArgumentException"
    message = "NextToken and StreamName cannot be provided together."
    assert refused.value.response["Error"]["Message"] == message


def neither_token_nor_name_is_refused(client):
    with pytest.raises(ClientError) as refused:
        client.list_shards()
    assert refused.value.response["Error"]["Message"] == "Either NextToken or StreamName should be provided."


def a_token_that_was_tampered_with_is_refused(client):
    token = client.list_shards(StreamName="wide", MaxResults=1)["NextToken"]
    tampered = token[:-8] + ("A" if token[-8] != "A" else "B") + token[-7:]
    for wrong in (tampered, token[: len(token) // 2], "nonsense"):
        with pytest.raises(ClientError) as refused:
            client.list_shards(NextToken=wrong)
        assert refused.value.response["Error"]["Code"] == "InvalidArgumentException"


def a_stream_is_described_a_hundred_shards_at_a_time(client):
    first = client.describe_stream(StreamName="wide", Limit=10_000)["StreamDescription"]
    assert _ids(first) == SHARDS[:100]
    assert first["HasMoreShards"] is True
    last = client.describe_stream(StreamName="wide", ExclusiveStartShardId=SHARDS[199])["StreamDescription"]
    assert _ids(last) == SHARDS[200:]
    assert last["HasMoreShards"] is False


def the_cli_describes_every_shard_by_itself(cli):
    described = cli.call("describe-stream", "--stream-name", "wide")["StreamDescription"]
    assert _ids(described) == SHARDS
