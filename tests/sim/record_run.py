"""Run one seed on an engine and print every delivered event, then the trace hash: for two-process tests."""

import sys

from crdtnode.sim import Plan, World
from crdtnode.sim.on_trio import play


def main(seed: int, engine: str) -> None:
    world = World(Plan.random(seed=seed, duration=6.0), record=True)
    result = play(world) if engine == "trio" else world.run()
    for happening in world.trace.happenings or []:
        print(happening)
    print(result.trace_hash)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
