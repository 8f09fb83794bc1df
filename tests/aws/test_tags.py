"""Tags of streams: written, listed, overwritten, removed, and gone with their stream. DescribeLimits."""

import cbor
import clients
import cluster as clusters
import pytest
from botocore.exceptions import ClientError

LIMIT = 50


def _arn(client, stream):
    return client.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["StreamARN"]


def _dict(tags):
    """Listed tags as a dictionary; no key comes twice."""
    listed = {tag["Key"]: tag["Value"] for tag in tags}
    assert len(listed) == len(tags)
    return listed


def _tags(client, stream):
    """All tags, which are on one page."""
    page = client.list_tags_for_stream(StreamName=stream)
    assert page["HasMoreTags"] is False
    return _dict(page["Tags"])


def _tags_by_arn(client, arn):
    return _dict(client.list_tags_for_resource(ResourceARN=arn)["Tags"])


def _refused(call, **request):
    """Code and message of a refusal."""
    with pytest.raises(ClientError) as refused:
        call(**request)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


def _numbered(count):
    return {f"key-{number:02}": f"value {number}" for number in range(count)}


def tags_of_a_stream_live_through_both_families(client, stream):
    arn = _arn(client, stream)
    assert _tags(client, stream) == _tags_by_arn(client, arn) == {}
    client.add_tags_to_stream(StreamName=stream, Tags={"team": "orders", "cost": "7"})
    client.tag_resource(ResourceARN=arn, Tags={"stage": "test", "empty": ""})
    everything = {"team": "orders", "cost": "7", "stage": "test", "empty": ""}
    assert _tags(client, stream) == _tags_by_arn(client, arn) == everything

    client.remove_tags_from_stream(StreamName=stream, TagKeys=["cost", "nobody's"])
    client.untag_resource(ResourceARN=arn, TagKeys=["empty", "nobody's"])
    assert _tags(client, stream) == _tags_by_arn(client, arn) == {"team": "orders", "stage": "test"}


def a_stream_is_named_by_its_arn_as_well(client, stream):
    arn = _arn(client, stream)
    client.add_tags_to_stream(StreamARN=arn, Tags={"a": "1", "b": "2"})
    client.remove_tags_from_stream(StreamName=stream, StreamARN=arn, TagKeys=["a"])
    page = client.list_tags_for_stream(StreamARN=arn)
    assert page["Tags"] == [{"Key": "b", "Value": "2"}]


def a_tag_that_is_there_is_overwritten(client, stream):
    client.add_tags_to_stream(StreamName=stream, Tags={"a": "1", "b": "1"})
    client.add_tags_to_stream(StreamName=stream, Tags={"b": "2", "c": "2"})
    client.tag_resource(ResourceARN=_arn(client, stream), Tags={"c": "3"})
    assert _tags(client, stream) == {"a": "1", "b": "2", "c": "3"}


def a_stream_has_fifty_tags_at_most(client, stream):
    client.add_tags_to_stream(StreamName=stream, Tags=_numbered(LIMIT - 1))
    code, message = _refused(client.add_tags_to_stream, StreamName=stream, Tags={"x": "1", "y": "1"})
    assert code == "InvalidArgumentException"
    assert message.endswith("because a given stream cannot have more than 50 tags associated with it.")
    assert _refused(client.tag_resource, ResourceARN=_arn(client, stream), Tags={"x": "1", "y": "1"})[0] == code
    assert _refused(client.add_tags_to_stream, StreamName=stream, Tags=_numbered(LIMIT + 1))[0] == code
    assert _tags(client, stream) == _numbered(LIMIT - 1), "all or none"
    client.add_tags_to_stream(StreamName=stream, Tags={"x": "1"})
    client.add_tags_to_stream(StreamName=stream, Tags=_numbered(LIMIT - 1))
    assert len(_tags(client, stream)) == LIMIT
    too_many = _refused(client.add_tags_to_stream, StreamName=stream, Tags=_numbered(201))
    assert too_many[0] == "ValidationException"
    keys = list(_numbered(LIMIT + 1))
    assert _refused(client.remove_tags_from_stream, StreamName=stream, TagKeys=keys)[0] == "ValidationException"
    client.remove_tags_from_stream(StreamName=stream, TagKeys=keys[:LIMIT])
    assert _tags(client, stream) == {"x": "1"}


