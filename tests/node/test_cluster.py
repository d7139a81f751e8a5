"""What an embedding program may rely on, with whole nodes and a virtual clock."""

import pytest
import trio

from crdt import GSet, LWWRegister, ORSet, PNCounter, StateCRDT, register
from crdtnode.errors import (
    FaultsNotAllowed,
    InvalidAddress,
    InvalidName,
    NodeClosed,
    NotAcknowledged,
    NotConverged,
    TypeConflict,
)


class Longest(StateCRDT):
    """Hand-written: the longest text wins, the greater among equals."""

    def __init__(self) -> None:
        self.text = ""

    @property
    def payload(self):
        return self.text

    @payload.setter
    def payload(self, payload):
        if not isinstance(payload, str):
            raise TypeError("text, please")
        self.text = payload

    @property
    def value(self):
        return self.text

    @classmethod
    def merge(cls, X, Y):
        merged = cls()
        merged.text = max(X.text, Y.text, key=lambda text: (len(text), text))
        return merged


async def test_what_one_writes_all_read(table, autojump_clock):
    a, b, c = await table.seats(3)
    a.open("visits", PNCounter).increment(3)
    b.open("visits", PNCounter).increment(4)
    c.open("tags", ORSet).add("red")
    assert await c.converged(timeout=2)
    assert [node.open("visits", PNCounter).value for node in (a, b, c)] == [7, 7, 7]
    assert a.open("tags", ORSet).value == {"red"}
    assert a.root == b.root == c.root
    assert a.version("visits", "pncounter@1") == c.version("visits", "pncounter@1")


async def test_what_one_removes_is_gone_everywhere_and_its_handles_live_on(table, autojump_clock):
    a, b = await table.seats(2)
    handle = b.open("tags", ORSet)
    handle.add("red")
    assert await a.converged(timeout=2)
    async with b.watch("tags") as changes, b.watch_events() as events:
        assert a.delete("tags", ORSet)
        removed = await anext(changes)
        told = await anext(events)
    assert (removed.kind, removed.delta, removed.source) == ("removed", None, a.name)
    lost = {"type": "orset@1", "name": "tags", "by": a.name, "payload": told.fields["payload"]}
    assert (told.event, told.fields) == ("removed", lost)
    assert ORSet.from_payload(told.fields["payload"]).value == {"red"}
    assert await a.converged(timeout=2)
    assert (a.names(), b.names(), handle.value) == ([], [], set())
    assert not a.delete("tags", "orset@1")
    handle.add("blue")
    assert await b.converged(timeout=2)
    assert a.open("tags", ORSet).value == {"blue"}


async def test_what_one_removes_while_it_is_cut_off_is_gone_after_the_heal(
    table, until, autojump_clock
):
    a, b = await table.seats(2)
    a.open("tags", ORSet).add("red")
    assert await b.converged(timeout=2)
    table.cut(a)
    a.delete("tags", ORSet)
    b.open("tags", ORSet).add("unseen")
    await trio.sleep(30)
    assert b.open("tags", ORSet).value == {"red", "unseen"}
    table.heal()
    await until(lambda: (a.names(), b.names()) == ([], []))
    assert await b.converged(timeout=5)


async def test_one_identity_is_one_live_object(table, autojump_clock):
    node = await table.seat()
    assert node.open("x", PNCounter) is node.open("x", PNCounter)
    assert node.open("s", ORSet[str]) is node.open("s", ORSet)


async def test_a_name_of_another_type_is_refused(table, autojump_clock):
    node = await table.seat()
    node.open("x", PNCounter)
    with pytest.raises(TypeConflict):
        node.open("x", GSet)
    with pytest.raises(InvalidName):
        node.open("bad\nname", GSet)


async def test_an_object_that_was_only_opened_exists_for_nobody_else(table, autojump_clock):
    a, b = await table.seats(2)
    a.open("x", PNCounter)
    await a.converged(timeout=2)
    assert a.names() == b.names() == []


async def test_flush_tells_how_many_others_hold_it(table, autojump_clock):
    a, _, _ = await table.seats(3)
    a.open("x", PNCounter).increment()
    assert await a.flush(timeout=2) >= 1


async def test_flush_may_wait_for_more_members(table, autojump_clock):
    a, b, c = await table.seats(3)
    a.open("x", PNCounter).increment()
    assert await a.flush(timeout=2, until=2) == 2
    assert b.open("x", PNCounter).value == c.open("x", PNCounter).value == 1
    assert await a.flush(timeout=2, until=9) == 2  # there are no more
    table.cut(c)
    a.open("x", PNCounter).increment()
    assert await a.flush(timeout=2) == 1
    with pytest.raises(NotAcknowledged):
        await a.flush(timeout=0.1, until=2)


