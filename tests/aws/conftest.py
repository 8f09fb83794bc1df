"""Fixtures: one node of a test's own, clients for it, and streams with names of their own."""

import itertools

import pytest
import reading
from clients import Cli, kinesis
from node import Node

COUNTER = itertools.count()


@pytest.fixture
def start_node(tmp_path):
    """Starts nodes; each one still running when the test ends must drain with exit code 0."""
    nodes = []

    def start(*arguments, data_dir=None):
        node = Node(data_dir or tmp_path / f"node-{len(nodes)}", *arguments)
        nodes.append(node)
        return node.start()

    yield start
    for node in nodes:
        node.end()


@pytest.fixture
def own_node(start_node):
    """A node that only this test uses: it may kill it or fill it."""
    return start_node()


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
