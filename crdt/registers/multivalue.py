"""The multi-value register: concurrent writes stay side by side until somebody writes again."""

from __future__ import annotations

from typing import Any, Self

from crdt.atoms import Key, element_of, freeze
from crdt.causal.causal import Causal
from crdt.tagged import canonical_text, decode


class MVRegister(Causal):
    """A register that keeps every value that no later write has seen.

    A write replaces all values that its writer sees. What was written concurrently stays beside
    it, so that nothing is lost without somebody's decision. Equal values that two replicas wrote
    concurrently are two siblings, of which ``value`` shows one.

    Args:
        replica: Whom the object acts as; the caller promises that nobody else does.

    Payload:
        ``{replica: [values, live, context]}``: the values in the order of their dots, then the
        live dots and all dots seen, as runs ``[skipped, taken, skipped, taken...]``.

    Source:
        Shapiro et al., INRIA RR-7506 (2011), Specification 10; with dots after Almeida, Shoker,
        Baquero, "Delta state replicated data types" (2018).

    Example:
        >>> here, there = MVRegister("here"), MVRegister("there")
        >>> one, other = here.assign("tea"), there.assign(["milk", 2])
        >>> here.join(other), there.join(one)
        (True, True)
        >>> here.value
        ['tea', ['milk', 2]]
        >>> there.join(here.assign("both")), there.value
        (True, ['both'])
        >>> there.payload
        {'here': [['both'], [1, 1], [0, 2]], 'there': [[], [], [0, 1]]}
    """

    @property
    def value(self) -> list[Any]:
        """The values, copied, in canonical order, each once; empty until somebody writes."""
        return [element_of(key) for key in sorted(self._values(), key=canonical_text)]

    @property
    def assigned(self) -> bool:
        """Whether anybody has written; a written None counts."""
        return not self.initial

    def assign(self, value: Any) -> Self:
        """Write a value in place of all that are seen here, and return the delta to gossip.

        Args:
            value: None, bool, int, finite float, str, bytes, tuples, lists, and dicts with str
                keys, nested at most 8 deep. It is copied.

        Raises:
            TypeError: Something in ``value`` is of another type; the message names a conversion.
            ValueError: NaN, an infinity, a lone surrogate, or nested too deep. Nothing changed.
        """
        return self._change([freeze(value)], self._values())

    def _values(self) -> list[Key]:
        return list(dict.fromkeys(key for live in self._live.values() for key in live))

    @classmethod
    def _decode_keys(cls, elements: list[Any], place: str) -> list[Key]:
        return [decode(value, f"{place}[{i}]", values=True) for i, value in enumerate(elements)]

    def _size(self) -> tuple[int, int]:
        return len(self._values()), 0
