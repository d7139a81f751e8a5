"""What every request must pass."""

import pytest
import trio

from crdtnode.control import guards, objects


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "10.0.0.1", "[::2]:80"])
async def test_a_name_that_leads_here_from_elsewhere_is_refused(api, host):
    answer = await api.get("/v1/status", host=host)
    assert answer.status == 421


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:80", "127.0.0.1:8000", "[::1]", ""])
async def test_names_of_this_host_are_taken(api, host):
    assert (await api.get("/healthz", host=host)).status == 200


async def test_a_page_of_another_origin_is_refused(api):
    assert (await api.get("/healthz", origin="http://evil.example")).status == 403
    assert (await api.get("/healthz", origin="http://localhost")).status == 200


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded"])
async def test_a_form_cannot_write(api, kind):
    answer = await api.ask(
        "POST", "/v1/objects/gset/x/add", {"args": [1]}, headers={"content-type": kind}
    )
    assert answer.status == 415
    assert api.node.names() == []


async def test_json_may_name_its_charset(api):
    headers = {"content-type": "application/json; charset=utf-8"}
    path = "/v1/objects/gset/x/add"
    assert (await api.ask("POST", path, {"args": [1]}, headers=headers)).status == 200


async def test_a_body_over_the_cap_is_refused(api, monkeypatch):
    monkeypatch.setattr(objects, "CALL_MOST_BYTES", 1_000_000)
    raw = [b'{"args": ["', *[b"x" * 500_000] * 3, b'"]}']
    answer = await api.ask("POST", "/v1/objects/gset/x/add", raw=raw)
    assert answer.status == 413
    assert api.node.names() == []


async def test_a_body_in_pieces_is_put_together(api):
    answer = await api.ask("POST", "/v1/objects/gset/x/add", raw=[b'{"ar', b'gs": [', b"1]}"])
    assert answer.status == 200


async def test_too_many_requests_at_once_are_refused(api, monkeypatch):
    monkeypatch.setattr(guards, "REQUESTS_MOST", 0)
    assert (await api.get("/healthz")).status == 503


async def test_a_body_that_never_ends_is_given_up(api, autojump_clock):
    answered = []

    async def never():
        await trio.sleep_forever()

    async def send(message):
        answered.append(message)

    scope = {
        "type": "http", "method": "POST", "path": "/v1/members", "raw_path": b"/v1/members",
        "query_string": b"", "root_path": "",
        "headers": [(b"host", b"localhost"), (b"content-type", b"application/json")],
    }  # fmt: skip
    await api.app(scope, never, send)
    assert answered[0]["status"] == 504


async def test_a_client_that_goes_away_is_no_mistake_of_ours(api, caplog):
    answered = []

    async def gone():
        return {"type": "http.disconnect"}

    async def send(message):
        answered.append(message)

    scope = {
        "type": "http", "method": "POST", "path": "/v1/members", "raw_path": b"/v1/members",
        "query_string": b"", "root_path": "",
        "headers": [(b"host", b"localhost"), (b"content-type", b"application/json")],
    }  # fmt: skip
    await api.app(scope, gone, send)
    assert answered[0]["status"] == 400
    assert not caplog.records


async def test_a_mistake_of_ours_is_logged_and_answered(api, caplog, monkeypatch):
    monkeypatch.setattr(api.node, "stats", lambda: 1 / 0)
    answer = await api.get("/v1/stats")
    assert answer.status == 500
    assert "ZeroDivisionError" in answer.json["detail"]
    assert "request failed" in caplog.text
