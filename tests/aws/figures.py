"""How well a cluster served in chaos: how often writers were served, and for how long they were not."""

import statistics

# Availability is counted as AWS does, in smaller windows.
WINDOW_SECONDS = 5


def table(rows):
    """Lines of names and figures."""
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"  {name:<{width}}  {figure}" for name, figure in rows)


def availability(calls, spans, began, ended):
    """Rows about `calls`, of which records were stored: (began, answered, shards)."""
    answered = sorted(at for _, at, _ in calls)
    count = max(1, int((ended - began) / WINDOW_SECONDS))
    served = {int((at - began) / WINDOW_SECONDS) for at in answered if began <= at < began + count * WINDOW_SECONDS}
    single = [nth for nth in range(count) if _is_single(spans, began + nth * WINDOW_SECONDS, ended)]
    moments = [began, *(at for at in answered if began <= at <= ended), ended]
    longest = max(later - earlier for earlier, later in zip(moments, moments[1:]))
    return [
        (f"windows of {WINDOW_SECONDS} s with records stored", _share(len(served), count)),
        ("of those with faults of one node alone", _share(len(served.intersection(single)), len(single))),
        ("longest time without any", f"{longest:.1f} s"),
    ]


def after_killed_leaders(calls, spans, groups):
    """A row about the time from the kill of a leader until its group has stored what was sent afterwards; `groups`
    by shard."""
    gaps = []
    for span in spans:
        if span.leader_of is None:
            continue
        later = [
            at
            for began, at, shards in calls
            if began >= span.killed_at and any(groups.get(shard) == span.leader_of for shard in shards)
        ]
        if later:
            gaps.append(min(later) - span.killed_at)
    told = "none was killed"
    if gaps:
        told = f"median {statistics.median(gaps):.2f} s, worst {max(gaps):.2f} s of {len(gaps)}"
    return [("until the group of a killed leader stores", told)]


def _is_single(spans, at, ended):
    """Whether in the window from `at` on something was done, and to one node only each time."""
    ends = [span.began for span in spans[1:]] + [ended]
    within = [span.single for span, end in zip(spans, ends) if span.began < at + WINDOW_SECONDS and end > at]
    return bool(within) and all(within)


def _share(part, whole):
    return f"{part} of {whole}, {part / whole:.1%}" if whole else "none"
