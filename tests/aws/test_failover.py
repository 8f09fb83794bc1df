"""How long a group takes nothing: after its leader is killed, and when nodes are restarted by plan.

ANABRANCH_FAILOVER_RUNS and _KILLS set how often, ANABRANCH_FAILOVER_ROUNDS how often all nodes are restarted. The
limits are judged with ANABRANCH_FAILOVER_JUDGE=1 alone, on a machine that does nothing else.
"""

import base64
import contextlib
import http.client
import os
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import clients
import cluster as clusters
from balancer import Balancer

RUNS = int(os.environ.get("ANABRANCH_FAILOVER_RUNS", "1"))
KILLS = int(os.environ.get("ANABRANCH_FAILOVER_KILLS", "2"))
ROUNDS = int(os.environ.get("ANABRANCH_FAILOVER_ROUNDS", "1"))
JUDGES = os.environ.get("ANABRANCH_FAILOVER_JUDGE") == "1"
STREAM = "used"
# Four for each group, so that all groups have some.
SHARDS = 24
# In seconds. The first is what must hold on any machine.
RECOVERY_MAX = 30
MEDIAN_MAX = 1.0
WORST_MAX = 1.5
GAP_MAX = 0.3
# How often a client tries again.
RETRY_EVERY = 0.01
CALL_MAX = 10
# What each client waits between two calls, and what is looked at before and after a restart.
PAUSE = 0.05
STEADY_ACKNOWLEDGEMENTS = 50
# Entries that a replica may lack which are under way.
LAG_ENTRIES_MAX = 8
# What the SDK tries unless told otherwise. Source: botocore, standard retry mode.
SDK_ATTEMPTS = 3


def _keys(cluster):
    """A partition key for each group, by what a first put through any node tells."""
    groups, keys = cluster.shard_groups(STREAM), {}
    client = clients.kinesis(cluster.apis()[0])
    for nth in range(1000):
        put = client.put_record(StreamName=STREAM, PartitionKey=f"{nth}", Data=b"x")
        keys.setdefault(groups[put["ShardId"]], f"{nth}")
        if len(keys) == cluster.groups:
            return keys
    raise AssertionError(f"keys of {sorted(keys)} alone")


def _put(connection, key):
    """Whether a put is acknowledged."""
    body = {"StreamName": STREAM, "PartitionKey": key, "Data": base64.b64encode(b"x").decode()}
    try:
        return connection.call("PutRecord", body).status == 200
    except (OSError, http.client.HTTPException):
        return False


def _until_acknowledged(connection, key, done):
    """Tries until this client or another one has succeeded; when it has, if it has."""
    while not done.is_set():
        if _put(connection, key):
            done.set()
            return time.monotonic()
        time.sleep(RETRY_EVERY)
    return None


def _fail_over(cluster, group, key):
    """Kills the group's leader; seconds until a put is acknowledged through one of the others."""
    leader = cluster.leader(group)
    connections = [clients.Kept(member.api, CALL_MAX) for member in cluster.running() if member is not leader]
    # Both know the leader, and their connections are open.
    assert all(_put(connection, key) for connection in connections)
    done = threading.Event()
    with ThreadPoolExecutor(len(connections)) as pool:
        killed = time.monotonic()
        leader.kill()
        tries = [pool.submit(_until_acknowledged, connection, key, done) for connection in connections]
        recovered = done.wait(RECOVERY_MAX)
        done.set()
        acknowledged = [at for at in (each.result() for each in tries) if at is not None]
    for connection in connections:
        connection.close()
    assert recovered, f"group {group} takes no put {RECOVERY_MAX} s after its leader was killed"
    leader.start()
    cluster.wait_settled()
    return min(acknowledged) - killed


