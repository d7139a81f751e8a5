"""Every type keeps every law."""

from __future__ import annotations

import os
from typing import Any

import msgpack
import pytest

from crdt import type_of
from crdt.catalogue import tags
from crdt.testing import check_laws, subject_of
from crdt.testing.demand import through_json
from crdt.testing.subjects import lwwset


def through_msgpack(payload: Any) -> Any:
    packed = msgpack.packb(payload, use_bin_type=True)
    return msgpack.unpackb(
        packed, raw=False, strict_map_key=True, max_bin_len=0, max_ext_len=0, use_list=True
    )


EXAMPLES = int(os.environ.get("CRDTNODE_LAW_EXAMPLES", "300"))
"""Histories of each type; scripts/soak asks for more."""

BUILT_IN = [tag for tag in tags() if type_of(tag).__module__.startswith("crdt.")]


@pytest.mark.sweep
@pytest.mark.parametrize("tag", BUILT_IN)
def test_a_type_of_the_catalogue_keeps_every_law(tag: str) -> None:
    subject = subject_of(type_of(tag))
    check_laws(subject, examples=EXAMPLES, carriers=[through_json, through_msgpack])


@pytest.mark.sweep
def test_a_set_biased_towards_removing_keeps_every_law() -> None:
    check_laws(lwwset("remove"), examples=EXAMPLES, carriers=[through_json, through_msgpack])
