"""What is known of one member.

Members are changed in place: whoever holds one sees its latest address and state.
"""

from dataclasses import dataclass

from crdtnode.protocol.effects import Address
from crdtnode.protocol.roundtrip import smoothed
from crdtnode.wire.messages import MemberRecord, State

ADDRESSES_MOST = 8
"""Addresses kept of one member, the best first."""


@dataclass(slots=True, eq=False)
class Member:
    """What is known of one member. Times are on the monotonic clock of this process."""

    name: str
    boot: bytes
    incarnation: int
    state: State
    addresses: tuple[Address, ...]
    types: int
    protocol: int
    tags: dict[str, str]
    since: float
    """When it got into this state."""
    root: int | None = None
    """The last root that it told."""
    equal_at: float = float("-inf")
    """When its root was ours last."""
    lag: float | None = None
    """Seconds that it was behind us when it told its root last; None where that cannot be said."""
    held: int = 0
    """Objects set aside with it that explain why its root is not ours, as it said last."""
    rtt: float | None = None
    """Smoothed round trip, seconds."""
    rtt_varies: float = 0.0
    """Smoothed deviation of the round trip, seconds."""
    clock_ms: float | None = None
    """What its wall clock showed, by its own word, at 0 of our monotonic one."""
    met: bool = False
    """True once an authentic packet came from it; until then it is hearsay."""
    asked: float = float("-inf")
    """When it was last asked whether it lives, because of what others say."""
    counts: int = 0
    """What it adds to the roster's digest: 0 while it does not count."""
    shown: MemberRecord | None = None
    """News of it when watchers were told of it last."""
    told: MemberRecord | None = None
    """The news of it that was heard or made last."""
    told_bytes: int = 0
    """About what that takes; 0 where nobody has looked."""

    @property
    def address(self) -> Address:
        """Where to send."""
        return self.addresses[0]

    @property
    def talks(self) -> bool:
        """True while messages to it make sense: alive or suspect."""
        return self.state <= State.SUSPECT

    def lives_at(self, address: Address) -> bool:
        """Send there from now on; True where that is new."""
        if address == self.addresses[0]:
            return False
        others = [a for a in self.addresses if a != address]
        self.addresses = (address, *others)[:ADDRESSES_MOST]
        return True

    def record(self) -> MemberRecord:
        """This member as news; the same object as long as nothing is new."""
        made = self.told
        if (
            made is not None
            and made.incarnation == self.incarnation
            and made.state == self.state
            and made.addresses is self.addresses
            and made.tags is self.tags
            and made.name == self.name
            and made.types == self.types
        ):
            return made
        self.told_bytes = 0
        self.told = made = MemberRecord(
            name=self.name,
            boot=self.boot,
            incarnation=self.incarnation,
            state=self.state,
            addresses=self.addresses,
            types=self.types,
            protocol=self.protocol,
            tags=self.tags,
        )
        return made

    def measured(self, rtt: float) -> None:
        """Take one round trip into the averages."""
        self.rtt, self.rtt_varies = smoothed(self.rtt, self.rtt_varies, rtt)