def a_killed_leader_has_a_successor_soon(start_cluster):
    cluster = start_cluster("--no-limits", "--stream", f"{STREAM}:{SHARDS}")
    keys = _keys(cluster)
    medians, worsts = [], []
    print(flush=True)
    for run in range(RUNS):
        groups = [1 + nth % cluster.groups for nth in range(KILLS)]
        took = [_fail_over(cluster, group, keys[group]) for group in groups]
        medians.append(statistics.median(took))
        worsts.append(max(took))
        each = " ".join(f"{seconds * 1000:.0f}" for seconds in took)
        print(f"run {run + 1}: {each} ms; median {medians[-1] * 1000:.0f} ms, worst {worsts[-1] * 1000:.0f} ms", flush=True)
    median, worst = statistics.median(medians), statistics.median(worsts)
    print(f"median of the medians {median * 1000:.0f} ms, of the worst {worst * 1000:.0f} ms", flush=True)
    if JUDGES:
        assert median < MEDIAN_MAX and worst < WORST_MAX


class Acknowledgements:
    """When puts were acknowledged, by group."""

    def __init__(self, groups):
        self.lock = threading.Lock()
        self.times = {group: [time.monotonic()] for group in groups}

    def note(self, group):
        with self.lock:
            self.times[group].append(time.monotonic())

    def counts(self):
        with self.lock:
            return {group: len(times) for group, times in self.times.items()}

    def wait_for_more(self, futures):
        """Waits until every group has some more, or a client has failed."""
        before = self.counts()

        def enough():
            for future in futures:
                if future.done():
                    future.result()
            return all(count >= before[group] + STEADY_ACKNOWLEDGEMENTS for group, count in self.counts().items())

        clusters.wait_until(enough, "more acknowledgements")

    def longest_gaps(self):
        """The longest time in which no client of a group had an acknowledgement, in seconds, by group."""
        return {group: max(b - a for a, b in zip(times, times[1:])) for group, times in self.times.items()}


def _client_of(endpoint, group, key, acknowledgements, stopping):
    """Puts as an application does. An error that the SDK does not help itself with ends it."""
    client = clients.kinesis(endpoint, attempts=SDK_ATTEMPTS)
    while not stopping.is_set():
        client.put_record(StreamName=STREAM, PartitionKey=key, Data=b"x")
        acknowledgements.note(group)
        # An application's own pace.
        time.sleep(PAUSE)


def restarts_by_plan_cost_no_client_an_error(start_cluster):
    cluster = start_cluster("--no-limits", "--stream", f"{STREAM}:{SHARDS}")
    keys = _keys(cluster)
    acknowledgements, stopping = Acknowledgements(keys), threading.Event()
    apis = cluster.apis()
    with contextlib.ExitStack() as stack:
        # Each group has a client on each node. Whoever has to go to another node waits as the SDK wants it, up
        # to a second, which is no business of the group.
        balancers = [stack.enter_context(Balancer(apis[nth:] + apis[:nth])) for nth in range(len(apis))]
        pool = stack.enter_context(ThreadPoolExecutor(len(balancers) * len(keys)))
        futures = [
            pool.submit(_client_of, each.endpoint, group, key, acknowledgements, stopping)
            for group, key in keys.items()
            for each in balancers
        ]
        try:
            acknowledgements.wait_for_more(futures)
            for _ in range(ROUNDS):
                for member in list(cluster.nodes.values()):
                    member.stop()
                    member.start()
                    # With the next node gone, this one is needed.
                    cluster.wait_settled(lag_entries_max=LAG_ENTRIES_MAX)
                    acknowledgements.wait_for_more(futures)
        finally:
            stopping.set()
        for future in futures:
            future.result()
    gaps = acknowledgements.longest_gaps()
    told = ", ".join(f"group {group} {seconds * 1000:.0f} ms" for group, seconds in gaps.items())
    count = sum(acknowledgements.counts().values())
    print(f"\n{ROUNDS * len(cluster.nodes)} restarts, {count} puts, no error; longest without an acknowledgement: {told}", flush=True)
    if JUDGES:
        assert max(gaps.values()) < GAP_MAX
