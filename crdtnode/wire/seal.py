"""Datagrams, sealed: who sent them, to whom, in which order, and that nobody changed them.

Rule of this file: a datagram is opened before anything in it is believed, and what cannot be
opened costs next to nothing and leaves no trace. It says which process sent a datagram, not
whether that process is welcome: that is what a challenge finds out, and `admit` remembers.

Layout, 32 bytes of header in clear and authenticated, then the sealed body and its tag of 16::

    magic 2 | version 1 | flags 1 | key id 4 | sender's boot id 16 | counter 8 | body | tag 16

*Theory of operation.* The key follows from the cluster's key and both boot ids, so a recorded
datagram means nothing to a process that was started later. A greeting, sent when the receiver's
boot id is not known yet, is sealed for the boot id of zeros, and anybody with the cluster's key
opens it. The counter rises with each datagram to one receiver and is the cipher's nonce; a window
of `WINDOW` counters behind the highest tells repetitions from what was only overtaken (RFC 4303,
section 3.4.3).

Strangers, which are all processes not admitted, share `STRANGERS_MAX` places and a budget of
derivations; members have their own, so that no flood from outside touches them. A place that is
given up leaves its counter behind as the floor for new ones: no key ever sees a nonce twice.
"""

from collections import OrderedDict
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidTag

from crdtnode.errors import Rejected
from crdtnode.wire.ciphers import TAG_BYTES, Cipher, Derive, checking, sealing
from crdtnode.wire.keyring import Keyring
from crdtnode.wire.messages import NOBODY

MAGIC: Final = b"\xc5\x4e"
VERSION: Final = 1
HEADER_BYTES: Final = 32
OVERHEAD_BYTES: Final = HEADER_BYTES + TAG_BYTES
"""What a seal adds to a body."""
DATAGRAM_BYTES_MAX: Final = 8192
"""The longest datagram that is opened."""
WINDOW: Final = 1024
"""Counters behind the highest that are still told apart. Higher forgives more reordering."""
STRANGERS_MAX: Final = 1000
"""Processes not admitted that are kept track of; the one heard longest ago gives way."""
BUDGET: Final = 500
"""Derivations that may come in a burst, and that a second brings back: never over 1,000 in one."""

FLAG_PAIR: Final = 0
FLAG_GREETING: Final = 1

_SEEN_MASK: Final = (1 << WINDOW) - 1
_NONCE_HEAD: Final = bytes(4)


class Reason:
    """Why a seal did not open: short constant texts, safe as labels of a counter."""

    SHORT: Final = "short"
    LONG: Final = "too large"
    MAGIC: Final = "magic"
    VERSION: Final = "version"
    FOREIGN: Final = "foreign key"
    FORGED: Final = "forged"
    REPLAYED: Final = "replayed"
    BUDGET: Final = "budget"
    SELF: Final = "self"
    """Our own boot id, and nobody checked it: anybody can send this. For counting only."""
    REFUSED: Final = "refused"
    """The other end of a stream says in clear that it will not talk; see `frames`."""


class Opened(NamedTuple):
    """What an authentic datagram held."""

    sender: bytes
    """The boot id of the process that sealed it."""
    counter: int
    greeting: bool
    """True where it was sealed for whoever has the key: a recording of it means as much."""
    body: bytes


class _Inbound:
    """A cipher to open with, and which counters were seen."""

    __slots__ = ("cipher", "highest", "seen")

    def __init__(self, cipher: Cipher) -> None:
        self.cipher = cipher
        self.highest = 0
        self.seen = 1  # bit n: counter highest - n was seen; nobody sends counter 0

    def is_new(self, counter: int) -> bool:
        """Tell whether a counter that is not above the highest one comes for the first time."""
        behind = self.highest - counter
        return behind < WINDOW and not self.seen >> behind & 1

    def note(self, counter: int) -> None:
        ahead = counter - self.highest
        if ahead <= 0:
            self.seen |= 1 << -ahead
            return
        self.seen = (self.seen << ahead | 1) & _SEEN_MASK if ahead < WINDOW else 1
        self.highest = counter


class _Peer:
    """What is kept about one process: no more than it authenticated, or than we sent to it."""

    __slots__ = ("counter", "inbound", "outbound")

    def __init__(self, floor: int) -> None:
        self.counter = floor
        self.outbound: Cipher | None = None
        self.inbound: dict[bytes, _Inbound] = {}  # by all that a header has before the sender


