"""Consumers with enhanced fan-out: registered, found, listed, gone; and what they read by subscriptions."""

import re
import threading
import time

import clients
import pytest
import reading
from botocore.exceptions import ClientError, EventStreamError

# A test that waits longer for its events has failed.
EVENTS_SECONDS_MAX = 60


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


@pytest.fixture
def consumer(client, arn):
    """A consumer of a stream of one shard."""
    return client.register_stream_consumer(StreamARN=arn, ConsumerName="reader")["Consumer"]["ConsumerARN"]


def _subscribe(client, consumer, shard, position="LATEST", **more):
    request = {"ConsumerARN": consumer, "ShardId": shard, "StartingPosition": {"Type": position, **more}}
    return client.subscribe_to_shard(**request)["EventStream"]


def _events(stream):
    for event in stream:
        yield event["SubscribeToShardEvent"]


def _records(stream, count):
    """The first `count` records."""
    records = []
    ends_at = time.monotonic() + EVENTS_SECONDS_MAX
    for event in _events(stream):
        records += event["Records"]
        if len(records) >= count:
            return records
        assert time.monotonic() < ends_at, f"{len(records)} of {count} records"
    raise AssertionError(f"the stream ended after {len(records)} of {count} records")


def _put(client, stream, texts):
    """Puts records with one key, in order, and gives their sequence numbers."""
    numbers = []
    for first in range(0, len(texts), 500):
        records = [{"Data": text.encode(), "PartitionKey": "key"} for text in texts[first : first + 500]]
        answer = client.put_records(StreamName=stream, Records=records)
        assert answer["FailedRecordCount"] == 0
        numbers += [record["SequenceNumber"] for record in answer["Records"]]
    return numbers


def thousands_of_records_are_read_in_order_from_the_trim_horizon_while_puts_go_on(client, node, stream, shard, consumer):
    texts = [f"record-{index:05}" for index in range(6_000)]
    numbers = _put(client, stream, texts[:2_500])
    putting = threading.Thread(target=lambda: numbers.extend(_put(clients.kinesis(node.api), stream, texts[2_500:])))
    events = _subscribe(client, consumer, shard, "TRIM_HORIZON")
    putting.start()
    records = _records(events, len(texts))
    putting.join()
    events.close()
    assert [record["Data"].decode() for record in records] == texts
    assert [record["SequenceNumber"] for record in records] == numbers
    assert {record["PartitionKey"] for record in records} == {"key"}


def the_latest_position_gives_what_comes_after_it(client, stream, shard, consumer):
    _put(client, stream, ["before"])
    events = _subscribe(client, consumer, shard)
    texts = [f"after-{index}" for index in range(2_000)]
    numbers = _put(client, stream, texts)
    records = _records(events, len(texts))
    events.close()
    assert [record["Data"].decode() for record in records] == texts
    assert [record["SequenceNumber"] for record in records] == numbers


def a_continuation_goes_on_where_the_last_event_ended(client, arn, stream, shard, consumer):
    numbers = _put(client, stream, [f"record-{index}" for index in range(100)])
    events = _subscribe(client, consumer, shard, "AT_SEQUENCE_NUMBER", SequenceNumber=numbers[40])
    seen, continuation = [], None
    for event in _events(events):
        seen += [record["SequenceNumber"] for record in event["Records"]]
        continuation = event["ContinuationSequenceNumber"]
        if not event["Records"]:
            break
    events.close()
    assert seen == numbers[40:]
    later = _put(client, stream, ["later"])
    other = client.register_stream_consumer(StreamARN=arn, ConsumerName="other")["Consumer"]["ConsumerARN"]
    events = _subscribe(client, other, shard, "AFTER_SEQUENCE_NUMBER", SequenceNumber=continuation)
    assert [record["SequenceNumber"] for record in _records(events, 1)] == later
    events.close()


