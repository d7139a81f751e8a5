"""Elements, keys and plain values: what they may be and when two of them are the same.

Two are the same if type and value are: ``1``, ``True``, ``1.0`` and ``"1"`` are four. Inside the
toolbox an atom is held as a *key*, a hashable and immutable twin that keeps Python's ``==`` from
merging them: str, int and None stand for themselves, everything else is a tuple that begins with
its type, and a tuple of atoms is the tuple of their keys. No user's tuple can look like a marked
one, because a type is no atom.

Exact types only: a subclass carries a meaning that would not survive the journey as JSON. Lists
and dicts with str keys are values (for registers), not elements. Text keeps its code points:
nothing is normalised. All of it nests 8 deep.
"""

from __future__ import annotations

from collections.abc import Callable
import math
from typing import Any, Final

Key = Any
"""The hashable twin of an atom."""

MAX_DEPTH = 8
"""How deep tuples, lists and dicts nest."""

MAX_ATOM_BYTES = 2**24
"""Longest text in UTF-8, longest bytes, and longest int: 16 MiB, as much as a whole object."""


class _Nothing:
    """Stands for what cannot be an element; equal to no key."""


NOTHING: Final = _Nothing()

_CONVERSIONS = (
    ("enum", "Enum", "use its .value"),
    ("datetime", "datetime", "use its .isoformat()"),
    ("datetime", "date", "use its .isoformat()"),
    ("datetime", "time", "use its .isoformat()"),
    ("datetime", "timedelta", "use its .total_seconds()"),
    ("decimal", "Decimal", "use str(x)"),
    ("fractions", "Fraction", "use str(x)"),
    ("uuid", "UUID", "use str(x)"),
    ("numpy", "generic", "use its .item()"),
    ("numpy", "ndarray", "use its .tolist(), and a tuple of that where an element is asked for"),
    ("builtins", "list", "use tuple(x)"),
    ("builtins", "dict", "use tuple(sorted(x.items()))"),
    ("builtins", "set", "use tuple(sorted(x))"),
    ("builtins", "frozenset", "use tuple(sorted(x))"),
    ("builtins", "bytearray", "use bytes(x)"),
    ("builtins", "memoryview", "use bytes(x)"),
    ("builtins", "complex", "use (x.real, x.imag)"),
    ("builtins", "tuple", "use tuple(x)"),
    ("builtins", "str", "use str(x)"),
    ("builtins", "bytes", "use bytes(x)"),
    ("builtins", "int", "use int(x)"),
    ("builtins", "float", "use float(x)"),
)


def identify(element: object) -> Key:
    """Return the key of an element.

    Raises:
        TypeError: Its type cannot be an element; the message names a conversion.
        ValueError: NaN, an infinity, a lone surrogate, too long, or nested over 8 deep.
    """
    simple = _SIMPLE.get(type(element))
    return _identify(element, 0, values=False) if simple is None else simple(element)


def freeze(value: object) -> Key:
    """Return the key of a register's value: an element, or a list or dict of such.

    Raises:
        TypeError: Some type in it cannot be a value; the message names a conversion.
        ValueError: NaN, an infinity, a lone surrogate, too long, or nested over 8 deep.
    """
    simple = _SIMPLE.get(type(value))
    return _identify(value, 0, values=True) if simple is None else simple(value)


def lookup(element: object) -> Key:
    """Return the key of what somebody looks for, `NOTHING` if it cannot be an element."""
    try:
        return identify(element)
    except (TypeError, ValueError):
        return NOTHING


def element_of(key: Key) -> Any:
    """Return the element, or a fresh copy of the value, that a key stands for."""
    if type(key) is not tuple:
        return key
    mark = key[0] if key else None
    if mark is bool or mark is float or mark is bytes:
        return key[1]
    if mark is list:
        return [element_of(item) for item in key[1:]]
    if mark is dict:
        return {name: element_of(item) for name, item in key[1:]}
    return tuple([element_of(item) for item in key])


def _identify(element: Any, depth: int, *, values: bool) -> Key:
    kind = type(element)
    simple = _SIMPLE.get(kind)
    if simple is not None:
        return simple(element)
    if kind is tuple:
        _check_depth(depth)
        return tuple([_identify(item, depth + 1, values=values) for item in element])
    if values and kind is list:
        _check_depth(depth)
        return (list, *[_identify(item, depth + 1, values=True) for item in element])
    if values and kind is dict:
        _check_depth(depth)
        return (dict, *_identify_items(element, depth))
    raise TypeError(_refusal(kind, values=values))


def _identify_items(mapping: dict[Any, Any], depth: int) -> list[tuple[str, Key]]:
    for name in mapping:
        if type(name) is not str:
            raise TypeError(f"the keys of a dict are str, not {type(name).__name__}")
    return [
        (_text(name), _identify(mapping[name], depth + 1, values=True)) for name in sorted(mapping)
    ]


def _check_depth(depth: int) -> None:
    if depth >= MAX_DEPTH:
        raise ValueError(f"tuples, lists and dicts nest at most {MAX_DEPTH} deep")


def _text(text: Any) -> Key:
    if text.isascii() and len(text) <= MAX_ATOM_BYTES:
        return text
    try:
        _check_size(len(text.encode()))
    except UnicodeEncodeError:
        raise ValueError(f"text cannot hold a lone surrogate: {text[:40]!a}") from None
    return text


def _bytes(data: Any) -> Key:
    _check_size(len(data))
    return (bytes, data)


def _int(number: Any) -> Key:
    if number.bit_length() > 4 * MAX_ATOM_BYTES:
        _check_size(number.bit_length() // 4)
    return number


def _float(number: Any) -> Key:
    if not math.isfinite(number):
        raise ValueError(f"a float must be finite, not {number!r}")
    return (float, number + 0.0)  # -0.0 + 0.0 is 0.0


def _check_size(size_bytes: int) -> None:
    if size_bytes > MAX_ATOM_BYTES:
        raise ValueError(f"text, bytes and ints take at most {MAX_ATOM_BYTES} bytes each")


_SIMPLE: dict[type, Callable[[Any], Key]] = {
    str: _text,
    int: _int,
    bool: lambda flag: (bool, flag),
    float: _float,
    bytes: _bytes,
    type(None): lambda none: none,
}


def _refusal(kind: type, *, values: bool) -> str:
    what = "a value" if values else "an element"
    allowed = "None, bool, int, float, str, bytes and tuples of these"
    if values:
        allowed += ", lists and dicts with str keys"
    advice = _advice(kind)
    return f"{what} cannot be of type {kind.__qualname__}{advice}; it can be {allowed}"


def _advice(kind: type) -> str:
    names = [(base.__module__, base.__name__) for base in kind.__mro__]
    if ("builtins", "tuple") in names and hasattr(kind, "_fields"):
        return " (a namedtuple: use tuple(x))"
    if hasattr(kind, "__dataclass_fields__"):
        return " (a dataclass: use dataclasses.astuple(x))"
    for module, name, advice in _CONVERSIONS:
        if (module, name) in names:
            return f" ({advice})"
    return " (convert it to one of them first)"
