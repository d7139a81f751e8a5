"""Registries that exchange what changed end in equal states, and their roots say so.

A history is drawn as numbers; each is one step of one of three registries. Everything that goes
from one to another passes through JSON.
"""

from collections.abc import Callable
from contextlib import suppress
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
import pytest

from crdt import GCounter, GSet, LWWRegister, PNCounter
from crdtnode.registry import Registry
from crdtnode.registry.ledger import Ledger

Parcel = tuple[str, str, str]
"""(type tag, name, payloads as JSON)."""

HISTORIES = st.lists(st.integers(0, 3 * 12 * 12 * 5 - 1), min_size=1, max_size=40)


class Cluster:
    """Three registries, and the parcels that each has sent to the others."""

    def __init__(self, make: Callable[[], Registry], diary: Any) -> None:
        self.registries = [make() for _ in range(3)]
        self.parcels: list[Parcel] = []
        self.diary = diary
        self.now = 0.0

    def step(self, number: int) -> None:
        """Write something, change a plain object, fail to, flush, or let a parcel arrive."""
        registry = self.registries[number % 3]
        act, which, what = number // 3 % 12, number // 36 % 12, number // 432
        parcel = self.parcels[number % len(self.parcels)] if self.parcels else None
        self.now += 1.0
        if act < 3:
            write(registry, which, what)
        elif act == 3:
            keep_diary(registry, self.diary, which % 2, what, fails=which % 3 == 0)
        elif act < 6:
            self.flush(registry)
        elif act == 6:
            registry.refresh(registry.fingerprints.place("gset@1", f"sn{which % 3}"), self.now)
        elif act == 7:
            registry.absorb_payload("gset@1", f"sn{which % 3}", [what])
        elif act == 8:
            tag_in_block(registry, which, what, parcel)
        elif act == 9:
            try_shouting(registry, which)
        elif parcel:
            self.deliver(registry, parcel)

    def flush(self, registry: Registry) -> None:
        """Send the deltas of all local changes."""
        for change in registry.flush(self.now):
            assert change.version == registry.fingerprints.get(change.hn) != change.before
            payloads = json.dumps([change.delta.payload])
            assert "SHOUT" not in payloads
            self.parcels.append((change.type, change.name, payloads))

    def deliver(self, registry: Registry, parcel: Parcel) -> None:
        """Join one parcel."""
        tag, name, payloads = parcel
        before = states(registry)
        absorbed = registry.absorb(tag, name, 1, json.loads(payloads), self.now)
        assert absorbed.changed == (states(registry) != before)

    def settle(self) -> None:
        """Deliver every parcel to everybody, in an order of each one's own."""
        for registry in self.registries:
            self.flush(registry)
        for turn, registry in enumerate(self.registries):
            order = self.parcels[turn:] + self.parcels[:turn]
            for parcel in reversed(order) if turn == 1 else order:
                self.deliver(registry, parcel)
            registry.flush(self.now)

    def check(self) -> None:
        """The invariants that hold after every step."""
        for registry in self.registries:
            check_versions(registry)
        for one in self.registries:
            for other in self.registries:
                if not (one.dirty or other.dirty):
                    assert (one.root == other.root) == (states(one) == states(other))


def write(registry: Registry, which: int, what: int) -> None:
    """One local write of a built-in type."""
    name = f"n{which % 3}"
    match which // 3:
        case 0:
            registry.open(f"c{name}", PNCounter).increment(what)
        case 1:
            registry.open(f"g{name}", GCounter).increment(what)
        case 2:
            registry.open(f"s{name}", GSet).add(what)
        case _:
            registry.open(f"r{name}", LWWRegister).assign(what)


def keep_diary(registry: Registry, diary: Any, which: int, what: int, *, fails: bool) -> None:
    """One block of a plain type."""
    with suppress(InterruptedError), registry.change(f"d{which}", diary) as d:
        d.owner = "eric"
        d.days.add(what)
        if fails:
            raise InterruptedError
        d.motto.assign(what)


