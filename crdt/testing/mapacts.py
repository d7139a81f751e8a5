"""How to exercise maps and carts, and the models that know what they must show.

An act on a child gives back what the map showed its observers, so that the laws of deltas hold
for changes made through handles, too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from crdt.atoms import freeze
from crdt.catalogue import tag_of
from crdt.counters import GCounter, PNCounter
from crdt.maps import GMap, ORMap
from crdt.registers import LWWRegister
from crdt.sets import GSet, ORSet
from crdt.tagged import canonical_text
from crdt.testing.models import Model, Shadow, StampModel, typed

Path = tuple[Any, ...]
"""Keys and tags in turn, from the outermost map inwards."""


@dataclass(frozen=True)
class Update:
    """One update: it counts until an event that had seen it covers it.

    Attributes:
        path: Where it was made.
        content: What it says: an amount, an element, or a write as (stamp, replica, value).
    """

    path: Path
    content: Any


Seen = dict[tuple[int, int], Update]
"""Live updates by (event, place in the event)."""

Told = tuple[list[Update], set[tuple[int, int]]]
"""What an event adds and what it covers."""


class ResetModel(Model):
    """Updates that count until somebody who saw them takes them back: exact reset-remove."""

    def __init__(self, tell: Callable[[Any, Seen], Told], show: Callable[[Seen], Any]) -> None:
        self._tell = tell
        self._show = show
        self._updates: dict[int, list[Update]] = {}
        self._covered: dict[int, set[tuple[int, int]]] = {}

    def learn(self, event: Any) -> None:
        """Note what the event adds and which live updates it takes back."""
        told = self._tell(event, self._live(event.past))
        self._updates[event.number], self._covered[event.number] = told

    def value(self, shadow: Shadow) -> Any:
        """Return what the live updates show."""
        return self._show(self._live(shadow))

    def _live(self, shadow: Shadow) -> Seen:
        numbers = sorted(shadow)
        covered = set[tuple[int, int]]().union(*[self._covered[number] for number in numbers])
        return {
            (number, place): update
            for number in numbers
            for place, update in enumerate(self._updates[number])
            if (number, place) not in covered
        }


# --- ORMap -----------------------------------------------------------------------------------------

KEYS: tuple[Any, ...] = ("a", "b", 1)
_N, _S, _R, _M = "pncounter@1", "orset@1", "lwwregister@1", "ormap@1"
_G, _X = "gmap@1", "gset@1"


def noted(state: Any, change: Callable[[], object]) -> Any:
    """Make a change and return the delta that the map showed, an empty one if there was none."""
    shown: list[Any] = []
    end = state.observe(shown.append)
    try:
        change()
    finally:
        end()
    return shown[0] if shown else type(state)()


def _key(chance: int) -> Any:
    return KEYS[chance % len(KEYS)]


def _amount(chance: int) -> int:
    return chance // len(KEYS) % 3


def _element(chance: int) -> str:
    return "xy"[chance // len(KEYS) % 2]


def _inner(state: ORMap[Any], chance: int) -> ORMap[Any]:
    return state.open(_key(chance), ORMap)


def _states() -> list[Any]:
    """Return states to put: counters, a set, and a map of both."""
    counters, tags, whole = [GCounter("p") for _ in range(3)], ORSet[Any]("p"), ORMap[Any]("p")
    for amount, counter in enumerate(counters):
        counter.increment(amount)
    tags.update(["x", "z"])
    whole.open("n", PNCounter).decrement(2)
    whole.put("s", tags)
    return [*counters, *[tags] * 3, *[whole] * 3]


_STATES = _states()


def _copied(chance: int) -> Any:
    return _STATES[chance // 9 % 3 * 3 + _amount(chance)]


_SPELLED: tuple[list[tuple[Path, Any]], ...] = (
    [],
    [((_S,), "x"), ((_S,), "z")],
    [((_M, "n", _N), -2), ((_M, "s", _S), "x"), ((_M, "s", _S), "z")],
)

ORMAP_ACTS: tuple[Callable[[Any, int], Any], ...] = (
    lambda m, n: noted(m, lambda: m.open(_key(n), PNCounter).increment(_amount(n))),
    lambda m, n: noted(m, lambda: m.open(_key(n), PNCounter).increment(_amount(n))),
    lambda m, n: noted(m, lambda: m.open(_key(n), PNCounter).decrement(_amount(n))),
    lambda m, n: noted(m, lambda: m.open(_key(n), ORSet).add(_element(n))),
    lambda m, n: noted(m, lambda: m.open(_key(n), ORSet).discard(_element(n))),
    lambda m, n: noted(m, lambda: m.open(_key(n), LWWRegister).assign(n)),
    lambda m, n: noted(m, lambda: _inner(m, n).open("n", PNCounter).increment(1 + _amount(n))),
    lambda m, n: noted(m, lambda: _inner(m, n).open("s", ORSet).add(_element(n))),
    lambda m, n: noted(m, lambda: _inner(m, n).discard("n")),
    lambda m, n: m.discard(_key(n)),
    lambda m, n: m.remove(_key(n)),
    lambda m, n: m.put(_key(n), _copied(n)),
    lambda m, n: m.update({_key(n): _copied(n), "b": _copied(9)}),
)


def tell_ormap(event: Any, seen: Seen) -> Told:
    """Return what an act on an ORMap adds and covers."""
    chance, key = event.chance, _key(event.chance)
    amount, element = _amount(chance), _element(chance)
    match event.act:
        case 0 | 1:
            return _sum((key, _N), amount)
        case 2:
            return _sum((key, _N), -amount)
        case 3:
            return _add((key, _S), element, seen)
        case 4:
            return [], _at((key, _S), seen, element)
        case 5:
            return _assign(event, (key, _R), seen)
        case 6:
            return _sum((key, _M, "n", _N), 1 + amount)
        case 7:
            return _add((key, _M, "s", _S), element, seen)
        case 8:
            return [], _at((key, _M, "n"), seen)
        case 9 | 10:
            return [], _at((key,), seen)
        case 11:
            return _put(key, chance), _at((key,), seen)
        case _:
            first = [] if key == "b" else _put(key, chance)
            return first + _put("b", 9), _at((key,), seen) | _at(("b",), seen)


def _sum(path: Path, amount: int) -> Told:
    return ([Update(path, amount)] if amount else []), set()


def _add(path: Path, element: Any, seen: Seen) -> Told:
    return [Update(path, element)], _at(path, seen, element)


def _assign(event: Any, path: Path, seen: Seen) -> Told:
    older = _at(path, seen)
    latest = max((seen[one].content[0] for one in older), default=(-1, 0))
    stamp = (event.now, 0) if event.now > latest[0] else (latest[0], latest[1] + 1)
    return [Update(path, (stamp, event.replica, event.chance))], older


def _put(key: Any, chance: int) -> list[Update]:
    which = chance // 9 % 3
    if which == 0 and _amount(chance):
        return [Update((key, "gcounter@1"), _amount(chance))]
    return [Update((key, *path), content) for path, content in _SPELLED[which]]


def _at(path: Path, seen: Seen, *content: Any) -> set[tuple[int, int]]:
    """Return the live updates under a path, if need be only those with this content."""
    return {
        one
        for one, update in seen.items()
        if update.path[: len(path)] == path and (not content or update.content == content[0])
    }


def show_ormap(seen: Seen) -> Any:
    """Return what an ORMap with these updates holds, every type under every key."""
    shown: dict[Any, Any] = {}
    for update in seen.values():
        place = shown
        for step in update.path:
            place = place.setdefault(step, {})
        place.setdefault("", []).append(update.content)
    return _folded(shown)


def _folded(shown: dict[Any, Any]) -> Any:
    return {
        key: {tag: _one(tag, held) for tag, held in tags.items()} for key, tags in shown.items()
    }


def _one(tag: str, held: dict[Any, Any]) -> Any:
    if tag in (_M, _G):
        return _folded(held)
    contents = held[""]
    if tag in (_S, _X):
        return set(contents)
    return sum(contents) if tag != _R else max(contents, key=_rank)[2]


def _rank(write: Any) -> Any:
    # A replica that removes a key forgets its stamps, so that two of its writes may share one.
    stamp, replica, value = write
    return stamp, replica, canonical_text(value)


def read_ormap(state: Any) -> Any:
    """Return what an ORMap holds, every type under every key."""
    return {
        key: {
            f"{kind.__name__.lower()}@1": _read(state.open(key, kind)) for kind in state.types(key)
        }
        for key in state
    }


def _read(child: Any) -> Any:
    return read_ormap(child) if isinstance(child, GMap | ORMap) else child.value


# --- ORCart ----------------------------------------------------------------------------------------

CART_ACTS: tuple[Callable[[Any, int], Any], ...] = (
    lambda cart, n: cart.add(_item(n), _quantity(n)),
    lambda cart, n: cart.add(_item(n), _quantity(n)),
    lambda cart, n: cart.add(_item(n), 1),
    lambda cart, n: cart.add(_item(n), 2**70),
    lambda cart, n: cart.discard(_item(n)),
    lambda cart, n: cart.remove(_item(n)),
    lambda cart, n: cart.clear(),
)


def _item(chance: int) -> Any:
    return ("a", 1, True, 1.0)[chance % 4]


def _quantity(chance: int) -> int:
    return chance // 4 % 3


def tell_cart(event: Any, seen: Seen) -> Told:
    """Return what an act on an ORCart adds and covers."""
    path = (typed(_item(event.chance)),)
    if event.act < 4:
        return _sum(path, (*[_quantity(event.chance)] * 2, 1, 2**70)[event.act])
    return [], _at(path if event.act < 6 else (), seen)


def show_cart(seen: Seen) -> dict[Any, int]:
    """Return the totals of what these updates added."""
    totals: dict[Any, int] = {}
    for update in seen.values():
        totals[update.path[0]] = totals.get(update.path[0], 0) + update.content
    return totals


def read_items(state: Any) -> dict[Any, Any]:
    """Return the entries of a map, their keys told apart by type."""
    return {typed(key): held for key, held in state.items()}


# --- LWWMap ----------------------------------------------------------------------------------------

LWWMAP_ACTS: tuple[Callable[[Any, int], Any], ...] = (
    lambda m, n: m.put(_item(n), _held(n)),
    lambda m, n: m.put(_item(n), _held(n)),
    lambda m, n: m.put("a", _held(n)),
    lambda m, n: m.update({"a": n, "b": _held(n)}),
    lambda m, n: m.discard(_item(n)),
    lambda m, n: m.remove(_item(n)),
    lambda m, n: m.clear(),
)


def _held(chance: int) -> Any:
    return (None, 1, True, ["x", {"k": (1, b"b")}], 2**70, -0.5, "y")[chance // 4 % 7]


class LastWriteMapModel(StampModel):
    """For each key the greatest (stamp, replica, put before removal, canonical value)."""

    def __init__(self) -> None:
        super().__init__()
        self._writes: dict[int, dict[Any, tuple[bool, Any]]] = {}

    def learn(self, event: Any) -> None:
        """Note the event's stamp and what it writes."""
        key, held = _item(event.chance), _held(event.chance)
        if event.act == 6:
            writes: dict[Any, Any] = dict.fromkeys(self.value(event.past), (False, None))
        elif event.act in (4, 5):
            writes = {typed(key): (False, None)}
        elif event.act == 3:
            writes = {typed("a"): (True, event.chance), typed("b"): (True, held)}
        else:
            writes = {typed("a" if event.act == 2 else key): (True, held)}
        self._writes[event.number] = writes
        if writes:
            super().learn(event)
        else:  # clearing an empty map writes nothing, so it has no stamp that others must beat
            self.stamps[event.number] = (-1, 0)

    def value(self, shadow: Shadow) -> dict[Any, Any]:
        """Return the values of the greatest writes, without the removals."""
        last: dict[Any, Any] = {}
        for number in shadow:
            for key, (put, held) in self._writes[number].items():
                text = canonical_text(freeze(held))
                write = (self.stamps[number], self.events[number].replica, put, text)
                last[key] = max(last.get(key, (write, held)), (write, held), key=_first)
        return {key: freeze(held) for key, (write, held) in last.items() if write[2]}


