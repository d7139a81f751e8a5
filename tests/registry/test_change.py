"""Changing an object in a block: all or nothing, and the only way for plain types."""

from contextlib import suppress
from typing import Any

import pytest

from crdt import GSet, LWWRegister, PNCounter
from crdtnode.errors import (
    ChangeInProgress,
    ChangeRequired,
    InvalidState,
    ObjectTooLarge,
    TypeConflict,
)
from crdtnode.registry import Registry

DIARY, NUMBERS = "registry-diary@1", "registry-numbers@1"


def elements(*some: Any) -> Any:
    source = GSet()
    source.update(some)
    return source.payload


def told(registry: Registry) -> list[Any]:
    """The values of the deltas that a flush gives."""
    return [change.delta.value for change in registry.flush(now=0.0)]


# Built-in types


def test_a_block_of_a_built_in_type_is_one_delta(registry: Registry) -> None:
    with registry.change("tags", GSet) as tags:
        assert tags is registry.open("tags", GSet)
        tags.add("a")
        tags.add("b")
    assert told(registry) == [{"a", "b"}]


def test_a_block_that_raises_leaves_a_built_in_object_as_it_was(registry: Registry) -> None:
    tags = registry.open("tags", GSet)
    tags.add("before")
    calls: list[str] = []
    registry.flush(now=0.0)
    registry.notify = lambda: calls.append("now")
    with suppress(KeyError), registry.change("tags", GSet):
        tags.add("a")
        tags.add("b")
        raise KeyError
    assert (tags.value, told(registry), calls, registry.dirty) == ({"before"}, [], [], False)
    tags.add("after")
    assert (tags.value, told(registry)) == ({"before", "after"}, [{"after"}])


def test_what_a_failed_block_wrote_is_never_written_again_differently(registry: Registry) -> None:
    visits = registry.open("visits", PNCounter)
    visits.increment(1)
    with suppress(KeyError), registry.change("visits", PNCounter):
        leaked = visits.increment(10)
        raise KeyError
    visits.increment(5)
    visits.join(leaked)
    assert visits.value == 16


def test_a_block_without_a_change_tells_nobody(registry: Registry) -> None:
    with registry.change("tags", GSet) as tags:
        assert not tags.value
    with pytest.raises(KeyError), registry.change("tags", GSet):
        raise KeyError
    assert not registry.dirty


def test_others_see_a_block_only_when_it_has_ended_well(registry: Registry) -> None:
    tags = registry.open("tags", GSet)
    tags.add("before")
    place = registry.fingerprints.place("gset@1", "tags")
    with registry.change("tags", GSet):
        tags.add("a")
        assert told(registry) == [{"before"}]
        version = registry.refresh(place, now=0.0)
        assert registry.state(place) == ("gset@1", "tags", 1, (elements("before"),))
    assert registry.refresh(place, now=0.0) != version
    assert registry.state(place) == ("gset@1", "tags", 1, (elements("a", "before"),))
    assert told(registry) == [{"a"}]


def test_what_arrives_during_a_block_is_joined_when_it_ends_well(registry: Registry) -> None:
    with registry.change("tags", GSet) as tags:
        registry.absorb("gset@1", "tags", 1, [elements("early")], now=0.0)
        tags.add("mine")
        assert registry.absorb("gset@1", "tags", 1, [elements("late")], now=0.0).changed
        assert registry.absorb_payload("gset@1", "tags", elements("put"))
        assert told(registry) == [{"put"}]
    assert tags.value == {"early", "late", "put", "mine"}
    assert told(registry) == [{"mine"}]


def test_what_arrives_during_a_block_is_kept_when_it_raises(registry: Registry) -> None:
    tags = registry.open("tags", GSet)

    def arrive_and_fail() -> None:
        with registry.change("tags", GSet):
            registry.absorb("gset@1", "tags", 1, [elements("early")], now=0.0)
            tags.add("mine")
            registry.absorb("gset@1", "tags", 1, [elements("late")], now=0.0)
            raise KeyError

    with pytest.raises(KeyError):
        arrive_and_fail()
    assert tags.value == {"early", "late"}
    assert told(registry) == []


def test_a_write_that_an_observer_refused_in_a_block_is_not_told(registry: Registry) -> None:
    tags = registry.open("tags", GSet)

    def refuse(delta: Any) -> None:
        if "no" in delta.value:
            raise ValueError("no")

    tags.observe(refuse)
    for word in ("a", "b"):
        with registry.change("tags", GSet):
            with pytest.raises(ValueError, match="no"):
                tags.add("no")
            tags.add(word)
        (value,) = told(registry)
        assert word in value
        assert "no" not in value


def test_a_second_block_of_an_object_is_refused_and_the_first_goes_on(registry: Registry) -> None:
    with registry.change("tags", GSet) as tags:
        tags.add("a")
        with (
            pytest.raises(ChangeInProgress, match="gset@1/tags"),
            registry.change("tags", GSet),
        ):
            pass
        tags.add("b")
    assert told(registry) == [{"a", "b"}]
    with registry.change("tags", GSet):
        tags.add("c")
    assert told(registry) == [{"c"}]


