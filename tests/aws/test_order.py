"""Sequential puts of a key are read in their order (I3, I4)."""

import threading

import clients
import reading


def the_records_of_each_key_keep_their_order(client, new_name):
    name = new_name()
    client.create_stream(StreamName=name, ShardCount=4)
    keys = [f"key-{i}" for i in range(12)]
    for round_number in range(20):
        for key in keys:
            client.put_record(StreamName=name, PartitionKey=key, Data=f"{round_number}".encode())
    seen = {key: [] for key in keys}
    for records in reading.stream_to_tip(client, name).values():
        assert reading.is_strictly_increasing(reading.numbers(records))
        for record in records:
            seen[record["PartitionKey"]].append(int(record["Data"]))
    assert seen == {key: list(range(20)) for key in keys}
    client.delete_stream(StreamName=name)


def writers_at_the_same_time_each_keep_their_order(node, client, stream, shard):
    acknowledged = {}

    def write(key):
        own = clients.kinesis(node.api)
        puts = [own.put_record(StreamName=stream, PartitionKey=key, Data=b"%d" % i) for i in range(100)]
        acknowledged[key] = reading.numbers(puts)

    writers = [threading.Thread(target=write, args=(f"writer-{i}",)) for i in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    records = reading.shard_to_tip(client, stream, shard)
    assert len(records) == 400
    assert reading.is_strictly_increasing(reading.numbers(records))
    for key, numbers in acknowledged.items():
        own = [record for record in records if record["PartitionKey"] == key]
        assert [int(record["Data"]) for record in own] == list(range(100))
        assert reading.numbers(own) == numbers


def the_sequence_number_for_ordering_of_the_last_put_is_accepted(client, stream):
    last = "0"
    for _ in range(5):
        more = {"SequenceNumberForOrdering": last} if last != "0" else {}
        put = client.put_record(StreamName=stream, PartitionKey="key", Data=b"x", **more)
        assert int(put["SequenceNumber"]) > int(last)
        last = put["SequenceNumber"]
