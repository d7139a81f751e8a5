"""Commands that wait: watch, wait."""

from collections.abc import Iterator
from contextlib import closing
import json
import time
from typing import Any

import click

from crdtnode.cli.daemon import Daemon, object_path
from crdtnode.cli.naming import existing, split
from crdtnode.cli.options import api_option, json_option
from crdtnode.cli.outcome import Code, Failure
from crdtnode.cli.output import line_of, print_document, printable

_SILENCE_MOST = 40.0
"""Seconds; the node shows every 15 that it lives."""


@click.command()
@click.argument("name", metavar="[[TYPE/]NAME]", required=False)
@click.option("--members", is_flag=True, help="Show members that come, go or are suspected, too.")
@click.option("--initial", is_flag=True, help="Print the present value first (needs a NAME).")
@click.option("--count", type=click.IntRange(min=1), help="Stop after so many changes.")
@api_option
@json_option
def watch(
    name: str | None, members: bool, initial: bool, count: int | None, as_document: bool
) -> int:
    """Print changes as they happen, here or elsewhere: of one object, or of all.

    Each line has type, name, value and the member that the change came from (- for this node),
    separated by tabs; with --json, one document a line, with the delta and the version. "resync"
    means that changes came faster than they could be printed: look at the objects themselves.
    Where an object is removed as a whole, the line is "removed", type, name and member.
    """
    daemon = Daemon.chosen()
    kind, bare = split(name) if name is not None else (None, None)
    lines = daemon.stream(
        "GET",
        "/v1/events",
        query={"name": bare, "type": kind, "members": members or None, "value": True},
        patience=_SILENCE_MOST,
    )
    printed = 0
    with closing(lines):
        for event, data in _events(lines):
            if event == "open":
                _print_initial(daemon, name, as_document) if initial and name else None
            elif event == "closing":
                raise Failure("the node is closing", Code.UNREACHABLE)
            else:
                _print_event(event, data, as_document)
                printed += event != "resync"
                if printed == count:
                    return Code.OK
    raise Failure("the node went away", Code.UNREACHABLE)


def _events(lines: Iterator[bytes]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Read server-sent events; comments and ids are of no interest here."""
    event = ""
    for line in lines:
        key, _, value = line.rstrip(b"\r\n").partition(b": ")
        if key == b"event":
            event = value.decode()
        elif key == b"data":
            yield event, json.loads(value)


def _print_initial(daemon: Daemon, name: str, as_document: bool) -> None:
    try:
        tag, bare = existing(daemon, name)
        document = daemon.get(object_path(tag, bare))
    except Failure as failure:
        if failure.code != Code.NO:
            raise
        return  # not there yet: its first change will come
    _print_event("initial", {**document, "source": None}, as_document)


def _print_event(event: str, data: dict[str, Any], as_document: bool) -> None:
    if as_document:
        print_document({"event": event, **data})
        return
    match event:
        case "resync":
            line = ["resync"]
        case "member":
            line = ["member", data["name"], data["state"], data["address"]]
        case "removed":
            line = ["removed", data["type"], data["name"], data["source"] or "-"]
        case _:
            line = [data["type"], data["name"], line_of(data["value"]), data["source"] or "-"]
    click.echo("\t".join([printable(part) for part in line]))


@click.command()
@click.option("--converged", is_flag=True, help="Until all live members hold the same state.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, max=86_400),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait at most; then the exit code is 4.",
)
@api_option
@json_option
def wait(converged: bool, timeout: float, as_document: bool) -> int:
    """Wait until all members hold the same state as this node.

    A node that is alone holds what everybody holds; one that has not reached any of its seeds
    yet is not alone, and waits for them. With --json, the status is printed in both cases.
    """
    if not converged:
        raise click.UsageError("say what to wait for: --converged")
    began = time.monotonic()
    document = _ask(timeout)
    reached = document.pop("reached")
    if as_document:
        print_document({**document, "waited_s": round(time.monotonic() - began, 3)})
    if reached:
        return Code.OK
    unequal = [f"{name} differs" for name in document["differing"]]
    unequal += [f"{name} is silent" for name in document["silent"]]
    unequal += [f"{seed['address']} was not reached" for seed in document["unreached_seeds"]]
    raise Failure(f"not converged after {timeout:g} s: {', '.join(unequal)}", Code.TIMEOUT)


def _ask(timeout: float) -> dict[str, Any]:
    lines = Daemon.chosen().stream(
        "GET", "/v1/status", query={"wait": "converged", "timeout": timeout}, patience=timeout + 10
    )
    document: dict[str, Any] = json.loads(b"".join(lines))
    return document
