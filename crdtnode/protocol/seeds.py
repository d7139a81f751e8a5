"""Seeds: addresses to join through, tried for ever until a member answers there.

A seed that answered needs nothing more while the member that answered is alive; when it is gone
the seed is tried again, which is how a cluster that was restarted or split finds together.
"""

from dataclasses import dataclass
import random

from crdtnode.config import Settings
from crdtnode.protocol.effects import Address
from crdtnode.protocol.members import Members


@dataclass(slots=True)
class Seed:
    """One address, and how trying it goes."""

    address: Address
    at: float
    delay: float
    boot: bytes | None = None
    """Who answered there last."""
    conn: int | None = None
    """The stream by which it is being tried."""
    failed: str = ""
    """Why the last try failed."""


class Seeds:
    """All seeds of this node."""

    def __init__(self, members: Members, settings: Settings, chance: random.Random) -> None:
        self._members = members
        self._settings = settings
        self._chance = chance
        self._seeds: dict[Address, Seed] = {}

    def add(self, address: Address, now: float) -> None:
        """Try this address now, and again until it is reached."""
        self._seeds[address] = Seed(address, now, self._settings.rejoin_first)

    def drop(self, seed: Seed) -> None:
        """Never try this one again: it is our own address."""
        self._seeds.pop(seed.address, None)

    def trying(self, conn: int) -> Seed | None:
        """The seed that is tried by this stream."""
        return next((s for s in self._seeds.values() if s.conn == conn), None)

    def reached(self, seed: Seed, boot: bytes) -> None:
        """A process answered there."""
        seed.boot, seed.conn = boot, None
        seed.delay, seed.failed = self._settings.rejoin_first, ""

    def failed(self, seed: Seed, why: str, now: float) -> None:
        """Nobody answered: try again later."""
        seed.conn, seed.boot, seed.failed = None, None, why
        seed.at = now + seed.delay * self._chance.uniform(0.75, 1.25)
        seed.delay = min(seed.delay * 2, self._settings.rejoin_most)

    def lost(self, boot: bytes, now: float) -> None:
        """A member is gone: the seed where it answered is to be tried again."""
        for seed in self._seeds.values():
            if seed.boot == boot:
                self.failed(seed, "its member is gone", now)

    @property
    def unreached(self) -> list[Seed]:
        """Seeds where no member answered."""
        return [seed for seed in self._seeds.values() if seed.boot is None]

    @property
    def deadline(self) -> float:
        """When the next seed is to be tried."""
        waiting = (s.at for s in self._seeds.values() if s.boot is None and s.conn is None)
        return min(waiting, default=float("inf"))

    def due(self, now: float) -> list[Seed]:
        """Seeds to be tried now."""
        return [s for s in self.unreached if s.conn is None and s.at <= now]
