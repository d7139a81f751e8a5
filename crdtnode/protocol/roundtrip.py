"""How long an answer takes: the averages that waiting follows."""


def smoothed(rtt: float | None, varies: float, measured: float) -> tuple[float, float]:
    """Take one round trip into the average of them and of their deviation.

    Args:
        rtt: The average so far in seconds; None before the first.
        varies: The deviation so far.
        measured: The new one.

    Source:
        RFC 6298, section 2.
    """
    if rtt is None:
        return measured, measured / 2
    return rtt + (measured - rtt) / 8, varies + (abs(measured - rtt) - varies) / 4
