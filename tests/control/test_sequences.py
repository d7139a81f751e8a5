"""Lists and texts over HTTP."""

import pytest

from crdt import Sequence, Text
from crdtnode.node.mutators import mutators

EDITS = [
    "append",
    "clear",
    "delete",
    "extend",
    "insert",
    "remove",
    "replace",
    "reverse",
    "splice",
]


async def test_a_text_is_edited_call_by_call(api):
    await api.call("text/note/append", "Hello!")
    await api.call("text/note/insert", 5, ", world")
    answer = await api.call("text/note/splice", 0, 5, "Goodbye", value=True)
    assert answer.json["value"] == "Goodbye, world!"
    await api.call("text/note/delete", 7, -1)
    assert api.node.open("note", Text) == "Goodbye!"


@pytest.mark.parametrize("kind", ["sequence", "rga", "logoot"])
async def test_a_list_holds_plain_json(api, kind):
    await api.call(f"{kind}/todo/extend", ["tea", {"buy": ["milk", 2]}, None])
    await api.call(f"{kind}/todo/delete", 0)
    shown = await api.get(f"/v1/objects/{kind}@1/todo")
    assert shown.json["value"] == [{"buy": ["milk", 2]}, None]


async def test_what_is_not_there_is_the_callers_mistake(api):
    await api.call("sequence/todo/append", "tea")
    for method, args in (("delete", [3]), ("replace", [-2, "x"]), ("remove", ["milk"])):
        answer = await api.call(f"sequence/todo/{method}", *args)
        assert answer.status == 422
    assert api.node.open("todo", Sequence) == ["tea"]
    assert (await api.call("text/none/delete", 0)).status == 422
    assert (await api.call("text/none/append", 5)).status == 422
    assert [name for _, name in api.node.names()] == ["todo"]


@pytest.mark.parametrize("kind", [Sequence, Text])
def test_a_sequence_offers_its_edits_and_nothing_else(kind):
    assert sorted(mutators(kind)) == EDITS
