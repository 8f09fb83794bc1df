"""A cluster of builds of different feature levels (D15): it works, and nobody goes back."""

import subprocess

import agreement
import clients
import cluster as clusters
import node as nodes
import reading

STREAM = "used"
# The level of this build, and one from before groups were made as nodes join.
LEVEL, OLDER = 6, 2
GROUPS_BEFORE = 4
# Two for each node, from the newer level on.
GROUPS_AFTER = 6
OLDER_BUILD = ["--feature-level", str(OLDER)]


def _as_older(member):
    """A member's start command as an older build's."""
    return [*member.start_command, *OLDER_BUILD]


def _writes_and_reads(cluster, marker):
    """A record through each node is read through every other."""
    members = cluster.running()
    put = [
        clients.kinesis(member.api, attempts=5).put_record(StreamName=STREAM, PartitionKey=f"{nth}", Data=marker)
        for nth, member in enumerate(members)
    ]
    for member in members:
        shards = reading.stream_to_tip(clients.kinesis(member.api, attempts=5), STREAM)
        there = {(shard, record["SequenceNumber"]) for shard, records in shards.items() for record in records}
        assert {(answer["ShardId"], answer["SequenceNumber"]) for answer in put} <= there


def a_node_one_level_behind_keeps_working_and_holds_new_commands_back(make_cluster):
    cluster = make_cluster(groups=GROUPS_BEFORE)
    cluster.groups_per_node = 0
    first = cluster.add("--no-limits", "--stream", f"{STREAM}:8", *OLDER_BUILD, first=True)
    for _ in range(2):
        cluster.add("--no-limits")
    cluster.wait_settled()
    _writes_and_reads(cluster, b"of two builds")
    agreement.verify(cluster)

    # The last node of the older build is upgraded: now groups are made, two for each node.
    first.stop()
    first.start_command = [word for word in first.start_command if word not in OLDER_BUILD]
    first.start()
    cluster.groups_per_node = clusters.GROUPS_PER_NODE
    clusters.wait_until(lambda: len(cluster.claims()) == GROUPS_AFTER + 1, "groups for three nodes")
    cluster.wait_settled()
    _writes_and_reads(cluster, b"of one build")
    agreement.verify(cluster)

    # An older build does not come back: it would have to skip what it does not know.
    first.stop()
    environment = nodes.clean_environment()
    older = subprocess.run(_as_older(first), capture_output=True, text=True, env=environment, timeout=120)
    assert older.returncode == 1, older
    said = older.stderr.splitlines()[-1]
    assert f"at feature level {LEVEL}" in said or "has kind 18, this build knows kinds up to 17" in said, older.stderr
    first.start()
    cluster.wait_settled()
    _writes_and_reads(cluster, b"at last")
