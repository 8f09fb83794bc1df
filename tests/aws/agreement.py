"""Whether replicas that have applied the same are the same (I9), by the hashes that nodes keep of it."""

import json
import subprocess

import clients
import cluster as clusters
import node as nodes

# Above what the command waits for an answer.
COMPARE_SECONDS_MAX = 60


def _compared(api):
    """What `anabranch group verify` says of each group for data, by group. It fails where two replicas differ."""
    command = [nodes.binary(), "group", "verify", "--endpoint", api, "--output", "json"]
    signed = {"AWS_ACCESS_KEY_ID": clients.ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": clients.SECRET_KEY}
    environment = nodes.clean_environment() | signed
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=COMPARE_SECONDS_MAX)
    assert done.returncode == 0, done
    return {group["group"]: group for group in json.loads(done.stdout)["groups"]}


def verify(cluster):
    """Waits until all replicas of every group for data were seen at the same entry; they have to agree there.

    All nodes have to run, three at the least.
    """
    down = [member.id for member in cluster.nodes.values() if not member.is_running()]
    assert not down, f"nodes {down} do not run, so that nobody can compare their replicas"
    cluster.wait_settled()
    (asked, *_) = cluster.apis()

    def unknown():
        compared = _compared(asked)
        assert compared.keys() == set(range(1, cluster.groups + 1)), compared
        return [group for group in compared.values() if not _agrees(group)]

    clusters.wait_until(lambda: not unknown(), lambda: f"all replicas of a group at the same entry: {unknown()}")


def _agrees(group):
    """Whether the command has compared as many replicas as a group is to have."""
    holders = {replica["node"] for replica in group["replicas"]}
    return group["agree"] is True and len(holders) == clusters.REPLICAS
