"""Finding, opening and naming objects."""

from typing import Any

import pytest

from crdt import GCounter, GSet, LWWRegister, PNCounter, StateCRDT, register
from crdtnode.errors import InvalidName, TypeConflict, UnknownType
from crdtnode.registry import Registry


def test_opening_gives_the_same_live_object_each_time(registry: Registry) -> None:
    visits = registry.open("visits", PNCounter)
    assert type(visits) is PNCounter
    assert registry.open("visits", PNCounter) is visits
    assert registry.get("pncounter@1", "visits") is visits


def test_an_alias_opens_like_its_class(registry: Registry) -> None:
    assert registry.open("tags", GSet[str]) is registry.open("tags", GSet)


def test_an_opened_object_is_known_here_but_holds_nothing_for_others(registry: Registry) -> None:
    registry.open("visits", PNCounter)
    place = registry.fingerprints.place("pncounter@1", "visits")
    assert registry.flush(now=0.0) == []
    assert (registry.names(), len(registry), registry.root) == ([], 0, 0)
    assert registry.find("visits") == ["pncounter@1"]
    assert registry.version("pncounter@1", "visits") == 0
    assert registry.state(place) is None
    assert registry.refresh(place, now=0.0) == 0


def test_a_written_object_is_listed_at_once(registry: Registry) -> None:
    registry.open("visits", PNCounter).increment()
    registry.open("title", LWWRegister).assign("x")
    assert registry.names() == [("lwwregister@1", "title"), ("pncounter@1", "visits")]
    assert len(registry) == 2
    registry.flush(now=0.0)
    assert len(registry) == 2


def test_what_is_not_here_is_not_found(registry: Registry) -> None:
    assert registry.get("pncounter@1", "visits") is None
    assert registry.get("nothing@1", "visits") is None
    assert registry.find("visits") == []
    assert registry.version("pncounter@1", "visits") == 0
    assert (registry.state(1), registry.entry(1), registry.refresh(1, now=0.0)) == (None, None, 0)


def test_an_entry_tells_what_stands_at_a_place(registry: Registry) -> None:
    registry.open("visits", PNCounter).increment()
    entry = registry.entry(registry.fingerprints.place("pncounter@1", "visits"))
    assert entry is not None
    assert (entry.tag, entry.name, entry.life) == ("pncounter@1", "visits", 1)


def test_a_name_open_as_one_type_is_refused_as_another(registry: Registry) -> None:
    registry.open("visits", PNCounter)
    with pytest.raises(TypeConflict, match="'visits' is pncounter@1 here, not gset@1") as caught:
        registry.open("visits", GSet)
    assert caught.value.tags == ["pncounter@1"]
    with pytest.raises(TypeConflict):
        registry.absorb_payload("gset@1", "visits", GSet().payload)
    assert registry.find("visits") == ["pncounter@1"]


def test_two_types_of_one_name_both_live_when_they_came_from_elsewhere(
    registry: Registry,
) -> None:
    registry.absorb("pncounter@1", "x", 1, [{"a": [1, 0]}], now=0.0)
    registry.absorb("gcounter@1", "x", 1, [{"a": 2}], now=0.0)
    assert registry.find("x") == ["gcounter@1", "pncounter@1"]
    assert registry.open("x", PNCounter).value == 1
    assert registry.open("x", GCounter).value == 2
    with pytest.raises(TypeConflict, match="gcounter@1 and pncounter@1"):
        registry.open("x", GSet)


@pytest.mark.parametrize("name", ["", "a\nb", "x" * 256])
def test_a_bad_name_is_refused(registry: Registry, name: str) -> None:
    with pytest.raises(InvalidName):
        registry.open(name, PNCounter)
    with pytest.raises(InvalidName):
        registry.absorb("pncounter@1", name, 1, [{"a": [1, 0]}], now=0.0)
    with pytest.raises(InvalidName):
        registry.absorb_payload("pncounter@1", name, {"a": [1, 0]})
    assert (registry.names(), registry.dirty) == ([], False)


def test_two_names_at_one_place_are_refused(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry.fingerprints, "place", lambda tag, name: 7)
    registry.open("a", PNCounter)
    with pytest.raises(InvalidName, match="choose another"):
        registry.open("b", PNCounter)


