"""Every event of a run: what nodes could notice (datagrams, chunks, starts, writes), and the faults.

Rule of this file: the run is done once more, which makes it the very same one, with a record of it.
"""

from collections.abc import Iterator
from heapq import merge
from typing import Any

from crdtnode.errors import CrdtNodeError
from crdtnode.sim.agenda import SECOND
from crdtnode.sim.plan import Plan
from crdtnode.sim.trace import Happening
from crdtnode.sim.world import World
from crdtnode.wire.ciphers import TAG_BYTES
from crdtnode.wire.codec import decode
from crdtnode.wire.seal import HEADER_BYTES

_TEXTS = ("write", "remove", "closed")
"""Kinds of events whose bytes are a text."""


def events_of(plan: Plan, **settings: Any) -> Iterator[dict[str, Any]]:
    """Run a plan, and tell what happened, in order, as JSON-friendly objects.

    Args:
        plan: What happens.
        settings: ``engine`` and ``registry``, as for `crdtnode.sim.run`.
    """
    world = World(plan, checks=[], record=True, **settings)
    world.run()
    faults = ({"at": fault.at, "event": "fault", "says": str(fault)} for fault in plan.faults)
    noticed = (_told(one, readable=not world.corrupts) for one in world.trace.happenings or ())
    return merge(sorted(faults, key=_at), noticed, key=_at)


def _at(event: dict[str, Any]) -> float:
    moment: float = event["at"]
    return moment


def _told(happening: Happening, *, readable: bool) -> dict[str, Any]:
    data = happening.data
    told: dict[str, Any] = {"at": happening.moment / SECOND, "event": happening.kind}
    if happening.source:
        told["from"] = happening.source
    told["node"] = happening.target
    if happening.kind in _TEXTS:
        told["says"] = data.decode()
    elif data:
        told["bytes"] = len(data)
    if happening.kind == "datagram" and readable:
        told |= _message(data)
    return told


def _message(datagram: bytes) -> dict[str, str]:
    """What a datagram says; nothing where it is none."""
    try:
        return {"says": repr(decode(datagram[HEADER_BYTES:-TAG_BYTES]))}
    except CrdtNodeError:
        return {}
