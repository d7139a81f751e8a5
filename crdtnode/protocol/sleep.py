"""What a process does after it stood still: stopped, starved, or suspended with its machine.

What it knew of others is old, so it accuses nobody, and says that it lives. What queued up
meanwhile is thrown away. After a long stop it goes on as another process: it may have been copied
(a virtual machine that was suspended and cloned), and no two processes may ever seal under one boot
id. A clone whose clocks show no gap notices nothing.
"""

from collections.abc import Callable
import math

from crdtnode.config import Settings
from crdtnode.protocol.channel import Channel
from crdtnode.protocol.cluster import Cluster
from crdtnode.protocol.doorway import Doorway
from crdtnode.protocol.effects import Event
from crdtnode.protocol.outbound import Outbound
from crdtnode.protocol.streams import Streams
from crdtnode.wire.messages import BOOT_BYTES

DEAF = 0.05
"""Seconds after a sleep in which datagrams are thrown away: they queued up while we slept, and
judging by old news is worse than having none."""


class Sleep:
    """Wakes the rooms of one engine after a sleep."""

    def __init__(
        self,
        channel: Channel,
        streams: Streams,
        cluster: Cluster,
        doorway: Doorway,
        out: Outbound,
        settings: Settings,
        entropy: Callable[[int], bytes],
    ) -> None:
        self._channel = channel
        self._streams = streams
        self._cluster = cluster
        self._doorway = doorway
        self._out = out
        self._reborn = settings.sleep_reborn
        self._entropy = entropy
        self.deaf_until = -math.inf

    def over(self, late: float, now: float) -> None:
        """This process is awake again, so many seconds later than it meant to be."""
        self.deaf_until = now + DEAF
        boot = self._entropy(BOOT_BYTES) if late > self._reborn else None
        slept = Event("slept", {"seconds": round(late, 1), "reborn": boot is not None})
        self._out.carry([slept], now)
        if boot is not None:
            self._begin_anew(boot, now)
        self._out.carry(self._cluster.slept(now, boot), now)

    def _begin_anew(self, boot: bytes, now: float) -> None:
        for conn in self._streams.close_all("slept"):
            self._doorway.stream_over(conn, "slept", now)
        self._channel.reborn(boot)
