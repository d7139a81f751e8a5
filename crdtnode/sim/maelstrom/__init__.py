"""A node that speaks Maelstrom's protocol: JSON lines on standard input and output.

Rule of this room: the node is a whole one, opened as in production; `transport` carries its
datagrams and streams in messages of the workbench, `service` answers the workbench's clients.

Maelstrom (by Kyle Kingsbury, https://github.com/jepsen-io/maelstrom) starts processes, routes what
they print to each other, loses, delays and cuts, and checks what its clients saw. Workloads: echo,
broadcast, g-set, g-counter and pn-counter.
"""

from crdtnode.sim.maelstrom.service import WORKLOADS as WORKLOADS
from crdtnode.sim.maelstrom.service import serve as serve
