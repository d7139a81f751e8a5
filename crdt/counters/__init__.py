"""Counters whose replicas converge, each raising tallies of its own."""

from __future__ import annotations

from crdt.counters.bounded import BoundedCounter as BoundedCounter
from crdt.counters.tallies import GCounter as GCounter
from crdt.counters.tallies import PNCounter as PNCounter
