"""What came after each heal, in words.

Rule of this file: a heal that another fault came after is not the same as one after which the nodes
never agreed.
"""

from collections.abc import Iterator

from crdtnode.sim.report.figures import Figures
from crdtnode.sim.report.picture import seconds


def heals_in_words(figures: Figures) -> Iterator[tuple[str, str]]:
    """Of each heal: when it was, and how long it took until all were equal."""
    for number, healing in enumerate(figures.healings, 1):
        last = number == len(figures.healings)
        never = "never" if last else "not before the next fault"
        yield seconds(healing.at), never if healing.after_s is None else seconds(healing.after_s)
