#!/usr/bin/env python3
"""How fast the simulator is: prints one JSON line for each figure.

Usage: ``scripts/bench_sim.py [--quick]``. Figures are in
processor time, so that a busy machine changes them little.
"""

if __name__ == "__main__":
    import own_python

    own_python.use()

from collections.abc import Iterator
import json
import logging
import platform
import resource
import sys
from time import process_time

from crdtnode import sim

QUICK = "--quick" in sys.argv[1:]
LIGHT = {"loss": 0.0, "duplicate": 0.0, "partition": "none", "crashes": 0, "trouble": 0}


def node_seconds(nodes: int, duration: float, writes: int) -> dict[str, object]:
    """Simulated node-seconds in one second, under light load, all checks on."""
    plan = sim.Plan.random(seed=1, nodes=nodes, duration=duration, writes=writes, **LIGHT)
    began = process_time()
    result = sim.run(plan)
    took = process_time() - began
    return {
        "figure": f"node-seconds per second, {nodes} nodes",
        "value": round(nodes * result.simulated_s / took),
        "unit": "1/s",
        "simulated_s": round(result.simulated_s, 3),
        "took_s": round(took, 3),
        "events": result.counts["events"],
        "us_per_event": round(took / result.counts["events"] * 1e6, 1),
        "verdict": str(result.verdict),
    }


def slower_on_trio(nodes: int, duration: float) -> dict[str, object]:
    """Processor time of whole nodes on trio, in that of engines on the heap; the same runs."""
    took = {"heap": 0.0, "trio": 0.0}
    same = True
    for seed in range(3):
        plan = sim.Plan.random(seed=seed, nodes=nodes, duration=duration)
        hashes = []
        for engine in ("heap", "trio"):
            began = process_time()
            hashes.append(sim.run(plan, on=engine).trace_hash)
            took[engine] += process_time() - began
        same = same and len(set(hashes)) == 1
    return {
        "figure": f"trio engine against heap engine, {nodes} nodes",
        "value": round(took["trio"] / took["heap"], 2),
        "unit": "times the processor time",
        "same_trace": same,
        "took_s": round(sum(took.values()), 3),
    }


def this_machine() -> dict[str, object]:
    """What plain Python does here in a second: other figures are to be read beside it."""
    began, counts = process_time(), {}
    for number in range(1_000_000):
        counts[number & 1023] = counts.get(number & 1023, 0) + 1
    return {
        "figure": "updates of a plain dict, for comparison",
        "value": round(1 / (process_time() - began), 1),
        "unit": "million/s",
    }


def seeds_per_minute(nodes: int, duration: float, seeds: int) -> dict[str, object]:
    """Drawn plans with all faults and all checks, in one minute on one core."""
    recipe = sim.Recipe(nodes=nodes, duration=duration)
    began = process_time()
    held = sum(o.verdict is sim.Verdict.HOLDS for o in sim.sweep(range(seeds), recipe))
    took = process_time() - began
    return {
        "figure": f"seeds per minute and core, {nodes} nodes, {duration:g} s",
        "value": round(seeds / took * 60),
        "unit": "1/min",
        "seeds": seeds,
        "held": held,
        "took_s": round(took, 3),
    }


def figures() -> Iterator[dict[str, object]]:
    """All figures, the small ones first."""
    yield this_machine()
    yield seeds_per_minute(5, 20.0, 20 if QUICK else 100)
    yield seeds_per_minute(7, 30.0, 10 if QUICK else 60)
    yield slower_on_trio(5, 5.0 if QUICK else 20.0)
    yield node_seconds(10, 60.0 if QUICK else 300.0, 20)
    yield node_seconds(100, 10.0 if QUICK else 30.0, 20)
    if not QUICK:
        yield node_seconds(1000, 30.0, 20)


def main() -> None:
    """Print every figure as soon as it is known."""
    logging.getLogger("crdtnode").addHandler(logging.NullHandler())  # what simulated nodes log
    for figure in figures():
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(json.dumps({**figure, "peak_mib": peak, "python": platform.python_version()}))
        sys.stdout.flush()


if __name__ == "__main__":
    main()