@pytest.mark.parametrize(("until", "error"), [(0, ValueError), (-1, ValueError), ("2", TypeError)])
async def test_flush_until_nonsense_is_refused(table, autojump_clock, until, error):
    a = await table.seat()
    with pytest.raises(error, match="until"):
        await a.flush(until=until)


async def test_flush_alone_says_that_nobody_else_holds_it(table, autojump_clock):
    a = await table.seat()
    a.open("x", PNCounter).increment()
    assert await a.flush(timeout=2) == 0


async def test_flush_that_nobody_acknowledges_raises_at_its_deadline(table, autojump_clock):
    a, _ = await table.seats(2)
    table.cut(a)
    a.open("x", PNCounter).increment()
    began = trio.current_time()
    with pytest.raises(NotAcknowledged, match=r"within 0\.2 s"):
        await a.flush(timeout=0.2)
    assert trio.current_time() - began == pytest.approx(0.2, abs=0.01)
    assert a.open("x", PNCounter).value == 1


async def test_converged_names_who_differs_or_is_silent(table, autojump_clock):
    a, _, _ = await table.seats(3)
    table.cut(a)
    a.open("x", PNCounter).increment()
    with pytest.raises(NotConverged, match="b, c did not answer") as caught:
        await a.converged(timeout=0.15)
    assert caught.value.silent == ["b", "c"]
    table.heal()
    assert await a.converged(timeout=10)


@pytest.mark.parametrize("patience", [0, -1])
async def test_without_any_patience_all_are_asked_once(table, autojump_clock, patience):
    a, b = await table.seats(2)
    await a.converged(timeout=2)
    assert await b.converged(timeout=patience)
    table.cut(a)
    began = trio.current_time()
    with pytest.raises(NotConverged, match="b did not answer"):
        await a.converged(timeout=patience)
    assert trio.current_time() - began == pytest.approx(0.1, abs=0.01)


async def test_a_suspected_member_is_not_taken_for_converged(table, until, autojump_clock):
    a, b, c = await table.seats(3)
    table.cut(a)
    await until(lambda: a.member_counts()["suspect"])
    (suspect,) = [view.name for view in a.members if view.state == "suspect"]
    assert (await a.roots())[suspect] is None
    table.heal()
    await a.converged(timeout=10)
    assert a.root == b.root == c.root


async def test_alone_everything_is_converged(table, autojump_clock):
    a = await table.seat()
    a.open("x", PNCounter).increment()
    assert await a.converged(timeout=0.1)


async def test_alone_with_a_seed_that_was_never_reached_is_not_converged(table, autojump_clock):
    a = await table.seat(join=["10.9.9.9"])
    with pytest.raises(NotConverged, match="no other member"):
        await a.converged(timeout=1)
    assert a.unreached_seeds[0][0] == "10.9.9.9:27380"


async def test_a_node_whose_seed_comes_up_later_finds_it(table, autojump_clock):
    early = await table.seat(join=["10.0.0.2"])
    await trio.sleep(20)
    late = await table.seat(join=[])
    with trio.fail_after(10):
        await early.converged()
    assert {member.name for member in late.members} == {"a", "b"}


async def test_a_new_node_gets_everything(table, autojump_clock):
    a, _ = await table.seats(2)
    for number in range(300):
        a.open(f"c{number}", PNCounter).increment(number + 1)
    await a.converged(timeout=5)
    c = await table.seat()
    await c.converged(timeout=5)
    assert len(c.names()) == 300
    assert c.open("c7", PNCounter).value == 8


async def test_both_sides_of_a_partition_go_on_and_agree_when_it_heals(
    table, until, autojump_clock
):
    a, b, c = await table.seats(3)
    table.cut(a)
    a.open("n", PNCounter).increment(1)
    c.open("n", PNCounter).increment(10)
    await b.converged(timeout=20)
    await until(lambda: a.member_counts()["alive"] == 1)
    assert a.open("n", PNCounter).value == 1
    table.heal()
    await until(lambda: a.member_counts()["alive"] == 3)
    await a.converged(timeout=10)
    assert a.open("n", PNCounter).value == b.open("n", PNCounter).value == 11


async def test_a_watch_tells_what_changed_by_delta_and_from_where(table, autojump_clock):
    a, b = await table.seats(2)
    async with b.watch("tags") as changes:
        a.open("other", PNCounter).increment()
        a.open("tags", ORSet).add("red")
        with trio.fail_after(2):
            change = await anext(changes)
    assert (change.kind, change.type, change.name, change.source) == (
        "change",
        "orset@1",
        "tags",
        "a",
    )
    assert change.delta.value == {"red"}


