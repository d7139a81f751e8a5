"""The real engine: a process for each node, in a network namespace of its own.

Rule of this room: real clocks, real sockets, real processes, and one switch between them that does
to their packets what the plan says. It shows that reality agrees with the other two engines; a run
takes as long as its plan says, and no two are the same.

It needs Linux, root, the command ``ip`` and ``/dev/net/tun``; `why_not` says what is missing.
"""

from crdtnode.sim.real.run import CannotRun as CannotRun
from crdtnode.sim.real.run import run_for_real as run_for_real
from crdtnode.sim.real.wires import why_not as why_not
