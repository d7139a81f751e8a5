"""Amounts of neighbouring dots as payload: ``[amount, times, amount, times...]``."""

from __future__ import annotations

from typing import Any

from crdt.causal.dotted import Counted
from crdt.errors import PayloadError
from crdt.payloads import expect_list
from crdt.tagged import decode, decode_int, encode_int


def encode_amounts(leaves: list[Counted]) -> list[Any]:
    """Return amounts as ``[amount, times, amount, times...]``."""
    return [encode_int(number) for leaf in leaves for number in leaf]


def decode_amounts(payload: Any, place: str, *, signed: bool) -> list[Counted]:
    """Return the amounts that `encode_amounts` wrote.

    Raises:
        PayloadError: Not pairs, an amount of zero, a negative one where none can be, no times, or
            neighbours that should be one pair.
    """
    numbers = expect_list(payload, place)
    if len(numbers) % 2:
        raise PayloadError("expected pairs of amount and times", place)
    leaves: list[Counted] = []
    for i in range(0, len(numbers), 2):
        here = f"{place}[{i}]"
        amount = _decode_amount(numbers[i], here, signed=signed)
        if leaves and leaves[-1][0] == amount:
            raise PayloadError("equal neighbours are one pair", here)
        leaves.append((amount, decode_int(numbers[i + 1], f"{place}[{i + 1}]", at_least=1)))
    return leaves


def _decode_amount(payload: Any, place: str, *, signed: bool) -> int:
    amount = decode(payload, place)
    if type(amount) is not int or not amount or (amount < 0 and not signed):
        raise PayloadError("expected a whole number" + (", not 0" if signed else " >= 1"), place)
    return amount
