"""What watchers and the log hear."""

import logging

import pytest

from crdtnode.node.audience import Audience
from crdtnode.protocol.effects import Event


@pytest.mark.parametrize(
    ("kind", "level"), [("name-conflict", logging.WARNING), ("slept", logging.INFO)]
)
def test_what_somebody_may_have_to_act_upon_is_logged_as_a_warning(
    kind: str, level: int, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "crdtnode"):
        Audience().hear(Event(kind, {"name": "b"}))
    assert [(r.levelno, r.getMessage()) for r in caplog.records] == [(level, f"{kind} name=b")]
