"""How much work something is, whatever machine it runs on."""

from collections.abc import Callable
import sys
from typing import Any


def steps_of(act: Callable[[], object]) -> int:
    """Count the calls, lines and returns of Python while ``act`` runs."""
    steps = 0

    def count(frame: Any, event: str, arg: object) -> Any:
        nonlocal steps
        steps += 1
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        act()
    finally:
        sys.settrace(before)
    return steps
