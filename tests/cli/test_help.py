"""Every command explains itself."""

import click
import pytest

from crdtnode.cli import main
from crdtnode.cli.main import COMMANDS, cli

NAMES = list(COMMANDS)


def command(name: str) -> click.Command:
    found = cli.get_command(click.Context(cli), name)
    assert found is not None
    return found


@pytest.mark.parametrize("name", NAMES)
def test_the_list_says_of_each_command_what_its_own_help_says_first(name: str) -> None:
    first = (command(name).help or "").partition("\n\n")[0].replace("\n", " ")
    assert main._SUMMARIES[name] == first


@pytest.mark.parametrize("name", NAMES)
def test_help_is_there_in_sentences_and_fits_a_terminal(name: str, shell) -> None:
    result = shell(name, "--help")
    assert result.exit_code == 0
    assert f"Usage: crdtnode {name}" in result.stdout
    assert all(len(line) <= 100 for line in result.stdout.splitlines() if "crdtnode" not in line)
    for option in command(name).params:
        if isinstance(option, click.Option) and not option.hidden:
            assert option.help, option.name
            assert option.help.rstrip().endswith((".", ").")), option.help


def test_the_program_lists_all_commands_without_importing_them(shell) -> None:
    result = shell("--help")
    assert result.exit_code == 0
    for name in NAMES:
        assert f"  {name} " in result.stdout
    assert "Exit codes" in result.stdout


@pytest.mark.parametrize("flag", ["-h", "--help", "--version"])
def test_asking_for_help_or_version_succeeds(flag: str, shell) -> None:
    assert shell(flag).exit_code == 0


@pytest.mark.parametrize(
    "args",
    [
        ["nonsense"], ["get"], ["get", "a", "b"], ["add", "x"], ["incr", "x", "y"], ["wait"],
        ["incr", "x", "1.5"], ["wait", "--converged", "--timeout", "-1"], ["get", "x", "--nope"],
        ["watch", "--count", "0"], ["run", "--log-format", "xml"], ["key", "nonsense"],
    ],
)  # fmt: skip
def test_wrong_usage_exits_2_and_prints_nothing_on_stdout(args: list[str], shell) -> None:
    result = shell(*args)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Error: " in result.stderr


def test_without_a_command_help_is_shown(shell) -> None:
    assert "Usage: crdtnode" in shell().output
