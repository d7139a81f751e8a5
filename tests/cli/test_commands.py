"""Every verb, against three real nodes."""

from contextlib import closing
import json
from pathlib import Path
import signal
from statistics import median
import subprocess
import time
from typing import Any

import pytest

from crdtnode.cli.applying import LINE_MOST_BYTES
from crdtnode.cli.daemon import Daemon as Client
from crdtnode.cli.following import _events
from crdtnode.control import batch
from tests.system.daemons import COMMAND, eventually

pytestmark = pytest.mark.process


def said(done: Any) -> str:
    assert done.returncode == 0, done.stderr
    return done.stdout


def refused(done: Any, code: int) -> str:
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1
    return done.stderr


def test_what_two_count_the_third_shows_at_once(a: Any, b: Any, c: Any) -> None:
    assert said(a.cli("incr", "visits", "3")) == "3\n"
    b.cli("incr", "visits", "4")
    eventually(lambda: said(c.cli("get", "visits")) == "7\n", 10, "seven visits")
    shown = c.json("get", "visits")
    assert {**shown, "version": None} == {
        "type": "pncounter@1", "name": "visits", "value": 7, "version": None,
    }  # fmt: skip
    assert len(shown["version"]) == 16
    assert said(c.cli("decr", "visits")) == "6\n"


def test_a_write_is_on_the_third_node_within_a_tenth_of_a_second(a: Any, b: Any, c: Any) -> None:
    assert median(_seconds_until_seen(a, b, c, f"hits{n}") for n in range(5)) < 0.1


def _seconds_until_seen(a: Any, b: Any, c: Any, name: str) -> float:
    """Write 3 on one and 4 on another; gives the seconds until the third shows 7."""
    query = {"name": name, "value": True}
    with closing(Client(c.api).stream("GET", "/v1/events", query=query)) as lines:
        events = _events(lines)
        assert next(events)[0] == "open"
        began = time.monotonic()
        Client(a.api).post(f"/v1/objects/pncounter/{name}/increment", {"args": [3]})
        Client(b.api).post(f"/v1/objects/pncounter/{name}/increment", {"args": [4]})
        while next(events)[1]["value"] != 7:
            pass
        return time.monotonic() - began


def test_sets_are_shown_one_element_a_line_in_one_order(a: Any, b: Any) -> None:
    assert said(a.cli("add", "tags", "red", "blue", "green")) == ""
    assert said(a.cli("wait", "--converged", "--timeout", "5")) == ""
    assert said(b.cli("discard", "tags", "red", "absent")) == ""
    assert said(b.cli("get", "tags")) == "blue\ngreen\n"
    assert b.json("get", "orset/tags")["value"] == ["blue", "green"]
    assert b.json("add", "tags", "--as-json", "5", "null", '["t", [1, 2]]')["value"] == [
        "blue", "green", 5, ["t", [1, 2]], None,
    ]  # fmt: skip


def test_registers_hold_text_or_json(a: Any) -> None:
    assert said(a.cli("set", "title", "hello")) == ""
    assert said(a.cli("get", "title")) == "hello\n"
    assert a.json("set", "limits", "--as-json", '{"cpu": [1, 2]}')["value"] == {"cpu": [1, 2]}
    assert said(a.cli("get", "limits")) == '{"cpu": [1, 2]}\n'
    assert said(a.cli("set", "list", "--as-json", "[1, 2]")) == ""
    assert said(a.cli("get", "list")) == "[1, 2]\n"
    a.cli("set", "temperature", "-5")
    assert a.json("get", "temperature")["value"] == "-5"


def test_types_are_written_out_where_another_is_meant(a: Any) -> None:
    for kind in ("gset", "twopset@1", "LWWSet"):
        name = f"{kind}/of-{kind[0].lower()}"
        said(a.cli("add", name, "x"))
        assert said(a.cli("get", name)) == "x\n"
    assert said(a.cli("incr", "gcounter/downloads", "2")) == "2\n"
    rows = a.json("ls", "--type", "gset")
    assert [(row["type"], row["name"]) for row in rows] == [("gset@1", "of-g")]
    assert [row["name"] for row in a.json("ls", "of-")] == ["of-g", "of-l", "of-t"]


