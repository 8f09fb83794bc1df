"""How long calls take while one of three replicas is down, or syncs slowly: the other two are enough.

ANABRANCH_AVAILABILITY_ROUNDS and _CALLS set how often, ANABRANCH_AVAILABILITY_JUDGE=1 judges the limits, on a machine
that does nothing else.
"""

import base64
import os
import statistics
import time
from concurrent.futures import ThreadPoolExecutor

import clients
import cluster as clusters
import places
import pytest

ROUNDS = int(os.environ.get("ANABRANCH_AVAILABILITY_ROUNDS", "1"))
# Of each client in each phase.
CALLS = int(os.environ.get("ANABRANCH_AVAILABILITY_CALLS", "50"))
JUDGES = os.environ.get("ANABRANCH_AVAILABILITY_JUDGE") == "1"
STREAM, SHARD = "served", "shardId-000000000000"
NODES = 3
CLIENTS, RECORDS, RECORD_BYTES = 4, 10, 1_000
SLOW_SYNC_MS = 100
# Of the 99th percentile, against the same cluster with nothing wrong.
DOWN_MAX, SLOW_MAX = 2.0, 1.2
# What each client does first, so that connections are open.
WARM_CALLS = 20


@pytest.fixture
def served(tmp_path, make_cluster):
    """A cluster whose nodes' syncs can be made slow, with a stream of one shard."""
    with places.places(tmp_path / "places", NODES, {places.SYNCS}) as (all_places, lacking):
        yield make_cluster().start_at(all_places, f"{STREAM}:1"), lacking


def _milliseconds(api, calls):
    """How long each call of one client takes. All records of all calls have to be stored."""
    data = base64.b64encode(b"x" * RECORD_BYTES).decode()
    body = {"StreamName": STREAM, "Records": [{"Data": data, "PartitionKey": f"{nth}"} for nth in range(RECORDS)]}
    took, connection = [], clients.Kept(api)
    for nth in range(WARM_CALLS + calls):
        began = time.monotonic()
        answer = connection.call("PutRecords", body)
        if nth >= WARM_CALLS:
            took.append((time.monotonic() - began) * 1000)
        assert answer.status == 200 and answer.json()["FailedRecordCount"] == 0, answer.body
    connection.close()
    return took


def _phase(name, apis):
    """The 99th percentile of all clients, in milliseconds."""
    with ThreadPoolExecutor(CLIENTS) as pool:
        running = [pool.submit(_milliseconds, apis[nth % len(apis)], CALLS) for nth in range(CLIENTS)]
        took = [each for client in running for each in client.result()]
    cuts = statistics.quantiles(took, n=100, method="inclusive")
    print(f"  {name:<8} p50 {cuts[49]:.1f} ms, p99 {cuts[98]:.1f} ms, worst {max(took):.1f} ms", flush=True)
    return cuts[98]


def _calm(cluster, group):
    """Waits until no leader is about to move: a node that follows the group, and where clients call the others."""
    cluster.wait_settled()
    even = {cluster.groups // NODES}
    spread = lambda: {leads for _, leads in cluster.balance().values()} == even
    clusters.wait_until(spread, "leaders on all nodes alike")
    leader = cluster.leader(group)
    follower = next(member for member in cluster.running() if member is not leader)
    return follower, [member.api for member in cluster.running() if member is not follower]


def _while_down(cluster, group):
    """The 99th percentiles before a follower is killed and while it is down."""
    follower, apis = _calm(cluster, group)
    healthy = _phase("healthy", apis)
    follower.kill()
    try:
        return healthy, _phase("down", apis)
    finally:
        follower.start()


def _while_slow(cluster, group):
    """The 99th percentiles before a follower's syncs get slow and while they are."""
    follower, apis = _calm(cluster, group)
    healthy = _phase("healthy", apis)
    syncs = follower.place.syncs
    asked = syncs.asked()
    syncs.take(SLOW_SYNC_MS)
    try:
        slow = _phase("slow", apis)
    finally:
        syncs.heal()
    assert syncs.asked() > asked, "the slow node has synced nothing"
    assert cluster.leader(group) is not follower, "the slow node leads, which is not what is measured"
    return healthy, slow


def one_of_three_that_is_down_or_slow_is_not_waited_for(served):
    cluster, lacking = served
    print(flush=True)
    for what, why in lacking.items():
        print(f"  SKIPPED, no {what}: {why}", flush=True)
    group = cluster.shard_groups(STREAM)[SHARD]
    acts = {"down": (_while_down, DOWN_MAX)} | ({} if lacking else {"slow": (_while_slow, SLOW_MAX)})
    healthy, harmed = [], {name: [] for name in acts}
    for _ in range(ROUNDS):
        for name, (act, _) in acts.items():
            before, meanwhile = act(cluster, group)
            healthy.append(before)
            harmed[name].append(meanwhile)
    usual = statistics.median(healthy)
    ratios = {name: statistics.median(told) / usual for name, told in harmed.items()}
    told = ", ".join(f"{name} {ratio:.2f} times that (at most {acts[name][1]})" for name, ratio in ratios.items())
    print(f"median of the p99s {usual:.1f} ms; {told}", flush=True)
    if JUDGES:
        assert not lacking, lacking
        assert all(ratio <= acts[name][1] for name, ratio in ratios.items())
