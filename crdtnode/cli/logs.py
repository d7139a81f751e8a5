"""How a daemon logs: lines for people, or a JSON document a line for machines.

Rule of this file: one event, one line. Text breaks no line whoever sent it; only tracebacks of
our own mistakes take more, and they are indented.
"""

from datetime import UTC, datetime
import json
import logging
import sys
from typing import Any

from crdtnode.node.journal import Fields


def configure(style: str, level: str) -> None:
    """Send our log to stderr.

    Args:
        style: ``text`` or ``json``.
        level: As in `logging`, such as ``info``.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if style == "json" else _Text())
    logger = logging.getLogger("crdtnode")
    logger.handlers = [handler]
    logger.setLevel(level.upper())
    logger.propagate = False


def _when(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _event_and_fields(record: logging.LogRecord) -> tuple[str, dict[str, Any]]:
    match record.args:
        case (str(event), Fields() as fields):
            return event, dict(fields.values)
        case _:
            return record.getMessage(), {}


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = record.getMessage().strip().replace("\n", "\\n").replace("\r", "\\r")
        text = f"{_when(record)} {record.levelname.lower():7} {line}"
        if record.exc_info:
            trace = self.formatException(record.exc_info)
            text += "\n    " + trace.replace("\n", "\n    ")
        return text


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        event, fields = _event_and_fields(record)
        document: dict[str, Any] = {
            "time": _when(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": event,
            **{key: value for key, value in fields.items() if key not in _RESERVED},
        }
        if record.exc_info:
            document["exception"] = self.formatException(record.exc_info)
        return json.dumps(document, ensure_ascii=False, default=str)


_RESERVED = {"time", "level", "logger", "event"}
