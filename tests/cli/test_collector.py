"""Full collections that take long happen once, not again and again."""

import gc

import pytest

from crdtnode.cli.collector import LONG, leave_alone_what_stays


@pytest.mark.parametrize(("takes", "again"), [(LONG / 2, False), (LONG * 2, True)])
def test_what_survives_a_long_collection_is_not_looked_at_again(takes: float, again: bool) -> None:
    times = [0.0]
    end = leave_alone_what_stays(lambda: times[0])
    try:
        assert gc.get_freeze_count() > 1000
        gc.unfreeze()
        watch = gc.callbacks[-1]
        for generation in (0, 1, 2):
            watch("start", {"generation": generation})
            times[0] += takes
            watch("stop", {"generation": generation})
            assert (gc.get_freeze_count() > 0) == (again and generation == 2)
    finally:
        end()
        gc.unfreeze()
    assert watch not in gc.callbacks