class _Budget:
    """Tokens: `BUDGET` at first and never more, and as many again each second."""

    __slots__ = ("_left", "_since")

    def __init__(self) -> None:
        self._left = float(BUDGET)
        self._since = 0.0

    def take(self, now: float) -> bool:
        self._left = min(float(BUDGET), self._left + max(0.0, now - self._since) * BUDGET)
        self._since = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Datagrams:
    """Seals and opens the datagrams of one process.

    Args:
        keyring: The cluster's keys.
        cluster: The cluster's name.
        boot: This process's boot id: 16 random bytes that were never used before, since with
            them begins the count of nonces.
    """

    def __init__(
        self, keyring: Keyring, cluster: str, boot: bytes, derive: Derive = sealing
    ) -> None:
        self._salt = keyring.salt
        self._keys = keyring.by_id(cluster)
        self._key_id, self._key = next(iter(self._keys.items()))
        self._cluster = cluster.encode()
        self._derive = derive
        self._members: dict[bytes, _Peer] = {}
        self._strangers: OrderedDict[bytes, _Peer] = OrderedDict()
        self._member_budget, self._stranger_budget = _Budget(), _Budget()
        self.reborn(boot)

    def reborn(self, boot: bytes) -> None:
        """Go on under another boot id, never used before: all keys and counts begin anew.

        Who was admitted stays so.
        """
        self._boot = boot
        self._floor = 0
        self._greeting = _Peer(0)
        self._members = {member: _Peer(0) for member in self._members}
        self._strangers.clear()
        self._pair_head = MAGIC + bytes((VERSION, FLAG_PAIR)) + self._key_id + boot
        self._greeting_head = MAGIC + bytes((VERSION, FLAG_GREETING)) + self._key_id + boot

    def seal(self, receiver: bytes | None, body: bytes) -> tuple[int, bytes]:
        """Seal a body for one process, or as a greeting for whoever has the key.

        Args:
            receiver: The boot id that is meant; None or `NOBODY` for a greeting.
            body: What `codec.encode` made.

        Returns:
            The counter in the header, and the datagram, `OVERHEAD_BYTES` longer than the body.
        """
        to = receiver or NOBODY
        if to == NOBODY:
            peer, head = self._greeting, self._greeting_head
        else:
            peer, head = self._members.get(to) or self._peer(to), self._pair_head
        if peer.outbound is None:
            peer.outbound = self._cipher(self._key, self._boot, to)
        peer.counter = counter = peer.counter + 1
        tail = counter.to_bytes(8)
        header = head + tail
        return counter, header + peer.outbound.encrypt(_NONCE_HEAD + tail, body, header)

    def open(self, datagram: bytes, now: float) -> Opened:
        """Open a datagram.

        Args:
            datagram: The bytes that came.
            now: Monotonic seconds.

        Raises:
            Rejected: It is not for us, not from the cluster, changed, or a repetition.
        """
        sender = datagram[8:24]
        peer = self._members.get(sender) or self._strangers.get(sender)
        known = peer.inbound.get(datagram[:8]) if peer else None
        if known is None or len(datagram) < OVERHEAD_BYTES or len(datagram) > DATAGRAM_BYTES_MAX:
            _check(datagram)
        header = datagram[:HEADER_BYTES]
        inbound = known or self._meet(header, sender, now)
        tail = header[24:]
        counter = int.from_bytes(tail)
        if counter <= inbound.highest and not inbound.is_new(counter):
            raise Rejected(Reason.REPLAYED)
        try:
            body = inbound.cipher.decrypt(_NONCE_HEAD + tail, datagram[HEADER_BYTES:], header)
        except InvalidTag:
            raise Rejected(Reason.FORGED) from None
        inbound.note(counter)
        if known is None:
            self._peer(sender).inbound[header[:8]] = inbound
        if sender in self._strangers:
            self._strangers.move_to_end(sender)
        opened = (sender, counter, header[3] == FLAG_GREETING, body)
        return tuple.__new__(Opened, opened)  # half the price of Opened(...)

    def _meet(self, header: bytes, sender: bytes, now: float) -> _Inbound:
        """Derive what may open a datagram of a process that was not heard before."""
        key = self._keys.get(header[4:8])
        if key is None:
            raise Rejected(Reason.FOREIGN, header[4:8].hex())
        if sender == self._boot:
            raise Rejected(Reason.SELF)
        budget = self._member_budget if sender in self._members else self._stranger_budget
        if not budget.take(now):
            raise Rejected(Reason.BUDGET)
        to = NOBODY if header[3] == FLAG_GREETING else self._boot
        return _Inbound(self._cipher(key, sender, to))

    def _cipher(self, key: bytes, sender: bytes, receiver: bytes) -> Cipher:
        return self._derive(
            self._salt, key, b"crdtnode 1 datagram " + sender + receiver + self._cluster
        )

    def _peer(self, boot: bytes) -> _Peer:
        """Find a process's place, or make one among the strangers."""
        peer = self._members.get(boot) or self._strangers.get(boot)
        if peer is None:
            peer = self._strangers[boot] = _Peer(self._floor)
            if len(self._strangers) > STRANGERS_MAX:
                self._give_up(self._strangers.popitem(last=False)[1])
        return peer

    def _give_up(self, peer: _Peer) -> None:
        self._floor = max(self._floor, peer.counter)

    def known(self, boot: bytes) -> bool:
        """True for a process that was admitted."""
        return boot in self._members

    def admit(self, boot: bytes) -> None:
        """Keep this process's keys and window for as long as it is a member."""
        self._members[boot] = self._peer(boot)
        self._strangers.pop(boot, None)

    def forget(self, boot: bytes) -> None:
        """Drop what is kept about a process. Should it come again, it is a stranger."""
        for places in (self._members, self._strangers):
            peer = places.pop(boot, None)
            if peer is not None:
                self._give_up(peer)


class ClearDatagrams(Datagrams):
    """The same numbering, windows and lengths without encryption: for simulations only."""

    def __init__(self, cluster: str, boot: bytes) -> None:
        super().__init__(Keyring.open_key(cluster), cluster, boot, checking)


def _check(datagram: bytes) -> None:
    """Refuse what cannot be a datagram of ours; what begins as an earlier one did can be one."""
    if len(datagram) < OVERHEAD_BYTES:
        raise Rejected(Reason.SHORT)
    if len(datagram) > DATAGRAM_BYTES_MAX:
        raise Rejected(Reason.LONG)
    if datagram[:2] != MAGIC:
        raise Rejected(Reason.MAGIC)
    if datagram[2] != VERSION or datagram[3] > FLAG_GREETING:
        raise Rejected(Reason.VERSION)
