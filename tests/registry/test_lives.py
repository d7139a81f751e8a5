"""Removal of whole objects: lives, and what is left of those that are over.

here   ── add red ── delete ───────────── add blue ──
there  ── add green (unseen) ── (2) ── gone ── (3) ── blue
"""

from collections.abc import Callable
import itertools
from typing import Any

import pytest

from crdt import GSet, ORSet, PayloadError, PNCounter
from crdtnode.errors import ChangeInProgress, NodeClosed, NoLifeLeft, UnknownType
from crdtnode.registry import Change, Registry
from crdtnode.registry.lives import LIFE_MOST

SET = "gset@1"


def tell(source: Registry, *targets: Registry) -> list[Change]:
    """Flush, and let others absorb what was written, as pushes do."""
    changes = source.flush(now=0.0)
    for change, target in itertools.product(changes, targets):
        payloads = [] if change.delta is None else [change.delta.payload]
        target.absorb(change.type, change.name, change.life, payloads, now=0.0)
    for target in targets:
        target.flush(now=0.0)
    return changes


def repair(source: Registry, target: Registry, tag: str, name: str) -> None:
    """Let one object travel whole."""
    state = source.state(source.fingerprints.place(tag, name))
    assert state is not None
    target.absorb(*state, now=0.0)
    target.flush(now=0.0)


@pytest.fixture
def pair(make_registry: Callable[..., Registry]) -> tuple[Registry, Registry]:
    here, there = make_registry(), make_registry()
    here.open("tags", GSet).add("red")
    tell(here, there)
    return here, there


def test_a_removed_object_is_gone_on_both_sides_and_leaves_equal_tombstones(pair: Any) -> None:
    here, there = pair
    before = here.root
    assert here.delete(SET, "tags")
    (change,) = tell(here, there)
    assert (change.delta, change.life, change.before) == (None, 2, 0)
    for registry in pair:
        assert (registry.names(), len(registry), registry.find("tags")) == ([], 0, [])
        assert registry.get(SET, "tags") is None
    assert here.root == there.root not in (0, before)


def test_a_removal_takes_updates_that_the_remover_had_not_seen(pair: Any) -> None:
    here, there = pair
    there.open("tags", GSet).add("green")
    there.flush(now=0.0)
    here.delete(SET, "tags")
    tell(here, there)
    assert there.open("tags", GSet).value == set()
    repair(there, here, SET, "tags")
    assert here.root == there.root


def test_what_comes_late_from_a_life_that_is_over_changes_nothing(pair: Any) -> None:
    here, there = pair
    there.open("tags", GSet).add("green")
    (late,) = there.flush(now=0.0)
    here.delete(SET, "tags")
    here.flush(now=0.0)
    root = here.root
    absorbed = here.absorb(SET, "tags", late.life, [late.delta.payload], now=0.0)
    assert not absorbed.changed
    assert (here.dirty, here.root) == (False, root)


def test_writing_to_a_removed_object_begins_a_new_life_that_holds_nothing_of_the_old(
    pair: Any,
) -> None:
    here, there = pair
    tags = here.open("tags", GSet)
    here.delete(SET, "tags")
    assert tags.value == set()
    tags.add("blue")
    (change,) = tell(here, there)
    assert change.life == 3
    assert here.open("tags", GSet) is tags
    assert [registry.open("tags", GSet).value for registry in pair] == [{"blue"}] * 2
    assert here.root == there.root
    assert here.names() == [(SET, "tags")]


def test_a_handle_outlives_a_removal_by_somebody_else(pair: Any) -> None:
    here, there = pair
    tags = there.open("tags", GSet)
    here.delete(SET, "tags")
    tell(here, there)
    assert tags.value == set()
    tags.add("blue")
    tell(there, here)
    assert here.open("tags", GSet).value == {"blue"}
    assert here.root == there.root


def test_two_who_revive_it_at_once_keep_both_writes(pair: Any) -> None:
    here, there = pair
    here.delete(SET, "tags")
    tell(here, there)
    here.open("tags", GSet).add("blue")
    there.open("tags", GSet).add("green")
    tell(here, there)
    repair(there, here, SET, "tags")
    assert here.open("tags", GSet).value == {"blue", "green"}
    assert here.root == there.root


def test_a_life_that_ends_over_what_was_written_here_gives_back_what_is_lost(pair: Any) -> None:
    here, there = pair
    there.open("tags", GSet).add("green")
    absorbed = there.absorb(SET, "tags", 2, [], now=0.0)
    assert absorbed.lost is not None
    assert absorbed.lost.value == {"red", "green"}
    assert there.flush(now=0.0) == []
    mine = here.absorb(SET, "tags", 2, [], now=0.0)
    assert mine.lost is not None  # it wrote red
    assert here.absorb(SET, "tags", 4, [], now=0.0).lost is None


def test_a_write_of_a_former_life_is_never_mistaken_for_one_of_this_life(
    make_registry: Callable[..., Registry],
) -> None:
    here = make_registry()
    tags = here.open("tags", ORSet)
    old = tags.add("red")
    here.delete("orset@1", "tags")
    tags.add("blue")
    tags.join(old)
    assert tags.value == {"red", "blue"}


