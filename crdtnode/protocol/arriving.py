"""What is coming: objects of which a context was told, or of which parts have come and not the last.

While one comes it is asked for nowhere else, and is not handed on half. A source that falls silent
is given up after a moment: the next probe, of whomever, goes on with what is still lacking.
"""

PATIENCE = 3.0
"""Seconds between two parts; less than that where the stream ends."""

MOST = 1024
"""Objects that are remembered."""

NOBODY: tuple[bytes, float] = (b"", float("-inf"))


class Arriving:
    """From whom each object comes, and when something of it was heard last, by place."""

    def __init__(self) -> None:
        self._sources: dict[int, tuple[bytes, float]] = {}

    def expect(self, place: int, boot: bytes, now: float) -> None:
        """Something of it comes, or has come, from this process."""
        self._sources.pop(place, None)
        self._sources[place] = boot, now
        if len(self._sources) > MOST:
            del self._sources[next(iter(self._sources))]

    def done(self, place: int) -> None:
        """All of it is here."""
        self._sources.pop(place, None)

    def forget(self, boot: bytes) -> list[int]:
        """Nothing more comes from this process; gives what was on its way."""
        lost = [place for place, source in self._sources.items() if source[0] == boot]
        for place in lost:
            del self._sources[place]
        return lost

    def comes(self, place: int, now: float) -> bool:
        """Whether it is on its way."""
        return now - self._sources.get(place, NOBODY)[1] < PATIENCE

    def coming(self, now: float) -> list[int]:
        """All that is on its way."""
        return [place for place, (_, heard) in self._sources.items() if now - heard < PATIENCE]

    def comes_from(self, place: int, boot: bytes, now: float) -> bool:
        """Whether it is on its way from this process."""
        return self._sources.get(place, NOBODY)[0] == boot and self.comes(place, now)