def test_a_class_that_nobody_registered_is_refused_with_the_way_out(registry: Registry) -> None:
    class Unregistered(GSet):
        pass

    with pytest.raises(UnknownType, match="register"):
        registry.open("x", Unregistered)
    for junk in (int, GSet(), "gset@1"):
        with pytest.raises(TypeError, match="expected a"):
            registry.open("x", junk)  # type: ignore[type-var]  # a caller's mistake


def test_registering_makes_a_type_known_and_changes_the_hash(registry: Registry) -> None:
    class RegistryLateType(GSet):
        pass

    before = registry.types_hash
    assert registry.register(RegistryLateType) == "registrylatetype@1"
    assert registry.register(RegistryLateType) == "registrylatetype@1"
    assert "registrylatetype@1" in registry.types
    assert list(registry.types) == sorted(registry.types)
    assert registry.types_hash != before
    assert type(registry.open("x", RegistryLateType)) is RegistryLateType


def test_a_type_registered_elsewhere_is_announced_from_the_next_flush_or_use_on(
    make_registry: Any,
) -> None:
    one, other = make_registry(), make_registry()
    assert one.types_hash == other.types_hash

    @register
    class RegistryLaterType(GSet):
        pass

    one.open("x", RegistryLaterType)
    other.flush(now=0.0)
    assert "registrylatertype@1" in one.types
    assert one.types_hash == other.types_hash


def test_a_registry_may_know_some_types_only(make_registry: Any) -> None:
    few: Registry = make_registry(types=["gset@1"])
    assert few.types == ("gset@1",)
    assert few.types_hash != make_registry().types_hash
    with pytest.raises(UnknownType, match="does not know"):
        few.absorb("pncounter@1", "x", 1, [{"a": [1, 0]}], now=0.0)
    with pytest.raises(UnknownType):
        few.open("x", PNCounter)
    few.register(PNCounter)
    assert few.types == ("gset@1", "pncounter@1")
    assert few.open("x", PNCounter).value == 0


def test_an_unheard_of_tag_is_refused(registry: Registry) -> None:
    for act in (
        lambda: registry.absorb("nothing@1", "x", 1, [[]], now=0.0),
        lambda: registry.absorb_payload("nothing@1", "x", []),
    ):
        with pytest.raises(UnknownType):
            act()


def test_objects_of_one_registry_act_as_one_replica_by_its_clock(make_registry: Any) -> None:
    registry: Registry = make_registry(clock=lambda: 1_234)
    registry.open("visits", PNCounter).increment(3)
    registry.open("title", LWWRegister).assign("x")
    objects: list[StateCRDT | None] = [
        registry.get("pncounter@1", "visits"),
        registry.get("lwwregister@1", "title"),
    ]
    assert [obj and obj.payload for obj in objects] == [
        {registry.replica: [3, 0]},
        [[1_234, 0], registry.replica, "x"],
    ]


def test_an_object_whose_id_somebody_else_uses_takes_a_fresh_one(make_registry: Any) -> None:
    registry: Registry = make_registry()
    visits = registry.open("visits", PNCounter)
    visits.increment()
    registry.absorb("pncounter@1", "visits", 1, [{registry.replica: [5, 0]}], now=0.0)
    visits.increment()
    assert visits.payload == {registry.replica: [5, 0], "r1": [1, 0]}


def test_a_held_object_refuses_to_be_overwritten(registry: Registry) -> None:
    visits = registry.open("visits", PNCounter)
    with pytest.raises(RuntimeError, match="join"):
        visits.payload = {"a": [9, 9]}
    assert visits.value == 0


def test_a_name_that_two_types_bear_is_told_while_both_are_held(registry: Registry) -> None:
    registry.open("visits", PNCounter).increment()
    registry.open("other", PNCounter).increment()
    assert registry.shared_names() == {}
    registry.absorb("gset@1", "visits", 1, [["red"]], now=0.0)
    assert registry.shared_names() == {"visits": ["gset@1", "pncounter@1"]}
    assert registry.get("gset@1", "visits") is not registry.get("pncounter@1", "visits")
    registry.delete("gset@1", "visits")
    assert registry.shared_names() == {}
