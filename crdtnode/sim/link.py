"""What a network is: how each link treats what it carries.

Rule of this file: plain frozen data, checked when it is made; `network.Links` does what it says.
"""

from dataclasses import dataclass, field, fields
from math import isfinite

from crdtnode.errors import CrdtNodeError
from crdtnode.sim.latency import Latency


class PlanError(CrdtNodeError, ValueError):
    """Whoever wrote the plan erred; nothing was run. The message names the field."""


@dataclass(frozen=True, slots=True)
class Link:
    """What one direction of a connection between two nodes does to what it carries."""

    latency: Latency = field(default_factory=lambda: Latency.uniform(0.0005, 0.002))
    """Time on the way, drawn anew for each packet; packets overtake each other as it falls."""

    loss: float = 0.0
    """Share of datagrams that vanish, below 1, after the last heal too. Streams lose packets as
    well: it costs them time."""

    duplicate: float = 0.0
    """Share of datagrams that arrive twice, 0 to 1."""

    reorder: float = 0.0
    """Share of datagrams that are kept back for ten more latencies, so that later ones overtake
    them, 0 to 1."""

    corrupt: float = 0.0
    """Share of packets in which bits flip on the way, below 1. A stream in which that happens
    breaks."""

    bandwidth: float | None = None
    """Bytes per second; what comes faster queues up, and datagrams that would wait for more than
    a second are dropped. None for no limit."""

    mtu: int | None = None
    """Datagrams of more bytes vanish without a word; None for no limit. Streams find the size
    that passes, and are not touched."""

    def __post_init__(self) -> None:
        for name in ("loss", "duplicate", "reorder", "corrupt"):
            share = getattr(self, name)
            if not 0 <= share <= 1:
                raise PlanError(f"{name} must be a share between 0 and 1, not {share!r}")
        for name in ("loss", "corrupt"):
            if getattr(self, name) == 1:
                raise PlanError(
                    f"{name} must be below 1: where nothing ever arrives, nobody can agree"
                )
        if self.bandwidth is not None and not (isfinite(self.bandwidth) and self.bandwidth > 0):
            raise PlanError(f"bandwidth must be more than 0 bytes/s, not {self.bandwidth!r}")
        if self.mtu is not None and self.mtu < 1:
            raise PlanError(f"mtu must be at least 1 byte, not {self.mtu!r}")

    def __str__(self) -> str:
        values = [(f.name, getattr(self, f.name)) for f in fields(Link)]
        return ", ".join(f"{name} {value}" for name, value in values if value)


@dataclass(frozen=True, slots=True)
class Between:
    """What certain links do instead of what the others do."""

    source: str
    """Who sends: a node, or ``*`` for everybody."""
    target: str
    """Who receives: a node, or ``*``."""
    link: Link


@dataclass(frozen=True, slots=True)
class Network(Link):
    """What every link does to what it carries, and which links are unlike that."""

    links: tuple[Between, ...] = ()
    """Of those that fit a link the last one counts."""
