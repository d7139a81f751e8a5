"""Ranges of the ring, and how they are divided."""

from hypothesis import given
from hypothesis import strategies as st
import pytest

from crdtnode.protocol.spans import PLACES, alone, arcs, around, divided

TOP = PLACES - 1
RING = [(10, "a"), (20, "b"), (30, "c"), (40, "d")]

places = st.one_of(st.integers(0, 7), st.integers(TOP - 7, TOP))
spans = st.tuples(places, places)


def holds(span: tuple[int, int], place: int) -> bool:
    lo, hi = span
    return lo <= place < hi if lo < hi else place >= lo or place < hi


@pytest.mark.parametrize(
    ("lo", "hi", "hole", "pieces"),
    [
        (10, 20, 15, [(10, 15), (16, 20)]),
        (10, 20, 10, [(11, 20)]),
        (10, 20, 19, [(10, 19)]),
        (10, 11, 10, []),
        (10, 20, 20, [(10, 20)]),
        (10, 20, 5, [(10, 20)]),
        (20, 10, TOP, [(20, TOP), (0, 10)]),
        (20, 0, TOP, [(20, TOP)]),
        (0, 0, 0, [(1, 0)]),
        (5, 5, 7, [(5, 7), (8, 5)]),
    ],
)
def test_a_range_without_a_place(
    lo: int, hi: int, hole: int, pieces: list[tuple[int, int]]
) -> None:
    assert around(lo, hi, hole) == pieces


@given(span=spans, hole=places, place=places)
def test_what_is_left_covers_all_but_the_place_and_nothing_twice(
    span: tuple[int, int], hole: int, place: int
) -> None:
    covered = sum(holds(piece, place) for piece in around(*span, hole))
    assert covered == (holds(span, place) and place != hole)


def test_the_range_of_one_place_is_all_that_is_left_out() -> None:
    assert alone(7) == (7, 8)
    assert alone(TOP) == (TOP, 0)
    assert around(*alone(TOP), TOP) == []


def test_few_get_a_part_each_with_the_gap_behind_them() -> None:
    assert divided(RING, [(5, 35)], 16) == [(5, 20, ["a"]), (20, 30, ["b"]), (30, 35, ["c"])]


def test_many_share_parts_of_about_equal_size() -> None:
    assert divided(RING, [(0, 0)], 2) == [(0, 30, ["a", "b"]), (30, 0, ["c", "d"])]
    sizes = [len(part.names) for part in divided([(n, str(n)) for n in range(99)], [(0, 0)], 16)]
    assert sorted(sizes) == [6] * 13 + [7] * 3


def test_a_range_runs_past_the_end() -> None:
    assert divided(RING, [(35, 15)], 16) == [(35, 10, ["d"]), (10, 15, ["a"])]


def test_a_range_without_anybody_is_nobodys() -> None:
    assert divided(RING, [(21, 29), (40, 41)], 16) == [(40, 41, ["d"])]
    assert divided([], [(0, 0)], 16) == []


@given(
    ring=st.sets(places, max_size=12),
    span=spans,
    hole=places,
    most=st.integers(1, 5),
    place=places,
)
def test_parts_cover_each_place_once_where_somebody_is_to_cover_it(
    ring: set[int], span: tuple[int, int], hole: int, most: int, place: int
) -> None:
    pieces = around(*span, hole)
    parts = divided([(p, str(p)) for p in sorted(ring)], pieces, most)
    assert len(parts) <= most + 1
    covering = [part for part in parts if holds((part.lo, part.hi), place)]
    peopled = [piece for piece in pieces if any(holds(piece, p) for p in ring)]
    assert len(covering) == any(holds(piece, place) for piece in peopled)
    for part in parts:
        assert part.names
        assert all(holds((part.lo, part.hi), int(name)) for name in part.names)
    everybody = sorted(int(name) for part in parts for name in part.names)
    assert everybody == sorted(p for p in ring if any(holds(piece, p) for piece in pieces))


def test_arcs_cover_the_ring_without_gaps() -> None:
    assert arcs(4) == [(n * PLACES // 4, (n + 1) * PLACES // 4 % PLACES) for n in range(4)]
