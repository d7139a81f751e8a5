"""Flags: one bit that anybody may enable or disable, over the causal core.

Both kinds start False. They differ in who wins where one replica enables and another disables
without having seen each other: the name says it. The winning write leaves a dot, so that it
outlives a concurrent one of the other kind; every write replaces the dots that it has seen.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final, Self

from crdt.atoms import Key
from crdt.causal.causal import Causal
from crdt.causal.settled import settle
from crdt.errors import PayloadError

_ON: Final[Key] = (bool, True)
_OFF: Final[Key] = (bool, False)


class Flag(Causal):
    """What both flags share: how they are read and written down."""

    _marks: ClassVar[tuple[bool, ...]]

    @property
    def value(self) -> bool:
        """Whether the flag is enabled."""
        return self._holds(_ON) and not self._holds(_OFF)

    def __bool__(self) -> bool:
        return self.value

    def _holds(self, key: Key) -> bool:
        return any(key in live for live in self._live.values())

    @classmethod
    def _encode_keys(cls, keys: list[Key]) -> list[Any]:
        return [key[1] for key in keys]

    @classmethod
    def _decode_keys(cls, elements: list[Any], place: str) -> list[Key]:
        for i, mark in enumerate(elements):
            if type(mark) is not bool or mark not in cls._marks:
                allowed = " or ".join(str(known).lower() for known in cls._marks)
                raise PayloadError(f"expected {allowed}", f"{place}[{i}]")
        return [(bool, mark) for mark in elements]

    def _size(self) -> tuple[int, int]:
        return int(self._holds(_ON)), int(self._holds(_OFF))


class EnableWinsFlag(Flag):
    """A flag where enabling beats a concurrent disabling.

    Enabling leaves a dot; disabling removes the dots that it sees, and nothing else.

    Args:
        replica: Whom the object acts as; the caller promises that nobody else does.

    Payload:
        ``{replica: [[true...], live, context]}``: one ``true`` for each live dot, then the live
        dots and all dots seen, as runs ``[skipped, taken, skipped, taken...]``.

    Source:
        Brown et al., "Riak DT Map" (2014), the flags of riak_dt; as a causal CRDT after Almeida,
        Shoker, Baquero, "Delta state replicated data types" (2018).

    Example:
        >>> here, there = EnableWinsFlag("here"), EnableWinsFlag("there")
        >>> _ = there.join(here.enable())
        >>> disabled = there.disable()        # while here it is enabled once more:
        >>> enabled = here.enable()
        >>> here.join(disabled), there.join(enabled)
        (False, True)
        >>> here.value, there.value
        (True, True)
        >>> there.payload
        {'here': [[True], [1, 1], [0, 2]]}
    """

    _marks = (True,)

    def enable(self) -> Self:
        """Enable the flag and return the delta to gossip; it beats every concurrent disabling."""
        return self._change([_ON], ())

    def disable(self) -> Self:
        """Disable the flag and return the delta to gossip, empty if nothing here enables it."""
        return self._change((), [_ON])


class DisableWinsFlag(Flag):
    """A flag where disabling beats a concurrent enabling.

    Both leave a dot. The flag is enabled if there is a dot and every surviving one enables.
    Disabling writes even where the flag is off, to beat an enabling that has not arrived yet.

    Args:
        replica: Whom the object acts as; the caller promises that nobody else does.

    Payload:
        ``{replica: [marks, live, context]}``: ``true`` (enabled) or ``false`` for each live dot in
        their order, then the live dots and all dots seen, as runs
        ``[skipped, taken, skipped, taken...]``.

    Source:
        Brown et al., "Riak DT Map" (2014), the flags of riak_dt; as a causal CRDT after Almeida,
        Shoker, Baquero, "Delta state replicated data types" (2018), started False here.

    Example:
        >>> here, there = DisableWinsFlag("here"), DisableWinsFlag("there")
        >>> enabled, disabled = here.enable(), there.disable()
        >>> here.join(disabled), there.join(enabled)
        (True, True)
        >>> here.value, there.value
        (False, False)
        >>> there.enable().payload             # it has seen the disabling, and replaces it
        {'here': [[], [], [0, 1]], 'there': [[True], [1, 1], [0, 2]]}
        >>> there.value
        True
    """

    _marks = (True, False)

    def enable(self) -> Self:
        """Enable the flag and return the delta to gossip; it loses to a concurrent disabling."""
        return self._change([_ON], [_OFF])

    def disable(self) -> Self:
        """Disable the flag and return the delta to gossip; it beats every concurrent enabling."""
        return self._change([_OFF], [_ON])

    def compact(self, stable: Self) -> Self:
        """Forget disablings that everybody knows of, on the caller's word; return the delta.

        They go if ``stable`` has seen them and no enabling survives here. The flag reads as before.

        Args:
            stable: A state by which the caller gives his word: every replica has joined it before
                making any change that it lacks, and so has whoever made a state or delta that is
                still under way. An enabling that breaks it may win.

        Raises:
            TypeError: ``stable`` is of another type.
            ValueError: This flag has not joined ``stable`` itself. Nothing has changed.
        """
        return settle(self, stable, () if self._holds(_ON) else [_OFF])
