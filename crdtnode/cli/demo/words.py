"""A text becomes work for three nodes: each counts the words of its part, in three stretches.

Pure: text in, operations out, in the shape that ``crdtnode apply`` and ``POST /v1/batch`` take.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
import itertools
import re

Operation = dict[str, object]

_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")


def words(text: str) -> list[str]:
    """The words of a text in lower case, in order."""
    return [word.lower() for word in _WORD.findall(text)]


def shares(items: Sequence[str], parts: int) -> list[list[str]]:
    """Cut a list into so many parts of nearly equal length, in order."""
    bounds = [len(items) * number // parts for number in range(parts + 1)]
    return [list(items[start:stop]) for start, stop in itertools.pairwise(bounds)]


def operations(part: Iterable[str], who: str) -> list[Operation]:
    """What a node writes for its words: a counter each, the vocabulary, and who was last."""
    counts = Counter(part)
    writes: list[Operation] = [
        {"type": "pncounter@1", "name": counter_of(word), "method": "increment", "args": [count]}
        for word, count in counts.items()
    ]
    if counts:
        added: Operation = {"type": "orset@1", "name": "vocabulary", "method": "update"}
        writes.append({**added, "args": [sorted(counts)]})
        last: Operation = {"type": "lwwregister@1", "name": "last", "method": "assign"}
        writes.append({**last, "args": [f"{who}: {next(reversed(counts))}"]})
    return writes


def counter_of(word: str) -> str:
    """The name of the counter of a word; names have at most 255 bytes."""
    return "words." + word.encode()[:240].decode(errors="ignore")