def test_blocks_of_different_objects_nest(registry: Registry, diary: Any) -> None:
    with registry.change("d", diary) as d, registry.change("tags", GSet) as tags:
        d.owner = "eric"
        tags.add("a")
        registry.open("visits", PNCounter).increment()
    assert sorted(name for _, name in registry.names()) == ["d", "tags", "visits"]


def test_a_change_of_a_name_that_is_another_type_is_refused(registry: Registry) -> None:
    registry.open("tags", GSet)
    with pytest.raises(TypeConflict), registry.change("tags", PNCounter):
        pass


# Plain types


def test_a_block_of_a_plain_type_travels_whole(registry: Registry, diary: Any) -> None:
    with registry.change("d", diary) as d:
        d.owner = "eric"
        d.days.add("monday")
    assert registry.open("d", diary) is d
    assert told(registry) == [("eric", {"monday"}, None)]
    with registry.change("d", diary):
        d.motto.assign("go")
    (change,) = registry.flush(now=0.0)
    assert change.delta.payload == d.payload
    assert change.before != change.version == registry.version(DIARY, "d")


def test_a_plain_object_takes_time_and_identity_from_the_registry(
    make_registry: Any, diary: Any
) -> None:
    registry: Registry = make_registry(clock=lambda: 77)
    with registry.change("d", diary) as d:
        d.owner = "eric"
        d.motto.assign("one")
        assert d.motto.payload == [[77, 0], registry.replica, "one"]
        d.motto = LWWRegister()
        d.motto.assign("two")
        assert d.motto.payload == [[77, 0], "r1", "two"]


def test_a_raising_block_leaves_a_plain_object_as_it_was(registry: Registry, diary: Any) -> None:
    d = registry.open("d", diary)
    for _ in range(2):
        with suppress(KeyError), registry.change("d", diary):
            d.owner = "nobody"
            d.days.add("sunday")
            raise KeyError
        assert (d.owner, d.days.value) == (None, set())
    with registry.change("d", diary):
        d.owner = "eric"
        d.days.add("monday")
    with suppress(KeyError), registry.change("d", diary):
        d.days.add("sunday")
        d.motto = None
        raise KeyError
    assert d.value == ("eric", {"monday"}, None)
    assert told(registry) == [("eric", {"monday"}, None)]


def test_the_parts_of_a_plain_object_refuse_mutation_outside_a_block(
    registry: Registry, diary: Any
) -> None:
    d = registry.open("d", diary)
    with pytest.raises(ChangeRequired, match="registry-diary@1/d"):
        d.days.add("monday")
    with registry.change("d", diary):
        d.owner = "eric"
        d.days.add("monday")
        d.motto = LWWRegister()
        d.motto.assign("new")
    for act in (lambda: d.days.add("tuesday"), lambda: d.motto.assign("other")):
        with pytest.raises(ChangeRequired):
            act()
    assert d.value == ("eric", {"monday"}, "new")


def test_a_part_that_was_taken_out_of_a_plain_object_is_free_again(
    registry: Registry, diary: Any
) -> None:
    with registry.change("d", diary) as d:
        d.owner = "eric"
        old, d.motto = d.motto, LWWRegister()
    old.assign("whatever")
    assert told(registry) == [("eric", set(), None)]


def test_parts_stay_guarded_after_something_arrived(registry: Registry, diary: Any) -> None:
    d, source = registry.open("d", diary), diary()
    source.owner = "eric"
    for day in ("monday", "tuesday"):
        source.days.add(day)
        registry.absorb(DIARY, "d", 1, [source.payload], now=0.0)
        with pytest.raises(ChangeRequired):
            d.days.add("sunday")
    assert d.days.value == {"monday", "tuesday"}


def test_hand_written_parts_guard_their_own_parts(registry: Registry, diary: Any) -> None:
    class RegistryShelf(diary):  # type: ignore[misc]  # a class given by a fixture
        """A diary with another one inside."""

        def __init__(self) -> None:
            super().__init__()
            self.owner = "shelf"
            self.inner = diary()
            self.inner.owner = "inner"

        @property
        def payload(self) -> Any:
            return {"outer": diary.payload.fget(self), "inner": self.inner.payload}

        @payload.setter
        def payload(self, payload: Any) -> None:
            diary.payload.fset(self, payload["outer"])
            self.inner = diary.from_payload(payload["inner"])

        @classmethod
        def merge(cls, X: Any, Y: Any) -> Any:
            new = super().merge(X, Y)
            new.inner = diary.merge(X.inner, Y.inner)
            return new

    registry.register(RegistryShelf)
    shelf = registry.open("s", RegistryShelf)
    with pytest.raises(ChangeRequired):
        shelf.inner.days.add("monday")
    with registry.change("s", RegistryShelf):
        shelf.inner.days.add("monday")
    assert shelf.inner.days.value == {"monday"}
    assert len(registry.flush(now=0.0)) == 1


def test_joining_a_whole_plain_state_needs_no_block(registry: Registry, numbers: Any) -> None:
    handle, other = registry.open("n", numbers), numbers()
    other.items = [1, 2]
    handle.join(other)
    other.items = [3]
    handle.join(other)
    assert told(registry) == [{1, 2, 3}]


