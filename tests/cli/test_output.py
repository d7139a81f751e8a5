"""What goes to stdout."""

import pytest

from crdtnode.cli.output import plain, print_table, printable, value_lines


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("text", "text"),
        ("two\nlines\x1b[2J", "two\\nlines\\x1b[2J"),
        ("ä🌍", "ä🌍"),
        (None, "-"),
        (True, "yes"),
        (False, "no"),
        (5, "5"),
        ([1, "ä"], '[1, "ä"]'),
    ],
)
def test_a_cell_is_one_line(value: object, shown: str) -> None:
    assert plain(value) == shown


def test_values_are_lines() -> None:
    assert value_lines(["a", 1, None, ["b", "eA=="]]) == ["a", "1", "null", '["b", "eA=="]']
    assert value_lines({"a": 1}) == ['{"a": 1}']
    assert printable("a\tb") == "a\\tb"


def test_a_pipe_gets_lines_without_heads(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("name", "state"), [("a", True), ("b", None)])
    assert capsys.readouterr().out == "a\tyes\nb\t-\n"


def test_a_terminal_gets_a_table(capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    print_table(("name", "state"), [("[red]a", True)])
    out = capsys.readouterr().out
    assert "name" in out
    assert "[red]a" in out, "what a peer is called is no markup"
