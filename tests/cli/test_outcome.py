"""What a command says at its end."""

import pytest

from crdtnode.cli.outcome import line_of_problem


@pytest.mark.parametrize(
    ("problem", "line"),
    [
        ({"detail": "no"}, "no"),
        ({"detail": "no", "field": "body"}, "no"),
        ({"detail": "a name is short", "field": "name"}, "name: a name is short"),
        ({"detail": "args[0]: expected a pair", "field": "args[0]"}, "args[0]: expected a pair"),
    ],
)
def test_a_problem_names_the_part_that_is_meant_once(problem: dict[str, str], line: str) -> None:
    assert line_of_problem(problem) == line
