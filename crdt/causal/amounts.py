"""Amounts under dots, and their payload: ``[amount, times, amount, times...]``.

A plain amount is an int, what one operation added. A *sum* of many, ``(total,)``, took the place of
amounts that everybody has seen; it is spelled ``["+", total]``.
"""

from __future__ import annotations

from typing import Any

from crdt.causal.dotted import Counted
from crdt.errors import PayloadError
from crdt.payloads import expect_list
from crdt.tagged import decode, decode_int, encode_int

Amount = int | tuple[int]
"""A plain amount or a sum."""

_SUM = "+"


def total_of(amount: Amount) -> int:
    """Return the number that an amount or a sum stands for."""
    return amount if isinstance(amount, int) else amount[0]


def is_sum(amount: Amount) -> bool:
    """Tell whether it is a sum, which can change no more."""
    return not isinstance(amount, int)


def sum_of(leaves: list[Counted]) -> Amount:
    """Return the sum of amounts, each with how often it stands."""
    return (sum([total_of(amount) * often for amount, often in leaves]),)


def encode_amounts(leaves: list[Counted]) -> list[Any]:
    """Return amounts as ``[amount, times, amount, times...]``."""
    spelled: list[Any] = []
    for amount, often in leaves:
        number = encode_int(total_of(amount))
        spelled += [[_SUM, number] if is_sum(amount) else number, encode_int(often)]
    return spelled


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


def _decode_amount(payload: Any, place: str, *, signed: bool) -> Amount:
    summed = type(payload) is list and payload[:1] == [_SUM]
    number = decode(expect_list(payload, place, 2)[1] if summed else payload, place)
    if type(number) is not int or (number < 1 and not signed) or not (number or summed):
        raise PayloadError("expected a whole number" + (", not 0" if signed else " >= 1"), place)
    return (number,) if summed else number
