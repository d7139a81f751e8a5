"""Plans that people write: what they say, and how they hear what is wrong."""

import json
from pathlib import Path
import re
import subprocess
import sys
from textwrap import dedent
import tomllib
from typing import Any

from click.testing import CliRunner, Result
import pytest

from crdtnode import sim
from crdtnode.cli.simulate import simulate
from crdtnode.sim import PlanError, planfile
from crdtnode.sim.document import kind_of, to_document
from crdtnode.sim.planfile import parse_plan, read_plan
from crdtnode.sim.toml_lines import line_of, lines_of
from tests.sim.test_plan_documents import EVERY_FAULT

SHOP = """\
about = "Two halves of a shop."   # a comment with "quotes" and [brackets]
seed = 7
nodes = ["berlin", "paris", "rome"]
duration = "0.1min"

[network]
latency = "5-20ms"
loss = "10%"
[[network.links]]
source = "berlin"
target = "*"
link = { latency = "1ms", bandwidth = "2MB/s" }

[[writes]]
at = "500ms"
node = "rome"
type = "orset"
name = "a [b] = 'c' # d"
method = "update"
args = [["x",   # each of them
  "y"]]
[[writes]]
at = 3
node = "paris"
type = "pncounter@1"
name = "apples"
method = "increment"

[[faults]]
kind = "partition"
at = 1
groups = [["berlin..paris"], ["rome"]]
[[faults]]
kind = "heal"
at = 4.5

[expect]
converged_within = "5s"
"""


def called(*arguments: object) -> Result:
    return CliRunner().invoke(simulate, list(map(str, arguments)))


def test_a_plan_file_says_what_a_plan_in_python_says() -> None:
    network = sim.Network(
        sim.Latency.uniform(0.005, 0.02),
        loss=0.1,
        links=(
            sim.Between(
                "berlin", "*", sim.Link(sim.Latency.constant(0.001), bandwidth=2_000_000.0)
            ),
        ),
    )
    assert parse_plan(SHOP) == sim.Plan(
        seed=7,
        nodes=("berlin", "paris", "rome"),
        network=network,
        writes=(
            sim.Write(0.5, "rome", "orset@1", "a [b] = 'c' # d", "update", (["x", "y"],)),
            sim.Write(3.0, "paris", "pncounter@1", "apples", "increment"),
        ),
        faults=(sim.Partition(1.0, (("berlin", "paris"), ("rome",))), sim.Heal(4.5)),
        duration=6.0,
        expect=sim.Expectations(converged_within=5.0),
    )


def test_the_plan_in_the_documentation_is_one_and_holds() -> None:
    text = dedent((planfile.__doc__ or "").partition("::\n\n")[2])
    plan = parse_plan(text)
    assert plan.nodes == ("n1", "n2", "n3", "n4")
    assert len(plan.writes) == 101
    assert sim.run(plan).holds


def test_a_workload_is_drawn_from_the_seed_and_ends_when_it_says() -> None:
    text = "nodes = 3\n[workload]\ncount = 40\ntypes = ['gset']\nuntil = '5s'"
    plan, other = parse_plan(text, seed=1), parse_plan(text, seed=2)
    assert {write.type for write in plan.writes} == {"gset@1"}
    assert len(plan.writes) == len(other.writes) == 40
    assert max(write.at for write in plan.writes) <= 5
    assert plan.writes != other.writes


