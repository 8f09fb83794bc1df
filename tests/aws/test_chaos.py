"""Real processes in chaos: whatever is done to three nodes, clients see what they were promised (I1 to I5, I12).

Nodes are killed with -9, one, two or all at once, and again and again; stopped in their tracks; restarted one after
the other. Disks lose their power, fill up, fail, get slow, are lost for good. What nodes say to each other is cut,
stalled, reset, late. Shards are split and merged all the while. `tests/checker` judges what clients saw. ANABRANCH_CHAOS_SECONDS sets how long, ANABRANCH_SEED
what happens, ANABRANCH_CHAOS_PAUSE_MAX how long a node stands still at the most, in seconds.
"""

import functools
import os
import random
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import chaos
import clients
import cluster as clusters
import figures
import history as histories
import places
import pytest

SECONDS = float(os.environ.get("ANABRANCH_CHAOS_SECONDS", "180"))
PAUSE_MAX_SECONDS = float(os.environ.get("ANABRANCH_CHAOS_PAUSE_MAX", "8"))
SEED = int(os.environ.get("ANABRANCH_SEED", random.SystemRandom().randrange(2**32)))
STREAM, SHARDS = "chaos", 6
NODES = 3
WRITERS, RECORDS_MAX, KEYS, RECORD_BYTES_MAX = 4, 20, 4, 1_000
FOLLOWERS = 2
# A stream of so many shards, and parents that still have an end to be read.
THREADS_PER_FOLLOWER = 3 * (SHARDS + 2)
RESHARD_EVERY_SECONDS = 5
# How long the calm cluster may take to take a record of every writer again.
SERVES_SECONDS_MAX = 60
CHECK_SECONDS_MAX = 600
# The part of what nodes say of which the proxy may not know whose it is: of processes that were killed as they dialled.
STRANGE_MAX = 0.02


@pytest.fixture
def prepared(tmp_path):
    """Where nodes live, and what this machine lacks for it."""
    with places.places(tmp_path / "places", NODES) as (all_places, lacking):
        yield all_places, lacking


@pytest.fixture
def chaotic_cluster(prepared, make_cluster):
    """A cluster with a node at each place, and what is lacking."""
    all_places, lacking = prepared
    return make_cluster().start_at(all_places, f"{STREAM}:{SHARDS}"), lacking


def _until(stop, act):
    while not stop.is_set():
        act()


def _skipped(lacking):
    """What cannot happen here, and why."""
    for what, why in lacking.items():
        names = [kind.name for kind in chaos.EVENTS + chaos.FAULTS if kind.needs == what]
        print(f"  SKIPPED, no {what}: {', '.join(names)} ({why})", flush=True)


def _write_and_read_in_chaos(cluster, history, writers, resharder, harm):
    """Lets clients write, read and reshard while harm is done; when that began and ended."""
    stop = threading.Event()
    with ThreadPoolExecutor(len(writers) + FOLLOWERS * THREADS_PER_FOLLOWER + 1) as pool:
        acts = [functools.partial(writer.write, RECORDS_MAX, KEYS, RECORD_BYTES_MAX) for writer in writers]
        running = [pool.submit(_until, stop, act) for act in acts]
        running.append(pool.submit(_reshard, stop, resharder))
        followers = [Follower(history, cluster, nth, stop, pool, running) for nth in range(FOLLOWERS)]
        for follower in followers:
            follower.follow(range(SHARDS))
        try:
            began = time.monotonic()
            while time.monotonic() < began + SECONDS and not any(_has_failed(client) for client in running):
                harm.step()
                harm.calm()
            ended = time.monotonic()
        finally:
            stop.set()
    for client in running:
        client.result()
    return began, ended


def _has_failed(client):
    return client.done() and client.exception() is not None


def _reshard(stop, resharder):
    while not stop.wait(RESHARD_EVERY_SECONDS):
        resharder.step()


