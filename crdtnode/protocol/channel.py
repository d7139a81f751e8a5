"""The boot id of this process, and the seals for everything that it sends and receives.

A channel comes in two makes with one shape: `sealed` for the world, `clear` for simulations, in
which encryption would cost most of the time and show nothing.
"""

from collections.abc import Callable

from crdtnode.values import struct
from crdtnode.wire import codec, frames
from crdtnode.wire.frames import ClearStream, StreamSeal
from crdtnode.wire.keyring import Keyring
from crdtnode.wire.messages import Message, UnknownKind
from crdtnode.wire.seal import ClearDatagrams, Datagrams


@struct
class Channel:
    """What the engine seals and opens with."""

    boot: bytes
    """16 random bytes: drawn at process start, and anew by `reborn`."""
    datagrams: Datagrams | ClearDatagrams
    stream_seal: Callable[[bytes, bytes, bool], StreamSeal | ClearStream]
    """Makes the seal of one stream from our boot id, a nonce and whether we opened it."""
    key_ids: tuple[str, ...]
    """8 hex digits for each key that opens here, the sealing one first."""
    secret: bool
    """True where a keyring keeps strangers out."""
    message_bytes_most: int
    """Longest body that a stream carries."""
    encode: Callable[[Message], bytes] = codec.encode
    decode: Callable[[bytes], Message | UnknownKind] = codec.decode

    def stream(self, nonce: bytes, initiator: bool) -> StreamSeal | ClearStream:
        """Make the seal of one stream, from 16 fresh random bytes and whether we opened it."""
        return self.stream_seal(self.boot, nonce, initiator)

    def reborn(self, boot: bytes) -> None:
        """Go on as another process: what was sealed for the old boot id opens no more."""
        self.boot = boot
        self.datagrams.reborn(boot)


def sealed(keyring: Keyring, cluster: str, boot: bytes) -> Channel:
    """Seal with a keyring; `Keyring.open_key(cluster)` is the one of people without."""
    return Channel(
        boot=boot,
        datagrams=Datagrams(keyring, cluster, boot),
        stream_seal=lambda *whose: StreamSeal(keyring, cluster, *whose),
        key_ids=tuple(keyring.key_id(key, cluster).hex() for key in keyring.keys),
        secret=keyring.secret,
        message_bytes_most=(
            frames.SECRET_MESSAGE_BYTES_MAX if keyring.secret else frames.OPEN_MESSAGE_BYTES_MAX
        ),
    )


def clear(cluster: str, boot: bytes) -> Channel:
    """Number and frame, but do not encrypt: for simulations only."""
    return Channel(
        boot=boot,
        datagrams=ClearDatagrams(cluster, boot),
        stream_seal=lambda *whose: ClearStream(cluster, *whose),
        key_ids=(),
        secret=False,
        message_bytes_most=frames.SECRET_MESSAGE_BYTES_MAX,
    )
