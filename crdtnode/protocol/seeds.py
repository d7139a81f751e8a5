"""Seeds: addresses to join through, tried for ever until a member answers there.

A seed needs nothing more while the process that answered there, or of which others say that it
lives there, is a member and alive. When it is gone, or when the stream broke before it told us who
is here, the seed is tried again: so a cluster that was restarted or split finds together.
"""

import random

from crdtnode.config import Settings
from crdtnode.protocol.absent import patience
from crdtnode.protocol.effects import Address
from crdtnode.protocol.members import Members
from crdtnode.values import struct


@struct
class Seed:
    """One address, and how trying it goes."""

    address: Address
    at: float
    delay: float
    boot: bytes | None = None
    """Who answered there last; while nobody tries it, a member that is alive or suspect."""
    conn: int | None = None
    """The stream by which it is being tried."""
    since: float = 0.0
    """Since when nobody is known to be there."""
    remembered: bool = False
    """True where nobody asked for it: a member lived there once."""
    failed: str = ""
    """Why the last try failed."""


REMEMBERED_MOST = 64
"""Addresses of former members that are kept as seeds; the oldest is forgotten."""

AT_ONCE = 1
"""Seeds that are tried at once."""

STAGGER = 0.05
"""Seconds between the first tries of further ones: mostly we know who lives there by then."""

NEVER = float("inf")


class Seeds:
    """All seeds of this node."""

    def __init__(self, members: Members, settings: Settings, chance: random.Random) -> None:
        self._members = members
        self._settings = settings
        self._chance = chance
        self._seeds: dict[Address, Seed] = {}

    def add(self, address: Address, now: float) -> None:
        """Try this address now, and again until it is reached."""
        before = sum(seed.address != address for seed in self.unreached)
        at = now + STAGGER * max(0, before + 1 - AT_ONCE)
        self._seeds[address] = Seed(address, at, self._settings.rejoin_first, since=now)

    def remember(self, address: Address, now: float) -> None:
        """A member lived here, and is gone for long, or since before we began: look now and then."""
        if address in self._seeds:
            return
        remembered = [seed for seed in self._seeds.values() if seed.remembered]
        if len(remembered) >= REMEMBERED_MOST:
            self.drop(remembered[0])
        self.add(address, now)
        self._seeds[address].remembered = True

    def drop(self, seed: Seed) -> None:
        """Never try this one again: it is our own address."""
        del self._seeds[seed.address]

    def trying(self, conn: int) -> Seed | None:
        """The seed that is tried by this stream."""
        return next((s for s in self._seeds.values() if s.conn == conn), None)

    def over(self, seed: Seed, why: str, now: float) -> None:
        """The stream by which a seed was tried has ended."""
        seed.conn = None
        if self._reached(seed):
            seed.delay, seed.failed = self._settings.rejoin_first, ""
            seed.since = now
        else:
            self._later(seed, why, now)

    def lost(self, boot: bytes, now: float) -> None:
        """A member is gone: the seed where it answered is to be tried again."""
        for seed in self._seeds.values():
            if seed.boot == boot:
                seed.since = now
                self._later(seed, "its member is gone", now)

    def _later(self, seed: Seed, why: str, now: float) -> None:
        seed.boot, seed.conn = None, None
        if why != "eof" or not seed.failed:  # what it said before it hung up tells more
            seed.failed = why
        seed.at = now + seed.delay * self._chance.uniform(0.75, 1.25)
        most = patience(now - seed.since, self._settings.rejoin_most)
        seed.delay = min(seed.delay * 2, most)

    def _reached(self, seed: Seed) -> bool:
        member = None if seed.boot is None else self._members.booted(seed.boot)
        return member is not None and member.talks

    @property
    def addresses(self) -> list[Address]:
        """All of them."""
        return list(self._seeds)

    @property
    def unreached(self) -> list[Seed]:
        """Seeds where no member answered."""
        return [seed for seed in self._seeds.values() if not self._reached(seed)]

    @property
    def deadline(self) -> float:
        """When the next seed is to be tried."""
        due = NEVER
        for seed in self._seeds.values():
            if seed.boot is None and seed.at < due and seed.conn is None:
                due = seed.at
        return due

    def due(self, now: float) -> list[Seed]:
        """Seeds to be tried now."""
        due = [s for s in self.unreached if s.conn is None and s.at <= now]
        if due:
            homes = {m.address: m.boot for m in self._members.talking()}
            for seed in due:
                seed.boot = homes.get(seed.address)
        return [seed for seed in due if seed.boot is None]
