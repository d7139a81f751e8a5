"""What a run looked like: figures, a history, and pictures.

Rule of this room: it watches and never changes a run; a run that is reported has the same trace as
one that is not. Data goes one way: `watching` and `chronicle` watch, `figures` counts, `picture` draws shapes,
and `page`, `png` and `term` put these where people look.
"""

from crdtnode.sim.report.chronicle import Chronicle as Chronicle
from crdtnode.sim.report.figures import Figures as Figures
from crdtnode.sim.report.figures import Seeds as Seeds
from crdtnode.sim.report.watching import observe as observe
from crdtnode.sim.report.writing import write_report as write_report
