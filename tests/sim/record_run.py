"""Run one seed and print every delivered event, then the trace hash: for two-process tests."""

import sys

from crdtnode.sim import Plan, World


def main(seed: int) -> None:
    world = World(Plan.random(seed=seed, duration=6.0), record=True)
    result = world.run()
    for happening in world.trace.happenings or []:
        print(happening)
    print(result.trace_hash)


if __name__ == "__main__":
    main(int(sys.argv[1]))
