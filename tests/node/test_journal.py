"""Nothing that comes in can break a log line."""

import logging

import pytest

from crdtnode.node.journal import Fields, record


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("plain-1.2:3/4@5", "plain-1.2:3/4@5"),
        ("two words", '"two words"'),
        ("line\nbreak", '"line\\nbreak"'),
        ('quote" x=1', '"quote\\" x=1"'),
        ("\x1b[31mred", '"\\u001b[31mred"'),
        ("", '""'),
        (5, "5"),
        (None, "null"),
        ([1, "a\nb"], '[1, "a\\nb"]'),
        (b"bytes", "\"b'bytes'\""),
    ],
)
def test_a_value_stays_one_word_of_one_line(value: object, shown: str) -> None:
    assert str(Fields({"key": value})) == f"key={shown}"


def test_a_long_value_is_cut() -> None:
    assert len(str(Fields({"key": "x" * 100_000}))) < 600


def test_events_are_constant_and_values_apart(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("crdtnode.test")
    with caplog.at_level(logging.INFO, "crdtnode.test"):
        record(logger, logging.INFO, "member", name="b", state="alive")
        record(logger, logging.DEBUG, "unheard", name="b")
    assert caplog.messages == ["member name=b state=alive"]
    assert caplog.records[0].args[0] == "member"
