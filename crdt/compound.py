"""Types made of types: name the fields, and everything else follows.

    class Friendship(Compound):
        user_key: Constant[str]
        following: LWWSet
        followers: LWWSet

A compound joins field by field, and its delta holds nothing but the field that changed. Fields are
live objects that act as the compound; a `Constant` is set once and then the same everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
import sys
from typing import Any, ClassVar, Generic, Self, TypeVar, get_origin, get_type_hints, overload

from crdt.atoms import Key, element_of, freeze
from crdt.base import StateCRDT
from crdt.clock import Clock
from crdt.contexts import context_of, hash_of, parts_of, settled, since
from crdt.errors import PayloadError
from crdt.jsonlike import check_depth
from crdt.packing import packed, sized
from crdt.payloads import expect_dict, expect_fields
from crdt.rows import Hash, Print, Row, Rowed
from crdt.tagged import canonical_text, decode, encode
from crdt.watched import seat_child

T = TypeVar("T")

_BRACES_BYTES = 2
"""The braces around the one field of a part."""


class Constant(Generic[T]):
    """A field that is set once: by the constructor, by assignment, or by a join.

    Reading gives the plain value, copied, or None until it is set. What a register may hold can be
    a constant. Setting it again to the same value changes nothing; to another, ValueError.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, whole: None, kind: type) -> Constant[T]: ...
    @overload
    def __get__(self, whole: Compound, kind: type) -> T: ...
    def __get__(self, whole: Compound | None, kind: type) -> Any:
        if whole is None:
            return self
        key = whole._fixed.get(self._name)
        return None if key is None else element_of(key)

    def __set__(self, whole: Compound, value: T) -> None:
        whole.fix(self._name, value)


