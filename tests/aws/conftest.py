"""Fixtures: one node of a test's own, clients for it, and streams with names of their own."""

import itertools
import sys

import agreement
import pytest
import reading
from clients import Cli, kinesis
from cluster import Cluster
from node import Node

COUNTER = itertools.count()


@pytest.fixture
def start_node(tmp_path):
    """Starts nodes; each one still running when the test ends must drain with exit code 0."""
    nodes = []

    def start(*arguments, data_dir=None, environment=None):
        node = Node(data_dir or tmp_path / f"node-{len(nodes)}", *arguments, environment=environment)
        nodes.append(node)
        return node.start()

    yield start
    for node in nodes:
        node.end()


@pytest.fixture
def own_node(start_node):
    """A node that only this test uses: it may kill it or fill it."""
    return start_node()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    """Lets fixtures see whether their test has failed."""
    report = yield
    item.has_failed = getattr(item, "has_failed", False) or report.failed
    return report


@pytest.fixture
def make_cluster(tmp_path, request):
    """Makes clusters that have no nodes yet. When the test ends, all nodes must run, their replicas must
    agree (I9), and they must drain well. What the nodes of a failed test have logged is shown."""
    clusters = []

    def make(**options):
        clusters.append(Cluster(tmp_path / f"cluster-{len(clusters)}", **options))
        return clusters[-1]

    yield make
    has_failed = getattr(request.node, "has_failed", False)
    failures = []
    for cluster in clusters:
        for last in [Cluster.end] if has_failed else [agreement.verify, Cluster.end]:
            try:
                last(cluster)
            except Exception as failure:
                # Whatever it is, nodes must not be left behind.
                failures.append(failure)
        if failures or has_failed:
            print(*cluster.last_lines(), sep="\n", file=sys.stderr)
    assert not failures, failures


@pytest.fixture
def start_cluster(make_cluster):
    """Starts clusters by `anabranch dev --nodes`, and waits until their groups have their replicas."""

    def start(*arguments, nodes=3, **options):
        cluster = make_cluster(**options).start_parent(nodes, *arguments)
        cluster.wait_settled()
        return cluster

    return start


@pytest.fixture(scope="session")
def node(tmp_path_factory):
    """The node that tests share when each keeps to streams of its own. It has no limits, so that
    tests need not pace themselves; test_limits.py has nodes that do."""
    node = Node(tmp_path_factory.mktemp("shared") / "data", "--no-limits").start()
    yield node
    node.end()


@pytest.fixture
def client(node):
    return kinesis(node.api)


@pytest.fixture
def cli(node):
    return Cli(node.api)


@pytest.fixture
def new_name():
    """A stream name no other test has."""
    return lambda: f"stream-{next(COUNTER)}"


@pytest.fixture
def stream(client, new_name):
    """A stream of one shard on the shared node, deleted afterwards."""
    name = new_name()
    client.create_stream(StreamName=name, ShardCount=1)
    yield name
    client.delete_stream(StreamName=name)


@pytest.fixture
def shard(client, stream):
    """The shard of `stream`."""
    return reading.only_shard(client, stream)
