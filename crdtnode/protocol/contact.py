"""First contact over UDP: nothing that an unknown process says is used before it is proven fresh.

A recording of old traffic opens under our keys as well as the original did. So a boot id that is
not known, neither by news from members nor by an earlier proof, is sent a nonce to repeat; what it
said first waits until then. We show the same by repeating the nonce of its Hello.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from crdtnode.protocol.effects import Address
from crdtnode.protocol.mail import Send
from crdtnode.wire.messages import Challenge, Hello, Message

CHALLENGES_MOST = 1000
"""Unknown processes that may be under proof at once; the oldest is forgotten."""


@dataclass(slots=True)
class _Challenged:
    nonce: bytes
    held: Message | None


class Contact:
    """Proofs asked of others, and given to them."""

    def __init__(
        self, hello: Callable[[bytes, bytes], Hello], entropy: Callable[[int], bytes]
    ) -> None:
        self._hello = hello
        self._entropy = entropy
        self._challenged: OrderedDict[bytes, _Challenged] = OrderedDict()
        self._greeted: OrderedDict[bytes, None] = OrderedDict()

    def greet(self) -> Hello:
        """A Hello for an address whose process is not known."""
        nonce = self._entropy(16)
        self._greeted[nonce] = None
        if len(self._greeted) > CHALLENGES_MOST:
            self._greeted.popitem(last=False)
        return self._hello(nonce, b"")

    def challenge(self, boot: bytes, address: Address, message: Message) -> list[Send]:
        """Ask an unknown process to repeat a nonce, and hold what it said."""
        entry = self._challenged.get(boot)
        if entry is None:
            entry = self._challenged[boot] = _Challenged(self._entropy(16), None)
            if len(self._challenged) > CHALLENGES_MOST:
                self._challenged.popitem(last=False)
        if isinstance(message, Hello):
            return [Send(boot, address, Challenge(entry.nonce, message.nonce))]
        entry.held = message
        return [Send(boot, address, Challenge(entry.nonce))]

    def proof(self, boot: bytes, message: Message) -> bool:
        """True where this Hello repeats the nonce that we gave to that process."""
        entry = self._challenged.get(boot)
        return isinstance(message, Hello) and entry is not None and message.echo == entry.nonce

    def held(self, boot: bytes) -> Message | None:
        """What a process that is proven now said at first."""
        return self._challenged.pop(boot).held

    def answer(self, boot: bytes, address: Address, challenge: Challenge) -> tuple[Send, bool]:
        """Repeat the nonce; True where the challenge repeated ours, which proves its sender."""
        proven = challenge.echo in self._greeted
        self._greeted.pop(challenge.echo, None)
        return Send(boot, address, self._hello(self._entropy(16), challenge.nonce)), proven
