"""Changes as server-sent events."""

import json

import pytest
import trio

from crdt import ORSet, PNCounter
from crdtnode.control import events
from crdtnode.metrics import Metrics
from crdtnode.node import open_node


class Stream:
    """One open stream of events."""

    def __init__(self) -> None:
        self.status = 0
        self.raw = b""
        self.over = False

    async def send(self, message) -> None:
        await trio.lowlevel.checkpoint()
        self.status = message.get("status", self.status)
        self.raw += message.get("body", b"")
        self.over = message.get("more_body") is False

    @property
    def events(self):
        found = []
        for block in self.raw.decode().split("\n\n"):
            fields = dict(line.split(": ", 1) for line in block.splitlines() if line[:1] != ":")
            if "event" in fields:
                found.append((fields["event"], json.loads(fields["data"])))
        return found

    async def until(self, count: int):
        with trio.fail_after(60):
            while len(self.events) < count:  # noqa: ASYNC110 (a condition of the outside)
                await trio.sleep(0.01)
        return self.events


@pytest.fixture
def listen(api, nursery):
    """Open a stream; ``gone`` is set when the client shall leave."""

    async def start(query: str = "", gone: trio.Event | None = None, **headers: str) -> Stream:
        stream = Stream()
        said = {"host": "localhost", **{k.replace("_", "-"): v for k, v in headers.items()}}
        scope = {
            "type": "http", "method": "GET", "path": "/v1/events", "raw_path": b"/v1/events",
            "query_string": query.encode(), "root_path": "",
            "headers": [(k.encode(), v.encode()) for k, v in said.items()],
        }  # fmt: skip

        said_all = []

        async def receive():
            if not said_all:
                said_all.append(True)
                return {"type": "http.request", "body": b"", "more_body": False}
            await (trio.Event() if gone is None else gone).wait()
            return {"type": "http.disconnect"}

        async def run() -> None:
            await api.app(scope, receive, stream.send)
            stream.ended = True

        stream.ended = False
        nursery.start_soon(run)
        await stream.until(1)
        return stream

    return start


async def test_a_stream_says_that_it_is_open_and_then_what_changes(api, listen, autojump_clock):
    stream = await listen("value=true")
    api.node.open("n", PNCounter).increment(3)
    opened, change = await stream.until(2)
    assert opened == ("open", {"node": "a"})
    assert change[0] == "change"
    assert {key: change[1][key] for key in ("type", "name", "source", "value")} == {
        "type": "pncounter@1",
        "name": "n",
        "source": None,
        "value": 3,
    }
    assert change[1]["version"] == api.node.version("n", "pncounter@1")
    assert change[1]["delta"] == api.node.registry.get("pncounter@1", "n").payload


async def test_a_stream_tells_of_an_object_that_is_removed(api, listen, autojump_clock):
    api.node.open("n", PNCounter).increment(3)
    await api.node.flush()
    stream = await listen("value=true")
    api.node.delete("n", PNCounter)
    _, (kind, data) = await stream.until(2)
    version = api.node.version("n", "pncounter@1")
    assert kind == "removed"
    assert data == {"type": "pncounter@1", "name": "n", "version": version, "source": None}


async def test_a_stream_may_be_about_one_object(api, listen, autojump_clock):
    stream = await listen("name=tags&type=orset")
    api.node.open("n", PNCounter).increment(3)
    api.node.open("tags", ORSet).add("red")
    (_, (_, change)) = await stream.until(2)
    assert change["name"] == "tags"
    assert "value" not in change


async def test_a_stream_may_be_about_members_and_events_alone(
    api, listen, network, nursery, autojump_clock
):
    stream = await listen("objects=false&members=true&events=true")
    api.node.open("n", PNCounter).increment(3)
    place = network.transport(("10.0.0.2", 27380), Metrics())
    async with open_node(name="b", transport=place, join=[api.node.address]):
        await stream.until(2)
    assert stream.events[1] == (
        "member",
        {"name": "b", "address": "10.0.0.2:27380", "state": "alive"},
    )


async def test_a_silent_stream_shows_that_it_lives(api, listen, autojump_clock):
    stream = await listen()
    await trio.sleep(events.HEARTBEAT * 2.5)
    assert stream.raw.count(b": still here\n\n") == 2


async def test_a_stream_ends_with_an_event_of_its_own_when_the_node_closes(
    api, listen, autojump_clock
):
    stream = await listen()
    api.closing.set()
    await stream.until(2)
    assert stream.events[-1] == ("closing", {})
    assert stream.over


async def test_whoever_comes_back_is_told_to_look_anew(api, listen, autojump_clock):
    stream = await listen(last_event_id="7")
    await stream.until(2)
    assert [event for event, _ in stream.events] == ["open", "resync"]


async def test_a_client_that_goes_leaves_nothing_behind(api, listen, autojump_clock):
    gone = trio.Event()
    stream = await listen("members=true", gone)
    assert api.node.audience.changes
    gone.set()
    await trio.testing.wait_all_tasks_blocked()
    assert stream.ended
    assert not api.node.audience.changes
    assert not api.node.audience.members


async def test_a_type_that_is_none_is_refused(api):
    assert (await api.get("/v1/events?type=zzz")).status == 404


async def test_a_name_that_can_be_none_is_refused(api):
    for name in ("", "a%0Ab"):
        refused = await api.get(f"/v1/events?name={name}")
        assert refused.status == 422
        assert refused.json["field"] == "name"
