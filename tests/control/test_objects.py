"""Objects over HTTP."""

import pytest

from crdt import Compound, Constant, LWWRegister, ORSet, StateCRDT, catalogue


async def test_a_call_changes_the_object_and_answers_with_its_value(api):
    answer = await api.call("pncounter@1/visits/increment", 3)
    assert answer.status == 200
    assert answer.json["value"] == 3
    assert answer.json["type"] == "pncounter@1"
    assert answer.json["name"] == "visits"
    assert len(answer.json["version"]) == 16
    shown = await api.get("/v1/objects/pncounter@1/visits")
    assert shown.json == answer.json
    assert shown.headers["etag"] == f'"{answer.json["version"]}"'


async def test_an_etag_that_still_holds_saves_the_body(api):
    version = (await api.call("pncounter@1/visits/increment")).json["version"]
    same = await api.get("/v1/objects/pncounter@1/visits", if_none_match=f'"{version}"')
    assert (same.status, same.body) == (304, b"")
    await api.call("pncounter@1/visits/increment")
    other = await api.get("/v1/objects/pncounter@1/visits", if_none_match=f'"{version}"')
    assert other.status == 200


@pytest.mark.parametrize("written", ["orset@1", "orset", "ORSet"])
async def test_a_type_may_be_written_as_tag_or_name(api, written):
    await api.call(f"{written}/tags/add", "red")
    assert api.node.open("tags", ORSet).value == {"red"}


async def test_a_set_is_shown_in_canonical_order_and_only_when_asked(api):
    assert "value" not in (await api.call("orset/tags/add", "b")).json
    await api.call("orset/tags/update", ["a", "c"])
    answer = await api.call("orset/tags/add", 5, value=True)
    assert answer.json["value"] == ["a", "b", "c", 5]


async def test_elements_that_json_lacks_come_and_go_in_payload_form(api):
    elements = [["b", "aGk="], ["t", [1, "x"]], 2**60, 1, True, 1.5, None, "1"]
    answer = await api.call("gset/odd/update", elements)
    assert answer.status == 200
    value = (await api.get("/v1/objects/gset/odd")).json["value"]
    assert sorted(map(repr, value)) == sorted(map(repr, elements))
    assert (b"hi" in api.node.registry.get("gset@1", "odd")) is True


async def test_a_register_takes_and_shows_any_json(api):
    document = {"cpu": 4, "tags": ["a", None, 2.5], "b": ["b", "aGk="]}
    answer = await api.call("lwwregister/limits/assign", document)
    assert answer.json["value"] == document
    assert api.node.open("limits", LWWRegister).value == document


async def test_names_may_hold_anything_but_control_characters(api):
    for quoted, name in [("a%2Fb", "a/b"), ("%C3%A4%20%F0%9F%8C%8D", "ä 🌍"), ("%3Fx%23", "?x#")]:
        answer = await api.call(f"gset/{quoted}/add", 1)
        assert (answer.status, answer.json["name"]) == (200, name)
        assert (await api.get(f"/v1/objects/gset/{quoted}")).json["name"] == name


@pytest.mark.parametrize(
    ("path", "args", "status", "field", "detail"),
    [
        ("pncounter/n/increment", ["3"], 422, "args", "an amount is an int, not str"),
        ("pncounter/n/increment", [-1], 422, "args", "0"),
        ("pncounter/n/increment", [True], 422, "args", "not bool"),
        ("pncounter/n/increment", [1.0], 422, "args", "not float"),
        ("pncounter/n/increment", [1, 2], 422, "args", "too many"),
        ("gset/s/add", [], 422, "args", "missing a required argument"),
        ("gset/s/add", [["x", "y"]], 422, "args[0]", "unknown tag"),
        ("gset/s/add", [{"a": 1}], 422, "args", "dict"),
        ("gset/s/update", ["abc"], 422, "args[0]", "a list of elements"),
        ("gset/s/update", [["fine", ["b", "!"]]], 422, "args[0][1]", "base64"),
        ("orset/s/remove", ["absent"], 422, None, "absent"),
        ("pncounter/n/join", [1], 404, "method", "it has decrement, increment"),
        ("pncounter/n/bind", ["me"], 404, "method", "no method"),
        ("pncounter/n/_publish", [1], 404, "method", "no method"),
        ("pncounter/n/__init__", [], 404, "method", "no method"),
        ("pncounter/n/value", [], 404, "method", "no method"),
        ("nonsense/n/add", [1], 404, "type", "no type is called 'nonsense'; there are"),
        ("nonsense@1/n/add", [1], 404, "type", "no type"),
        ("gset/%0A/add", [1], 422, "name", "control character"),
        ("gset//add", [1], 422, "name", "empty"),
        ("gset/" + "x" * 256 + "/add", [1], 422, "name", "255"),
        ("gset/%FF/add", [1], 422, "name", "UTF-8"),
    ],
)  # fmt: skip
async def test_what_is_refused_leaves_no_trace(api, path, args, status, field, detail):
    answer = await api.call(path, *args)
    assert answer.status == status, answer.body
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["status"] == status
    assert detail in answer.json["detail"]
    assert answer.json.get("field") == field
    assert api.node.registry.names() == []
    assert api.node.registry.find("n") == api.node.registry.find("s") == []


