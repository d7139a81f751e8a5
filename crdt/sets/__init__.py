"""Sets whose replicas converge.

They behave as Python's sets do: ``in``, ``len``, iteration, ``<=``, ``==`` (comparing elements),
``|``, ``&``, ``-`` and ``^`` (giving plain sets). Operators that change a set (``|=``, ``-=`` ...)
and named mutators gossip one delta each; only the named ones return it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crdt.homes import late

if TYPE_CHECKING:
    from crdt.sets.gset import GSet as GSet
    from crdt.sets.lwwset import LWWSet as LWWSet
    from crdt.sets.orset import ORSet as ORSet
    from crdt.sets.pnset import PNSet as PNSet
    from crdt.sets.rwset import RWSet as RWSet
    from crdt.sets.twopset import TwoPSet as TwoPSet
    from crdt.sets.uset import USet as USet
else:
    __getattr__, __dir__, __all__ = late(__name__)
