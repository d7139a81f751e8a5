"""Asking every live member for its root."""

import pytest

from crdtnode.config import Settings
from crdtnode.protocol.effects import Roots
from crdtnode.protocol.survey import Survey
from tests.protocol.people import member

B, C = member("b"), member("c")
SETTINGS = Settings()


@pytest.fixture
def survey() -> Survey:
    return Survey(SETTINGS)


def test_a_question_is_over_when_all_have_answered(survey: Survey) -> None:
    ticket = survey.ask([C, B], 1.0)
    survey.answered(C, True)
    assert survey.wake(1.0) == []
    survey.answered(B, False)
    assert survey.wake(1.0) == [Roots(ticket, {"b": False, "c": True})]
    assert survey.wake(1.0) == []


def test_silence_is_no_answer(survey: Survey) -> None:
    ticket = survey.ask([B, C], 1.0)
    survey.answered(B, True)
    assert survey.deadline == 1.0 + SETTINGS.roots_timeout
    assert survey.wake(survey.deadline) == [Roots(ticket, {"b": True, "c": None})]
    assert survey.deadline == float("inf")


def test_where_nobody_is_asked_the_answer_is_there(survey: Survey) -> None:
    assert survey.wake(survey.ask([], 1.0)) == [Roots(1, {})]


def test_the_first_answer_counts_and_only_of_those_who_were_asked(survey: Survey) -> None:
    ticket = survey.ask([B], 1.0)
    survey.answered(C, True)
    survey.answered(B, True)
    survey.answered(B, False)
    assert survey.wake(1.0) == [Roots(ticket, {"b": True})]


def test_one_answer_serves_all_who_wait_for_it(survey: Survey) -> None:
    first, second = survey.ask([B], 1.0), survey.ask([B, C], 1.0)
    survey.answered(B, True)
    assert survey.wake(1.0) == [Roots(first, {"b": True})]
    survey.answered(C, True)
    assert survey.wake(1.0) == [Roots(second, {"b": True, "c": True})]
