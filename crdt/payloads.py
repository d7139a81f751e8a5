"""The shapes that payloads of built-in types are made of, taken apart with distrust.

Every function gets foreign data and its place, and returns it once it is known to be right, or
raises `PayloadError`. A payload has one spelling: what could be left out must be left out, and
what has an order must be in it, so that equal states have equal bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import lt
from typing import Any

from crdt.atoms import MAX_ATOM_BYTES, Key
from crdt.clock import COUNTER_LIMIT, MS_LIMIT, Stamp
from crdt.errors import PayloadError
from crdt.replica import check_replica
from crdt.tagged import canonical_text, decode, encode, quote


def expect_dict(payload: Any, place: str) -> dict[Any, Any]:
    """Return ``payload`` if it is a dict."""
    if type(payload) is not dict:
        raise PayloadError(f"expected a dict, not {type(payload).__name__}", place)
    return payload


def expect_list(payload: Any, place: str, length: int | None = None) -> list[Any]:
    """Return ``payload`` if it is a list, and of ``length`` if one is given."""
    if type(payload) is not list:
        raise PayloadError(f"expected a list, not {type(payload).__name__}", place)
    if length is not None and len(payload) != length:
        raise PayloadError(f"expected {length} items, not {len(payload)}", place)
    return payload


def expect_replica(payload: Any, place: str) -> str:
    """Return ``payload`` if it is a replica id."""
    try:
        return check_replica(payload)
    except (TypeError, ValueError) as error:
        raise PayloadError(str(error), place) from None


def expect_fields(payload: Any, place: str, names: Iterable[str]) -> dict[str, Any]:
    """Return ``payload`` if it is a dict with no other fields than ``names``."""
    fields = expect_dict(payload, place)
    for name in fields:
        if type(name) is not str or name not in names:
            raise PayloadError(f"expected no other fields than {', '.join(names)}", place)
    return fields


def decode_stamp(payload: Any, place: str) -> Stamp:
    """Return the stamp that ``payload`` spells as ``[ms, counter]``."""
    ms, counter = expect_list(payload, place, 2)
    if type(ms) is not int or not 0 <= ms < MS_LIMIT:
        raise PayloadError("expected milliseconds since 1970, below 2**43", f"{place}[0]")
    if type(counter) is not int or not 0 <= counter < COUNTER_LIMIT:
        raise PayloadError("expected a counter below 2**32", f"{place}[1]")
    return ms, counter


def encode_keys(keys: Iterable[Key]) -> list[Any]:
    """Return keys in JSON, in canonical order."""
    return [encode(key) for key in sorted(keys, key=canonical_text)]


def decode_keys(payload: Any, place: str) -> dict[Key, None]:
    """Return the keys of a list in canonical order, each standing once."""
    if set(map(type, expect_list(payload, place))) == {str} and is_plain_text("".join(payload)):
        texts = list(map(quote, payload))
        if all(map(lt, texts, texts[1:])):
            return dict.fromkeys(payload)
    keys: dict[Key, None] = {}
    before = ""
    for i, item in enumerate(payload):
        key = decode(item, f"{place}[{i}]")
        text = canonical_text(key)
        if text <= before:
            raise PayloadError("elements stand in canonical order, each once", f"{place}[{i}]")
        before = text
        keys[key] = None
    return keys


def decode_keys_by_dot(payload: list[Any], place: str) -> list[Key]:
    """Return the keys of a list that some other order rules; repetitions are the caller's."""
    if set(map(type, payload)) == {str} and is_plain_text("".join(payload)):
        return payload.copy()
    return [decode(item, f"{place}[{i}]") for i, item in enumerate(payload)]


def is_plain_text(text: str) -> bool:
    """Tell at once for many strings, joined, that each may be an element."""
    return text.isascii() and len(text) <= MAX_ATOM_BYTES
