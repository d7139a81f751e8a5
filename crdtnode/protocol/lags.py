"""How far behind us a member is: since when we no longer have the state that it has.

Every root that was ours is remembered for a while, with the moment in which another one took its
place. A member that tells one of them holds what we held until then: the oldest version of ours
that it lacks is as old as that. A root that was never ours tells only that the member has something
that we lack.
"""

from collections import OrderedDict

ROOTS_MOST = 4096
"""Roots of ours that are remembered. More tell the lag of members that are further behind."""


class Lags:
    """The roots that we had."""

    def __init__(self) -> None:
        self.root = 0
        """Our root now."""
        self._former: OrderedDict[int, float] = OrderedDict()

    def note(self, root: int, now: float) -> None:
        """This is our root now."""
        if root == self.root:
            return
        self._former[self.root] = now
        self._former.move_to_end(self.root)
        self._former.pop(root, None)  # it is ours again
        self.root = root
        if len(self._former) > ROOTS_MOST:
            self._former.popitem(last=False)

    def of(self, root: int, now: float) -> float | None:
        """Seconds that whoever has this root is behind us; None where it was never ours."""
        if root == self.root:
            return 0.0
        since = self._former.get(root)
        return None if since is None else now - since
