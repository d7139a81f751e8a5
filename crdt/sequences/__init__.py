"""Sequences whose replicas converge.

They behave as Python's lists do, Text also as a str: indices, slices, ``in``, iteration, ``==``
(comparing items). Named mutators (``insert``, ``append``, ``extend``, ``delete``, ``replace``,
``splice``, ``remove``, ``clear``, ``reverse``) return their delta; ``x[i] = v``, ``del x[i]``,
``x += v`` and ``pop`` gossip one as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crdt.homes import late

if TYPE_CHECKING:
    from crdt.sequences.logoot import Logoot as Logoot
    from crdt.sequences.rga import RGA as RGA
    from crdt.sequences.sequence import Sequence as Sequence
    from crdt.sequences.text import Text as Text
else:
    __getattr__, __dir__, __all__ = late(__name__)
