"""Our own health: who is late, or cannot be heard, does not judge others by their silence.

A process that was stopped, or starved of processor time, notices that a time is over before it has
read what waits in its socket, and that may well be the answer; a host whose own cable is out finds
everybody silent. Each such sign makes us judge more slowly, each answered probe a little less so.
Source: Lifeguard (Dadgar, Phillips, Currey 2018), local health multiplier.
"""

LATE = 0.05
"""Seconds by which a step must be late for our own slowness to be the likelier cause."""

GRACE = 0.05
"""Seconds in which to read what waits, before the step is taken after all."""

WORST = 8
"""The worst health; at 0 we are well."""

SIGN_PERIOD = 0.2
"""Seconds within which several bad signs count as one: mostly they have one cause."""

OUR_FAULT = frozenset({"EPERM", "EACCES", "ENETUNREACH", "ENETDOWN", "ENOBUFS", "EAGAIN"})
"""Errors of a send that say something about us, not about whom we wrote to."""


class Health:
    """How much longer than usual we wait before we judge others."""

    def __init__(self) -> None:
        self.score = 0
        """0 is well, `WORST` the worst."""
        self._signed = float("-inf")

    @property
    def factor(self) -> int:
        """By how much to lengthen a wait for somebody else's answer."""
        return 1 + self.score

    def worse(self, now: float) -> None:
        """A sign that something is wrong with us."""
        if now - self._signed >= SIGN_PERIOD:
            self._signed = now
            self.score = min(self.score + 1, WORST)

    def better(self) -> None:
        """A probe of ours was answered."""
        self.score = max(self.score - 1, 0)

    def send_failed(self, errno_name: str, now: float) -> None:
        """The kernel refused to send."""
        if errno_name in OUR_FAULT:
            self.worse(now)

    def put_off(self, due: float, now: float) -> float:
        """When a step that was due then is to be taken: then, or a little later where we are late."""
        if now - due <= LATE:
            return due
        self.worse(now)
        return now + GRACE