async def test_a_watch_of_everything_hears_own_changes_too(table, autojump_clock):
    a = await table.seat()
    async with a.watch() as everything, a.watch("n", PNCounter) as narrow:
        a.open("n", PNCounter).increment(2)
        a.open("m", GSet).add(1)
        with trio.fail_after(2):
            heard = [await anext(everything), await anext(everything)]
            only = await anext(narrow)
    assert {(change.name, change.source) for change in heard} == {("n", None), ("m", None)}
    assert only.delta.value == 2


@pytest.mark.parametrize(
    ("name", "error"), [("", InvalidName), ("a\nb", InvalidName), (5, TypeError)]
)
async def test_a_name_that_can_be_none_is_not_watched(table, name, error, autojump_clock):
    a = await table.seat()
    with pytest.raises(error, match="a name"):
        async with a.watch(name):
            raise AssertionError("it waits")


async def test_members_can_be_watched(table, autojump_clock):
    a = await table.seat()
    async with a.watch_members() as changes:
        await table.seat("b")
        with trio.fail_after(5):
            change = await anext(changes)
            assert (change.name, change.state, change.address) == ("b", "alive", "10.0.0.2:27380")
            await table.nodes[1].leave()
            while change.state != "left":
                change = await anext(changes)


async def test_a_watch_ends_when_the_node_closes(table, autojump_clock):
    from crdtnode.node import open_node

    async with trio.open_nursery() as nursery:
        async with open_node(name="x", bind="127.0.0.1:0") as node:
            ended = trio.Event()

            async def follow() -> None:
                async with node.watch() as changes, node.watch_events() as events:
                    async for _ in changes:
                        pass
                    async for _ in events:
                        pass
                ended.set()

            nursery.start_soon(follow)
            await trio.testing.wait_all_tasks_blocked()
        with trio.fail_after(1):
            await ended.wait()


async def test_leaving_is_known_to_the_others_at_once(table, until, autojump_clock):
    a, b = await table.seats(2)
    began = trio.current_time()
    await b.leave()
    assert trio.current_time() - began <= 0.3
    await until(lambda: a.member_counts()["left"] == 1)
    assert trio.current_time() - began <= 0.35
    await b.leave()  # once more does nothing


async def test_what_nobody_would_hear_of_is_refused_from_the_moment_of_leaving(
    table, until, autojump_clock
):
    a, b = await table.seats(2)
    number = b.open("n", PNCounter)
    number.increment(2)
    leaving = b.leave()
    with pytest.raises(NodeClosed, match="leaves, or has left"):
        number.increment(3)
    await leaving
    await until(lambda: a.open("n", PNCounter).value == 2)


async def test_a_goodbye_that_fails_ends_all_the_same(table, autojump_clock, caplog):
    (a,) = await table.seats(1)
    a._engine.leave = lambda now: 1 / 0
    began = trio.current_time()
    await a.leave()
    assert trio.current_time() - began <= 1.0
    assert a.has_left.is_set()
    assert "ZeroDivisionError" in caplog.text


async def test_join_begins_at_once_and_may_be_awaited(table, until, autojump_clock):
    a = await table.seat(join=[])
    b = await table.seat(join=[])
    b.join(a.address)
    await until(lambda: len(b.members) == 2)
    await b.join(a.address)
    with pytest.raises(InvalidAddress):
        b.join("no such:thing:at all")


async def test_an_isolated_node_is_cut_off_until_it_heals(table, until, autojump_clock):
    a = await table.seat("a")
    b = await table.seat("b", allow_faults=True)
    await until(lambda: len(a.members) == 2)
    b.isolate()
    assert b.isolated
    a.open("n", PNCounter).increment(1)
    b.open("n", PNCounter).increment(2)
    await until(lambda: a.member_counts()["dead"] == 1)
    assert b.open("n", PNCounter).value == 2
    b.heal()
    await until(lambda: a.member_counts()["alive"] == 2 == b.member_counts()["alive"])
    await b.converged(timeout=10)
    assert a.open("n", PNCounter).value == 3


async def test_faults_are_off_unless_they_are_allowed(table, autojump_clock):
    a = await table.seat()
    for fault in (a.isolate, a.heal):
        with pytest.raises(FaultsNotAllowed):
            fault()
    assert not a.isolated


async def test_hand_written_types_travel_too(table, autojump_clock):
    a, b = await table.seats(2)
    for node in (a, b):
        node.register(Longest)
    with a.change("title", Longest) as title:
        title.text = "short"
    with b.change("title", Longest) as title:
        title.text = "longer"
    await a.converged(timeout=10)
    assert a.open("title", Longest).value == b.open("title", Longest).value == "longer"


