"""Members as others may see them."""

from collections.abc import Mapping
from dataclasses import dataclass

from crdtnode.protocol.effects import Address
from crdtnode.protocol.members import Member


@dataclass(frozen=True, slots=True)
class MemberView:
    """One member, as it was known when it was asked for."""

    name: str
    addresses: tuple[Address, ...]
    state: str
    boot: bytes
    incarnation: int
    tags: Mapping[str, str]
    root_equal: bool | None
    """Whether its root was ours when it told it last; None where it has not told one."""
    rtt: float | None
    """Smoothed round trip, seconds."""
    is_self: bool


def view(member: Member, *, is_self: bool, root_equal: bool | None) -> MemberView:
    """What others may see of a member."""
    return MemberView(
        name=member.name,
        addresses=member.addresses,
        state=member.state.name.lower(),
        boot=member.boot,
        incarnation=member.incarnation,
        tags=dict(member.tags),
        root_equal=root_equal,
        rtt=member.rtt,
        is_self=is_self,
    )
