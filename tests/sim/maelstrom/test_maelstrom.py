"""Our node under a workbench that speaks Maelstrom's protocol."""

from collections.abc import Callable
import json
from pathlib import Path
import subprocess
import sys
from typing import Any

import pytest
import trio

from tests.sim.maelstrom.workbench import Workbench

FIVE = ("n1", "n2", "n3", "n4", "n5")
SCRIPT = Path(__file__).parents[3] / "scripts" / "maelstrom_node.py"


@pytest.fixture
def workbench(nursery: trio.Nursery) -> Callable[..., Workbench]:
    def make(latency: float = 0.005, loss: float = 0.0) -> Workbench:
        return Workbench(nursery, seed=7, latency=latency, loss=loss)

    return make


async def until_all_read(bench: Workbench, key: str, wanted: object) -> None:
    with trio.fail_after(30):
        for name in FIVE:
            while True:
                value = (await bench.ask(name, type="read"))[key]
                if (sorted(value) if isinstance(value, list) else value) == wanted:
                    break
                await trio.sleep(0.1)


async def test_echo(workbench: Callable[..., Workbench], autojump_clock: Any) -> None:
    bench = workbench()
    await bench.start("n1")
    reply = await bench.ask("n1", type="echo", echo={"deep": [1, None]})
    assert reply["type"] == "echo_ok"
    assert reply["echo"] == {"deep": [1, None]}


async def test_what_was_broadcast_while_the_network_was_cut_is_read_everywhere_after_it(
    workbench: Callable[..., Workbench], autojump_clock: Any
) -> None:
    bench = workbench(latency=0.05, loss=0.2)
    await bench.start(*FIVE)
    for name in FIVE:
        assert (await bench.ask(name, type="topology", topology={}))["type"] == "topology_ok"
        assert (await bench.ask(name, type="read"))["messages"] == []
    left = {"n1", "n2"}
    for number in range(60):
        if number == 20:
            bench.linked = lambda a, b: (a in left) == (b in left)
        if number == 40:
            bench.linked = lambda a, b: True
        name = FIVE[number % 5]
        assert (await bench.ask(name, type="broadcast", message=number))["type"] == "broadcast_ok"
        await trio.sleep(0.2)
    await until_all_read(bench, "messages", list(range(60)))


async def test_large_states_travel_in_streams_that_lose_nothing(
    workbench: Callable[..., Workbench], autojump_clock: Any
) -> None:
    bench = workbench(latency=0.01, loss=0.2)
    await bench.start(*FIVE, workload="g-set")
    bench.linked = lambda a, b: False
    elements = [f"{number:04}" + "x" * 500 for number in range(300)]
    for element in elements:
        await bench.ask("n3", type="add", element=element)
    await trio.sleep(30)
    bench.linked = lambda a, b: True
    await until_all_read(bench, "value", elements)
    assert bench.carried["segment"] > 10


@pytest.mark.parametrize(("workload", "down"), [("g-counter", 0), ("pn-counter", -3), (None, -3)])
async def test_counters_add_up(
    workload: str | None, down: int, workbench: Callable[..., Workbench], autojump_clock: Any
) -> None:
    bench = workbench(loss=0.1)
    await bench.start(*FIVE, workload=workload)
    assert (await bench.ask("n1", type="read"))["value"] == 0
    for name in FIVE:
        assert (await bench.ask(name, type="add", delta=10))["type"] == "add_ok"
        assert (await bench.ask(name, type="add", delta=down))["type"] == "add_ok"
    await until_all_read(bench, "value", 5 * (10 + down))