@pytest.mark.parametrize("used", [False, True])
async def test_a_type_that_enters_the_catalogue_while_nodes_run_is_announced(
    table, autojump_clock, used
):
    class Late(Longest):
        pass

    a, b = await table.seats(2)
    register(Late, "node-late-used@1" if used else "node-late-opened@1")
    if used:
        with a.change("title", Late) as title:
            title.text = "short"
        with b.change("title", Late) as title:
            title.text = "longer"
    else:
        a.open("title", Late)
    for node in (a, b):
        await node.converged(timeout=5)
        await node.flush(timeout=5)
    assert a.open("title", Late).value == b.open("title", Late).value == "longer" * used


async def test_the_last_write_wins_everywhere(table, autojump_clock):
    a, b = await table.seats(2)
    a.open("title", LWWRegister).assign("one")
    await a.converged(timeout=2)
    b.open("title", LWWRegister).assign("two")
    await b.converged(timeout=2)
    assert a.open("title", LWWRegister).value == "two"


async def test_stats_count_everything(table, autojump_clock):
    a, _ = await table.seats(2)
    a.open("n", PNCounter).increment()
    await a.converged(timeout=2)
    stats = a.stats()
    assert stats["objects"] == 1
    assert stats["members"] == {"alive": 2, "suspect": 0, "dead": 0, "left": 0}
    assert stats["counters"]["packets_sent"]["push"] >= 1
    assert stats["uptime_s"] > 0


async def test_two_nodes_of_one_name_are_told_apart_and_both_converge(table, until, autojump_clock):
    a = await table.seat("twin")
    b = await table.seat("twin")
    await until(lambda: len(a.members) == 2 == len(b.members))
    assert {a.name, b.name} != {"twin"}
    a.open("n", PNCounter).increment(1)
    b.open("n", PNCounter).increment(2)
    await a.converged(timeout=10)
    assert a.open("n", PNCounter).value == 3 == b.open("n", PNCounter).value


async def test_a_lossy_network_loses_nothing(table, autojump_clock):
    a, b, c = await table.seats(3)
    table.network.loss = 0.3
    for number in range(50):
        table.nodes[number % 3].open("n", PNCounter).increment()
        await trio.sleep(0.02)
    table.network.loss = 0.0
    await a.converged(timeout=30)
    assert [node.open("n", PNCounter).value for node in (a, b, c)] == [50] * 3


async def test_an_idle_node_sleeps(table, autojump_clock):
    """A lone node has nothing to do; two probe each other once a second and no more."""
    a = await table.seat()
    wakes = count_wakes(a)
    await trio.sleep(100)
    assert wakes[0] <= 110
    await table.seats(1)
    await trio.sleep(5)
    wakes[0] = 0
    await trio.sleep(100)
    assert wakes[0] <= 600, "six engine calls a second, for one probe each way"


def count_wakes(node):
    """Count the calls of a node's engine that a driver makes by itself."""
    counted = [0]
    wake = node._engine.wake

    def counting(now):
        counted[0] += 1
        wake(now)

    node._engine.wake = counting
    return counted


async def test_an_argument_of_a_wrong_kind_is_named(table, autojump_clock):
    node = await table.seat()
    with pytest.raises(TypeError, match=r"^address: expected str, not int$"):
        node.join(5)
    for wait in (node.flush, node.converged):
        with pytest.raises(TypeError, match=r"^timeout: expected int or float or None, not str$"):
            await wait(timeout="x")
    with pytest.raises(TypeError, match="expected a class"):
        node.open("n", PNCounter())


async def test_a_closed_node_refuses_use(autojump_clock):
    from crdtnode.node import open_node

    async with open_node(name="x") as node:
        pass
    with pytest.raises(NodeClosed):
        node.open("n", PNCounter)
    with pytest.raises(NodeClosed):
        await node.flush()


async def test_objects_of_a_closed_node_can_be_read_and_refuse_to_be_changed(autojump_clock):
    from crdtnode.node import open_node

    async with open_node(name="x") as node:
        visits, tags = node.open("visits", PNCounter), node.open("tags", ORSet)
        visits.increment(2)
        tags.add("flushed")
        await node.flush()
        tags.add("written just before the end")
    before = visits.payload, tags.payload
    for change in (visits.increment, lambda: tags.add("late"), tags.clear):
        with pytest.raises(NodeClosed, match="this node is closed"):
            change()
    assert (visits.payload, tags.payload) == before
    assert visits.value == 2
