"""An object that is not here is taken in the short way, with the same outcome as by joining it."""

import pytest

from crdt import GSet, PayloadError, PNCounter, catalogue
from crdt.native import Native
from crdt.testing import subject_of, wide_script
from crdt.testing.history import run_history
from crdtnode.errors import InvalidName, UnknownType
from crdtnode.registry import Registry
from tests.registry.conftest import MakeRegistry

KINDS = [
    kind
    for kind in map(catalogue.type_of, catalogue.tags())
    if issubclass(kind, Native) and kind.__module__.startswith("crdt.")
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_what_is_admitted_is_what_joining_it_makes_and_goes_on_alike(
    kind: type[Native], make_registry: MakeRegistry
) -> None:
    tag = catalogue.tag_of(kind)
    for seed in range(3):
        replicas = run_history(subject_of(kind), wide_script(seed)).replicas
        first, second = (one.object.payload for one in replicas[:2])
        short, long = make_registry(), make_registry()
        admitted = short.admit(tag, "it", [first], now=1.0)
        long.absorb(tag, "it", 1, [first], now=1.0)
        long.flush(now=1.0)
        assert admitted is not None
        delta, version = admitted
        assert (version, short.root, short.names()) == (long.root, long.root, long.names())
        assert short.fingerprints.recents(0.0, 9) == long.fingerprints.recents(0.0, 9)
        for registry in (short, long):
            registry.open("it", kind)
            registry.absorb(tag, "it", 1, [second], now=2.0)
            registry.flush(now=2.0)
        assert short.root == long.root
        assert delta.payload == first  # it shares nothing with the object


def test_a_local_write_goes_on_from_what_was_admitted(registry: Registry) -> None:
    admitted = registry.admit("pncounter@1", "visits", [{"a": [3, 0]}], now=0.0)
    assert admitted is not None
    assert not registry.dirty
    registry.open("visits", PNCounter).increment(2)
    (change,) = registry.flush(now=1.0)
    assert change.before == admitted[1]
    assert registry.open("visits", PNCounter).value == 5


def test_what_is_here_already_is_left_to_a_join(registry: Registry) -> None:
    registry.open("visits", PNCounter)
    assert registry.admit("pncounter@1", "visits", [{"a": [3, 0]}], now=0.0) is None
    assert registry.open("visits", PNCounter).value == 0


def test_what_is_large_is_left_to_those_who_hash_it_in_portions(registry: Registry) -> None:
    many = [f"{number:05}" for number in range(3000)]
    assert registry.admit("gset@1", "many", [many], now=0.0) is None
    assert registry.find("many") == []


def test_a_hand_written_type_is_tried_first(registry: Registry) -> None:
    assert registry.admit("registry-diary@1", "mine", [{}], now=0.0) is None


def test_nothing_is_no_object(registry: Registry) -> None:
    admitted = registry.admit("gset@1", "none", [[]], now=0.0)
    assert admitted == (GSet(), 0)
    assert (registry.find("none"), registry.root) == ([], 0)


@pytest.mark.parametrize(
    ("tag", "name", "payload", "error"),
    [
        ("strange@1", "x", [], UnknownType),
        ("gset@1", "a\nb", ["red"], InvalidName),
        ("gset@1", "x", ["red", "blue"], PayloadError),
    ],
)
def test_what_is_wrong_is_refused_with_nothing_changed(
    registry: Registry, tag: str, name: str, payload: object, error: type[Exception]
) -> None:
    with pytest.raises(error):
        registry.admit(tag, name, [payload], now=0.0)
    assert (registry.names(), registry.find(name) if name == "x" else []) == ([], [])
