"""The story that ``crdtnode demo`` tells: before, during and after a partition."""

from collections import Counter
from importlib import resources
import os
from pathlib import Path
import time

import click

from crdtnode.cli.demo.nodes import Member, members
from crdtnode.cli.demo.words import counter_of, operations, shares, words
from crdtnode.cli.outcome import Code, Failure

NAMES = ("ann", "bob", "cid")
CUT_OFF = 2
"""The number of the node whose cable is pulled."""

_AGREE_WITHIN = 15.0
"""Seconds after which the demo gives up waiting for equal states."""


@click.command(short_help="Three nodes on this machine, a partition, a heal: see what happens.")
@click.argument(
    "text", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False
)
def demo(text: Path | None) -> int:
    """Run three nodes on this machine, cut one off, heal it, and show what each holds.

    The nodes count the words of TEXT (a short story by default), a third each: a counter for
    each word, the set of all words, and a register that says who wrote last. They do so in
    three stretches: together, while one of them is cut off, and after the heal. At the end all
    three must hold equal states, and the counters must equal the counts of the whole text.

    Exit code 0 if they do, 1 if not.
    """
    from crdtnode.wire.keyring import FRESH_BYTES, Keyring

    expected = words(_read(text))
    if not expected:
        raise Failure(f"there are no words in {text}", Code.USAGE)
    thirds = [shares(part, 3) for part in shares(expected, len(NAMES))]
    key = Keyring.fresh(os.urandom(FRESH_BYTES)).dump()
    click.echo(f"{len(expected)} words in three parts, one for each of {', '.join(NAMES)}.")
    with members(NAMES, key) as nodes:
        _meet(nodes)
        _write(nodes, thirds, 0)
        took = _agree(nodes)
        _show(f"Before: a third is written, equal after {took:.3f} s", nodes)
        nodes[CUT_OFF].cut_off()
        _write(nodes, thirds, 1)
        _settle(nodes[:CUT_OFF])
        _show(f"During: {NAMES[CUT_OFF]} is cut off, and all go on writing", nodes)
        _write(nodes, thirds, 2)
        _settle(nodes[:CUT_OFF])
        healed = time.monotonic()
        nodes[CUT_OFF].heal()
        _agree(nodes)
        took = time.monotonic() - healed
        _show(f"After: the rest is written, healed, equal {took:.3f} s after the heal", nodes)
        return _verdict(nodes, Counter(expected))


def _read(text: Path | None) -> str:
    if text is None:
        return resources.files("crdtnode.cli.demo").joinpath("harbour.txt").read_text("utf-8")
    try:
        return text.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"{text} cannot be read as UTF-8 text: {error}", Code.USAGE) from None


def _meet(nodes: list[Member]) -> None:
    """Wait until everybody knows everybody."""
    deadline = time.monotonic() + _AGREE_WITHIN
    for node in nodes:
        while node.status()["members"].get("alive") != len(nodes):
            _pause(deadline, f"{node.name} has not met the others")


def _write(nodes: list[Member], thirds: list[list[list[str]]], stretch: int) -> None:
    for node, part in zip(nodes, thirds, strict=True):
        node.write(operations(part[stretch], node.name))


def _agree(nodes: list[Member]) -> float:
    """Wait until all hold equal states; gives the seconds that it took."""
    started = time.monotonic()
    _settle(nodes)
    return time.monotonic() - started


def _settle(nodes: list[Member]) -> None:
    """Wait until these nodes have equal roots, of two looks in a row at the same state."""
    deadline = time.monotonic() + _AGREE_WITHIN
    while len({str(node.status()["root"]) for node in nodes}) > 1:
        _pause(deadline, "the nodes do not agree")


def _pause(deadline: float, what: str) -> None:
    if time.monotonic() > deadline:
        raise Failure(f"{what} after {_AGREE_WITHIN:.0f} s", Code.TIMEOUT)
    time.sleep(0.01)


# What is shown


def _show(title: str, nodes: list[Member]) -> None:
    click.echo(f"\n{title}")
    rows = [("node", "counters", "sum", "vocabulary", "last", "root"), *map(_row, nodes)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  " + "  ".join(cells).rstrip())


def _row(node: Member) -> tuple[str, ...]:
    counts = node.values("pncounter@1")
    return (
        node.name,
        str(len(counts)),
        str(sum(counts.values())),
        f"{len(_vocabulary(node))} words",
        str(node.values("lwwregister@1").get("last")),
        str(node.status()["root"]),
    )


def _vocabulary(node: Member) -> set[str]:
    return set(node.values("orset@1").get("vocabulary", ()))


def _verdict(nodes: list[Member], expected: Counter[str]) -> int:
    """Compare what the nodes hold with what the whole text says."""
    counters: Counter[str] = Counter()
    for word, count in expected.items():
        counters[counter_of(word)] += count
    roots = {str(node.status()["root"]) for node in nodes}
    equal = len(roots) == 1
    right = all(node.values("pncounter@1") == dict(counters) for node in nodes)
    vocabulary = set(expected)
    complete = all(_vocabulary(node) == vocabulary for node in nodes)
    click.echo()
    for holds, what in (
        (equal, "all three nodes hold equal states"),
        (right, f"all {len(counters)} counters equal the counts of the whole text"),
        (complete, f"the vocabulary is complete: {len(vocabulary)} words"),
    ):
        click.echo(f"  {'yes' if holds else 'NO '}  {what}")
    return Code.OK if equal and right and complete else Code.NO
