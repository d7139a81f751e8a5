"""One deep session at a time: whoever walks down the tries with one peer tells others to wait.

A session has no end that both sides see, so it is a lease: each message of it renews the lease, and
equal roots or a moment's silence end it.
"""

LEASE = 0.25
"""Seconds of silence after which a deep session counts as over."""

WAIT_MS = 100
"""When to ask again, as others are told."""


class Deep:
    """With whom a deep session is under way."""

    def __init__(self) -> None:
        self._peer = b""
        self._until = float("-inf")
        self._ours = False

    def enter(self, boot: bytes, now: float, *, ours: bool) -> bool:
        """Begin a session, or go on with it; False where one with somebody else is under way.

        Args:
            boot: The peer.
            now: Monotonic time, float seconds.
            ours: It was we who said that what changed lately is not all.
        """
        if self._peer not in (b"", boot) and now < self._until:
            return False
        self._peer, self._until, self._ours = boot, now + LEASE, ours
        return True

    def with_(self, boot: bytes, now: float) -> bool:
        """True while a session with this peer is under way."""
        return self._peer == boot and now < self._until

    def began(self, boot: bytes, now: float) -> bool:
        """True where we began the session that is under way with this peer."""
        return self._ours and self.with_(boot, now)

    def renew(self, boot: bytes, now: float) -> None:
        """Something of the session was sent or came."""
        if self.with_(boot, now):
            self._until = now + LEASE

    def leave(self, boot: bytes) -> None:
        """The session with this peer is over."""
        if self._peer == boot:
            self._peer = b""
