"""Messages on their way: what a room wants sent, and to whom; what came, and from where.

A room gives `Send`; the engine encodes it, seals it, and takes a datagram where it fits and a
stream where it does not.
"""

from crdtnode.protocol.effects import Address, Effect
from crdtnode.protocol.members import Member
from crdtnode.values import value
from crdtnode.wire.messages import Message


@value
class Send:
    """Send a message to one process."""

    boot: bytes
    address: Address
    message: Message
    stream: bool = False
    """Take a stream even where a datagram would do: what goes on over TCP stays there."""


@value
class Origin:
    """Whence a message came."""

    boot: bytes
    address: Address
    """Of a datagram its source; of a stream the other end, where nobody listens perhaps."""
    counter: int = 0
    """In the seal of a datagram; 0 for what came over a stream."""


Outcome = Send | Effect
"""What a room wants done."""


def to(member: Member, message: Message, *, stream: bool = False) -> Send:
    """Send a message to a member."""
    return Send(member.boot, member.addresses[0], message, stream)
