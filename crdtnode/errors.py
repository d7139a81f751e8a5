"""The one tree of errors: each class says who erred, and whether our state changed.

Whoever catches `CrdtNodeError` catches everything that this package raises on purpose. An error
that a peer caused never leaves the room that found it as a crash: the engine turns it into a
counted drop.
"""


class CrdtNodeError(Exception):
    """Root of everything that this package raises on purpose."""


class MalformedMessage(CrdtNodeError):
    """A peer sent bytes that are no message of this protocol. Nothing here changed."""


class Rejected(CrdtNodeError):
    """A seal did not open: somebody sent bytes not meant for us, or forged. Nothing here changed.

    Attributes:
        reason: One of the constants of `crdtnode.wire.seal.Reason`, a short constant text that
            is safe as a counter's label.
        key_id: 8 hex digits of the key id that was named in clear, where the reason is a foreign
            key, else empty. Nobody vouches for it: it is for the log.
    """

    def __init__(self, reason: str, key_id: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.key_id = key_id


class KeyringError(CrdtNodeError):
    """A keyring's text or its keys cannot be used. Whoever wrote the file erred; nothing changed.

    Attributes:
        line: The line of the text that is wrong, counted from 1; 0 where no single line is.
    """

    def __init__(self, why: str, line: int = 0) -> None:
        super().__init__(f"line {line}: {why}" if line else why)
        self.line = line


class PeersError(CrdtNodeError):
    """The file of remembered addresses cannot be used. Whoever named it erred; nothing changed."""


class InvalidAddress(CrdtNodeError, ValueError):
    """Whoever wrote an address erred: it cannot be ``host[:port]``. Nothing changed."""

    def __init__(self, text: str, why: str) -> None:
        super().__init__(f"{text!r} is no address: {why}; write host or host:port")


class CannotBind(CrdtNodeError):
    """The address to listen on is not ours to take. Nothing is bound, no node was started."""

    def __init__(self, address: str, why: str) -> None:
        super().__init__(f"cannot listen on {address}: {why}")


class InsecureBind(CrdtNodeError):
    """The operator asked for a node that strangers could reach and write to; none was started."""

    def __init__(self, address: str) -> None:
        super().__init__(
            f"{address} can be reached from other hosts and there is no keyring: make one with "
            "`crdtnode key new`, or say insecure (--insecure) to let everybody in"
        )


class NotAcknowledged(CrdtNodeError, TimeoutError):
    """No other member acknowledged in time. The writes stand here and go on being sent."""


class NoAnswer(CrdtNodeError, TimeoutError):
    """A member did not answer what the caller wanted to know of it. Nothing changed."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name!r} did not answer; is it of an older version?")


class NotConverged(CrdtNodeError, TimeoutError):
    """Members still held another state when the time was over. Nothing changed by asking.

    Attributes:
        differing: Names of live members that hold another state, sorted.
        silent: Names of live members that did not answer, sorted.
    """

    def __init__(self, differing: list[str], silent: list[str]) -> None:
        parts = [f"{', '.join(differing)} differ"] if differing else []
        parts += [f"{', '.join(silent)} did not answer"] if silent else []
        super().__init__("; ".join(parts) or "no other member has been met yet")
        self.differing = differing
        self.silent = silent


class UnknownMember(CrdtNodeError, LookupError):
    """The caller named a member that is not known here, or of no use to it. Nothing changed."""

    def __init__(self, name: str, why: str | None = None) -> None:
        super().__init__(f"no member is called {name!r}" if why is None else f"{name!r} is {why}")


class MemberLives(CrdtNodeError):
    """The caller wanted to forget a member that is not gone. Nothing changed."""

    def __init__(self, name: str, state: str) -> None:
        super().__init__(f"{name!r} is {state}: it would only come back; stop it, or wait")


class NodeClosed(CrdtNodeError):
    """The caller used a node after its ``async with`` block, or after it left. Nothing changed."""

    @classmethod
    def by_leaving(cls) -> "NodeClosed":
        """What becomes of a write on a node that leaves."""
        return cls("this node leaves, or has left: nobody would hear of it")


class Forked(CrdtNodeError):
    """A process inherited a node by ``fork`` and used it; only the parent owns it. Nothing changed.

    Two processes that act as one replica would give the same identity to different updates.
    """

    def __init__(self) -> None:
        super().__init__("this node lives in the parent process; open one of your own after a fork")


class NotSupported(CrdtNodeError):
    """The caller asked for something that this version does not do yet. Nothing changed."""


class FaultsNotAllowed(CrdtNodeError):
    """The caller asked for a fault on a node that was not started for it. Nothing changed."""

    def __init__(self) -> None:
        super().__init__("faults are off; start the node with --allow-faults to test with them")


class BrokenInvariant(CrdtNodeError):
    """Our own code is wrong, and going on would spin or do harm. The node stops, loudly."""


class InvalidName(CrdtNodeError, ValueError):
    """An object's name is empty, too long, or has control characters.

    Whoever chose it erred; nothing changed.
    """


class UnknownType(CrdtNodeError, LookupError):
    """A type tag or class is not known here. Nothing changed.

    The caller has not registered it, or the peer that named it knows more types.
    """


class TypeConflict(CrdtNodeError, TypeError):
    """The caller opened a name as one type that is known here as another. Nothing changed.

    Attributes:
        name: The name.
        tags: The type tags under which it is known here.
    """

    def __init__(self, name: str, wanted: str, tags: list[str]) -> None:
        super().__init__(f"{name!r} is {' and '.join(tags)} here, not {wanted}")
        self.name = name
        self.tags = tags


class ObjectTooLarge(CrdtNodeError, ValueError):
    """The caller changed an object that is over `max_object_bytes`, or would be. Nothing changed."""


class NoLifeLeft(CrdtNodeError, ValueError):
    """The caller wrote to a removed object that cannot begin another life. Nothing changed.

    No object is removed so often; a hostile or broken member said that it was. Use another name.
    """


class ChangeInProgress(CrdtNodeError, RuntimeError):
    """The caller began to change an object inside another change of it. Nothing changed."""


class ChangeRequired(CrdtNodeError, RuntimeError):
    """The caller mutated a part of a hand-written object outside a ``change`` block of it.

    Nobody would notice, and no other node would hear of it. Nothing changed.
    """


class InvalidState(CrdtNodeError, ValueError):
    """A hand-written type, or the caller's change of it, left a state that cannot be replicated.

    The object is again as it was before.
    """