class _Field:
    """Stands for a live field of a compound."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, whole: Compound | None, kind: type) -> Any:
        return self if whole is None else whole._handle(self._name)

    def __set__(self, whole: Compound, value: object) -> None:
        raise AttributeError(f"{self._name} is a live object: change it, or join a whole state")


class Compound(Rowed):
    """The base of types that are made of fields.

    A subclass declares its fields as annotations: built-in types, other compounds, types written
    by hand, or ``Constant[T]``. Their names do not begin with ``_`` and are none that every type has.
    Fields do not join alone; join the compound. Register a subclass to use it in a node or a map.

    Args:
        replica: Whom the object acts as; the caller promises that nobody else does.
        clock: Returns whole milliseconds since 1970, for fields that ask; the system's by default.
        constants: Values of constants, by name.

    Payload:
        ``{field: payload}`` without fields that hold nothing; a constant's value is spelled as in
        a register.

    Source:
        Baquero et al., "Composition in state-based replicated data types" (2017): a product of
        lattices is a lattice.

    Example:
        >>> from crdt import LWWSet, ORSet
        >>> class Friendship(Compound):
        ...     user_key: Constant[str]
        ...     following: LWWSet
        ...     followers: ORSet[str]
        >>> eric = Friendship("phone", user_key="eric")
        >>> _ = eric.followers.add("glenn")
        >>> eric.payload
        {'followers': {'phone': [['glenn'], [0, 1], [0, 1]]}, 'user_key': 'eric'}
        >>> other = Friendship.from_payload({'user_key': 'eric'})
        >>> other.join(eric), "glenn" in other.followers
        (True, True)
        >>> other.join(Friendship(user_key="joey"))
        Traceback (most recent call last):
        ValueError: user_key is constant: 'eric' here does not join 'joey'
    """

    _fields = ("_parts", "_fixed")
    _own: ClassVar[dict[str, Any]] = {}
    _kinds: ClassVar[dict[str, type[Any]]] = {}
    _constants: ClassVar[frozenset[str]] = frozenset()
    _parts: dict[str, Any]
    _fixed: dict[str, Key]
    _relaying: bool = False
    _level: int = 0
    """How many maps stand around the compound."""

    def __init_subclass__(cls, **settings: Any) -> None:
        super().__init_subclass__(**settings)
        cls._own = _declared_by(cls)
        for name, kind in cls._own.items():
            _check_field(name, kind)
            setattr(cls, name, Constant(name) if kind is Constant else _Field(name))
        inherited = [vars(base).get("_own", {}) for base in reversed(cls.__mro__)]
        declared = {name: kind for own in inherited for name, kind in own.items()}
        cls._constants = frozenset(name for name, kind in declared.items() if kind is Constant)
        cls._kinds = {name: kind for name, kind in declared.items() if kind is not Constant}

    def __init__(
        self, replica: str | None = None, *, clock: Clock | None = None, **constants: Any
    ) -> None:
        self._start(replica, clock)
        for name, value in constants.items():
            self._fixed[self._constant(name)] = freeze(value)

    @property
    def value(self) -> dict[str, Any]:
        """The plain values of all fields by name; an unset constant is None."""
        plain = {name: getattr(self, name) for name in self._constants}
        plain |= {name: self._part(name).value for name in self._kinds}
        return {name: plain[name] for name in sorted(plain)}

    def fix(self, name: str, value: Any) -> Self:
        """Set a constant and return the delta to gossip, empty if it has that value already.

        Raises:
            AttributeError: There is no such constant.
            TypeError: ``value`` is of a type that cannot be a value.
            ValueError: The constant has another value, or ``value`` cannot be one.
        """
        delta = self._blank()
        key = freeze(value)
        if self._fixed.get(self._constant(name), key) != key:
            raise ValueError(f"{name} is constant: it is {element_of(self._fixed[name])!r:.80}")
        if name in self._fixed:
            return delta
        delta._fixed[name] = key
        return self._publish(delta)

    def compare(self, other: Self) -> bool:
        """Tell whether every field here is in the state of the one there."""
        other = super()._same_type(other)
        return all(
            name in other._fixed and other._fixed[name] == key for name, key in self._fixed.items()
        ) and all(part.compare(other._part(name)) for name, part in self._held())

    # --- telling what somebody lacks, and forgetting -------------------------------------------

    @property
    def context(self) -> dict[str, Any]:
        """What this object has seen, for `delta_since`, as JSON: ``{field: context}``.

        Of a constant, and of a field without a context, it is a hash.
        """
        told = {name: _hash_of_constant(key) for name, key in self._fixed.items()}
        told |= {name: context_of(part) for name, part in self._held()}
        return {name: told[name] for name in sorted(told)}

    def delta_since(self, context: Any) -> Self:
        """Return what the owner of ``context`` lacks of this state.

        Joined into the state that told its `context` (or into a later one of the same object) it
        does what joining this whole state does. Fields with contexts send what is new, others all
        if they differ.

        Raises:
            PayloadError: ``context`` is none.
        """
        told = expect_dict(context, "context")
        delta = self._blank()
        for name, key in self._fixed.items():
            if told.get(name) != _hash_of_constant(key):
                delta._fixed[name] = key
        for name, part in self._held():
            place = f"context[{name!r}]"
            lacked = since(part, told[name], place) if name in told else part._snapshot()
            if lacked is not None:
                delta._parts[name] = lacked
        return delta

    def compact(self, stable: Self) -> Self:
        """Let fields forget what everybody knows of, on the caller's word; return the delta.

        Args:
            stable: A state by which the caller gives his word: every replica has joined it before
                making any change that it lacks, and so has whoever made a state or delta that is
                still under way.

        Raises:
            TypeError: ``stable`` is of another type.
            ValueError: This object has not joined ``stable`` itself, or cannot. Nothing changed.
        """
        stable = self._same_type(stable)
        if not stable.compare(self):
            raise ValueError("this object has not joined `stable`, so not everybody has")
        delta = self._blank()
        for name, known in stable._held():
            change = settled(self._part(name), known)
            if change is not None:
                delta._parts[name] = change
        return delta if delta.initial else self._publish(delta)

    def _under(self, limit_bytes: int) -> Iterator[Self]:
        rows: list[tuple[tuple[str, Any], int]] = [
            ((name, key), sized(name) + sized(encode(key)))
            for name, key in sorted(self._fixed.items())
        ]
        for name, part in sorted(self._held()):
            around_bytes = sized(name) + _BRACES_BYTES
            rows.extend(
                ((name, piece), sized(name) + sized(piece._encode()))
                for piece in parts_of(part, max(1, limit_bytes - around_bytes))
            )
        for packed_rows in packed(rows, limit_bytes):
            new = self._blank()
            for name, piece in packed_rows:
                if name in self._constants:
                    new._fixed[name] = piece
                else:
                    new._part(name)._join(piece)
            yield new

    # --- fields --------------------------------------------------------------------------------

    def _constant(self, name: str) -> str:
        if name not in self._constants:
            raise AttributeError(f"{type(self).__qualname__} has no constant {name!r:.80}")
        return name

    def _part(self, name: str) -> Any:
        part = self._parts.get(name)
        if part is None:
            part = self._parts[name] = self._kinds[name]._blank()
        return part

    def _handle(self, name: str) -> Any:
        part = self._part(name)
        if part._seat is None:
            seat_child(part, self, partial(self._hear, name))
            self._lower(part)
        return part

    def _lower(self, part: Any) -> None:
        """Let a field know how many maps stand around it."""
        if hasattr(part, "_level"):
            part._level = type(part)._level + self._level

    def _hear(self, name: str, delta: Any) -> None:
        """Offer a field's delta as one of the compound; the field applies it if nobody refuses."""
        change = self._blank()
        change._parts[name] = delta._snapshot()
        self._relaying = True
        try:
            self._publish(change)
        finally:
            self._relaying = False

    def _held(self) -> Iterator[tuple[str, Any]]:
        """Yield the fields that hold something."""
        for name, part in self._parts.items():
            if not part.initial:
                yield name, part

    def children(self) -> Iterator[StateCRDT]:
        """Yield nothing: the fields act as the compound does, without being told."""
        return iter(())

    def _same_type(self, other: Any) -> Self:
        same = super()._same_type(other)
        for name, key in same._fixed.items():
            mine = self._fixed.get(name, key)
            if mine != key:
                raise ValueError(
                    f"{name} is constant: {element_of(mine)!r:.80} here does not join "
                    f"{element_of(key)!r:.80}"
                )
        for name, part in same._parts.items():
            self._part(name)._fits(part)
        return same

    # --- the hooks of a built-in type ----------------------------------------------------------

    def _empty(self) -> None:
        self._parts = {}
        self._fixed = {}

    def _copied(self) -> Self:
        new = self._blank()
        new._parts = {name: part._copied() for name, part in self._held()}
        new._fixed = self._fixed.copy()
        return new

    def _take_over(self, source: Self) -> None:
        handles = self._parts
        super()._take_over(source)
        for name, part in handles.items():
            part._take_over(self._part(name))
        self._parts = {**self._parts, **handles}

    def _join(self, other: Self) -> bool:
        if self._relaying:  # the field that made the change is about to apply it itself
            return True
        new = {name: key for name, key in other._fixed.items() if name not in self._fixed}
        self._fixed |= new
        grown = [self._part(name)._join(part) for name, part in other._held()]
        return bool(new) or any(grown)

    def _hashed_rows(self, hash: Hash) -> Iterator[tuple[Row, int]]:
        for name, key in self._fixed.items():
            yield (name, "=", key), 1
        for name, part in self._held():
            yield (name, (bytes, part.fingerprint(hash))), 1

    def _keep_print(self, made: Print) -> None:
        """Keep none: there are few fields, and each keeps its own."""

    def _bulk(self) -> int:
        return sum(part._bulk() for _, part in self._held())

    def _prepare(self, hash: Hash, most: int) -> bool:
        return all(part._prepare(hash, most) for _, part in self._held())

    def _encode(self) -> dict[str, Any]:
        spelled = {name: encode(key) for name, key in self._fixed.items()}
        spelled |= {name: part._encode() for name, part in self._held()}
        return {name: spelled[name] for name in sorted(spelled)}

    def _decode(self, payload: Any) -> None:
        check_depth(payload)
        names = [*self._kinds, *self._constants]
        for name, spelled in expect_fields(payload, "payload", names).items():
            place = f"payload[{name!r}]"
            if name in self._constants:
                self._fixed[name] = decode(spelled, place, values=True)
            else:
                self._parts[name] = self._decoded_part(name, spelled, place)

    def _decoded_part(self, name: str, payload: Any, place: str) -> Any:
        kind = self._kinds[name]
        try:
            part = kind.from_payload(payload)
            kind._blank()._same_type(part)  # a set of another bias would not join
        except PayloadError as error:
            raise PayloadError(error.reason, place) from None
        except TypeError as error:
            raise PayloadError(str(error), place) from None
        if part.initial:
            raise PayloadError("a field that holds nothing is left out", place)
        return part

    @property
    def initial(self) -> bool:
        """Whether nothing was ever written."""
        return not self._fixed and next(self._held(), None) is None

    def _shows_more(self, other: Self, replica: str) -> bool:
        return any(self._part(name)._shows_more(part, replica) for name, part in other._held())

    def _replicas(self) -> set[str]:
        return set[str]().union(*[part._replicas() for _, part in self._held()])

    def _size(self) -> tuple[int, int]:
        sizes = [part._size() for _, part in self._held()]
        tombstones = sum([size[1] for size in sizes])
        return len(self._fixed) + sum([size[0] for size in sizes]), tombstones


def _hash_of_constant(key: Key) -> str:
    return hash_of(canonical_text(key).encode("ascii"))


def _declared_by(kind: type) -> dict[str, Any]:
    """Return the fields that a class declares itself, by name, with their types."""
    declared = type("_", (), {"__annotations__": vars(kind).get("__annotations__", {})})
    # Annotations may be text, to be read where the class statement stands, also in a function.
    frame = sys._getframe(2)
    while frame.f_globals.get("__name__") == "abc":
        frame = frame.f_back  # type: ignore[assignment]  # who made the class is further out
    hints = get_type_hints(declared, frame.f_globals, dict(frame.f_locals))
    kinds = {name: get_origin(hint) or hint for name, hint in hints.items()}
    return {name: field for name, field in kinds.items() if field is not ClassVar}


def _check_field(name: str, kind: Any) -> None:
    if name.startswith("_") or name == "clock" or hasattr(Compound, name):
        raise TypeError(f"a field cannot be called {name!r}; every compound has that, or may")
    if kind is not Constant and not (isinstance(kind, type) and issubclass(kind, StateCRDT)):
        raise TypeError(f"{name} is a replicated type or a Constant, not {kind!r:.80}")