def tags_come_in_pages_by_key(client, stream):
    client.add_tags_to_stream(StreamName=stream, Tags=_numbered(25))
    pages, after = [], {}
    while True:
        page = client.list_tags_for_stream(StreamName=stream, Limit=10, **after)
        pages.append([tag["Key"] for tag in page["Tags"]])
        if not page["HasMoreTags"]:
            break
        after = {"ExclusiveStartTagKey": pages[-1][-1]}
    assert [len(page) for page in pages] == [10, 10, 5]
    assert [key for page in pages for key in page] == sorted(_numbered(25))
    page = client.list_tags_for_stream(StreamName=stream, ExclusiveStartTagKey="key-23a")
    assert [tag["Key"] for tag in page["Tags"]] == ["key-24"]
    for limit in (0, LIMIT + 1):
        assert _refused(client.list_tags_for_stream, StreamName=stream, Limit=limit)[0] == "ValidationException"


def the_largest_tags_of_any_script_are_kept(client, stream):
    tags = {f"{number:02}" + "ключ" * 31 + "鍵é": "值" * 256 for number in range(LIMIT)}
    assert {len(key) for key in tags} == {128}
    for first in range(0, LIMIT, 10):
        client.add_tags_to_stream(StreamName=stream, Tags=dict(list(tags.items())[first : first + 10]))
    assert _tags(client, stream) == tags
    for longer in ({"k" * 129: ""}, {"k": "v" * 257}, {"": "v"}):
        assert _refused(client.add_tags_to_stream, StreamName=stream, Tags=longer)[0] == "ValidationException"


def characters_that_tags_do_not_have_are_refused(client, stream):
    good = {"Größe 7": "a_b.c/d=e+f-g@h:i"}
    client.add_tags_to_stream(StreamName=stream, Tags=good)
    for bad in ({"a,b": "1"}, {"a": "1!"}, {"🦀": "1"}):
        code, message = _refused(client.add_tags_to_stream, StreamName=stream, Tags={"good": "1", **bad})
        assert code == "InvalidArgumentException"
        assert message.startswith("Some tags contain invalid characters. Valid characters: Unicode letters, digits,")
    code, message = _refused(client.add_tags_to_stream, StreamName=stream, Tags={"a": "50%"})
    assert code == "InvalidArgumentException"
    assert message.startswith(f"Failed to add tags to stream {stream} under account 000000000000 because some tags")
    assert _tags(client, stream) == good


def keys_that_begin_with_aws_are_reserved(client, stream):
    arn = _arn(client, stream)
    for call, named in [(client.add_tags_to_stream, {"StreamName": stream}), (client.tag_resource, {"ResourceARN": arn})]:
        code, message = _refused(call, Tags={"aws:team": "a"}, **named)
        assert (code, "aws:" in message) == ("InvalidArgumentException", True)
    assert _tags(client, stream) == {}
    client.add_tags_to_stream(StreamName=stream, Tags={"team": "aws:a"})
    assert _tags(client, stream) == {"team": "aws:a"}


def a_stream_is_created_with_its_tags(client, cli, new_name):
    name = new_name()
    client.create_stream(StreamName=name, ShardCount=1, Tags={"team": "orders", "stage": "test"})
    assert _tags(client, name) == {"team": "orders", "stage": "test"}
    code, _ = _refused(client.create_stream, StreamName=name, ShardCount=1, Tags={"team": "others"})
    assert code == "ResourceInUseException"
    assert _tags(client, name) == {"team": "orders", "stage": "test"}
    client.delete_stream(StreamName=name)

    name = new_name()
    cli.call("create-stream", "--stream-name", name, "--shard-count", "1", "--tags", "team=orders,stage=test")
    listed = cli.call("list-tags-for-stream", "--stream-name", name)
    assert _dict(listed["Tags"]) == {"team": "orders", "stage": "test"}
    client.delete_stream(StreamName=name)


def no_stream_is_created_whose_tags_are_refused(client, new_name):
    name = new_name()
    for tags in ({"bad!": "1"}, {"aws:x": "1"}, {"a": "50%"}, _numbered(LIMIT + 1)):
        code, _ = _refused(client.create_stream, StreamName=name, ShardCount=1, Tags=tags)
        assert code == "InvalidArgumentException", tags
    assert name not in client.list_streams(Limit=10_000)["StreamNames"]


def tags_go_with_their_stream(client, new_name):
    name = new_name()
    client.create_stream(StreamName=name, ShardCount=1, Tags={"team": "orders"})
    arn = _arn(client, name)
    client.delete_stream(StreamName=name)
    assert _refused(client.list_tags_for_stream, StreamName=name)[0] == "ResourceNotFoundException"
    client.create_stream(StreamName=name, ShardCount=1)
    assert _tags(client, name) == _tags_by_arn(client, arn) == {}
    client.delete_stream(StreamName=name)