def _first(pair: tuple[Any, Any]) -> Any:
    return pair[0]


def read_values(state: Any) -> dict[Any, Any]:
    """Return the entries of a map, keys and values told apart by type."""
    return {typed(key): freeze(held) for key, held in state.items()}


# --- GMap ------------------------------------------------------------------------------------------


def _grown() -> list[GSet[Any]]:
    states = [GSet[Any]() for _ in range(3)]
    for size, state in enumerate(states):
        state.update("xyz"[: size + 1])
    return states


_GROWN = _grown()


GMAP_ACTS: tuple[Callable[[Any, int], Any], ...] = (
    lambda m, n: noted(m, lambda: m.open(_key(n), ORSet).add(_element(n))),
    lambda m, n: noted(m, lambda: m.open(_key(n), ORSet).discard(_element(n))),
    lambda m, n: noted(m, lambda: m.open(_key(n), LWWRegister).assign(n)),
    lambda m, n: noted(m, lambda: m.open(_key(n), GMap).open("s", ORSet).add(_element(n))),
    lambda m, n: m.put(_key(n), _GROWN[_amount(n)]),
    lambda m, n: m.put(_key(n), _GROWN[_amount(n)]),
)


def tell_gmap(event: Any, seen: Seen) -> Told:
    """Return what an act on a GMap adds and covers."""
    chance, key, element = event.chance, _key(event.chance), _element(event.chance)
    match event.act:
        case 0:
            return _add((key, _S), element, seen)
        case 1:
            return [], _at((key, _S), seen, element)
        case 2:
            return _assign(event, (key, _R), seen)
        case 3:
            return _add((key, _G, "s", _S), element, seen)
        case _:
            updates = [Update((key, _X), one) for one in "xyz"[: _amount(chance) + 1]]
            return ([] if all(one in seen.values() for one in updates) else updates), set()


def read_gmap(state: Any) -> Any:
    """Return what a GMap holds, less the children that show nothing: their keys stay."""
    shown = {
        key: {tag: read for tag, read in _typed(state, key) if read not in (set(), {})}
        for key in state
    }
    return {key: tags for key, tags in shown.items() if tags}


def _typed(state: Any, key: Any) -> list[tuple[str, Any]]:
    children = [(tag_of(kind), state.open(key, kind)) for kind in state.types(key)]
    return [
        (tag, read_gmap(child) if isinstance(child, GMap) else child.value)
        for tag, child in children
    ]
