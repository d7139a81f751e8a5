"""Status, members and faults over HTTP."""

from types import SimpleNamespace

from prometheus_client.parser import text_string_to_metric_families
import pytest
import trio

from crdt import PNCounter
from crdtnode.control.cluster import _convergence
from crdtnode.metrics import Metrics
from crdtnode.node import open_node


@pytest.fixture
async def other(network, nursery, api):
    """A second node, which knows the first."""

    async def sit(*, task_status):
        place = network.transport(("10.0.0.2", 27380), Metrics())
        async with open_node(name="b", transport=place, join=[api.node.address]) as node:
            while len(node.members) < 2:  # noqa: ASYNC110 (a condition of the outside)
                await trio.sleep(0.01)
            task_status.started(node)
            await trio.sleep_forever()

    return await nursery.start(sit)


async def test_status_of_a_lone_node(api, autojump_clock):
    api.node.open("n", PNCounter).increment()
    status = (await api.get("/v1/status")).json
    assert status["name"] == "a"
    assert status["root"] == api.node.root != "0" * 16
    assert len(status["root"]) == 16
    assert status["objects"] == 1
    assert status["members"] == {"alive": 1, "suspect": 0, "dead": 0, "left": 0}
    assert status["converged"] is None
    assert status["encrypted"] is False
    assert status["faults"] == {"allowed": True, "isolated": False}
    assert status["address"] == "10.0.0.1:27380"


async def test_status_asks_the_others(api, other, network, autojump_clock):
    api.node.open("n", PNCounter).increment()
    await api.node.converged(timeout=5)
    assert (await api.get("/v1/status")).json["converged"] is True
    network.linked = lambda a, b: False
    began = trio.current_time()
    status = (await api.get("/v1/status")).json
    assert (status["converged"], status["silent"]) == (False, ["b"])
    assert trio.current_time() - began <= 0.11


async def test_members_lists_ourselves_too(api, other, autojump_clock):
    await api.node.converged(timeout=5)
    rows = (await api.get("/v1/members")).json["members"]
    shown = [
        {key: row[key] for key in ("name", "address", "state", "root_equal", "self")}
        for row in rows
    ]
    assert shown == [
        {"name": "a", "address": "10.0.0.1:27380", "state": "alive", "root_equal": True, "self": True},
        {"name": "b", "address": "10.0.0.2:27380", "state": "alive", "root_equal": True, "self": False},
    ]  # fmt: skip
    assert rows[0]["rtt_s"] is None


async def test_a_silent_member_has_no_known_root(api, other, network, autojump_clock):
    network.linked = lambda a, b: False
    rows = (await api.get("/v1/members")).json["members"]
    assert rows[1]["root_equal"] is None


async def test_waiting_tells_whether_it_was_reached(api, other, network, autojump_clock):
    answer = await api.get("/v1/status?wait=converged&timeout=5")
    assert answer.json["reached"] is True
    network.linked = lambda a, b: False
    began = trio.current_time()
    answer = await api.get("/v1/status?wait=converged&timeout=0.3")
    assert answer.json["reached"] is False
    assert trio.current_time() - began <= 0.45


@pytest.mark.parametrize(
    "query", ["wait=x", "wait=converged&timeout=x", "wait=converged&timeout=-1"]
)
async def test_a_wait_that_cannot_be_is_refused(api, query):
    assert (await api.get(f"/v1/status?{query}")).status == 422


async def test_joining_goes_on_in_the_background(api, autojump_clock):
    answer = await api.post("/v1/members", {"address": "10.0.0.9"})
    assert (answer.status, answer.json) == (202, {"joining": "10.0.0.9"})
    await trio.sleep(2)
    seeds = (await api.get("/v1/status")).json["unreached_seeds"]
    assert [seed["address"] for seed in seeds] == ["10.0.0.9:27380"]
    assert seeds[0]["why"]


@pytest.mark.parametrize("document", [{"address": "a b"}, {"address": 5}, {}, {"adress": "a"}])
async def test_a_wrong_address_is_refused(api, document):
    answer = await api.post("/v1/members", document)
    assert answer.status == 422
    assert answer.json["field"] in ("address", "body")


