"""Frozen dataclasses as JSON documents, and back, exactly.

Rule of this file: it knows no plan; what may stand where follows from the types of the fields. The
values of users (arguments of writes) keep the difference between list and tuple, and everything
that JSON has no word for, by objects with one key: ``{"tuple": [...]}``, ``{"dict": [[key, value],
...]}``, ``{"float": "inf"}``.
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
import difflib
from functools import cache
from math import isfinite
import re
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from crdtnode.sim.latency import Latency
from crdtnode.sim.link import PlanError
from crdtnode.sim.quantities import quantity

KIND = "kind"
"""The key that says which class an object of a union is of, such as ``majority-ring``."""


def kind_of(cls: type) -> str:
    """The word for a class in documents: ``MajorityRing`` is ``majority-ring``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", cls.__name__).lower()


def nearest(word: str, words: object) -> str:
    """A hint at the word that was probably meant, or the words that there are."""
    known = [str(w) for w in words]  # type: ignore[attr-defined] # any iterable
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(known)}"


# Writing


def to_document(value: object) -> dict[str, object]:
    """An object as a JSON document, without the fields that have their default."""
    cls: Any = type(value)
    document: dict[str, object] = {}
    for field, hint in _hints(cls).items():
        held = getattr(value, field)
        if _default(cls, field) != held:
            document[field] = _written(held, hint)
    return document


def _written(value: object, hint: Any) -> object:
    if isinstance(value, Latency):
        return str(value) if _parsed(str(value)) == value else to_document(value)
    if is_dataclass(value):
        document = to_document(value)
        return {KIND: kind_of(type(value)), **document} if _classes(hint) else document
    if hint is object:
        return value_written(value)
    if isinstance(value, tuple):
        return [_written(one, get_args(hint)[0]) for one in value]
    return value


def value_written(value: object) -> object:
    """A user's value in JSON, so that `value_read` gives an equal one of the same types.

    Raises:
        PlanError: JSON cannot hold it.
    """
    match value:
        case bool() | int() | str() | None:
            return value
        case float():
            return value if isfinite(value) else {"float": repr(value)}
        case list():
            return [value_written(one) for one in value]
        case tuple():
            return {"tuple": [value_written(one) for one in value]}
        case dict():
            pairs = [[value_written(k), value_written(v)] for k, v in value.items()]
            return {"dict": pairs}
        case _:
            raise PlanError(f"{value!r} cannot be written to a file")


# Reading


def from_document(cls: type, document: object, where: str = "") -> Any:
    """Make an object of a class from a document.

    Raises:
        PlanError: A key is unknown or missing, or a value is of the wrong kind; the message begins
            with its place, such as ``faults[2].node``.
    """
    if not isinstance(document, Mapping):
        raise PlanError(f"{where or 'the document'} must be an object, not {document!r}")
    hints = _hints(cls)
    for key in document:
        if key not in hints:
            raise PlanError(f"{_at(where, str(key))} is unknown{nearest(str(key), hints)}")
    values = {}
    for field, hint in hints.items():
        if field in document:
            values[field] = _read(hint, document[field], _at(where, field))
        elif _default(cls, field) is MISSING:
            raise PlanError(f"{_at(where, field)} is missing")
    try:
        return cls(**values)
    except ValueError as error:
        if str(error).partition(" ")[0] in document:  # it begins with the field that is meant
            raise PlanError(_at(where, str(error))) from error
        raise PlanError(f"{where}: {error}" if where else str(error)) from error


def _read(hint: Any, value: object, where: str) -> Any:
    classes = _classes(hint)
    if classes:
        return _read_kind(classes, value, where)
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):  # the only other unions are those with None
        (inner,) = (one for one in args if one is not NoneType)
        return None if value is None else _read(inner, value, where)
    if origin is Literal:
        if value not in args:
            raise PlanError(f"{where}: {value!r} is unknown{nearest(str(value), args)}")
        return value
    if origin is tuple and hint is not object:
        return _read_tuple(args[0], value, where)
    if hint is Latency and isinstance(value, str):
        try:
            return Latency.parse(value)
        except ValueError as error:
            raise PlanError(f"{where}: {error}") from error
    if is_dataclass(hint):
        return from_document(hint, value, where)  # type: ignore[arg-type] # a class, no instance
    return value_read(value, where) if hint is object else _read_plain(hint, value, where)


def _read_kind(classes: dict[str, type], value: object, where: str) -> Any:
    if not isinstance(value, Mapping) or not isinstance(value.get(KIND), str):
        raise PlanError(f"{where} must be an object with the key {KIND!r}, not {value!r}")
    kind = value[KIND]
    if kind not in classes:
        raise PlanError(f"{where}.{KIND}: {kind!r} is unknown{nearest(kind, classes)}")
    rest = {key: one for key, one in value.items() if key != KIND}
    return from_document(classes[kind], rest, where)


def _read_tuple(inner: Any, value: object, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise PlanError(f"{where} must be a list, not {value!r}")
    return tuple(_read(inner, one, f"{where}[{n}]") for n, one in enumerate(value))


_WORDS = {str: "a text", bool: "true or false", int: "a whole number", float: "a number"}


def _read_plain(hint: type, value: object, where: str) -> object:
    if hint is float and type(value) is int:
        return float(value)
    if hint is float and isinstance(value, str):
        return _read_quantity(value, where)
    if type(value) is not hint:
        raise PlanError(f"{where} must be {_WORDS[hint]}, not {value!r}")
    return value


def _read_quantity(text: str, where: str) -> float:
    """A number with its unit; the last part of its place is the name of the field."""
    try:
        return quantity(re.split(r"[.\[]", where)[-1], text)
    except PlanError as error:
        raise PlanError(f"{where}: {error}") from error


def value_read(value: object, where: str) -> object:
    """The user's value that `value_written` wrote.

    Raises:
        PlanError: Nothing is written so; the message begins with ``where``.
    """
    readers: dict[str, Callable[[Any], object]] = {
        "tuple": lambda items: tuple(value_read(one, where) for one in items),
        "dict": lambda items: {value_read(k, where): value_read(v, where) for k, v in items},
        "float": float,
    }
    match value:
        case list():
            return [value_read(one, where) for one in value]
        case dict():
            try:
                ((word, inner),) = value.items()
                return readers[word](inner)
            except (LookupError, TypeError, ValueError) as error:
                words = ", ".join(readers)
                raise PlanError(f"{where}: an object here has one key of {words}") from error
        case _:
            return value


# What classes look like


@cache
def _hints(cls: type) -> dict[str, Any]:
    """The fields of a dataclass with their types, in order."""
    hints = get_type_hints(cls)
    return {field.name: hints[field.name] for field in fields(cls)}


@cache
def _defaults(cls: type) -> dict[str, object]:
    return {
        field.name: field.default if field.default_factory is MISSING else field.default_factory()
        for field in fields(cls)
    }


def _default(cls: type, field: str) -> object:
    return _defaults(cls)[field]


def _classes(hint: Any) -> dict[str, type]:
    """The classes of a union of dataclasses by their words; nothing for any other type."""
    if get_origin(hint) not in (Union, UnionType):
        return {}
    classes = [one for one in get_args(hint) if one is not NoneType]
    return {kind_of(one): one for one in classes} if len(classes) > 1 else {}


def _parsed(text: str) -> Latency | None:
    try:
        return Latency.parse(text)
    except ValueError:
        return None


def _at(where: str, field: str) -> str:
    return f"{where}.{field}" if where else field