def a_subscription_without_records_says_so_every_five_seconds(client, shard, consumer):
    began = time.monotonic()
    events = _subscribe(client, consumer, shard)
    quiet = [next(_events(events)) for _ in range(3)]
    took = time.monotonic() - began
    events.close()
    assert all(event["Records"] == [] and event["MillisBehindLatest"] == 0 for event in quiet)
    assert 9 < took < 15, took


def a_second_subscription_waits_for_five_seconds_and_then_takes_over(client, node, shard, consumer):
    first = _subscribe(client, consumer, shard)
    began = time.monotonic()
    assert next(_events(first))["Records"] == []
    refused = _refused(_subscribe, client=client, consumer=consumer, shard=shard)
    assert refused == "ResourceInUseException" and time.monotonic() - began < 5
    time.sleep(max(0, began + 5.5 - time.monotonic()))
    second = _subscribe(clients.kinesis(node.api), consumer, shard)
    with pytest.raises(EventStreamError) as over:
        for _ in _events(first):
            assert time.monotonic() - began < EVENTS_SECONDS_MAX
    assert over.value.response["Error"]["Code"] == "ResourceInUseException"
    assert next(_events(second))["Records"] == []
    second.close()


def consumers_do_not_share_a_subscription_or_its_bytes(client, arn, stream, shard, consumer):
    other = client.register_stream_consumer(StreamARN=arn, ConsumerName="other")["Consumer"]["ConsumerARN"]
    numbers = _put(client, stream, [f"record-{index}" for index in range(1_000)])
    streams = [_subscribe(client, one, shard, "TRIM_HORIZON") for one in [consumer, other]]
    for events in streams:
        assert [record["SequenceNumber"] for record in _records(events, len(numbers))] == numbers
        events.close()


def a_deregistered_consumers_stream_ends(client, node, shard, consumer):
    events = _subscribe(client, consumer, shard)
    assert next(_events(events))["Records"] == []
    clients.kinesis(node.api).deregister_stream_consumer(ConsumerARN=consumer)
    with pytest.raises(EventStreamError) as over:
        began = time.monotonic()
        for _ in _events(events):
            assert time.monotonic() - began < EVENTS_SECONDS_MAX
    assert over.value.response["Error"]["Code"] == "ResourceNotFoundException"


def what_cannot_be_subscribed_is_refused_before_the_stream_begins(client, arn, shard, consumer):
    not_found, invalid = "ResourceNotFoundException", "InvalidArgumentException"
    subscribe = {"client": client, "consumer": consumer, "shard": shard}
    absent = f"{arn}/consumer/absent:1742000000"
    assert _refused(_subscribe, **{**subscribe, "consumer": absent}) == not_found
    assert _refused(_subscribe, **{**subscribe, "shard": "shardId-000000000007"}) == not_found
    assert _refused(_subscribe, **subscribe, position="AT_SEQUENCE_NUMBER") == invalid
    assert _refused(_subscribe, **subscribe, position="AT_TIMESTAMP", Timestamp=time.time() + 3_600) == invalid
    assert _refused(_subscribe, **subscribe, position="AFTER_SEQUENCE_NUMBER", SequenceNumber="7") == invalid


def a_consumer_reads_two_mebibytes_a_second(start_node):
    node = start_node()
    client = clients.kinesis(node.api, attempts=10)
    client.create_stream(StreamName="orders", ShardCount=1)
    shard = reading.only_shard(client, "orders")
    arn = client.describe_stream_summary(StreamName="orders")["StreamDescriptionSummary"]["StreamARN"]
    consumer = client.register_stream_consumer(StreamARN=arn, ConsumerName="reader")["Consumer"]["ConsumerARN"]
    data = b"x" * (512 << 10)
    for _ in range(20):
        client.put_record(StreamName="orders", Data=data, PartitionKey="key")
    began = time.monotonic()
    events = _subscribe(client, consumer, shard, "TRIM_HORIZON")
    assert len(_records(events, 20)) == 20
    took = time.monotonic() - began
    events.close()
    # Ten MiB, of which a second's worth is there at once.
    assert 3 < took < 12, took