def test_a_bare_name_of_another_type_is_refused_with_the_choices(a: Any) -> None:
    a.cli("set", "headline", "x")
    assert "say lwwregister@1/headline" in refused(a.cli("incr", "headline"), 2)
    refused(a.cli("incr", "pncounter/headline"), 5)


def test_mistakes_are_one_line_and_change_nothing(a: Any) -> None:
    before = a.json("status")["root"]
    assert "no object called 'nothing'" in refused(a.cli("get", "nothing"), 1)
    assert "no gset@1 called 'nothing'" in refused(a.cli("get", "gset/nothing"), 1)
    refused(a.cli("payload", "nothing"), 1)
    refused(a.cli("incr", "n", "-1"), 2)
    refused(a.cli("decr", "gcounter/n"), 1)
    refused(a.cli("add", "zzz@1/n", "x"), 1)
    refused(a.cli("set", "x", "--as-json", "{"), 2)
    refused(a.cli("set", "x", "--as-json", "NaN"), 2)
    refused(a.cli("add", "s", "--as-json", '{"a": 1}'), 2)
    refused(a.cli("add", "line\nbreak", "x"), 2)
    refused(a.cli("add", "", "x"), 2)
    refused(a.cli("join", "not an address"), 2)
    assert "no member is called" in refused(a.cli("forget", "nobody/at all"), 1)
    assert "no member is called" in refused(a.cli("diff", "nobody"), 1)
    refused(a.cli("ls", "--type", "zzz"), 1)
    assert a.json("status")["root"] == before


def test_bytes_that_are_no_text_are_refused(a: Any) -> None:
    for args in (["add", b"\xff", "x"], ["get", b"orset/\xff"], ["set", "x", b"\xff"]):
        done = subprocess.run(
            [*COMMAND, "--api", str(a.api), *args], capture_output=True, text=True, check=False
        )
        assert "is no UTF-8 text" in refused(done, 2)


def test_what_nests_too_deep_is_refused(a: Any) -> None:
    refused(a.cli("set", "x", "--as-json", "[" * 9 + "]" * 9), 2)
    refused(a.cli("set", "x", "--as-json", "[" * 5000 + "]" * 5000), 2)


def test_whole_numbers_have_any_size(a: Any) -> None:
    assert said(a.cli("incr", "big", str(2**70))) == f"{2**70}\n"
    assert said(a.cli("get", "big")) == f"{2**70}\n"
    assert a.json("get", "big")["value"] == 2**70


