"""The five iterator types, and what an iterator promises (I5)."""

import datetime

import pytest
import reading
from botocore.exceptions import ClientError


@pytest.fixture
def written(client, stream):
    """Ten records, as they were acknowledged."""
    return [client.put_record(StreamName=stream, PartitionKey="key", Data=b"%d" % i) for i in range(10)]


def _read(client, stream, shard, kind, **start):
    position = reading.iterator(client, stream, shard, kind, **start)
    return [int(record["Data"]) for record in reading.to_tip(client, position)]


def trim_horizon_begins_at_the_oldest_record(client, stream, shard, written):
    assert _read(client, stream, shard, "TRIM_HORIZON") == list(range(10))


def latest_begins_after_the_newest_record_of_its_moment(client, stream, shard, written):
    position = reading.iterator(client, stream, shard, "LATEST")
    client.put_record(StreamName=stream, PartitionKey="key", Data=b"10")
    assert [record["Data"] for record in reading.to_tip(client, position)] == [b"10"]


def at_sequence_number_begins_at_that_record(client, stream, shard, written):
    start = written[4]["SequenceNumber"]
    assert _read(client, stream, shard, "AT_SEQUENCE_NUMBER", StartingSequenceNumber=start) == [4, 5, 6, 7, 8, 9]


def after_sequence_number_begins_behind_that_record(client, stream, shard, written):
    start = written[4]["SequenceNumber"]
    assert _read(client, stream, shard, "AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=start) == [5, 6, 7, 8, 9]


def the_starting_number_of_the_shard_begins_at_the_oldest_record(client, stream, shard, written):
    (listed,) = client.list_shards(StreamName=stream)["Shards"]
    start = listed["SequenceNumberRange"]["StartingSequenceNumber"]
    assert int(start) < int(written[0]["SequenceNumber"])
    assert _read(client, stream, shard, "AT_SEQUENCE_NUMBER", StartingSequenceNumber=start) == list(range(10))


def at_timestamp_begins_at_the_first_record_that_arrived_then_or_later(client, stream, shard, written):
    records = reading.shard_to_tip(client, stream, shard)
    moment = records[6]["ApproximateArrivalTimestamp"]
    # Records of one millisecond arrived together.
    expected = [int(record["Data"]) for record in records if record["ApproximateArrivalTimestamp"] >= moment]
    assert _read(client, stream, shard, "AT_TIMESTAMP", Timestamp=moment) == expected
    long_ago = moment - datetime.timedelta(days=3)
    assert _read(client, stream, shard, "AT_TIMESTAMP", Timestamp=long_ago) == list(range(10))


def a_limit_cuts_the_answer_and_the_next_iterator_goes_on(client, stream, shard, written):
    position = reading.iterator(client, stream, shard)
    pages = []
    for _ in range(4):
        answer = client.get_records(ShardIterator=position, Limit=3)
        pages.append([int(record["Data"]) for record in answer["Records"]])
        position = answer["NextShardIterator"]
    assert pages == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9]]


def an_iterator_gives_the_same_records_each_time(client, stream, shard, written):
    position = reading.iterator(client, stream, shard)
    first = client.get_records(ShardIterator=position)["Records"]
    assert client.get_records(ShardIterator=position)["Records"] == first


def at_the_tip_nothing_is_behind_and_the_iterator_waits_for_more(client, stream, shard, written):
    answer = client.get_records(ShardIterator=reading.iterator(client, stream, shard, "LATEST"))
    assert (answer["Records"], answer["MillisBehindLatest"]) == ([], 0)
    client.put_record(StreamName=stream, PartitionKey="key", Data=b"later")
    (record,) = client.get_records(ShardIterator=answer["NextShardIterator"])["Records"]
    assert record["Data"] == b"later"


def an_iterator_fits_into_512_characters(client, stream, shard, written):
    assert len(reading.iterator(client, stream, shard)) <= 512


def an_iterator_in_double_quotes_is_read(client, stream, shard, written):
    position = reading.iterator(client, stream, shard)
    assert len(client.get_records(ShardIterator=f'"{position}"')["Records"]) == 10


def an_answer_holds_at_most_ten_thousand_records(client, stream, shard):
    for _ in range(21):
        entries = [{"PartitionKey": "key", "Data": b"x"} for _ in range(500)]
        assert client.put_records(StreamName=stream, Records=entries)["FailedRecordCount"] == 0
    answer = client.get_records(ShardIterator=reading.iterator(client, stream, shard))
    assert 0 < len(answer["Records"]) <= 10_000
    rest = reading.to_tip(client, answer["NextShardIterator"])
    assert len(answer["Records"]) + len(rest) == 10_500


def an_answer_holds_at_most_ten_mebibytes(client, stream, shard):
    data = b"x" * (1024 * 1024 - len("key"))
    for _ in range(3):
        entries = [{"PartitionKey": "key", "Data": data} for _ in range(4)]
        assert client.put_records(StreamName=stream, Records=entries)["FailedRecordCount"] == 0
    answer = client.get_records(ShardIterator=reading.iterator(client, stream, shard))
    assert 0 < len(answer["Records"]) <= 10
    rest = reading.to_tip(client, answer["NextShardIterator"])
    assert len(answer["Records"]) + len(rest) == 12


def an_iterator_that_was_tampered_with_is_refused(client, stream, shard):
    position = reading.iterator(client, stream, shard)
    middle = len(position) // 2
    tampered = position[:middle] + ("A" if position[middle] != "A" else "B") + position[middle + 1 :]
    for wrong in (tampered, position[:middle], "nonsense"):
        with pytest.raises(ClientError) as refused:
            client.get_records(ShardIterator=wrong)
        error = refused.value.response["Error"]
        assert (error["Code"], error["Message"]) == ("InvalidArgumentException", "Invalid ShardIterator.")
