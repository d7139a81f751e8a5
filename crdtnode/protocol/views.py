"""Members as others may see them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
import re
from typing import Final

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
    lag: float | None
    """Seconds since we ceased to hold the state that it told last: the age of the oldest of our
    versions that it lacked; 0 where it lacked none, None where it held something that we lack."""
    held: int
    """Objects on which it and we cannot agree and that explain why its root is not ours."""
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
        lag=0.0 if is_self else member.lag,
        held=member.held,
        rtt=member.rtt,
        is_self=is_self,
    )


_GIVEN_UP: Final = re.compile("(.+)~[0-9a-f]{4}(?:[0-9a-f]{8})?")
"""What a process is called that gave its name up; see `Members.rename`."""


def name_conflicts(views: Iterable[MemberView]) -> dict[str, str]:
    """Return who goes by another name than it was given, and by which: another member bears that."""
    names = [one.name for one in views if one.state in ("alive", "suspect")]
    found = {name: match[1] for name in names if (match := _GIVEN_UP.fullmatch(name))}
    return {name: wanted for name, wanted in sorted(found.items()) if wanted in names}
