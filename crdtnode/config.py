"""Every setting of a node, with its unit, its default, and what raising it buys and costs.

The values are read by the engine and by the node that drives it; nothing else holds a number of
its own. Times are float seconds, sizes end in ``_bytes``.
"""

from dataclasses import dataclass, fields
import math
from typing import Final

DEFAULT_PORT = 27380
"""UDP and TCP port on which nodes meet, when an address names none."""

PROTOCOL = 1
"""Major version of the wire protocol; nodes with another one are refused with a readable reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What an operator may tune; the defaults suit a LAN of up to a few hundred nodes."""

    probe_period: float = 1.0
    """Seconds between two probes by one node. Higher costs less traffic, lower finds the dead
    sooner. Source: SWIM (Das, Gupta, Motivala 2002), section 4.1."""

    probe_timeout_least: float = 0.1
    """Least seconds a probed peer has to answer by itself. Higher forgives slow links."""

    probe_timeout_most: float = 0.3
    """Most seconds a probed peer has to answer by itself, however long its round trip was."""

    probe_verdict: float = 0.5
    """Seconds after which a probe without direct, relayed or TCP answer makes a suspect."""

    indirect_probes: int = 3
    """Members asked to probe a silent one. More tell a lost link from a lost node more surely, and
    cost two packets each. Source: SWIM, section 3.1."""

    suspicion_refused: float = 0.3
    """Seconds a suspect has to refute when two members saw its port refuse: its process is gone."""

    suspicion_silent: float = 1.5
    """Seconds a suspect has to refute when nothing answered. Higher forgives long loss, lower
    finds vanished hosts sooner."""

    suspicion_busy: float = 10.0
    """Seconds a suspect has to refute when its port accepts but the process is silent: its host
    lives, the process is slow or stopped."""

    sleep_noticed: float = 2.0
    """Seconds by which a wake must be late for the node to conclude that it slept (a stopped
    process, a suspended machine), to refute and to forgive all suspects."""

    sleep_reborn: float = 5.0
    """Seconds by which a wake must be late for the node to go on under a new boot id, as if it
    had been started again: a copy of it may have been awake meanwhile (a cloned virtual
    machine), and two processes that seal under one boot id give the key away. Higher spares the
    members the news of a new process after short stops."""

    member_forgotten: float = 86_400.0
    """Seconds after which a dead or left member drops off the list."""

    rejoin_first: float = 0.25
    """Seconds before a seed that could not be reached is tried again; doubles each time."""

    rejoin_most: float = 2.0
    """Most seconds between two tries of a seed that cannot be reached."""

    flush_window: float = 0.005
    """Seconds during which writes gather into one push while the node is busy; an idle node
    flushes at once. Higher saves packets, lower saves time."""

    flush_window_most: float = 0.05
    """Most seconds that writes gather when there is much to flush, or no time to do it."""

    push_items: int = 20_000
    """Changes a second that a node pushes, its own and those that it relays; what is beyond that
    repair carries, at less cost. Higher keeps delays short under load, lower saves the network."""

    retry_least: float = 0.02
    """Least seconds before an unacknowledged push is sent again."""

    retry_times: int = 8
    """Times a push to a silent member is sent again before repair is left to carry it; twice as
    often while few wait for that member. Higher gets through more loss, and costs more packets."""

    ack_delay: float = 0.002
    """Least seconds between two times of acknowledging, so that acknowledgements to one peer travel
    together; who acknowledged nothing for longer does so at once. Higher saves packets."""

    recents_age: float = 10.0
    """Seconds for which a changed object is named in probes, so that small differences are found
    without the trie."""

    recents_count: int = 32
    """Recently changed objects named in one probe."""

    hot_ping: float = 0.02
    """Seconds until the next probe after a repair changed something: repair spreads at this pace."""

    roots_timeout: float = 0.1
    """Seconds a member has to tell its root when ``status`` or ``converged`` ask for it."""

    leave_timeout: float = 0.3
    """Seconds a leaving node waits for somebody to acknowledge that it left."""

    stream_idle: float = 10.0
    """Seconds after which an unused TCP stream is closed."""

    stream_greeting: float = 3.0
    """Seconds within which a new TCP stream must prove that it knows the key."""

    streams_most: int = 256
    """TCP streams open at once; further ones are refused. More cost file descriptors."""

    datagram_bytes: int = 1200
    """Largest datagram sent, seal included: fits every link without fragments."""

    chunk_bytes: int = 32_768
    """Size at which a batch of repair items is cut into one message. Higher saves a few bytes, lower
    keeps single calls of the engine short."""

    work_items: int = 128
    """Items joined in one call of the engine before it yields; bounds how long a probe can wait."""

    max_object_bytes: int = 16 * 1024 * 1024
    """Largest object; a local change that would build on a larger one is refused."""

    def __post_init__(self) -> None:
        """Refuse what no node can live with.

        Raises:
            TypeError: A setting is no number of its kind; the message names it.
            ValueError: It is too small, too large, or not finite; the message names it.
        """
        for one in fields(self):
            _check(one.name, getattr(self, one.name), type(one.default))
        for least, most in _ORDERED:
            if getattr(self, least) > getattr(self, most):
                raise ValueError(f"{least} is more than {most}")


_BOUNDS: Final[dict[str, tuple[int, float]]] = {
    "datagram_bytes": (512, 8192),
    "streams_most": (0, math.inf),
}
"""Whole numbers are at least 1, except for these."""

_ORDERED: Final = (
    ("probe_timeout_least", "probe_timeout_most"),
    ("rejoin_first", "rejoin_most"),
    ("flush_window", "flush_window_most"),
    ("sleep_noticed", "sleep_reborn"),
)
"""Settings of which the first is never more than the second."""


def _check(name: str, number: object, kind: type) -> None:
    if kind is int:
        least, most = _BOUNDS.get(name, (1, math.inf))
        if type(number) is not int:
            raise TypeError(f"{name} is a whole number, not {number!r:.40}")
        if not least <= number <= most:
            limit = f"at least {least}" if number < least else f"at most {most}"
            raise ValueError(f"{name} is {limit}, not {number}")
    elif not isinstance(number, float | int) or isinstance(number, bool):
        raise TypeError(f"{name} is a number of seconds, not {number!r:.40}")
    elif not 0 < number < math.inf:
        raise ValueError(f"{name} is more than 0 and finite, not {number}")
