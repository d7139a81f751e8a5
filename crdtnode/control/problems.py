"""What went wrong with a request, as a problem document (RFC 9457).

Rule of this file: the status tells whose fault it is (4xx the caller's, 5xx ours), ``detail`` is
one line for people, ``field`` names the part of the request that is meant.
"""

from collections.abc import Mapping
import logging
from typing import Any

import msgspec
from starlette.exceptions import HTTPException

from crdt import CRDTError, PayloadError
from crdtnode.errors import (
    ChangeInProgress,
    CrdtNodeError,
    FaultsNotAllowed,
    InvalidAddress,
    InvalidName,
    MemberLives,
    NoAnswer,
    NodeClosed,
    NoLifeLeft,
    NotAcknowledged,
    NotConverged,
    ObjectTooLarge,
    TypeConflict,
    UnknownMember,
    UnknownType,
)

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"

TITLES = {
    400: "Bad request",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    413: "Too large",
    415: "Unsupported media type",
    421: "Wrong host",
    422: "Refused",
    500: "Our fault",
    503: "Not available",
    504: "Timeout",
}

_OURS: dict[type[Exception], tuple[int, str | None]] = {
    InvalidName: (422, "name"),
    UnknownType: (404, "type"),
    TypeConflict: (409, "type"),
    ChangeInProgress: (409, None),
    NoLifeLeft: (409, "name"),
    ObjectTooLarge: (413, None),
    InvalidAddress: (422, "address"),
    FaultsNotAllowed: (403, None),
    NodeClosed: (503, None),
    NotAcknowledged: (504, None),
    NotConverged: (504, None),
    NoAnswer: (504, "peer"),
    UnknownMember: (404, "name"),
    MemberLives: (409, "name"),
}

_UNROUTED = {404: "there is nothing at this path", 405: "this method is not for this path"}


class Problem(Exception):
    """Something is wrong with a request; nothing changed."""

    def __init__(self, status: int, detail: str, *, field: str | None = None, **more: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.field = field
        self.more: Mapping[str, Any] = more

    def document(self) -> dict[str, Any]:
        """Return the document."""
        made: dict[str, Any] = {
            "type": "about:blank",
            "title": TITLES.get(self.status, "Problem"),
            "status": self.status,
            "detail": self.detail,
        }
        if self.field is not None:
            made["field"] = self.field
        return {**made, **self.more}


def problem_of(error: Exception) -> Problem:
    """Put an exception into words; one that nobody expected is logged, and is our fault."""
    match error:
        case Problem():
            return error
        case TypeConflict():
            return Problem(409, str(error), field="type", choices=list(error.tags))
        case PayloadError():
            return Problem(422, str(error), field=getattr(error, "place", None) or "payload")
        case CrdtNodeError():
            status, field = next(
                (found for kind, found in _OURS.items() if isinstance(error, kind)), (422, None)
            )
            return Problem(status, str(error), field=field)
        case HTTPException():
            return Problem(error.status_code, _UNROUTED.get(error.status_code, error.detail))
        case RecursionError():
            return Problem(422, "it is nested too deep", field="args")
        case msgspec.ValidationError():
            return Problem(422, str(error), field="body")
        case msgspec.DecodeError():
            return Problem(400, f"the body is no JSON: {error}", field="body")
        case KeyError():
            return Problem(422, f"not there: {error.args[0]!r:.200}" if error.args else "not there")
        case CRDTError() | TypeError() | ValueError() | IndexError() | OverflowError():
            return Problem(422, str(error) or type(error).__name__, field="args")
        case _:
            log.error("request failed", exc_info=error)
            return Problem(500, f"this is a mistake of ours: {type(error).__name__}; see the log")
