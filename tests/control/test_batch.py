"""Many operations in one request."""

import json

import pytest

from crdt import ORSet, PNCounter
from crdtnode.control import batch


def lines(*operations: dict[str, object]) -> bytes:
    return b"".join(json.dumps(operation).encode() + b"\n" for operation in operations)


def increment(name: str, amount: object = 1, **more: object) -> dict[str, object]:
    return {"type": "pncounter", "name": name, "method": "increment", "args": [amount], **more}


async def test_each_line_is_done_and_answered_in_order(api):
    body = lines(
        increment("n", 2),
        {"type": "orset@1", "name": "tags", "method": "add", "args": ["red"]},
        increment("n", 3),
    )
    answer = await api.ask("POST", "/v1/batch", raw=body)
    assert answer.lines == [{"line": number, "ok": True} for number in (1, 2, 3)]
    assert api.node.open("n", PNCounter).value == 5
    assert api.node.open("tags", ORSet).value == {"red"}


async def test_a_bad_line_is_refused_and_the_others_are_done(api):
    body = b"".join(
        [
            b"nonsense\n",
            lines(increment("n", -1), increment("n", 1), increment("n", 1, extra=1)),
            b"\n",
            lines({"type": "gset", "name": "n", "method": "add", "args": [1]}),
            lines({"name": "n"}),
            b'{"type": "zzz", "name": "n", "method": "add"}',
        ]
    )
    answer = await api.ask("POST", "/v1/batch", raw=body)
    assert [(line["line"], line["ok"]) for line in answer.lines] == [
        (1, False), (2, False), (3, True), (4, False), (6, False), (7, False), (8, False),
    ]  # fmt: skip
    assert [line.get("status") for line in answer.lines] == [400, 422, None, 422, 409, 422, 404]
    assert all(line["detail"] for line in answer.lines if not line["ok"])
    assert api.node.open("n", PNCounter).value == 1


async def test_lines_may_be_cut_anywhere(api):
    body = lines(*[increment("n")] * 20)
    pieces = [body[i : i + 7] for i in range(0, len(body), 7)]
    answer = await api.ask("POST", "/v1/batch", raw=[*pieces[:90], b"".join(pieces[90:])])
    assert len(answer.lines) == 20
    assert api.node.open("n", PNCounter).value == 20


async def test_a_line_without_end_is_cut_off_and_what_was_done_stays(api, monkeypatch):
    monkeypatch.setattr(batch, "LINE_MOST_BYTES", 100)
    answer = await api.ask(
        "POST", "/v1/batch", raw=[lines(increment("n")) + b"x" * 200, b"y" * 200]
    )
    assert [line["ok"] for line in answer.lines] == [True, False]
    assert (answer.lines[1]["line"], answer.lines[1]["status"]) == (2, 413)
    assert api.node.open("n", PNCounter).value == 1


async def test_an_empty_batch_does_nothing(api):
    assert (await api.ask("POST", "/v1/batch", raw=b"")).lines == []


@pytest.mark.parametrize("count", [250])
async def test_other_tasks_have_their_turn_during_a_long_batch(api, nursery, count):
    import trio

    turns = []

    async def other() -> None:
        while True:
            turns.append(api.node.open("n", PNCounter).value)
            await trio.lowlevel.checkpoint()

    nursery.start_soon(other)
    await api.ask("POST", "/v1/batch", raw=lines(*[increment("n")] * count))
    assert any(0 < turn < count for turn in turns)
