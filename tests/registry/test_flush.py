"""From local writes to deltas and versions."""

import json
from typing import Any

import pytest

from crdt import GCounter, GSet, ORSet, PNCounter
from crdtnode.errors import ObjectTooLarge
from crdtnode.registry import Registry


def brute_root(registry: Registry) -> int:
    """The root, computed from all states anew."""
    root, prints = 0, registry.fingerprints
    for tag, name in registry.names():
        obj = registry.get(tag, name)
        assert obj is not None
        root ^= prints.version(prints.place(tag, name), 1, obj.fingerprint(prints.digest))
    return root


def elements(*some: str) -> Any:
    """The payload of a GSet of these."""
    source = GSet()
    source.update(some)
    return source.payload


def test_all_writes_to_one_object_become_one_delta(registry: Registry) -> None:
    tags = registry.open("tags", GSet)
    tags.add("old")
    registry.flush(now=0.0)
    before = registry.version("gset@1", "tags")
    for element in ("a", "b", "c"):
        tags.add(element)
    (change,) = registry.flush(now=1.0)
    assert (change.type, change.name) == ("gset@1", "tags")
    assert change.hn == registry.fingerprints.place("gset@1", "tags")
    assert change.delta.value == {"a", "b", "c"}
    assert change.before == before
    assert change.version == registry.version("gset@1", "tags") != before
    assert registry.flush(now=2.0) == []


def test_the_root_is_that_of_the_last_flush(registry: Registry) -> None:
    visits = registry.open("visits", PNCounter)
    visits.increment()
    assert registry.root == 0
    registry.flush(now=0.0)
    assert registry.root == brute_root(registry) != 0
    visits.increment()
    assert registry.root != brute_root(registry)
    registry.flush(now=0.0)
    assert registry.root == brute_root(registry)


def test_a_change_is_dated_by_its_flush(registry: Registry) -> None:
    registry.open("visits", PNCounter).increment()
    registry.flush(now=7.5)
    place = registry.fingerprints.place("pncounter@1", "visits")
    assert registry.fingerprints.changed_at(place) == 7.5


def test_the_first_write_after_a_flush_calls_notify_and_the_others_do_not(
    registry: Registry,
) -> None:
    calls: list[str] = []
    registry.notify = lambda: calls.append("now")
    assert registry.notify is not None
    visits = registry.open("visits", PNCounter)
    assert (calls, registry.dirty) == ([], False)
    visits.increment()
    visits.increment()
    registry.open("tags", GSet).add("a")
    assert (calls, registry.dirty) == (["now"], True)
    registry.flush(now=0.0)
    assert not registry.dirty
    visits.increment()
    assert calls == ["now", "now"]


def test_a_write_that_changes_nothing_is_not_told(registry: Registry) -> None:
    tags = registry.open("tags", GSet)
    tags.add("a")
    registry.flush(now=0.0)
    tags.add("a")
    registry.open("visits", PNCounter).increment(0)
    assert registry.flush(now=1.0) == []


def test_what_was_read_between_does_not_keep_the_delta_from_going_out(registry: Registry) -> None:
    visits = registry.open("visits", PNCounter)
    place = registry.fingerprints.place("pncounter@1", "visits")
    visits.increment()
    first = registry.refresh(place, now=0.0)
    assert first == registry.refresh(place, now=0.0) != 0
    assert registry.dirty
    visits.increment()
    assert registry.refresh(place, now=0.0) != first
    (change,) = registry.flush(now=0.0)
    assert change.delta.value == 2
    assert (change.before, change.version) == (0, registry.refresh(place, now=0.0))


def test_a_delta_stands_by_itself_where_something_else_was_joined_meanwhile(
    registry: Registry,
) -> None:
    tags = registry.open("tags", GSet)
    tags.add("a")
    registry.flush(now=0.0)
    tags.add("b")
    registry.absorb("gset@1", "tags", 1, [elements("c")], now=0.0)
    (change,) = registry.flush(now=0.0)
    assert (change.delta.value, change.before) == ({"b"}, 0)
    registry.absorb("gset@1", "tags", 1, [elements("d")], now=0.0)
    tags.add("e")
    (change,) = registry.flush(now=0.0)
    assert (change.delta.value, change.before) == ({"e"}, 0)


