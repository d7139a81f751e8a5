"""``apply``: many operations, as JSON lines.

Rule of this file: whatever has come is sent at once, as one batch. From a file that is a large
one; from a slow pipe each line goes as it comes.
"""

from collections.abc import Iterator
import json
import sys
from typing import IO, Any

import click

from crdtnode.cli.daemon import Daemon
from crdtnode.cli.options import api_option, examples, json_option
from crdtnode.cli.outcome import Code, Failure, line_of_problem
from crdtnode.cli.output import print_document

LINE_MOST_BYTES = 16 * 1024 * 1024
"""Longest line that a node takes (`crdtnode.control.batch` has it too, and is slow to import)."""

_READ_BYTES = 262_144
_SHOWN_MOST = 1000


@click.command(
    epilog=examples(
        'echo \'{"type": "orset", "name": "tags", "method": "add", "args": ["red"]}\' | crdtnode apply'
    )
)
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True), default="-")
@api_option
@json_option
def apply(file: str, as_document: bool) -> int:
    """Do many operations, read as JSON lines from FILE, or from standard input.

    Each line is {"type": ..., "name": ..., "method": ..., "args": [...]}. Lines that are refused
    are reported with their number, the others are done; the exit code is 1 if any was refused.
    """
    daemon = Daemon.chosen()
    counted = _Counted(as_document)
    try:
        with click.open_file(file, "rb") as source:
            for chunk in _whole_lines(source):
                sent = counted.without_long_lines(chunk)
                counted.take(daemon.stream("POST", "/v1/batch", sent), chunk.count(b"\n"))
    except OSError as error:
        raise Failure(f"cannot read {file}: {error.strerror}", Code.USAGE) from None
    counted.print()
    return Code.NO if counted.failed else Code.OK


def _whole_lines(source: IO[bytes]) -> Iterator[bytes]:
    """Yield what can be read without waiting, cut after its last whole line."""
    rest = b""
    read = getattr(source, "read1", source.read)
    while chunk := read(_READ_BYTES):
        lines, end, rest_now = (rest + chunk).rpartition(b"\n")
        rest = rest_now
        if end:
            yield lines + end
    if rest:
        yield rest + b"\n"


class _Counted:
    """What became of the lines."""

    def __init__(self, as_document: bool) -> None:
        self._as_document = as_document
        self._before = 0
        self._done = 0
        self._failures: list[dict[str, Any]] = []
        self.failed = 0

    def without_long_lines(self, chunk: bytes) -> bytes:
        """Refuse lines that a node would not take, and leave them empty."""
        if len(chunk) <= LINE_MOST_BYTES:
            return chunk
        lines = chunk.split(b"\n")
        for number, line in enumerate(lines, 1):
            if len(line) > LINE_MOST_BYTES:
                why = f"too long: {len(line)} bytes, at most {LINE_MOST_BYTES}"
                self._fail({"line": self._before + number, "detail": why})
                lines[number - 1] = b""
        return b"\n".join(lines)

    def take(self, results: Iterator[bytes], lines: int) -> None:
        """Count the results of a batch of so many lines, and print failures."""
        for line in results:
            result = json.loads(line)
            if result.pop("ok"):
                self._done += 1
            else:
                result["line"] += self._before
                self._fail(result)
        self._before += lines

    def _fail(self, failure: dict[str, Any]) -> None:
        self.failed += 1
        if not self._as_document:
            print(f"line {failure['line']}: {line_of_problem(failure)}", file=sys.stderr)
        elif self.failed <= _SHOWN_MOST:
            self._failures.append(failure)

    def print(self) -> None:
        """Print the totals."""
        if self._as_document:
            print_document({"done": self._done, "failed": self.failed, "failures": self._failures})
        else:
            click.echo(f"{self._done} done, {self.failed} failed")
