"""Atoms as JSON: every key has exactly one spelling, and no other is accepted.

None, bool, str and ints within +-(2**53 - 1) are plain JSON; everything else is a tagged list:
``["i", "0x1f"]``, ``["f", "1.5"]`` (Python's repr), ``["b", "base64"]``, ``["t", [...]]``,
``["l", [...]]``, ``["d", [[key, value]...]]`` with sorted keys. A list is always a tag, so that
nothing a user holds can be taken for one. JSON and strict msgpack carry all of it unchanged.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable
import json
from json.encoder import encode_basestring_ascii
from typing import Any

from crdt.atoms import MAX_ATOM_BYTES, MAX_DEPTH, Key, identify
from crdt.errors import PayloadError

quote: Callable[[str], str] = encode_basestring_ascii
"""Returns a text as JSON, in ASCII."""

_encoder = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)
_make: Any = vars(json.encoder)["c_make_encoder"]
# What `encode` makes anew at each call, for most of its price; an interpreter may have none.
_chunks: Callable[[Any, bool], Iterable[str]] = (
    _make(None, _encoder.default, quote, None, ":", ",", True, False, False)
    if _make
    else _encoder.iterencode
)

SAFE_INT = 2**53 - 1
"""Ints up to here survive every JSON reader."""


def encode(key: Key) -> Any:
    """Return the JSON spelling of a key. It shares nothing mutable with anything."""
    kind = type(key)
    if kind is str or key is None:
        return key
    if kind is int:
        return encode_int(key)
    mark = key[0] if key else None
    if mark is bool:
        return key[1]
    if mark is float:
        return ["f", repr(key[1])]
    if mark is bytes:
        return ["b", base64.b64encode(key[1]).decode("ascii")]
    if mark is list:
        return ["l", [encode(item) for item in key[1:]]]
    if mark is dict:
        return ["d", [[name, encode(item)] for name, item in key[1:]]]
    return ["t", [encode(item) for item in key]]


def encode_int(number: int) -> Any:
    """Return the JSON spelling of an int, a list where JSON readers would lose digits."""
    return number if -SAFE_INT <= number <= SAFE_INT else ["i", hex(number)]


def canonical_json(payload: Any) -> str:
    """Return compact JSON with sorted keys, in ASCII."""
    return "".join(_chunks(payload, False))


def canonical_text(key: Key) -> str:
    """Return the canonical encoding of a key; it decides every order among atoms."""
    if type(key) is str:
        return quote(key)
    if type(key) is int and -SAFE_INT <= key <= SAFE_INT:
        return str(key)
    return canonical_json(encode(key))


def decode(payload: Any, place: str, *, values: bool = False, depth: int = 0) -> Key:
    """Return the key that ``payload`` spells.

    Args:
        payload: Foreign data.
        place: Where it stands, for the error.
        values: Also accept lists and dicts, as registers do.
        depth: How many tuples, lists and dicts stand around it.

    Raises:
        PayloadError: It spells no key, or not in the canonical way.
    """
    kind = type(payload)
    if kind is str:
        return _text(payload, place)
    if payload is None:
        return None
    if kind is bool:
        return (bool, payload)
    if kind is int:
        return _plain_int(payload, place)
    if kind is list:
        return _decode_tag(payload, place, values=values, depth=depth)
    raise PayloadError(f"{kind.__name__} is no JSON spelling of an element", place)


def decode_int(payload: Any, place: str, *, at_least: int) -> int:
    """Return the int that ``payload`` spells, refusing what is below ``at_least``.

    Raises:
        PayloadError: It is no int (True is none), not spelled canonically, or too small.
    """
    if type(payload) is int:
        number = _plain_int(payload, place)
    elif type(payload) is list and len(payload) == 2 and payload[0] == "i":
        number = _tagged_int(payload[1], place)
    else:
        raise PayloadError(f"expected a whole number, not {type(payload).__name__}", place)
    if number < at_least:
        raise PayloadError(f"expected a number >= {at_least}, not {number:#x}", place)
    return number


def _plain_int(number: int, place: str) -> int:
    if not -SAFE_INT <= number <= SAFE_INT:
        raise PayloadError('an int beyond 2**53 - 1 is spelled ["i", "0x..."]', place)
    return number


def _decode_tag(payload: list[Any], place: str, *, values: bool, depth: int) -> Key:
    if len(payload) != 2 or type(payload[0]) is not str:
        raise PayloadError("expected a pair [tag, content]", place)
    tag, content = payload
    leaf = _LEAVES.get(tag)
    if leaf is not None:
        return leaf(content, place)
    if tag not in ("t", "l", "d") or (tag != "t" and not values):
        raise PayloadError(f"unknown tag {tag!r:.20}", place)
    if type(content) is not list:
        raise PayloadError("expected a list", f"{place}[1]")
    if depth >= MAX_DEPTH:
        raise PayloadError(f"tuples, lists and dicts nest at most {MAX_DEPTH} deep", place)
    if tag == "d":
        return (dict, *_decode_items(content, f"{place}[1]", depth + 1))
    items = [
        decode(item, f"{place}[1][{i}]", values=values, depth=depth + 1)
        for i, item in enumerate(content)
    ]
    return (list, *items) if tag == "l" else tuple(items)


def _decode_items(content: list[Any], place: str, depth: int) -> list[tuple[str, Key]]:
    items: list[tuple[str, Key]] = []
    for i, pair in enumerate(content):
        here = f"{place}[{i}]"
        if type(pair) is not list or len(pair) != 2 or type(pair[0]) is not str:
            raise PayloadError("expected a pair [str, value]", here)
        name = _text(pair[0], here)
        if items and name <= items[-1][0]:
            raise PayloadError("the keys of a dict are sorted and each stands once", here)
        items.append((name, decode(pair[1], f"{here}[1]", values=True, depth=depth)))
    return items


def _text(text: str, place: str) -> str:
    try:
        key: str = identify(text)
    except ValueError as error:
        raise PayloadError(str(error), place) from None
    return key


def _check_content(content: Any, place: str) -> str:
    if type(content) is not str:
        raise PayloadError("expected text", f"{place}[1]")
    if len(content) > MAX_ATOM_BYTES * 2:
        raise PayloadError(f"an atom takes at most {MAX_ATOM_BYTES} bytes", place)
    return content


def _tagged_int(content: Any, place: str) -> int:
    try:
        number = int(_check_content(content, place), 16)
    except ValueError as error:
        raise _not_canonical(error, place) from None
    if hex(number) != content or -SAFE_INT <= number <= SAFE_INT:
        raise PayloadError("not the canonical spelling of an int", place)
    _in_bounds(number, place)
    return number


def _tagged_float(content: Any, place: str) -> Key:
    try:
        number = float(_check_content(content, place))
        if repr(number + 0.0) != content:  # -0.0 is spelled 0.0
            raise PayloadError("not the canonical spelling of a float", place)
        return _in_bounds(number, place)
    except ValueError as error:
        raise _not_canonical(error, place) from None


def _tagged_bytes(content: Any, place: str) -> Key:
    try:
        data = base64.b64decode(_check_content(content, place), validate=True)
    except (ValueError, binascii.Error) as error:
        raise _not_canonical(error, place) from None
    if base64.b64encode(data).decode("ascii") != content:
        raise PayloadError("not the canonical spelling of bytes", place)
    return _in_bounds(data, place)


def _in_bounds(element: Any, place: str) -> Any:
    try:
        return identify(element)
    except ValueError as error:
        raise PayloadError(str(error), place) from None


def _not_canonical(error: Exception, place: str) -> PayloadError:
    return error if isinstance(error, PayloadError) else PayloadError(str(error)[:80], place)


_LEAVES: dict[str, Callable[[Any, str], Key]] = {
    "i": _tagged_int,
    "f": _tagged_float,
    "b": _tagged_bytes,
}
