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

ALL = DISKS, SYNCS, PROXY = "disks", "syncs", "proxy"


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
def places(folder, count, wanted=ALL):
    """`count` places below `folder` with what is `wanted`, and why what they lack of it is not there, by what it is."""
    folder.mkdir()
    looks = {DISKS: lambda: disks.lacking(folder), SYNCS: syncs.lacking, PROXY: proxies.lacking}
    lacking = {what: why for what in wanted if (why := looks[what]())}
    there = set(wanted) - lacking.keys()
    with contextlib.ExitStack() as made:
        library = syncs.build(folder) if SYNCS in there else None
        proxy = made.enter_context(Proxy()) if PROXY in there else None
        all_places = []
        for nth in range(1, count + 1):
            place = Place(str(nth), folder / f"data-{nth}", proxy=proxy)
            if DISKS in there:
                place.disk = made.enter_context(Disk(folder / f"disk-{nth}"))
                place.data = place.disk.data
            if library:
                place.syncs = Syncs(library, folder / f"syncs-{nth}")
                place.environment = place.syncs.environment
            all_places.append(place)
        yield all_places, lacking