def test_a_users_join_is_told_like_a_write(registry: Registry) -> None:
    tags, other = registry.open("tags", GSet), GSet()
    other.update(["x", "y"])
    tags.join(other)
    (change,) = registry.flush(now=0.0)
    assert change.delta.value == {"x", "y"}


def test_what_goes_out_shares_nothing_with_the_object_or_with_a_writers_delta(
    registry: Registry,
) -> None:
    tags = registry.open("tags", GSet)
    returned = tags.add("a")
    returned.join(GSet.from_payload(elements("foreign")))
    tags.add("b").join(GSet.from_payload(elements("foreign")))
    (change,) = registry.flush(now=0.0)
    assert change.delta.value == {"a", "b"}
    assert change.delta.replica is None
    tags.add("c")
    change.delta.add("d")
    assert (change.delta.value, tags.value) == ({"a", "b", "d"}, {"a", "b", "c"})
    state = registry.state(change.hn)
    assert state is not None
    assert state[:3] == ("gset@1", "tags", 1)
    text = json.dumps(state[3])
    (scribbled,) = state[3]
    scribbled.clear()
    again = registry.state(change.hn)
    assert again is not None
    assert json.dumps(again[3]) == text


# Size


def test_an_object_over_the_limit_takes_no_more_changes(make_registry: Any) -> None:
    registry: Registry = make_registry(max_object_bytes=200)
    tags = registry.open("tags", GSet)
    tags.add("x" * 300)
    registry.flush(now=0.0)
    with pytest.raises(ObjectTooLarge, match="gset@1/tags is larger than 200 bytes"):
        tags.add("y")
    with pytest.raises(ObjectTooLarge), registry.change("tags", GSet) as same:
        same.add("y")
    with pytest.raises(ObjectTooLarge):
        registry.absorb_payload("gset@1", "tags", elements("y"))
    assert tags.value == {"x" * 300}
    assert registry.flush(now=1.0) == []


def test_an_object_over_the_limit_still_joins_what_others_wrote(make_registry: Any) -> None:
    registry: Registry = make_registry(max_object_bytes=200)
    big = elements("x" * 300)
    assert registry.absorb("gset@1", "tags", 1, [big], now=0.0).changed
    registry.flush(now=0.0)
    assert registry.absorb("gset@1", "tags", 1, [elements("y")], now=0.0).changed


def test_a_refresh_finds_an_object_too_large_as_well(make_registry: Any) -> None:
    registry: Registry = make_registry(max_object_bytes=200)
    tags = registry.open("tags", GSet)
    tags.add("x" * 300)
    registry.refresh(registry.fingerprints.place("gset@1", "tags"), now=0.0)
    with pytest.raises(ObjectTooLarge):
        tags.add("y")
    (change,) = registry.flush(now=0.0)
    assert change.delta.value == {"x" * 300}


@pytest.mark.parametrize("kind", [GSet, ORSet])
def test_a_limit_is_found_exactly_though_only_changes_are_hashed(
    make_registry: Any, kind: type[Any]
) -> None:
    registry: Registry = make_registry(max_object_bytes=2000)
    tags = registry.open("tags", kind)
    for i in range(1000):
        registry.flush(now=float(i))
        if len(tags.canonical()) > 2000:
            break
        tags.add(f"element number {i}")
    assert 50 < len(tags) < 150
    with pytest.raises(ObjectTooLarge):
        tags.add("one more")


def test_an_object_that_only_changes_much_never_becomes_too_large(make_registry: Any) -> None:
    registry: Registry = make_registry(max_object_bytes=300)
    tags, visits = registry.open("tags", ORSet), registry.open("visits", GCounter)
    for i in range(300):
        tags.add("x")
        tags.remove("x")
        visits.increment()
        registry.flush(now=float(i))
    assert visits.value == 300


