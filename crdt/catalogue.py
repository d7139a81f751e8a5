"""Kinds by name: versioned type tags and the classes they stand for.

A tag such as ``"orset@1"`` names a type and the meaning of its payload, on the wire and on disk.
A tag's meaning never changes; a new meaning gets a new number. Types of your own join in with
`register`. All tags are known from the start; a class of the toolbox is imported when it is first
asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
import re
from typing import Any, TypeVar, get_origin

from crdt.base import StateCRDT, behind
from crdt.errors import UnknownTypeError
from crdt.homes import TYPES, find

C = TypeVar("C", bound=type[StateCRDT])

_TAG = re.compile(r"[a-z][a-z0-9_.-]{0,59}@[1-9][0-9]{0,3}")

_types: dict[str, type[StateCRDT] | None] = dict.fromkeys(TYPES)
"""All tags; None stands for a class that nobody has asked for."""

_tags: dict[type[StateCRDT], str] = {}
_OURS = {home: tag for tag, home in TYPES.items()}


def register(cls: C, tag: str | None = None) -> C:
    """Let a type be found by its tag. Registering the same pair again changes nothing.

    Args:
        cls: A complete subclass of `StateCRDT` whose constructor works without arguments.
        tag: Lower-case name, ``@`` and a number; by default the class's name in lower case
            followed by ``@1``.

    Returns:
        ``cls``, so that this works as a decorator.

    Raises:
        TypeError: ``cls`` is no such class; the message says what it lacks.
        ValueError: The tag is malformed or taken, or the class has another tag. Nothing changed.

    Example:
        >>> from crdt import GSet, register, tag_of
        >>> @register
        ... class Colleagues(GSet):
        ...     pass
        >>> tag_of(Colleagues())
        'colleagues@1'
    """
    kind = _class_of(cls)
    wanted = f"{kind.__name__.lower()}@1" if tag is None else tag
    if type(wanted) is not str or not _TAG.fullmatch(wanted):
        raise ValueError(f"a tag looks like 'name@1', not {wanted!r}; pass one to register()")
    if wanted in _types and (holder := type_of(wanted)) is not kind:
        raise ValueError(f"the tag {wanted!r} stands for {holder.__qualname__} for ever")
    if (given := _tag(kind)) not in (None, wanted):
        raise ValueError(f"{kind.__qualname__} has the tag {given!r} for ever")
    _check_complete(kind)
    _types[wanted] = kind
    _tags[kind] = wanted
    return cls


def tag_of(type_or_object: Any) -> str:
    """Return the tag of a class or of an object's class; ``ORSet[str]`` counts as ``ORSet``.

    Raises:
        TypeError: It is neither a replicated type nor an object of one.
        UnknownTypeError: The class has no tag yet; the message names `register`.
    """
    kind = behind(type_or_object) if isinstance(type_or_object, StateCRDT) else type_or_object
    found = _class_of(kind)
    tag = _tag(found)
    if tag is None:
        raise UnknownTypeError(
            f"{found.__qualname__} has no type tag; call crdt.catalogue.register"
            f"({found.__qualname__}) once, before any node meets it"
        )
    return tag


def type_of(tag: str) -> type[StateCRDT]:
    """Return the class that a tag stands for.

    Raises:
        UnknownTypeError: Nobody registered the tag; the message names `register`.
    """
    try:
        kind = _types[tag]
    except (KeyError, TypeError):
        raise UnknownTypeError(
            f"no type has the tag {tag!r:.80}; if it is one of yours, "
            "call crdt.catalogue.register with its class"
        ) from None
    return _first_met(tag) if kind is None else kind


def tags() -> Iterator[str]:
    """Yield all tags in alphabetical order."""
    yield from sorted(_types)


def count() -> int:
    """Return how many types are registered; it only ever grows."""
    return len(_types)


def _tag(kind: type[StateCRDT]) -> str | None:
    """Return the tag of a class, be it one of ours that came in by an import of its own."""
    tag = _tags.get(kind)
    if tag is None:
        tag = _OURS.get(f"{kind.__module__}:{kind.__qualname__}")
        if tag is not None and type_of(tag) is not kind:
            return None  # a namesake
    return tag


def _first_met(tag: str) -> type[StateCRDT]:
    kind: type[StateCRDT] = find(TYPES[tag])
    _types[tag] = kind
    _tags[kind] = tag
    return kind


def _class_of(kind: Any) -> type[StateCRDT]:
    found = get_origin(kind) or kind
    if not isinstance(found, type) or not issubclass(found, StateCRDT):
        raise TypeError(f"expected a subclass of StateCRDT, not {kind!r:.80}")
    return found


def _check_complete(kind: type[StateCRDT]) -> None:
    missing = sorted(getattr(kind, "__abstractmethods__", ()))
    if missing:
        raise TypeError(f"{kind.__qualname__} lacks {', '.join(missing)}")
    try:
        kind()
    except TypeError as error:
        raise TypeError(f"{kind.__qualname__}() must work without arguments: {error}") from error
