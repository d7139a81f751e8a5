from crdtnode.sim.agenda import Agenda, nanoseconds, no_earlier


def test_events_happen_in_the_order_of_their_moments() -> None:
    agenda, seen = Agenda(), []
    for moment in (30, 10, 20):
        agenda.at(moment, seen.append)
    while agenda.run(100):
        pass
    assert seen == [10, 20, 30]


def test_no_two_events_share_a_moment() -> None:
    agenda, seen = Agenda(), []
    assert [agenda.at(5, seen.append) for _ in range(3)] == [5, 6, 7]
    while agenda.run(100):
        pass
    assert seen == [5, 6, 7]


def test_what_is_asked_for_in_the_past_happens_next() -> None:
    agenda, seen = Agenda(), []
    agenda.at(50, lambda at: agenda.at(at - 40, seen.append))
    agenda.at(60, seen.append)
    while agenda.run(100):
        pass
    assert seen == [51, 60]


def test_time_stands_at_the_limit_when_nothing_is_left_before_it() -> None:
    agenda = Agenda()
    agenda.at(200, lambda at: None)
    assert not agenda.run(100)
    assert agenda.now == 100
    assert agenda.run(200)
    assert agenda.now == 200


def test_a_deadline_is_never_met_too_early() -> None:
    for step in range(1, 2000):
        deadline = step / 7 + step * 1e-9
        moment = no_earlier(deadline)
        assert moment / 1e9 >= deadline
        assert moment - nanoseconds(deadline) <= 1
