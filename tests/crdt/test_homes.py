"""Types are imported when they are first asked for, and nobody notices."""

from __future__ import annotations

import ast
from importlib import import_module
import inspect
import json
import subprocess
import sys
from typing import Any

import pytest

import crdt
from crdt.homes import TYPES, find, imported

FAMILIES = ["counters", "graphs", "maps", "registers", "sequences", "sets", "trees"]
PACKAGES = ["crdt", *(f"crdt.{family}" for family in FAMILIES)]


def fresh(code: str) -> Any:
    """What a new Python prints, as JSON."""
    code = f"import json, sys\n{code}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def told_to_type_checkers(package: str) -> dict[str, str]:
    """Names and where they come from, as the part of a package says that never runs."""
    body = ast.parse(inspect.getsource(import_module(package))).body
    (block,) = [node for node in body if isinstance(node, ast.If)]
    assert ast.unparse(block.test) == "TYPE_CHECKING"
    told: dict[str, str] = {}
    for node in block.body:
        assert isinstance(node, ast.ImportFrom)
        assert node.module is not None
        told |= {alias.name: node.module for alias in node.names}
    return told


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_offers_what_it_tells_type_checkers(package: str) -> None:
    module, told = import_module(package), told_to_type_checkers(package)
    for name, home in told.items():
        assert getattr(module, name) is getattr(import_module(home), name)
    assert set(told) <= set(module.__all__) <= set(dir(module))
    assert [name for name in module.__all__ if not hasattr(module, name)] == []
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'Nonsense'"):
        module.Nonsense  # noqa: B018 (looking is the test)


def test_the_toolbox_offers_all_its_types() -> None:
    for home in TYPES.values():
        assert find(home) is getattr(crdt, home.partition(":")[2])
    assert set(told_to_type_checkers("crdt")) == {
        "Compound",
        "Constant",
        *(home.partition(":")[2] for home in TYPES.values()),
    }


def test_of_a_type_that_nobody_imported_there_is_no_object(monkeypatch: pytest.MonkeyPatch) -> None:
    assert imported("crdt.sets.gset:GSet") is crdt.GSet
    monkeypatch.delitem(sys.modules, "crdt.sets.gset")
    assert not isinstance(crdt.GSet(), imported("crdt.sets.gset:GSet"))
    assert not issubclass(crdt.GSet, imported("crdt.sets.gset:GSet"))


@pytest.mark.process
def test_importing_the_toolbox_imports_no_type_and_nothing_heavy() -> None:
    loaded = fresh("import crdt; print(json.dumps([*sys.modules]))")
    assert not {*loaded} & {
        *(home.partition(":")[0] for home in TYPES.values()),
        *PACKAGES[1:],
        *("crdt.causal", "crdt.compound", "crdt.native", "crdt.testing"),
        *("hypothesis", "trio", "msgpack"),
    }


@pytest.mark.process
def test_a_type_brings_no_other_one_with_it() -> None:
    ours = {home: home.partition(":")[0] for home in TYPES.values()}
    for home in (
        "crdt.sets.orset:ORSet",
        "crdt.counters.tallies:PNCounter",
        "crdt.flags:EnableWinsFlag",
    ):
        name = home.partition(":")[2]
        loaded = fresh(f"from crdt import {name}; print(json.dumps([*sys.modules]))")
        assert {module for module in ours.values() if module in loaded} == {ours[home]}


@pytest.mark.process
def test_a_star_and_submodules_work_without_asking_for_a_name_first() -> None:
    assert fresh(
        "import crdt\n"
        "assert {'Tree', 'Compound', 'acting', 'sets'} <= {*dir(crdt)}\n"
        "seen = [crdt.sets.ORSet.__name__, crdt.flags.EnableWinsFlag.__name__]\n"
        "from crdt import *\n"
        "print(json.dumps([*seen, Tree.__name__, Compound.__name__, tag_of(Text)]))"
    ) == ["ORSet", "EnableWinsFlag", "Tree", "Compound", "text@1"]


@pytest.mark.process
def test_a_class_that_came_in_by_another_door_has_its_tag() -> None:
    assert fresh(
        "import copy, pickle\n"
        "cls = pickle.loads(b'\\x80\\x04ccrdt.sets.gset\\nGSet\\n.')\n"
        "import crdt\n"
        "assert copy.deepcopy(cls) is copy.copy(cls) is cls\n"
        "tag, again = crdt.tag_of(cls), crdt.register(cls)\n"
        "print(json.dumps([tag, again is crdt.GSet is crdt.type_of(tag)]))"
    ) == ["gset@1", True]


@pytest.mark.process
def test_which_types_are_known_does_not_depend_on_which_were_used() -> None:
    asked = (
        "from crdt import catalogue, PNCounter\n"
        "from crdtnode.fingerprints import Fingerprints\n"
        "from crdtnode.registry.kinds import Kinds\n"
        "def known():\n"
        "    kinds = Kinds(Fingerprints(b'salt'), None)\n"
        "    return [catalogue.count(), *kinds.tags, kinds.tags_hash]\n"
        "before = known()\n"
        "unused = 'crdt.trees' not in sys.modules\n"
        "for tag in catalogue.tags(): catalogue.type_of(tag)\n"
        "print(json.dumps([unused, before, known()]))"
    )
    unused, before, after = fresh(asked)
    assert unused
    assert before == after
    assert before[:-1] == [len(TYPES), *sorted(TYPES)]


@pytest.mark.process
def test_threads_that_ask_at_once_get_the_same_classes() -> None:
    assert fresh(
        "import sys, threading\n"
        "sys.setswitchinterval(1e-6)\n"
        "import crdt\n"
        "from crdt import catalogue\n"
        "from crdt.homes import TYPES\n"
        "start, seen = threading.Barrier(8), []\n"
        "def ask():\n"
        "    start.wait()\n"
        "    names = [home.partition(':')[2] for home in TYPES.values()]\n"
        "    seen.append([(getattr(crdt, n), catalogue.type_of(t)) for n, t in zip(names, TYPES)])\n"
        "threads = [threading.Thread(target=ask) for _ in range(8)]\n"
        "for thread in threads: thread.start()\n"
        "for thread in threads: thread.join()\n"
        "print(json.dumps([len(seen), all(a is b for one in seen for a, b in one),\n"
        "    all(one == seen[0] for one in seen), catalogue.count() == len(TYPES)]))"
    ) == [8, True, True, True]
