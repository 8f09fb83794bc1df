"""kill -9 loses nothing that was acknowledged (I1, I2, I3)."""

import threading

import clients
import reading
from botocore.exceptions import BotoCoreError, ClientError


def acknowledged_records_survive_kill_nine(start_node, new_name):
    node = start_node("--no-limits")
    name = new_name()
    client = clients.kinesis(node.api)
    client.create_stream(StreamName=name, ShardCount=2)
    entries = [{"Data": b"%d" % i, "PartitionKey": f"key-{i % 10}"} for i in range(300)]
    put = client.put_records(StreamName=name, Records=entries)["Records"]
    expected = {ack["SequenceNumber"]: entry for ack, entry in zip(put, entries)}

    node.kill()
    node.restart()

    client = clients.kinesis(node.api)
    read = [record for records in reading.stream_to_tip(client, name).values() for record in records]
    assert {record["SequenceNumber"] for record in read} == set(expected)
    for record in read:
        entry = expected[record["SequenceNumber"]]
        assert (record["Data"], record["PartitionKey"]) == (entry["Data"], entry["PartitionKey"])


def numbers_after_kill_nine_are_above_those_before(start_node, new_name):
    node = start_node()
    name = new_name()
    clients.kinesis(node.api).create_stream(StreamName=name, ShardCount=1)
    last = 0
    for _ in range(4):
        client = clients.kinesis(node.api)
        puts = [client.put_record(StreamName=name, PartitionKey="key", Data=b"x") for _ in range(5)]
        numbers = reading.numbers(puts)
        assert last < numbers[0]
        assert reading.is_strictly_increasing(numbers)
        last = numbers[-1]
        node.kill()
        node.restart()


def kill_nine_in_the_middle_of_puts_loses_nothing_acknowledged(start_node, new_name):
    node = start_node("--no-limits")
    name = new_name()
    clients.kinesis(node.api).create_stream(StreamName=name, ShardCount=1)
    acknowledged, sent = {}, set()

    for round_number in range(3):
        enough = threading.Event()

        def write(writer, api=node.api, round_number=round_number, enough=enough):
            client = clients.kinesis(api)
            for i in range(100_000):
                data = f"{round_number}-{writer}-{i}".encode()
                sent.add(data)
                try:
                    put = client.put_record(StreamName=name, PartitionKey="key", Data=data)
                except (BotoCoreError, ClientError):
                    return
                acknowledged[put["SequenceNumber"]] = data
                if i == 20:
                    enough.set()

        writers = [threading.Thread(target=write, args=(writer,)) for writer in range(3)]
        for writer in writers:
            writer.start()
        assert enough.wait(clients.CALL_SECONDS_MAX), "no writer got twenty records acknowledged"
        node.kill()
        for writer in writers:
            writer.join()
        node.restart()

    client = clients.kinesis(node.api)
    records = reading.shard_to_tip(client, name, reading.only_shard(client, name))
    read = {record["SequenceNumber"]: record["Data"] for record in records}
    assert len(read) == len(records), "a sequence number was read twice"
    assert {number: read.get(number) for number in acknowledged} == acknowledged
    assert set(read.values()) <= sent, "something was read that nobody sent"
    assert len(set(read.values())) == len(read), "a put was applied twice"


def streams_and_iterators_survive_a_restart(start_node, new_name):
    node = start_node("--no-limits")
    kept, deleted = new_name(), new_name()
    client = clients.kinesis(node.api)
    client.create_stream(StreamName=kept, ShardCount=3)
    client.create_stream(StreamName=deleted, ShardCount=1)
    client.delete_stream(StreamName=deleted)
    before = client.describe_stream(StreamName=kept)["StreamDescription"]
    shard = client.put_record(StreamName=kept, PartitionKey="key", Data=b"x")["ShardId"]
    position = reading.iterator(client, kept, shard)

    node.stop()
    node.restart()

    client = clients.kinesis(node.api)
    assert client.list_streams()["StreamNames"] == [kept]
    assert client.describe_stream(StreamName=kept)["StreamDescription"] == before
    (record,) = client.get_records(ShardIterator=position)["Records"]
    assert record["Data"] == b"x"
