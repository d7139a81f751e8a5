"""How many pushes are worth it: under overload they are dropped, and repair carries what they held.

Repair moves many changes at a fraction of the price, so that dropping pushes is how a node
catches up. Nothing is lost by it but time.
"""


class Bucket:
    """Tokens: so many come back each second, and as many may be there at most.

    Args:
        rate: Tokens a second.
    """

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._left = rate
        self._since = float("-inf")

    def take(self, tokens: int, now: float) -> bool:
        """Take tokens if they are there; else none."""
        self._left = min(self._rate, self._left + (now - self._since) * self._rate)
        self._since = now
        if self._left < tokens:
            return False
        self._left -= tokens
        return True
