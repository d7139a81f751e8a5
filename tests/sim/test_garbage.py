import gc

from crdtnode import sim
from crdtnode.sim.garbage import SELDOM, few_collections


def test_the_setting_of_the_process_comes_back_when_the_last_run_is_over() -> None:
    before = gc.get_threshold()
    one, other = few_collections(), few_collections()
    one.__enter__()
    other.__enter__()
    assert gc.get_threshold() == SELDOM
    one.__exit__(None, None, None)
    assert gc.get_threshold() == SELDOM
    other.__exit__(None, None, None)
    assert gc.get_threshold() == before


def test_a_world_is_gone_as_soon_as_its_run_is_over() -> None:
    def worlds() -> int:
        return sum(isinstance(one, sim.World) for one in gc.get_objects())

    def grow_old(_seconds: float, _roots: int) -> None:
        gc.collect(0)

    before = worlds()
    sim.run(sim.Plan.random(seed=1, nodes=5, duration=5.0), progress=grow_old)
    assert worlds() <= before