# Observers who refuse


def test_a_write_that_a_later_observer_refuses_is_not_told(registry: Registry) -> None:
    tags = registry.open("tags", GSet)

    def no_shouting(delta: Any) -> None:
        if any(element.isupper() for element in delta.value):
            raise ValueError("do not shout")

    def shout(word: str) -> None:
        with pytest.raises(ValueError, match="shout"):
            tags.add(word)

    tags.observe(no_shouting)
    told: set[str] = set()
    for round_ in range(3):
        shout("LOUD")
        tags.add(f"calm{round_}")
        shout("LOUDER")
        tags.add(f"quiet{round_}")
        shout("LOUDEST")
        for change in registry.flush(now=float(round_)):
            told |= change.delta.value
            assert not change.delta.value & {"LOUD", "LOUDER", "LOUDEST"}
    assert told == tags.value == {f"{word}{n}" for word in ("calm", "quiet") for n in range(3)}
    shout("LOUD")
    assert registry.flush(now=9.0) == []


def test_after_a_refusal_each_delta_goes_out_by_itself_again(registry: Registry) -> None:
    tags = registry.open("tags", GSet)
    tags.add("long ago")
    registry.flush(now=0.0)
    refusing = [True]

    def refuse(delta: Any) -> None:
        if refusing[0]:
            raise ValueError("not now")

    tags.observe(refuse)
    with pytest.raises(ValueError, match="not now"):
        tags.add("a")
    refusing[0] = False
    tags.add("b")
    (whole,) = registry.flush(now=1.0)
    assert whole.delta.value == {"long ago", "b"}
    tags.add("c")
    tags.add("d")
    (change,) = registry.flush(now=2.0)
    assert change.delta.value == {"c", "d"}


def test_a_driver_that_cannot_be_woken_refuses_the_write(registry: Registry) -> None:
    def broken() -> None:
        raise RuntimeError("the loop is gone")

    visits = registry.open("visits", PNCounter)
    registry.notify = broken
    with pytest.raises(RuntimeError, match="gone"):
        visits.increment()
    assert (visits.value, registry.flush(now=0.0)) == (0, [])


# In portions


def test_a_flush_of_many_objects_takes_so_many_and_leaves_the_rest(registry: Registry) -> None:
    for number in range(100):
        registry.open(f"set-{number}", GSet).add(number)
    told, flushes = [], 0
    while registry.dirty:
        changes = registry.flush(1.0, most_bytes=5000)
        assert 5 < len(changes) < 25
        assert registry.unfinished == registry.dirty
        told += [change.name for change in changes]
        flushes += 1
    assert sorted(told) == sorted(f"set-{number}" for number in range(100))
    assert flushes > 4
    assert registry.root == brute_root(registry)


def test_what_arrived_is_flushed_in_portions_too(registry: Registry) -> None:
    for number in range(100):
        registry.absorb("gset@1", f"set-{number}", 1, [elements("red")], 0.0)
    flushes = 0
    while registry.dirty:
        assert registry.flush(1.0, most_bytes=5000) == []
        flushes += 1
    assert flushes > 4
    assert registry.root == brute_root(registry)


@pytest.mark.parametrize("arrived", [False, True])
def test_a_large_object_is_hashed_in_portions_while_writes_go_on(
    registry: Registry, arrived: bool
) -> None:
    source: ORSet[int] = ORSet("elsewhere")
    source.update(range(20_000))
    tags = registry.open("tags", ORSet)
    if arrived:
        registry.absorb("orset@1", "tags", 1, [source.payload], 0.0)
    else:
        tags.join(source)
    place = registry.fingerprints.place("orset@1", "tags")
    flushes, changes = 0, []
    while registry.unfinished or not flushes:
        assert registry.version("orset@1", "tags") == 0  # as of the last flush
        assert registry.refresh(place, 1.0, at_once=False) == 0
        assert registry.stale(place)
        changes += registry.flush(1.0, most_bytes=10_000)
        flushes += 1
        if flushes < 5:
            tags.add(f"late {flushes}")
    assert flushes > 5
    assert not registry.stale(place)
    assert registry.root == brute_root(registry)
    (change,) = changes
    assert (len(change.delta) > 20_000) is not arrived
    assert change.delta.value >= {"late 1", "late 4"}


