"""``crdtnode``: finds the command, and turns errors into one line and an exit code."""

from importlib import import_module
import sys
from typing import Any

import click

from crdtnode.cli.options import first_api_option
from crdtnode.cli.outcome import Code, Failure

COMMANDS = {
    "run": "running:run",
    "status": "reading:status",
    "members": "reading:members",
    "ls": "reading:ls",
    "get": "reading:get",
    "payload": "reading:payload",
    "incr": "writing:incr",
    "decr": "writing:decr",
    "add": "writing:add",
    "discard": "writing:discard",
    "set": "writing:assign",
    "put": "writing:put",
    "enable": "writing:enable",
    "disable": "writing:disable",
    "call": "writing:call",
    "rm": "removing:rm",
    "apply": "applying:apply",
    "watch": "following:watch",
    "wait": "following:wait",
    "join": "joining:join",
    "diff": "comparing:diff",
    "leave": "joining:leave",
    "forget": "joining:forget",
    "key": "keys:key",
    "demo": "demo:demo",
    "simulate": "simulate:simulate",
}
"""File and function of each command, in the order in which help lists them."""

_SUMMARIES = {
    "run": "Run a node on this host, until it is told to leave.",
    "status": "Show a node, and whether all members hold the same state.",
    "members": "List the members of the cluster, as this node sees them.",
    "ls": "List objects, or those whose names begin with PREFIX.",
    "get": "Show the value of an object.",
    "payload": "Show the whole state of an object, as JSON.",
    "incr": "Raise a counter by N, or by 1, and print its value here.",
    "decr": "Lower a counter by N, or by 1, and print its value here.",
    "add": "Add elements to a set, all in one change.",
    "discard": "Remove elements from a set; those that are not in it do no harm.",
    "set": "Write a register: the last write wins, on all nodes.",
    "put": "Write a value under a key of a map.",
    "enable": "Switch a flag on.",
    "disable": "Switch a flag off.",
    "call": "Call a method of an object of any type, and print its value where it is a short one.",
    "rm": "Remove an object as a whole, on all nodes.",
    "apply": "Do many operations, read as JSON lines from FILE, or from standard input.",
    "watch": "Print changes as they happen, here or elsewhere: of one object, or of all.",
    "wait": "Wait until all members hold the same state as this node.",
    "join": "Meet another node, and through it all members of its cluster.",
    "diff": "Show what differs between this node and the member PEER.",
    "leave": "Leave the cluster and stop the node.",
    "forget": "Forget a member that is dead or left, on all nodes.",
    "key": "Make the key that keeps strangers out.",
    "demo": "Run three nodes on this machine, cut one off, heal it, and show what each holds.",
    "simulate": "Run many nodes under a nasty network in no time.",
}
"""Kept here so that ``--help`` need not import every command; a test compares them."""


class Lazy(click.Group):
    """A group whose commands are imported when they are needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return all names, in our order."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        home = COMMANDS.get(cmd_name)
        if home is None:
            return None
        file, _, function = home.partition(":")
        command: click.Command = getattr(import_module(f"crdtnode.cli.{file}"), function)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(_SUMMARIES.items()))


EPILOG = """\b
Start three nodes on one host, and write on one what another shows:
  crdtnode run --name a --bind 127.0.0.1:27381
  crdtnode run --name b --bind 127.0.0.1:27382 --join 127.0.0.1:27381
  crdtnode run --name c --bind 127.0.0.1:27383 --join 127.0.0.1:27381
  crdtnode --api a incr visits 3
  crdtnode --api b get visits

\b
"crdtnode COMMAND --help" explains a command. Commands print plain lines in a pipe,
tables on a terminal, and JSON with --json.

\b
Exit codes: 0 done, 1 no (not found, diverged, a line failed), 2 wrong usage,
3 no node answers, 4 timeout, 5 refused by the node."""


@click.group(
    cls=Lazy,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@first_api_option
@click.version_option(package_name="crdtnode", message="%(version)s")
def cli() -> None:
    """Keep counters, sets and registers equal on every host, by gossip.

    Each host runs a node (`crdtnode run`). Write on any of them, read on any of them: what you
    write is there at once, and on all others within milliseconds, or as soon as the network
    lets it through.
    """


def main(args: list[str] | None = None) -> Any:
    """Run a command and exit with its code."""
    try:
        _check_text(sys.argv[1:] if args is None else args)
        code = cli.main(args, prog_name="crdtnode", standalone_mode=False)
    except Failure as failure:
        click.echo(f"Error: {failure}", err=True)
        code = failure.code
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        code = error.exit_code
    except click.ClickException as error:
        click.echo(f"Error: {_one_line(error)}", err=True)
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        code = 130
    except BaseExceptionGroup as group:
        if group.subgroup(KeyboardInterrupt) is None:
            raise
        code = 130  # it struck in a nursery
    except BrokenPipeError:
        sys.stderr.close()  # whoever read us has gone; Python would complain at the end
        code = 1
    except OSError as error:
        click.echo(f"Error: {error}", err=True)
        code = 1
    sys.exit(code if isinstance(code, int) else 0)


def _one_line(error: click.ClickException) -> str:
    """Say what is wrong, and where more is to be read."""
    text = " ".join(error.format_message().split())
    context = getattr(error, "ctx", None)
    if context is None:
        return text
    end = "" if text.endswith("?") else "."
    return f"{text.rstrip('.')}{end} See: {context.command_path} --help"


def _check_text(args: list[str]) -> None:
    """Refuse bytes that are no text, which Python hands on as lone surrogates."""
    for arg in args:
        try:
            arg.encode()
        except UnicodeEncodeError:
            raise Failure(f"{arg!r} is no UTF-8 text", Code.USAGE) from None
