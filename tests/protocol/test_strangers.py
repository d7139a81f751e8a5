"""What operators are told of strangers."""

from crdtnode.errors import Rejected
from crdtnode.protocol.effects import Event
from crdtnode.protocol.strangers import (
    STRANGERS_MOST,
    TELLING_PERIOD,
    TOLD_AGAIN,
    Strangers,
)
from crdtnode.wire.seal import Reason

THERE = ("10.0.0.2", 27380)


def foreign(key_id: str = "0a0b0c0d") -> Rejected:
    return Rejected(Reason.FOREIGN, key_id)


def test_a_foreign_key_is_told_with_its_id() -> None:
    told = Strangers().met(THERE, foreign(), 1.0)
    fields: dict[str, object] = {
        "address": "10.0.0.2:27380",
        "reason": "foreign key",
        "their_key": "0a0b0c0d",
    }
    assert told == [Event("stranger", fields)]


def test_noise_is_not_told() -> None:
    assert Strangers().met(THERE, Rejected(Reason.MAGIC), 1.0) == []


def test_the_same_stranger_is_told_again_after_a_while() -> None:
    strangers = Strangers()
    assert strangers.met(THERE, foreign(), 1.0)
    assert strangers.met(THERE, foreign(), TOLD_AGAIN) == []
    assert strangers.met(THERE, foreign(), 1.0 + TOLD_AGAIN)


def test_who_refuses_us_is_told_again_after_a_while_and_at_once_for_another_reason() -> None:
    strangers = Strangers()
    why: dict[str, object] = {"their_cluster": "x", "reason": "foreign key"}
    event = Event("refused", {"address": "10.0.0.2:27380", **why})
    assert strangers.refused(THERE, why, 1.0) == [event]
    assert strangers.refused(THERE, why, TOLD_AGAIN) == []
    assert strangers.refused(("10.0.0.3", 27380), why, TOLD_AGAIN)
    assert strangers.refused(THERE, {"reason": "another"}, TOLD_AGAIN)
    assert strangers.refused(THERE, why, 1.0 + TOLD_AGAIN) == [event]


def test_many_strangers_at_once_do_not_fill_the_log() -> None:
    strangers = Strangers()
    told = [strangers.met(THERE, foreign(f"{n:08x}"), 1.0 + n / 1000) for n in range(1000)]
    assert sum(map(len, told)) == 1


def test_only_so_many_strangers_are_remembered() -> None:
    strangers = Strangers()
    step = TELLING_PERIOD
    for number in range(STRANGERS_MOST + 1):
        assert strangers.met(THERE, foreign(f"{number:08x}"), number * step)
    now = (STRANGERS_MOST + 1) * step
    assert strangers.met(THERE, foreign(f"{0:08x}"), now)
