"""Several nodes as one cluster: the children of `anabranch dev --nodes`, or nodes that join others.

A node that the parent has started can be killed here and started again by its start command; it is a
child of this process then, and lives on without the parent.
"""

import http.client
import json
import os
import random
import re
import select
import shlex
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import node

NODE_LINE = re.compile(
    r"^anabranch node id=(?P<id>\d+) pid=(?P<pid>\d+) api=(?P<api>\S+) tls=\S+ peer=(?P<peer>\S+) "
    r'data=(?P<data>.+) start="(?P<start>.+)"$'
)
# Seconds. Far above what anything here needs on a slow machine; they only end a hung test.
PATIENCE_SECONDS = 120
LOOK_EVERY_SECONDS = 0.05
STATUS_SECONDS_MAX = 5
# Replicas of a group and votes of the catalog, where there are nodes enough; groups that are made then.
REPLICAS = 3
GROUPS_PER_NODE = 2
# Entries that a replica may lack under load.
LAG_ENTRIES_MAX = 300
# How old a status may be, in seconds.
STATUS_AGE_MAX = 1.1
# Below the ports that the system gives to connections, so that a node that is down finds its own again.
PORTS = range(10_240, 32_768)


def wait_until(condition, what, seconds=PATIENCE_SECONDS):
    """What `condition` answers once that is true. `what` may be asked for, to tell the latest news."""
    ends_at = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > ends_at:
            raise AssertionError(f"waited {seconds} s for {what() if callable(what) else what}")
        time.sleep(LOOK_EVERY_SECONDS)


def free_address():
    """A port of loopback that is free now."""
    for port in random.SystemRandom().sample(PORTS, 100):
        with socket.socket() as listener:
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            return f"127.0.0.1:{port}"
    raise AssertionError("no port is free")


def page(api, path, seconds=STATUS_SECONDS_MAX):
    """What a node's page says, or None where it says nothing now."""
    address = urlsplit(api)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=seconds)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return body.decode() if answer.status == 200 else None


class Member:
    """A node of a cluster. `start` is its command, `log` the file that gets its stderr, `peer` where others reach it.

    `place`, where it has one, is what it lives on (`places.py`).
    """

    def __init__(self, start, data, log, peer, place=None):
        self.start_command = start
        self.data = Path(data)
        self.log = log
        self.peer = peer
        self.place = place
        self.id = None
        self.api = None
        # When it started or ended last: older statuses do not count.
        self.changed_at = time.monotonic()
        # The process; a child of this one or of the parent.
        self.pidfd = None
        self.pid = None
        self.child = None

    def adopt(self, identity, pid, api):
        """Is a child of the parent."""
        self.id, self.api, self.pid, self.pidfd = identity, api, pid, os.pidfd_open(pid)
        return self

    def is_running(self):
        return self.pidfd is not None

    def is_ours(self):
        return self.child is not None

    def launch(self):
        """Runs the start command; returns before the node serves."""
        assert not self.is_running(), f"node {self.id} runs already"
        environment = node.clean_environment() | (self.place.environment if self.place else {})
        self.child = subprocess.Popen(
            self.start_command, stdout=subprocess.PIPE, stderr=self.log, text=True, env=environment
        )
        self.pid, self.pidfd = self.child.pid, os.pidfd_open(self.child.pid)

    def start(self):
        """Runs the start command; returns when the node serves."""
        self.launch()
        # A node that never gets ready is killed, which ends the read below.
        watchdog = threading.Timer(node.START_SECONDS_MAX, self.child.kill)
        watchdog.start()
        try:
            for line in self.child.stdout:
                ready = node.READY.match(line.rstrip("\n"))
                if ready:
                    self.id, self.api = int(ready["node"]), ready["api"]
                    self.changed_at = time.monotonic()
                    return self
        finally:
            watchdog.cancel()
        raise AssertionError(f"the node on {self.data} ended with {self.wait()} before it was ready")

    def signal(self, number):
        signal.pidfd_send_signal(self.pidfd, number)

    def kill(self):
        """kill -9: nothing is flushed, nothing is said."""
        self.signal(signal.SIGKILL)
        self.wait()

    def stop(self):
        """SIGTERM: the node hands over, drains and ends with 0."""
        self.signal(signal.SIGTERM)
        code = self.wait()
        assert code in (0, None), f"SIGTERM ended node {self.id} with exit code {code}"

    def has_ended(self, within_seconds=0):
        """Whether the process ends within so many seconds; `wait` is still to be called."""
        ended = select.poll()
        ended.register(self.pidfd, select.POLLIN)
        return bool(ended.poll(within_seconds * 1000))

    def lose_data(self):
        """All that it has written is gone."""
        if self.place and self.place.disk:
            self.place.disk.renew()
        else:
            shutil.rmtree(self.data)

    def wait(self):
        """Waits for the end; the exit code of a child of this process."""
        in_time = self.has_ended(node.STOP_SECONDS_MAX)
        if not in_time:
            self.signal(signal.SIGKILL)
            assert self.has_ended(node.STOP_SECONDS_MAX), f"kill -9 did not end node {self.id}"
        code = None
        if self.child is not None:
            code = self.child.wait()
            self.child.stdout.close()
        os.close(self.pidfd)
        self.pidfd, self.child = None, None
        self.changed_at = time.monotonic()
        assert in_time, f"node {self.id} did not end within {node.STOP_SECONDS_MAX} s"
        return code

    def status(self):
        """What `GET /status` says, at most a second old; None while it says nothing."""
        said = page(self.api, "/status")
        return json.loads(said) if said else None

    def metric(self, name):
        """The sum of a metric over its labels; 0 where it was never counted."""
        said = page(self.api, "/metrics") or ""
        samples = [line for line in said.splitlines() if re.match(rf"{name}[ {{]", line)]
        return sum(float(line.rsplit(" ", 1)[1]) for line in samples)


