"""Changes that no datagram holds: announced down a narrow tree, sent to whoever pulls them.

An announcement is a datagram like any other push: acknowledged, repeated, taken over. Who lacks
that version of the object pulls it from the announcer, by stream, and announces it to its own part
of the ring when it holds it. So nobody uploads a large change more than a few times, none is sent
to where it is already, and none waits in a queue for the dead.

A change that one message holds travels as one push. What is larger goes in pieces, as repair sends
large objects: the puller joins each as it comes, and keeps them for those who will pull them from it.
"""

from collections.abc import Iterable
from dataclasses import field

from crdtnode.protocol.deliveries import Deliveries
from crdtnode.protocol.division import Division, Pieces
from crdtnode.protocol.joins import Repaired
from crdtnode.protocol.mail import Send, to
from crdtnode.protocol.members import Member
from crdtnode.protocol.receipts import Receipts
from crdtnode.protocol.repair import Repair
from crdtnode.protocol.spreading import Spreading
from crdtnode.registry import Registry
from crdtnode.values import struct
from crdtnode.wire import codec
from crdtnode.wire.messages import Announce, Item, Pull, Push

FANOUT = 4
"""Parts of the ring. More make the tree flatter, and everybody in it upload more often."""

HELD_BYTES = 64 * 1024 * 1024
"""Changes that wait to be pulled; further ones are not announced, repair carries them."""

PATIENCE = 1.0
"""Seconds for which an object that is being pulled from one member is not pulled from another."""

PULLS_MOST = 1024
"""Pulls that are remembered."""


@struct
class _Pulled:
    """A change that we asked a member for."""

    member: Member
    announce: Announce
    heard: float
    """When we asked for it, or something of it came."""


@struct
class _Coming:
    """The pieces of a change that came so far."""

    items: list[Item] = field(default_factory=list)
    size: int = 0

    def add(self, item: Item) -> None:
        """Keep a piece; nothing, once they are too many to be handed on."""
        self.size += codec.pack_size(item)
        if self.size > HELD_BYTES:
            self.items.clear()
        self.items.append(item)


