"""One line on a terminal that is written over while something takes its time."""

import sys
from time import monotonic

import click


class LiveLine:
    """One line on standard error that is written over; silent where that is no terminal."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._next = 0.0
        self._width = 0

    def show(self, text: str) -> None:
        """Show a text, at most ten times a second."""
        if self._live and monotonic() >= self._next:
            self._next = monotonic() + 0.1
            click.echo(f"\r{text:<{self._width}}", nl=False, err=True)
            self._width = len(text)

    def end(self) -> None:
        """Wipe the line."""
        if self._width:
            click.echo(f"\r{' ' * self._width}\r", nl=False, err=True)
            self._width, self._next = 0, 0.0


def bar(done: int, of: int, width: int = 24) -> str:
    """How much of something is done, as a picture.

    Example:
        >>> bar(5, 20, width=8)
        '[##......]'
    """
    full = width * done // max(of, 1)
    return f"[{'#' * full}{'.' * (width - full)}]"
