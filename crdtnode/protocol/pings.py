"""What our pings and greetings say: who we are, our root, what changed lately, news of members."""

from collections.abc import Callable

from crdtnode.protocol.members import Member, Members
from crdtnode.protocol.news import News
from crdtnode.protocol.repair import Repair
from crdtnode.protocol.typesets import TypeSets
from crdtnode.registry import Registry
from crdtnode.wire.messages import NOBODY, Hello, Ping


class Pings:
    """Makes pings for members."""

    def __init__(self, members: Members, news: News, typesets: TypeSets, repair: Repair) -> None:
        self._members = members
        self._news = news
        self._typesets = typesets
        self._repair = repair

    def to(self, member: Member, round_: int, now: float) -> Ping:
        """A ping for this member; making one counts as telling the news that it carries."""
        return Ping(
            round=round_,
            root=self._typesets.root(member),
            news=self._news.aboard(member),
            recents=self._repair.recents(member, now),
            held=self._repair.held(member, now),
            roster=self._members.roster,
        )


def hellos(me: Member, cluster: str, registry: Registry) -> Callable[[bytes, bytes], Hello]:
    """Makes our greetings, from a fresh nonce and the one that they answer."""

    def hello(nonce: bytes, echo: bytes) -> Hello:
        return Hello(nonce, NOBODY, me.name, cluster, registry.types_hash, echo)

    return hello
