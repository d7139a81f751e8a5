"""What to draw a simulation for, as options of a command.

Rule of this file: options come in as text and go out as a `Recipe`; nothing is run.
"""

from collections.abc import Callable
from math import inf
from pathlib import Path
from typing import Any, TypeVar

import click

from crdtnode.sim import PARTITIONS, Latency, Plan, PlanError, Recipe, Verdict
from crdtnode.sim.document import nearest
from crdtnode.sim.draw import FAULTS, FAULTS_MOST, NO_FAULT, NODES_MOST, WRITES_MOST
from crdtnode.sim.planfile import tag_called
from crdtnode.sim.quantities import quantity
from crdtnode.sim.sweeping import recipe_with

ANY = "any"
"""The value that leaves a fault to the seed."""

EXIT = {Verdict.HOLDS: 0, Verdict.VIOLATED: 1, Verdict.UNKNOWN: 2}
"""Exit codes of all commands that simulate."""

Command = TypeVar("Command", bound=Callable[..., Any])


class Read(click.ParamType):  # type: ignore[type-arg] # older click has no argument here
    """A value that a function reads from its text."""

    def __init__(self, name: str, read: Callable[[str], object]) -> None:
        self.name = name
        self._read = read

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> object:
        """Read the text, or refuse it with the reader's words."""
        if not isinstance(value, str):
            return value
        try:
            return self._read(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class OrAny(Read):
    """A value, or the word that leaves it to the seed."""

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> object:
        """Read the text, or let the word stand."""
        return value if value == ANY else super().convert(value, param, ctx)


def _number(field: str, text: str) -> float:
    """A number, with a unit that plans have for this field, or bare."""
    try:
        return float(text)
    except ValueError:
        return quantity(field, text)


def _time(text: str) -> float:
    seconds = _number("duration", text)
    if not 0 < seconds < inf:
        raise ValueError(f"{text!r} is no time; write seconds, more than 0, or 90s, 5min, 1h")
    return seconds


def _share(text: str) -> float:
    share = _number("loss", text)
    if not 0 <= share <= 1:
        raise ValueError(f"{text!r} is no share; write a number from 0 to 1, such as 0.1, or 10%")
    return share


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 9 and int(text) <= FAULTS_MOST):
        raise ValueError(f"{text!r} is no count; write a whole number, 0 to {FAULTS_MOST}")
    return int(text)


def _cut(text: str) -> str:
    if text not in PARTITIONS:
        raise ValueError(f"{text!r} is no partition{nearest(text.lower(), PARTITIONS)}")
    return text


def _writes(text: str) -> tuple[float, bool]:
    """A count, or a rate per second: (number, whether it is a rate)."""
    rate = "/" in text
    try:
        value = quantity("rate", text) if rate else float(int(text))
    except ValueError:
        value = -1.0
    if not 0 <= value <= WRITES_MOST:
        raise ValueError(f"{text!r} is no number of writes; write 50, or a rate: 2.5/s, 90/min")
    return value, rate


def _planted(context: click.Context, option: click.Parameter, name: str | None) -> str | None:
    """The name of a planted bug as it is spelled; its types are known from now on."""
    if name is None:
        return None
    from crdtnode.sim.planted import bug  # here, since it registers its types

    try:
        return bug(name).name
    except PlanError as error:
        raise click.BadParameter(str(error), context, option) from error


OPTIONS = (
    click.option(
        "--nodes",
        metavar="N",
        type=click.IntRange(1, NODES_MOST),
        default=5,
        show_default=True,
        help="How many nodes.",
    ),
    click.option(
        "--for",
        "duration",
        metavar="TIME",
        type=Read("time", _time),
        default=20.0,
        show_default="20 s",
        help="Simulated time of writes and faults: seconds, or 500ms, 5min, 1h.",
    ),
    click.option(
        "--bound",
        metavar="TIME",
        type=Read("time", _time),
        default=15.0,
        show_default="15 s",
        help="Simulated time to converge in after that.",
    ),
    click.option(
        "--writes",
        metavar="N|N/s",
        type=OrAny("writes", _writes),
        help="How many writes in all, or a rate: 2/s, 90/min. Default: 2 to 3 a second.",
    ),
    click.option(
        "--type",
        "types",
        metavar="TAG",
        multiple=True,
        help="Write to objects of this type, such as orset or orset@1; may be repeated. Default: "
        "a mix.",
    ),
    click.option(
        "--latency",
        metavar="TIME",
        type=OrAny("latency", Latency.parse),
        help="One-way time of each packet: 5ms constant, 1-20ms uniform, exp:10ms with that mean, "
        "lognormal:10ms-80ms with that median and 99th percentile, measured:1ms,2ms,9ms, or any.",
    ),
    click.option(
        "--loss",
        metavar="SHARE",
        type=OrAny("loss", _share),
        help="Share of packets lost, from 0 to below 1, or as 10%, or any.",
    ),
    click.option(
        "--duplicate",
        metavar="SHARE",
        type=OrAny("duplicate", _share),
        help="Share of datagrams that arrive twice, 0 to 1, or as 10%, or any.",
    ),
    click.option(
        "--partition",
        metavar="HOW",
        type=OrAny("partition", _cut),
        help=f"Cut the network from a quarter of the time to the end of it: "
        f"{', '.join(PARTITIONS)}, or any.",
    ),
    click.option(
        "--crash",
        "crashes",
        metavar="N",
        type=OrAny("crash", _count),
        help="Kill so many nodes, each to restart some seconds later, or any.",
    ),
    click.option(
        "--trouble",
        metavar="N",
        type=OrAny("trouble", _count),
        help="So many other faults: stopped and slow processes, wrong clocks, bad links, held "
        "packets, failing disks, or any.",
    ),
    click.option(
        "--plant",
        "planted",
        metavar="BUG",
        callback=_planted,
        help="Run with this planted bug, to see it caught; "
        "'crdtnode simulate selftest --list' names them.",
    ),
    click.option("--json", "as_json", is_flag=True, help="Print one JSON document."),
)


def plan_options(command: Command) -> Command:
    """Give a command the options that say what to draw a plan for."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def recipe_of(
    nodes: int,
    duration: float,
    bound: float,
    writes: tuple[float, bool] | str | None,
    types: tuple[str, ...],
    planted: str | None,
    **faults: Any,
) -> Recipe:
    """What the options ask for; faults that nobody named are absent, or all left to the seed."""
    if any(value is not None for value in faults.values()):
        for name in FAULTS:
            if faults[name] is None:
                faults[name] = NO_FAULT[name]
            elif faults[name] == ANY:
                faults[name] = None
    count = None
    if isinstance(writes, tuple):
        count = round(min(writes[0] * duration if writes[1] else writes[0], 2**53))
    try:
        recipe = Recipe(
            nodes=nodes,
            duration=duration,
            bound=bound,
            writes=count,
            types=tuple(tag_called(word, "--type") for word in types) or None,
            **faults,
        )
        return recipe_with(planted, recipe)
    except PlanError as error:
        raise click.UsageError(str(error)) from error


def drawn(seed: int, recipe: Recipe) -> Plan:
    """The plan that a seed makes of a recipe, or wrong usage."""
    try:
        return Plan.drawn(seed, recipe)
    except PlanError as error:
        raise click.UsageError(str(error)) from error


def make_room(*folders: Path | None) -> None:
    """Make the folders for what will be written, before anything runs.

    Raises:
        OSError: One cannot be made.
    """
    for folder in folders:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
