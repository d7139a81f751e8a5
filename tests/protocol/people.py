"""Members and news of them, as the tests of the rooms need them."""

from crdtnode.protocol.members import Member, Members
from crdtnode.wire.messages import MemberRecord, State

ME = "a"


def boot(name: str) -> bytes:
    """The boot id that a test process of this name has."""
    return name.encode().ljust(16, b".")[:16]


def record(
    name: str,
    incarnation: int = 1,
    state: State = State.ALIVE,
    *,
    process: str | None = None,
    port: int = 1,
    **changes: object,
) -> MemberRecord:
    """News of a member; ``process`` where it is not the one that is called like the member."""
    fields: dict[str, object] = {
        "name": name,
        "boot": boot(process or name),
        "incarnation": incarnation,
        "state": int(state),
        "addresses": ((f"host-{process or name}", port),),
        "types": 7,
        "protocol": 1,
        "tags": {},
    }
    return MemberRecord(**(fields | changes))


def member(name: str, incarnation: int = 1, **changes: object) -> Member:
    """A member that is alive."""
    fields: dict[str, object] = {
        "name": name,
        "boot": boot(name),
        "incarnation": incarnation,
        "state": State.ALIVE,
        "addresses": ((f"host-{name}", 1),),
        "types": 7,
        "protocol": 1,
        "tags": {},
        "since": 0.0,
    }
    return Member(**(fields | changes))


def members(*names: str) -> Members:
    """A list with us, called "a", and these others."""
    everybody = Members(member(ME))
    everybody.hear([record(name) for name in names], now=0.0)
    return everybody