def test_removing_what_was_never_written_does_nothing(registry: Registry) -> None:
    registry.open("tags", GSet)
    assert not registry.delete(SET, "tags")
    assert not registry.delete(SET, "other")
    assert registry.root == 0
    assert not registry.dirty
    with pytest.raises(UnknownType):
        registry.delete("nothing@9", "tags")


def test_what_is_removed_twice_is_removed_once(pair: Any) -> None:
    here, there = pair
    assert here.delete(SET, "tags")
    assert not here.delete(SET, "tags")
    there.delete(SET, "tags")
    tell(here, there)
    tell(there, here)
    assert here.root == there.root


def test_removed_and_written_before_the_next_flush_travels_as_one_change(pair: Any) -> None:
    here, there = pair
    tags = here.open("tags", GSet)
    tags.add("green")
    here.delete(SET, "tags")
    tags.add("blue")
    here.delete(SET, "tags")
    tags.add("white")
    (change,) = tell(here, there)
    assert change.life == 5
    assert there.open("tags", GSet).value == {"white"}
    assert here.root == there.root


def test_a_removal_wakes_whoever_flushes(pair: Any) -> None:
    here, _ = pair
    woken: list[bool] = []
    here.notify = lambda: woken.append(here.dirty)
    here.delete(SET, "tags")
    assert woken == [True]


def test_an_object_that_is_being_changed_is_not_removed(pair: Any) -> None:
    here, there = pair
    with here.change("tags", GSet) as tags:
        tags.add("blue")
        with pytest.raises(ChangeInProgress):
            here.delete(SET, "tags")
        assert not here.absorb(SET, "tags", 2, [], now=0.0).changed
    assert tell(here, there)[0].life == 1
    assert here.absorb(SET, "tags", 2, [], now=0.0).changed


def test_another_type_may_take_the_name_of_a_removed_object(pair: Any) -> None:
    here, _ = pair
    here.delete(SET, "tags")
    here.open("tags", PNCounter).increment()
    assert here.find("tags") == ["pncounter@1"]


def test_a_plain_type_is_removed_and_revived_like_any_other(
    make_registry: Callable[..., Registry], diary: type[Any]
) -> None:
    here, there = make_registry(), make_registry()
    with here.change("d", diary) as mine:
        mine.owner = "ann"
        mine.days.add("monday")
    tell(here, there)
    here.delete("registry-diary@1", "d")
    tell(here, there)
    assert there.get("registry-diary@1", "d") is None
    with there.change("d", diary) as theirs:
        assert theirs.owner is None
        theirs.owner = "bob"
    tell(there, here)
    assert here.open("d", diary).value == ("bob", set(), None)
    assert here.root == there.root


def test_a_payload_that_is_put_revives_a_removed_object(pair: Any) -> None:
    here, there = pair
    here.delete(SET, "tags")
    assert here.absorb_payload(SET, "tags", ["blue"])
    (change,) = tell(here, there)
    assert change.life == 3


def test_a_too_large_object_can_be_removed(make_registry: Callable[..., Registry]) -> None:
    here = make_registry(max_object_bytes=200)
    tags = here.open("tags", GSet)
    tags.add("x" * 300)
    here.flush(now=0.0)
    assert here.delete(SET, "tags")
    tags.add("small")
    here.flush(now=0.0)
    assert tags.value == {"small"}


@pytest.mark.parametrize(
    ("life", "payloads"), [(0, []), (-1, []), (2, [{}]), (LIFE_MOST + 1, [{}]), (2**53 - 1, [{}])]
)
def test_lives_that_no_object_can_have_are_refused(
    pair: Any, life: int, payloads: list[object]
) -> None:
    here, _ = pair
    root = here.root
    with pytest.raises(PayloadError, match="life"):
        here.absorb(SET, "tags", life, payloads, now=0.0)
    assert (here.dirty, here.root) == (False, root)


def test_an_object_is_not_written_again_after_its_last_life(pair: Any) -> None:
    here, there = pair
    tags = here.open("tags", GSet)
    for registry in pair:
        registry.absorb(SET, "tags", LIFE_MOST, [], now=0.0)
        registry.flush(now=0.0)
    with pytest.raises(NoLifeLeft, match="take another name"):
        tags.add("green")
    assert (tags.value, here.dirty) == (set(), False)
    assert here.root == there.root


def test_a_plain_object_is_not_written_after_its_last_life_either(
    registry: Registry, diary: type[Any]
) -> None:
    registry.open("d", diary)
    registry.absorb("registry-diary@1", "d", LIFE_MOST, [], now=0.0)
    registry.flush(now=0.0)
    with pytest.raises(NoLifeLeft), registry.change("d", diary) as mine:
        mine.owner = "ann"
    assert (registry.dirty, registry.open("d", diary).value[0]) == (False, None)


def test_a_new_life_whose_state_is_no_state_does_not_begin(pair: Any) -> None:
    here, _ = pair
    with pytest.raises(PayloadError):
        here.absorb(SET, "tags", 3, ["junk"], now=0.0)
    assert here.open("tags", GSet).value == {"red"}


def test_a_closed_registry_removes_nothing(pair: Any) -> None:
    here, _ = pair
    here.close(lambda: NodeClosed("closed"))
    with pytest.raises(NodeClosed):
        here.delete(SET, "tags")
    assert here.open("tags", GSet).value == {"red"}
