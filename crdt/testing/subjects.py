"""How to exercise each type: its acts, its model, and how to read its value for comparison.

A type of the toolbox has its subject here; whoever writes another one makes a `Subject` of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, Literal, TypeVar, get_origin

from crdt.atoms import freeze
from crdt.base import StateCRDT
from crdt.carts import ORCart
from crdt.counters import BoundedCounter, GCounter, PNCounter
from crdt.flags import DisableWinsFlag, EnableWinsFlag
from crdt.graphs import AddRemovePartialOrder, MonotonicDAG, TwoPTwoPGraph
from crdt.maps import GMap, LWWMap, ORMap
from crdt.registers import LWWRegister, MaxRegister, MinRegister, MVRegister
from crdt.sequences import RGA, Logoot, Sequence, Text
from crdt.sets import GSet, LWWSet, ORSet, PNSet, RWSet, TwoPSet, USet
from crdt.testing.dots import (
    ALL,
    NO_MARK,
    FlagModel,
    MarkedSetModel,
    SiblingsModel,
    Writes,
    reads_flag,
    reads_values,
)
from crdt.testing.graphs import (
    ORDER_ACTS,
    TWO_PHASE_ACTS,
    OrderModel,
    TwoPhaseGraphModel,
    read_graph,
)
from crdt.testing.mapacts import (
    CART_ACTS,
    GMAP_ACTS,
    LWWMAP_ACTS,
    ORMAP_ACTS,
    LastWriteMapModel,
    ResetModel,
    read_gmap,
    read_items,
    read_ormap,
    read_values,
    show_cart,
    show_ormap,
    tell_cart,
    tell_gmap,
    tell_ormap,
)
from crdt.testing.models import (
    AddWinsModel,
    CounterModel,
    GreatestModel,
    GrowModel,
    LastWriteModel,
    LastWriteSetModel,
    Model,
    OnceModel,
    TwoPhaseModel,
    typed,
)
from crdt.testing.sequences import (
    ITEMS,
    LETTERS,
    PlacesModel,
    SequenceModel,
    edits,
    keys_of,
    read_edit,
)
from crdt.testing.tallies import CountingSetModel, RightsModel
from crdt.testing.trees import TREE_ACTS, TreeModel, read_tree
from crdt.trees import Tree

C = TypeVar("C", bound=StateCRDT)

Act = Callable[[C, int], Any]
"""Changes an object; the number (0-255) stands for chance."""

ELEMENTS: tuple[Any, ...] = ("a", "b", 1, True, 1.0, "1", None, ("a", 1))
"""Few, so that they meet again, and some that only (type, value) tells apart."""

VALUES: tuple[Any, ...] = (None, 1, True, "x", ["x", {"k": (1, b"b")}], 2**70, -0.5, "y")

IN_ORDER: tuple[Any, ...] = (
    None, False, True, -(2**70), -1.5, 0, 0.0, 1, 1.0, 2**53, 2.0**53, 2**53 + 1, 2**70,
    "", "a", "ab", "b", b"", b"a", (), (None,), (False,), (0,), (0, None), (0.0,), ("a", 1), ("b",),
)  # fmt: skip
"""Elements in the order in which registers of the greatest and the least compare them."""


@dataclass
class Subject(Generic[C]):
    """A type and how to exercise it.

    Attributes:
        kind: The type.
        acts: Functions that change an object; those that return a delta are also held to the laws
            of deltas.
        make: Makes a fresh object; ``kind()`` by default.
        model_of: Makes the model for one history.
        read: Returns what is compared with the model; ``value`` by default.
    """

    kind: type[C]
    acts: tuple[Act[C], ...]
    make: Callable[[], C] | None = None
    model_of: Callable[[], Model] = Model
    read: Callable[[C], Any] = field(default=lambda state: state.value)

    def new(self) -> C:
        """Return a fresh object."""
        return self.kind() if self.make is None else self.make()


def subject_of(kind: type[C]) -> Subject[C]:
    """Return the subject of a built-in type, or of a subclass of one.

    Raises:
        LookupError: There is none; pass acts to `check_laws`.
    """
    found = get_origin(kind) or kind
    for base in found.__mro__:
        if base in _SUBJECTS:
            acts, model_of, read = _SUBJECTS[base]
            return Subject(found, acts, None, model_of, read)
    raise LookupError(f"{found.__qualname__} is not built in; say how to change it: acts=[...]")


def lwwset(bias: Literal["add", "remove"]) -> Subject[LWWSet[Any]]:
    """Return the subject of an LWWSet of either bias."""
    return Subject(
        LWWSet,
        _SET_ACTS,
        lambda: LWWSet(bias=bias),
        lambda: LastWriteSetModel(_read_set_act, bias),
        _elements,
    )


def _element(chance: int) -> Any:
    return ELEMENTS[chance % len(ELEMENTS)]


def _pair(chance: int) -> list[Any]:
    return [_element(chance), _element(chance // len(ELEMENTS))]


def _elements(state: Any) -> set[Any]:
    return {typed(element) for element in state}


_SET_ACTS: tuple[Act[Any], ...] = (
    lambda state, chance: state.add(_element(chance)),
    lambda state, chance: state.add(_element(chance)),
    lambda state, chance: state.add(_element(chance)),
    lambda state, chance: state.update(_pair(chance)),
    lambda state, chance: state.discard(_element(chance)),
    lambda state, chance: state.discard(_element(chance)),
    lambda state, chance: state.remove(_element(chance)),
    lambda state, chance: state.clear(),
)


def _read_set_act(act: int, chance: int) -> tuple[list[Any], list[Any] | None]:
    if act < 3:
        return [_element(chance)], []
    if act == 3:
        return _pair(chance), []
    return [], None if act == 7 else [_element(chance)]


_COUNTER_ACTS: tuple[Act[Any], ...] = (
    lambda state, chance: state.increment(chance % 4),
    lambda state, chance: state.increment(2**70 + chance),
    lambda state, chance: state.decrement(chance % 4),
)


def _amount(act: int, chance: int) -> int:
    return (chance % 4, 2**70 + chance, -(chance % 4))[act]


_MARK_ACTS: tuple[Act[Any], ...] = (*_SET_ACTS[2:5], *_SET_ACTS[6:])


def _read_marks(act: int, chance: int) -> Writes:
    if act < 2:
        return [(typed(one), True) for one in (_pair(chance) if act else [_element(chance)])]
    return [(ALL if act == 4 else typed(_element(chance)), False)]


def _counts(state: Any) -> dict[Any, int]:
    return {typed(element): state.count(element) for element in state}


_NAMES = "abcde"

_RIGHTS_ACTS: tuple[Act[Any], ...] = (
    lambda state, chance: state.increment(chance % 8),
    lambda state, chance: state.decrement(chance % 4),
    lambda state, chance: state.transfer(chance % 4, _NAMES[chance // 4 % len(_NAMES)]),
)


def _read_rights_act(act: int, chance: int) -> tuple[str, int, str]:
    if act == 0:
        return "up", chance % 8, ""
    return ("down", "pass")[act - 1], chance % 4, _NAMES[chance // 4 % len(_NAMES)]


def _rights(state: Any) -> Any:
    return state.value, {name: state.rights_of(name) for name in _NAMES}


_FLAG_ACTS: tuple[Act[Any], ...] = (
    lambda state, chance: state.enable(),
    lambda state, chance: state.disable(),
)


def _value_of(chance: int) -> Any:
    return VALUES[chance % len(VALUES)]


def _place_of(chance: int) -> int:
    return chance % len(IN_ORDER)


_PLACES = {typed(value): place for place, value in enumerate(IN_ORDER)}

_EXTREME_ACTS: tuple[Act[Any], ...] = (
    lambda state, chance: state.assign(IN_ORDER[_place_of(chance)]),
)


def _place_held(state: Any) -> int | None:
    return _PLACES[typed(state.value)] if state.assigned else None


_Parts = tuple[tuple[Act[Any], ...], Callable[[], Model], Callable[[Any], Any]]

_SUBJECTS: dict[type, _Parts] = {
    GCounter: (_COUNTER_ACTS[:2], lambda: CounterModel(_amount), lambda state: state.value),
    PNCounter: (_COUNTER_ACTS, lambda: CounterModel(_amount), lambda state: state.value),
    BoundedCounter: (
        _RIGHTS_ACTS,
        lambda: RightsModel(_read_rights_act, _NAMES),
        _rights,
    ),
    USet: (_SET_ACTS, lambda: OnceModel(_read_set_act), _elements),
    PNSet: (_SET_ACTS, lambda: CountingSetModel(_read_set_act), _counts),
    RWSet: (_MARK_ACTS, lambda: MarkedSetModel(_read_marks), _elements),
    GSet: (_SET_ACTS[:4], lambda: GrowModel(_read_set_act), _elements),
    TwoPSet: (_SET_ACTS, lambda: TwoPhaseModel(_read_set_act), _elements),
    LWWSet: (_SET_ACTS, lambda: LastWriteSetModel(_read_set_act, "add"), _elements),
    ORSet: (_SET_ACTS, lambda: AddWinsModel(_read_set_act), _elements),
    LWWRegister: (
        (lambda state, chance: state.assign(_value_of(chance)),),
        lambda: LastWriteModel(lambda act, chance: _value_of(chance)),
        lambda state: freeze(state.value),
    ),
    Tree: (TREE_ACTS, TreeModel, read_tree),
    TwoPTwoPGraph: (TWO_PHASE_ACTS, TwoPhaseGraphModel, read_graph),
    MonotonicDAG: (ORDER_ACTS[:5], OrderModel, read_graph),
    AddRemovePartialOrder: (ORDER_ACTS, OrderModel, read_graph),
    Sequence: (
        edits(ITEMS),
        lambda: SequenceModel(partial(read_edit, ITEMS), two_sided=True),
        keys_of,
    ),
    Text: (
        edits(LETTERS),
        lambda: SequenceModel(partial(read_edit, LETTERS), two_sided=True),
        keys_of,
    ),
    RGA: (
        edits(ITEMS),
        lambda: SequenceModel(partial(read_edit, ITEMS), two_sided=False),
        keys_of,
    ),
    Logoot: (edits(ITEMS), PlacesModel, keys_of),
    EnableWinsFlag: (
        _FLAG_ACTS,
        lambda: FlagModel(reads_flag(NO_MARK)),
        lambda state: state.value,
    ),
    DisableWinsFlag: (
        _FLAG_ACTS,
        lambda: FlagModel(reads_flag(False)),
        lambda state: state.value,
    ),
    MVRegister: (
        (lambda state, chance: state.assign(_value_of(chance)),),
        lambda: SiblingsModel(reads_values(_value_of)),
        lambda state: [freeze(value) for value in state.value],
    ),
    MaxRegister: (_EXTREME_ACTS, lambda: GreatestModel(_place_of, last=True), _place_held),
    MinRegister: (_EXTREME_ACTS, lambda: GreatestModel(_place_of, last=False), _place_held),
    GMap: (GMAP_ACTS, lambda: ResetModel(tell_gmap, show_ormap), read_gmap),
    LWWMap: (LWWMAP_ACTS, LastWriteMapModel, read_values),
    ORCart: (CART_ACTS, lambda: ResetModel(tell_cart, show_cart), read_items),
    ORMap: (ORMAP_ACTS, lambda: ResetModel(tell_ormap, show_ormap), read_ormap),
}
