import gc

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
