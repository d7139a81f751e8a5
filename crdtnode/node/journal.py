"""Log lines: a constant event, values apart, and nothing in a value can break the line.

Rule of this file: what a peer sent is quoted as JSON before it reaches a log, so that line ends,
terminal codes and forged fields stay text inside quotes.
"""

from collections.abc import Mapping
import json
import logging
import re

_PLAIN = re.compile(r"[A-Za-z0-9_.:/@%+~\[\]-]{1,256}")
_LONGEST = 512


class Fields:
    """Values of a log line: renders as ``key=value`` pairs, and stays a mapping for JSON logs."""

    __slots__ = ("values",)

    def __init__(self, values: Mapping[str, object]) -> None:
        self.values = values

    def __str__(self) -> str:
        return " ".join(f"{key}={_shown(value)}" for key, value in self.values.items())


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    if len(text) > _LONGEST:
        text = text[:_LONGEST] + "..."
    return text if not isinstance(value, str) or _PLAIN.fullmatch(text) else json.dumps(text)


def record(logger: logging.Logger, level: int, event: str, /, **values: object) -> None:
    """Log an event with its values.

    Args:
        logger: The logger of whoever speaks.
        level: As in `logging`.
        event: A constant name such as ``member-joined``; never made from what came in.
        **values: JSON-friendly values.
    """
    if logger.isEnabledFor(level):
        logger.log(level, "%s %s", event, Fields(values), stacklevel=2)
