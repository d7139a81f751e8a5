"""What must hold in every run: small classes, each with a name, a sentence and a verdict.

A check listens while the run goes on and looks at all nodes at its end. It shows the first
violation that it sees, with what a person needs to understand it. Write your own as a subclass of
`Check` and hand it to `crdtnode.sim.run`.
"""

from crdtnode.sim.checks.acknowledged import AcknowledgedIsHeld as AcknowledgedIsHeld
from crdtnode.sim.checks.bounds import NothingRunsAway as NothingRunsAway
from crdtnode.sim.checks.causality import CausalityDecides as CausalityDecides
from crdtnode.sim.checks.check import Check as Check
from crdtnode.sim.checks.converged import CaughtUpAfterHeal as CaughtUpAfterHeal
from crdtnode.sim.checks.converged import Converged as Converged
from crdtnode.sim.checks.damage import DamageChangesNothing as DamageChangesNothing
from crdtnode.sim.checks.dots import NoDotTwice as NoDotTwice
from crdtnode.sim.checks.expected import ExpectationsComeTrue as ExpectationsComeTrue
from crdtnode.sim.checks.histories import HistoriesLeadHere as HistoriesLeadHere
from crdtnode.sim.checks.members import MembersAreKnown as MembersAreKnown
from crdtnode.sim.checks.payloads import PayloadsAreLawful as PayloadsAreLawful
from crdtnode.sim.checks.raised import NothingRaised as NothingRaised
from crdtnode.sim.checks.reads import ReadsOnlyGrow as ReadsOnlyGrow
from crdtnode.sim.checks.same import SameUpdatesSameState as SameUpdatesSameState
from crdtnode.sim.checks.totals import CountersAddUp as CountersAddUp
from crdtnode.sim.checks.tries import FingerprintsAddUp as FingerprintsAddUp
from crdtnode.sim.checks.writes import NothingInvented as NothingInvented
from crdtnode.sim.checks.writes import NothingLost as NothingLost


def all_checks() -> list[Check]:
    """One new check of every kind."""
    return [
        NothingRaised(),
        SameUpdatesSameState(),
        Converged(),
        CaughtUpAfterHeal(),
        NothingLost(),
        AcknowledgedIsHeld(),
        CountersAddUp(),
        NothingInvented(),
        CausalityDecides(),
        NoDotTwice(),
        ReadsOnlyGrow(),
        MembersAreKnown(),
        NothingRunsAway(),
        DamageChangesNothing(),
        FingerprintsAddUp(),
        HistoriesLeadHere(),
        PayloadsAreLawful(),
        ExpectationsComeTrue(),
    ]