def test_what_arrives_during_a_plain_block_is_joined_when_it_ends(
    registry: Registry, diary: Any
) -> None:
    source = diary()
    source.owner = "eric"
    with registry.change("d", diary) as d:
        d.owner = "eric"
    registry.flush(now=0.0)
    with registry.change("d", diary):
        days = d.days
        source.days.add("theirs")
        assert registry.absorb(DIARY, "d", 1, [source.payload], now=0.0).changed
        assert d.days is days
        days.add("ours")
    assert d.days.value == {"ours", "theirs"}
    assert told(registry) == [("eric", {"ours"}, None)]
    with suppress(KeyError), registry.change("d", diary):
        source.days.add("late")
        registry.absorb(DIARY, "d", 1, [source.payload], now=0.0)
        raise KeyError
    assert d.days.value == {"ours", "theirs", "late"}


def test_a_plain_block_that_changes_nothing_tells_nobody(registry: Registry, numbers: Any) -> None:
    for _ in range(2):
        with registry.change("n", numbers):
            pass
        assert not registry.dirty
    with registry.change("n", numbers) as n:
        n.items = [1]
    registry.flush(now=0.0)
    with registry.change("n", numbers):
        n.items = [1]
    assert not registry.dirty


@pytest.mark.parametrize("items", [[{1}], [(1, 2)], [float("nan")], [2**64], [b"x"], 5, [[1], 2]])
def test_a_state_that_cannot_be_carried_is_refused_at_the_end_of_its_block(
    registry: Registry, numbers: Any, items: Any
) -> None:
    with registry.change("n", numbers) as n:
        n.items = [1]
    with pytest.raises(InvalidState, match=NUMBERS), registry.change("n", numbers):
        n.items = items
    assert n.items == [1]
    assert told(registry) == [{1}]


def test_a_state_without_a_payload_is_refused_at_the_end_of_its_block(
    registry: Registry, diary: Any
) -> None:
    with (
        pytest.raises(InvalidState, match="name the owner first"),
        registry.change("d", diary) as d,
    ):
        d.days.add("monday")
    assert d.days.value == set()
    assert not registry.dirty


def test_a_block_that_takes_something_away_is_refused(registry: Registry, numbers: Any) -> None:
    with registry.change("n", numbers) as n:
        n.items = [1, 2]
    with pytest.raises(InvalidState, match="can only add"), registry.change("n", numbers):
        n.items = [2, 3]
    assert n.items == [1, 2]


def test_a_merge_that_never_agrees_with_itself_refuses_no_change(
    registry: Registry, numbers: Any
) -> None:
    def count_up(new: Any) -> Any:
        new.items.append(len(new.items))
        return new

    with registry.change("n", numbers) as n:
        n.items = [1]
    numbers.on_merge = count_up
    with registry.change("n", numbers):
        n.items = [2]
    assert n.items == [2]
    assert len(registry.flush(now=0.0)) == 1


def test_a_merge_that_raises_refuses_the_block(registry: Registry, numbers: Any) -> None:
    def broken(_: Any) -> Any:
        raise RuntimeError("a bug of its author")

    with registry.change("n", numbers) as n:
        n.items = [1]

    def break_it() -> None:
        with registry.change("n", numbers):
            n.items = [1, 2]
            numbers.on_merge = broken

    with pytest.raises(InvalidState, match="a bug of its author"):
        break_it()
    assert n.items == [1]


def test_a_plain_state_over_the_limit_is_refused(make_registry: Any, numbers: Any) -> None:
    registry: Registry = make_registry(max_object_bytes=50)
    with pytest.raises(ObjectTooLarge), registry.change("n", numbers) as n:
        n.items = list(range(100))
    assert n.items == []
    assert not registry.dirty


# After the end


class Over(Exception):
    """What a closed registry was told to raise."""


def test_a_closed_registry_refuses_every_local_change_and_changes_nothing(
    registry: Registry, numbers: type[Any]
) -> None:
    told_of, untold = registry.open("visits", PNCounter), registry.open("tags", GSet)
    told_of.increment(2)
    registry.flush(now=0.0)
    untold.add("a")  # from now on its deltas go straight to what is pending
    registry.close(Over)
    for act in (
        told_of.increment,
        lambda: untold.add("b"),
        lambda: registry.open("new", GSet).add("c"),
        lambda: registry.absorb_payload("gset@1", "tags", elements("d")),
        lambda: registry.change("numbers", numbers).__enter__(),
    ):
        with pytest.raises(Over):
            act()
    assert (told_of.value, untold.value) == (2, {"a"})
    assert told(registry) == [{"a"}]


def test_a_block_that_is_under_way_at_the_end_leaves_the_object_as_it_was(
    registry: Registry,
) -> None:
    visits = registry.open("visits", PNCounter)

    def end_in_the_middle() -> None:
        with registry.change("visits", PNCounter):
            visits.increment()
            registry.close(Over)

    with pytest.raises(Over):
        end_in_the_middle()
    assert (visits.value, told(registry)) == (0, [])
