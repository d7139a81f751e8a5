"""Maps whose replicas converge.

They behave as Python's dicts do: ``in``, ``len``, iteration, ``keys()``, ``items()``, ``==``
(comparing entries), ``get``, ``pop``, ``setdefault``. Keys are atoms, identified by type and value.
Whatever changes a map gossips one delta; the named mutators also return it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crdt.homes import late

if TYPE_CHECKING:
    from crdt.maps.gmap import GMap as GMap
    from crdt.maps.lwwmap import LWWMap as LWWMap
    from crdt.maps.ormap import ORMap as ORMap
else:
    __getattr__, __dir__, __all__ = late(__name__)