def _lag(replica, claim):
    """Entries that the replica is not known to have, by what its leader says; the leader has all."""
    if replica["node"] == claim["leader"]:
        return 0
    return float("inf") if replica["lag_entries"] is None else replica["lag_entries"]


def _not_running(group, holders, statuses):
    """The replicas that have failed, or of which their nodes do not tell."""
    for holder in holders:
        own = [row for row in statuses.get(holder, {}).get("groups", []) if row["id"] == group]
        if not own:
            yield f"node {holder} does not run its replica"
        elif own[0]["failure"]:
            yield f"node {holder} has failed: {own[0]['failure']}"


class Cluster:
    """Nodes by their ids. `groups` is how many groups for data they have: what they begin with, and more once
    there are more nodes."""

    def __init__(self, directory, groups=6):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.groups = groups
        # None where a node does not know how to make them.
        self.groups_per_node = GROUPS_PER_NODE
        self.nodes = {}
        self.parent = None
        self.logs = []
        self.log = self.open_log("stderr.log")

    def open_log(self, name):
        """A file for what nodes log; it stays open as long as the cluster is used."""
        self.logs.append((self.directory / name).open("ab"))
        return self.logs[-1]

    # ---- starting

    def start_parent(self, nodes, *arguments):
        """`anabranch dev --nodes`, with all ports free ones; returns when all nodes serve."""
        assert self.parent is None
        command = [
            node.binary(), "dev", "--nodes", str(nodes), "--listen", "127.0.0.1:0",
            "--groups", str(self.groups), "--data-dir", str(self.directory / "nodes"), *arguments,
        ]  # fmt: skip
        self.parent = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=self.log, text=True, env=node.clean_environment()
        )
        watchdog = threading.Timer(node.START_SECONDS_MAX, self.parent.kill)
        watchdog.start()
        lines = []
        try:
            for line in self.parent.stdout:
                lines.append(line)
                told = NODE_LINE.match(line.rstrip("\n"))
                if told:
                    self._adopt(told)
                elif node.READY.match(line.rstrip("\n")):
                    return self
        finally:
            watchdog.cancel()
        raise AssertionError(f"the parent ended with {self.parent.wait()} before it was ready; stdout: {lines}")

    def _adopt(self, told):
        identity = int(told["id"])
        known = self.nodes.get(identity)
        if known and known.is_running():
            return
        member = Member(shlex.split(told["start"]), told["data"], self.log, told["peer"])
        self.nodes[identity] = member.adopt(identity, int(told["pid"]), told["api"])

    def add(self, *arguments, data=None, first=False, place=None):
        """Starts a node by itself, which joins the others, or is the first of a new cluster."""
        peer = free_address()
        data = data or place and place.data or self.directory / f"node-{peer.rsplit(':', 1)[1]}"
        command = [
            node.binary(), "dev", "--data-dir", str(data), "--listen", free_address(),
            "--tls-listen", "127.0.0.1:0", "--peer-listen", peer, "--groups", str(self.groups), *arguments,
        ]  # fmt: skip
        if place and place.proxy:
            peer = place.proxy.door(place.name, peer)
            command += ["--advertise-peer", peer]
        member = Member(command, data, self.log, peer, place)
        if not first:
            member.start_command += self._joining(member)
        member.start()
        self.nodes[member.id] = member
        return member

    def start_at(self, places, stream):
        """Starts a node without limits at each place, the first with `stream`; returns when all have settled."""
        first, *others = places
        self.add("--no-limits", "--stream", stream, first=True, place=first)
        for place in others:
            self.add("--no-limits", place=place)
        self.wait_settled()
        return self

    def _joining(self, member):
        """The option by which it joins the others."""
        return ["--join", ",".join(other.peer for other in self.nodes.values() if other is not member)]

    # ---- what is done to nodes

    def running(self):
        return [member for member in self.nodes.values() if member.is_running()]

    def apis(self):
        return [member.api for member in self.running()]

    def kill_all(self):
        """kill -9 of all, within a moment."""
        running = self.running()
        for member in running:
            member.signal(signal.SIGKILL)
        for member in running:
            member.wait()

    def start_all(self):
        """Starts all that are down, side by side."""
        down = [member for member in self.nodes.values() if not member.is_running()]
        with ThreadPoolExecutor(len(down) or 1) as pool:
            list(pool.map(Member.start, down))

    def replace(self, identity):
        """The node's disk is lost: an empty directory takes its place. The new node."""
        member = self.nodes[identity]
        if member.is_running():
            member.kill()
        member.lose_data()
        if not {"--join", "--config"} & set(member.start_command):
            # Or it would make a cluster of its own; a configuration file says how to come to one.
            member.start_command += self._joining(member)
        member.start()
        assert member.id != identity, "a new directory has got an old node's id"
        del self.nodes[identity]
        self.nodes[member.id] = member
        return member

    # ---- what is so

    def status(self, identity):
        """What the node says of itself and the cluster, once it says anything."""
        return wait_until(self.nodes[identity].status, f"the status of node {identity}")

    def statuses(self):
        """The statuses of the nodes that tell one, by node."""
        told = {member.id: member.status() for member in self.running()}
        return {identity: status for identity, status in told.items() if status}

    def claims(self, statuses=None):
        """Each group as the replica sees it that leads it in the newest term, by group."""
        newest = {}
        for identity, status in (self.statuses() if statuses is None else statuses).items():
            for group in status["groups"]:
                known = newest.get(group["id"])
                if group["leader"] == identity and (known is None or known["term"] < group["term"]):
                    newest[group["id"]] = group
        return newest

    def leaders(self):
        """The leading nodes, by group; only groups of which a running node says that it leads."""
        return {group: claim["leader"] for group, claim in self.claims().items()}

    def leader(self, group):
        """The node that leads the group, once one does."""
        return self.nodes[wait_until(lambda: self.leaders().get(group), f"a leader of group {group}")]

    def shard_groups(self, stream):
        """Which group holds which shard."""
        shards = wait_until(lambda: [status["shards"] for status in self.statuses().values()], "a status")[0]
        return {shard["shard"]: shard["group"] for shard in shards if shard["stream"] == stream}

    def balance(self):
        """How many replicas of groups for data each node holds, and how many of the groups it leads."""
        claims = [claim for group, claim in self.claims().items() if group != 0]
        holders = Counter(replica["node"] for claim in claims for replica in claim["replicas"])
        leaders = Counter(claim["leader"] for claim in claims)
        return {identity: (holders[identity], leaders[identity]) for identity in sorted(self.nodes)}

    def unsettled(self, nodes=None, lag_entries_max=LAG_ENTRIES_MAX):
        """What is not as it is to be on all of `nodes`: each serves, each group has a leader and its
        voters there and nowhere else, and all of them have what the leader has."""
        if time.monotonic() < max(member.changed_at for member in self.nodes.values()) + STATUS_AGE_MAX:
            return ["statuses may be older than the last change"]
        expected = {member.id for member in self.running()} if nodes is None else set(nodes)
        wanted = REPLICAS if len(expected) >= REPLICAS else 1
        if wanted == REPLICAS:
            self.groups = max(self.groups, self.groups_per_node * len(expected))
        statuses = self.statuses()
        wrong = [f"node {identity} does not serve" for identity in expected if not statuses.get(identity, {}).get("ready")]
        claims = self.claims(statuses)
        for group in range(self.groups + 1):
            claim = claims.get(group)
            if claim is None:
                wrong.append(f"group {group} has no leader")
                continue
            voters = {replica["node"] for replica in claim["replicas"] if replica["state"] == "voter"}
            holders = {replica["node"] for replica in claim["replicas"]}
            if len(voters) != wanted or not holders <= expected or group != 0 and voters != holders:
                wrong.append(f"group {group} has replicas {claim['replicas']} of which {voters} vote")
            behind = [replica for replica in claim["replicas"] if _lag(replica, claim) > lag_entries_max]
            wrong += [f"group {group}: {replica} is behind" for replica in behind]
            wrong += [f"group {group}: {reason}" for reason in _not_running(group, holders, statuses)]
        known = {entry["id"] for status in statuses.values() for entry in status["nodes"]}
        if known != expected:
            wrong.append(f"the catalog has nodes {known}, running are {expected}")
        return wrong

    def wait_settled(self, seconds=PATIENCE_SECONDS, **what):
        """Waits until nothing is unsettled."""
        wait_until(lambda: not self.unsettled(**what), lambda: f"a settled cluster: {self.unsettled(**what)}", seconds)

    def last_lines(self, count=300):
        """The end of what the nodes have logged, file by file."""
        lines = []
        for log in self.logs:
            lines.append(f"{log.name}, its end:")
            lines += Path(log.name).read_text("utf-8", "replace").splitlines()[-count:]
        return lines

    # ---- the end

    def kill_parent(self):
        """kill -9 of the parent; its children end with it."""
        self.parent.kill()
        self._reap_parent()
        for member in self.running():
            if not member.is_ours():
                member.wait()

    def stop_parent(self):
        """SIGTERM to the parent, which drains its children; its exit code."""
        self.parent.send_signal(signal.SIGTERM)
        code = self._reap_parent()
        for member in self.running():
            if not member.is_ours():
                member.wait()
        return code

    def parent_ended(self):
        """Waits for the parent, whose children have all ended; its exit code."""
        return self._reap_parent()

    def _reap_parent(self):
        parent, self.parent = self.parent, None
        try:
            return parent.wait(timeout=node.STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            parent.kill()
            parent.wait()
            raise AssertionError(f"the parent did not end within {node.STOP_SECONDS_MAX} s") from None
        finally:
            parent.stdout.close()

    def end(self):
        """At the end of a test: whatever still runs must drain well."""
        failures = []
        ours = [member for member in self.running() if member.is_ours()]
        for member in ours:
            member.signal(signal.SIGCONT)
            member.signal(signal.SIGTERM)
        if self.parent is not None:
            # With no child left it ends by itself, with 1.
            has_children = any(not member.is_ours() for member in self.running())
            code = self.stop_parent() if has_children else self.parent_ended()
            if has_children and code != 0:
                failures.append(f"SIGTERM ended the parent with exit code {code}")
        for member in ours:
            code = member.wait()
            if code != 0:
                failures.append(f"SIGTERM ended node {member.id} with exit code {code}")
        for log in self.logs:
            log.close()
        assert not failures, failures