def test_who_asks_for_the_version_of_a_large_object_at_once_gets_it(registry: Registry) -> None:
    registry.open("tags", ORSet).update(range(20_000))
    registry.flush(1.0, most_bytes=10_000)
    place = registry.fingerprints.place("orset@1", "tags")
    version = registry.refresh(place, 1.0)
    registry.flush(1.0)
    assert version == registry.version("orset@1", "tags")
    assert registry.root == brute_root(registry)
    assert not registry.stale(77)


def test_of_a_large_change_nobody_makes_the_payload_but_its_parts(registry: Registry) -> None:
    registry.open("tags", ORSet).update(range(5000))
    registry.open("few", ORSet).update(range(5))
    few, large = sorted(registry.flush(1.0), key=lambda change: change.rows)
    assert (few.large, large.large, large.payload) == (False, True, None)
    parts = large.parts(1000)
    assert parts is not None
    joined: ORSet[int] = ORSet("here")
    for part in parts:
        joined.join(ORSet.from_payload(part))
    assert joined == set(range(5000))
    registry.delete("orset@1", "tags")
    (removed,) = registry.flush(2.0)
    assert (removed.large, removed.rows, removed.parts(1000)) == (False, 0, None)


def test_a_delta_that_nobody_can_refuse_is_not_compared_with_the_state(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    tags = registry.open("tags", GSet)
    compared = 0

    def compare(self: Any, other: Any) -> bool:
        nonlocal compared
        compared += 1
        return True

    monkeypatch.setattr(GSet, "compare", compare)
    for change in (
        lambda: tags.add(1),
        lambda: registry.absorb_payload("gset@1", "tags", [2]),
        lambda: (registry.absorb_payload("gset@1", "tags", [3]), tags.add(4)),
        lambda: (tags.add(5), registry.absorb_payload("gset@1", "tags", [6]), tags.add(7)),
    ):
        change()
        assert len(registry.flush(1.0)) == 1
        assert compared == 0
    end = tags.observe(lambda delta: None)
    tags.add(8)
    registry.flush(1.0)
    assert compared == 1
    tags.add(9)
    end()
    registry.flush(1.0)
    assert compared == 2


def test_a_large_object_near_its_limit_is_weighed_now_and_then_not_at_each_change(
    make_registry: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = make_registry(max_object_bytes=2_000_000)
    tags = registry.open("tags", GSet)
    tags.update(f"{number:060}" for number in range(31_500))
    registry.flush(0.0)
    weighed = 0
    canonical = GSet.canonical

    def counting(self: Any) -> bytes:
        nonlocal weighed
        weighed += len(self) > 1000
        return canonical(self)

    monkeypatch.setattr(GSet, "canonical", counting)
    for number in range(100):
        tags.add(number)
        registry.flush(0.0)
    assert weighed <= 2

    def fill() -> None:
        for number in range(100_000, 102_000):
            tags.add(f"{number:060}")
            registry.flush(0.0)

    with pytest.raises(ObjectTooLarge):
        fill()
    assert 2_000_000 < len(canonical(tags)) < 2_070_000


def test_what_somebody_asked_for_meanwhile_is_not_left_any_more(registry: Registry) -> None:
    for number in range(30):
        registry.absorb("gset@1", f"set-{number}", 1, [elements("red")], 0.0)
    registry.flush(1.0, most_bytes=5000)
    assert registry.unfinished
    for number in range(30):
        registry.refresh(registry.fingerprints.place("gset@1", f"set-{number}"), 1.0)
    assert not registry.unfinished
    assert registry.flush(2.0) == []
