"""Where a node's chance and its wall-clock time come from.

Rule of this file: a node asks the machine; a simulated one is handed both, so that its run happens
again.
"""

from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
import os
from random import Random
from typing import Final

from crdtnode.node.clock import wall_clock
from crdtnode.wire.messages import BOOT_BYTES

_REPLICA_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class Nature:
    """Chance and time, as the machine gives them unless others are given."""

    entropy: Callable[[int], bytes] = os.urandom
    """So many bytes that nobody can guess."""
    clock: Callable[[], int] = wall_clock
    """Whole milliseconds since 1970."""

    def boot(self) -> bytes:
        """What tells this process from all others."""
        return self.entropy(BOOT_BYTES)

    def replica(self) -> str:
        """A fresh replica id: 64 random bits as 11 base64url characters."""
        return urlsafe_b64encode(self.entropy(_REPLICA_BYTES)).decode().rstrip("=")

    def chance(self) -> Random:
        """A stream of chance for the engine."""
        return Random(self.entropy(BOOT_BYTES))
