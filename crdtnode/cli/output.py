"""What goes to stdout: results only, as a table for people, plain lines for pipes, or JSON."""

from collections.abc import Iterable, Sequence
import json
import sys
from typing import Any

import click

_DIGITS_MOST = 3000
"""Hex digits of the longest number that is shown in decimal; Python refuses far longer ones."""


def print_document(document: Any) -> None:
    """Print one JSON document on one line."""
    click.echo(json.dumps(document, ensure_ascii=False))


def print_table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table on a terminal, tab-separated lines without heads in a pipe."""
    cells = [[plain(cell) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        print_lines("\t".join(row) for row in cells)
        return
    from rich.box import SIMPLE_HEAD  # only a terminal is worth the wait
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*heads, box=SIMPLE_HEAD)
    for row in cells:
        table.add_row(*[Text(cell) for cell in row])
    Console().print(table)


def print_lines(lines: Iterable[str]) -> None:
    """Print lines in one go; there may be a hundred thousand."""
    if text := "\n".join(lines):
        click.echo(text)


def plain(value: object) -> str:
    """Return a value as one line of text: text as it is, everything else as JSON."""
    if isinstance(value, str):
        return printable(value)
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return json.dumps(value, ensure_ascii=False)


def printable(text: str) -> str:
    """Escape what would move a terminal's cursor or end a line."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def value_lines(value: Any) -> list[str]:
    """Return a value as lines: one for each element of a set, else one."""
    if isinstance(value, list):
        return [line_of(element) for element in value]
    return [line_of(value)]


def line_of(value: Any) -> str:
    """Return a value as one line; text as it is, but for line ends and the like.

    Numbers that JSON lacks come as ``["i", "0x..."]`` and ``["f", "1.0"]``: shown as numbers.
    """
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, list) and len(value) == 2 and isinstance(value[1], str):
        if value[0] == "i" and len(value[1]) < _DIGITS_MOST:
            return str(int(value[1], 16))
        if value[0] == "f":
            return value[1]
    return json.dumps(value, ensure_ascii=False)