class Announcing:
    """What we announce, and what we pull."""

    def __init__(
        self,
        registry: Registry,
        repair: Repair,
        spreading: Spreading,
        deliveries: Deliveries,
        receipts: Receipts,
    ) -> None:
        self._registry = registry
        self._repair = repair
        self._spreading = spreading
        self._deliveries = deliveries
        self._receipts = receipts
        self._announced: dict[int, int] = {}
        self._pieces: dict[int, Pieces] = {}
        self._giving: dict[bytes, set[int]] = {}
        self._pulled: dict[tuple[int, int], _Pulled] = {}
        self._broken: set[int] = set()
        self._coming: dict[tuple[bytes, int], _Coming] = {}

    def begin(
        self, id_: int, place: int, version: int, change: bytes | Pieces, size: int, now: float
    ) -> list[Send]:
        """Announce a change of ours to everybody, if not too much waits already.

        Args:
            id_: A new id.
            place: The object's.
            version: Its version.
            change: The items, encoded, or one item in pieces.
            size: What is kept for those who pull it, in bytes.
            now: Monotonic time.
        """
        announce = self._announce(id_, (0, 0), place, version, change, size, now)
        return [] if announce is None else self._spreading.begin(announce, now, FANOUT)

    def _announce(
        self,
        id_: int,
        span: tuple[int, int],
        place: int,
        version: int,
        change: bytes | Pieces,
        size: int,
        now: float,
    ) -> Announce | None:
        self.let_go()
        if sum(self._announced.values()) + size > HELD_BYTES:
            return None
        self._announced[id_] = size
        if isinstance(change, bytes):
            return Announce(id_, *span, place, version, change)
        self._pieces[id_] = change
        self._repair.spreading[place] = now
        return Announce(id_, *span, place, version)

    def let_go(self) -> None:
        """Forget what nobody will pull any more."""
        if self._announced:
            over = [one for one in self._announced if not self._deliveries.waits(one)]
            for one in over:
                del self._announced[one]
                self._pieces.pop(one, None)
        if not self._pieces:
            self._repair.spreading.clear()

    def relay(self, push: Push, now: float) -> list[Send]:
        """Announce within its range what we pulled and have joined."""
        if not push.items:
            return []
        item = push.items[0]
        place = self._registry.fingerprints.place(item.tag, item.name)
        version = self._registry.refresh(place, now, at_once=False) or item.version
        self._pulled.pop((place, item.version), None)
        told = Announce(0, push.lo, push.hi, place, version)
        return self._hand_on(told, version, push.items_bytes, len(push.items_bytes), now)

    def _hand_on(
        self, told: Announce, version: int, change: bytes | Pieces, size: int, now: float
    ) -> list[Send]:
        """Announce within its range what was announced to us."""
        id_, span = self._deliveries.new_id(), (told.lo, told.hi)
        announce = self._announce(id_, span, told.place, version, change, size, now)
        return [] if announce is None else self._spreading.within(announce, now, FANOUT)

    def hear(self, member: Member, announce: Announce, now: float) -> list[Send]:
        """Pull what we lack, once; acknowledge what we hold."""
        if self._receipts.repeats(member, announce.id, now):
            return []
        place = announce.place
        if self._registry.refresh(place, now, at_once=False) == announce.version:
            self._receipts.acknowledge(member, announce.id, now)
            return []
        if place in self._broken:  # some of it is here: ask for the rest
            self._broken.discard(place)
            return self._repair.ask(member, place, now)
        if self._repair.comes(place, now):
            return []
        change = (place, announce.version)
        pulled = self._pulled.get(change)
        if pulled and pulled.member is not member and now - pulled.heard < PATIENCE:
            return []
        self._pulled[change] = _Pulled(member, announce, now)
        if len(self._pulled) > PULLS_MOST:
            del self._pulled[next(iter(self._pulled))]
        return [to(member, Pull((announce.id,)))]

    def pull(self, member: Member, pull: Pull, now: float) -> list[Send]:
        """Send what a member wants of what we announced to it; what is under way goes once."""
        out: list[Send] = []
        for id_ in pull.ids:
            told = self._deliveries.entrust(member, id_, now)
            if not isinstance(told, Announce):
                continue
            pieces = self._pieces.get(id_)
            if pieces is None:
                push = Push(id_, told.lo, told.hi, (), told.items_bytes)
                out.append(to(member, push, stream=True))
            else:
                self._giving.setdefault(member.boot, set()).add(id_)
                out += self._repair.hand(member, told.place, pieces, now)
        return out

    def goes_on(self, member: Member, now: float) -> None:
        """A member took another piece of what we send it: that it is not whole yet is no wonder."""
        giving = self._giving.get(member.boot, set())
        ended = {id_ for id_ in giving if not self._deliveries.put_off(member, id_, now)}
        giving -= ended
        for id_ in giving:
            pieces = self._pieces[id_].whole
            place = self._registry.fingerprints.place(pieces.tag, pieces.name)
            self._repair.spreading[place] = now
        if ended and not giving:
            del self._giving[member.boot]

    def came(self, member: Member, repaired: Iterable[Repaired], now: float) -> list[Send]:
        """Pieces of what we pulled came, and are joined; the last one makes it ours to announce."""
        out: list[Send] = []
        if not (self._pulled or self._coming or self._broken):
            return out  # nearly always
        for one in repaired:
            if one.part:
                self._keep(member, one, now)
                continue
            self._broken.discard(one.place)
            coming = self._coming.pop((member.boot, one.place), None)
            pulled = self._pulled.get((one.place, one.version))
            if pulled is not None and pulled.member is member:
                coming = coming or _Coming()
                coming.add(one.item)
                del self._pulled[one.place, one.version]
                self._receipts.acknowledge(member, pulled.announce.id, now)
                out += self._relay_pieces(pulled.announce, coming, now)
        return out

    def _keep(self, member: Member, one: Repaired, now: float) -> None:
        """Keep a piece for those who will pull it from us."""
        ours = [
            pulled
            for (place, _), pulled in self._pulled.items()
            if place == one.place and pulled.member is member
        ]
        for pulled in ours:
            pulled.heard = now
        if ours:
            self._coming.setdefault((member.boot, one.place), _Coming()).add(one.item)

    def _relay_pieces(self, told: Announce, coming: _Coming, now: float) -> list[Send]:
        version = self._registry.refresh(told.place, now, at_once=False)
        whole = coming.items[-1]._replace(of=0, context=None, version=version)
        division = Division(payload for item in coming.items for payload in item.payloads)
        return self._hand_on(told, version, Pieces(whole, division), coming.size, now)

    def broke(self, boot: bytes, coming: Iterable[int], now: float) -> bool:
        """The stream to this process broke; True if something was on its way to us.

        What we sent is announced anew, what we pulled may be pulled from others.

        Args:
            boot: The process.
            coming: Places of objects of which some pieces have come.
            now: Monotonic time.
        """
        self._deliveries.broke(boot, now)
        self._giving.pop(boot, None)
        self._coming = {key: items for key, items in self._coming.items() if key[0] != boot}
        lost = [change for change, pulled in self._pulled.items() if pulled.member.boot == boot]
        for change in lost:
            del self._pulled[change]
        came = set(coming)
        self._broken = came if len(self._broken) > PULLS_MOST else self._broken | came
        return bool(lost or came)
