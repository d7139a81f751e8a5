"""Plain counters; the only place that knows their names.

A counter is a number in a dictionary: the hot path does ``metrics.dropped["forged"] += 1`` and
nothing else. Labels come from fixed sets or are bounded by ``Tally``.
"""

from collections import defaultdict
from collections.abc import Mapping


class Tally(defaultdict[str, int]):
    """Counts by label; labels beyond ``most`` are counted as ``"other"``, so nothing grows."""

    def __init__(self, most: int = 256) -> None:
        super().__init__(int)
        self._most = most

    def add(self, label: str, amount: int = 1) -> None:
        """Raise the count of ``label``."""
        if label not in self and len(self) >= self._most:
            label = "other"
        self[label] += amount


class Longest(Tally):
    """The longest time so far by label, in whole milliseconds."""

    def took(self, label: str, seconds: float) -> None:
        """Note how long something took."""
        ms = int(seconds * 1000)
        if ms > self.get(label, 0):
            self.add(label, ms - self.get(label, 0))


class Metrics:
    """All counters of one node."""

    def __init__(self) -> None:
        self.packets_sent = Tally()
        """Messages sent, by kind."""
        self.packets_received = Tally()
        """Messages received and understood, by kind."""
        self.bytes_sent = Tally()
        """Bytes handed to the transport, by ``udp`` or ``tcp``."""
        self.bytes_received = Tally()
        """Bytes taken from the transport, by ``udp`` or ``tcp``."""
        self.dropped = Tally()
        """What arrived and was not used, by reason."""
        self.send_errors = Tally()
        """Datagrams that the kernel refused, by receiver and error (``10.0.0.5:27380 EPERM``)."""
        self.joins = Tally()
        """States and deltas joined, by type and whether the object grew (``orset@1/changed``)."""
        self.repairs = Tally()
        """Repair sessions ``begun``, those that went ``deep``ly past what changed lately and those that
        walked down a ``trie``; ``busy`` peers, and ``strike`` for each answer that did not help."""
        self.contained = Tally()
        """Exceptions that were caught, logged and survived, by room."""
        self.longest_ms = Longest()
        """Milliseconds that the longest call of the engine took, by what it was for; 0 is left out.
        Nothing else runs in that time, no answer to a probe either."""

    def snapshot(self) -> Mapping[str, Mapping[str, int]]:
        """All counts as plain dictionaries, sorted by label."""
        return {name: dict(sorted(tally.items())) for name, tally in sorted(vars(self).items())}
