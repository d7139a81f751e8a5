"""The daemon's log."""

import json
import logging

import pytest

from crdtnode.cli.logs import configure
from crdtnode.node.journal import record


@pytest.fixture
def logger():
    found = logging.getLogger("crdtnode")
    before = found.handlers, found.level, found.propagate
    yield logging.getLogger("crdtnode.test")
    found.handlers, found.level, found.propagate = before


def test_text_lines_have_time_level_event_and_values(logger, capsys) -> None:
    configure("text", "info")
    record(logger, logging.INFO, "member", name="b\nforged level=error", state="alive")
    record(logger, logging.DEBUG, "unheard")
    (line,) = capsys.readouterr().err.splitlines()
    when, rest = line.split(" ", 1)
    assert when.endswith("Z")
    assert rest == 'info    member name="b\\nforged level=error" state=alive'


def test_json_lines_have_the_values_as_fields(logger, capsys) -> None:
    configure("json", "info")
    record(logger, logging.WARNING, "member", name="b\n", count=3, level="forged")
    logger.warning("plain %s", "text\nbroken")
    first, second = map(json.loads, capsys.readouterr().err.splitlines())
    assert {key: first[key] for key in ("level", "logger", "event", "name", "count")} == {
        "level": "warning",
        "logger": "crdtnode.test",
        "event": "member",
        "name": "b\n",
        "count": 3,
    }
    assert second["event"] == "plain text\nbroken"


def test_text_of_others_stays_on_its_line(logger, capsys) -> None:
    configure("text", "info")
    logger.warning("said %s", "x\nINFO forged")
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize("style", ["text", "json"])
def test_a_mistake_of_ours_shows_where_it_happened(style: str, logger, capsys) -> None:
    configure(style, "info")
    try:
        raise ValueError("oh")
    except ValueError:
        logger.exception("contained room=%s", "receive")
    err = capsys.readouterr().err
    assert "ValueError: oh" in err
    assert "test_logs.py" in err
    if style == "json":
        assert len(err.splitlines()) == 1
    else:
        assert all(line.startswith("    ") for line in err.splitlines()[1:])
