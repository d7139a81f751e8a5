"""Amounts: whole numbers that people pass in. True, 1.0 and "1" are none."""

from __future__ import annotations


def whole(amount: object, *, at_least: int) -> int:
    """Return ``amount`` if it is a plain int that is large enough.

    Raises:
        TypeError: It is no int; True and 1.0 are none either.
        ValueError: It is below ``at_least``.
    """
    if type(amount) is not int:
        raise TypeError(f"an amount is an int, not {type(amount).__name__}")
    if amount < at_least:
        raise ValueError(f"an amount is at least {at_least}; this one is less")
    return amount
