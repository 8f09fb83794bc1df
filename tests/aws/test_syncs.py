"""Syncs that take longer or fail: that they do, and that a node acknowledges nothing that was not synced."""

import subprocess
import sys
import time

import clients
import node as nodes
import pytest
import reading
import syncs
from botocore.exceptions import BotoCoreError, ClientError

SLOW_MS = 200
# What the kernel gives a process to do is whatever it likes, but never less than it slept.
SYNC = """
import os, sys, time
file = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
for sync in (os.fsync, os.fdatasync):
    began = time.monotonic()
    try:
        sync(file)
        print("synced", time.monotonic() - began)
    except OSError as failure:
        print(failure.errno, time.monotonic() - began)
"""
EIO = "5"


@pytest.fixture
def node_syncs(tmp_path):
    lacking = syncs.lacking()
    if lacking:
        pytest.skip(f"no sync can be made slow here: {lacking}")
    return syncs.Syncs(syncs.build(tmp_path), tmp_path / "syncs")


def _outcomes(node_syncs, path):
    """What became of an fsync and an fdatasync of another process, and how long each took."""
    done = subprocess.run(
        [sys.executable, "-c", SYNC, path], env=node_syncs.environment, capture_output=True, text=True, check=True
    )
    return [(outcome, float(seconds)) for outcome, seconds in (line.split() for line in done.stdout.splitlines())]


def syncs_take_as_long_and_fail_as_often_as_they_are_told(node_syncs, tmp_path):
    path = tmp_path / "file"
    node_syncs.take(SLOW_MS)
    slow = _outcomes(node_syncs, path)
    assert [outcome for outcome, _ in slow] == ["synced", "synced"]
    assert min(seconds for _, seconds in slow) >= SLOW_MS / 1000
    node_syncs.heal()
    node_syncs.fail_once()
    assert [outcome for outcome, _ in _outcomes(node_syncs, path)] == [EIO, "synced"]
    assert (node_syncs.asked(), node_syncs.failed()) == (4, 1)


def a_library_without_its_file_ends_the_process_instead_of_doing_nothing(node_syncs, tmp_path):
    environment = node_syncs.environment | {"CHAOS_SYNCS": str(tmp_path / "nothing")}
    assert subprocess.run([sys.executable, "-c", ""], env=environment, capture_output=True).returncode < 0


def a_node_whose_sync_fails_once_acknowledges_nothing_that_was_not_synced(start_node, node_syncs, new_name):
    node = start_node("--no-limits", environment=node_syncs.environment)
    client, name = clients.kinesis(node.api), new_name()
    client.create_stream(StreamName=name, ShardCount=1)
    put = client.put_record(StreamName=name, PartitionKey="key", Data=b"before")
    asked = node_syncs.asked()
    assert asked > 0, "the node does not sync through libc"

    node_syncs.fail_once()
    # Nobody may be told that this one is stored, whatever comes after it.
    with pytest.raises((BotoCoreError, ClientError)):
        client.put_record(StreamName=name, PartitionKey="key", Data=b"unsynced")
    assert node_syncs.failed() == 1
    ends_at = time.monotonic() + nodes.STOP_SECONDS_MAX
    while node.process.poll() is None:
        with pytest.raises((BotoCoreError, ClientError)):
            client.put_record(StreamName=name, PartitionKey="key", Data=b"after")
        assert time.monotonic() < ends_at, "the node goes on"
    assert node.wait() != 0

    node.restart()
    client = clients.kinesis(node.api)
    records = reading.shard_to_tip(client, name, reading.only_shard(client, name))
    assert records[0]["SequenceNumber"] == put["SequenceNumber"]
    assert {record["Data"] for record in records} <= {b"before", b"unsynced", b"after"}