async def test_a_name_of_another_type_is_a_conflict_that_lists_the_choices(api):
    await api.call("lwwregister/title/assign", "x")
    answer = await api.call("pncounter/title/increment")
    assert (answer.status, answer.json["choices"]) == (409, ["lwwregister@1"])


async def test_looking_at_what_is_not_there_makes_nothing(api):
    for path in ("gset/x", "gset/x/payload"):
        answer = await api.get(f"/v1/objects/{path}")
        assert (answer.status, answer.json["field"]) == (404, "name")
    assert api.node.registry.find("x") == []


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/objects/gset/x/add", 405),
        ("PUT", "/v1/objects/gset/x", 405),
        ("POST", "/v1/objects/gset/x", 405),
        ("DELETE", "/v1/objects/gset/x/add", 405),
        ("GET", "/v1/objects/gset", 404),
        ("GET", "/v1/objects/a/b/c/d", 404),
        ("GET", "/v1/nonsense", 404),
        ("POST", "/v1/status", 405),
    ],
)
async def test_paths_and_methods_that_are_not_there(api, method, path, status):
    answer = await api.ask(method, path)
    assert (answer.status, answer.json["status"]) == (status, status)


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"{", 400),
        (b"[]", 422),
        (b'{"args": 1}', 422),
        (b'{"arg": [1]}', 422),
        (b'{"args": [NaN]}', 400),
        (b"\xff", 400),
        (b'{"args": [' + b"[" * 5000 + b"]" * 5000 + b"]}", 422),
        (b"", 200),
    ],
)
async def test_a_body_is_checked(api, raw, status):
    answer = await api.ask("POST", "/v1/objects/pncounter/n/increment", raw=raw)
    assert answer.status == status


async def test_a_payload_can_be_taken_and_joined_elsewhere(api):
    await api.call("pncounter/n/increment", 5)
    payload = (await api.get("/v1/objects/pncounter/n/payload")).json
    for changed in (True, False):
        answer = await api.ask("PUT", "/v1/objects/pncounter/m/payload", payload)
        assert answer.json["changed"] is changed
    assert (await api.get("/v1/objects/pncounter/m")).json["value"] == 5


@pytest.mark.parametrize("payload", [[], {"x": -1}, "text", {"a": {"b": 1}}, [[1]]])
async def test_a_payload_that_is_none_is_refused_with_its_place(api, payload):
    answer = await api.ask("PUT", "/v1/objects/pncounter/n/payload", payload or [0])
    assert answer.status == 422
    assert answer.json["field"].startswith("payload")
    assert api.node.registry.names() == []


async def test_objects_are_listed_by_type_prefix_and_name(api):
    for path in ("gset/a1/add", "gset/b1/add", "orset/a2/add"):
        await api.call(path, 1)

    async def names(query: str) -> list[str]:
        rows = (await api.get(f"/v1/objects?{query}")).json["objects"]
        assert all(set(row) == {"type", "name", "version"} for row in rows)
        return [row["name"] for row in rows]

    assert await names("") == ["a1", "b1", "a2"]
    assert await names("type=gset") == ["a1", "b1"]
    assert await names("prefix=a") == ["a1", "a2"]
    assert await names("name=a2") == ["a2"]
    assert (await api.get("/v1/objects?type=zzz")).status == 404


async def test_a_listing_shows_values_where_they_are_asked_for(api):
    await api.call("pncounter/visits/increment", 3)
    rows = (await api.get("/v1/objects?type=pncounter&values=true")).json["objects"]
    assert [(row["name"], row["value"]) for row in rows] == [("visits", 3)]


