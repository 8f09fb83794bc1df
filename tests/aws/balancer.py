"""A balancer of connections before the nodes of a cluster, as their users have one.

It gives each connection to the first node that says that it is ready, and knows nothing of what is said on
it.
"""

import selectors
import socket
import threading
from urllib.parse import urlsplit

import cluster as clusters

CHUNK_BYTES = 1 << 16
READY_SECONDS_MAX = 2


class Balancer:
    """Listens at `endpoint` from entering to leaving it; `apis` are its nodes, the one it likes best first."""

    def __init__(self, apis):
        self.apis = apis
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.endpoint = "http://127.0.0.1:%d" % self.listener.getsockname()[1]
        self.threads = [threading.Thread(target=self._accept)]

    def __enter__(self):
        self.threads[0].start()
        return self

    def __exit__(self, *_):
        # Wakes the accepting thread.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.threads[0].join()
        self.listener.close()
        for thread in self.threads[1:]:
            thread.join()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(client,))
            thread.start()
            self.threads.append(thread)

    def _serve(self, client):
        with client:
            node = self._ready_node()
            if node is not None:
                with node:
                    _pass_on(client, node)

    def _ready_node(self):
        """A connection to a node that is ready; None where no node is."""
        for api in self.apis:
            if clusters.page(api, "/health/ready", READY_SECONDS_MAX) is None:
                continue
            address = urlsplit(api)
            try:
                return socket.create_connection((address.hostname, address.port))
            except OSError:
                continue
        return None


def _pass_on(one, other):
    """Bytes both ways, until either side ends."""
    with selectors.DefaultSelector() as selector:
        selector.register(one, selectors.EVENT_READ, other)
        selector.register(other, selectors.EVENT_READ, one)
        while True:
            for key, _ in selector.select():
                try:
                    data = key.fileobj.recv(CHUNK_BYTES)
                    if data:
                        key.data.sendall(data)
                except OSError:
                    return
                if not data:
                    return
