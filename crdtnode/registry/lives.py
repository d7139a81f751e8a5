"""The lives of an object: odd while it lives, even once it is removed.

The higher life wins, equal lives join. So a removal takes every update of its life, seen or not,
and whoever writes to a removed object begins a life that holds nothing of the one before.
"""

from collections.abc import Sequence
from typing import Final

from crdt import PayloadError, StateCRDT
from crdtnode.values import value

FIRST: Final = 1
"""The life in which every object begins."""

LIFE_MOST: Final = 2**48
"""No object is removed and written again so often: a higher life is somebody's nonsense, and would
leave no room for those that follow."""


def check_life(life: int, payloads: Sequence[object]) -> None:
    """See whether an object can be in this life and hold these payloads.

    Raises:
        PayloadError: It cannot.
    """
    if not FIRST <= life <= LIFE_MOST:
        raise PayloadError(f"{life} is no life that an object can reach", "life")
    if life % 2 == 0 and payloads:
        raise PayloadError("a removed object holds nothing", "life")


@value
class Absorbed:
    """What became of something that arrived."""

    changed: bool
    """Whether the object grew."""
    delta: StateCRDT | None
    """What arrived, parsed and joined; None where nothing did, or where the object was removed."""
    lost: StateCRDT | None = None
    """What the object held, where a life ended in which something was written here."""