def what_is_not_there_is_not_found(client, stream):
    absent = f"arn:aws:kinesis:{clients.REGION}:000000000000:stream/absent"
    consumer = f"{_arn(client, stream)}/consumer/billing:1742000000"
    calls = [
        (client.add_tags_to_stream, {"StreamName": "absent", "Tags": {"a": "b"}}),
        (client.remove_tags_from_stream, {"StreamName": "absent", "TagKeys": ["a"]}),
        (client.list_tags_for_stream, {"StreamName": "absent"}),
    ]
    for call, request in calls:
        code, message = _refused(call, **request)
        assert (code, message) == (
            "ResourceNotFoundException",
            "Stream absent under account 000000000000 not found.",
        )
    for arn in (absent, consumer, absent.replace("000000000000", "000000000042")):
        for call, more in [
            (client.tag_resource, {"Tags": {"a": "b"}}),
            (client.untag_resource, {"TagKeys": ["a"]}),
            (client.list_tags_for_resource, {}),
        ]:
            assert _refused(call, ResourceARN=arn, **more)[0] == "ResourceNotFoundException", arn
    assert _refused(client.list_tags_for_resource, ResourceARN="arn:aws:kinesis")[0] == "ValidationException"
    assert _refused(client.tag_resource, ResourceARN=absent)[0] == "ValidationException"


def tags_are_the_same_in_cbor(node, client, stream):
    cbor.must(node.api, "AddTagsToStream", {"StreamName": stream, "Tags": {"schlüssel": "wert", "empty": ""}})
    page = cbor.must(node.api, "ListTagsForStream", {"StreamName": stream, "Limit": 1})
    assert page == {"Tags": [{"Key": "empty", "Value": ""}], "HasMoreTags": True}
    assert _tags(client, stream) == {"schlüssel": "wert", "empty": ""}
    arn = _arn(client, stream)
    cbor.must(node.api, "UntagResource", {"ResourceARN": arn, "TagKeys": ["empty"]})
    listed = cbor.must(node.api, "ListTagsForResource", {"ResourceARN": arn})
    assert listed == {"Tags": [{"Key": "schlüssel", "Value": "wert"}]}


@pytest.mark.parametrize("how", ["stop", "kill"])
def tags_survive_a_restart(start_node, new_name, how):
    node = start_node("--no-limits")
    name, bare = new_name(), new_name()
    client = clients.kinesis(node.api)
    client.create_stream(StreamName=name, ShardCount=1, Tags={"team": "orders"})
    client.create_stream(StreamName=bare, ShardCount=1)
    client.add_tags_to_stream(StreamName=name, Tags={"stage": "test", "cost": "7"})
    client.remove_tags_from_stream(StreamName=name, TagKeys=["cost"])

    getattr(node, how)()
    node.restart()

    client = clients.kinesis(node.api)
    assert _tags(client, name) == {"team": "orders", "stage": "test"}
    assert _tags(client, bare) == {}
    client.add_tags_to_stream(StreamName=bare, Tags={"a": "b"})
    assert _tags(client, bare) == {"a": "b"}


def limits_count_the_open_shards_of_the_account(own_node, new_name):
    client = clients.kinesis(own_node.api)
    limits = client.describe_limits()
    limits.pop("ResponseMetadata")
    assert limits == {
        "ShardLimit": 20_000,
        "OpenShardCount": 0,
        "OnDemandStreamCount": 0,
        "OnDemandStreamCountLimit": 50,
    }
    first, second = new_name(), new_name()
    client.create_stream(StreamName=first, ShardCount=3)
    client.create_stream(StreamName=second, ShardCount=2)
    assert client.describe_limits()["OpenShardCount"] == 5
    client.delete_stream(StreamName=first)
    assert client.describe_limits()["OpenShardCount"] == 2


def tags_written_through_one_node_are_read_through_every_other(start_cluster):
    cluster = start_cluster()
    members = cluster.running()
    first = clients.kinesis(members[0].api, attempts=5)
    first.create_stream(StreamName="shared", ShardCount=1, Tags={"by": "creation"})
    for nth, member in enumerate(members):
        clients.kinesis(member.api, attempts=5).add_tags_to_stream(StreamName="shared", Tags={f"node-{nth}": "here"})
    expected = {"by": "creation", **{f"node-{nth}": "here" for nth in range(len(members))}}
    for member in members:
        client = clients.kinesis(member.api, attempts=5)
        clusters.wait_until(lambda client=client: _tags(client, "shared") == expected, "a node to see all tags")