async def test_a_node_that_was_only_read_learns_from_others_what_it_serves(
    workbench: Callable[..., Workbench], autojump_clock: Any
) -> None:
    bench = workbench()
    await bench.start(*FIVE)
    await bench.ask("n1", type="add", element="x")
    with trio.fail_after(10):
        while (answer := await bench.ask("n5", type="read"))["value"] != ["x"]:  # noqa: ASYNC110 (asks)
            await trio.sleep(0.1)
    assert answer["messages"] == ["x"]  # or a broadcast: it cannot know


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"type": "cas"}, 10),
        ({"type": "add"}, 12),
        ({"type": "add", "delta": 1.5}, 12),
        ({"type": "add", "delta": True}, 12),
        ({"type": "broadcast"}, 12),
        ({"type": "broadcast", "message": {"a": {}}}, 12),
        ({"type": "init", "node_id": "n1", "node_ids": ["n1"]}, 22),
        ({"type": "init", "node_id": "n9"}, 12),
    ],
)
async def test_what_a_client_does_wrong_is_answered_with_the_code_for_it(
    body: dict[str, Any], code: int, workbench: Callable[..., Workbench], autojump_clock: Any
) -> None:
    bench = workbench()
    await bench.start("n1")
    reply = await bench.ask("n1", **body)
    assert (reply["type"], reply["code"]) == ("error", code), reply
    assert reply["text"]


async def test_two_workloads_at_one_node_are_refused(
    workbench: Callable[..., Workbench], autojump_clock: Any
) -> None:
    bench = workbench()
    await bench.start("n1", workload="g-counter")
    assert (await bench.ask("n1", type="add", element=1))["code"] == 22
    assert (await bench.ask("n1", type="add", delta=-1))["code"] == 12
    assert (await bench.ask("n1", type="read"))["value"] == 0


async def test_before_init_a_node_is_not_available(
    workbench: Callable[..., Workbench], autojump_clock: Any
) -> None:
    bench = workbench()
    bench.open("n1")
    assert (await bench.ask("n1", type="read"))["code"] == 11
    assert (await bench.ask("n1", type="echo", echo=1))["echo"] == 1


async def test_lines_that_are_no_messages_hurt_nobody(
    workbench: Callable[..., Workbench], autojump_clock: Any
) -> None:
    bench = workbench()
    await bench.start("n1", "n2")
    bad = [b"", b"\xff", b"{}", b"[]", b"7", b'{"src":1,"body":{"type":"read"}}', b"[" * 100_000]
    for line in bad:
        bench.send(line)
    for body in (
        {"type": "datagram"},
        {"type": "datagram", "data": "?"},
        {"type": "datagram", "data": "AAAA"},
        {"type": "segment"},
        {"type": "segment", "stream": ["n2", 1]},
        {"type": "segment", "stream": ["n2", 1], "have": 0, "number": "x"},
        {"type": "segment", "stream": ["n2", 1], "have": 0, "number": 7, "data": "AAAA"},
        {"type": "segment", "stream": ["n2", 1], "have": 0, "number": 7, "last": True, "data": ""},
        {"type": "segment", "stream": ["n9", 1], "have": -1},
    ):
        for source in ("n2", "n9"):
            bench.send({"src": source, "dest": "n1", "body": body})
    assert (await bench.ask("n1", type="echo", echo=1))["echo"] == 1


@pytest.mark.process
def test_the_script_answers_all_it_was_asked_before_its_input_ended() -> None:
    bodies = [
        {"type": "init", "node_id": "n1", "node_ids": ["n1"]},
        {"type": "echo", "echo": "hello"},
        {"type": "add", "element": 5},
        {"type": "read"},
        {"type": "nonsense"},
    ]
    lines = [
        json.dumps({"src": "c1", "dest": "n1", "body": {**body, "msg_id": number}})
        for number, body in enumerate(bodies)
    ]
    done = subprocess.run(
        [sys.executable, SCRIPT, "g-set"],
        input="\n".join(lines) + "\n",
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    replies = [json.loads(line)["body"] for line in done.stdout.splitlines()]
    types = ["init_ok", "echo_ok", "add_ok", "read_ok", "error"]
    assert [reply["type"] for reply in replies] == types
    assert [reply["in_reply_to"] for reply in replies] == list(range(5))
    assert replies[3]["value"] == [5]
    assert replies[4]["code"] == 10


@pytest.mark.process
def test_the_script_names_its_workloads() -> None:
    done = subprocess.run(
        [sys.executable, SCRIPT, "kafka"], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 1
    assert "there are echo, broadcast" in done.stderr
