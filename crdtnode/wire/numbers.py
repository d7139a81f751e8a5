"""What some numbers on the wire mean. A number's meaning never changes."""

from enum import IntEnum


class Kind(IntEnum):
    """The number that stands first in a message's body."""

    HELLO = 1
    CHALLENGE = 2
    REFUSED = 3
    PING = 4
    PONG = 5
    PING_REQ = 6
    PING_ACK = 7
    NACK = 8
    PUSH = 9
    ACK = 10
    LIST = 11
    LEAVE = 12
    FORGET = 13
    TYPES = 14
    WANT = 15
    SYNC = 16
    CTX = 17
    BUSY = 18
    AGAIN = 19
    PART = 20  # reserved
    TELL = 21
    ANNOUNCE = 22
    PULL = 23
    LOOK = 24
    LOOKED = 25


class State(IntEnum):
    """What is thought of a member."""

    ALIVE = 0
    SUSPECT = 1
    DEAD = 2
    LEFT = 3


class Form(IntEnum):
    """How an item carries its object."""

    STATE = 0
    """`payloads` is one whole state, or parts whose join is the state."""
    DELTAS = 1
    """`payloads` are deltas that lead from `base` to `version`, oldest first."""
    PART = 2
    """`payloads` are a part of what the sender has, lawful alone. More of the same object follows;
    `version` holds once the last of it, which bears another form, is joined."""


class Seen(IntEnum):
    """What a helper's TCP connect to a silent member found."""

    SILENT = 0
    REFUSED = 1
    ACCEPTED = 2
