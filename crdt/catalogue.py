"""Kinds by name: versioned type tags and the classes they stand for.

A tag such as ``"orset@1"`` names a type and the meaning of its payload, on the wire and on disk.
A tag's meaning never changes; a new meaning gets a new number. Types of your own join in with
`register`.
"""

from __future__ import annotations

from collections.abc import Iterator
import re
from typing import Any, TypeVar, get_origin

from crdt.base import StateCRDT, behind
from crdt.carts import ORCart
from crdt.counters import BoundedCounter, GCounter, PNCounter
from crdt.errors import UnknownTypeError
from crdt.flags import DisableWinsFlag, EnableWinsFlag
from crdt.graphs import AddRemovePartialOrder, MonotonicDAG, TwoPTwoPGraph
from crdt.maps import GMap, LWWMap, ORMap
from crdt.registers import LWWRegister, MaxRegister, MinRegister, MVRegister
from crdt.sequences import RGA, Logoot, Sequence, Text
from crdt.sets import GSet, LWWSet, ORSet, PNSet, RWSet, TwoPSet, USet
from crdt.trees import Tree

C = TypeVar("C", bound=type[StateCRDT])

_TAG = re.compile(r"[a-z][a-z0-9_.-]{0,59}@[1-9][0-9]{0,3}")

_types: dict[str, type[StateCRDT]] = {}
_tags: dict[type[StateCRDT], str] = {}


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
    if _types.get(wanted, kind) is not kind:
        raise ValueError(f"the tag {wanted!r} stands for {_types[wanted].__qualname__} for ever")
    if _tags.get(kind, wanted) != wanted:
        raise ValueError(f"{kind.__qualname__} has the tag {_tags[kind]!r} for ever")
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
    try:
        return _tags[found]
    except KeyError:
        raise UnknownTypeError(
            f"{found.__qualname__} has no type tag; call crdt.catalogue.register"
            f"({found.__qualname__}) once, before any node meets it"
        ) from None


def type_of(tag: str) -> type[StateCRDT]:
    """Return the class that a tag stands for.

    Raises:
        UnknownTypeError: Nobody registered the tag; the message names `register`.
    """
    try:
        return _types[tag]
    except (KeyError, TypeError):
        raise UnknownTypeError(
            f"no type has the tag {tag!r:.80}; if it is one of yours, "
            "call crdt.catalogue.register with its class"
        ) from None


def tags() -> Iterator[str]:
    """Yield all tags in alphabetical order."""
    yield from sorted(_types)


def count() -> int:
    """Return how many types are registered; it only ever grows."""
    return len(_types)


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


_BUILT_IN: dict[str, type[StateCRDT]] = {
    "gcounter@1": GCounter,
    "pncounter@1": PNCounter,
    "gset@1": GSet,
    "twopset@1": TwoPSet,
    "lwwset@1": LWWSet,
    "orset@1": ORSet,
    "lwwregister@1": LWWRegister,
    "tree@1": Tree,
    "twoptwopgraph@1": TwoPTwoPGraph,
    "monotonicdag@1": MonotonicDAG,
    "addremovepartialorder@1": AddRemovePartialOrder,
    "sequence@1": Sequence,
    "text@1": Text,
    "rga@1": RGA,
    "logoot@1": Logoot,
    "enablewinsflag@1": EnableWinsFlag,
    "disablewinsflag@1": DisableWinsFlag,
    "mvregister@1": MVRegister,
    "maxregister@1": MaxRegister,
    "minregister@1": MinRegister,
    "uset@1": USet,
    "pnset@1": PNSet,
    "rwset@1": RWSet,
    "boundedcounter@1": BoundedCounter,
    "gmap@1": GMap,
    "lwwmap@1": LWWMap,
    "ormap@1": ORMap,
    "orcart@1": ORCart,
}

for _tag, _kind in _BUILT_IN.items():
    register(_kind, _tag)
