"""Nodes of `anabranch server` that have one static list: the same in all of their configuration files."""

import json
from concurrent.futures import ThreadPoolExecutor

import clients
import node as nodes
from cluster import Member

SECRET = "what all nodes know and nobody else does"


def of_one_list(cluster, addresses):
    """A node for each number of the list, not started; `addresses` are where clients and where nodes reach it,
    and what its command begins with."""
    listed = ", ".join(f'{{ id = {number}, peer = "{peer}" }}' for number, (_, peer, _) in addresses.items())
    secret = cluster.directory / "secret"
    secret.write_text(SECRET)
    members = {}
    for number, (listen, peer, prefix) in addresses.items():
        name = f"server-{number}"
        file = cluster.directory / f"{name}.toml"
        data = cluster.directory / name
        file.write_text(
            f"""
data_dir = {json.dumps(str(data))}
listen = "{listen}"
limits = "off"
groups = {cluster.groups}

[[credentials]]
access_key = "{clients.ACCESS_KEY}"
secret_key = "{clients.SECRET_KEY}"

[cluster]
peer_listen = "{peer}"
secret_file = {json.dumps(str(secret))}
node_id = {number}
nodes = [{listed}]
"""
        )
        command = [*prefix, nodes.binary(), "server", "--config", str(file)]
        members[number] = Member(command, data, cluster.open_log(f"{name}.log"), peer)
    return members


def start(cluster, members, meanwhile=lambda: None):
    """Starts nodes side by side, which are the cluster's then; does `meanwhile` while they start."""
    with ThreadPoolExecutor(len(members)) as pool:
        starting = [pool.submit(member.start) for member in members]
        try:
            meanwhile()
        finally:
            # Those that start are waited for, so that none is left behind.
            for each in starting:
                each.exception()
            cluster.nodes |= {member.id: member for member in members if member.is_running()}
        for each in starting:
            each.result()
