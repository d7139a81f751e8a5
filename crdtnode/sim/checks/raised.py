"""An engine never raises, whatever arrives; neither does a type that accepted a call's arguments.

Rule of this file: the world tells; nothing is looked for.
"""

from crdtnode.sim.checks.check import Check


class NothingRaised(Check):
    """The run itself calls `violate` when something raises, and then ends."""

    name = "nothing-raised"
    sentence = "No engine and no type raises an exception."
