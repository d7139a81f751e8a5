"""What the engine wants done: the only way by which it acts on the world.

The driver (a node, or the simulator) takes the effects after each call and carries them out in
order. An address is ``(host, port)``; a host that is a name is resolved by the driver, anew each
time.
"""

from crdt import StateCRDT
from crdtnode.values import value

Address = tuple[str, int]
"""Host (an IP address, or a name in ``OpenStream`` only) and port."""


@value
class Udp:
    """A datagram came from this address."""

    address: Address


@value
class Stream:
    """Bytes came over the stream with this number."""

    id: int


Source = Udp | Stream


@value
class SendDatagram:
    """Send one UDP datagram; drop and count it where the socket would block."""

    address: Address
    data: bytes
    reached: bool = False
    """The last ping to this address was answered: the way there is good."""


@value
class OpenStream:
    """Connect over TCP; answer with ``engine.opened`` or ``engine.closed``."""

    id: int
    address: Address


@value
class SendFrame:
    """Write bytes to a stream, in order; call ``engine.drained`` once all that was given is out."""

    id: int
    data: bytes


@value
class CloseStream:
    """Write what is queued, then close. The engine has forgotten the stream already."""

    id: int
    why: str


@value
class Changed:
    """An object changed: ``delta`` is what was joined, ``source`` the member it came from.

    ``delta`` is None where the object was removed, ``source`` for a change made here.
    """

    type: str
    name: str
    delta: StateCRDT | None
    source: str | None


@value
class MemberNews:
    """A member joined, changed its state or its address; ``state`` is its new one."""

    name: str
    address: Address
    state: str


@value
class Flushed:
    """All that was written before ``engine.flush`` gave this ticket is held by ``members`` others.

    0 means that nobody else is alive, or that none of those who are knows its types.
    """

    ticket: int
    members: int


@value
class Roots:
    """Answers to ``engine.ask_roots``: whether each member's root is ours, None where it was silent.

    Roots are compared over the types that both know.
    """

    ticket: int
    equal: dict[str, bool | None]


Identity = tuple[str, str]
"""(type tag, name) of an object."""


@value
class Differences:
    """How what a member holds differs from what we hold; each list is sorted and has 1,000 at most."""

    only_here: tuple[Identity, ...]
    only_there: tuple[Identity, ...]
    differing: tuple[Identity, ...]
    complete: bool
    """False where there are more, which were not looked at."""


@value
class Copy:
    """A member's copy of one object."""

    payloads: tuple[tuple[object, ...], ...]
    """Empty where it knows no such object; in it, empty where that was removed or is too odd to show."""


@value
class Inspected:
    """Answer to ``engine.compare`` or ``engine.inspect``; None where the member did not answer."""

    ticket: int
    found: Differences | Copy | None


@value
class Event:
    """Something an operator may want to know; ``kind`` is constant, ``fields`` are JSON-friendly."""

    kind: str
    fields: dict[str, object]


@value
class Left:
    """The engine has left the cluster: others know, or the time for telling them is over."""


Effect = (
    SendDatagram
    | OpenStream
    | SendFrame
    | CloseStream
    | Changed
    | MemberNews
    | Flushed
    | Roots
    | Inspected
    | Event
    | Left
)
