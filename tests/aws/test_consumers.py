"""Consumers with enhanced fan-out: registered, found, listed, gone."""

import re

import clients
import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def arn(client, stream):
    """The ARN of a stream of one shard. Its consumers go before it does."""
    arn = client.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["StreamARN"]
    yield arn
    for consumer in client.list_stream_consumers(StreamARN=arn, MaxResults=10_000)["Consumers"]:
        client.deregister_stream_consumer(ConsumerARN=consumer["ConsumerARN"])


def _refused(call, **request):
    with pytest.raises(ClientError) as refused:
        call(**request)
    return refused.value.response["Error"]["Code"]


def a_registered_consumer_is_active_and_found_by_arn_and_by_name(client, arn):
    consumer = client.register_stream_consumer(StreamARN=arn, ConsumerName="audit")["Consumer"]
    assert (consumer["ConsumerName"], consumer["ConsumerStatus"]) == ("audit", "ACTIVE")
    created = int(consumer["ConsumerCreationTimestamp"].timestamp())
    assert consumer["ConsumerARN"] == f"{arn}/consumer/audit:{created}"
    for names in [{"ConsumerARN": consumer["ConsumerARN"]}, {"StreamARN": arn, "ConsumerName": "audit"}]:
        found = client.describe_stream_consumer(**names)["ConsumerDescription"]
        assert found == {**consumer, "StreamARN": arn}


def a_name_is_taken_until_its_consumer_is_deregistered(client, arn):
    first = client.register_stream_consumer(StreamARN=arn, ConsumerName="audit")["Consumer"]["ConsumerARN"]
    assert _refused(client.register_stream_consumer, StreamARN=arn, ConsumerName="audit") == "ResourceInUseException"
    client.deregister_stream_consumer(StreamARN=arn, ConsumerName="audit")
    for names in [{"ConsumerARN": first}, {"StreamARN": arn, "ConsumerName": "audit"}]:
        assert _refused(client.describe_stream_consumer, **names) == "ResourceNotFoundException"
        assert _refused(client.deregister_stream_consumer, **names) == "ResourceNotFoundException"
    client.register_stream_consumer(StreamARN=arn, ConsumerName="audit")


def a_stream_has_twenty_consumers_at_the_most(client, stream, arn):
    for index in range(20):
        client.register_stream_consumer(StreamARN=arn, ConsumerName=f"consumer-{index}")
    with pytest.raises(ClientError) as refused:
        client.register_stream_consumer(StreamARN=arn, ConsumerName="one-more")
    error = refused.value.response["Error"]
    assert error["Code"] == "LimitExceededException"
    assert re.search(r"Limit: 20\.$", error["Message"]), error
    summary = client.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
    assert summary["ConsumerCount"] == 20
    client.deregister_stream_consumer(StreamARN=arn, ConsumerName="consumer-7")
    client.register_stream_consumer(StreamARN=arn, ConsumerName="one-more")


def consumers_are_listed_over_tokens(client, arn):
    names = [f"consumer-{index:02}" for index in range(11)]
    for name in names:
        client.register_stream_consumer(StreamARN=arn, ConsumerName=name)
    page = client.list_stream_consumers(StreamARN=arn, MaxResults=4)
    pages = [page["Consumers"]]
    while "NextToken" in page:
        page = client.list_stream_consumers(StreamARN=arn, NextToken=page["NextToken"], MaxResults=4)
        pages.append(page["Consumers"])
    assert [len(consumers) for consumers in pages] == [4, 4, 3]
    assert [consumer["ConsumerName"] for consumers in pages for consumer in consumers] == names
    paginator = client.get_paginator("list_stream_consumers")
    listed = paginator.paginate(StreamARN=arn, PaginationConfig={"PageSize": 3})
    assert [consumer["ConsumerName"] for page in listed for consumer in page["Consumers"]] == names


def a_page_token_belongs_to_its_stream(client, arn, new_name):
    for name in ["a", "b"]:
        client.register_stream_consumer(StreamARN=arn, ConsumerName=name)
    token = client.list_stream_consumers(StreamARN=arn, MaxResults=1)["NextToken"]
    other = arn.rsplit("/", 1)[0] + "/" + new_name()
    invalid = "InvalidArgumentException"
    assert _refused(client.list_stream_consumers, StreamARN=other, NextToken=token) == invalid
    assert _refused(client.list_stream_consumers, StreamARN=arn, NextToken="AAAA") == invalid
    shards = client.list_shards
    assert _refused(shards, NextToken=token) == invalid, "a page of consumers is none of shards"


def a_list_may_name_the_streams_creation(client, stream, arn):
    client.register_stream_consumer(StreamARN=arn, ConsumerName="audit")
    summary = client.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
    created = summary["StreamCreationTimestamp"]
    listed = client.list_stream_consumers(StreamARN=arn, StreamCreationTimestamp=created)["Consumers"]
    assert [consumer["ConsumerName"] for consumer in listed] == ["audit"]
    not_found = "ResourceNotFoundException"
    assert _refused(client.list_stream_consumers, StreamARN=arn, StreamCreationTimestamp=7) == not_found


def consumers_of_absent_streams_and_names_that_disagree_are_refused(client, arn):
    absent = arn + "-absent"
    not_found, invalid = "ResourceNotFoundException", "InvalidArgumentException"
    assert _refused(client.register_stream_consumer, StreamARN=absent, ConsumerName="audit") == not_found
    assert _refused(client.list_stream_consumers, StreamARN=absent) == not_found
    assert _refused(client.describe_stream_consumer, ConsumerARN=f"{arn}/consumer/audit:1742000000") == not_found
    registered = client.register_stream_consumer(StreamARN=arn, ConsumerName="audit")["Consumer"]["ConsumerARN"]
    assert _refused(client.describe_stream_consumer, ConsumerARN=registered, ConsumerName="other") == invalid
    assert _refused(client.describe_stream_consumer, StreamARN=arn) == invalid


def a_stream_with_consumers_is_deleted_only_with_them(client, new_name):
    name = new_name()
    client.create_stream(StreamName=name, ShardCount=1)
    arn = client.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamARN"]
    consumer = client.register_stream_consumer(StreamARN=arn, ConsumerName="audit")["Consumer"]["ConsumerARN"]
    assert _refused(client.delete_stream, StreamName=name) == "ResourceInUseException"
    client.delete_stream(StreamName=name, EnforceConsumerDeletion=True)
    assert _refused(client.describe_stream_consumer, ConsumerARN=consumer) == "ResourceNotFoundException"
    client.create_stream(StreamName=name, ShardCount=1)
    assert client.list_stream_consumers(StreamARN=arn)["Consumers"] == [], "its namesake begins without"
    client.delete_stream(StreamName=name)


def consumers_outlive_a_restart(start_node):
    node = start_node()
    client = clients.kinesis(node.api)
    client.create_stream(StreamName="orders", ShardCount=1)
    arn = client.describe_stream_summary(StreamName="orders")["StreamDescriptionSummary"]["StreamARN"]
    consumer = client.register_stream_consumer(StreamARN=arn, ConsumerName="audit")["Consumer"]
    node.kill()
    node.start()
    found = clients.kinesis(node.api).describe_stream_consumer(ConsumerARN=consumer["ConsumerARN"])
    assert found["ConsumerDescription"] == {**consumer, "StreamARN": arn}
