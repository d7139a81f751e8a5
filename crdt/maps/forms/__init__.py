"""How each type lives in a map that removes by dots."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from crdt.catalogue import type_of
from crdt.causal import Causal
from crdt.causal.dotted import Dotted
from crdt.compound import Compound
from crdt.counters import GCounter, PNCounter
from crdt.maps.forms.causal import CausalForm, DottedForm, LogootForm
from crdt.maps.forms.counted import CounterForm, CountingSetForm
from crdt.maps.forms.deltas import DeltaForm, HandForm
from crdt.maps.forms.form import Form as Form
from crdt.maps.forms.form import Lifting as Lifting
from crdt.maps.forms.form import Place as Place
from crdt.maps.forms.form import Target as Target
from crdt.maps.forms.form import Writing as Writing
from crdt.maps.forms.nests import CompoundForm, GrowingForm
from crdt.maps.forms.nests import read_entry as read_entry
from crdt.maps.forms.woven import WovenForm
from crdt.maps.gmap import GMap
from crdt.native import Native
from crdt.sequences import Logoot
from crdt.sequences.woven import Woven
from crdt.sets import PNSet


@lru_cache(maxsize=256)
def form_of(kind: Any) -> Form:
    """Return how a type lives inside a map.

    Raises:
        TypeError: It cannot; the message says why.
    """
    for base, form in _FORMS.items():
        if issubclass(kind, base):
            return form(kind)
    if issubclass(kind, Compound):
        return CompoundForm(kind, {name: form_of(one) for name, one in kind._kinds.items()})
    if issubclass(kind, GMap):
        return GrowingForm(kind, form_at)
    if issubclass(kind, Native) and kind._resettable:
        return DeltaForm(kind)
    if not issubclass(kind, Native):
        return HandForm(kind)
    raise TypeError(
        f"a {kind.__qualname__} cannot live in an ORMap: removing the key could not take back "
        "exactly what the remover had seen"
    )


@lru_cache(maxsize=256)
def form_at(tag: str) -> Form:
    """Return how the type of a tag lives inside a map.

    Raises:
        TypeError: It cannot; the message says why.
        UnknownTypeError: The catalogue does not hold the tag.
    """
    return form_of(type_of(tag))


_FORMS: dict[type, type[Form]] = {
    Dotted: DottedForm,
    Logoot: LogootForm,
    Causal: CausalForm,
    Woven: WovenForm,
    GCounter: CounterForm,
    PNCounter: CounterForm,
    PNSet: CountingSetForm,
}
