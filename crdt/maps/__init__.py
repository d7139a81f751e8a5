"""Maps whose replicas converge.

They behave as Python's dicts do: ``in``, ``len``, iteration, ``keys()``, ``items()``, ``==``
(comparing entries), ``get``, ``pop``, ``setdefault``. Keys are atoms, identified by type and value.
Whatever changes a map gossips one delta; the named mutators also return it.
"""

from __future__ import annotations

from crdt.maps.gmap import GMap as GMap
from crdt.maps.lwwmap import LWWMap as LWWMap
from crdt.maps.ormap import ORMap as ORMap
