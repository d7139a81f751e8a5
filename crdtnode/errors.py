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
