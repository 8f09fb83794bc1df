"""What nodes of the chaos live on: disks, syncs and connections of their own, to each of which something can be done.

Not every machine can make all of it. What it cannot make is named with the reason, and the nodes live without.
"""

import contextlib
from dataclasses import dataclass, field
from pathlib import Path

import disks
import proxies
import syncs
from disks import Disk
from proxies import Proxy
from syncs import Syncs

DISKS, SYNCS, PROXY = "disks", "syncs", "proxy"


@dataclass
class Place:
    """Of one node after the other. `name` is what the proxy calls it; None is what the machine lacks."""

    name: str
    data: Path
    disk: Disk | None = None
    syncs: Syncs | None = None
    proxy: Proxy | None = None
    environment: dict = field(default_factory=dict)


@contextlib.contextmanager
def places(folder, count):
    """`count` places below `folder`, and why what they lack is not there, by what it is."""
    folder.mkdir()
    lacking = {DISKS: disks.lacking(folder), SYNCS: syncs.lacking(), PROXY: proxies.lacking()}
    lacking = {what: why for what, why in lacking.items() if why}
    with contextlib.ExitStack() as made:
        library = None if SYNCS in lacking else syncs.build(folder)
        proxy = None if PROXY in lacking else made.enter_context(Proxy())
        all_places = []
        for nth in range(1, count + 1):
            place = Place(str(nth), folder / f"data-{nth}", proxy=proxy)
            if DISKS not in lacking:
                place.disk = made.enter_context(Disk(folder / f"disk-{nth}"))
                place.data = place.disk.data
            if library:
                place.syncs = Syncs(library, folder / f"syncs-{nth}")
                place.environment = place.syncs.environment
            all_places.append(place)
        yield all_places, lacking