FAULT = 'nodes = 2\n\n[[faults]]\nkind = "crash"\nat = "1s"\nnode = "n1"\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (FAULT.replace("crash", "crush"), "line 4: faults[0].kind: 'crush' is unknown; did you"),
        (FAULT.replace('"n1"', '"n9"'), "line 6: faults[0]: no node is called 'n9'; did you mean"),
        (FAULT.replace("1s", "1sec"), "line 5: faults[0].at: 'sec' is no unit of at; did you mean"),
        (FAULT.replace("node =", "nodde ="), "line 6: faults[0].nodde is unknown; did you mean"),
        (FAULT.replace("1s", "soon"), "line 5: faults[0].at: 'soon' is no number with a unit"),
        (FAULT.replace('"1s"', "true"), "line 5: faults[0].at must be a number, not True"),
        (FAULT.replace("1s", "1h"), "line 5: faults[0].at is 3600.0 s, after the end of the plan"),
        (FAULT + "[netwrok]\n", "line 7: netwrok is unknown; did you mean 'network'?"),
        (FAULT + "[network]\nloss = '5s'", "'s' is no unit of loss; did you mean 5%?"),
        (FAULT + "[network]\nloss = 1.5", "line 8: network.loss must be a share"),
        (FAULT + "[network]\nmtu = '5kB'", "line 8: network.mtu must be a whole number"),
        (
            FAULT + "[workload]\ncount = 5\ntypes = [\n'gset',\n'orsat']",
            "line 11: workload.types[1]",
        ),
        (FAULT + "[workload]\n", "line 7: workload: a workload has a count or a rate"),
        (FAULT + "[workload]\ncount = -1", "line 8: workload.count must be 0 or more"),
        ("nodes = 2\nabout = 3", "line 2: about must be a text"),
        ("nodes = 2\nversion = 1", "line 2: version belongs into a plan as JSON"),
        ("nodes = 0", "line 1: nodes must be a number from 1 or a list of names"),
        ("nodes = true", "line 1: nodes must be a number"),
        ("seed = 1", "nodes is missing"),
        ("nodes = [\n'a',\n'a']", "line 1: nodes must be at least one name, each different"),
        ("nodes = 2\nnodes = 3", "line 2: this is no TOML: Cannot overwrite a value"),
        ("nodes = 2\nabout = " + "[" * 5000, "this is no TOML: it is nested too deeply"),
        ("nodes = ['']", "line 1: nodes[0]: a name cannot be empty"),
        ("nodes = [\n'a',\n'*']", "line 3: nodes[1]: '*' stands for every node"),
        ("nodes = ['a..b']", "line 1: nodes[0]: 'a..b' would be a range of nodes"),
        (
            "nodes = 3\nfaults = [\n{ kind = 'heal', at = 1 },\n{ kind = 'hael', at = 1 },\n]",
            "line 4: faults[1].kind: 'hael' is unknown; did you mean 'heal'?",
        ),
        (
            "nodes = 3\n[[faults]]\nkind = 'partition'\nat = 1\ngroups = [['n1..n7']]",
            "line 5: faults[0].groups: no node is called 'n7'",
        ),
        (
            SHOP.replace("increment", "incremint"),
            "line 27: writes[1].method: pncounter@1 has no 'incremint'; did you mean 'increment'?",
        ),
        (SHOP.replace("pncounter@1", "pncuonter"), "did you mean 'pncounter'?"),
        (SHOP + "[[expect.finals]]\ntype = 'gest'\n", "line 40: expect.finals[0].type"),
        (SHOP + "[[expect.finals]]\ntype = 'gset'\nname = 'x'\n", "finals[0].value is missing"),
        (SHOP + "violated = ['converge']\n", "line 39: expect.violated[0]: no check is called"),
        (SHOP.replace('"increment"', '"clone"'), "line 27: writes[1].method: pncounter@1 has no"),
        (
            SHOP.replace('"increment"', '"increment"\nargs = [1, 2]'),
            "line 28: writes[1].args: increment(amount): too many positional arguments",
        ),
        (SHOP.replace('"apples"', '""'), "line 26: writes[1].name: a name cannot be empty"),
        (SHOP.replace("berlin..paris", "paris..berlin"), "'paris..berlin' is no range"),
        (
            SHOP + "[[faults]]\nkind = 'clock-jump'\nat = 1\nnode = 'rome'\nby = inf",
            "line 43: faults[2].by must be seconds",
        ),
    ],
)
def test_what_is_wrong_is_named_by_its_line_and_the_nearest_word(
    text: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(PlanError) as caught:
        parse_plan(text)
    assert message in str(caught.value)
    file = tmp_path / "plan.toml"
    file.write_text(text)
    result = called(file)
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"{file}" in result.stderr
    assert message.removeprefix("line ") in result.stderr


def test_bytes_that_are_no_text_and_files_that_are_not_there_are_refused(tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_bytes(b"nodes = '\xff'")
    assert "no text in UTF-8" in called(tmp_path / "plan.toml").stderr
    (tmp_path / "plan.json").write_text("{")
    assert "this is no JSON" in called(tmp_path / "plan.json").stderr
    assert "No such file" in called(tmp_path / "none.toml").stderr


def test_a_plan_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_bytes(b"\xef\xbb\xbf" + SHOP.encode())
    assert read_plan(tmp_path / "plan.toml") == parse_plan(SHOP)


def test_a_write_that_its_type_refuses_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text(
        SHOP.replace('"increment"', '"increment"\nargs = [-3]').replace("pncounter", "gcounter")
    )
    result = called(tmp_path / "plan.toml")
    assert result.exit_code == 0
    assert (
        "1 write was refused by its type; first paris: gcounter@1/apples.increment(-3)"
        in result.stdout
    )
    (refused,) = json.loads(called(tmp_path / "plan.toml", "--json").stdout)["refused"]
    assert "an amount is at least 0" in refused


def test_a_plan_as_json_is_read_as_well(tmp_path: Path) -> None:
    plan = parse_plan(SHOP)
    (tmp_path / "plan.json").write_text(json.dumps(plan.to_json()))
    assert read_plan(tmp_path / "plan.json") == plan
    assert read_plan(tmp_path / "plan.json", seed=9).seed == 9


def test_the_help_of_a_plan_has_every_word_that_a_plan_may_hold() -> None:
    text = called("plan.toml", "--help").stdout
    for fault in EVERY_FAULT:
        words = to_document(fault)
        assert re.search(rf"^ +{kind_of(type(fault))}\b", text, re.MULTILINE), fault
        assert all(word in text for word in words)
    assert "restart: node, disk none | own | backup" in text
    assert "converged_within TIME" in text


def test_a_removal_names_types_as_writes_do() -> None:
    text = SHOP + "[[faults]]\nkind = 'remove'\nat = 5\nnode = 'rome'\ntype = 'orset'\nname = 'x'"
    assert parse_plan(text).faults[-1] == sim.Remove(5.0, "rome", "orset@1", "x")
    with pytest.raises(PlanError, match=r"line 43: faults\[2\].type: there is no type 'orsat'"):
        parse_plan(text.replace("'orset'", "'orsat'"))


def test_the_command_runs_a_plan_file(tmp_path: Path) -> None:
    file = tmp_path / "shop.toml"
    file.write_text(SHOP)
    result = called(file)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("holds: 3 nodes")
    assert result.stdout.endswith(f"again with: crdtnode simulate {file}\n")
    document = json.loads(called(file, "--json", "--seed", 9).stdout)
    assert document["trace_hash"] == sim.run(read_plan(file, seed=9)).trace_hash
    assert document["replay"].endswith("--seed 9")


@pytest.mark.process
def test_a_plan_may_come_from_standard_input() -> None:
    command = [sys.executable, "-m", "crdtnode", "simulate", "-"]
    ran = subprocess.run(command, input=SHOP, capture_output=True, text=True, check=True)
    assert ran.stdout.startswith("holds: 3 nodes")


def test_a_word_that_is_neither_file_nor_command_names_the_nearest_command() -> None:
    result = called("swep")
    assert result.exit_code == 2
    assert "did you mean 'sweep'?" in result.stderr


def places(value: Any, place: str = "") -> list[str]:
    """All places in a document, as they are spelled."""
    if isinstance(value, dict):
        inside = [(f"{place}.{key}" if place else key, item) for key, item in value.items()]
    elif isinstance(value, list):
        inside = [(f"{place}[{number}]", item) for number, item in enumerate(value)]
    else:
        inside = []
    return [place, *(p for where, item in inside for p in places(item, where))]


def test_every_place_of_a_document_has_its_line() -> None:
    text = SHOP + dedent('''\
        [odd."a.b".c]
        'x' = """
        [not.a.table]
        y = 1"""
        dotted.key = { a = [1, { b = 2 }], c = "}" }
        last = 2026-01-01 # ]
        ''')
    lines = lines_of(text)
    document = tomllib.loads(text)
    odd = document.pop("odd")
    assert [place for place in places(document)[1:] if place not in lines] == []
    assert lines["odd.a.b.c.dotted.key.a[1].b"] == lines["odd.a.b.c.x"] + 3
    assert lines["odd.a.b.c.last"] == len(text.splitlines())
    assert odd["a.b"]["c"]["x"].endswith("y = 1")
    assert lines["writes[0].args[0][1]"] == lines["writes[0].args"] + 1
    assert line_of("writes[1].nope.deeper[3]", lines) == lines["writes[1]"]
    assert line_of("nowhere", lines) is None
