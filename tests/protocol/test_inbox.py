"""What arrived and waits to be joined."""

from dataclasses import dataclass, field

import pytest

from crdt import GSet
from crdtnode.metrics import Metrics
from crdtnode.protocol.effects import Changed
from crdtnode.protocol.inbox import WAITING_MOST, Inbox
from crdtnode.protocol.joins import Joins
from crdtnode.registry import Registry
from crdtnode.wire.messages import Form, Item, Push, Sync
from tests.protocol.people import member
from tests.protocol.registries import registry

B = member("b")


def item(
    name: str = "tags", payload: object = ("red",), tag: str = "gset@1", life: int = 1
) -> Item:
    payload = list(payload) if isinstance(payload, tuple) else payload
    return Item(tag, name, life, 0, Form.STATE, (payload,), 1)


@dataclass
class Reader:
    """An inbox that joins two items at a time."""

    metrics: Metrics = field(default_factory=Metrics)
    registry: Registry = field(default_factory=registry)
    inbox: Inbox = field(init=False)

    def __post_init__(self) -> None:
        self.inbox = Inbox(Joins(self.registry, self.metrics), work_items=2)


@pytest.fixture
def us() -> Reader:
    return Reader()


def test_what_is_joined_is_told_with_its_sender(us: Reader) -> None:
    us.inbox.put(B, Push(1, 0, 0, (item(),)))
    (change,), (job,) = us.inbox.work(1.0)
    assert change == Changed("gset@1", "tags", change.delta, "b")
    assert change.delta.value == {"red"}
    assert job.changed
    assert us.metrics.joins == {"gset@1/changed": 1}


def test_what_is_known_already_changes_nothing(us: Reader) -> None:
    us.registry.open("tags", GSet).add("red")
    us.inbox.put(B, Push(1, 0, 0, (item(),)))
    changes, (job,) = us.inbox.work(1.0)
    assert changes == []
    assert not job.changed
    assert us.metrics.joins == {"gset@1/unchanged": 1}


def test_a_batch_without_items_is_done(us: Reader) -> None:
    us.inbox.put(B, Sync((), (), (), 3))
    changes, (job,) = us.inbox.work(1.0)
    assert changes == []
    assert not job.changed
    assert not us.inbox.waiting


def test_one_call_joins_so_much_and_leaves_the_rest(us: Reader) -> None:
    us.inbox.put(B, Push(1, 0, 0, tuple(item(f"set-{n}") for n in range(3))))
    us.inbox.put(B, Push(2, 0, 0, (item("last"),)))
    done = []
    while us.inbox.waiting:
        changes, finished = us.inbox.work(1.0)
        done.append((len(changes), [job.message for job in finished]))
    assert [count for count, _ in done] == [2, 2]
    assert [len(messages) for _, messages in done] == [0, 2]


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (item(tag="strange@1"), "unknown type"),
        (item(payload={"no": "set"}), "payload"),
        (item(life=2), "payload"),
        (item("x" * 300), "payload"),
        (item("a\nb"), "payload"),
    ],
)
def test_a_bad_item_is_counted_and_concerns_no_other(us: Reader, bad: Item, why: str) -> None:
    us.inbox.put(B, Push(1, 0, 0, (bad, item())))
    (change,), _ = us.inbox.work(1.0)
    assert change.name == "tags"
    assert us.metrics.dropped == {why: 1}
    assert len(us.registry) == 1


def test_an_item_of_nothing_changes_nothing(us: Reader) -> None:
    us.inbox.put(B, Push(1, 0, 0, (Item("gset@1", "tags", 1, 0, Form.STATE, (), 1),)))
    assert us.inbox.work(1.0)[0] == []
    assert us.registry.find("tags") == []


def test_an_inbox_that_is_full_takes_nothing_until_there_is_room(us: Reader) -> None:
    large = Push(1, 0, 0, (item(),) * WAITING_MOST)
    assert us.inbox.put(B, large)
    assert not us.inbox.put(B, Push(2, 0, 0, (item(),)))
    while us.inbox.waiting:
        us.inbox.work(1.0)
    assert us.inbox.put(B, Push(2, 0, 0, (item(),)))


def test_batches_of_nothing_fill_it_too(us: Reader) -> None:
    taken = sum(us.inbox.put(B, Sync((), (), (), 3)) for _ in range(2 * WAITING_MOST))
    assert taken == WAITING_MOST


def test_a_push_is_joined_before_what_repair_brought_and_that_goes_on_beside_it(us: Reader) -> None:
    inbox = Inbox(us.inbox._joins, work_items=8)
    inbox.put(B, Sync(tuple(item(f"set-{n}") for n in range(20)), (), (), 3))
    inbox.put(B, Push(1, 0, 0, tuple(item(f"new-{n}") for n in range(10))))
    joined = []
    while inbox.waiting:
        changes, _ = inbox.work(1.0)
        joined.append("".join(change.name[0] for change in changes))  # type: ignore[union-attr]  # all are Changed
    assert joined == ["nnnnnnss", "nnnnssss", "ssssssss", "ssssss"]


def test_a_part_of_a_large_object_is_enough_for_one_call(us: Reader) -> None:
    inbox = Inbox(us.inbox._joins, work_items=128)
    parts = [item(payload=(color,))._replace(form=Form.PART) for color in ("red", "green", "blue")]
    for number, part in enumerate(parts):
        inbox.put(B, Sync((part,), (), (), number))
    finished = []
    while inbox.waiting:
        changes, jobs = inbox.work(1.0)
        finished.append((len(changes), len(jobs)))
    assert finished == [(1, 1), (1, 1), (1, 1)]
