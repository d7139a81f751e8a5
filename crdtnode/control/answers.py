"""One way to answer with JSON."""

from typing import Any

import msgspec
from starlette.responses import Response


def answer(document: Any, *, status: int = 200, etag: str | None = None) -> Response:
    """Return a JSON answer.

    Args:
        document: JSON-friendly.
        status: HTTP status.
        etag: The version of what is shown, if it has one.
    """
    headers = {"cache-control": "no-store"}
    if etag is not None:
        headers["etag"] = f'"{etag}"'
    body = msgspec.json.encode(document)
    return Response(body, status, headers, media_type="application/json")
