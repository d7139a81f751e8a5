"""What the registry's book-keeping weighs, beside the objects that it keeps."""

from collections.abc import Callable
import gc
from itertools import count
import tracemalloc

from crdt import PNCounter
from crdtnode.registry import Registry

COUNT = 21_000
"""Fills the tables of dicts well, and is more than the ring of recent changes holds."""


def bytes_each(make: Callable[[int], object], number: int) -> float:
    gc.collect()
    tracemalloc.start()
    try:
        kept = make(number)
        gc.collect()
        return tracemalloc.get_traced_memory()[0] / number
    finally:
        tracemalloc.stop()
        del kept


def alone(number: int) -> object:
    objects = []
    for _ in range(number):
        objects.append(PNCounter())
        objects[-1].join(PNCounter.from_payload({"r": [1, 0]}))
    return objects


def arrived(number: int) -> object:
    ids = count()
    made = Registry(salt=b"s" * 16, replica=lambda: f"r{next(ids)}", clock=lambda: 1)
    for name in range(number):
        made.absorb("pncounter@1", f"object-{name}", 1, [{"r": [1, 0]}], 1.0)
    made.flush(1.0)
    return made


def test_an_object_that_arrived_costs_at_most_450_bytes_and_its_name_beside_itself() -> None:
    name_bytes = 60
    arrived(10)  # imports, and whatever else is made once
    beside = bytes_each(arrived, COUNT) - bytes_each(alone, 1000)
    assert 200 < beside - name_bytes < 450