def test_a_reader_that_goes_away_or_a_full_disk_is_one_line_at_most(a: Any) -> None:
    wide = {"type": "gset", "name": "wide", "method": "update", "args": [list(range(30_000))]}
    assert said(a.cli("apply", stdin=json.dumps(wide))) == "1 done, 0 failed\n"
    script = '"$@" get wide | head -1'
    done = subprocess.run(
        ["bash", "-c", script, "-", *COMMAND, "--api", str(a.api)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("0\n", "")
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*COMMAND, "--api", str(a.api), "get", "wide"], stdout=full, stderr=subprocess.PIPE,
            text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert "No space left" in done.stderr
    assert done.stderr.count("\n") == 1


def test_names_may_be_odd(a: Any) -> None:
    for name in ("a/b", "ä 🌍", "100%", "?x#y", "orset@x/y"):
        said(a.cli("add", name, "x"))
        assert said(a.cli("get", name)) == "x\n"


def test_status_and_members(a: Any, b: Any) -> None:
    said(a.cli("wait", "--converged"))
    status = a.json("status")
    assert status["name"] == "a"
    assert status["members"] == {"alive": 3, "suspect": 0, "dead": 0, "left": 0}
    assert status["converged"] is True
    assert status["root"] == b.json("status")["root"]
    rows = a.json("members")
    assert [(row["name"], row["state"], row["root_equal"]) for row in rows] == [
        ("a", "alive", True), ("b", "alive", True), ("c", "alive", True),
    ]  # fmt: skip
    assert rows[0]["address"] == a.address
    lines = said(a.cli("members")).splitlines()
    assert lines[1].split("\t")[:4] == ["b", b.address, "alive", "yes"]
    assert "converged\tyes" in said(a.cli("status"))


def test_a_payload_is_the_whole_state(a: Any) -> None:
    a.cli("incr", "counted", "5")
    (replica,) = json.loads(said(a.cli("payload", "counted")))
    assert isinstance(replica, str)


def test_apply_does_many_and_reports_what_was_refused(a: Any, b: Any, tmp_path: Path) -> None:
    operation = {"type": "gcounter", "name": "many", "method": "increment", "args": [1]}
    good = json.dumps(operation)
    bad = json.dumps({**operation, "args": [-1]})
    file = tmp_path / "operations.jsonl"
    file.write_text("\n".join([good] * 5000))
    assert said(a.cli("apply", str(file))) == "5000 done, 0 failed\n"
    done = a.cli("apply", stdin=f"{good}\n{bad}\n\nnonsense\n{good}")
    assert (done.returncode, done.stdout) == (1, "2 done, 2 failed\n")
    assert [line.partition(":")[0] for line in done.stderr.splitlines()] == ["line 2", "line 4"]
    done = a.cli("apply", "--json", stdin=f"{good}\n{bad}\n")
    document = json.loads(done.stdout)
    assert (done.returncode, document["done"], document["failed"]) == (1, 1, 1)
    assert document["failures"][0]["line"] == 2
    said(a.cli("wait", "--converged"))
    assert said(b.cli("get", "many")) == "5003\n"
    assert batch.LINE_MOST_BYTES == LINE_MOST_BYTES
    long = json.dumps({"type": "gset", "name": "s", "method": "add", "args": ["x" * 17_000_000]})
    done = a.cli("apply", stdin=f"{good}\n{long}\n{good}\n")
    assert (done.returncode, done.stdout) == (1, "2 done, 1 failed\n")
    assert done.stderr == f"line 2: too long: {len(long)} bytes, at most {LINE_MOST_BYTES}\n"
    assert "cannot read" in refused(a.cli("apply", str(tmp_path / "none")), 2)


def test_lines_of_a_slow_pipe_are_done_as_they_come(a: Any) -> None:
    line = json.dumps({"type": "gcounter", "name": "slow", "method": "increment", "args": [1]})
    with subprocess.Popen(
        [*COMMAND, "--api", str(a.api), "apply"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        process.stdin.write(line + "\n")
        process.stdin.flush()
        eventually(lambda: a.cli("get", "slow").stdout == "1\n", 10, "the first line is done")
        out, _ = process.communicate(line)
    assert out == "2 done, 0 failed\n"


def test_watch_prints_changes_of_others(a: Any, b: Any) -> None:
    a.cli("incr", "watched")
    a.cli("wait", "--converged")
    watching = [*COMMAND, "--api", str(b.api), "watch", "watched", "--initial", "--count", "2"]
    with subprocess.Popen([*watching, "--json"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        initial = json.loads(process.stdout.readline())
        assert (initial["event"], initial["value"]) == ("initial", 1)
        a.cli("incr", "watched")
        b.cli("incr", "watched", "5")
        changes = [json.loads(line) for line in process.stdout]
    assert process.returncode == 0
    assert [(change["event"], change["source"], change["value"]) for change in changes] == [
        ("change", "a", 2), ("change", None, 7),
    ]  # fmt: skip
    assert set(changes[0]) == {"event", "type", "name", "version", "source", "delta", "value"}


def test_watch_in_words(a: Any) -> None:
    watching = [*COMMAND, "--api", str(a.api), "watch", "w2", "--initial", "--count", "1"]
    with subprocess.Popen(watching, stdout=subprocess.PIPE, text=True) as process:
        eventually(lambda: a.cli("incr", "w2") and process.poll() is not None, 20, "a change")
        out, _ = process.communicate()
    kind, name, _, source = out.splitlines()[-1].split("\t")
    assert (kind, name, source) == ("pncounter@1", "w2", "-")


def test_waiting_for_a_member_that_does_not_answer_is_a_timeout(a: Any, c: Any) -> None:
    c.daemon.process.send_signal(signal.SIGSTOP)
    try:
        a.cli("incr", "stopped")
        done = a.cli("wait", "--converged", "--timeout", "0.2", "--json")
    finally:
        c.daemon.process.send_signal(signal.SIGCONT)
    assert done.returncode == 4
    assert "not converged after 0.2 s: c is silent" in done.stderr
    assert json.loads(done.stdout)["converged"] is False
    assert a.json("wait", "--converged", "--timeout", "20")["converged"] is True


def test_status_says_that_a_node_is_cut_off(a: Any, c: Any) -> None:
    client = Client(c.api)
    client.post("/v1/faults/isolate")
    try:
        assert c.json("status")["faults"] == {"allowed": True, "isolated": True}
        assert "ISOLATED" in c.cli("status").stdout
    finally:
        client.post("/v1/faults/heal")
    eventually(lambda: client.get("/v1/status")["members"]["alive"] == 3, 20, "it is back")
    assert said(a.cli("wait", "--converged", "--timeout", "20")) == ""


def test_rm_removes_an_object_everywhere(a: Any, b: Any) -> None:
    said(b.cli("add", "gone", "red"))
    said(b.cli("wait", "--converged", "--timeout", "5"))
    watching = [*COMMAND, "--api", str(a.api), "watch", "gone", "--initial", "--count", "1"]
    with subprocess.Popen(watching, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            first = process.stdout.readline()
            removed = b.json("rm", "gone")
            last = process.stdout.readline()
        finally:
            process.terminate()
    assert first.split("\t")[:2] == ["orset@1", "gone"]
    assert removed == {"type": "orset@1", "name": "gone", "removed": True}
    assert last == "removed\torset@1\tgone\tb\n"
    assert "no object called 'gone'" in refused(a.cli("get", "gone"), 1)
    assert "no object called 'gone'" in refused(b.cli("rm", "gone"), 1)
    said(a.cli("add", "gone", "blue"))
    eventually(lambda: b.cli("get", "gone").stdout == "blue\n", 10, "it is written again")


def test_put_writes_under_a_key_of_a_map(a: Any, b: Any) -> None:
    said(a.cli("put", "quotas", "disk", "20G"))
    said(a.cli("put", "quotas", "cpu", "--as-json", "4"))
    said(a.cli("put", "lwwmap/preferences", "mode", "fast"))
    said(a.cli("wait", "--converged", "--timeout", "5"))
    assert b.json("get", "quotas")["value"] == {"cpu": 4, "disk": "20G"}
    assert b.json("get", "preferences")["value"] == {"mode": "fast"}
    assert "choices" not in refused(a.cli("put", "gset/x", "k", "v"), 1)


def test_flags_are_switched_on_and_off(a: Any, b: Any) -> None:
    said(a.cli("enable", "maintenance"))
    said(a.cli("wait", "--converged", "--timeout", "5"))
    assert said(b.cli("get", "maintenance")) == "true\n"
    assert b.json("disable", "maintenance")["value"] is False


def test_any_method_of_any_type_may_be_called(a: Any) -> None:
    said(a.cli("call", "text/note", "append", "Hello"))
    said(a.cli("call", "note", "insert", "--as-json", "5", ", world"))
    assert said(a.cli("get", "note")) == "Hello, world\n"
    said(a.cli("call", "tree/files", "move", "--as-json", "etc", "null"))
    assert a.json("get", "files")["value"] == a.json("get", "tree/files")["value"]
    said(a.cli("call", "ormap/users", "open", "eric", "gcounter", "increment", "--as-json", "3"))
    assert a.json("get", "users")["value"] == {"eric": 3}
    assert said(a.cli("call", "maxregister/high", "assign", "--as-json", "7")) == "7\n"
    assert "has no method 'join'" in refused(a.cli("call", "text/note", "join", "x"), 1)
    assert "no object called 'absent'" in refused(a.cli("call", "absent", "add", "x"), 1)
