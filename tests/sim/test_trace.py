from crdtnode.sim.trace import Trace, first_difference


def filled(*kinds: str) -> Trace:
    trace = Trace(record=True)
    for moment, kind in enumerate(kinds):
        trace.add(moment, kind, "a", "b", b"\x01\x02")
    return trace


def test_equal_events_have_equal_hashes_and_others_have_not() -> None:
    assert filled("x", "y").digest() == filled("x", "y").digest()
    assert filled("x", "y").digest() != filled("y", "x").digest()


def test_bytes_cannot_be_taken_for_the_next_event() -> None:
    one, other = Trace(), Trace()
    one.add(1, "k", "a", "b", b"x")
    one.add(2, "k", "a", "b", b"")
    other.add(1, "k", "a", "b", b"x2 k a b 0 ")
    assert one.digest() != other.digest()


def test_long_runs_are_hashed_as_they_go() -> None:
    one, other = Trace(), Trace()
    for number in range(3000):
        one.add(number, "datagram", "a", "b", bytes(20))
        other.add(number, "datagram", "a", "b", bytes(20))
        if number % 500 == 0:
            other.digest()  # looking in between changes nothing
    assert one.digest() == other.digest()


def test_the_first_difference_is_shown_with_both_sides() -> None:
    text = first_difference(filled("x", "y").happenings or [], filled("x", "z").happenings or [])
    assert text is not None
    assert text.startswith("event 1: one run has\n  0.000000001 s  y")
    assert "z         a -> b  0102" in text


def test_equal_runs_have_no_first_difference() -> None:
    assert first_difference(["x"], ["x"]) is None
