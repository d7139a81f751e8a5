"""Options that several commands share."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import click
from click.core import ParameterSource

F = TypeVar("F", bound=Callable[..., Any])

_KEY = "crdtnode.api"

_HELP = (
    "Socket of the node to talk to, or its name. Without it (and without CRDTNODE_API), the one "
    "node that runs on this host."
)


class Chosen(NamedTuple):
    """Which node somebody wants to talk to."""

    api: str
    by_hand: bool
    """Whether it was said in this command line, not in the environment."""


def _remember(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    if value is not None and param.name is not None:
        by_hand = ctx.get_parameter_source(param.name) is ParameterSource.COMMANDLINE
        ctx.find_root().meta[_KEY] = Chosen(value, by_hand)


def api_option(function: F) -> F:
    """Add ``--api`` to a command; what stands before the command's name counts less."""
    option = click.option(
        "--api", metavar="PATH|NAME", expose_value=False, callback=_remember, help=_HELP
    )
    return option(function)


def first_api_option(function: F) -> F:
    """Add ``--api`` to the program; here, and only here, CRDTNODE_API is looked at."""
    option = click.option(
        "--api",
        metavar="PATH|NAME",
        expose_value=False,
        callback=_remember,
        envvar="CRDTNODE_API",
        help=_HELP,
    )
    return option(function)


def chosen_api() -> Chosen | None:
    """Return what ``--api`` or CRDTNODE_API said."""
    chosen: Chosen | None = click.get_current_context().find_root().meta.get(_KEY)
    return chosen


def json_option(function: F) -> F:
    """Add ``--json``."""
    return click.option(
        "--json", "as_document", is_flag=True, help="Print JSON, in a shape that stays the same."
    )(function)


class TakesNumbers(click.Command):
    """A command whose arguments may be negative numbers, which look like options."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Move negative numbers behind a ``--``, unless the caller wrote one."""
        if "--" not in args:
            numbers = [arg for arg in args if arg[:1] == "-" and arg[1:2].isdigit()]
            if numbers:
                args = [*[arg for arg in args if arg not in numbers], "--", *numbers]
        return super().parse_args(ctx, args)


def examples(*lines: str) -> str:
    """Return an epilog of examples, which click must not flow together."""
    head = "Examples:" if len(lines) > 1 else "Example:"
    return "\b\n" + "\n".join([head, *[f"  {line}" for line in lines]])
