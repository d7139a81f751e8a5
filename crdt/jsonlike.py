"""What a payload may be made of, checked once and copied on the way.

Strings, finite numbers, booleans, None, lists, and dicts with str keys, of exactly these types and
at most 64 deep: what JSON and strict msgpack carry without change. Payloads of built-in types have
their own decoders; this is for hand-written ones, on their way in and out.
"""

from __future__ import annotations

from collections.abc import Iterable
import math
from typing import Any

from crdt.errors import PayloadError

MAX_PAYLOAD_DEPTH = 64
"""How deep lists and dicts of a payload nest; decoders elsewhere stop there as well."""


def checked_copy(payload: Any, place: str = "payload", depth: int = 0) -> Any:
    """Return a deep copy of ``payload``.

    Raises:
        PayloadError: Something in it is not JSON-friendly; the message names the place.
    """
    kind = type(payload)
    if payload is None or kind is bool:
        return payload
    if kind is str:
        return _checked_text(payload, place)
    if kind is int or kind is float:
        return _checked_number(payload, place)
    if kind is not list and kind is not dict:
        raise PayloadError(f"a payload cannot hold {kind.__qualname__}", place)
    if depth >= MAX_PAYLOAD_DEPTH:
        raise PayloadError(f"lists and dicts nest at most {MAX_PAYLOAD_DEPTH} deep", place[:80])
    if kind is list:
        return [checked_copy(item, f"{place}[{i}]", depth + 1) for i, item in enumerate(payload)]
    return {
        _checked_key(name, place): checked_copy(item, f"{place}[{name!r:.40}]", depth + 1)
        for name, item in payload.items()
    }


def check_depth(payload: Any) -> None:
    """Check that lists and dicts of foreign data nest no deeper than any payload may.

    Raises:
        PayloadError: They do, or for ever.
    """
    level = [payload]
    for _ in range(MAX_PAYLOAD_DEPTH + 1):
        level = [inner for item in level if isinstance(item, list | dict) for inner in _parts(item)]
        if not level:
            return
    raise PayloadError(f"lists and dicts nest at most {MAX_PAYLOAD_DEPTH} deep")


def _parts(item: list[Any] | dict[Any, Any]) -> Iterable[Any]:
    return item.values() if isinstance(item, dict) else item


def _checked_key(name: Any, place: str) -> str:
    if type(name) is not str:
        raise PayloadError(f"keys are str, not {type(name).__qualname__}", place)
    return _checked_text(name, place)


def _checked_text(text: str, place: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise PayloadError("text holds a lone surrogate", place) from None
    return text


def _checked_number(number: float, place: str) -> float:
    if type(number) is float and not math.isfinite(number):
        raise PayloadError("a number must be finite", place)
    if type(number) is int and not -(2**63) <= number < 2**64:
        raise PayloadError("an int must fit into 64 bits", place)
    return number