class Follower:
    """Reads a whole stream, each shard for itself: children once one of their parents has ended."""

    def __init__(self, history, cluster, number, stop, pool, running):
        self.history, self.cluster, self.number = history, cluster, number
        self.stop, self.pool, self.running = stop, pool, running
        self.known = set()
        self.lock = threading.Lock()

    def follow(self, shards):
        with self.lock:
            # The pool takes nothing more once it is over.
            if self.stop.is_set():
                return
            for shard in set(shards) - self.known:
                self.known.add(shard)
                reader = histories.Reader(self.history, self.cluster, STREAM, self.number, shard, SEED)
                self.running.append(self.pool.submit(self._read, reader))

    def _read(self, reader):
        while not self.stop.is_set():
            reader.read()
            if reader.has_ended():
                return self.follow(reader.children)


def _is_active(cluster):
    client = clients.kinesis(cluster.apis()[0], attempts=10)
    summary = client.describe_stream_summary(StreamName=STREAM)["StreamDescriptionSummary"]
    return summary["StreamStatus"] == "ACTIVE"


def _judge(history):
    judged = subprocess.run(
        [os.environ["ANABRANCH_CHECKER"], str(history.path)], capture_output=True, text=True, timeout=CHECK_SECONDS_MAX
    )
    assert judged.returncode == 0, judged.stdout + judged.stderr
    return judged.stdout.strip()


def clients_see_what_they_were_promised_in_chaos(chaotic_cluster, tmp_path):
    cluster, lacking = chaotic_cluster
    print(f"\nchaos for {SECONDS:.0f} s, seed {SEED}", flush=True)
    _skipped(lacking)
    groups = cluster.shard_groups(STREAM)
    groups = {int(shard.split("-")[1]): group for shard, group in groups.items()}
    history = histories.History(tmp_path / "history.jsonl")
    writers = [histories.Writer(history, cluster, STREAM, nth, SEED) for nth in range(WRITERS)]
    harm = chaos.Chaos(cluster, SEED, sorted(set(groups.values())), lacking, PAUSE_MAX_SECONDS)
    resharder = histories.Resharder(history, cluster, STREAM, SHARDS - 2, SHARDS + 2, SEED)
    began, ended = _write_and_read_in_chaos(cluster, history, writers, resharder, harm)
    cluster.wait_settled()
    for writer in writers:
        writes = functools.partial(writer.write, RECORDS_MAX, KEYS, RECORD_BYTES_MAX)
        clusters.wait_until(writes, f"an acknowledgement for writer {writer.number}", SERVES_SECONDS_MAX)
    clusters.wait_until(functools.partial(_is_active, cluster), f"{STREAM} to be ACTIVE", SERVES_SECONDS_MAX)
    history.tell(event="final")
    groups = {int(shard.split("-")[1]): group for shard, group in cluster.shard_groups(STREAM).items()}
    for shard in groups:
        histories.Reader(history, cluster, STREAM, FOLLOWERS, shard, SEED).to_tip()
    history.close()
    judged = _judge(history)
    rows = [(name, count) for name, count in harm.done.most_common()]
    rows += [("events", sum(harm.done.values())), ("of them while another fault lasted", harm.overlaps)]
    rows += [("reshards", resharder.begun), ("shards in the end", len(groups))]
    rows += harm.events.counts.items()
    rows += figures.availability(history.stored_calls, harm.spans, began, ended)
    rows += figures.after_killed_leaders(history.stored_calls, harm.spans, groups)
    least, carried, strange = harm.events.proxy.carried() if harm.events.proxy else (None, None, None)
    rows += [("bytes through the proxy", carried), ("at least each way", least), ("of who had gone", strange)]
    rows += [("judged", judged)]
    print(figures.table(rows), flush=True)
    if harm.events.proxy:
        assert least > 0 and strange < STRANGE_MAX * carried, "the proxy does not know who speaks"
