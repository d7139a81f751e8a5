"""Goodbye: others are told that we go on purpose, so that nobody has to find out.

It is over when a few have heard it and somebody holds our last writes, or when time is.
"""

from crdtnode.config import Settings
from crdtnode.protocol.confirmations import Confirmations
from crdtnode.protocol.deliveries import Deliveries
from crdtnode.protocol.mail import Send
from crdtnode.protocol.members import Members
from crdtnode.wire.messages import Leave, State

TOLD = 3
"""Members whose acknowledgement a leaving node waits for, at most."""

NEVER = float("inf")


class Leaving:
    """Our own leave, once it is begun."""

    def __init__(
        self,
        members: Members,
        deliveries: Deliveries,
        confirmations: Confirmations,
        settings: Settings,
    ) -> None:
        self._members = members
        self._deliveries = deliveries
        self._confirmations = confirmations
        self._settings = settings
        self._id = 0
        self._unheard = 0
        self.deadline = NEVER
        """When to give up waiting."""
        self.over = False
        """True once others know that we left, or the time for telling them is over."""

    def begin(self, now: float) -> list[Send]:
        """Say goodbye to everybody."""
        me = self._members.me
        if me.state is State.LEFT:
            return []
        me.state = State.LEFT
        me.incarnation += 1
        told = self._members.talking()
        self._id = self._deliveries.new_id()
        self._unheard = min(TOLD, len(told))
        self.deadline = now + self._settings.leave_timeout
        goodbye = Leave(self._id, me.record())
        return [send for member in told for send in self._deliveries.send(member, goodbye, now)]

    def acknowledged(self, id_: int) -> None:
        """A member acknowledged something; perhaps our goodbye."""
        if id_ == self._id:
            self._unheard -= 1

    def settle(self, now: float) -> bool:
        """True the one time when it is over."""
        if self.deadline == NEVER:
            return False
        heard = self._unheard <= 0 and (not self._confirmations.open or not self._members.talking())
        if not heard and now < self.deadline:
            return False
        self.deadline = NEVER
        self.over = True
        return True