class Diary(StateCRDT):
    """Hand-written: a set of lines, kept as a sorted list."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    @property
    def payload(self):
        return list(self.lines)

    @payload.setter
    def payload(self, payload):
        self.lines = [str(line) for line in payload]

    @property
    def value(self):
        return {"lines": tuple(self.lines), "sizes": {len(line) for line in self.lines}}

    @classmethod
    def merge(cls, X, Y):
        merged = cls()
        merged.lines = sorted({*X.lines, *Y.lines})
        return merged

    def write(self, line):
        if not line:
            raise ValueError("write something")
        self.lines = sorted({*self.lines, line})

    def _secret(self):
        """Not for others."""


async def test_a_hand_written_type_offers_the_methods_that_it_declares(api):
    api.node.register(Diary)
    answer = await api.call("diary/d/write", "hello", value=True)
    assert answer.json["value"] == {"lines": ["t", ["hello"]], "sizes": [5]}
    assert (await api.call("diary/d/write", "")).json["detail"] == "write something"
    assert (await api.call("diary/d/merge", 1, 2)).status == 404
    assert (await api.call("diary/d/_secret")).status == 404
    assert (await api.call("diary/e/write", "")).status == 422
    assert [name for _, name in api.node.names()] == ["d"]


def test_every_type_offers_its_mutators_and_nothing_else():
    from crdtnode.node.mutators import mutators

    offered = {tag: sorted(mutators(catalogue.type_of(tag))) for tag in catalogue.tags()}
    assert offered["gcounter@1"] == ["increment"]
    assert offered["pncounter@1"] == ["decrement", "increment"]
    assert offered["lwwregister@1"] == ["assign"]
    assert offered["gset@1"] == ["add", "update"]
    for tag in ("orset@1", "lwwset@1", "twopset@1"):
        assert {"add", "discard", "remove", "update"} <= set(offered[tag])
    never = {"join", "absorb", "merge", "clone", "observe", "bind", "compact", "delta_since"}
    assert not never & {method for methods in offered.values() for method in methods}


async def test_a_map_takes_keys_and_values_in_payload_form(api):
    await api.call("lwwmap/config/put", ["t", [1, 2]], {"a": [1]})
    await api.call("lwwmap/config/update", {"b": 2})
    answer = await api.call("lwwmap/config/discard", "gone", value=True)
    assert sorted(answer.json["value"], key=repr) == [["b", 2], [["t", [1, 2]], {"a": [1]}]]
    answer = await api.call("lwwmap/other/put", "k", "v", value=True)
    assert answer.json["value"] == {"k": "v"}
    answer = await api.call("orcart/cart/add", "tea", 2, value=True)
    assert answer.json["value"] == {"tea": 2}


@pytest.mark.parametrize("kind", ["ormap", "gmap"])
async def test_a_child_of_a_map_is_changed_through_open(api, kind):
    await api.call(f"{kind}/users/open", "eric", "gcounter", "increment", 3)
    await api.call(f"{kind}/users/open", "all", kind, "open", "tags", "orset", "add", ["b", "aGk="])
    state = {"type": "orset@1", "payload": {"r": [["x"], [0, 1], [0, 1]]}}
    answer = await api.call(f"{kind}/users/put", "put", state, value=True)
    value = {"eric": 3, "all": {"tags": [["b", "aGk="]]}, "put": ["x"]}
    assert answer.json["value"] == value


@pytest.mark.parametrize(
    "path",
    ["ormap/users/open", "ormap/users/put", "ormap/users/observe", "orcart/cart/open"],
)
async def test_a_call_that_a_map_does_not_understand_leaves_no_trace(api, path):
    for args in (["k"], ["k", {"type": "orset@1"}], ["k", "orset", "join", {}]):
        answer = await api.call(path, *args)
        assert answer.status in (404, 422)
    assert (await api.get("/v1/objects")).json["objects"] == []


async def test_a_field_of_a_compound_is_changed_by_its_name(api):
    class Team(Compound):
        name: Constant[str]
        members: ORSet[str]

    catalogue.register(Team, "test-team@1")
    api.node.register(Team)
    await api.call("test-team@1/red/fix", "name", "red")
    answer = await api.call("test-team@1/red/members.add", "eric", value=True)
    assert answer.json["value"] == {"members": ["eric"], "name": "red"}
    assert (await api.call("test-team@1/red/nobody.add", "eric")).status == 404
    assert (await api.call("test-team@1/red/members.join", "eric")).status == 404


async def test_an_object_is_removed_as_a_whole_and_may_be_written_again(api):
    await api.call("pncounter/visits/increment", 3)
    answer = await api.ask("DELETE", "/v1/objects/pncounter/visits")
    assert (answer.status, answer.json) == (
        200,
        {"type": "pncounter@1", "name": "visits", "removed": True},
    )
    assert (await api.get("/v1/objects/pncounter/visits")).status == 404
    assert (await api.get("/v1/objects")).json == {"objects": []}
    assert (await api.call("pncounter/visits/increment", 1)).json["value"] == 1


@pytest.mark.parametrize("name", ["absent", "opened"])
async def test_what_was_never_written_cannot_be_removed(api, name):
    api.node.open("opened", ORSet)
    answer = await api.ask("DELETE", f"/v1/objects/orset/{name}")
    assert (answer.status, answer.json["field"]) == (404, "name")


async def test_a_page_elsewhere_cannot_remove_anything(api):
    await api.call("pncounter/visits/increment", 3)
    answer = await api.ask(
        "DELETE", "/v1/objects/pncounter/visits", headers={"origin": "http://evil.example"}
    )
    assert answer.status == 403
    assert (await api.get("/v1/objects/pncounter/visits")).json["value"] == 3
