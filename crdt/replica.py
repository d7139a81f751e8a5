"""Replica ids: who made a change.

An id is any non-empty text of at most 255 bytes, never parsed. It belongs to one live object in
one process: a copy, an unpickled object and a forked child start without one. This file is one of
the two doors to chance and to the process; nothing else in the toolbox draws or asks by itself.
"""

from __future__ import annotations

import os
import secrets

MAX_REPLICA_BYTES = 255
"""Longest id in UTF-8. A longer one would cost every payload that names it."""

process: object = object()
"""Stands for this process. A forked child gets another, by which objects see that they were copied."""


def _enter_child() -> None:
    global process
    process = object()


# Windows knows no fork, and then there is nothing to notice.
getattr(os, "register_at_fork", dict)(after_in_child=_enter_child)


def fresh_replica() -> str:
    """Return a new random 64-bit id as 11 base64url characters."""
    return secrets.token_urlsafe(8)


def check_replica(replica: object) -> str:
    """Return ``replica`` if it can be an id.

    Raises:
        TypeError: It is no plain str.
        ValueError: It is empty, longer than 255 bytes in UTF-8, or holds a lone surrogate.
    """
    if type(replica) is not str:
        raise TypeError(f"a replica id is a str, not {type(replica).__name__}")
    if 0 < len(replica) <= MAX_REPLICA_BYTES and replica.isascii():
        return replica
    if not replica:
        raise ValueError("a replica id cannot be empty")
    try:
        size = len(replica.encode())
    except UnicodeEncodeError:
        raise ValueError(f"a replica id cannot hold a lone surrogate: {replica!r}") from None
    if size > MAX_REPLICA_BYTES:
        raise ValueError(f"a replica id has at most {MAX_REPLICA_BYTES} bytes, not {size}")
    return replica
