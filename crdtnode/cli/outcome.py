"""Exit codes, and the error that carries one."""

from collections.abc import Mapping
from enum import IntEnum
from typing import Any


class Code(IntEnum):
    """What the exit code of a command says."""

    OK = 0
    NO = 1
    """Not found, not converged, a line failed, could not start."""
    USAGE = 2
    UNREACHABLE = 3
    """No node answers at the socket."""
    TIMEOUT = 4
    REFUSED = 5
    """The node understood, and will not."""


class Failure(Exception):
    """A command cannot go on: one line for people, and the exit code."""

    def __init__(self, text: str, code: Code) -> None:
        super().__init__(text)
        self.code = int(code)


_BY_STATUS = {403: Code.REFUSED, 404: Code.NO, 409: Code.REFUSED, 503: Code.REFUSED}


def code_of(status: int) -> Code:
    """Return the exit code for a problem's HTTP status."""
    if status == 504:
        return Code.TIMEOUT
    if status >= 500:
        return Code.REFUSED if status == 503 else Code.NO
    return _BY_STATUS.get(status, Code.USAGE)


def line_of_problem(problem: Mapping[str, Any]) -> str:
    """Return a problem as one line, which names the part of the request that is meant once."""
    field, detail = problem.get("field"), str(problem.get("detail"))
    named = field in (None, "body", "args") or detail.startswith(str(field))
    return detail if named else f"{field}: {detail}"