async def test_leaving_answers_once_others_know(api, other, autojump_clock):
    assert (await api.post("/v1/leave")).json == {"name": "a", "left": True}
    assert api.node.has_left.is_set()
    assert [m.state for m in other.members] == ["left", "alive"]


async def test_faults_cut_off_and_heal(api, other, autojump_clock):
    assert (await api.post("/v1/faults/isolate")).json == {"isolated": True}
    assert (await api.get("/v1/status")).json["faults"] == {"allowed": True, "isolated": True}
    other.open("n", PNCounter).increment()
    assert (await api.post("/v1/faults/heal")).json == {"isolated": False}
    await api.node.converged(timeout=10)
    assert api.node.open("n", PNCounter).value == 1


async def test_faults_that_were_not_allowed_are_refused(api):
    api.node._allow_faults = False
    for path in ("/v1/faults/isolate", "/v1/faults/heal"):
        answer = await api.post(path)
        assert answer.status == 403
        assert "--allow-faults" in answer.json["detail"]
    assert not api.node.isolated


async def test_health_and_readiness(api, autojump_clock):
    assert (await api.get("/healthz")).json == {"checks": {"serving": "ok"}}
    assert (await api.get("/readyz")).status == 200
    await api.post("/v1/members", {"address": "10.0.0.9"})
    answer = await api.get("/readyz")
    assert (answer.status, answer.json["checks"]["joined"]) == (503, "no")


async def test_stats_show_all_counters(api):
    stats = (await api.get("/v1/stats")).json
    assert {"bytes_sent", "dropped", "contained"} <= set(stats["counters"])


async def test_status_names_who_could_not_have_its_name(api, network, autojump_clock):
    async def until_named(conflicts):
        with trio.fail_after(10):
            while (await api.get("/v1/status")).json["name_conflicts"] != conflicts:  # noqa: ASYNC110
                await trio.sleep(0.01)

    place = network.transport(("10.0.0.2", 27380), Metrics())
    async with open_node(name="a", transport=place, join=[api.node.address]) as second:
        with trio.fail_after(10):
            while second.name == api.node.name:  # noqa: ASYNC110 (a condition of the outside)
                await trio.sleep(0.01)
        (renamed,) = {second.name, api.node.name} - {"a"}  # they are equally old
        await until_named({renamed: "a"})
    await until_named({})


async def test_status_names_what_two_types_bear(api):
    api.node.open("visits", PNCounter).increment()
    api.node.registry.absorb("gset@1", "visits", 1, [["red"]], now=0.0)
    status = (await api.get("/v1/status")).json
    assert status["shared_names"] == {"visits": ["gset@1", "pncounter@1"]}
    assert status["clock_held_ms"] == 0


async def test_a_member_that_left_can_be_forgotten_and_no_other(api, other, autojump_clock):
    refused = await api.ask("DELETE", "/v1/members/b")
    assert (refused.status, refused.json["field"]) == (409, "name")
    assert "is alive" in refused.json["detail"]
    assert (await api.ask("DELETE", "/v1/members/nobody")).status == 404
    await other.leave()
    with trio.fail_after(5):
        while (await api.get("/v1/status")).json["members"]["left"] == 0:  # noqa: ASYNC110
            await trio.sleep(0.01)
    done = await api.ask("DELETE", "/v1/members/b")
    assert (done.status, done.json) == (200, {"name": "b", "forgotten": True})
    rows = (await api.get("/v1/members")).json["members"]
    assert [row["name"] for row in rows] == ["a"]


@pytest.mark.parametrize(
    ("roots", "views", "said"),
    [
        ({}, {}, {"state": "alone", "held": 0, "lag_s": 0.0}),
        ({"b": True}, {}, {"state": "converged", "held": 0, "lag_s": 0.0}),
        ({"b": True, "c": None}, {}, {"state": "silent", "held": 0, "lag_s": 0.0}),
        ({"b": False}, {"b": (0.2, 0)}, {"state": "writing", "held": 0, "lag_s": 0.2}),
        (
            {"b": False, "c": False, "d": None},
            {"b": (0.2, 0), "c": (0.7, 0)},
            {"state": "writing", "held": 0, "lag_s": 0.7},
        ),
        ({"b": False}, {"b": (None, 0)}, {"state": "writing", "held": 0, "lag_s": None}),
        (
            {"b": True, "c": False},
            {"b": (0.0, 0), "c": (None, 2)},
            {"state": "held", "held": 2, "lag_s": 0.0},
        ),
        (
            {"b": False, "c": False},
            {"b": (0.3, 0), "c": (None, 2)},
            {"state": "writing", "held": 2, "lag_s": 0.3},
        ),
    ],
)
def test_what_stands_between_us_and_one_state_of_all(roots, views, said):
    members = [SimpleNamespace(name=n, lag=lag, held=held) for n, (lag, held) in views.items()]
    assert _convergence(roots, members) == said


