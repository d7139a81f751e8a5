"""Who spoke to us under a key that is not ours: said to the operator, now and then.

Two nodes with unequal keys see nothing but silence from each other; each must be able to say so.
What a stranger sends is counted each time, and told once a while for each key that it named, so
that a flood neither fills the log nor the memory.
"""

from collections import OrderedDict

from crdtnode.errors import Rejected
from crdtnode.protocol.effects import Address, Event
from crdtnode.wire.seal import Reason

TOLD_AGAIN = 60.0
"""Seconds after which the same stranger is told of again."""

STRANGERS_MOST = 64
"""Foreign keys remembered; the one told of longest ago gives way."""

TELLING_PERIOD = 10.0
"""Seconds between two strangers that are told of, whoever they are."""


class Strangers:
    """Foreign keys that were told of."""

    def __init__(self) -> None:
        self._told: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._told_at = float("-inf")

    def met(self, address: Address, error: Rejected, now: float) -> list[Event]:
        """What to tell the operator about a packet or stream that did not open."""
        if error.reason not in (Reason.FOREIGN, Reason.FORGED):
            return []  # noise, not another node
        who = (address[0], error.key_id)
        if now - self._told_at < TELLING_PERIOD or not self._news(who, now):
            return []
        self._told_at = now
        fields: dict[str, object] = {
            "address": f"{address[0]}:{address[1]}",
            "reason": error.reason,
            "their_key": error.key_id,
        }
        return [Event("stranger", fields)]

    def refused(self, address: Address, fields: dict[str, object], now: float) -> list[Event]:
        """What to tell the operator about a node that will not talk with us, which we ask for ever.

        Args:
            address: Where it is.
            fields: What is known of it; ``reason`` is why.
            now: Monotonic time.
        """
        where = f"{address[0]}:{address[1]}"
        if not self._news((where, str(fields["reason"])), now):
            return []
        return [Event("refused", {"address": where, **fields})]

    def _news(self, who: tuple[str, str], now: float) -> bool:
        """True where this was not told lately; then it is told now."""
        if now - self._told.get(who, float("-inf")) < TOLD_AGAIN:
            return False
        self._told[who] = now
        self._told.move_to_end(who)
        if len(self._told) > STRANGERS_MOST:
            self._told.popitem(last=False)
        return True
