import json

from click.testing import CliRunner
import pytest

from crdtnode.cli.simulate import simulate
from crdtnode.sim import planted
from crdtnode.sim.planted import Mutant
from crdtnode.sim.selftest import hunt


def called(options: str) -> tuple[int, str]:
    result = CliRunner().invoke(simulate, ["selftest", *options.split()])
    return result.exit_code, result.stdout


def test_the_list_says_of_every_planted_bug_what_is_wrong_with_it() -> None:
    code, text = called("--list --json")
    bugs = json.loads(text)
    assert code == 0
    assert len(bugs) >= 20
    assert all(sentence.endswith(".") for sentence in bugs.values())
    assert "ForgetfulSet" in called("--list")[1]


def test_a_bug_is_caught_by_a_check_that_is_meant_for_it() -> None:
    trial = hunt("lastarrivalregister")
    assert trial.name == "LastArrivalRegister"
    assert trial.check == "same-updates-same-state"


@pytest.mark.sweep
def test_the_table_shows_what_was_caught_and_what_was_missed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caught = planted.bug("LastArrivalRegister")
    harmless = Mutant("Harmless", ("converged",), types=(planted.GCounter,))
    for module in ("planted", "selftest"):
        monkeypatch.setattr(f"crdtnode.sim.{module}.MUTANTS", (caught, harmless))
    code, text = called("--seeds 1")
    assert code == 1
    assert [line.split()[:2] for line in text.splitlines()[:2]] == [
        ["LastArrivalRegister", "seed"],
        ["Harmless", "MISSED"],
    ]
    assert "1 of 2 planted bugs are caught within 1 seeds" in text
    assert "0 of 1 seeds without a bug raise an alarm" in text
