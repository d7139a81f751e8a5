"""First contact over UDP: nothing that an unknown process says is used before it is proven fresh.

A recording of old traffic opens under our keys as well as the original did. So a boot id that is
not known, neither by news from members nor by an earlier proof, is sent a nonce to repeat; what it
said first waits until then. We show the same by repeating the nonce of its Hello.

No answer is longer than its question, and none goes where nobody asked: who forges a sender's
address gains nothing. What is kept is bounded, and of strangers only.
"""

from collections import OrderedDict
from collections.abc import Callable

from crdtnode.protocol.effects import Address
from crdtnode.protocol.mail import Send
from crdtnode.values import struct
from crdtnode.wire import codec
from crdtnode.wire.messages import Challenge, Hello, Message
from crdtnode.wire.seal import Datagrams, Opened

CHALLENGES_MOST = 1000
"""Unknown processes that may be under proof at once; the oldest is forgotten."""

PROVEN_MOST = 1000
"""Proven processes that are no members; the oldest is forgotten, and has to prove itself again."""

HELD_BYTES = 1200
"""Longest message that waits for a proof."""

TELLING_PERIOD = 0.5
"""Seconds between two lists of members that we send to a process that is none, unasked."""


@struct
class _Challenged:
    nonce: bytes
    held: Opened | None = None
    """A datagram, not decoded: that would take fifty times the room."""


@struct
class _Proven:
    address: Address
    told: float = float("-inf")


class Contact:
    """Proofs asked of others, and given to them."""

    def __init__(
        self,
        datagrams: Datagrams,
        hello: Callable[[bytes, bytes], Hello],
        entropy: Callable[[int], bytes],
    ) -> None:
        self._datagrams = datagrams
        self._hello = hello
        self._entropy = entropy
        self._challenged: OrderedDict[bytes, _Challenged] = OrderedDict()
        self._proven: OrderedDict[bytes, _Proven] = OrderedDict()
        self._greeted: OrderedDict[bytes, None] = OrderedDict()

    def greet(self) -> Hello:
        """A Hello for an address whose process is not known."""
        nonce = self._entropy(16)
        self._greeted[nonce] = None
        if len(self._greeted) > CHALLENGES_MOST:
            self._greeted.popitem(last=False)
        return self._hello(nonce, b"")

    def challenge(self, address: Address, message: Message, opened: Opened) -> list[Send]:
        """Ask an unknown process to repeat a nonce, and hold what it said."""
        boot, size = opened.sender, len(opened.body)
        if size < codec.CHALLENGE_BYTES:
            return []  # our answer would be longer; who really wants something sends a Ping
        entry = self._challenged.get(boot)
        if entry is None:
            entry = self._challenged[boot] = _Challenged(self._entropy(16))
            if len(self._challenged) > CHALLENGES_MOST:
                self._challenged.popitem(last=False)
        if isinstance(message, Hello):
            return [Send(boot, address, Challenge(entry.nonce, message.nonce))]
        if size <= HELD_BYTES:
            entry.held = opened
        return [Send(boot, address, Challenge(entry.nonce))]

    def proof(self, boot: bytes, message: Message) -> bool:
        """True where this Hello repeats the nonce that we gave to that process."""
        entry = self._challenged.get(boot)
        return isinstance(message, Hello) and entry is not None and message.echo == entry.nonce

    def held(self, boot: bytes) -> Opened | None:
        """What a process that is proven now said at first."""
        return self._challenged.pop(boot).held

    def answer(
        self, boot: bytes, address: Address, challenge: Challenge, home: Address | None
    ) -> tuple[list[Send], bool]:
        """Repeat the nonce; True where the challenge repeated ours, which proves its sender.

        One that repeats nothing is answered at ``home``, where we know that process to live.
        """
        proven = challenge.echo in self._greeted
        self._greeted.pop(challenge.echo, None)
        if proven:
            home = address
        elif home is None and boot in self._proven:
            home = self._proven[boot].address
        if home is None:
            return [], False
        return [Send(boot, home, self._hello(self._entropy(16), challenge.nonce))], proven

    # Processes that are proven, and no members

    def admit(self, boot: bytes, address: Address) -> None:
        """This process is proven: its messages are taken from now on."""
        self._datagrams.admit(boot)
        self._proven[boot] = _Proven(address)
        if len(self._proven) > PROVEN_MOST:
            self._datagrams.forget(self._proven.popitem(last=False)[0])

    def joined(self, boot: bytes) -> None:
        """This process is a member: it is kept as long as it is one."""
        if self._proven.pop(boot, None) is None and not self._datagrams.known(boot):
            self._datagrams.admit(boot)

    def may_tell(self, boot: bytes, now: float) -> bool:
        """True now and then: tell this stranger who is here."""
        known = self._proven.get(boot)
        if known is None or now - known.told < TELLING_PERIOD:
            return False
        known.told = now
        return True
