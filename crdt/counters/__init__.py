"""Counters whose replicas converge, each raising tallies of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crdt.homes import late

if TYPE_CHECKING:
    from crdt.counters.bounded import BoundedCounter as BoundedCounter
    from crdt.counters.tallies import GCounter as GCounter
    from crdt.counters.tallies import PNCounter as PNCounter
else:
    __getattr__, __dir__, __all__ = late(__name__)
