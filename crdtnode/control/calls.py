"""Which methods of an object may be called from outside, and how their arguments come in.

Rule of this file: callable are the mutators of a type, and nothing else. Arguments are checked by
the type, as if the call came from a program. A call that fails leaves no trace: an object that did
not exist is tried on a scratch copy first.
"""

from collections.abc import Callable
from typing import Any, Final

from crdt import StateCRDT, catalogue
from crdt.errors import UnknownTypeError
from crdt.homes import imported
from crdt.native import Native
from crdtnode.control.problems import Problem
from crdtnode.control.rendering import argument_from, element_from, takes_elements
from crdtnode.errors import UnknownType
from crdtnode.node import Node
from crdtnode.node.mutators import mutators, signature_text

_COMPOUND: Final = "crdt.compound:Compound"
_ENTRY_MAP: Final = "crdt.maps.entries:EntryMap"
_LIVE_MAP: Final = "crdt.maps.live:LiveMap"

_TAKES_ITERABLES = {"update"}
_OPENING = 3
"""What a call through ``open`` takes at least: a key, a type, and a method."""


def tag_for(node: Node, written: str) -> str:
    """Return the type tag that somebody wrote: ``orset@1``, ``orset`` or ``ORSet``.

    Raises:
        UnknownType: No type of this node is meant; lists those that there are.
    """
    known = node.registry.types
    if written in known:
        return written
    versions = [tag for tag in known if tag.partition("@")[0] == written.lower()]
    if versions:
        return max(versions, key=lambda tag: int(tag.partition("@")[2]))
    raise UnknownType(f"no type is called {written!r:.80}; there are {', '.join(known)}")


def class_of(tag: str) -> type[StateCRDT]:
    """Return the class of a tag.

    Raises:
        UnknownType: Nobody registered it.
    """
    try:
        return catalogue.type_of(tag)
    except UnknownTypeError as error:
        raise UnknownType(str(error)) from None


def call(node: Node, tag: str, name: str, method: str, args: list[Any]) -> StateCRDT:
    """Call a mutator of an object, which is made if there is none; return the object.

    Raises:
        Problem: The type has no such method, or it takes other arguments.
        TypeError, ValueError, KeyError: The type refuses an argument.
        CrdtNodeError: The registry refuses the name or the change.
    """
    kind = class_of(tag)
    act = _act(node, kind, tag, method, args)
    if node.registry.get(tag, name) is None:
        act(kind())
    if issubclass(kind, Native):
        obj = node.open(name, kind)
        act(obj)
        return obj
    with node.change(name, kind) as changing:
        act(changing)
    return node.open(name, kind)


def _act(
    node: Node, kind: type[StateCRDT], tag: str, method: str, args: list[Any]
) -> Callable[[Any], object]:
    """Return what a call does to an object, after looking at all that was written.

    Inside a map, ``open`` takes a key, a type, and then a method of that type with its arguments;
    inside a compound, ``field.method`` calls a field's method.
    """
    if issubclass(kind, imported(_LIVE_MAP)) and method == "open":
        if len(args) < _OPENING:
            raise Problem(422, "open takes a key, a type, a method and its arguments", field="args")
        key, written, inner, *rest = args
        found = element_from(key, "args[0]")
        child = tag_for(node, str(written))
        act = _act(node, class_of(child), child, str(inner), rest)
        return lambda obj: act(obj.open(found, class_of(child)))
    field, _, inner = method.partition(".")
    parts = getattr(kind, "_kinds", {}) if issubclass(kind, imported(_COMPOUND)) else {}
    if inner and field in parts:
        part = parts[field]
        act = _act(node, part, f"{tag}.{field}", inner, args)
        return lambda obj: act(getattr(obj, field))
    arguments = _arguments(kind, tag, method, args)
    return lambda obj: getattr(obj, method)(*arguments)


def _arguments(kind: type[StateCRDT], tag: str, method: str, args: list[Any]) -> list[Any]:
    known = mutators(kind)
    signature = known.get(method)
    if signature is None:
        allowed = ", ".join(known) or "nothing"
        raise Problem(404, f"{tag} has no method {method!r:.80}; it has {allowed}", field="method")
    try:
        signature.bind(*args)
    except TypeError as error:
        raise Problem(422, f"{method}{signature_text(signature)}: {error}", field="args") from None
    if issubclass(kind, imported(_ENTRY_MAP)):
        return _entries(issubclass(kind, imported(_LIVE_MAP)), method, args)
    if not takes_elements(kind):
        return args
    if method in _TAKES_ITERABLES:
        return [_elements(arg, f"args[{i}]") for i, arg in enumerate(args)]
    return [argument_from(kind, arg, f"args[{i}]") for i, arg in enumerate(args)]


def _entries(live: bool, method: str, args: list[Any]) -> list[Any]:
    """Return the arguments of a map's or cart's mutator: keys, and states where they are live."""
    if method == "update" and args:
        pairs: Any = args[0].items() if isinstance(args[0], dict) else args[0]
        return [[_entry(live, key, held, f"args[0][{key!r}]") for key, held in pairs]]
    if method == "put":
        return list(_entry(live, args[0], args[1], "args"))
    return [element_from(arg, f"args[{i}]") for i, arg in enumerate(args)]


def _entry(live: bool, key: Any, value: Any, place: str) -> tuple[Any, Any]:
    found = element_from(key, f"{place}[0]")
    if not live:
        return found, value
    if not isinstance(value, dict) or value.keys() != {"type", "payload"}:
        raise Problem(422, "expected an object with type and payload", field=f"{place}[1]")
    return found, class_of(str(value["type"])).from_payload(value["payload"])


def _elements(argument: Any, place: str) -> list[Any]:
    if not isinstance(argument, list):
        raise Problem(422, f"expected a list of elements, not {argument!r:.80}", field=place)
    return [element_from(element, f"{place}[{i}]") for i, element in enumerate(argument)]
