"""Nodes in network namespaces of their own, so that one can be cut off from the others and nobody is told.

Each node has a link for clients, this process among them, and a link for the other nodes. The links meet at
two bridges in one more namespace, where no firewall of the machine has a say. Nothing leaves all that.
"""

import contextlib
import os
import random
import shutil
import subprocess

# The networks: which addresses they have, and what their bridges and the nodes' ends are called. They are those
# for measuring devices, which nobody routes. Source: RFC 2544, appendix C.2.2.
CLIENTS, PEERS = "clients", "peers"
ADDRESSES = {CLIENTS: "198.18", PEERS: "198.19"}
# This process's place in the network of the clients; nodes have those from 1 on.
OWN_PLACE = 254
# Which packets vanish.
WAYS = BOTH_WAYS, TO_IT, FROM_IT = "both ways", "to it", "from it"
# The hardware address of nobody.
NOBODY = "02:00:00:00:00:00"


class Failed(Exception):
    """`ip` did not do it."""


def _ip(*arguments, namespace=None):
    command = ["ip", *(["-netns", namespace] if namespace else []), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise Failed(f"`{' '.join(command)}`: {done.stderr.strip()}")
    return done.stdout


def lacking():
    """What this machine lacks for such networks; None where it has all."""
    if os.geteuid() != 0:
        return "only root may make network namespaces"
    if shutil.which("ip") is None:
        return "there is no `ip`: install iproute2"
    name = f"anabranch-{os.getpid()}-probe"
    try:
        _ip("netns", "add", name)
        try:
            _ip("link", "add", "bridge", "type", "bridge", namespace=name)
            _ip("link", "add", "one", "type", "veth", "peer", "name", "other", namespace=name)
        finally:
            _ip("netns", "del", name)
    except Failed as failure:
        return str(failure)
    return None


class Network:
    """Places from 1 to `places`, each for one node, from entering to leaving it."""

    def __init__(self, places):
        self.places = range(1, places + 1)
        self.hub = f"anabranch-{os.getpid()}-hub"
        routes = _ip("-4", "route", "show", "table", "all")
        free = [block for block in range(256) if f"{ADDRESSES[CLIENTS]}.{block}." not in routes]
        self.block = random.SystemRandom().choice(free)
        self.made = contextlib.ExitStack()

    def __enter__(self):
        with self.made:
            self._make()
            self.made = self.made.pop_all()
        return self

    def __exit__(self, *_):
        self.made.close()

    def _make(self):
        self._make_namespace(self.hub)
        for name in (CLIENTS, PEERS):
            _ip("link", "add", name, "type", "bridge", namespace=self.hub)
            _ip("link", "set", name, "up", namespace=self.hub)
        own = f"ab{os.getpid()}"
        _ip("link", "add", own, "type", "veth", "peer", "name", "tests", "netns", self.hub)
        self.made.callback(_ip, "link", "del", own)
        _ip("link", "set", "tests", "master", CLIENTS, "up", namespace=self.hub)
        _ip("address", "add", f"{self.address(CLIENTS, OWN_PLACE)}/24", "dev", own)
        _ip("link", "set", own, "up")
        for place in self.places:
            self._make_place(place)

    def _make_namespace(self, name):
        _ip("netns", "add", name)
        self.made.callback(_ip, "netns", "del", name)

    def _make_place(self, place):
        namespace = self.namespace(place)
        self._make_namespace(namespace)
        _ip("link", "set", "lo", "up", namespace=namespace)
        for name in (CLIENTS, PEERS):
            port = f"{name}-{place}"
            _ip("link", "add", port, "type", "veth", "peer", "name", name, "netns", namespace, namespace=self.hub)
            _ip("link", "set", port, "master", name, "up", namespace=self.hub)
            _ip("address", "add", f"{self.address(name, place)}/24", "dev", name, namespace=namespace)
            _ip("link", "set", name, "up", namespace=namespace)

    def namespace(self, place):
        return f"anabranch-{os.getpid()}-{place}"

    def address(self, network, place):
        """The place's address in one of the networks."""
        return f"{ADDRESSES[network]}.{self.block}.{place}"

    def command_at(self, place):
        """What makes the command after it run at the place."""
        return ["ip", "netns", "exec", self.namespace(place)]

    def cut(self, place, way):
        """Packets between the place and the other ones vanish; clients reach it as before."""
        others = [other for other in self.places if other != place]
        if way == BOTH_WAYS:
            _ip("link", "set", f"{PEERS}-{place}", "nomaster", namespace=self.hub)
        for other in others:
            if way == TO_IT:
                self._mislead(other, place)
            if way == FROM_IT:
                self._mislead(place, other)

    def _mislead(self, sender, receiver):
        """What one place sends to another goes to nobody."""
        address, namespace = self.address(PEERS, receiver), self.namespace(sender)
        arguments = ["neighbour", "replace", address, "lladdr", NOBODY, "dev", PEERS, "nud", "permanent"]
        _ip(*arguments, namespace=namespace)

    def heal(self, place):
        """Undoes any cut of the place."""
        _ip("link", "set", f"{PEERS}-{place}", "master", PEERS, namespace=self.hub)
        for each in self.places:
            _ip("neighbour", "flush", "dev", PEERS, "nud", "permanent", namespace=self.namespace(each))
