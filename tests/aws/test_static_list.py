"""Nodes of `anabranch server` with one list of nodes in their files: one cluster, whoever comes first (D14)."""

import shutil

import clients
import cluster as clusters
import pytest
import reading
import servers

# Numbers of the list are no numbers of nodes: those are given by the cluster, from 1 on.
LOWEST, MIDDLE, HIGHEST = 4, 7, 9
STREAM = "used"
ATTEMPTS = 5
ASKS_AGAIN = "asking to join goes on"


@pytest.fixture
def cluster(make_cluster):
    """A cluster without nodes."""
    return make_cluster()


@pytest.fixture
def listed(cluster):
    """The nodes of the list by their numbers in it, none of them started."""
    free = clusters.free_address
    # In this order, so that the lowest is neither the first nor the last of the list.
    return servers.of_one_list(cluster, {number: (free(), free(), []) for number in (HIGHEST, LOWEST, MIDDLE)})


def _said(member):
    """What the node has logged."""
    with open(member.log.name, encoding="utf-8", errors="replace") as log:
        return log.read()


def _is_one_cluster(cluster, founder):
    """All nodes know the three of them and no others, and the founder is the first."""
    assert len(cluster.running()) == 3 and founder.id == 1
    cluster.wait_settled()
    for member in cluster.running():
        known = {entry["id"] for entry in cluster.status(member.id)["nodes"]}
        assert known == cluster.nodes.keys(), f"node {member.id} knows {known}"


def _put_through_each(cluster):
    """Where a record of each node was put: shard and number."""
    through = [clients.kinesis(api, attempts=ATTEMPTS) for api in cluster.apis()]
    put = [client.put_record(StreamName=STREAM, PartitionKey=f"{nth}", Data=b"x") for nth, client in enumerate(through)]
    return {(answer["ShardId"], answer["SequenceNumber"]) for answer in put}


def _check(cluster, put):
    """Every node tells exactly what was put."""
    for api in cluster.apis():
        shards = reading.stream_to_tip(clients.kinesis(api, attempts=ATTEMPTS), STREAM)
        assert {(shard, record["SequenceNumber"]) for shard, records in shards.items() for record in records} == put


def _create_stream(cluster):
    clients.kinesis(cluster.apis()[0]).create_stream(StreamName=STREAM, ShardCount=6)


def nodes_of_a_list_that_start_at_once_are_one_cluster_also_the_next_time(cluster, listed):
    servers.start(cluster, list(listed.values()))
    _is_one_cluster(cluster, founder=listed[LOWEST])
    _create_stream(cluster)
    put = _put_through_each(cluster)
    ids = {number: member.id for number, member in listed.items()}
    for end in (clusters.Member.stop, clusters.Member.kill):
        for member in cluster.running():
            end(member)
        cluster.start_all()
        assert {number: member.id for number, member in listed.items()} == ids
        _is_one_cluster(cluster, founder=listed[LOWEST])
        put |= _put_through_each(cluster)
        _check(cluster, put)


def the_lowest_of_a_list_founds_the_cluster_though_it_comes_last(cluster, listed):
    early = [listed[MIDDLE], listed[HIGHEST]]

    def the_lowest_comes():
        for member in early:
            # It has reached the other one, neither has a cluster, and neither makes one.
            clusters.wait_until(lambda: "without_cluster=1" in _said(member), f"the question of {member.data}")
        assert all(member.id is None for member in early)
        servers.start(cluster, [listed[LOWEST]])

    servers.start(cluster, early, meanwhile=the_lowest_comes)
    _is_one_cluster(cluster, founder=listed[LOWEST])
    _create_stream(cluster)
    _check(cluster, _put_through_each(cluster))


def a_node_of_a_list_that_lost_its_directory_joins_as_a_new_one(cluster, listed):
    servers.start(cluster, list(listed.values()))
    _is_one_cluster(cluster, founder=listed[LOWEST])
    _create_stream(cluster)
    put = _put_through_each(cluster)

    # While the others run.
    new = cluster.replace(listed[HIGHEST].id)
    assert new is listed[HIGHEST] and new.id > 3
    cluster.wait_settled()
    put |= _put_through_each(cluster)
    _check(cluster, put)

    # The founder's, while all are down: it must not found another cluster when it comes first.
    lowest, others = listed[LOWEST], [listed[MIDDLE], listed[HIGHEST]]
    cluster.kill_all()
    del cluster.nodes[lowest.id]
    shutil.rmtree(lowest.data)
    asked_before = _said(lowest).count(ASKS_AGAIN)

    def the_others_come():
        clusters.wait_until(lambda: _said(lowest).count(ASKS_AGAIN) > asked_before, "a question that nobody answers")
        servers.start(cluster, others)

    servers.start(cluster, [lowest], meanwhile=the_others_come)
    assert lowest.id > new.id
    cluster.wait_settled()
    put |= _put_through_each(cluster)
    _check(cluster, put)