async def test_status_says_alone_then_converged_then_silent(api, other, network, autojump_clock):
    await api.node.converged(timeout=5)
    assert (await api.get("/v1/status")).json["state"] == "converged"
    network.linked = lambda a, b: False
    assert (await api.get("/v1/status")).json["state"] == "silent"


async def test_what_differs_is_shown_by_object_then_by_payload(api, other, network, autojump_clock):
    await api.node.converged(timeout=5)
    assert (await api.get("/v1/diff?peer=b")).json == {
        "peer": "b",
        "only_here": [],
        "only_there": [],
        "differing": [],
        "complete": True,
    }
    network.loss = 1.0  # no push and no probe arrives; a stream does
    api.node.open("mine", PNCounter).increment()
    other.open("theirs", PNCounter).increment()
    for node in (api.node, other):
        node.open("both", PNCounter).increment()
    found = (await api.get("/v1/diff?peer=b")).json
    assert found["only_here"] == [{"type": "pncounter@1", "name": "mine"}]
    assert found["only_there"] == [{"type": "pncounter@1", "name": "theirs"}]
    assert found["differing"] == [{"type": "pncounter@1", "name": "both"}]
    both = (await api.get("/v1/diff?peer=b&type=pncounter&name=both")).json
    assert both["here"] == api.node.registry.get("pncounter@1", "both").payload
    assert both["there"] == other.registry.get("pncounter@1", "both").payload != both["here"]
    theirs = (await api.get("/v1/diff?peer=b&type=pncounter&name=theirs")).json
    assert (theirs["here"], theirs["there"] is None) == (None, False)
    mine = (await api.get("/v1/diff?peer=b&type=pncounter&name=mine")).json
    assert (mine["here"] is None, mine["there"]) == (False, None)


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [("", 422, "peer"), ("?peer=nobody", 404, "name"), ("?peer=b&name=x&type=zzz", 404, "type")],
)
async def test_a_comparison_that_cannot_be_is_refused(
    api, other, query, status, field, autojump_clock
):
    refused = await api.get(f"/v1/diff{query}")
    assert (refused.status, refused.json["field"]) == (status, field)


async def test_a_member_that_does_not_answer_is_named(api, other, network, autojump_clock):
    network.linked = lambda a, b: False
    refused = await api.get("/v1/diff?peer=b")
    assert (refused.status, refused.json["field"]) == (504, "peer")


async def test_metrics_are_what_monitoring_reads(api, other, autojump_clock):
    api.node.open("n", PNCounter).increment()
    await api.node.converged(timeout=5)
    shown = await api.get("/metrics")
    assert shown.headers["content-type"].startswith("text/plain; version=0.0.4")
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(shown.body.decode())
        for sample in family.samples
    }
    assert samples["crdtnode_members", "alive"] == 2
    assert samples["crdtnode_objects", "pncounter@1"] == 1
    assert samples["crdtnode_convergence_lag_seconds", "b"] == 0
    assert 0 < samples["crdtnode_peer_rtt_seconds", "b"] < 0.1
    assert samples["crdtnode_packets_total", "sent", "ping"] > 0
    assert samples["crdtnode_bytes_total", "received", "udp"] > 0
    assert samples[("crdtnode_health",)] == 0
    api.node.metrics.longest_ms.took("wake", 60.0)
    other.open("n", PNCounter).increment()
    await other.converged(timeout=5)
    joined = (await api.get("/metrics")).body.decode()
    assert 'crdtnode_joins_total{changed="yes",type="pncounter@1"} 1.0' in joined
    assert 'crdtnode_longest_call_seconds{call="wake"} 60.0' in joined
