"""How far behind somebody is."""

from crdtnode.protocol.lags import ROOTS_MOST, Lags


def test_whoever_has_our_root_is_not_behind() -> None:
    lags = Lags()
    assert lags.of(0, 5.0) == 0.0
    lags.note(7, 6.0)
    assert lags.of(7, 9.0) == 0.0


def test_whoever_has_a_former_root_is_behind_since_it_was_ours_no_more() -> None:
    lags = Lags()
    lags.note(7, 5.0)
    lags.note(8, 6.0)
    lags.note(8, 6.5)
    lags.note(9, 7.0)
    assert lags.of(0, 10.0) == 5.0
    assert lags.of(7, 10.0) == 4.0
    assert lags.of(8, 10.0) == 3.0


def test_a_root_that_never_was_ours_tells_nothing() -> None:
    assert Lags().of(3, 5.0) is None


def test_a_root_that_is_ours_again_is_no_former_one() -> None:
    lags = Lags()
    for root, now in ((7, 1.0), (8, 2.0), (7, 3.0), (9, 4.0)):
        lags.note(root, now)
    assert lags.of(7, 5.0) == 1.0


def test_so_many_roots_are_remembered() -> None:
    lags = Lags()
    for root in range(1, ROOTS_MOST + 3):
        lags.note(root, float(root))
    assert lags.of(1, 5000.0) is None
    assert lags.of(2, 5000.0) == 5000.0 - 3.0
