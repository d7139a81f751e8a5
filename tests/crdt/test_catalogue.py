"""Types by tag."""

from __future__ import annotations

from typing import Any

import pytest

import crdt
from crdt import GSet, ORSet, PNCounter, StateCRDT, UnknownTypeError, register, tag_of, type_of
from crdt.catalogue import tags

BUILT_IN = {
    "addremovepartialorder@1",
    "boundedcounter@1",
    "disablewinsflag@1",
    "enablewinsflag@1",
    "maxregister@1",
    "minregister@1",
    "mvregister@1",
    "pnset@1",
    "rwset@1",
    "uset@1",
    "gcounter@1",
    "gset@1",
    "logoot@1",
    "lwwregister@1",
    "lwwset@1",
    "monotonicdag@1",
    "gmap@1",
    "lwwmap@1",
    "orcart@1",
    "ormap@1",
    "orset@1",
    "pncounter@1",
    "rga@1",
    "sequence@1",
    "text@1",
    "tree@1",
    "twopset@1",
    "twoptwopgraph@1",
}


def test_the_built_in_types_have_the_tags_they_always_had() -> None:
    # An example in a docstring may register a type of its own.
    exported = [getattr(crdt, name) for name in crdt.__all__]
    found = {tag for tag in tags() if any(type_of(tag) is each for each in exported)}
    assert found == BUILT_IN
    assert list(tags()) == sorted(tags())
    assert type_of("pncounter@1") is PNCounter


def test_the_table_in_the_package_docstring_is_the_catalogue() -> None:
    rows = [line.split("|") for line in (crdt.__doc__ or "").splitlines() if "@1 |" in line]
    told = {row[2].strip(): row[1].strip() for row in rows}
    assert told == {tag: type_of(tag).__name__ for tag in BUILT_IN}
    for name in told.values():
        assert hasattr(crdt, name)


@pytest.mark.parametrize("tag", sorted(BUILT_IN))
def test_every_type_says_what_it_writes_where_it_comes_from_and_how_it_is_used(tag: str) -> None:
    told = type_of(tag).__doc__ or ""
    assert [part for part in ("Payload:", "Source:", "Example:") if part not in told] == []


def test_a_tag_is_found_for_classes_objects_and_aliases() -> None:
    assert tag_of(ORSet) == tag_of(ORSet()) == tag_of(ORSet[str]) == "orset@1"
    assert tag_of(ORSet[str]()) == "orset@1"


def test_a_type_without_a_tag_is_told_to_register() -> None:
    class Unheard(GSet[str]):
        pass

    for asked in (Unheard, Unheard()):
        with pytest.raises(UnknownTypeError, match=r"register\(.*Unheard\)"):
            tag_of(asked)


@pytest.mark.parametrize("tag", ["nothing@1", "orset@2", "", 5, ["orset@1"]])
def test_an_unknown_tag_is_told_to_register(tag: Any) -> None:
    with pytest.raises(UnknownTypeError, match="register"):
        type_of(tag)


def test_a_registered_class_is_found_and_may_be_registered_again() -> None:
    @register
    class Basket(GSet[str]):
        pass

    assert (tag_of(Basket), type_of("basket@1")) == ("basket@1", Basket)
    assert register(Basket) is Basket
    assert register(Basket[str], "basket@1") == Basket[str]


def test_a_tag_never_changes_its_meaning() -> None:
    class First(GSet[str]):
        pass

    register(First, "first@1")
    with pytest.raises(ValueError, match="'first@1' for ever"):
        register(First, "first@2")
    with pytest.raises(ValueError, match="stands for"):
        register(type("First", (GSet,), {}))
    with pytest.raises(ValueError, match="stands for"):
        register(First, "orset@1")
    assert tag_of(First) == "first@1"


@pytest.mark.parametrize("tag", ["", "x", "x@0", "x@01", "X@1", "x y@1", "@1", "é@1", "x@1\n", 5])
def test_a_malformed_tag_is_refused(tag: Any) -> None:
    class Other(GSet[str]):
        pass

    with pytest.raises(ValueError, match="looks like"):
        register(Other, tag)


def test_a_namesake_of_one_of_ours_has_no_tag() -> None:
    fake = type("GSet", (GSet,), {"__module__": "crdt.sets.gset"})
    with pytest.raises(UnknownTypeError, match="register"):
        tag_of(fake)
    with pytest.raises(ValueError, match="stands for GSet for ever"):
        register(fake)


def test_what_is_no_complete_type_is_refused() -> None:
    class Half(StateCRDT):
        def __init__(self) -> None:
            pass

    class Demanding(GSet[str]):
        def __init__(self, name: str) -> None:
            super().__init__()

    for wrong in (int, 5, "orset@1", list[str]):
        with pytest.raises(TypeError, match="subclass of StateCRDT"):
            register(wrong)  # type: ignore[type-var]  # the point of the test
        with pytest.raises(TypeError, match="subclass of StateCRDT"):
            tag_of(wrong)
    with pytest.raises(TypeError, match="lacks merge, payload, value"):
        register(Half)
    with pytest.raises(TypeError, match="without arguments"):
        register(Demanding)
