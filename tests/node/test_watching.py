"""Slow watchers never slow the node."""

import pytest
import trio

from crdtnode.node.watching import Change, Watch, Watches


def change(name: str) -> Change:
    return Change("change", "pncounter@1", name, None, None)


@pytest.fixture
def watch() -> Watch[Change]:
    return Watch(Change("resync", "", "", None, None), lambda c: c.name != "unwanted", most=3)


async def test_changes_come_in_order(watch: Watch[Change]) -> None:
    for name in "abc":
        watch.put(change(name))
    assert [(await anext(watch)).name for _ in range(3)] == ["a", "b", "c"]


async def test_what_is_not_wanted_is_not_queued(watch: Watch[Change]) -> None:
    watch.put(change("unwanted"))
    watch.put(change("x"))
    assert (await anext(watch)).name == "x"


async def test_a_watcher_that_falls_behind_gets_one_resync_and_then_what_follows(
    watch: Watch[Change],
) -> None:
    for name in "abcde":
        watch.put(change(name))
    assert [(c.kind, c.name) for c in (await anext(watch), await anext(watch))] == [
        ("resync", ""),
        ("change", "e"),
    ]


async def test_waiting_ends_with_the_next_change(watch, nursery) -> None:
    heard = []

    async def follow() -> None:
        async for news in watch:
            heard.append(news.name)  # noqa: PERF401 (looked at while it grows)

    nursery.start_soon(follow)
    await trio.testing.wait_all_tasks_blocked()
    watch.put(change("a"))
    await trio.testing.wait_all_tasks_blocked()
    assert heard == ["a"]
    watch.put(change("b"))
    watch.end()
    await trio.testing.wait_all_tasks_blocked()
    assert heard == ["a", "b"]
    with pytest.raises(StopAsyncIteration):
        await anext(watch)


def test_a_watch_hears_only_within_its_block(watch: Watch[Change]) -> None:
    watches: Watches[Change] = Watches()
    assert not watches
    with watches.add(watch):
        assert watches
        watches.tell(change("a"))
    watches.tell(change("b"))
    assert len(watch._queue) == 1