def tag_in_block(registry: Registry, which: int, what: int, parcel: Parcel | None) -> None:
    """One block of a built-in type, during which something arrives; every third raises."""
    with suppress(InterruptedError), registry.change(f"sn{which % 3}", GSet) as tags:
        tags.add(what + 10)
        if parcel:
            registry.absorb(parcel[0], parcel[1], 1, json.loads(parcel[2]), 0.0)
        tags.add(what + 20)
        if which % 4 == 0:
            raise InterruptedError


def try_shouting(registry: Registry, which: int) -> None:
    """A write that an observer, who came later, refuses."""

    def refuse(delta: Any) -> None:
        raise InterruptedError

    tags = registry.open(f"sn{which % 3}", GSet)
    end = tags.observe(refuse)
    with suppress(InterruptedError):
        tags.add("SHOUT")
    end()
    assert "SHOUT" not in tags


def states(registry: Registry) -> dict[tuple[str, str], bytes]:
    """The canonical bytes of every object that holds something."""
    found = {}
    for tag, name in registry.names():
        entry = registry.entry(registry.fingerprints.place(tag, name))
        assert entry is not None
        found[tag, name] = entry.obj.canonical()
    return found


def check_versions(registry: Registry) -> None:
    """Root, versions and trie say what the states say, of all that is not waiting for a flush."""
    prints = registry.fingerprints
    root = 0
    rows: dict[str, list[tuple[int, int]]] = {}
    for tag, name in registry.names():
        place = prints.place(tag, name)
        entry = registry.entry(place)
        assert entry is not None
        version = prints.get(place)
        if not registry.dirty:
            assert version == prints.version(place, 1, entry.obj.fingerprint(prints.digest))
        root ^= version
        if version:
            rows.setdefault(tag, []).append((place, version))
    assert registry.root == root
    for tag in registry.types:
        assert list(prints.node(tag, 0, 0).leaves) == sorted(rows.get(tag, []))


def play(make: Callable[[], Registry], diary: Any, history: list[int]) -> Cluster:
    """Carry out a history, look after every step, and settle."""
    cluster = Cluster(make, diary)
    for number in history:
        cluster.step(number)
        cluster.check()
    cluster.settle()
    return cluster


@settings(max_examples=150, deadline=None)
@given(history=HISTORIES)
def test_registries_that_heard_everything_in_any_order_are_equal(
    clusters: Callable[[list[int]], Cluster], history: list[int]
) -> None:
    cluster = clusters(history)
    cluster.check()
    one, *others = cluster.registries
    assert {registry.root for registry in others} == {one.root}
    assert all(states(registry) == states(one) for registry in others)
    values = [[registry.get(*key).payload for key in one.names()] for registry in others]  # type: ignore[union-attr]  # names() lists what is there
    assert values[0] == values[1]


@pytest.fixture(scope="module")
def clusters(make_registries: Callable[[], Registry], diary_type: Any) -> Any:
    """Play a history on fresh registries."""
    return lambda history: play(make_registries, diary_type, history)


HISTORY = [0, 1, 2, 36, 37, 38, 12, 13, 14, 30, 31, 32, 30 + 36, 31 + 36, 32 + 36, 12, 13, 14]
"""Everybody writes, flushes and hears something."""


@pytest.mark.parametrize("step", ["arrived", "_compute", "writing"])
def test_a_registry_that_skips_one_step_of_its_bookkeeping_is_caught(
    clusters: Callable[[list[int]], Cluster], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    history = [number + 432 for number in HISTORY]
    cluster = clusters(history)
    cluster.check()
    assert len({registry.root for registry in cluster.registries}) == 1

    def forgetful(ledger: Ledger, entry: Any, *_: Any) -> None:
        if step == "_compute":
            entry.stale = False

    monkeypatch.setattr(Ledger, step, forgetful)
    with pytest.raises(AssertionError):
        check_all(clusters(history))


def check_all(cluster: Cluster) -> None:
    """The whole of what the test above demands."""
    cluster.check()
    assert len({registry.root for registry in cluster.registries}) == 1
    assert cluster.registries[0].root != 0
